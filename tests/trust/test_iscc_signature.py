"""Signatures of notes against the vectors of IEP-0019, "Test Vectors", and its five constraints."""

import pytest
from iscc_crypto import key_from_secret, sign_json, verify_json

from crate_iscc.errors import TrustError
from crate_iscc.trust.note import check_note

PUBLIC = "z6MkpFpVngrAUTSY6PagXa1x27qZqgdmmy3ZNWSBgyFSvBSx"
SECRET = "z3u2So9EAtuYVuxGog4F2ksFGws8YT7pBPs4xyRbv3NJgrNA"
CONTROLLER = "did:web:crypto.iscc.codes:alice"
PROOF_ONLY = (
    "z5mGkSPsC8bSah37m7RfPsBDYSCWnJQbQYBAZQD9r2THDhSJqN5uzsXD2fvnKMswjCs6rMgwS4QK9z712GgdDceSu"
)
SELF_VERIFYING = (
    "z5D274u1mgx4zgWgDZb2iJJJMGTPwDh6EgJjFdcTSwyXMH13Sb4HqmBF9JJRFTr7NJnpxHb2d4uvLZngdAoMeFDnk"
)
IDENTITY_BOUND = (
    "z52f1T5wnmgAWVFz84PmCzF74s6PQRaSFZxo4GzBfEaZ95P4nMgvJVN37BHNxjjyxuUmGmptoAP8kBDxZ3C7XhoJP"
)
WITH_KEY = {"pubkey": PUBLIC, "proof": SELF_VERIFYING}
WITH_CONTROLLER = {"controller": CONTROLLER, "pubkey": PUBLIC, "proof": IDENTITY_BOUND}


def document(**signature: object) -> dict[str, object]:
    """Return the signed document of the vectors."""
    return {"hello": "world", "signature": {"version": "ISCC-SIG v1.0", **signature}}


def test_the_key_alone_signs() -> None:
    """SELF_VERIFYING: whoever has the key."""
    declarer = check_note(document(**WITH_KEY))
    assert (declarer.did, declarer.key, declarer.is_claimed) == (f"did:key:{PUBLIC}", PUBLIC, False)


def test_a_controller_is_claimed() -> None:
    """IDENTITY_BOUND: the key says whose it is; nothing in the document proves that."""
    declarer = check_note(document(**WITH_CONTROLLER))
    assert (declarer.did, declarer.key, declarer.is_claimed) == (CONTROLLER, PUBLIC, True)


def test_a_proof_without_a_key_says_nothing() -> None:
    """PROOF_ONLY: the vector holds, and IEP-0013 does not take such signatures."""
    assert verify_json(document(proof=PROOF_ONLY), public_key=PUBLIC).signature_valid
    with pytest.raises(TrustError, match="by whom"):
        check_note(document(proof=PROOF_ONLY))


@pytest.mark.parametrize("controller", [None, CONTROLLER])
def test_what_signs_here_makes_the_vectors(controller: str | None) -> None:
    """The library that notes are signed with is deterministic."""
    signed = sign_json({"hello": "world"}, key_from_secret(SECRET, controller))
    assert signed == document(**(WITH_CONTROLLER if controller else WITH_KEY))


@pytest.mark.parametrize(
    "change",
    [
        {"version": "ISCC-SIG v2.0"},
        {"controller": "did:web:example.org"},
        {"controller": None},
        {"keyid": "key-1"},
        {"extra": "member"},
        {"pubkey": "z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"},
        {"pubkey": None},
        {"pubkey": PUBLIC[:-1]},
        {"proof": SELF_VERIFYING},
        {"proof": IDENTITY_BOUND[:-1]},
        {"proof": IDENTITY_BOUND[1:]},
        {"proof": ""},
        {"proof": None},
    ],
    ids=repr,
)
def test_any_other_signature_is_refused(change: dict[str, object]) -> None:
    """Every member is signed, but for the proof."""
    with pytest.raises(TrustError):
        check_note(document(**{**WITH_CONTROLLER, **change}))


def test_other_content_is_refused() -> None:
    """The signature is of this document."""
    with pytest.raises(TrustError, match="does not hold"):
        check_note({**document(**WITH_KEY), "hello": "World"})


def test_every_bit_of_a_signature_counts() -> None:
    """No character of a proof can be another, even where base58 would have room for it."""
    for position in range(1, len(SELF_VERIFYING)):
        for bit in range(7):
            letter = chr(ord(SELF_VERIFYING[position]) ^ 1 << bit)
            proof = SELF_VERIFYING[:position] + letter + SELF_VERIFYING[position + 1 :]
            with pytest.raises(TrustError):
                check_note(document(pubkey=PUBLIC, proof=proof))
