"""What a user names is opened as what it is, or refused with a reason and a hint."""

import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from crate_iscc.errors import InputError
from crate_iscc.sources import read_all
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.opening import open_tree
from crate_iscc.sources.zip import ZipTree

WriteTree = Callable[[Mapping[str, bytes]], Path]
MakeZip = Callable[..., Path]


def test_a_directory_is_opened_as_one(write_tree: WriteTree) -> None:
    """A directory becomes a tree that is called as it was named."""
    folder = write_tree({"a": b"1"})

    with open_tree(folder) as tree:
        assert isinstance(tree, DirectoryTree)
        assert tree.subject == str(folder)
        assert tree.name == folder.name


def test_a_path_may_be_text(write_tree: WriteTree) -> None:
    """A path as text is as good as a Path."""
    folder = write_tree({"a": b"1"})

    with open_tree(str(folder)) as tree:
        assert [entry.path for entry in tree.listing().entries] == ["a"]


def test_the_current_directory_has_its_own_name(
    write_tree: WriteTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dot is shown as a dot, and the name of the tree is that of the folder it stands for."""
    folder = write_tree({"a": b"1"})
    monkeypatch.chdir(folder)

    with open_tree(".") as tree:
        assert tree.subject == "."
        assert tree.name == folder.name


@pytest.mark.parametrize("name", ["ro-crate-metadata.json", "ro-crate-metadata.jsonld"])
def test_a_metadata_file_stands_for_its_folder(name: str, write_tree: WriteTree) -> None:
    """The metadata file of a crate opens the folder that it lies in."""
    folder = write_tree({name: b"{}", "sub/data": b"1"})

    with open_tree(folder / name) as tree:
        assert isinstance(tree, DirectoryTree)
        assert {entry.path for entry in tree.listing().entries} == {name, "sub/data"}


@pytest.mark.parametrize("name", ["a.zip", "a.eln", "a.crate", "archive"])
def test_a_zip_is_known_by_its_bytes(name: str, make_zip: MakeZip) -> None:
    """An archive is opened whatever the suffix of its name."""
    place = make_zip({"a": b"1", "b": b"2"})
    place = place.rename(place.with_name(name))

    with open_tree(place) as tree:
        assert isinstance(tree, ZipTree)
        assert {entry.path for entry in tree.listing().entries} == {"a", "b"}


def test_a_link_to_a_zip_is_opened(make_zip: MakeZip, tmp_path: Path) -> None:
    """A link that the user names leads to the archive."""
    (tmp_path / "link.zip").symlink_to(make_zip({"a": b"1", "b": b"2"}))

    with open_tree(tmp_path / "link.zip") as tree:
        assert {entry.path for entry in tree.listing().entries} == {"a", "b"}


def test_an_empty_zip_is_opened(make_zip: MakeZip) -> None:
    """An archive without members is an archive."""
    with open_tree(make_zip({})) as tree:
        assert list(tree.listing().entries) == []


def test_the_crc_is_computed_unless_told_otherwise(make_zip: MakeZip) -> None:
    """The wish not to compute CRC-32 reaches the archive."""
    place = make_zip({"a": b"content", "b": b""})
    place.write_bytes(place.read_bytes().replace(b"content", b"damaged"))

    with open_tree(place, crc=False) as tree:
        (entry,) = [entry for entry in tree.listing().entries if entry.path == "a"]
        assert read_all(tree, entry) == b"damaged"


def test_a_missing_path_is_an_input_error() -> None:
    """A path where there is nothing is named, with a hint."""
    with pytest.raises(InputError, match=r"not found: no/such/path") as caught:
        open_tree("no/such/path")

    assert caught.value.hint


@pytest.mark.parametrize(
    ("path", "told"), [("s4://bucket/x", "s3://"), ("s3:/bucket/x", "s3://"), ("C:/x", "typing")]
)
def test_what_looks_like_an_address_gets_the_addresses_for_a_hint(path: str, told: str) -> None:
    """A scheme that is not known, or a slash too few, is no path that was mistyped."""
    with pytest.raises(InputError, match="not found") as caught:
        open_tree(path)

    assert told in str(caught.value.hint)


def test_a_dangling_link_is_an_input_error(tmp_path: Path) -> None:
    """A link to nothing is not found."""
    (tmp_path / "link").symlink_to("nowhere")

    with pytest.raises(InputError, match="not found"):
        open_tree(tmp_path / "link")


@pytest.mark.parametrize("content", [b"", b"P", b"PK", b"plain text", bytes(1000)])
def test_a_plain_file_is_no_dataset(content: bytes, write_tree: WriteTree) -> None:
    """A file that is neither an archive nor metadata is refused with a hint."""
    folder = write_tree({"file": content})

    with pytest.raises(InputError, match="not a dataset") as caught:
        open_tree(folder / "file")

    assert caught.value.hint


@pytest.mark.parametrize("size", [4, 100, 5000])
def test_a_cut_zip_is_called_a_damaged_zip(size: int, make_zip: MakeZip) -> None:
    """A file that starts like an archive and is none is said to be damaged, not unknown."""
    place = make_zip({"a": bytes(10_000)})
    os.truncate(place, size)

    with pytest.raises(InputError, match="not a readable zip archive"):
        open_tree(place)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no pipes")
def test_a_pipe_is_no_dataset(tmp_path: Path) -> None:
    """A pipe is refused before it is opened: opening it would wait for ever."""
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(InputError, match="neither a directory nor a file"):
        open_tree(tmp_path / "pipe")


@pytest.mark.parametrize(
    "path", ["x" * 5000, "a\0b", "no\nsuch\x1b[31m"], ids=["long", "nul", "control"]
)
def test_a_path_that_cannot_exist_is_an_input_error(path: str) -> None:
    """A path too long, with a NUL or with line ends is an InputError on one printable line."""
    with pytest.raises(InputError) as caught:
        open_tree(path)

    assert caught.value.message.isprintable()


def test_a_zip_with_a_metadata_name_is_a_metadata_file(write_tree: WriteTree) -> None:
    """What is called as the metadata file stands for its folder, whatever its bytes."""
    folder = write_tree({"data": b"1"})
    with zipfile.ZipFile(folder / "ro-crate-metadata.json", "w") as archive:
        archive.writestr("a", b"1")

    with open_tree(folder / "ro-crate-metadata.json") as tree:
        assert isinstance(tree, DirectoryTree)
