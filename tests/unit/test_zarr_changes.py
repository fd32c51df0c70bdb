"""What differs between two states of a Zarr's metadata file."""

import json
from typing import Any

import pytest

from crate_iscc.zarr_changes import (
    MOST_POINTERS,
    Area,
    MetadataChange,
    is_zarr_metadata,
    metadata_change,
)

ARRAY = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [4, 4],
    "codecs": [{"name": "bytes"}],
    "attributes": {"ome": {"omero": {"channels": [{"color": "FF0000"}]}, "version": "0.5"}},
}


def change(one: Any, two: Any, name: str = "zarr.json") -> MetadataChange | None:
    return metadata_change(name, json.dumps(one).encode(), json.dumps(two).encode())


def edited(**members: Any) -> dict[str, Any]:
    return {**ARRAY, **members}


@pytest.mark.parametrize(
    ("name", "one", "two", "pointer", "area"),
    [
        ("zarr.json", ARRAY, edited(shape=[4, 5]), "/shape/1", Area.LAYOUT),
        ("zarr.json", ARRAY, edited(codecs=[]), "/codecs", Area.LAYOUT),
        ("zarr.json", ARRAY, edited(extra=1), "/extra", Area.OTHER),
        ("zarr.json", ARRAY, edited(attributes={}), "/attributes/ome", Area.ATTRIBUTES),
        (
            "0/zarr.json",
            edited(consolidated_metadata={"metadata": {"0": {"shape": [1]}}}),
            edited(consolidated_metadata={"metadata": {"0": {"shape": [2]}}}),
            "/consolidated_metadata/metadata/0/shape/0",
            Area.CONSOLIDATED,
        ),
        (".zattrs", {"omero": {"id": 1}}, {"omero": {"id": 2}}, "/omero/id", Area.OMERO),
        (".zattrs", {"multiscales": []}, {}, "/multiscales", Area.MULTISCALES),
        (".zattrs", {"a/b~": 1}, {"a/b~": 2}, "/a~1b~0", Area.ATTRIBUTES),
        (".zmetadata", {"metadata": {}}, {"metadata": 1}, "/metadata", Area.CONSOLIDATED),
        ("x/.zarray", {"dtype": "<u2"}, {"dtype": ">u2"}, "/dtype", Area.LAYOUT),
        (".zgroup", {"zarr_format": 2}, {"zarr_format": 1}, "/zarr_format", Area.LAYOUT),
        ("zarr.json", [], {}, "", Area.LAYOUT),
    ],
)
def test_a_difference_has_its_pointer_and_its_area(
    name: str, one: Any, two: Any, pointer: str, area: Area
) -> None:
    """As deep as both have the same shape, and the same seen from the other side."""
    expected = MetadataChange((pointer,), (area,))

    assert change(one, two, name) == change(two, one, name) == expected


def test_the_same_json_in_another_spelling_has_no_pointer() -> None:
    """White space and the order of members say nothing."""
    found = metadata_change("zarr.json", b'{"a": 1, "b": NaN}', b'{"b":NaN,"a":1}')

    assert found == MetadataChange((), (Area.SPELLING,))


def test_true_is_not_one() -> None:
    """Nor is a number with a point: readers of Zarr tell them apart."""
    for one, two in ((True, 1), (1, 1.0), (0, False), ("1", 1)):
        found = change({"fill_value": one}, {"fill_value": two})
        assert found is not None
        assert found.pointers == ("/fill_value",)


def test_all_that_differs_is_counted_and_not_all_of_it_is_kept() -> None:
    """A consolidated copy of a large hierarchy may differ in a million places."""
    found = change({}, {str(number): 0 for number in range(MOST_POINTERS + 7)}, ".zattrs")

    assert found is not None
    assert (len(found.pointers), found.more) == (MOST_POINTERS, 7)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
        b"1" * 5000,
        b'{"a": "\xed\xa0\x80"}',
    ],
    ids=["empty", "cut", "no UTF-8", "a member twice", "deep", "a huge number", "half a pair"],
)
def test_what_is_no_plain_json_gives_no_answer(text: bytes) -> None:
    """On either side."""
    assert metadata_change("zarr.json", text, b"{}") is None
    assert metadata_change("zarr.json", b"{}", text) is None


def test_metadata_are_told_by_their_names() -> None:
    """Of Zarr v3 and v2, in any folder; a chunk has another name."""
    names = ["zarr.json", "a/.zattrs", "a/b/.zarray", ".zgroup", ".zmetadata"]

    assert all(map(is_zarr_metadata, names))
    assert not any(map(is_zarr_metadata, ["c/0/0", "0.0", "my-zarr.json", "zarr.json/x"]))
