"""`crate-iscc omero figure` links each panel of an OMERO.figure to the raw image behind it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omero_pack_kit import SINGLE, Shown, contents, make_pack, transfer_xml

from cli.cli_kit import run
from crate_iscc import validate
from crate_iscc.crate.provenance import Standing
from crate_iscc.errors import InputError
from crate_iscc.omero.figure_json import crop_of, parse_figure
from crate_iscc.report import Verdict
from crate_iscc.verifying.tracing import trace

GREEN = {
    "label": "GFP", "color": "00FF00", "active": True,
    "window": {"min": 0, "max": 4095, "start": 100, "end": 1542.5},
}  # fmt: skip
HIDDEN = {"label": "DAPI", "color": "0000FF", "active": False, "window": {"start": 0, "end": 9}}


def panel(image: int, **more: Any) -> dict[str, Any]:
    return {
        "x": 0, "y": 0, "width": 150, "height": 100, "imageId": image, "name": f"image {image}",
        "orig_width": 200, "orig_height": 200, "theZ": 3, "theT": 0, "zoom": 100, "dx": 0, "dy": 0,
        "channels": [HIDDEN, GREEN], "labels": [{"text": "A"}], **more,
    }  # fmt: skip


PANELS = [
    panel(51),
    panel(51, zoom=200, dx=10, dy=-5, rotation=90, horizontal_flip=True),
    panel(52, z_projection=True, z_start=1, z_end=4, labels=[]),
]


def figure_bytes(panels: Any, **more: Any) -> bytes:
    return json.dumps({"version": 8, "figureName": "Fig. 5", "panels": panels, **more}).encode()


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """Return a pack with a figure and what was exported from it, which is a crate."""
    folder = make_pack(tmp_path / "pack")
    (folder / "figures").mkdir()
    (folder / "figures/Figure_5.json").write_bytes(figure_bytes(PANELS))
    (folder / "figures/fig5.pdf").write_bytes(b"%PDF")
    assert run("omero", "pack", folder).code == 0
    return folder


def graph_of(crate: Path) -> dict[str, dict[str, Any]]:
    document = json.loads((crate / "ro-crate-metadata.json").read_bytes())
    return {entity["@id"]: entity for entity in document["@graph"]}


def panels_of(crate: Path) -> list[dict[str, Any]]:
    graph = graph_of(crate)
    found = [graph[one["@id"]] for one in graph["./"].get("mentions", ())]
    return [one for one in found if one["@id"].startswith("#panel-")]


def details_of(crate: Path, action: dict[str, Any]) -> dict[str, str]:
    graph = graph_of(crate)
    return {
        graph[one["@id"]]["name"]: graph[one["@id"]]["value"]
        for one in action["additionalProperty"]
    }


def test_each_panel_is_an_action_from_its_image_to_the_figure(crate: Path) -> None:
    ended = run("omero", "figure", "figures/Figure_5.json", crate)
    assert ended.code == 0, ended.err
    assert ended.lines[-1] == "recorded: 3 of 3 panels of Fig. 5"
    actions = panels_of(crate)
    assert [one["@type"] for one in actions] == ["CreateAction"] * 3
    assert [one["object"]["@id"] for one in actions] == [
        SINGLE.replace(" ", "%20"), SINGLE.replace(" ", "%20"), "root_0/2023-12/18/15-01-44.102/",
    ]  # fmt: skip
    assert {one["result"]["@id"] for one in actions} == {"figures/Figure_5.json"}
    assert details_of(crate, actions[0]) == {
        "labels": "A",
        "z index": "3",
        "t index": "0",
        "crop": "xywh=pixel:0,33.33,200,133.33",
        "channel 2": "GFP, 00FF00, 100 to 1542.5",
    }
    assert details_of(crate, actions[1]) == {
        "labels": "A",
        "z index": "3",
        "t index": "0",
        "crop": "xywh=pixel:40,71.67,100,66.67",
        "rotation, clockwise": "90",
        "flip": "horizontal",
        "channel 2": "GFP, 00FF00, 100 to 1542.5",
    }
    assert details_of(crate, actions[2])["z index"] == "maximum of 1 to 4"


def test_the_crate_conforms_and_provenance_finds_the_raw_images(crate: Path) -> None:
    ended = run("omero", "figure", "figures/Figure_5.json", crate, "--exported", "figures/fig5.pdf")
    assert ended.code == 0, ended.err
    assert validate(crate).verdict is Verdict.VALID
    links = [one for one in trace(crate).links if one.by.startswith("#panel-")]
    assert {link.standing for link in links} == {Standing.VERIFIED}
    assert {(link.derived.path, link.origin.path) for link in links} == {
        (result, origin)
        for result in ("figures/Figure_5.json", "figures/fig5.pdf")
        for origin in (SINGLE, "root_0/2023-12/18/15-01-44.102/")
    }


def test_trace_goes_back_from_the_exported_figure_to_the_raw_images(
    crate: Path, tmp_path: Path
) -> None:
    assert run(
        "omero", "figure", "figures/Figure_5.json", crate, "--exported", "figures/fig5.pdf"
    ).code == 0  # fmt: skip
    (tmp_path / "paper.pdf").write_bytes((crate / "figures/fig5.pdf").read_bytes())
    ended = run("trace", tmp_path / "paper.pdf", crate, "--no-images", "--format", "json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)["candidates"]
    recorded = [one["path"] for one in found if one["evidence"] == "recorded"]
    assert set(recorded) == {SINGLE, "root_0/2023-12/18/15-01-44.102/"}


def test_recording_it_again_and_building_again_change_nothing(crate: Path) -> None:
    for _ in range(2):
        ended = run("omero", "figure", "figures/Figure_5.json", crate)
    assert ended.lines[-1] == "already recorded: 3 of 3 panels of Fig. 5"
    before = contents(crate)
    assert run("omero", "pack", crate).code == 0
    assert run("build", crate).code == 0
    assert contents(crate) == before


def test_a_figure_that_has_changed_has_the_panels_that_it_has_now(crate: Path) -> None:
    assert run("omero", "figure", "figures/Figure_5.json", crate).code == 0
    everything = graph_of(crate).keys()
    (crate / "figures/Figure_5.json").write_bytes(figure_bytes([panel(55, labels=[])]))
    ended = run("omero", "figure", "figures/Figure_5.json", crate)
    assert ended.code == 2
    assert "not as recorded" in ended.err
    assert run("build", crate).code == 0
    assert run("omero", "figure", "figures/Figure_5.json", crate).code == 0
    (action,) = panels_of(crate)
    assert action["object"]["@id"] == "pixel_images/55.tiff"
    ours = {key for key in graph_of(crate) if key.startswith("#panel-")}
    assert ours == {action["@id"], *(one["@id"] for one in action["additionalProperty"])}
    assert ours < set(everything)
    assert validate(crate).verdict is Verdict.VALID


def test_an_image_of_another_server_is_not_taken_for_one_of_the_pack(crate: Path) -> None:
    panels = [panel(51), panel(51, baseUrl="idr.example.org"), panel(99), {"imageId": None}]
    elsewhere = crate.parent / "elsewhere.json"
    elsewhere.write_bytes(figure_bytes(panels))
    ended = run("omero", "figure", elsewhere, crate)
    assert ended.code == 0, ended.err
    assert ended.lines[-4:] == [
        "note  panel 2 shows Image:51 (image 51) of idr.example.org",
        "note  panel 3 shows Image:99 (image 99), which the crate does not know",
        "note  panel 4 names no image",
        "recorded: 1 of 4 panels of Fig. 5",
    ]
    ended = run("omero", "figure", elsewhere, crate, "--image", "99=pixel_images/55.tiff")
    assert ended.lines[-1] == "recorded: 2 of 4 panels of Fig. 5"
    (result,) = {one["result"]["@id"] for one in panels_of(crate)}
    assert graph_of(crate)[result]["name"] == "elsewhere.json"
    assert graph_of(crate)[result]["datahash"].startswith("1e20")


def test_a_panel_of_an_image_in_a_zarr_is_linked_to_the_zarr(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", transfer_xml([Shown(9, "x", "x.zarr/.zattrs")]))
    (folder / "x.zarr").mkdir()
    (folder / "x.zarr/.zattrs").write_text("{}")
    (folder / "x.zarr/.zgroup").write_text("{}")
    (folder / "f.json").write_bytes(figure_bytes([panel(9)]))
    assert run("omero", "pack", folder).code == 0
    ended = run("omero", "figure", "f.json", folder)
    assert ended.code == 0, ended.err
    (action,) = panels_of(folder)
    assert action["object"] == {"@id": "x.zarr/"}


def test_a_changed_image_is_not_linked(crate: Path) -> None:
    (crate / SINGLE).write_bytes(b"changed")
    before = contents(crate)
    ended = run("omero", "figure", "figures/Figure_5.json", crate)
    assert ended.code == 2
    assert "cell 1.tiff is not as recorded" in ended.err
    assert contents(crate) == before


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{}", "no OMERO.figure"),
        (b'{"panels": [1]}', "no OMERO.figure"),
        (figure_bytes([]), "no panel of the figure can be linked"),
        (figure_bytes([{}] * 10_001), "too many panels"),
        (figure_bytes([panel(99)]), "no panel of the figure can be linked"),
    ],
)
def test_what_is_no_figure_is_refused_with_the_reason(crate: Path, raw: bytes, why: str) -> None:
    (crate.parent / "f.json").write_bytes(raw)
    before = contents(crate)
    ended = run("omero", "figure", crate.parent / "f.json", crate)
    assert ended.code == 2
    assert why in ended.err
    assert contents(crate) == before


@pytest.mark.parametrize("image", ["51", "x=y", "=raw", "51="])
def test_an_image_is_named_by_number_and_path(crate: Path, image: str) -> None:
    ended = run("omero", "figure", "figures/Figure_5.json", crate, "--image", image)
    assert ended.code == 2
    assert "NUMBER=PATH" in ended.err


def test_a_panel_of_the_whole_image_has_no_crop() -> None:
    assert crop_of(panel(1, width=100, height=100)) is None
    assert crop_of(panel(1, width=50, height=100)) == (50, 0, 100, 200)
    assert crop_of({"imageId": 1}) is None
    assert crop_of(panel(1, zoom=0)) is None


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*panel(1), "z_projection", "z_start", "baseUrl"]), _ANY))
def test_a_panel_may_say_anything(said: dict[str, Any]) -> None:
    figure = parse_figure(figure_bytes([panel(1) | said]))
    assert figure.panels[0].number == 1
    for detail in figure.panels[0].details:
        assert detail.value


def test_a_figure_of_another_encoding_is_refused() -> None:
    with pytest.raises(InputError, match="not JSON"):
        parse_figure(figure_bytes(PANELS).decode().encode("utf-16"))
