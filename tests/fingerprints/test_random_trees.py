"""Random trees have the codes that a second, much simpler implementation computes."""

import sys
from pathlib import Path, PurePosixPath
from unicodedata import normalize

import iscc_lib
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from iscc_sum.treewalk import treewalk_iscc

from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.manifest import Manifest
from crate_iscc.packed import PackedBytes
from crate_iscc.paths import covered_by_tree_code, in_treewalk
from crate_iscc.sources.opening import open_tree

Files = dict[str, bytes]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other file systems take some of the names for one"
)

# Few names, so that many of them meet: alike in NFC, in their first letters, or in their rank.
NAMES = ["a", "a.b", "ab", "A", "é", "e\u0301", "\U0001f52c", "\uff5e", ".gitignore", ".x", "a b"]
segments = st.sampled_from([*NAMES, "b.iscc.json", ".zignore", "~", "-"])
paths = st.lists(segments, min_size=1, max_size=3).map(tuple)
contents = st.binary(max_size=40) | st.integers(0, 9000).map(lambda n: b"%d" % n * n)


def without_clashes(drawn: dict[tuple[str, ...], bytes]) -> Files:
    """Return the files whose path is no folder of another file."""
    folders = {path[:n] for path in drawn for n in range(1, len(path))}
    return {"/".join(path): body for path, body in drawn.items() if path not in folders}


trees = st.dictionaries(paths, contents, max_size=14).map(without_clashes)


def write(files: Files, folder: Path) -> Path:
    """Write files to a folder and return it."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def fingerprints(folder: Path, containers: tuple[str, ...] = ()) -> Manifest:
    """Return the manifest of a folder."""
    with open_tree(folder) as tree:
        payload = payload_of(tree.listing(), containers=containers)
        return fingerprint_tree(tree, payload, NativeKernel(), jobs=2)


# --- the second implementation ------------------------------------------------------------------


def walk(files: Files, folder: str = "") -> list[str]:
    """Return the files below a folder in the order of IEP-0017, without those of ISCC itself."""
    below = {path[len(folder) :]: path for path in files if path.startswith(folder)}
    heads = {rest.partition("/")[0] for rest in below}
    names = sorted(heads, key=lambda n: (normalize("NFC", n).encode(), n.encode()))
    here = [name for name in names if name in below and not name.endswith(".iscc.json")]
    first = [name for name in here if name.startswith(".") and name.endswith("ignore")]
    then = [name for name in here if name not in first]
    folders = [name for name in names if name not in below]
    deeper = [path for name in folders for path in walk(files, f"{folder}{name}/")]
    return [folder + name for name in first + then] + deeper


def units(content: bytes) -> tuple[str, str]:
    """Return the Data-Code and the Instance-Code of bytes."""
    data = iscc_lib.gen_data_code_v0(content, bits=256)["iscc"]
    return data, iscc_lib.gen_instance_code_v0(content, bits=256)["iscc"]


def tree_units(files: Files, folder: str = "") -> tuple[str, str]:
    """Return the units of the bytes of all files below a folder."""
    return units(b"".join(files[path] for path in walk(files, folder)))


def treehash(files: Files, folder: str = "") -> str:
    """Return the treehash of the files below a folder."""
    records = b""
    for path in sorted(files, key=str.encode):
        if path.startswith(folder):
            digest = "1e20" + blake3(files[path]).hexdigest()
            records += f"{path[len(folder) :]}\0{len(files[path])}\0{digest}\n".encode()
    return "1e20" + blake3(records).hexdigest()


# --- comparisons --------------------------------------------------------------------------------


@given(files=trees)
@example(files={})
@example(files={"é/a": b"1", "e\u0301/a": b"2", "é.b": b"3", "a/e\u0301": b"4", "a/é": b"5"})
@settings(max_examples=100)
def test_a_random_tree_has_the_codes_of_the_second_implementation(
    files: Files, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Codes of each file and of the root, counts and sizes: all equal, whatever the tree."""
    manifest = fingerprints(write(files, tmp_path_factory.mktemp("tree")))

    assert {file.path: file.fingerprint.units() for file in manifest.files} == {
        path: units(content) for path, content in files.items()
    }
    assert manifest.root.iscc is not None
    assert manifest.root.iscc.units() == tree_units(files)
    assert manifest.root.iscc.size == sum(len(files[path]) for path in walk(files))
    assert manifest.root.treehash == treehash(files)
    assert (manifest.root.files, manifest.root.size) == (
        len(files),
        sum(map(len, files.values())),
    )
    assert manifest.unread == ()


@given(files=trees, chosen=st.sets(segments, max_size=3))
def test_random_containers_have_the_codes_of_the_second_implementation(
    files: Files, chosen: set[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Top folders that are asked for as containers have the codes of the files below them."""
    folder = write(files, tmp_path_factory.mktemp("tree"))
    expected = sorted(
        {path.partition("/")[0] + "/" for path in files if "/" in path}
        & {name + "/" for name in chosen},
        key=str.encode,
    )

    manifest = fingerprints(folder, tuple(f"/{name}/" for name in chosen))

    assert [container.path for container in manifest.containers] == expected
    for container in manifest.containers:
        assert container.iscc is not None
        assert container.iscc.units() == tree_units(files, container.path)
        assert container.treehash == treehash(files, container.path)
    assert manifest.root.iscc is not None
    assert manifest.root.iscc.units() == tree_units(files)


# Patterns that meet the names above in every way that .gitignore knows.
names = st.sampled_from([*NAMES, "*", "?", "a*", "*.b", "[ab]", "[!a]", "*.x", "é*", ".*"])
patterns = st.builds(
    lambda negation, start, inside, end: negation + start + "/".join(inside) + end,
    st.sampled_from(["", "", "", "!"]),
    st.sampled_from(["", "", "/", "**/"]),
    st.lists(names, min_size=1, max_size=2),
    st.sampled_from(["", "", "/", "/**", "/*", " ", "  "]),
)
rules = st.lists(
    patterns | st.sampled_from(["", "# note", "\\#", "\\!a", "!.isccignore", "**"]), max_size=4
)
ignore_files = st.dictionaries(
    st.lists(st.sampled_from(["a", "ab", "é", "A"]), max_size=2).map(tuple), rules, max_size=3
)


@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
@given(files=trees, ignoring=ignore_files, line_end=st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=150, suppress_health_check=[HealthCheck.filter_too_much])
def test_random_ignore_files_leave_out_what_the_treewalk_of_iscc_sum_leaves_out(
    files: Files,
    ignoring: dict[tuple[str, ...], list[str]],
    line_end: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Whatever stands in whatever `.isccignore`: the same files are covered, in the same order."""
    drawn: dict[tuple[str, ...], bytes] = {tuple(path.split("/")): b"" for path in files}
    lines_of = {(*where, ".isccignore"): lines for where, lines in ignoring.items()}
    drawn |= {path: line_end.join(lines).encode() for path, lines in lines_of.items()}
    everything = without_clashes(drawn)
    folder = write(everything, tmp_path_factory.mktemp("tree"))

    is_covered = covered_by_tree_code(
        {
            "".join(f"{name}/" for name in path[:-1]): tuple(lines)
            for path, lines in lines_of.items()
            if "/".join(path) in everything
        }
    )
    kept = [path for path in everything if is_covered(path)]
    found = [kept[number] for number in in_treewalk(PackedBytes(path.encode() for path in kept))]

    expected = [PurePosixPath(path.relative_to(folder)) for path in treewalk_iscc(folder)]
    assert found == list(map(str, expected))


@pytest.mark.deep
@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
@given(files=trees, ignoring=ignore_files)
def test_random_trees_with_ignore_files_have_the_code_of_what_the_treewalk_gives(
    files: Files,
    ignoring: dict[tuple[str, ...], list[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """The code of a tree is that of the bytes of the files that iscc_sum's treewalk gives."""
    drawn: dict[tuple[str, ...], bytes] = {
        tuple(path.split("/")): content for path, content in files.items()
    }
    drawn |= {(*w, ".isccignore"): "\n".join(lines).encode() for w, lines in ignoring.items()}
    folder = write(without_clashes(drawn), tmp_path_factory.mktemp("tree"))

    manifest = fingerprints(folder)

    assert manifest.root.iscc is not None
    expected = units(b"".join(path.read_bytes() for path in treewalk_iscc(folder)))
    assert manifest.root.iscc.units() == expected
