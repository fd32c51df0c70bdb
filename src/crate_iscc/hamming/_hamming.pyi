from array import array

from crate_iscc.stretch import Bytes

def join(
    codes: Bytes,
    width: int,
    limit: int,
    first: int,
    last: int,
    parents: array[int],
    nearest: array[int],
    distances: array[int],
    /,
) -> int: ...
def nearest(
    codes: Bytes, stride: int, query: Bytes, limit: int, most: int, /
) -> list[tuple[int, int]]: ...
