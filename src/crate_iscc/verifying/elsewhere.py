"""Checks the data entities of a crate that lie on the web, where the caller asked for that.

The addresses are the crate's, and whoever made it may be nobody's friend: none that is not public
is asked unless the caller says so, and no more bytes of a file are read than are recorded.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from crate_iscc.comparison import Comparison, compare
from crate_iscc.crate.evidence import Evidence, algorithms, conventions_of, digests_to_check
from crate_iscc.crate.findings import findings_of
from crate_iscc.crate.record import Recorded, recorded_elsewhere
from crate_iscc.crate.view import Crate
from crate_iscc.entries import EntryTable
from crate_iscc.errors import InputError
from crate_iscc.file_table import together
from crate_iscc.fingerprinting.reading import hash_files
from crate_iscc.kernel.choosing import datahashes
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath
from crate_iscc.report import Finding
from crate_iscc.sources.remote.client import Client
from crate_iscc.sources.remote.files import WebFiles
from crate_iscc.sources.remote.url import Url, parse_url
from crate_iscc.verifying.how import How, Thoroughness
from crate_iscc.verifying.observing import unhashed


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How data entities on the web came out, by their addresses in the place of paths.

    `asked` are all of them, `names` what matches rest on, where that is no datahash; `contents`
    tells whether anything was recorded of what any of them holds.
    """

    comparison: Comparison = field(default_factory=lambda: Comparison(0, ()))
    findings: tuple[Finding, ...] = ()
    asked: frozenset[CratePath] = frozenset()
    names: Mapping[CratePath, str] = field(default_factory=dict)
    contents: bool = False


def check_elsewhere(crate: Crate, how: How, client: Client) -> Elsewhere:
    """Fetch and compare the Files of a crate that lie on the web; the client is closed.

    `how.remote` says what may be asked. Raises InputError where they have more bytes than the
    caller allows.
    """
    record = recorded_elsewhere(crate)
    files = record.manifest.files
    places: dict[str, Url] = {}
    refused: list[Unread] = []
    for path in files.paths():
        try:
            places[path] = parse_url(path)
        except InputError as error:
            refused.append(Unread(path, error.cause or error.message))
    sizes: dict[str, int] = {
        file.path: file.fingerprint.size for file in files if file.fingerprint.size is not None
    }
    full = how.thoroughness is Thoroughness.FULL
    to_check = digests_to_check(record, full=full)
    with WebFiles(client, "data entities on the web", "web", places, sizes) as tree:
        listing = tree.listing()
        entries = _worth_reading(listing.entries, record, how)
        _refuse_larger(entries, how)
        book = DigestBook({path: algorithms(digests) for path, digests in to_check.items()})
        read, unread = hash_files(
            tree,
            entries,
            how.kernel if full else datahashes(how.kernel),
            jobs=how.jobs,
            gentle=how.gentle,
            progress=how.progress,
            step="verifying",
            digests=book,
        )
    known = {item.path for item in unread}
    seen = listing.entries.without(
        number for number, path in enumerate(listing.entries.paths()) if path in known
    )
    # Of what was not worth reading the size is known.
    there = Manifest(together(read, unhashed(seen)), unread=(*unread, *listing.refused, *refused))
    evidence = Evidence.of(to_check, read, book.digests)
    content = how.thoroughness is not Thoroughness.QUICK
    comparison = compare(record.manifest, there, told=evidence.told(), content=content)
    found = (
        *record.findings,
        *findings_of(
            comparison.differences,
            is_closed=lambda _path: False,
            judgements=evidence.judgements,
        ),
        *evidence.conflicts(files, read),
    )
    return Elsewhere(
        comparison,
        tuple(_of_entity(finding, crate) for finding in found),
        frozenset(files.paths()),
        conventions_of(record, to_check),
        content and (bool(record.digests) or any(f.fingerprint.verifiable for f in files)),
    )


def _worth_reading(entries: EntryTable, record: Recorded, how: How) -> EntryTable:
    """Return the files whose bytes can show something.

    A file of another size than the recorded one has changed, and of one without a digest the size
    is all that can be compared.
    """
    files = record.manifest.files
    numbers = array("Q")
    for number, entry in enumerate(entries):
        file = files.get(entry.path)
        known = file.fingerprint if file else None
        if how.thoroughness is Thoroughness.QUICK or known is None:
            continue
        if (known.verifiable or entry.path in record.digests) and known.size in (None, entry.size):
            numbers.append(number)
    return entries.chosen(numbers)


def _refuse_larger(entries: EntryTable, how: How) -> None:
    limit = how.remote.max_bytes if how.remote else None
    if limit is not None and entries.size > limit:
        raise InputError(
            "the data entities on the web are larger than allowed",
            cause=f"they add up to {entries.size} bytes, the limit is {limit}",
            hint="raise --max-bytes, or leave --remote out",
        )


def _of_entity(finding: Finding, crate: Crate) -> Finding:
    """Return a finding about an address as one about the entity that names it."""
    entity = finding.path or ""
    return replace(finding, path=None, moved_to=None, entity=entity, pointer=crate.pointer(entity))
