"""The names in an archive, of whatever kind: what can be wrong with them, and what wraps them."""

from collections import Counter
from collections.abc import Sequence

from crate_iscc.paths import METADATA_FILE, path_problem, printable, problem_elsewhere
from crate_iscc.report import Finding


def name_problem(path: str) -> str | None:
    """Say why nothing may be called so, here or where a backslash is a slash, or None."""
    return path_problem(path) or problem_elsewhere(path)


def repeated(names: Sequence[str]) -> frozenset[str]:
    """Return the names that come more than once."""
    if len(set(names)) == len(names):
        return frozenset()
    return frozenset(name for name, times in Counter(names).items() if times > 1)


def repairs(written: Sequence[str], names: Sequence[str]) -> tuple[Finding, ...]:
    """Return what is to be said of names that were read otherwise than they are written."""
    if written == names:
        return ()
    some = [name for name, read in zip(written, names, strict=True) if name != read]
    first = f"the first is {printable(some[0])}"
    return (Finding("path.repaired", f"{len(some)} name(s) with empty or '.' segments; {first}"),)


def wrapping_folder(names: Sequence[str]) -> str:
    """Return the one top folder (with a slash) that holds every member, or an empty string.

    An archive with RO-Crate metadata at its top has no wrapping folder, whatever else it holds.
    """
    tops = {name.partition("/")[0] for name in names}
    if len(tops) != 1 or METADATA_FILE in names:
        return ""
    top = tops.pop() + "/"
    return top if all(name.startswith(top) for name in names) and not path_problem(top[:-1]) else ""
