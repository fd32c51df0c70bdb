"""Tars in particular: what is refused, what is damaged, and what hides between the members."""

import bz2
import gzip
import io
import lzma
import os
import subprocess
import tarfile
from pathlib import Path
from random import Random
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.sources import ByteStream, Listing, Tree, read_all
from crate_iscc.sources.opening import open_tree
from crate_iscc.sources.tar import TarTree
from crate_iscc.sources.tar_headers import BLOCK, looks_like_tar

END = bytes(2 * BLOCK)


def header(
    name: bytes = b"a.txt",
    size: int | bytes = 0,
    *,
    kind: bytes = b"0",
    link: bytes = b"",
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
) -> bytes:
    """Return a header with a right checksum; a size that is bytes is written as it is."""
    written = b"%011o\0" % size if isinstance(size, int) else size
    block = b"".join(
        (
            name.ljust(100, b"\0"), b"0000644\0", bytes(16), written, b"00000000000\0", b" " * 8,
            kind, link.ljust(100, b"\0"), magic, bytes(80), prefix.ljust(155, b"\0"), bytes(12),
        )
    )  # fmt: skip
    assert len(block) == BLOCK
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def member(name: bytes, content: bytes = b"", kind: bytes = b"0", link: bytes = b"") -> bytes:
    """Return a member: its header and its bytes, filled up to a block."""
    filled = content + bytes(-len(content) % BLOCK)
    return header(name, len(content), kind=kind, link=link) + filled


def pax(*records: bytes) -> bytes:
    """Return a pax header of records `key=value`."""
    raw = b""
    for record in records:
        length = len(record) + 2
        while len(b"%d" % length) + len(record) + 2 != length:
            length = len(b"%d" % length) + len(record) + 2
        raw += b"%d %s\n" % (length, record)
    return member(b"PaxHeaders/x", raw, b"x")


def place_of(raw: bytes, folder: Path) -> Path:
    """Write a tar and return its place."""
    place = folder / "study.tar"
    place.write_bytes(raw)
    return place


def opened(raw: bytes, folder: Path) -> Tree:
    """Return the tree of a tar."""
    return open_tree(place_of(raw, folder))


def refused(listing: Listing) -> dict[str, str]:
    """Return the kind of finding of each refused path."""
    return {one.path: one.kind for one in listing.refused}


def files(tree: Tree) -> dict[str, bytes]:
    """Return every file with its bytes."""
    return {entry.path: read_all(tree, entry) for entry in tree.listing().entries}


def rest_of(stream: ByteStream) -> None:
    """Read a stream to its end."""
    while stream.readinto(memoryview(bytearray(4096))):
        pass


A = member(b"a.txt", b"one")
B = member(b"b.txt", b"two" * 300)

DAMAGED: dict[str, tuple[bytes, str]] = {
    "no end": (A + B, "blocks that end an archive are missing"),
    "cut in a header": (A + B[:100], "blocks that end an archive are missing"),
    "cut in a member": (A + B[:700], "ends behind the file"),
    "cut in what fills up a member": (A + B[:-10], "blocks that end an archive are missing"),
    "a wrong checksum": (A + b"B" + B[1:] + END, "byte 1024 is damaged: its checksum is wrong"),
    "no header": (A + b"x" * BLOCK + END, "checksum is wrong"),
    "a size below 0": (
        A + header(b"b", b"\xff" * 11 + b"\xfe") + END,
        "byte 1024 has a size below 0",
    ),
    "a huge size": (A + header(b"b", b"\x80" + b"\x7f" * 11) + END, "ends behind the file"),
    "a size beyond the end": (A + header(b"b", 100_000) + END, "ends behind the file"),
    "a size that is no number": (A + header(b"b", b"12_3        ") + END, "no number"),
    "a pax size beyond the end": (pax(b"size=99999") + A + END, "ends behind the file"),
    "a pax size that is no number": (pax(b"size=-1") + A + END, "no number"),
    "pax records that are cut": (member(b"x", b"99 path=a\n", b"x") + A + END, "are damaged"),
    "pax records without a length": (member(b"x", b"path=a\n", b"x") + A + END, "are damaged"),
    "pax records for nothing": (A + pax(b"path=b") + END, "a name stands at its end"),
    "pax records twice": (pax(b"path=a") + pax(b"path=b") + A + END, "second of one member"),
    "one name for all": (member(b"x", b"10 path=a\n", b"g") + A + END, "all members one name"),
    "two long names": (
        member(b"L", b"one\0", b"L") + member(b"L", b"two\0", b"L") + A + END,
        "two names",
    ),
    "a long name and another in pax": (
        member(b"L", b"one\0", b"L") + pax(b"path=two") + A + END,
        "two names",
    ),
    "a hard link with bytes": (
        A + member(b"b", b"1" * 512, b"1", b"a.txt") + END,
        "gives bytes to a hard link: programs differ",
    ),
    "a symbolic link with bytes": (member(b"b", b"1", b"2", b"a") + END, "symbolic link"),
    "a folder with bytes": (member(b"b/", b"1", b"5") + END, "gives bytes to a folder"),
    "a part of several": (member(b"b", b"1", b"M") + END, "one part of several"),
    "a name without an end": (member(b"L", b"x" * 1_100_000, b"L") + A + END, "are too long"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_tar_that_is_not_whole_is_refused(name: str, tmp_path: Path) -> None:
    """Cut or damaged anywhere, or open to more than one reading: the whole tar is an error."""
    raw, cause = DAMAGED[name]

    with pytest.raises(InputError) as caught:
        opened(raw, tmp_path)

    assert cause in f"{caught.value.message} {caught.value.cause}"
    assert caught.value.hint


@given(cut=st.integers(min_value=1))
def test_no_cut_tar_passes_for_a_whole_one(
    cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """However much is missing at the end, members are never fewer than in the whole."""
    raw = A + B + END
    place = place_of(raw[: len(raw) - cut % len(raw)], tmp_path_factory.mktemp("cut"))

    try:
        with open_tree(place) as tree:
            assert files(tree) == {"a.txt": b"one", "b.txt": b"two" * 300}
    except InputError:
        pass


@given(place=st.integers(0, len(A + B) - 1), bit=st.integers(0, 7))
def test_no_bit_of_a_header_flips_unseen(
    place: int, bit: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A bit that flips is in a member's bytes, where fixity tells it, or is told at once."""
    raw = bytearray(A + B + END)
    raw[place] ^= 1 << bit

    try:
        with open_tree(place_of(bytes(raw), tmp_path_factory.mktemp("bit"))) as tree:
            listing = tree.listing()
            found = files(tree)
    except CrateIsccError:
        return
    if not listing.remarks:
        assert sorted(found) == ["a.txt", "b.txt"]
        assert [len(content) for content in found.values()] == [3, 900]


@given(raw=st.binary(max_size=2000))
def test_anything_behind_a_header_is_told(
    raw: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever follows: an error, a remark, or nothing but zeros."""
    try:
        with open_tree(place_of(A + raw, tmp_path_factory.mktemp("any"))) as tree:
            assert files(tree) == {"a.txt": b"one"}
            assert bool(tree.listing().remarks) == bool(raw.strip(b"\0"))
    except InputError:
        assert raw.strip(b"\0") or len(raw) < BLOCK


UNSAFE = {
    "absolute": b"/etc/passwd",
    "upwards": b"../evil",
    "upwards inside": b"a/../../evil",
    "a drive": b"C:/evil",
    "behind backslashes": b"..\\evil",
    "no UTF-8": b"caf\xe9",
}


@pytest.mark.parametrize("name", UNSAFE)
@pytest.mark.parametrize("kind", [b"0", b"1", b"5"])
def test_a_name_that_leads_out_is_refused(name: str, kind: bytes, tmp_path: Path) -> None:
    """Files, links and folders with such names are told, and the others are still there."""
    with opened(A + member(UNSAFE[name], kind=kind, link=b"a.txt") + END, tmp_path) as tree:
        assert list(refused(tree.listing()).values()) == ["path.unsafe"]
        assert files(tree) == {"a.txt": b"one"}


def test_a_nul_in_a_pax_name_is_refused(tmp_path: Path) -> None:
    """A program that ends the name there would write another file."""
    with opened(pax(b"path=a.txt\0.evil") + member(b"b") + A + END, tmp_path) as tree:
        assert list(refused(tree.listing()).values()) == ["path.unsafe"]


def test_an_empty_name_is_refused(tmp_path: Path) -> None:
    """A member without a name is no file."""
    with opened(A + member(b"", b"1") + END, tmp_path) as tree:
        assert list(refused(tree.listing()).values()) == ["path.unsafe"]


@pytest.mark.parametrize("other", [b"a.txt", b"./a.txt", b".//a.txt"])
def test_a_name_twice_is_believed_in_neither(other: bytes, tmp_path: Path) -> None:
    """Unpacking leaves the last, reading along finds the first: none is read."""
    with opened(A + B + member(other, b"evil") + END, tmp_path) as tree:
        assert refused(tree.listing()) == {"a.txt": "tar.duplicate"}
        assert set(files(tree)) == {"b.txt"}


@pytest.mark.parametrize("kind", [b"0", b"2", b"1"])
def test_nothing_is_read_from_below_a_file_or_link(kind: bytes, tmp_path: Path) -> None:
    """Unpacking would write to where the link leads."""
    raw = A + member(b"b", kind=kind, link=b"a.txt") + member(b"b/c/d", b"evil")
    with opened(raw + member(b"b/e/", kind=b"5") + END, tmp_path) as tree:
        listing = tree.listing()
        assert set(refused(listing)) >= {"b", "b/c/d"}
        assert set(refused(listing).values()) == {"tar.duplicate"}
        assert listing.folders == ()
        assert files(tree) == {"a.txt": b"one"}


@pytest.mark.parametrize("kind", [b"2", b"3", b"4", b"6", b"Q"])
def test_what_is_no_file_is_refused(kind: bytes, tmp_path: Path) -> None:
    """Symbolic links, devices, pipes and kinds that are not known are told and not followed."""
    with opened(A + member(b"s", kind=kind, link=b"/etc/passwd") + B + END, tmp_path) as tree:
        assert refused(tree.listing()) == {"s": "file.special"}
        assert set(files(tree)) == {"a.txt", "b.txt"}


def test_a_hard_link_is_the_file_it_links_to(tmp_path: Path) -> None:
    """As when unpacked: by its name in the archive, also with `./`, also a link to a link."""
    raw = member(b"top/a", b"one") + member(b"top/b", kind=b"1", link=b"./top/a")
    with opened(raw + member(b"top/c", kind=b"1", link=b"top/b") + END, tmp_path) as tree:
        assert files(tree) == {"a": b"one", "b": b"one", "c": b"one"}


@pytest.mark.parametrize("link", [b"/etc/passwd", b"../x", b"", b"c.txt", b"s", b"later", b"d/"])
def test_a_hard_link_to_anything_else_is_refused(link: bytes, tmp_path: Path) -> None:
    """A link to outside, to a special file, to a folder or to what comes later is no file."""
    raw = A + member(b"s", kind=b"2", link=b"a.txt") + member(b"d/", kind=b"5")
    raw += member(b"h", kind=b"1", link=link) + member(b"later", b"1")
    with opened(raw + END, tmp_path) as tree:
        assert refused(tree.listing()) == {"s": "file.special", "h": "file.special"}
        assert set(files(tree)) == {"a.txt", "later"}


@pytest.mark.parametrize(
    "sparse",
    [
        pax(b"GNU.sparse.major=1", b"GNU.sparse.minor=0", b"GNU.sparse.name=s")
        + member(b"GNUSparseFile.0/s", b"1\n0\n3\n".ljust(512, b"\0") + b"abc"),
        header(b"s", 3, kind=b"S", magic=b"ustar  \0") + b"abc" + bytes(509),
    ],
)
def test_a_sparse_file_is_unread(sparse: bytes, tmp_path: Path) -> None:
    """Its bytes do not stand in the archive as they are."""
    with opened(A + sparse + B + END, tmp_path) as tree:
        assert refused(tree.listing()) == {"s": "bytes.unread"}
        assert set(files(tree)) == {"a.txt", "b.txt"}


def test_bytes_between_and_behind_are_told(tmp_path: Path) -> None:
    """What fills up blocks, and what follows the end, is counted where it is not zero."""
    filled = A[:-3] + b"xyz"
    with opened(filled + END + bytes(3000) + b"tail", tmp_path) as tree:
        (remark,) = tree.listing().remarks
        assert remark.id == "tar.uncovered"
        assert remark.message.endswith("3 between the members, 4 behind the end")
        assert files(tree) == {"a.txt": b"one"}


@pytest.mark.parametrize("end", [END, bytes(BLOCK), bytes(10240)])
def test_an_archive_behind_the_archive_is_told(end: bytes, tmp_path: Path) -> None:
    """Of archives that are put together by `cat`, most programs unpack the first alone."""
    with opened(A + end + B + END, tmp_path) as tree:
        (remark,) = tree.listing().remarks
        assert "another archive" in remark.message
        assert files(tree) == {"a.txt": b"one"}


@pytest.mark.parametrize("zeros", [BLOCK, 2 * BLOCK, 20 * BLOCK, 2 * BLOCK + 100])
def test_any_number_of_zeros_may_end_an_archive(zeros: int, tmp_path: Path) -> None:
    """One block of zeros tells that no member is missing; programs fill up their records."""
    with opened(A + bytes(zeros), tmp_path) as tree:
        assert tree.listing().remarks == ()
        assert files(tree) == {"a.txt": b"one"}


def test_a_prefix_counts_in_posix_headers_only(tmp_path: Path) -> None:
    """GNU tar keeps times where ustar has the first part of a long name."""
    posix = header(b"a", 0, prefix=b"deep/er")
    gnu = header(b"b", 0, prefix=b"12345670123", magic=b"ustar  \0")
    old = header(b"c", 0, prefix=b"rest", magic=bytes(8), kind=b"\0")
    with opened(posix + gnu + old + END, tmp_path) as tree:
        assert set(files(tree)) == {"deep/er/a", "b", "c"}


def test_a_checksum_of_signed_bytes_is_right_too(tmp_path: Path) -> None:
    """Some old programs added the bytes of a header as numbers from -128 to 127."""
    block = header("é".encode())
    total = sum(block[:148] + b" " * 8 + block[156:]) - 2 * 256
    with opened(block[:148] + b"%06o\0 " % total + block[156:] + END, tmp_path) as tree:
        assert set(files(tree)) == {"é"}


def test_records_of_a_whole_archive_and_its_name_are_passed_over(tmp_path: Path) -> None:
    """A comment for all, as `git archive` writes, and the label of GNU tar are no members."""
    raw = member(b"pax_global_header", b"13 comment=a\n", b"g") + member(b"label", kind=b"V")
    with opened(raw + A + END, tmp_path) as tree:
        assert files(tree) == {"a.txt": b"one"}
        assert tree.listing().refused == ()


def test_names_of_folders_may_lack_a_slash(tmp_path: Path) -> None:
    """A folder is one by its kind, or, in old archives, by the slash at its name."""
    raw = member(b"d", kind=b"5") + member(b"e/", kind=b"\0") + member(b".", kind=b"5")
    with opened(raw + A + END, tmp_path) as tree:
        assert tree.listing().folders == ("d/", "e/")
        assert tree.listing().refused == ()
        assert set(files(tree)) == {"a.txt"}


def test_a_folder_twice_is_no_duplicate(tmp_path: Path) -> None:
    """Unpacking makes it once."""
    raw = member(b"d/", kind=b"5") * 2 + member(b"d/a", b"1") + A
    with opened(raw + END, tmp_path) as tree:
        assert tree.listing().refused == ()


def test_a_tar_that_ends_in_a_zip_is_a_tar(tmp_path: Path) -> None:
    """The zip at its end is a file of it, whatever the name of the archive."""
    empty_zip = b"PK\x05\x06" + bytes(18)
    place = tmp_path / "study.zip"
    place.write_bytes(A + member(b"last.zip", empty_zip) + END)
    with open_tree(place) as tree:
        assert set(files(tree)) == {"a.txt", "last.zip"}


@pytest.mark.parametrize(
    ("start", "program"),
    [
        (gzip.compress(A), "gunzip"),
        (bz2.compress(A), "bunzip2"),
        (lzma.compress(A), "unxz"),
        (b"\x28\xb5\x2f\xfd" + A, "unzstd"),
    ],
    ids=["gzip", "bzip2", "xz", "zstd"],  # what gzip writes holds the time
)
def test_a_compressed_tar_is_refused_with_what_unpacks_it(
    start: bytes, program: str, tmp_path: Path
) -> None:
    """Its files cannot be reached one by one; the message says what to do."""
    with pytest.raises(InputError, match="compressed archive is not read in place") as caught:
        opened(start, tmp_path)
    assert f"({program})" in (caught.value.hint or "")


def test_a_tar_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    """A stream does not end well when the archive is not as it was opened."""
    place = place_of(member(b"a", Random(1).randbytes(5000)) + END, tmp_path)
    with open_tree(place) as tree:
        (entry,) = tree.listing().entries
        stream = tree.open(entry)
        buffer = memoryview(bytearray(4096))
        stream.readinto(buffer)
        os.utime(place, (1, 1))

        with pytest.raises(ReadError, match="changed while it was read"):
            rest_of(stream)


def test_a_tar_that_is_cut_while_it_is_read_is_told(tmp_path: Path) -> None:
    """Bytes that are gone are an error, not an end."""
    place = place_of(member(b"a", Random(1).randbytes(5000)) + END, tmp_path)
    with open_tree(place) as tree:
        (entry,) = tree.listing().entries
        stream = tree.open(entry)
        os.truncate(place, 2000)

        with pytest.raises(ReadError, match="cut while it was read"):
            rest_of(stream)


@pytest.mark.skipif(which("tar") is None, reason="the tar command is not installed")
@pytest.mark.parametrize("layout", ["ustar", "gnu", "oldgnu", "pax", "v7"])
def test_every_format_of_the_tar_command_is_read(layout: str, tmp_path: Path) -> None:
    """The files come back, hard links and long names too; a sparse file is told as unread."""
    folder = tmp_path / "study"
    (folder / "deep").mkdir(parents=True)
    (folder / "a").write_bytes(b"one")
    os.link(folder / "a", folder / "deep/hard")
    wanted = {"a": b"one", "deep/hard": b"one"}
    if layout != "v7":
        (folder / ("n" * 99)).write_bytes(b"long")
        wanted["n" * 99] = b"long"
    if layout in ("gnu", "oldgnu", "pax"):
        (folder / ("m" * 200)).write_bytes(b"longer")
        wanted["m" * 200] = b"longer"
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 20)
        file.seek(1 << 19)
        file.write(b"middle")
    holes = ["--sparse"] if layout in ("gnu", "pax") else []
    if not holes:
        (folder / "sparse").unlink()
    place = tmp_path / "study.tar"
    subprocess.run(["tar", f"--format={layout}", *holes, "-cf", place, "study"], check=True,
                   cwd=tmp_path)  # fmt: skip
    with open_tree(place) as tree:
        assert files(tree) == wanted
        assert refused(tree.listing()) == ({"sparse": "bytes.unread"} if holes else {})
        assert tree.listing().remarks == ()


def test_what_tarfile_lists_is_listed(tmp_path: Path) -> None:
    """The reader nobody here wrote finds the same names and bytes."""
    place = tmp_path / "study.tar"
    contents = {f"{'d' * n}/{'é' * n}{n}": Random(n).randbytes(n * 37) for n in range(1, 120, 7)}
    with tarfile.open(place, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in contents.items():
            one = tarfile.TarInfo(name)
            one.size = len(content)
            archive.addfile(one, io.BytesIO(content))
    with tarfile.open(place) as archive, TarTree(place) as tree:
        listed = {one.name: one.size for one in archive.getmembers()}
        assert {entry.path: entry.size for entry in tree.listing().entries} == listed
        assert files(tree) == contents


@pytest.mark.parametrize(
    ("head", "is_tar"),
    [
        (header(), True),
        (header(magic=bytes(8)), True),
        (b"x" + header()[1:], True),
        (b"x" + header(magic=bytes(8))[1:], False),
        (bytes(1024), True),
        (bytes(600), False),
        (b"", False),
        (b"text\n" * 300, False),
    ],
)
def test_a_tar_is_told_by_its_first_blocks(head: bytes, is_tar: bool) -> None:
    """A right checksum or the mark of ustar makes a tar, a damaged one too; the name does not."""
    assert looks_like_tar(head) is is_tar
