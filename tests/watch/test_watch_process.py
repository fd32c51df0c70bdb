"""The command: its lines, its signals, and what a kill -9 leaves to the next one."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from crate_iscc import Verdict, verify
from file_watch import Watch as Openings
from file_watch import only_where_files_can_be_watched
from watch.watch_kit import METADATA, Process, write_files

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals of POSIX")


def command(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "crate_iscc", "watch", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_signal_ends_it_with_a_valid_crate(tmp_path: Path, number: int, code: int) -> None:
    """SIGTERM with 0, Ctrl-C with 130; each unit was one line of JSON."""
    folder = write_files(tmp_path / "run", {"a.bin": b"a", "z.zarr/.zgroup": b"{}"})
    process = Process(folder, tmp_path / "journal")
    zarr = process.wait_for("z.zarr/")
    file = process.wait_for("a.bin")

    ended = process.end(number)

    assert ended[0] == code, ended[1]
    assert "all 2 finished; for the ISCC-SUM of the whole: crate-iscc build" in ended[1]
    assert verify(folder, closed=True).verdict is Verdict.VALID
    assert (file["kind"], file["size"], file["datahash"][:4]) == ("file", 1, "1e20")
    assert (zarr["kind"], zarr["file_count"], zarr["treehash"][:4]) == ("zarr", 1, "1e20")


def test_once_says_with_its_exit_code_whether_all_is_finished(tmp_path: Path) -> None:
    """0 if so, 3 if not; one line a unit."""
    folder = write_files(tmp_path / "run", {"a.bin": b"a"})
    options = ("--once", "--settle", "0.1", "--journal", tmp_path / "journal")

    first = command(folder, *options)
    write_files(folder, {"b.tif": b"II"})
    second = command(folder, *options)

    assert first.returncode == 0, first.stderr
    assert first.stdout.split()[:2] == ["finished", "a.bin"]
    assert second.returncode == 3
    assert second.stdout == "unfinished  b.tif: b.tif: it has no TIFF header yet\n"
    assert "1 known from before, and unchanged" in second.stderr


def test_a_status_line_tells_how_far_it_is(tmp_path: Path) -> None:
    """On stderr, where it is asked for or a terminal; the lines of units stay whole."""
    folder = write_files(tmp_path / "run", {"a.bin": b"a", "b.tif": b""})
    options = ("--once", "--settle", "0.3", "--journal", tmp_path / "journal")

    ended = command(folder, *options, "--progress", "bar")

    assert "\x1b[2K0 finished, 2 waiting" in ended.stderr
    assert [line.split()[:2] for line in ended.stdout.splitlines()] == [
        ["finished", "a.bin"],
        ["unfinished", "b.tif:"],
    ]


def test_what_cannot_be_watched_is_one_clear_error(tmp_path: Path) -> None:
    """A file; a journal within the folder; a pattern that is none."""
    folder = write_files(tmp_path / "run", {"a.bin": b"a"})
    for words, message in (
        ((folder / "a.bin",), "not a directory"),
        ((folder, "--journal", folder / "j"), "the journal lies in the folder"),
        ((folder, "--journal", tmp_path / "j", "--done-marker", "!"), "a pattern cannot be"),
        ((folder, "--settle", "-1"), "--settle"),
    ):
        ended = command(*words)
        assert ended.returncode == 2, ended.stderr
        assert ended.stderr.count("error: ") == 1
        assert message in ended.stderr
    assert not (folder / METADATA).exists()


def journalled(journal: Path) -> set[str]:
    """Return the units that whole lines of a journal call finished."""
    found = set()
    for line in journal.read_text().splitlines() if journal.exists() else ():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record.get("status") == "finished":
            found.add(record["path"])
    return found


@posix
@only_where_files_can_be_watched
def test_killed_at_any_moment_it_reads_nothing_twice_and_misses_nothing(tmp_path: Path) -> None:
    """What is in the journal is not opened again; at the end all is in the crate.

    After each kill the crate there is one that verifies, or none.
    """
    random = Random(11)
    contents = {f"{n:03}.bin": random.randbytes(random.choice([10, 3_000_000])) for n in range(40)}
    folder = write_files(tmp_path / "run", contents)
    journal = tmp_path / "journal"
    places = {name: folder / name for name in contents}

    for _ in range(5):
        known = journalled(journal)
        with Openings(places[name] for name in known) as seen:
            process = Process(folder, journal, "--jobs", "1", settle=0)
            until = time.monotonic() + random.uniform(0.2, 0.9)
            while time.monotonic() < until and len(process.lines) < 40:
                time.sleep(0.005)
            process.end(signal.SIGKILL)
        assert sum(seen.openings.values()) == 0
        assert known <= journalled(journal)
        if (folder / METADATA).exists() and "datahash" in (folder / METADATA).read_text():
            assert verify(folder).verdict is Verdict.VALID

    known = journalled(journal)
    with Openings(places.values()) as seen:
        last = command(folder, "--journal", journal, "--once", "--settle", "0")
    assert last.returncode == 0, last.stderr
    assert {place.name for place, count in seen.openings.items() if count} == set(places) - known
    assert all(count <= 2 for count in seen.openings.values())
    report = verify(folder, closed=True)
    assert (report.verdict, report.counts.match) == (Verdict.VALID, len(contents))
