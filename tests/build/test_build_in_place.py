"""A build in place writes two files at the root and leaves everything else alone."""

from pathlib import Path

import pytest
from build_support import (
    DAYS_LATER,
    MANIFEST,
    METADATA,
    NOW,
    PLAIN,
    ZARR,
    age,
    contents_of,
    crate_iscc,
    graph_of,
    ids_in,
    manifest_bytes,
    metadata_bytes,
    paths_below,
    state_of,
    write_tree,
)

from crate_iscc import InputError, UnreadPayloadError, Verdict, build, plan_build, verify
from crate_iscc.progress import Progress
from file_watch import WRITES, Watch, only_where_files_can_be_watched


@pytest.mark.parametrize(
    ("contents", "made"),
    [(PLAIN, {METADATA}), ({**PLAIN, **ZARR}, {METADATA, MANIFEST})],
    ids=["files", "files and a Zarr"],
)
def test_a_build_adds_the_metadata_and_for_a_container_the_manifest(
    tmp_path: Path, contents: dict[str, bytes], made: set[str]
) -> None:
    """Nothing else appears in the dataset, and nothing beside it."""
    dataset = write_tree(tmp_path / "study", contents)
    before = paths_below(tmp_path)

    crate_iscc("build", dataset, home=tmp_path / "home")

    appeared = {path for path in paths_below(tmp_path) - before if not path.startswith("home/")}
    assert appeared == {f"study/{name}" for name in made}
    assert before <= paths_below(tmp_path)


def test_payload_files_keep_their_bytes_times_and_inodes(tmp_path: Path) -> None:
    """A payload file after a build is the very file from before, down to its change time."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR, "hidden/.notes": b"x"})
    before = state_of(dataset)

    build(dataset, sha256=True)

    assert state_of(dataset) == before


@only_where_files_can_be_watched
def test_payload_files_are_opened_for_reading_only(tmp_path: Path) -> None:
    """The kernel sees no payload file opened for writing, not even without a write."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR})
    files = [place for place in dataset.rglob("*") if place.is_file()]

    with Watch(files) as watch:
        build(dataset)

    assert watch.seen.keys() == set(files)
    assert all(seen.isdisjoint(WRITES) for seen in watch.seen.values()), watch.seen


def test_a_second_build_leaves_the_metadata_byte_identical(tmp_path: Path) -> None:
    """Without a change nothing is written, whatever the time is by then."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR})
    build(dataset, now=NOW)
    before = state_of(dataset, without=frozenset())

    again = build(dataset, now=DAYS_LATER)

    assert again.changes == ()
    assert state_of(dataset, without=frozenset()) == before


def test_the_command_says_that_nothing_has_changed(tmp_path: Path) -> None:
    """A second build reports no file as written, as text and as JSON."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR})
    crate_iscc("build", dataset, home=tmp_path / "home")

    text = crate_iscc("build", dataset, home=tmp_path / "home", now=DAYS_LATER)
    report = crate_iscc("build", dataset, "--format", "json", home=tmp_path / "home")

    assert "unchanged" in text.stdout
    assert report.json["written"] == []


def test_what_a_build_makes_verifies(tmp_path: Path) -> None:
    """The recorded fingerprints are those of the payload."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR})

    build(dataset)

    report = verify(dataset)
    assert report.verdict is Verdict.VALID
    assert report.counts.match == len(PLAIN) + len(ZARR)


def test_the_number_of_threads_changes_nothing(tmp_path: Path) -> None:
    """One reader and eight give the same metadata and the same manifest."""
    files = {f"many/{number:03}.tif": bytes([number]) * 5000 for number in range(200)}
    results = []
    for jobs in (1, 8):
        dataset = write_tree(tmp_path / str(jobs) / "study", {**files, **ZARR})
        build(dataset, jobs=jobs, now=NOW)
        results.append((metadata_bytes(dataset), (dataset / MANIFEST).read_bytes()))

    assert results[0] == results[1]


def test_every_file_is_a_part_of_the_root(tmp_path: Path) -> None:
    """In a new crate the root has each file as its part; other files of the root go unlisted."""
    dataset = write_tree(
        tmp_path / "study",
        {**PLAIN, "ro-crate-preview.html": b"<p>", "ro-crate-preview_files/a.css": b""},
    )

    build(dataset)

    parts = ids_in(graph_of(dataset)["./"]["hasPart"])
    assert sorted(parts) == [
        "empty.txt",
        "notes/F\u00e4rbung%2050%25%20%233.txt",
        "raw/cell%201.tif",
        "raw/cell%202.tif",
    ]


def test_what_rocrate_requires_of_the_root_is_filled_in_and_noted(tmp_path: Path) -> None:
    """Name, description, date and licence are there without any option, each with a note."""
    dataset = write_tree(tmp_path / "study", PLAIN)

    ran = crate_iscc("build", dataset, "--format", "json", home=tmp_path / "home", now=NOW)

    root = graph_of(dataset)["./"]
    assert root["name"] == "study"
    assert root["description"]
    assert root["datePublished"] == "2026-01-02"
    assert root["license"] == {"@id": "#licence-not-stated"}
    notes = [item for item in ran.json["findings"] if item["id"] == "root.defaulted"]
    assert [note["severity"] for note in notes] == ["info"] * 4
    assert sorted(note["message"].partition(":")[0] for note in notes) == [
        "datePublished",
        "description",
        "license",
        "name",
    ]


@pytest.mark.parametrize("name", ["LICENSE", "LICENSE.txt", "LICENCE", "COPYING"])
def test_a_licence_file_is_the_default_licence(tmp_path: Path, name: str) -> None:
    """A dataset that brings its terms of reuse is described with them."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, name: b"CC0"})

    build(dataset)

    graph = graph_of(dataset)
    assert graph["./"]["license"] == {"@id": name}
    assert graph[name]["@type"] == "File"
    assert "#licence-not-stated" not in graph


def test_the_generator_names_itself_its_version_and_its_kernel(tmp_path: Path) -> None:
    """The graph says who computed the codes, from what, and when."""
    dataset = write_tree(tmp_path / "study", PLAIN)

    plan = build(dataset, now=NOW)

    graph = graph_of(dataset)
    (action,) = [entity for entity in graph.values() if entity["@type"] == "CreateAction"]
    assert action["object"] == {"@id": "./"}
    assert action["endTime"] == "2026-01-02T03:04:05Z"
    assert [graph[item]["@type"] for item in ids_in(action["result"])] == ["PropertyValue"] * 2
    software = graph[action["instrument"]["@id"]]
    assert software["@type"] == "SoftwareApplication"
    assert software["name"] == "crate-iscc"
    assert plan.kernel in software["description"]


def test_a_dry_run_writes_nothing_and_prints_the_difference_of_the_metadata(
    tmp_path: Path,
) -> None:
    """Applied with the patch command, the printed difference gives what a build writes."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR})
    build(dataset, now=NOW)
    (dataset / "raw" / "cell 3.tif").write_bytes(b"new")
    before = state_of(dataset, without=frozenset())

    ran = crate_iscc(
        "build", dataset, "--dry-run", "--name", "Cells", home=tmp_path / "home", now=DAYS_LATER
    )

    assert state_of(dataset, without=frozenset()) == before
    crate_iscc("build", dataset, "--name", "Cells", home=tmp_path / "home", now=DAYS_LATER)
    old = before[METADATA].content.decode()
    assert _patched(old, ran.stdout) == (dataset / METADATA).read_text(encoding="utf-8")


def _patched(text: str, difference: str) -> str:
    """Apply a unified difference to a text."""
    lines = text.splitlines()
    result: list[str] = []
    position = 0
    for line in difference.splitlines():
        kind, rest = line[:1], line[1:]
        if line.startswith(("--- ", "+++ ")):
            continue
        if kind == "@":
            start = int(rest.split("-")[1].split(",")[0].split()[0])
            result += lines[position : start - 1]
            position = start - 1
        elif kind == "+":
            result.append(rest)
        else:
            assert lines[position] == rest
            position += 1
            if kind == " ":
                result.append(rest)
    return "\n".join(result + lines[position:]) + "\n"


@pytest.mark.parametrize("out", [None, "new.zip", "new"])
def test_a_dry_run_leaves_no_trace_of_any_target(tmp_path: Path, out: str | None) -> None:
    """Nothing appears, in the dataset or at the target; JSON says that it was a dry run."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR})
    before = paths_below(tmp_path)
    target = ["-o", str(tmp_path / out)] if out else []

    ran = crate_iscc(
        "build", dataset, *target, "--dry-run", "--format", "json", home=tmp_path / "home"
    )

    assert {p for p in paths_below(tmp_path) if not p.startswith("home/")} == before
    assert ran.json["dry_run"] is True
    assert ran.json["written"] == ([out] if out else [METADATA, MANIFEST])


def test_a_file_that_changes_while_it_is_fingerprinted_stops_the_build(tmp_path: Path) -> None:
    """The file is named as unread, and nothing is written."""
    dataset = write_tree(tmp_path / "study", {"a.bin": bytes(24 << 20), "b.bin": b"before"})

    def change(_progress: Progress) -> None:
        (dataset / "b.bin").write_bytes(b"and after")

    with pytest.raises(UnreadPayloadError) as caught:
        build(dataset, jobs=1, progress=change)

    assert [item.path for item in caught.value.unread] == ["b.bin"]
    assert paths_below(dataset) == {"a.bin", "b.bin"}


def test_a_plan_holds_what_is_then_written(tmp_path: Path) -> None:
    """Planning writes nothing; the bytes of the plan are those that a build writes."""
    dataset = write_tree(tmp_path / "study", {**PLAIN, **ZARR})

    plan = plan_build(dataset, now=NOW)

    assert contents_of(dataset, without=frozenset()) == {**PLAIN, **ZARR}
    build(dataset, now=NOW)
    assert metadata_bytes(dataset) == plan.metadata
    assert (dataset / MANIFEST).read_bytes() == manifest_bytes(plan)


@pytest.mark.parametrize(
    "contents",
    [{}, {"empty/": b""}, {"ro-crate-preview.html": b"x"}],
    ids=["nothing", "an empty folder", "a preview alone"],
)
def test_a_dataset_without_a_payload_file_is_refused(
    tmp_path: Path, contents: dict[str, bytes]
) -> None:
    """There is nothing to fingerprint, so there is no crate."""
    dataset = write_tree(tmp_path / "study", contents)

    with pytest.raises(InputError, match="nothing to fingerprint"):
        build(dataset)

    assert not (dataset / METADATA).exists()


def test_the_path_of_the_metadata_stands_for_its_folder(tmp_path: Path) -> None:
    """Naming ro-crate-metadata.json builds the dataset that it describes."""
    dataset = write_tree(tmp_path / "study", PLAIN)
    build(dataset, now=NOW)
    (dataset / "new.txt").write_bytes(b"new")

    build(dataset / METADATA)

    assert "new.txt" in graph_of(dataset)


def test_a_new_metadata_file_has_ordinary_permissions_and_a_replaced_one_keeps_its_own(
    tmp_path: Path,
) -> None:
    """Others can read what was built as they can read any new file."""
    dataset = write_tree(tmp_path / "study", PLAIN)
    ordinary = dataset / "ordinary"
    ordinary.touch()

    build(dataset)
    made = (dataset / METADATA).stat().st_mode
    (dataset / METADATA).chmod(0o640)
    build(dataset, name="Another name")

    assert made == ordinary.stat().st_mode
    assert (dataset / METADATA).stat().st_mode & 0o777 == 0o640


def test_modification_times_of_payload_files_are_no_part_of_the_metadata(tmp_path: Path) -> None:
    """The same bytes with other times give the same crate."""
    one = write_tree(tmp_path / "1" / "study", {**PLAIN, **ZARR})
    two = write_tree(tmp_path / "2" / "study", dict(reversed({**PLAIN, **ZARR}.items())))
    age(two)

    build(one, now=NOW)
    build(two, now=NOW)

    assert metadata_bytes(one) == metadata_bytes(two)
