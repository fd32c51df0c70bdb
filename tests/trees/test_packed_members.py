"""Members in bzip2 and LZMA: all their bytes or a ReadError, a small piece in memory at a time."""

import bz2
import lzma
import struct
import tracemalloc
import zipfile
import zlib
from pathlib import Path
from random import Random

import pytest

from crate_iscc.errors import ReadError
from crate_iscc.sources import read_all
from crate_iscc.sources.zip import ZipTree

MIB = 1 << 20
NOISE = Random(7).randbytes(150_000)
METHODS = {"bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())


def lzma_stream(content: bytes, *, dictionary: int = 1 << 16) -> bytes:
    """Return a member in LZMA: version, size of the properties, these, and the raw stream."""
    filters = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 16, "lc": 3, "lp": 0, "pb": 2}]
    stream = lzma.compress(content, lzma.FORMAT_RAW, filters=filters)
    return struct.pack("<BBHBI", 9, 4, 5, 3 + 9 * 5 * 2, dictionary) + stream


def packed(method: int, content: bytes) -> bytes:
    """Return the bytes of a member as they stand in a zip."""
    return bz2.compress(content) if method == zipfile.ZIP_BZIP2 else lzma_stream(content)


def write_member(
    place: Path, method: int, stream: bytes, size: int, crc: int, *, flags: int = 0x2
) -> Path:
    """Write an archive with one member `a`; the flag says of LZMA that its end is marked."""
    fields = (63, flags, method, 0, 33, crc, len(stream), size, 1)
    local = b"PK\x03\x04" + struct.pack("<5H3I2H", *fields, 0) + b"a" + stream
    central = b"PK\x01\x02" + struct.pack("<H", 63) + struct.pack("<5H3I2H", *fields, 0)
    central += struct.pack("<3H2I", 0, 0, 0, 0, 0) + b"a"
    end = struct.pack("<4H2IH", 0, 0, 1, 1, len(central), len(local), 0)
    place.write_bytes(local + central + b"PK\x05\x06" + end)
    return place


def content_of(place: Path) -> bytes:
    """Return the bytes of the only member."""
    with ZipTree(place) as tree:
        return read_all(tree, tree.listing().entries[0])


@each_method
@pytest.mark.parametrize("content", [b"", b"1", NOISE, bytes(3 * MIB)], ids=len)
def test_a_packed_member_gives_its_bytes(method: int, content: bytes, tmp_path: Path) -> None:
    """As Python's own reader gives them."""
    stream = packed(method, content)
    place = write_member(tmp_path / "a.zip", method, stream, len(content), zlib.crc32(content))

    assert content_of(place) == content
    with zipfile.ZipFile(place) as archive:
        assert archive.read("a") == content


@each_method
def test_a_packed_bomb_takes_little_memory(method: int, tmp_path: Path) -> None:
    """A member of 64 MiB in a few KiB is read with less than 1 MiB beside the reader's buffer."""
    content = bytes(64 * MIB)
    place = write_member(
        tmp_path / "a.zip", method, packed(method, content), len(content), zlib.crc32(content)
    )
    del content
    assert place.stat().st_size < 16_000
    buffer = memoryview(bytearray(1 << 16))
    with ZipTree(place) as tree:
        entry = tree.listing().entries[0]
        tracemalloc.start()
        try:
            stream = tree.open(entry)
            total = sum(iter(lambda: stream.readinto(buffer), 0))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert total == 64 * MIB
    assert peak < MIB


@each_method
@pytest.mark.parametrize("claimed", [0, 5, len(NOISE) - 1, len(NOISE) + 1])
def test_a_packed_member_of_another_size_is_a_read_error(
    method: int, claimed: int, tmp_path: Path
) -> None:
    """It gives neither more nor fewer bytes than the archive says."""
    stream = packed(method, NOISE)
    place = write_member(tmp_path / "a.zip", method, stream, claimed, zlib.crc32(NOISE))

    with pytest.raises(ReadError, match=r"a: it holds (more|fewer) bytes"):
        content_of(place)


@each_method
def test_a_packed_stream_that_is_cut_or_changed_is_a_read_error(
    method: int, tmp_path: Path
) -> None:
    """Wherever it is cut, and whichever byte is another one."""
    content = b"some text, " * 20
    stream = packed(method, content)
    damaged = [stream[:size] for size in range(len(stream))]
    for number in range(len(stream)):
        changed = bytearray(stream)
        changed[number] ^= 0x55
        damaged.append(bytes(changed))
    for number, bad in enumerate(damaged):
        place = write_member(tmp_path / "a.zip", method, bad, len(content), zlib.crc32(content))
        try:
            found = content_of(place)
        except ReadError:
            continue
        assert found == content, number  # a byte that says nothing: of the version, say
        assert number >= len(stream)


@each_method
def test_bytes_behind_a_packed_stream_are_a_read_error(method: int, tmp_path: Path) -> None:
    """Nothing can hide between the end of a stream and the next member."""
    stream = packed(method, NOISE) + b"hidden"
    place = write_member(tmp_path / "a.zip", method, stream, len(NOISE), zlib.crc32(NOISE))

    with pytest.raises(ReadError, match="a: other bytes follow"):
        content_of(place)


@pytest.mark.parametrize("content", [b"", b"1", NOISE], ids=len)
@pytest.mark.parametrize("cut", [0, 3])
def test_an_lzma_stream_without_a_mark_ends_with_its_size(
    content: bytes, cut: int, tmp_path: Path
) -> None:
    """APPNOTE 6.3.10, section 4.4.4: bit 1 says whether the end is marked."""
    stream = lzma_stream(content)
    stream = stream[: len(stream) - cut]
    place = write_member(
        tmp_path / "a.zip", zipfile.ZIP_LZMA, stream, len(content), zlib.crc32(content), flags=0
    )

    assert content_of(place) == content


@pytest.mark.parametrize("head", [b"\x09\x04\x04\x00", b"\x09\x04\x05\x00\xe1", b"\x09\x04"])
def test_odd_properties_of_lzma_are_a_read_error(head: bytes, tmp_path: Path) -> None:
    """A length that is not theirs, and a number that stands for none."""
    stream = head + lzma_stream(b"x")[len(head) :] if len(head) > 2 else head
    place = write_member(tmp_path / "a.zip", zipfile.ZIP_LZMA, stream, 1, zlib.crc32(b"x"))

    with pytest.raises(ReadError, match="a: its compressed bytes"):
        content_of(place)


def test_an_lzma_dictionary_for_which_there_is_no_memory_is_no_crash(tmp_path: Path) -> None:
    """A member that asks for 4 GiB gives its bytes, where they can be had, or a ReadError."""
    stream = lzma_stream(NOISE, dictionary=0xFFFFFFFF)
    place = write_member(
        tmp_path / "a.zip", zipfile.ZIP_LZMA, stream, len(NOISE), zlib.crc32(NOISE)
    )
    try:
        found = content_of(place)
    except ReadError:
        return
    assert found == NOISE
