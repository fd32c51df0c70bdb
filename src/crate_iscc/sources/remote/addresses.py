"""Judges network addresses, and connects to the very address that was judged.

A name is looked up once for each connection, and what comes of it is used: no second answer of
the name's owner can lead elsewhere (DNS rebinding).
"""

import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

_EMBEDDING = (
    (ip_network("::ffff:0:0/96"), 0),  # IPv4-mapped (RFC 4291, section 2.5.5.2)
    (ip_network("64:ff9b::/96"), 0),  # NAT64 (RFC 6052)
    (ip_network("2002::/16"), 80),  # 6to4 (RFC 3056)
)
"""Networks of IPv6 whose addresses lead to an IPv4 address, and how many bits stand behind it."""
_NOT_PUBLIC = tuple(
    map(
        ip_network,
        (
            "::/96",  # IPv4-compatible, not used any more (RFC 4291, section 2.5.5.1)
            "64:ff9b:1::/48",  # NAT64 of one network (RFC 8215)
            "2001::/32",  # Teredo: leads to an address behind somebody's router (RFC 4380)
            "3fff::/20",  # documentation (RFC 9637)
            "5f00::/16",  # segment routing within a network (RFC 9602)
            "fec0::/10",  # site-local (RFC 3879)
            "192.88.99.0/24",  # 6to4 relays, not used any more (RFC 7526)
        ),
    )
)
"""What some versions of Python take for global."""


class PrivateAddressError(OSError):
    """A name leads to addresses that are not public, and only those may be asked."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server may be reached: an address as text, and a port."""

    address: str
    port: int


Resolver = Callable[[str, int], Iterable[Place]]
"""Looks the addresses of a host up. Raises OSError where there is none."""
Judge = Callable[[str], bool]
"""Tells of an address whether it is public."""


def is_public(text: str) -> bool:
    """Tell whether an address belongs to the public internet; what is no address does not.

    Loopback, link-local, private, shared, multicast, reserved and documentation addresses do not
    (IANA Special-Purpose Address Registries, RFC 6890), and no IPv6 address that stands for an
    IPv4 address which does not.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    for network, behind in _EMBEDDING:
        if address in network:
            address = IPv4Address((int(address) >> behind) & 0xFFFF_FFFF)
            break
    if any(address in network for network in _NOT_PUBLIC):
        return False
    local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or address.is_reserved or local)


def resolve(host: str, port: int) -> tuple[Place, ...]:
    """Return the addresses of a host, in the order of the system. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    places = (Place(str(address[0]), port) for _, _, _, _, address in found)
    return tuple(dict.fromkeys(places))


@dataclass(frozen=True, slots=True)
class Dialler:
    """Connects to hosts; how names are looked up and addresses judged can be replaced."""

    resolve: Resolver = resolve
    is_public: Judge = is_public

    def connect(
        self, host: str, port: int, *, private: bool, timeout: float
    ) -> tuple[socket.socket, bool]:
        """Return a connection to one of a host's addresses, and whether that is a public one.

        Without `private`, the addresses that are not public are left out, and PrivateAddressError
        is raised if there is no other one. Raises OSError where none answers in `timeout` seconds.
        """
        places = tuple(self.resolve(host, port))
        allowed = [place for place in places if private or self.is_public(place.address)]
        if places and not allowed:
            raise PrivateAddressError(f"{host} is a private address ({places[0].address})")
        failure: OSError = OSError(f"{host} has no address")
        for place in allowed:
            try:
                connected = socket.create_connection((place.address, place.port), timeout)
            except OSError as error:
                failure = error
            else:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connected, self.is_public(place.address)
        raise failure
