"""Writes fingerprints as literals of the root and rows of the manifest file: no new entities."""

from collections.abc import Container

from crate_iscc.crate.editing import Editor, Generator, set_or_remove
from crate_iscc.crate.terms import (
    ACTION_ID,
    ISCC_SUM_ID,
    MANIFEST_SCHEMA,
    OLD_VERSIONS,
    PROFILE,
    SOFTWARE_ID,
    TREEHASH_ID,
)
from crate_iscc.crate.view import Crate, treehash_texts
from crate_iscc.file_table import FileFingerprint
from crate_iscc.jsonld import Entity, as_list, references, strings
from crate_iscc.manifest import (
    Manifest,
    TreeFingerprint,
)
from crate_iscc.paths import MANIFEST_FILE, CratePath, decode_id, encode_id, utf8_order

TABLE_TERMS = (
    "treehash",
    "recipeVersion",
    "codeLevel",
    "excludedPattern",
    "generator",
    "manifestDatahash",
    "manifestSchema",
)
"""Terms that this style writes on the root, where the graph style has entities."""


class TableEditor(Editor):
    """Writes literals on what is described already, and adds no entity.

    One exception: RO-Crate 1.2 and later require an entity for the profile that the root
    declares, so crates of these versions get it. Those of the BioImage Archive are 1.1.
    """

    def __init__(
        self, crate: Crate, manifest: Manifest, *, sha256: bool, left_out: Container[str]
    ) -> None:
        terms = ("treehash", "generator", "manifestDatahash", "manifestSchema")
        super().__init__(crate, manifest, terms, sha256=sha256, left_out=left_out)

    def write_root(self) -> None:
        """Write the codes of the whole, in place of those of the graph style."""
        self.drop({ISCC_SUM_ID, TREEHASH_ID, ACTION_ID, SOFTWARE_ID})
        self._tree(self.crate.root, self.manifest.root)
        old = self.crate.version in OLD_VERSIONS
        if old and all(e.keys() <= {"@id", "@type", "name", "version"} for e in self._profile()):
            self.document.drop({PROFILE})
        self.declare_profile(described=not old)

    def _profile(self) -> list[Entity]:
        return self.crate.occurrences(PROFILE)

    def write_containers(self) -> None:
        """Write the codes of containers that others describe; the rest are rows of the table."""
        ours = {"@id", "@type", "name", "identifier", "contentSize", self.keys["fileCount"]}
        trees = {tree.path: tree for tree in self.manifest.containers}
        for folder, entity_id in self.folders.items():
            objects = self.crate.occurrences(entity_id)
            values = {f"{name}-{encode_id(folder)}" for name in (ISCC_SUM_ID, TREEHASH_ID)}
            written = any(values & set(references(e.get("identifier"))) for e in objects)
            for entity in objects:
                kept = [
                    v for v in as_list(entity.get("identifier")) if values.isdisjoint(references(v))
                ]
                if written:
                    set_or_remove(entity, "identifier", kept)
            self.document.drop(values)
            if written and all(e.keys() <= ours and "identifier" not in e for e in objects):
                self.document.drop({entity_id})
            elif folder in trees:
                self._tree(objects[0], trees[folder])
            elif written or folder in self.recorded_containers:
                self._forget_tree(entity_id)

    def write_files(self, manifest_file: FileFingerprint | None) -> None:
        """Bring files up to date that others describe, and drop what only we said of the rest."""
        known = self.crate.files()
        gone: set[str] = set()
        vanished: dict[CratePath, list[str]] = {}
        for path, ids in known.items():
            file = self.file(path, manifest_file)
            if file is None:
                vanished[path] = ids
            elif self.all_ours(ids):
                gone.update(ids)
            else:
                for entity_id in ids:
                    self.update_file(self.crate.occurrences(entity_id), file)
        self.document.drop(gone)
        # What something points to has to be described: a licence file, say.
        pointed_to = {decode_id(entity_id) or "": entity_id for entity_id in self.mentioned}
        for name in sorted(pointed_to.keys() - known.keys(), key=utf8_order):
            file = self.file(name, manifest_file) if name else None
            if file and encode_id(name) == pointed_to[name]:
                self.add_file(file)
        self.remove_vanished(vanished)

    def write_provenance(self, manifest_file: FileFingerprint | None) -> None:
        """Record every parameter that changes the codes, and what binds the manifest file."""
        root = self.crate.root
        self.record_recipe(root)
        if not self.manifest.recipe.excluded:
            self.forget_terms(self.crate.root_id, ["excludedPattern"])
        if manifest_file is None or manifest_file.fingerprint.datahash is None:
            raise ValueError(f"the table style needs {MANIFEST_FILE}")
        root[self.keys["manifestDatahash"]] = manifest_file.fingerprint.datahash
        root[self.keys["manifestSchema"]] = MANIFEST_SCHEMA

    def write_generator(self, generator: Generator) -> None:
        """Record who did it."""
        self.crate.root[self.keys["generator"]] = f"crate-iscc {generator.version}"
        self.record_force(self.crate.root, generator)

    def _tree(self, entity: Entity, tree: TreeFingerprint) -> None:
        if tree.iscc is None or tree.treehash is None:
            raise ValueError("a tree whose codes are not known cannot be recorded")
        wide = tree.iscc.iscc()
        identifiers = self.without_stale(entity, tree.iscc, tree.treehash)
        if wide not in strings(identifiers):
            identifiers.append(wide)
        set_or_remove(entity, "identifier", identifiers)
        entity[self.keys["treehash"]] = tree.treehash
        entity["contentSize"] = str(tree.size)
        entity[self.keys["fileCount"]] = tree.files

    def _forget_tree(self, entity_id: str) -> None:
        """Take our codes off a folder that is no container any more."""
        known = set(treehash_texts(self.crate, entity_id))
        self.forget_terms(entity_id, ["treehash", "fileCount"])
        for entity in self.crate.occurrences(entity_id):
            if known:
                self.forget_codes([entity])
                entity.pop("contentSize", None)
