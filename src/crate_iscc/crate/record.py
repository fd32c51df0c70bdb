"""What a crate records of its files, its containers and the whole, read from its metadata."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from crate_iscc.codes import Fingerprint, parse_datahash, parse_iscc
from crate_iscc.crate.view import (
    CODE_PREFIXES,
    CODE_PROPERTIES,
    Crate,
    number_of,
    recipe,
    treehash_texts,
)
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable, TableBuilder
from crate_iscc.jsonld import Entity, strings
from crate_iscc.manifest import LARGEST_SIZE, Manifest, TreeFingerprint, parse_rows, parse_size
from crate_iscc.paths import MANIFEST_FILE, CratePath, is_payload, utf8_order
from crate_iscc.report import Finding

_AT_ONCE = 256
"""Files that are read at once where each is written as build writes it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a crate records, and what is wrong with the record itself.

    `manifest.files` holds the payload, `in_metadata` those of its files that have an entity,
    `manifest_file` what is recorded of `iscc-manifest.tsv`.
    """

    manifest: Manifest
    manifest_file: FileFingerprint | None = None
    findings: tuple[Finding, ...] = ()
    in_metadata: FileTable = field(default_factory=lambda: FileTable.of(()))


def recorded(crate: Crate) -> Recorded:
    """Return what a crate records in its metadata.

    Reading is tolerant of how a value is written, and strict about what it says: a damaged
    value and a contradiction each give a Finding.
    """
    findings: list[Finding] = []
    files = {
        path: ids
        for path, ids in crate.files().items()
        if is_payload(path) or path == MANIFEST_FILE
    }
    listed = files.pop(MANIFEST_FILE, None)
    described = _file_fingerprint(crate, MANIFEST_FILE, listed, findings) if listed else None
    known = _file_table(crate, files, findings)
    manifest_file = _manifest_file(crate, described, findings)
    containers = tuple(
        _tree_fingerprint(crate, entity_id, folder, findings)
        for folder, entity_id in sorted(
            crate.folders().items(), key=lambda described: utf8_order(described[0])
        )
        if treehash_texts(crate, entity_id)
    )
    root = _tree_fingerprint(crate, crate.root_id, "", findings)
    manifest = Manifest(known, containers, root, recipe=recipe(crate))
    return Recorded(manifest, manifest_file, tuple(findings), known)


def _file_table(
    crate: Crate, files: dict[CratePath, list[str]], findings: list[Finding]
) -> FileTable:
    """Return what is recorded of files, given with the ids that name them."""
    builder = TableBuilder()
    unusual: list[CratePath] = []
    for some in _usual(crate, files, unusual):
        paths, sizes, datahashes, sums, sha256 = zip(*some, strict=True)
        rows = parse_rows(paths, sizes, datahashes, sums)
        if rows is None:
            unusual.extend(paths)
        elif any(sha256):
            builder.add_columns(*rows, [text.encode("utf-8", "surrogatepass") for text in sha256])
        else:
            builder.add_columns(*rows)
    for path in unusual:
        builder.add(_file_fingerprint(crate, path, files[path], findings))
    return builder.table()


_Texts = tuple[CratePath, str, str, str, str]
"""Path, size, datahash, ISCC-SUM and SHA-256 (or nothing) of a file as they are written."""


def _usual(
    crate: Crate, files: dict[CratePath, list[str]], unusual: list[CratePath]
) -> Iterator[list[_Texts]]:
    """Yield, some at a time, the files that are described as build does it; note the others."""
    term, *others = crate.term_keys("datahash")
    some: list[_Texts] = []
    for path, ids in files.items():
        objects = crate.occurrences(ids[0])
        texts = None
        if len(ids) == len(objects) == 1 and others and others[0] not in objects[0]:
            texts = _texts(path, objects[0], term)
        if texts is None:
            unusual.append(path)
            continue
        some.append(texts)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _texts(path: CratePath, entity: Entity, term: str) -> _Texts | None:
    """Return what an object says of a file where that is one text of each kind, else None."""
    size, digest = entity.get("contentSize"), entity.get(term)
    iscc, sha256 = entity.get("identifier"), entity.get("sha256", "")
    if isinstance(iscc, list):
        # Beside the code there may be others, such as a DOI; references lead to other objects.
        own = [one for one in iscc if not isinstance(one, str) or one.startswith(CODE_PREFIXES)]
        iscc = own[0] if len(own) == 1 else None
    if (
        isinstance(size, str)
        and isinstance(digest, str)
        and isinstance(iscc, str)
        and isinstance(sha256, str)
    ):
        return path, size, digest, iscc, sha256
    return None


def _file_fingerprint(
    crate: Crate, path: CratePath, ids: list[str], findings: list[Finding]
) -> FileFingerprint:
    known = Fingerprint()
    values: list[tuple[str, Fingerprint]] = []
    sha256 = None
    for entity_id in ids:
        for text in strings(crate.term_values(entity_id, "datahash")):
            parsed = _parsed(parse_datahash, text, path, findings)
            if parsed:
                values.append(("datahash", parsed))
        for property_id, text in crate.identifiers(entity_id):
            parsed = _code(text, path, findings) if property_id in CODE_PROPERTIES else None
            if parsed:
                values.append((text, parsed))
        for size in crate.values(entity_id, "contentSize"):
            number = _parsed(_size, size, path, findings)
            if number:
                values.append((f"contentSize {number.size}", number))
        sha256 = next(iter(strings(crate.values(entity_id, "sha256"))), sha256)
    for name, value in values:
        merged = known.merged(value)
        if merged is None:
            findings.append(conflict(path, f"{name} and the values before it"))
        else:
            known = merged
    return FileFingerprint(path, known, sha256)


def _manifest_file(
    crate: Crate, described: FileFingerprint | None, findings: list[Finding]
) -> FileFingerprint | None:
    """Return what is recorded of the manifest file: as a File, or on the root (table style)."""
    known = described
    for text in strings(crate.term_values(crate.root_id, "manifestDatahash")):
        parsed = _parsed(parse_datahash, text, MANIFEST_FILE, findings)
        if parsed is None:
            continue
        merged = known.fingerprint.merged(parsed) if known else parsed
        if merged is None:
            findings.append(conflict(MANIFEST_FILE, "the root and the File entity"))
        else:
            known = FileFingerprint(MANIFEST_FILE, merged)
    return known


def _code(text: str, path: str, findings: list[Finding]) -> Fingerprint | None:
    """Return what an identifier says if it is an ISCC-SUM or a unit of one.

    Other identifiers (a DOI, an ISCC-ID) say nothing about bytes and give None.
    """
    return _parsed(parse_iscc, text, path, findings) if text.startswith(CODE_PREFIXES) else None


def _size(value: Any) -> Fingerprint | None:
    """Return what a contentSize says, None if it is no number of bytes.

    Raises InputError for a number that no file can have.
    """
    digits = isinstance(value, str) and value.isascii() and value.isdigit()
    number = parse_size(value) if digits else value
    if (digits and number is None) or (isinstance(number, int) and number > LARGEST_SIZE):
        raise InputError(f"no file has so many bytes: {value!s:.100}")
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        return None
    return Fingerprint(number)


def _parsed(parse: Any, text: Any, path: str, findings: list[Finding]) -> Fingerprint | None:
    try:
        result: Fingerprint | None = parse(text)
    except InputError as error:
        findings.append(Finding("fixity.malformed", str(error), CratePath(path) if path else None))
        return None
    return result


def conflict(path: str, between: str) -> Finding:
    """Return the finding that two records of one path contradict each other."""
    return Finding(
        "fixity.conflict", f"recorded values contradict each other: {between}", CratePath(path)
    )


def _tree_fingerprint(
    crate: Crate, entity_id: str, folder: str, findings: list[Finding]
) -> TreeFingerprint:
    iscc = None
    treehash = None
    for text in treehash_texts(crate, entity_id):
        parsed = _parsed(parse_datahash, text, folder, findings)
        treehash = parsed.datahash if parsed else treehash
    for property_id, text in crate.identifiers(entity_id):
        if property_id in CODE_PROPERTIES:
            iscc = _code(text, folder, findings) or iscc
    return TreeFingerprint(
        folder,
        iscc,
        treehash,
        number_of(crate.term_values(entity_id, "fileCount")),
        number_of(crate.values(entity_id, "contentSize")),
    )
