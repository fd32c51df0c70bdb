"""Changes fields of a zip's headers, as damage or a hostile hand would."""

import re
import struct
from random import Random

_FIELDS = {
    b"PK\x03\x04": "4:2 6:2 8:2 10:2 14:4 18:4 22:4 26:2 28:2",
    b"PK\x01\x02": "4:2 6:2 8:2 10:2 16:4 20:4 24:4 28:2 30:2 32:2 34:2 38:4 42:4",
    b"PK\x05\x06": "4:2 6:2 8:2 10:2 12:4 16:4 20:2",
    b"PK\x06\x06": "4:8 16:4 20:4 24:8 32:8 40:8 48:8",
    b"PK\x06\x07": "4:4 8:8 16:4",
}
"""Offsets and lengths of the fields behind each signature (APPNOTE 6.3.10, section 4.3)."""

_SIGNATURE = re.compile(b"PK(?:\x03\x04|\x01\x02|\x05\x06|\x06\x06|\x06\x07)")
_INTERESTING = (0, 1, 8, 12, 14, 0x800, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63)


def changed(data: bytes, random: Random) -> bytes:
    """Return an archive with one field of one header changed, or with its headers moved about."""
    headers = [(match.start(), match[0]) for match in _SIGNATURE.finditer(data)]
    if not headers:
        return data
    offset, signature = random.choice(headers)
    if random.random() < 0.15:  # a whole header, or what lies up to the next, once more or away
        following = min((at for at, _ in headers if at > offset), default=len(data))
        piece = data[offset:following]
        into = random.choice(headers)[0]
        if random.random() < 0.5:
            return data[:offset] + data[following:]
        return data[:into] + piece + data[into:]
    place, length = map(int, random.choice(_FIELDS[signature].split()).split(":"))
    at = offset + place
    old = int.from_bytes(data[at : at + length], "little")
    mask = (1 << 8 * length) - 1
    value = random.choice(
        (
            old + random.choice((-1, 1, -30, 30)),
            old ^ (1 << random.randrange(8 * length)),
            random.choice(_INTERESTING),
            random.choice(headers)[0],
            len(data),
        )
    )
    return data[:at] + struct.pack("<Q", value & mask)[:length] + data[at + length :]
