"""Where there is nothing to check against, there is no verdict, and never a good one."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from crate_iscc import InputError, ReadError, Thoroughness, build
from verify.verify_kit import METADATA, edit_metadata, verified
from verify.verify_nothing import NOTHING, Nothing, sizeless

each_depth = pytest.mark.parametrize("thoroughness", list(Thoroughness), ids=str)


@each_depth
@pytest.mark.parametrize("nothing", NOTHING, ids=lambda nothing: nothing.name)
def test_there_is_no_verdict_without_a_record(
    tmp_path: Path, nothing: Nothing, thoroughness: Thoroughness
) -> None:
    """What is no crate, or records nothing, raises one error that says what is wrong."""
    source = nothing.make(tmp_path)

    with pytest.raises(InputError) as caught:
        verified(source, thoroughness)

    assert nothing.word in str(caught.value)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("with_treehash", [True, False], ids=["with treehash", "without"])
def test_quick_has_no_verdict_where_no_size_is_recorded(
    tmp_path: Path, with_treehash: bool
) -> None:
    """Without sizes --quick has nothing to compare but names, and does not call that valid."""
    folder = sizeless(tmp_path, with_treehash=with_treehash)

    with pytest.raises(InputError, match="nothing can be verified"):
        verified(folder, Thoroughness.QUICK)


def test_a_crate_without_sizes_is_verified_by_its_contents(tmp_path: Path) -> None:
    """Where sizes are not recorded, datahashes are enough for a verdict."""
    folder = sizeless(tmp_path, with_treehash=False)

    report = verified(folder)

    assert report.counts.match == 2


def test_a_damaged_metadata_member_gives_no_verdict(plain: Path, tmp_path: Path) -> None:
    """Where the metadata of a zip cannot be unpacked, nothing is known of the rest."""
    archive = tmp_path / "crate.zip"
    build(plain, archive, compress=True)
    with zipfile.ZipFile(archive) as opened:
        info = opened.getinfo(METADATA)
    raw = bytearray(archive.read_bytes())
    middle = info.header_offset + info.compress_size // 2
    raw[middle : middle + 64] = b"\xff" * 64
    archive.write_bytes(raw)

    with pytest.raises(ReadError, match=METADATA):
        verified(archive)


def test_metadata_that_stand_twice_in_a_zip_give_no_verdict(plain: Path, tmp_path: Path) -> None:
    """Of two metadata files in one zip neither is chosen."""
    archive = tmp_path / "crate.zip"
    build(plain, archive)
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(archive, "a") as opened,
    ):
        opened.writestr(METADATA, (plain / METADATA).read_bytes())

    with pytest.raises(InputError, match="more than once"):
        verified(archive)


def test_linked_metadata_give_no_verdict(plain: Path) -> None:
    """Metadata are not read through a link."""
    (plain / METADATA).rename(plain.parent / "aside.json")
    (plain / METADATA).symlink_to(plain.parent / "aside.json")

    with pytest.raises(InputError, match="symbolic link"):
        verified(plain)


@pytest.mark.parametrize("length", [0, 1, 3, 4, 22, 100, 0.25, 0.5, 0.9, 0.999])
def test_a_cut_zip_gives_no_verdict(plain: Path, tmp_path: Path, length: float) -> None:
    """Wherever a zip was cut, it is called unreadable."""
    archive = tmp_path / "crate.zip"
    build(plain, archive)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * length) if length < 1 else int(length)])

    with pytest.raises(InputError, match=r"not a (readable zip archive|dataset)"):
        verified(archive)


def always(text: str) -> Callable[[str], str]:
    return lambda _whole: text


METADATA_DAMAGES: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[:-200],
    "doubled": lambda text: text + text,
    "no graph": lambda text: text.replace('"@graph"', '"graph"'),
    "no root": lambda text: text.replace('"about"', '"abuot"').replace('"./"', '"../"'),
    "deep": always("[" * 100_000),
    "empty graph": always('{"@graph": []}'),
    "null": always("null"),
    "two graphs": always('{"@graph": [], "@graph": []}'),
    "a key twice": lambda text: text.replace('"name": "Plain"', '"name": "A", "name": "B"'),
}


@pytest.mark.parametrize("damage", METADATA_DAMAGES.values(), ids=METADATA_DAMAGES.keys())
def test_damaged_metadata_give_no_verdict(plain: Path, damage: Callable[[str], str]) -> None:
    """Metadata that are not a whole RO-Crate document are refused with the reason."""
    text = (plain / METADATA).read_text(encoding="utf-8")
    assert damage(text) != text
    (plain / METADATA).write_text(damage(text), encoding="utf-8")

    with pytest.raises(InputError) as caught:
        verified(plain)

    assert len(caught.value.message) < 200


@pytest.mark.parametrize("key", ["value", "propertyID"])
def test_a_crate_without_any_code_is_not_saved_by_its_number_of_files(
    plain: Path, key: str
) -> None:
    """File counts and names are no fingerprints."""

    def strip(graph: list[dict[str, object]]) -> None:
        for entity in graph:
            if str(entity["@id"]).startswith(("#iscc", "#treehash")):
                entity.pop(key)
            elif entity["@type"] == "File":
                entity.pop("datahash")
                entity.pop("identifier")

    edit_metadata(plain, strip)

    with pytest.raises(InputError, match="nothing can be verified"):
        verified(plain)
    assert json.loads((plain / METADATA).read_text(encoding="utf-8"))
