"""https: whose certificate is believed, and that it is the name that is checked."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from crate_iscc.sources.remote.client import Client, WebError
from crate_iscc.sources.remote.url import parse_url
from web.certificates import certificate_of
from web.web_kit import QUICK, Site, serving

pytest.importorskip("cryptography.x509")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with a key and a certificate for 127.0.0.1, and for no name."""
    return certificate_of(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture
def site(certificate: Path) -> Iterator[Site]:
    """Serve a file over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(Site({"a": b"content" * 1000}), context) as site:
        yield site


def fetch(address: str) -> list[bytes]:
    """Ask three times, over one connection where that can be."""
    client = Client(private=True, limits=QUICK)
    try:
        return [client.ask(parse_url(address), lambda reply: reply.read(9999)) for _ in range(3)]
    finally:
        client.close()


def test_a_certificate_that_is_believed(
    site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the roots of the system, which a variable of OpenSSL names."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert fetch(site.url("a")) == [b"content" * 1000] * 3


def test_a_certificate_of_nobody_who_is_believed(site: Site) -> None:
    """Nothing is asked, and nothing tried again."""
    with pytest.raises(WebError, match="certificate is not valid"):
        fetch(site.url("a"))

    assert site.asked == []


def test_a_certificate_for_another_name(
    site: Site, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name that was asked for is checked, not the address that it leads to."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    with pytest.raises(WebError, match=r"certificate is not valid.*localhost"):
        fetch(site.url("a").replace("127.0.0.1", "localhost"))

    assert site.asked == []
