"""The signatures of the commands for images in OMERO, and in packs that come from there."""

from typing import Annotated

import typer

from crate_iscc.cli.options import (
    AuthorOption,
    BuildFormat,
    DescriptionOption,
    Io,
    Jobs,
    KernelOption,
    LicenceOption,
    MaxBytes,
    NameOption,
    NoCacheOption,
    PrintOption,
    ProgressKind,
    ProgressOption,
    manner,
)

app = typer.Typer(no_args_is_help=True, help="Fingerprints for images in OMERO and its packs.")

HostOption = Annotated[
    str | None,
    typer.Option("--host", metavar="HOST", help="The OMERO server [default: OMERO_HOST]."),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port", min=1, max=65535, metavar="N", help="Its port [default: OMERO_PORT, or 4064]."
    ),
]
SessionOption = Annotated[
    str | None,
    typer.Option(
        "--session-file",
        metavar="FILE",
        help="Holds the key of a session; - is stdin [default: OMERO_SESSION_KEY].",
    ),
]
ImageOption = Annotated[
    list[int] | None, typer.Option("--image", min=1, metavar="ID", help="An image. Repeatable.")
]
DatasetOption = Annotated[
    list[int] | None,
    typer.Option("--dataset", min=1, metavar="ID", help="All images of a dataset. Repeatable."),
]


@app.command(short_help="Make a pack of omero-cli-transfer a crate, with codes in its XML.")
def pack(
    path: Annotated[
        str,
        typer.Argument(metavar="PACK", help="A directory, or with -o a zip or tar."),
    ],
    out: Annotated[
        str | None,
        typer.Option("--out", "-o", metavar="OUT", help="Write x.zip, x.tar or a new DIR/."),
    ] = None,
    name: NameOption = None,
    description: DescriptionOption = None,
    licence: LicenceOption = None,
    author: AuthorOption = None,
    pixels: Annotated[
        bool,
        typer.Option("--pixels", help="Decode the images, and give them pixel codes."),
    ] = False,
    no_cache: NoCacheOption = False,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    kernel: KernelOption = None,
    format_: PrintOption = BuildFormat.TEXT,
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
        pixels=pixels,
        max_bytes=max_bytes,
        use_cache=not no_cache,
        manner=manner(jobs, Io.FAST, kernel, progress),
        as_json=format_ is BuildFormat.JSON,
    )


@app.command(short_help="Record which images of a crate the panels of an OMERO.figure show.")
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


@app.command(short_help="Write the codes of images into an OMERO server.")
def annotate(
    host: HostOption = None,
    image: ImageOption = None,
    dataset: DatasetOption = None,
    port: PortOption = None,
    session: SessionOption = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Compute the code of the pixels, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")
    ] = False,
    kernel: KernelOption = None,
    format_: PrintOption = BuildFormat.TEXT,
) -> None:
    """Write the codes of images into an OMERO server, as key-value pairs on each.

    OMERO_SESSION_KEY=… crate-iscc omero annotate --host omero.example.org --dataset 7

    Reads the original files from the server. The session is one that `omero login` has made.
    """
    from crate_iscc.cli import omero_server

    omero_server.run_annotate(
        omero_server.Session(host, port, session),
        omero_server.Named(tuple(image or ()), tuple(dataset or ())),
        pixels=pixels,
        dry_run=dry_run,
        kernel=kernel.value if kernel else None,
        as_json=format_ is BuildFormat.JSON,
    )


@app.command(short_help="Check images of an OMERO server against the codes that they carry.")
def verify(
    host: HostOption = None,
    image: ImageOption = None,
    dataset: DatasetOption = None,
    port: PortOption = None,
    session: SessionOption = None,
    kernel: KernelOption = None,
    format_: PrintOption = BuildFormat.TEXT,
) -> None:
    """Check images of an OMERO server against the codes that they carry.

    OMERO_SESSION_KEY=… crate-iscc omero verify --host omero.example.org --image 51

    Reads original files, and pixels where their code is recorded, and writes nothing.
    """
    from crate_iscc.cli import omero_server

    omero_server.run_verify(
        omero_server.Session(host, port, session),
        omero_server.Named(tuple(image or ()), tuple(dataset or ())),
        kernel=kernel.value if kernel else None,
        as_json=format_ is BuildFormat.JSON,
    )
