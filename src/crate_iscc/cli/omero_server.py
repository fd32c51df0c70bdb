"""The commands `omero annotate` and `omero verify`."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import typer

from crate_iscc.cli.guard import DAMAGED, NO_VERDICT, UNREAD
from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import chosen_kernel
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import Severity
from crate_iscc.omero.annotating import ImageResult, Outcome, ServerResult, annotate, verify
from crate_iscc.omero.blitz import connect, require_omero
from crate_iscc.omero.server import OmeroServer, ServerImage
from crate_iscc.paths import printable
from crate_iscc.render.report_json import finding_json

_PORT = 4064
_LONGEST_KEY = 1000

Act = Callable[[tuple[ServerImage, ...], Callable[[ImageResult], None]], ServerResult]


@dataclass(frozen=True, slots=True)
class Session:
    """Where the server is, and the file that holds the key of a session; the environment else."""

    host: str | None
    port: int | None
    file: str | None

    def join(self) -> OmeroServer:
        """Join the session. Raises InputError where anything of that is missing."""
        require_omero()
        host = self.host or os.environ.get("OMERO_HOST")
        if not host:
            raise InputError("no server is named", hint="--host omero.example.org, or OMERO_HOST")
        return connect(host, self._port(), self._key())

    def _port(self) -> int:
        told = os.environ.get("OMERO_PORT") or str(_PORT)
        if self.port is None and not (told.isascii() and told.isdigit() and int(told) < 1 << 16):
            raise InputError(f"OMERO_PORT is no port: {told!r:.40}")
        return self.port or int(told)

    def _key(self) -> str:
        """Return the key. It is never an option: others could read it in the list of processes."""
        key = self._read() if self.file is not None else os.environ.get("OMERO_SESSION_KEY")
        if not key or not key.strip():
            raise InputError(
                "no session is given",
                hint="export OMERO_SESSION_KEY=$(omero sessions key), or --session-file FILE",
            )
        return key.strip()

    def _read(self) -> str:
        if self.file == "-":
            return sys.stdin.read(_LONGEST_KEY)
        try:
            with Path(self.file or "").open(encoding="utf-8") as file:
                return file.read(_LONGEST_KEY)
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else "it is no text"
            raise InputError(
                f"the session file cannot be read: {printable(self.file or '')}", cause=cause
            ) from error


@dataclass(frozen=True, slots=True)
class Named:
    """The images and datasets that are to be treated, by their numbers."""

    images: tuple[int, ...]
    datasets: tuple[int, ...]


def run_annotate(
    session: Session,
    named: Named,
    *,
    pixels: bool,
    dry_run: bool,
    kernel: str | None,
    as_json: bool,
) -> NoReturn:
    """Annotate images, say what became of each, and exit with what was found."""
    _require(named)
    with closing(session.join()) as server:
        code = annotate_on(
            server, named, pixels=pixels, dry_run=dry_run, kernel=kernel, as_json=as_json
        )
    raise typer.Exit(code)


def run_verify(session: Session, named: Named, *, kernel: str | None, as_json: bool) -> NoReturn:
    """Verify images, say how each came out, and exit with what was found."""
    _require(named)
    with closing(session.join()) as server:
        code = verify_on(server, named, kernel=kernel, as_json=as_json)
    raise typer.Exit(code)


def annotate_on(
    server: OmeroServer,
    named: Named,
    *,
    pixels: bool = False,
    dry_run: bool = False,
    kernel: str | None = None,
    as_json: bool = False,
) -> int:
    """Annotate images of a server, say what became of each, and return the exit code."""
    result = _treat(
        server,
        named,
        lambda images, tell: annotate(
            server, images, chosen_kernel(kernel), pixels=pixels, dry_run=dry_run, tell=tell
        ),
        as_json=as_json,
    )
    if dry_run:
        say("dry run: nothing was written")
    return exit_code(result)


def verify_on(
    server: OmeroServer, named: Named, *, kernel: str | None = None, as_json: bool = False
) -> int:
    """Verify images of a server, say how each came out, and return the exit code."""
    result = _treat(
        server,
        named,
        lambda images, tell: verify(server, images, chosen_kernel(kernel), tell=tell),
        as_json=as_json,
    )
    code = exit_code(result)
    checked = result.count(Outcome.MATCH, Outcome.CHANGED)
    return NO_VERDICT if not code and not checked else code


def exit_code(result: ServerResult) -> int:
    """Return 1 where something is not as recorded, 3 where something was not read, else 0."""
    if any(finding.severity is Severity.ERROR for finding in result.findings):
        return DAMAGED
    return UNREAD if result.count(Outcome.UNREAD) else 0


def _require(named: Named) -> None:
    if not named.images and not named.datasets:
        raise InputError("no image is named", hint="--image 51, or --dataset 7")


def _treat(server: OmeroServer, named: Named, act: Act, *, as_json: bool) -> ServerResult:
    asked = [("Image", one) for one in named.images]
    asked += [("Dataset", one) for one in named.datasets]
    images = tuple(dict.fromkeys(one for item in asked for one in server.images(*item)))
    if not images:
        raise InputError("there is no image", cause="the datasets that were named are empty")
    result = act(images, _silent if as_json else _tell)
    if as_json:
        write_for_machines(result_json(result))
    else:
        lines = [f"{one.severity.value}  {one.message}" for one in result.findings]
        write_out("".join(f"{line}\n" for line in (*lines, _counts(result))))
    return result


def _silent(_result: ImageResult) -> None:
    pass


def _tell(result: ImageResult) -> None:
    code = next((value for _, value in result.pairs), "")
    write_out(f"{result.outcome.value:<15}{printable(str(result.image))}  {printable(code)}\n")


def _counts(result: ServerResult) -> str:
    told = [f"{n} {one.value}" for one in Outcome if (n := result.count(one))]
    return ", ".join(told)


def result_json(result: ServerResult) -> str:
    """Return what became of all images as one JSON object."""
    value = {
        "images": [
            {
                "id": one.image.number,
                "name": one.image.name,
                "outcome": one.outcome.value,
                "pairs": [list(pair) for pair in one.pairs],
            }
            for one in result.images
        ],
        "findings": [finding_json(finding) for finding in result.findings],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
