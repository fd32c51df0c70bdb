"""Signatures of the metadata as the .eln file format has them: minisign is the second judge."""

import base64
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from crate_iscc import build, verify
from crate_iscc.errors import InputError, TrustError
from crate_iscc.proving.signing import sign
from crate_iscc.report import ProofKind, Report, Standing, Verdict
from crate_iscc.trust.minisign import check_minisignature, minisign_public_key, parse_minisignature
from crate_iscc.trust.trust_set import TrustSet, trust_set
from trust.trust_kit import ADA, MALLORY, SIGNATURE
from verify.verify_kit import METADATA, zip_of

MINISIG = f"{METADATA}.minisig"
WANTED = frozenset({ProofKind.SIGNATURE})
BELIEVE_ADA = TrustSet(keys={ADA.public: "ada"})
pytestmark = pytest.mark.skipif(not shutil.which("minisign"), reason="there is no minisign")


def minisign(folder: Path, *arguments: str) -> int:
    """Run minisign in a folder, and return what it exits with."""
    command = ["minisign", *arguments]
    return subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False
    ).returncode


def ids(report: Report) -> set[str]:
    """Return the ids of a report's findings."""
    return {finding.id for finding in report.findings}


@pytest.fixture(params=["hashed", "whole"])
def grace(crate: Path, tmp_path: Path, request: pytest.FixtureRequest) -> TrustSet:
    """Have minisign sign the crate with a key of its own, and return who trusts that."""
    assert minisign(tmp_path, "-G", "-W", "-p", "grace.pub", "-s", "grace.key") == 0
    old = ["-l"] if request.param == "whole" else []
    assert minisign(tmp_path, "-S", *old, "-s", "grace.key", "-m", str(crate / METADATA)) == 0
    assert parse_minisignature((crate / MINISIG).read_bytes()).hashed is (request.param == "hashed")
    return trust_set({"grace.pub": (tmp_path / "grace.pub").read_bytes()})


def test_a_signature_by_minisign_is_checked(crate: Path, grace: TrustSet) -> None:
    """With its public key in the trust folder it counts like any other signature."""
    report = verify(crate, trust=grace, required=WANTED)

    assert report.verdict is Verdict.VALID
    (proof,) = report.proofs
    assert (proof.path, proof.standing) == (MINISIG, Standing.TRUSTED)
    assert proof.who == "grace (minisign)"
    assert proof.moment.startswith("20")
    assert proof.moment.endswith("Z")


def test_a_signature_in_a_zip_is_checked(crate: Path, grace: TrustSet, tmp_path: Path) -> None:
    """The folder that an .eln file has around it makes no difference."""
    assert verify(zip_of(crate, tmp_path / "a.zip"), trust=grace).proofs
    with zipfile.ZipFile(tmp_path / "a.eln", "w") as file:
        for path in crate.rglob("*"):
            file.write(path, f"study/{path.relative_to(crate)}")
    assert verify(tmp_path / "a.eln", trust=grace, required=WANTED).proofs


def test_a_signature_by_nobody_known_is_not_checked(crate: Path, grace: TrustSet) -> None:
    """It carries no key, so that nothing can be said of it; a required one is missing."""
    for trust in (None, BELIEVE_ADA):
        report = verify(crate, trust=trust)
        assert (report.verdict, report.proofs) == (Verdict.VALID, ())
        assert ids(report) == {"signature.unchecked"}
    assert "signature.required" in ids(verify(crate, trust=BELIEVE_ADA, required=WANTED))
    assert verify(crate, trust=grace).proofs


def test_metadata_that_changed_are_told(crate: Path, grace: TrustSet) -> None:
    """The signature is of the metadata file as it was."""
    with (crate / METADATA).open("ab") as file:
        file.write(b" ")
    report = verify(crate, trust=grace)
    assert (report.verdict, ids(report)) == (Verdict.INVALID, {"signature.stale"})


def test_a_build_says_that_it_makes_a_signature_stale(crate: Path, grace: TrustSet) -> None:
    """Whatever changes the metadata, and keeps what others wrote beside them."""
    (crate / "b.txt").write_bytes(b"other")
    made = build(crate)
    assert [note.path for note in made.notes if note.id == "build.stale-signature"] == [MINISIG]
    assert "signature.stale" in ids(verify(crate, trust=grace))


def test_every_bit_of_what_is_signed_counts(crate: Path, grace: TrustSet) -> None:
    """All but the comment that says itself that nobody should trust it."""
    whole, metadata = (crate / MINISIG).read_bytes(), (crate / METADATA).read_bytes()
    ((named, key),) = grace.minisign.items()
    check_minisignature(parse_minisignature(whole), metadata, key)
    for position in range(whole.index(b"\n") + 1, len(whole) - 1):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            try:
                signature = parse_minisignature(bytes(flipped))
            except TrustError:
                continue
            if signature.key_id == named:
                with pytest.raises(TrustError):
                    check_minisignature(signature, metadata, key)


def test_ours_is_taken_by_minisign_and_by_us(crate: Path) -> None:
    """`sign --minisign` writes what others read, and its key is the one of the trust folder."""
    sign(crate, ADA, minisign=True)
    key = minisign_public_key(ADA.public)
    assert len(base64.b64decode(key)) == 42
    assert minisign(crate, "-V", "-m", METADATA, "-P", key) == 0

    report = verify(crate, trust=BELIEVE_ADA)
    assert [(proof.path, proof.who) for proof in report.proofs] == [
        (SIGNATURE, f"ada ({ADA.issuer})"),
        (MINISIG, "ada (minisign)"),
    ]
    assert trust_set({"ada.pub": key.encode("ascii")}).keys == {ADA.public: "ada"}
    with (crate / METADATA).open("ab") as file:
        file.write(b" ")
    assert minisign(crate, "-V", "-m", METADATA, "-P", key) != 0
    stale = [f.path for f in verify(crate, trust=BELIEVE_ADA).findings if "stale" in f.id]
    assert stale == [SIGNATURE, MINISIG]


def test_a_signature_of_somebody_else_is_not_overwritten(crate: Path, grace: TrustSet) -> None:
    """The format has room for one: nothing is written then, not even beside it."""
    theirs = (crate / MINISIG).read_bytes()
    with pytest.raises(InputError, match="there is another"):
        sign(crate, ADA, minisign=True)
    assert (crate / MINISIG).read_bytes() == theirs
    assert not (crate / SIGNATURE).exists()
    assert verify(crate, trust=grace, required=WANTED).proofs


def test_an_own_signature_of_before_makes_way(crate: Path) -> None:
    """After a change of the data, and a build, it would be of other metadata."""
    sign(crate, ADA, minisign=True)
    (crate / "b.txt").write_bytes(b"other")
    build(crate)
    assert MINISIG in sign(crate, ADA, minisign=True).written
    report = verify(crate, trust=BELIEVE_ADA)
    assert MINISIG in [proof.path for proof in report.proofs]


def test_a_zip_never_gets_a_second_file_of_one_name(crate: Path, tmp_path: Path) -> None:
    """Nothing can be taken out of an archive, so the first one stays alone."""
    archive = zip_of(crate, tmp_path / "a.zip")
    sign(archive, ADA, minisign=True)
    before = archive.read_bytes()
    for key in (ADA, MALLORY):
        sign(archive, key)  # whose signatures have names of their own
    with pytest.raises(InputError, match="there is another"):
        sign(archive, MALLORY, minisign=True)
    with zipfile.ZipFile(archive) as file:
        assert len(file.namelist()) == len(set(file.namelist()))
    assert archive.read_bytes().startswith(before[: before.index(b"PK\1\2")])
    assert len(verify(archive, trust=BELIEVE_ADA).proofs) == 4


def test_another_key_of_the_same_name_does_not_count(crate: Path) -> None:
    """The eight bytes are chosen freely: the key decides."""
    sign(crate, MALLORY, minisign=True)
    (crate / SIGNATURE).unlink()
    named = parse_minisignature((crate / MINISIG).read_bytes()).key_id
    trust = TrustSet(keys={ADA.public: "ada"}, minisign={named: ADA.public})
    report = verify(crate, trust=trust)
    assert (report.verdict, ids(report)) == (Verdict.INVALID, {"signature.stale"})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n\n\n",
        b"untrusted comment: \n",
        b"\xff" * 300,
        b"untrusted comment: x\nRUQ=\n" * 2,
    ],
)
def test_what_is_no_signature_is_told(crate: Path, content: bytes) -> None:
    """Whoever is trusted."""
    (crate / MINISIG).write_bytes(content)
    assert "signature.invalid" in ids(verify(crate))


@pytest.mark.parametrize("text", ["RWQ", "untrusted comment: x\n", "untrusted comment: x\nRWQ=\n"])
def test_what_is_no_key_is_not_trusted(text: str) -> None:
    """What is meant to be trusted must not be left out silently."""
    with pytest.raises(InputError, match=r"x\.pub"):
        trust_set({"x.pub": text.encode("ascii")})
