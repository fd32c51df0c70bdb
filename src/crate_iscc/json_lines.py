"""Finds the lines of a JSON text that JSON Pointers lead to, in one pass over the text."""

import json
import re
from collections.abc import Iterable
from typing import Any

_SPACE = re.compile(r"[ \t\r\n]*")
# Values are skipped, so numbers need not be understood: some are too long for Python.
_SKIPPER = json.JSONDecoder(parse_int=len, parse_float=len, parse_constant=len)

Wanted = dict[str, Any]
"""Steps of pointers as a tree; the key "" holds the pointer that ends there."""


def lines_of(text: str, pointers: Iterable[str]) -> dict[str, int]:
    """Return the line, from 1, at which each pointer's key or item stands.

    A pointer that leads nowhere is left out. The text is one that json.loads has accepted.
    """
    tree: Wanted = {}
    for pointer in pointers:
        branch = tree
        for step in pointer.split("/")[1:]:
            branch = branch.setdefault("/" + step.replace("~1", "/").replace("~0", "~"), {})
        branch[""] = pointer
    places: dict[str, int] = {}
    _visit(text, _skip_space(text, 1 if text.startswith("\ufeff") else 0), tree, places)
    lines: dict[str, int] = {}
    line, position = 1, 0
    for pointer, place in sorted(places.items(), key=lambda item: item[1]):
        line += text.count("\n", position, place)
        position = place
        lines[pointer] = line
    return lines


def _visit(text: str, position: int, wanted: Wanted, places: dict[str, int]) -> int:
    """Note the places of what is wanted below the value at `position`; return where it ends."""
    if "" in wanted:
        places.setdefault(wanted[""], position)
    opening = text[position]
    if opening not in "{[" or not wanted.keys() - {""}:
        return _SKIPPER.raw_decode(text, position)[1]
    number = 0
    position = _skip_space(text, position + 1)
    while text[position] not in "}]":
        place = position
        if opening == "{":
            key, position = _SKIPPER.raw_decode(text, position)
            position = _skip_space(text, _skip_space(text, position) + 1)
        else:
            key = str(number)
        branch = wanted.get("/" + key, {})
        if "" in branch:
            places[branch[""]] = place
        position = _skip_space(text, _visit(text, position, branch, places))
        if text[position] == ",":
            position = _skip_space(text, position + 1)
        number += 1
    return position + 1


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
