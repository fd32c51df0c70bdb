"""Says what could not be done, why, and what to try next.

Errors are for work that could not be done. A problem *in the data* (a changed, missing or
unreadable file) is never an exception: it is a value in a Manifest or a Finding in a Report.
"""


class CrateIsccError(Exception):
    """The base of every error that this package raises on purpose.

    `message` says what went wrong, `cause` why, `hint` what to do next.
    """

    def __init__(self, message: str, *, cause: str | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}: {self.cause}" if self.cause else self.message


class InputError(CrateIsccError):
    """What the caller named cannot be worked with: not a crate, a bad option, a bad path."""


class UnsafePathError(InputError):
    """A name leads out of the crate, or can be no file name."""


class ReadError(CrateIsccError):
    """Bytes could not be read, or not all of them, or they changed while they were read."""


class WriteError(CrateIsccError):
    """A result could not be written; what was there before is still there."""


class TrustError(CrateIsccError):
    """A signature, timestamp or declaration could not be made or checked."""
