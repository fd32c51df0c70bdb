"""Properties of documents: they come back byte for byte."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from property_strategies import ODD, steady

from crate_iscc.errors import InputError
from crate_iscc.jsonld import Document

texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.lists(st.sampled_from([*ODD, '":', '": ', "\\u00e9", "{\n", "[ ", "number:"])).map("".join),
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
documents = st.builds(
    lambda context, graph, rest: {"@context": context, "@graph": graph} | rest,
    values,
    st.lists(values, max_size=4),
    st.dictionaries(texts.filter(lambda key: not key.startswith("@")), values, max_size=2),
)
indents = st.sampled_from([1, 2, 4, 8, "\t", " \t"])
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?", fullmatch=True
)


@steady
@given(documents, indents, st.booleans(), st.booleans(), st.sampled_from(["", "\n", " \n\n"]))
def test_an_indented_document_comes_back_byte_for_byte(
    value: dict[str, Any], indent: int | str, ascii_only: bool, crlf: bool, end: str
) -> None:
    """Whatever it says, and in whichever of the usual styles it is written."""
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only) + end
    raw = (text.replace("\n", "\r\n") if crlf else text).encode()

    assert Document.parse(raw).copy().dump() == raw


@steady
@given(documents, st.sampled_from([(",", ":"), (", ", ": ")]), st.booleans())
def test_a_document_on_one_line_comes_back_byte_for_byte(
    value: dict[str, Any], separators: tuple[str, str], ascii_only: bool
) -> None:
    """Minified and spaced documents keep their separators."""
    raw = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()

    assert Document.parse(raw).copy().dump() == raw


@steady
@given(st.lists(numbers))
def test_every_number_comes_back_as_it_was_written(spelt: list[str]) -> None:
    """RFC 8259, section 6, lets a number have any precision; no digit of it is ours to drop."""
    raw = ('{"@context":"c","@graph":[' + ",".join(spelt) + "]}").encode()

    assert Document.parse(raw).copy().dump() == raw


@steady
@given(st.binary() | st.text().map(str.encode) | documents.map(json.dumps).map(str.encode))
def test_any_bytes_are_parsed_or_refused(raw: bytes) -> None:
    """Nothing but InputError comes out of bytes that are no document."""
    try:
        document = Document.parse(raw)
    except InputError:
        return
    assert json.loads(document.dump()) == json.loads(raw)


@steady
@given(documents, documents)
def test_writing_is_stable(first: dict[str, Any], second: dict[str, Any]) -> None:
    """A document that was written once is written the same ever after."""
    once = Document(first | second).dump()

    assert Document.parse(once).dump() == once
