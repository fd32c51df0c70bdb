"""What is no regular file, or may not be read: named by each command, never followed, no hang."""

import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.crates import MANIFEST, METADATA, STUDY, write_files
from faults.failing_kit import FailingProcess
from file_watch import OPENED, Watch, only_where_files_can_be_watched

LINK = "a symbolic link, which is not followed"
REASONS = {
    "dangling": LINK,
    "in": LINK,
    "in folder": LINK,
    "loop": LINK,
    "loop folder": LINK,
    "out": LINK,
    "out folder": LINK,
    "pipe": "a named pipe, not a regular file",
    "socket": "a socket, not a regular file",
}
DEVICE = {"device": "a device, not a regular file"}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs links, pipes and permissions")


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder outside of the dataset."""
    return write_files(tmp_path / "outside", {"secret": b"secret"})


@pytest.fixture
def crate(failing: FailingProcess, tmp_path: Path) -> Path:
    """Return a crate in which nothing is odd."""
    folder = write_files(tmp_path / "study")
    assert failing.run("build", folder).code == 0
    return folder


def plant(folder: Path, outside: Path) -> dict[str, str]:
    """Put everything odd into a folder, and return what is to be said of it."""
    odd = folder / "odd"
    odd.mkdir()
    (odd / "in").symlink_to("../a.txt")
    (odd / "in folder").symlink_to("../raw", target_is_directory=True)
    (odd / "out").symlink_to(outside / "secret")
    (odd / "out folder").symlink_to(outside, target_is_directory=True)
    (odd / "dangling").symlink_to("nowhere")
    (odd / "loop").symlink_to("loop")
    (odd / "loop folder").symlink_to("..", target_is_directory=True)
    os.mkfifo(odd / "pipe")
    handle = os.open(odd, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:  # its address must be short
        server.bind(f"/proc/self/fd/{handle}/socket" if os.path.exists("/proc/self/fd") else "")
    os.close(handle)
    reasons = dict(REASONS)
    try:
        os.mknod(odd / "device", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        reasons |= DEVICE
    except PermissionError:
        pass
    return {f"odd/{name}": reason for name, reason in reasons.items()}


@only_where_files_can_be_watched
def test_everything_odd_is_named_by_every_command_and_never_followed(
    failing: FailingProcess, crate: Path, outside: Path
) -> None:
    """Build and sum end with 3, verify calls it extra; what links lead to is never opened."""
    reasons = plant(crate, outside)
    made = {name: (crate / name).read_bytes() for name in (METADATA, MANIFEST)}

    with Watch([outside, outside / "secret"]) as watch:
        built = failing.run("build", crate)
        packed = failing.run("build", crate, "-o", crate.parent / "x.zip")
        verified = failing.run("verify", crate, "--format", "json")
        summed = failing.run("sum", crate)
        whole = failing.run("sum", "--tree", crate)

    assert OPENED not in {kind for kinds in watch.seen.values() for kind in kinds}
    for ended in (built, packed):
        assert ended.code == 3, ended.err
        for path, reason in reasons.items():
            assert f"  unread  {path}: {reason}\n" in ended.err
    assert {name: (crate / name).read_bytes() for name in made} == made
    assert not (crate.parent / "x.zip").exists()
    found = {f["path"]: f["message"] for f in verified.json["findings"] if f["id"] == "bytes.extra"}
    assert (verified.code, found) == (1, reasons)
    assert verified.json["counts"]["match"] == len(STUDY)
    assert summed.code == 3
    assert len(summed.out.splitlines()) == len(STUDY) + 2
    for path, reason in reasons.items():
        assert f"error: {crate}/{path}: {reason}\n" in summed.err
    assert (whole.code, whole.out) == (3, "")
    assert whole.err.startswith(f"error: {crate}: no code can be given")


def test_what_stands_in_the_place_of_recorded_files_is_unread(
    failing: FailingProcess, crate: Path, outside: Path
) -> None:
    """A link, a pipe or a device where a file was says nothing of the file's bytes."""
    for path in ("a.txt", "raw/b.tif", "c.zarr/0/0"):
        (crate / path).unlink()
    (crate / "a.txt").symlink_to(outside / "secret")
    os.mkfifo(crate / "raw/b.tif")
    (crate / "c.zarr/0/0").symlink_to("0")

    ended = failing.run("verify", crate, "--format", "json")

    assert ended.code == 3
    assert ended.unread() == {
        "a.txt": LINK,
        "c.zarr/0/0": LINK,
        "raw/b.tif": "a named pipe, not a regular file",
    }


def test_hard_links_are_files(failing: FailingProcess, crate: Path) -> None:
    """A file with a second name elsewhere is a file; two names in one dataset are two files."""
    os.link(crate / "a.txt", crate.parent / "a second name")
    os.link(crate / "raw/b.tif", crate / "raw/b2.tif")

    assert failing.run("verify", crate).code == 1  # one more file than is recorded
    assert failing.run("build", crate).code == 0
    assert failing.run("verify", crate).code == 0


@pytest.mark.parametrize("command", [["build"], ["verify"], ["sum"], ["sum", "--tree"]], ids=str)
def test_what_is_named_itself_may_be_a_link_and_no_pipe(
    failing: FailingProcess, crate: Path, tmp_path: Path, command: list[str]
) -> None:
    """A link to the dataset is followed, as it was named; a pipe is refused and not waited for."""
    (tmp_path / "link").symlink_to(crate)
    os.mkfifo(tmp_path / "pipe")

    assert failing.run(*command, tmp_path / "link").code == 0
    ended = failing.run(*command, tmp_path / "pipe")
    assert ended.code in (2, 3)
    assert "pipe" in ended.err


# --- what may not be read ----------------------------------------------------------------------


@pytest.fixture
def open_crate(crate: Path) -> Iterator[Path]:
    """Return a crate that everybody can reach, and everybody may write to."""
    top = Path(tempfile.mkdtemp(prefix="crate-iscc-test-"))
    top.chmod(0o777)
    shutil.copytree(crate, top / "study")
    for place in (top, *top.rglob("*")):
        place.chmod(0o777 if place.is_dir() else 0o666)
    yield top / "study"
    for place in top.rglob("*"):
        if place.is_dir() and not place.is_symlink():
            place.chmod(0o777)
    shutil.rmtree(top)


DENIED = "Permission denied"


@pytest.mark.parametrize(
    ("path", "mode", "unread"),
    [
        ("a.txt", 0o000, {"a.txt": DENIED}),
        ("raw/large.bin", 0o222, {"raw/large.bin": DENIED}),
        (
            "raw",
            0o000,
            {p: f"its folder cannot be listed: {DENIED}" for p in STUDY if p.startswith("raw/")},
        ),
        # Its names can be listed and nothing behind them.
        ("raw", 0o444, {p: f"cannot be examined: {DENIED}" for p in STUDY if p.startswith("raw/")}),
        (
            "c.zarr",
            0o444,
            {
                "c.zarr/.zgroup": f"cannot be examined: {DENIED}",
                "c.zarr/0/0": f"its folder cannot be examined: {DENIED}",
            },
        ),
    ],
    ids=["file", "large file", "folder", "listable folder", "listable folder with a folder"],
)
def test_what_may_not_be_read_is_named_by_every_command(
    open_crate: Path, failing: FailingProcess, path: str, mode: int, unread: dict[str, str]
) -> None:
    """Verify calls it unread and checks the rest; build and sum end with 3, and name it."""
    (open_crate / path).chmod(mode)

    verified = failing.run("verify", open_crate, "--format", "json", as_nobody=True)
    built = failing.run("build", open_crate, as_nobody=True)
    summed = failing.run("sum", open_crate, as_nobody=True)

    assert (verified.code, verified.unread()) == (3, unread)
    assert {f["id"] for f in verified.json["findings"]} == {"bytes.unread"}
    assert verified.json["counts"]["match"] == len(STUDY) - len(unread)
    assert built.code == 3
    assert f"  unread  {path}" in built.err
    assert summed.code == 3
    assert f"error: {open_crate}/{path}" in summed.err
    assert len(summed.out.splitlines()) == len(STUDY) + 2 - len(unread)


@pytest.mark.parametrize("path", [METADATA, "", "../study.zip"], ids=["metadata", "root", "zip"])
def test_a_crate_that_may_not_be_read_is_one_clear_error(
    open_crate: Path, failing: FailingProcess, path: str
) -> None:
    """Without its metadata, its folder or its archive there is no verdict and no build."""
    if path.endswith(".zip"):
        assert failing.run("build", open_crate, "-o", open_crate / path).code == 0
        source = open_crate.parent / "study.zip"
    else:
        source = open_crate
    (open_crate / path).chmod(0)

    runs: list[list[str | Path]] = [
        ["verify", source],
        ["build", source, "-o", open_crate.parent / "new.zip"],
    ]
    for arguments in runs:
        ended = failing.run(*arguments, as_nobody=True)

        assert ended.code == 2
        assert ended.out == ""
        assert ended.err.startswith("error: ")
        assert DENIED in ended.err
        assert (METADATA if path == METADATA else source.name) in ended.err
    assert not (open_crate.parent / "new.zip").exists()


def test_a_manifest_file_that_may_not_be_read_is_unread(
    open_crate: Path, failing: FailingProcess
) -> None:
    """The files are checked all the same, and the verdict is incomplete."""
    (open_crate / MANIFEST).chmod(0)

    ended = failing.run("verify", open_crate, "--format", "json", as_nobody=True)

    assert (ended.code, ended.unread()) == (3, {MANIFEST: DENIED})
    assert ended.json["counts"]["match"] == len(STUDY)


@pytest.mark.parametrize("out", [None, "../target/x.zip", "../target/x"], ids=str)
def test_where_nobody_may_write_nothing_is_written(
    open_crate: Path, failing: FailingProcess, out: str | None
) -> None:
    """The error names the target and the reason, and all is as it was."""
    target = open_crate.parent / "target"
    target.mkdir()
    target.chmod(0o555)
    write_files(open_crate, {"new.txt": b"new"})
    (open_crate / "new.txt").chmod(0o444)
    open_crate.chmod(0o555)
    before = (open_crate / METADATA).read_bytes()
    place = open_crate / out if out else open_crate

    arguments: list[str | Path] = ["-o", place] if out else []
    ended = failing.run("build", open_crate, *arguments, as_nobody=True)

    assert ended.code == 2
    assert ended.err.startswith("error: cannot write ")
    assert ended.err.endswith(f"{place.name}\n  {DENIED}\n")
    assert (open_crate / METADATA).read_bytes() == before
    assert list(target.iterdir()) == []
