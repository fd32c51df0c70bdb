"""Writes to stdout and stderr, whatever state and encoding they are in."""

import contextlib
import sys
from typing import TextIO

from crate_iscc.errors import CrateIsccError, WriteError


def write_out(text: str) -> None:
    """Write a result for a person to stdout, in the terminal's encoding. Raises WriteError."""
    stdout = _stdout()
    stdout.write(text)
    stdout.flush()


def write_for_machines(text: str) -> None:
    """Write a result for machines to stdout: UTF-8 and LF everywhere. Raises WriteError."""
    stdout = _stdout()
    stdout.flush()
    stdout.buffer.write(_encoded(text))
    stdout.buffer.flush()


def _encoded(text: str) -> bytes:
    """Return bytes of a name as they were; half a surrogate pair, which is in none, as an escape.

    Metadata may hold one in a JSON escape, and as such it is written again.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def say(text: str) -> None:
    """Write a line about the work, not its result, to stderr, if there is anybody to read it."""
    stderr: TextIO | None = sys.stderr
    if stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            stderr.write(text + "\n")
            stderr.flush()


def say_error(error: CrateIsccError) -> None:
    """Say what went wrong, why, and what to try next."""
    lines = [f"error: {error.message}"]
    if error.cause:
        lines.append(f"  {error.cause}")
    if error.hint:
        lines.append(f"hint: {error.hint}")
    say("\n".join(lines))


def _stdout() -> TextIO:
    stdout: TextIO | None = sys.stdout
    if stdout is None:
        raise WriteError("the result cannot be written", cause="standard output is closed")
    return stdout
