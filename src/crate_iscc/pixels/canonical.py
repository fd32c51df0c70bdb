"""Turns arrays into the bytes that IEP-0018 hashes."""

from typing import Any

import numpy as np

from crate_iscc.stretch import Bytes


def pixel_type(dtype: Any) -> tuple[str, int]:
    """Return the name of a type without its byte order, and its bytes; bool counts as uint8."""
    kind = np.dtype(dtype)
    if kind == np.bool_:
        kind = np.dtype(np.uint8)
    return kind.newbyteorder("=").name, kind.itemsize


def canonical(array: Any, dtype: str) -> Bytes:
    """Return the pixels of an array in C order, big-endian; their bits stay what they are.

    Raises ValueError for an array of another type: pixels are never converted.
    """
    if pixel_type(array.dtype)[0] != dtype:
        raise ValueError(f"the pixels are {array.dtype}, not {dtype}")
    if array.dtype == np.bool_:
        array = array.astype(np.uint8)
    big = np.ascontiguousarray(array, dtype=np.dtype(dtype).newbyteorder(">"))
    return big.reshape(-1).view(np.uint8).data
