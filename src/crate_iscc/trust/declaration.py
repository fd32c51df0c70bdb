"""Speaks with an ISCC hub over HTTP: declares content there, and asks what was declared.

There are two protocols. Hubs of IEP-0013 as of 2025 answer a declaration with its receipt, once;
those of ISCC-Log 0.1 with an ISCC-ID, and give the receipt to whoever asks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode

from crate_iscc.errors import TrustError
from crate_iscc.paths import printable
from crate_iscc.trust import asking
from crate_iscc.trust.iscc_id import parse_iscc_id
from crate_iscc.trust.multikey import DID_KEY, DID_WEB
from crate_iscc.trust.strict_json import strict_json

_JSON = "application/json"
_HUB = "an ISCC hub"
Json = dict[str, Any]


class RefusedError(TrustError):
    """A hub has refused a declaration: there is none."""


class UnknownSchemaError(RefusedError):
    """A hub of the older protocol has refused a note for its `$schema`."""


class DuplicateError(RefusedError):
    """Somebody has declared this content at this hub before: `iscc_id`, `actor` (a Multikey)."""

    def __init__(self, iscc_id: str, actor: str) -> None:
        super().__init__(
            "this content has been declared at this hub before",
            cause=f"as {printable(iscc_id)[:80]} by {DID_KEY}{printable(actor)[:80]}",
            hint="declare it once more, and get an ISCC-ID of your own, with --force",
        )
        self.iscc_id = iscc_id
        self.actor = actor


@dataclass(frozen=True, slots=True)
class Declared:
    """What a hub says was declared, and by whom. Nothing of it is checked."""

    iscc_id: str
    iscc: str
    datahash: str
    moment: str
    key: str
    controller: str | None = None


def declare(hub: str, note: bytes, *, force: bool) -> bytes:
    """Declare content by a signed note, and return the receipt as the hub wrote it.

    Raises RefusedError where the hub does not take it, LostAnswerError where it may have taken it
    and the receipt did not come.
    """
    headers = {"Content-Type": _JSON, "Accept": _JSON}
    if force:
        headers["X-Force-Declaration"] = "true"
    answer = asking.ask(_place(hub, "/declaration"), _HUB, note, headers)
    host = asking.host_of(hub, _HUB)
    if answer.status != 201:
        raise _refusal(host, answer)
    try:
        document = strict_json(answer.content)
    except TrustError as error:
        raise asking.LostAnswerError(
            f"{host} took the declaration, and did not answer with a receipt", cause=str(error)
        ) from error
    if "proof" in document:
        return answer.content
    return _fetched(hub, str(document.get("iscc_id")))


def receipt_of(hub: str, iscc_id: str) -> bytes | None:
    """Return the receipt of a declaration; None where the hub has none or does not give it."""
    parse_iscc_id(iscc_id)
    place = f"/declaration/{quote(iscc_id, safe=':')}/receipt"
    answer = asking.ask(_place(hub, place), _HUB, None, {"Accept": _JSON})
    return answer.content if answer.status == 200 else None


def did_document(hub: str) -> bytes:
    """Return the DID document that a hub has of itself. Raises TrustError where it is another's."""
    answer = asking.ask(_place(hub, "/.well-known/did.json"), _HUB, None, {"Accept": _JSON})
    host = asking.host_of(hub, _HUB)
    if answer.status != 200:
        raise TrustError(f"{host} has no DID document", cause=f"it answers with {answer.status}")
    did = str(strict_json(answer.content).get("id"))
    if not did.startswith(DID_WEB) or unquote(did.removeprefix(DID_WEB)) != host:
        raise TrustError(
            f"the DID document at {host} is of another hub", cause=printable(did)[:120]
        )
    return answer.content


def look_up(hub: str, name: str, value: str) -> list[Declared]:
    """Return what a hub says was declared of a `datahash`, an `iscc_code` or an `iscc_id`.

    Raises TrustError where the hub cannot be asked.
    """
    if name == "iscc_id":
        places = [f"/{quote(value, safe=':')}"]
    else:
        query = urlencode({name: value})
        # The older name of the same question; hubs that have both search for the like there.
        places = [f"/lookup?{query}", f"/search?{query}"]
    host = asking.host_of(hub, _HUB)
    status = 0
    for place in places:
        answer = asking.ask(_place(hub, place), _HUB, None, {"Accept": _JSON})
        status = answer.status
        if status == 200 and answer.kind == _JSON:
            return list(_declared(host, answer.content))
        if name == "iscc_id" and status == 404 and answer.kind == _JSON:
            return []
    raise TrustError(
        f"{host} cannot be asked what was declared",
        cause=f"it answers with {status}",
        hint="not every hub can; a receipt in the crate is checked by: crate-iscc verify",
    )


def _declared(host: str, content: bytes) -> Iterator[Declared]:
    # A list is no object, and what is in it decides on nothing.
    value = strict_json(b'{"found":' + content + b"}")["found"]
    for one in value if isinstance(value, list) else [value]:
        named = one if isinstance(one, dict) else {}
        texts = {name: text for name, text in named.items() if isinstance(text, str)}
        try:
            yield Declared(
                texts["iscc_id"],
                texts["iscc_code"],
                texts["datahash"],
                texts["timestamp"],
                texts["pubkey"],
                texts.get("controller"),
            )
        except KeyError as error:
            message = f"the answer of {host} cannot be understood"
            raise TrustError(message, cause=f"it has no {error}") from None


def _fetched(hub: str, iscc_id: str) -> bytes:
    """Return the receipt of what was just declared. Raises LostAnswerError."""
    message = f"it was declared as {printable(iscc_id)[:80]}, and the receipt did not come"
    hint = "run declare again: this hub gives receipts to whoever asks"
    try:
        receipt = receipt_of(hub, iscc_id)
    except TrustError as error:
        raise asking.LostAnswerError(message, cause=str(error), hint=hint) from error
    if receipt is None:
        raise asking.LostAnswerError(message, hint=hint)
    return receipt


def _refusal(host: str, answer: asking.Answer) -> TrustError:
    """Return the error for an answer that is no receipt."""
    error: Json = {}
    try:
        told = strict_json(answer.content).get("error")
        error = told if isinstance(told, dict) else {}
    except TrustError:
        pass
    code, told = str(error.get("code")), printable(str(error.get("message", "")))[:200]
    cause = told or f"it answers with {answer.status}"
    if answer.status == 409 and isinstance(error.get("existing_iscc_id"), str):
        return DuplicateError(error["existing_iscc_id"], str(error.get("existing_actor")))
    if answer.status == 401:
        hint = "the hub may take declarations by keys that it knows only: ask its operator"
        return RefusedError(f"{host} does not let this key declare", cause=cause, hint=hint)
    if answer.status == 422 and "$schema" in told:
        return UnknownSchemaError(f"{host} does not know this kind of note", cause=cause)
    if code == "timestamp_out_of_range":
        hint = f"set the clock of this machine; the hub's says {printable(str(answer.date))[:40]}"
        return RefusedError("the clocks of this machine and the hub differ", cause=cause, hint=hint)
    if code == "nonce_mismatch":
        meant = re.search(r"expected (\d{1,4})\b", told)
        hint = "name the hub's id, as its operator has published it: --hub-id"
        hint += f" (the hub itself says {meant[1]})" if meant else ""
        return RefusedError(f"{host} has another id than the note is for", cause=cause, hint=hint)
    if 400 <= answer.status < 500:
        return RefusedError(f"{host} refused the declaration", cause=cause)
    if 300 <= answer.status < 400:
        return RefusedError(f"{host} sends elsewhere, and nobody is followed", cause=cause)
    return asking.LostAnswerError(f"{host} failed", cause=cause)


def _place(hub: str, path: str) -> str:
    return hub.rstrip("/") + path
