"""Every way in which a dataset gets damaged is told apart and named."""

from dataclasses import replace
from pathlib import Path

import pytest

from crate_iscc import Thoroughness, Verdict, fingerprint, report_text
from verify.verify_kit import (
    CELL,
    CHUNK,
    DAMAGES,
    NEXT_CHUNK,
    Damage,
    found,
    payload_paths,
    verified,
    zip_of,
)

RECORDED = 77
each_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
each_way_to_read = pytest.mark.parametrize(
    "thoroughness", [Thoroughness.DATAHASH, Thoroughness.FULL], ids=["default", "full"]
)


def test_the_crate_is_valid_before_it_is_damaged(crate: Path) -> None:
    """The example crate verifies without a finding, and every file matches."""
    report = verified(crate)

    assert (report.verdict, found(report)) == (Verdict.VALID, set())
    assert (report.counts.match, report.files) == (RECORDED, RECORDED)


@each_way_to_read
@each_damage
def test_a_damage_is_named_exactly(crate: Path, damage: Damage, thoroughness: Thoroughness) -> None:
    """What was damaged is found, nothing else is, and the crate is invalid."""
    damage.inflict(crate)

    report = verified(crate, thoroughness)

    assert found(report) == damage.findings
    assert report.verdict is Verdict.INVALID


@each_damage
def test_every_recorded_file_is_counted_once(crate: Path, damage: Damage) -> None:
    """The counts, less the extra files, add up to the recorded files."""
    damage.inflict(crate)

    report = verified(crate)

    counts = report.counts
    counted = counts.match + counts.changed + counts.moved + counts.missing
    assert (counted, counts.unread, counts.unchecked) == (RECORDED, 0, 0)
    assert report.files == len(payload_paths(crate)) == RECORDED + damage.more_files


@pytest.mark.parametrize("deflate", [False, True], ids=["stored", "deflated"])
@each_damage
def test_a_zip_of_the_damaged_crate_gives_the_same_report(
    crate: Path, tmp_path: Path, damage: Damage, deflate: bool
) -> None:
    """A zip says word for word what its folder says."""
    damage.inflict(crate)
    archive = zip_of(crate, tmp_path / "crate.zip", deflate=deflate)

    from_zip, from_folder = verified(archive), verified(crate)

    assert found(from_zip) == damage.findings
    assert from_zip.folder is None
    assert replace(from_zip, subject=from_folder.subject, folder=from_folder.folder) == from_folder


@each_damage
def test_the_text_names_every_path_of_a_damage(crate: Path, damage: Damage) -> None:
    """What a person reads names the path, and where its content went."""
    damage.inflict(crate)

    text = report_text(verified(crate))

    for kind, path, moved_to in damage.findings:
        assert path is not None
        assert f"  {kind.removeprefix('bytes.'):<8} {path}\n" in text
        assert (moved_to or "") in text


@each_way_to_read
@pytest.mark.parametrize(
    "damage", [d for d in DAMAGES if d.changed], ids=lambda damage: damage.name
)
def test_a_changed_file_comes_with_its_distance(
    crate: Path, damage: Damage, thoroughness: Thoroughness
) -> None:
    """A change is told with the bits of the Data-Code that differ and the word for it."""
    damage.inflict(crate)

    (finding,) = verified(crate, thoroughness).findings

    assert finding.path == damage.changed
    assert finding.distance is not None
    assert finding.distance.word == damage.word
    assert finding.distance.of == 128
    assert f"{finding.distance.bits} of 128 bits differ: {damage.word}" in finding.message
    assert finding.recorded != finding.observed


def test_the_distance_is_that_of_the_data_codes(built: Path, crate: Path) -> None:
    """The told distance is the number of bits in which the Data-Codes of both contents differ."""
    content = (crate / CELL).read_bytes()
    (crate / CELL).write_bytes(content[:100_000] + b"inserted" * 4000 + content[100_000:])

    (finding,) = verified(crate).findings

    before, after = (
        next(file.fingerprint for file in fingerprint(place).files if file.path == CELL)
        for place in (built, crate)
    )
    assert before.data is not None
    assert after.data is not None
    bits = sum(
        (one ^ two).bit_count() for one, two in zip(before.data[:16], after.data[:16], strict=True)
    )
    assert finding.distance is not None
    assert 0 < finding.distance.bits == bits


@each_damage
def test_quick_tells_what_names_and_sizes_tell(crate: Path, damage: Damage) -> None:
    """Without reading, a change of size, a missing and an extra file are found, no content is."""
    assert (crate / CHUNK).stat().st_size != (crate / NEXT_CHUNK).stat().st_size
    damage.inflict(crate)

    report = verified(crate, Thoroughness.QUICK)

    assert found(report) == damage.quick
    assert report.verdict is (Verdict.INVALID if damage.quick else Verdict.VALID)


def test_all_damages_at_once_are_all_named(crate: Path) -> None:
    """Damages in different places are told side by side."""
    apart = [
        damage
        for damage in DAMAGES
        if damage.name
        in (
            "a bit flipped",
            "a file removed",
            "a file added",
            "a file renamed",
            "a chunk moved to a free key",
            "bytes moved from the end of a file to the start of the next",
        )
    ]
    for damage in apart:
        damage.inflict(crate)

    report = verified(crate)

    assert found(report) == frozenset[object]().union(*(damage.findings for damage in apart))


def test_bytes_moved_across_a_boundary_leave_the_tree_code_as_it_was(
    built: Path, crate: Path
) -> None:
    """The tree ISCC-SUM does not see file boundaries, so the verdict rests on the treehash."""
    (damage,) = (d for d in DAMAGES if d.name.startswith("bytes moved from the end of a file"))
    damage.inflict(crate)

    before, after = fingerprint(built).root, fingerprint(crate).root

    assert before.iscc == after.iscc
    assert before.treehash != after.treehash
    assert found(verified(crate)) == damage.findings


def test_a_chunk_over_another_is_named_as_what_it_is(crate: Path) -> None:
    """The overwritten chunk's finding says whose content it now holds."""
    (damage,) = (d for d in DAMAGES if d.name == "a chunk moved over another")
    damage.inflict(crate)

    (overwritten,) = (f for f in verified(crate).findings if f.path == NEXT_CHUNK)

    assert f"now holds what is recorded as {CHUNK}" in overwritten.message
