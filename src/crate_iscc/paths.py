"""Crate-relative paths: their canonical orders, their `@id`s, and what may never leave the root.

A CratePath is relative to the crate's root, uses `/`, has no empty, `.` or `..` segment and is
valid Unicode. It is the name on disk, not percent-encoded and not normalised.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import NewType
from unicodedata import normalize
from urllib.parse import unquote

from crate_iscc.errors import InputError, UnsafePathError
from crate_iscc.packed import Column

CratePath = NewType("CratePath", str)

METADATA_FILE = CratePath("ro-crate-metadata.json")
LEGACY_METADATA_FILE = CratePath("ro-crate-metadata.jsonld")
MANIFEST_FILE = CratePath("iscc-manifest.tsv")
PREVIEW_FILE = CratePath("ro-crate-preview.html")
PREVIEW_FOLDER = "ro-crate-preview_files/"

PROOF_FOLDER = "iscc-proof"
SIGNATURE_NAME = "signature.json"
TIMESTAMP_ENDING = ".tsr"
SIGNER_DOCUMENT_NAME = "signer-did.json"
HUB_RECEIPT_NAME = "hub-receipt.json"
HUB_DOCUMENT_NAME = "hub-did.json"
HUB_NOTE_NAME = "hub-note.json"

MINISIGN_FILE = CratePath(METADATA_FILE + ".minisig")
"""A signature of the metadata as the .eln file format has it."""

NOT_PAYLOAD = frozenset(
    {
        METADATA_FILE,
        LEGACY_METADATA_FILE,
        PREVIEW_FILE,
        MANIFEST_FILE,
        MINISIGN_FILE,
    }
)
"""Files at the root that describe the payload and so can be no part of it (FORMAT, "Payload")."""
NOT_PAYLOAD_FOLDERS = (PREVIEW_FOLDER, PROOF_FOLDER + "/")
"""Folders whose files are no payload, or not all of them."""

LEFTOVERS_BEGIN = (f".{METADATA_FILE}", f".{MANIFEST_FILE}.")
"""How the names of all files begin that is_leftover may say yes of."""

_EVIDENCE_NAMES = frozenset(
    {SIGNER_DOCUMENT_NAME, HUB_RECEIPT_NAME, HUB_DOCUMENT_NAME, HUB_NOTE_NAME}
)
_SIGNATURE = re.compile(r"signature(?:-[1-9][0-9]{0,3})?\.json")
_TIMESTAMP = re.compile(r"[A-Za-z0-9.-]+\.tsr")

_NAMED_APART = ("ro-crate-", "iscc-")
"""How all that is no payload begins, so that a look at a name is enough for most of it."""

_LEFTOVER = re.compile(
    r"\.(ro-crate-metadata\.json(ld)?|iscc-manifest\.tsv)\.[a-z0-9_]{8}\.partial"
)

# RFC 3987 keeps these out of a path; RO-Crate asks for nothing else to be escaped, so that
# other Unicode stays readable ("Encoding file paths" of RO-Crate 1.3, Data Entities).
_ESCAPED_IN_ID = frozenset(' "#%<>?[\\]^`{|}') | {chr(c) for c in range(0x20)} | {"\x7f"}

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_ESCAPED_SLASH = re.compile("%2f", re.IGNORECASE)

_PLAIN_ID = re.compile(r"\w[\w .+-]*(?:/\w[\w .+-]*)*")
"""An `@id` that is a path as it stands; there are others."""


def crate_path(text: str) -> CratePath:
    """Return `text` as a CratePath.

    Raises UnsafePathError for a path that is empty, absolute, leads upwards, holds an empty or `.`
    segment or a NUL, or is no valid Unicode.
    """
    problem = path_problem(text)
    if problem:
        raise UnsafePathError(f"not a path inside the crate: {printable(text)}", cause=problem)
    return CratePath(text)


def path_problem(text: str) -> str | None:
    """Say why `text` cannot be a CratePath, or None where it can."""
    if _PLAIN_ID.fullmatch(text):
        return None
    if not text:
        return "the path is empty"
    if text.startswith("/"):
        return "the path is absolute"
    if "\x00" in text:
        return "the path holds a NUL character"
    segments = text.split("/")
    if ".." in segments:
        return "the path leads out of its folder"
    if "" in segments or "." in segments:
        return "the path has an empty or '.' segment"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "the name is not valid UTF-8"
    return None


def problem_elsewhere(path: str) -> str | None:
    """Say why a path would lead out of its folder where a backslash is a slash, or None.

    That is so on Windows, and in programs from there that unpack archives.
    """
    if "\\" not in path and not _DRIVE.match(path):
        return None
    if _DRIVE.match(path):
        return "the path starts with a drive"
    read = path.replace("\\", "/")
    if read.startswith("/"):
        return "the path is absolute where a backslash is a slash"
    if ".." in read.split("/"):
        return "the path leads out of its folder where a backslash is a slash"
    return None


def repaired(name: str) -> str:
    """Return a relative name without its empty and `.` segments; a slash at its end is kept."""
    if name.startswith("/") or not ("//" in name or name.startswith("./") or "/." in name):
        return name
    segments = [segment for segment in name.split("/") if segment not in ("", ".")]
    return "/".join(segments) + ("/" if name.endswith(("/", "/.")) and segments else "")


def is_payload(path: str) -> bool:
    """Tell whether the fingerprints of a crate cover the file at `path`."""
    if not path.startswith(_NAMED_APART):
        return True
    return not (path in NOT_PAYLOAD or path.startswith(PREVIEW_FOLDER) or is_proof(path))


def is_proof(path: str) -> bool:
    """Tell whether a file is a proof of the metadata by its name (FORMAT, "Payload").

    A signature or a timestamp token stands for the metadata, so it can be no part of what they
    record; nor can what a signature vouches for beside them. Any other file in that folder is
    payload.
    """
    folder, _, name = path.rpartition("/")
    return folder == PROOF_FOLDER and (
        name in _EVIDENCE_NAMES
        or _SIGNATURE.fullmatch(name) is not None
        or _TIMESTAMP.fullmatch(name) is not None
    )


def is_signature(path: str) -> bool:
    """Tell whether a file is a signature of the metadata by its name."""
    folder, _, name = path.rpartition("/")
    return folder == PROOF_FOLDER and _SIGNATURE.fullmatch(name) is not None


def signature_names() -> Iterator[str]:
    """Yield the names of signatures that stand side by side, in their order, without end."""
    stem, ending = SIGNATURE_NAME.split(".")
    yield SIGNATURE_NAME
    yield from (f"{stem}-{number}.{ending}" for number in count(2))


def signs_metadata(path: str) -> bool:
    """Tell whether a file is a signature of the metadata by its name, of any kind."""
    return path == MINISIGN_FILE or is_signature(path)


def is_evidence(path: str) -> bool:
    """Tell whether a file is one that a signature may vouch for, beside the metadata."""
    folder, _, name = path.rpartition("/")
    return folder == PROOF_FOLDER and name in _EVIDENCE_NAMES


def proof_path(name: str) -> CratePath:
    """Return the path of a proof."""
    return CratePath(f"{PROOF_FOLDER}/{name}")


def is_leftover(path: str) -> bool:
    """Tell whether a file is what a build leaves behind that was killed while it wrote."""
    return _LEFTOVER.fullmatch(path) is not None


def encode_id(path: str) -> str:
    """Return the `@id` of a path: only what RO-Crate asks for is percent-encoded.

    A colon in the first segment is encoded too: it would be read as the end of a URI scheme
    (RFC 3986, section 4.2).
    """
    head, slash, tail = path.partition("/")
    encoded = (
        "".join(f"%{ord(c):02X}" if c in _ESCAPED_IN_ID else c for c in part)
        for part in (head, slash + tail)
    )
    first, rest = encoded
    return first.replace(":", "%3A") + rest


def decode_id(entity_id: str) -> str | None:
    """Return the path that a relative `@id` names, or None where it names no file in the crate.

    Decodes percent-escapes once and leaves out empty and `.` segments, as what reads names in
    archives does. A trailing slash (a folder) is kept. Absolute URIs, identifiers with a fragment
    or a query, escaped slashes, and paths that would leave the root give None.
    """
    if _PLAIN_ID.fullmatch(entity_id):
        return entity_id
    if not entity_id or entity_id.startswith(("#", "/", "_:")) or has_scheme(entity_id):
        return None
    if "?" in entity_id or "#" in entity_id or _ESCAPED_SLASH.search(entity_id):
        return None
    relative = repaired(entity_id)
    text = unquote(relative, errors="strict") if _decodable(relative) else relative
    folder = text.endswith("/")
    bare = text[:-1] if folder else text
    return None if path_problem(bare) else text


def _decodable(text: str) -> bool:
    try:
        unquote(text, errors="strict")
    except UnicodeDecodeError:
        return False
    return True


def is_plain_id(entity_id: str) -> bool:
    """Tell whether an `@id` is a path as it stands, which is unsafe nowhere."""
    return _PLAIN_ID.fullmatch(entity_id) is not None


def has_scheme(text: str) -> bool:
    """Tell whether an identifier starts with a URI scheme (RFC 3986, section 3.1)."""
    scheme, colon, _ = text.partition(":")
    return (
        bool(colon)
        and scheme[:1].isascii()
        and scheme[:1].isalpha()
        and all(c.isascii() and (c.isalnum() or c in "+-.") for c in scheme)
    )


def utf8_order(path: str) -> bytes:
    """Sort key of the treehash and the manifest file: the UTF-8 bytes of the path."""
    return path.encode("utf-8")


def treewalk_order(path: str) -> tuple[tuple[int, bytes, bytes], ...]:
    """Sort key of the tree ISCC-SUM (IEP-0017, Treewalk).

    Per folder: `.*ignore` files, then other files, then sub-folders; each sorted by the UTF-8
    bytes of the NFC name, then of the raw name.
    """
    *folders, name = path.encode("utf-8").split(b"/")
    return (*((2, *_name_order(folder)) for folder in folders), _file_order(name))


def _file_order(name: bytes) -> tuple[int, bytes, bytes]:
    rank = 0 if name.startswith(b".") and name.endswith(b"ignore") else 1
    return rank, *_name_order(name)


def _name_order(name: bytes) -> tuple[bytes, bytes]:
    if name.isascii():
        return name, name
    return normalize("NFC", name.decode("utf-8")).encode("utf-8"), name


def glob_matcher(patterns: Iterable[str]) -> Callable[[str], bool]:
    """Return a predicate over paths for patterns in the syntax of .gitignore.

    A folder is asked for with a trailing slash. Raises InputError for a malformed pattern.
    """
    patterns = tuple(patterns)
    if not patterns:
        return lambda _path: False
    # Few crates have patterns, and loading what reads them takes a tenth of a small verification.
    from pathspec import PathSpec
    from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

    try:
        spec = PathSpec.from_lines(GitIgnoreSpecPattern, patterns)
    except (ValueError, re.error) as error:
        raise InputError("a pattern cannot be understood", cause=str(error)) from error
    return spec.match_file


def covered_by_tree_code(
    ignore_files: Mapping[str, tuple[str, ...]],
) -> Callable[[str], bool]:
    """Return a predicate that tells whether the tree ISCC-SUM covers a path.

    `ignore_files` maps a folder (`""`, or a path with a trailing slash) to the lines of the
    `.isccignore` in it. Left out are `*.iscc.json` files and what an `.isccignore` names; as in
    the `iscc-sum` command the patterns of all folders are matched from the root.
    """
    matchers: dict[tuple[str, ...], Callable[[str], bool]] = {}
    # Each folder's rules (its own and those above it), and whether it is ignored as a whole.
    folders: dict[str, tuple[tuple[str, ...], bool]] = {"": (ignore_files.get("", ()), False)}

    def matches(lines: tuple[str, ...], path: str) -> bool:
        if not lines:
            return False
        if lines not in matchers:
            matchers[lines] = glob_matcher(lines)
        match = matchers[lines]
        return match(path) or match(path + "/")

    def rules_of(folder: str) -> tuple[tuple[str, ...], bool]:
        unknown = []
        while folder not in folders:
            unknown.append(folder)
            folder = folder_of(folder[:-1])
        for below in reversed(unknown):
            lines, ignored = folders[folder]
            ignored = ignored or matches(lines, below[:-1])
            folders[below] = (lines + ignore_files.get(below, ()), ignored)
            folder = below
        return folders[folder]

    def is_covered(path: str) -> bool:
        if path.endswith(".iscc.json"):
            return False
        if not ignore_files:
            return True
        lines, ignored = rules_of(folder_of(path))
        return not (ignored or matches(lines, path))

    return is_covered


def in_treewalk(paths: Column) -> "array[int]":
    """Return the numbers of a column of paths (UTF-8) in the order of treewalk_order.

    Sorts folder by folder, so that no more than one folder's sort keys are in memory.
    """
    files: dict[bytes, array[int]] = {b"": array("Q")}
    subfolders: dict[bytes, list[bytes]] = defaultdict(list)
    for number, path in enumerate(paths):
        head, slash, _ = path.rpartition(b"/")
        folder = below = head + slash
        while below not in files:
            files[below] = array("Q")
            head, slash, _ = below[:-1].rpartition(b"/")
            above = head + slash
            subfolders[above].append(below)
            below = above
        files[folder].append(number)
    ordered = array("Q")
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        cut = len(folder)
        ordered.extend(sorted(files.pop(folder), key=lambda n: _file_order(paths[n][cut:])))
        below_it = subfolders.pop(folder, [])
        below_it.sort(key=lambda path: _name_order(path[cut:-1]), reverse=True)
        waiting.extend(below_it)
    return ordered


def folder_of(path: str) -> str:
    """Return the folder of a file: `""` at the root, else a path with a trailing slash."""
    head, slash, _ = path.rpartition("/")
    return head + slash


def folders_of(path: str) -> Iterator[str]:
    """Yield the folders that a file lies in, from the innermost outwards, less the root."""
    folder = folder_of(path)
    while folder:
        yield folder
        folder = folder_of(folder[:-1])


def valid_unicode(text: str) -> str:
    """Return a name that can be written as UTF-8: what cannot be in it becomes an escape."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def printable(text: str) -> str:
    """Return `text` so that a terminal can show it on one line whatever it holds.

    Control characters, line ends and what is not valid Unicode are shown as escapes.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )
