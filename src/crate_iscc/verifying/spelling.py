"""Finds recorded files that stand under another spelling of their name.

macOS decomposes names (NFD) where most metadata are composed (NFC), and some systems do not tell
capitals from small letters. Names are matched exactly; only what is missing then is looked for by
NFC, and after that without regard to case.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from unicodedata import normalize

from crate_iscc.file_table import FileTable, TableBuilder, side_by_side
from crate_iscc.manifest import Unread
from crate_iscc.paths import CratePath, printable, utf8_order
from crate_iscc.report import Finding


def other_spellings(recorded: FileTable, there: FileTable) -> "Spellings":
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
            known = set(found.values())
            missing = [path for path in missing if path not in known]
            unknown = [path for path in unknown if path not in found]
    return Spellings(found)


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


class Spellings:
    """The recorded paths of files that are there under another spelling, and back."""

    def __init__(self, recorded: Mapping[CratePath, CratePath]) -> None:
        """Take the recorded paths, by those that are there."""
        self._recorded = recorded
        self._real = {path: there for there, path in recorded.items()}

    def real(self, path: CratePath) -> CratePath:
        """Return the path by which a recorded file is there."""
        return self._real.get(path, path)

    def recorded(self, path: CratePath) -> CratePath:
        """Return the path by which a file that is there is recorded."""
        return self._recorded.get(path, path)

    def as_recorded(self, files: FileTable) -> FileTable:
        """Return files under the paths by which they are recorded."""
        return _respelled(files, self._recorded)

    def as_there(self, files: FileTable) -> FileTable:
        """Return files under the paths by which they are there."""
        return _respelled(files, self._real)

    def unread_as_recorded(self, unread: Iterable[Unread]) -> tuple[Unread, ...]:
        """Return unread files under the paths by which they are recorded."""
        return tuple(replace(item, path=self.recorded(item.path)) for item in unread)

    def unread_as_there(self, unread: Iterable[Unread]) -> tuple[Unread, ...]:
        """Return unread files under the paths by which they are there."""
        return tuple(replace(item, path=self.real(item.path)) for item in unread)

    def findings(self) -> list[Finding]:
        """Return what is to be said about the files that stand under another spelling."""
        return [
            Finding(
                "path.normalization" if _composed(there) == _composed(path) else "path.case",
                f"the file is there as {printable(there)}"
                + ("" if there.isascii() else f" ({_bytes_that_differ(path, there)})"),
                path,
            )
            for there, path in self._recorded.items()
        ]


def _bytes_that_differ(path: str, there: str) -> str:
    form = next((form for form in ("NFC", "NFD") if normalize(form, there) == there), "mixed")
    return f"{form}, {len(utf8_order(there))} bytes; recorded in {len(utf8_order(path))}"


def _respelled(files: FileTable, names: Mapping[CratePath, CratePath]) -> FileTable:
    if not names:
        return files
    result = TableBuilder()
    for row in files.rows():
        name = names.get(CratePath(row[0].decode("utf-8")))
        result.add_row(utf8_order(name) if name else row[0], *row[1:])
    return result.table()
