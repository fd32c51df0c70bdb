"""Finds the profiles and JSON Schemas that ship with the package.

They stand at the top of the repository and inside the wheel; one accessor serves a wheel, a
source distribution and an editable install.
"""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from crate_iscc.errors import InputError


@cache
def _data() -> Traversable:
    packaged = files("crate_iscc") / "_data"
    if packaged.is_dir():
        return packaged
    return files("crate_iscc") / ".." / ".."


def schema_text(name: str) -> str:
    """Return the JSON Schema of that name, such as `report`, as text. Raises InputError."""
    resource = _data() / "schemas" / f"{name}.schema.json"
    if not resource.is_file():
        raise InputError(f"there is no schema called {name!r}")
    return resource.read_text(encoding="utf-8")
