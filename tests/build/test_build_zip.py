"""`build -o x.zip` writes a zip that can be verified in place, and leaves the dataset alone."""

import os
import shutil
import subprocess
import zipfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from build_support import (
    MANIFEST,
    METADATA,
    NOW,
    PLAIN,
    ZARR,
    age,
    contents_of,
    crate_iscc,
    graph_of,
    metadata_bytes,
    paths_below,
    state_of,
    write_tree,
    zip_of,
)

from crate_iscc import InputError, Verdict, build, fingerprint, verify


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a dataset with files, a Zarr, an empty folder, and a preview."""
    folder = write_tree(
        tmp_path / "study",
        {
            **PLAIN,
            **ZARR,
            "to do/": b"",
            "ro-crate-preview.html": b"<p>",
            "ro-crate-preview_files/style.css": b"p {}",
        },
    )
    age(folder)
    return folder


def _members(archive: Path) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        return opened.infolist()


def _files(archive: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {i.filename: opened.read(i) for i in opened.infolist() if not i.is_dir()}


def test_the_dataset_is_left_as_it_was(dataset: Path, tmp_path: Path) -> None:
    """Nothing appears in it, and nothing beside the zip."""
    before = state_of(dataset, without=frozenset())

    crate_iscc("build", dataset, "-o", tmp_path / "x.zip", home=tmp_path / "home")

    assert state_of(dataset, without=frozenset()) == before
    assert {place.name for place in tmp_path.iterdir()} == {"study", "home", "x.zip"}


def test_the_metadata_come_first_then_the_manifest_then_the_payload_in_order(
    dataset: Path, tmp_path: Path
) -> None:
    """A reader finds what describes the rest at the start; files follow by their UTF-8 bytes."""
    build(dataset, tmp_path / "x.zip")

    files = [info.filename for info in _members(tmp_path / "x.zip") if not info.is_dir()]
    assert files[:2] == [METADATA, MANIFEST]
    assert files[2:] == sorted(files[2:], key=lambda name: name.encode())
    assert set(files[2:]) == set(contents_of(dataset))


def test_the_metadata_start_at_the_first_byte(dataset: Path, tmp_path: Path) -> None:
    """Their bytes stand in the archive as they are, behind one local header."""
    build(dataset, tmp_path / "x.zip")

    head = (tmp_path / "x.zip").read_bytes()[: 30 + len(METADATA)]
    assert head.startswith(b"PK\x03\x04")
    assert head.endswith(METADATA.encode())


def test_members_are_stored(dataset: Path, tmp_path: Path) -> None:
    """Nothing is compressed, so that each file can be read in place at full speed."""
    build(dataset, tmp_path / "x.zip")

    kinds = {info.compress_type for info in _members(tmp_path / "x.zip")}
    assert kinds == {zipfile.ZIP_STORED}


def test_compress_deflates_the_members_and_changes_no_content(
    dataset: Path, tmp_path: Path
) -> None:
    """The archive gets smaller; metadata and codes are those of the stored one."""
    home = tmp_path / "home"
    crate_iscc("build", dataset, "-o", tmp_path / "stored.zip", home=home)
    crate_iscc("build", dataset, "-o", tmp_path / "small.zip", "--compress", home=home)

    members = [info for info in _members(tmp_path / "small.zip") if not info.is_dir()]
    assert {info.compress_type for info in members} == {zipfile.ZIP_DEFLATED}
    assert _files(tmp_path / "small.zip") == _files(tmp_path / "stored.zip")
    assert (tmp_path / "small.zip").stat().st_size < (tmp_path / "stored.zip").stat().st_size


def test_pixels_are_deflated_quickly(tmp_path: Path) -> None:
    """At a level of zlib that makes noise as small as its default in a fraction of the time."""
    random = Random(1)
    noise = b"".join(int(random.gauss(200, 14)).to_bytes(2, "little") for _ in range(100_000))
    dataset = write_tree(tmp_path / "noise", {"noise.raw": noise})

    build(dataset, tmp_path / "x.zip", compress=True)

    (member,) = [one for one in _members(tmp_path / "x.zip") if one.filename == "noise.raw"]
    at_level = {
        level: len(zlib.compress(noise, level, wbits=-zlib.MAX_WBITS)) for level in (1, 4, 6)
    }
    assert member.compress_size == at_level[4] < 1.02 * at_level[6]


@pytest.mark.parametrize("compress", [False, True])
def test_the_zip_verifies(dataset: Path, tmp_path: Path, compress: bool) -> None:
    """Every payload file is in it, intact; the codes are those of the directory."""
    plan = build(dataset, tmp_path / "x.zip", compress=compress)

    report = verify(tmp_path / "x.zip")
    assert report.verdict is Verdict.VALID
    assert report.counts.match == len(PLAIN) + len(ZARR)
    assert fingerprint(tmp_path / "x.zip").root == plan.manifest.root


def test_the_zip_is_the_crate_that_a_build_in_place_makes(dataset: Path, tmp_path: Path) -> None:
    """Metadata and manifest are the same bytes; the preview comes along."""
    build(dataset, tmp_path / "x.zip", now=NOW)
    build(dataset, now=NOW)

    assert _files(tmp_path / "x.zip") == contents_of(dataset, without=frozenset())


@pytest.mark.parametrize("compress", [False, True])
def test_the_same_dataset_gives_the_same_zip(tmp_path: Path, compress: bool) -> None:
    """It hangs on names, bytes and times of the files: not on where, when or by whom."""
    files = {**PLAIN, **ZARR, "to do/": b""}
    one = write_tree(tmp_path / "1" / "study", files)
    two = write_tree(tmp_path / "2" / "study", dict(reversed(files.items())))
    zips = []
    for folder, zone, mask in ((one, "UTC", 0o022), (two, "Asia/Tokyo", 0o077)):
        age(folder)
        old = os.umask(mask)
        try:
            crate_iscc(
                "build", folder, "-o", folder.parent / "x.zip", *["--compress"] * compress,
                home=tmp_path / "home", TZ=zone,
            )  # fmt: skip
        finally:
            os.umask(old)
        zips.append((folder.parent / "x.zip").read_bytes())

    assert zips[0] == zips[1]


def test_empty_folders_are_in_the_zip(dataset: Path, tmp_path: Path) -> None:
    """They have no file that would bring them along."""
    build(dataset, tmp_path / "x.zip")

    assert "to do/" in {info.filename for info in _members(tmp_path / "x.zip")}


def test_folders_that_the_metadata_describe_have_an_entry_in_the_zip(
    dataset: Path, tmp_path: Path
) -> None:
    """A reader that looks up a Dataset by its path in the archive finds it."""
    build(dataset, tmp_path / "x.zip")

    assert "cell.zarr/" in graph_of(tmp_path / "x.zip")
    assert "cell.zarr/" in {info.filename for info in _members(tmp_path / "x.zip")}


def test_names_beyond_ascii_are_marked_as_utf8(dataset: Path, tmp_path: Path) -> None:
    """Any program reads them right."""
    build(dataset, tmp_path / "x.zip")

    (member,) = (i for i in _members(tmp_path / "x.zip") if not i.filename.isascii())
    assert member.filename == "notes/F\u00e4rbung 50% #3.txt"
    assert member.flag_bits & 0x800


def test_modification_times_are_kept_in_utc(tmp_path: Path) -> None:
    """They are the file's own, to the two seconds of the format, wherever the zip is written."""
    dataset = write_tree(tmp_path / "study", {"a.txt": b"a"})
    moment = datetime(2020, 5, 6, 23, 30, 10, tzinfo=UTC)
    os.utime(dataset / "a.txt", (moment.timestamp(),) * 2)

    crate_iscc("build", dataset, "-o", tmp_path / "x.zip", home=tmp_path / "home", TZ="Asia/Tokyo")

    (member,) = (i for i in _members(tmp_path / "x.zip") if i.filename == "a.txt")
    assert member.date_time == (2020, 5, 6, 23, 30, 10)


@pytest.mark.parametrize("year", [1970, 1979, 2108, 2400])
def test_times_that_a_zip_cannot_hold_are_no_hindrance(tmp_path: Path, year: int) -> None:
    """The nearest time that the format knows stands for them."""
    dataset = write_tree(tmp_path / "study", {"a.txt": b"a"})
    moment = datetime(year, 1, 1, tzinfo=UTC).timestamp()
    os.utime(dataset / "a.txt", (moment, moment))

    build(dataset, tmp_path / "x.zip")

    (member,) = (i for i in _members(tmp_path / "x.zip") if i.filename == "a.txt")
    assert member.date_time[0] in (1980, 2107)


@pytest.mark.skipif(not shutil.which("unzip"), reason="needs the unzip command")
def test_unzip_unpacks_what_was_packed(dataset: Path, tmp_path: Path) -> None:
    """A program that nobody here wrote finds every file, folder and byte."""
    build(dataset, tmp_path / "x.zip", now=NOW)

    subprocess.run(
        ["unzip", "-q", tmp_path / "x.zip", "-d", tmp_path / "out"],
        check=True,
        env={"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]},
    )

    build(dataset, now=NOW)
    assert contents_of(tmp_path / "out", without=frozenset()) == contents_of(
        dataset, without=frozenset()
    )
    assert paths_below(tmp_path / "out") == paths_below(dataset)


@pytest.mark.parametrize("name", ["x.zip", "X.ZIP", "x.eln"])
def test_the_ending_of_the_target_asks_for_a_zip(dataset: Path, tmp_path: Path, name: str) -> None:
    """Endings of the zip family make an archive."""
    build(dataset, tmp_path / name)

    assert zipfile.is_zipfile(tmp_path / name)


# --- a zip as the source -----------------------------------------------------------------------


@pytest.mark.parametrize("wrapper", ["", "study-1.0/"], ids=["at the top", "in one folder"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_goes_in_and_a_zip_comes_out(tmp_path: Path, wrapper: str, compression: int) -> None:
    """It is never unpacked; the codes are those of the same files in a directory."""
    contents = {**PLAIN, **ZARR}
    source = tmp_path / "in.zip"
    source.write_bytes(
        zip_of({wrapper + path: data for path, data in contents.items()}, compression=compression)
    )
    before = source.read_bytes()

    plan = build(source, tmp_path / "out.zip")

    assert source.read_bytes() == before
    assert plan.manifest.root == fingerprint(write_tree(tmp_path / "d", contents)).root
    made = _files(tmp_path / "out.zip")
    assert {path: made[path] for path in contents} == contents
    assert verify(tmp_path / "out.zip").verdict is Verdict.VALID


def test_a_zip_crate_that_goes_in_is_extended(tmp_path: Path) -> None:
    """Its metadata are kept, as they are in a directory."""
    dataset = write_tree(tmp_path / "study", PLAIN)
    build(dataset, tmp_path / "in.zip", name="Cells", authors=["Ada Lovelace"], now=NOW)

    build(tmp_path / "in.zip", tmp_path / "out.zip")

    assert metadata_bytes(tmp_path / "out.zip") == metadata_bytes(tmp_path / "in.zip")


def test_a_zip_can_be_unpacked_into_a_crate(tmp_path: Path) -> None:
    """A zip as the source and a directory as the target give a crate that verifies."""
    (tmp_path / "in.zip").write_bytes(zip_of({**PLAIN, **ZARR, "to do/": b""}))

    build(tmp_path / "in.zip", tmp_path / "out")

    assert contents_of(tmp_path / "out") == {**PLAIN, **ZARR}
    assert (tmp_path / "out" / "to do").is_dir()
    assert verify(tmp_path / "out").verdict is Verdict.VALID


def test_a_zip_is_never_changed_in_place(tmp_path: Path) -> None:
    """The error says what to do instead."""
    source = tmp_path / "in.zip"
    source.write_bytes(zip_of(PLAIN))
    before = source.read_bytes()

    with pytest.raises(InputError, match="cannot be built in place") as caught:
        build(source)

    assert caught.value.hint == "write a new one: -o NEW.zip"
    assert source.read_bytes() == before


@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "a/../../evil.txt"])
def test_a_member_that_leads_out_of_the_zip_is_refused_by_name(tmp_path: Path, name: str) -> None:
    """Nothing is written, within the target or without."""
    (tmp_path / "in.zip").write_bytes(zip_of({"a.txt": b"a", name: b"evil"}))

    ran = crate_iscc(
        "build", tmp_path / "in.zip", "-o", tmp_path / "sub", home=tmp_path / "home", expect=3
    )

    assert f"unread  {name}: " in ran.stderr
    assert {place.name for place in tmp_path.iterdir()} <= {"in.zip", "home"}


def test_a_damaged_member_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    """A byte that the archive's own check finds wrong gets no fingerprint."""
    raw = bytearray(zip_of({"a.txt": b"a" * 100, "b.txt": b"b"}))
    raw[raw.index(b"aaaa")] ^= 1
    (tmp_path / "in.zip").write_bytes(bytes(raw))

    ran = crate_iscc(
        "build", tmp_path / "in.zip", "-o", tmp_path / "x.zip", home=tmp_path / "home", expect=3
    )

    assert "unread  a.txt: " in ran.stderr
    assert not (tmp_path / "x.zip").exists()


# --- size --------------------------------------------------------------------------------------


@pytest.mark.deep
def test_more_members_than_a_plain_zip_can_count_are_no_hindrance(tmp_path: Path) -> None:
    """Beyond 65,535 members the archive ends in zip64 records, and verifies."""
    contents = {f"a.zarr/{number}": b"" for number in range(65_600)} | {"a.zarr/.zgroup": b"{}"}
    (tmp_path / "in.zip").write_bytes(zip_of(contents))

    build(tmp_path / "in.zip", tmp_path / "x.zip")

    report = verify(tmp_path / "x.zip")
    assert report.verdict is Verdict.VALID
    assert report.counts.match == len(contents)


@pytest.mark.deep
def test_a_member_of_more_than_four_gibibytes_is_written_as_zip64(tmp_path: Path) -> None:
    """A sparse file of that size comes out whole, and the files after it are found."""
    dataset = write_tree(tmp_path / "study", {"z.txt": b"behind it"})
    size = (4 << 30) + 5
    with (dataset / "large.bin").open("wb") as file:
        file.truncate(size)
        file.seek(size - 1)
        file.write(b"!")

    build(dataset, tmp_path / "x.zip")

    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.getinfo("large.bin").file_size == size
        assert archive.read("z.txt") == b"behind it"
    assert verify(tmp_path / "x.zip").verdict is Verdict.VALID
