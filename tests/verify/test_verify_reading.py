"""How much is read at each depth, and that the report owns up to it."""

import json
from pathlib import Path

import pytest

from crate_iscc import Thoroughness, Verdict, report_text
from crate_iscc.kernel.choosing import kernel
from crate_iscc.kernel.reference import ReferenceKernel
from crate_iscc.verifying.verification import verify
from file_watch import Watch, only_where_files_can_be_watched
from verify.verify_kit import (
    CELL,
    MANIFEST,
    METADATA,
    flip_bit,
    found,
    payload_paths,
    verified,
    zip_of,
)


def opened_by(crate: Path, thoroughness: Thoroughness) -> list[str]:
    """Return which files of a crate a verification opens, and how often, as the system sees it."""
    files = [place for place in crate.rglob("*") if place.is_file()]
    with Watch(files) as watch:
        verify(crate, thoroughness=thoroughness)
    return sorted(str(path.relative_to(crate)) for path in watch.openings.elements())


@only_where_files_can_be_watched
def test_quick_opens_no_payload_file(crate: Path) -> None:
    """With --quick the metadata and the manifest file are all that is ever opened."""
    assert opened_by(crate, Thoroughness.QUICK) == sorted([MANIFEST, METADATA])


@only_where_files_can_be_watched
@pytest.mark.parametrize("thoroughness", [Thoroughness.DATAHASH, Thoroughness.FULL], ids=str)
def test_an_intact_file_is_opened_once(crate: Path, thoroughness: Thoroughness) -> None:
    """By default, and with --full too, each file of an intact crate is read exactly once."""
    assert opened_by(crate, thoroughness) == sorted([MANIFEST, METADATA, *payload_paths(crate)])


@only_where_files_can_be_watched
def test_only_what_differs_is_opened_twice(crate: Path) -> None:
    """A Data-Code is computed for the one file that changed."""
    flip_bit(crate / CELL)

    opened = opened_by(crate, Thoroughness.DATAHASH)

    assert [path for path in payload_paths(crate) if opened.count(path) != 1] == [CELL]
    assert opened.count(CELL) == 2


def test_quick_does_not_vouch_for_contents(crate: Path) -> None:
    """A change that keeps the size passes --quick, and the report says that nothing was read."""
    flip_bit(crate / CELL)

    report = verified(crate, Thoroughness.QUICK)
    text = report_text(report)

    assert (report.verdict, found(report)) == (Verdict.VALID, set())
    assert report.checked == ("presence", "size")
    assert set(report.not_checked) == {"datahash", "treehash", "iscc-sum", "metadata"}
    assert "VALID: names and sizes are as recorded; no content was read\n" in text
    assert "77 of the recorded size\n" in text
    assert " match" not in text
    assert "contents (--quick)" in text


@pytest.mark.parametrize(
    ("thoroughness", "checked", "not_checked"),
    [
        (Thoroughness.QUICK, {"presence", "size"}, {"datahash", "treehash", "iscc-sum"}),
        (Thoroughness.DATAHASH, {"presence", "size", "datahash", "treehash"}, {"iscc-sum"}),
        (
            Thoroughness.FULL,
            {"presence", "size", "datahash", "treehash", "iscc-sum"},
            set(),
        ),
    ],
    ids=["quick", "default", "full"],
)
def test_a_report_says_what_was_checked_and_what_was_not(
    built: Path, thoroughness: Thoroughness, checked: set[str], not_checked: set[str]
) -> None:
    """Every aspect stands in one of two lists; the metadata, which nobody signed, in the second."""
    report = verified(built, thoroughness)

    assert set(report.checked) == checked
    assert set(report.not_checked) == {*not_checked, "metadata"}


def test_a_crate_without_a_treehash_is_not_said_to_have_one_checked(plain: Path) -> None:
    """Only what the crate records is named as checked."""
    value = json.loads((plain / METADATA).read_text(encoding="utf-8"))
    for entity in value["@graph"]:
        if entity["@id"] == "./":
            del entity["identifier"]
    (plain / METADATA).write_text(json.dumps(value), encoding="utf-8")

    report = verified(plain)

    assert report.verdict is Verdict.VALID
    assert "treehash" not in report.checked


def test_the_report_names_tool_and_kernel(built: Path) -> None:
    """Who wrote a report, and with whose codes, stands in it."""
    report = verified(built)
    of_reference = verify(built, kernel=ReferenceKernel())

    assert report.tool.startswith("crate-iscc ")
    assert report.kernel == kernel().name
    assert of_reference.kernel.startswith("iscc-core ")
    assert of_reference.findings == ()


@pytest.mark.parametrize("jobs", [1, 2, 16])
@pytest.mark.parametrize("thoroughness", list(Thoroughness), ids=str)
def test_the_number_of_jobs_changes_nothing(
    crate: Path, jobs: int, thoroughness: Thoroughness
) -> None:
    """However many files are read at a time, the report is the same."""
    flip_bit(crate / CELL)

    assert verified(crate, thoroughness, jobs=jobs) == verified(crate, thoroughness)


def test_progress_ends_at_the_whole(built: Path, tmp_path: Path) -> None:
    """Progress is told in bytes and files, never goes back, and ends with all of both."""
    for source in (built, zip_of(built, tmp_path / "crate.zip", deflate=True)):
        told: list[tuple[int, int, int, int]] = []

        report = verified(
            source,
            progress=lambda state, told=told: told.append(  # type: ignore[misc]
                (state.done_bytes, state.total_bytes, state.done_files, state.total_files)
            ),
        )

        assert told == sorted(told)
        assert told[-1] == (report.size, report.size, report.files, report.files)
