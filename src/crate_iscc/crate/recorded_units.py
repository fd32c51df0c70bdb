"""ISCC-UNITs that a crate records of what its parts are, beside the codes of their bytes.

They stand in ISCC-CODEs, as units of full length or composed, or alone among the identifiers of a
file, a folder or the root. Nothing is made anew here.
"""

from dataclasses import dataclass

from crate_iscc.crate.iscc_codes import code_id, recorded_codes, units_of
from crate_iscc.crate.pixel_codes import identified_entities
from crate_iscc.crate.terms import ISCC_CODE_ID, ISCC_CODE_TERM
from crate_iscc.crate.view import CODE_PREFIXES, Crate
from crate_iscc.iscc_units import decomposed, image_code_in
from crate_iscc.jsonld import strings
from crate_iscc.paths import CratePath


@dataclass(frozen=True, slots=True)
class RecordedUnits:
    """The units at each path ("" for the root): by the `@id` of their ISCC-CODE, "" for lone ones.

    Meta-, Semantic- and Content-Codes, and of ISCC-CODEs the Data- and Instance-Code as well.
    """

    by_path: dict[CratePath, dict[str, tuple[str, ...]]]

    def of(self, path: CratePath) -> tuple[str, ...]:
        """Return all units of a file, a folder or the whole."""
        return tuple(unit for units in self.by_path.get(path, {}).values() for unit in units)

    def of_image(self, path: CratePath, scene: str) -> tuple[str, ...]:
        """Return the units of an image; where it is the only one in a file, those of the file."""
        return self.by_path.get(path, {}).get(code_id(path, scene), ()) if scene else self.of(path)

    def look(self, path: CratePath, scene: str) -> bytes:
        """Return the body of the Image-Code that this project recorded of an image, if it did.

        Those of others start from other views of an image, and say nothing beside one made here.
        """
        units = self.by_path.get(path, {}).get(code_id(path, scene), ())
        return next(filter(None, map(image_code_in, units)), b"")


def recorded_units(crate: Crate) -> RecordedUnits:
    """Return the units that a crate records.

    Where an ISCC-CODE does not list its units, they are the 64 bits of each in the code itself.
    """
    found: dict[CratePath, dict[str, tuple[str, ...]]] = {}
    composed = False
    for path, owner in identified_entities(crate):
        for property_id, text in crate.identifiers(owner):
            composed = composed or property_id == ISCC_CODE_TERM
            if not text.startswith("ISCC:") or text.startswith(CODE_PREFIXES):
                continue
            lone = decomposed(text) if property_id != ISCC_CODE_TERM else []
            if lone:
                by_code = found.setdefault(path, {})
                by_code[""] = (*by_code.get("", ()), *lone)
    for path, _, value_id, objects in recorded_codes(crate) if composed else ():
        units = [unit for one in objects for unit in units_of(crate, one)]
        if not units:
            values = (text for one in objects for text in strings(one.get("value")))
            units = [unit for text in values for unit in decomposed(text)]
        name = value_id if value_id.startswith(ISCC_CODE_ID) else f"by others {value_id}"
        found.setdefault(path, {})[name] = tuple(units)
    return RecordedUnits(found)
