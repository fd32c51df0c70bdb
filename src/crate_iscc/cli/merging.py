"""The merge command."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crate_iscc.cli import building
from crate_iscc.cli.options import Extent
from crate_iscc.cli.reporting import Delivery
from crate_iscc.cli.sharing import given_in_vain, merged
from crate_iscc.cli.verifying import run_verify


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportRequest:
    """What the user asks for of a report; all of it is for parts of a verification."""

    closed: bool
    each: bool
    trust: str | None
    require: str | None
    log: Path | None
    format_: str
    ignored: tuple[str, ...]
    exit_zero: bool


def run(request: building.Request, report: ReportRequest, parts: Sequence[Path]) -> None:
    """Merge parts: write the crate as build does, or deliver the report as verify does."""
    manner = request.manner
    given = merged(parts, manner)
    asked = given.asked
    if asked.purpose == "build":
        given_in_vain(
            "build",
            closed=report.closed,
            each=report.each,
            trust=report.trust,
            require=report.require,
            log=report.log,
            ignore=report.ignored,
            exit_zero=report.exit_zero,
            format=report.format_ not in ("", "text", "json"),
        )
        building.run(
            replace(
                request,
                containers=asked.containers,
                excluded=asked.excluded,
                sha256=asked.write_sha256,
                as_json=report.format_ == "json",
            ),
            given,
        )
        return
    given_in_vain(
        "verification",
        name=request.name,
        description=request.description,
        license=request.licence,
        author=request.authors,
        manifest=request.manifest_file,
        style=request.style,
        compress=request.compress,
        force=request.force,
        dry_run=request.dry_run,
    )
    delivery = Delivery(
        format_=report.format_ or None,
        output=Path(request.out) if request.out is not None else None,
        ignored=report.ignored,
        exit_zero=report.exit_zero,
    )
    run_verify(
        [request.path],
        delivery,
        quick=False,
        full=asked.codes,
        closed=report.closed,
        each=report.each,
        extent=Extent(),
        max_bytes=request.max_bytes,
        trust=report.trust,
        require=report.require,
        log=report.log,
        remote=False,
        remote_private=False,
        manner=manner,
        given=given,
    )
