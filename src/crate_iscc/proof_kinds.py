"""Kinds of findings about the proofs of a crate: signatures and timestamps of its metadata."""

from crate_iscc.severity import FindingKind, Severity

PROOF_KINDS = (
    FindingKind(
        "signature.invalid",
        Severity.ERROR,
        "A signature does not hold",
        "The document in iscc-proof/ is damaged, is not by the key or the issuer that it names, or "
        "is no signature of a crate at all.",
        "Ask whoever signed the crate for the signature, or sign it again.",
    ),
    FindingKind(
        "signature.stale",
        Severity.ERROR,
        "A signature is of another state of the crate, or of another crate",
        "The signature holds, and what it says is not so here: the metadata file, the treehash, "
        "the ISCC-SUM, the ISCC-ID or what it vouches for beside them is not the signed one.",
        "Restore what was signed. If the change is intended, sign again: crate-iscc sign.",
    ),
    FindingKind(
        "signature.unchecked",
        Severity.INFO,
        "A signature is by a key that is not known here, so nobody checked it",
        "Signatures of minisign's (ro-crate-metadata.json.minisig) name their key and do not carry "
        "it, so that only who has the key can check them.",
        "Add the signer's public key (minisign.pub) to the trust folder if you trust it.",
    ),
    FindingKind(
        "signature.required",
        Severity.ERROR,
        "There is no signature by anybody who is trusted",
        "A signature was required (--require signature), and none holds, or none is by a key or "
        "DID of the trust set.",
        "Ask for a signed crate, or add the signer's key to the trust folder if you trust it.",
    ),
    FindingKind(
        "build.stale-signature",
        Severity.WARNING,
        "A signature is of the metadata as they were before",
        "Build has changed the metadata, so a signature in iscc-proof/ does not hold for them. "
        "Build keeps what others wrote, so it is still there.",
        "Sign the crate again, and remove the signatures that do not hold.",
    ),
    FindingKind(
        "timestamp.invalid",
        Severity.ERROR,
        "A timestamp does not hold",
        "The token is damaged, or is of other bytes than those of the file whose name it carries.",
        "Restore the token, or have the signature stamped again: crate-iscc stamp.",
    ),
    FindingKind(
        "timestamp.untrusted",
        Severity.ERROR,
        "A timestamp is by nobody who is trusted",
        "None of the trusted root certificates vouches for the authority that made the token. A "
        "token may carry certificates of its own, and these prove nothing.",
        "Add the authority's root certificate to the trust folder if you trust it.",
    ),
    FindingKind(
        "timestamp.required",
        Severity.ERROR,
        "There is no timestamp by an authority that is trusted",
        "A timestamp was required (--require timestamp), and a trusted root has to vouch for it.",
        "Have the signature stamped: crate-iscc stamp.",
    ),
)
