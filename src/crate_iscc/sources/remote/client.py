"""Asks servers over HTTP for bytes: many at once, over connections that are kept, and patiently.

What is tried again is what may come right by itself: broken connections, answers that are cut,
429 and 5xx. All waiting is bounded, for one request and for a server that stays ill. Redirections
are followed here, one by one, each judged by where it leads.
"""

import http.client
import random
import ssl
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TypeVar

from crate_iscc.errors import InputError
from crate_iscc.paths import printable
from crate_iscc.sources.remote.addresses import Dialler, PrivateAddressError
from crate_iscc.sources.remote.timed import SLOW, Clock, SlowError, TimedSocket
from crate_iscc.sources.remote.url import Url
from crate_iscc.version import __version__

_AGENT = f"crate-iscc/{__version__}"
_REDIRECTS = (301, 302, 303, 307, 308)
_PERHAPS_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})
_SHORT_BODY = 1 << 16
"""Bytes of an unwanted body that are read, so that the connection can be used again."""


class WebError(OSError):
    """A server did not give what it was asked for; `strerror` says why.

    `status` is that of its answer, 0 where there was none.
    """

    def __init__(self, reason: str, status: int = 0) -> None:
        super().__init__(5, reason)
        self.status = status

    @property
    def reason(self) -> str:
        """What happened, for people."""
        return str(self.strerror)

    def __str__(self) -> str:
        return self.reason


class RefusedError(WebError):
    """An address was not asked: it is not public, or a redirection leads where it must not."""


class _AgainError(WebError):
    """What may be tried again, `after` so many seconds if the server said how many."""

    def __init__(self, reason: str, status: int = 0, after: float | None = None) -> None:
        super().__init__(reason, status)
        self.after = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long is waited for what, in seconds, and how often something is tried.

    `idle` is for the next bytes, `answer` for the head of an answer and for a body of no great
    length; of a longer one `slowest` bytes a second have to come in any such time. Time counts
    only while somebody waits for bytes. Between tries `pause` passes,
    doubled each time, up to `longest_pause`, less a random part of it; a server may ask for up to
    `retry_after`. A server that failed for good `ill` times in a row is asked only once in
    `again` seconds; all others fail at once meanwhile.
    """

    connect: float = 20.0
    idle: float = 20.0
    answer: float = 60.0
    slowest: int = 4096
    tries: int = 4
    pause: float = 0.5
    longest_pause: float = 15.0
    retry_after: float = 60.0
    redirects: int = 5
    ill: int = 3
    again: float = 30.0


@dataclass(slots=True)
class _Connection:
    http: http.client.HTTPConnection
    sock: TimedSocket
    public: bool


@dataclass(slots=True)
class _Health:
    """How a server has done of late."""

    failures: int = 0
    last: float = 0.0
    reason: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reply:
    """One answer: its status, its headers, and its body, to be read in pieces or to be closed."""

    def __init__(
        self,
        client: "Client",
        key: "_Key",
        connection: _Connection,
        response: http.client.HTTPResponse,
        url: Url,
    ) -> None:
        self.status = response.status
        self.headers = response.headers
        self.url = url
        self.public = connection.public
        self._client = client
        self._key = key
        self._connection: _Connection | None = connection
        self._response = response
        self._fresh = 0

    def readinto(self, buffer: memoryview) -> int:
        """Fill the start of a buffer; 0 is the end of the body. Raises OSError, HTTPException."""
        if self._connection is None:
            return 0
        count = self._response.readinto(buffer)
        limits = self._client.limits
        self._fresh += count
        if self._fresh >= limits.slowest * limits.answer:
            self._fresh = 0
            self._connection.sock.clock.start(limits.answer)
        if not count and self._response.length:
            raise http.client.IncompleteRead(b"", self._response.length)
        return count

    def read(self, limit: int) -> bytes:
        """Return the body, or `limit` bytes and one more of it. Raises OSError, HTTPException."""
        parts = bytearray()
        buffer = memoryview(bytearray(min(limit + 1, 1 << 16)))
        while len(parts) <= limit:
            count = self.readinto(buffer[: limit + 1 - len(parts)])
            if not count:
                break
            parts += buffer[:count]
        return bytes(parts)

    def close(self) -> None:
        """Let go of the connection: it is kept where the body was read to its end."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        whole = self._response.isclosed() or self._response.length == 0
        self._response.close()
        if whole and connection.http.sock is not None:
            self._client.keep(self._key, connection)
        else:
            connection.sock.shut()

    def drain(self) -> None:
        """Read what little there is of a body nobody wants, and close."""
        with suppress(OSError, http.client.HTTPException):
            self.read(_SHORT_BODY)
        self.close()


T = TypeVar("T")
_Key = tuple[str, str, int, bool]
"""Scheme, host, port, and whether the address may be private."""


class Client:
    """Asks for bytes; safe to use from several threads.

    `private` tells whether the address that is asked for may be one that is not public: right for
    what a user has typed, and for nothing that a crate says. Wherever a redirection leads from a
    public address has to be public.
    """

    def __init__(
        self, *, private: bool, limits: Limits | None = None, dialler: Dialler | None = None
    ) -> None:
        self.private = private
        self.limits = limits or Limits()
        self._dialler = dialler or Dialler()
        self._lock = threading.Lock()
        self._idle: dict[_Key, list[_Connection]] = {}
        self._health: dict[tuple[str, int], _Health] = {}
        self._public: set[tuple[str, int]] = set()
        self._closed = threading.Event()
        self._open: weakref.WeakSet[TimedSocket] = weakref.WeakSet()
        self._tls: ssl.SSLContext | None = None

    def ask(
        self,
        url: Url,
        take: Callable[[Reply], T],
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        held: bool = False,
    ) -> T:
        """Return what `take` makes of the answer, however often it takes to have a whole one.

        `take` sees every answer but those that are tried again, and may raise WebError; unless
        the answer is to be `held`, it is closed then. Raises WebError where there is no answer,
        RefusedError where there must not be one.
        """
        health = self._health_of(url)
        patient = self._may_ask(health)
        for attempt in range(self.limits.tries if patient else 1):
            if self._closed.is_set():
                raise WebError("given up")
            try:
                result = self._once(url, take, headers or {}, method, held=held)
            except _AgainError as error:
                failure = error
            else:
                with health.lock:
                    health.failures = 0
                return result
            pause = self._pause(attempt, failure.after)
            if pause is None or attempt + 1 == self.limits.tries or not patient:
                break
            if self._closed.wait(pause):
                break
        with health.lock:
            health.failures += 1
            health.last = time.monotonic()
            health.reason = failure.reason
        times = f" ({attempt + 1} times)" if attempt else ""
        raise WebError(failure.reason + times, failure.status)

    def _health_of(self, url: Url) -> _Health:
        with self._lock:
            return self._health.setdefault((url.host, url.port), _Health())

    def _may_ask(self, health: _Health) -> bool:
        """Tell whether a server is worth several tries. Raises WebError where it is worth none."""
        with health.lock:
            if health.failures < self.limits.ill:
                return True
            now = time.monotonic()
            if now - health.last < self.limits.again:
                raise WebError(f"not asked: the server failed before: {health.reason}")
            health.last = now
            return False

    def _pause(self, attempt: int, after: float | None) -> float | None:
        """Return how long to wait before the next try, None where that would be too long."""
        if after is not None:
            return max(after, 0.0) if after <= self.limits.retry_after else None
        longest: float = min(self.limits.pause * 2**attempt, self.limits.longest_pause)
        # Threads, and processes, that failed together do not come back together.
        return longest * random.uniform(0.5, 1.0)  # noqa: S311  # no secret

    def _once(
        self,
        url: Url,
        take: Callable[[Reply], T],
        headers: Mapping[str, str],
        method: str,
        *,
        held: bool,
    ) -> T:
        """Ask once, following redirections. Raises _AgainError for what may be tried again."""
        reply: Reply | None = None
        try:
            reply = self._followed(url, headers, method)
            if reply.status in _PERHAPS_LATER:
                after = _retry_after(reply)
                reply.drain()
                raise _AgainError(status_words(reply.status), reply.status, after)
            result = take(reply)
        except WebError:
            raise
        except PrivateAddressError as error:
            raise RefusedError(f"not asked: {error}") from error
        except ssl.SSLCertVerificationError as error:
            raise WebError(f"its certificate is not valid: {error.verify_message}") from error
        except TimeoutError as error:
            slow = isinstance(error, SlowError)
            raise _AgainError(SLOW if slow else "no answer in time") from error
        except http.client.IncompleteRead as error:
            raise _AgainError("the answer was cut") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise _AgainError(_words(error)) from error
        else:
            if held:
                reply = None
            return result
        finally:
            if reply is not None:
                reply.close()

    def _followed(self, url: Url, headers: Mapping[str, str], method: str) -> Reply:
        private = self.private
        for _ in range(self.limits.redirects + 1):
            reply = self._request(url, headers, method, private=private)
            location = reply.headers.get("Location")
            if reply.status not in _REDIRECTS or location is None:
                return reply
            reply.drain()
            try:
                following = url.next(location)
            except InputError as error:
                raise RefusedError(f"not followed: redirected to {error.cause}") from error
            if url.scheme == "https" and following.scheme == "http":
                raise RefusedError(
                    f"not followed: redirected from https to {printable(str(following))[:200]}"
                )
            # From outside, nobody is led to what only this computer, or its network, can reach.
            private = private and not reply.public
            url = following
        raise RefusedError(f"redirected more than {self.limits.redirects} times")

    def _request(
        self, url: Url, headers: Mapping[str, str], method: str, *, private: bool
    ) -> Reply:
        # What was public stays public: its owner cannot have the name lead elsewhere later.
        private = private and (url.host, url.port) not in self._public
        key = (url.scheme, url.host, url.port, private)
        connection = self._kept(key) or self._connect(url, private=private)
        connection.sock.clock.start(self.limits.answer)
        try:
            connection.http.request(
                method,
                url.target,
                headers={
                    "Host": url.authority,
                    "User-Agent": _AGENT,
                    "Accept": "*/*",
                    "Accept-Encoding": "identity",
                    **headers,
                },
            )
            response = connection.http.getresponse()
        except BaseException:
            connection.sock.shut()
            raise
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        reply = Reply(self, key, connection, response, url)
        if encoding not in ("", "identity") and response.status in (200, 206):
            reply.close()
            raise WebError(f"the server sends {printable(encoding)[:40]} where nobody asked for it")
        return reply

    def _connect(self, url: Url, *, private: bool) -> _Connection:
        try:
            sock, public = self._dialler.connect(
                url.host, url.port, private=private, timeout=self.limits.connect
            )
        except PrivateAddressError:
            raise
        except TimeoutError as error:
            raise _AgainError(f"{url.authority} does not answer") from error
        except (OSError, UnicodeError) as error:
            raise _AgainError(f"{url.authority} cannot be reached: {_words(error)}") from error
        if public:
            self._public.add((url.host, url.port))
        try:
            if url.scheme == "https":
                # The timeout of connecting still holds.
                sock = self._context().wrap_socket(sock, server_hostname=url.host)
            timed = TimedSocket(sock, Clock(self.limits.idle))
        except BaseException:
            sock.close()
            raise
        with self._lock:
            self._open.add(timed)
        connection = http.client.HTTPConnection(url.host, url.port)
        connection.auto_open = 0
        connection.sock = timed  # all that is used of a socket
        return _Connection(connection, timed, public)

    def _context(self) -> ssl.SSLContext:
        with self._lock:
            if self._tls is None:
                self._tls = ssl.create_default_context()
            return self._tls

    def _kept(self, key: _Key) -> _Connection | None:
        while True:
            with self._lock:
                kept = self._idle.get(key)
                if not kept:
                    return None
                connection = kept.pop()
            if connection.sock.is_quiet():
                return connection
            connection.sock.shut()

    def keep(self, key: _Key, connection: _Connection) -> None:
        """Keep a connection for the next request."""
        with self._lock:
            if not self._closed.is_set():
                self._idle.setdefault(key, []).append(connection)
                return
        connection.sock.shut()

    def close(self) -> None:
        """Close all connections; whoever waits for an answer, or to try again, gives up."""
        self._closed.set()
        with self._lock:
            connections = [one for kept in self._idle.values() for one in kept]
            self._idle.clear()
            for sock in self._open:
                sock.cut()
        for connection in connections:
            connection.sock.shut()


def wanted(reply: Reply) -> Reply:
    """Return an answer with content as it is. Raises WebError for any other."""
    if reply.status not in (200, 206):
        reply.drain()
        raise WebError(status_words(reply.status), reply.status)
    return reply


def status_words(status: int) -> str:
    """Return what a status says, for people (RFC 9110, section 15)."""
    name = http.client.responses.get(status, "")
    return f"the server answers {status} {name}".rstrip()


def _retry_after(reply: Reply) -> float | None:
    """Return the seconds that a server asks to wait (RFC 9110, section 10.2.3).

    A moment is held against the server's own clock, which may differ from the one here.
    """
    text = (reply.headers.get("Retry-After") or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        then = parsedate_to_datetime(text)
        now = parsedate_to_datetime(reply.headers.get("Date") or "")
        return (then - now).total_seconds()
    except (ValueError, TypeError):
        return None


def _words(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return printable(str(text))[:200]
