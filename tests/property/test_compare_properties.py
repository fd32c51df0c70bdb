"""Properties of the comparison: all is accounted for, and only what is right is called so."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from property_strategies import files_of, fingerprint, fingerprints, steady, trees

from crate_iscc.codes import Fingerprint
from crate_iscc.comparison import Comparison, Difference, Status, compare
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath, utf8_order

Tree = dict[CratePath, bytes]


def manifest(tree: Tree) -> Manifest:
    return Manifest(files_of(tree))


def with_status(comparison: Comparison, *wanted: Status) -> list[Difference]:
    return [difference for difference in comparison.differences if difference.status in wanted]


def matching(recorded: Iterable[CratePath], comparison: Comparison) -> set[CratePath]:
    """Return the recorded paths of which nothing else is said, after counting them."""
    others = {d.path for d in comparison.differences if d.status is not Status.MATCH}
    matches = set(recorded) - others
    said = with_status(comparison, Status.MATCH)
    assert comparison.matches + len(said) == len(matches)
    assert {d.path for d in said} <= matches
    return matches


@steady
@given(trees)
def test_a_tree_matches_itself(tree: Tree) -> None:
    """Nothing is found where nothing has changed, with or without a look at the content."""
    for content in (True, False):
        comparison = compare(manifest(tree), manifest(tree), content=content)

        assert comparison == Comparison(len(tree), ())


@steady
@given(trees, trees)
def test_every_path_is_accounted_for_once(recorded: Tree, observed: Tree) -> None:
    """Each recorded path has one outcome; each other content is extra or what moved there."""
    comparison = compare(manifest(recorded), manifest(observed))

    taken = {d.moved_to for d in comparison.differences if d.moved_to}
    extra = {d.path for d in with_status(comparison, Status.EXTRA)}
    moved = {d.path for d in with_status(comparison, Status.MOVED)}
    said = [d.path for d in comparison.differences if d.status is not Status.EXTRA]
    assert said == sorted(set(said), key=utf8_order)
    assert set(said) | matching(recorded, comparison) == set(recorded)
    assert extra == (set(observed) - (set(recorded) - moved)) - taken


@steady
@given(trees, trees)
def test_a_file_matches_where_its_own_path_holds_its_own_content(
    recorded: Tree, observed: Tree
) -> None:
    """There, and nowhere else."""
    comparison = compare(manifest(recorded), manifest(observed))

    assert matching(recorded, comparison) == {
        path for path in recorded if observed.get(path) == recorded[path]
    }


@steady
@given(trees, trees)
def test_as_many_files_are_moved_as_can_be(recorded: Tree, observed: Tree) -> None:
    """A content lost here and found too much there is moved, and no place is taken twice."""
    comparison = compare(manifest(recorded), manifest(observed))

    moved = with_status(comparison, Status.MOVED)
    lost = Counter(c for path, c in recorded.items() if observed.get(path) != c)
    loose = Counter(c for path, c in observed.items() if recorded.get(path) != c)
    assert len(moved) == (lost & loose).total()
    assert len({d.moved_to for d in moved}) == len(moved)
    for d in moved:
        assert d.moved_to is not None
        assert observed[d.moved_to] == recorded[d.path] != recorded.get(d.moved_to)


@steady
@given(trees, trees)
def test_a_missing_file_is_gone_and_a_changed_one_is_not(recorded: Tree, observed: Tree) -> None:
    """What is missing has nothing at its path; what changed has, or was found under a new name."""
    comparison = compare(manifest(recorded), manifest(observed))

    assert all(d.path not in observed for d in with_status(comparison, Status.MISSING))
    for d in with_status(comparison, Status.CHANGED):
        place = d.moved_to or d.path
        assert d.observed == fingerprint(observed[place])
        assert d.recorded == fingerprint(recorded[d.path]) != d.observed


@steady
@given(trees, st.data())
def test_a_shuffled_tree_has_only_moves(tree: Tree, data: st.DataObject) -> None:
    """Contents that only changed places are all found again."""
    places = data.draw(st.permutations(list(tree)))
    observed = dict(zip(places, tree.values(), strict=True))

    comparison = compare(manifest(tree), manifest(observed))

    assert {d.status for d in comparison.differences} <= {Status.MOVED}
    assert comparison.matches + len(comparison.differences) == len(tree)


@steady
@given(trees, st.data())
def test_what_cannot_be_read_is_never_called_right(tree: Tree, data: st.DataObject) -> None:
    """A recorded file is unread where it, or a folder above it, could not be read."""
    closed = data.draw(st.sets(st.sampled_from(sorted(tree)))) if tree else set()
    folders = {CratePath(path[: path.index("/") + 1]) for path in closed if "/" in path}
    readable = {
        path: content
        for path, content in tree.items()
        if path not in closed and not path.startswith(tuple(folders))
    }
    unread = tuple(Unread(path, "closed") for path in sorted(closed | folders, key=utf8_order))

    comparison = compare(manifest(tree), Manifest(files_of(readable), unread=unread))

    said = {d.path for d in with_status(comparison, Status.UNREAD)}
    assert matching(tree, comparison) == set(readable)
    assert {path for path in tree if path in said} == set(tree) - set(readable)


@steady
@given(trees, st.dictionaries(st.sampled_from("abcdef"), fingerprints))
def test_a_record_of_anything_gets_an_outcome(tree: Tree, known: dict[str, Fingerprint]) -> None:
    """Cut, partial and contradictory records are compared as far as they go."""
    paths = [*tree, *map(CratePath, known)]
    recorded = Manifest(
        FileTable.of(
            FileFingerprint(path, known.get(path) or fingerprint(b"A")) for path in set(paths)
        )
    )

    comparison = compare(recorded, manifest(tree))

    there = manifest(tree).files
    for path in matching(recorded.files.paths(), comparison):
        wanted, found = recorded.files.get(path), there.get(path)
        assert wanted is not None
        assert found is not None
        assert wanted.fingerprint.same_bytes(found.fingerprint) is True
