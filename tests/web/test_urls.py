"""Addresses on the web, taken apart and put together."""

import pytest

from crate_iscc.errors import InputError
from crate_iscc.sources.remote.url import parse_url


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("https://Example.org", "https://example.org/"),
        ("HTTP://example.org:80/a", "http://example.org/a"),
        ("https://example.org:8443/a?b=c#d", "https://example.org:8443/a?b=c"),
        ("https://example.org/two words/ü%20", "https://example.org/two%20words/%C3%BC%20"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://example.org/a\u2028b?q=\u00e9", "https://example.org/a%E2%80%A8b?q=%C3%A9"),
    ],
)
def test_an_address_is_written_in_one_way(text: str, written: str) -> None:
    """Lower case where case says nothing, percent-encoded, without a fragment."""
    assert str(parse_url(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "ftp://example.org/", "file:///etc/passwd", "https://", "https:///a", "http://a:b/",
        "http://a:99999/", "https://ex ample.org/", "http://[::1/", "https://" + "a" * 9000,
        "http://a\nb/", "//example.org/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    """With the reason."""
    with pytest.raises(InputError) as caught:
        parse_url(text)

    assert caught.value.cause or caught.value.hint


def test_a_password_is_refused_and_not_repeated() -> None:
    """It would end up in reports."""
    with pytest.raises(InputError) as caught:
        parse_url("https://ada:secret@example.org/x")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "100%.txt", "#1", "what?", "a&b;c=d+e", "dir/ü", "a:b"])
def test_a_file_name_becomes_a_part_of_an_address(name: str) -> None:
    """No character of a name is taken for one of the address."""
    url = parse_url("https://example.org/crate/").below(name)

    assert parse_url(str(url)) == url
    assert "?" not in str(url)
    assert "#" not in str(url)
    assert url.target.startswith("/crate/")
