"""Tells files that are still to be fetched from files that are missing or changed."""

from collections.abc import Callable, Collection
from dataclasses import replace

from crate_iscc.comparison import Comparison, Difference, Status
from crate_iscc.crate.evidence import Recording
from crate_iscc.paths import CratePath
from crate_iscc.verifying.pointers import LARGEST, SMALLEST, LfsPointer, lfs_pointer

_PERHAPS = (Status.CHANGED, Status.UNCHECKED)


def not_fetched(
    comparison: Comparison,
    digests: Recording,
    awaited: Collection[CratePath],
    content_of: Callable[[CratePath], bytes | None],
) -> Comparison:
    """Return the comparison with the files told apart that are still to be fetched.

    These are files of a bag's fetch.txt (`awaited`), and files in whose place a Git-LFS pointer
    stands. A pointer to other content than the recorded one stays a changed file.
    """

    def told(difference: Difference) -> Difference:
        if difference.status is Status.MISSING and difference.path in awaited:
            return replace(difference, status=Status.NOT_FETCHED)
        found = difference.observed
        if difference.status not in _PERHAPS or found is None or found.size is None:
            return difference
        if not SMALLEST <= found.size <= LARGEST or difference.moved_to:
            return difference
        pointer = lfs_pointer(content_of(difference.path) or b"")
        return _pointed(difference, pointer, digests) if pointer else difference

    return replace(comparison, differences=tuple(map(told, comparison.differences)))


def _pointed(difference: Difference, pointer: LfsPointer, digests: Recording) -> Difference:
    recorded = {one.hex for one in digests.get(difference.path, ()) if one.algorithm == "sha256"}
    size = difference.recorded.size if difference.recorded else None
    if recorded and pointer.sha256 not in recorded:
        reason = "a Git-LFS pointer stands in its place, to other content than is recorded"
    elif not recorded and size not in (None, pointer.size):
        reason = "a Git-LFS pointer stands in its place, to content of another size"
    else:
        known = "its oid is the recorded sha256" if recorded else "no sha256 is recorded"
        reason = f"a Git-LFS pointer stands in its place ({known}): fetch it with git lfs pull"
        return replace(difference, status=Status.NOT_FETCHED, reason=reason, distance=None)
    return replace(difference, status=Status.CHANGED, reason=reason, distance=None)
