"""The order and the extent of the tree ISCC-SUM, against the vectors of IEP-0017 (Treewalk)."""

from collections.abc import Mapping

import pytest

from crate_iscc.packed import PackedBytes
from crate_iscc.paths import covered_by_tree_code, crate_path, in_treewalk, treewalk_order


def walked(
    paths: list[str], ignore_files: Mapping[str, tuple[str, ...]] | None = None
) -> list[str]:
    is_covered = covered_by_tree_code(ignore_files or {})
    kept = [crate_path(path) for path in paths if is_covered(path)]
    return [kept[n] for n in in_treewalk(PackedBytes(path.encode() for path in kept))]


@pytest.mark.parametrize(
    "expected",
    [
        ["Cafe\u0301.txt", "Caf\u00e9.txt", "caffe.txt", "caf\u00e9.txt"],
        ["e\u0301.txt", "\u00e9.txt"],
        [".gitignore", "aaa.txt", "zzz.txt"],
    ],
    ids=["unicode normalization", "duplicate normalized names", "ignore file priority"],
)
def test_files_come_in_the_order_of_the_vectors(expected: list[str]) -> None:
    """Names are sorted by their NFC form in UTF-8, then by their own bytes.

    IEP-0017, Entry Ordering: "Apply Unicode NFC normalization to each entry name. Encode the
    normalized name as UTF-8. Sort entries by comparing the resulting byte sequences
    lexicographically." Test Cases 1 to 3; "caffe" comes before "café", as the bytes say.
    """
    listing = expected[::-1]

    assert sorted(listing, key=treewalk_order) == expected


def test_a_folder_gives_ignore_files_then_files_then_subfolders() -> None:
    """Each folder is walked in three phases, and a file comes before every sub-folder.

    IEP-0017, Treewalk-BASE Algorithm: "Yield files matching pattern `.*ignore` [...] in sorted
    order. Yield all other files in sorted order. Recurse into subdirectories in sorted order."
    """
    expected = [
        ".dockerignore",
        ".isccignore",
        "!first.txt",
        "a.ignore",
        "zzz.txt",
        ".aignore/x",
        "A/.gitignore",
        "A/z",
        "A/b/c",
        "A!/x",
        "a/x",
    ]

    assert sorted(sorted(expected), key=treewalk_order) == expected


def test_an_ignore_file_is_walked_and_what_it_names_is_not() -> None:
    """The rules of a folder leave files out, themselves excepted.

    IEP-0017, Test Case 4: Pattern Filtering.
    """
    paths = [".isccignore", "app.py", "debug.log", "error.log"]

    assert walked(paths, {"": ("*.log",)}) == [".isccignore", "app.py"]


def test_iscc_metadata_and_ignored_folders_are_left_out() -> None:
    """A folder that a pattern names is not entered.

    IEP-0017, Test Case 5: ISCC Metadata Filtering.
    """
    paths = [".isccignore", "data.txt", "data.txt.iscc.json", "temp/cache.dat"]

    assert walked(paths, {"": ("temp/",)}) == [".isccignore", "data.txt"]


def test_no_pattern_brings_iscc_metadata_back() -> None:
    """IEP-0017: "The automatic exclusion of `.iscc.json` files cannot be overridden"."""
    assert walked(["a.iscc.json", "b/c.iscc.json", "d"], {"": ("!*.iscc.json",)}) == ["d"]


def test_the_rules_of_a_subfolder_overrule_those_above() -> None:
    """IEP-0017: "Child directory patterns shall have higher precedence than parent [...]"."""
    paths = ["a.log", "sub/a.log", "sub/keep.log", "sub/deep/keep.log"]
    rules = {"": ("*.log",), "sub/": ("!keep.log",)}

    assert walked(paths, rules) == ["sub/keep.log", "sub/deep/keep.log"]


def test_the_rules_of_a_subfolder_say_nothing_about_its_neighbours() -> None:
    """Patterns are gathered on the way from the root down to a file, and on no other."""
    paths = ["a.tmp", "one/a.tmp", "two/a.tmp", "two/deep/a.tmp"]

    assert walked(paths, {"two/": ("*.tmp",)}) == ["a.tmp", "one/a.tmp"]


def test_nested_patterns_are_matched_from_the_root() -> None:
    """An anchored pattern in a sub-folder starts at the root, as in the iscc-sum command."""
    paths = ["sub/x.txt", "sub/y.txt"]

    assert walked(paths, {"sub/": ("/x.txt", "/sub/y.txt")}) == ["sub/x.txt"]


def test_nothing_in_an_ignored_folder_comes_back() -> None:
    """Neither a later pattern nor an ignore file inside reopens a folder that is not entered.

    IEP-0017, Directory Filtering: "If a directory matches an ignore pattern, the implementation
    shall not recurse into it."
    """
    paths = ["temp/keep.txt", "temp/sub/keep.txt", "top.txt"]
    rules = {"": ("temp/", "!temp/keep.txt"), "temp/": ("!*",), "temp/sub/": ("!*",)}

    assert walked(paths, rules) == ["top.txt"]


def test_an_ignore_file_can_name_itself() -> None:
    """A pattern holds for ignore files as for any other."""
    assert walked([".isccignore", "a"], {"": (".isccignore",)}) == ["a"]


@pytest.mark.parametrize("rules", [{}, {"": ("*.tmp",)}])
def test_a_tree_of_any_depth_is_walked(rules: dict[str, tuple[str, ...]]) -> None:
    """A path of 2,000 folders, as an archive can hold it, is nothing special."""
    path = "a/" * 2000 + "b"

    assert walked([path], rules) == [path]
