"""Puts fingerprints into an RO-Crate and loses nothing that is there.

Every function here edits a copy of the document and returns a new Crate.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from crate_iscc.codes import Fingerprint, is_iscc_sum, parse_iscc, renewed
from crate_iscc.containers import container_of
from crate_iscc.crate.terms import (
    ACTION_ID,
    ISCC_SUM_ID,
    ISCC_TERM,
    NEW_CRATE_VERSION,
    OLD_VERSIONS,
    PROFILE,
    PROFILE_NAME,
    PROFILE_VERSION,
    RO_CRATE,
    SOFTWARE_ID,
    SOFTWARE_URL,
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
from crate_iscc.jsonld import Document, Entity, as_list, references, strings, unpacked
from crate_iscc.manifest import FileFingerprint, Manifest, TreeFingerprint
from crate_iscc.paths import MANIFEST_FILE, CratePath, encode_id, folder_of, is_payload
from crate_iscc.report import Finding


@dataclass(frozen=True, slots=True)
class Generator:
    """Who computed the fingerprints, and when (ISO 8601)."""

    version: str
    kernel: str
    when: str


def new_crate() -> Crate:
    """Return an empty RO-Crate of the version that new crates have."""
    version = RO_CRATE + NEW_CRATE_VERSION
    return Crate(
        Document(
            {
                "@context": version + "/context",
                "@graph": [
                    {
                        "@id": "ro-crate-metadata.json",
                        "@type": "CreativeWork",
                        "about": {"@id": "./"},
                        "conformsTo": {"@id": version},
                    },
                    {"@id": "./", "@type": "Dataset"},
                ],
            }
        )
    )


def fingerprinted(
    crate: Crate,
    manifest: Manifest,
    *,
    manifest_file: FileFingerprint | None,
    generator: Generator,
    sha256: bool = False,
    before: Crate | None = None,
    left_out: Collection[str] = (),
) -> tuple[Crate, list[Finding]]:
    """Return the crate with the fingerprints of `manifest`, and what is odd about it.

    `manifest_file` is the fingerprint of the `iscc-manifest.tsv` beside it, where there is one.
    The `generator` is written unless the crate is, with the generator that it names, equal to
    `before`: nothing new was found out then. With `sha256` each file gets one, where the
    manifest has it; a `sha256` that is there is brought up to date in any case. `left_out` names
    files that are there, but no part of the payload.
    """
    editor = _Editor(crate, manifest, sha256=sha256, left_out=left_out)
    editor.write_root()
    editor.write_containers()
    editor.write_files(manifest_file)
    editor.write_provenance()
    if before is None or editor.document.value != before.document.value:
        editor.write_generator(generator)
    return Crate(editor.document), editor.notes


class _Editor:
    """One pass over a copy of a crate's document; used once and thrown away."""

    def __init__(
        self, crate: Crate, manifest: Manifest, *, sha256: bool, left_out: Collection[str]
    ) -> None:
        self.sha256 = sha256
        self.left_out = left_out
        self.document = crate.document.copy()
        self.crate = Crate(self.document)
        self.manifest = manifest
        self.notes: list[Finding] = []
        terms = ["datahash", "fileCount", "recipeVersion"]
        if manifest.recipe.excluded:
            terms.append("excludedPattern")
        self.keys = self.document.define_terms({term: TERMS[term] for term in terms})
        self.folders = self.crate.folders()
        self.recorded_containers = container_folders(self.crate)
        self.containers = {container.path for container in manifest.containers}
        self.linked = {
            target
            for entity in self.document.objects()
            for target in references(entity.get("hasPart"))
        }

    def write_root(self) -> None:
        self._tree(self.crate.root, self.manifest.root, "")
        self._refer(self.crate.root, "conformsTo", PROFILE)
        types = ["CreativeWork", "Profile"]
        if self.crate.version in OLD_VERSIONS:  # whose context does not define Profile
            types.remove("Profile")
        profile = {
            "@id": PROFILE,
            "@type": unpacked(types),
            "name": PROFILE_NAME,
            "version": PROFILE_VERSION,
        }
        self.document.put(profile, keep=True)

    def write_containers(self) -> None:
        for container in self.manifest.containers:
            if not container.path:  # the root itself, which has its codes
                continue
            entity_id = self.folders.get(container.path, encode_id(container.path))
            there = self.crate.occurrences(entity_id)
            if there:
                entity = there[0]
                if container.path not in self.folders:
                    entity["@type"] = unpacked([*as_list(entity.get("@type")), "Dataset"])
            else:
                name = container.path.rstrip("/").rpartition("/")[2]
                entity = {"@id": entity_id, "@type": "Dataset", "name": name}
                self.document.put(entity)
            self._link(entity_id, container.path.rstrip("/"))
            self._tree(entity, container, container.path)
        paths = [file.path for file in self.manifest.files]
        for folder in container_folders(self.crate) - self.containers:
            entity_id = self.folders[folder]
            ours = {"@id", "@type", "name", "identifier", "contentSize", self.keys["fileCount"]}
            objects = self.crate.occurrences(entity_id)
            self._forget_tree(entity_id, folder)
            filled = any(path.startswith(folder) for path in paths)
            if not filled and all(entity.keys() <= ours for entity in objects):
                self.document.drop({entity_id})

    def write_files(self, manifest_file: FileFingerprint | None) -> None:
        known = self.crate.files()
        files = {file.path: file for file in self.manifest.files}
        if manifest_file:
            files[manifest_file.path] = manifest_file
        dispensable = {path for path, ids in known.items() if self._is_dispensable(path, ids)}
        for path, file in files.items():
            if path in known and path not in dispensable:
                for entity_id in known[path]:
                    self._update_file(self.crate.occurrences(entity_id), file)
            elif path == MANIFEST_FILE or not self._in_container(path):
                self._add_file(file)
        described = files.keys() - dispensable
        self._remove_vanished({path: ids for path, ids in known.items() if path not in described})

    def write_provenance(self) -> None:
        """Record what was done, with every parameter that changes the codes (the Recipe)."""
        recipe = self.manifest.recipe
        action: Entity = {
            "@id": ACTION_ID,
            "@type": "CreateAction",
            "name": "Fingerprinting of the payload",
            "instrument": {"@id": SOFTWARE_ID},
            "object": {"@id": self.crate.root_id},
            "result": [{"@id": ISCC_SUM_ID}, {"@id": TREEHASH_ID}],
            self.keys["recipeVersion"]: str(recipe.version),
        }
        if recipe.excluded:
            action[self.keys["excludedPattern"]] = unpacked(list(recipe.excluded))
        else:
            for entity in self.crate.occurrences(ACTION_ID):
                for key in self.crate.term_keys("excludedPattern"):
                    entity.pop(key, None)
        self.document.put(action)
        self._refer(self.crate.root, "mentions", ACTION_ID)

    def write_generator(self, generator: Generator) -> None:
        """Record who did it and when."""
        self.document.put({"@id": ACTION_ID, "endTime": generator.when})
        self.document.put(
            {
                "@id": SOFTWARE_ID,
                "@type": "SoftwareApplication",
                "name": "crate-iscc",
                "url": SOFTWARE_URL,
                "version": generator.version,
                "description": f"ISCC-SUM kernel: {generator.kernel}",
            }
        )

    def _tree(self, entity: Entity, tree: TreeFingerprint, path: str) -> None:
        if tree.iscc is None or tree.treehash is None:
            raise ValueError("a tree whose codes are not known cannot be recorded")
        what = f"the container {path}" if path else "the payload"
        suffix = "-" + encode_id(path) if path else ""
        values = (
            (ISCC_SUM_ID, ISCC_TERM, f"ISCC-SUM of {what}", tree.iscc.iscc()),
            (TREEHASH_ID, TREEHASH_TERM, f"treehash of {what}", tree.treehash),
        )
        identifiers = self._without_stale(entity, tree.iscc, tree.treehash)
        for value_id, property_id, name, value in values:
            value_id += suffix
            if value_id not in references(identifiers):
                identifiers.append({"@id": value_id})
            self.document.put(
                {
                    "@id": value_id,
                    "@type": "PropertyValue",
                    "name": name,
                    "propertyID": property_id,
                    "value": value,
                },
            )
        entity["identifier"] = unpacked(identifiers)
        entity["contentSize"] = str(tree.size)
        entity[self.keys["fileCount"]] = tree.files

    def _forget_tree(self, entity_id: str, folder: str) -> None:
        """Take our codes off a folder that is no container any more."""
        ours = {f"{name}-{encode_id(folder)}" for name in (ISCC_SUM_ID, TREEHASH_ID)}
        for entity in self.crate.occurrences(entity_id):
            kept = [
                value
                for value in as_list(entity.get("identifier"))
                if ours.isdisjoint(references(value))
            ]
            if len(kept) != len(as_list(entity.get("identifier"))):
                entity["identifier"] = unpacked(kept)
                entity.pop("contentSize", None)
                entity.pop(self.keys["fileCount"], None)
                if not kept:
                    del entity["identifier"]
        self.document.drop(ours)

    def _in_container(self, path: str) -> bool:
        return container_of(path, self.containers) is not None

    def _add_file(self, file: FileFingerprint) -> None:
        """Describe a file; an entity that has its id already, but is no File, becomes one too."""
        entity_id = encode_id(file.path)
        there = self.crate.occurrences(entity_id)
        if there:
            there[0]["@type"] = unpacked([*as_list(there[0].get("@type")), "File"])
            self._update_file(there, file)
        else:
            self.document.put(self._new_file(file))
        self._link(entity_id, file.path)

    def _new_file(self, file: FileFingerprint) -> Entity:
        name = file.path.rpartition("/")[2]
        entity: Entity = {"@id": encode_id(file.path), "@type": "File", "name": name}
        if file.path == MANIFEST_FILE:
            entity["description"] = (
                "Path, size in bytes, BLAKE3 datahash and ISCC-SUM of every payload file"
            )
        entity["contentSize"] = str(file.fingerprint.size)
        encoding = media_type(name)
        if encoding:
            entity["encodingFormat"] = encoding
        entity["identifier"] = file.fingerprint.iscc()
        entity[self.keys["datahash"]] = file.fingerprint.datahash
        if file.sha256 and self.sha256:
            entity["sha256"] = file.sha256
        return entity

    def _update_file(self, objects: list[Entity], file: FileFingerprint) -> None:
        """Write the codes into the first object of an entity, and into any that has older ones."""
        datahash_key = self.keys["datahash"]
        for number, entity in enumerate(objects):
            if number and not entity.keys() & {datahash_key, "identifier", "contentSize"}:
                continue
            wide = file.fingerprint.iscc()
            identifiers = self._without_stale(entity, file.fingerprint)
            if wide not in strings(identifiers):
                identifiers.append(wide)
            entity["contentSize"] = str(file.fingerprint.size)
            entity["identifier"] = unpacked(identifiers)
            for key in self.crate.term_keys("datahash"):
                entity.pop(key, None) if key != datahash_key else None
            entity[datahash_key] = file.fingerprint.datahash
            if file.sha256 and (self.sha256 or "sha256" in entity):
                entity["sha256"] = file.sha256

    def _without_stale(
        self, entity: Entity, now: Fingerprint, treehash: str | None = None
    ) -> list[Any]:
        """Return the identifiers less the ISCC-SUMs and units that are not of these bytes.

        A code that still holds keeps its place and spelling; what is no code stays whatever it
        is; a PropertyValue of ours is brought up to date.
        """
        kept: list[Any] = []
        for value in as_list(entity.get("identifier")):
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

    def _link(self, entity_id: str, path: str) -> None:
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

    def _refer(self, entity: Entity, key: str, target: str) -> None:
        values = as_list(entity.get(key))
        if target not in references(values) and target not in values:
            values.append({"@id": target})
            entity[key] = unpacked(values)

    def _is_dispensable(self, path: str, ids: list[str]) -> bool:
        """Tell whether a file has become a member of a container and nobody else described it."""
        new = self.containers - self.recorded_containers
        return path != MANIFEST_FILE and container_of(path, new) is not None and self._all_ours(ids)

    def _all_ours(self, ids: list[str]) -> bool:
        """Tell whether only this project wrote what the entities of a file say."""
        keys = {"@id", "@type", "name", "description", "contentSize", "encodingFormat"}
        keys |= {"identifier", "sha256", self.keys["datahash"]}
        return all(
            self.keys["datahash"] in entity
            and entity.keys() <= keys
            and entity.get("@type") == "File"
            and is_iscc_sum(str(entity.get("identifier")))
            for entity_id in ids
            for entity in self.crate.occurrences(entity_id)
        )

    def _remove_vanished(self, vanished: dict[CratePath, list[str]]) -> None:
        """Remove what only this project wrote about files that have no entity any more.

        Descriptions by others stay: with a note if the file is gone, without its codes if it is
        there but left out of the payload.
        """
        gone: set[str] = set()
        for path, ids in vanished.items():
            if path != MANIFEST_FILE and not is_payload(path):
                continue
            if self._all_ours(ids):
                gone.update(ids)
            elif path in self.left_out:
                for entity_id in ids:
                    self._forget_codes(self.crate.occurrences(entity_id))
            else:
                self.notes.append(Finding("build.not-on-disk", "described, but not on disk", path))
        self.document.drop(gone)

    def _forget_codes(self, objects: list[Entity]) -> None:
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


def _renewed(text: str, now: Fingerprint) -> str:
    try:
        return renewed(text, now)
    except InputError:
        return now.iscc()


def _holds(text: str, now: Fingerprint) -> bool:
    try:
        parsed = parse_iscc(text)
    except InputError:
        return False
    return now.merged(parsed) is not None
