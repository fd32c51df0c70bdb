"""Containers are found from names alone."""

import pytest

from crate_iscc.containers import container_of, find_containers, outermost
from crate_iscc.paths import crate_path


def found(*paths: str) -> tuple[str, ...]:
    return find_containers(crate_path(path) for path in paths)


@pytest.mark.parametrize("name", ["zarr.json", ".zgroup", ".zarray"])
def test_a_folder_with_zarr_metadata_is_a_container(name: str) -> None:
    """Zarr v3 and both kinds of Zarr v2 are known by the file that describes them."""
    assert found(f"cells.zarr/{name}", "cells.zarr/0/0.0", "notes.txt") == ("cells.zarr/",)


def test_a_name_that_ends_in_zarr_makes_no_container() -> None:
    """The metadata decide, not the name of the folder."""
    assert found("cells.zarr/readme.txt", "my-zarr.json", "raw/a.zarray") == ()


def test_only_the_outermost_container_counts() -> None:
    """The arrays of a group, and a Zarr inside a plain folder of it, belong to the group."""
    paths = ("a/zarr.json", "a/0/zarr.json", "a/0/c/0/0", "a/plain/b.zarr/.zgroup")

    assert found(*paths) == ("a/",)


def test_siblings_whose_names_share_a_beginning_are_two_containers() -> None:
    """A folder is inside another where a whole segment says so."""
    assert found("a/.zgroup", "ab/.zgroup", "a b/.zgroup") == ("a b/", "a/", "ab/")


def test_containers_come_in_the_order_of_their_utf8_bytes() -> None:
    """The order does not depend on the order of the listing."""
    assert found("é/.zgroup", "z/.zgroup", "A/.zgroup") == ("A/", "z/", "é/")


def test_a_tree_that_is_a_zarr_itself_is_one_container() -> None:
    """The root is the empty string, and everything is inside it."""
    assert found("zarr.json", "0/zarr.json", "0/c/0") == ("",)


def test_a_folder_that_is_asked_for_is_a_container() -> None:
    """A folder is asked for by its path with a slash; whatever it holds is inside."""
    paths = [crate_path(path) for path in ("raw/t0/a.tif", "raw/t1/b.zarr/.zgroup", "other/c")]

    containers = find_containers(paths, lambda folder: folder == "raw/")

    assert containers == ("raw/",)


def test_each_folder_is_asked_about_by_its_path_with_a_slash() -> None:
    """Folders that hold only folders are asked about too; the root is not."""
    asked: list[str] = []

    def never(folder: str) -> bool:
        asked.append(folder)
        return False

    find_containers([crate_path("a/b/c.txt"), crate_path("a/d.txt")], never)

    assert sorted(asked) == ["a/", "a/b/"]


@pytest.mark.parametrize(
    ("path", "container"),
    [
        ("a/b/c/0", "a/b/"),
        ("a/b/zarr.json", "a/b/"),
        ("a/bc/0", None),
        ("a/0", None),
        ("top", None),
    ],
)
def test_a_file_belongs_to_the_container_above_it(path: str, container: str | None) -> None:
    """A file in no container belongs to none."""
    assert container_of(path, {"a/b/"}) == container


def test_every_file_belongs_to_a_root_that_is_a_container() -> None:
    """The root's container is the empty string, which is not None."""
    assert container_of("top", {""}) == ""


def test_containers_in_containers_are_left_out() -> None:
    """Of containers that are known, those count that lie in no other, in the order of bytes."""
    assert outermost(["b/", "a/x/", "a/", "a/x/y/", "b2/"]) == ("a/", "b/", "b2/")
    assert outermost(["a/", ""]) == ("",)
    assert outermost([]) == ()
