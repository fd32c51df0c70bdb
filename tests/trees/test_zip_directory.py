"""The directory of a zip says what zipfile reads from it, or is refused: an oracle beside ours."""

import io
import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from zipfile import BadZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.errors import InputError, ReadError
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.sources import read_all
from crate_iscc.sources.zip import ZipTree
from crate_iscc.sources.zip_directory import Member, ZipDirectory, read_directory

UTF8 = 0x800
MAX_32 = 0xFFFF_FFFF


def read(raw: bytes) -> ZipDirectory:
    return read_directory(io.BytesIO(raw))


def by_zipfile(raw: bytes) -> tuple[list[Member], int]:
    """Return the members of an archive, and where its directory starts, as zipfile says."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = [
            Member(
                info.orig_filename.encode("utf-8" if info.flag_bits & UTF8 else "cp437"),
                info.orig_filename,
                info.flag_bits,
                info.compress_type,
                info.CRC,
                info.compress_size,
                info.file_size,
                info.external_attr,
                info.header_offset,
            )
            for info in archive.infolist()
        ]
        return members, archive.start_dir


# --- archives that are made here, byte for byte -------------------------------------------------


@dataclass(frozen=True, slots=True)
class Written:
    """What is written of one member; numbers of more than 32 bits go to a zip64 extra field."""

    name: bytes = b"a"
    flags: int = 0
    method: int = 0
    crc: int = 0
    packed: int = 0
    size: int = 0
    offset: int = 0
    attributes: int = 0
    before: bytes = b""
    after: bytes = b""
    comment: bytes = b""
    version: int = 20

    def record(self) -> bytes:
        numbers = (self.size, self.packed, self.offset)
        wide = b"".join(struct.pack("<Q", n) for n in numbers if n >= MAX_32)
        zip64 = struct.pack("<HH", 1, len(wide)) + wide if wide else b""
        extra = self.before + zip64 + self.after
        size, packed, offset = (min(n, MAX_32) for n in numbers)
        lengths = len(self.name), len(extra), len(self.comment)
        head = struct.pack(
            "<4sBBHHHHHLLLHHHHHLL",
            b"PK\x01\x02", 63, 3, self.version, self.flags, self.method, 1, 2, self.crc,
            packed, size, *lengths, 0, 0, self.attributes, offset,
        )  # fmt: skip
        return head + self.name + extra + self.comment


def archive_of(
    members: Iterable[Written],
    *,
    body: bytes = b"",
    prefix: bytes = b"",
    comment: bytes = b"",
    wide: bool = False,
    count: int | None = None,
    missing: int = 0,
    disk: int = 0,
    following: int = 44,
) -> bytes:
    """Return an archive with a body: its directory, its end, and so many bytes lost before."""
    records = [member.record() for member in members]
    directory, offset = b"".join(records), len(body) + missing
    count = len(records) if count is None else count
    numbers = disk, 0, count, count, len(directory), offset
    end64 = b""
    if wide:
        end64 = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", following, 45, 45, *numbers)
        end64 += struct.pack("<4sLQL", b"PK\x06\x07", 0, offset + len(directory), 1)
        numbers = 0, 0, 0xFFFF, 0xFFFF, MAX_32, MAX_32
    end = struct.pack("<4sHHHHLLH", b"PK\x05\x06", *numbers, len(comment))
    return prefix + body + directory + end64 + end + comment


extras = st.lists(
    st.tuples(st.sampled_from([0x5455, 0x7875, 0xCAFE, 0x9901]), st.binary(max_size=12)), max_size=2
).map(lambda fields: b"".join(struct.pack("<HH", k, len(b)) + b for k, b in fields))
word = st.integers(0, MAX_32)
number = st.integers(0, 1 << 40) | st.sampled_from([MAX_32 - 1, MAX_32, MAX_32 + 1, (1 << 64) - 1])
names = st.tuples(st.just(UTF8), st.text(max_size=12).map(lambda t: t.encode("utf-8", "replace")))
names |= st.tuples(st.just(0), st.binary(max_size=12))


@st.composite
def written(draw: st.DrawFn) -> Written:
    flag, name = draw(names)
    return Written(
        name,
        flag | draw(st.sampled_from([0, 1, 8, 0x2000])),
        draw(st.integers(0, 99)),
        draw(word),
        draw(number),
        draw(number),
        draw(number),
        draw(word),
        draw(extras),
        draw(extras),
        draw(st.binary(max_size=8)),
        draw(st.sampled_from([10, 20, 45, 63])),
    )


@given(
    st.lists(written(), max_size=5),
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.binary(max_size=30),
    st.booleans(),
)
def test_a_directory_is_read_as_zipfile_reads_it(
    members: list[Written], body: bytes, prefix: bytes, comment: bytes, wide: bool
) -> None:
    """Names in UTF-8 and in code page 437, zip64, extra fields, comments, and bytes before it all.

    APPNOTE 6.3.10, 4.3.12 to 4.3.16, 4.5.3 and appendix D.
    """
    raw = archive_of(members, body=body, prefix=prefix, comment=comment, wide=wide)

    found = read(raw)

    assert (list(found.members), found.start) == by_zipfile(raw)
    assert found.prefix == len(prefix)
    assert [member.raw_name for member in found.members] == [member.name for member in members]
    assert [(m.file_size, m.compress_size) for m in found.members] == [
        (member.size, member.packed) for member in members
    ]


# --- archives that others make ------------------------------------------------------------------


class _Pipe(io.RawIOBase):
    """What zipfile cannot go back in, so that sizes follow the bytes (data descriptors)."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self.written += piece
        return len(piece)


CONTENT: Mapping[str, bytes] = {
    "a": b"first " * 40,
    "sub/ü.bin": Random(5).randbytes(90),
    "empty": b"",
}


def zipped(
    compression: int = zipfile.ZIP_DEFLATED, *, piped: bool = False, comment: bytes = b""
) -> bytes:
    """Return an archive as zipfile writes it."""
    pipe, file = _Pipe(), io.BytesIO()
    with zipfile.ZipFile(pipe if piped else file, "w", compression) as archive:
        for name, content in CONTENT.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            info.comment = b"of a member"
            info.extra = struct.pack("<HH3s", 0x5455, 3, b"abc")
            archive.writestr(info, content)
        archive.comment = comment
    return bytes(pipe.written) if piped else file.getvalue()


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_an_archive_of_zipfile_is_read(compression: int, piped: bool, tmp_path: Path) -> None:
    """The directory is the same, and each member gives its bytes, in whatever compression."""
    raw = zipped(compression, piped=piped, comment=b"a comment")
    (tmp_path / "a.zip").write_bytes(raw)

    found = read(raw)

    assert (list(found.members), found.start) == by_zipfile(raw)
    with ZipTree(tmp_path / "a.zip") as tree:
        assert {e.path: read_all(tree, e) for e in tree.listing().entries} == CONTENT


def test_more_members_than_sixteen_bits_count_are_read() -> None:
    """Without a 64-bit end record, as some writers have it, the count is cut to 16 bits."""
    members = [Written(b"%d" % n) for n in range(65_537)]

    for raw in (archive_of(members, count=1), archive_of(members, wide=True)):
        assert len(read(raw).members) == 65_537


# --- what is refused ----------------------------------------------------------------------------

ONE = [Written()]
ZIP64_FIELD = struct.pack("<HHQ", 1, 8, 7)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no end"),
        (b"PK\x05\x06", "no end"),
        (bytes(100), "no end"),
        (archive_of(ONE)[46:], "before the file"),
        (archive_of(ONE, count=2), "has 1 members, its end says 2"),
        (archive_of(ONE, count=2, wide=True), "has 1 members, its end says 2"),
        (archive_of(ONE, disk=1), "part of several"),
        (archive_of(ONE, disk=1, wide=True), "part of several"),
        (archive_of(ONE, following=45, wide=True), "contradicts itself"),
        (archive_of(ONE, wide=True).replace(b"PK\x06\x06", b"PK\0\0"), "not where it should be"),
        (archive_of(ONE).replace(b"PK\x01\x02", b"PK\x01\x03"), "is damaged"),
        (archive_of([Written(version=64)]), "version 6.4"),
        (archive_of([Written(b"\xff", UTF8)]), "not the UTF-8"),
        (archive_of([Written(before=b"\x55\x54\x05\0ab")]), "0x5455 is cut"),
        (archive_of([Written(size=MAX_32, packed=MAX_32, before=ZIP64_FIELD)]), "is missing"),
    ],
)
def test_what_contradicts_itself_is_refused(raw: bytes, why: str) -> None:
    """With the reason, where zipfile may choose one of two readings."""
    with pytest.raises(BadZipFile, match=why):
        read(raw)


@pytest.mark.parametrize("length", range(24, 30, 2))
def test_a_length_that_leads_out_of_the_directory_is_refused(length: int) -> None:
    """Of the name, of the extra fields, and of the comment: zipfile gives a cut name then."""
    raw = bytearray(archive_of(ONE))
    raw[length + 4] += 1

    with pytest.raises(BadZipFile, match="directory is cut"):
        read(bytes(raw))


def damaged_archives(masks: Iterable[int]) -> Iterator[bytes]:
    """Yield every truncation of archives, and changes of each byte from their directory on."""
    plain = zipped(comment=b"end")
    wide = archive_of([Written(b"\x81", 0, 8, 5, 1 << 33, 1 << 34, 1 << 35), *ONE], wide=True)
    for raw in (plain, wide):
        yield from (raw[:size] for size in range(len(raw)))
        for at in range(read(raw).start, len(raw)):
            for mask in masks:
                changed = bytearray(raw)
                changed[at] ^= mask
                yield bytes(changed)


def test_a_damaged_directory_is_read_as_zipfile_reads_it_or_refused() -> None:
    """No damage gives other members than zipfile's, and none is believed that zipfile refuses."""
    read_all_the_same = refused = 0
    for raw in damaged_archives([1 << bit for bit in range(8)]):
        try:
            found = read(raw)
        except BadZipFile:
            refused += 1
        else:
            assert (list(found.members), found.start) == by_zipfile(raw)
            read_all_the_same += 1

    assert read_all_the_same > 1000
    assert refused > 1000


def test_a_tree_of_a_damaged_zip_fails_in_one_of_two_ways(tmp_path: Path) -> None:
    """It is refused as a whole, or its members give their bytes or an error of their own."""
    place = tmp_path / "damaged.zip"
    causes: set[str | None] = set()
    for raw in damaged_archives([0x01, 0xFF]):
        place.write_bytes(raw)
        try:
            tree = ZipTree(place)
        except InputError as error:
            causes.add(error.cause)
            continue
        with tree:
            for entry in tree.listing().entries:
                try:
                    content = read_all(tree, entry)
                except ReadError:
                    continue
                assert content in CONTENT.values()
    assert all(causes)
    assert len(causes) > 5


HIDDEN = struct.pack("<4s22xHH", b"PK\x03\x04", 1, 0) + b"a" + b"evil"
"""A local header of a stored member `a`, and its bytes."""


@pytest.mark.parametrize("crc", [False, True], ids=["mapped", "streamed"])
@pytest.mark.parametrize(
    "raw",
    [
        archive_of([Written(packed=4, size=4)], comment=HIDDEN, missing=len(HIDDEN)),
        archive_of(
            [
                Written(packed=1 << 19, size=1 << 19, offset=10 + 47 + 47 + 22),
                Written(b"b", offset=MAX_32 - 1),
            ],
            body=bytes(10),
            comment=HIDDEN,
        ),
    ],
    ids=["before the file", "behind the directory"],
)
def test_a_member_that_lies_nowhere_is_unread(raw: bytes, crc: bool, tmp_path: Path) -> None:
    """Its header, counted from the end of the file or behind the directory, is none of a member."""
    place = tmp_path / "a.zip"
    place.write_bytes(raw)

    with ZipTree(place, crc=crc) as tree:
        entries = tree.listing().entries
        refused = [item.path for item in tree.listing().refused]
        table, unread = hash_files(tree, entries, DatahashKernel(), step="reading")

    assert (entries.get("a") is None) is ("a" in refused)
    assert not table
    assert len(unread) == len(entries)
