"""One dataset in a folder, in a tar and zipped in every way: every verb says the same of it."""

import json
import os
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import zarr

from cli.cli_kit import error_of, iscc_sum, run
from crate_iscc import Verdict, build, fingerprint
from crate_iscc.validating.validation import validate

COMMENT = {"ome": {"version": "0.5", "zipFile": {"centralDirectory": {"jsonFirst": True}}}}
PIXELS = np.arange(24 * 20, dtype="u2").reshape(24, 20)


def ome_zarr(place: Path, zarr_format: int = 3, *, shards: bool = False) -> Path:
    """Write a multiscale image with zarr-python and return its folder."""
    multiscales = [
        {"axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}, {"path": "1"}]}
    ]
    ome = {"version": "0.5", "multiscales": multiscales}
    attributes = {"ome": ome} if zarr_format == 3 else {"multiscales": multiscales}
    group = zarr.create_group(place, zarr_format=zarr_format, attributes=attributes)
    for level in range(2):
        data = PIXELS[:: level + 1, :: level + 1]
        group.create_array(str(level), data=data, chunks=(4, 5), shards=(8, 10) if shards else None)
    return place


def members(folder: Path) -> list[str]:
    """Return the paths below a folder as an .ozx has them: zarr.json first, breadth-first."""
    paths = [one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()]
    return sorted(paths, key=lambda p: (not p.endswith("zarr.json"), p.count("/"), p))


def ozx(
    folder: Path,
    place: Path,
    names: Iterable[str],
    *,
    compression: int = zipfile.ZIP_STORED,
    comment: bytes = json.dumps(COMMENT).encode(),
) -> Path:
    """Zip files of a folder in this order."""
    with zipfile.ZipFile(place, "w", compression) as archive:
        archive.comment = comment
        for name in names:
            archive.write(folder / name, name)
    return place


def as_ozx(folder: Path) -> Path:
    return ozx(folder, folder.parent / "image.ozx", members(folder))


def as_wrapped_zip(folder: Path) -> Path:
    place = folder.parent / "image.ome.zarr"
    return Path(shutil.make_archive(str(place), "zip", folder.parent, folder.name))


def as_tar(folder: Path) -> Path:
    place = folder.parent / "image.tar"
    with tarfile.open(place, "w") as archive:
        archive.add(folder, folder.name)
    return place


def as_tar_of_a_dot(folder: Path) -> Path:
    place = folder.parent / "dot.tar"
    with tarfile.open(place, "w") as archive:
        archive.add(folder, ".")
    return place


PACKINGS = [as_ozx, as_wrapped_zip, as_tar, as_tar_of_a_dot]


# --- the same fingerprints -----------------------------------------------------------------------


@pytest.mark.parametrize("pack", PACKINGS)
@pytest.mark.parametrize(("zarr_format", "shards"), [(2, False), (3, False), (3, True)])
def test_an_image_has_the_codes_of_its_folder_however_it_is_packed(
    pack: Callable[[Path], Path], zarr_format: int, shards: bool, tmp_path: Path
) -> None:
    """Treehash and tree ISCC-SUM are those of the directory; the whole is one container."""
    folder = ome_zarr(tmp_path / "image.zarr", zarr_format, shards=shards)

    packed = fingerprint(pack(folder))
    plain = fingerprint(folder)

    assert packed.root == plain.root
    assert packed.root.iscc is not None
    assert list(packed.files) == list(plain.files)
    assert [one.path for one in packed.containers] == [one.path for one in plain.containers]


@pytest.mark.parametrize("pack", PACKINGS)
def test_a_tree_sum_is_that_of_the_stock_tool(pack: Callable[[Path], Path], tmp_path: Path) -> None:
    """`sum --tree` of an archive prints what `iscc-sum --tree` prints for the folder."""
    folder = ome_zarr(tmp_path / "image.zarr")
    told = iscc_sum("--tree", folder, cwd=tmp_path)

    outcome = run("sum", "--tree", pack(folder))

    assert outcome.code == 0
    assert outcome.out.split()[0] == told.out.split()[0]


# --- a crate in a tar ----------------------------------------------------------------------------


@pytest.fixture
def crate(tmp_path: Path) -> Path:
    """Return a crate with a file and an image."""
    folder = tmp_path / "study"
    ome_zarr(folder / "cells.zarr")
    (folder / "notes.txt").write_text("notes")
    build(folder, licence="CC-BY-4.0")
    return folder


def test_a_crate_in_a_tar_is_verified_where_it_lies(crate: Path) -> None:
    """verify, validate and show work as on the folder, and what changed is found."""
    place = as_tar(crate)

    verified, validated = run("verify", place, "--full"), run("validate", place)

    assert (verified.code, verified.err) == (0, "")
    assert verified.lines[-1].startswith("VALID")
    assert (validated.code, validated.err) == (0, "")
    assert run("show", place).code == 0
    raw = place.read_bytes()
    assert raw.count(b"notes" + bytes(507)) == 1
    place.write_bytes(raw.replace(b"notes" + bytes(507), b"Notes" + bytes(507)))
    changed = run("verify", place)
    assert changed.code == 1
    assert "notes.txt" in changed.out


def test_a_tar_with_a_member_twice_is_invalid(crate: Path) -> None:
    """What was appended under the name of a payload file is told, and not believed."""
    place = as_tar(crate)
    with tarfile.open(place, "a") as archive:
        archive.add(crate / "notes.txt", "study/notes.txt")

    outcome = run("verify", place)

    assert outcome.code == 1
    assert "tar.duplicate" in run("verify", place, "--format", "json").out


def test_a_cut_tar_has_no_verdict(crate: Path) -> None:
    """However little is missing, nothing is said of the rest."""
    place = as_tar(crate)
    os.truncate(place, place.stat().st_size // 1024 * 512)

    for command in (["verify"], ["validate"], ["sum", "--tree"], ["show"]):
        outcome = run(*command, place)
        assert outcome.code == 2
        assert "not a readable tar archive" in outcome.err


@pytest.mark.parametrize("out", ["new.zip", "new"])
def test_a_crate_is_built_from_a_tar(out: str, tmp_path: Path) -> None:
    """A dataset in a tar becomes a crate in a zip or a folder, with the codes of the folder."""
    folder = tmp_path / "study"
    ome_zarr(folder / "cells.zarr")
    place = as_tar(folder)

    outcome = run("build", place, "-o", tmp_path / out)

    assert outcome.code == 0
    assert fingerprint(tmp_path / out).root == fingerprint(folder).root
    assert run("verify", tmp_path / out).code == 0


def test_a_tar_is_not_changed(crate: Path, tmp_path: Path) -> None:
    """Build in place says what to do instead, and no .tar or .ozx is written."""
    place = as_tar(crate)

    in_place = run("build", place)

    assert in_place.code == 2
    assert "a tar cannot be built in place" in in_place.err
    for name in ("new.tar", "new.ozx"):
        refused = run("build", crate, "-o", tmp_path / name)
        assert refused.code == 2
        assert "build writes no" in refused.err
        assert not (tmp_path / name).exists()


def test_a_compressed_tar_is_no_dataset(crate: Path) -> None:
    """The message says what to do."""
    place = crate.parent / "study.tgz"
    with tarfile.open(place, "w:gz") as archive:
        archive.add(crate, "study")

    outcome = run("verify", place)

    assert outcome.code == 2
    assert "gunzip" in outcome.err


# --- chunk grids ---------------------------------------------------------------------------------


def test_validate_tells_chunks_outside_of_the_grid(crate: Path) -> None:
    """The array and the chunks are named; the crate stays valid at MUST, and is not at SHOULD."""
    assert run("validate", crate).code == 0
    assert "zarr." not in run("validate", crate).out
    (crate / "cells.zarr/0/c/9").mkdir()
    (crate / "cells.zarr/0/c/9/9").write_bytes(b"x")

    outcome = run("validate", crate)

    assert outcome.code == 0
    assert "1 chunk(s) outside of the grid" in outcome.out
    assert "the chunk grids of Zarrs" in outcome.out
    (found,) = [
        finding
        for finding in json.loads(run("validate", crate, "--format", "json").out)["findings"]
        if finding["id"].startswith("zarr.")
    ]
    assert (found["id"], found["path"]) == ("zarr.chunks-outside", "cells.zarr/0/zarr.json")


def test_validate_tells_an_array_that_nobody_can_open(crate: Path) -> None:
    """A damaged zarr.json makes a crate invalid."""
    (crate / "cells.zarr/1/zarr.json").write_text("{")

    outcome = run("validate", crate)

    assert outcome.code == 1
    assert "cells.zarr/1/zarr.json" in outcome.out
    assert outcome.lines[-2].endswith("but a Zarr is not as it should be")


def test_validate_is_incomplete_without_metadata_of_a_zarr(crate: Path) -> None:
    """A document that cannot be read is told, and nothing passes for checked: exit code 3."""
    place = crate.parent / "study.zip"
    shutil.make_archive(str(place.with_suffix("")), "zip", crate)
    raw = bytearray(place.read_bytes())
    with zipfile.ZipFile(place) as archive:
        info = archive.getinfo("cells.zarr/1/zarr.json")
    raw[info.header_offset : info.header_offset + 4] = b"gone"
    place.write_bytes(raw)

    outcome = run("validate", place)

    assert outcome.code == 3
    assert "unread   cells.zarr/1/zarr.json" in outcome.out
    assert any("metadata of a Zarr could not be read" in line for line in outcome.lines)


def test_validate_reads_no_chunk(crate: Path) -> None:
    """Chunks that cannot be read do not matter: their names are enough."""
    (crate / "cells.zarr/0/c/0/0").unlink()
    os.mkfifo(crate / "cells.zarr/0/c/0/0")

    assert run("validate", crate).code == 0


# --- RFC-9 ---------------------------------------------------------------------------------------


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """Return an OME-Zarr that is a crate by itself."""
    folder = ome_zarr(tmp_path / "image.zarr")
    build(folder, licence="CC-BY-4.0")
    return folder


def kinds(place: Path) -> list[str]:
    """Return the ids of what validate finds of an .ozx, at any level."""
    report = validate(place)
    found = [finding.id for finding in report.findings]
    wanted = Verdict.INVALID if "ozx.required" in found else Verdict.VALID
    assert report.verdict is wanted
    return [one for one in found if one.startswith(("ozx.", "zarr."))]


def test_an_ozx_that_keeps_to_rfc_9_is_told_as_checked(image: Path) -> None:
    """An OME-Zarr with crate metadata at its root, zipped as RFC-9 asks, is valid."""
    place = as_ozx(image)

    assert [one for one in kinds(place) if one.startswith("ozx.")] == []
    assert "RFC-9 (zipped OME-Zarr)" in run("validate", place).out
    assert run("verify", place).code == 0


@pytest.mark.parametrize(
    ("order", "comment", "compression", "wanted"),
    [
        ("first", COMMENT, zipfile.ZIP_DEFLATED, ["ozx.recommended"]),
        ("first", None, zipfile.ZIP_STORED, ["ozx.recommended"]),
        ("first", {"ome": {"version": "0.5"}}, zipfile.ZIP_STORED, []),
        ("first", {"ome": []}, zipfile.ZIP_STORED, ["ozx.recommended"]),
        ("last", COMMENT, zipfile.ZIP_STORED, ["ozx.required"]),
        ("depth", COMMENT, zipfile.ZIP_STORED, ["ozx.required"]),
        ("last", {"ome": {"version": "0.5"}}, zipfile.ZIP_STORED, ["ozx.recommended"]),
        ("no root", COMMENT, zipfile.ZIP_STORED, ["ozx.required"]),
        ("nested", COMMENT, zipfile.ZIP_STORED, ["ozx.required"]),
    ],
)
def test_an_ozx_that_breaks_rfc_9_is_told(
    order: str, comment: object, compression: int, wanted: list[str], image: Path
) -> None:
    """What RFC-9 demands is an error, what it recommends a warning."""
    if order == "nested":
        (image / "inner.ozx").write_bytes(b"")
    names = members(image)
    documents = [name for name in names if name.endswith("zarr.json")]
    if order == "last":
        names.append(names.pop(0))
    elif order == "depth":
        names[: len(documents)] = [documents[0], *names[len(documents) :][:1], *documents[1:]]
        names = list(dict.fromkeys(names + members(image)))
    elif order == "no root":
        names = names[1:]
    raw = json.dumps(comment).encode() if comment else b""
    place = ozx(image, image.parent / "i.ozx", names, compression=compression, comment=raw)

    assert [one for one in kinds(place) if one.startswith("ozx.")] == wanted


def test_a_zip_with_the_comment_of_an_ozx_is_one(image: Path) -> None:
    """Whatever its name, the comment says what it wants to be; any other zip is not judged."""
    names = members(image)[::-1]

    assert "ozx.required" in kinds(ozx(image, image.parent / "i.zip", names))
    assert "ozx.required" not in kinds(ozx(image, image.parent / "j.zip", names, comment=b""))


def test_an_ozx_that_is_no_crate_is_told_so_and_how_it_stands(tmp_path: Path) -> None:
    """There is no verdict on a crate; the message says whether it keeps to RFC-9."""
    folder = ome_zarr(tmp_path / "image.zarr")
    good = as_ozx(folder)
    bad = ozx(folder, tmp_path / "bad.ozx", members(folder)[::-1])

    for place, words in ((good, "that keeps to RFC-9"), (bad, "does not keep to RFC-9: ")):
        outcome = run("validate", place)
        assert outcome.code == 2
        assert "not an RO-Crate" in error_of(outcome)
        assert words in outcome.err


def test_an_ozx_in_a_crate_is_one_file(tmp_path: Path) -> None:
    """Its bytes are what is recorded, as of any file."""
    folder = tmp_path / "study"
    folder.mkdir()
    shutil.move(as_ozx(ome_zarr(tmp_path / "image.zarr")), folder / "image.ozx")

    build(folder)

    manifest = fingerprint(folder)
    assert [file.path for file in manifest.files] == ["image.ozx"]
    assert manifest.containers == ()
    assert run("verify", folder).code == 0
