"""`crate-iscc omero pack` makes packs crates, in place or as a copy, with codes on their images."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
from omero_pack_kit import (
    DATASETS,
    EXPORTED,
    FILES,
    IMAGES,
    KEPT,
    ROIS,
    SCENES,
    SINGLE,
    Shown,
    contents,
    full_xml,
    make_pack,
    tarred,
    transfer_xml,
    zipped,
)

from cli.cli_kit import run
from crate_iscc import fingerprint, validate, verify
from crate_iscc.fingerprinting.tree import tree_code
from crate_iscc.kernel.choosing import kernel
from crate_iscc.manifest import treehash
from crate_iscc.omero.transfer_xml import parse_transfer
from crate_iscc.report import Verdict
from crate_iscc.sources.directory import DirectoryTree


def codes_in(raw: bytes) -> dict[str, list[dict[str, str]]]:
    """Return the key-value pairs of our annotations by image."""
    transfer = parse_transfer(raw)
    return {
        image.id: [dict(one.pairs) for one in transfer.maps_of(image)] for image in transfer.images
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_pack(tmp_path / "pack")


def test_the_codes_are_those_of_the_files_and_of_all_files_of_a_set(folder: Path) -> None:
    ended = run("omero", "pack", folder)
    assert ended.code == 0, ended.err
    assert ended.lines[-1] == "5 of 5 images have their codes in transfer.xml"
    told = codes_in((folder / "transfer.xml").read_bytes())
    files = {file.path: file.fingerprint for file in fingerprint(folder).files}
    for number, path in ((51, SINGLE), (53, SCENES), (54, SCENES), (55, EXPORTED)):
        known = files[path]  # type: ignore[index]
        assert told[f"Image:{number}"] == [{"ISCC-SUM": known.iscc(), "datahash": known.datahash}]
    fileset = folder / "root_0/2023-12/18/15-01-44.102"
    members = fingerprint(fileset)
    assert told["Image:52"] == [
        {
            "ISCC-SUM": tree_code(DirectoryTree(fileset), kernel()).iscc(),
            "treehash": treehash(members.files),
            "fileCount": "3",
        }
    ]


def test_what_comes_out_is_a_valid_crate_with_the_set_as_one_dataset(folder: Path) -> None:
    assert run("omero", "pack", folder).code == 0
    assert verify(folder).verdict is Verdict.VALID
    assert validate(folder).verdict is Verdict.VALID
    graph = {
        one["@id"]: one
        for one in json.loads((folder / "ro-crate-metadata.json").read_bytes())["@graph"]
    }
    assert graph["root_0/2023-12/18/15-01-44.102/"]["@type"] == "Dataset"
    assert graph["transfer.xml"]["@type"] == "File"


def test_a_second_run_leaves_every_byte_as_it_is(folder: Path) -> None:
    assert run("omero", "pack", folder).code == 0
    before = contents(folder)
    for more in ((), ("--no-cache",)):
        ended = run("omero", "pack", folder, *more)
        assert ended.code == 0, ended.err
        assert ended.lines[-1].endswith("transfer.xml, as before")
        assert contents(folder) == before


def test_a_changed_file_renews_its_codes_and_that_is_said(folder: Path) -> None:
    assert run("omero", "pack", folder).code == 0
    old = codes_in((folder / "transfer.xml").read_bytes())
    (folder / SINGLE).write_bytes(b"another image")
    ended = run("omero", "pack", folder)
    assert ended.code == 0, ended.err
    assert (
        f"note  {SINGLE}: Image:51 (cell 1.tiff) had {old['Image:51'][0]['ISCC-SUM']}" in ended.out
    )
    new = codes_in((folder / "transfer.xml").read_bytes())
    assert new.pop("Image:51") != old.pop("Image:51")
    assert new == old
    assert verify(folder).verdict is Verdict.VALID


@pytest.mark.parametrize("make", [zipped, tarred])
@pytest.mark.parametrize("out", ["out.zip", "out.tar", "out"])
def test_an_archive_is_read_and_a_new_one_is_written(
    make: object, out: str, folder: Path, tmp_path: Path
) -> None:
    archive = (zipped if make is zipped else tarred)(folder, tmp_path / "in")
    if archive.suffix == ".tar" and find_spec("crate_iscc.sources.tar") is None:
        pytest.skip("this version of crate-iscc does not read tars in place")
    before = archive.read_bytes()
    target = tmp_path / out
    ended = run("omero", "pack", archive, "-o", target)
    assert ended.code == 0, ended.err
    assert archive.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([archive.name, out, "pack"])
    if out.endswith(".tar"):
        with tarfile.open(target) as tar:
            assert tar.getnames()[0] == "ro-crate-metadata.json"
            tar.extractall(tmp_path / "x", filter="data")
        target = tmp_path / "x"
    assert verify(target).verdict is Verdict.VALID
    found = contents(target)
    assert json.loads(found["ro-crate-metadata.json"])["@graph"][1]["name"] in ("in", "pack")
    assert {path: found[path] for path in FILES} == FILES
    assert all(codes_in(found["transfer.xml"]).values())
    run("omero", "pack", folder)
    assert found["transfer.xml"] == (folder / "transfer.xml").read_bytes()


def test_packing_the_outcome_again_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    archive = zipped(folder, tmp_path / "in")
    assert run("omero", "pack", archive, "-o", tmp_path / "one.zip").code == 0
    assert run("omero", "pack", tmp_path / "one.zip", "-o", tmp_path / "two.zip").code == 0
    assert contents(tmp_path / "one.zip") == contents(tmp_path / "two.zip")


def test_an_archive_is_never_changed_in_place_and_no_output_overwritten(
    folder: Path, tmp_path: Path
) -> None:
    archive = zipped(folder, tmp_path / "in")
    ended = run("omero", "pack", archive)
    assert ended.code == 2
    assert "an archive is not changed in place" in ended.err
    ended = run("omero", "pack", archive, "-o", archive)
    assert ended.code == 2
    assert "exists already" in ended.err
    ended = run("omero", "pack", folder, "-o", folder / "inside.zip")
    assert ended.code == 2
    assert "inside the pack" in ended.err


@pytest.mark.parametrize("kind", ["directory", "zip"])
def test_metadata_that_are_xml_become_the_transfer_xml(kind: str, tmp_path: Path) -> None:
    """The zip of --rocrate (omero-cli-transfer 1.3.2) has OME-XML as its ro-crate-metadata.json."""
    folder = make_pack(tmp_path / "pack", name="ro-crate-metadata.json")
    result = folder
    if kind == "zip":
        result = tmp_path / "out.zip"
        ended = run("omero", "pack", zipped(folder, tmp_path / "in"), "-o", result)
    else:
        ended = run("omero", "pack", folder)
    assert ended.code == 0, ended.err
    found = contents(result)
    assert json.loads(found["ro-crate-metadata.json"])
    assert all(codes_in(found["transfer.xml"]).values())
    assert verify(result).verdict is Verdict.VALID
    if kind == "directory":
        assert run("omero", "pack", folder).lines[-1].endswith("as before")


def test_a_run_that_was_cut_off_between_the_two_files_is_finished(tmp_path: Path) -> None:
    folder = make_pack(tmp_path / "pack", name="ro-crate-metadata.json")
    shutil.copytree(folder, tmp_path / "whole")
    assert run("omero", "pack", tmp_path / "whole").code == 0
    shutil.copy(tmp_path / "whole/transfer.xml", folder)
    ended = run("omero", "pack", folder)
    assert ended.code == 0, ended.err
    assert contents(folder)["transfer.xml"] == contents(tmp_path / "whole")["transfer.xml"]


def test_other_xml_in_the_place_of_the_metadata_is_not_lost(folder: Path) -> None:
    other = transfer_xml([Shown(9, "other", "other.tif")]).encode()
    (folder / "ro-crate-metadata.json").write_bytes(other)
    ended = run("omero", "pack", folder)
    assert ended.code == 2
    assert "ro-crate-metadata.json is XML, and not that of transfer.xml" in ended.err
    assert (folder / "ro-crate-metadata.json").read_bytes() == other


def test_a_missing_file_is_an_error_and_the_other_images_get_their_codes(folder: Path) -> None:
    (folder / SCENES).unlink()
    ended = run("omero", "pack", folder, "--format", "json")
    assert ended.code == 1
    told = json.loads(ended.out)
    assert told["images"] == {"all": 5, "with_codes": 3, "had_them_already": 0}
    missing = [one for one in told["findings"] if one["id"] == "omero.missing"]
    assert [one["path"] for one in missing] == [SCENES, SCENES]
    assert missing[0]["message"] == "Image:53 (two scenes.lif [one]): the file is not there"
    codes = codes_in((folder / "transfer.xml").read_bytes())
    assert {image for image, pairs in codes.items() if not pairs} == {"Image:53", "Image:54"}


@pytest.mark.parametrize("place", ["../../etc/passwd", "/etc/passwd", "mock_folder", "a/../b", "."])
def test_a_place_outside_of_the_pack_is_not_followed(place: str, tmp_path: Path) -> None:
    images = (*IMAGES, Shown(60, "evil", place))
    folder = make_pack(tmp_path / "pack", transfer_xml(images))
    ended = run("omero", "pack", folder)
    assert ended.code == 0, ended.err
    assert "Image:60 (evil): its place is" in ended.out
    assert "5 of 6 images" in ended.out
    assert codes_in((folder / "transfer.xml").read_bytes())["Image:60"] == []


def test_an_image_without_a_place_is_found_as_an_exported_one_or_named(tmp_path: Path) -> None:
    images = (*IMAGES[:4], Shown(55, "exported", None), Shown(61, "nowhere", None))
    folder = make_pack(tmp_path / "pack", transfer_xml(images))
    ended = run("omero", "pack", folder)
    assert ended.code == 0, ended.err
    assert "Image:61 (nowhere): no annotation tells where it lies" in ended.out
    codes = codes_in((folder / "transfer.xml").read_bytes())
    assert codes["Image:55"]
    assert not codes["Image:61"]


def test_pixel_code_and_iscc_id_of_a_file_come_from_the_crate_while_its_bytes_are_the_same(
    folder: Path,
) -> None:
    assert run("omero", "pack", folder).code == 0
    place = folder / "ro-crate-metadata.json"
    document = json.loads(place.read_bytes())
    for entity in document["@graph"]:
        if entity["@id"] in (
            "root_0/2023-12/18/14-52-03.548/cell%201.tiff",
            SCENES.replace(" ", "%20"),
        ):
            entity["identifier"] = [
                entity["identifier"], "ISCC:MAIGIIFJRDGEQQAA", {"@id": "#pixels"},
            ]  # fmt: skip
    document["@graph"].append(
        {
            "@id": "#pixels",
            "@type": "PropertyValue",
            "propertyID": "https://w3id.org/bio-codes/terms#pixelCode",
            "value": "ISCC:K4A" + "A" * 52,
        }
    )
    place.write_text(json.dumps(document), "utf-8")
    ended = run("omero", "pack", folder)
    assert ended.code == 0, ended.err
    told = codes_in((folder / "transfer.xml").read_bytes())
    assert told["Image:51"][0]["ISCC pixel code"] == "ISCC:K4A" + "A" * 52
    assert told["Image:51"][0]["ISCC-ID"] == "ISCC:MAIGIIFJRDGEQQAA"
    assert "ISCC pixel code" not in told["Image:53"][0]  # which of two images would it be of?
    (folder / SINGLE).write_bytes(b"new")
    assert run("omero", "pack", folder).code == 0
    told = codes_in((folder / "transfer.xml").read_bytes())
    assert told["Image:51"][0].keys() == {"ISCC-SUM", "datahash"}


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda f: (f / "transfer.xml").unlink(), "not a pack of OMERO"),
        (lambda f: (f / "transfer.xml").write_bytes(b"<!DOCTYPE a>"), "document type"),
        (lambda f: (f / "transfer.xml").write_bytes(b"\0\1\2"), "not well-formed"),
    ],
)
def test_what_is_no_pack_is_refused_and_left_as_it_is(
    spoil: object, why: str, folder: Path, tmp_path: Path
) -> None:
    assert callable(spoil)
    spoil(folder)
    before = contents(folder)
    for more in ((), ("-o", tmp_path / "out.zip")):
        ended = run("omero", "pack", folder, *more)
        assert ended.code == 2
        assert why in ended.err
    assert contents(folder) == before
    assert [one.name for one in tmp_path.iterdir()] == ["pack"]


@pytest.mark.skipif(sys.platform == "win32", reason="links are for administrators there")
def test_a_link_in_a_pack_is_named_and_nothing_is_written(folder: Path, tmp_path: Path) -> None:
    (folder / "link.tif").symlink_to("/etc/passwd")
    for more in ((), ("-o", tmp_path / "out")):
        ended = run("omero", "pack", folder, *more)
        assert ended.code == 3
        assert "link.tif" in ended.err
    assert (folder / "transfer.xml").read_bytes() == full_xml().encode()
    assert [one.name for one in tmp_path.iterdir()] == ["pack"]


@pytest.mark.parametrize("out", [None, "out.zip"])
def test_with_pixels_an_image_carries_the_code_of_its_pixels(
    out: str | None, folder: Path, tmp_path: Path
) -> None:
    tifffile = pytest.importorskip("tifffile")
    numpy = pytest.importorskip("numpy")
    pixels = numpy.arange(600, dtype="uint16").reshape(20, 30)
    tifffile.imwrite(folder / SINGLE, pixels)
    more = () if out is None else ("-o", tmp_path / out)
    ended = run("omero", "pack", folder, "--pixels", *more)
    assert ended.code == 0, ended.err
    result = folder if out is None else tmp_path / out
    told = codes_in(contents(result)["transfer.xml"])
    hasher = kernel().hasher()
    hasher.update(pixels.astype(">u2").tobytes())
    assert told["Image:51"][0]["ISCC pixel code"] == hasher.finish().iscc()
    assert "ISCC pixel code" not in told["Image:55"][0]  # it is no TIFF, whatever its name
    assert verify(result).verdict is Verdict.VALID
    if out is None:
        before = contents(folder)
        assert run("omero", "pack", folder, "--pixels").code == 0
        assert contents(folder) == before


@pytest.mark.parametrize(
    ("place", "base"),
    [
        ("x.zarr", "x.zarr"),
        ("x.zarr/mock_folder", "x.zarr"),
        ("x.zarr/.zattrs", "x.zarr"),
        ("x.zarr/A/mock_folder", "x.zarr/A"),
    ],
)
def test_an_image_in_a_zarr_has_the_codes_of_the_zarr_or_of_its_part(
    place: str, base: str, tmp_path: Path
) -> None:
    folder = make_pack(tmp_path / "pack", transfer_xml([Shown(9, "x", place)]))
    for path in (".zattrs", ".zgroup", "A/.zgroup", "A/0"):
        (folder / "x.zarr" / path).parent.mkdir(exist_ok=True, parents=True)
        (folder / "x.zarr" / path).write_text("{}" + path)
    assert run("omero", "pack", folder).code == 0
    (told,) = codes_in((folder / "transfer.xml").read_bytes())["Image:9"]
    members = fingerprint(folder / base).files
    assert told == {
        "ISCC-SUM": tree_code(DirectoryTree(folder / base), kernel()).iscc(),
        "treehash": treehash(members),
        "fileCount": str(len(members)),
    }


def test_a_name_in_a_zip_that_leads_out_is_not_unpacked(folder: Path, tmp_path: Path) -> None:
    archive = zipped(folder, tmp_path / "in")
    with zipfile.ZipFile(archive, "a") as more:
        more.writestr("../evil.tif", b"evil")
    ended = run("omero", "pack", archive, "-o", tmp_path / "out")
    assert ended.code in (2, 3)
    assert "evil.tif" in ended.err
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in.zip", "pack"]
    assert not list(tmp_path.parent.glob("evil*"))


def test_what_a_killed_run_left_is_cleared_by_the_next(folder: Path, tmp_path: Path) -> None:
    left = tmp_path / ".out.zip.abcdefgh.partial/pack"
    left.mkdir(parents=True)
    (left / "half").write_bytes(b"x")
    archive = zipped(folder, tmp_path / "in")
    assert run("omero", "pack", archive, "-o", tmp_path / "out.zip").code == 0
    assert not left.parent.exists()


def test_more_bytes_than_allowed_are_refused_before_anything_is_copied(
    folder: Path, tmp_path: Path
) -> None:
    ended = run(
        "omero", "pack", zipped(folder, tmp_path / "in"), "-o", tmp_path / "o", "--max-bytes", "1kB"
    )
    assert ended.code == 2
    assert not (tmp_path / "o").exists()


@pytest.mark.skipif(
    find_spec("generate_omero_objects") is None or find_spec("ome_types") is None,
    reason="needs: pip install 'ome-types<0.7' && pip install --no-deps omero-cli-transfer",
)
@pytest.mark.parametrize("ending", [".zip", ".tar"])
def test_the_unpack_of_omero_cli_transfer_puts_the_codes_on_the_images(
    ending: str, tmp_path: Path
) -> None:
    """Its own code reads the pack, finds the files, and creates and links the annotations."""
    xml = transfer_xml(IMAGES, before=DATASETS, annotations=KEPT, after=ROIS)
    archive = zipped(make_pack(tmp_path / "pack", xml), tmp_path / "in")
    out = tmp_path / f"out{ending}"
    assert run("omero", "pack", archive, "-o", out).code == 0
    script = Path(__file__).with_name("unpack_pack.py")
    done = subprocess.run(
        [sys.executable, str(script), str(out), str(tmp_path / "unpacked")],
        env={**os.environ, "PYTHONPATH": str(script.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    told = codes_in((tmp_path / "unpacked/transfer.xml").read_bytes())
    for image, pairs in told.items():
        ours = [dict(values) for namespace, values in shown[image] if namespace == "org.iscc.omero"]
        assert ours == pairs
        assert len(ours) == 1
    assert ["jax.org/example", [["species", ""], ["a & b", "x < y"]]] in shown["Image:51"]
