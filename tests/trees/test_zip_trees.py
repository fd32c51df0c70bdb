"""A zip gives only members that are safe and whole; what is wrong with one is said by name."""

import os
import shutil
import stat
import struct
import subprocess
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.entries import Entry
from crate_iscc.errors import InputError, ReadError
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.choosing import kernel
from crate_iscc.paths import CratePath
from crate_iscc.sources import Tree, read_all
from crate_iscc.sources.zip import ZipTree

MakeZip = Callable[..., Path]
LARGE = Random(11).randbytes(3 << 20)
COMPRESSIONS = pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"]
)
OVERLAP = "its bytes overlap others in the archive"
BASE = {"a.txt": b"hello" * 100, "sub/ü.bin": Random(2).randbytes(300), "empty": b""}


def listed(tree: Tree) -> set[str]:
    """Return the paths of the files of a tree."""
    return {entry.path for entry in tree.listing().entries}


def refused(tree: Tree) -> dict[str, str]:
    """Return the refused paths of a tree with their reasons."""
    return {item.path: item.reason for item in tree.listing().refused}


def entry_of(tree: Tree, path: str) -> Entry:
    """Return the entry of a path."""
    return next(entry for entry in tree.listing().entries if entry.path == path)


def with_member(place: Path, name: str, content: bytes = b"x", *, mode: int = 0) -> Path:
    """Append a member to an archive, with a Unix file mode."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = info.orig_filename = name
    info.create_system = 3
    info.external_attr = mode << 16
    with warnings.catch_warnings(), zipfile.ZipFile(place, "a") as archive:
        warnings.simplefilter("ignore")  # zipfile warns of a second member of one name
        archive.writestr(info, content)
    return place


def data_offset(place: Path, path: str) -> int:
    """Return where the bytes of a member start in the archive."""
    with zipfile.ZipFile(place) as archive:
        start = archive.getinfo(path).header_offset
    raw = place.read_bytes()
    name_size, extra_size = struct.unpack_from("<HH", raw, start + 26)
    return int(start + 30 + name_size + extra_size)


def flip(place: Path, offset: int, mask: int = 0xFF) -> None:
    """Change the byte at an offset."""
    raw = bytearray(place.read_bytes())
    raw[offset] ^= mask
    place.write_bytes(raw)


# --- members that are refused -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../outside", "the path leads out of its folder"),
        ("sub/../../outside", "the path leads out of its folder"),
        ("sub/..", "the path leads out of its folder"),
        ("..", "the path leads out of its folder"),
        ("/etc/passwd", "the path is absolute"),
        ("//host/share", "the path is absolute"),
        (r"..\outside", "the path leads out of its folder where a backslash is a slash"),
        (r"a\..\..\b", "the path leads out of its folder where a backslash is a slash"),
        (r"\\host\share", "the path is absolute where a backslash is a slash"),
        ("C:/outside", "the path starts with a drive"),
        (r"c:\outside", "the path starts with a drive"),
        ("../", "the path leads out of its folder"),
        ("/", "the path is absolute"),
    ],
)
def test_a_name_that_leads_outside_is_refused(name: str, reason: str, make_zip: MakeZip) -> None:
    """A member whose name is no path inside the crate is refused by name, never opened."""
    place = with_member(make_zip({"good": b"1"}), name)

    with ZipTree(place) as tree:
        assert refused(tree) == {name: reason}
        assert listed(tree) == {"good"}
        with pytest.raises(ReadError):
            tree.open(Entry(CratePath(name), 1))


def test_a_nul_in_a_name_is_refused(make_zip: MakeZip) -> None:
    """A name with a NUL, which readers cut at different places, is refused and shown escaped."""
    place = make_zip({"good": b"1", "bad!name": b"2"})
    place.write_bytes(place.read_bytes().replace(b"bad!name", b"bad\0name"))

    with ZipTree(place) as tree:
        assert refused(tree) == {r"bad\x00name": "the path holds a NUL character"}
        assert listed(tree) == {"good"}


@pytest.mark.parametrize("target", [b"good", b"../../etc/passwd", b"nowhere"])
def test_a_link_in_a_zip_is_refused(target: bytes, make_zip: MakeZip) -> None:
    """A symbolic link in an archive is refused whatever it leads to."""
    place = with_member(make_zip({"good": b"1"}), "link", target, mode=stat.S_IFLNK | 0o777)

    with ZipTree(place) as tree:
        assert refused(tree) == {"link": "a symbolic link, which is not followed"}
        assert listed(tree) == {"good"}


@pytest.mark.skipif(shutil.which("zip") is None, reason="the zip command is not installed")
def test_a_link_that_the_zip_command_stored_is_refused(tmp_path: Path) -> None:
    """A link that `zip -y` stored as a link is refused, and no file is listed for it."""
    (tmp_path / "good").write_bytes(b"1")
    (tmp_path / "link").symlink_to("good")
    subprocess.run(["zip", "-q", "-r", "-y", "a.zip", "good", "link"], check=True, cwd=tmp_path)

    with ZipTree(tmp_path / "a.zip") as tree:
        assert refused(tree) == {"link": "a symbolic link, which is not followed"}
        assert listed(tree) == {"good"}


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR, stat.S_IFBLK])
def test_what_is_no_regular_member_is_refused(kind: int, make_zip: MakeZip) -> None:
    """A pipe, a socket or a device in an archive is refused."""
    place = with_member(make_zip({"good": b"1"}), "odd", mode=kind | 0o600)

    with ZipTree(place) as tree:
        assert refused(tree) == {"odd": "not a regular file"}
        assert listed(tree) == {"good"}


@pytest.mark.parametrize("mode", [0, 0o644, stat.S_IFREG | 0o644, stat.S_IFREG])
def test_a_member_without_a_mode_is_a_regular_file(mode: int, make_zip: MakeZip) -> None:
    """Archives from systems that know no file modes are read like any other."""
    place = with_member(make_zip({"good": b"1"}), "plain", b"2", mode=mode)

    with ZipTree(place) as tree:
        assert refused(tree) == {}
        assert read_all(tree, entry_of(tree, "plain")) == b"2"


def test_a_name_that_stands_twice_is_refused(make_zip: MakeZip) -> None:
    """Two members of one name are refused once, and neither of them is listed."""
    place = with_member(make_zip({"good": b"1", "twice": b"2"}), "twice", b"3")

    with ZipTree(place) as tree:
        listing = tree.listing()

    assert [(item.path, item.reason) for item in listing.refused] == [
        ("twice", "the name stands in the archive more than once")
    ]
    assert [entry.path for entry in listing.entries] == ["good"]


def test_a_folder_that_stands_twice_is_a_folder(make_zip: MakeZip) -> None:
    """A second entry of one folder is no second file."""
    place = with_member(with_member(make_zip({"f/good": b"1", "g": b""}), "f/", b""), "f/", b"")

    with ZipTree(place) as tree:
        assert refused(tree) == {}
        assert listed(tree) == {"f/good", "g"}
        assert tree.listing().folders == ("f/",)


def test_an_encrypted_member_is_refused(make_zip: MakeZip) -> None:
    """A member with the flag of encryption is refused by name."""
    place = make_zip({"good": b"1", "secret": b"2"})
    raw = bytearray(place.read_bytes())
    with zipfile.ZipFile(place) as archive:
        raw[archive.getinfo("secret").header_offset + 6] |= 1
    central = raw.rindex(b"PK\x01\x02")
    raw[central + 8] |= 1
    place.write_bytes(raw)

    with ZipTree(place) as tree:
        assert refused(tree) == {"secret": "the member is encrypted"}
        assert listed(tree) == {"good"}


@pytest.mark.skipif(shutil.which("zip") is None, reason="the zip command is not installed")
def test_a_member_that_the_zip_command_encrypted_is_refused(tmp_path: Path) -> None:
    """What `zip -P` encrypted is refused by name."""
    (tmp_path / "secret").write_bytes(b"1")
    subprocess.run(["zip", "-q", "-P", "word", "a.zip", "secret"], check=True, cwd=tmp_path)

    with ZipTree(tmp_path / "a.zip") as tree:
        assert refused(tree) == {"secret": "the member is encrypted"}
        assert listed(tree) == set()


@pytest.mark.parametrize("name", ["ZIP_BZIP2", "ZIP_LZMA", "ZIP_ZSTANDARD"])
def test_a_rare_compression_is_read(name: str, make_zip: MakeZip) -> None:
    """Members in the compressions that few tools write are read and checked as any others."""
    if not hasattr(zipfile, name):
        pytest.skip("this Python does not know the compression")
    files = {"a": LARGE[:200_000], "empty": b"", "sub/b": b"1"}
    place = make_zip(files, compression=getattr(zipfile, name))
    assert read_members(place) == files
    flip(place, data_offset(place, "a") + 50_000)

    with pytest.raises(ReadError, match="a: "):
        read_members(place)


def test_an_unknown_compression_is_a_read_error(make_zip: MakeZip) -> None:
    """A member in a compression that Python cannot unpack is listed; its bytes are a ReadError."""
    place = make_zip({"good": b"1", "odd": b"2"})
    raw = bytearray(place.read_bytes())
    with zipfile.ZipFile(place) as archive:
        struct.pack_into("<H", raw, archive.getinfo("odd").header_offset + 8, 9)  # Deflate64
    struct.pack_into("<H", raw, raw.rindex(b"PK\x01\x02") + 10, 9)
    place.write_bytes(raw)

    with ZipTree(place) as tree:
        assert read_all(tree, entry_of(tree, "good")) == b"1"
        with pytest.raises(ReadError, match="odd"):
            read_all(tree, entry_of(tree, "odd"))


# --- the wrapping folder ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "expected", "name"),
    [
        (["top/a", "top/sub/b"], {"a", "sub/b"}, "top"),
        (["top/", "top/a"], {"a"}, "top"),
        (["top/ro-crate-metadata.json", "top/a"], {"ro-crate-metadata.json", "a"}, "top"),
        (["one/two/a"], {"two/a"}, "one"),
        (["top/a", "beside"], {"top/a", "beside"}, "study"),
        (["top/a", "other/b"], {"top/a", "other/b"}, "study"),
        (["ro-crate-metadata.json", "top/a"], {"ro-crate-metadata.json", "top/a"}, "study"),
        (["top/a", "topper/b"], {"top/a", "topper/b"}, "study"),
        (["a"], {"a"}, "study"),
        (["top/"], set(), "top"),
    ],
)
def test_one_wrapping_folder_is_left_out(
    names: list[str], expected: set[str], name: str, tmp_path: Path
) -> None:
    """A folder that holds everything is left out of the paths, one level and no more."""
    with zipfile.ZipFile(tmp_path / "study.zip", "w") as archive:
        for member in names:
            archive.writestr(member, b"" if member.endswith("/") else b"1")

    with ZipTree(tmp_path / "study.zip") as tree:
        assert listed(tree) == expected
        assert refused(tree) == {}
        assert tree.name == name


@pytest.mark.parametrize(
    ("file", "name"),
    [("a.zip", "a"), ("a.b.eln", "a.b"), ("a.crate.zip", "a.crate"), ("bare", "bare")],
)
def test_a_zip_is_named_by_its_file(file: str, name: str, tmp_path: Path) -> None:
    """An archive without a wrapping folder has the name of its file, less the last suffix."""
    with zipfile.ZipFile(tmp_path / file, "w") as archive:
        archive.writestr("a", b"1")

    with ZipTree(tmp_path / file) as tree:
        tree.listing()

        assert tree.name == name
        assert tree.subject == str(tmp_path / file)


# --- names --------------------------------------------------------------------------------------


def test_a_name_that_is_no_utf8_is_read_as_the_format_says(make_zip: MakeZip) -> None:
    """Without the UTF-8 flag, bytes that are no UTF-8 are characters of code page 437."""
    place = make_zip({"a_.txt": b"1", "b": b""})
    place.write_bytes(place.read_bytes().replace(b"a_.txt", b"a\x81.txt"))

    with ZipTree(place) as tree:
        assert listed(tree) == {"aü.txt", "b"}
        assert read_all(tree, entry_of(tree, "aü.txt")) == b"1"


def test_names_that_read_the_same_with_and_without_the_flag_are_refused(
    make_zip: MakeZip,
) -> None:
    """One name written with and without the UTF-8 flag stands in the archive twice."""
    place = make_zip({"ü": b"1", "good": b"", "__": b"2"})
    raw = place.read_bytes()
    place.write_bytes(raw.replace(b"__", "ü".encode()))

    with ZipTree(place) as tree:
        assert refused(tree) == {"ü": "the name stands in the archive more than once"}
        assert listed(tree) == {"good"}


# --- damage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 1, len(LARGE) // 2, len(LARGE) - 1])
def test_a_changed_byte_of_a_stored_member_is_a_read_error(offset: int, make_zip: MakeZip) -> None:
    """One changed bit of a stored member is noticed by its CRC-32."""
    place = make_zip({"large": LARGE, "good": b"1"})
    flip(place, data_offset(place, "large") + offset, 0x01)

    with ZipTree(place) as tree:
        with pytest.raises(ReadError, match="large: its CRC-32 is wrong: it is damaged"):
            read_all(tree, entry_of(tree, "large"))
        assert read_all(tree, entry_of(tree, "good")) == b"1"


def test_without_crc_the_bytes_are_given_as_they_are(make_zip: MakeZip) -> None:
    """With `crc=False` a stored member gives the bytes in the archive, for others to judge."""
    place = make_zip({"large": LARGE})
    flip(place, data_offset(place, "large") + 1000)

    with ZipTree(place, crc=False) as tree:
        found = read_all(tree, entry_of(tree, "large"))

    assert len(found) == len(LARGE)
    assert [n for n in range(2000) if found[n] != LARGE[n]] == [1000]
    assert found[2000:] == LARGE[2000:]


@pytest.mark.parametrize("crc", [True, False])
@pytest.mark.parametrize("offset", [0, 10, 1000, 100_000])
def test_a_damaged_compressed_member_is_a_read_error(
    offset: int, crc: bool, make_zip: MakeZip
) -> None:
    """A changed byte of a compressed member is noticed, whether its CRC is asked for or not."""
    content = b"".join(b"%d lines of text\n" % n for n in range(150_000))
    place = make_zip({"large": content, "good": b"1"}, compression=zipfile.ZIP_DEFLATED)
    flip(place, data_offset(place, "large") + offset)

    with ZipTree(place, crc=crc) as tree:
        with pytest.raises(ReadError, match="large"):
            read_all(tree, entry_of(tree, "large"))
        assert read_all(tree, entry_of(tree, "good")) == b"1"


@COMPRESSIONS
def test_a_damaged_local_header_is_a_read_error(compression: int, make_zip: MakeZip) -> None:
    """A member whose own header is damaged, in signature or name, is a ReadError."""
    for offset in (0, 30):
        place = make_zip({"good": b"1", "bad": b"2"}, compression=compression)
        with zipfile.ZipFile(place) as archive:
            start = archive.getinfo("bad").header_offset
        flip(place, start + offset, 0x01)

        with ZipTree(place) as tree:
            with pytest.raises(ReadError, match="bad"):
                read_all(tree, entry_of(tree, "bad"))
            assert read_all(tree, entry_of(tree, "good")) == b"1"


@COMPRESSIONS
def test_a_wrong_size_is_a_read_error(compression: int, make_zip: MakeZip) -> None:
    """A member for which the directory of the archive gives another size is a ReadError."""
    for wrong in (0, 1, 4999, 5001, 1 << 31):
        place = make_zip({"a": LARGE[:5000]}, compression=compression)
        raw = bytearray(place.read_bytes())
        struct.pack_into("<I", raw, raw.rindex(b"PK\x01\x02") + 24, wrong)
        place.write_bytes(raw)

        with ZipTree(place) as tree:
            entry = entry_of(tree, "a")
            assert entry.size == wrong
            with pytest.raises(ReadError, match="a: "):
                read_all(tree, entry, limit=1 << 32)


@pytest.mark.parametrize("offset", [1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_an_offset_that_no_file_has_is_an_error_of_ours(offset: int, tmp_path: Path) -> None:
    """A member that is said to stand where no file can reach is a ReadError and nothing else."""
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w") as archive:
        info = zipfile.ZipInfo("far")
        archive.writestr(info, b"x")
        info.header_offset = offset

    with pytest.raises((InputError, ReadError)):
        read_members(place)


def test_members_at_one_place_are_refused(make_zip: MakeZip) -> None:
    """Of members that the directory places in one spot, as bombs do, none is listed."""
    place = make_zip({"a": b"same", "b": b"same"})
    raw = bytearray(place.read_bytes())
    with zipfile.ZipFile(place) as archive:
        first = archive.getinfo("a").header_offset
    struct.pack_into("<I", raw, raw.rindex(b"PK\x01\x02") + 42, first)
    place.write_bytes(raw)

    with ZipTree(place) as tree:
        assert refused(tree) == dict.fromkeys(["a", "b"], OVERLAP)


@COMPRESSIONS
def test_a_member_that_overlaps_another_is_refused(compression: int, tmp_path: Path) -> None:
    """A member whose bytes hold another member is refused; the inner one is read.

    So bombs are made that are small on disk (https://www.bamsoftware.com/hacks/zipbomb/).
    """
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w", compression) as archive:
        archive.writestr("inner", b"inner bytes")
        archive.writestr("after", b"1")
        quoted = archive.getinfo("after").header_offset
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as archive:
        outer = zipfile.ZipInfo("outer")
        archive.writestr(outer, b"")
        archive.writestr("inner", b"inner bytes", compression)
        archive.writestr("after", b"1", compression)
        outer.compress_size = outer.file_size = quoted
        outer.compress_type = compression

    with ZipTree(place) as tree:
        assert refused(tree) == {"outer": OVERLAP}
        assert read_all(tree, entry_of(tree, "inner")) == b"inner bytes"
        assert read_all(tree, entry_of(tree, "after")) == b"1"


def test_a_member_that_reaches_into_the_directory_is_refused(make_zip: MakeZip) -> None:
    """A last member that is said to be longer than there are bytes before the directory."""
    place = make_zip({"a": b"12345", "b": b"12345"})
    raw = bytearray(place.read_bytes())
    struct.pack_into("<II", raw, raw.rindex(b"PK\x01\x02") + 20, 6, 6)
    place.write_bytes(raw)

    with ZipTree(place) as tree:
        assert read_all(tree, entry_of(tree, "a")) == b"12345"
        assert refused(tree) == {"b": OVERLAP}


@COMPRESSIONS
@pytest.mark.parametrize("size", [0, 5, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, 1 << 18])
def test_long_extra_fields_are_skipped(size: int, compression: int, tmp_path: Path) -> None:
    """Members of any size are read behind local headers with extra fields of any length."""
    files = {f"{length}": LARGE[:size] for length in (4, 30, 60, 63, 64, 65, 1000, 60_000)}
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w") as archive:
        for path, content in files.items():
            info = zipfile.ZipInfo(path)
            info.extra = struct.pack("<HH", 0x9999, int(path) - 4) + bytes(int(path) - 4)
            archive.writestr(info, content, compression)

    assert read_members(place) == files


@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.9, 0.999])
@COMPRESSIONS
def test_a_truncated_zip_is_an_input_error(
    compression: int, part: float, make_zip: MakeZip
) -> None:
    """An archive that was cut anywhere is an InputError with a hint, never a smaller tree."""
    place = make_zip({"large": LARGE[:100_000], "more": b"1" * 1000}, compression=compression)
    os.truncate(place, int(place.stat().st_size * part))

    with pytest.raises(InputError, match="not a readable zip archive") as caught:
        ZipTree(place)

    assert caught.value.hint


def test_a_missing_zip_is_an_input_error(tmp_path: Path) -> None:
    """A path without a file is an InputError that says so."""
    with pytest.raises(InputError, match="No such file"):
        ZipTree(tmp_path / "nowhere.zip")


@given(data=st.data(), zip64=st.booleans())
def test_no_damage_gives_other_bytes_or_other_errors(
    data: st.DataObject, zip64: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever bytes of an archive change, its members give their bytes or a ReadError.

    The directory of the archive may lose or rename members: that is for a crate to notice.
    """
    place = tmp_path_factory.mktemp("damage") / "a.zip"
    directory = write_base(place, zip64=zip64)
    raw = bytearray(place.read_bytes())
    anywhere = st.integers(0, len(raw) - 1) | st.integers(directory, len(raw) - 1)
    values = st.integers(0, 255) | st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])
    for _ in range(data.draw(st.integers(1, 2), "changes")):
        raw[data.draw(anywhere, "offset")] = data.draw(values, "value")
    place.write_bytes(raw)

    check_damaged(place)


@pytest.mark.deep
@pytest.mark.parametrize("zip64", [False, True])
def test_no_changed_byte_gives_other_bytes_or_other_errors(zip64: bool, tmp_path: Path) -> None:
    """Each byte of an archive in turn may be another: members give their bytes or a ReadError."""
    place = tmp_path / "a.zip"
    write_base(place, zip64=zip64)
    whole = place.read_bytes()
    for offset, value in enumerate(whole):
        for other in {0, 0x7F, 0x80, 0xFF, value ^ 1} - {value}:
            place.write_bytes(whole[:offset] + bytes([other]) + whole[offset + 1 :])

            check_damaged(place)


@pytest.mark.deep
@pytest.mark.parametrize("zip64", [False, True])
def test_no_cut_gives_a_smaller_tree(zip64: bool, tmp_path: Path) -> None:
    """An archive that is cut at any byte is an InputError."""
    place = tmp_path / "a.zip"
    write_base(place, zip64=zip64)
    whole = place.read_bytes()
    for size in range(len(whole)):
        place.write_bytes(whole[:size])

        with pytest.raises(InputError):
            ZipTree(place)


def write_base(place: Path, *, zip64: bool) -> int:
    """Write a small archive and return where its directory starts."""
    with pytest.MonkeyPatch.context() as patch:
        if zip64:
            patch.setattr(zipfile, "ZIP64_LIMIT", 0)
        with zipfile.ZipFile(place, "w") as archive:
            for path, content in BASE.items():
                kind = zipfile.ZIP_DEFLATED if path == "a.txt" else zipfile.ZIP_STORED
                archive.writestr(path, content, kind)
    with zipfile.ZipFile(place) as archive:
        return archive.start_dir


def check_damaged(place: Path) -> None:
    """Read what can be read: each member of the base gives its bytes or a ReadError."""
    try:
        tree = ZipTree(place)
    except InputError:
        return
    with tree:
        for entry in tree.listing().entries:
            try:
                found = read_all(tree, entry)
            except ReadError:
                continue
            assert len(found) == entry.size
            assert found == BASE.get(entry.path, found)


def read_members(place: Path) -> dict[str, bytes]:
    """Return every file of a zip with its bytes."""
    with ZipTree(place) as tree:
        return {entry.path: read_all(tree, entry) for entry in tree.listing().entries}


# --- change -------------------------------------------------------------------------------------


def appended(place: Path) -> None:
    with place.open("ab") as file:
        file.write(b"!")


def touched(place: Path) -> None:
    status = place.stat()
    os.utime(place, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def cut(place: Path) -> None:
    os.truncate(place, 1 << 20)


@COMPRESSIONS
@pytest.mark.parametrize("change", [appended, touched, cut])
def test_a_change_of_the_archive_while_reading_is_a_read_error(
    change: Callable[[Path], None], compression: int, make_zip: MakeZip
) -> None:
    """A member whose archive changes between its first and last byte never reaches its end."""
    place = make_zip({"large": LARGE, "more": LARGE[::-1]}, compression=compression)
    with ZipTree(place, crc=False) as tree:
        stream = tree.open(entry_of(tree, "large"))
        buffer = memoryview(bytearray(1 << 18))
        assert stream.readinto(buffer)

        change(place)

        with pytest.raises(ReadError):
            sum(iter(lambda: stream.readinto(buffer), 0))
        stream.close()


@COMPRESSIONS
def test_a_change_of_the_archive_after_listing_is_a_read_error(
    compression: int, make_zip: MakeZip
) -> None:
    """An archive that changed since it was opened gives no member, also an empty one."""
    place = make_zip({"file": b"1", "empty": b""}, compression=compression)
    with ZipTree(place) as tree:
        entries = tree.listing().entries

        appended(place)

        for entry in entries:
            with pytest.raises(ReadError, match="the archive changed while it was read"):
                read_all(tree, entry)


@pytest.mark.parametrize("order", ["of their paths", "any"])
def test_small_members_are_read_together_in_any_order(order: str, make_zip: MakeZip) -> None:
    """More than one call takes, whether neighbours in the listing lie side by side or not."""
    random = Random(order)
    files = {f"{n:03d}": random.randbytes(random.randrange(1 << 17)) for n in range(150)}
    names = sorted(files)
    if order == "any":
        random.shuffle(names)
    place = make_zip({name: files[name] for name in names}, compression=zipfile.ZIP_STORED)
    with ZipTree(place, crc=False) as tree:
        found, unread = hash_files(tree, tree.listing().entries, kernel(), jobs=2, step="test")

    assert not unread
    assert {file.path: file.fingerprint.instance for file in found} == {
        name: blake3(content).digest() for name, content in files.items()
    }


def test_an_archive_that_is_cut_while_members_are_read_together_gives_none(
    make_zip: MakeZip,
) -> None:
    """Bytes that are not there any more end nothing: each member is told to be unread."""
    files = {f"{n:03d}": Random(n).randbytes(1 << 16) for n in range(150)}
    place = make_zip(files, compression=zipfile.ZIP_STORED)
    with ZipTree(place, crc=False) as tree:
        entries = tree.listing().entries

        cut(place)

        found, unread = hash_files(tree, entries, kernel(), jobs=2, step="test")

    assert not list(found)
    assert {one.path for one in unread} == set(files)


def test_an_archive_that_is_replaced_is_read_as_it_was(make_zip: MakeZip) -> None:
    """A new archive under the old name does not change what is being read."""
    place, other = make_zip({"file": b"old", "b": b""}), make_zip({"file": b"new", "b": b""})
    with ZipTree(place) as tree:
        entry = entry_of(tree, "file")

        other.replace(place)

        assert read_all(tree, entry) == b"old"


@pytest.mark.deep
def test_more_members_than_a_zip_without_zip64_can_count(tmp_path: Path) -> None:
    """An archive of 70,000 members lists all of them."""
    files: Mapping[str, bytes] = {f"chunks/{n}": b"%d" % n for n in range(70_000)}
    place = tmp_path / "many.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("top", b"")
        for path, content in files.items():
            archive.writestr(path, content)

    with ZipTree(place) as tree:
        entries = tree.listing().entries

        assert {entry.path for entry in entries} == {"top", *files}
        assert read_all(tree, entries[entries.find("chunks/69999") or 0]) == b"69999"
