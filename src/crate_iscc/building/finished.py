"""Plans the crate of what is finished, while other files are still being written beside it.

What is finished has its codes, and no other file is named. The whole gets a treehash only from who
says that everything is finished; an ISCC-SUM of the whole is read in an order of its own, and stays
only where the payload is what it was made of.
"""

from collections.abc import Container
from dataclasses import replace
from datetime import datetime

from crate_iscc.bag import read_bag
from crate_iscc.building.adoption import carried
from crate_iscc.building.manifest_file import manifest_file
from crate_iscc.building.plan import (
    MANIFEST_FILE_ABOVE,
    BuildPlan,
    check_places,
    datahash_of,
)
from crate_iscc.building.target import Target, TargetKind
from crate_iscc.crate.describe import Description, described
from crate_iscc.crate.editing import Generator
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.pixel_codes import has_pixel_codes, without_stale
from crate_iscc.crate.record import recorded
from crate_iscc.crate.style import Style, fitting_style
from crate_iscc.crate.view import Crate, check_recipe, records_manifest_file
from crate_iscc.crate.write import fingerprinted, new_crate
from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, PathsOf
from crate_iscc.kernel import Kernel
from crate_iscc.manifest import Manifest, TreeFingerprint
from crate_iscc.metadata import find_metadata
from crate_iscc.paths import MANIFEST_FILE, METADATA_FILE, CratePath, printable
from crate_iscc.sources import chunks
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.version import __version__


def recorded_before(tree: DirectoryTree) -> Manifest:
    """Return what the crate records that is there, an empty manifest where there is none.

    Raises InputError for a crate whose files can only be described by a build: that is to check
    what others recorded of them, or keeps its codes in a table.
    """
    top = tree.top()
    there = find_metadata(tree, top)
    crate = Crate.parse(there.raw) if there else new_crate()
    check_recipe(crate)
    others = carried(crate, read_bag(tree, top))
    has_sha256 = any(crate.values(entity_id, "sha256") for entity_id in crate.ids())
    if (others and (others.files or others.digests)) or has_sha256:
        raise InputError(
            f"digests of other kinds are recorded in {printable(tree.subject)}",
            cause="they would have to be kept beside the codes, or checked",
            hint="use crate-iscc build: it does that",
        )
    if fitting_style(crate) is Style.TABLE:
        raise InputError(
            f"the codes of {printable(tree.subject)} are kept in a table",
            cause="a table cannot say that files are still being written",
            hint="use crate-iscc build, when all are",
        )
    record = recorded(crate)
    listed = top.entries.get(MANIFEST_FILE)
    if record.manifest_file and listed:
        record = with_manifest_file(record, chunks(tree.open(listed)))
    return record.manifest


def plan_finished(
    tree: DirectoryTree,
    manifest: Manifest,
    *,
    there: Container[str],
    leftovers: tuple[CratePath, ...],
    now: datetime,
    kernel: Kernel,
) -> tuple[BuildPlan, TreeFingerprint]:
    """Return what is written, in place, for a manifest of what is finished; and the recorded whole.

    `there` are the paths of all files, finished or not. Raises InputError as plan_build does.
    """
    top = tree.top()
    metadata = find_metadata(tree, top)
    crate = Crate.parse(metadata.raw) if metadata else new_crate()
    check_places(tree, top, crate)
    before = recorded(crate).manifest
    manifest = _with_iscc(manifest, before.root)
    listed = top.entries.get(MANIFEST_FILE)
    files = manifest.files
    written = None
    if manifest.containers or len(files) > MANIFEST_FILE_ABOVE or records_manifest_file(crate):
        written = manifest_file(files, (), kernel)
    full, notes = described(
        crate, Description(), folder=tree.name, date=now.date().isoformat(), payload=PathsOf(files)
    )
    edited, odd = fingerprinted(
        full,
        manifest,
        manifest_file=FileFingerprint(MANIFEST_FILE, written.fingerprint) if written else None,
        generator=Generator(__version__, kernel.name, now.strftime("%Y-%m-%dT%H:%M:%SZ")),
        before=crate,
        left_out=there,
        style=Style.GRAPH,
    )
    if has_pixel_codes(edited):
        edited, _ = without_stale(edited, before, manifest)
    same = metadata is not None and edited.document.value == crate.document.value
    plan = BuildPlan(
        subject=tree.subject,
        target=Target(TargetKind.IN_PLACE, tree.path),
        manifest=manifest,
        metadata_path=metadata.name if metadata else METADATA_FILE,
        metadata=metadata.raw if metadata and same else edited.document.dump(),
        previous=metadata.raw if metadata else None,
        manifest_file=written,
        previous_manifest_file=datahash_of(tree, listed) if listed else None,
        copied=EntryTable.of(()),
        folder_entries=(),
        leftovers=leftovers,
        notes=(*notes, *odd),
        kernel=kernel.name,
    )
    return plan, before.root


def _with_iscc(manifest: Manifest, known: TreeFingerprint) -> Manifest:
    """Return the manifest with the ISCC-SUM of the whole that is recorded of the same payload."""
    root = manifest.root
    if root.iscc or not root.treehash or root.treehash != known.treehash:
        return manifest
    return replace(manifest, root=replace(root, iscc=known.iscc))
