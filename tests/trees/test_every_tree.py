"""Every kind of source passes one suite: the same files give the same listing and bytes."""

import io
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from random import Random
from typing import ClassVar
from unicodedata import normalize
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.paths import CratePath
from crate_iscc.sources import CHUNK_SIZE, QuickTree, Tree, chunks, read_all
from crate_iscc.sources.inflating import INFLATERS
from crate_iscc.sources.listing import HAS_READING
from crate_iscc.sources.named import NamedFiles
from crate_iscc.sources.opening import open_tree
from crate_iscc.sources.remote.client import Client
from crate_iscc.sources.remote.files import WebFiles
from crate_iscc.sources.remote.url import parse_url
from crate_iscc.sources.zip import ZipTree
from object_stores import SOME_KEY, asking, upload
from web.web_kit import Site, serving

MIB = 1 << 20
SMALL: dict[str, bytes] = {
    "a.txt": b"one",
    "empty": b"",
    "deep/er/and/deeper/b.bin": bytes(range(256)) * 5,
    "deep/c": b"c",
    ".hidden": b"hidden",
    "deep/.hidden/also": b"also",
}
NAMES = (
    "two words.txt",
    "100%.txt",
    "a%20b.txt",
    "#1.txt",
    "what?.txt",
    "a&b;c=d+e.txt",
    "[x]{y}(z).txt",
    "it's.txt",
    "~tilde",
    "..two-dots",
    "dots..",
    "...",
    "-rf",
    "Zellkern-Größe.tif",
    "細胞/画像.tif",
    "🔬/🧫.png",
    "x" * 200,
)
LARGE = Random(7).randbytes(3 * MIB + 17)

text_segment = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='/\\:*?"<>|'),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", "..") and not name.endswith((" ", ".")))


def distinct(files: Mapping[tuple[str, ...], bytes]) -> dict[str, bytes]:
    """Return the files whose path is no folder of another, also where NFC and case are one."""
    kept: dict[str, bytes] = {}
    taken: set[str] = set()
    for segments, content in files.items():
        prefixes = ["/".join(segments[: n + 1]) for n in range(len(segments))]
        folded = [normalize("NFC", prefix).casefold() for prefix in prefixes]
        if folded[-1] in taken or any(prefix + "\0file" in taken for prefix in folded):
            continue
        taken.update(folded)
        taken.add(folded[-1] + "\0file")
        kept[prefixes[-1]] = content
    return kept


def contents(tree: Tree) -> dict[str, bytes]:
    """Return every file of a tree with its bytes."""
    return {entry.path: read_all(tree, entry) for entry in tree.listing().entries}


class TreeTests(ABC):
    """What holds for every kind of source; a subclass only says how files become one."""

    @abstractmethod
    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Return a tree of exactly these files, stored somewhere in `folder`."""

    def test_a_listing_has_every_path_and_size(self, tmp_path: Path) -> None:
        """A listing names each file once, with its size, and refuses nothing."""
        with self.make(SMALL, tmp_path) as tree:
            listing = tree.listing()

        found = [(entry.path, entry.size) for entry in listing.entries]
        assert sorted(found) == sorted((path, len(content)) for path, content in SMALL.items())
        assert listing.refused == ()

    def test_the_folders_of_a_listing_end_in_a_slash(self, tmp_path: Path) -> None:
        """Folders are listed apart from the files, and each is one that the files are in."""
        with self.make(SMALL, tmp_path) as tree:
            folders = tree.listing().folders

        assert set(folders) <= {"deep/", "deep/er/", "deep/er/and/", "deep/er/and/deeper/"} | {
            "deep/.hidden/"
        }
        assert len(folders) == len(set(folders))

    def test_a_tree_can_be_listed_again(self, tmp_path: Path) -> None:
        """A second listing is the first, and its entries open as well."""
        with self.make(SMALL, tmp_path) as tree:
            first = tree.listing()
            second = tree.listing()

            assert set(first.entries) == set(second.entries)
            assert contents(tree) == SMALL

    def test_a_listing_is_less_what_is_to_be_left_out(self, tmp_path: Path) -> None:
        """Files that the caller names by their numbers are not in that listing; later ones are."""
        with self.make(SMALL, tmp_path) as tree:
            asked: list[list[str]] = []

            def every_other(entries: EntryTable) -> range:
                asked.append([entry.path for entry in entries])
                return range(0, len(entries), 2)

            listing = tree.listing(every_other)

            (names,) = asked
            assert set(names) == set(SMALL)
            assert [entry.path for entry in listing.entries] == names[1::2]
            assert [entry.size for entry in listing.entries] == [len(SMALL[n]) for n in names[1::2]]
            assert contents(tree) == SMALL

    def test_the_bytes_are_those_of_the_files(self, tmp_path: Path) -> None:
        """Each file gives exactly its bytes, and an empty file gives none."""
        with self.make(SMALL, tmp_path) as tree:
            assert contents(tree) == SMALL

    @pytest.mark.parametrize("name", NAMES)
    def test_a_name_is_kept_as_it_is(self, name: str, tmp_path: Path) -> None:
        """No character of a name is decoded, escaped or normalised."""
        files = {name: name.encode(), "beside": b""}

        with self.make(files, tmp_path) as tree:
            assert contents(tree) == files

    @pytest.mark.skipif(sys.platform == "darwin", reason="the file system takes both for one")
    def test_composed_and_decomposed_names_are_two(self, tmp_path: Path) -> None:
        """Two names that differ in their Unicode normal form only are two files."""
        composed, decomposed = normalize("NFC", "é/å.tif"), normalize("NFD", "é/å.tif")
        files = {composed: b"NFC", decomposed: b"NFD"}

        with self.make(files, tmp_path) as tree:
            assert contents(tree) == files

    def test_an_empty_tree_has_an_empty_listing(self, tmp_path: Path) -> None:
        """A tree without a file lists nothing and refuses nothing."""
        with self.make({}, tmp_path) as tree:
            listing = tree.listing()

        assert list(listing.entries) == []
        assert listing.refused == ()

    def test_a_large_file_comes_in_pieces(self, tmp_path: Path) -> None:
        """A file of several MiB comes whole, in pieces no longer than asked for."""
        with self.make({"large.bin": LARGE, "small": b"s"}, tmp_path) as tree:
            entry = next(e for e in tree.listing().entries if e.path == "large.bin")
            pieces = list(chunks(tree.open(entry)))
            small_pieces = list(chunks(tree.open(entry), 10_007))

        assert b"".join(pieces) == LARGE
        assert max(map(len, pieces)) <= CHUNK_SIZE
        assert b"".join(small_pieces) == LARGE
        assert max(map(len, small_pieces)) <= 10_007

    def test_the_end_of_a_stream_stays_the_end(self, tmp_path: Path) -> None:
        """After the last byte every further read gives 0."""
        with self.make(SMALL, tmp_path) as tree:
            for entry in tree.listing().entries:
                stream = tree.open(entry)
                buffer = memoryview(bytearray(4096))
                while stream.readinto(buffer):
                    pass
                assert stream.readinto(buffer) == 0
                assert stream.readinto(buffer) == 0
                stream.close()

    def test_one_file_can_be_open_many_times(self, tmp_path: Path) -> None:
        """Streams of one file and of several, read in turns, do not disturb each other."""
        files = {"one": LARGE[:300_000], "two": LARGE[-200_000:], "three": bytes(250_000)}
        with self.make(files, tmp_path) as tree:
            entries = list(tree.listing().entries) * 2
            streams = [tree.open(entry) for entry in entries]
            taken = [bytearray() for _ in streams]
            buffer = memoryview(bytearray(7919))
            open_ones = list(range(len(streams)))
            while open_ones:
                for number in tuple(open_ones):
                    if count := streams[number].readinto(buffer):
                        taken[number] += buffer[:count]
                    else:
                        streams[number].close()
                        open_ones.remove(number)

        for entry, content in zip(entries, taken, strict=True):
            assert bytes(content) == files[entry.path]

    def test_threads_can_read_side_by_side(self, tmp_path: Path) -> None:
        """Many threads that open and read at once get the bytes of their own files."""
        files = {
            f"folder{n % 3}/file{n}": Random(n).randbytes(20_000 + 3000 * n) for n in range(40)
        }
        with self.make(files, tmp_path) as tree:
            entries = list(tree.listing().entries) * 3
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda entry: read_all(tree, entry), entries))

        assert len(found) == 120
        for entry, content in zip(entries, found, strict=True):
            assert content == files[entry.path]

    def test_an_abandoned_stream_can_be_closed(self, tmp_path: Path) -> None:
        """A stream that is closed before its end, and twice, leaves the tree usable."""
        files = {"large": LARGE, "small": b"s"}
        with self.make(files, tmp_path) as tree:
            entry = next(e for e in tree.listing().entries if e.path == "large")
            stream = tree.open(entry)
            stream.readinto(memoryview(bytearray(100)))

            stream.close()
            stream.close()

            assert contents(tree) == files

    def test_a_file_above_the_limit_is_not_read_at_once(self, tmp_path: Path) -> None:
        """A file larger than what the caller can hold is refused with both sizes."""
        with self.make({"a": b"12345", "b": b""}, tmp_path) as tree:
            entry = next(e for e in tree.listing().entries if e.path == "a")

            assert read_all(tree, entry, limit=5) == b"12345"
            with pytest.raises(ReadError, match="5 bytes, the limit is 4"):
                read_all(tree, entry, limit=4)

    def test_what_was_not_listed_is_not_opened(self, tmp_path: Path) -> None:
        """A path that is no file of the tree is a ReadError that names it."""
        with self.make(SMALL, tmp_path) as tree:
            tree.listing()

            with pytest.raises(ReadError, match=r"nowhere\.txt"):
                read_all(tree, Entry(CratePath("nowhere.txt"), 3))

    def test_a_tree_is_named(self, tmp_path: Path) -> None:
        """A tree has a subject for reports and a name of its root, neither empty."""
        with self.make(SMALL, tmp_path) as tree:
            assert tree.subject
            assert tree.name
            assert "/" not in tree.name

    @given(
        files=st.dictionaries(
            st.lists(text_segment, min_size=1, max_size=3).map(tuple),
            st.binary(max_size=300),
            max_size=8,
        ).map(distinct)
    )
    def test_any_tree_comes_back_as_it_was_made(
        self, files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Whatever the names and the bytes, a tree holds exactly the files it was made of."""
        files = {**files, "ro-crate-metadata.json": b"{}"}

        with self.make(files, tmp_path_factory.mktemp("any")) as tree:
            assert tree.listing().refused == ()
            assert contents(tree) == files


class TestDirectory(TreeTests):
    """Files in a directory."""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Write each file to disk."""
        return open_tree(write(files, folder / "dataset"))

    def test_every_folder_is_listed_also_an_empty_one(self, tmp_path: Path) -> None:
        """The folders of a directory are all of those on disk."""
        (tmp_path / "dataset/deep/empty").mkdir(parents=True)
        with self.make({"deep/file": b""}, tmp_path) as tree:
            assert sorted(tree.listing().folders) == ["deep/", "deep/empty/"]

    def test_an_entry_knows_the_state_of_its_file(self, tmp_path: Path) -> None:
        """An entry of a directory carries times, inode and device as the system gives them."""
        with self.make({"a": b"1"}, tmp_path) as tree:
            (entry,) = tree.listing().entries

        status = (tmp_path / "dataset/a").stat()
        assert entry.stat is not None
        assert entry.stat.mtime_ns == status.st_mtime_ns
        assert entry.stat.ctime_ns == status.st_ctime_ns
        assert (entry.stat.inode, entry.stat.device) == (status.st_ino, status.st_dev)

    def test_a_directory_that_is_reached_by_a_link_is_opened(self, tmp_path: Path) -> None:
        """The link that a user names leads to the directory; only links inside are refused."""
        write({"a": b"1"}, tmp_path / "dataset")
        (tmp_path / "link").symlink_to("dataset", target_is_directory=True)

        with open_tree(tmp_path / "link") as tree:
            assert contents(tree) == {"a": b"1"}
            assert tree.name == "dataset"


class TestNamedFiles(TreeTests):
    """Files that were named one by one, each at a place of its own."""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Write each file to a place that says nothing of its name."""
        places: dict[str, Path] = {}
        for number, (name, content) in enumerate(files.items()):
            places[name] = folder / str(number)
            places[name].write_bytes(content)
        return NamedFiles(places)


@pytest.fixture(scope="class")
def moto(s3_server: str) -> Iterator[None]:
    """Have this process ask moto's server."""
    with asking(s3_server, **SOME_KEY):
        yield


@pytest.mark.usefixtures("moto")
class TestObjects(TreeTests):
    """Objects of an S3 store, below a prefix of a bucket of their own."""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:  # noqa: ARG002
        """Upload each file."""
        return open_tree(upload(os.environ["AWS_ENDPOINT_URL"], files))

    def test_an_entry_knows_the_state_of_its_object(self, tmp_path: Path) -> None:
        """An entry carries the time of its object to the second, and a number for its ETag."""
        with self.make({"a": b"1", "b": b"1", "c": b"2"}, tmp_path) as tree:
            states = [entry.stat for entry in tree.listing().entries]

        assert all(state and state.mtime_ns > 0 and state.inode for state in states)
        a, b, c = (state.inode if state else 0 for state in states)
        assert a == b != c

    def test_a_closed_tree_opens_nothing(self, tmp_path: Path) -> None:
        """After a tree is closed, a large object of it is a ReadError and no other error."""
        tree = self.make({"large": bytes(5 * MIB)}, tmp_path)
        (entry,) = tree.listing().entries

        tree.close()

        with pytest.raises(ReadError):
            read_all(tree, entry)


class ZipTests(TreeTests):
    """What holds for every zip: how it is written is up to the subclass."""

    compression = zipfile.ZIP_STORED
    wrapper = ""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Write a zip and open it."""
        place = folder / "study.zip"
        self.write(files, place)
        return open_tree(place)

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write the files to a zip in this order."""
        with zipfile.ZipFile(place, "w", self.compression) as archive:
            if self.wrapper:
                archive.mkdir(self.wrapper)
            for path, content in files.items():
                archive.writestr(self.wrapper + path, content)

    def test_a_zip_is_as_good_without_its_crc(self, tmp_path: Path) -> None:
        """Where CRC-32 is not computed, the bytes are the same."""
        files = {**SMALL, "large": LARGE}
        self.write(files, tmp_path / "study.zip")

        with open_tree(tmp_path / "study.zip", crc=False) as tree:
            assert contents(tree) == files

    def test_a_closed_zip_opens_nothing(self, tmp_path: Path) -> None:
        """After a zip is closed, its members are a ReadError and no other error."""
        tree = self.make(SMALL, tmp_path)
        entry = tree.listing().entries[0]

        tree.close()

        with pytest.raises(ReadError):
            tree.open(entry)


@pytest.mark.usefixtures("moto")
class TestZipInAStore(ZipTests):
    """A zip that is one object of an S3 store."""

    compression = zipfile.ZIP_DEFLATED

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Write a zip, and upload it."""
        place = folder / "study.zip"
        self.write(files, place)
        address = upload(os.environ["AWS_ENDPOINT_URL"], {"study.zip": place.read_bytes()})
        return open_tree(f"{address}/study.zip")


class TestStoredZip(ZipTests):
    """Members that stand uncompressed in the archive."""


class TestDeflatedZip(ZipTests):
    """Members that are compressed."""

    compression = zipfile.ZIP_DEFLATED


class TestZlibZip(TestDeflatedZip):
    """Compressed members, where no faster library than zlib is installed."""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Write a zip and open it with zlib."""
        place = folder / "study.zip"
        self.write(files, place)
        return ZipTree(place, inflater=INFLATERS[-1])


class TestBzip2Zip(ZipTests):
    """Members in a compression that zipfile unpacks."""

    compression = zipfile.ZIP_BZIP2


class TestWrappedStoredZip(ZipTests):
    """All members in one folder, as `.eln` files are written."""

    wrapper = "my study/"

    def test_the_wrapping_folder_names_the_tree(self, tmp_path: Path) -> None:
        """The folder that wraps everything is left out of the paths and becomes the name."""
        with self.make(SMALL, tmp_path) as tree:
            tree.listing()

            assert tree.name == "my study"


class TestWrappedDeflatedZip(ZipTests):
    """All members in one folder, and compressed."""

    compression = zipfile.ZIP_DEFLATED
    wrapper = "Größe 細胞/"


class TestZip64(ZipTests):
    """Local headers in the form for large files, with sizes in an extra field."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write each member as one that may become larger than 4 GiB."""
        with zipfile.ZipFile(place, "w") as archive:
            for path, content in files.items():
                with archive.open(path, "w", force_zip64=True) as member:
                    member.write(content)


class TestZip64Directory(ZipTests):
    """Sizes, offsets and the end record in the forms for large archives (APPNOTE 4.3.14)."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write an archive for which every size is a large one."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(zipfile, "ZIP64_LIMIT", 0)
            super().write(files, place)
        assert not files or b"PK\x06\x06" in place.read_bytes()


class OnTheWeb:
    """A site that lasts for all tests of a class; each tree has a place of its own on it."""

    site: ClassVar[Site]
    number: ClassVar[Iterator[int]]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _serve(cls) -> Iterator[None]:
        with serving(Site({})) as cls.site:
            cls.number = count()
            yield

    def put(self, files: Mapping[str, bytes]) -> dict[str, str]:
        """Put files on the site; return the address of each."""
        folder = f"{next(self.number)}/"
        self.site.files.update({folder + name: content for name, content in files.items()})
        return {name: self.site.url(folder + quote(name)) for name in files}


class TestZipByRange(OnTheWeb, ZipTests):
    """A zip on the web, of which parts are asked for."""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Write a zip, serve it, and open it by its address."""
        place = folder / "study.zip"
        self.write(files, place)
        return open_tree(self.put({"study.zip": place.read_bytes()})["study.zip"])


class TestDeflatedZipByRange(TestZipByRange):
    """A zip on the web whose members are compressed, in one folder."""

    compression = zipfile.ZIP_DEFLATED
    wrapper = "my study/"


class TestZip64ByRange(TestZipByRange):
    """A zip on the web in the forms for large archives."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write an archive for which every size is a large one."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(zipfile, "ZIP64_LIMIT", 0)
            super().write(files, place)


class TestFilesOnTheWeb(OnTheWeb, TreeTests):
    """Files on the web whose names are known."""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:  # noqa: ARG002
        """Serve each file by its own address."""
        places = {name: parse_url(address) for name, address in self.put(files).items()}
        return WebFiles(Client(private=True), "the web", "web", places, {})


class Pipe(io.RawIOBase):
    """A stream that can only be written, like a pipe to an uploading tool."""

    def __init__(self, place: Path) -> None:
        self._file = place.open("wb")

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        assert isinstance(data, bytes | bytearray | memoryview)
        return self._file.write(data)

    def close(self) -> None:
        self._file.close()
        super().close()


class TestStreamedStoredZip(ZipTests):
    """Sizes and CRC behind the data, as tools write that cannot seek (APPNOTE 4.3.9)."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write the zip to a stream that cannot seek."""
        with Pipe(place) as pipe, zipfile.ZipFile(pipe, "w", self.compression) as archive:
            for path, content in files.items():
                archive.writestr(path, content)
        with zipfile.ZipFile(place) as archive:
            assert all(info.flag_bits & 0x8 for info in archive.infolist())


class TestStreamedDeflatedZip(TestStreamedStoredZip):
    """Sizes and CRC behind compressed data."""

    compression = zipfile.ZIP_DEFLATED


class TestUnflaggedStoredZip(ZipTests):
    """Names in UTF-8 without the flag that says so, as many tools write them."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write a zip and take the UTF-8 flag out of each of its headers."""
        super().write(files, place)
        with zipfile.ZipFile(place) as archive:
            locals_at = [info.header_offset for info in archive.infolist()]
            central_at = archive.start_dir
        raw = bytearray(place.read_bytes())
        for offset in locals_at:
            _drop_utf8_flag(raw, offset + 6)
        while raw[central_at : central_at + 4] == b"PK\x01\x02":
            _drop_utf8_flag(raw, central_at + 8)
            central_at += 46 + sum(struct.unpack_from("<HHH", raw, central_at + 28))
        place.write_bytes(raw)
        with zipfile.ZipFile(place) as archive:
            assert not any(info.flag_bits & 0x800 for info in archive.infolist())


def _drop_utf8_flag(raw: bytearray, offset: int) -> None:
    (flags,) = struct.unpack_from("<H", raw, offset)
    struct.pack_into("<H", raw, offset, flags & ~0x800)


class TestUnflaggedDeflatedZip(TestUnflaggedStoredZip):
    """Unflagged names of compressed members."""

    compression = zipfile.ZIP_DEFLATED


class TestAppendedZip(ZipTests):
    """A zip behind other bytes, as self-extracting archives are."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write a zip and put a program in front of it."""
        super().write(files, place)
        place.write_bytes(b"#!/bin/sh\nexit 1\n" + bytes(1000) + place.read_bytes())


class TestCommentedZip(ZipTests):
    """A zip with a comment at its end and one at each member, and extra fields."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write comments wherever a zip can hold them."""
        with zipfile.ZipFile(place, "w") as archive:
            archive.comment = b"PK\x01\x02 is no member here"
            for path, content in files.items():
                info = zipfile.ZipInfo(path)
                info.comment = b"seen"
                info.extra = struct.pack("<HH4s", 0x9999, 4, b"more")
                archive.writestr(info, content, self.compression)


class TestCommentedDeflatedZip(TestCommentedZip):
    """Compressed members with extra fields, as Info-ZIP writes them.

    zipfile of Python 3.12.0 to 3.12.8, 3.13.0 and 3.13.1 opens such members at a wrong place if
    other threads read at the same time (https://github.com/python/cpython/issues/128258).
    """

    compression = zipfile.ZIP_DEFLATED

    def test_many_members_can_be_opened_side_by_side(self, tmp_path: Path) -> None:
        """Threads that do little but open members get the bytes of their own."""
        files = {f"{n % 5}/{n}": Random(n).randbytes(500 + n) for n in range(100)}
        with self.make(files, tmp_path) as tree:
            entries = list(tree.listing().entries) * 20
            with ThreadPoolExecutor(8) as pool:
                found = list(pool.map(lambda entry: read_all(tree, entry), entries))

        assert [files[entry.path] for entry in entries] == found


@pytest.mark.skipif(shutil.which("zip") is None, reason="the zip command is not installed")
class TestInfoZip(ZipTests):
    """An archive that the `zip` command wrote."""

    language = "C.UTF-8"

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Run the command in the folder of the files."""
        folder = write(files, place.parent / "source")
        # The command writes no empty archive, and reads stdin where a file or folder is called "-".
        if files and "-" not in {path.partition("/")[0] for path in files}:
            subprocess.run(
                ["zip", "-q", "-r", str(place.resolve()), "."],
                check=True,
                cwd=folder,
                env={**os.environ, "LC_ALL": self.language},
            )
        else:
            super().write(files, place)


class TestInfoZipWithoutLocale(TestInfoZip):
    """An archive that the `zip` command wrote where no language is set."""

    language = "C"


class TestMakeArchive(ZipTests):
    """An archive that Python's shutil wrote, with an entry for each folder."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Archive the folder of the files."""
        folder = write(files, place.parent / "source")
        shutil.make_archive(str(place.with_suffix("")), "zip", folder)


class TarTests(TreeTests):
    """What holds for every tar: how it is written is up to the subclass."""

    layout = tarfile.PAX_FORMAT
    before = ""

    def make(self, files: Mapping[str, bytes], folder: Path) -> Tree:
        """Write a tar and open it."""
        place = folder / "study.tar"
        self.write(files, place)
        return open_tree(place)

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write the files to a tar in this order."""
        with tarfile.open(place, "w", format=self.layout) as archive:
            if self.before:
                folder = tarfile.TarInfo(self.before)
                folder.type = tarfile.DIRTYPE
                archive.addfile(folder)
            for path, content in files.items():
                member = tarfile.TarInfo(self.before + path)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))

    def test_a_closed_tar_opens_nothing(self, tmp_path: Path) -> None:
        """After a tar is closed, its members are a ReadError and no other error."""
        tree = self.make(SMALL, tmp_path)
        entry = tree.listing().entries[0]
        stream = tree.open(entry)

        tree.close()

        with pytest.raises(ReadError):
            tree.open(entry)
        with pytest.raises(ReadError):
            stream.readinto(memoryview(bytearray(10)))

    def test_the_files_are_given_as_they_lie(self, tmp_path: Path) -> None:
        """Small files together, and large ones mapped, are the same bytes."""
        files = {**SMALL, "large": LARGE}
        with self.make(files, tmp_path) as tree:
            if not isinstance(tree, QuickTree) or not HAS_READING:
                pytest.skip("the C module is not built")
            entries = tree.listing().entries
            together = tree.read_together(
                entries, array("Q", range(len(entries))), memoryview(bytearray(1))
            )
            assert together is not None
            assert together.failed == {}
            for entry, piece in zip(entries, together.files.pieces(), strict=True):
                assert piece == files[entry.path]
            assert together.settle is not None
            together.settle()
            mapping = tree.mapped(entries[entries.numbers(["large"])["large"]])
            assert mapping is not None
            assert mapping.view == LARGE
            mapping.settle()
            mapping.close()


class TestPaxTar(TarTests):
    """Names that do not fit stand in pax records (POSIX.1-2001)."""


class TestGnuTar(TarTests):
    """Names that do not fit stand in members of their own (GNU tar)."""

    layout = tarfile.GNU_FORMAT


class TestWrappedTar(TarTests):
    """All members in one folder, as most tars are."""

    before = "Größe 細胞/"

    def test_the_wrapping_folder_names_the_tree(self, tmp_path: Path) -> None:
        """The folder that wraps everything is left out of the paths and becomes the name."""
        with self.make(SMALL, tmp_path) as tree:
            tree.listing()

            assert tree.name == "Größe 細胞"


class TestTarOfADot(TarTests):
    """Every name begins with `./`, as `tar -C folder .` writes them."""

    layout = tarfile.GNU_FORMAT
    before = "./"

    def test_nothing_is_said_of_the_dots(self, tmp_path: Path) -> None:
        """What that many programs write is no remark."""
        with self.make(SMALL, tmp_path) as tree:
            assert tree.listing().remarks == ()


class TestUstarTar(TarTests):
    """Names in the header alone, long ones in two parts (POSIX.1-1988), where all fit."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Write each name as ustar, or the whole as pax where one does not fit."""
        self.layout = tarfile.USTAR_FORMAT
        try:
            super().write(files, place)
        except ValueError:
            self.layout = tarfile.PAX_FORMAT
            super().write(files, place)


@pytest.mark.skipif(shutil.which("tar") is None, reason="the tar command is not installed")
class TestTarCommand(TarTests):
    """An archive that the `tar` command wrote."""

    def write(self, files: Mapping[str, bytes], place: Path) -> None:
        """Run the command in the folder of the files."""
        folder = write(files, place.parent / "source")
        subprocess.run(["tar", "-cf", str(place.resolve()), "."], check=True, cwd=folder)


def write(files: Mapping[str, bytes], folder: Path) -> Path:
    """Write files to a folder and return it."""
    folder.mkdir(exist_ok=True)
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder
