"""A crate in a folder on the web, file by file, over plain HTTP.

The folder cannot be listed. Its files are those that the crate records, in its metadata and its
manifest file, and the proofs of it that have fixed names; of anything else nobody can know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice

from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import Recorded, recorded
from crate_iscc.crate.view import Crate
from crate_iscc.entries import Entry
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.paths import (
    HUB_DOCUMENT_NAME,
    HUB_NOTE_NAME,
    HUB_RECEIPT_NAME,
    LEGACY_METADATA_FILE,
    MANIFEST_FILE,
    METADATA_FILE,
    MINISIGN_FILE,
    SIGNER_DOCUMENT_NAME,
    TIMESTAMP_ENDING,
    CratePath,
    printable,
    proof_path,
    signature_names,
)
from crate_iscc.sources import ByteStream, LeftOut, Listing, chunks
from crate_iscc.sources.remote.client import Client, Reply, WebError, wanted
from crate_iscc.sources.remote.files import (
    NOT_THERE,
    OverTheWeb,
    Seen,
    WholeStream,
    listed,
    look_at,
)
from crate_iscc.sources.remote.resource import State, look, state_of
from crate_iscc.sources.remote.url import Url

_LARGEST_METADATA = 1 << 30
_MOST_SIGNATURES = 8
_MOST_TIMESTAMPS = 8
_DEEPEST = 8
"""Crates inside crates inside crates that are looked for."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """A crate's metadata as they were read: where, under which name, in which state."""

    folder: Url
    name: CratePath
    state: State
    raw: bytes


def find_crate(client: Client, folder: Url) -> Metadata | None:
    """Return the metadata of the crate in a folder, None where there are none. Raises WebError."""
    for name in (METADATA_FILE, LEGACY_METADATA_FILE):
        found = read_metadata(client, folder.below(name), name)
        if found is not None:
            return found
    return None


def read_metadata(client: Client, url: Url, name: CratePath) -> Metadata | None:
    """Return the metadata at an address, None where there are none. Raises WebError.

    A redirection is where the crate is: its other files lie beside that.
    """

    def take(reply: Reply) -> Metadata | None:
        if reply.status in NOT_THERE:
            return None
        wanted(reply)
        state = state_of(reply)
        raw = reply.read(_LARGEST_METADATA)
        if len(raw) > _LARGEST_METADATA:
            raise WebError("the metadata are too large to be read at once")
        moved = reply.url.path.endswith("/" + name)
        folder = reply.url.folder() if moved else url.folder()
        return Metadata(folder, name, replace(state, size=len(raw)), raw)

    return client.ask(url, take)


class WebCrate(OverTheWeb):
    """The files that a crate in a folder on the web records, and that are there."""

    def __init__(self, client: Client, subject: str, metadata: Metadata) -> None:
        name = metadata.folder.path.rstrip("/").rpartition("/")[2]
        super().__init__(client, subject, name or metadata.folder.host)
        self._metadata = metadata
        self._seen = Seen({metadata.name: metadata.state}, {})
        self._top: Listing | None = None
        self._listing: Listing | None = None

    def top(self) -> Listing:
        """Return the metadata, and the manifest file if they record one."""
        if self._top is None:
            record = self._record("", self._metadata.raw)
            names = [MANIFEST_FILE] if record and record.manifest_file else []
            self._look_at(dict.fromkeys(names))
            self._top = listed(self._seen, complete=False)
        return self._top

    def listing(self, left_out: LeftOut | None = None) -> Listing:
        """Return the recorded files that are there, less those to be left out."""
        if self._listing is None:
            self.top()
            self._look_below("", self._metadata.raw, depth=0)
            self._look_for_proofs()
            self._listing = listed(self._seen, complete=False)
        if left_out is None:
            return self._listing
        entries = self._listing.entries
        return replace(self._listing, entries=entries.without(left_out(entries)))

    def _look_at(self, sizes: Mapping[str, int | None]) -> None:
        """Look at files that were not looked at before; sizes are the recorded ones."""
        known = (self._seen.states, self._seen.problems)
        places = {
            name: self._metadata.folder.below(name)
            for name in sizes
            if not any(name in seen for seen in known)
        }
        recorded_sizes = {name: size for name, size in sizes.items() if size is not None}
        more = look_at(self._client, places, self._pool, recorded_sizes)
        self._seen = Seen(
            {**self._seen.states, **more.states}, {**self._seen.problems, **more.problems}
        )

    def _look_below(self, folder: str, raw: bytes, depth: int) -> None:
        """Look at what a crate in a folder of this one records, and at the crates in it."""
        record = self._record(folder, raw)
        if record is None:
            return
        manifest = folder + MANIFEST_FILE
        if record.manifest_file:
            self._look_at({manifest: None})
            record = self._with_manifest_file(record, manifest)
        files = (*record.manifest.files, *record.apart)
        self._look_at({folder + file.path: file.fingerprint.size for file in files})
        inside = [
            folder + file.path
            for file in files
            if file.path.endswith((f"/{METADATA_FILE}", f"/{LEGACY_METADATA_FILE}"))
        ]
        for path in inside if depth < _DEEPEST else ():
            content = self._content(path)
            if content is not None:
                self._look_below(path.rpartition("/")[0] + "/", content, depth + 1)

    def _record(self, _folder: str, raw: bytes) -> Recorded | None:
        """Return what metadata record; None where they are none, which others will say."""
        try:
            return recorded(Crate.parse(raw))
        except InputError:
            return None

    def _with_manifest_file(self, record: Recorded, path: str) -> Recorded:
        state = self._seen.states.get(path)
        if state is None:
            return record
        try:
            stream = self.open(Entry(CratePath(path), state.size or 0))
            return with_manifest_file(record, chunks(stream))
        except CrateIsccError:  # it will be read again by who says so
            return record

    def _content(self, path: str) -> bytes | None:
        state = self._seen.states.get(path)
        if state is None or (state.size or 0) > _LARGEST_METADATA:
            return None
        try:
            return b"".join(chunks(self.open(Entry(CratePath(path), state.size or 0))))
        except CrateIsccError:
            return None

    def _look_for_proofs(self) -> None:
        """Look for proofs by the names that they have; what is refused is taken to be not there."""
        before = self._seen.problems
        first = [*map(proof_path, islice(signature_names(), 1)), MINISIGN_FILE]
        others = (SIGNER_DOCUMENT_NAME, HUB_RECEIPT_NAME, HUB_DOCUMENT_NAME, HUB_NOTE_NAME)
        stamps = proof_path(METADATA_FILE + TIMESTAMP_ENDING)
        self._look_at(dict.fromkeys((*first, *map(proof_path, others), stamps)))
        for name in islice(signature_names(), _MOST_SIGNATURES):
            path = proof_path(name)
            self._look_at({path: None})
            if path not in self._seen.states:
                break
            for _ in range(_MOST_TIMESTAMPS):
                path = CratePath(path + TIMESTAMP_ENDING)
                self._look_at({path: None})
                if path not in self._seen.states:
                    break
        self._seen = Seen(self._seen.states, before)

    def open(self, entry: Entry) -> ByteStream:
        """Open a file of the listing. Raises ReadError."""
        state = self._seen.states.get(entry.path)
        if state is None:
            raise ReadError(printable(entry.path), cause="it is no file that was found there")
        if entry.path == self._metadata.name:
            return WholeStream(self._metadata.raw)
        return self._opened(self._metadata.folder.below(entry.path), state, entry)

    def examine(self, entry: Entry) -> None:
        """Raise ReadError if a file is in another state than when it was listed.

        Where the server does not say, what was read is what it was.
        """
        state = self._seen.states[entry.path]
        try:
            now = look(self._client, self._metadata.folder.below(entry.path))
        except WebError:
            return
        if state.differs(now):
            raise ReadError(printable(entry.path), cause="it changed while it was read")
