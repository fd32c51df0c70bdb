"""Fingerprints go into a crate: all can be read back, and nothing that was there is lost."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from blake3 import blake3
from unit_literals import CONTEXT, ROOT, crate, entity, files, fingerprint, manifest, pieces

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.editing import Generator
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import recorded
from crate_iscc.crate.terms import (
    ACTION_ID,
    DATAHASH_TERM,
    ISCC_TERM,
    PROFILE,
    SOFTWARE_ID,
    TREEHASH_TERM,
    media_type,
)
from crate_iscc.crate.view import Crate
from crate_iscc.crate.write import fingerprinted, new_crate
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.jsonld import Document, Entity, as_list, references
from crate_iscc.manifest import (
    Manifest,
    manifest_lines,
    treehash,
)
from crate_iscc.report import Finding

NOW = fingerprint(b"pixels")
OLD = fingerprint(b"old pixels")
NOW_IAD, OLD_IAD = (
    Fingerprint(known.size, bytes(32), known.instance).units()[1] for known in (NOW, OLD)
)
CELL = manifest({"cell.tif": b"pixels"})
GENERATOR = Generator("0.1.0", "iscc-lib 0.7", "2026-07-01T12:00:00Z")
LATER = Generator("0.2.0", "iscc-lib 0.8", "2027-01-01T00:00:00Z")


def written(
    into: Crate,
    known: Manifest = CELL,
    *,
    manifest_file: FileFingerprint | None = None,
    sha256: bool = False,
    notes: tuple[Finding, ...] = (),
) -> Crate:
    """Return the crate with the fingerprints, after checking the notes and a second build."""
    result, found = fingerprinted(
        into, known, manifest_file=manifest_file, generator=GENERATOR, sha256=sha256
    )
    again, _ = fingerprinted(
        result, known, manifest_file=manifest_file, generator=LATER, sha256=sha256, before=result
    )
    assert tuple(found) == notes
    assert again.document.dump() == result.document.dump()
    return result


def cell(**properties: Any) -> Entity:
    return {"@id": "cell.tif", "@type": "File", **properties}


def listing(*parts: str, **properties: Any) -> Entity:
    """Return the root with these parts."""
    return ROOT | {"hasPart": [{"@id": part} for part in parts]} | properties


def parts(of: Entity) -> list[str]:
    return references(of.get("hasPart"))


def test_a_fresh_crate_gives_the_manifest_back() -> None:
    """What is recorded is what was written, from paths that need every kind of escape."""
    contents = {"cell 1.tif": b"1", "100%/10:30#?.tif": b"2", "10:30": b"", "面/[0].tif": b"3"}
    known = manifest(contents, excluded=("*.tmp",))

    found = recorded(written(new_crate(), known))

    assert found.findings == ()
    assert found.manifest == known


def test_a_file_gets_one_flat_entity() -> None:
    """It holds exactly what the format asks for, in a fixed order."""
    result = written(new_crate(), manifest({"raw/cell 1.ome.tif": b"pixels"}))

    assert json.dumps(entity(result, "raw/cell%201.ome.tif")) == json.dumps(
        {
            "@id": "raw/cell%201.ome.tif",
            "@type": "File",
            "name": "cell 1.ome.tif",
            "contentSize": "6",
            "encodingFormat": "image/tiff",
            "identifier": NOW.iscc(),
            "datahash": NOW.datahash,
        }
    )


def test_the_terms_go_into_the_context_of_a_fresh_crate() -> None:
    """The RO-Crate context stays a reference, and our terms follow inline.

    RO-Crate, Extending RO-Crate: terms outside its context have to be in the `@context`.
    """
    base, ours = written(new_crate()).document.contexts()

    assert base == CONTEXT
    assert ours["datahash"] == DATAHASH_TERM
    assert set(ours) == {"datahash", "fileCount", "recipeVersion", "codeLevel"}


def test_the_root_points_to_both_codes_and_to_the_profile() -> None:
    """The tree ISCC-SUM and the treehash are PropertyValues with a propertyID."""
    result = written(new_crate())

    values = [entity(result, ref) for ref in references(result.root["identifier"])]

    assert [(value["@type"], value["propertyID"]) for value in values] == [
        ("PropertyValue", ISCC_TERM),
        ("PropertyValue", TREEHASH_TERM),
    ]
    assert values[1]["value"] == treehash(CELL.files)
    assert (result.root["contentSize"], result.root["fileCount"]) == ("6", 1)
    assert references(result.root["conformsTo"]) == [PROFILE]
    assert entity(result, PROFILE)["@type"] == ["CreativeWork", "Profile"]


def test_an_old_crate_uses_no_type_that_its_context_lacks() -> None:
    """RO-Crate 1.1 does not define `Profile`."""
    old = crate()
    entity(old, "ro-crate-metadata.json")["conformsTo"] = {"@id": "https://w3id.org/ro/crate/1.1"}

    assert entity(written(old), PROFILE)["@type"] == "CreativeWork"


def test_the_generator_is_the_one_that_last_found_something_new() -> None:
    """A build that computes the same codes leaves it, and one that does not names its own."""
    first, _ = fingerprinted(new_crate(), CELL, manifest_file=None, generator=GENERATOR)
    changed = manifest({"cell.tif": b"new"})

    same, _ = fingerprinted(first, CELL, manifest_file=None, generator=LATER, before=first)
    other, _ = fingerprinted(first, changed, manifest_file=None, generator=LATER, before=first)

    assert same.document.dump() == first.document.dump()
    for result, generator in ((first, GENERATOR), (other, LATER)):
        assert entity(result, ACTION_ID)["endTime"] == generator.when
        assert entity(result, SOFTWARE_ID)["version"] == generator.version
        assert generator.kernel in entity(result, SOFTWARE_ID)["description"]


def test_the_crate_that_is_given_is_not_changed() -> None:
    """An edit is a new crate."""
    given = crate(cell(identifier=OLD.iscc()), root=listing("cell.tif", "gone.txt"))
    before = given.document.dump()

    fingerprinted(given, CELL, manifest_file=None, generator=GENERATOR)

    assert given.document.dump() == before


FOREIGN: list[Entity] = [
    {
        "@id": "#stain",
        "@type": ["Thing", "own:Stain"],
        "own:with": {"@value": "DAPI", "@language": "de"},
    },
    {"@id": "#nested", "hasPart": {"@id": "#in", "deep": [{"@list": [1, 2.50]}, None, True]}},
    {"no": "id"},
    {"@id": "https://example.org/paper", "@type": "ScholarlyArticle", "@reverse": {"cites": []}},
]


@pytest.mark.parametrize(
    "context",
    [
        CONTEXT,
        [CONTEXT, {"own": "https://example.org/own#", "@base": None}],
        [CONTEXT, "https://example.org/own.jsonld"],
        {"own": "https://example.org/own#", "@vocab": "http://schema.org/"},
    ],
    ids=["reference", "own terms", "two references", "inline"],
)
def test_nothing_that_was_there_is_lost(context: Any) -> None:
    """Context terms, unknown entities and keys, languages and nested objects come out as before."""
    root = listing("cell.tif", license="own", **{"own:key": [1], "@type": ["Dataset", "own:Study"]})
    mine = cell(name="Cell", encodingFormat=["image/tiff", {"@id": "#tiff"}], own={"@id": "#stain"})
    given = crate(mine, *FOREIGN, context=context, root=root)

    result = written(given)

    graph = result.document.graph
    assert graph[0] == given.document.graph[0]
    assert graph[1].items() >= {**root}.items()
    assert graph[2].items() >= mine.items()
    assert graph[3:7] == FOREIGN
    assert list(graph[2])[: len(mine)] == list(mine)
    assert result.document.contexts()[: len(as_list(context))] == [
        one | result.document.contexts()[i] if isinstance(one, dict) else one
        for i, one in enumerate(as_list(context))
    ]


def test_a_term_that_means_something_else_here_is_left_alone() -> None:
    """Ours is written under its full IRI then, and read back from there."""
    context = [
        CONTEXT,
        {"datahash": "https://example.org/md5", "fileCount": "https://example.org/n"},
    ]
    given = crate(cell(datahash="d41d8cd9"), context=context, root=listing("cell.tif", fileCount=7))

    result = written(given)

    assert entity(result, "cell.tif")["datahash"] == "d41d8cd9"
    assert entity(result, "cell.tif")[DATAHASH_TERM] == NOW.datahash
    assert result.root["fileCount"] == 7
    assert recorded(result).manifest == CELL


def test_a_datahash_under_its_iri_moves_to_the_term() -> None:
    """Two keys for one property would contradict each other after the next change."""
    result = written(crate(cell(**{DATAHASH_TERM: OLD.datahash}), root=listing("cell.tif")))

    assert DATAHASH_TERM not in entity(result, "cell.tif")
    assert recorded(result).manifest == CELL


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, NOW.iscc()),
        ("10.1234/x", ["10.1234/x", NOW.iscc()]),
        (["10.1234/x", {"@id": "#acc"}], ["10.1234/x", {"@id": "#acc"}, NOW.iscc()]),
        ("ISCC:MAIGC5KN3I6TCUAB", ["ISCC:MAIGC5KN3I6TCUAB", NOW.iscc()]),
        (NOW.iscc(), NOW.iscc()),
        ([NOW.iscc(), "10.1234/x"], [NOW.iscc(), "10.1234/x"]),
        ([NOW.iscc(wide=False), "10.1234/x"], [NOW.iscc(wide=False), "10.1234/x", NOW.iscc()]),
        (OLD.iscc(), NOW.iscc()),
        ([OLD.iscc(wide=False), "10.1234/x"], ["10.1234/x", NOW.iscc()]),
        (["10.1234/x", NOW.iscc()[:-1]], ["10.1234/x", NOW.iscc()]),
        ([OLD.iscc(), NOW.iscc(), OLD.iscc()], NOW.iscc()),
        ([NOW_IAD, OLD_IAD], [NOW_IAD, NOW.iscc()]),
    ],
)
def test_identifiers_stay_and_codes_of_other_bytes_do_not(before: object, after: object) -> None:
    """A DOI, an accession, an ISCC-ID and a code that still holds keep their places."""
    mine = cell() if before is None else cell(identifier=before)

    result = written(crate(mine, root=listing("cell.tif")))

    assert entity(result, "cell.tif")["identifier"] == after


def test_a_code_that_still_holds_stays_as_it_is_written() -> None:
    """Its type is somebody's statement, which an edit of fingerprints does not concern."""
    typed = {"@value": NOW.iscc(wide=False), "@type": "https://example.org/iscc"}

    result = written(crate(cell(identifier=typed), root=listing("cell.tif")))

    assert entity(result, "cell.tif")["identifier"] == [typed, NOW.iscc()]


@pytest.mark.parametrize(
    "identifier",
    [
        OLD.iscc(),
        [OLD.iscc(wide=False), OLD.iscc()],
        {"@value": OLD.iscc()},
        {"@id": OLD.iscc()},
        {"@id": "#stale"},
        {"@id": "#stale-unit"},
        {"@id": "#stale-value"},
        {"@type": "PropertyValue", "propertyID": ISCC_TERM, "value": OLD.iscc()},
        {"@id": "#here", "@type": "PropertyValue", "value": OLD.iscc()},
    ],
    ids=[
        "string",
        "list",
        "@value",
        "@id",
        "reference",
        "reference to unit",
        "reference to @value",
        "nested",
        "nested with @id",
    ],
)
def test_no_stale_code_stays_wherever_it_can_be_read_from(identifier: object) -> None:
    """A rebuilt crate does not contradict itself, however the old code was written."""
    values: list[Entity] = [
        {"@id": "#stale", "@type": "PropertyValue", "value": OLD.iscc()},
        {"@id": "#stale-unit", "@type": "PropertyValue", "value": OLD_IAD},
        {"@id": "#stale-value", "@type": "PropertyValue", "value": {"@value": OLD.iscc()}},
    ]
    mine = cell(identifier=identifier, datahash=OLD.datahash, contentSize="10")

    found = recorded(written(crate(mine, *values, root=listing("cell.tif"))))

    assert found.findings == ()
    assert found.manifest == CELL


def test_stale_values_in_every_object_of_a_file_are_renewed() -> None:
    """A file that is described in two places, or under two spellings, says one thing."""
    second = {"@id": "./cell.tif", "@type": "File", "datahash": OLD.datahash, "contentSize": "10"}
    root = listing("cell.tif") | {"about": [cell(identifier=OLD.iscc(), note="nested")]}

    result = written(crate(cell(name="Cell"), second, root=root))

    assert recorded(result).findings == ()
    assert recorded(result).manifest == CELL


def test_stale_codes_of_the_root_written_in_place_are_renewed() -> None:
    """No second treehash or ISCC-SUM stays behind in a nested PropertyValue."""
    nested = [
        {"@id": "#iscc-sum", "propertyID": ISCC_TERM, "value": OLD.iscc()},
        {"@id": "#treehash", "propertyID": TREEHASH_TERM, "value": OLD.datahash},
    ]

    result = written(crate(root=ROOT | {"identifier": nested}))

    assert recorded(result).manifest == CELL
    assert str(OLD.datahash) not in result.document.dump().decode()
    assert OLD.iscc() not in result.document.dump().decode()


def test_a_code_of_something_else_is_not_overwritten() -> None:
    """A PropertyValue with another propertyID, such as a code of the pixels, is not ours."""
    pixels = {
        "@id": "#pixels",
        "@type": "PropertyValue",
        "propertyID": "https://example.org/terms#pixel-iscc",
        "value": OLD.iscc(),
    }
    refer = {"@id": "#pixels"}
    given = crate(cell(identifier=refer), pixels, root=listing("cell.tif", identifier=refer))

    result = written(given)

    assert entity(result, "#pixels") == pixels
    assert refer in entity(result, "cell.tif")["identifier"]


@pytest.mark.parametrize("kind", ["CreativeWork", ["SoftwareSourceCode", "HowTo"]])
def test_an_entity_at_the_path_that_is_no_file_keeps_what_it_says(kind: Any) -> None:
    """A licence text described as a CreativeWork alone becomes a File too, under its own name."""
    mine = {"@id": "LICENSE", "@type": kind, "name": "Our licence"}
    known = manifest({"LICENSE": b"text"})

    result = written(crate(mine, root=listing("LICENSE")), known)

    now = entity(result, "LICENSE")
    assert now["name"] == "Our licence"
    assert set(as_list(now["@type"])) == {"File", *as_list(kind)}
    assert recorded(result).manifest == known


def test_an_entity_at_a_container_that_is_no_dataset_keeps_what_it_says() -> None:
    """A Zarr described under a type of its own becomes a Dataset too, under its own name."""
    mine = {"@id": "x.zarr/", "@type": ["RepositoryCollection"], "name": "Plate 7"}
    known = manifest({"x.zarr/zarr.json": b"{}"}, ["x.zarr/"])

    result, _ = fingerprinted(
        crate(mine, root=listing("x.zarr/")), known, manifest_file=None, generator=GENERATOR
    )

    now = entity(result, "x.zarr/")
    assert now["name"] == "Plate 7"
    assert set(as_list(now["@type"])) == {"RepositoryCollection", "Dataset"}
    assert recorded(result).manifest.containers == known.containers


def test_a_new_file_becomes_a_part_of_the_nearest_folder_that_is_described() -> None:
    """A folder that others described is not passed over.

    RO-Crate, Referencing files and folders: data entities "MUST be linked to, either directly or
    indirectly, from the Root Data Entity using the `hasPart` property".
    """
    raw = {"@id": "raw/", "@type": "Dataset", "hasPart": {"@id": "raw/a.tif"}}
    old = {"@id": "raw/a.tif", "@type": "File"}
    contents = {"raw/a.tif": b"a", "raw/t0/b.tif": b"b", "other/c.tif": b"c"}

    result = written(crate(raw, old, root=listing("raw/")), manifest(contents))

    assert parts(entity(result, "raw/")) == ["raw/a.tif", "raw/t0/b.tif"]
    assert parts(result.root) == ["raw/", "other/c.tif"]


def test_a_file_that_is_linked_already_is_not_linked_again() -> None:
    """Somebody may have put it into another whole than its folder."""
    group = {"@id": "#group", "@type": "Dataset", "hasPart": [{"@id": "cell.tif"}]}

    result = written(crate(group, root=listing("#group")))

    assert parts(result.root) == ["#group"]


def test_a_root_with_an_absolute_id_keeps_it() -> None:
    """Its codes and its files are its own, whatever it is called."""
    root_id = "https://example.org/crate/"
    given = crate(root={"@id": root_id, "@type": "Dataset"})
    entity(given, "ro-crate-metadata.json")["about"] = {"@id": root_id}
    given = Crate(given.document)

    result = written(given)

    assert result.root_id == root_id
    assert parts(result.root) == ["cell.tif"]
    assert entity(result, ACTION_ID)["object"] == {"@id": root_id}
    assert recorded(result).manifest == CELL


def test_a_container_is_one_entity_and_its_files_are_lines() -> None:
    """No chunk gets an entity; the manifest file gives the members back."""
    contents = {"x.zarr/zarr.json": b"{}", "x.zarr/c/0": b"0", "raw/y 1/a": b"a", "notes.txt": b"n"}
    known = manifest(contents, ["raw/y 1/", "x.zarr/"])
    lines = "".join(manifest_lines(known.files))
    (listed,) = files({"iscc-manifest.tsv": lines.encode()})

    result = written(new_crate(), known, manifest_file=listed)

    found = with_manifest_file(recorded(result), [lines.encode()])
    assert found.findings == ()
    assert found.manifest == known
    assert found.manifest_file == listed
    assert set(result.files()) == {"notes.txt", "iscc-manifest.tsv"}
    assert set(parts(result.root)) == {"raw/y%201/", "x.zarr/", "notes.txt", "iscc-manifest.tsv"}
    assert entity(result, "x.zarr/")["fileCount"] == 2


@pytest.mark.parametrize(
    ("contents", "containers", "known"),
    [
        ({"b.txt": b"b", "a/ö.txt": b"a", "a.txt": b""}, [], True),
        ({"a\tb.txt": b"b"}, [], False),
        ({"a.txt": b"b", "x.zarr/c/0": b"0"}, ["x.zarr/"], False),
    ],
)
def test_a_manifest_file_of_files_alone_is_known_before_it_is_read(
    contents: dict[str, bytes], containers: list[str], known: bool
) -> None:
    """Its BLAKE3 follows from the metadata, unless it holds more than they, or is written apart."""
    described = manifest(contents, containers)
    lines = "".join(manifest_lines(described.files)).encode()

    record = recorded(written(new_crate(), described))

    assert (record.listing == blake3(lines).digest()) is known


def test_a_root_that_is_a_container_itself_gets_no_entity_for_each_chunk() -> None:
    """The root's codes are the container's: there is no second Dataset, and no entity of no id."""
    known = manifest({"zarr.json": b"{}", "c/0": b"0"}, [""])

    result = written(new_crate(), known)

    assert "" not in set(result.ids())
    assert result.files() == {}
    assert recorded(result).manifest.root == known.root


def test_a_container_that_is_described_gets_its_codes_in_place() -> None:
    """Its name, its type and the file entities that others wrote inside it stay."""
    zarr = {"@id": "x.zarr", "@type": ["Dataset", "Image"], "name": "X", "identifier": OLD.iscc()}
    inside = {"@id": "x.zarr/zarr.json", "@type": "File", "datahash": OLD.datahash}
    known = manifest({"x.zarr/zarr.json": b"{}", "x.zarr/c/0": b"0"}, ["x.zarr/"])

    result = written(crate(zarr, inside, root=listing("x.zarr")), known)

    now = entity(result, "x.zarr")
    assert now.items() >= {"@type": ["Dataset", "Image"], "name": "X", "fileCount": 2}.items()
    assert OLD.iscc() not in as_list(now["identifier"])
    assert set(result.files()) == {"x.zarr/zarr.json"}
    found = with_manifest_file(recorded(result), pieces(manifest_lines(known.files)))
    assert found.manifest == known


def test_a_folder_that_is_no_container_any_more_loses_our_codes_alone() -> None:
    """Its accession stays, and its files become entities and its parts."""
    contents = {"x/a.tif": b"a", "x/b.tif": b"b"}
    folder = {"@id": "x/", "@type": "Dataset", "identifier": "S-BIAD1", "name": "X"}
    before = written(crate(folder, root=listing("x/")), manifest(contents, ["x/"]))

    result = written(before, manifest(contents))

    now = entity(result, "x/")
    assert (now["identifier"], now["name"]) == ("S-BIAD1", "X")
    assert not {"contentSize", "fileCount"} & now.keys()
    assert parts(now) == ["x/a.tif", "x/b.tif"]
    assert recorded(result).manifest == manifest(contents)
    assert not [entity_id for entity_id in result.ids() if entity_id.endswith("-x/")]


def test_an_entity_of_ours_goes_with_its_file() -> None:
    """Nothing is left of a file that was added and removed again."""
    before = written(new_crate(), CELL)
    both = written(before, manifest({"cell.tif": b"pixels", "gone.txt": b"gone"}))

    result = written(both, CELL)

    assert result.document.dump() == before.document.dump()


@pytest.mark.parametrize(
    "properties",
    [{}, {"datahash": OLD.datahash, "author": {"@id": "#me"}}, {"identifier": "10.1234/x"}],
)
def test_an_entity_of_others_stays_without_its_file_and_is_noted(properties: Entity) -> None:
    """What others wrote about a file that is gone is not ours to remove."""
    gone = {"@id": "gone%201.txt", "@type": "File", **properties}
    note = Finding(
        "build.not-on-disk", "described, but not on disk", files({"gone 1.txt": b""})[0].path
    )

    result = written(crate(gone, root=listing("gone%201.txt")), notes=(note,))

    assert entity(result, "gone%201.txt") == gone
    assert "gone%201.txt" in parts(result.root)


def test_files_elsewhere_are_left_alone() -> None:
    """A web-based entity and the preview are not on disk among the payload, and not missed."""
    web = {"@id": "https://example.org/a.tif", "@type": "File", "identifier": OLD.iscc()}
    preview = {"@id": "ro-crate-preview_files/a.css", "@type": "File"}

    result = written(crate(web, preview))

    assert entity(result, web["@id"]) == web
    assert entity(result, preview["@id"]) == preview


@pytest.mark.parametrize(
    "excluded", [(), ("*.tmp",), ("*.tmp", "!keep.tmp", "*.tmp"), ("a b\\ ", "#x", "é/**")]
)
def test_excluded_patterns_come_back_in_their_order(excluded: tuple[str, ...]) -> None:
    """The recipe travels inside the crate, whether it has none, one or several patterns."""
    result = written(new_crate(), manifest({"a": b"a"}, excluded=excluded))

    assert recorded(result).manifest.recipe.excluded == excluded


def test_patterns_that_are_no_longer_excluded_go() -> None:
    """A later build without exclusions does not inherit them in writing."""
    before = written(new_crate(), manifest({"cell.tif": b"pixels"}, excluded=("*.tmp",)))

    assert recorded(written(before, CELL)).manifest.recipe.excluded == ()


@pytest.mark.parametrize(
    ("there", "asked", "now"),
    [(None, False, None), (None, True, "new"), ("old", False, "new"), ("old", True, "new")],
)
def test_sha256_is_written_where_asked_for_and_renewed_where_it_is(
    there: str | None, asked: bool, now: str | None
) -> None:
    """A checksum of old bytes never stays beside the new ones."""
    (file,) = CELL.files
    known = Manifest(
        FileTable.of([FileFingerprint(file.path, file.fingerprint, "new")]),
        CELL.containers,
        CELL.root,
    )
    mine = cell() if there is None else cell(sha256=there)

    result = written(crate(mine, root=listing("cell.tif")), known, sha256=asked)

    assert entity(result, "cell.tif").get("sha256") == now


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cell.OME.TIF", "image/tiff"),
        ("notes.txt", "text/plain"),
        ("archive.tar.gz", "application/gzip"),
        (".csv", None),
        ("README", None),
        ("cell.xyz", None),
    ],
)
def test_the_media_type_follows_from_the_ending(name: str, kind: str | None) -> None:
    """The table is fixed, so that every machine writes the same."""
    assert media_type(name) == kind


def graph_by_id(of: Crate) -> Mapping[str, Entity]:
    return {entity_id: entity(of, entity_id) for entity_id in of.ids()}


def test_one_changed_file_changes_its_own_entity_and_the_trees_alone() -> None:
    """The difference between two builds is what differs on disk."""
    contents = {"a": b"a", "b": b"b"}
    before = written(new_crate(), manifest(contents))

    after = written(before, manifest(contents | {"b": b"new"}))

    old, new = graph_by_id(before), graph_by_id(after)
    assert [entity_id for entity_id in new if new[entity_id] != old[entity_id]] == [
        "./",
        "#iscc-sum",
        "#treehash",
        "b",
    ]


@pytest.mark.parametrize("root_id", ["cell.tif", "x.zarr/", "#treehash", ACTION_ID])
def test_a_root_that_is_called_like_one_of_its_parts_is_refused(root_id: str) -> None:
    """One entity cannot have the codes of two things: the error says what to change."""
    known = manifest({"cell.tif": b"pixels", "x.zarr/0": b"1"}, containers=("x.zarr/",))
    root = {"@id": root_id, "@type": "Dataset"}
    descriptor = {"@id": "ro-crate-metadata.json", "about": {"@id": root_id}}
    into = Crate(Document({"@context": CONTEXT, "@graph": [descriptor, root]}))

    with pytest.raises(InputError, match="the @id of a part of it") as refused:
        written(into, known)

    assert "'./'" in str(refused.value.hint)


def test_a_code_of_the_whole_is_no_code_of_a_file_or_container_that_points_to_it() -> None:
    """The reference goes, as any code that is not of these bytes; the code stays what it is."""
    known = manifest({"cell.tif": b"pixels", "x.zarr/0": b"1"}, containers=("x.zarr/",))
    whole = [{"@id": "#iscc-sum"}, {"@id": "#treehash"}, {"@id": "#doi"}]
    zarr = {"@id": "x.zarr/", "@type": "Dataset", "identifier": whole}
    before = written(crate(root=listing("cell.tif")), known).document.graph
    values = [e for e in before if e["@id"] in ("#iscc-sum", "#treehash")]

    result = written(crate(cell(identifier=whole), zarr, *values), known)

    assert recorded(result).findings == ()
    assert recorded(result).manifest.root == known.root
    assert {"@id": "#doi"} in as_list(entity(result, "cell.tif")["identifier"])


def test_an_id_that_is_an_object_stays_as_it_is() -> None:
    """What stands as an @id may be anything: it names nothing, and nothing is made of it."""
    odd = {"@id": {"@id": "#iscc-sum"}, "@type": "File"}

    assert odd in written(crate(odd, root=listing())).document.graph
