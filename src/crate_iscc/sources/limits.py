"""Refuses trees of more bytes than the caller wants to have read, before any is read."""

from crate_iscc.errors import InputError
from crate_iscc.paths import printable
from crate_iscc.sources import Tree


def refuse_larger(tree: Tree, max_bytes: int | None) -> None:
    """Raise InputError if the files of a tree add up to more than so many bytes.

    In an archive the sizes count that its directory declares: reading a member ends one byte
    behind its declared size, so they cannot be exceeded. None stands for no limit.
    """
    if max_bytes is None:
        return
    total = tree.listing().entries.size
    if total > max_bytes:
        raise InputError(
            f"{printable(tree.subject)} is larger than allowed",
            cause=f"its files add up to {total} bytes, the limit is {max_bytes}",
            hint="raise --max-bytes if you trust where it comes from",
        )
