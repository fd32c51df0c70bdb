"""The verify command."""

from pathlib import Path

import typer

from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.streams import write_for_machines, write_out
from crate_iscc.cli.terminal import paint_for_stdout, progress_on_stderr
from crate_iscc.errors import WriteError
from crate_iscc.paths import printable
from crate_iscc.render.report import plain, report_text
from crate_iscc.render.report_json import report_json, report_jsonl
from crate_iscc.replacing import replacing
from crate_iscc.report import Report, Verdict
from crate_iscc.verifying.verification import Thoroughness, verify

_EXIT_CODES = {Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.INCOMPLETE: UNREAD}


def run(
    crate: str,
    *,
    quick: bool,
    full: bool,
    format_: str,
    output: Path | None,
    jobs: int | None,
    progress: str,
) -> None:
    """Verify a crate, write the report, and exit with the code of its verdict."""
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    thoroughness = Thoroughness.DATAHASH
    if quick or full:
        thoroughness = Thoroughness.QUICK if quick else Thoroughness.FULL
    with progress_on_stderr(progress) as sink:
        report = verify(crate, thoroughness=thoroughness, jobs=jobs, progress=sink)
    if output is None:
        write = write_out if format_ == "text" else write_for_machines
        write(_rendered(report, format_, to_file=False))
    else:
        try:
            _write(output, _rendered(report, format_, to_file=True).encode("utf-8"))
        except OSError as error:
            raise WriteError(
                f"cannot write the report to {printable(str(output))}", cause=error.strerror
            ) from error
    raise typer.Exit(_EXIT_CODES[report.verdict])


def _write(output: Path, content: bytes) -> None:
    """Replace a file as a whole; write into what is no file (a device, a pipe)."""
    if output.exists() and not output.is_file():
        output.write_bytes(content)
    else:
        with replacing(output.resolve()) as file:
            file.write(content)


def _rendered(report: Report, format_: str, *, to_file: bool) -> str:
    match format_:
        case "json":
            return report_json(report)
        case "jsonl":
            return report_jsonl(report)
        case _:
            return report_text(report, plain if to_file else paint_for_stdout())
