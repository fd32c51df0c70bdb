"""Files on the web whose names are known: each is looked at, and read, by its own address.

A web server lists nothing. So somebody else has to say which files there are.
"""

import http.client
from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate

from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError
from crate_iscc.manifest import Unread
from crate_iscc.paths import CratePath, printable
from crate_iscc.sources import ByteStream, Closing, LeftOut, Listing, Mapped, SmallFiles
from crate_iscc.sources.remote.client import Client, Reply, WebError, wanted
from crate_iscc.sources.remote.resource import ChangedError, State, check_range, look, state_of
from crate_iscc.sources.remote.timed import SLOW
from crate_iscc.sources.remote.url import Url
from crate_iscc.stretch import Stretch

AT_ONCE = 16
"""Requests that are under way side by side: each waits far longer than it works."""
NOT_THERE = frozenset({404, 410})
SMALL = 1 << 20
"""Bytes up to which a file is read at once, and asked for anew where that fails."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at some addresses found, by the names: states, and why there is none.

    What is in neither is not there.
    """

    states: Mapping[str, State]
    problems: Mapping[str, str]


def look_at(
    client: Client, places: Mapping[str, Url], pool: ThreadPoolExecutor, sizes: Mapping[str, int]
) -> Seen:
    """Look at files side by side; `sizes` is what is known of those whose server tells none."""
    states: dict[str, State] = {}
    problems: dict[str, str] = {}

    def one(name: str) -> State | str | None:
        try:
            state = look(client, places[name])
        except WebError as error:
            return None if error.status in NOT_THERE else error.reason
        if state.size is None:
            state = replace(state, size=sizes.get(name))
        return state if state.size is not None else "nobody says how many bytes it has"

    for name, found in zip(places, pool.map(one, places), strict=True):
        if isinstance(found, State):
            states[name] = found
        elif found is not None:
            problems[name] = found
    return Seen(states, problems)


class OverTheWeb(Closing, ABC):
    """What trees have in common whose files a client asks for, one by one and side by side.

    The client is closed with them.
    """

    def __init__(self, client: Client, subject: str, name: str) -> None:
        self.subject = subject
        self.name = name
        self._client = client
        self._pool = ThreadPoolExecutor(AT_ONCE, "crate-iscc-web")

    @abstractmethod
    def open(self, entry: Entry) -> ByteStream:
        """Open a file of the listing. Raises ReadError."""

    def _opened(self, url: Url, state: State, entry: Entry) -> ByteStream:
        """Return the bytes of a file: of a small one they are there already."""
        if entry.size <= SMALL:
            return WholeStream(read_whole(self._client, url, state, entry))
        return WebStream(self._client, url, state, entry)

    def mapped(self, _entry: Entry) -> Mapped | None:
        """Return None: what lies elsewhere is not mapped."""
        return None

    def read_together(
        self, entries: EntryTable, numbers: "array[int]", buffer: memoryview
    ) -> SmallFiles | None:
        """Read whole files to a buffer, many side by side."""
        return read_side_by_side(self._pool, self.open, entries.chosen(numbers), buffer)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._pool.shutdown(cancel_futures=True)

    def give_up(self) -> None:
        """Have all who wait for bytes fail at once."""
        self._client.close()


class WebFiles(OverTheWeb):
    """Files by their names, and the address of each; those that are not there are not listed."""

    def __init__(
        self,
        client: Client,
        subject: str,
        name: str,
        places: Mapping[str, Url],
        sizes: Mapping[str, int],
    ) -> None:
        super().__init__(client, subject, name)
        self._places = places
        self._sizes = sizes
        self._seen: Seen | None = None
        self._listing: Listing | None = None

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the files that are there, less those to be left out."""
        if self._listing is None:
            self._seen = look_at(self._client, self._places, self._pool, self._sizes)
            self._listing = listed(self._seen)
        if left_out is None:
            return self._listing
        entries = self._listing.entries
        return replace(self._listing, entries=entries.without(left_out(entries)))

    def top(self) -> Listing:
        """Return all files."""
        return self.listing()

    def open(self, entry: Entry) -> ByteStream:
        """Open a file of the listing. Raises ReadError."""
        url, state = self._known(entry)
        return self._opened(url, state, entry)

    def _known(self, entry: Entry) -> tuple[Url, State]:
        url = self._places.get(entry.path)
        state = self._seen.states.get(entry.path) if self._seen else None
        if url is None or state is None:
            raise ReadError(printable(entry.path), cause="it is no file that was found there")
        return url, state


def listed(seen: Seen, *, complete: bool = True) -> Listing:
    """Return what was seen as a listing."""
    entries = (Entry(CratePath(name), state.size or 0) for name, state in seen.states.items())
    refused = (Unread(CratePath(name), reason) for name, reason in seen.problems.items())
    return Listing(EntryTable.of(entries), (), tuple(refused), complete=complete)


def read_side_by_side(
    pool: ThreadPoolExecutor,
    open_: Callable[[Entry], ByteStream],
    entries: Iterable[Entry],
    buffer: memoryview,
) -> SmallFiles:
    """Read files to the start of a buffer, one behind the other, many at a time."""
    chosen = list(entries)
    sizes = array("q", (entry.size for entry in chosen))
    starts = array("q", accumulate(sizes[:-1], initial=0))

    def one(entry: Entry, start: int) -> str | None:
        window = buffer[start : start + entry.size]
        try:
            stream = open_(entry)
            try:
                while len(window):
                    count = stream.readinto(window)
                    if not count:
                        return "it ended early"
                    window = window[count:]
                stream.readinto(memoryview(bytearray(1)))
            finally:
                stream.close()
        except ReadError as error:
            return error.cause or error.message
        return None

    reasons = pool.map(one, chosen, starts)
    failed = {place: reason for place, reason in enumerate(reasons) if reason is not None}
    return SmallFiles(Stretch(buffer, starts, sizes), failed)


def read_whole(client: Client, url: Url, state: State, entry: Entry) -> bytes:
    """Return all bytes of a file in the state in which it was listed. Raises ReadError."""

    def take(reply: Reply) -> bytes:
        _check_same(reply, state)
        found = reply.read(entry.size)
        if len(found) != entry.size:
            raise WebError(_other_size(entry, len(found)))
        return found

    try:
        return client.ask(url, take, state.condition())
    except WebError as error:
        raise ReadError(printable(entry.path), cause=error.reason) from error


def _check_same(reply: Reply, state: State) -> None:
    """Raise WebError unless an answer is the whole of something in that state."""
    if reply.status == 412:
        raise ChangedError
    wanted(reply)
    if reply.status != 200:
        raise WebError("the server sends a part where the whole was asked for")
    if state.differs(state_of(reply)):
        raise ChangedError


def _other_size(entry: Entry, found: int) -> str:
    words = "more" if found > entry.size else "fewer"
    return f"the server sends {words} bytes than the {entry.size} it has said"


class WholeStream:
    """The bytes of a small file, which are there already."""

    __slots__ = ("_left",)

    def __init__(self, content: bytes) -> None:
        self._left = memoryview(content)

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end."""
        piece = self._left[: len(buffer)]
        buffer[: len(piece)] = piece
        self._left = self._left[len(piece) :]
        return len(piece)

    def close(self) -> None:
        """Do nothing."""


class WebStream:
    """The bytes of a large file as they come; what breaks off is taken up again where it was.

    That is only done where the server says that the file is still in the same state.
    """

    def __init__(self, client: Client, url: Url, state: State, entry: Entry) -> None:
        self._client = client
        self._url = url
        self._state = state
        self._entry = entry
        self._position = 0
        self._resumed = 0
        self._tries = client.limits.tries
        self._reply: Reply | None = None
        self._ended = False
        self._start()

    def _failed(self, reason: str) -> ReadError:
        self.close()
        return ReadError(printable(self._entry.path), cause=reason)

    def _start(self) -> None:
        """Have an answer that begins where the bytes have come to. Raises ReadError."""
        state, position = self._state, self._position

        def take(reply: Reply) -> Reply:
            if not position:
                _check_same(reply, state)
                return reply
            if reply.status in (412, 416):
                raise ChangedError
            wanted(reply)
            if state.differs(state_of(reply)):
                raise ChangedError
            if reply.status != 206:
                raise WebError("the answer was cut, and the server does not give parts of files")
            check_range(reply, position, self._entry.size, state.size)
            return reply

        headers = state.condition()
        if position:
            headers["Range"] = f"bytes={position}-{self._entry.size - 1}"
        try:
            self._reply = self._client.ask(self._url, take, headers, held=True)
        except WebError as error:
            raise self._failed(error.reason) from error

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill the start of `buffer`; 0 is the end. Raises ReadError, see ByteStream."""
        left = self._entry.size - self._position
        while not self._ended:
            if self._reply is None:
                raise self._failed("it was closed")
            try:
                # One byte more than is left shows a file that has more.
                count = self._reply.readinto(buffer[:left] if left else memoryview(bytearray(1)))
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._again(error)
                continue
            if count and not left:
                raise self._failed(_other_size(self._entry, self._entry.size + 1))
            if not count and left:
                self._again(None)
                continue
            self._position += count
            if not count:
                self._ended = True
                self.close()
            return count
        return 0

    def _again(self, error: Exception | None) -> None:
        """Begin again where the bytes have come to. Raises ReadError where that is in vain."""
        self.close()
        self._tries -= 1
        if self._position - self._resumed >= SMALL:
            self._tries = self._client.limits.tries
        self._resumed = self._position
        known = self._state.tag or self._state.modified or not self._position
        if not self._tries or not known:
            raise self._failed(SLOW if isinstance(error, TimeoutError) else "the answer was cut")
        self._start()

    def close(self) -> None:
        """Let go of the connection."""
        if self._reply is not None:
            self._reply.close()
            self._reply = None
