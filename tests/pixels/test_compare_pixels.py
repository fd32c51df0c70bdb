"""`compare --pixels` proves a conversion, and `--record` writes it into the crate."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from cli.cli_kit import run
from compare.compare_kit import compared, parsed
from pixels.pixel_kit import ENCODINGS, image, ome_zarr, write_group, zipped
from verify.verify_kit import write_files

RAW = ENCODINGS["OME-TIFF tiled, deflated with predictor"]


def raw(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return RAW(folder, image())


def converted(place: Path, pixels: Any = None) -> Path:
    pixels = image() if pixels is None else pixels
    return ome_zarr(place, pixels, chunks=(1, 1, 2, 20, 20))


def changed() -> Any:
    pixels = image()
    pixels[1, 0, 2, 3, 4] ^= 1
    return pixels


# --- the answer ----------------------------------------------------------------------------------


def test_a_file_and_the_zarr_made_of_it_are_re_encoded(tmp_path: Path) -> None:
    one, two = raw(tmp_path), converted(tmp_path / "b.zarr")

    text = run("compare", one, two, "--pixels")
    code, answer = compared(one, two, "--pixels")

    assert (text.code, code) == (0, 0)
    assert text.lines[0] == "re-encoded: the pixels are equal"
    assert (
        "  identity    not the same bytes: one is a file, the other a tree of files" in text.lines
    )
    assert "  pixels      the pixels are equal" in text.lines
    assert any(
        line.startswith("  appearance  Image-Codes: 0 of 256 bits differ") for line in text.lines
    )
    assert (answer["likeness"], answer["of"], answer["pixels"]) == (
        "re-encoded",
        "file-and-tree",
        "equal",
    )
    assert answer["a"]["datahash"].startswith("1e20")
    assert answer["b"]["treehash"].startswith("1e20")
    (pair,) = answer["images"]
    assert pair["a"]["iscc"] == pair["b"]["iscc"]
    assert (pair["a"]["path"], pair["b"]["path"]) == (one.name, "")
    assert (pair["status"], pair["planes"], pair["appearance"]) == (
        "equal",
        [],
        {"bits": 0, "of": 256},
    )


def test_the_planes_that_a_conversion_changed_are_named(tmp_path: Path) -> None:
    one, two = raw(tmp_path), converted(tmp_path / "b.zarr", changed())

    text = run("compare", one, two, "--pixels")
    code, answer = compared(one, two, "--pixels")

    assert (text.code, code) == (1, 1)
    assert text.lines[0] == "different: the pixels differ in z 2, channel 0, t 1"
    assert answer["likeness"] == answer["pixels"] == "different"
    assert answer["images"][0]["planes"] == [{"z": 2, "c": 0, "t": 1}]


def test_another_shape_is_not_comparable(tmp_path: Path) -> None:
    one, two = raw(tmp_path), converted(tmp_path / "b.zarr", image()[..., :-1])

    text = run("compare", one, two, "--pixels")

    assert text.code == 1
    assert text.lines[0] == (
        "different: the pixels are not comparable: one is zctyx 4,3,2,35,45, "
        "the other zctyx 4,3,2,35,44"
    )


def test_what_cannot_be_decoded_is_undecided(tmp_path: Path) -> None:
    """Whatever the bytes say: nobody knows of the pixels."""
    two = converted(tmp_path / "b.zarr")
    (tmp_path / "cut.tif").write_bytes(b"II*\0")

    code, answer = compared(tmp_path / "cut.tif", two, "--pixels")

    assert (code, answer["likeness"], answer["pixels"]) == (3, "undecided", "unread")
    assert "could not be read" in answer["summary"]
    assert answer["images"][0]["a"]["unread"]
    (tmp_path / "same.tif").write_bytes(b"II*\0")
    code, answer = compared(tmp_path / "cut.tif", tmp_path / "same.tif", "--pixels")
    assert (code, answer["likeness"], answer["pixels"]) == (3, "identical", "unread")


def test_two_files_of_one_image_are_compared_by_bytes_too(tmp_path: Path) -> None:
    one = raw(tmp_path / "x")
    (tmp_path / "y").mkdir()
    two = ENCODINGS["OME-TIFF in strips"](tmp_path / "y", image())

    text = run("compare", one, two, "--pixels")

    assert text.code == 0
    assert text.lines[0] == "re-encoded: the pixels are equal"
    assert "  identity    not the same bytes" in text.lines
    assert any(line.startswith("  bytes       Data-Codes: ") for line in text.lines)
    assert run("compare", one, one, "--pixels").lines[0].startswith("identical: the same bytes")
    assert run("compare", one, two).code == 1


def test_a_folder_whose_images_alone_were_re_encoded_is_re_encoded(tmp_path: Path) -> None:
    """And not if any other file is another; though the pixels are equal, which is the question."""
    for name in ("a", "b"):
        write_files(tmp_path / name, {"table.csv": b"1"})
    raw(tmp_path / "a")
    ENCODINGS["OME-TIFF in strips"](tmp_path / "b", image())

    code, answer = compared(tmp_path / "a", tmp_path / "b", "--pixels")
    assert (code, answer["likeness"], answer["of"]) == (0, "re-encoded", "trees")

    (tmp_path / "b/table.csv").write_bytes(b"2")
    code, answer = compared(tmp_path / "a", tmp_path / "b", "--pixels")
    assert (code, answer["likeness"], answer["pixels"]) == (0, "different", "equal")


def test_a_file_that_cannot_be_read_beside_equal_images_is_not_passed_over(tmp_path: Path) -> None:
    for name in ("a", "b"):
        raw(tmp_path / name)
        (tmp_path / name / "link").symlink_to(tmp_path)

    code, answer = compared(tmp_path / "a", tmp_path / "b", "--pixels")

    assert (code, answer["likeness"], answer["pixels"]) == (3, "undecided", "equal")


def test_images_inside_of_archives_are_compared(tmp_path: Path) -> None:
    one = raw(tmp_path / "x")
    two = converted(tmp_path / "y/b.zarr")
    write_files(tmp_path / "y", {"notes.txt": b"1"})
    archive = zipped(tmp_path / "x", tmp_path / "x.zip")
    zarrs = zipped(tmp_path / "y", tmp_path / "y.zip")

    for a, b in (
        (f"{archive}/{one.name}", two),
        (one, f"{zarrs}/b.zarr"),
        (archive, two),
    ):
        ended = run("compare", a, b, "--pixels")
        assert ended.out.startswith("re-encoded: "), ended.err


def test_all_images_of_two_sides_are_compared_in_their_order(tmp_path: Path) -> None:
    """If one has more, equal ones are paired, and what is left over is only there."""
    for name, numbers in (("a", "123"), ("b", "13"), ("c", "124")):
        (tmp_path / name).mkdir()
        for number in numbers:
            pixels = np.full((40, 40), int(number), "uint8")
            pixels[: int(number)] = 9
            tifffile.imwrite(tmp_path / name / f"{number}.tif", pixels, compression="zlib")

    code, answer = compared(tmp_path / "a", tmp_path / "b", "--pixels")
    assert (code, answer["pixels"]) == (1, "incomparable")
    assert sorted((one["status"], one["remark"]) for one in answer["images"]) == [
        ("equal", ""),
        ("equal", ""),
        ("incomparable", "only A has it"),
    ]
    text = run("compare", tmp_path / "a", tmp_path / "c", "--pixels")
    assert "1 of 3 images are not equal (3.tif -> 4.tif: the pixels differ in" in text.lines[0]


def test_labels_are_not_compared_and_alone_are_no_image(tmp_path: Path) -> None:
    one = raw(tmp_path)
    two = converted(tmp_path / "b.zarr")
    write_group(two / "labels/cells", image((35, 45)), axes="yx", version="0.5", chunks=(35, 45))

    assert run("compare", one, two, "--pixels").code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--record", "x"], "--record is for --pixels"),
        (["--pixels", "--record", "x"], "--by"),
        (["--pixels", "--by", "x"], "--record"),
    ],
)
def test_options_that_need_each_other_say_so(options: list[str], said: str, tmp_path: Path) -> None:
    ended = run("compare", tmp_path, tmp_path, *options)

    assert ended.code == 2
    assert said in ended.err


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    write_files(tmp_path / "x", {"a.txt": b"1"})

    ended = run("compare", raw(tmp_path), tmp_path / "x", "--pixels")

    assert ended.code == 2
    assert "there is no image in" in ended.err


def test_a_file_against_a_folder_names_the_option(tmp_path: Path) -> None:
    ended = run("compare", raw(tmp_path), converted(tmp_path / "b.zarr"))

    assert ended.code == 2
    assert "--pixels" in ended.err


# --- the record ----------------------------------------------------------------------------------

BY = ("--by", "bioformats2raw 0.11.0")


def crate_of(tmp_path: Path, pixels: Any = None) -> Path:
    crate = tmp_path / "crate"
    crate.mkdir()
    converted(crate / "b.zarr", pixels)
    raw(crate)
    assert run("build", crate).code == 0
    return crate


def actions(crate: Path) -> list[dict[str, Any]]:
    document = json.loads((crate / "ro-crate-metadata.json").read_text("utf-8"))
    return [e for e in document["@graph"] if e["@id"].startswith("#derivation-")]


def test_a_conversion_is_recorded_with_its_verdict(tmp_path: Path) -> None:
    """Once: the second time it is there already; and the crate stays as valid as it was."""
    crate = crate_of(tmp_path)
    one, two = crate / "image.ome.tif", crate / "b.zarr"

    first = run("compare", one, two, "--pixels", "--record", crate, *BY)
    metadata = (crate / "ro-crate-metadata.json").read_bytes()
    second = run("compare", one, two, "--pixels", "--record", crate, *BY, "--format", "json")

    assert (first.code, second.code) == (0, 0)
    assert "note: the conversion is recorded in" in first.err
    assert "note: the conversion is already recorded in" in second.err
    assert parsed(second.out)["pixels"] == "equal"
    assert (crate / "ro-crate-metadata.json").read_bytes() == metadata
    (action,) = actions(crate)
    assert action["object"] == {"@id": "image.ome.tif"}
    assert action["result"] == {"@id": "b.zarr/"}
    assert action["description"].startswith("re-encoded: the pixels are equal (compared by crate-")
    assert action["instrument"] == {"@id": "#software-bioformats2raw-0-11-0"}
    assert run("verify", crate).code == 0


def test_a_conversion_that_changed_pixels_is_recorded_as_that(tmp_path: Path) -> None:
    crate = crate_of(tmp_path, changed())

    ended = run(
        "compare", crate / "image.ome.tif", crate / "b.zarr", "--pixels", "--record", crate, *BY
    )

    assert ended.code == 1
    assert actions(crate)[0]["description"].startswith("the pixels differ in z 2, channel 0, t 1")


def test_raw_data_may_lie_outside_of_the_crate(tmp_path: Path) -> None:
    crate = crate_of(tmp_path)
    elsewhere = shutil.copy(crate / "image.ome.tif", tmp_path / "raw.ome.tif")

    ended = run("compare", elsewhere, crate / "b.zarr", "--pixels", "--record", crate, *BY)

    assert ended.code == 0
    (action,) = actions(crate)
    assert action["object"]["@id"].startswith("ISCC:K4A")


def test_what_was_not_read_is_not_recorded(tmp_path: Path) -> None:
    crate = crate_of(tmp_path)
    before = (crate / "ro-crate-metadata.json").read_bytes()
    (tmp_path / "cut.tif").write_bytes(b"II*\0")

    ended = run(
        "compare", tmp_path / "cut.tif", crate / "b.zarr", "--pixels", "--record", crate, *BY
    )

    assert ended.code == 3
    assert "nothing is recorded" in ended.err
    assert (crate / "ro-crate-metadata.json").read_bytes() == before


def test_what_cannot_be_recorded_is_told_before_anything_is_compared(tmp_path: Path) -> None:
    """No answer comes, for it would be lost."""
    crate = crate_of(tmp_path)
    outside = converted(tmp_path / "c.zarr")
    one = crate / "image.ome.tif"

    for to, where, said in (
        (outside, crate, "it is neither in the crate nor a file"),
        (crate / "b.zarr", tmp_path, "ro-crate-metadata.json"),
        (crate / "b.zarr", zipped(crate, tmp_path / "crate.zip"), "of a zip are not changed"),
        (crate / "b.zarr/0", crate, "does not describe"),
        (one, crate, "nothing is made from itself"),
    ):
        ended = run("compare", one, to, "--pixels", "--record", where, *BY)
        assert (ended.code, ended.out) == (2, "")
        assert said in ended.err
