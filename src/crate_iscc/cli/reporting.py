"""What commands that end with a report have in common: where it goes, and the exit code."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from crate_iscc.cli.guard import NO_VERDICT, UNREAD
from crate_iscc.cli.streams import say, say_error, write_for_machines, write_out
from crate_iscc.cli.terminal import paint_for_stdout
from crate_iscc.errors import CrateIsccError, InputError, WriteError
from crate_iscc.paths import printable
from crate_iscc.render.formats import FORMATS, format_of, rendered
from crate_iscc.report import Report, Verdict, check_ignorable, without

_SEVERAL = ("text", "jsonl", "github", "markdown")
_LONGEST_SUMMARY = 1 << 20
"""Bytes that GitHub takes as the summary of a step."""
EXIT_CODES = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.INCOMPLETE: UNREAD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How the user wants a report: `format_` None is told from the name of the output file."""

    format_: str | None
    output: Path | None
    ignored: tuple[str, ...] = ()
    exit_zero: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be delivered before any work is done."""
        check_ignorable(self.ignored)
        _ = self.chosen_format

    @property
    def chosen_format(self) -> str:
        """The format that was named, else the one that the output's name ends in, else text.

        Raises InputError for an ending that stands for none.
        """
        output = self.output
        if self.format_ is not None:
            return self.format_
        if output is None or not output.suffix or (output.exists() and not output.is_file()):
            return "text"
        known = format_of(output.name)
        if known is None:
            raise InputError(
                f"the format cannot be told from the name {printable(output.name)}",
                hint=f"give --format with one of {', '.join(FORMATS)}",
            )
        return known


def check_each(
    crates: Sequence[str], delivery: Delivery, check: Callable[[str], Report]
) -> NoReturn:
    """Check one crate after the other, deliver each report, and exit with the worst code.

    Of several crates 2 (no verdict) weighs more than 1, and 1 more than 3: a run that did not
    come to a verdict on every crate is not complete.
    """
    if len(crates) > 1 and (delivery.output or delivery.chosen_format not in _SEVERAL):
        raise typer.BadParameter(
            f"several crates can be written as {', '.join(_SEVERAL)} to stdout only; "
            "run the command once for each crate"
        )
    codes: list[int] = []
    for crate in crates:
        try:
            report = check(crate)
            if codes and delivery.chosen_format in ("text", "markdown"):
                write_out("\n")
            codes.append(deliver(report, delivery))
        except CrateIsccError as error:
            if len(crates) == 1:
                raise
            say_error(error)
            codes.append(NO_VERDICT)
    raise typer.Exit(next((code for code in (NO_VERDICT, 1, UNREAD) if code in codes), 0))


def deliver(report: Report, delivery: Delivery) -> int:
    """Write a report where and how it is wanted; return the exit code of its verdict."""
    report = without(report, delivery.ignored)
    format_ = delivery.chosen_format
    if delivery.output is not None:
        write_file(delivery.output, rendered(report, format_))
    elif format_ == "text":
        write_out(rendered(report, format_, paint_for_stdout()))
    else:
        write_for_machines(rendered(report, format_))
    if format_ == "github":
        _add_step_summary(report)
    return 0 if delivery.exit_zero else EXIT_CODES[report.verdict]


def write_file(output: Path, text: str) -> None:
    """Replace a file as a whole; write into what is no file (a device, a pipe).

    Raises WriteError.
    """
    from crate_iscc.replacing import clear_leftovers, replacing

    content = text.encode("utf-8")
    try:
        if output.exists() and not output.is_file():
            output.write_bytes(content)
        else:
            clear_leftovers(output.resolve())
            with replacing(output.resolve()) as file:
                file.write(content)
    except OSError as error:
        raise WriteError(
            f"cannot write the report to {printable(str(output))}", cause=error.strerror
        ) from error


def _add_step_summary(report: Report) -> None:
    """Append the report to the summary of the step, where GitHub names a file for it."""
    place = os.environ.get("GITHUB_STEP_SUMMARY")
    if not place:
        return
    text = rendered(report, "markdown").encode("utf-8")
    try:
        with Path(place).open("ab") as file:
            if file.tell() + len(text) > _LONGEST_SUMMARY:
                say("warning: the step summary is full, this report is not in it")
            else:
                file.write(text)
    except OSError as error:
        say(f"warning: the step summary was not written: {error.strerror}")
