"""Two images are compared plane by plane: equal, reordered, different, or not comparable."""

from pathlib import Path

import pytest
import tifffile

from crate_iscc.images import Extent, PixelStatus, Plane, compare_planes
from crate_iscc.imaging import compare_pixels
from pixels.pixel_kit import ENCODINGS, image, ome_zarr


def test_a_conversion_without_loss_is_told_as_equal(tmp_path: Path) -> None:
    one = ENCODINGS["OME-TIFF tiled, deflated with predictor"](tmp_path, image())
    two = ENCODINGS["OME-Zarr in shards"](tmp_path, image())

    (found,) = compare_pixels(one, two)

    assert (found.status, str(found)) == (PixelStatus.EQUAL, "the pixels are equal")


def test_the_planes_that_differ_are_named(tmp_path: Path) -> None:
    changed = image()
    changed[1, 0, 2, 3, 4] ^= 1
    one = ENCODINGS["ImageJ hyperstack"](tmp_path, image())
    two = ome_zarr(tmp_path / "b.zarr", changed, chunks=(1, 1, 1, 35, 45))

    (found,) = compare_pixels(one, two)

    assert found.planes == (Plane(z=2, c=0, t=1),)
    assert str(found) == "the pixels differ in z 2, channel 0, t 1"


def test_channels_that_were_exchanged_are_told_as_reordered(tmp_path: Path) -> None:
    one = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    two = ome_zarr(tmp_path / "b.zarr", image()[:, ::-1], chunks=(1, 1, 1, 35, 45))

    (found,) = compare_pixels(one, two)

    assert found.status is PixelStatus.REORDERED


def test_a_stack_whose_axis_has_another_name_is_equal_and_told(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image((4, 9, 8)), photometric="minisblack", metadata=None)
    two = ome_zarr(tmp_path / "b.zarr", image((4, 9, 8)), axes="zyx", chunks=(1, 9, 8))

    (found,) = compare_pixels(tmp_path / "a.tif", two)

    assert found.status is PixelStatus.EQUAL
    assert str(found) == "the pixels are equal: axes tyx 4,9,8 in one, zyx 4,9,8 in the other"


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (image((35, 45), "int16"), "one has pixels of the type uint16, the other int16"),
        (image((45, 35)), "one is yx 35,45, the other yx 45,35"),
    ],
)
def test_another_shape_or_type_cannot_be_compared(other: object, said: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image((35, 45)))
    tifffile.imwrite(tmp_path / "b.tif", other)

    (found,) = compare_pixels(tmp_path / "a.tif", tmp_path / "b.tif")

    assert (found.status, found.remark) == (PixelStatus.INCOMPARABLE, said)


def test_what_cannot_be_read_is_never_equal(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0")

    (found,) = compare_pixels(tmp_path / "a.tif", tmp_path / "a.tif")

    assert found.status is PixelStatus.UNREAD
    assert found.remark.startswith("a.tif could not be read")


def test_many_planes_are_not_all_spelled_out() -> None:
    extent = Extent(z=9, c=1, t=1, y=1, x=1)
    ones, twos = (bytes([n]) for n in range(9)), (bytes([n + 9]) for n in range(9))

    found = compare_planes((extent, "uint8", tuple(ones)), (extent, "uint8", tuple(twos)))

    assert len(found.planes) == 9
    assert str(found).endswith("z 4, channel 0, t 0; and 4 more planes")


@pytest.mark.parametrize(
    ("axes", "shape", "extent"),
    [
        ("yx", "16,16", Extent(1, 1, 1, 16, 16)),
        ("tczyx", "1,3,20,512,511", Extent(20, 3, 1, 512, 511)),
        ("YX", "5, 6", Extent(1, 1, 1, 5, 6)),
        ("yx", "16", None),
        ("yy", "16,16", None),
        ("qyx", "1,16,16", None),
        ("zx", "1,16", None),
        ("yx", "0,16", None),
        ("yx", "-1,16", None),
        ("", "", None),
    ],
)
def test_axes_and_shape_of_a_crate_are_read_in_any_order(
    axes: str, shape: str, extent: Extent | None
) -> None:
    assert Extent.parse(axes, shape) == extent
