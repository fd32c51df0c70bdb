"""The signatures of the commands that write crates."""

from pathlib import Path
from typing import Annotated

import typer

from crate_iscc.cli.options import (
    AuthorOption,
    BuildFormat,
    BuildStyle,
    Codes,
    CrateArgument,
    DaskOption,
    DescriptionOption,
    ExitZeroOption,
    FormatOption,
    IgnoreOption,
    Io,
    IoOption,
    Jobs,
    JournalOption,
    KernelOption,
    LicenceOption,
    MaxBytes,
    NameOption,
    NoCacheOption,
    PrintOption,
    ProgressKind,
    ProgressOption,
    ShardOption,
    TrustOption,
    WatchFormat,
    manner,
)


def build(
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="The dataset: a directory, or a zip with -o.")
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="OUT", help="Write x.zip or a new DIR/ instead."),
    ] = None,
    name: NameOption = None,
    description: DescriptionOption = None,
    licence: LicenceOption = None,
    author: AuthorOption = None,
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
    no_cache: NoCacheOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and write nothing.")
    ] = False,
    shard: ShardOption = None,
    dask: DaskOption = None,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    format_: PrintOption = BuildFormat.TEXT,
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
