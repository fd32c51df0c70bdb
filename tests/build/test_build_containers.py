"""Zarrs of every layout become one Dataset each; above 10,000 files there is a manifest."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from build_support import MANIFEST, METADATA, graph_of, ids_in, paths_below, write_tree

from crate_iscc import Verdict, build, fingerprint, verify

PIXELS = np.arange(64, dtype="u1").reshape(8, 8)


def _array(group: Any, name: str) -> None:
    group.create_array(name, data=PIXELS, chunks=(4, 4))


def _image(place: Path, zarr_format: int) -> None:
    group = zarr.create_group(place, zarr_format=zarr_format)
    for level in range(2):
        _array(group, str(level))


def _nested(place: Path, zarr_format: int) -> None:
    group = zarr.create_group(place, zarr_format=zarr_format)
    _array(group, "0")
    labels = group.create_group("labels")
    _array(labels.create_group("cells"), "0")


def _bioformats2raw(place: Path, zarr_format: int) -> None:
    root = zarr.create_group(
        place, zarr_format=zarr_format, attributes={"bioformats2raw.layout": 3}
    )
    for series in range(2):
        _array(root.create_group(str(series)), "0")
    write_tree(place / "OME", {"METADATA.ome.xml": b"<OME/>"})


def _plate(place: Path, zarr_format: int) -> None:
    plate = zarr.create_group(place, zarr_format=zarr_format, attributes={"plate": {}})
    for well in ("A/1", "A/2", "B/1"):
        _array(plate.create_group(f"{well}/0"), "0")


def _bare_array(place: Path, zarr_format: int) -> None:
    zarr.create_array(place, data=PIXELS, chunks=(4, 4), zarr_format=zarr_format)  # type: ignore[arg-type, unused-ignore]


LAYOUTS = {
    "image": _image,
    "labels inside": _nested,
    "bioformats2raw": _bioformats2raw,
    "plate": _plate,
    "one array": _bare_array,
}


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_zarr_is_one_dataset_whatever_is_in_it(
    tmp_path: Path, layout: str, zarr_format: int
) -> None:
    """There is no entity for any file, array or group in it; its lines are in the manifest."""
    dataset = write_tree(tmp_path / "study", {"notes.txt": b"n"})
    LAYOUTS[layout](dataset / "images" / "a b.zarr", zarr_format)
    members = [path for path in paths_below(dataset) if path.startswith("images/a b.zarr/")]
    files = [path for path in members if not path.endswith("/")]

    build(dataset)

    graph = graph_of(dataset)
    container = graph["images/a%20b.zarr/"]
    assert container["@type"] == "Dataset"
    assert container["fileCount"] == len(files)
    assert container["contentSize"] == str(sum((dataset / f).stat().st_size for f in files))
    assert [key for key in graph if key.startswith("images/")] == ["images/a%20b.zarr/"]
    assert ids_in(graph["./"]["hasPart"]) == ["images/a%20b.zarr/", "notes.txt", MANIFEST]
    lines = (dataset / MANIFEST).read_text(encoding="utf-8").splitlines()[1:]
    assert {line.split("\t")[0] for line in lines} == {*files, "notes.txt"}
    assert verify(dataset).verdict is Verdict.VALID


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_that_was_copied_elsewhere_has_the_same_two_codes(
    tmp_path: Path, zarr_format: int
) -> None:
    """The codes of a container hang on what is below it, not on where it stands."""
    dataset = tmp_path / "study"
    _image(dataset / "a.zarr", zarr_format)
    _image(dataset / "deep" / "er" / "b.zarr", zarr_format)

    plan = build(dataset)

    one, two = plan.manifest.containers
    assert (one.iscc, one.treehash) == (two.iscc, two.treehash)
    alone = fingerprint(dataset / "a.zarr").root
    assert (one.iscc, one.treehash) == (alone.iscc, alone.treehash)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_dataset_that_is_a_zarr_itself_is_the_root(
    tmp_path: Path, layout: str, zarr_format: int
) -> None:
    """The root is its one Dataset: no entity stands for its files, and none has an empty id."""
    dataset = tmp_path / "image.zarr"
    LAYOUTS[layout](dataset, zarr_format)

    build(dataset)

    graph = graph_of(dataset)
    assert "" not in graph
    data = [key for key, entity in graph.items() if entity["@type"] in ("File", "Dataset")]
    assert data == ["./", MANIFEST]
    assert ids_in(graph["./"]["hasPart"]) == [MANIFEST]
    assert len(set(ids_in(graph["./"]["identifier"]))) == 2
    assert verify(dataset).verdict is Verdict.VALID


def test_a_zarr_with_a_crate_in_it_still_opens(tmp_path: Path) -> None:
    """Metadata and manifest at the root of a Zarr do not disturb who reads its pixels."""
    dataset = tmp_path / "image.zarr"
    _image(dataset, 3)

    build(dataset)

    pixels = zarr.open_group(dataset, mode="r")["0"][:]  # type: ignore[index, unused-ignore]
    assert np.array_equal(pixels, PIXELS)


def test_a_container_gets_an_entity_in_the_folder_that_is_described(tmp_path: Path) -> None:
    """It is a part of the nearest Dataset above it."""
    dataset = write_tree(
        tmp_path / "study",
        {
            METADATA: b'{"@context": "https://w3id.org/ro/crate/1.2/context", "@graph": ['
            b'{"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},'
            b'{"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "images/"}]},'
            b'{"@id": "images/", "@type": "Dataset"}]}'
        },
    )
    _image(dataset / "images" / "new" / "a.zarr", 3)

    build(dataset)

    graph = graph_of(dataset)
    assert ids_in(graph["images/"]["hasPart"]) == ["images/new/a.zarr/"]
    assert ids_in(graph["./"]["hasPart"]) == ["images/", MANIFEST]


def test_a_zarr_that_is_gone_takes_its_entity_with_it(tmp_path: Path) -> None:
    """Nothing that only this project wrote describes what is not there any more."""
    dataset = write_tree(
        tmp_path / "study", {"a.txt": b"a", "b.zarr/.zgroup": b"{}", "b.zarr/0/.zarray": b"{}"}
    )
    build(dataset)
    for place in sorted((dataset / "b.zarr").rglob("*"), reverse=True):
        place.unlink() if place.is_file() else place.rmdir()
    (dataset / "b.zarr").rmdir()

    build(dataset)

    assert not [key for key in graph_of(dataset) if "b.zarr" in key]
    assert "b.zarr/" not in ids_in(graph_of(dataset)["./"]["hasPart"])
    assert verify(dataset).verdict is Verdict.VALID


def test_a_folder_that_is_no_zarr_any_more_stays_the_container_that_it_was(
    tmp_path: Path,
) -> None:
    """A lost metadata file does not turn one image into a thousand entities."""
    dataset = write_tree(tmp_path / "study", {"b.zarr/.zgroup": b"{}", "b.zarr/0.0": b"chunk"})
    build(dataset)
    (dataset / "b.zarr" / ".zgroup").unlink()

    build(dataset)

    graph = graph_of(dataset)
    assert graph["b.zarr/"]["fileCount"] == 1
    assert "b.zarr/0.0" not in graph
    assert verify(dataset).verdict is Verdict.VALID


def test_files_with_zarr_names_beside_files_do_not_make_the_rest_a_container(
    tmp_path: Path,
) -> None:
    """A folder whose name ends in .zarr but holds no Zarr is a plain folder."""
    dataset = write_tree(tmp_path / "study", {"a.zarr/readme.txt": b"r", "zarr/b.txt": b"b"})

    plan = build(dataset)

    assert plan.manifest.containers == ()
    assert {"a.zarr/readme.txt", "zarr/b.txt"} <= graph_of(dataset).keys()


def test_more_than_ten_thousand_files_get_a_manifest(tmp_path: Path) -> None:
    """At 10,000 there is none, at 10,001 there is one, with a line for each; both verify."""
    files = {f"{number % 100:02}/{number:05}.tif": b"%d" % number for number in range(10_000)}
    dataset = write_tree(tmp_path / "study", files)

    build(dataset)
    at_ten_thousand = (dataset / MANIFEST).exists()
    (dataset / "one more.tif").write_bytes(b"1")
    build(dataset)

    assert not at_ten_thousand
    with (dataset / MANIFEST).open(encoding="utf-8") as lines:
        assert sum(1 for _ in lines) == 1 + 10_001
    report = verify(dataset)
    assert report.verdict is Verdict.VALID
    assert report.counts.match == 10_001
