"""Crates of other tools are verified by whatever digests they carry; each verdict names them."""

import hashlib
import shutil
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import pytest

from crate_iscc import InputError, Thoroughness, Verdict, report_text
from verify.verify_kit import Graph, flip_bit, foreign, found, verified, zip_of

CONTENT = Random(5).randbytes(70_000)
SHA256, SHA1, SHA512, MD5 = (
    hashlib.new(name, CONTENT).hexdigest() for name in ("sha256", "sha1", "sha512", "md5")
)
WFRUN = "https://w3id.org/ro/terms/workflow-run#"
SPDX = "http://spdx.org/rdf/terms#"
RO_CRATE = "https://w3id.org/ro/crate/1.1/context"


def checksum(value: str, algorithm: Any, prefix: str = "") -> dict[str, Any]:
    return {
        "@type": f"{prefix}Checksum",
        f"{prefix}checksumValue": value,
        f"{prefix}algorithm": algorithm,
    }


WAYS: dict[str, tuple[dict[str, Any], Graph, Any, str]] = {
    "sha256 of RO-Crate 1.2": ({"sha256": SHA256}, [], None, "sha256"),
    "sha256 in a list": ({"sha256": [SHA256]}, [], None, "sha256"),
    "sha256 in capitals": ({"sha256": SHA256.upper()}, [], None, "sha256"),
    "sha256 with its name": ({"sha256": f"sha256:{SHA256}"}, [], None, "sha256"),
    "sha256 by its IRI": ({"http://schema.org/sha256": SHA256}, [], None, "sha256"),
    "sha256 as @value": ({"sha256": {"@value": SHA256}}, [], None, "sha256"),
    "md5 that no context defines": ({"md5": MD5}, [], None, "md5"),
    "MD5 in capitals": ({"MD5": MD5}, [], None, "md5"),
    "sha1": ({"sha1": SHA1}, [], None, "sha1"),
    "sha512": ({"sha512": SHA512}, [], None, "sha512"),
    "terms of Workflow Run RO-Crate": (
        {"sha512": SHA512},
        [],
        [RO_CRATE, {"sha512": f"{WFRUN}sha512"}],
        "sha512",
    ),
    "such a term with a prefix": (
        {"wfrun:sha1": SHA1},
        [],
        [RO_CRATE, {"wfrun": WFRUN}],
        "sha1",
    ),
    "spdx:checksum inside": (
        {"spdx:checksum": checksum(SHA1, {"@id": "spdx:checksumAlgorithm_sha1"}, "spdx:")},
        [],
        [RO_CRATE, {"spdx": SPDX}],
        "spdx:checksum sha1",
    ),
    "spdx:checksum elsewhere": (
        {"checksum": {"@id": "#sum"}},
        [{"@id": "#sum", **checksum(SHA256, "SHA256")}],
        [RO_CRATE, {"checksum": f"{SPDX}checksum"}],
        "spdx:checksum sha256",
    ),
    "spdx:checksum by its IRI": (
        {f"{SPDX}checksum": [checksum(MD5, f"{SPDX}checksumAlgorithm_md5", SPDX)]},
        [],
        None,
        "spdx:checksum md5",
    ),
    "a hash URI": ({"identifier": f"hash://sha256/{SHA256}"}, [], None, "hash://sha256"),
    "a hash URI with a type": (
        {"identifier": ["https://doi.org/10/1", f"hash://sha1/{SHA1}?type=image/tiff"]},
        [],
        None,
        "hash://sha1",
    ),
    "a PropertyValue": (
        {"identifier": {"@id": "#md5"}},
        [{"@id": "#md5", "@type": "PropertyValue", "propertyID": "MD5", "value": MD5}],
        None,
        "identifier md5",
    ),
    "the strongest of several": (
        {"md5": MD5, "sha1": SHA1, "sha512": SHA512, "sha256": SHA256},
        [],
        None,
        "sha512",
    ),
}


def crate_with(
    folder: Path, properties: dict[str, Any], more: Graph | None = None, context: Any = None
) -> Path:
    entity = {"@id": "a.bin", "@type": "File", **properties}
    return foreign(folder, {"a.bin": CONTENT}, [entity, *(more or [])], context)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_a_digest_is_understood_by_every_convention(
    tmp_path: Path, way: tuple[dict[str, Any], Graph, Any, str]
) -> None:
    """What it rests on is named, a flipped bit is a change, from a folder and from a zip."""
    properties, more, context, convention = way
    folder = crate_with(tmp_path / "crate", properties, more, context)
    zipped = zip_of(folder, tmp_path / "crate.zip", deflate=True)

    for source in (folder, zipped):
        report = verified(source, each=True)
        assert (report.verdict, found(report)) == (Verdict.VALID, set())
        assert report.rests_on == ((convention, 1),)
        (each,) = report.each
        assert (each.path, each.status, each.rests_on) == ("a.bin", "match", convention)
        assert "digests" in report.checked
        assert "datahash" not in (*report.checked, *report.not_checked)

    flip_bit(folder / "a.bin")
    zipped.unlink()
    for source in (folder, zip_of(folder, zipped)):
        for thoroughness in (Thoroughness.DATAHASH, Thoroughness.FULL):
            report = verified(source, thoroughness)
            assert found(report) == {("bytes.changed", "a.bin", None)}
            (finding,) = report.findings
            assert convention in finding.message
            assert (finding.recorded or "").split(":")[0] == convention.split()[-1].split("/")[-1]


def test_a_sum_of_the_usual_command_is_the_digest(tmp_path: Path) -> None:
    """What sha256sum and md5sum print of a file verifies it."""
    (tmp_path / "a.bin").write_bytes(CONTENT)
    sums = {
        name: subprocess.run(
            [f"{name}sum", "a.bin"], cwd=tmp_path, capture_output=True, check=True, text=True
        ).stdout.split()[0]
        for name in ("sha256", "md5")
        if shutil.which(f"{name}sum")
    }
    assert sums

    assert verified(crate_with(tmp_path / "crate", sums)).verdict is Verdict.VALID


MALFORMED = {
    "too short": SHA256[:-1],
    "too long": SHA256 + "0",
    "not hex": "z" + SHA256[1:],
    "empty": "",
    "a placeholder": "TBC",
    "an md5": MD5,
    "a number": 12,
    "an object": {"@id": "#nothing"},
    "null in a list": [None],
}


@pytest.mark.parametrize("value", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_digest_of_its_algorithm_is_named(tmp_path: Path, value: Any) -> None:
    """The value is malformed, and the other digest still decides."""
    folder = crate_with(tmp_path / "crate", {"sha256": value, "md5": MD5})

    report = verified(folder)

    assert found(report) == {("fixity.malformed", "a.bin", None)}
    assert (report.verdict, report.rests_on) == (Verdict.INVALID, (("md5", 1),))


def test_a_malformed_sha256_beside_codes_is_named(tmp_path: Path) -> None:
    """Also where a crate is described as build does it."""
    from crate_iscc import build
    from verify.verify_kit import edit_metadata, entity_of, write_files

    folder = write_files(tmp_path / "crate", {"a.bin": CONTENT})
    build(folder, sha256=True)
    edit_metadata(folder, lambda graph: entity_of(graph, "a.bin").update(sha256=SHA256[:-1]))

    assert found(verified(folder)) == {("fixity.malformed", "a.bin", None)}


def test_two_digests_that_disagree_are_a_conflict(tmp_path: Path) -> None:
    """One algorithm, two values: that one of them is right does not help."""
    folder = crate_with(tmp_path / "crate", {"sha256": [SHA256, 64 * "0"]})

    report = verified(folder)

    assert {kind for kind, _, _ in found(report)} == {"fixity.conflict"}
    assert (report.verdict, report.counts.match) == (Verdict.INVALID, 1)


@pytest.mark.parametrize("wrong", ["md5", "sha1"])
def test_a_weaker_digest_that_is_wrong_is_a_conflict(tmp_path: Path, wrong: str) -> None:
    """The sha256 proves the bytes, so the other value is what is wrong."""
    digests = {"sha256": SHA256, "md5": MD5, "sha1": SHA1}
    digests[wrong] = digests[wrong][::-1]
    report = verified(crate_with(tmp_path / "crate", digests))

    assert found(report) == {("fixity.conflict", "a.bin", None)}
    assert report.counts.match == 1


def test_a_weaker_digest_that_is_right_proves_nothing(tmp_path: Path) -> None:
    """Whoever can forge an md5 cannot make a changed file pass beside a sha256."""
    report = verified(crate_with(tmp_path / "crate", {"sha256": 64 * "0", "md5": MD5}))

    assert found(report) == {("bytes.changed", "a.bin", None)}


def test_a_size_that_disagrees_is_named(tmp_path: Path) -> None:
    """The bytes are proven, their recorded number is wrong."""
    properties = {"sha256": SHA256, "contentSize": str(len(CONTENT) + 1)}

    report = verified(crate_with(tmp_path / "crate", properties))

    assert found(report) == {("fixity.size", "a.bin", None)}
    assert (report.verdict, report.counts.match) == (Verdict.INVALID, 1)


def test_sizes_alone_give_no_verdict_that_is_good(tmp_path: Path) -> None:
    """A size that differs is a change; sizes that agree are no proof of content."""
    size = str(len(CONTENT))
    folder = crate_with(tmp_path / "crate", {"contentSize": size})

    with pytest.raises(InputError, match="nothing can be verified") as caught:
        verified(folder)
    assert "sizes that it records are right" in str(caught.value)
    assert verified(folder, Thoroughness.QUICK).verdict is Verdict.VALID

    (folder / "a.bin").write_bytes(CONTENT + b"!")
    report = verified(folder)
    assert found(report) == {("bytes.changed", "a.bin", None)}
    assert "datahash" in report.not_checked


def test_files_without_a_digest_are_not_checked(tmp_path: Path) -> None:
    """They are counted apart, also where their size agrees, and never as a match."""
    files = {"a.bin": CONTENT, "b.bin": b"b", "c.bin": b"c"}
    entities: Graph = [
        {"@id": "a.bin", "@type": "File", "sha256": SHA256},
        {"@id": "b.bin", "@type": "File", "contentSize": "1"},
        {"@id": "c.bin", "@type": "File"},
    ]

    report = verified(foreign(tmp_path / "crate", files, entities))

    assert (report.counts.match, report.counts.unchecked) == (1, 2)
    assert found(report) == {("bytes.unchecked", "b.bin", None), ("bytes.unchecked", "c.bin", None)}


def test_files_that_nobody_lists_are_information_unless_the_crate_is_closed(
    tmp_path: Path,
) -> None:
    """An RO-Crate need not list everything; --closed asks that it does."""
    folder = crate_with(tmp_path / "crate", {"sha256": SHA256})
    (folder / "more.txt").write_bytes(b"more")

    assert found(verified(folder)) == {("bytes.unlisted", "more.txt", None)}
    assert verified(folder).verdict is Verdict.VALID
    assert found(verified(folder, closed=True)) == {("bytes.extra", "more.txt", None)}
    assert verified(folder, closed=True).verdict is Verdict.INVALID


@pytest.mark.parametrize("size", [{}, {"contentSize": str(len(CONTENT))}], ids=["", "with size"])
def test_a_renamed_file_is_found_by_its_digest(tmp_path: Path, size: dict[str, Any]) -> None:
    """Moves are told without any ISCC-SUM."""
    folder = crate_with(tmp_path / "crate", {"md5": MD5, "sha1": SHA1, **size})
    (folder / "a.bin").rename(folder / "b.bin")
    (folder / "c.bin").write_bytes(CONTENT[:-1])

    assert found(verified(folder)) == {
        ("bytes.moved", "a.bin", "b.bin"),
        ("bytes.unlisted", "c.bin", None),
    }


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    """What is recorded and not there is named with its digest."""
    folder = crate_with(tmp_path / "crate", {"sha256": SHA256})
    (folder / "a.bin").unlink()
    (folder / "b.bin").write_bytes(b"b")

    report = verified(folder)

    assert found(report) == {
        ("bytes.missing", "a.bin", None),
        ("bytes.unlisted", "b.bin", None),
    }


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


@pytest.mark.parametrize(
    ("properties", "verdict"),
    [
        ({"sha256": SHA256}, Verdict.INCOMPLETE),
        ({"sha256": SHA256, "contentSize": str(len(CONTENT))}, Verdict.INCOMPLETE),
        ({"md5": MD5}, Verdict.INCOMPLETE),
        ({"sha256": 64 * "0"}, Verdict.INVALID),
        ({"md5": MD5, "contentSize": "1"}, Verdict.INVALID),
    ],
)
def test_a_git_lfs_pointer_is_not_fetched(
    tmp_path: Path, properties: dict[str, Any], verdict: Verdict
) -> None:
    """A pointer to the recorded content is no damage; one to other content is."""
    folder = crate_with(tmp_path / "crate", properties)
    (folder / "a.bin").write_text(POINTER.format(SHA256, len(CONTENT)))

    report = verified(folder)

    kind = "bytes.not-fetched" if verdict is Verdict.INCOMPLETE else "bytes.changed"
    assert found(report) == {(kind, "a.bin", None)}
    assert report.verdict is verdict
    assert "Git-LFS pointer" in report.findings[0].message


def test_a_preview_with_a_digest_is_checked(tmp_path: Path) -> None:
    """What is no payload is checked where a crate records a digest of it."""
    entities: Graph = [
        {"@id": "a.bin", "@type": "File", "sha256": SHA256},
        {"@id": "ro-crate-preview.html", "@type": "File", "md5": hashlib.md5(b"<p>").hexdigest()},
    ]
    files = {"a.bin": CONTENT, "ro-crate-preview.html": b"<p>"}
    folder = foreign(tmp_path / "crate", files, entities)

    assert verified(folder).rests_on == (("md5", 1), ("sha256", 1))
    (folder / "ro-crate-preview.html").write_bytes(b"<b>")
    assert found(verified(folder)) == {("bytes.changed", "ro-crate-preview.html", None)}


def test_the_report_says_what_it_rests_on(tmp_path: Path) -> None:
    """A person reads the conventions, and that md5 is no proof against forgery."""
    folder = crate_with(tmp_path / "crate", {"md5": MD5})

    text = report_text(verified(folder, each=True))

    assert "rests on: md5 (1; no proof against forgery)\n" in text
    assert "  match  a.bin  (md5)\n" in text
    assert "checked: presence, size, digests by other conventions\n" in text


@pytest.mark.parametrize(
    ("recorded", "there", "kind", "verdict"),
    [
        ("caf\u00e9.bin", "cafe\u0301.bin", "path.normalization", Verdict.VALID),
        ("cafe\u0301.bin", "caf\u00e9.bin", "path.normalization", Verdict.VALID),
        ("A.bin", "a.bin", "path.case", Verdict.INVALID),
        ("\u00c9.bin", "e\u0301.bin", "path.case", Verdict.INVALID),
    ],
)
def test_a_name_in_another_spelling_is_found_and_told(
    tmp_path: Path, recorded: str, there: str, kind: str, verdict: Verdict
) -> None:
    """Another Unicode form is a warning, another case an error; the bytes are checked anyway."""
    entity = {"@id": recorded, "@type": "File", "sha256": SHA256}
    folder = foreign(tmp_path / "crate", {there: CONTENT}, [entity])

    for source in (folder, zip_of(folder, tmp_path / "crate.zip")):
        report = verified(source)
        assert found(report) == {(kind, recorded, None)}
        assert (report.verdict, report.counts.match) == (verdict, 1)

    flip_bit(folder / there)
    assert ("bytes.changed", recorded, None) in found(verified(folder))


def test_of_two_names_that_could_be_meant_neither_is(tmp_path: Path) -> None:
    """A recorded name that two files could stand for stands for none."""
    entity = {"@id": "A.BIN", "@type": "File", "sha256": SHA256}
    folder = foreign(tmp_path / "crate", {"a.bin": CONTENT, "A.bin": CONTENT}, [entity])

    assert ("bytes.moved", "A.BIN", "A.bin") in found(verified(folder))
