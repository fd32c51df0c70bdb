"""Reads what a BagIt bag records of its files (RFC 8493), to be checked with the rest."""

import codecs
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from crate_iscc.bagit import (
    BAG_DECLARATION,
    BAG_INFO,
    FETCH,
    PAYLOAD_FOLDER,
    BadLine,
    fetched_files,
    is_tag_manifest,
    manifest_algorithm,
    manifest_digests,
    payload_oxum,
)
from crate_iscc.codes import Fingerprint
from crate_iscc.crate.record import Recorded, conflict
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.file_table import FileFingerprint, FileTable, TableBuilder, together
from crate_iscc.fixity import RecordedDigest
from crate_iscc.paths import MANIFEST_FILE, CratePath, is_payload
from crate_iscc.report import Finding
from crate_iscc.sources import Listing, Tree, read_all

_ENCODING = re.compile(r"(?mi)^Tag-File-Character-Encoding[ \t]*:[ \t]*(\S+)")
_NO_DIGESTS: Mapping[CratePath, tuple[RecordedDigest, ...]] = {}


@dataclass(frozen=True, slots=True)
class Bag:
    """What a bag at the root of a tree records; paths are relative to it.

    `awaited` are the files of fetch.txt, `octets` and `streams` what Payload-Oxum says, `tag_files`
    the files that make the bag.
    """

    digests: Mapping[CratePath, tuple[RecordedDigest, ...]] = field(default_factory=dict)
    awaited: frozenset[CratePath] = frozenset()
    oxum: tuple[int, int] | None = None
    tag_files: frozenset[CratePath] = frozenset()
    findings: tuple[Finding, ...] = ()

    def below(self, folder: str) -> "Bag":
        """Return what it records of the files in a folder, relative to that."""
        cut = len(folder)
        return Bag(
            {
                CratePath(path[cut:]): digests
                for path, digests in self.digests.items()
                if path.startswith(folder)
            },
            frozenset(CratePath(one[cut:]) for one in self.awaited if one.startswith(folder)),
        )


def read_bag(tree: Tree, top: Listing) -> Bag | None:
    """Return what a bag at the root of a tree records, or None if there is none."""
    if top.entries.find(BAG_DECLARATION) is None:
        return None
    return _BagReader(tree, top.entries).read()


class _BagReader:
    """Reads the tag files of one bag."""

    def __init__(self, tree: Tree, top: EntryTable) -> None:
        self._tree = tree
        self._top = top
        self._findings: list[Finding] = []
        self._encoding = "utf-8"

    def read(self) -> Bag:
        tag_files = {CratePath(BAG_DECLARATION)}
        declared = _ENCODING.search(self._text(BAG_DECLARATION))
        if declared:
            try:
                self._encoding = codecs.lookup(declared[1]).name
            except LookupError:
                self._malformed(BAG_DECLARATION, f"unknown encoding {declared[1]!r:.60}")
        digests: dict[CratePath, list[RecordedDigest]] = defaultdict(list)
        # Of a tree that lists deeper than its root, only the files at the root are a bag's own.
        names = [str(path) for path in self._top.paths() if "/" not in path]
        for name in names:
            algorithm = manifest_algorithm(name)
            if algorithm is None:
                continue
            tag_files.add(CratePath(name))
            if algorithm:
                self._read_manifest(name, digests)
            else:
                self._findings.append(
                    Finding(
                        "fixity.unknown", "its digests cannot be computed here", CratePath(name)
                    )
                )
        awaited = set()
        for line in fetched_files(self._text(FETCH)):
            if isinstance(line, BadLine):
                self._bad_line(FETCH, line)
            else:
                awaited.add(line)
        oxum = payload_oxum(self._text(BAG_INFO))
        if isinstance(oxum, str):
            self._malformed(BAG_INFO, f"Payload-Oxum is not octets.files: {oxum!r:.60}")
            oxum = None
        tag_files |= {CratePath(name) for name in (BAG_INFO, FETCH) if name in names}
        return Bag(
            {path: tuple(dict.fromkeys(listed)) for path, listed in digests.items()},
            frozenset(awaited),
            oxum,
            frozenset(tag_files),
            tuple(self._findings),
        )

    def _read_manifest(self, name: str, digests: dict[CratePath, list[RecordedDigest]]) -> None:
        seen: dict[CratePath, RecordedDigest] = {}
        for line in manifest_digests(name, self._text(name)):
            if isinstance(line, BadLine):
                self._bad_line(name, line)
                continue
            first = seen.setdefault(line.path, line.digest)
            if first != line.digest:
                self._findings.append(conflict(line.path, f"two lines of {name}"))
            if line.path.startswith(PAYLOAD_FOLDER) is is_tag_manifest(name):
                self._malformed(name, f"{line.path!r:.80} does not belong into this manifest")
            digests[line.path].append(line.digest)

    def _text(self, name: str) -> str:
        """Return the text of a tag file; empty where there is none."""
        entry: Entry | None = self._top.get(name)
        if entry is None:
            return ""
        try:
            return read_all(self._tree, entry).decode(self._encoding)
        except ReadError as error:
            reason = error.cause or error.message
            self._findings.append(Finding("bytes.unread", reason, CratePath(name)))
        except UnicodeError:
            self._malformed(name, f"it is not in the encoding {self._encoding}")
        return ""

    def _bad_line(self, name: str, line: BadLine) -> None:
        kind = "path.unsafe" if line.unsafe else "fixity.malformed"
        self._findings.append(Finding(kind, line.message, CratePath(name)))

    def _malformed(self, name: str, message: str) -> None:
        self._findings.append(Finding("fixity.malformed", message, CratePath(name)))


def with_bag(record: Recorded, bag: Bag) -> Recorded:
    """Return a record together with what a bag around the same files says of them."""
    digests = dict(record.digests)
    findings = [*record.findings, *bag.findings]
    for path, more in bag.digests.items():
        digests[path] = tuple(dict.fromkeys((*digests.get(path, ()), *more)))
        findings.extend(_conflicts(path, record.digests.get(path, ()), more))
    named = FileTable.of(
        FileFingerprint(path, Fingerprint()) for path in {*bag.digests, *bag.awaited}
    )
    payload, apart = TableBuilder(), TableBuilder()
    for file in named:
        if is_payload(file.path):
            payload.add(file)
        elif file.path != MANIFEST_FILE or record.manifest_file is None:
            apart.add(file)
    files = together(record.manifest.files, payload.table())
    return replace(
        record,
        manifest=replace(record.manifest, files=files),
        apart=together(record.apart, apart.table()),
        digests=digests,
        findings=tuple(findings),
    )


def _conflicts(
    path: CratePath, recorded: tuple[RecordedDigest, ...], bag: tuple[RecordedDigest, ...]
) -> list[Finding]:
    by_algorithm = {digest.algorithm: digest for digest in recorded}
    return [
        conflict(path, f"{known.convention} and {digest.convention}")
        for digest in bag
        if (known := by_algorithm.get(digest.algorithm)) and known.hex != digest.hex
    ]
