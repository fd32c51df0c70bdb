"""Properties of the treehash and of the manifest file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from property_strategies import bodies, contents, files_of, paths, steady, trees

from crate_iscc.codes import Fingerprint
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.manifest import (
    manifest_lines,
    parse_manifest_line,
    treehash,
)
from crate_iscc.paths import CratePath

whole_codes = st.binary(min_size=32, max_size=32)


@steady
@given(trees, st.data())
def test_a_treehash_does_not_depend_on_the_order_of_the_files(
    tree: dict[CratePath, bytes], data: st.DataObject
) -> None:
    """Any listing of one tree has one treehash."""
    files = files_of(tree)

    assert treehash(data.draw(st.permutations(files))) == treehash(files)


@steady
@given(trees, trees)
def test_two_trees_have_one_treehash_only_if_they_are_one(
    one: dict[CratePath, bytes], two: dict[CratePath, bytes]
) -> None:
    """It binds every path, every boundary and every byte."""
    assert (treehash(files_of(one)) == treehash(files_of(two))) == (one == two)


@steady
@given(trees, paths)
def test_the_files_below_a_folder_are_those_whose_paths_say_so(
    tree: dict[CratePath, bytes], folder: CratePath
) -> None:
    """A search in the order of the manifest finds what a look at every path finds."""
    files = files_of(tree | {CratePath(f"{folder}/x"): b""})

    below = FileTable.of(files).below(f"{folder}/")

    assert list(below) == [file for file in files if file.path.startswith(f"{folder}/")]


@steady
@given(paths, st.integers(0, 10**18), st.binary(min_size=16, max_size=16), whole_codes)
def test_any_file_survives_a_line_of_the_manifest_file(
    path: CratePath, size: int, data: bytes, instance: bytes
) -> None:
    """Whatever its name holds, it takes one line and comes back whole."""
    file = FileFingerprint(path, Fingerprint(size, data, instance))

    _, line = manifest_lines([file])

    assert line.count("\n") == 1
    assert line.endswith("\n")
    assert "\r" not in line
    assert parse_manifest_line(line) == file


@steady
@given(st.text(st.sampled_from("\\tnra/."), max_size=6))
def test_a_path_is_read_only_where_it_is_the_one_spelling(text: str) -> None:
    """Escapes are not guessed at: a line is what would be written, or is refused."""
    _, line = manifest_lines(files_of({CratePath("a"): b"A"}))
    candidate = text + line.removeprefix("a")

    try:
        known = parse_manifest_line(candidate)
    except InputError:
        return
    if isinstance(known, FileFingerprint):
        assert [*manifest_lines([known])][1] == candidate
    else:
        assert [*manifest_lines([], [known])][1] == candidate


@steady
@given(st.text())
def test_a_damaged_line_is_refused(text: str) -> None:
    """Nothing but InputError comes out of what is no line."""
    for candidate in (text, f"a\t1\t{text}", f"a\t{text}\t{text}\t{text}\n"):
        with pytest.raises(InputError):
            parse_manifest_line(candidate)


@steady
@given(paths, contents, bodies)
def test_a_file_that_is_not_known_whole_has_no_treehash(
    path: CratePath, content: bytes, body: bytes
) -> None:
    """Cut codes and unknown sizes stop it: a treehash over less must not exist."""
    for known in (Fingerprint(None, None, body), Fingerprint(len(content), None, body[:28])):
        with pytest.raises(ValueError, match="not known"):
            treehash([FileFingerprint(path, known)])
