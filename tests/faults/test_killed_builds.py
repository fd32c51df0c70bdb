"""Killed at any moment, a build leaves the old or the new; what it leaves beside is cleared up."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from crate_iscc import Verdict, verify
from faults.crates import MANIFEST, METADATA, STUDY, Kept, paths_below, unfinished, write_files
from faults.failing_kit import EVERY_KIND, KILLED, Ended, FailingProcess, Fault

WRITING = ("write", "fsync", "rename", "remove", "mkdir", "mode", "lock")
PAYLOAD = {**STUDY, "new.txt": b"new"}
FEW, MANY = 20, 200
"""Builds that are killed at random moments, in a normal test run and in a deep one."""

deep = pytest.mark.deep


@dataclass(frozen=True, slots=True)
class Killed:
    """A crate, what it was before, and what a build makes of it; builds of it are killed."""

    failing: FailingProcess
    folder: Path
    old: dict[str, bytes]
    new: dict[str, bytes]

    def restore(self) -> None:
        """Make all as it was before a build; what is left behind stays."""
        for name, content in self.old.items():
            (self.folder / name).write_bytes(content)

    def build(self, *arguments: str | Path, **how: object) -> Ended:
        """Build with these options."""
        return self.failing.run("build", self.folder, *arguments, **how)  # type: ignore[arg-type]

    def at_each_call(self, *arguments: str | Path, kinds: tuple[str, ...]) -> Iterator[Ended]:
        """Kill a build just before its first call, the next before the second, and so on."""
        for nth in range(1, 600):
            fault = Fault(nth, kinds, deed="kill")
            ended = self.build(*arguments, folder=self.folder.parent, fault=fault)
            yield ended
            if ended.code != KILLED:
                assert (ended.code, nth > 3) == (0, True), ended
                return
        raise AssertionError("no run came through")


@pytest.fixture
def killed(failing: FailingProcess, tmp_path: Path) -> Killed:
    """Return a crate to which a file was added."""
    folder = write_files(tmp_path / "place" / "study")
    failing.run("build", folder)
    old = {name: (folder / name).read_bytes() for name in (METADATA, MANIFEST)}
    write_files(folder, {"new.txt": b"new"})
    failing.run("build", folder)
    new = {name: (folder / name).read_bytes() for name in (METADATA, MANIFEST)}
    return Killed(failing, folder, old, new)


def hold_old_or_new(killed: Killed, kept: Kept) -> None:
    """Fail unless every file is whole, and verify tells them all from what is half-written."""
    folder = killed.folder
    now = {name: (folder / name).read_bytes() for name in (METADATA, MANIFEST)}
    for name, content in now.items():
        assert content in (killed.old[name], killed.new[name])
    assert Kept.of(folder, PAYLOAD) == kept
    assert paths_below(folder) == {*PAYLOAD, METADATA, MANIFEST}
    report = verify(folder)
    found = {(f.id, f.path) for f in report.findings}
    left = {("bytes.leftover", path) for path in unfinished(folder)}
    expected: set[tuple[str, str | None]] = set()
    if now[METADATA] == killed.old[METADATA]:
        expected = {("bytes.extra", "new.txt")}
        if now[MANIFEST] == killed.new[MANIFEST]:
            # Killed between the two: the list is not the recorded one, and lists the new file.
            expected = {("bytes.changed", MANIFEST), ("tree.changed", None)}
    assert found == expected | left
    assert (report.verdict is Verdict.VALID) == (not expected)


@pytest.mark.parametrize(
    "kinds", [WRITING, pytest.param(EVERY_KIND, marks=deep)], ids=["writing", "all"]
)
def test_a_build_in_place_may_be_killed_before_any_call(
    killed: Killed, kinds: tuple[str, ...]
) -> None:
    """Old or new, never anything else; the next build clears up, and makes the new."""
    kept = Kept.of(killed.folder, PAYLOAD)
    leftovers = 0
    killed.restore()

    for _ in killed.at_each_call(kinds=kinds):
        hold_old_or_new(killed, kept)
        leftovers += len(unfinished(killed.folder))
        assert killed.build().code == 0
        assert unfinished(killed.folder) == []
        for name, content in killed.new.items():
            assert (killed.folder / name).read_bytes() == content
        killed.restore()
    assert leftovers > 3, "nothing was ever left behind"


@pytest.mark.parametrize(
    ("out", "kinds"),
    [
        ("x.zip", WRITING),
        *(pytest.param(out, EVERY_KIND, marks=deep) for out in ("x.zip", "x")),
    ],
    ids=["zip-writing", "zip-all", "folder-all"],
)
def test_a_copy_may_be_killed_before_any_call(
    killed: Killed, out: str, kinds: tuple[str, ...]
) -> None:
    """The copy is there whole or not at all; the next build of it clears up what is beside it."""
    place = killed.folder.parent
    target = place / out
    before = Kept.of(killed.folder, {**PAYLOAD, METADATA: b"", MANIFEST: b""})
    most = 0

    for _ in killed.at_each_call("-o", target, kinds=kinds):
        assert Kept.of(killed.folder, {**PAYLOAD, METADATA: b"", MANIFEST: b""}) == before
        left = [path for path in unfinished(place) if "/" not in path]
        most = max(most, len(left))
        assert {item.name for item in place.iterdir()} <= {"study", out, *left}
        if target.exists():
            assert verify(target).verdict is Verdict.VALID
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
    assert most == 1, "each build removes what those before it left"
    assert unfinished(place) == []


@pytest.mark.parametrize("out", [None, "x.zip", "x"], ids=["in place", "zip", "folder"])
@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=deep)])
def test_builds_that_are_killed_at_random_moments_do_no_harm(
    killed: Killed, out: str | None, count: int
) -> None:
    """Of all these builds none leaves anything else than the old or the new."""
    place = killed.folder.parent
    kept = Kept.of(killed.folder, PAYLOAD)
    moments = Random(2024)
    ends = []

    for _ in range(count if out is None else count // 4):
        options: list[str | Path] = ["-o", place / out] if out else []
        if not out:
            killed.restore()
        ended = killed.build(*options, kill_after=moments.uniform(0, 0.06))
        ends.append(ended.code)
        hold_old_or_new(killed, kept)
        target = place / (out or "none")
        if target.exists():
            assert verify(target).verdict is Verdict.VALID
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
    assert killed.build().code == 0
    if out:
        assert killed.build("-o", place / out).code == 0
    assert unfinished(place) == []
    assert KILLED in ends


def test_a_leftover_that_the_crate_records_is_a_file(
    failing: FailingProcess, tmp_path: Path
) -> None:
    """Only what is not recorded is left out; a link of such a name is an extra link."""
    from verify.verify_kit import blake3_hex, foreign

    name = f".{METADATA}.12345678.partial"
    other = f".{MANIFEST}.abcd_123.partial"
    entity = {"@id": name, "@type": "File", "datahash": "1e20" + blake3_hex(b"recorded")}
    folder = foreign(tmp_path / "crate", {name: b"recorded"}, [entity])

    assert verify(folder).verdict is Verdict.VALID
    assert verify(folder).findings == ()
    (folder / name).write_bytes(b"damaged!")
    assert [f.id for f in verify(folder).findings] == ["bytes.changed"]
    (folder / other).symlink_to("nowhere")
    assert {f.id for f in verify(folder).findings} == {"bytes.changed", "file.special"}


@pytest.mark.parametrize("option", [[], ["--full"], ["--quick"]], ids=str)
def test_a_leftover_is_named_and_changes_no_verdict(
    killed: Killed, option: list[str], tmp_path: Path
) -> None:
    """Verify warns of it, in a folder as in a zip, and says valid."""
    name = f".{METADATA}.12345678.partial"
    (killed.folder / name).write_bytes(b"{")
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", killed.folder)

    for crate in (str(killed.folder), packed):
        ended = killed.failing.run("verify", crate, *option, "--format", "json")
        assert ended.code == 0, ended
        assert [(f["id"], f["path"]) for f in ended.json["findings"]] == [("bytes.leftover", name)]
        assert ended.json["counts"]["match"] == len(PAYLOAD)


def test_what_is_still_being_written_is_no_leftover(killed: Killed) -> None:
    """A build does not remove what another process is writing at that moment."""
    from crate_iscc.replacing import unfinished as being_written

    with being_written(killed.folder / METADATA) as place:
        assert killed.build().code == 0
        assert place.exists()
        place.unlink()
    (killed.folder / place.name).write_bytes(b"")
    assert killed.build().code == 0
    assert not (killed.folder / place.name).exists()
