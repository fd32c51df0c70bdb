"""What cannot be read whole has no code, and says why; nothing is claimed that is not there."""

import json
import logging
import os
import shutil
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr

from crate_iscc.errors import InputError
from crate_iscc.images import ImageFingerprint, ImageUnread
from crate_iscc.imaging import pixels_of
from pixels.pixel_kit import image, ome_set, ome_zarr, only, reason, write_group, zipped


@pytest.fixture(autouse=True)
def _quiet_tifffile(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "tifffile")


TIFFS: dict[str, dict[str, Any]] = {
    "in one strip": {},
    "in strips": {"rowsperstrip": 5},
    "tiled and deflated": {"tile": (16, 16), "compression": "zlib"},
    "LZW": {"compression": "lzw"},
    "ImageJ": {"imagej": True},
}


@pytest.mark.parametrize("how", TIFFS)
def test_a_tiff_that_was_cut_has_no_code_wherever_it_was_cut(how: str, tmp_path: Path) -> None:
    place = tmp_path / "a.tif"
    pixels = image((3, 35, 45))
    tifffile.imwrite(place, pixels, photometric="minisblack", **TIFFS[how])
    whole = place.read_bytes()
    expected = only(place).iscc

    for size in range(0, len(whole), len(whole) // 9 + 1):
        place.write_bytes(whole[:size])
        for found in pixels_of(place):
            assert isinstance(found, ImageUnread) or found.iscc == expected, size


def test_a_damaged_tile_is_named_as_what_cannot_be_decoded(tmp_path: Path) -> None:
    place = tmp_path / "a.tif"
    tifffile.imwrite(place, image((35, 45)), tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(place) as tiff:
        offset = tiff.pages.first.dataoffsets[3]
    with place.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * 30)

    assert "cannot be decoded" in reason(place)


def test_a_tile_without_data_is_no_tile_of_zeros(tmp_path: Path) -> None:
    place = tmp_path / "a.tif"
    tifffile.imwrite(place, image((32, 32)), tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(place, mode="r+b") as tiff:
        tag = tiff.pages.first.tags["TileByteCounts"]
        counts = list(tag.value)
        tag.overwrite([counts[0], 0, *counts[2:]])

    assert reason(place) == "tile or strip 1 of a page holds no data"


def test_a_missing_file_of_a_set_is_named(tmp_path: Path) -> None:
    first, second = ome_set(tmp_path, image())
    second.unlink()

    assert reason(first) == "a file of it is missing: set_1.ome.tif"


def test_a_missing_companion_is_named(tmp_path: Path) -> None:
    place = tmp_path / "a.ome.tif"
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<BinaryOnly MetadataFile="a.companion.ome"/></OME>'
    )
    tifffile.imwrite(place, image((9, 8)), description=xml, metadata=None)

    assert reason(place) == "its companion is missing: a.companion.ome"


@pytest.mark.parametrize("name", ["../secret.tif", "/etc/passwd", "a/../../secret.tif"])
def test_a_file_outside_is_never_opened(name: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "secret.tif", image((9, 8)))
    folder = tmp_path / "data"
    folder.mkdir()
    xml = _ome_xml(9, 8, f'<TiffData IFD="0"><UUID FileName="{name}">urn:uuid:9</UUID></TiffData>')
    tifffile.imwrite(folder / "a.ome.tif", image((9, 8)), description=xml, metadata=None)

    assert "refers to a file outside" in reason(folder / "a.ome.tif")


@pytest.mark.parametrize(
    ("runs", "said"),
    [
        ("", "says nothing of where its planes lie"),
        ('<TiffData IFD="5"/>', "has no page 5"),
        ('<TiffData IFD="0" PlaneCount="2"/>', "has more planes than its sizes"),
        ('<TiffData FirstZ="7" IFD="0"/>', "has more planes than its sizes"),
        ('<TiffData IFD="0" PlaneCount="99999999999"/>', "claims 99999999999 planes in a row"),
        ('<TiffData IFD="-1"/>', "no usable IFD"),
        ('<TiffData IFD="0"/><TiffData IFD="1"/>', "places a plane twice"),
    ],
)
def test_planes_that_the_xml_misplaces_are_told(runs: str, said: str, tmp_path: Path) -> None:
    place = tmp_path / "a.ome.tif"
    tifffile.imwrite(place, image((9, 8)), description=_ome_xml(9, 8, runs), metadata=None)

    assert said in reason(place)


def test_a_plane_that_the_xml_does_not_place_is_told(tmp_path: Path) -> None:
    place = tmp_path / "a.ome.tif"
    xml = _ome_xml(9, 8, '<TiffData IFD="0"/>', z=2)
    tifffile.imwrite(place, image((9, 8)), description=xml, metadata=None)

    assert reason(place) == "its OME-XML places no plane z 1, channel 0, t 0"


def test_sizes_that_differ_from_the_pages_are_told(tmp_path: Path) -> None:
    place = tmp_path / "a.ome.tif"
    xml = _ome_xml(8, 9, '<TiffData IFD="0"/>')
    tifffile.imwrite(place, image((9, 8)), description=xml, metadata=None)

    assert reason(place) == "its pages are not as its OME-XML says"


def test_no_entity_of_an_xml_is_expanded(tmp_path: Path) -> None:
    place = tmp_path / "a.ome.tif"
    xml = '<!DOCTYPE OME [<!ENTITY a "b">]>' + _ome_xml(9, 8, '<TiffData IFD="0"/>')
    tifffile.imwrite(place, image((9, 8)), description=xml, metadata=None)

    assert "has a document type" in reason(place)


@pytest.mark.parametrize("dtype", ["complex64", "float16", "int64", "uint64"])
def test_a_type_that_the_specification_has_not_is_told(dtype: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5), dtype))
    ome_zarr(tmp_path / "a.zarr", np.zeros((4, 5), dtype), axes="yx", chunks=(4, 5))

    said = f"its pixels are {dtype}, which IEP-0018 does not know"
    assert reason(tmp_path / "a.zarr") == said
    assert reason(tmp_path / "a.tif") == said


def test_axes_that_are_not_named_are_not_guessed(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", image((2, 5, 9, 8)), photometric="minisblack")

    assert "axis that is none of Z, C and T" in reason(tmp_path / "a.tif")


@pytest.mark.parametrize("content", [b"", b"II*\0", b"II*\0\x08\0\0\0", b"text", b"MM\0*" * 99])
def test_what_is_no_tiff_is_told(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(content)

    assert reason(tmp_path / "a.tif")


def test_pages_in_a_loop_end(tmp_path: Path) -> None:
    place = tmp_path / "a.tif"
    tifffile.imwrite(place, image((3, 9, 8)), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(place) as tiff:
        first = tiff.pages[0].offset
        last = tiff.pages[2]
        end = last.offset + 2 + 12 * len(last.tags)
    with place.open("r+b") as file:
        file.seek(end)
        file.write(first.to_bytes(4, "little"))

    assert reason(place) == "its list of pages leads in a circle"


# --- Zarr -----------------------------------------------------------------------------------------


def test_a_damaged_chunk_leaves_the_image_without_a_code(tmp_path: Path) -> None:
    place = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    chunk = place / "0" / "c" / "1" / "2" / "3" / "0" / "0"
    whole = chunk.read_bytes()

    for damaged in (whole[: len(whole) // 2], b"", b"\0" * 50, whole[::-1]):
        chunk.write_bytes(damaged)
        assert "cannot be decoded" in reason(place), damaged


def test_a_chunk_that_is_too_short_is_no_chunk(tmp_path: Path) -> None:
    place = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45), compressors=None)
    chunk = place / "0" / "c" / "1" / "2" / "3" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-2])

    assert reason(place)


def test_a_chunk_that_may_not_be_read_is_no_missing_chunk(tmp_path: Path) -> None:
    """Links are never followed: what one leads to is not taken for the fill value either."""
    place = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    chunk = place / "0" / "c" / "1" / "2" / "3" / "0" / "0"
    chunk.rename(tmp_path / "elsewhere")
    chunk.symlink_to(tmp_path / "elsewhere")

    assert "link" in reason(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_chunk_without_permission_is_no_missing_chunk(tmp_path: Path) -> None:
    place = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    (place / "0" / "c" / "1" / "2" / "3" / "0" / "0").chmod(0)

    assert "ermission" in reason(place)


def test_a_flipped_bit_in_a_shard_with_checksums_is_told(tmp_path: Path) -> None:
    pixels = image()
    place = ome_zarr(
        tmp_path / "a.zarr",
        pixels,
        chunks=(1, 1, 1, 35, 45),
        compressors=[zarr.codecs.Crc32cCodec()],
    )
    chunk = place / "0" / "c" / "0" / "0" / "0" / "0" / "0"
    raw = bytearray(chunk.read_bytes())
    raw[40] ^= 1
    chunk.write_bytes(raw)

    assert "cannot be decoded" in reason(place)


def _edited(place: Path, **changes: Any) -> Path:
    """Change the metadata of the array of an OME-Zarr 0.5."""
    file = place / "0" / "zarr.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return place


def _grid(*chunk: int) -> dict[str, Any]:
    return {"name": "regular", "configuration": {"chunk_shape": list(chunk)}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"shape": [1000, 1000, 1000000, 5, 6]}, "claims 1000000000000 planes"),
        ({"shape": [1, 1, 1, 9000000, 9000000]}, "bytes of pixels, and"),
        (
            {"shape": [1, 1, 1, 60000, 60000], "chunk_grid": _grid(1, 1, 1, 60000, 60000)},
            "its chunks have more than",
        ),
        ({"shape": [0, 1, 1, 5, 6]}, "an axis has no length"),
        ({"codecs": [{"name": "bytes"}, {"name": "no-such-codec"}]}, "no-such-codec"),
        ({"shape": "wide"}, ""),
        ({"zarr_format": 9}, ""),
        ({"node_type": "group"}, "its level 0 is not there"),
    ],
)
def test_claims_of_an_array_that_cannot_be_met_are_refused_at_once(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    place = ome_zarr(tmp_path / "a.zarr", image((1, 1, 1, 5, 6)), chunks=(1, 1, 1, 5, 6))
    before = time.monotonic()

    found = reason(_edited(place, **changes))

    assert said in found
    assert time.monotonic() - before < 20


@pytest.mark.parametrize(
    ("multiscale", "said"),
    [
        ({"axes": [{"name": "y"}, {"name": "x"}]}, "no list of datasets"),
        ({"datasets": [{"path": "0"}], "axes": [{"name": "y"}]}, "not complete"),
        ({"datasets": [{"path": "0"}], "axes": [{"name": "q"}, {"name": "x"}]}, "q"),
        ({"datasets": [{"path": "../b"}], "axes": ["y", "x"]}, "leads elsewhere"),
        ({"datasets": [{"path": "./0"}], "axes": ["y", "x"]}, "leads elsewhere"),
        ({"datasets": [{"path": 7}], "axes": ["y", "x"]}, "leave out a path"),
        ({"datasets": [{"path": "9"}], "axes": ["y", "x"]}, "level 0 is not there"),
        ({"datasets": [], "axes": ["y", "x"]}, "no dataset"),
        ({"datasets": [{"path": "0"}], "axes": ["z", "y", "x"]}, "has 2 axes"),
        ("text", "no list of datasets"),
    ],
)
def test_multiscales_that_say_nothing_usable_are_told(
    multiscale: object, said: str, tmp_path: Path
) -> None:
    place = tmp_path / "a.zarr"
    group = write_group(place, image((5, 6)), axes="yx", version="0.5", chunks=(5, 6))
    group.attrs.update({"ome": {"version": "0.5", "multiscales": [multiscale]}})

    assert said in reason(place)


@pytest.mark.parametrize(
    "ome",
    [
        {},
        {"multiscales": {}},
        {"multiscales": []},
        {"plate": {"wells": [{"path": "A/1"}]}},
        {"plate": []},
        {"well": {"images": "all"}},
        {"bioformats2raw.layout": 3},
        {"plate": {"wells": [{"path": "../../etc"}]}},
    ],
)
def test_a_group_never_comes_to_nothing(ome: dict[str, Any], tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=3)
    group.attrs.update({"ome": ome})

    assert reason(tmp_path / "a.zarr")


def test_a_well_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    place = tmp_path / "plate.zarr"
    plate = zarr.open_group(place, mode="w", zarr_format=3)
    wells = [{"path": "A/1"}] * 3
    plate.attrs.update({"ome": {"version": "0.5", "plate": {"wells": wells}}})
    write_group(place / "A/1/0", image((5, 6)), axes="yx", version="0.5", chunks=(5, 6))
    well = zarr.open_group(place / "A/1", mode="a", zarr_format=3)
    well.attrs.update({"ome": {"well": {"images": [{"path": "0"}]}}})

    found = pixels_of(place)

    assert [isinstance(one, ImageFingerprint) for one in found] == [True, False, False]
    assert getattr(found[1], "reason", "") == "the metadata name it twice"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"[" * 100_000, b"\xff\xfe", b"null"])
def test_metadata_that_are_no_json_are_told(content: bytes, tmp_path: Path) -> None:
    place = ome_zarr(tmp_path / "a.zarr", image((5, 6)), axes="yx", chunks=(5, 6))
    (place / "zarr.json").write_bytes(content)

    assert reason(place)


def test_an_array_of_its_own_needs_names_of_axes(tmp_path: Path) -> None:
    pixels = image((3, 5, 6))
    zarr.create_array(tmp_path / "a.zarr", data=pixels, zarr_format=3)
    zarr.create_array(
        tmp_path / "b.zarr", data=pixels, zarr_format=3, dimension_names=("z", "y", "x")
    )

    assert reason(tmp_path / "a.zarr") == "it is an array whose axes are not named"
    assert only(tmp_path / "b.zarr").extent.axes == "zyx"


# --- others ---------------------------------------------------------------------------------------


def test_a_damaged_zip_is_a_finding(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    place = zipped(folder, tmp_path / "data.ozx")
    shutil.rmtree(folder)
    whole = place.read_bytes()
    with place.open("r+b") as file:
        file.seek(len(whole) // 2)
        file.write(zlib.compress(b"damage" * 9))

    found = pixels_of(tmp_path)

    assert [type(one) for one in found] == [ImageUnread]


def test_a_zip_in_an_archive_is_a_finding(tmp_path: Path) -> None:
    folder = ome_zarr(tmp_path / "a.zarr", image(), chunks=(1, 1, 1, 35, 45))
    inner = tmp_path / "data"
    inner.mkdir()
    zipped(folder, inner / "a.ozx")
    (inner / "b.txt").write_text("b")

    (found,) = pixels_of(zipped(inner, tmp_path / "all.zip"))

    assert isinstance(found, ImageUnread)
    assert "zip inside of an archive" in found.reason


def test_where_no_image_is_there_is_no_answer(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")

    with pytest.raises(InputError, match="there is no image"):
        pixels_of(tmp_path)


def test_a_page_larger_than_memory_allows_is_read_in_rows(tmp_path: Path) -> None:
    """A plane of 74 MB, as it is, in tiles and in chunks: blocks stay small, the code is one."""
    from crate_iscc.pixels import BLOCK_SIZE
    from crate_iscc.pixels.tiff import TiffSource
    from crate_iscc.sources.directory import DirectoryTree

    side = 6100
    pixels = (np.arange(side, dtype="uint16")[:, None] + np.arange(side, dtype="uint16")) // 7
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(256, 1024))
    tifffile.imwrite(tmp_path / "b.tif", pixels)
    ome_zarr(tmp_path / "a.zarr", pixels, axes="yx", chunks=(1000, side), compressors=None)

    with DirectoryTree(tmp_path) as tree:
        source = TiffSource(tree, tree.listing(), next(iter(tree.top().entries.paths())))
        (found,) = source.images()
        assert not isinstance(found, ImageUnread)
        sizes = [len(block()) for block in found.blocks()]
        source.close()

    assert max(sizes) <= BLOCK_SIZE
    assert sum(sizes) == 2 * side * side
    found_all = [only(tmp_path / name) for name in ("a.tif", "b.tif", "a.zarr")]
    assert len({(one.iscc, one.planes) for one in found_all}) == 1


def _ome_xml(height: int, width: int, runs: str, *, z: int = 1) -> str:
    return (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{width}" '
        f'SizeY="{height}" SizeZ="{z}" SizeC="1" SizeT="1"><Channel ID="Channel:0:0"/>{runs}'
        "</Pixels></Image></OME>"
    )
