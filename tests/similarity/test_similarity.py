"""Groups, leaks and thresholds, with literals: no file is needed to say what belongs together."""

import json
from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crate_iscc.codes import Distance
from crate_iscc.errors import InputError
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.render.similar import similar_json, similar_text
from crate_iscc.similarity.groups import Grouping, groups_of
from crate_iscc.similarity.leaks import Leakage, leaks_between
from crate_iscc.similarity.members import SMALL, Gathered, Member, comparable, contents_of
from crate_iscc.similarity.thresholds import FALSE_PAIRS, IMAGE_THRESHOLD, chance, threshold_for


def flipped(code: bytes, *bits: int) -> bytes:
    """Return a code in which these bits, counted from the first, are the other way round."""
    number = int.from_bytes(code, "big")
    for bit in bits:
        number ^= 1 << (8 * len(code) - 1 - bit)
    return number.to_bytes(len(code), "big")


A = bytes(32)
B = b"\x55" * 32
C = b"\xff" * 32


def member(path: str, data: bytes = A, *, digest: str = "", size: int | None = 9) -> Member:
    identity = (digest or path).encode().ljust(32, b".")
    return Member("set", path, size, data, identity)


def image(path: str, code: bytes = A, digest: str = "") -> Member:
    """Return an image in the file that it is named by."""
    return replace(member(path, code, digest=digest), image_of=path.partition("#")[0])


def gathered(*members: Member, source: str = "set") -> Gathered:
    return Gathered(source, False, members)


def paths(grouping: Grouping) -> list[list[list[str]]]:
    """Return the paths of the members of the contents of the groups."""
    return [
        [[member.path for member in content.members] for content in group.contents]
        for group in grouping.groups
    ]


def leaks(found: Leakage) -> list[tuple[str, list[str], Distance | None]]:
    return [
        (leak.member.path, [m.path for m in leak.others], leak.distance) for leak in found.leaks
    ]


def test_equal_digests_make_a_group_of_exact_duplicates() -> None:
    found = groups_of([gathered(member("a", digest="x"), member("b", B), member("c", digest="x"))])

    assert paths(found) == [[["a", "c"]]]
    assert found.groups[0].is_exact
    assert found.contents == 2


def test_codes_within_the_threshold_make_a_group() -> None:
    found = groups_of([gathered(member("a"), member("b", flipped(A, 3, 200)), member("c", B))])

    assert paths(found) == [[["a"], ["b"]]]
    second = found.groups[0].contents[1]
    assert second.distance == second.to_first == Distance(2, 256)
    assert second.nearest is not None
    assert second.nearest.path == "a"


def test_a_chain_of_near_codes_is_one_group_that_says_how_far_its_ends_are() -> None:
    """60 bits from a to b and from b to c are near, 120 from a to c are not: c is near to b."""
    b, c = flipped(A, *range(60)), flipped(A, *range(120))
    found = groups_of([gathered(member("a"), member("b", b), member("c", c))])

    assert paths(found) == [[["a"], ["b"], ["c"]]]
    last = found.groups[0].contents[2]
    assert last.to_first == Distance(120, 256)
    assert last.distance == Distance(60, 256)
    assert last.nearest is not None
    assert last.nearest.path == "b"


def test_copies_within_a_near_group_stand_together() -> None:
    found = groups_of(
        [gathered(member("a", digest="x"), member("b", flipped(A, 1)), member("c", digest="x"))]
    )

    assert paths(found) == [[["a", "c"], ["b"]]]
    assert not found.groups[0].is_exact
    assert found.groups[0].count == 3


def test_codes_of_different_lengths_are_compared_at_the_shorter_one() -> None:
    """128 of 256 bits are what a crate records; the other half tells nothing then."""
    longer = flipped(A, *range(128, 256))
    found = groups_of([gathered(member("recorded", A[:16]), member("computed", longer))])

    assert paths(found) == [[["recorded"], ["computed"]]]
    assert found.groups[0].contents[1].distance == Distance(0, 128)
    assert [(limit.of, limit.pairs) for limit in found.thresholds] == [(128, 1), (256, 0)]


def test_a_member_without_a_data_code_can_only_be_the_same() -> None:
    found = groups_of([gathered(member("a", b"", digest="x"), member("b", digest="x"))])
    other = groups_of([gathered(member("a", b""), member("b", b""))])

    assert paths(found) == [[["a", "b"]]]
    assert paths(other) == []


def test_a_folder_and_a_file_are_never_the_same() -> None:
    """The one has a treehash, the other a datahash: that they are equal would say nothing."""
    assert len(contents_of([member("a/", digest="x"), member("a", digest="x")])) == 2


def test_digests_of_different_lengths_are_compared_as_far_as_both_go() -> None:
    whole = member("whole", digest="x")
    cut = Member("set", "cut", 9, A, whole.identity[:16])

    assert contents_of([whole, cut]) == [(whole, cut)]


def test_equal_digests_with_different_sizes_are_not_the_same() -> None:
    """They contradict each other: one of them is a lie, and no statement rests on it."""
    one, two = member("a", digest="x", size=1), member("b", digest="x", size=2)

    assert contents_of([one, two]) == [(one,), (two,)]


@given(st.lists(st.integers(0, 3), max_size=9), st.randoms(use_true_random=False))
def test_groups_do_not_depend_on_the_order(kinds: list[int], random: Random) -> None:
    codes = (A, flipped(A, 7), B, C)
    members = [member(f"m{at}", codes[kind]) for at, kind in enumerate(kinds)]
    shuffled = members[:]
    random.shuffle(shuffled)

    def sets(some: list[Member]) -> set[frozenset[str]]:
        return {
            frozenset(m.path for content in group.contents for m in content.members)
            for group in groups_of([gathered(*some)]).groups
        }

    assert sets(members) == sets(shuffled)


def test_several_threads_find_what_one_finds() -> None:
    random = Random(3)
    codes = [random.randbytes(32) for _ in range(7000)]
    codes += [flipped(codes[at], 1, 2, 3) for at in range(0, 7000, 700)]
    members = tuple(member(f"m{at}", code) for at, code in enumerate(codes))

    one, four = (groups_of([gathered(*members)], jobs=jobs) for jobs in (1, 4))

    assert one == four
    assert len(one.groups) == one.near_pairs == 10


@given(st.sampled_from((32, 64, 128, 256)), st.integers(0, 10**12))
def test_fewer_false_pairs_are_expected_than_allowed(of: int, pairs: int) -> None:
    threshold = threshold_for(of, pairs)

    assert pairs * chance(threshold.bits, of) < FALSE_PAIRS
    looser = Distance(threshold.bits + 1, of)
    assert pairs * chance(threshold.bits + 1, of) >= FALSE_PAIRS or looser.word == "unrelated", (
        "a larger threshold would do"
    )


def test_the_chance_is_that_of_a_fair_coin() -> None:
    """P(X <= k) of n tosses: 1/16 for none of 4, 5/16 for at most one, 1 for any number."""
    assert [chance(k, 4) for k in (-1, 0, 1, 4)] == [0, Fraction(1, 16), Fraction(5, 16), 1]


@pytest.mark.parametrize(
    ("of", "files", "bits"), [(256, 40_000, 77), (128, 40_000, 28), (64, 40_000, 7), (256, 2, 80)]
)
def test_thresholds_of_common_sizes_are_these(of: int, files: int, bits: int) -> None:
    assert threshold_for(of, files * (files - 1) // 2).bits == bits


def test_codes_too_short_for_so_many_tell_nothing() -> None:
    """32 bits are equal by chance once in 4e9 pairs: among a million files, that is often."""
    assert threshold_for(32, 10**12).bits == -1


def test_random_codes_are_not_near_to_each_other() -> None:
    random = Random(11)
    members = tuple(member(f"m{at}", random.randbytes(16)) for at in range(3000))

    assert groups_of([gathered(*members)]).groups == ()


@pytest.mark.parametrize("bits", [-1, 257])
def test_a_threshold_out_of_range_is_refused(bits: int) -> None:
    with pytest.raises(InputError, match="no such threshold"):
        groups_of([gathered(member("a"), member("b"))], threshold=bits)


def test_a_threshold_that_was_given_is_that_of_the_longest_codes() -> None:
    """Of codes half as long, half as many bits may differ."""
    found = groups_of(
        [gathered(member("a"), member("b", B), member("c", A[:16]), member("d", B[:16]))],
        threshold=10,
    )

    assert [(limit.bits, limit.of) for limit in found.thresholds] == [(5, 128), (10, 256)]


def test_what_is_in_both_sets_is_a_leak() -> None:
    train = gathered(member("x1", digest="x"), member("y", B), source="train")
    test = gathered(member("z", C), member("x2", digest="x"), source="test")

    assert leaks(leaks_between(train, test)) == [("x2", ["x1"], None)]


def test_what_is_near_to_the_other_set_is_a_leak_with_its_distance() -> None:
    train = gathered(member("a"), member("a2", flipped(A, 1, 2, 3)), source="train")
    test = gathered(member("t", flipped(A, 1)), member("u", B), source="test")

    found = leaks_between(train, test)

    assert leaks(found) == [("t", ["a", "a2"], Distance(1, 256))]
    assert found.leaks[0].count == 2


def test_an_exact_leak_is_not_told_a_second_time_as_a_near_one() -> None:
    train = gathered(member("a", digest="x"), member("a2", flipped(A, 1)), source="train")
    test = gathered(member("t", digest="x"), source="test")

    assert leaks(leaks_between(train, test)) == [("t", ["a"], None)]


def test_what_is_twice_within_one_set_is_no_leak() -> None:
    train = gathered(member("a", digest="x"), member("b", digest="x"), source="train")
    test = gathered(member("c", B, digest="y"), member("d", B, digest="y"), source="test")

    assert leaks(leaks_between(train, test)) == []


def test_all_pairs_between_the_sets_are_counted() -> None:
    """2 x 1 pairs of 256 bits; with the one short code 1 x 3 pairs of 128 bits."""
    train = gathered(member("a"), member("b", B), member("s", C[:16]), source="train")
    test = gathered(member("t", C), source="test")

    counted = {limit.of: limit.pairs for limit in leaks_between(train, test).thresholds}
    assert counted == {128: 1, 256: 2}
    other = gathered(member("t", C[:16]), source="test")
    assert {each.of: each.pairs for each in leaks_between(train, other).thresholds} == {
        128: 3,
        256: 0,
    }


@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 2**32))
def test_leaks_are_those_of_a_comparison_one_by_one(ours: int, theirs: int, seed: int) -> None:
    random = Random(seed)
    base = [random.randbytes(16) for _ in range(4)]

    def code() -> bytes:
        return flipped(random.choice(base), *random.sample(range(128), random.choice((0, 9, 45))))

    train = gathered(*(member(f"a{at}", code()) for at in range(ours)), source="train")
    test = gathered(*(member(f"t{at}", code()) for at in range(theirs)), source="test")
    found = leaks_between(train, test)
    limit = found.thresholds[0].bits if found.thresholds else -1

    def bits(one: Member, two: Member) -> int:
        return sum((a ^ b).bit_count() for a, b in zip(one.data, two.data, strict=True))

    assert {leak.member.path: leak.distance for leak in found.leaks} == {
        mine.path: Distance(least, 128)
        for mine in test.members
        if train.members and (least := min(bits(mine, other) for other in train.members)) <= limit
    }


@pytest.mark.parametrize("sizes", [(1, 400), (600, 3000), (16384, 17000)])
def test_unrelated_files_are_near_as_often_as_chance_has_it(sizes: tuple[int, int]) -> None:
    """Real Data-Codes of random bytes, few and many chunks: as near as coins are, and no nearer."""
    random, hasher = Random(2), chosen_kernel().hasher
    codes = set()
    for _ in range(1000):
        file = hasher()
        size = random.randrange(*sizes)
        file.update(random.randbytes(size))
        codes.add(comparable(file.finish().data or b"", size))
    members = tuple(member(f"m{at}", code) for at, code in enumerate(sorted(codes)))
    (width,) = {len(code) for code in codes}
    of, pairs = 8 * width, len(codes) * (len(codes) - 1) // 2
    bits = max(k for k in range(of) if pairs * chance(k, of) < 60)

    found = groups_of([gathered(*members)], threshold=bits)

    assert width == (16 if sizes[1] < SMALL else 32)
    assert 15 < found.near_pairs < 2 * found.thresholds[0].expected < 120


def test_images_are_said_to_have_the_same_pixels_or_to_look_alike() -> None:
    """Members may be images: then an equal identity means equal pixels, a near code a like look."""
    found = groups_of(
        [
            gathered(
                image("a.tif", digest="x"),
                image("b.zarr/", digest="y"),
                image("c.tif#1", flipped(A, *range(9)), digest="z"),
                image("d.tif", B, digest="q"),
                image("e.tif", B, digest="q"),
            )
        ],
        threshold=IMAGE_THRESHOLD,
    )

    lines = similar_text(found, images=True).splitlines()
    value = json.loads(similar_json(found, images=True))

    assert lines[:3] == ["pixels  2 copies of 9 B", "  d.tif", "  e.tif  the same pixels"]
    assert lines[4].startswith("looks ")
    assert lines[7] == "  c.tif#1  9 of 256 bits"
    assert [group["level"] for group in value["groups"]] == ["pixels", "appearance"]
    assert value["groups"][0]["contents"][0]["members"][0]["datahash"] is None
