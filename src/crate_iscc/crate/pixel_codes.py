"""Pixel codes in a crate: PropertyValues among the identifiers of a file or Zarr (profile, 6.1)."""

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from crate_iscc.codes import is_iscc_sum
from crate_iscc.crate.terms import PIXEL_CODE_ID, PIXEL_CODE_TERM, PIXELS_LEVEL, TERMS
from crate_iscc.crate.view import Crate, property_ids
from crate_iscc.images import Compared, Extent, ImageFingerprint, Role
from crate_iscc.jsonld import Entity, as_list, references, strings, unpacked
from crate_iscc.manifest import Manifest
from crate_iscc.paths import CratePath, encode_id

RECORDED_DIGEST = 6
"""Bytes of each plane's BLAKE3 that are recorded: enough to say which plane is another.

Whether there is one is for the pixel code to say.
"""
MOST_RECORDED = 10_000
"""Of an image of more planes no digests are recorded."""

_NAME = "pixel code"
_OWN_TERMS = ("codeLevel", "axes", "shape", "dtype", "planeDigests")


@dataclass(frozen=True, slots=True)
class RecordedPixels:
    """A pixel code as a crate records it.

    `paths` are the files, or folders with a slash ("" for the root), that it identifies. `digests`
    are the first bytes of the BLAKE3 of each plane, None where they are not recorded; `extent` is
    None where axes and shape say none.
    """

    entity: str
    paths: tuple[CratePath, ...]
    scene: str
    code: str
    extent: Extent | None
    dtype: str
    digests: tuple[bytes, ...] | None

    @property
    def is_ours(self) -> bool:
        """Whether this project wrote it, which may therefore take it away."""
        return self.entity.startswith(PIXEL_CODE_ID)

    def comparable(self) -> Compared | None:
        """Return what can be compared plane by plane, None where that is not recorded."""
        if self.extent is None or self.digests is None or len(self.digests) != self.extent.planes:
            return None
        return self.extent, self.dtype, self.digests


def has_pixel_codes(crate: Crate) -> bool:
    """Tell whether anything in a crate is a pixel code, sooner than recorded_pixels does."""
    return any(
        PIXEL_CODE_TERM in property_ids(entity)
        for entity in crate.document.objects()
        if "propertyID" in entity
    )


def recorded_pixels(crate: Crate) -> tuple[RecordedPixels, ...]:
    """Return the pixel codes that a crate records, each once, in the order of its entities."""
    found: dict[str, RecordedPixels] = {}
    for path, entity_id in identified_entities(crate):
        for number, value in enumerate(crate.values(entity_id, "identifier")):
            if not isinstance(value, dict):
                continue
            target = value.get("@id")
            named = isinstance(target, str) and bool(crate.occurrences(target))
            objects = crate.occurrences(str(target)) if named else [value]
            key = str(target) if named else f"{entity_id} {number}"
            if PIXEL_CODE_TERM not in {text for one in objects for text in property_ids(one)}:
                continue
            if key in found:
                known = found[key]
                paths = (*known.paths, path)
                found[key] = _recorded(crate, key if named else "", objects, paths)
            else:
                found[key] = _recorded(crate, key if named else "", objects, (path,))
    return tuple(found.values())


def with_pixel_codes(crate: Crate, images: Iterable[ImageFingerprint]) -> Crate:
    """Return the crate with these pixel codes, and without others that this project wrote.

    What others wrote stays.
    """
    document = crate.document.copy()
    edited = Crate(document)
    terms = {term: TERMS[term] for term in _OWN_TERMS}
    known = {path: ids[0] for path, ids in edited.files().items()}
    folders = edited.folders()
    wanted: set[str] = set()
    keys: dict[str, str] = {}
    for image in images:
        keys = keys or document.define_terms(terms)
        value_id = _value_id(image)
        entity = _property_value(image, value_id, keys)
        for old in edited.occurrences(value_id):
            old.pop(keys["planeDigests"], None)
        document.put(entity)
        wanted.add(value_id)
        for path in image.files or (image.path,):
            if path.endswith("/") or not path:
                owner = folders.get(path) if path else edited.root_id
            else:
                owner = known.get(path)
            for object_ in edited.occurrences(owner)[:1] if owner else ():
                values = as_list(object_.get("identifier"))
                if value_id not in references(values):
                    object_["identifier"] = unpacked([*values, {"@id": value_id}])
    return without_values(edited, _ours(edited) - wanted)


def without_stale(
    crate: Crate, before: Manifest, now: Manifest
) -> tuple[Crate, tuple[RecordedPixels, ...]]:
    """Return the crate without our pixel codes of bytes that have changed, and all that have."""
    stale = tuple(
        item for item in recorded_pixels(crate) if any(_changed(p, before, now) for p in item.paths)
    )
    ours = {item.entity for item in stale if item.is_ours}
    ours |= _ours(crate) - {item.entity for item in recorded_pixels(crate)}
    return (without_values(Crate(crate.document.copy()), ours) if ours else crate), stale


def _changed(path: CratePath, before: Manifest, now: Manifest) -> bool:
    if path and not path.endswith("/"):
        known, found = before.files.get(path), now.files.get(path)
        if known is None or found is None:  # of bytes that were never recorded nothing is known
            return found is None
        return known.fingerprint.same_bytes(found.fingerprint) is not True
    old = next((c for c in (before.root, *before.containers) if c.path == path), None)
    new = next((c for c in (now.root, *now.containers) if c.path == path), None)
    if old is None or new is None or old.treehash is None:
        return new is None
    return old.treehash != new.treehash


def _ours(crate: Crate) -> set[str]:
    return {entity_id for entity_id in crate.ids() if entity_id.startswith(PIXEL_CODE_ID)}


def without_values(crate: Crate, ids: set[str]) -> Crate:
    """Remove values of identifiers from a crate that may be edited."""
    if not ids:
        return crate
    for _, entity_id in list(identified_entities(crate)):
        for entity in crate.occurrences(entity_id):
            values = as_list(entity.get("identifier"))
            kept = [value for value in values if ids.isdisjoint(references(value))]
            if len(kept) == len(values):
                continue
            if kept:
                entity["identifier"] = unpacked(kept)
            else:
                del entity["identifier"]
    crate.document.drop(ids)
    return Crate(crate.document)


def identified_entities(crate: Crate) -> Iterator[tuple[CratePath, str]]:
    """Yield path and `@id` of whatever may be identified: the root, folders and files."""
    yield CratePath(""), crate.root_id
    for folder, entity_id in crate.folders().items():
        yield CratePath(folder), entity_id
    yield from crate.file_entities()


def _value_id(image: ImageFingerprint) -> str:
    scene = f"-{encode_id(image.scene)}" if image.scene else ""
    return f"{PIXEL_CODE_ID}{encode_id(image.path) if image.path else './'}{scene}"


def _property_value(image: ImageFingerprint, value_id: str, keys: dict[str, str]) -> Entity:
    what = f" of {image.scene}" if image.scene else ""
    entity: Entity = {
        "@id": value_id,
        "@type": "PropertyValue",
        "name": _NAME + what,
        "propertyID": PIXEL_CODE_TERM,
        "value": image.iscc,
        keys["codeLevel"]: PIXELS_LEVEL,
        keys["axes"]: image.extent.axes,
        keys["shape"]: image.extent.shape,
        keys["dtype"]: image.dtype,
    }
    if image.role is Role.LABEL:
        entity["description"] = "The code of labels, which are no part of the image's own code"
    if 1 < image.extent.planes <= MOST_RECORDED:
        raw = b"".join(image.digests(RECORDED_DIGEST))
        entity[keys["planeDigests"]] = base64.urlsafe_b64encode(raw).decode("ascii")
    return entity


def _recorded(
    crate: Crate, entity: str, objects: list[Entity], paths: tuple[CratePath, ...]
) -> RecordedPixels:
    def first(term: str) -> str:
        found = (v for key in crate.term_keys(term) for o in objects for v in as_list(o.get(key)))
        return next((text for value in found for text in _texts(value)), "")

    codes = [text for one in objects for text in strings(one.get("value")) if is_iscc_sum(text)]
    names = [text for one in objects for text in strings(one.get("name"))]
    return RecordedPixels(
        entity,
        paths,
        next((n.removeprefix(f"{_NAME} of ") for n in names if n.startswith(f"{_NAME} of ")), ""),
        codes[0] if len(codes) == 1 else "",
        Extent.parse(first("axes"), first("shape")),
        first("dtype"),
        _digests(first("planeDigests")),
    )


def _texts(value: Any) -> list[str]:
    if isinstance(value, int) and not isinstance(value, bool):
        return [str(value)]
    return strings(value)


def _digests(text: str) -> tuple[bytes, ...] | None:
    try:
        raw = base64.b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if not raw or len(raw) % RECORDED_DIGEST:
        return None
    return tuple(raw[at : at + RECORDED_DIGEST] for at in range(0, len(raw), RECORDED_DIGEST))
