"""Properties of what two trees are to each other: complete, exact, and the same from both sides."""

from hypothesis import given
from hypothesis import strategies as st
from property_strategies import files_of, fingerprint, payload_paths, steady, trees

from crate_iscc.file_table import FileFingerprint
from crate_iscc.kinship import Pair, Related, Relation, relate
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath

Tree = dict[CratePath, bytes]


def manifest(tree: Tree, unread: set[CratePath] = frozenset()) -> Manifest:  # type: ignore[assignment]
    read = {path: tree[path] for path in tree if path not in unread}
    return Manifest(files_of(read), unread=tuple(Unread(p, "no") for p in sorted(unread)))


def mirrored(related: Related) -> tuple[int, set[Pair]]:
    return related.same, {pair.mirrored() for pair in related.pairs}


@steady
@given(trees, trees, st.data())
def test_from_the_other_side_it_is_the_same_with_the_sides_exchanged(
    one: Tree, two: Tree, data: st.DataObject
) -> None:
    """Whatever the trees are, and whatever of them could not be read."""
    unread = [
        data.draw(st.sets(st.sampled_from(sorted(tree))) if tree else st.just(set()))
        for tree in (one, two)
    ]
    a, b = (manifest(tree, some) for tree, some in zip((one, two), unread, strict=True))

    assert mirrored(relate(a, b)) == (relate(b, a).same, set(relate(b, a).pairs))


@steady
@given(trees, trees)
def test_what_is_told_turns_one_tree_into_the_other(one: Tree, two: Tree) -> None:
    """Each path of each side is counted as the same or stands in one pair."""
    related = relate(manifest(one), manifest(two))

    left = dict.fromkeys(one)
    right = dict.fromkeys(two)
    for pair in related.pairs:
        if pair.a:
            assert pair.a.fingerprint == fingerprint(one[pair.a.path])
            del left[pair.a.path]
        if pair.b:
            assert pair.b.fingerprint == fingerprint(two[pair.b.path])
            del right[pair.b.path]
    assert left == right
    assert len(left) == related.same
    assert all(one[path] == two[path] for path in left)


@steady
@given(
    st.lists(payload_paths, min_size=1, max_size=8, unique=True),
    st.lists(payload_paths, max_size=6, unique=True),
    st.data(),
)
def test_the_edits_of_a_tree_are_what_is_told(
    paths: list[CratePath], fresh: list[CratePath], data: st.DataObject
) -> None:
    """Renamed, changed, deleted, added: exactly these, where no two contents are alike."""
    before = {path: f"content {number}".encode() for number, path in enumerate(paths)}
    free = [path for path in fresh if path not in before]
    after: Tree = {}
    expected: set[tuple[Relation, CratePath | None, CratePath | None]] = set()
    for path in paths:
        edit = data.draw(st.sampled_from(["keep", "keep", "change", "delete", "rename"]))
        match edit:
            case "change":
                after[path] = before[path] + b"!"
                expected.add((Relation.CHANGED, path, path))
            case "delete":
                expected.add((Relation.ONLY_A, path, None))
            case "rename" if free:
                target = free.pop()
                after[target] = before[path]
                expected.add((Relation.MOVED, path, target))
            case _:
                after[path] = before[path]
    for path in free:
        after[path] = f"added {path}".encode()
        expected.add((Relation.ONLY_B, None, path))

    related = relate(manifest(before), manifest(after))

    told = {(pair.relation, _path(pair.a), _path(pair.b)) for pair in related.pairs}
    assert told == expected
    assert related.same == sum(1 for path in paths if after.get(path) == before[path])


def _path(file: FileFingerprint | None) -> CratePath | None:
    return file.path if file else None
