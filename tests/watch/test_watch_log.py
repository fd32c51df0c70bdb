"""The journal of a watch survives whatever happens to its end, and believes no damaged line."""

from pathlib import Path

import pytest

from crate_iscc.errors import InputError
from crate_iscc.watching.log import WatchLog
from watch.watch_kit import once, write_files

FILES = {"a.bin": b"a", "z.zarr/.zgroup": b"{}", "z.zarr/0": b"chunk"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_files(tmp_path / "run", FILES)


@pytest.fixture
def journal(tmp_path: Path, folder: Path) -> Path:
    once(folder, tmp_path / "journal")
    return tmp_path / "journal"


def test_what_it_knows_is_not_read_again(folder: Path, journal: Path) -> None:
    """Until a file has another state; one with other permissions has another."""
    assert once(folder, journal).events == []
    (folder / "a.bin").chmod(0o600)
    assert [event.path for event in once(folder, journal).events] == ["a.bin"]


def test_cut_anywhere_it_knows_what_is_before(folder: Path, journal: Path) -> None:
    """Only whole lines count; the next watch goes on behind a torn one."""
    whole = journal.read_bytes()
    first = whole.index(b"\n") + 1
    for cut in (*range(first, len(whole), 97), len(whole) - 1):
        journal.write_bytes(whole[:cut])
        with WatchLog(journal, str(folder.resolve())) as log:
            memory = log.recall()
        assert len(memory.files) + len(memory.trees) <= 2
    journal.write_bytes(whole[:-1])

    again = once(folder, journal)

    assert len(again.events) == 1
    assert once(folder, journal).events == []


def test_no_damaged_line_counts(folder: Path, journal: Path) -> None:
    """Whatever byte of it is another one: what it says is read again, and rightly."""
    lines = journal.read_bytes().splitlines(keepends=True)
    right = {event.path: event.iscc for event in once(folder, journal.with_name("new")).events}
    for number in range(1, len(lines)):
        for place in (5, len(lines[number]) // 2, len(lines[number]) - 3):
            damaged = bytearray(lines[number])
            damaged[place] ^= 1
            journal.write_bytes(b"".join([*lines[:number], bytes(damaged), *lines[number + 1 :]]))
            with WatchLog(journal, str(folder.resolve())) as log:
                memory = log.recall()
            known = {**{p: k.iscc() for p, (_, k) in memory.files.items()}}
            known |= {p: t.codes.iscc.iscc() for p, t in memory.trees.items() if t.codes.iscc}
            assert known.items() <= right.items()
            assert len(known) == 1


def test_a_journal_of_another_folder_is_refused(tmp_path: Path, journal: Path) -> None:
    """As is what is no journal; neither is touched."""
    other = write_files(tmp_path / "other", FILES)
    before = journal.read_bytes()
    with pytest.raises(InputError, match="cannot be used"):
        once(other, journal)
    assert journal.read_bytes() == before
    (tmp_path / "text").write_text("my notes\n")
    with pytest.raises(InputError, match="cannot be used"):
        once(other, tmp_path / "text")
    assert (tmp_path / "text").read_text() == "my notes\n"


def test_two_watches_of_one_folder_are_one_too_many(folder: Path, journal: Path) -> None:
    """The second says so."""
    with (
        WatchLog(journal, str(folder.resolve())),
        pytest.raises(InputError, match="watched already"),
    ):
        once(folder, journal)
