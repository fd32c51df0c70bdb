"""A sample reads little, says how little, and never claims more than it has read."""

import os
import shutil
from pathlib import Path

import pytest

from crate_iscc import InputError, Thoroughness, Verdict, build, report_text, verify
from crate_iscc.render.formats import FORMATS, rendered
from crate_iscc.verifying.sampling import Sampling

from .verify_kit import foreign, found, verified, write_files


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Return a crate with a Zarr of 100 chunks and 50 other files, each of another content."""
    files = {f"image.zarr/c/{n}": b"chunk %d" % n for n in range(99)}
    files |= {"image.zarr/zarr.json": b"{}"} | {f"tables/{n}.csv": b"%d;" % n for n in range(50)}
    folder = write_files(tmp_path / "many", files)
    build(folder, name="Many", licence="CC0-1.0", manifest_file=True)
    return folder


def _sampling(asked: str, seed: str = "2026") -> Sampling:
    return Sampling.parse(asked, seed)


def _read(crate: Path, asked: str, seed: str = "2026") -> set[str]:
    report = verified(crate, sampling=_sampling(asked, seed), each=True)
    return {one.path for one in report.each if one.status != "not_sampled"}


def test_a_sample_in_which_nothing_is_wrong_is_incomplete(many: Path) -> None:
    """A sample says what it read and what not, and is never VALID."""
    report = verified(many, sampling=_sampling("4%"))

    assert report.verdict is Verdict.INCOMPLETE
    assert report.sample is not None
    assert (report.sample.files, report.sample.of_files) == (6, 150)
    assert [(one.folder, one.files, one.of_files) for one in report.sample.strata] == [
        ("image.zarr/", 4, 100),
        ("", 2, 50),
    ]
    assert (report.counts.match, report.counts.not_sampled) == (6, 144)
    assert "sample" in report.checked
    assert {"unsampled", "treehash"} <= set(report.not_checked)
    assert report.treehash_matches is None
    text = report_text(report)
    assert "6 of 150 files were read" in text
    assert "--sample 4% --seed 2026 reads them again" in text
    assert "probability of 96.0 %" in text  # of one damaged file: 144 of 150
    assert "INCOMPLETE: what the sample read is as recorded; 144 files were not read" in text


def test_the_seed_and_the_paths_alone_choose(many: Path, tmp_path: Path) -> None:
    """The same seed reads the same files from a copy, from a zip, and when asked again."""
    copy = shutil.copytree(many, tmp_path / "elsewhere")
    archive = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", many))

    chosen = _read(many, "10%")
    assert _read(copy, "10%") == _read(archive, "10%") == _read(many, "10%") == chosen
    assert _read(many, "10%", "another") != chosen
    assert chosen < _read(many, "30%")


def test_damage_in_the_sample_is_found_and_other_damage_is_not(many: Path) -> None:
    """A changed file is found, as far apart as ever, if it is in the sample."""
    chosen = _read(many, "20%")
    inside = sorted(path for path in chosen if path.startswith("tables/"))[0]
    outside = next(f"tables/{n}.csv" for n in range(50) if f"tables/{n}.csv" not in chosen)
    for path in (inside, outside):
        place = many / path
        place.write_bytes(bytes(byte ^ 1 for byte in place.read_bytes()))

    report = verified(many, sampling=_sampling("20%"))

    assert found(report) == {("bytes.changed", inside, None)}
    assert report.verdict is Verdict.INVALID
    assert report.counts.changed == 1
    assert report.counts.match + 1 == len(chosen)


def test_names_and_sizes_of_all_files_are_checked(many: Path) -> None:
    """What is missing, extra or of another size is found wherever it lies."""
    chosen = _read(many, "1%")
    free = [f"tables/{n}.csv" for n in range(50) if f"tables/{n}.csv" not in chosen]
    (many / free[0]).unlink()
    (many / free[1]).write_bytes(b"longer than before")
    (many / "new.txt").write_bytes(b"new")

    report = verified(many, sampling=_sampling("1%"))

    assert found(report) == {
        ("bytes.missing", free[0], None),
        ("bytes.changed", free[1], None),
        ("bytes.extra", "new.txt", None),
    }
    assert report.verdict is Verdict.INVALID


@pytest.mark.parametrize("fate", ["missing", "resized", "unread"])
def test_what_befalls_a_chosen_file_is_told_once(many: Path, fate: str) -> None:
    """A chosen file that is missing, of another size or unreadable is one finding."""
    path = sorted(_read(many, "5%"))[0]
    place = many / path
    if fate == "missing":
        place.unlink()
    elif fate == "resized":
        place.write_bytes(b"")
    elif os.geteuid() == 0:
        pytest.skip("root reads everything")
    else:
        place.chmod(0)

    report = verified(many, sampling=_sampling("5%"))

    kind = {"missing": "bytes.missing", "resized": "bytes.changed", "unread": "bytes.unread"}[fate]
    assert found(report) == {(kind, path, None)}
    assert report.sample is not None
    assert report.sample.files == 8 - (fate != "resized")
    assert sum(vars_of(report)) == 150


def vars_of(report: object) -> list[int]:
    """Return the counts of files that are recorded."""
    counts = report.counts  # type: ignore[attr-defined]
    return [counts.match, counts.changed, counts.missing, counts.unread, counts.not_sampled]


def test_a_sample_of_everything_is_a_verification(many: Path) -> None:
    """Where the sample is all there is, the treehash is checked, and the verdict is VALID."""
    for asked in ("100%", "150", "9999"):
        report = verified(many, sampling=_sampling(asked))

        assert report.verdict is Verdict.VALID
        assert {"datahash", "treehash"} <= set(report.checked)
        assert report.treehash_matches
        assert report.sample is not None
        assert report.sample.complete


def test_nothing_but_the_sample_is_read(many: Path) -> None:
    """Files outside of the sample may be anything of their size: they are not opened."""
    chosen = _read(many, "10%")
    for n in range(50):
        path = f"tables/{n}.csv"
        if path not in chosen:
            place = many / path
            size = place.stat().st_size
            place.unlink()
            place.write_bytes(b"!" * size)

    report = verified(many, sampling=_sampling("10%"))

    assert report.verdict is Verdict.INCOMPLETE
    assert not report.findings


def test_digests_of_other_conventions_are_sampled(tmp_path: Path) -> None:
    """A crate with sha256 alone is sampled by that."""
    import hashlib

    files = {f"{n}.bin": b"%d" % n for n in range(40)}
    entities = [
        {"@id": name, "@type": "File", "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
    ]
    crate = foreign(tmp_path / "other", files, entities, "https://w3id.org/ro/crate/1.2/context")

    report = verified(crate, sampling=_sampling("10%"))

    assert report.verdict is Verdict.INCOMPLETE
    assert report.rests_on == (("sha256", 4),)
    assert report.counts.match == 4
    assert report.counts.not_sampled + report.counts.unchecked == 36


def test_crates_inside_are_sampled_in_their_own_right(many: Path, tmp_path: Path) -> None:
    """A crate inside a crate has a sample of its own, and makes neither VALID."""
    outer = write_files(tmp_path / "outer", {f"{n}": b"%d" % n for n in range(20)})
    shutil.copytree(many, outer / "inner")
    build(outer, name="Outer", licence="CC0-1.0")

    report = verified(outer, sampling=_sampling("10%"))

    assert report.verdict is Verdict.INCOMPLETE
    (inner,) = report.nested
    assert inner.sample is not None
    assert inner.sample.files == 15
    assert inner.verdict is Verdict.INCOMPLETE


def test_a_crate_that_records_nothing_of_single_files_cannot_be_sampled(tmp_path: Path) -> None:
    """Where only sizes are recorded there is no verdict."""
    entities = [{"@id": "a", "@type": "File", "contentSize": "1"}]
    crate = foreign(tmp_path / "sizes", {"a": b"a"}, entities)

    with pytest.raises(InputError, match="nothing can be verified"):
        verify(crate, sampling=_sampling("10%"))


def test_samples_are_for_datahashes_alone(many: Path) -> None:
    """--quick reads nothing and --full everything: neither has a sample."""
    for thoroughness in (Thoroughness.QUICK, Thoroughness.FULL):
        with pytest.raises(InputError, match="datahashes alone"):
            verify(many, thoroughness=thoroughness, sampling=_sampling("1%"))


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_says_that_a_sample_is_incomplete(many: Path, format_: str) -> None:
    """No format of a report hides that most was not read."""
    text = rendered(verified(many, sampling=_sampling("1%")), format_)

    assert "incomplete" in text.lower()
    assert "2026" in text  # the seed, to repeat it
