"""Every file is read once, in order, by a bounded number of threads, and nothing stays behind."""

import itertools
import os
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest
from tree_wrappers import CountingTree

from crate_iscc.codes import Fingerprint
from crate_iscc.entries import EntryTable
from crate_iscc.fingerprinting.pieces import TreeStream
from crate_iscc.fingerprinting.reading import ReadingOptions, hash_files, read_in_order
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of, tree_code
from crate_iscc.kernel import Hasher
from crate_iscc.kernel.digest import DatahashHasher, DatahashKernel
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.manifest import (
    Unread,
)
from crate_iscc.progress import Progress, nobody
from crate_iscc.sources import Tree
from crate_iscc.sources.opening import open_tree
from crate_iscc.stretch import Bytes, Stretch

WriteTree = Callable[[Mapping[str, bytes]], Path]
MakeZip = Callable[..., Path]
ThreadsLeft = Callable[[], list[str]]

MIB = 1 << 20
FILES = {
    **{f"small/{n:04d}": Random(n).randbytes(n % 300) for n in range(700)},
    "a.zarr/zarr.json": b"{}",
    "a.zarr/0": Random(1).randbytes(5 * MIB + 7),
    "a.zarr/1": Random(2).randbytes(MIB),
    "b.zarr/zarr.json": b"{}",
    "large": Random(3).randbytes(9 * MIB),
    "empty": b"",
}


class Halt(BaseException):
    """What a test throws; it is no Exception, as an interruption by the user is none."""


class FailingKernel:
    """A kernel that runs out of memory once one of its hashers has taken too many bytes."""

    name = "failing 1"

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def hasher(self) -> Hasher:
        """Return a fresh hasher."""
        return FailingHasher(self.limit)


class FailingHasher:
    """A hasher that takes a limited number of bytes."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._hasher = NativeKernel().hasher()

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes, or fail."""
        self._left -= len(data)
        if self._left < 0:
            raise MemoryError("too many bytes")
        self._hasher.update(data)

    def finish(self) -> Fingerprint:
        """Return the fingerprint."""
        return self._hasher.finish()


def sparse(folder: Path, count: int, size: int) -> Path:
    """Write files that take no room on disk."""
    for number in range(count):
        with (folder / f"f{number}").open("wb") as file:
            file.truncate(size)
    return folder


def places(write_tree: WriteTree, make_zip: MakeZip) -> list[Path]:
    """Return a directory and two zips with the files."""
    return [write_tree(FILES), make_zip(FILES), make_zip(FILES, compression=8)]


# --- once ---------------------------------------------------------------------------------------


def test_every_file_is_read_once(write_tree: WriteTree, make_zip: MakeZip) -> None:
    """For all codes of files, containers and root, and sha256, each byte is read one time."""
    for place in places(write_tree, make_zip):
        with open_tree(place) as source:
            tree = CountingTree(source)
            payload = payload_of(tree.listing())

            fingerprint_tree(tree, payload, NativeKernel(), jobs=4, sha256=True)

        assert tree.opened == dict.fromkeys(FILES, 1)
        assert tree.closed == tree.opened
        assert tree.given == {path: len(content) for path, content in FILES.items()}


def test_only_ignore_files_are_read_twice(write_tree: WriteTree) -> None:
    """An `.isccignore` is read for its patterns and for its codes, every other file once."""
    files = {".isccignore": b"*.tmp\n", "a.tmp": b"1", "s/.isccignore": b"x\n", "s/x": b"2"}
    with open_tree(write_tree(files)) as source:
        tree = CountingTree(source)

        fingerprint_tree(tree, payload_of(tree.listing()), NativeKernel())

    assert tree.opened == {".isccignore": 2, "a.tmp": 1, "s/.isccignore": 2, "s/x": 1}
    assert tree.closed == tree.opened


def test_the_code_alone_reads_every_file_once(write_tree: WriteTree) -> None:
    """For the code of a tree each byte is read one time."""
    with open_tree(write_tree(FILES)) as source:
        tree = CountingTree(source)

        tree_code(tree, NativeKernel())

    assert tree.opened == dict.fromkeys(FILES, 1)
    assert tree.given.total() == sum(map(len, FILES.values()))


def test_hashing_one_by_one_reads_every_file_once(write_tree: WriteTree) -> None:
    """For codes of files alone each byte is read one time, and each file has its own."""
    with open_tree(write_tree(FILES)) as source:
        tree = CountingTree(source)
        entries = tree.listing().entries

        files, unread = hash_files(
            tree, entries, DatahashKernel(), jobs=3, progress=nobody, step="reading"
        )

    assert tree.opened == dict.fromkeys(FILES, 1)
    assert unread == []
    assert {file.path: file.fingerprint for file in files} == {
        path: _datahash(content) for path, content in FILES.items()
    }


def _datahash(content: bytes) -> Fingerprint:
    hasher = DatahashHasher()
    hasher.update(content)
    return hasher.finish()


# --- in order -----------------------------------------------------------------------------------


class Recorder:
    """Stands where a code over many files stands, and keeps the bytes that it is given."""

    def __init__(self, ends: threading.Event | None = None) -> None:
        self.taken = bytearray()
        self._ends = ends

    def take_files(self, files: Stretch, _chunks: bytes) -> "Future[None]":
        """Take whole files."""
        for piece in files.pieces():
            self.taken += piece
        return self._done()

    def take(self, data: memoryview, _ahead: bytes) -> "Future[None]":
        """Take the next bytes of a file."""
        self.taken += data
        return self._done()

    def _done(self) -> "Future[None]":
        future: Future[None] = Future()
        if self._ends is None:
            future.set_result(None)
        else:
            threading.Thread(target=lambda: self._end(future)).start()
        return future

    def _end(self, future: "Future[None]") -> None:
        assert self._ends is not None
        self._ends.wait()
        future.set_result(None)


class ToRecorders:
    """Sends files to recorders, the one with an even number to the first, the others to both."""

    ordered = True

    def __init__(self, recorders: list[Recorder], entries: EntryTable) -> None:
        self._recorders = recorders
        self._entries = entries

    def key(self, number: int, /) -> int:
        """Return the key of a file."""
        return number % 2

    def streams(self, key: int, /) -> list[TreeStream[Any]]:
        """Return the recorders of a key."""
        return cast("list[TreeStream[Any]]", self._recorders[: key + 1])

    def finish(self) -> None:
        """Do nothing at the end."""


@pytest.mark.parametrize("jobs", [1, 2, 5])
@pytest.mark.parametrize("quick", [True, False])
def test_bytes_come_in_the_order_that_was_asked_for(
    jobs: int, quick: bool, write_tree: WriteTree, make_zip: MakeZip
) -> None:
    """A code over many files gets all bytes of each, in order, whatever the number of threads."""
    for place in places(write_tree, make_zip):
        with open_tree(place) as source:
            tree = source if quick else CountingTree(source)
            entries = tree.listing().entries
            order = array("Q", range(len(entries)))
            Random(jobs).shuffle(order)
            recorders = [Recorder(), Recorder()]

            files, unread = read_in_order(
                tree,
                entries,
                order,
                NativeKernel(),
                ReadingOptions(jobs),
                lambda _pool, to=recorders, of=entries: ToRecorders(to, of),  # type: ignore[misc]
                progress=nobody,
            )

        contents = [FILES[entries[number].path] for number in order]
        odd = [FILES[entries[number].path] for number in order if number % 2]
        assert recorders[0].taken == b"".join(contents)
        assert recorders[1].taken == b"".join(odd)
        assert unread == []
        assert {file.path: file.fingerprint.size for file in files} == {
            path: len(content) for path, content in FILES.items()
        }


def test_nothing_to_read_leaves_no_thread(tmp_path: Path, threads_left: ThreadsLeft) -> None:
    """Where nothing is to be read, nothing comes and no thread stays."""
    with open_tree(tmp_path) as tree:
        found = hash_files(tree, tree.listing().entries, DatahashKernel(), jobs=4, step="reading")
    assert [list(part) for part in found] == [[], []]
    assert threads_left() == []


# --- bounded ------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_no_more_files_are_open_than_there_are_jobs(jobs: int, write_tree: WriteTree) -> None:
    """At most `jobs` files are being read at any time, whatever is to be computed."""
    with open_tree(write_tree(FILES)) as source:
        tree = CountingTree(source)

        fingerprint_tree(tree, payload_of(tree.listing()), NativeKernel(), jobs=jobs)

    assert 1 <= tree.most_open <= jobs


@pytest.mark.parametrize("jobs", [1, 3])
def test_readers_do_not_run_ahead_of_a_slow_code(jobs: int, tmp_path: Path) -> None:
    """Where a code takes its time, each thread stops after some MiB of its file."""
    ends = threading.Event()
    given = []

    def look() -> None:
        time.sleep(0.4)
        given.append(tree.given.total())
        ends.set()

    with open_tree(sparse(tmp_path, 6, 40 * MIB)) as source:
        tree = CountingTree(source)
        entries = tree.listing().entries
        looking = threading.Thread(target=look)
        looking.start()
        read_in_order(
            tree,
            entries,
            array("Q", range(len(entries))),
            NativeKernel(),
            ReadingOptions(jobs),
            lambda _pool: ToRecorders([Recorder(ends), Recorder(ends)], entries),
            progress=nobody,
        )
        looking.join()

    assert given[0] <= jobs * 10 * MIB
    assert tree.given.total() == 6 * 40 * MIB


# --- nothing stays behind -----------------------------------------------------------------------


def compute_all(tree: Tree, sink: Callable[[Progress], None]) -> None:
    fingerprint_tree(tree, payload_of(tree.listing()), NativeKernel(), jobs=2, progress=sink)


def compute_code(tree: Tree, sink: Callable[[Progress], None]) -> None:
    tree_code(tree, NativeKernel(), jobs=2, progress=sink)


def compute_files(tree: Tree, sink: Callable[[Progress], None]) -> None:
    entries = tree.listing().entries
    hash_files(tree, entries, DatahashKernel(), jobs=2, progress=sink, step="reading")


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, Halt])
@pytest.mark.parametrize("compute", [compute_all, compute_code, compute_files])
def test_an_exception_of_the_progress_function_leaves_no_thread(
    compute: Callable[[Tree, Callable[[Progress], None]], None],
    kind: type[BaseException],
    tmp_path: Path,
    threads_left: ThreadsLeft,
) -> None:
    """What the progress function raises reaches the caller, and every thread has ended by then."""
    sparse(tmp_path, 4, 40 * MIB)

    def sink(progress: Progress) -> None:
        if progress.done_bytes:
            raise kind("enough")

    with open_tree(tmp_path) as tree, pytest.raises(kind) as caught:
        compute(tree, sink)

    assert threads_left() == []
    assert caught.value.args == ("enough",)  # the exception is still held, with its frames


def test_a_process_ends_after_an_exception_of_the_progress_function(tmp_path: Path) -> None:
    """A program that keeps the exception it caught still comes to its end."""
    sparse(tmp_path, 4, 40 * MIB)
    program = """
import os
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.sources.opening import open_tree
from crate_iscc.stretch import Bytes, Stretch

def sink(progress):
    if progress.done_bytes:
        raise ValueError("enough")

kept = None
with open_tree(os.environ["DATASET"]) as tree:
    try:
        fingerprint_tree(tree, payload_of(tree.listing()), NativeKernel(), jobs=2, progress=sink)
    except ValueError as error:
        kept = error
print("caught", kept)
"""

    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "DATASET": str(tmp_path)},
        timeout=20,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("caught enough\n", "", 0)


@pytest.mark.parametrize("limit", [0, 100, MIB, 6 * MIB, 15 * MIB])
def test_a_failing_kernel_fails_the_work_and_leaves_no_thread(
    limit: int, write_tree: WriteTree, threads_left: ThreadsLeft
) -> None:
    """What a hasher raises reaches the caller, whichever code was being computed."""
    folder = write_tree(FILES)

    for compute in (
        lambda tree, kernel: fingerprint_tree(tree, payload_of(tree.listing()), kernel, jobs=2),
        lambda tree, kernel: tree_code(tree, kernel, jobs=2),
    ):
        with open_tree(folder) as tree, pytest.raises(MemoryError) as caught:
            compute(tree, FailingKernel(limit))

        assert threads_left() == []
        assert caught.value.args == ("too many bytes",)


def test_two_codes_that_fail_at_the_end_leave_no_thread(
    write_tree: WriteTree, threads_left: ThreadsLeft
) -> None:
    """Where the code of a container and that of the root both fail at last, both threads end."""
    files = {f"a.zarr/{n}": bytes(600_000) for n in range(4)} | {"a.zarr/zarr.json": b"{}"}
    with open_tree(write_tree(files)) as tree, pytest.raises(MemoryError) as caught:
        fingerprint_tree(
            tree, payload_of(tree.listing(), containers=("a.zarr/",)), FailingKernel(1_000_000)
        )

    assert threads_left() == []
    assert caught.value.args == ("too many bytes",)


def test_an_error_of_the_tree_itself_reaches_the_caller(
    write_tree: WriteTree, threads_left: ThreadsLeft
) -> None:
    """An error that says nothing about a file is no unread file: it is raised, and threads end."""

    def disturb(path: str, _given: int) -> None:
        if path == "large":
            raise ZeroDivisionError

    with open_tree(write_tree(FILES)) as source:
        tree = CountingTree(source, disturb)
        with pytest.raises(ZeroDivisionError) as caught:
            fingerprint_tree(tree, payload_of(tree.listing()), NativeKernel(), jobs=3)

        assert threads_left() == []
        assert tree.closed == tree.opened
    assert caught.type is ZeroDivisionError


def test_several_trees_can_be_read_at_once(write_tree: WriteTree) -> None:
    """Work on two trees in two threads gives what each gives alone."""
    folders = [write_tree(FILES), write_tree({**FILES, "more": b"more"})]

    def compute(folder: Path) -> object:
        with open_tree(folder) as tree:
            return fingerprint_tree(tree, payload_of(tree.listing()), NativeKernel(), jobs=2)

    expected = [compute(folder) for folder in folders]
    found: dict[int, object] = {}
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: compute(folders[n])}))
        for n in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[0], found[1]] == expected


# --- progress -----------------------------------------------------------------------------------


def check_progress(calls: list[Progress], step: str) -> None:
    """Compare what the progress function was told with what there was to do."""
    assert {call.step for call in calls} == {step}
    assert {call.total_files for call in calls} == {len(FILES)}
    assert {call.total_bytes for call in calls} == {sum(map(len, FILES.values()))}
    for call in calls:
        assert 0 <= call.done_bytes <= call.total_bytes
        assert 0 <= call.done_files <= call.total_files
    for one, two in itertools.pairwise(calls):
        assert one.done_bytes <= two.done_bytes
        assert one.done_files <= two.done_files
    assert calls[-1].done_bytes == calls[-1].total_bytes
    assert calls[-1].done_files == calls[-1].total_files


def test_progress_adds_up(write_tree: WriteTree, make_zip: MakeZip) -> None:
    """Bytes and files only grow, never beyond their totals, and end in them; of every source."""
    for place in places(write_tree, make_zip):
        for jobs in (1, 4):
            calls: list[Progress] = []
            with open_tree(place) as tree:
                fingerprint_tree(
                    tree,
                    payload_of(tree.listing()),
                    NativeKernel(),
                    jobs=jobs,
                    progress=calls.append,
                )

            check_progress(calls, "fingerprinting")


def test_progress_of_hashing_one_by_one_adds_up(write_tree: WriteTree) -> None:
    """The step has the name that the caller gave, and its numbers end in the totals."""
    calls: list[Progress] = []
    with open_tree(write_tree(FILES)) as tree:
        entries = tree.listing().entries
        hash_files(tree, entries, DatahashKernel(), jobs=3, progress=calls.append, step="reading")

    check_progress(calls, "reading")


def test_progress_counts_what_is_unread_as_done(write_tree: WriteTree) -> None:
    """Unread files are among the files that are done; their bytes are never counted twice."""
    folder = write_tree(FILES)
    calls: list[Progress] = []
    with open_tree(folder) as tree:
        payload = payload_of(tree.listing())
        (folder / "large").unlink()
        os.truncate(folder / "a.zarr/0", 100)

        manifest = fingerprint_tree(tree, payload, NativeKernel(), progress=calls.append)

    assert {type(item) for item in manifest.unread} == {Unread}
    assert len(manifest.unread) == 2
    assert calls[-1].done_files == calls[-1].total_files == len(FILES)
    assert all(call.done_bytes <= call.total_bytes for call in calls)


def test_progress_comes_from_the_callers_thread_and_not_too_often(write_tree: WriteTree) -> None:
    """The function is called by the thread that asked, about twenty times a second at most."""
    threads: list[int] = []
    with open_tree(write_tree(FILES)) as tree:
        payload = payload_of(tree.listing())
        started = time.monotonic()

        fingerprint_tree(
            tree, payload, NativeKernel(), progress=lambda _: threads.append(threading.get_ident())
        )

        seconds = time.monotonic() - started
    assert set(threads) == {threading.get_ident()}
    assert len(threads) <= seconds / 0.05 + 3


def test_progress_of_nothing_is_told_once(tmp_path: Path) -> None:
    """An empty tree is done when it begins."""
    calls: list[Progress] = []
    with open_tree(tmp_path) as tree:
        fingerprint_tree(tree, payload_of(tree.listing()), NativeKernel(), progress=calls.append)

    assert calls == [Progress("fingerprinting", 0, 0, 0, 0)]
