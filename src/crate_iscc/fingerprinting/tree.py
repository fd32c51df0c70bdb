"""Computes every code of a tree in one read: each file, each container, and the whole."""

import os
import re
from array import array
from collections.abc import Collection, Container, Sequence
from contextlib import closing
from dataclasses import dataclass

from crate_iscc.codes import Fingerprint
from crate_iscc.containers import container_of, find_containers
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.fingerprinting.cache import Cache
from crate_iscc.fingerprinting.reading import Meter, StreamCode, read_files
from crate_iscc.kernel import Kernel, MakeHasher
from crate_iscc.kernel.digest import SizeHasher
from crate_iscc.manifest import (
    Manifest,
    Recipe,
    TreeFingerprint,
    Unread,
    treehash,
)
from crate_iscc.paths import (
    CratePath,
    folder_of,
    glob_matcher,
    in_treewalk,
    is_payload,
    printable,
    treewalk_order,
    utf8_order,
)
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.sources import Listing, Tree, read_all


def default_jobs() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Payload:
    """What of a listing belongs to the payload, and the containers in it."""

    entries: EntryTable
    refused: tuple[Unread, ...]
    containers: tuple[str, ...]


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
    matches = glob_matcher(excluded)

    def belongs(path: str) -> bool:
        return is_payload(path) and (path in never_excluded or not matches(path))

    asked_for = glob_matcher(containers)
    paths = enumerate(listing.entries.paths())
    entries = listing.entries.chosen(
        array("Q", (number for number, path in paths if belongs(path)))
    )
    found = find_containers(
        entries.paths(),
        lambda folder: folder in known_containers or asked_for(folder),
    )
    refused = tuple(item for item in listing.refused if belongs(item.path))
    return Payload(entries, refused, found)


@dataclass(slots=True)
class _Scope:
    """One code over many files: a folder, and the files that its code covers, in order.

    With a `problem` (an ignore file that cannot be understood) there is no code.
    """

    folder: str
    covered: tuple[CratePath, ...]
    problem: str | None = None
    iscc: Fingerprint | None = None


def fingerprint_tree(
    tree: Tree,
    payload: Payload,
    kernel: Kernel,
    *,
    jobs: int | None = None,
    sha256: bool = False,
    excluded: Sequence[str] = (),
    cache: Cache | None = None,
    progress: ProgressSink = nobody,
) -> Manifest:
    """Return the fingerprints of a payload: files, containers and root, in one read of each file.

    A tree that holds an unread file gets neither an ISCC-SUM nor a treehash. With a cache,
    nothing is read if nothing has changed.
    """
    scopes = _scopes(tree, payload)
    unread: list[Unread] = []
    files = _remembered(payload.entries, scopes, cache, sha256=sha256)
    if files is None:
        files, unread = _read(
            tree,
            payload.entries,
            scopes,
            kernel,
            kernel.hasher,
            jobs=jobs or default_jobs(),
            sha256=sha256,
            progress=progress,
        )
        if cache and not unread:
            _remember(cache, payload.entries, scopes, files)
    ordered = FileTable.of(files)
    unread.extend(payload.refused)
    root, *containers = scopes
    return Manifest(
        ordered,
        _container_trees(payload.containers, containers, root, ordered, unread),
        _tree(root, ordered, unread),
        tuple(sorted(unread, key=lambda item: utf8_order(item.path))),
        Recipe(tuple(excluded)),
    )


def tree_code(
    tree: Tree,
    kernel: Kernel,
    *,
    jobs: int | None = None,
    progress: ProgressSink = nobody,
) -> Fingerprint:
    """Return the ISCC-SUM of every file of a tree, as the command `iscc-sum --tree` prints it.

    Nothing is left out but what IEP-0017 leaves out. Raises InputError if there is no file, and
    ReadError if any cannot be read: a code over a part of a tree must not exist.
    """
    listing = tree.listing()
    if not listing.entries and not listing.refused:
        raise InputError(f"there is no file in {printable(tree.subject)}")
    scope, *_ = _scopes(tree, Payload(listing.entries, (), ()))
    if scope.problem:
        raise ReadError(f"no code can be given for {printable(tree.subject)}", cause=scope.problem)
    unread: Sequence[Unread] = listing.refused
    if not unread:
        _, unread = _read(
            tree,
            listing.entries,
            [scope],
            kernel,
            SizeHasher,
            jobs=jobs or default_jobs(),
            sha256=False,
            progress=progress,
        )
    if unread or scope.iscc is None:
        raise ReadError(
            f"no code can be given for {printable(tree.subject)}",
            cause=f"{printable(unread[0].path)}: {unread[0].reason}",
        )
    return scope.iscc


def _scopes(tree: Tree, payload: Payload) -> list[_Scope]:
    """Return what each tree code covers: the root's first, then each container's."""
    rules: dict[str, tuple[str, ...]] = {}
    problems: dict[str, str] = {}
    for entry in payload.entries:
        if entry.path.rpartition("/")[2] == ".isccignore":
            folder = folder_of(entry.path)
            try:
                rules[folder] = _lines(tree, entry)
            except CrateIsccError as error:
                problems[folder] = f"{printable(entry.path)}: {error.cause or error.message}"
    members: dict[str, list[CratePath]] = {folder: [] for folder in payload.containers if folder}
    for entry in payload.entries:
        container = container_of(entry.path, members.keys())
        if container:
            members[container].append(entry.path)
    return [
        _scope("", [entry.path for entry in payload.entries], rules, problems),
        *(_scope(folder, paths, rules, problems) for folder, paths in members.items()),
    ]


def _scope(
    folder: str,
    paths: list[CratePath],
    rules: dict[str, tuple[str, ...]],
    problems: dict[str, str],
) -> _Scope:
    """Return what the code of `folder` covers: its own ignore files count, not those above it."""
    cut = len(folder)
    inside = [CratePath(path[cut:]) for path in paths]
    own_rules = {name[cut:]: lines for name, lines in rules.items() if name.startswith(folder)}
    problem = next((text for name, text in problems.items() if name.startswith(folder)), None)
    covered = () if problem else in_treewalk(inside, own_rules)
    return _Scope(folder, tuple(CratePath(folder + path) for path in covered), problem)


def _lines(tree: Tree, entry: Entry) -> tuple[str, ...]:
    """Return the lines of an ignore file. Raises CrateIsccError if it cannot be understood."""
    try:
        text = read_all(tree, entry, limit=1 << 20).decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReadError(f"{entry.path} is not UTF-8", cause=str(error)) from error
    # Not splitlines: a name in a pattern may hold any other line separator of Unicode.
    lines = tuple(re.split("\r\n|\r|\n", text))
    glob_matcher(lines)
    return lines


def _remembered(
    entries: Collection[Entry], scopes: list[_Scope], cache: Cache | None, *, sha256: bool
) -> list[FileFingerprint] | None:
    """Return every file's fingerprint and set every scope's, if the cache knows them all."""
    if cache is None:
        return None
    files: dict[CratePath, FileFingerprint] = {}
    for entry in entries:
        known = cache.file(entry, sha256=sha256)
        if known is None:
            return None
        files[entry.path] = known
    for scope in scopes:
        if scope.problem:
            continue
        scope.iscc = cache.tree([files[path] for path in scope.covered])
        if scope.iscc is None:
            return None
    return list(files.values())


def _remember(
    cache: Cache, entries: Collection[Entry], scopes: list[_Scope], files: list[FileFingerprint]
) -> None:
    by_path = {file.path: file for file in files}
    cache.store(
        [(entry, by_path[entry.path]) for entry in entries],
        [([by_path[path] for path in scope.covered], scope.iscc) for scope in scopes if scope.iscc],
    )


def _read(
    tree: Tree,
    entries: Collection[Entry],
    scopes: list[_Scope],
    kernel: Kernel,
    file_hasher: MakeHasher,
    *,
    jobs: int,
    sha256: bool,
    progress: ProgressSink,
) -> tuple[list[FileFingerprint], list[Unread]]:
    """Read every file once, in the root's order, and set the code of each scope.

    Members of a container follow each other in the root's order (IEP-0017 descends into one
    folder at a time), so two streams at a time are enough: the root's and one container's.
    """
    files: list[FileFingerprint] = []
    unread: list[Unread] = []
    root, *containers = scopes
    in_root = frozenset(root.covered)
    owner = {path: scope for scope in containers for path in scope.covered}
    in_order_of_root = sorted(entries, key=lambda entry: treewalk_order(entry.path))
    meter = Meter("fingerprinting", entries, progress)
    messages = read_files(
        tree, in_order_of_root, file_hasher, jobs=jobs, with_bytes=True, sha256=sha256
    )
    with closing(messages), _Streams(kernel) as streams:
        for message in messages:
            meter.take(message)
            if isinstance(message, FileFingerprint):
                files.append(message)
            elif isinstance(message, Unread):
                unread.append(message)
            else:
                path = message.entry.path
                if path in in_root:
                    streams.feed(0, root, message.data)
                if path in owner:
                    streams.feed(1, owner[path], message.data)
    for scope in scopes:
        if scope.iscc is None and not scope.problem:  # it covers no byte
            scope.iscc = kernel.hasher().finish()
    meter.finish()
    return files, unread


class _Streams:
    """The tree codes under way, one in each lane; a scope's code is set when the next begins."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._lanes: dict[int, tuple[_Scope, StreamCode]] = {}

    def feed(self, lane: int, scope: _Scope, data: bytes) -> None:
        """Hand the next bytes of a scope to its code."""
        current = self._lanes.get(lane)
        if current is None or current[0] is not scope:
            self._settle(lane)
            current = self._lanes[lane] = (scope, StreamCode(self._kernel.hasher))
        current[1].update(data)

    def _settle(self, lane: int) -> None:
        if lane in self._lanes:
            scope, code = self._lanes.pop(lane)
            scope.iscc = code.finish()

    def __enter__(self) -> "_Streams":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        try:
            for lane in tuple(self._lanes) if kind is None else ():
                self._settle(lane)
        finally:
            for _, code in self._lanes.values():
                code.abandon()


def _container_trees(
    folders: Sequence[str],
    scopes: list[_Scope],
    root: _Scope,
    files: FileTable,
    unread: list[Unread],
) -> tuple[TreeFingerprint, ...]:
    by_folder = {scope.folder: scope for scope in scopes} | {"": root}
    return tuple(_tree(by_folder[folder], files, unread) for folder in folders)


def _tree(scope: _Scope, files: FileTable, unread: list[Unread]) -> TreeFingerprint:
    if any(f"{item.path}/".startswith(scope.folder) for item in unread):
        return TreeFingerprint(scope.folder)
    members = files.below(scope.folder)
    return TreeFingerprint(
        scope.folder,
        scope.iscc,
        treehash(members, scope.folder),
        len(members),
        sum(file.fingerprint.size or 0 for file in members),
    )
