"""Object stores for tests: moto's S3 in a process of its own, and a hostile one in this process."""

import http.client
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

import obstore
import pytest
from obstore.store import S3Store

from crate_iscc.sources.remote.object_address import object_address
from crate_iscc.sources.remote.objects import ObjectTree
from crate_iscc.sources.remote.retrying import Retrying

MOTO = os.environ.get("CRATE_ISCC_MOTO", str(Path(sys.prefix) / "judges/moto/bin/moto_server"))
WITHOUT_MOTO = f"moto's server is not installed: there is no {MOTO} (CRATE_ISCC_MOTO)"
SOME_KEY = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "secret-of-somebody"}
QUICK = Retrying(tries=4, first_wait=0.01, longest_wait=0.05, patience=5, timeout=1)
_UNCHECKED = (  # moto asks who somebody is, and not for a proof
    "AWS4-HMAC-SHA256 Credential=somebody/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=0"
)
_numbers = count()


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """Run moto's server on a free port of this machine, and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen(
            [MOTO, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, (folder / "moto.log").read_text()
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def asking(endpoint: str, **variables: str) -> Iterator[None]:
    """Have this process ask one store, with these variables and no others of AWS."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def put(endpoint: str, path: str, content: bytes = b"") -> None:
    """Put an object, or a bucket, under any name: obstore takes slashes off."""
    host = endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    headers = {"Authorization": _UNCHECKED, "Content-Length": str(len(content))}
    connection.request("PUT", quote(path), content, headers)
    answer = connection.getresponse()
    assert answer.status == 200, (path, answer.read())
    connection.close()


def new_bucket(endpoint: str) -> str:
    """Make a bucket, and return its name."""
    name = f"bucket{next(_numbers)}"
    put(endpoint, f"/{name}")
    return name


def bucket_store(endpoint: str, bucket: str) -> S3Store:
    """Return what obstore writes with."""
    return S3Store(
        bucket,
        endpoint=endpoint,
        access_key_id="somebody",
        secret_access_key="secret-of-somebody",
        client_options={"allow_http": True, "timeout": timedelta(seconds=30)},
    )


def upload(endpoint: str, files: Mapping[str, bytes]) -> str:
    """Put files into a new bucket below `data/`, and return the address of that folder."""
    bucket = new_bucket(endpoint)
    store = bucket_store(endpoint, bucket)
    put(endpoint, f"/{bucket}/data/")
    for path, content in files.items():
        obstore.put(store, f"data/{path}", content, use_multipart=False)
    return f"s3://{bucket}/data"


@dataclass
class Answer:
    """What the hostile store answers: `sent` bytes of the body, then it hangs up."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    sent: int | None = None
    late: float = 0.0


@dataclass(frozen=True)
class Asked:
    """One request: its path without the bucket, its query, its headers in small letters."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


class HostileStore:
    """An S3 store of one bucket, called `bucket`, that answers as a test wants it.

    `fault` is given each request and what the store would answer, and returns what it answers.
    """

    def __init__(self, files: Mapping[str, bytes], page_size: int = 1000) -> None:
        self.files = {path: bytes(content) for path, content in files.items()}
        self.sizes: dict[str, int] = {}
        self.etags: dict[str, str] = {}
        self.page_size = page_size
        self.asked: list[Asked] = []
        self.fault: Callable[[Asked, Answer], Answer] = lambda _asked, answer: answer

    def answer(self, asked: Asked) -> Answer:
        """Return what is answered."""
        self.asked.append(asked)
        if "list-type" in asked.query:
            plain = self._page(asked)
        elif asked.query.get("comp") == "list":
            plain = self._azure_page(asked)
        else:
            plain = self._object(asked)
        return self.fault(asked, plain)

    def gets(self, path: str) -> list[Asked]:
        """Return the requests for an object."""
        return [asked for asked in self.asked if asked.path == path]

    def etag(self, path: str) -> str:
        """Return the ETag of an object."""
        return self.etags.get(path, f'"{len(self.files[path])}-{path.encode().hex()}"')

    def _page(self, asked: Asked) -> Answer:
        token = asked.query.get("continuation-token", "")
        start = int(token) if token.isdecimal() else 0
        prefix = asked.query.get("prefix", "")
        keys = sorted((k for k in self.files if k.startswith(prefix)), key=lambda k: k.encode())
        some = keys[start : start + self.page_size]
        more = start + len(some) < len(keys)
        encoded = "encoding-type" in asked.query
        contents = "".join(
            f"<Contents><Key>{escape(quote(key) if encoded else key)}</Key>"
            "<LastModified>2026-01-02T03:04:05.678Z</LastModified>"
            f"<ETag>{escape(self.etag(key))}</ETag>"
            f"<Size>{self.sizes.get(key, len(self.files[key]))}</Size></Contents>"
            for key in some
        )
        token = f"<NextContinuationToken>{start + len(some)}</NextContinuationToken>"
        text = (
            '<?xml version="1.0"?><ListBucketResult>'
            f"{'<EncodingType>url</EncodingType>' if encoded else ''}"
            f"<KeyCount>{len(some)}</KeyCount><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{contents}{token if more else ''}</ListBucketResult>"
        )
        return Answer(body=text.encode())

    def _azure_page(self, asked: Asked) -> Answer:
        keys = sorted(key for key in self.files if key.startswith(asked.query.get("prefix", "")))
        blobs = "".join(
            f"<Blob><Name>{escape(key)}</Name><Properties>"
            "<Last-Modified>Fri, 02 Jan 2026 03:04:05 GMT</Last-Modified>"
            f"<Content-Length>{len(self.files[key])}</Content-Length>"
            "<Content-Type>application/octet-stream</Content-Type>"
            f"<Etag>{escape(self.etag(key))}</Etag></Properties></Blob>"
            for key in keys
        )
        text = f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker/></EnumerationResults>"
        return Answer(body=text.encode())

    def _object(self, asked: Asked) -> Answer:
        if asked.path not in self.files:
            return Answer(404)
        content, etag = self.files[asked.path], self.etag(asked.path)
        if asked.headers.get("if-match", etag) != etag:
            return Answer(412)
        headers = {"ETag": etag, "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT"}
        wanted = asked.headers.get("range")
        if wanted is None:
            return Answer(body=content, headers=headers)
        first, last = (int(number) for number in wanted.removeprefix("bytes=").split("-"))
        last = min(last, len(content) - 1)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        return Answer(206, content[first : last + 1], headers)

    def tree(self, prefix: str = "data", how: Retrying = QUICK) -> ObjectTree:
        """Return the tree of its objects."""
        return ObjectTree(object_address(f"s3://bucket/{prefix}"), how)


@contextmanager
def serving(
    store: HostileStore, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Serve a hostile store on this machine, and have this process ask it as nobody."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.do_GET()

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
            path = unquote(parts.path).removeprefix("/bucket").removeprefix("/")
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = store.answer(Asked(path, query, headers))
            time.sleep(answer.late)
            self.send_response(answer.status)
            headers = {"Content-Length": str(len(answer.body)), **answer.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            try:
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body[: answer.sent])
                self.wfile.flush()
            except OSError:
                self.close_connection = True
            if answer.sent is not None:
                self.close_connection = True

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 256
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    server = Server((host, 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        shown = f"[{host}]" if ":" in host else host
        endpoint = f"{'https' if tls else 'http'}://{shown}:{server.server_port}"
        with asking(endpoint):
            yield endpoint
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
