"""The C module differs in no bit from iscc-lib and iscc-core, wherever one might expect it to."""

import ast
import importlib.util
import sys
import threading
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import iscc_core
import iscc_lib
import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.kernel.choosing import has_compiled_module
from crate_iscc.kernel.native import NativeKernel

if not has_compiled_module():
    pytest.skip("the C module was not compiled here", allow_module_level=True)

from crate_iscc.kernel import _native
from crate_iscc.kernel._native import DataHasher, blake3_files, chunk_ahead, data_files
from crate_iscc.kernel.compiled import CompiledKernel

MIB = 1 << 20
WINDOW = MIB // 2
LANES = 16
LEAST_FOR_LANES = LANES * 8192 + 8191
BORDERS = (
    *(16, 256, 640, 4096, 8192, 16384, 24576, LEAST_FOR_LANES, WINDOW // 2, WINDOW, WINDOW + 8192),
    *(2 * WINDOW, 2 * WINDOW + 8191, 2 * WINDOW + LEAST_FOR_LANES, 4 * WINDOW),
)
SIZES = sorted({border + d for border in BORDERS for d in (-2, -1, 0, 1, 2)} | {0, 1, 15, 100})
PERIODS = (*range(1, 65), 257, 640, 1023, 1024, 1025, 8191, 8192, 8193)


@pytest.fixture(params=[2, LANES], scope="module", autouse=True)
def _stretches_at_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run all tests with two stretches at once, and with as many as the processor has lanes."""
    assert 2 <= _native.chunk_lanes(request.param) <= request.param
    yield
    _native.chunk_lanes(LANES)


def by_iscc_lib(content: bytes) -> bytes | None:
    """Return the body of the Data-Code by iscc-lib."""
    hasher = NativeKernel().hasher()
    hasher.update(content)
    return hasher.finish().data


def in_pieces(content: bytes, cuts: list[int], *, ahead: bool) -> bytes:
    """Return the body of the Data-Code of a stream that is cut there, chunked ahead or not."""
    hasher = DataHasher()
    view = memoryview(content)
    for start, end in pairwise([0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]):
        piece = view[start:end]
        hasher.update(piece, chunk_ahead(piece) if ahead else b"")
    return hasher.digest()


def every(step: int, content: bytes) -> list[int]:
    """Return the places that many bytes apart."""
    return list(range(step, len(content), step))


def check(content: bytes) -> None:
    """Compare with iscc-lib: in one piece, in several, and chunked ahead."""
    expected = by_iscc_lib(content)
    assert in_pieces(content, [], ahead=False) == expected
    for step in (65536, 100_003, WINDOW):
        assert in_pieces(content, every(step, content), ahead=False) == expected
        assert in_pieces(content, every(step, content), ahead=True) == expected


# --- the algorithm's numbers -------------------------------------------------------------------


@cache
def reference_constants() -> dict[str, tuple[int, ...]]:
    """Return the lists of iscc-core's MinHash; the compiled module keeps them to itself."""
    spec = importlib.util.find_spec("iscc_core")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).with_name("minhash.py").read_text(encoding="utf-8")
    return {
        target.id: tuple(ast.literal_eval(statement.value))
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.List)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }


def test_the_parameters_are_those_of_the_reference() -> None:
    """Sizes, masks and gear table are what iscc-core's options come to."""
    least, most, centre, strict, loose = iscc_core.cdc.alg_cdc_params(
        iscc_core.core_opts.data_avg_chunk_size
    )

    assert (least, most, centre, strict, loose) == _native.PARAMETERS
    assert tuple(iscc_core.core_opts.cdc_gear) == _native.GEAR


def test_the_permutations_are_those_of_the_reference() -> None:
    """Factors and summands are those of iscc-core's MinHash."""
    constants = reference_constants()

    assert constants["MPA"] == _native.MPA
    assert constants["MPB"] == _native.MPB


def test_the_unrolled_gear_sum_cannot_overflow() -> None:
    """What the C file says of the table is so: each number is below 2^31."""
    assert max(_native.GEAR) < 1 << 31


# --- sizes and contents ------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["random", "zeros", "ones"])
def test_sizes_around_every_border(size: int, kind: str) -> None:
    """Limits of chunks, of stripes and of windows change nothing."""
    makers: dict[str, Callable[[int], bytes]] = {
        "random": lambda size: Random(size).randbytes(size),
        "zeros": bytes,
        "ones": lambda size: b"\xff" * size,
    }

    check(makers[kind](size))


@pytest.mark.parametrize("size", [size for size in SIZES if size < 30_000])
def test_small_sizes_equal_the_reference(size: int) -> None:
    """iscc-core has the same Data-Code, not only iscc-lib."""
    content = Random(size).randbytes(size)

    assert in_pieces(content, [], ahead=False) == iscc_core.DataHasherV0(content).digest()


@pytest.mark.parametrize("period", PERIODS)
def test_periodic_contents(period: int) -> None:
    """Where no cut of a stretch coincides with a true one, the stretch is chunked anew."""
    pattern = Random(period).randbytes(period)

    check((pattern * (1_300_000 // period + 1))[:1_300_000])
    check(b"begin" + (pattern * (700_000 // period + 1))[:700_000])


@pytest.mark.parametrize("seed", range(30))
def test_constant_stretches_between_random_ones(seed: int) -> None:
    """Empty image planes between full ones: repeated chunks are not read, and are the same."""
    random = Random(seed)

    check(
        b"".join(
            random.randbytes(random.randrange(40_000))
            if random.random() < 0.5
            else bytes([random.randrange(3)]) * random.randrange(400_000)
            for _ in range(10)
        )
    )


@pytest.mark.parametrize("byte", [0, 0x55, 0xFF])
def test_chunks_that_only_their_size_ends(byte: int) -> None:
    """None of them repeats the one before, so each is read to its limit; a few end earlier."""
    random = Random(byte)
    content = bytearray([byte] * (3 * MIB))
    for start in range(0, len(content), 8192):
        content[start : start + 4] = start.to_bytes(4, "big")
    check(bytes(content))
    for _ in range(40):
        place = random.randrange(len(content) - 1000)
        content[place : place + 1000] = random.randbytes(1000)

    check(bytes(content))


@pytest.mark.parametrize("wrong", [-1, 1 << 70, "2"])
def test_what_is_no_number_of_stretches_is_refused(wrong: Any) -> None:
    """Nothing is chosen then."""
    with pytest.raises((OverflowError, TypeError)):
        _native.chunk_lanes(wrong)


@given(
    seed=st.integers(0, 1 << 32),
    size=st.integers(0, 3 * WINDOW),
    cuts=st.lists(st.integers(0, 3 * WINDOW), max_size=20),
    small=st.lists(st.integers(0, 20_000), max_size=20),
    ahead=st.booleans(),
)
def test_any_split_gives_the_same_code(
    seed: int, size: int, cuts: list[int], small: list[int], ahead: bool
) -> None:
    """However a stream is cut, chunked ahead or not, its Data-Code is that of iscc-lib."""
    content = Random(seed).randbytes(size)

    assert in_pieces(content, cuts + small, ahead=ahead) == by_iscc_lib(content)


@given(content=st.binary(max_size=3000))
def test_any_bytes(content: bytes) -> None:
    """Whatever the bytes are, the Data-Code is that of the reference."""
    assert in_pieces(content, [], ahead=False) == iscc_core.DataHasherV0(content).digest()


# --- many files in one buffer ------------------------------------------------------------------

FILE_SIZES = (
    *(0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 639, 640, 641, 1023, 1024, 1025),
    *(2047, 2048, 2049, 3071, 3072, 3073, 4096, 5120, 8191, 8192, 8193, 16_384, 31_744, 32_769),
)


def places(sizes: list[int], gaps: list[int]) -> tuple["array[int]", "array[int]"]:
    """Return where files of these sizes start if there are so many bytes before each."""
    starts = array("q")
    end = 0
    for size, gap in zip(sizes, gaps, strict=True):
        starts.append(end + gap)
        end += gap + size
    return starts, array("q", sizes)


def check_files(content: bytes, starts: "array[int]", sizes: "array[int]") -> None:
    """Compare both codes of each file, and the Data-Code of all, with iscc-lib and blake3."""
    files = [content[start : start + size] for start, size in zip(starts, sizes, strict=True)]

    data, chunks = data_files(content, starts, sizes)
    instances = blake3_files(content, starts, sizes)

    cut = [(data[at : at + 32], instances[at : at + 32]) for at in range(0, 32 * len(files), 32)]
    assert cut == [(by_iscc_lib(file), blake3(file).digest()) for file in files]
    assert (len(data), len(instances)) == (32 * len(files), 32 * len(files))
    hasher = DataHasher()
    hasher.update(b"before")
    hasher.update_files(content, starts, sizes, chunks)
    hasher.update(b"behind")
    assert hasher.digest() == by_iscc_lib(b"before" + b"".join(files) + b"behind")


@pytest.mark.parametrize("size", FILE_SIZES)
@pytest.mark.parametrize("count", [1, 2, 16, 17])
def test_files_of_sizes_around_every_border(size: int, count: int) -> None:
    """Blocks, chunks and levels of the tree of BLAKE3, and lanes that are full or not."""
    content = Random(size).randbytes(size * count)

    check_files(content, *places([size] * count, [0] * count))


def test_files_of_all_sizes_at_once() -> None:
    """Trees of every height share the lanes; files of no byte lie between them."""
    sizes = [size for number in FILE_SIZES for size in (number, 0)]
    content = Random(1).randbytes(sum(sizes))

    check_files(content, *places(sizes, [0] * len(sizes)))


def test_files_in_any_order_and_over_each_other() -> None:
    """Where a file lies in the buffer is nobody's business."""
    content = Random(2).randbytes(100_000)
    random = Random(3)
    sizes = array("q", (random.randrange(20_000) for _ in range(50)))
    starts = array("q", (random.randrange(100_001 - size) for size in sizes))

    check_files(content, starts, sizes)


def test_no_file_has_no_code() -> None:
    """An empty list is no error, and takes nothing."""
    none = array("q")

    assert data_files(b"", none, none) == (b"", b"")
    assert blake3_files(b"", none, none) == b""
    check_files(b"", none, none)


@pytest.mark.parametrize("size", [3 * MIB + 1, 5 * MIB])
def test_large_files_between_small_ones(size: int) -> None:
    """More than one window, and a tree of BLAKE3 that is twelve levels high."""
    sizes = [5, size, 0, 1025, size - 7, 64]

    check_files(Random(size).randbytes(sum(sizes)), *places(sizes, [0] * len(sizes)))


@given(
    seed=st.integers(0, 1 << 32),
    files=st.lists(
        st.tuples(
            st.one_of(st.sampled_from(FILE_SIZES), st.integers(0, 40_000)), st.integers(0, 9)
        ),
        max_size=40,
    ),
    zeros=st.booleans(),
)
def test_any_files_have_their_own_codes(
    seed: int, files: list[tuple[int, int]], zeros: bool
) -> None:
    """However a buffer is split into files, with gaps or without."""
    size = sum(map(sum, files))
    content = bytes(size) if zeros else Random(seed).randbytes(size)

    check_files(content, *places([size for size, _ in files], [gap for _, gap in files]))


NOT_IN_THE_BUFFER = {
    "behind it": ([101], [0]),
    "over its end": ([1], [100]),
    "before it": ([-1], [1]),
    "less than nothing": ([1], [-1]),
    "around the end of all numbers": ([(1 << 63) - 1], [(1 << 63) - 1]),
    "more starts": ([0, 0], [1]),
    "more sizes": ([0], [1, 1]),
}


@pytest.mark.parametrize("wrong", NOT_IN_THE_BUFFER.values(), ids=NOT_IN_THE_BUFFER.keys())
def test_files_that_do_not_lie_in_the_buffer_are_refused(
    wrong: tuple[list[int], list[int]],
) -> None:
    """Nothing outside the buffer is read."""
    starts, sizes = array("q", wrong[0]), array("q", wrong[1])

    with pytest.raises(ValueError, match="do not lie"):
        data_files(bytes(100), starts, sizes)
    with pytest.raises(ValueError, match="do not lie"):
        blake3_files(bytes(100), starts, sizes)
    with pytest.raises(ValueError, match="do not lie"):
        DataHasher().update_files(bytes(100), starts, sizes, bytes(4))


def test_chunks_that_cannot_be_those_of_the_files_are_refused() -> None:
    """Too few, too many, of another list of files, or of lengths that no chunk has."""
    content = Random(1).randbytes(30_000)
    starts, sizes = places([10_000, 20_000], [0, 0])
    _, chunks = data_files(content, starts, sizes)
    _, others = data_files(content, array("q", [0]), array("q", [30_000]))
    numbers = array("I", chunks)
    moved = array("I", [numbers[0] + numbers[1], 0, *numbers[2:]])
    huge = array("I", [0x80000000, 0x80000000, *numbers[2:]])
    long = array("I", [*numbers[:2], 8193, *numbers[3:]])

    for wrong in (b"", chunks[:-4], chunks + bytes(4), others, moved, huge, long):
        with pytest.raises(ValueError, match="data_files"):
            DataHasher().update_files(content, starts, sizes, bytes(wrong))


# --- use ---------------------------------------------------------------------------------------


def test_a_digest_ends_nothing() -> None:
    """A digest may be asked for at any time; the stream goes on."""
    content = Random(5).randbytes(50_000)
    hasher = DataHasher()

    digests = []
    for start in range(0, 50_000, 1000):
        hasher.update(content[start : start + 1000])
        digests.append(hasher.digest())

    assert digests[9] == by_iscc_lib(content[:10_000])
    assert digests[-1] == hasher.digest() == by_iscc_lib(content)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("kind", ["random", "zeros", "mixed"])
def test_any_number_of_threads_gives_the_same_fingerprint(threads: int, kind: str) -> None:
    """Slices are chunked ahead by threads, and what comes before and behind them is joined."""
    size = 21 * MIB + 12_345
    content = bytes(size) if kind == "zeros" else Random(threads).randbytes(size)
    if kind == "mixed":
        content = b"x" + bytes(9 * MIB) + content[: 4 * MIB] + b"abc" * (3 * MIB)
    expected = NativeKernel().hasher()
    expected.update(content)
    kernel = CompiledKernel()
    hasher = kernel.hasher(threads)
    slices = [memoryview(content)[1234:-77][at : at + 2 * MIB] for at in range(0, size, 2 * MIB)]

    hasher.update(content[:1234])
    with ThreadPoolExecutor(threads) as pool:
        for piece, ahead in zip(slices, pool.map(kernel.ahead, slices), strict=True):
            hasher.update_ahead(piece, ahead)
    hasher.update(content[-77:])

    assert hasher.finish() == expected.finish()


def test_hashers_of_several_threads_do_not_disturb_each_other() -> None:
    """Large updates release the GIL; each stream still has its own code."""
    contents = [Random(seed).randbytes(2 * MIB + seed) for seed in range(8)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda content: in_pieces(content, [], ahead=False), contents))

    assert found == [by_iscc_lib(content) for content in contents]


def test_a_hasher_that_is_in_use_says_so() -> None:
    """Two threads in one hasher would mix their bytes: the second gets an error.

    This thread asks again and again while the other one hashes, so that they do meet.
    """
    content = Random(1).randbytes(64 * MIB)
    hasher = DataHasher()
    refused = set()
    busy = threading.Thread(target=hasher.update, args=(content,))
    busy.start()
    while busy.is_alive():
        try:
            hasher.digest()
        except RuntimeError as error:
            refused.add(str(error))
    busy.join()

    assert refused == {"another thread is in update of this DataHasher"}
    assert hasher.digest() == by_iscc_lib(content)


NOT_FROM_CHUNK_AHEAD = {
    "shorter than any chunk": (256).to_bytes(4, sys.byteorder) * 2,
    "longer than any chunk": (8193).to_bytes(4, sys.byteorder) * 2,
    "empty chunk": bytes(8),
    "more than the buffer": (8192).to_bytes(4, sys.byteorder) * 4,
    "huge": b"\xff" * 8,
}


@pytest.mark.parametrize("ahead", NOT_FROM_CHUNK_AHEAD.values(), ids=NOT_FROM_CHUNK_AHEAD.keys())
def test_lengths_that_cannot_be_are_refused(ahead: bytes) -> None:
    """Nothing beyond the buffer is read, whatever is given as chunked ahead."""
    with pytest.raises(ValueError, match="chunk_ahead"):
        DataHasher().update(bytes(10_000), ahead)


@pytest.mark.parametrize("wrong", [None, "text", 1])
def test_what_is_no_buffer_is_refused(wrong: object) -> None:
    """Only bytes can be hashed."""
    with pytest.raises(TypeError):
        DataHasher().update(wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        chunk_ahead(wrong)  # type: ignore[arg-type]


def test_a_hasher_takes_no_arguments() -> None:
    """A first content is given to update, as all others."""
    with pytest.raises(TypeError):
        DataHasher(b"")  # type: ignore[call-arg]


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(8))
def test_large_contents(seed: int) -> None:
    """A quarter of a GiB, half of it constant, on two threads."""
    random = Random(seed)
    content = random.randbytes(128 * MIB) + bytes(128 * MIB + seed)
    expected, hasher = iscc_lib.SumHasher(), CompiledKernel().hasher(2)

    expected.update(content)
    hasher.update(content)

    units = expected.finalize(bits=256, wide=True, add_units=True)["units"]
    assert list(hasher.finish().units()) == units
