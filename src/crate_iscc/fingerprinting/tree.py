"""Computes every code of a tree in one read: each file, each container, and the whole."""

from collections.abc import Callable, Collection, Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from crate_iscc.codes import Fingerprint
from crate_iscc.containers import find_containers
from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError, ReadError
from crate_iscc.file_table import FileTable
from crate_iscc.fingerprinting.cache import Cache
from crate_iscc.fingerprinting.reading import (
    ReadingOptions,
    hash_files,
    read_in_order,
    reading_options,
)
from crate_iscc.fingerprinting.scopes import (
    Computed,
    Scope,
    ScopeRouting,
    Scopes,
    scopes_of,
)
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Manifest, Recipe, TreeFingerprint, Unread, treehash
from crate_iscc.paths import (
    LEFTOVERS_BEGIN,
    NOT_PAYLOAD,
    NOT_PAYLOAD_FOLDERS,
    CratePath,
    glob_matcher,
    is_leftover,
    is_payload,
    printable,
    utf8_order,
)
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.report import Finding
from crate_iscc.sources import Listing, Tree, require_complete


@dataclass(frozen=True, slots=True)
class Payload:
    """What of a listing belongs to the payload, and the containers in it.

    `remarks` are those of the listing.
    """

    entries: EntryTable
    refused: tuple[Unread, ...]
    containers: tuple[str, ...]
    remarks: tuple[Finding, ...] = ()


def payload_of(
    listing: Listing,
    *,
    excluded: Sequence[str] = (),
    containers: Sequence[str] = (),
    known_containers: Collection[str] = (),
    never_excluded: Container[str] = (),
) -> Payload:
    """Return the payload of a crate: every file but those that describe it or are excluded.

    `excluded` and `containers` are patterns in the syntax of .gitignore; `known_containers` are
    folders that are containers in any case, `never_excluded` paths that no pattern leaves out.
    """
    belongs = _belonging(excluded, never_excluded)
    entries = listing.entries.without(_no_payload(listing.entries, belongs, excluded))
    refused = tuple(item for item in listing.refused if belongs(item.path))
    asked_for = glob_matcher(containers)
    found = find_containers(
        entries.paths(),
        lambda folder: folder in known_containers or asked_for(folder),
    )
    return Payload(entries, refused, found, listing.remarks)


def list_payload(
    tree: Tree,
    *,
    excluded: Sequence[str] = (),
    never_excluded: Container[str] = (),
    look: Callable[[EntryTable], None],
) -> Payload:
    """List a tree, and return the payload as payload_of does, without a look for containers.

    Of a million files there is one table then, and never a second one. `look` is called with all
    files, before those that are no payload are left out.
    """
    belongs = _belonging(excluded, never_excluded)

    def left_out(entries: EntryTable) -> Iterator[int]:
        look(entries)
        return _no_payload(entries, belongs, excluded)

    listing = tree.listing(left_out)
    refused = tuple(item for item in listing.refused if belongs(item.path))
    return Payload(listing.entries, refused, (), listing.remarks)


def _belonging(excluded: Sequence[str], never_excluded: Container[str]) -> Callable[[str], bool]:
    """Return what tells whether a path belongs to the payload."""
    matches = glob_matcher(excluded)
    return lambda path: is_payload(path) and (not matches(path) or path in never_excluded)


def _no_payload(
    entries: EntryTable, belongs: Callable[[str], bool], excluded: Sequence[str]
) -> Iterator[int]:
    """Yield the numbers of the files that do not belong to the payload."""
    numbers = range(len(entries)) if excluded else _perhaps_no_payload(entries)
    return (number for number in numbers if not belongs(entries.path(number)))


def describing(entries: EntryTable) -> Iterator[int]:
    """Yield the numbers of the files that are no payload of any crate (FORMAT, "Payload")."""
    return (n for n in _perhaps_no_payload(entries) if not is_payload(entries.path(n)))


def leftovers(entries: EntryTable) -> tuple[CratePath, ...]:
    """Return the paths of what builds left behind that were killed while they wrote."""
    return tuple(
        path
        for beginning in LEFTOVERS_BEGIN
        for number in entries.starting_with(beginning)
        if is_leftover(path := entries.path(number))
    )


def _perhaps_no_payload(entries: EntryTable) -> Iterator[int]:
    """Yield the numbers of the few files of which is_payload may say no."""
    for name in NOT_PAYLOAD:
        number = entries.find(name)
        if number is not None:
            yield number
    for folder in NOT_PAYLOAD_FOLDERS:
        yield from entries.below(folder)


class Given(Protocol):
    """What others have read of a payload, for this process to use as if it had read it itself."""

    def files(
        self, tree: Tree, entries: EntryTable, digests: DigestBook, /
    ) -> tuple[FileTable, list[Unread]]:
        """Return the datahashes of all files, and what could not be read.

        Raises InputError unless all of them were read by others, each once. Fills the book.
        """
        ...

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
        """Return the fingerprints of all files, likewise, and set the codes to be computed."""
        ...


def fingerprint_tree(
    tree: Tree,
    payload: Payload,
    kernel: Kernel,
    *,
    jobs: int | None = None,
    gentle: bool = False,
    sha256: bool = False,
    digests: DigestBook | None = None,
    excluded: Sequence[str] = (),
    cache: Cache | None = None,
    progress: ProgressSink = nobody,
    given: Given | None = None,
) -> Manifest:
    """Return the fingerprints of a payload: files, containers and root, in one read of each file.

    A tree that holds an unread file gets neither an ISCC-SUM nor a treehash. With a cache,
    nothing is read if nothing has changed; where a book asks for digests, everything is. What is
    `given` is not read again.
    """
    entries = payload.entries
    scopes = scopes_of(tree, entries, payload.containers)
    unread: list[Unread] = []
    files = None if digests else _remembered(entries, scopes, cache, sha256=sha256)
    if files is None:
        options = reading_options(jobs, gentle=gentle)
        files, unread = _read(
            tree, entries, scopes, kernel, options, sha256, progress, digests=digests, given=given
        )
        if cache and not unread:
            cache.store(
                entries, files, ((scope.covered, scope.iscc) for scope in scopes if scope.iscc)
            )
    unread.extend(payload.refused)
    by_folder = {scope.folder: scope for scope in scopes}
    return Manifest(
        files,
        tuple(_tree(by_folder[folder], files, unread) for folder in payload.containers),
        _tree(scopes.root, files, unread),
        tuple(sorted(unread, key=lambda item: utf8_order(item.path))),
        Recipe(tuple(excluded)),
    )


@dataclass(frozen=True, slots=True)
class TreeSums:
    """The codes of a tree of which every file was read: `dandi` where it was asked for."""

    iscc: Fingerprint
    dandi: str | None = None


def tree_sums(
    tree: Tree,
    kernel: Kernel,
    *,
    dandi: bool = False,
    jobs: int | None = None,
    gentle: bool = False,
    progress: ProgressSink = nobody,
) -> TreeSums:
    """Return the ISCC-SUM of every file of a tree, as the command `iscc-sum --tree` prints it.

    Nothing is left out but what IEP-0017 leaves out. With `dandi` the DANDI checksum of every file
    comes from the same read. Raises InputError if there is no file, and ReadError if any cannot be
    read: a code over a part of a tree must not exist.
    """
    listing = tree.listing()
    require_complete(tree, listing)
    if not listing.entries and not listing.refused:
        raise InputError(f"there is no file in {printable(tree.subject)}")
    scopes = scopes_of(tree, listing.entries, ())
    if scopes.root.problem:
        raise ReadError(
            f"no code can be given for {printable(tree.subject)}", cause=scopes.root.problem
        )
    unread: Sequence[Unread] = listing.refused
    files = FileTable.of(())
    book = DigestBook(dict.fromkeys(listing.entries.paths(), ("md5",)) if dandi else {})
    if not unread:
        files, unread = _read(
            tree,
            listing.entries,
            scopes,
            kernel,
            reading_options(jobs, gentle=gentle),
            False,
            progress,
            digests=book,
        )
    if unread or scopes.root.iscc is None:
        raise ReadError(
            f"no code can be given for {printable(tree.subject)}",
            cause=f"{printable(unread[0].path)}: {unread[0].reason}",
        )
    return TreeSums(scopes.root.iscc, dandi_of(files, book) if dandi else None)


def tree_code(
    tree: Tree,
    kernel: Kernel,
    *,
    jobs: int | None = None,
    gentle: bool = False,
    progress: ProgressSink = nobody,
) -> Fingerprint:
    """Return the ISCC-SUM that tree_sums does. Raises as that does."""
    return tree_sums(tree, kernel, jobs=jobs, gentle=gentle, progress=progress).iscc


def dandi_of(files: FileTable, book: DigestBook, folder: str = "") -> str:
    """Return the DANDI checksum of the files below a folder, of which the book knows the MD5.

    Raises KeyError where it does not.
    """
    # It loads OpenSSL, which few need.
    from crate_iscc.dandi import dandi_checksum

    return dandi_checksum(
        (file.path[len(folder) :], file.fingerprint.size or 0, book.digests(file.path)["md5"])
        for file in files.below(folder)
    )


def _remembered(
    entries: EntryTable, scopes: Scopes, cache: Cache | None, *, sha256: bool
) -> FileTable | None:
    """Return every file's fingerprint and set every scope's, if the cache knows them all."""
    files = cache.files(entries, sha256=sha256) if cache else None
    if cache is None or files is None:
        return None
    for scope in scopes:
        if not scope.problem:
            scope.iscc = cache.tree(files, scope.covered)
            if scope.iscc is None:
                return None
    return files


def _read(
    tree: Tree,
    entries: EntryTable,
    scopes: Scopes,
    kernel: Kernel,
    options: ReadingOptions,
    sha256: bool,
    progress: ProgressSink,
    digests: DigestBook | None = None,
    given: Given | None = None,
) -> tuple[FileTable, list[Unread]]:
    """Read every file once, and set the code of each scope.

    A scope whose bytes are those of one file, or of the root, has its code: it is not computed a
    second time.
    """
    computed = Computed.of(scopes, entries)
    if given is not None:
        files, unread = given.tree(tree, entries, scopes, computed, sha256=sha256, digests=digests)
    elif any(scope.covered for scope in computed.scopes):
        files, unread = read_in_order(
            tree,
            entries,
            scopes.order,
            kernel,
            options,
            partial(ScopeRouting, computed.scopes, len(entries), kernel),
            progress=progress,
            sha256=sha256,
            digests=digests,
        )
    else:
        files, unread = hash_files(
            tree,
            entries,
            kernel,
            jobs=options.jobs,
            gentle=options.gentle,
            progress=progress,
            step="fingerprinting",
            sha256=sha256,
            digests=digests,
        )
        for scope in computed.scopes:
            scope.iscc = kernel.hasher().finish()
    computed.settle_others(scopes, entries, files)
    return files, unread


def _tree(scope: Scope, files: FileTable, unread: Sequence[Unread]) -> TreeFingerprint:
    if any(f"{item.path}/".startswith(scope.folder) for item in unread):
        return TreeFingerprint(scope.folder)
    members = files.below(scope.folder)
    return TreeFingerprint(
        scope.folder, scope.iscc, treehash(members, scope.folder), len(members), members.size
    )
