"""Holds the directory of a zipped OME-Zarr (`.ozx`) against NGFF RFC-9.

What RFC-9 demands is one kind of finding, what it recommends another. That no part of several is
read, and nothing encrypted, is the business of whoever reads the zip.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from crate_iscc.paths import printable
from crate_iscc.report import Finding

_ENDING = ".ozx"
_ROOT = "zarr.json"


class OzxMember(NamedTuple):
    """A member of the zip as its directory has it; `stored` if it is not compressed."""

    name: str
    offset: int
    stored: bool


def is_ozx(name: str, comment: bytes) -> bool:
    """Tell whether a zip is meant to be a zipped OME-Zarr, by its name or its comment."""
    return name.lower().endswith(_ENDING) or "zipFile" in _claims(comment)


def ozx_findings(members: Sequence[OzxMember], comment: bytes) -> tuple[Finding, ...]:
    """Return where a zip, its members in the order of its directory, does not keep to RFC-9."""
    return tuple(_findings(members, comment))


def _findings(members: Sequence[OzxMember], comment: bytes) -> Iterator[Finding]:
    names = [member.name for member in members]
    if _ROOT not in names:
        yield Finding("ozx.required", "there is no zarr.json at the root of the zip")
    nested = [name for name in names if name.lower().endswith(_ENDING)]
    if nested:
        yield Finding("ozx.required", f"there is another .ozx in it: {printable(nested[0])}")
    problem = _order_problem(names)
    if problem is None and members and min(members, key=lambda one: one.offset).name != _ROOT:
        problem = "the root's zarr.json is first in the directory, and not in the file"
    claims = _claims(comment)
    zip_file = claims.get("zipFile")
    directory = zip_file.get("centralDirectory") if isinstance(zip_file, dict) else None
    json_first = isinstance(directory, dict) and directory.get("jsonFirst") is True
    if problem and json_first and _ROOT in names:
        yield Finding("ozx.required", f"the comment claims jsonFirst, but {problem}")
    elif problem and _ROOT in names:
        yield Finding("ozx.recommended", problem)
    if not isinstance(claims.get("version"), str):
        what = "has a comment that is no JSON with" if comment else "has no comment with"
        yield Finding("ozx.recommended", f"the zip {what} the version of OME-Zarr")
    packed = [member.name for member in members if not member.stored]
    if packed:
        shown = printable(packed[0])
        yield Finding(
            "ozx.recommended", f"{len(packed)} member(s) are compressed by the zip, first {shown}"
        )


def _order_problem(names: Sequence[str]) -> str | None:
    """Say why zarr.json files are not first, the root's before all and others breadth-first."""
    if names[:1] != [_ROOT]:
        return "the root's zarr.json is not the first member"
    documents = [name for name in names if name.rpartition("/")[2] == _ROOT]
    if names[: len(documents)] != documents:
        return "other members stand between the zarr.json files"
    depths = [name.count("/") for name in documents]
    if depths != sorted(depths):
        return "the zarr.json files are not in breadth-first order"
    return None


def _claims(comment: bytes) -> dict[str, Any]:
    """Return what the comment says under `ome`; nothing where it is no such JSON."""
    try:
        value = json.loads(comment.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return {}
    ome = value.get("ome") if isinstance(value, dict) else None
    return ome if isinstance(ome, dict) else {}
