"""Works out what a build writes, down to the last byte, and writes nothing."""

from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from crate_iscc.bag import Bag, read_bag
from crate_iscc.bagit import BAG_DECLARATION, PAYLOAD_FOLDER
from crate_iscc.building.adoption import Carried, DamagedPayloadError, carried
from crate_iscc.building.manifest_file import ManifestFile, manifest_file
from crate_iscc.building.target import Target, TargetKind, target_for
from crate_iscc.codes import Fingerprint
from crate_iscc.crate.describe import Description, described
from crate_iscc.crate.editing import Generator
from crate_iscc.crate.ids import id_findings
from crate_iscc.crate.iscc_codes import (
    has_iscc_codes,
    with_iscc_codes,
    with_renewed_iscc_codes,
)
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.malformed import graph_findings
from crate_iscc.crate.pixel_codes import has_pixel_codes, with_pixel_codes, without_stale
from crate_iscc.crate.record import recorded
from crate_iscc.crate.style import Style, fitting_style, recorded_style
from crate_iscc.crate.terms import OLD_VERSIONS
from crate_iscc.crate.view import (
    Crate,
    check_recipe,
    container_folders,
    recipe,
    records_manifest_file,
    treehash_texts,
)
from crate_iscc.crate.write import fingerprinted, new_crate
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import InputError, ReadError
from crate_iscc.file_table import FileFingerprint, PathsOf
from crate_iscc.finding_kinds import Severity
from crate_iscc.fingerprinting.cache import Cache
from crate_iscc.fingerprinting.part import Asked, Part, Shard
from crate_iscc.fingerprinting.reading import reading_options
from crate_iscc.fingerprinting.shards import read_shard
from crate_iscc.fingerprinting.tree import (
    Given,
    Payload,
    fingerprint_tree,
    leftovers,
    payload_of,
)
from crate_iscc.images import ImageFingerprint, ImageUnread
from crate_iscc.imaging import Image, tree_pixels
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.kernel.digest import DatahashHasher
from crate_iscc.manifest import (
    MANIFEST_COLUMNS,
    Manifest,
    Unread,
)
from crate_iscc.metadata import MetadataFile, find_metadata
from crate_iscc.paths import (
    HUB_RECEIPT_NAME,
    LEGACY_METADATA_FILE,
    MANIFEST_FILE,
    METADATA_FILE,
    MINISIGN_FILE,
    PROOF_FOLDER,
    CratePath,
    folder_of,
    glob_matcher,
    is_payload,
    is_signature,
    printable,
    problem_elsewhere,
    proof_path,
    utf8_order,
)
from crate_iscc.pixels.searching import find_images
from crate_iscc.portability import name_findings
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.report import Finding
from crate_iscc.sources import Listing, Tree, chunks
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.opening import open_local, require_local
from crate_iscc.version import __version__

MANIFEST_FILE_ABOVE = 10_000
"""A manifest file is written for more files than this, even where nothing else asks for one."""

_MADE = frozenset({METADATA_FILE, LEGACY_METADATA_FILE, MANIFEST_FILE})


class UnreadPayloadError(ReadError):
    """Some payload files could not be read, so the crate cannot be fingerprinted.

    `unread` names each of them with the reason.
    """

    def __init__(self, unread: tuple[Unread, ...]) -> None:
        first = unread[0]
        super().__init__(
            f"{len(unread)} of the files cannot be fingerprinted, nothing was written",
            cause=f"{printable(first.path)}: {first.reason}",
            hint="make them readable, replace links by files, or leave them out with --exclude",
        )
        self.unread = unread


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What a build can be told; `excluded` and `containers` use the syntax of .gitignore.

    `excluded=None` keeps the patterns that the crate records, `style=None` its style. A dataset of
    more than `max_bytes` is refused. With `pixels` the images are decoded, and the codes of their
    pixels recorded; with `full_codes` the ISCC-CODEs of images and the whole.
    """

    description: Description = field(default=Description())
    containers: tuple[str, ...] = ()
    excluded: tuple[str, ...] | None = None
    sha256: bool = False
    manifest_file: bool = False
    style: Style | None = None
    compress: bool = False
    force: bool = False
    max_bytes: int | None = None
    pixels: bool = False
    full_codes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPlan:
    """Everything that a build writes.

    `metadata` are the bytes of the metadata file, `previous` those that are there now;
    `manifest_file` is the other file that build makes, where one is needed, and
    `previous_manifest_file` the fingerprint of the one that is there. `copied` holds what goes
    into a new zip or directory beside them, `leftovers` what a killed build left behind.
    """

    subject: str
    target: Target
    manifest: Manifest
    metadata_path: CratePath
    metadata: bytes
    previous: bytes | None
    manifest_file: ManifestFile | None
    previous_manifest_file: Fingerprint | None
    copied: EntryTable
    folder_entries: tuple[str, ...]
    leftovers: tuple[CratePath, ...]
    notes: tuple[Finding, ...]
    kernel: str

    @property
    def changes(self) -> tuple[CratePath, ...]:
        """The files at the root of the crate that would be written anew."""
        changed = []
        if self.manifest_file is not None and not self._has_manifest_file():
            changed.append(MANIFEST_FILE)
        if self.metadata != self.previous:
            changed.append(self.metadata_path)
        return tuple(changed)

    def _has_manifest_file(self) -> bool:
        """Tell whether the manifest file that is there is the one that would be written."""
        there = self.previous_manifest_file
        return (
            there is not None
            and self.manifest_file is not None
            and there.same_bytes(self.manifest_file.fingerprint) is True
        )


def plan_build(
    path: str | Path,
    out: str | Path | None = None,
    *,
    options: BuildOptions | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    cache_folder: Path | None = None,
    now: datetime | None = None,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
    given: Given | None = None,
) -> BuildPlan:
    """Fingerprint a dataset and return what a build writes: in place, or to `out`.

    What others recorded of files (sha256, a BagIt bag at the root, …) is checked in the same read.
    What is `given` is not read again.

    Raises InputError for what is no dataset or a target that cannot be, UnreadPayloadError if
    any payload file cannot be read whole, DamagedPayloadError if one is not as others recorded it.
    """
    options = options or BuildOptions()
    kernel = kernel or chosen_kernel()
    if out is not None:
        require_local(out)
    with open_local(path) as tree:
        target = target_for(tree, Path(path), out, compress=options.compress)
        begun = _begin(tree, options)
        listing, crate, payload, adopted = begun.listing, begun.crate, begun.payload, begun.adopted
        there, metadata_path, around = begun.there, begun.metadata_path, begun.around
        previous = there.raw if there else None
        excluded, wanted_sha256 = begun.excluded, begun.wanted_sha256
        remarks, left_behind = begun.remarks, begun.left_behind
        style = options.style or fitting_style(crate)
        _require_entities(options, style)
        listed = listing.entries.get(MANIFEST_FILE)
        previous_manifest_file = datahash_of(tree, listed) if listed else None
        manifest = fingerprint_tree(
            tree,
            payload,
            kernel,
            jobs=jobs,
            gentle=gentle,
            sha256=begun.sha256,
            digests=adopted.book if adopted else None,
            excluded=excluded,
            cache=None if given else _cache(cache_folder, tree, kernel),
            progress=progress,
            given=given,
        )
        if manifest.unread:
            raise UnreadPayloadError(manifest.unread)
        other = left_out(listing.entries, payload.entries)
        damage = adopted.problems(manifest, other) if adopted else ()
        if damage and not options.force:
            raise DamagedPayloadError(damage)
        if any(one.iscc is None for one in (manifest.root, *manifest.containers)):
            raise InputError(
                "the ISCC-SUM of the whole cannot be computed",
                cause="an .isccignore file in the dataset cannot be understood",
                hint="mend the file, or leave it out with --exclude",
            )
        images: tuple[Image, ...] = ()
        if options.pixels or options.full_codes:
            reading = reading_options(jobs, gentle=gentle)
            looks = options.full_codes
            images = _pixels(tree, listing, payload, kernel, reading.jobs, looks, progress)
        written: ManifestFile | None = None
        if (
            options.manifest_file
            or manifest.containers
            or len(manifest.files) > MANIFEST_FILE_ABOVE
            or records_manifest_file(crate)
            or style is Style.TABLE
        ):
            rows = manifest.containers if style is Style.TABLE else ()
            written = manifest_file(manifest.files, rows, kernel)
    edited, notes = _new_metadata(
        crate,
        manifest,
        options=options,
        sha256=wanted_sha256,
        folder=tree.name,
        now=now or datetime.now(UTC),
        kernel=kernel,
        manifest_file=written,
        style=style,
        left_out=other,
        forced=tuple(map(_forced, damage)),
        images=images,
    )
    notes += adopted.stale(manifest) if adopted else ()
    if around:
        message = (
            f"{BAG_DECLARATION} around it: renew the manifests of that bag, they list this file"
        )
        notes.append(Finding("build.stale-digest", message, metadata_path))
    copies = target.kind is not TargetKind.IN_PLACE
    unchanged = previous is not None and edited.document.value == crate.document.value
    metadata = previous if previous is not None and unchanged else edited.document.dump()
    if metadata != previous:
        signatures = [*filter(is_signature, listing.entries.paths_below(f"{PROOF_FOLDER}/"))]
        if MINISIGN_FILE in listing.entries:
            signatures.append(MINISIGN_FILE)
        message = "it is of the metadata as they were: sign the crate again"
        notes += (Finding("build.stale-signature", message, path) for path in signatures)
    receipt = proof_path(HUB_RECEIPT_NAME)
    before = treehash_texts(crate, crate.root_id)
    if before and manifest.root.treehash not in before and receipt in listing.entries:
        message = "it is of the payload as it was: declare the crate again"
        notes.append(Finding("build.stale-receipt", message, receipt))
    return BuildPlan(
        subject=str(path),
        target=target,
        manifest=manifest,
        metadata_path=metadata_path,
        metadata=metadata,
        previous=previous,
        manifest_file=written,
        previous_manifest_file=previous_manifest_file,
        copied=_copied(listing, payload) if copies else EntryTable.of(()),
        folder_entries=(
            _folder_entries(listing, payload, excluded, edited.folders()) if copies else ()
        ),
        leftovers=left_behind,
        notes=(*remarks, *notes),
        kernel=kernel.name,
    )


def _require_entities(options: BuildOptions, style: Style) -> None:
    """Raise InputError for codes that the style has no place for."""
    wanted = {"pixel codes": options.pixels, "ISCC-CODEs": options.full_codes}
    option = {"pixel codes": "--pixels", "ISCC-CODEs": "--codes full"}
    for what in (name for name, asked in wanted.items() if asked and style is Style.TABLE):
        raise InputError(
            f"{what} cannot be written in the table style",
            cause="they are entities, and that style has none of files",
            hint=f"build with --style graph, or without {option[what]}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """What is known of a dataset before any of its bytes is read, but for its metadata.

    `there` is the metadata file, `sha256` tells whether that of each file is computed,
    `wanted_sha256` whether it is to be written.
    """

    listing: Listing
    left_behind: tuple[CratePath, ...]
    there: MetadataFile | None
    metadata_path: CratePath
    crate: Crate
    excluded: tuple[str, ...]
    payload: Payload
    remarks: tuple[Finding, ...]
    around: Bag | None
    adopted: Carried | None
    wanted_sha256: bool
    sha256: bool


def _begin(tree: Tree, options: BuildOptions) -> _Begun:
    """List a dataset, and settle what is to be read. Raises InputError for what is none."""
    refuse_larger(tree, options.max_bytes)
    listing, left_behind = _without_leftovers(tree.listing())
    there = find_metadata(tree, listing)
    crate = Crate.parse(there.raw) if there else new_crate()
    check_recipe(crate)
    check_places(tree, listing, crate)
    excluded, payload = _payload(tree, listing, crate, options)
    _check_payload(payload, tree)
    remarks = remarks_on(crate, listing, payload)
    around = _bag_around(tree)
    wanted_sha256 = options.sha256 and crate.version not in OLD_VERSIONS
    return _Begun(
        listing=listing,
        left_behind=left_behind,
        there=there,
        metadata_path=there.name if there else METADATA_FILE,
        crate=crate,
        excluded=excluded,
        payload=payload,
        remarks=remarks,
        around=around,
        adopted=carried(crate, around or read_bag(tree, listing)),
        wanted_sha256=wanted_sha256,
        sha256=wanted_sha256 or _has_sha256(crate),
    )


def build_shard(
    path: str | Path,
    shard: Shard,
    *,
    options: BuildOptions | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> Part:
    """Fingerprint one share of a dataset, for plan_build to be `given` with all others.

    Of the options, those count that say what is read. Raises InputError for what is no dataset,
    and for a kernel that computes no codes in parts.
    """
    options = options or BuildOptions()
    kernel = kernel or chosen_kernel()
    with open_local(path) as tree:
        begun = _begin(tree, options)
        asked = Asked(
            purpose="build",
            codes=True,
            kernel=kernel.name,
            sha256=begun.sha256,
            write_sha256=options.sha256,
            excluded=options.excluded,
            containers=options.containers,
        )
        return read_shard(
            tree,
            begun.payload,
            kernel,
            shard,
            asked,
            jobs=jobs,
            gentle=gentle,
            digests=begun.adopted.book if begun.adopted else None,
            progress=progress,
        )


def _bag_around(tree: Tree) -> Bag | None:
    """Return what a bag records of the tree's files, if they are its payload."""
    if not isinstance(tree, DirectoryTree) or f"{tree.path.name}/" != PAYLOAD_FOLDER:
        return None
    outer = DirectoryTree(tree.path.parent)
    bag = read_bag(outer, outer.top())
    return bag.below(PAYLOAD_FOLDER) if bag else None


def _forced(finding: Finding) -> str:
    """Return in words what a build was forced over."""
    path = printable(finding.path or "")
    known = f"recorded {finding.recorded}" if finding.recorded else "recorded"
    return f"{path}: {known}, found {finding.observed or 'nothing'}"


def _without_leftovers(listing: Listing) -> tuple[Listing, tuple[CratePath, ...]]:
    """Return the listing less the half-written files of a build that was killed, and these."""
    entries = listing.entries
    left = leftovers(entries)
    numbers = (number for path in left if (number := entries.find(path)) is not None)
    return replace(listing, entries=entries.without(numbers)), left


def check_places(tree: Tree, listing: Listing, crate: Crate) -> None:
    """Refuse to put the files that build makes in the place of what is something else."""
    for name in (METADATA_FILE, MANIFEST_FILE):
        if f"{name}/" in listing.folders:
            raise InputError(f"{name} cannot be written", cause="a folder has that name")
    for refused in listing.refused:
        if refused.path == MANIFEST_FILE:
            raise InputError(f"{MANIFEST_FILE} cannot be written", cause=refused.reason)
    if records_manifest_file(crate):
        return
    entry = listing.entries.get(MANIFEST_FILE)
    if entry is not None:
        head = next(chunks(tree.open(entry), 1024), b"")
        if not head.startswith("\t".join(MANIFEST_COLUMNS).encode()):
            raise InputError(
                f"{MANIFEST_FILE} is there, and is no manifest of crate-iscc",
                cause="build keeps its list of files under that name",
                hint="rename the file",
            )


def _payload(
    tree: Tree, listing: Listing, crate: Crate, options: BuildOptions
) -> tuple[tuple[str, ...], Payload]:
    """Return the exclusions in force and the payload; containers stay what they once were."""
    excluded = recipe(crate).excluded if options.excluded is None else options.excluded
    return excluded, payload_of(
        listing,
        excluded=excluded,
        containers=options.containers,
        known_containers=container_folders(crate) | _listed_containers(crate, tree, listing),
    )


def _listed_containers(crate: Crate, tree: Tree, listing: Listing) -> frozenset[str]:
    """Return the containers that only the manifest file names, as in the table style."""
    listed = listing.entries.get(MANIFEST_FILE)
    if listed is None or recorded_style(crate) is not Style.TABLE:
        return frozenset()
    record = with_manifest_file(recorded(crate), chunks(tree.open(listed)))
    return frozenset(container.path for container in record.manifest.containers)


def _check_payload(payload: Payload, tree: Tree) -> None:
    if payload.refused:
        raise UnreadPayloadError(payload.refused)
    if not payload.entries:
        raise InputError(
            f"there is nothing to fingerprint in {printable(tree.subject)}",
            cause="it holds no payload file",
        )


def remarks_on(crate: Crate, listing: Listing, payload: Payload) -> tuple[Finding, ...]:
    """Return what is to be said about names, archive and metadata before anything is recorded.

    Raises InputError for what nothing can be built on.
    """
    found = (
        *listing.remarks,
        *name_findings(payload.entries.path_column),
        *id_findings(crate),
        *graph_findings(crate),
    )
    for finding in listing.remarks:
        if finding.severity is Severity.ERROR:
            raise InputError("nothing can be built on this", cause=finding.message)
    for finding in found:
        problem = problem_elsewhere(finding.path or "")
        if problem:
            raise InputError(
                f"a name would lead out of the crate elsewhere: {printable(finding.path or '')}",
                cause=problem,
                hint="rename the file, or leave it out with --exclude",
            )
    return tuple(finding for finding in found if finding.severity is not Severity.INFO)


def _cache(folder: Path | None, tree: Tree, kernel: Kernel) -> Cache | None:
    if folder is None or not isinstance(tree, DirectoryTree):
        return None
    return Cache(folder, tree.path, kernel.name)


def _has_sha256(crate: Crate) -> bool:
    return any(crate.values(entity_id, "sha256") for entity_id in crate.ids())


def left_out(listed: EntryTable, payload: EntryTable) -> frozenset[CratePath]:
    """Return the paths of the files that are there and are no part of the payload."""
    if len(listed) == len(payload):
        return frozenset()
    wanted = payload.paths()
    following = next(wanted, None)
    found = []
    for path in listed.paths():  # both tables are in one order
        if path == following:
            following = next(wanted, None)
        else:
            found.append(path)
    return frozenset(found)


def datahash_of(tree: Tree, entry: Entry) -> Fingerprint:
    """Return the datahash of a file."""
    hasher = DatahashHasher()
    for chunk in chunks(tree.open(entry)):
        hasher.update(chunk)
    return hasher.finish()


def _copied(listing: Listing, payload: Payload) -> EntryTable:
    """Return what a copy of the crate holds beside what build makes: payload and preview."""
    other = left_out(listing.entries, payload.entries)
    numbers = array(
        "Q",
        (
            number
            for number, path in enumerate(listing.entries.paths())
            if path not in other or not (is_payload(path) or path in _MADE)
        ),
    )
    return listing.entries.chosen(numbers)


def _folder_entries(
    listing: Listing, payload: Payload, excluded: Sequence[str], described: Collection[str]
) -> tuple[str, ...]:
    """Return the folders that a copy names by themselves: empty ones, and those described.

    Excluded folders are left out.
    """
    filled: set[str] = set()
    for path in payload.entries.paths():
        folder = folder_of(path)
        while folder and folder not in filled:
            filled.add(folder)
            folder = folder_of(folder[:-1])
    matches = glob_matcher(excluded)
    empty = {f for f in listing.folders if f not in filled and is_payload(f) and not matches(f)}
    return tuple(sorted(empty | (filled & set(described)), key=utf8_order))


def _new_metadata(
    crate: Crate,
    manifest: Manifest,
    *,
    options: BuildOptions,
    sha256: bool,
    folder: str,
    now: datetime,
    kernel: Kernel,
    manifest_file: ManifestFile | None,
    style: Style,
    left_out: Collection[CratePath],
    forced: tuple[str, ...],
    images: tuple[Image, ...],
) -> tuple[Crate, list[Finding]]:
    """Return the edited crate and the notes; the generator is renewed only where codes change."""
    full, notes = described(
        crate,
        options.description,
        folder=folder,
        date=now.date().isoformat(),
        payload=PathsOf(manifest.files),
    )
    if options.sha256 and not sha256:
        notes.append(
            Finding("build.sha256-skipped", f"RO-Crate {crate.version} does not define sha256")
        )
    edited, odd = fingerprinted(
        full,
        manifest,
        manifest_file=(
            FileFingerprint(MANIFEST_FILE, manifest_file.fingerprint) if manifest_file else None
        ),
        generator=Generator(__version__, kernel.name, now.strftime("%Y-%m-%dT%H:%M:%SZ"), forced),
        sha256=sha256,
        before=crate,
        left_out=left_out,
        style=style,
    )
    with_pixels, remarks = _with_pixels(edited, crate, manifest, options, images)
    with_codes, more = _with_iscc_codes(with_pixels, manifest, options, images)
    return with_codes, [*notes, *odd, *remarks, *more]


def _pixels(
    tree: Tree,
    listing: Listing,
    payload: Payload,
    kernel: Kernel,
    jobs: int,
    looks: bool,
    progress: ProgressSink,
) -> tuple[Image, ...]:
    """Decode the images that have an entity; members of a container that is no Zarr have none."""
    places = find_images(listing, payload.entries.paths())
    inside = {place: _around(place.path, payload.containers) for place in places}
    images = tree_pixels(
        tree,
        listing,
        [place for place in places if inside[place] is None],
        kernel,
        looks=looks,
        jobs=jobs,
        progress=progress,
    )
    reason = "the images in it have no pixel codes: its members are not described one by one"
    around = dict.fromkeys(folder for folder in inside.values() if folder is not None)
    return (*images, *(ImageUnread(CratePath(folder), reason) for folder in around))


def _around(path: CratePath, containers: Collection[str]) -> str | None:
    """Return the container that an image is only a member of, or None."""
    return next((one for one in containers if path != one and path.startswith(one)), None)


def _with_pixels(
    edited: Crate,
    before: Crate,
    manifest: Manifest,
    options: BuildOptions,
    images: tuple[Image, ...],
) -> tuple[Crate, list[Finding]]:
    """Return the crate with the pixel codes of images, or without those that do not hold now."""
    unread = [
        Finding("pixels.unread", image.reason, CratePath(image.name))
        for image in images
        if isinstance(image, ImageUnread)
    ]
    if options.pixels:
        known = [image for image in images if isinstance(image, ImageFingerprint)]
        return with_pixel_codes(edited, known), unread
    if not has_pixel_codes(edited):
        return edited, unread
    kept, stale = without_stale(edited, recorded(before).manifest, manifest)
    message = "its bytes are others now: run build --pixels"
    stales = [Finding("build.stale-pixels", message, item.paths[0]) for item in stale]
    return kept, [*unread, *stales]


def _with_iscc_codes(
    edited: Crate, manifest: Manifest, options: BuildOptions, images: tuple[Image, ...]
) -> tuple[Crate, list[Finding]]:
    """Return the crate with ISCC-CODEs, or without those that do not hold now."""
    if options.full_codes:
        return with_iscc_codes(edited, manifest, images)
    if not has_iscc_codes(edited):
        return edited, []
    kept, stale = with_renewed_iscc_codes(edited, manifest)
    message = "its bytes are others now: run build --codes full"
    return kept, [Finding("build.stale-codes", message, path) for path in stale]
