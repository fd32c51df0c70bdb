"""The sum command speaks the language of iscc-sum and b3sum, and is stricter where they pass."""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from blake3 import blake3

from cli.cli_kit import error_of, iscc_sum, run, run_other
from verify.verify_kit import AWKWARD, CELL, TABLE, flip_bit, write_files, zip_of

SINGLE = ["README.md", CELL, AWKWARD, "notes/empty.txt", "figures/Figure 1.png"]
DIFFICULT = ["back\\slash.txt", "line\nend.txt", "\\n.txt", " blank.txt", "tab\t.txt", "*.txt"]


@pytest.fixture
def difficult(tmp_path: Path) -> Path:
    """Return a folder of files whose names need care in a checksum line."""
    return write_files(tmp_path / "difficult", {name: name.encode() for name in DIFFICULT})


# --- lines for iscc-sum ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [[], ["--narrow"], ["--units"], ["--narrow", "--units"]], ids=str
)
def test_the_lines_are_those_of_iscc_sum(study: Path, options: list[str]) -> None:
    """Sum prints to the byte what the iscc-sum command prints for the same files."""
    ours = run("sum", *options, *SINGLE, cwd=study)
    theirs = iscc_sum(*options, *SINGLE, cwd=study)

    assert (ours.code, ours.err) == (0, "")
    assert ours.out == theirs.out
    assert len(ours.lines) == len(SINGLE) * (3 if "--units" in options else 1)


@pytest.mark.parametrize("options", [[], ["--narrow"], ["--units"]], ids=str)
def test_iscc_sum_accepts_the_lines(study: Path, tmp_path: Path, options: list[str]) -> None:
    """The real iscc-sum checks what sum prints, and finds every file well."""
    listing = tmp_path / "sums.txt"
    listing.write_bytes(run("sum", *options, *SINGLE, cwd=study).raw_out)

    # The iscc-sum command takes its own units, too, for malformed lines.
    strict = [] if "--units" in options else ["--strict"]
    theirs = iscc_sum("--check", *strict, listing, cwd=study)

    assert theirs.code == 0, theirs.err
    assert theirs.lines == [f"{name}: OK" for name in SINGLE]


def test_iscc_sum_finds_with_the_lines_what_changed(study: Path, tmp_path: Path) -> None:
    """The real iscc-sum tells a changed file by the line that sum printed before."""
    copy = shutil.copytree(study, tmp_path / "copy")
    listing = tmp_path / "sums.txt"
    listing.write_bytes(run("sum", *SINGLE, cwd=copy).raw_out)
    flip_bit(copy / CELL)

    theirs = iscc_sum("-c", listing, cwd=copy)

    assert theirs.code == 1
    assert [line for line in theirs.lines if not line.endswith(": OK")] == [f"{CELL}: FAILED"]


@pytest.mark.parametrize("form", [[], ["--narrow"]], ids=str)
@pytest.mark.parametrize("tag", [[], ["--tag"]], ids=str)
@pytest.mark.parametrize("units", [[], ["--units"]], ids=str)
def test_the_lines_of_iscc_sum_are_accepted(
    study: Path, tmp_path: Path, form: list[str], tag: list[str], units: list[str]
) -> None:
    """Every form of line that the iscc-sum command prints is checked."""
    listing = tmp_path / "sums.txt"
    listing.write_bytes(iscc_sum(*form, *tag, *units, *SINGLE, cwd=study).raw_out)

    outcome = run("sum", "-c", listing, cwd=study)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.lines == [f"{name}: OK" for name in SINGLE]


def test_a_folder_is_expanded_to_its_files(study: Path) -> None:
    """Files of a named folder come in the order of IEP-0017, as in the iscc-sum command."""
    ours = run("sum", "tables", "images", "README.md", cwd=study)
    theirs = iscc_sum("tables", "images", "README.md", cwd=study)

    assert ours.code == 0
    assert ours.out == theirs.out
    assert run("sum", "images/", cwd=study).out == run("sum", "images", cwd=study).out


def test_an_absolute_name_stays_absolute(study: Path, tmp_path: Path) -> None:
    """Names are printed as they were given."""
    assert run("sum", study / TABLE, cwd=tmp_path).out.endswith(f" *{study / TABLE}\n")


def test_a_named_link_is_followed_and_one_in_a_folder_is_not(files: Path) -> None:
    """Who names a link means the file; what a folder holds is refused by name."""
    (files / "link.bin").symlink_to("a.bin")

    named, inside = run("sum", "a.bin", "link.bin", cwd=files), run("sum", ".", cwd=files)

    assert named.code == 0
    assert len({line.split()[0] for line in named.lines}) == 1
    assert inside.code == 3
    assert "link.bin: a symbolic link, which is not followed" in inside.err


def test_difficult_names_survive_the_round_trip(difficult: Path, tmp_path: Path) -> None:
    """Names with backslashes and line ends are escaped, a line each, and checked by their lines."""
    listing = tmp_path / "sums.txt"
    printed = run("sum", *DIFFICULT, cwd=difficult)
    listing.write_bytes(printed.raw_out)

    outcome = run("sum", "-c", listing, cwd=difficult)

    assert len(printed.lines) == len(DIFFICULT)
    assert printed.lines[0].startswith("\\ISCC:K4A")
    assert printed.lines[0].endswith(" *back\\\\slash.txt")
    assert printed.lines[1].endswith(" *line\\nend.txt")
    assert outcome.code == 0, outcome.out
    assert len(outcome.lines) == len(DIFFICULT)
    assert all(line.endswith(": OK") for line in outcome.lines)


def test_a_name_that_is_no_unicode_is_refused_or_survives(files: Path, tmp_path: Path) -> None:
    """Sum never prints a line that its own check takes for a line on another file."""
    name = os.fsdecode(b"\xff.bin")
    (files / name).write_bytes(b"x")
    listing = tmp_path / "sums.txt"

    printed = run("sum", name, cwd=files)
    listing.write_bytes(printed.raw_out)

    assert printed.code in (0, 2, 3)
    if printed.code == 0:
        assert run("sum", "-c", listing, cwd=files).code == 0


# --- trees -------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [[], ["--narrow"], ["--units"]], ids=str)
@pytest.mark.parametrize("folder", ["the-study", "the-study/images/cell.ome.zarr"])
def test_the_code_of_a_tree_is_that_of_iscc_sum(
    study: Path, folder: str, options: list[str]
) -> None:
    """Sum --tree prints what the iscc-sum command prints for the study before it is packaged."""
    ours = run("sum", "--tree", *options, folder, cwd=study.parent)
    theirs = iscc_sum("--tree", *options, folder, cwd=study.parent)

    assert (ours.code, ours.err) == (0, "")
    assert ours.out == theirs.out
    assert f" *{folder}/\n" in ours.out


def in_turned_order(folder: Path, place: Path) -> Path:
    """Zip with the members in an order that no walk of a folder has."""
    with zipfile.ZipFile(place, "w") as archive:
        for path in sorted(folder.rglob("*"), key=lambda path: path.name[::-1], reverse=True):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return place


ZIPS: dict[str, Callable[[Path, Path], Path]] = {
    "stored": zip_of,
    "deflated": lambda folder, place: zip_of(folder, place, deflate=True),
    "wrapped": lambda folder, place: zip_of(folder, place, wrapper="wrap/", folders=True),
    "wrapped, deflated": lambda f, place: zip_of(f, place, wrapper="wrap/", deflate=True),
    "in turned order": in_turned_order,
}


@pytest.mark.parametrize("pack", ZIPS.values(), ids=ZIPS.keys())
def test_the_code_of_a_zipped_tree_is_that_of_the_folder(
    study: Path, tmp_path: Path, pack: Callable[[Path, Path], Path]
) -> None:
    """However a tree is zipped, its code is the one of its folder."""
    archive = pack(study, tmp_path / "study.zip")

    of_zip, of_folder = run("sum", "--tree", archive), run("sum", "--tree", study)

    assert of_zip.code == 0
    assert of_zip.out.split()[0] == of_folder.out.split()[0]
    assert of_zip.out.endswith(f" *{archive}/\n")


def test_names_that_zips_sort_differently_make_no_difference(tmp_path: Path) -> None:
    """Files before folders, ignore files first, names by their normal form, as IEP-0017 has it."""
    names = ["a/z", "a.txt", "a-b/x", "B", ".isccignore", "Cafe\u0301", "Caf\u00e9", "z", "a/b/c"]
    folder = write_files(tmp_path / "order", {name: name.encode() * 50 for name in names})
    (folder / ".isccignore").write_bytes(b"ignored.txt\n")
    (folder / "ignored.txt").write_bytes(b"ignored")
    (folder / "x.iscc.json").write_bytes(b"{}")
    theirs = iscc_sum("--tree", "order", cwd=tmp_path).out.split()[0]

    for place in (folder, zip_of(folder, tmp_path / "order.zip")):
        assert run("sum", "--tree", place).out.split()[0] == theirs


def test_the_code_of_a_tree_is_checked(study: Path, tmp_path: Path) -> None:
    """The line of a tree is checked against the folder, and against a zip."""
    copy = shutil.copytree(study, tmp_path / "copy")
    archive = zip_of(copy, tmp_path / "copy.zip")
    listing = tmp_path / "sums.txt"
    listing.write_bytes(run("sum", "--tree", "copy", "copy.zip", cwd=tmp_path).raw_out)
    intact = run("sum", "-c", listing, cwd=tmp_path)
    flip_bit(copy / CELL)
    archive.unlink()

    damaged = run("sum", "-c", listing, cwd=tmp_path)

    assert (intact.code, intact.lines) == (0, ["copy/: OK", "copy.zip/: OK"])
    assert damaged.code == 1
    assert damaged.lines[0].startswith("copy/: FAILED (")
    assert damaged.lines[1] == "copy.zip/: MISSING"


@pytest.mark.parametrize("what", ["a file", "an empty folder", "nothing"])
def test_what_is_no_tree_has_no_tree_code(files: Path, what: str) -> None:
    """A code over nothing, or over a file that holds no tree, is refused."""
    (files / "void").mkdir()
    name = {"a file": "a.bin", "an empty folder": "void", "nothing": "nowhere"}[what]

    outcome = run("sum", "--tree", name, cwd=files)

    assert (outcome.code, outcome.out) == (2, "")
    error_of(outcome)


# --- other formats -----------------------------------------------------------------------------


def test_the_b3sum_lines_pass_b3sum(study: Path, difficult: Path, tmp_path: Path) -> None:
    """Lines for b3sum are accepted by b3sum itself, and say what the blake3 package says."""
    for folder, names in ((study, SINGLE), (difficult, DIFFICULT)):
        outcome = run("sum", "--format", "b3sum", *names, cwd=folder)
        assert (outcome.code, outcome.err) == (0, "")
        assert [line.lstrip("\\")[:64] for line in outcome.lines] == [
            blake3((folder / name).read_bytes()).hexdigest() for name in names
        ]
        if b3sum := shutil.which("b3sum"):
            listing = tmp_path / "b3sums.txt"
            listing.write_bytes(outcome.raw_out)
            checked = run_other([b3sum, "--check", str(listing)], folder)
            assert checked.code == 0, checked.err
            assert checked.out.count(": OK\n") == len(names)


def test_json_holds_every_form_of_a_code(study: Path) -> None:
    """The JSON has wide and narrow code, units, datahash and size of each file."""
    value = json.loads(run("sum", "--format", "json", *SINGLE, cwd=study).out)
    wide = run("sum", "--units", *SINGLE, cwd=study).lines
    narrow = run("sum", "--narrow", *SINGLE, cwd=study).lines

    assert [item["path"] for item in value] == SINGLE
    for number, item in enumerate(value):
        line, *units = wide[3 * number : 3 * number + 3]
        content = (study / item["path"]).read_bytes()
        assert item["iscc"] == line.split()[0]
        assert item["narrow"] == narrow[number].split()[0]
        assert item["units"] == [unit.strip() for unit in units]
        assert item["datahash"] == "1e20" + blake3(content).hexdigest()
        assert item["size"] == len(content)


def test_json_of_a_tree(study: Path) -> None:
    """A tree is one object, called by its name with a slash."""
    (item,) = json.loads(run("sum", "--tree", "--format", "json", study).out)

    assert item["path"] == f"{study}/"
    assert item["iscc"] == run("sum", "--tree", study).out.split()[0]


# --- checking ----------------------------------------------------------------------------------


@pytest.fixture
def listed(files: Path) -> Path:
    """Return a folder of files with a list of their codes beside it."""
    names = sorted(path.relative_to(files).as_posix() for path in files.rglob("*.*"))
    (files.parent / "sums.txt").write_bytes(run("sum", *names, cwd=files).raw_out)
    return files


def test_an_intact_list_is_0(listed: Path) -> None:
    """Every file of an intact list is named as good."""
    outcome = run("sum", "-c", "../sums.txt", cwd=listed)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.lines == [
        f"{name}: OK" for name in ("a.bin", "b.bin", "empty.txt", "notes/c.txt", "notes/same.txt")
    ]


def test_a_changed_file_is_1_and_says_how_far(listed: Path) -> None:
    """A changed file is told with its distance in bits and the word for it."""
    flip_bit(listed / "a.bin")

    outcome = run("sum", "-c", "../sums.txt", cwd=listed)

    assert outcome.code == 1
    assert re.fullmatch(
        r"a\.bin: FAILED \(\d+ of 128 bits differ: near-identical\)", outcome.lines[0]
    )
    assert [line.endswith(": OK") for line in outcome.lines] == [False, True, True, True, True]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n\n",
        b"not a checksum line\n",
        b"# a comment\n",
        b"  ISCC:GAD5DZ5SWI4RMUXJNW75VQZ2OKL5GNT7SZXOG2332IXNJZHJXL7MEGA\n",
        b"d41d8cd98f00b204e9800998ecf8427e  a.bin\n",
    ],
)
def test_a_list_without_a_valid_line_is_2(files: Path, content: bytes) -> None:
    """A list that checks nothing passes in the iscc-sum command, and never here."""
    (files / "list.txt").write_bytes(content)

    theirs = iscc_sum("-c", "list.txt", cwd=files)
    ours = run("sum", "-c", "list.txt", cwd=files)

    assert theirs.code == 0
    assert (ours.code, ours.out) == (2, "")
    assert "nothing can be checked" in error_of(ours)


@pytest.mark.parametrize("line", [b"junk\n", b"ISCC:K4A *\n", b"a.bin\n"])
@pytest.mark.parametrize("first", [True, False])
def test_a_malformed_line_among_good_ones_is_1(listed: Path, line: bytes, first: bool) -> None:
    """A line that is not understood passes in the iscc-sum command; here it is named, and fails."""
    good = (listed.parent / "sums.txt").read_bytes()
    (listed.parent / "sums.txt").write_bytes(line + good if first else good + line)

    theirs = iscc_sum("-c", "../sums.txt", cwd=listed)
    ours = run("sum", "-c", "../sums.txt", cwd=listed)

    assert theirs.code == 0
    assert ours.code == 1
    assert ours.out.count(": OK\n") == 5
    assert f"../sums.txt, line {1 if first else 6}: " in error_of(ours)


def test_a_cut_code_is_a_malformed_line(listed: Path) -> None:
    """A code that lost its end is no code, and is not taken for one of other bytes."""
    (listed / "bad.txt").write_bytes(b"ISCC:K4ABCD *a.bin\n")

    assert run("sum", "-c", "bad.txt", cwd=listed).code == 2
    assert run("sum", "-c", "../sums.txt", "bad.txt", cwd=listed).code == 2


def test_an_absent_file_is_1(listed: Path) -> None:
    """A listed file that is gone is named as missing."""
    (listed / "a.bin").unlink()

    outcome = run("sum", "-c", "../sums.txt", cwd=listed)

    assert outcome.code == 1
    assert outcome.lines[0] == "a.bin: MISSING"


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_an_unreadable_file_is_3(listed: Path, kind: str) -> None:
    """A listed file that cannot be read is named with the reason, and nothing waits for it."""
    (listed / "a.bin").unlink()
    (os.mkfifo if kind == "pipe" else os.mkdir)(listed / "a.bin")

    outcome = run("sum", "-c", "../sums.txt", cwd=listed, timeout=30)

    assert outcome.code == 3
    assert re.fullmatch(r"a\.bin: UNREAD \(.+\)", outcome.lines[0])
    assert outcome.out.count(": OK\n") == 4


def test_a_failure_wins_over_an_unreadable_file(listed: Path) -> None:
    """Where one file is unread and another changed it is 1."""
    (listed / "a.bin").unlink()
    os.mkfifo(listed / "a.bin")
    flip_bit(listed / "b.bin")

    assert run("sum", "-c", "../sums.txt", cwd=listed, timeout=30).code == 1


def test_a_link_to_nowhere_is_missing(listed: Path) -> None:
    """A listed name that leads nowhere is no file that is there."""
    (listed / "a.bin").unlink()
    (listed / "a.bin").symlink_to("nowhere")

    outcome = run("sum", "-c", "../sums.txt", cwd=listed)

    assert outcome.code == 1
    assert outcome.lines[0] == "a.bin: MISSING"


def test_a_wrong_data_code_is_no_match(listed: Path) -> None:
    """A code whose two halves belong to different files fails for either file."""
    text = (listed.parent / "sums.txt").read_text(encoding="utf-8")
    (listed.parent / "sums.txt").write_text(text.replace(" *a.bin", " *b.bin"), encoding="utf-8")

    outcome = run("sum", "-c", "../sums.txt", cwd=listed)

    assert outcome.code == 1
    assert outcome.lines[0].startswith("b.bin: FAILED (")
    assert outcome.lines[1] == "b.bin: OK"


def test_a_list_with_other_line_ends_is_read(listed: Path) -> None:
    """A list that went through Windows is checked all the same."""
    place = listed.parent / "sums.txt"
    place.write_bytes(place.read_bytes().replace(b"\n", b"\r\n"))

    assert run("sum", "-c", "../sums.txt", cwd=listed).code == 0


def test_several_lists_are_all_checked(listed: Path) -> None:
    """One bad list among good ones is enough."""
    (listed / "bad.txt").write_bytes(b"junk\n" + (listed.parent / "sums.txt").read_bytes())

    outcome = run("sum", "-c", "../sums.txt", "bad.txt", "../sums.txt", cwd=listed)

    assert outcome.code == 1
    assert outcome.out.count(": OK\n") == 15


@pytest.mark.parametrize("place", ["nowhere.txt", ".", "latin.txt"])
def test_a_list_that_cannot_be_read_is_2(listed: Path, place: str) -> None:
    """Without a list there is nothing to say about files."""
    (listed / "latin.txt").write_bytes("f\u00e4rbung".encode("latin-1"))

    outcome = run("sum", "-c", place, cwd=listed)

    assert (outcome.code, outcome.out) == (2, "")
    error_of(outcome)


def test_a_name_cannot_forge_a_line_of_the_result(files: Path, tmp_path: Path) -> None:
    """A listed name with a line end stays on its line."""
    name = "x\nevil.txt: OK"
    (files / name).write_bytes(b"x")
    listing = tmp_path / "list.txt"
    listing.write_bytes(run("sum", name, cwd=files).raw_out)
    (files / name).unlink()

    outcome = run("sum", "-c", listing, cwd=files)

    assert (outcome.code, len(outcome.lines)) == (1, 1)
    assert outcome.lines[0].endswith(": MISSING")
