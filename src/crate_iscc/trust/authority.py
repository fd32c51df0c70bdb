"""Asks a timestamp authority over HTTP (RFC 3161, section 3.4)."""

from crate_iscc.errors import TrustError
from crate_iscc.trust import asking
from crate_iscc.trust.timestamps import Stamp, check_answer, check_stamp, request_for

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"


def new_stamp(url: str, raw: bytes) -> tuple[bytes, Stamp]:
    """Have bytes stamped by an authority; return the token, and what it says.

    The token is checked against the request: its bytes, its nonce. Raises InputError, TrustError.
    """
    request = request_for(raw)
    token = ask(url, request.as_bytes())
    check_answer(request, token)
    return token, check_stamp(token, raw, {})


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
