"""`similar --between` finds an image of one set in the other, in whatever file it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from cli.cli_kit import error_of, run
from crate_iscc import InputError, build, leakage
from crate_iscc.image_code import Plane, image_code, image_view
from crate_iscc.render.leakage import leakage_json
from crate_iscc.similarity.leaks import LeakKind
from pixels.pixel_kit import Array, ome_set, ome_zarr, write_group
from similarity.test_similar_command import valid


def smooth(turn: int = 0, dtype: str = "uint16") -> Array:
    """Return an image that looks like something, turned by quarters; at 8 bits with less detail."""
    y, x = np.indices((48, 64))
    shape = np.sin(y / 5) + np.cos(x / 7) + np.sin(x * y / 200)
    pixels = ((shape + 3) * 10_000).astype("uint16")
    pixels = pixels // 256 if dtype == "uint8" else pixels
    return np.ascontiguousarray(np.rot90(pixels.astype(dtype), turn))


def how_far() -> str:
    """Return how far the looks of the image at 16 and at 8 bits are apart, in words."""
    views = [image_view([Plane(smooth(dtype=dtype))]) for dtype in ("uint16", "uint8")]
    one, two = (int.from_bytes(image_code(view)) for view in views if view)
    return f"{(one ^ two).bit_count()} of 256 bits: alike"


def packed(place: Path, pixels: Array) -> None:
    tifffile.imwrite(place, pixels, compression="zlib", byteorder=">", metadata=None)


def plain(place: Path, pixels: Array) -> None:
    tifffile.imwrite(place, pixels, metadata=None)


def zarr(place: Path, pixels: Array) -> None:
    ome_zarr(place, pixels, axes="yx", chunks=(20, 30))


def png(place: Path, pixels: Array) -> None:
    place.write_bytes(imagecodecs.png_encode(pixels))


Sets = Callable[..., None]


@pytest.fixture
def sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sets:
    """Return what writes images into the folders train and test of the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("train", "test"):
        Path(name).mkdir()

    def write(**images: tuple[Callable[[Path, Array], None], Array]) -> None:
        for name, (how, pixels) in images.items():
            ending = how.__name__ if how in (zarr, png) else "tif"
            folder, _, stem = name.partition("_")
            how(Path(folder, f"{stem}.{ending}"), pixels)

    return write


def leaks(**how: Any) -> list[tuple[str, str, str]]:
    found = leakage("train", "test", **how)
    return [(leak.kind.value, leak.member.path, leak.others[0].path) for leak in found.leaks]


def test_an_image_in_another_file_is_a_leak_by_its_pixels(sets: Sets) -> None:
    """Compressed another way, as an OME-Zarr, as a PNG: no bytes are shared, and pixels are."""
    grey = smooth(1, "uint8")
    sets(
        train_a=(plain, smooth()),
        train_b=(plain, grey),
        test_a=(packed, smooth()),
        test_b=(zarr, smooth()),
        test_c=(png, grey),
        test_d=(plain, smooth(2)),
    )
    colours = np.stack([smooth(turn, "uint8") for turn in (0, 2, 0)], axis=-1)
    tifffile.imwrite("train/rgb.tif", colours, photometric="rgb", metadata=None)
    png(Path("test/rgb.png"), colours)

    assert leaks() == []
    assert leaks(pixels=True) == [
        ("pixels", "a.tif", "a.tif"),
        ("pixels", "b.zarr", "a.tif"),
        ("pixels", "c.png", "b.tif"),
        ("pixels", "rgb.png", "rgb.tif"),
    ]


@pytest.mark.parametrize("other", ["one pixel", "another shape", "another type"])
def test_other_pixels_are_no_leak(sets: Sets, other: str) -> None:
    """Even where all bytes of all pixels are the same, shape and type make another image."""
    blank = np.zeros((48, 64), "uint16")
    sets(train_a=(plain, blank))
    touched = blank.copy()
    touched[9, 9] = 1
    pixels = {
        "one pixel": touched,
        "another shape": blank.T.copy(),
        "another type": blank.astype("int16"),
    }
    sets(test_a=(packed, pixels[other]), test_b=(packed, smooth()))

    outcome = run("similar", "--between", "train", "test", "--pixels")

    assert outcome.code == 0
    assert "in train too: 0 of 2 files in test (0 exactly, 0 by equal pixels, 0 nearly)" in (
        outcome.out
    )


def test_the_text_tells_each_kind_of_leak_apart(sets: Sets) -> None:
    """What looks alike is counted behind the others, and is a leak where looks were asked for."""
    sets(
        train_a=(plain, smooth()),
        train_b=(plain, smooth(1)),
        test_copy=(plain, smooth(1)),
        test_packed=(packed, smooth()),
        test_shown=(packed, smooth(0, "uint8")),
    )

    outcome = run("similar", "--between", "train", "test", "--images")

    assert outcome.code == 1
    width = len(how_far())
    assert outcome.lines[:3] == [
        f"exact   test/copy.tif    {'the same':<{width}}  train/b.tif",
        f"pixels  test/packed.tif  {'the same pixels':<{width}}  train/a.tif",
        f"looks   test/shown.tif   {how_far()}  train/a.tif",
    ]
    assert outcome.lines[6:9] == [
        "train: 2 images, decoded",
        "test: 3 images, decoded",
        "in train too: 2 of 3 files in test (1 exactly, 1 by equal pixels, 0 nearly); "
        "1 more looks alike",
    ]
    assert "threshold of looks: 48 of 256 bits, 6 pairs" in outcome.lines


def test_looks_are_no_leak_unless_they_are_asked_for(sets: Sets) -> None:
    sets(train_a=(plain, smooth()), test_a=(packed, smooth(0, "uint8")))

    by_pixels = run("similar", "--between", "train", "test", "--pixels")
    by_looks = run("similar", "--between", "train", "test", "--images")

    assert by_pixels.code == 0
    assert "--images compares looks" in by_pixels.lines[-1]
    assert by_looks.code == 1
    assert "in train too: 0 of 1 file in test" in by_looks.out


def test_without_pixels_the_option_that_finds_them_is_named(sets: Sets) -> None:
    sets(train_a=(plain, smooth()), test_a=(packed, smooth()))

    outcome = run("similar", "--between", "train", "test")

    assert outcome.code == 0
    assert outcome.lines[-1].endswith("is not found by them: --pixels finds it.")


def test_of_a_file_the_strongest_is_told_once(sets: Sets) -> None:
    """The same pixels behind another header are near by bytes, and alike; one line says it."""
    noise = np.random.default_rng(8).integers(0, 60_000, (256, 256), "uint16")
    plain(Path("train/a.tif"), noise)
    tifffile.imwrite("test/a.tif", noise, metadata=None, description="another header" * 9)

    assert leaks() == [("bytes", "a.tif", "a.tif")]
    assert leaks(looks=True) == [("pixels", "a.tif", "a.tif")]


def test_the_json_says_what_was_looked_for_and_is_as_the_schema_has_it(sets: Sets) -> None:
    sets(train_a=(plain, smooth()), test_a=(zarr, smooth()))

    for looks, levels in (
        (False, ["exact", "pixels", "bytes"]),
        (True, ["exact", "pixels", "bytes", "appearance"]),
    ):
        found = valid(leakage_json(leakage("train", "test", pixels=True, looks=looks)))
        assert found["levels"] == levels
        assert [(leak["level"], leak["distance"]) for leak in found["leaks"]] == [("pixels", None)]
        assert found["leaks"][0]["test"]["datahash"] is None
        assert found["images"]["compared"] == 2


@pytest.mark.parametrize("leaking", [False, True])
def test_an_image_that_cannot_be_read_leaves_no_clean_answer(sets: Sets, leaking: bool) -> None:
    sets(train_a=(plain, smooth()), test_a=(packed, smooth(0 if leaking else 1)))
    packed(Path("test/cut.tif"), smooth(2))
    raw = Path("test/cut.tif").read_bytes()
    Path("test/cut.tif").write_bytes(raw[: len(raw) // 2])

    outcome = run("similar", "--between", "train", "test", "--pixels")

    assert outcome.code == (1 if leaking else 3)
    assert "  unread: cut.tif: " in outcome.out
    assert leakage("train", "test").is_complete


@pytest.mark.parametrize("empty", ["train", "test"])
def test_a_set_without_an_image_gives_no_verdict_by_pixels(sets: Sets, empty: str) -> None:
    sets(**{f"{'test' if empty == 'train' else 'train'}_a": (plain, smooth())})
    Path(empty, "notes.txt").write_text("no image")

    outcome = run("similar", "--between", "train", "test", "--pixels")

    assert outcome.code == 2
    assert f"there is no image in {empty}" in error_of(outcome)


def test_recorded_pixel_codes_are_taken_and_said_to_be(sets: Sets) -> None:
    """An image that is gone is found by what is recorded; with --compute it is not."""
    sets(train_a=(plain, smooth()), train_b=(plain, smooth(1)), test_a=(zarr, smooth()))
    build("train", pixels=True, name="Train", licence="CC0-1.0")
    Path("train/a.tif").unlink()
    plain(Path("train/c.tif"), smooth(2))

    outcome = run("similar", "--between", "train", "test", "--pixels", "--format", "json")
    computed = leakage("train", "test", pixels=True, compute=True)

    assert outcome.code == 1
    found = valid(outcome.out)
    assert [leak["train"][0]["path"] for leak in found["leaks"]] == ["a.tif"]
    assert [one["codes"] for one in found["images"]["sources"]] == ["both", "computed"]
    assert computed.leaks == ()
    assert computed.images
    assert [member.path for member in computed.images.first.members] == ["b.tif", "c.tif"]


def test_recorded_image_codes_are_taken_where_pixel_codes_stand_beside_them(sets: Sets) -> None:
    sets(train_a=(plain, smooth()), test_a=(packed, smooth(0, "uint8")))
    build("train", pixels=True, full_codes=True, name="Train", licence="CC0-1.0")
    Path("train/a.tif").write_bytes(b"damaged since")

    outcome = run("similar", "--between", "train", "test", "--images")

    assert outcome.lines[0] == f"looks  test/a.tif  {how_far()}  train/a.tif"
    assert "train: 1 image, as the crate records it, not checked" in outcome.lines


def test_a_file_of_which_one_image_alone_is_recorded_is_decoded(sets: Sets) -> None:
    """Otherwise the other one would be passed over; labels are no images of a set at all."""
    for number in range(2):
        write_group(Path(f"train/a.zarr/{number}"), smooth(number), axes="yx", version="0.5")
    group = {"zarr_format": 3, "node_type": "group"}
    layout = {"attributes": {"ome": {"bioformats2raw.layout": 3}}}
    Path("train/a.zarr/zarr.json").write_text(str(group | layout).replace("'", '"'))
    build("train", pixels=True, name="Train", licence="CC0-1.0")
    metadata = Path("train/ro-crate-metadata.json")
    metadata.write_text(metadata.read_text().replace("#iscc-pixels-a.zarr/-1", "#elsewhere"))
    sets(test_a=(packed, smooth()), test_b=(packed, smooth(1)))

    found = leakage("train", "test", pixels=True)

    assert [leak.others[0].path for leak in found.leaks] == ["a.zarr#0", "a.zarr#1"]
    assert leakage("test", "train", pixels=True).leaking == 1  # file, with two images
    assert found.images
    assert not found.images.first.recorded


def test_labels_with_the_same_pixels_are_no_leak(sets: Sets) -> None:
    for name, turn in (("train", 0), ("test", 1)):
        zarr(Path(name, "a.zarr"), smooth(turn))
        write_group(Path(name, "a.zarr/labels/cells"), smooth(2), axes="yx", version="0.5")
        (Path(name) / "a.zarr/labels/zarr.json").write_text(
            '{"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"labels": ["cells"]}}}'
        )
    build("train", pixels=True, name="Train", licence="CC0-1.0")

    found = leakage("train", "test", pixels=True)

    assert not found.counts[LeakKind.PIXELS]
    assert found.images
    assert found.images.first.recorded
    assert len(found.images.first.members) == len(found.images.second.members) == 1


def test_an_image_in_several_files_is_one_leak(sets: Sets) -> None:
    pixels = np.random.default_rng(8).integers(0, 99, (2, 1, 1, 48, 64), "uint16")
    ome_set(Path("train"), pixels)
    ome_zarr(Path("test/a.zarr"), pixels)
    build("train", pixels=True, name="Train", licence="CC0-1.0")

    assert leaks(pixels=True) == [("pixels", "a.zarr", "set_0.ome.tif")]


def test_pixels_are_compared_within_a_set_as_well(sets: Sets) -> None:
    sets(train_a=(plain, smooth()), train_b=(zarr, smooth()), train_c=(packed, smooth(1)))

    outcome = run("similar", "--pixels", "train")

    assert outcome.lines[:3] == [
        "pixels  2 copies of 6.1 kB",
        "  a.tif",
        "  b.zarr  the same pixels",
    ]
    assert outcome.lines[5] == "1 group with the same pixels, among 3 images with 2 contents"


def test_an_image_that_looks_the_same_all_over_is_said_to_have_no_look(sets: Sets) -> None:
    sets(train_a=(plain, np.zeros((48, 64), "uint8")), train_b=(plain, smooth()))

    outcome = run("similar", "--images", "train")

    assert "  by pixels alone: 1 image without an Image-Code" in outcome.out


def test_leakage_by_pixels_needs_an_image(sets: Sets) -> None:
    for name in ("train", "test"):
        Path(name, "notes.txt").write_text(name)

    with pytest.raises(InputError, match="there is no image in train"):
        leakage("train", "test", pixels=True)
