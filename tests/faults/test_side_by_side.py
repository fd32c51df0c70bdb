"""Builds and verifications of one folder at the same time never mix, and never get in a muddle."""

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from crate_iscc import Verdict, verify
from faults.crates import MANIFEST, METADATA, Kept, paths_below, unfinished, write_files
from faults.failing_kit import FailingProcess

FEW, MANY = 8, 60
BY_ANOTHER = "was written by somebody else meanwhile, and is left alone"


@pytest.mark.parametrize("rounds", [FEW, pytest.param(MANY, marks=pytest.mark.deep)])
def test_two_builds_and_a_verification_at_once(
    failing: FailingProcess, tmp_path: Path, rounds: int
) -> None:
    """One of the builds has its way, the other too or it says so; no verdict is on a mixture."""
    folder = write_files(tmp_path / "study")
    failing.run("build", folder)
    kept = Kept.of(folder)
    noise = Random(7)

    for number in range(rounds):
        # A change since the last build, so that each round has another manifest file.
        write_files(folder, {"new.txt": noise.randbytes(20)})
        *builds, one, two = failing.side_by_side(
            ["build", folder, "--name", f"one {number}"],
            ["build", folder, "--name", f"two {number}"],
            ["verify", folder, "--format", "json"],
            ["verify", folder, "--format", "json"],
        )

        assert sorted({0, *(ended.code for ended in builds)}) in ([0], [0, 2])
        for ended in builds:
            # Or what one was reading was replaced by the other.
            assert ended.code == 0 or any(s in ended.err for s in (BY_ANOTHER, METADATA, MANIFEST))
        for ended in (one, two):
            if ended.code == 2:
                assert (
                    "may have changed while it was verified" in ended.err or METADATA in ended.err
                )
                continue
            real = {f["path"] for f in ended.json["findings"] if f["id"] != "bytes.leftover"}
            assert real <= {"new.txt"}, ended
        metadata = (folder / METADATA).read_text(encoding="utf-8")
        assert sum(f'"{word} {number}"' in metadata for word in ("one", "two")) == 1
        assert Kept.of(folder) == kept
        assert unfinished(folder) == []
        assert verify(folder).verdict is Verdict.VALID


@pytest.mark.parametrize("out", ["x.zip", "x"])
def test_two_copies_to_one_place_at_once(failing: FailingProcess, tmp_path: Path, out: str) -> None:
    """What is there in the end is one whole crate; a build that lost says that it did."""
    folder = write_files(tmp_path / "study")
    target = tmp_path / out

    for _ in range(4):
        command: list[str | Path] = ["build", folder, "-o", target]
        ended = failing.side_by_side(command, command, command)

        assert 0 in {one.code for one in ended}
        for one in ended:
            assert one.code == 0 or str(target) in one.err
        assert verify(target).verdict is Verdict.VALID
        assert unfinished(tmp_path) == []
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)


@pytest.mark.parametrize("what", ["edited", "a pipe", "removed"])
def test_a_build_leaves_alone_what_somebody_else_wrote_meanwhile(
    failing: FailingProcess, tmp_path: Path, what: str
) -> None:
    """Metadata that are others than those that were read are not written over."""
    from crate_iscc.building.apply import apply
    from crate_iscc.building.plan import plan_build
    from crate_iscc.errors import WriteError

    folder = write_files(tmp_path / "study")
    failing.run("build", folder)
    write_files(folder, {"new.txt": b"new"})
    plan = plan_build(folder)
    edited = (folder / METADATA).read_bytes() + b"\n"
    (folder / METADATA).unlink()
    if what == "edited":
        (folder / METADATA).write_bytes(edited)
    elif what == "a pipe":
        os.mkfifo(folder / METADATA)
    there = paths_below(folder)
    manifest = (folder / MANIFEST).read_bytes()

    with pytest.raises(WriteError, match="is left alone"):
        apply(plan)

    assert what != "edited" or (folder / METADATA).read_bytes() == edited
    assert (folder / MANIFEST).read_bytes() == manifest
    assert paths_below(folder) == there
    assert unfinished(folder) == []
