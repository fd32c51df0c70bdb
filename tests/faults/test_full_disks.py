"""No room, in ways that need no rights: a limit on the size of files, and /dev/full."""

import os
from pathlib import Path

import pytest

from crate_iscc import Verdict, verify
from faults.crates import METADATA, Kept, paths_below, unfinished, write_files
from faults.failing_kit import FailingProcess

TOO_LARGE = "File too large"
FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs limits of POSIX")


@pytest.mark.parametrize("out", [None, "x.zip", "x"], ids=["in place", "zip", "folder"])
@pytest.mark.parametrize("room", [1000, 3000, 1_000_000])
def test_where_a_file_does_not_fit_all_is_as_it_was(
    failing: FailingProcess, tmp_path: Path, out: str | None, room: int
) -> None:
    """The error names the target and the reason; no half file stays, whatever did not fit."""
    folder = write_files(tmp_path / "place" / "study")
    failing.run("build", folder)
    write_files(folder, {"new.txt": b"new"})
    before, files = (folder / METADATA).read_bytes(), paths_below(folder)
    kept = Kept.of(folder)
    target = folder.parent / out if out else folder
    fits = out is None and room > 500_000
    options: list[str | Path] = ["-o", target] if out else []

    ended = failing.run("build", folder, *options, file_size=room)

    assert Kept.of(folder) == kept
    assert unfinished(folder.parent) == []
    if fits:
        assert ended.code == 0
        assert verify(folder).verdict is Verdict.VALID
        return
    assert (ended.code, ended.err) == (2, f"error: cannot write {target}\n  {TOO_LARGE}\n")
    assert (folder / METADATA).read_bytes() == before
    assert paths_below(folder) == files
    assert {item.name for item in folder.parent.iterdir()} == {"study"}


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_a_report_that_does_not_fit_is_one_clear_error(
    failing: FailingProcess, tmp_path: Path
) -> None:
    """A verdict that could not be delivered is no success."""
    folder = write_files(tmp_path / "study")
    failing.run("build", folder)
    report = tmp_path / "report.json"
    report.write_text("an older report")

    full = failing.run("verify", folder, "--format", "json", "--output", FULL)
    small = failing.run("verify", folder, "--output", report, "--format", "json", file_size=400)

    reason = "No space left on device"
    assert (full.code, full.err) == (
        2,
        f"error: cannot write the report to {FULL}\n  {reason}\n",
    )
    assert (small.code, small.err) == (
        2,
        f"error: cannot write the report to {report}\n  {TOO_LARGE}\n",
    )
    assert report.read_text() == "an older report"
    assert unfinished(tmp_path) == []


def test_what_a_killed_run_left_beside_a_report_goes_with_the_next(
    failing: FailingProcess, tmp_path: Path
) -> None:
    """Only what was to become this very file; another's is another's."""
    folder = write_files(tmp_path / "study")
    failing.run("build", folder)
    mine, others = ".report.json.abcdefgh.partial", ".other.json.abcdefgh.partial"
    for name in (mine, others):
        (tmp_path / name).write_text("{")

    assert failing.run("verify", folder, "--output", tmp_path / "report.json").code == 0

    assert unfinished(tmp_path) == [others]
