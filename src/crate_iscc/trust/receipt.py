"""Checks the receipt of a hub, offline: that the hub gave this ISCC-ID to a note of that signer.

A receipt is a credential by the hub about a declaration. Libraries check neither that its ISCC-ID
is one of that hub nor that the note in it was signed by its subject, so all of it is checked here.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from crate_iscc.codes import DATAHASH_PREFIX, Fingerprint, parse_iscc
from crate_iscc.errors import InputError, TrustError
from crate_iscc.trust.credential import Json, check_credential
from crate_iscc.trust.iscc_id import IsccId, parse_iscc_id
from crate_iscc.trust.log_proof import PROOF_TYPE, check_log_proof
from crate_iscc.trust.note import Declarer, check_note, hub_of_nonce

RECEIPT_TYPE = "IsccReceipt"
_SLACK = timedelta(minutes=10)
"""How far a note's time may be from that of its hub (IEP-0013)."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt that holds: an ISCC-ID, the hub (a DID) and its key, who declared, and what.

    `log_size` is the size of the hub's log in which the declaration is proven to be; None where
    nothing proves that. `unknown_evidence` tells that there is some that nobody here understands.
    """

    iscc_id: IsccId
    hub: str
    key: str
    declarer: Declarer
    iscc: str
    datahash: str
    metahash: str | None
    log_size: int | None = None
    unknown_evidence: bool = False


def check_receipt(raw: bytes, did_documents: Iterable[Json] = ()) -> Receipt:
    """Return what a receipt says, if all of it holds together. Raises TrustError.

    `did_documents` are those of hubs, the ones to be believed first.
    """
    credential = check_credential(raw, RECEIPT_TYPE, did_documents)
    declaration = credential.subject.get("declaration")
    if not isinstance(declaration, dict) or not isinstance(declaration.get("iscc_note"), dict):
        raise TrustError("it holds no declaration")
    note: Json = declaration["iscc_note"]
    declarer = check_note(note)
    if credential.subject.get("id") != declarer.did:
        raise TrustError("its subject is not who signed the note")
    iscc_id = parse_iscc_id(declaration.get("iscc_id"))
    if hub_of_nonce(note.get("nonce")) != iscc_id.hub:
        raise TrustError("its ISCC-ID is of another hub than the note is for")
    _check_time(note, iscc_id)
    iscc, datahash = str(note.get("iscc_code")), str(note.get("datahash"))
    if not _begins_alike(iscc, datahash):
        raise TrustError("its ISCC-CODE is no ISCC-SUM of its datahash")
    log_size, unknown = _log_size(
        credential.document, declaration, credential.issuer, credential.key
    )
    metahash = note.get("metahash")
    return Receipt(
        iscc_id,
        credential.issuer,
        credential.key,
        declarer,
        iscc,
        datahash,
        metahash if isinstance(metahash, str) else None,
        log_size,
        unknown,
    )


def contradictions(
    receipt: Receipt, iscc: Fingerprint, treehash: str, iscc_ids: Collection[str]
) -> Iterator[str]:
    """Yield what a receipt says otherwise than a crate does: it is of something else then."""
    if parse_iscc(receipt.iscc).merged(iscc) is None:
        yield "another ISCC-SUM was declared"
    if receipt.metahash != treehash:
        yield ("another treehash was declared" if receipt.metahash else "no treehash was declared")
    if receipt.iscc_id.text not in iscc_ids:
        others = ", ".join(iscc_ids)
        yield (
            f"it is about {receipt.iscc_id.text}, the crate is {others}"
            if others
            else f"the crate does not have its ISCC-ID, {receipt.iscc_id.text}"
        )


def _check_time(note: Json, iscc_id: IsccId) -> None:
    text = note.get("timestamp")
    if text is None:  # hubs of ISCC-Log 0.1 do not ask for one
        return
    try:
        said = datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        raise TrustError("the note's timestamp is none", cause=f"{text!r:.60}") from None
    if abs(said - iscc_id.time) > _SLACK:
        raise TrustError("its ISCC-ID is not of the time of the note", cause=f"{text}"[:40])


def _begins_alike(iscc: str, datahash: str) -> bool:
    """Tell whether a code ends in the beginning of a datahash, as hubs ask for."""
    try:
        code = parse_iscc(iscc)
        whole = bytes.fromhex(datahash.removeprefix(DATAHASH_PREFIX))
    except (InputError, ValueError):
        return False
    instance = code.instance
    right = datahash.startswith(DATAHASH_PREFIX) and len(whole) == 32 and datahash.islower()
    return right and instance is not None and code.verifiable and whole.startswith(instance)


def _log_size(
    document: Mapping[str, Any], declaration: Json, hub: str, key: str
) -> tuple[int | None, bool]:
    """Return the proven size of the log, and whether there is evidence of an unknown kind."""
    evidence = document.get("evidence", [])
    size: int | None = None
    unknown = False
    for one in evidence if isinstance(evidence, list) else [evidence]:
        types = one.get("type") if isinstance(one, dict) else None
        if PROOF_TYPE in (types if isinstance(types, list) else [types]):
            size = check_log_proof(one, declaration, hub, key)
        else:
            unknown = True
    return size, unknown
