"""Edits the copy of a crate's document that a build writes its fingerprints into.

What both styles do: bring what files and folders say of their bytes up to date, take off what
does not hold any more, and leave everything else as it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Container
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from crate_iscc.codes import Fingerprint, is_iscc_sum, parse_iscc, renewed
from crate_iscc.containers import container_of
from crate_iscc.crate.terms import (
    ACTION_ID,
    BYTES_LEVEL,
    ISCC_SUM_ID,
    OLD_VERSIONS,
    PIXEL_CODE_ID,
    PROFILE,
    PROFILE_NAME,
    PROFILE_VERSION,
    SOFTWARE_ID,
    TERMS,
    TREEHASH_ID,
    TREEHASH_TERM,
    media_type,
)
from crate_iscc.crate.view import (
    CODE_PREFIXES,
    CODE_PROPERTIES,
    Crate,
    container_folders,
    property_ids,
)
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint
from crate_iscc.jsonld import Entity, as_list, references, strings, unpacked
from crate_iscc.manifest import (
    Manifest,
)
from crate_iscc.paths import (
    MANIFEST_FILE,
    CratePath,
    decode_id,
    encode_id,
    folder_of,
    is_payload,
    printable,
)
from crate_iscc.report import Finding

_OUR_IDS = (ISCC_SUM_ID, TREEHASH_ID, ACTION_ID, SOFTWARE_ID)


@dataclass(frozen=True, slots=True)
class Generator:
    """Who computed the fingerprints, and when (ISO 8601).

    `forced` says in words which files were taken as they are, though others recorded them
    otherwise.
    """

    version: str
    kernel: str
    when: str
    forced: tuple[str, ...] = ()


_LISTS_ALL = "Path, size in bytes, BLAKE3 datahash and ISCC-SUM of every payload file"
_LISTS_FINISHED = "Path, size in bytes, BLAKE3 datahash and ISCC-SUM of every finished file"


class Editor(ABC):
    """One pass over a copy of a crate's document; used once and thrown away.

    `terms` are the terms of ours that the style writes; `keys` says under which keys.
    """

    def __init__(
        self,
        crate: Crate,
        manifest: Manifest,
        terms: Collection[str],
        *,
        sha256: bool,
        left_out: Container[str],
    ) -> None:
        self.sha256 = sha256
        self.left_out = left_out
        self.document = crate.document.copy()
        self.crate = Crate(self.document)
        self.manifest = manifest
        self.notes: list[Finding] = []
        excluded = {"excludedPattern"} if manifest.recipe.excluded else set()
        wanted = {"datahash", "fileCount", "recipeVersion", "codeLevel", *terms} | excluded
        self.keys = self.document.define_terms({t: iri for t, iri in TERMS.items() if t in wanted})
        self.folders = self.crate.folders()
        self.recorded_containers = container_folders(self.crate)
        self.containers = {container.path for container in manifest.containers}
        suffixes = ["", *(f"-{encode_id(path)}" for path in self.containers if path)]
        self.code_ids = {name + end for name in (ISCC_SUM_ID, TREEHASH_ID) for end in suffixes}
        self._check_root()
        self.linked = {
            target
            for entity in self.document.objects()
            for target in references(entity.get("hasPart"))
        }

    def _check_root(self) -> None:
        """Refuse a root that has, or would have, the name of what gets codes of its own.

        One entity cannot have the codes of two things.
        """
        about = self.crate.first(self.crate.descriptor_id, "about")
        for entity_id in (self.crate.root_id, *references(about)[:1]):
            path = decode_id(entity_id) or ""
            if (
                entity_id.startswith(_OUR_IDS)
                or f"{path.rstrip('/')}/" in self.containers
                or path == MANIFEST_FILE
                or self.file(path, None)
            ):
                raise InputError(
                    f"the root dataset has the @id of a part of it: {printable(entity_id)}",
                    hint="give the root dataset the @id './' in the metadata",
                )

    @abstractmethod
    def write_root(self) -> None:
        """Write the codes of the whole, in place of those of the other style."""

    @abstractmethod
    def write_containers(self) -> None:
        """Write the codes of containers, and take them off folders that are none any more."""

    @abstractmethod
    def write_files(self, manifest_file: FileFingerprint | None) -> None:
        """Write the codes of files, and remove what only we said of files that are gone."""

    @abstractmethod
    def write_provenance(self, manifest_file: FileFingerprint | None) -> None:
        """Record every parameter that changes the codes (the Recipe)."""

    @abstractmethod
    def write_generator(self, generator: Generator) -> None:
        """Record who computed the codes."""

    def declare_profile(self, *, described: bool) -> None:
        """Declare the profile on the root; `described` adds the entity that says what it is."""
        self.refer(self.crate.root, "conformsTo", PROFILE)
        if described:
            types = ["CreativeWork", "Profile"]
            if self.crate.version in OLD_VERSIONS:  # whose context does not define Profile
                types.remove("Profile")
            self.document.put(
                {
                    "@id": PROFILE,
                    "@type": unpacked(types),
                    "name": PROFILE_NAME,
                    "version": PROFILE_VERSION,
                },
                keep=True,
            )

    def drop(self, ids: Collection[str]) -> None:
        """Remove entities that only this project wrote, and the root's references to them."""
        for key in ("identifier", "mentions"):
            for entity in self.crate.occurrences(self.crate.root_id):
                values = as_list(entity.get(key))
                kept = [v for v in values if not set(references(v)) & set(ids)]
                if len(kept) != len(values):
                    set_or_remove(entity, key, kept)
        self.document.drop(set(ids))

    def forget_terms(self, entity_id: str, terms: Collection[str]) -> None:
        """Take values of our terms off an entity."""
        for entity in self.crate.occurrences(entity_id):
            for term in terms:
                for key in self.crate.term_keys(term):
                    entity.pop(key, None)

    def record_recipe(self, entity: Entity) -> None:
        """Write every parameter that changes the codes, and their level, into an entity."""
        recipe = self.manifest.recipe
        entity[self.keys["recipeVersion"]] = str(recipe.version)
        entity[self.keys["codeLevel"]] = BYTES_LEVEL
        if recipe.excluded:
            entity[self.keys["excludedPattern"]] = unpacked(list(recipe.excluded))

    def record_force(self, entity: Entity, generator: Generator) -> None:
        """Write into an entity which files were taken as they are, beside those of before."""
        if not generator.forced:
            return
        key = self.document.define_terms({"forced": TERMS["forced"]})["forced"]
        said = [*strings(entity.get(key)), *generator.forced]
        entity[key] = unpacked(list(dict.fromkeys(said)))

    def file(self, path: str, manifest_file: FileFingerprint | None) -> FileFingerprint | None:
        """Return the file at `path`: of the payload, or the manifest file."""
        return manifest_file if path == MANIFEST_FILE else self.manifest.files.get(path)

    def add_file(self, file: FileFingerprint) -> None:
        """Describe a file; an entity that has its id already, but is no File, becomes one too."""
        entity_id = encode_id(file.path)
        there = self.crate.occurrences(entity_id)
        if there:
            there[0]["@type"] = unpacked([*as_list(there[0].get("@type")), "File"])
            self.update_file(there, file)
        else:
            self.document.put(self._new_file(file))
        self.link(entity_id, file.path)

    def _new_file(self, file: FileFingerprint) -> Entity:
        name = file.path.rpartition("/")[2]
        entity: Entity = {"@id": encode_id(file.path), "@type": "File", "name": name}
        if file.path == MANIFEST_FILE:
            entity["description"] = self._list_description
        entity["contentSize"] = str(file.fingerprint.size)
        encoding = media_type(name)
        if encoding:
            entity["encodingFormat"] = encoding
        entity["identifier"] = file.fingerprint.iscc()
        entity[self.keys["datahash"]] = file.fingerprint.datahash
        if file.sha256 and self.sha256:
            entity["sha256"] = file.sha256
        return entity

    @property
    def _list_description(self) -> str:
        """What the manifest file lists."""
        return _LISTS_ALL if self.manifest.root.treehash else _LISTS_FINISHED

    def update_file(self, objects: list[Entity], file: FileFingerprint) -> None:
        """Write the codes into the first object of an entity, and into any that has older ones."""
        datahash_key = self.keys["datahash"]
        for number, entity in enumerate(objects):
            if number and not entity.keys() & {datahash_key, "identifier", "contentSize"}:
                continue
            wide = file.fingerprint.iscc()
            identifiers = self.without_stale(entity, file.fingerprint)
            if wide not in strings(identifiers):
                identifiers.append(wide)
            entity["contentSize"] = str(file.fingerprint.size)
            if entity.get("description") in (_LISTS_ALL, _LISTS_FINISHED):
                entity["description"] = self._list_description
            entity["identifier"] = unpacked(identifiers)
            for key in self.crate.term_keys("datahash"):
                entity.pop(key, None) if key != datahash_key else None
            entity[datahash_key] = file.fingerprint.datahash
            if file.sha256 and (self.sha256 or "sha256" in entity):
                entity["sha256"] = file.sha256

    def without_stale(
        self,
        entity: Entity,
        now: Fingerprint,
        treehash: str | None = None,
        own_ids: Collection[str] = (),
    ) -> list[Any]:
        """Return the identifiers less the ISCC-SUMs and units that are not of these bytes.

        A code that still holds keeps its place and spelling; what is no code stays whatever it
        is; a PropertyValue of ours is brought up to date. `own_ids` are the entities of the codes
        of this one: those of other trees are no codes of it.
        """
        kept: list[Any] = []
        for value in as_list(entity.get("identifier")):
            if any(one in self.code_ids and one not in own_ids for one in references(value)):
                continue
            text = value
            if isinstance(value, dict):
                text = value.get("@value", value.get("@id"))
            if not isinstance(text, str) or not text.startswith(CODE_PREFIXES):
                self._renew_property_value(value, now, treehash)
                kept.append(value)
            elif text not in strings(kept) and _holds(text, now):
                kept.append(value)
        return kept

    def _renew_property_value(self, value: Any, now: Fingerprint, treehash: str | None) -> None:
        """Bring a PropertyValue up to date that holds a code of earlier bytes."""
        if not isinstance(value, dict):
            return
        target = value.get("@id")
        objects = self.crate.occurrences(target) if isinstance(target, str) else [value]
        properties = {text for entity in objects for text in property_ids(entity)} or {""}
        for entity in objects:
            for text in strings(entity.get("value")):
                if treehash and TREEHASH_TERM in properties:
                    entity["value"] = treehash
                elif (
                    properties <= CODE_PROPERTIES
                    and text.startswith(CODE_PREFIXES)
                    and not _holds(text, now)
                ):
                    entity["value"] = _renewed(text, now)

    def link(self, entity_id: str, path: str) -> None:
        """Make a data entity a part of the nearest folder that is described, or of the root."""
        if entity_id in self.linked:
            return
        folder = folder_of(path)
        while folder and (folder not in self.folders or folder in self.containers):
            folder = folder_of(folder[:-1])
        described = self.crate.occurrences(self.folders[folder]) if folder else ()
        whole = described[0] if described else self.crate.root
        parts = whole.get("hasPart")
        if not isinstance(parts, list):
            parts = whole["hasPart"] = as_list(parts)
        parts.append({"@id": entity_id})
        self.linked.add(entity_id)

    def refer(self, entity: Entity, key: str, target: str) -> None:
        """Make a property of an entity point to another one, beside what it points to."""
        values = as_list(entity.get(key))
        if target not in references(values) and target not in values:
            values.append({"@id": target})
            entity[key] = unpacked(values)

    def is_dispensable(self, path: str, ids: list[str]) -> bool:
        """Tell whether a file has become a member of a container and nobody else described it."""
        new = self.containers - self.recorded_containers
        return path != MANIFEST_FILE and container_of(path, new) is not None and self.all_ours(ids)

    @cached_property
    def mentioned(self) -> set[str]:
        """The ids that something others wrote points to, other than as a part."""
        ours = {ACTION_ID, SOFTWARE_ID}
        return {
            target
            for entity in self.document.objects()
            if entity["@id"] not in ours
            for key, value in entity.items()
            if key != "hasPart"
            for target in references(value)
        }

    def all_ours(self, ids: list[str]) -> bool:
        """Tell whether only this project wrote what the entities of a file say.

        And whether nobody else points to them: a step of a workflow, say, that made the file.
        """
        if not self.mentioned.isdisjoint(ids):
            return False
        return all(
            self._is_ours(entity_id, entity)
            for entity_id in ids
            for entity in self.crate.occurrences(entity_id)
        )

    def _is_ours(self, entity_id: str, entity: Entity) -> bool:
        """Tell whether an object says just what a build writes of a new file."""
        path = decode_id(entity_id) or ""
        name = path.rpartition("/")[2]
        keys = {"@id", "@type", "name", "contentSize", "encodingFormat"}
        keys |= {"identifier", "sha256", self.keys["datahash"]}
        keys |= {"description"} if path == MANIFEST_FILE else set()
        return (
            self.keys["datahash"] in entity
            and entity.keys() <= keys
            and entity.get("@type") == "File"
            and entity.get("name") == name
            and entity.get("encodingFormat") == media_type(name)
            and _is_only_ours(as_list(entity.get("identifier")))
        )

    def remove_vanished(self, vanished: dict[CratePath, list[str]]) -> None:
        """Remove what only this project wrote about files that have no entity any more.

        Descriptions by others stay: with a note if the file is gone, without its codes if it is
        there but left out of the payload.
        """
        gone: set[str] = set()
        for path, ids in vanished.items():
            if path != MANIFEST_FILE and not is_payload(path):
                continue
            if self.all_ours(ids):
                gone.update(ids)
            elif path in self.left_out:
                for entity_id in ids:
                    self.forget_codes(self.crate.occurrences(entity_id))
            else:
                self.notes.append(Finding("build.not-on-disk", "described, but not on disk", path))
        self.document.drop(gone)

    def forget_codes(self, objects: list[Entity]) -> None:
        """Take the codes off a file that they do not cover any more."""
        for entity in objects:
            for key in self.crate.term_keys("datahash"):
                entity.pop(key, None)
            values = as_list(entity.get("identifier"))
            kept = [v for v in values if not any(t.startswith(CODE_PREFIXES) for t in strings(v))]
            if kept:
                entity["identifier"] = unpacked(kept)
            else:
                entity.pop("identifier", None)


def set_or_remove(entity: Entity, key: str, values: list[Any]) -> None:
    """Set a property to the values that are left, or remove it where none is."""
    if values:
        entity[key] = unpacked(values)
    else:
        entity.pop(key, None)


def _renewed(text: str, now: Fingerprint) -> str:
    try:
        return renewed(text, now)
    except InputError:
        return now.iscc()


def _is_only_ours(identifiers: list[Any]) -> bool:
    """Tell whether there is one ISCC-SUM, and nothing else but pixel codes that build wrote."""
    left = [
        value
        for value in identifiers
        if not any(one.startswith(PIXEL_CODE_ID) for one in references(value))
    ]
    return len(left) == 1 and is_iscc_sum(str(left[0]))


def _holds(text: str, now: Fingerprint) -> bool:
    try:
        parsed = parse_iscc(text)
    except InputError:
        return False
    return now.merged(parsed) is not None
