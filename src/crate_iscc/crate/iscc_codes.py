"""ISCC-CODEs in a crate: of description, appearance and bytes together (ISO 24138).

They stand beside the ISCC-SUM, as PropertyValues of a kind of their own among the identifiers of an
image and of the whole. Meta-Codes are of the name, the description and a few more properties of the
entity; the Content-Code is the experimental Image-Code, of the whole that of all images together.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.pixel_codes import identified_entities, without_values
from crate_iscc.crate.terms import ISCC_CODE_ID, ISCC_CODE_TERM, TERMS
from crate_iscc.crate.view import Crate, property_ids
from crate_iscc.images import Image, ImageFingerprint, Role
from crate_iscc.iscc_units import (
    Meta,
    Seed,
    bytes_in,
    composed,
    image_unit,
    is_content_unit,
    is_semantic_unit,
    meta_unit,
    mixed_unit,
    unit_distance,
)
from crate_iscc.jsonld import Entity, as_list, references, strings, unpacked
from crate_iscc.manifest import Manifest
from crate_iscc.paths import CratePath, encode_id
from crate_iscc.report import Finding

SEED = ("license", "keywords", "encodingFormat", "taxonomicRange")
"""Properties of an entity that go into its Meta-Code, beside name and description."""

_NAME = "ISCC-CODE"
_OWN_TERMS = ("units", "metahash")


@dataclass(frozen=True, slots=True)
class _Code:
    """What is to be written: whose code it is, and the Content-Code in it."""

    value_id: str
    owner: str
    path: CratePath
    fingerprint: Fingerprint
    content: str | None


def has_iscc_codes(crate: Crate) -> bool:
    """Tell whether anything in a crate is an ISCC-CODE of several levels."""
    return any(
        ISCC_CODE_TERM in property_ids(entity)
        for entity in crate.document.objects()
        if "propertyID" in entity
    )


def with_iscc_codes(
    crate: Crate, manifest: Manifest, images: Sequence[Image]
) -> tuple[Crate, list[Finding]]:
    """Return the crate with the ISCC-CODEs of its images and of itself, and what has none.

    What others wrote stays. Where an image could not be read, the code of the whole has no
    Content-Code: it would be one of some of the images.
    """
    edited = Crate(crate.document.copy())
    pictures = [
        image
        for image in images
        if not (isinstance(image, ImageFingerprint) and image.role is Role.LABEL)
    ]
    notes: list[Finding] = []
    wanted: list[_Code] = []
    known = _Known(edited, manifest)
    for image in pictures:
        if not isinstance(image, ImageFingerprint) or (not image.path and not image.scene):
            continue
        found = known.of(image.path)
        if len(image.files) > 1 or found is None:
            reason = "it is in several files" if len(image.files) > 1 else "it has no entity"
            notes.append(Finding("build.no-iscc-code", reason, CratePath(image.name)))
            continue
        content = image_unit(image.look) if image.look else None
        value_id = code_id(image.path, image.scene)
        wanted.append(_Code(value_id, *found, content))
    whole = known.of(CratePath(""))
    if whole:
        unread = [image for image in pictures if not isinstance(image, ImageFingerprint)]
        looks = [image.look for image in pictures if isinstance(image, ImageFingerprint)]
        units = [image_unit(look) for look in looks if look]
        content = None if unread else mixed_unit(units)
        wanted.append(_Code(code_id(CratePath(""), ""), *whole, content))
        if unread:
            reason = "the code of the whole has no Content-Code: not every image could be read"
            notes.append(Finding("build.no-iscc-code", reason, CratePath("")))
    written = [code for code in wanted if _write(edited, code)]
    kept = {code.value_id for code in written}
    notes.extend(
        Finding("build.no-iscc-code", "it has no name and looks all the same", code.path)
        for code in wanted
        if code not in written
    )
    return without_values(Crate(edited.document), _ours(edited) - kept), notes


def with_renewed_iscc_codes(
    crate: Crate, manifest: Manifest
) -> tuple[Crate, tuple[CratePath, ...]]:
    """Return the crate with our ISCC-CODEs brought up to date, and the paths of the stale ones.

    Descriptions are taken in anew. A code of bytes that have changed is removed, for nobody has
    seen what they look like now; one of others stays, and is told.
    """
    edited = Crate(crate.document.copy())
    known = _Known(edited, manifest)
    stale: dict[str, CratePath] = {}
    seen: set[str] = set()
    for path, owner, value_id, objects in list(recorded_codes(edited)):
        found = known.of(path)
        units = [unit for one in objects for unit in units_of(edited, one)]
        value = next((text for one in objects for text in strings(one.get("value"))), "")
        seen.add(value_id)
        if found is None or _is_stale(units, value, found[2]):
            stale[value_id or f"{owner} {len(stale)}"] = path
        elif value_id.startswith(ISCC_CODE_ID):
            content = next(filter(is_content_unit, units), None)
            _write(edited, _Code(value_id, *found, content))
    gone = {value_id for value_id in stale if value_id.startswith(ISCC_CODE_ID)}
    gone |= _ours(edited) - seen
    return without_values(Crate(edited.document), gone), tuple(stale.values())


def meta_of(crate: Crate) -> str | None:
    """Return the Meta-Code of a crate as it is described now, whatever it records of itself."""
    made = _meta(crate, crate.root_id, "")
    return made.unit if made else None


def semantic_codes(crate: Crate) -> tuple[str, ...]:
    """Return the Semantic-Codes that the root carries, by itself or among the units of a code."""
    root = crate.root_id
    texts = [text for _, text in crate.identifiers(root)]
    texts += [
        unit
        for path, _, _, objects in recorded_codes(crate)
        if not path
        for one in objects
        for unit in units_of(crate, one)
    ]
    return tuple(dict.fromkeys(filter(is_semantic_unit, texts)))


class _Known:
    """Finds the entity and the codes of what lies at a path."""

    def __init__(self, crate: Crate, manifest: Manifest) -> None:
        self._crate = crate
        self._manifest = manifest
        self._folders = crate.folders()
        self._files = {path: ids[0] for path, ids in crate.files().items()}
        self._trees = {one.path: one.iscc for one in manifest.containers}

    def of(self, path: CratePath) -> tuple[str, CratePath, Fingerprint] | None:
        owner: str | None
        known: Fingerprint | None
        if not path:
            owner, known = self._crate.root_id, self._manifest.root.iscc
        elif path.endswith("/"):
            owner, known = self._folders.get(path), self._trees.get(path)
        else:
            file = self._manifest.files.get(path)
            owner, known = self._files.get(path), file.fingerprint if file else None
        if owner is None or known is None or not (known.data and known.instance):
            return None
        return owner, path, known


def _write(crate: Crate, code: _Code) -> bool:
    """Write a code, and tell whether there is one: of bytes alone the ISCC-SUM says all."""
    meta = _meta(crate, code.owner, code.path.rstrip("/").rpartition("/")[2])
    metas = [meta.unit] if meta else []
    contents = [code.content] if code.content else []
    if not (metas or contents):
        return False
    units = [*metas, *contents, *code.fingerprint.units_as_known()]
    keys = crate.document.define_terms({term: TERMS[term] for term in _OWN_TERMS})
    entity: Entity = {
        "@id": code.value_id,
        "@type": "PropertyValue",
        "name": _NAME,
        "propertyID": ISCC_CODE_TERM,
        "value": composed(units),
        keys["units"]: units,
    }
    if meta:
        entity[keys["metahash"]] = meta.metahash
    for old in crate.occurrences(code.value_id):
        old.pop(keys["metahash"], None)
    crate.document.put(entity)
    for owner in crate.occurrences(code.owner)[:1]:
        values = as_list(owner.get("identifier"))
        if code.value_id not in references(values):
            owner["identifier"] = unpacked([*values, {"@id": code.value_id}])
    return True


def _meta(crate: Crate, owner: str, name: str) -> Meta | None:
    def first(key: str) -> str:
        return next((text for text in strings(crate.values(owner, key)) if text.strip()), "")

    seed: Seed = {key: texts for key in SEED if (texts := _texts(crate.values(owner, key)))}
    return meta_unit(first("name") or name, first("description"), seed)


def _texts(values: Collection[Any]) -> list[str]:
    """Return texts, and the ids of what is referred to, each once and sorted."""
    return sorted({*strings(list(values)), *references(list(values))})


def _is_stale(units: Sequence[str], value: str, now: Fingerprint) -> bool:
    """Tell whether a code is known to be of other bytes, by its units or by itself."""
    if units:
        return not all(
            any(_same(mine, theirs) for theirs in units) for mine in now.units_as_known()
        )
    known = bytes_in(value)
    if known is None or not (now.data and now.instance):
        return False
    return known != (now.data[:8], now.instance[:8])


def _same(one: str, two: str) -> bool:
    """Tell whether two units agree, as far as both go."""
    distance = unit_distance(one, two)
    return distance is not None and not distance.bits


def recorded_codes(crate: Crate) -> Iterator[tuple[CratePath, str, str, list[Entity]]]:
    """Yield path and `@id` of each owner of a code, the `@id` of the code, and its objects."""
    for path, owner in identified_entities(crate):
        for value in crate.values(owner, "identifier"):
            if not isinstance(value, dict):
                continue
            target = value.get("@id")
            objects = crate.occurrences(target) if isinstance(target, str) else []
            objects = objects or [value]
            if any(ISCC_CODE_TERM in property_ids(one) for one in objects):
                yield path, owner, target if isinstance(target, str) else "", objects


def units_of(crate: Crate, entity: Entity) -> list[str]:
    """Return the units that an ISCC-CODE says it is composed of."""
    return [text for key in crate.term_keys("units") for text in strings(as_list(entity.get(key)))]


def _ours(crate: Crate) -> set[str]:
    return {entity_id for entity_id in crate.ids() if entity_id.startswith(ISCC_CODE_ID)}


def code_id(path: CratePath, scene: str) -> str:
    """Return the `@id` of the ISCC-CODE that this project writes of an image, or of the whole."""
    behind = f"-{encode_id(scene)}" if scene else ""
    return f"{ISCC_CODE_ID}{encode_id(path) if path else './'}{behind}"
