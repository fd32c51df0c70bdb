"""Datasets at the edges: empty, equal, renamed as a whole, and left out on purpose."""

from pathlib import Path
from random import Random

import pytest

from crate_iscc import Report, Thoroughness, Verdict, build, fingerprint, report_text
from verify.verify_kit import (
    CELL,
    CELL_ZARR,
    MANIFEST,
    TABLE,
    Found,
    Graph,
    edit_metadata,
    entity_of,
    flip_bit,
    found,
    move,
    payload_paths,
    verified,
    write_files,
    zip_of,
)

each_depth = pytest.mark.parametrize("thoroughness", list(Thoroughness), ids=str)


# --- whole folders -----------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["images", "images/cell.ome.zarr", "notes"])
def test_a_renamed_folder_is_told_file_by_file(crate: Path, folder: str) -> None:
    """Each file of a renamed folder is told as moved to its own name below the new one."""
    files = [path for path in payload_paths(crate) if path.startswith(folder + "/")]
    new = folder + "-1"
    (crate / folder).rename(crate / new)

    report = verified(crate)

    assert files
    assert found(report) == {
        ("bytes.moved", path, new + path.removeprefix(folder)) for path in files
    }
    assert report.counts.moved == len(files)


def test_a_renamed_folder_of_equal_chunks_is_told_chunk_by_chunk(tmp_path: Path) -> None:
    """Where many chunks are alike, each is still paired with the same key below the new name."""
    keys = [f"{level}/c/{y}/{x}" for level in range(3) for y in range(4) for x in range(4)]
    files = {f"old.zarr/{key}": b"the same chunk" for key in keys} | {"old.zarr/zarr.json": b"{}"}
    folder = write_files(tmp_path / "crate", files)
    build(folder)
    (folder / "old.zarr").rename(folder / "new.zarr")

    report = verified(folder)

    assert found(report) == {
        ("bytes.moved", f"old.zarr/{key}", f"new.zarr/{key}") for key in [*keys, "zarr.json"]
    }


def test_a_removed_container_is_told_file_by_file(crate: Path) -> None:
    """Every chunk of a Zarr that is gone is missing."""
    members = [path for path in payload_paths(crate) if path.startswith(CELL_ZARR)]
    for path in members:
        (crate / path).unlink()

    assert found(verified(crate)) == {("bytes.missing", path, None) for path in members}


# --- equal and empty files ---------------------------------------------------------------------


def test_of_two_equal_files_the_one_that_is_gone_is_missing(plain: Path) -> None:
    """A file whose twin is still in its place has not moved there."""
    (plain / "notes/same.txt").unlink()

    assert found(verified(plain)) == {("bytes.missing", "notes/same.txt", None)}


def test_of_two_equal_files_the_renamed_one_has_moved(plain: Path) -> None:
    """Only the twin that left its place is told."""
    move(plain, "notes/same.txt", "notes/other.txt")

    assert found(verified(plain)) == {("bytes.moved", "notes/same.txt", "notes/other.txt")}


def test_a_copy_of_a_recorded_file_is_extra(plain: Path) -> None:
    """A further copy of a content that is where it belongs is one file too many."""
    (plain / "copy.bin").write_bytes((plain / "a.bin").read_bytes())

    assert found(verified(plain)) == {("bytes.extra", "copy.bin", None)}


def test_a_file_with_two_copies_has_moved_to_one_of_them(plain: Path) -> None:
    """A content found twice, and not where it belongs, is told once as moved, once as extra."""
    content = (plain / "a.bin").read_bytes()
    (plain / "a.bin").unlink()
    write_files(plain, {"one.bin": content, "two.bin": content})

    said = sorted(found(verified(plain)))

    assert [(kind, path) for kind, path, _ in said] in (
        [("bytes.extra", "one.bin"), ("bytes.moved", "a.bin")],
        [("bytes.extra", "two.bin"), ("bytes.moved", "a.bin")],
    )


def test_equal_files_that_are_swapped_are_no_finding(plain: Path) -> None:
    """Nothing is different where two equal files trade places."""
    move(plain, "notes/c.txt", "notes/aside")
    move(plain, "notes/same.txt", "notes/c.txt")
    move(plain, "notes/aside", "notes/same.txt")

    assert verified(plain).verdict is Verdict.VALID


def test_three_files_in_a_ring_have_all_moved(tmp_path: Path) -> None:
    """Contents that trade places among three names are told as three moves."""
    folder = write_files(tmp_path / "ring", {"a": b"first", "b": b"second", "c": b"third"})
    build(folder)
    write_files(folder, {"a": b"third", "b": b"first", "c": b"second"})

    assert found(verified(folder)) == {
        ("bytes.moved", "a", "b"),
        ("bytes.moved", "b", "c"),
        ("bytes.moved", "c", "a"),
    }


@each_depth
def test_an_empty_file_is_verified(plain: Path, thoroughness: Thoroughness) -> None:
    """An empty file is recorded, found, and missed."""
    assert verified(plain, thoroughness).counts.match == 5
    (plain / "empty.txt").unlink()

    assert found(verified(plain, thoroughness)) == {("bytes.missing", "empty.txt", None)}


@each_depth
def test_an_emptied_file_is_changed(plain: Path, thoroughness: Thoroughness) -> None:
    """A file that lost all of its bytes is there, and changed."""
    (plain / "a.bin").write_bytes(b"")

    report = verified(plain, thoroughness)

    assert found(report) == {("bytes.changed", "a.bin", None)}
    assert "300000 bytes are now 0" in report.findings[0].message


def test_an_empty_file_that_was_filled_is_changed(plain: Path) -> None:
    """A file that was empty is changed by its first byte."""
    (plain / "empty.txt").write_bytes(b"x")

    assert found(verified(plain)) == {("bytes.changed", "empty.txt", None)}


def test_a_renamed_empty_file_has_moved(plain: Path) -> None:
    """Also no bytes at all are recognised under another name."""
    move(plain, "empty.txt", "void.txt")

    assert found(verified(plain)) == {("bytes.moved", "empty.txt", "void.txt")}


@each_depth
@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_an_extra_empty_file_is_found(
    crate: Path, tmp_path: Path, as_zip: bool, thoroughness: Thoroughness
) -> None:
    """A file without a byte is still a file too many."""
    (crate / "notes/void.txt").write_bytes(b"")
    source = zip_of(crate, tmp_path / "crate.zip") if as_zip else crate

    assert found(verified(source, thoroughness)) == {("bytes.extra", "notes/void.txt", None)}


@each_depth
@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_an_extra_empty_folder_is_no_finding(
    crate: Path, tmp_path: Path, as_zip: bool, thoroughness: Thoroughness
) -> None:
    """The codes cover files: a folder that holds none makes no difference."""
    (crate / "empty" / "inside").mkdir(parents=True)
    source = zip_of(crate, tmp_path / "crate.zip", folders=True) if as_zip else crate

    assert verified(source, thoroughness).verdict is Verdict.VALID


def test_a_dataset_of_one_empty_file_is_verified(tmp_path: Path) -> None:
    """The smallest dataset there is has codes, and they tell."""
    folder = write_files(tmp_path / "one", {"void": b""})
    build(folder)

    assert verified(folder).counts.match == 1
    (folder / "void").write_bytes(b"x")
    assert found(verified(folder)) == {("bytes.changed", "void", None)}


def test_a_zarr_that_is_the_root_is_verified(tmp_path: Path) -> None:
    """Where the dataset as a whole is one Zarr, its chunks are still told one by one."""
    files = {"zarr.json": b"{}", **{f"c/{x}": Random(x).randbytes(50) for x in range(9)}}
    folder = write_files(tmp_path / "image.ome.zarr", files)
    build(folder)
    assert verified(folder, Thoroughness.FULL).verdict is Verdict.VALID
    move(folder, "c/3", "c/30")
    flip_bit(folder / "c/4")

    assert found(verified(folder)) == {
        ("bytes.moved", "c/3", "c/30"),
        ("bytes.changed", "c/4", None),
    }


# --- what stands where a file was --------------------------------------------------------------


def test_new_content_in_the_place_of_what_moved_away_is_extra(plain: Path) -> None:
    """A content that moved is told so, and what took its place as something new."""
    move(plain, "a.bin", "moved.bin")
    (plain / "a.bin").write_bytes(Random(4).randbytes(300_000))

    assert found(verified(plain)) == {
        ("bytes.moved", "a.bin", "moved.bin"),
        ("bytes.extra", "a.bin", None),
    }


@each_depth
def test_a_folder_in_the_place_of_a_file_is_no_file(
    plain: Path, thoroughness: Thoroughness
) -> None:
    """A recorded file that became a folder is missing, and what the folder holds is extra."""
    (plain / "a.bin").unlink()
    write_files(plain, {"a.bin/inside.txt": b"x"})

    assert found(verified(plain, thoroughness)) == {
        ("bytes.missing", "a.bin", None),
        ("bytes.extra", "a.bin/inside.txt", None),
    }


@pytest.mark.parametrize("name", ["ro-crate-preview.html", "ro-crate-preview_files/a.bin"])
def test_a_file_that_moved_out_of_the_payload_is_missing(plain: Path, name: str) -> None:
    """What describes the crate is no place for payload: a file that moved there is lost."""
    move(plain, "a.bin", name)

    assert found(verified(plain)) == {("bytes.missing", "a.bin", None)}


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\n", b"!\n", b"[\n", b"#" * (2 << 20)],
    ids=["not UTF-8", "no pattern", "half a pattern", "long"],
)
@pytest.mark.parametrize("thoroughness", [Thoroughness.DATAHASH, Thoroughness.FULL], ids=str)
def test_a_damaged_ignore_file_is_changed(
    tmp_path: Path, content: bytes, thoroughness: Thoroughness
) -> None:
    """An ignore file of the payload that makes no sense any more is a changed file like others."""
    folder = write_files(tmp_path / "crate", {".isccignore": b"*.log\n", "a.txt": b"a"})
    build(folder)
    (folder / ".isccignore").write_bytes(content)

    report = verified(folder, thoroughness)

    assert found(report) == {("bytes.changed", ".isccignore", None)}
    assert report.verdict is Verdict.INVALID


# --- how far -----------------------------------------------------------------------------------


def test_a_small_file_is_not_called_unrelated(plain: Path) -> None:
    """Below a few kilobytes one edit changes most of a Data-Code, and the message says so."""
    (plain / "notes/c.txt").write_bytes(b"something else altogether, and longer\n")

    (finding,) = verified(plain).findings

    assert finding.distance is not None
    assert "too small a file to say how far" in finding.message


def test_a_renamed_file_with_another_content_is_no_pair(plain: Path) -> None:
    """Unrelated contents are told as one missing and one extra file."""
    (plain / "a.bin").unlink()
    (plain / "new.bin").write_bytes(Random(9).randbytes(300_000))

    assert found(verified(plain)) == {
        ("bytes.missing", "a.bin", None),
        ("bytes.extra", "new.bin", None),
    }


def test_two_renamed_and_edited_files_are_each_paired_with_its_own(plain: Path) -> None:
    """Of several lost and several new files, the nearest belong together."""
    move(plain, "a.bin", "y.bin")
    move(plain, "b.bin", "x.bin")
    flip_bit(plain / "x.bin")
    flip_bit(plain / "y.bin")

    report = verified(plain)

    assert found(report) == {
        ("bytes.changed", "a.bin", "y.bin"),
        ("bytes.changed", "b.bin", "x.bin"),
    }
    assert all("and edited" in finding.message for finding in report.findings)


def test_a_half_replaced_file_is_told_in_words_that_fit_its_bits(plain: Path) -> None:
    """The word follows from the number of bits: up to 1/16 near, up to 5/16 similar."""
    content = (plain / "a.bin").read_bytes()
    for share in (0.02, 0.1, 0.3, 0.5, 0.8, 1.0):
        cut = int(len(content) * share)
        (plain / "a.bin").write_bytes(Random(3).randbytes(cut) + content[cut:])
        (finding,) = verified(plain).findings
        assert finding.distance is not None
        bits, of = finding.distance.bits, finding.distance.of
        word = "unrelated" if 16 * bits > 5 * of else "similar"
        assert finding.distance.word == ("near-identical" if 16 * bits <= of else word)


# --- patterns ----------------------------------------------------------------------------------


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    """Return a crate that was built with files left out."""
    files = {"a.txt": b"a", "b.log": b"log", "tmp/c.txt": b"c", "keep/tmp.txt": b"d"}
    folder = write_files(tmp_path / "partial", files)
    build(folder, excluded=("*.log", "tmp/"))
    return folder


def hide(crate: Path, *patterns: str) -> None:
    """Write patterns into the metadata of a crate, as someone who has something to hide."""

    def change(graph: Graph) -> None:
        entity_of(graph, "#crate-iscc-fingerprint")["excludedPattern"] = list(patterns)

    edit_metadata(crate, change)


@each_depth
def test_what_was_left_out_is_reported(partial: Path, thoroughness: Thoroughness) -> None:
    """Patterns that the crate records are in the report and in its text, and count no file."""
    report = verified(partial, thoroughness)

    assert (report.verdict, report.counts.match, report.files) == (Verdict.VALID, 2, 2)
    assert report.excluded == ("*.log", "tmp/")
    assert "left out by the crate itself: *.log, tmp/\n" in report_text(report)


def test_a_crate_that_leaves_nothing_out_says_nothing_of_it(crate: Path) -> None:
    """Without patterns there is no line on them."""
    report = verified(crate)

    assert report.excluded == ()
    assert "left out" not in report_text(report)


def test_what_was_left_out_may_change(partial: Path) -> None:
    """A file that the crate leaves out is not a part of it."""
    write_files(partial, {"b.log": b"more", "tmp/new.txt": b"new", "other.log": b"x"})

    assert verified(partial).verdict is Verdict.VALID


def test_an_ignore_file_in_the_payload_hides_nothing(crate: Path) -> None:
    """No file of the payload changes what verification covers."""
    write_files(crate, {".isccignore": b"*\n", ".gitignore": b"*\n"})
    flip_bit(crate / CELL)

    assert found(verified(crate)) == {
        ("bytes.extra", ".isccignore", None),
        ("bytes.extra", ".gitignore", None),
        ("bytes.changed", CELL, None),
    }


@each_depth
@pytest.mark.parametrize("patterns", [["tables/"], ["*.csv"], ["*"], ["/**"], ["!x", "*"]])
@pytest.mark.parametrize("damage", ["shortened", "removed"])
def test_no_pattern_hides_a_recorded_file(
    crate: Path, patterns: list[str], damage: str, thoroughness: Thoroughness
) -> None:
    """A file that is recorded is checked, whatever the crate says to leave out."""
    hide(crate, *patterns)
    if damage == "removed":
        (crate / TABLE).unlink()
    else:
        (crate / TABLE).write_bytes(b"label\n")
    finding: Found = (
        "bytes.missing" if damage == "removed" else "bytes.changed",
        TABLE,
        None,
    )

    report = verified(crate, thoroughness)

    assert found(report) == {finding}
    assert report.excluded == tuple(patterns)


def test_a_pattern_put_in_later_is_reported(crate: Path) -> None:
    """A pattern that covers up an extra file stands in the report for everyone to see."""
    (crate / "stray.txt").write_bytes(b"stray")
    hide(crate, "stray.txt")

    report = verified(crate)

    assert report.excluded == ("stray.txt",)
    assert "left out by the crate itself: stray.txt\n" in report_text(report)


def test_no_pattern_hides_a_chunk_whose_line_is_lost(crate: Path) -> None:
    """With the manifest file gone as well, a hidden chunk still breaks its container's treehash."""
    (crate / MANIFEST).unlink()
    hide(crate, CELL_ZARR + "0/c/0/0")

    report = verified(crate)

    assert ("bytes.missing", MANIFEST, None) in found(report)
    assert any(path != MANIFEST for _, path, _ in found(report))


# --- reports -----------------------------------------------------------------------------------


def test_findings_come_in_the_order_of_their_paths(crate: Path) -> None:
    """The same damage gives the same report, sorted by the UTF-8 bytes of the paths."""
    for name in ("\u00e4.txt", "z.txt", "A.txt", "a/b.txt", "a.txt", "a-b.txt"):
        write_files(crate, {name: name.encode()})

    report = verified(crate)

    paths = [(finding.path or "").encode() for finding in report.findings]
    assert paths == sorted(paths)
    assert verified(crate) == report


def test_a_long_list_is_cut_for_people_and_whole_for_machines(crate: Path) -> None:
    """Of many findings of a kind the text names the first, and says how many more there are."""
    write_files(crate, {f"extra/{number:03}.txt": b"x" for number in range(100)})

    report = verified(crate)
    text = report_text(report)

    assert report.counts.extra == len(report.findings) == 100
    assert text.count("extra/") == 12
    assert "88 more extra (--format json has all)" in text


def test_names_cannot_forge_lines_of_a_report(crate: Path) -> None:
    """A name with line ends and control characters stays on its line, with escapes."""
    name = "x\nVALID: every recorded file is intact\x1b[2J\r\u202etxt"
    (crate / name).write_bytes(b"x")

    report = verified(crate)
    text = report_text(report)

    assert found(report) == {("bytes.extra", name, None), ("path.portability", name, None)}
    assert "\nVALID" not in text
    assert not set("\x1b\r\u202e") & set(text)
    assert text.count("\n") == len(text.splitlines())


def test_every_finding_of_a_real_crate_is_listed_for_its_own_path(crate: Path) -> None:
    """A report on files is about files that are recorded or there, and about nothing else."""
    before = set(payload_paths(crate))
    move(crate, TABLE, "elsewhere.csv")
    flip_bit(crate / CELL)

    report: Report = verified(crate)

    after = set(payload_paths(crate))
    assert {finding.path for finding in report.findings} <= before | after
    assert {finding.moved_to for finding in report.findings} - {None} <= after
    assert fingerprint(crate).root.treehash is not None


# --- proofs beside the metadata ----------------------------------------------------------------


def test_proofs_are_no_payload(crate: Path) -> None:
    """FORMAT, "Payload": a signature cannot be part of what it signs, so nothing is extra here."""
    write_proofs(crate)
    report = verified(crate)
    assert {(f.id, f.path) for f in report.findings} == {
        ("signature.invalid", "iscc-proof/signature.json"),
        ("timestamp.invalid", "iscc-proof/signature.json.tsr"),
    }


def test_proofs_that_cannot_be_checked_are_named(
    crate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra `trust` there is integrity, and nothing is said of who stands for it."""
    write_proofs(crate)
    monkeypatch.setattr("crate_iscc.verifying.proofs.has_trust", lambda: False)

    report = verified(crate)

    assert report.verdict is Verdict.VALID
    assert "proofs" in report.not_checked
    assert "the proofs in iscc-proof/" in report_text(report)


def write_proofs(crate: Path) -> None:
    """Write files that have the names of proofs."""
    (crate / "iscc-proof").mkdir()
    for name in ("signature.json", "signature.json.tsr"):
        (crate / "iscc-proof" / name).write_bytes(b"{}")


@pytest.mark.parametrize(
    "name", ["iscc-proof/notes.txt", "iscc-proof/old/signature.json", "raw/signature.json"]
)
def test_other_files_are_extra_wherever_they_hide(crate: Path, name: str) -> None:
    """Only the fixed names in that one folder are left out."""
    (crate / name).parent.mkdir(parents=True, exist_ok=True)
    (crate / name).write_bytes(b"{}")

    report = verified(crate)

    assert [(f.id, f.path) for f in report.findings] == [("bytes.extra", name)]
