"""The `crate-iscc` command and its commands' signatures."""

import gc
import sys
from copy import copy
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crate_iscc.cli.guard import Guard
from crate_iscc.cli.index_commands import app as index_commands
from crate_iscc.cli.omero import omero
from crate_iscc.cli.options import (
    BuildFormat,
    BuildStyle,
    Codes,
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
    KeyOption,
    Level,
    MaxAgeOption,
    MaxBytes,
    OutputOption,
    PictureFormat,
    ProfileArgument,
    ProgressKind,
    ProgressOption,
    ReportFormat,
    ResumeOption,
    SampleOption,
    SeedOption,
    ShardOption,
    SinceOption,
    SumFormat,
    TrustOption,
    WatchFormat,
    manner,
)

if TYPE_CHECKING:
    from crate_iscc.cli.reporting import Delivery

_EPILOG = (
    "Exit codes: 0 all was checked and is well; 1 a problem was found; 2 usage or tool error, "
    "no verdict; 3 something was not read; 130 interrupted."
)

# Without rich in the help, it appears in half the time.
app = typer.Typer(
    name="crate-iscc",
    help="Fingerprint, package and verify bioimage datasets: ISCC-SUMs in RO-Crates.",
    epilog=_EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from crate_iscc.cli.terminal import chosen_kernel
        from crate_iscc.version import __version__

        typer.echo(f"crate-iscc {__version__} (kernel {chosen_kernel().name})")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and the kernel."
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks; for reports of faults.")
    ] = False,
) -> None:
    """Take the options that stand before a command; main has acted on them."""


@app.command(short_help="Make a dataset an RO-Crate with a fingerprint for every file.")
def build(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The dataset: a directory, or a zip with -o.")
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="OUT", help="Write x.zip or a new DIR/ instead."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The dataset's name.")] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is, in a sentence.")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--license",
            "--licence",
            metavar="ID",
            help="An SPDX identifier (CC-BY-4.0), a URL, or a file.",
        ),
    ] = None,
    author: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A name, an ORCID or both: 'Ada Lovelace 0000-…'. Repeatable."
        ),
    ] = None,
    container: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB", help="A folder to describe as one dataset; Zarrs are found anyway."
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Leave files out, and record it (.gitignore syntax)."),
    ] = None,
    sha256: Annotated[bool, typer.Option("--sha256", help="Write sha256 as well.")] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Write iscc-manifest.tsv in any case.")
    ] = False,
    style: Annotated[
        BuildStyle | None,
        typer.Option(
            "--style",
            help="Entities, or literals and a table [default: the crate's; table for BIA crates].",
        ),
    ] = None,
    compress: Annotated[
        bool, typer.Option("--compress", help="Deflate the members of a zip.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Take files that differ from what others recorded of them."),
    ] = False,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Decode the images, and record codes of their pixels."),
    ] = False,
    codes: Annotated[
        Codes,
        typer.Option(
            "--codes", help="full: an ISCC-CODE of description, looks and bytes too. Experimental."
        ),
    ] = Codes.SUM,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every file, also what did not change.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")
    ] = False,
    shard: ShardOption = None,
    dask: DaskOption = None,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    format_: Annotated[
        BuildFormat, typer.Option("--format", help="What to print.")
    ] = BuildFormat.TEXT,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Make a dataset an RO-Crate with a fingerprint for every file.

    crate-iscc build ./dataset --license CC-BY-4.0 --author 'Ada Lovelace'

    crate-iscc build ./dataset -o dataset.zip

    Writes ro-crate-metadata.json into PATH, or extends the one that is there without losing
    anything in it. A Zarr becomes one dataset, and its members lines of iscc-manifest.tsv.
    """
    from crate_iscc.cli import building

    request = building.Request(
        path=path,
        out=out,
        name=name,
        description=description,
        licence=licence,
        authors=tuple(author or ()),
        containers=tuple(container or ()),
        excluded=tuple(exclude) if exclude is not None else None,
        sha256=sha256,
        manifest_file=manifest,
        style=style.value if style else None,
        compress=compress,
        force=force,
        max_bytes=max_bytes,
        use_cache=not no_cache,
        dry_run=dry_run,
        manner=manner(jobs, io, kernel, progress),
        as_json=format_ is BuildFormat.JSON,
        dask=dask,
        pixels=pixels,
        full_codes=codes is Codes.FULL,
    )
    if shard is None:
        building.run(request)
    else:
        building.run_shard(request, shard)


@app.command(short_help="Keep a folder that an instrument writes to a crate of what is finished.")
def watch(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder that the instrument writes to.")
    ],
    settle: Annotated[
        float,
        typer.Option(
            "--settle",
            min=0.0,
            max=1e6,
            metavar="SECONDS",
            help="For how long an image must have been still.",
        ),
    ] = 30.0,
    done_marker: Annotated[
        str | None,
        typer.Option(
            "--done-marker",
            metavar="GLOB",
            help="Files that say that an image is finished: '*.done', DONE (.gitignore syntax).",
        ),
    ] = None,
    patience: Annotated[
        float | None,
        typer.Option(
            "--patience",
            min=0.0,
            metavar="SECONDS",
            help="Report what is not finished after so long [default: 10 x --settle, at least 60].",
        ),
    ] = None,
    poll: Annotated[
        bool,
        typer.Option("--poll", help="Wait for no events; network mounts are polled anyway."),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Take what is finished now, and end.")
    ] = False,
    journal: JournalOption = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    format_: Annotated[
        WatchFormat, typer.Option("--format", help="What to print, one line an image.")
    ] = WatchFormat.TEXT,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Keep a folder that an instrument writes to a crate of what is finished.

    crate-iscc watch /data/run42 --settle 60

    crate-iscc watch /data/run42 --once

    An image (a file, a Zarr, or a set of files such as a .vsi with its folder) is finished when its
    marker is there, or when it has been still, nobody writes to it and its format says that it is
    whole. Each is read once then. End it with Ctrl-C or SIGTERM; started again, it goes on.
    """
    from crate_iscc.cli import watching
    from crate_iscc.watching.watching import WatchOptions

    watching.watch(
        folder,
        options=WatchOptions(
            settle=settle,
            markers=done_marker,
            poll=poll,
            once=once,
            patience=max(60.0, 10 * settle) if patience is None else patience,
        ),
        journal=journal,
        as_json=format_ is WatchFormat.JSONL,
        manner=manner(jobs, io, kernel, progress),
    )


@app.command(short_help="Check a crate against its fingerprints.")
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


@app.command(short_help="Make one crate, or one report, of the parts that --shard wrote.")
def merge(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The dataset, as the shards were given it.")
    ],
    parts: Annotated[
        list[Path], typer.Argument(metavar="PART...", help="The parts of all shards.")
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", "--output", "-o", metavar="OUT", help="As for build, or verify."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="build: the name.")] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="build: what it is.")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--license", "--licence", metavar="ID", help="build: the licence."),
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="build: an author. Repeatable.")
    ] = None,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="build: write iscc-manifest.tsv in any case.")
    ] = False,
    style: Annotated[
        BuildStyle | None, typer.Option("--style", help="build: entities, or a table.")
    ] = None,
    compress: Annotated[
        bool, typer.Option("--compress", help="build: deflate the members of a zip.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="build: take files that differ from their record.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="build: show what would change.")
    ] = False,
    closed: Annotated[
        bool, typer.Option("--closed", help="verify: unrecorded files are errors.")
    ] = False,
    each: Annotated[bool, typer.Option("--each", help="verify: list every file.")] = False,
    trust: TrustOption = None,
    require: Annotated[
        str | None,
        typer.Option("--require", metavar="PROOFS", help="verify: proofs there have to be."),
    ] = None,
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="verify: put it on record.")
    ] = None,
    format_: FormatOption = None,
    ignore: IgnoreOption = None,
    exit_zero: ExitZeroOption = False,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Make one crate, or one report, of the parts that --shard wrote.

    crate-iscc build ./dataset --shard 1/2 -o one.part

    crate-iscc build ./dataset --shard 2/2 -o two.part

    crate-iscc merge ./dataset one.part two.part --license CC-BY-4.0

    The result is that of one process, bit for bit. What build was told of files (--exclude,
    --container, --sha256) is in the parts; what it is told of the metadata is told to merge.
    """
    from crate_iscc.cli import building, merging

    request = building.Request(
        path=path,
        out=out,
        name=name,
        description=description,
        licence=licence,
        authors=tuple(author or ()),
        containers=(),
        excluded=None,
        sha256=False,
        manifest_file=manifest,
        style=style.value if style else None,
        compress=compress,
        force=force,
        max_bytes=max_bytes,
        use_cache=False,
        dry_run=dry_run,
        manner=manner(jobs, io, kernel, progress),
        as_json=False,
    )
    report = merging.ReportRequest(
        closed=closed,
        each=each,
        trust=trust,
        require=require,
        log=log,
        format_=format_.value if format_ else "",
        ignored=tuple(ignore or ()),
        exit_zero=exit_zero,
    )
    merging.run(request, report, parts)


@app.command(short_help="Check a crate's metadata against the BIO-CODES profile.")
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


@app.command(short_help="Show a saved report again, in another format.")
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


@app.command(short_help="Check a log of verifications, or sign it.")
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
    format_: Annotated[
        BuildFormat, typer.Option("--format", help="What to print.")
    ] = BuildFormat.TEXT,
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


@app.command(short_help="Make a key to sign crates with.")
def keygen(
    out: Annotated[
        str, typer.Option("--out", "-o", metavar="FILE", help="Where to keep the secret key.")
    ] = "crate-iscc-key.pem",
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt it with a passphrase.")
    ] = False,
    did: Annotated[
        str | None,
        typer.Option("--did", metavar="DID", help="A did:web to write a DID document for."),
    ] = None,
) -> None:
    """Make a key to sign crates with.

    crate-iscc keygen -o ada.pem

    The public key, in ada.pub, goes into the trust folder of those who verify.
    """
    from crate_iscc.cli import proving

    proving.keygen(out, encrypt=encrypt, did=did)


@app.command(short_help="Sign a crate, once it has verified.")
def sign(
    crate: CrateArgument,
    key: KeyOption = None,
    did: Annotated[
        str | None, typer.Option("--did", metavar="DID", help="Sign for a did:web of yours.")
    ] = None,
    did_document: Annotated[
        str | None,
        typer.Option("--did-document", metavar="FILE", help="Its DID document, kept beside."),
    ] = None,
    minisign: Annotated[
        bool, typer.Option("--minisign", help="Write ro-crate-metadata.json.minisig as well.")
    ] = False,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Sign a crate, once it has verified.

    crate-iscc sign ./dataset --key ada.pem

    Writes iscc-proof/signature.json, beside any other signature that is there: a Verifiable
    Credential that binds the metadata file and the treehash. In a zip it is appended.
    """
    from crate_iscc.cli import proving

    proving.sign(
        crate,
        key,
        did=did,
        document=did_document,
        minisign=minisign,
        manner=manner(jobs, Io.FAST, None, progress),
    )


@app.command(short_help="Have a crate's signature stamped by a timestamp authority.")
def stamp(
    crate: CrateArgument,
    tsa: Annotated[
        str, typer.Option("--tsa", metavar="URL", help="The authority (RFC 3161), over HTTP.")
    ],
    renew: Annotated[
        bool, typer.Option("--renew", help="Stamp the newest timestamps again.")
    ] = False,
) -> None:
    """Have a crate's signature stamped by a timestamp authority.

    crate-iscc stamp ./dataset --tsa https://tsa.example.org/tsr

    Writes iscc-proof/signature.json.tsr: that the signature existed by a time, as the authority
    says. Only the hash of the signature leaves this machine.
    """
    from crate_iscc.cli import proving

    proving.stamp(crate, tsa, renew=renew)


HubOption = Annotated[str, typer.Option("--hub", metavar="URL", help="The ISCC hub.")]
HubIdOption = Annotated[
    int, typer.Option("--hub-id", min=0, max=4095, help="The hub's id, as its operator says.")
]


@app.command(short_help="Declare a crate at an ISCC hub.")
def declare(
    crate: CrateArgument,
    hub: HubOption,
    key: KeyOption = None,
    hub_id: HubIdOption = 0,
    force: Annotated[
        bool, typer.Option("--force", help="Declare what has been declared before.")
    ] = False,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Declare a crate at an ISCC hub: it gets an ISCC-ID, and a receipt for that.

    crate-iscc declare ./dataset --hub https://hub.example.org --key ada.pem

    The ISCC-SUM, the datahash and the treehash of the payload leave this machine, signed, and are
    public from then on. Writes iscc-proof/hub-receipt.json, hub-did.json, and the ISCC-ID into the
    metadata; sign the crate after that.
    """
    from crate_iscc.cli import declaring

    declaring.declare(
        crate,
        key,
        hub,
        hub_id=hub_id,
        force=force,
        manner=manner(jobs, Io.FAST, None, progress),
    )


@app.command(short_help="Ask an ISCC hub who has declared something.")
def lookup(
    what: Annotated[str, typer.Argument(metavar="FILE|CODE|CRATE", help="What to ask for.")],
    hub: HubOption,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Ask an ISCC hub who has declared a file, a crate, or what has a code.

    crate-iscc lookup ./dataset --hub https://hub.example.org

    A CODE is an ISCC-ID, an ISCC-SUM or a datahash. A crate is asked for by its ISCC-SUM, a file
    by its datahash; nothing else leaves this machine. Not every hub can be asked.
    """
    from crate_iscc.cli import declaring

    declaring.look_up(what, hub, manner=manner(jobs, Io.FAST, None, progress))


@app.command(short_help="Declare a crate, sign it, have it stamped.")
def seal(
    crate: CrateArgument,
    key: KeyOption = None,
    hub: Annotated[
        str | None, typer.Option("--hub", metavar="URL", help="Declare it at this ISCC hub.")
    ] = None,
    hub_id: HubIdOption = 0,
    tsa: Annotated[
        str | None, typer.Option("--tsa", metavar="URL", help="Have it stamped by this authority.")
    ] = None,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Declare a crate, sign it, have it stamped: in this order, as far as asked for.

    crate-iscc seal ./dataset --key ada.pem --hub https://hub.example.org --tsa
    https://tsa.example.org/tsr

    The signature covers the ISCC-ID and the receipt, the timestamp the signature.
    """
    from crate_iscc.cli import declaring

    declaring.seal(
        crate,
        key,
        hub=hub,
        hub_id=hub_id,
        authority=tsa,
        manner=manner(jobs, Io.FAST, None, progress),
    )


@app.command(short_help="Say what two crates, containers or files are to each other.")
def compare(
    one: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="A folder, a Zarr, a zip, a part of one (x.zip/a.zarr), or any file.",
            show_default=False,
        ),
    ],
    other: Annotated[
        str, typer.Argument(metavar="B", help="What to compare it with.", show_default=False)
    ],
    dandi: Annotated[
        bool,
        typer.Option("--dandi", help="Show the DANDI checksum of each Zarr too."),
    ] = False,
    pixels: Annotated[
        bool,
        typer.Option(
            "--pixels",
            help="Decode the images: re-encoded, or which planes differ; ends with that.",
        ),
    ] = False,
    record: Annotated[
        str | None,
        typer.Option(
            "--record", metavar="CRATE", help="With --pixels: record there that B was made from A."
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="SOFTWARE", help="With --record: what made B of A."),
    ] = None,
    format_: Annotated[
        BuildFormat | None,
        typer.Option("--format", help="What to write [default: told from -o, else text]."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file.")
    ] = None,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Say what two crates, containers or files are to each other.

    crate-iscc compare image.ome.zarr backup/image.ome.zarr

    crate-iscc compare study study.zip

    crate-iscc compare raw.ome.tiff converted.ome.zarr --pixels

    Reads both, and rests on nothing that they record: identical; the same members at other paths;
    only metadata of Zarrs differ, and where; or what changed (and how far), moved, is in one alone.
    Ends with 0 if the payload is the same at the same paths (with --pixels: if the pixels are
    equal), else with 1.
    """
    from crate_iscc.cli import comparing

    if record is not None and not pixels:
        raise typer.BadParameter("--record is for --pixels")
    if (record is None) != (by is None):
        raise typer.BadParameter(
            "--record needs --by 'bioformats2raw 0.11', and --by is for --record"
        )
    comparing.run_compare(
        one,
        other,
        dandi=dandi,
        pixels=pixels,
        record=comparing.Record(record, by) if record is not None and by is not None else None,
        format_=format_.value if format_ else None,
        output=output,
        max_bytes=max_bytes,
        manner=manner(jobs, io, kernel, progress),
    )


@app.command("sum", short_help="Print the ISCC-SUM of files, or check a list of them.")
def sum_(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, directories, or with -c lists.")
    ],
    tree: Annotated[
        bool, typer.Option("--tree", help="One code for each directory or zip as a whole.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", "-c", help="Read the PATHs as lists and check them.")
    ] = False,
    narrow: Annotated[
        bool, typer.Option("--narrow", help="Print 2 x 64 bits (ISO 24138) instead of 2 x 128.")
    ] = False,
    units: Annotated[
        bool, typer.Option("--units", help="Print the 256-bit Data-Code and Instance-Code too.")
    ] = False,
    dandi: Annotated[
        bool, typer.Option("--dandi", help="With --tree: print the DANDI checksum too.")
    ] = False,
    format_: Annotated[
        SumFormat, typer.Option("--format", help="Lines for iscc-sum, for b3sum, or JSON.")
    ] = SumFormat.ISCC_SUM,
    pixels: Annotated[
        bool,
        typer.Option(
            "--pixels", help="Print a code of the decoded pixels of each image: TIFF, OME-Zarr."
        ),
    ] = False,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Print the ISCC-SUM of files, or check a list of them.

    crate-iscc sum raw/*.tif > sums.txt

    crate-iscc sum -c sums.txt

    crate-iscc sum --tree image.ome.zarr

    crate-iscc sum --pixels raw.ome.tif image.ome.zarr
    """
    from crate_iscc.cli import summing

    if pixels:
        if (
            check
            or tree
            or narrow
            or units
            or dandi
            or format_ is SumFormat.B3SUM
            or max_bytes is not None
        ):
            raise typer.BadParameter(
                "--pixels takes no -c, --tree, --narrow, --units, --max-bytes or b3sum lines"
            )
        from crate_iscc.cli.pixels import print_pixels

        as_json = format_ is SumFormat.JSON
        print_pixels(paths, as_json=as_json, manner=manner(jobs, io, kernel, progress))
    elif check:
        other_format = format_ is not SumFormat.ISCC_SUM
        if tree or narrow or units or dandi or other_format or max_bytes is not None:
            raise typer.BadParameter(
                "-c takes no --tree, --narrow, --units, --dandi, --format or --max-bytes"
            )
        summing.check(paths, manner(jobs, io, kernel, progress))
    else:
        if format_ is SumFormat.B3SUM and (tree or narrow or units):
            raise typer.BadParameter("b3sum lines have no --tree, --narrow or --units")
        if dandi and not tree:
            raise typer.BadParameter("--dandi is of a tree: it goes with --tree")
        summing.print_sums(
            paths,
            tree=tree,
            narrow=narrow,
            units=units,
            dandi=dandi,
            format_=format_.value,
            max_bytes=max_bytes,
            manner=manner(jobs, io, kernel, progress),
        )


@app.command(short_help="Find what is there twice, or nearly.")
def similar(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH|CRATE...",
            help="Folders, zips, crates, files.",
            show_default=False,
        ),
    ] = None,
    between: Annotated[
        tuple[str, str] | None,
        typer.Option(
            "--between",
            metavar="TRAIN TEST",
            help="What of TEST is in TRAIN too; ends with 1 if anything is.",
        ),
    ] = None,
    compute: Annotated[
        bool, typer.Option("--compute", help="Read crates too, whatever they record.")
    ] = False,
    threshold: Annotated[
        int | None,
        typer.Option(
            "--threshold",
            metavar="BITS",
            help="Near is what differs in so many bits [default: chosen by width and count].",
        ),
    ] = None,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Compare the pixels of images, in whatever files they are."),
    ] = False,
    images: Annotated[
        bool,
        typer.Option("--images", help="Compare the pixels of images, and looks. Experimental."),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show all groups and files.")] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every file, also what did not change.")
    ] = False,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    format_: Annotated[
        BuildFormat, typer.Option("--format", help="What to print.")
    ] = BuildFormat.TEXT,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Find what is there twice, or nearly: by digests, and by the byte runs that files share.

    crate-iscc similar ./raw ./archive.zip

    crate-iscc similar --between ./train ./test --pixels

    Of a crate it takes what is recorded, and reads nothing but the metadata; of anything else it
    reads everything. A Zarr counts as one. --pixels and --images decode images; TIFF, OME-Zarr, PNG
    and JPEG with the same pixels are the same for them.
    """
    from crate_iscc.cli import similar as command

    if (between is None) == (not sources):
        raise typer.BadParameter("name PATHs to compare with each other, or --between TRAIN TEST")
    wanted = command.Wanted(
        pixels=pixels,
        looks=images,
        compute=compute,
        threshold=threshold,
        max_bytes=max_bytes,
        everything=everything,
        as_json=format_ is BuildFormat.JSON,
        remember=not no_cache,
        manner=manner(jobs, io, kernel, progress),
    )
    if between is not None:
        command.find_leaks(*between, wanted)
    elif pixels or images:
        command.find_similar_images(sources or [], wanted)
    else:
        command.find_similar(sources or [], wanted)


@app.command(short_help="Show what a crate records.")
def show(
    crate: CrateArgument,
    format_: Annotated[
        BuildFormat, typer.Option("--format", help="What to print.")
    ] = BuildFormat.TEXT,
) -> None:
    """Show what a crate records: its codes, containers and files. Nothing is checked.

    crate-iscc show dataset.zip
    """
    from crate_iscc.cli import showing

    showing.show(crate, as_json=format_ is BuildFormat.JSON)


@app.command(short_help="Show where a crate comes from, and what of that is verified.")
def provenance(
    crate: CrateArgument,
    format_: Annotated[
        PictureFormat | None,
        typer.Option("--format", help="What to write [default: told from -o, else text]."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file.")
    ] = None,
    trust: TrustOption = None,
    jobs: Jobs = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Show where a crate comes from, and what of that is verified.

    crate-iscc provenance ./dataset

    crate-iscc provenance dataset.zip -o origin.svg

    Verifies the crate, names who signed it and since when, what was done, and what it and its
    files were derived from. Of a link it can be verified that both ends are here, as recorded.
    """
    from crate_iscc.cli import tracing

    tracing.provenance(
        crate,
        format_=format_.value if format_ else None,
        output=output,
        trust=trust,
        manner=manner(jobs, Io.FAST, None, progress),
    )


@app.command(short_help="Say what a figure may come from.")
def trace(
    figure: Annotated[str, typer.Argument(metavar="FIGURE", help="A figure or panel: a file.")],
    sources: Annotated[
        list[str],
        typer.Argument(metavar="SOURCE...", help="Crates, folders, zips, or an index of them."),
    ],
    images: Annotated[
        bool | None,
        typer.Option(
            "--images/--no-images",
            help="Decode images and compare looks [default: if the extra pixels is there].",
            show_default=False,
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", metavar="N", min=1, help="Show so many candidates.")
    ] = 20,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a page with pictures of them."),
    ] = None,
    format_: Annotated[
        BuildFormat, typer.Option("--format", help="What to print.")
    ] = BuildFormat.TEXT,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Say what a figure may come from, best first, each candidate with its evidence.

    crate-iscc trace panel-3b.png ./dataset archive.zip --html origins.html

    By recorded derivations (see derive) first, then by bytes, by pixels, and by looks. Ends with 1
    where nothing is found.
    """
    from crate_iscc.cli import origins

    origins.trace(
        figure,
        sources,
        images=images,
        most=most,
        html=html,
        as_json=format_ is BuildFormat.JSON,
        max_bytes=max_bytes,
        manner=manner(jobs, io, kernel, progress),
    )


@app.command(short_help="Record what a figure, or another file, was made from.")
def derive(
    crate: CrateArgument,
    from_: Annotated[
        list[str],
        typer.Option(
            "--from", metavar="RAW", help="A path in the crate, or a file elsewhere. Repeatable."
        ),
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="FIGURE", help="What was made from it, likewise.")
    ],
    by: Annotated[
        str, typer.Option("--by", metavar="SOFTWARE", help="'Fiji 2.16', or the URL of a script.")
    ],
    note: Annotated[
        str | None, typer.Option("--note", metavar="TEXT", help="How: crop, channels, contrast.")
    ] = None,
    kernel: KernelOption = None,
) -> None:
    """Record what a figure, or another file, was made from.

    crate-iscc derive ./dataset --from raw/cell.ome.tif --to figures/3b.png --by 'Fiji 2.16'

    Writes a CreateAction into the metadata, between the two and their fingerprints; both are read
    before. A signature of the metadata as they were does not hold for the new ones.
    """
    from crate_iscc.cli import deriving

    deriving.derive(
        crate,
        sources=tuple(from_),
        result=to,
        software=by,
        note=note,
        kernel=kernel.value if kernel else None,
    )


@app.command(short_help="Explain a finding of a report.")
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


app.add_typer(
    index_commands, name="index", short_help="Keep the codes of many crates, and search them."
)

profiles = typer.Typer(
    no_args_is_help=True, help="The profiles that come with crate-iscc, for other tools."
)
app.add_typer(omero, name="omero", short_help="Fingerprints for images in OMERO and its packs.")
app.add_typer(profiles, name="profile", short_help="List, show and export the profiles.")


@profiles.command("list", short_help="List the profiles.")
def profile_list() -> None:
    """List the profiles: name, permalink, title."""
    from crate_iscc.cli import profiling

    profiling.list_profiles()


@profiles.command("show", short_help="Show the requirements of a profile.")
def profile_show(name: ProfileArgument = "bio-codes") -> None:
    """Show the requirements of a profile: number, level, finding id, title."""
    from crate_iscc.cli import profiling

    profiling.show_profile(name)


@profiles.command("path", short_help="Print the folder for --extra-profiles-path.")
def profile_path() -> None:
    """Print the folder of the profiles, as rocrate-validator takes it.

    rocrate-validator validate --extra-profiles-path "$(crate-iscc profile path)" CRATE
    """
    from crate_iscc.cli import profiling

    profiling.print_path()


@profiles.command("export", short_help="Copy a profile and the JSON Schemas to a folder.")
def profile_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    name: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Such as bio-codes.")
    ] = "bio-codes",
) -> None:
    """Copy a profile (specification, shapes, examples) and the JSON Schemas to a new folder."""
    from crate_iscc.cli import profiling

    profiling.export(folder, name)


def main() -> None:
    """Run the command line of this process and exit with its code."""
    # A command ends soon, and what it holds most of (JSON, columns) has no cycles: looking for them
    # among a hundred thousand entities takes a tenth of the time.
    gc.disable()
    # Threads that read are not to wait for one that parses: 5 milliseconds would be many files.
    sys.setswitchinterval(0.0003)
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    arguments = [word for word in arguments if word != "--debug"]
    with Guard(debug=debug, as_json=_asks_for_json(arguments)) as guard:
        guard.code = _application(arguments)(
            arguments or ["--help"], prog_name="crate-iscc", standalone_mode=False
        )
    # All that is left goes with the process: no need to look through it for cycles at the end.
    gc.freeze()
    sys.exit(guard.code or 0)


def _application(arguments: list[str]) -> typer.Typer:
    """Return the application with the one command that is called, where that is clear.

    typer inspects the signature of every command that it holds, and most runs call one of twenty.
    """
    called = [
        command
        for command in app.registered_commands
        if command.callback and [command.name or command.callback.__name__] == arguments[:1]
    ]
    if not called:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = called, []
    return alone


def _asks_for_json(arguments: list[str]) -> bool:
    pairs = pairwise([*arguments, ""])
    return any(
        word in ("--format=json", "--format=jsonl")
        or (word == "--format" and following in ("json", "jsonl"))
        for word, following in pairs
    )
