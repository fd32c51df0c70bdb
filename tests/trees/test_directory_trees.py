"""A directory gives only regular files, each in the one state in which it was listed."""

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import TypeVar

import pytest

from crate_iscc.entries import Entry
from crate_iscc.errors import InputError, ReadError
from crate_iscc.paths import CratePath
from crate_iscc.sources import ByteStream, read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.named import NamedFiles

T = TypeVar("T")
WriteTree = Callable[[Mapping[str, bytes]], Path]

has_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
has_sockets = pytest.mark.skipif(
    not hasattr(socket, "AF_UNIX"), reason="the system has no sockets in folders"
)
LARGE = Random(5).randbytes(3 << 20)


def promptly(work: Callable[[], T]) -> T:
    """Return what `work` returns; fail if it is not done within some seconds."""
    results: list[T] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # raised again below
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it hangs"
    if errors:
        raise errors[0]
    return results[0]


def touch_later(path: Path) -> None:
    """Give a file a modification time that differs, whatever the clock of the file system."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def drain(stream: ByteStream) -> int:
    """Read a stream to its end and return how many bytes came."""
    buffer = memoryview(bytearray(1 << 20))
    return sum(iter(lambda: stream.readinto(buffer), 0))


def link_to_file(place: Path) -> None:
    place.symlink_to(place.parent / "regular.txt")


def link_to_folder(place: Path) -> None:
    place.symlink_to(place.parent / "folder", target_is_directory=True)


def dangling_link(place: Path) -> None:
    place.symlink_to("nowhere")


def link_to_itself(place: Path) -> None:
    place.symlink_to(place.name)


def link_upwards(place: Path) -> None:
    place.symlink_to("..", target_is_directory=True)


def pipe(place: Path) -> None:
    os.mkfifo(place)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (link_to_file, "a symbolic link, which is not followed"),
        (link_to_folder, "a symbolic link, which is not followed"),
        (dangling_link, "a symbolic link, which is not followed"),
        (link_to_itself, "a symbolic link, which is not followed"),
        (link_upwards, "a symbolic link, which is not followed"),
        pytest.param(pipe, "a named pipe, not a regular file", marks=has_pipes),
    ],
)
def test_what_is_no_regular_file_is_refused_by_name(
    make: Callable[[Path], None], reason: str, write_tree: WriteTree
) -> None:
    """Links and pipes are refused with their kind, and nothing behind them is listed."""
    folder = write_tree({"regular.txt": b"1", "folder/inside.txt": b"2"})
    make(folder / "folder/odd")
    make(folder / "odd")

    listing = promptly(DirectoryTree(folder).listing)

    assert {entry.path for entry in listing.entries} == {"regular.txt", "folder/inside.txt"}
    assert listing.folders == ("folder/",)
    assert {item.path: item.reason for item in listing.refused} == {
        "odd": reason,
        "folder/odd": reason,
    }
    assert not any(item.is_file for item in listing.refused)


@has_sockets
def test_a_socket_is_refused_by_name(
    write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket in a folder is refused with its kind."""
    folder = write_tree({"regular.txt": b"1"})
    monkeypatch.chdir(folder)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")

        listing = promptly(DirectoryTree(folder).listing)

    assert [entry.path for entry in listing.entries] == ["regular.txt"]
    assert [(i.path, i.reason) for i in listing.refused] == [
        ("socket", "a socket, not a regular file")
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no such device")
def test_a_device_is_refused_by_name(tmp_path: Path) -> None:
    """A device among the files is refused with its kind."""
    try:
        os.mknod(tmp_path / "device", stat.S_IFCHR | 0o600, os.stat("/dev/full").st_rdev)
    except PermissionError:
        pytest.skip("only root may make a device")

    listing = promptly(DirectoryTree(tmp_path).listing)

    assert [(i.path, i.reason) for i in listing.refused] == [
        ("device", "a device, not a regular file")
    ]


@has_pipes
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that took the place of a listed file is a ReadError, at once."""
    os.mkfifo(tmp_path / "pipe")
    tree = DirectoryTree(tmp_path)

    with pytest.raises(ReadError, match="no regular file any more"):
        promptly(lambda: tree.open(Entry(CratePath("pipe"), 0)))


def test_two_names_of_one_file_are_two_files(write_tree: WriteTree) -> None:
    """A hard link is a regular file like any other."""
    folder = write_tree({"one": b"same"})
    os.link(folder / "one", folder / "two")
    tree = DirectoryTree(folder)

    listing = tree.listing()

    assert {entry.path: read_all(tree, entry) for entry in listing.entries} == {
        "one": b"same",
        "two": b"same",
    }
    assert listing.refused == ()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always Unicode")
def test_a_name_that_is_not_utf8_is_refused(write_tree: WriteTree) -> None:
    """A name that no crate can hold is refused, shown as escapes; other files are listed."""
    folder = write_tree({"good": b"1", "sub/good": b"2"})
    for raw in (b"bad-\xff", b"sub/bad-\xe9"):
        (folder / os.fsdecode(raw)).write_bytes(b"3")
    os.mkdir(os.fsencode(folder) + b"/dir-\xfe")
    (folder / os.fsdecode(b"dir-\xfe") / "inside").write_bytes(b"4")

    listing = DirectoryTree(folder).listing()

    assert {entry.path for entry in listing.entries} == {"good", "sub/good"}
    assert {item.path: item.reason for item in listing.refused} == {
        r"bad-\udcff": "the name is not valid UTF-8",
        r"sub/bad-\udce9": "the name is not valid UTF-8",
        r"dir-\udcfe": "the name is not valid UTF-8",
    }
    for item in listing.refused:
        item.path.encode("utf-8")  # can be printed and hashed


@pytest.mark.skipif(os.name == "nt", reason="the system forbids such names")
def test_control_characters_are_part_of_a_name(write_tree: WriteTree) -> None:
    """A line end, a tab or a bell in a name is kept as it is."""
    files = {"a\nb": b"1", "c\td": b"2", "\x07\x1b[31m": b"3", "back\\slash": b"4"}
    tree = DirectoryTree(write_tree(files))

    found = {entry.path: read_all(tree, entry) for entry in tree.listing().entries}

    assert found == files


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other limits")
def test_a_folder_too_deep_to_reach_is_refused(write_tree: WriteTree) -> None:
    """A folder whose whole path is longer than the system takes is refused; the rest is listed."""
    folder = write_tree({"good": b"1"})
    handle = os.open(folder, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=handle)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)

    listing = DirectoryTree(folder).listing()
    shutil.rmtree(folder / ("d" * 250))

    assert [entry.path for entry in listing.entries] == ["good"]
    (item,) = listing.refused
    assert item.path.startswith("d" * 250 + "/")
    assert item.reason == "cannot be listed: File name too long"


# --- unreadable ---------------------------------------------------------------------------------

not_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is closed to root"
)


@not_root
def test_a_file_without_permission_is_a_read_error(write_tree: WriteTree) -> None:
    """A file that may not be read is listed, and opening it says why it fails."""
    folder = write_tree({"closed": b"1"})
    (folder / "closed").chmod(0)
    tree = DirectoryTree(folder)
    (entry,) = tree.listing().entries

    with pytest.raises(ReadError, match="Permission denied"):
        tree.open(entry)


@not_root
def test_a_folder_without_permission_is_refused(write_tree: WriteTree) -> None:
    """A folder that may not be listed is refused by name with a slash; others are listed."""
    folder = write_tree({"closed/in": b"1", "open": b"2"})
    (folder / "closed").chmod(0)
    try:
        listing = DirectoryTree(folder).listing()
    finally:
        (folder / "closed").chmod(0o700)

    assert [entry.path for entry in listing.entries] == ["open"]
    assert [(i.path, i.reason) for i in listing.refused] == [
        ("closed/", "cannot be listed: Permission denied")
    ]


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("setpriv") is None,
    reason="needs the setpriv command",
)
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become nobody"
)
def test_what_nobody_may_read_is_said_to_be_closed(tmp_path: Path) -> None:
    """Without the rights of root, closed files and folders are named and the rest is read."""
    program = """
import os, sys
from pathlib import Path
from crate_iscc.errors import ReadError
from crate_iscc.sources import read_all
from crate_iscc.sources.directory import DirectoryTree
tree = DirectoryTree(Path(os.environ["DATASET"]))
listing = tree.listing()
for item in listing.refused:
    print(item.path, item.reason, sep="|")
for entry in sorted(listing.entries, key=lambda entry: entry.path):
    try:
        print(entry.path, read_all(tree, entry).decode(), sep="|")
    except ReadError as error:
        print(error.message, error.cause, sep="|")
"""
    for name in ("closed", "open", "folder/in"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "closed").chmod(0)
    (tmp_path / "folder").chmod(0)

    # Only the capabilities are dropped: the user stays the one who may reach the installation.
    done = subprocess.run(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-c", program],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "DATASET": str(tmp_path)},
    )
    (tmp_path / "folder").chmod(0o700)
    if done.stderr.startswith("setpriv"):
        pytest.skip("root may not give up its rights here")

    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "folder/|cannot be listed: Permission denied",
        "closed|Permission denied",
        "open|open",
    ]


@pytest.mark.skipif(os.name == "nt", reason="an open folder cannot be removed")
def test_a_directory_that_is_gone_cannot_be_listed(write_tree: WriteTree) -> None:
    """A root that vanished is a ReadError with the reason, not an empty tree."""
    folder = write_tree({"a": b"1"})
    tree = DirectoryTree(folder)
    shutil.rmtree(folder)

    with pytest.raises(ReadError, match=f"cannot list .*: {os.strerror(errno.ENOENT)}"):
        tree.listing()


@pytest.mark.parametrize("what", ["missing", "file"])
def test_only_a_directory_is_a_directory_tree(what: str, write_tree: WriteTree) -> None:
    """A path that is no directory is an InputError."""
    folder = write_tree({"file": b"1"})

    with pytest.raises(InputError, match="not a directory"):
        DirectoryTree(folder / what)


# --- changed ------------------------------------------------------------------------------------


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def overwritten(path: Path) -> None:
    time.sleep(0.02)  # the clock of the file system has gone on
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"!")


def replaced(path: Path) -> None:
    status = path.stat()
    other = path.with_name("other")
    other.write_bytes(bytes(status.st_size))
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)


def removed(path: Path) -> None:
    path.unlink()


def linked(path: Path) -> None:
    moved = path.with_name("moved")
    path.replace(moved)
    path.symlink_to(moved)


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


CHANGES = [
    appended,
    truncated,
    emptied,
    overwritten,
    touch_later,
    replaced,
    removed,
    linked,
    made_a_folder,
    pytest.param(made_a_pipe, marks=has_pipes),
]


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced")
@pytest.mark.parametrize("content", [b"small", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_listing_is_a_read_error(
    change: Callable[[Path], None], content: bytes, write_tree: WriteTree
) -> None:
    """A file that is not as it was listed any more gives no whole stream of bytes."""
    folder = write_tree({"file": content})
    tree = DirectoryTree(folder)
    (entry,) = tree.listing().entries

    change(folder / "file")

    with pytest.raises(ReadError, match="file"):
        promptly(lambda: read_all(tree, entry))


@pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced")
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_while_reading_is_a_read_error(
    change: Callable[[Path], None], write_tree: WriteTree
) -> None:
    """A file that changes between its first and its last byte never reaches its end."""
    folder = write_tree({"file": LARGE})
    tree = DirectoryTree(folder)
    (entry,) = tree.listing().entries
    stream = tree.open(entry)
    buffer = memoryview(bytearray(1 << 20))
    assert stream.readinto(buffer) == 1 << 20

    change(folder / "file")

    with pytest.raises(ReadError, match="file"):
        drain(stream)
    stream.close()


@pytest.mark.skipif(os.name == "nt", reason="there are no such permissions")
def test_other_permissions_are_no_change(write_tree: WriteTree) -> None:
    """A file of which only the permissions changed since it was listed is read."""
    folder = write_tree({"file": b"same"})
    tree = DirectoryTree(folder)
    (entry,) = tree.listing().entries

    (folder / "file").chmod(0o440)

    assert read_all(tree, entry) == b"same"


@pytest.mark.skipif(os.name == "nt", reason="needs symbolic links")
def test_a_folder_that_became_a_link_is_not_a_way_out(write_tree: WriteTree) -> None:
    """A folder that is swapped for a link after listing does not give another file's bytes."""
    folder, outside = write_tree({"sub/file": b"inside"}), write_tree({"file": b"secret"})
    tree = DirectoryTree(folder)
    (entry,) = tree.listing().entries
    shutil.rmtree(folder / "sub")

    (folder / "sub").symlink_to(outside, target_is_directory=True)

    with pytest.raises(ReadError, match="sub/file"):
        read_all(tree, entry)


def test_a_new_file_is_no_change_of_others(write_tree: WriteTree) -> None:
    """Files that come up beside a listed one do not disturb its reading."""
    folder = write_tree({"file": b"same"})
    tree = DirectoryTree(folder)
    (entry,) = tree.listing().entries

    (folder / "new").write_bytes(b"new")

    assert read_all(tree, entry) == b"same"


# --- files that were named one by one -----------------------------------------------------------


def test_a_named_link_is_followed(write_tree: WriteTree) -> None:
    """A link that the user named gives the bytes of the file that it leads to."""
    folder = write_tree({"file": b"target"})
    (folder / "link").symlink_to("file")
    tree = NamedFiles({"link": folder / "link"})

    listing = tree.listing()

    assert [read_all(tree, entry) for entry in listing.entries] == [b"target"]
    assert listing.refused == ()


def test_named_files_come_in_the_order_of_every_listing(write_tree: WriteTree) -> None:
    """Files are listed by the bytes of their names, however they were named."""
    folder = write_tree({"a": b"1", "b": b"2", "c": b"3"})
    tree = NamedFiles({name: folder / name for name in "cab"})

    assert [entry.path for entry in tree.listing().entries] == ["a", "b", "c"]


@pytest.mark.parametrize("what", ["folder", "missing"])
def test_a_named_path_that_is_no_file_is_refused(what: str, write_tree: WriteTree) -> None:
    """A folder, or nothing, under a given name is refused by name; the others are listed."""
    folder = write_tree({"file": b"1", "folder/in": b"2"})
    tree = NamedFiles({"odd": folder / what, "good": folder / "file"})

    listing = tree.listing()

    assert [entry.path for entry in listing.entries] == ["good"]
    assert [item.path for item in listing.refused] == ["odd"]
    assert listing.refused[0].reason


@has_pipes
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that the user named is refused at once."""
    os.mkfifo(tmp_path / "pipe")

    listing = promptly(NamedFiles({"pipe": tmp_path / "pipe"}).listing)

    assert [(i.path, i.reason) for i in listing.refused] == [("pipe", "not a regular file")]


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="nothing tells which files are open")
def test_a_file_that_became_a_folder_is_not_left_open(write_tree: WriteTree) -> None:
    """It is said to be no file, as a pipe in its place would be, and let go of."""
    root = write_tree({"a": b"1"})
    tree = DirectoryTree(root)
    entry = tree.listing().entries[0]
    (root / "a").unlink()
    (root / "a").mkdir()
    before = len(os.listdir("/dev/fd"))

    for _ in range(20):
        with pytest.raises(ReadError) as caught:
            tree.open(entry)

        assert caught.value.cause == "it is no regular file any more"
    assert len(os.listdir("/dev/fd")) == before
