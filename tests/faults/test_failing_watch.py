"""Whatever call fails while a folder is watched: one clear end, and no crate that is wrong."""

import errno
from pathlib import Path

import pytest

from crate_iscc import Verdict, verify
from faults.crates import METADATA, Kept, unfinished, write_files
from faults.failing_kit import FailingProcess, Fault

WRITING = ("open", "write", "rename", "lock")
READING = ("open", "read", "stat", "getdents", "mmap")
SMALL = {"a.txt": b"a", "c.zarr/.zgroup": b"{}", "c.zarr/0/0": bytes(60)}
MOST = 1000


@pytest.mark.parametrize(
    ("kinds", "error", "step"),
    [
        pytest.param(WRITING, errno.ENOSPC, 4, id="full"),
        pytest.param(READING, errno.EIO, 13, id="broken"),
        pytest.param(WRITING, errno.ENOSPC, 1, id="full, each", marks=pytest.mark.deep),
        pytest.param(READING, errno.EIO, 1, id="broken, each", marks=pytest.mark.deep),
    ],
)
def test_whatever_call_fails_in_the_folder_nothing_wrong_is_claimed(
    failing: FailingProcess, tmp_path: Path, kinds: tuple[str, ...], error: int, step: int
) -> None:
    """The files are as they were; a crate that is there verifies; the next run ends well."""
    for nth in range(1, MOST, step):
        folder = write_files(tmp_path / str(nth) / "study", SMALL)
        kept = Kept.of(folder, SMALL)
        options = ("--once", "--settle", "0", "--journal", folder.parent / "journal")

        ended = failing.run(
            "watch", folder, *options, folder=folder, fault=Fault(nth, kinds, error)
        )

        about = f"{ended.struck}: exit {ended.code}\n{ended.out}{ended.err}"
        assert ended.code in (0, 2, 3), about
        assert Kept.of(folder, SMALL) == kept
        if (folder / METADATA).exists():
            assert verify(folder).verdict is Verdict.VALID, about
        again = failing.run("watch", folder, *options)
        assert again.code == 0, about + again.err
        assert verify(folder, closed=True).verdict is Verdict.VALID, about
        assert unfinished(folder) == []
        if ended.struck is None:
            assert nth > 10, "hardly any call was seen"
            return
    raise AssertionError("no run came through")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EACCES])
def test_a_journal_that_cannot_be_written_is_one_clear_error(
    failing: FailingProcess, tmp_path: Path, error: int
) -> None:
    """Whatever call to it fails; what is in it counts for the next run."""
    for nth in range(1, MOST):
        folder = write_files(tmp_path / str(nth) / "study", SMALL)
        state = tmp_path / str(nth) / "state"
        options = ("--once", "--settle", "0", "--journal", state / "journal")

        ended = failing.run(
            "watch", folder, *options, folder=state, fault=Fault(nth, ("open", "write"), error)
        )

        if ended.struck is None:
            assert ended.code == 0
            assert nth > 3
            return
        assert ended.code == 2, ended
        assert "the journal" in ended.err
        again = failing.run("watch", folder, *options)
        assert again.code == 0, again
        assert verify(folder, closed=True).verdict is Verdict.VALID
    raise AssertionError("no run came through")
