"""A store that redirects elsewhere is not followed: no request leaves it, and nothing is read."""

import json
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.cli_kit import run
from crate_iscc import build
from crate_iscc.errors import InputError, ReadError
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel.choosing import kernel
from crate_iscc.sources import read_all
from crate_iscc.sources.remote.answers import ELSEWHERE
from crate_iscc.sources.remote.object_address import object_address
from crate_iscc.sources.remote.objects import ObjectTree
from crate_iscc.sources.remote.proxies import user_proxy
from crate_iscc.sources.remote.stores import Store, other_store
from object_stores import QUICK, Answer, Asked, HostileStore, serving
from web.certificates import certificate_of

FILES = {"data/a": b"one", "data/b": bytes(range(256)) * 99, "data/c": bytes(11 << 20)}
SCHEMES = ("s3", "gs", "az")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
Fault = Callable[[Asked, Answer], Answer]


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no keys, and no proxy."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "bucket")
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def elsewhere() -> HostileStore:
    """Return a second store with the same objects: who is led there, could read them."""
    return HostileStore(FILES)


@contextmanager
def asked_at(endpoint: str) -> Iterator[None]:
    """Have Google's and Azure's stores asked at an address, as S3's are already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GOOGLE_BASE_URL", endpoint)
        patch.setenv("AZURE_ENDPOINT", endpoint)
        yield


def redirecting(objects: bool, to: str, status: int = 302) -> Fault:
    """Return the fault of a store that redirects requests for objects, or all others."""

    def fault(asked: Asked, plain: Answer) -> Answer:
        if objects != asked.path.startswith("data/"):
            return plain
        query = "&".join(f"{name}={value}" for name, value in asked.query.items())
        return Answer(status, headers={"Location": f"{to}/bucket/{asked.path}?{query}"})

    return fault


def tree_of(scheme: str) -> ObjectTree:
    """Return the tree of the store that this process asks."""
    return ObjectTree(object_address(f"{scheme}://bucket/data"), QUICK)


def all_of(scheme: str) -> dict[str, bytes]:
    """Return what a store holds, as it is read."""
    with tree_of(scheme) as tree:
        return {f"data/{e.path}": read_all(tree, e) for e in tree.listing().entries}


def reasons(scheme: str) -> set[str]:
    """Return why none of the objects is read, which must give no code."""
    with tree_of(scheme) as tree:
        payload = payload_of(tree.listing())
        manifest = fingerprint_tree(tree, payload, kernel())
    assert (manifest.root.iscc, manifest.root.treehash) == (None, None)
    assert {f"data/{unread.path}" for unread in manifest.unread} == set(FILES)
    assert {unread.kind for unread in manifest.unread} == {"bytes.unread"}
    return {unread.reason for unread in manifest.unread}


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_objects_are_not_asked_for_elsewhere(
    scheme: str, status: int, elsewhere: HostileStore
) -> None:
    """The other server sees nothing, each part is asked for once, and the reason says why."""
    store = HostileStore(FILES)
    with serving(elsewhere) as other, serving(store) as endpoint, asked_at(endpoint):
        there = other.replace("127.0.0.1", "localhost")
        store.fault = redirecting(True, there, status)

        assert reasons(scheme) == {ELSEWHERE}

    assert elsewhere.asked == []
    assert len(store.gets("data/a")) == len(store.gets("data/b")) == 1
    assert len(store.gets("data/c")) <= 5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_listing_is_not_asked_for_elsewhere(scheme: str, elsewhere: HostileStore) -> None:
    """The other server sees nothing, and there is no listing; S3's store is asked once."""
    store = HostileStore(FILES)
    with serving(elsewhere) as other, serving(store) as endpoint, asked_at(endpoint):
        store.fault = redirecting(False, other.replace("127.0.0.1", "localhost"))

        with tree_of(scheme) as tree, pytest.raises(ReadError, match=ELSEWHERE):
            tree.listing()

    assert elsewhere.asked == []
    assert len(store.asked) <= (1 if scheme == "s3" else QUICK.tries + 1)


@pytest.mark.skipif(sys.platform == "darwin", reason="it has one address of the loopback")
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("way", ["objects", "listing"])
def test_another_private_address_is_not_asked(
    scheme: str, way: str, elsewhere: HostileStore
) -> None:
    """A neighbour of the store's address is another host."""
    store = HostileStore(FILES)
    with serving(elsewhere, "127.0.0.2") as other, serving(store) as endpoint:
        store.fault = redirecting(way == "objects", other)
        with asked_at(endpoint), pytest.raises(ReadError, match=ELSEWHERE):
            all_of(scheme)

    assert elsewhere.asked == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_the_stores_own_host_is_the_store(scheme: str, elsewhere: HostileStore) -> None:
    """Objects may lie at another port of it; this is where the limit is, and it is documented."""
    store = HostileStore(FILES)
    with serving(elsewhere) as other, serving(store) as endpoint, asked_at(endpoint):
        store.fault = redirecting(True, other)

        assert all_of(scheme) == FILES


@pytest.mark.parametrize("spelling", ["localhost", "LocalHost", "127.1", "0x7f000001", "[::1]"])
def test_however_a_host_is_spelled_it_is_the_store(
    spelling: str, monkeypatch: pytest.MonkeyPatch, elsewhere: HostileStore
) -> None:
    """The library makes one spelling of each, and it is not left for another name of the same."""
    store = HostileStore(FILES)
    host = "127.0.0.1" if spelling != "[::1]" else "::1"
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
        try:
            trial.bind((host, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
    with serving(elsewhere) as other, serving(store, host) as endpoint:
        port = endpoint.rpartition(":")[2]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{spelling}:{port}")
        with asked_at(f"http://{spelling}:{port}"):
            for scheme in SCHEMES:
                assert all_of(scheme) == FILES
        store.fault = redirecting(True, other.replace("127.0.0.1", "127.0.0.3"))

        assert reasons("s3") == {ELSEWHERE}

    assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "the store redirects, and does not say where"),
        ({"Location": "again"}, "the store redirects again and again"),
        ({"Location": "ftp://127.0.0.1/x"}, ELSEWHERE),
        ({"Location": "file:///etc/passwd"}, "the store answers 302"),
    ],
)
def test_redirections_to_nothing_are_reasons(headers: dict[str, str], reason: str) -> None:
    """They are not tried again."""
    store = HostileStore(FILES)
    with serving(store):
        store.fault = lambda asked, plain: plain if asked.query else Answer(302, headers=headers)

        assert reasons("s3") == {reason}

    assert len(store.gets("data/a")) == 1


@pytest.mark.parametrize("to", ["https", "http"])
def test_a_store_with_tls_is_not_left_either(to: str, tmp_path: Path) -> None:
    """Neither for a server that has the same certificate, nor without TLS for any."""
    pytest.importorskip("cryptography.x509")
    certificate = certificate_of(tmp_path, "127.0.0.1", "localhost")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    store, elsewhere = HostileStore(FILES), HostileStore(FILES)
    with (
        pytest.MonkeyPatch.context() as patch,
        serving(elsewhere, tls=tls if to == "https" else None) as other,
        serving(store, tls=tls),
    ):
        patch.setenv("SSL_CERT_FILE", str(certificate))
        assert all_of("s3") == FILES
        there = other.replace("127.0.0.1", "localhost") if to == "https" else other
        store.fault = redirecting(True, there)

        assert reasons("s3") == {ELSEWHERE}

    assert elsewhere.asked == []


def test_the_commands_say_so(tmp_path: Path, elsewhere: HostileStore) -> None:
    """Verify names each file and ends with 3; sum gives no code, and ends with 3."""
    study = tmp_path / "study"
    study.mkdir()
    (study / "cells.csv").write_text("cell,area\n1,25\n")
    build(study)
    files = {f"data/{place.name}": place.read_bytes() for place in study.iterdir()}
    store = HostileStore(files)
    elsewhere.files = files
    with serving(elsewhere) as other, serving(store) as endpoint:
        to = redirecting(True, other.replace("127.0.0.1", "localhost"))
        store.fault = lambda asked, plain: to(asked, plain) if "cells" in asked.path else plain
        env = {"AWS_ENDPOINT_URL": endpoint}
        verified = run("verify", "s3://bucket/data", "--format", "json", env=env)
        summed = run("sum", "--tree", "s3://bucket/data", env=env)

    (finding,) = (
        finding
        for finding in json.loads(verified.out)["findings"]
        if finding["id"].startswith("bytes.")
    )
    assert (verified.code, finding["id"], finding["path"]) == (3, "bytes.unread", "cells.csv")
    assert ELSEWHERE in finding["message"]
    assert (summed.code, summed.out) == (3, "")
    assert ELSEWHERE in summed.err
    assert elsewhere.asked == []


def test_the_proxy_of_the_user_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Listings and objects go through it, of a store that only it can reach."""
    proxy = HostileStore(FILES)
    with serving(proxy) as address:
        for name in ("AWS_ENDPOINT_URL", "GOOGLE_BASE_URL", "AZURE_ENDPOINT"):
            monkeypatch.setenv(name, "http://store.invalid")
        proxy.fault = lambda asked, plain: (
            plain if asked.headers["host"] == "store.invalid" else Answer(400)
        )
        for name, value in (
            ("http_proxy", address),
            ("ALL_PROXY", address.removeprefix("http://")),
        ):
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv(name, value)
                for scheme in SCHEMES:
                    assert all_of(scheme) == FILES


@pytest.mark.parametrize("none_for", ["127.0.0.1", "127.0.0.0/8", "localhost,127.0.0.1", "*"])
def test_a_store_that_needs_no_proxy_is_asked_without(
    none_for: str, monkeypatch: pytest.MonkeyPatch, elsewhere: HostileStore
) -> None:
    """NO_PROXY names hosts or networks; and then nothing leaves the store."""
    proxy, store = HostileStore(FILES), HostileStore(FILES)
    with serving(proxy) as wrong, serving(elsewhere) as other, serving(store):
        monkeypatch.setenv("HTTP_PROXY", wrong.replace("127.0.0.1", "localhost"))
        monkeypatch.setenv("NO_PROXY", none_for)
        assert all_of("s3") == FILES
        store.fault = redirecting(True, other.replace("127.0.0.1", "localhost"))

        assert reasons("s3") == {ELSEWHERE}

    assert proxy.asked == elsewhere.asked == []


@pytest.mark.parametrize(
    ("proxy", "told"),
    [
        ("socks5://me:secret@127.0.0.1:1", "one of socks5"),
        ("http://me:secret@bad host:1", "no address of a proxy"),
        ("http://me:secret@host:port", "no address of a proxy"),
    ],
)
def test_what_is_no_proxy_of_http_is_an_input_error(
    proxy: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said why, without the password that may stand in it."""
    monkeypatch.setenv("ALL_PROXY", proxy)

    with pytest.raises(InputError, match=told) as caught:
        user_proxy("https://store.example.org")

    assert "secret" not in str(caught.value)


def test_a_login_at_another_host_is_asked_for_the_token(
    monkeypatch: pytest.MonkeyPatch, elsewhere: HostileStore
) -> None:
    """Azure's secret is exchanged where a variable says; and the store is still not left."""
    store, login = HostileStore(FILES), HostileStore({})
    token = json.dumps({"access_token": "t0ken", "expires_in": 3600, "token_type": "Bearer"})
    login.fault = lambda _asked, _plain: Answer(body=token.encode())
    with serving(login) as at, serving(elsewhere) as other, serving(store) as endpoint:
        monkeypatch.setenv("AZURE_ENDPOINT", endpoint)
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", at.replace("127.0.0.1", "localhost"))
        for name in ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"):
            monkeypatch.setenv(f"AZURE_{name}", "0b5c1ff1-26b3-4c36-9d6f-f1f1f1f1f1f1")
        assert all_of("az") == FILES
        assert {asked.headers["authorization"] for asked in store.asked} == {"Bearer t0ken"}
        store.fault = redirecting(True, other.replace("127.0.0.1", "127.0.0.2"))

        assert reasons("az") == {ELSEWHERE}
        login.fault = lambda _asked, _plain: Answer(401)
        with tree_of("az") as tree, pytest.raises(ReadError, match="the login gives no token"):
            tree.listing()

    assert login.asked


def test_googles_login_is_asked_where_there_is_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the hosts that the library may ask: a test must not ask Google itself."""
    address = object_address("gs://bucket/data")
    assert hosts_asked(other_store(address, QUICK, tries=0)) == {"storage.googleapis.com"}

    secret = tmp_path / "secret.json"
    secret.write_text(
        json.dumps(
            {
                "type": "authorized_user",
                "client_id": "me",
                "client_secret": "secret",
                "refresh_token": "token",
            }
        )
    )
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(secret))

    assert hosts_asked(other_store(address, QUICK, tries=0)) == {
        "storage.googleapis.com",
        "accounts.google.com",
        "oauth2.googleapis.com",
    }


def hosts_asked(store: Store) -> set[str]:
    """Return the hosts that a store asks."""
    options = store.client_options
    assert options is not None
    assert options["proxy_url"] == "http://127.0.0.1:0"
    return set(options["proxy_excludes"].split(","))
