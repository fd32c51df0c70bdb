"""Pixel codes are written into crates as the profile says, and verified by decoding anew."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from crate_iscc import InputError, ReadError, Report, Verdict, build, report_json, validate, verify
from crate_iscc.finding_kinds import Severity
from crate_iscc.images import ImageFingerprint
from crate_iscc.imaging import pixels_of
from crate_iscc.render.formats import FORMATS, rendered
from crate_iscc.render.saved import parse_report
from crate_iscc.resources import schema_text
from pixels.pixel_kit import Array, code_of, image, ome_set, ome_zarr, only, walked, zipped

METADATA = "ro-crate-metadata.json"


def dataset(folder: Path, pixels: Array) -> Path:
    """Write one image as TIFF and as OME-Zarr, and a text."""
    folder.mkdir()
    tifffile.imwrite(folder / "raw 1.ome.tif", pixels, metadata={"axes": "TCZYX"})
    ome_zarr(folder / "converted.zarr", pixels, chunks=(1, 1, 1, 35, 45))
    (folder / "notes.txt").write_text("notes")
    return folder


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """Make a crate with pixel codes."""
    folder = dataset(tmp_path / "crate", image())
    build(folder, pixels=True)
    return folder


def graph(crate: Path) -> dict[str, dict[str, Any]]:
    """Return the entities of a crate by id."""
    entities = json.loads((crate / METADATA).read_text(encoding="utf-8"))["@graph"]
    return {entity["@id"]: entity for entity in entities}


def said(report: Report, kind: str) -> list[tuple[str | None, str]]:
    """Return path and message of the findings of a kind."""
    return [(one.path, one.message) for one in report.findings if one.id == kind]


def test_each_image_has_a_pixel_code_as_the_profile_says(crate: Path) -> None:
    """BIO-CODES profile 0.1, 6.1."""
    entities = graph(crate)

    assert {"@id": "#iscc-pixels-raw%201.ome.tif"} in entities["raw%201.ome.tif"]["identifier"]
    value = entities["#iscc-pixels-converted.zarr/"]
    assert {"@id": value["@id"]} in entities["converted.zarr/"]["identifier"]
    assert {key: value[key] for key in value if key != "planeDigests"} == {
        "@id": "#iscc-pixels-converted.zarr/",
        "@type": "PropertyValue",
        "name": "pixel code",
        "propertyID": "https://w3id.org/bio-codes/terms#pixelCode",
        "value": code_of(walked(image())),
        "codeLevel": "pixels",
        "axes": "zctyx",
        "shape": "4,3,2,35,45",
        "dtype": "uint16",
    }
    assert value["value"] == entities["#iscc-pixels-raw%201.ome.tif"]["value"]
    found = validate(crate, level=Severity.WARNING).findings
    assert "image.pixel-code" not in {one.id for one in found}
    assert not [one for one in found if one.severity is Severity.ERROR]


def test_a_crate_without_pixel_codes_is_warned_of(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "crate", image())
    build(folder)

    found = [one.id for one in validate(folder, level=Severity.WARNING).findings]

    assert found.count("image.pixel-code") == 2


@pytest.mark.parametrize("pixels", [True, False])
def test_a_second_build_changes_no_byte(pixels: bool, crate: Path) -> None:
    before = (crate / METADATA).read_bytes()

    plan = build(crate, pixels=pixels)

    assert (crate / METADATA).read_bytes() == before
    assert not plan.notes


def test_what_others_wrote_stays(crate: Path) -> None:
    raw = json.loads((crate / METADATA).read_text())
    theirs = {
        "@id": "#their-code",
        "@type": "PropertyValue",
        "propertyID": "https://w3id.org/bio-codes/terms#pixelCode",
        "value": code_of(b"another"),
        "axes": "yx",
    }
    raw["@graph"].append(theirs)
    for entity in raw["@graph"]:
        if entity["@id"] == "notes.txt":
            entity["identifier"] = [entity["identifier"], {"@id": "#their-code"}]
        if entity["@id"] == "#iscc-pixels-converted.zarr/":
            entity["comment"] = "checked by hand"
    (crate / METADATA).write_text(json.dumps(raw))

    build(crate, pixels=True)

    entities = graph(crate)
    assert entities["#their-code"] == theirs
    assert {"@id": "#their-code"} in entities["notes.txt"]["identifier"]
    assert entities["#iscc-pixels-converted.zarr/"]["comment"] == "checked by hand"


def test_a_code_of_other_bytes_is_not_kept(crate: Path) -> None:
    tifffile.imwrite(crate / "raw 1.ome.tif", image()[::-1], metadata={"axes": "TCZYX"})

    plan = build(crate)

    assert [(note.id, note.path) for note in plan.notes] == [
        ("build.stale-pixels", "raw 1.ome.tif")
    ]
    entities = graph(crate)
    assert "#iscc-pixels-raw%201.ome.tif" not in entities
    assert isinstance(entities["raw%201.ome.tif"]["identifier"], str)
    assert "#iscc-pixels-converted.zarr/" in entities


def test_a_file_that_is_gone_takes_its_pixel_code_along(crate: Path) -> None:
    (crate / "raw 1.ome.tif").unlink()

    plan = build(crate, pixels=True)

    assert not plan.notes
    assert not [one for one in graph(crate) if "raw" in one]


def test_an_intact_crate_is_valid_with_its_pixels(crate: Path) -> None:
    report = verify(crate, pixels=True)

    assert report.verdict is Verdict.VALID
    assert "pixels" in report.checked
    assert "pixels" not in verify(crate).checked


def test_a_crate_in_a_zip_is_verified_as_well(crate: Path, tmp_path: Path) -> None:
    place = zipped(crate, tmp_path / "crate.zip")

    report = verify(place, pixels=True)

    assert (report.verdict, "pixels" in report.checked) == (Verdict.VALID, True)


def test_changed_planes_are_named(crate: Path) -> None:
    array = zarr.open_array(crate / "converted.zarr" / "0", mode="r+")
    array[1, 2, 3, 5, 6] += 1
    array[0, 0, 1, 0, 0] += 1

    report = verify(crate, pixels=True)

    assert report.verdict is Verdict.INVALID
    assert said(report, "pixels.changed") == [
        (
            "converted.zarr/",
            "the pixels differ in z 1, channel 0, t 0; z 3, channel 2, t 1",
        )
    ]
    assert not said(report, "pixels.re-encoded")


def test_an_image_that_was_only_compressed_has_its_pixels(crate: Path) -> None:
    how: dict[str, Any] = {"metadata": {"axes": "TCZYX"}, "compression": "zlib"}
    tifffile.imwrite(crate / "raw 1.ome.tif", image(), **how)

    report = verify(crate, pixels=True)

    assert report.verdict is Verdict.INVALID  # for its bytes are not the recorded ones
    assert not said(report, "pixels.changed")
    assert said(report, "pixels.re-encoded") == [
        ("raw 1.ome.tif", "it was re-encoded: the pixels are equal")
    ]


def test_the_same_bytes_in_another_shape_are_other_pixels(tmp_path: Path) -> None:
    """The code alone does not bind the shape."""
    folder = tmp_path / "crate"
    folder.mkdir()
    pixels = image((8, 32), "uint8")
    tifffile.imwrite(folder / "a.tif", pixels)
    build(folder, pixels=True)
    tifffile.imwrite(folder / "a.tif", pixels.reshape(16, 16))

    ((_, message),) = said(verify(folder, pixels=True), "pixels.changed")

    assert message == (
        "the pixels are not comparable: one is yx 8,32, the other yx 16,16"
        if "compared" in message
        else "the shape or the type of the pixels is another"
    )


def test_an_image_that_cannot_be_decoded_leaves_the_check_incomplete(crate: Path) -> None:
    """Even where its bytes are the recorded ones: nothing is known of its pixels."""
    raw = json.loads((crate / METADATA).read_text())
    for entity in raw["@graph"]:
        if entity["@id"] == "notes.txt":
            entity["identifier"] = [entity["identifier"], {"@id": "#iscc-pixels-raw%201.ome.tif"}]
        if entity["@id"] == "raw%201.ome.tif":
            entity["identifier"] = entity["identifier"][0]
    (crate / METADATA).write_text(json.dumps(raw))

    report = verify(crate, pixels=True)

    assert report.verdict is Verdict.INCOMPLETE
    assert said(report, "pixels.unread") == [
        ("notes.txt", "it is not there, or is no image any more")
    ]


def test_unread_pixels_cannot_be_ignored(crate: Path) -> None:
    from crate_iscc.report import without

    with pytest.raises(InputError, match=r"pixels\.unread cannot be ignored"):
        without(verify(crate), ["pixels.unread"])


def test_where_no_pixel_code_is_recorded_pixels_cannot_be_verified(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "crate", image())
    build(folder)

    with pytest.raises(InputError, match="no pixel code is recorded"):
        verify(folder, pixels=True)


def test_an_image_that_cannot_be_read_gets_a_note_and_no_code(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "crate", image())
    (folder / "damaged.tif").write_bytes(b"II*\0\xff\xff\xff\0")
    (folder / "cells.czi").write_bytes(b"ZISRAWFILE")

    plan = build(folder, pixels=True)

    assert [(note.id, note.path) for note in plan.notes if note.path] == [
        ("pixels.unread", "cells.czi"),
        ("pixels.unread", "damaged.tif"),
    ]
    assert len([one for one in graph(folder) if one.startswith("#iscc-pixels")]) == 2


def test_scenes_have_a_value_each(tmp_path: Path) -> None:
    folder = tmp_path / "crate"
    folder.mkdir()
    with tifffile.TiffWriter(folder / "two.ome.tif", ome=True) as writer:
        for number in (3, 4):
            writer.write(np.full((5, 6), number, "uint8"))
    build(folder, pixels=True)

    values = [one for name, one in graph(folder).items() if name.startswith("#iscc-pixels")]
    assert [one["name"] for one in values] == ["pixel code of 0", "pixel code of 1"]
    with tifffile.TiffWriter(folder / "two.ome.tif", ome=True) as writer:
        for number in (3, 5):
            writer.write(np.full((5, 6), number, "uint8"))
    ((path, message),) = said(verify(folder, pixels=True), "pixels.changed")
    assert (path, message) == ("two.ome.tif", "image 1: the pixels differ")


def test_all_files_of_a_set_refer_to_one_value(tmp_path: Path) -> None:
    folder = tmp_path / "crate"
    folder.mkdir()
    first, second = ome_set(folder, image())
    build(folder, pixels=True)

    entities = graph(folder)
    value = {"@id": f"#iscc-pixels-{first.name}"}
    assert value in entities[first.name]["identifier"]
    assert value in entities[second.name]["identifier"]
    assert verify(folder, pixels=True).verdict is Verdict.VALID
    second.unlink()
    assert said(verify(folder, pixels=True), "pixels.unread") == [
        (first.name, f"a file of it is missing: {second.name}")
    ]


def test_a_zarr_at_the_root_has_its_code_at_the_root(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    build(folder, pixels=True)

    assert {"@id": "#iscc-pixels-./"} in graph(folder)["./"]["identifier"]
    assert verify(folder, pixels=True).verdict is Verdict.VALID
    zarr.open_array(folder / "0", mode="r+")[0, 0, 0, 0, 0] += 1
    assert said(verify(folder, pixels=True), "pixels.changed") == [
        ("./", "the pixels differ in z 0, channel 0, t 0")
    ]


def test_the_table_style_takes_no_pixel_codes(tmp_path: Path) -> None:
    from crate_iscc import Style

    folder = dataset(tmp_path / "crate", image())

    with pytest.raises(InputError, match="cannot be written in the table style"):
        build(folder, pixels=True, style=Style.TABLE)


def test_members_of_a_folder_described_as_one_are_told(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "crate", image())
    (folder / "tiles").mkdir()
    tifffile.imwrite(folder / "tiles" / "a.tif", image((5, 6)))

    plan = build(folder, pixels=True, containers=["tiles"])

    assert [(note.id, note.path) for note in plan.notes if note.path] == [
        ("pixels.unread", "tiles/")
    ]
    assert not [one for one in graph(folder) if "tiles/a" in one]


@pytest.mark.parametrize("format_", sorted(FORMATS))
def test_findings_about_pixels_are_in_every_format(format_: str, crate: Path) -> None:
    zarr.open_array(crate / "converted.zarr" / "0", mode="r+")[1, 2, 3, 5, 6] += 1

    text = rendered(verify(crate, pixels=True), format_)

    assert "pixels.changed" in text or "the pixels differ" in text


def test_the_report_follows_the_schema_and_can_be_read_again(crate: Path) -> None:
    zarr.open_array(crate / "converted.zarr" / "0", mode="r+")[1, 2, 3, 5, 6] += 1
    report = verify(crate, pixels=True)

    again = parse_report(report_json(report), json.loads(schema_text("report")))

    assert "pixels" in again.checked
    assert said(again, "pixels.changed") == said(report, "pixels.changed")


def test_the_codes_of_a_crate_are_those_of_its_images(crate: Path) -> None:
    found = [one for one in pixels_of(crate) if isinstance(one, ImageFingerprint)]

    assert {one.path for one in found} == {"converted.zarr/", "raw 1.ome.tif"}
    assert {one.iscc for one in found} == {only(crate / "converted.zarr").iscc}


def test_a_file_that_changes_while_it_is_decoded_has_no_code(tmp_path: Path) -> None:
    from crate_iscc.pixels.random_access import random_access
    from crate_iscc.sources.directory import DirectoryTree

    (tmp_path / "a.tif").write_bytes(b"II*\0" * 9)
    with DirectoryTree(tmp_path) as tree:
        (entry,) = tree.listing().entries
        source = random_access(tree, entry)
        (tmp_path / "a.tif").write_bytes(b"MM\0*" * 9)
        with pytest.raises(ReadError, match="it changed while it was read"):
            source.settle()
        source.close()


def test_a_crate_inside_is_verified_with_its_pixels(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "outer", image())
    inner = dataset(folder / "inner", image())
    zipped(inner / "converted.zarr", inner / "packed.ozx")
    build(inner, pixels=True)
    build(folder, pixels=True)

    report = verify(folder, pixels=True)

    assert (report.verdict, len(report.nested)) == (Verdict.VALID, 1)
    assert "pixels" in report.nested[0].checked


def test_a_crate_inside_without_pixel_codes_does_not_claim_them(tmp_path: Path) -> None:
    folder = dataset(tmp_path / "outer", image())
    build(dataset(folder / "inner", image()))
    build(folder, pixels=True)

    report = verify(folder, pixels=True)

    assert report.verdict is Verdict.VALID
    assert "pixels" not in report.nested[0].checked
