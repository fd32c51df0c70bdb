"""Digests that others record of a file: which algorithms there are, and what is one of theirs.

A digest is written in hex. ISCC codes are in crate_iscc.codes; BLAKE3 is both: the Instance-Code is
a BLAKE3 digest, so it is computed in any case.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crate_iscc.errors import InputError

HEX_DIGITS: Mapping[str, int] = {
    "blake3": 64,
    "sha3-512": 128,
    "sha512": 128,
    "blake2b": 128,
    "sha384": 96,
    "sha3-256": 64,
    "sha256": 64,
    "sha224": 56,
    "sha1": 40,
    "md5": 32,
}
"""The hex digits of each algorithm's digests, the strongest first."""

_STRENGTH = tuple(HEX_DIGITS)
_SPELLINGS = {name.replace("-", ""): name for name in HEX_DIGITS} | {"blake2b512": "blake2b"}
_HEX = re.compile(r"[0-9a-fA-F]*")


@dataclass(frozen=True, slots=True)
class RecordedDigest:
    """One digest that is recorded of a file: lower-case hex, and by which convention it stands.

    `convention` is what a person is told, such as `sha256`, `spdx:checksum sha1` or
    `BagIt manifest-sha512.txt`.
    """

    algorithm: str
    hex: str
    convention: str

    @property
    def weakness(self) -> int:
        """0 for the strongest algorithm."""
        return _STRENGTH.index(self.algorithm)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


Digests = Mapping[str, str]
"""Digests of one file by their algorithms, in lower-case hex."""


def algorithm_named(text: str) -> str | None:
    """Return the algorithm that a name stands for in any usual spelling, or None.

    `SHA-256`, `sha256` and `checksumAlgorithm_sha256` (SPDX) are one.
    """
    bare = text.lower().removeprefix("checksumalgorithm").replace("-", "").replace("_", "")
    return _SPELLINGS.get(bare)


def recorded_digest(algorithm: str, text: str, convention: str) -> RecordedDigest:
    """Return a digest; `sha256:` before the hex is allowed, as is white space around it.

    Raises InputError for what is no digest of the algorithm.
    """
    bare = text.strip()
    prefix, colon, rest = bare.partition(":")
    if colon and algorithm_named(prefix) == algorithm:
        bare = rest
    wanted = HEX_DIGITS[algorithm]
    if not _HEX.fullmatch(bare):
        raise InputError(f"not a {algorithm} digest: {text!r:.80}", cause="it is not hex")
    if len(bare) != wanted:
        raise InputError(
            f"not a {algorithm} digest: {text!r:.80}",
            cause=f"it has {len(bare)} hex digits, not {wanted}",
        )
    return RecordedDigest(algorithm, bare.lower(), convention)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the recorded digests of a file say of its bytes.

    `deciding` is the digest that decided (the strongest that was computed), `observed` the hex of
    the bytes by its algorithm; `others` are recorded digests that say the opposite, each with what
    was observed.
    """

    same: bool
    deciding: RecordedDigest
    observed: str
    others: tuple[tuple[RecordedDigest, str], ...] = ()


def judged(recorded: Sequence[RecordedDigest], observed: Digests) -> Judgement | None:
    """Compare recorded digests with those of the bytes; None where none of them was computed.

    The strongest algorithm decides. Where it was recorded twice, one that agrees is enough: the
    other one is among `others`.
    """
    known = sorted(
        (one for one in recorded if one.algorithm in observed), key=lambda one: one.weakness
    )
    if not known:
        return None
    strongest = [one for one in known if one.algorithm == known[0].algorithm]
    agreeing = [one for one in strongest if observed[one.algorithm] == one.hex]
    deciding = (agreeing or strongest)[0]
    others = tuple(
        (one, observed[one.algorithm])
        for one in known
        if (observed[one.algorithm] == one.hex) is not bool(agreeing)
    )
    return Judgement(bool(agreeing), deciding, observed[deciding.algorithm], others)
