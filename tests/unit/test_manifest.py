"""The treehash and the manifest file, against computations by hand."""

from dataclasses import replace

import pytest
from blake3 import blake3
from unit_literals import files, fingerprint, manifest

from crate_iscc.codes import Fingerprint
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.manifest import (
    line_blocks,
    manifest_lines,
    parse_manifest_line,
    parse_manifest_lines,
    parse_size,
    treehash,
)
from crate_iscc.paths import crate_path

CODES = f"1e20{blake3(b'x').hexdigest()}\t{fingerprint(b'x').iscc()}"


def multihash(record: bytes) -> str:
    return "1e20" + blake3(record).hexdigest()


def test_a_treehash_is_blake3_over_one_record_for_each_file() -> None:
    """A record is the path, NUL, the size in decimal, NUL, the datahash in hex, LF."""
    known = files({"b.txt": b"second", "a/c.txt": b""})

    records = (
        b"a/c.txt\x000\x001e20" + blake3(b"").hexdigest().encode() + b"\n"
        b"b.txt\x006\x001e20" + blake3(b"second").hexdigest().encode() + b"\n"
    )

    assert treehash(known) == multihash(records)


def test_records_are_sorted_by_the_utf8_bytes_of_their_paths() -> None:
    """A folder's files are no block of their own, and Unicode is not normalised."""
    order = ["A", "a", "a!", "a/b", "a0", "cafe\u0301", "caf\u00e9", "\uffff", "\U00010000"]
    known = files(dict.fromkeys(order, b"x"))

    records = b"".join(f"{path}\x001\x00{multihash(b'x')}\n".encode() for path in order)

    assert [file.path for file in known] == order
    assert treehash(known) == multihash(records)
    assert treehash(reversed(known)) == treehash(known)


def test_the_treehash_of_a_folder_is_that_of_the_folder_on_its_own() -> None:
    """Paths are relative to the folder, so that a container can be checked anywhere."""
    whole = files({"x.zarr/zarr.json": b"{}", "x.zarr/0/c": b"1", "y": b"2"})
    alone = files({"zarr.json": b"{}", "0/c": b"1"})

    assert treehash(FileTable.of(whole).below("x.zarr/"), "x.zarr/") == treehash(alone)


def test_the_treehash_of_nothing_is_that_of_no_bytes() -> None:
    """A tree without files has a treehash too."""
    assert treehash(()) == multihash(b"")


@pytest.mark.parametrize(
    "other",
    [
        {"a": b"ab", "b": b"cd", "c": b""},
        {"a": b"ab", "c": b"cd"},
        {"a": b"abc", "b": b"d"},
        {"a": b"cd", "b": b"ab"},
        {"A": b"ab", "b": b"cd"},
    ],
)
def test_a_treehash_binds_paths_boundaries_and_bytes(other: dict[str, bytes]) -> None:
    """An empty file more, a new name, a shifted boundary and a swap each change it."""
    assert treehash(files({"a": b"ab", "b": b"cd"})) != treehash(files(other))


@pytest.mark.parametrize(
    "known",
    [
        Fingerprint(None, None, bytes(32)),
        Fingerprint(1, bytes(32), bytes(16)),
        Fingerprint(1, bytes(32)),
        Fingerprint(),
    ],
)
def test_there_is_no_treehash_over_files_that_are_not_known(known: Fingerprint) -> None:
    """A size or a datahash that is not known whole stops it."""
    with pytest.raises(ValueError, match="not known"):
        treehash([FileFingerprint(crate_path("a"), known)])


def test_the_files_below_a_folder_stand_side_by_side() -> None:
    """Neighbours whose names only begin alike are not among them."""
    known = files(dict.fromkeys(["a", "a!/x", "a/x", "a/y/z", "a0", "b/a/x"], b""))

    assert [file.path for file in FileTable.of(known).below("a/")] == ["a/x", "a/y/z"]
    assert [file.path for file in FileTable.of(known).below("c/")] == []
    assert FileTable.of(known).below("") == known


def test_the_size_of_a_manifest_is_that_of_the_files_whose_size_is_known() -> None:
    """A file of unknown size counts as nothing."""
    assert manifest({"a": b"12", "b": b"345"}).size == 5


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("raw/cell 1.tif", "raw/cell 1.tif"),
        ("a\tb", "a\\tb"),
        ("a\nb\r", "a\\nb\\r"),
        ("a\\b", "a\\\\b"),
        ("a\\tb", "a\\\\tb"),
        ("a\\", "a\\\\"),
        ("\\\\\t\\", "\\\\\\\\\\t\\\\"),
        ("caf\u00e9\u2028\x85\x0b\x1c", "caf\u00e9\u2028\x85\x0b\x1c"),
    ],
)
def test_any_file_name_survives_the_manifest_file(path: str, written: str) -> None:
    """Tabs, line ends and backslashes are escaped, and everything else stays native."""
    (known,) = files({path: b"x"})

    header, line = manifest_lines([known])

    assert header == "path\tsize\tdatahash\tiscc\n"
    assert line == f"{written}\t1\t{CODES}\n"
    assert parse_manifest_line(line) == known


@pytest.mark.parametrize(
    "line",
    [
        "",
        "a\t1\n",
        f"a\t1\t{CODES}\tmore\n",
        f"a\t-1\t{CODES}\n",
        f"a\t1.0\t{CODES}\n",
        f"a\t\t{CODES}\n",
        f"a\t\u0661\t{CODES}\n",
        f"a\t1\t{CODES}\r\n",
        f"a\t1\t{CODES[:67]}\t{fingerprint(b'x').iscc()}\n",
        f"a\t1\t{multihash(b'y')}\t{fingerprint(b'x').iscc()}\n",
        f"a\t1\t{multihash(b'x')}\tISCC:IADVOUYTSICALBEMJF3PSXUDBHN4L6CCU74D54GW5XVDTDGCHDZTQ3I\n",
        f"../a\t1\t{CODES}\n",
        f"/a\t1\t{CODES}\n",
        f"\t1\t{CODES}\n",
        f"a\\x41\t1\t{CODES}\n",
        f"a\\\t1\t{CODES}\n",
        f"a\\\\\\\t1\t{CODES}\n",
    ],
)
def test_a_damaged_line_of_the_manifest_file_is_refused(line: str) -> None:
    """Wrong fields, sizes, codes and escapes, codes that contradict, and paths that lead out."""
    with pytest.raises(InputError):
        parse_manifest_line(line)


def test_a_line_needs_no_line_end_and_may_hold_a_narrow_code() -> None:
    """The last line of a file may be cut off behind its last character."""
    narrow = fingerprint(b"x").iscc(wide=False)
    known = parse_manifest_line(f"a\t1\t{multihash(b'x')}\t{narrow}")
    assert isinstance(known, FileFingerprint)

    assert known.fingerprint.datahash == multihash(b"x")
    assert known.fingerprint.iscc(wide=False) == narrow


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("1048576", 1048576), ("", None), ("-1", None), ("1e3", None), ("9" * 20, None)],
)
def test_a_size_is_decimal_digits(text: str, size: int | None) -> None:
    """Signs, exponents and numbers beyond 64 bits are no sizes."""
    assert parse_size(text) == size


def test_in_order_sorts_and_keeps_every_file() -> None:
    """The order is that of UTF-8 bytes, which is not that of locale or case."""
    known = [FileFingerprint(crate_path(p), Fingerprint()) for p in ("é", "z", "A", "a")]

    assert [file.path for file in FileTable.of(known)] == ["A", "a", "z", "é"]


# --- rows of containers (the table style) ------------------------------------------------------


def test_a_container_has_a_row_before_its_members() -> None:
    """FORMAT, "The manifest file": its path ends in a slash; rows stand in the order of bytes."""
    known = manifest({"a.txt": b"a", "z.zarr/0": b"0", "z.zarr0": b"1"}, ["z.zarr/"])

    lines = [*manifest_lines(known.files, known.containers)][1:]

    assert [line.split("\t")[0] for line in lines] == ["a.txt", "z.zarr/", "z.zarr/0", "z.zarr0"]
    assert parse_manifest_line(lines[1]) == replace(known.containers[0], files=None)


@pytest.mark.parametrize("path", ["/", "../x/", "a//", "./a/"])
def test_a_row_of_a_folder_outside_is_refused(path: str) -> None:
    """A container's path stays in the crate as a file's does."""
    with pytest.raises(InputError):
        parse_manifest_line(f"{path}\t1\t{CODES}\n")


def test_lines_are_cut_at_line_feeds_alone_wherever_the_pieces_end() -> None:
    """Any other separator may be in a name; an end is not needed, and empty lines are none."""
    raw = "a\u2028\r\x0b\n\n\ncaf\u00e9\x85\nlast".encode()
    lines = ["a\u2028\r\x0b", "caf\u00e9\x85", "last"]

    for size in (1, 2, 3, 5, len(raw)):
        pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
        assert [line for block in line_blocks(pieces) for line in block] == lines
    assert list(line_blocks(["\n".join("abcde").encode()], most=2)) == [
        ["a", "b"],
        ["c", "d"],
        ["e"],
    ]
    assert list(line_blocks([])) == []
    assert list(line_blocks([b"\xff\n"])) == [["\ufffd"]]


def test_many_lines_are_parsed_at_once() -> None:
    """They give the rows of a table."""
    lines = [f"a b\t1\t{CODES}", f"caf\u00e9/.x\t9223372036854775807\t{CODES}"]

    found = parse_manifest_lines(lines)

    assert found is not None
    assert list(FileTable.of_rows(found)) == [parse_manifest_line(line) for line in lines]


@pytest.mark.parametrize(
    "lines",
    [
        ["path\tsize\tdatahash\tiscc"],
        [f"a\t1\t{CODES}\tx", "1\t" + CODES],
        [f"a\t1\t{CODES}\tx\t1\t{CODES}"],
        *(
            [f"{path}\t1\t{CODES}"]
            for path in (
                *(
                    "",
                    "/a",
                    "a/",
                    "a//b",
                    ".",
                    "./a",
                    "a/.",
                    "a/./b",
                    "..",
                    "../a",
                    "a/..",
                    "a/../b",
                ),
                *("a\0", "a\\\\b", "a\\tb", "a\r", "\ufffd", "\ud800", "iscc-manifest.tsv"),
                *(
                    "ro-crate-metadata.json",
                    "ro-crate-preview_files/x",
                    "iscc-proof/signature.json",
                ),
            )
        ),
        *(
            [f"a\t{size}\t{CODES}", f"b\t1\t{CODES}"]
            for size in ("", "01", "00", "-1", "+1", " 1", "1_0", "1.0", "\u0661", "9" * 19, "x")
        ),
    ],
)
def test_lines_are_not_parsed_at_once_where_one_is_unusual(lines: list[str]) -> None:
    """Escapes, wrong sizes and paths that lead out or are no payload are looked at one by one."""
    assert parse_manifest_lines(lines) is None
    assert parse_manifest_lines([f"0\t1\t{CODES}", *lines]) is None
