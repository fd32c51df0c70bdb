"""Chunks of a Nikon ND2: the map at the end of the file, and where each chunk really lies.

A chunk begins with the magic number, the length of its name and the length of its data (uint32,
uint32, uint64, all little-endian), then the name, filled up with zeros, then the data. The last 40
bytes of a file are a signature and the place of the map, whose entries are a name that ends with
`!`, the place of the chunk, and the length of its data.
"""

from struct import Struct

from crate_iscc.pixels import NoPixelsError
from crate_iscc.pixels.random_access import RandomAccess

MAGIC = 0x0ABECEDA
_HEADER = Struct("<IIQ")
_ENTRY = Struct("<QQ")
_TAIL = Struct("<32sQ")
_MAP_NAME = b"ND2 FILEMAP SIGNATURE NAME 0001!"
_MAP_END = b"ND2 CHUNK MAP SIGNATURE 0000001!"
_FRAME = b"ImageDataSeq|"
_LONGEST_NAME = 1 << 16


class Chunks:
    """The chunks of one file. Raises NoPixelsError if its map is missing or damaged."""

    def __init__(self, source: RandomAccess) -> None:
        """Read the map, which is all that is read."""
        self._source = source
        self._places = _places(self._map())
        self.frames = frozenset(
            int(number)
            for name in self._places
            if name.startswith(_FRAME) and (number := name[len(_FRAME) : -1]).isdigit()
        )

    def frame(self, number: int) -> tuple[int, int]:
        """Return where the data of a frame begin, and their length; all of them are there.

        Raises NoPixelsError if the map has no such frame, or the file something else at its place.
        """
        name = b"%s%d!" % (_FRAME, number)
        if name not in self._places:
            raise NoPixelsError(f"frame {number} of it is missing")
        return self._data(self._places[name], name)

    def content(self, name: bytes, most: int) -> bytes:
        """Return the data of a chunk, nothing where there is none.

        Raises NoPixelsError if they are more than `most` bytes, or not all there.
        """
        if name not in self._places:
            return b""
        start, length = self._data(self._places[name], name)
        if length > most:
            raise NoPixelsError(f"its metadata have {length} bytes")
        return self._source.read(start, length)

    def _map(self) -> bytes:
        size = self._source.size
        if size < _TAIL.size:
            raise NoPixelsError("it is cut: it has no chunk map")
        end, place = _TAIL.unpack(self._source.read(size - _TAIL.size, _TAIL.size))
        if end != _MAP_END:
            raise NoPixelsError("it is cut: it does not end with a chunk map")
        start, length = self._data(place, _MAP_NAME)
        return self._source.read(start, length)

    def _data(self, place: int, name: bytes) -> tuple[int, int]:
        told = name.decode("ascii", "replace")
        head = self._source.read(place, _HEADER.size)
        if len(head) != _HEADER.size:
            raise NoPixelsError(f"it is cut: {told} is behind its end")
        magic, name_length, length = _HEADER.unpack(head)
        found = self._source.read(place + _HEADER.size, min(name_length, _LONGEST_NAME))
        if magic != MAGIC or len(found) != name_length or found.rstrip(b"\0") != name:
            raise NoPixelsError(f"it is damaged: {told} is not where its chunk map says")
        start = place + _HEADER.size + name_length
        if start + length > self._source.size:
            raise NoPixelsError(f"it is cut: {told} is not there as a whole")
        return start, length


def _places(content: bytes) -> dict[bytes, int]:
    places: dict[bytes, int] = {}
    at = 0
    while True:
        end = content.find(b"!", at) + 1
        name = content[at:end]
        if name == _MAP_END:
            return places
        if not end or len(content) < end + _ENTRY.size:
            raise NoPixelsError("its chunk map is damaged")
        if name in places:
            raise NoPixelsError("its chunk map names a chunk twice")
        places[name] = _ENTRY.unpack_from(content, end)[0]
        at = end + _ENTRY.size
