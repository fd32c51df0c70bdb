"""Asks one server over HTTP, once: nobody is followed, and nothing is waited for forever."""

import http.client
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from crate_iscc.errors import InputError, TrustError
from crate_iscc.paths import printable

_TIMEOUT = 20
"""Seconds for the server to answer, and to say the next thing."""
_LONGEST = 60
"""Seconds for the whole of an answer."""
_LARGEST_ANSWER = 1 << 20
_NEVER_SENT = (ConnectionRefusedError, socket.gaierror, ssl.SSLError)


class LostAnswerError(TrustError):
    """A request may have been received, and no whole answer came."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said: the status, the media type, the content, and its own time if it told."""

    status: int
    kind: str
    content: bytes = field(repr=False)
    date: str | None = None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nobody: whoever was named is asked, and nobody else."""

    def redirect_request(self, *_arguments: object) -> None:
        """Follow no redirection."""
        return


def host_of(url: str, what: str) -> str:
    """Return the host, and the port if it names one. Raises InputError for no HTTP address."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable():
        raise InputError(f"not the address of {what}: {printable(url)[:200]}")
    return parts.hostname + port


def ask(
    url: str, what: str, content: bytes | None = None, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return the answer to a GET, or to a POST of `content`; `what` says who is asked.

    Raises InputError where the address is none, LostAnswerError where the request may have been
    received and no whole answer came, and TrustError where nobody can be reached.
    """
    host = host_of(url, what)
    request = urllib.request.Request(  # noqa: S310  # http and https only, see above
        url, content, dict(headers or {}), method="GET" if content is None else "POST"
    )
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        try:
            answer = opener.open(request, timeout=_TIMEOUT)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            told = _read(answer)
            return Answer(
                answer.status, answer.headers.get_content_type(), told, answer.headers.get("Date")
            )
    except urllib.error.URLError as error:
        kind = TrustError if isinstance(error.reason, _NEVER_SENT) else LostAnswerError
        raise kind(f"{host} cannot be reached", cause=str(error.reason)) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = printable(str(error) or type(error).__name__)[:200]
        raise LostAnswerError(f"{host} did not answer", cause=cause) from error


def _read(answer: http.client.HTTPResponse | urllib.error.HTTPError) -> bytes:
    """Return the body of an answer. Raises OSError where it is too long, or takes too long."""
    deadline = time.monotonic() + _LONGEST
    parts = bytearray()
    while part := answer.read1(1 << 16):
        parts += part
        if len(parts) > _LARGEST_ANSWER or time.monotonic() > deadline:
            raise OSError("the answer is too long")
    length = answer.headers.get("Content-Length")
    if length is not None and length.isdigit() and len(parts) < int(length):
        raise OSError("the answer was cut")
    return bytes(parts)
