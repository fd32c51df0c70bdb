"""verify --remote: data entities on the web are fetched and compared, and never without it."""

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import md5, sha256
from pathlib import Path
from typing import Any

import pytest

from crate_iscc import build, verify
from crate_iscc.codes import Fingerprint
from crate_iscc.errors import InputError
from crate_iscc.kernel.choosing import kernel
from crate_iscc.render.report_json import report_json
from crate_iscc.render.saved import parse_report
from crate_iscc.report import Report, Verdict
from crate_iscc.resources import schema_text
from crate_iscc.verifying.how import Remote, Thoroughness
from web.web_kit import Answer, Request, Site, serving

MODEL = b"weights" * 1000
HERE = Remote(private=True)


def code_of(content: bytes) -> Fingerprint:
    hasher = kernel().hasher()
    hasher.update(content)
    return hasher.finish()


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(Site({"model.onnx": MODEL})) as site:
        yield site


def crate(folder: Path, *entities: dict[str, Any], local: bool = True) -> Path:
    """Return a crate that lists data entities on the web."""
    folder.mkdir()
    if local:
        (folder / "a.txt").write_bytes(b"here")
        build(folder)
        path = folder / "ro-crate-metadata.json"
        document = json.loads(path.read_text())
    else:
        path = folder / "ro-crate-metadata.json"
        document = {
            "@context": "https://w3id.org/ro/crate/1.2/context",
            "@graph": [
                {
                    "@id": "ro-crate-metadata.json",
                    "@type": "CreativeWork",
                    "about": {"@id": "./"},
                    "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
                },
                {"@id": "./", "@type": "Dataset", "hasPart": []},
            ],
        }
    for entity in entities:
        document["@graph"].append({"@type": "File", "name": "model", **entity})
        root = next(one for one in document["@graph"] if one["@id"] == "./")
        root["hasPart"] = [*root.get("hasPart", []), {"@id": entity["@id"]}]
    path.write_text(json.dumps(document))
    return folder


def told(report: Report) -> list[tuple[str, str | None, str]]:
    """Return what is said about entities."""
    return [
        (finding.id, finding.entity, finding.message)
        for finding in report.findings
        if finding.entity
    ]


def test_nothing_is_asked_without_the_option(site: Site, tmp_path: Path) -> None:
    """What a crate names is listed as remote."""
    folder = crate(tmp_path / "c", {"@id": site.url("model.onnx"), "sha256": "0" * 64})

    report = verify(folder)

    assert report.counts.remote == 1
    assert report.verdict is Verdict.VALID
    assert site.asked == []


@pytest.mark.parametrize("kind", ["sha256", "md5", "iscc", "datahash", "contentSize"])
def test_what_is_as_recorded_is_a_match(kind: str, site: Site, tmp_path: Path) -> None:
    """By whatever the crate records of it."""
    known = code_of(MODEL)
    every: dict[str, dict[str, Any]] = {
        "sha256": {"sha256": sha256(MODEL).hexdigest()},
        "md5": {"md5": md5(MODEL).hexdigest(), "contentSize": str(len(MODEL))},
        "iscc": {"identifier": known.iscc()},
        "datahash": {"datahash": known.datahash},
        "contentSize": {"contentSize": str(len(MODEL))},
    }
    recorded = every[kind]
    folder = crate(tmp_path / "c", {"@id": site.url("model.onnx"), **recorded})

    report = verify(folder, remote=HERE)

    assert report.verdict is Verdict.VALID
    assert report.counts.remote == 0
    assert "remote" in report.checked
    if kind == "contentSize":
        assert (report.counts.match, report.counts.unchecked) == (1, 1)
        assert site.count("GET", "model.onnx") == 0
    else:
        assert report.counts.match == 2
        assert told(report) == []
        assert site.count("GET", "model.onnx") == 1


@pytest.mark.parametrize("thoroughness", [Thoroughness.DATAHASH, Thoroughness.FULL])
def test_what_is_not_as_recorded_has_changed(
    thoroughness: Thoroughness, site: Site, tmp_path: Path
) -> None:
    """The finding names the address, as an entity of the metadata."""
    url = site.url("model.onnx")
    folder = crate(tmp_path / "c", {"@id": url, "sha256": "0" * 64})

    report = verify(folder, remote=HERE, thoroughness=thoroughness)

    assert report.verdict is Verdict.INVALID
    assert report.counts.changed == 1
    (finding,) = told(report)
    assert finding[:2] == ("bytes.changed", url)


def test_a_file_of_another_size_is_not_read(site: Site, tmp_path: Path) -> None:
    """The recorded size bounds what is fetched."""
    url = site.url("model.onnx")
    folder = crate(
        tmp_path / "c", {"@id": url, "sha256": "0" * 64, "contentSize": str(len(MODEL) - 1)}
    )

    report = verify(folder, remote=HERE)

    assert [finding[0] for finding in told(report)] == ["bytes.changed"]
    assert site.count("GET", "model.onnx") == 0


def test_a_body_that_goes_on_is_cut_off(site: Site, tmp_path: Path) -> None:
    """A server that lies about the size is read up to it and one byte more."""
    url = site.url("model.onnx")
    site.files["model.onnx"] = MODEL + b"x" * 10_000_000
    recorded = {"sha256": sha256(MODEL).hexdigest(), "contentSize": str(len(MODEL))}

    def fault(request: Request, answer: Answer) -> Answer | None:
        if request.method == "HEAD":
            return replace(answer, headers={**answer.headers, "Content-Length": str(len(MODEL))})
        headers = {**answer.headers, "Connection": "close", "Transfer-Encoding": "identity"}
        return replace(answer, headers=headers)

    site.fault = fault
    report = verify(crate(tmp_path / "c", {"@id": url, **recorded}), remote=HERE)

    assert report.verdict is Verdict.INCOMPLETE
    assert [finding[0] for finding in told(report)] == ["bytes.unread"]


def test_a_private_address_that_a_crate_names_is_refused(site: Site, tmp_path: Path) -> None:
    """Nothing is sent, the entity is unread, and the report is not one of all being well."""
    folder = crate(
        tmp_path / "c", {"@id": site.url("model.onnx"), "sha256": sha256(MODEL).hexdigest()}
    )

    report = verify(folder, remote=Remote())

    assert report.verdict is Verdict.INCOMPLETE
    assert report.counts.unread == 1
    ((kind, _, message),) = told(report)
    assert kind == "bytes.unread"
    assert "127.0.0.1 is a private address" in message
    assert site.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost/", "http://127.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/", "http://0.0.0.0/", "http://0x7f.1/",
        "http://2130706433/", "HTTP://LOCALHOST/",
    ],
)  # fmt: skip
def test_no_spelling_of_a_private_address_is_asked(address: str, tmp_path: Path) -> None:
    """What the system makes of it is judged."""
    report = verify(crate(tmp_path / "c", {"@id": address, "md5": "0" * 32}), remote=Remote())

    ((kind, _, message),) = told(report)
    assert kind == "bytes.unread"
    assert "private address" in message


@pytest.mark.parametrize("address", ["http://", "https://a:b@example.org/", "http://a:99999/"])
def test_what_is_no_address_is_unread(address: str, tmp_path: Path) -> None:
    """It is no fault of the program."""
    report = verify(crate(tmp_path / "c", {"@id": address, "md5": "0" * 32}), remote=Remote())

    assert report.verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize(("status", "kind"), [(404, "bytes.missing"), (403, "bytes.unread")])
def test_what_is_not_given_is_missing_or_unread(
    status: int, kind: str, site: Site, tmp_path: Path
) -> None:
    """By what the server answers."""
    site.fault = lambda _request, _answer: Answer(status)
    folder = crate(tmp_path / "c", {"@id": site.url("model.onnx"), "md5": "0" * 32})

    report = verify(folder, remote=HERE)

    assert [finding[0] for finding in told(report)] == [kind]
    assert report.verdict is not Verdict.VALID


def test_folders_and_other_schemes_stay_elsewhere(site: Site, tmp_path: Path) -> None:
    """They are listed as before."""
    folder = crate(
        tmp_path / "c",
        {"@id": site.url("model.onnx"), "sha256": sha256(MODEL).hexdigest()},
        {"@id": site.url("images/"), "@type": "Dataset"},
        {"@id": "ftp://127.0.0.1/x", "sha256": "0" * 64},
    )

    report = verify(folder, remote=HERE)

    assert report.counts.remote == 2
    assert report.counts.match == 2
    assert {one.path for one in site.asked} == {"/model.onnx"}


def test_a_crate_of_nothing_but_addresses_can_be_verified(site: Site, tmp_path: Path) -> None:
    """With the option, and not without."""
    known = {"@id": site.url("model.onnx"), "sha256": sha256(MODEL).hexdigest()}
    folder = crate(tmp_path / "c", known, local=False)

    with pytest.raises(InputError, match="nothing can be verified"):
        verify(folder)
    report = verify(folder, remote=HERE, each=True)

    assert report.verdict is Verdict.VALID
    assert parse_report(report_json(report), json.loads(schema_text("report"))) == report
    assert report.rests_on == (("sha256", 1),)
    assert [(one.path, one.status, one.rests_on) for one in report.each] == [
        (site.url("model.onnx"), "match", "sha256")
    ]


def test_the_total_is_bounded(site: Site, tmp_path: Path) -> None:
    """--max-bytes is a limit of what is fetched, too."""
    folder = crate(tmp_path / "c", {"@id": site.url("model.onnx"), "md5": "0" * 32})

    with pytest.raises(InputError, match="larger than allowed"):
        verify(folder, remote=Remote(private=True, max_bytes=100))

    assert site.count("GET", "model.onnx") == 0


def test_names_and_sizes_are_looked_at_only(site: Site, tmp_path: Path) -> None:
    """--quick fetches no content."""
    url = site.url("model.onnx")
    folder = crate(tmp_path / "c", {"@id": url, "md5": "0" * 32, "contentSize": str(len(MODEL))})

    report = verify(folder, remote=HERE, thoroughness=Thoroughness.QUICK)

    assert report.counts.match == 2
    assert site.count("GET", "model.onnx") == 0


def test_a_crate_on_the_web_names_nothing_private(site: Site, tmp_path: Path) -> None:
    """That the user typed a private address allows nothing to the crate that is there."""
    folder = crate(
        tmp_path / "c", {"@id": site.url("model.onnx"), "sha256": sha256(MODEL).hexdigest()}
    )
    for place in folder.iterdir():
        site.files[f"c/{place.name}"] = place.read_bytes()

    report = verify(site.url("c/"), remote=Remote())

    assert report.counts.unread == 1
    assert site.count("HEAD", "model.onnx") == 0
