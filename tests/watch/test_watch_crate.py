"""The crate of a watched folder is right about what is finished, and names nothing else."""

import json
import os
from pathlib import Path
from typing import Any

import numpy
import pytest
import tifffile
import zarr

from crate_iscc import Verdict, build, verify
from crate_iscc.errors import CrateIsccError, InputError
from crate_iscc.watching.watching import WatchOptions
from watch.watch_kit import METADATA, SETTLE, Watch, eventually, once, write_files

FILES = {
    "raw/a.bin": b"a" * 1000,
    "raw/b.bin": b"b" * 2000,
    "cell.zarr/.zgroup": b'{"zarr_format": 2}',
    "cell.zarr/0/0": bytes(range(250)) * 9,
    "slide.vsi": b"vsi",
    "_slide_/f.ets": b"ets" * 99,
}
UNFINISHED = {"cut.tif": b"II*\0\0\0\0\0"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "run", FILES)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def graph(folder: Path) -> dict[str, dict[str, Any]]:
    value = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    return {entity["@id"]: entity for entity in value["@graph"]}


def test_when_all_is_finished_the_crate_is_that_of_a_build_but_for_the_code_of_the_whole(
    folder: Path, journal: Path
) -> None:
    """Every code is the same; a build after it adds the one that needs an order of its own."""
    watch = once(folder, journal)
    mine = graph(folder)
    assert verify(folder, closed=True).verdict is Verdict.VALID
    build(folder)
    built = graph(folder)

    assert watch.ended
    assert (watch.ended.finished, watch.ended.unfinished, watch.ended.closed) == (4, 0, True)
    assert {event.path for event in watch.events} == {
        *("raw/a.bin", "raw/b.bin", "cell.zarr/", "slide.vsi"),
    }
    for name, entity in built.items():
        if "Fingerprint" not in str(entity) and entity["@type"] in ("File", "PropertyValue"):
            assert name == "#iscc-sum" or mine[name] == entity
    assert "#iscc-sum" not in mine
    assert built["./"]["conformsTo"]
    assert "conformsTo" not in mine["./"]


def test_while_something_is_unfinished_the_whole_has_no_code(folder: Path, journal: Path) -> None:
    """What is finished matches; what is not is a file that the crate does not list: no failure."""
    write_files(folder, UNFINISHED)

    watch = once(folder, journal)

    assert watch.ended
    assert (watch.ended.finished, watch.ended.unfinished, watch.ended.closed) == (4, 1, False)
    report = verify(folder)
    assert report.verdict is Verdict.VALID
    assert report.counts.match == len(FILES)
    assert [(f.id, f.path) for f in report.findings] == [("bytes.unlisted", "cut.tif")]
    found = graph(folder)
    assert "#treehash" not in found
    assert "cut.tif" not in found
    assert "identifier" not in found["./"]
    action = found["#crate-iscc-fingerprint"]
    assert action["actionStatus"] == {"@id": "http://schema.org/ActiveActionStatus"}
    assert "endTime" not in action
    assert "finished" in found["iscc-manifest.tsv"]["description"]
    assert "cut.tif" not in (folder / "iscc-manifest.tsv").read_text()


def test_what_becomes_finished_later_closes_the_crate(folder: Path, journal: Path) -> None:
    """Nothing else is read again."""
    write_files(folder, UNFINISHED)
    once(folder, journal)
    tifffile.imwrite(folder / "cut.tif", numpy.zeros((9, 9), "u1"))

    watch = once(folder, journal)

    assert [(event.status, event.path) for event in watch.events] == [("finished", "cut.tif")]
    assert verify(folder, closed=True).verdict is Verdict.VALID
    action = graph(folder)["#crate-iscc-fingerprint"]
    assert "actionStatus" not in action
    assert action["result"] == {"@id": "#treehash"} or action["result"] == [{"@id": "#treehash"}]
    assert "payload" in graph(folder)["iscc-manifest.tsv"]["description"]


def test_a_watch_that_finds_nothing_new_changes_no_byte(folder: Path, journal: Path) -> None:
    """Neither of its own crate nor of that of a build: the code of the whole stays."""
    for make in (lambda: once(folder, journal), lambda: build(folder)):
        make()
        before = (folder / METADATA).read_bytes()
        status = (folder / METADATA).stat()
        assert once(folder, journal).events == []
        assert (folder / METADATA).read_bytes() == before
        assert (folder / METADATA).stat().st_mtime_ns == status.st_mtime_ns


def test_a_crate_of_a_build_keeps_its_codes_if_its_files_are_the_same(
    folder: Path, journal: Path
) -> None:
    """The journal knows nothing of them: they are read, and found to be what was built."""
    build(folder)
    before = graph(folder)

    watch = once(folder, journal)

    assert len(watch.events) == 4
    assert watch.ended
    assert watch.ended.has_iscc
    after = graph(folder)
    assert after["#iscc-sum"] == before["#iscc-sum"]
    assert after["./"] == before["./"]


def test_a_build_beside_a_watch_keeps_what_it_found_out(folder: Path, journal: Path) -> None:
    """Its code of the whole is of the very payload that the watch ends with."""
    with Watch(folder, journal) as watch:
        for path in ("raw/a.bin", "raw/b.bin", "cell.zarr/", "slide.vsi"):
            watch.wait_for("finished", path)
        eventually(lambda: (folder / METADATA).exists() and "slide.vsi" in graph(folder))
        build(folder)
        code = graph(folder)["#iscc-sum"]
        write_files(folder, {"other.tmp": b""})
        eventually(lambda: "#iscc-sum" not in graph(folder) or watch.error)
        (folder / "other.tmp").unlink()
    assert watch.ended
    assert watch.ended.has_iscc
    assert graph(folder)["#iscc-sum"] == code


def test_a_zarr_itself_is_no_folder_to_watch(tmp_path: Path, journal: Path) -> None:
    """Its crate would lie in it."""
    write_files(tmp_path / "a.zarr", {"zarr.json": b"{}", "c/0": b"x"})
    with pytest.raises(InputError, match="is a Zarr itself"):
        once(tmp_path / "a.zarr", journal)


def test_what_a_build_recorded_is_not_lost_before_it_is_read_again(
    folder: Path, journal: Path
) -> None:
    """A watch that is ended before anything has been still leaves all codes but those of the whole.

    What has another size now is not what was recorded.
    """
    build(folder)
    write_files(folder, {**UNFINISHED, "raw/b.bin": b"longer" * 1000})

    with Watch(folder, journal, WatchOptions(settle=1000, poll=True)) as watch:
        eventually(lambda: "#treehash" not in graph(folder))

    assert watch.ended
    assert (watch.ended.finished, watch.ended.unfinished) == (0, 5)
    assert verify(folder).verdict is Verdict.VALID
    assert {"raw/a.bin", "cell.zarr/", "slide.vsi"} <= graph(folder).keys()
    assert "raw/b.bin" not in graph(folder)


def test_what_changes_after_it_was_fingerprinted_is_told_and_read_again(
    folder: Path, journal: Path
) -> None:
    """The log of both stays."""
    first = once(folder, journal).events
    (folder / "raw/a.bin").write_bytes(b"A" * 1000)
    (folder / "_slide_/f.ets").write_bytes(b"ETS")
    (folder / "raw/b.bin").unlink()
    (folder / "cell.zarr/0/1").write_bytes(b"another chunk")

    watch = once(folder, journal)

    # What changed between two watches has only ever been seen changed.
    assert sorted((event.status, event.path) for event in watch.events) == [
        ("finished", "cell.zarr/"),
        ("finished", "raw/a.bin"),
        ("finished", "slide.vsi"),
    ]
    assert verify(folder, closed=True).verdict is Verdict.VALID
    text = journal.read_text()
    for event in (*first, *watch.events):
        assert str(event.iscc) in text


def test_what_others_say_in_the_metadata_stays(folder: Path, journal: Path) -> None:
    """Of a file that is being written again, the description stays and the codes go."""
    once(folder, journal)
    value = json.loads((folder / METADATA).read_text())
    (entity,) = [e for e in value["@graph"] if e["@id"] == "raw/a.bin"]
    entity["about"] = "a cell"
    entity["identifier"] = [entity["identifier"], "https://doi.org/10.1/x"]
    (folder / METADATA).write_text(json.dumps(value, indent=1))
    os.rename(folder / "raw/a.bin", folder / "raw/a.bin.tmp")
    once(folder, journal)
    assert graph(folder)["raw/a.bin"]["about"] == "a cell"
    write_files(folder, {"raw/a.bin": b"new", "raw/a.bin.tmp": b""})
    (folder / "raw/a.bin").chmod(0)
    (folder / "raw/a.bin").chmod(0o644)

    once(folder, journal)

    found = graph(folder)["raw/a.bin"]
    assert found["about"] == "a cell"
    assert found["contentSize"] == "3"
    assert "https://doi.org/10.1/x" in found["identifier"]
    assert verify(folder).verdict is Verdict.VALID


def test_a_build_over_a_crate_that_is_open_takes_what_was_edited(
    folder: Path, journal: Path
) -> None:
    """The codes there are this project's own, so nobody else's record is broken."""
    write_files(folder, UNFINISHED)
    once(folder, journal)
    (folder / "raw/a.bin").write_bytes(b"edited")

    build(folder)

    assert verify(folder, closed=True).verdict is Verdict.VALID
    assert "actionStatus" not in graph(folder)["#crate-iscc-fingerprint"]


def test_real_images_are_finished_and_a_cut_one_is_not(tmp_path: Path, journal: Path) -> None:
    """As tifffile and zarr write them."""
    folder = tmp_path / "run"
    folder.mkdir()
    pixels = numpy.arange(64 * 64, dtype="u2").reshape(64, 64)
    tifffile.imwrite(folder / "a.ome.tif", pixels, ome=True)
    zarr.create_array(folder / "b.ome.zarr", data=pixels, chunks=(32, 32))
    whole = (folder / "a.ome.tif").read_bytes()
    write_files(folder, {"c.ome.tif": whole[: len(whole) // 2], "d.zarr/zarr.json": b"{"})

    watch = once(folder, journal)

    told = {event.path: event for event in watch.events}
    assert {path for path, event in told.items() if event.status == "finished"} == {
        *("a.ome.tif", "b.ome.zarr/"),
    }
    assert told["c.ome.tif"].note == "c.ome.tif: its last bytes are not there yet"
    assert told["d.zarr/"].note == "d.zarr/zarr.json: it is no whole JSON object"


def test_a_marker_finishes_without_waiting(folder: Path, journal: Path) -> None:
    """Also what its format does not call whole: the instrument has said so."""
    write_files(folder, {**UNFINISHED, "cut.done": b""})

    watch = once(folder, journal, markers="*.done")

    assert [e.path for e in watch.events if e.status == "unfinished"] == []
    assert "cut.tif" in graph(folder)


def test_what_cannot_be_read_is_told_and_keeps_the_crate_open(folder: Path, journal: Path) -> None:
    """A link, and a name in another encoding."""
    (folder / "link").symlink_to("raw")
    try:
        (folder / os.fsdecode(b"f\xe4rbung.txt")).write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes no name that is not UTF-8")

    watch = once(folder, journal)

    assert watch.ended
    assert (watch.ended.finished, watch.ended.unfinished, watch.ended.closed) == (4, 2, False)
    unread = [event for event in watch.events if event.status == "unread"]
    assert len(unread) == 2
    assert all(event.note for event in unread)


def test_a_link_within_a_zarr_keeps_that_one_unfinished(folder: Path, journal: Path) -> None:
    """A code over a part of it must not exist."""
    (folder / "cell.zarr/0/9").symlink_to("0")

    watch = once(folder, journal)

    (told,) = [event for event in watch.events if event.status == "unfinished"]
    assert (told.path, "symbolic link" in str(told.note)) == ("cell.zarr/", True)
    assert "cell.zarr/" not in graph(folder)


def test_an_empty_folder_gets_no_crate(tmp_path: Path, journal: Path) -> None:
    """There is nothing to claim, and perhaps it is the place of a mount that is not there."""
    (tmp_path / "empty").mkdir()

    watch = once(tmp_path / "empty", journal)

    assert watch.ended
    assert (watch.ended.finished, watch.ended.closed) == (0, False)
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_crate_with_digests_of_others_is_left_to_build(folder: Path, journal: Path) -> None:
    """They would have to be checked or kept; nothing is written."""
    build(folder, sha256=True)
    before = (folder / METADATA).read_bytes()

    with pytest.raises(InputError, match="digests of other kinds"):
        once(folder, journal)

    assert (folder / METADATA).read_bytes() == before


def test_a_crate_in_table_style_is_left_to_build(folder: Path, journal: Path) -> None:
    """A table cannot say that files are still being written."""
    from crate_iscc.crate.style import Style

    build(folder, style=Style.TABLE)

    with pytest.raises(InputError, match="table"):
        once(folder, journal)


def test_metadata_that_are_broken_end_the_watch_with_what_is_wrong(
    folder: Path, journal: Path
) -> None:
    """They are somebody's, and are not written over."""
    (folder / METADATA).write_text("{")

    with pytest.raises(CrateIsccError):
        once(folder, journal)

    assert (folder / METADATA).read_text() == "{"


def test_pixel_codes_go_with_the_bytes_that_they_are_of(tmp_path: Path, journal: Path) -> None:
    """Of an image that is another now, and of no other."""
    folder = tmp_path / "run"
    folder.mkdir()
    pixels = numpy.arange(64 * 64, dtype="u2").reshape(64, 64)
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(folder / name, pixels)
    build(folder, pixels=True)
    before = graph(folder)
    tifffile.imwrite(folder / "b.tif", pixels[::-1])

    once(folder, journal)

    after = graph(folder)
    assert len(before["b.tif"]["identifier"]) > 1, "there was a pixel code"
    assert after["a.tif"] == before["a.tif"]
    assert isinstance(after["b.tif"]["identifier"], str)


def test_what_is_excluded_stays_excluded(folder: Path, journal: Path) -> None:
    """The patterns that the crate records hold for the watch too."""
    build(folder, excluded=["*.log"])
    write_files(folder, {"instrument.log": b"1"})

    watch = once(folder, journal, settle=SETTLE)

    assert watch.ended
    assert watch.ended.closed
    assert "instrument.log" not in {event.path for event in watch.events}
    assert verify(folder, closed=True).verdict is Verdict.VALID
