"""How near is near: the threshold that unrelated codes hardly ever keep below, by their number.

Of two unrelated codes each bit differs as often as not, so the number of differing bits is
binomial, and over all pairs less than FALSE_PAIRS of them are expected below the threshold.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import comb

from crate_iscc.codes import Distance
from crate_iscc.errors import InputError

FALSE_PAIRS = Fraction(1, 10)
"""How many pairs of unrelated codes are expected within a threshold, at most, of all pairs."""
IMAGE_THRESHOLD = 48
"""Bits of 256 in which Image-Codes of images that look alike differ, at most.

It is no threshold of chance, which would allow more: images of one assay may be less independent
than those that were measured, and most treatments that keep the frame stay below it
(docs/similarity.md).
"""
_LONGEST = 32
"""Bytes of a whole Data-Code."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The most bits of `of` that may differ, and how many of so many pairs do so by chance.

    `bits` is -1 where the codes are too short to tell anything among so many.
    """

    bits: int
    of: int
    pairs: int

    @property
    def expected(self) -> float:
        """The expected number of pairs of unrelated codes within the threshold."""
        return float(self.pairs * chance(self.bits, self.of))


def chance(bits: int, of: int) -> Fraction:
    """Return how likely two unrelated codes of `of` bits differ in no more than so many bits."""
    return Fraction(sum(comb(of, k) for k in range(bits + 1)), 1 << of)


def threshold_for(of: int, pairs: int, false_pairs: Fraction = FALSE_PAIRS) -> Threshold:
    """Return the largest threshold within which fewer than `false_pairs` pairs are by chance.

    It never exceeds what is called similar (see Distance.word), however few files there are.
    """
    total = 0
    bits = -1
    for k in range(of + 1):
        total += comb(of, k)
        if pairs * Fraction(total, 1 << of) >= false_pairs:
            break
        bits = k
    most = bisect_left(range(of), True, key=lambda k: Distance(k, of).word == "unrelated") - 1
    return Threshold(min(bits, most), of, pairs)


def pairs_within(widths: Iterable[int]) -> dict[int, int]:
    """Return how many pairs of codes are compared at each width, in bytes: the shorter one's."""
    pairs: dict[int, int] = {}
    longer = 0
    for width, own in sorted(Counter(widths).items(), reverse=True):
        pairs[width] = own * (own - 1) // 2 + own * longer
        longer += own
    pairs.pop(0, None)
    return pairs


def pairs_between(first: Iterable[int], second: Iterable[int]) -> dict[int, int]:
    """Return the same of the pairs that have one code from each of two sets."""
    ours, theirs = Counter(first), Counter(second)
    pairs: dict[int, int] = {}
    our_longer = their_longer = 0
    for width in sorted(ours.keys() | theirs.keys(), reverse=True):
        own, their_own = ours[width], theirs[width]
        pairs[width] = own * (their_own + their_longer) + our_longer * their_own
        our_longer += own
        their_longer += their_own
    pairs.pop(0, None)
    return pairs


def thresholds(pairs: dict[int, int], override: int | None) -> list[Threshold]:
    """Return the threshold for each width (in bytes) at which codes are compared, rising.

    All widths share FALSE_PAIRS; another threshold is meant for the longest codes.
    """
    longest = 8 * max(pairs, default=_LONGEST)
    if override is not None and not 0 <= override <= longest:
        raise InputError(
            f"no such threshold: {override} bits",
            cause=f"the Data-Codes have {longest} bits",
            hint="unrelated files differ in about half of them",
        )
    limits = []
    for width, count in sorted(pairs.items()):
        if override is None:
            limits.append(threshold_for(8 * width, count, FALSE_PAIRS / len(pairs)))
        else:
            limits.append(Threshold(override * 8 * width // longest, 8 * width, count))
    return limits
