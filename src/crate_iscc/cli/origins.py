"""The trace command."""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import typer

from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.reporting import write_file
from crate_iscc.cli.streams import write_for_machines, write_out
from crate_iscc.cli.terminal import chosen_kernel, paint_for_stdout, progress_on_stderr
from crate_iscc.matching.gathering import Gathering
from crate_iscc.matching.thumbnails import thumbnail
from crate_iscc.matching.tracing import trace_figure
from crate_iscc.render.origins import origins_html, origins_json, origins_text


def trace(
    figure: str,
    sources: Sequence[str],
    *,
    images: bool | None,
    most: int,
    html: Path | None,
    as_json: bool,
    max_bytes: int | None,
    manner: Manner,
) -> None:
    """Say what a figure may come from; end with 1 where nothing is found, 3 if not all was read.

    `images` None compares looks where what decodes images is installed.
    """
    decode = find_spec("imagecodecs") is not None if images is None else images
    with progress_on_stderr(manner.progress) as sink:
        found = trace_figure(
            figure,
            sources,
            images=decode,
            how=Gathering(
                max_bytes=max_bytes,
                jobs=manner.jobs,
                gentle=manner.gentle,
                kernel=chosen_kernel(manner.kernel),
                progress=sink,
            ),
        )
    if html is not None:
        best = found.candidates[:most]
        pictures = {(one.crate, one.path): thumbnail(one.crate, one.path) for one in best}
        known = {place: uri for place, uri in pictures.items() if uri is not None}
        write_file(html, origins_html(found, known, thumbnail(os.fspath(figure)), most=most))
    if as_json:
        write_for_machines(origins_json(found))
    else:
        write_out(origins_text(found, paint_for_stdout(), most=most))
    if found.unread:
        raise typer.Exit(UNREAD)
    if not found.candidates:
        raise typer.Exit(1)
