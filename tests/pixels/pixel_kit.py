"""Writes one image in many encodings, and walks it by the letter of IEP-0018."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr

from crate_iscc.images import ImageFingerprint, ImageUnread
from crate_iscc.imaging import pixels_of
from crate_iscc.kernel.reference import ReferenceKernel

Array = np.ndarray[Any, Any]
_TYPES = {"t": "time", "c": "channel"}


def image(shape: tuple[int, ...] = (2, 3, 4, 35, 45), dtype: str = "uint16") -> Array:
    """Return random pixels, axes T, C, Z, Y, X unless the shape has fewer."""
    raw = np.random.default_rng(8).integers(0, 256, (*shape, np.dtype(dtype).itemsize), np.uint8)
    return raw.view(dtype)[..., 0]


def walked(pixels: Array) -> bytes:
    """Return the bytes of IEP-0018 of an array with the axes T, C, Z, Y, X, plane by plane."""
    planes = []
    for z in range(pixels.shape[2]):
        for c in range(pixels.shape[1]):
            for t in range(pixels.shape[0]):
                plane = pixels[t, c, z]
                assert plane.ndim == 2
                planes.append(plane.astype(plane.dtype.newbyteorder(">")).tobytes("C"))
    return b"".join(planes)


def code_of(raw: bytes) -> str:
    """Return the wide ISCC-SUM of bytes by the reference implementation."""
    hasher = ReferenceKernel().hasher()
    hasher.update(raw)
    return hasher.finish().iscc()


def only(path: Path) -> ImageFingerprint:
    """Return the one image of a file or Zarr."""
    (found,) = pixels_of(path)
    assert isinstance(found, ImageFingerprint), found
    return found


def reason(path: Path) -> str:
    """Return why the one image of a file or Zarr has no code."""
    (found,) = pixels_of(path)
    assert isinstance(found, ImageUnread), found
    return found.reason


def ome_zarr(
    place: Path,
    pixels: Array,
    *,
    axes: str = "tczyx",
    version: str = "0.5",
    name: str = "0",
    **how: Any,
) -> Path:
    """Write an OME-Zarr with one level."""
    write_group(place, pixels, axes=axes, version=version, name=name, **how)
    return place


def write_group(
    place: Path, pixels: Array, *, axes: str, version: str, name: str = "0", **how: Any
) -> zarr.Group:
    """Write one multiscale group, in Zarr 2 or 3 as the version of OME-Zarr has it."""
    group = zarr.open_group(place, mode="w", zarr_format=3 if version == "0.5" else 2)
    multiscales = [
        {
            "version": version,
            "axes": [{"name": letter, "type": _TYPES.get(letter, "space")} for letter in axes],
            "datasets": [{"path": name}],
        }
    ]
    attributes = {"multiscales": multiscales}
    group.attrs.update({"ome": attributes} if version == "0.5" else attributes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = group.create_array(name, shape=pixels.shape, dtype=pixels.dtype, **how)
        array[...] = pixels
    return group


def zipped(folder: Path, place: Path) -> Path:
    """Zip the content of a folder."""
    made = shutil.make_archive(str(place.with_suffix("")), "zip", folder)
    return Path(made).rename(place)


def _tiff(**how: Any) -> Callable[[Path, Array], Path]:
    def write(folder: Path, pixels: Array) -> Path:
        place = folder / "image.ome.tif"
        tifffile.imwrite(place, pixels, metadata={"axes": "TCZYX"}, **how)
        return place

    return write


def _pyramid(folder: Path, pixels: Array) -> Path:
    place = folder / "pyramid.ome.tif"
    with tifffile.TiffWriter(place) as writer:
        writer.write(pixels, subifds=1, metadata={"axes": "TCZYX"}, tile=(16, 16))
        writer.write(pixels[..., ::2, ::2], subfiletype=1, tile=(16, 16))
    return place


def _other_order(folder: Path, pixels: Array) -> Path:
    place = folder / "order.ome.tif"
    metadata = {"axes": "ZTCYX"}
    tifffile.imwrite(place, pixels.transpose(2, 0, 1, 3, 4), metadata=metadata, tile=(16, 32))
    return place


def _imagej(folder: Path, pixels: Array) -> Path:
    place = folder / "stack.tif"
    ordered = pixels.transpose(0, 2, 1, 3, 4)
    tifffile.imwrite(place, ordered, imagej=True, metadata={"axes": "TZCYX"})
    return place


def _shaped(folder: Path, pixels: Array) -> Path:
    place = folder / "shaped.tif"
    metadata = {"axes": "TCZYX"}
    tifffile.imwrite(place, pixels, metadata=metadata, photometric="minisblack")
    return place


def _planar(folder: Path, pixels: Array) -> Path:
    """Write channels as planes of one page, though the metadata count them as channels."""
    place = folder / "planar.tif"
    ordered = pixels.transpose(0, 2, 1, 3, 4)
    how: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(place, ordered, metadata={"axes": "TZCYX"}, compression="zstd", **how)
    return place


def _several_files(folder: Path, pixels: Array) -> Path:
    return ome_set(folder, pixels)[0]


def ome_set(folder: Path, pixels: Array) -> list[Path]:
    """Write an OME-TIFF in several files, one for each T, each with all of the OME-XML."""
    size = dict(zip("TCZYX", pixels.shape, strict=True))
    kind = pixels.dtype.newbyteorder("=").name
    per_file = size["C"] * size["Z"]
    names = [f"set_{t}.ome.tif" for t in range(size["T"])]
    places = "".join(
        f'<TiffData FirstT="{t}" IFD="0" PlaneCount="{per_file}">'
        f'<UUID FileName="{name}">urn:uuid:0000000{t}</UUID></TiffData>'
        for t, name in enumerate(names)
    )
    channels = "".join(f'<Channel ID="Channel:0:{c}"/>' for c in range(size["C"]))
    for t, name in enumerate(names):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:0000000{t}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            f'DimensionOrder="XYZCT" Type="{kind}" SizeX="{size["X"]}" SizeY="{size["Y"]}" '
            f'SizeZ="{size["Z"]}" SizeC="{size["C"]}" SizeT="{size["T"]}">{channels}{places}'
            "</Pixels></Image></OME>"
        )
        planes = pixels[t].reshape(per_file, size["Y"], size["X"])
        tifffile.imwrite(
            folder / name,
            planes,
            description=xml.encode(),
            metadata=None,
            photometric="minisblack",
            contiguous=False,
        )
    return [folder / name for name in names]


def _companion(folder: Path, pixels: Array) -> Path:
    """Write the OME-XML to a file of its own, to which the TIFFs refer."""
    for place in ome_set(folder, pixels):
        xml = tifffile.tiffcomment(place)
        (folder / "set.companion.ome").write_text(xml, encoding="utf-8")
        link = (
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            'UUID="urn:uuid:0"><BinaryOnly MetadataFile="set.companion.ome"/></OME>'
        )
        tifffile.tiffcomment(place, link)
    return folder / "set_1.ome.tif"


def _zarr(**how: Any) -> Callable[[Path, Array], Path]:
    def write(folder: Path, pixels: Array) -> Path:
        return ome_zarr(folder / "image.zarr", pixels, **how)

    return write


def _turned(folder: Path, pixels: Array) -> Path:
    turned = pixels.transpose(4, 3, 2, 1, 0)
    return ome_zarr(folder / "turned.zarr", turned, axes="xyzct", chunks=(45, 20, 3, 3, 2))


def _series(version: str) -> Callable[[Path, Array], Path]:
    def write(folder: Path, pixels: Array) -> Path:
        place = folder / "series.zarr"
        write_group(place / "0", pixels, axes="tczyx", version=version, chunks=(1, 1, 1, 35, 45))
        group = zarr.open_group(place, mode="a", zarr_format=3 if version == "0.5" else 2)
        layout = {"bioformats2raw.layout": 3}
        group.attrs.update({"ome": layout} if version == "0.5" else layout)
        return place

    return write


def _ozx(folder: Path, pixels: Array) -> Path:
    inner = ome_zarr(folder / "inner.zarr", pixels, chunks=(1, 1, 2, 20, 20))
    return zipped(inner, folder / "image.ozx")


def _big_endian(folder: Path, pixels: Array) -> Path:
    return ome_zarr(
        folder / "big.zarr", pixels.astype(">u2"), version="0.4", chunks=(1, 1, 1, 35, 45)
    )


ENCODINGS: dict[str, Callable[[Path, Array], Path]] = {
    "OME-TIFF in one strip": _tiff(),
    "OME-TIFF in strips": _tiff(rowsperstrip=7),
    "OME-TIFF with LZW in strips": _tiff(rowsperstrip=7, compression="lzw"),
    "OME-TIFF tiled, deflated with predictor": _tiff(
        tile=(16, 16), compression="zlib", predictor=True
    ),
    "OME-TIFF big-endian BigTIFF": _tiff(bigtiff=True, byteorder=">"),
    "OME-TIFF tiled big-endian": _tiff(tile=(16, 32), byteorder=">"),
    "OME-TIFF pyramid": _pyramid,
    "OME-TIFF in another order of planes": _other_order,
    "OME-TIFF in several files": _several_files,
    "OME-TIFF with a companion": _companion,
    "ImageJ hyperstack": _imagej,
    "TIFF with named axes": _shaped,
    "TIFF with planar pages": _planar,
    "OME-Zarr 0.4": _zarr(version="0.4", chunks=(1, 1, 1, 35, 45)),
    "OME-Zarr 0.4 in big-endian": _big_endian,
    "OME-Zarr 0.5": _zarr(chunks=(1, 1, 1, 35, 45)),
    "OME-Zarr in small chunks": _zarr(chunks=(1, 1, 1, 16, 16)),
    "OME-Zarr in chunks of several planes": _zarr(chunks=(2, 2, 3, 20, 45)),
    "OME-Zarr in one chunk, not compressed": _zarr(chunks=(2, 3, 4, 35, 45), compressors=None),
    "OME-Zarr in shards": _zarr(chunks=(1, 1, 1, 7, 45), shards=(2, 3, 2, 35, 45)),
    "OME-Zarr with gzip": _zarr(
        chunks=(1, 1, 1, 35, 45), compressors=[zarr.codecs.GzipCodec(level=5)]
    ),
    "OME-Zarr with zstd": _zarr(
        chunks=(1, 1, 1, 35, 45), compressors=[zarr.codecs.ZstdCodec(level=3)]
    ),
    "OME-Zarr whose dataset has an odd path": _zarr(
        name="levels/full res", chunks=(1, 1, 1, 35, 45)
    ),
    "OME-Zarr with the axes turned": _turned,
    "bioformats2raw 0.4": _series("0.4"),
    "bioformats2raw 0.5": _series("0.5"),
    "zipped OME-Zarr": _ozx,
}
"""Ways to write an image with the axes T, C, Z, Y, X; each returns where it is."""
