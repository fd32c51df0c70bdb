"""An index says what is where, whoever reads or writes it, and refuses what is none."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import iscc_core
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.cli_kit import COMMAND, environment, error_of, run
from crate_iscc import (
    InputError,
    WriteError,
    build,
    index_add,
    index_export,
    index_list,
    index_remove,
    index_search,
)
from crate_iscc.codes import Fingerprint
from crate_iscc.index.schema import BLOCK
from crate_iscc.index.storage import Index
from crate_iscc.matching.indexing import Exported
from crate_iscc.similarity.members import Gathered, Member
from similarity.conftest import write
from similarity.test_similar_command import valid
from web.web_kit import Site, serving


@pytest.fixture
def index(tmp_path: Path) -> Path:
    return tmp_path / "index.sqlite"


def found(index: Path, what: str | Path) -> tuple[list[str], list[str]]:
    """Return the paths of what is the same and of what is near."""
    answer = index_search(index, str(what))
    exact, near = ([hit.member.path for hit in hits] for hits in (answer.exact, answer.near))
    return exact, near


def synthetic(count: int, width: int = 32, seed: int = 1, place: str = "/made") -> Gathered:
    """Return a source of files that exist nowhere."""
    random = Random(seed)
    members = tuple(
        Member(place, f"f{number}", number, random.randbytes(width), random.randbytes(32))
        for number in range(count)
    )
    return Gathered(place, False, members, place=place)


def test_a_file_is_found_by_its_bytes_and_by_those_it_shares(crate: Path, index: Path) -> None:
    index_add(index, [crate])

    assert found(index, crate / "a.bin") == (["a.bin", "deep/copy of a.bin"], ["b.bin"])


@pytest.mark.parametrize("kind", ["iscc", "narrow", "datahash", "data", "instance"])
def test_a_code_is_found_as_its_file_is(crate: Path, index: Path, kind: str) -> None:
    """A datahash and an Instance-Code say nothing of what is near; a Data-Code nothing of more."""
    index_add(index, [crate])
    listed = json.loads(run("sum", "--format", "json", crate / "a.bin").out)[0]
    listed |= {"data": listed["units"][0], "instance": listed["units"][1]}

    exact, near = found(index, listed[kind])

    same = ["a.bin", "deep/copy of a.bin"]
    assert (exact, near) == {
        "datahash": (same, []),
        "instance": (same, []),
        "data": ([], [*same, "b.bin"]),
    }.get(kind, (same, ["b.bin"]))


def test_a_crate_that_is_added_again_takes_the_place_of_what_was_there(
    crate: Path, index: Path, contents: dict[str, bytes]
) -> None:
    index_add(index, [crate])
    before = index_list(index)
    (again,) = index_add(index, [crate])
    assert again.replaced
    assert [one.members for one in index_list(index)] == [one.members for one in before]

    (crate / "b.bin").write_bytes(contents["small"])
    build(crate)
    index_add(index, [crate])

    assert found(index, crate / "a.bin") == (["a.bin", "deep/copy of a.bin"], [])
    assert found(index, crate / "b.bin") == (["b.bin"], [])


def test_a_crate_is_known_by_its_place_however_it_is_named(crate: Path, index: Path) -> None:
    index_add(index, [crate])
    (crate.parent / "link").symlink_to(crate.name)

    (again,) = index_add(index, [crate.parent / "link" / "ro-crate-metadata.json"])

    assert again.replaced
    (one,) = index_list(index)
    assert (one.place, one.name) == (str(crate.resolve()), "Crate")
    assert one.recorded


def test_a_crate_on_the_web_is_known_by_its_address(folder: Path, index: Path) -> None:
    """Its place is no path of this computer; what it records is taken, and no file is fetched."""
    build(folder, folder.parent / "crate.zip", name="Crate", licence="CC0-1.0")
    raw = (folder.parent / "crate.zip").read_bytes()
    with serving(Site({"crate.zip": raw})) as site:
        address = site.url("crate.zip")
        index_add(index, [address])
        (again,) = index_add(index, [address])

    assert again.replaced
    assert [one.place for one in index_list(index)] == [address]
    assert found(index, folder / "a.bin") == (["a.bin", "deep/copy of a.bin"], ["b.bin"])
    assert index_remove(index, address).place == address


@pytest.mark.parametrize("by", ["path", "name"])
def test_a_crate_that_is_gone_can_be_removed(crate: Path, index: Path, by: str) -> None:
    other = shutil.copytree(crate, crate.parent / "other")
    build(other, name="Other")
    index_add(index, [crate, other])
    shutil.rmtree(crate)

    removed = index_remove(index, str(crate) if by == "path" else "Crate")

    assert removed.place == str(crate)
    assert [one.place for one in index_list(index)] == [str(other)]
    assert found(index, other / "a.bin") == (["a.bin", "deep/copy of a.bin"], ["b.bin"])


def test_what_several_crates_are_called_is_not_enough_to_remove_one(
    crate: Path, index: Path
) -> None:
    other = shutil.copytree(crate, crate.parent / "other")
    index_add(index, [crate, other])

    with pytest.raises(InputError, match="several crates are called Crate"):
        index_remove(index, "Crate")
    with pytest.raises(InputError, match="is not in the index"):
        index_remove(index, "nobody")
    assert len(index_list(index)) == 2


def test_a_search_goes_through_blocks_of_any_number_and_width(index: Path) -> None:
    """What is found does not depend on how the codes are laid out: one by one gives the same."""
    some = [synthetic(BLOCK + 3), synthetic(50, 16, 2, "/b"), synthetic(7, 8, 3, "/c")]
    with Index.writing(index) as opened:
        for each in some:
            opened.add(each, now="2026-01-01T00:00:00Z")
    wanted = some[0].members[BLOCK + 1].data

    with Index.reading(index) as opened:
        limits = {32: 100, 16: 50, 8: 25}
        hits, count = opened.near(wanted, limits, 1000)

    expected = sorted(
        (bits / (8 * width), each.place, member.path)
        for each in some
        for member in each.members
        if (width := len(member.data))
        and (bits := distance(member.data, wanted[:width])) <= limits[width]
    )
    assert count == len(expected) > 10
    assert (
        sorted(
            (hit.distance.bits / hit.distance.of, hit.crate.place, hit.member.path)
            for hit in hits
            if hit.distance
        )
        == expected
    )
    assert hits[0].member.path == f"f{BLOCK + 1}"


def distance(one: bytes, two: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).bit_count()


def test_the_nearest_are_named_and_the_others_counted(index: Path) -> None:
    some = synthetic(500)
    with Index.writing(index) as opened:
        opened.add(some, now="2026-01-01T00:00:00Z")
    with Index.reading(index) as opened:
        hits, count = opened.near(some.members[9].data, {32: 256}, 3)

    assert (hits[0].member.path, count) == ("f9", 500)
    nearest = sorted(distance(m.data, some.members[9].data) for m in some.members)[:3]
    assert [hit.distance.bits for hit in hits if hit.distance] == nearest


@given(
    st.binary(min_size=32, max_size=32),
    st.sampled_from((8, 12, 16, 28, 32)),
    st.sampled_from((4, 8, 12, 16, 28, 32)),
)
def test_digests_are_found_as_far_as_both_are_known(digest: bytes, stored: int, asked: int) -> None:
    """From 64 bits on; fewer are no evidence of anything."""
    with Index(sqlite3.connect(":memory:", isolation_level=None), Path("memory")) as opened:
        opened._make()
        others = (bytes(digest[:7]) + bytes([digest[7] ^ 1]) + digest[8:], b"\xff" * 32)
        members = [Member("/", "wanted", 1, b"", digest[:stored])]
        members += [Member("/", "other", 1, b"", other) for other in others if other != digest]
        opened.add(Gathered("/", False, tuple(members), place="/"), now="")

        hits = [hit.member.path for hit in opened.same(digest[:asked])]

    assert hits == (["wanted"] if asked >= 8 else [])


def test_the_threshold_holds_even_if_everything_were_asked_for(index: Path) -> None:
    with Index.writing(index) as opened:
        opened.add(synthetic(3000), now="2026-01-01T00:00:00Z")

    answer = index_search(index, "ISCC:GADQ" + "A" * 51)

    (limit,) = answer.thresholds
    assert (limit.bits, limit.pairs) == (80, 3000)
    assert (answer.exact, answer.near, answer.searched) == ((), (), 3000)


@pytest.mark.parametrize("what", ["nobody.tif", "ISCC:KAA", "1e20ff", ""])
def test_what_is_neither_a_file_nor_a_code_is_refused(crate: Path, index: Path, what: str) -> None:
    index_add(index, [crate])

    with pytest.raises(InputError):
        index_search(index, what)


NO_INDEX: dict[str, bytes | None] = {
    "text": b"not a database, but long enough to be looked at as one" * 40,
    "short": b"x",
    "half": None,
}


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *(("add", kind) for kind in NO_INDEX),
        *(("list", kind) for kind in NO_INDEX),
        *((command, "text") for command in ("search", "remove", "export")),
    ],
)
def test_a_file_that_is_no_index_is_refused_and_left_as_it_is(
    crate: Path, index: Path, kind: str, command: str
) -> None:
    raw = NO_INDEX[kind] or b"SQLite format 3\0" + bytes(600)
    index.write_bytes(raw)
    words = {"add": [str(crate)], "remove": ["x"], "search": [str(crate / "a.bin")]}

    outcome = run("index", command, *words.get(command, []), "--index", index)

    assert outcome.code == 2
    error_of(outcome)
    assert index.read_bytes() == raw


def test_the_database_of_another_program_is_refused(crate: Path, index: Path) -> None:
    with sqlite3.connect(index) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()
    before = index.read_bytes()

    for action in (lambda: index_add(index, [crate]), lambda: index_list(index)):
        with pytest.raises(InputError, match="no index of crate-iscc"):
            action()
    assert index.read_bytes() == before


def test_an_index_of_a_later_version_is_refused(crate: Path, index: Path) -> None:
    index_add(index, [crate])
    with sqlite3.connect(index) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()

    with pytest.raises(InputError, match="index of version 99") as error:
        index_list(index)
    assert error.value.hint == "use a newer crate-iscc"


def test_a_damaged_index_is_said_to_be_damaged(index: Path) -> None:
    with Index.writing(index) as opened:
        opened.add(synthetic(4000), now="2026-01-01T00:00:00Z")
    raw = bytearray(index.read_bytes())
    raw[16384 : len(raw)] = b"\xaa" * (len(raw) - 16384)
    index.write_bytes(raw)

    outcome = run("index", "list", "--index", index)

    assert outcome.code == 2
    assert "damaged" in error_of(outcome)


DAMAGE = {
    "codes cut short": "UPDATE blocks SET codes = substr(codes, 1, 100)",
    "no width": "UPDATE blocks SET width = 0",
    "members gone": "DELETE FROM members",
    "crate gone": "UPDATE blocks SET crate = 7",
    "text for bytes": "UPDATE blocks SET codes = 'text'",
    "a table gone": "DROP TABLE members",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_tables_that_contradict_each_other_are_damage_and_no_traceback(
    index: Path, damage: str
) -> None:
    some = synthetic(40)
    with Index.writing(index) as opened:
        opened.add(some, now="2026-01-01T00:00:00Z")
    with sqlite3.connect(index) as other:
        other.execute(DAMAGE[damage])
    other.close()

    wanted = Fingerprint(data=some.members[3].data, instance=bytes(32))
    with pytest.raises(InputError, match="is damaged"):
        index_search(index, wanted.units_as_known()[0])


def test_members_keep_their_own_codes_also_where_some_have_none(index: Path) -> None:
    members = (
        Member("/s", "a", 1, b"\1" * 32, b"a" * 32),
        Member("/s", "none", 1, b"", b"n" * 32),
        Member("/s", "b", 1, b"\2" * 16, b"b" * 32),
        Member("/s", "c", 1, b"\3" * 32, b"c" * 32),
    )
    with Index.writing(index) as opened:
        opened.add(Gathered("/s", False, members, place="/s"), now="2026-01-01T00:00:00Z")
        (crate,) = opened.crates()

        stored = {member.path: member.data for member in opened.members(crate)}
        assert stored == {member.path: member.data for member in members}
        for member in members[:1] + members[2:]:
            hits, _ = opened.near(member.data, {16: 0, 32: 0}, 5)
            assert [hit.member.path for hit in hits] == [member.path]


def test_a_missing_index_is_made_by_add_alone(crate: Path, index: Path) -> None:
    place = index.parent / "new folder" / "index.sqlite"

    outcome = run("index", "list", "--index", place)

    assert outcome.code == 2
    assert "hint: crate-iscc index add" in error_of(outcome)
    assert not place.exists()
    index_add(place, [crate])
    assert len(index_list(place)) == 1


def test_an_empty_file_is_an_index_with_nothing_in_it(index: Path) -> None:
    """A writer that is killed before it has written anything leaves one."""
    index.touch()

    assert index_list(index) == ()
    assert index_search(index, "ISCC:GADQ" + "A" * 51).searched == 0


def test_a_source_of_which_nothing_is_known_is_refused(tmp_path: Path, index: Path) -> None:
    with pytest.raises(InputError, match="can be found again"):
        index_add(index, [write(tmp_path / "empty", {"a": b""})])
    assert index_list(index) == ()


def test_a_crate_without_codes_for_some_files_says_how_many_were_left_out(
    crate: Path, index: Path
) -> None:
    (crate / "later").write_bytes(b"later")

    outcome = run("index", "add", crate, "--index", index)

    assert outcome.code == 3
    assert "1 file without a recorded code" in outcome.err
    assert index_list(index)[0].left_out == 1


def test_the_commands_say_what_they_did(crate: Path, index: Path) -> None:
    env = {"CRATE_ISCC_INDEX": str(index)}
    added = run("index", "add", crate, env=env)
    listed = run("index", "list", env=env)
    searched = run("index", "search", crate / "a.bin", env=env)
    removed = run("index", "remove", crate, env=env)

    assert {outcome.code for outcome in (added, listed, searched, removed)} == {0}
    assert added.lines == [
        f"added {crate}: 4 files, as the crate records them, not checked",
        f"index: {index}",
    ]
    assert listed.lines[0] == str(crate)
    assert listed.lines[-1] == f"{index}: 1 crate, 4 files"
    assert searched.lines == [
        f"exact  {crate}/a.bin",
        f"exact  {crate}/deep/copy of a.bin",
        f"near   {crate}/b.bin  {searched.lines[2].partition('b.bin  ')[2]}",
        "",
        f"{crate}/a.bin: 2 exact, 1 near, among 4 files",
        "threshold: 40 of 128 bits; among 4 codes, 5.3e-05 are expected there by chance",
    ]
    assert removed.lines == [f"removed {crate}: 4 files"]


def test_search_and_list_follow_the_schema(crate: Path, index: Path) -> None:
    index_add(index, [crate])
    words = ["--format", "json", "--index", str(index)]

    searched = valid(run("index", "search", str(crate / "a.bin"), *words).out)
    listed = valid(run("index", "list", *words).out)

    assert [hit["path"] for hit in searched["exact"]] == ["a.bin", "deep/copy of a.bin"]
    assert searched["near"][0]["distance"]["of"] == 128
    assert [one["place"] for one in listed["crates"]] == [str(crate)]


def test_without_a_name_the_index_is_that_of_the_user(crate: Path, tmp_path: Path) -> None:
    outcome = run("index", "add", crate, env={"XDG_DATA_HOME": str(tmp_path / "data")})

    assert outcome.code == 0
    assert (tmp_path / "data" / "crate-iscc" / "index.sqlite").is_file()


# --- Export -----------------------------------------------------------------------------------


def test_entries_for_iscc_search_hold_the_codes_and_a_synthetic_id(
    folder: Path, index: Path
) -> None:
    index_add(index, [folder])

    lines = run("index", "export", "--index", index).lines

    entries = {entry["metadata"]["name"]: entry for entry in map(json.loads, lines)}
    listed = json.loads(run("sum", "--format", "json", folder / "a.bin").out)[0]
    entry = entries["a.bin"]
    assert (entry["iscc_code"], entry["units"]) == (listed["iscc"], listed["units"])
    assert entry["metadata"]["datahash"] == listed["datahash"]
    assert entry["metadata"]["synthetic_iscc_id"] is True
    assert len({entry["iscc_id"] for entry in entries.values()}) == len(entries) == 4


def test_synthetic_ids_are_valid_those_of_the_test_realm_and_always_the_same(
    folder: Path, index: Path
) -> None:
    """As iscc-core explains them; in a time that fits into the signed integers of iscc-search."""
    index_add(index, [folder])
    first = [entry.iscc_id for entry in index_export(index) if isinstance(entry, Exported)]
    index_remove(index, str(folder))
    index_add(index, [folder])

    assert [e.iscc_id for e in index_export(index) if isinstance(e, Exported)] == first
    for iscc_id in first:
        assert iscc_core.iscc_explain(iscc_id).startswith("ID-REALM_0-V1-64-")
        body = iscc_core.iscc_decode(iscc_id)[4]
        assert int.from_bytes(body, "big") < 1 << 63
        assert int.from_bytes(body, "big") & 0xFFF == 4095


def test_the_entries_of_a_crate_have_the_codes_that_it_records(crate: Path, index: Path) -> None:
    """128 bits of the Data-Code and the whole Instance-Code, each a unit of its own length."""
    index_add(index, [crate])

    for entry in index_export(index):
        assert isinstance(entry, Exported)
        assert entry.units[0].startswith("ISCC:GAB")
        assert entry.units[1].startswith("ISCC:IAD")
        for unit in entry.units:
            assert iscc_core.iscc_validate(unit)


def test_a_file_for_each_entry_is_what_the_command_of_iscc_search_reads(
    crate: Path, index: Path, tmp_path: Path
) -> None:
    index_add(index, [crate])
    out = tmp_path / "entries"

    first = run("index", "export", "--index", index, "--folder", out)
    again = run("index", "export", "--index", index, "--folder", out)

    assert (first.code, again.code) == (0, 2)
    names = sorted(place.name for place in out.iterdir())
    assert len(names) == 4
    assert all(name.startswith("MAI") and name.endswith(".iscc.json") for name in names)


@pytest.mark.deep
def test_iscc_search_itself_takes_the_export_and_finds_in_it(
    folder: Path, index: Path, tmp_path: Path
) -> None:
    """CRATE_ISCC_SEARCH_PYTHON names the Python of an environment with iscc-search: 411 MB."""
    python = os.environ.get("CRATE_ISCC_SEARCH_PYTHON")
    if not python:
        pytest.skip("CRATE_ISCC_SEARCH_PYTHON names no Python with iscc-search")
    index_add(index, [folder])
    lines = tmp_path / "entries.jsonl"
    assert run("index", "export", "--index", index, "-o", lines).code == 0
    script = tmp_path / "search.py"
    script.write_text(
        "import json, sys\n"
        "from iscc_search.options import get_index\n"
        "from iscc_search.schema import IsccEntry, IsccIndex, IsccQuery\n"
        "index = get_index()\n"
        "index.create_index(IsccIndex(name='crates'))\n"
        "entries = [IsccEntry(**json.loads(line)) for line in open(sys.argv[1])]\n"
        "added = index.add_assets('crates', entries)\n"
        "one = next(e for e in entries if e.metadata['name'] == 'a.bin')\n"
        "found = index.search_assets('crates', IsccQuery(units=one.units), limit=9)\n"
        "names = [index.get_asset('crates', m.iscc_id).metadata for m in found.global_matches]\n"
        "names = [n['name'] if isinstance(n, dict) else n.name for n in names]\n"
        "print(json.dumps([[str(a.status) for a in added], sorted(names)]))\n",
        encoding="utf-8",
    )
    for uri in ("memory://", f"lmdb:///{tmp_path}/lmdb", f"usearch:///{tmp_path}/usearch"):
        done = subprocess.run(
            [python, script, lines],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": "", "ISCC_SEARCH_INDEX_URI": uri},
        )
        assert done.returncode == 0, done.stderr
        statuses, names = json.loads(done.stdout.splitlines()[-1])
        assert statuses == ["created"] * 4
        assert {"a.bin", "deep/copy of a.bin"} <= set(names)


# --- Several processes ------------------------------------------------------------------------


@pytest.fixture
def many(index: Path) -> Path:
    """Return an index that holds something."""
    with Index.writing(index) as opened:
        opened.add(synthetic(2000), now="2026-01-01T00:00:00Z")
    return index


def test_while_one_process_writes_others_read_what_was_there(many: Path) -> None:
    """A change is seen when it is whole: until then there is what was there before it."""
    with Index.writing(many) as writer:
        writer._connection.execute("BEGIN IMMEDIATE")
        writer._drop(b"/made")

        with Index.reading(many) as reader:
            assert reader.count() == 2000
        writer._connection.execute("ROLLBACK")


def test_a_search_sees_one_moment_of_the_index(many: Path) -> None:
    with Index.reading(many) as reader, reader.snapshot():
        assert reader.count() == 2000
        with Index.writing(many, wait=0) as writer, pytest.raises(WriteError, match="in use"):
            writer.add(synthetic(10), now="2026-01-01T00:00:00Z")
        assert reader.count() == 2000


def test_writers_wait_for_each_other(index: Path) -> None:
    """Four processes add a source each to a new index at once: all of them are in it."""
    script = (
        "import sys; from pathlib import Path; from similarity.test_index import synthetic;"
        "from crate_iscc.index.storage import Index\n"
        "number = int(sys.argv[2])\n"
        "with Index.writing(Path(sys.argv[1])) as index:\n"
        "    index.add(synthetic(200, seed=number, place=f'/{number}'), now='')\n"
    )
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])

    def add(number: int) -> int:
        command = [sys.executable, "-c", script, str(index), str(number)]
        return subprocess.run(command, env=environment(PYTHONPATH=path), check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(add, range(4))) == [0] * 4
    assert {one.place for one in index_list(index)} == {f"/{number}" for number in range(4)}


def test_a_busy_index_is_an_error_with_a_hint_and_never_a_hang(many: Path) -> None:
    with Index.writing(many) as writer:
        writer._connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(WriteError, match="in use"), Index.reading(many, wait=0.1) as reader:
            reader.count()
        writer._connection.execute("ROLLBACK")


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_an_add_that_is_killed_leaves_the_index_as_it_was(
    tmp_path: Path, many: Path, share: float
) -> None:
    """After a kill -9 amid a write, all that was there before is there, and another add works."""
    script = (
        "import os, signal, sys, threading, time; from pathlib import Path\n"
        "from similarity.test_index import synthetic\n"
        "from crate_iscc.index.storage import Index\n"
        "made = synthetic(20000, seed=9)\n"
        "share = float(sys.argv[2])\n"
        "class Deadly(tuple):\n"
        "    def __iter__(self):\n"
        "        for number, one in enumerate(tuple.__iter__(self)):\n"
        "            if number == int(share * len(self)):\n"
        "                os.kill(os.getpid(), signal.SIGKILL)\n"
        "            yield one\n"
        "with Index.writing(Path(sys.argv[1])) as index:\n"
        "    c = index._connection\n"
        "    c.execute('BEGIN IMMEDIATE'); index._drop(b'/made')\n"
        "    c.execute('PRAGMA cache_spill = ON'); c.execute('PRAGMA cache_size = 5')\n"
        "    c.executemany('INSERT INTO members VALUES (1, ?, ?, ?, ?)',\n"
        "      ((n, m.path, m.size, m.identity) for n, m in enumerate(Deadly(made.members))))\n"
    )
    tests = str(Path(__file__).parents[1])
    path = os.pathsep.join([tests, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-c", script, str(many), str(share)]

    killed = subprocess.run(command, env=environment(PYTHONPATH=path), check=False)

    assert killed.returncode == -9
    assert many.with_name(many.name + "-journal").exists(), "it was killed before it wrote"
    with Index.reading(many) as opened:
        wanted = synthetic(2000).members[77]
        assert opened.count() == 2000
        hits, _ = opened.near(wanted.data, {32: 0}, 5)
        assert [hit.member.path for hit in hits] == ["f77"]
        assert opened._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    with Index.writing(many) as opened:
        opened.add(synthetic(100, seed=5), now="2026-01-02T00:00:00Z")
        assert opened.count() == 100


@pytest.mark.deep
def test_a_command_that_is_killed_at_any_time_leaves_all_or_nothing(
    tmp_path: Path, index: Path
) -> None:
    """The real command over thousands of files, killed after ever longer times."""
    source = write(tmp_path / "source", {f"{n:05d}": b"%d" % n for n in range(3000)})
    small = write(tmp_path / "small", {"a": b"a"})
    index_add(index, [small])
    states: set[int] = set()
    for step in range(40):
        child = subprocess.Popen(
            [*COMMAND, "index", "add", "--no-cache", str(source), "--index", str(index)],
            env=environment(),
            stdout=subprocess.DEVNULL,
        )
        try:
            child.wait(timeout=0.1 + 0.03 * step)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        counts = {one.place: one.members for one in index_list(index)}
        assert counts[str(small)] == 1
        assert counts.get(str(source), 0) in (0, 3000)
        states.add(counts.get(str(source), 0))
        if str(source) in counts:
            index_remove(index, str(source))
    assert states == {0, 3000}


def test_names_that_are_no_unicode_are_kept(tmp_path: Path, index: Path) -> None:
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        write(place, {"a": b"a"})
    except OSError:
        pytest.skip("this file system takes Unicode only")

    index_add(index, [place])

    (one,) = index_list(index)
    assert one.place == str(place)
    assert run("index", "list", "--index", index).code == 0
    assert run("index", "export", "--index", index).code == 0
    assert index_remove(index, str(place)).place == str(place)


def test_any_result_of_a_search_is_json(crate: Path, index: Path) -> None:
    """Also the error, where JSON was asked for."""
    outcome = run("index", "search", "nothing", "--index", index, "--format", "json")

    value: Any = json.loads(outcome.out)
    assert outcome.code == 2
    assert value["error"]["hint"]
