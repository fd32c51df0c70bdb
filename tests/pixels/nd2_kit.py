"""Writes ND2 files of versions 2 and 3: chunks, and metadata as XML or as Lite Variants."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import numpy as np

from pixels.pixel_kit import Array

_MAGIC = 0x0ABECEDA
_MAP_NAME = b"ND2 FILEMAP SIGNATURE NAME 0001!"
_MAP_END = b"ND2 CHUNK MAP SIGNATURE 0000001!"
_BLOCK = 4096
_LOOPS = {"t": 1, "p": 2, "z": 4, "u": 7}


def written_nd2(
    place: Path,
    pixels: Array,
    *,
    order: str = "ptz",
    samples: int = 1,
    packed: bool = False,
    padding: int = 0,
    version: int = 3,
    skip: tuple[int, ...] = (),
    more: dict[str, Any] | None = None,
    changed: Callable[[str, bytes], bytes] = lambda _, data: data,
) -> Path:
    """Write pixels with the axes P, T, C, Z, Y, X; `order` says which loop is the outermost.

    `samples` of the channels belong to one colour channel; rows are filled up by `padding` bytes.
    Frames of `skip` are left out; `more` changes attributes, `changed` the data of chunks.
    """
    sizes = dict(zip("ptczyx", pixels.shape, strict=True))
    axes = [*order, *"yxc"]
    frames = np.einsum(pixels, list(range(6)), ["ptczyx".index(axis) for axis in axes])
    frames = np.ascontiguousarray(frames).reshape(-1, *frames.shape[3:])
    width_bytes = sizes["x"] * sizes["c"] * pixels.dtype.itemsize + padding
    bits = 8 * pixels.dtype.itemsize
    attributes = {
        "uiWidth": sizes["x"],
        "uiWidthBytes": width_bytes,
        "uiHeight": sizes["y"],
        "uiComp": sizes["c"],
        "uiBpcInMemory": bits,
        "uiBpcSignificant": bits,
        "uiSequenceCount": len(frames),
        "uiTileWidth": sizes["x"],
        "uiTileHeight": sizes["y"],
        "eCompression": 0 if packed else 2,
        "dCompressionParam": 0.0,
        "ePixelType": 1,
        "uiVirtualComponents": sizes["c"],
        **(more or {}),
    }
    planes = {f"a{number}": {"uiCompCount": samples} for number in range(sizes["c"] // samples)}
    picture = {"sPicturePlanes": {"uiCount": len(planes), "sPlaneNew": planes}}
    experiment: dict[str, Any] = {}
    if loops := [(axis, sizes.get(axis, 2)) for axis in order if sizes.get(axis, 2) > 1]:
        experiment = _experiment(loops)
    chunks = _metadata(version, attributes, picture, experiment)
    for number, frame in enumerate(frames):
        if number not in skip:
            rows = frame.reshape(sizes["y"], -1).view(np.uint8)
            raw = np.pad(rows, ((0, 0), (0, padding)), constant_values=7).tobytes()
            data = struct.pack("<d", number) + (zlib.compress(raw) if packed else raw)
            chunks[f"ImageDataSeq|{number}!"] = data
    changed_chunks = {name: changed(name, data) for name, data in chunks.items()}
    place.write_bytes(_file(changed_chunks, b"Ver3.0" if version == 3 else b"Ver2.1"))
    return place


def _metadata(
    version: int, attributes: dict[str, Any], picture: dict[str, Any], experiment: dict[str, Any]
) -> dict[str, bytes]:
    if version == 3:
        parts = {
            "ImageAttributesLV!": {"SLxImageAttributes": attributes},
            "ImageMetadataSeqLV|0!": {"SLxPictureMetadata": picture},
            "ImageMetadataLV!": {"SLxExperiment": experiment},
        }
    else:
        parts = {
            "ImageAttributes!": attributes,
            "ImageMetadataSeq|0!": picture,
            "ImageMetadata!": experiment,
        }
    if not experiment:
        parts.popitem()
    write = variant if version == 3 else xml_variant
    return {name: write(part) for name, part in parts.items()}


def xml_variant(content: dict[str, Any]) -> bytes:
    """Return a dictionary as the XML of version 2."""
    inner = "".join(_xml_item(name, value) for name, value in content.items())
    head = '<?xml version="1.0" encoding="UTF-8"?><variant version="1.0"><no_name runtype="x">'
    return f"{head}{inner}</no_name></variant>".encode()


def _xml_item(name: str, value: Any) -> str:
    title = name or "no_name"
    if isinstance(value, bytes):
        value = [bool(each) for each in value]
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else [("", each) for each in value]
        inner = "".join(_xml_item(key, each) for key, each in items)
        return f'<{title} runtype="CLxListVariant">{inner}</{title}>'
    kinds = {bool: "bool", int: "lx_uint32", float: "double", str: "CLxStringW"}
    told = str(value).lower() if isinstance(value, bool) else str(value)
    return f'<{title} runtype="{kinds[type(value)]}" value={quoteattr(told)}/>'


def variant(content: dict[str, Any]) -> bytes:
    """Return a dictionary as a Lite Variant: a list of it has items without names."""
    return b"".join(_item(name, value) for name, value in content.items())


def _item(name: str, value: Any) -> bytes:
    title = (name + "\0").encode("utf-16-le") if name else b"\0\0"
    match value:
        case bool():
            kind, data = 1, struct.pack("<B", value)
        case int():
            kind, data = 3, struct.pack("<I", value)
        case float():
            kind, data = 6, struct.pack("<d", value)
        case str():
            kind, data = 8, (value + "\0").encode("utf-16-le")
        case bytes():
            kind, data = 9, struct.pack("<Q", len(value)) + value
        case _:
            items = value.items() if isinstance(value, dict) else [("", each) for each in value]
            parts = [_item(key, each) for key, each in items]
            inner = b"".join(parts)
            head = struct.pack("<BB", 11, len(title) // 2) + title
            length = len(head) + 12 + len(inner)
            return head + struct.pack("<IQ", len(parts), length) + inner + bytes(8 * len(parts))
    return struct.pack("<BB", kind, len(title) // 2) + title + data


def _experiment(loops: list[tuple[str, int]]) -> dict[str, Any]:
    (axis, count), *inner = loops
    parameters: dict[str, Any] = {"uiCount": count}
    if axis == "t":
        parameters |= {"dStart": 0.0, "dPeriod": 1.0, "dDuration": float(count)}
    if axis == "p":
        points = [{"dPosX": float(n), "dPosY": 0.0, "dPosZ": 0.0} for n in range(count)]
        parameters |= {"Points": {f"i{n:010}": point for n, point in enumerate(points)}}
    if axis == "z":
        parameters |= {"dZLow": 0.0, "dZHigh": float(count), "dZStep": 1.0, "iType": 0}
    made: dict[str, Any] = {"eType": _LOOPS[axis], "uLoopPars": parameters}
    if axis == "p":
        made["pItemValid"] = bytes([1] * count)
    if inner:
        made["ppNextLevelEx"] = [_experiment(inner)]
    return made


def _file(chunks: dict[str, bytes], version: bytes) -> bytes:
    """Return a file: each chunk begins at a multiple of 4096, frames have their pixels at one."""
    made = bytearray(_chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", version.ljust(64, b"\0"), 32))
    entries = bytearray()
    for name, data in chunks.items():
        made += bytes(-len(made) % _BLOCK)
        entries += name.encode() + struct.pack("<QQ", len(made), len(data))
        made += _chunk(name.encode(), data, _BLOCK - 24)
    made += bytes(-len(made) % _BLOCK)
    where = len(made)
    entries += _MAP_END + struct.pack("<Q", where)
    return bytes(made + _chunk(_MAP_NAME, bytes(entries), 32))


def _chunk(name: bytes, data: bytes, length: int) -> bytes:
    return struct.pack("<IIQ", _MAGIC, length, len(data)) + name.ljust(length, b"\0") + data
