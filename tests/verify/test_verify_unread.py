"""What cannot be read is named with the reason; nothing is skipped, and nothing is followed."""

import os
import shutil
import socket
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from crate_iscc import Finding, Progress, Report, Thoroughness, Verdict, build
from verify.verify_kit import (
    CELL,
    CHUNK,
    FIGURE,
    MANIFEST,
    TABLE,
    edit_metadata,
    entity_of,
    flip_bit,
    found,
    verified,
    write_files,
    zip_of,
)

each_depth = pytest.mark.parametrize("thoroughness", list(Thoroughness), ids=str)


def only_finding(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def hold_incomplete(report: Report, path: str) -> None:
    """Fail unless exactly `path` is unread, with a reason, and the verdict is incomplete."""
    assert found(report) == {("bytes.unread", path, None)}
    assert len(only_finding(report).message) > 5
    assert report.verdict is Verdict.INCOMPLETE
    assert report.counts.unread == 1
    assert "treehash" in report.not_checked


# --- what is no regular file -------------------------------------------------------------------


@each_depth
def test_a_link_in_the_place_of_a_file_is_unread(crate: Path, thoroughness: Thoroughness) -> None:
    """A link is not followed, even where it leads to the very bytes that are recorded."""
    original = crate.parent / "original.csv"
    shutil.move(crate / TABLE, original)
    (crate / TABLE).symlink_to(original)

    report = verified(crate, thoroughness)

    hold_incomplete(report, TABLE)
    assert "symbolic link" in only_finding(report).message


@pytest.mark.parametrize("target", ["nowhere", "measurements.csv", "/dev/zero"])
def test_a_link_to_nothing_to_itself_or_to_a_device_is_unread(crate: Path, target: str) -> None:
    """Where a link leads does not matter."""
    (crate / TABLE).unlink()
    (crate / TABLE).symlink_to(target)

    hold_incomplete(verified(crate), TABLE)


@pytest.mark.parametrize("path", [TABLE, CHUNK])
@each_depth
def test_a_link_in_a_zip_is_unread(
    crate: Path, tmp_path: Path, path: str, thoroughness: Thoroughness
) -> None:
    """A link that was archived as a link says the same as in a folder."""
    (crate / path).unlink()
    (crate / path).symlink_to("/etc/hostname")

    hold_incomplete(verified(zip_of(crate, tmp_path / "crate.zip"), thoroughness), path)


@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_a_link_is_unread_whatever_its_name(tmp_path: Path, as_zip: bool) -> None:
    """A name that is shown with escapes is still recognised as the recorded one."""
    name = "two\u00a0words\n.txt"
    folder = write_files(tmp_path / "names", {name: b"text", "other.txt": b"other"})
    build(folder)
    (folder / name).unlink()
    (folder / name).symlink_to("other.txt")

    report = verified(zip_of(folder, tmp_path / "names.zip") if as_zip else folder)

    assert {kind for kind, _, _ in found(report)} == {"bytes.unread"}
    assert report.verdict is Verdict.INCOMPLETE


def test_an_additional_link_is_extra(crate: Path) -> None:
    """A link that is not recorded is named as extra, with what it is."""
    (crate / "notes" / "link.txt").symlink_to("/etc/hostname")

    report = verified(crate)

    assert found(report) == {("bytes.extra", "notes/link.txt", None)}
    assert "symbolic link" in only_finding(report).message
    assert report.verdict is Verdict.INVALID
    assert report.counts.match == 77


def test_a_link_in_the_place_of_a_folder_is_not_followed(crate: Path) -> None:
    """A linked folder is named, and the files that were below it are missing."""
    aside = crate.parent / "figures"
    shutil.move(crate / "figures", aside)
    (crate / "figures").symlink_to(aside, target_is_directory=True)

    report = verified(crate)

    assert found(report) == {("bytes.extra", "figures", None), ("bytes.missing", FIGURE, None)}


def test_a_linked_manifest_file_is_unread(crate: Path) -> None:
    """A manifest file that was replaced by a link is there, but it is not read."""
    aside = crate.parent / "aside.tsv"
    shutil.move(crate / MANIFEST, aside)
    (crate / MANIFEST).symlink_to(aside)

    report = verified(crate)

    assert found(report) == {("bytes.unread", MANIFEST, None)}
    assert report.verdict is Verdict.INCOMPLETE


@each_depth
def test_a_pipe_never_holds_up_a_verification(crate: Path, thoroughness: Thoroughness) -> None:
    """A pipe in the place of a recorded file, and one more, are named at once, nobody writing."""
    (crate / TABLE).unlink()
    os.mkfifo(crate / TABLE)
    os.mkfifo(crate / "extra.pipe")
    option = {
        Thoroughness.QUICK: ["--quick"],
        Thoroughness.FULL: ["--full"],
        Thoroughness.DATAHASH: [],
    }[thoroughness]

    outcome = subprocess.run(
        [sys.executable, "-m", "crate_iscc", "verify", str(crate), *option],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert outcome.returncode == 1
    assert f"unread   {TABLE}\n" in outcome.stdout
    assert "extra    extra.pipe\n" in outcome.stdout
    assert "a named pipe" in outcome.stdout


def test_a_socket_is_unread(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket in the place of a recorded file is named."""
    monkeypatch.chdir(plain)  # the path of a socket must be short
    (plain / "a.bin").unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a.bin")
        report = verified(plain)

    hold_incomplete(report, "a.bin")
    assert "socket" in only_finding(report).message


def test_a_problem_outweighs_what_is_unread(crate: Path) -> None:
    """Where one file is changed and another unread, the crate is invalid."""
    (crate / TABLE).unlink()
    (crate / TABLE).symlink_to("nowhere")
    flip_bit(crate / CELL)

    report = verified(crate)

    assert found(report) == {("bytes.unread", TABLE, None), ("bytes.changed", CELL, None)}
    assert report.verdict is Verdict.INVALID


def test_an_unread_file_leaves_no_mark_on_the_codes(crate: Path) -> None:
    """With --full an unread file is the only finding: no code is said to differ for want of it."""
    (crate / CHUNK).unlink()
    (crate / CHUNK).symlink_to("nowhere")

    report = verified(crate, Thoroughness.FULL)

    hold_incomplete(report, CHUNK)
    assert "iscc-sum" in report.not_checked


def test_a_link_cannot_be_hidden_by_a_pattern(crate: Path) -> None:
    """A recorded file that became a link is unread, even if the crate says to leave it out."""

    def exclude(graph: list[dict[str, object]]) -> None:
        entity_of(graph, "#crate-iscc-fingerprint")["excludedPattern"] = "tables/"

    (crate / TABLE).unlink()
    (crate / TABLE).symlink_to("nowhere")
    edit_metadata(crate, exclude)

    hold_incomplete(verified(crate), TABLE)


# --- damaged archives --------------------------------------------------------------------------


def member_data(archive: Path, name: str) -> tuple[int, int]:
    """Return where the bytes of a member stand in its archive, and how many they are."""
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo(name)
    raw = archive.read_bytes()
    header = info.header_offset
    names = int.from_bytes(raw[header + 26 : header + 28], "little")
    extra = int.from_bytes(raw[header + 28 : header + 30], "little")
    return header + 30 + names + extra, info.compress_size


def overwrite(archive: Path, start: int, content: bytes) -> None:
    raw = bytearray(archive.read_bytes())
    raw[start : start + len(content)] = content
    archive.write_bytes(raw)


@pytest.mark.parametrize("thoroughness", [Thoroughness.DATAHASH, Thoroughness.FULL], ids=str)
def test_a_damaged_deflate_stream_is_unread(
    built: Path, tmp_path: Path, thoroughness: Thoroughness
) -> None:
    """A member that cannot be unpacked is unread, and every other file is still checked."""
    archive = zip_of(built, tmp_path / "crate.zip", deflate=True)
    start, size = member_data(archive, CELL)
    overwrite(archive, start + size // 2, b"\xff" * 64)

    report = verified(archive, thoroughness)

    hold_incomplete(report, CELL)
    assert report.counts.match == 76


def test_a_damaged_deflate_stream_is_nothing_to_quick(built: Path, tmp_path: Path) -> None:
    """With --quick no member is unpacked, so a damaged one has its name and size still."""
    archive = zip_of(built, tmp_path / "crate.zip", deflate=True)
    start, size = member_data(archive, CELL)
    overwrite(archive, start + size // 2, b"\xff" * 64)

    assert found(verified(archive, Thoroughness.QUICK)) == set()


def test_a_bit_flipped_inside_a_stored_zip_is_changed(built: Path, tmp_path: Path) -> None:
    """A stored member is read whatever its CRC-32 says, and its datahash tells the change."""
    archive = zip_of(built, tmp_path / "crate.zip")
    start, size = member_data(archive, CELL)
    flip_bit(archive, start + size // 2)

    report = verified(archive)

    assert found(report) == {("bytes.changed", CELL, None)}
    distance = only_finding(report).distance
    assert distance is not None
    assert distance.word == "near-identical"


def test_a_member_with_a_damaged_header_is_unread(built: Path, tmp_path: Path) -> None:
    """Where the archive itself is damaged at one member, that member is unread."""
    archive = zip_of(built, tmp_path / "crate.zip")
    with zipfile.ZipFile(archive) as opened:
        offset = opened.getinfo(CELL).header_offset
    overwrite(archive, offset, b"XXXX")

    hold_incomplete(verified(archive), CELL)


def test_an_encrypted_member_is_unread(built: Path, tmp_path: Path) -> None:
    """A member that claims to be encrypted is named so."""
    archive = zip_of(built, tmp_path / "crate.zip")
    raw = archive.read_bytes()
    central = raw.rindex(CELL.encode()) - 46
    assert raw[central : central + 4] == b"PK\x01\x02"
    overwrite(archive, central + 8, b"\x01")

    report = verified(archive)

    assert found(report) == {("zip.encrypted", CELL, None)}
    assert (report.verdict, report.counts.unread) == (Verdict.INCOMPLETE, 1)
    assert "encrypted" in only_finding(report).message


def test_a_member_that_stands_twice_is_unread_and_an_error(crate: Path, tmp_path: Path) -> None:
    """Of two members with one name neither is believed: tools differ in which they unpack."""
    archive = zip_of(crate, tmp_path / "crate.zip")
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(archive, "a") as opened,
    ):
        opened.writestr(TABLE, b"another table\n")

    report = verified(archive)

    assert found(report) == {("zip.duplicate", TABLE, None)}
    assert (report.verdict, report.counts.unread) == (Verdict.INVALID, 1)
    assert "more than once" in only_finding(report).message


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", r"..\evil.txt", "C:/evil.txt"])
def test_a_member_that_leads_astray_is_named_and_left_alone(
    crate: Path, tmp_path: Path, name: str
) -> None:
    """A member whose name leads out of the archive makes the crate invalid, and is not touched."""
    archive = zip_of(crate, tmp_path / "crate.zip")
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(name, b"evil")

    report = verified(archive)

    assert found(report) == {("path.unsafe", name, None)}
    assert report.verdict is Verdict.INVALID
    assert sorted(path.name for path in tmp_path.iterdir()) == ["crate", "crate.zip"]


@pytest.mark.parametrize("name", ["notes//b.txt", "notes/./b.txt", "./notes/b.txt"])
def test_a_member_with_empty_segments_is_read_as_unpacking_would(
    crate: Path, tmp_path: Path, name: str
) -> None:
    """Names of eLabFTW's exports (a//b) stand for plain paths, and one finding says so."""
    (crate / "notes/b.txt").write_bytes(b"b")
    build(crate)
    (crate / "notes/b.txt").unlink()
    archive = zip_of(crate, tmp_path / "crate.zip")
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(name, b"b")

    report = verified(archive)

    assert found(report) == {("path.repaired", None, None)}
    assert report.verdict is Verdict.VALID


def test_a_damaged_manifest_member_is_unread(built: Path, tmp_path: Path) -> None:
    """Without its manifest file a zip whose payload can be read is incomplete, never valid."""
    archive = zip_of(built, tmp_path / "crate.zip", deflate=True)
    start, size = member_data(archive, MANIFEST)
    overwrite(archive, start + size // 2, b"\xff" * 64)

    report = verified(archive)

    assert ("bytes.unread", MANIFEST, None) in found(report)
    assert report.verdict is Verdict.INCOMPLETE


def test_without_the_manifest_file_only_what_is_unread_is_unread(
    built: Path, tmp_path: Path
) -> None:
    """Two unread members, one the manifest file, throw no suspicion on the others."""
    archive = zip_of(built, tmp_path / "crate.zip", deflate=True)
    for path in (MANIFEST, CELL):
        start, size = member_data(archive, path)
        overwrite(archive, start + size // 2, b"\xff" * 64)

    report = verified(archive)

    assert found(report) == {("bytes.unread", MANIFEST, None), ("bytes.unread", CELL, None)}
    assert report.verdict is Verdict.INCOMPLETE


# --- what changes in the meantime --------------------------------------------------------------

LARGE = 4 << 20


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """Return a crate whose last file is read long after the first progress is told.

    Files are read the largest first in batches of 4 MiB, and with one job at most two batches
    are under way; so `z.txt` in the sixth is not opened before the first is done.
    """
    files = {f"{number}.bin": bytes(LARGE + 5 - number) for number in range(5)}
    folder = write_files(tmp_path / "slow", {**files, "z.txt": b"the last one\n"})
    build(folder)
    return folder


def once(step: str, action: Callable[[], object], *, at_end: bool = False) -> Callable[..., None]:
    """Return a progress sink that acts at the first (or the last) news of a step."""
    waiting = [action]

    def sink(state: Progress) -> None:
        ended = state.done_files == state.total_files
        if waiting and state.step == step and (ended or not at_end):
            waiting.pop()()

    return sink


def replace_by_pipe(place: Path) -> None:
    """Put a named pipe where a file was."""
    place.unlink()
    os.mkfifo(place)


def rewrite_in_place(place: Path, content: bytes) -> None:
    """Give a file another content of the same size, and a time that tells."""
    place.write_bytes(content)
    os.utime(place, ns=(1, 1))


@pytest.mark.parametrize(
    ("action", "word"),
    [
        (lambda place: rewrite_in_place(place, b"the LAST one\n"), "changed"),
        (lambda place: place.write_bytes(b"the last one\n, and more\n"), "changed"),
        (lambda place: place.write_bytes(b""), "changed"),
        (lambda place: place.unlink(), "No such file"),
        (lambda place: (place.unlink(), place.symlink_to("0.bin")), "symbolic link"),
        (replace_by_pipe, "no regular file"),
    ],
    ids=["rewritten", "grown", "emptied", "removed", "replaced by a link", "replaced by a pipe"],
)
def test_a_file_that_changes_meanwhile_is_unread(
    slow: Path, action: Callable[[Path], object], word: str
) -> None:
    """A file that is not what it was when the folder was listed is unread, for that reason."""
    place = slow / "z.txt"

    report = verified(slow, jobs=1, progress=once("verifying", lambda: action(place)))

    hold_incomplete(report, "z.txt")
    assert word in only_finding(report).message


def test_a_file_that_is_cut_while_it_is_read_is_unread(tmp_path: Path) -> None:
    """A file of which bytes vanish between its start and its end is unread."""
    folder = write_files(tmp_path / "cut", {"big.bin": bytes(40 << 20)})
    build(folder)
    place = folder / "big.bin"

    report = verified(
        folder, jobs=1, progress=once("verifying", lambda: os.truncate(place, 1 << 20))
    )

    hold_incomplete(report, "big.bin")


def test_a_file_that_changes_between_both_reads_is_unread(plain: Path) -> None:
    """A changed file that changes once more, before its distance is known, is unread."""
    flip_bit(plain / "a.bin")
    again = once("verifying", lambda: flip_bit(plain / "a.bin", 0), at_end=True)

    report = verified(plain, progress=again)

    hold_incomplete(report, "a.bin")


def test_an_archive_that_changes_meanwhile_is_unread(slow: Path, tmp_path: Path) -> None:
    """Nothing is said about members that are read after the zip itself was written to."""
    archive = zip_of(slow, tmp_path / "crate.zip")

    def grow() -> None:
        with archive.open("ab") as file:
            file.write(b"more")

    report = verified(archive, jobs=1, progress=once("verifying", grow))

    assert {kind for kind, _, _ in found(report)} == {"bytes.unread"}
    assert ("bytes.unread", "z.txt", None) in found(report)
    assert report.verdict is Verdict.INCOMPLETE
