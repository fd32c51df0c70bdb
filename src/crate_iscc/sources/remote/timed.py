"""A connection that gives up: no answer can be drawn out for ever, however slowly it comes."""

import io
import socket
import ssl
import time
from contextlib import suppress
from typing import IO, Any

SLOW = "the answer takes too long"


class SlowError(TimeoutError):
    """Bytes have come, and too few in too much time."""


class Clock:
    """How long may be waited: for the next byte, and for all of them together.

    What passes while nobody waits is not counted.
    """

    __slots__ = ("_idle", "_left")

    def __init__(self, idle: float) -> None:
        self._idle = idle
        self._left = float("inf")

    def start(self, seconds: float) -> None:
        """Let so many seconds be waited from now on."""
        self._left = seconds

    def next_wait(self) -> float:
        """Return the seconds that the next wait may take. Raises SlowError if there are none."""
        if self._left <= 0:
            raise SlowError(SLOW)
        return min(self._idle, self._left)

    def cuts_short(self) -> bool:
        """Tell whether the next wait is shorter than that for a server which says nothing."""
        return self._left < self._idle

    def count(self, seconds: float) -> None:
        """Note that so many seconds were waited."""
        self._left -= seconds


class TimedSocket:
    """What http.client needs of a socket, each step of it within the time of a Clock."""

    def __init__(self, sock: socket.socket, clock: Clock) -> None:
        self.clock = clock
        self._sock = sock
        self._readers = 0
        self._closed = False

    def sendall(self, data: Any) -> None:
        """Send bytes. Raises OSError."""
        self._sock.settimeout(self.clock.next_wait())
        self._sock.sendall(data)

    def makefile(self, _mode: str) -> IO[bytes]:
        """Return a file of what comes in."""
        self._readers += 1
        return io.BufferedReader(_Incoming(self), 1 << 16)

    def receive(self, buffer: Any) -> int:
        """Fill the start of a buffer with what comes next. Raises OSError."""
        self._sock.settimeout(self.clock.next_wait())
        begin = time.monotonic()
        try:
            return self._sock.recv_into(buffer)
        except TimeoutError as error:
            if self.clock.cuts_short():
                raise SlowError(SLOW) from error
            raise
        finally:
            self.clock.count(time.monotonic() - begin)

    def is_quiet(self) -> bool:
        """Tell whether nothing has come in that nobody asked for; also an end is something."""
        self._sock.settimeout(0)
        try:
            self._sock.recv(1)
        except (BlockingIOError, InterruptedError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        """Close the connection, once nobody reads from it any more."""
        self._closed = True
        if not self._readers:
            self._sock.close()

    def done(self) -> None:
        """Note that a file of makefile was closed."""
        self._readers -= 1
        if self._closed and not self._readers:
            self._sock.close()

    def cut(self) -> None:
        """End the connection for whoever waits for bytes of it; it still has to be closed."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def shut(self) -> None:
        """Close the connection at once, whoever reads from it."""
        self._sock.close()


class _Incoming(io.RawIOBase):
    def __init__(self, sock: TimedSocket) -> None:
        self._timed = sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._timed.receive(buffer)

    def close(self) -> None:
        if not self.closed:
            self._timed.done()
        super().close()
