"""Names are judged by what other systems do to them, a million as one by one."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.packed import PackedBytes
from crate_iscc.portability import LONGEST_NAME, LONGEST_PATH, name_findings, name_problem

_NAMES = st.text(st.sampled_from("aAbB.é\u0301eÉß \\:ſsKk"), min_size=1, max_size=3)
_PATHS = st.sets(st.lists(_NAMES, min_size=1, max_size=3).map("/".join), max_size=12)


def found(*paths: str) -> list[tuple[str, str]]:
    ordered = sorted(path.encode() for path in paths)
    return [(f.id, str(f.path)) for f in name_findings(PackedBytes(ordered))]


@pytest.mark.parametrize(
    "path",
    ["a\nb", "\x01", "a\x7f", "a\\b", "a:b", "a*", "a?b", 'a"', "<", ">", "a|b", "a.", "a ",
     "a./b", "x/ /y", "CON", "con.txt", "x/Aux/y", "nul.tar.gz", "COM1", "lpt9.dat", "CONIN$",
     "n" * (LONGEST_NAME + 1), "ü" * 128, "/".join(["d" * 200] * 6)],
)  # fmt: skip
def test_a_name_that_some_system_cannot_hold_is_named(path: str) -> None:
    """Between any others, at any depth."""
    assert found("a", path, "sub/" + path, "z") == [
        ("path.portability", other) for other in sorted([path, "sub/" + path], key=str.encode)
    ]


@pytest.mark.parametrize(
    "path",
    ["a.b", ".a", "a b", " a", "...a", "console", "conx.txt", "com", "com10", "nulx", "a-con",
     "xcon/y", "n" * LONGEST_NAME, "ü" * 127, "面试", "a'b", "a;b&c=d@e[f]{g}(h)+,!#$%^~`"],
)  # fmt: skip
def test_a_name_that_all_systems_hold_is_nothing_to_mention(path: str) -> None:
    """Spaces, other scripts, and what only looks like the name of a device."""
    assert found(path, "sub/" + path) == []


def test_a_path_may_be_as_long_as_all_systems_allow() -> None:
    """One byte more is too long."""
    longest = "/".join(["d" * 200] * 5)
    longest += "/" + "x" * (LONGEST_PATH - len(longest) - 1)

    assert len(longest) == LONGEST_PATH
    assert name_problem(longest) is None
    assert name_problem(longest + "x") is not None


def test_an_odd_name_is_found_among_very_many() -> None:
    """Names are looked at in bulk, so the place must not matter."""
    usual = [f"c/{number:06}" for number in range(10_000)]
    odd = ["c/000000:", "c/004095 ", "c/004096.", "c/009999/nul"]

    assert [path for _, path in found(*usual, *odd)] == odd


@pytest.mark.parametrize(
    ("one", "two"),
    [("A", "a"), ("x/A", "x/a"), ("X/a", "x/a"), ("é", "e\u0301"), ("É", "e\u0301"), ("ß", "ss"),
     ("a/Σ", "a/ς"), ("\u212b", "å")],
)  # fmt: skip
def test_of_two_names_that_some_system_takes_for_one_the_second_is_named(
    one: str, two: str
) -> None:
    """By case, by form, or by both; the message names the first."""
    first, second = sorted([one, two], key=str.encode)

    (finding,) = name_findings(PackedBytes([first.encode(), second.encode()]))

    assert (finding.id, finding.path) == ("path.collision", second)
    assert first in finding.message


@pytest.mark.parametrize(
    "paths", [("A/x", "a/y"), ("A", "b"), ("É", "e"), ("a/B", "b/B"), ("A/b", "a", "b")]
)
def test_names_that_differ_otherwise_are_nothing_to_mention(paths: tuple[str, ...]) -> None:
    """Two folders that become one lose no file."""
    assert found(*paths) == []


@given(_PATHS)
def test_many_names_are_judged_as_each_of_them_would_be(paths: set[str]) -> None:
    """The short cuts for a million names change no answer.

    Unicode 15, section 5.18: a caseless match of normalised text compares
    NFC(casefold(NFC(X))) here.
    """
    ordered = sorted(paths, key=str.encode)
    expected = [("path.portability", path) for path in ordered if name_problem(path)]
    first: dict[str, str] = {}
    for path in ordered:
        key = normalize("NFC", normalize("NFC", path).casefold())
        if first.setdefault(key, path) != path:
            expected.append(("path.collision", path))

    assert found(*paths) == expected
