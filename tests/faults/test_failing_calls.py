"""Whatever call of the system fails: one clear end, nothing half-done, nothing claimed.

Each run is told to fail its first call, the next run its second, until a run makes it through.
"""

import errno
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from crate_iscc import Verdict, verify
from faults.crates import MANIFEST, METADATA, STUDY, Kept, paths_below, unfinished, write_files
from faults.failing_kit import EVERY_KIND, Ended, FailingProcess, Fault

WRITING = ("open", "write", "fsync", "rename", "remove", "mkdir", "mode", "lock")
READING = tuple(kind for kind in EVERY_KIND if kind not in WRITING or kind == "open")
ERRORS = [errno.ENOSPC, errno.EACCES, errno.EMFILE, errno.ESTALE, errno.ENOENT, errno.ENOMEM]
MOST = 600
"""More calls than any run here makes."""

deep = pytest.mark.deep


def _id(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value)
    return errno.errorcode.get(value) if isinstance(value, int) else None


def every_fault(
    run: Callable[[Fault], Ended],
    kinds: Sequence[str] = EVERY_KIND,
    error: int = errno.EIO,
    *,
    persists: bool = False,
) -> Iterator[tuple[Ended, Fault]]:
    """Run with one call after the other failing; the last run, in which none failed, ends well."""
    for nth in range(1, MOST):
        fault = Fault(nth, kinds, error, persists)
        ended = run(fault)
        yield ended, fault
        if ended.struck is None:
            assert ended.code == 0, ended
            assert nth > 5, "hardly any call was seen"
            return
    raise AssertionError(f"no run came through with {MOST} calls")


def says_what_failed(ended: Ended, fault: Fault, *names: str) -> bool:
    """Tell whether the message of a run names the file of the call that failed, or the folder.

    Where all later calls failed as well, it may be any file.
    """
    name = ended.struck_path.rstrip("/").rpartition("/")[2]
    others = (*STUDY, "new.txt", METADATA, MANIFEST) if fault.persists else ()
    return any(word and word in ended.err for word in (name, *names, *others))


# --- build -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Versions:
    """The files of one crate before and after a build."""

    folder: Path
    old: dict[str, bytes]
    new: dict[str, bytes]

    def put_back(self) -> None:
        """Make all as it was before."""
        for path in unfinished(self.folder):
            (self.folder / path).unlink()
        for name, content in self.old.items():
            (self.folder / name).write_bytes(content)


@pytest.fixture
def study(failing: FailingProcess, tmp_path: Path) -> Versions:
    """Return a crate to which a file was added since, and what a build makes of it."""
    folder = write_files(tmp_path / "place" / "study")
    failing.run("build", folder, "--no-cache", folder=folder)
    old = {name: (folder / name).read_bytes() for name in (METADATA, MANIFEST)}
    write_files(folder, {"new.txt": b"new"})
    failing.run("build", folder, "--no-cache", folder=folder)
    new = {name: (folder / name).read_bytes() for name in (METADATA, MANIFEST)}
    assert old[METADATA] != new[METADATA]
    assert old[MANIFEST] != new[MANIFEST]
    return Versions(folder, old, new)


@pytest.mark.parametrize(
    ("kinds", "error", "persists", "with_c"),
    [
        ((*WRITING, "read", "mmap"), errno.EIO, False, True),
        pytest.param(EVERY_KIND, errno.EIO, False, True, marks=deep),
        pytest.param(EVERY_KIND, errno.EIO, True, True, marks=deep),
        pytest.param(EVERY_KIND, errno.EIO, False, False, marks=deep),
        *(pytest.param(EVERY_KIND, e, p, True, marks=deep) for e in ERRORS for p in (False, True)),
    ],
    ids=_id,
)
def test_a_build_in_place_leaves_old_or_new(
    failing: FailingProcess,
    study: Versions,
    kinds: Sequence[str],
    error: int,
    persists: bool,
    with_c: bool,
) -> None:
    """The metadata are the old or the new ones, the payload is untouched, and no file is added."""
    folder = study.folder
    kept = Kept.of(folder, {**STUDY, "new.txt": b""})
    expected = {*STUDY, "new.txt", METADATA, MANIFEST}

    def run(fault: Fault) -> Ended:
        study.put_back()
        return failing.run("build", folder, "--no-cache", folder=folder, fault=fault, with_c=with_c)

    for ended, fault in every_fault(run, kinds, error, persists=persists):
        now = {name: (folder / name).read_bytes() for name in (METADATA, MANIFEST)}
        for name, content in now.items():
            assert content in (study.old[name], study.new[name]), ended
        assert now[MANIFEST] == study.new[MANIFEST] or now[METADATA] == study.old[METADATA], ended
        assert Kept.of(folder, {**STUDY, "new.txt": b""}) == kept, ended
        assert paths_below(folder) == expected, ended
        if ended.code == 0:
            assert now == study.new, ended
        else:
            assert says_what_failed(ended, fault, str(folder)), ended
        if not persists:
            assert "remove" in (ended.struck or "") or unfinished(folder) == [], ended
        elif unfinished(folder):
            failing.run("build", folder, "--no-cache", folder=folder)
            assert unfinished(folder) == [], ended


@pytest.mark.parametrize("out", ["x.zip", "x"])
@pytest.mark.parametrize(
    ("kinds", "error", "persists", "with_c"),
    [
        (WRITING[1:], errno.ENOSPC, False, True),
        pytest.param(EVERY_KIND, errno.EIO, False, True, marks=deep),
        pytest.param(EVERY_KIND, errno.EIO, True, True, marks=deep),
        pytest.param(EVERY_KIND, errno.EIO, False, False, marks=deep),
        *(pytest.param(EVERY_KIND, e, True, True, marks=deep) for e in ERRORS),
    ],
    ids=_id,
)
def test_a_copy_is_there_whole_or_not_at_all(
    failing: FailingProcess,
    study: Versions,
    out: str,
    kinds: Sequence[str],
    error: int,
    persists: bool,
    with_c: bool,
) -> None:
    """Under its name there is a whole crate or nothing; the dataset is untouched in any case."""
    place = study.folder.parent
    target = place / out
    before = Kept.of(study.folder, {**STUDY, METADATA: b"", MANIFEST: b""})

    def run(fault: Fault) -> Ended:
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        return failing.run(
            "build", study.folder, "--no-cache", "-o", target, folder=place, fault=fault,
            with_c=with_c,
        )  # fmt: skip

    for ended, fault in every_fault(run, kinds, error, persists=persists):
        assert Kept.of(study.folder, {**STUDY, METADATA: b"", MANIFEST: b""}) == before, ended
        assert {item.name for item in place.iterdir()} <= {"study", out, *unfinished(place)}
        if target.exists():
            assert verify(target).verdict is Verdict.VALID, ended
            assert ended.code == 0 or "it is there, but" in ended.err, ended
        else:
            assert ended.code != 0, ended
            assert says_what_failed(ended, fault, str(place)), ended
        if not persists:
            assert "remove" in (ended.struck or "") or unfinished(place) == [], ended
    assert unfinished(place) == [], "the last build clears up after all others"


# --- verify and sum ----------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["study", "study.zip"])
@pytest.mark.parametrize(
    ("options", "error", "persists", "with_c"),
    [
        ([], errno.EIO, False, True),
        pytest.param([], errno.EIO, True, True, marks=deep),
        pytest.param([], errno.EIO, False, False, marks=deep),
        pytest.param(["--full"], errno.EIO, False, True, marks=deep),
        pytest.param(["--quick"], errno.EIO, False, True, marks=deep),
        pytest.param(["--io", "gentle"], errno.EIO, False, True, marks=deep),
        *(pytest.param([], e, p, True, marks=deep) for e in ERRORS for p in (False, True)),
    ],
    ids=_id,
)
def test_a_verification_claims_nothing_about_what_it_did_not_read(
    failing: FailingProcess,
    study: Versions,
    source: str,
    options: list[str],
    error: int,
    persists: bool,
    with_c: bool,
) -> None:
    """A sound crate is valid, or some of it is unread, or there is no verdict: never damaged.

    Who says valid has counted every file.
    """
    crate = study.folder.parent / source
    if source.endswith(".zip"):
        failing.run("build", study.folder, "--no-cache", "-o", crate, folder=crate)

    def run(fault: Fault) -> Ended:
        return failing.run(
            "verify", crate, "--format", "json", *options, folder=crate, fault=fault, with_c=with_c
        )

    for ended, fault in every_fault(run, READING, error, persists=persists):
        assert ended.code in (0, 2, 3), ended
        value = json.loads(ended.out)
        if ended.code == 2:
            assert set(value) == {"error"}, ended
            assert says_what_failed(ended, fault, str(crate), METADATA, MANIFEST), ended
            continue
        counts, unread = value["counts"], {
            finding["path"] for finding in value["findings"] if finding["id"] == "bytes.unread"
        }  # fmt: skip
        assert {finding["id"] for finding in value["findings"]} <= {"bytes.unread"}, ended
        assert bool(unread) == (ended.code == 3), ended
        known = counts["match"] + len(unread - {MANIFEST})
        if "--quick" in options and MANIFEST in unread:
            assert known <= len(STUDY) + 1, ended  # nothing else names the members of containers
        else:
            assert known == len(STUDY) + 1, ended
        if ended.code == 3 and ended.struck_path in STUDY:
            assert ended.struck_path in unread, ended


@deep
@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC], ids=_id)
def test_a_journal_is_whole_or_torn_whatever_fails(
    failing: FailingProcess, study: Versions, tmp_path: Path, error: int
) -> None:
    """A run that keeps a journal ends with a verdict or one error, and can be resumed."""
    journal = tmp_path / "a.journal"
    words: list[str | Path] = [
        "verify",
        study.folder,
        "--resume",
        "--journal",
        journal,
        "--format",
        "json",
    ]
    sound = json.loads(failing.run("verify", study.folder, "--format", "json").out)

    def run(fault: Fault) -> Ended:
        journal.unlink(missing_ok=True)
        return failing.run(*words, folder=tmp_path, fault=fault)

    for ended, fault in every_fault(run, EVERY_KIND, error):
        assert ended.code in (0, 2, 3), ended
        value = json.loads(ended.out)
        if ended.code == 2:
            assert set(value) == {"error"}, ended
            assert says_what_failed(ended, fault, str(study.folder), METADATA, "a.journal"), ended
        again = failing.run(*words, folder=tmp_path)
        assert again.code == 0, again
        value = json.loads(again.out)
        value.pop("earlier", None)
        assert value == sound


@pytest.mark.parametrize("options", [["--tree"], pytest.param([], marks=deep)], ids=str)
@pytest.mark.parametrize(
    ("error", "persists", "with_c"),
    [
        (errno.EIO, False, True),
        pytest.param(errno.EIO, False, False, marks=deep),
        *(pytest.param(error, True, True, marks=deep) for error in (errno.EIO, *ERRORS)),
    ],
    ids=_id,
)
def test_a_sum_is_right_or_not_given(
    failing: FailingProcess,
    tmp_path: Path,
    options: list[str],
    error: int,
    persists: bool,
    with_c: bool,
) -> None:
    """Each line that is printed is that of a run without a fault; what is left out is named."""
    folder = write_files(tmp_path / "study")
    right = failing.run("sum", *options, folder, folder=folder).out.splitlines()

    def run(fault: Fault) -> Ended:
        return failing.run("sum", *options, folder, folder=folder, fault=fault, with_c=with_c)

    for ended, fault in every_fault(run, READING, error, persists=persists):
        assert set(ended.out.splitlines()) <= set(right), ended
        if ended.code == 0:
            assert ended.out.splitlines() == right, ended
        else:
            assert ended.code in (2, 3), ended
            assert says_what_failed(ended, fault, str(folder)), ended
