"""A deflated member gives exactly its bytes or a ReadError, and takes little memory for it."""

import os
import struct
import tracemalloc
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.errors import ReadError
from crate_iscc.sources import chunks, read_all
from crate_iscc.sources.inflating import INFLATERS, Inflater
from crate_iscc.sources.zip import ZipTree

MIB = 1 << 20
INPUT = 1 << 16  # compressed bytes that are taken at a time
TEXT = b"".join(b"%d lines of text, %d\n" % (n, n * n % 97) for n in range(40_000))
NOISE = Random(5).randbytes(200_000)

pytestmark = pytest.mark.parametrize("inflater", INFLATERS, ids=lambda inflater: inflater.name)


def deflated(content: bytes, level: int = 6, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    """Return a raw deflate stream."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    return packer.compress(content) + packer.flush()


def write_members(
    place: Path, members: dict[str, tuple[bytes, int, int]], *, extra: bytes = b""
) -> Path:
    """Write an archive of deflate streams, with any size and CRC-32 said of each."""
    body, directory = bytearray(), bytearray()
    for name, (stream, size, crc) in members.items():
        path = name.encode()
        fields = (20, 0x800, zipfile.ZIP_DEFLATED, 0, 33, crc, len(stream), size, len(path))
        place_of = len(body)
        body += b"PK\x03\x04" + struct.pack("<5H3I2H", *fields, len(extra)) + path + extra + stream
        directory += b"PK\x01\x02" + struct.pack("<H", 20) + struct.pack("<5H3I2H", *fields, 0)
        directory += struct.pack("<3H2I", 0, 0, 0, 0, place_of) + path
    count = len(members)
    end = struct.pack("<4H2IH", 0, 0, count, count, len(directory), len(body), 0)
    place.write_bytes(body + directory + b"PK\x05\x06" + end)
    return place


def honest(content: bytes, level: int = 6) -> tuple[bytes, int, int]:
    """Return a member as it should be."""
    return deflated(content, level), len(content), zlib.crc32(content)


def read_member(place: Path, inflater: Inflater, size: int = MIB, *, crc: bool = True) -> bytes:
    """Return the bytes of the member `a`, read in pieces of at most `size`."""
    with ZipTree(place, inflater=inflater, crc=crc) as tree:
        entry = tree.listing().entries.get("a")
        assert entry is not None
        return b"".join(chunks(tree.open(entry), size))


# --- what is whole is read ----------------------------------------------------------------------


@pytest.mark.parametrize("level", range(10))
@pytest.mark.parametrize("content", [TEXT, NOISE, bytes(300_000), b"", b"x"])
def test_every_level_gives_the_bytes_that_zipfile_gives(
    content: bytes, level: int, inflater: Inflater, tmp_path: Path
) -> None:
    """Whatever level a member was compressed at, its bytes are those that zipfile reads."""
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        archive.writestr("a", content)

    with zipfile.ZipFile(place) as archive:
        assert read_member(place, inflater) == archive.read("a") == content


@given(
    parts=st.lists(st.tuples(st.binary(max_size=400), st.integers(1, 300)), max_size=6),
    level=st.integers(0, 9),
    strategy=st.sampled_from(
        [zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED]
    ),
    flush=st.sampled_from([zlib.Z_NO_FLUSH, zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH]),
    size=st.integers(1, 5) | st.integers(1, 300_000),
)
def test_any_deflate_stream_gives_its_bytes(
    parts: list[tuple[bytes, int]],
    level: int,
    strategy: int,
    flush: int,
    size: int,
    inflater: Inflater,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Members of any content, in any kind of blocks, read in any pieces, give their bytes."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    stream = b"".join(
        packer.compress(part * times) + packer.flush(flush) if flush else packer.compress(part)
        for part, times in parts
    )
    stream += packer.flush()
    content = zlib.decompress(stream, -15)
    place = tmp_path_factory.mktemp("any") / "a.zip"
    write_members(place, {"a": (stream, len(content), zlib.crc32(content))})

    assert read_member(place, inflater, max(size, len(content) // 500)) == content


@pytest.mark.parametrize("delta", range(-12, 13))
def test_a_stream_that_ends_where_reading_pauses_is_whole(
    delta: int, inflater: Inflater, tmp_path: Path
) -> None:
    """A member as long as the bytes that are read at a time, or nearly, gives its bytes."""
    for pieces in (1, 2):
        stored_blocks = 5 * (pieces + 1)
        content = NOISE[: pieces * INPUT - stored_blocks + delta]
        place = write_members(tmp_path / "a.zip", {"a": honest(content, level=0)})

        assert read_member(place, inflater) == content


@pytest.mark.parametrize("length", [0, 63, 64, 65, 5000, 65_535])
def test_extra_fields_of_any_length_are_skipped(
    length: int, inflater: Inflater, tmp_path: Path
) -> None:
    """However long the extra fields of a local header are, the bytes behind them are read."""
    extra = (struct.pack("<HH", 0x9999, max(length - 4, 0)) + bytes(length))[:length]
    for content in (b"small", TEXT, NOISE):
        place = write_members(tmp_path / "a.zip", {"a": honest(content)}, extra=extra)

        assert read_member(place, inflater) == content


def test_blocks_without_bytes_are_passed_over(inflater: Inflater, tmp_path: Path) -> None:
    """A stream of many empty blocks, more than are read at a time, goes on behind them."""
    empty = b"\x00\x00\x00\xff\xff" * 50_000
    content = b"behind"
    stream = empty + deflated(content)
    place = write_members(tmp_path / "a.zip", {"a": (stream, 6, zlib.crc32(content))})

    assert read_member(place, inflater) == content


def test_many_threads_inflate_side_by_side(inflater: Inflater, tmp_path: Path) -> None:
    """Threads that read large and small members at once, in other pieces, get their own bytes."""
    random = Random(8)
    files = {
        f"m{n}": (TEXT[n:] + NOISE)[: random.choice([10, 5000, 70_000, 900_000])] for n in range(60)
    }
    place = write_members(
        tmp_path / "a.zip", {name: honest(content, 1) for name, content in files.items()}
    )
    with ZipTree(place, inflater=inflater) as tree:
        work = [(entry, random.randrange(1000, 400_000)) for entry in tree.listing().entries] * 4
        with ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda task: b"".join(chunks(tree.open(task[0]), task[1])), work))

    assert found == [files[entry.path] for entry, _ in work]


# --- memory stays bounded -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def bomb() -> tuple[bytes, int, int]:
    """Return a member of 100 MiB in 100 KiB."""
    packer, crc = zlib.compressobj(6, zlib.DEFLATED, -15), 0
    stream = bytearray()
    for _ in range(100):
        stream += packer.compress(bytes(MIB))
        crc = zlib.crc32(bytes(MIB), crc)
    return bytes(stream + packer.flush()), 100 * MIB, crc


@pytest.mark.parametrize("size", [1 << 14, 32 * MIB])
def test_a_bomb_takes_little_memory(
    size: int, bomb: tuple[bytes, int, int], inflater: Inflater, tmp_path: Path
) -> None:
    """A member of 100 MiB in 100 KiB is read with less than 1 MiB beside the reader's buffer."""
    place = write_members(tmp_path / "a.zip", {"a": bomb})
    buffer = memoryview(bytearray(size))
    with ZipTree(place, inflater=inflater) as tree:
        entry = tree.listing().entries[0]
        tracemalloc.start()
        try:
            stream = tree.open(entry)
            total = sum(iter(lambda: stream.readinto(buffer), 0))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert total == 100 * MIB
    assert peak < MIB


@pytest.mark.parametrize("claimed", [0, 5, MIB])
def test_a_bomb_that_claims_to_be_small_is_noticed_at_once(
    claimed: int, bomb: tuple[bytes, int, int], inflater: Inflater, tmp_path: Path
) -> None:
    """A member that holds far more than the archive says gives no byte above that."""
    place = write_members(tmp_path / "a.zip", {"a": (bomb[0], claimed, 0)})
    given = bytearray()
    with ZipTree(place, inflater=inflater) as tree:
        stream = tree.open(tree.listing().entries[0])
        with pytest.raises(ReadError, match="a: it holds more bytes than the archive gives it"):
            given.extend(b"".join(chunks(stream)))
        buffer = memoryview(bytearray(MIB))
        with pytest.raises(ReadError, match="a: it holds more bytes than the archive gives it"):
            stream.readinto(buffer)

    assert len(given) <= claimed


# --- what is not whole is a ReadError -----------------------------------------------------------


def test_a_stream_that_is_cut_anywhere_is_a_read_error(inflater: Inflater, tmp_path: Path) -> None:
    """A deflate stream without its last bytes is a ReadError, wherever it ends."""
    content = TEXT[:3000]
    stream, size, crc = honest(content)
    for length in range(len(stream)):
        place = write_members(tmp_path / "a.zip", {"a": (stream[:length], size, crc)})

        with pytest.raises(ReadError, match="a: its compressed bytes end too early"):
            read_member(place, inflater)


def test_a_stream_without_its_last_block_is_a_read_error(
    inflater: Inflater, tmp_path: Path
) -> None:
    """A stream that gives every byte and never says that it ends is a ReadError."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    stream = packer.compress(TEXT) + packer.flush(zlib.Z_SYNC_FLUSH)
    place = write_members(tmp_path / "a.zip", {"a": (stream, len(TEXT), zlib.crc32(TEXT))})

    for size in (MIB, 1000, len(TEXT)):
        with pytest.raises(ReadError, match="a: its compressed bytes end too early"):
            read_member(place, inflater, size)


def test_an_empty_member_without_a_stream_is_a_read_error(
    inflater: Inflater, tmp_path: Path
) -> None:
    """A deflated member of no compressed bytes at all is damaged, as unzip says too."""
    place = write_members(tmp_path / "a.zip", {"a": (b"", 0, 0)})

    with pytest.raises(ReadError, match="a: its compressed bytes end too early"):
        read_member(place, inflater)


@pytest.mark.parametrize("garbage", [b"\0", b"12345678", deflated(b"more"), bytes(70_000)])
@pytest.mark.parametrize("content", [b"", b"abc", TEXT, NOISE[: INPUT - 5], NOISE])
def test_bytes_behind_a_stream_are_a_read_error(
    content: bytes, garbage: bytes, inflater: Inflater, tmp_path: Path
) -> None:
    """A member with more compressed bytes than its stream has is a ReadError."""
    for level in (0, 6):
        stream, size, crc = honest(content, level)
        place = write_members(tmp_path / "a.zip", {"a": (stream + garbage, size, crc)})

        for piece in (MIB, max(1, size), 4999):
            with pytest.raises(ReadError, match="a: other bytes follow its compressed bytes"):
                read_member(place, inflater, piece)


@pytest.mark.parametrize("delta", range(-12, 13))
def test_bytes_behind_a_stream_are_seen_where_reading_pauses(
    delta: int, inflater: Inflater, tmp_path: Path
) -> None:
    """One byte too many is noticed wherever the bytes that are read at a time end."""
    content = NOISE[: INPUT - 10 + delta]
    for level in (0, 6):
        stream, size, crc = honest(content, level)
        place = write_members(tmp_path / "a.zip", {"a": (stream + b"!", size, crc)})

        with pytest.raises(ReadError, match="a: other bytes follow its compressed bytes"):
            read_member(place, inflater)


@pytest.mark.parametrize("content", [b"x", TEXT, NOISE])
def test_another_size_than_the_archive_gives_is_a_read_error(
    content: bytes, inflater: Inflater, tmp_path: Path
) -> None:
    """A member of more or fewer bytes than its archive says is a ReadError that says which."""
    stream, size, crc = honest(content)
    for wrong, cause in (
        (0, "more"),
        (size - 1, "more"),
        (size + 1, "fewer"),
        (size * 2, "fewer"),
        ((1 << 32) - 2, "fewer"),
    ):
        place = write_members(tmp_path / "a.zip", {"a": (stream, wrong, crc)})

        for piece in (MIB, size, max(1, size - 1)):
            with pytest.raises(ReadError, match=f"it holds {cause} bytes than the archive gives"):
                read_member(place, inflater, piece)


@pytest.mark.parametrize("crc", [True, False])
@pytest.mark.parametrize("content", [b"", b"x", TEXT, NOISE])
def test_a_wrong_crc_is_a_read_error(
    content: bytes, crc: bool, inflater: Inflater, tmp_path: Path
) -> None:
    """A member whose CRC-32 is another is a ReadError, whether its CRC is asked for or not."""
    stream, size, right = honest(content)
    place = write_members(tmp_path / "a.zip", {"a": (stream, size, right ^ 1)})

    for piece in (MIB, max(1, size), 4999):
        with pytest.raises(ReadError, match="a: its CRC-32 is wrong: it is damaged"):
            read_member(place, inflater, piece, crc=crc)


def test_a_damaged_member_leaves_the_others_as_they_are(inflater: Inflater, tmp_path: Path) -> None:
    """Between two damaged members a whole one is read."""
    bad = (b"\xff" + deflated(TEXT), len(TEXT), zlib.crc32(TEXT))
    place = write_members(tmp_path / "a.zip", {"0": bad, "a": honest(TEXT), "b": bad})

    with ZipTree(place, inflater=inflater) as tree:
        first, whole, last = tree.listing().entries
        assert read_all(tree, whole) == TEXT
        for entry in (first, last):
            with pytest.raises(ReadError, match=f"{entry.path}: its compressed bytes are damaged"):
                read_all(tree, entry)


@given(data=st.data())
def test_no_damage_of_a_stream_gives_other_bytes(
    data: st.DataObject, inflater: Inflater, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes of a deflate stream change, the member gives its bytes or a ReadError."""
    content = TEXT[:2000] + NOISE[:200] + bytes(3000)
    stream, size, crc = honest(content, data.draw(st.integers(0, 9), "level"))
    raw = bytearray(stream)
    for _ in range(data.draw(st.integers(1, 3), "changes")):
        raw[data.draw(st.integers(0, len(raw) - 1), "offset")] = data.draw(st.integers(0, 255))
    place = tmp_path_factory.mktemp("damage") / "a.zip"
    write_members(place, {"a": (bytes(raw), size, crc)})

    try:
        found = read_member(place, inflater, data.draw(st.integers(1, 9000), "size"))
    except ReadError:
        return
    assert found == content


@pytest.mark.deep
def test_a_member_above_four_gib_is_read(inflater: Inflater, tmp_path: Path) -> None:
    """A member whose sizes need zip64 gives all of its bytes."""
    place = tmp_path / "a.zip"
    piece = os.urandom(1 << 10) + bytes(MIB - (1 << 10))
    with (
        zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a", "w", force_zip64=True) as member,
    ):
        for _ in range(4100):
            member.write(piece)

    with ZipTree(place, inflater=inflater) as tree:
        stream = tree.open(tree.listing().entries[0])
        buffer = memoryview(bytearray(MIB))
        total = sum(iter(lambda: stream.readinto(buffer), 0))

    assert total == 4100 * MIB
