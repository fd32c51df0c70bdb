"""One thing on the web in one state, and pieces of it: none of them from any other state."""

import re
from dataclasses import dataclass

from crate_iscc.sources.remote.client import Client, Reply, WebError, status_words, wanted
from crate_iscc.sources.remote.url import Url

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)")
_CHANGED = "it changed while it was read"
_NO_HEAD = frozenset({400, 403, 405, 501})
"""What servers answer that know GET alone, or whose signed addresses are for that alone."""


@dataclass(frozen=True, slots=True)
class State:
    """What a server says of something: its size in bytes (None: not told), and which state it is.

    `tag` is its entity tag, `modified` its Last-Modified as it is written, which is only ever held
    against itself: the server's clock may be wrong. `ranges` tells whether parts were given.
    """

    size: int | None
    tag: str | None = None
    modified: str | None = None
    ranges: bool = False

    def differs(self, other: "State") -> bool:
        """Tell whether another state is certainly not this one."""
        if None not in (self.size, other.size) and self.size != other.size:
            return True
        if self.tag or other.tag:
            return self.tag != other.tag
        return self.modified != other.modified

    def condition(self) -> dict[str, str]:
        """Return the header that asks for this state alone; weak tags are none to ask by."""
        if self.tag and not self.tag.startswith("W/"):
            return {"If-Match": self.tag}
        return {}


class NoRangesError(WebError):
    """The server gives whole files only."""


class ChangedError(WebError):
    """What is there is not what was there before."""

    def __init__(self) -> None:
        super().__init__(_CHANGED)


def look(client: Client, url: Url) -> State:
    """Return the state of what is at an address, from HEAD, or GET where that is not answered.

    Raises WebError.
    """
    try:
        state = client.ask(url, lambda reply: _state(wanted(reply)), method="HEAD")
    except WebError as error:
        if error.status not in _NO_HEAD:
            raise
        return first_part(client, url, 1)[0]
    return state if state.size is not None else first_part(client, url, 1)[0]


def first_part(client: Client, url: Url, size: int) -> tuple[State, bytes]:
    """Return the state of what is at an address, and up to `size` bytes of its start.

    Where the server gives no ranges, no more than these are read. Raises WebError.
    """

    def take(reply: Reply) -> tuple[State, bytes]:
        wanted(reply)
        return _state(reply), reply.read(size - 1)

    try:
        return client.ask(url, take, {"Range": f"bytes=0-{size - 1}"})
    except WebError as error:
        if error.status != 416:
            raise
        return client.ask(url, take)  # of what is empty there is no part


def part(client: Client, url: Url, state: State, start: int, stop: int) -> bytes:
    """Return the bytes of something in a known state from `start` up to `stop`.

    Raises ChangedError, NoRangesError, and WebError for anything else than these bytes.
    """

    def take(reply: Reply) -> bytes:
        if reply.status in (412, 416):
            reply.drain()
            raise ChangedError
        wanted(reply)
        now = _state(reply)
        if state.differs(now):
            raise ChangedError
        if reply.status == 200:
            raise NoRangesError("the server does not give parts of files")
        check_range(reply, start, stop, state.size)
        found = reply.read(stop - start)
        if len(found) != stop - start:
            raise WebError("the server sends more or fewer bytes than it says")
        return found

    headers = {"Range": f"bytes={start}-{stop - 1}", **state.condition()}
    return client.ask(url, take, headers)


def check_range(reply: Reply, start: int, stop: int, size: int | None) -> None:
    """Raise WebError unless an answer says that it is that part (RFC 9110, section 14.4)."""
    text = reply.headers.get("Content-Range", "")
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        raise WebError("the server does not say which part of the file it sends")
    if (int(found[1]), int(found[2]) + 1) != (start, stop):
        raise WebError("the server sends another part of the file than it was asked for")
    if size is not None and found[3] not in ("*", str(size)):
        raise ChangedError


def state_of(reply: Reply) -> State:
    """Return what an answer with status 200 or 206 says of the whole."""
    return _state(reply)


def _state(reply: Reply) -> State:
    headers = reply.headers
    size: int | None = None
    if reply.status == 206:
        found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
        if found and found[3] != "*":
            size = int(found[3])
    else:
        length = headers.get("Content-Length", "").strip()
        if length.isascii() and length.isdigit() and len(length) <= 18:
            size = int(length)
    ranges = reply.status == 206
    return State(size, headers.get("ETag"), headers.get("Last-Modified"), ranges)


__all__ = [
    "ChangedError",
    "NoRangesError",
    "State",
    "check_range",
    "first_part",
    "look",
    "part",
    "state_of",
    "status_words",
]
