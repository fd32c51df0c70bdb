"""What a microscopist calls one image is one unit, and only its own marker says that it is done."""

from collections.abc import Mapping, Sequence

import pytest

from crate_iscc.entries import Entry, EntryTable, StatKey
from crate_iscc.paths import CratePath
from crate_iscc.watching.units import Unit, UnitKind, is_temporary, marked, units_of


def listed(paths: Mapping[str, int] | Sequence[str]) -> EntryTable:
    times = paths if isinstance(paths, Mapping) else dict.fromkeys(paths, 1)
    return EntryTable.of(
        Entry(CratePath(path), 1, StatKey(time, time, 1, 1)) for path, time in times.items()
    )


def units(
    paths: Sequence[str], named: Mapping[str, Sequence[str]] | None = None
) -> dict[str, set[str]]:
    entries = listed(paths)
    found = units_of(entries, lambda entry: (named or {}).get(entry.path, ()))
    numbers = [number for unit in found for number in unit.numbers]
    assert sorted(numbers) == list(range(len(entries))), "each file is in one unit"
    return {unit.path: {entries.path(number) for number in unit.numbers} for unit in found}


def test_a_file_is_a_unit_and_a_zarr_is_one_whatever_is_in_it() -> None:
    """Also one whose metadata is not there yet, if its folder is named so."""
    assert units(["a.tif", "b.zarr/c/0", "deep/plate/zarr.json", "deep/plate/A/1/zarr.json"]) == {
        "a.tif": {"a.tif"},
        "b.zarr/": {"b.zarr/c/0"},
        "deep/plate/": {"deep/plate/zarr.json", "deep/plate/A/1/zarr.json"},
    }


def test_a_vsi_goes_with_the_folder_that_has_its_name() -> None:
    """Others beside it do not."""
    assert units(["s/a.vsi", "s/_a_/stack1/f.ets", "s/_b_/f.ets", "_a_/x"]) == {
        "s/a.vsi": {"s/a.vsi", "s/_a_/stack1/f.ets"},
        "s/_b_/f.ets": {"s/_b_/f.ets"},
        "_a_/x": {"_a_/x"},
    }


def test_the_images_of_metamorph_go_with_the_longest_name_that_is_theirs() -> None:
    """`run_2_w1.tif` belongs to `run_2.nd`, and not to `run.nd`."""
    assert units(["run.nd", "run_w1.stk", "run_2.nd", "run_2_w1.tif", "run_2.txt"]) == {
        "run.nd": {"run.nd", "run_w1.stk"},
        "run_2.nd": {"run_2.nd", "run_2_w1.tif"},
        "run_2.txt": {"run_2.txt"},
    }


def test_a_lif_goes_with_its_lifext() -> None:
    """And not with that of another."""
    assert units(["a.lif", "a.lifext", "b.lifext"]) == {
        "a.lif": {"a.lif", "a.lifext"},
        "b.lifext": {"b.lifext"},
    }


def test_a_companion_goes_with_the_files_that_it_names() -> None:
    """Those that are not there are known to be lacking."""
    name = "x/p.companion.ome"
    entries = listed([name, "x/1.ome.tif", "x/2.ome.tif", "1.ome.tif"])

    found = {u.path: u for u in units_of(entries, lambda _: ("1.ome.tif", "3.ome.tif"))}

    assert {entries.path(number) for number in found[name].numbers} == {name, "x/1.ome.tif"}
    assert found[name].lacking == ("x/3.ome.tif",)
    assert found["x/2.ome.tif"].kind is UnitKind.FILE


def test_a_companion_that_names_another_one_takes_nothing_twice() -> None:
    """Two companions of one set: the first has the files."""
    both = ["a.companion.ome", "b.companion.ome", "1.tif"]
    assert units(both, {path: ["1.tif", *both] for path in both[:2]}) == {
        "a.companion.ome": set(both)
    }


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.tif", False), ("x/a.tif.PART", True), ("x/~$a.doc", True), ("tmp/a.tif", False)],
)
def test_temporary_names_are_known(path: str, expected: bool) -> None:
    """By the name of the file, and not by that of its folder."""
    assert is_temporary(path) is expected


def done(times: Mapping[str, int], marker: str) -> set[str]:
    entries = listed(times)
    found: list[Unit] = units_of(entries, lambda _: ())
    return marked(found, entries, [marker])


def test_a_marker_stands_for_the_image_that_has_its_name() -> None:
    """With or without the image's own ending; for a Zarr likewise."""
    times = {"cell.1.ome.tif": 5, "cell.2.ome.tif": 5, "z.zarr/.zgroup": 5, "cell.10.tif": 5}
    for marker, unit in (
        ("cell.1.done", "cell.1.ome.tif"),
        ("cell.2.ome.tif.done", "cell.2.ome.tif"),
        ("z.zarr.done", "z.zarr/"),
        ("z.done", "z.zarr/"),
    ):
        assert done({**times, marker: 5}, marker) == {unit}


def test_a_marker_without_an_ending_stands_for_its_folder_and_all_below() -> None:
    """Also one within a Zarr."""
    times = {"a.tif": 5, "s/b.tif": 5, "s/t/c.tif": 5, "s/z.zarr/.zgroup": 5}
    assert done({**times, "s/DONE": 6}, "s/DONE") == {"s/b.tif", "s/t/c.tif", "s/z.zarr/"}
    assert done({**times, "s/z.zarr/DONE": 6}, "s/z.zarr/DONE") == {"s/z.zarr/"}


def test_a_marker_says_nothing_of_what_was_written_after_it() -> None:
    """An old marker in a folder that is used again finishes nothing."""
    assert done({"a.tif": 9, "b.tif": 5, "DONE": 6}, "DONE") == {"b.tif"}
