"""ISCC-SUMs, units and datahashes: one spelling each, and what they say of two byte streams."""

import base64

import iscc_core
import pytest
from blake3 import blake3

from crate_iscc.codes import (
    Distance,
    Fingerprint,
    is_iscc_sum,
    parse_datahash,
    parse_iscc,
    parse_pairs,
)
from crate_iscc.errors import InputError

HELLO = b"Hello, ISCC!"
HELLO_NARROW = "ISCC:KUAJT3PT7PO3RSCYK5JRHEQEAWCIY"
HELLO_WIDE = "ISCC:K4AJT3PT7PO3RSCYIBY4RQPWPKK32V2TCOJAIBMERREXN6K6QME5XRI"
HELLO_UNITS = (
    "ISCC:GADZT3PT7PO3RSCYIBY4RQPWPKK33OVUEHESE2R43HHB4AL3D42D6GY",
    "ISCC:IADVOUYTSICALBEMJF3PSXUDBHN4L6CCU74D54GW5XVDTDGCHDZTQ3I",
)
EMPTY_NARROW = "ISCC:KUACL4F2WZY7KBXBV4JUTOPV7GQ2M"
EMPTY_WIDE = "ISCC:K4ACL4F2WZY7KBXBYUZPREWZ26IXVLYTJG47L6NBU2QEATPKG3OMSSI"
EMPTY_UNITS = (
    "ISCC:GADSL4F2WZY7KBXBYUZPREWZ26IXUJJOPJJAQMXVSY5IZVHJU7RRFNI",
    "ISCC:IAD26E2JXH27TINGUBAE32RW3TEUTG6LEXE23QISW7GJVE6K4QPTEYQ",
)
VECTORS = [
    (HELLO, HELLO_NARROW, HELLO_WIDE, HELLO_UNITS),
    (b"", EMPTY_NARROW, EMPTY_WIDE, EMPTY_UNITS),
]

DATA = bytes(range(32))
INSTANCE = bytes(range(100, 132))
WHOLE = Fingerprint(7, DATA, INSTANCE)


def of_units(content: bytes, units: tuple[str, str]) -> Fingerprint:
    data, instance = (parse_iscc(unit) for unit in units)
    return Fingerprint(len(content), data.data, instance.instance)


def encoded(header: str, body: bytes) -> str:
    return "ISCC:" + base64.b32encode(bytes.fromhex(header) + body).decode().rstrip("=")


@pytest.mark.parametrize(("content", "narrow", "wide", "units"), VECTORS)
def test_the_published_codes_are_truncations_of_one_fingerprint(
    content: bytes, narrow: str, wide: str, units: tuple[str, str]
) -> None:
    """The test vectors of iscc-sum come out narrow, wide and as units.

    IEP-0016, Format: "An ISCC-BODY containing exactly two components in the following order: a
    128-bit Data-Code digest; a 128-bit Instance-Code digest."
    """
    known = of_units(content, units)

    assert known.complete
    assert (known.iscc(wide=False), known.iscc(), known.units()) == (narrow, wide, units)
    assert known.datahash == "1e20" + blake3(content).hexdigest()


@pytest.mark.parametrize(("content", "narrow", "wide", "units"), VECTORS)
def test_a_parsed_code_says_as_much_as_it_holds(
    content: bytes, narrow: str, wide: str, units: tuple[str, str]
) -> None:
    """A wide ISCC-SUM gives 128 bits of each code, a narrow one 64, and neither a size."""
    whole = of_units(content, units)
    assert whole.data is not None
    assert whole.instance is not None

    assert parse_iscc(wide) == Fingerprint(None, whole.data[:16], whole.instance[:16])
    assert parse_iscc(narrow) == Fingerprint(None, whole.data[:8], whole.instance[:8])


@pytest.mark.parametrize("bits", range(32, 257, 32))
def test_units_of_every_length_are_read(bits: int) -> None:
    """Data-Codes and Instance-Codes as iscc-core writes them, from 32 to 256 bits, are read."""
    data, instance = (
        "ISCC:" + iscc_core.encode_component(kind, 0, 0, bits, body)
        for kind, body in ((iscc_core.MT.DATA, DATA), (iscc_core.MT.INSTANCE, INSTANCE))
    )

    assert parse_iscc(data) == Fingerprint(data=DATA[: bits // 8])
    assert parse_iscc(instance) == Fingerprint(instance=INSTANCE[: bits // 8])


def test_units_are_written_as_iscc_core_writes_them() -> None:
    """The 256-bit units have the headers of ISO 24138."""
    data = iscc_core.encode_component(iscc_core.MT.DATA, 0, 0, 256, DATA)
    instance = iscc_core.encode_component(iscc_core.MT.INSTANCE, 0, 0, 256, INSTANCE)

    assert WHOLE.units() == (f"ISCC:{data}", f"ISCC:{instance}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ISCC:",
        HELLO_WIDE.removeprefix("ISCC:"),
        HELLO_WIDE.lower(),
        "iscc:" + HELLO_WIDE.removeprefix("ISCC:"),
        HELLO_WIDE + "A",
        HELLO_WIDE + "\n",
        HELLO_WIDE + "=",
        " " + HELLO_WIDE,
        HELLO_WIDE[:-1],
        HELLO_WIDE[:-8],
        HELLO_WIDE[:20] + "1" + HELLO_WIDE[21:],
        HELLO_WIDE[:20] + "-" + HELLO_WIDE[21:],
        HELLO_NARROW + HELLO_NARROW.removeprefix("ISCC:"),
        encoded("5700", bytes(16)),
        encoded("5500", bytes(32)),
        encoded("5701", bytes(32)),
        encoded("3007", bytes(16)),
        encoded("3008", bytes(36)),
        encoded("3107", bytes(32)),
    ],
)
def test_a_damaged_code_is_refused(text: str) -> None:
    """Cut, lengthened, misspelt, lower-case and wrongly headed codes say nothing."""
    with pytest.raises(InputError):
        parse_iscc(text)


@pytest.mark.parametrize("text", [HELLO_WIDE, HELLO_NARROW, *HELLO_UNITS])
def test_a_code_has_one_spelling(text: str) -> None:
    """A text whose unused last bits are set is refused, although it decodes to the same bytes.

    RFC 4648, section 3.5: "These pad bits MUST be set to zero by conforming encoders".
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    other = text[:-1] + alphabet[alphabet.index(text[-1]) + 1]
    padding = "=" * (-len(text.removeprefix("ISCC:")) % 8)
    assert base64.b32decode(other[5:] + padding) == base64.b32decode(text[5:] + padding)

    with pytest.raises(InputError):
        parse_iscc(other)


@pytest.mark.parametrize(
    "code",
    [
        iscc_core.gen_iscc_id(1714503123456789, 1, 0)["iscc"],
        iscc_core.gen_meta_code("Cells", bits=256)["iscc"],
        iscc_core.gen_text_code("Cells", bits=256)["iscc"],
    ],
    ids=["ISCC-ID", "Meta-Code", "Text-Code"],
)
def test_a_code_that_is_not_about_bytes_is_refused(code: str) -> None:
    """An ISCC-ID and the codes of meaning and content say nothing about a byte stream."""
    with pytest.raises(InputError):
        parse_iscc(code)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (HELLO_WIDE, True),
        (HELLO_NARROW, True),
        (HELLO_UNITS[0], False),
        (HELLO_UNITS[1], False),
        (HELLO_WIDE[:-1], False),
    ],
)
def test_an_iscc_sum_is_a_whole_wide_or_narrow_code(text: str, answer: bool) -> None:
    """A unit alone is no ISCC-SUM, and neither is one that was cut."""
    assert is_iscc_sum(text) is answer


def test_a_datahash_is_the_whole_instance_code() -> None:
    """The multihash and the Instance-Code unit of one stream say the same."""
    datahash = "1e20" + INSTANCE.hex()

    assert parse_datahash(datahash) == Fingerprint(instance=INSTANCE)
    assert parse_datahash(datahash.upper()) == Fingerprint(instance=INSTANCE)
    assert WHOLE.datahash == datahash


@pytest.mark.parametrize(
    "text", ["", "1e20", "1e20" + "0" * 63, "1e20" + "0" * 65, "1e20" + "g" * 64, "1220" + "0" * 64]
)
def test_a_damaged_datahash_is_refused(text: str) -> None:
    """Only `1e20` and 64 hexadecimal digits are one; `1220` would be SHA-256."""
    with pytest.raises(InputError):
        parse_datahash(text)


@pytest.mark.parametrize(
    ("size", "data", "instance"),
    [
        (-1, None, None),
        (1, b"", None),
        (1, b"abc", None),
        (1, None, bytes(33)),
        (1, bytes(6), None),
    ],
)
def test_a_fingerprint_that_cannot_be_is_not_made(
    size: int, data: bytes | None, instance: bytes | None
) -> None:
    """Sizes are not negative, and codes have 32 to 256 bits in steps of 32."""
    with pytest.raises(ValueError, match=r"size|body"):
        Fingerprint(size, data, instance)


def test_no_code_is_made_up_from_less_than_it_holds() -> None:
    """Narrow codes are not widened, and cut ones have no units and no datahash."""
    narrow = Fingerprint(7, DATA[:8], INSTANCE[:8])
    assert narrow.iscc(wide=False) == WHOLE.iscc(wide=False)

    with pytest.raises(ValueError, match="not known"):
        narrow.iscc()
    with pytest.raises(ValueError, match="not known"):
        Fingerprint(7, DATA, None).iscc(wide=False)
    with pytest.raises(ValueError, match="not known"):
        Fingerprint(7, DATA, INSTANCE[:16]).units()
    assert Fingerprint(7, DATA, INSTANCE[:28]).datahash is None


@pytest.mark.parametrize(
    ("known", "complete", "verifiable"),
    [
        (WHOLE, True, True),
        (Fingerprint(None, DATA, INSTANCE), False, True),
        (Fingerprint(7, DATA[:16], INSTANCE), False, True),
        (Fingerprint(7, DATA, INSTANCE[:8]), False, True),
        (Fingerprint(7, DATA, INSTANCE[:4]), False, False),
        (Fingerprint(7, DATA), False, False),
        (Fingerprint(), False, False),
    ],
)
def test_bytes_can_be_verified_from_64_bits_of_the_instance_code(
    known: Fingerprint, complete: bool, verifiable: bool
) -> None:
    """A fingerprint is complete with its size and 256 bits of both codes."""
    assert (known.complete, known.verifiable) == (complete, verifiable)


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        (WHOLE, WHOLE, True),
        (Fingerprint(None, None, INSTANCE[:8]), WHOLE, True),
        (Fingerprint(None, None, INSTANCE[:8]), Fingerprint(8, None, INSTANCE), True),
        (Fingerprint(7, None, b"\0" + INSTANCE[1:8]), WHOLE, False),
        (Fingerprint(7, None, INSTANCE[:31] + b"\0"), WHOLE, False),
        (Fingerprint(8, None, INSTANCE), WHOLE, False),
        (Fingerprint(8), Fingerprint(7), False),
        (Fingerprint(7), WHOLE, None),
        (Fingerprint(7, DATA), WHOLE, None),
        (Fingerprint(), WHOLE, None),
    ],
)
def test_bytes_are_the_same_as_far_as_both_sides_know(
    one: Fingerprint, two: Fingerprint, same: bool | None
) -> None:
    """Equal sizes and equal Data-Codes alone prove nothing; one difference is enough."""
    assert one.same_bytes(two) is same
    assert two.same_bytes(one) is same


def test_a_distance_counts_the_bits_that_both_sides_know() -> None:
    """A narrow code is compared with the first 64 bits of a longer one."""
    far = Fingerprint(data=bytes([DATA[0] ^ 0b111]) + DATA[1:31] + bytes([DATA[31] ^ 0xFF]))

    assert WHOLE.distance(far) == Distance(11, 256)
    assert WHOLE.distance(parse_iscc(WHOLE.iscc(wide=False))) == Distance(0, 64)
    assert far.distance(parse_iscc(WHOLE.iscc())) == Distance(3, 128)
    assert WHOLE.distance(Fingerprint(7, None, INSTANCE)) is None
    assert str(Distance(11, 256)) == "11 of 256 bits"


@pytest.mark.parametrize(
    ("bits", "of", "word"),
    [
        (0, 256, "near-identical"),
        (16, 256, "near-identical"),
        (17, 256, "similar"),
        (80, 256, "similar"),
        (81, 256, "unrelated"),
        (128, 256, "unrelated"),
        (8, 128, "near-identical"),
        (40, 128, "similar"),
        (41, 128, "unrelated"),
        (4, 64, "near-identical"),
        (5, 64, "similar"),
        (12, 64, "similar"),
        (13, 64, "unrelated"),
        (21, 64, "unrelated"),
    ],
)
def test_the_word_for_a_distance_depends_on_the_share_of_bits(
    bits: int, of: int, word: str
) -> None:
    """Up to one in sixteen is near-identical, up to five in sixteen is similar."""
    assert Distance(bits, of).word == word


def test_two_records_of_one_stream_merge_into_what_both_say() -> None:
    """The longer of two codes is kept, and the size of the one that has it."""
    wide = parse_iscc(WHOLE.iscc())
    datahash = Fingerprint(7, None, INSTANCE)

    assert wide.merged(datahash) == Fingerprint(7, DATA[:16], INSTANCE)
    assert datahash.merged(wide) == Fingerprint(7, DATA[:16], INSTANCE)
    assert Fingerprint().merged(Fingerprint()) == Fingerprint()


@pytest.mark.parametrize(
    "other",
    [
        Fingerprint(8),
        Fingerprint(7, b"\xff" + DATA[1:8]),
        Fingerprint(None, None, INSTANCE[:7] + b"\0"),
    ],
)
def test_records_that_contradict_do_not_merge(other: Fingerprint) -> None:
    """A different size, Data-Code or Instance-Code belongs to other bytes."""
    assert WHOLE.merged(other) is None
    assert other.merged(WHOLE) is None


HELLO_DATAHASH = "1e20" + blake3(HELLO).hexdigest()
EMPTY_DATAHASH = "1e20" + blake3(b"").hexdigest()


def test_many_pairs_are_parsed_at_once() -> None:
    """They give the Data-Codes of the ISCC-SUMs and the Instance-Codes of the datahashes."""
    found = parse_pairs([HELLO_DATAHASH, EMPTY_DATAHASH], [HELLO_WIDE, EMPTY_WIDE])

    assert found == (
        [parse_iscc(HELLO_WIDE).data, parse_iscc(EMPTY_WIDE).data],
        [blake3(HELLO).digest(), blake3(b"").digest()],
    )


def _of_base32(raw: bytes) -> str:
    return "ISCC:" + base64.b32encode(raw).decode().rstrip("=")


@pytest.mark.parametrize(
    ("datahash", "iscc"),
    [
        (HELLO_DATAHASH.upper(), HELLO_WIDE),
        ("1e21" + HELLO_DATAHASH[4:], HELLO_WIDE),
        ("1f20" + HELLO_DATAHASH[4:], HELLO_WIDE),
        (HELLO_DATAHASH[:-2] + " f", HELLO_WIDE),
        (HELLO_DATAHASH[:-1], HELLO_WIDE),
        (EMPTY_DATAHASH, HELLO_WIDE),
        (HELLO_DATAHASH, HELLO_NARROW),
        (HELLO_DATAHASH, HELLO_UNITS[1]),
        (HELLO_DATAHASH, HELLO_WIDE[:-1] + "J"),
        (HELLO_DATAHASH, HELLO_WIDE[:-1]),
        (HELLO_DATAHASH, HELLO_WIDE[:5] + HELLO_WIDE[5:].lower()),
        (HELLO_DATAHASH, HELLO_WIDE.replace("CYI", "C_I")),
        (HELLO_DATAHASH, HELLO_WIDE.lower()),
        (HELLO_DATAHASH, "ISCX:" + HELLO_WIDE[5:]),
        (HELLO_DATAHASH, HELLO_WIDE[:30] + "ISCC:" + HELLO_WIDE[35:]),
        (HELLO_DATAHASH, _of_base32(b"\x57\x01" + base64.b32decode(HELLO_WIDE[5:] + "=")[2:])),
        (HELLO_DATAHASH, _of_base32(b"\x55\x00" + base64.b32decode(HELLO_WIDE[5:] + "=")[2:])),
        (HELLO_DATAHASH, HELLO_WIDE[:-1] + "\u0130"),
    ],
)
@pytest.mark.parametrize("place", [0, 1])
def test_pairs_are_not_parsed_at_once_where_one_is_unusual(
    datahash: str, iscc: str, place: int
) -> None:
    """It may be right and written otherwise, or wrong: one by one that comes out."""
    pairs = [(EMPTY_DATAHASH, EMPTY_WIDE)]
    pairs.insert(place, (datahash, iscc))

    assert parse_pairs(*map(list, zip(*pairs, strict=True))) is None
