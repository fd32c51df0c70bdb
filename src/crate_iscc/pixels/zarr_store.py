"""A read-only store for zarr over any tree of files: nothing outside of the tree is ever read."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from zarr.abc.store import (
    ByteRequest,
    OffsetByteRequest,
    RangeByteRequest,
    Store,
    SuffixByteRequest,
)
from zarr.core.buffer import Buffer, BufferPrototype

from crate_iscc.errors import ReadError
from crate_iscc.pixels.random_access import random_access
from crate_iscc.sources import Listing, Tree, read_all

_LARGEST_VALUE = 1 << 34


class TreeStore(Store):  # type: ignore[misc]
    """The files of a tree below one folder. A file that is there and cannot be read is an error.

    So a chunk is taken for missing, which stands for the fill value, only where there is none.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True
    supports_partial_writes = False

    def __init__(self, tree: Tree, listing: Listing, folder: str) -> None:
        super().__init__(read_only=True)
        self._tree = tree
        self._listing = listing
        self._folder = folder
        self._refused: dict[str, str] = {item.path: item.reason for item in listing.refused}
        self._is_open = True

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __str__(self) -> str:
        return f"{self._tree.subject}/{self._folder}"

    def with_read_only(self, read_only: bool = False) -> Store:
        """Return the store itself, which is read-only."""
        if not read_only:
            raise ReadError("a dataset is never written to")
        return self

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """Return the bytes of a file, or None where there is none. Raises ReadError."""
        raw = await asyncio.to_thread(self.read, key, byte_range)
        return None if raw is None else prototype.buffer.from_bytes(raw)

    def read(self, key: str, byte_range: ByteRequest | None = None) -> bytes | None:
        """Return the bytes of a file, or None where there is none. Raises ReadError."""
        path = self._folder + key
        entry = self._listing.entries.get(path)
        if entry is None:
            if reason := self._unlisted(path):
                raise ReadError(path, cause=reason)
            return None
        if byte_range is None:
            return read_all(self._tree, entry, limit=_LARGEST_VALUE)
        source = random_access(self._tree, entry)
        try:
            match byte_range:
                case RangeByteRequest(start, end):
                    raw = source.read(start, end - start)
                case OffsetByteRequest(offset):
                    raw = source.read(offset, entry.size)
                case SuffixByteRequest(suffix):
                    raw = source.read(max(0, entry.size - suffix), suffix)
            source.settle()
        finally:
            source.close()
        return raw

    def _unlisted(self, path: str) -> str | None:
        """Return why a file that may be there was not listed: it, or a folder of it, is refused."""
        if not self._listing.complete:
            return "the tree cannot be listed, so nobody knows whether it is missing"
        if not self._refused:
            return None
        parts = path.split("/")
        places = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
        return next((self._refused[one] for one in places if one in self._refused), None)

    async def get_partial_values(
        self,
        prototype: BufferPrototype,
        key_ranges: Iterable[tuple[str, ByteRequest | None]],
    ) -> list[Buffer | None]:
        """Return parts of files."""
        return [await self.get(key, prototype, part) for key, part in key_ranges]

    async def exists(self, key: str) -> bool:
        """Tell whether there is such a file."""
        return self._folder + key in self._listing.entries

    async def set(self, key: str, value: Buffer) -> None:  # noqa: ARG002
        """Refuse to write."""
        raise ReadError("a dataset is never written to")

    async def delete(self, key: str) -> None:  # noqa: ARG002
        """Refuse to write."""
        raise ReadError("a dataset is never written to")

    def list(self) -> AsyncIterator[str]:
        """Yield all files."""
        return self.list_prefix("")

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Yield the files whose keys start so."""
        entries, cut = self._listing.entries, len(self._folder)
        for number in entries.starting_with(self._folder + prefix):
            yield entries.path(number)[cut:]

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Yield the names in a folder."""
        folder = f"{prefix.rstrip('/')}/" if prefix else ""
        seen: dict[str, Any] = {}
        async for key in self.list_prefix(folder):
            name = key[len(folder) :].partition("/")[0]
            if name not in seen:
                seen[name] = None
                yield name
