"""Ed25519 public keys as Multikeys (W3C Controlled Identifiers 1.0, section 2.2.2) and DIDs."""

import base58
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from crate_iscc.errors import TrustError

_ED25519 = bytes.fromhex("ed01")
DID_KEY = "did:key:"
DID_WEB = "did:web:"


def multikey(public: bytes) -> str:
    """Return the Multikey of an Ed25519 public key of 32 bytes: `z6Mk…`."""
    encoded: bytes = base58.b58encode(_ED25519 + public)
    return "z" + encoded.decode("ascii")


def public_key(text: str) -> bytes:
    """Return the 32 bytes of an Ed25519 public key from its Multikey. Raises TrustError."""
    try:
        raw = base58.b58decode(text[1:]) if text.startswith("z") and len(text) < 100 else b""
    except ValueError:
        raw = b""
    if len(raw) != 34 or not raw.startswith(_ED25519) or multikey(raw[2:]) != text:
        raise TrustError("not an Ed25519 public key", cause=f"{text!r:.80}")
    return raw[2:]


def check_signature(key: str, signature: str, payload: bytes) -> None:
    """Raise TrustError unless `signature` (multibase base58-btc) is one of the payload by a key."""
    try:
        raw = base58.b58decode(signature[1:]) if signature.startswith("z") else b""
    except ValueError:
        raw = b""
    if len(raw) != 64 or "z" + base58.b58encode(raw).decode("ascii") != signature:
        raise TrustError("the signature is no Ed25519 signature")
    try:
        Ed25519PublicKey.from_public_bytes(public_key(key)).verify(raw, payload)
    except InvalidSignature:
        raise TrustError("the signature is not that of the document") from None
