"""Reads where the planes of OME-TIFFs lie: the OME-XML of a file or of its companion.

Follows the OME data model 2016-06: Image, Pixels, Channel, TiffData. Nothing is fetched, and no
entity is expanded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from crate_iscc.pixels import MOST_PLANES, NoPixelsError

_LARGEST_XML = 1 << 28
_TYPES = {"float": "float32", "double": "float64", "bit": "uint8"}


@dataclass(frozen=True, slots=True)
class PlaneRun:
    """Planes that lie in consecutive pages of one file.

    `page` is the first, `count` how many (None: all pages of the file), `first` the place of the
    first by letters. `file` is the name, beside the XML, of the file with that UUID.
    """

    page: int
    count: int | None
    first: dict[str, int]
    file: str | None
    uuid: str | None


@dataclass(frozen=True, slots=True)
class OmeImage:
    """One Image of the XML: sizes by letters, samples in a page, the order of its pages."""

    name: str
    sizes: dict[str, int]
    samples: int
    dtype: str
    order: str
    runs: tuple[PlaneRun, ...]

    @property
    def channels(self) -> int:
        """Channels that have pages of their own; the samples of one are in one page."""
        return self.sizes["C"] // self.samples

    def place(self, run: PlaneRun, number: int) -> tuple[int, int, int]:
        """Return z, channel and t of the page that is so many pages after the first of a run.

        Raises NoPixelsError if the image has no such plane.
        """
        steps = {"Z": self.sizes["Z"], "C": self.channels, "T": self.sizes["T"]}
        rest = number
        for letter in self.order[2:]:
            rest, at = divmod(rest + run.first[letter], steps[letter])
            steps[letter] = at
        if rest:
            raise NoPixelsError("its OME-XML has more planes than its sizes")
        return steps["Z"], steps["C"], steps["T"]


@dataclass(frozen=True, slots=True)
class Ome:
    """An OME-XML: its UUID, the companion that it refers to, and its images."""

    uuid: str | None
    companion: str | None
    images: tuple[OmeImage, ...]


def parse_ome(xml: str | bytes) -> Ome:
    """Parse an OME-XML. Raises NoPixelsError for what is none."""
    if len(xml) > _LARGEST_XML:
        raise NoPixelsError("its OME-XML is too large")
    raw = xml.encode("utf-8") if isinstance(xml, str) else xml
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise NoPixelsError("its OME-XML has a document type, which may hold anything")
    try:
        root = ET.fromstring(raw)  # noqa: S314  # no document type, so no entities
    except (ET.ParseError, ValueError) as error:
        raise NoPixelsError(f"its OME-XML cannot be parsed: {error}") from error
    if _local(root) != "OME":
        raise NoPixelsError("its OME-XML has no OME element")
    companions = [node.get("MetadataFile") for node in root if _local(node) == "BinaryOnly"]
    images = tuple(_image(node) for node in root if _local(node) == "Image")
    return Ome(_uuid(root.get("UUID")), companions[0] if companions else None, images)


def image_names(xml: bytes) -> tuple[str, ...]:
    """Return the ids of the images of an OME-XML. Raises NoPixelsError for what is none."""
    return tuple(image.name for image in parse_ome(xml).images)


def _image(node: ET.Element) -> OmeImage:
    pixels = next((child for child in node if _local(child) == "Pixels"), None)
    if pixels is None:
        raise NoPixelsError("its OME-XML has an Image without Pixels")
    sizes = {letter: _number(pixels, f"Size{letter}", None) for letter in "XYZCT"}
    channels = [child for child in pixels if _local(child) == "Channel"]
    samples = {_number(child, "SamplesPerPixel", 1) for child in channels} or {1}
    if len(samples) > 1 or sizes["C"] % next(iter(samples)) or min(sizes.values()) < 1:
        raise NoPixelsError("its OME-XML has channels and samples that do not agree")
    order = pixels.get("DimensionOrder", "XYZCT")
    if order[:2] != "XY" or sorted(order[2:]) != ["C", "T", "Z"]:
        raise NoPixelsError(f"its OME-XML has an unknown DimensionOrder: {order!r:.20}")
    kind = pixels.get("Type", "")
    return OmeImage(
        node.get("ID") or "Image",
        sizes,
        next(iter(samples)),
        _TYPES.get(kind, kind),
        order,
        tuple(_runs(pixels, next(iter(samples)))),
    )


def _runs(pixels: ET.Element, samples: int) -> Iterator[PlaneRun]:
    for node in pixels:
        if _local(node) != "TiffData":
            continue
        first = {letter: _number(node, f"First{letter}", 0) for letter in "ZCT"}
        first["C"] //= samples
        count = None
        if "PlaneCount" in node.attrib or "IFD" in node.attrib:
            count = _number(node, "PlaneCount", 1)
            if count > MOST_PLANES:
                raise NoPixelsError(f"its OME-XML claims {count} planes in a row")
        uuid = next((child for child in node if _local(child) == "UUID"), None)
        yield PlaneRun(
            _number(node, "IFD", 0),
            count,
            first,
            uuid.get("FileName") if uuid is not None else None,
            _uuid(uuid.text) if uuid is not None else None,
        )


def _number(node: ET.Element, key: str, default: int | None) -> int:
    text = node.get(key)
    if text is None and default is not None:
        return default
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise NoPixelsError(f"its OME-XML has no usable {key}")
    return int(text)


def _uuid(text: str | None) -> str | None:
    return text.strip().lower().removeprefix("urn:uuid:") if text else None


def _local(node: ET.Element) -> str:
    return node.tag.rpartition("}")[2]


def extent_of(image: OmeImage) -> dict[str, int]:
    """Return the sizes of an image by the letters of the walk."""
    return {letter.lower(): size for letter, size in image.sizes.items()}
