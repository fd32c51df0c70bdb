"""Properties of codes: one spelling each, and comparisons that hang together."""

import base64

import iscc_core
from hypothesis import given
from hypothesis import strategies as st
from property_strategies import bodies, fingerprints, steady, whole_fingerprints

from crate_iscc.codes import DATAHASH_PREFIX, Fingerprint, parse_datahash, parse_iscc
from crate_iscc.errors import InputError


def parsed(text: str) -> Fingerprint | None:
    try:
        return parse_iscc(text)
    except InputError:
        return None


@steady
@given(whole_fingerprints)
def test_what_is_written_is_read(known: Fingerprint) -> None:
    """Wide, narrow, units and datahash each give back the bits they hold."""
    assert known.data is not None
    assert known.instance is not None

    assert parse_iscc(known.iscc()) == Fingerprint(None, known.data[:16], known.instance[:16])
    assert parse_iscc(known.iscc(wide=False)) == Fingerprint(
        None, known.data[:8], known.instance[:8]
    )
    assert [parse_iscc(unit) for unit in known.units()] == [
        Fingerprint(None, known.data, None),
        Fingerprint(None, None, known.instance),
    ]
    assert parse_datahash(str(known.datahash)) == Fingerprint(None, None, known.instance)


@steady
@given(whole_fingerprints)
def test_iscc_core_agrees_on_the_codes(known: Fingerprint) -> None:
    """The reference implementation builds the same narrow ISCC-SUM and the same units.

    IEP-0016, Generation, of the wide one: "Truncate the Data-Code digest to exactly 128 bits.
    Truncate the Instance-Code digest to exactly 128 bits. Concatenate".
    """
    assert known.data is not None
    assert known.instance is not None
    units = [
        iscc_core.encode_component(iscc_core.MT.DATA, 0, 0, 256, known.data),
        iscc_core.encode_component(iscc_core.MT.INSTANCE, 0, 0, 256, known.instance),
    ]

    assert known.units() == tuple(f"ISCC:{unit}" for unit in units)
    assert known.iscc(wide=False) == iscc_core.gen_iscc_code_v0(units)["iscc"]
    assert known.iscc() == iscc_core.gen_iscc_code_v0(units, wide=True)["iscc"]


@steady
@given(bodies, st.sampled_from([iscc_core.MT.DATA, iscc_core.MT.INSTANCE]))
def test_a_unit_of_any_length_is_read(body: bytes, kind: iscc_core.MT) -> None:
    """As iscc-core writes it, from 32 to 256 bits."""
    text = "ISCC:" + iscc_core.encode_component(kind, 0, 0, 8 * len(body), body)

    known = parse_iscc(text)

    assert (known.data, known.instance) == (
        (body, None) if kind == iscc_core.MT.DATA else (None, body)
    )


@steady
@given(st.from_regex(r"ISCC:(K4A|KUA|GA[A-H]|IA[A-H]|[A-Z2-7]{3})[A-Z2-7]{0,66}", fullmatch=True))
def test_a_text_is_read_only_where_it_is_the_one_spelling(text: str) -> None:
    """Whatever is read says exactly what base32 makes of the text, and nothing is left over.

    RFC 4648, section 3.5: "These pad bits MUST be set to zero by conforming encoders".
    """
    known = parsed(text)

    if known is not None:
        encoded = text.removeprefix("ISCC:")
        raw = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
        assert raw[2:] == (known.data or b"") + (known.instance or b"")
        assert base64.b32encode(raw).decode().rstrip("=") == encoded


@steady
@given(whole_fingerprints, st.booleans(), st.integers(0, 59), st.sampled_from("AQZ27a1= "))
def test_a_misspelt_code_is_never_taken_for_the_right_one(
    known: Fingerprint, wide: bool, place: int, character: str
) -> None:
    """One wrong character makes another code or none."""
    text = known.iscc(wide=wide)
    place %= len(text)
    other = text[:place] + character + text[place + 1 :]

    assert other == text or parsed(other) != parse_iscc(text)


@steady
@given(st.text())
def test_a_datahash_is_read_from_nothing_else(text: str) -> None:
    """Any other text raises InputError, and nothing but InputError."""
    for candidate in (text, DATAHASH_PREFIX + text, DATAHASH_PREFIX + text.rjust(64, "0")):
        try:
            known = parse_datahash(candidate)
        except InputError:
            continue
        assert known.datahash == candidate.lower()


@steady
@given(fingerprints, fingerprints)
def test_comparisons_do_not_depend_on_the_side(one: Fingerprint, two: Fingerprint) -> None:
    """Recorded against observed says the same as observed against recorded."""
    assert one.same_bytes(two) == two.same_bytes(one)
    assert one.same_data_code(two) == two.same_data_code(one)
    assert one.distance(two) == two.distance(one)
    assert one.merged(two) == two.merged(one)


@steady
@given(fingerprints)
def test_a_fingerprint_agrees_with_itself(known: Fingerprint) -> None:
    """It has the same bytes where 64 bits or more are known of them, and no distance."""
    distance = known.distance(known)

    assert known.same_bytes(known) is (True if known.verifiable else None)
    assert known.merged(known) == known
    assert distance is None or distance.bits == 0


@steady
@given(fingerprints, fingerprints)
def test_what_merges_agrees_with_both(one: Fingerprint, two: Fingerprint) -> None:
    """A merged record knows as much as either, and contradicts neither."""
    both = one.merged(two)

    if both is not None:
        for part in (one, two):
            assert both.merged(part) == both
            assert part.same_bytes(both) is not False
            assert part.same_data_code(both) is not False
    else:
        assert False in (one.same_bytes(two), one.same_data_code(two))


@steady
@given(whole_fingerprints, st.integers(1, 8), st.integers(1, 8))
def test_a_cut_fingerprint_agrees_with_the_whole_one(
    whole: Fingerprint, data: int, instance: int
) -> None:
    """Codes of one stream agree at whatever lengths they are known; 64 bits are evidence."""
    assert whole.data is not None
    assert whole.instance is not None
    cut = Fingerprint(None, whole.data[: 4 * data], whole.instance[: 4 * instance])

    assert whole.same_bytes(cut) is (True if instance >= 2 else None)
    assert whole.merged(cut) == whole


@steady
@given(bodies, bodies)
def test_a_distance_counts_each_bit_that_differs(one: bytes, two: bytes) -> None:
    """Over the bits that both know.

    IEP-0016, Comparison: "The Hamming distance between the 128-bit Data-Code components
    indicates data similarity".
    """
    pairs = list(zip(one, two, strict=False))

    distance = Fingerprint(data=one).distance(Fingerprint(data=two))

    assert distance is not None
    assert distance.bits == sum(bin(x ^ y).count("1") for x, y in pairs)
    assert distance.of == 8 * len(pairs)
