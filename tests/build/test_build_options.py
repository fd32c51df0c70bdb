"""What the options of build put into the crate."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from build_support import (
    DAYS_LATER,
    MANIFEST,
    METADATA,
    PLAIN,
    ZARR,
    crate_iscc,
    graph_of,
    ids_in,
    metadata_bytes,
    paths_below,
    write_tree,
)

from crate_iscc import InputError, Verdict, build, fingerprint, verify
from crate_iscc.manifest import parse_manifest_line


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Return a dataset without a crate."""
    return write_tree(tmp_path / "study", PLAIN)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder for the command's cache."""
    return tmp_path / "home"


# --- the description ---------------------------------------------------------------------------


def test_what_is_given_stands_in_the_root_and_is_not_noted(dataset: Path, home: Path) -> None:
    """Name, description and licence come from the options; only the date is defaulted."""
    ran = crate_iscc(
        "build", dataset, "--name", "Cells \u00e9", "--description", "HeLa, fixed.",
        "--license", "CC-BY-4.0", "--format", "json", home=home,
    )  # fmt: skip

    root = graph_of(dataset)["./"]
    assert root["name"] == "Cells \u00e9"
    assert root["description"] == "HeLa, fixed."
    notes = [item["message"] for item in ran.json["findings"]]
    assert [note.partition(":")[0] for note in notes] == ["datePublished"]


def test_the_text_report_names_each_default(dataset: Path, home: Path) -> None:
    """A user sees what was filled in, and with what."""
    ran = crate_iscc("build", dataset, "--license", "CC0-1.0", home=home)

    defaults = [line.split()[1] for line in ran.stdout.splitlines() if "default " in line]
    assert defaults == ["name:", "description:", "datePublished:"]


def test_what_is_given_later_replaces_what_was_there(dataset: Path, home: Path) -> None:
    """The second build changes the name and the licence; the rest of the root stays."""
    crate_iscc("build", dataset, "--name", "One", "--author", "Ada Lovelace", home=home)
    before = graph_of(dataset)["./"]

    crate_iscc("build", dataset, "--name", "Two", "--license", "MIT", home=home, now=DAYS_LATER)

    after = graph_of(dataset)["./"]
    assert after["name"] == "Two"
    assert after["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    unchanged = after.keys() - {"name", "license"}
    assert {key: after[key] for key in unchanged} == {key: before[key] for key in unchanged}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("CC-BY-4.0", "https://spdx.org/licenses/CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by/4.0/",) * 2,
        ("http://example.org/terms",) * 2,
    ],
)
@pytest.mark.parametrize("option", ["--license", "--licence"])
def test_a_licence_is_an_spdx_identifier_or_a_url(
    dataset: Path, home: Path, option: str, given: str, expected: str
) -> None:
    """The root points to an entity with the licence's address, which has a name."""
    crate_iscc("build", dataset, option, given, home=home)

    graph = graph_of(dataset)
    assert graph["./"]["license"] == {"@id": expected}
    assert graph[expected]["@type"] == "CreativeWork"
    assert graph[expected]["name"] == given


def test_a_licence_can_be_a_file_of_the_dataset(dataset: Path) -> None:
    """The file is referred to, not taken for the name of an SPDX licence."""
    (dataset / "TERMS.txt").write_bytes(b"Ask us.")

    build(dataset, licence="TERMS.txt")

    assert graph_of(dataset)["./"]["license"] == {"@id": "TERMS.txt"}


@pytest.mark.parametrize("given", ["CC BY 4.0", "free to use", "a/b"])
def test_what_is_no_licence_is_refused(dataset: Path, home: Path, given: str) -> None:
    """Free text would make a wrong address; nothing is written."""
    ran = crate_iscc("build", dataset, "--license", given, home=home, expect=2)

    assert ran.stderr.startswith(f"error: not a licence: {given}\n")
    assert "hint: " in ran.stderr
    assert not (dataset / METADATA).exists()


ORCID = "https://orcid.org/0000-0002-1825-0097"


@pytest.mark.parametrize(
    ("given", "person"),
    [
        ("Ada Lovelace", {"@id": "#person-Ada%20Lovelace", "name": "Ada Lovelace"}),
        ("0000-0002-1825-0097", {"@id": ORCID, "name": ORCID}),
        (ORCID, {"@id": ORCID, "name": ORCID}),
        ("Ada Lovelace 0000-0002-1825-0097", {"@id": ORCID, "name": "Ada Lovelace"}),
        ("0000-0002-1825-0097 Ada Lovelace", {"@id": ORCID, "name": "Ada Lovelace"}),
        (f"Ada Lovelace <{ORCID}>", {"@id": ORCID, "name": "Ada Lovelace"}),
        (
            "Zo\u00eb (0000-0002-1694-233x)",
            {"@id": "https://orcid.org/0000-0002-1694-233X", "name": "Zo\u00eb"},
        ),
        (
            "Anne-Marie-Lou-Beth",
            {"@id": "#person-Anne-Marie-Lou-Beth", "name": "Anne-Marie-Lou-Beth"},
        ),
    ],
)
def test_an_author_is_a_name_an_orcid_or_both(
    dataset: Path, given: str, person: dict[str, str]
) -> None:
    """The root points to a Person whose id is the ORCID where there is one."""
    build(dataset, authors=[given])

    graph = graph_of(dataset)
    assert graph["./"]["author"] == {"@id": person["@id"]}
    assert graph[person["@id"]] == {"@type": "Person", **person}


def test_several_authors_keep_their_order(dataset: Path, home: Path) -> None:
    """The option can be repeated."""
    crate_iscc(
        "build", dataset, "--author", "Rosalind Franklin", "--author", f"Ada {ORCID}", home=home
    )

    root = graph_of(dataset)["./"]
    assert ids_in(root["author"]) == ["#person-Rosalind%20Franklin", ORCID]


@pytest.mark.parametrize(
    "given",
    ["0000-0002-1825-0098", "Ada 0000-0002-1825-009X", "https://orcid.org/0000-0000-0000-0000"],
)
def test_an_orcid_with_a_wrong_check_digit_is_refused(
    dataset: Path, home: Path, given: str
) -> None:
    """A typing error would name another person; nothing is written."""
    ran = crate_iscc("build", dataset, "--author", given, home=home, expect=2)

    assert ran.stderr.startswith("error: not an ORCID: ")
    assert "check digit" in ran.stderr
    assert not (dataset / METADATA).exists()


@pytest.mark.parametrize("option", ["--name", "--description", "--author"])
def test_an_empty_text_is_refused(dataset: Path, home: Path, option: str) -> None:
    """RO-Crate requires these to say something."""
    crate_iscc("build", dataset, option, "", home=home, expect=2)

    assert not (dataset / METADATA).exists()


# --- containers --------------------------------------------------------------------------------


def test_a_folder_named_with_container_is_one_dataset(dataset: Path, home: Path) -> None:
    """It has the codes of a container, and its files are lines of the manifest alone."""
    crate_iscc("build", dataset, "--container", "raw", home=home)

    graph = graph_of(dataset)
    raw = graph["raw/"]
    assert raw["@type"] == "Dataset"
    assert raw["fileCount"] == 2
    assert int(raw["contentSize"]) == sum(len(PLAIN[f"raw/cell {n}.tif"]) for n in (1, 2))
    assert [graph[item]["@type"] for item in ids_in(raw["identifier"])] == ["PropertyValue"] * 2
    assert not [
        entity_id for entity_id in graph if entity_id.startswith("raw/") and "cell" in entity_id
    ]
    assert "raw/cell 1.tif\t" in (dataset / MANIFEST).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("patterns", "containers"),
    [
        (["plates/*"], ["plates/a/", "plates/b/"]),
        (["plates/"], ["plates/"]),
        (["b"], ["plates/b/"]),
        (["**/a", "raw"], ["plates/a/", "raw/"]),
    ],
)
def test_container_takes_patterns_in_the_syntax_of_gitignore(
    dataset: Path, patterns: list[str], containers: list[str]
) -> None:
    """A pattern can name many folders, and the option can be repeated."""
    write_tree(dataset, {"plates/a/1.tif": b"1", "plates/b/2/3.tif": b"3"})

    plan = build(dataset, containers=patterns)

    assert [tree.path for tree in plan.manifest.containers] == containers


def test_a_container_stays_one_without_the_option(dataset: Path, home: Path) -> None:
    """The next build finds it in the crate, and changes nothing."""
    crate_iscc("build", dataset, "--container", "raw", home=home)
    before = metadata_bytes(dataset)

    crate_iscc("build", dataset, home=home, now=DAYS_LATER)

    assert metadata_bytes(dataset) == before


def test_a_folder_that_becomes_a_container_has_no_entity_for_each_file_any_more(
    dataset: Path,
) -> None:
    """What an earlier build wrote about its files is now said by the manifest alone."""
    build(dataset)

    build(dataset, containers=["raw"])

    assert not [entity_id for entity_id in graph_of(dataset) if entity_id.startswith("raw/cell")]
    assert verify(dataset).verdict is Verdict.VALID


# --- exclusions --------------------------------------------------------------------------------


def _excluded(dataset: Path) -> Any:
    return graph_of(dataset)["#crate-iscc-fingerprint"].get("excludedPattern")


def test_what_is_left_out_is_recorded(dataset: Path, home: Path) -> None:
    """The pattern is in the crate, the files are not, and the crate verifies."""
    write_tree(dataset, {"scratch/a.tmp": b"a", "b.tmp": b"b"})

    crate_iscc(
        "build", dataset, "--exclude", "*.tmp", "--exclude", "notes/", home=home
    )  # fmt: skip

    assert _excluded(dataset) == ["*.tmp", "notes/"]
    described = set(graph_of(dataset))
    assert not [path for path in described if path.endswith(".tmp") or path.startswith("notes/")]
    assert verify(dataset).verdict is Verdict.VALID


def test_an_exclusion_is_kept_without_the_option(dataset: Path, home: Path) -> None:
    """The next build leaves out the same, also what has come since, and changes nothing."""
    (dataset / "a.tmp").write_bytes(b"a")
    crate_iscc("build", dataset, "--exclude", "*.tmp", home=home)
    before = metadata_bytes(dataset)

    (dataset / "b.tmp").write_bytes(b"b")
    crate_iscc("build", dataset, home=home, now=DAYS_LATER)

    assert metadata_bytes(dataset) == before


def test_the_option_replaces_earlier_exclusions(dataset: Path, home: Path) -> None:
    """What is not left out any more is fingerprinted."""
    write_tree(dataset, {"a.tmp": b"a", "b.bak": b"b"})
    crate_iscc("build", dataset, "--exclude", "*.tmp", home=home)

    crate_iscc("build", dataset, "--exclude", "*.bak", home=home)

    graph = graph_of(dataset)
    assert _excluded(dataset) == "*.bak"
    assert "a.tmp" in graph
    assert "b.bak" not in graph
    assert verify(dataset).verdict is Verdict.VALID


def test_exclusions_can_be_taken_back(dataset: Path) -> None:
    """With none given expressly, every file is fingerprinted and no pattern stays recorded."""
    (dataset / "a.tmp").write_bytes(b"a")
    build(dataset, excluded=["*.tmp"])

    build(dataset, excluded=[])

    assert _excluded(dataset) is None
    assert "a.tmp" in graph_of(dataset)


@pytest.mark.parametrize("out", ["copy.zip", "copy"])
def test_what_is_left_out_does_not_get_into_copies(dataset: Path, out: str) -> None:
    """A zip and a directory hold the payload alone, and verify."""
    write_tree(dataset, {"scratch/a.tmp": b"a", "raw/b.tmp": b"b"})
    target = dataset.parent / out

    plan = build(dataset, target, excluded=["*.tmp", "scratch/"])

    assert not [entry.path for entry in plan.copied if entry.path.endswith(".tmp")]
    assert verify(target).verdict is Verdict.VALID
    assert {file.path for file in fingerprint(target).files} == set(PLAIN)
    if target.is_dir():
        assert not (target / "scratch").exists()


def test_a_pattern_that_leaves_nothing_is_refused(dataset: Path, home: Path) -> None:
    """A crate without payload could not be checked."""
    ran = crate_iscc("build", dataset, "--exclude", "*", home=home, expect=2)

    assert "nothing to fingerprint" in ran.stderr
    assert not (dataset / METADATA).exists()


def test_patterns_leave_neither_metadata_nor_manifest_out(dataset: Path) -> None:
    """What build makes is there whatever the patterns name."""
    build(dataset, excluded=["*.json", "*.tsv"], manifest_file=True)

    assert {METADATA, MANIFEST} <= paths_below(dataset)
    assert verify(dataset).verdict is Verdict.VALID


def test_an_excluded_file_that_others_describe_loses_its_codes_and_the_crate_verifies(
    dataset: Path,
) -> None:
    """Its description stays; a code that the whole does not cover would contradict it."""
    build(dataset)
    value = json.loads(metadata_bytes(dataset))
    (notes,) = (entity for entity in value["@graph"] if entity["@id"] == "empty.txt")
    notes["about"] = "written by hand"
    (dataset / METADATA).write_text(json.dumps(value), encoding="utf-8")

    build(dataset, excluded=["empty.txt"])

    assert graph_of(dataset)["empty.txt"]["about"] == "written by hand"
    assert verify(dataset).verdict is Verdict.VALID


def test_an_excluded_file_that_others_describe_is_neither_called_missing_nor_covered(
    dataset: Path,
) -> None:
    """It is on the disk, so no note says that it is not; its size does not draw it in."""
    value = {
        "@context": "https://w3id.org/ro/crate/1.3/context",
        "@graph": [
            {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}},
            {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "empty.txt"}]},
            {"@id": "empty.txt", "@type": "File", "contentSize": "0", "about": "by hand"},
        ],
    }
    (dataset / METADATA).write_text(json.dumps(value), encoding="utf-8")

    plan = build(dataset, excluded=["empty.txt"])

    assert "build.not-on-disk" not in {note.id for note in plan.notes}
    assert verify(dataset).verdict is Verdict.VALID


# --- sha256 ------------------------------------------------------------------------------------


def test_sha256_is_the_digest_of_each_file(dataset: Path, home: Path) -> None:
    """It is what hashlib says of the bytes; nothing but files has one."""
    crate_iscc("build", dataset, "--sha256", home=home)

    graph = graph_of(dataset)
    recorded = {key: entity["sha256"] for key, entity in graph.items() if "sha256" in entity}
    assert sorted(recorded.values()) == sorted(
        hashlib.sha256(content).hexdigest() for content in PLAIN.values()
    )


def test_without_the_option_there_is_no_sha256(dataset: Path) -> None:
    """The datahash is enough for this project."""
    build(dataset)

    assert not [entity for entity in graph_of(dataset).values() if "sha256" in entity]


def test_a_sha256_that_is_there_follows_its_file(dataset: Path, home: Path) -> None:
    """Without the option no stale digest stays behind."""
    crate_iscc("build", dataset, "--sha256", home=home)
    (dataset / "empty.txt").write_bytes(b"no more")

    crate_iscc("build", dataset, home=home)

    assert graph_of(dataset)["empty.txt"]["sha256"] == hashlib.sha256(b"no more").hexdigest()


def _crate_of(version: str) -> str:
    base = f"https://w3id.org/ro/crate/{version}"
    descriptor = {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}}
    graph = [{**descriptor, "conformsTo": {"@id": base}}, {"@id": "./", "@type": "Dataset"}]
    return json.dumps({"@context": f"{base}/context", "@graph": graph})


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_sha256_is_skipped_with_a_note_where_rocrate_does_not_know_it(
    dataset: Path, home: Path, version: str
) -> None:
    """The property would make a crate of an older version invalid."""
    (dataset / METADATA).write_text(_crate_of(version), encoding="utf-8")

    ran = crate_iscc("build", dataset, "--sha256", "--format", "json", home=home)

    assert not [entity for entity in graph_of(dataset).values() if "sha256" in entity]
    (note,) = (item for item in ran.json["findings"] if item["id"] == "build.sha256-skipped")
    assert version in note["message"]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_sha256_is_written_where_rocrate_knows_it(dataset: Path, version: str) -> None:
    """From 1.2 on the term is in the context, and nothing is noted."""
    (dataset / METADATA).write_text(_crate_of(version), encoding="utf-8")

    plan = build(dataset, sha256=True)

    assert "sha256" in graph_of(dataset)["empty.txt"]
    assert "build.sha256-skipped" not in {note.id for note in plan.notes}


# --- the manifest ------------------------------------------------------------------------------


def test_manifest_writes_the_manifest_without_need(dataset: Path, home: Path) -> None:
    """It has one line for each payload file, and is a File with codes of its own."""
    crate_iscc("build", dataset, "--manifest", home=home)

    header, *lines = (dataset / MANIFEST).read_text(encoding="utf-8").splitlines()
    assert header == "path\tsize\tdatahash\tiscc"
    assert [tuple(line.split("\t")) for line in lines] == [
        (item.path, str(item.fingerprint.size), item.fingerprint.datahash, item.fingerprint.iscc())
        for item in fingerprint(dataset).files
    ]
    entity = graph_of(dataset)[MANIFEST]
    assert entity["@type"] == "File"
    assert entity["contentSize"] == str((dataset / MANIFEST).stat().st_size)
    assert entity["identifier"].startswith("ISCC:K4A")
    assert verify(dataset).verdict is Verdict.VALID


def test_a_manifest_that_is_there_is_kept_up_to_date(dataset: Path, home: Path) -> None:
    """Without the option it follows the payload all the same."""
    crate_iscc("build", dataset, "--manifest", home=home)
    (dataset / "new.txt").write_bytes(b"new")

    ran = crate_iscc("build", dataset, "--format", "json", home=home)

    assert ran.json["written"] == [METADATA, MANIFEST]
    assert "\nnew.txt\t3\t" in (dataset / MANIFEST).read_text(encoding="utf-8")


def test_the_manifest_survives_any_file_name(tmp_path: Path) -> None:
    """Tabs, line ends and backslashes in a name come back as they were."""
    contents = {"a\tb\nc\rd\\e": b"1", "x\\n": b"2", " ": b"3", "\u202e": b"4"}
    dataset = write_tree(tmp_path / "study", contents)

    build(dataset, manifest_file=True)

    lines = (dataset / MANIFEST).read_bytes().decode().split("\n")[1:-1]
    assert {parse_manifest_line(line).path for line in lines} == set(contents)
    assert verify(dataset).verdict is Verdict.VALID


# --- usage -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [["--jobs", "0"], ["--jobs", "many"], ["--format", "xml"], ["--no-such-option"], ["second"]],
)
def test_wrong_usage_is_one_clear_error(dataset: Path, home: Path, arguments: list[str]) -> None:
    """It ends with exit code 2 and writes nothing."""
    ran = crate_iscc("build", dataset, *arguments, home=home, expect=2)

    assert ran.stdout == ""
    assert ran.stderr.startswith("error: ")
    assert not (dataset / METADATA).exists()


def test_an_error_is_json_where_json_was_asked_for(dataset: Path, home: Path) -> None:
    """A program that reads stdout always finds one JSON value."""
    ran = crate_iscc(
        "build", dataset / "missing", "--format", "json", home=home, expect=2
    )  # fmt: skip

    assert ran.json["error"]["message"].startswith("not found")


def test_malformed_patterns_are_refused(dataset: Path) -> None:
    """A pattern that cannot be understood leaves nothing out silently."""
    with pytest.raises(InputError):
        build(dataset, excluded=["!"])


def test_a_zarr_is_found_without_an_option(dataset: Path) -> None:
    """It becomes one Dataset, and the manifest is written."""
    write_tree(dataset, ZARR)

    build(dataset)

    assert graph_of(dataset)["cell.zarr/"]["fileCount"] == len(ZARR)
    assert (dataset / MANIFEST).is_file()
