"""What one shard of a payload came to, as a value and as the bytes of a file.

A line of JSON says whose part it is and holds all that is short; the columns of the codes follow,
and the BLAKE3 of it all. So a torn file is told from a whole one. Files are numbered by their
places among those of the shard, which follow from the listing of the payload.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from blake3 import blake3

from crate_iscc.codes import Fingerprint
from crate_iscc.errors import InputError, WriteError
from crate_iscc.kernel.parts import PartState, Segment, Subtree
from crate_iscc.manifest import Unread
from crate_iscc.paths import CratePath, printable
from crate_iscc.replacing import clear_leftovers, replacing
from crate_iscc.version import __version__

_FORMAT = "crate-iscc part 1"
_DIGEST = 32
_MOST_SHARDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` shares of a payload; numbers begin at 1."""

    number: int
    count: int

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not 1 <= self.number <= self.count <= _MOST_SHARDS:
            raise InputError(
                f"there is no shard {self.number} of {self.count}",
                hint=f"give I/N with I from 1 to N, and N up to {_MOST_SHARDS:,}",
            )

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Return a shard from text such as 3/10. Raises InputError for anything else."""
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
        if not found:
            raise InputError(
                f"{text!r:.40} is no shard", hint="give I/N, such as 3/10 for the third of ten"
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What all shards of one piece of work have in common, the listing aside.

    `purpose` is build or verify; `codes` tells whether ISCC-SUMs were computed or datahashes
    alone, `sha256` whether that was as well. `write_sha256`, `excluded` and `containers` are what
    build was asked for.
    """

    purpose: str
    codes: bool
    kernel: str
    sha256: bool = False
    write_sha256: bool = False
    excluded: tuple[str, ...] | None = None
    containers: tuple[str, ...] = ()
    version: str = __version__


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What came of one shard: the codes of its files, and what joins to those of the whole.

    `listing` is a digest of all files of the payload, which are `all_files` with `all_bytes`;
    `size` are the bytes of the shard. `data` (empty where `asked.codes` is not),
    `instance` and `sha256` hold 32 bytes a file. `unread` says why files were not read, `digests`
    what others there are; both by place. `whole` are codes of folders that lie in the shard with
    all their bytes, `states` those of folders that do not. `name` is what errors call the part.
    """

    shard: Shard
    asked: Asked
    listing: str
    all_files: int
    all_bytes: int
    size: int
    data: bytes
    instance: bytes
    sha256: bytes = b""
    unread: Mapping[int, Unread] = field(default_factory=dict)
    digests: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    whole: Mapping[str, Fingerprint] = field(default_factory=dict)
    states: Mapping[str, PartState] = field(default_factory=dict)
    name: str = "the part"

    @property
    def files(self) -> int:
        """The files of the shard, read or not."""
        return len(self.instance) // _DIGEST

    def dump(self) -> bytes:
        """Return the part as the bytes of a file."""
        head = {
            "format": _FORMAT,
            "shard": [self.shard.number, self.shard.count],
            "asked": asdict(self.asked),
            "listing": self.listing,
            "all": [self.all_files, self.all_bytes],
            "files": self.files,
            "size": self.size,
            "unread": [(place, one.path, one.reason) for place, one in self.unread.items()],
            "digests": list(self.digests.items()),
            "whole": {folder: _written(code) for folder, code in self.whole.items()},
            "states": {folder: _state_written(state) for folder, state in self.states.items()},
        }
        line = json.dumps(head).encode("ascii") + b"\n"
        body = b"".join((line, self.data, self.instance, self.sha256))
        return body + blake3(body).digest()


def parse_part(raw: bytes, name: str) -> Part:
    """Return the part that these bytes are. Raises InputError if they are none, or not all."""
    if not raw.startswith(b'{"format": "crate-iscc part '):
        raise InputError(
            f"{printable(name)} is no part",
            hint="merge takes the files that --shard has written",
        )
    body, seal = memoryview(raw)[:-_DIGEST], raw[-_DIGEST:]
    line_end = raw.find(b"\n")
    if line_end < 0 or blake3(body).digest() != seal:
        raise InputError(
            f"{printable(name)} is damaged or was not written to its end",
            cause="its bytes do not match the checksum at their end",
            hint="run that shard again",
        )
    try:
        head = json.loads(raw[:line_end])
        if head["format"] != _FORMAT:
            raise InputError(
                f"{printable(name)} was written by another version of crate-iscc",
                cause=f"its format is {head['format']!r:.40}, here it is {_FORMAT!r}",
                hint="run all shards and merge with one version",
            )
        return _parsed(head, body[line_end + 1 :], name)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{printable(name)} is no part that crate-iscc has written",
            cause=f"{type(error).__name__}: {error}",
        ) from error


def _parsed(head: dict[str, Any], columns: memoryview, name: str) -> Part:
    asked = Asked(**{**head["asked"], **_tuples(head["asked"])})
    size = _DIGEST * head["files"]
    with_data, with_sha256 = size if asked.codes else 0, size if asked.sha256 else 0
    if len(columns) != with_data + size + with_sha256:
        raise ValueError("its columns have another length")
    return Part(
        shard=Shard(*head["shard"]),
        asked=asked,
        listing=str(head["listing"]),
        all_files=int(head["all"][0]),
        all_bytes=int(head["all"][1]),
        size=int(head["size"]),
        data=bytes(columns[:with_data]),
        instance=bytes(columns[with_data : with_data + size]),
        sha256=bytes(columns[with_data + size :]),
        unread={place: Unread(CratePath(path), reason) for place, path, reason in head["unread"]},
        digests=dict(head["digests"]),
        whole={folder: _read(code) for folder, code in head["whole"].items()},
        states={folder: _state_read(state) for folder, state in head["states"].items()},
        name=name,
    )


def _tuples(asked: dict[str, Any]) -> dict[str, tuple[str, ...] | None]:
    excluded = asked["excluded"]
    return {
        "excluded": None if excluded is None else tuple(excluded),
        "containers": tuple(asked["containers"]),
    }


def _written(code: Fingerprint) -> tuple[int | None, str, str]:
    return code.size, (code.data or b"").hex(), (code.instance or b"").hex()


def _read(code: tuple[int, str, str]) -> Fingerprint:
    size, data, instance = code
    return Fingerprint(size, bytes.fromhex(data), bytes.fromhex(instance))


def _state_written(state: PartState) -> dict[str, Any]:
    return {
        "start": state.start,
        "size": state.size,
        "head": _text(state.head),
        "segments": [(one.size, _text(one.state)) for one in state.segments],
        "before": _text(state.before),
        "subtrees": [(tree.level, tree.value.hex()) for tree in state.subtrees],
        "after": _text(state.after),
    }


def _state_read(state: dict[str, Any]) -> PartState:
    found = {**state}
    for key in ("head", "before", "after"):
        found[key] = base64.b64decode(state[key], validate=True)
    found["segments"] = tuple(
        Segment(size, base64.b64decode(text, validate=True)) for size, text in state["segments"]
    )
    found["subtrees"] = tuple(
        Subtree(level, bytes.fromhex(value)) for level, value in state["subtrees"]
    )
    return PartState(**found)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def write_part(part: Part, place: Path) -> None:
    """Write a part to a file, as a whole or not at all. Raises WriteError."""
    try:
        clear_leftovers(place.resolve())
        with replacing(place.resolve()) as file:
            file.write(part.dump())
    except OSError as error:
        raise WriteError(
            f"cannot write the part to {printable(str(place))}", cause=error.strerror
        ) from error


def read_part(place: Path) -> Part:
    """Return the part in a file. Raises InputError."""
    try:
        raw = place.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read the part {printable(str(place))}", cause=error.strerror
        ) from error
    return parse_part(raw, str(place))


# In the order in which they are told: what follows from another comes behind it.
_TOLD = {
    "version": "one was written by crate-iscc {0}, the other by {1}",
    "kernel": "one was computed by {0}, the other by {1}",
    "purpose": "one was read for {0}, the other for {1}",
    "codes": "one was read with --full, the other without",
    "excluded": "they were given other patterns with --exclude",
    "containers": "they were given other patterns with --container",
    "write_sha256": "one was read with --sha256, the other without",
    "sha256": "the metadata changed between them",
}


def check_together(parts: "tuple[Part, ...]") -> None:
    """Raise InputError unless these are all parts of one piece of work, each once."""
    first = parts[0]
    for part in parts[1:]:
        names = f"{printable(first.name)} and {printable(part.name)}"
        for one, told in _TOLD.items():
            here, there = getattr(first.asked, one), getattr(part.asked, one)
            if here != there:
                raise InputError(
                    f"{names} are no parts of one whole",
                    cause=told.format(here, there),
                    hint="run all shards in the same way",
                )
        if part.shard.count != first.shard.count:
            raise InputError(
                f"{names} are no parts of one whole",
                cause=f"they are shards {first.shard} and {part.shard}",
                hint="run all shards with one N",
            )
        if part.listing != first.listing:
            raise InputError(
                f"{names} are no parts of one whole",
                cause="they are of other datasets, or the dataset changed between the shards",
                hint="run all shards again, while nothing writes to the dataset",
            )
    _check_complete(parts)


def _check_complete(parts: "tuple[Part, ...]") -> None:
    by_number: dict[int, Part] = {}
    for part in parts:
        other = by_number.get(part.shard.number)
        if other is not None:
            raise InputError(
                f"{printable(other.name)} and {printable(part.name)} are the same shard",
                cause=f"both are {part.shard}",
                hint="give each part once",
            )
        by_number[part.shard.number] = part
    count = parts[0].shard.count
    lacking = [number for number in range(1, count + 1) if number not in by_number]
    if lacking:
        shown = ", ".join(f"{number}/{count}" for number in lacking[:10])
        more = f" and {len(lacking) - 10} more" if len(lacking) > 10 else ""
        raise InputError(
            f"{len(lacking)} of {count} parts {'is' if len(lacking) == 1 else 'are'} lacking",
            cause=f"there is no part for {shown}{more}",
            hint="run what is lacking, then merge all parts",
        )
