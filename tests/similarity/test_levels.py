"""`similar` says of what it finds how near it is at each level that two crates record."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import iscc_core
import numpy as np
import pytest
import tifffile

from cli.cli_kit import run
from crate_iscc import build, leakage, similar
from crate_iscc.render.leakage import leakage_json
from crate_iscc.render.levels import level_lines
from crate_iscc.similarity.levels import Level, levels_between
from crate_iscc.similarity.members import Member
from pixels.pixel_kit import ome_zarr
from similarity.test_similar_command import valid

METADATA = "ro-crate-metadata.json"
MEANING = "ISCC:CAA2XXV4NQUEBMHK"
OTHER_MEANING = "ISCC:CAA2XXV4NQUEBMHL"
MEANING_OF_AN_IMAGE = "ISCC:CEA2XXV4NQUEBMHK"
Crates = tuple[Path, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Crates:
    """Return two crates with ISCC-CODEs: an image, and it once more with some pixels touched."""
    folder = tmp_path_factory.mktemp("crates")
    pixels = np.random.default_rng(8).integers(0, 60_000, (256, 320), "uint16")
    touched = pixels.copy()
    touched[:60] //= 2
    for name, image in (("one", pixels), ("two", touched)):
        (folder / name).mkdir()
        tifffile.imwrite(folder / name / f"cell of {name}.tif", image, metadata=None)
        build(
            folder / name,
            full_codes=True,
            name=f"Cells, {name}",
            description="Cells of a liver",
            licence="CC0-1.0",
        )
    return folder / "one", folder / "two"


@pytest.fixture
def crates(made: Crates, tmp_path: Path) -> Crates:
    one, two = (shutil.copytree(crate, tmp_path / crate.name) for crate in made)
    return one, two


def codes(crate: Path) -> dict[str, dict[str, Any]]:
    """Return the ISCC-CODEs of a crate: "whole" and "image"."""
    graph = json.loads((crate / METADATA).read_text())["@graph"]
    found = {e["@id"]: e for e in graph if e["@id"].startswith("#iscc-code-")}
    whole = found.pop("#iscc-code-./")
    (image,) = found.values()
    return {"whole": whole, "image": image}


def far(crates: Crates, whose: str, main: int) -> str:
    """Return how many bits of two units differ, by iscc-core."""
    bodies = []
    for crate in crates:
        units = codes(crate)[whose]["units"]
        bodies.append(
            next(body for unit in units for kind, *_, body in [decoded(unit)] if kind == main)
        )
    bits = iscc_core.iscc_distance_bytes(*bodies)
    return f"{bits} of {8 * len(bodies[0])} bits"


def decoded(unit: str) -> tuple[int, int, int, int, bytes]:
    raw = iscc_core.decode_base32(unit.removeprefix("ISCC:"))
    main, sub, version, length, body = iscc_core.decode_header(raw)
    return main, sub, version, length, bytes(body)


def edit(crate: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    document = json.loads((crate / METADATA).read_text())
    change(document["@graph"])
    (crate / METADATA).write_text(json.dumps(document))


def identified(*codes: str) -> Callable[[list[dict[str, Any]]], None]:
    """Return what puts codes among the identifiers of the root and of the image."""

    def change(graph: list[dict[str, Any]]) -> None:
        for entity in graph:
            if entity["@id"] == "./" or entity["@type"] == "File":
                entity["identifier"] = [*entity["identifier"], *codes]

    return change


def test_each_level_has_a_line_of_its_own(crates: Crates) -> None:
    """Under what is near by bytes, and for the crates as wholes; iscc-core counts the same bits."""
    one, two = crates

    outcome = run("similar", one, two)

    assert outcome.code == 0
    assert outcome.lines[-1].startswith("Each level says one thing")
    within = outcome.lines[: outcome.lines.index("")]
    assert within[1].endswith("one/cell of one.tif")
    assert within[2].endswith("two/cell of two.tif")
    assert within[3:] == [
        f"    metadata    {far(crates, 'image', iscc_core.MT.META)}",
        f"    appearance  {far(crates, 'image', iscc_core.MT.CONTENT)}: alike",
        f"    bytes       {bytes_of_files(crates)}: similar",
        "    identity    differs",
    ]
    at = next(n for n, line in enumerate(outcome.lines) if line.startswith("crates  "))
    assert outcome.lines[at + 1 : at + 6] == [
        f"  metadata    {far(crates, 'whole', iscc_core.MT.META)}",
        f"  appearance  {far(crates, 'whole', iscc_core.MT.CONTENT)}: alike",
        f"  bytes       {bytes_of_files(crates, 'whole')}: similar",
        "  identity    differs",
        "",
    ]


def bytes_of_files(crates: Crates, whose: str = "image") -> str:
    """Return how far the first 128 bits of Data-Codes are apart: so many a crate is compared by."""
    units = [
        next(unit for unit in codes(crate)[whose]["units"] if unit.startswith("ISCC:GA"))
        for crate in crates
    ]
    bits = iscc_core.iscc_distance_bytes(*(decoded(unit)[4][:16] for unit in units))
    return f"{bits} of 128 bits"


def test_the_json_has_the_levels_and_is_as_the_schema_has_it(crates: Crates) -> None:
    found = valid(run("similar", *crates, "--format", "json").out)

    first, second = (content["members"][0] for content in found["groups"][0]["contents"])
    assert "levels" not in first
    for levels in (second["levels"], found["crates"][0]["levels"]):
        assert [each["level"] for each in levels] == [
            *("metadata", "appearance", "bytes", "identity")
        ]
        assert levels[0]["distance"]["of"] == 256
        assert levels[3]["equal"] is False
    assert found["crates"][0]["sources"] == list(map(str, crates))


def test_a_copy_has_its_levels_beside_the_first_of_its_content(crates: Crates) -> None:
    """Its bytes are the same, and its description may be another."""
    one, two = crates
    shutil.copy(one / "cell of one.tif", two / "a copy.tif")
    build(two, full_codes=True)

    outcome = run("similar", one, two)

    row = next(n for n, line in enumerate(outcome.lines) if "a copy.tif" in line)
    assert outcome.lines[row].endswith("the same bytes")
    assert outcome.lines[row + 2] == "    appearance  0 of 256 bits: alike"
    assert outcome.lines[row + 4] == "    identity    the same"


def test_where_only_codes_of_bytes_are_recorded_nothing_is_longer(
    crates: Crates, tmp_path: Path
) -> None:
    """Nor where one crate alone records more, nor where bytes are computed."""
    one, two = crates
    bare = tmp_path / "bare"
    bare.mkdir()
    shutil.copy(two / "cell of two.tif", bare)
    build(bare, name="Cells", licence="CC0-1.0")

    for words in ((one, bare), (one, two, "--compute")):
        outcome = run("similar", *words, env={"XDG_CACHE_HOME": str(tmp_path / "cache")})
        assert "near " in outcome.out
        assert "metadata" not in outcome.out
        assert "crates  " not in outcome.out


@pytest.mark.parametrize(
    ("theirs", "said"),
    [
        (OTHER_MEANING, "1 of 64 bits"),
        (MEANING_OF_AN_IMAGE, "not known: the Semantic-Codes are of different kinds or versions"),
        (None, "not known: no Semantic-Code is recorded of one of them"),
    ],
)
def test_semantic_codes_are_compared_where_both_have_one_of_a_kind(
    crates: Crates, theirs: str | None, said: str
) -> None:
    """They are nobody's standard, and none is ever made."""
    edit(crates[0], identified(MEANING))
    edit(crates[1], identified(*([theirs] if theirs else [])))

    outcome = run("similar", *crates)

    assert outcome.lines.count(f"    meaning     {said}") == 1
    assert outcome.lines.count(f"  meaning     {said}") == 1


def test_of_an_iscc_code_that_lists_no_units_those_in_it_are_compared(crates: Crates) -> None:
    """As others write them: 64 bits of each."""

    def without_units(graph: list[dict[str, Any]]) -> None:
        for entity in graph:
            entity.pop("units", None)

    edit(crates[1], without_units)

    outcome = run("similar", *crates)

    for_files = [line for line in outcome.lines if line.startswith("    ")]
    assert [line.split()[0] for line in for_files] == [
        *("metadata", "appearance", "bytes", "identity")
    ]
    assert " of 64 bits" in for_files[0]
    assert " of 64 bits" in for_files[1]


def test_two_images_have_the_levels_of_their_files_too(crates: Crates) -> None:
    outcome = run("similar", "--images", *crates)

    levels = [line.split()[0] for line in outcome.lines if line.startswith("    ")]
    assert levels == ["metadata", "appearance", "pixels", "bytes", "identity"]
    assert "    pixels      differs" in outcome.lines


def test_a_zarr_has_its_levels_as_a_file_has(tmp_path: Path) -> None:
    pixels = np.random.default_rng(8).integers(0, 99, (64, 64), "uint8")
    for name in ("one", "two"):
        ome_zarr(tmp_path / name / f"{name}.zarr", pixels, axes="yx", chunks=(64, 64))
        build(tmp_path / name, full_codes=True, name=name, licence="CC0-1.0")

    (group,) = similar([tmp_path / "one", tmp_path / "two"]).groups

    ((one, two),) = (content.members for content in group.contents)
    found = {each.level: each for each in levels_between(one, two)}
    assert (one.path, two.path) == ("one.zarr/", "two.zarr/")
    assert found[Level.IDENTITY].equal
    assert found[Level.METADATA].distance


def test_a_leak_has_its_levels_under_it(crates: Crates) -> None:
    outcome = run("similar", "--between", *crates)
    found = leakage(*crates)
    value = valid(leakage_json(found))

    assert outcome.code == 1
    assert outcome.lines[0].startswith("near  ")
    assert [line.split()[0] for line in outcome.lines[1:5]] == [
        *("metadata", "appearance", "bytes", "identity")
    ]
    assert value["leaks"][0]["levels"][3] == {
        "level": "identity",
        "distance": None,
        "equal": False,
        "reason": None,
    }
    (leak,) = found.leaks
    assert len(levels_between(leak.member, leak.others[0])) == 4


def test_the_code_of_one_image_is_not_compared_with_that_of_several(crates: Crates) -> None:
    """The Mixed-Code of a crate of many images is another kind of code, and nothing is invented."""
    one, two = crates
    tifffile.imwrite(two / "more.tif", np.arange(4096, dtype="uint8").reshape(64, 64))
    build(two, full_codes=True)

    outcome = run("similar", one, two)

    said = "not known: one code is of a single image, the other of several"
    assert f"  appearance  {said}" in outcome.lines


def member(*units: str, data: bytes = b"", identity: bytes = b"") -> Member:
    return Member("crate", "a", 9, data, identity, units)


def unit(main: int, sub: int, body: bytes) -> str:
    code: str = iscc_core.encode_component(main, sub, 0, 8 * len(body), body)
    return f"ISCC:{code}"


def test_of_several_units_the_nearest_pair_of_the_longest_counts() -> None:
    """A file with several images has a code for each; a composed code has the same once more."""
    kind = iscc_core.MT.CONTENT, iscc_core.ST_CC.IMAGE
    some = [unit(*kind, body) for body in (b"\0" * 32, b"\xff" * 32, b"\x0f" * 8)]
    other = unit(*kind, b"\xff" * 31 + b"\xfe")

    found = {each.level: each for each in levels_between(member(*some), member(other))}

    assert str(found[Level.APPEARANCE].distance) == "1 of 256 bits"


def test_too_little_of_a_digest_makes_nothing_the_same() -> None:
    kind = iscc_core.MT.META, 0
    instance = unit(iscc_core.MT.INSTANCE, 0, b"same")
    mine = member(unit(*kind, b"a" * 8), instance)

    lines = list(level_lines(levels_between(mine, mine)))

    assert lines[0] == "    metadata    0 of 64 bits"
    assert lines[-1].endswith("not known: too little of the Instance-Codes is recorded")
