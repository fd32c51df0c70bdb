"""The compare command."""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from crate_iscc.building.deriving import check_derivable, derive
from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.reporting import write_file
from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import chosen_kernel, paint_for_stdout, progress_on_stderr
from crate_iscc.comparing.comparing import compare
from crate_iscc.errors import InputError
from crate_iscc.images import PixelStatus
from crate_iscc.kinship import Kinship, Likeness
from crate_iscc.paths import printable
from crate_iscc.render.kinship import kinship_json, kinship_text, verdict
from crate_iscc.version import __version__

_ENDINGS = {".txt": "text", ".json": "json"}
_CODES = {Likeness.IDENTICAL: 0, Likeness.SAME_PAYLOAD: 0, Likeness.UNDECIDED: UNREAD}


@dataclass(frozen=True, slots=True)
class Record:
    """The crate that is to record a conversion, and the software that made it."""

    crate: str
    software: str


def run_compare(
    a: str,
    b: str,
    *,
    dandi: bool,
    pixels: bool,
    record: Record | None,
    format_: str | None,
    output: Path | None,
    max_bytes: int | None,
    manner: Manner,
) -> NoReturn:
    """Say what two things are to each other, and exit with what that is."""
    chosen = format_ or _format_of(output)
    kernel = chosen_kernel(manner.kernel)
    if record:
        check_derivable(record.crate, sources=[a], result=b, software=record.software)
    with progress_on_stderr(manner.progress) as sink:
        kinship = compare(
            a,
            b,
            dandi=dandi,
            pixels=pixels,
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
    code = _code_of_pixels(kinship) if pixels else _CODES.get(kinship.likeness, 1)
    if record:
        _record(record, a, b, kinship, readable=code != UNREAD, kernel=manner.kernel)
    raise typer.Exit(code)


def _code_of_pixels(kinship: Kinship) -> int:
    """Return what to end with where the question was whether the pixels are equal."""
    match kinship.pixels:
        case PixelStatus.EQUAL:
            return UNREAD if kinship.not_read else 0
        case PixelStatus.UNREAD:
            return UNREAD
        case _:
            return 1


def _record(
    record: Record, a: str, b: str, kinship: Kinship, *, readable: bool, kernel: str | None
) -> None:
    """Record the conversion with its verdict; of what was not all read there is none."""
    if not readable:
        say("note: nothing is recorded, because not everything could be read")
        return
    derived = derive(
        record.crate,
        sources=[a],
        result=b,
        software=record.software,
        note=f"{verdict(kinship)} (compared by crate-iscc {__version__})",
        kernel=chosen_kernel(kernel),
    )
    said = "is already recorded" if derived.was_there else "is recorded"
    say(f"note: the conversion {said} in {printable(record.crate)}")
    for path in derived.stale:
        say(f"note: {path} is of the metadata as they were: sign again")


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
