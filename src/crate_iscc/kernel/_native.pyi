from typing import Final, final

PARAMETERS: Final[tuple[int, ...]]
GEAR: Final[tuple[int, ...]]
MPA: Final[tuple[int, ...]]
MPB: Final[tuple[int, ...]]

@final
class DataHasher:
    def update(self, buffer: bytes | memoryview, ahead: bytes = b"", /) -> None: ...
    def digest(self) -> bytes: ...

def chunk_ahead(buffer: bytes | memoryview, /) -> bytes: ...
