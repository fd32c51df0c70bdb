"""Zarrs as zarr-python writes them: what differs when metadata, chunks or codecs do."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from compare.compare_kit import as_text, compared, pairs_of

PIXELS = np.arange(64 * 64, dtype="uint16").reshape(64, 64)


def made(place: Path | zarr.storage.ZipStore, zarr_format: int = 3, **options: Any) -> Any:
    """Write a new group with one array in it, and return where it is."""
    group = zarr.create_group(place, zarr_format=zarr_format, attributes={"omero": {"id": 1}})
    array = group.create_array("0", shape=(64, 64), dtype="uint16", chunks=(16, 16), **options)
    array[:] = PIXELS
    return place


@pytest.fixture(params=[2, 3])
def image(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a Zarr of either format."""
    place: Path = made(tmp_path / "image.zarr", request.param)
    return place


def copied(image: Path) -> Path:
    return shutil.copytree(image, image.with_name("copy.zarr"))


def areas(answer: dict[str, Any]) -> set[str]:
    return {area for pair in answer["pairs"] for area in pair.get("change", {}).get("areas", ())}


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_consolidation_changes_metadata_only(image: Path) -> None:
    """It adds a file (v2) or a member of one (v3), and no chunk differs."""
    other = copied(image)
    zarr.consolidate_metadata(other)

    code, answer = compared(image, other)

    assert (code, answer["likeness"]) == (1, "metadata-only")
    assert answer["summary"].endswith("; every chunk is identical")
    if zarr.open_group(image, mode="r").metadata.zarr_format == 3:
        assert pairs_of(answer) == [("changed", "zarr.json", "zarr.json")]
        assert areas(answer) == {"consolidated metadata"}
        assert answer["pairs"][0]["change"]["pointers"] == ["/consolidated_metadata"]
    else:
        assert pairs_of(answer) == [("only-b", None, ".zmetadata")]


def test_rendering_settings_are_named_with_their_pointer(image: Path) -> None:
    """Whoever sees the sentence knows that it is the colours, and not the pixels."""
    other = copied(image)
    zarr.open_group(other, mode="r+").attrs["omero"] = {"id": 2}

    code, answer = compared(image, other)
    outcome = as_text(image, other)

    assert (code, answer["likeness"]) == (1, "metadata-only")
    assert areas(answer) == {"omero rendering settings"}
    assert answer["pairs"][0]["change"]["pointers"][0].endswith("/omero/id")
    assert answer["notes"] == []
    assert outcome.lines[0].startswith("metadata only: 1 of ")
    assert "omero rendering settings" in outcome.lines[0]


def test_json_that_is_spelt_otherwise_says_that_nothing_is_meant_by_it(image: Path) -> None:
    """Bytes differ, so it is not identical; what they say does not."""
    other = copied(image)
    place = next(other / name for name in ("zarr.json", ".zattrs") if (other / name).exists())
    place.write_text(json.dumps(json.loads(place.read_text()), indent=7), encoding="utf-8")

    code, answer = compared(image, other)

    assert (code, answer["likeness"]) == (1, "metadata-only")
    assert areas(answer) == {"spelling of the JSON alone"}
    assert answer["pairs"][0]["change"]["pointers"] == []


def test_equal_chunks_that_are_read_otherwise_come_with_a_warning(image: Path) -> None:
    """Metadata only is true, and must not be taken for equal pixels."""
    other = copied(image)
    place = next(other / name for name in ("0/zarr.json", "0/.zarray") if (other / name).exists())
    text = place.read_text(encoding="utf-8")
    changed = text.replace("uint16", "int16").replace("<u2", "<i2")
    assert changed != text
    place.write_text(changed, encoding="utf-8")

    _, answer = compared(image, other)
    outcome = as_text(image, other)

    assert answer["likeness"] == "metadata-only"
    assert areas(answer) == {"array layout"}
    (note,) = answer["notes"]
    assert note.startswith("equal chunks may be other pixels")
    assert f"note: {note}" in outcome.lines


def test_metadata_that_are_no_json_are_said_to_be_untold(image: Path) -> None:
    """What differs cannot be pointed at; that it differs stays true."""
    other = copied(image)
    place = next(other / name for name in ("zarr.json", ".zattrs") if (other / name).exists())
    place.write_bytes(b"{" + place.read_bytes())

    code, answer = compared(image, other)

    assert (code, answer["likeness"]) == (1, "metadata-only")
    assert "change" not in answer["pairs"][0]
    assert "cannot be told" in answer["notes"][0]


def test_one_pixel_is_one_chunk(image: Path) -> None:
    """More than metadata: the chunk is named."""
    other = copied(image)
    array = zarr.open_group(other, mode="r+")["0"]
    array[40, 20] = 7

    code, answer = compared(image, other)

    assert (code, answer["likeness"]) == (1, "different")
    (pair,) = pairs_of(answer)
    assert pair[0] == "changed"
    assert pair[1] in ("0/c/2/1", "0/2.1")


def test_the_same_pixels_in_another_codec_are_different_bytes(tmp_path: Path) -> None:
    """Nothing is claimed of pixels: each chunk differs, and so does what describes them."""
    one = made(tmp_path / "one.zarr", compressors=None)
    two = made(tmp_path / "two.zarr", compressors=zarr.codecs.GzipCodec())

    code, answer = compared(one, two)

    assert (code, answer["likeness"]) == (1, "different")
    assert answer["counts"]["changed"] == 17
    assert areas(answer) == {"array layout"}


def test_a_zarr_is_identical_to_its_zip_as_zarr_python_writes_it(image: Path) -> None:
    """A ZipStore holds the same members as a folder."""
    zarr_format = zarr.open_group(image, mode="r").metadata.zarr_format
    archive = image.with_name("image.zarr.zip")
    with zarr.storage.ZipStore(archive, mode="w") as store:
        made(store, zarr_format)

    assert compared(image, archive)[0] == 0


def test_metadata_changes_inside_a_crate_leave_its_other_files_identical(tmp_path: Path) -> None:
    """The level is of the whole, and the path names the Zarr."""
    for name in ("one", "two"):
        made(tmp_path / name / "images/x.zarr")
        (tmp_path / name / "notes.txt").write_bytes(b"a note\n")
    zarr.open_group(tmp_path / "two/images/x.zarr", mode="r+").attrs["omero"] = {"id": 3}

    code, answer = compared(tmp_path / "one", tmp_path / "two")

    assert (code, answer["likeness"]) == (1, "metadata-only")
    assert pairs_of(answer) == [("changed", "images/x.zarr/zarr.json", "images/x.zarr/zarr.json")]


def test_a_chunk_outside_of_the_grid_is_told_of_the_side_that_has_it(image: Path) -> None:
    """No reader would show it, and the bytes of the other chunks are all the same."""
    other = copied(image)
    folder = "0/c/" if (image / "zarr.json").exists() else "0/"
    there = next(path for path in (other / folder).rglob("*") if path.is_file())
    name = f"{folder}9/9" if (image / "zarr.json").exists() else f"{folder}9.9"
    (other / name).parent.mkdir(exist_ok=True)
    (other / name).write_bytes(there.read_bytes())

    code, answer = compared(image, other)

    assert code == 1
    assert answer["a"]["findings"] == []
    assert [finding["id"] for finding in answer["b"]["findings"]] == ["zarr.chunks-outside"]
    assert "zarr.chunks-outside" in as_text(image, other).out
