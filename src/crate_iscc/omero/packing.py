"""Makes a pack of omero-cli-transfer a crate, and writes the codes of its images into it."""

import contextlib
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from crate_iscc.building.apply import apply
from crate_iscc.building.plan import BuildOptions, BuildPlan, UnreadPayloadError, plan_build
from crate_iscc.codes import Fingerprint
from crate_iscc.crate.describe import Description
from crate_iscc.crate.record import recorded
from crate_iscc.crate.terms import PIXEL_CODE_TERM
from crate_iscc.crate.view import ISCC_ID, Crate
from crate_iscc.errors import InputError, WriteError
from crate_iscc.finding_kinds import Severity
from crate_iscc.fingerprinting.cache import Cache
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of, tree_code
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.manifest import Manifest, treehash
from crate_iscc.omero.codes import ImageCodes, codes_of_file
from crate_iscc.omero.places import Places
from crate_iscc.omero.transfer_xml import (
    MOST_BYTES,
    Annotated,
    is_xml,
    parse_transfer,
    with_codes,
)
from crate_iscc.paths import (
    LEGACY_METADATA_FILE,
    METADATA_FILE,
    CratePath,
    printable,
)
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.replacing import clear_leftovers, flush_folder, replacing, umask, unfinished
from crate_iscc.report import Finding
from crate_iscc.sources import Listing, Tree, chunks, read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.opening import open_tree
from crate_iscc.sources.subtree import SubTree

TRANSFER_FILE = CratePath("transfer.xml")
_ARCHIVES = (".zip", ".tar")
_SPECIAL = str.maketrans({c: f"\\{c}" for c in "\\*?[]!# "})


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A pack that has become a crate: what was built, and what became of its images' codes.

    `images` counts all images of the pack. `unchanged` counts those that had these codes already.
    """

    plan: BuildPlan
    images: int
    annotated: int
    unchanged: int
    wrote_transfer: bool
    findings: tuple[Finding, ...]


def pack(
    path: str | Path,
    out: str | Path | None = None,
    *,
    description: Description | None = None,
    pixels: bool = False,
    max_bytes: int | None = None,
    jobs: int | None = None,
    cache_folder: Path | None = None,
    now: datetime | None = None,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> Packed:
    """Fingerprint a pack, write its images' codes into transfer.xml, and make it a crate.

    A directory is changed in place, or copied to `out`; an archive never is: `out` is a new zip,
    tar or directory. A pack of --rocrate, whose ro-crate-metadata.json is XML, gets that as its
    transfer.xml and metadata of its own. Each file is read twice where nothing is remembered: the
    codes of the images are part of what is then fingerprinted. With `pixels` images are decoded,
    and those that are alone in their file carry the code of their pixels too.

    Raises InputError for what is no pack, UnreadPayloadError if a file cannot be read whole, and
    WriteError; an archive is then still as it was, and no `out` is there.
    """
    work = _Work(
        BuildOptions(description=description or Description(), pixels=pixels),
        jobs,
        cache_folder,
        now,
        kernel or chosen_kernel(),
        progress,
    )
    with open_tree(path) as tree:
        refuse_larger(tree, max_bytes)
        if out is None:
            if not isinstance(tree, DirectoryTree):
                raise InputError(
                    f"an archive is not changed in place: {printable(str(path))}",
                    hint="write a new one: -o NEW.zip, -o NEW.tar, or a directory",
                )
            return work.in_folder(tree.path)
        target = _target(tree, out)
        # What is no pack is told before a terabyte of it is copied.
        _find_transfer(tree, tree.top())
        try:
            clear_leftovers(target)
            with unfinished(target, folder=True) as around:
                # What is unfinished is locked, and build locks the folder that it writes to.
                staging = around / "pack"
                staging.mkdir()
                remarks = _copy(tree, staging)
                done = work.to_target(staging, target, Path(path))
            shutil.rmtree(around, ignore_errors=True)
        except OSError as error:
            raise WriteError(
                f"cannot write {printable(str(target))}", cause=error.strerror or str(error)
            ) from error
    return replace(done, findings=(*remarks, *done.findings))


@dataclass(frozen=True, slots=True)
class _Work:
    options: BuildOptions
    jobs: int | None
    cache_folder: Path | None
    now: datetime | None
    kernel: Kernel
    progress: ProgressSink

    def in_folder(self, folder: Path) -> Packed:
        """Annotate and build in place.

        The pixel codes that a build has recorded go into the annotations after that.
        """
        done = self._pass(folder)
        if not self.options.pixels:
            return done
        again = replace(self, options=BuildOptions())._pass(folder)
        return replace(
            done,
            plan=replace(again.plan, notes=done.plan.notes),
            wrote_transfer=done.wrote_transfer or again.wrote_transfer,
        )

    def _pass(self, folder: Path) -> Packed:
        tree = DirectoryTree(folder)
        listing = tree.listing()
        found = _find_transfer(tree, listing)
        transfer = parse_transfer(found.raw)
        crate = _crate_of(tree, listing, found)
        places = Places(transfer, listing.entries)
        payload = payload_of(listing, known_containers=frozenset(places.folders))
        manifest = fingerprint_tree(
            tree,
            payload,
            self.kernel,
            jobs=self.jobs,
            cache=Cache(self.cache_folder, folder, self.kernel.name) if self.cache_folder else None,
            progress=self.progress,
        )
        if manifest.unread:
            raise UnreadPayloadError(manifest.unread)
        codes = _Codes(
            places,
            manifest,
            crate,
            lambda place: tree_code(SubTree(tree, listing, place), self.kernel, jobs=self.jobs),
        ).all()
        annotated = with_codes(transfer, codes)
        wrote = _write_transfer(folder, found, annotated.raw)
        options = replace(
            self.options, containers=tuple(f"/{f.translate(_SPECIAL)}" for f in places.folders)
        )
        plan = plan_build(
            folder,
            options=options,
            jobs=self.jobs,
            cache_folder=self.cache_folder,
            now=self.now,
            kernel=self.kernel,
            progress=self.progress,
        )
        apply(plan, progress=self.progress)
        return Packed(
            plan=plan,
            images=len(transfer.images),
            annotated=len(codes),
            unchanged=len(annotated.unchanged),
            wrote_transfer=wrote,
            findings=(*places.findings, *_renewed(annotated, places)),
        )

    def to_target(self, staging: Path, target: Path, source: Path) -> Packed:
        """Annotate and build a copy, and make it what was asked for."""
        options = self.options
        if options.description.name is None and not _is_crate(staging):
            # Else it would be called after the copy.
            name = source.resolve().name.removesuffix(source.suffix)
            options = replace(options, description=replace(options.description, name=name))
        done = replace(self, options=options, cache_folder=None).in_folder(staging)
        match target.suffix.lower():
            case ".zip":
                built = plan_build(
                    staging, target, jobs=self.jobs, now=self.now, kernel=self.kernel
                )
                apply(built, progress=self.progress)
            case ".tar":
                _write_tar(staging, target)
            case _:
                staging.chmod(0o777 & ~umask())
                if target.is_dir():
                    target.rmdir()
                staging.rename(target)
                flush_folder(target.parent)
        return done


# --- finding what a pack says --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """The XML of a pack; `name` is the file that holds it, `broken` metadata that are XML."""

    name: CratePath
    raw: bytes
    broken: CratePath | None = None


def _find_transfer(tree: Tree, listing: Listing) -> _Found:
    """Return the XML of a pack: its transfer.xml, else the metadata file that --rocrate wrote."""
    broken, told = None, b""
    for name in (METADATA_FILE, LEGACY_METADATA_FILE):
        entry = listing.entries.get(name)
        if entry is not None and is_xml(next(chunks(tree.open(entry), 256), b"")):
            broken, told = name, read_all(tree, entry, limit=MOST_BYTES)
    entry = listing.entries.get(TRANSFER_FILE)
    if entry is None:
        if broken is not None:
            return _Found(broken, told, broken)
        raise InputError(
            f"not a pack of OMERO: {printable(tree.subject)}",
            cause=f"there is no {TRANSFER_FILE} at its root",
            hint="a pack is what `omero transfer pack` writes; for any other dataset: "
            "crate-iscc build",
        )
    raw = read_all(tree, entry, limit=MOST_BYTES)
    if broken is not None and _images_of(told) != _images_of(raw):
        raise InputError(
            f"{broken} is XML, and not that of {TRANSFER_FILE}",
            cause="it would be lost: the metadata of the crate have that name",
            hint="see which one is right, and move the other one away",
        )
    return _Found(TRANSFER_FILE, raw, broken)


def _images_of(raw: bytes) -> list[tuple[str, str, str | None]]:
    transfer = parse_transfer(raw)
    return [(image.id, image.name, transfer.path_of(image)) for image in transfer.images]


def _crate_of(tree: Tree, listing: Listing, found: _Found) -> Crate | None:
    entry = listing.entries.get(METADATA_FILE)
    if entry is None or found.broken is not None:
        return None
    return Crate.parse(read_all(tree, entry))


class _Codes:
    """The codes of the images of a pack."""

    def __init__(
        self,
        places: Places,
        manifest: Manifest,
        crate: Crate | None,
        code_of: Callable[[CratePath], Fingerprint],
    ) -> None:
        """`code_of` computes the ISCC-SUM of a folder that is no container of the manifest."""
        self._places = places
        self._code_of = code_of
        self._manifest = manifest
        self._crate = crate
        self._record = recorded(crate).manifest if crate else Manifest()
        self._ids: dict[str, list[str]] = {}
        if crate:
            self._ids.update((str(path), ids) for path, ids in crate.files().items())
            self._ids.update({folder: [key] for folder, key in crate.folders().items()})
        self._users = Counter(places.of.values())

    def all(self) -> dict[str, ImageCodes]:
        """Return the codes by the images' IDs; one place has one set of codes."""
        by_place = {place: self._of(place) for place in self._users}
        return {image: by_place[place] for image, place in self._places.of.items()}

    def _of(self, place: CratePath) -> ImageCodes:
        place = self._zarr_of(place)
        if not place.endswith("/"):
            file = self._manifest.files.get(place)
            if file is None:
                raise InputError(f"{printable(place)} is no payload of a crate")
            known = self._record.files.get(place)
            same = known is not None and known.fingerprint.same_bytes(file.fingerprint) is True
            return self._with_record(codes_of_file(file.fingerprint), place, same)
        found = next((one for one in self._manifest.containers if one.path == place), None)
        iscc = found.iscc if found is not None else self._code_of(place)
        if iscc is None:
            raise InputError(
                f"the files in {printable(place)} have no common code",
                cause="an .isccignore file among them cannot be understood",
            )
        members = self._manifest.files.below(place)
        digest = treehash(members, place)
        codes = ImageCodes(iscc=iscc.iscc(), treehash=digest, files=len(members))
        same = any(one.path == place and one.treehash == digest for one in self._record.containers)
        return self._with_record(codes, place, same)

    def _zarr_of(self, place: CratePath) -> CratePath:
        """Return the Zarr that a file belongs to: its metadata alone are not the image."""
        if place.endswith("/"):
            return place
        inside = (
            one.path
            for one in self._manifest.containers
            if one.path not in self._places.folders and place.startswith(one.path)
        )
        return CratePath(next(inside, place))

    def _with_record(self, codes: ImageCodes, place: CratePath, same: bool) -> ImageCodes:
        """Return the codes with what the crate records of the same bytes besides.

        A pixel code goes to an image where the place is that of one image and has one such code.
        """
        if not same or self._crate is None:
            return codes
        told = [pair for key in self._ids.get(place, ()) for pair in self._crate.identifiers(key)]
        pixels = {text for name, text in told if name == PIXEL_CODE_TERM}
        ids = [text for _, text in told if ISCC_ID.fullmatch(text)]
        alone = len(pixels) == 1 and self._users[place] == 1
        return replace(
            codes,
            pixel_code=pixels.pop() if alone else None,
            iscc_id=ids[0] if ids else None,
        )


def _renewed(annotated: Annotated, places: Places) -> Iterator[Finding]:
    for image, before in annotated.renewed:
        yield Finding(
            "omero.renewed",
            f"{image} ({printable(places.names[image])}) had {printable(before)}",
            places.of[image],
        )


# --- writing -------------------------------------------------------------------------------------


def _write_transfer(folder: Path, found: _Found, raw: bytes) -> bool:
    """Write the transfer.xml where it changes, then take broken metadata away."""
    place = folder / TRANSFER_FILE
    changes = found.name != TRANSFER_FILE or raw != found.raw
    try:
        if (folder / found.name).read_bytes() != found.raw:
            raise WriteError(
                f"{printable(str(folder / found.name))} was written by somebody else meanwhile",
                hint="run this again",
            )
        if changes:
            clear_leftovers(place)
            with replacing(place) as file:
                file.write(raw)
        if found.broken is not None:
            (folder / found.broken).unlink()
    except OSError as error:
        raise WriteError(f"cannot write {printable(str(place))}", cause=error.strerror) from error
    return changes


def _target(tree: Tree, out: str | Path) -> Path:
    path = Path(out)
    shown = printable(str(path))
    place = path.parent.resolve() / path.name
    if isinstance(tree, DirectoryTree) and place.is_relative_to(tree.path.resolve()):
        raise InputError(
            f"the output lies inside the pack: {shown}", hint="choose a place outside of it"
        )
    empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
    is_archive = path.suffix.lower() in _ARCHIVES
    if (path.exists() or path.is_symlink()) and (is_archive or not empty):
        raise InputError(f"the output exists already: {shown}", hint="remove it, or name another")
    if not path.parent.is_dir():
        raise InputError(f"there is no directory to write to: {printable(str(path.parent))}")
    return place


def _is_crate(folder: Path) -> bool:
    with contextlib.suppress(OSError), (folder / METADATA_FILE).open("rb") as file:
        return not is_xml(file.read(256))
    return False


def _copy(tree: Tree, folder: Path) -> tuple[Finding, ...]:
    """Copy a pack, and return what is to be said about the archive.

    What cannot be copied whole raises, before anything is copied: links, names that lead out.
    """
    listing = tree.listing()
    if listing.refused:
        raise UnreadPayloadError(listing.refused)
    for finding in listing.remarks:
        if finding.severity is Severity.ERROR:
            raise InputError("this pack cannot be copied", cause=finding.message)
    for entry in listing.entries:
        place = folder / entry.path
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as file:
            for chunk in chunks(tree.open(entry)):
                file.write(chunk)
        if entry.stat is not None:
            os.utime(place, ns=(entry.stat.mtime_ns, entry.stat.mtime_ns))
    return listing.remarks


def _write_tar(folder: Path, target: Path) -> None:
    """Write a tar of a folder: the metadata first, then by path, owned by nobody."""
    tree = DirectoryTree(folder)
    with (
        replacing(target) as file,
        tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        entries = sorted(tree.listing().entries, key=lambda entry: entry.path != METADATA_FILE)
        for entry in entries:
            member = tarfile.TarInfo(entry.path)
            member.size, member.mode = entry.size, 0o644
            if entry.stat is not None:
                member.mtime = entry.stat.mtime_ns // 10**9
            with (folder / entry.path).open("rb") as content:
                tar.addfile(member, content)
