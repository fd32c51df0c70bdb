"""Every single bit of a small crate is flipped in turn: what it records and holds is all covered.

Not sampled: each bit of the payload, of the recorded codes and sizes, of the manifest file, and,
in the deep run, each other bit of the metadata and of a zip. What passes is listed exactly.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from crate_iscc import CrateIsccError, Report, Style, Thoroughness, Verdict, build, verify
from verify.verify_kit import MANIFEST, METADATA, write_files

PAYLOAD = {"a.txt": b"hello", "c.zarr/zarr.json": b"{}"}
"""A file, and a container with one member."""

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


@pytest.mark.parametrize("path", list(PAYLOAD))
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


@pytest.mark.parametrize("small", [Style.TABLE], ids=str, indirect=True)
def test_every_bit_of_the_manifest_file_is_covered(small: Path) -> None:
    """One flipped bit of the list of files makes the crate invalid and names the list."""
    whole = (small / MANIFEST).read_bytes()
    flips = list(_flips(range(len(whole))))
    for flip in flips:
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


@pytest.mark.parametrize(
    "small",
    [Style.GRAPH, pytest.param(Style.TABLE, marks=pytest.mark.deep)],
    ids=str,
    indirect=True,
)
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


# --- what is not ----------------------------------------------------------------------------------


_ANY_STYLE = (
    *("@context", "@id", "@type", "datahash", "fileCount", "recipeVersion", "codeLevel"),
    *("name", "description", "version", "datePublished"),
)
UNCOVERED = {
    Style.GRAPH: {*_ANY_STYLE, "url", "propertyID", "encodingFormat", "endTime"},
    Style.TABLE: {*_ANY_STYLE, "treehash", "generator", "manifestSchema"},
}
"""Keys of which a value can lose a bit, one of them at least, and the crate stay valid.

Terms of ours are among them for their IRIs in the context, which name them and hold no value.
"""


def _names_of(whole: bytes) -> list[tuple[int, int, str, int]]:
    """Return start, end, key and start of the value of each line; it takes that of its array."""
    lines = []
    start, last = 0, ""
    for line in whole.split(b"\n"):
        match = re.match(rb'\s*"([^"]+)": ', line)
        last = match[1].decode() if match else last
        end = min(start + len(line) + 1, len(whole))
        lines.append((start, end, last, start + (match.end() if match else 0)))
        start += len(line) + 1
    return lines


@pytest.mark.deep
def test_the_bits_of_the_metadata_that_are_not_covered_are_the_known_ones(small: Path) -> None:
    """What others may edit unseen, without a signature: names, descriptions, types, references.

    A key of any kind can lose a bit: the crate then records less, and what it still records
    holds.
    """
    place = small / METADATA
    whole = place.read_bytes()
    spans = [match.span() for match in VALUES.finditer(whole)]
    style = Style.TABLE if b'"manifestDatahash": "1e20' in whole else Style.GRAPH
    passing = set()
    for start, end, key, value in _names_of(whole):
        for flip in _flips(range(start, end)):
            changed = _flipped(whole, flip)
            place.write_bytes(changed)
            if not (_passes(small) and _passes(small, Thoroughness.FULL)):
                continue
            span = next((s for s in spans if s[0] <= flip[0] < s[1]), None)
            if span is not None:
                assert DIGEST.fullmatch(changed, *span), flip  # in the other case
            elif flip[0] >= value:
                passing.add(key)

    assert passing == UNCOVERED[style]


LOCAL, CENTRAL, END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
ALL = 0xFF
UNREAD_FIELDS: dict[bytes, dict[int, int]] = {
    LOCAL: dict.fromkeys(range(4, 26), ALL),
    CENTRAL: {
        **dict.fromkeys((4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 16, 17, 18, 19), ALL),
        6: 0x3F,
        8: 0xFE,
        **dict.fromkeys(range(34, 42), ALL),
        41: 0x8F,
    },
    END: dict.fromkeys((20, 21), ALL),
}
"""Bits of a zip's headers that can flip unseen: what says nothing about the bytes of any member.

In a local header all but its signature, its name and where its bytes start: the directory says
the same, and that is what counts. In the directory the versions, flags that are not used, times,
the CRC-32 of stored members (BLAKE3 decides), disk numbers, and attributes other than the type.
At the end the length of a comment.
"""


def _parts(archive: Path) -> Iterator[tuple[int, int, dict[int, int]]]:
    """Yield start and end of each part of a zip, with the bits in it that can flip unseen.

    The bytes of the metadata file are left out: they have a test of their own.
    """
    whole = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
        at = opened.start_dir
    for member in members:
        start = member.header_offset
        end = start + 30 + len(member.filename.encode())
        yield start, end, UNREAD_FIELDS[LOCAL]
        if member.filename != METADATA:
            yield end, end + member.compress_size, {}
    for member in members:
        end = at + 46 + len(member.filename.encode())
        yield at, end, UNREAD_FIELDS[CENTRAL]
        at = end
    yield at, len(whole), UNREAD_FIELDS[END]


@pytest.mark.deep
@pytest.mark.parametrize("small", [Style.TABLE], ids=str, indirect=True)  # without folder entries
def test_the_bits_of_a_zip_that_are_not_covered_are_the_known_ones(
    small: Path, tmp_path: Path
) -> None:
    """No bit of a member's bytes, name, place or size, and none of its type, is lost unseen."""
    archive = tmp_path / "small.zip"
    build(small, archive)
    whole = archive.read_bytes()
    for start, end, unread in list(_parts(archive)):
        for flip in _flips(range(start, end)):
            archive.write_bytes(_flipped(whole, flip))
            may_pass = unread.get(flip[0] - start, 0) >> flip[1] & 1
            assert _passes(archive) == bool(may_pass), (flip, flip[0] - start)
