"""JSON Pointers are found in the text at the line where their key or item stands."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.json_lines import lines_of

TEXT = """{
  "@context": "x",
  "@graph": [
    {"@id": "a",
     "name": "A \\"quoted\\" } ] \\\\",
     "a/b~c": [1,
       {"deep": null}]},
    {
      "@id": "b", "number": 1e400
    }
  ],
  "end": {}
}
"""


@pytest.mark.parametrize(
    ("pointer", "line"),
    [
        ("", 1),
        ("/@context", 2),
        ("/@graph", 3),
        ("/@graph/0", 4),
        ("/@graph/0/@id", 4),
        ("/@graph/0/name", 5),
        ("/@graph/0/a~1b~0c", 6),
        ("/@graph/0/a~1b~0c/0", 6),
        ("/@graph/0/a~1b~0c/1/deep", 7),
        ("/@graph/1", 8),
        ("/@graph/1/number", 9),
        ("/end", 12),
    ],
)
def test_a_pointer_is_found_at_its_line(pointer: str, line: int) -> None:
    """RFC 6901, section 4: the pointer is evaluated step by step, `~1` is `/` and `~0` is `~`."""
    assert lines_of(TEXT, [pointer]) == {pointer: line}


def test_many_pointers_are_found_at_once() -> None:
    """One that leads nowhere is left out."""
    wanted = ["/@graph/1/@id", "/@graph/7", "/@graph/0", "/nothing", "/@context/x"]

    assert lines_of(TEXT, wanted) == {"/@graph/0": 4, "/@graph/1/@id": 9}


def test_a_byte_order_mark_and_long_numbers_are_no_obstacle() -> None:
    """Python would not read an integer of 5,000 digits."""
    text = "\ufeff[\n" + "9" * 5000 + ",\n-0.0,\n\n{}]"

    assert lines_of(text, ["/0", "/1", "/2"]) == {"/0": 2, "/1": 3, "/2": 5}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


def pointers_in(value: Any, place: str = "") -> list[str]:
    found = [place]
    items = (
        enumerate(value)
        if isinstance(value, list)
        else value.items()
        if isinstance(value, dict)
        else ()
    )
    for key, inner in items:
        step = str(key).replace("~", "~0").replace("/", "~1")
        found.extend(pointers_in(inner, f"{place}/{step}"))
    return found


@given(values, st.sampled_from([None, 0, 2]))
def test_every_pointer_of_any_document_is_found(value: Any, indent: int | None) -> None:
    """However it is laid out; lines grow with the order of the text."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    wanted = pointers_in(value)

    found = lines_of(text, wanted)

    assert found.keys() == set(wanted)
    lines = [found[pointer] for pointer in wanted]
    assert lines == sorted(lines)
    if indent is None:
        assert set(lines) == {1}
