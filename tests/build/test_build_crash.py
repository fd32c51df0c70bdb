"""Killed, out of space or without permission: what was there before is there still, whole."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from build_support import (
    MANIFEST,
    METADATA,
    NOW,
    command,
    contents_of,
    environment,
    manifest_bytes,
    metadata_bytes,
    paths_below,
    state_of,
    write_tree,
)

from crate_iscc import BuildOptions, Description, Verdict, build, plan_build, verify

MANY = {f"raw/{number:04}.tif": b"%d" % number for number in range(800)} | {"a.zarr/.zgroup": b"{}"}


# --- killed ------------------------------------------------------------------------------------


def _start(*arguments: str | Path, home: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        command(*arguments),
        # An interrupt can strike between any two steps, so what it leaves open is no fault.
        env=environment(home, SOURCE_DATE_EPOCH=str(int(NOW.timestamp())), PYTHONWARNINGS=""),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _end_while_it_writes(
    process: "subprocess.Popen[bytes]", folder: Path, wait: float, how: signal.Signals
) -> tuple[int, str]:
    """Wait until a file is being written in `folder`, and a little longer, then send the signal.

    Returns the exit code and what stood on stderr.
    """
    deadline = time.monotonic() + 60
    while process.poll() is None and not list(folder.glob(".*.partial")):
        assert time.monotonic() < deadline, "the build never began to write"
        time.sleep(0.0002)
    time.sleep(wait)
    process.send_signal(how)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr.decode()


def _rounds(few: int, many: int) -> list[object]:
    return [*range(few), *(pytest.param(n, marks=pytest.mark.deep) for n in range(few, many))]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset with a crate; nobody changes it."""
    dataset = write_tree(tmp_path_factory.mktemp("built") / "study", MANY)
    build(dataset, name="before", now=NOW)
    return dataset


@pytest.mark.parametrize("number", _rounds(5, 60))
def test_a_build_in_place_that_is_killed_leaves_old_or_new_metadata_whole(
    built: Path, tmp_path: Path, number: int
) -> None:
    """Never a half of either; the payload is as it was; the next build clears up and verifies."""
    dataset = tmp_path / "study"
    shutil.copytree(built, dataset, copy_function=shutil.copy2)
    (dataset / "raw" / "new.tif").write_bytes(b"new")
    old = contents_of(dataset, without=frozenset())
    payload = state_of(dataset)
    new = plan_build(dataset, options=BuildOptions(description=Description(name="after")), now=NOW)

    process = _start("build", dataset, "--name", "after", home=tmp_path / "home")
    _end_while_it_writes(process, dataset, number * 0.0007, signal.SIGKILL)

    assert metadata_bytes(dataset) in (old[METADATA], new.metadata)
    assert (dataset / MANIFEST).read_bytes() in (old[MANIFEST], manifest_bytes(new))
    leftovers = {path for path in paths_below(dataset) if path.endswith(".partial")}
    left = state_of(dataset, without=frozenset({METADATA, MANIFEST, *leftovers}))
    assert left == payload
    build(dataset, name="after", now=NOW)
    assert metadata_bytes(dataset) == new.metadata
    assert not [path for path in paths_below(dataset) if path.endswith(".partial")]
    assert verify(dataset).verdict is Verdict.VALID


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a dataset that takes a moment to be written; nobody changes it."""
    files = {f"{number}.tif": bytes([number]) * (2 << 20) for number in range(20)}
    return write_tree(tmp_path_factory.mktemp("large") / "study", files)


@pytest.mark.parametrize("out", ["x.zip", "x"])
@pytest.mark.parametrize("number", _rounds(3, 40))
def test_a_copy_that_is_killed_is_there_whole_or_not_at_all(
    large: Path, tmp_path: Path, out: str, number: int
) -> None:
    """Under its name there is never a half crate; the dataset is as it was."""
    payload = state_of(large, without=frozenset())

    process = _start("build", large, "-o", tmp_path / out, home=tmp_path / "home")
    _end_while_it_writes(process, tmp_path, number * 0.011, signal.SIGKILL)

    assert state_of(large, without=frozenset()) == payload
    if (tmp_path / out).exists():
        assert verify(tmp_path / out).verdict is Verdict.VALID
    else:
        build(large, tmp_path / out)
        assert verify(tmp_path / out).verdict is Verdict.VALID


@pytest.mark.parametrize("out", ["x.zip", "x"])
def test_a_build_that_is_interrupted_clears_up_and_exits_130(
    large: Path, tmp_path: Path, out: str
) -> None:
    """Ctrl-C leaves nothing half-written, not even under another name."""
    process = _start("build", large, "-o", tmp_path / out, home=tmp_path / "home")
    code, stderr = _end_while_it_writes(process, tmp_path, 0, signal.SIGINT)

    assert code == 130
    assert stderr == "interrupted: nothing was left half-written\n"
    assert {place.name for place in tmp_path.iterdir()} == {"home"}


def test_what_a_killed_build_left_behind_does_not_get_into_the_crate(tmp_path: Path) -> None:
    """Its half-written files are no payload, and the next build removes them."""
    dataset = write_tree(
        tmp_path / "study",
        {
            "a.txt": b"a",
            ".ro-crate-metadata.json.x7_q1abc.partial": b"{",
            ".iscc-manifest.tsv.12345678.partial": b"",
            "raw/.ro-crate-metadata.json.x7_q1abc.partial": b"payload: not at the root",
        },
    )

    plan = build(dataset)

    paths = [file.path for file in plan.manifest.files]
    assert paths == ["a.txt", "raw/.ro-crate-metadata.json.x7_q1abc.partial"]
    assert {place.name for place in dataset.iterdir()} == {"a.txt", "raw", METADATA}
    assert verify(dataset).verdict is Verdict.VALID


def test_a_manifest_without_metadata_is_written_anew(tmp_path: Path) -> None:
    """So a first build leaves it that is killed between its two files."""
    dataset = write_tree(tmp_path / "study", {"a.txt": b"a"})
    plan = build(dataset, manifest_file=True)
    (dataset / METADATA).unlink()
    (dataset / "b.txt").write_bytes(b"b")

    again = build(dataset, manifest_file=True)

    assert manifest_bytes(plan) != manifest_bytes(again)
    assert verify(dataset).verdict is Verdict.VALID


def test_what_a_killed_build_left_behind_does_not_get_into_a_copy(tmp_path: Path) -> None:
    """The dataset itself is left untouched then."""
    leftover = ".ro-crate-metadata.json.x7_q1abc.partial"
    dataset = write_tree(tmp_path / "study", {"a.txt": b"a", leftover: b"{"})

    build(dataset, tmp_path / "x")

    assert paths_below(tmp_path / "x") == {"a.txt", METADATA}
    assert (dataset / leftover).exists()


# --- no space, no permission -------------------------------------------------------------------


def _namespace() -> list[str] | None:
    """Return a command that runs another with mounts of its own, or None where that cannot be."""
    if sys.platform != "linux" or not shutil.which("unshare"):
        return None
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    found = ["unshare", "--mount", *user, "sh", "-euc"]
    probe = subprocess.run([*found, "mount -t tmpfs none /mnt"], capture_output=True, check=False)
    return found if probe.returncode == 0 else None


@pytest.fixture(scope="module")
def namespace() -> list[str]:
    """Return the start of a command line behind which a shell script may mount file systems."""
    found = _namespace()
    if found is None:
        pytest.skip("mounting a file system is not allowed here")
    return found


def _run_mounted(
    namespace: list[str], script: str, *arguments: str | Path, home: Path
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*namespace, script, "sh", *map(str, arguments)],
        env=environment(home, SOURCE_DATE_EPOCH=str(int(NOW.timestamp()))),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# $1 mount point, $2 size, $3 where to put what is in there afterwards, $4 what to put in there
# before; then the command.
_ON_A_SMALL_DISK = """
place=$1 size=$2 after=$3 before=$4
shift 4
mount -t tmpfs -o size="$size" none "$place"
cp -a "$before"/. "$place"/
code=0
"$@" || code=$?
cp -a "$place"/. "$after"/
exit $code
"""


def test_a_full_disk_leaves_the_old_metadata_intact(namespace: list[str], tmp_path: Path) -> None:
    """The error says what happened; no half file stays, and the payload is untouched."""
    files = {f"raw/{number:03}.tif": b"%d" % number for number in range(200)}
    before = write_tree(tmp_path / "before", files)
    build(before, name="old", now=NOW)
    place, after = tmp_path / "place", tmp_path / "after"
    place.mkdir()
    after.mkdir()
    pages = sum(-(-p.stat().st_size // 4096) for p in before.rglob("*") if p.is_file())

    ended = _run_mounted(
        namespace,
        _ON_A_SMALL_DISK,
        place,
        str((pages + 8) * 4096),
        after,
        before,
        *command("build", place, "--name", "new"),
        home=tmp_path / "home",
    )

    assert ended.returncode == 2, ended.stderr
    assert ended.stderr == f"error: cannot write {place}\n  No space left on device\n"
    assert contents_of(after, without=frozenset()) == contents_of(before, without=frozenset())
    assert paths_below(after) == paths_below(before)
    assert verify(after).verdict is Verdict.VALID


@pytest.mark.parametrize("out", ["x.zip", "x"])
@pytest.mark.parametrize("compress", [[], ["--compress"]], ids=["stored", "deflated"])
def test_a_copy_onto_a_full_disk_leaves_nothing_behind(
    namespace: list[str], tmp_path: Path, out: str, compress: list[str]
) -> None:
    """The error says what happened, in two lines, and the disk is as empty as before."""
    noise = random.Random(1).randbytes(1 << 20)  # does not get smaller
    dataset = write_tree(tmp_path / "study", {"a.tif": noise, "b.tif": noise[::-1]})
    place, after, nothing = tmp_path / "place", tmp_path / "after", tmp_path / "nothing"
    for folder in (place, after, nothing):
        folder.mkdir()

    ended = _run_mounted(
        namespace,
        _ON_A_SMALL_DISK,
        place,
        "64k",
        after,
        nothing,
        *command("build", dataset, "-o", place / out, *compress),
        home=tmp_path / "home",
    )

    assert ended.returncode == 2, ended.stderr
    assert ended.stderr == f"error: cannot write {place / out}\n  No space left on device\n"
    assert paths_below(after) == set()
    assert paths_below(dataset) == {"a.tif", "b.tif"}


def test_a_cache_on_a_full_disk_is_no_failure(namespace: list[str], tmp_path: Path) -> None:
    """The build is done all the same, and nothing half-written stays in the cache."""
    dataset = write_tree(tmp_path / "study", MANY)
    home, after, nothing = tmp_path / "home", tmp_path / "after", tmp_path / "nothing"
    for folder in (home, after, nothing):
        folder.mkdir()

    ended = _run_mounted(
        namespace,
        _ON_A_SMALL_DISK,
        home,
        "32k",
        after,
        nothing,
        *command("build", dataset),
        home=home,
    )

    assert ended.returncode == 0, ended.stderr
    assert verify(dataset).verdict is Verdict.VALID
    assert not [path for path in paths_below(after) if not path.endswith("/")]


# $1 folder to make read-only; then the command.
_READ_ONLY = """
place=$1
shift
mount --bind "$place" "$place"
mount -o remount,ro,bind "$place"
exec "$@"
"""


def test_a_dataset_that_cannot_be_written_to_is_one_clear_error(
    namespace: list[str], tmp_path: Path
) -> None:
    """The error names it and the reason; a copy can still be made."""
    dataset = write_tree(tmp_path / "study", {"a.txt": b"a"})

    in_place = _run_mounted(
        namespace, _READ_ONLY, dataset, *command("build", dataset), home=tmp_path / "home"
    )
    copied = _run_mounted(
        namespace,
        _READ_ONLY,
        dataset,
        *command("build", dataset, "-o", tmp_path / "x.zip"),
        home=tmp_path / "home",
    )

    assert in_place.returncode == 2
    assert in_place.stderr == f"error: cannot write {dataset}\n  Read-only file system\n"
    assert paths_below(dataset) == {"a.txt"}
    assert copied.returncode == 0, copied.stderr
    assert verify(tmp_path / "x.zip").verdict is Verdict.VALID


def test_an_error_of_the_disk_is_json_where_json_was_asked_for(
    namespace: list[str], tmp_path: Path
) -> None:
    """A program learns of it on stdout."""
    dataset = write_tree(tmp_path / "study", {"a.txt": b"a"})

    ended = _run_mounted(
        namespace,
        _READ_ONLY,
        dataset,
        *command("build", dataset, "--format", "json"),
        home=tmp_path / "home",
    )

    assert json.loads(ended.stdout)["error"]["cause"] == "Read-only file system"
