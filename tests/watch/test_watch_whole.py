"""Formats say of themselves whether they are whole, at whatever byte a file is cut."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy
import pytest
import tifffile

from crate_iscc.entries import Entry
from crate_iscc.paths import CratePath
from crate_iscc.watching.whole import named_by_companion, problem_of

PIXELS = numpy.arange(3 * 48 * 48, dtype="u2").reshape(3, 48, 48)


def problem(folder: Path, name: str, content: bytes) -> str | None:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
    unit = name[: name.index(".zarr/") + 6] if ".zarr/" in name else name
    return problem_of(folder, unit, [Entry(CratePath(name), len(content))])


def plain() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, PIXELS, photometric="minisblack")
    return file.getvalue()


def big() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, PIXELS, bigtiff=True, byteorder=">", photometric="minisblack")
    return file.getvalue()


def pyramid() -> bytes:
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as writer:
        writer.write(PIXELS, subifds=1, tile=(16, 16), photometric="minisblack")
        writer.write(PIXELS[:, ::2, ::2], subfiletype=1, tile=(16, 16), photometric="minisblack")
    return file.getvalue()


def ome() -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, PIXELS, ome=True, metadata={"axes": "ZYX"}, photometric="minisblack")
    return file.getvalue()


@pytest.mark.parametrize("make", [plain, big, pyramid, ome])
def test_a_tiff_is_whole_with_its_last_byte_of_pixels(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    """Cut anywhere before, it is not; what follows is of no matter."""
    content = make()
    cuts = {0, 1, 7, 8, 15, 16, 17, len(content) // 2, *Random(7).sample(range(len(content)), 60)}

    assert problem(tmp_path, "a.tif", content) is None
    assert problem(tmp_path, "a.tif", content + b"more") is None
    shorter = range(len(content) - 1, 0, -1)
    needed = next(cut for cut in shorter if problem(tmp_path, "a.tif", content[:cut]))
    assert needed > 0.8 * len(content)
    assert all(problem(tmp_path, "a.tif", content[:cut]) for cut in cuts if cut <= needed)


def test_a_tiff_whose_writer_comes_back_to_the_head_is_not_whole(tmp_path: Path) -> None:
    """Zeros where the first directory will be named; or no head at all."""
    content = bytearray(plain())
    content[4:8] = bytes(4)
    assert (
        problem(tmp_path, "a.tif", bytes(content)) == "a.tif: its first directory is not there yet"
    )
    assert problem(tmp_path, "a.tif", bytes(1000)) == "a.tif: it has no TIFF header yet"


def test_directories_that_go_round_in_a_circle_are_no_endless_work(tmp_path: Path) -> None:
    """A directory without entries that leads to itself."""
    content = b"II*\0\x08\0\0\0" + b"\0\0" + b"\x08\0\0\0"
    assert "circle" in str(problem(tmp_path, "a.tif", content))


def test_any_bytes_are_looked_at_without_a_fault(tmp_path: Path) -> None:
    """Damage everywhere in the head and the directories: an answer, and no exception."""
    random = Random(3)
    whole = pyramid()
    for _ in range(300):
        content = bytearray(whole)
        for _ in range(random.randrange(1, 6)):
            content[random.randrange(len(content))] = random.randrange(256)
        problem(tmp_path, "a.tif", bytes(content))


def test_a_zip_is_whole_when_its_directory_is_there(tmp_path: Path) -> None:
    """An .ozx is a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("zarr.json", "{}")
    content = file.getvalue()

    assert problem(tmp_path, "a.ozx", content) is None
    for cut in range(len(content)):
        assert problem(tmp_path, "a.ozx", content[:cut])


def test_a_zarr_needs_metadata_that_can_be_parsed(tmp_path: Path) -> None:
    """Half a JSON is none, and chunks alone are no Zarr yet; chunks may be lacking."""
    assert problem(tmp_path, "a.zarr/zarr.json", b'{"zarr_format": 3}') is None
    assert "no whole JSON" in str(problem(tmp_path, "a.zarr/zarr.json", b'{"zarr_format'))
    assert "no whole JSON" in str(problem(tmp_path, "a.zarr/zarr.json", b"[" * 100_000))
    assert problem(tmp_path, "b.zarr/c/0/0", b"x") == "there is no metadata of a Zarr in it yet"


def test_of_other_formats_nothing_is_said(tmp_path: Path) -> None:
    """Stillness alone speaks for them."""
    assert problem(tmp_path, "a.czi", b"") is None
    assert problem(tmp_path, "a.lsm", b"II*\0") is None


def test_a_companion_names_its_files_and_none_elsewhere(tmp_path: Path) -> None:
    """With escapes of XML, whatever prefix its elements have."""
    text = (
        '<ome:OME xmlns:ome="x"><ome:TiffData><ome:UUID FileName="a&amp;b.tif">u</ome:UUID>'
        "<UUID FileName='../c.tif'/><UUID a='1' FileName='s/d.tif'/></ome:TiffData></ome:OME>\n"
    )
    name = "p.companion.ome"

    assert problem(tmp_path, name, text.encode()) is None
    assert named_by_companion(tmp_path, Entry(CratePath(name), len(text))) == ("a&b.tif", "s/d.tif")
    assert "does not end" in str(problem(tmp_path, name, text[:-4].encode()))
    assert named_by_companion(tmp_path, Entry(CratePath("gone"), 1)) == ()
