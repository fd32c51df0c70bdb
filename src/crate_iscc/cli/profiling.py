"""The profile commands."""

import shutil
from pathlib import Path

from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import paint_for_stdout
from crate_iscc.errors import InputError, WriteError
from crate_iscc.finding_kinds import Severity
from crate_iscc.paths import printable
from crate_iscc.profile.requirements import PROFILES, kinds_at, profile_called
from crate_iscc.resources import profiles_folder, schemas_folder

_STYLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "dim"}


def list_profiles() -> None:
    """Print a line for each profile."""
    for profile in PROFILES:
        write_out(f"{profile.name}-{profile.version}  {profile.uri}  {profile.title}\n")


def show_profile(name: str) -> None:
    """Print the requirements of a profile."""
    profile = profile_called(name)
    paint = paint_for_stdout()
    kinds = kinds_at(Severity.INFO)
    width = max(len(kind.id) for kind in kinds)
    lines = [
        f"{profile.title} {profile.version}",
        f"{profile.uri} (a proposal, not registered yet)",
        "",
    ]
    for kind in kinds:
        level = paint(f"{kind.severity.level:<6}", _STYLES[kind.severity])
        lines.append(f"{kind.requirement:<4} {level}  {kind.id:<{width}}  {kind.title}")
    lines.append("")
    lines.append("crate-iscc explain ID says why; the specification is among what is exported by:")
    lines.append("crate-iscc profile export DIR")
    write_out("\n".join(lines) + "\n")


def print_path() -> None:
    """Print the folder of the profiles."""
    write_for_machines(f"{profiles_folder()}\n")


def export(folder: Path, name: str) -> None:
    """Copy a profile and the schemas into a new folder."""
    profile = profile_called(name)
    if folder.exists():
        raise InputError(
            f"{printable(str(folder))} is there already", hint="name a folder that is not there"
        )
    try:
        for source, target in (
            (profiles_folder() / profile.name, folder / "profiles" / profile.name),
            (schemas_folder(), folder / "schemas"),
        ):
            shutil.copytree(source, target)
    except OSError as error:
        raise WriteError(
            f"cannot write {printable(str(folder))}", cause=error.strerror or str(error)
        ) from error
    say(f"wrote {printable(str(folder))}/profiles/{profile.name} and the JSON Schemas")
