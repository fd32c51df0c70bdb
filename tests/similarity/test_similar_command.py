"""What `crate-iscc similar` says of folders, zips and crates, and what it never does."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import crate_iscc
from cli.cli_kit import error_of, run
from crate_iscc import build, leakage, similar
from crate_iscc.resources import schemas_folder
from similarity.conftest import write


@pytest.fixture
def cached(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a cache of its own."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache")}


def valid(text: str) -> dict[str, Any]:
    """Return JSON that the schema allows."""
    value = json.loads(text)
    schema = json.loads((schemas_folder() / "similar.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(value)
    return value  # type: ignore[no-any-return]


def members(group: dict[str, Any]) -> list[list[str]]:
    return [[member["path"] for member in content["members"]] for content in group["contents"]]


def test_copies_and_edited_copies_of_a_folder_are_one_group(folder: Path) -> None:
    """Empty files are no copies of each other that anybody looks for; they are counted."""
    outcome = run("similar", folder.name, cwd=folder.parent, env={"XDG_CACHE_HOME": "cache"})

    assert outcome.code == 0
    assert outcome.lines == [
        "near   2 contents, 3 files",
        "  a.bin",
        "  deep/copy of a.bin  the same bytes",
        "  b.bin               27 of 256 bits: similar",
        "",
        "folder: 4 files, computed",
        "  left aside: 2 files without a byte",
        "0 groups of exact duplicates, 1 group of near ones, among 4 files with 3 contents",
        "threshold: 80 of 256 bits; among 3 pairs, 2.8e-09 are expected there by chance",
        "Distances count the byte runs that files share. They say nothing of how things look.",
    ]


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_the_groups_of_a_folder_are_those_of_its_archive(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    place = Path(shutil.make_archive(str(tmp_path / "packed"), kind, folder))

    one, two = (similar([source]).groups for source in (folder, place))

    assert [members_of(group) for group in one] == [members_of(group) for group in two]


def members_of(group: Any) -> list[list[str]]:
    return [[member.path for member in content.members] for content in group.contents]


def test_of_a_crate_the_recorded_codes_are_taken_and_nothing_is_read(crate: Path) -> None:
    """A file that was damaged since has the code that is recorded: the report says so."""
    (crate / "a.bin").write_bytes(b"damaged")

    outcome = run("similar", crate)

    assert outcome.code == 0
    assert "as the crate records it, not checked" in outcome.out
    assert "a.bin" in outcome.out.partition("folder: ")[0]
    assert "of 128 bits" in outcome.out


def test_with_compute_a_crate_is_read(crate: Path, cached: dict[str, str]) -> None:
    (crate / "a.bin").write_bytes(b"damaged")

    outcome = run("similar", "--compute", "--format", "json", crate, env=cached)

    found = valid(outcome.out)
    assert found["sources"][0]["codes"] == "computed"
    assert members(found["groups"][0]) == [["b.bin"], ["deep/copy of a.bin"]]


def test_the_metadata_of_a_crate_are_no_payload_that_is_compared(crate: Path) -> None:
    """Two crates of one payload share it, and not their descriptions."""
    twin = shutil.copytree(crate, crate.parent / "twin")

    found = similar([crate, twin], compute=True)

    named = {m.path for g in found.groups for c in g.contents for m in c.members}
    assert "ro-crate-metadata.json" not in named


def test_files_that_a_crate_does_not_record_are_named_and_make_the_answer_incomplete(
    crate: Path,
) -> None:
    (crate / "later.bin").write_bytes(b"not recorded")

    outcome = run("similar", "--format", "json", crate)

    assert outcome.code == 3
    found = valid(outcome.out)
    assert found["sources"][0]["without_code"] == ["later.bin"]
    assert found["complete"] is False


def test_a_zarr_counts_as_one_and_its_chunks_do_not(tmp_path: Path, contents: Any) -> None:
    """A thousand equal chunks are no thousand duplicates; two equal Zarrs are."""
    chunk = contents["small"] * 99
    zarr = {".zgroup": b'{"zarr_format": 2}', "0/0": chunk, "0/1": chunk, "0/2": chunk}
    data = write(
        tmp_path / "data",
        {f"{name}.zarr/{path}": raw for name in ("a", "b") for path, raw in zarr.items()},
    )

    (group,) = similar([data]).groups
    build(data, name="Zarrs", licence="CC0-1.0")
    (recorded,) = similar([data]).groups

    assert members_of(group) == members_of(recorded) == [["a.zarr/", "b.zarr/"]]


def test_files_may_be_named_one_by_one(folder: Path, cached: dict[str, str]) -> None:
    outcome = run("similar", "a.bin", "b.bin", cwd=folder, env=cached)

    assert outcome.code == 0
    assert outcome.lines[0] == "near   2 contents, 2 files"


def test_a_file_that_cannot_be_read_is_named_and_makes_the_answer_incomplete(
    folder: Path, cached: dict[str, str]
) -> None:
    (folder / "link").symlink_to("nowhere")

    outcome = run("similar", "--format", "json", folder, env=cached)

    assert outcome.code == 3
    assert [item["path"] for item in valid(outcome.out)["sources"][0]["unread"]] == ["link"]


@pytest.mark.parametrize("second", ["folder", "folder/deep", "folder/../folder", "link"])
def test_a_place_that_lies_in_another_is_refused(folder: Path, second: str) -> None:
    """Each of its files would be found to be there twice."""
    (folder.parent / "link").symlink_to("folder/deep")

    outcome = run("similar", "folder", second, cwd=folder.parent)

    assert outcome.code == 2
    assert "twice" in error_of(outcome)


def test_what_holds_no_byte_at_all_gives_no_verdict(tmp_path: Path) -> None:
    outcome = run("similar", write(tmp_path / "empty", {"a": b"", "b": b""}))

    assert outcome.code == 2
    assert "nothing can be compared" in error_of(outcome)


def test_a_crate_that_records_no_code_gives_no_verdict_but_a_hint(tmp_path: Path) -> None:
    graph = [
        {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},
        {"@id": "./", "@type": "Dataset", "hasPart": {"@id": "a"}},
        {"@id": "a", "@type": "File"},
    ]
    metadata = json.dumps({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})
    place = write(tmp_path / "foreign", {"a": b"a", "ro-crate-metadata.json": metadata.encode()})

    outcome = run("similar", place)

    assert outcome.code == 2
    assert "hint: --compute" in error_of(outcome)


def test_leakage_between_two_sets_ends_with_one(
    tmp_path: Path, contents: dict[str, bytes], cached: dict[str, str]
) -> None:
    train = write(tmp_path / "train", {"1.tif": contents["first"], "2.tif": contents["other"]})
    test = write(
        tmp_path / "test",
        {"x.tif": contents["other"], "y.tif": contents["edited"], "z.tif": contents["small"]},
    )

    outcome = run("similar", "--between", "train", "test", cwd=tmp_path, env=cached)
    as_json = run("similar", "--between", train, test, "--format", "json", env=cached)

    assert outcome.code == as_json.code == 1
    assert outcome.lines[:2] == [
        "exact  test/x.tif  the same                 train/2.tif",
        "near   test/y.tif  27 of 256 bits: similar  train/1.tif",
    ]
    assert "in train too: 2 of 3 files in test (1 exactly, 1 nearly)" in outcome.out
    found = valid(as_json.out)
    assert [(leak["level"], leak["test"]["path"]) for leak in found["leaks"]] == [
        ("exact", "x.tif"),
        ("bytes", "y.tif"),
    ]


def test_sets_that_share_nothing_end_with_zero(
    tmp_path: Path, contents: dict[str, bytes], cached: dict[str, str]
) -> None:
    train = write(tmp_path / "train", {"1.tif": contents["first"]})
    test = write(tmp_path / "test", {"x.tif": contents["other"]})

    outcome = run("similar", "--between", train, test, env=cached)

    assert outcome.code == 0
    assert "(0 exactly, 0 nearly)" in outcome.out
    assert leakage(train, test).is_complete


def test_a_test_set_with_an_unread_file_is_not_said_to_be_clean(
    tmp_path: Path, contents: dict[str, bytes], cached: dict[str, str]
) -> None:
    train = write(tmp_path / "train", {"1.tif": contents["first"]})
    test = write(tmp_path / "test", {"x.tif": contents["other"]})
    (test / "link").symlink_to("nowhere")

    assert run("similar", "--between", train, test, env=cached).code == 3


@pytest.mark.parametrize("side", ["train", "test"])
def test_an_empty_set_is_no_set_without_leaks(
    tmp_path: Path, contents: dict[str, bytes], side: str
) -> None:
    write(tmp_path / "train", {"1": contents["small"]})
    write(tmp_path / "test", {"2": contents["other"]})
    next((tmp_path / side).iterdir()).unlink()

    outcome = run("similar", "--between", "train", "test", cwd=tmp_path)

    assert outcome.code == 2
    assert f"nothing can be compared in {side}" in error_of(outcome)


@pytest.mark.parametrize("words", [[], ["--between", "a", "b", "c"]])
def test_either_places_or_a_pair_of_them_are_named(words: list[str], tmp_path: Path) -> None:
    outcome = run("similar", *words, cwd=tmp_path)

    assert outcome.code == 2
    assert "--between" in error_of(outcome)


def test_long_lists_are_cut_unless_all_is_asked_for(tmp_path: Path, cached: dict[str, str]) -> None:
    files = {f"{n:02d}/{name}": b"content %d" % n for n in range(60) for name in "ab"}
    place = write(tmp_path / "pairs", files)

    short, long = run("similar", place, env=cached), run("similar", "--all", place, env=cached)

    assert "… and 10 more groups: --all shows them" in short.lines
    assert short.out.count("exact  2 copies") == 50
    assert long.out.count("exact  2 copies") == 60


def test_the_python_interface_is_what_the_command_uses() -> None:
    assert {"similar", "leakage", "index_add", "index_search"} <= set(crate_iscc.__all__)
