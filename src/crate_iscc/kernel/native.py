"""The compiled kernel: iscc-lib's one-pass ISCC-SUM, which releases the GIL while it hashes."""

from importlib.metadata import version

import iscc_lib

from crate_iscc.codes import Fingerprint, parse_iscc
from crate_iscc.stretch import Bytes


class NativeKernel:
    """ISCC-SUM by iscc-lib (Data-Code and Instance-Code, ISO 24138:2024)."""

    name = f"iscc-lib {version('iscc-lib')}"

    def hasher(self) -> "NativeHasher":
        """Return a fresh hasher."""
        return NativeHasher()


class NativeHasher:
    """One byte stream through iscc-lib's SumHasher."""

    def __init__(self) -> None:
        self._sum = iscc_lib.SumHasher()

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes."""
        self._sum.update(data)

    def finish(self) -> Fingerprint:
        """Return size and both 256-bit codes."""
        # bits=256 is needed: at its default of 64 the library returns narrow codes
        # whatever `wide` says.
        result = self._sum.finalize(bits=256, wide=True, add_units=True)
        data, instance = (parse_iscc(unit) for unit in result["units"])
        return Fingerprint(result["filesize"], data.data, instance.instance)
