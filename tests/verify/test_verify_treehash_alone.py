"""A treehash is enough: it says what all files hold, also where nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from crate_iscc import Style, Thoroughness, Verdict, build, verify

METADATA = "ro-crate-metadata.json"
OF_NOTHING = "1e20" + blake3().hexdigest()


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """Return a crate of two files that records the codes of the whole, and none of a file."""
    folder = tmp_path / "crate"
    folder.mkdir()
    (folder / "a.txt").write_text("hello")
    (folder / "b.bin").write_bytes(b"x" * 50)
    build(folder, style=Style.TABLE)
    (folder / "iscc-manifest.tsv").unlink()
    root_of(folder, manifestDatahash=None, manifestSchema=None)
    return folder


def root_of(folder: Path, **changes: Any) -> None:
    """Change properties of the root; those that are None are taken away."""
    place = folder / METADATA
    document = json.loads(place.read_text(encoding="utf-8"))
    root = next(entity for entity in document["@graph"] if entity["@id"] == "./")
    root.update(changes)
    for key, value in changes.items():
        if value is None:
            del root[key]
    place.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("thoroughness", [Thoroughness.DATAHASH, Thoroughness.FULL])
@pytest.mark.parametrize("count", [2, None])
def test_a_treehash_without_a_list_says_whether_all_is_intact(
    crate: Path, count: int | None, thoroughness: Thoroughness
) -> None:
    """With the number of its files or without."""
    root_of(crate, fileCount=count)

    assert verify(crate, thoroughness=thoroughness).verdict is Verdict.VALID
    (crate / "a.txt").write_text("hellO")
    assert verify(crate, thoroughness=thoroughness).verdict is Verdict.INVALID


def test_a_number_of_files_that_is_wrong_hides_nothing(crate: Path) -> None:
    """The treehash is compared, whatever number stands beside it."""
    root_of(crate, fileCount=0)
    (crate / "a.txt").write_text("hellO")

    assert verify(crate).verdict is Verdict.INVALID


def test_the_treehash_of_nothing_vouches_for_no_file(crate: Path) -> None:
    """Files where none are recorded are no fault of the program: they are extra."""
    root_of(crate, treehash=OF_NOTHING, fileCount=0, identifier=None)

    report = verify(crate)

    assert report.verdict is Verdict.INVALID
    assert {finding.path for finding in report.findings if finding.id == "bytes.extra"} == {
        "a.txt",
        "b.bin",
    }
