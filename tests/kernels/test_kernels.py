"""Every kernel equals the implementations of ISO 24138:2024 that nobody here wrote."""

import io
import struct
import zlib
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any, TypeAlias

import iscc_core
import iscc_lib
import pytest
import skimage
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.codes import Fingerprint, parse_iscc
from crate_iscc.kernel import Kernel, sharing
from crate_iscc.kernel.choosing import has_compiled_module
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.kernel.reference import ReferenceKernel
from crate_iscc.stretch import Stretch

if TYPE_CHECKING or has_compiled_module():
    from crate_iscc.kernel.compiled import CompiledKernel

AnyKernel: TypeAlias = "NativeKernel | CompiledKernel | ReferenceKernel"

MIB = 1 << 20
SIZES = (0, 1, 255, 256, 257, 1023, 1024, 1025, 8191, 8192, 8193, MIB - 1, MIB, MIB + 1)
PIECE = 65536


def png(width: int = 300, height: int = 200) -> bytes:
    """Return a true-colour image as a PNG file (ISO/IEC 15948)."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = b"".join(
        b"\0" + bytes(c % 256 for x in range(width) for c in (x, y, x * y)) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def text(size: int) -> bytes:
    """Return `size` bytes of numbered lines of text."""
    lines = (f"{n:07d} the quick brown fox, der flinke Fuchs, 狐\n" for n in range(size // 40 + 1))
    return "".join(lines).encode()[:size]


MAKERS: dict[str, Callable[[int], bytes]] = {
    "zeros": bytes,
    "random": lambda size: Random(size).randbytes(size),
    "text": text,
    "period": lambda size: (Random(size).randbytes(size) * (40_000 // size + 1))[:40_000],
}
REAL_IMAGES = ("cell.png", "ihc.png", "multipage.tif", "retina.jpg", "lfw_subset.npy")
"""Files that come with scikit-image: micrographs, a stack, a photograph of an eye, an array."""
PERIODS = (*range(1, 65), 1023, 1024, 1025)
NAMES = [
    *(f"{kind}-{size}" for kind in ("zeros", "random", "text") for size in SIZES),
    *(f"period-{period}" for period in PERIODS),
    "image.png",
    *REAL_IMAGES,
]
LARGE_NAMES = [f"zeros-{20 * MIB}", f"random-{20 * MIB}"]


@dataclass(frozen=True, slots=True)
class Sample:
    """A file, and what the `iscc-sum` command prints for it: wide, its units, and narrow."""

    path: Path
    content: bytes
    printed: tuple[str, str, str, str]


@pytest.fixture(scope="session")
def samples(
    tmp_path_factory: pytest.TempPathFactory,
    iscc_sum: Callable[..., "CompletedProcess[str]"],
    iscc_sum_files: Callable[[Sequence[Path]], list[tuple[str, str, str]]],
) -> dict[str, Sample]:
    """Return every sample by its name; the command runs twice over all of them."""
    folder = tmp_path_factory.mktemp("samples")
    contents: dict[str, bytes] = {}
    for name in NAMES + LARGE_NAMES:
        contents[name] = content_of(name)
        (folder / name).write_bytes(contents[name])
    paths = [folder / name for name in contents]
    wide = iscc_sum_files(paths)
    narrow = [line.split()[0] for line in iscc_sum("--narrow", *paths).stdout.splitlines()]
    return {
        path.name: Sample(path, contents[path.name], (*codes, short))
        for path, codes, short in zip(paths, wide, narrow, strict=True)
    }


def content_of(name: str) -> bytes:
    """Return the bytes of a sample."""
    if name in REAL_IMAGES:
        return (Path(skimage.__file__).parent / "data" / name).read_bytes()
    kind, _, size = name.partition("-")
    return MAKERS[kind](int(size)) if size else png()


@cache
def reference_units(content: bytes) -> tuple[str, dict[str, Any]]:
    """Return the Data-Code and what goes with the Instance-Code, by iscc-core at 256 bits."""
    data = iscc_core.gen_data_code_v0(io.BytesIO(content), bits=256)["iscc"]
    return data, iscc_core.gen_instance_code_v0(io.BytesIO(content), bits=256)


def fingerprint(kernel: Kernel, content: bytes) -> Fingerprint:
    """Return what a kernel makes of bytes that it takes in pieces."""
    hasher = kernel.hasher()
    view = memoryview(content)
    for start in range(0, len(content), PIECE):
        hasher.update(view[start : start + PIECE])
    return hasher.finish()


@cache
def fingerprint_once(kernel: "AnyKernel", content: bytes) -> Fingerprint:
    """Return what a kernel makes of a sample, computed for the first test that asks."""
    return fingerprint(kernel, content)


def vectors(function: str) -> list[tuple[bytes, int, dict[str, Any]]]:
    """Return input, bits and expected output of each conformance vector of a function."""
    return [
        (inputs[0].getvalue(), inputs[1], expected)
        for _, called, inputs, expected in iscc_core.conformance_testdata()
        if called.__name__ == function
    ]


class KernelTests:
    """What holds for every kernel; a subclass only says which one it is."""

    kernel: "AnyKernel"
    distribution: str
    label = ""
    """What the kernel's name begins with, if not its distribution's name."""

    def test_a_kernel_knows_its_name_and_version(self) -> None:
        """The name of a kernel is the distribution that computes, and its installed version."""
        label = self.label or self.distribution
        assert self.kernel.name == f"{label} {version(self.distribution)}"

    @pytest.mark.parametrize("name", NAMES)
    def test_a_kernel_equals_iscc_lib(self, name: str, samples: dict[str, Sample]) -> None:
        """A kernel's fingerprint has the codes, the datahash and the size of iscc-lib."""
        sample = samples[name]

        known = fingerprint_once(self.kernel, sample.content)

        expected = iscc_lib.gen_sum_code_v0(str(sample.path), bits=256, wide=True, add_units=True)
        assert known.complete
        assert known.iscc() == expected["iscc"]
        assert list(known.units()) == expected["units"]
        assert known.datahash == expected["datahash"]
        assert known.size == expected["filesize"] == len(sample.content)

    @pytest.mark.parametrize("name", NAMES)
    def test_a_kernel_equals_iscc_core(self, name: str, samples: dict[str, Sample]) -> None:
        """A kernel's fingerprint has the units and both ISCC-SUMs of the reference."""
        content = samples[name].content

        known = fingerprint_once(self.kernel, content)

        data, instance = reference_units(content)
        assert known.units() == (data, instance["iscc"])
        assert known.datahash == instance["datahash"]
        assert known.size == instance["filesize"]
        for wide in (True, False):
            expected = iscc_core.gen_iscc_code_v0([data, instance["iscc"]], wide=wide)
            assert known.iscc(wide=wide) == expected["iscc"]

    @pytest.mark.parametrize("name", NAMES)
    def test_a_kernel_equals_the_iscc_sum_command(
        self, name: str, samples: dict[str, Sample]
    ) -> None:
        """A kernel's fingerprint is what the command `iscc-sum` prints, wide and narrow."""
        sample = samples[name]

        known = fingerprint_once(self.kernel, sample.content)

        assert (known.iscc(), *known.units(), known.iscc(wide=False)) == sample.printed

    @pytest.mark.parametrize(("content", "bits", "expected"), vectors("gen_data_code_v0"))
    def test_a_data_code_is_that_of_the_vectors(
        self, content: bytes, bits: int, expected: dict[str, Any]
    ) -> None:
        """A Data-Code is the one of the conformance vectors of ISO 24138:2024."""
        known = fingerprint(self.kernel, content)

        assert known.data is not None
        assert known.data[: bits // 8] == parse_iscc(expected["iscc"]).data

    @pytest.mark.parametrize(("content", "bits", "expected"), vectors("gen_instance_code_v0"))
    def test_an_instance_code_is_that_of_the_vectors(
        self, content: bytes, bits: int, expected: dict[str, Any]
    ) -> None:
        """An Instance-Code is the one of the conformance vectors of ISO 24138:2024."""
        known = fingerprint(self.kernel, content)

        assert known.instance is not None
        assert known.instance[: bits // 8] == parse_iscc(expected["iscc"]).instance
        assert known.datahash == expected["datahash"]
        assert known.size == expected["filesize"]

    @given(
        size=st.integers(0, 20_000),
        cuts=st.lists(st.integers(0, 20_000), max_size=12),
        as_views=st.booleans(),
    )
    def test_the_pieces_do_not_matter(self, size: int, cuts: list[int], as_views: bool) -> None:
        """However a byte stream is cut, and also with empty pieces, its fingerprint is one."""
        content = Random(size).randbytes(size)
        edges = [0, *sorted(min(cut, size) for cut in cuts), size]
        hasher = self.kernel.hasher()

        for start, end in pairwise(edges):
            piece = content[start:end]
            hasher.update(memoryview(piece) if as_views else piece)

        assert hasher.finish() == fingerprint(self.kernel, content)

    @given(
        size=st.integers(0, 30_000),
        cuts=st.lists(st.integers(0, 30_000), max_size=8),
        threads=st.integers(1, 6),
        constant=st.booleans(),
    )
    def test_threads_that_work_ahead_do_not_matter(
        self, size: int, cuts: list[int], threads: int, constant: bool
    ) -> None:
        """Whatever pieces any number of threads prepare, the stream has its fingerprint."""
        content = bytes(size) if constant else Random(size).randbytes(size)
        edges = [0, *sorted(min(cut, size) for cut in cuts), size]
        pieces = [memoryview(content)[start:end] for start, end in pairwise(edges)]
        kernel = sharing(self.kernel)
        hasher = kernel.hasher(threads)

        with ThreadPoolExecutor(threads) as pool:
            for piece, ahead in zip(pieces, pool.map(kernel.ahead, pieces), strict=True):
                hasher.update_ahead(piece, ahead)

        assert hasher.finish() == fingerprint(self.kernel, content)

    @given(
        seed=st.integers(0, 1 << 32),
        sizes=st.lists(st.sampled_from([0, 1, 64, 1024, 1025, 3000, 9000]), max_size=8),
        gap=st.integers(0, 50),
    )
    def test_files_in_memory_have_their_codes_and_that_of_all(
        self, seed: int, sizes: list[int], gap: int
    ) -> None:
        """Files with bytes between them have the codes of each alone, together that of a tree."""
        contents = [Random(seed + n).randbytes(size) for n, size in enumerate(sizes)]
        starts = [gap + sum(sizes[:n]) + n * gap for n in range(len(sizes))]
        data = bytes(gap) + b"".join(content + bytes(gap) for content in contents)
        files = Stretch(memoryview(data), array("q", starts), array("q", sizes))
        kernel = sharing(self.kernel)
        hasher = kernel.hasher()

        codes = kernel.files(files)
        hasher.update(b"before")
        hasher.update_files(files, codes.chunks)

        each = [fingerprint(self.kernel, content) for content in contents]
        assert codes.data == b"".join(known.data or b"" for known in each)
        assert codes.instance == b"".join(known.instance or b"" for known in each)
        whole = fingerprint(self.kernel, b"before" + b"".join(contents))
        assert hasher.finish() == whole

    def test_single_bytes_give_the_same_fingerprint(self) -> None:
        """A stream that comes byte by byte gives the fingerprint of the whole."""
        content = Random(8193).randbytes(8193)
        hasher = self.kernel.hasher()

        for value in content:
            hasher.update(bytes([value]))

        assert hasher.finish() == fingerprint(self.kernel, content)

    def test_a_buffer_can_be_used_again(self) -> None:
        """Bytes are taken when update returns: what the buffer holds afterwards is no matter."""
        content = Random(1).randbytes(3 * PIECE)
        buffer = bytearray(PIECE)
        hasher = self.kernel.hasher()

        for start in range(0, len(content), PIECE):
            buffer[:] = content[start : start + PIECE]
            hasher.update(memoryview(buffer))
            buffer[:] = bytes(PIECE)

        assert hasher.finish() == fingerprint(self.kernel, content)

    def test_hashers_do_not_share_state(self) -> None:
        """Two streams that are hashed in turns give the fingerprints of each alone."""
        one, two = text(50_000), Random(2).randbytes(50_000)
        first, second = self.kernel.hasher(), self.kernel.hasher()

        for start in range(0, 50_000, 1000):
            first.update(one[start : start + 1000])
            second.update(two[start : start + 1000])

        assert first.finish() == fingerprint(self.kernel, one)
        assert second.finish() == fingerprint(self.kernel, two)

    def test_threads_do_not_disturb_each_other(self) -> None:
        """Streams that are hashed side by side give the fingerprints of each alone."""
        contents = [Random(seed).randbytes(100_000) for seed in range(8)]
        expected = [fingerprint(self.kernel, content) for content in contents]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda content: fingerprint(self.kernel, content), contents))

        assert found == expected

    def test_one_changed_byte_changes_the_instance_code(self) -> None:
        """Two streams that differ in one byte have different Instance-Codes, near Data-Codes."""
        content = bytearray(Random(3).randbytes(200_000))
        before = fingerprint(self.kernel, bytes(content))
        content[100_000] ^= 1

        after = fingerprint(self.kernel, bytes(content))

        distance = before.distance(after)
        assert before.same_bytes(after) is False
        assert distance is not None
        assert distance.bits < 64


class LargeFileTests(KernelTests):
    """What holds for every kernel that is fast enough to be asked."""

    @pytest.mark.parametrize("name", LARGE_NAMES)
    def test_a_large_file_equals_iscc_lib_and_iscc_sum(
        self, name: str, samples: dict[str, Sample]
    ) -> None:
        """A stream of 20 MiB has the codes that iscc-lib and the `iscc-sum` command give."""
        sample = samples[name]

        known = fingerprint(self.kernel, sample.content)

        expected = iscc_lib.gen_sum_code_v0(str(sample.path), bits=256, wide=True)
        assert known.iscc() == expected["iscc"]
        assert known.datahash == expected["datahash"]
        assert (known.iscc(), *known.units(), known.iscc(wide=False)) == sample.printed


class TestNativeKernel(LargeFileTests):
    """iscc-lib, which work is done with where the C module was not compiled."""

    kernel = NativeKernel()
    distribution = "iscc-lib"


@pytest.mark.skipif(not has_compiled_module(), reason="the C module was not compiled here")
class TestCompiledKernel(LargeFileTests):
    """The C module of this project, which all work is done with."""

    kernel = CompiledKernel() if has_compiled_module() else NativeKernel()
    distribution = "crate-iscc"
    label = "crate-iscc-c"


class TestReferenceKernel(KernelTests):
    """iscc-core, which everything is measured by."""

    kernel = ReferenceKernel()
    distribution = "iscc-core"
