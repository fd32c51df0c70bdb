"""Counts the differing bits of many codes: in C where that was compiled, else in Python.

Both give the same answers; COMPILED says which is at work.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from crate_iscc.hamming.reference import root_of, unite

COMPILED: Final = find_spec("crate_iscc.hamming._hamming") is not None
"""Whether the C module was compiled when this package was installed."""

if TYPE_CHECKING or COMPILED:
    from crate_iscc.hamming._hamming import join, nearest
else:
    from crate_iscc.hamming.reference import join, nearest

__all__ = ["COMPILED", "join", "nearest", "root_of", "unite"]
