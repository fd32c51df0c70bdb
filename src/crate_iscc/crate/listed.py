"""What the lines of a manifest file add to the record of a crate's metadata."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from operator import itemgetter, lt

from crate_iscc.crate.record import Recorded, conflict
from crate_iscc.errors import InputError, UnsafePathError
from crate_iscc.file_table import (
    FileFingerprint,
    FileTable,
    Row,
    Rows,
    TableBuilder,
    file_of,
    fingerprint_of,
    side_by_side,
)
from crate_iscc.manifest import (
    MANIFEST_HEADER,
    TreeFingerprint,
    line_blocks,
    parse_manifest_line,
    parse_manifest_lines,
)
from crate_iscc.packed import PackedBytes
from crate_iscc.paths import MANIFEST_FILE, is_payload, utf8_order
from crate_iscc.report import Finding

_BOTH = "the metadata and the manifest file"
_TWICE = "two lines of the manifest file"


def with_manifest_file(record: Recorded, chunks: Iterable[bytes]) -> Recorded:
    """Return a record together with what the crate's `iscc-manifest.tsv` says.

    The file comes in pieces of any length, and is never held whole.
    """
    findings = list(record.findings)
    trees = {tree.path: tree for tree in record.manifest.containers}
    listed = _Listed(record.manifest.files, findings)
    for part in _parts(chunks, findings):
        if isinstance(part, TreeFingerprint):
            known = trees.setdefault(part.path, part)
            if (known.treehash, known.iscc) != (part.treehash, part.iscc):
                findings.append(conflict(part.path, _BOTH))
        else:
            listed.take(part)
    return _completed(record, listed.finish(), trees.values(), findings)


def with_same_manifest_file(record: Recorded) -> Recorded:
    """Return a record together with a manifest file that adds nothing: its BLAKE3 is `listing`."""
    manifest = record.manifest
    return _completed(record, manifest.files, manifest.containers, record.findings)


def _completed(
    record: Recorded,
    files: FileTable,
    trees: Iterable[TreeFingerprint],
    findings: Iterable[Finding],
) -> Recorded:
    containers = tuple(
        replace(tree, files=len(files.below(tree.path))) if tree.files is None else tree
        for tree in sorted(trees, key=lambda tree: utf8_order(tree.path))
    )
    manifest = replace(record.manifest, files=files, containers=containers)
    return replace(record, manifest=manifest, findings=tuple(findings))


def _parts(chunks: Iterable[bytes], findings: list[Finding]) -> Iterator[Rows | TreeFingerprint]:
    """Yield the lines of files, many at a time, and those of folders."""
    folders: set[str] = set()
    number = 0
    for lines in line_blocks(chunks):
        if number == 0 and lines[0] == MANIFEST_HEADER[:-1]:
            lines = lines[1:]
            number = 1
        rows = parse_manifest_lines(lines) if lines else None
        if rows is None:
            rows = [], [], [], []
            for line in _one_by_one(lines, number, findings):
                if isinstance(line, FileFingerprint):
                    _add(line, rows)
                    continue
                if line.path in folders:
                    findings.append(conflict(line.path, _TWICE))
                folders.add(line.path)
                yield line
        if rows[0]:
            yield rows
        number += len(lines)


def _one_by_one(
    lines: list[str], before: int, findings: list[Finding]
) -> Iterator[FileFingerprint | TreeFingerprint]:
    """Yield what lines say, behind so many others; one that says nothing is a finding."""
    for number, text in enumerate(lines, before + 1):
        kind = "fixity.malformed"
        try:
            line = parse_manifest_line(text)
            problem = None if is_payload(line.path) else f"{line.path} is no part of the payload"
        except InputError as error:
            problem = str(error)
            if isinstance(error, UnsafePathError):
                kind = "path.unsafe"
        if problem:
            findings.append(Finding(kind, f"line {number}: {problem}", MANIFEST_FILE))
        else:
            yield line


def _add(file: FileFingerprint, rows: Rows) -> None:
    known = file.fingerprint
    paths, sizes, data, instance = rows
    paths.append(utf8_order(file.path))
    sizes.append(-1 if known.size is None else known.size)
    data.append(known.data or b"")
    instance.append(known.instance or b"")


class _Listed:
    """Puts the files of the metadata and those of a manifest file together, line by line.

    Both come in the order of their paths. As long as they say the same, there is one table of
    them. Lines that are not in order are kept, and put in their places at the end.
    """

    def __init__(self, described: FileTable, findings: list[Finding]) -> None:
        self._described = described
        self._findings = findings
        self._next = 0
        # What both say, once that is more than the metadata say.
        self._files: TableBuilder | None = None
        # The paths of the metadata that have had no line at their place.
        self._without_line = PackedBytes()
        self._last = b""
        self._late: TableBuilder | None = None

    def take(self, rows: Rows) -> None:
        """Take lines of files."""
        paths = rows[0]
        if paths[0] <= self._last or not all(map(lt, paths, paths[1:])):
            self._late = self._late or TableBuilder()
            self._late.add_columns(*rows)
            # What comes later of one of these paths has to stay behind them: the first line counts.
            self._last = max(self._last, *paths)
            return
        self._last = paths[-1]
        described = self._described[self._next : self._described.bisect(self._last + b"\0")]
        if described:
            self._merge(described, FileTable.of_rows(rows))
        else:
            self._changed().add_columns(*rows)
        self._next += len(described)

    def _changed(self) -> TableBuilder:
        """Return what collects both, with all that was the same up to here."""
        if self._files is None:
            self._files = TableBuilder()
            self._files.add_table(self._described[: self._next])
        return self._files

    def _merge(self, described: FileTable, listed: FileTable) -> None:
        if described.same_rows(listed):
            if self._files:
                self._files.add_table(described)
            return
        files = self._changed()
        for mine, theirs in side_by_side(described, listed):
            if not mine or mine.same_rows(theirs):
                files.add_table(mine or theirs)
            elif not theirs:
                files.add_table(mine)
                self._without_line.extend(row[0] for row in mine.rows())
            else:
                for known, row in zip(mine, theirs.rows(), strict=True):
                    files.add(self._merged(known, row))

    def _merged(self, known: FileFingerprint, row: Row) -> FileFingerprint:
        both = known.fingerprint.merged(fingerprint_of(row))
        if both is None:
            self._findings.append(conflict(known.path, _BOTH))
            return known
        return replace(known, fingerprint=both)

    def finish(self) -> FileTable:
        """Return all files."""
        rest = self._described[self._next :]
        self._without_line.extend(row[0] for row in rest.rows())
        if self._files is None:
            files = self._described
        else:
            self._files.add_table(rest)
            files = self._files.table()
        return self._with_late(files, self._late) if self._late else files

    def _with_late(self, files: FileTable, late: TableBuilder) -> FileTable:
        """Put lines in their places that came out of order or twice."""
        result = TableBuilder()
        start = 0
        for path, rows in groupby(late.lines().rows(), key=itemgetter(0)):
            number = files.bisect(path)
            result.add_table(files[start:number])
            start = number
            file, listed = None, False
            if number < len(files) and files.path_at(number) == path:
                file, listed = files[number], self._without_line.find(path) is None
                start += 1
            for row in rows:
                if listed:
                    self._findings.append(conflict(path.decode("utf-8"), _TWICE))
                file = self._merged(file, row) if file else file_of(row)
                listed = True
            if file:
                result.add(file)
        result.add_table(files[start:])
        return result.table()
