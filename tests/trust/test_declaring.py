"""Declaring a crate at a hub on the loopback: nothing that a hub gives once is ever lost."""

import base64
import contextlib
import io
import json
import os
import shutil
import socket
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import iscc_core
import pytest
from blake3 import blake3

from cli.cli_kit import run
from crate_iscc import InputError, Verdict, build, verify
from crate_iscc.codes import parse_iscc
from crate_iscc.crate.style import Style
from crate_iscc.crate.view import Crate, iscc_ids_of
from crate_iscc.errors import TrustError
from crate_iscc.proving.declaring import declare
from crate_iscc.proving.signing import sign
from crate_iscc.report import ProofKind, Standing
from crate_iscc.trust.asking import LostAnswerError
from crate_iscc.trust.declaration import DuplicateError, RefusedError
from crate_iscc.trust.keys import SigningKey, key_file
from crate_iscc.trust.trust_set import trust_set
from trust.hub_kit import DOCUMENT, NOTE, RECEIPT, Hub
from trust.trust_kit import ADA, MALLORY, SIGNATURE, TOKEN, Authority, built, needs_openssl
from verify.verify_kit import METADATA, entity_of, flip_bit, metadata_of, move, zip_of


def test_a_declared_crate_has_its_iscc_id_and_a_receipt(crate: Path, hub: Hub) -> None:
    """What is sent is what the crate records; what comes back is kept beside it."""
    made = declare(crate, ADA, hub.url)

    assert made.written == (RECEIPT, DOCUMENT, METADATA)
    assert not (crate / NOTE).exists()
    ((iscc_id, note),) = hub.log
    assert made.iscc_id == iscc_id
    identifiers = entity_of(metadata_of(crate), "./")["identifier"]
    assert {"@id": "#iscc-id"} in identifiers
    assert entity_of(metadata_of(crate), "#iscc-id")["value"] == iscc_id
    values = {e["@id"]: e.get("value") for e in metadata_of(crate)}
    assert note["iscc_code"] == values["#iscc-sum"]
    assert note["metahash"] == values["#treehash"]
    content = b"".join((crate / name).read_bytes() for name in ("b.txt", "raw/a.bin"))
    assert parse_iscc(iscc_core.gen_instance_code(io.BytesIO(content))["iscc"]).same_bytes(
        parse_iscc(note["iscc_code"])
    )
    report = verify(crate, trust=trust_set({"hub.json": hub.document(), "ada.pub": _ada()}))
    (proof,) = report.proofs
    assert report.verdict is Verdict.VALID
    assert (proof.kind, proof.standing) == (ProofKind.RECEIPT, Standing.TRUSTED)
    assert (proof.who, proof.iscc_id) == (hub.did, iscc_id)
    assert proof.declarer == f"ada ({ADA.issuer})"


def _ada() -> bytes:
    return ADA.public.encode()


def test_the_treehash_is_a_hash_of_seed_metadata_as_iscc_core_makes_it(crate: Path) -> None:
    """IEP-0002: the metahash of structured metadata is the BLAKE3 of their bytes.

    Of a crate these are the canonical manifest, the bytes that the treehash is of.
    """
    manifest = b"any bytes\n"
    url = "data:text/tab-separated-values;base64," + base64.b64encode(manifest).decode()
    made = iscc_core.gen_meta_code(name="a crate", meta=url)
    assert made["metahash"] == "1e20" + blake3(manifest).hexdigest()


def test_a_hub_with_a_log_gives_a_receipt_that_proves_it(crate: Path, log_hub: Hub) -> None:
    """The receipt is asked for after the declaration, and carries a proof that is checked."""
    for number in range(4):
        other = built(crate.parent / f"other{number}")
        (other / "b.txt").write_bytes(b"%d" % number)
        build(other)
        declare(other, MALLORY, log_hub.url, hub_id=7)

    made = declare(crate, ADA, log_hub.url, hub_id=7)

    (proof,) = verify(crate).proofs
    assert proof.iscc_id == made.iscc_id
    assert proof.remark == "in its log of 5 entries"


def test_both_styles_and_a_build_keep_the_iscc_id(tmp_path: Path, hub: Hub) -> None:
    """A build that finds nothing new writes nothing; the ISCC-ID is the first of its kind."""
    for style in Style:
        crate = built(tmp_path / style.value)
        (crate / "b.txt").write_text(style.value)
        build(crate, style=style)
        made = declare(crate, ADA, hub.url)
        before = (crate / METADATA).read_bytes()
        build(crate)
        assert (crate / METADATA).read_bytes() == before
        assert verify(crate).verdict is Verdict.VALID
        assert made.iscc_id in before.decode()


@needs_openssl
def test_the_steps_of_a_seal_fit_together(crate: Path, hub: Hub, authority: Authority) -> None:
    """The signature covers the ISCC-ID and the receipt, and the timestamp the signature."""
    key = crate.parent / "ada.pem"
    key.write_bytes(key_file(ADA))
    key.chmod(0o600)

    ended = run("seal", crate, "--key", key, "--hub", hub.url, "--tsa", authority.url)

    assert ended.code == 0, ended.err
    assert (crate / TOKEN).exists()
    subject = json.loads((crate / SIGNATURE).read_text())["credentialSubject"]
    assert subject["isccId"] == hub.log[0][0]
    assert [one["path"] for one in subject["evidence"]] == [DOCUMENT, RECEIPT]
    assert verify(crate).verdict is Verdict.VALID
    trust = crate.parent / "trust"
    trust.mkdir()
    (trust / "ada.pub").write_bytes(_ada())
    (trust / "hub.json").write_bytes(hub.document())
    (trust / "tsa.pem").write_bytes(authority.root)
    proven = ("--trust", trust, "--require", "signature,timestamp,receipt")
    shown = run("verify", crate, *proven)
    assert shown.code == 0
    assert f"receipt: {hub.log[0][0]} declared at " in shown.out
    assert f"by ada ({ADA.issuer}) at {hub.did}\n" in shown.out
    saved = run("verify", crate, *proven, "--format", "json")
    (crate.parent / "saved.json").write_bytes(saved.raw_out)
    assert run("report", crate.parent / "saved.json").out == shown.out


def test_signatures_of_before_are_named_stale(crate: Path, hub: Hub) -> None:
    """The ISCC-ID changes the metadata that they are of."""
    sign(crate, ADA)

    assert declare(crate, ADA, hub.url).stale == (SIGNATURE,)


def test_what_is_begun_is_finished_without_another_declaration(crate: Path, hub: Hub) -> None:
    """A process that was killed after the receipt came left all that is needed."""
    before = (crate / METADATA).read_bytes()
    made = declare(crate, ADA, hub.url)
    (crate / METADATA).write_bytes(before)
    (crate / DOCUMENT).unlink()
    assert {f.id for f in verify(crate).findings} >= {"receipt.invalid"}

    again = declare(crate, ADA, hub.url)

    assert (again.iscc_id, again.was_there) == (made.iscc_id, True)
    assert len(hub.log) == 1
    assert verify(crate).verdict is Verdict.VALID


def test_a_hub_without_a_document_has_given_a_receipt_all_the_same(crate: Path, hub: Hub) -> None:
    """It is kept, and the next run goes on from there."""
    hub.has_document = False
    with pytest.raises(TrustError, match="DID document of the hub did not come"):
        declare(crate, ADA, hub.url)
    assert (crate / RECEIPT).exists()

    hub.has_document = True
    assert declare(crate, ADA, hub.url).was_there
    assert len(hub.log) == 1
    assert verify(crate).verdict is Verdict.VALID


def test_a_build_says_that_a_receipt_is_of_the_payload_of_before(crate: Path, hub: Hub) -> None:
    """It is kept, as is the ISCC-ID: both still name what was declared."""
    declare(crate, ADA, hub.url)
    assert not build(crate, description="The same files").notes
    (crate / "b.txt").write_bytes(b"more")

    assert [(note.id, note.path) for note in build(crate).notes] == [
        ("build.stale-receipt", RECEIPT)
    ]
    assert {finding.id for finding in verify(crate).findings} == {"receipt.other"}


def test_a_receipt_is_never_overwritten(crate: Path, hub: Hub) -> None:
    """Of a crate that has changed there is a receipt of before: it is somebody's to move."""
    declare(crate, ADA, hub.url)
    kept = (crate / RECEIPT).read_bytes()
    (crate / "b.txt").write_bytes(b"more")
    build(crate)

    with pytest.raises(TrustError, match="something else") as caught:
        declare(crate, ADA, hub.url, force=True)
    assert RECEIPT in str(caught.value.hint)
    assert (crate / RECEIPT).read_bytes() == kept

    (crate / RECEIPT).rename(crate.parent / "old-receipt.json")
    with pytest.raises(InputError, match="has an ISCC-ID already"):
        declare(crate, ADA, hub.url)
    made = declare(crate, ADA, hub.url, force=True)
    known = iscc_ids_of(Crate.parse((crate / METADATA).read_bytes()))
    assert known == (made.iscc_id, hub.log[0][0])
    assert verify(crate).verdict is Verdict.VALID


def test_what_was_declared_before_is_named(crate: Path, tmp_path: Path, hub: Hub) -> None:
    """With the ISCC-ID and whose it is; with force there is a second one."""
    declare(built(tmp_path / "theirs"), MALLORY, hub.url)

    with pytest.raises(DuplicateError) as caught:
        declare(crate, ADA, hub.url)
    assert hub.log[0][0] in str(caught.value)
    assert MALLORY.public in str(caught.value)
    assert not (crate / NOTE).exists()
    assert not (crate / RECEIPT).exists()

    made = declare(crate, ADA, hub.url, force=True)
    assert made.iscc_id == hub.log[1][0] != hub.log[0][0]
    nonces = {note["nonce"] for note in hub.seen}
    assert len(nonces) == len(hub.seen)


def test_a_lost_answer_leaves_the_note_that_was_sent(crate: Path, hub: Hub) -> None:
    """A hub of the older protocol does not give the receipt again, and that is said."""
    hub.lose = True
    with pytest.raises(LostAnswerError, match="did not answer") as caught:
        declare(crate, ADA, hub.url)
    assert NOTE in str(caught.value.hint)
    assert json.loads((crate / NOTE).read_bytes()) == hub.log[0][1]
    assert verify(crate).verdict is Verdict.VALID

    hub.lose = False
    with pytest.raises(TrustError, match="you have declared this content as ISCC:ME") as again:
        declare(crate, ADA, hub.url)
    assert "once" in str(again.value)
    assert json.loads((crate / NOTE).read_bytes()) == hub.log[0][1]

    declare(crate, ADA, hub.url, force=True)
    assert not (crate / NOTE).exists()
    assert verify(crate).verdict is Verdict.VALID


def test_a_hub_with_a_log_gives_a_lost_receipt_again(crate: Path, log_hub: Hub) -> None:
    """Whoever declared it and runs it again gets what was lost."""
    log_hub.lose = True
    with pytest.raises(LostAnswerError):
        declare(crate, ADA, log_hub.url, hub_id=7)
    log_hub.lose = False

    made = declare(crate, ADA, log_hub.url, hub_id=7)

    assert made.iscc_id == log_hub.log[0][0]
    assert len(log_hub.log) == 1
    assert not (crate / NOTE).exists()
    assert verify(crate).verdict is Verdict.VALID


def test_the_same_bytes_under_other_names_are_another_crate(crate: Path, log_hub: Hub) -> None:
    """Their datahash is known to the hub; its receipt is of other names, and is not taken."""
    declare(crate, ADA, log_hub.url, hub_id=7)
    renamed = built(crate.parent / "renamed")
    move(renamed, "b.txt", "c.txt")
    build(renamed)

    with pytest.raises(DuplicateError):
        declare(renamed, ADA, log_hub.url, hub_id=7)
    assert not (renamed / RECEIPT).exists()


REFUSALS = {
    "the hub has another id": ({"hub_id": 5}, "--hub-id (the hub itself says 5)"),
    "its clock is ahead": ({"clock": 700}, "set the clock of this machine"),
    "its clock is behind": ({"clock": -700}, "set the clock of this machine"),
    "it sends elsewhere": ({"replies": [307, 307]}, "sends elsewhere"),
    "it knows other keys": ({"replies": [401]}, "keys that it knows only"),
    "there is no such place": ({"replies": [404]}, "answers with 404"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_a_hub_does_not_take_leaves_nothing(crate: Path, name: str) -> None:
    """Each refusal is one clear error, and the crate is as it was."""
    manner, told = REFUSALS[name]
    before = _files(crate)
    key = {"CRATE_ISCC_KEY": key_file(ADA).decode()}
    with Hub(**manner).serving() as hub:  # type: ignore[arg-type]
        ended = run("declare", crate, "--hub", hub.url, env=key)

    assert ended.code == 2
    assert told in ended.err
    assert _files(crate) == before


def _files(crate: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in crate.rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    "reply", [500, b"", b"<html>", b"[]", b"{}", b'{"iscc_id": "ISCC:MAI"}', b"x" * (1 << 21)]
)
def test_an_answer_that_is_no_receipt_may_be_a_lost_one(
    crate: Path, hub: Hub, reply: int | bytes
) -> None:
    """The hub may have taken the declaration: what was sent is kept."""
    hub.replies = [reply]

    with pytest.raises(LostAnswerError):
        declare(crate, ADA, hub.url)
    assert (crate / NOTE).exists()
    assert not (crate / RECEIPT).exists()


@pytest.mark.parametrize(
    "begin",
    [
        b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n",
        b"\x1b[2J no HTTP\r\n",
    ],
)
def test_nobody_is_waited_for_forever(
    crate: Path, monkeypatch: pytest.MonkeyPatch, begin: bytes
) -> None:
    """A hub that answers byte by byte, and one that speaks something else."""
    monkeypatch.setattr("crate_iscc.trust.asking._LONGEST", 1)

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(begin)
            while True:
                connection.sendall(b" ")
                time.sleep(0.1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(LostAnswerError) as caught:
            declare(crate, ADA, f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join(10)
    assert str(caught.value).isprintable()
    assert not thread.is_alive()


def test_a_false_receipt_is_kept_and_not_believed(crate: Path, tmp_path: Path, hub: Hub) -> None:
    """It may be evidence against the hub; the metadata do not get its ISCC-ID."""
    declare(built(tmp_path / "other"), MALLORY, hub.url)
    other = json.dumps(hub.receipt(0)).encode()
    hub.replies = [other]
    before = (crate / METADATA).read_bytes()

    with pytest.raises(TrustError, match="somebody else has declared it"):
        declare(crate, ADA, hub.url)
    assert (crate / RECEIPT).read_bytes() == other
    assert (crate / METADATA).read_bytes() == before


def test_a_crate_that_is_not_as_recorded_is_not_declared(crate: Path, hub: Hub) -> None:
    """Nothing of it leaves the machine."""
    flip_bit(crate / "raw/a.bin")

    with pytest.raises(TrustError, match="not as recorded"):
        declare(crate, ADA, hub.url)
    assert hub.seen == []


def test_a_zip_is_not_declared(crate: Path, tmp_path: Path, hub: Hub) -> None:
    """Its metadata would have to change; that is said before anything is sent."""
    archive = zip_of(crate, tmp_path / "crate.zip")

    with pytest.raises(InputError, match="metadata of a zip"):
        declare(archive, ADA, hub.url)
    assert hub.seen == []


def test_nobody_there_is_told_as_such(crate: Path) -> None:
    """Nothing was sent, so nothing can be lost."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TrustError, match="cannot be reached") as caught:
            declare(crate, ADA, url)
    assert not isinstance(caught.value, LostAnswerError)
    assert not (crate / "iscc-proof").is_dir() or not list((crate / "iscc-proof").iterdir())


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a.example", "hub", "http://", "x:/ /"]
)
def test_only_the_web_is_asked(crate: Path, url: str) -> None:
    """Any other address is refused."""
    with pytest.raises(InputError, match="not the address"):
        declare(crate, ADA, url)


def test_a_did_web_that_is_not_shown_to_have_the_key_is_claimed(crate: Path, hub: Hub) -> None:
    """Hubs believe any DID; only a trusted document of it says that the key is its own."""
    key = SigningKey(ADA.secret, ADA.public, "did:web:nature.example")
    declare(crate, key, hub.url)

    (proof,) = verify(crate, trust=trust_set({"hub.json": hub.document()})).proofs
    assert proof.declarer == f"did:web:nature.example (claimed; the key is {ADA.public})"


def test_a_hub_is_asked_who_declared(crate: Path, log_hub: Hub, hub: Hub) -> None:
    """By a crate, a code or a file; a hub that cannot be asked is named."""
    declare(crate, ADA, log_hub.url, hub_id=7)
    iscc_id, note = log_hub.log[0]

    for what in (crate, note["iscc_code"], note["datahash"], iscc_id):
        ended = run("lookup", what, "--hub", log_hub.url)
        assert ended.code == 0, ended.err
        assert ended.lines[0].startswith(f"{iscc_id}  declared at ")
        assert ADA.public in ended.out
    for nothing in (crate / "b.txt", "ISCC:MEIGMFDDKYTREQAA"):
        ended = run("lookup", nothing, "--hub", log_hub.url)
        assert (ended.code, "nobody has declared" in ended.out) == (0, True)

    unable = run("lookup", crate, "--hub", hub.url)
    assert unable.code == 2
    assert "cannot be asked what was declared" in unable.err


def test_a_note_for_another_time_is_not_sent_as_of_now(crate: Path, hub: Hub) -> None:
    """The time of the note is that of the caller, with milliseconds."""
    moment = datetime.now(UTC) - timedelta(minutes=20)
    with pytest.raises(RefusedError, match="clocks"):
        declare(crate, ADA, hub.url, now=moment)


@pytest.mark.skipif(not os.environ.get("CRATE_ISCC_TEST_HUB_URL"), reason="no hub is named")
def test_a_real_hub_takes_a_declaration(tmp_path: Path) -> None:
    """CRATE_ISCC_TEST_HUB_URL names it, CRATE_ISCC_TEST_HUB_ID its id (0 without)."""
    crate = built(tmp_path / "crate")
    (crate / "b.txt").write_bytes(os.urandom(32))
    build(crate)
    url = os.environ["CRATE_ISCC_TEST_HUB_URL"]

    declare(crate, ADA, url, hub_id=int(os.environ.get("CRATE_ISCC_TEST_HUB_ID", "0")))

    (proof,) = verify(crate).proofs
    assert proof.kind is ProofKind.RECEIPT
    copy = tmp_path / "copy"
    shutil.copytree(crate, copy)
    assert verify(copy).verdict is Verdict.VALID
