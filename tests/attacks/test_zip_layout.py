"""Every byte of a zip belongs to a member, to the directory, or is counted as belonging to none."""

import io
import zipfile
from random import Random

import pytest
from attack_zip import DEFLATED, STORED, Member, archive
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.sources.zip_directory import read_directory
from crate_iscc.sources.zip_layout import Layout, layout_of


def layout(raw: bytes) -> Layout:
    directory = read_directory(io.BytesIO(raw))
    return layout_of(directory, len(raw), lambda at, size: raw[at : at + size])


_SIZES = st.sampled_from([0, 1, 12, 16, 20, 24, 300])
_MEMBERS = st.builds(
    lambda content, method, descriptor, signed, zip64, extra, gap: {
        "content": content,
        "method": method,
        "descriptor": 0 if zip64 else descriptor,
        "signed": signed,
        "zip64": zip64,
        "local_extra": b"\x99\x99" + len(extra).to_bytes(2, "little") + extra if extra else b"",
        "gap": Random(gap).randbytes(gap),
    },
    st.binary(max_size=40),
    st.sampled_from([STORED, DEFLATED]),
    st.sampled_from([0, 4, 8]),
    st.booleans(),
    st.booleans(),
    st.binary(max_size=30),
    _SIZES,
)


@given(
    members=st.lists(_MEMBERS, max_size=5),
    prefix=_SIZES,
    relative=st.booleans(),
    suffix=_SIZES,
    comment=st.binary(max_size=30).filter(lambda text: b"PK" not in text),
    zip64=st.booleans(),
)
def test_bytes_that_belong_nowhere_are_counted_exactly(
    members: list[dict[str, object]],
    prefix: int,
    relative: bool,
    suffix: int,
    comment: bytes,
    zip64: bool,
) -> None:
    """APPNOTE 6.3.10, section 4.3.6: what an archive consists of; all else is counted."""
    written = [Member(name=b"m%d" % n, **member) for n, member in enumerate(members)]  # type: ignore[arg-type]
    raw = archive(
        written,
        prefix=b"\x01" * prefix,
        suffix=b"\x02" * suffix,
        comment=comment,
        zip64=zip64,
        relative=relative,
    )

    found = layout(raw)

    assert found.overlapping == frozenset()
    assert found.before == prefix
    assert found.between == sum(len(member.gap) for member in written)
    assert found.behind == suffix
    assert bool(found.remarks()) is bool(prefix + found.between + suffix)


@pytest.mark.parametrize("flagged", [0x800, 0])
def test_a_name_counts_as_the_bytes_that_it_takes(flagged: int) -> None:
    """With the UTF-8 flag or without."""
    written = [Member(name="Färbung 面试".encode(), flags=flagged), Member(name=b"b")]

    assert layout(archive(written)) == Layout()


@pytest.mark.parametrize("more", [1, 20, 100])
def test_a_member_that_reaches_into_others_is_named_by_its_place(more: int) -> None:
    """Whether its own header is read for that or not."""
    first = Member(name=b"a", content=b"x" * 9, packed_size=9 + more)
    raw = archive([Member(name=b"0"), first, Member(name=b"b", content=b"y" * 200)])

    with zipfile.ZipFile(io.BytesIO(raw)) as opened:
        assert layout(raw).overlapping == {opened.getinfo("a").header_offset}


def test_bytes_in_the_end_record_of_zip64_are_refused() -> None:
    """Its "extensible data sector" is for nobody (section 4.3.14.2), and a place to hide."""
    raw = archive([Member(name=b"a")], zip64=True)
    at = raw.index(b"PK\x06\x06")

    assert layout(raw).behind == 0
    grown = raw[: at + 4] + (44 + 10).to_bytes(8, "little") + raw[at + 12 : at + 56]
    with pytest.raises(zipfile.BadZipFile):
        layout(grown + b"0123456789" + raw[at + 56 :])
