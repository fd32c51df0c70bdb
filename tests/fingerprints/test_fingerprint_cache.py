"""What did not change is not read again, and the cache never changes a result."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from tree_wrappers import CountingTree

from crate_iscc.fingerprinting.cache import Cache
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.manifest import Manifest
from crate_iscc.sources.opening import open_tree

WriteTree = Callable[[Mapping[str, bytes]], Path]
MakeZip = Callable[..., Path]

FILES = {
    "a.txt": b"some content",
    "empty": b"",
    "ein Bild.zarr/zarr.json": b"{}",
    "ein Bild.zarr/c/0": Random(1).randbytes(5000),
    "Größe\n\t.bin": Random(2).randbytes(70_000),
}
OLD_NS = 1_700_000_000_123_456_789
"""A time in the past that no coarse clock shows."""


def settle(folder: Path) -> Path:
    """Let so much time go by after the last write that the files count as settled."""
    for place in folder.rglob("*"):
        if place.is_file():
            os.utime(place, ns=(OLD_NS, OLD_NS))
    time.sleep(0.05)
    return folder


def fingerprints(
    dataset: Path,
    memory: Path | None = None,
    *,
    kernel: str = "kernel 1",
    sha256: bool = False,
    containers: tuple[str, ...] = (),
    excluded: tuple[str, ...] = (),
) -> tuple[Manifest, set[str]]:
    """Return the manifest of a dataset, and the paths that were opened for it."""
    with open_tree(dataset) as source:
        tree = CountingTree(source)
        payload = payload_of(tree.listing(), containers=containers, excluded=excluded)
        manifest = fingerprint_tree(
            tree,
            payload,
            NativeKernel(),
            sha256=sha256,
            excluded=excluded,
            cache=None if memory is None else Cache(memory, dataset, kernel),
        )
    return manifest, set(tree.opened)


@pytest.fixture
def dataset(write_tree: WriteTree) -> Path:
    """Return a folder with files that have not been written just now."""
    return settle(write_tree(FILES))


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """Return a folder for the cache, which does not exist yet."""
    return tmp_path / "deep" / "cache"


def cache_file(memory: Path) -> Path:
    """Return the one file of a cache."""
    (place,) = memory.iterdir()
    return place


# --- known again --------------------------------------------------------------------------------


def test_a_second_run_opens_nothing(dataset: Path, memory: Path) -> None:
    """Where nothing has changed, no file is opened, and the manifest is the same."""
    first, opened = fingerprints(dataset, memory)
    assert opened == set(FILES)

    second, opened_again = fingerprints(dataset, memory)

    assert opened_again == set()
    assert second == first
    assert second == fingerprints(dataset)[0]


def test_a_second_run_of_a_tree_with_rules_opens_the_rules(
    write_tree: WriteTree, memory: Path
) -> None:
    """Where nothing has changed, `.isccignore` files are the only ones that are opened."""
    dataset = settle(write_tree({**FILES, ".isccignore": b"*.txt\n"}))
    first, _ = fingerprints(dataset, memory)

    second, opened = fingerprints(dataset, memory)

    assert opened <= {".isccignore"}
    assert second == first


def test_another_spelling_of_the_path_is_the_same_dataset(
    dataset: Path, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dataset is known by where it is, however its path was written."""
    fingerprints(dataset, memory)
    monkeypatch.chdir(dataset)

    _, opened = fingerprints(Path(), memory)

    assert opened == set()


def test_two_datasets_do_not_share_a_file(
    dataset: Path, write_tree: WriteTree, memory: Path
) -> None:
    """Each dataset is remembered by itself, also where both hold the same paths."""
    other = settle(write_tree({path: content[::-1] for path, content in FILES.items()}))

    for _ in range(2):
        for folder in (dataset, other):
            assert fingerprints(folder, memory)[0] == fingerprints(folder)[0]

    assert len(list(memory.iterdir())) == 2
    assert fingerprints(dataset, memory)[1] == set()
    assert fingerprints(other, memory)[1] == set()


def test_a_cache_is_one_file_that_only_its_owner_may_list(dataset: Path, memory: Path) -> None:
    """The folder of the cache is closed to others, and nothing but the cache is left in it."""
    fingerprints(dataset, memory)
    fingerprints(dataset, memory)

    assert [place.suffix for place in memory.iterdir()] == [".cache"]
    if os.name != "nt":
        assert memory.stat().st_mode & 0o077 == 0


# --- changed ------------------------------------------------------------------------------------


def rewritten(dataset: Path) -> None:
    place = dataset / "a.txt"
    status = place.stat()
    place.write_bytes(place.read_bytes()[::-1])
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


def replaced(dataset: Path) -> None:
    place = dataset / "a.txt"
    status = place.stat()
    (dataset / "new").write_bytes(place.read_bytes()[::-1])
    os.utime(dataset / "new", ns=(status.st_atime_ns, status.st_mtime_ns))
    (dataset / "new").replace(place)


def appended(dataset: Path) -> None:
    with (dataset / "empty").open("ab") as file:
        file.write(b"!")


def touched(dataset: Path) -> None:
    os.utime(dataset / "a.txt", ns=(OLD_NS, OLD_NS + 1))


def added(dataset: Path) -> None:
    (dataset / "ein Bild.zarr/c/1").write_bytes(b"new")


def removed(dataset: Path) -> None:
    (dataset / "ein Bild.zarr/c/0").unlink()


def renamed(dataset: Path) -> None:
    (dataset / "a.txt").rename(dataset / "b.txt")


def swapped(dataset: Path) -> None:
    (dataset / "a.txt").rename(dataset / "c")
    (dataset / "empty").rename(dataset / "a.txt")
    (dataset / "c").rename(dataset / "empty")


@pytest.mark.parametrize(
    "change", [rewritten, replaced, appended, touched, added, removed, renamed, swapped]
)
def test_a_change_is_noticed(change: Callable[[Path], None], dataset: Path, memory: Path) -> None:
    """After any change, also of content alone with size and time restored, the result is new."""
    fingerprints(dataset, memory)

    change(dataset)

    found, _ = fingerprints(dataset, memory)
    assert found == fingerprints(dataset)[0]


@pytest.mark.parametrize("change", [rewritten, replaced])
def test_new_content_under_old_times_is_read(
    change: Callable[[Path], None], dataset: Path, memory: Path
) -> None:
    """A file whose modification time was put back is read again: its change time gives it away."""
    before, _ = fingerprints(dataset, memory)
    mtime, size = (dataset / "a.txt").stat().st_mtime_ns, (dataset / "a.txt").stat().st_size

    change(dataset)

    after, opened = fingerprints(dataset, memory)
    assert (dataset / "a.txt").stat().st_mtime_ns == mtime
    assert (dataset / "a.txt").stat().st_size == size
    assert "a.txt" in opened
    assert after.root.treehash != before.root.treehash


def test_a_file_that_was_written_just_now_is_not_trusted(dataset: Path, memory: Path) -> None:
    """A file with a time of this moment, or of a coarse clock, is read again next time."""
    soon = time.time_ns() + 3_600_000_000_001
    for stamp in (soon, OLD_NS // 1_000_000_000 * 1_000_000_000):
        os.utime(dataset / "a.txt", ns=(stamp, stamp))
        time.sleep(0.05)
        first, _ = fingerprints(dataset, memory)

        second, opened = fingerprints(dataset, memory)

        assert "a.txt" in opened
        assert second == first


def test_other_containers_are_computed(dataset: Path, memory: Path) -> None:
    """A folder that is asked for as a container later has its own codes, as without a cache."""
    fingerprints(dataset, memory)

    found, _ = fingerprints(dataset, memory, containers=("c/",))

    assert found == fingerprints(dataset, containers=("c/",))[0]


def test_other_patterns_are_followed(dataset: Path, memory: Path) -> None:
    """Files that are excluded later are in no code, as without a cache."""
    fingerprints(dataset, memory)

    found, _ = fingerprints(dataset, memory, excluded=("*.txt",))

    assert found == fingerprints(dataset, excluded=("*.txt",))[0]


def test_a_new_ignore_file_is_followed(dataset: Path, memory: Path) -> None:
    """An `.isccignore` that is added or changed later changes the code, as without a cache."""
    fingerprints(dataset, memory)

    for rules in (b"*.txt\n", b"*.bin\n"):
        (dataset / ".isccignore").write_bytes(rules)
        settle(dataset)

        for _ in range(2):
            assert fingerprints(dataset, memory)[0] == fingerprints(dataset)[0]


# --- sha256 and kernels -------------------------------------------------------------------------


def test_a_sha256_that_is_asked_for_later_is_read(dataset: Path, memory: Path) -> None:
    """Where only codes are remembered, the wish for sha256 reads every file, and once."""
    fingerprints(dataset, memory)

    second, opened = fingerprints(dataset, memory, sha256=True)
    third, opened_again = fingerprints(dataset, memory, sha256=True)

    assert opened == set(FILES)
    assert opened_again == set()
    assert second == third == fingerprints(dataset, sha256=True)[0]


def test_a_remembered_sha256_is_not_given_unasked(dataset: Path, memory: Path) -> None:
    """The cache never changes a result: who asks for no sha256 gets none."""
    fingerprints(dataset, memory, sha256=True)

    found, _ = fingerprints(dataset, memory)

    assert found == fingerprints(dataset)[0]


def test_another_kernel_reads_for_itself(dataset: Path, memory: Path) -> None:
    """What one kernel, or another version of it, computed is of no use to the next."""
    fingerprints(dataset, memory, kernel="kernel 1")

    _, opened = fingerprints(dataset, memory, kernel="kernel 1.1")

    assert opened == set(FILES)


# --- damaged ------------------------------------------------------------------------------------


def test_a_cut_cache_is_ignored(dataset: Path, memory: Path) -> None:
    """A cache file that ends anywhere before its end gives the result of no cache at all."""
    expected, _ = fingerprints(dataset, memory)
    whole = cache_file(memory).read_bytes()
    place = cache_file(memory)

    with open_tree(dataset) as tree:
        entries = tree.listing().entries

    for size in range(0, len(whole), 3):
        place.write_bytes(whole[:size])
        cache = Cache(memory, dataset, "kernel 1")
        assert cache.files(entries, sha256=False) is None
    place.write_bytes(whole[:-1])

    found, opened = fingerprints(dataset, memory)

    assert found == expected
    assert opened == set(FILES)


def sealed(content: bytes) -> bytes:
    """Return a cache whose seal is right, whatever it holds."""
    return content + blake3(content).digest()


FOREIGN = {
    "empty": b"",
    "line end": b"\n",
    "binary": b"\xff\xfe\x00binary",
    "web page": b"<html>not a cache</html>\n" * 1000,
    "earlier version": b"crate-iscc cache 1\tkernel 1\nend",
    "sealed nothing": sealed(b""),
    "sealed line end": sealed(b"\n"),
    "sealed binary": sealed(b"\xff\xfe\n\x00"),
    "sealed number": sealed(b"1\n"),
    "sealed object": sealed(b"{}\n"),
    "sealed nulls": sealed(b'{"of": null, "sha256": null, "trees": null}\n'),
    "sealed without line": sealed(b'{"of": []}'),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_cache_file_is_ignored(content: bytes, dataset: Path, memory: Path) -> None:
    """Whatever lies where the cache should be, the work is done, and the cache is made anew."""
    expected, _ = fingerprints(dataset, memory)
    cache_file(memory).write_bytes(content)

    found, opened = fingerprints(dataset, memory)
    _, opened_again = fingerprints(dataset, memory)

    assert found == expected
    assert opened == set(FILES)
    assert opened_again == set()


@pytest.fixture(scope="module")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, bytes, Manifest]:
    """Return a dataset, the folder and the bytes of its cache, and its manifest."""
    folder = tmp_path_factory.mktemp("remembered")
    dataset, memory = folder / "dataset", folder / "cache"
    dataset.mkdir()
    (dataset / "a").write_bytes(b"content")
    settle(dataset)
    manifest, _ = fingerprints(dataset, memory)
    assert fingerprints(dataset, memory)[1] == set()
    return dataset, memory, cache_file(memory).read_bytes(), manifest


@given(data=st.data())
@settings(max_examples=150)
def test_a_damaged_cache_never_changes_the_result(
    data: st.DataObject, remembered: tuple[Path, Path, bytes, Manifest]
) -> None:
    """Whatever bytes of a cache file change, the manifest is that of the files."""
    dataset, memory, whole, expected = remembered
    raw = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        offset = data.draw(st.integers(0, len(raw) - 1), "offset")
        raw[offset] = data.draw(st.sampled_from(b"0123456789abcdef\t\n \x00\xff-"), "value")
    cache_file(memory).write_bytes(raw)

    found, _ = fingerprints(dataset, memory)

    assert found == expected


# --- nowhere to write ---------------------------------------------------------------------------


def test_a_cache_that_cannot_be_written_is_no_failure(dataset: Path, tmp_path: Path) -> None:
    """Where the folder of the cache cannot be made, the manifest is as without a cache."""
    (tmp_path / "file").write_bytes(b"in the way")

    for memory in (tmp_path / "file", tmp_path / "file/deeper"):
        assert fingerprints(dataset, memory)[0] == fingerprints(dataset)[0]

    assert (tmp_path / "file").read_bytes() == b"in the way"


def test_a_cache_file_that_cannot_be_replaced_is_no_failure(dataset: Path, memory: Path) -> None:
    """Where a folder lies in the place of the cache file, nothing fails and nothing is left."""
    fingerprints(dataset, memory)
    place = cache_file(memory)
    place.unlink()
    (place / "inside").mkdir(parents=True)

    found, _ = fingerprints(dataset, memory)

    assert found == fingerprints(dataset)[0]
    assert list(memory.iterdir()) == [place]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is closed to root"
)
def test_a_closed_cache_folder_is_no_failure(dataset: Path, memory: Path) -> None:
    """Where the folder of the cache may not be written, the manifest is as without a cache."""
    memory.mkdir(parents=True)
    memory.chmod(0o500)
    try:
        assert fingerprints(dataset, memory)[0] == fingerprints(dataset)[0]
    finally:
        memory.chmod(0o700)


# --- what is not remembered ---------------------------------------------------------------------


def test_a_tree_with_unread_files_is_not_remembered(dataset: Path, memory: Path) -> None:
    """Where a file could not be read, what is remembered is what was remembered before."""
    with open_tree(dataset) as tree:
        payload = payload_of(tree.listing())
        (dataset / "a.txt").unlink()

        manifest = fingerprint_tree(
            tree, payload, NativeKernel(), cache=Cache(memory, dataset, "kernel 1")
        )

    assert [item.path for item in manifest.unread] == ["a.txt"]
    assert not memory.exists()


def test_a_link_is_unread_also_from_memory(dataset: Path, memory: Path) -> None:
    """Refused entries are named in every run, and no code is given, from memory or not."""
    (dataset / "link").symlink_to("a.txt")
    first, _ = fingerprints(dataset, memory)

    second, opened = fingerprints(dataset, memory)

    assert opened == set()
    assert second == first
    assert [item.path for item in second.unread] == ["link"]
    assert second.root.treehash is None


def test_a_zip_is_always_read(make_zip: MakeZip, memory: Path) -> None:
    """Members of an archive have no state of their own: they are read each time."""
    place = make_zip(FILES)
    first, _ = fingerprints(place, memory)

    second, opened = fingerprints(place, memory)

    assert opened == set(FILES)
    assert second == first
