"""The same payload has the same codes on a disk, in a zip, in an object store, and for iscc-sum."""

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import obstore
import pytest
import zarr

from cli.cli_kit import Outcome, run
from crate_iscc import Verdict, build, fingerprint, verify
from crate_iscc.checklist import sum_tree
from crate_iscc.kernel.choosing import kernel
from crate_iscc.sources import read_all
from crate_iscc.sources.opening import open_tree
from object_stores import SOME_KEY, asking, bucket_store, new_bucket, upload

Codes = tuple[str, str, str]


@pytest.fixture(autouse=True)
def endpoint(s3_server: str) -> Iterator[str]:
    """Have this process ask moto's server."""
    with asking(s3_server, **SOME_KEY):
        yield s3_server


def files_of(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder."""
    return {
        str(place.relative_to(folder)): place.read_bytes()
        for place in folder.rglob("*")
        if place.is_file()
    }


def command(*arguments: str, endpoint: str) -> Outcome:
    """Run the command with a key for the store."""
    return run(*arguments, env={**SOME_KEY, "AWS_ENDPOINT_URL": endpoint})


def test_a_zarr_has_one_code_wherever_it_lies(
    tmp_path: Path, endpoint: str, iscc_sum_tree: Callable[[Path], Codes]
) -> None:
    """Directory, zip, objects and `iscc-sum --tree` agree; so do the treehashes."""
    place = tmp_path / "image.zarr"
    group = zarr.open_group(place, mode="w")
    array = group.create_array("0", shape=(64, 96), chunks=(4, 8), dtype="u2", fill_value=0)
    array[:] = [[(row * column) % 65521 for column in range(96)] for row in range(64)]
    files = files_of(place)
    assert len(files) > 190
    packed = tmp_path / "image.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    address = upload(endpoint, files)

    in_the_store = f"{upload(endpoint, {'image.zip': packed.read_bytes()})}/image.zip"
    sources = (str(place), str(packed), address, in_the_store)
    sums = {sum_tree(source, kernel()).fingerprint.iscc() for source in sources}
    roots = {fingerprint(source).root.treehash for source in sources}

    assert sums == {iscc_sum_tree(place)[0]}
    assert len(roots) == 1
    done = command("sum", "--tree", address, endpoint=endpoint)
    assert (done.code, done.out) == (0, f"{sums.pop()} *{address}/\n")
    (tmp_path / "list").write_text(done.out)
    assert command("sum", "-c", str(tmp_path / "list"), endpoint=endpoint).code == 0


def test_an_object_in_many_parts_is_read_whole(tmp_path: Path, endpoint: str) -> None:
    """The ETag of a multipart upload is no MD5, and is held against nothing but itself."""
    content = Random(1).randbytes(13 << 20)
    bucket = new_bucket(endpoint)
    store = bucket_store(endpoint, bucket)
    obstore.put(store, "x/large", content, use_multipart=True, chunk_size=5 << 20)
    assert "-3" in (obstore.head(store, "x/large")["e_tag"] or "")

    with open_tree(f"s3://{bucket}/x") as tree:
        (entry,) = tree.listing().entries
        assert read_all(tree, entry) == content
    (tmp_path / "large").write_bytes(content)
    assert fingerprint(f"s3://{bucket}/x").root == fingerprint(tmp_path).root


def test_a_crate_is_verified_where_it_lies(tmp_path: Path, endpoint: str) -> None:
    """An uploaded crate verifies; a changed, a missing and another object are told."""
    folder = tmp_path / "crate"
    folder.mkdir()
    for name in ("a.bin", "b.bin", "c.bin"):
        (folder / name).write_bytes(name.encode() * 1000)
    build(folder)
    files = files_of(folder)

    assert verify(upload(endpoint, files)).verdict is Verdict.VALID
    del files["a.bin"]
    files["b.bin"] = files["b.bin"].replace(b"b", b"x", 1)
    address = upload(endpoint, files)
    done = command("verify", address, "--format", "json", endpoint=endpoint)
    assert done.code == 1
    found = {(one["id"], one["path"]) for one in json.loads(done.out)["findings"]}
    assert {("bytes.missing", "a.bin"), ("bytes.changed", "b.bin")} <= found


def test_a_crate_is_shown_and_validated_where_it_lies(tmp_path: Path, endpoint: str) -> None:
    """The verbs that read metadata alone take an address as they take a path."""
    (tmp_path / "a").write_bytes(b"1")
    build(tmp_path, licence="CC-BY-4.0")
    address = upload(endpoint, files_of(tmp_path))

    for verb in ("show", "validate"):
        there = command(verb, address, "--format", "json", endpoint=endpoint)
        here = command(verb, str(tmp_path), "--format", "json", endpoint=endpoint)
        assert there.code == here.code
        assert json.loads(there.out).keys() == json.loads(here.out).keys()


def test_what_is_not_there_is_told_with_a_hint(endpoint: str) -> None:
    """No bucket, no object below the prefix, and one object for a folder are usage errors."""
    address = upload(endpoint, {"a": b"1"})

    for wrong, told in (
        ("s3://there-is-no-such-bucket/x", "there is no such bucket (404)"),
        (f"{address}/nowhere", "no object has a name that starts so"),
        (f"{address}/a", "it is one object"),
    ):
        done = command("verify", wrong, endpoint=endpoint)
        assert (done.code, done.out) == (2, "")
        assert told in done.err
        assert "hint: " in done.err


def test_progress_is_told(endpoint: str) -> None:
    """The progress of an object store is that of any other tree."""
    address = upload(endpoint, {"a": bytes(1000), "b": bytes(2000)})

    done = command("sum", "--tree", address, "--progress", "json", endpoint=endpoint)

    last = json.loads(done.err.splitlines()[-1])
    assert (last["done_bytes"], last["total_files"]) == (3000, 2)
