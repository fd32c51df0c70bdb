"""Judges names by what other systems do to them, over columns of a million paths."""

import re
from array import array
from collections.abc import Iterator
from itertools import compress, islice
from operator import eq
from unicodedata import normalize

from crate_iscc.packed import Column
from crate_iscc.paths import CratePath, printable
from crate_iscc.report import Finding

LONGEST_NAME = 255
"""Bytes of a name that ext4, APFS, NTFS and ZFS can hold (NTFS counts 16-bit units: no more)."""
LONGEST_PATH = 1023
"""Bytes of a path that macOS takes (PATH_MAX is 1024 with its NUL; 4096 on Linux)."""

_AT_ONCE = 4096
"""Paths that are looked at together."""

# Microsoft, "Naming Files, Paths, and Namespaces": reserved characters, endings and device names.
_RESERVED = bytes(range(0x20)) + b'\x7f\\:*?"<>|'
_DEVICE = re.compile(
    rb"[/\0](?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?=[./\0 ])", re.IGNORECASE
)
_DEVICE_STARTS = tuple(b"\0" + name for name in (b"con", b"prn", b"aux", b"nul", b"com", b"lpt"))
_BAD_ENDS = (b"./", b" /", b".\0", b" \0")
_UPPER_OR_OTHER = bytes(range(0x41, 0x5B)) + bytes(range(0x80, 0x100))


def name_findings(paths: Column) -> Iterator[Finding]:
    """Yield what is to be said of the names of a payload (UTF-8, each path once)."""
    yield from _unportable(paths)
    yield from _colliding(paths)


def name_problem(path: str) -> str | None:
    """Say what other systems cannot hold in a path, or None."""
    raw = path.encode("utf-8")
    if len(raw) > LONGEST_PATH:
        return f"the path has {len(raw)} bytes, more than {LONGEST_PATH}"
    for name in raw.split(b"/"):
        if len(name) > LONGEST_NAME:
            return f"a name has {len(name)} bytes, more than {LONGEST_NAME}"
        if name.translate(None, bytes(range(0x20)) + b"\x7f") != name:
            return "a name holds a control character"
        odd = next((chr(byte) for byte in name if byte in _RESERVED), None)
        if odd:
            return f"a name holds {odd}, which Windows does not allow"
        if name.endswith((b".", b" ")):
            return "a name ends in a dot or a space, which Windows leaves out"
        if _DEVICE.match(b"/" + name + b"/"):
            return "a name is that of a device on Windows"
    return None


def _unportable(paths: Column) -> Iterator[Finding]:
    for some in _batches(paths):
        # Slashes and NULs around all names, so that one look at all of them finds an odd one.
        joined = b"\0" + b"\0".join(some) + b"\0"
        usual = (
            len(joined) - len(joined.translate(None, _RESERVED)) == len(some) + 1
            and max(map(len, some)) <= LONGEST_NAME
            and not any(end in joined for end in _BAD_ENDS)
            and not _perhaps_device(joined)
        )
        for raw in () if usual else some:
            path = raw.decode("utf-8")
            problem = name_problem(path)
            if problem:
                yield Finding("path.portability", problem, CratePath(path))


def _perhaps_device(joined: bytes) -> bool:
    """Tell whether any name begins like that of a device: several times the speed of the regex."""
    lower = joined.lower().replace(b"/", b"\0")
    return any(start in lower for start in _DEVICE_STARTS) and _DEVICE.search(joined) is not None


def _batches(paths: Column) -> Iterator[list[bytes]]:
    for start in range(0, len(paths), _AT_ONCE):
        yield list(paths.between(start, min(start + _AT_ONCE, len(paths))))


def _colliding(paths: Column) -> Iterator[Finding]:
    """Yield a finding for each path that some system takes for one before it."""
    if not _any_has_two_forms(paths):
        return
    folders = _doubtful_folders(paths)
    if not folders:
        return
    # A hash each, not the paths themselves: there may be a million of them.
    hashes = array("q")
    for some in _batches(paths):
        hashes.extend(map(hash, _folded([path for path in some if _folder(path) in folders])))
    ordered = sorted(hashes)
    twice = set(compress(ordered, map(eq, ordered, islice(ordered, 1, None))))
    first: dict[bytes, str] = {}
    for some in _batches(paths) if twice else ():
        for raw, folded in zip(some, _folded(some), strict=True):
            if hash(folded) not in twice:
                continue
            path = CratePath(raw.decode("utf-8"))
            other = first.setdefault(folded, path)
            if other != path:
                accents = normalize("NFC", other) == normalize("NFC", path)
                how = "in how accents are written (NFC, NFD)" if accents else "in case"
                yield Finding("path.collision", f"differs from {printable(other)} {how} only", path)


def _doubtful_folders(paths: Column) -> set[bytes]:
    """Return the folders in which two files may be taken for one.

    Either one of the names in it has a second form, or the folder itself is taken for another. A
    Zarr of a million chunks, whose names are digits, has none of these, whatever it is called.
    """
    all_folders: set[bytes] = set()
    found: set[bytes] = set()
    for some in _batches(paths):
        parts = [path.rpartition(b"/") for path in some]
        all_folders.update([head for head, _, _ in parts])
        names = b"".join([name for _, _, name in parts])
        if _has_two_forms(names):
            found.update(head for head, _, name in parts if _has_two_forms(name))
    alike: dict[bytes, list[bytes]] = {}
    for folder in all_folders:
        alike.setdefault(_folded([folder])[0], []).append(folder)
    for folders in alike.values():
        if len(folders) > 1:
            found.update(folders)
    return found


def _folder(path: bytes) -> bytes:
    return path.rpartition(b"/")[0]


def _has_two_forms(name: bytes) -> bool:
    return len(name.translate(None, _UPPER_OR_OTHER)) != len(name)


def _any_has_two_forms(paths: Column) -> bool:
    """Tell whether any path holds a letter that may be written in another case or form."""
    return any(
        _has_two_forms(paths.joined(start, min(start + _AT_ONCE, len(paths))))
        for start in range(0, len(paths), _AT_ONCE)
    )


def _folded(some: list[bytes]) -> list[bytes]:
    """Return paths without case and in one form; what is ASCII takes no time."""
    joined = b"\0".join(some)
    if joined.isascii() and some:
        return joined.lower().split(b"\0")
    return [path.lower() if path.isascii() else _folded_text(path) for path in some]


def _folded_text(path: bytes) -> bytes:
    text = normalize("NFC", path.decode("utf-8")).casefold()
    return normalize("NFC", text).encode("utf-8")
