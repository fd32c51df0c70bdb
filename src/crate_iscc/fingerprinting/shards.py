"""Reads one share of a payload, and makes of all shares what one reading would have made.

A share is a run of whole files in the order of the tree ISCC-SUM (IEP-0017), about as much work as
any other. Which files are in it follows from the listing alone: so shards need to know nothing of
each other, and each of them lists the whole payload.
"""

import contextlib
import os
import stat
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from typing import Any

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError, ReadError
from crate_iscc.file_table import FileTable
from crate_iscc.fingerprinting.part import Asked, Part, Shard, check_together
from crate_iscc.fingerprinting.pieces import Ordered
from crate_iscc.fingerprinting.reading import (
    hash_files,
    read_in_order,
    read_table,
    reading_options,
)
from crate_iscc.fingerprinting.scopes import Computed, Scope, ScopeRouting, Scopes, scopes_of
from crate_iscc.fingerprinting.tree import Payload
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import datahashes, parting
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.kernel.parts import PartState
from crate_iscc.manifest import Unread
from crate_iscc.packed import Column, FixedBytes, PackedBytes
from crate_iscc.paths import printable
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.sources import Tree, chunks
from crate_iscc.version import __version__

_BYTES_A_FILE = 16 << 10
"""As much work as reading so many bytes is one more file."""
_DIGEST = 32


@dataclass(frozen=True, slots=True)
class Division:
    """How a payload is divided: the numbers of its files in the order of shares, and the edges.

    Share k holds order[edges[k - 1]:edges[k]]. `listing` is a digest of all that it depends on.
    """

    order: "array[int]"
    edges: tuple[int, ...]
    listing: str

    @classmethod
    def of(
        cls, entries: EntryTable, scopes: Scopes | None, count: int, state: str = ""
    ) -> "Division":
        """Divide a payload: by the order of the codes over many files, else by paths.

        `state` is what is known of the tree as a whole.
        """
        order = scopes.order if scopes else array("Q", range(len(entries)))
        sizes = entries.sizes
        ends = array("Q", accumulate((sizes[n] + _BYTES_A_FILE for n in order), initial=0))
        total = ends.pop()
        # A file belongs to the share in which its first byte lies.
        edges = [bisect_left(ends, -(-share * total // count)) for share in range(count)]
        return cls(order, (*edges, len(order)), _listing_digest(entries, scopes, state))

    def share(self, shard: Shard) -> "array[int]":
        """Return the numbers of the files of a shard, in order."""
        return self.order[self.edges[shard.number - 1] : self.edges[shard.number]]


def _state_of(tree: Tree) -> str:
    """Return size and times of the file that a tree lies in: members of a zip have none of use."""
    if "://" in tree.subject:
        return ""
    with contextlib.suppress(OSError, ValueError):
        known = os.stat(tree.subject)
        if stat.S_ISREG(known.st_mode):
            return f"{known.st_size} {known.st_mtime_ns} {known.st_ctime_ns}"
    return ""


def _listing_digest(entries: EntryTable, scopes: Scopes | None, tree_state: str) -> str:
    """Return a digest of the files, their sizes and times, and of what the codes cover.

    Inodes and devices are left out: they are not the same on every machine that sees the files.
    """
    state = blake3(b"%d %b\n" % (len(entries), tree_state.encode("ascii")))
    state.update(entries.sizes.tobytes())
    if entries.stats is not None:
        state.update(entries.stats[0::4].tobytes())
        state.update(entries.stats[1::4].tobytes())
    for start in range(0, len(entries), _AT_ONCE):
        some = entries.path_column.between(start, min(start + _AT_ONCE, len(entries)))
        state.update(b"\0".join(some) + b"\0")
    for scope in scopes or ():
        covered = blake3(scope.covered.tobytes()).hexdigest()
        state.update(f"{scope.folder}\0{covered}\0{scope.problem or ''}\n".encode())
    return state.hexdigest()


_AT_ONCE = 4096


def read_shard(
    tree: Tree,
    payload: Payload,
    kernel: Kernel,
    shard: Shard,
    asked: Asked,
    *,
    jobs: int | None = None,
    gentle: bool = False,
    digests: DigestBook | None = None,
    progress: ProgressSink = nobody,
) -> Part:
    """Read the files of one shard, each once, and return what came of them.

    Raises InputError if codes are asked for of a kernel that computes none in parts.
    """
    entries = payload.entries
    parts = parting(kernel) if asked.codes else None
    scopes = scopes_of(tree, entries, payload.containers) if parts else None
    division = Division.of(entries, scopes, shard.count, _state_of(tree))
    share = division.share(shard)
    numbers = array("Q", sorted(share))
    place_of = {number: place for place, number in enumerate(numbers)}
    mine = entries.chosen(numbers)
    stretches: tuple[_Stretch, ...] = ()
    if scopes and parts:
        computed = Computed.of(scopes, entries)
        stretches = tuple(_stretches(computed.scopes, entries, place_of))
        files, unread = read_in_order(
            tree,
            mine,
            array("Q", (place_of[number] for number in share)),
            kernel,
            reading_options(jobs, gentle=gentle),
            partial(_ShareRouting, stretches, len(mine), kernel),
            progress=progress,
            sha256=asked.sha256,
            digests=digests,
        )
    else:
        files, unread = hash_files(
            tree,
            mine,
            datahashes(kernel),
            jobs=jobs,
            gentle=gentle,
            progress=progress,
            step="verifying",
            digests=digests,
        )
    empty = Part(
        shard=shard,
        asked=asked,
        listing=division.listing,
        all_files=len(entries),
        all_bytes=entries.size,
        size=mine.size,
        data=b"",
        instance=b"",
    )
    return _filled(empty, mine, files, unread, digests, stretches)


@dataclass(slots=True)
class _Stretch:
    """What of a scope lies in a share: bytes from `start` on, of `total` bytes of the whole scope.

    `scope` covers the files of the share, by their places.
    """

    scope: Scope
    start: int
    size: int
    total: int
    code: Fingerprint | PartState | None = None


def _stretches(
    scopes: Sequence[Scope], entries: EntryTable, place_of: dict[int, int]
) -> Iterator[_Stretch]:
    """Yield what of each scope lies in a share with any bytes."""
    sizes = entries.sizes
    for scope in scopes:
        start = size = total = 0
        places = array("Q")
        for number in scope.covered:
            place = place_of.get(number)
            if place is not None:
                if not places:
                    start = total
                places.append(place)
                size += sizes[number]
            total += sizes[number]
        if size:
            yield _Stretch(Scope(scope.folder, places), start, size, total)


class _ShareRouting(ScopeRouting):
    """Takes the bytes of a share to codes of folders, or to states of parts of them."""

    def __init__(
        self, stretches: Sequence[_Stretch], count: int, kernel: Kernel, pool: Executor
    ) -> None:
        super().__init__([one.scope for one in stretches], count, kernel, pool)
        self._parting = parting(kernel)
        self._stretches = {one.scope.folder: one for one in stretches}

    def hasher_of(self, scope: Scope) -> Ordered[Any]:
        """Return a hasher of the whole where all of it is here, else of a part."""
        stretch = self._stretches[scope.folder]
        if stretch.size == stretch.total:
            return super().hasher_of(scope)
        return self._parting.part_hasher(stretch.start, stretch.total)

    def settle(self, scope: Scope, code: Any) -> None:
        """Take what came of a scope."""
        stretch = self._stretches[scope.folder]
        if code.size == stretch.size:  # fewer, if a file was not read to its end
            stretch.code = code


def _filled(
    part: Part,
    mine: EntryTable,
    files: FileTable,
    unread: Sequence[Unread],
    digests: DigestBook | None,
    stretches: Sequence[_Stretch],
) -> Part:
    """Return a part with all that came of its files."""
    asked = part.asked
    count = len(mine)
    reasons = {mine.find(item.path) or 0: item for item in unread}
    read = [place for place in range(count) if place not in reasons]
    columns = files.columns
    texts = columns.sha256
    sha256 = FixedBytes(count, _DIGEST if asked.sha256 else 0)
    for row, place in enumerate(read if asked.sha256 and texts is not None else ()):
        sha256[place] = bytes.fromhex(texts[row].decode("ascii")) if texts is not None else b""
    known = {place: digests.digests(path) for place, path in enumerate(mine.paths()) if digests}
    spoilt = set(reasons)
    codes = {
        one.scope.folder: one.code for one in stretches if spoilt.isdisjoint(one.scope.covered)
    }
    if None in codes.values():
        raise ReadError("internal error: other bytes were hashed than were read")
    return replace(
        part,
        data=_placed(columns.data, read, count) if asked.codes else b"",
        instance=_placed(columns.instance, read, count),
        sha256=sha256.joined(0, count),
        unread=reasons,
        digests={place: found for place, found in known.items() if found},
        whole={folder: code for folder, code in codes.items() if isinstance(code, Fingerprint)},
        states={folder: code for folder, code in codes.items() if isinstance(code, PartState)},
    )


def _placed(column: Column, read: Sequence[int], count: int) -> bytes:
    """Return codes one behind the other: zeros in the places of files that were not read."""
    if len(read) == count:
        return column.joined(0, count)
    codes = FixedBytes(count, _DIGEST)
    for row, place in enumerate(read):
        codes[place] = column[row]
    return codes.joined(0, count)


class MergedParts:
    """All parts of one payload, as what has been read of it."""

    def __init__(self, parts: Sequence[Part], kernel: Kernel) -> None:
        """Raise InputError unless the parts make one whole that this kernel can join."""
        if not parts:
            raise InputError("there is nothing to merge", hint="give the parts of all shards")
        check_together(tuple(parts))
        self._parts = sorted(parts, key=lambda part: part.shard.number)
        self._kernel = kernel
        asked = self.asked
        here = replace(asked, kernel=kernel.name, version=__version__)
        if asked != here:
            raise InputError(
                "these parts were computed by another version of crate-iscc, or another kernel",
                cause=f"by {asked.version} with {asked.kernel}; here it is {here.version} with "
                f"{here.kernel}",
                hint="run shards and merge with one version and one kernel",
            )

    @property
    def asked(self) -> Asked:
        """What all parts have in common."""
        return self._parts[0].asked

    def files(
        self, tree: Tree, entries: EntryTable, digests: DigestBook, /
    ) -> tuple[FileTable, list[Unread]]:
        """Return the datahashes of all files, and what could not be read."""
        shares = self._shares(tree, entries, None)
        return self._table(entries, shares, sha256=False, digests=digests)

    def tree(
        self,
        tree: Tree,
        entries: EntryTable,
        scopes: Scopes,
        computed: Computed,
        /,
        *,
        sha256: bool,
        digests: DigestBook | None,
    ) -> tuple[FileTable, list[Unread]]:
        """Return the fingerprints of all files, and set the codes to be computed."""
        shares = self._shares(tree, entries, scopes)
        files, unread = self._table(entries, shares, sha256=sha256, digests=digests)
        lost = {entries.find(item.path) for item in unread}
        for scope in computed.scopes:
            if lost.isdisjoint(scope.covered):
                scope.iscc = self._code(scope, tree, entries, files)
        return files, unread

    def _shares(self, tree: Tree, entries: EntryTable, scopes: Scopes | None) -> "list[array[int]]":
        """Return the numbers of the files of each part, by their paths, if all is as it was."""
        count = len(self._parts)
        division = Division.of(entries, scopes, count, _state_of(tree))
        if self.asked.codes is not (scopes is not None) or any(
            part.listing != division.listing for part in self._parts
        ):
            raise InputError(
                "the parts are not of this dataset as it is now",
                cause="files, their sizes or their times are others than those that were listed",
                hint="run all shards again, while nothing writes to the dataset",
            )
        shares = [array("Q", sorted(division.share(part.shard))) for part in self._parts]
        for part, share in zip(self._parts, shares, strict=True):
            if part.files != len(share):
                raise InputError(
                    f"{printable(part.name)} has other files than its shard",
                    cause=f"it has {part.files}, the shard {len(share)}",
                )
        return shares

    def _table(
        self,
        entries: EntryTable,
        shares: "Sequence[array[int]]",
        *,
        sha256: bool,
        digests: DigestBook | None,
    ) -> tuple[FileTable, list[Unread]]:
        codes = self.asked.codes
        if sha256 and not self.asked.sha256:
            raise InputError(
                "the parts hold no sha256, which is to be written",
                hint="run all shards with --sha256",
            )
        data = FixedBytes(len(entries), _DIGEST if codes else 0)
        instance = FixedBytes(len(entries), _DIGEST)
        hashes = FixedBytes(len(entries), _DIGEST)
        unread: dict[int, str] = {}
        for part, share in zip(self._parts, shares, strict=True):
            is_run = len(share) > 0 and share[-1] - share[0] + 1 == len(share)
            if is_run:
                instance.set_run(share[0], part.instance)
                if codes:
                    data.set_run(share[0], part.data)
            for place, number in enumerate(share if sha256 or not is_run else ()):
                row = slice(_DIGEST * place, _DIGEST * (place + 1))
                instance[number] = part.instance[row]
                if codes:
                    data[number] = part.data[row]
                if sha256:
                    hashes[number] = part.sha256[row]
            unread |= {share[place]: item.reason for place, item in part.unread.items()}
            if digests:
                for place, found in part.digests.items():
                    digests.enter(entries.path(share[place]), found)
        self._check_digests(entries, digests, unread)
        texts = None
        if sha256:
            texts = PackedBytes(
                b"" if number in unread else digest.hex().encode("ascii")
                for number, digest in enumerate(hashes)
            )
        return read_table(entries, data, instance, texts, unread)

    def _check_digests(
        self, entries: EntryTable, digests: DigestBook | None, unread: dict[int, str]
    ) -> None:
        for path in digests.lacking() if digests else ():
            number = entries.find(path)
            if number is not None and number not in unread:
                raise InputError(
                    "the parts lack digests that are to be checked",
                    cause=f"{printable(path)}: the metadata changed after the shards were read",
                    hint="run all shards again",
                )

    def _code(self, scope: Scope, tree: Tree, entries: EntryTable, files: FileTable) -> Fingerprint:
        """Return the code of a scope of which all files were read."""
        total = sum(entries.sizes[number] for number in scope.covered)
        if not total:
            return self._kernel.hasher().finish()
        for part in self._parts:
            known = part.whole.get(scope.folder)
            if known and known.size == total:
                return known
        joiner = parting(self._kernel).part_joiner(total)
        again = _Again(scope, tree, entries, files)
        name = "a part"
        try:
            for part in self._parts:
                name = part.name
                state = part.states.get(scope.folder)
                if state:
                    joiner.add(state, again.read)
            return joiner.finish()
        except ValueError as error:
            raise InputError(
                f"{printable(name)} does not join to the others",
                cause=f"{printable(scope.folder) or 'the whole'}: {error}",
                hint="run all shards again",
            ) from error


class _Again:
    """Reads bytes of a scope a second time."""

    def __init__(self, scope: Scope, tree: Tree, entries: EntryTable, files: FileTable) -> None:
        self._scope = scope
        self._tree = tree
        self._entries = entries
        self._files = files
        self._starts: array[int] | None = None

    def read(self, start: int, size: int) -> Iterator[bytes]:
        """Yield some bytes of the scope. Raises ReadError if a file is not what it was.

        Files are read to their end: only then is it known that they are the same.
        """
        covered, sizes = self._scope.covered, self._entries.sizes
        if self._starts is None:
            self._starts = array("Q", accumulate((sizes[n] for n in covered), initial=0))
        starts, stop = self._starts, start + size
        place = bisect_left(starts, start + 1) - 1
        while place < len(covered) and starts[place] < stop:
            first, last = start - starts[place], stop - starts[place]
            yield from self._file(covered[place], max(0, first), last)
            place += 1

    def _file(self, number: int, first: int, last: int) -> Iterator[bytes]:
        entry = self._entries[number]
        known = self._files.get(entry.path)
        state, at = blake3(), 0
        for data in chunks(self._tree.open(entry)):
            state.update(data)
            piece = data[max(0, first - at) : max(0, last - at)]
            if piece:
                yield piece
            at += len(data)
        if known is None or state.digest() != known.fingerprint.instance:
            raise ReadError(
                f"{printable(entry.path)} cannot be read again",
                cause="it is not what it was when its shard was read",
            )
