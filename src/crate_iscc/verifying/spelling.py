"""Finds recorded files that stand under another spelling of their name.

macOS decomposes names (NFD) where most metadata are composed (NFC), and some systems do not tell
capitals from small letters. Names are matched exactly; only what is missing then is looked for by
NFC, and after that without regard to case.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from unicodedata import normalize

from crate_iscc.file_table import FileTable, TableBuilder, side_by_side
from crate_iscc.paths import CratePath, printable, utf8_order
from crate_iscc.report import Finding


def other_spellings(recorded: FileTable, there: FileTable) -> dict[CratePath, CratePath]:
    """Return the recorded path of each file that is there under another spelling of it.

    One that several files could stand for stands for none.
    """
    missing: list[CratePath] = []
    unknown: list[CratePath] = []
    for mine, theirs in side_by_side(recorded, there):
        if not theirs:
            missing += mine.paths()
        elif not mine:
            unknown += theirs.paths()
    found: dict[CratePath, CratePath] = {}
    for spelling in (_composed, _without_case):
        if missing and unknown:
            _pair(missing, unknown, spelling, found)
            missing = [path for path in missing if path not in found.values()]
            unknown = [path for path in unknown if path not in found]
    return found


def _pair(
    missing: list[CratePath],
    unknown: list[CratePath],
    spelling: Callable[[str], str],
    found: dict[CratePath, CratePath],
) -> None:
    wanted: dict[str, list[CratePath]] = defaultdict(list)
    for path in missing:
        wanted[spelling(path)].append(path)
    candidates: dict[str, list[CratePath]] = defaultdict(list)
    for path in unknown:
        candidates[spelling(path)].append(path)
    for name, paths in wanted.items():
        if len(paths) == len(candidates.get(name, ())) == 1:
            found[candidates[name][0]] = paths[0]


def _composed(path: str) -> str:
    return path if path.isascii() else normalize("NFC", path)


def _without_case(path: str) -> str:
    return normalize("NFC", path.casefold())


def spelling_findings(spellings: Mapping[CratePath, CratePath]) -> list[Finding]:
    """Return what is to be said about the files that stand under another spelling."""
    return [
        Finding(
            "path.normalization" if _composed(there) == _composed(path) else "path.case",
            f"the file is there as {printable(there)}"
            + ("" if there.isascii() else f" ({_bytes_that_differ(path, there)})"),
            path,
        )
        for there, path in spellings.items()
    ]


def _bytes_that_differ(path: str, there: str) -> str:
    form = next((form for form in ("NFC", "NFD") if normalize(form, there) == there), "mixed")
    return f"{form}, {len(utf8_order(there))} bytes; recorded in {len(utf8_order(path))}"


def respelled(files: FileTable, spellings: Mapping[CratePath, CratePath]) -> FileTable:
    """Return files under the paths by which they are recorded."""
    if not spellings:
        return files
    result = TableBuilder()
    for row in files.rows():
        path = CratePath(row[0].decode("utf-8"))
        recorded = spellings.get(path)
        result.add_row(utf8_order(recorded) if recorded else row[0], *row[1:])
    return result.table()
