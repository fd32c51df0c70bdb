"""Asks a timestamp authority over HTTP (RFC 3161, section 3.4)."""

from crate_iscc.errors import TrustError
from crate_iscc.trust import asking

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


def ask(url: str, request: bytes) -> bytes:
    """Return an authority's answer to a request. Raises InputError and TrustError."""
    what = "a timestamp authority"
    answer = asking.ask(url, what, request, {"Content-Type": _QUERY, "Accept": _REPLY})
    host = asking.host_of(url, what)
    if answer.status != 200:
        raise TrustError(f"{host} answered with {answer.status}")
    if answer.kind != _REPLY:
        raise TrustError(f"{host} did not answer as a timestamp authority", cause=answer.kind)
    return answer.content
