"""Decides what of a crate's record is believed when its list of files is lost or damaged.

The members of containers are recorded in the manifest file alone. Where that file is missing,
unread or changed, a folder is still known by its treehash. Pure functions over values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crate_iscc.containers import container_of
from crate_iscc.crate.view import Recorded
from crate_iscc.file_table import FileTable
from crate_iscc.manifest import (
    Difference,
    Manifest,
    Status,
    TreeFingerprint,
    treehash,
)
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
    matches = glob_matcher(record.manifest.recipe.excluded)
    manifest = record.manifest
    kept = FileTable.of(
        f for f in manifest.files if f.fingerprint.verifiable or not matches(f.path)
    )
    paths = {file.path for file in kept}
    in_metadata = FileTable.of(file for file in record.in_metadata if file.path in paths)
    return replace(record, manifest=replace(manifest, files=kept), in_metadata=in_metadata)


def trees_of(known: Manifest) -> tuple[TreeFingerprint, ...]:
    """Return the root and the containers of a manifest."""
    return (known.root, *known.containers)


def observed_treehashes(known: Manifest, observed: Manifest) -> dict[str, str | None]:
    """Return the treehash of what was observed below each folder that records one.

    None where not all of it was read.
    """
    return {
        tree.path: None
        if any(f"{item.path}/".startswith(tree.path) for item in observed.unread)
        else treehash(observed.files.below(tree.path), tree.path)
        for tree in trees_of(known)
        if tree.treehash
    }


def settle_names(record: Recorded, observed: Manifest, *, list_is_lost: bool) -> Settled:
    """Return the sides of a comparison of names and sizes: without its list, less the members."""
    if not list_is_lost:
        return Settled(record.manifest, observed)
    named = {file.path for file in record.in_metadata}
    seen = FileTable.of(file for file in observed.files if file.path in named)
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
    named = {file.path for file in record.in_metadata}
    trees = [tree for tree in trees_of(known) if tree.treehash]
    proven = {tree.path for tree in trees if tree.treehash == treehashes[tree.path]}
    believed = [
        file
        for file in known.files
        if file.path in named or not list_is_lost or container_of(file.path, proven) is None
    ]
    listed = {file.path for file in believed}
    believed.extend(
        file
        for file in observed.files
        if file.path not in listed and container_of(file.path, proven) is not None
    )
    lost = {tree.path for tree in trees if tree.path not in proven} - {""}
    for file in believed if lost else ():
        folder = container_of(file.path, lost)
        while folder:
            lost.discard(folder)
            folder = container_of(folder[:-1], lost)
    judged = observed
    opaque: list[Difference] = []
    if lost:
        for folder in sorted(lost):
            inside = [item for item in observed.unread if item.path.startswith(folder)]
            opaque.extend(Difference(Status.UNREAD, i.path, reason=i.reason) for i in inside)
            if not inside:
                message = "its members are not the recorded ones, and the list of them is lost"
                opaque.append(Difference(Status.CHANGED, CratePath(folder), reason=message))
        judged = replace(
            observed,
            files=FileTable.of(f for f in observed.files if container_of(f.path, lost) is None),
            unread=tuple(u for u in observed.unread if container_of(u.path, lost) is None),
        )
    return Settled(replace(known, files=FileTable.of(believed)), judged, tuple(opaque))
