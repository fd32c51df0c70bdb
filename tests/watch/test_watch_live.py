"""A watch beside real writers: nothing is taken before it is finished, and nothing is missed."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy
import pytest
import tifffile
import zarr
from blake3 import blake3

from crate_iscc import Verdict, verify
from crate_iscc.errors import ReadError
from crate_iscc.watching.places import held_by_writers, is_remote, kind_of_mount
from crate_iscc.watching.wakes import Wakes
from crate_iscc.watching.watching import WatchOptions
from watch.watch_kit import METADATA, SETTLE, Watch, eventually, once, write_files

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells who writes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def metadata(folder: Path) -> str:
    place = folder / METADATA
    return place.read_text(encoding="utf-8") if place.exists() else ""


def datahash(place: Path) -> str:
    return "1e20" + blake3(place.read_bytes()).hexdigest()


@pytest.mark.parametrize("poll", [True, False], ids=["polling", "events"])
def test_slow_writers_are_waited_for(folder: Path, journal: Path, poll: bool) -> None:
    """An OME-TIFF page by page, a Zarr chunk by chunk, and bytes that drip.

    Each is finished once, with the code of its last state.
    """
    pixels = numpy.arange(6 * 32 * 32, dtype="u2").reshape(6, 32, 32)

    def write_tiff() -> None:
        with tifffile.TiffWriter(folder / "a.ome.tif") as writer:
            for page in pixels:
                writer.write(page, contiguous=False, photometric="minisblack")
                time.sleep(0.05)

    def write_zarr() -> None:
        array = zarr.create_array(
            folder / "b.zarr", shape=(6, 32, 32), chunks=(1, 32, 32), dtype="u2"
        )
        for number, page in enumerate(pixels):
            array[number] = page
            time.sleep(0.05)

    def drip() -> None:
        with (folder / "c.bin").open("wb", buffering=0) as file:
            for number in range(8):
                file.write(bytes([number]) * 1000)
                time.sleep(0.04)

    writers = [threading.Thread(target=write) for write in (write_tiff, write_zarr, drip)]
    with Watch(folder, journal, WatchOptions(settle=0.5, poll=poll)) as watch:
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        for path in ("a.ome.tif", "b.zarr/", "c.bin"):
            watch.wait_for("finished", path)
        assert '"#treehash"' not in metadata(folder), "it is closed at its end"

    assert watch.ended
    assert watch.ended.closed
    assert verify(folder, closed=True).verdict is Verdict.VALID
    for name in ("a.ome.tif", "c.bin"):
        assert watch.told("finished", name)[-1].digest == datahash(folder / name)


def test_what_changes_later_is_told_and_finished_again(folder: Path, journal: Path) -> None:
    """The crate does not say any more what it was; a file that goes is told as well."""
    write_files(folder, {"a.bin": b"one", "b.bin": b"b"})
    with Watch(folder, journal) as watch:
        watch.wait_for("finished", "a.bin")
        watch.wait_for("finished", "b.bin")
        eventually(lambda: "a.bin" in metadata(folder))
        (folder / "a.bin").write_bytes(b"another")
        (folder / "b.bin").unlink()
        watch.wait_for("changed", "a.bin")
        watch.wait_for("gone", "b.bin")
        last = watch.wait_for("finished", "a.bin", count=2)
    assert last.digest == datahash(folder / "a.bin")
    assert verify(folder, closed=True).verdict is Verdict.VALID
    told = [line for line in journal.read_text().splitlines() if '"path":"a.bin"' in line]
    assert [line.split('"status":"')[1].split('"')[0] for line in told] == [
        *("finished", "changed", "finished"),
    ]


def test_a_set_is_finished_when_all_that_its_companion_names_is_there(
    folder: Path, journal: Path
) -> None:
    """And is one line then."""
    companion = b'<OME><TiffData><UUID FileName="1.ome.tif">u</UUID></TiffData></OME>'
    write_files(folder, {"p.companion.ome": companion})
    with Watch(folder, journal, WatchOptions(settle=SETTLE, poll=True, patience=0.5)) as watch:
        waiting = watch.wait_for("waiting", "p.companion.ome")
        tifffile.imwrite(folder / "1.ome.tif", numpy.zeros((8, 8), "u1"))
        event = watch.wait_for("finished", "p.companion.ome")
    assert "1.ome.tif belongs to it and is not there" in str(waiting.note)
    assert (event.kind, event.files) == ("set", 2)


def test_what_never_settles_is_told_and_not_waited_for_silently(
    folder: Path, journal: Path
) -> None:
    """Each time after twice as long; the others are not kept waiting."""
    end = threading.Event()

    def drip() -> None:
        with (folder / "a.log").open("wb", buffering=0) as file:
            while not end.wait(0.02):
                file.write(b"x")

    writer = threading.Thread(target=drip)
    writer.start()
    write_files(folder, {"b.bin": b"b"})
    with Watch(folder, journal, WatchOptions(settle=0.4, poll=True, patience=0.2)) as watch:
        watch.wait_for("finished", "b.bin")
        watch.wait_for("waiting", "a.log", count=3)
        watch.asked = 1
        eventually(lambda: watch.ended or watch.error)
    end.set()
    writer.join()
    assert watch.told("finished", "a.log") == []
    assert len(watch.told("waiting", "a.log")) < 12
    assert len(watch.told("unfinished", "a.log")) == 1
    assert "a.log" not in (folder / METADATA).read_text()


@linux
def test_a_file_that_is_held_open_is_not_finished_however_still_it_is(
    folder: Path, journal: Path
) -> None:
    """A process that writes, one page an hour, say; one that reads is none."""
    script = (
        "import sys; file = open(sys.argv[1], 'wb'); other = open(sys.argv[2], 'rb');"
        "file.write(b'half'); file.flush(); print('there', flush=True); sys.stdin.read()"
    )
    write_files(folder, {"b.bin": b"b"})
    command = [sys.executable, "-c", script, str(folder / "a.bin"), str(folder / "b.bin")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        assert held_by_writers(folder) == {"a.bin"}
        watch = once(folder, journal)
    assert [event.path for event in watch.told("finished", "b.bin")] == ["b.bin"]
    (left,) = watch.told("unfinished", "a.bin")
    assert left.note == "a program has a.bin open for writing"
    assert [event.path for event in once(folder, journal).events] == ["a.bin"]


def test_times_of_files_are_never_compared_with_the_clock(folder: Path, journal: Path) -> None:
    """A clock that was set back: files from the future; one from before 1970."""
    write_files(folder, {"future.bin": b"f", "past.bin": b"p"})
    os.utime(folder / "future.bin", ns=(0, 4_000_000_000_123_456_789))
    os.utime(folder / "past.bin", ns=(0, -123_456_789))

    watch = once(folder, journal)

    assert watch.ended
    assert watch.ended.closed
    assert once(folder, journal).events == []


def test_a_file_with_coarse_times_has_to_be_still_for_longer_than_its_clock_ticks(
    folder: Path, journal: Path
) -> None:
    """On such file systems it may change twice in two seconds, and show nothing of it."""
    write_files(folder, {"a.bin": b"a"})
    os.utime(folder / "a.bin", ns=(0, 1_700_000_000_000_000_000))
    started = time.monotonic()

    watch = once(folder, journal)

    assert watch.ended
    assert watch.ended.closed
    assert time.monotonic() - started >= 2


def test_the_unit_at_hand_is_finished_when_the_end_is_asked_for(
    folder: Path, journal: Path
) -> None:
    """And what comes after it is not begun; asked twice, it ends at once, with a whole crate."""
    write_files(folder, {"a.zarr/.zgroup": b"{}", "a.zarr/0": bytes(30_000_000), "b.bin": b"b"})
    watch = Watch(folder, journal)
    watch.on_reading = lambda: setattr(watch, "asked", 1)
    watch.ended = watch.run()
    assert (watch.events[0].status, watch.events[0].path) == ("finished", "a.zarr/")
    assert ("unfinished", "b.bin") in [(e.status, e.path) for e in watch.events]
    assert verify(folder).verdict is Verdict.VALID

    before = (folder / METADATA).read_bytes()
    (folder / "a.zarr/0").write_bytes(bytes(31_000_000))
    again = Watch(folder, journal)
    again.on_reading = lambda: setattr(again, "asked", 2)
    with pytest.raises(KeyboardInterrupt):
        again.run()
    assert again.told("finished", "a.zarr/") == []
    assert b"31000002" not in (folder / METADATA).read_bytes()
    assert before != (folder / METADATA).read_bytes(), "its old codes are not claimed any more"


def test_what_waits_behind_a_long_read_is_looked_at_again(folder: Path, journal: Path) -> None:
    """It may be written to meanwhile: it is finished once, with the chunk that came late."""
    write_files(
        folder,
        {"a.zarr/.zgroup": b"{}", "a.zarr/0": bytes(9_000_000), "b.zarr/.zgroup": b"{}"},
    )
    watch = Watch(folder, journal)

    def write_late() -> None:
        if not (folder / "b.zarr/0").exists():
            (folder / "b.zarr/0").write_bytes(b"late")
            time.sleep(0.3)

    watch.on_reading = write_late
    with watch:
        event = watch.wait_for("finished", "b.zarr/")
    assert event.files == 2
    assert [(e.status, e.path) for e in watch.events] == [
        ("finished", "a.zarr/"),
        ("finished", "b.zarr/"),
    ]


def test_what_is_written_to_while_it_is_read_is_not_finished(folder: Path, journal: Path) -> None:
    """It waits again, and is read once more when it is still, in its last state."""
    place = write_files(folder, {"a.bin": bytes(20_000_000)}) / "a.bin"
    watch = Watch(folder, journal)

    def write_once() -> None:
        if place.stat().st_size == 20_000_000:
            with place.open("ab") as file:
                file.write(b"more")

    watch.on_reading = write_once
    with watch:
        event = watch.wait_for("finished", "a.bin")
    assert (event.size, event.digest) == (20_000_004, datahash(place))
    assert len(watch.told("finished", "a.bin")) == 1
    assert watch.told("changed", "a.bin") == []


@pytest.mark.parametrize(
    "how",
    [
        "link",
        pytest.param(
            "closed",
            marks=pytest.mark.skipif(
                not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is closed to root"
            ),
        ),
    ],
)
def test_what_cannot_be_listed_for_a_while_is_not_called_gone(
    folder: Path, journal: Path, how: str
) -> None:
    """It is not in the crate meanwhile, and is there again without being read."""
    write_files(folder, {"a.bin": b"a", "sub/b.bin": b"b"})
    sub, other = folder / "sub", folder.parent / "other"
    with Watch(folder, journal) as watch:
        watch.wait_for("finished", "sub/b.bin")
        eventually(lambda: "b.bin" in metadata(folder))
        if how == "link":
            sub.rename(other)
            sub.symlink_to(other)
        else:
            sub.chmod(0)
        watch.wait_for("unread", "sub" if how == "link" else "sub/")
        eventually(lambda: "b.bin" not in metadata(folder))
        if how == "link":
            sub.unlink()
            other.rename(sub)
        else:
            sub.chmod(0o755)
        eventually(lambda: "b.bin" in metadata(folder))
    assert not watch.told("gone", "sub/b.bin")
    assert len(watch.told("finished", "sub/b.bin")) == 1


def test_a_folder_that_disappears_ends_the_watch(folder: Path, journal: Path) -> None:
    """With what happened, and what to do."""
    write_files(folder, {"a.bin": b"a"})
    watch = Watch(folder, journal)
    with watch:
        watch.wait_for("finished", "a.bin")
        folder.rename(folder.with_name("elsewhere"))
        eventually(lambda: watch.error)
    assert isinstance(watch.error, ReadError)
    assert "not there any more" in str(watch.error)
    assert "start the watch again" in str(watch.error.hint)


def test_another_folder_in_its_place_is_not_taken_for_it(folder: Path, journal: Path) -> None:
    """As where a mount is gone: nothing is written there, and nothing is called gone."""
    write_files(folder, {"a.bin": b"a"})
    watch = Watch(folder, journal)
    with watch:
        eventually(lambda: "a.bin" in metadata(folder))
        folder.rename(folder.with_name("elsewhere"))
        folder.mkdir()
        eventually(lambda: watch.error)
    assert isinstance(watch.error, ReadError)
    assert list(folder.iterdir()) == []
    assert not watch.told("gone", "a.bin")


def test_thousands_of_units_at_once_are_a_few_reads_and_few_crates(
    folder: Path, journal: Path
) -> None:
    """The work grows with their number, and no handle stays open."""
    write_files(folder, {f"{number % 50}/{number}.bin": b"%d" % number for number in range(3000)})
    before = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0

    watch = once(folder, journal)

    assert watch.ended
    assert (watch.ended.finished, watch.ended.closed) == (3000, True)
    assert len(watch.events) == 3000
    assert verify(folder, closed=True).verdict is Verdict.VALID
    if sys.platform == "linux":
        assert len(os.listdir("/proc/self/fd")) <= before


def test_a_crate_that_cannot_be_written_is_told_and_tried_again(
    folder: Path, journal: Path
) -> None:
    """Fingerprinting goes on; here something else has the name of the metadata file."""
    write_files(folder, {"a.bin": b"a"})
    with Watch(folder, journal) as watch:
        watch.wait_for("finished", "a.bin")
        eventually(lambda: (folder / METADATA).exists())
        (folder / METADATA).unlink()
        (folder / METADATA).mkdir()
        write_files(folder, {"b.bin": b"b"})
        watch.wait_for("finished", "b.bin")
        eventually(lambda: any("tried again" in text for text in watch.warnings))
        (folder / METADATA).rmdir()
    assert watch.ended
    assert watch.ended.closed
    assert verify(folder, closed=True).verdict is Verdict.VALID


def test_its_own_output_wakes_nobody(folder: Path) -> None:
    """Metadata, manifest, temporary files and proofs; a file of the payload does."""
    pytest.importorskip("watchfiles")
    wakes = Wakes(folder, poll=False, linger=0)
    try:
        assert wakes.has_events, wakes.problem
        time.sleep(0.3)  # until the system watches
        (folder / METADATA).write_text("{}")
        (folder / f".{METADATA}.abcdefgh.partial").write_text("{}")
        (folder / "iscc-manifest.tsv").write_text("")
        until = time.monotonic() + 0.6
        wakes.wait(600, lambda: time.monotonic() > until, quiet=True)
        assert time.monotonic() > until, "it woke"
        until = time.monotonic() + 30

        def write_on() -> bool:
            (folder / "a.bin").write_text(str(time.monotonic()))
            return time.monotonic() > until

        wakes.wait(600, write_on, quiet=True)
        assert time.monotonic() < until, "it slept"
    finally:
        wakes.close()


def test_a_while_after_an_event_time_counts(folder: Path) -> None:
    """In a folder that has just been made, the system may not watch yet."""
    wakes = Wakes(folder, poll=False)
    try:
        started = time.monotonic()
        wakes.wait(0.1, lambda: False, quiet=True)
        assert time.monotonic() - started < 10
    finally:
        wakes.close()


@linux
def test_a_network_mount_is_known_by_its_type(tmp_path: Path) -> None:
    """What lies here is none: the tests write to a disk or to memory."""
    assert not is_remote(tmp_path)


def test_the_mount_that_is_nearest_says_of_which_type_a_folder_is() -> None:
    """Of two at one place the later one; names with a blank are escaped in that table."""
    mounts = [
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw",
        "2 1 0:9 / /data rw,relatime shared:1 - nfs4 server:/x rw",
        r"3 2 0:7 / /data/the\040microscope rw - cifs //pc/x rw",
        "4 2 0:8 / /data/local rw - nfs server:/y rw",
        "5 4 8:2 / /data/local rw - xfs /dev/sdb rw",
        "garbage",
    ]
    for folder, kind in {
        "/home/data": "ext4",
        "/data/run": "nfs4",
        "/data/the microscope/run": "cifs",
        "/data/local": "xfs",
        "/database": "ext4",
    }.items():
        assert kind_of_mount(Path(folder), mounts) == kind
