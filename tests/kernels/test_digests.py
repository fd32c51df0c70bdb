"""The hashers beside the ISCC-SUM equal the libraries that nobody here wrote."""

import hashlib
from random import Random

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.kernel import Hasher
from crate_iscc.kernel.digest import DatahashHasher, Sha256
from crate_iscc.kernel.native import NativeKernel

SIZES = (0, 1, 63, 64, 65, 1023, 1024, 1025, 65536, (1 << 20) + 1)


def in_pieces(hasher: Hasher | Sha256, content: bytes, piece: int) -> None:
    """Give a hasher the content in pieces of that size."""
    for start in range(0, len(content), piece):
        hasher.update(memoryview(content)[start : start + piece])


@pytest.mark.parametrize("size", SIZES)
def test_a_datahash_equals_the_blake3_package(size: int) -> None:
    """A datahash is the BLAKE3-256 digest behind the multihash prefix 1e20."""
    content = Random(size).randbytes(size)
    hasher = DatahashHasher()

    in_pieces(hasher, content, 1000)

    known = hasher.finish()
    assert known.datahash == "1e20" + blake3(content).hexdigest()
    assert known.size == size


@pytest.mark.parametrize("size", SIZES)
def test_a_datahash_is_the_body_of_the_instance_code(size: int) -> None:
    """The datahash alone knows the Instance-Code of the whole ISCC-SUM, and no Data-Code."""
    content = Random(size).randbytes(size)
    alone, whole = DatahashHasher(), NativeKernel().hasher()

    in_pieces(alone, content, 4096)
    in_pieces(whole, content, 4096)

    known, complete = alone.finish(), whole.finish()
    assert known.instance == complete.instance
    assert known.data is None
    assert not known.complete
    assert known.same_bytes(complete)


@given(content=st.binary(max_size=5000), piece=st.integers(1, 5000))
def test_the_pieces_of_a_datahash_do_not_matter(content: bytes, piece: int) -> None:
    """However a byte stream is cut, its datahash is one."""
    hasher = DatahashHasher()

    in_pieces(hasher, content, piece)

    assert hasher.finish().instance == blake3(content).digest()


@pytest.mark.parametrize("size", SIZES)
def test_a_sha256_equals_hashlib(size: int) -> None:
    """The sha256 is that of Python's hashlib, in lower-case hex."""
    content = Random(size).randbytes(size)
    hasher = Sha256()

    in_pieces(hasher, content, 1000)

    assert hasher.hexdigest() == hashlib.sha256(content).hexdigest()
