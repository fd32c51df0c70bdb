"""Checks the receipt of a hub that lies beside a crate's metadata: is it one, and of this crate."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from crate_iscc.crate.view import Crate, iscc_ids_of
from crate_iscc.errors import TrustError
from crate_iscc.manifest import TreeFingerprint
from crate_iscc.paths import HUB_DOCUMENT_NAME, CratePath, printable, proof_path
from crate_iscc.report import Finding, Proof, ProofKind, Standing
from crate_iscc.trust.trust_set import TrustSet
from crate_iscc.verifying.proof_error import ProofError

if TYPE_CHECKING:
    from crate_iscc.trust.note import Declarer
    from crate_iscc.trust.receipt import Receipt

_DOCUMENT = proof_path(HUB_DOCUMENT_NAME)
TEST_REALM_REMARK = "of the test realm, which promises nothing"


def check_hub_receipt(
    path: CratePath,
    files: Mapping[CratePath, bytes],
    crate: Crate,
    root: TreeFingerprint,
    trust: TrustSet | None,
) -> Proof:
    """Return what the receipt of a crate proves.

    Raises ProofError where it does not hold, or is of something else.
    """
    from crate_iscc.trust.receipt import check_receipt, contradictions
    from crate_iscc.trust.standing import signer_standing

    if root.treehash is None or root.iscc is None:
        raise ProofError("receipt.other", "the crate records no codes that could be declared")
    trusted = tuple(map(dict, trust.documents.values())) if trust else ()
    try:
        kept = _kept_document(files)
        _check_same_hub(files[path], kept)
        receipt = check_receipt(files[path], (*trusted, *([kept] if kept else [])))
    except TrustError as error:
        raise ProofError("receipt.invalid", str(error)) from error
    wrong = list(contradictions(receipt, root.iscc, root.treehash, iscc_ids_of(crate)))
    if wrong:
        raise ProofError("receipt.other", "; ".join(wrong))
    try:
        standing, hub = signer_standing(receipt.hub, receipt.key, trust)
    except TrustError as error:
        raise ProofError("receipt.invalid", str(error)) from error
    return Proof(
        ProofKind.RECEIPT,
        path,
        standing,
        hub,
        receipt.iscc_id.moment,
        receipt.iscc_id.text,
        _declarer(receipt.declarer, trust or TrustSet()),
        "; ".join(_remarks(receipt)) or None,
    )


def receipt_lacks(proofs: Collection[Proof], trust: TrustSet | None) -> Iterator[Finding]:
    """Yield why a required receipt is not there."""
    found = [proof for proof in proofs if proof.kind is ProofKind.RECEIPT]
    real = [proof for proof in found if not _is_test(proof)]
    if not found:
        yield Finding("receipt.required", "no receipt holds", None)
    elif not real:
        yield Finding("receipt.required", "the receipt is of the test realm", None)
    elif trust and all(proof.standing is not Standing.TRUSTED for proof in real):
        yield Finding("receipt.required", "no hub that is trusted has given it", None)


def _is_test(proof: Proof) -> bool:
    from crate_iscc.trust.iscc_id import TEST_REALM, parse_iscc_id

    return parse_iscc_id(proof.iscc_id).realm == TEST_REALM


def _remarks(receipt: "Receipt") -> Iterator[str]:
    from crate_iscc.trust.iscc_id import TEST_REALM

    if receipt.log_size is not None:
        noun = "entry" if receipt.log_size == 1 else "entries"
        yield f"in its log of {receipt.log_size} {noun}"
    if receipt.unknown_evidence:
        yield "it carries evidence of a kind that was not checked"
    if receipt.iscc_id.realm == TEST_REALM:
        yield TEST_REALM_REMARK


def _declarer(declarer: "Declarer", trust: TrustSet) -> str:
    """Return who declared a crate. Hubs believe any DID, so it counts only with a known key."""
    from crate_iscc.trust.credential import has_key

    if declarer.key in trust.keys:
        return f"{trust.keys[declarer.key]} ({declarer.did})"
    if not declarer.is_claimed:
        return declarer.did
    document = trust.documents.get(declarer.did)
    if document is not None and has_key(document, declarer.key):
        return declarer.did
    return f"{declarer.did} (claimed; the key is {declarer.key})"


def _kept_document(files: Mapping[CratePath, bytes]) -> dict[str, Any] | None:
    from crate_iscc.trust.strict_json import strict_json

    raw = files.get(_DOCUMENT)
    return strict_json(raw) if raw is not None else None


def _check_same_hub(receipt: bytes, kept: Mapping[str, Any] | None) -> None:
    """Raise ProofError where the DID document beside a receipt is that of another hub."""
    from crate_iscc.trust.strict_json import strict_json

    issuer = strict_json(receipt).get("issuer")
    if kept is not None and isinstance(issuer, str) and kept.get("id") != issuer:
        message = f"it is by {printable(issuer)[:120]}, and the DID document beside it is another's"
        raise ProofError("receipt.other", message)
