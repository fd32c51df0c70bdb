"""The entry point of the fuzzer for the two C modules: any arguments from Python, right or wrong.

Wrong ones have to be refused with ValueError; right ones have to give what the packages give that
nobody here wrote. A crash of the process is what a fuzzer finds without being told.
"""

import os
from array import array
from contextlib import suppress
from tempfile import TemporaryDirectory

from blake3 import blake3

from crate_iscc.kernel.native import NativeKernel

try:
    from crate_iscc.kernel import _native
    from crate_iscc.sources import _reading
except ImportError:  # there was no compiler
    HAS_COMPILED = False
else:
    HAS_COMPILED = True

_HEAD = 24
"""Bytes that say what is called with which numbers; the others are data."""


def call_compiled(raw: bytes) -> None:
    """Call everything in both modules with numbers and bytes out of `raw`."""
    head, data = raw[:_HEAD].ljust(_HEAD, b"\0"), raw[_HEAD:]
    starts, sizes = _numbers(head[1:11], len(data)), _numbers(head[11:21], len(data))
    _hash_files(data, starts, sizes[: len(sizes) - (head[21] == 255)], data[: head[22]])
    _hash_stream(data, head[21] + 1, data[: head[22]])
    _read_files(data, sizes, head[23])


def _numbers(raw: bytes, length: int) -> "array[int]":
    """Return up to five numbers: most of them within the data, some at its end, some far away."""
    numbers = array("q")
    for kind, value in zip(raw[0::2], raw[1::2], strict=True):
        if kind == 255:
            break
        numbers.append(
            (value % (length + 1), length - value % 3, -value, value << (kind % 56))[kind % 4]
        )
    return numbers


def _data_code(content: bytes) -> bytes:
    hasher = NativeKernel().hasher()
    hasher.update(content)
    return hasher.finish().data or b""


def _hash_files(data: bytes, starts: "array[int]", sizes: "array[int]", junk: bytes) -> None:
    fit = len(starts) == len(sizes) and all(
        start >= 0 and size >= 0 and start + size <= len(data)
        for start, size in zip(starts, sizes, strict=True)
    )
    try:
        instances = _native.blake3_files(data, starts, sizes)
        codes, chunks = _native.data_files(data, starts, sizes)
        hasher = _native.DataHasher()
        hasher.update_files(data, starts, sizes, chunks)
        found = hasher.digest()
    except ValueError:
        assert not fit
        return
    assert fit
    files = [data[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    assert instances == b"".join(blake3(file).digest() for file in files)
    assert codes == b"".join(map(_data_code, files))
    assert found == _data_code(b"".join(files))
    for wrong in (junk, chunks[: len(junk)], junk + chunks):
        with suppress(ValueError):
            _native.DataHasher().update_files(data, starts, sizes, wrong)


def _hash_stream(data: bytes, size: int, junk: bytes) -> None:
    hasher = _native.DataHasher()
    for start in range(0, len(data), size * 16):
        piece = data[start : start + size * 16]
        hasher.update(piece, _native.chunk_ahead(piece) if start % 3 else b"")
    assert hasher.digest() == _data_code(data)
    with suppress(ValueError):
        _native.DataHasher().update(data, junk)


def _read_files(data: bytes, sizes: "array[int]", most: int) -> None:
    """List and read in an empty folder: nothing is there, whatever is asked for."""
    states = array("Q", [number & 0xFFFF for number in sizes for _ in range(4)])
    with TemporaryDirectory() as folder:
        handle = os.open(folder, os.O_RDONLY)
        try:
            with suppress(ValueError):
                into = bytearray(most)
                outcome = array("i")
                outcome.frombytes(_reading.read_files(handle, data, sizes, states, into))
                assert len(outcome) == len(sizes)
                assert into == bytes(most)
            if not data.startswith(b"/") and b".." not in data:
                with suppress(OSError):
                    assert not any(_reading.list_folder(handle, data[:200]))
            if sizes:
                with suppress(OSError, ValueError):
                    _reading.MappedFile(handle, sizes[0], sizes[-1])
        finally:
            os.close(handle)
