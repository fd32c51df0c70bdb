"""The instruments of these tests see what they are there to see."""

import json
import os
from pathlib import Path

import pytest
from build_lossless import compare

from file_watch import ACCESSED, ATTRIBUTES, WRITES, Watch, only_where_files_can_be_watched

BEFORE = {"a": 1, "b": [1, {"@id": "x", "c": "d"}], "e": None}


@pytest.mark.parametrize(
    "after",
    [
        {"a": 1, "b": [1, {"@id": "x", "c": "d"}]},
        {"a": 1, "b": [1, {"@id": "x", "c": "D"}], "e": None},
        {"a": 1, "b": [{"@id": "x", "c": "d"}, 1], "e": None},
        {"a": 1, "b": [1], "e": None},
        {"b": [1, {"@id": "x", "c": "d"}], "a": 1, "e": None},
        {"a": 1.0, "b": [1, {"@id": "x", "c": "d"}], "e": None},
        {"a": "1", "b": [1, {"@id": "x", "c": "d"}], "e": None},
        {"a": True, "b": [1, {"@id": "x", "c": "d"}], "e": None},
        {"a": 1, "b": [1, {"@id": "x", "c": "d"}], "e": False},
        {"a": 1, "b": [0, 1, {"@id": "x", "c": "d"}], "e": None},
        {"a": 1, "b": [1, {"c": "d", "@id": "x"}], "e": None},
    ],
)
def test_the_comparison_notices_every_kind_of_loss(after: object) -> None:
    """A key, a value, a type, the digits of a number, an order: nothing of it may go."""
    difference = compare(json.dumps(BEFORE).encode(), json.dumps(after).encode())

    assert difference.lost


def test_the_comparison_names_what_is_new() -> None:
    """Growth at the end, and a value that became a list, are additions and no loss."""
    after = {"a": [1, 2], "new": 0, "b": [1, {"@id": "x", "c": "d", "f": 0}, "more"], "e": None}

    difference = compare(json.dumps(BEFORE).encode(), json.dumps(after).encode())

    assert difference.lost == []
    assert set(difference.added) == {"a[1]", "new", "b[x]/f", "b[2]"}


@only_where_files_can_be_watched
def test_the_watch_sees_reading_and_every_kind_of_writing(tmp_path: Path) -> None:
    """Also a file that is opened for writing and closed without a write."""
    names = ("untouched", "read", "opened for writing", "written", "dated", "removed")
    places = {name: tmp_path / name for name in names}
    for place in places.values():
        place.write_bytes(b"content")

    with Watch(places.values()) as watch:
        places["read"].read_bytes()
        places["opened for writing"].open("ab").close()
        places["written"].write_bytes(b"other")
        os.utime(places["dated"])
        places["removed"].unlink()

    seen = {place.name: kinds for place, kinds in watch.seen.items()}
    assert "untouched" not in seen
    assert ACCESSED in seen["read"]
    assert seen["read"].isdisjoint(WRITES)
    assert not seen["opened for writing"].isdisjoint(WRITES)
    assert not seen["written"].isdisjoint(WRITES)
    assert seen["dated"] == {ATTRIBUTES}
    assert not seen["removed"].isdisjoint(WRITES)
