"""ISCC-UNITs beside those of bytes, and the ISCC-CODE that is composed of all (ISO 24138)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from crate_iscc.codes import Distance
from crate_iscc.paths import valid_unicode

MOST_NAME = 128
"""Bytes of a name, in UTF-8, that a Meta-Code takes in."""
MOST_DESCRIPTION = 4096
"""Bytes of a description, in UTF-8, that a Meta-Code takes in."""
MOST_SEED = 100_000
"""Bytes of a seed; the standard's implementations refuse more than 128,000 of its JSON."""
UNIT_BITS = 256

META, SEMANTIC, CONTENT, DATA, INSTANCE, _COMPOSED = range(6)
"""Main types of ISCC-UNITs."""
TEXT, IMAGE, AUDIO, VIDEO, MIXED = range(5)
"""Subtypes of Content-Codes."""

Seed = dict[str, str | list[str]]
"""Metadata that go into a Meta-Code: texts and lists of texts."""


@dataclass(frozen=True, slots=True)
class Meta:
    """A Meta-Code of 256 bits, and the metahash: a multihash of BLAKE3 over the seed as JCS."""

    unit: str
    metahash: str


def meta_unit(name: str, description: str, more: Seed) -> Meta | None:
    """Return the Meta-Code of a name and a seed; None for a name in which there is nothing.

    The seed holds the name, the description, and `more` unless that is too much. Two Meta-Codes
    are as near as these texts are alike (ISO 24138, Meta-Code; without a seed its second half
    would be of the description alone).
    """
    import iscc_lib  # which takes its time, and few builds need it

    name = _cut(name, MOST_NAME)
    description = _cut(description, MOST_DESCRIPTION)
    seed: Seed = {"name": name}
    if description:
        seed["description"] = description
    cleaned = {key: _valid(value) for key, value in more.items()}
    if sum(map(len, map(repr, cleaned.values()))) * 4 <= MOST_SEED:
        seed = cleaned | seed
    try:
        made = iscc_lib.gen_meta_code_v0(name, description or None, seed, UNIT_BITS)
    except ValueError:  # a name of spaces, or of what is not seen
        return None
    return Meta(made["iscc"], made["metahash"])


def _valid(value: str | list[str]) -> str | list[str]:
    return valid_unicode(value) if isinstance(value, str) else [valid_unicode(one) for one in value]


def _cut(text: str, most: int) -> str:
    """Return as much of a text as fits into so many bytes, without spaces around."""
    raw = valid_unicode(text[:most]).encode("utf-8")[:most]
    return raw.decode("utf-8", "ignore").strip()


def image_unit(body: bytes) -> str:
    """Return the Content-Code of an image from the body of its Image-Code."""
    import iscc_lib

    code = iscc_lib.encode_component(CONTENT, IMAGE, 0, 8 * len(body), body)
    return f"ISCC:{code.removeprefix('ISCC:')}"


def mixed_unit(units: Sequence[str]) -> str | None:
    """Return the Content-Code of several images: the Mixed-Code; of one it is that one's."""
    import iscc_lib

    if len(units) < 2:
        return units[0] if units else None
    made = iscc_lib.gen_mixed_code_v0(list(units), UNIT_BITS)
    return str(made["iscc"])


def composed(units: Sequence[str]) -> str:
    """Return the ISCC-CODE of units, 64 bits of each; Data- and Instance-Code are among them."""
    import iscc_lib

    return str(iscc_lib.gen_iscc_code_v0(list(units), False)["iscc"])


class Unit(NamedTuple):
    """An ISCC-UNIT or ISCC-CODE as it is built: main type, subtype, version and body."""

    main: int
    sub: int
    version: int
    body: bytes

    def distance(self, other: "Unit") -> Distance | None:
        """Count the bits in which two units differ; None unless they are of one kind."""
        length = min(len(self.body), len(other.body))
        if self[:3] != other[:3] or not length:
            return None
        mine, theirs = (int.from_bytes(unit.body[:length], "big") for unit in (self, other))
        return Distance((mine ^ theirs).bit_count(), 8 * length)


def parse_unit(text: str) -> Unit | None:
    """Return what a code says of itself, and its body; None for what is no ISCC."""
    import iscc_lib

    try:
        main, sub, version, _, body = iscc_lib.iscc_decode(text)
    except (ValueError, TypeError):
        return None
    return Unit(int(main), int(sub), int(version), bytes(body))


def is_content_unit(text: str) -> bool:
    """Tell whether a text is a Content-Code."""
    unit = parse_unit(text)
    return unit is not None and unit.main == CONTENT


def is_semantic_unit(text: str) -> bool:
    """Tell whether a text is a Semantic-Code, which is neither standardised nor made here."""
    unit = parse_unit(text)
    return unit is not None and unit.main == SEMANTIC


def image_code_in(text: str) -> bytes | None:
    """Return the body of a Content-Code of an image, of 256 bits; None for anything else."""
    unit = parse_unit(text)
    if unit is None or unit[:3] != (CONTENT, IMAGE, 0) or 8 * len(unit.body) != UNIT_BITS:
        return None
    return unit.body


def decomposed(code: str) -> list[str]:
    """Return the units that an ISCC-CODE is composed of; a unit by itself, and nothing for others.

    Those of an ISCC-CODE are as long as they are in it, which is 64 bits.
    """
    import iscc_lib

    try:
        return [f"ISCC:{unit.removeprefix('ISCC:')}" for unit in iscc_lib.iscc_decompose(code)]
    except (ValueError, TypeError):
        return []


def unit_distance(one: str, two: str) -> Distance | None:
    """Count the bits in which two units differ; None unless they are of one kind."""
    mine, theirs = parse_unit(one), parse_unit(two)
    return mine.distance(theirs) if mine and theirs else None


def bytes_in(code: str) -> tuple[bytes, bytes] | None:
    """Return the begins of Data- and Instance-Code in an ISCC-CODE; None if it is none."""
    unit = parse_unit(code)
    if unit is None or unit.main != _COMPOSED or len(unit.body) < 16:
        return None
    return unit.body[-16:-8], unit.body[-8:]
