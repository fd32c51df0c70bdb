"""Chunk grids against zarr-python: what it writes lies inside, and one chunk further is told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.sources.opening import open_tree
from crate_iscc.zarr_reading import zarr_check, zarr_folders

zarr = pytest.importorskip("zarr")
numpy = pytest.importorskip("numpy")


@st.composite
def arrays(draw: st.DrawFn) -> dict[str, Any]:
    """Return what zarr.create_array takes: any rank, chunks, shards, separator and format."""
    inner = draw(st.lists(st.integers(1, 4), max_size=3))
    wanted: dict[str, Any] = {"zarr_format": draw(st.sampled_from([2, 3]))}
    shards = None
    if wanted["zarr_format"] == 3 and inner and draw(st.booleans()):
        shards = [n * draw(st.integers(1, 3)) for n in inner]
        wanted["shards"] = tuple(shards)
    shape = [draw(st.integers(1, 3)) * n + draw(st.integers(0, n - 1)) for n in shards or inner]
    separator = draw(st.sampled_from([".", "/"]))
    name = "v2" if wanted["zarr_format"] == 2 else draw(st.sampled_from(["default", "v2"]))
    wanted["chunk_key_encoding"] = {"name": name, "separator": separator}
    return {**wanted, "shape": tuple(shape), "chunks": tuple(inner)}


@given(wanted=arrays(), at=st.integers(0, 2), beyond=st.integers(0, 1000))
def test_what_zarr_python_writes_is_inside_and_more_is_outside(
    wanted: dict[str, Any], at: int, beyond: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every written key is a chunk of the grid, none is absent; any further key is found."""
    folder = tmp_path_factory.mktemp("zarr")
    array = zarr.create_array(folder / "a.zarr", dtype="u1", fill_value=0, **wanted)
    array[...] = 1

    with open_tree(folder) as tree:
        listing = tree.listing()
        assert zarr_folders(listing) == ("a.zarr/",)
        check = zarr_check(tree, listing, "a.zarr/")

    assert check.findings == ()
    (found,) = check.arrays
    assert (found.absent, found.outside) == (0, 0)
    assert found.grid.shape == wanted["shape"]
    counts = found.grid.counts
    if not counts:
        return  # its one chunk has a name that no further one can have beside it on a disk
    # A chunk further along any dimension, under the name that zarr-python gives it.
    place = [0] * len(counts)
    place[at % len(place)] = counts[at % len(counts)] + beyond
    encoding = wanted["chunk_key_encoding"]
    parts = [str(number) for number in place]
    key = encoding["separator"].join(["c", *parts] if encoding["name"] == "default" else parts)
    written = folder / "a.zarr" / key
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_bytes(b"x")
    with open_tree(folder) as tree:
        check = zarr_check(tree, tree.listing(), "a.zarr/")
    assert [finding.id for finding in check.findings] == ["zarr.chunks-outside"]
    assert check.arrays[0].outside == 1


@given(shape=st.lists(st.integers(2, 9), min_size=1, max_size=3))
def test_chunks_of_fill_value_are_absent(
    shape: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """zarr-python writes no chunk that holds nothing but the fill value."""
    folder = tmp_path_factory.mktemp("zarr")
    array = zarr.create_array(folder, shape=shape, chunks=[2] * len(shape), dtype="u1")
    array[(0,) * len(shape)] = 1

    with open_tree(folder) as tree:
        check = zarr_check(tree, tree.listing(), "")

    assert check.findings == ()
    assert check.arrays[0].present == 1
    assert check.arrays[0].absent == check.arrays[0].grid.total - 1
