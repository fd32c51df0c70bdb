"""Signatures of logs: they cover the records that were there, and tell what no chain can."""

import json
import shutil
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cli.cli_kit import error_of, run
from crate_iscc import InputError
from crate_iscc.audit import Audit
from crate_iscc.auditing.log import append
from crate_iscc.auditing.proofs import LOG_STATEMENT_TYPE, audit, sign_log, stamp_log
from crate_iscc.errors import TrustError
from crate_iscc.report import ProofKind, Standing
from crate_iscc.trust.keys import key_file
from crate_iscc.trust.signing import signed_credential
from crate_iscc.trust.statement import credential_of
from crate_iscc.trust.trust_set import TrustSet, trust_set
from trust.audit_kit import anew, forged, log_of, report_on, written
from trust.trust_kit import ADA, MALLORY, Authority, judged_by_openssl, needs_openssl

NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
BELIEVE_ADA = TrustSet(keys={ADA.public: "ada"})
LOG = log_of("abcdef")
SIGNATURE = "log.signature.json"
BOTH = frozenset({ProofKind.SIGNATURE, ProofKind.TIME})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Make a log of six records, of which Ada has signed the first four."""
    place = written(tmp_path / "log", LOG[:4])
    sign_log(place, ADA, NOW)
    return written(place, LOG)


def ids(found: Audit) -> list[str]:
    return [finding.id for finding in found.findings]


def edited(place: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(place.read_text())
    change(document)
    place.write_text(json.dumps(document))


def test_records_behind_a_signature_are_told_from_those_that_it_covers(log: Path) -> None:
    """It covers the first four of six, whoever verifies; trust says whose it is."""
    alone, trusted = audit(log), audit(log, trust=BELIEVE_ADA)

    assert ids(alone) == ids(trusted) == []
    assert [(one.records, one.proof.standing) for one in alone.proofs] == [(4, Standing.UNKNOWN)]
    assert [(one.records, one.proof.standing) for one in trusted.proofs] == [(4, Standing.TRUSTED)]
    assert (alone.vouched, trusted.vouched) == (0, 4)


def test_what_is_covered_is_told_in_words(log: Path, tmp_path: Path) -> None:
    """The text names the signer, the records and what is still not told."""
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "Ada.pub").write_text(ADA.public)
    shown = run("audit", log, "--trust", trust)
    value = json.loads(run("audit", log, "--trust", trust, "--format", "json").out)

    assert shown.code == 0
    assert f"signature: by Ada ({ADA.issuer}); they say on 2026-11-27T12:00:00Z; " in shown.out
    assert "it covers the first 4 records, 2 were added since" in shown.out
    assert "no chain tells: whether records after 4 were cut off at its end" in shown.out
    assert (value["vouched"], value["proofs"][0]["records"]) == (4, 4)
    assert run("audit", log).lines[-1].endswith("signer unknown")


def test_a_log_is_signed_by_command(crate: Path, tmp_path: Path) -> None:
    """One record was added behind the signature: verify, audit --sign, verify."""
    key = tmp_path / "ada.pem"
    key.write_bytes(key_file(ADA))
    key.chmod(0o600)
    for _ in range(2):
        run("verify", crate, "--log", "log", cwd=tmp_path)
    signed = run("audit", "log", "--sign", key, cwd=tmp_path)
    run("verify", crate, "--log", "log", cwd=tmp_path)

    assert signed.code == 0
    assert "it covers every record" in signed.out
    assert ADA.public not in (tmp_path / "log").read_text()
    found = audit(tmp_path / "log", trust=BELIEVE_ADA)
    assert (ids(found), found.vouched, found.extent.records) == ([], 2, 3)


def test_a_log_is_audited_offline(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket is opened, whatever lies beside the log."""

    def refuse(*_arguments: object, **_more: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    assert audit(log, trust=BELIEVE_ADA).vouched == 4


def test_several_sign_side_by_side(log: Path) -> None:
    """A later signature covers more, and the first one stays."""
    path, extent = sign_log(log, MALLORY, NOW)

    assert (path.name, extent.records) == ("log.signature-2.json", 6)
    found = audit(log, trust=BELIEVE_ADA)
    assert [one.records for one in found.proofs] == [4, 6]
    assert (ids(found), found.vouched) == ([], 4)


def test_a_log_keeps_its_signatures_under_another_name(log: Path, tmp_path: Path) -> None:
    """The name of a log is none of a signature's business; it goes with its files."""
    shutil.copy(log, tmp_path / "other")
    shutil.copy(tmp_path / SIGNATURE, tmp_path / "other.signature.json")

    assert audit(tmp_path / "other", trust=BELIEVE_ADA).vouched == 4


ATTACKS: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "records cut off at the end, of those signed": (
        lambda log: written(log, LOG[:3]), ["log.stale"]),
    "all records cut off": (lambda log: written(log, []), ["log.stale"]),
    "written anew": (lambda log: written(log, anew([*LOG[:2], *LOG[3:]])), ["log.stale"]),
    "the last signed record changed, and all linked again": (
        lambda log: written(log, anew([*LOG[:3], forged(LOG[3], crate="z"), *LOG[4:]])),
        ["log.stale"]),
    "another log": (lambda log: written(log, log_of("uvwxyz")), ["log.stale"]),
    "a signed record changed": (
        lambda log: written(log, [LOG[0], LOG[1].replace(b'"b"', b'"x"'), *LOG[2:]]),
        ["log.changed", "log.stale"]),
    "a later record changed": (
        lambda log: written(log, [*LOG[:5], LOG[5].replace(b'"f"', b'"x"')]), ["log.changed"]),
    "the signature cut": (
        lambda log: log.with_name(SIGNATURE).write_bytes(b'{"a'), ["log.signature"]),
    "the signature says more records": (
        lambda log: edited(log.with_name(SIGNATURE),
                           lambda d: d["credentialSubject"]["auditLog"].update(records=5)),
        ["log.signature"]),
    "somebody else named as the issuer": (
        lambda log: edited(log.with_name(SIGNATURE), lambda d: d.update(issuer=MALLORY.issuer)),
        ["log.signature"]),
    "the signature a folder": (
        lambda log: _folder(log.with_name(SIGNATURE)),
        ["log.signature"]),
    "the signature without end": (
        lambda log: log.with_name(SIGNATURE).write_bytes(b" " * (2 << 20)), ["log.signature"]),
    "a number of records that is none": (
        lambda log: log.with_name(SIGNATURE).write_bytes(
            _by(MALLORY, {"auditLog": {"records": "4"}})), ["log.signature"]),
    "fewer records than none": (
        lambda log: log.with_name(SIGNATURE).write_bytes(
            _by(MALLORY, {"auditLog": {"records": -1}})), ["log.stale"]),
    "a statement of another kind": (
        lambda log: log.with_name(SIGNATURE).write_bytes(
            signed_credential(credential_of("OtherCredential", {}, ADA.issuer, "2026"), ADA)),
        ["log.signature"]),
    "a token that is none": (
        lambda log: log.with_name(SIGNATURE + ".tsr").write_bytes(b"0"), ["timestamp.invalid"]),
}  # fmt: skip


def _folder(place: Path) -> None:
    place.unlink()
    place.mkdir()


def _by(key: Any, subject: dict[str, Any]) -> bytes:
    return signed_credential(
        credential_of(LOG_STATEMENT_TYPE, subject, key.issuer, "2026-11-27T12:00:00Z"), key
    )


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_is_done_to_a_signed_log_is_named(attack: str, log: Path) -> None:
    """What a chain alone cannot tell, a signature does; none of it counts as vouched for."""
    change, expected = ATTACKS[attack]
    change(log)

    found = audit(log, trust=BELIEVE_ADA)

    assert ids(found) == expected
    assert found.vouched == (4 if expected in (["log.changed"], ["timestamp.invalid"]) else 0)
    shown = run("audit", log)
    assert shown.code == 1
    with pytest.raises(TrustError, match="was not signed"):
        sign_log(log, MALLORY, NOW)


def test_a_signature_of_a_crate_is_none_of_a_log(signed: Path, log: Path) -> None:
    """It is a credential of another type."""
    shutil.copy(signed / "iscc-proof/signature.json", log.with_name(SIGNATURE))

    assert ids(audit(log, trust=BELIEVE_ADA)) == ["log.signature"]


def test_a_signature_of_a_log_is_none_of_a_crate(signed: Path, log: Path) -> None:
    """Nor the other way round."""
    shutil.copy(log.with_name(SIGNATURE), signed / "iscc-proof/signature.json")
    shown = run("verify", signed)

    assert shown.code == 1
    assert "not a credential of the type" in shown.out


def test_records_may_come_behind_a_signature(log: Path) -> None:
    """Signed or not, a log is added to."""
    append(log, report_on("g"), NOW)

    assert (audit(log, trust=BELIEVE_ADA).vouched, audit(log).extent.records) == (4, 7)


def test_what_is_required_has_to_be_there(log: Path) -> None:
    """A signature that was taken away, or is a stranger's, and a time that nobody vouches for."""
    assert ids(audit(log, trust=BELIEVE_ADA, required=BOTH)) == ["timestamp.required"]
    stranger = TrustSet(keys={MALLORY.public: "mallory"})
    signature = frozenset({ProofKind.SIGNATURE})
    assert ids(audit(log, trust=stranger, required=signature)) == ["signature.required"]
    assert ids(audit(log, required=signature)) == []
    log.with_name(SIGNATURE).unlink()
    assert ids(audit(log, required=signature)) == ["signature.required"]
    assert run("audit", log, "--require", "signature").code == 1
    assert run("audit", log).code == 0


def test_a_log_in_a_folder_that_cannot_be_written_is_not_signed(tmp_path: Path) -> None:
    """There is nothing to sign where there is no log."""
    with pytest.raises(InputError, match="there is no log"):
        sign_log(tmp_path / "nowhere", ADA, NOW)
    with pytest.raises(InputError, match="no signature beside"):
        stamp_log(written(tmp_path / "log", LOG), "http://127.0.0.1:9/")
    shown = run("audit", tmp_path / "log", "--sign", tmp_path / "no-key")
    assert shown.code == 2
    error_of(shown)


@needs_openssl
def test_a_stamped_log_existed_by_then(log: Path, authority: Authority) -> None:
    """The token is of the signature, as for crates; openssl judges it too."""
    times = stamp_log(log, authority.url)
    token = log.with_name(SIGNATURE + ".tsr")
    root = authority.folder / "root.pem"

    assert list(times) == [token]
    assert stamp_log(log, authority.url) == {}
    assert judged_by_openssl(token, log.with_name(SIGNATURE), root)
    believing = trust_set({"good.pem": authority.root})
    found = audit(log, trust=believing, required=frozenset({ProofKind.TIME}))
    assert (ids(found), found.vouched) == ([], 4)
    assert [one.proof.kind for one in found.proofs] == [ProofKind.SIGNATURE, ProofKind.TIME]
    alone = run("audit", log)
    assert alone.code == 0
    assert f"time: {SIGNATURE} existed by " in alone.out
    assert "which nobody here vouches for" in alone.out


@needs_openssl
def test_a_token_of_other_bytes_or_by_a_stranger_is_named(
    log: Path, authority: Authority, tmp_path: Path
) -> None:
    """A token goes with one signature, and a root of its own inside it proves nothing."""
    stamp_log(log, authority.url)
    other = Authority(tmp_path / "other-tsa")
    other.found("Other Time")
    stranger = trust_set({"other.pem": other.root})

    assert ids(audit(log, trust=stranger)) == ["timestamp.untrusted"]
    document = json.loads(log.with_name(SIGNATURE).read_text())
    log.with_name(SIGNATURE).write_text(json.dumps(document))  # other bytes of the same words
    assert ids(audit(log)) == ["timestamp.invalid"]


@needs_openssl
def test_a_log_is_signed_and_stamped_in_one_go(
    tmp_path: Path, authority: Authority, crate: Path
) -> None:
    """The new signature is stamped, and an answer that is none leaves a signature alone."""
    key = tmp_path / "ada.pem"
    key.write_bytes(key_file(ADA))
    key.chmod(0o600)
    run("verify", crate, "--log", "log", cwd=tmp_path)
    authority.answers.append(b"nothing")
    failed = run("audit", "log", "--sign", key, "--tsa", authority.url, cwd=tmp_path)
    done = run("audit", "log", "--tsa", authority.url, cwd=tmp_path)

    assert failed.code == 2
    error_of(run("audit", "log", "--tsa", "ftp://x", "--sign", "nokey", cwd=tmp_path))
    assert done.code == 0
    assert (tmp_path / "log.signature.json.tsr").exists()
