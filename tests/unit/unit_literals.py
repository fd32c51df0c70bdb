"""Literals for the unit tests: fingerprints made up from contents, manifests, small crates."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.view import Crate
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.jsonld import Document, Entity
from crate_iscc.manifest import (
    Manifest,
    Recipe,
    TreeFingerprint,
    treehash,
)
from crate_iscc.paths import crate_path

CONTEXT = "https://w3id.org/ro/crate/1.3/context"
DESCRIPTOR: Entity = {
    "@id": "ro-crate-metadata.json",
    "@type": "CreativeWork",
    "about": {"@id": "./"},
    "conformsTo": {"@id": "https://w3id.org/ro/crate/1.3"},
}
ROOT: Entity = {"@id": "./", "@type": "Dataset", "name": "Cells"}


def fingerprint(content: bytes) -> Fingerprint:
    """Return a true size and BLAKE3 digest, with 128 bits that stand for a Data-Code."""
    return Fingerprint(len(content), sha256(content).digest()[:16], blake3(content).digest())


def files(contents: Mapping[str, bytes]) -> FileTable:
    """Return the files of a manifest from their contents, in its order."""
    return FileTable.of(FileFingerprint(crate_path(p), fingerprint(c)) for p, c in contents.items())


def manifest(
    contents: Mapping[str, bytes],
    containers: Iterable[str] = (),
    *,
    excluded: tuple[str, ...] = (),
) -> Manifest:
    """Return a manifest as a crate can record it: tree codes are known at 128 + 128 bits."""
    known = files(contents)

    def tree(folder: str) -> TreeFingerprint:
        members = known.below(folder)
        stream = b"".join(contents[file.path] for file in members)
        return TreeFingerprint(
            folder,
            Fingerprint(data=sha256(stream).digest()[:16], instance=blake3(stream).digest()[:16]),
            treehash(members, folder),
            len(members),
            len(stream),
        )

    trees = tuple(tree(folder) for folder in containers)
    return Manifest(known, trees, tree(""), recipe=Recipe(excluded))


def crate(*entities: Entity, context: Any = CONTEXT, root: Entity = ROOT) -> Crate:
    """Return a crate of RO-Crate 1.3 that holds copies of the entities."""
    value = {"@context": context, "@graph": [DESCRIPTOR, root, *entities]}
    return Crate(Document(value).copy())


def entity(of: Crate, entity_id: str) -> Entity:
    """Return the one object of an entity."""
    (only,) = of.occurrences(entity_id)
    return only


def pieces(lines: Iterable[str]) -> list[bytes]:
    """Return the lines of a manifest file as a source hands it over: in pieces of bytes."""
    return [line.encode("utf-8") for line in lines]
