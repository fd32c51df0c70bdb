"""Codes of parts of a stream join to the code of the whole, whatever the bytes and the cuts are."""

from array import array
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest
from blake3 import blake3
from hypothesis import example, given
from hypothesis import strategies as st

from crate_iscc.codes import Fingerprint
from crate_iscc.kernel.choosing import has_compiled_module
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.stretch import Stretch

if not has_compiled_module():
    pytest.skip("the C module was not compiled here", allow_module_level=True)

from crate_iscc.kernel._native import DataHasher, blake3_parent, blake3_subtrees
from crate_iscc.kernel.compiled import CompiledKernel
from crate_iscc.kernel.joining import HEAD, CompiledPartJoiner
from crate_iscc.kernel.parts import PartState

KERNEL = CompiledKernel()
BORDERS = (0, 1, 256, 257, 640, 1023, 1024, 1025, 2048, 8191, 8192, 8193, HEAD - 1, HEAD, HEAD + 1)


def by_iscc_lib(content: bytes) -> Fingerprint:
    hasher = NativeKernel().hasher()
    hasher.update(content)
    return hasher.finish()


def part_of(content: bytes, start: int, end: int, pieces: Sequence[int] = ()) -> PartState:
    """Return the state of a part that is taken in pieces, every other one as files in memory."""
    hasher = KERNEL.part_hasher(start, len(content))
    cuts = sorted({start, end, *(start + cut for cut in pieces if start + cut < end)})
    for number, (one, two) in enumerate(pairwise(cuts)):
        view = memoryview(content)[one:two]
        if number % 2:
            middle = len(view) // 3
            files = Stretch(view, array("q", (0, middle)), array("q", (middle, len(view) - middle)))
            hasher.update_files(files, KERNEL.files(files).chunks)
        else:
            hasher.update_ahead(view, KERNEL.ahead(view))
    return hasher.finish()


class Again:
    """Reads bytes again, and counts them."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.count = 0

    def __call__(self, start: int, size: int) -> Iterator[bytes]:
        self.count += size
        for at in range(start, start + size, 100_003):
            yield self.content[at : min(at + 100_003, start + size)]


def joined(
    content: bytes, cuts: Sequence[int], pieces: Sequence[int] = (), again: Again | None = None
) -> Fingerprint:
    joiner = KERNEL.part_joiner(len(content))
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    for start, end in pairwise(edges):
        joiner.add(part_of(content, start, end, pieces), again or Again(content))
    return joiner.finish()


def contents() -> st.SearchStrategy[bytes]:
    def made(seed: int, size: int, kind: int) -> bytes:
        random = Random(seed)
        if kind == 0:
            return bytes(size)
        if kind == 1:
            period = random.choice([1, 3, 257, 1023, 1024, 8192, 8193])
            return (random.randbytes(period) * (size // period + 1))[:size]
        if kind == 2:
            return (random.randbytes(size // 3) + bytes(size) + random.randbytes(size))[:size]
        return random.randbytes(size)

    sizes = st.one_of(st.sampled_from(BORDERS), st.integers(0, 400_000))
    return st.builds(made, st.integers(0, 1 << 32), sizes, st.integers(0, 4))


@given(
    content=contents(),
    cuts=st.lists(st.one_of(st.sampled_from(BORDERS), st.integers(0, 400_000)), max_size=6),
    pieces=st.lists(st.integers(0, 200_000), max_size=4),
)
@example(content=bytes(1024), cuts=[1024], pieces=[])
@example(content=bytes(1024), cuts=[1000], pieces=[])
@example(content=b"", cuts=[0], pieces=[])
@example(content=bytes(4096), cuts=[0, 4096], pieces=[])
def test_parts_join_to_what_iscc_lib_computes_of_the_whole(
    content: bytes, cuts: list[int], pieces: list[int]
) -> None:
    """Size, Data-Code and Instance-Code, wherever the stream is cut."""
    assert joined(content, cuts, pieces) == by_iscc_lib(content)


@pytest.mark.parametrize("size", [100_000, 1_200_000, 5_000_000])
def test_parts_of_random_bytes_join_without_reading_any_again(size: int) -> None:
    content = Random(size).randbytes(size)
    again = Again(content)

    assert joined(content, [size // 3, size // 2], [70_000], again) == by_iscc_lib(content)
    assert again.count == 0


def test_parts_of_zeros_are_read_again_until_the_bytes_differ() -> None:
    """A megabyte of zeros is read again up to the next place, not to the end of the part."""
    random = Random(1)
    content = random.randbytes(1_000_003) + bytes(500_000) + random.randbytes(19_000_000)
    again = Again(content)

    assert joined(content, [1_000_003 + 777], [], again) == by_iscc_lib(content)
    assert 0 < again.count < 1_100_000


def test_a_state_is_small_whatever_the_size_of_the_part() -> None:
    content = Random(2).randbytes(20_000_000)
    part = part_of(content, 1_234_567, len(content))

    assert len(part.head) <= HEAD + 8192
    assert len(part.segments) <= 4
    assert len(part.subtrees) <= 2 * 24


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 3072, 50_000, 70_001])
@pytest.mark.parametrize("first", [0, 1, 2, 3, 8, 1023])
def test_subtrees_of_blake3_are_those_of_the_blake3_package(size: int, first: int) -> None:
    """The stream is filled with other bytes up to the chunk, and the root is made of all trees."""
    content = Random(size).randbytes(first * 1024 + size)
    if len(content) <= 1024:
        return
    joiner = CompiledPartJoiner(len(content))
    cut = first * 1024
    joiner.add(part_of(content, 0, cut), Again(content))
    joiner.add(part_of(content, cut, len(content)), Again(content))

    assert joiner.finish().instance == blake3(content).digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"start": 1},
        {"size": 1},
        {"head": b"x"},
        {"segments": ()},
        {"before": b"x"},
        {"subtrees": ()},
        {"after": b""},
        {"after": bytes(2000)},
    ],
)
def test_a_part_that_contradicts_itself_is_refused(changes: dict[str, object]) -> None:
    content = Random(3).randbytes(200_001)
    part = part_of(content, 0, len(content) - 1)
    fields = {name: getattr(part, name) for name in PartState.__slots__}

    with pytest.raises(ValueError, match="part"):
        KERNEL.part_joiner(len(content)).add(
            PartState(**{**fields, **changes}),
            Again(content),
        )


def test_a_stream_of_which_parts_are_lacking_has_no_code() -> None:
    content = Random(4).randbytes(100_000)
    joiner = KERNEL.part_joiner(len(content))
    joiner.add(part_of(content, 0, 50_000), Again(content))

    with pytest.raises(ValueError, match="parts are lacking"):
        joiner.finish()
    with pytest.raises(ValueError, match="not where the one before ends"):
        joiner.add(part_of(content, 50_001, 100_000), Again(content))


@pytest.mark.parametrize("state", [b"", bytes(256), b"\2" + bytes(256), bytes(257 + 8192)])
def test_what_is_no_state_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="cannot be joined"):
        DataHasher().join(state)


def test_a_state_is_not_joined_to_a_chunk_that_is_open() -> None:
    hasher = DataHasher()
    hasher.update(b"x")

    with pytest.raises(ValueError, match="cannot be joined"):
        hasher.join(DataHasher().state())


def test_the_c_functions_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="no such part"):
        blake3_subtrees(b"", 0)
    with pytest.raises(ValueError, match="no such part"):
        blake3_subtrees(b"x", 1 << 53)
    with pytest.raises(ValueError, match="two values"):
        blake3_parent(bytes(63), True)
