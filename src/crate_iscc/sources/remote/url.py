"""Addresses on the web, as users and crates write them and as they are asked for."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

from crate_iscc.errors import InputError
from crate_iscc.paths import printable

_KEPT = "%/:?=&+$,;@!'()*~-._[]"
"""What stands in the path and query of an address as it is; all else is percent-encoded."""
_PATH = "/:=+$,;@!'()*~-._&"
"""What of a file's name stands in an address as it is."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,253}")
_LONGEST = 8192


@dataclass(frozen=True, slots=True)
class Url:
    """An address with the scheme http or https, in the parts that a request needs.

    `target` is the path and the query, percent-encoded.
    """

    scheme: str
    host: str
    port: int
    target: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def authority(self) -> str:
        """The host, and the port if it is not that of the scheme."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = self.port == _DEFAULT_PORTS[self.scheme]
        return host if usual else f"{host}:{self.port}"

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self.target.partition("?")[0]

    def below(self, path: str) -> "Url":
        """Return the address of a file below this one, which is a folder's."""
        target = self.path + quote(path, safe=_PATH)
        return Url(self.scheme, self.host, self.port, target)

    def folder(self) -> "Url":
        """Return the address of the folder that this file lies in."""
        return Url(self.scheme, self.host, self.port, self.path.rpartition("/")[0] + "/")

    def next(self, location: str) -> "Url":
        """Return where a redirection leads from here. Raises InputError."""
        return parse_url(urljoin(str(self), location))


def is_web(text: str) -> bool:
    """Tell whether text is meant as an address on the web."""
    return text[:8].lower().startswith(("http://", "https://"))


def parse_url(text: str) -> Url:
    """Return an address in its parts; what stands behind a `#` is left out.

    Raises InputError for what is no address with a host, and for one that holds a password: that
    would stand in reports.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except (ValueError, UnicodeError) as error:
        raise _no_address(text, str(error)) from error
    if any(character < " " for character in text):  # urlsplit leaves some of them out
        raise _no_address(text, "it holds control characters")
    scheme = parts.scheme.lower()
    if scheme not in _DEFAULT_PORTS or len(text) > _LONGEST:
        raise _no_address(text, "it does not begin with http:// or https://, or is too long")
    if not _HOST.fullmatch(host):
        raise _no_address(text, "it names no host")
    if "@" in parts.netloc:
        raise InputError(
            f"the address holds a user name or password: {scheme}://…@{host}",
            hint="leave them out: they would stand in reports and logs",
        )
    path = quote(parts.path or "/", safe=_KEPT)
    query = f"?{quote(parts.query, safe=_KEPT)}" if parts.query else ""
    return Url(scheme, host, port or _DEFAULT_PORTS[scheme], path + query)


def _no_address(text: str, cause: str) -> InputError:
    return InputError(f"not an address on the web: {printable(text)[:200]}", cause=cause)
