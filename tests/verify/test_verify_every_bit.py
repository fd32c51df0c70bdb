"""Every single bit of a small crate is flipped in turn: what it records and holds is all covered.

Not sampled: each bit of the payload, of the recorded codes and sizes, of the manifest file, and,
in the deep run, each other bit of the metadata and of a zip. What passes is listed exactly.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from crate_iscc import CrateIsccError, Report, Style, Thoroughness, Verdict, build, verify
from verify.verify_kit import MANIFEST, METADATA, write_files

PAYLOAD = {"a.txt": b"hello", "c.zarr/0/0": b"chunk", "empty": b""}
"""A file, a member of a container, and an empty file: nothing can flip in that."""

Flip = tuple[int, int]
"""The number of a byte and of a bit in it."""


def _flips(places: Iterable[int]) -> Iterator[Flip]:
    return ((place, bit) for place in places for bit in range(8))


def _flipped(content: bytes, flip: Flip) -> bytes:
    place, bit = flip
    changed = bytearray(content)
    changed[place] ^= 1 << bit
    return bytes(changed)


def _verdict(source: Path, thoroughness: Thoroughness = Thoroughness.DATAHASH) -> Report | None:
    """Return the report, or None where an error says that there is no verdict."""
    try:
        return verify(source, thoroughness=thoroughness, jobs=1)
    except CrateIsccError:
        return None


def _passes(source: Path, thoroughness: Thoroughness = Thoroughness.DATAHASH) -> bool:
    report = _verdict(source, thoroughness)
    return report is not None and report.verdict is Verdict.VALID


@pytest.fixture(params=list(Style), ids=str)
def small(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a small crate in each of the two styles, with a manifest file."""
    crate = write_files(tmp_path / "small", PAYLOAD)
    build(crate, name="Small", licence="CC0-1.0", style=request.param, manifest_file=True)
    assert _passes(crate, Thoroughness.FULL)
    return crate
