"""The signatures of the commands for images in OMERO, and in packs that come from there."""

from typing import Annotated

import typer

from crate_iscc.cli.options import (
    BuildFormat,
    Io,
    Jobs,
    KernelOption,
    MaxBytes,
    ProgressKind,
    ProgressOption,
    manner,
)

omero = typer.Typer(no_args_is_help=True, help="Fingerprints for images in OMERO and its packs.")

FormatOption = Annotated[BuildFormat, typer.Option("--format", help="What to print.")]


@omero.command(short_help="Make a pack of omero-cli-transfer a crate, with codes in its XML.")
def pack(
    path: Annotated[
        str,
        typer.Argument(metavar="PACK", help="A directory, or with -o a zip or tar."),
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="OUT", help="Write x.zip, x.tar or a new DIR/."),
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="The dataset's name.")] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is, in a sentence.")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--license", "--licence", metavar="ID", help="An SPDX identifier, a URL, or a file."
        ),
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A name, an ORCID or both. Repeatable.")
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every file, also what did not change.")
    ] = False,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    kernel: KernelOption = None,
    format_: FormatOption = BuildFormat.TEXT,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Make a pack of omero-cli-transfer a crate, with its images' codes as key-value pairs.

    crate-iscc omero pack ./pack

    crate-iscc omero pack pack.zip -o coded.zip

    Adds one annotation per image to transfer.xml, and nothing else, so that `omero transfer unpack`
    shows the codes on the images. Ends with 1 if the file of an image is missing.
    """
    from crate_iscc.cli import omero_packing

    omero_packing.run_pack(
        path,
        out,
        name=name,
        description=description,
        licence=licence,
        authors=tuple(author or ()),
        max_bytes=max_bytes,
        use_cache=not no_cache,
        manner=manner(jobs, Io.FAST, kernel, progress),
        as_json=format_ is BuildFormat.JSON,
    )


@omero.command(short_help="Record which images of a crate the panels of an OMERO.figure show.")
def figure(
    json_file: Annotated[
        str,
        typer.Argument(
            metavar="FIGURE", help="The figure's JSON: a path in the crate, or a file elsewhere."
        ),
    ],
    crate: Annotated[str, typer.Argument(metavar="CRATE", help="A directory.")],
    image: Annotated[
        list[str] | None,
        typer.Option(
            "--image", metavar="N=PATH", help="The file of OMERO's image number N. Repeatable."
        ),
    ] = None,
    exported: Annotated[
        list[str] | None,
        typer.Option(
            "--exported", metavar="PATH", help="A PDF or TIFF made from the figure. Repeatable."
        ),
    ] = None,
    kernel: KernelOption = None,
) -> None:
    """Record which images of a crate the panels of an OMERO.figure show, and which part of them.

    crate-iscc omero figure figures/Figure_5.json ./pack --exported figures/fig5.pdf

    Writes a CreateAction for each panel into the metadata, with crop, planes and rendering.
    """
    from crate_iscc.cli import omero_figures

    omero_figures.run_figure(
        json_file,
        crate,
        images=tuple(image or ()),
        exported=tuple(exported or ()),
        kernel=kernel.value if kernel else None,
    )
