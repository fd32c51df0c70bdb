"""What a crate's metadata say, as far as the profile asks: files, trees, codes, links."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from crate_iscc.containers import container_of
from crate_iscc.crate.terms import (
    ISCC_TERM,
    RO_CRATE,
    TERMS,
    TREEHASH_TERM,
)
from crate_iscc.crate.view import Crate, property_ids, recipe
from crate_iscc.errors import InputError
from crate_iscc.jsonld import Entity, as_list, references, strings
from crate_iscc.paths import (
    LEGACY_METADATA_FILE,
    METADATA_FILE,
    PREVIEW_FILE,
    PREVIEW_FOLDER,
    decode_id,
    glob_matcher,
    has_scheme,
)

WIDE_ISCC_SUM = re.compile(r"ISCC:K4A[A-Z2-7]{52}")
DATAHASH = re.compile(r"1e20[0-9a-f]{64}")
_SPEC_CONTEXT = re.compile(re.escape(RO_CRATE) + r"[^/]+/context/?")
_NO_PAYLOAD = frozenset({METADATA_FILE, LEGACY_METADATA_FILE, PREVIEW_FILE})


def is_local(entity_id: str) -> bool:
    """Tell whether an `@id` is relative: not on the web, not within the metadata (`#`)."""
    return not entity_id.startswith(("#", "/", "_:")) and not has_scheme(entity_id)


def is_pattern(text: str) -> bool:
    """Tell whether a text is a pattern in the syntax of .gitignore."""
    try:
        glob_matcher([text])
    except InputError:
        return False
    return bool(text.strip())


class Facts:
    """A crate as the profile sees it.

    It reads more strictly than verification does: a term of ours counts only where the crate's
    own context gives it its meaning, or a context that is not known here may do so.
    """

    def __init__(self, crate: Crate) -> None:
        self.crate = crate
        self.document = crate.document
        self.root_id = crate.root_id
        self._own_keys = {term: self._keys_of(term) for term in TERMS}

    @cached_property
    def files(self) -> tuple[str, ...]:
        """The ids of the File data entities of the payload.

        Left out are files on the web, the metadata file, the preview, and what the crate records
        as excluded.
        """
        excluded = glob_matcher(filter(is_pattern, recipe(self.crate).excluded))
        found = []
        for entity_id in self.crate.ids():
            if not is_local(entity_id) or not self.crate.is_file(entity_id):
                continue
            path = decode_id(entity_id) or entity_id
            left_out = path in _NO_PAYLOAD or path.startswith(PREVIEW_FOLDER)
            if not left_out and not (excluded(path) and not self.has_code(entity_id)):
                found.append(entity_id)
        return tuple(found)

    def has_code(self, entity_id: str) -> bool:
        """Tell whether an entity has an ISCC-SUM or a datahash at all."""
        texts = [text for _, text in self.crate.identifiers(entity_id)]
        return any(t.startswith("ISCC:") for t in texts) or bool(self.own(entity_id, "datahash"))

    @cached_property
    def containers(self) -> tuple[str, ...]:
        """The ids of the containers: datasets with a file count or a name in `.zarr/`.

        A dataset inside of a container is none.
        """
        folders = {
            decode_id(entity_id) or entity_id: entity_id
            for entity_id in self.crate.ids()
            if entity_id != self.root_id
            and is_local(entity_id)
            and self.crate.is_dataset(entity_id)
            and (entity_id.endswith(".zarr/") or self.own(entity_id, "fileCount"))
        }
        paths = {path.rstrip("/") + "/" for path in folders}
        parts = self.reached(folders.values(), ["hasPart"])
        inside = self.reached(parts, ["hasPart"], again=True)
        return tuple(
            entity_id
            for path, entity_id in folders.items()
            if container_of(path.rstrip("/"), paths) is None and entity_id not in inside
        )

    @property
    def trees(self) -> tuple[str, ...]:
        """The ids of the root and of the containers."""
        return (self.root_id, *self.containers)

    def own_keys(self, term: str) -> tuple[str, ...]:
        """Return the keys that mean one of our terms in this document."""
        return self._own_keys[term]

    def _keys_of(self, term: str) -> tuple[str, ...]:
        iri = TERMS[term]
        if self.document.meaning(term) == iri or self._foreign_contexts:
            return self.crate.term_keys(term)
        return (iri,)

    def keys_of(self, words: Mapping[str, Collection[str]]) -> tuple[str, ...]:
        """Return the keys under which a document may write what `words` means: name -> IRIs.

        A name that the document defines as something else is left out. One that it does not
        define counts: published crates of the NGFF challenge leave some undefined.
        """
        iris = {iri for meanings in words.values() for iri in meanings}
        known = (n for n in words if self.document.meaning(n) in (None, *words[n]))
        renamed = (term for term in self.document.terms() if self.document.meaning(term) in iris)
        return tuple(dict.fromkeys((*known, *renamed, *sorted(iris))))

    @cached_property
    def _foreign_contexts(self) -> bool:
        """True where a context is named whose terms are not known here."""
        return any(
            isinstance(context, str) and not _SPEC_CONTEXT.fullmatch(context)
            for context in self.document.contexts()
        )

    def own(self, entity_id: str, term: str) -> list[Any]:
        """Return the values of one of our terms on an entity."""
        return [v for key in self.own_keys(term) for v in self.crate.values(entity_id, key)]

    def canonical(self, entity_id: str, terms: Iterable[str]) -> Entity:
        """Return all that is said of an entity as one object, with our terms by their names."""
        objects = self.crate.occurrences(entity_id)
        renamed = {key: term for term in terms for key in self.own_keys(term)}
        misnamed = {term for term in terms if term not in self.own_keys(term)}
        if (
            len(objects) == 1
            and not misnamed
            and not (renamed.keys() - renamed.values()) & objects[0].keys()
        ):
            return objects[0]
        merged: dict[str, list[Any]] = defaultdict(list)
        for entity in objects:
            for key, value in entity.items():
                if key not in misnamed:
                    merged[renamed.get(key, key)].extend(as_list(value))
        whole: Entity = {k: v[0] if len(v) == 1 else v for k, v in merged.items()}
        return whole | {"@id": entity_id}

    def codes(self, entity_id: str, term: str) -> list[str]:
        """Return the distinct codes of a tree: PropertyValues of a term, and literals."""
        literals: list[str] = []
        if term == ISCC_TERM:
            literals = strings(self.crate.values(entity_id, "identifier"))
        elif term == TREEHASH_TERM:
            literals = strings(self.own(entity_id, "treehash"))
        values = [t for pv in self.property_values(entity_id, term) if len(pv) == 1 for t in pv]
        form = DATAHASH if term == TREEHASH_TERM else WIDE_ISCC_SUM
        return [t for t in (*dict.fromkeys(literals), *values) if form.fullmatch(t)]

    def property_values(self, entity_id: str, term: str) -> Iterator[list[str]]:
        """Yield the values of each PropertyValue of an identifier that has the propertyID."""
        for target in dict.fromkeys(references(self.crate.values(entity_id, "identifier"))):
            objects = self.crate.occurrences(target)
            if any(term in property_ids(entity) for entity in objects):
                yield strings(self.crate.values(target, "value"))

    def reached(
        self, start: Iterable[str], keys: Iterable[str], *, again: bool = False
    ) -> set[str]:
        """Return what one of the properties leads to; with `again` any number of times, or none."""
        keys = tuple(keys)
        waiting = list(start)
        found: set[str] = set(waiting) if again else set()
        while waiting:
            current = waiting.pop()
            for key in keys:
                for target in references(self.crate.values(current, key)):
                    if target not in found:
                        found.add(target)
                        if again:
                            waiting.append(target)
        return found

    @cached_property
    def parts(self) -> set[str]:
        """The root, and what it reaches by hasPart."""
        return self.reached([self.root_id], ["hasPart"], again=True)

    @cached_property
    def actions(self) -> tuple[str, ...]:
        """The ids of the CreateActions."""
        return tuple(
            entity_id
            for entity_id in self.crate.ids()
            if "CreateAction" in strings(self.crate.values(entity_id, "@type"))
        )

    @cached_property
    def recipe_holders(self) -> tuple[str, ...]:
        """What may state the recipe: the root, and actions that it mentions or is the object of."""
        mentioned = references(self.crate.values(self.root_id, "mentions"))
        about_root = (
            entity_id
            for entity_id in self.crate.ids()
            if self.root_id in references(self.crate.values(entity_id, "object"))
        )
        return tuple(dict.fromkeys((self.root_id, *mentioned, *about_root)))
