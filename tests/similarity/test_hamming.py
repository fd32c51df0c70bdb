"""The C module and its reference count the same bits, whatever the codes."""

from array import array
from collections.abc import Callable, Sequence
from random import Random
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc import hamming
from crate_iscc.hamming import reference

IMPLEMENTATIONS: list[ModuleType] = [reference]
if hamming.COMPILED:
    from crate_iscc.hamming import _hamming

    IMPLEMENTATIONS.append(_hamming)

WIDTHS = (4, 8, 12, 16, 20, 24, 28, 32)
Joined = tuple[int, list[int], list[int], list[int]]


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda module: module.__name__.rpartition(".")[2])
def counting(request: pytest.FixtureRequest) -> ModuleType:
    return request.param  # type: ignore[no-any-return]


def distance(one: bytes, two: bytes) -> int:
    return sum((a ^ b).bit_count() for a, b in zip(one, two, strict=True))


def joined(module: ModuleType, codes: Sequence[bytes], width: int, limit: int) -> Joined:
    """Join all codes with all, in two calls, and return every column."""
    count = len(codes)
    parents = array("I", range(count))
    nearest, distances = array("I", [7]) * count, array("H", [0xFFFF]) * count
    half = count // 2
    pairs = sum(
        module.join(b"".join(codes), width, limit, *rows, parents, nearest, distances)
        for rows in ((0, half), (half, count))
    )
    roots = [reference.root_of(parents, number) for number in range(count)]
    return pairs, roots, list(nearest), list(distances)


@st.composite
def codes_of_one_width(draw: st.DrawFn) -> tuple[int, list[bytes]]:
    """Return codes of which many are close to each other."""
    width = draw(st.sampled_from(WIDTHS))
    codes = draw(st.lists(st.binary(min_size=width, max_size=width), max_size=12))
    flips = draw(st.lists(st.tuples(st.integers(0, 11), st.integers(0, 8 * width - 1)), max_size=9))
    for number, bit in flips:
        if number < len(codes):
            code = int.from_bytes(codes[number], "big") ^ (1 << bit)
            codes.append(code.to_bytes(width, "big"))
    return width, codes


@given(codes_of_one_width(), st.integers(0, 256), st.integers(0, 30))
def test_the_nearest_codes_are_those_of_a_plain_sort(
    some: tuple[int, list[bytes]], limit: int, most: int
) -> None:
    width, codes = some
    query = codes[0] if codes else bytes(width)
    expected = sorted(
        (bits, number)
        for number, code in enumerate(codes)
        if (bits := distance(code, query)) <= limit
    )[:most]

    for counting in IMPLEMENTATIONS:
        found = counting.nearest(b"".join(codes), width, query, limit, most)
        assert [(bits, number) for number, bits in found] == expected


@given(codes_of_one_width(), st.integers(0, 256))
def test_joined_codes_are_the_connected_components(
    some: tuple[int, list[bytes]], limit: int
) -> None:
    """Each root is the smallest number of a component; each nearest is the first of the nearest."""
    width, codes = some
    near = {
        (i, j): bits
        for i, one in enumerate(codes)
        for j, two in enumerate(codes)
        if i != j and (bits := distance(one, two)) <= limit
    }
    roots = list(range(len(codes)))
    for _ in codes:
        for i, j in near:
            roots[i] = roots[j] = min(roots[i], roots[j])

    for counting in IMPLEMENTATIONS:
        pairs, found, nearest, distances = joined(counting, codes, width, limit)
        assert pairs == len(near) // 2
        assert found == roots
        for i in range(len(codes)):
            mine = min(((bits, j) for (a, j), bits in near.items() if a == i), default=None)
            assert (distances[i], nearest[i]) == (mine or (0xFFFF, 7))


def test_a_query_may_be_shorter_than_the_codes(counting: ModuleType) -> None:
    """Then the first bytes of each code are compared, and the rest is passed over."""
    codes = bytes(16) + b"\xff" * 16 + bytes(15) + b"\xff"

    assert counting.nearest(codes, 16, bytes(8), 3, 9) == [(0, 0), (2, 0)]


def test_many_rows_give_what_few_rows_give(counting: ModuleType) -> None:
    """More rows than a tile has: no pair is lost or counted twice at its edges."""
    random = Random(5)
    codes = [random.randbytes(8) for _ in range(300)]
    codes += codes[:20]

    pairs, roots, _, _ = joined(counting, codes, 8, 0)

    assert pairs == 20
    assert roots[300:] == list(range(20))


BAD_CALLS: list[Callable[[ModuleType], object]] = [
    lambda m: m.nearest(bytes(32), 8, bytes(5), 3, 3),
    lambda m: m.nearest(bytes(32), 8, bytes(16), 3, 3),
    lambda m: m.nearest(bytes(33), 8, bytes(8), 3, 3),
    lambda m: m.nearest(bytes(32), 8, bytes(8), 3, -1),
    lambda m: m.nearest(b"", 40, bytes(40), 3, 3),
    lambda m: m.join(bytes(17), 8, 3, 0, 2, *_columns(2)),
    lambda m: m.join(bytes(16), 8, 3, 0, 3, *_columns(2)),
    lambda m: m.join(bytes(16), 8, 3, 2, 1, *_columns(2)),
    lambda m: m.join(bytes(16), 8, 3, 0, 2, *_columns(1)),
    lambda m: m.join(bytes(16), 8, -1, 0, 2, *_columns(2)),
    lambda m: m.join(bytes(16), 8, 3, 0, 2, array("I", [1, 0]), *_columns(2)[1:]),
    lambda m: m.join(bytes(16), 8, 3, 0, 2, array("I", [0, 9]), *_columns(2)[1:]),
]


def _columns(count: int) -> tuple["array[int]", "array[int]", "array[int]"]:
    return array("I", range(count)), array("I", bytes(4 * count)), array("H", bytes(2 * count))


@pytest.mark.parametrize("call", BAD_CALLS)
def test_what_does_not_fit_together_is_refused(
    call: Callable[[ModuleType], object], counting: ModuleType
) -> None:
    """No byte outside of the codes is read, and no forest with a circle in it is walked."""
    with pytest.raises(ValueError, match="do not fit together"):
        call(counting)


def test_nothing_at_all_is_compared_with_nothing(counting: ModuleType) -> None:
    assert counting.nearest(b"", 32, bytes(32), 256, 5) == []
    assert counting.join(b"", 32, 256, 0, 0, *_columns(0)) == 0
