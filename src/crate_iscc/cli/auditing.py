"""The audit command, and the log that verify keeps."""

from collections.abc import Sequence
from pathlib import Path

import typer

from crate_iscc.auditing.log import append, require_appendable
from crate_iscc.auditing.proofs import audit as audit_log
from crate_iscc.auditing.proofs import sign_log, stamp_log
from crate_iscc.cli.proving import load_key, load_trust, required_proofs
from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import now, paint_for_stdout
from crate_iscc.errors import InputError
from crate_iscc.paths import LEGACY_METADATA_FILE, METADATA_FILE, printable
from crate_iscc.render.audit import audit_json, audit_text, records_words
from crate_iscc.report import Report, Verdict, without
from crate_iscc.sources.opening import scheme_of
from crate_iscc.trust import require_trust


def audit(
    log: Path,
    *,
    key: str | None,
    authority: str | None,
    trust: str | None,
    require: str | None,
    as_json: bool,
) -> None:
    """Sign and stamp a log where that is asked for, then check it and say what it comes to."""
    trusted, required = load_trust(trust), required_proofs(require, of_a_log=True)
    if key is not None:
        require_trust()
        path, extent = sign_log(log, load_key(key), now())
        say(f"wrote {printable(str(path))}: a signature of {records_words(extent.records)}")
    if authority is not None:
        for token, moment in stamp_log(log, authority).items():
            say(f"wrote {printable(str(token))}: existed by {moment}")
    found = audit_log(log, trust=trusted, required=required)
    if as_json:
        write_for_machines(audit_json(found))
    else:
        write_out(audit_text(found, paint_for_stdout()))
    raise typer.Exit(0 if found.verdict is Verdict.VALID else 1)


class Recorder:
    """Puts verifications on record, in a log that is whole and lies in none of the crates."""

    def __init__(self, log: Path, crates: Sequence[str], ignored: Sequence[str]) -> None:
        """Raise InputError before any work is done where the log cannot be kept."""
        for crate in crates:
            if scheme_of(crate) is None:
                _refuse_inside(log, Path(crate))
        require_appendable(log)
        self._log = log
        self._ignored = ignored

    def put(self, report: Report) -> Report:
        """Append the record of a verification as it will be told; return its report."""
        append(self._log, without(report, self._ignored), now())
        return report


def _refuse_inside(log: Path, crate: Path) -> None:
    is_metadata = crate.name in (METADATA_FILE, LEGACY_METADATA_FILE)
    folder = crate.parent if is_metadata else crate
    if log.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"the log {printable(str(log))} lies in the crate {printable(str(crate))}",
            cause="it would be one more file of the crate, and a new one after every verification",
            hint="keep it elsewhere",
        )
