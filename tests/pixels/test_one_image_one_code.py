"""One image has one pixel code, however it is encoded (IEP-0018)."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from crate_iscc.images import PIXEL_TYPES, Extent, ImageFingerprint, PixelStatus, Role
from crate_iscc.imaging import compare_pixels, pixels_of
from crate_iscc.sources.zip import ZipTree
from pixels.pixel_kit import (
    ENCODINGS,
    code_of,
    image,
    ome_set,
    ome_zarr,
    only,
    walked,
    write_group,
    zipped,
)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_code_is_that_of_the_walk_in_every_encoding(encoding: str, tmp_path: Path) -> None:
    pixels = image()

    found = only(ENCODINGS[encoding](tmp_path, pixels))

    assert found.iscc == code_of(walked(pixels))
    assert found.extent == Extent(z=4, c=3, t=2, y=35, x=45)
    assert (found.extent.axes, found.extent.shape, found.dtype) == (
        "zctyx",
        "4,3,2,35,45",
        "uint16",
    )


@pytest.mark.parametrize("dtype", PIXEL_TYPES)
@pytest.mark.parametrize("order", ["<", ">"])
def test_each_type_of_pixels_is_hashed_big_endian(dtype: str, order: str, tmp_path: Path) -> None:
    """IEP-0018, canonical bytes; what is in a NaN stays."""
    pixels = image((1, 1, 2, 5, 7), dtype)
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, byteorder=order, metadata={"axes": "TCZYX"})
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    ome_zarr(tmp_path / "a.zarr", stored, version="0.4", chunks=(1, 1, 1, 5, 7))

    codes = {only(tmp_path / name).iscc for name in ("a.ome.tif", "a.zarr")}

    assert codes == {code_of(walked(pixels))}


@pytest.mark.parametrize(
    ("pixels", "canonical"),
    [
        (np.array([[1, 2], [3, 4]], "uint8"), bytes([1, 2, 3, 4])),
        (np.array([[256, 512], [768, 1024]], "uint16"), bytes([1, 0, 2, 0, 3, 0, 4, 0])),
        (np.array([[1.0, 2.0]], "float32"), bytes.fromhex("3f800000 40000000")),
    ],
)
def test_the_planes_of_the_specification_have_its_bytes(
    pixels: np.ndarray[tuple[int, int], np.dtype[np.float32]], canonical: bytes, tmp_path: Path
) -> None:
    """IEP-0018, 7.1, test cases 1 to 3."""
    tifffile.imwrite(tmp_path / "plane.tif", pixels)

    assert only(tmp_path / "plane.tif").iscc == code_of(canonical)


def test_planes_of_one_pixel_count_z_outermost_and_t_innermost(tmp_path: Path) -> None:
    """IEP-0018, 7.2, test case 4, with pixels that differ."""
    pixels = np.arange(8, dtype="uint8").reshape(2, 2, 2, 1, 1)  # t, c, z, y, x
    ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 1, 1, 1))

    found = only(tmp_path / "a.zarr")

    assert found.iscc == code_of(bytes([0, 4, 2, 6, 1, 5, 3, 7]))
    assert [str(plane) for plane in found.extent.walk()][:3] == [
        "z 0, channel 0, t 0",
        "z 0, channel 0, t 1",
        "z 0, channel 1, t 0",
    ]


@pytest.mark.parametrize("form", ["a.ome.tif", "v4.zarr", "v5.zarr"])
def test_the_code_is_that_of_another_implementation(form: str, tmp_path: Path) -> None:
    """Equal to iscc-bio 0.2.0, where that is right: iscc_bio.api.biocode(path)["parts"].

    It was run on these very files, with bioio-ome-tiff and ome-zarr beside it.
    """
    t, c, z, y, x = np.indices((2, 3, 4, 64, 48))
    pixels = ((7 * t + 11 * c + 13 * z + y * 3 + x * x) % 65521).astype("uint16")
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": "TCZYX"})
    ome_zarr(tmp_path / "v4.zarr", pixels, version="0.4", name="s0", chunks=(1, 1, 1, 64, 48))
    ome_zarr(tmp_path / "v5.zarr", pixels, version="0.5", name="s0", chunks=(1, 1, 2, 32, 48))

    assert only(tmp_path / form).iscc == (
        "ISCC:K4AN4NTESCY44DA7GDVLPN3Y4B6FFQKINTQ66PZAQST6BMANS6PDA6Y"
    )


def test_scenes_have_codes_of_their_own_in_their_order(tmp_path: Path) -> None:
    """IEP-0018, 7.3, test case 5."""
    with tifffile.TiffWriter(tmp_path / "two.ome.tif", ome=True) as writer:
        writer.write(np.array([[1]], "uint8"))
        writer.write(np.array([[2]], "uint8"))

    found = pixels_of(tmp_path / "two.ome.tif")

    assert [(one.scene, getattr(one, "iscc", one)) for one in found] == [
        ("0", code_of(b"\1")),
        ("1", code_of(b"\2")),
    ]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("contiguous.tif", {"photometric": "rgb"}),
        ("tiled.ome.tif", {"photometric": "rgb", "tile": (16, 16), "compression": "deflate"}),
        ("strips.tif", {"photometric": "rgb", "rowsperstrip": 3, "compression": "lzw"}),
        ("imagej.tif", {"imagej": True}),
    ],
)
def test_samples_of_a_pixel_are_channels(name: str, how: dict[str, object], tmp_path: Path) -> None:
    pixels = image((1, 3, 1, 35, 45), "uint8")
    samples_last = pixels[0, :, 0].transpose(1, 2, 0)
    tifffile.imwrite(tmp_path / name, samples_last, **how)

    found = only(tmp_path / name)

    assert found.iscc == code_of(walked(pixels))
    assert (found.extent.axes, found.extent.shape) == ("cyx", "3,35,45")


def test_samples_in_planes_of_their_own_are_channels_as_well(tmp_path: Path) -> None:
    pixels = image((1, 3, 1, 35, 45), "uint8")
    how = {"photometric": "rgb", "planarconfig": "separate", "compression": "zlib"}
    tifffile.imwrite(tmp_path / "planar.tif", pixels[0, :, 0], **how)

    assert only(tmp_path / "planar.tif").iscc == code_of(walked(pixels))


def test_samples_over_time_are_walked_channel_by_channel(tmp_path: Path) -> None:
    pixels = image((3, 3, 2, 9, 8), "uint8")
    how = {"photometric": "rgb", "metadata": {"axes": "TZYXS"}}
    tifffile.imwrite(tmp_path / "rgb.ome.tif", pixels.transpose(0, 2, 3, 4, 1), **how)

    assert only(tmp_path / "rgb.ome.tif").iscc == code_of(walked(pixels))


def test_every_sample_counts(tmp_path: Path) -> None:
    pixels = image((9, 8, 3), "uint8")
    for name, sample in (("a", 1), ("b", 2)):
        changed = pixels.copy()
        changed[4, 4, sample] ^= 1
        tifffile.imwrite(tmp_path / f"{name}.tif", changed, photometric="rgb")
    tifffile.imwrite(tmp_path / "c.tif", pixels, photometric="rgb")

    assert len({only(tmp_path / f"{name}.tif").iscc for name in "abc"}) == 3


def test_bits_are_taken_for_bytes(tmp_path: Path) -> None:
    pixels = image((9, 13), "uint8") > 99
    tifffile.imwrite(tmp_path / "bits.tif", pixels, compression="packbits")
    ome_zarr(tmp_path / "bits.zarr", pixels, axes="yx", chunks=(9, 13))

    found = {only(tmp_path / name).iscc for name in ("bits.tif", "bits.zarr")}

    assert found == {code_of(pixels.astype("uint8").tobytes())}


def test_a_zip_a_directory_and_a_zip_in_a_directory_have_one_code(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "data" / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    zipped(folder, tmp_path / "data" / "b.ozx")
    zipped(tmp_path / "data", tmp_path / "all.zip")
    with ZipTree(tmp_path / "all.zip") as tree:
        assert "a.zarr/zarr.json" in tree.listing().entries

    found = pixels_of(tmp_path / "data")
    packed = pixels_of(tmp_path / "all.zip")

    assert {one.path for one in found} == {"a.zarr/", "b.ozx"}
    assert {getattr(one, "iscc", one) for one in found} == {code_of(walked(image()))}
    assert [getattr(one, "iscc", "") for one in packed if one.path == "a.zarr/"] == [
        code_of(walked(image()))
    ]


def test_labels_are_apart_and_change_nothing_of_the_image(tmp_path: Path) -> None:
    pixels = image()
    place = ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 1, 35, 45))
    alone = only(place)
    labels = image((35, 45), "uint32")
    group = zarr.open_group(place / "labels", mode="w", zarr_format=3)
    group.attrs.update({"ome": {"version": "0.5", "labels": ["cells"]}})
    write_group(place / "labels" / "cells", labels, axes="yx", version="0.5", chunks=(35, 45))

    picture, label = pixels_of(place)

    assert isinstance(picture, ImageFingerprint)
    assert isinstance(label, ImageFingerprint)
    assert (picture.iscc, picture.role) == (alone.iscc, Role.IMAGE)
    assert (label.scene, label.role) == ("labels/cells", Role.LABEL)
    assert label.iscc == code_of(labels.astype(">u4").tobytes())


def test_the_fields_of_a_plate_come_in_the_order_of_the_metadata(tmp_path: Path) -> None:
    place = tmp_path / "plate.zarr"
    wells = ["B/1", "A/2"]
    plate = zarr.open_group(place, mode="w", zarr_format=3)
    plate.attrs.update(
        {"ome": {"version": "0.5", "plate": {"wells": [{"path": w} for w in wells]}}}
    )
    fields = {}
    for number, name in enumerate(f"{well}/{field}" for well in wells for field in ("1", "0")):
        fields[name] = np.full((5, 6), number, "uint8")
        write_group(place / name, fields[name], axes="yx", version="0.5", chunks=(5, 6))
    for well in wells:
        group = zarr.open_group(place / well, mode="a", zarr_format=3)
        images = [{"path": "1"}, {"path": "0"}]
        group.attrs.update({"ome": {"version": "0.5", "well": {"images": images}}})

    found = pixels_of(place)

    assert [(one.scene, getattr(one, "iscc", one)) for one in found] == [
        (name, code_of(pixels.tobytes())) for name, pixels in fields.items()
    ]


def test_an_absent_chunk_stands_for_the_fill_value(tmp_path: Path) -> None:
    """Zarr, section on missing chunks: they are legal."""
    pixels = np.full((4, 4), 7, "uint16")
    place = ome_zarr(tmp_path / "a.zarr", pixels, axes="yx", chunks=(2, 4), fill_value=7)
    (place / "0" / "c" / "1" / "0").unlink(missing_ok=True)

    assert only(place).iscc == code_of(pixels.astype(">u2").tobytes())


def test_a_set_of_files_is_told_once(tmp_path: Path) -> None:
    places = ome_set(tmp_path, image())

    (found,) = pixels_of(tmp_path)

    assert isinstance(found, ImageFingerprint)
    assert found.files == tuple(place.name for place in places)


def test_axes_of_length_one_are_the_same_as_none(tmp_path: Path) -> None:
    plane = image((35, 45))
    tifffile.imwrite(tmp_path / "a.tif", plane)
    ome_zarr(tmp_path / "a.zarr", plane[None, None, None], chunks=(1, 1, 1, 35, 45))

    (compared,) = compare_pixels(tmp_path / "a.tif", tmp_path / "a.zarr")

    assert (compared.status, str(compared)) == (PixelStatus.EQUAL, "the pixels are equal")


def test_pages_that_say_nothing_of_their_axis_are_a_time_series(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image((4, 9, 8)), photometric="minisblack", metadata=None)

    found = only(tmp_path / "a.tif")

    assert (found.extent.axes, found.extent.shape) == ("tyx", "4,9,8")
    assert found.iscc == code_of(image((4, 9, 8)).astype(">u2").tobytes())


def test_the_digest_of_a_plane_is_the_blake3_of_its_bytes(tmp_path: Path) -> None:
    from blake3 import blake3

    pixels = image()
    found = only(ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 2, 35, 45)))

    digests = dict(zip(map(str, found.extent.walk()), found.digests(), strict=True))

    plane = struct.pack(f">{35 * 45}H", *pixels[1, 2, 3].ravel().tolist())
    assert digests["z 3, channel 2, t 1"] == blake3(plane).digest()


@pytest.mark.parametrize("jobs", [1, 5])
def test_any_number_of_threads_gives_the_same(jobs: int, tmp_path: Path) -> None:
    place = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 20, 20))

    (found,) = pixels_of(place, jobs=jobs)

    assert getattr(found, "iscc", found) == code_of(walked(image()))
