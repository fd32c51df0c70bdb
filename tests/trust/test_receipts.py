"""Receipts of hubs: each way in which one can be false, or of something else, is named."""

import base64
import hashlib
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import iscc_core
import iscc_crypto
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cli_kit import run
from crate_iscc import Report, Verdict, build, report_text, verify
from crate_iscc.errors import TrustError
from crate_iscc.proving.declaring import declare
from crate_iscc.proving.signing import sign
from crate_iscc.render.provenance import provenance_json, provenance_text
from crate_iscc.report import ProofKind, Standing
from crate_iscc.trust.iscc_id import parse_iscc_id
from crate_iscc.trust.log_proof import root_of
from crate_iscc.trust.receipt import check_receipt
from crate_iscc.trust.strict_json import strict_json
from crate_iscc.trust.trust_set import TrustSet, trust_set
from crate_iscc.verifying.tracing import trace
from trust.hub_kit import DOCUMENT, RECEIPT, Hub, Json, audit_path, tree_hash
from trust.trust_kit import ADA, MALLORY, built
from verify.verify_kit import METADATA, edit_metadata, entity_of, hold_against_schema, zip_of

RECORDED = Path(__file__).parent / "recorded"


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def believing(hub: Hub) -> TrustSet:
    return trust_set({"hub.json": hub.document()})


@pytest.fixture
def declared(crate: Path, hub: Hub) -> Path:
    """Make a crate that Ada has declared."""
    declare(crate, ADA, hub.url)
    return crate


@pytest.fixture
def logged(crate: Path, log_hub: Hub, tmp_path: Path) -> Path:
    """Make a crate that Ada has declared, and that is in a log with others."""
    for name in ("one", "two"):
        declare(built(tmp_path / name), MALLORY, log_hub.url, hub_id=7, force=True)
    declare(crate, ADA, log_hub.url, hub_id=7, force=True)
    return crate


# --- the recorded exchange -----------------------------------------------------------------------


def recorded_receipt() -> tuple[bytes, Json]:
    document = strict_json((RECORDED / "hub-did.json").read_bytes())
    return (RECORDED / "receipt.json").read_bytes(), document


def test_a_receipt_of_a_real_hub_holds() -> None:
    """It was given by iscc-hub of 2025, whose ISCC-IDs have another length nibble than today's."""
    raw, document = recorded_receipt()

    receipt = check_receipt(raw, [document])

    assert receipt.iscc_id.text == "ISCC:MAIWMDZRJYI24AAB"
    assert (receipt.iscc_id.realm, receipt.iscc_id.hub) == (0, 1)
    assert receipt.iscc_id.moment == "2026-11-23T15:16:43Z"
    assert receipt.hub == "did:web:localhost%3A8765"
    assert receipt.declarer.did == "did:key:z6MkutRjwUPAtxnNPo4Qcdsrm2Lj9bpBxBsTEM1Fp4iqQ1s9"
    assert receipt.log_size is None


def test_every_flipped_bit_of_a_receipt_is_found() -> None:
    """No bit of the document means nothing, but for white space that stays white space."""
    raw, document = recorded_receipt()
    for position in range(8 * len(raw)):
        content = bytearray(raw)
        content[position // 8] ^= 1 << position % 8
        try:
            check_receipt(bytes(content), [document])
        except TrustError:
            continue
        assert raw[position // 8] in b" \n"
        assert json.loads(bytes(content)) == json.loads(raw)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_as_a_receipt(raw: bytes) -> None:
    """With one error of the project's own."""
    with pytest.raises(TrustError):
        check_receipt(raw)


# --- ISCC-IDs ------------------------------------------------------------------------------------


@given(st.integers(0, 2**52 - 1), st.integers(0, 4095), st.sampled_from([0, 1]))
def test_an_iscc_id_of_iscc_core_is_understood(time: int, hub: int, realm: int) -> None:
    """Realm, hub and microsecond are those that iscc-core has put in."""
    made = iscc_core.gen_iscc_id(time, hub, realm)["iscc"]
    known = parse_iscc_id(made)
    assert (known.text, known.hub, known.realm) == (made, hub, realm)
    assert (known.time - parse_iscc_id("ISCC:MEIAAAAAAAAAAAAA").time) == timedelta(
        microseconds=time
    )


@pytest.mark.parametrize(
    "text",
    ["", "ISCC:", "ISCC:MEI", "iscc:meigmfddkytreqaa", "ISCC:MEIGMFDDKYTREQA=",
     "ISCC:MEIGMFDDKYTREQA1", "ISCC:MIIGMFDDKYTREQAA", "ISCC:MEAGMFDDKYTREQAA",
     "ISCC:KEIGMFDDKYTREQAA", None, 7, ["x"]],
)  # fmt: skip
def test_what_is_no_iscc_id_is_refused(text: object) -> None:
    """Other types, realms, versions and lengths, and what is no base32."""
    with pytest.raises(TrustError, match="not an ISCC-ID"):
        parse_iscc_id(text)


# --- the log -------------------------------------------------------------------------------------


def test_a_path_leads_to_the_root_of_the_log_and_no_other_does() -> None:
    """For every leaf of every tree of up to 20, as RFC 6962 defines them."""
    for size in range(1, 21):
        leaves = [b"%d" % number for number in range(size)]
        root = tree_hash(leaves)
        for number in range(size):
            path = audit_path(number, leaves)
            leaf = hashlib.sha256(b"\x00" + leaves[number]).digest()
            assert root_of(leaf, number, size, path) == root
            for other in range(-1, size + 2):
                if other != number:
                    assert root_of(leaf, other, size, path) != root
            assert root_of(leaf, number, size, [*path, root]) != root
            if path:
                assert root_of(leaf, number, size, path[:-1]) != root
                assert root_of(leaf, number, size, path[1:]) != root


# --- what verify says ----------------------------------------------------------------------------


def test_a_receipt_says_who_declared_what_when_and_where(declared: Path, hub: Hub) -> None:
    """The hub is trusted if its document is in the trust folder, else its word is a claim."""
    alone, trusted = verify(declared), verify(declared, trust=believing(hub))

    assert alone.verdict is trusted.verdict is Verdict.VALID
    assert [proof.standing for proof in alone.proofs] == [Standing.KNOWN]
    assert [proof.standing for proof in trusted.proofs] == [Standing.TRUSTED]
    (iscc_id, _), *_ = hub.log
    begin = f"receipt: {iscc_id} declared at {parse_iscc_id(iscc_id).moment} by {ADA.issuer} at "
    assert f"{begin}{hub.did}, claimed: " in report_text(alone)
    assert f"{begin}{hub.did}\n" in report_text(trusted)
    assert "receipt" in alone.checked


def test_a_receipt_is_checked_without_a_network(
    logged: Path, log_hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is needed lies in the crate and in the trust folder."""

    def refuse(*_arguments: object) -> None:
        raise AssertionError("a connection was made")

    trust = believing(log_hub)
    expected = verify(logged, trust=trust)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert verify(logged, trust=trust) == expected


def test_copies_and_archives_keep_the_receipt(declared: Path, tmp_path: Path, hub: Hub) -> None:
    """It is about the payload, and lies beside the metadata."""
    for source in (
        shutil.copytree(declared, tmp_path / "copy"),
        zip_of(declared, tmp_path / "crate.zip", wrapper="in/", deflate=True),
    ):
        report = verify(source, trust=believing(hub), required=[ProofKind.RECEIPT])
        assert (report.verdict, ids(report)) == (Verdict.VALID, set())


def test_the_test_realm_is_named_and_is_not_enough(crate: Path) -> None:
    """What is given there promises nothing."""
    with Hub(realm=0).serving() as hub:
        declare(crate, ADA, hub.url)

    assert "of the test realm, which promises nothing" in report_text(verify(crate))
    report = verify(crate, trust=believing(hub), required=[ProofKind.RECEIPT])
    assert ids(report) == {"receipt.required"}


def test_an_iscc_id_without_a_receipt_is_claimed(declared: Path, hub: Hub) -> None:
    """Stripped of its receipt a crate stays intact, and does not meet what is required."""
    shutil.rmtree(declared / "iscc-proof")

    report = verify(declared)
    assert (report.verdict, ids(report)) == (Verdict.VALID, {"receipt.missing"})
    assert f"{hub.log[0][0]} is claimed" in report_text(report)
    for trust in (None, believing(hub)):
        required = verify(declared, trust=trust, required=[ProofKind.RECEIPT])
        assert ids(required) == {"receipt.missing", "receipt.required"}
        assert required.verdict is Verdict.INVALID


def test_a_receipt_by_a_hub_that_is_not_trusted_is_not_enough(declared: Path) -> None:
    """A DID document that travels with the crate proves nothing."""
    with Hub().serving() as other:
        report = verify(declared, trust=believing(other), required=[ProofKind.RECEIPT])
    assert ids(report) == {"receipt.required"}
    ended = run("verify", declared, "--require", "receipt")
    assert ended.code == 0
    assert run("verify", declared, "--require", "recipe").code == 2


def test_a_provenance_says_which_hub_gave_the_iscc_id(declared: Path, hub: Hub) -> None:
    """With a receipt that holds an ISCC-ID is more than claimed."""
    alone, trusted = trace(declared), trace(declared, trust=believing(hub))

    assert trusted.receipt is not None
    assert f"{trusted.iscc_id} (declared at {trusted.receipt.who})" in provenance_text(trusted)
    assert f"(declared at {trusted.receipt.who}, unknown here)" in provenance_text(alone)
    told = json.loads(provenance_json(trusted))
    assert told["iscc_id"] == {"id": trusted.iscc_id, "standing": "trusted"}
    assert told["proofs"][0]["iscc_id"] == trusted.iscc_id
    assert json.loads(provenance_json(alone))["iscc_id"]["standing"] == "known"


def test_a_receipt_is_in_the_reports_for_machines(logged: Path) -> None:
    """With its ISCC-ID, and what the log proves."""
    ended = run("verify", logged, "--format", "json")
    value = json.loads(ended.out)
    hold_against_schema(value)
    (proof,) = value["proofs"]
    assert proof["remark"] == "in its log of 3 entries"
    assert proof["iscc_id"].startswith("ISCC:MEI")


# --- attacks -------------------------------------------------------------------------------------

Act = Callable[[Path, Hub], object]


def edited(crate: Path, change: Callable[[Json], object]) -> None:
    """Edit a receipt, and leave its proof as it was."""
    place = crate / RECEIPT
    document = json.loads(place.read_text())
    change(document)
    place.write_text(json.dumps(document))


def given_again(crate: Path, hub: Hub, change: Callable[[Json], Any]) -> None:
    """Write a receipt that the hub itself has signed, though it is false."""
    (crate / RECEIPT).write_text(json.dumps(hub.receipt(-1, change)))


def declaration(document: Json) -> Json:
    found: Json = document["credentialSubject"]["declaration"]
    return found


def noted_again(crate: Path, hub: Hub, change: Callable[[Json], Any]) -> None:
    """Write a receipt of the hub of a note that Ada has signed, with other words."""
    note = {k: v for k, v in hub.log[-1][1].items() if k != "signature"}
    change(note)
    secret = iscc_crypto.key_generate()
    signed = iscc_crypto.sign_json(note, secret)

    def into(document: Json) -> None:
        declaration(document)["iscc_note"] = signed
        document["credentialSubject"]["id"] = f"did:key:{secret.public_key}"

    given_again(crate, hub, into)


def of_another_crate(crate: Path, hub: Hub) -> None:
    other = crate.parent / "other"
    built(other)
    (other / "b.txt").write_text("other")
    build(other)
    declare(other, ADA, hub.url, hub_id=hub.hub_id)
    shutil.copy(other / RECEIPT, crate / RECEIPT)


def of_other_names(crate: Path, hub: Hub) -> None:
    noted_again(crate, hub, lambda note: note.update(metahash="1e20" + 64 * "0"))


def of_no_names(crate: Path, hub: Hub) -> None:
    noted_again(crate, hub, lambda note: note.pop("metahash"))


def of_another_datahash(crate: Path, hub: Hub) -> None:
    noted_again(crate, hub, lambda note: note.update(datahash="1e20" + 64 * "0"))


def for_another_hub(crate: Path, hub: Hub) -> None:
    noted_again(crate, hub, lambda note: note.update(nonce="fff" + note["nonce"][3:]))


def of_another_time(crate: Path, hub: Hub) -> None:
    noted_again(crate, hub, lambda note: note.update(timestamp="2025-01-01T00:00:00.000Z"))


def with_another_hubs_id(crate: Path, hub: Hub) -> None:
    made = iscc_core.gen_iscc_id(None, hub.hub_id + 1, 1)["iscc"]
    given_again(crate, hub, lambda d: declaration(d).update(iscc_id=made))


def with_another_id(crate: Path, hub: Hub) -> None:
    made = iscc_core.gen_iscc_id(None, hub.hub_id, 1)["iscc"]
    given_again(crate, hub, lambda d: (declaration(d).update(iscc_id=made), d.pop("evidence", 0)))


def with_no_id(crate: Path, hub: Hub) -> None:
    given_again(crate, hub, lambda d: declaration(d).update(iscc_id="ISCC:MAIG"))


def with_another_subject(crate: Path, hub: Hub) -> None:
    given_again(crate, hub, lambda d: d["credentialSubject"].update(id="did:web:nature.example"))


def with_another_note_signature(crate: Path, hub: Hub) -> None:
    def swap(document: Json) -> None:
        signature = declaration(document)["iscc_note"]["signature"]
        signature["pubkey"] = MALLORY.public
        document["credentialSubject"]["id"] = MALLORY.issuer

    given_again(crate, hub, swap)


def with_a_changed_note(crate: Path, hub: Hub) -> None:
    given_again(
        crate, hub, lambda d: declaration(d)["iscc_note"].update(gateway="https://evil.example")
    )


def with_an_unsigned_note(crate: Path, hub: Hub) -> None:
    given_again(crate, hub, lambda d: declaration(d)["iscc_note"].pop("signature"))


def of_another_type(crate: Path, hub: Hub) -> None:
    given_again(crate, hub, lambda d: d.update(type=["VerifiableCredential"]))


def of_nothing(crate: Path, hub: Hub) -> None:
    given_again(crate, hub, lambda d: d.update(credentialSubject={}))


def edited_id(crate: Path, _hub: Hub) -> None:
    edited(crate, lambda d: declaration(d).update(seq=77))


def edited_issuer(crate: Path, _hub: Hub) -> None:
    edited(crate, lambda d: d.update(issuer="did:web:hub.example"))


def resigned_by_a_stranger(crate: Path, hub: Hub) -> None:
    stranger = Hub(url=hub.url, hub_id=hub.hub_id, with_log=hub.with_log, log=hub.log)
    stranger.found()
    (crate / RECEIPT).write_text(json.dumps(stranger.receipt(-1)))


def document_swapped(crate: Path, hub: Hub) -> None:
    stranger = Hub(url=hub.url)
    stranger.found()
    (crate / DOCUMENT).write_bytes(stranger.document())


def document_of_another_hub(crate: Path, _hub: Hub) -> None:
    stranger = Hub(url="http://hub.example")
    stranger.found()
    (crate / DOCUMENT).write_bytes(stranger.document())


def document_is_none(crate: Path, _hub: Hub) -> None:
    (crate / DOCUMENT).write_text("[]")


def iscc_id_replaced(crate: Path, hub: Hub) -> None:
    text = (crate / METADATA).read_text()
    (crate / METADATA).write_text(text.replace(hub.log[-1][0], "ISCC:MEIGMFDDKYTREQAA"))


def iscc_id_removed(crate: Path, _hub: Hub) -> None:
    def change(graph: list[dict[str, Any]]) -> None:
        entity_of(graph, "./")["identifier"].remove({"@id": "#iscc-id"})

    edit_metadata(crate, change)


def garbage(crate: Path, _hub: Hub) -> None:
    (crate / RECEIPT).write_bytes(b"\x00\xff{")


ATTACKS: dict[str, tuple[Act, str]] = {
    "of another crate": (of_another_crate, "receipt.other"),
    "of other names": (of_other_names, "receipt.other"),
    "of no names": (of_no_names, "receipt.other"),
    "of another datahash": (of_another_datahash, "receipt.invalid"),
    "of a note for another hub": (for_another_hub, "receipt.invalid"),
    "of a note of another time": (of_another_time, "receipt.invalid"),
    "with an ISCC-ID of another hub": (with_another_hubs_id, "receipt.invalid"),
    "with another ISCC-ID": (with_another_id, "receipt.other"),
    "with no ISCC-ID": (with_no_id, "receipt.invalid"),
    "with another subject": (with_another_subject, "receipt.invalid"),
    "with the note's key swapped": (with_another_note_signature, "receipt.invalid"),
    "with a changed note": (with_a_changed_note, "receipt.invalid"),
    "with an unsigned note": (with_an_unsigned_note, "receipt.invalid"),
    "of another type": (of_another_type, "receipt.invalid"),
    "of nothing": (of_nothing, "receipt.invalid"),
    "edited": (edited_id, "receipt.invalid"),
    "with another issuer": (edited_issuer, "receipt.other"),
    "signed again by a stranger": (resigned_by_a_stranger, "receipt.invalid"),
    "the hub's document swapped": (document_swapped, "receipt.invalid"),
    "another hub's document": (document_of_another_hub, "receipt.other"),
    "no document": (document_is_none, "receipt.invalid"),
    "ISCC-ID replaced": (iscc_id_replaced, "receipt.other"),
    "ISCC-ID removed": (iscc_id_removed, "receipt.other"),
    "no JSON": (garbage, "receipt.invalid"),
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_on_a_receipt_is_refused_and_named(
    declared: Path, hub: Hub, tmp_path: Path, attack: tuple[Act, str]
) -> None:
    """In a folder and in a zip; nothing of it is then shown as proven."""
    act, kind = attack
    act(declared, hub)

    for source in (declared, zip_of(declared, tmp_path / "crate.zip")):
        report = verify(source)
        assert ids(report) == {kind}
        assert report.verdict is Verdict.INVALID
        assert not report.proofs


@pytest.mark.parametrize("attack", [resigned_by_a_stranger, document_swapped])
def test_a_stranger_is_never_taken_for_a_trusted_hub(declared: Path, hub: Hub, attack: Act) -> None:
    """Also not with a document beside the receipt in which the stranger's key stands."""
    attack(declared, hub)

    report = verify(declared, trust=believing(hub), required=[ProofKind.RECEIPT])
    if attack is document_swapped:  # the document that is trusted decides
        assert report.verdict is Verdict.VALID
    else:
        assert ids(report) == {"receipt.invalid", "receipt.required"}


def evidence_changes() -> Iterator[tuple[str, Callable[[Json], object]]]:
    """Yield what can be false in a log proof that the hub has signed all the same."""
    zeros = base64.b64encode(bytes(32)).decode()
    yield "another leaf", lambda e: e.update(leafIndex=0)
    yield "another size", lambda e: e.update(treeSize=4)
    yield "another path", lambda e: e.update(inclusionProof=[zeros])
    yield "no path", lambda e: e.update(inclusionProof=[])
    yield "a long path", lambda e: e.update(inclusionProof=[zeros] * 100)
    yield "a path that is none", lambda e: e.update(inclusionProof=["x", 7])
    yield "no checkpoint", lambda e: e.pop("checkpoint")
    yield "an unsigned checkpoint", lambda e: e.update(checkpoint=e["checkpoint"][:-30])
    yield (
        "a changed checkpoint",
        lambda e: e.update(checkpoint=e["checkpoint"].replace("\n3\n", "\n4\n"), treeSize=4),
    )
    yield (
        "another origin",
        lambda e: e.update(checkpoint=e["checkpoint"].replace("localhost", "hub.example")),
    )


@pytest.mark.parametrize("change", [pair[1] for pair in evidence_changes()],
                         ids=[pair[0] for pair in evidence_changes()])  # fmt: skip
def test_a_log_proof_that_does_not_hold_is_refused(
    logged: Path, log_hub: Hub, change: Callable[[Json], object]
) -> None:
    """The hub's signature of the receipt does not make up for it."""
    given_again(logged, log_hub, lambda document: change(document["evidence"]))

    report = verify(logged)
    assert ids(report) == {"receipt.invalid"}
    assert not report.proofs


def test_evidence_of_another_kind_is_said_not_to_be_checked(declared: Path, hub: Hub) -> None:
    """What is not understood is not passed over."""
    given_again(declared, hub, lambda d: d.update(evidence=[{"type": "Oracle"}]))

    report = verify(declared)
    assert report.verdict is Verdict.VALID
    assert "it carries evidence of a kind that was not checked" in report_text(report)


def test_a_receipt_of_a_crate_without_codes_is_of_something_else(
    declared: Path, tmp_path: Path
) -> None:
    """There is nothing that it could be of."""
    from verify.test_verify_conventions import SHA256, crate_with

    other = crate_with(tmp_path / "other", {"sha256": SHA256})
    shutil.copytree(declared / "iscc-proof", other / "iscc-proof")

    assert "receipt.other" in ids(verify(other))


def test_a_crate_with_a_receipt_that_does_not_hold_is_not_signed(declared: Path, hub: Hub) -> None:
    """A signature would vouch for the receipt; the payload is not blamed for it."""
    garbage(declared, hub)
    with pytest.raises(TrustError, match="has a receipt that does not hold"):
        sign(declared, ADA)
