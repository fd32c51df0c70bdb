"""A crate in a zip on the web is verified as the zip itself is, or not at all."""

import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from crate_iscc import build, verify
from crate_iscc.errors import InputError, ReadError
from crate_iscc.render.report_json import report_json
from crate_iscc.report import Report, Verdict
from crate_iscc.sources import chunks
from crate_iscc.sources.remote.archive import BLOCK
from crate_iscc.sources.remote.web import open_web
from web.web_kit import QUICK, Answer, Fault, Request, Site, serving

MIB = 1 << 20


def dataset(folder: Path, files: dict[str, bytes] | None = None) -> Path:
    """Write a dataset: many small files and one of several MiB."""
    random = Random(5)
    files = files or {f"small/{n}.bin": random.randbytes(100 + n) for n in range(200)} | {
        "large.bin": random.randbytes(6 * MIB)
    }
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a zip that build made."""
    folder = tmp_path_factory.mktemp("zip")
    build(dataset(folder / "study"), folder / "study.zip")
    return (folder / "study.zip").read_bytes()


@pytest.fixture
def site(archive: bytes) -> Iterator[Site]:
    """Serve the zip."""
    with serving(Site({"study.zip": archive})) as site:
        yield site


def alike(report: Report) -> dict[str, object]:
    """Return a report but for what the crate is called."""
    value: dict[str, object] = json.loads(report_json(report))
    del value["subject"]
    return value


@pytest.mark.parametrize("kind", ["intact", "changed", "missing", "extra", "damaged", "deflated"])
def test_a_report_is_that_of_the_zip_on_disk(kind: str, tmp_path: Path) -> None:
    """Whatever is wrong with it."""
    folder = dataset(tmp_path / "study", {f"{n}.bin": Random(n).randbytes(9000) for n in range(9)})
    build(folder)
    if kind == "changed":
        (folder / "3.bin").write_bytes(b"x" + (folder / "3.bin").read_bytes()[1:])
    if kind == "missing":
        (folder / "3.bin").unlink()
    if kind == "extra":
        (folder / "new.bin").write_bytes(b"new")
    place = tmp_path / "study.zip"
    way = zipfile.ZIP_DEFLATED if kind in ("deflated", "damaged") else zipfile.ZIP_STORED
    with zipfile.ZipFile(place, "w", way) as writing:
        for one in sorted(folder.iterdir()):
            writing.write(one, f"study/{one.name}")
    content = bytearray(place.read_bytes())
    if kind == "damaged":
        content[len(content) // 2] ^= 1
        place.write_bytes(content)

    with serving(Site({"study.zip": bytes(content)})) as site:
        report = verify(site.url("study.zip"))

    assert alike(report) == alike(verify(place))
    assert report.subject == site.url("study.zip")
    assert (report.verdict is Verdict.VALID) is (kind in ("intact", "deflated"))


def test_small_members_that_lie_side_by_side_come_together(site: Site, archive: bytes) -> None:
    """The bytes come once, in far fewer requests than there are members."""
    assert verify(site.url("study.zip")).counts.match == 201

    assert len(site.asked) <= 4 + -(-len(archive) // BLOCK)
    ranges = [one.range for one in site.asked if one.range]
    assert len(ranges) == len(site.asked)
    assert sum(last - first + 1 for first, last in ranges) <= len(archive) + 2 * BLOCK


def test_every_part_is_asked_of_one_state(site: Site) -> None:
    """The entity tag of the first answer goes with all others."""
    verify(site.url("study.zip"))

    tags = {one.headers.get("If-Match") for one in site.asked[1:]}
    assert len(tags) == 1
    assert None not in tags


def test_a_server_without_ranges_is_told_at_once(archive: bytes) -> None:
    """Nothing but the begin is read: a download has to be asked for by its own name."""
    with (
        serving(Site({"study.zip": archive}, ranges=False)) as site,
        pytest.raises(InputError, match="does not give parts of files") as caught,
    ):
        verify(site.url("study.zip"))

    assert caught.value.hint == "download the zip, and verify the file"
    assert len(site.asked) == 1


def reread(site: Site, fault: Fault) -> list[str]:
    """Open the zip, have something go wrong from then on, and return what reading says."""
    with open_web(site.url("study.zip"), crc=False, limits=QUICK) as tree:
        entry = tree.listing().entries.get("large.bin")
        assert entry
        site.fault = fault
        reasons = []
        for _ in range(2):
            try:
                total = sum(map(len, chunks(tree.open(entry))))
                assert total == entry.size
                reasons.append("read")
            except ReadError as error:
                if "large.bin" not in error.message:
                    raise
                reasons.append(error.cause or "")
        return reasons


def with_headers(**headers: str) -> Fault:
    """Change headers of every answer."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _request, answer: replace(answer, headers={**answer.headers, **named})


CHANGED = "it changed while it was read"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (with_headers(ETag='"another"'), CHANGED),
        (with_headers(Content_Range="bytes 0-9/999999999"), CHANGED),
        (with_headers(Content_Range="bytes 0-1048575/*"), "another part of the file"),
        (with_headers(Content_Range="nonsense"), "does not say which part"),
        (with_headers(Content_Encoding="gzip"), "gzip"),
        (lambda _r, answer: replace(answer, cut=1000), r"the answer was cut \(3 times\)"),
        (lambda _r, answer: replace(answer, body=answer.body + b"x"), "more or fewer bytes"),
        (lambda _r, answer: replace(answer, body=answer.body[:-1]), "more or fewer bytes"),
        (lambda _r, answer: replace(answer, body=b""), "more or fewer bytes"),
        (lambda _r, answer: Answer(200, b"whole", answer.headers), CHANGED),
        (lambda _r, _a: Answer(206, b"part"), "."),
        (lambda _r, _a: Answer(403), "403 Forbidden"),
        (lambda _r, _a: Answer(404), "404 Not Found"),
        (lambda _r, _a: Answer(412), CHANGED),
        (lambda _r, _a: Answer(416), CHANGED),
        (lambda _r, _a: Answer(503), r"503 Service Unavailable \(3 times\)"),
        (lambda _r, _a: Answer(302, headers={"Location": "/study.zip"}), "redirected more than"),
        (lambda _r, answer: replace(answer, delay=0.1), "the answer takes too long"),
    ],
)  # fmt: skip
def test_what_goes_wrong_later_is_a_reason(site: Site, fault: Fault, reason: str) -> None:
    """No byte of such an answer is taken for one of the member, at the second time neither."""
    reasons = reread(site, fault)

    for one in reasons:
        assert one != "read"
        assert re.search(reason, one), one


def test_a_whole_file_is_no_part_of_it(site: Site, archive: bytes) -> None:
    """A server that ignores the range from now on is not read."""

    def fault(_request: Request, answer: Answer) -> Answer:
        headers = {name: v for name, v in answer.headers.items() if name != "Content-Range"}
        return Answer(200, archive, headers)

    assert reread(site, fault) == ["the server does not give parts of files"] * 2


def test_a_storm_that_ends_leaves_no_trace(site: Site) -> None:
    """Each part is asked for until it is there."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        return Answer(503) if request.number % 2 else None

    assert reread(site, fault) == ["read", "read"]


def test_an_archive_that_changes_between_two_parts_is_unread(site: Site, archive: bytes) -> None:
    """Also if its size stays, and the server knows no conditions."""
    other = bytearray(archive)
    other[100] ^= 1

    def fault(request: Request, answer: Answer) -> Answer | None:
        if answer.status == 412:  # a server that knows no If-Match answers as if without
            plain = replace(request, headers={"Range": request.headers["Range"]})
            return site.answer(plain)
        return None

    with open_web(site.url("study.zip"), crc=False, limits=QUICK) as tree:
        entry = tree.listing().entries.get("large.bin")
        assert entry
        stream = tree.open(entry)
        stream.readinto(memoryview(bytearray(100)))
        site.files["study.zip"] = bytes(other)
        site.fault = fault
        with pytest.raises(ReadError, match=CHANGED):
            list(chunks(stream))


@pytest.mark.parametrize("tags", [True, False])
def test_clocks_do_not_matter(tags: bool, archive: bytes) -> None:
    """Dates from other centuries are held against themselves alone."""
    with serving(Site({"study.zip": archive}, tags=tags)) as site:
        site.fault = with_headers(Date="Thu, 01 Jan 1970 00:00:00 GMT")

        assert verify(site.url("study.zip")).verdict is Verdict.VALID


def test_without_tags_another_date_is_another_state(archive: bytes) -> None:
    """Last-Modified tells what an entity tag would."""
    with serving(Site({"study.zip": archive}, tags=False)) as site:
        fault = with_headers(Last_Modified="Tue, 01 Jan 2999 00:00:01 GMT")

        assert reread(site, fault)[0] == CHANGED


def test_a_redirection_is_followed_for_every_part(archive: bytes) -> None:
    """As by addresses that stand for others, such as DOIs."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        moved = request.path == "/doi"
        return Answer(302, headers={"Location": "/study.zip"}) if moved else None

    with serving(Site({"study.zip": archive}, fault=fault)) as site:
        assert verify(site.url("doi")).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("nothing.zip", InputError, "not found"),
        ("text.zip", InputError, "what is there is no zip archive"),
        ("empty.zip", InputError, "what is there is no zip archive"),
        ("cut.zip", InputError, "not a readable zip archive"),
        ("forbidden.zip", ReadError, "403"),
        ("ill.zip", ReadError, "500"),
    ],
)
def test_what_is_no_zip_is_told(
    path: str, error: type[Exception], words: str, archive: bytes
) -> None:
    """With the reason, by its address."""
    files = {"text.zip": b"<html>", "empty.zip": b"", "cut.zip": archive[:-500]}

    def fault(request: Request, _answer: Answer) -> Answer | None:
        status = {"/forbidden.zip": 403, "/ill.zip": 500}.get(request.path)
        return Answer(status) if status else None

    with serving(Site(files, fault=fault)) as site, pytest.raises(error, match=words) as caught:
        open_web(site.url(path), limits=QUICK)

    assert site.url(path) in str(caught.value)


def test_an_archive_that_is_larger_than_allowed_is_refused_before_it_is_read(site: Site) -> None:
    """By what its directory says."""
    with pytest.raises(InputError, match="larger than allowed"):
        verify(site.url("study.zip"), max_bytes=1000)

    assert len(site.asked) <= 4


def test_an_unread_member_makes_a_report_incomplete(site: Site) -> None:
    """The report names the member and why."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        wanted = request.range
        return Answer(403) if wanted and wanted[0] < 2 * MIB < wanted[1] else None

    site.fault = fault

    report = verify(site.url("study.zip"))

    assert report.verdict is Verdict.INCOMPLETE
    (finding,) = [one for one in report.findings if one.id == "bytes.unread"]
    assert (finding.path, finding.message) == ("large.bin", "the server answers 403 Forbidden")
