# ruff: noqa: E501
"""Codes go into a transfer.xml as key-value pairs, and no other byte of it changes."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from omero_pack_kit import (
    DATASETS,
    HEAD,
    IMAGES,
    KEPT,
    OME,
    PLATE,
    ROIS,
    Shown,
    full_xml,
    map_annotation,
    place_annotation,
    transfer_xml,
)

from crate_iscc.errors import InputError
from crate_iscc.omero.codes import NAMESPACE, ImageCodes
from crate_iscc.omero.transfer_xml import Transfer, parse_transfer, with_codes

CODES = ImageCodes(iscc="ISCC:K4AIGSZCAQXVF2AP7UUFAL4ACLTAVCPE", datahash="1e20" + "ab" * 32)
OTHER = ImageCodes(iscc="ISCC:K4ABGARP3BZ4AHJZZKJQAJ2D2KGLDUO5", datahash="1e20" + "cd" * 32)


def all_coded(transfer: Transfer, codes: ImageCodes = CODES) -> dict[str, ImageCodes]:
    return {image.id: codes for image in transfer.images}


def pairs_of(raw: bytes, image_id: str) -> list[dict[str, str]]:
    """Return our annotations of an image, by the parser that reads packs."""
    transfer = parse_transfer(raw)
    image = next(one for one in transfer.images if one.id == image_id)
    return [dict(one.pairs) for one in transfer.maps_of(image)]


def test_every_image_gets_one_annotation_and_nothing_else_changes() -> None:
    raw = full_xml().encode()
    transfer = parse_transfer(raw)
    result = with_codes(transfer, all_coded(transfer))
    assert [image.id for image in transfer.images] == [f"Image:{n}" for n in range(51, 56)]
    assert result.added == tuple(image.id for image in transfer.images)
    for image in transfer.images:
        assert pairs_of(result.raw, image.id) == [dict(CODES.pairs())]
    made = set(re.findall(rb'MapAnnotation ID="(Annotation:\d+)" Namespace="org', result.raw))
    assert len(made) == 5
    without = result.raw
    for key in made:
        without = re.sub(rb'\n *<AnnotationRef ID="%b"/>' % key, b"", without)
        without = re.sub(
            rb'\n *<MapAnnotation ID="%b".*?</MapAnnotation>' % key, b"", without, flags=re.DOTALL
        )
    assert without == raw


def test_a_second_run_changes_nothing() -> None:
    transfer = parse_transfer(full_xml().encode())
    once = with_codes(transfer, all_coded(transfer))
    again = parse_transfer(once.raw)
    twice = with_codes(again, all_coded(again))
    assert twice.raw == once.raw
    assert not twice.added
    assert len(twice.unchanged) == 5


def test_other_codes_take_the_place_of_the_old_ones_and_other_keys_stay() -> None:
    transfer = parse_transfer(full_xml().encode())
    once = with_codes(transfer, all_coded(transfer)).raw
    noted = once.replace(
        b'<Value>\n        <M K="ISCC-SUM"',
        b'<Value>\n        <M K="note">mine</M>\n        <M K="ISCC-SUM"',
        1,
    )
    again = parse_transfer(noted)
    result = with_codes(again, all_coded(again, OTHER))
    assert result.renewed == tuple((image.id, CODES.iscc) for image in again.images)
    assert pairs_of(result.raw, "Image:51") == [{"note": "mine", **dict(OTHER.pairs())}]
    assert result.raw.count(b"<MapAnnotation ") == noted.count(b"<MapAnnotation ")
    back = with_codes(parse_transfer(result.raw), all_coded(again))
    assert back.raw == noted


def test_what_was_known_of_the_same_bytes_besides_is_kept_and_of_other_bytes_is_not() -> None:
    known = [*CODES.pairs(), ("ISCC pixel code", "ISCC:P"), ("ISCC-ID", "ISCC:MAIGX")]
    xml = transfer_xml(
        [Shown(1, "a", "a.tif", ("Annotation:3",))],
        annotations=map_annotation("Annotation:3", NAMESPACE, known),
    )
    transfer = parse_transfer(xml.encode())
    same = with_codes(transfer, {"Image:1": CODES})
    assert same.raw == xml.encode()
    assert same.unchanged == ("Image:1",)
    other = with_codes(transfer, {"Image:1": OTHER})
    assert pairs_of(other.raw, "Image:1") == [dict(OTHER.pairs())]


def test_annotations_of_other_tools_in_the_same_namespace_are_left_alone() -> None:
    theirs = map_annotation("Annotation:3", NAMESPACE, [("ISCC-CODE", "ISCC:X"), ("ISCC-ID", "")])
    xml = transfer_xml([Shown(1, "a", "a.tif", ("Annotation:3",))], annotations=theirs)
    result = with_codes(parse_transfer(xml.encode()), {"Image:1": CODES})
    assert theirs.encode() in result.raw
    assert {"ISCC-CODE": "ISCC:X", "ISCC-ID": ""} in pairs_of(result.raw, "Image:1")
    assert dict(CODES.pairs()) in pairs_of(result.raw, "Image:1")


def test_an_annotation_that_two_images_share_is_not_changed_for_one_of_them() -> None:
    shared = map_annotation("Annotation:3", NAMESPACE, CODES.pairs())
    xml = transfer_xml(
        [Shown(n, "a", "a.tif", ("Annotation:3",)) for n in (1, 2)], annotations=shared
    )
    once = with_codes(parse_transfer(xml.encode()), {"Image:1": CODES, "Image:2": OTHER})
    assert shared.encode() in once.raw
    assert once.unchanged == ("Image:1",)
    assert dict(OTHER.pairs()) in pairs_of(once.raw, "Image:2")
    twice = with_codes(parse_transfer(once.raw), {"Image:1": CODES, "Image:2": OTHER})
    assert twice.raw == once.raw


def test_an_id_that_another_annotation_has_is_not_taken() -> None:
    xml = transfer_xml([Shown(1, "a", "a.tif")])
    first = with_codes(parse_transfer(xml.encode()), {"Image:1": CODES}).raw
    key = re.search(rb'MapAnnotation ID="(Annotation:\d+)"', first)
    assert key is not None
    taken = map_annotation(key[1].decode(), "somebody.else", [("a", "b")])
    crowded = transfer_xml([Shown(1, "a", "a.tif")], annotations=taken)
    result = with_codes(parse_transfer(crowded.encode()), {"Image:1": CODES}).raw
    assert pairs_of(result, "Image:1") == [dict(CODES.pairs())]
    assert result.count(key[1]) == 1


PIXELS = (
    '<Pixels ID="Pixels:1" DimensionOrder="XYZCT" Type="uint8" SizeX="1" SizeY="1" SizeZ="1" '
    'SizeC="1" SizeT="1"><MetadataOnly/></Pixels>'
)
_SHAPES = {
    "no structured annotations": f'{HEAD}  <Image ID="Image:1" Name="a">\n    <Pixels/>\n  </Image>\n{ROIS}</OME>',
    "empty structured annotations": f'{HEAD}  <Image ID="Image:1"><Pixels/></Image>\n  <StructuredAnnotations/>\n</OME>',
    "all in one line": f'<OME xmlns="{OME}"><Image ID="Image:1"><Pixels/></Image></OME>',
    "another prefix": f'<o:OME xmlns:o="{OME}"><o:Image ID="Image:1"><o:Pixels/></o:Image><o:StructuredAnnotations/></o:OME>',
    "an image without anything": f'<OME xmlns="{OME}"><Image ID="Image:1"/></OME>',
    "line breaks of Windows": transfer_xml([Shown(1, "a > b", "a.tif")]).replace("\n", "\r\n"),
    "a byte order mark and a declaration": '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n'
    + transfer_xml([Shown(1, "ä", "ä.tif")]),
    "comments and quotes": f"<OME xmlns='{OME}'><!-- </Image> --><Image Name='> \"' ID='Image:1'><Pixels/><![CDATA[ ]]></Image ></OME>",
}


SHAPES = {
    name: xml.replace("<Pixels/>", PIXELS).replace(
        "<o:Pixels/>",
        PIXELS.replace("<", "<o:").replace("<o:/", "</o:"),
    )
    for name, xml in _SHAPES.items()
}


@pytest.mark.parametrize("xml", SHAPES.values(), ids=SHAPES)
def test_documents_of_every_shape_are_annotated_and_read_again(xml: str) -> None:
    raw = xml.encode()
    result = with_codes(parse_transfer(raw), {"Image:1": CODES})
    assert pairs_of(result.raw, "Image:1") == [dict(CODES.pairs())]
    again = with_codes(parse_transfer(result.raw), {"Image:1": CODES})
    assert again.raw == result.raw
    kept = iter(result.raw)
    if b"<StructuredAnnotations/>" not in raw and b'1"/>' not in raw and b"o:Str" not in raw:
        assert all(byte in kept for byte in raw)  # a subsequence: nothing was taken out
    if b"\n" not in raw:
        assert b"\n" not in result.raw
    if b"\r\n" in raw:
        assert result.raw.count(b"\r\n") == result.raw.count(b"\n")


@pytest.mark.parametrize("xml", [full_xml(), *SHAPES.values()], ids=["full", *SHAPES])
def test_what_is_written_is_valid_by_the_schema_wherever_it_was_before(xml: str) -> None:
    """The XSD of OME-XML 2016-06, as ome-types ships it, judges."""
    etree = pytest.importorskip("lxml.etree")
    ome_types = pytest.importorskip("ome_types")
    file = Path(ome_types.__file__).parent / "ome-2016-06.xsd"
    schema = etree.XMLSchema(etree.parse(file, etree.XMLParser(no_network=True)))

    def faults(raw: bytes) -> list[str]:
        schema.validate(etree.fromstring(raw))
        return [error.message for error in schema.error_log]

    incomplete = "Pixels" not in xml  # the schema asks for Pixels
    assert len(faults(xml.encode())) == incomplete
    transfer = parse_transfer(xml.encode())
    assert len(faults(with_codes(transfer, all_coded(transfer)).raw)) == incomplete


@given(st.text(min_size=1).filter(lambda text: text.isprintable()), st.sampled_from(["", "\n  "]))
def test_any_text_survives_as_name_and_as_code(text: str, space: str) -> None:
    xml = transfer_xml([Shown(1, text, text)], before=space)
    transfer = parse_transfer(xml.encode("utf-8", "replace"))
    codes = ImageCodes(iscc=text, datahash=text)
    result = with_codes(transfer, {"Image:1": codes})
    if "?" not in text:
        assert pairs_of(result.raw, "Image:1") == [dict(codes.pairs())]
        assert parse_transfer(result.raw).images[0].name == text


BOMB = '<!DOCTYPE OME [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
HOSTILE = {
    "entities that grow": (BOMB + transfer_xml([Shown(1, "&b;", "a")]), "document type"),
    "an external entity": (
        '<!DOCTYPE OME [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + transfer_xml(IMAGES),
        "document type",
    ),
    "a DTD elsewhere": (
        '<!DOCTYPE OME SYSTEM "http://127.0.0.1:9/x.dtd">' + transfer_xml(IMAGES),
        "document type",
    ),
    "an entity that nobody defined": (HEAD + "<Image ID='&x;'/></OME>", "undefined entity"),
    "depth": (HEAD + "<a>" * 10_000 + "</a>" * 10_000 + "</OME>", "deep"),
    "another encoding": ('<?xml version="1.0" encoding="latin-1"?>' + HEAD + "</OME>", "latin-1"),
    "another root": ("<html/>", "2016-06"),
    "an older schema": (f'<OME xmlns="{OME[:-7]}2010-06"/>', "2016-06"),
    "no image": (HEAD + "</OME>", "no Image"),
    "a cut file": (full_xml()[:900], "line "),
    "nothing": ("", "no element"),
    "two roots": (transfer_xml(IMAGES) * 2, "junk"),
}


@pytest.mark.parametrize(("xml", "why"), HOSTILE.values(), ids=HOSTILE)
def test_xml_that_is_hostile_or_no_pack_is_refused_with_the_reason(xml: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_transfer(xml.encode())
    assert why in f"{caught.value.message} {caught.value.cause}"


def test_utf16_is_refused() -> None:
    with pytest.raises(InputError, match="not UTF-8"):
        parse_transfer(full_xml().encode("utf-16"))


def test_an_image_of_another_namespace_is_no_image() -> None:
    xml = (
        f'<OME xmlns="{OME}" xmlns:x="urn:x"><x:Image ID="Image:2"/>'
        '<Image ID="Image:1"><Pixels/><x:AnnotationRef ID="Annotation:1"/></Image></OME>'
    )
    transfer = parse_transfer(xml.encode())
    assert [(image.id, image.refs) for image in transfer.images] == [("Image:1", ())]


def test_the_place_of_an_image_is_the_first_that_the_document_tells() -> None:
    """As get_server_path of omero-cli-transfer has it."""
    transfer = parse_transfer(full_xml().encode())
    assert [transfer.path_of(image) for image in transfer.images] == [
        image.place for image in IMAGES
    ]
    nowhere = parse_transfer(transfer_xml([Shown(1, "a", None)]).encode())
    assert nowhere.path_of(nowhere.images[0]) is None
    two = "".join(place_annotation(number, f"{number}.tif") for number in (9, 8))
    refs = ("Annotation:8", "Annotation:9")
    first = parse_transfer(transfer_xml([Shown(1, "a", None, refs)], annotations=two).encode())
    assert first.path_of(first.images[0]) == "9.tif"


def test_datasets_plates_and_annotations_of_others_are_not_touched() -> None:
    transfer = parse_transfer(full_xml().encode())
    result = with_codes(transfer, all_coded(transfer)).raw.decode()
    for part in (DATASETS, PLATE, KEPT, ROIS):
        assert part in result


_PIECES = (
    b"<", b">", b"/>", b"&", b'"', b"<Image>", b"</Image>", b"<StructuredAnnotations/>", b"<M/>",
    b"<AnnotationRef/>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"\0", b"\xff", b" xmlns=''", b"OME",
)  # fmt: skip


@given(
    st.sampled_from([full_xml(), *SHAPES.values()]),
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(_PIECES)),
        min_size=1,
        max_size=3,
    ),
)
def test_damaged_xml_is_refused_or_annotated_and_then_left_alone(
    xml: str, damage: list[tuple[float, int, bytes]]
) -> None:
    raw = xml.encode()
    for place, cut, piece in damage:
        at = int(place * len(raw))
        raw = raw[:at] + piece + raw[at + cut :]
    try:
        transfer = parse_transfer(raw)
    except InputError:
        return
    once = with_codes(transfer, all_coded(transfer)).raw
    again = parse_transfer(once)
    assert [image.id for image in again.images] == [image.id for image in transfer.images]
    assert with_codes(again, all_coded(again)).raw == once
