"""ro-crate-py reads what build writes, and its entities say the same."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rocrate.model.dataset import Dataset
from rocrate.model.file import File
from rocrate.rocrate import ROCrate

from compat.compat_crates import crate_of_another_tool, graph_of, write_dataset
from compat.conftest import Study
from crate_iscc import Verdict, build, fingerprint, verify

DESCRIPTOR_AND_ROOT = {"ro-crate-metadata.json", "./"}


def _plain(properties: dict[str, Any]) -> dict[str, Any]:
    """Return properties without the order of lists that ro-crate-py may change."""
    return {
        key: sorted(map(json.dumps, value)) if isinstance(value, list) else value
        for key, value in properties.items()
    }


def _agree(crate: ROCrate, graph: dict[str, dict[str, Any]]) -> None:
    """Hold every entity that the library gives to the one in the file."""
    entities = {entity.id: entity for entity in crate.get_entities()}
    assert entities.keys() == graph.keys()
    for entity_id, written in graph.items():
        read = entities[entity_id].properties()
        if entity_id in DESCRIPTOR_AND_ROOT:  # the library adds parts of parts to the root's
            read, written = (
                {k: v for k, v in e.items() if k != "hasPart"} for e in (read, written)
            )
        assert _plain(read) == _plain(written), entity_id


def test_the_study_is_read_and_every_entity_agrees(study: Study) -> None:
    """Files are Files, Zarrs are Datasets, and no property is lost."""
    crate = ROCrate(study.crate)

    _agree(crate, graph_of(study.crate))
    assert crate.name == "Cells"
    datasets = [entity for entity in crate.data_entities if isinstance(entity, Dataset)]
    assert sorted(entity.id for entity in datasets) == [
        "images/cell.ome.zarr/",
        "images/ihc.ome.zarr/",
    ]


def test_the_codes_that_ro_crate_py_reads_are_those_of_the_files(study: Study) -> None:
    """A program can take them from the library's objects."""
    known = {file.path: file.fingerprint for file in fingerprint(study.crate).files}

    crate = ROCrate(study.crate)

    files = [e for e in crate.data_entities if isinstance(e, File) and "datahash" in e]
    files = [entity for entity in files if entity.id != "iscc-manifest.tsv"]
    assert len(files) == 9
    for entity in files:
        path = Path(entity.source).relative_to(study.crate).as_posix()
        assert entity["identifier"] == known[path].iscc()  # type: ignore[index]
        assert entity["datahash"] == known[path].datahash  # type: ignore[index]


def test_the_zip_of_the_study_is_read(study: Study, tmp_path: Path) -> None:
    """It holds the same entities as the zip's metadata say."""
    shutil.unpack_archive(study.archive, tmp_path / "unpacked")

    crate = ROCrate(study.archive)

    _agree(crate, graph_of(tmp_path / "unpacked"))


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_an_extended_crate_is_read(tmp_path: Path, version: str) -> None:
    """The library sees the version that the crate had, and every entity of it."""
    dataset = crate_of_another_tool(tmp_path / "study", version)

    build(dataset, authors=["Ada Lovelace 0000-0002-1825-0097"], sha256=True)

    crate = ROCrate(dataset)
    assert crate.version == version
    _agree(crate, graph_of(dataset))


def test_a_crate_that_ro_crate_py_wrote_again_still_verifies(study: Study, tmp_path: Path) -> None:
    """The library drops the terms from the context; the values are found all the same."""
    ROCrate(study.crate).write(tmp_path / "again")

    context = json.loads((tmp_path / "again" / "ro-crate-metadata.json").read_bytes())["@context"]
    report = verify(tmp_path / "again")
    assert context == "https://w3id.org/ro/crate/1.3/context"
    assert report.verdict is Verdict.VALID
    assert report.counts.match == 77


def test_a_crate_that_ro_crate_py_wrote_is_extended(tmp_path: Path) -> None:
    """Its sorted keys and its indentation stay; the crate verifies and is still read."""
    source = write_dataset(tmp_path / "source")
    crate = ROCrate()
    crate.name = "Cells"
    crate.add_file(source / "raw" / "cell 1.tif", dest_path="raw/cell 1.tif")
    crate.add_dataset(source / "im.zarr", dest_path="im.zarr")
    crate.write(tmp_path / "crate")

    build(tmp_path / "crate")

    assert verify(tmp_path / "crate").verdict is Verdict.VALID
    _agree(ROCrate(tmp_path / "crate"), graph_of(tmp_path / "crate"))
    assert graph_of(tmp_path / "crate")["./"]["name"] == "Cells"
