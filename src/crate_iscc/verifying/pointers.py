"""Tells a Git-LFS pointer: a little text that stands where a file is to be fetched to.

The text is that of version 1 of the specification (git-lfs, docs/spec.md).
"""

import re
from dataclasses import dataclass

SMALLEST, LARGEST = 120, 1024
"""Bytes of a pointer: what it must hold, and what git-lfs allows."""

_POINTER = re.compile(
    rb"version https?://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n"
    rb"(?:ext-\d-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (\d{1,19})\n"
)


@dataclass(frozen=True, slots=True)
class LfsPointer:
    """What a pointer says of the file: the hex of its sha256, and its bytes."""

    sha256: str
    size: int


def lfs_pointer(content: bytes) -> LfsPointer | None:
    """Return what the content of a file says if it is a pointer, or None."""
    match = _POINTER.fullmatch(content)
    return LfsPointer(match[1].decode("ascii"), int(match[2])) if match else None
