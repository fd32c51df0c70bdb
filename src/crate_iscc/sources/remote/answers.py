"""What a failed request comes to: the reason in plain words, and whether another try may help."""

import re
from dataclasses import dataclass, replace

from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)

from crate_iscc.paths import printable
from crate_iscc.sources.remote.proxies import leads_nowhere

CHANGED = "it changed while it was read"
ELSEWHERE = "the store redirects to another place, which is not asked"
_STATUS = re.compile(r"status code: ([0-9]{3})")
_CODE = re.compile("<Code>([A-Za-z]{1,60})</Code>")
_BUSY = (408, 429)
_NOT_TO_BE_ASKED = ("builder error", "error following redirect")
"""What the library says of redirections to other schemes than http and https, or from TLS."""
_LONGEST = 160


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a request failed; `passing` if it may go well at another time."""

    text: str
    passing: bool = False


def reason_of(error: Exception) -> Reason:
    """Return what an error of the library means."""
    match error:
        case FileNotFoundError():
            return Reason("it is not there any more (404)")
        case PermissionDeniedError():
            return Reason(f"access is denied ({_answer(403, error)})")
        case UnauthenticatedError():
            return Reason(f"the store does not take the credentials ({_answer(401, error)})")
        case PreconditionError():
            return Reason(CHANGED)
        case BaseError():
            reason = _of_text(str(error))
            if "performing token request" in str(error).partition("\n")[0]:
                why = reason.text.replace("the store ", "it ")
                return replace(reason, text=f"the login gives no token: {why}")
            return reason
    return Reason(printable(str(error).partition("\n")[0])[:_LONGEST])


def code_in(answer: str) -> str | None:
    """Return the word of S3 for what is wrong (`RequestTimeTooSkewed`) that an answer holds."""
    code = _CODE.search(answer)
    return code and code[1]


def _answer(status: int, said: object) -> str:
    code = code_in(str(said))
    return f"{status}, {code}" if code else str(status)


def _of_text(text: str) -> Reason:
    line = text.partition("\n")[0]
    if status := _STATUS.search(line):
        code = int(status[1])
        return Reason(
            f"the store answers {_answer(code, text)}", passing=code >= 500 or code in _BUSY
        )
    if "non-partial" in line:
        return Reason("the store does not give parts of objects")
    if "redirect without location" in line.lower():
        return Reason("the store redirects, and does not say where")
    if "TooManyRedirects" in text:
        return Reason("the store redirects again and again")
    if leads_nowhere(text) or any(words in line for words in _NOT_TO_BE_ASKED):
        return Reason(ELSEWHERE)
    if "kind: Timeout" in text or "TimedOut" in text:
        return Reason("there was no answer in time", passing=True)
    if '"dns error"' in text:
        return Reason("the name of the host is not known to the network (DNS)", passing=True)
    if "ConnectionRefused" in text:
        return Reason("the connection is refused", passing=True)
    return Reason("the connection broke", passing=True)
