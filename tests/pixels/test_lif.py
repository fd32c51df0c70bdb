"""Leica LIF files are walked as any image; nothing is read behind a memory block."""

from pathlib import Path

import numpy as np
import pytest

from crate_iscc.images import ImageFingerprint, ImageUnread
from crate_iscc.imaging import pixels_of
from pixels.lif_kit import LifPicture, container, written_lif
from pixels.pixel_kit import Array, code_of, image, only, reason, walked, zipped

liffile = pytest.importorskip("liffile", reason="liffile is not installed")
SMALL = (2, 2, 2, 12, 13)
"""T, C, Z, Y, X."""


def turned(pixels: Array, axes: str) -> Array:
    """Return pixels with the axes T, C, Z, Y, X in another order of axes."""
    return pixels.transpose(["tczyx".index(axis) for axis in axes])


def xml_of(place: Path) -> str:
    """Return the metadata of a file."""
    with liffile.LifFile(place) as document:
        return str(document.xml_header())


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("axes", ["ctzyx", "tzcyx", "zytcx", "tzyxc"])
def test_a_lif_has_the_code_of_its_walk(dtype: str, axes: str, tmp_path: Path) -> None:
    """IEP-0018, by the reference implementation; liffile sees the same pixels."""
    pixels = image(dtype="uint32").astype(dtype)
    place = written_lif(tmp_path / "a.lif", LifPicture(turned(pixels, axes), axes))

    found = only(place)

    assert found.iscc == code_of(walked(pixels))
    assert (found.extent.axes, found.extent.shape, found.dtype) == ("zctyx", "4,3,2,35,45", dtype)
    assert found.reader.startswith("liffile ")
    with liffile.LifFile(place) as document:
        seen = document.images[0]
        assert "".join(seen.dims).lower().replace("s", "c") == axes
        assert np.array_equal(seen.asarray(), turned(pixels, axes))


@pytest.mark.parametrize("inside", ["", "a folder"])
@pytest.mark.parametrize("version", [1, 2])
def test_every_image_of_a_file_is_one_of_its_own(inside: str, version: int, tmp_path: Path) -> None:
    """In the order of the metadata, also where two have one name: liffile shows the last alone."""
    pixels = image((3, 4, 12, 13))
    pictures = [LifPicture(each, "zyx", name="Series") for each in pixels]

    found = pixels_of(written_lif(tmp_path / "a.lif", *pictures, inside=inside, version=version))

    assert [one.scene for one in found] == ["0", "1", "2"]
    assert [one.iscc for one in found if isinstance(one, ImageFingerprint)] == [
        code_of(walked(each[None, None])) for each in pixels
    ]


@pytest.mark.parametrize("tags", [(1, 2, 3), (3, 2, 1)])
def test_samples_are_the_channels_red_green_blue(tags: tuple[int, ...], tmp_path: Path) -> None:
    """However they are stored: ChannelTag says which is which, and liffile agrees."""
    rgb = image((20, 30, 3), "uint8")
    stored = rgb[..., [tag - 1 for tag in tags]]
    place = written_lif(tmp_path / "a.lif", LifPicture(stored, "yxc", tags=tags))

    found = only(place)

    assert found.extent.axes == "cyx"
    assert found.iscc == code_of(walked(rgb.transpose(2, 0, 1)[None, :, None]))
    assert np.array_equal(liffile.imread(place), rgb)


def test_rows_that_are_filled_up_are_cut(tmp_path: Path) -> None:
    rgb = image((20, 30, 3), "uint8")
    place = written_lif(tmp_path / "a.lif", LifPicture(rgb, "yxc", tags=(1, 2, 3), padding=2))

    assert only(place).iscc == code_of(walked(rgb.transpose(2, 0, 1)[None, :, None]))


def test_bits_are_those_of_the_type(tmp_path: Path) -> None:
    """12 bits are stored in 16."""
    pixels = image((20, 30)) % 4096
    found = only(written_lif(tmp_path / "a.lif", LifPicture(pixels, "yx", bits=12)))

    assert (found.dtype, found.iscc) == ("uint16", code_of(walked(pixels[None, None, None])))


def test_planes_that_are_large_are_read_in_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crate_iscc.pixels.lif.BLOCK_SIZE", 60)

    for axes in ("tzcyx", "tzyxc", "zytcx"):
        place = written_lif(tmp_path / "a.lif", LifPicture(turned(image(SMALL), axes), axes))
        assert only(place).iscc == code_of(walked(image(SMALL)))


@pytest.mark.parametrize(
    ("axes", "told"),
    [
        ("lyx", "it has an axis (emission wavelength) that is none of Z, C and T"),
        ("myx", "it has an axis (mosaic) that is none of Z, C and T"),
        ("czx", "it has no axis Y"),
    ],
)
def test_axes_that_the_walk_cannot_order_are_told(axes: str, told: str, tmp_path: Path) -> None:
    place = written_lif(tmp_path / "a.lif", LifPicture(image((2, 12, 13)), axes))

    assert reason(place) == told


def test_photons_are_told(tmp_path: Path) -> None:
    pictures = LifPicture(image((12, 13)), "yx"), LifPicture(image((12, 13)), "yx", flim=True)

    one, two = pixels_of(written_lif(tmp_path / "a.lif", *pictures))

    assert isinstance(one, ImageFingerprint)
    assert isinstance(two, ImageUnread)
    assert two.reason.startswith("it holds arrival times of photons")


def test_what_is_behind_a_memory_block_is_no_pixel(tmp_path: Path) -> None:
    """Of a block that is too short, liffile reads the rest from the block that follows."""
    pixels = image((2, 12, 13))
    raw = pixels[0].tobytes()
    whole = written_lif(
        tmp_path / "a.lif", LifPicture(pixels[0], "yx"), LifPicture(pixels[1], "yx")
    )
    xml = xml_of(whole)
    blocks = [("MemBlock_0", 300, raw[:300]), ("MemBlock_1", 312, pixels[1].tobytes())]
    whole.write_bytes(container(xml, blocks))

    one, two = pixels_of(whole)

    assert isinstance(one, ImageUnread)
    assert one.reason == "its memory block has 300 bytes, too few for its pixels"
    assert isinstance(two, ImageFingerprint)
    with liffile.LifFile(whole) as document:
        assert document.images.find("Series") is not None
        assert document.images[0].frame().shape == (12, 13)


def test_blocks_that_are_empty_missing_or_too_long_are_told(tmp_path: Path) -> None:
    picture = LifPicture(image((12, 13)), "yx")
    whole = written_lif(tmp_path / "a.lif", picture)
    xml = xml_of(whole)
    raw = image((12, 13)).tobytes()
    for blocks, told in (
        ([("MemBlock_0", 0, b"")], "its memory block has 0 bytes, too few for its pixels"),
        ([("MemBlock_1", 312, raw)], "its memory block is missing: MemBlock_0"),
        ([("MemBlock_0", 313, raw)], "it is cut: its memory block of 313 bytes is not there"),
        ([("MemBlock_0", 624, raw + raw)], "its memory block has 624 bytes, and more planes"),
        ([("MemBlock_0", 300, raw)], "it is damaged: no memory block follows MemBlock_0"),
    ):
        whole.write_bytes(container(xml, blocks))
        assert reason(whole).startswith(told)


def test_no_code_comes_of_pixels_that_are_cut(tmp_path: Path) -> None:
    """At the end, and of bytes within: an image has the code that it had, or none."""
    first, second = image(SMALL), image((3, 12, 13), "uint8")
    place = written_lif(tmp_path / "a.lif", LifPicture(first, "tczyx"), LifPicture(second, "zyx"))
    codes = [code_of(walked(first)), code_of(walked(second[None, None]))]
    whole = place.read_bytes()
    kept = 0
    for at in (*range(0, len(whole), 61), len(whole) - 1):
        place.write_bytes(whole[:at])
        found = pixels_of(place)
        assert isinstance(found[-1], ImageUnread), at
        kept += _as_they_were(found, codes)
        place.write_bytes(whole[:at] + whole[at + 10 :])
        found = pixels_of(place)
        assert any(isinstance(one, ImageUnread) for one in found), at
        kept += _as_they_were(found, codes)
    assert kept > 5  # the first image, where the second one is cut


def _as_they_were(found: tuple[ImageFingerprint | ImageUnread, ...], codes: list[str]) -> int:
    kept = [(int(one.scene or 0), one.iscc) for one in found if isinstance(one, ImageFingerprint)]
    assert all(codes[number] == code for number, code in kept)
    return len(kept)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('NumberOfElements="2"', 'NumberOfElements="3"', "too few for its pixels"),
        ('BytesInc="312"', 'BytesInc="100"', "lie on each other along"),
        ('BytesInc="312"', 'BytesInc="1e3"', "its metadata give '1e3' for BytesInc"),
        ('BytesInc="312" BitInc="0"', "", "its metadata give nothing for BytesInc"),
        ('DimID="3"', 'DimID="2"', "it has two axes Y"),
        ('DimID="3"', 'DimID="77"', "it has an axis (number 77)"),
        ('NumberOfElements="12"', 'NumberOfElements="0"', "an axis has no length"),
        ('DataType="0"', 'DataType="9"', "its pixels are of type 9 with 16 bits"),
        ('Resolution="16"', 'Resolution="64"', "lie on each other along X"),
        (
            'ChannelTag="0"',
            'ChannelTag="2"',
            "the colours of its channels are not red",
        ),
        ("<ChannelDescription", "<Other", "it has no channel"),
        ('MemoryBlockID="MemBlock_0"', "", "its memory block is missing: it names none"),
        ("<Image>", "<Images>", "it cannot be decoded"),
        ("Image>", "Images>", "it has no image"),
    ],
)
def test_metadata_that_cannot_be_meant_are_told(
    before: str, after: str, told: str, tmp_path: Path
) -> None:
    place = written_lif(tmp_path / "a.lif", LifPicture(image((2, 12, 13)), "zyx"))
    xml = xml_of(place)
    assert before in xml
    blocks = [("MemBlock_0", 624, image((2, 12, 13)).tobytes())]

    place.write_bytes(container(xml.replace(before, after), blocks))

    assert told in reason(place)


def test_channels_of_several_types_or_in_another_order_have_no_code(tmp_path: Path) -> None:
    place = written_lif(tmp_path / "a.lif", LifPicture(image((2, 12, 13)), "cyx"))
    xml = xml_of(place)
    blocks = [("MemBlock_0", 624, image((2, 12, 13)).tobytes())]
    for before, after, told in (
        ('Resolution="16"', 'Resolution="8"', "its pixels are of several types: uint16, uint8"),
        ('BytesInc="0"', 'BytesInc="624"', "its channels are stored in another order"),
        ('BytesInc="0"', 'BytesInc="311"', "its channels lie on each other"),
    ):
        place.write_bytes(container(xml.replace(before, after, 1), blocks))
        assert told in reason(place)


def test_metadata_that_are_too_long_are_not_read(tmp_path: Path) -> None:
    place = written_lif(tmp_path / "a.lif", LifPicture(image((12, 13)), "yx"))
    whole = place.read_bytes()
    place.write_bytes(whole[:9] + b"\xff\xff\xff\x7f" + whole[13:])

    assert reason(place) == "its metadata claim 4294967294 bytes"


def test_xml_that_is_called_lif_is_told(tmp_path: Path) -> None:
    """As companions of a LIF are, which name files anywhere."""
    (tmp_path / "a.lif").write_text(
        '<?xml version="1.0"?><LMSDataContainerHeader Version="2"><Element Name="a"><Data><Image/>'
        '</Data><Memory Size="1"><Block File="../x.tif" Offset="0" Size="1"/></Memory><Children>'
        '<Reference File="../b.xlif"/></Children></Element></LMSDataContainerHeader>'
    )

    assert reason(tmp_path / "a.lif") == "it is no LIF but a XLIF"


def test_a_lif_in_an_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    written_lif(tmp_path / "x/a.lif", LifPicture(image(SMALL), "tczyx"))
    (tmp_path / "x/notes.txt").write_text("1")

    assert only(zipped(tmp_path / "x", tmp_path / "x.zip")).iscc == code_of(walked(image(SMALL)))
