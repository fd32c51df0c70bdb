"""`crate-iscc trace` finds what is behind a figure, and says what speaks for it."""

import json
import shutil
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from jsonschema import Draft202012Validator

from cli.cli_kit import run
from crate_iscc.errors import InputError
from crate_iscc.matching.raster import decoded
from crate_iscc.origins import Candidate, Evidence, best_first
from crate_iscc.resources import schemas_folder

PIXELS = (np.add.outer(np.arange(96) ** 2 % 251, np.arange(128) * 3 % 241) % 256).astype("u1")
OTHER = np.random.default_rng(5).integers(0, 255, (96, 128)).astype("u1")
STRETCHED = np.clip(PIXELS.astype("f8") * 1.4, 0, 255).astype("u1")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a crate of a raw image, another one, and a figure that was made from the first."""
    crate = tmp_path_factory.mktemp("trace") / "study"
    (crate / "raw").mkdir(parents=True)
    (crate / "figures").mkdir()
    tifffile.imwrite(crate / "raw/cell.ome.tif", PIXELS.astype("u2") * 200)
    tifffile.imwrite(crate / "raw/other.tif", OTHER)
    (crate / "figures/3b.png").write_bytes(imagecodecs.png_encode(STRETCHED))
    assert run("build", crate).code == 0
    linked = run(
        "derive", crate, "--from", "raw/cell.ome.tif", "--to", "figures/3b.png", "--by", "Fiji 2.16"
    )
    assert linked.code == 0, linked.err
    return crate


def traced(figure: Path, *sources: str | Path) -> dict[str, Any]:
    """Return the answer as JSON, which is as its schema has it."""
    ended = run("trace", figure, *sources, "--format", "json")
    assert ended.code in (0, 1, 3), ended.err
    answer: dict[str, Any] = json.loads(ended.out)
    schema = json.loads((schemas_folder() / "origins.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(answer)
    assert (ended.code == 1) == (not answer["candidates"] and not answer["unread"])
    return answer


def places(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["evidence"], one["path"]) for one in answer["candidates"]]


def test_the_raw_data_are_found_by_record_before_all_else(study: Path, tmp_path: Path) -> None:
    figure = tmp_path / "copy of 3b.png"
    shutil.copy(study / "figures/3b.png", figure)
    answer = traced(figure, study)
    assert places(answer)[:2] == [("recorded", "raw/cell.ome.tif"), ("bytes", "figures/3b.png")]
    best = answer["candidates"][0]
    assert best["is_raw"]
    assert best["start"] == "figures/3b.png"
    assert best["steps"] == [
        {"origin": "raw/cell.ome.tif", "by": "3b.png from cell.ome.tif (Fiji 2.16)"}
    ]
    assert not any(path == "raw/other.tif" for _, path in places(answer))


def test_a_figure_as_it_was_published_is_found_by_its_looks(study: Path, tmp_path: Path) -> None:
    figure = tmp_path / "published.jpg"
    figure.write_bytes(imagecodecs.jpeg_encode(STRETCHED, level=85))
    answer = traced(figure, study)
    assert places(answer)[0] == ("recorded-of-alike", "raw/cell.ome.tif")
    assert ("looks", "figures/3b.png") in places(answer)
    assert not any(path == "raw/other.tif" for _, path in places(answer))
    without = run("trace", figure, study, "--no-images")
    assert without.code == 1
    assert "looks were not compared: it was not asked for" in without.out


def test_the_same_pixels_in_another_file_are_told_from_looks(study: Path, tmp_path: Path) -> None:
    figure = tmp_path / "panel.tif"
    tifffile.imwrite(figure, STRETCHED, compression="zlib")
    answer = traced(figure, study)
    assert ("pixels", "figures/3b.png") in places(answer)
    assert places(answer)[0] == ("pixels", "figures/3b.png")


def test_longer_chains_are_followed_to_their_end(study: Path, tmp_path: Path) -> None:
    crate = shutil.copytree(study, tmp_path / "longer")
    figure = crate / "figures/final.png"
    figure.write_bytes(imagecodecs.png_encode(OTHER[:50]))
    assert run("build", crate).code == 0
    made = ("--from", "figures/3b.png", "--to", "figures/final.png", "--by", "Inkscape")
    assert run("derive", crate, *made).code == 0
    answer = traced(figure, crate)
    recorded = [one for one in answer["candidates"] if one["evidence"] == "recorded"]
    assert [one["path"] for one in recorded] == ["raw/cell.ome.tif", "figures/3b.png"]
    assert [step["origin"] for step in recorded[0]["steps"]] == [
        "figures/3b.png",
        "raw/cell.ome.tif",
    ]
    assert [one["is_raw"] for one in recorded] == [True, False]


def test_circles_in_what_is_recorded_end(study: Path, tmp_path: Path) -> None:
    crate = shutil.copytree(study, tmp_path / "circle")
    made = ("--from", "figures/3b.png", "--to", "raw/cell.ome.tif", "--by", "Nobody")
    assert run("derive", crate, *made).code == 0
    answer = traced(crate / "figures/3b.png", crate)
    assert ("recorded", "raw/cell.ome.tif") in places(answer)


def test_raw_data_elsewhere_are_named_by_their_code(study: Path, tmp_path: Path) -> None:
    crate = shutil.copytree(study, tmp_path / "elsewhere")
    far = tmp_path / "far.czi"
    far.write_bytes(b"far away" * 1000)
    assert run("derive", crate, "--from", far, "--to", "figures/3b.png", "--by", "ZEN").code == 0
    found = [path for way, path in places(traced(crate / "figures/3b.png", crate))]
    assert any(path.startswith("ISCC:K4A") for path in found)
    back = traced(far, crate)
    assert places(back)[0][0] == "bytes"


def test_an_index_stands_for_the_crates_in_it(study: Path, tmp_path: Path) -> None:
    index = tmp_path / "lab.index"
    assert run("index", "add", study, "--index", index).code == 0
    answer = traced(study / "figures/3b.png", index)
    assert places(answer)[0] == ("recorded", "raw/cell.ome.tif")


def test_a_crate_that_has_gone_is_told_and_the_others_are_searched(
    study: Path, tmp_path: Path
) -> None:
    gone = shutil.copytree(study, tmp_path / "gone")
    index = tmp_path / "lab.index"
    assert run("index", "add", gone, study, "--index", index).code == 0
    shutil.rmtree(gone)
    ended = run("trace", study / "figures/3b.png", index)
    assert ended.code == 3
    assert "not read: " in ended.out
    assert "recorded" in ended.out


def test_the_page_shows_the_figure_and_its_candidates(study: Path, tmp_path: Path) -> None:
    page = tmp_path / "origins.html"
    assert run("trace", study / "figures/3b.png", study, "--html", page).code == 0
    text = page.read_text("utf-8")
    assert text.count('src="data:image/png;base64,') == 3
    assert "raw/cell.ome.tif" in text
    assert "http" not in text.replace("http-equiv", "")
    assert "<script" not in text


def test_names_cannot_smuggle_anything_into_the_page(study: Path, tmp_path: Path) -> None:
    evil = tmp_path / "<script>alert(1)<.png"
    shutil.copy(study / "figures/3b.png", evil)
    page = tmp_path / "origins.html"
    assert run("trace", evil, study, "--html", page).code == 0
    assert "<script" not in page.read_text("utf-8")


def test_a_figure_that_is_no_image_is_searched_for_by_its_bytes(study: Path) -> None:
    ended = run("trace", study / "ro-crate-metadata.json", study)
    assert ended.code == 1
    assert "looks were not compared: " in ended.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing.png", "{study}"), "not a file: nothing.png"),
        (("{study}", "{study}"), "not a file: "),
        (("{study}/figures/3b.png",), "Missing argument"),
    ],
)
def test_bad_input_is_said_in_words(study: Path, arguments: tuple[str, ...], said: str) -> None:
    ended = run("trace", *(word.format(study=study) for word in arguments))
    assert ended.code == 2
    assert said in ended.err


def test_each_place_is_named_once_by_what_speaks_for_it_most() -> None:
    weak, strong = (
        Candidate(crate="c", path="p", evidence=way, start="p")
        for way in (Evidence.LOOKS, Evidence.BYTES)
    )
    assert best_first([weak, strong]) == (strong,)


def test_a_picture_that_claims_too_many_pixels_is_not_decoded() -> None:
    raw = bytearray(imagecodecs.png_encode(OTHER))
    raw[16:24] = b"\x7f\xff\xff\xff" * 2
    with pytest.raises(ValueError, match="too many"):
        decoded(bytes(raw))
    jpeg = bytearray(imagecodecs.jpeg_encode(OTHER))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ValueError, match="too many"):
        decoded(bytes(jpeg))


@pytest.mark.parametrize(
    "raw", [b"", b"\x89PNG", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0\0\0", b"GIF8"]
)
def test_what_is_no_picture_is_told(raw: bytes) -> None:
    with pytest.raises(ValueError, match="no PNG and no JPEG"):
        decoded(raw)


def test_alpha_is_left_out_and_colours_are_channels() -> None:
    rgba = np.dstack([OTHER, OTHER // 2, OTHER // 3, np.full_like(OTHER, 7)])
    png = bytes(imagecodecs.png_encode(rgba))
    assert np.array_equal(decoded(png), rgba[:, :, :3].transpose(2, 0, 1))


def test_without_the_decoder_a_hint_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(InputError) as caught:
        decoded(b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\0\1\0\0\0\1")
    assert caught.value.hint == "pip install 'crate-iscc[pixels]'"


def test_an_earlier_version_is_found_by_the_byte_runs_it_shares(tmp_path: Path) -> None:
    crate = tmp_path / "tables"
    crate.mkdir()
    rows = [f"{n};{n * n % 9973};{n * 7919 % 65537}\n" for n in range(60000)]
    (crate / "v1.csv").write_text("".join(rows[:30000]))
    (crate / "other.csv").write_text("".join(rows[30000:]))
    assert run("build", crate).code == 0
    figure = tmp_path / "v2.csv"
    figure.write_text("".join(rows[:33000]))
    answer = traced(figure, crate)
    assert places(answer) == [("near", "v1.csv")]
    distance = answer["candidates"][0]["distance"]
    assert 0 < distance["bits"] < distance["of"] // 3
