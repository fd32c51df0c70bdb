"""The signatures of the commands of `crate-iscc index`."""

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
    manner,
)

app = typer.Typer(
    no_args_is_help=True, help="Keep the codes of many crates, and find what is where."
)
IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index", metavar="FILE", help="The index [default: CRATE_ISCC_INDEX, or one of yours]."
    ),
]


@app.command("add", short_help="Take in crates, folders or zips.")
def index_add(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="CRATE...", help="Crates, folders, zips.", show_default=False),
    ],
    index: IndexOption = None,
    compute: Annotated[
        bool, typer.Option("--compute", help="Read crates too, whatever they record.")
    ] = False,
    no_cache: NoCacheOption = False,
    max_bytes: MaxBytes = None,
    jobs: Jobs = None,
    io: IoOption = Io.FAST,
    kernel: KernelOption = None,
    progress: ProgressOption = ProgressKind.AUTO,
) -> None:
    """Take in crates, folders or zips; what is there from the same place is replaced.

    crate-iscc index add ./dataset ./another.zip

    Of a crate it takes what is recorded, and reads nothing but the metadata; of anything else it
    reads everything.
    """
    from crate_iscc.cli import indexing

    indexing.add(
        sources,
        index,
        compute=compute,
        max_bytes=max_bytes,
        remember=not no_cache,
        manner=manner(jobs, io, kernel, progress),
    )


@app.command("search", short_help="Say where a file or a code is, and what is near to it.")
def index_search(
    what: Annotated[
        str, typer.Argument(metavar="FILE|CODE", help="What to look for.", show_default=False)
    ],
    index: IndexOption = None,
    threshold: Annotated[
        int | None,
        typer.Option(
            "--threshold",
            metavar="BITS",
            help="Near is what differs in so many bits [default: chosen by width and count].",
        ),
    ] = None,
    most: Annotated[
        int, typer.Option("--most", min=0, metavar="N", help="How many near ones to name.")
    ] = 20,
    format_: PrintOption = BuildFormat.TEXT,
) -> None:
    """Say where a file or a code is, and what is near to it.

    crate-iscc index search photo.tif

    A CODE is an ISCC-SUM, a Data-Code, an Instance-Code or a datahash. The file need not be in any
    crate. What is not found is no error.
    """
    from crate_iscc.cli import indexing

    indexing.search(
        what, index, threshold=threshold, most=most, as_json=format_ is BuildFormat.JSON
    )


@app.command("remove", short_help="Take a crate out.")
def index_remove(
    crate: Annotated[
        str,
        typer.Argument(
            metavar="CRATE", help="Its path, its name or its identifier.", show_default=False
        ),
    ],
    index: IndexOption = None,
) -> None:
    """Take a crate out of the index; the crate itself may be gone.

    crate-iscc index remove ./dataset
    """
    from crate_iscc.cli import indexing

    indexing.remove(crate, index)


@app.command("list", short_help="Show what is in the index.")
def index_list(index: IndexOption = None, format_: PrintOption = BuildFormat.TEXT) -> None:
    """Show what is in the index.

    crate-iscc index list
    """
    from crate_iscc.cli import indexing

    indexing.show(index, as_json=format_ is BuildFormat.JSON)


@app.command("export", short_help="Write all entries for iscc-search.")
def index_export(
    index: IndexOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write them to a file.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder",
            metavar="DIR",
            help="Write a file for each, as `iscc-search add` reads them.",
        ),
    ] = None,
) -> None:
    """Write all files of the index as entries for iscc-search: JSON lines.

    crate-iscc index export -o entries.jsonl

    Their ISCC-IDs are synthetic: no hub has minted them.
    """
    from crate_iscc.cli import indexing

    if output is not None and folder is not None:
        raise typer.BadParameter("--output and --folder do not go together")
    indexing.export(index, output, folder)
