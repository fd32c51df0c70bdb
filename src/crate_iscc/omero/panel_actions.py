"""Writes into a crate which image each panel of a figure shows: a CreateAction for each panel."""

from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from crate_iscc.crate.derivation import SOFTWARE_PREFIX, End, described_elsewhere
from crate_iscc.crate.view import Crate
from crate_iscc.jsonld import Entity, as_list, references, unpacked
from crate_iscc.omero.figure_json import Panel

PANEL_PREFIX = "#panel-"
_SOFTWARE: Entity = {
    "@id": f"{SOFTWARE_PREFIX}omero-figure",
    "@type": "SoftwareApplication",
    "name": "OMERO.figure",
    "url": "https://www.openmicroscopy.org/omero/figure/",
}


@dataclass(frozen=True, slots=True)
class LinkedPanel:
    """A panel, and what the crate has of its image: a file, or a dataset of several."""

    panel: Panel
    source: End


def with_panels(
    crate: Crate, name: str, results: Sequence[End], panels: Sequence[LinkedPanel]
) -> Crate:
    """Return a crate that records the panels of a figure, and no other ones of that figure.

    `results` are the figure's JSON, and what was exported from it. Each panel is a CreateAction
    (RO-Crate, "Provenance of entities") that the root mentions; its crop, planes and rendering
    are PropertyValues. Nothing else changes, and recording the same again changes nothing.
    """
    edited = Crate(crate.document.copy())
    for end in (*results, *(one.source for one in panels)):
        if end.described is not None and not edited.occurrences(end.id):
            edited.document.put(described_elsewhere(edited, end, end.described))
    edited.document.put(dict(_SOFTWARE), keep=True)
    figure = results[0]
    made: list[Entity] = []
    for one in panels:
        made += _entities(name or figure.name, results, one)
    wanted = [entity["@id"] for entity in made]
    _drop_others(edited, figure, frozenset(wanted))
    for entity in made:
        edited.document.put(entity)
    mentioned = as_list(edited.root.get("mentions"))
    known = set(references(mentioned))
    new = [e["@id"] for e in made if e["@type"] == "CreateAction" and e["@id"] not in known]
    if new:
        edited.root["mentions"] = unpacked([*mentioned, *({"@id": key} for key in new)])
    return Crate(edited.document)


def action_id(figure: End, number: int) -> str:
    """Return the `@id` of a panel's action: the same for the same figure and number."""
    return PANEL_PREFIX + blake3(f"{figure.id}\0{number}".encode()).hexdigest(8)


def _entities(name: str, results: Sequence[End], one: LinkedPanel) -> list[Entity]:
    panel = one.panel
    key = action_id(results[0], panel.number)
    properties: list[Entity] = []
    for detail in panel.details:
        entity: Entity = {
            "@id": f"{key}-{detail.key}",
            "@type": "PropertyValue",
            "name": detail.name,
            "value": detail.value,
        }
        if detail.unit:
            entity["unitText"] = detail.unit
        properties.append(entity)
    action: Entity = {
        "@id": key,
        "@type": "CreateAction",
        "name": f"panel {panel.number} of {name} from {one.source.name}",
        "description": f"OMERO Image:{panel.image}" + (f" ({panel.name})" if panel.name else ""),
        "object": {"@id": one.source.id},
        "result": unpacked([{"@id": end.id} for end in results]),
        "instrument": {"@id": _SOFTWARE["@id"]},
    }
    if properties:
        action["additionalProperty"] = unpacked([{"@id": e["@id"]} for e in properties])
    return [action, *properties]


def _drop_others(crate: Crate, figure: End, wanted: frozenset[str]) -> None:
    """Take out panels of the figure that are no more, and details that are not said any more."""
    actions = {
        entity["@id"]
        for entity in crate.document.objects()
        if entity["@id"].startswith(PANEL_PREFIX) and figure.id in references(entity.get("result"))
    }
    mine = {
        entity["@id"]
        for entity in crate.document.objects()
        if any(entity["@id"].startswith(f"{action}-") for action in actions)
    }
    gone = (actions | mine) - wanted
    crate.document.drop(gone)
    mentioned = as_list(crate.root.get("mentions"))
    kept = [one for one in mentioned if gone.isdisjoint(references(one))]
    if len(kept) != len(mentioned):
        crate.root["mentions"] = unpacked(kept)
        if not kept:
            del crate.root["mentions"]
    for key in actions & wanted:  # what is not said any more of a panel that stays
        for entity in crate.occurrences(key):
            entity.pop("additionalProperty", None)
