"""Chooses the files of a sample: by nothing but a seed and the recorded paths.

Each container is a stratum, and so are all files outside of any. Of a stratum of n files a share P
takes the ceil(P · n) files whose BLAKE3, keyed with the seed, is least. So the choice is the same
on every machine and for every source, and a larger share only adds files. Pure functions.
"""

import os
import re
from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from blake3 import blake3

from crate_iscc.containers import outermost
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileTable
from crate_iscc.paths import CratePath
from crate_iscc.report import Stratum

_CONTEXT = b"crate-iscc sample 1\0"
"""What stands before the seed; another way to choose would have another number."""
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,9}))? ?%")
_COUNT = re.compile(r"[0-9]{1,18}")
_BUCKET_BITS = 16
_SORTED_AT_ONCE = 1 << 16
"""Files of a stratum up to which their digests are simply sorted."""
_LEAST_CODE = 8
"""Bytes of an Instance-Code that say something of a file's content."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a sample is drawn: `taken` of each `of` files, and the seed.

    Where `of` is 0, `taken` is the number of files of the whole sample.
    """

    asked: str
    taken: int
    of: int
    seed: str

    @classmethod
    def parse(cls, asked: str, seed: str | None = None) -> "Sampling":
        """Return what text such as `1%`, `0.01%` or `5000` asks for; without a seed, by chance.

        Raises InputError for anything else, and for a sample of nothing.
        """
        text = asked.strip()
        taken = of = 0
        if percent := _PERCENT.fullmatch(text):
            part = percent[2] or ""
            taken, of = int(percent[1] + part), int(100 * 10 ** len(part))
        elif _COUNT.fullmatch(text):
            taken = int(text)
        if not taken or taken > of > 0:
            raise InputError(
                f"{asked!r:.40} is no sample",
                cause="a sample is a share of the files above 0% and up to 100%, or a number",
                hint="--sample 1% or --sample 5000",
            )
        try:
            (seed or "").encode("utf-8")
        except UnicodeEncodeError as error:
            raise InputError("the seed of a sample is no text", cause=error.reason) from error
        return cls(text, taken, of, os.urandom(4).hex() if seed is None else seed)

    def wanted(self, files: int, of_files: int) -> int:
        """Return how many of the `files` of a stratum are taken: its share, rounded up.

        That is one at least, and `of_files` are those of all strata.
        """
        return min(files, -(-self.taken * files // (self.of or of_files)))


@dataclass(frozen=True, slots=True)
class Drawn:
    """A sample: the chosen files as they are recorded, all that could be chosen, and strata."""

    sampling: Sampling
    files: FileTable
    checkable: FileTable
    strata: tuple[Stratum, ...]

    @property
    def of_files(self) -> int:
        """How many files the sample was drawn from."""
        return len(self.checkable)

    @property
    def complete(self) -> bool:
        """Whether the sample is everything that can be checked."""
        return len(self.files) == self.of_files


def draw(
    sampling: Sampling,
    files: FileTable,
    containers: Iterable[str],
    with_digests: Collection[CratePath] = (),
) -> Drawn:
    """Choose among those recorded files of whose content something is recorded.

    `with_digests` are files with digests of other conventions.
    """
    checkable = _checkable(files, with_digests)
    strata = list(_strata(checkable, containers))
    total = len(checkable)
    key = blake3(_CONTEXT + sampling.seed.encode("utf-8")).digest()
    chosen = array("Q")
    described = []
    for folder, numbers in strata:
        taken = _least(checkable, numbers, sampling.wanted(len(numbers), total), key)
        chosen.extend(taken)
        described.append(Stratum(folder, len(taken), len(numbers)))
    ordered = array("Q", sorted(chosen)) if len(strata) > 1 else chosen
    return Drawn(sampling, checkable.chosen(ordered), checkable, tuple(described))


def _checkable(files: FileTable, with_digests: Collection[CratePath]) -> FileTable:
    raw = {path.encode("utf-8") for path in with_digests}
    rows = enumerate(files.rows())
    return files.chosen(
        array(
            "Q",
            (n for n, row in rows if len(row[3]) >= _LEAST_CODE or row[0] in raw),
        )
    )


def _strata(files: FileTable, containers: Iterable[str]) -> Iterator[tuple[str, "array[int]"]]:
    """Yield the outermost containers that hold any file, and last the files outside of any."""
    outside = array("Q")
    start = 0
    for folder in outermost(containers):
        members = files.range_below(folder)
        if members:
            outside.extend(range(start, members.start))
            start = members.stop
            yield folder, array("Q", members)
    outside.extend(range(start, len(files)))
    if outside:
        yield "", outside


def _least(files: FileTable, numbers: "array[int]", count: int, key: bytes) -> "array[int]":
    """Return the numbers of the `count` files of the least digests, in ascending order.

    Digests are counted before any is sorted: of a million files there is no object for each.
    """
    if count >= len(numbers):
        return numbers
    digests = array(
        "Q",
        (
            int.from_bytes(blake3(files.path_at(number), key=key).digest(8), "big")
            for number in numbers
        ),
    )
    if len(digests) <= _SORTED_AT_ONCE:
        order = sorted(range(len(digests)), key=digests.__getitem__)
        return array("Q", sorted(numbers[place] for place in order[:count]))
    shift = 64 - _BUCKET_BITS
    buckets = array("Q", bytes(8 << _BUCKET_BITS))
    for digest in digests:
        buckets[digest >> shift] += 1
    last = before = 0
    while before + buckets[last] < count:
        before += buckets[last]
        last += 1
    # Of the last bucket only so many are taken; among equal digests those of the first paths.
    there = sorted(
        (digest, place) for place, digest in enumerate(digests) if digest >> shift == last
    )
    taken = {place for _, place in there[: count - before]}
    return array(
        "Q",
        (
            number
            for place, (number, digest) in enumerate(zip(numbers, digests, strict=True))
            if digest >> shift < last or place in taken
        ),
    )
