"""The options that say how much is read: what they print, how they end, what they refuse."""

import json
import os
import subprocess
import time
from datetime import timedelta
from pathlib import Path

import pytest
import typer

from cli.cli_kit import COMMAND, run
from crate_iscc import build
from crate_iscc.cli.options import age


@pytest.mark.parametrize(("text", "hours"), [("12h", 12), ("30d", 720), ("8 w", 1344)])
def test_an_age_has_a_unit(text: str, hours: int) -> None:
    """Hours, days and weeks."""
    assert age(text) == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "30", "d", "0d", "-1d", "1.5d", "30D", "3 months", "99999d"])
def test_what_is_no_age_is_refused(text: str) -> None:
    """An age without a unit could be anything."""
    with pytest.raises(typer.BadParameter, match="no span of time"):
        age(text)


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a crate of 60 files."""
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(60):
        (folder / f"{n}.csv").write_bytes(b"%d;" % n)
    build(folder, name="Many", licence="CC0-1.0")
    return folder


def test_the_command_prints_a_seed_that_repeats_it(many: Path) -> None:
    """Without --seed one is drawn, and printed; the exit code is 3, or 1 where damage is found."""
    first = run("verify", many, "--sample", "10", "--format", "json")
    sample = json.loads(first.out)["sample"]
    again = run("verify", many, "--sample", "10", "--seed", sample["seed"], "--format", "json")

    assert (first.code, again.code) == (3, 3)
    assert json.loads(again.out) == json.loads(first.out)
    assert run("verify", many, "--sample", "100%").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--sample", "0"), "is no sample"),
        (("--sample", "1%", "--quick"), "exclude"),
        (("--sample", "1%", "--full"), "exclude"),
        (("--sample", "1%", "--since"), "exclude each other"),
        (("--sample", "1%", "--resume"), "needs a --seed"),
        (("--seed", "x"), "is for --sample"),
        (("--max-age", "3d"), "is for --since"),
        (("--since", "--max-age", "3 years"), "is no span of time"),
        (("--resume", "--since"), "exclude each other"),
        (("--journal", "j"), "is for --resume and --since"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    many: Path, options: tuple[str, ...], message: str
) -> None:
    """A contradiction is a usage error, told before anything is read."""
    outcome = run("verify", many, *options)

    assert outcome.code == 2
    assert message in " ".join(outcome.err.split())
    assert not outcome.out


def test_a_journal_that_cannot_grow_ends_the_run_and_keeps_what_it_has(
    many: Path, tmp_path: Path
) -> None:
    """Where the disk is full, the command says so, and goes on when there is room."""
    resource = pytest.importorskip("resource")
    for n in range(3):
        (many / f"{n}.csv").write_bytes(bytes([n]) * 1_200_000)
    build(many)
    time.sleep(0.1)
    place = tmp_path / "a.journal"
    options = ["verify", str(many), "--resume", "--journal", str(place), "--format", "json"]

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5100, 5100))

    full = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, preexec_fn=little_room, check=False
    )
    assert full.returncode == 2
    assert "the journal" in full.stderr
    assert "cannot be kept" in full.stderr
    assert "Traceback" not in full.stderr

    outcome = run(*options)
    assert outcome.code == 0
    assert 0 < json.loads(outcome.out)["earlier"]["files"] < 60


def test_the_journal_lies_in_the_state_folder(many: Path, tmp_path: Path) -> None:
    """Without --journal it has a name of its own below XDG_STATE_HOME, for its owner alone."""
    time.sleep(0.1)
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}

    assert run("verify", many, "--resume", env=env).code == 0
    (place,) = (tmp_path / "state" / "crate-iscc" / "journals").iterdir()
    assert place.suffix == ".journal"
    if os.name == "posix":
        assert place.stat().st_mode & 0o077 == 0
    outcome = run("verify", many / "ro-crate-metadata.json", "--since", env=env)
    assert outcome.code == 0
    assert "60 files were unchanged and not read again (--since)" in outcome.out


def test_a_sample_is_resumed_with_its_seed(many: Path, tmp_path: Path) -> None:
    """What a sample has read is in the journal too."""
    time.sleep(0.1)
    options = ["--journal", str(tmp_path / "j"), "--format", "json"]
    sample = ["--sample", "10", "--seed", "s"]

    assert run("verify", many, *sample, "--resume", *options).code == 3
    outcome = run("verify", many, "--since", *options)
    assert outcome.code == 0
    assert json.loads(outcome.out)["earlier"]["files"] == 10


def test_an_audit_trail_tells_what_was_not_read(many: Path, tmp_path: Path) -> None:
    """A record of a sample, or of what was read before, says that it is one."""
    time.sleep(0.1)
    log, journal = tmp_path / "log", tmp_path / "j"
    run("verify", many, "--log", log, "--sample", "5", "--seed", "s")
    for _ in range(2):
        run("verify", many, "--log", log, "--since", "--journal", journal)

    sampled, first, second = map(json.loads, log.read_text(encoding="utf-8").splitlines())
    assert (sampled["verdict"], "unsampled" in sampled["not_checked"]) == ("incomplete", True)
    assert sampled["counts"]["not_sampled"] == 55
    assert "not_checked" not in first
    assert "unchanged" in second["not_checked"]
    assert run("audit", log).code == 0
