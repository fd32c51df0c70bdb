"""`build -o DIR` copies the payload and the preview into a new crate."""

import os
import stat
from pathlib import Path

import pytest
from build_support import (
    METADATA,
    NOW,
    PLAIN,
    ZARR,
    age,
    contents_of,
    crate_iscc,
    metadata_bytes,
    paths_below,
    state_of,
    write_tree,
)

from crate_iscc import Verdict, build, verify

CONTENTS = {
    **PLAIN,
    **ZARR,
    "to do/later/": b"",
    ".hidden/.file": b"hidden",
    "ro-crate-preview.html": b"<p>",
    "ro-crate-preview_files/style.css": b"p {}",
}


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a dataset with files of long ago, hidden ones, empty folders and a preview."""
    folder = write_tree(tmp_path / "study", CONTENTS)
    age(folder)
    return folder


@pytest.mark.parametrize("name", ["out", "out/", "archive.zip/"])
def test_every_file_and_folder_is_in_the_copy(dataset: Path, tmp_path: Path, name: str) -> None:
    """Payload, preview, hidden files and empty folders; a slash asks for a folder in any case."""
    crate_iscc("build", dataset, "-o", f"{tmp_path}/{name}", home=tmp_path / "home")

    out = tmp_path / name
    assert contents_of(out) == contents_of(dataset)
    assert paths_below(out) - paths_below(dataset) == {METADATA, "iscc-manifest.tsv"}
    assert paths_below(dataset) <= paths_below(out)
    assert verify(out).verdict is Verdict.VALID


def test_the_dataset_is_left_as_it_was(dataset: Path, tmp_path: Path) -> None:
    """Nothing appears in it, and nothing beside the copy."""
    before = state_of(dataset, without=frozenset())

    build(dataset, tmp_path / "out")

    assert state_of(dataset, without=frozenset()) == before
    assert {place.name for place in tmp_path.iterdir()} == {"study", "out"}


def test_copies_keep_their_modification_times(dataset: Path, tmp_path: Path) -> None:
    """To the nanosecond."""
    build(dataset, tmp_path / "out")

    times = {path: state.mtime_ns for path, state in state_of(tmp_path / "out").items()}
    assert times == {path: state.mtime_ns for path, state in state_of(dataset).items()}


def test_copies_are_files_of_their_own(dataset: Path, tmp_path: Path) -> None:
    """A copy is no hard link: writing to it does not reach the dataset."""
    build(dataset, tmp_path / "out")

    inodes = {state.inode for state in state_of(dataset).values()}
    assert inodes.isdisjoint(state.inode for state in state_of(tmp_path / "out").values())


def test_the_copy_is_the_crate_that_a_build_in_place_makes(dataset: Path, tmp_path: Path) -> None:
    """The metadata are the same bytes."""
    build(dataset, tmp_path / "out", now=NOW)
    build(dataset, now=NOW)

    assert metadata_bytes(tmp_path / "out") == metadata_bytes(dataset)


def test_an_empty_folder_may_be_the_target(dataset: Path, tmp_path: Path) -> None:
    """There is nothing in it that could be lost."""
    (tmp_path / "out").mkdir()

    build(dataset, tmp_path / "out")

    assert verify(tmp_path / "out").verdict is Verdict.VALID


def test_the_copy_is_as_open_as_any_new_folder(dataset: Path, tmp_path: Path) -> None:
    """It does not keep the narrow permissions under which it was written."""
    (tmp_path / "ordinary").mkdir()

    build(dataset, tmp_path / "out")

    ordinary = (tmp_path / "ordinary").stat().st_mode
    assert (tmp_path / "out").stat().st_mode == ordinary
    assert stat.S_ISDIR(ordinary)


def test_a_crate_that_is_copied_keeps_its_metadata(dataset: Path, tmp_path: Path) -> None:
    """Without a change in the payload they come along byte for byte."""
    build(dataset, authors=["Ada Lovelace"], now=NOW)
    before = metadata_bytes(dataset)

    build(dataset, tmp_path / "out")

    assert metadata_bytes(tmp_path / "out") == before


def test_a_relative_target_stands_where_the_user_is(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read from the working directory, not from the dataset."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    build(os.path.relpath(dataset), "copy")

    assert verify(tmp_path / "here" / "copy").verdict is Verdict.VALID
