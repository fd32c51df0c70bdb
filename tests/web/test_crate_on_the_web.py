"""A crate in a folder on the web: its files are those that it records, each by its own address."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from crate_iscc import build, verify
from crate_iscc.checklist import sum_files, sum_tree
from crate_iscc.errors import InputError, ReadError
from crate_iscc.kernel.choosing import kernel
from crate_iscc.render.report_json import report_json
from crate_iscc.render.saved import parse_report
from crate_iscc.report import Report, Verdict
from crate_iscc.resources import schema_text
from crate_iscc.sources import chunks
from crate_iscc.sources.remote.web import open_web
from crate_iscc.validating.validation import validate
from crate_iscc.verifying.how import Thoroughness
from web.web_kit import QUICK, Answer, Request, Site, serving

MIB = 1 << 20
FILES = {
    "two words.txt": b"two words",
    "100%.txt": b"per cent",
    "#1.txt": b"number one",
    "what?.txt": b"question",
    "ünï/細胞.bin": Random(1).randbytes(3000),
    "empty": b"",
    "large.bin": Random(2).randbytes(3 * MIB),
    "image.zarr/.zattrs": b'{"multiscales": []}',
    "image.zarr/.zgroup": b'{"zarr_format": 2}',
    "image.zarr/0/.zarray": b"{}",
    "image.zarr/0/0.0": Random(3).randbytes(2000),
}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def read(folder: Path, at: str = "study/") -> dict[str, bytes]:
    """Return the files of a folder by their paths on a site."""
    return {
        at + place.relative_to(folder).as_posix(): place.read_bytes()
        for place in folder.rglob("*")
        if place.is_file()
    }


@pytest.fixture(scope="module")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a crate on disk, with a manifest file."""
    folder = write(tmp_path_factory.mktemp("crate") / "study", FILES)
    build(folder, manifest_file=True)
    return folder


@pytest.fixture
def site(crate: Path) -> Iterator[Site]:
    """Serve the crate, and more beside it."""
    with serving(Site({**read(crate), "study/nobody-knows.txt": b"!"})) as site:
        yield site


def alike(report: Report) -> dict[str, object]:
    """Return a report but for what the crate is called, and where."""
    value: dict[str, object] = json.loads(report_json(report))
    for key in ("subject", "folder", "not_checked"):
        del value[key]
    return value


@pytest.mark.parametrize("path", ["study/", "study/ro-crate-metadata.json"])
@pytest.mark.parametrize("ranges", [True, False])
def test_a_report_is_that_of_the_folder_on_disk(
    path: str, ranges: bool, site: Site, crate: Path
) -> None:
    """But for what cannot be known: which other files are there."""
    site.ranges = ranges

    report = verify(site.url(path))

    here = verify(crate)
    assert alike(report) == alike(here)
    assert report.verdict is Verdict.VALID
    assert report.counts.match == len(FILES)
    assert set(report.not_checked) == {*here.not_checked, "extra"}
    assert parse_report(report_json(report), json.loads(schema_text("report"))) == report


@pytest.mark.parametrize("head", [True, False])
def test_each_file_is_read_once(head: bool, site: Site) -> None:
    """Also where the server knows no HEAD; then one byte tells the size."""
    site.head = head

    assert verify(site.url("study/")).verdict is Verdict.VALID

    whole = [
        one.path
        for one in site.asked
        if one.method == "GET" and one.range is None and one.path.startswith("/study/image.zarr")
    ]
    assert len(whole) == len(set(whole)) == 4


def test_differences_are_those_of_files(site: Site) -> None:
    """404 is missing, another size or other bytes are changed, 403 is unread."""
    site.files["study/empty"] = b"not any more"
    site.files["study/image.zarr/0/0.0"] = Random(4).randbytes(2000)
    del site.files["study/two words.txt"]

    def fault(request: Request, _answer: Answer) -> Answer | None:
        return Answer(403) if "100%25" in request.path else None

    site.fault = fault

    report = verify(site.url("study/"))

    found = {(one.id, one.path) for one in report.findings if one.id.startswith("bytes")}
    assert found == {
        ("bytes.changed", "empty"),
        ("bytes.changed", "image.zarr/0/0.0"),
        ("bytes.missing", "two words.txt"),
        ("bytes.unread", "100%.txt"),
    }
    assert report.counts.match == len(FILES) - 4


def test_only_unread_files_make_it_incomplete(site: Site) -> None:
    """A server that answers later on with 403 for one file."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        return Answer(403) if request.path.endswith("large.bin") and request.number else None

    site.fault = fault

    report = verify(site.url("study/"))

    assert report.verdict is Verdict.INCOMPLETE
    (finding,) = [one for one in report.findings if one.id == "bytes.unread"]
    assert finding.message == "the server answers 403 Forbidden"


def test_names_and_sizes_need_no_content(site: Site) -> None:
    """--quick looks at each file and reads the record alone."""
    report = verify(site.url("study/"), thoroughness=Thoroughness.QUICK)

    assert report.verdict is Verdict.VALID
    assert {one.path.rpartition("/")[2] for one in site.asked if one.method == "GET"} == {
        "ro-crate-metadata.json",
        "iscc-manifest.tsv",
    }


def test_a_record_that_changes_meanwhile_is_no_verdict(site: Site) -> None:
    """The metadata at the end are those at the begin."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        if request.path.endswith("ro-crate-metadata.json") and request.number:
            return replace(answer, headers={**answer.headers, "ETag": '"new"'})
        return None

    site.fault = fault

    with pytest.raises(ReadError, match="may have changed while it was verified"):
        verify(site.url("study/"))


@pytest.mark.parametrize("number", range(2))
def test_a_large_file_that_breaks_off_is_taken_up_again(number: int, site: Site) -> None:
    """Where it broke off, by a range, of the same state."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        if not request.path.endswith("large.bin") or request.method == "HEAD":
            return None
        return replace(answer, cut=MIB) if request.number <= 1 + number else None

    site.fault = fault

    assert verify(site.url("study/")).verdict is Verdict.VALID

    starts = [one.range[0] for one in site.asked if one.range and "large" in one.path]
    assert len(starts) == 1 + number
    assert all(0 < start <= 2 * MIB for start in starts)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ranges": False}, "does not give parts of files"),
        ({"tags": False}, None),
        ({"files": "another"}, "it changed while it was read"),
    ],
)
def test_another_state_is_never_put_behind_the_first(
    change: dict[str, object], reason: str | None, site: Site
) -> None:
    """Where the server cannot give the rest of the same state, the file is unread."""
    site.ranges = bool(change.get("ranges", True))
    site.tags = bool(change.get("tags", True))

    def fault(request: Request, answer: Answer) -> Answer | None:
        if not request.path.endswith("large.bin") or request.method == "HEAD":
            return None
        if request.number == 1:
            if "files" in change:
                site.files["study/large.bin"] = Random(9).randbytes(3 * MIB)
            return replace(answer, cut=MIB)
        return None

    site.fault = fault
    with open_web(site.url("study/"), limits=QUICK) as tree:
        entry = tree.listing().entries.get("large.bin")
        assert entry
        if reason is None:
            assert b"".join(chunks(tree.open(entry))) == FILES["large.bin"]
            return
        with pytest.raises(ReadError, match=reason):
            list(chunks(tree.open(entry)))


@pytest.mark.parametrize("more", [1, -1])
@pytest.mark.parametrize("name", ["large.bin", "ünï/細胞.bin"])
def test_more_or_fewer_bytes_than_were_said_are_unread(more: int, name: str, site: Site) -> None:
    """Where HEAD says one size and GET another."""
    content = FILES[name] + b"x" if more > 0 else FILES[name][:-1]

    def fault(request: Request, answer: Answer) -> Answer | None:
        if request.method == "HEAD" or answer.status != 200:
            return None
        return replace(answer, body=content) if len(answer.body) == len(FILES[name]) else None

    site.fault = fault
    with open_web(site.url("study/"), limits=QUICK) as tree:
        entry = tree.listing().entries.get(name)
        assert entry
        with pytest.raises(ReadError, match=r"changed|bytes than"):
            list(chunks(tree.open(entry)))


def test_a_crate_inside_another_is_verified_by_its_own_record(tmp_path: Path) -> None:
    """What only the inner crate records is asked for, too."""
    inner = write(tmp_path / "study/inner", {"a.bin": b"inner"})
    build(inner)
    write(tmp_path / "study", {"b.bin": b"outer"})
    build(tmp_path / "study")

    with serving(Site(read(tmp_path / "study"))) as site:
        report = verify(site.url("study/"))

    assert alike(report) == alike(verify(tmp_path / "study")) | {"nested": alike(report)["nested"]}
    (inside,) = report.nested
    assert inside.verdict is Verdict.VALID
    assert "extra" in inside.not_checked
    assert report.verdict is Verdict.VALID


def test_a_redirection_is_where_the_crate_is(crate: Path) -> None:
    """As by a permanent address of the metadata: the files lie beside where it leads."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        if request.path == "/w3id/ro-crate-metadata.json":
            return Answer(301, headers={"Location": "/study/ro-crate-metadata.json"})
        return None

    with serving(Site(read(crate), fault=fault)) as site:
        assert verify(site.url("w3id/ro-crate-metadata.json")).verdict is Verdict.VALID


def test_no_code_is_given_of_what_cannot_be_listed(site: Site) -> None:
    """The whole might be more than what is recorded."""
    with pytest.raises(InputError, match="cannot be listed"):
        sum_tree(site.url("study/"), kernel())


@pytest.mark.parametrize("path", ["", "nothing/", "nothing/ro-crate-metadata.json", "image.zarr"])
def test_what_is_no_crate_is_told(path: str, site: Site) -> None:
    """With what to do about it."""
    with pytest.raises(InputError) as caught:
        verify(site.url(path))

    assert caught.value.hint


def test_a_record_that_is_damaged_is_told(site: Site) -> None:
    """As it is of a crate on disk."""
    site.files["study/ro-crate-metadata.json"] = b"<html>not found</html>"

    with pytest.raises(InputError, match=r"not valid JSON|no JSON|JSON"):
        verify(site.url("study/"))


def test_metadata_can_be_validated_where_they_are(site: Site, crate: Path) -> None:
    """With the same result as on disk."""
    assert validate(site.url("study/")).verdict is validate(crate).verdict


def test_nothing_is_built_or_signed_on_the_web(site: Site) -> None:
    """Refused before any request."""
    with pytest.raises(InputError, match="not on this computer"):
        build(site.url("study/"))
    with pytest.raises(InputError, match="not a file on this computer"):
        sum_files([site.url("study/empty")], kernel())

    assert site.asked == []


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another thing there")
def test_an_interrupt_waits_for_no_server(site: Site) -> None:
    """Ctrl-C ends a verification in the middle of answers that do not come."""
    waiting = threading.Event()
    free = threading.Event()

    def fault(request: Request, _answer: Answer) -> Answer | None:
        if request.method == "GET" and request.path.endswith(".bin"):
            waiting.set()
            free.wait(60)
        return None

    site.fault = fault
    command = [sys.executable, "-m", "crate_iscc", "verify", site.url("study/")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert waiting.wait(30)
        running.send_signal(signal.SIGINT)
        begin = time.monotonic()
        code = running.wait(30)
        took = time.monotonic() - begin
    free.set()

    assert code == 130
    assert took < 10


def test_the_command_ends_as_over_files(site: Site, tmp_path: Path) -> None:
    """0 where all is well, 1 where something changed, 3 where something is unread, 2 else."""

    def run(*arguments: str) -> tuple[int, str]:
        ended = subprocess.run(
            [sys.executable, "-m", "crate_iscc", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert "Traceback" not in ended.stderr
        return ended.returncode, ended.stdout + ended.stderr

    code, told = run("verify", site.url("study/"), "--log", str(tmp_path / "log.jsonl"))
    assert code == 0
    assert "files that are not recorded (a folder on the web cannot be listed)" in told
    site.fault = lambda request, _a: Answer(403) if request.path.endswith("empty") else None
    assert run("verify", site.url("study/"))[0] == 3
    site.files["study/image.zarr/0/0.0"] = b"changed"
    assert run("verify", site.url("study/"))[0] == 1
    assert run("verify", site.url("elsewhere/"))[0] == 2
    code, told = run("build", site.url("study/"))
    assert code == 2
    assert "not on this computer" in told
