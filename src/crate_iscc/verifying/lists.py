"""Decides what of a crate's record is believed when its list of files is lost or damaged.

The members of containers are recorded in the manifest file alone. Where that file is missing,
unread or changed, a folder is still known by its treehash. Pure functions over values.
"""

from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from crate_iscc.comparison import Difference, Status
from crate_iscc.containers import container_of
from crate_iscc.crate.record import Recorded
from crate_iscc.file_table import FileFingerprint, FileTable, TableBuilder, side_by_side, together
from crate_iscc.manifest import Manifest, TreeFingerprint, treehash
from crate_iscc.paths import CratePath, glob_matcher


@dataclass(frozen=True, slots=True)
class Settled:
    """Both sides of a comparison, and the differences that no comparison by name can find."""

    recorded: Manifest
    observed: Manifest
    opaque: tuple[Difference, ...] = ()


def less_left_out(record: Recorded) -> Recorded:
    """Return the record less the files that it leaves out itself and has no code of.

    A file with a recorded code is checked whatever the patterns say.
    """
    manifest = record.manifest
    if not manifest.recipe.excluded:
        return record
    matches = glob_matcher(manifest.recipe.excluded)
    kept = _where(manifest.files, lambda f: f.fingerprint.verifiable or not matches(f.path))
    in_metadata = _common(record.in_metadata, kept)
    return replace(record, manifest=replace(manifest, files=kept), in_metadata=in_metadata)


def _where(files: FileTable, holds: Callable[[FileFingerprint], bool]) -> FileTable:
    """Return the files of which something holds."""
    return files.chosen(array("Q", (n for n, file in enumerate(files) if holds(file))))


def _common(files: FileTable, others: FileTable) -> FileTable:
    """Return those of the files that others name too."""
    common = TableBuilder()
    for mine, theirs in side_by_side(files, others):
        if theirs:
            common.add_table(mine)
    return common.table()


def trees_of(known: Manifest) -> tuple[TreeFingerprint, ...]:
    """Return the root and the containers of a manifest."""
    return (known.root, *known.containers)


def observed_treehashes(
    known: Manifest, observed: Manifest, *, hashed: bool
) -> dict[str, str | None]:
    """Return the treehash of what was observed below each folder that records one.

    None where not all of it was read: nothing is, unless it was `hashed`.
    """
    return {
        tree.path: None
        if any(f"{item.path}/".startswith(tree.path) for item in observed.unread)
        or (not hashed and observed.files.below(tree.path))
        else treehash(observed.files.below(tree.path), tree.path)
        for tree in trees_of(known)
        if tree.treehash
    }


def settle_names(record: Recorded, observed: Manifest, *, list_is_lost: bool) -> Settled:
    """Return the sides of a comparison of names and sizes: without its list, less the members."""
    if not list_is_lost:
        return Settled(record.manifest, observed)
    seen = _common(observed.files, record.in_metadata)
    return Settled(
        replace(record.manifest, files=record.in_metadata), replace(observed, files=seen)
    )


def settle_lists(
    record: Recorded,
    observed: Manifest,
    treehashes: Mapping[str, str | None],
    *,
    list_is_lost: bool,
) -> Settled:
    """Return the sides of a comparison of contents, with only what a believable list names.

    Where the files of a folder have its recorded treehash, they are the recorded ones, whatever
    a lost or damaged list says of them. A container without a list that has another treehash is
    reported as one thing; what is unread in it comes back by name.
    """
    known = record.manifest
    trees = [tree for tree in trees_of(known) if tree.treehash]
    proven = {tree.path for tree in trees if tree.treehash == treehashes[tree.path]}
    listed = known.files
    if list_is_lost:
        listed = _believed(record, proven)
    believed = _with_proven(listed, observed.files, proven)
    unproven = {tree.path for tree in trees} - proven - {""}
    lost = {folder for folder in unproven if not believed.below(folder)}
    if not lost:
        return Settled(replace(known, files=believed), observed)
    opaque: list[Difference] = []
    for folder in sorted(lost):
        inside = [item for item in observed.unread if item.path.startswith(folder)]
        opaque.extend(
            Difference(Status.UNREAD, i.path, reason=i.reason, kind=i.kind) for i in inside
        )
        if not inside:
            message = "its members are not the recorded ones, and the list of them is lost"
            opaque.append(Difference(Status.CHANGED, CratePath(folder), reason=message))
    judged = replace(
        observed,
        files=_outside(observed.files, lost),
        unread=tuple(u for u in observed.unread if container_of(u.path, lost) is None),
    )
    return Settled(replace(known, files=believed), judged, tuple(opaque))


def _believed(record: Recorded, proven: set[str]) -> FileTable:
    """Return the files with an entity, and of the others those that no treehash speaks of."""
    files = TableBuilder()
    for mine, described in side_by_side(record.manifest.files, record.in_metadata):
        files.add_table(mine if described else _outside(mine, proven))
    return files.table()


def _outside(files: FileTable, folders: set[str]) -> FileTable:
    """Return the files that are in none of the folders."""
    return _where(files, lambda file: container_of(file.path, folders) is None)


def _with_proven(listed: FileTable, observed: FileTable, proven: set[str]) -> FileTable:
    """Return listed files, with those beside them that are in a folder with its treehash."""
    if not proven:
        return listed
    files = TableBuilder()
    for mine, there in side_by_side(listed, observed):
        if not mine:
            files.add_table(_where(there, lambda file: container_of(file.path, proven) is not None))
    beside = files.table()
    return together(listed, beside) if beside else listed
