"""Results go to stdout, everything else to stderr, in forms that people and programs can read."""

import json
import subprocess
from pathlib import Path

import pytest

from cli.cli_kit import COMMAND, environment, error_of, run, run_other
from verify.verify_kit import (
    AWKWARD,
    METADATA,
    flip_bit,
    hold_against_schema,
    write_files,
    zip_of,
)

ESCAPE = "\x1b["
ASCII = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}


# --- errors ------------------------------------------------------------------------------------


def test_an_error_has_a_cause_and_a_hint(tmp_path: Path) -> None:
    """What went wrong, why, and what to do next stand on a line each."""
    outcome = run("verify", tmp_path)

    assert outcome.err == (
        f"error: not an RO-Crate: {tmp_path}\n"
        f"  there is no {METADATA} at its root\n"
        "hint: make it one with: crate-iscc build\n"
    )


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_debug_shows_the_traceback_of_an_error(tmp_path: Path, place: int) -> None:
    """With --debug, wherever it stands, the traceback is there, and without it never."""
    words = ["verify", str(tmp_path), "--quick"]
    words.insert(place, "--debug")

    outcome = run(*words)

    assert outcome.code not in (0, 3)
    assert "Traceback (most recent call last)" in outcome.err
    assert "InputError" in outcome.err
    assert outcome.out == ""


def test_debug_changes_nothing_where_all_is_well(built: Path) -> None:
    """--debug shows nothing but failures."""
    assert run("--debug", "verify", built).out == run("verify", built).out


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "nowhere", "--format", "json"],
        ["verify", "nowhere", "--format=json"],
        ["verify", "nowhere", "--format", "jsonl"],
        ["verify", ".", "--format=jsonl"],
        ["verify", "--format", "json"],
        ["verify", ".", "--format", "json", "--fast"],
        ["verify", "nowhere", "--format", "json", "-o", "report.json"],
        ["build", "nowhere", "--format", "json"],
        ["show", "nowhere", "--format", "json"],
        ["sum", "nowhere", "--format", "json"],
    ],
    ids=" ".join,
)
def test_an_error_is_json_too_where_json_was_asked_for(
    tmp_path: Path, arguments: list[str]
) -> None:
    """Who reads stdout as JSON finds JSON there, and who reads stderr finds the same words."""
    outcome = run(*arguments, cwd=tmp_path)

    error = json.loads(outcome.out)["error"]
    assert outcome.code == 2
    assert error_of(outcome).startswith(f"error: {error['message']}\n")
    assert error.keys() == {"message", "cause", "hint"}
    assert outcome.out.count("\n") == 1
    for said in (error["cause"], error["hint"]):
        assert said is None or said in outcome.err


def test_a_path_cannot_forge_lines_of_an_error(tmp_path: Path) -> None:
    """What the user typed is shown on one line, whatever it holds."""
    outcome = run("verify", "x\nVALID\x1b[2J", cwd=tmp_path)

    assert outcome.code == 2
    assert "\nVALID" not in error_of(outcome)
    assert "\x1b" not in outcome.err


# --- formats -----------------------------------------------------------------------------------


def test_json_is_the_report_and_nothing_else(damaged: Path) -> None:
    """--format json prints one JSON object that the published schema describes."""
    outcome = run("verify", damaged, "--format", "json")

    report = json.loads(outcome.out)
    hold_against_schema(report)
    assert (outcome.code, outcome.err) == (1, "")
    assert (report["verdict"], report["subject"]) == ("invalid", str(damaged))
    assert [(f["id"], f["path"]) for f in report["findings"]] == [("bytes.changed", AWKWARD)]
    assert report["findings"][0]["distance"]["of"] == 128


def test_jsonl_is_a_record_a_line(damaged: Path) -> None:
    """--format jsonl prints each finding and last the summary; together they are the report."""
    outcome = run("verify", damaged, "--format", "jsonl")
    whole = json.loads(run("verify", damaged, "--format", "json").out)

    finding, summary = (json.loads(line) for line in outcome.lines)

    assert (finding.pop("record"), summary.pop("record")) == ("finding", "report")
    assert {**summary, "findings": [finding]} == whole
    assert outcome.code == 1


@pytest.mark.parametrize("arguments", [["show"], ["build", "--no-cache"], ["sum"]], ids=" ".join)
def test_json_is_all_that_other_commands_print(crate: Path, arguments: list[str]) -> None:
    """Every command with --format json prints one JSON value."""
    outcome = run(*arguments, crate, "--format", "json")

    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out)


@pytest.mark.parametrize("format_", ["text", "json", "jsonl"])
def test_a_report_file_takes_the_place_of_stdout(
    damaged: Path, tmp_path: Path, format_: str
) -> None:
    """With -o the report is in the file, in the asked format, and nothing is printed."""
    printed = run("verify", damaged, "--format", format_)
    place = tmp_path / "report"
    place.write_text("something older and longer\n" * 1000, encoding="utf-8")
    option = "-o" if format_ == "text" else "--output"

    outcome = run(
        "verify", damaged, "--format", format_, option, place, env={"FORCE_COLOR": "1", **ASCII}
    )

    assert (outcome.code, outcome.out, outcome.err) == (1, "", "")
    assert place.read_bytes() == printed.raw_out


@pytest.mark.parametrize("target", ["nowhere/report.json", "."])
def test_a_report_that_cannot_be_written_is_2(built: Path, tmp_path: Path, target: str) -> None:
    """Where the report ends up nowhere, the run is no success."""
    outcome = run("verify", built, "-o", tmp_path / target)

    assert (outcome.code, outcome.out) == (2, "")
    assert "cannot write the report" in error_of(outcome)


def test_a_full_disk_is_2(built: Path) -> None:
    """Where stdout takes nothing, the run is no success, and ends without a traceback."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "verify", str(built)],
            stdout=full,
            stderr=subprocess.PIPE,
            env=environment(),
            timeout=60,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr.decode().startswith("error: ")
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_closed_stderr_costs_no_verdict(built: Path, tmp_path: Path) -> None:
    """Where nobody wants to hear of errors, as in some daemons, the verdict stays the same."""
    outcome = run_other(["sh", "-c", f"{' '.join(COMMAND)} verify {built} 2>&-"], tmp_path)

    assert outcome.code == 0
    assert outcome.out == run("verify", built).out


def test_a_closed_stdout_is_2(built: Path, tmp_path: Path) -> None:
    """Where there is nowhere to write the result to, that is said, and is no fault of ours."""
    outcome = run_other(["sh", "-c", f"{' '.join(COMMAND)} verify {built} >&-"], tmp_path)

    assert outcome.code == 2
    assert "fault of crate-iscc" not in error_of(outcome)


# --- colour ------------------------------------------------------------------------------------


def test_a_pipe_gets_no_colour(damaged: Path) -> None:
    """Without a terminal there is no control code."""
    assert ESCAPE not in run("verify", damaged).out


def test_colour_can_be_forced(damaged: Path) -> None:
    """FORCE_COLOR colours a pipe, and takes no word away."""
    plain = run("verify", damaged).out

    coloured = run("verify", damaged, env={"FORCE_COLOR": "1"}).out

    bare = coloured
    for code in ("32", "1;31", "33", "2", "0"):
        bare = bare.replace(f"{ESCAPE}{code}m", "")
    assert ESCAPE in coloured
    assert bare == plain


@pytest.mark.parametrize("command", [["verify"], ["show"]], ids=" ".join)
def test_no_colour_wins(damaged: Path, command: list[str]) -> None:
    """NO_COLOR wins over FORCE_COLOR; an empty NO_COLOR says nothing."""
    both = run(*command, damaged, env={"NO_COLOR": "1", "FORCE_COLOR": "1"})
    empty = run(*command, damaged, env={"NO_COLOR": "", "FORCE_COLOR": "1"})

    assert ESCAPE not in both.out
    assert ESCAPE in empty.out


@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_json_has_no_colour(damaged: Path, format_: str) -> None:
    """Control codes never get into JSON."""
    outcome = run("verify", damaged, "--format", format_, env={"FORCE_COLOR": "1"})

    assert ESCAPE not in outcome.out


# --- encodings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, ASCII], ids=["C", "ascii"])
@pytest.mark.parametrize("command", ["verify", "show", "sum"])
def test_a_poor_encoding_ends_no_run(built: Path, env: dict[str, str], command: str) -> None:
    """Where the encoding lacks letters the result is still there, and so is the exit code."""
    outcome = run(command, built, env=env)

    assert (outcome.code, outcome.raw_err) == (0, b"")
    assert len(outcome.raw_out) > 150


FOR_MACHINES: list[list[str]] = [
    ["verify", "--format", "json"],
    ["verify", "--format", "jsonl"],
    ["show", "--format", "json"],
    ["sum", "--format", "json"],
    ["sum"],
    ["sum", "--format", "b3sum"],
]


@pytest.mark.parametrize("arguments", FOR_MACHINES, ids=" ".join)
def test_machines_get_the_same_bytes_everywhere(damaged: Path, arguments: list[str]) -> None:
    """JSON and checksum lines are UTF-8 whatever the terminal speaks: names must survive."""
    plain = run(*arguments, damaged)

    poor = run(*arguments, damaged, env=ASCII)

    assert poor.raw_out == plain.raw_out


def test_json_is_utf_8_where_the_terminal_is_latin_1(damaged: Path) -> None:
    """JSON has one encoding, which is not the terminal's."""
    outcome = run("verify", damaged, "--format", "json", env={"PYTHONIOENCODING": "latin-1"})

    assert json.loads(outcome.raw_out.decode("utf-8"))["findings"][0]["path"] == AWKWARD


def test_an_error_in_a_poor_encoding_is_still_an_error(tmp_path: Path) -> None:
    """A name that the encoding lacks is shown with escapes."""
    outcome = run("verify", tmp_path / "f\u00e4rbung", env=ASCII)

    assert outcome.code == 2
    assert outcome.raw_err.isascii()
    assert b"f\\xe4rbung" in outcome.raw_err


# --- broken pipes ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["verify"], ["verify", "--format", "json"], ["sum"], ["show"], ["explain"], ["--help"]],
    ids=" ".join,
)
def test_a_reader_that_is_gone_is_no_fault(built: Path, arguments: list[str]) -> None:
    """Where nobody reads stdout any more, the program ends quietly."""
    words = arguments if arguments[0] in ("explain", "--help") else [*arguments, str(built)]
    process = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    with process.stderr:
        said = process.stderr.read()
    code = process.wait(60)

    assert said == b""
    assert code != 0


def test_head_takes_the_first_line_of_many(tmp_path: Path) -> None:
    """More output than a pipe holds, cut by head, ends quietly too."""
    folder = write_files(tmp_path / "many", {f"{n:0100}": b"" for n in range(1500)})
    line = f"{' '.join(COMMAND)} sum {folder} | head -1"

    outcome = run_other(["sh", "-c", line], tmp_path)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("ISCC:K4A")
    assert outcome.out.count("\n") == 1


# --- progress ----------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["verify"], ["verify", "--full"], ["sum"]], ids=" ".join)
def test_plain_progress_is_lines_on_stderr(built: Path, arguments: list[str]) -> None:
    """--progress plain tells bytes, files and rate, and leaves stdout as it is."""
    quiet = run(*arguments, built)

    outcome = run(*arguments, built, "--progress", "plain")

    assert (outcome.code, outcome.out) == (0, quiet.out)
    for line in outcome.err.splitlines():
        step, _, rest = line.partition(": ")
        assert step in ("verifying", "fingerprinting")
        assert rest.endswith("/s")
        assert " MB of " in rest
        assert " files, " in rest
    assert outcome.err.count("\n") >= 1


@pytest.mark.parametrize("format_", ["text", "json"])
def test_json_progress_is_records_on_stderr(built: Path, format_: str) -> None:
    """--progress json writes an object a line, and the last one tells that all is done."""
    outcome = run("verify", built, "--progress", "json", "--format", format_)

    *_, last = (json.loads(line) for line in outcome.err.splitlines())
    assert last["record"] == "progress"
    assert (last["step"], last["done_files"], last["total_files"]) == ("verifying", 77, 77)
    assert last["done_bytes"] == last["total_bytes"] > 3_000_000
    assert last["seconds"] >= 0
    assert "progress" not in outcome.out


@pytest.mark.parametrize("kind", ["auto", "none", "bar"])
def test_other_progress_leaves_a_pipe_alone(built: Path, kind: str) -> None:
    """Off a terminal there is no bar, not even a control code of one."""
    outcome = run("verify", built, "--progress", kind)

    assert outcome.code == 0
    assert "\x1b" not in outcome.out + outcome.err
    assert outcome.err.strip() == ""


def test_a_changed_file_has_a_step_of_its_own(crate: Path, tmp_path: Path) -> None:
    """The second look at what differs is told as such."""
    flip_bit(crate / "raw/cell.ome.tif")
    archive = zip_of(crate, tmp_path / "crate.zip")

    outcome = run("verify", archive, "--progress", "json")

    steps = [json.loads(line)["step"] for line in outcome.err.splitlines()]
    assert list(dict.fromkeys(steps)) == ["verifying", "comparing"]


@pytest.mark.parametrize("words", [("show",), ("verify",), ("validate", "--level", "may")])
def test_half_a_surrogate_pair_in_metadata_breaks_no_json(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    """JSON may hold one in an escape, and no encoding can: it is written as an escape again."""
    crate = write_files(tmp_path / "crate", {"a.txt": b"1"})
    assert run("build", crate).code == 0
    text = (crate / METADATA).read_text(encoding="utf-8")
    odd = text.replace('"name": "', '"name": "\\ud800').replace("#crate-iscc", "#\\udcff\\ud83d")
    (crate / METADATA).write_text(odd, encoding="utf-8")

    outcome = run(*words, crate, "--format", "json")

    assert outcome.code in (0, 1), outcome.err
    json.loads(outcome.out)
    assert "fault" not in outcome.err
