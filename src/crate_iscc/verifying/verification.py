"""Verifies a crate: what it records against what is there.

The datahash decides. So each file is read once with BLAKE3 alone, and a Data-Code is computed
only where something differs, to say how far. Where others recorded other digests, these are
computed in the same read.
"""

import re
from collections.abc import Collection, Container, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from crate_iscc.bag import Bag, read_bag
from crate_iscc.comparison import Comparison, compare
from crate_iscc.crate.evidence import Recording, algorithms, digests_to_check
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.view import Crate
from crate_iscc.entries import EntryTable
from crate_iscc.errors import CrateIsccError, InputError
from crate_iscc.file_table import PathsOf, numbers_among
from crate_iscc.fingerprinting.tree import Given, Payload, fingerprint_tree, list_payload
from crate_iscc.interrupts import held_interrupts
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Manifest
from crate_iscc.metadata import MetadataFile, find_metadata, not_a_crate, read_metadata
from crate_iscc.paths import MANIFEST_FILE, CratePath, printable
from crate_iscc.portability import name_findings
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.report import Finding, ProofKind, Report
from crate_iscc.sources import Listing, Tree, chunks
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.opening import open_tree
from crate_iscc.sources.subtree import SubTree
from crate_iscc.trust.trust_set import TrustSet
from crate_iscc.verifying.comparing import Compared, Comparer
from crate_iscc.verifying.how import How, Remote, Thoroughness
from crate_iscc.verifying.nested import DEEPEST, MOST_NESTED, nested_folders, rerooted
from crate_iscc.verifying.observing import Hashed, Observer, chosen_entries, unhashed
from crate_iscc.verifying.outcome import Outcome, make_report, with_earlier
from crate_iscc.verifying.proofs import ProofCheck, Proofs, proof_entries, proof_files
from crate_iscc.verifying.recording import Known, known_of
from crate_iscc.verifying.spelling import other_spellings
from crate_iscc.verifying.standing import require_the_same_record, without_leftovers
from crate_iscc.verifying.waiting import not_fetched

if TYPE_CHECKING:
    from crate_iscc.fingerprinting.journal import Journal
    from crate_iscc.fingerprinting.part import Part, Shard
    from crate_iscc.verifying.elsewhere import Elsewhere
    from crate_iscc.verifying.sampling import Drawn, Sampling

_CHECK_SECONDS = 0.1
"""How often a wait for the metadata looks for an interrupt."""
_OF_OTHERS = re.compile(rb'sha[1235-]|md5|hecksum|hash://|blake|"SHA|"MD5')
"""What metadata hold that may record other digests than this project's."""
_A_LOOK = 1 << 16
"""Bytes of the metadata that are looked at for them: a wrong guess costs time, and no more."""


def verify(
    source: str | Path,
    *,
    thoroughness: Thoroughness = Thoroughness.DATAHASH,
    closed: bool = False,
    each: bool = False,
    max_bytes: int | None = None,
    trust: TrustSet | None = None,
    required: Collection[ProofKind] = (),
    pixels: bool = False,
    sampling: "Sampling | None" = None,
    journal: "Journal | None" = None,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
    remote: Remote | None = None,
    given: Given | None = None,
) -> Report:
    """Verify a crate in a directory, in a zip (in place), or by its ro-crate-metadata.json.

    Whatever fixity is recorded is checked: that of this project, digests by other conventions, a
    BagIt bag around the crate or at its root; crates and bags inside it are verified in their own
    right, and reported in `nested`. With `closed`, a file that is not recorded is an error, also
    where the crate does not claim to list everything. With `each`, the report holds every file's
    verdict. Signatures and timestamps are checked where the extra `trust` is installed: `trust`
    says whose are believed, `required` which there have to be. `source` may be an address on the
    web, of a zip or of a crate's folder; what a crate names there is fetched with `remote` alone.

    With `sampling`, the contents of a sample of the files are read, and names and sizes of all: the
    verdict is INCOMPLETE then at best. A `journal` takes what is read, and gives what need not be
    read again; both are for the thoroughness DATAHASH alone. What is `given` of the payload is not
    read again; it goes with neither of them. With `pixels`, the images whose pixel codes the crate
    records are decoded as well.

    Returns a Report for everything that can be said about the data. Raises InputError where
    there is no verdict: not a crate, a crate that records nothing to check against, or one of more
    than `max_bytes`.
    """
    if (sampling or journal) and thoroughness is not Thoroughness.DATAHASH:
        raise InputError("samples and journals are for verifications of datahashes alone")
    how = How(
        thoroughness=thoroughness,
        jobs=jobs,
        gentle=gentle,
        kernel=kernel or chosen_kernel(),
        progress=progress,
        closed=closed,
        each=each,
        trust=trust,
        required=frozenset(required),
        pixels=pixels,
        sampling=sampling,
        journal=journal,
        remote=remote,
        given=given,
    )
    with journal or nullcontext(), open_tree(source, crc=False) as tree:
        refuse_larger(tree, max_bytes)
        report = _Verification(str(source), tree, how).run()
        if journal:
            report = with_earlier(report, journal.reused())
            journal.finish(of_all=sampling is None)
        return report


def verify_shard(
    source: str | Path,
    shard: "Shard",
    *,
    full: bool = False,
    max_bytes: int | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> "Part":
    """Read one share of a crate's payload, for verify to be `given` with all others.

    Raises InputError as verify does; with `full` also for a kernel that computes no codes in parts.
    """
    how = How(
        thoroughness=Thoroughness.FULL if full else Thoroughness.DATAHASH,
        jobs=jobs,
        gentle=gentle,
        kernel=kernel or chosen_kernel(),
        progress=progress,
    )
    with open_tree(source, crc=False) as tree:
        refuse_larger(tree, max_bytes)
        return _Verification(str(source), tree, how).part(shard)


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


class _Verification:
    """One verification of one tree: first what is recorded, then what is there, then a report."""

    def __init__(
        self, subject: str, tree: Tree, how: How, *, depth: int = 0, around: Bag | None = None
    ) -> None:
        """`around` is what a bag around the tree says of its files."""
        self._subject = subject
        self._tree = tree
        self._how = how
        self._depth = depth
        self._around = around
        self._top = tree.top()
        self._findings: list[Finding] = []
        self._nested_folders: list[str] = []
        self._listing: Listing | None = None
        self._nested: dict[str, _Verification] = {}

    @property
    def _full(self) -> bool:
        return self._how.thoroughness is Thoroughness.FULL

    @property
    def _quick(self) -> bool:
        return self._how.thoroughness is Thoroughness.QUICK

    def run(self) -> Report:
        """Verify the outermost tree."""
        self._find()
        raw = self._metadata.raw if self._metadata else b""
        ahead: Hashed | None = None
        with held_interrupts() as check, ThreadPoolExecutor(1, "crate-iscc-record") as pool:
            known = pool.submit(self._known)
            # Where nothing is said of exclusions, the payload is known before the rest is.
            if b"excludedPattern" not in raw:
                payload = self._list()
                how = self._how
                alone = not (self._bag or self._nested_folders or how.given or how.sampling)
                if alone and not _OF_OTHERS.search(raw, 0, _A_LOOK):
                    ahead = self._hashed_ahead(payload.entries, known)
            while not wait((known,), timeout=_CHECK_SECONDS).done:
                check()
            self._prepare(known.result())
            report = self._finish(ahead)
        if report is None:
            raise self._nothing()
        return report

    def part(self, shard: "Shard") -> "Part":
        """Read one share of the payload, and compare nothing."""
        from crate_iscc.fingerprinting.part import Asked
        from crate_iscc.fingerprinting.shards import read_shard

        self._find()
        self._prepare(self._known())
        if not self._record.covers_contents:
            raise self._nothing()
        how = self._how
        return read_shard(
            self._tree,
            self._payload,
            how.kernel,
            shard,
            Asked(purpose="verify", codes=self._full, kernel=how.kernel.name),
            jobs=how.jobs,
            gentle=how.gentle,
            digests=self._observer.book,
            progress=how.progress,
        )

    # --- what is recorded ------------------------------------------------------------------------

    def _find(self) -> None:
        """Read the metadata and the bag. Raises InputError if there is neither."""
        self._metadata: MetadataFile | None = find_metadata(self._tree, self._top)
        bag = read_bag(self._tree, self._top)
        if self._metadata is None and bag is None:
            raise not_a_crate(self._tree)
        self._bag = bag

    def _known(self) -> Known:
        raw = self._metadata.raw if self._metadata else None
        self._crate = Crate.parse(raw) if raw is not None else None
        bag = self._bag
        if self._around:
            mine = bag or Bag()
            bag = replace(
                mine,
                digests={**self._around.digests, **mine.digests},
                awaited=self._around.awaited | mine.awaited,
            )
        self._awaited = bag.awaited if bag else frozenset()
        return known_of(self._crate, bag, self._tree, self._top, self._how.kernel)

    def _list(self, excluded: Sequence[str] = (), never_excluded: Container[str] = ()) -> Payload:
        """List the tree and return the payload; its containers are for the record to tell."""

        def look(entries: EntryTable) -> None:
            self._proof_entries = tuple(proof_entries(entries))
            self._nested_folders = nested_folders(entries)

        self._payload = list_payload(
            self._tree,
            excluded=excluded,
            never_excluded=never_excluded if excluded else (),
            look=look,
        )
        return self._payload

    def _whole(self) -> Listing:
        """Return the listing of all that is there: needed again only for what is no payload."""
        if self._listing is None:
            self._listing = self._tree.listing()
        return self._listing

    def _prepare(self, known: Known) -> None:
        """Settle what is recorded of which files, here and in the crates inside."""
        if self._how.pixels and not self._depth:
            from crate_iscc.verifying.pixels import require_pixel_codes

            require_pixel_codes(self._crate, self._tree.subject)
        self._record = known
        self._findings.extend(known.findings)
        manifest = known.manifest
        excluded = manifest.recipe.excluded
        if excluded or not hasattr(self, "_payload"):
            self._list(excluded, PathsOf(manifest.files))
        self._payload = replace(
            self._payload,
            entries=without_leftovers(self._payload.entries, manifest.files, self._findings),
            containers=tuple(c.path for c in manifest.containers),
        )
        self._spellings = other_spellings(manifest.files, unhashed(self._payload.entries))
        self._findings.extend(self._spellings.findings())
        if not self._depth:  # of the names inside, all is said by whoever looks from outside
            names = name_findings(self._payload.entries.path_column)
            self._findings.extend((*self._payload.remarks, *names))
        self._to_check: Recording = (
            {} if self._quick else digests_to_check(known.record, full=self._full)
        )
        self._drawn = self._draw()
        for folder in self._nested_folders:
            self._prepare_nested(folder)
        self._observer = Observer(self._tree, self._how, DigestBook(self._wanted()))

    def _draw(self) -> "Drawn | None":
        """Draw the sample that was asked for; digests are computed of its files alone then."""
        known, sampling = self._record, self._how.sampling
        if sampling is None or not known.covers_contents:
            return None
        from crate_iscc.verifying.sampling import draw

        listed = known.record.in_metadata if known.list_is_lost else known.manifest.files
        folders = (tree.path for tree in known.manifest.containers)
        drawn = draw(sampling, listed, folders, self._to_check)
        if not drawn.files:
            raise InputError(
                f"no sample can be drawn of {printable(self._tree.subject)}",
                cause="of no file by itself is recorded what it holds",
                hint="verify all of it: leave --sample away",
            )
        if not drawn.complete:
            taken = PathsOf(drawn.files)
            self._to_check = {p: digests for p, digests in self._to_check.items() if p in taken}
        return drawn

    def _prepare_nested(self, folder: str) -> None:
        place = CratePath(folder)
        if self._depth >= DEEPEST or len(self._nested) >= MOST_NESTED:
            message = "too many crates lie inside each other; this one is not looked into"
            self._findings.append(Finding("crate.unverified", message, place))
            return
        bag = self._bag.below(folder) if self._bag else None
        inner = _Verification(
            f"{self._subject.rstrip('/')}/{folder.rstrip('/')}",
            SubTree(self._tree, self._whole(), folder),
            self._how,
            depth=self._depth + 1,
            around=bag,
        )
        try:
            inner._find()
            inner._prepare(inner._known())
        except CrateIsccError as error:
            self._findings.append(Finding("crate.unverified", str(error), place))
        else:
            self._nested[folder] = inner

    def _wanted(self) -> dict[CratePath, tuple[str, ...]]:
        """Return which digests beside BLAKE3 are wanted of which files, those inside included."""
        wanted = {
            self._spellings.real(path): algorithms(digests)
            for path, digests in self._to_check.items()
        }
        for folder, inner in self._nested.items():
            for path, names in inner._wanted().items():
                place = CratePath(folder + path)
                wanted[place] = tuple(sorted({*wanted.get(place, ()), *names}))
        return wanted

    def _nothing(self) -> InputError:
        cause = "the crate records no ISCC-SUM, datahash, treehash or other digest of any file"
        hint = "record them with: crate-iscc build"
        if self._record.covers_sizes and not self._quick:
            cause += "; the sizes that it records are right"
            hint = "check names and sizes alone with --quick, or " + hint
        return InputError(
            f"nothing can be verified in {printable(self._tree.subject)}", cause=cause, hint=hint
        )

    # --- what is there ---------------------------------------------------------------------------

    def _hashed_ahead(self, entries: EntryTable, known: "Future[Known]") -> Hashed | None:
        """Hash the payload while the metadata are parsed; what is wrong with them ends that."""
        if self._how.thoroughness is not Thoroughness.DATAHASH:
            return None

        def progress(state: Progress) -> None:
            if known.done() and not known.result().covers_contents:
                raise _NothingKnownError
            self._how.progress(state)

        observer = Observer(self._tree, self._how, DigestBook({}))
        try:
            return observer.datahashes(entries, progress)
        except _NothingKnownError:
            return None

    def _observe(self, given: Hashed | None) -> Manifest:
        """Return what is there, under the paths by which it is recorded."""
        payload, known = self._payload, self._record
        parts = None if self._depth else self._how.given
        if self._quick or not known.covers_contents:
            files, unread = unhashed(payload.entries), payload.refused
        elif self._full:
            observed = fingerprint_tree(
                self._tree,
                payload,
                self._how.kernel,
                jobs=self._how.jobs,
                gentle=self._how.gentle,
                digests=self._observer.book,
                progress=self._how.progress,
                given=parts,
            )
            return replace(
                observed,
                files=self._spellings.as_recorded(observed.files),
                unread=self._spellings.unread_as_recorded(observed.unread),
            )
        else:
            if parts:
                found, failed = parts.files(self._tree, payload.entries, self._observer.book)
                given = Hashed(found, tuple(failed))
            hashed = (
                self._observer.completed(given, payload.entries)
                if given
                else self._observer.datahashes(payload.entries)
            )
            files, unread = hashed.files, (*hashed.unread, *payload.refused)
        return Manifest(
            self._spellings.as_recorded(files),
            unread=self._spellings.unread_as_recorded(unread),
            recipe=known.manifest.recipe,
        )

    def _finish(self, given: Hashed | None) -> Report | None:
        """Read what is not `given`, and return the report, None where nothing could be checked."""
        comparer = Comparer(
            tree=self._tree,
            how=self._how,
            known=self._record,
            entries=self._payload.entries,
            spellings=self._spellings,
            to_check=self._to_check,
            book=self._observer.book,
        )
        payload = self._compare(comparer, given)
        observed = payload.observed
        apart = self._apart(comparer)
        comparison = not_fetched(
            payload.comparison.with_others(apart.comparison),
            self._record.record.digests,
            self._awaited,
            self._content_of,
        )
        proofs = self._check_proofs()
        self._findings.extend(proofs.findings)
        pixel_findings = self._pixel_findings(comparison)
        self._findings.extend(pixel_findings or ())
        self._require_the_same_record()
        reports = [
            report
            for folder, inner in self._nested.items()
            if (report := self._finished_nested(folder, inner, observed)) is not None
        ]
        elsewhere = self._check_elsewhere()
        outcome = Outcome(
            subject=self._subject,
            tree=self._tree,
            how=self._how,
            metadata=self._metadata.name if self._metadata else None,
            known=self._record,
            bag=self._bag,
            observed=observed,
            comparison=comparison,
            to_check=self._to_check,
            evidence=payload.evidence.with_others(apart.evidence),
            findings=self._findings,
            nested=tuple(reports),
            inside=tuple(folder for folder in self._nested),
            complete=self._top.complete,
            elsewhere=elsewhere,
            proofs=proofs,
            pixels=pixel_findings is not None,
            drawn=self._drawn,
            read=payload.read,
            not_sampled=payload.not_sampled,
        )
        return make_report(outcome, payload.treehashes)

    def _compare(self, comparer: Comparer, given: Hashed | None) -> Compared:
        """Compare all contents, or those of the sample."""
        drawn = self._drawn
        if drawn is None or drawn.complete:
            return comparer.compare(self._observe(given))
        payload = self._payload
        real = self._spellings.as_there(drawn.files).raw_paths()
        numbers = numbers_among(real, payload.entries.path_column)
        hashed = self._observer.datahashes(payload.entries.chosen(numbers))
        return comparer.compare_sample(
            drawn,
            Manifest(
                self._spellings.as_recorded(unhashed(payload.entries)),
                unread=self._spellings.unread_as_recorded(payload.refused),
            ),
            Manifest(
                self._spellings.as_recorded(hashed.files),
                unread=self._spellings.unread_as_recorded(hashed.unread),
            ),
        )

    def _pixel_findings(self, comparison: Comparison) -> tuple[Finding, ...] | None:
        """Return what is wrong with the pixels; None where they were not to be, or cannot be, told.

        A crate inside may record none.
        """
        if not self._how.pixels or self._crate is None:
            return None
        from crate_iscc.verifying.pixels import check_pixels  # few verifications decode images

        changed = {difference.path for difference in comparison.differences}
        return check_pixels(self._crate, self._tree, self._whole(), self._how, changed)

    def _check_proofs(self) -> Proofs:
        if self._metadata is None or self._crate is None:
            return Proofs()
        files = proof_files(self._tree, self._proof_entries, self._findings)
        return ProofCheck(
            metadata_name=self._metadata.name,
            metadata=self._metadata.raw,
            crate=self._crate,
            root=self._record.manifest.root,
            trust=self._how.trust,
            required=self._how.required if not self._depth else frozenset(),
        ).run(files)

    def _check_elsewhere(self) -> "Elsewhere | None":
        """Check what lies on the web; of what was checked it is not said that it was not."""
        if self._how.remote is None or self._crate is None:
            return None
        # What asks servers takes long to load.
        from crate_iscc.sources.remote.client import Client
        from crate_iscc.verifying.elsewhere import check_elsewhere

        found = check_elsewhere(self._crate, self._how, Client(private=self._how.remote.private))
        self._findings = [
            finding
            for finding in self._findings
            if finding.id != "bytes.remote" or finding.entity not in found.asked
        ]
        self._findings.extend(found.findings)
        return found

    def _require_the_same_record(self) -> None:
        unread = any(f.path == MANIFEST_FILE and f.id == "bytes.unread" for f in self._findings)
        names = [self._metadata.name] if self._metadata else []
        if self._record.record.manifest_file and not unread:
            names.append(MANIFEST_FILE)
        doubtful = any(finding.path == MANIFEST_FILE for finding in self._findings)
        require_the_same_record(self._tree, self._top, names, perhaps_between=doubtful)

    def _finished_nested(
        self, folder: str, inner: "_Verification", observed: Manifest
    ) -> Report | None:
        given = None
        everything = self._drawn is None or self._drawn.complete
        datahash = self._how.thoroughness is Thoroughness.DATAHASH
        if datahash and everything and self._record.covers_contents:
            inner._observer.book.take_below(folder, self._observer.book)
            cut = len(folder)
            given = Hashed(
                rerooted(self._spellings.as_there(observed.files), folder),
                tuple(
                    replace(item, path=CratePath(item.path[cut:]))
                    for item in self._spellings.unread_as_there(observed.unread)
                    if item.path.startswith(folder) and item.path != folder
                ),
            )
        report = inner._finish(given)
        if report is None:
            self._findings.append(
                Finding(
                    "crate.unverified",
                    "it records nothing that could be checked in its own right",
                    CratePath(folder),
                )
            )
        return report

    def _apart(self, comparer: Comparer) -> Compared:
        """Compare what is recorded of files that are no payload, such as a bag's own."""
        apart = self._record.record.apart
        if not apart:
            return Compared(Comparison(0, ()), Manifest())
        entries = chosen_entries(self._whole().entries, apart.paths())
        names = PathsOf(apart)
        refused = tuple(item for item in self._whole().refused if item.path in names)
        if self._quick:
            there = Manifest(unhashed(entries), unread=refused)
            return Compared(compare(Manifest(apart), there, content=False), there)
        hashed = self._observer.datahashes(entries)
        there = Manifest(hashed.files, unread=(*hashed.unread, *refused))
        evidence = comparer.evidence(hashed.files)
        return Compared(compare(Manifest(apart), there, told=evidence.told()), there, evidence)

    def _content_of(self, path: CratePath) -> bytes | None:
        """Return the content of a small file of the payload, None if it cannot be read."""
        entry = self._payload.entries.get(self._spellings.real(path))
        if entry is None:
            return None
        try:
            return b"".join(chunks(self._tree.open(entry)))
        except CrateIsccError:
            return None


class _NothingKnownError(Exception):
    """Ends a reading that turns out to be of no use."""
