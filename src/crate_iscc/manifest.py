"""Fingerprints of a tree of files, recorded or observed, and the lines of a manifest file.

Build and verify meet here and only here. Everything in this module is a value or a pure function
over values, so all of it is tested with literals.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from crate_iscc.codes import (
    DATAHASH_PREFIX,
    Fingerprint,
    is_iscc_sum,
    parse_datahash,
    parse_iscc,
    parse_pairs,
)
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable, Rows
from crate_iscc.paths import CratePath, crate_path, utf8_order

RECIPE_VERSION = 1
DIGEST_SIZE = 32
"""Bytes of a whole BLAKE3-256 digest."""
_HEX = 2 * DIGEST_SIZE
_AT_ONCE = 1024
"""Files of which the records are hashed at once."""
LARGEST_SIZE = (1 << 63) - 1
"""Bytes of the largest file that there can be."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A path of which not all bytes could be read, with the reason.

    `is_file` is False for what is no regular file at all (a link, a pipe, a device). `kind` is the
    id of the finding that says what it is.
    """

    path: CratePath
    reason: str
    is_file: bool = True
    kind: str = "bytes.unread"


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
    table = FileTable.of(files)
    for start in range(0, len(table), _AT_ONCE):
        some = table[start : start + _AT_ONCE]
        sizes, digits = some.sizes, some.joined_instances().hex().encode("ascii")
        # No code is longer than a whole one.
        if min(sizes) < 0 or len(digits) != len(some) * _HEX:
            raise ValueError(f"size or datahash is not known: {_first_unknown(some)}")
        digests = (digits[at : at + _HEX] for at in range(0, len(digits), _HEX))
        records = [
            b"%b\0%d\0%b%b\n" % (path[cut:], size, prefix, digest)
            for path, size, digest in zip(some.raw_paths(), sizes, digests, strict=True)
        ]
        hasher.update(b"".join(records))
    return DATAHASH_PREFIX + hasher.hexdigest()


TREEHASH_OF_NOTHING = DATAHASH_PREFIX + blake3().hexdigest()
"""The treehash of a folder without files: it says nothing of what any file holds."""


def _first_unknown(files: FileTable) -> CratePath:
    return next(
        file.path
        for file in files
        if file.fingerprint.size is None or file.fingerprint.datahash is None
    )


# --- the manifest file -------------------------------------------------------------------------

MANIFEST_COLUMNS = ("path", "size", "datahash", "iscc")
MANIFEST_HEADER = "\t".join(MANIFEST_COLUMNS) + "\n"
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
    yield MANIFEST_HEADER
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


def line_blocks(chunks: Iterable[bytes], most: int = 512) -> Iterator[list[str]]:
    """Yield the lines of a manifest file, without their ends, up to `most` at a time.

    They end at LF alone: a file name may hold any other line separator of Unicode. Empty lines
    are left out.
    """
    rest: list[bytes] = []
    for chunk in chunks:
        whole, newline, tail = chunk.rpartition(b"\n")
        if newline:
            yield from _blocks(b"".join([*rest, whole]), most)
            rest = []
        rest.append(tail)
    yield from _blocks(b"".join(rest), most)


def _blocks(raw: bytes, most: int) -> Iterator[list[str]]:
    lines = [line for line in raw.decode("utf-8", "replace").split("\n") if line]
    for start in range(0, len(lines), most):
        yield lines[start : start + most]


_IN_NO_USUAL_PATH = ("//", "/./", "/../", "\0", "\ufffd", "/ro-crate-", "/iscc-")
"""What is in no path of the payload that is taken as it is, with a slash before and behind it."""


def parse_rows(
    paths: Sequence[str], sizes: Sequence[str], datahashes: Sequence[str], sums: Sequence[str]
) -> Rows | None:
    """Return what is written of many payload files at once, or None if anything is unusual.

    Usual are valid paths that are surely payload, decimal sizes without leading zeros, and what
    parse_pairs takes. The unusual may be right: it is to be parsed one by one.
    """
    joined = f"/{'/'.join(paths)}/"
    if any(odd in joined for odd in _IN_NO_USUAL_PATH):
        return None
    try:
        named = "\0".join(paths).encode("utf-8").split(b"\0")
    except UnicodeEncodeError:
        return None
    codes = parse_pairs(datahashes, sums)
    digits = "".join(sizes)
    if codes is None or not (digits.isascii() and digits.isdigit() and all(sizes)):
        return None
    numbers = list(map(int, sizes))
    if max(numbers) > LARGEST_SIZE or list(map(str, numbers)) != list(sizes):
        return None
    return named, numbers, *codes


def parse_manifest_lines(lines: Sequence[str]) -> Rows | None:
    """Return what many lines of files say at once, or None if any of them is unusual."""
    fields = "\t".join(lines)
    if "\\" in fields or "\r" in fields or {line.count("\t") for line in lines} != {3}:
        return None
    columns = fields.split("\t")
    return parse_rows(columns[0::4], columns[1::4], columns[2::4], columns[3::4])


def parse_manifest_line(line: str) -> FileFingerprint | TreeFingerprint:
    """Return what one line (not the header) of an `iscc-manifest.tsv` says.

    Raises InputError for a line with other than four fields, or a value that is no size, datahash
    or ISCC-SUM, or values that contradict; of these UnsafePathError for a path that leads out of
    the crate.
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
    if not (text.isascii() and text.isdigit()) or len(text) >= 20:
        return None
    size = int(text)
    return size if size <= LARGEST_SIZE else None
