"""What cannot be read whole is said by name, and no code covers a part of a tree."""

import os
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest
from tree_wrappers import CountingTree

from crate_iscc.errors import ReadError
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of, tree_code
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.manifest import Manifest, TreeFingerprint
from crate_iscc.progress import nobody
from crate_iscc.sources import Tree
from crate_iscc.sources.opening import open_tree

WriteTree = Callable[[Mapping[str, bytes]], Path]
MakeZip = Callable[..., Path]

LARGE = Random(4).randbytes((5 << 20) + 1)
FILES = {
    "first.txt": b"first",
    "a.zarr/zarr.json": b"{}",
    "a.zarr/c/0": Random(1).randbytes(3000),
    "a.zarr/c/1": LARGE,
    "b.zarr/.zgroup": b"{}",
    "b.zarr/0/0": Random(2).randbytes(3000),
    "large.bin": LARGE[::-1],
    "z/last.txt": b"last",
}
NO_CODES = (None, None, None, None)


def fingerprints(tree: Tree, before: Callable[[], None] | None = None) -> Manifest:
    """Return the manifest of a tree, to which something may happen after it was listed."""
    payload = payload_of(tree.listing())
    if before:
        before()
    return fingerprint_tree(tree, payload, NativeKernel(), jobs=3)


def codes(known: TreeFingerprint) -> tuple[object, ...]:
    """Return all that is known of a tree."""
    return known.iscc, known.treehash, known.files, known.size


def appended(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"!")


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def overwritten(path: Path) -> None:
    time.sleep(0.02)  # the clock of the file system has gone on
    with path.open("r+b") as file:
        file.write(b"!")


def replaced(path: Path) -> None:
    status = path.stat()
    path.with_name("other").write_bytes(path.read_bytes())
    os.utime(path.with_name("other"), ns=(status.st_atime_ns, status.st_mtime_ns))
    path.with_name("other").replace(path)


def removed(path: Path) -> None:
    path.unlink()


def made_a_link(path: Path) -> None:
    moved = path.with_name("moved")
    path.replace(moved)
    path.symlink_to(moved)


CHANGES = [appended, truncated, overwritten, replaced, removed, made_a_link]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="an open file cannot be replaced")


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("path", ["first.txt", "z/last.txt", "large.bin"])
def test_a_file_that_changed_after_listing_is_unread(
    path: str, change: Callable[[Path], None], write_tree: WriteTree
) -> None:
    """A changed file is named with a reason; the root has no code; other files keep theirs."""
    folder = write_tree(FILES)
    with open_tree(folder) as tree:
        whole = fingerprints(tree)

        manifest = fingerprints(tree, lambda: change(folder / path))

    assert [item.path for item in manifest.unread] == [path]
    assert manifest.unread[0].reason
    assert manifest.unread[0].is_file
    assert codes(manifest.root) == NO_CODES
    assert manifest.files == tuple(file for file in whole.files if file.path != path)
    assert manifest.containers == whole.containers


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("path", ["large.bin", "a.zarr/c/1"])
def test_a_file_that_changes_while_it_is_read_is_unread(
    path: str, change: Callable[[Path], None], write_tree: WriteTree
) -> None:
    """A file that changes after its first bytes were hashed already is unread all the same."""
    folder = write_tree(FILES)
    changed: list[str] = []

    def disturb(name: str, given: int) -> None:
        if name == path and given >= 1 << 20 and not changed:
            changed.append(name)
            change(folder / path)

    with open_tree(folder) as tree:
        manifest = fingerprints(CountingTree(tree, disturb))

    assert changed == [path]
    assert [item.path for item in manifest.unread] == [path]
    assert codes(manifest.root) == NO_CODES
    assert {file.path for file in manifest.files} == set(FILES) - {path}


def test_only_the_container_of_an_unread_file_has_no_codes(write_tree: WriteTree) -> None:
    """A container with an unread member has no code; that of another container is whole."""
    folder = write_tree(FILES)
    with open_tree(folder) as tree:
        whole = fingerprints(tree)

        manifest = fingerprints(tree, lambda: truncated(folder / "a.zarr/c/1"))

    damaged, sound = manifest.containers
    assert (damaged.path, codes(damaged)) == ("a.zarr/", NO_CODES)
    assert sound == whole.containers[1]
    assert codes(manifest.root) == NO_CODES


def test_every_file_may_be_unread(write_tree: WriteTree) -> None:
    """Where nothing can be read, everything is named and nothing has a code."""
    folder = write_tree(FILES)
    with open_tree(folder) as tree:
        payload = payload_of(tree.listing())
        for path in FILES:
            (folder / path).unlink()

        manifest = fingerprint_tree(tree, payload, NativeKernel())

    assert [i.path for i in manifest.unread] == sorted(FILES, key=lambda path: path.encode())
    assert manifest.files == ()
    assert {codes(known) for known in (manifest.root, *manifest.containers)} == {NO_CODES}


@pytest.mark.parametrize("path", ["link", "a.zarr/c/link"])
def test_a_link_leaves_no_code(path: str, write_tree: WriteTree) -> None:
    """A refused entry is unread: no code is given for the root and the container it lies in."""
    folder = write_tree(FILES)
    (folder / path).symlink_to("nowhere")

    with open_tree(folder) as tree:
        manifest = fingerprints(tree)

    assert [(item.path, item.is_file) for item in manifest.unread] == [(path, False)]
    assert {file.path for file in manifest.files} == set(FILES)
    assert codes(manifest.root) == NO_CODES
    assert (codes(manifest.containers[0]) == NO_CODES) == path.startswith("a.zarr/")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are always Unicode")
@pytest.mark.parametrize("container", ["plain.zarr", "line\nend.zarr", "tab\t.zarr"])
def test_a_name_that_is_no_unicode_leaves_no_code(container: str, write_tree: WriteTree) -> None:
    """A member that no manifest can name is unread: its container and the root have no code."""
    folder = write_tree({f"{container}/zarr.json": b"{}", f"{container}/0": b"1", "a": b"2"})
    (folder / container / os.fsdecode(b"bad-\xff")).write_bytes(b"3")

    with open_tree(folder) as tree:
        manifest = fingerprints(tree)

    assert len(manifest.unread) == 1
    assert codes(manifest.root) == NO_CODES
    assert [codes(known) for known in manifest.containers] == [NO_CODES]


def test_an_ignore_file_that_cannot_be_read_is_unread(write_tree: WriteTree) -> None:
    """An `.isccignore` that vanished after listing is a file like any other: unread, no code."""
    folder = write_tree({**FILES, ".isccignore": b"*.txt\n"})
    with open_tree(folder) as tree:
        manifest = fingerprints(tree, (folder / ".isccignore").unlink)

    assert [item.path for item in manifest.unread] == [".isccignore"]
    assert codes(manifest.root) == NO_CODES
    assert {file.path for file in manifest.files} == set(FILES)


@pytest.mark.parametrize(
    "rules",
    [b"*.txt\n\xff\n", b"!\n", b"# long\n" * 200_000],
    ids=["no UTF-8", "no pattern", "too long"],
)
def test_an_ignore_file_that_cannot_be_understood_is_no_exception(
    rules: bytes, write_tree: WriteTree
) -> None:
    """Odd rules in the data leave no ISCC-SUM; every file is either fingerprinted or unread."""
    folder = write_tree({**FILES, "a.zarr/.isccignore": rules})
    with open_tree(folder) as tree:
        manifest = fingerprints(tree)

    hashed = {file.path for file in manifest.files}
    unread = {item.path for item in manifest.unread}
    assert set(FILES) <= hashed
    assert hashed | unread == {*FILES, "a.zarr/.isccignore"}
    assert hashed & unread == set()
    assert manifest.root.iscc is None
    assert manifest.containers[0].iscc is None


@pytest.mark.parametrize("path", ["first.txt", "large.bin", "b.zarr/0/0"])
@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"]
)
def test_a_damaged_member_of_a_zip_is_unread(
    path: str, compression: int, write_tree: WriteTree, make_zip: MakeZip
) -> None:
    """A member with a changed byte is named; the others have the codes of the sound archive."""
    place = make_zip(FILES, compression=compression)
    with open_tree(place) as tree:
        whole = fingerprints(tree)
    with zipfile.ZipFile(place) as archive:
        offset = archive.getinfo(path).header_offset + 30 + len(path) + 2
    raw = bytearray(place.read_bytes())
    raw[offset] ^= 0x10
    place.write_bytes(raw)

    with open_tree(place) as tree:
        manifest = fingerprints(tree)

    assert [item.path for item in manifest.unread] == [path]
    assert codes(manifest.root) == NO_CODES
    assert manifest.files == tuple(file for file in whole.files if file.path != path)


def test_an_archive_that_changes_while_it_is_read_leaves_no_code(make_zip: MakeZip) -> None:
    """What was not read to its end before an archive changed is unread, and there is no code."""
    place = make_zip(FILES)

    def disturb(name: str, given: int) -> None:
        if name == "large.bin" and given == 1 << 20:
            appended(place)

    with open_tree(place) as tree:
        manifest = fingerprints(CountingTree(tree, disturb))

    assert "large.bin" in {item.path for item in manifest.unread}
    assert {"the archive changed while it was read"} == {item.reason for item in manifest.unread}
    assert codes(manifest.root) == NO_CODES


@pytest.mark.parametrize("change", CHANGES)
def test_no_code_alone_is_given_for_a_part(
    change: Callable[[Path], None], write_tree: WriteTree
) -> None:
    """The code of a tree in which a file cannot be read is a ReadError that names the file."""
    folder = write_tree(FILES)
    done: list[str] = []

    def disturb(name: str, given: int) -> None:
        if name == "large.bin" and given >= 1 << 20 and not done:
            done.append(name)
            change(folder / name)

    with open_tree(folder) as tree, pytest.raises(ReadError, match=r"large\.bin"):
        tree_code(CountingTree(tree, disturb), NativeKernel())


def test_no_code_alone_is_given_beside_a_link(write_tree: WriteTree) -> None:
    """The code of a tree with a link in it is a ReadError that names the link; nothing is read."""
    folder = write_tree(FILES)
    (folder / "link").symlink_to("first.txt")

    with open_tree(folder) as directory:
        tree = CountingTree(directory)
        with pytest.raises(ReadError, match="link: a symbolic link"):
            tree_code(tree, NativeKernel())

    assert not tree.opened


def test_hashing_one_by_one_names_what_is_unread(write_tree: WriteTree) -> None:
    """Files that are hashed each by itself come as a fingerprint or as unread, none is lost."""
    folder = write_tree(FILES)
    with open_tree(folder) as tree:
        entries = tree.listing().entries
        removed(folder / "first.txt")
        truncated(folder / "large.bin")

        files, unread = hash_files(
            tree, entries, DatahashKernel(), jobs=2, progress=nobody, step="reading"
        )

    assert {item.path for item in unread} == {"first.txt", "large.bin"}
    assert {file.path for file in files} == set(FILES) - {"first.txt", "large.bin"}
