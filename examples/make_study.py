# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy", "pillow>=10.1", "scikit-image>=0.26", "tifffile", "zarr>=3.1"]
# ///
"""Makes a small bioimaging study out of microscopy images that ship inside scikit-image.

    python examples/make_study.py OUT_DIR

The pixels are real; their sources and the terms of their reuse are written into the study's
README.md and LICENSE.txt. The folder holds what a study tends to hold: a raw OME-TIFF, OME-Zarr
images of both current kinds (0.4 and 0.5), a segmentation mask, a table, a figure, and notes, one
of them empty and one with a difficult name.

Nothing is downloaded. Nothing written depends on the clock, on chance or on OUT_DIR, so two runs
with the same libraries give the same bytes. OUT_DIR must be new or empty.
"""

# scikit-image is typed only in part.
# mypy: allow-untyped-calls

import argparse
import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import numpy as np
import numpy.typing as npt
import tifffile
import zarr
from PIL import Image, ImageDraw, ImageFont
from skimage import data, filters, measure, segmentation

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.uint16]
Json = dict[str, Any]

CELL_PIXEL_UM = 0.107
"""Side of a pixel of `cell` in micrometres, as documented by scikit-image."""

# Escaped so that the composed form (NFC) of the name does not hang on how this file is saved.
AWKWARD_NAME = "F\u00e4rbung 50% \u2013 Probe #3.txt"

README = """\
# A small bioimaging study

An example made from microscopy images that ship inside scikit-image. The pixels are real; the
study around them is not, and no finding should be drawn from it.

| path | what it is |
|---|---|
| raw/cell.ome.tif | `cell`, OME-TIFF, uncompressed |
| images/cell.ome.zarr | the same pixels, OME-Zarr 0.5 (Zarr v3), three levels |
| images/ihc.ome.zarr | `immunohistochemistry`, OME-Zarr 0.4 (Zarr v2), two levels |
| images/retina.ome.tif | `retina`, OME-TIFF, compressed |
| masks/cell_mask.tif | `cell` segmented at Otsu's threshold: 0 is background |
| tables/measurements.csv | what was measured in that mask; lengths and areas in pixels |
| figures/Figure 1.png | A `cell`, B its mask, C `immunohistochemistry`, D `retina` |
| notes/ | an empty file, and one with a difficult name |

The bars in panels A and B of the figure are 10 \u00b5m long.

## Sources

As the documentation of `skimage.data` describes them:

- `cell`: "Cell floating in saline." A quantitative phase image retrieved from a digital hologram
  with qpformat; "The pixel spacing is 0.107 \u00b5m." From P. M\u00fcller, M. Sch\u00fcrmann,
  S. Girardo, G. Cojoc and J. Guck, "Accurate evaluation of size and refractive index for spherical
  objects in quantitative phase imaging", Optics Express 26(8): 10729-10743 (2018),
  <https://doi.org/10.1364/OE.26.010729>.
- `immunohistochemistry`: "Immunohistochemical (IHC) staining with hematoxylin counterstaining."
  Colonic glands in which DAB reveals the expression of the FHL2 protein; "acquired at the Center
  for Microscopy And Molecular Imaging (CMMI)". The pixel size is not documented.
- `retina`: "Human retina." Downloaded from Wikimedia Commons,
  <https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg>;
  M. H\u00e4ggstr\u00f6m, "Medical gallery of Mikael H\u00e4ggstr\u00f6m 2014", WikiJournal of
  Medicine 1(2) (2014), <https://doi.org/10.15347/wjm/2014.008>. The pixel size is not documented.

Terms of reuse: see LICENSE.txt.
"""

LICENSE = """\
Terms of reuse, as the documentation of skimage.data (scikit-image) states them

cell
    "This image is CC0, dedicated to the public domain. You may copy, modify, or distribute it
    without asking permission."

immunohistochemistry
    "No known copyright restrictions."

retina
    "This file is made available under the Creative Commons CC0 1.0 Universal Public Domain
    Dedication."

The mask, the table, the figure and the texts of this study were made from these images and add no
terms of their own.

CC0 1.0 Universal: https://creativecommons.org/publicdomain/zero/1.0/
"""


def make_study(out: Path) -> None:
    """Write the study into `out`, a new or an empty folder.

    Raises FileExistsError if `out` is a file or holds anything.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists and is not an empty folder")
    for folder in ("raw", "images", "masks", "tables", "figures", "notes"):
        (out / folder).mkdir(parents=True, exist_ok=True)

    cell: Pixels = data.cell()
    ihc: Pixels = data.immunohistochemistry()
    retina: Pixels = data.retina()
    mask = segment(cell)

    write_texts(out)
    write_cell_tiff(out / "raw" / "cell.ome.tif", cell)
    write_cell_zarr(out / "images" / "cell.ome.zarr", cell)
    write_ihc_zarr(out / "images" / "ihc.ome.zarr", ihc)
    write_retina_tiff(out / "images" / "retina.ome.tif", retina)
    write_mask(out / "masks" / "cell_mask.tif", mask)
    write_table(out / "tables" / "measurements.csv", mask, cell)
    write_figure(out / "figures" / "Figure 1.png", cell, mask, ihc, retina)


def segment(image: Pixels) -> Labels:
    """Label each connected region brighter than Otsu's threshold: 1, 2, ...; 0 elsewhere."""
    labels: Labels = measure.label(image > filters.threshold_otsu(image)).astype(np.uint16)
    return labels


def write_texts(out: Path) -> None:
    """Write the README, the terms of reuse and the notes, with LF newlines on every system."""
    texts = {
        "README.md": README,
        "LICENSE.txt": LICENSE,
        "notes/empty.txt": "",
        f"notes/{AWKWARD_NAME}": (
            "The name of this file has spaces, a per cent sign, a hash and letters beyond ASCII.\n"
        ),
    }
    for path, text in texts.items():
        (out / path).write_bytes(text.encode())


def write_cell_tiff(path: Path, image: Pixels) -> None:
    """Write `image` as an uncompressed OME-TIFF with its documented pixel size."""
    size = {
        "PhysicalSizeX": CELL_PIXEL_UM,
        "PhysicalSizeXUnit": "\u00b5m",
        "PhysicalSizeY": CELL_PIXEL_UM,
        "PhysicalSizeYUnit": "\u00b5m",
    }
    metadata = {"axes": "YX", "Name": "cell", **ome_header("raw/cell.ome.tif"), **size}
    tifffile.imwrite(path, image, ome=True, photometric="minisblack", metadata=metadata)


def write_retina_tiff(path: Path, image: Pixels) -> None:
    """Write `image` as a compressed, tiled RGB OME-TIFF; its pixel size is unknown and left out."""
    tifffile.imwrite(
        path,
        image,
        ome=True,
        photometric="rgb",
        tile=(256, 256),
        compression="zlib",
        predictor=True,
        metadata={"axes": "YXS", "Name": "retina", **ome_header("images/retina.ome.tif")},
    )


def ome_header(name: str) -> dict[str, str]:
    """Return the parts of an OME-XML header that would otherwise differ from run to run."""
    return {
        "UUID": str(uuid5(NAMESPACE_URL, f"urn:x-crate-iscc:example-study/{name}")),
        "Creator": "crate-iscc examples/make_study.py",
    }


def write_cell_zarr(folder: Path, image: Pixels) -> None:
    """Write the grey `image` as OME-Zarr 0.5 (Zarr v3) with three levels."""
    levels = pyramid(image, 3)
    axes: list[Json] = [
        {"name": "y", "type": "space", "unit": "micrometer"},
        {"name": "x", "type": "space", "unit": "micrometer"},
    ]
    multiscale = multiscale_of("cell", axes, pixel_size=CELL_PIXEL_UM, levels=len(levels))
    ome: Json = {"version": "0.5", "multiscales": [multiscale]}
    group = zarr.create_group(folder, zarr_format=3, attributes={"ome": ome})
    for number, level in enumerate(levels):
        group.create_array(str(number), data=level, chunks=(128, 128), dimension_names=("y", "x"))


def write_ihc_zarr(folder: Path, image: Pixels) -> None:
    """Write the RGB `image` as OME-Zarr 0.4 (Zarr v2) with two levels and one channel a colour."""
    levels = pyramid(np.moveaxis(image, -1, 0), 2)
    axes: list[Json] = [
        {"name": "c", "type": "channel"},
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]
    # The pixel size is unknown. The format then wants the factor of each level, without a unit.
    multiscale = multiscale_of("ihc", axes, pixel_size=1.0, levels=len(levels))
    colours = {"red": "FF0000", "green": "00FF00", "blue": "0000FF"}
    window = {"start": 0, "end": 255, "min": 0, "max": 255}
    omero: Json = {
        "version": "0.4",
        "name": "ihc",
        "channels": [
            {"label": label, "color": colour, "active": True, "window": window}
            for label, colour in colours.items()
        ],
        "rdefs": {"model": "color"},
    }
    attributes: Json = {"multiscales": [{"version": "0.4", **multiscale}], "omero": omero}
    zstd: Json = {"id": "zstd", "level": 3}  # not the default Blosc: its output may vary by thread
    group = zarr.create_group(folder, zarr_format=2, attributes=attributes)
    for number, level in enumerate(levels):
        group.create_array(
            str(number),
            data=level,
            chunks=(1, 256, 256),
            chunk_key_encoding={"name": "v2", "separator": "/"},
            compressors=zstd,
        )


def multiscale_of(name: str, axes: list[Json], *, pixel_size: float, levels: int) -> Json:
    """Return the `multiscales` entry for a pyramid in which each level halves y and x."""
    datasets: list[Json] = []
    for level in range(levels):
        factor = 2**level
        # The centre of a merged pixel lies between the centres of those that it stands for.
        shift = pixel_size * (factor - 1) / 2
        scale = [pixel_size * factor if axis["type"] == "space" else 1.0 for axis in axes]
        steps: list[Json] = [{"type": "scale", "scale": scale}]
        if level:
            translation = [shift if axis["type"] == "space" else 0.0 for axis in axes]
            steps.append({"type": "translation", "translation": translation})
        datasets.append({"path": str(level), "coordinateTransformations": steps})
    return {
        "name": name,
        "axes": axes,
        "datasets": datasets,
        "type": "mean",
        "metadata": {"description": "mean of 2 by 2 pixels, an odd edge repeated, then rounded"},
    }


def pyramid(image: Pixels, levels: int) -> list[Pixels]:
    """Return `image` and its ever smaller copies, `levels` in all."""
    result = [image]
    while len(result) < levels:
        result.append(halve(result[-1]))
    return result


def halve(image: Pixels) -> Pixels:
    """Return `image` at half its size along the last two axes, rounded up."""
    *rest, height, width = image.shape
    even = np.pad(image, [(0, 0)] * len(rest) + [(0, height % 2), (0, width % 2)], mode="edge")
    *rest, height, width = even.shape
    blocks = even.reshape(*rest, height // 2, 2, width // 2, 2)
    half: Pixels = np.rint(blocks.mean(axis=(-3, -1))).astype(np.uint8)
    return half


def write_mask(path: Path, mask: Labels) -> None:
    """Write `mask` as a plain, compressed TIFF."""
    tifffile.imwrite(path, mask, photometric="minisblack", compression="zlib", metadata=None)


def write_table(path: Path, mask: Labels, image: Pixels) -> None:
    """Write one row for each region of `mask`, measured in `image`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("label", "area", "centroid_y", "centroid_x", "mean_intensity"))
        for region in measure.regionprops(mask, intensity_image=image):
            y, x = region.centroid
            numbers = (f"{number:.3f}" for number in (y, x, region.intensity_mean))
            table.writerow((region.label, int(region.area), *numbers))


def write_figure(path: Path, cell: Pixels, mask: Labels, ihc: Pixels, retina: Pixels) -> None:
    """Write four lettered panels side by side, with a bar of 10 micrometres in those of `cell`."""
    height, gap = 480, 12
    pictures = [np.stack([cell] * 3, axis=-1), overlay(cell, mask), ihc, retina]
    panels = [at_height(picture, height) for picture in pictures]
    bar = round(10 / CELL_PIXEL_UM * height / cell.shape[0])

    width = sum(panel.width for panel in panels) + gap * (len(panels) + 1)
    figure = Image.new("RGB", (width, height + 2 * gap), "white")
    draw = ImageDraw.Draw(figure)
    font = ImageFont.load_default(size=30)
    left = gap
    for letter, panel in zip("ABCD", panels, strict=True):
        figure.paste(panel, (left, gap))
        draw.text(
            (left + 12, gap + 6), letter, "white", font=font, stroke_width=2, stroke_fill="black"
        )
        if letter in "AB":
            right, bottom = left + panel.width - 16, gap + height - 16
            draw.rectangle((right - bar + 1, bottom - 5, right, bottom), fill="white")
        left += panel.width + gap
    figure.save(path, optimize=True)


def overlay(image: Pixels, mask: Labels) -> Pixels:
    """Return the grey `image` in colour, with the regions of `mask` tinted and outlined."""
    tint = np.array((255, 128, 0))
    picture = np.stack([image] * 3, axis=-1).astype(np.float64)
    inside = mask > 0
    picture[inside] = 0.7 * picture[inside] + 0.3 * tint
    picture[segmentation.find_boundaries(mask, mode="thick")] = tint
    result: Pixels = np.rint(picture).astype(np.uint8)
    return result


def at_height(picture: Pixels, height: int) -> Image.Image:
    """Return `picture` scaled to `height`, its proportions kept."""
    rows, columns = picture.shape[:2]
    size = (round(columns * height / rows), height)
    return Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the study and say what was made: 0 if all went well, 2 if it could not be made."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", metavar="OUT_DIR", type=Path, help="a new or an empty folder")
    out: Path = parser.parse_args(arguments).out
    try:
        make_study(out)
    except FileExistsError as error:
        print(f"error: {error}\nhint: name a new or an empty folder", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: the study could not be written: {error}", file=sys.stderr)
        print("hint: check that the folder can be written and has 15 MB to spare", file=sys.stderr)
        return 2
    sizes = [path.stat().st_size for path in out.rglob("*") if path.is_file()]
    print(f"made {out}/: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
