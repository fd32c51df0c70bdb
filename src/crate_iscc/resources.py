"""Finds the profiles and JSON Schemas that ship with the package.

They stand at the top of the repository and inside the wheel; one accessor serves a wheel, a
source distribution and an editable install.
"""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from crate_iscc.errors import InputError


@cache
def _data() -> Traversable:
    packaged = files("crate_iscc") / "_data"
    if packaged.is_dir():
        return packaged
    return files("crate_iscc") / ".." / ".."


def schema_text(name: str) -> str:
    """Return the JSON Schema of that name, such as `report`, as text. Raises InputError."""
    return _existing("schemas", f"{name}.schema.json").read_text(encoding="utf-8")


def context_files() -> dict[str, Path]:
    """Return the files of the JSON-LD contexts of RO-Crate, by version. Raises InputError."""
    folder = _existing("schemas", "ro-crate-contexts")
    return {
        place.name.removesuffix(".jsonld"): Path(str(place))
        for place in folder.iterdir()
        if place.name.endswith(".jsonld")
    }


def profiles_folder() -> Path:
    """Return the folder that holds the profiles, for other tools. Raises InputError."""
    return Path(str(_existing("profiles"))).resolve()


def schemas_folder() -> Path:
    """Return the folder that holds the JSON Schemas. Raises InputError."""
    return Path(str(_existing("schemas"))).resolve()


def _existing(*steps: str) -> Traversable:
    resource = _data().joinpath(*steps)
    if not (resource.is_file() or resource.is_dir()):
        raise InputError(
            f"{'/'.join(steps)} is missing",
            cause="this installation of crate-iscc is broken",
            hint="install crate-iscc anew",
        )
    return resource
