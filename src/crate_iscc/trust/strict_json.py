"""Reads small JSON documents that are signed or decide on trust: nothing ambiguous passes."""

import json
from typing import Any

from crate_iscc.errors import TrustError

LARGEST = 1 << 20
"""Bytes of a document; real ones have some thousands."""
_DEEPEST = 32


def strict_json(raw: bytes) -> dict[str, Any]:
    """Return the object that a document holds.

    Raises TrustError for what is no UTF-8 JSON object, is larger or deeper than any real one, has a
    key twice in one object (signer and reader might see two documents in it), a number that is no
    small integer (JCS writes others as 64-bit floats, so two numbers may be one), or half a
    surrogate pair.
    """
    if len(raw) > LARGEST:
        raise TrustError("the document is too large", cause=f"it has {len(raw)} bytes")
    try:
        value = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_no_number,
            parse_constant=_no_number,
            parse_int=_integer,
        )
    except RecursionError:
        raise TrustError("the document is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise TrustError("the document is not UTF-8") from error
    except ValueError as error:
        raise TrustError("the document is not JSON", cause=str(error)[:200]) from error
    if not isinstance(value, dict):
        raise TrustError("the document is no JSON object")
    _check(value, 0)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise TrustError("the document is ambiguous", cause="a key stands twice in one object")
    return value


def _no_number(text: str) -> Any:
    raise TrustError("the document holds a number that is no integer", cause=text[:40])


def _integer(text: str) -> int:
    if len(text) > 16 or abs(int(text)) >= 1 << 53 or text == "-0":
        raise TrustError("the document holds a number of more than 53 bits", cause=text[:40])
    return int(text)


def _check(value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise TrustError("the document is nested too deeply")
    if isinstance(value, dict):
        for key, item in value.items():
            _check(key, depth + 1)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise TrustError("the document holds half a surrogate pair") from None
