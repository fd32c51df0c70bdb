"""The ISCC-SUMs of files and trees that are named one by one, and the check of such a list."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from crate_iscc.codes import Distance
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.fingerprinting.tree import tree_sums
from crate_iscc.kernel import Kernel
from crate_iscc.manifest import Unread
from crate_iscc.paths import CratePath, printable, treewalk_order, valid_unicode
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.render.sums import NamedSum, is_unit_line, parse_sum_line
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.named import NamedFiles
from crate_iscc.sources.opening import open_tree, scheme_of


def sum_files(
    paths: Iterable[str],
    kernel: Kernel,
    *,
    max_bytes: int | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    progress: ProgressSink = nobody,
) -> list[NamedSum | Unread]:
    """Return the ISCC-SUM of each file, and of each file below a directory, in order.

    Files of a directory come in the order of IEP-0017. What cannot be read is an Unread in its
    place. Raises InputError for a path that is not there, and for more than `max_bytes`.
    """
    places: dict[str, str] = {}
    listed: list[tuple[str, EntryTable]] = []
    refused: dict[str, str] = {}
    for path in paths:
        if not path:
            raise InputError("the path is empty", hint="name a file or a directory")
        if valid_unicode(path) != path:
            raise InputError(f"not valid UTF-8: {printable(path)}", hint="rename the file")
        if scheme_of(path):
            raise InputError(
                f"not a file on this computer: {printable(path)}",
                cause="what lies elsewhere is summed as one tree",
                hint="sum --tree",
            )
        if os.path.isdir(path):
            listing = DirectoryTree(Path(path)).listing()
            base = path.rstrip("/") or "/"
            listed.append((f"{base}/", listing.entries))
            for entry in sorted(listing.entries, key=lambda entry: treewalk_order(entry.path)):
                places[f"{base}/{entry.path}"] = f"{path}/{entry.path}"
            refused |= {f"{base}/{item.path}": item.reason for item in listing.refused}
        elif os.path.exists(path):
            places[path] = path
        else:
            raise InputError(f"not found: {printable(path)}")
    tree = NamedFiles(places, lambda name: _as_listed(name, listed))
    refuse_larger(tree, max_bytes)
    listing = tree.listing()
    files, unread = hash_files(
        tree,
        listing.entries,
        kernel,
        jobs=jobs,
        gentle=gentle,
        progress=progress,
        step="fingerprinting",
    )
    results: dict[str, NamedSum | Unread] = {
        file.path: NamedSum(file.path, file.fingerprint) for file in files
    }
    results |= {item.path: item for item in (*unread, *listing.refused)}
    ordered = [results[name] for name in places]
    return ordered + [Unread(CratePath(name), reason) for name, reason in refused.items()]


def _as_listed(name: str, listed: Iterable[tuple[str, EntryTable]]) -> Entry | None:
    """Return the file of that name as one of the directories has it."""
    for base, entries in listed:
        number = entries.find(name[len(base) :]) if name.startswith(base) else None
        if number is not None:
            return entries[number]
    return None


def sum_tree(
    path: str,
    kernel: Kernel,
    *,
    dandi: bool = False,
    max_bytes: int | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    progress: ProgressSink = nobody,
) -> NamedSum:
    """Return the tree ISCC-SUM of a directory, a zip or an address, named with a slash at its end.

    With `dandi` its DANDI checksum comes along. Raises ReadError if any of its files cannot be
    read, and InputError if there is none, or for more than `max_bytes`.
    """
    with open_tree(path) as tree:
        refuse_larger(tree, max_bytes)
        sums = tree_sums(tree, kernel, dandi=dandi, jobs=jobs, gentle=gentle, progress=progress)
    return NamedSum(path.rstrip("/") + "/", sums.iscc, sums.dandi)


class CheckStatus(StrEnum):
    """How one line of a checksum list came out."""

    OK = "OK"
    FAILED = "FAILED"
    MISSING = "MISSING"
    UNREAD = "UNREAD"


@dataclass(frozen=True, slots=True)
class CheckedLine:
    """One checked line; `distance` says how far a changed file is from the listed code."""

    name: str
    status: CheckStatus
    reason: str | None = None
    distance: Distance | None = None


def parse_list(text: str) -> tuple[list[NamedSum], list[int]]:
    """Return the lines of a checksum list, and the numbers of those that are not understood.

    Raises InputError if no line is: a list that checks nothing must never pass.
    """
    sums: list[NamedSum] = []
    malformed: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        bare = line.removesuffix("\r")
        if not bare.strip() or (sums and is_unit_line(bare)):
            continue
        parsed = parse_sum_line(bare)
        if parsed is None:
            malformed.append(number)
        else:
            sums.append(parsed)
    if not sums:
        raise InputError(
            "nothing can be checked",
            cause="the list holds no line that is an ISCC-SUM with a file name",
            hint="a line looks like: ISCC:K4A… *path/to/file",
        )
    return sums, malformed


def check_list(
    sums: Sequence[NamedSum],
    kernel: Kernel,
    *,
    jobs: int | None = None,
    gentle: bool = False,
    progress: ProgressSink = nobody,
) -> Iterator[CheckedLine]:
    """Yield how each line of a list comes out; names are relative to the working directory."""
    present = [item.name for item in sums if not item.name.endswith("/")]
    present = [name for name in dict.fromkeys(present) if Path(name).exists()]
    results = _sums_of_files(present, kernel, jobs=jobs, gentle=gentle, progress=progress)
    now = dict(zip(present, results, strict=True))
    for item in sums:
        if item.name.endswith("/"):
            yield _check_tree(item, kernel, jobs, gentle, progress)
        elif item.name in now:
            yield _checked(item, now[item.name])
        else:
            yield CheckedLine(item.name, CheckStatus.MISSING)


def _sums_of_files(
    names: list[str],
    kernel: Kernel,
    *,
    jobs: int | None,
    gentle: bool,
    progress: ProgressSink,
) -> list[NamedSum | Unread]:
    files = [name for name in names if not Path(name).is_dir()]
    found = iter(sum_files(files, kernel, jobs=jobs, gentle=gentle, progress=progress))
    return [
        Unread(CratePath(name), "it is a directory") if Path(name).is_dir() else next(found)
        for name in names
    ]


def _check_tree(
    item: NamedSum, kernel: Kernel, jobs: int | None, gentle: bool, progress: ProgressSink
) -> CheckedLine:
    place = item.name.rstrip("/") or "/"
    if not scheme_of(place) and not Path(place).exists():
        return CheckedLine(item.name, CheckStatus.MISSING)
    try:
        code = sum_tree(place, kernel, jobs=jobs, gentle=gentle, progress=progress)
        return _checked(item, code)
    except ReadError as error:
        return CheckedLine(item.name, CheckStatus.UNREAD, error.cause)
    except CrateIsccError as error:
        return CheckedLine(item.name, CheckStatus.UNREAD, error.message)


def _checked(item: NamedSum, now: NamedSum | Unread) -> CheckedLine:
    if isinstance(now, Unread):
        return CheckedLine(item.name, CheckStatus.UNREAD, now.reason)
    wanted, found = item.fingerprint, now.fingerprint
    if wanted.same_bytes(found) and wanted.same_data_code(found):
        return CheckedLine(item.name, CheckStatus.OK)
    return CheckedLine(item.name, CheckStatus.FAILED, distance=wanted.distance(found))
