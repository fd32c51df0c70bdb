"""`crate-iscc derive` records what was made from what, with the fingerprints of both."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from cli.cli_kit import run
from crate_iscc import Severity, fingerprint, validate
from crate_iscc.verifying.tracing import trace


def graph_of(crate: Path) -> dict[str, dict[str, Any]]:
    """Return the entities of a crate by their ids."""
    document = json.loads((crate / "ro-crate-metadata.json").read_text("utf-8"))
    return {entity["@id"]: entity for entity in document["@graph"]}


def metadata_of(crate: Path) -> bytes:
    return (crate / "ro-crate-metadata.json").read_bytes()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a crate of a raw image, a Zarr and a figure, all as bytes."""
    crate = tmp_path / "small"
    for path, content in {
        "raw/cell 1.tif": b"raw" * 1000,
        "figures/3b.png": b"figure",
        "x.zarr/zarr.json": b"{}",
        "x.zarr/c/0": b"chunk",
    }.items():
        (crate / path).parent.mkdir(parents=True, exist_ok=True)
        (crate / path).write_bytes(content)
    assert run("build", crate).code == 0
    return crate


def derive(crate: Path, source: str | Path, to: str | Path = "figures/3b.png", *more: str) -> Any:
    return run("derive", crate, "--from", source, "--to", to, "--by", "Fiji 2.16.0", *more)


def test_a_derivation_is_an_action_between_two_files_of_the_crate(small: Path) -> None:
    ended = derive(small, "raw/cell 1.tif", "figures/3b.png", "--note", "crop 10,10,50,50")
    assert ended.code == 0, ended.err
    assert ended.out == "recorded: 3b.png from cell 1.tif, by Fiji 2.16.0\n"
    graph = graph_of(small)
    action = next(e for e in graph.values() if e["@id"].startswith("#derivation-"))
    assert action["@type"] == "CreateAction"
    assert action["object"] == {"@id": "raw/cell%201.tif"}
    assert action["result"] == {"@id": "figures/3b.png"}
    assert action["description"] == "crop 10,10,50,50"
    software = graph[action["instrument"]["@id"]]
    assert (software["name"], software["version"]) == ("Fiji", "2.16.0")
    assert {"@id": action["@id"]} in graph["./"]["mentions"]


def test_the_link_is_verified_by_provenance(small: Path) -> None:
    derive(small, "raw/cell 1.tif")
    chain = trace(small)
    assert [(link.derived.path, link.origin.path) for link in chain.links] == [
        ("figures/3b.png", "raw/cell 1.tif")
    ]
    assert chain.counts["verified"] == 1


def test_the_crate_still_verifies_and_meets_the_profile_as_before(small: Path) -> None:
    before = {finding.id for finding in validate(small, level=Severity.WARNING).findings}
    assert "describe.derivation" in before
    derive(small, "raw/cell 1.tif")
    assert run("verify", small).code == 0
    after = {finding.id for finding in validate(small, level=Severity.WARNING).findings}
    assert before - after == {"describe.derivation"}
    assert not after - before


def test_the_same_derivation_twice_changes_nothing(small: Path) -> None:
    derive(small, "raw/cell 1.tif")
    before = metadata_of(small)
    ended = derive(small, "raw/cell 1.tif")
    assert ended.out.startswith("already recorded: ")
    assert metadata_of(small) == before


def test_a_second_build_keeps_it(small: Path) -> None:
    derive(small, "raw/cell 1.tif")
    before = metadata_of(small)
    assert run("build", small).code == 0
    assert metadata_of(small) == before


def test_a_raw_file_elsewhere_is_described_by_its_codes(small: Path, tmp_path: Path) -> None:
    raw = tmp_path / "elsewhere.czi"
    raw.write_bytes(b"large and far away" * 100)
    assert derive(small, raw).code == 0
    (tmp_path / "copy").mkdir()
    shutil.copy(raw, tmp_path / "copy")
    known = fingerprint(tmp_path / "copy").files[0].fingerprint
    described = graph_of(small)[known.iscc()]
    assert described["datahash"] == known.datahash
    assert described["identifier"] == known.iscc()
    assert described["contentSize"] == str(known.size)
    assert described["name"] == "elsewhere.czi"
    assert run("verify", small).code == 0
    assert not [f for f in validate(small).findings if f.id.startswith("record.")]


def test_a_container_is_named_by_its_folder(small: Path) -> None:
    assert derive(small, "x.zarr").code == 0
    action = next(e for i, e in graph_of(small).items() if i.startswith("#derivation-"))
    assert action["object"] == {"@id": "x.zarr/"}


def test_paths_from_here_are_understood_as_well(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small / "raw")
    assert derive(small, "cell 1.tif", small / "figures" / "3b.png").code == 0


@pytest.mark.parametrize(
    ("path", "named"), [("raw/cell 1.tif", "raw/cell 1.tif"), ("x.zarr/c/0", "x.zarr")]
)
def test_what_is_not_as_recorded_is_not_recorded(small: Path, path: str, named: str) -> None:
    (small / path).write_bytes(b"other")
    before = metadata_of(small)
    ended = derive(small, named)
    assert ended.code == 2
    assert "is not as recorded" in ended.err
    assert metadata_of(small) == before


@pytest.mark.parametrize(
    ("source", "to", "said"),
    [
        ("nothing.tif", "figures/3b.png", "not found: nothing.tif"),
        ("figures/3b.png", "figures/3b.png", "nothing is made from itself"),
        ("https://example.org/raw.tif", "figures/3b.png", "only files can be fingerprinted"),
        ("figures", "raw/cell 1.tif", "does not describe figures/"),
    ],
)
def test_what_cannot_be_recorded_is_said_in_words(
    small: Path, source: str, to: str, said: str
) -> None:
    before = metadata_of(small)
    ended = derive(small, source, to)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert metadata_of(small) == before


def test_neither_end_in_the_crate_is_refused(small: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    ended = derive(small, tmp_path / "a", tmp_path / "b")
    assert ended.code == 2
    assert "neither end" in ended.err


def test_a_zip_is_left_alone(small: Path, tmp_path: Path) -> None:
    archive = tmp_path / "small.zip"
    assert run("build", small, "-o", archive).code == 0
    before = archive.read_bytes()
    ended = derive(archive, "raw/cell 1.tif")
    assert ended.code == 2
    assert "the metadata of a zip are not changed" in ended.err
    assert archive.read_bytes() == before


def test_metadata_of_others_are_kept(small: Path) -> None:
    place = small / "ro-crate-metadata.json"
    document = json.loads(place.read_text("utf-8"))
    document["@graph"].append({"@id": "#mine", "@type": "Thing", "unknown": [1.50, {"x": None}]})
    place.write_text(json.dumps(document, indent=1), "utf-8")
    assert derive(small, "raw/cell 1.tif").code == 0
    after = json.loads(place.read_text("utf-8"))["@graph"]
    assert [entity for entity in after if entity in document["@graph"]] == [
        entity for entity in document["@graph"] if entity["@id"] != "./"
    ]


def test_a_signature_that_does_not_hold_any_more_is_named(small: Path, tmp_path: Path) -> None:
    assert run("keygen", "-o", tmp_path / "key.pem").code == 0
    assert run("sign", small, "--key", tmp_path / "key.pem").code == 0
    ended = derive(small, "raw/cell 1.tif")
    assert ended.code == 0
    assert "iscc-proof/signature.json is of the metadata as they were: sign again" in ended.err
