"""The HTTP client: what it tries again, where it follows, and when it gives up."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from crate_iscc.sources.remote.addresses import Dialler
from crate_iscc.sources.remote.client import Client, Limits, RefusedError, Reply, WebError
from crate_iscc.sources.remote.url import parse_url
from web.web_kit import QUICK, Answer, Fault, Request, Site, listening, serving

CONTENT = bytes(range(256)) * 40


def fetch(address: str, limits: Limits = QUICK, dialler: Dialler | None = None) -> bytes:
    """Return the body of what is at an address."""
    client = Client(private=True, limits=limits, dialler=dialler)

    def take(reply: Reply) -> bytes:
        if reply.status != 200:
            raise WebError(f"status {reply.status}", reply.status)
        return reply.read(1 << 20)

    try:
        return client.ask(parse_url(address), take)
    finally:
        client.close()


def first(count: int, status: int, headers: dict[str, str] | None = None) -> Fault:
    """Answer the first requests with a status, and all later ones as asked."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        return Answer(status, b"busy", dict(headers or {})) if request.number < count else None

    return fault


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_storm_that_ends_is_waited_for(status: int) -> None:
    """What may come right by itself is tried again."""
    with serving(Site({"a": CONTENT}, fault=first(2, status))) as site:
        assert fetch(site.url("a")) == CONTENT

    assert len(site.asked) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_a_storm_that_does_not_end_is_told(status: int) -> None:
    """After a few tries, with the status and how often it came."""
    with (
        serving(Site({"a": CONTENT}, fault=first(999, status))) as site,
        pytest.raises(WebError, match=f"{status} .*3 times") as caught,
    ):
        fetch(site.url("a"))

    assert caught.value.status == status
    assert len(site.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 501])
def test_what_will_not_come_right_is_asked_once(status: int) -> None:
    """A clear no is a no."""
    with (
        serving(Site({"a": CONTENT}, fault=first(1, status))) as site,
        pytest.raises(WebError, match=str(status)),
    ):
        fetch(site.url("a"))

    assert len(site.asked) == 1


def test_a_server_says_how_long_to_wait() -> None:
    """Retry-After in seconds is waited for."""
    limits = replace(QUICK, retry_after=2.0)
    with serving(Site({"a": CONTENT}, fault=first(1, 429, {"Retry-After": "1"}))) as site:
        begin = time.monotonic()

        assert fetch(site.url("a"), limits) == CONTENT

    assert 1.0 <= time.monotonic() - begin < 10


@pytest.mark.parametrize(
    ("date", "after", "tries"),
    [
        ("Fri, 01 Jan 1999 00:00:00 GMT", "Fri, 01 Jan 1999 00:00:00 GMT", 3),
        ("Fri, 01 Jan 2999 00:00:00 GMT", "Fri, 01 Jan 2999 00:00:00 GMT", 3),
        ("Fri, 01 Jan 1999 00:00:00 GMT", "Fri, 01 Jan 1999 01:00:00 GMT", 1),
        ("no date", "Fri, 01 Jan 1999 01:00:00 GMT", 3),
        ("Fri, 01 Jan 1999 00:00:00 GMT", "soon", 3),
    ],
)
def test_a_moment_is_held_against_the_clock_of_the_server(
    date: str, after: str, tries: int
) -> None:
    """Clocks that are wrong by centuries make no difference; an hour is too long to wait."""
    headers = {"Date": date, "Retry-After": after}
    # http.server writes a Date of its own, before ours.
    answer = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()
    )
    asked: list[bytes] = []

    def script(connection: socket.socket) -> None:
        while got := connection.recv(4096):
            asked.append(got)
            connection.sendall(f"{answer}\r\n".encode())

    with listening(script) as address, pytest.raises(WebError, match="503"):
        fetch(address)

    assert len(asked) == tries


def test_a_wait_that_a_server_asks_for_is_bounded() -> None:
    """Who is to come back tomorrow does not wait until then."""
    with (
        serving(Site({"a": b""}, fault=first(9, 503, {"Retry-After": "86400"}))) as site,
        pytest.raises(WebError, match="503"),
    ):
        fetch(site.url("a"))

    assert len(site.asked) == 1


def test_a_server_that_stays_ill_is_left_alone() -> None:
    """After some failures everything fails at once: ten thousand files do not take a day."""
    limits = replace(QUICK, ill=2, again=60.0)
    client = Client(private=True, limits=limits)
    with serving(Site({"a": b""}, fault=first(999, 503))) as site:
        reasons = []
        for _ in range(50):
            with pytest.raises(WebError) as caught:
                client.ask(parse_url(site.url("a")), lambda reply: reply.status)
            reasons.append(caught.value.reason)
    client.close()

    assert len(site.asked) == 2 * limits.tries
    assert reasons[-1] == "not asked: the server failed before: the server answers 503 " + (
        "Service Unavailable"
    )


def test_a_server_that_was_ill_is_asked_again_later() -> None:
    """One that has come right is then as good as before."""
    limits = replace(QUICK, ill=1, again=0.05, tries=1)
    client = Client(private=True, limits=limits)
    with serving(Site({"a": CONTENT}, fault=first(1, 503))) as site:
        url = parse_url(site.url("a"))
        with pytest.raises(WebError):
            client.ask(url, lambda reply: reply.status)
        with pytest.raises(WebError, match="not asked"):
            client.ask(url, lambda reply: reply.status)
        time.sleep(0.1)

        assert client.ask(url, lambda reply: reply.read(1 << 20)) == CONTENT
    client.close()


def test_an_answer_that_is_cut_is_asked_for_again() -> None:
    """A body shorter than promised is none."""

    def fault(request: Request, answer: Answer) -> Answer | None:
        return replace(answer, cut=100) if request.number == 0 else None

    with serving(Site({"a": CONTENT}, fault=fault)) as site:
        assert fetch(site.url("a")) == CONTENT

    assert len(site.asked) == 2


def test_an_answer_that_is_always_cut_is_told() -> None:
    """No part of it is given as the whole."""
    with (
        serving(Site({"a": CONTENT}, fault=lambda _r, answer: replace(answer, cut=100))) as site,
        pytest.raises(WebError, match="the answer was cut"),
    ):
        fetch(site.url("a"))


def test_what_nobody_asked_to_be_compressed_is_refused() -> None:
    """The bytes would not be those of the file."""

    def fault(_request: Request, answer: Answer) -> Answer:
        return replace(answer, headers={"Content-Encoding": "gzip"})

    with (
        serving(Site({"a": CONTENT}, fault=fault)) as site,
        pytest.raises(WebError, match="gzip"),
    ):
        fetch(site.url("a"))

    assert site.asked[0].headers["Accept-Encoding"] == "identity"


# --- redirections ------------------------------------------------------------------------------


def to(location: str, status: int = 302) -> Answer:
    """Redirect."""
    return Answer(status, b"elsewhere", {"Location": location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirection_is_followed(status: int) -> None:
    """Also one without a host."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        return to("/b", status) if request.path == "/a" else None

    with serving(Site({"b": CONTENT}, fault=fault)) as site:
        assert fetch(site.url("a")) == CONTENT


def test_a_chain_of_redirections_has_an_end() -> None:
    """Five are followed, and no sixth."""

    def fault(request: Request, _answer: Answer) -> Answer | None:
        step = int(request.path.strip("/"))
        return to(f"/{step - 1}") if step else None

    with serving(Site({"0": CONTENT}, fault=fault)) as site:
        assert fetch(site.url("5")) == CONTENT
        with pytest.raises(RefusedError, match="redirected more than 5 times"):
            fetch(site.url("6"))


def test_a_loop_of_redirections_is_left() -> None:
    """After as many steps as a chain may have."""
    with (
        serving(Site({}, fault=lambda _r, _a: to("/a"))) as site,
        pytest.raises(RefusedError, match="redirected more than 5 times"),
    ):
        fetch(site.url("a"))

    assert len(site.asked) == 6


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "ftp://127.0.0.1/", "http://ada:secret@127.0.0.1/"]
)
def test_a_redirection_leads_to_no_other_scheme(location: str) -> None:
    """Nothing but http and https is followed, and no password is sent."""
    with (
        serving(Site({}, fault=lambda _r, _a: to(location))) as site,
        pytest.raises(RefusedError, match="not followed"),
    ):
        fetch(site.url("a"))


def outside(public: Callable[[str], bool]) -> Dialler:
    """Take some hosts of the loopback for the internet."""
    return Dialler(is_public=public)


def test_nobody_is_led_from_outside_to_a_private_address() -> None:
    """The user named the public one; whoever runs it must not choose what else is asked."""
    dialler = outside(lambda address: address == "127.0.0.2")
    with (
        serving(Site({"secret": b"!"})) as inside,
        listening_at("127.0.0.2", inside.url("secret")) as address,
        pytest.raises(RefusedError, match=r"private address \(127.0.0.1\)"),
    ):
        fetch(address, dialler=dialler)

    assert inside.asked == []


def test_nobody_is_led_back_by_way_of_a_second_public_address() -> None:
    """Once outside, all that follows has to be outside."""
    dialler = outside(lambda address: address != "127.0.0.1")
    with (
        serving(Site({"secret": b"!"})) as inside,
        listening_at("127.0.0.3", inside.url("secret")) as second,
        listening_at("127.0.0.2", second) as address,
        pytest.raises(RefusedError, match="private address"),
    ):
        fetch(address, dialler=dialler)

    assert inside.asked == []


def test_a_private_server_may_lead_to_another_one() -> None:
    """The user named a private address, so its network is theirs."""
    with (
        serving(Site({"a": CONTENT})) as inside,
        listening_at("127.0.0.2", inside.url("a")) as address,
    ):
        assert fetch(address) == CONTENT


def test_a_name_that_was_public_stays_public() -> None:
    """Its owner cannot have it lead to a private address later on."""
    seen: list[str] = []

    def judge(address: str) -> bool:
        seen.append(address)
        return len(seen) == 1

    client = Client(private=True, limits=QUICK, dialler=outside(judge))
    with serving(Site({"a": b""})) as site:
        url = parse_url(site.url("a"))
        client.ask(url, lambda reply: reply.status)
        with pytest.raises(RefusedError, match="private address"):
            client.ask(url, lambda reply: reply.status)
    client.close()


def listening_at(host: str, location: str):  # type: ignore[no-untyped-def]
    """Serve a redirection at another address of the loopback."""
    from contextlib import contextmanager
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Redirecting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            pass

    @contextmanager
    def started():  # type: ignore[no-untyped-def]
        with HTTPServer((host, 0), Redirecting) as server:
            thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
            thread.start()
            try:
                yield f"http://{host}:{server.server_address[1]}/"
            finally:
                server.shutdown()
                thread.join()

    return started()


# --- servers that are no good ------------------------------------------------------------------


def drip(connection: socket.socket, head: bytes) -> None:
    """Send a byte now and then, each early enough for who waits for the next one only."""
    connection.recv(4096)
    connection.sendall(head)
    while True:
        connection.sendall(b"x")
        time.sleep(0.05)


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nA: ", b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"],
    ids=["before", "headers", "body"],
)
def test_a_drop_now_and_then_is_no_answer(head: bytes) -> None:
    """Head and body have a time in which they have to come."""
    limits = replace(QUICK, tries=1)
    begin = time.monotonic()
    with listening(lambda connection: drip(connection, head)) as address:
        with pytest.raises(WebError, match="the answer takes too long"):
            fetch(address, limits)
        assert time.monotonic() - begin < 5


def test_silence_is_no_answer() -> None:
    """A server that takes the request and says nothing is given up."""
    with (
        listening(lambda _connection: time.sleep(1)) as address,
        pytest.raises(WebError, match="no answer in time"),
    ):
        fetch(address, replace(QUICK, tries=1))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 99999999999 What\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50,
        bytes(range(256)) * 10,
    ],
)
def test_what_is_no_http_is_told(answer: bytes) -> None:
    """Whatever comes, it is a reason and no fault of ours."""

    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(answer)

    with listening(script) as address, pytest.raises(WebError) as caught:
        fetch(address, replace(QUICK, tries=1))

    assert caught.value.reason


def test_nobody_is_there() -> None:
    """A closed port is told by its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(WebError, match=rf"127\.0\.0\.1:{port} cannot be reached"):
        fetch(f"http://127.0.0.1:{port}/")


def test_a_server_without_tls_is_no_https() -> None:
    """Nothing is sent in the clear where https was asked for."""
    with serving(Site({"a": b""})) as site, pytest.raises(WebError):
        fetch(site.url("a").replace("http:", "https:"), replace(QUICK, tries=1))

    assert site.asked == []


# --- connections -------------------------------------------------------------------------------


def test_a_connection_is_used_for_many_requests() -> None:
    """And by several threads one after another, none of which gets what another asked for."""
    connections: set[int] = set()
    site = Site({str(n): str(n).encode() * 100 for n in range(100)})
    client = Client(private=True, limits=QUICK)
    with serving(site):
        dialled = Dialler()

        def resolve(host: str, port: int):  # type: ignore[no-untyped-def]
            connections.add(len(connections))
            return dialled.resolve(host, port)

        client = Client(private=True, limits=QUICK, dialler=Dialler(resolve))
        with ThreadPoolExecutor(4) as pool:
            found = list(
                pool.map(
                    lambda n: client.ask(
                        parse_url(site.url(str(n))), lambda reply: reply.read(1 << 20)
                    ),
                    range(100),
                )
            )
        client.close()

    assert found == [str(n).encode() * 100 for n in range(100)]
    assert len(connections) <= 4


def test_a_client_that_is_closed_lets_nobody_wait() -> None:
    """Whoever interrupts a verification does not wait for a silent server."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    client = Client(private=True, limits=Limits())
    begin = time.monotonic()
    with (
        listening(lambda connection: drip(connection, head)) as address,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(client.ask, parse_url(address), lambda reply: reply.read(99))
        time.sleep(0.2)
        client.close()
        with pytest.raises(WebError):
            waiting.result(timeout=10)

    assert time.monotonic() - begin < 10


def test_a_connection_that_was_closed_meanwhile_is_made_anew() -> None:
    """Without a failure that anybody sees."""

    def script(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    client = Client(private=True, limits=replace(QUICK, tries=1))
    with listening(script) as address:
        for _ in range(3):
            assert client.ask(parse_url(address), lambda reply: reply.read(10)) == b"ok"
            time.sleep(0.05)
    client.close()
