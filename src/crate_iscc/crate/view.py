"""Reads an RO-Crate: its root, its data entities, and the fingerprints that it records."""

import re
from collections import defaultdict
from collections.abc import Iterator, Set
from functools import cached_property
from typing import Any

from crate_iscc.crate.terms import (
    ACTION_ID,
    ISCC_TERM,
    RO_CRATE,
    STILL_ACTIVE,
    TERMS,
    TREEHASH_TERM,
)
from crate_iscc.errors import InputError
from crate_iscc.jsonld import Document, Entity, as_list, pointer_step, references, strings
from crate_iscc.manifest import RECIPE_VERSION, Recipe, parse_size
from crate_iscc.paths import (
    LEGACY_METADATA_FILE,
    MANIFEST_FILE,
    METADATA_FILE,
    CratePath,
    decode_id,
    has_scheme,
)

_FILE_TYPES = frozenset({"File", "MediaObject", "http://schema.org/MediaObject"})
_DATASET_TYPES = frozenset({"Dataset", "http://schema.org/Dataset"})
ISCC_ID = re.compile(r"ISCC:M[AE]I[A-Z2-7]{13}")
"""How an ISCC-ID is written: of the test realm (A) or the other one (E)."""
CODE_PREFIXES = ("ISCC:K4A", "ISCC:KUA", "ISCC:GA", "ISCC:IA")
"""How ISCC-SUMs and the units of one begin: GA is a Data-Code, IA an Instance-Code."""


CODE_PROPERTIES = frozenset({"", ISCC_TERM, "ISCC", "iscc"})
"""The propertyIDs of codes of the entity's bytes; others are codes of something else about it."""


class Crate:
    """An RO-Crate over a Document; several objects with one `@id` count as one entity."""

    def __init__(self, document: Document) -> None:
        self.document = document

    @classmethod
    def parse(cls, raw: bytes) -> "Crate":
        """Parse the bytes of an `ro-crate-metadata.json`.

        Raises InputError where they are no RO-Crate.
        """
        crate = cls(Document.parse(raw))
        _ = crate.root_id
        return crate

    @cached_property
    def _entities(self) -> dict[str, list[Entity]]:
        entities: dict[str, list[Entity]] = defaultdict(list)
        for entity in self.document.objects():
            entities[entity["@id"]].append(entity)
        return entities

    @property
    def descriptor_id(self) -> str:
        """The `@id` of the metadata descriptor. Raises InputError if there is no root."""
        return self._descriptor_and_root[0]

    @property
    def root_id(self) -> str:
        """The `@id` of the root dataset. Raises InputError if there is none."""
        return self._descriptor_and_root[1]

    @cached_property
    def _descriptor_and_root(self) -> tuple[str, str]:
        for name in (METADATA_FILE, LEGACY_METADATA_FILE):
            for entity_id in self._entities:
                if name not in entity_id and "%" not in entity_id:
                    continue
                # Elsewhere than at the root it is the descriptor of a nested crate.
                absolute = has_scheme(entity_id) and entity_id.rpartition("/")[2] == name
                if absolute or decode_id(entity_id) == name:
                    about = references(self.first(entity_id, "about"))
                    if about and about[0] in self._entities:
                        return entity_id, about[0]
        if "./" in self._entities:
            return METADATA_FILE, "./"
        raise InputError(
            "the metadata describe no RO-Crate",
            cause="no metadata descriptor points to a root dataset",
            hint=f"the graph needs an entity {METADATA_FILE!r} whose 'about' is the root",
        )

    @property
    def root(self) -> Entity:
        """The object of the root dataset that edits go into."""
        return self._entities[self.root_id][0]

    @property
    def version(self) -> str:
        """The RO-Crate version that the descriptor names, such as `1.2`, or `unknown`."""
        for uri in references(self.first(self.descriptor_id, "conformsTo")):
            if uri.startswith(RO_CRATE):
                return uri.removeprefix(RO_CRATE).strip("/") or "unknown"
        return "unknown"

    def occurrences(self, entity_id: str) -> list[Entity]:
        """Return every object of the document with this `@id` that says something."""
        return self._entities.get(entity_id, [])

    def values(self, entity_id: str, key: str) -> list[Any]:
        """Return a property's values over all objects of the entity."""
        return [
            value for entity in self.occurrences(entity_id) for value in as_list(entity.get(key))
        ]

    def first(self, entity_id: str, key: str) -> Any:
        """Return a property as the first object of the entity that has it writes it."""
        for entity in self.occurrences(entity_id):
            if key in entity:
                return entity[key]
        return None

    def pointer(self, entity_id: str, key: str | None = None) -> str | None:
        """Return the JSON Pointer of an entity, or of a property that it has (RFC 6901)."""
        objects = self.occurrences(entity_id)
        if not objects:
            return None
        holder = next((entity for entity in objects if key in entity), None)
        place = self._places[id(objects[0] if holder is None else holder)]
        return place if holder is None or key is None else f"{place}/{pointer_step(key)}"

    @cached_property
    def _places(self) -> dict[int, str]:
        return {id(entity): place for place, entity in self.document.placed_objects()}

    def ids(self) -> Iterator[str]:
        """Yield the `@id` of each entity, in the order of the document."""
        yield from self._entities

    def is_file(self, entity_id: str) -> bool:
        """Tell whether the entity is a File (RO-Crate, Data Entities)."""
        return _is_any(self.occurrences(entity_id), _FILE_TYPES)

    def is_dataset(self, entity_id: str) -> bool:
        """Tell whether the entity is a Dataset."""
        return _is_any(self.occurrences(entity_id), _DATASET_TYPES)

    def file_entities(self) -> Iterator[tuple[CratePath, str]]:
        """Yield the path and the `@id` of each File entity inside the crate, as they come."""
        for path, entity_id, _ in self.file_objects():
            yield path, entity_id

    def file_objects(self) -> Iterator[tuple[CratePath, str, list[Entity]]]:
        """Yield what file_entities yields, with the objects of each."""
        for entity_id, objects in self._entities.items():
            path = decode_id(entity_id) if _is_any(objects, _FILE_TYPES) else None
            if path and not path.endswith("/"):
                yield CratePath(path), entity_id, objects

    def files(self) -> dict[CratePath, list[str]]:
        """Return the paths of the File entities inside the crate, with the ids that name them."""
        found: dict[CratePath, list[str]] = defaultdict(list)
        for path, entity_id in self.file_entities():
            found[path].append(entity_id)
        return found

    def folders(self) -> dict[str, str]:
        """Return the folders that Dataset entities describe (with a slash), and their ids."""
        found: dict[str, str] = {}
        for entity_id, objects in self._entities.items():
            path = decode_id(entity_id) if _is_any(objects, _DATASET_TYPES) else None
            if path and entity_id != self.root_id:
                found.setdefault(path.rstrip("/") + "/", entity_id)
        return found

    def term_keys(self, term: str) -> tuple[str, ...]:
        """Return the keys under which this document may write one of our terms.

        A term that lost its place in the context still counts; one that the context gives
        another meaning does not.
        """
        meaning = self.document.meaning(term)
        iri = TERMS[term]
        return (term, iri) if meaning in (None, iri) else (iri,)

    def term_values(self, entity_id: str, term: str) -> list[Any]:
        """Return the values of one of our terms on an entity."""
        return [value for key in self.term_keys(term) for value in self.values(entity_id, key)]

    def identifiers(self, entity_id: str) -> Iterator[tuple[str, str]]:
        """Yield (propertyID, text) of each identifier: a string, or a PropertyValue's value.

        The propertyID is empty where there is none.
        """
        for value in self.values(entity_id, "identifier"):
            if isinstance(value, str):
                yield "", value
            elif isinstance(value, dict):
                yield from self._property_value(value)

    def _property_value(self, value: Entity) -> Iterator[tuple[str, str]]:
        target = value.get("@id")
        objects = self.occurrences(target) if isinstance(target, str) else [value]
        property_id = next((text for entity in objects for text in property_ids(entity)), "")
        if isinstance(target, str) and target.startswith("ISCC:"):
            yield property_id, target
        for entity in objects:
            for text in (*strings(entity.get("value")), *strings(entity.get("@value"))):
                yield property_id, text


def _is_any(objects: list[Entity], types: Set[str]) -> bool:
    """Tell whether the objects of an entity name any of these types."""
    for entity in objects:
        named = entity.get("@type")
        if named in types if isinstance(named, str) else not types.isdisjoint(strings(named)):
            return True
    return False


def property_ids(entity: Entity) -> list[str]:
    """Return the propertyIDs of a PropertyValue, written as text or as references."""
    value = entity.get("propertyID")
    return [*strings(value), *references(value)]


def is_open(crate: Crate) -> bool:
    """Tell whether a crate says of itself that files are still being written to it.

    Its files and containers have codes then, as far as they are finished, and the whole has none.
    """
    return STILL_ACTIVE in references(crate.values(ACTION_ID, "actionStatus"))


def container_folders(crate: Crate) -> frozenset[str]:
    """Return the folders that the crate records as containers: they have a treehash."""
    return frozenset(
        folder for folder, entity_id in crate.folders().items() if treehash_texts(crate, entity_id)
    )


def treehash_texts(crate: Crate, entity_id: str) -> list[str]:
    """Return the treehashes of a dataset: as identifiers (graph style) or literals (table)."""
    return [
        *(text for name, text in crate.identifiers(entity_id) if name == TREEHASH_TERM),
        *strings(crate.term_values(entity_id, "treehash")),
    ]


def iscc_id_of(crate: Crate) -> str | None:
    """Return the ISCC-ID of the root dataset: minted by a hub, it names the crate (IEP-0011)."""
    return next(iter(iscc_ids_of(crate)), None)


def iscc_ids_of(crate: Crate) -> tuple[str, ...]:
    """Return all ISCC-IDs of the root dataset, in their order: it may have been declared again."""
    texts = (text for _, text in crate.identifiers(crate.root_id))
    return tuple(text for text in texts if ISCC_ID.fullmatch(text))


def check_recipe(crate: Crate) -> None:
    """Refuse a crate whose codes were made by a later recipe: they would be judged wrongly."""
    version = recipe(crate).version
    if version > RECIPE_VERSION:
        raise InputError(
            f"the fingerprints of this crate follow recipe {version}",
            cause=f"this version of crate-iscc knows recipes up to {RECIPE_VERSION}",
            hint="use a newer crate-iscc",
        )


def recipe(crate: Crate) -> Recipe:
    """Return the parameters of the recorded codes."""
    version = number_of(recipe_values(crate, "recipeVersion"))
    excluded = tuple(strings(recipe_values(crate, "excludedPattern")))
    return Recipe(excluded, RECIPE_VERSION if version is None else version)


def recipe_values(crate: Crate, term: str) -> list[Any]:
    """Return the values of a term of the recipe: on the action, or on the root (table style)."""
    return [
        value
        for entity_id in (ACTION_ID, crate.root_id)
        for value in crate.term_values(entity_id, term)
    ]


def records_manifest_file(crate: Crate) -> bool:
    """Tell whether a crate records an `iscc-manifest.tsv`, in either style."""
    return bool(crate.term_values(crate.root_id, "manifestDatahash")) or any(
        crate.is_file(entity_id) for entity_id in (MANIFEST_FILE, f"./{MANIFEST_FILE}")
    )


def number_of(values: list[Any]) -> int | None:
    """Return the first of a property's values that is a number, or None."""
    for value in values:
        number = parse_size(value) if isinstance(value, str) else value
        if isinstance(number, int) and not isinstance(number, bool):
            return number
    return None
