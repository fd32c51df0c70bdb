"""Secret keys: made, kept in a file, read again. They are never printed, logged or compared."""

from dataclasses import dataclass, field

import base58
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from crate_iscc.errors import TrustError
from crate_iscc.trust.multikey import DID_KEY, DID_WEB, multikey

_SECRET_ED25519 = bytes.fromhex("8026")
"""Multicodec of an Ed25519 secret key, the form in which iscc-crypto keeps them."""
_ENCRYPTED = b"ENCRYPTED"


class PassphraseNeededError(TrustError):
    """The key is encrypted, and no passphrase or a wrong one was given."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair, and the DID that it signs for if that is not its own did:key."""

    secret: bytes = field(repr=False)
    public: str
    did_web: str | None = None

    @property
    def issuer(self) -> str:
        """The DID of the signer."""
        return self.did_web or DID_KEY + self.public


def new_key() -> SigningKey:
    """Return a new key."""
    return _signing_key(Ed25519PrivateKey.generate())


def key_file(key: SigningKey, passphrase: bytes | None = None) -> bytes:
    """Return the content of a key file: PKCS#8 in PEM, encrypted if there is a passphrase.

    `openssl pkey` reads it.
    """
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    how: KeySerializationEncryption = NoEncryption()
    if passphrase:
        how = BestAvailableEncryption(passphrase)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how)


def parse_key(content: bytes, passphrase: bytes | None = None) -> SigningKey:
    """Return the key of a PEM file (PKCS#8), or of a secret Multikey as iscc-crypto writes it.

    Raises PassphraseNeededError, and TrustError for what is no Ed25519 key; neither quotes it.
    """
    text = content.strip()
    if text.startswith(b"z"):
        return _from_multikey(text)
    try:
        private = load_pem_private_key(text + b"\n", passphrase)
    except TypeError as error:
        if _ENCRYPTED in text:
            raise PassphraseNeededError("the key is encrypted") from error
        private = load_pem_private_key(text + b"\n", None)  # a passphrase that it does not need
    except (ValueError, UnsupportedAlgorithm) as error:
        if _ENCRYPTED in text:
            raise PassphraseNeededError("the passphrase is not that of the key") from error
        raise TrustError(
            "not a signing key",
            hint="make one with: crate-iscc keygen; or: openssl genpkey -algorithm ed25519",
        ) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise TrustError("not an Ed25519 key", hint="make one with: crate-iscc keygen")
    return _signing_key(private)


def check_did_web(did: str) -> str:
    """Return a did:web as it was given. Raises TrustError for any other text."""
    host = did.removeprefix(DID_WEB)
    if (
        not did.startswith(DID_WEB)
        or not host
        or not all(c.isalnum() or c in ".-_:%" for c in host)
    ):
        raise TrustError(f"not a did:web: {did!r:.80}", hint="such as did:web:example.org")
    return did


def _signing_key(private: Ed25519PrivateKey) -> SigningKey:
    raw = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return SigningKey(raw, multikey(public))


def _from_multikey(text: bytes) -> SigningKey:
    try:
        raw = base58.b58decode(text[1:])
    except ValueError:
        raw = b""
    if len(raw) != 34 or not raw.startswith(_SECRET_ED25519):
        raise TrustError("not a signing key", hint="make one with: crate-iscc keygen")
    return _signing_key(Ed25519PrivateKey.from_private_bytes(raw[2:]))
