"""zarr-python opens the Zarrs of a crate, and every pixel is as it was."""

from pathlib import Path

import numpy as np
import pytest
import zarr

from compat.conftest import Study
from crate_iscc import build

IMAGES = {
    "images/cell.ome.zarr": (3, 3),
    "images/ihc.ome.zarr": (2, 2),
}
"""Each with its Zarr format and the number of its levels."""


def _levels(image: Path, count: int) -> list["np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"]:
    group = zarr.open_group(image, mode="r")
    return [np.asarray(group[str(level)][:]) for level in range(count)]


@pytest.mark.parametrize("image", IMAGES)
def test_the_pixels_of_a_copied_crate_are_equal(study: Study, tmp_path: Path, image: str) -> None:
    """Metadata and every level come out of the copy as they were in the dataset."""
    zarr_format, levels = IMAGES[image]
    build(study.dataset, tmp_path / "copy")

    before = _levels(study.dataset / image, levels)
    after = _levels(tmp_path / "copy" / image, levels)

    assert zarr.open_group(tmp_path / "copy" / image, mode="r").metadata.zarr_format == zarr_format
    assert all(np.array_equal(one, two) for one, two in zip(before, after, strict=True))
    assert before[0].any()


def test_the_pixels_in_the_zip_are_equal(study: Study) -> None:
    """A stored zip is a store that zarr-python reads in place."""
    with zarr.storage.ZipStore(study.archive, mode="r") as store:
        group = zarr.open_group(store, path="images/cell.ome.zarr", mode="r")
        inside = np.asarray(group["0"][:])

    assert np.array_equal(inside, _levels(study.dataset / "images/cell.ome.zarr", 1)[0])


def test_a_zarr_in_a_crate_that_was_built_in_place_opens_as_before(study: Study) -> None:
    """The metadata of the crate lie beside it, not in it."""
    image = "images/cell.ome.zarr"

    for one, two in zip(
        _levels(study.dataset / image, 3), _levels(study.crate / image, 3), strict=True
    ):
        assert np.array_equal(one, two)
