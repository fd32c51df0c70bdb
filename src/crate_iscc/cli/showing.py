"""The show and explain commands."""

import difflib

from crate_iscc.cli.streams import write_for_machines, write_out
from crate_iscc.cli.terminal import paint_for_stdout
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import FINDING_KINDS
from crate_iscc.render.record import record_json, record_text
from crate_iscc.verifying.verification import read_record


def show(source: str, *, as_json: bool) -> None:
    """Print what a crate records."""
    crate, record = read_record(source)
    if as_json:
        write_for_machines(record_json(crate, record, source))
    else:
        write_out(record_text(crate, record, source, paint_for_stdout()))


def explain(finding_id: str | None) -> None:
    """Print what a finding means, or the list of all findings."""
    paint = paint_for_stdout()
    if finding_id is None:
        width = max(map(len, FINDING_KINDS))
        lines = [f"{kind.id:<{width}}  {kind.title}" for kind in FINDING_KINDS.values()]
        write_out("\n".join(lines) + "\n")
        return
    kind = FINDING_KINDS.get(finding_id)
    if kind is None:
        near = difflib.get_close_matches(finding_id, FINDING_KINDS, n=1)
        raise InputError(
            f"there is no finding called {finding_id!r}",
            hint=f"did you mean {near[0]}?" if near else "crate-iscc explain lists them all",
        )
    rule = ""
    if kind.requirement:
        rule = f"Profile: BIO-CODES {kind.requirement} ({kind.severity.level})\n\n"
    write_out(
        f"{paint(kind.id, 'warn')} ({kind.severity}): {kind.title}\n\n"
        f"{kind.meaning}\n\n{rule}What to do: {kind.advice}\n"
    )
