"""Fingerprints as checksum lines that other commands read, and such lines back."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from crate_iscc.codes import Fingerprint, is_iscc_sum, parse_iscc

_LINE = re.compile(r"(\\?)(ISCC:[A-Z2-7]+) [ *](.+)")
_TAGGED = re.compile(r"ISCC-SUM \((.+)\) = (ISCC:[A-Z2-7]+)")
_BELOW = re.compile(r" {2}(?:ISCC:[A-Z2-7]+|DANDI:[0-9a-f]{32}-[0-9]+--[0-9]+)")


@dataclass(frozen=True, slots=True)
class NamedSum:
    """A fingerprint and the name to show for it; a tree's name ends in a slash.

    `dandi` is the DANDI checksum of a tree, where it was asked for.
    """

    name: str
    fingerprint: Fingerprint
    dandi: str | None = None


def iscc_sum_lines(item: NamedSum, *, narrow: bool, units: bool) -> str:
    """Return the line that the `iscc-sum` command prints and checks, with its units if asked.

    What there is beside the code stands below it, two spaces further in. A name with a backslash
    or a line end is escaped as in coreutils' checksum lines.
    """
    mark, name = escaped_name(item.name)
    lines = [f"{mark}{item.fingerprint.iscc(wide=not narrow)} *{name}"]
    if units:
        lines.extend(f"  {unit}" for unit in item.fingerprint.units())
    if item.dandi is not None:
        lines.append(f"  DANDI:{item.dandi}")
    return "\n".join(lines) + "\n"


def b3sum_line(item: NamedSum) -> str:
    """Return the line that `b3sum` prints and `b3sum --check` reads: BLAKE3-256 in hex."""
    if item.fingerprint.instance is None or len(item.fingerprint.instance) != 32:
        raise ValueError("the datahash is not known")
    mark, name = escaped_name(item.name)
    return f"{mark}{item.fingerprint.instance.hex()}  {name}\n"


def sums_json(items: Iterable[NamedSum]) -> str:
    """Return a JSON list with an object for each file or tree."""
    return json.dumps([_as_json(item) for item in items], ensure_ascii=False, indent=2) + "\n"


def _as_json(item: NamedSum) -> dict[str, Any]:
    known = item.fingerprint
    beside = {} if item.dandi is None else {"dandi": item.dandi}
    return {
        "path": item.name,
        "iscc": known.iscc(),
        "narrow": known.iscc(wide=False),
        "units": list(known.units()),
        "datahash": known.datahash,
        "size": known.size,
        **beside,
    }


def parse_sum_line(line: str) -> NamedSum | None:
    """Return what a checksum line says, or None for a line that is none.

    Read are the default and the tagged form of `iscc-sum`, wide and narrow.
    """
    if match := _LINE.fullmatch(line):
        mark, code, name = match.groups()
        name = _unescaped(name) if mark else name
    elif match := _TAGGED.fullmatch(line):
        name, code = match.groups()
    else:
        return None
    return NamedSum(name, parse_iscc(code)) if is_iscc_sum(code) else None


def is_unit_line(line: str) -> bool:
    """Tell whether a line belongs to the one above it, as `--units` and `--dandi` print them."""
    return _BELOW.fullmatch(line) is not None


def escaped_name(name: str) -> tuple[str, str]:
    """Return what stands at the begin of a line whose name is escaped, and the name."""
    if "\\" not in name and "\n" not in name and "\r" not in name:
        return "", name
    return "\\", name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def _unescaped(name: str) -> str:
    plain = {"n": "\n", "r": "\r"}
    return re.sub(r"\\(.)", lambda match: plain.get(match[1], match[1]), name)
