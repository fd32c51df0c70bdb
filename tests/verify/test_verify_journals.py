"""A journal takes what was read, and gives it back as long as the files are in that very state."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from blake3 import blake3

from crate_iscc import InputError, Report, Verdict, build, report_text, verify
from crate_iscc.entries import EntryTable
from crate_iscc.errors import WriteError
from crate_iscc.fingerprinting.journal import Journal, default_journal
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.zip import ZipTree
from crate_iscc.verifying.sampling import Sampling
from verify.verify_kit import METADATA, edit_metadata, foreign, found, verified, write_files

_SETTLED = 0.1
"""Seconds after which a file is no longer so fresh that its state proves nothing."""
_LONG_SETTLED = 2.1
"""Seconds after which that goes for file systems with coarse clocks too, without a look at each."""
_posix = pytest.mark.skipif(os.name != "posix", reason="locks and signals are those of POSIX")
_linux = pytest.mark.skipif(sys.platform != "linux", reason="bytes read are counted by Linux")


@pytest.fixture
def some(tmp_path: Path) -> Path:
    """Return a crate of 40 files that are old enough to be believed, one of them large."""
    files = {f"data/{n}.bin": b"%d" % n * (n + 1) for n in range(39)}
    files["large.bin"] = random.Random(7).randbytes(1_500_000)
    folder = write_files(tmp_path / "some", files)
    build(folder, name="Some", licence="CC0-1.0")
    time.sleep(_SETTLED)
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where the journal lies."""
    return tmp_path / "state" / "a.journal"


def _since(crate: Path, place: Path, max_age: timedelta | None = None) -> Report:
    return verified(crate, journal=Journal(place, crate, since=True, max_age=max_age))


def _resumed(crate: Path, place: Path) -> Report:
    return verified(crate, journal=Journal(place, crate))


def _reused(report: Report) -> int:
    return report.earlier.files if report.earlier else 0


def _alike(report: Report) -> Report:
    """Return a report less what tells of earlier readings."""
    from dataclasses import replace

    kept = tuple(aspect for aspect in report.not_checked if aspect != "unchanged")
    return replace(report, earlier=None, not_checked=kept)


# --- since -------------------------------------------------------------------------------------


def test_what_is_unchanged_is_not_read_again(some: Path, place: Path) -> None:
    """After a verification, --since reads nothing, and says on what its verdict rests."""
    first, second = _since(some, place), _since(some, place)

    assert _reused(first) == 0
    assert _reused(second) == 40
    assert first == _alike(second) == verify(some)
    assert second.verdict is Verdict.VALID
    assert {"datahash", "treehash"} <= set(second.checked)
    assert "unchanged" in second.not_checked
    assert second.earlier is not None
    assert not second.earlier.same_run
    text = report_text(second)
    assert "40 files (1.5 MB) were read" in text
    assert "damage of the disk that changes no time is not seen" in text
    assert "VALID: every recorded file is intact; 40 files were unchanged and not read" in text


def test_what_changed_is_read_again(some: Path, place: Path) -> None:
    """A file that was written to, replaced, touched or renamed is read; all others are not."""
    _since(some, place)
    (some / "data/1.bin").write_bytes(b"new")
    os.utime(some / "data/2.bin")
    (some / "data/3.bin").rename(some / "data/three.bin")
    replaced = some / "data/4.bin"
    content = replaced.read_bytes()
    replaced.unlink()
    replaced.write_bytes(content)

    report = _since(some, place)

    assert _reused(report) == 36
    assert found(report) == {
        ("bytes.changed", "data/1.bin", None),
        ("bytes.moved", "data/3.bin", "data/three.bin"),
    }
    assert _alike(report) == verify(some)


@pytest.mark.parametrize("name", ["data/20.bin", "large.bin"])
def test_a_flipped_bit_with_the_old_time_is_seen_by_the_change_time(
    some: Path, place: Path, name: str
) -> None:
    """Who sets the modification time back cannot set the change time back."""
    _since(some, place)
    damaged = some / name
    before = damaged.stat()
    with damaged.open("r+b") as file:
        byte = file.read(1)
        file.seek(0)
        file.write(bytes([byte[0] ^ 1]))
    os.utime(damaged, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert damaged.stat().st_mtime_ns == before.st_mtime_ns

    report = _since(some, place)

    assert found(report) == {("bytes.changed", name, None)}
    assert _reused(report) == 39


def test_damage_that_was_found_is_found_again(some: Path, place: Path) -> None:
    """A file that was read and is not as recorded stays a finding, unread as it may be."""
    (some / "data/5.bin").write_bytes(b"damaged")
    time.sleep(_SETTLED)
    reports = [_since(some, place), _since(some, place)]

    assert [report.verdict for report in reports] == [Verdict.INVALID] * 2
    assert reports[0] == _alike(reports[1])
    assert _reused(reports[1]) == 40


def test_observations_outlive_the_record(some: Path, place: Path) -> None:
    """When the metadata change, the files have not: they are compared with the new record."""
    _since(some, place)

    def change(graph: list[dict[str, object]]) -> None:
        entity = next(e for e in graph if e["@id"] == "data/6.bin")
        entity["datahash"] = "1e20" + "00" * 32
        entity.pop("identifier")

    edit_metadata(some, change)
    report = _since(some, place)

    assert _reused(report) == 40
    assert ("bytes.changed", "data/6.bin", None) in found(report)


def test_what_was_read_too_long_ago_is_read_again(some: Path, place: Path) -> None:
    """With a maximum age, each file is read again in time, and then counts as read then."""
    _since(some, place)
    time.sleep(0.2)

    assert _reused(_since(some, place, timedelta(days=1))) == 40
    assert _reused(_since(some, place, timedelta(seconds=0.1))) == 0
    assert _reused(_since(some, place, timedelta(seconds=60))) == 40


def test_a_file_that_was_just_written_is_not_believed(some: Path, place: Path) -> None:
    """What changed in the tick of the clock in which it was read is read again."""
    fresh = some / "data/7.bin"
    now = time.time_ns() + 5_000_000_000
    os.utime(fresh, ns=(now, now))
    _since(some, place)

    assert _reused(_since(some, place)) == 39


def test_an_unreadable_file_gets_into_no_journal(some: Path, place: Path) -> None:
    """A file that could not be read is asked for again."""
    locked = some / "data/8.bin"
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("root reads everything")
    assert _since(some, place).verdict is Verdict.INCOMPLETE
    locked.chmod(0o644)

    report = _since(some, place)
    assert (_reused(report), report.verdict) == (39, Verdict.VALID)


def test_files_in_the_order_of_the_disk_are_told_apart(tmp_path: Path, place: Path) -> None:
    """A gentle reading takes files by inode: each gets the datahash that is its own."""
    names = [f"{n:02}" for n in range(64)]
    # The first and the last stand where they do in the order of paths: a run, to a careless look.
    shuffled = [names[0], *random.Random(3).sample(names[1:-1], len(names) - 2), names[-1]]
    crate = write_files(tmp_path / "mixed", {name: name.encode() for name in shuffled})
    build(crate, name="Mixed", licence="CC0-1.0")
    time.sleep(_LONG_SETTLED)
    verify(crate, journal=Journal(place, crate), gentle=True)

    report = _since(crate, place)
    assert (_reused(report), report.verdict) == (64, Verdict.VALID)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_stands_for_its_members(
    some: Path, place: Path, tmp_path: Path, kind: str
) -> None:
    """Members of a zip are unchanged while the zip is; when it is touched, all are read."""
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), kind, some))
    time.sleep(_SETTLED)

    assert _reused(_since(archive, place)) == 0
    assert _reused(_since(archive, place)) == 40
    os.utime(archive)
    time.sleep(_SETTLED)
    report = _since(archive, place)
    assert (_reused(report), report.verdict) == (0, Verdict.VALID)


def test_digests_of_other_conventions_are_remembered(tmp_path: Path, place: Path) -> None:
    """A crate with sha256 alone rests on it again; when more is wanted, files are read."""
    import hashlib

    files = {f"{n}.bin": b"%d" % n for n in range(10)}
    entities = [
        {"@id": name, "@type": "File", "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    crate = foreign(tmp_path / "other", files, entities, "https://w3id.org/ro/crate/1.2/context")
    time.sleep(_SETTLED)
    first, second = _since(crate, place), _since(crate, place)

    assert (_reused(first), _reused(second)) == (0, 10)
    assert first == _alike(second)
    assert second.rests_on == (("sha256", 10),)

    def ask(graph: list[dict[str, object]]) -> None:
        entity = next(e for e in graph if e["@id"] == "3.bin")
        del entity["sha256"]
        entity["sha512"] = hashlib.sha512(files["3.bin"]).hexdigest()

    edit_metadata(crate, ask)
    third = _since(crate, place)
    assert _reused(third) == 9
    assert third.verdict is Verdict.VALID


def test_crates_inside_are_verified_too(some: Path, place: Path, tmp_path: Path) -> None:
    """A crate inside a crate is judged by what was remembered of the files around it."""
    outer = write_files(tmp_path / "outer", {"a": b"a"})
    shutil.copytree(some, outer / "inner")
    build(outer, name="Outer", licence="CC0-1.0")
    time.sleep(_SETTLED)
    first, second = _since(outer, place), _since(outer, place)

    assert first == _alike(second)
    assert _reused(second) == 42
    assert second.nested[0].verdict is Verdict.VALID


# --- the journal itself --------------------------------------------------------------------------


def test_a_torn_end_is_dropped(some: Path, place: Path) -> None:
    """Wherever a journal ends, what is whole counts, the rest is read, and it can go on."""
    for n in range(6):
        os.utime(some / f"data/{n}.bin")
        time.sleep(_SETTLED)
        _since(some, place)
    raw = place.read_bytes()
    cuts = [0, 5, 21, 30, *random.Random(1).sample(range(len(raw)), 12), len(raw) - 1]
    reused = set()
    for cut in cuts:
        place.write_bytes(raw[:cut])
        report = _since(some, place)
        assert _alike(report) == verify(some)
        reused.add(_reused(report))
        assert _reused(_since(some, place)) == 40
    assert len(reused) > 2


def test_a_damaged_record_is_never_believed(some: Path, place: Path) -> None:
    """Any flipped bit costs the record that it is in, and those behind it."""
    _since(some, place)
    raw = place.read_bytes()
    chance = random.Random(2)
    for _ in range(25):
        bad = bytearray(raw)
        bad[chance.randrange(21, len(raw))] ^= 1 << chance.randrange(8)
        place.write_bytes(bad)
        report = _since(some, place)
        assert _alike(report) == verify(some)
        assert _reused(report) < 41
    bad = bytearray(raw)
    at = raw.index(blake3((some / "data/9.bin").read_bytes()).digest())
    bad[at] ^= 1
    place.write_bytes(bad)
    assert _since(some, place).verdict is Verdict.VALID


def test_the_journal_of_another_crate_is_refused(some: Path, place: Path, tmp_path: Path) -> None:
    """A journal counts for the crate at one place; for another it is refused, and left alone."""
    _since(some, place)
    raw = place.read_bytes()
    other = shutil.copytree(some, tmp_path / "other")

    with pytest.raises(InputError, match="another crate"):
        _since(other, place)
    assert place.read_bytes() == raw


@pytest.mark.parametrize("content", [b"precious data\n", b"crate-iscc journal 2\n..."])
def test_what_is_no_journal_is_left_as_it_is(some: Path, place: Path, content: bytes) -> None:
    """A file that is something else is never written to."""
    place.parent.mkdir()
    place.write_bytes(content)

    with pytest.raises(InputError, match="no journal"):
        _since(some, place)
    assert place.read_bytes() == content


def test_a_journal_lies_outside_of_the_crate(some: Path) -> None:
    """A journal in the crate would change what is verified."""
    with pytest.raises(InputError, match="would lie in the crate"):
        _since(some, some / "data" / "j")
    assert not (some / "data" / "j").exists()


@_posix
def test_a_journal_is_no_link_and_no_device(some: Path, place: Path, tmp_path: Path) -> None:
    """Links and pipes are refused, and where nothing can be written that is said."""
    place.parent.mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="no regular file"):
        _since(some, place)
    place.unlink()
    place.write_bytes(b"")
    with pytest.raises(WriteError, match="cannot be kept"):
        _since(some, place / "j")


@_posix
def test_two_verifications_do_not_share_a_journal(some: Path, place: Path) -> None:
    """The second is refused while the first has it, and can have it then."""
    tree = DirectoryTree(some)
    with Journal(place, some) as journal:
        journal.recall(tree, tree.listing().entries, DigestBook({}))
        with pytest.raises(InputError, match="is in use"):
            _since(some, place)
    assert _since(some, place).verdict is Verdict.VALID


def test_what_has_no_states_cannot_be_remembered(some: Path, place: Path) -> None:
    """A tree whose files have neither times nor tags is refused, and leaves no journal."""

    class Stateless(DirectoryTree):
        """A directory that tells no states."""

    tree = Stateless(some)
    entries = tree.listing().entries
    bare = EntryTable(entries.path_column, entries.sizes, None)
    with (
        Journal(place, some) as journal,
        pytest.raises(InputError, match="nothing can be remembered"),
    ):
        journal.recall(tree, bare, DigestBook({}))
    assert not place.exists()


def test_what_is_no_crate_leaves_no_journal(tmp_path: Path, place: Path) -> None:
    """A journal begins when the first file is asked for."""
    folder = write_files(tmp_path / "none", {"a": b"a"})
    with pytest.raises(InputError):
        _since(folder, place)
    assert not place.exists()


def test_a_journal_does_not_grow_forever(some: Path, place: Path) -> None:
    """When most of what it holds is out of date, a journal is written anew, with what counts."""
    from crate_iscc.fingerprinting import journal as module

    before, module._STALE = module._STALE, 0
    try:
        sizes = []
        for _ in range(6):
            _resumed(some, place)  # each reads all
            sizes.append(place.stat().st_size)
        assert max(sizes) < 3 * sizes[0]
        assert _reused(_since(some, place)) == 40
        os.utime(some / "large.bin")
        time.sleep(_SETTLED)
        assert _reused(_since(some, place)) == 39
        assert _reused(_since(some, place)) == 40
    finally:
        module._STALE = before


def test_a_sample_takes_nothing_from_a_journal(some: Path, place: Path) -> None:
    """What a sample did not ask for is remembered as before."""
    from crate_iscc.fingerprinting import journal as module

    before, module._STALE = module._STALE, 0
    try:
        _since(some, place)
        sampling = Sampling.parse("1", "s")
        for _ in range(3):
            verified(some, journal=Journal(place, some), sampling=sampling)
    finally:
        module._STALE = before
    assert _reused(_since(some, place)) == 40


def test_each_crate_has_a_journal_of_its_own(tmp_path: Path) -> None:
    """The default name follows from the crate's place, however it is written, or its URL."""
    (tmp_path / "a").mkdir()
    names = {
        default_journal(tmp_path, tmp_path / "a"),
        default_journal(tmp_path, tmp_path / "a" / METADATA),
        default_journal(tmp_path, f"{tmp_path}/b/../a/"),
    }
    assert len(names) == 1
    assert default_journal(tmp_path, tmp_path / "b") not in names
    assert default_journal(tmp_path, "https://example.org/a") not in names


# --- resume --------------------------------------------------------------------------------------


def test_resume_begins_anew_after_an_end(some: Path, place: Path) -> None:
    """What an ended verification has read is not taken for this one's."""
    assert _reused(_resumed(some, place)) == 0
    assert _reused(_resumed(some, place)) == 0
    assert _reused(_since(some, place)) == 40


def test_an_error_ends_nothing(some: Path, place: Path) -> None:
    """A verification that is broken off goes on with what it had read."""

    class StopError(Exception):
        pass

    seen = 0

    def stop(_state: object) -> None:
        nonlocal seen
        seen += 1
        if place.exists() and place.stat().st_size > 1000:
            raise StopError

    with pytest.raises(StopError):
        verify(some, journal=Journal(place, some), jobs=1, gentle=True, progress=stop)
    report = _resumed(some, place)

    assert report.verdict is Verdict.VALID
    assert _reused(report) > 0
    assert report.earlier is not None
    assert report.earlier.same_run
    assert "unchanged" not in report.not_checked
    assert "resumed: " in report_text(report)
    assert _alike(report) == verify(some)


_BIG = 4 << 20
_BIGS = 120


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[Path]:
    """Return a crate of many large files that take a second to read, of holes alone."""
    folder = tmp_path / "slow"
    (folder / "data").mkdir(parents=True)
    entities = []
    hasher = blake3(bytes(_BIG))
    for n in range(_BIGS):
        hasher.update(b"\0")
        name = f"data/{n}.raw"
        with (folder / name).open("wb") as file:
            file.truncate(_BIG + n + 1)
        entities.append(
            {
                "@id": name,
                "@type": "File",
                "contentSize": str(_BIG + n + 1),
                "datahash": "1e20" + hasher.hexdigest(),
            }
        )
    context = [
        "https://w3id.org/ro/crate/1.1/context",
        {"datahash": "http://purl.org/iscc/terms/#datahash"},
    ]
    yield foreign(folder, {}, entities, context)
    shutil.rmtree(folder)


def _bytes_read() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["rchar"])


@_linux
def test_kill_9_loses_nothing(slow: Path, place: Path) -> None:
    """Killed again and again, a verification ends as if it had not been, and reads the rest."""
    expected = verify(slow)
    assert expected.verdict is Verdict.VALID
    time.sleep(_SETTLED)
    chance = random.Random()
    command = [sys.executable, "-m", "crate_iscc", "verify", str(slow), "--resume"]
    command += ["--journal", str(place), "--jobs", "1", "--io", "gentle", "--progress", "none"]
    kills = 0
    for _ in range(4):
        before = place.stat().st_size if place.exists() else 0
        more = chance.randrange(100, 3000)  # bytes of the journal: a file is about 130
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            while process.poll() is None:
                if place.exists() and place.stat().st_size >= before + more:
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(0.001)
        kills += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            break
    assert kills

    start = _bytes_read()
    report = verify(slow, journal=Journal(place, slow), jobs=1, gentle=True)
    read = _bytes_read() - start

    assert report.earlier is not None
    assert report.earlier.same_run
    assert 0 < report.earlier.files < _BIGS
    missing = sum(file.stat().st_size for file in (slow / "data").iterdir()) - report.earlier.size
    assert missing <= read < missing + _BIG
    assert _alike(report) == expected


@_linux
def test_ctrl_c_says_how_to_go_on(slow: Path, place: Path) -> None:
    """An interrupt ends with 130 and tells that the journal has what was read."""
    command = [sys.executable, "-m", "crate_iscc", "verify", str(slow), "--resume"]
    command += ["--journal", str(place), "--jobs", "1", "--io", "gentle", "--progress", "none"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (place.exists() and place.stat().st_size > 500):
            time.sleep(0.001)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert "the journal" in said
    done = subprocess.run([*command, "--format", "json"], capture_output=True, check=True)
    assert 0 < json.loads(done.stdout)["earlier"]["files"] < _BIGS


def test_a_zip_that_is_open_tells_its_state(tmp_path: Path) -> None:
    """The state of a zip is that of its file."""
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("a", b"a")
    status = place.stat()
    with ZipTree(place) as tree:
        assert tree.state.words() == (
            status.st_mtime_ns,
            status.st_ctime_ns,
            status.st_ino,
            status.st_dev,
        )
