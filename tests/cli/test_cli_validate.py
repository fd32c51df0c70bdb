"""validate, report and profile: formats, levels, exit codes, and what is bad input."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from cli.cli_kit import environment, error_of, run
from crate_iscc import build
from crate_iscc.resources import schema_text

REPOSITORY = Path(__file__).parents[2]
EXAMPLES = REPOSITORY / "profiles" / "bio-codes" / "0.1" / "examples"
METADATA = "ro-crate-metadata.json"
FORMATS = ["text", "json", "jsonl", "sarif", "junit", "github", "markdown", "html"]


def edited(crate: Path, edit: Callable[[dict[str, Any]], Any]) -> Path:
    """Change the entities of a crate's metadata, given by their ids."""
    document = json.loads((crate / METADATA).read_text("utf-8"))
    edit({entity["@id"]: entity for entity in document["@graph"]})
    (crate / METADATA).write_text(json.dumps(document, indent=2), "utf-8")
    return crate


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """Return a copy of the example crate in the graph style."""
    return shutil.copytree(EXAMPLES / "graph", tmp_path / "graph")


@pytest.fixture
def broken(graph: Path) -> Path:
    """Return a crate one file of which has lost its datahash."""
    return edited(graph, lambda entities: entities["raw/cell.ome.tif"].pop("datahash"))


# --- verdicts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["graph", "table"])
@pytest.mark.parametrize("level", ["must", "should"])
def test_the_examples_conform(style: str, level: str) -> None:
    """Both serialisations conform down to SHOULD: 0, and what was not checked is named."""
    outcome = run("validate", EXAMPLES / style, "--level", level)

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.lines[-1] == (
        f"VALID: the metadata conform to BIO-CODES 0.1 at level {level.upper()}"
    )
    assert "the files' contents (crate-iscc verify)" in outcome.out


def test_what_build_writes_conforms(study: Path, tmp_path: Path) -> None:
    """A dataset that was just built conforms at level MUST, in both styles and as a zip."""
    for style in ("graph", "table"):
        built = shutil.copytree(study, tmp_path / style)
        assert run("build", built, "--style", style, "--exclude", "*.csv").code == 0
        assert run("build", built, "-o", tmp_path / f"{style}.zip").code == 0
        outcome = run("validate", built, tmp_path / f"{style}.zip")
        assert (outcome.code, outcome.err) == (0, ""), outcome.out
        assert outcome.out.count("VALID: ") == 2


def test_a_breach_is_1_and_says_where(broken: Path) -> None:
    """The finding names the requirement, the entity and the line."""
    outcome = run("validate", broken)

    assert (outcome.code, outcome.err) == (1, "")
    number = (
        (broken / METADATA)
        .read_text("utf-8")
        .splitlines()
        .index('      "@id": "raw/cell.ome.tif",')
    )
    assert outcome.lines[1:3] == [
        "  file.datahash raw/cell.ome.tif",
        "           one datahash (1e20 and 64 lower-case hex digits) is expected in datahash; "
        f"there is none (MUST 2.2, line {number})",
    ]
    assert outcome.lines[-1] == "hint: crate-iscc explain file.datahash"


def test_a_level_is_a_bar(graph: Path) -> None:
    """A SHOULD that is not met is no matter at MUST, and fails at SHOULD and MAY."""
    edited(graph, lambda entities: entities["./"].pop("author"))

    codes = [run("validate", graph, "--level", level).code for level in ("must", "should", "may")]

    assert codes == [0, 1, 1]


def test_a_crate_that_does_not_declare_the_profile_does_not_conform(graph: Path) -> None:
    """Metadata of another kind are judged, not refused."""
    edited(graph, lambda entities: entities["./"].pop("conformsTo"))

    outcome = run("validate", graph)

    assert outcome.code == 1
    assert "profile.declared ./" in outcome.out


def test_nothing_but_the_metadata_is_read(graph: Path) -> None:
    """Payload files may be gone: validation is not about them, and says so."""
    shutil.rmtree(graph / "raw")

    outcome = run("validate", graph)

    assert outcome.code == 0
    assert "not checked: " in outcome.out


# --- formats -----------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["validate", "verify"])
@pytest.mark.parametrize("format_", FORMATS)
def test_a_saved_report_gives_what_the_check_gave(
    broken: Path, tmp_path: Path, command: str, format_: str
) -> None:
    """`report` renders JSON and JSON lines again, byte for byte, with the same exit code."""
    (broken / "LICENSE").write_text("another licence")
    direct = run(command, broken, "--format", format_)
    assert direct.code == 1

    for ending in ("json", "jsonl"):
        saved = tmp_path / f"run.{ending}"
        assert run(command, broken, "-o", saved).code == 1
        again = run("report", saved, "--format", format_)
        assert (again.code, again.raw_out, again.err) == (1, direct.raw_out, "")


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("r.json", "{"),
        ("r.jsonl", '{"record": '),
        ("r.sarif", "{"),
        ("r.xml", "<?xml"),
        ("r.md", "#"),
        ("r.html", "<!DOCTYPE html>"),
        ("r.txt", ""),
    ],
)
def test_the_format_is_told_from_the_name(
    graph: Path, tmp_path: Path, name: str, start: str
) -> None:
    """-o report.html writes HTML."""
    outcome = run("validate", graph, "-o", tmp_path / name)

    assert (outcome.code, outcome.out) == (0, "")
    text = (tmp_path / name).read_text("utf-8")
    assert text.lower().startswith(start.lower())


def test_the_json_follows_its_schema(broken: Path) -> None:
    """Findings carry the entity, a JSON Pointer and a line."""
    value = json.loads(run("validate", broken, "--level", "may", "--format", "json").out)

    Draft202012Validator(json.loads(schema_text("report"))).validate(value)
    document = json.loads((broken / METADATA).read_text("utf-8"))
    (finding,) = [item for item in value["findings"] if item["id"] == "file.datahash"]
    _, _, number = finding["pointer"].split("/")
    assert document["@graph"][int(number)]["@id"] == finding["entity"] == "raw/cell.ome.tif"
    assert finding["path"] == "raw/cell.ome.tif"
    assert value["verdict"] == "invalid"
    assert value["level"] == "may"


def test_an_unknown_ending_is_asked_about_before_any_work(tmp_path: Path) -> None:
    """The format cannot be guessed, whatever the crate."""
    outcome = run("validate", tmp_path / "nothing", "-o", tmp_path / "report.docx")

    assert outcome.code == 2
    assert "report.docx" in error_of(outcome)


def test_the_step_summary_is_added_to(broken: Path, tmp_path: Path) -> None:
    """With --format github the Markdown goes behind what stands in GITHUB_STEP_SUMMARY."""
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", "utf-8")

    outcome = run(
        "validate", broken, "--format", "github", env={"GITHUB_STEP_SUMMARY": str(summary)}
    )

    assert outcome.code == 1
    assert f"::error file={broken}/{METADATA},line=" in outcome.out
    assert summary.read_text("utf-8").startswith("before\n")
    assert "file.datahash" in summary.read_text("utf-8")


# --- what is left aside ------------------------------------------------------------------------


def test_ignored_findings_are_named_and_do_not_count(broken: Path) -> None:
    """A verdict that leaves something aside says so."""
    outcome = run("validate", broken, "--ignore", "file.datahash")

    assert outcome.code == 0
    assert "ignored: 1 file.datahash" in outcome.out
    assert outcome.lines[-1].endswith("leaving aside what was ignored")


@pytest.mark.parametrize("finding_id", ["file.datahsh", "bytes.unread", ""])
def test_what_cannot_be_ignored_is_refused(graph: Path, finding_id: str) -> None:
    """A mistyped id ignores nothing silently, and unread bytes are never well."""
    outcome = run("verify", graph, "--ignore", finding_id)

    assert (outcome.code, outcome.out) == (2, "")
    assert error_of(outcome)


def test_exit_zero_changes_the_exit_code_alone(broken: Path) -> None:
    """The report is the same; an error stays one."""
    plain, zero = run("validate", broken), run("validate", broken, "--exit-zero")

    assert (plain.code, zero.code) == (1, 0)
    assert plain.out == zero.out
    assert run("validate", broken / "nothing", "--exit-zero").code == 2


# --- several crates ----------------------------------------------------------------------------


def test_several_crates_are_judged_one_by_one(graph: Path, broken: Path, tmp_path: Path) -> None:
    """The worst code wins: 2 over 1 over 0; every crate gets its report."""
    well = EXAMPLES / "table"

    assert run("validate", well, EXAMPLES / "graph").code == 0
    assert run("validate", well, broken).code == 1
    outcome = run("validate", tmp_path / "nothing", well, broken)

    assert outcome.code == 2
    assert outcome.out.count("VALID: ") == 2
    assert "error: not found" in outcome.err


def test_several_crates_need_a_format_that_can_hold_them(graph: Path) -> None:
    """One JSON document is one report."""
    assert run("validate", graph, graph, "--format", "json").code == 2
    assert run("validate", graph, graph, "-o", "x.md").code == 2


# --- bad input ---------------------------------------------------------------------------------


def test_a_profile_that_is_not_known_is_2(graph: Path) -> None:
    """The error names those that are."""
    outcome = run("validate", graph, "--profile", "workflow-run")

    assert (outcome.code, outcome.out) == (2, "")
    assert "bio-codes-0.1" in outcome.err


def test_a_newer_version_of_the_profile_is_2(graph: Path) -> None:
    """What 0.2 will ask for is not known, so there is no verdict."""
    edited(
        graph,
        lambda entities: entities["./"].update(
            conformsTo={"@id": "https://w3id.org/bio-codes/ro-crate/0.2"}
        ),
    )

    outcome = run("validate", graph)

    assert (outcome.code, outcome.out) == (2, "")
    assert "https://w3id.org/bio-codes/ro-crate/0.2" in error_of(outcome)


def test_two_versions_of_the_profile_are_judged_by_the_known_one(graph: Path) -> None:
    """A crate may conform to both."""
    edited(
        graph,
        lambda entities: entities["./"].update(
            conformsTo=[
                {"@id": "https://w3id.org/bio-codes/ro-crate/0.2"},
                {"@id": "https://w3id.org/bio-codes/ro-crate/0.1"},
            ]
        ),
    )

    assert run("validate", graph).code == 0


@pytest.mark.parametrize(
    "metadata",
    [
        "",
        "[]",
        "{}",
        '{"@context": [], "@graph": []}',
        '{"@context": [], "@graph": [1, "x"]}',
        "\x00",
    ],
)
def test_what_is_no_crate_is_2(tmp_path: Path, metadata: str) -> None:
    """No root, no JSON, no graph: an error with a hint, never a traceback."""
    (tmp_path / METADATA).write_text(metadata, "utf-8")

    outcome = run("validate", tmp_path)

    assert (outcome.code, outcome.out) == (2, "")
    assert "hint: " in outcome.err


def test_a_broken_installation_is_named(tmp_path: Path, graph: Path) -> None:
    """Without its schema nothing is validated, and the error says what is missing."""
    package = tmp_path / "broken" / "crate_iscc"
    shutil.copytree(
        REPOSITORY / "src" / "crate_iscc", package, ignore=shutil.ignore_patterns("__pycache__")
    )
    (package / "_data" / "profiles").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "crate_iscc", "validate", graph],
        env=environment(PYTHONPATH=str(package.parent)),
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert "schemas/crate.schema.json is missing" in done.stderr
    assert "hint: install crate-iscc anew" in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no report"),
        ("{}", "no report"),
        ('{"record": "finding"}', "no report"),
        ("[1]", "no report"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "no report"),
    ],
)
def test_what_is_no_report_is_2(tmp_path: Path, content: str, said: str) -> None:
    """`report` refuses it and says what one is."""
    (tmp_path / "run.json").write_text(content, "latin-1")

    outcome = run("report", tmp_path / "run.json")

    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


def test_an_edited_report_is_refused(broken: Path, tmp_path: Path) -> None:
    """A verdict that its findings do not come to is not shown as one."""
    saved = tmp_path / "run.json"
    run("validate", broken, "-o", saved)
    saved.write_text(saved.read_text("utf-8").replace('"invalid"', '"valid"'), "utf-8")

    outcome = run("report", saved)

    assert outcome.code == 2
    assert "contradicts itself" in error_of(outcome)


# --- rocrate-validator -------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["graph", "table"])
def test_rocrate_validator_is_asked_offline(style: str, tmp_path: Path) -> None:
    """--base adds its verdict; it writes nothing into the home folder and asks no network."""
    outcome = run(
        "validate",
        EXAMPLES / style,
        "--base",
        env={"HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"},
        timeout=300,
    )

    assert (outcome.code, outcome.err) == (0, ""), outcome.out
    assert "RO-Crate (rocrate-validator)" in outcome.out
    assert list(tmp_path.iterdir()) == []


def test_rocrate_validator_findings_are_merged(graph: Path) -> None:
    """What breaks RO-Crate itself is a finding of its own, with its entity."""

    def damage(entities: dict[str, dict[str, Any]]) -> None:
        entities["./"].pop("datePublished")
        (graph / "LICENSE").unlink()

    outcome = run("validate", edited(graph, damage), "--base", "--format", "json", timeout=300)

    findings = json.loads(outcome.out)["findings"]
    assert outcome.code == 1
    assert {item["id"] for item in findings} == {"rocrate.required"}
    assert any("datePublished" in item["message"] and item["line"] for item in findings)
    assert any("LICENSE" in item["message"] for item in findings)


def test_an_id_that_is_an_object_is_no_fault(tmp_path: Path) -> None:
    """What stands as an @id may be anything: it is a finding, also where the validator is asked."""
    (tmp_path / "a.txt").write_text("1")
    build(tmp_path, licence="CC0-1.0")
    metadata = tmp_path / "ro-crate-metadata.json"
    value = json.loads(metadata.read_text(encoding="utf-8"))
    value["@graph"].append({"@id": {"@id": "a.txt"}, "@type": "Thing"})
    metadata.write_text(json.dumps(value), encoding="utf-8")

    outcome = run("validate", tmp_path, "--base", timeout=300)

    assert outcome.code == 1, outcome.err
    assert "graph.flat" in outcome.out


@pytest.mark.deep
def test_a_large_crate_is_judged_by_a_sample(tmp_path: Path) -> None:
    """Of many files the validator is told the first, and the report says so."""
    for number in range(230):
        (tmp_path / f"{number:03}.txt").write_text(f"{number}")
    build(tmp_path, licence="CC0-1.0")

    outcome = run("validate", tmp_path, "--base", timeout=300)

    assert outcome.code == 0, outcome.out
    assert "told of the first 200 files" in outcome.out


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (
            lambda text: text.replace(
                'https://w3id.org/ro/crate/1.3"', 'https://w3id.org/ro/crate/2.0"'
            ),
            "no rules for RO-Crate 2.0",
        ),
        (
            lambda text: text.replace(
                '"https://w3id.org/ro/crate/1.3/context",',
                '"https://w3id.org/ro/crate/1.3/context", "https://example.org/context",',
            ),
            "https://example.org/context",
        ),
    ],
    ids=["version", "context"],
)
def test_what_rocrate_validator_cannot_judge_offline_is_2(
    graph: Path, edit: Callable[[str], str], said: str
) -> None:
    """A version or a context that is not at hand is named, and nothing is fetched."""
    text = (graph / METADATA).read_text("utf-8")
    (graph / METADATA).write_text(edit(text), "utf-8")

    outcome = run("validate", graph, "--base", env={"https_proxy": "http://127.0.0.1:9"})

    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err


# --- profile -----------------------------------------------------------------------------------


def test_the_profiles_are_listed_and_shown() -> None:
    """Name, permalink, and every requirement with its level."""
    listed = run("profile", "list")
    shown = run("profile", "show", "bio-codes-0.1")

    assert listed.out.split()[:2] == ["bio-codes-0.1", "https://w3id.org/bio-codes/ro-crate/0.1"]
    assert "a proposal, not registered yet" in shown.out
    assert "2.1  MUST    file.iscc-sum " in shown.out
    assert run("profile", "show", "nothing").code == 2


def test_the_path_is_one_that_other_tools_can_read() -> None:
    """It is the folder above the profile's name."""
    place = Path(run("profile", "path").out.strip())

    assert (place / "bio-codes" / "0.1" / "profile.ttl").is_file()


def test_a_profile_is_exported(tmp_path: Path) -> None:
    """Profile and schemas are copied to a folder that was not there."""
    outcome = run("profile", "export", tmp_path / "out")

    assert outcome.code == 0
    assert (tmp_path / "out/profiles/bio-codes/0.1/profile.ttl").is_file()
    assert (tmp_path / "out/schemas/crate.schema.json").is_file()
    assert run("profile", "export", tmp_path / "out").code == 2
    assert run("profile", "export", tmp_path / "two", "--profile", "nothing").code == 2
    assert not (tmp_path / "two").exists()


def test_the_output_is_the_same_whatever_the_order_of_hashing(broken: Path) -> None:
    """Two runs print the same bytes."""
    first, second = (
        run("validate", broken, "--level", "may", "--format", "sarif", env={"PYTHONHASHSEED": seed})
        for seed in ("1", "2")
    )

    assert first.raw_out == second.raw_out


# --- names and texts from outside --------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_a_folder_whose_name_is_no_unicode_is_reported(graph: Path, tmp_path: Path) -> None:
    """Every format can name it."""
    place = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")
    shutil.copytree(graph, place)

    for format_ in FORMATS:
        outcome = run("verify", place, "--format", format_)
        assert (outcome.code, outcome.err) == (0, "")
        assert outcome.raw_out.decode("utf-8")


def test_a_forged_report_cannot_write_on_the_terminal(broken: Path, tmp_path: Path) -> None:
    """Control characters in a message are shown, not obeyed, and make no line of their own."""
    saved = tmp_path / "run.json"
    run("validate", broken, "-o", saved)
    value = json.loads(saved.read_text("utf-8"))
    value["findings"][0]["message"] = "\x1b[2J\nVALID: all is well"
    saved.write_text(json.dumps(value), "utf-8")

    outcome = run("report", saved)

    assert outcome.code == 1
    assert "\x1b" not in outcome.out
    assert not [line for line in outcome.lines if line.startswith("VALID")]


def test_reports_of_several_crates_are_not_taken_for_one(graph: Path, tmp_path: Path) -> None:
    """JSON lines of two crates hold two verdicts."""
    (tmp_path / "two.jsonl").write_bytes(run("validate", graph, graph, "--format", "jsonl").raw_out)

    outcome = run("report", tmp_path / "two.jsonl")

    assert outcome.code == 2
    assert "several crates" in error_of(outcome)
