"""What a crate records of its files, its containers and the whole, read from its metadata."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from crate_iscc.codes import SUM_LENGTH, Fingerprint, parse_datahash, parse_iscc
from crate_iscc.crate.ids import id_findings
from crate_iscc.crate.malformed import graph_findings
from crate_iscc.crate.other_digests import HASH_URI, DigestReader
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
from crate_iscc.fixity import HEX_DIGITS, RecordedDigest
from crate_iscc.jsonld import digits_of, strings
from crate_iscc.manifest import (
    LARGEST_SIZE,
    MANIFEST_HEADER,
    Manifest,
    TreeFingerprint,
    parse_rows,
    parse_size,
)
from crate_iscc.paths import (
    LEGACY_METADATA_FILE,
    MANIFEST_FILE,
    METADATA_FILE,
    CratePath,
    is_payload,
    utf8_order,
    valid_unicode,
)
from crate_iscc.report import Finding

_SHA256 = re.compile(rf"[0-9a-fA-F]{{{HEX_DIGITS['sha256']}}}")
DATAHASH = "datahash"
ISCC_SUM = "ISCC-SUM"
INSTANCE_CODE = "Instance-Code"
_END_OF_SUM = re.compile("[A-Z2-7]+")


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a crate records, and what is wrong with the record itself.

    `manifest.files` holds the payload, `in_metadata` those of its files that have an entity,
    `manifest_file` what is recorded of `iscc-manifest.tsv`, `apart` what is recorded of other files
    that are no payload, such as a preview. `digests` are those of other
    conventions, also of files that are no payload; the sha256 of a file that is described as build
    does it stands in its row instead. `conventions` names what a fingerprint was read from, where
    that is no datahash. `listing` is the BLAKE3 of a manifest file that says just what the metadata
    say of the payload, or nothing where not all of it is described as build does it.
    """

    manifest: Manifest
    manifest_file: FileFingerprint | None = None
    findings: tuple[Finding, ...] = ()
    in_metadata: FileTable = field(default_factory=lambda: FileTable.of(()))
    apart: FileTable = field(default_factory=lambda: FileTable.of(()))
    digests: Mapping[CratePath, tuple[RecordedDigest, ...]] = field(default_factory=dict)
    conventions: Mapping[CratePath, str] = field(default_factory=dict)
    listing: bytes = b""


def recorded(crate: Crate) -> Recorded:
    """Return what a crate records in its metadata.

    Reading is tolerant of how a value is written, and strict about what it says: a damaged
    value and a contradiction each give a Finding.
    """
    findings: list[Finding] = []
    files = _Files(crate, findings)
    try:
        files.read()
        known = files.builder.table()
    except ValueError:
        # Two ids name one file. Both speak of it, so what they say has to be put together.
        findings.clear()
        files = _Files(crate, findings)
        files.read(at_once=0)
        known = files.builder.table()
    findings.extend((*id_findings(crate), *graph_findings(crate)))
    manifest_file = _manifest_file(crate, files.manifest_file, findings)
    containers = tuple(
        _tree_fingerprint(crate, entity_id, folder, findings)
        for folder, entity_id in sorted(
            crate.folders().items(), key=lambda described: utf8_order(described[0])
        )
        if treehash_texts(crate, entity_id)
    )
    root = _tree_fingerprint(crate, crate.root_id, "", findings)
    manifest = Manifest(known, containers, root, recipe=recipe(crate))
    return Recorded(
        manifest,
        manifest_file,
        tuple(findings),
        known,
        files.apart.table(),
        files.digests,
        files.conventions,
        files.listing.digest() if files.listing else b"",
    )


def recorded_elsewhere(crate: Crate) -> Recorded:
    """Return what a crate records of Files whose `@id` is an address on the web.

    They stand under their `@id`s in the place of paths. They are no part of the payload.
    """
    findings: list[Finding] = []
    files = _Files(crate, findings)
    for entity_id in crate.ids():
        on_the_web = entity_id[:8].lower().startswith(("http://", "https://"))
        if on_the_web and crate.is_file(entity_id) and valid_unicode(entity_id) == entity_id:
            files.read_one(CratePath(entity_id), [entity_id])
    manifest = Manifest(files.builder.table(), (), TreeFingerprint(""))
    return Recorded(
        manifest, None, tuple(findings), digests=files.digests, conventions=files.conventions
    )


class _Files:
    """Reads what a crate records of its files, each by itself or many at once."""

    def __init__(self, crate: Crate, findings: list[Finding]) -> None:
        self.builder = TableBuilder()
        self.apart = TableBuilder()
        self.manifest_file: FileFingerprint | None = None
        self.digests: dict[CratePath, tuple[RecordedDigest, ...]] = {}
        self.conventions: dict[CratePath, str] = {}
        self._crate = crate
        self._findings = findings
        self._other = DigestReader(crate)
        # Of what is written of files in the order of the document, as a manifest file has it.
        self.listing: blake3 | None = blake3(MANIFEST_HEADER.encode("ascii"))

    def read(self, *, at_once: int = 256) -> None:
        """Read all; so many files at once where they are described as build does it.

        Raises ValueError if one of these has two ids.
        """
        others: dict[CratePath, list[str]] = {}
        keys = frozenset(key for key in self._other.keys if key != "sha256")
        for paths, ids, sizes, datahashes, sums, sha256 in _usual(
            self._crate, at_once, others, keys
        ):
            rows = parse_rows(paths, sizes, datahashes, sums)
            if rows and all(not text or _SHA256.fullmatch(text) for text in sha256):
                digests = [text.encode("ascii") for text in sha256]
                self.builder.add_columns(*rows, digests if any(digests) else None)
                if self.listing:
                    lines = map("\t".join, zip(paths, sizes, datahashes, sums, strict=True))
                    self.listing.update(("\n".join(lines) + "\n").encode("utf-8"))
            else:
                if any(path in others for path in paths) or len(set(paths)) != len(paths):
                    raise ValueError("two ids name one file")
                others |= {CratePath(p): [one] for p, one in zip(paths, ids, strict=True)}
        for path, entity_ids in others.items():
            self.read_one(path, entity_ids)

    def read_one(self, path: CratePath, ids: list[str]) -> None:
        """Read what all entities of one file say of it."""
        known = Fingerprint()
        convention: str | None = None
        digests: list[RecordedDigest] = []
        for entity_id in ids:
            for name, value in self._fingerprints(path, entity_id):
                merged = known.merged(value)
                if merged is None:
                    self._findings.append(conflict(path, f"{name} and the values before it"))
                else:
                    known = merged
                    convention = convention or _convention(name, value)
            digests += self._other.digests(entity_id, path, self._findings)
        self._put(path, FileFingerprint(path, known), convention, digests)

    def _put(
        self,
        path: CratePath,
        file: FileFingerprint,
        convention: str | None,
        digests: list[RecordedDigest],
    ) -> None:
        if path in (METADATA_FILE, LEGACY_METADATA_FILE):
            return  # it cannot say of itself what it is
        if path == MANIFEST_FILE:
            self.manifest_file = file
        elif is_payload(path):
            self.builder.add(file)
            self.listing = None
        else:
            self.apart.add(file)
        if digests:
            self.digests[path] = tuple(dict.fromkeys(digests))
            self._find_conflicts(path)
        if convention not in (None, DATAHASH):
            self.conventions[path] = convention

    def _find_conflicts(self, path: CratePath) -> None:
        """Find digests of one algorithm that differ: they cannot be of the same bytes."""
        by_algorithm: dict[str, RecordedDigest] = {}
        for digest in self.digests[path]:
            first = by_algorithm.setdefault(digest.algorithm, digest)
            if first.hex != digest.hex:
                self._findings.append(
                    conflict(path, f"{first.convention} {first.hex} and {digest.hex}")
                )

    def _fingerprints(self, path: CratePath, entity_id: str) -> Iterator[tuple[str, Fingerprint]]:
        """Yield what an entity says of sizes and codes, under the name of each."""
        crate, findings = self._crate, self._findings
        for text in strings(crate.term_values(entity_id, "datahash")):
            parsed = _parsed(parse_datahash, text, path, findings)
            if parsed:
                yield DATAHASH, parsed
        for property_id, text in crate.identifiers(entity_id):
            parsed = _code(text, path, findings) if property_id in CODE_PROPERTIES else None
            if parsed:
                yield text, parsed
        sizes = crate.values(entity_id, "contentSize")
        for size in sizes:
            number = _parsed(_size, size, path, findings)
            if number:
                yield f"contentSize {number.size}", number
        if crate.term_values(entity_id, "datahash"):
            _check_number("contentSize", sizes, path, findings)


def _convention(name: str, value: Fingerprint) -> str | None:
    """Return what a verdict rests on that rests on this value, or None where none can."""
    if not value.verifiable:
        return None
    if name == DATAHASH:
        return DATAHASH
    return ISCC_SUM if value.data else INSTANCE_CODE


_Texts = tuple[CratePath, str, str, str, str, str]
"""Path, `@id`, size, datahash, ISCC-SUM and SHA-256 (or nothing) of a file, as written."""


def _usual(
    crate: Crate, at_once: int, others: dict[CratePath, list[str]], other_keys: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield columns of files that are described as build does it; note the ids of the others."""
    keys = crate.term_keys("datahash")
    at_once = at_once if len(keys) == 2 else 0
    # One loop and one look at each property: there may be as many of them as files.
    plain, other_name = keys[0], keys[-1]
    some: list[_Texts] = []
    for path, entity_id, objects in crate.file_objects():
        entity = objects[0]
        iscc, digest = entity.get("identifier"), entity.get(plain)
        if iscc.__class__ is list:
            iscc = _own_code(iscc)
        size, sha256 = entity.get("contentSize"), entity.get("sha256", "")
        if (
            size.__class__ is digest.__class__ is iscc.__class__ is sha256.__class__ is str
            and at_once
            and len(objects) == 1
            and other_name not in entity
            and other_keys.isdisjoint(entity)
            and is_payload(path)
        ):
            some.append((path, entity_id, size, digest, iscc, sha256))
            if len(some) == at_once:
                yield tuple(zip(*some, strict=True))
                some = []
        else:
            others.setdefault(path, []).append(entity_id)
    if some:
        yield tuple(zip(*some, strict=True))


def _own_code(identifiers: list[Any]) -> Any:
    """Return the one identifier that may be a code, or None; there may be others, such as a DOI.

    References lead to other objects, which may hold one.
    """
    own = [
        one
        for one in identifiers
        if not isinstance(one, str) or _is_meant_as_code(one) or one.startswith(HASH_URI)
    ]
    return own[0] if len(own) == 1 else None


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
    return _parsed(parse_iscc, text, path, findings) if _is_meant_as_code(text) else None


def _is_meant_as_code(text: str) -> bool:
    """Tell whether an identifier is, or once was, a code of bytes.

    What is as long as a wide ISCC-SUM and ends like one was one, if its start is damaged. Other
    codes are as long (units of 256 bits, of an image say), and have a D where it has an A.
    """
    return text.startswith(CODE_PREFIXES) or (
        len(text) == SUM_LENGTH and text[7] != "D" and _END_OF_SUM.fullmatch(text, 8) is not None
    )


def _size(value: Any) -> Fingerprint | None:
    """Return what a contentSize says, None if it is no number of bytes.

    Raises InputError for a number that no file can have.
    """
    value = digits_of(value)
    digits = isinstance(value, str) and value.isascii() and value.isdigit()
    number = parse_size(value) if digits else value
    if (digits and number is None) or (isinstance(number, int) and number > LARGEST_SIZE):
        raise InputError(f"no file has so many bytes: {value!s:.100}")
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        return None
    return Fingerprint(number)


def _check_number(name: str, values: list[Any], path: str, findings: list[Finding]) -> None:
    """Note what stands for a number beside our codes and is none.

    Sizes for people are left alone: they have the unit that ours lack, some kind of bytes.
    """
    for value in values:
        if isinstance(value, str) and value and not value.isdigit() and "b" not in value.lower():
            text = f"its {name} is no number: {value!r:.100}"
            findings.append(Finding("fixity.malformed", text, CratePath(path) if path else None))


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
        "fixity.conflict",
        f"recorded values contradict each other: {between}",
        CratePath(path) if path else None,
    )


def _agreed(
    what: str, values: Sequence[Fingerprint | None], folder: str, findings: list[Finding]
) -> Fingerprint | None:
    """Return what values of one folder say together; the first counts where they contradict."""
    known: Fingerprint | None = None
    for value in values:
        merged = known.merged(value) if known and value else known or value
        if merged is None and value:
            findings.append(conflict(folder, f"its {what}"))
        known = merged or known
    return known


def _tree_fingerprint(
    crate: Crate, entity_id: str, folder: str, findings: list[Finding]
) -> TreeFingerprint:
    hashes = [
        _parsed(parse_datahash, text, folder, findings) for text in treehash_texts(crate, entity_id)
    ]
    codes = [
        _code(text, folder, findings)
        for property_id, text in crate.identifiers(entity_id)
        if property_id in CODE_PROPERTIES
    ]
    treehash = _agreed("treehashes", hashes, folder, findings)
    count = crate.term_values(entity_id, "fileCount")
    size = crate.values(entity_id, "contentSize")
    if treehash:
        _check_number("fileCount", count, folder, findings)
        _check_number("contentSize", size, folder, findings)
    return TreeFingerprint(
        folder,
        _agreed("ISCC-SUMs", codes, folder, findings),
        treehash.datahash if treehash else None,
        number_of(count),
        number_of(size),
    )
