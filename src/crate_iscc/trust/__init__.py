"""Proofs about a crate: who signed its metadata, and when they existed.

Everything here works on bytes and values, offline. What needs the extra `trust` says so with an
InputError where it is not installed.
"""

from importlib.util import find_spec

from crate_iscc.errors import InputError

_NEEDED = ("base58", "cryptography", "iscc_crypto", "jcs", "rfc3161_client")


def has_trust() -> bool:
    """Tell whether the libraries of the extra `trust` are installed."""
    return all(find_spec(name) is not None for name in _NEEDED)


def require_trust() -> None:
    """Raise InputError unless the libraries of the extra `trust` are installed."""
    if not has_trust():
        raise InputError(
            "signatures and timestamps need more libraries",
            cause="the extra `trust` is not installed",
            hint="pip install 'crate-iscc[trust]'",
        )
