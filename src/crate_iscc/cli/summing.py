"""The sum command."""

from pathlib import Path

import typer

from crate_iscc.checklist import (
    CheckedLine,
    CheckStatus,
    check_list,
    parse_list,
    sum_files,
    sum_tree,
)
from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import chosen_kernel, progress_on_stderr
from crate_iscc.errors import InputError, ReadError
from crate_iscc.kernel import Kernel
from crate_iscc.manifest import Unread
from crate_iscc.paths import CratePath, printable
from crate_iscc.progress import ProgressSink
from crate_iscc.render.sums import NamedSum, b3sum_line, iscc_sum_lines, sums_json


def print_sums(
    paths: list[str],
    *,
    tree: bool,
    narrow: bool,
    units: bool,
    dandi: bool,
    format_: str,
    max_bytes: int | None,
    manner: Manner,
) -> None:
    """Print a line for each file (or tree); exit 3 if any could not be read."""
    kernel = chosen_kernel(manner.kernel)
    with progress_on_stderr(manner.progress) as sink:
        results: list[NamedSum | Unread]
        if tree:
            results = [
                _sum_tree(path, kernel, manner, max_bytes, sink, dandi=dandi) for path in paths
            ]
        else:
            results = sum_files(
                paths,
                kernel,
                max_bytes=max_bytes,
                jobs=manner.jobs,
                gentle=manner.gentle,
                progress=sink,
            )
    sums = [item for item in results if isinstance(item, NamedSum)]
    match format_:
        case "json":
            write_for_machines(sums_json(sums))
        case "b3sum":
            write_for_machines("".join(b3sum_line(item) for item in sums))
        case _:
            write_for_machines(
                "".join(iscc_sum_lines(item, narrow=narrow, units=units) for item in sums)
            )
    unread = [item for item in results if isinstance(item, Unread)]
    for item in unread:
        say(f"error: {printable(item.path)}: {item.reason}")
    if unread:
        raise typer.Exit(UNREAD)


def _sum_tree(
    path: str,
    kernel: Kernel,
    manner: Manner,
    max_bytes: int | None,
    progress: ProgressSink,
    *,
    dandi: bool,
) -> NamedSum | Unread:
    try:
        return sum_tree(
            path,
            kernel,
            dandi=dandi,
            max_bytes=max_bytes,
            jobs=manner.jobs,
            gentle=manner.gentle,
            progress=progress,
        )
    except ReadError as error:
        # The path stands before the reason: it need not stand in it too.
        shown = printable(path)
        reason = str(error).replace(f" for {shown}", "", 1).replace(f" {shown}", "", 1)
        return Unread(CratePath(path), reason)


def check(lists: list[str], manner: Manner) -> None:
    """Check lists of ISCC-SUMs; exit 1 if anything differs or is not understood, 3 if unread."""
    kernel = chosen_kernel(manner.kernel)
    failed = unread = False
    for place in lists:
        sums, malformed = parse_list(_text(place))
        with progress_on_stderr(manner.progress) as sink:
            lines = list(
                check_list(sums, kernel, jobs=manner.jobs, gentle=manner.gentle, progress=sink)
            )
        write_out("".join(_line(line) for line in lines))
        for number in malformed:
            say(f"error: {printable(place)}, line {number}: not an ISCC-SUM with a file name")
        failed |= bool(malformed)
        failed |= any(line.status in (CheckStatus.FAILED, CheckStatus.MISSING) for line in lines)
        unread |= any(line.status is CheckStatus.UNREAD for line in lines)
    if failed or unread:
        raise typer.Exit(1 if failed else UNREAD)


def _text(place: str) -> str:
    try:
        return Path(place).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {printable(place)}", cause=error.strerror) from error
    except UnicodeDecodeError as error:
        raise InputError(f"{printable(place)} is not UTF-8", cause=str(error)) from error


def _line(line: CheckedLine) -> str:
    text = f"{printable(line.name)}: {line.status}"
    if line.distance:
        text += f" ({line.distance} differ: {line.distance.word})"
    if line.reason:
        text += f" ({line.reason})"
    return text + "\n"
