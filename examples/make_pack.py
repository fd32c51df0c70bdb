"""Makes a small pack as `omero transfer pack` of omero-cli-transfer lays them out.

    python examples/make_pack.py pack

Three images: one file, a set of two files, and one that OMERO exported; and an OMERO.figure of two
panels. The pixels are made up; the same run makes the same bytes.
"""

import argparse
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
TRANSFER = "openmicroscopy.org/cli/transfer"
IMAGES = {
    51: ("mitosis.tif", "root_0/2024-05/13/10-12-44.103/mitosis.tif"),
    52: ("tiles.companion.ome", "root_0/2024-05/13/10-15-02.771/mock_folder"),
    53: ("projection", "pixel_images/53.tiff"),
}
FILES = {
    "root_0/2024-05/13/10-12-44.103/mitosis.tif": 40_000,
    "root_0/2024-05/13/10-15-02.771/tiles.companion.ome": 900,
    "root_0/2024-05/13/10-15-02.771/tile_0.tif": 25_000,
    "pixel_images/53.tiff": 10_000,
}


def main() -> None:
    """Write the pack into a new folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for number, (path, size) in enumerate(FILES.items()):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(bytes((7 * i + number) % 251 for i in range(size)))
    (folder / "figures").mkdir()
    (folder / "figures/Figure_9.json").write_text(json.dumps(figure(), indent=1), "utf-8")
    (folder / "transfer.xml").write_bytes(transfer_xml())
    print(f"made {folder}/: {len(IMAGES)} images, {len(FILES)} files of them, a figure")


def transfer_xml() -> bytes:
    """Return the OME-XML that says which file is which image."""
    ET.register_namespace("", OME)
    root = ET.Element(f"{{{OME}}}OME")
    annotations = []
    for number, (name, place) in IMAGES.items():
        image = ET.SubElement(root, f"{{{OME}}}Image", ID=f"Image:{number}", Name=name)
        sizes = {f"Size{axis}": size for axis, size in zip("XYZCT", "88111", strict=True)}
        pixels = ET.SubElement(
            image,
            f"{{{OME}}}Pixels",
            {"ID": f"Pixels:{number}", "DimensionOrder": "XYZCT", "Type": "uint16", **sizes},
        )
        ET.SubElement(pixels, f"{{{OME}}}MetadataOnly")
        ET.SubElement(image, f"{{{OME}}}AnnotationRef", ID=f"Annotation:{9000 + number}")
        annotations.append((9000 + number, place))
    structured = ET.SubElement(root, f"{{{OME}}}StructuredAnnotations")
    for number, place in annotations:
        annotation = ET.SubElement(
            structured, f"{{{OME}}}XMLAnnotation", ID=f"Annotation:{number}", Namespace=TRANSFER
        )
        value = ET.SubElement(annotation, f"{{{OME}}}Value")
        told = ET.SubElement(value, f"{{{OME}}}CLITransferServerPath")
        ET.SubElement(told, f"{{{OME}}}Path").text = place
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8")) + b"\n"


def figure() -> dict[str, Any]:
    """Return an OMERO.figure of two panels; the second one shows an image of another server."""
    shown = {
        "width": 100, "height": 100, "orig_width": 512, "orig_height": 512, "zoom": 200,
        "dx": 20, "dy": 0, "rotation": 0, "theZ": 4, "theT": 0,
        "channels": [
            {"label": "H2B", "color": "00FF00", "active": True, "window": {"start": 80, "end": 900}}
        ],
    }  # fmt: skip
    return {
        "version": 8,
        "figureName": "Figure 2",
        "panels": [
            {"imageId": 51, "name": "mitosis.tif", "labels": [{"text": "A"}], **shown},
            {"imageId": 9822152, "name": "x.zarr", "baseUrl": "idr.example.org", **shown},
        ],
    }


if __name__ == "__main__":
    main()
