"""Two crates, folders or archives: from identical to different, with the right paths."""

import re
from pathlib import Path
from random import Random

import pytest

from cli.cli_kit import error_of, run
from compare.compare_kit import as_text, compared, pairs_of
from crate_iscc import Progress, build, compare
from verify.verify_kit import (
    CELL,
    CELL_ZARR,
    CHUNK,
    FIGURE,
    FREE_CHUNK,
    TABLE,
    flip_bit,
    payload_paths,
    treehash_of,
    write_files,
    zip_of,
)


def test_a_folder_is_identical_to_its_copy_and_to_its_zip(
    study: Path, edited: Path, tmp_path: Path
) -> None:
    """The code of both is the treehash that the format defines."""
    archive = zip_of(study, tmp_path / "study.zip", deflate=True, wrapper="study/")

    for other in (edited, archive):
        code, answer = compared(study, other)

        assert (code, answer["likeness"], answer["pairs"]) == (0, "identical", [])
        assert answer["a"]["treehash"] == answer["b"]["treehash"]
        assert answer["a"]["treehash"] == treehash_of(study, payload_paths(study))
        assert answer["same"] == len(payload_paths(study))


def test_a_crate_has_the_identical_payload_as_the_folder_that_it_was_made_of(
    study: Path, built: Path
) -> None:
    """The files that describe it are named, and are no reason for an exit code."""
    code, answer = compared(built, study)

    assert (code, answer["likeness"]) == (0, "same-payload")
    assert pairs_of(answer) == [
        ("only-a", "iscc-manifest.tsv", None),
        ("only-a", "ro-crate-metadata.json", None),
    ]
    assert {pair["part"] for pair in answer["pairs"]} == {"description"}
    assert answer["a"]["treehash"] == answer["b"]["treehash"]


def test_what_a_crate_records_is_not_looked_at(built: Path, tmp_path: Path) -> None:
    """A changed file differs, whatever the metadata on both sides say."""
    archive = zip_of(built, tmp_path / "crate.zip")
    other = zip_of(built, tmp_path / "other.zip")
    raw = other.read_bytes()
    place = raw.index(b"ISCC:K4A")
    other.write_bytes(raw[:place] + raw[place:].replace(b"ISCC:K4A", b"ISCC:K4B", 1))

    code, answer = compared(archive, other)

    # The zip's own checksum of the metadata does not hold any more: nobody knows what they are.
    assert (code, answer["likeness"]) == (3, "undecided")


def test_each_edit_is_named_and_nothing_else(study: Path, edited: Path) -> None:
    """Changed, moved, in one alone; with the distance of what changed."""
    flip_bit(edited / CELL)
    (edited / TABLE).unlink()
    (edited / FIGURE).rename(edited / "figures/renamed.png")
    (edited / "new.txt").write_bytes(b"new\n")
    (edited / FREE_CHUNK).parent.mkdir(parents=True, exist_ok=True)
    (edited / CHUNK).rename(edited / FREE_CHUNK)

    code, answer = compared(study, edited)

    assert (code, answer["likeness"]) == (1, "different")
    assert pairs_of(answer) == [
        ("moved", FIGURE, "figures/renamed.png"),
        ("moved", CHUNK, FREE_CHUNK),
        ("only-b", None, "new.txt"),
        ("changed", CELL, CELL),
        ("only-a", TABLE, None),
    ]
    (changed,) = (pair for pair in answer["pairs"] if pair["relation"] == "changed")
    assert changed["distance"]["of"] == 256
    assert changed["distance"]["word"] == "near-identical"
    assert answer["summary"] == (
        "different: 1 changed, 2 moved, 1 only in A, 1 only in B; 73 of 78 files are identical"
    )


def test_a_renamed_folder_is_the_same_members_in_one_line(study: Path, edited: Path) -> None:
    """A line a chunk would hide that it moved as a whole; JSON has each."""
    (edited / CELL_ZARR).rename(edited / "images/renamed.zarr")
    count = len(list((edited / "images/renamed.zarr").rglob("*")))

    code, answer = compared(study, edited)
    outcome = as_text(study, edited)

    assert (code, answer["likeness"]) == (1, "same-members")
    assert {pair["relation"] for pair in answer["pairs"]} == {"moved"}
    assert answer["counts"]["moved"] < count
    assert outcome.lines[0] == (
        f"same members: {answer['counts']['moved']} of 77 files are at another path, "
        "with the same bytes"
    )
    moved = [line for line in outcome.lines if line.startswith("  moved")]
    assert moved == [
        f"  moved      {CELL_ZARR} -> images/renamed.zarr/   {answer['counts']['moved']} files"
    ]


def test_what_was_renamed_and_edited_is_one_pair(tmp_path: Path) -> None:
    """It is told by its Data-Code."""
    content = bytearray(Random(7).randbytes(300_000))
    one = write_files(tmp_path / "one", {"a.bin": bytes(content), "b.txt": b"b"})
    content[1000] ^= 1
    two = write_files(tmp_path / "two", {"renamed.bin": bytes(content), "b.txt": b"b"})

    code, answer = compared(one, two)

    assert code == 1
    assert pairs_of(answer) == [("changed", "a.bin", "renamed.bin")]
    assert "  changed    a.bin -> renamed.bin" in as_text(one, two).lines


def test_a_part_of_an_archive_is_compared_by_its_path(study: Path, tmp_path: Path) -> None:
    """A Zarr in a zip against the Zarr in a folder, and a file against a file."""
    archive = zip_of(study, tmp_path / "study.zip", wrapper="study/")

    for part in (CELL_ZARR, CELL_ZARR.rstrip("/"), CELL):
        code, answer = compared(f"{archive}/{part}", study / part)

        assert (code, answer["likeness"]) == (0, "identical")
        assert answer["a"]["subject"] == f"{archive}/{part}"
    code, answer = compared(f"{archive}/{CELL_ZARR}", f"{archive}/images")
    assert (code, answer["likeness"]) == (1, "different")


def test_two_crates_in_different_styles_have_the_identical_payload(
    study: Path, tmp_path: Path
) -> None:
    """Their metadata are changed, and that is all."""
    for name, licence in (("one", "CC0-1.0"), ("two", "CC-BY-4.0")):
        build(study, tmp_path / f"{name}.zip", licence=licence)

    code, answer = compared(tmp_path / "one.zip", tmp_path / "two.zip")

    assert (code, answer["likeness"]) == (0, "same-payload")
    assert pairs_of(answer) == [("changed", "ro-crate-metadata.json", "ro-crate-metadata.json")]
    assert answer["same_described"] == 1


def test_a_long_list_is_cut_for_people_and_whole_for_machines(tmp_path: Path) -> None:
    """What is left out is counted."""
    one = write_files(tmp_path / "one", {f"{n:03}.txt": b"%d" % n for n in range(100)})
    two = write_files(tmp_path / "two", {f"{n:03}.txt": b"%d!" % n for n in range(100)})

    outcome = as_text(one, two)
    _, answer = compared(one, two)

    assert "… and 88 more changed (--format json has all)" in outcome.out
    assert len(outcome.lines) < 40
    assert len(answer["pairs"]) == 100
    assert outcome.lines[0].endswith("; none of 100 files is identical")


@pytest.mark.parametrize("name", ["a\nb", "tab\there", "\x1b[31mred", "é", "面试"])
def test_a_name_never_breaks_a_line(tmp_path: Path, name: str) -> None:
    """Whatever it holds, it stands on one line, and in JSON as it is."""
    one = write_files(tmp_path / "one", {name: b"1", "x": b"x"})
    two = write_files(tmp_path / "two", {"x": b"x"})

    outcome = as_text(one, two)
    _, answer = compared(one, two)

    assert sum(line.startswith("  only in A") for line in outcome.lines) == 1
    assert "\x1b" not in outcome.out
    assert pairs_of(answer) == [("only-a", name, None)]


# --- what could not be read ----------------------------------------------------------------------


def _damaged_zip(folder: Path, place: Path, content: bytes) -> Path:
    """Return a zip in which a byte of a stored member was changed after it was written."""
    zip_of(folder, place)
    raw = place.read_bytes()
    assert raw.count(content) == 1
    place.write_bytes(raw.replace(content, content[:-1] + b"?"))
    return place


def test_an_unreadable_member_leaves_it_undecided(tmp_path: Path) -> None:
    """Exit code 3, and never the word identical for the whole."""
    files = {"a.txt": b"a", "b.txt": b"the content of b"}
    folder = write_files(tmp_path / "folder", files)
    archive = _damaged_zip(folder, tmp_path / "x.zip", files["b.txt"])

    code, answer = compared(folder, archive)
    outcome = as_text(folder, archive)

    assert (code, answer["likeness"]) == (3, "undecided")
    assert pairs_of(answer) == [("unread", "b.txt", "b.txt")]
    assert "unread_b" in answer["pairs"][0]
    assert answer["b"]["treehash"] is None
    assert outcome.lines[0] == (
        "undecided: what could be read is identical, 1 of 2 files could not be read"
    )
    assert outcome.code == 3


def test_a_difference_weighs_more_than_what_could_not_be_read(tmp_path: Path) -> None:
    """Exit code 1, with both told."""
    files = {"a.txt": b"a", "b.txt": b"the content of b"}
    folder = write_files(tmp_path / "folder", files)
    archive = _damaged_zip(folder, tmp_path / "x.zip", files["b.txt"])
    (folder / "a.txt").write_bytes(b"!")

    code, answer = compared(folder, archive)

    assert (code, answer["likeness"]) == (1, "different")
    assert answer["summary"].startswith("different: 1 changed, 1 unread; none of 2 files is")


def test_what_is_odd_about_an_archive_is_said_of_its_side(tmp_path: Path) -> None:
    """It is a finding, as verify has it, and no reason for another answer."""
    folder = write_files(tmp_path / "folder", {"a.txt": b"a"})
    archive = zip_of(folder, tmp_path / "x.zip")
    archive.write_bytes(b"in front of it" + archive.read_bytes())

    code, answer = compared(folder, archive)
    outcome = as_text(folder, archive)

    assert (code, answer["likeness"]) == (0, "identical")
    assert [finding["id"] for finding in answer["b"]["findings"]] == ["zip.uncovered"]
    assert answer["a"]["findings"] == []
    assert any(line.startswith("   zip.uncovered  ") for line in outcome.lines)


def test_links_are_not_followed_and_so_nothing_is_known_of_them(tmp_path: Path) -> None:
    """On both sides they are unread; on one alone they are a difference."""
    one = write_files(tmp_path / "one", {"a": b"a"})
    two = write_files(tmp_path / "two", {"a": b"a"})
    (one / "link").symlink_to("a")

    assert compared(one, two)[0] == 1
    (two / "link").symlink_to("a")
    code, answer = compared(one, two)
    assert (code, answer["likeness"]) == (3, "undecided")


def test_a_file_that_changes_between_two_reads_is_unread(tmp_path: Path) -> None:
    """What was read first is not what its Data-Code would be of."""
    one = write_files(tmp_path / "one", {"a.bin": b"1" * 50_000, "b": b"b"})
    two = write_files(tmp_path / "two", {"a.bin": b"2" * 50_000, "b": b"b"})
    steps: set[str] = set()

    def sink(state: Progress) -> None:
        if state.step == "comparing again" and state.step not in steps:
            (two / "a.bin").write_bytes(b"3" * 50_000)
        steps.add(state.step)

    found = compare(one, two, progress=sink)

    assert steps == {"comparing", "comparing again"}
    assert found.likeness == "undecided"
    assert found.pairs[0].unread_b is not None
    assert "changed" in found.pairs[0].unread_b


# --- usage ---------------------------------------------------------------------------------------


def test_a_file_against_a_folder_is_refused(study: Path) -> None:
    """With a hint at how to name the file in there."""
    outcome = run("compare", study / CELL, study)

    assert outcome.code == 2
    assert "a file cannot be compared with a folder" in error_of(outcome)
    assert "hint: name the file in there" in outcome.err


def test_what_is_not_there_is_refused(study: Path, tmp_path: Path) -> None:
    """On disk, in an archive, below a file that is none, and nowhere."""
    archive = zip_of(study, tmp_path / "study.zip")

    for missing in (tmp_path / "nope", f"{archive}/nope", study / CELL / "x", ""):
        outcome = run("compare", study, missing)

        assert outcome.code == 2, missing
        assert error_of(outcome)


def test_two_empty_folders_are_nothing_to_compare(tmp_path: Path) -> None:
    """Nothing is identical where there is nothing; against one file it is different."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()

    outcome = run("compare", tmp_path / "one", tmp_path / "two")

    assert outcome.code == 2
    assert "there is nothing to compare" in error_of(outcome)
    (tmp_path / "two/a").write_bytes(b"")
    assert compared(tmp_path / "one", tmp_path / "two")[0] == 1


def test_max_bytes_refuses_before_anything_is_read(study: Path) -> None:
    """Either side is held against it."""
    outcome = run("compare", study, study, "--max-bytes", "1kB")

    assert outcome.code == 2
    assert "larger than allowed" in error_of(outcome)


def test_the_answer_goes_to_a_file_in_the_format_of_its_name(study: Path, tmp_path: Path) -> None:
    """Nothing is on stdout then, and an unknown ending is refused before any work."""
    for name, start in (("out.json", "{"), ("out.txt", "identical:"), ("out", "identical:")):
        outcome = as_text(study, study, "-o", tmp_path / name)

        assert (outcome.code, outcome.out) == (0, "")
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    outcome = run("compare", study, study, "-o", tmp_path / "out.xml")
    assert outcome.code == 2
    assert "--format" in error_of(outcome)


def test_colours_change_no_character(study: Path, built: Path) -> None:
    """They are there when they are forced, and gone when nobody sees them."""
    coloured = run("compare", study, built, env={"FORCE_COLOR": "1"})
    bare = as_text(study, built)

    assert "\x1b[" in coloured.out
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured.out) == bare.out


def test_files_of_other_sizes_are_read_once(tmp_path: Path) -> None:
    """That they differ is known before: their Data-Codes come from the first read."""
    one = write_files(tmp_path / "one", {"a.bin": b"1" * 50_000, "b": b"b"})
    two = write_files(tmp_path / "two", {"a.bin": b"1" * 50_001, "b": b"b"})
    seen: list[Progress] = []

    found = compare(one, two, progress=seen.append)

    assert {state.step for state in seen} == {"comparing"}
    assert found.pairs[0].distance is not None


def test_progress_counts_both_sides_as_one(study: Path, edited: Path) -> None:
    """Bytes and files only grow, up to those of both."""
    seen: list[Progress] = []

    found = compare(study, edited, progress=seen.append)

    total = found.a.size + found.b.size, found.a.files + found.b.files
    done = [(state.done_bytes, state.done_files) for state in seen]
    assert {state.step for state in seen} == {"comparing"}
    assert {(state.total_bytes, state.total_files) for state in seen} == {total}
    assert done == sorted(done)
    assert done[-1] == total
