"""ISCC-IDs, version 1: which hub minted one, in which realm, and when (IEP-0011)."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from crate_iscc.errors import TrustError

TEST_REALM = 0
"""What is minted here is for trying things out, and may be minted again."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MAIN_TYPE, _VERSION = 6, 1
_LENGTHS = (0, 1)
"""Of 64 bits: 0 is the length nibble of ISO 24138 codes of this type; older hubs wrote 1."""
_HUB_BITS = 12


@dataclass(frozen=True, slots=True)
class IsccId:
    """An ISCC-ID taken apart: its text, realm, hub (0 to 4095), and the time of its minting."""

    text: str
    realm: int
    hub: int
    time: datetime

    @property
    def moment(self) -> str:
        """The time of its minting, to the second."""
        return self.time.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_iscc_id(text: object) -> IsccId:
    """Return an ISCC-ID taken apart. Raises TrustError for anything else."""
    bad = TrustError("not an ISCC-ID", cause=f"{text!r:.80}")
    if not isinstance(text, str) or not text.startswith("ISCC:") or len(text) != 21:
        raise bad
    try:
        raw = base64.b32decode(text.removeprefix("ISCC:"))
    except (binascii.Error, ValueError):
        raise bad from None
    if len(raw) != 10:
        raise bad
    main_type, realm = raw[0] >> 4, raw[0] & 15
    version, length = raw[1] >> 4, raw[1] & 15
    if main_type != _MAIN_TYPE or version != _VERSION or length not in _LENGTHS or realm > 1:
        raise bad
    body = int.from_bytes(raw[2:], "big")
    time = _EPOCH + timedelta(microseconds=body >> _HUB_BITS)
    return IsccId(text, realm, body & ((1 << _HUB_BITS) - 1), time)
