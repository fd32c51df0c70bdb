"""Images with the same pixels are found in any file, and images that look alike by their codes."""

import json
from pathlib import Path

import numpy as np
import pytest
import skimage
import tifffile
import zarr

from cli.cli_kit import error_of, run
from similarity.test_similar_command import members, valid


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one image in three encodings, a small 8-bit look of it, and others."""
    folder = tmp_path_factory.mktemp("images")
    camera = skimage.data.camera().astype(np.uint16) * 200
    tifffile.imwrite(folder / "a.tif", camera)
    tifffile.imwrite(folder / "b.tif", camera, compression="zlib", tile=(64, 64), byteorder=">")
    group = zarr.create_group(folder / "c.zarr", zarr_format=3)
    group.create_array("0", data=camera[None, None], chunks=(1, 1, 100, 100))
    axes = [
        {"name": name, "type": kind}
        for name, kind in (("c", "channel"), ("z", "space"), ("y", "space"), ("x", "space"))
    ]
    scale = [{"type": "scale", "scale": [1.0] * 4}]
    group.attrs["ome"] = {
        "version": "0.5",
        "multiscales": [
            {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
        ],
    }
    small = camera.reshape(128, 4, 128, 4).mean(axis=(1, 3))
    tifffile.imwrite(folder / "look.tif", (small / 256).astype(np.uint8))
    tifffile.imwrite(folder / "other.tif", skimage.data.coins())
    return folder


def test_the_same_pixels_are_found_in_other_files_and_looks_beside_them(images: Path) -> None:
    outcome = run("similar", "--images", "--format", "json", images)

    assert outcome.code == 0
    (group,) = valid(outcome.out)["groups"]
    assert group["level"] == "appearance"
    assert members(group) == [["a.tif", "b.tif", "c.zarr"], ["look.tif"]]


def test_the_text_speaks_of_pixels_and_looks(images: Path) -> None:
    outcome = run("similar", "--images", images)

    assert outcome.lines[0] == "looks   2 contents, 4 images"
    assert outcome.lines[2] == "  b.tif     the same pixels"
    assert "experimental" in outcome.lines[-1]


def test_an_image_that_cannot_be_decoded_is_named(images: Path, tmp_path: Path) -> None:
    raw = (images / "a.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(raw[: len(raw) // 2])

    outcome = run("similar", "--images", "--format", "json", tmp_path)

    assert outcome.code == 3
    assert json.loads(outcome.out)["sources"][0]["unread"][0]["path"] == "cut.tif"


def test_a_folder_without_images_gives_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")

    outcome = run("similar", "--images", tmp_path)

    assert outcome.code == 2
    assert "there is no image" in error_of(outcome)
