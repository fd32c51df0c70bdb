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


# --- what is recorded and what it stands for ----------------------------------------------------


@pytest.mark.parametrize("path", [path for path, content in PAYLOAD.items() if content])
def test_every_bit_of_the_payload_is_covered(small: Path, tmp_path: Path, path: str) -> None:
    """One flipped bit of a file makes the crate invalid and names the file, also in a zip."""
    archive = tmp_path / "small.zip"
    build(small, archive)
    packed, content = archive.read_bytes(), PAYLOAD[path]
    assert packed.count(content) == 1
    start = packed.index(content)
    for flip in _flips(range(len(content))):
        (small / path).write_bytes(_flipped(content, flip))
        archive.write_bytes(_flipped(packed, (start + flip[0], flip[1])))
        for source in (small, archive):
            report = _verdict(source)
            assert report is not None, flip
            assert report.verdict is Verdict.INVALID, flip
            assert [(f.id, f.path) for f in report.findings] == [("bytes.changed", path)], flip


def test_every_bit_of_the_manifest_file_is_covered(small: Path) -> None:
    """One flipped bit of the list of files makes the crate invalid and names the list."""
    whole = (small / MANIFEST).read_bytes()
    for flip in _flips(range(len(whole))):
        (small / MANIFEST).write_bytes(_flipped(whole, flip))

        report = _verdict(small)

        assert report is not None, flip
        assert report.verdict is Verdict.INVALID, flip
        assert MANIFEST in {finding.path for finding in report.findings}, flip


VALUES = re.compile(
    rb"ISCC:[A-Z2-7]{55}|1e20[0-9a-f]{64}"
    rb'|(?<="contentSize": ")[0-9]+(?=")|(?<="fileCount": )[0-9]+'
)
"""The recorded codes, digests, sizes and counts as build writes them."""
DIGEST = re.compile(rb"1e20[0-9a-f]{64}", re.IGNORECASE)


def test_every_bit_of_the_recorded_values_is_covered(small: Path) -> None:
    """No code, digest, size or count in the metadata can lose a bit and the crate stay valid.

    With one exception that changes nothing: a letter of a hexadecimal digest may be a capital.
    The ISCC-SUM of the whole is checked where it is asked for, with FULL.
    """
    place = small / METADATA
    whole = place.read_bytes()
    spans = [match.span() for match in VALUES.finditer(whole)]
    for start, end in spans:
        value = whole[start:end]
        for flip in _flips(range(start, end)):
            changed = _flipped(whole, flip)
            place.write_bytes(changed)
            if DIGEST.fullmatch(changed[start:end]) and changed[start:end].lower() == value:
                assert _passes(small), flip
            else:
                assert not (_passes(small) and _passes(small, Thoroughness.FULL)), (flip, value)


def test_every_value_that_is_recorded_is_among_the_flipped_ones(small: Path) -> None:
    """The pattern finds what it is to find, in both styles: no value is left out of the test."""
    found = Counter(match[0][:4] for match in VALUES.finditer((small / METADATA).read_bytes()))

    text = (small / METADATA).read_text(encoding="utf-8")
    assert found[b"ISCC"] == text.count('"ISCC:') > 0
    assert found[b"1e20"] == text.count('"1e20') > 0
    assert sum(found.values()) == found[b"ISCC"] + found[b"1e20"] + text.count(
        '"contentSize"'
    ) + text.count('"fileCount"') - text.count('"fileCount": "http')
