"""The DANDI checksum beside the codes is what the zarr-checksum package computes."""

import json
import shutil
from pathlib import Path

import pytest
import zarr
from zarr_checksum import compute_zarr_checksum
from zarr_checksum.generators import yield_files_local

from cli.cli_kit import error_of, iscc_sum, run
from compare.compare_kit import as_text, compared
from verify.verify_kit import CELL_ZARR, CHUNK, IHC_ZARR, flip_bit, write_files, zip_of


def theirs(folder: Path) -> str:
    """Return what the zarr-checksum package computes of a folder."""
    return str(compute_zarr_checksum(yield_files_local(folder)))


@pytest.mark.parametrize("zarr_path", [CELL_ZARR, IHC_ZARR])
def test_sum_prints_it_below_the_code(study: Path, tmp_path: Path, zarr_path: str) -> None:
    """From a folder and from its zip; the code is the one without it."""
    archive = zip_of(study / zarr_path, tmp_path / "x.zarr.zip", deflate=True)

    for place in (study / zarr_path, archive):
        bare = run("sum", "--tree", place)
        outcome = run("sum", "--tree", "--dandi", place)

        assert outcome.code == 0
        assert outcome.out == bare.out + f"  DANDI:{theirs(study / zarr_path)}\n"


def test_sum_gives_it_to_machines(study: Path) -> None:
    """As a member of its own; without the option there is none."""
    (value,) = json.loads(run("sum", "--tree", "--dandi", study, "--format", "json").out)
    (bare,) = json.loads(run("sum", "--tree", study, "--format", "json").out)

    assert value == bare | {"dandi": theirs(study)}


def test_a_list_with_it_is_still_checked(study: Path, tmp_path: Path) -> None:
    """By this command, and by iscc-sum as far as that reads lines below a code."""
    listed = run("sum", "--tree", "--dandi", "--units", study / CELL_ZARR)
    (tmp_path / "sums.txt").write_text(listed.out, encoding="utf-8")

    outcome = run("sum", "-c", tmp_path / "sums.txt")

    assert (outcome.code, outcome.lines) == (0, [f"{study / CELL_ZARR}/: OK".replace("//", "/")])
    assert ": OK" in iscc_sum("-c", tmp_path / "sums.txt", cwd=tmp_path).out


def test_files_that_the_code_leaves_out_are_in_it(tmp_path: Path) -> None:
    """IEP-0017 leaves out some files, dandi-cli others; zarr-checksum leaves out none."""
    files = {
        "zarr.json": b"{}",
        "c/0": b"1",
        "x.iscc.json": b"{}",
        ".isccignore": b"c/\n",
        ".git/config": b"[core]\n",
        ".dandi/x": b"x",
        ".gitattributes": b"",
        "größe/é": b"2",
    }
    folder = write_files(tmp_path / "x.zarr", files)

    outcome = run("sum", "--tree", "--dandi", folder)

    assert outcome.lines[1] == f"  DANDI:{theirs(folder)}"


def test_sum_gives_it_of_trees_only(study: Path) -> None:
    """Of a single file it is the MD5, and another command's matter."""
    for options in (["--dandi"], ["--dandi", "-c"], ["--dandi", "--tree", "--format", "b3sum"]):
        outcome = run("sum", study, *options)

        assert outcome.code == 2
        assert error_of(outcome)


def test_compare_gives_it_for_each_zarr_on_both_sides(
    study: Path, built: Path, tmp_path: Path
) -> None:
    """In a crate by the Zarr's path; equal where the members are, else not."""
    other = shutil.copytree(built, tmp_path / "other")
    flip_bit(other / CHUNK)

    code, answer = compared(study, other, "--dandi")

    assert code == 1
    assert answer["a"]["dandi"] == [
        {"path": folder, "checksum": theirs(study / folder)} for folder in (CELL_ZARR, IHC_ZARR)
    ]
    assert answer["b"]["dandi"][0] == {"path": CELL_ZARR, "checksum": theirs(other / CELL_ZARR)}
    assert answer["a"]["dandi"][0] != answer["b"]["dandi"][0]
    assert answer["a"]["dandi"][1] == answer["b"]["dandi"][1]


def test_compare_shows_it_to_people(tmp_path: Path) -> None:
    """Of the whole where that is a Zarr, also one that is a crate, or where there is no Zarr."""
    group = zarr.create_group(tmp_path / "x.zarr")
    group.create_array("a", shape=(4,), dtype="uint8")[:] = 1
    plain = write_files(tmp_path / "plain", {"a": b"1", "b/c": b"2"})
    crate = shutil.copytree(tmp_path / "x.zarr", tmp_path / "crate.zarr")
    (crate / "ro-crate-metadata.json").write_bytes(b"{}")

    for folder in (tmp_path / "x.zarr", plain, crate):
        outcome = as_text(folder, folder, "--dandi")

        assert outcome.lines.count(f"   DANDI    {theirs(folder)}") == 2


def test_a_zarr_that_was_not_read_whole_has_none(study: Path, tmp_path: Path) -> None:
    """A checksum over some of its files must not exist; the other Zarr has its own."""
    other = shutil.copytree(study, tmp_path / "other")
    (other / CHUNK).unlink()
    (other / CHUNK).symlink_to("nowhere")

    code, answer = compared(study, other, "--dandi")

    assert code == 3
    assert answer["b"]["dandi"] == [
        {"path": CELL_ZARR, "checksum": None},
        {"path": IHC_ZARR, "checksum": theirs(study / IHC_ZARR)},
    ]
    assert run("sum", "--tree", "--dandi", other / CELL_ZARR).code == 3
