"""Records in a crate that a file was made from another one, with the fingerprints of both."""

import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.derivation import Derivation, End, with_derivation
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.view import Crate
from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError, ReadError, TrustError, WriteError
from crate_iscc.file_table import FileTable
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.manifest import treehash
from crate_iscc.metadata import MetadataFile, read_metadata
from crate_iscc.paths import CratePath, printable, signs_metadata
from crate_iscc.replacing import replacing
from crate_iscc.sources import Tree
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.named import NamedFiles
from crate_iscc.sources.opening import open_tree


@dataclass(frozen=True, slots=True)
class Derived:
    """A derivation as it was recorded; `was_there` tells that the metadata said so already.

    `stale` names the signatures that are of the metadata as they were without it.
    """

    made: Derivation
    was_there: bool
    stale: tuple[CratePath, ...] = ()


def derive(
    crate: str | Path,
    *,
    sources: Sequence[str],
    result: str,
    software: str,
    note: str | None = None,
    ended: datetime | None = None,
    kernel: Kernel | None = None,
) -> Derived:
    """Record in the metadata of a crate in a directory that `result` was made from `sources`.

    Each is a path inside the crate, of a file or a container, or a file elsewhere, which is then
    described by its name and its codes. One of them at least has to be in the crate. What is in the
    crate is read before: a derivation of what is not as recorded is not recorded.

    Raises InputError for what is no crate in a directory or no file, TrustError for a file that is
    not as recorded, ReadError, and WriteError if the metadata cannot be written.
    """
    with _opened(crate, software) as tree:
        metadata = read_metadata(tree, tree.top())
        described = Crate.parse(metadata.raw)
        ends = Ends(tree, described, kernel or chosen_kernel())
        made = Derivation(
            sources=tuple(ends.end(text) for text in sources),
            result=ends.end(result),
            software=" ".join(software.split()),
            note=note,
            ended=ended.isoformat(timespec="seconds") if ended else None,
        )
        if all(end.described for end in (*made.sources, made.result)):
            raise _no_end_in_it()
        if made.result.id in {end.id for end in made.sources}:
            raise InputError(f"nothing is made from itself: {printable(made.result.name)}")
        raw = with_derivation(described, made).document.dump()
        if raw == metadata.raw:
            return Derived(made, was_there=True)
        write_metadata(tree, metadata, raw)
        return Derived(made, False, tuple(filter(signs_metadata, ends.entries.paths())))


def check_derivable(
    crate: str | Path, *, sources: Sequence[str], result: str, software: str
) -> None:
    """Raise what `derive` would for what it is given, as far as that is known without reading."""
    with _opened(crate, software) as tree:
        described = Crate.parse(read_metadata(tree, tree.top()).raw)
        ends = Ends(tree, described, chosen_kernel())
        found = [ends.described(text) for text in (*sources, result)]
        if not any(found):
            raise _no_end_in_it()
        if os.path.abspath(result) in map(os.path.abspath, sources):
            raise InputError(f"nothing is made from itself: {printable(Path(result).name)}")


def _opened(crate: str | Path, software: str) -> DirectoryTree:
    if not software.strip():
        raise InputError("the software has no name", hint="--by 'Fiji 2.16'")
    tree = open_tree(crate, crc=False)
    if not isinstance(tree, DirectoryTree):
        tree.close()
        raise InputError(
            f"the metadata of a zip are not changed: {printable(str(crate))}",
            hint="unpack it, record it in the folder, and make a zip of that",
        )
    return tree


def _no_end_in_it() -> InputError:
    return InputError(
        "neither end of the derivation is in the crate",
        hint="name the file by its path inside the crate",
    )


class Ends:
    """Finds what the ends of a derivation are, and checks those that are in the crate."""

    def __init__(self, tree: DirectoryTree, crate: Crate, kernel: Kernel) -> None:
        self._tree = tree
        self._crate = crate
        self._kernel = kernel
        self._record: Recorded = recorded(crate)
        self.entries = tree.listing().entries

    def end(self, text: str) -> End:
        """Return what a text names: inside of the crate, or else a file elsewhere."""
        inside = self._inside(text)
        return self._in_crate(inside) if inside else self._elsewhere(text)

    def described(self, text: str) -> bool:
        """Tell whether a text names a thing in the crate; if so, the crate records its codes.

        Raises InputError where it does not, and for what is neither in the crate nor a file.
        """
        path = self._inside(text)
        if path:
            self._entity(path)
            if path.endswith("/"):
                self._recorded_container(path)
            else:
                self._recorded_file(path)
        elif not os.path.isfile(text):
            raise _not_found(text)
        return path is not None

    def _inside(self, text: str) -> CratePath | None:
        folder = text.rstrip("/") + "/"
        if text in self.entries:
            return CratePath(text)
        if self.entries.below(folder):
            return CratePath(folder)
        place = Path(os.path.abspath(text))
        if place.is_relative_to(self._tree.path):
            path = place.relative_to(self._tree.path).as_posix()
            if path in self.entries:
                return CratePath(path)
            if path != "." and self.entries.below(path + "/"):
                return CratePath(path + "/")
        return None

    def _in_crate(self, path: CratePath) -> End:
        entity_id = self._entity(path)
        if path.endswith("/"):
            self._check_container(path)
        else:
            self._check(path)
        return End(entity_id, path.rstrip("/").rpartition("/")[2])

    def _entity(self, path: CratePath) -> str:
        ids = self._crate.folders() if path.endswith("/") else {}
        entity_id = ids.get(path) or next(iter(self._crate.files().get(path, ())), None)
        if entity_id is None:
            raise InputError(
                f"the crate does not describe {printable(path)}",
                hint="describe it first: crate-iscc build",
            )
        return entity_id

    def _check(self, path: CratePath) -> None:
        known = self._recorded_file(path)
        found = _hashed(self._tree, self.entries, [self.entries.find(path)], DatahashKernel())
        if known.same_bytes(found[0].fingerprint) is not True:
            raise _not_as_recorded(path)

    def _recorded_file(self, path: CratePath) -> Fingerprint:
        file = self._record.manifest.files.get(path)
        if file is None or path not in self.entries or not file.fingerprint.verifiable:
            raise InputError(
                f"the crate records no fingerprint of {printable(path)}",
                hint="record it first: crate-iscc build",
            )
        return file.fingerprint

    def _check_container(self, folder: CratePath) -> None:
        known = self._recorded_container(folder)
        files = _hashed(self._tree, self.entries, self.entries.below(folder), DatahashKernel())
        if treehash(files, folder) != known:
            raise _not_as_recorded(folder)

    def _recorded_container(self, folder: CratePath) -> str:
        known = next((c for c in self._record.manifest.containers if c.path == folder), None)
        if known is None or known.treehash is None:
            raise InputError(
                f"the crate records no fingerprint of {printable(folder)}",
                hint="name a file, or record it as a container: crate-iscc build --container",
            )
        return known.treehash

    def _elsewhere(self, text: str) -> End:
        if "://" in text:
            raise InputError(
                f"only files can be fingerprinted here: {printable(text)}",
                hint="fetch it, and name the file",
            )
        with NamedFiles({Path(text).name: text}) as tree:
            entries = tree.listing().entries
            if not entries:
                raise _not_found(text)
            known = _hashed(tree, entries, [0], self._kernel)[0].fingerprint
        return End(known.iscc(), Path(text).name, known)


def _not_found(text: str) -> InputError:
    return InputError(
        f"not found: {printable(text)}", cause="it is neither in the crate nor a file"
    )


def _not_as_recorded(path: CratePath) -> TrustError:
    return TrustError(
        f"{printable(path)} is not as recorded",
        hint="see what is wrong: crate-iscc verify; or take it as it is: crate-iscc build",
    )


def _hashed(
    tree: Tree,
    entries: EntryTable,
    numbers: Iterable[int | None],
    kernel: Kernel | DatahashKernel,
) -> FileTable:
    """Return the fingerprints of files of a table. Raises ReadError if any cannot be read."""
    some = entries.chosen(array("q", [number for number in numbers if number is not None]))
    files, unread = hash_files(tree, some, kernel, step="reading")
    if unread:
        raise ReadError(f"cannot read {printable(unread[0].path)}", cause=unread[0].reason)
    return files


def write_metadata(tree: DirectoryTree, metadata: MetadataFile, raw: bytes) -> None:
    """Put new metadata in the place of those that were read. Raises WriteError."""
    place = tree.path / metadata.name
    try:
        if place.read_bytes() != metadata.raw:
            raise WriteError(
                f"{printable(str(place))} was written by somebody else meanwhile",
                hint="run this again",
            )
        with replacing(place) as file:
            file.write(raw)
    except OSError as error:
        raise WriteError(f"cannot write {printable(str(place))}", cause=error.strerror) from error
