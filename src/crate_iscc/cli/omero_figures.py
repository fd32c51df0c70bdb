"""The command `omero figure`."""

import re
from collections.abc import Sequence

import typer

from crate_iscc.cli.streams import say, write_out
from crate_iscc.cli.terminal import chosen_kernel
from crate_iscc.omero.figures import record_figure
from crate_iscc.paths import printable

_IMAGE = re.compile(r"(?:Image:)?([0-9]{1,18})=(.+)", re.DOTALL)


def run_figure(
    figure: str,
    crate: str,
    *,
    images: Sequence[str],
    exported: Sequence[str],
    kernel: str | None,
) -> None:
    """Record the panels of a figure and say which."""
    done = record_figure(
        figure,
        crate,
        images=dict(map(_image, images)),
        exported=exported,
        kernel=chosen_kernel(kernel),
    )
    lines = []
    for one in done.panels:
        told = ", ".join(f"{detail.name} {detail.value}" for detail in one.panel.details)
        source = f"{one.source.name} (Image:{one.panel.image})"
        lines.append(f"panel {one.panel.number}: {source}" + (f"  {told}" if told else ""))
    lines.extend(f"note  {finding.message}" for finding in done.findings)
    said = "already recorded" if done.was_there else "recorded"
    lines.append(f"{said}: {len(done.panels)} of {done.all_panels} panels of {done.name}")
    write_out("".join(f"{printable(line)}\n" for line in lines))
    for path in done.stale:
        say(f"note: {path} is of the metadata as they were: sign again")


def _image(text: str) -> tuple[int, str]:
    found = _IMAGE.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r:.80} is not NUMBER=PATH, such as 51=raw/cell.tif")
    return int(found[1]), found[2]
