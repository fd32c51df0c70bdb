"""Signing: what is signed is what was verified, and every other state is told."""

import json
import shutil
import socket
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cli_kit import run
from crate_iscc import InputError, Report, Verdict, build, report_json, report_text, verify
from crate_iscc.errors import TrustError
from crate_iscc.proving.signing import sign
from crate_iscc.render.formats import rendered
from crate_iscc.render.saved import parse_report
from crate_iscc.report import ProofKind, Standing
from crate_iscc.resources import schema_text
from crate_iscc.trust.credential import check_credential, signed_bytes
from crate_iscc.trust.keys import SigningKey, key_file, new_key, parse_key
from crate_iscc.trust.multikey import check_signature, multikey
from crate_iscc.trust.signing import did_document, signed_credential
from crate_iscc.trust.statement import STATEMENT_TYPE, Signed, contradictions
from crate_iscc.trust.strict_json import strict_json
from crate_iscc.trust.trust_set import TrustSet, trust_set
from trust.trust_kit import ADA, MALLORY, SIGNATURE, built
from verify.verify_kit import METADATA, flip_bit, hold_against_schema, zip_of

VECTOR_SIGNATURE = (
    "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTMuVor51aX"
)
BELIEVE_ADA = TrustSet(keys={ADA.public: "ada"})


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def test_a_signed_crate_says_who_stands_for_it(signed: Path) -> None:
    """Without a trust set the signer is unknown, with one that knows the key it is Ada."""
    alone, trusted = verify(signed), verify(signed, trust=BELIEVE_ADA)

    assert alone.verdict is trusted.verdict is Verdict.VALID
    assert [proof.standing for proof in alone.proofs] == [Standing.UNKNOWN]
    assert [proof.standing for proof in trusted.proofs] == [Standing.TRUSTED]
    assert trusted.proofs[0].who == f"ada ({ADA.issuer})"
    assert "signer unknown" in report_text(alone).splitlines()[-1]
    assert report_text(trusted).splitlines()[-1].endswith(f"signed by ada ({ADA.issuer})")
    assert "signature" in alone.checked
    assert "signer" in alone.not_checked
    assert not {"signer", "metadata"} & set(trusted.not_checked)


def test_every_format_for_people_says_who_signed(signed: Path) -> None:
    """And a saved report can be shown again."""
    report = verify(signed, trust=BELIEVE_ADA)

    for format_ in ("text", "html", "markdown", "json", "jsonl"):
        assert ADA.issuer in rendered(report, format_)
    assert parse_report(report_json(report), json.loads(schema_text("report"))) == report


def test_a_signature_is_a_credential_that_iscc_crypto_takes(signed: Path) -> None:
    """The library that made it is a judge of the format only: it trusts any key inside."""
    from iscc_crypto import verify_vc

    document = json.loads((signed / SIGNATURE).read_text())

    assert verify_vc(document).signature_valid
    assert document["type"] == ["VerifiableCredential", STATEMENT_TYPE]
    assert document["issuer"] == ADA.issuer
    subject = document["credentialSubject"]
    raw = (signed / METADATA).read_bytes()
    assert subject["metadata"]["size"] == len(raw)
    for command, value in (("sha256sum", subject["metadata"]["sha256"]),):
        line = subprocess.run([command], input=raw, capture_output=True, check=True).stdout
        assert line.split()[0].decode() == value


def test_the_vector_of_the_specification_is_understood() -> None:
    """Data Integrity EdDSA Cryptosuites 1.0, appendix "Representation: eddsa-jcs-2022"."""
    key = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
    contexts = [
        "https://www.w3.org/ns/credentials/v2",
        "https://www.w3.org/ns/credentials/examples/v2",
    ]
    document = {
        "@context": contexts,
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", "AlumniCredential"],
        "name": "Alumni Credential",
        "description": "A minimum viable example of an Alumni Credential.",
        "issuer": "https://vc.example/issuers/5678",
        "validFrom": "2023-01-01T00:00:00Z",
        "credentialSubject": {
            "id": "did:example:abcdefgh",
            "alumniOf": "The School of Examples",
        },
        "proof": {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "created": "2023-02-24T23:36:38Z",
            "verificationMethod": f"did:key:{key}#{key}",
            "proofPurpose": "assertionMethod",
            "@context": contexts,
            "proofValue": VECTOR_SIGNATURE,
        },
    }

    payload = signed_bytes(document)

    assert payload.hex() == (
        "66ab154f5c2890a140cb8388a22a160454f80575f6eae09e5a097cabe539a1db"
        "59b7cb6251b8991add1ce0bc83107e3db9dbbab5bd2c28f687db1a03abc92f19"
    )
    check_signature(key, VECTOR_SIGNATURE, payload)
    with pytest.raises(TrustError):
        check_signature(key, VECTOR_SIGNATURE, payload[::-1])
    # Its issuer is no DID that the key is bound to: a proof that holds is not enough here.
    with pytest.raises(TrustError, match="issuer"):
        check_credential(json.dumps(document).encode(), "AlumniCredential")


@pytest.mark.parametrize("wrapper", ["", "wrapped/"])
@pytest.mark.parametrize("deflate", [False, True])
def test_a_zip_is_signed_without_a_touch_of_its_members(
    crate: Path, tmp_path: Path, wrapper: str, deflate: bool
) -> None:
    """The signature is appended: all bytes before the old directory stay."""
    archive = zip_of(crate, tmp_path / "crate.zip", wrapper=wrapper, deflate=deflate)
    before = archive.read_bytes()
    with zipfile.ZipFile(archive) as opened:
        start, names = opened.start_dir, opened.namelist()

    made = sign(archive, ADA)

    assert made.path == SIGNATURE
    assert archive.read_bytes()[:start] == before[:start]
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == [*names, wrapper + SIGNATURE]
        assert opened.testzip() is None
    report = verify(archive, trust=BELIEVE_ADA, required=[ProofKind.SIGNATURE])
    assert (report.verdict, ids(report)) == (Verdict.VALID, set())


def test_copies_and_other_archives_keep_the_signature(signed: Path, tmp_path: Path) -> None:
    """Order, compression, times and modes are none of its business."""
    copy = tmp_path / "copy"
    shutil.copytree(signed, copy, copy_function=shutil.copyfile)
    archives = [
        zip_of(signed, tmp_path / "a.zip", deflate=True),
        zip_of(signed, tmp_path / "b.zip", wrapper="x/", folders=True),
    ]

    for source in (copy, *archives):
        report = verify(source, trust=BELIEVE_ADA, required=[ProofKind.SIGNATURE])
        assert (report.verdict, ids(report)) == (Verdict.VALID, set())


def test_several_sign_side_by_side(signed: Path) -> None:
    """Each signature stands for itself, and is no part of the payload."""
    made = sign(signed, MALLORY)

    assert made.path == "iscc-proof/signature-2.json"
    report = verify(signed, trust=BELIEVE_ADA)
    assert report.verdict is Verdict.VALID
    assert [proof.standing for proof in report.proofs] == [Standing.UNKNOWN, Standing.TRUSTED]


def test_a_crate_that_is_not_as_recorded_is_not_signed(crate: Path) -> None:
    """Whoever signs stands for what is there."""
    flip_bit(crate / "raw/a.bin")

    with pytest.raises(TrustError, match="not as recorded"):
        sign(crate, ADA)
    assert not (crate / "iscc-proof").exists()


def test_a_crate_without_a_treehash_is_not_signed(tmp_path: Path) -> None:
    """There is nothing that binds its files."""
    from verify.test_verify_conventions import SHA256, crate_with

    with pytest.raises(InputError, match="no treehash"):
        sign(crate_with(tmp_path / "foreign", {"sha256": SHA256}), ADA)


# --- attacks -------------------------------------------------------------------------------------


def edited(place: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(place.read_text())
    change(document)
    place.write_text(json.dumps(document, indent=2))


def resigned(crate: Path, key: SigningKey, change: Callable[[dict[str, Any]], object]) -> None:
    """Sign a changed statement with a key, as somebody would who has one."""
    place = crate / SIGNATURE
    document = json.loads(place.read_text())
    del document["proof"]
    change(document)
    place.write_bytes(signed_credential(document, key))


def rebuilt(crate: Path) -> None:
    (crate / "raw/a.bin").write_bytes(b"forged")
    build(crate)


def other_crates_signature(crate: Path) -> None:
    other = built(crate.parent / "other")
    (other / "b.txt").write_bytes(b"other")
    build(other)
    sign(other, ADA)
    shutil.copy(other / SIGNATURE, crate / SIGNATURE)


def key_swapped(crate: Path) -> None:
    text = (crate / SIGNATURE).read_text()
    (crate / SIGNATURE).write_text(text.replace(ADA.public, MALLORY.public))


def issuer_of(crate: Path) -> None:
    resigned(crate, MALLORY, lambda document: document.update(issuer=ADA.issuer))


def famous_issuer(crate: Path) -> None:
    resigned(crate, MALLORY, lambda document: document.update(issuer="did:web:www.nature.example"))


def other_purpose(crate: Path) -> None:
    edited(crate / SIGNATURE, lambda d: d["proof"].update(proofPurpose="authentication"))


def other_suite(crate: Path) -> None:
    edited(crate / SIGNATURE, lambda d: d["proof"].update(cryptosuite="eddsa-rdfc-2022"))


def no_proof(crate: Path) -> None:
    edited(crate / SIGNATURE, lambda d: d.pop("proof"))


def other_context(crate: Path) -> None:
    edited(crate / SIGNATURE, lambda d: d["@context"].insert(0, "https://example.org/evil"))


def a_key_twice(crate: Path) -> None:
    text = (crate / SIGNATURE).read_text()
    (crate / SIGNATURE).write_text(text.replace('"iscc":', '"iscc": "ISCC:X", "iscc":', 1))


def no_statement(crate: Path) -> None:
    resigned(crate, ADA, lambda document: document.update(credentialSubject={}))


def half_a_statement(crate: Path) -> None:
    resigned(crate, ADA, lambda document: document["credentialSubject"].pop("payload"))


def other_iscc_id(crate: Path) -> None:
    resigned(crate, ADA, lambda d: d["credentialSubject"].update(isccId="ISCC:MAIWMDZRJYI24AAB"))


def missing_evidence(crate: Path) -> None:
    named = [{"path": "iscc-proof/hub-receipt.json", "sha256": 64 * "0"}]
    resigned(crate, ADA, lambda d: d["credentialSubject"].update(evidence=named))


def evidence_elsewhere(crate: Path) -> None:
    named = [{"path": "../../etc/passwd", "sha256": 64 * "0"}]
    resigned(crate, ADA, lambda d: d["credentialSubject"].update(evidence=named))


def garbage(crate: Path) -> None:
    (crate / SIGNATURE).write_bytes(b"\x00\xff{")


def too_deep(crate: Path) -> None:
    (crate / SIGNATURE).write_text("[" * 100_000)


ATTACKS: dict[str, tuple[Callable[[Path], object], str]] = {
    "metadata and payload changed together": (rebuilt, "signature.stale"),
    "a signature of another crate": (other_crates_signature, "signature.stale"),
    "the key swapped": (key_swapped, "signature.invalid"),
    "another's name as issuer": (issuer_of, "signature.invalid"),
    "a famous issuer": (famous_issuer, "signature.invalid"),
    "another purpose": (other_purpose, "signature.invalid"),
    "another cryptosuite": (other_suite, "signature.invalid"),
    "no proof": (no_proof, "signature.invalid"),
    "another context": (other_context, "signature.invalid"),
    "a key twice": (a_key_twice, "signature.invalid"),
    "nothing stated": (no_statement, "signature.stale"),
    "no payload stated": (half_a_statement, "signature.stale"),
    "another ISCC-ID": (other_iscc_id, "signature.stale"),
    "evidence that is not there": (missing_evidence, "signature.stale"),
    "evidence outside": (evidence_elsewhere, "signature.stale"),
    "no JSON": (garbage, "signature.invalid"),
    "very deep JSON": (too_deep, "signature.invalid"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_on_a_signature_is_refused_and_named(
    signed: Path, tmp_path: Path, attack: tuple[Callable[[Path], object], str]
) -> None:
    """In a folder and in a zip, with a trust set or without."""
    act, kind = attack
    act(signed)

    for source in (signed, zip_of(signed, tmp_path / "crate.zip")):
        for trust in (None, BELIEVE_ADA):
            report = verify(source, trust=trust)
            assert ids(report) == {kind}
            assert report.verdict is Verdict.INVALID
            assert not report.proofs
            assert "INVALID: every recorded file is intact, but who signed" in report_text(report)


def test_a_stranger_who_signs_again_is_a_stranger(signed: Path) -> None:
    """A document signed anew by another key holds, and is never taken for Ada's."""
    resigned(signed, MALLORY, lambda document: document.update(issuer=MALLORY.issuer))

    assert "signer unknown" in report_text(verify(signed))
    report = verify(signed, trust=BELIEVE_ADA)
    assert report.proofs[0].standing is Standing.UNKNOWN
    required = verify(signed, trust=BELIEVE_ADA, required=[ProofKind.SIGNATURE])
    assert ids(required) == {"signature.required"}


def test_a_signature_that_was_taken_away_is_missed_where_it_is_required(signed: Path) -> None:
    """Without --require nobody can know that there was one."""
    shutil.rmtree(signed / "iscc-proof")

    assert verify(signed).verdict is Verdict.VALID
    for trust in (None, BELIEVE_ADA):
        report = verify(signed, trust=trust, required=[ProofKind.SIGNATURE])
        assert ids(report) == {"signature.required"}
        assert report.verdict is Verdict.INVALID


def test_a_file_added_to_the_proofs_is_an_extra_file(signed: Path) -> None:
    """Only fixed names are no payload there."""
    (signed / "iscc-proof/note.txt").write_text("trust me")

    assert ids(verify(signed)) == {"bytes.extra"}


def test_every_flipped_bit_of_a_signature_is_found(signed: Path) -> None:
    """No bit of the document means nothing, but for white space that stays white space."""
    place = signed / SIGNATURE
    original = place.read_bytes()
    passed = []
    for position in range(8 * len(original)):
        content = bytearray(original)
        content[position // 8] ^= 1 << position % 8
        try:
            check = check_credential(bytes(content), STATEMENT_TYPE)
        except TrustError:
            continue
        passed.append(position)
        assert check.document == json.loads(original)
    assert all(original[position // 8] in b" \n" for position in passed)


def test_every_flipped_bit_of_signed_metadata_is_found(signed: Path) -> None:
    """The raw bytes are signed, so no bit of the metadata file means nothing."""
    metadata = (signed / METADATA).read_bytes()
    subject = json.loads((signed / SIGNATURE).read_text())["credentialSubject"]
    known = Signed(
        METADATA,
        metadata,
        subject["payload"]["treehash"],
        subject["payload"]["fileCount"],
        subject["payload"]["size"],
        subject["iscc"],
    )
    assert not list(contradictions(subject, known))
    for position in range(8 * len(metadata)):
        content = bytearray(metadata)
        content[position // 8] ^= 1 << position % 8
        told = list(contradictions(subject, replace(known, metadata=bytes(content))))
        assert told == ["the metadata file is not the signed one"]


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_signature(raw: bytes) -> None:
    """With one error of the project's own."""
    with pytest.raises(TrustError):
        check_credential(raw, STATEMENT_TYPE)


@pytest.mark.parametrize(
    "text",
    ['{"a": 1.0}', '{"a": 9007199254740993}', '{"a": NaN}', "[]", '"x"', '{"a": "\\ud800"}', ""],
)
def test_json_that_may_mean_two_things_is_refused(text: str) -> None:
    """JCS writes numbers as 64-bit floats, so two of them can be one."""
    with pytest.raises(TrustError):
        strict_json(text.encode())


# --- keys ----------------------------------------------------------------------------------------


def test_a_key_is_read_from_every_form_it_is_kept_in(tmp_path: Path) -> None:
    """Its own file, encrypted or not, one by openssl, and a secret of iscc-crypto."""
    from iscc_crypto import key_generate

    key = new_key()
    assert parse_key(key_file(key)) == key
    assert parse_key(key_file(key, b"secret"), b"secret") == key
    assert b"ENCRYPTED" in key_file(key, b"secret")
    for passphrase in (None, b"wrong"):
        with pytest.raises(TrustError):
            parse_key(key_file(key, b"secret"), passphrase)
    pair = key_generate()
    assert parse_key(pair.secret_key.encode()).public == pair.public_key
    assert str(key.secret) not in repr(key)
    if shutil.which("openssl"):
        made = subprocess.run(
            ["openssl", "genpkey", "-algorithm", "ed25519"], capture_output=True, check=True
        ).stdout
        assert parse_key(made).public.startswith("z6Mk")
        (tmp_path / "key.pem").write_bytes(key_file(key))
        shown = subprocess.run(
            ["openssl", "pkey", "-in", tmp_path / "key.pem", "-pubout", "-outform", "DER"],
            capture_output=True,
            check=True,
        ).stdout
        assert multikey(shown[-32:]) == key.public


@pytest.mark.parametrize(
    "content", [b"", b"z", b"zzz", b"-----BEGIN PRIVATE KEY-----\n", b"x" * 99]
)
def test_what_is_no_key_is_refused_without_a_word_of_it(content: bytes) -> None:
    """Nobody prints what might be a secret."""
    with pytest.raises(TrustError) as caught:
        parse_key(content)
    assert content.decode() not in str(caught.value) or not content.strip()


def test_a_did_web_is_trusted_by_its_document_alone(crate: Path) -> None:
    """The document that travels with the crate shows what was claimed, and no more."""
    key = replace(ADA, did_web="did:web:imaging.example")
    document = did_document(key)
    sign(crate, key, did_document=document)

    alone = verify(crate)
    assert [proof.standing for proof in alone.proofs] == [Standing.KNOWN]
    trusted = verify(crate, trust=trust_set({"imaging.json": document}))
    assert [(p.standing, p.who) for p in trusted.proofs] == [(Standing.TRUSTED, key.issuer)]
    other = did_document(replace(MALLORY, did_web="did:web:imaging.example"))
    contradicted = verify(crate, trust=trust_set({"imaging.json": other}))
    assert ids(contradicted) == {"signature.invalid"}
    # Nor does a second signer overwrite it.
    with pytest.raises(InputError, match="there is another"):
        sign(crate, replace(MALLORY, did_web="did:web:imaging.example"), did_document=other)
    assert (crate / "iscc-proof/signer-did.json").read_bytes() == document
    # What was signed for is kept: another document beside it is not the signed one.
    (crate / "iscc-proof/signer-did.json").write_bytes(other)
    assert ids(verify(crate)) <= {"signature.invalid", "signature.stale"}
    assert ids(verify(crate))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ada.pub", b"ssh-ed25519 AAAA"),
        ("ada.pub", b""),
        ("hub.json", b"{}"),
        ("root.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        ("README.txt", b"trust everybody"),
    ],
)
def test_a_trust_folder_holds_nothing_but_what_its_names_say(name: str, content: bytes) -> None:
    """What is meant to be trusted is never left out silently."""
    with pytest.raises(InputError, match="not to be trusted"):
        trust_set({name: content})


# --- the command line ----------------------------------------------------------------------------


def test_a_key_is_made_and_used_from_the_command_line(crate: Path, tmp_path: Path) -> None:
    """keygen, sign, verify --trust --require, with a key that nobody else can read."""
    made = run("keygen", "-o", "ada.pem", cwd=tmp_path)
    assert made.code == 0
    secret = (tmp_path / "ada.pem").read_bytes()
    assert (tmp_path / "ada.pem").stat().st_mode & 0o777 == 0o600
    assert secret.split(b"\n")[1] not in made.raw_out
    assert run("keygen", "-o", "ada.pem", cwd=tmp_path).code == 2

    signed = run("sign", crate, "--key", tmp_path / "ada.pem")
    assert signed.code == 0
    assert "wrote iscc-proof/signature.json" in signed.out
    trust = tmp_path / "trust"
    trust.mkdir()
    shutil.copy(tmp_path / "ada.pub", trust / "Ada Lovelace.pub")
    ended = run("verify", crate, "--trust", trust, "--require", "signature")
    assert ended.code == 0
    assert "signature: by Ada Lovelace (did:key:z6Mk" in ended.out
    shown = run("verify", crate, "--trust", trust, "--format", "json")
    value = json.loads(shown.out)
    hold_against_schema(value)
    assert value["proofs"][0]["standing"] == "trusted"


def test_a_key_that_others_may_read_is_refused(crate: Path, tmp_path: Path) -> None:
    """With what to do about it."""
    place = tmp_path / "ada.pem"
    place.write_bytes(key_file(ADA))
    place.chmod(0o644)

    ended = run("sign", crate, "--key", place)

    assert ended.code == 2
    assert f"chmod 600 {place}" in ended.err


def test_a_key_comes_from_the_environment_too(crate: Path) -> None:
    """As in CI; without any there is one clear error."""
    none = run("sign", crate)
    assert (none.code, "no key to sign with" in none.err) == (2, True)

    ended = run("sign", crate, env={"CRATE_ISCC_KEY": key_file(ADA).decode()})
    assert ended.code == 0
    encrypted = key_file(ADA, b"secret").decode()
    assert run("sign", crate, env={"CRATE_ISCC_KEY": encrypted}).code == 2
    env = {"CRATE_ISCC_KEY": encrypted, "CRATE_ISCC_KEY_PASSPHRASE": "secret"}
    assert run("sign", crate, env=env).code == 0


def test_verification_asks_no_network(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every socket forbidden the same report comes out."""

    def refuse(*_arguments: object, **_named: object) -> None:
        raise AssertionError("a socket was opened")

    expected = verify(signed, trust=BELIEVE_ADA)
    monkeypatch.setattr(socket, "socket", refuse)
    assert verify(signed, trust=BELIEVE_ADA) == expected
