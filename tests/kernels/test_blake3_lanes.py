"""However many blocks a processor hashes at once, BLAKE3 of small files is that of the package."""

from array import array
from itertools import accumulate
from random import Random

import pytest
from blake3 import blake3

native = pytest.importorskip("crate_iscc.kernel._native", reason="no C module was compiled here")

SIZES = (0, 1, 63, 64, 65, 1023, 1024, 1025, 2048, 2049, 3072, 8191, 16384, 17408, 40000)


@pytest.mark.parametrize("lanes", [1, 4, 8, 16])
def test_files_have_the_digests_of_the_package_at_any_width(lanes: int) -> None:
    """One file, as many as there are lanes, and more: chunks and parents fill them unevenly.

    A processor without so many lanes takes those that it has.
    """
    random = Random(lanes)
    try:
        assert native.blake3_lanes(lanes) <= max(4, lanes)
        for count in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 40):
            sizes = random.choices(SIZES, k=count)
            content = random.randbytes(sum(sizes))
            starts = list(accumulate(sizes[:-1], initial=0))

            digests = native.blake3_files(content, array("q", starts), array("q", sizes))

            assert digests == b"".join(
                blake3(content[start : start + size]).digest()
                for start, size in zip(starts, sizes, strict=True)
            )
    finally:
        native.blake3_lanes(16)


@pytest.mark.parametrize("wrong", [-1, 1 << 70, "4"])
def test_a_width_that_is_no_number_of_lanes_is_refused(wrong: object) -> None:
    """Nothing is chosen then."""
    with pytest.raises((OverflowError, TypeError)):
        native.blake3_lanes(wrong)
