"""Two single files, whatever they are called and wherever they lie."""

from pathlib import Path
from random import Random

from compare.compare_kit import as_text, compared, pairs_of
from verify.verify_kit import blake3_hex, write_files

NOISE = Random(11).randbytes(400_000)


def test_two_files_with_the_same_bytes_are_identical(tmp_path: Path) -> None:
    """Their names do not matter."""
    folder = write_files(tmp_path / "x", {"one.tif": NOISE, "two.bin": NOISE})

    code, answer = compared(folder / "one.tif", folder / "two.bin")

    assert (code, answer["likeness"], answer["of"]) == (0, "identical", "files")
    assert answer["a"]["datahash"] == "1e20" + blake3_hex(NOISE)
    assert as_text(folder / "one.tif", folder / "two.bin").lines[0] == (
        "identical: the same bytes (400.0 kB)"
    )


def test_two_files_that_differ_say_how_far_they_are(tmp_path: Path) -> None:
    """Of one size, and of two; each under its own name."""
    changed = bytes([NOISE[0] ^ 1]) + NOISE[1:]
    other = Random(12).randbytes(400_000)
    files = {"one": NOISE, "bit": changed, "longer": NOISE + b"!", "other": other}
    folder = write_files(tmp_path / "x", files)

    words = {}
    for name in ("bit", "longer", "other"):
        code, answer = compared(folder / "one", folder / name)
        assert (code, answer["likeness"]) == (1, "different")
        assert pairs_of(answer) == [("changed", "one", name)]
        assert answer["pairs"][0]["distance"]["of"] == 256
        words[name] = answer["pairs"][0]["distance"]["word"]
    assert words == {"bit": "near-identical", "longer": "near-identical", "other": "unrelated"}
    assert (
        as_text(folder / "one", folder / "longer")
        .lines[0]
        .startswith("different: 400,000 bytes and 400,001; by the Data-Codes ")
    )


def test_two_empty_files_are_identical(tmp_path: Path) -> None:
    """There are two files, and both hold nothing."""
    folder = write_files(tmp_path / "x", {"one": b"", "two": b""})

    assert compared(folder / "one", folder / "two")[0] == 0


def test_files_that_describe_a_crate_are_files_like_others_here(tmp_path: Path) -> None:
    """Two manifests that differ are different, though they are no payload of any crate."""
    folder = write_files(tmp_path, {"a/iscc-manifest.tsv": b"1", "b/iscc-manifest.tsv": b"2"})

    code, answer = compared(folder / "a/iscc-manifest.tsv", folder / "b/iscc-manifest.tsv")

    assert (code, answer["likeness"]) == (1, "different")
    assert answer["pairs"][0]["part"] == "payload"


def test_two_metadata_files_of_zarrs_say_where_they_differ(tmp_path: Path) -> None:
    """By JSON Pointers; of chunks nothing is said."""
    files = {"a/.zattrs": b'{"omero": {"id": 1}}', "b/.zattrs": b'{"omero": {"id": 2}}'}
    folder = write_files(tmp_path, files)

    code, answer = compared(folder / "a/.zattrs", folder / "b/.zattrs")
    outcome = as_text(folder / "a/.zattrs", folder / "b/.zattrs")

    assert (code, answer["likeness"]) == (1, "different")
    assert answer["pairs"][0]["change"]["pointers"] == ["/omero/id"]
    assert outcome.lines[0].endswith("; omero rendering settings")
    assert "chunk" not in outcome.out


def test_a_link_that_was_named_is_followed(tmp_path: Path) -> None:
    """Whoever names it means what it leads to."""
    folder = write_files(tmp_path, {"one": b"1"})
    (folder / "link").symlink_to("one")

    assert compared(folder / "one", folder / "link")[0] == 0
