"""Properties of fingerprinted crates: they give the manifest back, and lose nothing."""

from typing import Any

from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from property_strategies import fingerprint, manifests, payload_paths, steady

from crate_iscc.crate.editing import Generator
from crate_iscc.crate.listed import with_manifest_file, with_same_manifest_file
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.terms import DATAHASH_TERM
from crate_iscc.crate.view import Crate
from crate_iscc.crate.write import fingerprinted, new_crate
from crate_iscc.jsonld import Document, Entity, as_list, references
from crate_iscc.manifest import Manifest, manifest_lines
from crate_iscc.paths import CratePath, encode_id

NOW = Generator("1", "k", "2026-07-01T12:00:00Z")
LATER = Generator("2", "l", "2027-07-01T12:00:00Z")
OLD = fingerprint(b"before")

identifiers = st.lists(
    st.sampled_from(
        [
            "10.1234/x",
            "ISCC:MAIGC5KN3I6TCUAB",
            {"@id": "#doi"},
            {"@value": "S-BIAD1", "@language": "en"},
            OLD.iscc(),
            OLD.iscc(wide=False),
        ]
    ),
    max_size=3,
)
own = st.dictionaries(
    st.sampled_from(["own", "author", "about", "description"]),
    st.sampled_from(["a", 1.5, None, ["b", {"@id": "#doi"}], {"@id": "#n", "n": {"@list": [1]}}]),
)


@st.composite
def crates(draw: st.DrawFn, paths: list[CratePath]) -> Crate:
    """Draw a crate by somebody else that describes some of these paths, and others."""
    others = draw(st.lists(payload_paths, max_size=3))
    some = draw(st.lists(st.sampled_from(paths), unique=True)) if paths else []
    entities = []
    for path in dict.fromkeys([*some, *others]):
        entity: Entity = {
            "@id": encode_id(path),
            "@type": draw(st.sampled_from(["File", ["X", "File"]])),
        }
        entity |= draw(own)
        found = draw(identifiers)
        if found:
            entity["identifier"] = draw(st.sampled_from([found, found[0]]))
        entities.append(entity)
    root = {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": e["@id"]} for e in entities]}
    descriptor = {"@id": "ro-crate-metadata.json", "about": {"@id": "./"}}
    doi = {"@id": "#doi", "@type": "PropertyValue", "value": "10.1234/y"}
    context = draw(st.sampled_from(["c", ["c", {"own": "https://example.org/own"}], None]))
    graph = draw(st.permutations([descriptor, root | draw(own), doi, *entities]))
    return Crate(Document({"@context": context, "@graph": list(graph)}).copy())


@st.composite
def rebuilds(draw: st.DrawFn) -> tuple[Crate, Manifest]:
    manifest = draw(manifests())
    return draw(crates([file.path for file in manifest.files])), manifest


def build(into: Crate, manifest: Manifest, before: Crate | None = None) -> Crate:
    generator = LATER if before else NOW
    result, _ = fingerprinted(
        into, manifest, manifest_file=None, generator=generator, before=before
    )
    return result


def with_lines(record: Recorded, manifest: Manifest) -> Recorded:
    """Return a record with what a manifest file of the manifest adds to it."""
    return with_manifest_file(record, map(str.encode, manifest_lines(manifest.files)))


def says_the_same(record: Recorded, manifest: Manifest) -> bool:
    """Tell whether a manifest file of the manifest is the one that the record expects."""
    return record.listing == blake3("".join(manifest_lines(manifest.files)).encode()).digest()


@steady
@given(manifests())
def test_a_fresh_crate_gives_the_manifest_back(manifest: Manifest) -> None:
    """What build writes is what verify reads, from any tree, also after a trip through a file."""
    raw = build(new_crate(), manifest).document.dump()

    record = recorded(Crate.parse(raw))
    found = with_lines(record, manifest)

    assert found.findings == ()
    assert found.manifest == manifest
    if says_the_same(record, manifest):
        assert with_same_manifest_file(record) == found


@steady
@given(rebuilds())
def test_a_rebuilt_crate_gives_the_manifest_back(case: tuple[Crate, Manifest]) -> None:
    """Whatever was recorded before, what is on disk is recorded now and contradicts nothing."""
    crate, manifest = case

    record = recorded(build(crate, manifest))
    found = with_lines(record, manifest)

    if says_the_same(record, manifest):
        assert with_same_manifest_file(record) == found
    paths = {file.path for file in manifest.files}
    assert [f for f in found.findings if f.path in paths] == []
    assert [f for f in found.manifest.files if f.path in paths] == list(manifest.files)
    assert (found.manifest.root, found.manifest.containers) == (manifest.root, manifest.containers)
    assert found.manifest.recipe == manifest.recipe


@steady
@given(rebuilds())
def test_a_second_build_without_changes_is_byte_identical(case: tuple[Crate, Manifest]) -> None:
    """Neither the clock nor the version of the tool leaves a trace where nothing changed."""
    first = build(*case)

    second = build(first, case[1], before=first)

    assert second.document.dump() == first.document.dump()


@steady
@given(rebuilds())
def test_a_build_adds_and_renews_and_takes_nothing_away(case: tuple[Crate, Manifest]) -> None:
    """Every entity stays in its place, with every key and every identifier that is no code."""
    crate, manifest = case
    result = build(crate, manifest)

    before, after = crate.document, result.document
    assert len(after.graph) >= len(before.graph)
    for old, new in zip(before.graph, after.graph, strict=False):
        assert old["@id"] == new["@id"]
        assert [key for key in new if key in old] == list(old)
        for key in old.keys() - {"identifier", "hasPart", "conformsTo", "mentions"}:
            assert new[key] == old[key]
        assert set(references(old.get("hasPart"))) <= set(references(new.get("hasPart")))
        assert foreign(old) == foreign(new, ours=old["@id"] == "./")
    for old_context, new_context in zip(before.contexts(), after.contexts(), strict=False):
        assert new_context == old_context or new_context.items() >= old_context.items()


def foreign(entity: Entity, *, ours: bool = False) -> list[Any]:
    """Return the identifiers that are no ISCC-SUMs, without those that a root gets."""
    return [
        value
        for value in as_list(entity.get("identifier"))
        if not (isinstance(value, str) and value.startswith(("ISCC:K4A", "ISCC:KUA")))
        and not (ours and value in ({"@id": "#iscc-sum"}, {"@id": "#treehash"}))
    ]


damages: st.SearchStrategy[Entity] = st.sampled_from(
    [
        {"datahash": OLD.datahash},
        {"datahash": str(OLD.datahash).upper()},
        {"datahash": "1e20"},
        {"identifier": OLD.iscc()},
        {"identifier": [OLD.iscc(wide=False), "10.1234/x"]},
        {"identifier": ["10.1234/x", "ISCC:K4A"]},
        {"contentSize": "007"},
        {"contentSize": str(1 << 63)},
        {"contentSize": " 7"},
        {"sha256": "b5"},
        {"sha256": "\ud800"},
        {DATAHASH_TERM: OLD.datahash},
        {"@type": "MediaObject"},
    ]
)


@steady
@given(rebuilds(), st.data())
def test_a_value_in_a_list_is_recorded_like_the_value(
    case: tuple[Crate, Manifest], data: st.DataObject
) -> None:
    """What is written as build writes it is read in another way, and has to say the same.

    JSON-LD 1.1, section 4.3.2: a value and an array that holds it alone are one thing.
    """
    document = build(*case).document.copy()
    files = [e for e in document.graph if "contentSize" in e and "datahash" in e]
    damaged: list[Entity] = data.draw(st.lists(st.sampled_from(files))) if files else []
    for entity in damaged:
        entity.update(data.draw(damages))
    if data.draw(st.booleans()) and files:
        twin = data.draw(st.sampled_from(files))
        document.graph.append({**twin, "@id": f"./{twin['@id']}"} | data.draw(damages))
    plain = recorded(Crate(document.copy()))
    for entity in document.graph:
        if "contentSize" in entity:
            entity["contentSize"] = [entity["contentSize"]]

    listed = recorded(Crate(document))

    assert listed.manifest == plain.manifest
    assert set(listed.findings) == set(plain.findings)
    assert len(listed.findings) == len(plain.findings)
