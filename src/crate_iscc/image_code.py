"""The Image-Code of a scientific image: ISO 24138 Content-Code over a view that is fixed exactly.

Experimental. ISO 24138 says how 1024 grey values become a code, and leaves it to the application
how an image becomes 1024 grey values. Here it is done in integers, so that every machine and every
format gives the same view of the same pixels:

1. Each plane of level 0 (its samples, as IEP-0018 has them, are channels) is reduced to 32 x 32
   cells, each the exact mean of the pixels that it covers; a pixel on a border counts in part.
   Floating-point pixels are first rounded to 2**-30 of the power of two above the largest of their
   plane; infinities and what is no number count as zero.
2. Of each channel, a cell is the largest of its means over all z and t.
3. Each channel is stretched: the 11th smallest cell becomes 0, the 11th largest 255 (one in a
   hundred beyond each), what is beyond them too, what is between them is rounded half up.
4. The view is the mean of the stretched channels, rounded half up, row by row from the top left.
   A channel whose cells are all equal after that count adds nothing; if all are, there is no view.

It is a coarse look: it stays when an image is stretched, saved at another depth, made smaller or
somewhat noisy, and it is lost when an image is cropped, rotated or mirrored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import frexp
from typing import Any

from crate_iscc.stretch import Bytes

SIDE = 32
"""Cells in a row and in a column."""
CODE_BYTES = 32
_BEYOND = 10
"""Cells that may lie beyond each end of the stretch: one in a hundred of 1024."""
_FLOAT_BITS = 30
_HALF = 16
"""Bits of the lower half of a large integer."""


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane of an image: a two-dimensional numpy array, and where it stands."""

    pixels: Any
    z: int = 0
    c: int = 0
    t: int = 0


def image_view(planes: Iterable[Plane]) -> bytes | None:
    """Return the 1024 grey values of an image, or None if all of it looks the same.

    Planes come in any order, and one is held at a time. Raises ValueError for a plane that is not
    two-dimensional, or has no pixels, or another shape than the first.
    """
    viewer = Viewer()
    for plane in planes:
        viewer.add(plane)
    return viewer.view()


class Viewer:
    """Makes the view of an image of its planes, which come one by one."""

    def __init__(self) -> None:
        self._channels: dict[int, list[Fraction]] = {}
        self._shape: tuple[int, ...] | None = None

    def add(self, plane: Plane) -> None:
        """Take a plane. Raises ValueError, see image_view."""
        if self._shape is not None and plane.pixels.shape != self._shape:
            raise ValueError("the planes of an image have one shape")
        self._shape = plane.pixels.shape
        cells = reduced(plane.pixels)
        before = self._channels.get(plane.c)
        self._channels[plane.c] = cells if before is None else list(map(max, before, cells))

    def view(self) -> bytes | None:
        """Return the 1024 grey values, or None if all of the image looks the same."""
        ordered = sorted(self._channels.items())
        stretched = [grey for _, cells in ordered if (grey := _stretched(cells))]
        if not stretched:
            return None
        count = len(stretched)
        return bytes(
            (2 * sum(column) + count) // (2 * count) for column in zip(*stretched, strict=True)
        )


def plane_of(raw: Bytes, dtype: str, shape: tuple[int, int], place: tuple[int, int, int]) -> Plane:
    """Return a plane whose bytes are big-endian, row by row; `place` is its z, c and t."""
    import numpy as np

    pixels = np.frombuffer(raw, np.dtype(dtype).newbyteorder(">")).reshape(shape)
    return Plane(pixels, z=place[0], c=place[1], t=place[2])


def planes_of(
    blocks: Iterable[Bytes], dtype: str, *, z: int, c: int, t: int, y: int, x: int
) -> Iterator[Plane]:
    """Yield the planes of an image whose bytes come in the order of IEP-0018, in any pieces.

    `dtype` names a type as numpy does, without a byte order: the bytes are big-endian. The letters
    are the sizes of the axes; t runs fastest, then c, then z. Raises ValueError for more or fewer
    bytes than that.
    """
    import numpy as np

    kind = np.dtype(dtype).newbyteorder(">")
    size = y * x * kind.itemsize
    places = ((k, j, i) for k in range(z) for j in range(c) for i in range(t))
    held = bytearray()
    for block in blocks:
        held += block
        whole = len(held) // size * size
        ready = bytes(held[:whole])
        del held[:whole]
        for at in range(0, whole, size):
            place = next(places, None)
            if place is None:
                raise ValueError("there are more pixels than the image has")
            pixels = np.frombuffer(ready, kind, y * x, at).reshape(y, x)
            yield Plane(pixels, z=place[0], c=place[1], t=place[2])
    if held or next(places, None) is not None:
        raise ValueError("there are not as many pixels as the image has")


def image_code(view: bytes, bits: int = 256) -> bytes:
    """Return the body of the Image-Code of a view (ISO 24138:2024, Content-Code Image)."""
    from iscc_core import soft_hash_image_v0

    if len(view) != SIDE * SIDE:
        raise ValueError("a view has 32 x 32 grey values")
    body: bytes = soft_hash_image_v0(list(view), bits=bits)
    return body


def reduced(pixels: Any) -> list[Fraction]:
    """Return the exact means of the 32 x 32 cells of a two-dimensional array, row by row.

    Raises ValueError for any other array, and for pixels that are no real numbers.
    """
    if pixels.ndim != 2 or not pixels.size:
        raise ValueError("a plane has two dimensions, and pixels in it")
    if pixels.dtype.kind not in "biuf":
        raise ValueError(f"pixels of type {pixels.dtype} have no order")
    shift = _shift(pixels) if pixels.dtype.kind == "f" else 0
    scale = Fraction(2) ** shift / (pixels.shape[0] * pixels.shape[1])
    return [value * scale for cell in range(SIDE) for value in _row_of_cells(pixels, cell, shift)]


def _shift(pixels: Any) -> int:
    """Return the power of two by which floating-point pixels, as integers, are multiplied."""
    import numpy as np

    largest = max((float(np.abs(_finite(line)).max()) for line in pixels), default=0.0)
    return frexp(largest)[1] - _FLOAT_BITS if largest else 0


def _finite(lines: Any) -> Any:
    import numpy as np

    return np.where(np.isfinite(lines), lines, 0).astype(np.float64)


def _row_of_cells(pixels: Any, cell: int, shift: int) -> list[int]:
    """Return the sums of one row of cells: each pixel times the area of it that is inside.

    The unit of length is a 32nd of a pixel, so that a cell is as many units high and wide as the
    plane has pixels. Integers are summed in halves of 16 bits: so no sum of an image of up to 2**18
    by 2**18 pixels exceeds 64 bits.
    """
    import numpy as np

    lines, weights = _covered(pixels.shape[0], cell)
    band = pixels[lines.start : lines.stop]
    if pixels.dtype.kind == "f":
        band = np.rint(np.ldexp(_finite(band), -shift))
    band = band.astype(np.int64)
    halves = (band >> _HALF, band & ((1 << _HALF) - 1)) if _is_large(pixels) else (band,)
    sums = [0] * SIDE
    for half in halves:
        column = weights @ half
        for place in range(SIDE):
            inside, across = _covered(pixels.shape[1], place)
            value = int(across @ column[inside.start : inside.stop])
            sums[place] = (sums[place] << _HALF) + value
    return sums


def _is_large(pixels: Any) -> bool:
    return bool(pixels.dtype.kind == "f" or pixels.dtype.itemsize > 2)


def _covered(count: int, cell: int) -> tuple[range, Any]:
    """Return the lines of `count` that one of 32 cells covers, and how many 32nds of each."""
    import numpy as np

    start, stop = cell * count, (cell + 1) * count
    lines = range(start // SIDE, -(-stop // SIDE))
    weights = np.full(len(lines), SIDE, np.int64)
    weights[0] -= start - lines.start * SIDE
    weights[-1] -= lines.stop * SIDE - stop
    return lines, weights


def _stretched(cells: list[Fraction]) -> list[int] | None:
    """Return cells as grey values, or None where there is nothing between the ends."""
    ordered = sorted(cells)
    low, high = ordered[_BEYOND], ordered[-1 - _BEYOND]
    if low == high:
        return None
    span = high - low
    return [int((min(max(cell, low), high) - low) * 255 / span + Fraction(1, 2)) for cell in cells]
