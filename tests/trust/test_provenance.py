"""Provenance: each link that the metadata tell of is verified, only recorded, or broken."""

import json
import re
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cli_kit import error_of, run
from crate_iscc.crate.provenance import MOST_LINKS, Provenance, Standing
from crate_iscc.proving.signing import sign
from crate_iscc.render.provenance import provenance_json, provenance_text
from crate_iscc.render.provenance_layout import columns_of, laid_out
from crate_iscc.render.provenance_svg import provenance_svg
from crate_iscc.trust.trust_set import TrustSet
from crate_iscc.verifying.tracing import trace
from render.render_kit import HOSTILE, steady
from trust.trust_kit import ADA
from verify.verify_kit import (
    CELL,
    CELL_ZARR,
    FIGURE,
    TABLE,
    Graph,
    edit_metadata,
    entity_of,
    flip_bit,
    foreign,
    made_crate,
    metadata_of,
    treehash_of,
    zip_of,
)

MASK = "masks/cell_mask.tif"
PLATES = "https://example.org/plates/"
SVG = "{http://www.w3.org/2000/svg}"

Said = set[tuple[str, str, str, str]]


def said(chain: Provenance) -> Said:
    """Return each link as derived, origin, by, standing; none may be said twice."""
    links = [(x.derived.id, x.origin.id, x.by, x.standing.value) for x in chain.links]
    assert len(links) == len(set(links))
    return set(links)


@pytest.fixture
def study(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """Make the example study, whose metadata say where things come from."""
    folder = tmp_path / "study"
    shutil.copytree(made_crate(tmp_path_factory), folder)

    def tell(graph: Graph) -> None:
        entity_of(graph, "./")["isBasedOn"] = {"@id": PLATES}
        entity_of(graph, CELL_ZARR)["prov:wasDerivedFrom"] = {"@id": CELL}
        graph.extend(
            [
                {
                    "@id": PLATES,
                    "@type": "Dataset",
                    "name": "Plates",
                    "identifier": "ISCC:KUADAW6JKK6XH3CAPEDRGCTDMHPTXEGXSYAK4JLFDGLOFN6P6GNUCHA",
                },
                {
                    "@id": "#segmentation",
                    "@type": ["CreateAction", "Thing"],
                    "name": "Segmentation",
                    "instrument": {"@id": "#otsu"},
                    "agent": {"@id": "#ada"},
                    "object": {"@id": CELL},
                    "result": [{"@id": MASK}, {"@id": TABLE}],
                    "endTime": "2026-01-01",
                },
                {"@id": "#otsu", "@type": "SoftwareApplication", "name": "Otsu", "version": "1"},
                {"@id": "#ada", "@type": "Person", "name": "Ada Lovelace"},
            ]
        )

    edit_metadata(folder, tell)
    return folder


EXPECTED: Said = {
    ("./", PLATES, "isBasedOn", "recorded"),
    (CELL_ZARR, CELL, "prov:wasDerivedFrom", "verified"),
    (MASK, CELL, "#segmentation", "verified"),
    (TABLE, CELL, "#segmentation", "verified"),
}


# --- the example study ---------------------------------------------------------------------------


def test_links_inside_the_payload_are_verified(study: Path, tmp_path: Path) -> None:
    """In a folder as in a zip, if both ends are as recorded; what lies elsewhere is only said."""
    for source in (study, zip_of(study, tmp_path / "study.zip", wrapper="w/")):
        chain = trace(source)

        assert said(chain) == EXPECTED
        assert chain.counts == {"verified": 3, "recorded": 1, "broken": 0}
        assert chain.crate.standing is Standing.VERIFIED
        (plates,) = [link.origin for link in chain.links if link.origin.id == PLATES]
        assert (plates.name, (plates.iscc or "")[:9]) == ("Plates", "ISCC:KUAD")
        (cell, *_) = [link.origin for link in chain.links if link.origin.id == CELL]
        assert cell.iscc
        assert (cell.digest or "").startswith("1e20")


def test_what_was_done_is_told(study: Path) -> None:
    """With what, by whom, out of what, to what; the fingerprinting of the crate is told as well."""
    ours, action = trace(study).actions

    assert ours.instruments[0].startswith("crate-iscc ")
    assert (action.id, action.type, action.name) == (
        "#segmentation",
        "CreateAction",
        "Segmentation",
    )
    assert (action.instruments, action.agents) == (("Otsu 1",), ("Ada Lovelace",))
    assert (action.objects, action.results) == ((CELL,), (MASK, TABLE))
    assert action.ended == "2026-01-01"


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "the origin changed": (lambda x: flip_bit(x / CELL), f"{CELL}: it is not as recorded"),
    "the origin removed": (lambda x: (x / CELL).unlink(), f"{CELL}: it is not there"),
    "the origin moved": (
        lambda x: (x / CELL).rename(x / "raw/c.tif"),
        f"{CELL}: it is at another path",
    ),
    "what came of it changed": (lambda x: flip_bit(x / MASK), f"{MASK}: it is not as recorded"),
    "a chunk of what came of it changed": (
        lambda x: flip_bit(x / CELL_ZARR / "0/c/0/0"),
        f"{CELL_ZARR}: 1 of its files are not as recorded",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_link_whose_end_is_not_as_recorded_is_broken(damage: str, study: Path) -> None:
    """It names the end and what is wrong; so does the exit code."""
    change, words = DAMAGES[damage]
    change(study)
    chain = trace(study)

    broken = [link for link in chain.links if link.standing is Standing.BROKEN]
    assert words in {link.why for link in broken}
    assert chain.crate.standing is Standing.BROKEN
    shown = run("provenance", study)
    assert shown.code == 1
    assert words in shown.out


def test_the_crate_itself_can_be_an_end(study: Path) -> None:
    """Derived from one of its own files, it is verified as a whole."""
    edit_metadata(study, lambda g: entity_of(g, "./").update(isBasedOn={"@id": CELL}))
    assert ("./", CELL, "isBasedOn", "verified") in said(trace(study))
    flip_bit(study / FIGURE)
    assert ("./", CELL, "isBasedOn", "broken") in said(trace(study))


def test_signers_and_times_are_those_of_verify(signed: Path) -> None:
    """Who stands for the crate stands in each format."""
    chain = trace(signed, trust=TrustSet(keys={ADA.public: "ada"}))

    assert [proof.who for proof in chain.proofs] == [f"ada ({ADA.issuer})"]
    for text in (provenance_text(chain), provenance_json(chain), provenance_svg(chain)):
        assert ADA.issuer in text


def test_an_iscc_id_is_claimed(crate: Path) -> None:
    """Nobody has said that it is this crate's own."""
    iscc_id = "ISCC:MAIWGSCLNRWWHBRA"
    edit_metadata(crate, lambda g: entity_of(g, "./")["identifier"].append(iscc_id))
    chain = trace(crate)

    assert chain.iscc_id == iscc_id
    assert f"{iscc_id} (claimed)" in provenance_text(chain)
    assert json.loads(provenance_json(chain))["iscc_id"]["standing"] == "claimed"


# --- crates made by hand -------------------------------------------------------------------------

FILES = {"a.bin": b"a" * 3000, "b.bin": b"b" * 3000, "f/c.bin": b"c", "g.bin": b"g"}


def made(folder: Path, based_on: Any, **more: Any) -> Path:
    """Make a crate whose a.bin is said to come of something; g.bin has no digest."""
    entities: Graph = [
        {"@id": path, "@type": "File", "sha256": sha256(content).hexdigest()}
        for path, content in FILES.items()
        if path != "g.bin"
    ]
    entities[0] |= {"isBasedOn": based_on, **more}
    return foreign(folder, FILES, [*entities, {"@id": "g.bin", "@type": "File"}])


@pytest.mark.parametrize(
    ("value", "origin", "standing", "why"),
    [
        ({"@id": "b.bin"}, "b.bin", "verified", ""),
        ({"@id": "./b.bin"}, "./b.bin", "verified", ""),
        ({"@id": "f/"}, "f/", "verified", ""),
        ("b.bin", "b.bin", "verified", ""),
        ({"@id": "g.bin"}, "g.bin", "recorded", "nothing is recorded to check it by"),
        ({"@id": "x.bin"}, "x.bin", "broken", "it is not there"),
        ({"@id": "x/"}, "x/", "broken", "it is not there"),
        ({"@id": "../x.bin"}, "../x.bin", "broken", "it names no place in the crate"),
        ({"@id": "/etc/passwd"}, "/etc/passwd", "broken", "it names no place in the crate"),
        ({"@id": "#gone"}, "#gone", "broken", "nothing describes it"),
        ({"@id": "_:b0"}, "_:b0", "broken", "nothing describes it"),
        ({"@id": "https://x.org/y"}, "https://x.org/y", "recorded", "it lies elsewhere"),
        ("https://x.org/y", "https://x.org/y", "recorded", "it lies elsewhere"),
        ({"url": "https://x.org/y"}, "https://x.org/y", "recorded", "it lies elsewhere"),
        ({"@id": "file:///x"}, "file:///x", "recorded", "it lies elsewhere"),
        ({"@id": "ISCC:KACT"}, "ISCC:KACT", "recorded", "it lies elsewhere"),
        ({"@id": "ro-crate-metadata.json"}, "ro-crate-metadata.json", "recorded",
         "it describes the payload, and is no part of it"),
        ({"@id": "a.bin"}, "a.bin", "verified", ""),
    ],
)  # fmt: skip
def test_each_end_has_its_standing(
    value: Any, origin: str, standing: str, why: str, tmp_path: Path
) -> None:
    """By what the metadata call it, and what is there."""
    chain = trace(made(tmp_path / "crate", value))

    (link,) = chain.links
    assert (link.derived.id, link.origin.id) == ("a.bin", origin)
    assert link.standing.value == standing
    assert link.origin.why == why


@pytest.mark.parametrize(
    ("key", "context", "by"),
    [
        ("wasDerivedFrom", None, "prov:wasDerivedFrom"),
        ("prov:wasDerivedFrom", None, "prov:wasDerivedFrom"),
        ("http://www.w3.org/ns/prov#wasDerivedFrom", None, "prov:wasDerivedFrom"),
        ("cameOf", {"cameOf": "http://www.w3.org/ns/prov#wasDerivedFrom"}, "prov:wasDerivedFrom"),
        ("http://schema.org/isBasedOn", None, "isBasedOn"),
        ("isBasedOn", {"isBasedOn": "http://schema.org/isBasedOn"}, "isBasedOn"),
        ("isBasedOn", {"isBasedOn": "https://example.org/otherwise"}, None),
        ("isPartOf", None, None),
    ],
)
def test_a_derivation_is_known_by_its_meaning(
    key: str, context: Any, by: str | None, tmp_path: Path
) -> None:
    """However the context calls it; what has another meaning is none."""
    crate = made(tmp_path / "crate", [], **{key: {"@id": "b.bin"}})
    place = crate / "ro-crate-metadata.json"
    value = json.loads(place.read_text())
    if context:
        value["@context"] = [value["@context"], context]
    place.write_text(json.dumps(value))

    assert [link.by for link in trace(crate).links] == ([by] if by else [])


def test_what_lies_elsewhere_may_be_here_by_its_fingerprint(study: Path) -> None:
    """Another crate's file, whose datahash is that of a file of the payload, is verified."""
    datahash = entity_of(metadata_of(study), CELL)["datahash"]

    def tell(graph: Graph) -> None:
        entity_of(graph, MASK)["isBasedOn"] = {"@id": "https://example.org/cell.tif"}
        graph.append({"@id": "https://example.org/cell.tif", "@type": "File", "datahash": datahash})

    edit_metadata(study, tell)
    chain = trace(study)
    link = next(x for x in chain.links if x.origin.id == "https://example.org/cell.tif")
    assert (link.standing, link.origin.path) == (Standing.VERIFIED, CELL)
    assert link.why == f"https://example.org/cell.tif: its bytes are here: {CELL}"
    flip_bit(study / CELL)
    assert (MASK, "https://example.org/cell.tif", "isBasedOn", "recorded") in said(trace(study))


def test_a_crate_that_records_nothing_is_told_all_the_same(tmp_path: Path) -> None:
    """Nothing can be verified, so each link is only recorded, and the text says why."""
    crate = foreign(
        tmp_path / "crate",
        {"a": b"a"},
        [{"@id": "a", "@type": "File", "isBasedOn": [{"@id": "b"}, {"@id": "./"}]}],
    )
    chain = trace(crate)

    assert said(chain) == {
        ("a", "b", "isBasedOn", "recorded"),
        ("a", "./", "isBasedOn", "recorded"),
    }
    shown = run("provenance", crate)
    assert shown.code == 0
    assert "not verified: nothing can be verified in" in shown.out


def test_a_crate_inside_is_an_end_too(study: Path, tmp_path: Path) -> None:
    """Its files are verified in its own right."""
    outer = tmp_path / "outer"
    shutil.copytree(study, outer / "inner")
    inner = {"@id": "inner/", "@type": "Dataset", "isBasedOn": {"@id": f"inner/{CELL}"}}
    file = {"@id": "o.txt", "@type": "File", "sha256": sha256(b"o").hexdigest()}
    foreign(outer, {"o.txt": b"o"}, [inner, file])
    expected = ("inner/", f"inner/{CELL}", "isBasedOn")
    assert (*expected, "verified") in said(trace(outer))
    flip_bit(outer / "inner" / CELL)
    assert (*expected, "broken") in said(trace(outer))


@pytest.mark.parametrize("where", ["nowhere", "a folder"])
def test_what_is_no_crate_has_no_provenance(where: str, tmp_path: Path) -> None:
    """One clear error."""
    (tmp_path / "a folder").mkdir()
    shown = run("provenance", tmp_path / where)
    assert (shown.code, shown.out) == (2, "")
    error_of(shown)


# --- hostile and large ---------------------------------------------------------------------------


def test_circles_end(tmp_path: Path) -> None:
    """What came of itself, and two that came of each other, are told and drawn."""
    crate = made(tmp_path / "crate", [{"@id": "a.bin"}, {"@id": "b.bin"}])
    edit_metadata(crate, lambda g: entity_of(g, "b.bin").update(isBasedOn={"@id": "a.bin"}))
    chain = trace(crate)

    assert len(chain.links) == 3
    drawn = ElementTree.fromstring(provenance_svg(chain))
    assert len(drawn.findall(f"{SVG}path[@marker-end]")) == 2


def test_an_action_of_thousands_ends(tmp_path: Path) -> None:
    """A thousand times a thousand links are counted, and not all kept."""
    crate = made(tmp_path / "crate", [])
    many = [{"@id": f"https://x.org/{number}"} for number in range(1000)]

    def tell(graph: Graph) -> None:
        graph.append({"@id": "#do", "@type": "CreateAction", "object": many, "result": many})

    edit_metadata(crate, tell)
    chain = trace(crate)

    assert len(chain.links) == MOST_LINKS
    assert chain.left_out == 1_000_000 - MOST_LINKS
    assert len(provenance_svg(chain)) < 100_000
    assert "990,000 more links" in provenance_text(chain)


@pytest.mark.parametrize("name", [*HOSTILE, "\udc80", "\0"])
def test_a_name_is_only_text(name: str, tmp_path: Path) -> None:
    """In each format: nothing that it holds is markup, a line or a colour."""
    crate = made(tmp_path / "crate", {"@id": f"https://x.org/{name}"})

    def tell(graph: Graph) -> None:
        entity_of(graph, "./")["name"] = name
        graph.append(
            {"@id": f"https://x.org/{name}", "@type": "CreateAction", "name": name,
             "instrument": name, "agent": {"name": name}, "object": {"@id": name},
             "result": {"@id": "b.bin"}, "endTime": name}
        )  # fmt: skip

    if name != "\udc80":  # which no editor could write
        edit_metadata(crate, tell)
    chain = trace(crate)

    for text in (provenance_text(chain), provenance_svg(chain)):
        assert all(c.isprintable() or c == "\n" for c in text)
    drawn = ElementTree.fromstring(provenance_svg(chain))
    assert {e.tag.removeprefix(SVG) for e in drawn.iter()} <= {
        "svg", "title", "style", "defs", "marker", "path", "rect", "text", "g"
    }  # fmt: skip
    json.loads(provenance_json(chain).encode("utf-8"))


@pytest.mark.parametrize(
    "value", [None, 1, True, [], {}, [[]], [{"@id": 1}], {"@id": ""}, "", {"@list": ["a"]}, [None]]
)
def test_any_json_may_stand_for_an_origin(value: Any, tmp_path: Path) -> None:
    """What names nothing gives no link, or one that is broken."""
    crate = made(tmp_path / "crate", value, result=value)
    edit_metadata(
        crate,
        lambda g: g.append(
            {"@id": "#x", "@type": ["XAction", 1], "name": value, "object": value, "result": value}
        ),
    )
    chain = trace(crate)
    assert len(chain.actions) == 1
    assert provenance_text(chain)
    assert provenance_svg(chain)


# --- the picture ---------------------------------------------------------------------------------


def test_the_picture_draws_each_thing_and_each_link(study: Path) -> None:
    """A box for each thing, an arrow for each link in the manner of its standing, and the words."""
    chain = trace(study)
    drawn = ElementTree.fromstring(provenance_svg(chain))

    titles = {one.text for one in drawn.iterfind(f"{SVG}g/{SVG}title")}
    assert titles == {"./", PLATES, CELL, CELL_ZARR, MASK, TABLE}
    markers = sorted(p.get("marker-end", "") for p in drawn.findall(f"{SVG}path[@marker-end]"))
    assert markers == ["url(#recorded)", *["url(#verified)"] * 3]
    words = {text.text or "" for text in drawn.iter(f"{SVG}text")}
    assert {"A small study", "Plates", "isBasedOn", "#segmentation"} <= words
    assert any(word.startswith("VALID: ") for word in words)
    text = provenance_svg(chain)
    assert re.findall(r"(?:href|src|on\w+)=", text) == []
    assert set(re.findall(r"https?://[^\s\"<]+", text)) <= {
        "http://www.w3.org/2000/svg", PLATES
    }  # fmt: skip


def test_a_crate_that_says_nothing_is_drawn_alone(crate: Path) -> None:
    """One box, and the words say so."""
    chain = trace(crate)

    drawn = ElementTree.fromstring(provenance_svg(chain))
    assert [one.text for one in drawn.iterfind(f"{SVG}g/{SVG}title")] == ["./"]
    assert "the metadata say nothing of where it comes from" in provenance_text(chain)


_NODES = st.sampled_from("abcdefg")


@steady
@given(links=st.lists(st.tuples(_NODES, _NODES), max_size=20))
def test_no_two_things_are_drawn_at_one_place(links: list[tuple[str, str]]) -> None:
    """Whatever comes of what: places are free, and without circles arrows go to the right."""
    places, ways = laid_out(links)

    slots = [*places.values(), *(place for way in ways for place in way)]
    assert len(slots) == len(set(slots))
    assert set(places) == {thing for link in links for thing in link}
    forward = [(a, b) for a, b in links if a < b]
    column = columns_of(forward)
    assert all(column[a] < column[b] for a, b in forward)


# --- the command ---------------------------------------------------------------------------------


def test_the_format_is_told_from_the_name(study: Path, tmp_path: Path) -> None:
    """Text, JSON and a picture; another ending is an error before the work."""
    for name, begin in (("x.txt", "name "), ("x.json", "{"), ("x.svg", "<svg ")):
        shown = run("provenance", study, "-o", tmp_path / name)
        assert (shown.code, shown.out) == (0, "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begin)
    shown = run("provenance", study, "-o", tmp_path / "x.png")
    assert shown.code == 2
    assert "the format cannot be told" in error_of(shown)
    picture = run("provenance", study, "--format", "svg")
    assert picture.out == (tmp_path / "x.svg").read_text(encoding="utf-8")


def test_the_json_names_things_by_their_ids(study: Path) -> None:
    """Each end of a link is among the things, and the verdict is that of verify."""
    value = json.loads(run("provenance", study, "--format", "json").out)

    things = {thing["id"]: thing for thing in value["things"]}
    assert {x[end] for x in value["links"] for end in ("derived", "origin")} <= set(things)
    assert (value["verdict"], value["left_out"]) == ("valid", 0)
    assert value["treehash"] == things["./"]["digest"]
    paths = [p.relative_to(study).as_posix() for p in study.rglob("*") if p.is_file()]
    payload = [p for p in paths if not p.startswith(("ro-crate-", "iscc-"))]
    assert value["treehash"] == treehash_of(study, payload)
    assert things[CELL]["standing"] == "verified"
    assert [action["id"] for action in value["actions"]][-1] == "#segmentation"


def test_a_signed_crate_that_was_edited_is_not_vouched_for(signed: Path) -> None:
    """Whoever adds a derivation to signed metadata is found out."""
    edit_metadata(signed, lambda g: entity_of(g, "./").update(isBasedOn={"@id": PLATES}))
    shown = run("provenance", signed)

    assert shown.code == 1
    assert "signature: none that holds" in shown.out
    sign(signed, ADA)
    assert "recorded  https://example.org/plates/" in run("provenance", signed).out
