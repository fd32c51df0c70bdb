"""Each exit code means one thing, for every command."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.cli_kit import Outcome, error_of, run
from crate_iscc import build
from verify.verify_kit import CELL, DAMAGES, METADATA, TABLE, Damage, flip_bit, zip_of
from verify.verify_nothing import NOTHING, Nothing, sizeless


@pytest.mark.parametrize("option", [[], ["--quick"], ["--full"], ["--jobs", "1"]], ids=str)
def test_a_valid_crate_is_0(built: Path, option: list[str]) -> None:
    """All was checked and is well: 0, with the verdict on stdout and nothing on stderr."""
    outcome = run("verify", built, *option)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.lines[-1].startswith("VALID: ")


@pytest.mark.parametrize("deflate", [False, True], ids=["stored", "deflated"])
def test_a_valid_zip_is_0(built: Path, tmp_path: Path, deflate: bool) -> None:
    """A zip is verified as it is."""
    archive = zip_of(built, tmp_path / "crate.zip", deflate=deflate, wrapper="wrap/")

    outcome = run("verify", archive)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.lines[-1].startswith("VALID: ")


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_a_damaged_crate_is_1(crate: Path, damage: Damage) -> None:
    """A problem was found: 1, with every path and the verdict on stdout, and a hint of more."""
    damage.inflict(crate)

    outcome = run("verify", crate)

    assert (outcome.code, outcome.err) == (1, "")
    assert "\nINVALID: the dataset is not as recorded\n" in outcome.out
    assert outcome.lines[-1].startswith("hint: crate-iscc explain bytes.")
    for _, path, moved_to in damage.findings:
        assert path is not None
        assert path in outcome.out
        assert (moved_to or "") in outcome.out


def test_a_damaged_zip_is_1(crate: Path, tmp_path: Path) -> None:
    """A damaged member is a problem as a damaged file is."""
    flip_bit(crate / CELL)

    assert run("verify", zip_of(crate, tmp_path / "crate.zip")).code == 1


def test_an_unreadable_file_is_3(crate: Path) -> None:
    """Something could not be read and nothing is wrong with the rest: 3."""
    (crate / TABLE).unlink()
    os.mkfifo(crate / TABLE)

    outcome = run("verify", crate, timeout=30)

    assert (outcome.code, outcome.err) == (3, "")
    assert "\nINCOMPLETE: " in outcome.out
    assert f"unread   {TABLE}\n" in outcome.out


def test_a_problem_wins_over_an_unreadable_file(crate: Path) -> None:
    """Where both are found it is 1."""
    (crate / TABLE).unlink()
    os.mkfifo(crate / TABLE)
    flip_bit(crate / CELL)

    assert run("verify", crate, timeout=30).code == 1


@pytest.mark.parametrize("nothing", NOTHING, ids=lambda nothing: nothing.name)
def test_no_verdict_is_2(tmp_path: Path, nothing: Nothing) -> None:
    """Where nothing can be checked it is 2, with one clear line and nothing on stdout."""
    source = nothing.make(tmp_path)

    outcome = run("verify", source)

    assert (outcome.code, outcome.out) == (2, "")
    assert nothing.word in error_of(outcome)


@pytest.mark.parametrize("with_treehash", [True, False], ids=["with treehash", "without"])
def test_quick_without_sizes_is_2(tmp_path: Path, with_treehash: bool) -> None:
    """--quick on a crate that records no size checks nothing, and is never 0."""
    outcome = run("verify", sizeless(tmp_path, with_treehash=with_treehash), "--quick")

    assert (outcome.code, outcome.out) == (2, "")
    error_of(outcome)


USAGE_ERRORS: dict[str, list[str]] = {
    "no such command": ["varify", "x"],
    "no such option": ["verify", "x", "--fast"],
    "no such format": ["verify", "x", "--format", "yaml"],
    "no such progress": ["verify", "x", "--progress", "dots"],
    "no argument": ["verify"],
    "no argument for build": ["build"],
    "no argument for sum": ["sum"],
    "no argument for show": ["show"],
    "one argument too many": ["show", "x", "y"],
    "no jobs": ["verify", "x", "--jobs", "0"],
    "jobs that are no number": ["verify", "x", "--jobs", "many"],
    "quick and full": ["verify", "x", "--quick", "--full"],
    "check and tree": ["sum", "-c", "--tree", "x"],
    "check and narrow": ["sum", "-c", "--narrow", "x"],
    "check and units": ["sum", "-c", "--units", "x"],
    "check and a format": ["sum", "-c", "--format", "b3sum", "x"],
    "b3sum and tree": ["sum", "--format", "b3sum", "--tree", "x"],
    "b3sum and narrow": ["sum", "--format", "b3sum", "--narrow", "x"],
    "b3sum and units": ["sum", "--format", "b3sum", "--units", "x"],
}


@pytest.mark.parametrize("arguments", USAGE_ERRORS.values(), ids=USAGE_ERRORS.keys())
def test_a_usage_error_is_2(arguments: list[str], tmp_path: Path) -> None:
    """What cannot be understood is 2, with a hint at the help."""
    outcome = run(*arguments, cwd=tmp_path)

    assert (outcome.code, outcome.out) == (2, "")
    assert "hint: see crate-iscc" in error_of(outcome)


def test_without_arguments_the_help_is_shown() -> None:
    """Who types the bare command sees what there is, not a failure of the program."""
    outcome = run()

    assert outcome.code in (0, 2)
    assert (outcome.out or outcome.err).startswith("Usage: crate-iscc")
    assert "\n  verify " in outcome.out + outcome.err


@pytest.mark.parametrize("command", ["verify", "build", "show", "sum"])
def test_an_empty_path_is_2(crate: Path, command: str) -> None:
    """A shell variable that was never set does not stand for the working directory."""
    before = sorted(crate.iterdir())

    outcome = run(command, "", cwd=crate, env={"XDG_CACHE_HOME": str(crate.parent / "cache")})

    assert (outcome.code, outcome.out) == (2, "")
    error_of(outcome)
    assert sorted(crate.iterdir()) == before


Make = Callable[[Path], list[str | Path]]


def _linked(files: Path) -> list[str | Path]:
    (files / "link").symlink_to("a.bin")
    return ["build", files, "--no-cache"]


def _piped(files: Path) -> list[str | Path]:
    os.mkfifo(files / "pipe")
    return ["sum", files / "pipe"]


def _piped_tree(files: Path) -> list[str | Path]:
    os.mkfifo(files / "pipe")
    return ["sum", files]


OTHERS: dict[str, tuple[int, Make]] = {
    "build": (0, lambda files: ["build", files, "--no-cache"]),
    "build into a zip": (0, lambda f: ["build", f, "--no-cache", "-o", f.parent / "x.zip"]),
    "build --dry-run": (0, lambda files: ["build", files, "--no-cache", "--dry-run"]),
    "build of nowhere": (2, lambda files: ["build", files / "nowhere", "--no-cache"]),
    "build of nothing": (2, lambda files: ["build", files / "empty.txt", "--no-cache"]),
    "build over something": (2, lambda f: ["build", f, "--no-cache", "-o", f]),
    "build with a link": (3, _linked),
    "sum": (0, lambda files: ["sum", files]),
    "sum of nowhere": (2, lambda files: ["sum", files / "nowhere"]),
    "sum of a pipe": (3, _piped),
    "sum of a folder with a pipe": (3, _piped_tree),
    "show of no crate": (2, lambda files: ["show", files]),
    "show of nowhere": (2, lambda files: ["show", files / "nowhere"]),
    "explain": (0, lambda _files: ["explain"]),
    "explain something": (0, lambda _files: ["explain", "bytes.changed"]),
    "explain nothing": (2, lambda _files: ["explain", "no.such-thing"]),
    "version": (0, lambda _files: ["--version"]),
    "help": (0, lambda _files: ["--help"]),
}


@pytest.mark.parametrize(("code", "make"), OTHERS.values(), ids=OTHERS.keys())
def test_every_command_ends_with_its_code(files: Path, code: int, make: Make) -> None:
    """Codes mean the same for all commands, and whatever fails says why."""
    outcome: Outcome = run(*make(files), timeout=30)

    assert outcome.code == code
    assert ("error: " in outcome.err) == (code != 0)


def test_sum_names_what_it_cannot_read_and_prints_the_rest(files: Path) -> None:
    """One unreadable file does not cost the codes of the others."""
    os.mkfifo(files / "pipe")

    outcome = run("sum", files / "a.bin", files / "pipe", files / "b.bin", timeout=30)

    assert outcome.code == 3
    assert [line.rpartition("/")[2] for line in outcome.lines] == ["a.bin", "b.bin"]
    assert "pipe: " in outcome.err


def test_a_tree_with_an_unreadable_file_gets_no_code(files: Path) -> None:
    """A code over a part of a tree does not exist."""
    os.mkfifo(files / "pipe")

    outcome = run("sum", "--tree", files, timeout=30)

    assert outcome.code == 3
    assert outcome.out == ""
    assert "pipe" in error_of(outcome)


def test_metadata_in_a_pipe_are_2(files: Path) -> None:
    """A pipe in the place of the metadata is refused at once."""
    build(files)
    (files / METADATA).unlink()
    os.mkfifo(files / METADATA)

    outcome = run("verify", files, timeout=30)

    assert (outcome.code, outcome.out) == (2, "")
    assert "named pipe" in error_of(outcome)
