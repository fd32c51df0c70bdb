"""What changed shortly before work began may change again unnoticed."""

import pytest

from crate_iscc.fingerprinting.freshness import is_too_fresh

_NOW = 1_790_000_000 * 10**9


@pytest.mark.parametrize(
    ("mtime", "ctime", "fresh"),
    [
        (_NOW - 21_000_001, _NOW - 21_000_001, False),
        (_NOW - 19_000_001, _NOW - 21_000_001, True),
        (_NOW - 21_000_001, _NOW - 19_000_001, True),
        (_NOW - 21_000_000, _NOW - 21_000_000, True),  # whole milliseconds: a coarse clock
        (_NOW - 2_001_000_000, _NOW - 2_001_000_000, False),
        (1, _NOW + 10**9, True),
        (_NOW + 10**12 + 1, 1, True),
    ],
)
def test_a_tick_of_the_clock_is_waited_for(mtime: int, ctime: int, fresh: bool) -> None:
    """Fine clocks tick in 20 ms at most, coarse ones in 2 s; the future is never past."""
    assert is_too_fresh(mtime, ctime, _NOW) is fresh
