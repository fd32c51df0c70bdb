"""The reference kernel: iscc-core's pure Python, slow, and what every other kernel must equal."""

from importlib.metadata import version

from iscc_core import DataHasherV0, InstanceHasherV0

from crate_iscc.codes import Fingerprint
from crate_iscc.stretch import Bytes


class ReferenceKernel:
    """ISCC-SUM by iscc-core, the reference implementation of ISO 24138:2024."""

    name = f"iscc-core {version('iscc-core')}"

    def hasher(self) -> "ReferenceHasher":
        """Return a fresh hasher."""
        return ReferenceHasher()


class ReferenceHasher:
    """One byte stream through iscc-core's Data-Code and Instance-Code hashers."""

    def __init__(self) -> None:
        self._data = DataHasherV0()
        self._instance = InstanceHasherV0()
        self._size = 0

    def update(self, data: Bytes, /) -> None:
        """Take the next bytes."""
        block = bytes(data)
        self._data.push(block)
        self._instance.push(block)
        self._size += len(block)

    def finish(self) -> Fingerprint:
        """Return size and both 256-bit codes."""
        return Fingerprint(self._size, self._data.digest(), self._instance.digest())
