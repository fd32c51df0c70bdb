"""All shards of a payload together are what one reading of it makes, bit for bit."""

import os
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crate_iscc.codes import parse_iscc
from crate_iscc.errors import InputError, ReadError
from crate_iscc.fingerprinting.part import Asked, Part, Shard, parse_part, read_part, write_part
from crate_iscc.fingerprinting.shards import Division, MergedParts, read_shard
from crate_iscc.fingerprinting.tree import Payload, fingerprint_tree, payload_of
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import has_compiled_module, kernel
from crate_iscc.kernel.digest import DigestBook
from crate_iscc.manifest import Manifest
from crate_iscc.paths import CratePath
from crate_iscc.sources import Tree
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_tree

if not has_compiled_module():
    pytest.skip("the C module was not compiled here", allow_module_level=True)

KERNEL = kernel("compiled")
SIZES = (0, 1, 255, 256, 640, 1023, 1024, 1025, 8192, 70_000, 100_003)
FOLDERS = ("", "a/", "a/d/", "x.zarr/", "x.zarr/c/0/", "y.zarr/", "y.zarr/z.zarr/", "é/")
NAMES = ("1", "2", "zarr.json", ".isccignore", "b", "c.iscc.json", "~")
CONTAINERS = ("*.zarr", "a/d")


def content(random: Random, size: int) -> bytes:
    """Return bytes of a kind: noise, zeros, or what repeats."""
    kind = random.randrange(3)
    if kind == 0:
        return random.randbytes(size)
    if kind == 1:
        return bytes(size)
    period = random.choice([3, 1024, 8192])
    return (random.randbytes(period) * (size // period + 1))[:size]


def files(seed: int, count: int) -> dict[str, bytes]:
    """Return a payload: files at random places, some with rules of what the codes leave out."""
    random = Random(seed)
    made = {}
    for _ in range(count):
        name = random.choice(NAMES)
        place = random.choice(FOLDERS) + name
        rules = random.choice([b"1\n", b"*.iscc.json\nb\n", b"c/\n"])
        made[place] = rules if name == ".isccignore" else content(random, random.choice(SIZES))
    return made


def write(made: Mapping[str, bytes], folder: Path) -> Path:
    for path, raw in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    return folder


def asked(*, codes: bool = True, sha256: bool = False) -> Asked:
    return Asked(
        purpose="build" if codes else "verify", codes=codes, kernel=KERNEL.name, sha256=sha256
    )


def parts_of(
    tree: Tree,
    payload: Payload,
    count: int,
    *,
    codes: bool = True,
    sha256: bool = False,
    wanted: Mapping[CratePath, Sequence[str]] | None = None,
) -> list[Part]:
    """Return the parts of all shards, each written and read again."""
    return [
        parse_part(
            read_shard(
                tree,
                payload,
                KERNEL,
                Shard(number, count),
                asked(codes=codes, sha256=sha256),
                jobs=2,
                digests=DigestBook(wanted or {}),
            ).dump(),
            f"part {number}",
        )
        for number in range(1, count + 1)
    ]


def payload_in(tree: Tree) -> Payload:
    return payload_of(tree.listing(), containers=CONTAINERS)


def merged(tree: Tree, payload: Payload, count: int, *, sha256: bool = False) -> Manifest:
    given = MergedParts(parts_of(tree, payload, count, sha256=sha256), KERNEL)
    return fingerprint_tree(tree, payload, KERNEL, given=given, sha256=sha256)


# --- one result ---------------------------------------------------------------------------------


@given(seed=st.integers(0, 1 << 32), many=st.integers(0, 25), count=st.integers(1, 12))
@example(seed=0, many=0, count=3)
@example(seed=1, many=1, count=5)
def test_the_parts_of_any_payload_make_the_manifest_of_one_reading(
    seed: int, many: int, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every code of every file, container and the root, by the compiled kernel and iscc-lib."""
    with DirectoryTree(write(files(seed, many), tmp_path_factory.mktemp("tree"))) as tree:
        payload = payload_in(tree)

        found = merged(tree, payload, count)

        assert found == fingerprint_tree(tree, payload, KERNEL)
        assert found == fingerprint_tree(tree, payload, kernel("iscc-lib"))


@pytest.mark.parametrize("kind", ["noise", "zeros", "period"])
@pytest.mark.parametrize("count", [2, 3, 7])
def test_large_files_of_any_kind_make_what_iscc_sum_prints(
    kind: str,
    count: int,
    tmp_path: Path,
    iscc_sum_tree: Callable[[Path], tuple[str, str, str]],
) -> None:
    """The stock `iscc-sum --tree` prints the code that parts make, also of bytes that repeat."""
    random = Random(count)
    for number, size in enumerate((1_300_000, 3_000_001, 70_000, 0, 2_200_000, 1, 1_048_577)):
        raw = {
            "noise": random.randbytes(size),
            "zeros": bytes(size),
            "period": (random.randbytes(1000) * (size // 1000 + 1))[:size],
        }[kind]
        (tmp_path / f"{number}.raw").write_bytes(raw)
    with DirectoryTree(tmp_path) as tree:
        manifest = merged(tree, payload_in(tree), count)

    assert manifest.root.iscc is not None
    _, data, instance = iscc_sum_tree(tmp_path)
    assert manifest.root.iscc.data == parse_iscc(data).data
    assert manifest.root.iscc.instance == parse_iscc(instance).instance


def test_shards_of_a_zip_are_merged_as_those_of_its_folder(
    tmp_path: Path, make_zip: Callable[..., Path]
) -> None:
    made = files(5, 25)
    with open_tree(write(made, tmp_path / "tree")) as tree, open_tree(make_zip(made)) as archive:
        folder = merged(tree, payload_in(tree), 4)

        assert merged(archive, payload_in(archive), 4) == folder


def test_streams_that_cannot_be_mapped_are_joined_too(
    tmp_path: Path, make_zip: Callable[..., Path]
) -> None:
    """Gentle reading, and deflated members larger than a batch, come piece by piece."""
    made = {f"{number}": Random(number).randbytes(1_500_000) for number in range(5)}
    made["2"] = bytes(1_200_000)
    archive = make_zip(made, compression=zipfile.ZIP_DEFLATED)
    with open_tree(archive) as tree:
        payload = payload_in(tree)
        whole = fingerprint_tree(tree, payload, KERNEL)
        assert merged(tree, payload, 3) == whole
    with DirectoryTree(write(made, tmp_path / "tree")) as tree:
        payload = payload_in(tree)
        gentle = [
            read_shard(tree, payload, KERNEL, Shard(number, 3), asked(), gentle=True)
            for number in (3, 1, 2)
        ]
        found = fingerprint_tree(tree, payload, KERNEL, given=MergedParts(gentle, KERNEL))
        assert found.root == whole.root


def test_sha256_and_datahashes_alone_are_merged_too(tmp_path: Path) -> None:
    with DirectoryTree(write(files(6, 30), tmp_path)) as tree:
        payload = payload_in(tree)
        whole = fingerprint_tree(tree, payload, KERNEL, sha256=True)

        assert merged(tree, payload, 3, sha256=True) == whole
        wanted = dict.fromkeys(list(payload.entries.paths())[::3], ("md5",))
        parts = parts_of(tree, payload, 3, codes=False, wanted=wanted)
        book = DigestBook(wanted)
        table, unread = MergedParts(parts, KERNEL).files(tree, payload.entries, book)
        assert not unread
        assert [file.fingerprint.instance for file in table] == [
            file.fingerprint.instance for file in whole.files
        ]
        assert not book.lacking()


def test_every_file_is_in_one_shard_and_shards_are_about_the_same(tmp_path: Path) -> None:
    made = {f"{number:03}": bytes(Random(number).randrange(100_000)) for number in range(300)}
    with DirectoryTree(write(made, tmp_path)) as tree:
        parts = parts_of(tree, payload_in(tree), 5)

    assert sum(part.files for part in parts) == 300
    assert sum(part.size for part in parts) == sum(map(len, made.values()))
    assert max(part.size for part in parts) < 1.2 * min(part.size for part in parts)


def test_a_part_is_small(tmp_path: Path) -> None:
    """Besides 64 bytes a file, it holds no more than the edges of the codes over many files."""
    made = {f"x.zarr/{number:04}": Random(number).randbytes(3000) for number in range(1000)}
    with DirectoryTree(write(made, tmp_path)) as tree:
        parts = parts_of(tree, payload_in(tree), 2)

    assert all(len(part.dump()) < 64 * part.files + 250_000 for part in parts)


# --- what cannot be merged ----------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> DirectoryTree:
    folder = tmp_path / "tree"
    folder.mkdir()
    made = {f"{number}": Random(number).randbytes(90_000) for number in range(6)}
    return DirectoryTree(write(made, folder))


def refused(parts: Sequence[Part], tree: Tree, by: Kernel = KERNEL) -> InputError:
    with pytest.raises(InputError) as caught:
        fingerprint_tree(tree, payload_in(tree), by, given=MergedParts(parts, by))
    assert caught.value.cause or caught.value.hint
    return caught.value


def test_parts_that_are_lacking_or_doubled_are_refused(tree: DirectoryTree) -> None:
    one, two, three = parts_of(tree, payload_in(tree), 3)

    assert "3/3" in (refused([one, two], tree).cause or "")
    assert "the same shard" in refused([one, two, three, two], tree).message
    assert "nothing to merge" in refused([], tree).message
    other = parts_of(tree, payload_in(tree), 2)
    assert "shards 1/3 and 2/2" in (refused([one, other[1]], tree).cause or "")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"version": "0.0.1"}, "by 0.0.1"),
        ({"kernel": "other 1"}, "other 1"),
        ({"purpose": "verify"}, "verify"),
        ({"codes": False}, "--full"),
        ({"excluded": ("*.tmp",)}, "--exclude"),
        ({"containers": ("a",)}, "--container"),
        ({"write_sha256": True}, "--sha256"),
        ({"sha256": True}, "metadata changed"),
    ],
)
def test_parts_that_were_read_in_other_ways_are_refused(
    changes: dict[str, object], told: str, tree: DirectoryTree
) -> None:
    one, two = parts_of(tree, payload_in(tree), 2)
    fields = {name: getattr(one.asked, name) for name in Asked.__slots__}
    odd = replace(two, asked=Asked(**{**fields, **changes}))

    assert told in (refused([one, odd], tree).cause or "")


def test_parts_by_another_kernel_or_version_are_refused(tree: DirectoryTree) -> None:
    parts = parts_of(tree, payload_in(tree), 2)
    old = [replace(part, asked=replace(part.asked, version="0.0.1")) for part in parts]

    assert "0.0.1" in (refused(old, tree).cause or "")
    assert "iscc-lib" in (refused(parts, tree, kernel("iscc-lib")).cause or "")


def test_a_kernel_that_computes_no_parts_says_so(tree: DirectoryTree) -> None:
    with pytest.raises(InputError, match="computes no code in parts"):
        read_shard(tree, payload_in(tree), kernel("iscc-lib"), Shard(1, 2), asked())


@pytest.mark.parametrize("change", ["more", "fewer", "size", "time", "rules"])
def test_parts_of_a_payload_that_changed_are_refused(tree: DirectoryTree, change: str) -> None:
    parts = parts_of(tree, payload_in(tree), 2)
    match change:
        case "more":
            (tree.path / "new").touch()
        case "fewer":
            (tree.path / "3").unlink()
        case "size":
            (tree.path / "3").write_bytes(b"x")
        case "time":
            os.utime(tree.path / "3", ns=(1, 1))
        case "rules":
            (tree.path / ".isccignore").write_bytes(b"3\n")

    assert "not of this dataset as it is now" in refused(parts, tree).message


def test_parts_of_a_zip_that_was_written_anew_are_refused(
    make_zip: Callable[..., Path], tmp_path: Path
) -> None:
    """Its members have the sizes and the times that they had."""
    made = {f"{number}": Random(number).randbytes(5000) for number in range(6)}
    place = make_zip(made)
    with open_tree(place) as archive:
        parts = parts_of(archive, payload_in(archive), 2)
    make_zip({**made, "3": Random(9).randbytes(5000)}).replace(place)

    with open_tree(place) as archive:
        assert "not of this dataset as it is now" in refused(parts, archive).message


def test_parts_before_and_after_a_change_are_refused(tree: DirectoryTree) -> None:
    one, _ = parts_of(tree, payload_in(tree), 2)
    (tree.path / "3").write_bytes(b"x")
    _, two = parts_of(tree, payload_in(tree), 2)

    assert "changed between the shards" in (refused([one, two], tree).cause or "")


def test_a_file_that_has_to_be_read_again_and_has_changed_ends_the_merge(tmp_path: Path) -> None:
    """A change that hides its size and times is found where the bytes are needed again."""
    made = {f"{number}": bytes(300_000) for number in range(4)}
    made["0"] += b"x" * 333  # so that no cut of the second shard is one of the whole
    tree = DirectoryTree(write(made, tmp_path))
    payload = payload_in(tree)
    given = MergedParts(parts_of(tree, payload, 2), KERNEL)
    for number in range(4):
        place = tmp_path / f"{number}"
        before = place.stat()
        place.write_bytes(b"\1" + made[str(number)][1:])
        os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))

    with pytest.raises(ReadError):
        fingerprint_tree(tree, payload, KERNEL, given=given)


def test_a_shard_with_a_file_that_was_not_read_gives_no_code_of_the_whole(
    tree: DirectoryTree,
) -> None:
    payload = payload_in(tree)
    (tree.path / "3").write_bytes(b"changed after the listing")
    parts = parts_of(tree, payload, 2)

    manifest = fingerprint_tree(tree, payload, KERNEL, given=MergedParts(parts, KERNEL))

    assert [item.path for item in manifest.unread] == ["3"]
    assert manifest.root.iscc is None
    assert manifest.root.treehash is None
    assert len(manifest.files) == 5


# --- files of parts -----------------------------------------------------------------------------


def test_a_part_is_read_as_it_was_written(tree: DirectoryTree, tmp_path: Path) -> None:
    part, _ = parts_of(tree, payload_in(tree), 2, sha256=True)
    place = tmp_path / "1.part"

    write_part(part, place)

    assert read_part(place) == replace(part, name=str(place))


@given(st.data())
def test_a_part_with_any_bit_changed_or_cut_anywhere_is_refused(data: st.DataObject) -> None:
    part = Part(
        shard=Shard(1, 2),
        asked=asked(),
        listing="ab",
        all_files=4,
        all_bytes=100,
        size=9,
        data=bytes(64),
        instance=bytes(64),
    )
    raw = bytearray(part.dump())
    assert parse_part(bytes(raw), "it") == replace(part, name="it")
    place = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        del raw[place:]
    else:
        raw[place] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(InputError):
        parse_part(bytes(raw), "it")


@pytest.mark.parametrize(
    "text", ["", "1", "0/3", "4/3", "1/0", "-1/3", "1/2/3", "1/9999999", "١/٢"]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Shard.parse(text)
    assert caught.value.hint


def test_a_shard_is_written_as_it_is_read() -> None:
    assert str(Shard.parse("03/10")) == "3/10"


@given(st.lists(st.integers(0, 1 << 40), max_size=30), st.integers(1, 50))
def test_shares_cover_every_file_once(sizes: list[int], count: int) -> None:
    """Whatever the sizes, each share begins where the one before ends."""
    from crate_iscc.entries import Entry, EntryTable

    table = EntryTable.of(
        Entry(CratePath(f"{number:03}"), size) for number, size in enumerate(sizes)
    )
    division = Division.of(table, None, count)

    shares = [division.share(Shard(number, count)) for number in range(1, count + 1)]
    assert [number for share in shares for number in share] == list(range(len(sizes)))
