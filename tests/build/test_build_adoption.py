"""Build takes over crates that others made only if their files are what the others recorded."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cli.cli_kit import run
from crate_iscc import DamagedPayloadError, Thoroughness, Verdict, build, verify
from crate_iscc.crate.terms import BIO_CODES_TERMS
from verify.test_verify_bags import bag_of
from verify.verify_kit import (
    METADATA,
    Graph,
    edit_metadata,
    entity_of,
    flip_bit,
    foreign,
    write_files,
    zip_of,
)

A, B = b"a" * 5000, b"b" * 100_000
SHA256, MD5 = hashlib.sha256(A).hexdigest(), hashlib.md5(B).hexdigest()


def entities() -> Graph:
    return [
        {"@id": "a.bin", "@type": "File", "sha256": SHA256, "description": "kept"},
        {"@id": "b.bin", "@type": "File", "md5": MD5, "contentSize": str(len(B))},
        {"@id": "c.bin", "@type": "File"},
    ]


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """Make a crate that another tool could have made."""
    return foreign(tmp_path / "crate", {"a.bin": A, "b.bin": B, "c.bin": b"c"}, entities())


def graph_of(crate: Path) -> Graph:
    graph: Graph = json.loads((crate / METADATA).read_text(encoding="utf-8"))["@graph"]
    return graph


def test_an_intact_crate_is_adopted(crate: Path) -> None:
    """ISCC-SUMs stand beside what was there, and nothing of that is lost."""
    build(crate)

    for known in entities():
        entity = entity_of(graph_of(crate), known["@id"])
        assert {key: entity[key] for key in known} == known
        assert entity["identifier"].startswith("ISCC:K4A")
    report = verify(crate, thoroughness=Thoroughness.FULL)
    assert (report.verdict, report.counts.match) == (Verdict.VALID, 3)


@pytest.mark.parametrize("name", ["a.bin", "b.bin"])
@pytest.mark.parametrize("output", [None, "out.zip", "out"])
def test_a_damaged_crate_is_not_adopted(
    crate: Path, tmp_path: Path, name: str, output: str | None
) -> None:
    """Damaged data get no fingerprint: nothing is written, and the file is named."""
    flip_bit(crate / name)
    before = (crate / METADATA).read_bytes()

    with pytest.raises(DamagedPayloadError) as caught:
        build(crate, tmp_path / output if output else None)

    (finding,) = caught.value.findings
    assert (finding.id, finding.path) == ("bytes.changed", name)
    assert (crate / METADATA).read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crate"]


def test_a_damaged_zip_is_not_adopted(crate: Path, tmp_path: Path) -> None:
    """What comes out of a zip is checked the same way."""
    flip_bit(crate / "a.bin")
    archive = zip_of(crate, tmp_path / "crate.zip", deflate=True)

    with pytest.raises(DamagedPayloadError):
        build(archive, tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_a_missing_or_renamed_file_stops_adoption(crate: Path) -> None:
    """A file that was recorded and is gone is damage, too."""
    (crate / "a.bin").rename(crate / "renamed.bin")
    with pytest.raises(DamagedPayloadError) as caught:
        build(crate)

    assert {(f.id, f.path) for f in caught.value.findings} == {("bytes.missing", "a.bin")}


def test_a_size_that_differs_stops_adoption(tmp_path: Path) -> None:
    """Also where nothing but sizes is recorded."""
    entity = {"@id": "a.bin", "@type": "File", "contentSize": "4999"}
    folder = foreign(tmp_path / "crate", {"a.bin": A}, [entity])

    with pytest.raises(DamagedPayloadError):
        build(folder)


def test_codes_of_other_tools_are_checked_too(tmp_path: Path) -> None:
    """A datahash without a treehash is not ours to renew."""
    entity = {"@id": "a.bin", "@type": "File", "datahash": "1e20" + 64 * "0"}
    folder = foreign(tmp_path / "crate", {"a.bin": A}, [entity])

    with pytest.raises(DamagedPayloadError):
        build(folder)


def test_a_bag_at_the_root_is_checked(tmp_path: Path) -> None:
    """A folder that is a bag becomes a crate only if the bag holds."""
    folder = bag_of(write_files(tmp_path / "bag", {"a.bin": A}), ("sha1",))
    flip_bit(folder / "data/a.bin")

    with pytest.raises(DamagedPayloadError) as caught:
        build(folder)
    assert caught.value.findings[0].path == "data/a.bin"

    (folder / "data/a.bin").write_bytes(A)
    build(folder)
    assert verify(folder).verdict is Verdict.VALID


def test_a_bag_around_the_crate_is_checked(tmp_path: Path) -> None:
    """The payload of a bag is vouched for only if the bag holds; its manifests are stale then."""
    folder = foreign(tmp_path / "bag", {"a.bin": A, "b.bin": B}, [])
    bag_of(folder, ("sha512",))
    flip_bit(folder / "data/a.bin")

    with pytest.raises(DamagedPayloadError) as caught:
        build(folder / "data")
    assert [finding.path for finding in caught.value.findings] == ["a.bin"]

    (folder / "data/a.bin").write_bytes(A)
    plan = build(folder / "data")
    assert [note.id for note in plan.notes if note.path == METADATA] == ["build.stale-digest"]


@pytest.mark.parametrize("style", ["graph", "table"])
def test_force_says_so_in_the_metadata(crate: Path, style: str) -> None:
    """What was recorded and what was found stay in the crate, also after the next build."""
    flip_bit(crate / "a.bin")
    now = hashlib.sha256((crate / "a.bin").read_bytes()).hexdigest()

    ran = run("build", crate, "--force", "--style", style)

    assert ran.code == 0
    holder = "#crate-iscc-fingerprint" if style == "graph" else "./"
    said = f"a.bin: recorded sha256:{SHA256}, found sha256:{now}"
    assert entity_of(graph_of(crate), holder)["forced"] == said
    context = json.loads((crate / METADATA).read_text(encoding="utf-8"))["@context"]
    assert context[-1]["forced"] == f"{BIO_CODES_TERMS}forced"
    assert verify(crate).verdict is Verdict.VALID

    (crate / "d.bin").write_bytes(b"d")
    build(crate)
    assert entity_of(graph_of(crate), holder)["forced"] == said


def test_the_command_names_what_is_damaged(crate: Path) -> None:
    """One line a file, the error and what to do; the exit code is that of a problem."""
    flip_bit(crate / "a.bin")
    flip_bit(crate / "b.bin")

    ran = run("build", crate)

    assert ran.code == 1
    assert ran.out == ""
    assert ran.err.splitlines() == [
        "  changed  a.bin: the sha256 differs",
        "  changed  b.bin: the md5 differs",
        "error: 2 of the files are not as recorded, nothing was written",
        "hint: restore them; or --force takes them as they are, and says so in the metadata",
    ]


def test_a_file_that_was_edited_later_may_be_built_again(crate: Path) -> None:
    """Once a crate has our fingerprints, a change is an edit; what others wrote of it is stale."""
    build(crate)
    (crate / "b.bin").write_bytes(b"new")

    plan = build(crate)

    assert [(note.id, note.path) for note in plan.notes] == [("build.stale-digest", "b.bin")]
    assert entity_of(graph_of(crate), "b.bin")["md5"] == MD5
    assert verify(crate).verdict is Verdict.VALID


def test_a_file_that_others_add_to_a_built_crate_is_checked(crate: Path) -> None:
    """It has a digest of others and none of ours."""
    build(crate)
    write_files(crate, {"d.bin": b"d"})
    entity: dict[str, Any] = {"@id": "d.bin", "@type": "File", "sha256": 64 * "0"}
    edit_metadata(crate, lambda graph: graph.append(entity))

    with pytest.raises(DamagedPayloadError):
        build(crate)


def test_a_crate_adopted_is_still_good_to_others(crate: Path) -> None:
    """The sums that were there can be checked as before."""
    build(crate)
    line = f"{SHA256}  a.bin\n"

    subprocess.run(["sha256sum", "-c", "-"], input=line, cwd=crate, check=True, text=True)
