"""What a crate is read to record: tolerant of how a value is written, strict about what it says."""

from typing import Any

import pytest
from unit_literals import CONTEXT, DESCRIPTOR, ROOT, crate, fingerprint, manifest, pieces

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.terms import ACTION_ID, DATAHASH_TERM, ISCC_TERM, TREEHASH_TERM
from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError
from crate_iscc.jsonld import Document, Entity
from crate_iscc.manifest import Recipe, TreeFingerprint, manifest_lines

BYTES = b"pixels"
KNOWN = fingerprint(BYTES)
WIDE, NARROW, DATAHASH = KNOWN.iscc(), KNOWN.iscc(wide=False), str(KNOWN.datahash)
OTHER = fingerprint(b"other pixels")
HELLO_IAD = "ISCC:IADVOUYTSICALBEMJF3PSXUDBHN4L6CCU74D54GW5XVDTDGCHDZTQ3I"


def cell(**properties: Any) -> Entity:
    return {"@id": "cell.tif", "@type": "File", **properties}


def of_file(found: Recorded) -> Fingerprint:
    """Return what is recorded of the only file, after checking that nothing is wrong with it."""
    assert found.findings == ()
    (file,) = found.manifest.files
    return file.fingerprint


def ids(found: Recorded) -> list[tuple[str, str | None]]:
    return [(finding.id, finding.path) for finding in found.findings]


@pytest.mark.parametrize(
    "identifier",
    [
        WIDE,
        [WIDE],
        ["https://doi.org/10.5281/zenodo.1", WIDE, NARROW],
        {"@value": WIDE},
        {"@id": WIDE},
        {"@id": "#code"},
        [{"@id": "#doi"}, {"@id": "#code"}],
        {"@type": "PropertyValue", "propertyID": ISCC_TERM, "value": WIDE},
        {"@id": "#here", "@type": "PropertyValue", "value": {"@value": WIDE}},
        {"@type": "PropertyValue", "propertyID": {"@id": ISCC_TERM}, "value": [WIDE]},
    ],
    ids=[
        "string",
        "list",
        "beside others",
        "@value",
        "@id",
        "reference",
        "references",
        "nested",
        "nested with @id",
        "nested with list",
    ],
)
def test_an_iscc_sum_is_read_however_the_identifier_is_written(identifier: object) -> None:
    """A code is a string, one of several, or a PropertyValue by reference or in place.

    RO-Crate 1.2, Root Data Entity identifier: "Clients SHOULD be permissive of an RO-Crate
    `identifier` being a string (which MAY be a URI), or a `@id` reference, which SHOULD be
    represented as a `PropertyValue` entity".
    """
    code = {"@id": "#code", "@type": "PropertyValue", "propertyID": ISCC_TERM, "value": WIDE}
    doi = {"@id": "#doi", "@type": "PropertyValue", "value": "10.5281/zenodo.1"}

    found = recorded(crate(cell(identifier=identifier), code, doi))

    assert of_file(found) == Fingerprint(None, KNOWN.data, KNOWN.instance and KNOWN.instance[:16])


@pytest.mark.parametrize(
    ("context", "key"),
    [
        ([CONTEXT, {"datahash": DATAHASH_TERM}], "datahash"),
        ([CONTEXT, {"datahash": {"@id": DATAHASH_TERM}}], "datahash"),
        (CONTEXT, "datahash"),
        (None, "datahash"),
        (CONTEXT, DATAHASH_TERM),
        ([CONTEXT, {"datahash": "https://example.org/other"}], DATAHASH_TERM),
    ],
    ids=["defined", "as an object", "lost", "no context", "full IRI", "IRI beside another meaning"],
)
@pytest.mark.parametrize(
    "value", [DATAHASH, [DATAHASH], {"@value": DATAHASH}], ids=["", "[]", "{}"]
)
def test_a_datahash_is_read_under_its_term_or_its_iri(
    context: object, key: str, value: object
) -> None:
    """A term that other software dropped from the context still counts."""
    found = recorded(crate(cell(**{key: value}), context=context))

    assert of_file(found) == Fingerprint(instance=KNOWN.instance)


def test_a_term_that_the_crate_gives_another_meaning_is_not_read() -> None:
    """What a crate calls datahash in its own words is no datahash, and no damaged one either."""
    context = [CONTEXT, {"datahash": "https://example.org/md5"}]

    found = recorded(crate(cell(datahash="d41d8cd98f00b204e9800998ecf8427e"), context=context))

    assert of_file(found) == Fingerprint()


def test_a_term_that_is_defined_by_a_prefix_is_read() -> None:
    """A compact IRI in the crate's own context stands for the whole one.

    JSON-LD 1.1, section 4.1.5: "A compact IRI is a way of expressing an IRI using a prefix and
    suffix separated by a colon (:)."
    """
    prefix = {"iscc": "http://purl.org/iscc/terms/#", "datahash": "iscc:datahash"}
    context = [CONTEXT, prefix]

    found = recorded(crate(cell(datahash=DATAHASH), context=context))

    assert of_file(found) == Fingerprint(instance=KNOWN.instance)


def test_units_among_the_identifiers_are_read() -> None:
    """A Data-Code and an Instance-Code of 256 bits give as much as they hold."""
    whole = Fingerprint(0, bytes(range(32)), bytes(range(32, 64)))

    found = recorded(crate(cell(identifier=["10.1234/x", *whole.units()], contentSize="0")))

    assert of_file(found) == whole


@pytest.mark.parametrize("size", ["6", 6, ["6"], [6, "6"]])
def test_a_size_is_read_as_text_or_as_a_number(size: object) -> None:
    """Others write contentSize as a number, which RO-Crate does not."""
    assert of_file(recorded(crate(cell(contentSize=size)))) == Fingerprint(6)


@pytest.mark.parametrize("size", ["6 kB", "", -6, 6.5, True, None, {"@id": "#size"}])
def test_a_size_that_is_no_count_of_bytes_says_nothing(size: object) -> None:
    """It is left alone: people write sizes for people."""
    found = recorded(crate(cell(contentSize=size, datahash=DATAHASH)))

    assert of_file(found) == Fingerprint(None, None, KNOWN.instance)


@pytest.mark.parametrize("size", ["t", "6 ", "-6", "6.0", "\u0666x"])
def test_a_size_that_lost_a_digit_is_a_finding_beside_a_datahash(size: str) -> None:
    """Build writes digits there, so one of them was changed; without codes nothing is claimed."""
    assert ids(recorded(crate(cell(contentSize=size)))) == []
    found = recorded(crate(cell(contentSize=size, datahash=DATAHASH)))

    assert ids(found) == [("fixity.malformed", "cell.tif")]


def test_all_that_is_recorded_of_a_file_is_put_together() -> None:
    """The wide code, the datahash, the size and the sha256 complete each other."""
    found = recorded(
        crate(cell(identifier=WIDE, datahash=DATAHASH, contentSize="6", sha256="ab" * 32))
    )

    assert of_file(found) == KNOWN
    assert found.manifest.files[0].sha256 == "ab" * 32


@pytest.mark.parametrize(
    "properties",
    [
        {"identifier": WIDE, "datahash": OTHER.datahash},
        {"identifier": [WIDE, OTHER.iscc()]},
        {"identifier": [NARROW, OTHER.iscc()]},
        {"identifier": [WIDE, HELLO_IAD]},
        {"datahash": [DATAHASH, OTHER.datahash]},
        {"datahash": DATAHASH, "contentSize": ["6", "7"]},
    ],
)
def test_values_that_contradict_are_a_finding(properties: dict[str, Any]) -> None:
    """Two values that cannot belong to one byte stream are a fixity.conflict on the file."""
    found = recorded(crate(cell(**properties)))

    assert ids(found) == [("fixity.conflict", "cell.tif")]


@pytest.mark.parametrize(
    "properties",
    [
        {"identifier": WIDE[:-1]},
        {"identifier": WIDE + "A"},
        {"identifier": {"@id": WIDE[:-3]}},
        {"identifier": "ISCC;" + WIDE[5:]},
        {"identifier": ["https://doi.org/10.1234/x", "ISCC:M4A" + WIDE[8:]]},
        {"identifier": "iSCC:K4A" + WIDE[8:], "datahash": DATAHASH, "contentSize": "6"},
        {"datahash": DATAHASH[:-2]},
        {"datahash": "d41d8cd98f00b204e9800998ecf8427e"},
    ],
)
def test_a_damaged_fingerprint_is_a_finding(properties: dict[str, Any]) -> None:
    """A cut or edited code is a fixity.malformed on the file, and never silently no code."""
    found = recorded(crate(cell(**properties)))

    assert ids(found) == [("fixity.malformed", "cell.tif")]


@pytest.mark.parametrize(
    "other",
    [
        *("https://doi.org/10.1234/x", "ISCC:MAIGC5KN3I6TCUAB", "S-BIAD1"),
        "ISCC:EED" + WIDE[8:],  # a unit of 256 bits of an image is as long as an ISCC-SUM
    ],
)
def test_identifiers_that_are_no_codes_of_bytes_say_nothing(other: str) -> None:
    """A DOI, an ISCC-ID and an accession are neither fingerprints nor damaged ones."""
    assert of_file(recorded(crate(cell(identifier=other)))) == Fingerprint()


def test_an_iscc_sum_of_something_else_says_nothing_about_the_file() -> None:
    """A PropertyValue with another propertyID, such as a code of the decoded pixels, is no claim.

    RO-Crate leaves the meaning of a PropertyValue to its `propertyID`.
    """
    pixels = {
        "@id": "#pixels",
        "@type": "PropertyValue",
        "propertyID": "https://example.org/terms#pixel-iscc",
        "value": OTHER.iscc(),
    }

    found = recorded(crate(cell(identifier=[WIDE, {"@id": "#pixels"}], datahash=DATAHASH), pixels))

    assert of_file(found).instance == KNOWN.instance


@pytest.mark.parametrize(
    "kind", ["File", ["File", "ImageObject"], "MediaObject", "http://schema.org/MediaObject"]
)
def test_a_file_is_known_by_any_of_its_types(kind: object) -> None:
    """RO-Crate: `@type` "MUST be `File`, or an array where `File` is one of the values"."""
    entity = {"@id": "cell.tif", "@type": kind, "datahash": DATAHASH}

    assert of_file(recorded(crate(entity))).instance == KNOWN.instance


def test_two_spellings_of_one_id_are_one_file() -> None:
    """Both entities describe the file, so what they say is put together."""
    spaced = {"@id": "cell 1.tif", "@type": "File", "identifier": WIDE}
    escaped = {"@id": "./cell%201.tif", "@type": "File", "contentSize": "6"}

    found = recorded(crate(spaced, escaped))

    assert [file.path for file in found.manifest.files] == ["cell 1.tif"]
    assert of_file(found).size == 6


def test_two_objects_with_one_id_are_one_file() -> None:
    """Both speak of it, so a contradiction between them is a finding."""
    whole = cell(contentSize="6", datahash=DATAHASH, identifier=WIDE)
    other = {"contentSize": "12", "datahash": str(OTHER.datahash), "identifier": OTHER.iscc()}

    both = recorded(crate(whole, dict(whole)))
    assert ids(both) == [("metadata.duplicate-id", None)]
    assert [file.fingerprint for file in both.manifest.files] == [KNOWN]
    for two in (cell(**other), {"@id": "./cell.tif", "@type": "File", **other}):
        found = recorded(crate(whole, two))
        assert {*ids(found)} - {("metadata.duplicate-id", None)} == {
            ("fixity.conflict", "cell.tif")
        }
        assert [file.fingerprint for file in found.manifest.files] == [KNOWN]


def test_files_elsewhere_are_not_part_of_the_payload() -> None:
    """Web-based entities, ids that lead out and descriptions of the crate record no payload."""
    entities = [
        cell(contentSize="6", datahash=DATAHASH, identifier=WIDE) | {"@id": entity_id}
        for entity_id in (
            "https://example.org/cell.tif",
            "../cell.tif",
            "#cell",
            "ro-crate-metadata.json",
            "ro-crate-preview_files/style.css",
        )
    ]

    found = recorded(crate(*entities))

    assert found.manifest.files == ()
    assert found.manifest_file is None


def test_a_file_without_fingerprint_is_listed() -> None:
    """It is part of the record, so that a missing one can be told."""
    found = recorded(crate(cell()))

    assert [file.path for file in found.manifest.files] == ["cell.tif"]
    assert of_file(found) == Fingerprint()


def test_nested_objects_count_as_entities() -> None:
    """A File that is written out inside `hasPart` is read like one of the graph.

    RO-Crate asks for flattened JSON-LD; a client is permissive all the same.
    """
    root = ROOT | {"hasPart": [cell(datahash=DATAHASH)]}

    assert of_file(recorded(crate(root=root))).instance == KNOWN.instance


def test_the_lines_of_the_manifest_file_complete_the_record() -> None:
    """Files of a container stand only there; others are put together from both places."""
    known = manifest({"cell.tif": BYTES, "x.zarr/0": b"chunk"})

    found = with_manifest_file(
        recorded(crate(cell(datahash=DATAHASH))), pieces(manifest_lines(known.files))
    )

    assert found.findings == ()
    assert found.manifest.files == known.files


def test_a_line_that_contradicts_the_metadata_is_a_finding() -> None:
    """The record of one file in two places must be of one byte stream."""
    lines = manifest_lines(manifest({"cell.tif": b"other pixels"}).files)

    found = with_manifest_file(recorded(crate(cell(datahash=DATAHASH))), pieces(lines))

    assert ids(found) == [("fixity.conflict", "cell.tif")]


@pytest.mark.parametrize("again", [BYTES, b"other pixels"])
def test_a_file_with_two_lines_is_a_finding(again: bytes) -> None:
    """Each path stands once in a manifest file."""
    _, one = manifest_lines(manifest({"cell.tif": BYTES}).files)
    header, two = manifest_lines(manifest({"cell.tif": again}).files)

    found = with_manifest_file(recorded(crate()), pieces([header, one, two]))

    assert ("fixity.conflict", "cell.tif") in ids(found)


def test_a_damaged_line_is_a_finding_and_the_others_are_read() -> None:
    """It is named by its number; a header that stands elsewhere is a damaged line too."""
    header, line = manifest_lines(manifest({"cell.tif": BYTES}).files)

    found = with_manifest_file(recorded(crate()), pieces([header, "cell.tif\t6\n", header, line]))

    assert ids(found) == [("fixity.malformed", "iscc-manifest.tsv")] * 2
    assert [finding.message[:7] for finding in found.findings] == ["line 2:", "line 3:"]
    assert [file.path for file in found.manifest.files] == ["cell.tif"]


@pytest.mark.parametrize("order", ["sorted", "reversed"])
def test_lines_in_any_order_complete_the_record(order: str) -> None:
    """A manifest file that somebody sorted otherwise says the same, and still each path once."""
    known = manifest({f"{number:04}": str(number).encode() for number in range(1500)})
    header, *lines = pieces(manifest_lines(known.files))
    if order == "reversed":
        lines.reverse()
    described = {"@id": "0700", "@type": "File", "contentSize": "3"}

    found = with_manifest_file(recorded(crate(described)), [header, b"".join(lines)])
    again = with_manifest_file(recorded(crate(described)), [header, *lines, *lines[700:702]])

    assert found.findings == ()
    assert found.manifest.files == known.files
    assert again.manifest.files == known.files
    twice = [line.partition(b"\t")[0].decode() for line in lines[700:702]]
    assert sorted(ids(again)) == [("fixity.conflict", path) for path in sorted(twice)]


@pytest.mark.parametrize("size", [str(1 << 63), "9" * 30, 1 << 63, 10**400])
def test_a_size_that_no_file_can_have_is_a_finding(size: str | int) -> None:
    """It is damaged, and is not taken for a size that is not known."""
    found = recorded(crate(cell(contentSize=size, datahash=DATAHASH, identifier=WIDE)))

    assert ids(found) == [("fixity.malformed", "cell.tif")]
    assert recorded(crate(cell(contentSize=(1 << 63) - 1))).findings == ()


def test_the_manifest_file_is_recorded_beside_the_payload() -> None:
    """It has codes of its own and is no part of what it lists."""
    entity = {"@id": "iscc-manifest.tsv", "@type": "File", "datahash": DATAHASH}

    found = recorded(crate(entity))

    assert found.manifest.files == ()
    assert found.manifest_file is not None
    assert found.manifest_file.fingerprint.datahash == DATAHASH


def tree_values(suffix: str, iscc: str, treehash: str) -> tuple[list[Entity], list[Entity]]:
    """Return references and the PropertyValues behind them."""
    values = [
        {"@id": f"#i{suffix}", "@type": "PropertyValue", "propertyID": ISCC_TERM, "value": iscc},
        {
            "@id": f"#t{suffix}",
            "@type": "PropertyValue",
            "propertyID": TREEHASH_TERM,
            "value": treehash,
        },
    ]
    return [{"@id": value["@id"]} for value in values], values


def test_the_codes_of_the_root_and_of_containers_are_read() -> None:
    """A folder that records a treehash is a container; its codes are read as the root's are."""
    own, values = tree_values("", WIDE, DATAHASH)
    inner, inner_values = tree_values("z", OTHER.iscc(), str(OTHER.datahash))
    zarr = {"@id": "x.zarr", "@type": ["Dataset", "X"], "identifier": inner, "fileCount": 2}
    raw = {"@id": "raw/", "@type": "Dataset", "identifier": "S-BIAD1", "contentSize": "5"}
    root = ROOT | {"identifier": ["S-BIAD2", *own], "contentSize": "9", "fileCount": "3"}

    found = recorded(crate(zarr, raw, *values, *inner_values, root=root))

    wide, other = (
        Fingerprint(None, known.data, known.instance and known.instance[:16])
        for known in (KNOWN, OTHER)
    )
    assert found.findings == ()
    assert found.manifest.root == TreeFingerprint("", wide, DATAHASH, 3, 9)
    assert found.manifest.containers == (
        TreeFingerprint("x.zarr/", other, OTHER.datahash, 2, None),
    )


def test_values_of_a_folder_that_contradict_are_a_finding() -> None:
    """Two treehashes, or two ISCC-SUMs, cannot both be those of one folder; the first counts."""
    own, values = tree_values("", WIDE, DATAHASH)
    more, other_values = tree_values("2", OTHER.iscc(), str(OTHER.datahash))
    narrow = dict(values[0], **{"@id": "#i3", "value": NARROW})  # of the same folder

    found = recorded(
        crate(*values, *other_values, narrow, root=ROOT | {"identifier": [*own, *more, narrow]})
    )

    assert ids(found) == [("fixity.conflict", None)] * 2
    assert found.manifest.root.treehash == DATAHASH
    assert found.manifest.root.iscc is not None
    assert found.manifest.root.iscc.iscc() == WIDE


@pytest.mark.parametrize("key", ["contentSize", "fileCount"])
def test_a_number_of_a_folder_that_is_none_is_a_finding(key: str) -> None:
    """Beside a treehash build writes digits; what is written for people is left alone."""
    own, values = tree_values("", WIDE, DATAHASH)
    root = ROOT | {"identifier": own}

    assert ids(recorded(crate(*values, root=root | {key: "9 GB"}))) == []
    assert ids(recorded(crate(*values, root=root | {key: "9p"}))) == [("fixity.malformed", None)]


def test_a_treehash_that_is_damaged_is_a_finding() -> None:
    """It is never silently taken for none: the folder stays a container without treehash."""
    own, values = tree_values("", WIDE, DATAHASH[:-1])
    zarr = {"@id": "x.zarr/", "@type": "Dataset", "identifier": own}

    found = recorded(crate(zarr, *values, root=ROOT | {"identifier": own}))

    assert ids(found) == [("fixity.malformed", "x.zarr/"), ("fixity.malformed", None)]
    assert [tree.path for tree in found.manifest.containers] == ["x.zarr/"]
    assert found.manifest.containers[0].treehash is None
    assert found.manifest.root.treehash is None


def test_containers_come_in_the_order_of_their_utf8_bytes() -> None:
    """The order of the document says nothing."""
    own, values = tree_values("", WIDE, DATAHASH)
    folders = [{"@id": i, "@type": "Dataset", "identifier": own} for i in ("é/", "z/", "A/")]

    found = recorded(crate(*folders, *values))

    assert [tree.path for tree in found.manifest.containers] == ["A/", "z/", "é/"]


def test_a_root_with_an_absolute_id_is_the_root() -> None:
    """It is known by the descriptor's `about`, and is no folder inside the crate."""
    root_id = "https://example.org/crate/"
    own, values = tree_values("", WIDE, DATAHASH)
    root = {"@id": root_id, "@type": "Dataset", "identifier": own}
    graph = [DESCRIPTOR | {"about": {"@id": root_id}}, root, cell(), *values]

    found = Crate(Document({"@context": CONTEXT, "@graph": graph}))

    assert found.root_id == root_id
    assert found.folders() == {}
    assert recorded(found).manifest.root.treehash == DATAHASH


@pytest.mark.parametrize(
    "descriptor_id",
    [
        "ro-crate-metadata.json",
        "ro-crate-metadata.jsonld",
        "./ro-crate-metadata.json",
        "https://example.org/crate/ro-crate-metadata.json",
    ],
)
def test_the_root_is_what_the_descriptor_is_about(descriptor_id: str) -> None:
    """The last segment of its id makes an entity the descriptor, wherever it stands."""
    graph = [
        {"@id": "./", "@type": "Dataset", "name": "not the root"},
        {"@id": "data/", "@type": "Dataset", "name": "the root"},
        DESCRIPTOR | {"@id": descriptor_id, "about": {"@id": "data/"}},
    ]

    found = Crate(Document({"@context": CONTEXT, "@graph": graph}))

    assert found.root["name"] == "the root"
    assert found.version == "1.3"


@pytest.mark.parametrize("name", ["ro-crate-metadata.json", "ro-crate-metadata.jsonld"])
def test_the_descriptor_of_a_nested_crate_is_not_taken_for_the_own(name: str) -> None:
    """The entity with the very id comes first, whatever the order of the graph.

    RO-Crate, Finding the Root Data Entity: "For each entity in `@graph` array [...] if the
    `@id` is `ro-crate-metadata.json` [...] from this entity's `about` object, keep the `@id`
    URI as variable root".
    """
    nested = [
        {"@id": f"sub/{name}", "@type": "CreativeWork", "about": {"@id": "sub/"}},
        {"@id": "sub/", "@type": "Dataset", "name": "nested"},
    ]

    found = Crate(Document({"@context": CONTEXT, "@graph": [*nested, DESCRIPTOR, ROOT]}))

    assert found.root_id == "./"
    assert found.descriptor_id == "ro-crate-metadata.json"


def test_a_graph_without_descriptor_has_the_root_of_the_usual_id() -> None:
    """A crate that lost its descriptor can still be read; its version is not known."""
    found = Crate(Document({"@graph": [cell(datahash=DATAHASH), ROOT]}))

    assert (found.root_id, found.version) == ("./", "unknown")
    assert of_file(recorded(found)).instance == KNOWN.instance


@pytest.mark.parametrize(
    "graph",
    [
        [],
        [DESCRIPTOR],
        [{"@id": "data/", "@type": "Dataset"}],
        [DESCRIPTOR | {"about": {"@id": "gone/"}}],
        [DESCRIPTOR | {"about": "./"}],
    ],
)
def test_a_graph_without_root_is_no_crate(graph: list[Entity]) -> None:
    """Without a root dataset there is nothing to record."""
    document = Document({"@context": CONTEXT, "@graph": graph})

    with pytest.raises(InputError, match="no RO-Crate"):
        Crate.parse(document.dump())
    with pytest.raises(InputError, match="no RO-Crate"):
        recorded(Crate(document))


@pytest.mark.parametrize(
    ("conforms_to", "version"),
    [
        ({"@id": "https://w3id.org/ro/crate/1.1"}, "1.1"),
        ([{"@id": "https://example.org/p"}, {"@id": "https://w3id.org/ro/crate/1.2/"}], "1.2"),
        ({"@id": "https://w3id.org/ro/crate/1.4-DRAFT"}, "1.4-DRAFT"),
        ({"@id": "https://example.org/profile"}, "unknown"),
        (None, "unknown"),
    ],
)
def test_the_version_is_the_one_that_the_descriptor_names(
    conforms_to: object, version: str
) -> None:
    """Profiles beside it are passed over."""
    graph = [DESCRIPTOR | {"conformsTo": conforms_to}, ROOT]

    assert Crate(Document({"@context": CONTEXT, "@graph": graph})).version == version


def test_the_patterns_of_the_recipe_are_read_in_their_order() -> None:
    """Order decides among patterns of the syntax of .gitignore."""
    patterns = ["*.tmp", "!keep.tmp", "*.bak"]
    action = {"@id": ACTION_ID, "@type": "CreateAction", "excludedPattern": patterns}

    assert recorded(crate(action)).manifest.recipe == Recipe(tuple(patterns))


def test_the_version_of_the_recipe_is_read() -> None:
    """A recipe of another version gives other codes, so it is not taken for this one's."""
    action = {"@id": ACTION_ID, "@type": "CreateAction", "recipeVersion": "2"}

    assert recorded(crate(action)).manifest.recipe == Recipe(version=2)
