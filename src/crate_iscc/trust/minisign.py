"""Signatures of files as minisign writes them: the .eln file format has one of the metadata.

https://jedisct1.github.io/minisign/, "Signature format". A signature names its key by eight bytes
that its maker has chosen, and does not carry it.
"""

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from crate_iscc.errors import TrustError
from crate_iscc.trust.keys import SigningKey
from crate_iscc.trust.multikey import multikey, public_key

_UNTRUSTED, _TRUSTED = "untrusted comment: ", "trusted comment: "
_HASHED, _WHOLE, _KEY = b"ED", b"Ed", b"Ed"
_TIME = re.compile(r"(?:^|\s)timestamp:(\d{1,11}|[0-9-]{10}T[0-9:]{8}Z)(?=\s|$)")


@dataclass(frozen=True, slots=True)
class Minisignature:
    """A signature: of which key (its eight bytes), of what (hashed beforehand or not), and when.

    `above` signs the signature and the trusted comment. `moment` (ISO 8601) is what that claims,
    empty where it claims nothing.
    """

    key_id: bytes
    hashed: bool
    signature: bytes
    comment: bytes
    above: bytes

    @property
    def moment(self) -> str:
        """The time that the signer claims; minisign itself writes seconds since 1970."""
        found = _TIME.search(self.comment.decode("utf-8", "replace"))
        if not found or not found[1].isdigit():
            return found[1] if found else ""
        return datetime.fromtimestamp(int(found[1]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def minisign_public_key(key: str) -> str:
    """Return a public key (Multikey) as minisign's -P takes it."""
    raw = public_key(key)
    return base64.b64encode(_KEY + key_id(key) + raw).decode("ascii")


def parse_public_key(text: str) -> tuple[str, bytes]:
    """Return the Multikey, and the eight bytes, of a public key as minisign writes it.

    A comment may stand in a line above it. Raises TrustError for anything else.
    """
    lines = text.splitlines()
    raw = _decoded(lines[-1].strip() if lines else "", 42, "minisign's public key")
    if len(lines) > 2 or not raw.startswith(_KEY):
        raise TrustError("not a public key of minisign's", cause=f"{text!r:.80}")
    return multikey(raw[10:]), raw[2:10]


def key_id(key: str) -> bytes:
    """Return the eight bytes by which keys of this project are named: any will do that stay."""
    return hashlib.sha256(public_key(key)).digest()[:8]


def minisignature(content: bytes, key: SigningKey, comment: str) -> bytes:
    """Return the signature of a file, hashed (BLAKE2b-512) beforehand.

    `comment` (one line) is signed too.
    """
    private = Ed25519PrivateKey.from_private_bytes(key.secret)
    signature = private.sign(hashlib.blake2b(content).digest())
    above = private.sign(signature + comment.encode("utf-8"))
    lines = (
        f"{_UNTRUSTED}signature of an RO-Crate's metadata",
        base64.b64encode(_HASHED + key_id(key.public) + signature).decode("ascii"),
        f"{_TRUSTED}{comment}",
        base64.b64encode(above).decode("ascii"),
    )
    return "".join(f"{line}\n" for line in lines).encode("utf-8")


def parse_minisignature(raw: bytes) -> Minisignature:
    """Return a signature taken apart, unchecked. Raises TrustError for anything else."""
    lines = raw.removesuffix(b"\n").split(b"\n")
    lines = [line.removesuffix(b"\r") for line in lines]
    if (
        len(lines) != 4
        or not lines[0].startswith(_UNTRUSTED.encode("ascii"))
        or not lines[2].startswith(_TRUSTED.encode("ascii"))
    ):
        raise TrustError("it is no signature as minisign writes them")
    named = _decoded(lines[1].decode("ascii", "replace"), 74, "a signature of minisign's")
    above = _decoded(lines[3].decode("ascii", "replace"), 64, "a signature of minisign's")
    if named[:2] not in (_HASHED, _WHOLE):
        raise TrustError("it is signed in a way that nobody here knows", cause=repr(named[:2]))
    comment = lines[2].removeprefix(_TRUSTED.encode("ascii"))
    return Minisignature(named[2:10], named[:2] == _HASHED, named[10:], comment, above)


def is_by(key: str, raw: bytes) -> bool:
    """Tell whether a file is a signature that names a key of this project; it is not checked."""
    try:
        return parse_minisignature(raw).key_id == key_id(key)
    except TrustError:
        return False


def check_minisignature(signature: Minisignature, content: bytes, key: str) -> None:
    """Raise TrustError unless a signature is one of a file, and of its comment, by a key."""
    public = Ed25519PublicKey.from_public_bytes(public_key(key))
    signed = hashlib.blake2b(content).digest() if signature.hashed else content
    try:
        public.verify(signature.signature, signed)
    except InvalidSignature:
        raise TrustError("it is of other metadata, or damaged") from None
    try:
        public.verify(signature.above, signature.signature + signature.comment)
    except InvalidSignature:
        raise TrustError("its trusted comment is not what was signed") from None


def _decoded(text: str, length: int, what: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != length or base64.b64encode(raw).decode("ascii") != text:
        raise TrustError(f"not {what}", cause=f"{text!r:.80}")
    return raw
