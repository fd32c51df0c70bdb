"""The verify, validate and report commands."""

import json
from pathlib import Path

import typer

from crate_iscc.cli.reporting import Delivery, deliver
from crate_iscc.cli.terminal import progress_on_stderr
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import Severity
from crate_iscc.paths import printable
from crate_iscc.render.saved import parse_report
from crate_iscc.resources import schema_text
from crate_iscc.verifying.verification import Thoroughness, verify


def run_verify(
    crate: str, delivery: Delivery, *, quick: bool, full: bool, jobs: int | None, progress: str
) -> None:
    """Verify a crate and deliver the report."""
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    thoroughness = Thoroughness.DATAHASH
    if quick or full:
        thoroughness = Thoroughness.QUICK if quick else Thoroughness.FULL
    with progress_on_stderr(progress) as sink:
        report = verify(crate, thoroughness=thoroughness, jobs=jobs, progress=sink)
    deliver(report, delivery)


def run_validate(crate: str, delivery: Delivery, *, profile: str, level: str, base: bool) -> None:
    """Validate a crate's metadata and deliver the report."""
    from crate_iscc.validating.validation import validate

    wanted = next(severity for severity in Severity if severity.level.lower() == level)
    deliver(validate(crate, profile=profile, level=wanted, base=base), delivery)


def run_report(saved: Path, delivery: Delivery) -> None:
    """Read a saved report and deliver it in another format."""
    try:
        text = saved.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {printable(str(saved))}", cause=error.strerror) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{printable(str(saved))} is no report", cause="it is not UTF-8"
        ) from error
    deliver(parse_report(text, json.loads(schema_text("report"))), delivery)
