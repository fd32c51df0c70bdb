"""The compare command."""

from pathlib import Path
from typing import NoReturn

import typer

from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.reporting import write_file
from crate_iscc.cli.streams import write_for_machines, write_out
from crate_iscc.cli.terminal import chosen_kernel, paint_for_stdout, progress_on_stderr
from crate_iscc.comparing.comparing import compare
from crate_iscc.errors import InputError
from crate_iscc.kinship import Likeness
from crate_iscc.paths import printable
from crate_iscc.render.kinship import kinship_json, kinship_text

_ENDINGS = {".txt": "text", ".json": "json"}
_CODES = {Likeness.IDENTICAL: 0, Likeness.SAME_PAYLOAD: 0, Likeness.UNDECIDED: UNREAD}


def run_compare(
    a: str,
    b: str,
    *,
    dandi: bool,
    format_: str | None,
    output: Path | None,
    max_bytes: int | None,
    manner: Manner,
) -> NoReturn:
    """Say what two things are to each other, and exit with what that is."""
    chosen = format_ or _format_of(output)
    kernel = chosen_kernel(manner.kernel)
    with progress_on_stderr(manner.progress) as sink:
        kinship = compare(
            a,
            b,
            dandi=dandi,
            max_bytes=max_bytes,
            jobs=manner.jobs,
            gentle=manner.gentle,
            kernel=kernel,
            progress=sink,
        )
    if output is not None:
        write_file(output, kinship_text(kinship) if chosen == "text" else kinship_json(kinship))
    elif chosen == "text":
        write_out(kinship_text(kinship, paint_for_stdout()))
    else:
        write_for_machines(kinship_json(kinship))
    raise typer.Exit(_CODES.get(kinship.likeness, 1))


def _format_of(output: Path | None) -> str:
    if output is None or not output.suffix or (output.exists() and not output.is_file()):
        return "text"
    known = _ENDINGS.get(output.suffix.lower())
    if known is None:
        raise InputError(
            f"the format cannot be told from the name {printable(output.name)}",
            hint="give --format with one of text, json",
        )
    return known
