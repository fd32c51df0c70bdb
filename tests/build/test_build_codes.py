"""`build --codes full` composes ISCC-CODEs of ISO 24138, equal to what others compose."""

import json
from pathlib import Path
from typing import Any

import iscc_core
import iscc_lib
import numpy as np
import pytest
import tifffile

from cli.cli_kit import run
from crate_iscc import InputError, Verdict, build, validate, verify
from crate_iscc.crate.style import Style
from crate_iscc.image_code import Plane, image_code, image_view
from crate_iscc.iscc_units import Meta, bytes_in, image_unit, is_semantic_unit, meta_unit
from crate_iscc.paths import valid_unicode
from crate_iscc.severity import Severity
from pixels.pixel_kit import image, ome_set, ome_zarr, write_group

METADATA = "ro-crate-metadata.json"
TERM = "https://w3id.org/bio-codes/terms#isccCode"
IMAGE_CODE = iscc_core.MT.CONTENT, iscc_core.ST_CC.IMAGE
SEMANTIC = "ISCC:CAA2XXV4NQUEBMHK"


def smooth(turn: int = 0) -> Any:
    y, x = np.indices((48, 64))
    return np.rot90(((y * 500 + x * x * 9) % 60_000).astype("uint16"), turn).copy()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a dataset of a TIFF, an OME-Zarr and a text."""
    folder = tmp_path / "set"
    folder.mkdir()
    tifffile.imwrite(folder / "raw 1.tif", smooth(), metadata=None)
    ome_zarr(folder / "b.zarr", smooth(1), axes="yx", chunks=(32, 48))
    (folder / "notes.txt").write_text("notes")
    return folder


@pytest.fixture
def crate(folder: Path) -> Path:
    build(folder, full_codes=True, name="Cells", description="Cells of a liver", licence="CC0-1.0")
    return folder


def graph(crate: Path) -> dict[str, dict[str, Any]]:
    entities = json.loads((crate / METADATA).read_text(encoding="utf-8"))["@graph"]
    return {entity["@id"]: entity for entity in entities}


def look(pixels: Any) -> bytes:
    view = image_view([Plane(pixels)])
    assert view
    return image_code(view)


def by_iscc_core(units: list[str]) -> str:
    return str(iscc_core.gen_iscc_code_v0(units)["iscc"])


def kinds(units: list[str]) -> list[str]:
    return [iscc_core.iscc_explain(unit).split("-")[0] for unit in units]


# --- what is written -----------------------------------------------------------------------------


def test_each_image_and_the_whole_have_a_code_that_others_compose_too(crate: Path) -> None:
    """ISO 24138, by iscc-core and by iscc-lib; units of images by iscc-core from the same view."""
    entities = graph(crate)
    owners = {
        "raw%201.tif": "#iscc-code-raw%201.tif",
        "b.zarr/": "#iscc-code-b.zarr/",
        "./": "#iscc-code-./",
    }

    for owner, code in owners.items():
        assert {"@id": code} in entities[owner]["identifier"]
        value = entities[code]
        units = value["units"]
        assert (value["@type"], value["propertyID"]) == ("PropertyValue", TERM)
        assert value["value"] == by_iscc_core(units)
        assert value["value"] == iscc_lib.gen_iscc_code_v0(units)["iscc"]
        assert kinds(units) == ["META", "CONTENT", "DATA", "INSTANCE"]
    raw = (crate / "raw 1.tif").read_bytes()
    units = entities["#iscc-code-raw%201.tif"]["units"]
    assert units[1:] == [
        "ISCC:" + iscc_core.encode_component(*IMAGE_CODE, 0, 256, look(smooth())),
        iscc_lib.gen_data_code_v0(raw, 256)["iscc"],
        iscc_lib.gen_instance_code_v0(raw, 256)["iscc"],
    ]
    parts = [entities[owners[owner]]["units"][1] for owner in ("b.zarr/", "raw%201.tif")]
    mixed = iscc_core.gen_mixed_code_v0(parts, bits=256)["iscc"]
    assert entities["#iscc-code-./"]["units"][1] == mixed


def test_the_meta_code_is_of_a_seed_that_the_entity_tells(crate: Path) -> None:
    """ISO 24138, Meta-Code, with the metahash by iscc-core over the seed as JCS."""
    entities = graph(crate)
    root = entities["./"]
    seed = {
        "description": root["description"],
        "license": [root["license"]["@id"]],
        "name": root["name"],
    }

    expected = iscc_core.gen_meta_code_v0(root["name"], root["description"], meta=seed, bits=256)

    value = entities["#iscc-code-./"]
    assert (value["units"][0], value["metahash"]) == (expected["iscc"], expected["metahash"])


def test_the_iscc_sum_stays_what_identifies_bytes(crate: Path, tmp_path: Path) -> None:
    """No verification takes a code of more than bytes for one of bytes."""
    assert run("verify", crate, "--full").code == 0
    found = validate(crate, level=Severity.WARNING).findings
    assert not [one for one in found if one.severity is Severity.ERROR]
    raw = json.loads((crate / METADATA).read_text())
    for entity in raw["@graph"]:
        if entity["@id"] == "notes.txt":
            entity["identifier"] = {"@id": "#iscc-code-raw%201.tif"}
    (crate / METADATA).write_text(json.dumps(raw))
    assert verify(crate).verdict is Verdict.VALID


def test_a_text_has_no_code_beside_its_iscc_sum(crate: Path) -> None:
    assert isinstance(graph(crate)["notes.txt"]["identifier"], str)


def test_labels_count_for_nothing(tmp_path: Path) -> None:
    for name, labelled in (("a", False), ("b", True)):
        zarr = ome_zarr(tmp_path / name / "x.zarr", smooth(), axes="yx", chunks=(48, 64))
        if labelled:
            write_group(zarr / "labels/l", smooth(2), axes="yx", version="0.5", chunks=(48, 64))
        build(tmp_path / name, full_codes=True)

    one, two = (graph(tmp_path / name)["#iscc-code-./"]["units"][1] for name in "ab")

    assert one == two
    assert [key for key in graph(tmp_path / "b") if key.startswith("#iscc-code-")] == [
        "#iscc-code-x.zarr/",
        "#iscc-code-./",
    ]


def test_an_image_that_looks_all_the_same_has_no_content_code(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "flat.tif", np.full((40, 40), 7, "uint8"))

    build(tmp_path, full_codes=True)

    entities = graph(tmp_path)
    for code in ("#iscc-code-flat.tif", "#iscc-code-./"):
        assert kinds(entities[code]["units"]) == ["META", "DATA", "INSTANCE"]
        assert entities[code]["value"] == by_iscc_core(entities[code]["units"])


def test_an_image_that_cannot_be_read_is_told_and_leaves_the_whole_without_look(
    folder: Path,
) -> None:
    (folder / "cut.tif").write_bytes(b"II*\0")

    plan = build(folder, full_codes=True)

    assert [(note.id, note.path) for note in plan.notes if "build.l" not in note.id][-2:] == [
        ("pixels.unread", "cut.tif"),
        ("build.no-iscc-code", ""),
    ]
    entities = graph(folder)
    assert "#iscc-code-cut.tif" not in entities
    assert kinds(entities["#iscc-code-./"]["units"]) == ["META", "DATA", "INSTANCE"]
    assert kinds(entities["#iscc-code-raw%201.tif"]["units"])[1] == "CONTENT"


def test_an_image_in_several_files_has_no_code_of_its_own(tmp_path: Path) -> None:
    ome_set(tmp_path, image())

    plan = build(tmp_path, full_codes=True)

    assert ("build.no-iscc-code", "it is in several files") in [
        (note.id, note.message) for note in plan.notes
    ]
    assert "#iscc-code-./" in graph(tmp_path)


def test_pixel_codes_and_iscc_codes_come_from_one_build(folder: Path) -> None:
    assert run("build", folder, "--pixels", "--codes", "full").code == 0

    ids = [key for key in graph(folder) if key.startswith("#iscc-")]

    assert "#iscc-pixels-b.zarr/" in ids
    assert "#iscc-code-b.zarr/" in ids


# --- what becomes of it --------------------------------------------------------------------------


@pytest.mark.parametrize("full", [True, False])
def test_a_second_build_changes_no_byte(full: bool, crate: Path) -> None:
    before = (crate / METADATA).read_bytes()

    plan = build(crate, full_codes=full)

    assert (crate / METADATA).read_bytes() == before
    assert not plan.notes


def test_a_build_without_codes_takes_in_a_new_description(crate: Path) -> None:
    before = graph(crate)

    plan = build(crate, description="Something else altogether: mitochondria of a plant")

    now = graph(crate)
    assert not plan.notes
    assert now["#iscc-code-./"]["units"][1:] == before["#iscc-code-./"]["units"][1:]
    assert now["#iscc-code-./"]["units"][0] != before["#iscc-code-./"]["units"][0]
    assert now["#iscc-code-./"]["value"] == by_iscc_core(now["#iscc-code-./"]["units"])
    assert now["#iscc-code-b.zarr/"] == before["#iscc-code-b.zarr/"]


def test_a_code_of_other_bytes_is_not_kept(crate: Path) -> None:
    tifffile.imwrite(crate / "raw 1.tif", smooth(2), metadata=None)

    plan = build(crate)

    assert [(note.id, note.path) for note in plan.notes] == [
        ("build.stale-codes", ""),
        ("build.stale-codes", "raw 1.tif"),
    ]
    entities = graph(crate)
    assert [key for key in entities if key.startswith("#iscc-code-")] == ["#iscc-code-b.zarr/"]
    assert isinstance(entities["raw%201.tif"]["identifier"], str)


def test_units_that_are_known_less_far_are_the_same_units(crate: Path) -> None:
    """As a wide ISCC-SUM has 128 bits of each."""
    raw = json.loads((crate / METADATA).read_text())
    for entity in raw["@graph"]:
        if entity["@id"].startswith("#iscc-code-"):
            meta, content, data, instance = entity["units"]
            short = [
                "ISCC:"
                + iscc_core.encode_component(kind, 0, 0, 128, iscc_core.iscc_decode(unit)[4])
                for kind, unit in ((iscc_core.MT.DATA, data), (iscc_core.MT.INSTANCE, instance))
            ]
            entity["units"] = [meta, content, *short]
    (crate / METADATA).write_text(json.dumps(raw))

    plan = build(crate)

    assert not plan.notes
    assert len([key for key in graph(crate) if key.startswith("#iscc-code-")]) == 3


def test_a_code_of_an_image_that_is_gone_goes_with_it(crate: Path) -> None:
    (crate / "raw 1.tif").unlink()

    build(crate)

    assert "#iscc-code-raw%201.tif" not in graph(crate)


def test_what_others_wrote_is_kept_and_never_invented(crate: Path) -> None:
    """Semantic-Codes of models, and ISCC-CODEs with them: with `--codes full` and without."""
    assert is_semantic_unit(SEMANTIC)
    raw = json.loads((crate / METADATA).read_text())
    entities = {entity["@id"]: entity for entity in raw["@graph"]}
    units = entities["#iscc-code-raw%201.tif"]["units"]
    theirs = {
        "@id": "#their-code",
        "@type": "PropertyValue",
        "propertyID": TERM,
        "value": by_iscc_core([units[0], *units[2:]]),
    }
    semantic = {
        "@id": "#their-meaning",
        "@type": "PropertyValue",
        "propertyID": "https://example.org/semantic-code",
        "value": SEMANTIC,
    }
    raw["@graph"] += [theirs, semantic]
    owner = entities["raw%201.tif"]
    owner["identifier"] += [{"@id": "#their-code"}, {"@id": "#their-meaning"}]
    (crate / METADATA).write_text(json.dumps(raw))

    for full in (True, False):
        plan = build(crate, full_codes=full)
        now = graph(crate)
        assert not plan.notes
        assert (now["#their-code"], now["#their-meaning"]) == (theirs, semantic)
        assert now["raw%201.tif"]["identifier"] == owner["identifier"]
        assert now["#iscc-code-raw%201.tif"]["units"] == units

    tifffile.imwrite(crate / "raw 1.tif", smooth(2), metadata=None)
    assert [note.path for note in build(crate).notes] == ["", "raw 1.tif", "raw 1.tif"]
    assert graph(crate)["#their-code"] == theirs


def test_the_table_style_has_no_place_for_them(folder: Path) -> None:
    with pytest.raises(InputError, match="ISCC-CODEs cannot be written in the table style"):
        build(folder, full_codes=True, style=Style.TABLE)


def test_a_shard_does_not_look_at_images(folder: Path, tmp_path: Path) -> None:
    ended = run("build", folder, "--codes", "full", "--shard", "1/2", "-o", tmp_path / "p")

    assert ended.code == 2
    assert "--shard excludes --codes full" in ended.err


# --- units ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("x", ""),
        ("x" * 200, "d" * 5000),
        ("é" * 100, "é" * 3000),
        ("a\ud800b", "c\udfffd"),
        ("  a  ", "\u200b"),
        ("𝔄" * 40, "line\nline\ttab\0nul"),
    ],
)
def test_a_meta_code_is_what_iscc_core_makes_of_its_seed(name: str, description: str) -> None:
    """Up to 128 bytes of a name, and 4096 of a description."""
    made = meta_unit(name, description, {"license": ["CC0-1.0"]})

    seed = {"name": cut(name, 128), "license": ["CC0-1.0"]}
    if cut(description, 4096):
        seed["description"] = cut(description, 4096)
    expected = iscc_core.gen_meta_code_v0(seed["name"], meta=seed, bits=256)
    assert made == Meta(expected["iscc"], expected["metahash"])


def cut(text: str, most: int) -> str:
    while len(valid_unicode(text).encode()) > most:
        text = text[:-1]
    return valid_unicode(text).strip()


def test_a_seed_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    """The standard's implementations refuse more than 128,000 bytes of it."""
    assert meta_unit("x", "y", {"keywords": ["k" * 200_000]}) == meta_unit("x", "y", {})
    assert meta_unit("x", "y", {"keywords": ["\u0001" * 20_000]})
    assert meta_unit("x", "y", {"keywords": ["𝔄" * 20_000] * 3}) == meta_unit("x", "y", {})


@pytest.mark.parametrize("name", ["", " ", "\u200b"])
def test_a_name_with_nothing_in_it_has_no_meta_code(name: str) -> None:
    assert meta_unit(name, "description", {}) is None


def test_a_composed_code_tells_of_which_bytes_it_is() -> None:
    data = iscc_lib.gen_data_code_v0(b"x", 256)["iscc"]
    instance = iscc_lib.gen_instance_code_v0(b"x", 256)["iscc"]
    code = by_iscc_core([image_unit(bytes(32)), data, instance])

    found = bytes_in(code)

    assert found == (iscc_core.iscc_decode(data)[4][:8], iscc_core.iscc_decode(instance)[4][:8])
    assert bytes_in(data) is None
    assert bytes_in("ISCC:nothing") is None
