"""The GitHub Action does what action.yml says: its steps are run here as a runner runs them."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
ACTION: dict[str, Any] = yaml.safe_load((REPOSITORY / "action.yml").read_text(encoding="utf-8"))
EXAMPLES = REPOSITORY / "profiles" / "bio-codes" / "0.1" / "examples"


@dataclass(frozen=True)
class Ran:
    """What a run of the action left behind."""

    code: int
    log: str
    summary: str
    outputs: dict[str, str]
    path: list[str]


def step(name: str) -> dict[str, Any]:
    (found,) = [step for step in ACTION["runs"]["steps"] if step["name"] == name]
    return dict(found)


def run_step(name: str, place: Path, given: Mapping[str, str], **more: str) -> Ran:
    """Run one step in `place`, with inputs in the place of `${{ inputs.… }}`."""
    inputs: dict[str, str] = {k: v.get("default", "") for k, v in ACTION["inputs"].items()}
    inputs.update(given)
    variables = {
        key: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda match: inputs[match[1]], value)
        for key, value in step(name)["env"].items()
    }
    files = {key: place / key for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
    for file in files.values():
        file.touch()
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(place),
        "LC_ALL": "C.UTF-8",
        "RUNNER_TEMP": str(place / "temp"),
        "GITHUB_ACTION_PATH": str(REPOSITORY),
        **{key: str(file) for key, file in files.items()},
        **variables,
        **more,
    }
    (place / "temp").mkdir(exist_ok=True)
    # As a runner starts a step whose shell is bash.
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step(name)["run"]],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
        timeout=300,
    )
    outputs = dict(
        line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text("utf-8").splitlines()
    )
    return Ran(
        done.returncode,
        done.stdout,
        files["GITHUB_STEP_SUMMARY"].read_text("utf-8"),
        outputs,
        files["GITHUB_PATH"].read_text("utf-8").splitlines(),
    )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a workspace with the two example crates, one in a folder with a space."""
    shutil.copytree(EXAMPLES / "graph", tmp_path / "crates" / "a study")
    shutil.copytree(EXAMPLES / "table", tmp_path / "crates" / "table")
    return tmp_path


def test_crates_that_are_well_pass(place: Path) -> None:
    """Both checks of both crates: 0, a summary of each, and four kinds of report."""
    ran = run_step("Check", place, {"crates": "crates/a study\n  crates/table\n"})

    assert ran.code == 0, ran.log
    assert ran.outputs == {"code": "0", "reports": "crate-iscc-reports"}
    assert ran.log.count("VALID: ") == 8
    assert "::error" not in ran.log
    assert ran.summary.count("VALID") == 4
    reports = place / "crate-iscc-reports"
    names = ["validate-1", "validate-2", "verify-1", "verify-2"]
    for folder, ending in (
        ("json", "json"),
        ("sarif", "sarif"),
        ("html", "html"),
        ("junit", "xml"),
    ):
        assert sorted(file.name for file in (reports / folder).iterdir()) == [
            f"{name}.{ending}" for name in names
        ]
    assert json.loads((reports / "json/verify-1.json").read_text("utf-8"))["counts"]["match"] == 7


def test_the_example_study_passes(tmp_path: Path) -> None:
    """What examples/make_study.py makes and build writes is what the action accepts."""
    study = tmp_path / "study"
    for command in (
        [REPOSITORY / "examples" / "make_study.py", study],
        ["-m", "crate_iscc", "build", study, "--license", "CC0-1.0", "--no-cache"],
    ):
        subprocess.run([sys.executable, *command], check=True, capture_output=True)

    ran = run_step("Check", tmp_path, {"crates": "study"})

    assert ran.code == 0, ran.log


def test_a_damaged_crate_fails_and_is_annotated(place: Path) -> None:
    """The step ends with 1, and the annotation names the file."""
    (place / "crates/a study/raw/cell.ome.tif").write_bytes(b"other pixels")

    ran = run_step("Check", place, {"crates": "crates/a study"})

    assert ran.code == 1
    assert ran.outputs["code"] == "1"
    assert "::error file=crates/a study/raw/cell.ome.tif" in ran.log
    assert "INVALID" in ran.summary


def test_metadata_that_break_the_profile_fail_at_their_line(place: Path) -> None:
    """The annotation names the metadata file and the line."""
    metadata = place / "crates/table/ro-crate-metadata.json"
    text = metadata.read_text("utf-8").replace('"codeLevel": "bytes"', '"codeLevel": "letters"')
    metadata.write_text(text, "utf-8")
    line = text[: text.index('"codeLevel": "letters"')].count("\n") + 1

    ran = run_step("Check", place, {"crates": "crates/table", "checks": "validate"})

    assert ran.code == 1
    assert f"::error file=crates/table/ro-crate-metadata.json,line={line},title=" in ran.log


def test_report_only_ends_well_unless_there_is_no_verdict(place: Path) -> None:
    """exit-zero hides findings from the exit code, and nothing else."""
    (place / "crates/table/LICENSE").unlink()
    given = {"crates": "crates/table", "exit-zero": "true"}

    found = run_step("Check", place, given)
    no_verdict = run_step("Check", place, given | {"crates": "crates/nothing"})

    assert (found.code, found.outputs["code"]) == (0, "1")
    assert (no_verdict.code, no_verdict.outputs["code"]) == (2, "2")


def test_the_worst_code_wins(place: Path) -> None:
    """A crate without a verdict weighs more than one with a problem, whatever the order."""
    (place / "crates/table/LICENSE").unlink()

    for crates in ("crates/nothing\ncrates/table", "crates/table\ncrates/nothing"):
        ran = run_step("Check", place, {"crates": crates, "checks": "verify"})
        assert ran.code == 2
        assert "  missing  LICENSE\n" in ran.log


def test_nothing_to_check_is_an_error(place: Path) -> None:
    """Without a crate there is no verdict."""
    assert run_step("Check", place, {"crates": "\n  \n"}).code == 2


def test_findings_can_be_ignored(place: Path) -> None:
    """Ids in `ignore` are left aside, and the summary says so."""
    (place / "crates/table/LICENSE").unlink()

    ran = run_step(
        "Check", place, {"crates": "crates/table", "ignore": "bytes.missing tree.changed"}
    )

    assert ran.code == 0, ran.log
    assert "bytes.missing" in ran.summary


def test_inputs_are_no_code(place: Path) -> None:
    """What stands in an input is a value to the script, never a part of it."""
    given = {
        "crates": '$(touch hacked); `touch hacked` "; touch hacked; #',
        "level": "$(touch hacked)",
    }

    ran = run_step("Check", place, given)

    assert ran.code == 2
    assert not (place / "hacked").exists()
    assert "${{" not in step("Check")["run"] + step("Install crate-iscc")["run"]


@pytest.mark.deep
def test_the_action_installs_itself(tmp_path: Path) -> None:
    """The install step makes an environment from the action's own checkout."""
    ran = run_step("Install crate-iscc", tmp_path, {})

    assert ran.code == 0, ran.log
    (folder,) = ran.path
    done = subprocess.run([f"{folder}/crate-iscc", "--version"], capture_output=True, check=True)
    assert done.stdout.startswith(b"crate-iscc ")
