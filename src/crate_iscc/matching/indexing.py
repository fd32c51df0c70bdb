"""Puts crates into an index, takes them out, and asks it what is where."""

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from blake3 import blake3

from crate_iscc.answers import Answer, IndexedCrate
from crate_iscc.checklist import sum_files
from crate_iscc.codes import Fingerprint, parse_datahash, parse_iscc
from crate_iscc.errors import InputError, ReadError
from crate_iscc.index.storage import Index
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.manifest import Unread
from crate_iscc.matching.gathering import (
    Gathering,
    absolute_place,
    gather,
)
from crate_iscc.paths import printable
from crate_iscc.similarity.members import Gathered, Member, comparable
from crate_iscc.similarity.thresholds import FALSE_PAIRS, Threshold, threshold_for

MOST_NEAR = 20
"""How many near ones an answer names, unless more are asked for."""
_SYNTHETIC_HUB = 4095
"""The hub id in ISCC-IDs that no hub has minted."""


@dataclass(frozen=True, slots=True)
class Added:
    """What was taken into an index; `replaced` is True where it was there before."""

    gathered: Gathered
    replaced: bool


def index_add(
    index: str | Path,
    sources: Sequence[str | Path],
    *,
    how: Gathering | None = None,
    now: datetime | None = None,
    added: Callable[[Added], None] = lambda _added: None,
) -> tuple[Added, ...]:
    """Take crates, folders and zips into an index, which is made if there is none.

    What is in it from the same place is replaced. Each is taken in whole or not at all, and `added`
    is called when it is; of those before one that fails, nothing is taken back. Of a crate what it
    records is taken, unless it is to be computed. Raises InputError for what is no source or no
    index, WriteError.
    """
    if not sources:
        raise InputError("nothing was named", hint="name crates, folders or zips")
    time = (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    done = []
    # A file that is no index is refused before anything is read for it.
    Index.writing(Path(index)).close()
    for source in sources:
        gathered = gather(source, how or Gathering())
        if not gathered.members:
            raise InputError(
                f"nothing in {printable(str(source))} can be found again",
                cause="no code is recorded or could be computed",
                hint="--compute reads the files of a crate" if gathered.recorded else None,
            )
        with Index.writing(Path(index)) as opened:
            replaced = opened.add(gathered, now=time)
        done.append(Added(gathered, replaced))
        added(done[-1])
    return tuple(done)


def index_remove(index: str | Path, wanted: str) -> IndexedCrate:
    """Take a crate out of an index: by its path, its absolute path, its name or its identifier.

    Raises InputError if none is called so, or several are; WriteError.
    """
    with Index.reading(Path(index)) as opened:
        crates = opened.crates()
    found = [crate for crate in crates if absolute_place(wanted) == crate.place]
    found = found or [crate for crate in crates if wanted in (crate.identifier, crate.name)]
    if not found:
        raise InputError(
            f"{printable(wanted)} is not in the index",
            hint="crate-iscc index list shows what is",
        )
    if len(found) > 1:
        places = ", ".join(printable(crate.place) for crate in found)
        raise InputError(
            f"several crates are called {printable(wanted)}",
            cause=places,
            hint="name one by its path",
        )
    with Index.writing(Path(index)) as opened:
        opened.remove(found[0])
    return found[0]


def index_list(index: str | Path) -> tuple[IndexedCrate, ...]:
    """Return what is in an index, in the order in which it was added. Raises InputError."""
    with Index.reading(Path(index)) as opened:
        return tuple(opened.crates())


def index_search(
    index: str | Path,
    what: str,
    *,
    threshold: int | None = None,
    most: int = MOST_NEAR,
    jobs: int | None = None,
    kernel: Kernel | None = None,
) -> Answer:
    """Return what an index holds of a file, or of a code: the same, and what is near.

    A code is an ISCC-SUM, a Data-Code, an Instance-Code or a datahash. The threshold is chosen so
    that it would hold if everything in the index were asked for as well. Raises InputError for
    what is neither, and for what is no index; ReadError for a file that cannot be read.
    """
    known = _asked(what, kernel, jobs)
    data = comparable(known.data or b"", known.size)
    with Index.reading(Path(index)) as opened, opened.snapshot():
        limits = _limits(opened.widths(), len(data), threshold)
        exact = opened.same(known.instance) if known.verifiable and known.instance else []
        near, count = opened.near(
            data,
            {limit.of // 8: limit.bits for limit in limits},
            most,
            without=frozenset((hit.crate.number, hit.number) for hit in exact),
        )
        searched = opened.count()
    return Answer(what, tuple(exact), tuple(near), count, searched, limits, bool(data))


def _asked(what: str, kernel: Kernel | None, jobs: int | None) -> Fingerprint:
    if not what:
        raise InputError("nothing was asked for", hint="name a file or a code")
    if os.path.isdir(what):
        raise InputError(
            f"{printable(what)} is a folder, and a search is for one file or code",
            hint="crate-iscc similar compares folders with each other",
        )
    if os.path.exists(what):
        result = sum_files([what], kernel or chosen_kernel(), jobs=jobs)[0]
        if isinstance(result, Unread):
            raise ReadError(f"cannot read {printable(what)}", cause=result.reason)
        return result.fingerprint
    for parse in (parse_iscc, parse_datahash):
        try:
            return parse(what)
        except InputError:
            continue
    raise InputError(
        f"neither a file nor a code: {printable(what):.100}",
        hint="a code is an ISCC-SUM, a Data-Code, an Instance-Code or a datahash",
    )


def _limits(widths: dict[int, int], length: int, threshold: int | None) -> tuple[Threshold, ...]:
    """Return the threshold for each width (in bytes) at which a code of `length` is compared."""
    at: dict[int, int] = {}
    for width, count in widths.items():
        shorter = min(width, length)
        at[shorter] = at.get(shorter, 0) + count
    at.pop(0, None)
    longest = 8 * max(at, default=32)
    if threshold is not None and not 0 <= threshold <= longest:
        raise InputError(
            f"no such threshold: {threshold} bits",
            cause=f"{longest} bits of the Data-Codes are compared",
            hint="unrelated files differ in about half of them",
        )
    limits = []
    for width, count in sorted(at.items()):
        if threshold is None:
            pairs = count * (count + 1) // 2
            bits = threshold_for(8 * width, pairs, FALSE_PAIRS / len(at)).bits
        else:
            bits = threshold * 8 * width // longest
        limits.append(Threshold(bits, 8 * width, count))
    return tuple(limits)


@dataclass(frozen=True, slots=True)
class Exported:
    """An entry for iscc-search (its IsccEntry): its codes, and where the file is.

    `iscc_id` is synthetic: made of the crate and the path, in the test realm, and minted by no
    hub. The same file of the same crate has the same one, whenever it is exported.
    """

    iscc_id: str
    iscc_code: str
    units: tuple[str, str]
    crate: IndexedCrate
    member: Member


def index_export(index: str | Path) -> Iterator[Exported | Member]:
    """Yield each file of an index as an entry for iscc-search.

    What cannot be one is yielded as it is: a folder that is one dataset, of which the index keeps
    no Instance-Code, and a file of which too little is recorded for an ISCC-CODE.
    """
    taken: set[int] = set()
    with Index.reading(Path(index)) as opened, opened.snapshot():
        for crate in opened.crates():
            for member in opened.members(crate):
                if member.is_folder or min(len(member.data), len(member.identity)) < 8:
                    yield member
                    continue
                code = Fingerprint(member.size, member.data, member.identity)
                wide = min(len(member.data), len(member.identity)) >= 16
                yield Exported(
                    _synthetic_id(crate, member.path, taken),
                    code.iscc(wide=wide),
                    code.units_as_known(),
                    crate,
                    member,
                )


def _synthetic_id(crate: IndexedCrate, path: str, taken: set[int]) -> str:
    """Return an ISCC-ID (IEP-0011) of the test realm, with a hash where the time would be."""
    name = f"{crate.identifier or crate.place}\0{path}".encode("utf-8", "surrogatepass")
    attempt = 0
    while True:
        digest = blake3(name + b"\0%d" % attempt).digest(7)
        # 51 of 52 bits: the first is clear in every time before 2041, and where it is set, the ids
        # are too large for iscc-search, which keeps them as signed integers.
        number = int.from_bytes(digest, "big") >> 5
        if number not in taken:
            taken.add(number)
            return iscc_id(number, _SYNTHETIC_HUB)
        attempt += 1


def iscc_id(microseconds: int, hub: int) -> str:
    """Return an ISCC-ID of the test realm (IEP-0011): 52 bits of time, 12 of the hub."""
    body = (microseconds << 12 | hub).to_bytes(8, "big")
    return "ISCC:" + base64.b32encode(b"\x60\x10" + body).decode("ascii").rstrip("=")
