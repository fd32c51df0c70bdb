"""Where a finding is as a file: the path, the line and the URI by which CI systems show it."""

import re
from urllib.parse import quote

from crate_iscc.paths import valid_unicode
from crate_iscc.report import Finding, Report

_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_UNQUOTED = "/!$&'()*+,;=@"
"""What RFC 3986 lets stand in a path; a colon could be read as the end of a scheme."""


def artifact_of(report: Report, finding: Finding) -> tuple[str, int | None]:
    """Return the file that a finding is shown at, and its line there if it has one.

    What is said about a payload file is shown at that file; what is said about the record, a
    container or the whole crate at the metadata file, since CI systems show files alone. Inside
    an archive, or at an address, both are shown at that. Relative where the caller's path was
    relative.
    """
    if report.folder is None:
        address = _ADDRESS.match(report.subject)
        return report.subject if address else _normal(report.subject), None
    if is_about_payload(finding):
        return _normal(f"{report.folder}/{finding.path}"), None
    return _normal(f"{report.folder}/{report.metadata}"), finding.line


def is_about_payload(finding: Finding) -> bool:
    """Tell whether a finding is about a file of the payload, and not about its record."""
    in_metadata = finding.entity or finding.pointer or finding.line
    return bool(finding.path) and not in_metadata and not f"{finding.path}".endswith("/")


def uri_of(path: str) -> str:
    """Return the URI of a path from `artifact_of`: `file:` for an absolute one, else relative.

    An address is one already, but for the letters that have no place in it. A name that is no valid
    Unicode is encoded as the bytes that it has on disk.
    """
    raw = _on_disk(path)
    if _WINDOWS.match(path):
        return "file:///" + quote(raw, safe=_UNQUOTED + ":")
    if _ADDRESS.match(path):
        return quote(raw, safe=_UNQUOTED + ":")
    if path.startswith("//"):
        return "file:" + quote(raw, safe=_UNQUOTED)
    if path.startswith("/"):
        return "file://" + quote(raw, safe=_UNQUOTED)
    return quote(raw, safe=_UNQUOTED)


def _on_disk(path: str) -> bytes:
    try:
        return path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return valid_unicode(path).encode("utf-8")


def _normal(path: str) -> str:
    """Return a path with `/` and without empty and `.` segments.

    `..` stays: what it leads to hangs on links, which only a file system knows.
    """
    windows = _WINDOWS.match(path) is not None
    if windows:
        path = path.replace("\\", "/")
    root = "//" if windows and path.startswith("//") else "/" if path.startswith("/") else ""
    segments = [segment for segment in path.split("/") if segment not in ("", ".")]
    return root + "/".join(segments) or "."
