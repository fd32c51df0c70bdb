"""Decodes the pictures that figures are published as: PNG and JPEG."""

from collections.abc import Iterator
from typing import Any

from crate_iscc.image_code import Plane
from crate_iscc.pixels import needed

RASTER_ENDINGS = (".png", ".jpg", ".jpeg")
LARGEST_FILE = 1 << 30
"""Bytes of a file that is decoded."""
_MOST_PIXELS = 1 << 28
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_NO_FRAME = frozenset({0xC4, 0xC8, 0xCC})
"""Markers among those of frames that begin something else (ITU-T T.81, table B.1)."""


def is_raster(path: str) -> bool:
    """Tell whether a file is a PNG or a JPEG by its name."""
    return path.lower().endswith(RASTER_ENDINGS)


def decoded(raw: bytes) -> Any:
    """Return the pixels of a PNG or JPEG as an array of channels, rows and columns.

    An alpha channel is left out: it is no measurement. Raises ValueError for what is neither, is
    damaged, or claims more pixels than are decoded; InputError if imagecodecs is not installed.
    """
    width, height = _size(raw)
    if width * height > _MOST_PIXELS:
        raise ValueError(f"it claims {width} x {height} pixels, which are too many")
    codecs = needed("imagecodecs")
    try:
        pixels = codecs.png_decode(raw) if raw.startswith(_PNG) else codecs.jpeg_decode(raw)
    except Exception as error:  # decoders raise anything at all
        raise ValueError(str(error) or type(error).__name__) from error
    if pixels.ndim == 2:
        return pixels[None]
    samples = pixels.shape[2]
    return pixels[:, :, : samples - 1 if samples in (2, 4) else samples].transpose(2, 0, 1)


def planes(pixels: Any) -> Iterator[Plane]:
    """Yield the channels of decoded pixels as planes."""
    for number, channel in enumerate(pixels):
        yield Plane(channel, c=number)


def _size(raw: bytes) -> tuple[int, int]:
    """Return width and height, as the header says. Raises ValueError for no PNG or JPEG."""
    if raw.startswith(_PNG) and len(raw) >= 24:
        return int.from_bytes(raw[16:20], "big"), int.from_bytes(raw[20:24], "big")
    at = 2
    while raw.startswith(_JPEG) and at + 9 <= len(raw) and raw[at] == 0xFF:
        marker = raw[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width = raw[at + 5 : at + 7], raw[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        # Fill bytes may stand before a marker (section B.1.1.2).
        at += 1 if marker == 0xFF else 2 + int.from_bytes(raw[at + 2 : at + 4], "big")
    raise ValueError("it is no PNG and no JPEG")
