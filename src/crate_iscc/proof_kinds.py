"""Kinds of findings about the proofs of a crate: signatures, timestamps, receipts of hubs."""

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
    FindingKind(
        "receipt.invalid",
        Severity.ERROR,
        "The receipt of a hub does not hold",
        "iscc-proof/hub-receipt.json is damaged, is not by the hub that it names, or does not hold "
        "together: the note in it, who signed that, and the ISCC-ID that the hub gave.",
        "Restore the receipt, or have the crate declared: crate-iscc declare.",
    ),
    FindingKind(
        "receipt.other",
        Severity.ERROR,
        "A receipt is of another crate, another ISCC-ID or another hub",
        "The receipt's own words are not about this crate as it is: another ISCC-SUM or treehash "
        "was declared, the metadata have another ISCC-ID or none, or the DID document beside it is "
        "that of another hub.",
        "Restore what was declared. Of a crate that has changed, move the receipt elsewhere, and "
        "declare it again. If only the ISCC-ID is missing, crate-iscc declare writes it.",
    ),
    FindingKind(
        "receipt.required",
        Severity.ERROR,
        "There is no receipt of a hub that is trusted",
        "A receipt was required (--require receipt), and none holds, or none is by a hub whose DID "
        "document is in the trust folder. Receipts of the test realm (ISCC:MAI…) do not count.",
        "Have the crate declared: crate-iscc declare; or trust the hub, if you do.",
    ),
    FindingKind(
        "build.stale-receipt",
        Severity.WARNING,
        "A receipt is of the payload as it was before",
        "The payload has changed since the crate was declared, so the receipt of the hub is of "
        "something else now. Build keeps it, and the ISCC-ID in the metadata.",
        "Move iscc-proof/hub-receipt.json elsewhere, and declare the crate again with --force; the "
        "ISCC-ID of before still names what was declared then.",
    ),
    FindingKind(
        "receipt.missing",
        Severity.INFO,
        "An ISCC-ID is claimed: nothing here shows that a hub gave it to this crate",
        "The metadata have an ISCC-ID, and there is no receipt beside them. Anybody can write one.",
        "Ask whoever declared it for iscc-proof/hub-receipt.json, or ask the hub: crate-iscc "
        "lookup.",
    ),
)
