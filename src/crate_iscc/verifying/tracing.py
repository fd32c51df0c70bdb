"""Traces where a crate comes from: reads what it says, and verifies what of that is here."""

from pathlib import Path

from crate_iscc.crate.provenance import Provenance, provenance_of
from crate_iscc.errors import InputError, ReadError
from crate_iscc.paths import printable, valid_unicode
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.trust.trust_set import TrustSet
from crate_iscc.verifying.verification import read_record, verify


def trace(
    source: str | Path,
    *,
    trust: TrustSet | None = None,
    jobs: int | None = None,
    progress: ProgressSink = nobody,
) -> Provenance:
    """Return the provenance of a crate in a directory or a zip, after it was verified.

    Raises InputError for what is no crate, ReadError where it changes meanwhile.
    """
    crate, record = read_record(source)
    report, why = None, ""
    try:
        report = verify(source, each=True, trust=trust, jobs=jobs, progress=progress)
    except InputError as error:
        why = str(error)
    if report is not None and report.treehash != record.manifest.root.treehash:
        raise ReadError(f"{printable(str(source))} changed while it was read")
    return provenance_of(crate, record, report, valid_unicode(str(source)), why)
