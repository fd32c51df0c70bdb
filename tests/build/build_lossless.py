"""A strict comparison of two JSON documents: what the second lost, and what it gained.

Nothing that stood in the first may be missing, changed or in another order in the second. A value
may have become the first of a list, and a list may have grown at its end; everything that is new
is named.
"""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Number:
    """A number as it is written."""

    text: str


@dataclass
class Difference:
    """Where something was lost or changed, and where something was added."""

    lost: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


def compare(before: bytes, after: bytes) -> Difference:
    """Compare two JSON texts value by value, numbers by their digits, keys by their order."""
    difference = Difference()
    _compare(_parsed(before), _parsed(after), "", difference)
    return difference


def _parsed(raw: bytes) -> Any:
    return json.loads(raw.decode("utf-8-sig"), parse_float=Number, parse_int=Number)


def _compare(before: Any, after: Any, where: str, found: Difference) -> None:
    if isinstance(before, dict) and isinstance(after, dict):
        _compare_objects(before, after, where, found)
    elif isinstance(before, list) and isinstance(after, list):
        _compare_lists(before, after, where, found)
    elif isinstance(after, list) and not isinstance(before, list):
        _compare_lists([before], after, where, found)
    elif type(before) is not type(after) or before != after:
        found.lost.append(f"{where}: {before!r} became {after!r}")


def _compare_objects(
    before: dict[str, Any], after: dict[str, Any], where: str, found: Difference
) -> None:
    if [key for key in after if key in before] != [key for key in before if key in after]:
        found.lost.append(f"{where}: the order of the keys")
    for key, value in before.items():
        if key in after:
            _compare(value, after[key], _join(where, key), found)
        else:
            found.lost.append(_join(where, key))
    found.added.extend(_join(where, key) for key in after if key not in before)


def _compare_lists(before: list[Any], after: list[Any], where: str, found: Difference) -> None:
    if len(after) < len(before):
        found.lost.append(f"{where}: {len(before) - len(after)} of its values")
    for number, (one, other) in enumerate(zip(before, after, strict=False)):
        _compare(one, other, f"{where}[{_label(one, number)}]", found)
    found.added.extend(
        f"{where}[{_label(value, number)}]"
        for number, value in enumerate(after)
        if number >= len(before)
    )


def _label(value: Any, number: int) -> str:
    if isinstance(value, dict) and isinstance(value.get("@id"), str):
        return str(value["@id"])
    return str(number)


def _join(where: str, key: str) -> str:
    return f"{where}/{key}" if where else key
