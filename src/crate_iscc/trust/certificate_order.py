"""Puts the certificates of a timestamp token into the order that DER asks for.

Authorities send theirs first and its issuers behind; a SET OF in DER is sorted (X.690, 11.6), and
the reader of tokens here takes nothing else. What an authority signs is elsewhere, so the order of
its certificates can be mended without a change of what the token says.
"""

from dataclasses import dataclass

_CONTEXT_0 = 0xA0


@dataclass(frozen=True, slots=True)
class _Element:
    """A tag, and where its content lies."""

    tag: int
    start: int
    content: int
    stop: int


def with_sorted_certificates(token: bytes) -> bytes:
    """Return a TimeStampResp (RFC 3161, 2.4.2) with its certificates sorted.

    Anything that is not as expected comes back as it is, for the reader to refuse.
    """
    try:
        certificates = _certificates(token)
        if certificates is None:
            return token
        parts = [token[one.start : one.stop] for one in _inside(token, certificates)]
    except (IndexError, ValueError):
        return token
    ordered = b"".join(sorted(parts))
    return token[: certificates.content] + ordered + token[certificates.stop :]


def _certificates(token: bytes) -> _Element | None:
    """Return the certificates of the SignedData (RFC 5652, 5.1), None where there are none."""
    response = _element(token, 0)
    _, content_info = _inside(token, response)
    _, wrapped = _inside(token, content_info)
    (signed_data,) = _inside(token, wrapped)
    return next((one for one in _inside(token, signed_data) if one.tag == _CONTEXT_0), None)


def _inside(raw: bytes, outer: _Element) -> list[_Element]:
    found = []
    at = outer.content
    while at < outer.stop:
        element = _element(raw, at)
        if element.stop > outer.stop:
            raise ValueError("an element is longer than what it is in")
        found.append(element)
        at = element.stop
    return found


def _element(raw: bytes, at: int) -> _Element:
    length, content = raw[at + 1], at + 2
    if length >= 0x80:
        size = length & 0x7F
        if not 1 <= size <= 4:
            raise ValueError("a length of more than 32 bits, or of none")
        length = int.from_bytes(raw[content : content + size], "big")
        content += size
    return _Element(raw[at], at, content, content + length)
