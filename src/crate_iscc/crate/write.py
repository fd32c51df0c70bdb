"""Puts fingerprints into an RO-Crate and loses nothing that is there.

Every function here edits a copy of the document and returns a new Crate.
"""

from collections.abc import Container

from crate_iscc.crate.editing import Generator
from crate_iscc.crate.graph_style import GraphEditor
from crate_iscc.crate.style import Style, fitting_style
from crate_iscc.crate.table_style import TableEditor
from crate_iscc.crate.terms import NEW_CRATE_VERSION, RO_CRATE
from crate_iscc.crate.view import Crate, treehash_texts
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint
from crate_iscc.jsonld import Document
from crate_iscc.manifest import (
    Manifest,
)
from crate_iscc.report import Finding


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
    left_out: Container[str] = (),
    style: Style | None = None,
) -> tuple[Crate, list[Finding]]:
    """Return the crate with the fingerprints of `manifest`, and what is odd about it.

    `manifest_file` is the fingerprint of the `iscc-manifest.tsv` beside it, where there is one.
    The `generator` is written unless the crate is, with the generator that it names, equal to
    `before`: nothing new was found out then. With `sha256` each file gets one, where the
    manifest has it; a `sha256` that is there is brought up to date in any case. `left_out` names
    files that are there, but no part of the payload. `style` says how to write; without it the
    crate keeps its style, and a new one gets the one that fits it.

    Where the manifest has no treehash of the whole, files are still being written: the graph style
    alone can say so.
    """
    editors = {Style.GRAPH: GraphEditor, Style.TABLE: TableEditor}
    editor = editors[style or fitting_style(crate)](
        crate, manifest, sha256=sha256, left_out=left_out
    )
    editor.write_root()
    editor.write_containers()
    editor.write_files(manifest_file)
    editor.write_provenance(manifest_file)
    if before is None or editor.document.value != before.document.value:
        editor.write_generator(generator)
    written = Crate(editor.document)
    whole = manifest.root.treehash
    if whole and whole not in treehash_texts(written, written.root_id):
        raise InputError(
            "the metadata cannot take fingerprints",
            cause="the root dataset is described inside of an entity that build writes anew",
            hint="flatten the metadata: RO-Crate has every entity at the top of @graph",
        )
    return written, editor.notes
