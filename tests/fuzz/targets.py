"""The entry points of the fuzzers: each takes any bytes, and only this project's errors come out.

What comes out otherwise is a defect: another exception, a hang, or one of the assertions below.
"""

import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from crate_iscc.checklist import parse_list
from crate_iscc.codes import (
    Fingerprint,
    is_iscc_sum,
    parse_datahash,
    parse_iscc,
    parse_pairs,
)
from crate_iscc.crate.describe import Description, described
from crate_iscc.crate.editing import Generator
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.style import Style
from crate_iscc.crate.terms import ISCC_SUM_ID, TREEHASH_ID
from crate_iscc.crate.view import Crate, check_recipe
from crate_iscc.crate.write import fingerprinted
from crate_iscc.entries import Entry
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.file_table import FileFingerprint, FileTable, file_of
from crate_iscc.finding_kinds import Severity
from crate_iscc.json_lines import lines_of
from crate_iscc.manifest import (
    Manifest,
    TreeFingerprint,
    line_blocks,
    manifest_lines,
    parse_manifest_line,
    parse_manifest_lines,
    parse_rows,
    parse_size,
    treehash,
)
from crate_iscc.paths import (
    MANIFEST_FILE,
    CratePath,
    decode_id,
    encode_id,
    is_payload,
    path_problem,
)
from crate_iscc.profile.checker import RULES
from crate_iscc.profile.facts import Facts
from crate_iscc.profile.requirements import kinds_at, refuse_newer
from crate_iscc.profile.rules import Subject
from crate_iscc.profile.schema import Definitions
from crate_iscc.render.record import record_json, record_text
from crate_iscc.render.sums import parse_sum_line
from crate_iscc.resources import schema_text
from crate_iscc.sources.inflating import INFLATERS
from crate_iscc.sources.zip import ZipTree
from crate_iscc.verifying.verification import verify
from fuzz.compiled_target import HAS_COMPILED, call_compiled

MOST = 1 << 24
"""Bytes of one member that are read at most: a small archive may hold very many."""

# --- the metadata -------------------------------------------------------------------------------

WHEN = Generator("1", "kernel", "2026-11-27T12:00:00Z")


def _file(path: str, seed: int) -> FileFingerprint:
    return FileFingerprint(
        CratePath(path), Fingerprint(seed, bytes([seed]) * 16, bytes([seed + 1]) * 32)
    )


PAYLOAD = FileTable.of([_file("a.txt", 1), _file("c.zarr/0/0", 3), _file("c.zarr/zarr.json", 5)])
"""The files of which a build writes the codes into the document."""


def _tree(folder: str) -> TreeFingerprint:
    members = PAYLOAD.below(folder)
    code = Fingerprint(None, b"d" * 16, b"i" * 16)
    return TreeFingerprint(folder, code, treehash(members, folder), len(members), members.size)


MANIFEST = Manifest(PAYLOAD, (_tree("c.zarr/"),), _tree(""))
LISTED = FileFingerprint(MANIFEST_FILE, Fingerprint(9, b"l" * 16, b"m" * 32))


def read_metadata(raw: bytes) -> None:
    """Read bytes as a crate's metadata: what they record, what is wrong with them, and a build."""
    with suppress(InputError):
        _read_metadata(raw)


def _read_metadata(raw: bytes) -> None:
    crate = Crate.parse(raw)
    assert crate.document.dump() == raw
    record = recorded(crate)
    json.loads(record_json(crate, record, "x"))
    record_text(crate, record, "x")
    with suppress(InputError):
        refuse_newer(crate)
        _validate(crate, raw)
    check_recipe(crate)
    for style in Style:
        _build(crate, style)


def _validate(crate: Crate, raw: bytes) -> None:
    """Apply every rule, as check does, to definitions of which the schema is read only once."""
    subject = Subject(Facts(crate), _definitions(), frozenset({"a.txt"}))
    breaches = [breach for kind in kinds_at(Severity.INFO) for breach in RULES[kind.id](subject)]
    pointers = {crate.pointer(breach.entity, breach.key) for breach in breaches}
    known = {pointer for pointer in pointers if pointer}
    lines = lines_of(raw.decode("utf-8"), known)
    assert lines.keys() == known
    assert all(line <= raw.count(b"\n") + 1 for line in lines.values())


@cache
def _definitions() -> Definitions:
    return Definitions(json.loads(schema_text("crate")))


def _build(crate: Crate, style: Style) -> None:
    """Write codes into the document: they are read back, and a build too many changes nothing.

    The second may still take away what nothing points to any more, now that the first is done.
    """
    full, _ = described(
        crate, Description("n", None, None, ()), folder="f", date="2026-11-27", payload=["a.txt"]
    )
    written = full.document.dump()
    first, _ = fingerprinted(
        full, MANIFEST, manifest_file=LISTED, generator=WHEN, before=crate, style=style
    )
    assert full.document.dump() == written, "the crate that was built into is another now"
    again = Crate.parse(first.document.dump())
    found = with_manifest_file(
        recorded(again), map(str.encode, manifest_lines(PAYLOAD, MANIFEST.containers))
    )
    if any(finding.id.startswith("fixity.") for finding in found.findings):
        return  # what others say of the files contradicts the codes: verify will say so
    trees = {tree.path: tree for tree in (found.manifest.root, *found.manifest.containers)}
    for tree in (MANIFEST.root, *MANIFEST.containers):
        known = trees[tree.path]
        # Where others have an object with the id of a code, that code may be lost, but not wrong.
        assert known == tree or (_has_twins(again) and known.iscc in (None, tree.iscc)), tree.path
        assert known.treehash in (None, tree.treehash), tree.path
    for file in PAYLOAD:
        recorded_file = found.manifest.files.get(file.path)
        assert recorded_file is not None
        assert recorded_file.fingerprint == file.fingerprint, file.path
    second = _built_again(again, style)
    third = _built_again(Crate.parse(second), style)
    assert third == second, "a third build changes something"


def _has_twins(crate: Crate) -> bool:
    ids = [i for i in crate.ids() if i.startswith((ISCC_SUM_ID, TREEHASH_ID))]
    return any(len(crate.occurrences(entity_id)) > 1 for entity_id in ids)


def _built_again(crate: Crate, style: Style) -> bytes:
    edited, _ = fingerprinted(
        crate, MANIFEST, manifest_file=LISTED, generator=WHEN, before=crate, style=style
    )
    return edited.document.dump()


# --- archives -----------------------------------------------------------------------------------


@cache
def _scratch() -> TemporaryDirectory[str]:
    memory = Path("/dev/shm")
    return TemporaryDirectory(prefix="fuzz-", dir=memory if memory.is_dir() else None)


def read_archive(raw: bytes) -> None:
    """Read bytes as a zip: its listing, each member, with every inflater, and a verification."""
    place = Path(_scratch().name) / "a.zip"
    place.write_bytes(raw)
    members: dict[str, bytes] = {}
    for inflater in INFLATERS:
        for crc in (True, False):
            try:
                tree = ZipTree(place, crc=crc, inflater=inflater)
            except InputError:
                break
            with tree:
                for path, content in _contents(tree):
                    assert members.setdefault(path, content) == content, path
    if members:
        _compare_with_zipfile(place, members)
    with suppress(CrateIsccError):
        verify(place, jobs=1)


def _contents(tree: ZipTree) -> Iterator[tuple[str, bytes]]:
    listing = tree.listing()
    for folder in listing.folders:
        assert path_problem(folder[:-1]) is None
    for entry in listing.entries:
        assert path_problem(entry.path) is None
        with suppress(ReadError):
            yield entry.path, _content(tree, entry)


def _content(tree: ZipTree, entry: Entry) -> bytes:
    stream = tree.open(entry)
    parts = []
    count = 0
    buffer = memoryview(bytearray(1 << 16))
    try:
        while size := stream.readinto(buffer):
            count += size
            assert count <= entry.size, "more bytes than the archive gives"
            if count > MOST:
                raise ReadError("enough of it")
            parts.append(bytes(buffer[:size]))
    finally:
        stream.close()
    assert count == entry.size, "fewer bytes than the archive gives"
    return b"".join(parts)


def _compare_with_zipfile(place: Path, members: dict[str, bytes]) -> None:
    """Hold the bytes of members against those that Python's own reader finds, where it does."""
    with zipfile.ZipFile(place) as archive:
        for info in archive.infolist():
            content = members.get(info.filename)
            if content is None:
                continue
            try:
                found = archive.read(info)
            except Exception:  # whatever zipfile says of what we can read
                continue
            assert found == content, info.filename


# --- codes and lines ----------------------------------------------------------------------------


def read_codes(raw: bytes) -> None:
    """Read bytes as codes, paths and the lines of manifest files, in both ways there are."""
    size = raw[0] + 1 if raw else 1
    rest = raw[1:]
    for text in rest.decode("utf-8", "surrogateescape").split("\n"):
        for field in text.split("\t"):
            _read_text(field)
    pieces = [rest[at : at + size] for at in range(0, len(rest), size)]
    blocks = list(line_blocks(pieces, most=size))
    assert [line for block in blocks for line in block] == [
        line for line in rest.decode("utf-8", "replace").split("\n") if line
    ]
    for block in blocks:
        _read_lines(block)
    record = with_manifest_file(Recorded(MANIFEST), pieces)
    assert [file.path for file in record.manifest.files] == sorted(
        {file.path for file in record.manifest.files}, key=str.encode
    )
    with suppress(InputError):
        parse_list(rest.decode("utf-8", "surrogateescape"))


def _read_text(text: str) -> None:
    for parse in (parse_iscc, parse_datahash):
        with suppress(InputError):
            known = parse(text)
            again = parse_iscc(known.iscc()) if is_iscc_sum(text) and len(text) > 50 else None
            assert again in (None, known)
            assert parse is parse_iscc or known.datahash == text.lower()
    parse_size(text)
    parse_sum_line(text)
    path = decode_id(text)
    if path is not None:
        assert path_problem(path.removesuffix("/")) is None
    if path_problem(text) is None:
        assert decode_id(encode_id(text)) == text


def _read_lines(lines: list[str]) -> None:
    """Parse lines at once and one by one: the short way takes no more than the long way."""
    columns = [line.split("\t") for line in lines]
    if all(len(fields) == 4 for fields in columns):
        paths, sizes, hashes, sums = zip(*columns, strict=True)
        pairs = parse_pairs(hashes, sums)
        if pairs:
            both = zip(map(parse_datahash, hashes), map(parse_iscc, sums), strict=True)
            singles = [digest.merged(iscc) for digest, iscc in both]
            assert [(one.data, one.instance) for one in singles if one] == list(
                zip(*pairs, strict=True)
            )
        parse_rows(paths, sizes, hashes, sums)
    rows = parse_manifest_lines(lines)
    if rows is None:
        for line in lines:
            with suppress(InputError):
                parse_manifest_line(line)
        return
    files = [parse_manifest_line(line) for line in lines]
    assert all(is_payload(file.path) for file in files)
    assert files == [file_of(row) for row in zip(*rows, strict=True)]


TARGETS: dict[str, Callable[[bytes], None]] = {
    "metadata": read_metadata,
    "archive": read_archive,
    "codes": read_codes,
}
"""What is fuzzed, by name."""
if HAS_COMPILED:
    TARGETS["compiled"] = call_compiled
