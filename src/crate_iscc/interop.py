"""Puts fingerprints into crates that are being made with ro-crate-py.

ro-crate-py holds a crate in memory until it is written; the files lie somewhere on disk and have
a destination inside the crate. Both are read here; nothing is written.
"""

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rocrate.model.dataset import Dataset
from rocrate.model.file import File
from rocrate.rocrate import ROCrate
from rocrate.utils import Mode

from crate_iscc.containers import container_of
from crate_iscc.crate.editing import Generator
from crate_iscc.crate.style import Style
from crate_iscc.crate.view import Crate, container_folders, recipe
from crate_iscc.crate.write import fingerprinted
from crate_iscc.errors import InputError, ReadError
from crate_iscc.file_table import FileFingerprint
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.jsonld import Document
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.manifest import (
    Manifest,
    manifest_lines,
)
from crate_iscc.paths import MANIFEST_FILE, crate_path, decode_id, encode_id, is_payload, printable
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.named import NamedFiles
from crate_iscc.version import __version__


def add_fingerprints(
    crate: ROCrate,
    *,
    jobs: int | None = None,
    kernel: Kernel | None = None,
    now: datetime | None = None,
    progress: ProgressSink = nobody,
) -> ROCrate:
    """Add ISCC-SUM, datahash and size to every file of a crate, and the codes of the whole.

    Call it when all files and directories have been added, before `crate.write`; what is
    written then verifies. Zarr directories become one container each, with their members in an
    `iscc-manifest.tsv` that is added to the crate. Returns the same crate, changed.

    Raises InputError for a file whose content is not on this disk (a URL to fetch, a stream),
    and ReadError if one cannot be read.
    """
    kernel = kernel or chosen_kernel()
    places = dict(_places(crate))
    places.update((path, place) for path, place in _unlisted(crate) if path not in places)
    tree = NamedFiles(places)
    listing = tree.listing()
    recorded = Crate(Document(crate.metadata.generate()))
    excluded = recipe(recorded).excluded
    payload = payload_of(listing, excluded=excluded, known_containers=container_folders(recorded))
    if not payload.entries and not payload.refused:
        raise InputError("the crate holds no file", hint="add files before their fingerprints")
    manifest = fingerprint_tree(
        tree, payload, kernel, jobs=jobs, excluded=excluded, progress=progress
    )
    if manifest.unread:
        first = manifest.unread[0]
        raise ReadError(f"cannot fingerprint {printable(first.path)}", cause=first.reason)
    if any(one.iscc is None for one in (manifest.root, *manifest.containers)):
        raise InputError("an .isccignore file among the files cannot be understood")
    described = None
    if manifest.containers or crate.dereference(MANIFEST_FILE) is not None:
        content = "".join(manifest_lines(manifest.files)).encode("utf-8")
        hasher = kernel.hasher()
        hasher.update(content)
        described = FileFingerprint(MANIFEST_FILE, hasher.finish())
        earlier = crate.dereference(MANIFEST_FILE)
        if earlier is not None:
            crate.delete(earlier)
        crate.add_file(_Rereadable(content), dest_path=MANIFEST_FILE)
    _list_files(crate, manifest, places)
    moment = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = Crate(Document(crate.metadata.generate()))
    after, _ = fingerprinted(
        before,
        manifest,
        manifest_file=described,
        generator=Generator(__version__, kernel.name, moment),
        style=Style.GRAPH,
    )
    _take_over(crate, before, after)
    return crate


class _Rereadable(io.BytesIO):
    """A stream that starts again after its end: a crate may be written more than once."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes; after the end was told once, start over."""
        data = super().read(size)
        if not data:
            self.seek(0)
        return data


def _places(crate: ROCrate) -> Iterator[tuple[str, Path]]:
    """Yield where each file goes in the crate and where its bytes are now."""
    for entity in crate.data_entities:
        if getattr(entity, "fetch_remote", False):
            raise InputError(
                f"the bytes of {printable(str(entity.source))} are not at hand",
                cause="they are to be fetched when the crate is written",
            )
        path = decode_id(entity.id)
        if path is None or path == MANIFEST_FILE or not isinstance(entity, File | Dataset):
            continue
        source = entity.source
        if isinstance(entity, File):
            if not isinstance(source, str | Path) or not Path(source).is_file():
                raise InputError(
                    f"the bytes of {printable(path)} are not at hand",
                    cause="its source is not a file on this disk",
                )
            yield crate_path(path), Path(source)
        elif isinstance(source, str | Path) and Path(source).is_dir():
            yield from _files_below(crate, Path(source), path.rstrip("/") + "/")
        elif source is not None:
            raise InputError(
                f"the bytes of {printable(path)} are not at hand",
                cause="its source is not a folder on this disk",
            )


def _unlisted(crate: ROCrate) -> Iterator[tuple[str, Path]]:
    """Yield the files that ro-crate-py copies along from the folder that a crate was read from."""
    if isinstance(crate.source, str | Path) and Path(crate.source).is_dir():
        for path, place in _files_below(crate, Path(crate.source), ""):
            if is_payload(path):
                yield path, place


def _files_below(crate: ROCrate, source: Path, prefix: str) -> Iterator[tuple[str, Path]]:
    """Yield the files that the library copies from a folder; names that it excludes are not."""
    names = frozenset(crate.exclude or ())
    folder = DirectoryTree(source)
    listing = folder.listing()
    for refused in listing.refused:
        if names.isdisjoint(refused.path.split("/")):
            raise ReadError(f"{printable(prefix + refused.path)}: {refused.reason}")
    for entry in listing.entries:
        if names.isdisjoint(entry.path.split("/")):
            yield crate_path(prefix + entry.path), folder.path / entry.path


def _list_files(crate: ROCrate, manifest: Manifest, places: dict[str, Path]) -> None:
    """Give each file outside of containers an entity: the library writes what it has one of."""
    listed = {decode_id(entity.id) for entity in crate.data_entities}
    containers = {container.path for container in manifest.containers}
    for file in manifest.files:
        if file.path not in listed and container_of(file.path, containers) is None:
            # ro-crate-py escapes the path itself, but not in a crate that it has read.
            path = encode_id(file.path) if crate.mode is Mode.READ else file.path
            crate.add_file(places[file.path], path)


def _take_over(crate: ROCrate, before: Crate, after: Crate) -> None:
    """Put what changed between two documents into the crate object."""
    for context in after.document.contexts():
        if isinstance(context, dict):
            crate.metadata.extra_terms.update(context)
    for entity_id in after.ids():
        new: dict[str, Any] = dict(after.occurrences(entity_id)[0])
        old = before.occurrences(entity_id)
        if old and old[0] == new:
            continue
        entity = crate.dereference(entity_id)
        if entity is None:
            crate.add_jsonld(new)
            continue
        for key, value in new.items():
            if not key.startswith("@") and (not old or old[0].get(key) != value):
                _set(crate, entity, key, value)


def _set(crate: ROCrate, entity: Any, key: str, value: Any) -> None:
    """Set a property; references are given as the entities that they point to, where these are."""
    values = value if isinstance(value, list) else [value]
    found = [
        (crate.dereference(item["@id"]) or item) if isinstance(item, dict) else item
        for item in values
    ]
    entity[key] = found if isinstance(value, list) else found[0]
