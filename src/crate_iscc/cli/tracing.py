"""The provenance command."""

from pathlib import Path

import typer

from crate_iscc.cli.options import Manner
from crate_iscc.cli.proving import load_trust
from crate_iscc.cli.reporting import EXIT_CODES, write_file
from crate_iscc.cli.streams import write_for_machines, write_out
from crate_iscc.cli.terminal import paint_for_stdout, progress_on_stderr
from crate_iscc.crate.provenance import Provenance
from crate_iscc.errors import InputError
from crate_iscc.paths import printable
from crate_iscc.render.provenance import provenance_json, provenance_text
from crate_iscc.render.provenance_svg import provenance_svg
from crate_iscc.verifying.tracing import trace

_ENDINGS = {".txt": "text", ".json": "json", ".svg": "svg"}


def provenance(
    crate: str, *, format_: str | None, output: Path | None, trust: str | None, manner: Manner
) -> None:
    """Say where a crate comes from; end as verify does, and with 1 where a link is broken."""
    chosen = format_ or _format_of(output)
    trusted = load_trust(trust)
    with progress_on_stderr(manner.progress) as sink:
        chain = trace(crate, trust=trusted, jobs=manner.jobs, progress=sink)
    if output is not None:
        write_file(output, _rendered(chain, chosen))
    elif chosen == "text":
        write_out(provenance_text(chain, paint_for_stdout()))
    else:
        write_for_machines(_rendered(chain, chosen))
    code = EXIT_CODES[chain.report.verdict] if chain.report else 0
    raise typer.Exit(1 if chain.counts["broken"] else code)


def _rendered(chain: Provenance, format_: str) -> str:
    make = {"text": provenance_text, "json": provenance_json, "svg": provenance_svg}[format_]
    return make(chain)


def _format_of(output: Path | None) -> str:
    if output is None or not output.suffix or (output.exists() and not output.is_file()):
        return "text"
    known = _ENDINGS.get(output.suffix.lower())
    if known is None:
        raise InputError(
            f"the format cannot be told from the name {printable(output.name)}",
            hint="give --format with one of text, json, svg",
        )
    return known
