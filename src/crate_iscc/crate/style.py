"""The two ways in which the fingerprints of a crate are written: as entities, or as a table."""

from enum import StrEnum

from crate_iscc.crate.terms import TREEHASH_TERM
from crate_iscc.crate.view import Crate, is_open
from crate_iscc.jsonld import references, strings

_BIA_PROFILES = "https://w3id.org/bia/"
_BIA_STUDY = "http://bia/Study"


class Style(StrEnum):
    """GRAPH: an entity for each file, container and code. TABLE: literals and the manifest file.

    The table adds no entity. It is for crates of the BioImage Archive, whose validator refuses
    entities that are of none of its own classes, and for very large crates.
    """

    GRAPH = "graph"
    TABLE = "table"


def recorded_style(crate: Crate) -> Style | None:
    """Return the style in which a crate records its fingerprints, or None if it has none."""
    if strings(crate.term_values(crate.root_id, "treehash")):
        return Style.TABLE
    if any(name == TREEHASH_TERM for name, _ in crate.identifiers(crate.root_id)):
        return Style.GRAPH
    if is_open(crate):
        return Style.GRAPH
    return None


def fitting_style(crate: Crate) -> Style:
    """Return the style to write where nobody asks for one: what is there, else what fits."""
    known = recorded_style(crate)
    if known is not None:
        return known
    profiles = crate.values(crate.root_id, "conformsTo")
    declared = [*references(profiles), *strings(profiles)]
    types = map(crate.document.expanded, strings(crate.values(crate.root_id, "@type")))
    bia = any(uri.startswith(_BIA_PROFILES) for uri in declared) or _BIA_STUDY in types
    return Style.TABLE if bia else Style.GRAPH
