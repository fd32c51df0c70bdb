"""The codes over many files: what each covers, and how their bytes come to them in one read.

Members of a container follow each other in the root's order (IEP-0017 descends into one folder at a
time), so two codes at a time are enough: the root's, and one container's.
"""

import re
from array import array
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import CrateIsccError, ReadError
from crate_iscc.file_table import FileTable
from crate_iscc.fingerprinting.pieces import Ordered, TreeStream
from crate_iscc.kernel import Kernel, sharing
from crate_iscc.paths import covered_by_tree_code, folder_of, glob_matcher, in_treewalk, printable
from crate_iscc.sources import Tree, read_all


@dataclass(slots=True)
class Scope:
    """One code over many files: a folder, and the numbers of the files that it covers, in order.

    With a `problem` (an ignore file that cannot be understood) there is no code.
    """

    folder: str
    covered: "array[int]"
    problem: str | None = None
    iscc: Fingerprint | None = None


@dataclass(slots=True)
class Scopes:
    """The root's code and those of the containers, and the order in which they read the files."""

    order: "array[int]"
    root: Scope
    containers: tuple[Scope, ...]

    def __iter__(self) -> Iterator[Scope]:
        yield self.root
        yield from self.containers


def scopes_of(tree: Tree, entries: EntryTable, folders: Sequence[str]) -> Scopes:
    """Return what the code of the root and those of `folders` cover.

    The root itself may be among the folders; it has one code all the same.
    """
    order = in_treewalk(entries.path_column)
    rules, problems = _rules(tree, entries)
    root = _scope("", order, entries, rules, problems)
    members = {folder: entries.below(folder) for folder in folders if folder}
    found: dict[str, array[int]] = {folder: array("Q") for folder in members}
    owner = owners(len(entries), list(members.values()))
    names = list(members)
    for number in order if members else ():
        if owner[number]:
            found[names[owner[number] - 1]].append(number)
    containers = (
        _scope(folder, numbers, entries, rules, problems) for folder, numbers in found.items()
    )
    return Scopes(order, root, tuple(containers))


def owners(count: int, ranges: Sequence[range]) -> "array[int]":
    """Return for each of `count` numbers the place of the range that it is in, from 1; else 0."""
    owner = array("I", bytes(4 * count))
    for place, members in enumerate(ranges, 1):
        owner[members.start : members.stop] = array("I", (place,)) * len(members)
    return owner


def _rules(tree: Tree, entries: EntryTable) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the lines of each folder's `.isccignore`, and what is wrong with any of them."""
    rules: dict[str, tuple[str, ...]] = {}
    problems: dict[str, str] = {}
    for number, path in enumerate(entries.path_column):
        if path.endswith(b".isccignore") and path.rpartition(b"/")[2] == b".isccignore":
            entry = entries[number]
            try:
                rules[folder_of(entry.path)] = _lines(tree, entry)
            except CrateIsccError as error:
                reason = error.cause or error.message
                problems[folder_of(entry.path)] = f"{printable(entry.path)}: {reason}"
    return rules, problems


def _scope(
    folder: str,
    members: "array[int]",
    entries: EntryTable,
    rules: dict[str, tuple[str, ...]],
    problems: dict[str, str],
) -> Scope:
    """Return what the code of `folder` covers: its own ignore files count, not those above it."""
    problem = next((text for name, text in problems.items() if name.startswith(folder)), None)
    if problem:
        return Scope(folder, array("Q"), problem)
    cut = len(folder.encode("utf-8"))
    is_covered = covered_by_tree_code(
        {name[len(folder) :]: lines for name, lines in rules.items() if name.startswith(folder)}
    )
    paths = entries.path_column
    return Scope(
        folder,
        array("Q", (n for n in members if is_covered(paths[n][cut:].decode("utf-8")))),
    )


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


class ScopeRouting:
    """Takes the bytes of each file to the root's code and to that of its container."""

    ordered = True

    def __init__(self, scopes: Sequence[Scope], count: int, kernel: Kernel, pool: Executor) -> None:
        """`scopes` need a code: the root's may be among them; `count` files are to be read."""
        self._kernel = sharing(kernel)
        self._pool = pool
        self._scopes = scopes
        # Of each file: its container's place in `scopes`, from 1, and whether the root wants it.
        self._owner = array("I", bytes(4 * count))
        self._in_root = bytearray(count)
        for place, scope in enumerate(scopes, 1):
            for number in scope.covered:
                if scope.folder:
                    self._owner[number] = place
                else:
                    self._in_root[number] = 1
        self._root: TreeStream[Any] | None = None
        self._current = 0
        self._container: TreeStream[Any] | None = None
        self._done: list[tuple[Scope, Future[Any]]] = []

    def key(self, number: int) -> int:
        """Return a number that is the same for files that go into the same codes."""
        return 2 * self._owner[number] + self._in_root[number]

    def hasher_of(self, _scope: Scope) -> Ordered[Any]:
        """Return what takes the bytes of a scope."""
        return self._kernel.hasher()

    def settle(self, scope: Scope, code: Any) -> None:
        """Take what came of a scope."""
        scope.iscc = code

    def streams(self, key: int) -> Sequence[TreeStream[Any]]:
        """Return the codes for that key; a container's ends when the next one begins."""
        owner, in_root = divmod(key, 2)
        if in_root and self._root is None:
            self._root = TreeStream(self.hasher_of(self._root_scope()), self._pool)
        if owner and owner != self._current:
            self._end_container()
            hasher = self.hasher_of(self._scopes[owner - 1])
            self._container, self._current = TreeStream(hasher, self._pool), owner
        wanted = (self._root if in_root else None, self._container if owner else None)
        return [stream for stream in wanted if stream is not None]

    def _end_container(self) -> None:
        if self._container is not None:
            self._done.append((self._scopes[self._current - 1], self._container.finish()))
            self._container = None

    def _root_scope(self) -> Scope:
        return next(scope for scope in self._scopes if not scope.folder)

    def finish(self) -> None:
        """Set the codes of all scopes: those that were given no byte have the code of nothing."""
        self._end_container()
        if self._root is not None:
            self._done.append((self._root_scope(), self._root.finish()))
        given = set()
        for scope, future in self._done:
            self.settle(scope, future.result())
            given.add(scope.folder)
        for scope in self._scopes:
            if scope.folder not in given:
                self.settle(scope, self.hasher_of(scope).finish())


def settled_by_files(scope: Scope, entries: EntryTable) -> int | None:
    """Return the number of the one file of a scope that has any bytes; None if there are more."""
    filled = None
    for number in scope.covered:
        if entries.sizes[number]:
            if filled is not None:
                return None
            filled = number
    return filled


def same_bytes(one: Scope, two: Scope, entries: EntryTable) -> bool:
    """Tell whether two codes go over the same files, those without any byte aside."""
    if one.problem or two.problem:
        return False
    if one.covered == two.covered:
        return True
    if abs(len(one.covered) - len(two.covered)) > _FEW:
        return False
    sizes = entries.sizes
    return [n for n in one.covered if sizes[n]] == [n for n in two.covered if sizes[n]]


_FEW = 100
"""So many empty files may be in one of two scopes and not in the other, to be looked at closely."""


@dataclass(frozen=True, slots=True)
class Computed:
    """Which codes have to be computed, and which are others'.

    `alone` names the one file of which a scope has all its bytes, by folders; `like_root` are
    scopes with the bytes of the root.
    """

    scopes: tuple[Scope, ...]
    alone: Mapping[str, int]
    like_root: tuple[Scope, ...]

    @classmethod
    def of(cls, scopes: Scopes, entries: EntryTable) -> "Computed":
        """Return what has to be computed for these scopes: it follows from the listing alone."""
        alone = {
            scope.folder: number
            for scope in scopes
            if not scope.problem and (number := settled_by_files(scope, entries)) is not None
        }
        like_root = tuple(
            scope
            for scope in scopes.containers
            if scope.folder not in alone and same_bytes(scope, scopes.root, entries)
        )
        others = {scope.folder for scope in like_root} | set(alone)
        wanted = (scope for scope in scopes if not scope.problem and scope.folder not in others)
        return cls(tuple(wanted), alone, like_root)

    def settle_others(self, scopes: Scopes, entries: EntryTable, files: FileTable) -> None:
        """Set the codes that need not be computed, when those that do are known."""
        for scope in scopes:
            if scope.folder in self.alone:
                file = files.get(entries.path(self.alone[scope.folder]))
                scope.iscc = file.fingerprint if file else None
        for scope in self.like_root:
            scope.iscc = scopes.root.iscc
        drop_unread(scopes, entries, files)


def drop_unread(scopes: Scopes, entries: EntryTable, files: FileTable) -> None:
    """Take the code off each scope of which a file was not read: it is over other bytes."""
    if len(files) == len(entries):
        return
    unread = [number for number, path in enumerate(entries.paths()) if files.find(path) is None]
    for scope in scopes:
        if not set(unread).isdisjoint(scope.covered):
            scope.iscc = None
            scope.problem = scope.problem or "some of its files could not be read"
