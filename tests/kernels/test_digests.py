"""The hashers beside the ISCC-SUM equal the libraries that nobody here wrote."""

import shutil
import subprocess
from random import Random

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.fixity import HEX_DIGITS
from crate_iscc.kernel import Hasher
from crate_iscc.kernel.digest import DatahashHasher, OtherDigests
from crate_iscc.kernel.native import NativeKernel

SIZES = (0, 1, 63, 64, 65, 1023, 1024, 1025, 65536, (1 << 20) + 1)


def in_pieces(hasher: Hasher | OtherDigests, content: bytes, piece: int) -> None:
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


COMMANDS = {
    "md5": ["md5sum"],
    "sha1": ["sha1sum"],
    "sha224": ["sha224sum"],
    "sha256": ["sha256sum"],
    "sha384": ["sha384sum"],
    "sha512": ["sha512sum"],
    "blake2b": ["b2sum"],
    "sha3-256": ["openssl", "dgst", "-sha3-256", "-r"],
    "sha3-512": ["openssl", "dgst", "-sha3-512", "-r"],
}


@pytest.mark.parametrize("size", SIZES)
def test_other_digests_equal_those_of_the_usual_commands(size: int) -> None:
    """Every algorithm gives what the command that people use prints, all in one go."""
    content = Random(size).randbytes(size)
    digests = OtherDigests(tuple(COMMANDS))

    in_pieces(digests, content, 1000)

    printed = {
        name: subprocess.run(command, input=content, capture_output=True, check=True).stdout
        for name, command in COMMANDS.items()
        if shutil.which(command[0])
    }
    assert {"md5", "sha256"} <= printed.keys()
    computed = digests.hexdigests()
    assert {name: computed[name] for name in printed} == {
        name: line.split()[0].decode() for name, line in printed.items()
    }
    assert {name: len(text) for name, text in computed.items()} == {
        name: HEX_DIGITS[name] for name in COMMANDS
    }
