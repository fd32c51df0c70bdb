"""Fingerprints of a tree of files, and the comparison of a recorded tree with an observed one.

Build and verify meet here and only here. Everything in this module is a value or a pure function
over values, so all of it is tested with literals.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from blake3 import blake3

from crate_iscc.codes import (
    DATAHASH_PREFIX,
    Distance,
    Fingerprint,
    is_iscc_sum,
    parse_datahash,
    parse_iscc,
)
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.paths import CratePath, crate_path, utf8_order

RECIPE_VERSION = 1
DIGEST_SIZE = 32
"""Bytes of a whole BLAKE3-256 digest."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A path of which not all bytes could be read, with the reason.

    `is_file` is False for what is no regular file at all (a link, a pipe, a device).
    """

    path: CratePath
    reason: str
    is_file: bool = True


@dataclass(frozen=True, slots=True)
class TreeFingerprint:
    """The codes of a folder: of a container (`path` ends in a slash) or of the root (`""`).

    `iscc` is the tree ISCC-SUM (IEP-0017 order), `treehash` the multihash of the canonical
    manifest; `files` and `size` (bytes) count what they cover. None means not known.
    """

    path: str
    iscc: Fingerprint | None = None
    treehash: str | None = None
    files: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Every parameter that changes a crate's codes; it travels inside the crate.

    `excluded` holds patterns in the syntax of .gitignore, in the order in which they were given.
    """

    excluded: tuple[str, ...] = ()
    version: int = RECIPE_VERSION


@dataclass(frozen=True, slots=True)
class Manifest:
    """The fingerprints of the payload of one crate, recorded or observed.

    `files` and `unread` are sorted by the UTF-8 bytes of their paths.
    """

    files: FileTable = field(default_factory=lambda: FileTable.of(()))
    containers: tuple[TreeFingerprint, ...] = ()
    root: TreeFingerprint = field(default=TreeFingerprint(""))
    unread: tuple[Unread, ...] = ()
    recipe: Recipe = field(default=Recipe())

    @property
    def size(self) -> int:
        """The bytes of all files whose size is known."""
        return self.files.size


def treehash(files: Iterable[FileFingerprint], folder: str = "") -> str:
    """Return the treehash of the files below `folder` (`""` or with a trailing slash).

    BLAKE3-256, as a multihash in hex, over one record a file: path NUL size NUL datahash LF;
    UTF-8; the path relative to the folder, the size in decimal bytes; sorted by the UTF-8 bytes
    of the path (FORMAT, "The whole crate"). Raises ValueError unless every size and datahash is
    known: a treehash over files that were not all read must not exist.
    """
    hasher = blake3()
    cut = len(folder.encode("utf-8"))
    prefix = DATAHASH_PREFIX.encode("ascii")
    for path, size, _, instance in FileTable.of(files).rows():
        if size < 0 or len(instance) != DIGEST_SIZE:
            raise ValueError(f"size or datahash is not known: {path.decode()}")
        digest = instance.hex().encode("ascii")
        hasher.update(b"%b\0%d\0%b%b\n" % (path[cut:], size, prefix, digest))
    return DATAHASH_PREFIX + hasher.hexdigest()


# --- the manifest file -------------------------------------------------------------------------

MANIFEST_COLUMNS = ("path", "size", "datahash", "iscc")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_UNESCAPES = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}


def manifest_lines(
    files: Iterable[FileFingerprint], containers: Iterable[TreeFingerprint] = ()
) -> Iterator[str]:
    r"""Yield the lines of an `iscc-manifest.tsv`: a header, then one line a file, LF-ended.

    In a path, backslash, tab, line feed and carriage return are written `\\`, `\t`, `\n` and
    `\r`. Files must be complete (size and both codes). A container's line (in the table style)
    has a path that ends in a slash, its bytes, its treehash, and its tree ISCC-SUM. All lines
    are sorted by the UTF-8 bytes of the path.
    """
    yield "\t".join(MANIFEST_COLUMNS) + "\n"
    lines = [(c.path, c.size, c.treehash, c.iscc) for c in containers if c.path]
    waiting = sorted(lines, key=lambda line: utf8_order(line[0]), reverse=True)
    for file in files:
        while waiting and utf8_order(waiting[-1][0]) < utf8_order(file.path):
            yield _line(*waiting.pop())
        known = file.fingerprint
        yield _line(file.path, known.size, known.datahash, known)
    while waiting:
        yield _line(*waiting.pop())


def _line(path: str, size: int | None, digest: str | None, codes: Fingerprint | None) -> str:
    if size is None or digest is None or codes is None:
        raise ValueError(f"size, digest or codes are not known: {path}")
    return f"{path.translate(_ESCAPES)}\t{size}\t{digest}\t{codes.iscc()}\n"


def split_lines(raw: bytes) -> list[str]:
    """Return the lines of a manifest file, split at LF alone.

    A file name may hold any other line separator of Unicode.
    """
    return [line + "\n" for line in raw.decode("utf-8", "replace").split("\n") if line]


def parse_manifest_line(line: str) -> FileFingerprint | TreeFingerprint:
    """Return what one line (not the header) of an `iscc-manifest.tsv` says.

    Raises InputError for a line with other than four fields, a path that leads out of the
    crate, or a value that is no size, datahash or ISCC-SUM, or values that contradict.
    """
    fields = line.removesuffix("\n").split("\t")
    if len(fields) != len(MANIFEST_COLUMNS):
        raise InputError("a line of the manifest has not four fields", cause=repr(line[:100]))
    name = _unescaped(fields[0])
    size = parse_size(fields[1])
    digest, iscc = parse_datahash(fields[2]), parse_iscc(fields[3])
    if size is None or not is_iscc_sum(fields[3]):
        raise InputError("a line of the manifest contradicts itself", cause=repr(line[:300]))
    if name.endswith("/"):
        folder = crate_path(name[:-1]) + "/"
        written = [folder.translate(_ESCAPES), str(size), digest.datahash]
        found: FileFingerprint | TreeFingerprint = TreeFingerprint(
            folder, iscc, digest.datahash, size=size
        )
    else:
        path = crate_path(name)
        codes = digest.merged(iscc)
        if codes is None:
            raise InputError("a line of the manifest contradicts itself", cause=repr(line[:300]))
        known = Fingerprint(size, codes.data, codes.instance)
        written = [path.translate(_ESCAPES), str(size), known.datahash]
        found = FileFingerprint(path, known)
    if written != fields[:3]:
        raise InputError("a line of the manifest is not as it is written", cause=repr(line[:300]))
    return found


def _unescaped(text: str) -> str:
    head, *rest = text.split("\\")
    parts = [head]
    pieces = iter(rest)
    for piece in pieces:
        if piece:
            if piece[0] not in _UNESCAPES:
                raise InputError("a path in the manifest has an unknown escape", cause=repr(text))
            parts.append(_UNESCAPES[piece[0]] + piece[1:])
        else:  # two backslashes in a row: an escaped one, and the next piece is plain text
            parts.append("\\" + next(pieces, ""))
    return "".join(parts)


def parse_size(text: str) -> int | None:
    """Return a size in bytes from decimal digits, or None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


# --- comparison --------------------------------------------------------------------------------


class Status(StrEnum):
    """How a file came out of a comparison; see FORMAT, "Verdicts"."""

    MATCH = "match"
    CHANGED = "changed"
    MOVED = "moved"
    MISSING = "missing"
    EXTRA = "extra"
    UNREAD = "unread"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Difference:
    """How one path came out, with what was recorded and what was observed.

    `moved_to` names where the recorded content was found, or for CHANGED where an edited
    version of it was found. `holds` names the recorded file whose content now stands at `path`.
    """

    status: Status
    path: CratePath
    recorded: Fingerprint | None = None
    observed: Fingerprint | None = None
    distance: Distance | None = None
    moved_to: CratePath | None = None
    holds: CratePath | None = None
    reason: str | None = None


def compare(recorded: Manifest, observed: Manifest, *, content: bool = True) -> list[Difference]:
    """Compare what a crate records with what is there: one Difference for each path involved.

    A match needs an equal datahash (as much of it as both know); with `content=False` an equal
    size is enough. Content that stands at a path where it is not recorded is paired with the
    path that lost it (moved); what is left over is changed, missing or extra. Where the observed
    Data-Codes are known, a lost file and an extra one of similar content are paired too.
    The result is sorted by the UTF-8 bytes of the path.
    """
    there = {file.path: file.fingerprint for file in observed.files}
    known = {file.path: file.fingerprint for file in recorded.files}
    results, lost = _in_place(known, there, observed.unread, content=content)

    settled = {result.path for result in results}
    loose = {path: found for path, found in there.items() if path not in settled}
    moves = _moves(lost, loose) if content else {}
    origin = {target: path for path, target in moves.items()}
    for path, target in moves.items():
        results.append(
            Difference(Status.MOVED, path, lost.pop(path), loose[target], moved_to=target)
        )

    # Extra is what no record names, and what now stands where something was that moved away.
    extra = {p: f for p, f in loose.items() if p not in origin and (p not in known or p in moves)}
    edited = _edited({path: wanted for path, wanted in lost.items() if path not in there}, extra)
    for path, wanted in lost.items():
        edited_as = edited.get(path)
        found = there.get(path) if edited_as is None else extra.pop(edited_as)
        if found is None:
            results.append(Difference(Status.MISSING, path, wanted))
        else:
            results.append(
                Difference(
                    Status.CHANGED,
                    path,
                    wanted,
                    found,
                    distance=wanted.distance(found),
                    moved_to=edited_as,
                    holds=origin.get(path),
                )
            )
    for path, found in extra.items():
        why = "new content, in the place of what moved away" if path in moves else None
        results.append(Difference(Status.EXTRA, path, observed=found, reason=why))
    return sorted(results, key=lambda result: utf8_order(result.path))


def _in_place(
    known: dict[CratePath, Fingerprint],
    there: dict[CratePath, Fingerprint],
    unread_items: Iterable[Unread],
    *,
    content: bool,
) -> tuple[list[Difference], dict[CratePath, Fingerprint]]:
    """Judge each path by what stands there; return that, and what was lost from its place."""
    results: list[Difference] = []
    lost: dict[CratePath, Fingerprint] = {}
    unread = {item.path: item for item in unread_items}
    closed = tuple(path for path in unread if path.endswith("/"))
    hidden: set[str] = set()  # folders that could not be listed and hold recorded files
    for path, wanted in known.items():
        found = there.get(path)
        if path in unread:
            results.append(Difference(Status.UNREAD, path, wanted, reason=unread[path].reason))
        elif found is None and path.startswith(closed):
            folder = next(folder for folder in closed if path.startswith(folder))
            hidden.add(folder)
            reason = f"its folder {unread[folder].reason}"
            results.append(Difference(Status.UNREAD, path, wanted, reason=reason))
        elif found is None:
            lost[path] = wanted
        else:
            same = wanted.same_bytes(found) if content else wanted.same_size(found)
            if same is False:
                lost[path] = wanted
            else:
                status = Status.MATCH if same else Status.UNCHECKED
                results.append(Difference(status, path, wanted, found))
    for path, item in unread.items():
        if path not in known and path not in hidden:
            # What cannot be read can still be named: a file that nothing records is extra.
            status = Status.UNREAD if path.endswith("/") else Status.EXTRA
            results.append(Difference(status, path, reason=item.reason))
    return results, lost


def _moves(
    lost: dict[CratePath, Fingerprint], loose: dict[CratePath, Fingerprint]
) -> dict[CratePath, CratePath]:
    """Pair each lost content with a path that holds it and is not recorded with it.

    Among equal contents the paths that share most of their last segments are paired first, so
    that a renamed folder of equal chunks is paired chunk by chunk.
    """
    moves: dict[CratePath, CratePath] = {}
    taken: set[CratePath] = set()
    for tail in (8, 4, 3, 2, 1, 0):
        waiting: dict[tuple[bytes, tuple[str, ...]], list[CratePath]] = defaultdict(list)
        for path, found in reversed(loose.items()):
            if path not in taken and found.instance:
                waiting[found.instance[:8], _tail(path, tail)].append(path)
        for path, wanted in lost.items():
            if path in moves or not wanted.verifiable or wanted.instance is None:
                continue
            candidates = waiting.get((wanted.instance[:8], _tail(path, tail)))
            if candidates and wanted.same_bytes(loose[candidates[-1]]):
                moves[path] = candidates.pop()
                taken.add(moves[path])
    return moves


def _tail(path: str, length: int) -> tuple[str, ...]:
    return tuple(path.split("/")[-length:]) if length else ()


def _edited(
    lost: dict[CratePath, Fingerprint], extra: dict[CratePath, Fingerprint]
) -> dict[CratePath, CratePath]:
    """Pair lost files with extra files of similar content, the nearest pairs first.

    Above a million possible pairs nothing is paired: missing and extra are true as well.
    """
    pairs = []
    if len(lost) * len(extra) > 1_000_000:
        return {}
    for path, wanted in lost.items():
        for other, found in extra.items():
            distance = wanted.distance(found)
            if distance is not None and distance.word != "unrelated":
                pairs.append((distance.bits / distance.of, utf8_order(path), path, other))
    edited: dict[CratePath, CratePath] = {}
    taken: set[CratePath] = set()
    for _, _, path, other in sorted(pairs):
        if path not in edited and other not in taken:
            edited[path] = other
            taken.add(other)
    return edited
