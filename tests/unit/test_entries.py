"""Tables of listed files: what is left out of them, and what that costs."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.paths import CratePath


def entry(number: int, *, with_state: bool = True) -> Entry:
    state = StatKey(number, -number, 7 * number, 5) if with_state else None
    return Entry(CratePath(f"f{number:06}"), number * number, state)


@given(st.integers(0, 12), st.sets(st.integers(0, 11)), st.booleans())
def test_files_are_left_out_with_all_that_is_known_of_them(
    count: int, numbers: set[int], with_state: bool
) -> None:
    """The other files keep their sizes and states, in a table of their own or in this one."""
    entries = [entry(number, with_state=with_state) for number in range(count)]
    left_out = {number for number in numbers if number < count}
    expected = [e for number, e in enumerate(entries) if number not in left_out]
    table = EntryTable.of(entries)

    assert list(table.without(left_out)) == expected
    assert list(table) == entries

    table.leave_out(left_out)
    assert list(table) == expected
    assert all(table.get(e.path) == e for e in expected)


@pytest.mark.parametrize("left_out", [[0], [30_000], [0, 15_000, 59_999]])
def test_a_file_is_left_out_without_a_copy_of_the_others(left_out: list[int]) -> None:
    """Of 60,000 files, 4 MB of columns, nothing near a second copy is made on the way."""
    table = EntryTable.of(map(entry, range(60_000)))
    tracemalloc.start()
    try:
        table.leave_out(left_out)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(table) == 60_000 - len(left_out)
    assert peak < 400_000
