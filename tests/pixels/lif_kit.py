"""Writes LIF files of version 2 as Leica describes them, for want of files of an instrument."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np

from pixels.pixel_kit import Array

_DIMENSIONS = {"x": 1, "y": 2, "z": 3, "t": 4, "l": 5, "m": 10}


@dataclass(frozen=True)
class LifPicture:
    """One image to be written: pixels with the axes of `axes`, which are stored in that order.

    The first axis is the outermost. `padding` fills up rows; `block` gives another length to the
    memory block, whose data stay what they are; `flim` makes it photons.
    """

    pixels: Array
    axes: str = "ctzyx"
    name: str = "Series"
    tags: Sequence[int] = ()
    padding: int = 0
    bits: int = 0
    id: str = ""
    block: int | None = None
    flim: bool = False

    def stored(self) -> tuple[dict[str, int], bytes]:
        """Return the bytes between two pixels of each axis, and all bytes."""
        pixels = self.pixels.astype(self.pixels.dtype.newbyteorder("<"))
        row_axes = 2 if self.axes.endswith("c") else 1
        rows = np.ascontiguousarray(pixels).reshape(*pixels.shape[:-row_axes], -1).view(np.uint8)
        filled = np.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, self.padding)], constant_values=7)
        steps = {}
        step = pixels.dtype.itemsize
        for number, (axis, size) in enumerate(
            zip(reversed(self.axes), reversed(pixels.shape), strict=True)
        ):
            steps[axis] = step
            step = filled.shape[-1] if number == row_axes - 1 else step * size
        return steps, filled.tobytes()


def written_lif(
    place: Path, *pictures: LifPicture, version: int = 2, inside: str = "", sizes_of: str = ""
) -> Path:
    """Write images; with `inside`, the names of a folder, they lie in that folder."""
    elements, blocks = [], []
    for number, picture in enumerate(pictures):
        block = picture.id or f"MemBlock_{number}"
        steps, raw = picture.stored()
        elements.append(_element(picture, steps, block, len(raw)))
        blocks.append((block, len(raw) if picture.block is None else picture.block, raw))
    children = f"<Children>{''.join(elements)}</Children>"
    if inside:
        children = (
            f'<Children><Element Name={quoteattr(inside)} Visibility="1"><Data><Collection/></Data>'
            f'<Memory Size="0" MemoryBlockID="MemBlock_folder"/>{children}</Element></Children>'
        )
    xml = (
        f'<LMSDataContainerHeader Version="{version}"><Element Name="project" Visibility="1" '
        'CopyOption="1"><Data><Experiment Path=""/></Data><Memory Size="0" '
        f'MemoryBlockID="MemBlock_root"/>{children}</Element></LMSDataContainerHeader>'
    )
    place.write_bytes(container(xml, blocks, version=version))
    return place


def container(xml: str, blocks: list[tuple[str, int, bytes]], *, version: int = 2) -> bytes:
    """Return a file: XML, then blocks with names, lengths as told, and bytes."""
    made = bytearray(struct.pack("<IIBI", 0x70, 2 * len(xml) + 5, 0x2A, len(xml)))
    made += xml.encode("utf-16-le")
    for name, told, raw in blocks:
        made += struct.pack("<IIB", 0x70, 2 * len(name) + (14 if version == 2 else 10), 0x2A)
        made += struct.pack("<Q" if version == 2 else "<I", told)
        made += struct.pack("<BI", 0x2A, len(name)) + name.encode("utf-16-le") + raw
    return bytes(made)


def _element(picture: LifPicture, steps: dict[str, int], block: str, size: int) -> str:
    sizes = dict(zip(picture.axes, picture.pixels.shape, strict=True))
    kind = 1 if picture.pixels.dtype.kind == "f" else 0
    bits = picture.bits or 8 * picture.pixels.dtype.itemsize
    channels = "".join(
        f'<ChannelDescription DataType="{kind}" ChannelTag="{_tag(picture, channel)}" '
        f'Resolution="{bits}" NameOfMeasuredQuantity="" Min="0" Max="255" Unit="" LUTName="Gray" '
        f'IsLUTInverted="0" BytesInc="{channel * steps.get("c", 0)}" BitInc="0"/>'
        for channel in range(sizes.get("c", 1))
    )
    dimensions = "".join(
        f'<DimensionDescription DimID="{_DIMENSIONS[axis]}" NumberOfElements="{sizes[axis]}" '
        f'Origin="0" Length="1e-4" Unit="m" BytesInc="{steps[axis]}" BitInc="0"/>'
        for axis in reversed(picture.axes)
        if axis != "c"
    )
    data = (
        "<Image><ImageDescription>"
        f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"
        "</ImageDescription></Image>"
    )
    if picture.flim:
        data = '<SingleMoleculeDetection IsImage="true"/>'
    return (
        f'<Element Name={quoteattr(picture.name)} Visibility="1" CopyOption="1"><Data>{data}</Data>'
        f'<Memory Size="{size}" MemoryBlockID="{block}"/></Element>'
    )


def _tag(picture: LifPicture, channel: int) -> int:
    return picture.tags[channel] if picture.tags else 0
