"""Gentle reading takes files one at a time, as a disk likes it, and gives the same codes."""

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest
from tree_wrappers import CountingTree

from crate_iscc.entries import Entry
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.sources import ByteStream, Mapped
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_tree

WriteTree = Callable[[Mapping[str, bytes]], Path]
MakeZip = Callable[..., Path]

FILES = {
    **{f"{'zyx'[n % 3]}/{n:03d}": Random(n).randbytes(n * 50) for n in range(60)},
    "a.zarr/zarr.json": b"{}",
    "a.zarr/0": Random(1).randbytes(3_000_000),
    "large": Random(2).randbytes(2_500_000),
    "empty": b"",
}


class Openings(DirectoryTree):
    """A directory that remembers the order in which its files were opened, and that none is mapped.

    Its files are opened one by one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.inodes: list[int] = []
        self.mappings = 0

    def open(self, entry: Entry) -> ByteStream:  # type: ignore[override]
        """Open a file, and remember its inode."""
        assert entry.stat is not None
        self.inodes.append(entry.stat.inode)
        return super().open(entry)

    def mapped(self, _entry: Entry) -> Mapped | None:
        """Count, and map nothing."""
        self.mappings += 1
        return None

    def read_together(self, *_wanted: object) -> None:
        """Leave it to open."""
        return


@pytest.mark.parametrize("jobs", [None, 8])
def test_gentle_hashing_goes_by_inode_one_file_at_a_time(
    jobs: int | None, write_tree: WriteTree
) -> None:
    """Whatever the number of jobs: files are opened in the order of inodes, none is mapped."""
    with Openings(write_tree(FILES)) as tree:
        counting = CountingTree(tree)
        entries = tree.listing().entries

        for each in (tree, counting):
            hash_files(each, entries, DatahashKernel(), jobs=jobs, gentle=True, step="reading")

    assert len(tree.inodes) == 2 * len(FILES)
    assert tree.inodes[: len(FILES)] == sorted(tree.inodes[: len(FILES)])
    assert tree.mappings == 0
    assert counting.most_open == 1


def test_fast_hashing_maps_what_is_large(write_tree: WriteTree) -> None:
    """The wish for gentleness makes the difference: without it, large files are mapped first."""
    with Openings(write_tree(FILES)) as tree:
        hash_files(tree, tree.listing().entries, DatahashKernel(), jobs=2, step="reading")

    assert tree.mappings == 2


def test_gentle_reading_gives_the_same_manifest(write_tree: WriteTree, make_zip: MakeZip) -> None:
    """Codes of files, containers and the whole do not depend on how the files are read."""
    for place in (write_tree(FILES), make_zip(FILES), make_zip(FILES, compression=8)):
        with open_tree(place) as tree:
            payload = payload_of(tree.listing())

            fast = fingerprint_tree(tree, payload, NativeKernel(), sha256=True)
            gentle = fingerprint_tree(tree, payload, NativeKernel(), sha256=True, gentle=True)

        assert gentle == fast
        assert len(gentle.files) == len(FILES)
