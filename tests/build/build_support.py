"""What the build tests share: small datasets, the command, and a strict look at folders."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crate_iscc.building.plan import BuildPlan

METADATA = "ro-crate-metadata.json"
MANIFEST = "iscc-manifest.tsv"
MADE = frozenset({METADATA, MANIFEST})
"""The two files that a build makes."""

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAYS_LATER = datetime(2026, 1, 9, 23, 59, 59, tzinfo=UTC)

Entity = dict[str, Any]

PLAIN: Mapping[str, bytes] = {
    "raw/cell 1.tif": b"II*\0" + bytes(range(256)) * 20,
    "raw/cell 2.tif": b"II*\0" + bytes(range(255, -1, -1)) * 20,
    "notes/F\u00e4rbung 50% #3.txt": b"eosin\n",
    "empty.txt": b"",
}
"""A dataset without a container."""

ZARR: Mapping[str, bytes] = {
    "cell.zarr/.zgroup": b'{"zarr_format": 2}',
    "cell.zarr/0/.zarray": b'{"zarr_format": 2}',
    "cell.zarr/0/0.0": bytes(64),
    "cell.zarr/0/0.1": bytes(range(64)),
}
"""A container in its smallest shape: known by the names of its files."""


def manifest_bytes(plan: BuildPlan) -> bytes | None:
    """Return what a build writes as manifest file."""
    return b"".join(plan.manifest_file.chunks()) if plan.manifest_file else None


def write_tree(folder: Path, contents: Mapping[str, bytes]) -> Path:
    """Write files below a folder; a path that ends in a slash is an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in contents.items():
        place = folder / path
        if path.endswith("/"):
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return folder


def age(folder: Path) -> None:
    """Give every file a modification time of long ago, in nanoseconds that are not round."""
    for number, place in enumerate(sorted(folder.rglob("*"))):
        if place.is_file():
            moment = 1_600_000_000_123_456_789 + number * 2_000_000_000
            os.utime(place, ns=(moment, moment))


@dataclass(frozen=True)
class FileState:
    """Everything about a file that changes when it is written, replaced or re-moded."""

    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int
    content: bytes


def state_of(folder: Path, *, without: frozenset[str] = MADE) -> dict[str, FileState]:
    """Return the state of each file below a folder, less those at its top that are named."""
    states = {}
    for place in sorted(folder.rglob("*")):
        path = place.relative_to(folder).as_posix()
        if place.is_file() and not place.is_symlink() and path not in without:
            status = place.stat()
            states[path] = FileState(
                status.st_mtime_ns,
                status.st_ctime_ns,
                status.st_ino,
                status.st_mode,
                place.read_bytes(),
            )
    return states


def paths_below(folder: Path) -> set[str]:
    """Return every path below a folder; folders end in a slash."""
    return {
        place.relative_to(folder).as_posix()
        + ("/" if place.is_dir() and not place.is_symlink() else "")
        for place in folder.rglob("*")
    }


def contents_of(folder: Path, *, without: frozenset[str] = MADE) -> dict[str, bytes]:
    """Return the content of each file below a folder, less those at its top that are named."""
    return {path: state.content for path, state in state_of(folder, without=without).items()}


def metadata_bytes(crate: Path) -> bytes:
    """Return the metadata file of a crate in a directory or a zip."""
    if crate.is_dir():
        return (crate / METADATA).read_bytes()
    with zipfile.ZipFile(crate) as archive:
        return archive.read(METADATA)


def graph_of(crate: Path) -> dict[str, Entity]:
    """Return the entities of a crate by their `@id`; each has one object."""
    entities: list[Entity] = json.loads(metadata_bytes(crate).decode("utf-8-sig"))["@graph"]
    by_id = {entity["@id"]: entity for entity in entities}
    assert len(by_id) == len(entities), "an entity stands twice in the graph"
    return by_id


def ids_in(value: Any) -> list[str]:
    """Return the `@id`s of a property's references."""
    values = value if isinstance(value, list) else [value]
    return [item["@id"] for item in values]


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """What stands on stdout, which must be one JSON value."""
        return json.loads(self.stdout)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment whose cache, home and time zone are not those of the machine."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT")}
    return keep | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "PYTHONWARNINGS": "error",
        **more,
    }


def command(*arguments: str | Path) -> list[str]:
    """Return the command line of crate-iscc in this interpreter."""
    return [sys.executable, "-m", "crate_iscc", *map(str, arguments)]


def crate_iscc(
    *arguments: str | Path, home: Path, now: datetime = NOW, expect: int = 0, **more: str
) -> Ran:
    """Run the command as a user does, at a given time, and hold it to its exit code."""
    ended = subprocess.run(
        command(*arguments),
        env=environment(home, SOURCE_DATE_EPOCH=str(int(now.timestamp())), **more),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    assert ended.returncode == expect, f"{ended.returncode}\n{ended.stdout}\n{ended.stderr}"
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def zip_of(contents: Mapping[str, bytes], *, compression: int = zipfile.ZIP_STORED) -> bytes:
    """Return a zip archive with these members, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for path, content in contents.items():
            archive.writestr(path, content)
    return buffer.getvalue()
