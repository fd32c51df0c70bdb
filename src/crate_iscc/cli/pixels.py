"""The part of the sum command that fingerprints images."""

import json
from pathlib import Path
from typing import Any

import typer

from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import say, write_for_machines
from crate_iscc.cli.terminal import chosen_kernel, progress_on_stderr
from crate_iscc.images import ImageFingerprint, ImageUnread
from crate_iscc.imaging import pixels_of
from crate_iscc.paths import printable
from crate_iscc.render.sums import escaped_name


def print_pixels(paths: list[str], *, as_json: bool, manner: Manner) -> None:
    """Print a line for each image; exit 3 if any could not be read whole."""
    kernel = chosen_kernel(manner.kernel)
    found: list[tuple[str, ImageFingerprint]] = []
    unread: list[tuple[str, ImageUnread]] = []
    with progress_on_stderr(manner.progress) as sink:
        for path in paths:
            for image in pixels_of(
                path, jobs=manner.jobs, gentle=manner.gentle, kernel=kernel, progress=sink
            ):
                if isinstance(image, ImageFingerprint):
                    found.append((_place(path, image), image))
                else:
                    unread.append((_place(path, image), image))
    if as_json:
        listed = [_as_json(place, image) for place, image in found]
        write_for_machines(json.dumps(listed, ensure_ascii=False, indent=2) + "\n")
    else:
        write_for_machines("".join(_line(place, image) for place, image in found))
    for place, missed in unread:
        say(f"error: {printable(_named(place, missed.scene))}: {missed.reason}")
    if unread:
        raise typer.Exit(UNREAD)


def _place(path: str, image: ImageFingerprint | ImageUnread) -> str:
    """Return where an image lies, as the user would write it."""
    if not image.path or (Path(path).name == image.path and Path(path).is_file()):
        return path
    return f"{path.rstrip('/')}/{image.path}"


def _named(place: str, scene: str) -> str:
    return f"{place}#{scene}" if scene else place


def _line(place: str, image: ImageFingerprint) -> str:
    mark, name = escaped_name(_named(place, image.scene))
    extent = image.extent
    return f"{mark}{image.iscc} *{name} [{extent.axes} {extent.shape} {image.dtype}]\n"


def _as_json(place: str, image: ImageFingerprint) -> dict[str, Any]:
    return {
        "path": place,
        "scene": image.scene,
        "role": image.role.value,
        "iscc": image.iscc,
        "units": list(image.fingerprint.units()),
        "datahash": image.fingerprint.datahash,
        "size": image.fingerprint.size,
        "axes": image.extent.axes,
        "shape": image.extent.shape,
        "dtype": image.dtype,
        "reader": image.reader,
        "files": list(image.files),
        "planes": [
            {"z": plane.z, "c": plane.c, "t": plane.t, "blake3": digest.hex()}
            for plane, digest in zip(image.extent.walk(), image.digests(), strict=True)
        ],
    }
