"""Packs as `omero transfer pack` lays them out, small and made of nothing but this file."""

import shutil
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
TRANSFER = "openmicroscopy.org/cli/transfer"
HEAD = (
    f'<OME xmlns="{OME}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    f'xsi:schemaLocation="{OME} {OME}/ome.xsd">\n'
)


@dataclass(frozen=True)
class Shown:
    """An image of a pack: its number, its name, its place, and more annotations by their IDs."""

    number: int
    name: str
    place: str | None
    refs: tuple[str, ...] = ()


def transfer_xml(
    images: Sequence[Shown], *, before: str = "", annotations: str = "", after: str = ""
) -> str:
    """Return a transfer.xml: what stands before the images, and after the annotations, is given."""
    told, described = [], []
    for image in images:
        metadata, place = 10**15 + 2 * image.number, 10**15 + 2 * image.number + 1
        refs = [*image.refs, f"Annotation:{metadata}"]
        told.append(_metadata(metadata, image.number))
        if image.place is not None:
            refs.append(f"Annotation:{place}")
            told.append(place_annotation(place, image.place))
        lines = "".join(f"    <AnnotationRef ID={quoteattr(ref)}/>\n" for ref in refs)
        described.append(
            f'  <Image ID="Image:{image.number}" Name={quoteattr(image.name)}>\n'
            "    <Description/>\n"
            f'    <Pixels ID="Pixels:{image.number}" DimensionOrder="XYZCT" Type="uint16" '
            'SizeX="4" SizeY="4" SizeZ="1" SizeC="1" SizeT="1">\n'
            "      <MetadataOnly/>\n"
            "    </Pixels>\n"
            f"{lines}"
            "  </Image>\n"
        )
    return (
        f"{HEAD}{before}{''.join(described)}  <StructuredAnnotations>\n{annotations}"
        f"{''.join(told)}  </StructuredAnnotations>\n{after}</OME>\n\n"
    )


def place_annotation(number: int, place: str) -> str:
    return (
        f'    <XMLAnnotation ID="Annotation:{number}" Namespace="{TRANSFER}">\n'
        "      <Value>\n"
        '        <CLITransferServerPath xsi:schemaLocation="https://raw.githubusercontent.com/ome/'
        'omero-cli-transfer/main/schemas/serverpath.xsd">\n'
        f"          <Path>{escape(place)}</Path>\n"
        "        </CLITransferServerPath>\n"
        "      </Value>\n"
        "    </XMLAnnotation>\n"
    )


def map_annotation(key: str, namespace: str, pairs: Sequence[tuple[str, str]]) -> str:
    lines = "".join(
        f"        <M K={quoteattr(k)}>{escape(v)}</M>\n"
        if v
        else f"        <M K={quoteattr(k)}/>\n"
        for k, v in pairs
    )
    return (
        f"    <MapAnnotation ID={quoteattr(key)} Namespace={quoteattr(namespace)}>\n"
        f"      <Value>\n{lines}      </Value>\n    </MapAnnotation>\n"
    )


def _metadata(number: int, image: int) -> str:
    return (
        f'    <XMLAnnotation ID="Annotation:{number}" Namespace="{TRANSFER}">\n'
        "      <Value>\n"
        '        <CLITransferMetadata xsi:schemaLocation="https://raw.githubusercontent.com/ome/'
        'omero-cli-transfer/main/schemas/preparemetadata.xsd">\n'
        f"          <origin_image_id>{image}</origin_image_id>\n"
        "          <software>omero-cli-transfer</software>\n"
        "          <md5>TBC</md5>\n"
        "        </CLITransferMetadata>\n"
        "      </Value>\n"
        "    </XMLAnnotation>\n"
    )


SINGLE = "root_0/2023-12/18/14-52-03.548/cell 1.tiff"
FILESET = "root_0/2023-12/18/15-01-44.102/mock_folder"
SCENES = "root_0/2024-01/02/09-00-00.001/two scenes.lif"
EXPORTED = "pixel_images/55.tiff"

FILES = {
    SINGLE: b"one raw image" * 50,
    "root_0/2023-12/18/15-01-44.102/set.companion.ome": b"<OME/>",
    "root_0/2023-12/18/15-01-44.102/sub/plane_1.tif": b"plane one" * 20,
    "root_0/2023-12/18/15-01-44.102/sub/plane_2.tif": b"plane two" * 20,
    SCENES: b"both scenes" * 30,
    EXPORTED: b"exported pixels" * 10,
    "file_annotations/60/table.csv": b"a,b\n1,2\n",
}
IMAGES = (
    Shown(51, "cell 1.tiff", SINGLE, ("Annotation:7",)),
    Shown(52, 'set <of> "three" & more', FILESET),
    Shown(53, "two scenes.lif [one]", SCENES),
    Shown(54, "two scenes.lif [two]", SCENES),
    Shown(55, "exported", EXPORTED),
)
DATASETS = (
    '  <Project ID="Project:1" Name="P">\n    <DatasetRef ID="Dataset:2"/>\n  </Project>\n'
    '  <Dataset ID="Dataset:2" Name="D">\n    <ImageRef ID="Image:51"/>\n  </Dataset>\n'
)
PLATE = (
    '  <Plate ID="Plate:9" Name="a plate">\n    <Well ID="Well:1" Column="0" Row="0">\n'
    '      <WellSample ID="WellSample:1" Index="51">\n        <ImageRef ID="Image:51"/>\n'
    "      </WellSample>\n    </Well>\n  </Plate>\n"
)
KEPT = map_annotation("Annotation:7", "jax.org/example", [("species", ""), ("a & b", "x < y")])
ROIS = (
    '  <ROI ID="ROI:51">\n    <Union>\n      <Line FillColor="-256" ID="Shape:51" TheZ="0" '
    'X1="504.0" Y1="534.8" X2="261.8" Y2="284.2"/>\n    </Union>\n  </ROI>\n'
)


def make_pack(folder: Path, xml: str | None = None, *, name: str = "transfer.xml") -> Path:
    """Write a pack of every kind of image into a new folder."""
    for path, content in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / name).write_bytes((xml or full_xml()).encode("utf-8"))
    return folder


def full_xml() -> str:
    """Return the XML of the pack that make_pack writes: datasets, a plate, images and ROIs."""
    return transfer_xml(IMAGES, before=DATASETS + PLATE, annotations=KEPT, after=ROIS)


def zipped(folder: Path, place: Path) -> Path:
    """Return a zip of a pack as shutil makes it, which is what omero-cli-transfer uses."""
    return Path(shutil.make_archive(str(place.with_suffix("")), "zip", folder))


def tarred(folder: Path, place: Path) -> Path:
    """Return a tar of a pack, likewise."""
    return Path(shutil.make_archive(str(place.with_suffix("")), "tar", folder))


def contents(path: Path) -> dict[str, bytes]:
    """Return the files of a folder or zip by their paths."""
    if path.is_dir():
        return {
            one.relative_to(path).as_posix(): one.read_bytes()
            for one in path.rglob("*")
            if one.is_file()
        }
    with zipfile.ZipFile(path) as archive:
        return {n: archive.read(n) for n in archive.namelist() if not n.endswith("/")}
