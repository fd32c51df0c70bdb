"""What is asked of an OMERO server, and the values that it answers with: a dozen calls in all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from crate_iscc.errors import ReadError
from crate_iscc.omero.codes import Pair

ITEM_SIZES = {
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "uint16": 2,
    "int32": 4,
    "uint32": 4,
    "float": 4,
    "double": 8,
}
"""Bytes of a pixel of each type of OMERO that has pixel codes (IEP-0018)."""


class LostServerError(ReadError):
    """The session ended, or the connection did: nothing more can be asked."""


@dataclass(frozen=True, slots=True)
class ServerImage:
    """An image of a server: its number and its name."""

    number: int
    name: str

    def __str__(self) -> str:
        return f"Image:{self.number} ({self.name})" if self.name else f"Image:{self.number}"


@dataclass(frozen=True, slots=True)
class Original:
    """An original file: its number, its path as it was imported, and its size in bytes."""

    number: int
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class ServerPixels:
    """The pixels of an image: their number, OMERO's name of their type, and their extent."""

    number: int
    type: str
    z: int
    c: int
    t: int
    y: int
    x: int

    @property
    def item_size(self) -> int | None:
        """Bytes of a pixel, None for a type that has no pixel code (bit, complex)."""
        return ITEM_SIZES.get(self.type)

    def walk(self) -> Iterator[tuple[int, int, int]]:
        """Yield z, c and t of each plane in the order of IEP-0018: Z outermost, T innermost."""
        for z in range(self.z):
            for c in range(self.c):
                for t in range(self.t):
                    yield z, c, t


@dataclass(frozen=True, slots=True)
class ServerAnnotation:
    """A MapAnnotation of an image; `shared` tells that other things have it too."""

    number: int
    namespace: str
    pairs: tuple[Pair, ...]
    shared: bool = False


class OmeroServer(Protocol):
    """A session at an OMERO server. Every call raises ReadError, also LostServerError."""

    def images(self, kind: str, number: int) -> tuple[ServerImage, ...]:
        """Return an Image by its number, or all images of a Dataset.

        Raises InputError if there is no such thing, or none that this session may see.
        """
        ...

    def originals(self, image: ServerImage) -> tuple[Original, ...]:
        """Return the original files of an image; none where OMERO keeps no originals."""
        ...

    def read(self, original: Original) -> Iterator[bytes]:
        """Yield the bytes of an original file."""
        ...

    def pixels(self, image: ServerImage) -> ServerPixels:
        """Return what the server says of the pixels of an image."""
        ...

    def plane(self, pixels: ServerPixels, z: int, c: int, t: int) -> Iterator[bytes]:
        """Yield the bytes of a plane, row by row or more at a time, as the server sends them.

        That is big-endian, on every machine.
        """
        ...

    def annotations(self, image: ServerImage) -> tuple[ServerAnnotation, ...]:
        """Return the MapAnnotations of an image in the namespaces that hold codes."""
        ...

    def add(self, image: ServerImage, pairs: tuple[Pair, ...]) -> None:
        """Give an image a new MapAnnotation in our namespace."""
        ...

    def replace(self, annotation: ServerAnnotation, pairs: tuple[Pair, ...]) -> None:
        """Put other pairs into a MapAnnotation."""
        ...

    def close(self) -> None:
        """Leave the session; it stays open for those who use it elsewhere."""
        ...
