"""Crates that other tools wrote are checked by what they record, however it is written."""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from crate_iscc import Thoroughness, Verdict
from crate_iscc.codes import Fingerprint
from crate_iscc.crate.terms import DATAHASH_TERM, ISCC_TERM
from crate_iscc.kernel.native import NativeKernel
from verify.verify_kit import Graph, flip_bit, foreign, found, verified, zip_of

CONTENT = Random(11).randbytes(300_000)


def code_of(content: bytes) -> Fingerprint:
    hasher = NativeKernel().hasher()
    hasher.update(content)
    return hasher.finish()


KNOWN = code_of(CONTENT)
WIDE, NARROW = KNOWN.iscc(), KNOWN.iscc(wide=False)
DATA_UNIT, INSTANCE_UNIT = KNOWN.units()
DATAHASH = KNOWN.datahash
VALUE: Graph = [{"@id": "#code", "@type": "PropertyValue", "propertyID": ISCC_TERM, "value": WIDE}]
CONTEXT = ["https://w3id.org/ro/crate/1.1/context", {"datahash": DATAHASH_TERM}]

WAYS: dict[str, tuple[dict[str, Any], Graph, Any]] = {
    "wide ISCC-SUM": ({"identifier": WIDE}, [], None),
    "narrow ISCC-SUM": ({"identifier": NARROW}, [], None),
    "Instance-Code": ({"identifier": INSTANCE_UNIT}, [], None),
    "among other identifiers": ({"identifier": ["https://doi.org/10/1", WIDE]}, [], None),
    "both units": ({"identifier": [DATA_UNIT, INSTANCE_UNIT]}, [], None),
    "PropertyValue": ({"identifier": {"@id": "#code"}}, VALUE, None),
    "nested PropertyValue": (
        {"identifier": [{"@type": "PropertyValue", "propertyID": ISCC_TERM, "value": WIDE}]},
        [],
        None,
    ),
    "an entity called by its code": ({"identifier": {"@id": WIDE}}, [], None),
    "datahash": ({"datahash": DATAHASH}, [], CONTEXT),
    "datahash in a list": ({"datahash": [DATAHASH]}, [], CONTEXT),
    "datahash in capitals": ({"datahash": (DATAHASH or "").upper()}, [], CONTEXT),
    "datahash without its context": ({"datahash": DATAHASH}, [], None),
    "datahash by its IRI": ({DATAHASH_TERM: DATAHASH}, [], None),
    "size as a number": ({"identifier": WIDE, "contentSize": len(CONTENT)}, [], None),
    "size as words": ({"identifier": WIDE, "contentSize": "about 300 kB"}, [], None),
    "several types": ({"@type": ["File", "SoftwareSourceCode"], "identifier": WIDE}, [], None),
    "old type": ({"@type": "MediaObject", "identifier": WIDE}, [], None),
    "id with a dot": ({"@id": "./a.bin", "identifier": WIDE}, [], None),
    "escaped id": ({"@id": "%61.bin", "identifier": WIDE}, [], None),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_code_is_understood_in_every_way_of_writing(
    tmp_path: Path, way: tuple[dict[str, Any], Graph, Any]
) -> None:
    """However a code stands in the metadata, a match is a match and a flipped bit a change."""
    properties, more, context = way
    entity = {"@id": "a.bin", "@type": "File", **properties}
    folder = foreign(tmp_path / "crate", {"a.bin": CONTENT}, [entity, *more], context)

    intact = verified(folder)
    flip_bit(folder / "a.bin")
    damaged, in_full = verified(folder), verified(folder, Thoroughness.FULL)

    assert (intact.verdict, intact.counts.match, found(intact)) == (Verdict.VALID, 1, set())
    for report in (damaged, in_full):
        assert found(report) == {("bytes.changed", "a.bin", None)}
        assert report.verdict is Verdict.INVALID


def test_only_a_data_code_gives_no_match(tmp_path: Path) -> None:
    """A Data-Code says how near a content is, and never that it is the same."""
    files = {"a.bin": CONTENT, "b.bin": CONTENT}
    entities: Graph = [
        {"@id": "a.bin", "@type": "File", "identifier": WIDE},
        {"@id": "b.bin", "@type": "File", "identifier": DATA_UNIT},
    ]

    report = verified(foreign(tmp_path / "crate", files, entities))

    assert found(report) == {("bytes.unchecked", "b.bin", None)}
    assert (report.counts.match, report.counts.unchecked) == (1, 1)


def test_without_a_treehash_further_files_are_only_noted(tmp_path: Path) -> None:
    """A crate that does not claim to list everything is not made invalid by what it leaves out."""
    entity = {"@id": "a.bin", "@type": "File", "identifier": WIDE}
    folder = foreign(tmp_path / "crate", {"a.bin": CONTENT, "b.txt": b"b"}, [entity])
    (folder / "link").symlink_to("a.bin")

    report = verified(folder)

    assert found(report) == {("bytes.unlisted", "b.txt", None), ("file.special", "link", None)}
    assert {finding.severity.value for finding in report.findings} == {"info", "warning"}
    assert report.verdict is Verdict.VALID


def test_a_listed_file_without_a_code_is_noted_as_unchecked(tmp_path: Path) -> None:
    """Nothing is said about a file without a code, and that is said."""
    entities: Graph = [
        {"@id": "a.bin", "@type": "File", "identifier": WIDE},
        {"@id": "b.txt", "@type": "File"},
    ]
    folder = foreign(tmp_path / "crate", {"a.bin": CONTENT, "b.txt": b"b"}, entities)

    report = verified(folder)

    assert found(report) == {("bytes.unchecked", "b.txt", None)}
    assert report.verdict is Verdict.VALID
    (folder / "b.txt").unlink()
    assert found(verified(folder)) == {("bytes.missing", "b.txt", None)}


def test_two_codes_of_one_file_that_contradict_are_a_conflict(tmp_path: Path) -> None:
    """Two ISCC-SUMs of which one must be wrong are told, whichever of them it is."""
    other = code_of(b"other").iscc()
    for codes in ([WIDE, other], [other, WIDE]):
        entity = {"@id": "a.bin", "@type": "File", "identifier": codes}
        folder = foreign(tmp_path / codes[0][5:], {"a.bin": CONTENT}, [entity])
        report = verified(folder)
        assert ("fixity.conflict", "a.bin", None) in found(report)
        assert report.verdict is Verdict.INVALID


@pytest.mark.parametrize("other_id", ["./a.bin", "%61.bin", "././a.bin"])
def test_two_entities_of_one_file_that_contradict_are_a_conflict(
    tmp_path: Path, other_id: str
) -> None:
    """A file that is described twice under different spellings of its path is one file."""
    entities: Graph = [
        {"@id": "a.bin", "@type": "File", "identifier": WIDE},
        {"@id": other_id, "@type": "File", "identifier": code_of(b"other").iscc()},
    ]

    report = verified(foreign(tmp_path / "crate", {"a.bin": CONTENT}, entities))

    assert ("fixity.conflict", "a.bin", None) in found(report)
    assert {path for _, path, _ in found(report)} == {"a.bin"}


def test_a_moved_file_is_found_by_a_narrow_code(tmp_path: Path) -> None:
    """Sixty-four bits of Instance-Code are enough to recognise a file."""
    entity = {"@id": "a.bin", "@type": "File", "identifier": NARROW}
    folder = foreign(tmp_path / "crate", {"a.bin": CONTENT}, [entity])
    (folder / "a.bin").rename(folder / "z.bin")

    for source in (folder, zip_of(folder, tmp_path / "crate.zip")):
        assert found(verified(source)) == {("bytes.moved", "a.bin", "z.bin")}


def test_files_on_the_web_are_not_looked_for(tmp_path: Path) -> None:
    """A File whose @id is a URL is no file of the crate, and is listed as remote."""
    entities: Graph = [
        {"@id": "a.bin", "@type": "File", "identifier": WIDE},
        {"@id": "https://example.org/b.bin", "@type": "File", "identifier": WIDE},
    ]

    report = verified(foreign(tmp_path / "crate", {"a.bin": CONTENT}, entities))

    assert (report.verdict, report.counts.match) == (Verdict.VALID, 1)
    assert found(report) == {("bytes.remote", None, None)}
    assert (report.counts.remote, report.files) == (1, 1)


def test_an_iscc_id_is_no_fingerprint(tmp_path: Path) -> None:
    """A persistent identifier that looks much like a code says nothing about bytes."""
    entity = {
        "@id": "a.bin",
        "@type": "File",
        "identifier": ["ISCC:MAIGOV2IWGK2BSZA", WIDE],
    }

    report = verified(foreign(tmp_path / "crate", {"a.bin": CONTENT}, [entity]))

    assert (report.verdict, found(report)) == (Verdict.VALID, set())
