"""A web server on the loopback that gives files, ranges of them, and whatever goes wrong."""

import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

from crate_iscc.sources.remote.client import Limits

QUICK = Limits(
    connect=2.0,
    idle=0.4,
    answer=0.8,
    slowest=100_000,
    tries=3,
    pause=0.01,
    longest_pause=0.05,
    retry_after=0.5,
    ill=1000,
)
"""Limits for servers that are meant to fail: none of them is worth a second of waiting."""


@dataclass(frozen=True)
class Request:
    """What a server was asked: how often the same was asked before is its `number`."""

    method: str
    path: str
    headers: Mapping[str, str]
    number: int

    @property
    def range(self) -> tuple[int, int] | None:
        """The first and the last byte that are wanted."""
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        return (int(found[1]), int(found[2])) if found else None


@dataclass
class Answer:
    """An answer; `cut` bytes of the body are sent and no more, each after `delay` seconds."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    delay: float = 0.0


Fault = Callable[[Request, Answer], Answer | None]
"""Changes an answer, or gives another one."""


@dataclass
class Site:
    """What a server has: files by their paths, and how it gives them."""

    files: dict[str, bytes]
    ranges: bool = True
    tags: bool = True
    head: bool = True
    fault: Fault | None = None
    asked: list[Request] = field(default_factory=list)
    address: str = ""

    def url(self, path: str = "") -> str:
        """Return the address of a file."""
        return f"{self.address}/{path}"

    def answer(self, request: Request) -> Answer:
        """Return the answer to a request, before anything goes wrong."""
        content = self.files.get(unquote(request.path.partition("?")[0]).lstrip("/"))
        if content is None:
            return Answer(404, b"nothing here")
        if request.method == "HEAD" and not self.head:
            return Answer(405)
        headers = {"Last-Modified": "Tue, 01 Jan 2999 00:00:00 GMT"}
        if self.tags:
            headers["ETag"] = f'"{sha256(content).hexdigest()[:16]}"'
        wanted = request.headers.get("If-Match")
        if wanted and wanted != headers.get("ETag"):
            return Answer(412)
        if request.range is None or not self.ranges or request.method == "HEAD":
            return Answer(200, content, headers)
        first, last = request.range
        if first >= len(content):
            return Answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        piece = content[first : last + 1]
        headers["Content-Range"] = f"bytes {first}-{first + len(piece) - 1}/{len(content)}"
        return Answer(206, piece, headers)

    def count(self, method: str, path: str) -> int:
        """Return how often something was asked."""
        return sum((one.method, one.path) == (method, f"/{path}") for one in self.asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    site: Site
    lock: threading.Lock

    def do_GET(self) -> None:  # the name that http.server looks for
        with self.lock:
            before = [one for one in self.site.asked if one.path == self.path]
            headers = dict(self.headers.items())
            request = Request(self.command, self.path, headers, len(before))
            self.site.asked.append(request)
        answer = self.site.answer(request)
        if self.site.fault:
            answer = self.site.fault(request, answer) or answer
        body = answer.body
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        try:
            self._send(body[: answer.cut], answer.delay)
        except OSError:
            self.close_connection = True
        if answer.cut is not None:
            self.close_connection = True

    do_HEAD = do_GET  # noqa: N815

    def _send(self, body: bytes, delay: float) -> None:
        if not delay:
            self.wfile.write(body)
            return
        for place in range(len(body)):
            self.wfile.write(body[place : place + 1])
            self.wfile.flush()
            time.sleep(delay)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_arguments: object) -> None:
        """Say nothing: clients that go away are a part of the tests."""

    def process_request(self, request: object, address: object) -> None:
        assert isinstance(request, socket.socket)
        request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().process_request(request, address)


@contextmanager
def serving(site: Site, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve a site until the end, over TLS where that is given."""
    handler = type("Handler", (_Handler,), {"site": site, "lock": threading.Lock()})
    server = _Server(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    site.address = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def listening(script: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve a script that is run over each connection: for what is no HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def run() -> None:
            while not stop.is_set():
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    script(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        port = server.getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            stop.set()
            # Wakes accept, which a close does not.
            socket.create_connection(("127.0.0.1", port)).close()
            thread.join()
