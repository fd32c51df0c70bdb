"""Where a build writes: in place, into a new zip, or into a new directory."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from crate_iscc.errors import InputError
from crate_iscc.paths import printable
from crate_iscc.sources import Tree
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.tar import TarTree

_ZIP_SUFFIXES = (".zip", ".eln")
_NOT_WRITTEN = (".tar", ".ozx")
"""Archives that are read: a folder of such a name would surprise whoever asked for one."""


class TargetKind(StrEnum):
    """What a build makes."""

    IN_PLACE = "in place"
    ZIP = "zip"
    DIRECTORY = "directory"


@dataclass(frozen=True, slots=True)
class Target:
    """A place that a build may write to; `compress` deflates the members of a zip."""

    kind: TargetKind
    path: Path
    compress: bool = False


def target_for(tree: Tree, source: Path, out: str | Path | None, *, compress: bool) -> Target:
    """Return the target that the caller asks for.

    Raises InputError if it exists, lies inside the dataset, has no parent, or if a zip is to be
    changed in place.
    """
    if out is None:
        if not isinstance(tree, DirectoryTree):
            kind = "a tar" if isinstance(tree, TarTree) else "a zip"
            raise InputError(
                f"{kind} cannot be built in place: {printable(str(source))}",
                hint="write a new one: -o NEW.zip",
            )
        return Target(TargetKind.IN_PLACE, tree.path)
    path = Path(out)
    shown = printable(str(path))
    place = path.parent.resolve() / path.name
    if isinstance(tree, DirectoryTree) and place.is_relative_to(tree.path):
        raise InputError(
            f"the output lies inside the dataset: {shown}",
            cause="it would become a part of what it describes",
            hint="choose a place outside of it",
        )
    if path.suffix.lower() in _NOT_WRITTEN and not str(out).endswith("/"):
        raise InputError(
            f"build writes no {path.suffix.lower()}: {shown}",
            hint="name a .zip, or a folder with a slash at its end",
        )
    is_zip = path.suffix.lower() in _ZIP_SUFFIXES and not str(out).endswith("/")
    empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
    if (path.exists() or path.is_symlink()) and (is_zip or not empty):
        raise InputError(f"the output exists already: {shown}", hint="remove it, or name another")
    if not path.parent.is_dir():
        raise InputError(f"there is no directory to write to: {printable(str(path.parent))}")
    return Target(TargetKind.ZIP if is_zip else TargetKind.DIRECTORY, place, compress)
