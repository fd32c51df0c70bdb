"""BagIt tag files (RFC 8493): manifests, fetch.txt, Payload-Oxum. Pure parsers over text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from crate_iscc.errors import InputError, UnsafePathError
from crate_iscc.fixity import RecordedDigest, algorithm_named, recorded_digest
from crate_iscc.paths import CratePath, crate_path

BAG_DECLARATION = "bagit.txt"
BAG_INFO = "bag-info.txt"
FETCH = "fetch.txt"
PAYLOAD_FOLDER = "data/"

_MANIFEST = re.compile(r"(tag)?manifest-([A-Za-z0-9-]+)\.txt")
_DIGEST_LINE = re.compile(r"(\S+)[ \t]+\*?(.+)")
_FETCH_LINE = re.compile(r"(\S+)[ \t]+(\d+|-)[ \t]+(.+)")
_OXUM = re.compile(r"Payload-Oxum[ \t]*:[ \t]*(.*)", re.IGNORECASE)
_OXUM_VALUE = re.compile(r"(\d{1,19})\.(\d{1,19})")
_ESCAPES = {"%0D": "\r", "%0A": "\n", "%25": "%"}
_ESCAPED = re.compile("%0[DdAa]|%25")


def manifest_algorithm(name: str) -> str | None:
    """Return the algorithm of a payload or tag manifest by its file name.

    Empty for one that is not known, None where the file is no manifest.
    """
    match = _MANIFEST.fullmatch(name)
    return (algorithm_named(match[2]) or "") if match else None


def is_tag_manifest(name: str) -> bool:
    """Tell whether a manifest lists tag files, not the payload."""
    return name.startswith("tag")


@dataclass(frozen=True, slots=True)
class ListedDigest:
    """One line of a manifest: a file, relative to the bag, and its digest."""

    path: CratePath
    digest: RecordedDigest


@dataclass(frozen=True, slots=True)
class BadLine:
    """What is wrong with a line of a tag file; `unsafe` for a path that leads out of the bag."""

    message: str
    unsafe: bool


def manifest_digests(name: str, text: str) -> Iterator[ListedDigest | BadLine]:
    """Yield the lines of a manifest (RFC 8493, section 2.1.3), or what is wrong with one."""
    algorithm = manifest_algorithm(name) or ""
    for number, line in _lines(text):
        try:
            match = _matched(_DIGEST_LINE, line, "a digest and a path")
            digest = recorded_digest(algorithm, match[1], f"BagIt {name}")
            yield ListedDigest(_path(match[2]), digest)
        except InputError as error:
            yield _bad(number, error)


def fetched_files(text: str) -> Iterator[CratePath | BadLine]:
    """Yield the files that fetch.txt names (section 2.2.3), or what is wrong with a line."""
    for number, line in _lines(text):
        try:
            yield _path(_matched(_FETCH_LINE, line, "a URL, a length and a path")[3])
        except InputError as error:
            yield _bad(number, error)


def _bad(number: int, error: InputError) -> BadLine:
    return BadLine(f"line {number}: {error}", isinstance(error, UnsafePathError))


def payload_oxum(text: str) -> tuple[int, int] | str | None:
    """Return the octets and files that bag-info.txt gives the payload (section 2.2.2).

    None where it does not say, the text of the value where it is none.
    """
    for _, line in _lines(text):
        match = _OXUM.fullmatch(line)
        if match:
            value = _OXUM_VALUE.fullmatch(match[1].strip())
            return (int(value[1]), int(value[2])) if value else match[1]
    return None


def _matched(pattern: re.Pattern[str], line: str, what: str) -> re.Match[str]:
    match = pattern.fullmatch(line)
    if not match:
        raise InputError(f"it is not {what}")
    return match


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff")), 1):
        if line.strip():
            yield number, line


def _path(text: str) -> CratePath:
    """Return a path of a manifest: line ends and percent signs are escaped in it, nothing else."""
    path = _ESCAPED.sub(lambda match: _ESCAPES[match[0].upper()], text)
    while path.startswith("./"):
        path = path[2:]
    return crate_path(path)
