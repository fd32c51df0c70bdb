"""A zip in an object store is read in place: in parts, all of one state, or not at all."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from crate_iscc.errors import InputError, ReadError
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel.choosing import kernel
from crate_iscc.manifest import Manifest
from crate_iscc.sources import Tree, read_all
from crate_iscc.sources.opening import open_tree
from crate_iscc.sources.remote.answers import CHANGED, ELSEWHERE
from crate_iscc.sources.remote.object_address import object_address
from crate_iscc.sources.remote.object_zip import opened
from crate_iscc.sources.remote.objects import ObjectTree
from object_stores import QUICK, Answer, Asked, HostileStore, serving

FILES = {f"{n}.bin": Random(n).randbytes(2_500_000) for n in range(4)}
KEY = "data/study.zip"


def packed() -> bytes:
    """Return a zip of the files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
    return held.getvalue()


@pytest.fixture
def store() -> Iterator[HostileStore]:
    """Serve the zip."""
    store = HostileStore({KEY: packed(), "data/folder.zip/a": b"1"})
    with serving(store):
        yield store


def zip_of(address: str = f"s3://bucket/{KEY}") -> Tree:
    """Return the zip as a tree that does not wait for long."""
    return opened(ObjectTree(object_address(address), QUICK), crc=True)


def manifest_of(tree: Tree) -> Manifest:
    """Return the codes of what could be read."""
    return fingerprint_tree(tree, payload_of(tree.listing()), kernel())


def test_a_zip_is_read_in_parts(store: HostileStore) -> None:
    """Its bytes come once each, but for what its directory needs, and never all in one answer."""
    with zip_of() as tree:
        assert {e.path: read_all(tree, e) for e in tree.listing().entries} == FILES

    size = len(store.files[KEY])
    ranges = [asked.headers["range"] for asked in store.gets(KEY) if "range" in asked.headers]
    ends = [tuple(map(int, one.removeprefix("bytes=").split("-"))) for one in ranges]
    assert len(ranges) > 3
    assert size <= sum(last + 1 - first for first, last in ends) <= size + (2 << 20)


@pytest.mark.parametrize("scheme", ["gs", "az"])
def test_so_do_other_stores(
    scheme: str, store: HostileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's and Azure's are asked as they are for any object."""
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(store) as endpoint:
        for name in ("GOOGLE_BASE_URL", "AZURE_ENDPOINT"):
            monkeypatch.setenv(name, endpoint)
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "bucket")
        with open_tree(f"{scheme}://bucket/{KEY}") as tree:
            assert {e.path: read_all(tree, e) for e in tree.listing().entries} == FILES


def test_a_folder_may_be_called_like_a_zip(store: HostileStore) -> None:
    """Where objects lie below the name, they are meant."""
    with zip_of("s3://bucket/data/folder.zip") as tree:
        assert [entry.path for entry in tree.listing().entries] == ["a"]
    assert store.gets("data/folder.zip") == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(302, headers={"Location": "http://localhost:1/"}), ELSEWHERE),
        (Answer(403), "access is denied (403)"),
        (Answer(503), "the store answers 503 (tried 4 times)"),
        (Answer(200, b"x" * 99, {"ETag": '"e"'}), "the store does not give parts of objects"),
    ],
)
def test_members_that_are_not_given_are_unread(
    answer: Answer, reason: str, store: HostileStore
) -> None:
    """There is no code, and the reason is that of the store."""
    with zip_of() as tree:
        tree.listing()
        store.fault = lambda asked, plain: answer if asked.path == KEY else plain
        manifest = manifest_of(tree)

    assert (manifest.root.iscc, manifest.root.treehash) == (None, None)
    assert {unread.reason for unread in manifest.unread} == {reason}
    assert {unread.kind for unread in manifest.unread} == {"bytes.unread"}


def test_a_zip_that_is_replaced_is_of_no_state(store: HostileStore) -> None:
    """What comes with another ETag than the directory's is unread, and the whole has no code."""
    with zip_of() as tree:
        tree.listing()
        store.etags[KEY] = '"another"'
        manifest = manifest_of(tree)

    assert (manifest.root.iscc, manifest.root.treehash) == (None, None)
    assert {unread.reason for unread in manifest.unread} == {CHANGED}


def test_what_is_no_zip_is_told(store: HostileStore) -> None:
    """By its bytes, by its name, or because it is not there; each with a hint."""
    store.files |= {"data/text.zip": b"hello" * 99, "data/x.tar": b"1"}
    for name, told in (
        ("text.zip", "not a readable zip archive"),
        ("x.tar", "not a folder"),
        ("none.zip", "not found"),
    ):
        with pytest.raises(InputError, match=told) as caught:
            zip_of(f"s3://bucket/data/{name}").listing()
        assert caught.value.hint


def test_a_directory_that_is_not_given_is_an_error(store: HostileStore) -> None:
    """Without it there is nothing to say of the members."""

    def fault(asked: Asked, plain: Answer) -> Answer:
        return Answer(403) if "range" in asked.headers else plain

    store.fault = fault
    with pytest.raises(ReadError, match="access is denied"):
        zip_of()
