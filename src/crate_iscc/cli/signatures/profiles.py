"""The signatures of the commands of `crate-iscc profile`."""

from pathlib import Path
from typing import Annotated

import typer

from crate_iscc.cli.options import (
    ProfileArgument,
)

app = typer.Typer(
    no_args_is_help=True, help="The profiles that come with crate-iscc, for other tools."
)


@app.command("list", short_help="List the app.")
def profile_list() -> None:
    """List the profiles: name, permalink, title."""
    from crate_iscc.cli import profiling

    profiling.list_profiles()


@app.command("show", short_help="Show the requirements of a profile.")
def profile_show(name: ProfileArgument = "bio-codes") -> None:
    """Show the requirements of a profile: number, level, finding id, title."""
    from crate_iscc.cli import profiling

    profiling.show_profile(name)


@app.command("path", short_help="Print the folder for --extra-profiles-path.")
def profile_path() -> None:
    """Print the folder of the profiles, as rocrate-validator takes it.

    rocrate-validator validate --extra-profiles-path "$(crate-iscc profile path)" CRATE
    """
    from crate_iscc.cli import profiling

    profiling.print_path()


@app.command("export", short_help="Copy a profile and the JSON Schemas to a folder.")
def profile_export(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is not there yet.")],
    name: Annotated[
        str, typer.Option("--profile", metavar="NAME", help="Such as bio-codes.")
    ] = "bio-codes",
) -> None:
    """Copy a profile (specification, shapes, examples) and the JSON Schemas to a new folder."""
    from crate_iscc.cli import profiling

    profiling.export(folder, name)
