"""Asks a timestamp authority over HTTP (RFC 3161, section 3.4)."""

import http.client
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from crate_iscc.errors import InputError, TrustError
from crate_iscc.trust.timestamps import Stamp, check_answer, check_stamp, request_for

_TIMEOUT = 20
"""Seconds for the authority to answer."""
_LARGEST_ANSWER = 1 << 20


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nobody: whoever was named is asked, and nobody else."""

    def redirect_request(self, *_arguments: object) -> None:
        """Follow no redirection."""
        return


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
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"not the address of a timestamp authority: {url!r:.200}")
    asked = urllib.request.Request(  # noqa: S310  # http and https only, see above
        url,
        request,
        {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
        method="POST",
    )
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        with opener.open(asked, timeout=_TIMEOUT) as answer:
            kind = answer.headers.get_content_type()
            content: bytes = answer.read(_LARGEST_ANSWER + 1)
    except urllib.error.HTTPError as error:
        error.close()
        raise TrustError(f"{parts.hostname} answered with {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise TrustError(f"{parts.hostname} cannot be reached", cause=str(reason)) from error
    if kind != "application/timestamp-reply" or len(content) > _LARGEST_ANSWER:
        raise TrustError(f"{parts.hostname} did not answer as a timestamp authority", cause=kind)
    return content
