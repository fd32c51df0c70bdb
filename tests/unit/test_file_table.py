"""Tables of files: in the order of their paths, and compared by the block."""

import pytest
from unit_literals import files, fingerprint

from crate_iscc.codes import Fingerprint
from crate_iscc.file_table import FileFingerprint, FileTable, TableBuilder, side_by_side
from crate_iscc.paths import CratePath, crate_path

A, B = fingerprint(b"A"), fingerprint(b"B")


def one(known: Fingerprint) -> FileTable:
    return FileTable.of([FileFingerprint(crate_path("a"), known)])


def test_a_table_holds_what_was_added_in_any_way() -> None:
    """One by one, as rows, as columns, and from other tables; with a SHA-256 only where known."""
    builder = TableBuilder()
    builder.add(FileFingerprint(crate_path("d"), A))
    builder.add(FileFingerprint(crate_path("b"), B, "b5"))
    builder.add_row(b"e", -1, b"", b"")
    builder.add_columns([b"a", b"c"], [1, 2], [b"data", b""], [b"inst", b""], [b"", b"c5"])
    builder.add_table(FileTable.of([FileFingerprint(crate_path("f"), A, "f5")]))
    builder.add_table(files({"g": b"A"}))

    assert list(builder.table()) == [
        FileFingerprint(crate_path("a"), Fingerprint(1, b"data", b"inst")),
        FileFingerprint(crate_path("b"), B, "b5"),
        FileFingerprint(crate_path("c"), Fingerprint(2), "c5"),
        FileFingerprint(crate_path("d"), A),
        FileFingerprint(crate_path("e"), Fingerprint()),
        FileFingerprint(crate_path("f"), A, "f5"),
        FileFingerprint(crate_path("g"), A),
    ]


def test_a_path_stands_in_a_table_once() -> None:
    """As lines it may come more often, in the order in which it came."""
    paths, sizes = [b"b", b"a", b"b"], [1, 2, 3]

    def builder() -> TableBuilder:
        builder = TableBuilder()
        builder.add_columns(paths, sizes, [b""] * 3, [b""] * 3)
        return builder

    with pytest.raises(ValueError, match="twice"):
        builder().table()
    assert [row[:2] for row in builder().lines().rows()] == [(b"a", 2), (b"b", 1), (b"b", 3)]


@pytest.mark.parametrize(
    ("mine", "theirs", "same"),
    [
        (A, A, True),
        (A, B, False),
        (A, Fingerprint(A.size, None, A.instance), True),
        (Fingerprint(A.size, None, A.instance), A, True),
        (A, Fingerprint(A.size, B.data, A.instance), False),
        (A, Fingerprint(A.size, A.data, A.instance and A.instance[:16]), False),
        (*[Fingerprint(1, A.data, A.instance and A.instance[:16])] * 2, False),
        (Fingerprint(), Fingerprint(), False),
    ],
    ids=[
        "same",
        "other",
        "no Data-Code there",
        "no Data-Code here",
        "other Data-Code",
        "cut there",
        "both cut",
        "nothing known",
    ],
)
def test_codes_are_the_same_at_one_look_only_where_they_are_whole(
    mine: Fingerprint, theirs: Fingerprint, same: bool
) -> None:
    """Whatever has to be weighed (codes that are cut or missing) is left to a closer look."""
    assert one(mine).same_codes(one(theirs)) is same


@pytest.mark.parametrize(
    ("mine", "theirs", "same"), [(1, 1, True), (1, 2, False), (None, None, False)]
)
def test_sizes_are_the_same_where_they_are_known(
    mine: int | None, theirs: int | None, same: bool
) -> None:
    """Two unknown sizes are no equal ones."""
    assert one(Fingerprint(mine)).same_sizes(one(Fingerprint(theirs))) is same


def test_joined_strings_are_not_enough_to_be_the_same() -> None:
    """Paths and codes are told apart where they lie in the same bytes with other borders."""
    assert not files({"a": b"", "bc": b""}).same_paths(files({"ab": b"", "c": b""}))
    rows = [Fingerprint(1, data, b"inst") for data in (b"data", b"datadata")]
    two = [FileFingerprint(crate_path(path), known) for path, known in zip("ab", rows, strict=True)]
    swapped = [
        FileFingerprint(crate_path(path), known)
        for path, known in zip("ab", reversed(rows), strict=True)
    ]
    assert FileTable.of(two).same_rows(FileTable.of(two))
    assert not FileTable.of(two).same_rows(FileTable.of(swapped))


def test_long_tables_with_few_differences_are_laid_side_by_side() -> None:
    """Each slice names the same paths on both sides, or stands alone."""
    paths = [f"{number:05}" for number in range(5000)]
    mine = FileTable.of(FileFingerprint(crate_path(p), A) for p in paths if p != "01500")
    theirs = FileTable.of(
        FileFingerprint(crate_path(p), A) for p in [*paths, "00099x", "9"] if p != "03000"
    )

    slices = list(side_by_side(mine, theirs))

    assert [[*one.paths()] for one, two in slices if not two] == [["03000"]]
    assert [[*two.paths()] for one, two in slices if not one] == [["00099x"], ["01500"], ["9"]]
    assert all([*one.paths()] == [*two.paths()] for one, two in slices if one and two)
    assert sum(len(one) for one, _ in slices) == len(mine)
    assert len(slices) < 60


@pytest.mark.parametrize("count", [3, 200])
def test_files_are_found_among_others_by_a_walk_or_by_bisecting(count: int) -> None:
    """Whether few or many are looked for, those that are there are found, and no others."""
    table = FileTable.of(
        FileFingerprint(CratePath(f"{number:04}"), Fingerprint(number)) for number in range(count)
    )
    wanted = [CratePath(text) for text in ("0001", "0002", "nothing")]

    found = table.among(wanted)

    assert {path: file.fingerprint.size for path, file in found.items()} == {"0001": 1, "0002": 2}
    assert table[2:].among(wanted).keys() == {"0002"}
    assert table.among([]) == {}
