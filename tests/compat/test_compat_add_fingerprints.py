"""add_fingerprints on crates that are being made with ro-crate-py: what is written verifies."""

import io
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
from rocrate.rocrate import ROCrate

from compat.compat_crates import FILES, graph_of, write_dataset
from compat.conftest import NOW
from crate_iscc import InputError, ReadError, Verdict, add_fingerprints, build, fingerprint, verify
from crate_iscc.progress import Progress


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return the dataset that the crates are made from."""
    return write_dataset(tmp_path / "source")


def _valid(crate: Path, files: int) -> None:
    report = verify(crate)
    assert report.verdict is Verdict.VALID, report.findings
    assert report.counts.match == files
    if crate.is_dir():
        graph = graph_of(crate)
        parts = [part["@id"] for entity in graph.values() for part in entity.get("hasPart", [])]
        assert set(parts) <= graph.keys(), "a part has no entity"


def test_the_same_crate_object_comes_back(source: Path) -> None:
    """It was changed, not copied, so that calls can be chained."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")

    assert add_fingerprints(crate) is crate


def test_files_get_their_codes(source: Path, tmp_path: Path) -> None:
    """Under the name that they have in the crate, however difficult."""
    crate = ROCrate()
    crate.add_file(source / "raw" / "cell 1.tif")
    crate.add_file(source / "raw" / "cell2.tif", dest_path="F\u00e4rbung/50% #2 [a].tif")

    add_fingerprints(crate, now=NOW).write(tmp_path / "out")

    _valid(tmp_path / "out", 2)
    known = {file.path: file.fingerprint for file in fingerprint(tmp_path / "out").files}
    entity = graph_of(tmp_path / "out")["cell%201.tif"]
    assert entity["identifier"] == known["cell 1.tif"].iscc()  # type: ignore[index]
    assert entity["datahash"] == known["cell 1.tif"].datahash  # type: ignore[index]
    assert entity["contentSize"] == "8"


def test_the_terms_are_in_the_context_that_is_written(source: Path, tmp_path: Path) -> None:
    """Terms and contexts that the crate had of its own are kept."""
    crate = ROCrate()
    crate.metadata.extra_terms["stain"] = "https://example.org/terms#stain"
    crate.metadata.extra_contexts.append("https://example.org/context")
    crate.add_file(source / "LICENSE.txt", properties={"stain": "H&E"})

    add_fingerprints(crate).write(tmp_path / "out")

    value = json.loads((tmp_path / "out" / "ro-crate-metadata.json").read_bytes())
    assert "https://example.org/context" in value["@context"]
    terms = value["@context"][-1]
    assert terms["stain"] == "https://example.org/terms#stain"
    assert terms["datahash"] == "http://purl.org/iscc/terms/#datahash"
    assert graph_of(tmp_path / "out")["LICENSE.txt"]["stain"] == "H&E"


@pytest.mark.parametrize(
    "identifier", ["https://doi.org/10.1/x", ["https://doi.org/10.1/x", "A-1"]]
)
def test_identifiers_of_a_file_stay(source: Path, tmp_path: Path, identifier: Any) -> None:
    """The ISCC-SUM comes behind them."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt", properties={"identifier": identifier})

    add_fingerprints(crate).write(tmp_path / "out")

    found = graph_of(tmp_path / "out")["LICENSE.txt"]["identifier"]
    given = identifier if isinstance(identifier, list) else [identifier]
    assert found[:-1] == given
    assert found[-1].startswith("ISCC:K4A")


def test_a_zarr_directory_becomes_one_container(source: Path, tmp_path: Path) -> None:
    """Its members are in the manifest, which is written with the crate."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")
    crate.add_dataset(source / "im.zarr", dest_path="images/im.zarr")

    add_fingerprints(crate).write(tmp_path / "out")

    _valid(tmp_path / "out", 4)
    graph = graph_of(tmp_path / "out")
    assert graph["images/im.zarr/"]["fileCount"] == 3
    assert not [key for key in graph if ".zgroup" in key]
    assert "images/im.zarr/.zgroup\t" in (tmp_path / "out" / "iscc-manifest.tsv").read_text()


@pytest.mark.parametrize("way", ["add_dataset", "add_tree", "init"])
def test_nested_directories_are_covered_whole(source: Path, tmp_path: Path, way: str) -> None:
    """Every file at any depth is fingerprinted, listed or not."""
    if way == "init":
        crate = ROCrate(source, init=True)
    else:
        crate = ROCrate()
        getattr(crate, way)(source, dest_path="all")

    add_fingerprints(crate).write(tmp_path / "out")

    _valid(tmp_path / "out", len(FILES))


@pytest.mark.parametrize("zarr", [False, True])
def test_a_crate_can_be_written_more_than_once_and_in_every_way(
    source: Path, tmp_path: Path, zarr: bool
) -> None:
    """As a directory, as a zip and as a stream, each twice: all of them verify."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")
    if zarr:
        crate.add_dataset(source / "im.zarr")
    add_fingerprints(crate)

    for number in range(2):
        crate.write(tmp_path / f"{number}")
        crate.write_zip(tmp_path / f"{number}.zip")
        with (tmp_path / f"stream{number}.zip").open("wb") as file:
            file.writelines(crate.stream_zip())

    for number in range(2):
        for name in (f"{number}", f"{number}.zip", f"stream{number}.zip"):
            _valid(tmp_path / name, 4 if zarr else 1)
    with zipfile.ZipFile(tmp_path / "0.zip") as archive:
        assert archive.testzip() is None


@pytest.mark.parametrize("zarr", [False, True])
def test_fingerprints_can_be_added_again(source: Path, tmp_path: Path, zarr: bool) -> None:
    """After another file was added, the second call covers it too."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")
    if zarr:
        crate.add_dataset(source / "im.zarr")
    add_fingerprints(crate)
    crate.add_file(source / "raw" / "cell 1.tif")

    add_fingerprints(crate).write(tmp_path / "out")

    _valid(tmp_path / "out", 5 if zarr else 2)


def test_a_crate_that_was_read_and_extended_verifies(source: Path, tmp_path: Path) -> None:
    """What build wrote is read by ro-crate-py, gains a file, and gets new codes."""
    build(source)
    (tmp_path / "new.txt").write_bytes(b"new")
    crate = ROCrate(source)
    crate.add_file(tmp_path / "new.txt")

    add_fingerprints(crate).write(tmp_path / "out")

    _valid(tmp_path / "out", len(FILES) + 1)


@pytest.mark.parametrize(
    "place",
    ["unlisted.txt", "raw/unlisted.txt", "new/unlisted.txt", "F\u00e4rbung 50% #3 [a].txt", "a:b"],
)
def test_files_that_a_crate_on_disk_holds_but_does_not_list_are_covered_and_copied(
    source: Path, tmp_path: Path, place: str
) -> None:
    """ro-crate-py copies them along, so the codes have to cover them and they must still come."""
    crate = ROCrate()
    crate.add_dataset(source / "raw")
    crate.write(tmp_path / "first")
    (tmp_path / "first" / place).parent.mkdir(exist_ok=True)
    (tmp_path / "first" / place).write_bytes(b"unlisted")

    add_fingerprints(ROCrate(tmp_path / "first")).write(tmp_path / "out")

    assert (tmp_path / "out" / place).read_bytes() == b"unlisted"
    _valid(tmp_path / "out", 3)


@pytest.mark.parametrize("folder", ["raw", "im.zarr"])
def test_a_folder_of_a_crate_on_disk_comes_along_with_all_its_files(
    source: Path, tmp_path: Path, folder: str
) -> None:
    """Reading a crate, adding fingerprints and writing it elsewhere loses no file."""
    crate = ROCrate()
    crate.add_dataset(source / folder)
    crate.write(tmp_path / "first")
    files = sorted(path for path in FILES if path.startswith(folder))

    add_fingerprints(ROCrate(tmp_path / "first")).write(tmp_path / "out")

    assert {path: (tmp_path / "out" / path).read_bytes() for path in files} == {
        path: FILES[path] for path in files
    }
    _valid(tmp_path / "out", len(files))


def test_a_file_with_a_difficult_name_in_a_folder_is_a_part_with_an_entity(
    source: Path, tmp_path: Path
) -> None:
    """The library escapes names in another way than build; both sides of a link agree."""
    (source / "raw" / "F\u00e4rbung 50% #3 [a].txt").write_bytes(b"difficult")
    crate = ROCrate()
    crate.add_dataset(source / "raw")

    add_fingerprints(crate).write(tmp_path / "out")

    _valid(tmp_path / "out", 3)


def test_an_unlisted_link_in_a_crate_on_disk_is_refused_by_name(
    source: Path, tmp_path: Path
) -> None:
    """ro-crate-py would follow it and write what it leads to."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")
    crate.write(tmp_path / "first")
    (tmp_path / "first" / "link").symlink_to("/etc/hostname")

    with pytest.raises(ReadError, match="link"):
        add_fingerprints(ROCrate(tmp_path / "first"))


def test_what_ro_crate_py_is_told_not_to_copy_is_not_covered(source: Path, tmp_path: Path) -> None:
    """A name that was excluded when the crate was read does not come back."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")
    crate.write(tmp_path / "first")
    (tmp_path / "first" / "scratch.tmp").write_bytes(b"scratch")

    add_fingerprints(ROCrate(tmp_path / "first", exclude=["scratch.tmp"])).write(tmp_path / "out")

    assert not (tmp_path / "out" / "scratch.tmp").exists()
    _valid(tmp_path / "out", 1)


def test_a_manifest_that_a_crate_has_is_brought_up_to_date(source: Path, tmp_path: Path) -> None:
    """Also where no container asks for one."""
    shutil.rmtree(source / "im.zarr")
    build(source, manifest_file=True)
    (source / "LICENSE.txt").write_bytes(b"changed")
    (tmp_path / "new.txt").write_bytes(b"new")
    crate = ROCrate(source)
    crate.add_file(tmp_path / "new.txt")

    add_fingerprints(crate).write(tmp_path / "out")

    _valid(tmp_path / "out", 4)
    assert "\nnew.txt\t" in (tmp_path / "out" / "iscc-manifest.tsv").read_text(encoding="utf-8")


def test_exclusions_of_a_crate_are_kept(source: Path, tmp_path: Path) -> None:
    """What a crate records as left out stays left out, and the record stays true."""
    (source / "scratch.tmp").write_bytes(b"scratch")
    build(source, excluded=["*.tmp"])

    add_fingerprints(ROCrate(source)).write(tmp_path / "out")

    graph = graph_of(tmp_path / "out")
    assert graph["#crate-iscc-fingerprint"]["excludedPattern"] == "*.tmp"
    assert "scratch.tmp" not in graph
    _valid(tmp_path / "out", len(FILES))


def test_containers_of_a_crate_are_kept(source: Path, tmp_path: Path) -> None:
    """A folder that was named with --container is one dataset afterwards too."""
    build(source, containers=["raw"])

    add_fingerprints(ROCrate(source)).write(tmp_path / "out")

    graph = graph_of(tmp_path / "out")
    assert graph["raw/"]["fileCount"] == 2
    assert not [key for key in graph if key.startswith("raw/") and key != "raw/"]
    _valid(tmp_path / "out", len(FILES))


def test_a_crate_can_be_written_over_itself(source: Path) -> None:
    """Read from a directory and written back to it, it verifies."""
    crate = ROCrate(source, init=True)

    add_fingerprints(crate).write(source)

    _valid(source, len(FILES))


# --- what cannot be fingerprinted --------------------------------------------------------------


def _untouched(crate: ROCrate) -> Any:
    return json.dumps(crate.metadata.generate(), sort_keys=True)


@pytest.mark.parametrize(
    "add",
    [
        lambda crate: crate.add_file("https://example.org/a.tif", fetch_remote=True),
        lambda crate: crate.add_file(io.BytesIO(b"x"), dest_path="a.tif"),
        lambda crate: crate.add_file(io.StringIO("x"), dest_path="a.tif"),
        lambda crate: crate.add_file(dest_path="a.tif"),
        lambda crate: crate.add_file("/nowhere/a.tif"),
        lambda crate: crate.add_dataset("https://example.org/images/", fetch_remote=True),
    ],
    ids=["to be fetched", "bytes", "text", "no source", "not there", "a folder to be fetched"],
)
def test_a_file_whose_bytes_are_not_at_hand_is_refused_by_name(source: Path, add: Any) -> None:
    """What will be written cannot be known, so nothing is claimed; the crate is not changed."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")
    add(crate)
    before = _untouched(crate)

    with pytest.raises(InputError, match=r"a\.tif|images") as caught:
        add_fingerprints(crate)

    assert caught.value.cause
    assert _untouched(crate) == before


def test_a_file_on_the_web_that_is_only_referred_to_is_left_alone(
    source: Path, tmp_path: Path
) -> None:
    """It is no part of the payload, and gets no code."""
    crate = ROCrate()
    crate.add_file(source / "LICENSE.txt")
    crate.add_file("https://example.org/a.tif")

    add_fingerprints(crate).write(tmp_path / "out")

    _valid(tmp_path / "out", 1)
    assert "identifier" not in graph_of(tmp_path / "out")["https://example.org/a.tif"]


def test_a_directory_with_a_link_in_it_is_refused_by_name(source: Path) -> None:
    """Links are not followed here either."""
    (source / "im.zarr" / "link").symlink_to("/etc/hostname")
    crate = ROCrate()
    crate.add_dataset(source / "im.zarr")

    with pytest.raises(ReadError, match=r"im\.zarr/link"):
        add_fingerprints(crate)


def test_a_crate_without_a_file_is_refused() -> None:
    """There is nothing that could be checked later."""
    with pytest.raises(InputError, match="holds no file"):
        add_fingerprints(ROCrate())


def test_progress_ends_at_all_bytes(source: Path) -> None:
    """The callback of the Python API is served as in build."""
    states: list[Progress] = []

    add_fingerprints(ROCrate(source, init=True), progress=states.append, jobs=1)

    assert states[-1].done_files == states[-1].total_files == len(FILES)
    assert states[-1].done_bytes == sum(map(len, FILES.values()))
