"""Signs logs and has them stamped; says what the signatures beside a log are worth."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crate_iscc.audit import Audit, Extent, LogProof
from crate_iscc.auditing.log import read_chain
from crate_iscc.errors import InputError, ReadError, TrustError, WriteError
from crate_iscc.paths import TIMESTAMP_ENDING, CratePath, printable, signature_names, valid_unicode
from crate_iscc.replacing import replacing
from crate_iscc.report import Finding, Proof, ProofKind, Standing
from crate_iscc.trust import has_trust, require_trust
from crate_iscc.trust.trust_set import TrustSet

if TYPE_CHECKING:
    from crate_iscc.trust.keys import SigningKey

LOG_STATEMENT_TYPE = "AuditLogCredential"
_LARGEST_PROOF = 1 << 20


def audit(
    place: Path, *, trust: TrustSet | None = None, required: frozenset[ProofKind] = frozenset()
) -> Audit:
    """Follow the chain of a log, and check the signatures and timestamps that lie beside it.

    Raises InputError where there is no log, or nothing in it or beside it, ReadError where it
    cannot be read.
    """
    signatures = _signatures(place)
    if required:
        require_trust()
    check = _Check(place, trust) if has_trust() else None
    stated = {path: check.statement(path) for path in signatures} if check else {}
    chain = read_chain(place, [each["records"] for each in stated.values() if each])
    if not chain.extent.records and not signatures:
        raise InputError(f"there is no record in {printable(str(place))}")
    findings = [chain.problem] if chain.problem else []
    proofs: tuple[LogProof, ...] = ()
    if check:
        for path, subject in stated.items():
            if subject:
                check.compare(path, subject, chain.noted, chain.extent)
        findings.extend((*check.findings, *_lacking(check.proofs, required, trust)))
        proofs = tuple(check.proofs)
    return Audit(
        log=valid_unicode(str(place)),
        extent=chain.extent,
        first=chain.first,
        last=chain.last,
        verdicts=tuple(sorted(chain.verdicts.items())),
        findings=tuple(findings),
        proofs=proofs,
        unchecked=bool(signatures) and check is None,
    )


def sign_log(place: Path, key: "SigningKey", now: datetime) -> tuple[Path, Extent]:
    """Sign a log as it is, beside any signature that is there; return where, and how much of it.

    Raises TrustError for a log that is not whole, or not as it was signed before.
    """
    require_trust()
    from crate_iscc.trust.credential import check_credential
    from crate_iscc.trust.signing import signed_credential
    from crate_iscc.trust.statement import credential_of

    found = audit(place)
    if found.findings:
        raise TrustError(
            f"{printable(str(place))} is not as it was written, and was not signed",
            hint=f"see what is wrong: crate-iscc audit {printable(str(place))}",
        )
    extent = found.extent
    moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    subject = {"auditLog": _extent_json(extent)}
    raw = signed_credential(credential_of(LOG_STATEMENT_TYPE, subject, key.issuer, moment), key)
    if check_credential(raw, LOG_STATEMENT_TYPE).key != key.public:
        raise TrustError("the signature does not hold, nothing was written")
    path = next(p for p in (_beside(place, name) for name in signature_names()) if not p.exists())
    _write(path, raw)
    return path, extent


def stamp_log(place: Path, authority: str) -> dict[Path, str]:
    """Have each signature of a log stamped that has no timestamp; return the tokens' times.

    Raises InputError where there is no signature, TrustError where the authority does not answer
    rightly.
    """
    require_trust()
    from crate_iscc.trust.authority import new_stamp

    signatures = _signatures(place)
    if not signatures:
        raise InputError(
            f"there is no signature beside {printable(str(place))}",
            cause="a timestamp is of a signature",
            hint="sign it first, with --sign",
        )
    times: dict[Path, str] = {}
    for path in signatures:
        token_path = path.with_name(path.name + TIMESTAMP_ENDING)
        if not token_path.exists():
            token, told = new_stamp(authority, _read(path))
            _write(token_path, token)
            times[token_path] = told.time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return times


class _Check:
    """Checks the proofs beside one log."""

    def __init__(self, place: Path, trust: TrustSet | None) -> None:
        self.proofs: list[LogProof] = []
        self.findings: list[Finding] = []
        self._place = place
        self._trust = trust
        self._credentials: dict[Path, tuple[Standing, str, str]] = {}

    def statement(self, path: Path) -> dict[str, Any] | None:
        """Return what a signature says of a log, None where it does not hold, which is noted."""
        from crate_iscc.trust.credential import check_credential
        from crate_iscc.trust.standing import signer_standing

        documents = tuple(map(dict, self._trust.documents.values())) if self._trust else ()
        try:
            credential = check_credential(_read(path), LOG_STATEMENT_TYPE, documents)
            standing, who = signer_standing(credential.issuer, credential.key, self._trust)
            subject = _signed_extent(credential.subject)
        except (TrustError, ReadError) as error:
            self._note("log.signature", path, str(error))
            return None
        self._credentials[path] = standing, who, str(credential.document.get("validFrom"))
        return subject

    def compare(
        self, path: Path, subject: dict[str, Any], noted: dict[int, Extent], whole: Extent
    ) -> None:
        """Hold what was signed against the log, and take the signature and its timestamps."""
        records = subject["records"]
        if records > whole.records:
            gone = f"{records} records were signed, {whole.records} are there"
            self._note("log.stale", path, gone)
            return
        if records not in noted or _extent_json(noted[records]) != subject:
            self._note("log.stale", path, f"the first {records} records are not the signed ones")
            return
        standing, who, moment = self._credentials[path]
        signature = Proof(ProofKind.SIGNATURE, _name(path), standing, who, moment)
        self.proofs.append(LogProof(signature, records))
        self._take_stamps(path, records)

    def _take_stamps(self, stamped: Path, records: int) -> None:
        from crate_iscc.trust.standing import stamp_standing
        from crate_iscc.trust.timestamps import check_stamp

        roots = self._trust.roots if self._trust else {}
        while (path := stamped.with_name(stamped.name + TIMESTAMP_ENDING)).exists():
            try:
                stamp = check_stamp(_read(path), _read(stamped), roots)
            except (TrustError, ReadError) as error:
                self._note("timestamp.invalid", path, str(error))
                return
            if roots and stamp.root is None:
                message = f"no trusted root vouches for {stamp.authority}"
                self._note("timestamp.untrusted", path, message)
                return
            standing, who, moment = stamp_standing(stamp)
            proof = Proof(ProofKind.TIME, _name(path), standing, who, moment)
            self.proofs.append(LogProof(proof, records))
            stamped = path

    def _note(self, kind: str, path: Path, message: str) -> None:
        self.findings.append(Finding(kind, message, _name(path)))


def _lacking(
    proofs: list[LogProof], required: frozenset[ProofKind], trust: TrustSet | None
) -> Iterator[Finding]:
    """Yield what is required and not there, or not by anybody who is trusted."""
    for kind, finding in (
        (ProofKind.SIGNATURE, "signature.required"),
        (ProofKind.TIME, "timestamp.required"),
    ):
        if kind not in required:
            continue
        found = [one.proof.standing for one in proofs if one.proof.kind is kind]
        needs_trusted = trust is not None or kind is ProofKind.TIME
        if not found:
            yield Finding(finding, "there is none beside the log that holds")
        elif needs_trusted and Standing.TRUSTED not in found:
            yield Finding(finding, "none is by anybody who is trusted")


def _signed_extent(subject: Mapping[str, Any]) -> dict[str, Any]:
    extent = subject.get("auditLog")
    if not isinstance(extent, dict) or type(extent.get("records")) is not int:
        raise TrustError("it does not say what of a log is signed")
    return extent


def _extent_json(extent: Extent) -> dict[str, Any]:
    return {
        "records": extent.records,
        "size": extent.size,
        "sha256": extent.sha256,
        "head": extent.head,
    }


def _signatures(place: Path) -> list[Path]:
    """Return the signatures beside a log, in their order."""
    pattern = re.compile(re.escape(place.name) + r"\.signature(?:-([1-9][0-9]{0,3}))?\.json")
    found: dict[int, Path] = {}
    with suppress(OSError):
        for path in place.parent.iterdir():
            match = pattern.fullmatch(path.name)
            if match:
                found[int(match[1] or 1)] = path
    return [found[number] for number in sorted(found)]


def _beside(place: Path, ending: str) -> Path:
    return place.with_name(f"{place.name}.{ending}")


def _name(path: Path) -> CratePath:
    return CratePath(valid_unicode(path.name))


def _read(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ReadError(f"cannot read {printable(str(path))}", cause="it is no file")
        with path.open("rb") as file:
            raw = file.read(_LARGEST_PROOF + 1)
    except OSError as error:
        raise ReadError(f"cannot read {printable(str(path))}", cause=error.strerror) from error
    if len(raw) > _LARGEST_PROOF:
        raise ReadError(f"cannot read {printable(str(path))}", cause="it is larger than any proof")
    return raw


def _write(path: Path, content: bytes) -> None:
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise WriteError(f"cannot write {printable(str(path))}", cause=error.strerror) from error
