"""The signatures of the commands that judge crates, and show and explain judgements."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crate_iscc.cli.options import (
    BuildFormat,
    CrateArgument,
    CratesArgument,
    DaskOption,
    ExitZeroOption,
    Extent,
    FormatOption,
    IgnoreOption,
    Io,
    IoOption,
    Jobs,
    JournalOption,
    KernelOption,
    Level,
    MaxAgeOption,
    MaxBytes,
    OutputOption,
    PrintOption,
    ProgressKind,
    ProgressOption,
    ReportFormat,
    ResumeOption,
    SampleOption,
    SeedOption,
    ShardOption,
    SinceOption,
    TrustOption,
    manner,
)

if TYPE_CHECKING:
    from crate_iscc.cli.reporting import Delivery


def verify(
    crates: CratesArgument,
    quick: Annotated[
        bool, typer.Option("--quick", help="Check names and sizes only, read no content.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Compute every code anew, not the datahash alone.")
    ] = False,
    closed: Annotated[
        bool, typer.Option("--closed", help="Take every file for an error that is not recorded.")
    ] = False,
    each: Annotated[
        bool, typer.Option("--each", help="List every file, how it came out, and what shows it.")
    ] = False,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Decode the images, and check the codes of their pixels."),
    ] = False,
    sample: SampleOption = None,
    seed: SeedOption = None,
    resume: ResumeOption = False,
    since: SinceOption = False,
    max_age: MaxAgeOption = None,
    journal: JournalOption = None,
    trust: TrustOption = None,
    require: Annotated[
        str | None,
        typer.Option(
            "--require",
            metavar="PROOFS",
            help="signature, timestamp, receipt, with commas between.",
        ),
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option("--log", metavar="FILE", help="Put it on record: append a line to this log."),
    ] = None,
    remote: Annotated[
        bool, typer.Option("--remote", help="Fetch and check data entities on the web, too.")
    ] = False,
    remote_private: Annotated[
        bool,
        typer.Option("--remote-private", help="With --remote, also from private addresses."),
    ] = False,
    format_: FormatOption = None,
    output: OutputOption = None,
    ignore: IgnoreOption = None,
    exit_zero: ExitZeroOption = False,
    shard: ShardOption = None,
    dask: DaskOption = None,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Check a crate against its fingerprints.

    crate-iscc verify ./dataset

    crate-iscc verify dataset.zip -o report.html

    crate-iscc verify https://example.org/dataset.zip

    Reads every byte once and says what is intact, changed (and how far), moved, missing, extra
    or unreadable. A zip is read in place and never unpacked. Crates that others made are checked
    by what they record: sha256, md5 and others, spdx:checksum, BagIt manifests.
    """
    from crate_iscc.cli import verifying

    extent = Extent(sample, seed, resume, since, max_age, journal)
    if shard is not None:
        verifying.run_shard(
            crates,
            shard,
            output,
            quick=quick,
            full=full,
            extent=extent,
            remote=remote,
            pixels=pixels,
            dask=dask,
            max_bytes=max_bytes,
            manner=manner(jobs, io, kernel, progress),
        )
        return
    verifying.run_verify(
        crates,
        _delivery(format_, output, ignore, exit_zero),
        quick=quick,
        full=full,
        closed=closed,
        each=each,
        extent=extent,
        max_bytes=max_bytes,
        trust=trust,
        require=require,
        log=log,
        remote=remote,
        remote_private=remote_private,
        manner=manner(jobs, io, kernel, progress),
        dask=dask,
        pixels=pixels,
    )


def validate(
    crates: CratesArgument,
    profile: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="See: crate-iscc profile list.")
    ] = "bio-codes",
    level: Annotated[
        Level, typer.Option("--level", help="Check requirements down to this level.")
    ] = Level.MUST,
    base: Annotated[
        bool,
        typer.Option("--base", help="Ask rocrate-validator about RO-Crate as well, offline."),
    ] = False,
    format_: FormatOption = None,
    output: OutputOption = None,
    ignore: IgnoreOption = None,
    exit_zero: ExitZeroOption = False,
) -> None:
    """Check a crate's metadata against the BIO-CODES profile.

    crate-iscc validate ./dataset

    crate-iscc validate dataset.zip --level should -o report.sarif

    Reads the metadata and nothing else, and never the network. Whether the files are the
    recorded ones is for verify to say.
    """
    from crate_iscc.cli import verifying

    verifying.run_validate(
        crates,
        _delivery(format_, output, ignore, exit_zero),
        profile=profile,
        level=level.value,
        base=base,
    )


def report(
    saved: Annotated[
        Path, typer.Argument(metavar="FILE", help="What --format json or jsonl has written.")
    ],
    format_: FormatOption = None,
    output: OutputOption = None,
    ignore: IgnoreOption = None,
    exit_zero: ExitZeroOption = False,
) -> None:
    """Show a saved report again, in another format.

    crate-iscc report run.json --format html -o run.html

    Ends with the exit code that the check itself had.
    """
    from crate_iscc.cli import verifying

    verifying.run_report(saved, _delivery(format_, output, ignore, exit_zero))


def _delivery(
    format_: ReportFormat | None, output: Path | None, ignore: list[str] | None, exit_zero: bool
) -> "Delivery":
    from crate_iscc.cli.reporting import Delivery

    return Delivery(
        format_=format_.value if format_ else None,
        output=output,
        ignored=tuple(ignore or ()),
        exit_zero=exit_zero,
    )


def audit(
    log: Annotated[Path, typer.Argument(metavar="FILE", help="What verify --log has written.")],
    sign_: Annotated[
        str | None,
        typer.Option("--sign", metavar="KEY", help="Sign it as it is; - is stdin."),
    ] = None,
    tsa: Annotated[
        str | None,
        typer.Option("--tsa", metavar="URL", help="Have its signatures stamped by this authority."),
    ] = None,
    trust: TrustOption = None,
    require: Annotated[
        str | None,
        typer.Option(
            "--require", metavar="PROOFS", help="signature, timestamp, or both with a comma."
        ),
    ] = None,
    format_: PrintOption = BuildFormat.TEXT,
) -> None:
    """Check a log of verifications: every record holds the hash of the one before it.

    crate-iscc audit verifications.jsonl --trust ./trust

    Names the first record that was changed, taken away or moved, and says what the log cannot
    tell. Signatures and timestamps lie beside it: FILE.signature.json, FILE.signature.json.tsr.
    """
    from crate_iscc.cli import auditing

    auditing.audit(
        log,
        key=sign_,
        authority=tsa,
        trust=trust,
        require=require,
        as_json=format_ is BuildFormat.JSON,
    )


def show(
    crate: CrateArgument,
    format_: PrintOption = BuildFormat.TEXT,
) -> None:
    """Show what a crate records: its codes, containers and files. Nothing is checked.

    crate-iscc show dataset.zip
    """
    from crate_iscc.cli import showing

    showing.show(crate, as_json=format_ is BuildFormat.JSON)


def explain(
    finding_id: Annotated[
        str | None, typer.Argument(metavar="FINDING-ID", help="Such as bytes.changed.")
    ] = None,
) -> None:
    """Explain a finding of a report: what it means and what to do; without an id, list them all.

    crate-iscc explain bytes.changed
    """
    from crate_iscc.cli import showing

    showing.explain(finding_id)
