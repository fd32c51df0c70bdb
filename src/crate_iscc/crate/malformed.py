"""Finds what in a graph is not as RO-Crate asks, so that nothing in it is skipped silently.

Whether a graph is all that it should be is for validate to say. This tells what no reader can know
the meaning of, or what readers understand in different ways.
"""

from collections.abc import Iterator
from typing import Any

from crate_iscc.crate.view import Crate
from crate_iscc.jsonld import as_list, references
from crate_iscc.paths import printable, valid_unicode
from crate_iscc.report import Finding


def graph_findings(crate: Crate) -> Iterator[Finding]:
    """Yield what is to be said of the members of `@graph`."""
    seen: set[str] = set()
    parts: dict[str, list[str]] = {}
    for number, member in enumerate(crate.document.graph):
        entity_id = member.get("@id") if isinstance(member, dict) else None
        entity_id = entity_id if isinstance(entity_id, str) else None
        problem = None if entity_id and _is_usual(member) else _problem(member)
        if problem:
            yield _malformed(problem, entity_id, number)
        if entity_id is None:
            continue
        if entity_id in seen:
            yield Finding(
                "metadata.duplicate-id",
                f"an entity before it is called so too: {printable(entity_id):.200}",
                entity=valid_unicode(entity_id),
                pointer=f"/@graph/{number}",
            )
        seen.add(entity_id)
        if "hasPart" in member:
            parts.setdefault(entity_id, []).extend(references(member["hasPart"]))
    circle = _in_circle(parts)
    if circle is not None:
        yield _malformed("the entity is a part of itself (hasPart)", circle, None)


def _is_usual(entity: dict[str, Any]) -> bool:
    """Tell of an entity at a glance that nothing is wrong with it, as of nearly all files."""
    return type(entity.get("@type")) is str and "hasPart" not in entity and "about" not in entity


def _problem(member: Any) -> str | None:
    """Say what of a member of the graph cannot be understood, or None."""
    if not isinstance(member, dict):
        return "a member of @graph is no object"
    if "@id" not in member:
        return "an entity has no @id"
    if not isinstance(member["@id"], str):
        return "an @id is no text"
    if not _is_text(member.get("@type")):
        return "an entity has no @type that is text"
    for key in ("hasPart", "about"):
        values = as_list(member.get(key)) if key in member else []
        if len(references(values)) != len(values):
            return f"a value of {key} is no reference"
    return None


def _is_text(types: Any) -> bool:
    if isinstance(types, str):
        return True
    return isinstance(types, list) and bool(types) and all(isinstance(one, str) for one in types)


def _malformed(problem: str, entity_id: str | None, number: int | None) -> Finding:
    return Finding(
        "metadata.malformed",
        problem,
        entity=None if entity_id is None else valid_unicode(entity_id),
        pointer=None if number is None else f"/@graph/{number}",
    )


def _in_circle(parts: dict[str, list[str]]) -> str | None:
    """Return an entity that is a part of itself, over any number of steps, or None."""
    done: set[str] = set()
    for start in parts:
        path: dict[str, None] = {}
        waiting = [(start, False)]
        while waiting:
            entity_id, left = waiting.pop()
            if left:
                path.pop(entity_id, None)
                done.add(entity_id)
            elif entity_id in path:
                return entity_id
            elif entity_id in parts and entity_id not in done:
                path[entity_id] = None
                waiting.append((entity_id, True))
                # Files have no parts, and there may be very many of them.
                waiting.extend((part, False) for part in parts[entity_id] if part in parts)
    return None
