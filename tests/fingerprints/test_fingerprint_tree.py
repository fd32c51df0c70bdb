"""The codes of a tree equal those of tools that nobody here wrote, from every kind of source."""

import hashlib
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from subprocess import CompletedProcess
from unicodedata import normalize

import iscc_lib
import pytest
from blake3 import blake3

from crate_iscc.errors import InputError, ReadError
from crate_iscc.fingerprinting.tree import Payload, fingerprint_tree, payload_of, tree_code
from crate_iscc.kernel.native import NativeKernel
from crate_iscc.kernel.reference import ReferenceKernel
from crate_iscc.manifest import Manifest, TreeFingerprint
from crate_iscc.sources import Tree
from crate_iscc.sources.opening import open_tree

Codes = tuple[str, str, str]
WriteTree = Callable[[Mapping[str, bytes]], Path]
MakeZip = Callable[..., Path]
Files = dict[str, bytes]

MIB = 1 << 20
BATCH = 4 * MIB
"""Small files are handed over in batches of this many bytes, or of 512 files."""


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that are the same in every run."""
    return Random(1000 * seed + size).randbytes(size)


def sized(*sizes: int) -> Files:
    """Return files of these sizes, in an order that is also that of their names."""
    return {f"f{number:03d}": noise(size, number) for number, size in enumerate(sizes)}


def named(*names: str) -> Files:
    """Return small files of these names, each with content of its own."""
    return {name: f"<{name}>".encode() * 3 for name in names}


E_ACUTE = (normalize("NFC", "é"), normalize("NFD", "é"))

CASES: dict[str, Files] = {
    "one file": {"a": b"1"},
    "one empty file": {"a": b""},
    "empty files among others": {"a": b"", "b": b"2", "c/d": b"", "c/e": b"5", "z": b""},
    "files before folders": named("b", "a/z", "c/a", "a/b/c", "a.txt", "aa/b", "a0"),
    "folders whose names start alike": named("a/x", "a.b/x", "a-b/x", "a b/x", "a0/x", "A/x", "r"),
    "ignore files first": named(
        ".zignore", ".gitignore", "-a", ".a", "!", "s/.dockerignore", "s/-", "xignore", ".ignored"
    ),
    "composed and decomposed names": named(
        *E_ACUTE, *(f"{e}a" for e in E_ACUTE), *(f"{e}b/x" for e in E_ACUTE), "ez", "f"
    ),
    "names beyond the basic plane": named("\U0001f52c", "\uff5e", "\ue000", "z", "\U0001f9eb/a"),
    "names with odd characters": named("a b", "a%20b", "#", "~", "a&b", "[x]", "a'b", "{}", "$x"),
    "metadata of ISCC": named("a", "a.iscc.json", ".iscc.json", "s/b.iscc.json", "b.iscc.json/c"),
    "deep folders": {
        "/".join("abcdefghijklmnop"[:n]) + "/file": noise(n * 99) for n in range(1, 16)
    }
    | {"top": b"top"},
    "as large as a batch": sized(BATCH),
    "one byte less than a batch": sized(BATCH - 1, 1, 1),
    "one byte more than a batch": sized(BATCH + 1, 5, BATCH + 1),
    "two files make a batch": sized(BATCH // 2, BATCH // 2, 3, BATCH // 2, BATCH // 2 + 1),
    "large and small in turns": sized(5 * MIB + 3, 1, 0, MIB - 1, MIB, MIB + 1, 9, 6 * MIB, 0),
    "511 files": sized(*range(511)),
    "512 files": sized(*range(512)),
    "513 files": sized(*range(513)),
    "1100 files in folders": {f"d{n % 7}/f{n}": noise(n % 50, n) for n in range(1100)}
    | {"top": b""},
    "an ignore file at the root": {
        **named("a.tmp", "b.txt", "s/c.tmp", "s/d.txt", "skip/x", "s/skip/y", "keep.tmp"),
        ".isccignore": b"# comment\n*.tmp\n\nskip/\n!keep.tmp\n",
    },
    "an ignore file with anchors": {
        **named("a", "s/a", "s/t/a", "b", "s/b", "s/t/b", "c1", "s/c2", "s/cc"),
        ".isccignore": b"/a\ns/**/b\nc?\n",
    },
    "an ignore file that names itself": {
        **named("a", "b/.isccignore.txt", "b/c"),
        ".isccignore": b".isccignore\n",
    },
    "ignored but for some": {
        **named("a", "keep", "s/a", "s/keep", "s/t/keep"),
        ".isccignore": b"*\n!keep\n!s/\n!.isccignore\n",
    },
    "nested ignore files": {
        **named("a.x", "s/a.x", "s/a.y", "s/t/a.x", "s/t/a.y", "s/t/a.z", "u/a.x", "u/a.y"),
        ".isccignore": b"*.x\n",
        "s/.isccignore": b"!a.x\n*.y\n",
        "s/t/.isccignore": b"!*.y\n/a.z\ns/t/a.z\n",
        "u/.isccignore": b"/a.y\nu/*.y\n",
    },
    "an ignore file in an ignored folder": {
        **named("a", "skip/a", "skip/b"),
        ".isccignore": b"skip/\n",
        "skip/.isccignore": b"!a\n",
    },
    "an ignore file with other line ends": {
        **named("a", "b", "c", "d"),
        ".isccignore": b"a\r\nb\rd",
    },
    "an ignore file with a byte order mark": {
        **named("a", "b"),
        ".isccignore": "\ufeffa\nb\n".encode(),
    },
    "an ignore file with a line separator in a name": {
        **named("a", "b", "a\u2028b", "a\x0cb", "a\x85b", "c"),
        ".isccignore": "a\u2028b\na\x0cb\na\x85b\nc\n".encode(),
    },
    "an ignore file with spaces": {
        **named("a", "b c", "d ", "e"),
        ".isccignore": b"  \nb c  \n   e\na",
    },
    "an empty ignore file": {**named("a", "s/b"), ".isccignore": b"", "s/.isccignore": b"\n\n"},
    "ignored in decomposed form": {
        **named(*E_ACUTE, "x"),
        ".isccignore": f"{E_ACUTE[0]}\n".encode(),
    },
}

if sys.platform != "linux":  # other file systems take names for one that differ in form or case
    for case in ("composed and decomposed names", "folders whose names start alike"):
        del CASES[case]
    del CASES["ignored in decomposed form"]

ZARR: Files = {
    "readme.txt": b"readme",
    "image.ome.zarr/.zattrs": b"{}",
    "image.ome.zarr/.zgroup": b'{"zarr_format": 2}',
    "image.ome.zarr/0/.zarray": b"{}",
    **{f"image.ome.zarr/0/{y}/{x}": noise(40_000, 10 * y + x) for y in range(3) for x in range(4)},
    "image.ome.zarr/labels/.zgroup": b"{}",
    "image.ome.zarr/labels/a.iscc.json": b"not in the code",
    "image.ome.zarr/empty": b"",
    "deep/er/v3.zarr/zarr.json": b"{}",
    "deep/er/v3.zarr/c/0/0": noise(2 * MIB + 1),
    "deep/er/v3.zarr/c/0/1": noise(3 * MIB + 1),
    "deep/er/v3.zarr/.isccignore": b"c/0/1\n!x.skipped\n",
    "deep/er/v3.zarr/x.skipped": b"the root's ignore file does not reach in here",
    "deep/er/beside.txt": b"beside",
    "series/0001.tif": noise(5000, 1),
    "series/0002.tif": noise(5000, 2),
    "series/sub/0003.tif": noise(5000, 3),
    "small.zarr/zarr.json": b"",
    "z.skipped": b"skipped",
    ".isccignore": b"*.skipped\nseries/\n",
}
CONTAINERS = ("deep/er/v3.zarr/", "image.ome.zarr/", "series/", "small.zarr/")


def fingerprints(
    tree: Tree, *, jobs: int | None = None, sha256: bool = False, containers: tuple[str, ...] = ()
) -> Manifest:
    """Return the manifest of everything in a tree."""
    with tree:
        payload = payload_of(tree.listing(), containers=containers)
        return fingerprint_tree(tree, payload, NativeKernel(), jobs=jobs, sha256=sha256)


def codes(known: TreeFingerprint) -> Codes:
    """Return a tree code in the form in which the fixture gives what the command prints."""
    assert known.iscc is not None
    return known.iscc.iscc(), *known.iscc.units()


def expected_treehash(files: Mapping[str, bytes], folder: str = "") -> str:
    """Return the treehash as the format describes it, computed from the bytes."""
    below = {path[len(folder) :]: body for path, body in files.items() if path.startswith(folder)}
    lines = (
        b"%b\0%d\x001e20%b\n" % (path.encode(), len(body), blake3(body).hexdigest().encode())
        for path, body in sorted(below.items(), key=lambda item: item[0].encode())
    )
    return "1e20" + blake3(b"".join(lines)).hexdigest()


@pytest.fixture(scope="module")
def printed(
    tmp_path_factory: pytest.TempPathFactory, iscc_sum_tree: Callable[[Path], Codes]
) -> Callable[[str], tuple[Path, Codes]]:
    """Return a function from a case to its folder and what the command prints for it, once."""
    done: dict[str, tuple[Path, Codes]] = {}

    def result(case: str) -> tuple[Path, Codes]:
        if case not in done:
            folder = tmp_path_factory.mktemp("case") / "dataset"
            for path, content in CASES[case].items():
                place = folder / path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            done[case] = folder, iscc_sum_tree(folder)
        return done[case]

    return result


def shuffled(files: Files) -> Files:
    """Return the files in another order, as archives may have them."""
    names = sorted(files)
    Random(3).shuffle(names)
    return {name: files[name] for name in names}


def sources(files: Files, make_zip: MakeZip) -> Iterator[tuple[str, Path]]:
    """Yield a zip of each kind with these files in it, in an order of its own."""
    mixed = shuffled(files)
    yield "stored", make_zip(mixed)
    yield "deflated", make_zip(mixed, compression=zipfile.ZIP_DEFLATED)
    yield "wrapped", make_zip(mixed, wrapper="a study/")


# --- the tree code ------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_tree_code_is_what_the_iscc_sum_command_prints(
    case: str, printed: Callable[[str], tuple[Path, Codes]]
) -> None:
    """The ISCC-SUM of a directory, in all bits of its units, is that of `iscc-sum --tree`."""
    folder, expected = printed(case)

    manifest = fingerprints(open_tree(folder))

    assert codes(manifest.root) == expected


@pytest.mark.parametrize("case", CASES)
def test_every_zip_of_a_tree_has_the_codes_of_its_directory(
    case: str, printed: Callable[[str], tuple[Path, Codes]], make_zip: MakeZip
) -> None:
    """Stored, deflated or wrapped, in any order: a zip has the very manifest of the directory."""
    folder, _ = printed(case)
    expected = fingerprints(open_tree(folder))

    found = {kind: fingerprints(open_tree(p)) for kind, p in sources(CASES[case], make_zip)}

    assert found == dict.fromkeys(found, expected)


@pytest.mark.parametrize("case", CASES)
def test_the_code_alone_is_the_same(
    case: str, printed: Callable[[str], tuple[Path, Codes]], make_zip: MakeZip
) -> None:
    """The code of a tree that is computed without those of its files is the same code."""
    folder, expected = printed(case)

    with open_tree(folder) as directory, open_tree(make_zip(CASES[case])) as archive:
        found = [tree_code(tree, NativeKernel()) for tree in (directory, archive)]

    assert [(known.iscc(), *known.units()) for known in found] == [expected, expected]


def test_a_code_of_nothing_is_an_input_error(
    tmp_path: Path, iscc_sum: Callable[..., "CompletedProcess[str]"]
) -> None:
    """A tree without files has no code, as for the `iscc-sum` command."""
    assert iscc_sum("--tree", tmp_path).returncode == 2

    with open_tree(tmp_path) as tree, pytest.raises(InputError, match="there is no file in"):
        tree_code(tree, NativeKernel())


def test_the_code_alone_covers_what_no_crate_counts_as_payload(
    write_tree: WriteTree, iscc_sum_tree: Callable[[Path], Codes]
) -> None:
    """The command for a tree of files leaves out nothing that `iscc-sum --tree` covers."""
    folder = write_tree(
        named("ro-crate-metadata.json", "iscc-manifest.tsv", "ro-crate-preview_files/a", "data")
    )

    with open_tree(folder) as tree:
        known = tree_code(tree, NativeKernel())

    assert (known.iscc(), *known.units()) == iscc_sum_tree(folder)


@pytest.mark.parametrize("content", [b"!\n", b"a\n\xff\n"], ids=["pattern", "encoding"])
def test_the_code_alone_needs_a_sound_ignore_file(
    content: bytes, write_tree: WriteTree, iscc_sum: Callable[..., "CompletedProcess[str]"]
) -> None:
    """Where an ignore file cannot be understood there is no code, as for the command."""
    folder = write_tree({"a": b"1", ".isccignore": content})
    assert iscc_sum("--tree", folder).returncode == 2

    with open_tree(folder) as tree, pytest.raises((InputError, ReadError)):
        tree_code(tree, NativeKernel())


# --- files --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case", ["large and small in turns", "513 files", "names beyond the basic plane"]
)
def test_the_codes_of_each_file_are_those_of_iscc_lib(
    case: str, printed: Callable[[str], tuple[Path, Codes]]
) -> None:
    """Each file has the units, the datahash and the size that iscc-lib gives for its path."""
    folder, _ = printed(case)

    manifest = fingerprints(open_tree(folder))

    assert {file.path for file in manifest.files} == set(CASES[case])
    for file in manifest.files:
        expected = iscc_lib.gen_sum_code_v0(
            str(folder / file.path), bits=256, wide=True, add_units=True
        )
        assert list(file.fingerprint.units()) == expected["units"]
        assert file.fingerprint.iscc() == expected["iscc"]
        assert file.fingerprint.datahash == expected["datahash"]
        assert file.fingerprint.size == expected["filesize"]


def test_files_stand_in_the_order_of_their_utf8_bytes(
    printed: Callable[[str], tuple[Path, Codes]],
) -> None:
    """The files of a manifest are sorted by the UTF-8 bytes of their paths."""
    for case in ("names beyond the basic plane", "files before folders"):
        manifest = fingerprints(open_tree(printed(case)[0]))

        paths = [file.path for file in manifest.files]
        assert paths == sorted(CASES[case], key=lambda path: path.encode("utf-8"))


def test_a_sha256_is_that_of_hashlib(write_tree: WriteTree, make_zip: MakeZip) -> None:
    """Where it is asked for, each file has the sha256 that hashlib gives, from every source."""
    folder = write_tree(ZARR)

    for place in (folder, *(place for _, place in sources(ZARR, make_zip))):
        manifest = fingerprints(open_tree(place), sha256=True)

        assert {file.path: file.sha256 for file in manifest.files} == {
            path: hashlib.sha256(content).hexdigest() for path, content in ZARR.items()
        }


def test_a_sha256_that_nobody_asked_for_is_not_there(write_tree: WriteTree) -> None:
    """Without the wish for it no file has a sha256, and the codes are the same either way."""
    folder = write_tree(ZARR)

    without = fingerprints(open_tree(folder))
    with_it = fingerprints(open_tree(folder), sha256=True)

    assert {file.sha256 for file in without.files} == {None}
    assert [file.fingerprint for file in without.files] == [
        file.fingerprint for file in with_it.files
    ]
    assert without.root == with_it.root
    assert without.containers == with_it.containers


# --- treehash and containers --------------------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
def test_a_treehash_covers_every_file(
    case: str, printed: Callable[[str], tuple[Path, Codes]]
) -> None:
    """The treehash, the count and the size are those of all files, ignored by ISCC or not."""
    files = CASES[case]

    root = fingerprints(open_tree(printed(case)[0])).root

    assert root.path == ""
    assert root.treehash == expected_treehash(files)
    assert root.files == len(files)
    assert root.size == sum(map(len, files.values()))


def test_containers_have_the_codes_that_the_command_prints(
    write_tree: WriteTree, make_zip: MakeZip, iscc_sum_tree: Callable[[Path], Codes]
) -> None:
    """Each container, and the root, has the code of `iscc-sum --tree` on that very folder."""
    folder = write_tree(ZARR)
    expected = {path: iscc_sum_tree(folder / path) for path in ("", *CONTAINERS)}

    for place in (folder, *(place for _, place in sources(ZARR, make_zip))):
        manifest = fingerprints(open_tree(place), containers=("series/",))

        assert tuple(container.path for container in manifest.containers) == CONTAINERS
        found = {tree.path: codes(tree) for tree in (manifest.root, *manifest.containers)}
        assert found == expected


def test_containers_have_a_treehash_of_their_own(write_tree: WriteTree) -> None:
    """The treehash of a container is computed over paths inside it; size and count are its own."""
    manifest = fingerprints(open_tree(write_tree(ZARR)), containers=("series/",))

    for container in manifest.containers:
        members = [body for path, body in ZARR.items() if path.startswith(container.path)]
        assert container.treehash == expected_treehash(ZARR, container.path)
        assert container.files == len(members)
        assert container.size == sum(map(len, members))
    assert manifest.root.treehash == expected_treehash(ZARR)


def test_a_container_does_not_depend_on_where_it_lies(write_tree: WriteTree) -> None:
    """The same container under another name, in another tree, has the same two codes."""
    moved = {
        path.replace("image.ome.zarr/", "other/place.zarr/"): body
        for path, body in ZARR.items()
        if path.startswith("image.ome.zarr/")
    }

    (one,) = (
        container
        for container in fingerprints(open_tree(write_tree(ZARR))).containers
        if container.path == "image.ome.zarr/"
    )
    (two,) = fingerprints(open_tree(write_tree(moved))).containers

    assert two.path == "other/place.zarr/"
    assert (two.iscc, two.treehash, two.files) == (one.iscc, one.treehash, one.files)


def test_a_tree_that_is_a_zarr_is_one_container(
    write_tree: WriteTree, iscc_sum_tree: Callable[[Path], Codes]
) -> None:
    """Where the root holds the metadata of a Zarr, the root's codes are the container's."""
    folder = write_tree({"zarr.json": b"{}", "c/0": noise(1000), "sub/.zgroup": b"{}"})

    manifest = fingerprints(open_tree(folder))

    assert manifest.containers == (manifest.root,)
    assert codes(manifest.root) == iscc_sum_tree(folder)


def test_different_pixels_in_the_same_bytes_differ_in_the_treehash(write_tree: WriteTree) -> None:
    """Bytes that move over a file boundary keep the tree ISCC-SUM and change the treehash."""
    one = fingerprints(open_tree(write_tree({"a": b"12", "b": b"3"}))).root
    two = fingerprints(open_tree(write_tree({"a": b"1", "b": b"23"}))).root

    assert one.iscc == two.iscc
    assert one.treehash != two.treehash


# --- ways to compute ----------------------------------------------------------------------------


def test_the_number_of_threads_does_not_matter(write_tree: WriteTree, make_zip: MakeZip) -> None:
    """From one thread to eight, the manifest is the same to the last value."""
    files = {**ZARR, **{f"many/{n:04d}": noise(n, n) for n in range(700)}}
    places = [write_tree(files), *(place for _, place in sources(files, make_zip))]
    expected = fingerprints(open_tree(places[0]), jobs=1, sha256=True)

    for jobs in range(1, 9):
        for place in places if jobs % 4 == 0 else places[:1]:
            assert fingerprints(open_tree(place), jobs=jobs, sha256=True) == expected


def test_the_reference_kernel_gives_the_same_manifest(write_tree: WriteTree) -> None:
    """Both kernels agree on every code of a tree."""
    small = {path: body[:20_000] for path, body in ZARR.items()}
    with open_tree(write_tree(small)) as tree:
        payload = payload_of(tree.listing())

        native = fingerprint_tree(tree, payload, NativeKernel())
        reference = fingerprint_tree(tree, payload, ReferenceKernel())

    assert native == reference


def test_an_empty_payload_has_codes_of_nothing(tmp_path: Path) -> None:
    """A tree without files counts none, and has the treehash and the code of no bytes."""
    root = fingerprints(open_tree(tmp_path)).root

    assert (root.files, root.size) == (0, 0)
    assert root.treehash == "1e20" + blake3(b"").hexdigest()
    assert root.iscc == NativeKernel().hasher().finish()


# --- the payload --------------------------------------------------------------------------------


def payload_paths(payload: Payload) -> set[str]:
    """Return the paths of a payload."""
    return {entry.path for entry in payload.entries}


def test_what_describes_a_crate_is_no_payload(write_tree: WriteTree) -> None:
    """Metadata, manifest and preview at the root are left out; those of nested crates are not."""
    kept = named(
        "data",
        "sub/ro-crate-metadata.json",
        "sub/iscc-manifest.tsv",
        "sub/ro-crate-preview_files/x",
        "ro-crate-metadata.json.txt",
        "ro-crate-preview_files.txt",
    )
    left_out = named(
        "ro-crate-metadata.json",
        "ro-crate-metadata.jsonld",
        "ro-crate-preview.html",
        "ro-crate-preview_files/style.css",
        "iscc-manifest.tsv",
    )
    expected = fingerprints(open_tree(write_tree(kept)))

    manifest = fingerprints(open_tree(write_tree({**kept, **left_out})))

    assert manifest == expected
    assert manifest.root.treehash == expected_treehash(kept)


def test_an_excluded_file_is_no_payload(
    write_tree: WriteTree, iscc_sum_tree: Callable[[Path], Codes]
) -> None:
    """What is excluded is in no code, and the recipe says what was excluded."""
    kept, left_out = named("a", "s/b", "keep.tmp"), named("c.tmp", "s/d.tmp", "skip/e")
    patterns = ("*.tmp", "skip/", "!keep.tmp")
    expected = write_tree(kept)
    with open_tree(write_tree({**kept, **left_out})) as tree:
        payload = payload_of(tree.listing(), excluded=patterns)

        manifest = fingerprint_tree(tree, payload, NativeKernel(), excluded=patterns)

    assert manifest.recipe.excluded == patterns
    assert {file.path for file in manifest.files} == set(kept)
    assert codes(manifest.root) == iscc_sum_tree(expected)
    assert manifest.root.treehash == expected_treehash(kept)


def test_what_is_never_excluded_stays(write_tree: WriteTree) -> None:
    """A path that must stay is payload whatever the patterns say."""
    with open_tree(write_tree(named("a.tmp", "b.tmp"))) as tree:
        payload = payload_of(tree.listing(), excluded=("*",), never_excluded={"b.tmp"})

    assert payload_paths(payload) == {"b.tmp"}


def test_an_excluded_link_is_not_missed(write_tree: WriteTree) -> None:
    """What is refused is left out as well where a pattern names it, and then codes are given."""
    folder = write_tree(named("a"))
    (folder / "link").symlink_to("a")
    with open_tree(folder) as tree:
        payload = payload_of(tree.listing(), excluded=("link",))

        manifest = fingerprint_tree(tree, payload, NativeKernel())

    assert manifest.unread == ()
    assert manifest.root.treehash == expected_treehash(named("a"))


def test_known_containers_are_containers(write_tree: WriteTree) -> None:
    """A folder that a crate already describes as one is a container without any pattern."""
    with open_tree(write_tree(named("a/b/c", "a/d", "e"))) as tree:
        payload = payload_of(tree.listing(), known_containers={"a/b/"})

    assert payload.containers == ("a/b/",)
