"""The DANDI checksum of a Zarr, from names, sizes and MD5s."""

from hashlib import md5
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zarr_checksum import compute_zarr_checksum
from zarr_checksum.checksum import EMPTY_CHECKSUM as THEIR_EMPTY_CHECKSUM
from zarr_checksum.generators import ZarrArchiveFile

from crate_iscc.dandi import EMPTY_CHECKSUM, dandi_checksum

segments = st.text(st.sampled_from('ab.-0é"\\ \U00010000'), min_size=1, max_size=3).filter(
    lambda name: name not in (".", "..")
)
trees = st.dictionaries(
    st.lists(segments, min_size=1, max_size=4).map("/".join), st.binary(max_size=3), max_size=12
)


def ours(tree: dict[str, bytes]) -> str:
    return dandi_checksum(
        (path, len(tree[path]), md5(tree[path]).hexdigest()) for path in sorted(tree)
    )


def theirs(tree: dict[str, bytes]) -> str:
    return str(
        compute_zarr_checksum(
            ZarrArchiveFile(Path(path), len(tree[path]), md5(tree[path]).hexdigest())
            for path in tree
        )
    )


@given(trees)
def test_any_tree_has_the_checksum_that_the_zarr_checksum_package_computes(
    tree: dict[str, bytes],
) -> None:
    """Whatever its names: they are sorted by code points, folders apart from files."""
    assert ours(tree) == theirs(tree)


def test_a_folder_is_listed_by_its_name_and_not_by_its_path() -> None:
    """`a.b/` comes before `a/` among paths, and behind it among names."""
    tree = {"a/x": b"1", "a.b/x": b"2", "a.": b"3", "b/c/d/e": b"4"}

    assert ours(tree) == theirs(tree)


def test_no_file_at_all_has_a_checksum_too() -> None:
    """It is the one that the archive gives to an empty Zarr."""
    assert dandi_checksum(()) == EMPTY_CHECKSUM == THEIR_EMPTY_CHECKSUM


def test_it_counts_files_and_bytes_of_all_folders() -> None:
    """Behind the MD5 stand how many there are, and how large they are together."""
    assert ours({"a": b"12", "b/c": b"345", "b/d/e": b""}).partition("-")[2] == "3--5"


@pytest.mark.parametrize("paths", [("b", "a"), ("a", "a"), ("a/b", "a.b")])
def test_paths_that_do_not_ascend_are_refused(paths: tuple[str, str]) -> None:
    """A folder that was closed would be listed twice."""
    with pytest.raises(ValueError, match="ascend"):
        dandi_checksum((path, 0, "") for path in paths)
