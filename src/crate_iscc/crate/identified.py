"""Gives a crate its ISCC-ID."""

from itertools import chain, count
from typing import Any

from crate_iscc.crate.style import Style, recorded_style
from crate_iscc.crate.terms import ISCC_ID_ID, ISCC_ID_TERM
from crate_iscc.crate.view import ISCC_ID, Crate, iscc_ids_of
from crate_iscc.jsonld import as_list, references, strings, unpacked


def with_iscc_id(crate: Crate, iscc_id: str) -> Crate:
    """Return a crate whose root has an ISCC-ID, before any other ones; those are kept.

    It is a PropertyValue of the graph, or in the table style a string.
    """
    if iscc_id in iscc_ids_of(crate):
        return crate
    edited = Crate(crate.document.copy())
    value: Any = iscc_id
    if recorded_style(crate) is not Style.TABLE:
        names = chain((ISCC_ID_ID,), (f"{ISCC_ID_ID}-{number}" for number in count(2)))
        value = {"@id": next(name for name in names if not crate.occurrences(name))}
        edited.document.put(
            {
                **value,
                "@type": "PropertyValue",
                "name": "ISCC-ID",
                "propertyID": ISCC_ID_TERM,
                "value": iscc_id,
            }
        )
    values = as_list(edited.root.get("identifier"))
    others = (n for n, other in enumerate(values) if _is_iscc_id(crate, other))
    values.insert(next(others, len(values)), value)
    edited.root["identifier"] = unpacked(values)
    return Crate(edited.document)


def _is_iscc_id(crate: Crate, identifier: Any) -> bool:
    """Tell whether an identifier is an ISCC-ID, by itself or as the entity that it points to."""
    objects = [entity for name in references(identifier) for entity in crate.occurrences(name)]
    texts = [*strings(identifier), *(text for one in objects for text in strings(one.get("value")))]
    return any(map(ISCC_ID.fullmatch, texts))
