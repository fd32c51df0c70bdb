"""The signatures of the commands that compute codes, and compare by them."""

from pathlib import Path
from typing import Annotated

import typer

from crate_iscc.cli.options import (
    BuildFormat,
    Io,
    IoOption,
    Jobs,
    KernelOption,
    MaxBytes,
    NoCacheOption,
    PrintOption,
    ProgressKind,
    ProgressOption,
    SumFormat,
    manner,
)


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
    no_cache: NoCacheOption = False,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    format_: PrintOption = BuildFormat.TEXT,
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
    format_: PrintOption = BuildFormat.TEXT,
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
