"""Whatever another process does while files are listed and read: no code over a mix, no way out.

Something is done just before the first call of the system, in the next run before the second,
until a run has ended before it came to that. So each moment is tried, with the C reader as well.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from faults.crates import MANIFEST, METADATA, STUDY, write_files
from faults.failing_kit import Ended, FailingProcess, Fault

LARGE, SMALL = "raw/large.bin", "raw/b.tif"
TO_FILES = ["grow", "cut", "replace", "rewrite", "remove"]
TO_FOLDERS = ["swap folder", "move folder", "remove folder", "add"]
SECRET = {"b.tif": STUDY[SMALL][::-1], "large.bin": STUDY[LARGE][::-1]}
"""Files outside of the dataset, of the same names and sizes as those in it."""

READING = ("open", "read", "mmap", "getdents", "stat")
AT_READS = ("read", "mmap")
AT_FOLDERS = ("open", "getdents")

deep = pytest.mark.deep
MODES = [
    pytest.param([], True, id="mapped"),
    pytest.param([], False, id="mapped without C"),
    pytest.param(["--io", "gentle"], True, id="streamed"),
    pytest.param(["--io", "gentle"], False, id="streamed without C"),
]

DEEDS = [
    pytest.param("rewrite", AT_READS, id="rewrite-reads"),
    *(pytest.param(deed, READING, marks=deep, id=f"{deed}-all") for deed in TO_FILES),
]


@dataclass(frozen=True, slots=True)
class Disturbed:
    """A dataset that is made anew for each run, beside a folder that is none of its business."""

    failing: FailingProcess
    top: Path
    with_c: bool
    files: dict[str, bytes]

    @property
    def folder(self) -> Path:
        """The dataset."""
        return self.top / "study"

    def restore(self) -> None:
        """Make everything as it was before the first run."""
        shutil.rmtree(self.top, ignore_errors=True)
        write_files(self.folder, self.files)
        write_files(self.top / "elsewhere", SECRET)

    def undisturbed(self, *arguments: str | Path) -> Ended:
        """Run a command without a fault."""
        return self.failing.run(*arguments, folder=self.folder)

    def runs(
        self, *arguments: str | Path, kinds: tuple[str, ...], deed: str, path: str
    ) -> Iterator[Ended]:
        """Run a command again and again, with the deed before one call after the other."""
        for nth in range(1, 600):
            self.restore()
            fault = Fault(nth, kinds, deed=deed, place=self.folder / path)
            ended = self.failing.run(
                *arguments, folder=self.folder, fault=fault, with_c=self.with_c
            )
            yield ended
            if ended.struck is None:
                assert nth > 2, "hardly any call was seen"
                return
        raise AssertionError("no run came through")


def codes_of(printed: str) -> dict[str, str]:
    """Return the code of each file that sum prints."""
    found = re.findall(r"^(ISCC:\w+) \*(.+)$", printed, re.MULTILINE)
    return {Path(name).name: code for code, name in found}


@pytest.fixture
def disturbed(failing: FailingProcess, tmp_path: Path, with_c: bool) -> Disturbed:
    """Return a dataset to be disturbed."""
    made = Disturbed(failing, tmp_path / "top", with_c, dict(STUDY))
    made.restore()
    return made


def versions_of(disturbed: Disturbed, deed: str, path: str, *options: str) -> list[dict[str, str]]:
    """Return the codes before and after a deed, as sum gives them."""
    before = codes_of(disturbed.undisturbed("sum", *options, disturbed.folder).out)
    fault = Fault(1, ("open", "getdents"), deed=deed, place=disturbed.folder / path)
    # Before the first call, so all of it is over when anything is read.
    disturbed.failing.run("sum", *options, disturbed.folder, folder=disturbed.folder, fault=fault)
    after = codes_of(disturbed.undisturbed("sum", *options, disturbed.folder).out)
    disturbed.restore()
    return [before, after]


@pytest.mark.parametrize("path", [LARGE, SMALL], ids=["large", "small"])
@pytest.mark.parametrize(("deed", "kinds"), DEEDS)
@pytest.mark.parametrize(("how", "with_c"), MODES)
def test_a_code_is_that_of_a_whole_file_or_there_is_none(
    disturbed: Disturbed, how: list[str], kinds: tuple[str, ...], deed: str, path: str
) -> None:
    """Each code is of the old file or of the new one; every other file has its own code."""
    before, after = versions_of(disturbed, deed, path)
    name = Path(path).name

    for ended in disturbed.runs("sum", *how, disturbed.folder, kinds=kinds, deed=deed, path=path):
        codes = codes_of(ended.out)
        assert codes.pop(name, None) in (None, before[name], after.get(name)), ended
        assert codes.items() <= before.items(), ended
        assert len(codes) == len(STUDY) - 1, ended
        whole = codes_of(ended.out)
        if ended.code == 0:
            assert len(whole) == len(STUDY) or whole == after, ended  # gone before it was listed
        else:
            assert ended.code == 3, ended
            assert len(whole) < len(STUDY), ended
            assert name in ended.err, ended


@pytest.mark.parametrize("path", [LARGE, SMALL], ids=["large", "small"])
@pytest.mark.parametrize(("deed", "kinds"), DEEDS)
@pytest.mark.parametrize(
    ("how", "with_c"),
    [MODES[0], *(pytest.param(*mode.values, marks=deep, id=mode.id) for mode in MODES[1:])],
)
def test_the_code_of_a_tree_is_never_that_of_a_mix(
    disturbed: Disturbed, how: list[str], kinds: tuple[str, ...], deed: str, path: str
) -> None:
    """The code of the whole is that of all old bytes or of all new ones, or there is none."""
    before, after = versions_of(disturbed, deed, path, "--tree")
    arguments: list[str | Path] = ["sum", "--tree", *how, disturbed.folder]

    for ended in disturbed.runs(*arguments, kinds=kinds, deed=deed, path=path):
        codes = codes_of(ended.out)
        assert codes in ({}, before, after), ended
        assert ended.code == (0 if codes else 3), ended
        if ended.code:
            assert Path(path).name in ended.err or "study" in ended.err, ended


@pytest.mark.parametrize("path", [LARGE, SMALL], ids=["large", "small"])
@pytest.mark.parametrize(("deed", "kinds"), DEEDS)
@pytest.mark.parametrize(
    ("how", "with_c"),
    [MODES[0], *(pytest.param(*mode.values, marks=deep, id=mode.id) for mode in MODES[1:])],
)
def test_a_verdict_on_a_changing_file_is_true(
    disturbed: Disturbed, how: list[str], kinds: tuple[str, ...], deed: str, path: str
) -> None:
    """The file is intact, changed, missing or unread; nothing else is said of any other file."""
    disturbed.undisturbed("build", disturbed.folder, "--no-cache")
    made = {name: (disturbed.folder / name).read_bytes() for name in (METADATA, MANIFEST)}
    disturbed.files.update(made)
    arguments: list[str | Path] = ["verify", disturbed.folder, "--format", "json", *how]
    kinds_seen = set()

    for ended in disturbed.runs(*arguments, kinds=kinds, deed=deed, path=path):
        assert ended.code in (0, 1, 3), ended
        findings = {(one["id"], one["path"]) for one in json.loads(ended.out)["findings"]}
        kinds_seen |= {kind for kind, _ in findings}
        allowed = ("bytes.changed", "bytes.missing", "bytes.unread")
        assert findings <= {(kind, path) for kind in allowed}, ended
        assert len(findings) == (1 if ended.code else 0), ended
        assert json.loads(ended.out)["counts"]["match"] == len(STUDY) - len(findings), ended
    assert kinds_seen, "nobody noticed the change at any moment"


@pytest.mark.parametrize(
    "deed", ["swap folder", *(pytest.param(d, marks=deep) for d in TO_FOLDERS[1:])]
)
@pytest.mark.parametrize(
    "kinds", [AT_FOLDERS, pytest.param(READING, marks=deep)], ids=["folders", "all"]
)
@pytest.mark.parametrize("with_c", [True, False], ids=["with C", "without C"])
def test_a_folder_that_changes_while_it_is_walked_is_no_way_out(
    disturbed: Disturbed, kinds: tuple[str, ...], deed: str
) -> None:
    """No code is ever of what lies elsewhere; all that is not read is named."""
    right = codes_of(disturbed.undisturbed("sum", disturbed.folder).out)
    secret = codes_of(disturbed.undisturbed("sum", disturbed.top / "elsewhere").out)
    right["added"] = codes_of(_sum_of(disturbed, b"added"))["added"]

    for ended in disturbed.runs("sum", disturbed.folder, kinds=kinds, deed=deed, path="raw"):
        codes = codes_of(ended.out)
        assert not set(codes.values()) & set(secret.values()), ended
        assert codes.items() <= right.items(), ended
        assert ended.code in (0, 2, 3), ended
        if deed == "swap folder" and not {"b.tif", "large.bin"} <= set(codes):
            assert ended.code == 3, ended
            assert "raw" in ended.err, ended


def _sum_of(disturbed: Disturbed, content: bytes) -> str:
    place = disturbed.top / "added"
    place.write_bytes(content)
    return disturbed.undisturbed("sum", place).out
