"""Every crate of the corpus is answered with the finding that its folder is named after."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from attack_archives import quoted
from attack_cases import attacks
from attack_metadata import large_metadata
from attack_model import ERROR, INTACT, NO_VERDICT, VALID, Attack, crate, write
from attack_zip import archive, members_of
from make_attacks import make
from make_table import README, all_findings, with_table

from crate_iscc import CrateIsccError, Verdict, verify
from crate_iscc.cli.guard import Guard
from crate_iscc.cli.main import application
from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.render.formats import FORMATS
from crate_iscc.source_kinds import SOURCE_KINDS
from file_watch import Watch, only_where_files_can_be_watched

LONGEST = 60.0
"""Seconds for one small crate; it takes a few hundredths, more on a busy machine."""
MOST_MEMORY = 150 << 20
"""Bytes of memory of a process that verifies a bomb of gigabytes."""
SECRET = b"what lies outside of the crate"

NUMBERS = range(len(attacks()))
ALONE = [number for number in NUMBERS if attacks()[number].alone]
TOGETHER = [number for number in NUMBERS if not attacks()[number].alone]


def name_of(number: int) -> str:
    return attacks()[number].folder


each_attack = pytest.mark.parametrize("number", TOGETHER, ids=name_of)


# --- running the commands ----------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What a command left: its exit code, stdout, stderr, and the seconds that it took."""

    code: int
    out: str
    err: str
    seconds: float = 0.0

    @property
    def ids(self) -> set[str]:
        """The ids of the findings of a report in JSON, and of those of crates inside."""
        waiting = [json.loads(self.out)]
        found: set[str] = set()
        for report in waiting:
            found |= {finding["id"] for finding in report["findings"]}
            waiting += report.get("nested", ())
        return found


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command in this process, and knows what it may never say."""

    def command(*words: str | Path) -> Outcome:
        capfd.readouterr()
        started = time.monotonic()
        with Guard(debug=False, as_json="json" in words) as guard:
            guard.code = application()(
                list(map(str, words)), prog_name="crate-iscc", standalone_mode=False
            )
        seconds = time.monotonic() - started
        out, err = capfd.readouterr()
        outcome = Outcome(guard.code or 0, out, err, seconds)
        hold_clear(outcome)
        assert seconds < LONGEST
        return outcome

    return command


def hold_clear(outcome: Outcome) -> None:
    """Fail unless an outcome is a result, or one error in at most three lines."""
    assert "Traceback" not in outcome.out + outcome.err
    assert "fault of crate-iscc" not in outcome.err
    assert "\x1b" not in outcome.out + outcome.err
    if outcome.code == ERROR:
        first, *rest = outcome.err.splitlines()
        assert first.startswith("error: ")
        assert len(rest) <= 2
        for line in rest:
            assert line.startswith(("  ", "hint: "))


# --- a place with something to lose, and a server that must not be asked ------------------------


class _Canary(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    do_HEAD = do_POST = do_GET  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def canary() -> Iterator[tuple[int, list[str]]]:
    """Return the port of a server on the loopback, and the list of what it was asked."""
    asked: list[str] = []
    handler = type("Handler", (_Canary,), {"asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port, asked
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def with_port(canary: tuple[int, list[str]]) -> tuple[Attack, ...]:
    """Return all attacks, which name the canary where they name a server."""
    return attacks(canary[0])


_connections: list[str] = []
_watching = threading.Event()


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching.is_set() and event in ("socket.connect", "socket.getaddrinfo"):
        _connections.append(f"{event} {arguments[1:]}")


sys.addaudithook(_note)


@pytest.fixture
def unconnected(canary: tuple[int, list[str]]) -> Iterator[None]:
    """Fail if anything was asked of the canary, or any connection was begun."""
    _connections.clear()
    _watching.set()
    yield
    _watching.clear()
    assert _connections == []
    assert canary[1] == []


def state_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return all that lies below a folder: modes, sizes, and times."""
    found = {}
    for base, folders, files in os.walk(os.fsencode(folder)):
        for name in (*folders, *files):
            place = os.path.join(base, name)
            status = os.lstat(place)
            found[os.fsdecode(place)] = (status.st_mode, status.st_size, status.st_mtime_ns)
    return found


def made(attack: Attack, corpus: Path) -> list[Path]:
    """Return the crates of an attack, below a folder that lies beside a secret."""
    (corpus / attack.finding).mkdir(parents=True)
    for place in (corpus / "secret.txt", corpus / attack.finding / "secret.txt"):
        place.write_bytes(SECRET)
    try:
        return list(make(attack, corpus))
    except OSError as error:
        pytest.skip(f"this system cannot make it: {error.strerror}")


# --- the table ---------------------------------------------------------------------------------


@each_attack
def test_verify_says_what_the_folder_of_an_attack_is_called(
    number: int, with_port: tuple[Attack, ...], tmp_path: Path, run: Run, unconnected: None
) -> None:
    """The finding, the exit code, no traceback; nothing is written and nobody is asked."""
    attack = with_port[number]
    places = made(attack, tmp_path)
    before = state_of(tmp_path)

    for place in places:
        outcome = run("verify", place, "--format", "json", *attack.options)

        assert outcome.code == attack.code, outcome.out + outcome.err
        if attack.finding == NO_VERDICT:
            assert attack.words in outcome.err
            assert json.loads(outcome.out)["error"]["message"]
        elif attack.finding == VALID:
            assert {FINDING_KINDS[found].severity for found in outcome.ids} <= {Severity.INFO}
        else:
            assert attack.finding in outcome.ids
    assert state_of(tmp_path) == before


@each_attack
@pytest.mark.parametrize("command", ["validate", "show", "sum --tree"])
def test_other_commands_survive_every_attack(
    number: int,
    command: str,
    with_port: tuple[Attack, ...],
    tmp_path: Path,
    run: Run,
    unconnected: None,
) -> None:
    """Each ends with a result or one clear error, and writes nothing."""
    attack = with_port[number]
    places = made(attack, tmp_path)
    before = state_of(tmp_path)

    for place in places:
        run(*command.split(), place)

    assert state_of(tmp_path) == before


@each_attack
def test_build_survives_every_attack(
    number: int, with_port: tuple[Attack, ...], tmp_path: Path, run: Run, unconnected: None
) -> None:
    """It makes a whole new crate that can be verified, or none and says why; nothing else."""
    attack = with_port[number]
    places = made(attack, tmp_path)
    before = state_of(tmp_path)

    for place in places:
        target = tmp_path / "new.zip"
        outcome = run("build", place, "-o", target, "--no-cache", "--progress", "none")

        assert target.exists() is (outcome.code == INTACT), outcome.err
        if target.exists():
            assert SECRET not in target.read_bytes()
            report = verify(target)
            errors = {f.id for f in report.findings if f.severity is Severity.ERROR}
            assert not report.counts.unread
            assert errors <= {"path.unsafe", "bytes.missing", "fixity.malformed"}
            target.unlink()
        elif outcome.code != ERROR:
            assert outcome.err.splitlines()[-2].startswith("error: ")
    new = {path: state for path, state in state_of(tmp_path).items() if path not in before}
    assert new == {}


@only_where_files_can_be_watched
def test_no_attack_has_what_lies_outside_opened(tmp_path: Path, run: Run) -> None:
    """The kernel sees nobody touch a file to which names and links of all crates lead."""
    for number in TOGETHER:
        if attacks()[number].finding in ("path.unsafe", "file.special", "bytes.unread"):
            made(attacks()[number], tmp_path / str(number))
    secrets = sorted(tmp_path.rglob("secret.txt"))
    crates = [place for place in tmp_path.glob("*/*/*") if place.name != "secret.txt"]
    assert len(crates) > 100

    with Watch(secrets) as watch:
        for place in crates:
            run("verify", place)

    assert watch.seen == {}


# --- the table of the README -------------------------------------------------------------------


def test_the_table_of_the_readme_is_that_of_these_attacks() -> None:
    """What is claimed is what is tested; `python tests/attacks/make_table.py` writes it."""
    readme = README.read_text(encoding="utf-8")

    assert with_table(readme) == readme


KINDS = [kind for kind in SOURCE_KINDS if not kind.id.startswith(("tar.", "ozx.", "zarr."))]
"""The corpus is of folders and zips. Tars have attacks in tests/trees/test_tar_trees.py; of Zarrs
and zipped ones validate tells, not verify (tests/cli/test_cli_archives.py)."""


def test_every_kind_of_finding_about_names_archives_and_graphs_has_an_attack() -> None:
    """None of them is only promised, and no two attacks have one place in the corpus."""
    assert {kind.id for kind in KINDS} <= all_findings(attacks())
    assert len({attack.folder for attack in attacks()}) == len(attacks())


# --- bombs -------------------------------------------------------------------------------------


def measured(*words: str | Path) -> tuple[Outcome, int]:
    """Run a command as a process and return what it left, and its peak of memory in bytes."""
    # What resource tells on Linux counts the process that this one was forked from.
    code = (
        "import sys; from crate_iscc.cli.main import main\n"
        "try: main()\n"
        "finally: print(*open('/proc/self/status'), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    err, _, status = done.stderr.rpartition("Name:\t")
    outcome = Outcome(done.returncode, done.stdout, err)
    hold_clear(outcome)
    (peak,) = re.findall(r"^ *VmHWM:\s*(\d+) kB$", status, re.MULTILINE)
    return outcome, int(peak) << 10


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a part of Linux")
@pytest.mark.parametrize("number", ALONE, ids=name_of)
def test_a_bomb_fills_neither_memory_nor_disk(number: int, tmp_path: Path) -> None:
    """Gigabytes that a small zip declares pass by in pieces, and are not written anywhere."""
    attack = attacks()[number]
    (place,) = made(attack, tmp_path)
    before = state_of(tmp_path)
    assert place.stat().st_size < 3 << 20

    outcome, peak = measured("verify", place, "--format", "json", *attack.options)

    assert outcome.code == attack.code, outcome.err
    if attack.finding == NO_VERDICT:
        assert attack.words in outcome.err
    else:
        assert attack.finding in outcome.ids
    assert peak < MOST_MEMORY
    assert state_of(tmp_path) == before


def test_the_quoted_bomb_would_explode_elsewhere() -> None:
    """The fixture is what it is said to be: kilobytes that declare gigabytes."""
    raw = quoted(250, 20_000_000)

    assert len(raw) < 100_000


# --- every format ------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_shows_what_hostile_crates_are_found_to_be(
    format_: str, tmp_path: Path, run: Run
) -> None:
    """No name or id of theirs breaks a report, and the finding is in it."""
    for kind in KINDS:
        attack = next(attack for attack in attacks() if attack.finding == kind.id)
        place = made(attack, tmp_path / kind.id)[-1]

        outcome = run("verify", place, "--format", format_)

        assert outcome.code == attack.code
        label = kind.id.removeprefix("bytes.")
        # These two are for what is worth a look, and may leave out what is merely to be known.
        assert label in outcome.out or (
            kind.severity is Severity.INFO and format_ in ("junit", "github")
        )


# --- too many for a corpus ---------------------------------------------------------------------


def test_a_zip_cut_at_any_byte_has_no_verdict(tmp_path: Path) -> None:
    """Each of its prefixes is no readable zip, and says so in one error."""
    whole = archive(members_of(crate()))
    place = tmp_path / "cut.zip"

    for length in range(len(whole)):
        place.write_bytes(whole[:length])
        with pytest.raises(CrateIsccError):
            verify(place)

    place.write_bytes(whole)
    assert verify(place).verdict is Verdict.VALID


def test_metadata_cut_at_any_byte_have_no_verdict(tmp_path: Path) -> None:
    """Each prefix of the JSON is none."""
    files = crate()
    write(files, tmp_path)
    place = tmp_path / "ro-crate-metadata.json"

    for length in range(0, len(files[place.name]), 7):
        place.write_bytes(files[place.name][:length])
        with pytest.raises(CrateIsccError, match="not JSON"):
            verify(tmp_path)


@pytest.mark.deep
def test_200_megabytes_of_metadata_are_read(tmp_path: Path) -> None:
    """They take their time and have a verdict."""
    write(large_metadata(200_000_000), tmp_path)
    assert (tmp_path / "ro-crate-metadata.json").stat().st_size > 190_000_000

    assert verify(tmp_path).verdict is Verdict.VALID
