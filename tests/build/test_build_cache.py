"""What did not change is not read again; what did is never missed."""

import os
import time
from pathlib import Path

import pytest
from build_support import (
    DAYS_LATER,
    METADATA,
    NOW,
    PLAIN,
    ZARR,
    age,
    crate_iscc,
    graph_of,
    metadata_bytes,
    paths_below,
    write_tree,
)

from crate_iscc import Progress, build
from file_watch import ACCESSED, OPENED, Watch, only_where_files_can_be_watched


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a dataset that was last written a moment ago."""
    folder = write_tree(tmp_path / "study", {**PLAIN, **ZARR})
    age(folder)
    time.sleep(0.05)  # a file that was just written may change again within a tick of the clock
    return folder


def _payload(dataset: Path) -> list[Path]:
    return [dataset / path for path in (*PLAIN, *ZARR)]


@only_where_files_can_be_watched
def test_a_second_build_opens_no_payload_file(dataset: Path, tmp_path: Path) -> None:
    """The kernel sees none of them opened, and the metadata stay as they are, days later too."""
    crate_iscc("build", dataset, home=tmp_path / "home", now=NOW)
    before = metadata_bytes(dataset)

    with Watch(_payload(dataset)) as watch:
        crate_iscc("build", dataset, home=tmp_path / "home", now=DAYS_LATER)

    assert watch.seen == {}
    assert metadata_bytes(dataset) == before


@only_where_files_can_be_watched
def test_without_the_cache_every_payload_file_is_read_again(dataset: Path, tmp_path: Path) -> None:
    """--no-cache reads all there is to read, and comes to the same metadata."""
    crate_iscc("build", dataset, home=tmp_path / "home", now=NOW)
    before = metadata_bytes(dataset)

    with Watch(_payload(dataset)) as watch:
        crate_iscc("build", dataset, "--no-cache", home=tmp_path / "home", now=DAYS_LATER)

    assert all(OPENED in watch.seen[place] for place in _payload(dataset))
    assert all(ACCESSED in watch.seen[place] for place in _payload(dataset) if _size(place))
    assert metadata_bytes(dataset) == before


def _size(place: Path) -> int:
    return place.stat().st_size


@only_where_files_can_be_watched
def test_a_first_build_reads_every_file_once(dataset: Path) -> None:
    """Each file is opened, also with a container's code and the root's to compute beside its own.

    The kernel counts bytes, so the proof is the one total that progress ends at.
    """
    states: list[Progress] = []

    with Watch(_payload(dataset)) as watch:
        build(dataset, progress=states.append)

    assert watch.seen.keys() == set(_payload(dataset))
    assert states[-1].done_bytes == sum(map(_size, _payload(dataset)))
    assert states[-1].done_files == len(_payload(dataset))


def test_the_cache_lies_outside_of_the_dataset(dataset: Path, tmp_path: Path) -> None:
    """It can be thrown away with the user's cache folder."""
    crate_iscc("build", dataset, home=tmp_path / "home")

    assert {path for path in paths_below(dataset) if "cache" in path.lower()} == set()
    assert any((tmp_path / "home" / "cache").rglob("*.cache"))


def test_a_changed_file_is_noticed_when_size_and_modification_time_are_the_same(
    dataset: Path, tmp_path: Path
) -> None:
    """The change time gives it away, which no ordinary program can set back."""
    cache = tmp_path / "cache"
    build(dataset, cache_folder=cache)
    victim = dataset / "raw" / "cell 1.tif"
    status = victim.stat()
    before = graph_of(dataset)["raw/cell%201.tif"]

    victim.write_bytes(bytes(status.st_size))
    os.utime(victim, ns=(status.st_atime_ns, status.st_mtime_ns))
    build(dataset, cache_folder=cache)

    assert victim.stat().st_mtime_ns == status.st_mtime_ns
    assert graph_of(dataset)["raw/cell%201.tif"]["datahash"] != before["datahash"]


def test_a_file_that_was_only_touched_changes_nothing(dataset: Path, tmp_path: Path) -> None:
    """It is read again, and found to be the same."""
    cache = tmp_path / "cache"
    build(dataset, cache_folder=cache, now=NOW)
    before = metadata_bytes(dataset)

    (dataset / "empty.txt").touch()
    build(dataset, cache_folder=cache, now=DAYS_LATER)

    assert metadata_bytes(dataset) == before


def test_files_that_were_swapped_are_not_taken_for_each_other(
    dataset: Path, tmp_path: Path
) -> None:
    """What is remembered belongs to a path and an inode, not to either alone."""
    cache = tmp_path / "cache"
    build(dataset, cache_folder=cache)
    one, two = dataset / "raw" / "cell 1.tif", dataset / "raw" / "cell 2.tif"
    before = graph_of(dataset)

    one.rename(dataset / "aside")
    two.rename(one)
    (dataset / "aside").rename(two)
    build(dataset, cache_folder=cache)

    after = graph_of(dataset)
    assert after["raw/cell%201.tif"]["datahash"] == before["raw/cell%202.tif"]["datahash"]
    assert after["raw/cell%202.tif"]["datahash"] == before["raw/cell%201.tif"]["datahash"]


def test_sha256_is_computed_although_the_rest_is_remembered(dataset: Path, tmp_path: Path) -> None:
    """A cache that lacks what is asked for does not stand in the way."""
    cache = tmp_path / "cache"
    build(dataset, cache_folder=cache)

    build(dataset, cache_folder=cache, sha256=True)

    assert len(graph_of(dataset)["empty.txt"]["sha256"]) == 64


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"crate-iscc cache 1\n",
        b"\xff\xfe\x00",
        b"crate-iscc cache 1\tanother kernel\nfile\tx\nend",
    ],
    ids=["empty", "cut", "no text", "another kernel"],
)
def test_a_damaged_cache_is_ignored(dataset: Path, tmp_path: Path, damage: bytes) -> None:
    """Fingerprints are computed anew, and the result is the same."""
    cache = tmp_path / "cache"
    build(dataset, cache_folder=cache, now=NOW)
    before = metadata_bytes(dataset)
    for place in cache.iterdir():
        place.write_bytes(damage)

    build(dataset, cache_folder=cache, now=DAYS_LATER)

    assert metadata_bytes(dataset) == before


def test_a_cache_cut_anywhere_never_gives_a_wrong_code(dataset: Path, tmp_path: Path) -> None:
    """Whatever part of the file is lost, the second build equals the first."""
    cache = tmp_path / "cache"
    build(dataset, cache_folder=cache, now=NOW)
    before = metadata_bytes(dataset)
    (place,) = cache.iterdir()
    whole = place.read_bytes()

    for end in range(0, len(whole), 97):
        place.write_bytes(whole[:end])
        build(dataset, cache_folder=cache, now=DAYS_LATER)
        assert metadata_bytes(dataset) == before


def test_two_datasets_with_the_same_content_do_not_share_what_is_remembered(
    dataset: Path, tmp_path: Path
) -> None:
    """Each dataset has a cache of its own."""
    other = write_tree(tmp_path / "other", {"a.txt": b"a"})
    age(other)
    time.sleep(0.05)
    cache = tmp_path / "cache"

    build(dataset, cache_folder=cache)
    build(other, cache_folder=cache)

    assert len(list(cache.iterdir())) == 2


def test_a_cache_that_cannot_be_kept_is_no_failure(dataset: Path, tmp_path: Path) -> None:
    """A file stands where the cache folder should be; the build works all the same."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "cache").write_bytes(b"in the way")

    crate_iscc("build", dataset, home=home)

    assert (dataset / METADATA).is_file()
