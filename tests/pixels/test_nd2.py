"""Nikon ND2 files are walked as any image; frames that nd2 would make black are told instead."""

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crate_iscc.images import ImageFingerprint, ImageUnread
from crate_iscc.imaging import pixels_of
from pixels.nd2_kit import variant, written_nd2
from pixels.pixel_kit import code_of, image, only, reason, walked, zipped

nd2 = pytest.importorskip("nd2", reason="nd2 is not installed")
SMALL = (1, 2, 2, 2, 12, 13)
"""P, T, C, Z, Y, X."""


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("order", ["ptz", "zpt"])
def test_an_nd2_has_the_code_of_its_walk(
    dtype: str, packed: bool, order: str, tmp_path: Path
) -> None:
    """IEP-0018, by the reference implementation; nd2 sees the same pixels."""
    pixels = image(dtype="uint32").astype(dtype)
    place = written_nd2(tmp_path / "a.nd2", pixels[None], packed=packed, order=order)

    found = only(place)

    assert found.iscc == code_of(walked(pixels))
    assert (found.extent.axes, found.extent.shape, found.dtype) == ("zctyx", "4,3,2,35,45", dtype)
    assert found.reader.startswith("nd2 ")
    with nd2.ND2File(place) as document:
        axes = "".join(document.sizes)
        assert np.array_equal(
            np.einsum(document.asarray(), [*map(axes.index, axes)], [*map(axes.index, "TCZYX")]),
            pixels,
        )


@pytest.mark.parametrize("shape", [(2, 1, 2, 1, 12, 13), (1, 2, 2, 3, 12, 13)])
def test_nd2s_of_version_2_are_read(shape: tuple[int, ...], tmp_path: Path) -> None:
    """Their metadata are XML."""
    pixels = image(shape)

    found = pixels_of(written_nd2(tmp_path / "a.nd2", pixels, version=2))

    assert [one.iscc for one in found if isinstance(one, ImageFingerprint)] == [
        code_of(walked(each)) for each in pixels
    ]


def test_positions_are_images_of_their_own(tmp_path: Path) -> None:
    """In the order of the loop over positions, wherever that stands among the loops."""
    pixels = image((3, 2, 2, 2, 12, 13))

    found = pixels_of(written_nd2(tmp_path / "a.nd2", pixels, order="tpz"))

    assert [one.scene for one in found] == ["0", "1", "2"]
    assert [one.iscc for one in found if isinstance(one, ImageFingerprint)] == [
        code_of(walked(each)) for each in pixels
    ]


def test_samples_are_channels(tmp_path: Path) -> None:
    """All of them, also where several channels have colours."""
    pixels = image((1, 1, 6, 1, 20, 30), "uint8")
    place = written_nd2(tmp_path / "a.nd2", pixels, samples=3)

    assert only(place).iscc == code_of(walked(pixels[0]))
    with nd2.ND2File(place) as document:
        assert document.sizes == {"C": 2, "Y": 20, "X": 30, "S": 3}
        assert np.array_equal(
            document.asarray().transpose(0, 3, 1, 2).reshape(6, 20, 30), pixels[0, 0, :, 0]
        )


def test_rows_that_are_filled_up_are_cut(tmp_path: Path) -> None:
    pixels = image(SMALL)

    for packed in (False, True):
        place = written_nd2(tmp_path / "a.nd2", pixels, padding=2, packed=packed)
        assert only(place).iscc == code_of(walked(pixels[0]))


def test_frames_that_are_too_large_to_be_held_are_read_in_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crate_iscc.pixels.nd2.BLOCK_SIZE", 200)

    for packed in (False, True):
        place = written_nd2(tmp_path / "a.nd2", image(SMALL), packed=packed, padding=2)
        assert only(place).iscc == code_of(walked(image(SMALL)[0]))


def test_a_frame_that_is_missing_is_not_taken_for_a_black_one(tmp_path: Path) -> None:
    """Which nd2 does, and the other position has its code."""
    pixels = image((2, 2, 2, 2, 12, 13))
    place = written_nd2(tmp_path / "a.nd2", pixels, skip=(6,))

    whole, cut = pixels_of(place)

    assert isinstance(whole, ImageFingerprint)
    assert whole.iscc == code_of(walked(pixels[0]))
    assert isinstance(cut, ImageUnread)
    assert cut.reason == "a frame of it is missing: z 0, t 1"
    with nd2.ND2File(place) as document:
        assert not document.read_frame(6).any()


def test_frames_that_no_loop_counts_are_told(tmp_path: Path) -> None:
    """Such files exist: nd2 leaves those frames out."""
    place = written_nd2(
        tmp_path / "a.nd2",
        image(SMALL),
        changed=lambda name, data: b"" if name == "ImageMetadataLV!" else data,
    )

    assert reason(place) == "it has a frame 3, and its loops count only 1 frames"


def test_loops_that_the_walk_cannot_order_are_told(tmp_path: Path) -> None:
    def with_loop(kind: int) -> bytes:
        loop = {"eType": kind, "uLoopPars": {"uiCount": 2}}
        return variant({"SLxExperiment": loop})

    place = written_nd2(
        tmp_path / "a.nd2",
        image((1, 2, 1, 1, 12, 13)),
        changed=lambda name, data: with_loop(7) if name == "ImageMetadataLV!" else data,
    )

    assert reason(place) == "it has a loop (CustomLoop) that is none of positions, Z and T"


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"eCompression": 1}, "its frames are compressed with loss, which nd2 does not decode"),
        ({"uiBpcInMemory": 12}, "its pixels have 12 bits"),
        ({"uiBpcInMemory": 64}, "its rows have 52 bytes, too few for its pixels"),
        ({"uiHeight": 13}, "frame 0 of it has 632 bytes instead of 684"),
        ({"uiHeight": 11}, "frame 0 of it has 632 bytes instead of 580"),
        ({"uiHeight": 0}, "it has no pixels: an axis has no length"),
        ({"uiWidth": 14}, "its rows have 52 bytes, too few for its pixels"),
        ({"uiHeight": 1 << 31}, "a frame of it has 111669149696 bytes"),
    ],
)
def test_metadata_that_do_not_fit_the_frames_are_told(
    more: dict[str, Any], told: str, tmp_path: Path
) -> None:
    assert reason(written_nd2(tmp_path / "a.nd2", image(SMALL), more=more)) == told


@pytest.mark.parametrize("packed", [False, True])
def test_no_code_comes_of_a_file_that_is_cut(packed: bool, tmp_path: Path) -> None:
    """At its end, and of bytes within, wherever these were."""
    whole = written_nd2(tmp_path / "whole.nd2", image(SMALL), packed=packed).read_bytes()
    place = tmp_path / "a.nd2"
    for at in (*range(0, len(whole), 997), len(whole) - 1):
        for cut in (whole[:at], whole[:at] + whole[at + 100 :]):
            place.write_bytes(cut)
            assert reason(place), at


def test_frames_that_lie_elsewhere_or_are_damaged_are_told(tmp_path: Path) -> None:
    whole = written_nd2(tmp_path / "a.nd2", image(SMALL), packed=True).read_bytes()
    at = whole.index(b"ImageDataSeq|2!")
    for damaged, told in (
        (whole[:at] + b"ImageDataSeq|1!" + whole[at + 15 :], "not where its chunk map says"),
        (whole[: at - 8] + b"\1\0" + whole[at - 6 :], "has not the 624 bytes"),
        (whole[: at - 8] + b"\xff" * 5 + whole[at - 3 :], "it is cut: ImageDataSeq|2!"),
        (whole[: at + 4180] + os.urandom(40) + whole[at + 4220 :], "it cannot be decoded"),
    ):
        (tmp_path / "a.nd2").write_bytes(damaged)
        assert told in reason(tmp_path / "a.nd2")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "it does not begin as an ND2 does"),
        (b"\xda\xce\xbe\x0a", "it is cut: it has no chunk map"),
        (b"\xda\xce\xbe\x0a" + bytes(99), "it is cut: it does not end with a chunk map"),
        (b"\0\0\0\x0cjP  ", "it is an ND2 of the old kind (JPEG 2000), which is not read"),
    ],
)
def test_what_is_no_nd2_is_told(content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.nd2").write_bytes(content)

    assert reason(tmp_path / "a.nd2") == told


def test_an_nd2_in_an_archive_is_read(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    written_nd2(tmp_path / "x/a.nd2", image(SMALL))
    (tmp_path / "x/notes.txt").write_text("1")

    found = only(zipped(tmp_path / "x", tmp_path / "x.zip"))

    assert found.iscc == code_of(walked(image(SMALL)[0]))


def packed_record(raw: bytes) -> bytes:
    """Return a record that nd2 unpacks."""
    return b"L\0" + bytes(10) + zlib.compress(raw, 9)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (packed_record(packed_record(bytes(1 << 26))), "more than 33554432 bytes when they are"),
        (variant({"a": {"b": packed_record(bytes(1 << 26))}}), "more than 33554432 bytes when"),
        (variant({"a": {"b": "x" * (1 << 18)}}), "its metadata have a text of 524290 bytes"),
        (variant({"a": "x"})[:-2] + bytes(range(1, 256)) * 2000, "a text of"),
        (b"<!DOCTYPE a []><a/>", "its metadata declare a document type"),
        (bytes((1 << 25) + 1), "its metadata have 33554433 bytes"),
    ],
)
def test_metadata_that_become_large_are_not_unpacked(
    content: bytes, told: str, tmp_path: Path
) -> None:
    """nd2 would: 2 kB become 1 GB, and a long text takes it hours."""
    place = written_nd2(
        tmp_path / "a.nd2",
        image((1, 1, 1, 1, 12, 13)),
        changed=lambda name, data: content if name == "ImageAttributesLV!" else data,
    )

    assert told in reason(place)


def test_metadata_that_are_packed_are_read(tmp_path: Path) -> None:
    place = written_nd2(
        tmp_path / "a.nd2",
        image(SMALL),
        changed=lambda name, data: packed_record(data) if "LV" in name else data,
    )

    assert only(place).iscc == code_of(walked(image(SMALL)[0]))


def test_metadata_that_lie_in_each_other_are_not_followed_for_ever(tmp_path: Path) -> None:
    content: dict[str, Any] = {"uiWidth": 1}
    for _ in range(50):
        content = {"a": content}
    place = written_nd2(
        tmp_path / "a.nd2",
        image((1, 1, 1, 1, 12, 13)),
        changed=lambda name, data: variant(content) if name == "ImageAttributesLV!" else data,
    )

    assert reason(place) == "its metadata lie too deep in each other"
