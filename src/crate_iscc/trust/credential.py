"""Checks a Verifiable Credential that is secured by a Data Integrity proof, eddsa-jcs-2022.

W3C Verifiable Credentials 2.0; Data Integrity EdDSA Cryptosuites 1.0, section 3.3. The key is taken
from where the document's own words lead, and every one of these words has to agree: issuer,
verification method, key. Whether that key is one to be trusted is decided elsewhere.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import jcs

from crate_iscc.errors import TrustError
from crate_iscc.trust.multikey import DID_KEY, check_signature, public_key
from crate_iscc.trust.strict_json import strict_json

CREDENTIALS = "https://www.w3.org/ns/credentials/v2"
CRYPTOSUITE = "eddsa-jcs-2022"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Credential:
    """A credential whose proof holds: what it says, by which issuer (a DID) and key (Multikey)."""

    document: Mapping[str, Any]
    issuer: str
    key: str

    @property
    def subject(self) -> Mapping[str, Any]:
        """What it says."""
        subject = self.document.get("credentialSubject")
        return subject if isinstance(subject, dict) else {}


def check_credential(raw: bytes, kind: str, did_documents: Iterable[Json] = ()) -> Credential:
    """Return the credential of a kind that a document holds, if its proof holds.

    `did_documents` are those of issuers that are no did:key. Raises TrustError that says what of
    the document does not hold.
    """
    document = strict_json(raw)
    types = document.get("type")
    if not isinstance(types, list) or not {"VerifiableCredential", kind} <= set(map(str, types)):
        raise TrustError(f"not a credential of the type {kind}")
    contexts = document.get("@context")
    if not isinstance(contexts, list) or contexts[:1] != [CREDENTIALS]:
        raise TrustError("not a Verifiable Credential 2.0", cause="its @context says otherwise")
    proof = document.get("proof")
    if not isinstance(proof, dict):
        raise TrustError("it has no proof")
    _check_proof(proof, contexts)
    issuer = _issuer(document)
    key = _key(issuer, proof, did_documents)
    check_signature(key, str(proof.get("proofValue")), signed_bytes(document))
    return Credential(document, issuer, key)


def signed_bytes(document: Json) -> bytes:
    """Return what the proof of a document is a signature of (sections 3.3.3 to 3.3.5).

    64 bytes: the SHA-256 of the proof's options, and that of the document without its proof.
    """
    options = {name: value for name, value in document["proof"].items() if name != "proofValue"}
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    return _hashed(options) + _hashed(unsigned)


def _hashed(value: Json) -> bytes:
    return hashlib.sha256(jcs.canonicalize(value)).digest()


def _check_proof(proof: Json, contexts: list[Any]) -> None:
    wanted = {
        "type": "DataIntegrityProof",
        "cryptosuite": CRYPTOSUITE,
        "proofPurpose": "assertionMethod",
    }
    for name, value in wanted.items():
        if proof.get(name) != value:
            raise TrustError(f"its proof's {name} is {proof.get(name)!r:.60}, not {value!r}")
    own = proof.get("@context", [])
    # Section 3.3.2, step 4: the document's contexts begin with those of the proof.
    if not isinstance(own, list) or contexts[: len(own)] != own:
        raise TrustError("its proof is for another @context")


def _issuer(document: Json) -> str:
    issuer = document.get("issuer")
    if isinstance(issuer, dict):
        issuer = issuer.get("id")
    if not isinstance(issuer, str) or not issuer.startswith("did:"):
        raise TrustError("it names no issuer by a DID")
    return issuer


def _key(issuer: str, proof: Json, did_documents: Iterable[Json]) -> str:
    """Return the key that the issuer is bound to by its DID, or by the document of its DID."""
    method = proof.get("verificationMethod")
    if not isinstance(method, str):
        raise TrustError("its proof names no key")
    controller, _, fragment = method.partition("#")
    if controller != issuer:
        raise TrustError("its proof is not by a key of its issuer", cause=f"{method!r:.120}")
    if issuer.startswith(DID_KEY):
        key = issuer.removeprefix(DID_KEY)
        if fragment != key:
            raise TrustError("its proof is not by the key that its issuer is", cause=method[:120])
        public_key(key)
        return key
    for document in did_documents:
        if document.get("id") == issuer:
            return key_in(document, method)
    raise TrustError("the DID document of its issuer is not at hand", cause=issuer[:120])


def key_in(did_document: Json, method: str) -> str:
    """Return the key (Multikey) of a verification method that a DID document has for assertions.

    Raises TrustError where it has none (Controlled Identifiers 1.0, section 3.3).
    """
    controller = method.partition("#")[0]
    if method not in _list(did_document.get("assertionMethod")):
        raise TrustError("the DID document has no such key for assertions", cause=method[:120])
    for known in _list(did_document.get("verificationMethod")):
        if isinstance(known, dict) and known.get("id") == method:
            if known.get("type") != "Multikey" or known.get("controller") != controller:
                break
            key = str(known.get("publicKeyMultibase"))
            public_key(key)
            return key
    raise TrustError("the DID document has no such key", cause=method[:120])


def has_key(did_document: Mapping[str, Any], key: str) -> bool:
    """Tell whether a DID document has a key for assertions."""
    for method in _list(did_document.get("assertionMethod")):
        try:
            if isinstance(method, str) and key_in(dict(did_document), method) == key:
                return True
        except TrustError:
            continue
    return False


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
