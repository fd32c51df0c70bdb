"""Writes into a crate that one thing was made from another: a CreateAction between two entities.

A figure and the raw image behind it share no bytes, and a crop no likeness that a code could tell:
so the link between them has to be recorded by whoever made the one from the other.
"""

from dataclasses import dataclass

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.terms import TERMS
from crate_iscc.crate.view import Crate
from crate_iscc.jsonld import Entity, as_list, references, unpacked

ACTION_PREFIX = "#derivation-"
SOFTWARE_PREFIX = "#software-"


@dataclass(frozen=True, slots=True)
class End:
    """One end of a derivation: the `@id` of an entity of the crate, or of one to be added.

    `described` is None where the crate describes it already, else what is to be written of a thing
    that lies elsewhere: its fingerprint, under its `name`.
    """

    id: str
    name: str
    described: Fingerprint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation:
    """That `result` was made from `sources` by some software; `note` says how, if it says anything.

    `software` is a name, with its version behind it if it has one, or the URL of what was run.
    `ended` is a time as ISO 8601 has it.
    """

    sources: tuple[End, ...]
    result: End
    software: str
    note: str | None = None
    ended: str | None = None

    @property
    def action_id(self) -> str:
        """The `@id` of the action: the same for the same ends and the same software."""
        parts = (*(end.id for end in self.sources), self.result.id, self.software)
        return ACTION_PREFIX + blake3("\0".join(parts).encode("utf-8")).hexdigest(8)


def with_derivation(crate: Crate, made: Derivation) -> Crate:
    """Return a crate that records a derivation; one that it records already is brought up to date.

    Nothing else changes. The action is a CreateAction with object, result and instrument (RO-Crate,
    "Provenance of entities"), and the root mentions it.
    """
    edited = Crate(crate.document.copy())
    for end in (*made.sources, made.result):
        if end.described is not None and not edited.occurrences(end.id):
            edited.document.put(described_elsewhere(edited, end, end.described))
    software = _software(made.software)
    edited.document.put(software, keep=True)
    action: Entity = {
        "@id": made.action_id,
        "@type": "CreateAction",
        "name": f"{made.result.name} from {', '.join(end.name for end in made.sources)}",
        "object": unpacked([{"@id": end.id} for end in made.sources]),
        "result": {"@id": made.result.id},
        "instrument": {"@id": software["@id"]},
    }
    if made.note:
        action["description"] = made.note
    if made.ended:
        action["endTime"] = made.ended
    edited.document.put(action)
    mentioned = as_list(edited.root.get("mentions"))
    if made.action_id not in references(mentioned):
        edited.root["mentions"] = unpacked([*mentioned, {"@id": made.action_id}])
    return Crate(edited.document)


def described_elsewhere(crate: Crate, end: End, known: Fingerprint) -> Entity:
    """Return the entity of what lies elsewhere, and is known by its codes."""
    key = crate.document.define_terms({"datahash": TERMS["datahash"]})["datahash"]
    return {
        "@id": end.id,
        "@type": "CreativeWork",
        "name": end.name,
        "contentSize": str(known.size),
        "identifier": known.iscc(),
        key: known.datahash,
    }


def _software(named: str) -> Entity:
    """Return the entity of the software: what is behind the last space is its version."""
    if named.startswith(("http://", "https://")):
        return {"@id": named, "@type": "SoftwareApplication", "name": named, "url": named}
    name, _, version = named.rpartition(" ")
    has_version = bool(name) and version[:1].isdigit()
    slug = "".join(c if c.isalnum() else "-" for c in named.lower()).strip("-")
    entity: Entity = {
        "@id": SOFTWARE_PREFIX + slug,
        "@type": "SoftwareApplication",
        "name": name if has_version else named,
    }
    if has_version:
        entity["version"] = version
    return entity
