"""Shards and merge as commands: what they write and say is what one process writes and says."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from random import Random

import bagit
import pytest

from cli.cli_kit import Outcome, error_of, run
from crate_iscc.kernel.choosing import has_compiled_module

if not has_compiled_module():
    pytest.skip("the C module was not compiled here", allow_module_level=True)

AT = {"SOURCE_DATE_EPOCH": "1700000000"}
DESCRIBED = ("--name", "A study", "--license", "CC-BY-4.0", "--author", "Ada Lovelace")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return a dataset with a Zarr, zeros, and files of any size."""
    random = Random(7)
    folder = tmp_path / "study"
    made: Mapping[str, bytes] = {
        "a.raw": random.randbytes(400_000),
        "b/zeros.raw": bytes(300_000),
        "b/empty": b"",
        "notes.txt": b"notes\n",
        "x.zarr/zarr.json": b'{"zarr_format": 3, "node_type": "group"}',
        **{f"x.zarr/c/{number}": random.randbytes(5000 * number) for number in range(12)},
    }
    for path, raw in made.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    return folder


def shards(verb: str, folder: Path, count: int, *options: str) -> list[Path]:
    """Run all shards, in any order, and return the files of their parts."""
    places = []
    for number in range(count, 0, -1):
        place = folder.parent / f"{verb}-{number}.part"
        outcome = run(verb, folder, "--shard", f"{number}/{count}", "-o", place, *options, env=AT)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.out.startswith(f"shard {number}/{count}: ")
        places.append(place)
    return places


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize(
    "of_files", [(), ("--sha256", "--exclude", "notes.txt", "--container", "b")]
)
def test_merge_writes_and_prints_what_build_does(study: Path, of_files: tuple[str, ...]) -> None:
    """The same bytes of metadata and manifest file, with options of files and of metadata."""
    parts = shards("build", study, 2, *of_files)
    other = study.with_name("other") / "study"
    shutil.copytree(study, other)
    expected = run("build", other, *of_files, *DESCRIBED, "--no-cache", env=AT)

    outcome = run("merge", study, *parts, *DESCRIBED, env=AT)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == expected.out.replace(str(other), str(study))
    assert contents(study) == contents(other)


def test_merge_extends_a_crate_as_build_does(study: Path) -> None:
    """Shards of a dataset that is a crate already keep its exclusions, and sha256 where it is."""
    assert run("build", study, "--sha256", "--exclude", "*.txt", env=AT).code == 0
    (study / "new.raw").write_bytes(Random(1).randbytes(100_000))
    other = study.with_name("other") / "study"
    shutil.copytree(study, other)
    parts = shards("build", study, 2)

    assert run("merge", study, *parts, env=AT).code == 0

    assert run("build", other, "--no-cache", env=AT).code == 0
    assert contents(study) == contents(other)


def test_merge_writes_a_new_zip_and_shows_a_dry_run(study: Path) -> None:
    parts = shards("build", study, 2)
    before = contents(study)
    expected = run("build", study, "--dry-run", "--no-cache", *DESCRIBED, env=AT)

    shown = run("merge", study, *parts, "--dry-run", *DESCRIBED, env=AT)
    made = run("merge", study, *parts, "-o", study.with_name("new.zip"), *DESCRIBED, env=AT)

    assert (shown.code, shown.out) == (expected.code, expected.out)
    assert made.code == 0
    assert contents(study) == before
    assert run("verify", study.with_name("new.zip"), "--full").code == 0


def damaged(study: Path) -> None:
    """Make a crate of a study, and damage that: a file each is changed, moved, lost and new."""
    assert run("build", study, "--sha256", env=AT).code == 0
    raw = bytearray((study / "a.raw").read_bytes())
    raw[1000] ^= 1
    (study / "a.raw").write_bytes(raw)
    (study / "x.zarr/c/5").rename(study / "moved")
    (study / "x.zarr/c/7").unlink()
    (study / "extra").write_bytes(b"extra")


@pytest.mark.parametrize(
    ("how", "format_"),
    [
        ((), "json"),
        (("--full",), "text"),
        pytest.param((), "sarif", marks=pytest.mark.deep),
        pytest.param(("--full",), "jsonl", marks=pytest.mark.deep),
    ],
)
def test_merge_reports_what_verify_does(study: Path, how: tuple[str, ...], format_: str) -> None:
    """Verdict, counts, findings with their distances, and exit code."""
    damaged(study)
    expected = run("verify", study, *how, "--each", "--closed", "--format", format_, env=AT)
    parts = shards("verify", study, 3, *how)

    outcome = run("merge", study, *parts, "--each", "--closed", "--format", format_, env=AT)

    assert outcome.code == expected.code == 1
    assert outcome.out == expected.out


def test_merge_of_a_crate_that_is_intact_ends_with_0(study: Path, tmp_path: Path) -> None:
    assert run("build", study, env=AT).code == 0
    parts = shards("verify", study, 2)
    report = tmp_path / "report.json"

    outcome = run("merge", study, *parts, "-o", report)

    assert (outcome.code, outcome.out) == (0, "")
    assert '"verdict": "valid"' in report.read_text(encoding="utf-8")


def test_a_crate_inside_is_reported_as_verify_does(study: Path) -> None:
    """What others recorded is checked in the shards; a crate inside in its own right."""
    inner = study / "inner"
    inner.mkdir()
    (inner / "i.raw").write_bytes(b"inner")
    assert run("build", inner, env=AT).code == 0
    assert run("build", study, "--sha256", env=AT).code == 0
    (inner / "i.raw").write_bytes(b"other")
    expected = run("verify", study, "--format", "json", env=AT)
    parts = shards("verify", study, 2)

    outcome = run("merge", study, *parts, "--format", "json", env=AT)

    assert (outcome.code, outcome.out) == (expected.code, expected.out)


def test_what_a_bag_records_is_checked_in_the_shards(study: Path) -> None:
    """Manifests of a bag are digests that others recorded; build and verify heed them."""
    bagit.make_bag(str(study), checksums=["md5", "sha512"])
    (study / "data/notes.txt").write_bytes(b"NOTES\n")
    expected = run("verify", study, "--each", "--format", "json")
    parts = shards("verify", study, 2)

    outcome = run("merge", study, *parts, "--each", "--format", "json")

    assert (outcome.code, outcome.out) == (expected.code, expected.out)
    assert outcome.code == 1
    refused_build = run("merge", study, *shards("build", study, 2))
    assert refused_build.code == 1
    assert "not as recorded" in refused_build.err


def test_verify_shards_need_no_compiled_kernel(study: Path) -> None:
    assert run("build", study, env=AT).code == 0
    by = ("--kernel", "iscc-lib")
    parts = shards("verify", study, 2, *by)

    assert run("merge", study, *parts, *by).code == 0


def test_an_unreadable_file_is_said_by_the_shard_and_by_merge(study: Path) -> None:
    """A shard of a verification is written all the same; one of a build is not."""
    assert run("build", study, env=AT).code == 0
    hidden = study / "x.zarr/c/3"
    raw = hidden.read_bytes()
    hidden.unlink()
    hidden.symlink_to("nowhere")
    expected = run("verify", study, "--format", "json", env=AT)
    parts = shards("verify", study, 2)

    outcome = run("merge", study, *parts, "--format", "json", env=AT)

    assert (outcome.code, outcome.out) == (expected.code, expected.out)
    refused = run("build", study, "--shard", "1/2", "-o", study.with_name("p"))
    assert refused.code == run("build", study, "--no-cache").code != 0
    assert not study.with_name("p").exists()
    assert raw


# --- what is refused ----------------------------------------------------------------------------


def refused(*arguments: str | Path) -> str:
    outcome: Outcome = run(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    return error_of(outcome)


def test_a_shard_says_what_it_needs(study: Path, tmp_path: Path) -> None:
    out = ("-o", tmp_path / "p")
    assert run("build", study, env=AT).code == 0

    assert "-o PART" in refused("build", study, "--shard", "1/2")
    assert "is no shard" in refused("verify", study, "--shard", "1", *out)
    assert "--quick" in refused("verify", study, "--quick", "--shard", "1/2", *out)
    for option in ("--since", "--resume", "--remote", "--pixels", "--sample=1%"):
        told = refused("verify", study, option, "--shard", "1/2", *out)
        assert option.partition("=")[0] in told
        assert "--dask excludes" in refused("verify", study, option, "--dask", "tcp://127.0.0.1:1")
    assert "after merge" in refused("build", study, "--pixels", "--shard", "1/2", *out)
    assert "one crate" in refused("verify", study, study, "--shard", "1/2", *out)
    assert "file of the dataset" in refused("build", study, "--shard", "1/2", "-o", study / "p")
    assert "in parts" in refused("build", study, "--shard", "1/2", "--kernel", "iscc-lib", *out)
    assert "exclude each other" in refused(
        "build", study, "--shard", "1/2", "--dask", "tcp://localhost:1", *out
    )
    assert not (tmp_path / "p").exists()


def test_a_part_that_cannot_be_written_is_an_error(study: Path) -> None:
    said = refused("build", study, "--shard", "1/2", "-o", study.parent / "no/such/p")

    assert "cannot write the part" in said


def test_merge_refuses_what_is_no_part_and_what_is_torn(study: Path, tmp_path: Path) -> None:
    one, two = shards("build", study, 2)
    torn = tmp_path / "torn.part"
    torn.write_bytes(two.read_bytes()[:-1])

    assert "damaged" in refused("merge", study, one, torn)
    assert "is no part" in refused("merge", study, one, study / "notes.txt")
    assert "cannot read" in refused("merge", study, one, tmp_path / "gone")
    assert "lacking" in refused("merge", study, one)
    assert "the same shard" in refused("merge", study, one, two, one)


def test_merge_refuses_parts_of_another_dataset(study: Path) -> None:
    parts = shards("build", study, 2)
    other = study.with_name("other")
    other.mkdir()
    (other / "file").write_bytes(b"x")

    assert "not of this dataset" in refused("merge", other, *parts)
    assert contents(other) == {"file": b"x"}


def test_merge_refuses_options_that_mean_nothing(study: Path) -> None:
    parts = shards("build", study, 2)
    said = refused("merge", study, *parts, "--closed", "--ignore", "bytes.extra")

    assert "--closed, --ignore" in said
    assert run("merge", study, *parts, env=AT).code == 0
    checks = shards("verify", study, 2)
    assert "--name" in refused("merge", study, *checks, "--name", "A study")
    assert "--format" in refused("merge", study, *parts, "--format", "sarif")
