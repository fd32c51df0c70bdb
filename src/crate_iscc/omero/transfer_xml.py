"""Reads the transfer.xml of a pack, and adds annotations to it without touching anything else.

The text is never written anew from a tree: what is added goes in at places that the parser names,
and every other byte stays. Element order is that of the schema (OME-XML 2016-06): AnnotationRef is
the last child of Image, and StructuredAnnotations are in any order among themselves.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pyexpat import ErrorString
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate
from xml.sax.saxutils import escape, quoteattr

from blake3 import blake3

from crate_iscc.errors import InputError
from crate_iscc.omero.codes import (
    ISCC_SUM,
    NAMESPACE,
    NAMESPACES,
    ImageCodes,
    Pair,
    is_ours,
    kept_from,
    own_pairs,
)

OME_NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
MOST_BYTES = 1 << 29
"""A transfer.xml of more bytes than this is refused."""
_DEEPEST = 200
_HINT = "a pack is what `omero transfer pack` has written"
_TAG = re.compile(rb"""<(?:[^<>"']|"[^"]*"|'[^']*')*>""")
_SPACE = b" \t\r\n"


@dataclass(frozen=True, slots=True)
class Inside:
    """A place at the end of what an element holds.

    The bytes from `start` to `stop` become `opening`, what is added, and `closing`: all three are
    empty but where the element was written as an empty one. `indent` is what stands before each of
    its children: a line break and spaces, or nothing. `prefix` is that of names of the schema.
    """

    start: int
    stop: int
    opening: bytes
    closing: bytes
    indent: bytes
    prefix: str


@dataclass(frozen=True, slots=True)
class PackImage:
    """An Image of a pack: its ID (`Image:51`), its name, and the annotations that it refers to."""

    id: str
    name: str
    refs: tuple[str, ...]
    place: Inside

    @property
    def number(self) -> str:
        """The number of the image in the OMERO that it was packed from."""
        return self.id.rpartition(":")[2]


@dataclass(frozen=True, slots=True)
class PackMap:
    """A MapAnnotation with codes; `spans` are the places of its pairs, with the space before."""

    id: str
    namespace: str
    pairs: tuple[Pair, ...]
    spans: tuple[tuple[int, int], ...]
    place: Inside

    @property
    def is_ours(self) -> bool:
        """Whether this tool keeps it."""
        return is_ours(self.namespace, self.pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What a transfer.xml says of images and their codes.

    `paths` are the places of files in the pack, by the ID of the annotation that tells them, each
    behind its number in the document.
    `annotations` is where another one goes; without StructuredAnnotations it is where they go, and
    `is_annotated` is False. `references` counts how often each annotation is referred to.
    """

    raw: bytes
    images: tuple[PackImage, ...]
    maps: Mapping[str, PackMap]
    paths: Mapping[str, tuple[int, str]]
    ids: frozenset[str]
    references: Mapping[str, int]
    annotations: Inside
    is_annotated: bool

    def path_of(self, image: PackImage) -> str | None:
        """Return the place of an image's file as unpack finds it: the first in the document."""
        told = [self.paths[key] for key in image.refs if key in self.paths]
        return min(told)[1] if told else None

    def maps_of(self, image: PackImage) -> tuple[PackMap, ...]:
        """Return the annotations with codes that an image has."""
        return tuple(self.maps[key] for key in dict.fromkeys(image.refs) if key in self.maps)


def is_xml(head: bytes) -> bool:
    """Tell whether a file that begins so is XML, and no JSON."""
    return head.removeprefix(b"\xef\xbb\xbf").lstrip(_SPACE).startswith(b"<")


def parse_transfer(raw: bytes) -> Transfer:
    """Return what a transfer.xml says.

    It has to be UTF-8 and OME-XML 2016-06, with no document type declaration: so no entity is ever
    expanded, and nothing is fetched. Raises InputError.
    """
    if len(raw) > MOST_BYTES:
        raise InputError(
            "the transfer.xml is too large",
            cause=f"it has {len(raw)} bytes, the limit is {MOST_BYTES}",
        )
    return _Reader(raw).read()


@dataclass(slots=True)
class _Element:
    """An element that is open. Positions are byte offsets."""

    name: str
    prefix: str
    qname: str
    start: int
    tag_end: int
    empty: bool
    attributes: dict[str, str]
    first_child: int | None = None
    last_end: int | None = None


@dataclass(slots=True)
class _MapParts:
    id: str
    namespace: str
    pairs: list[Pair] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)


class _Reader:
    """One run of the parser over a document."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._parser = ParserCreate(namespace_separator=" ")
        self._parser.namespace_prefixes = True
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._open: list[_Element] = []
        self._said: list[str] | None = None
        self._refs: list[str] = []
        self._map: _MapParts | None = None
        self._images: list[PackImage] = []
        self._maps: dict[str, PackMap] = {}
        self._paths: dict[str, tuple[int, str]] = {}
        self._ids: set[str] = set()
        self._references: Counter[str] = Counter()
        self._structured: Inside | None = None
        self._after_images: Inside | None = None

    def read(self) -> Transfer:
        if self._raw.startswith((b"\xff\xfe", b"\xfe\xff", b"<\0", b"\0<")):
            raise _refused("it is not UTF-8")
        try:
            self._parser.Parse(self._raw, True)
        except ExpatError as error:
            words = ErrorString(error.code)
            raise _refused(f"line {error.lineno}: {words}") from error
        place = self._structured or self._after_images
        if place is None:
            raise InputError("the pack describes no image", cause="its XML has no Image")
        return Transfer(
            raw=self._raw,
            images=tuple(self._images),
            maps=self._maps,
            paths=self._paths,
            ids=frozenset(self._ids),
            references=self._references,
            annotations=place,
            is_annotated=self._structured is not None,
        )

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding is not None and encoding.lower() not in ("utf-8", "us-ascii", "ascii"):
            raise _refused(f"its encoding is {encoding!r:.40}, and not UTF-8")

    def _doctype(self, *_: Any) -> None:
        raise _refused("it has a document type declaration, which no OME-XML has")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        uri, local, prefix = [*name.split(" "), ""][:3] if " " in name else ("", name, "")
        start = self._parser.CurrentByteIndex
        found = _TAG.match(self._raw, start)
        if found is None:  # the parser has read it: this cannot be
            raise _refused("a tag cannot be found")
        if not self._open and (uri, local) != (OME_NAMESPACE, "OME"):
            raise _refused("it is not OME-XML of the schema 2016-06")
        if len(self._open) >= _DEEPEST:
            raise _refused(f"its elements are nested more than {_DEEPEST} deep")
        # What an XMLAnnotation holds is of any namespace.
        any_namespace = len(self._open) > 3 and self._open[2].name == "XMLAnnotation"
        element = _Element(
            local if any_namespace or uri == OME_NAMESPACE else f"{{{uri}}}{local}",
            prefix,
            f"{prefix}:{local}" if prefix else local,
            start,
            found.end(),
            found[0].endswith(b"/>"),
            attributes,
        )
        if self._open and self._open[-1].first_child is None:
            self._open[-1].first_child = start
        self._open.append(element)
        self._begin(self._path(), attributes)

    def _begin(self, path: tuple[str, ...], attributes: dict[str, str]) -> None:
        if path[-1] == "AnnotationRef":
            self._references[attributes.get("ID", "")] += 1
        if path == ("OME", "Image"):
            self._refs = []
        elif path == ("OME", "Image", "AnnotationRef"):
            self._refs.append(attributes.get("ID", ""))
        elif path[:2] == ("OME", "StructuredAnnotations"):
            if len(path) == 3:
                self._ids.add(attributes.get("ID", ""))
            if path[2:] == ("MapAnnotation",):
                namespace = attributes.get("Namespace", "")
                is_codes = namespace in NAMESPACES
                self._map = _MapParts(attributes.get("ID", ""), namespace) if is_codes else None
            elif _is_pair(path) or path[2:] == _PATH:
                self._said = []

    def _path(self) -> tuple[str, ...]:
        return tuple(element.name for element in self._open)

    def _text(self, text: str) -> None:
        if self._said is not None:
            self._said.append(text)

    def _end(self, _name: str) -> None:
        path = self._path()
        element = self._open.pop()
        stop = element.tag_end
        if not element.empty:
            stop = self._raw.index(b">", self._parser.CurrentByteIndex) + 1
        said, self._said = self._said, None
        if path == ("OME", "Image"):
            place = self._inside(element)
            image_id = element.attributes.get("ID", "")
            name = element.attributes.get("Name", "")
            self._images.append(PackImage(image_id, name, tuple(self._refs), place))
            indent = self._space_before(element.start)
            self._after_images = Inside(stop, stop, b"", b"", indent, element.prefix)
        elif path == ("OME", "StructuredAnnotations") and self._structured is None:
            self._structured = self._inside(element)
        elif path[2:] == _PATH and said:
            key = self._open[2].attributes.get("ID", "")
            self._paths.setdefault(key, (len(self._paths), "".join(said)))
        elif self._map is not None and _is_pair(path):
            lead = len(self._space_before(element.start))
            self._map.pairs.append((element.attributes.get("K", ""), "".join(said or ())))
            self._map.spans.append((element.start - lead, stop))
        elif self._map is not None and path[2:] == ("MapAnnotation", "Value"):
            known = self._map
            self._maps.setdefault(
                known.id,
                PackMap(
                    known.id,
                    known.namespace,
                    tuple(known.pairs),
                    tuple(known.spans),
                    self._inside(element),
                ),
            )
            self._map = None
        if self._open:
            self._open[-1].last_end = stop

    def _inside(self, element: _Element) -> Inside:
        """Return the place behind the last child of an element that ends here."""
        outer = self._space_before(element.start)
        if element.first_child is not None:
            indent = self._space_before(element.first_child)
        else:
            indent = outer + b"  " if b"\n" in outer else b""
        if element.empty:
            closing = outer if b"\n" in outer else b""
            end = f"</{element.qname}>".encode()
            at = self._raw.rindex(b"/>", element.start, element.tag_end)
            return Inside(at, element.tag_end, b">", closing + end, indent, element.prefix)
        at = element.tag_end if element.last_end is None else element.last_end
        return Inside(at, at, b"", b"", indent, element.prefix)

    def _space_before(self, at: int) -> bytes:
        start = at
        while start and self._raw[start - 1] in _SPACE:
            start -= 1
        return self._raw[start:at]


_PATH = ("XMLAnnotation", "Value", "CLITransferServerPath", "Path")


def _is_pair(path: tuple[str, ...]) -> bool:
    return path[2:] == ("MapAnnotation", "Value", "M")


def _refused(cause: str) -> InputError:
    return InputError("the XML of the pack cannot be used", cause=cause, hint=_HINT)


# --- adding codes ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Annotated:
    """A transfer.xml with codes, and the images by what became of theirs.

    `renewed` names images whose annotation had other codes, with the ISCC-SUM that it had.
    """

    raw: bytes
    added: tuple[str, ...]
    renewed: tuple[tuple[str, str], ...]
    unchanged: tuple[str, ...]


Edit = tuple[int, int, bytes]


def with_codes(transfer: Transfer, codes: Mapping[str, ImageCodes]) -> Annotated:
    """Return the document with one annotation for each image that codes are given for, by its ID.

    An annotation of ours with other codes is brought up to date, one with the same stays as it is:
    a second run changes nothing. Keys that are not ours stay.
    """
    edits: list[Edit] = []
    made: list[bytes] = []
    taken = set(transfer.ids)
    added: list[str] = []
    renewed: list[tuple[str, str]] = []
    unchanged: list[str] = []
    for image in transfer.images:
        if image.id not in codes:
            continue
        ours = [one for one in transfer.maps_of(image) if one.is_ours]
        wanted = codes[image.id]
        for one in ours:
            wanted = kept_from(wanted, one.pairs)
        if any(own_pairs(one.pairs) == wanted.pairs() for one in ours):
            unchanged.append(image.id)
            continue
        if ours:
            renewed.append((image.id, dict(ours[0].pairs)[ISCC_SUM]))
        alone = next((one for one in ours if transfer.references[one.id] == 1), None)
        if alone is not None:
            edits += _renewals(alone, wanted)
            continue
        if not ours:
            added.append(image.id)
        key = _free_id(image.id, taken)
        taken.add(key)
        made.append(_annotation(key, wanted, transfer))
        place = image.place
        prefix = f"{place.prefix}:" if place.prefix else ""
        reference = f"<{prefix}AnnotationRef ID={quoteattr(key)}/>".encode()
        edits.append(_insertion(place, [reference]))
    if made:
        edits.append(_annotations(transfer, made))
    raw = _edited(transfer.raw, edits)
    return Annotated(raw, tuple(added), tuple(renewed), tuple(unchanged))


def _free_id(image_id: str, taken: set[str]) -> str:
    """Return the ID of an image's annotation: the same in every run, and no other's.

    OMERO numbers annotations with 63 bits, and other tools read the ID as a number.
    """
    for attempt in range(1 << 16):
        digest = blake3(f"{NAMESPACE}\0{image_id}\0{attempt}".encode()).digest(8)
        key = f"Annotation:{int.from_bytes(digest) >> 1}"
        if key not in taken:
            return key
    raise InputError("there is no free ID for an annotation")


def _annotation(key: str, codes: ImageCodes, transfer: Transfer) -> bytes:
    place = transfer.annotations
    outer = place.indent
    if not transfer.is_annotated and b"\n" in outer:
        outer += b"  "
    step = [outer + b"  " * depth if b"\n" in outer else b"" for depth in range(3)]
    prefix = f"{place.prefix}:" if place.prefix else ""
    opening = f"<{prefix}MapAnnotation ID={quoteattr(key)} Namespace={quoteattr(NAMESPACE)}>"
    return b"".join(
        (
            opening.encode(),
            step[1] + f"<{prefix}Value>".encode(),
            *(step[2] + _pair(pair, place.prefix) for pair in codes.pairs()),
            step[1] + f"</{prefix}Value>".encode(),
            step[0] + f"</{prefix}MapAnnotation>".encode(),
        )
    )


def _pair(pair: Pair, prefix: str) -> bytes:
    name = f"{prefix}:M" if prefix else "M"
    return f"<{name} K={quoteattr(pair[0])}>{escape(pair[1])}</{name}>".encode()


def _renewals(known: PackMap, wanted: ImageCodes) -> Iterator[Edit]:
    """Yield the edits that take our old pairs out of an annotation and put the new ones in."""
    ours = {key for key, _ in own_pairs(known.pairs)}
    for (key, _), (start, stop) in zip(known.pairs, known.spans, strict=True):
        if key in ours:
            yield start, stop, b""
    yield _insertion(known.place, [_pair(pair, known.place.prefix) for pair in wanted.pairs()])


def _annotations(transfer: Transfer, made: list[bytes]) -> Edit:
    place = transfer.annotations
    if transfer.is_annotated:
        return _insertion(place, made)
    prefix = f"{place.prefix}:" if place.prefix else ""
    inner = place.indent + b"  " if b"\n" in place.indent else b""
    body = b"".join(inner + one for one in made)
    opening = f"<{prefix}StructuredAnnotations>".encode()
    closing = place.indent + f"</{prefix}StructuredAnnotations>".encode()
    return _insertion(place, [opening + body + closing])


def _insertion(place: Inside, parts: list[bytes]) -> Edit:
    content = b"".join(place.indent + part for part in parts)
    return place.start, place.stop, place.opening + content + place.closing


def _edited(raw: bytes, edits: list[Edit]) -> bytes:
    pieces: list[bytes] = []
    at = 0
    for start, stop, new in sorted(edits, key=lambda edit: edit[:2]):
        pieces += (raw[at:start], new)
        at = stop
    pieces.append(raw[at:])
    return b"".join(pieces)
