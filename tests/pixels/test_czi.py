"""Zeiss CZI files are walked as any image; what their reader would make up is told instead."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.cli_kit import run
from crate_iscc.images import ImageFingerprint
from crate_iscc.imaging import pixels_of
from crate_iscc.paths import CratePath
from crate_iscc.pixels import NoPixelsError, PixelImage
from crate_iscc.pixels.czi import CziSource
from crate_iscc.pixels.on_disk import OnDisk
from crate_iscc.sources.directory import DirectoryTree
from pixels.pixel_kit import code_of, image, ome_zarr, only, reason, walked, zipped

czi = pytest.importorskip("pylibCZIrw.czi", reason="pylibCZIrw is not installed")


def written(
    place: Path,
    pixels: Any,
    *,
    skip: tuple[int, int, int] | None = None,
    start: int = 0,
    compression: str = "uncompressed:",
) -> Path:
    """Write an image with the axes T, C, Z, Y, X; one plane may be left out."""
    with czi.create_czi(str(place), compression_options=compression) as writer:
        for t, c, z in np.ndindex(pixels.shape[:3]):
            if (t, c, z) != skip:
                plane = {"T": t + start, "C": c, "Z": z + start}
                writer.write(np.ascontiguousarray(pixels[t, c, z])[..., None], plane=plane)
    return place


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("compression", ["uncompressed:", "zstd0:ExplicitLevel=2", "zstd1:"])
def test_a_czi_has_the_code_of_its_walk(dtype: str, compression: str, tmp_path: Path) -> None:
    """IEP-0018, by the reference implementation."""
    if (dtype, compression) == ("float32", "zstd1:"):
        pytest.skip("libCZI splits bytes of 16-bit pixels alone")
    pixels = image(dtype="uint32").astype(dtype)

    found = only(written(tmp_path / "a.czi", pixels, compression=compression))

    assert found.iscc == code_of(walked(pixels))
    assert (found.extent.axes, found.extent.shape, found.dtype) == (
        "zctyx",
        "4,3,2,35,45",
        dtype,
    )
    assert found.reader.startswith("pylibCZIrw ")


def test_a_czi_and_the_zarr_made_of_it_have_equal_pixels(tmp_path: Path) -> None:
    one = written(tmp_path / "a.czi", image())
    two = ome_zarr(tmp_path / "b.zarr", image(), chunks=(1, 1, 2, 20, 20))

    ended = run("compare", one, two, "--pixels")

    assert ended.lines[0] == "re-encoded: the pixels are equal"


def test_indices_that_do_not_start_at_0_are_the_same_image(tmp_path: Path) -> None:
    assert only(written(tmp_path / "a.czi", image(), start=3)).iscc == code_of(walked(image()))


def test_a_plane_that_is_missing_is_not_taken_for_a_black_one(tmp_path: Path) -> None:
    """The reader returns zeros for it."""
    place = written(tmp_path / "a.czi", image(), skip=(1, 2, 3))

    assert reason(place) == "a plane of it is missing: z 3, channel 2, t 1"


def test_samples_are_the_channels_red_green_blue(tmp_path: Path) -> None:
    """CZI stores blue first."""
    rgb = image((30, 40, 3), "uint8")
    with czi.create_czi(str(tmp_path / "a.czi")) as writer:
        writer.write(np.ascontiguousarray(rgb[..., ::-1]), plane={"C": 0})

    found = only(tmp_path / "a.czi")

    assert found.extent.axes == "cyx"
    assert found.iscc == code_of(walked(rgb.transpose(2, 0, 1)[None, :, None]))


def test_scenes_are_images_of_their_own(tmp_path: Path) -> None:
    """Each in the rectangle of its own tiles."""
    pixels = image((2, 30, 40))
    with czi.create_czi(str(tmp_path / "a.czi")) as writer:
        for scene, at in ((0, (0, 0)), (1, (100, 50))):
            writer.write(pixels[scene][..., None], plane={"C": 0}, scene=scene, location=at)

    found = pixels_of(tmp_path / "a.czi")

    assert [one.scene for one in found] == ["0", "1"]
    assert [one.iscc for one in found if isinstance(one, ImageFingerprint)] == [
        code_of(walked(pixels[scene][None, None, None])) for scene in (0, 1)
    ]


def test_tiles_are_put_together_and_gaps_are_0(tmp_path: Path) -> None:
    whole = image((40, 60))
    whole[20:, 30:] = 0
    with czi.create_czi(str(tmp_path / "a.czi")) as writer:
        for y, x in ((0, 0), (0, 30), (20, 0)):
            tile = np.ascontiguousarray(whole[y : y + 20, x : x + 30])[..., None]
            writer.write(tile, plane={"C": 0}, location=(x, y))

    assert only(tmp_path / "a.czi").iscc == code_of(walked(whole[None, None, None]))


def test_channels_of_several_types_have_no_code(tmp_path: Path) -> None:
    with czi.create_czi(str(tmp_path / "a.czi")) as writer:
        for channel, dtype in enumerate(("uint8", "uint16")):
            writer.write(image((30, 40, 1), dtype), plane={"C": channel})

    assert reason(tmp_path / "a.czi") == "its pixels are of several types: Gray16, Gray8"


def test_damaged_and_cut_files_are_findings(tmp_path: Path) -> None:
    smooth = np.indices((1, 1, 1, 200, 300)).sum(0).astype("uint16")
    place = written(tmp_path / "a.czi", smooth, compression="zstd0:ExplicitLevel=2")
    whole = place.read_bytes()
    (tmp_path / "none.czi").write_bytes(b"ZISRAWFILE")
    (tmp_path / "cut.czi").write_bytes(whole[: len(whole) // 2])
    at = whole.find(b"\x28\xb5\x2f\xfd") + 20
    (tmp_path / "damaged.czi").write_bytes(whole[:at] + os.urandom(64) + whole[at + 64 :])

    for name in ("none", "cut", "damaged"):
        assert reason(tmp_path / f"{name}.czi").startswith("it cannot be decoded: ")


def test_a_reader_that_crashes_takes_nothing_with_it(tmp_path: Path) -> None:
    """LibCZI ends its process on some damaged files; here somebody kills it between two reads."""
    place = written(tmp_path / "a.czi", image())
    with DirectoryTree(tmp_path) as tree:
        source = CziSource(OnDisk(tree, tree.top(), CratePath(place.name)))
        (found,) = source.images()
        assert isinstance(found, PixelImage)
        first, second, *_ = found.blocks()
        assert len(first()) == 35 * 45 * 2
        assert source._process
        source._process._process.kill()
        source._process._process.wait()
        with pytest.raises(NoPixelsError, match="its reader crashed"):
            second()
        source.close()


def test_a_czi_in_an_archive_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    written(tmp_path / "x/a.czi", image((1, 1, 1, 8, 9)))
    (tmp_path / "x/notes.txt").write_text("1")

    found = reason(zipped(tmp_path / "x", tmp_path / "x.zip"))

    assert found == "its reader takes no file inside of an archive: unpack that"
