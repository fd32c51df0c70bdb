"""The audit log: whatever is done to it, the first record that is not as written is named."""

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cli_kit import COMMAND, environment, error_of, run
from crate_iscc import InputError
from crate_iscc.audit import LONGEST_RECORD
from crate_iscc.auditing.log import append
from crate_iscc.auditing.proofs import audit
from crate_iscc.errors import WriteError
from crate_iscc.report import Verdict
from render.render_kit import HOSTILE, steady
from trust.audit_kit import anew, followed, forged, log_of, report_on, sha256, written
from verify.verify_kit import flip_bit

NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
LOG = log_of("abcdef")
RAW = b"".join(LOG)
OTHER = log_of("uvwxyz")

Lines = list[bytes]


# --- what is written -----------------------------------------------------------------------------


def test_a_verification_is_put_on_record(crate: Path, tmp_path: Path) -> None:
    """Each run appends one line that says what was verified, how it came out, and by what."""
    log = tmp_path / "log.jsonl"
    intact = run("verify", "crate", "--log", "log.jsonl", cwd=tmp_path)
    quick = run("verify", "crate", "--log", "log.jsonl", "--quick", cwd=tmp_path)
    flip_bit(crate / "raw/a.bin")
    damaged = run(
        "verify", "crate", "--log", "log.jsonl", "--ignore", "bytes.extra", cwd=tmp_path
    )  # fmt: skip

    assert (intact.code, quick.code, damaged.code) == (0, 0, 1)
    lines = log.read_bytes().splitlines(keepends=True)
    records = [json.loads(line) for line in lines]
    assert [record["sequence"] for record in records] == [1, 2, 3]
    assert [record["verdict"] for record in records] == ["valid", "valid", "invalid"]
    assert [record["treehash_matches"] for record in records] == [True, None, False]
    assert len({record["treehash"] for record in records}) == 1
    assert records[0]["crate"] == "crate"
    assert records[0]["counts"]["match"] == 3
    assert records[2]["findings"] == {"bytes.changed": 1}
    assert records[0]["tool"].startswith("crate-iscc ")
    assert records[0]["kernel"]
    assert records[0]["previous"] is None
    assert [record["previous"] for record in records[1:]] == list(map(sha256, lines[:-1]))
    assert run("audit", "log.jsonl", cwd=tmp_path).code == 0


def test_every_crate_of_a_run_is_put_on_record(crate: Path, tmp_path: Path) -> None:
    """Two crates, two records; a place where there is no crate leaves none."""
    ended = run("verify", crate, tmp_path / "nowhere", crate, "--log", "log", cwd=tmp_path)

    assert ended.code == 2
    assert audit(tmp_path / "log").extent.records == 2


@pytest.mark.skipif(os.name != "posix", reason="no sha256sum")
def test_a_record_can_be_checked_without_this_tool(tmp_path: Path) -> None:
    """The SHA-256 of a line, with its end, is what the next line says."""
    place = written(tmp_path / "log", LOG)
    done = subprocess.run(
        ["sh", "-c", f"sed -n 2p {place} | sha256sum"], capture_output=True, check=True
    )
    assert done.stdout.split()[0].decode() == json.loads(LOG[2])["previous"]


@pytest.mark.parametrize("name", [*HOSTILE, "\udc80"])
def test_any_name_of_a_crate_is_one_line(name: str, tmp_path: Path) -> None:
    """Line ends, escapes and what is no UTF-8 in a name break no record."""
    log = tmp_path / "log"
    for _ in range(2):
        append(log, report_on(name), NOW)

    found = audit(log)
    assert (found.findings, found.extent.records) == ((), 2)
    shown = run("audit", log)
    assert shown.code == 0
    assert "\x1b" not in shown.out


# --- what is done to it --------------------------------------------------------------------------

ATTACKS: dict[str, tuple[Callable[[Lines], Lines], str, int]] = {
    "a word changed": (lambda x: [x[0], x[1].replace(b"1e20", b"1e21", 1), *x[2:]],
                       "log.changed", 2),
    "a verdict changed, and its hash": (lambda x: [*x[:2], forged(x[2], verdict="valid"), *x[3:]],
                                        "log.changed", 3),
    "the first changed, and its hash": (lambda x: [forged(x[0], crate="z"), *x[1:]],
                                        "log.changed", 1),
    "the last changed": (lambda x: [*x[:-1], x[-1].replace(b'"crate":"f"', b'"crate":"g"')],
                         "log.changed", 6),
    "one dropped": (lambda x: [*x[:3], *x[4:]], "log.missing", 4),
    "two dropped": (lambda x: [*x[:2], *x[4:]], "log.missing", 3),
    "the first dropped": (lambda x: x[1:], "log.missing", 1),
    "the first dropped, the next numbered 1": (lambda x: [forged(x[1], sequence=1), *x[2:]],
                                               "log.missing", 1),
    "one doubled": (lambda x: [*x[:3], x[2], *x[3:]], "log.misplaced", 4),
    "the last doubled": (lambda x: [*x, x[-1]], "log.misplaced", 7),
    "two swapped": (lambda x: [*x[:2], x[3], x[2], *x[4:]], "log.misplaced", 3),
    "one moved to the end": (lambda x: [x[0], *x[2:], x[1]], "log.misplaced", 2),
    "all turned round": (lambda x: x[::-1], "log.misplaced", 1),
    "one inserted, rightly linked": (
        lambda x: [*x[:2], forged(x[2], crate="z"), *x[2:]], "log.misplaced", 4),
    "one of another log in the place of one": (lambda x: [*x[:3], OTHER[3], *x[4:]],
                                               "log.changed", 3),
    "the end of another log": (lambda x: [*x[:3], *OTHER[3:]], "log.changed", 3),
    "cut in the middle of a line": (lambda x: [*x[:4], x[4][:100]], "log.cut", 5),
    "the last line's end taken": (lambda x: [*x[:-1], x[-1][:-1]], "log.cut", 6),
    "an empty line": (lambda x: [*x[:3], b"\n", *x[3:]], "log.changed", 4),
    "an empty line at the end": (lambda x: [*x, b"\n"], "log.changed", 7),
    "a line of 10 MB": (lambda x: [*x[:3], b"x" * 10_000_000 + b"\n", *x[3:]],
                        "log.changed", 4),
    "10 MB without a line": (lambda x: [*x, b"x" * 10_000_000], "log.changed", 7),
    "a record of 10 MB": (lambda x: [*x[:3], forged(x[3], crate="z" * 10_000_000)],
                          "log.changed", 4),
    "not UTF-8": (lambda x: [*x[:2], x[2].replace(b'"c"', b'"\xff"'), *x[3:]],
                  "log.changed", 3),
    "CR LF": (lambda x: [line[:-1] + b"\r\n" for line in x], "log.changed", 1),
    "a BOM": (lambda x: [b"\xef\xbb\xbf" + x[0], *x[1:]], "log.changed", 1),
    "a space": (lambda x: [x[0].replace(b'":', b'": ', 1), *x[1:]], "log.changed", 1),
    "nested deeply": (lambda x: [*x[:1], b"[" * 100_000 + b"\n"], "log.changed", 2),
    "a number beyond all": (lambda x: [forged(x[0], sequence=10**40), *x[1:]],
                            "log.missing", 1),
    "a number below all": (lambda x: [*x[:1], forged(x[1], sequence=-3), *x[2:]],
                           "log.misplaced", 2),
    "no number": (lambda x: [*x[:1], forged(x[1], sequence="2"), *x[2:]], "log.changed", 2),
    "a number that is a truth": (lambda x: [forged(x[0], sequence=True)], "log.changed", 1),
    "not a log": (lambda _: [b"hello\n"], "log.changed", 1),
    "NULs": (lambda x: [*x, b"\0" * 4096], "log.cut", 7),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_done_to_a_log_is_named(attack: str, tmp_path: Path) -> None:
    """The kind of damage and the first record concerned; and nothing is appended to it."""
    change, kind, line = ATTACKS[attack]
    place = written(tmp_path / "log", change(list(LOG)))
    before = place.read_bytes()

    found = audit(place)

    assert [(finding.id, finding.line) for finding in found.findings] == [(kind, line)]
    assert found.verdict is Verdict.INVALID
    with pytest.raises(InputError, match="damaged, or no log"):
        append(place, report_on("a"), NOW)
    assert place.read_bytes() == before


def test_a_whole_log_is_whole(tmp_path: Path) -> None:
    """Six records, of which every third found something wrong."""
    found = audit(written(tmp_path / "log", LOG))

    assert found.verdict is Verdict.VALID
    assert (found.extent.records, found.extent.sha256) == (6, sha256(RAW))
    assert found.extent.head == sha256(LOG[-1])
    assert found.verdicts == (("invalid", 2), ("valid", 4))


def test_what_a_chain_cannot_tell_is_said(tmp_path: Path) -> None:
    """A log without its end, and one that was written anew, look like any other; audit says so."""
    for lines in (LOG[:4], anew(OTHER)):
        place = written(tmp_path / "log", lines)
        shown = run("audit", place)

        assert shown.code == 0
        assert "cut off at its end, or all of it was written anew" in shown.out
        assert shown.lines[-1].endswith("nobody has signed them")


def test_every_flipped_bit_is_found() -> None:
    """Each bit of a log, the last record's too: a record carries its own hash as well."""
    lines = LOG[:3]
    raw = b"".join(lines)
    for position in range(len(raw)):
        number = raw.count(b"\n", 0, position) + 1
        for bit in range(8):
            edited = bytearray(raw)
            edited[position] ^= 1 << bit
            problem = followed(bytes(edited)).problem
            assert problem is not None
            assert problem.line == number


@steady
@given(position=st.integers(0, len(RAW)), cut=st.integers(0, 3), put=st.binary(max_size=3))
def test_every_small_edit_is_found(position: int, cut: int, put: bytes) -> None:
    """Bytes taken and put anywhere: what is not the log that was written is no whole log."""
    edited = RAW[:position] + put + RAW[position + cut :]

    assert (followed(edited).problem is None) == (edited == RAW)


@steady
@given(order=st.lists(st.integers(0, len(LOG) - 1), min_size=1, max_size=9))
def test_any_choice_of_records_but_a_beginning_is_found(order: list[int]) -> None:
    """Dropped, doubled and moved in any way: only a beginning of the log is a whole log."""
    chosen = b"".join(LOG[number] for number in order)

    assert (followed(chosen).problem is None) == RAW.startswith(chosen)


# --- who else is at work -------------------------------------------------------------------------

_APPENDER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from crate_iscc.auditing.log import append
from trust.audit_kit import report_on
for number in range(20):
    append(Path(sys.argv[1]), report_on(f"{sys.argv[2]}-{number}"), datetime.now(UTC))
"""


def test_processes_append_one_after_the_other(tmp_path: Path) -> None:
    """Three of them, twenty records each, at once: one chain of sixty, in each one's order."""
    log = tmp_path / "log"
    paths = os.pathsep.join((str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _APPENDER, str(log), name], env=environment(PYTHONPATH=paths)
        )
        for name in "abc"
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]

    found = audit(log)
    assert (found.findings, found.extent.records) == ((), 60)
    crates = [json.loads(line)["crate"] for line in log.read_bytes().splitlines()]
    for name in "abc":
        mine = [crate for crate in crates if crate.startswith(name)]
        assert mine == [f"{name}-{number}" for number in range(20)]


def test_commands_append_one_after_the_other(crate: Path, tmp_path: Path) -> None:
    """The same of whole commands."""
    running = [
        subprocess.Popen(
            [*COMMAND, "verify", str(crate), "--log", "log"],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0, 0]
    assert audit(tmp_path / "log").extent.records == 3


_LIMITED = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from crate_iscc.auditing.log import append
from crate_iscc.errors import WriteError
from trust.audit_kit import report_on
log = Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (log.stat().st_size + 100,) * 2)
try:
    append(log, report_on("a"), datetime.now(UTC))
except WriteError:
    sys.exit(7)
"""


def test_a_record_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    """Where there is room for half a line, the log is as before, and the next one goes in."""
    log = written(tmp_path / "log", LOG)
    paths = os.pathsep.join((str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, str(log)],
        env=environment(PYTHONPATH=paths),
        check=False,
        timeout=60,
    )

    assert done.returncode == 7
    assert log.read_bytes() == RAW
    append(log, report_on("a"), NOW)
    assert audit(log).extent.records == 7


# --- what is no log ------------------------------------------------------------------------------


def test_an_empty_file_is_begun_and_is_no_log_yet(tmp_path: Path) -> None:
    """Nothing is proven by no record; the first one can go there."""
    log = written(tmp_path / "log", [])
    shown = run("audit", log)
    assert shown.code == 2
    assert "there is no record" in error_of(shown)

    append(log, report_on("a"), NOW)
    assert audit(log).extent.records == 1


@pytest.mark.parametrize("kind", ["nowhere", "a folder", "a pipe", "no folder for it"])
def test_what_can_be_no_log_is_refused_before_the_work(
    kind: str, crate: Path, tmp_path: Path
) -> None:
    """One clear error, no verdict, no report, and no wait for a pipe."""
    place = tmp_path / "log"
    if kind == "a folder":
        place.mkdir()
    elif kind == "a pipe":
        os.mkfifo(place)
    elif kind == "no folder for it":
        place = tmp_path / "x" / "log"
    shown = run("audit", place, timeout=30)
    assert (shown.code, shown.out) == (2, "")
    error_of(shown)
    if kind != "nowhere":
        shown = run("verify", crate, "--log", place, timeout=30)
        assert (shown.code, shown.out) == (2, "")
        error_of(shown)


def test_a_log_inside_of_the_crate_is_refused(crate: Path, tmp_path: Path) -> None:
    """It would change the crate with every verification of it."""
    for named in (crate, crate / "ro-crate-metadata.json"):
        shown = run("verify", named, "--log", crate / "log.jsonl")
        assert shown.code == 2
        assert "lies in the crate" in error_of(shown)
    assert run("verify", "crate", "--log", "crate.log", cwd=tmp_path).code == 0


def test_a_damaged_log_stops_a_verification_before_the_work(crate: Path, tmp_path: Path) -> None:
    """Whoever asked for a record gets no verdict without one."""
    log = written(tmp_path / "log", [LOG[0], LOG[2]])
    shown = run("verify", crate, "--log", log)

    assert (shown.code, shown.out) == (2, "")
    assert "nothing is added to it" in error_of(shown)
    assert log.read_bytes() == LOG[0] + LOG[2]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anything")
def test_a_log_that_may_not_be_written_is_refused(crate: Path, tmp_path: Path) -> None:
    """One clear error before the work."""
    log = written(tmp_path / "log", LOG)
    log.chmod(stat.S_IRUSR)
    with pytest.raises(WriteError):
        append(log, report_on("a"), NOW)
    assert run("verify", crate, "--log", log).code == 2


def test_lines_are_read_in_pieces_no_longer_than_a_record(tmp_path: Path) -> None:
    """A file without any line end takes no more memory than its pieces."""
    place = tmp_path / "log"
    with place.open("wb") as file:
        file.truncate(200_000_000)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (150_000_000,) * 2); "
        "from pathlib import Path; from crate_iscc.auditing.log import read_chain; "
        "print(read_chain(Path(sys.argv[1])).problem.id)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(place)], capture_output=True, check=True, timeout=60
    )
    assert done.stdout == b"log.changed\n"
    assert LONGEST_RECORD < 2_000_000


# --- what is told --------------------------------------------------------------------------------


def test_the_first_record_concerned_is_told_as_text_and_json(tmp_path: Path) -> None:
    """Both name it, and end with 1."""
    log = written(tmp_path / "log", [*LOG[:3], *LOG[4:]])
    text, value = run("audit", log), run("audit", log, "--format", "json")

    assert (text.code, value.code) == (1, 1)
    assert "missing  record 4: it is not there, record 5 stands in its place" in text.out
    assert text.lines[-1] == "INVALID: the log is not as it was written"
    read = json.loads(value.out)
    assert (read["verdict"], read["records"]) == ("invalid", 5)
    assert [(one["id"], one["line"]) for one in read["findings"]] == [("log.missing", 4)]
