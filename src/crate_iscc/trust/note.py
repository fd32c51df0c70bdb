"""IsccNotes: what is said to a hub when content is declared, signed by whoever declares it.

IEP-0013 has the fields, the ISCC Signature Specification 1.0 the signature: Ed25519 over the
canonical JSON (RFC 8785) of the note with its signature, less the proof in that.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from importlib.util import find_spec
from typing import Any

import base58
import jcs

from crate_iscc.errors import TrustError
from crate_iscc.trust.keys import SigningKey
from crate_iscc.trust.multikey import DID_KEY, check_signature

SIGNATURE_VERSION = "ISCC-SIG v1.0"
NOTE_SCHEMA = "http://purl.org/iscc/schema/iscc-note-0.8.0.json"
LARGEST_HUB_ID = 4095
_SECRET_ED25519 = bytes.fromhex("8026")
_NONCE_DIGITS, _HUB_DIGITS = 32, 3
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """What is declared of a crate (FORMAT, "What is declared").

    `iscc` is the tree ISCC-SUM, wide; `datahash` the BLAKE3 multihash of the bytes that it is of;
    `treehash` binds names and boundaries of files, which those two do not.
    """

    iscc: str
    datahash: str
    treehash: str


@dataclass(frozen=True, slots=True)
class Declarer:
    """Who signed a note: the key that did, and the DID that they give themselves.

    Hubs do not look whether that DID has that key.
    """

    did: str
    key: str

    @property
    def is_claimed(self) -> bool:
        """Tell whether the DID is more than the key itself."""
        return self.did != DID_KEY + self.key


def signed_note(
    content: Content, key: SigningKey, hub_id: int, moment: datetime, *, with_schema: bool = True
) -> Json:
    """Return a note with a fresh nonce for one hub, signed.

    Hubs of IEP-0013 as of 2025 refuse the `$schema` that those of iscc-schema 0.8 ask for. Units
    are left out: hubs build the code again from them, and only at its narrow length.
    """
    from iscc_crypto import KeyPair, sign_json

    if not 0 <= hub_id <= LARGEST_HUB_ID:
        raise TrustError(f"not the id of a hub: {hub_id}", cause="they are 0 to 4095")
    nonce = f"{hub_id:03x}{secrets.token_hex(16)[_HUB_DIGITS:]}"
    note: Json = {"$schema": NOTE_SCHEMA} if with_schema else {}
    note |= {
        "iscc_code": content.iscc,
        "datahash": content.datahash,
        "metahash": content.treehash,
        "nonce": nonce,
        "timestamp": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
    }
    secret = "z" + base58.b58encode(_SECRET_ED25519 + key.secret).decode("ascii")
    pair = KeyPair(public_key=key.public, secret_key=secret, controller=key.did_web)
    signed: Json = sign_json(note, pair)
    _check_schema(signed)
    return signed


def check_note(note: Any) -> Declarer:
    """Return who signed a note. Raises TrustError where the signature does not hold."""
    signature = note.get("signature") if isinstance(note, dict) else None
    if not isinstance(signature, dict):
        raise TrustError("the note is not signed")
    if signature.get("version") != SIGNATURE_VERSION:
        raise TrustError("the note is signed in an unknown way", cause=f"{signature!r:.80}")
    key, controller = signature.get("pubkey"), signature.get("controller")
    if not isinstance(key, str) or not isinstance(controller, str | None):
        raise TrustError("the note does not say by whom it is signed")
    covered = {name: value for name, value in signature.items() if name != "proof"}
    try:
        payload = jcs.canonicalize({**note, "signature": covered})
        check_signature(key, str(signature.get("proof")), payload)
    except TrustError as error:
        raise TrustError("the note's signature does not hold", cause=str(error)) from error
    return Declarer(controller or DID_KEY + key, key)


def hub_of_nonce(nonce: Any) -> int:
    """Return the id of the hub that a nonce is for. Raises TrustError for what is no nonce."""
    digits = "0123456789abcdef"
    if not isinstance(nonce, str) or len(nonce) != _NONCE_DIGITS or not set(nonce) <= set(digits):
        raise TrustError("the note's nonce is none", cause=f"{nonce!r:.60}")
    return int(nonce[:_HUB_DIGITS], 16)


def _check_schema(note: Json) -> None:
    """Hold a note against the model of iscc-schema, where that is installed."""
    if find_spec("iscc_schema") is None:
        return
    from iscc_schema.protocol_iscc_note import IsccNote

    try:
        IsccNote.model_validate(note)
    except ValueError as error:
        raise TrustError("the note is not as iscc-schema has it", cause=str(error)[:200]) from error
