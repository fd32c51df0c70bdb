from array import array
from typing import Final, final

REGULAR: Final[int]
FOLDER: Final[int]
OTHER: Final[int]
CHANGED: Final[int]
CUT: Final[int]
NOT_REGULAR: Final[int]

@final
class MappedFile:
    def __init__(self, file: int, offset: int, size: int, /) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...
    def bring(self, start: int, size: int, /) -> None: ...
    def let_go(self, start: int, size: int, /) -> None: ...
    def is_whole(self) -> bool: ...

def list_folder(
    root: int, folder: bytes, state: bytes = b"", /
) -> tuple[bytes, bytes, bytes, bytes]: ...
def read_files(
    folder: int,
    paths: bytes,
    sizes: array[int],
    states: array[int],
    into: bytearray | memoryview,
    /,
) -> bytes: ...
