"""Writes fingerprints as entities of the graph: the style for most crates."""

from collections.abc import Container

from crate_iscc.codes import Fingerprint, is_iscc_sum
from crate_iscc.containers import outside
from crate_iscc.crate.editing import Editor, Generator, set_or_remove
from crate_iscc.crate.style import Style, recorded_style
from crate_iscc.crate.table_style import TABLE_TERMS
from crate_iscc.crate.terms import (
    ACTION_ID,
    ISCC_SUM_ID,
    ISCC_TERM,
    PROFILE,
    SOFTWARE_ID,
    SOFTWARE_URL,
    STILL_ACTIVE,
    TREEHASH_ID,
    TREEHASH_TERM,
)
from crate_iscc.crate.view import Crate, container_folders
from crate_iscc.file_table import FileFingerprint
from crate_iscc.jsonld import Entity, as_list, references, unpacked
from crate_iscc.manifest import (
    Manifest,
    TreeFingerprint,
)
from crate_iscc.paths import encode_id


class GraphEditor(Editor):
    """Writes an entity for each file, container and code."""

    def __init__(
        self, crate: Crate, manifest: Manifest, *, sha256: bool, left_out: Container[str]
    ) -> None:
        super().__init__(crate, manifest, (), sha256=sha256, left_out=left_out)

    def write_root(self) -> None:
        """Write the codes of the whole, in place of those of the table style."""
        if recorded_style(self.crate) is Style.TABLE:
            self._leave_table()
        else:
            # A table's list may be recorded all the same, and would not be the one written now.
            self.forget_terms(self.crate.root_id, ["manifestDatahash"])
        whole = self.manifest.root
        if whole.treehash:
            self._tree(self.crate.root, whole, "")
        else:
            self._forget_tree(self.crate.root_id, "")
            self.forget_codes([self.crate.root])
        if whole.treehash and whole.iscc:
            self.declare_profile(described=True)
        else:
            self._undeclare_profile()

    def _undeclare_profile(self) -> None:
        """Take the profile off the root: it requires both codes of the whole."""
        for entity in self.crate.occurrences(self.crate.root_id):
            values = as_list(entity.get("conformsTo"))
            kept = [v for v in values if v != PROFILE and PROFILE not in references(v)]
            if len(kept) != len(values):
                set_or_remove(entity, "conformsTo", kept)
        self.document.drop({PROFILE})

    def _leave_table(self) -> None:
        self.forget_terms(self.crate.root_id, TABLE_TERMS)
        trees = [self.crate.root_id, *(self.folders[f] for f in self.recorded_containers)]
        for entity_id in trees:
            self.forget_terms(entity_id, ["treehash"])
            for entity in self.crate.occurrences(entity_id):
                values = as_list(entity.get("identifier"))
                kept = [v for v in values if not (isinstance(v, str) and is_iscc_sum(v))]
                if len(kept) != len(values):
                    set_or_remove(entity, "identifier", kept)

    def write_containers(self) -> None:
        """Describe each container as one dataset with its codes."""
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
            self.link(entity_id, container.path.rstrip("/"))
            self._tree(entity, container, container.path)
        for folder in container_folders(self.crate) - self.containers:
            entity_id = self.folders[folder]
            ours = {"@id", "@type", "name", "identifier", "contentSize", self.keys["fileCount"]}
            objects = self.crate.occurrences(entity_id)
            self._forget_tree(entity_id, folder)
            if not self.manifest.files.below(folder) and all(
                entity.keys() <= ours for entity in objects
            ):
                self.document.drop({entity_id})

    def write_files(self, manifest_file: FileFingerprint | None) -> None:
        """Write the codes of each file that is not in a container, and of those described."""
        known = self.crate.files()
        described = {
            path: file
            for path, ids in known.items()
            if (file := self.file(path, manifest_file)) and not self.is_dispensable(path, ids)
        }
        for path, file in described.items():
            for entity_id in known[path]:
                self.update_file(self.crate.occurrences(entity_id), file)
        new = outside(self.manifest.files, self.containers)
        for file in (*new, manifest_file) if manifest_file else new:
            if file.path not in described:
                self.add_file(file)
        self.remove_vanished({path: ids for path, ids in known.items() if path not in described})

    def write_provenance(self, _manifest_file: FileFingerprint | None) -> None:
        """Record what was done, with every parameter that changes the codes (the Recipe)."""
        action: Entity = {
            "@id": ACTION_ID,
            "@type": "CreateAction",
            "name": "Fingerprinting of the payload",
            "instrument": {"@id": SOFTWARE_ID},
            "object": {"@id": self.crate.root_id},
        }
        whole = self.manifest.root
        codes = ((ISCC_SUM_ID, whole.iscc), (TREEHASH_ID, whole.treehash))
        made = [{"@id": code_id} for code_id, code in codes if code]
        if made:
            action["result"] = made
        else:
            action["actionStatus"] = {"@id": STILL_ACTIVE}
        for entity in self.crate.occurrences(ACTION_ID):
            if not made:
                entity.pop("result", None)
            elif references(entity.get("actionStatus")) == [STILL_ACTIVE]:
                del entity["actionStatus"]
        self.record_recipe(action)
        if not self.manifest.recipe.excluded:
            self.forget_terms(ACTION_ID, ["excludedPattern"])
        self.document.put(action)
        self.refer(self.crate.root, "mentions", ACTION_ID)

    def write_generator(self, generator: Generator) -> None:
        """Record who did it and when."""
        if self.manifest.root.treehash:
            self.document.put({"@id": ACTION_ID, "endTime": generator.when})
        else:  # it has not come to its end
            for entity in self.crate.occurrences(ACTION_ID):
                entity.pop("endTime", None)
        for entity in self.document.graph if generator.forced else ():
            if isinstance(entity, dict) and entity.get("@id") == ACTION_ID:
                self.record_force(entity, generator)
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
        if tree.treehash is None or (path and tree.iscc is None):
            raise ValueError("a tree whose codes are not known cannot be recorded")
        what = f"the container {path}" if path else "the payload"
        suffix = "-" + encode_id(path) if path else ""
        values = [(TREEHASH_ID, TREEHASH_TERM, f"treehash of {what}", tree.treehash)]
        if tree.iscc:
            known = tree.iscc
            values.insert(0, (ISCC_SUM_ID, ISCC_TERM, f"ISCC-SUM of {what}", known.iscc()))
        else:  # the ISCC-SUM of the whole is computed by a read of its own, and may be lacking
            known = Fingerprint()
            self.drop({ISCC_SUM_ID})
            self.forget_codes([entity])
        own_ids = [value_id + suffix for value_id, *_ in values]
        identifiers = self.without_stale(entity, known, tree.treehash, own_ids)
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
        end = f"-{encode_id(folder)}" if folder else ""
        ours = {name + end for name in (ISCC_SUM_ID, TREEHASH_ID)}
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
