"""An existing crate comes out of build with nothing lost but what was asked for."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from build_lossless import compare
from build_support import DAYS_LATER, METADATA, NOW, graph_of, ids_in, metadata_bytes, write_tree

from crate_iscc import InputError, Verdict, build, verify

FILES = {
    "raw/cell 1.tif": b"II*\0cell 1",
    "raw/cell 2.tif": b"II*\0cell 2",
    "notes/F\u00e4rbung.txt": b"eosin",
    "table.csv": b"a,b\n1,2\n",
}

RICH = (Path(__file__).parent / "rich-crate.json").read_text(encoding="utf-8")
"""Much of what RO-Crate and JSON allow, and tools really write, on one page."""

NEW_ENTITIES = [
    "#iscc-sum",
    "#treehash",
    "https://w3id.org/bio-codes/ro-crate/0.1",
    "notes/F\u00e4rbung.txt",
    "raw/cell%202.tif",
    "#crate-iscc-fingerprint",
    "#crate-iscc",
]
ADDED_TO_RICH = {
    "@context[3]/datahash",
    "@context[3]/fileCount",
    "@context[3]/recipeVersion",
    "@context[3]/codeLevel",
    "@graph[./]/identifier[#iscc-sum]",
    "@graph[./]/identifier[#treehash]",
    "@graph[./]/contentSize",
    "@graph[./]/fileCount",
    "@graph[./]/conformsTo[https://w3id.org/bio-codes/ro-crate/0.1]",
    "@graph[./]/hasPart[notes/F\u00e4rbung.txt]",
    "@graph[./]/mentions[#crate-iscc-fingerprint]",
    "@graph[raw/]/hasPart[raw/cell%202.tif]",
    "@graph[raw/cell%201.tif]/contentSize",
    "@graph[raw/cell%201.tif]/identifier[2]",
    "@graph[raw/cell%201.tif]/datahash",
    "@graph[table.csv]/identifier[1]",
    "@graph[table.csv]/datahash",
    *(f"@graph[{entity_id}]" for entity_id in NEW_ENTITIES),
}
"""Everything that a build may add to the rich crate: nothing is missing, nothing is beside it."""


def _dataset(tmp_path: Path, metadata: bytes) -> Path:
    return write_tree(tmp_path / "study", {**FILES, METADATA: metadata})


def test_a_rich_crate_loses_nothing_and_gains_just_the_fingerprints(tmp_path: Path) -> None:
    """Every key, value, number and order of before is there; every addition is one of ours."""
    dataset = _dataset(tmp_path, RICH.encode())

    build(dataset, now=NOW)

    difference = compare(RICH.encode(), metadata_bytes(dataset))
    assert difference.lost == []
    assert set(difference.added) == ADDED_TO_RICH
    assert verify(dataset).verdict is Verdict.VALID


def _spelt(value: Any, **style: Any) -> str:
    """Write a value as JSON with its numbers spelt as they were read."""
    text = json.dumps(value, **style)
    return re.sub(r'"number:([^"]*)"', r"\1", text)


def _restyled(**style: Any) -> bytes:
    def keep(text: str) -> str:
        return f"number:{text}"

    value = json.loads(RICH, parse_float=keep, parse_int=keep)
    return _spelt(value, **{"ensure_ascii": False, **style}).encode()


STYLES: dict[str, tuple[bytes, Callable[[str], bool]]] = {
    "two spaces": (_restyled(indent=2), lambda text: '\n  "@graph": [\n    {\n' in text),
    "four spaces": (_restyled(indent=4), lambda text: '\n    "@graph": [\n        {\n' in text),
    "tabs": (_restyled(indent="\t"), lambda text: '\n\t"@graph": [\n\t\t{\n' in text),
    "one line": (_restyled(), lambda text: "\n" not in text and '"@graph": [{' in text),
    "minified": (
        _restyled(separators=(",", ":")),
        lambda text: "\n" not in text and '"@graph":[{' in text,
    ),
    "CRLF": (
        _restyled(indent=2).replace(b"\n", b"\r\n"),
        lambda text: "\r\n" in text and "\n" not in text.replace("\r\n", ""),
    ),
    "a final line end": (_restyled(indent=2) + b"\n", lambda text: text.endswith("}\n")),
    "no final line end": (_restyled(indent=2), lambda text: text.endswith("}")),
    "three final line ends": (_restyled(indent=2) + b"\n\n\n", lambda t: t.endswith("}\n\n\n")),
    "escaped": (
        _restyled(indent=2, ensure_ascii=True),
        lambda text: text.isascii() and "\\u4e2d" in text,
    ),
    "a byte order mark": (b"\xef\xbb\xbf" + _restyled(indent=2), lambda text: "\u4e2d" in text),
    "sorted keys": (
        _restyled(indent=2, sort_keys=True),
        lambda text: text.index('"@context"') < text.index('"x-tool"'),
    ),
}


@pytest.mark.parametrize("style", STYLES)
def test_the_style_of_the_file_is_kept_and_nothing_is_lost(tmp_path: Path, style: str) -> None:
    """Indentation, line ends and escapes are as they were, in what was there and what is new."""
    before, is_kept = STYLES[style]
    dataset = _dataset(tmp_path, before)

    build(dataset, now=NOW)

    after = metadata_bytes(dataset)
    difference = compare(before, after)
    assert difference.lost == []
    assert set(difference.added) == ADDED_TO_RICH
    assert is_kept(after.decode("utf-8-sig"))


@pytest.mark.parametrize("style", STYLES)
def test_a_second_build_is_byte_identical_in_every_style(tmp_path: Path, style: str) -> None:
    """Once the fingerprints are in, nothing moves."""
    dataset = _dataset(tmp_path, STYLES[style][0])
    build(dataset, now=NOW)
    before = metadata_bytes(dataset)

    build(dataset, now=DAYS_LATER)

    assert metadata_bytes(dataset) == before


# --- contexts ----------------------------------------------------------------------------------


def _small(
    *entities: dict[str, Any],
    context: Any = "https://w3id.org/ro/crate/1.3/context",
    version: str = "1.3",
    root_id: str = "./",
    **root: Any,
) -> bytes:
    """Return the metadata of a small crate whose root lacks nothing."""
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": root_id},
        "conformsTo": {"@id": f"https://w3id.org/ro/crate/{version}"},
    }
    described = {
        "@id": root_id,
        "@type": "Dataset",
        "name": "n",
        "description": "d",
        "datePublished": "2020-01-01",
        "license": {"@id": "https://spdx.org/licenses/MIT"},
        **root,
    }
    value = {"@context": context, "@graph": [descriptor, described, *entities]}
    return json.dumps(value, ensure_ascii=False).encode()


SPEC = "https://w3id.org/ro/crate/1.3/context"
OURS = {"datahash", "fileCount", "recipeVersion", "codeLevel"}


@pytest.mark.parametrize(
    ("context", "added"),
    [
        (SPEC, {"@context[1]"}),
        ([SPEC], {"@context[1]"}),
        ([SPEC, {"own": "https://e.org/own"}], {f"@context[1]/{term}" for term in OURS}),
        ([SPEC, {"own": "https://e.org/own"}, "https://e.org/c"], {"@context[3]"}),
        ({"@vocab": "http://schema.org/"}, {f"@context[0]/{term}" for term in OURS}),
        ([{"@vocab": "http://schema.org/"}, SPEC], {"@context[2]"}),
    ],
    ids=["string", "list", "own terms", "a context behind them", "object", "object first"],
)
def test_terms_go_into_the_crates_own_context(
    tmp_path: Path, context: Any, added: set[str]
) -> None:
    """Whatever form the context has, it keeps what it says and gains what is used."""
    before = _small(context=context)
    dataset = _dataset(tmp_path, before)

    build(dataset)

    difference = compare(before, metadata_bytes(dataset))
    assert difference.lost == []
    assert {place for place in difference.added if place.startswith("@context")} == added
    assert verify(dataset).verdict is Verdict.VALID


@pytest.mark.parametrize(
    "meaning", ["https://e.org/other", {"@id": "https://e.org/other", "@type": "@id"}]
)
def test_a_name_that_means_something_else_is_left_to_its_owner(
    tmp_path: Path, meaning: Any
) -> None:
    """Where the crate uses our word for its own, the full IRI is written."""
    before = _small(
        {"@id": "table.csv", "@type": "File", "datahash": "theirs"},
        context=[SPEC, {"datahash": meaning}],
        hasPart=[{"@id": "table.csv"}],
    )
    dataset = _dataset(tmp_path, before)

    build(dataset)

    assert compare(before, metadata_bytes(dataset)).lost == []
    table = graph_of(dataset)["table.csv"]
    assert table["datahash"] == "theirs"
    assert table["http://purl.org/iscc/terms/#datahash"].startswith("1e20")
    assert verify(dataset).verdict is Verdict.VALID


def test_terms_that_are_there_are_not_added_again(tmp_path: Path) -> None:
    """A context that defines them alike is left as it is."""
    terms = {
        "datahash": "http://purl.org/iscc/terms/#datahash",
        "fileCount": {"@id": "https://w3id.org/bio-codes/terms#fileCount"},
        "recipeVersion": "https://w3id.org/bio-codes/terms#recipeVersion",
        "codeLevel": "https://w3id.org/bio-codes/terms#codeLevel",
    }
    before = _small(context=[SPEC, terms])
    dataset = _dataset(tmp_path, before)

    build(dataset)

    difference = compare(before, metadata_bytes(dataset))
    assert difference.lost == []
    assert not [place for place in difference.added if place.startswith("@context")]


# --- versions, roots, descriptors --------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2", "1.3", "1.4-DRAFT", "2.0"])
def test_a_crate_keeps_its_version(tmp_path: Path, version: str) -> None:
    """Context and conformsTo of the descriptor stay, also of a version yet to come."""
    context = f"https://w3id.org/ro/crate/{version}/context"
    before = _small(context=context, version=version)
    dataset = _dataset(tmp_path, before)

    build(dataset)

    assert compare(before, metadata_bytes(dataset)).lost == []
    assert json.loads(metadata_bytes(dataset))["@context"][0] == context
    conforms = graph_of(dataset)[METADATA]["conformsTo"]
    assert conforms == {"@id": f"https://w3id.org/ro/crate/{version}"}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_old_crate_gets_no_type_that_its_context_does_not_define(
    tmp_path: Path, version: str
) -> None:
    """Profile came with RO-Crate 1.2."""
    dataset = _dataset(tmp_path, _small(version=version))

    build(dataset)

    types = graph_of(dataset)["https://w3id.org/bio-codes/ro-crate/0.1"]["@type"]
    assert types == "CreativeWork"


@pytest.mark.parametrize(
    "root_id",
    ["./", ".", "https://example.org/ds/", "https://example.org/ds", "#root", "arcp://x/"],
)
def test_the_root_keeps_its_id(tmp_path: Path, root_id: str) -> None:
    """An absolute URI or any other id stays, and everything points to it."""
    before = _small(root_id=root_id)
    dataset = _dataset(tmp_path, before)

    build(dataset)

    assert compare(before, metadata_bytes(dataset)).lost == []
    graph = graph_of(dataset)
    assert graph[METADATA]["about"] == {"@id": root_id}
    assert graph["#crate-iscc-fingerprint"]["object"] == {"@id": root_id}
    assert len(ids_in(graph[root_id]["hasPart"])) == len(FILES)
    assert verify(dataset).verdict is Verdict.VALID


def test_metadata_of_rocrate_1_0_keep_their_file_name(tmp_path: Path) -> None:
    """A crate described by ro-crate-metadata.jsonld gets no second description."""
    old_name = "ro-crate-metadata.jsonld"
    before = _small(version="1.0").replace(METADATA.encode(), old_name.encode())
    dataset = write_tree(tmp_path / "study", {**FILES, old_name: before})

    build(dataset)

    assert not (dataset / METADATA).exists()
    assert compare(before, (dataset / old_name).read_bytes()).lost == []
    assert verify(dataset).verdict is Verdict.VALID


@pytest.mark.parametrize("types", ["Dataset", ["Dataset", "bia:Study"], ["bia:Study", "Dataset"]])
def test_a_described_folder_keeps_its_types_and_gains_its_new_files(
    tmp_path: Path, types: Any
) -> None:
    """A file below it becomes its part, not the root's."""
    before = _small({"@id": "raw/", "@type": types}, hasPart=[{"@id": "raw/"}])
    dataset = _dataset(tmp_path, before)

    build(dataset)

    assert compare(before, metadata_bytes(dataset)).lost == []
    graph = graph_of(dataset)
    assert ids_in(graph["raw/"]["hasPart"]) == ["raw/cell%201.tif", "raw/cell%202.tif"]
    assert graph["raw/"]["@type"] == types
    assert "raw/cell%201.tif" not in ids_in(graph["./"]["hasPart"])


@pytest.mark.parametrize(
    "entity_id", ["raw/cell%201.tif", "./raw/cell%201.tif", "raw/cell 1.tif", "raw/%63ell%201.tif"]
)
def test_a_file_is_known_by_any_spelling_of_its_path(tmp_path: Path, entity_id: str) -> None:
    """The entity that is there gets the codes; no second one is made."""
    before = _small({"@id": entity_id, "@type": "File"}, hasPart=[{"@id": entity_id}])
    dataset = _dataset(tmp_path, before)

    build(dataset)

    assert compare(before, metadata_bytes(dataset)).lost == []
    graph = graph_of(dataset)
    assert graph[entity_id]["datahash"].startswith("1e20")
    assert [entity["@type"] for entity in graph.values()].count("File") == len(FILES)


@pytest.mark.parametrize("folder_id", ["im.zarr/", "im.zarr", "./im.zarr/"])
def test_a_zarr_that_is_described_keeps_its_entity(tmp_path: Path, folder_id: str) -> None:
    """With or without a trailing slash: it gains the codes and keeps its own identifier."""
    before = _small(
        {"@id": folder_id, "@type": ["Dataset", "ImageObject"], "identifier": "https://doi.org/1"},
        hasPart={"@id": folder_id},
    )
    dataset = _dataset(tmp_path, before)
    write_tree(dataset, {"im.zarr/.zgroup": b"{}"})

    build(dataset)

    assert compare(before, metadata_bytes(dataset)).lost == []
    identifiers = graph_of(dataset)[folder_id]["identifier"]
    assert identifiers[0] == "https://doi.org/1"
    assert len(identifiers) == 3
    assert [key for key in graph_of(dataset) if key.startswith("im.zarr")] in ([folder_id], [])


def test_a_file_described_inside_another_entity_gets_its_codes_there(tmp_path: Path) -> None:
    """A nested object is an entity, and stays nested."""
    before = _small(hasPart=[{"@id": "table.csv", "@type": "File", "stain": {"@value": "x"}}])
    dataset = _dataset(tmp_path, before)

    build(dataset)

    assert compare(before, metadata_bytes(dataset)).lost == []
    nested = graph_of(dataset)["./"]["hasPart"][0]
    assert nested["datahash"].startswith("1e20")
    assert "table.csv" not in graph_of(dataset)
    assert verify(dataset).verdict is Verdict.VALID


def test_what_only_the_options_ask_for_is_replaced(tmp_path: Path) -> None:
    """A new name changes the name, and nothing but the name."""
    dataset = _dataset(tmp_path, _small(name="old", keywords="a,b"))
    build(dataset, now=NOW)
    before = metadata_bytes(dataset)

    build(dataset, name="new", now=NOW)

    difference = compare(before, metadata_bytes(dataset))
    assert difference.lost == ["@graph[./]/name: 'old' became 'new'"]
    assert difference.added == []


# --- what cannot be kept is refused ------------------------------------------------------------

REFUSED = {
    "a key twice": b'{"@context": "c", "@context": "d", "@graph": []}',
    "a key twice in an entity": _small().replace(b'"name": "n"', b'"name": "n", "name": "m"'),
    "cut": _small()[:-20],
    "empty": b"",
    "no JSON": b"<html>",
    "a trailing comma": _small().replace(b"]}", b",]}"),
    "a comment": b"// crate\n" + _small(),
    "NaN": _small().replace(b'"n"', b"NaN"),
    "two values": _small() + _small(),
    "no object": b"[]",
    "no graph": b'{"@context": "c"}',
    "no root": b'{"@context": "c", "@graph": [{"@id": "a.txt", "@type": "File"}]}',
    "not UTF-8": _small(name="\u00e9").decode().encode("latin-1"),
    "UTF-16": _small().decode().encode("utf-16"),
    "nested too deeply": _small().replace(b'"n"', b"[" * 5000 + b"]" * 5000),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_metadata_that_could_not_be_kept_are_refused_and_left_as_they_are(
    tmp_path: Path, kind: str
) -> None:
    """The error is one clear line; the file does not change by a byte."""
    dataset = _dataset(tmp_path, REFUSED[kind])

    with pytest.raises(InputError) as caught:
        build(dataset)

    assert caught.value.message
    assert metadata_bytes(dataset) == REFUSED[kind]
    assert {place.name for place in dataset.iterdir()} == {"raw", "notes", "table.csv", METADATA}
