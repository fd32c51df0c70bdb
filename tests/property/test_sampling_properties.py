"""A sample depends on its seed and the recorded paths alone, and only grows with its share."""

from array import array
from math import ceil, comb

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from property_strategies import steady

from crate_iscc.codes import Fingerprint
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.paths import CratePath
from crate_iscc.render.sampled import overlooked, per_cent
from crate_iscc.report import Sample
from crate_iscc.verifying import sampling as module
from crate_iscc.verifying.sampling import Drawn, Sampling, draw

_FOLDERS = ("", "a.zarr/", "a.zarr/0/", "b/", "z.zarr/")
_CONTAINERS = ("a.zarr/", "z.zarr/")
_paths = st.sets(
    st.builds("{}{}".format, st.sampled_from(_FOLDERS), st.integers(0, 10**6)),
    min_size=1,
    max_size=300,
)
_seeds = st.text(max_size=8)


def _table(paths: set[str], *, instance: bytes | None = bytes(32)) -> FileTable:
    return FileTable.of(
        FileFingerprint(CratePath(path), Fingerprint(7, None, instance)) for path in sorted(paths)
    )


def _drawn(paths: set[str], asked: str, seed: str) -> Drawn:
    return draw(Sampling.parse(asked, seed), _table(paths), _CONTAINERS)


def _chosen(drawn: Drawn) -> set[str]:
    return set(drawn.files.paths())


def _stratum(path: str) -> str:
    return next((folder for folder in _CONTAINERS if path.startswith(folder)), "")


@steady
@given(_paths, _seeds, st.integers(1, 10_000))
def test_each_stratum_gives_the_files_of_the_least_keyed_digests(
    paths: set[str], seed: str, share: int
) -> None:
    """Of n files of a stratum, ceil(P · n) are chosen: those whose keyed BLAKE3 is least."""
    asked = f"{share // 100}.{share % 100:02}%"
    key = blake3(b"crate-iscc sample 1\0" + seed.encode()).digest()
    expected = set()
    for folder in ("", *_CONTAINERS):
        members = [path for path in paths if _stratum(path) == folder]
        members.sort(key=lambda path: blake3(path.encode(), key=key).digest())
        expected |= set(members[: ceil(share * len(members) / 10_000)])

    assert _chosen(_drawn(paths, asked, seed)) == expected


@steady
@given(_paths, _seeds, st.integers(1, 400), st.integers(1, 400))
def test_a_larger_number_keeps_what_was_chosen(
    paths: set[str], seed: str, one: int, two: int
) -> None:
    """A sample of more files holds every smaller sample of the same seed."""
    few, many = sorted((one, two))

    assert _chosen(_drawn(paths, str(few), seed)) <= _chosen(_drawn(paths, str(many), seed))


@steady
@given(_paths, _seeds, st.integers(1, 100), st.integers(1, 100))
def test_a_larger_share_keeps_what_was_chosen(
    paths: set[str], seed: str, one: int, two: int
) -> None:
    """A sample of a larger share holds every smaller sample of the same seed."""
    few, many = sorted((one, two))

    assert _chosen(_drawn(paths, f"{few}%", seed)) <= _chosen(_drawn(paths, f"{many}%", seed))


@steady
@given(_paths, _seeds, st.integers(1, 400))
def test_a_number_of_files_is_reached_and_passed_by_less_than_a_file_a_stratum(
    paths: set[str], seed: str, count: int
) -> None:
    """A sample of N files has N at least, where there are so many, each stratum rounding up."""
    drawn = _drawn(paths, str(count), seed)

    wanted = min(count, len(paths))
    assert wanted <= len(drawn.files) < wanted + len(drawn.strata)
    assert drawn.complete == (len(drawn.files) == len(paths))
    assert sum(one.files for one in drawn.strata) == len(drawn.files)
    assert sum(one.of_files for one in drawn.strata) == drawn.of_files == len(paths)
    assert all(one.files for one in drawn.strata)


@steady
@given(_paths, _seeds)
def test_a_whole_share_is_everything(paths: set[str], seed: str) -> None:
    """A sample of 100 % is every file."""
    drawn = _drawn(paths, "100%", seed)

    assert drawn.complete
    assert _chosen(drawn) == paths


@steady
@given(_paths, _seeds, st.integers(1, 99))
def test_many_files_are_chosen_as_few_are(paths: set[str], seed: str, share: int) -> None:
    """Counting digests by their first bits chooses what sorting all of them chooses."""
    table = _table(paths)
    numbers = array("Q", range(len(table)))
    key = blake3(seed.encode()).digest()
    count = max(1, len(table) * share // 100)

    sorted_at_once = module._least(table, numbers, count, key)
    before, module._SORTED_AT_ONCE = module._SORTED_AT_ONCE, 0
    try:
        assert module._least(table, numbers, count, key) == sorted_at_once
    finally:
        module._SORTED_AT_ONCE = before


def test_what_has_no_recorded_content_is_not_drawn_from() -> None:
    """Files of which only a size is recorded are in no sample, those with other digests are."""
    table = _table({"a", "b", "c"}, instance=None)
    drawn = draw(Sampling.parse("100%", "s"), table, (), {CratePath("b")})

    assert _chosen(drawn) == {"b"}
    assert drawn.of_files == 1


@pytest.mark.parametrize(
    "asked", ["", "0", "0%", "0.0%", "101%", "100.1%", "-1", "1e3", "1/2", "%", "one", "٣", "1%%"]
)
def test_a_sample_of_nothing_or_of_more_than_all_is_refused(asked: str) -> None:
    """What is neither a number nor a percentage up to 100 is no sample."""
    with pytest.raises(InputError, match="is no sample"):
        Sampling.parse(asked)


def test_a_seed_by_chance_is_another_each_time() -> None:
    """Without a seed, one is drawn that can be given again."""
    one, two = Sampling.parse("1%"), Sampling.parse("1%")

    assert one.seed != two.seed
    assert Sampling.parse("1%", one.seed) == one


def _sample(read: int, total: int) -> Sample:
    return Sample(asked="1%", seed="s", files=read, of_files=total, size=0, of_size=0, strata=())


@steady
@given(st.integers(1, 400), st.data())
def test_what_a_sample_overlooks_is_the_hypergeometric_probability(
    total: int, data: st.DataObject
) -> None:
    """The probability of C(N-n, D) / C(N, D) is exact to twelve digits."""
    read = data.draw(st.integers(0, total))
    damaged = data.draw(st.integers(1, total))

    exact = comb(total - read, damaged) / comb(total, damaged)
    assert overlooked(_sample(read, total), damaged) == pytest.approx(exact, rel=1e-11, abs=1e-300)


def test_of_very_many_files_the_probability_is_still_right() -> None:
    """For ten million files it lies between the bounds with and without replacement."""
    total, read, damaged = 10_000_000, 500, 100_000

    found = overlooked(_sample(read, total), damaged)
    with_replacement = (1 - read / total) ** damaged
    assert (1 - damaged / (total - read)) ** read <= found <= with_replacement


@steady
@given(st.floats(0, 1))
def test_a_probability_is_never_shown_as_less_than_it_is(probability: float) -> None:
    """A percentage is rounded up, and what is too small says so."""
    text = per_cent(probability)

    shown = float(text.removeprefix("less than ").removesuffix(" %")) / 100
    assert shown >= probability - 1e-11
