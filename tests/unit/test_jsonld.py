"""A JSON-LD document comes back as it was, and is refused where it could not be kept."""

import json

import pytest

from crate_iscc.errors import InputError
from crate_iscc.jsonld import Document, references, strings

VALUE = {
    "@context": ["https://w3id.org/ro/crate/1.3/context", {"own": "https://example.org/own"}],
    "@graph": [
        {"@id": "./", "@type": ["Dataset"], "name": "Zellen \u2014 \u7d30\u80de", "empty": []},
        {"@id": "a.tif", "own": {}, "z": None, "a": True, "m": [1, 2.5, -3]},
    ],
}


def document(graph: str, *, context: str = '"https://w3id.org/ro/crate/1.3/context"') -> Document:
    text = '{"@context": ' + context + ', "@graph": ' + graph + "}"
    return Document.parse(text.encode())


def roundtrip(raw: bytes) -> bytes:
    return Document.parse(raw).copy().dump()


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n"], ids=repr)
@pytest.mark.parametrize("ascii_only", [False, True], ids=["native", "escaped"])
@pytest.mark.parametrize("indent", [2, 4, 1, "\t", 0], ids=repr)
def test_an_indented_document_comes_back_byte_for_byte(
    indent: int | str, ascii_only: bool, end: str
) -> None:
    """The indentation, the end of the text and the escaping of non-ASCII are kept."""
    raw = (json.dumps(VALUE, indent=indent, ensure_ascii=ascii_only) + end).encode()

    assert roundtrip(raw) == raw


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["minified", "spaced"])
@pytest.mark.parametrize("ascii_only", [False, True], ids=["native", "escaped"])
def test_a_document_on_one_line_comes_back_byte_for_byte(
    separators: tuple[str, str], ascii_only: bool
) -> None:
    """A minified document stays minified."""
    raw = json.dumps(VALUE, separators=separators, ensure_ascii=ascii_only).encode()

    assert roundtrip(raw) == raw


@pytest.mark.parametrize("text", ['the key "a":1', ":-)"])
def test_a_colon_in_a_text_does_not_make_a_document_minified(text: str) -> None:
    """The style is that of the JSON, not of what stands in its texts."""
    value = {"@context": "c", "@graph": [{"@id": "./", "description": text}]}
    raw = json.dumps(value).encode()

    assert roundtrip(raw) == raw


def test_an_escaped_control_character_does_not_make_a_document_escape_the_rest() -> None:
    """RFC 8259, section 7, asks for control characters to be escaped, and for no others."""
    edited = Document.parse(b'{"@context":"c","@graph":[{"@id":"./","name":"bell \\u0007"}]}')

    edited.put({"@id": "./", "author": "Zo\u00eb"})

    assert '"author":"Zo\u00eb"' in edited.dump().decode()


def test_windows_line_ends_are_kept() -> None:
    """CRLF comes back as CRLF, also behind the last bracket."""
    raw = (json.dumps(VALUE, indent=2) + "\n").replace("\n", "\r\n").encode()

    assert roundtrip(raw) == raw


@pytest.mark.parametrize(
    "raw",
    [
        b'{\n  "@context": "c",\n  "@graph": [\n    {"@id": "a", "@type": ["File", "X"]}\n  ]\n}\n',
        b'{\n  "@context" : "c",\n  "@graph" : [ ]\n}\n',
        b'\n{"@context":"c","@graph":[]}',
        b'{"@context":"https:\\/\\/w3id.org\\/ro\\/crate\\/1.3\\/context","@graph":[]}',
        b'{"@context":"c","@graph":[{"@id":"./","name":"\\u00C9"}]}',
        b'{"@context":"c","@graph":[{"@id":"./","name":"\\u001f\x7f"}]}',
    ],
    ids=[
        "lists on one line",
        "spaced colons",
        "leading line",
        "escaped slashes",
        "upper hex",
        "native DEL",
    ],
)
def test_a_document_in_another_hand_comes_back_byte_for_byte(raw: bytes) -> None:
    """What nobody changed is written back as it came, whichever tool or person laid it out."""
    assert roundtrip(raw) == raw


@pytest.mark.parametrize(
    "number",
    ["1.50", "1E400", "-0", "-0.0", "1e5", "1.0", "0.1", "12345678901234567890", "1" + "0" * 1500],
    ids=lambda text: text[:12],
)
def test_a_number_comes_back_as_it_was_written(number: str) -> None:
    """No digit, sign or exponent is lost to a float, however long the number is."""
    raw = f'{{"@context": "c", "@graph": [{{"@id": "./", "n": [{number}, "{number}"]}}]}}'.encode()

    assert roundtrip(raw) == raw


def test_a_byte_order_mark_is_read_over_and_not_written_anew() -> None:
    """It stays in a file that is not changed, and is not put in front of one that is.

    RFC 8259, section 8.1: "Implementations MUST NOT add a byte order mark".
    """
    raw = b"\xef\xbb\xbf" + json.dumps(VALUE, indent=2).encode()
    edited = Document.parse(raw)

    edited.put({"@id": "a.tif", "own": "changed"})

    assert roundtrip(raw) == raw
    assert edited.dump() == raw[3:].replace(b"{}", b'"changed"')


@pytest.mark.parametrize("native", ["", "\u00e9"], ids=["escaped", "mixed"])
def test_a_lone_surrogate_is_kept_as_an_escape(native: str) -> None:
    """A text that is legal JSON and no legal Unicode is written as legal JSON again."""
    raw = f'{{"@context":"c","@graph":[{{"@id":"./","name":"{native}\\ud800"}}]}}'.encode()

    assert json.loads(roundtrip(raw)) == json.loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"not JSON",
        b'{"@context": "c", "@graph": []',
        b'{"@context": "c", "@graph": [NaN]}',
        b'{"@context": "c", "@graph": [-Infinity]}',
        b'{"@context": "c", "@graph": []} {}',
        b'{"@context": "c", "@graph": ["\xe9"]}',
        '{"@context": "c", "@graph": []}'.encode("utf-16"),
        b"[]",
        b'"@graph"',
        b'{"@context": "c"}',
        b'{"@context": "c", "@graph": {"@id": "./"}}',
    ],
)
def test_what_is_no_ro_crate_json_ld_is_refused(raw: bytes) -> None:
    """Bytes that are not UTF-8 JSON, and JSON without a `@graph` list, are no document.

    RFC 8259, section 6: "Numeric values that cannot be represented in the grammar below (such
    as Infinity and NaN) are not permitted."
    """
    with pytest.raises(InputError):
        Document.parse(raw)


@pytest.mark.parametrize(
    "graph",
    [
        '[{"@id": "a", "@id": "b"}]',
        '[{"@id": "a", "x": {"v": 1, "v": 1}}]',
        '[{"@id": "a", "n\\u0061me": 1, "name": 2}]',
        '[{"@id" : "a", "v": 1, "v": 1}]',
        '[{"@id": "a", "v" : 1, "v": 1, "w": ":"}]',
        '[{"@id": "a", "v"\n: 1, "v": 1, "w": "\\":"}]',
        '[{"@id": "a", "v": 1, "v"\t: ": :", "w": ["\\":"]}]',
    ],
)
def test_a_key_that_stands_twice_in_one_object_is_refused(graph: str) -> None:
    """Of two values one would be lost, so neither is chosen.

    RFC 8259, section 4: "When the names within an object are not unique, the behavior of
    software that receives such an object is unpredictable."
    """
    with pytest.raises(InputError, match="ambiguous"):
        document(graph)


@pytest.mark.parametrize("text", ['":"', '"\\":"', '" :"', '"a\\" : b"', '{"b" : ":"}'])
def test_what_looks_like_a_key_is_none(text: str) -> None:
    """Colons and quotation marks in texts, and spaces before colons, change nothing."""
    raw = '{"@context": [], "@graph": [{"@id": "a", "v": ' + text + "}]}"

    found = Document.parse(raw.encode())

    assert found.value == json.loads(raw)
    assert found.dump() == raw.encode()


@pytest.mark.parametrize("depth", [300, 100_000])
@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")], ids=["lists", "objects"])
def test_deep_nesting_is_refused(start: str, end: str, depth: int) -> None:
    """A hostile document ends in a message, never in a crash."""
    inner = "1" if start != "[" else ""

    with pytest.raises(InputError, match="deep"):
        document("[" + start * depth + inner + end * depth + "]")


def test_a_copy_is_independent() -> None:
    """A change of a copy, however deep, leaves the document as it was."""
    original = document('[{"@id": "./", "author": [{"name": "A"}]}]')
    before = original.dump()

    original.copy().graph[0]["author"][0]["name"] = "B"

    assert original.dump() == before


def test_every_object_that_says_something_is_found_in_order() -> None:
    """Nested objects are found too; bare references and objects without an `@id` are not."""
    graph = """[
        {"@id": "./", "hasPart": [{"@id": "a"}, {"@id": "b", "n": {"@id": "c", "v": 1}}], "z":
            {"@id": "d", "v": 2}},
        {"no": "id", "in": {"@id": "e", "v": 3}},
        "a text", ["list", {"@id": "f", "v": 4}],
        {"@id": 5, "v": 5}
    ]"""

    found = [entity["@id"] for entity in document(graph).objects()]

    assert found == ["./", "b", "c", "d", "e", "f"]


def test_put_updates_the_top_level_entity_or_adds_one() -> None:
    """Other properties of the entity stay, and a new entity comes last."""
    edited = document('[{"@id": "a", "name": "A", "own": 1}, {"@id": "b", "x": {"@id": "c"}}]')

    edited.put({"@id": "a", "name": "B"})
    edited.put({"@id": "c", "name": "C"})
    edited.put({"@id": "c", "name": "D"})

    assert edited.graph == [
        {"@id": "a", "name": "B", "own": 1},
        {"@id": "b", "x": {"@id": "c"}},
        {"@id": "c", "name": "D"},
    ]


def test_put_with_keep_leaves_an_entity_that_is_there() -> None:
    """Only what is missing is added."""
    edited = document('[{"@id": "a", "name": "A"}]')

    edited.put({"@id": "a", "name": "B", "new": 1}, keep=True)
    edited.put({"@id": "b", "name": "B"}, keep=True)

    assert edited.graph == [{"@id": "a", "name": "A"}, {"@id": "b", "name": "B"}]


def test_drop_removes_entities_and_their_places_in_any_whole() -> None:
    """References in `hasPart` go with the entity, and the list with the last of them."""
    edited = document(
        """[
        {"@id": "./", "mentions": {"@id": "a"},
         "hasPart": [{"@id": "a"}, {"@id": "b"}, {"@id": "raw/", "hasPart": {"@id": "a"}}]},
        {"@id": "a", "name": "A"}, {"@id": "b", "name": "B"}, {"name": "no id"}
    ]"""
    )

    edited.drop({"a"})
    edited.put({"@id": "a", "name": "again"})

    assert edited.graph == [
        {
            "@id": "./",
            "hasPart": [{"@id": "b"}, {"@id": "raw/"}],
            "mentions": {"@id": "a"},
        },
        {"@id": "b", "name": "B"},
        {"name": "no id"},
        {"@id": "a", "name": "again"},
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"base"', ["base", {"t": "https://example.org/t"}]),
        ('["base"]', ["base", {"t": "https://example.org/t"}]),
        ('["base", {"u": "U"}]', ["base", {"u": "U", "t": "https://example.org/t"}]),
        ('[{"u": "U"}, "base"]', [{"u": "U"}, "base", {"t": "https://example.org/t"}]),
        ('{"u": "U"}', [{"u": "U", "t": "https://example.org/t"}]),
        ("null", [{"t": "https://example.org/t"}]),
    ],
)
def test_a_new_term_goes_behind_the_context_that_is_there(before: str, after: object) -> None:
    """Nothing of the context is lost, and what is written uses the short name."""
    edited = document("[]", context=before)

    keys = edited.define_terms({"t": "https://example.org/t"})

    assert keys == {"t": "t"}
    assert edited.value["@context"] == after


@pytest.mark.parametrize("meaning", ['"https://example.org/t"', '{"@id": "https://example.org/t"}'])
def test_a_term_that_is_defined_alike_is_used_as_it_is(meaning: str) -> None:
    """The context stays, whether the definition is a text or an object."""
    edited = document("[]", context=f'["base", {{"t": {meaning}}}]')
    before = edited.dump()

    keys = edited.define_terms({"t": "https://example.org/t"})

    assert keys == {"t": "t"}
    assert edited.dump() == before


@pytest.mark.parametrize("meaning", ['"https://example.org/other"', '{"@id": "o", "@type": "@id"}'])
def test_a_term_with_another_meaning_is_written_as_its_full_iri(meaning: str) -> None:
    """The crate's own meaning stays, and neither is taken for the other."""
    edited = document("[]", context=f'["base", {{"t": {meaning}}}]')
    before = edited.dump()

    keys = edited.define_terms({"t": "https://example.org/t"})

    assert keys == {"t": "https://example.org/t"}
    assert edited.dump() == before


def test_the_last_definition_of_a_term_is_the_one_in_force() -> None:
    """Whether it is ours or not.

    JSON-LD 1.1, section 4.1: "Duplicate context terms are overridden using a
    most-recently-defined-wins mechanism."
    """
    iri = "https://example.org/t"
    ours = document("[]", context=f'[{{"t": "other"}}, {{"t": "{iri}"}}]')
    theirs = document("[]", context=f'[{{"t": "{iri}"}}, {{"t": "other"}}]')

    assert ours.define_terms({"t": iri}) == {"t": "t"}
    assert theirs.define_terms({"t": iri}) == {"t": iri}


def test_texts_and_references_are_read_however_they_are_written() -> None:
    """One value, several, and `@value` objects are texts; objects with an `@id` refer."""
    value = ["a", {"@value": "b", "@language": "de"}, {"@id": "#c"}, 4, None, {"@id": 5}]

    assert strings(value) == ["a", "b"]
    assert strings("a") == ["a"]
    assert strings(None) == []
    assert references(value) == ["#c"]
    assert references({"@id": "#c"}) == ["#c"]
