"""A Zarr on the web has the code of the same Zarr on disk, or none."""

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from crate_iscc import fingerprint
from crate_iscc.checklist import sum_tree
from crate_iscc.errors import InputError, ReadError
from crate_iscc.kernel.choosing import kernel
from web.web_kit import Answer, Request, Site, serving

Files = dict[str, bytes]


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def array_2(shape: list[int], chunks: list[int], separator: str | None = None) -> bytes:
    more = {"dimension_separator": separator} if separator else {}
    return as_json({"zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": "|u1", **more})


def array_3(shape: list[int], chunks: list[int], kind: str = "default", **more: Any) -> bytes:
    return as_json(
        {
            "zarr_format": 3,
            "node_type": "array",
            "shape": shape,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
            "chunk_key_encoding": {"name": kind, **more},
        }
    )


def group_3(attributes: Any = None, **more: Any) -> bytes:
    return as_json({"zarr_format": 3, "node_type": "group", "attributes": attributes or {}, **more})


def chunk(name: str) -> bytes:
    return Random(name).randbytes(100)


def with_chunks(files: Files, *names: str) -> Files:
    """Return files with some chunks; others of the grid were never written."""
    return files | {name: chunk(name) for name in names}


GROUP_2 = as_json({"zarr_format": 2})
IMAGE = {"multiscales": [{"datasets": [{"path": "0"}, {"path": "1"}]}]}
WELL = {"well": {"images": [{"path": "0"}]}}


def consolidated_2() -> Files:
    files = {
        ".zgroup": GROUP_2,
        ".zattrs": as_json({"any": 1}),
        "a/.zarray": array_2([5, 5], [2, 3]),
        "b/c/.zgroup": GROUP_2,
        "b/c/d/.zarray": array_2([], []),
        "b/.zgroup": GROUP_2,
    }
    files[".zmetadata"] = as_json(
        {
            "zarr_consolidated_format": 1,
            "metadata": {name: json.loads(content) for name, content in files.items()},
        }
    )
    return with_chunks(files, "a/0.0", "a/2.1", "b/c/d/0")


def consolidated_3() -> Files:
    files = {
        "a/zarr.json": array_3([4, 4, 4], [4, 2, 2]),
        "b/zarr.json": group_3(),
        "b/old/zarr.json": array_3([3], [2], "v2"),
        "b/dots/zarr.json": array_3([3, 1], [2, 1], configuration={"separator": "."}),
        "b/one/zarr.json": array_3([], []),
    }
    members = {
        name.removesuffix("/zarr.json"): json.loads(content) for name, content in files.items()
    }
    files["zarr.json"] = group_3(consolidated_metadata={"kind": "inline", "metadata": members})
    return with_chunks(files, "a/c/0/0/0", "a/c/0/1/1", "b/old/1", "b/dots/c.1.0", "b/one/c")


def image_2() -> Files:
    files = {
        ".zgroup": GROUP_2,
        ".zattrs": as_json(IMAGE),
        "0/.zarray": array_2([1, 4, 4], [1, 2, 2], "/"),
        "1/.zarray": array_2([1, 2, 2], [1, 2, 2], "/"),
        "labels/.zgroup": GROUP_2,
        "labels/.zattrs": as_json({"labels": ["cells"]}),
        "labels/cells/.zgroup": GROUP_2,
        "labels/cells/.zattrs": as_json({"multiscales": [{"datasets": [{"path": "0"}]}]}),
        "labels/cells/0/.zarray": array_2([4], [2]),
        "labels/cells/0/.zattrs": b"{}",
    }
    return with_chunks(files, "0/0/0/1", "0/0/1/1", "1/0/0/0", "labels/cells/0/1")


def image_3() -> Files:
    files = {
        "zarr.json": group_3({"ome": {"version": "0.5", **IMAGE}}),
        "0/zarr.json": array_3([4, 4], [4, 4]),
        "1/zarr.json": array_3([2, 2], [2, 2]),
        "labels/zarr.json": group_3({"ome": {"labels": ["cells"]}}),
        "labels/cells/zarr.json": group_3(
            {"ome": {"multiscales": [{"datasets": [{"path": "0"}]}]}}
        ),
        "labels/cells/0/zarr.json": array_3([4], [2]),
    }
    return with_chunks(files, "0/c/0/0", "labels/cells/0/c/1")


def plate_2() -> Files:
    files = {
        ".zgroup": GROUP_2,
        ".zattrs": as_json({"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}),
        "A/.zgroup": GROUP_2,
        "B/.zgroup": GROUP_2,
    }
    for well in ("A/1", "B/2"):
        files |= {
            f"{well}/.zgroup": GROUP_2,
            f"{well}/.zattrs": as_json(WELL),
            f"{well}/0/.zgroup": GROUP_2,
            f"{well}/0/.zattrs": as_json({"multiscales": [{"datasets": [{"path": "0"}]}]}),
            f"{well}/0/0/.zarray": array_2([4], [2]),
            f"{well}/0/0/1": chunk(well),
        }
    return files


def series_2() -> Files:
    files = {
        ".zgroup": GROUP_2,
        ".zattrs": as_json({"bioformats2raw.layout": 3}),
        "OME/.zgroup": GROUP_2,
        "OME/.zattrs": as_json({"series": ["0", "1"]}),
        "OME/METADATA.ome.xml": b"<OME/>",
    }
    for number in ("0", "1"):
        files |= {
            f"{number}/.zgroup": GROUP_2,
            f"{number}/.zattrs": as_json({"multiscales": [{"datasets": [{"path": "0"}]}]}),
            f"{number}/0/.zarray": array_2([4], [2]),
            f"{number}/0/0": chunk(number),
        }
    return files


def array_alone() -> Files:
    return with_chunks({"zarr.json": array_3([4], [2])}, "c/0")


@pytest.mark.parametrize(
    "make",
    [consolidated_2, consolidated_3, image_2, image_3, plate_2, series_2, array_alone],
    ids=lambda make: make.__name__,
)
def test_the_code_is_that_of_the_folder(make: Callable[[], Files], tmp_path: Path) -> None:
    """All members are found, and chunks that were never written are none."""
    files = make()
    for name, content in files.items():
        place = tmp_path / "x.zarr" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    with serving(Site({f"x.zarr/{name}": content for name, content in files.items()})) as site:
        found = fingerprint(site.url("x.zarr"))
        code = sum_tree(site.url("x.zarr"), kernel())

    here = fingerprint(tmp_path / "x.zarr")
    assert [file.path for file in found.files] == sorted(files)
    assert found.root == here.root
    assert code.fingerprint == sum_tree(str(tmp_path / "x.zarr"), kernel()).fingerprint


BAD: dict[str, Files] = {
    "nothing": {},
    "a group that names nothing": {"zarr.json": group_3()},
    "no JSON": {"zarr.json": b"<html>"},
    "a list": {"zarr.json": b"[]"},
    "no shape": {"zarr.json": as_json({"node_type": "array"})},
    "no numbers": {".zarray": array_2(["a"], [1])},  # type: ignore[list-item]
    "a negative number": {".zarray": array_2([-5], [1])},
    "no size": {".zarray": array_2([5], [0])},
    "too many chunks": {".zarray": array_2([10**12], [1])},
    "another grid": {
        "zarr.json": array_3([1], [1]).replace(b"regular", b"rectangular"),
    },
    "another encoding": {"zarr.json": array_3([1], [1], "hashed")},
    "another separator": {".zarray": array_2([1], [1], "../")},
    "a path upwards": {
        ".zmetadata": as_json({"metadata": {"../../secret": {}}}),
    },
    "an array that is not there": {".zgroup": GROUP_2, ".zattrs": as_json(IMAGE)},
    "a loop": {
        ".zgroup": GROUP_2,
        ".zattrs": as_json({"labels": ["./."]}),
    },
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_named_has_no_code(case: str) -> None:
    """There is a reason, a hint, and no code of a part."""
    with (
        serving(Site({f"x.zarr/{name}": content for name, content in BAD[case].items()})) as site,
        pytest.raises(InputError) as caught,
    ):
        sum_tree(site.url("x.zarr"), kernel())

    assert caught.value.hint


def test_a_chunk_that_is_refused_is_not_one_that_was_never_written() -> None:
    """403 says nothing about whether it is there."""
    with serving(Site({f"x.zarr/{name}": content for name, content in image_3().items()})) as site:
        site.fault = lambda request, _a: Answer(403) if "/c/0" in request.path else None
        with pytest.raises(ReadError, match="403"):
            sum_tree(site.url("x.zarr"), kernel())


@pytest.mark.parametrize("where", ["deeper", "wider"])
def test_a_server_that_has_everything_is_left_in_the_end(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups in groups without an end, and series without a last one."""
    monkeypatch.setattr("crate_iscc.sources.remote.zarr._MOST_GROUPS", 50)
    named = {"multiscales": [{"datasets": [{"path": "x"}]}]}
    series = group_3({"bioformats2raw.layout": 3})
    member = group_3(named) if where == "deeper" else array_3([1], [1])

    with serving(Site({})) as site:
        root = series if where == "wider" else member

        def fault(request: Request, _answer: Answer) -> Answer | None:
            if request.path == "/x.zarr/zarr.json":
                return Answer(200, root)
            return Answer(200, member) if request.path.endswith("/zarr.json") else None

        site.fault = fault
        with pytest.raises(InputError, match="cannot be named"):
            sum_tree(site.url("x.zarr"), kernel())
