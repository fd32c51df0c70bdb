"""Says by which proxy a store is asked, and so keeps what is asked at the store.

The library for objects follows redirections, wherever they lead, and cannot be told not to. Where
the user has a proxy it is asked for everything, and what it lets through is for its owner to say.
Where there is none the library is given one at an address at which nothing can listen, and the
host of the store as the only one that is asked without it. So a redirection to any other host
fails on this machine, and at once, before a name is looked up.
"""

import re
import urllib.request
from contextlib import suppress
from ipaddress import ip_address, ip_network
from socket import inet_aton, inet_ntoa
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from crate_iscc.errors import InputError
from crate_iscc.sources.remote.url import parse_url

if TYPE_CHECKING:
    from obstore.store import ClientConfig

NOWHERE = "127.0.0.1:0"
"""Port 0 stands for any free port where a server is started: no connection leads to it."""
_TO_NOWHERE = re.compile(rf'ConnectError\(\s*"[^"]*",\s*{re.escape(NOWHERE)},')


def user_proxy(url: str) -> str | None:
    """Return the address of the proxy by which a user has a URL asked, if there is one.

    HTTPS_PROXY and HTTP_PROXY, else ALL_PROXY, say it, in capital or small letters, and NO_PROXY
    names the hosts and networks that need none; without any, the settings of macOS and Windows
    do. Raises InputError for a proxy of another kind than HTTP.
    """
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    host = parts.hostname or ""
    if not proxy or urllib.request.proxy_bypass(parts.netloc):
        return None
    if _is_in_networks(host, proxies.get("no", "")):
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if problem := _problem(proxy):
        raise InputError(
            f"{host} cannot be asked by way of the proxy that is set",
            cause=problem,
            hint=f"set HTTPS_PROXY to one, or NO_PROXY={host} if none is needed",
        )
    return proxy


def _problem(proxy: str) -> str | None:
    """Return what is wrong with the address of a proxy, without the password it may hold."""
    kind = proxy.partition("://")[0].lower()
    if kind not in ("http", "https"):
        return f"it is one of {kind}, and only proxies of HTTP are known"
    try:
        parts = urlsplit(proxy)
        parse_url(f"{kind}://{parts.netloc.rpartition('@')[2]}")
    except (InputError, ValueError):
        return "it is no address of a proxy"
    return None


def _is_in_networks(host: str, names: str) -> bool:
    """Tell whether a host is an address in one of the networks among the names of NO_PROXY."""
    for name in names.split(","):
        with suppress(ValueError):  # most are names of hosts
            if ip_address(host) in ip_network(name.strip(), strict=False):
                return True
    return False


def way_to(base: str, *also: str) -> "ClientConfig":
    """Return the options for asking the host of one URL, and those of others for keys, alone.

    Other ports of a host, and names below its own, are the host too. Raises InputError where a
    URL is none.
    """
    if proxy := user_proxy(base):
        return {"proxy_url": proxy}
    hosts = {spelling for url in (base, *also) for spelling in _spellings(parse_url(url).host)}
    return {"proxy_url": f"http://{NOWHERE}", "proxy_excludes": ",".join(sorted(hosts))}


def _spellings(host: str) -> set[str]:
    """Return a host as it is written, and as an address that it may stand for (127.1)."""
    with suppress(OSError):
        return {host, inet_ntoa(inet_aton(host))}
    return {host}


def leads_nowhere(text: str) -> bool:
    """Tell from what the library says of a failure whether it was to ask another host."""
    return _TO_NOWHERE.search(text) is not None
