"""Gives a crate its ISCC-ID."""

from crate_iscc.crate.view import ISCC_ID, Crate, iscc_ids_of
from crate_iscc.jsonld import as_list, strings, unpacked


def with_iscc_id(crate: Crate, iscc_id: str) -> Crate:
    """Return a crate whose root has an ISCC-ID, before any other ones; those are kept."""
    if iscc_id in iscc_ids_of(crate):
        return crate
    edited = Crate(crate.document.copy())
    values = as_list(edited.root.get("identifier"))
    others = (n for n, value in enumerate(values) if any(map(ISCC_ID.fullmatch, strings(value))))
    values.insert(next(others, len(values)), iscc_id)
    edited.root["identifier"] = unpacked(values)
    return edited
