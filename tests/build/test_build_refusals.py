"""What build refuses, by name and before anything is written."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from build_support import METADATA, PLAIN, crate_iscc, paths_below, state_of, write_tree, zip_of

from crate_iscc import (
    BuildPlan,
    CrateIsccError,
    InputError,
    Progress,
    ReadError,
    UnreadPayloadError,
    apply,
    build,
    plan_build,
)
from file_watch import Watch, only_where_files_can_be_watched


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a dataset without a crate."""
    return write_tree(tmp_path / "study", PLAIN)


# --- targets -----------------------------------------------------------------------------------


TARGETS: dict[str, tuple[Callable[[Path], object] | None, str]] = {
    "a file": (lambda p: (p / "there").write_bytes(b"precious"), "there"),
    "a zip": (lambda p: (p / "there.zip").write_bytes(zip_of({"a": b"precious"})), "there.zip"),
    "a folder with something in it": (lambda p: write_tree(p / "there", {"a": b"x"}), "there"),
    "an empty folder that is named like a zip": (lambda p: (p / "there.zip").mkdir(), "there.zip"),
    "a link into nothing": (lambda p: (p / "link.zip").symlink_to("nowhere.zip"), "link.zip"),
    "a link to the dataset": (lambda p: (p / "link").symlink_to("study"), "link"),
    "the dataset": (None, "study"),
    "inside the dataset": (None, "study/copy"),
    "inside the dataset, a zip": (None, "study/raw/copy.zip"),
    "inside the dataset, through a link": (
        lambda p: (p / "side door").symlink_to("study/raw"),
        "side door/copy.zip",
    ),
    "inside the dataset, by a detour": (None, "study/../study/copy.zip"),
    "below a folder that is not there": (None, "missing/copy.zip"),
    "below a file": (lambda p: (p / "file").write_bytes(b""), "file/copy"),
}
"""What has to be made for a target that build must refuse, and what the user then names."""


@pytest.mark.parametrize("kind", TARGETS)
def test_a_target_that_cannot_be_is_refused_and_nothing_is_written(
    dataset: Path, tmp_path: Path, kind: str
) -> None:
    """The error names it; everything that was there still is, and nothing else."""
    prepare, name = TARGETS[kind]
    if prepare:
        prepare(tmp_path)
    target = tmp_path / name
    before, state = paths_below(tmp_path), state_of(tmp_path, without=frozenset())

    with pytest.raises(InputError) as caught:
        build(dataset, target)

    assert caught.value.message
    assert paths_below(tmp_path) == before
    assert state_of(tmp_path, without=frozenset()) == state


def test_an_existing_target_is_refused_before_anything_is_read(
    dataset: Path, tmp_path: Path
) -> None:
    """A user does not wait an hour for that answer."""
    (tmp_path / "there.zip").write_bytes(b"")
    states: list[Progress] = []

    with pytest.raises(InputError, match="exists already"):
        build(dataset, tmp_path / "there.zip", progress=states.append)

    assert states == []


def test_the_command_says_what_to_do_about_a_target(dataset: Path, tmp_path: Path) -> None:
    """Error and hint, on stderr; exit code 2."""
    (tmp_path / "there.zip").write_bytes(b"")

    ran = crate_iscc(
        "build", dataset, "-o", tmp_path / "there.zip", home=tmp_path / "home", expect=2
    )

    assert ran.stdout == ""
    assert ran.stderr.splitlines() == [
        f"error: the output exists already: {tmp_path / 'there.zip'}",
        "hint: remove it, or name another",
    ]


# --- sources -----------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"plain text", b"PK\x03\x04 and then nothing"])
def test_a_file_that_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    """It is no dataset, and stays what it is."""
    (tmp_path / "file").write_bytes(content)

    with pytest.raises(InputError):
        build(tmp_path / "file", tmp_path / "x.zip")

    assert paths_below(tmp_path) == {"file"}


def _plant(kind: str, place: Path) -> None:
    match kind:
        case "symlink to a file":
            place.symlink_to("empty.txt")
        case "symlink to a folder":
            place.symlink_to("raw")
        case "symlink out of the dataset":
            place.symlink_to("/etc/hostname")
        case "symlink into nothing":
            place.symlink_to("nowhere")
        case "symlink to itself":
            place.symlink_to(place.name)
        case "named pipe":
            os.mkfifo(place)
        case "socket":
            _make_socket(place)
        case "device":
            os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        case _:
            raise AssertionError(kind)


def _make_socket(place: Path) -> None:
    """Make a socket by a short path: its address is limited to some hundred bytes."""
    folder = os.open(place.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{folder}/{place.name}")
    finally:
        os.close(folder)


needs_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make a device"
)
KINDS = [
    ("symlink to a file", "a symbolic link, which is not followed"),
    ("symlink to a folder", "a symbolic link, which is not followed"),
    ("symlink out of the dataset", "a symbolic link, which is not followed"),
    ("symlink into nothing", "a symbolic link, which is not followed"),
    ("symlink to itself", "a symbolic link, which is not followed"),
    ("named pipe", "a named pipe, not a regular file"),
    ("socket", "a socket, not a regular file"),
    pytest.param("device", "a device, not a regular file", marks=needs_root),
]


@pytest.mark.parametrize(("kind", "reason"), KINDS)
@pytest.mark.parametrize("out", [None, "x.zip", "x"], ids=["in place", "zip", "directory"])
def test_what_is_no_regular_file_is_refused_by_name(
    dataset: Path, tmp_path: Path, kind: str, reason: str, out: str | None
) -> None:
    """The error names the path and what it is; nothing is written anywhere."""
    _plant(kind, dataset / "raw" / "strange")
    before = paths_below(tmp_path)

    with pytest.raises(UnreadPayloadError) as caught:
        build(dataset, tmp_path / out if out else None)

    assert [(item.path, item.reason) for item in caught.value.unread] == [("raw/strange", reason)]
    assert paths_below(tmp_path) == before


def test_the_command_names_all_of_them_and_exits_3(dataset: Path, tmp_path: Path) -> None:
    """A pipe without a writer does not make it wait."""
    _plant("named pipe", dataset / "pipe")
    _plant("symlink to a folder", dataset / "link")

    ran = crate_iscc("build", dataset, home=tmp_path / "home", expect=3)

    assert ran.stdout == ""
    lines = ran.stderr.splitlines()
    assert sorted(lines[:2]) == [
        "  unread  link: a symbolic link, which is not followed",
        "  unread  pipe: a named pipe, not a regular file",
    ]
    assert lines[2].startswith("error: 2 of the files cannot be fingerprinted")
    assert lines[3].startswith("hint: ")
    assert not (dataset / METADATA).exists()


@only_where_files_can_be_watched
def test_what_a_link_leads_to_is_not_touched(dataset: Path, tmp_path: Path) -> None:
    """The kernel sees the file behind the link neither opened nor read."""
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"secret")
    (dataset / "link").symlink_to(secret)

    with Watch([secret]) as watch, pytest.raises(UnreadPayloadError):
        build(dataset)

    assert watch.seen == {}


def test_what_is_left_out_may_be_anything(dataset: Path) -> None:
    """An excluded link or pipe stands in no one's way."""
    _plant("named pipe", dataset / "pipe")
    _plant("symlink into nothing", dataset / "link")

    build(dataset, excluded=["pipe", "link"])

    assert (dataset / METADATA).is_file()


def test_a_name_that_is_no_unicode_is_refused(dataset: Path) -> None:
    """A path that could not be written into the metadata is named with escapes."""
    try:
        (Path(os.fsdecode(os.fsencode(dataset) + b"/\xff.tif"))).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes Unicode names only")

    with pytest.raises(UnreadPayloadError) as caught:
        build(dataset)

    assert caught.value.unread[0].reason == "the name is not valid UTF-8"
    assert not (dataset / METADATA).exists()


@pytest.mark.parametrize("name", [METADATA, "iscc-manifest.tsv"])
def test_a_file_that_build_would_write_is_not_written_through_a_link(
    dataset: Path, tmp_path: Path, name: str
) -> None:
    """The link is refused and stays, and so does what it leads to."""
    target = tmp_path / "elsewhere"
    target.write_bytes(b"{}")
    (dataset / name).symlink_to(target)

    with pytest.raises(CrateIsccError, match=name):
        build(dataset, manifest_file=True)

    assert (dataset / name).is_symlink()
    assert target.read_bytes() == b"{}"
    assert paths_below(dataset) == {*PLAIN, "raw/", "notes/", name}


@pytest.mark.parametrize("name", [METADATA, "iscc-manifest.tsv"])
def test_a_folder_in_the_place_of_a_file_that_build_would_write_is_refused(
    dataset: Path, name: str
) -> None:
    """Nothing is written, not even the other of the two files."""
    (dataset / name).mkdir()

    with pytest.raises(CrateIsccError):
        build(dataset, manifest_file=True)

    assert paths_below(dataset) == {*PLAIN, "raw/", "notes/", f"{name}/"}


def test_a_file_with_the_name_of_the_manifest_that_is_none_is_not_overwritten(
    dataset: Path,
) -> None:
    """What does not start like a manifest, and no metadata describe, belongs to someone else."""
    (dataset / "iscc-manifest.tsv").write_bytes(b"mine")

    with pytest.raises(CrateIsccError, match=r"iscc-manifest\.tsv"):
        build(dataset, manifest_file=True)

    assert (dataset / "iscc-manifest.tsv").read_bytes() == b"mine"


# --- changes between fingerprint and copy ------------------------------------------------------


def _rewrite(place: Path) -> None:
    status = place.stat()
    place.write_bytes(bytes(status.st_size))
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns))


def _swap_for_link(place: Path) -> None:
    place.unlink()
    place.symlink_to("/etc/hostname")


def _swap_for_pipe(place: Path) -> None:
    place.unlink()
    os.mkfifo(place)


@pytest.mark.parametrize(
    "change",
    [
        _rewrite,
        lambda place: place.write_bytes(b"longer" * 10_000),
        lambda place: os.truncate(place, 3),
        Path.unlink,
        _swap_for_link,
        _swap_for_pipe,
    ],
    ids=["rewritten with the old time", "longer", "cut", "gone", "a link now", "a pipe now"],
)
@pytest.mark.parametrize("out", ["x.zip", "x"])
def test_a_file_that_changes_before_it_is_copied_leaves_nothing_behind(
    dataset: Path, tmp_path: Path, change: Callable[[Path], object], out: str
) -> None:
    """The copy would not be what was fingerprinted; the error names the file."""
    plan: BuildPlan = plan_build(dataset, tmp_path / out)
    change(dataset / "raw" / "cell 2.tif")

    with pytest.raises(ReadError, match=r"raw/cell 2\.tif"):
        apply(plan)

    assert {place.name for place in tmp_path.iterdir()} == {"study"}


def test_a_source_zip_that_changes_before_it_is_copied_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    """The archive is another by then."""
    (tmp_path / "in.zip").write_bytes(zip_of({"a.txt": b"one", "b.txt": b"two"}))
    plan = plan_build(tmp_path / "in.zip", tmp_path / "x.zip")
    (tmp_path / "in.zip").write_bytes(zip_of({"a.txt": b"One", "b.txt": b"two"}))

    with pytest.raises(CrateIsccError):
        apply(plan)

    assert {place.name for place in tmp_path.iterdir()} == {"in.zip"}
