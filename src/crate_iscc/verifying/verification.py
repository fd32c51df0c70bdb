"""Verifies a crate: what it records against what is there.

The datahash decides. So each file is read once with BLAKE3 alone, and a Data-Code is computed
only where something differs, to say how far.
"""

from array import array
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from crate_iscc.comparison import Comparison, Difference, Status, compare
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.view import Crate, check_recipe
from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError, ReadError
from crate_iscc.file_table import (
    Columns,
    FileFingerprint,
    FileTable,
    PathsOf,
    TableBuilder,
    side_by_side,
)
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.fingerprinting.tree import (
    Payload,
    fingerprint_tree,
    leftovers,
    payload_of,
)
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import datahashes
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.manifest import Manifest, TreeFingerprint, Unread
from crate_iscc.metadata import folder_on_disk, read_metadata
from crate_iscc.packed import FixedBytes
from crate_iscc.paths import (
    MANIFEST_FILE,
    PROOF_FOLDER,
    CratePath,
    is_proof,
    printable,
    utf8_order,
    valid_unicode,
)
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.replacing import wait_for_writers
from crate_iscc.report import Counts, Finding, Report
from crate_iscc.sources import Tree, chunks
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_tree
from crate_iscc.verifying.findings import changed, findings_of
from crate_iscc.verifying.lists import (
    less_left_out,
    observed_treehashes,
    settle_lists,
    settle_names,
    trees_of,
)
from crate_iscc.version import __version__

_MANIFEST_MISSING = ("bytes.missing", "not there")
_COUNTED = frozenset({"bytes.changed", "bytes.missing", "bytes.extra", "bytes.unread"})


_Hashed = tuple[FileTable, list[Unread]]


class Thoroughness(StrEnum):
    """How much of a crate is read.

    QUICK: names and sizes. DATAHASH: every byte, once, through BLAKE3. FULL: every code anew.
    """

    QUICK = "quick"
    DATAHASH = "datahash"
    FULL = "full"


def verify(
    source: str | Path,
    *,
    thoroughness: Thoroughness = Thoroughness.DATAHASH,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> Report:
    """Verify a crate in a directory, in a zip (in place), or by its ro-crate-metadata.json.

    Returns a Report for everything that can be said about the data. Raises InputError where
    there is no verdict: not a crate, or a crate that records nothing to check against.
    """
    kernel = kernel or chosen_kernel()
    with open_tree(source, crc=False) as tree:
        return _Verification(str(source), tree, thoroughness, jobs, gentle, kernel, progress).run()


def read_record(source: str | Path) -> tuple[Crate, Recorded]:
    """Return a crate and what it records, from its metadata and manifest file; nothing is checked.

    Raises InputError for what is no crate.
    """
    with open_tree(source, crc=False) as tree:
        listing = tree.listing()
        crate = Crate.parse(read_metadata(tree, listing).raw)
        record = recorded(crate)
        entry = listing.entries.get(MANIFEST_FILE)
        if record.manifest_file and entry:
            record = with_manifest_file(record, chunks(tree.open(entry)))
        return crate, record


@dataclass(slots=True)
class _Tally:
    """What was looked at and what was not, in the words of the report."""

    checked: list[str]
    not_checked: list[str]

    def put(self, what: str, done: bool) -> None:
        (self.checked if done else self.not_checked).append(what)


class _Verification:
    """One verification of one tree."""

    def __init__(
        self,
        subject: str,
        tree: Tree,
        thoroughness: Thoroughness,
        jobs: int | None,
        gentle: bool,
        kernel: Kernel,
        progress: ProgressSink,
    ) -> None:
        self._subject = subject
        self._tree = tree
        self._thoroughness = thoroughness
        self._jobs = jobs
        self._gentle = gentle
        self._kernel = kernel
        self._progress = progress
        self._findings: list[Finding] = []
        self._list_is_lost = False
        self._treehashes: dict[str, str | None] = {}
        self._has_proof = False
        self._top = tree.top()
        self._record_files: list[CratePath] = []

    def run(self) -> Report:
        metadata = read_metadata(self._tree, self._top)
        self._record_files.append(metadata.name)
        payload: Payload | None = None
        ahead: _Hashed | None = None
        with ThreadPoolExecutor(1, "crate-iscc-record") as pool:
            record = pool.submit(self._known, metadata.raw)
            # Where nothing is said of exclusions, the payload is known before the rest is.
            if b"excludedPattern" not in metadata.raw:
                payload = self._listed_payload()
                ahead = self._hashed_ahead(payload.entries, record)
            known = record.result()
        excluded = known.manifest.recipe.excluded
        if payload is None or excluded:
            payload = self._listed_payload(excluded, PathsOf(known.manifest.files))
            ahead = None
        payload = replace(payload, containers=tuple(c.path for c in known.manifest.containers))
        payload, ahead = self._less_leftovers(payload, ahead, known.manifest)
        observed = self._observe(payload, known.manifest, ahead)
        comparison, observed = self._compare(known, observed, payload)
        closed = known.manifest.root.treehash is not None
        self._findings.extend(findings_of(comparison.differences, closed=closed))
        trees = self._check_trees(known.manifest, observed)
        self._require_the_same_record()
        return self._report(metadata.name, known, observed, comparison, trees)

    # --- what the crate records ----------------------------------------------------------------

    def _known(self, raw: bytes) -> Recorded:
        """Return what there is to check. Raises InputError where that is nothing."""
        crate = Crate.parse(raw)
        check_recipe(crate)
        known = less_left_out(self._recorded(crate))
        self._require_something_to_check(known)
        return known

    def _recorded(self, crate: Crate) -> Recorded:
        """Return the record, with the lines of the manifest file if it is there and read.

        A manifest file that is missing, unread or not the recorded one is a finding of its own;
        its lines are then believed only where no treehash says otherwise.
        """
        record = recorded(crate)
        self._findings.extend(record.findings)
        entry = self._top.entries.get(MANIFEST_FILE)
        if record.manifest_file is None:
            if entry is not None and record.manifest.root.treehash:
                self._findings.append(
                    Finding("bytes.extra", "the crate does not list this file", MANIFEST_FILE)
                )
            return record
        self._list_is_lost = True
        if entry is None:
            refused = [r.reason for r in self._top.refused if r.path == MANIFEST_FILE]
            kind, message = ("bytes.unread", refused[0]) if refused else _MANIFEST_MISSING
            self._findings.append(Finding(kind, message, MANIFEST_FILE))
            return record
        hasher = self._kernel.hasher()

        def hashed() -> Iterator[bytes]:
            for chunk in chunks(self._tree.open(entry)):
                hasher.update(chunk)
                yield chunk

        try:
            complete = with_manifest_file(record, hashed())
        except ReadError as error:
            reason = error.cause or error.message
            self._findings.append(Finding("bytes.unread", reason, MANIFEST_FILE))
            return record
        self._record_files.append(MANIFEST_FILE)
        wanted, now = record.manifest_file.fingerprint, hasher.finish()
        if wanted.same_bytes(now) is False:
            difference = Difference(
                Status.CHANGED, MANIFEST_FILE, wanted, now, distance=wanted.distance(now)
            )
            self._findings.append(changed(difference))
            return complete
        self._list_is_lost = False
        self._findings.extend(complete.findings[len(record.findings) :])
        return complete

    def _require_something_to_check(self, known: Recorded) -> None:
        files = known.manifest.files
        trees = (known.manifest.root, *known.manifest.containers)
        if self._thoroughness is Thoroughness.QUICK:
            enough = any(file.fingerprint.size is not None for file in files)
        else:
            enough = any(file.fingerprint.verifiable for file in files) or any(
                tree.treehash and tree.files for tree in trees
            )
        if not enough:
            raise InputError(
                f"nothing can be verified in {printable(self._tree.subject)}",
                cause="the crate records no ISCC-SUM, datahash or treehash of any file",
                hint="record them with: crate-iscc build",
            )

    # --- what is there -------------------------------------------------------------------------

    def _listed_payload(
        self, excluded: Sequence[str] = (), never_excluded: Container[str] = ()
    ) -> Payload:
        """List the tree and return the payload; of a million files no second list is kept."""
        listing = self._tree.listing()
        self._has_proof = _any_proof(listing.entries)
        return payload_of(
            listing,
            excluded=excluded,
            never_excluded=never_excluded if excluded else (),
            only_known=True,
        )

    def _less_leftovers(
        self, payload: Payload, ahead: _Hashed | None, known: Manifest
    ) -> tuple[Payload, _Hashed | None]:
        """Name what builds left half-written, and leave it out of what is compared.

        What the crate records is no leftover.
        """
        entries = payload.entries
        left = {path for path in leftovers(entries) if known.files.find(path) is None}
        if not left:
            return payload, ahead
        message = "a build that was ended, or still runs, has not finished this file"
        self._findings.extend(Finding("bytes.leftover", message, path) for path in sorted(left))
        numbers = (number for path in left if (number := entries.find(path)) is not None)
        without = entries.without(numbers)
        if ahead is not None:
            files = _with_fates(ahead[0], dict.fromkeys(left))
            ahead = files, [item for item in ahead[1] if item.path not in left]
        return replace(payload, entries=without), ahead

    def _require_the_same_record(self) -> None:
        """Raise ReadError if metadata or manifest file are others than those that were read.

        Then this would be a verdict on half of one record and half of another. A zip, which is
        one file, has been held against itself with each of its members.
        """
        if not isinstance(self._tree, DirectoryTree):
            return
        if any(finding.path == MANIFEST_FILE for finding in self._findings):
            wait_for_writers(self._tree.path)  # perhaps a build has renamed one of two files
        for name in self._record_files:
            entry = self._top.entries.get(name)
            try:
                if entry is not None:
                    self._tree.examine(entry)
            except ReadError as error:
                raise ReadError(
                    "what the crate records may have changed while it was verified",
                    cause=f"{name}: {error.cause}",
                    hint="run verify again when nothing writes to the crate any more",
                ) from error

    def _hashed_ahead(self, entries: EntryTable, record: "Future[Recorded]") -> _Hashed | None:
        """Hash the payload while the metadata are parsed; what is wrong with them ends that."""
        if self._thoroughness is not Thoroughness.DATAHASH:
            return None

        def progress(state: Progress) -> None:
            if record.done():
                record.result()
            self._progress(state)

        return self._hashed(entries, progress)

    def _hashed(self, entries: EntryTable, progress: ProgressSink) -> _Hashed:
        return hash_files(
            self._tree,
            entries,
            datahashes(self._kernel),
            jobs=self._jobs,
            gentle=self._gentle,
            progress=progress,
            step="verifying",
        )

    def _observe(self, payload: Payload, known: Manifest, ahead: _Hashed | None) -> Manifest:
        """Return what is there; `ahead` are the datahashes of the payload, if they are known."""
        match self._thoroughness:
            case Thoroughness.QUICK:
                return _manifest(_unhashed(payload.entries), payload.refused, known)
            case Thoroughness.FULL:
                return fingerprint_tree(
                    self._tree,
                    payload,
                    self._kernel,
                    jobs=self._jobs,
                    gentle=self._gentle,
                    sha256=known.files.has_sha256,
                    progress=self._progress,
                )
            case Thoroughness.DATAHASH:
                table, unread = ahead or self._hashed(payload.entries, self._progress)
                return _manifest(table, (*unread, *payload.refused), known)

    def _compare(
        self, record: Recorded, observed: Manifest, payload: Payload
    ) -> tuple[Comparison, Manifest]:
        """Compare, and compute the Data-Codes that say how far what differs is apart.

        Returns the comparison and what was observed, less what could not be read again.
        """
        if self._thoroughness is Thoroughness.QUICK:
            sides = settle_names(record, observed, list_is_lost=self._list_is_lost)
            return compare(sides.recorded, sides.observed, content=False), observed
        comparison = self._compare_contents(record, observed)
        if self._thoroughness is Thoroughness.FULL:
            return comparison, observed
        differences = comparison.differences
        missing = any(d.status is Status.MISSING for d in differences)
        paths = {
            d.path
            for d in differences
            if d.observed and (d.status is Status.CHANGED or (missing and d.status is Status.EXTRA))
        }
        if paths:
            numbers = (payload.entries.find(path) for path in paths)
            again = array("Q", sorted(number for number in numbers if number is not None))
            observed = self._with_data_codes(observed, payload.entries.chosen(again))
            comparison = self._compare_contents(record, observed)
        return comparison, observed

    def _compare_contents(self, record: Recorded, observed: Manifest) -> Comparison:
        self._treehashes = observed_treehashes(record.manifest, observed)
        sides = settle_lists(record, observed, self._treehashes, list_is_lost=self._list_is_lost)
        found = compare(sides.recorded, sides.observed)
        return replace(found, differences=(*found.differences, *sides.opaque))

    def _with_data_codes(self, observed: Manifest, entries: EntryTable) -> Manifest:
        """Read files again for their Data-Codes; one that is not the same any more is unread."""
        again, unread = hash_files(
            self._tree,
            entries,
            self._kernel,
            jobs=self._jobs,
            gentle=self._gentle,
            progress=self._progress,
            step="comparing",
        )
        fates: dict[CratePath, FileFingerprint | None] = {item.path: None for item in unread}
        for file in again:
            before = observed.files.get(file.path)
            if before and file.fingerprint.same_bytes(before.fingerprint):
                fates[file.path] = file
            else:
                unread.append(Unread(file.path, "it changed while it was verified"))
                fates[file.path] = None
        files = _with_fates(observed.files, fates)
        return replace(observed, files=files, unread=(*observed.unread, *unread))

    # --- what it comes to ----------------------------------------------------------------------

    def _check_trees(self, known: Manifest, observed: Manifest) -> _Tally:
        """Check the codes of the whole and of each container as far as they can be known."""
        tally = _Tally([], [])
        trees = trees_of(known)
        if any(tree.treehash for tree in trees):
            tally.put("treehash", bool(self._treehashes) and None not in self._treehashes.values())
        for tree in trees:
            found = self._treehashes.get(tree.path)
            if found not in (None, tree.treehash) and not self._explained(tree.path):
                self._findings.append(
                    Finding(
                        "tree.changed",
                        "every recorded file is as recorded, the whole is not",
                        CratePath(tree.path) if tree.path else None,
                        recorded=tree.treehash,
                        observed=found,
                    )
                )
        full = self._thoroughness is Thoroughness.FULL
        codes = {tree.path: tree for tree in trees_of(observed)} if full else {}
        computed = all(codes[t.path].iscc for t in trees if t.iscc) if full else False
        tally.put("iscc-sum", computed and not observed.unread)
        if full:
            self._check_sha256(known, observed)
        for wanted in trees if full else ():
            found_tree = codes[wanted.path]
            if _tree_code_differs(wanted, found_tree):
                self._findings.append(
                    Finding(
                        "code.mismatch",
                        "the payload is the recorded one, its tree ISCC-SUM is not",
                        CratePath(wanted.path) if wanted.path else None,
                        recorded=wanted.iscc.iscc() if wanted.iscc else None,
                        observed=found_tree.iscc.iscc() if found_tree.iscc else None,
                    )
                )
        return tally

    def _explained(self, folder: str) -> bool:
        """Tell whether a finding about a payload file says already why a treehash differs."""
        return any(
            (
                finding.id in ("bytes.changed", "bytes.moved", "bytes.missing", "bytes.extra")
                and finding.path != MANIFEST_FILE
                and f"{finding.path}".startswith(folder)
            )
            or (finding.moved_to or "").startswith(folder or "/")
            for finding in self._findings
        )

    def _check_sha256(self, known: Manifest, observed: Manifest) -> None:
        for wanted, found in side_by_side(known.files, observed.files):
            for file, there in zip(wanted, found, strict=False):
                if file.sha256 and there.sha256 and file.sha256.lower() != there.sha256:
                    self._findings.append(
                        Finding(
                            "code.mismatch",
                            "the recorded sha256 is not that of the bytes",
                            file.path,
                            recorded=file.sha256,
                            observed=there.sha256,
                        )
                    )

    def _report(
        self,
        metadata: str,
        known: Recorded,
        observed: Manifest,
        comparison: Comparison,
        trees: _Tally,
    ) -> Report:
        quick = self._thoroughness is Thoroughness.QUICK
        checked = ["presence", "size", *([] if quick else ["datahash"]), *trees.checked]
        not_checked = [*(["datahash"] if quick else []), *trees.not_checked, "metadata"]
        if self._has_proof:
            not_checked.append("proofs")
        number = dict.fromkeys(Status, 0) | {Status.MATCH: comparison.matches}
        for difference in comparison.differences:
            number[difference.status] += 1
        for finding in self._findings:
            if finding.path == MANIFEST_FILE and finding.id in _COUNTED:
                number[Status(finding.id.removeprefix("bytes."))] += 1
        counts = Counts(**{status.value: count for status, count in number.items()})
        return Report(
            subject=valid_unicode(self._subject),
            folder=folder_on_disk(self._tree),
            metadata=metadata,
            checked=tuple(checked),
            not_checked=tuple(not_checked),
            findings=tuple(sorted(self._findings, key=lambda f: (f.path or "").encode("utf-8"))),
            counts=counts,
            size=observed.size,
            files=len(observed.files) + len(observed.unread),
            tool=f"crate-iscc {__version__}",
            kernel=self._kernel.name,
            excluded=known.manifest.recipe.excluded,
        )


def _unhashed(entries: EntryTable) -> FileTable:
    """Return files of which the size is known, and nothing else."""
    unknown = FixedBytes(len(entries), 0)
    return FileTable(Columns(entries.path_column, entries.sizes, unknown, unknown))


def _any_proof(entries: EntryTable) -> bool:
    """Tell whether a file is a proof of the metadata by its name."""
    return any(is_proof(entries[number].path) for number in entries.below(f"{PROOF_FOLDER}/"))


def _with_fates(files: FileTable, fates: Mapping[CratePath, FileFingerprint | None]) -> FileTable:
    """Return files with some of them replaced, or taken out where there is nothing instead."""
    result = TableBuilder()
    start = 0
    for path in sorted(fates, key=utf8_order):
        number = files.find(path)
        if number is not None:
            result.add_table(files[start:number])
            start = number + 1
            instead = fates[path]
            if instead:
                result.add(instead)
    result.add_table(files[start:])
    return result.table()


def _manifest(
    files: Iterable[FileFingerprint], unread: Sequence[Unread], known: Manifest
) -> Manifest:
    return Manifest(FileTable.of(files), unread=tuple(unread), recipe=known.recipe)


def _tree_code_differs(wanted: TreeFingerprint, found: TreeFingerprint) -> bool:
    """Tell whether a tree of the recorded payload has another ISCC-SUM than the recorded one."""
    if wanted.iscc is None or found.iscc is None or wanted.treehash not in (None, found.treehash):
        return False
    return (
        wanted.iscc.same_data_code(found.iscc) is False
        or wanted.iscc.same_bytes(found.iscc) is False
    )
