"""ISCC units and ISCC-SUMs: parse, format, compare.

All codes of one byte stream are truncations of two 256-bit values, the Data-Code and the
Instance-Code (BLAKE3-256). A text code is base32 (RFC 4648, no padding) of a two-byte header and
a body, with the prefix `ISCC:`; bytes stand in the order in which the algorithms put them out
(ISO 24138:2024, clause 5; the wide form is IEP-0016).
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from crate_iscc.errors import InputError

DATAHASH_PREFIX = "1e20"
"""Multihash prefix: BLAKE3, 32 bytes."""

_HEX_DIGEST = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)
_ISCC_TEXT = re.compile(r"ISCC:([A-Z2-7]{10,68})")

# Header -> (bytes of Data-Code, bytes of Instance-Code) in the body.
_NARROW = bytes.fromhex("5500")
_WIDE = bytes.fromhex("5700")
_BASE32_DIGITS = str.maketrans(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV"
)
_LAYOUT: dict[bytes, tuple[int, int]] = {_NARROW: (8, 8), _WIDE: (16, 16)}
# MainType DATA is 3 and INSTANCE is 4; the length nibble counts 32-bit steps, less one.
_LAYOUT |= {bytes([0x30, bits // 32 - 1]): (bits // 8, 0) for bits in range(32, 257, 32)}
_LAYOUT |= {bytes([0x40, bits // 32 - 1]): (0, bits // 8) for bits in range(32, 257, 32)}


def _text(header: bytes, body: bytes) -> str:
    return "ISCC:" + base64.b32encode(header + body).decode("ascii").rstrip("=")


@dataclass(frozen=True, slots=True)
class Distance:
    """How many of `of` compared Data-Code bits differ.

    It says how many byte runs two files share, never how alike they look: about half of the
    bits differ between unrelated files.
    """

    bits: int
    of: int

    @property
    def word(self) -> str:
        """`near-identical` (up to 1/16 of the bits), `similar` (up to 5/16), or `unrelated`.

        The expected share of differing bits is (1 - J) / 2 for a Jaccard similarity J of the
        chunks, so these stand for J of 0.875 and 0.375; random 128-bit codes are as close as
        5/16 once in 70,000 pairs. Of shorter codes 3/16 is asked for, which is as rare.
        """
        if 16 * self.bits <= self.of:
            return "near-identical"
        limit = 5 if self.of >= 128 else 3
        return "similar" if 16 * self.bits <= limit * self.of else "unrelated"

    def __str__(self) -> str:
        return f"{self.bits} of {self.of} bits"


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is known of one byte stream: its size in bytes and its two codes, each perhaps cut.

    `data` and `instance` are the leading bytes of the 256-bit Data-Code and Instance-Code
    bodies; `None` or a short value means that no more is known, as in a crate that records only
    a wide ISCC-SUM, or a verification that reads with BLAKE3 alone.
    """

    size: int | None = None
    data: bytes | None = None
    instance: bytes | None = None

    def __post_init__(self) -> None:
        if self.size is not None and self.size < 0:
            raise ValueError("a size is not negative")
        for body in (self.data, self.instance):
            if body is not None and (len(body) % 4 or not 4 <= len(body) <= 32):
                raise ValueError("a code body has 4 to 32 bytes")

    @property
    def complete(self) -> bool:
        """True where the size and both 256-bit codes are known."""
        return (
            self.size is not None
            and self.data is not None
            and self.instance is not None
            and len(self.data) == len(self.instance) == 32
        )

    @property
    def verifiable(self) -> bool:
        """True where at least 64 bits of the Instance-Code are known."""
        return self.instance is not None and len(self.instance) >= 8

    @property
    def datahash(self) -> str | None:
        """The BLAKE3-256 multihash in hex (`1e20` + 64 digits), where it is known whole."""
        if self.instance is None or len(self.instance) != 32:
            return None
        return DATAHASH_PREFIX + self.instance.hex()

    def iscc(self, *, wide: bool = True) -> str:
        """Return the ISCC-SUM: wide (128 + 128 bits) or narrow (64 + 64 bits, ISO 24138).

        Raises ValueError where too little is known.
        """
        length = 16 if wide else 8
        if not (self.data and self.instance) or min(len(self.data), len(self.instance)) < length:
            raise ValueError("the codes are not known at that length")
        return _text(_WIDE if wide else _NARROW, self.data[:length] + self.instance[:length])

    def units(self) -> tuple[str, str]:
        """Return the 256-bit Data-Code (`ISCC:GAD…`) and Instance-Code (`ISCC:IAD…`)."""
        if not self.complete or self.data is None or self.instance is None:
            raise ValueError("the codes are not known at 256 bits")
        return _text(b"\x30\x07", self.data), _text(b"\x40\x07", self.instance)

    def units_as_known(self) -> tuple[str, str]:
        """Return the Data-Code and the Instance-Code, each as long as it is known.

        Raises ValueError where one of them is not known at all.
        """
        if self.data is None or self.instance is None:
            raise ValueError("a code is not known")
        return (
            _text(bytes([0x30, len(self.data) // 4 - 1]), self.data),
            _text(bytes([0x40, len(self.instance) // 4 - 1]), self.instance),
        )

    def same_bytes(self, other: "Fingerprint") -> bool | None:
        """Compare what both know of the Instance-Code and the size.

        None where that is too little to say: fewer than 64 equal bits are no evidence.
        """
        return False if self.same_size(other) is False else self.same_content(other)

    def same_content(self, other: "Fingerprint") -> bool | None:
        """Compare what both know of the Instance-Code, whatever sizes are said.

        None where that is too little to say: fewer than 64 equal bits are no evidence.
        """
        same = _same_prefix(self.instance, other.instance)
        return None if same and not (self.verifiable and other.verifiable) else same

    def same_size(self, other: "Fingerprint") -> bool | None:
        """Compare the sizes; None where either is not known."""
        if self.size is None or other.size is None:
            return None
        return self.size == other.size

    def same_data_code(self, other: "Fingerprint") -> bool | None:
        """Compare what both know of the Data-Code; None where that is nothing."""
        return _same_prefix(self.data, other.data)

    def distance(self, other: "Fingerprint") -> Distance | None:
        """Count the differing bits of the Data-Code that both know; None where that is nothing."""
        if not self.data or not other.data:
            return None
        length = min(len(self.data), len(other.data))
        mine, theirs = (int.from_bytes(code[:length], "big") for code in (self.data, other.data))
        return Distance((mine ^ theirs).bit_count(), 8 * length)

    def merged(self, other: "Fingerprint") -> "Fingerprint | None":
        """Return what both together say of one byte stream, or None where they contradict.

        The longer of two codes is kept.
        """
        if (
            self.same_size(other) is False
            or _same_prefix(self.instance, other.instance) is False
            or self.same_data_code(other) is False
        ):
            return None
        return Fingerprint(
            self.size if self.size is not None else other.size,
            max(self.data or b"", other.data or b"", key=len) or None,
            max(self.instance or b"", other.instance or b"", key=len) or None,
        )


def _same_prefix(one: bytes | None, two: bytes | None) -> bool | None:
    if not one or not two:
        return None
    length = min(len(one), len(two))
    return one[:length] == two[:length]


def _no_code(text: str) -> InputError:
    return InputError(f"not an ISCC-SUM, Data-Code or Instance-Code: {text!r:.100}")


def parse_iscc(text: str) -> Fingerprint:
    """Return what an ISCC-SUM, a Data-Code or an Instance-Code says of its byte stream.

    Raises InputError for anything else.
    """
    match = _ISCC_TEXT.fullmatch(text)
    if not match:
        raise _no_code(text)
    # int() reads base32 many times as fast as the base64 module, once its digits are renamed.
    encoded = match[1]
    unused = 5 * len(encoded) % 8
    number = int(encoded.translate(_BASE32_DIGITS), 32)
    raw = (number >> unused).to_bytes(5 * len(encoded) // 8, "big")
    data, instance = _LAYOUT.get(raw[:2], (0, 0))
    body = raw[2:]
    # Unused last bits must be clear, and fewer than a character's: one code, one spelling.
    spare = number & ((1 << unused) - 1)
    if not data + instance or len(body) != data + instance or spare or unused >= 5:
        raise _no_code(text)
    return Fingerprint(data=body[:data] or None, instance=body[data:] or None)


def renewed(text: str, now: Fingerprint) -> str:
    """Return the code of `now` that is of the same kind and length as the code `text`.

    Raises InputError if `text` is none, ValueError if `now` does not know as much.
    """
    old = parse_iscc(text)
    lengths = len(old.data or b""), len(old.instance or b"")
    header = next(header for header, layout in _LAYOUT.items() if layout == lengths)
    body = (now.data or b"")[: lengths[0]] + (now.instance or b"")[: lengths[1]]
    if len(body) != sum(lengths):
        raise ValueError("the codes are not known at that length")
    return _text(header, body)


def is_iscc_sum(text: str) -> bool:
    """Tell whether `text` is a well-formed ISCC-SUM, wide or narrow."""
    if not text.startswith(("ISCC:K4A", "ISCC:KUA")):
        return False
    try:
        parsed = parse_iscc(text)
    except InputError:
        return False
    return parsed.data is not None and parsed.instance is not None


def parse_datahash(text: str) -> Fingerprint:
    """Return what a datahash (`1e20` and 64 hex digits) says. Raises InputError for others."""
    digest = text[len(DATAHASH_PREFIX) :]
    if not text.lower().startswith(DATAHASH_PREFIX) or not _HEX_DIGEST.fullmatch(digest):
        raise InputError(f"not a BLAKE3-256 datahash: {text!r:.100}")
    return Fingerprint(instance=bytes.fromhex(digest))


SUM_LENGTH = 60
"""Characters of a wide ISCC-SUM: `ISCC:` and 55 of base32."""
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def parse_pairs(
    datahashes: Sequence[str], sums: Sequence[str]
) -> tuple[list[bytes], list[bytes]] | None:
    """Return the Data-Codes (128 bits) and Instance-Codes (256 bits) of many files at once.

    None unless each datahash is written in small letters, each code is a wide ISCC-SUM, and no
    two of a file contradict each other: then they are to be parsed one by one. This takes a
    tenth of that time, since nothing is done for one file alone but to cut out its codes.
    """
    count = len(sums)
    if {len(text) for text in datahashes} != {68} or {len(text) for text in sums} != {SUM_LENGTH}:
        return None
    hashes = _from_hex("".join(datahashes))
    bodies = _from_wide_sums("".join(sums), count)
    if (
        bodies is None
        or hashes[0::34] != b"\x1e" * count
        or hashes[1::34] != b"\x20" * count
        or any(bodies[18 + at :: 35] != hashes[2 + at :: 34] for at in range(16))
    ):
        return None
    data = [bodies[at + 2 : at + 18] for at in range(0, 35 * count, 35)]
    return data, [hashes[at + 2 : at + 34] for at in range(0, 34 * count, 34)]


def _from_hex(text: str) -> bytes:
    """Return the bytes of hex digits in small letters, or nothing for any other text."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        return b""
    return raw if raw.hex() == text else b""


def _from_wide_sums(text: str, count: int) -> bytes | None:
    """Return header, body and a zero byte of each of `count` wide ISCC-SUMs of 60 characters."""
    codes = text.encode("utf-8", "backslashreplace")
    digits = codes.replace(b"ISCC:", b"")
    # No colon is left, and 55 digits of each: so each has one "ISCC:", and it ends where it must.
    if (
        codes[4::SUM_LENGTH] != b":" * count
        or len(digits) != 55 * count
        or digits.translate(None, _BASE32)
    ):
        return None
    # With an "A" (five zero bits) behind each, a code takes 35 bytes: of the last all is zero.
    padded = codes.replace(b"ISCC:", b"A")[1:].decode("ascii") + "A"
    raw = int(padded.translate(_BASE32_DIGITS), 32).to_bytes(35 * count, "big")
    headed = raw[0::35] == _WIDE[:1] * count and raw[1::35] == _WIDE[1:] * count
    return raw if headed and raw[34::35] == bytes(count) else None
