"""The C module of the sources changes how fast files are listed and read, and nothing else."""

import os
import signal
import socket
import subprocess
import sys
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.codes import Fingerprint
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.choosing import kernel
from crate_iscc.manifest import Unread
from crate_iscc.sources import Listing, Tree, listing, quick
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.named import NamedFiles

if not listing.HAS_READING:
    pytest.skip("the C module was not compiled here", allow_module_level=True)

WriteTree = Callable[[Mapping[str, bytes]], Path]


@pytest.fixture
def without_c(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what has Python do the work from then on, as where there is no C module."""

    def switch() -> None:
        monkeypatch.setattr(listing, "HAS_READING", False)
        monkeypatch.setattr(quick, "HAS_READING", False)

    return switch


def columns(found: Listing) -> tuple[object, ...]:
    """Return a listing as values that can be compared."""
    entries = found.entries
    assert entries.stats is not None
    return (
        list(entries.paths()),
        entries.sizes.tolist(),
        entries.stats.tolist(),
        found.folders,
        found.refused,
    )


# --- listing -----------------------------------------------------------------------------------


def odd_tree(root: bytes) -> None:
    """Make a tree of all that a folder can hold."""
    for folder in (
        b"a",
        b"a/b",
        b"a-b",
        b"empty",
        b"a/b/empty too",
        b"\xc3\xbc",
        b"bad\xff",
        b"mixed",
    ):
        os.makedirs(root + folder)
    names = [b"a.b", b"a0", b"a b", b"\n", b"-", b"\xc3\xbc.txt", b"\xf0\x9f\x94\xac", b"x" * 255]
    for number, name in enumerate(names):
        for folder in (b"", b"a/", b"a/b/", b"\xc3\xbc/", b"mixed/", b"bad\xff/"):
            (Path(os.fsdecode(root + folder + name))).write_bytes(bytes(number))
    # Names that are not UTF-8, among others that are.
    for name in (b"\xff", b"a\xff", b"\xed\xa0\x80", b"zz\xfe"):
        Path(os.fsdecode(root + b"mixed/" + name)).write_bytes(b"1")
    os.symlink(b"a0", root + b"link")
    os.symlink(b"a", root + b"link to a folder")
    os.symlink(b"gone", root + b"a/dangling")
    os.symlink(b"link\xff", root + b"mixed/\xfdlink")
    os.mkfifo(root + b"pipe")
    os.mkfifo(root + b"mixed/pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root)
        server.bind("socket")
        os.chdir(here)
    os.utime(root + b"a0", ns=(0, -1_500_000_001))
    os.utime(root + b"a.b", ns=(0, 1 << 61))


def test_everything_is_listed_alike(tmp_path: Path, without_c: Callable[[], None]) -> None:
    """Order, states, folders and reasons: of links, pipes, sockets and names that are no text."""
    odd_tree(os.fsencode(tmp_path) + b"/")

    quickly = DirectoryTree(tmp_path).listing()
    without_c()
    slowly = DirectoryTree(tmp_path).listing()

    assert columns(quickly) == columns(slowly)
    assert len(quickly.entries) >= 8 * 5
    assert len(quickly.refused) >= 10
    assert {"empty/", "a/b/empty too/"} <= set(quickly.folders)


def test_a_folder_of_many_files_is_listed_alike(
    write_tree: WriteTree, without_c: Callable[[], None]
) -> None:
    """Long lists, with folders between the files."""
    random = Random(1)
    names = {f"{random.randrange(9999)}{random.choice(['', '/x', '.y'])}" for _ in range(3000)}
    files = {name: b"" for name in names if name + "/x" not in names}
    tree = DirectoryTree(write_tree(files))

    quickly = tree.listing()
    without_c()

    assert columns(quickly) == columns(tree.listing())
    assert set(quickly.entries.paths()) == set(files)


@pytest.mark.skipif(sys.platform == "darwin", reason="names are made other names there")
@given(
    names=st.lists(
        st.lists(
            st.text(
                st.characters(exclude_categories=["Cs"], exclude_characters="/\0"),
                min_size=1,
                max_size=8,
            ).filter(lambda name: name not in (".", "..")),
            min_size=1,
            max_size=3,
        ),
        max_size=12,
    )
)
def test_any_names_are_listed_alike(
    tmp_path_factory: pytest.TempPathFactory, names: list[list[str]]
) -> None:
    """Whatever files and folders are called."""
    root = tmp_path_factory.mktemp("any")
    for parts in names:
        place = root.joinpath(*parts)
        if not any(parent.is_file() for parent in place.parents) and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"1")

    quickly = DirectoryTree(root).listing()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(listing, "HAS_READING", False)
        slowly = DirectoryTree(root).listing()

    assert columns(quickly) == columns(slowly)


# --- reading -----------------------------------------------------------------------------------

CONTENTS = {
    **{f"small/{number:03d}": Random(number).randbytes(number * 7) for number in range(300)},
    **{f"empty/{number}": b"" for number in range(5)},
    **{f"large/{number}": Random(number).randbytes(3_000_000 + number) for number in range(2)},
}


def results(tree: Tree, found: Listing) -> tuple[list[tuple[str, Fingerprint]], list[Unread]]:
    """Return the codes of every file that was read, and the others."""
    files, unread = hash_files(tree, found.entries, kernel(), jobs=2, step="test")
    known = [(str(file.path), file.fingerprint) for file in files]
    return known, sorted(unread, key=lambda one: one.path)


DAMAGED = [
    "empty/1",
    "large/1",
    *(f"small/0{number}" for number in ("01", 10, 20, 30, 40, 50, 60, 70)),
]


def damage(root: Path) -> None:
    """Change files of CONTENTS in all the ways in which they can after they were listed."""
    (root / "small/001").unlink()
    (root / "small/010").write_bytes(b"shorter")
    (root / "small/020").write_bytes(bytes(20 * 7 + 1))
    os.utime(root / "small/030", ns=(0, 1))
    (root / "small/040").unlink()
    (root / "small/040").symlink_to("041")
    (root / "small/050").unlink()
    (root / "small/050").mkdir()
    (root / "small/060").unlink()
    os.mkfifo(root / "small/060")
    (root / "small/070").rename(root / "small/070 too")
    (root / "small/070").write_bytes(CONTENTS["small/070"])
    (root / "small/080").chmod(0o600)  # no change of what is in it
    (root / "empty/1").write_bytes(b"no more")
    os.truncate(root / "large/1", 1000)


@pytest.mark.parametrize("kind", ["directory", "named"])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_everything_is_read_alike(
    write_tree: WriteTree, without_c: Callable[[], None], kind: str, is_damaged: bool
) -> None:
    """The same codes, and the same reason for each file that was not read."""
    root = write_tree(CONTENTS)
    tree: Tree = DirectoryTree(root)
    if kind == "named":
        tree = NamedFiles({f"as {path}": root / path for path in CONTENTS})
    found = tree.listing()
    if is_damaged:
        damage(root)

    quickly = results(tree, found)
    without_c()
    slowly = results(tree, found)

    assert quickly == slowly
    assert [one.path.removeprefix("as ") for one in quickly[1]] == (DAMAGED if is_damaged else [])
    assert len(quickly[0]) + len(quickly[1]) == len(CONTENTS)


def test_the_c_module_is_what_reads(write_tree: WriteTree, without_c: Callable[[], None]) -> None:
    """The other tests of this file compare two ways, not one with itself."""
    tree = DirectoryTree(write_tree({"a": b"1", "b": b"22", "c": b""}))
    entries = tree.listing().entries
    room = memoryview(bytearray(3))

    together = tree.read_together(entries, array("q", [2, 0, 1]), room)
    mapping = tree.mapped(entries[1])

    assert together is not None
    assert mapping is not None
    assert [bytes(piece) for piece in together.files.pieces()] == [b"", b"1", b"22"]
    assert bytes(mapping.view) == b"22"
    mapping.settle()
    mapping.close()
    without_c()
    assert tree.read_together(entries, array("q", [0]), room) is None
    assert tree.mapped(entries[1]) is None


def test_a_file_of_no_byte_is_not_mapped(write_tree: WriteTree) -> None:
    """The system maps none of these."""
    tree = DirectoryTree(write_tree({"empty": b""}))

    assert tree.mapped(tree.listing().entries[0]) is None


def test_bytes_that_were_let_go_are_there_again(write_tree: WriteTree) -> None:
    """Nothing depends on whether somebody wants them once more."""
    content = Random(1).randbytes(1_000_003)
    tree = DirectoryTree(write_tree({"file": content}))
    mapping = tree.mapped(tree.listing().entries[0])
    assert mapping is not None

    for start, size in ((0, len(content)), (1, 4095), (5000, 500_000), (len(content) - 1, 1)):
        assert mapping.view == content
        mapping.let_go(start, size)
        assert mapping.view == content
    mapping.settle()
    mapping.close()


def test_more_files_than_can_be_mapped_are_read_all_the_same(write_tree: WriteTree) -> None:
    """The one that has no place any more is read as others are; places are given back."""
    tree = DirectoryTree(write_tree({"a": b"1"}))
    entry = tree.listing().entries[0]

    many = [tree.mapped(entry) for _ in range(513)]
    assert None not in many[:500]
    assert many[-1] is None
    for mapping in many:
        if mapping is not None:
            mapping.close()
    del many, mapping

    last = tree.mapped(entry)
    assert last is not None
    last.close()


# --- a file that is cut while it is mapped -----------------------------------------------------

HASH_A_FILE_THAT_IS_CUT = """\
import faulthandler, mmap, os, resource, signal, sys
from pathlib import Path

before, after, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if before == "ignored":
    signal.signal(signal.SIGBUS, signal.SIG_IGN)
if before == "a handler":
    signal.signal(signal.SIGBUS, lambda *_: print("handled", flush=True))
if before == "faulthandler":
    faulthandler.enable()

from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.choosing import kernel
from crate_iscc.sources.directory import DirectoryTree


class CutTree(DirectoryTree):
    def mapped(self, entry):
        mapping = super().mapped(entry)
        assert mapping is not None
        if entry.path == "cut":
            os.truncate(folder / "cut", 5_000_000)
        return mapping


tree = CutTree(folder)
files, unread = hash_files(tree, tree.listing().entries, kernel(), jobs=2, step="test")
print([file.path for file in files], [(one.path, one.reason) for one in unread], flush=True)
if after == "sent":
    os.kill(os.getpid(), signal.SIGBUS)
    print("lives", flush=True)
if after == "another mapping":
    with (folder / "whole").open("r+b") as file:
        other = mmap.mmap(file.fileno(), 0)
        file.truncate(0)
        print(other[5_000_000], flush=True)
"""
IS_REPORTED = "['whole'] [('cut', 'it was cut or could not be read while it was in use')]\n"


def hash_a_file_that_is_cut(
    write_tree: WriteTree, before: str, after: str
) -> "subprocess.CompletedProcess[str]":
    """Run that in a process of its own."""
    content = Random(1).randbytes(9_000_000)
    folder = write_tree({"cut": content, "whole": content})
    return subprocess.run(
        [sys.executable, "-c", HASH_A_FILE_THAT_IS_CUT, before, after, str(folder)],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        env={k: v for k, v in os.environ.items() if k != "PYTHONFAULTHANDLER"},
    )


@pytest.mark.parametrize("before", ["nothing", "ignored", "a handler", "faulthandler"])
def test_a_file_that_is_cut_while_it_is_hashed_is_reported(
    write_tree: WriteTree, before: str
) -> None:
    """The process lives, the other file has its codes, and nobody else hears of the signal."""
    ended = hash_a_file_that_is_cut(write_tree, before, "nothing")

    assert (ended.returncode, ended.stdout, ended.stderr) == (0, IS_REPORTED, "")


@pytest.mark.parametrize("before", ["nothing", "faulthandler"])
@pytest.mark.parametrize("after", ["sent", "another mapping"])
def test_a_bus_error_of_somebody_else_ends_the_process(
    write_tree: WriteTree, before: str, after: str
) -> None:
    """As it would without the handler; what has a handler of its own is asked."""
    ended = hash_a_file_that_is_cut(write_tree, before, after)

    assert ended.stdout == IS_REPORTED
    assert ended.returncode == -signal.SIGBUS
    assert ("Bus error" in ended.stderr) == (before == "faulthandler")


@pytest.mark.parametrize(
    ("before", "printed"), [("ignored", "lives\n"), ("a handler", "handled\nlives\n")]
)
def test_a_signal_that_is_sent_goes_where_it_went_before(
    write_tree: WriteTree, before: str, printed: str
) -> None:
    """Whoever ignores it, or has a handler for it, still does."""
    ended = hash_a_file_that_is_cut(write_tree, before, "sent")

    assert (ended.returncode, ended.stdout) == (0, IS_REPORTED + printed)
