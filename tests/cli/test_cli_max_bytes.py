"""A limit on bytes is kept before a byte is read."""

import zipfile
from pathlib import Path

import pytest
import typer

from cli.cli_kit import error_of, run
from crate_iscc import InputError, build, fingerprint, verify
from crate_iscc.cli.options import byte_count
from file_watch import Watch, only_where_files_can_be_watched


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("1500", 1500),
        ("10GB", 10 * 10**9),
        ("10 gb", 10 * 10**9),
        ("1.5kB", 1500),
        ("0.5 MiB", 1 << 19),
        ("64GiB", 64 << 30),
        ("2TB", 2 * 10**12),
        ("1B", 1),
        ("0.0001KB", 0),
    ],
)
def test_a_number_of_bytes_may_have_a_unit(text: str, count: int) -> None:
    """KB to PB are powers of 1000, KiB to PiB of 1024, in any case."""
    assert byte_count(text) == count


@pytest.mark.parametrize(
    "text", ["", "GB", "-1", "1e9", "10 XB", "1,5GB", "１０", "1.GB", "9" * 20]
)
def test_what_is_no_number_of_bytes_is_refused(text: str) -> None:
    """It is a mistake in the command line, not a limit that nobody meant."""
    with pytest.raises(typer.BadParameter, match="no number of bytes"):
        byte_count(text)


@only_where_files_can_be_watched
@pytest.mark.parametrize("words", [["verify"], ["build"], ["sum"], ["sum", "--tree"]])
def test_more_bytes_than_allowed_are_refused_before_any_is_read(
    files: Path, words: list[str]
) -> None:
    """One error with exit code 2, and no file was opened."""
    build(files)
    everything = [path for path in files.rglob("*") if path.is_file()]

    with Watch(everything) as watch:
        outcome = run(*words, files, "--max-bytes", "500KB")

    assert outcome.code == 2
    assert "larger than allowed" in error_of(outcome)
    assert "500000" in outcome.err
    assert watch.seen == {}


@pytest.mark.parametrize("words", [["verify"], ["build"], ["sum"], ["sum", "--tree"]])
def test_as_many_bytes_as_allowed_are_read(files: Path, words: list[str]) -> None:
    """The limit itself is allowed."""
    build(files)
    total = sum(path.stat().st_size for path in files.rglob("*") if path.is_file())

    assert run(*words, files, "--max-bytes", str(total)).code == 0
    assert run(*words, files, "--max-bytes", str(total - 1)).code == 2


def test_in_a_zip_the_declared_sizes_count(files: Path, tmp_path: Path) -> None:
    """However little room they take in the archive."""
    place = tmp_path / "zeros.zip"
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(10_000_000))
    assert place.stat().st_size < 20_000

    outcome = run("sum", "--tree", place, "--max-bytes", "9.9MB")

    assert outcome.code == 2
    assert "10000000 bytes" in error_of(outcome)


def test_a_check_of_a_list_takes_no_limit(files: Path) -> None:
    """It reads what the list names; an option that does nothing is refused."""
    assert run("sum", "-c", files, "--max-bytes", "1GB").code == 2


def test_python_has_the_limit_too(files: Path) -> None:
    """For build, verify and fingerprint alike."""
    build(files, max_bytes=1_000_000)
    verify(files, max_bytes=1_000_000)
    fingerprint(files, max_bytes=1_000_000)

    for refused in (build, verify, fingerprint):
        with pytest.raises(InputError, match="larger than allowed"):
            refused(files, max_bytes=1000)
