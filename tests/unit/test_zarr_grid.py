"""Chunk grids from literals: which names are chunks, which lie outside, and what contradicts."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from crate_iscc.zarr_grid import ChunkGrid, ZarrCheck, check_zarr

V2: dict[str, Any] = {"zarr_format": 2, "shape": [100, 60], "chunks": [50, 30]}
V3: dict[str, Any] = {
    "zarr_format": 3,
    "node_type": "array",
    "shape": [100, 60],
    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [50, 30]}},
    "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
}
GROUP_V3: dict[str, Any] = {"zarr_format": 3, "node_type": "group"}


def checked(documents: Mapping[str, Any], members: Iterable[str] = ()) -> ZarrCheck:
    """Return the check of documents, each a value or bytes, and of other members."""
    raw = {
        path: value if isinstance(value, bytes) else json.dumps(value).encode()
        for path, value in documents.items()
    }
    return check_zarr(raw.items(), [*raw, *members])


def said(check: ZarrCheck) -> list[tuple[str, str | None]]:
    """Return kind and path of each finding."""
    return [(finding.id, finding.path) for finding in check.findings]


@pytest.mark.parametrize(
    ("grid", "inside", "outside", "others"),
    [
        (
            ChunkGrid((100, 60), (50, 30)),
            ["c/0/0", "c/1/1"],
            ["c/2/0", "c/0/2", "c/0", "c/0/0/0", "c/00/1", "c/99999999999999999999/0"],
            ["c", "c/", "0/0", "c.0.0", "c/-1/0", "c/0/0/", "c/x/0", "d/0/0", "c/٣/0", "c/0.0"],
        ),
        (ChunkGrid((100, 60), (50, 30), (".",)), ["c.0.0", "c.1.1"], ["c.2.0"], ["c/0/0"]),
        (ChunkGrid((100, 60), (50, 30), (".",), ""), ["0.0", "1.1"], ["2.0", "0"], ["0/0"]),
        (ChunkGrid((100, 60), (50, 30), ("/",), ""), ["0/0"], ["0/2", "0"], ["0.0", "c/0/0"]),
        (ChunkGrid((100, 60), (50, 30), (".", "/"), ""), ["0.0", "0/0"], ["2.0", "2/0"], ["a.0"]),
        (ChunkGrid((), ()), ["c"], ["c/0"], ["0", "d"]),
        (ChunkGrid((), (), (".",), ""), ["0"], ["1", "0.0"], ["c"]),
        (ChunkGrid((0, 5), (2, 5)), [], ["c/0/0", "c/0/1"], ["c"]),
        (ChunkGrid((101,), (50,)), ["c/0", "c/2"], ["c/3"], []),
    ],
)
def test_a_grid_tells_its_chunks_by_their_names(
    grid: ChunkGrid, inside: list[str], outside: list[str], others: list[str]
) -> None:
    """Names inside, names of chunks that the shape has no room for, and names of no chunk."""
    assert [key for key in inside if grid.allows(key) is not True] == []
    assert [key for key in outside if grid.allows(key) is not False] == []
    assert [key for key in others if grid.allows(key) is not None] == []


@pytest.mark.parametrize(
    ("grid", "total"),
    [
        (ChunkGrid((100, 60), (50, 30)), 4),
        (ChunkGrid((101, 60), (50, 30)), 6),
        (ChunkGrid((), ()), 1),
        (ChunkGrid((0, 60), (50, 30)), 0),
    ],
)
def test_a_grid_counts_its_chunks(grid: ChunkGrid, total: int) -> None:
    """A chunk that the edge cuts is one; an array without dimensions has one."""
    assert grid.total == total


def test_absent_chunks_are_counted_and_no_finding() -> None:
    """A chunk that was never written stands for the fill value."""
    check = checked({"a/zarr.json": V3, "zarr.json": GROUP_V3}, ["a/c/0/0", "a/c/1/1"])

    assert check.findings == ()
    (array,) = check.arrays
    assert (array.path, array.present, array.absent, array.outside) == ("a/", 2, 2, 0)


def test_chunks_outside_are_named() -> None:
    """The finding names the array's document, the grid, how many chunks and the first three."""
    extra = [f"a/c/{n}/0" for n in range(2, 7)]

    check = checked({"a/zarr.json": V3}, ["a/c/0/0", *extra])

    (finding,) = check.findings
    assert (finding.id, finding.path) == ("zarr.chunks-outside", "a/zarr.json")
    assert finding.message == (
        "5 chunk(s) outside of the grid of 2x2 chunk(s) (shape 100x60, chunks of 50x30): "
        "c/2/0, c/3/0, c/4/0, …"
    )
    assert check.arrays[0].outside == 5


@pytest.mark.parametrize(
    ("stated", "used", "kinds"),
    [
        (None, ".", []),
        (None, "/", []),
        (".", ".", []),
        ("/", "/", []),
        (".", "/", ["zarr.unfamiliar"]),
        ("/", ".", ["zarr.unfamiliar"]),
    ],
)
def test_v2_chunks_are_found_with_their_separator(
    stated: str | None, used: str, kinds: list[str]
) -> None:
    """A document without a separator has dots by the specification, and slashes in old OME."""
    document = {**V2, "dimension_separator": stated} if stated else V2

    check = checked({".zarray": document}, [f"0{used}0", f"1{used}1"])

    assert [finding.id for finding in check.findings] == kinds
    assert check.arrays[0].present == (0 if kinds else 2)


def test_v2_encoded_names_of_v3_are_read() -> None:
    """The encoding "v2" has no prefix and a dot by default; names may be given as strings."""
    document = {**V3, "chunk_key_encoding": {"name": "v2"}}
    assert checked({"zarr.json": document}, ["0.0", "1.1"]).findings == ()
    assert said(checked({"zarr.json": {**V3, "chunk_key_encoding": "v2"}}, ["2.0"])) == [
        ("zarr.chunks-outside", "zarr.json")
    ]


def test_an_array_in_both_formats_has_the_chunks_of_both() -> None:
    """Some stores are described in v2 and v3 side by side."""
    check = checked({".zarray": V2, "zarr.json": V3}, ["0.0", "c/1/1", "c/2/2"])

    assert said(check) == [("zarr.chunks-outside", ".zarray")]


def shards(inner: object) -> dict[str, Any]:
    """Return the metadata of an array in shards that hold chunks of a shape."""
    codec = {"name": "sharding_indexed", "configuration": {"chunk_shape": inner}}
    return {**V3, "codecs": [codec]}


def test_the_chunks_of_a_sharded_array_are_its_shards() -> None:
    """What is stored is one object for each shard."""
    check = checked({"zarr.json": shards([5, 5])}, ["c/1/1", "c/2/1"])

    assert check.arrays[0].grid.total == 4
    assert said(check) == [("zarr.chunks-outside", "zarr.json")]


@pytest.mark.parametrize(
    ("name", "document", "reason"),
    [
        ("zarr.json", b"", "no JSON"),
        ("zarr.json", b"{", "no JSON"),
        ("zarr.json", b"[" * 100_000, "nested too deeply"),
        ("zarr.json", b"\xff\xfe{", "no JSON"),
        ("zarr.json", b"[]", "no JSON object"),
        ("zarr.json", {"zarr_format": 2, "node_type": "array"}, "zarr_format is not 3"),
        ("zarr.json", {"zarr_format": 3}, "node_type"),
        ("zarr.json", {**V3, "shape": None}, "shape is no list"),
        ("zarr.json", {**V3, "shape": [100]}, "shape has 1 dimension(s), chunk_shape 2"),
        ("zarr.json", {**V3, "shape": [100, -1]}, "whole numbers >= 0"),
        ("zarr.json", {**V3, "shape": [100, True]}, "whole numbers >= 0"),
        ("zarr.json", {**V3, "shape": [100, 2.0]}, "whole numbers >= 0"),
        ("zarr.json", {**V3, "chunk_grid": None}, "chunk_grid has no name"),
        ("zarr.json", {**V3, "chunk_grid": {"name": "regular"}}, "chunk_shape is no list"),
        (
            "zarr.json",
            {**V3, "chunk_grid": {"name": "regular", "configuration": []}},
            "configuration of its chunk_grid is no object",
        ),
        (
            "zarr.json",
            {**V3, "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0, 1]}}},
            "whole numbers >= 1",
        ),
        (
            "zarr.json",
            {**V3, "chunk_key_encoding": {"name": "default", "configuration": {"separator": "-"}}},
            "separator of its chunk_key_encoding",
        ),
        ("zarr.json", shards([3, 5]), "do not hold whole 3x5"),
        ("zarr.json", shards([5]), "dimension(s)"),
        ("zarr.json", shards(None), "no list"),
        ("zarr.json", {**GROUP_V3, "consolidated_metadata": 3}, "consolidated_metadata is no"),
        ("zarr.json", {**GROUP_V3, "attributes": {"multiscales": {}}}, "multiscales are no list"),
        ("zarr.json", {**GROUP_V3, "attributes": {"multiscales": [3]}}, "no list of datasets"),
        (
            "zarr.json",
            {**GROUP_V3, "attributes": {"ome": {"multiscales": [{"datasets": [{}]}]}}},
            "has no path",
        ),
        (".zarray", {**V2, "zarr_format": 3}, "zarr_format is not 2"),
        (".zarray", {**V2, "chunks": [50, 0]}, "whole numbers >= 1"),
        (".zarray", {**V2, "chunks": True}, "chunks is no list"),
        (".zarray", {**V2, "chunks": [50]}, "shape has 2 dimension(s), chunks 1"),
        (".zarray", {**V2, "dimension_separator": ["."]}, "dimension_separator"),
        (".zgroup", {}, "zarr_format is not 2"),
        (".zattrs", b"x", "no JSON"),
        (".zmetadata", {}, "its metadata is no JSON object"),
        (".zmetadata", {"metadata": {"a": 1}}, "is no object"),
        (".zmetadata", {"metadata": {".zarray": {}}}, "it repeats: its shape is no list"),
    ],
)
def test_metadata_that_cannot_be_understood_are_told(name: str, document: Any, reason: str) -> None:
    """Whatever is wrong with a document is a finding at it, and never an exception."""
    check = checked({name: document})

    finding = check.findings[0]
    assert (finding.id, finding.path) == ("zarr.malformed", name)
    assert reason in finding.message


@pytest.mark.parametrize(
    "change",
    [
        {"chunk_grid": {"name": "rectilinear", "configuration": {}}},
        {"chunk_key_encoding": {"name": "fanout"}},
    ],
)
def test_what_an_extension_defines_is_told_and_not_judged(change: dict[str, Any]) -> None:
    """Names of chunks that nobody here knows are neither inside nor outside."""
    check = checked({"zarr.json": {**V3, **change}}, ["c/9/9", "anything"])

    assert said(check) == [("zarr.unfamiliar", "zarr.json")]


def test_other_files_are_told_once() -> None:
    """One remark for a whole Zarr names how many files are neither metadata nor chunks."""
    documents = {"x.zarr/zarr.json": GROUP_V3, "x.zarr/0/zarr.json": V3}
    members = ["x.zarr/OME/METADATA.ome.xml", "x.zarr/0/.DS_Store", "x.zarr/0/c/0/0"]

    (finding,) = checked(documents, members).findings

    assert (finding.id, finding.path) == ("zarr.unfamiliar", "x.zarr/OME/METADATA.ome.xml")
    assert finding.message.startswith("2 file(s)")


def test_a_chunk_in_a_group_is_no_chunk() -> None:
    """A group cuts off the arrays above it, and has no chunks of its own."""
    check = checked({"zarr.json": V3, "c/zarr.json": GROUP_V3}, ["c/0/0"])

    assert said(check) == [("zarr.unfamiliar", "c/0/0")]


CONSOLIDATED_V3 = {**GROUP_V3, "consolidated_metadata": {"kind": "inline", "metadata": {"a": V3}}}
CONSOLIDATED_V2 = {"metadata": {".zgroup": {"zarr_format": 2}, "a/.zarray": V2}}


def test_consolidated_metadata_that_agree_are_no_finding() -> None:
    """What is repeated is what is there, in v2 and v3, also below a folder."""
    assert checked({"x/zarr.json": CONSOLIDATED_V3, "x/a/zarr.json": V3}).findings == ()
    documents = {"x/.zmetadata": CONSOLIDATED_V2, "x/a/.zarray": V2}
    assert checked(documents).findings == ()


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        (
            {"zarr.json": CONSOLIDATED_V3, "a/zarr.json": {**V3, "shape": [50, 60]}},
            "of a/ it says 2x2 chunk(s) (shape 100x60, chunks of 50x30), the array itself "
            "1x2 chunk(s) (shape 50x60, chunks of 50x30)",
        ),
        ({"zarr.json": CONSOLIDATED_V3}, "it repeats 1 array(s) that are not there: a/"),
        (
            {"zarr.json": CONSOLIDATED_V3, "a/zarr.json": V3, "b/zarr.json": V3},
            "it leaves out 1 array(s) that are there: b/",
        ),
        (
            {".zmetadata": CONSOLIDATED_V2, "a/.zarray": {**V2, "chunks": [10, 10]}},
            "of a/ it says 2x2 chunk(s) (shape 100x60, chunks of 50x30), the array itself "
            "10x6 chunk(s) (shape 100x60, chunks of 10x10)",
        ),
        ({".zmetadata": CONSOLIDATED_V2}, "it repeats 1 array(s) that are not there: a/"),
    ],
)
def test_consolidated_metadata_that_disagree_are_told(
    documents: dict[str, Any], message: str
) -> None:
    """What a reader sees would depend on whether it reads the one or the other."""
    (finding,) = checked(documents).findings

    assert finding.id == "zarr.contradiction"
    assert finding.message == message
    assert finding.path in ("zarr.json", ".zmetadata")


def image(*paths: str) -> dict[str, Any]:
    """Return the metadata of a group with a multiscale image (OME-Zarr 0.5)."""
    multiscales = [{"datasets": [{"path": path} for path in paths]}]
    return {**GROUP_V3, "attributes": {"ome": {"version": "0.5", "multiscales": multiscales}}}


@pytest.mark.parametrize(
    ("shapes", "messages"),
    [
        ({"0": [100, 60], "1": [50, 30]}, []),
        ({"0": [100, 60], "1": [100, 60]}, []),
        (
            {"0": [50, 30], "1": [100, 30]},
            ["level 1/ (100x30) is not within level 0/ (50x30), the one before it"],
        ),
        ({"0": [50, 30]}, ["a level of the image is not there: 1/"]),
        ({}, ["a level of the image is not there: 0/", "a level of the image is not there: 1/"]),
    ],
)
def test_the_levels_of_an_image_become_smaller(
    shapes: dict[str, list[int]], messages: list[str]
) -> None:
    """Each level of a multiscale image is there, and no larger than the one before it."""
    arrays = {f"i/{path}/zarr.json": {**V3, "shape": shape} for path, shape in shapes.items()}

    check = checked({"i/zarr.json": image("0", "1"), **arrays})

    assert [finding.message for finding in check.findings] == messages
    assert {finding.id for finding in check.findings} <= {"zarr.contradiction"}


def test_levels_of_an_image_of_ome_zarr_0_4_are_found() -> None:
    """There they stand in .zattrs, and paths may be written with dots and slashes."""
    documents = {
        "i/.zattrs": {"multiscales": [{"datasets": [{"path": "./0/"}, {"path": "s/1"}]}]},
        "i/0/.zarray": V2,
        "i/s/1/.zarray": {**V2, "shape": [200, 60]},
    }

    (finding,) = checked(documents).findings

    assert (finding.id, finding.path) == ("zarr.contradiction", "i/.zattrs")
    assert "level s/1/" in finding.message
