"""Signs a statement with iscc-crypto, and a file as minisign does."""

import base64
import hashlib
import json
from typing import Any

import base58
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from iscc_crypto import KeyPair, sign_vc

from crate_iscc.trust.keys import SigningKey
from crate_iscc.trust.multikey import public_key

_SECRET_ED25519 = bytes.fromhex("8026")
_MINISIGN_HASHED, _MINISIGN_KEY = b"ED", b"Ed"


def signed_credential(credential: dict[str, Any], key: SigningKey) -> bytes:
    """Return a credential with its proof (eddsa-jcs-2022), as JSON in UTF-8."""
    secret = "z" + base58.b58encode(_SECRET_ED25519 + key.secret).decode("ascii")
    pair = KeyPair(public_key=key.public, secret_key=secret, controller=key.did_web)
    signed = sign_vc(credential, pair)
    return json.dumps(signed, indent=2, ensure_ascii=False).encode("utf-8") + b"\n"


def did_document(key: SigningKey) -> bytes:
    """Return the DID document of a key's did:web, as JSON (Controlled Identifiers 1.0)."""
    method = f"{key.issuer}#{key.public}"
    value = {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": key.issuer,
        "verificationMethod": [
            {
                "id": method,
                "type": "Multikey",
                "controller": key.issuer,
                "publicKeyMultibase": key.public,
            }
        ],
        "assertionMethod": [method],
    }
    return json.dumps(value, indent=2).encode("utf-8") + b"\n"


def minisign_public_key(key: str) -> str:
    """Return a public key (Multikey) as minisign's -P takes it."""
    raw = public_key(key)
    return base64.b64encode(_MINISIGN_KEY + _key_id(raw) + raw).decode("ascii")


def minisignature(content: bytes, key: SigningKey, comment: str) -> bytes:
    """Return the signature of a file as minisign writes it, hashed (BLAKE2b-512) beforehand.

    `comment` (one line) is signed too. https://jedisct1.github.io/minisign/, "Signature format".
    """
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    signature = private.sign(hashlib.blake2b(content).digest())
    above = private.sign(signature + comment.encode("utf-8"))
    name = _MINISIGN_HASHED + _key_id(public_key(key.public))
    lines = (
        "untrusted comment: signature of an RO-Crate's metadata",
        base64.b64encode(name + signature).decode("ascii"),
        f"trusted comment: {comment}",
        base64.b64encode(above).decode("ascii"),
    )
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def _key_id(public: bytes) -> bytes:
    """Return the eight bytes by which minisign tells keys apart; any will do, if they stay."""
    return hashlib.sha256(public).digest()[:8]
