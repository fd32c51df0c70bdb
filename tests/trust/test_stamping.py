"""Timestamps by a real authority on the loopback; openssl is a second judge of every token."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.cli_kit import run
from crate_iscc import InputError, Report, Verdict, report_text, verify
from crate_iscc.errors import TrustError
from crate_iscc.proving.signing import sign
from crate_iscc.proving.stamping import stamp
from crate_iscc.report import ProofKind, Standing
from crate_iscc.trust.timestamps import check_stamp
from crate_iscc.trust.trust_set import TrustSet, trust_set
from trust.trust_kit import (
    ADA,
    MALLORY,
    SIGNATURE,
    TOKEN,
    Authority,
    judged_by_openssl,
    needs_openssl,
)
from verify.verify_kit import zip_of

pytestmark = needs_openssl
TRUST_FIXTURES = Path(__file__).parents[3] / "shared/fixtures/trust"


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def believing(authority: Authority) -> TrustSet:
    return trust_set({"good.pem": authority.root})


def test_a_stamped_signature_existed_by_then(signed: Path, authority: Authority) -> None:
    """The time is that of the authority; whose it is, the trust set says."""
    before = datetime.now(UTC) - timedelta(seconds=2)
    times = stamp(signed, authority.url)
    assert list(times) == [TOKEN]
    assert judged_by_openssl(signed / TOKEN, signed / SIGNATURE, authority.folder / "root.pem")

    alone = verify(signed)
    trusted = verify(signed, trust=believing(authority), required=[ProofKind.TIME])

    assert alone.verdict is trusted.verdict is Verdict.VALID
    (told,) = [proof for proof in trusted.proofs if proof.kind is ProofKind.TIME]
    assert told.standing is Standing.TRUSTED
    assert "vouched for by good" in told.who
    moment = datetime.strptime(told.moment[:20], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert before <= moment <= datetime.now(UTC)
    (unknown,) = [proof for proof in alone.proofs if proof.kind is ProofKind.TIME]
    assert unknown.standing is Standing.UNKNOWN
    assert "which nobody here vouches for" in report_text(alone)
    assert f"time: signature.json existed by {told.moment}, says CN=Good Time" in report_text(alone)


def test_a_zip_is_stamped_too(signed: Path, tmp_path: Path, authority: Authority) -> None:
    """The token is appended, and the crate verifies."""
    archive = zip_of(signed, tmp_path / "crate.zip")
    stamp(archive, authority.url)

    report = verify(archive, trust=believing(authority), required=[ProofKind.TIME])
    assert (report.verdict, ids(report)) == (Verdict.VALID, set())


def test_stamps_are_renewed_over_their_own_bytes(signed: Path, authority: Authority) -> None:
    """Before a certificate ends its token is stamped: what was proven in time stays so."""
    stamp(signed, authority.url)
    assert stamp(signed, authority.url) == {}
    times = stamp(signed, authority.url, renew=True)

    assert list(times) == [f"{TOKEN}.tsr"]
    assert judged_by_openssl(signed / f"{TOKEN}.tsr", signed / TOKEN, authority.folder / "root.pem")
    report = verify(signed, trust=believing(authority))
    assert [proof.path for proof in report.proofs if proof.kind is ProofKind.TIME] == [
        TOKEN,
        f"{TOKEN}.tsr",
    ]
    content = bytearray((signed / TOKEN).read_bytes())
    content[-1] ^= 1
    (signed / TOKEN).write_bytes(content)
    assert f"{TOKEN}.tsr" in {finding.path for finding in verify(signed).findings}


def test_there_is_nothing_to_stamp_without_a_signature(crate: Path, authority: Authority) -> None:
    """With what to do first."""
    with pytest.raises(InputError, match="no signature"):
        stamp(crate, authority.url)


# --- attacks -------------------------------------------------------------------------------------


def test_a_stamp_by_another_authority_is_not_believed(
    signed: Path, authority: Authority, tmp_path: Path
) -> None:
    """Also if it carries its own root inside."""
    evil = Authority(tmp_path / "evil")
    evil.found("Evil Time")
    evil.send_along((evil.folder / "root.pem").read_bytes())
    with evil.serving():
        stamp(signed, evil.url)

    report = verify(signed, trust=believing(authority))
    assert ids(report) == {"timestamp.untrusted"}
    assert report.verdict is Verdict.INVALID
    assert not judged_by_openssl(signed / TOKEN, signed / SIGNATURE, authority.folder / "root.pem")
    required = verify(signed, required=[ProofKind.TIME])
    assert ids(required) == {"timestamp.required"}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_certificates_in_any_order_are_read(signed: Path, tmp_path: Path, count: int) -> None:
    """An authority sends its own first; the token is kept as it came, and openssl takes it."""
    tall = Authority(tmp_path / "tall")
    tall.found("Tall Time")
    others = []
    for number in range(count):
        other = Authority(tmp_path / f"other{number}")
        other.found(f"Other {number}")
        others.append((other.folder / "root.pem").read_bytes())
    tall.send_along(b"".join(others))
    with tall.serving():
        stamp(signed, tall.url)

    report = verify(signed, trust=trust_set({"tall.pem": tall.root}), required=[ProofKind.TIME])

    assert (report.verdict, ids(report)) == (Verdict.VALID, set())
    (told,) = [proof for proof in report.proofs if proof.kind is ProofKind.TIME]
    assert told.who.startswith("CN=Tall Time")
    assert judged_by_openssl(signed / TOKEN, signed / SIGNATURE, tall.folder / "root.pem")


def test_a_stamp_of_another_signature_is_refused(signed: Path, authority: Authority) -> None:
    """The token is of other bytes."""
    stamp(signed, authority.url)
    sign(signed, MALLORY)
    shutil.copy(signed / TOKEN, signed / "iscc-proof/signature-2.json.tsr")

    for trust in (None, believing(authority)):
        assert ids(verify(signed, trust=trust)) == {"timestamp.invalid"}


def test_a_stamp_of_nothing_that_is_there_is_refused(signed: Path, authority: Authority) -> None:
    """A token has to be of a file beside it."""
    stamp(signed, authority.url)
    (signed / TOKEN).rename(signed / "iscc-proof/signature-9.json.tsr")

    assert ids(verify(signed)) == {"timestamp.invalid"}


def test_a_stamp_that_was_taken_away_is_missed_where_it_is_required(
    signed: Path, authority: Authority
) -> None:
    """Without --require nobody can know that there was one."""
    stamp(signed, authority.url)
    (signed / TOKEN).unlink()

    assert ids(verify(signed, trust=believing(authority))) == set()
    report = verify(signed, trust=believing(authority), required=[ProofKind.TIME])
    assert ids(report) == {"timestamp.required"}


def test_no_flipped_bit_changes_what_a_token_says(signed: Path, authority: Authority) -> None:
    """Each flip is refused, or is outside of what the authority signed: hash and time stay.

    Outside are numbers of versions and the name of the signature's algorithm: 77 bits in all.
    """
    stamp(signed, authority.url)
    token, raw = (signed / TOKEN).read_bytes(), (signed / SIGNATURE).read_bytes()
    roots = {"good": authority.root}
    expected = check_stamp(token, raw, roots)
    believed = 0
    for position in range(0, 8 * len(token), 7):
        content = bytearray(token)
        content[position // 8] ^= 1 << position % 8
        try:
            told = check_stamp(bytes(content), raw, roots)
        except TrustError:
            continue
        if told.root:
            believed += 1
            assert (told.time, told.accuracy) == (expected.time, expected.accuracy)
    assert believed <= 77 // 7 + 1


@pytest.mark.parametrize(
    "answer",
    [500, 302, 404, b"", b"<html>", b"0" * (2 << 20)],
    ids=["500", "302", "404", "empty", "html", "too much"],
)
def test_an_authority_that_fails_leaves_nothing(
    signed: Path, authority: Authority, answer: bytes | int
) -> None:
    """One clear error, no file, and nobody else is asked."""
    authority.answers.append(answer)

    with pytest.raises(TrustError):
        stamp(signed, authority.url)
    assert not (signed / TOKEN).exists()


def test_an_old_answer_is_refused(signed: Path, authority: Authority) -> None:
    """The nonce of the request has to come back."""
    stamp(signed, authority.url)
    authority.answers.append((signed / TOKEN).read_bytes())
    (signed / TOKEN).unlink()

    with pytest.raises(TrustError, match="another request"):
        stamp(signed, authority.url)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/", "nonsense", "http://"])
def test_only_http_is_asked(signed: Path, url: str) -> None:
    """An address of anything else is no authority's."""
    with pytest.raises(InputError):
        stamp(signed, url)


def test_an_authority_that_is_down_is_told(signed: Path) -> None:
    """One line, and no file."""
    ended = run("stamp", signed, "--tsa", "http://127.0.0.1:9/tsr")

    assert ended.code == 2
    assert "cannot be reached" in ended.err
    assert "Traceback" not in ended.err


def test_the_command_line_stamps(signed: Path, authority: Authority, tmp_path: Path) -> None:
    """stamp, then verify with the root in the trust folder."""
    ended = run("stamp", signed, "--tsa", authority.url)
    assert ended.code == 0
    assert ended.out.startswith(f"{TOKEN}: existed by ")
    trust = tmp_path / "trust"
    trust.mkdir()
    (trust / "Good Time.pem").write_bytes(authority.root)
    (trust / "ada.pub").write_text(ADA.public)

    checked = run("verify", signed, "--trust", trust, "--require", "signature,timestamp")

    assert checked.code == 0
    assert "time: signature.json existed by " in checked.out


@pytest.mark.skipif(not TRUST_FIXTURES.is_dir(), reason="the recorded tokens are not here")
def test_a_forged_token_with_its_own_root_is_not_believed() -> None:
    """Recorded tokens: the good one holds by its root, the forged one by nobody's."""
    raw = b"crate signature bytes"
    good = (TRUST_FIXTURES / "good-root.pem").read_bytes()
    assert check_stamp((TRUST_FIXTURES / "good.tsr").read_bytes(), raw, {"good": good}).root
    forged = (TRUST_FIXTURES / "evil2.tsr").read_bytes()
    assert check_stamp(forged, raw, {"good": good}).root is None


def test_openssl_reads_the_token(signed: Path, authority: Authority) -> None:
    """Whoever checks in ten years needs nothing of ours."""
    stamp(signed, authority.url)
    shown = subprocess.run(
        ["openssl", "ts", "-reply", "-in", signed / TOKEN, "-text"],
        capture_output=True,
        check=True,
    ).stdout
    assert b"Status: Granted" in shown
