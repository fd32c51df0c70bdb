"""Gathers the codes of what a user names: as a crate records them, or computed from the bytes."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from crate_iscc.checklist import sum_files
from crate_iscc.codes import Fingerprint, parse_datahash
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import recorded
from crate_iscc.crate.recorded_units import RecordedUnits, recorded_units
from crate_iscc.crate.view import Crate, check_recipe, container_folders, iscc_id_of, recipe
from crate_iscc.errors import InputError
from crate_iscc.fingerprinting.cache import Cache
from crate_iscc.fingerprinting.tree import Payload, fingerprint_tree, payload_of
from crate_iscc.jsonld import strings
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.metadata import find_metadata
from crate_iscc.paths import (
    LEGACY_METADATA_FILE,
    MANIFEST_FILE,
    METADATA_FILE,
    CratePath,
    printable,
)
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.similarity.members import LEAST_IDENTITY, Gathered, Member, comparable
from crate_iscc.sources import Listing, Tree, chunks
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.opening import NoTreeError, open_tree, scheme_of

LOOSE = "files"
"""What several files that were named one by one are called together."""
_EMPTY = blake3(b"").digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """How codes are gathered: `compute` reads crates too, whatever they record."""

    compute: bool = False
    max_bytes: int | None = None
    jobs: int | None = None
    gentle: bool = False
    kernel: Kernel | None = None
    cache_folder: Path | None = None
    progress: ProgressSink = nobody


def gather(source: str | Path, how: Gathering) -> Gathered:
    """Return the codes of everything in a folder, zip or tar.

    Of a crate they are what it records, and nothing is read but its metadata; of anything else they
    are computed, and every byte is read. A folder that is one dataset, such as a Zarr, counts as
    one. Raises InputError for what is none of these, or a crate of a later recipe.
    """
    with open_tree(source) as tree:
        listing = tree.listing()
        crate, payload = described(tree, listing)
        if crate and not how.compute:
            manifest = _recorded(tree, listing, crate)
        else:
            refuse_larger(tree, how.max_bytes)
            manifest = _computed(tree, payload, crate, how)
        return _gathered(
            str(source), manifest, payload, crate, recorded=crate is not None and not how.compute
        )


def described(tree: Tree, listing: Listing) -> tuple[Crate | None, Payload]:
    """Return the crate that a tree is, if it is one, and its payload.

    Raises InputError for a crate of a later recipe, and for metadata that are none of a crate.
    """
    found = find_metadata(tree, listing)
    if found is None:
        return None, payload_of(listing)
    crate = Crate.parse(found.raw)
    check_recipe(crate)
    return crate, payload_of(
        listing, excluded=recipe(crate).excluded, known_containers=container_folders(crate)
    )


def gather_all(sources: Sequence[str | Path], how: Gathering) -> tuple[Gathered, ...]:
    """Return the codes of folders and zips, and of all files that are named one by one, together.

    Raises InputError where one of them lies inside another, or is named twice: what is there once
    would be found to be there twice.
    """
    if not sources:
        raise InputError("nothing was named", hint="name folders, zips, crates or files")
    refuse_overlaps(sources)
    loose = [str(source) for source in sources if is_loose(source)]
    gathered = [gather(source, how) for source in sources if not is_loose(source)]
    return (*gathered, gather_loose(loose, how)) if loose else tuple(gathered)


def gather_loose(paths: Iterable[str], how: Gathering) -> Gathered:
    """Return the codes of files that are named one by one, computed."""
    results = sum_files(
        paths,
        how.kernel or chosen_kernel(),
        max_bytes=how.max_bytes,
        jobs=how.jobs,
        gentle=how.gentle,
        progress=how.progress,
    )
    unread = tuple(result for result in results if isinstance(result, Unread))
    known = [
        (result.name, result.fingerprint) for result in results if not isinstance(result, Unread)
    ]
    members = tuple(_member("", name, code) for name, code in known if code.size)
    return Gathered(LOOSE, False, members, len(known) - len(members), unread=unread)


def is_loose(source: str | Path) -> bool:
    """Tell whether a source is a file for itself: neither a folder, an archive, nor metadata."""
    if not str(source) or not Path(source).is_file():
        return False
    try:
        open_tree(source).close()
    except NoTreeError:
        return True
    return False


def refuse_overlaps(sources: Sequence[str | Path]) -> None:
    """Refuse sources of which one lies inside another, or is named twice. Raises InputError."""
    places: dict[str, str] = {}
    for source in sources:
        place = absolute_place(source)
        if place in places:
            raise InputError(
                f"{printable(str(source))} is named twice",
                cause="everything in it would be found to be there twice",
            )
        places[place] = str(source)
    for place, source in places.items():
        parents = map(str, Path(place).parents)
        around = next((places[parent] for parent in parents if parent in places), None)
        if around is not None:
            raise InputError(
                f"{printable(source)} lies inside {printable(around)}",
                cause="everything in it would be found to be there twice",
                hint="name one of them, or move it out",
            )


def absolute_place(source: str | Path) -> str:
    """Return the absolute path of a source, with no links in it; of a metadata file, its folder.

    A web address is returned as it is.
    """
    if scheme_of(source):
        return str(source)
    place = os.path.realpath(source)
    if os.path.basename(place) in (METADATA_FILE, LEGACY_METADATA_FILE):
        return os.path.dirname(place)
    return place


def _recorded(tree: Tree, listing: Listing, crate: Crate) -> Manifest:
    record = recorded(crate)
    entry = listing.entries.get(MANIFEST_FILE)
    if record.manifest_file and entry:
        record = with_manifest_file(record, chunks(tree.open(entry)))
    return record.manifest


def _computed(tree: Tree, payload: Payload, crate: Crate | None, how: Gathering) -> Manifest:
    kernel = how.kernel or chosen_kernel()
    cache = None
    if how.cache_folder is not None and isinstance(tree, DirectoryTree):
        cache = Cache(how.cache_folder, tree.path, kernel.name)
    return fingerprint_tree(
        tree,
        payload,
        kernel,
        jobs=how.jobs,
        gentle=how.gentle,
        excluded=recipe(crate).excluded if crate else (),
        cache=cache,
        progress=how.progress,
    )


def _gathered(
    source: str, manifest: Manifest, payload: Payload, crate: Crate | None, *, recorded: bool
) -> Gathered:
    """Return the members of a manifest: the files outside of containers, and the containers."""
    units = recorded_units(crate) if crate and recorded else RecordedUnits({})
    inside: set[int] = set()
    members: list[Member] = []
    without: list[str] = []
    for tree in manifest.containers:
        inside.update(manifest.files.range_below(tree.path))
        identity = parse_datahash(tree.treehash).instance if tree.treehash else None
        if identity is not None:
            data = comparable((tree.iscc.data if tree.iscc else None) or b"", tree.size)
            known = units.of(CratePath(tree.path))
            members.append(Member(source, tree.path, tree.size, data, identity, known))
        elif recorded:
            without.append(tree.path)
    empty = 0
    for number, file in enumerate(manifest.files):
        code = file.fingerprint
        if number in inside:
            continue
        if code.size == 0 or (code.verifiable and _EMPTY.startswith(code.instance or b"")):
            empty += 1
        elif code.verifiable:
            members.append(_member(source, file.path, code, units.of(file.path)))
        else:
            without.append(file.path)
    if recorded:
        without += _not_recorded(payload, manifest)
    return Gathered(
        source,
        recorded,
        tuple(members),
        empty,
        tuple(sorted(without)),
        payload.refused if recorded else manifest.unread,
        name=_text(crate, "name"),
        identifier=_identifier(crate),
        place=absolute_place(source),
        whole=_whole(source, manifest, units.of(CratePath(""))) if recorded else None,
    )


def _not_recorded(payload: Payload, manifest: Manifest) -> list[str]:
    """Return the files that are there and of which the crate says nothing."""
    folders = tuple(tree.path for tree in manifest.containers)
    return [
        path
        for path in payload.entries.paths()
        if manifest.files.find(path) is None and not path.startswith(folders)
    ]


def _member(source: str, path: str, code: Fingerprint, units: tuple[str, ...] = ()) -> Member:
    identity = code.instance or b""
    if len(identity) < LEAST_IDENTITY:
        raise ValueError("too little of the digest is known")
    data = comparable(code.data or b"", code.size)
    return Member(source, path, code.size, data, identity, units)


def _whole(source: str, manifest: Manifest, units: tuple[str, ...]) -> Member:
    """Return all of a source as one: its code, and its treehash."""
    root = manifest.root
    identity = parse_datahash(root.treehash).instance if root.treehash else None
    data = (root.iscc.data if root.iscc else None) or b""
    return Member(source, "./", root.size, data, identity or b"", units)


def _text(crate: Crate | None, key: str) -> str | None:
    values = strings(crate.values(crate.root_id, key)) if crate else []
    return values[0] if values else None


def _identifier(crate: Crate | None) -> str | None:
    """Return what names the crate wherever it lies: its ISCC-ID, a DOI or the like, or nothing.

    Codes of its bytes are no names: they change with it.
    """
    if crate is None:
        return None
    if iscc_id := iscc_id_of(crate):
        return iscc_id
    plain = (text for property_id, text in crate.identifiers(crate.root_id) if not property_id)
    return next((text for text in plain if not text.startswith(("ISCC:", "1e20"))), None)
