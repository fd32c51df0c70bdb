"""Checks the proofs beside a crate's metadata, offline: who signed, by when, who declared it.

Integrity is another matter: a signature binds the metadata and the treehash, and whether the
payload has that treehash is what the rest of a verification finds out.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from crate_iscc.crate.view import Crate, iscc_id_of, iscc_ids_of
from crate_iscc.entries import Entry, EntryTable
from crate_iscc.errors import ReadError, TrustError
from crate_iscc.manifest import TreeFingerprint
from crate_iscc.paths import (
    HUB_RECEIPT_NAME,
    MINISIGN_FILE,
    PROOF_FOLDER,
    SIGNER_DOCUMENT_NAME,
    TIMESTAMP_ENDING,
    CratePath,
    is_evidence,
    is_proof,
    is_signature,
    proof_path,
)
from crate_iscc.report import Finding, Proof, ProofKind, Standing
from crate_iscc.sources import Tree, read_all
from crate_iscc.trust import has_trust, require_trust
from crate_iscc.trust.trust_set import TrustSet
from crate_iscc.verifying.proof_error import ProofError
from crate_iscc.verifying.receipts import check_hub_receipt, receipt_lacks

if TYPE_CHECKING:
    from crate_iscc.trust.statement import Signed

_LARGEST_PROOF = 1 << 20
_RECEIPT = proof_path(HUB_RECEIPT_NAME)


@dataclass(frozen=True, slots=True)
class Proofs:
    """What the proofs of a crate come to, and what is wrong with them.

    `unchecked` tells that there are some, and that what checks them is not installed.
    """

    proofs: tuple[Proof, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchecked: bool = False


def proof_entries(entries: EntryTable) -> Iterator[Entry]:
    """Yield the files of a tree that are proofs of the metadata by their names."""
    for number in entries.below(f"{PROOF_FOLDER}/"):
        if is_proof(entries[number].path):
            yield entries[number]
    minisign = entries.get(MINISIGN_FILE)
    if minisign is not None:
        yield minisign


def proof_files(
    tree: Tree, entries: Iterable[Entry], unread: list[Finding] | None = None
) -> dict[CratePath, bytes]:
    """Return the contents of proofs of a tree (see proof_entries), by their paths.

    One that cannot be read, or is larger than any proof, becomes a finding among `unread`; raises
    ReadError where there is no such list.
    """
    files: dict[CratePath, bytes] = {}
    for entry in entries:
        try:
            files[entry.path] = read_all(tree, entry, limit=_LARGEST_PROOF)
        except ReadError as error:
            if unread is None:
                raise
            kind = "signature.invalid"
            if entry.path.endswith(TIMESTAMP_ENDING):
                kind = "timestamp.invalid"
            elif entry.path == _RECEIPT:
                kind = "receipt.invalid"
            unread.append(Finding(kind, error.cause or error.message, entry.path))
    return files


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofCheck:
    """One check of the proofs of one crate: the metadata file as it is, and what it records.

    `trust` None trusts nobody; `required` names the kinds of proofs that there have to be.
    """

    metadata_name: str
    metadata: bytes = field(repr=False)
    crate: Crate
    root: TreeFingerprint
    trust: TrustSet | None = None
    required: frozenset[ProofKind] = frozenset()

    def run(self, files: Mapping[CratePath, bytes]) -> Proofs:
        """Check proofs, by their paths. Raises InputError where required ones cannot be."""
        findings: list[Finding] = []
        if _RECEIPT not in files:
            findings.extend(
                Finding("receipt.missing", f"{iscc_id} is claimed: there is no receipt", None)
                for iscc_id in iscc_ids_of(self.crate)
            )
        if not has_trust():
            if self.required:
                require_trust()
            return Proofs(findings=tuple(findings), unchecked=bool(files))
        proofs: list[Proof] = []
        for path in sorted(files):
            try:
                if is_signature(path):
                    proofs.append(self._signature(path, files))
                elif path.endswith(TIMESTAMP_ENDING):
                    proofs.append(self._stamp(path, files))
                elif path == MINISIGN_FILE:
                    proofs.append(self._minisignature(path, files))
                elif path == _RECEIPT:
                    proofs.append(self._receipt(path, files))
            except ProofError as error:
                findings.append(Finding(error.kind, str(error), path))
        findings.extend(self._lacking(proofs))
        return Proofs(tuple(proofs), tuple(findings))

    def _signature(self, path: CratePath, files: Mapping[CratePath, bytes]) -> Proof:
        from crate_iscc.trust.credential import check_credential
        from crate_iscc.trust.standing import signer_standing
        from crate_iscc.trust.statement import STATEMENT_TYPE, contradictions

        signed = signed_of(self.metadata_name, self.metadata, self.crate, self.root, files)
        if signed is None:
            raise ProofError(
                "signature.stale", "the crate records no treehash that could be signed"
            )
        own = _did_document(files)
        try:
            credential = check_credential(
                files[path], STATEMENT_TYPE, (*self._documents(), *([own] if own else []))
            )
        except TrustError as error:
            raise ProofError("signature.invalid", str(error)) from error
        wrong = list(contradictions(credential.subject, signed))
        if wrong:
            raise ProofError("signature.stale", "; ".join(wrong))
        try:
            standing, who = signer_standing(credential.issuer, credential.key, self.trust)
        except TrustError as error:
            raise ProofError("signature.invalid", str(error)) from error
        return Proof(
            ProofKind.SIGNATURE, path, standing, who, str(credential.document.get("validFrom"))
        )

    def _minisignature(self, path: CratePath, files: Mapping[CratePath, bytes]) -> Proof:
        """Return whose signature of the metadata it is: it has no key, so one has to be trusted."""
        from crate_iscc.trust.minisign import check_minisignature, key_id, parse_minisignature

        trust = self.trust or TrustSet()
        try:
            signature = parse_minisignature(files[path])
        except TrustError as error:
            raise ProofError("signature.invalid", str(error)) from error
        named = {key_id(key): key for key in trust.keys} | dict(trust.minisign)
        key = named.get(signature.key_id)
        if key is None:
            shown = int.from_bytes(signature.key_id, "little")
            raise ProofError("signature.unchecked", f"its key is {shown:016X}, unknown here")
        try:
            check_minisignature(signature, self.metadata, key)
        except TrustError as error:
            raise ProofError("signature.stale", str(error)) from error
        who = f"{trust.keys[key]} (minisign)"
        return Proof(ProofKind.SIGNATURE, path, Standing.TRUSTED, who, signature.moment)

    def _receipt(self, path: CratePath, files: Mapping[CratePath, bytes]) -> Proof:
        return check_hub_receipt(path, files, self.crate, self.root, self.trust)

    def _documents(self) -> tuple[dict[str, Any], ...]:
        return tuple(map(dict, self.trust.documents.values())) if self.trust else ()

    def _stamp(self, path: CratePath, files: Mapping[CratePath, bytes]) -> Proof:
        from crate_iscc.trust.standing import stamp_standing
        from crate_iscc.trust.timestamps import check_stamp

        stamped = files.get(CratePath(path.removesuffix(TIMESTAMP_ENDING)))
        if stamped is None:
            raise ProofError("timestamp.invalid", "what it is a timestamp of is not there")
        roots = self.trust.roots if self.trust else {}
        try:
            stamp = check_stamp(files[path], stamped, roots)
        except TrustError as error:
            raise ProofError("timestamp.invalid", str(error)) from error
        if roots and stamp.root is None:
            message = f"no trusted root vouches for {stamp.authority}"
            raise ProofError("timestamp.untrusted", message)
        standing, who, moment = stamp_standing(stamp)
        return Proof(ProofKind.TIME, path, standing, who, moment)

    def _lacking(self, proofs: Collection[Proof]) -> Iterator[Finding]:
        """Yield what is required and not there, or not by anybody who is trusted."""
        if ProofKind.SIGNATURE in self.required:
            found = [proof for proof in proofs if proof.kind is ProofKind.SIGNATURE]
            trusted = [proof for proof in found if proof.standing is Standing.TRUSTED]
            if not found:
                yield Finding("signature.required", "no signature holds", None)
            elif self.trust and not trusted:
                yield Finding("signature.required", "nobody who is trusted has signed", None)
        if ProofKind.RECEIPT in self.required:
            yield from receipt_lacks(proofs, self.trust)
        if ProofKind.TIME in self.required:
            stamps = [proof for proof in proofs if proof.kind is ProofKind.TIME]
            if not any(proof.standing is Standing.TRUSTED for proof in stamps):
                why = (
                    "no timestamp is by an authority that is trusted" if stamps else "there is none"
                )
                yield Finding("timestamp.required", why, None)


def signed_of(
    metadata_name: str,
    metadata: bytes,
    crate: Crate,
    root: TreeFingerprint,
    files: Mapping[CratePath, bytes],
) -> "Signed | None":
    """Return what a signature of a crate says, None where the crate does not record it all."""
    from crate_iscc.trust.statement import Signed

    if root.treehash is None or root.iscc is None or root.files is None or root.size is None:
        return None
    return Signed(
        metadata_name,
        metadata,
        root.treehash,
        root.files,
        root.size,
        root.iscc.iscc(),
        iscc_id_of(crate),
        {path: raw for path, raw in files.items() if is_evidence(path)},
    )


def _did_document(files: Mapping[CratePath, bytes]) -> dict[str, Any] | None:
    """Return the DID document of the signer that the crate keeps, if that can be understood."""
    from crate_iscc.trust.strict_json import strict_json

    raw = files.get(proof_path(SIGNER_DOCUMENT_NAME))
    try:
        return strict_json(raw) if raw else None
    except TrustError:
        return None
