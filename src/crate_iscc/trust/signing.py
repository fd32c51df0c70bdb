"""Signs a statement with iscc-crypto, and writes the DID document of whoever signs."""

import json
from typing import Any

import base58
from iscc_crypto import KeyPair, sign_vc

from crate_iscc.trust.keys import SigningKey

_SECRET_ED25519 = bytes.fromhex("8026")


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
