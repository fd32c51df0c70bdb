"""Signs a crate: after it was verified, and only what was."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from crate_iscc.crate.record import recorded
from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError, TrustError
from crate_iscc.metadata import read_metadata
from crate_iscc.paths import (
    MINISIGN_FILE,
    SIGNER_DOCUMENT_NAME,
    CratePath,
    printable,
    proof_path,
    signature_names,
)
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.proving.writing import add_files, can_be_added_to
from crate_iscc.render.report import only_proofs_fail
from crate_iscc.report import Verdict
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_local, require_local
from crate_iscc.sources.zip import ZipTree
from crate_iscc.trust import require_trust
from crate_iscc.verifying.proofs import proof_entries, proof_files, signed_of
from crate_iscc.verifying.verification import verify

if TYPE_CHECKING:
    from crate_iscc.trust.keys import SigningKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature that was made: where it lies, by whom, and of which treehash."""

    path: CratePath
    issuer: str
    treehash: str
    written: tuple[CratePath, ...]


def sign(
    source: str | Path,
    key: "SigningKey",
    *,
    did_document: bytes | None = None,
    minisign: bool = False,
    now: datetime | None = None,
    jobs: int | None = None,
    progress: ProgressSink = nobody,
) -> Signature:
    """Sign a crate in a directory or a zip, beside any signature that is there.

    The crate is verified first: whoever signs stands for what is there. A key that signs for a
    did:web needs the DID document in which it stands; it is kept beside the signature, and signed.

    Raises TrustError where the crate is not as recorded, or key and document do not belong
    together, InputError where it records no treehash, WriteError where nothing can be written.
    """
    require_trust()
    from crate_iscc.trust.credential import check_credential
    from crate_iscc.trust.minisign import minisignature
    from crate_iscc.trust.signing import signed_credential
    from crate_iscc.trust.statement import STATEMENT_TYPE, contradictions, statement
    from crate_iscc.trust.strict_json import strict_json

    moment = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    require_local(source)
    _require_valid(source, jobs, progress)
    with open_local(source, crc=False) as opened:
        tree = can_be_added_to(opened)
        listing = tree.listing()
        metadata = read_metadata(tree, listing)
        crate = Crate.parse(metadata.raw)
        files = proof_files(tree, proof_entries(listing.entries))
        added: dict[CratePath, bytes] = {}
        if did_document is not None:
            added[proof_path(SIGNER_DOCUMENT_NAME)] = did_document
        signed = signed_of(
            metadata.name, metadata.raw, crate, recorded(crate).manifest.root, files | added
        )
        if signed is None:
            raise InputError(
                f"{printable(str(source))} records no treehash to be signed",
                hint="build it first: crate-iscc build",
            )
        path = _free_name(files)
        raw = signed_credential(statement(signed, key.issuer, moment), key)
        documents = [strict_json(did_document)] if did_document else []
        credential = check_credential(raw, STATEMENT_TYPE, documents)
        if credential.key != key.public or list(contradictions(credential.subject, signed)):
            raise TrustError("the signature does not hold, nothing was written")
        added[path] = raw
        if minisign:
            comment = f"timestamp:{moment} file:{metadata.name} treehash:{signed.treehash} hashed"
            added[MINISIGN_FILE] = minisignature(metadata.raw, key, comment)
        added = _not_there(added, files, tree, key)
        add_files(tree, added)
    return Signature(path=path, issuer=key.issuer, treehash=signed.treehash, written=tuple(added))


def _not_there(
    added: Mapping[CratePath, bytes],
    files: Mapping[CratePath, bytes],
    tree: DirectoryTree | ZipTree,
    key: "SigningKey",
) -> dict[CratePath, bytes]:
    """Return what is still to be written. Raises InputError where another file has its place.

    A minisign signature has one name, so the signer's own one of before makes way for it; that of
    somebody else does not, nor does a member of a zip.
    """
    from crate_iscc.trust.minisign import is_by

    for path, content in added.items():
        there = files.get(path, content)
        own = path == MINISIGN_FILE and isinstance(tree, DirectoryTree) and is_by(key.public, there)
        if there != content and not own:
            raise InputError(
                f"there is another {path} already, nothing was written",
                cause="there is room for one, and what others wrote is not overwritten",
                hint="move it elsewhere, if it does not count any more",
            )
    return {path: content for path, content in added.items() if files.get(path) != content}


def _require_valid(source: str | Path, jobs: int | None, progress: ProgressSink) -> None:
    """Raise TrustError unless the payload is as recorded, and a receipt is the crate's own.

    A receipt would be signed, too; stale signatures are no hindrance.
    """
    report = verify(source, jobs=jobs, progress=progress)
    problems = [f for f in report.findings if not f.id.startswith(("signature.", "timestamp."))]
    without_signatures = replace(report, findings=tuple(problems))
    if without_signatures.verdict is not Verdict.VALID:
        what = "is not as recorded"
        invalid = without_signatures.verdict is Verdict.INVALID
        if invalid and only_proofs_fail(without_signatures):
            what = "has a receipt that does not hold"
        raise TrustError(
            f"{printable(str(source))} {what}, and was not signed",
            hint="see what is wrong: crate-iscc verify",
        )
    if "treehash" not in report.checked:
        raise InputError(
            f"{printable(str(source))} records no treehash to be signed",
            hint="build it first: crate-iscc build",
        )


def _free_name(files: Mapping[CratePath, bytes]) -> CratePath:
    return next(path for path in map(proof_path, signature_names()) if path not in files)
