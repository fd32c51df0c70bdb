"""Requirements 1.1 to 1.4: the profile is declared, and the graph holds together."""

from collections.abc import Iterator
from typing import Any

from crate_iscc.crate.terms import PROFILE
from crate_iscc.jsonld import as_list, references
from crate_iscc.paths import decode_id
from crate_iscc.profile.facts import is_local
from crate_iscc.profile.rules import Breach, Subject


def declared(subject: Subject) -> Iterator[Breach]:
    """1.1: the root dataset declares the profile."""
    root_id = subject.facts.root_id
    entity = subject.facts.canonical(root_id, ())
    if not subject.definitions.holds("profile.declared", entity):
        yield Breach(root_id, "conformsTo", f"the root does not declare {PROFILE}")


def flat(subject: Subject) -> Iterator[Breach]:
    """1.2: every member of the graph is a flat object with an @id and a @type."""
    for number, member in enumerate(subject.crate.document.graph):
        place = f"member {number} of @graph"
        if not isinstance(member, dict):
            yield Breach("", None, f"{place} is no object")
            continue
        entity_id = member.get("@id")
        name = entity_id if isinstance(entity_id, str) else ""
        if not name:
            yield Breach("", None, f"{place} has no @id that is a string")
        if not _is_type(member.get("@type")):
            yield Breach(name, "@type", "it has no @type")
        for key, value in member.items():
            if not key.startswith("@") and any(map(_is_nested, as_list(value))):
                yield Breach(name, key, f"another entity is nested in {key}")


def _is_type(value: Any) -> bool:
    types = as_list(value)
    return bool(types) and all(isinstance(item, str) and item for item in types)


def _is_nested(value: Any) -> bool:
    """Tell whether a value is more than a literal or a reference."""
    if isinstance(value, list):
        return True
    return isinstance(value, dict) and value.keys() != {"@id"} and "@value" not in value


def references_resolve(subject: Subject) -> Iterator[Breach]:
    """1.3: what is referred to inside the crate is described, and lies inside the crate."""
    known = set(subject.crate.ids())
    for entity in subject.crate.document.objects():
        entity_id = entity["@id"]
        if is_local(entity_id) and decode_id(entity_id) is None and entity_id not in (".", "./"):
            yield Breach(entity_id, "@id", "this @id leads out of the crate, or is no path")
        for key, value in entity.items():
            for target in references(value):
                inside = is_local(target) or target.startswith("#")
                if inside and target not in known:
                    yield Breach(
                        entity_id, key, f"{key} refers to {target}, which is not described"
                    )


def parts(subject: Subject) -> Iterator[Breach]:
    """1.4: the root reaches every file and container by hasPart."""
    reached = subject.facts.parts
    for entity_id in (*subject.facts.files, *subject.facts.containers):
        if entity_id not in reached:
            yield Breach(entity_id, None, "the root does not reach it by hasPart")
