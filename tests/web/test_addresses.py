"""Which addresses are public, and that the one that was judged is the one that is asked."""

import socket

import pytest

from crate_iscc.sources.remote.addresses import (
    Dialler,
    Place,
    PrivateAddressError,
    is_public,
    resolve,
)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255",
        "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7",
        "203.0.113.9", "192.0.0.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
        "255.255.255.255",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1",
        "2001:db8::1", "3fff::1", "100::1", "2001::1", "5f00::1", "64:ff9b:1::a00:1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
        "::8.8.8.8", "64:ff9b::127.0.0.1", "64:ff9b::c0a8:101", "2002:7f00:1::", "2002:a00:1::1",
        "", "localhost", "127.1", "0x7f000001",
    ],
)  # fmt: skip
def test_no_address_of_a_single_network_is_public(address: str) -> None:
    """Special purposes by the registries of IANA, by whatever way they are written."""
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8", "1.1.1.1", "141.5.100.1", "172.32.0.1", "100.128.0.1",
        "2606:4700:4700::1111", "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::808:808",
        "2002:808:808::1",
    ],
)  # fmt: skip
def test_an_address_of_the_internet_is_public(address: str) -> None:
    """Also one of IPv4 that is written as one of IPv6."""
    assert is_public(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433"])
def test_a_private_host_is_not_connected_to(host: str) -> None:
    """By whatever spelling: judged is what the system makes of it."""
    with pytest.raises(PrivateAddressError, match="is a private address"):
        Dialler().connect(host, 9, private=False, timeout=1)


def test_the_very_address_that_was_judged_is_connected_to() -> None:
    """A name is looked up once; a second answer would lead elsewhere and is never asked for."""
    answers = iter([[Place("127.0.0.1", 0)]])
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        dialler = Dialler(
            lambda _host, port: [Place(p.address, port) for p in next(answers)], lambda _a: True
        )

        connected, public = dialler.connect("changing.example", port, private=False, timeout=5)

        with connected:
            assert connected.getpeername() == ("127.0.0.1", port)
        assert public


def test_of_several_addresses_only_public_ones_are_asked() -> None:
    """A name that leads to both kinds is asked at the public one, here a closed port."""
    tried: list[str] = []

    def judge(address: str) -> bool:
        tried.append(address)
        return address == "127.0.0.2"

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        places = [Place("127.0.0.1", port), Place("127.0.0.2", port)]
        dialler = Dialler(lambda *_: places, judge)

        with pytest.raises(OSError, match="refused"):
            dialler.connect("both.example", port, private=False, timeout=5)

    assert tried == ["127.0.0.1", "127.0.0.2"]


def test_a_name_is_looked_up_by_the_system() -> None:
    """Each address comes once."""
    places = resolve("localhost", 80)

    assert Place("127.0.0.1", 80) in places
    assert len(places) == len(set(places))
