"""Recorded digests: what is one, what is none, and what they say of bytes."""

import pytest

from crate_iscc.errors import InputError
from crate_iscc.fixity import HEX_DIGITS, algorithm_named, judged, recorded_digest

A, B = 64 * "a", 64 * "b"


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("sha256", "sha256"),
        ("SHA-256", "sha256"),
        ("checksumAlgorithm_sha256", "sha256"),
        ("MD5", "md5"),
        ("SHA3-256", "sha3-256"),
        ("BLAKE2b-512", "blake2b"),
        ("BLAKE3", "blake3"),
        ("crc32", None),
        ("", None),
        ("sha", None),
    ],
)
def test_an_algorithm_is_known_by_its_usual_names(name: str, algorithm: str | None) -> None:
    """Capitals, hyphens and SPDX's prefix make no difference."""
    assert algorithm_named(name) == algorithm


@pytest.mark.parametrize("algorithm", HEX_DIGITS)
def test_a_digest_has_the_length_of_its_algorithm(algorithm: str) -> None:
    """One hex digit more or less is no digest."""
    text = HEX_DIGITS[algorithm] * "F"

    assert recorded_digest(algorithm, text, "x").hex == text.lower()
    assert recorded_digest(algorithm, f" {algorithm}:{text}\n", "x").hex == text.lower()
    for wrong in (text[1:], text + "0", "", f"g{text[1:]}", f"crc32:{text}", "TBC"):
        with pytest.raises(InputError, match=f"not a {algorithm} digest"):
            recorded_digest(algorithm, wrong, "x")


def test_the_strongest_digest_decides() -> None:
    """An equal md5 says nothing where the sha256 differs, and is no contradiction of a change."""
    md5 = recorded_digest("md5", 32 * "0", "md5")
    sha256 = recorded_digest("sha256", A, "sha256")

    changed = judged([md5, sha256], {"md5": 32 * "0", "sha256": B})
    intact = judged([md5, sha256], {"md5": 32 * "1", "sha256": A})

    assert changed is not None
    assert intact is not None
    assert (changed.same, changed.deciding, changed.observed) == (False, sha256, B)
    assert changed.others == ((md5, 32 * "0"),)
    assert (intact.same, intact.deciding) == (True, sha256)
    assert intact.others == ((md5, 32 * "1"),)


def test_of_two_digests_of_one_algorithm_one_has_to_agree() -> None:
    """The other one is told."""
    one, two = (recorded_digest("sha256", text, text[:1]) for text in (A, B))

    known = judged([one, two], {"sha256": B})

    assert known is not None
    assert (known.same, known.deciding, known.others) == (True, two, ((one, B),))


def test_without_a_computed_digest_nothing_is_said() -> None:
    """No judgement rests on nothing."""
    sha256 = recorded_digest("sha256", A, "sha256")

    assert judged([sha256], {}) is None
    assert judged([sha256], {"md5": 32 * "0"}) is None
    assert judged([], {"sha256": A}) is None
