"""A zip that is one object of a store, read by ranges.

Its parts are asked for as those of any large object are: again where that may help, and each has
to be of the state that was found first.
"""

from crate_iscc.entries import Entry
from crate_iscc.errors import ReadError
from crate_iscc.sources import Tree
from crate_iscc.sources.remote.answers import CHANGED
from crate_iscc.sources.remote.archive import ZipByRange
from crate_iscc.sources.remote.client import WebError
from crate_iscc.sources.remote.objects import ObjectTree
from crate_iscc.sources.remote.resource import ChangedError

ENDINGS = (".zip", ".eln", ".ozx")
"""How the names of zips end: any other object is none, so that no folder is taken for one."""


def opened(tree: ObjectTree, *, crc: bool) -> Tree:
    """Return the zip that an address names, or the tree where folders of objects are meant.

    `crc` is that of ZipArchive. Raises InputError and ReadError, after which the tree is closed.
    """
    if not tree.subject.lower().removesuffix("/").endswith(ENDINGS):
        return tree
    try:
        entry = tree.object_itself()
        return tree if entry is None else ObjectZip(tree, entry, crc=crc)
    except BaseException:
        tree.close()
        raise


class ObjectZip(ZipByRange):
    """The members of a zip in an object store. The tree it is read by is closed with it."""

    def __init__(self, tree: ObjectTree, entry: Entry, *, crc: bool) -> None:
        self._tree = tree

        def fetch(start: int, stop: int) -> bytes:
            into = bytearray(stop - start)
            try:
                tree.read_itself(entry, start, memoryview(into))
            except ReadError as error:
                if error.cause == CHANGED:
                    raise ChangedError from error
                raise WebError(error.cause or error.message) from error
            return bytes(into)

        super().__init__(tree.subject, fetch, entry.size, crc=crc)

    def close(self) -> None:
        """End what is under way."""
        super().close()
        self._tree.close()

    def give_up(self) -> None:
        """Have all requests end that wait for another try."""
        self._tree.give_up()
