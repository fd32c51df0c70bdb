from array import array
from typing import Final, final

from crate_iscc.stretch import Bytes

BLAKE3_LANES: Final[int]
PARAMETERS: Final[tuple[int, ...]]
GEAR: Final[tuple[int, ...]]
MPA: Final[tuple[int, ...]]
MPB: Final[tuple[int, ...]]

@final
class DataHasher:
    def update(self, buffer: Bytes, ahead: bytes = b"", /) -> None: ...
    def update_files(
        self, buffer: Bytes, starts: array[int], sizes: array[int], chunks: bytes, /
    ) -> None: ...
    def digest(self) -> bytes: ...

def chunk_ahead(buffer: Bytes, /) -> bytes: ...
def data_files(buffer: Bytes, starts: array[int], sizes: array[int], /) -> tuple[bytes, bytes]: ...
def blake3_files(buffer: Bytes, starts: array[int], sizes: array[int], /) -> bytes: ...
