"""Checks that a declaration is in a hub's log, by what its receipt carries: ISCC-Log 0.1 (draft).

The log is a Merkle tree (RFC 6962, SHA-256) with a signed checkpoint (C2SP tlog-checkpoint). A
proof says that the hub had this record in a tree of that size; whether it showed the same tree to
everybody, only those can say who watch its log.
"""

import base64
import binascii
import hashlib
from typing import Any
from urllib.parse import unquote

import jcs
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from crate_iscc.errors import TrustError
from crate_iscc.trust.multikey import DID_WEB, public_key

PROOF_TYPE = "IsccLogInclusionProof"
_ENTRY_SCHEMA = "http://purl.org/iscc/schema/iscc-log-entry-0.8.0.json"
_ED25519 = b"\x01"
_LONGEST_PATH = 64


def check_log_proof(
    evidence: dict[str, Any], declaration: dict[str, Any], hub: str, key: str
) -> int:
    """Return the size of the hub's log that a declaration is in. Raises TrustError if it is not."""
    index, size = evidence.get("leafIndex"), evidence.get("treeSize")
    path = evidence.get("inclusionProof")
    checkpoint = evidence.get("checkpoint")
    if not (
        isinstance(index, int)
        and isinstance(size, int)
        and isinstance(checkpoint, str)
        and isinstance(path, list)
        and len(path) <= _LONGEST_PATH
    ):
        raise TrustError("its log proof cannot be understood")
    if index != declaration.get("seq"):
        raise TrustError("its log proof is of another entry")
    entry = {
        "$schema": _ENTRY_SCHEMA,
        "iscc_id": declaration.get("iscc_id"),
        "note": declaration.get("iscc_note"),
    }
    known_size, known_root = _checked_checkpoint(checkpoint, hub, key)
    hashes = [_hash_of(text) for text in path]
    leaf = hashlib.sha256(b"\x00" + jcs.canonicalize(entry)).digest()
    if known_size != size or root_of(leaf, index, size, hashes) != known_root:
        raise TrustError("its log proof does not hold", cause="the declaration is not in that log")
    return size


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2), None for no proof."""
    if not 0 <= index < size:
        return None
    number, last, node = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return None
        if number & 1 or number == last:
            node = hashlib.sha256(b"\x01" + sibling + node).digest()
            while number and not number & 1:
                number >>= 1
                last >>= 1
        else:
            node = hashlib.sha256(b"\x01" + node + sibling).digest()
        number >>= 1
        last >>= 1
    return node if last == 0 else None


def _checked_checkpoint(text: str, hub: str, key: str) -> tuple[int, bytes]:
    """Return the size and root of a checkpoint that a hub has signed. Raises TrustError."""
    bad = TrustError("the checkpoint of its log proof does not hold")
    head, _, signatures = text.partition("\n\n")
    lines = head.split("\n")
    if len(lines) != 3 or not hub.startswith(DID_WEB):
        raise bad
    origin, size, root = lines
    domain = unquote(hub.removeprefix(DID_WEB).partition(":")[0])
    if origin.partition("/")[0] != domain or not size.isascii() or not size.isdigit():
        raise bad
    if len(size) > 16:
        raise bad
    public = public_key(key)
    key_id = hashlib.sha256(origin.encode("utf-8") + b"\n" + _ED25519 + public).digest()[:4]
    for line in signatures.split("\n"):
        if not line.startswith(f"\N{EM DASH} {origin} "):
            continue
        signature = _decoded(line.rpartition(" ")[2])
        if signature[:4] != key_id:
            continue
        try:
            body = f"{head}\n".encode()
            Ed25519PublicKey.from_public_bytes(public).verify(signature[4:], body)
        except InvalidSignature:
            raise bad from None
        return int(size), _hash_of(root)
    raise bad


def _hash_of(text: Any) -> bytes:
    raw = _decoded(text)
    if len(raw) != 32:
        raise TrustError("its log proof cannot be understood", cause="a hash has 32 bytes")
    return raw


def _decoded(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""
