"""Columns of byte strings: both kinds give back what was put in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.packed import Column, FixedBytes, PackedBytes

STRINGS = [b"abcd", b"", b"efgh", b"\0\0\0\0", b"\xff"]


def fixed(strings: list[bytes], width: int) -> FixedBytes:
    column = FixedBytes(len(strings), width)
    for number, string in enumerate(strings):
        column[number] = string
    return column


@pytest.mark.parametrize(
    ("column", "strings"),
    [
        (PackedBytes(STRINGS), STRINGS),
        (PackedBytes(), []),
        (fixed([b"abcd", b"efgh"], 4), [b"abcd", b"efgh"]),
        (fixed([b"", b""], 0), [b"", b""]),
    ],
    ids=["packed", "empty", "fixed", "fixed to nothing"],
)
def test_a_column_gives_back_its_strings(column: Column, strings: list[bytes]) -> None:
    """By number, one after the other, and one behind the other with the places where each ends."""
    assert len(column) == len(strings)
    assert list(column) == [column[number] for number in range(len(strings))] == strings
    for start in range(len(strings) + 1):
        for stop in range(start, len(strings) + 1):
            some = strings[start:stop]
            assert list(column.between(start, stop)) == some
            assert column.joined(start, stop) == b"".join(some)
            ends = [len(b"".join(some[: count + 1])) for count in range(len(some))]
            assert column.ends(start, stop) == ends
    with pytest.raises(IndexError):
        column[len(strings)]


def test_more_strings_than_are_held_at_once_stay_in_order() -> None:
    """Columns are filled and read in portions."""
    strings = [str(number).encode() for number in range(10_000)]

    column = PackedBytes(iter(strings))
    column.append(b"last")

    assert list(column) == [*strings, b"last"]
    assert list(fixed([s.zfill(5) for s in strings], 5)) == [s.zfill(5) for s in strings]


@pytest.mark.parametrize(
    ("strings", "kind"),
    [
        ([b"abcd", b"efgh"], FixedBytes),
        ([b"", b""], FixedBytes),
        ([], FixedBytes),
        ([b"ab", b"", b"cdef"], PackedBytes),
        ([b"abcd", b"ab"], PackedBytes),
    ],
)
def test_a_column_shrinks_where_all_strings_are_of_one_length(
    strings: list[bytes], kind: type[Column]
) -> None:
    """It holds the same strings; an average length is no common one."""
    column = PackedBytes(strings).shrunk()

    assert type(column) is kind
    assert list(column) == strings


@pytest.mark.parametrize(
    ("strings", "is_sorted"),
    [
        ([], True),
        ([b"a"], True),
        ([b"a", b"a/b", b"b"], True),
        ([b"a", b"a"], False),
        ([b"b", b"a"], False),
        ([b"a", b"c", b"b"], False),
    ],
)
def test_a_column_is_sorted_where_each_string_is_greater_than_the_last(
    strings: list[bytes], is_sorted: bool
) -> None:
    """Twice the same string is not sorted: tables hold each path once."""
    assert PackedBytes(strings).is_sorted() is is_sorted


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=5)), max_size=30))
def test_a_column_keeps_runs_of_its_strings(rows: list[tuple[bool, bytes]]) -> None:
    """Any are dropped, wherever they stand; what is added then follows; a copy stays whole."""
    column = PackedBytes(string for _, string in rows)
    whole = column.copy()

    column.keep([range(n, n + 1) for n, (is_kept, _) in enumerate(rows) if is_kept])
    column.append(b"next")

    assert list(column) == [*(string for is_kept, string in rows if is_kept), b"next"]
    assert list(whole) == [string for _, string in rows]


def test_long_runs_are_kept() -> None:
    """Runs are moved in portions, and none of their edges is lost between two of these."""
    strings = [str(number).encode() for number in range(30_000)]
    column = PackedBytes(strings)

    column.keep([range(1, 10_000), range(10_001, 30_000)])

    assert list(column) == [*strings[1:10_000], *strings[10_001:]]
