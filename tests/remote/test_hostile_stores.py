"""A store that fails, lies or changes ends in a reason, soon, and never in a code over a part."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from cli.cli_kit import COMMAND, environment
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of, tree_code
from crate_iscc.kernel.choosing import kernel
from crate_iscc.sources import read_all
from crate_iscc.sources.remote.object_address import object_address
from crate_iscc.sources.remote.objects import ObjectTree
from crate_iscc.sources.remote.retrying import Retrying
from object_stores import QUICK, SOME_KEY, Answer, Asked, HostileStore, asking, serving

CONTENT = Random(3).randbytes(700_000)
LARGE = Random(4).randbytes(11 << 20)
FILES = {"data/a": b"one", "data/b": CONTENT, "data/c/d": b"", "data/large": LARGE}


def read(tree: ObjectTree, path: str) -> bytes:
    """Return the bytes of an object of a tree."""
    entry = tree.listing().entries.get(path)
    assert entry is not None
    return read_all(tree, entry)


def failure(store: HostileStore, path: str, how: Retrying = QUICK) -> str:
    """Return why an object is not read, in both ways of reading it, which must say the same."""
    with serving(store), store.tree(how=how) as tree:
        with pytest.raises(ReadError) as caught:
            read(tree, path)
        payload = payload_of(tree.listing())
        manifest = fingerprint_tree(tree, payload, kernel())
        assert manifest.root.iscc is None
        assert manifest.root.treehash is None
    (unread,) = manifest.unread
    assert (unread.path, unread.kind) == (path, "bytes.unread")
    assert unread.reason == caught.value.cause
    return unread.reason


def at(path: str, answer: Callable[[int, Answer], Answer]) -> Callable[[Asked, Answer], Answer]:
    """Return a fault of one object: `answer` is given how often it was asked for before."""
    times: list[None] = []

    def fault(asked: Asked, plain: Answer) -> Answer:
        if asked.path != path:
            return plain
        times.append(None)
        return answer(len(times) - 1, plain)

    return fault


def test_a_store_that_does_nothing_wrong_is_read() -> None:
    """All objects of all pages are there, with their bytes."""
    store = HostileStore(FILES, page_size=3)

    with serving(store), store.tree() as tree:
        assert {f"data/{e.path}": read_all(tree, e) for e in tree.listing().entries} == FILES


@pytest.mark.parametrize("path", ["b", "large"])
@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (403, "access is denied (403)"),
        (404, "it is not there any more (404)"),
        (401, "the store does not take the credentials (401)"),
    ],
)
def test_a_refusal_is_a_reason_and_is_not_asked_for_again(
    path: str, status: int, reason: str
) -> None:
    """An object that was listed and is refused is unread, at once."""
    store = HostileStore(FILES)
    store.fault = at(f"data/{path}", lambda _times, _plain: Answer(status))

    assert failure(store, path) == reason
    assert len(store.gets(f"data/{path}")) <= 10


@pytest.mark.parametrize(
    ("status", "code", "hint"),
    [(403, "RequestTimeTooSkewed", "set the clock"), (400, "ExpiredToken", "ask for new ones")],
)
def test_clocks_that_differ_and_old_keys_are_told(status: int, code: str, hint: str) -> None:
    """The word that the store has for it is shown: no other says that a clock is wrong."""
    said = Answer(status, f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode())
    store = HostileStore(FILES)
    store.fault = lambda asked, plain: said if asked.path == "data/b" else plain
    assert f"{status}, {code}" in failure(store, "b")

    store.fault = lambda _asked, _plain: said
    with serving(store), store.tree() as tree, pytest.raises(InputError, match=code) as caught:
        tree.listing()

    assert hint in str(caught.value.hint)


@pytest.mark.parametrize("status", [500, 503, 429])
@pytest.mark.parametrize("path", ["b", "large"])
def test_a_storm_that_ends_is_waited_for(status: int, path: str) -> None:
    """Answers that the store is busy are asked again, and the object is read."""
    store = HostileStore(FILES)
    store.fault = at(f"data/{path}", lambda times, plain: Answer(status) if times < 3 else plain)

    with serving(store), store.tree() as tree:
        assert read(tree, path) == FILES[f"data/{path}"]


def test_a_storm_that_does_not_end_is_a_reason() -> None:
    """After a bounded number of tries the object is unread, with the answer and the number."""
    store = HostileStore(FILES)
    store.fault = at("data/b", lambda _times, _plain: Answer(503))

    assert failure(store, "b") == "the store answers 503 (tried 4 times)"
    assert len(store.gets("data/b")) == 8


def test_a_store_that_is_down_is_not_waited_for_object_by_object() -> None:
    """Where nothing has succeeded for as long as is waited, each further object is tried once."""
    files = {f"data/{n:03}": b"x" * 10 for n in range(300)}
    store = HostileStore(files)
    store.fault = lambda asked, plain: Answer(503) if not asked.query else plain
    how = Retrying(tries=1000, first_wait=0.05, longest_wait=0.2, patience=1, timeout=1)
    begun = time.monotonic()

    with serving(store), store.tree(how=how) as tree:
        manifest = fingerprint_tree(tree, payload_of(tree.listing()), kernel())

    assert len(manifest.unread) == 300
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize("path", ["b", "large"])
def test_a_connection_that_breaks_is_taken_up_where_it_broke(path: str) -> None:
    """The rest is asked for by a range, and only of the same state of the object."""
    store = HostileStore(FILES)
    store.fault = at(
        f"data/{path}",
        lambda times, plain: (
            Answer(plain.status, plain.body, plain.headers, sent=600_000) if times == 0 else plain
        ),
    )

    with serving(store), store.tree() as tree:
        assert read(tree, path) == FILES[f"data/{path}"]

    resumed = [a for a in store.gets(f"data/{path}") if "if-match" in a.headers]
    assert len(resumed) == 1
    assert resumed[0].headers["if-match"] == store.etag(f"data/{path}")
    first = int(resumed[0].headers["range"].removeprefix("bytes=").split("-")[0])
    assert first % (4 << 20) > 200_000


def test_an_object_that_changes_while_it_is_read_is_unread() -> None:
    """Where the connection broke, the rest of another state is never joined to what was read."""
    store = HostileStore(FILES)

    def fault(asked: Asked, plain: Answer) -> Answer:
        if asked.path != "data/b" or "if-match" in asked.headers:
            return plain
        store.etags["data/b"] = '"another"'
        return Answer(plain.status, plain.body, plain.headers, sent=600_000)

    store.fault = fault
    assert failure(store, "b") == "it changed while it was read"


@pytest.mark.parametrize("path", ["b", "large"])
def test_an_object_that_changed_since_it_was_listed_is_unread(path: str) -> None:
    """Another ETag than the listed one tells, also where the size is the same."""
    store = HostileStore(FILES)
    store.fault = lambda asked, plain: (
        Answer(plain.status, plain.body, {**plain.headers, "ETag": '"another"'})
        if asked.path == f"data/{path}"
        else plain
    )

    assert failure(store, path) == "it changed while it was read"


@pytest.mark.parametrize("difference", [-1, 1, 100])
@pytest.mark.parametrize("path", ["b", "large"])
def test_an_object_of_another_size_than_listed_is_unread(path: str, difference: int) -> None:
    """A listing that gives a size that the object has not is not believed."""
    store = HostileStore(FILES)
    store.sizes[f"data/{path}"] = len(FILES[f"data/{path}"]) + difference

    assert failure(store, path) == "it changed while it was read"


@pytest.mark.parametrize("path", ["b", "large"])
def test_an_answer_that_is_always_cut_is_a_reason(path: str) -> None:
    """Bytes that never come are not made up for, and not asked for without end."""
    store = HostileStore(FILES)
    store.fault = at(
        f"data/{path}", lambda _times, plain: Answer(plain.status, plain.body, plain.headers, 5)
    )

    assert failure(store, path) == "the connection broke (tried 4 times)"


def test_a_store_that_does_not_answer_is_a_reason() -> None:
    """Silence ends after the time that was set."""
    store = HostileStore(FILES)
    store.fault = at("data/a", lambda _times, _plain: Answer(late=1.0))
    how = Retrying(tries=2, first_wait=0.01, longest_wait=0.01, patience=1, timeout=0.3)

    assert failure(store, "a", how) == "there was no answer in time (tried 2 times)"


def test_a_store_that_is_gone_is_a_reason() -> None:
    """Where nobody listens any more, that is said."""
    store = HostileStore(FILES)
    with serving(store):
        tree = store.tree()
        entries = tree.listing().entries

    with tree, pytest.raises(ReadError) as caught:
        read_all(tree, entries[0])

    assert caught.value.cause == "the connection is refused (tried 4 times)"


def test_a_store_without_ranges_is_told() -> None:
    """A large object that comes whole where a part was asked for is unread, with the reason."""
    store = HostileStore(FILES)
    store.fault = lambda asked, plain: (
        Answer(200, LARGE, {"ETag": store.etag("data/large")})
        if asked.path == "data/large"
        else plain
    )

    assert failure(store, "large") == "the store does not give parts of objects"


def _page(inside: str, more: str = "false") -> Answer:
    text = f"<ListBucketResult><IsTruncated>{more}</IsTruncated>{inside}</ListBucketResult>"
    return Answer(body=text.encode())


def _listed(key: str) -> str:
    return f"<Contents><Key>{key}</Key><Size>1</Size></Contents>"


_MORE = "<NextContinuationToken>same</NextContinuationToken>"
_BAD_LISTINGS = {
    "the same page for ever": (_page(_listed("data/a") + _MORE, "true"), "repeats itself"),
    "no page for ever": (_page(_MORE, "true"), "does not end"),
    "a key twice": (_page(_listed("data/a") * 2), "repeats itself"),
    "out of order": (_page(_listed("data/b") + _listed("data/a")), "out of order"),
    "another place": (_page(_listed("other/a")), "another place"),
    "more, and not where": (_page(_listed("data/a"), "true"), "not where"),
    "fewer than it says": (_page(_listed("data/a") + "<KeyCount>2</KeyCount>"), "2 keys"),
    "cut": (Answer(body=b"<ListBucketResult><IsTruncated>false</IsTruncated>"), "was cut"),
    "HTML": (Answer(body=b"<html><body>welcome</body></html>"), "no page"),
    "nothing": (Answer(), "no XML"),
    "a document type": (
        Answer(body=b"<!DOCTYPE x [<!ENTITY a 'b'>]><ListBucketResult/>"),
        "document type",
    ),
    "no size": (_page("<Contents><Key>data/a</Key></Contents>"), "without a key or a size"),
    "a size below nothing": (
        _page("<Contents><Key>data/a</Key><Size>-1</Size></Contents>"),
        "without a key or a size",
    ),
    "a cut answer": (Answer(body=b"<ListBucketResult/>" * 9, sent=20), "cut"),
    "503": (Answer(503), "503"),
}


@pytest.mark.parametrize("name", _BAD_LISTINGS)
def test_a_listing_that_cannot_be_believed_is_none(name: str) -> None:
    """A listing that repeats, is cut, out of order or lies is an error, never a smaller tree."""
    answer, cause = _BAD_LISTINGS[name]
    store = HostileStore(FILES)
    store.fault = lambda _asked, _plain: answer

    with serving(store), store.tree() as tree, pytest.raises(ReadError) as caught:
        tree.listing()

    assert cause in str(caught.value)
    assert len(store.asked) <= 8


@pytest.mark.parametrize("status", [403, 404, 400, 301])
def test_a_bucket_that_may_not_be_listed_is_an_input_error(status: int) -> None:
    """A refused listing is no tree, and comes with a hint."""
    store = HostileStore(FILES)
    store.fault = lambda _asked, _plain: Answer(status)

    kind: type[CrateIsccError] = ReadError if status == 301 else InputError
    with serving(store), store.tree() as tree, pytest.raises(kind, match=str(status)):
        tree.listing()


def test_a_page_that_fails_is_asked_for_again() -> None:
    """A listing goes on after a storm, from the page that failed."""
    store = HostileStore({f"data/{n}": b"" for n in range(9)}, page_size=2)
    failing = [503, 500]
    store.fault = lambda asked, plain: (
        Answer(failing.pop()) if failing and "continuation-token" in asked.query else plain
    )

    with serving(store), store.tree() as tree:
        assert [entry.path for entry in tree.listing().entries] == [str(n) for n in range(9)]


def test_names_that_can_be_no_paths_are_refused() -> None:
    """Keys that lead out of the folder, or are no paths, become findings and are not asked for."""
    unsafe = ["data/../up", "data//double", "data/./dot", "data/c:/x", "data/..\\up"]
    store = HostileStore({**FILES, **dict.fromkeys(unsafe, b"x"), "data/full/": b"x"})

    with serving(store), store.tree() as tree:
        listing = tree.listing()

    found = {(item.path, item.kind) for item in listing.refused}
    wanted = {(key.removeprefix("data/"), "path.unsafe") for key in [*unsafe, "data/full/"]}
    assert found == wanted
    assert {f"data/{entry.path}" for entry in listing.entries} == set(FILES)
    assert not any(asked.path for asked in store.asked)


def test_a_name_with_a_control_character_is_unread() -> None:
    """What cannot be asked for is said not to be read."""
    store = HostileStore({"data/a\nb": b"x", "data/c": b""})

    with serving(store), store.tree() as tree:
        (refused,) = tree.listing().refused

    assert refused.path == "a\nb"
    assert "control character" in refused.reason


def test_empty_objects_whose_names_end_in_a_slash_are_folders() -> None:
    """Markers that consoles write are folders; the one of the tree itself is nothing at all."""
    store = HostileStore({"data/": b"", "data/x/": b"", "data/x/y": b"1", "data/z": b""})

    with serving(store), store.tree() as tree:
        listing = tree.listing()

    assert listing.folders == ("x/",)
    assert [entry.path for entry in listing.entries] == ["x/y", "z"]


def test_requests_are_signed_where_there_is_a_key_and_else_not() -> None:
    """Who has a key signs every request with it; who has none asks as nobody."""
    store = HostileStore({"data/a": b"1"})
    with serving(store) as endpoint:
        for variables in ({}, SOME_KEY, {**SOME_KEY, "AWS_SKIP_SIGNATURE": "true"}):
            store.asked.clear()
            with asking(endpoint, **variables), store.tree() as tree:
                assert read(tree, "a") == b"1"
            assert len(store.asked) == 2
            signed = [asked.headers.get("authorization", "") for asked in store.asked]
            assert all("Credential=somebody/" in one for one in signed) == (variables == SOME_KEY)
            assert any(signed) == (variables == SOME_KEY)
            assert not any("secret-of" in str(asked) for asked in store.asked)


def test_an_abandoned_tree_waits_no_more(tmp_path: Path) -> None:
    """Requests that wait for another try end when nobody wants what they bring."""
    store = HostileStore(FILES)
    store.fault = at("data/a", lambda _times, _plain: Answer(503))
    how = Retrying(tries=1000, first_wait=30, longest_wait=30, patience=60, timeout=1)

    with serving(store), store.tree(how=how) as tree:
        tree.listing()
        tree.give_up()
        begun = time.monotonic()
        with pytest.raises(ReadError, match="503"):
            read(tree, "a")
        assert time.monotonic() - begun < 5


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals to send")
def test_an_interrupt_ends_the_waiting_in_a_storm() -> None:
    """Ctrl-C ends a command soon that waits for a store which is down."""
    store = HostileStore(FILES)
    store.fault = lambda asked, plain: plain if asked.query else Answer(503)
    with serving(store) as endpoint:
        process = subprocess.Popen(
            [*COMMAND, "sum", "--tree", "s3://bucket/data"],
            env=environment(AWS_ENDPOINT_URL=endpoint),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while len(store.asked) < 25 and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        out, _ = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, b"")
    assert time.monotonic() - begun < 8


def test_no_code_is_given_for_a_tree_with_an_unread_object() -> None:
    """The code of a tree is of all of its objects, or there is none."""
    store = HostileStore(FILES)
    store.fault = at("data/b", lambda _times, _plain: Answer(404))

    with serving(store), store.tree() as tree, pytest.raises(ReadError, match="b: it is not there"):
        tree_code(tree, kernel())


@pytest.mark.parametrize(
    ("scheme", "variables"),
    [
        ("gs", ("GOOGLE_BASE_URL",)),
        ("az", ("AZURE_ENDPOINT", "AZURE_STORAGE_ACCOUNT_NAME")),
    ],
)
def test_other_stores_are_read_without_a_secret(
    scheme: str, variables: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's and Azure's interfaces give the same tree; what breaks is taken up, or told."""
    store = HostileStore({**FILES, "data/x/": b"", "data/b%20#é": b"2"}, page_size=2)
    monkeypatch.setenv("HOME", str(tmp_path))
    broken = at("data/b", lambda n, plain: Answer(200, plain.body, plain.headers, 600_000 - n))
    with serving(store) as endpoint:
        for name in variables:
            monkeypatch.setenv(name, endpoint)
        with ObjectTree(object_address(f"{scheme}://bucket/data"), QUICK) as tree:
            listing = tree.listing()
            found = {f"data/{e.path}": read_all(tree, e) for e in listing.entries}
            store.fault = broken
            store.etags["data/a"] = '"another"'
            with pytest.raises(ReadError):
                read(tree, "b")
            with pytest.raises(ReadError, match="it changed"):
                read(tree, "a")

    assert found == {**FILES, "data/b%20#é": b"2"}
    assert listing.folders == ("x/",)
    assert not any("authorization" in asked.headers for asked in store.asked)


def test_a_listing_of_another_store_that_repeats_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the library lists twice is not believed."""
    store = HostileStore({"data/a": b"1", "data/a/": b"2"})
    monkeypatch.setenv("HOME", str(tmp_path))
    with serving(store) as endpoint:
        monkeypatch.setenv("GOOGLE_BASE_URL", endpoint)
        with (
            ObjectTree(object_address("gs://bucket/data"), QUICK) as tree,
            pytest.raises(ReadError, match="repeats itself"),
        ):
            tree.listing()
