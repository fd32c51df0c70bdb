"""What two manifests are to each other."""

from collections.abc import Mapping

import pytest
from unit_literals import fingerprint

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.kinship import (
    Kinship,
    Likeness,
    Pair,
    Part,
    Relation,
    Side,
    relate,
    renamed,
)
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath, crate_path

A, B, C = (fingerprint(content) for content in (b"content A", b"content B", b"content C"))
NEAR_A = Fingerprint(A.size, bytes([(A.data or b"")[0] ^ 1]) + (A.data or b"")[1:], C.instance)

Short = tuple[str, str | None, str | None]


def of(known: Mapping[str, Fingerprint], *unread: Unread) -> Manifest:
    """Return a manifest from fingerprints."""
    named = (FileFingerprint(crate_path(path), known[path]) for path in known)
    return Manifest(FileTable.of(named), unread=unread)


def unread(path: str, reason: str = "permission denied", *, is_file: bool = True) -> Unread:
    return Unread(CratePath(path), reason, is_file)


def kinship(
    a: Manifest, b: Manifest, described: tuple[Manifest, Manifest] | None = None
) -> Kinship:
    """Return what two manifests are to each other, after a look at it from the other side."""
    found, beside = relate(a, b), relate(*(described or (of({}), of({}))), description=True)
    back, back_beside = (
        relate(b, a),
        relate(*reversed(described or (of({}), of({}))), description=True),
    )
    one, two = Side(subject="a", files=0, size=0), Side(subject="b", files=0, size=0)
    forth = Kinship(
        a=one,
        b=two,
        same=found.same,
        same_described=beside.same,
        pairs=(*found.pairs, *beside.pairs),
    )
    mirror = Kinship(
        a=two,
        b=one,
        same=back.same,
        same_described=back_beside.same,
        pairs=(*back.pairs, *back_beside.pairs),
    )
    assert set(mirror.pairs) == set(forth.mirrored().pairs)
    assert mirror.likeness is forth.likeness
    assert (mirror.same, mirror.same_described) == (forth.same, forth.same_described)
    return forth


def short(found: Kinship) -> list[Short]:
    return [
        (
            pair.relation.value,
            pair.a.path if pair.a else None,
            pair.b.path if pair.b else None,
        )
        for pair in found.pairs
    ]


def test_equal_trees_are_identical() -> None:
    """Files that are the same are counted, and nothing else is said of them."""
    found = kinship(of({"a": A, "b/c": B}), of({"a": A, "b/c": B}))

    assert (found.likeness, found.same, found.pairs) == (Likeness.IDENTICAL, 2, ())


def test_two_files_that_changed_places_are_the_same_members() -> None:
    """Both moved, and nothing is in one tree alone."""
    found = kinship(of({"a": A, "b": B, "c": C}), of({"a": B, "b": A, "c": C}))

    assert found.likeness is Likeness.SAME_MEMBERS
    assert short(found) == [("moved", "a", "b"), ("moved", "b", "a")]


def test_one_copy_more_is_not_the_same_members() -> None:
    """Members are a multiset: a copy counts."""
    found = kinship(of({"a": A}), of({"a": A, "copy": A}))

    assert found.likeness is Likeness.DIFFERENT
    assert short(found) == [("only-b", None, "copy")]


def test_what_took_the_place_of_something_else_is_moved_and_that_is_lost() -> None:
    """The same is told from both sides: nothing is changed there."""
    found = kinship(of({"p": A, "q": B}), of({"p": B}))

    assert short(found) == [("only-a", "p", None), ("moved", "q", "p")]


def test_a_changed_file_says_how_far_it_is() -> None:
    """By the bits of the Data-Codes that both know."""
    (pair,) = kinship(of({"a": A}), of({"a": NEAR_A})).pairs

    assert (pair.relation, pair.distance) == (Relation.CHANGED, Distance(1, 128))


def test_what_was_renamed_and_edited_is_one_pair() -> None:
    """Where the contents are similar; else both are told by themselves."""
    assert short(kinship(of({"a": A}), of({"b": NEAR_A}))) == [("changed", "a", "b")]
    assert short(kinship(of({"a": A}), of({"b": B}))) == [
        ("only-a", "a", None),
        ("only-b", None, "b"),
    ]


def test_metadata_alone_are_metadata_only() -> None:
    """Changed, or in one tree alone, as consolidation leaves it."""
    one = of({"zarr.json": A, "c/0": C, "x/.zattrs": B})
    two = of({"zarr.json": B, "c/0": C, "x/.zattrs": B, ".zmetadata": C})

    found = kinship(one, two)

    assert found.likeness is Likeness.METADATA_ONLY
    assert {pair.part for pair in found.pairs} == {Part.ZARR_METADATA}


def test_one_chunk_more_is_more_than_metadata() -> None:
    """Whatever else differs."""
    found = kinship(of({"zarr.json": A}), of({"zarr.json": B, "c/0": C}))

    assert found.likeness is Likeness.DIFFERENT


def test_a_description_is_no_payload() -> None:
    """The payload can be identical beside it, and is counted by itself."""
    described = of({"ro-crate-metadata.json": A}), of({"ro-crate-metadata.json": B})

    found = kinship(of({"a": A}), of({"a": A}), described)

    assert found.likeness is Likeness.SAME_PAYLOAD
    assert sum(found.counts.values()) == 0
    assert [pair.part for pair in found.described] == [Part.DESCRIPTION]


def test_no_payload_is_not_the_same_payload() -> None:
    """Where there is nothing that could be the same, two descriptions that differ are different."""
    described = of({"ro-crate-metadata.json": A}), of({"ro-crate-metadata.json": B})

    assert kinship(of({}), of({}), described).likeness is Likeness.DIFFERENT


def test_the_description_is_never_paired_with_another_name() -> None:
    """A preview with the bytes of the metadata is not the metadata, moved."""
    described = of({"ro-crate-metadata.json": A}), of({"ro-crate-preview.html": A})

    assert short(kinship(of({"a": A}), of({"a": A}), described)) == [
        ("only-a", "ro-crate-metadata.json", None),
        ("only-b", None, "ro-crate-preview.html"),
    ]


# --- what could not be read ----------------------------------------------------------------------


def test_nothing_is_identical_that_was_not_read() -> None:
    """On one side, on both, and with another file in its place."""
    for one, two in (
        (of({"a": A}, unread("b")), of({"a": A, "b": B})),
        (of({"a": A}, unread("b")), of({"a": A}, unread("b"))),
        (of({"a": A}, unread("b")), of({"a": A}, unread("b", "bad checksum"))),
    ):
        found = kinship(one, two)

        assert found.likeness is Likeness.UNDECIDED
        assert [pair.relation for pair in found.pairs] == [Relation.UNREAD]
        assert found.not_read


def test_a_description_that_was_not_read_leaves_it_undecided() -> None:
    """It may be the same."""
    path = "ro-crate-metadata.json"
    described = of({}, unread(path)), of({path: A})

    assert kinship(of({"a": A}), of({"a": A}), described).likeness is Likeness.UNDECIDED


@pytest.mark.parametrize("other", [{"a": B, "b": B}, {"c": A, "b": B}, {"zarr.json": A, "b": B}])
def test_a_difference_stays_one_beside_what_was_not_read(other: dict[str, Fingerprint]) -> None:
    """And no level is claimed that what was not read could take back."""
    assert kinship(of({"a": A}, unread("b")), of(other)).likeness is Likeness.DIFFERENT


def test_metadata_only_never_rests_on_a_chunk_that_was_not_read() -> None:
    """Nor do the same members."""
    chunk = unread("c/0")

    metadata = kinship(of({"zarr.json": A}, chunk), of({"zarr.json": B, "c/0": C}))
    members = kinship(of({"a": A}, chunk), of({"b": A, "c/0": C}))

    assert metadata.likeness is members.likeness is Likeness.DIFFERENT


def test_what_only_one_side_has_differs_even_unread() -> None:
    """That it is there can be told from its name."""
    found = kinship(of({"a": A}, unread("b")), of({"a": A}))

    assert found.likeness is Likeness.DIFFERENT
    assert short(found) == [("only-a", "b", None)]
    assert found.pairs[0].unread_a == "permission denied"


@pytest.mark.parametrize("closed", [unread("d/"), unread("d")])
def test_nobody_knows_what_is_in_a_folder_that_cannot_be_listed(closed: Unread) -> None:
    """What the other side has there is neither missing nor the same."""
    found = kinship(of({"a": A}, closed), of({"a": A, "d/e/f": B}))

    assert found.likeness is Likeness.UNDECIDED
    assert ("unread", None, "d/e/f") in short(found)


def test_what_moved_into_an_unread_place_is_not_invented() -> None:
    """A file that was not read is no copy of another one."""
    found = kinship(of({"a": A}), of({}, unread("b")))

    assert short(found) == [("only-a", "a", None), ("only-b", None, "b")]


# --- two single files ----------------------------------------------------------------------------


def test_single_files_get_their_own_names() -> None:
    """While they are compared both have one."""
    found = relate(of({"file": A}), of({"file": B}))

    (pair,) = renamed(found.pairs, CratePath("x.tif"), CratePath("y.tif"))

    assert pair.a is not None
    assert pair.b is not None
    assert (pair.a.path, pair.b.path, pair.part) == ("x.tif", "y.tif", Part.PAYLOAD)


def test_two_single_metadata_files_are_different_files() -> None:
    """There are no chunks that could be identical beside them."""
    found = relate(of({"file": A}), of({"file": B}))
    pairs = renamed(found.pairs, CratePath("zarr.json"), CratePath("zarr.json"))
    side = Side(subject="zarr.json", files=1, size=1)

    assert pairs[0].part is Part.ZARR_METADATA
    assert (
        Kinship(a=side, b=side, same=0, pairs=pairs, of_files=True).likeness is Likeness.DIFFERENT
    )


def test_a_pair_of_nothing_is_no_pair() -> None:
    """It would say that something differs, and not what."""
    with pytest.raises(ValueError, match="needs a file"):
        Pair(relation=Relation.UNREAD)
