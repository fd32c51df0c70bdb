"""Turns everything that can go wrong into one clear message and an exit code."""

import contextlib
import json
import os
import sys
from types import TracebackType

from crate_iscc.cli.streams import say, say_error, write_for_machines
from crate_iscc.errors import CrateIsccError

INTERRUPTED = 130
NO_VERDICT = 2
DAMAGED = 1
UNREAD = 3


class Guard:
    """Catches what a command raises, says it on stderr, and keeps the exit code.

    With `debug` everything is raised on, with its traceback. With `as_json` an error is a JSON
    object on stdout as well, so that what reads stdout always finds JSON.
    """

    def __init__(self, *, debug: bool, as_json: bool) -> None:
        self._debug = debug
        self._as_json = as_json
        self.code: int | None = 0

    def __enter__(self) -> "Guard":
        for stream in (sys.stdout, sys.stderr):
            # A name that the terminal's encoding lacks must not end the program.
            with contextlib.suppress(AttributeError):
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
            self.code = INTERRUPTED
        if self.code == INTERRUPTED:  # typer turns an interrupt into this exit code itself
            say("interrupted: nothing was left half-written")
            return True
        if error is None:
            return False
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has gone; there is nobody left to tell.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            self.code = NO_VERDICT
            return True
        if isinstance(error, SystemExit) or self._debug:
            return False
        self.code = NO_VERDICT
        if isinstance(error, CrateIsccError):
            self._say(error.message, error.cause, error.hint)
        elif hasattr(error, "format_message"):  # a usage error of the command-line parser
            context = getattr(error, "ctx", None)
            command = context.command_path if context else " ".join(["crate-iscc", *sys.argv[1:2]])
            self._say(error.format_message(), None, f"see {command} --help")
        elif isinstance(error, OSError):
            self._say(error.strerror or str(error), error.filename, None)
        elif isinstance(error, MemoryError):
            self._say("there is not enough memory", None, "try --jobs 1")
        elif isinstance(error, Exception):
            self._say(
                "this is a fault of crate-iscc",
                f"{type(error).__name__}: {error}",
                "please report it with what --debug prints",
            )
        else:
            return False
        return True

    def _say(self, message: str, cause: str | None, hint: str | None) -> None:
        say_error(CrateIsccError(message, cause=cause, hint=hint))
        if self._as_json:
            value = {"error": {"message": message, "cause": cause, "hint": hint}}
            with contextlib.suppress(CrateIsccError):
                write_for_machines(json.dumps(value, ensure_ascii=False) + "\n")
