"""What a signature of a crate says, and whether that is so of a crate.

One small document binds the raw bytes of the metadata file, and the payload by its treehash. The
treehash is one number for any number of files, so a signature is as quick to check for a million of
them, and it does not care how they are packed: copies and zips in any order keep it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from crate_iscc.codes import DATAHASH_PREFIX
from crate_iscc.trust.credential import CREDENTIALS

STATEMENT_TYPE = "RoCrateIntegrityCredential"
_UNDEFINED_TERMS = "https://www.w3.org/ns/credentials/undefined-terms/v2"
"""The context with which Verifiable Credentials 2.0 marks terms that have no definition."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What of a crate is signed: the metadata file as it is, and the codes that it records.

    `evidence` are the raw bytes of the files beside the signature that it vouches for, by path.
    """

    metadata_name: str
    metadata: bytes = field(repr=False)
    treehash: str
    files: int
    size: int
    iscc: str
    iscc_id: str | None = None
    evidence: Mapping[str, bytes] = field(default_factory=dict)

    def subject(self) -> dict[str, Any]:
        """Return the statement about it, as the credentialSubject of a credential."""
        subject: dict[str, Any] = {
            "metadata": {
                "path": self.metadata_name,
                "size": len(self.metadata),
                "sha256": hashlib.sha256(self.metadata).hexdigest(),
                "datahash": DATAHASH_PREFIX + blake3(self.metadata).hexdigest(),
            },
            "payload": {"treehash": self.treehash, "fileCount": self.files, "size": self.size},
            "iscc": self.iscc,
        }
        if self.iscc_id:
            subject["isccId"] = self.iscc_id
        if self.evidence:
            subject["evidence"] = [
                {"path": path, "sha256": hashlib.sha256(raw).hexdigest()}
                for path, raw in sorted(self.evidence.items())
            ]
        return subject


def statement(signed: Signed, issuer: str, moment: str) -> dict[str, Any]:
    """Return the credential to be signed; `moment` (ISO 8601) is what the signer claims."""
    return credential_of(STATEMENT_TYPE, signed.subject(), issuer, moment)


def credential_of(kind: str, subject: dict[str, Any], issuer: str, moment: str) -> dict[str, Any]:
    """Return a credential of a kind, about a subject, to be signed."""
    return {
        "@context": [CREDENTIALS, _UNDEFINED_TERMS],
        "type": ["VerifiableCredential", kind],
        "issuer": issuer,
        "validFrom": moment,
        "credentialSubject": subject,
    }


def contradictions(subject: Mapping[str, Any], signed: Signed) -> Iterator[str]:
    """Yield what a statement says otherwise than it is, or leaves out that it has to say.

    Files of `signed.evidence` that the statement does not name are none of its business: they may
    have been added since.
    """
    here = signed.subject()
    for part, name in (
        ("metadata", "the metadata file"),
        ("payload", "the payload"),
        ("iscc", "the ISCC-SUM"),
    ):
        if subject.get(part) != here[part]:
            yield f"{name} is not the signed one"
    if subject.get("isccId") not in (None, signed.iscc_id):
        yield "the ISCC-ID is not the signed one"
    evidence = subject.get("evidence", [])
    if not isinstance(evidence, list):
        yield "its list of evidence is none"
        return
    for one in evidence:
        path = one.get("path") if isinstance(one, dict) else None
        raw = signed.evidence.get(path) if isinstance(path, str) else None
        if raw is None or one != {"path": path, "sha256": hashlib.sha256(raw).hexdigest()}:
            yield f"{path!r:.80} is not there as it was signed"
