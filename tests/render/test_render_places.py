"""Where a finding is shown: at its file, at a line of the metadata, or at the archive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.paths import CratePath
from crate_iscc.render.places import artifact_of, uri_of
from crate_iscc.report import Finding
from render.render_kit import BREACHES, DAMAGE, steady, validation, verification
from render.sarif_structure import uri, uri_reference

FILE = Finding("bytes.missing", "not there", CratePath("raw/a.tif"))


@pytest.mark.parametrize(
    ("folder", "shown"),
    [
        ("study", "study/raw/a.tif"),
        ("./study", "study/raw/a.tif"),
        (".", "raw/a.tif"),
        ("study/./x//", "study/x/raw/a.tif"),
        ("../study", "../study/raw/a.tif"),
        ("/data/study", "/data/study/raw/a.tif"),
        ("C:\\data", "C:/data/raw/a.tif"),
        ("back\\slash", "back\\slash/raw/a.tif"),
    ],
)
def test_a_payload_file_is_shown_at_its_place(folder: str, shown: str) -> None:
    """The path starts where the caller's did; a backslash is a separator on Windows alone."""
    assert artifact_of(verification([FILE], folder=folder), FILE) == (shown, None)


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        (BREACHES[0], 112),
        (BREACHES[4], None),
        (DAMAGE[6], None),
        (Finding("tree.changed", "the whole is not"), None),
        (Finding("file.size", "none", CratePath("a.tif"), entity="a.tif", line=4), 4),
    ],
)
def test_what_is_said_about_the_record_is_shown_there(finding: Finding, line: int | None) -> None:
    """Entities, containers and the whole are shown in the metadata: folders are no files."""
    report = validation([finding], metadata="ro-crate-metadata.jsonld")
    assert artifact_of(report, finding) == ("study/ro-crate-metadata.jsonld", line)


@pytest.mark.parametrize("finding", [FILE, BREACHES[0], DAMAGE[6]])
def test_everything_in_an_archive_is_shown_at_the_archive(finding: Finding) -> None:
    """No line is given, since none of the archive's own is meant."""
    report = verification([finding], subject="./deposits/study.zip", folder=None)
    assert artifact_of(report, finding) == ("deposits/study.zip", None)


@steady
@given(st.text(st.characters(exclude_categories=()), min_size=1))
def test_every_name_has_a_uri(name: str) -> None:
    """Whatever a folder is called, RFC 3986 takes what its file is called by."""
    path, _ = artifact_of(verification([FILE], folder=name), FILE)
    made = uri_of(path)
    assert uri(made) or uri_reference(made)
    assert made.isascii()


@pytest.mark.parametrize(
    ("subject", "made"),
    [
        ("s3://bucket/data", "s3://bucket/data"),
        ("s3://bucket/a b%20#[x]/é", "s3://bucket/a%20b%2520%23%5Bx%5D/%C3%A9"),
    ],
)
def test_an_address_stays_one(subject: str, made: str) -> None:
    """What lies in an object store is shown at the address that was given; none of it is lost."""
    place, line = artifact_of(verification([FILE], subject=subject, folder=None), FILE)

    assert (place, line) == (subject, None)
    assert uri_of(place) == made
    assert uri(made)
