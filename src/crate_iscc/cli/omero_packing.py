"""The command `omero pack`."""

import json
from typing import NoReturn

import typer

from crate_iscc.building.adoption import DamagedPayloadError
from crate_iscc.building.plan import UnreadPayloadError
from crate_iscc.cli.building import say_damaged, say_unread
from crate_iscc.cli.guard import DAMAGED, UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import write_for_machines, write_out
from crate_iscc.cli.terminal import (
    cache_folder,
    chosen_kernel,
    now,
    paint_for_stdout,
    progress_on_stderr,
)
from crate_iscc.crate.describe import Description
from crate_iscc.finding_kinds import Severity
from crate_iscc.omero.packing import TRANSFER_FILE, Packed, pack
from crate_iscc.paths import printable
from crate_iscc.render.record import build_json, build_text
from crate_iscc.report import Finding


def run_pack(
    path: str,
    out: str | None,
    *,
    name: str | None,
    description: str | None,
    licence: str | None,
    authors: tuple[str, ...],
    pixels: bool,
    max_bytes: int | None,
    use_cache: bool,
    manner: Manner,
    as_json: bool,
) -> NoReturn:
    """Annotate and build a pack, say what was done, and exit with what was found."""
    try:
        with progress_on_stderr(manner.progress) as sink:
            done = pack(
                path,
                out,
                description=Description(name, description, licence, authors),
                pixels=pixels,
                max_bytes=max_bytes,
                jobs=manner.jobs,
                cache_folder=cache_folder() if use_cache else None,
                now=now(),
                kernel=chosen_kernel(manner.kernel),
                progress=sink,
            )
    except UnreadPayloadError as error:
        say_unread(error)
        raise typer.Exit(UNREAD) from None
    except DamagedPayloadError as error:
        say_damaged(error)
        raise typer.Exit(DAMAGED) from None
    written = [out] if out else _written(done)
    notes = (*done.findings, *done.plan.notes)
    if as_json:
        built = json.loads(
            build_json(done.plan.manifest, out or path, written, notes, dry_run=False)
        )
        value = {**built, "images": images_json(done)}
        write_for_machines(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    else:
        paint = paint_for_stdout()
        errors = [one for one in notes if one.severity is Severity.ERROR]
        others = [one for one in notes if one.severity is not Severity.ERROR]
        write_out(build_text(done.plan.manifest, out or path, written, others, paint))
        for one in errors:
            place = f"{one.path}: " if one.path else ""
            write_out(f"{paint('error', 'bad')}  {printable(place + one.message)}\n")
        write_out(_images_text(done) + "\n")
    raise typer.Exit(exit_code(done.findings))


def images_json(done: Packed) -> dict[str, int]:
    """Return how many images a pack has, and what became of their codes."""
    return {
        "all": done.images,
        "with_codes": done.annotated,
        "had_them_already": done.unchanged,
    }


def exit_code(findings: tuple[Finding, ...]) -> int:
    """Return 1 where an error was found, else 0."""
    return DAMAGED if any(f.severity is Severity.ERROR for f in findings) else 0


def _written(done: Packed) -> list[str]:
    first = [TRANSFER_FILE] if done.wrote_transfer else []
    return [*first, *reversed(done.plan.changes)]


def _images_text(done: Packed) -> str:
    words = f"{done.annotated} of {done.images} images have their codes in {TRANSFER_FILE}"
    if done.annotated and done.unchanged == done.annotated:
        words += ", as before"
    return words
