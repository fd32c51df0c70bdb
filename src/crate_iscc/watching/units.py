"""Tells from names what a microscopist would call one image: a unit of one or of many files.

A unit is a file; a Zarr as a whole; or a set of files that only together are an image:

- a `.companion.ome` with the files that it names;
- a `.vsi` with its folder `_name_` (Olympus);
- a `.nd` with its `name_….stk` or `.tif` (MetaMorph);
- a `.lif` with its `.lifext` (Leica).
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from crate_iscc.containers import find_containers
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.paths import folder_of

ZARR_ENDING = ".zarr/"
COMPANION_ENDING = ".companion.ome"
_METAMORPH = (".stk", ".tif", ".tiff")
_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".filepart", ".crdownload", ".lock")
_TEMPORARY_BEGINS = ("~$", ".~", ".#", ".goutputstream-", ".nfs", ".smbdelete", ".fuse_hidden")


class UnitKind(StrEnum):
    """What a unit is."""

    FILE = "file"
    ZARR = "zarr"
    SET = "set"


@dataclass(frozen=True, slots=True)
class Unit:
    """One image: the path of its file, of its Zarr (with a slash) or of a set's first file.

    `numbers` are those of its files in the listing, `lacking` the names of files of a set that are
    not there.
    """

    path: str
    kind: UnitKind
    numbers: "array[int] | range"
    lacking: tuple[str, ...] = ()


def units_of(entries: EntryTable, named_by: Callable[[Entry], Iterable[str]]) -> list[Unit]:
    """Return the units of a listing, in the order of their first files.

    `named_by` returns the names that a companion file holds, relative to its folder.
    """
    folders = find_containers(entries.paths(), lambda folder: folder.lower().endswith(ZARR_ENDING))
    zarrs = [Unit(folder, UnitKind.ZARR, entries.below(folder)) for folder in folders]
    loose = _loose(entries, zarrs)
    units = [*zarrs, *_sets(entries, loose, named_by)]
    return sorted(units, key=lambda unit: unit.numbers[0])


def _loose(entries: EntryTable, zarrs: Iterable[Unit]) -> dict[str, int]:
    """Return the files that are in no Zarr: their numbers by their paths."""
    loose: dict[str, int] = {}
    start = 0
    for stretch in (*(unit.numbers for unit in zarrs), range(len(entries), len(entries))):
        stop = stretch[0] if stretch else len(entries)
        loose.update((str(entries.path(number)), number) for number in range(start, stop))
        start = stretch[-1] + 1 if stretch else stop
    return loose


def _sets(
    entries: EntryTable, loose: dict[str, int], named_by: Callable[[Entry], Iterable[str]]
) -> Iterator[Unit]:
    """Yield the sets, and each file that belongs to none as a unit of its own."""
    members: dict[str, list[str]] = {}
    lacking: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()

    def claim(first: str, paths: Iterable[str]) -> None:
        if first in taken:
            return
        own = [path for path in dict.fromkeys(paths) if path in loose and path not in taken]
        members[first] = [first, *(path for path in own if path != first)]
        taken.update(members[first])

    by_folder: dict[str, list[str]] = defaultdict(list)
    for path in loose:
        by_folder[folder_of(path)].append(path)
    for path in [path for path in loose if path.lower().endswith(COMPANION_ENDING)]:
        named = [folder_of(path) + name for name in named_by(entries[loose[path]])]
        claim(path, named)
        lacking[path] = tuple(name for name in named if name not in loose)
    # The longest names first: `run_2_w1.tif` belongs to `run_2.nd`, and not to `run.nd`.
    for path in sorted(loose, key=len, reverse=True):
        stem, dot, ending = path.rpartition(".")
        match ending.lower() if dot else "":
            case "vsi":
                folder = folder_of(path)
                claim(path, entries.paths_below(f"{folder}_{stem[len(folder) :]}_/"))
            case "nd":
                beside = by_folder[folder_of(path)]
                claim(path, (p for p in beside if _is_of_metamorph(p, stem)))
            case "lif":
                claim(path, [f"{stem}.lifext"])
    for first, paths in members.items():
        numbers = array("Q", sorted(loose[path] for path in paths))
        kind = UnitKind.SET if len(paths) > 1 or lacking.get(first) else UnitKind.FILE
        yield Unit(first, kind, numbers, lacking.get(first, ()))
    for path, number in loose.items():
        if path not in taken:
            yield Unit(path, UnitKind.FILE, range(number, number + 1))


def _is_of_metamorph(path: str, stem: str) -> bool:
    return path.startswith(stem + "_") and path.lower().endswith(_METAMORPH)


def is_temporary(path: str) -> bool:
    """Tell whether a file has a name that programs give to what is not finished."""
    name = path.rpartition("/")[2]
    return name.lower().endswith(_TEMPORARY) or name.startswith(_TEMPORARY_BEGINS)


def marked(units: Iterable[Unit], entries: EntryTable, markers: Iterable[str]) -> set[str]:
    """Return the paths of the units that a done-marker says to be finished.

    `cell.done` and `cell.ome.tif.done` stand for `cell.ome.tif` beside them. A marker that stands
    for none by its name stands for its whole folder, if it ends in no dot and ending (`DONE`).
    Whatever was written after its marker is not finished by it.
    """
    units = list(units)
    by_stem: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        stem = unit.path.rstrip("/")
        folder = folder_of(stem)
        while len(stem) > len(folder):
            by_stem[stem].append(unit)
            stem = folder + stem[len(folder) :].rpartition(".")[0]
    found: set[str] = set()
    for marker in markers:
        folder = folder_of(marker)
        stem, dot, _ = marker[len(folder) :].rpartition(".")
        if dot and stem:
            chosen = by_stem[folder + stem]
        else:
            chosen = [unit for unit in units if unit.path.startswith(folder)]
        entry = entries.get(marker)
        moment = entry.stat.mtime_ns if entry and entry.stat else 0
        found.update(
            unit.path for unit in chosen if unit.path != marker and _latest(unit, entries) <= moment
        )
    return found


def _latest(unit: Unit, entries: EntryTable) -> int:
    """Return when the last file of a unit was changed, in nanoseconds."""
    stats = entries.stats
    if stats is None:
        return 0
    if isinstance(unit.numbers, range):
        part = stats[4 * unit.numbers.start : 4 * unit.numbers.stop : 4]
        return max(part)
    return max(stats[4 * number] for number in unit.numbers)
