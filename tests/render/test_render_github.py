"""What GitHub's runner makes of a report's lines: annotations, and no command but ours."""

import re
from dataclasses import dataclass

import pytest

from crate_iscc.paths import CratePath, printable
from crate_iscc.render.github import report_github
from crate_iscc.render.places import artifact_of
from crate_iscc.render.report import conclusion, place_of
from crate_iscc.report import Finding, Report
from render.render_kit import BREACHES, HOSTILE, REPORTS, UNREAD, many, validation, verification

EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
COMMANDS = {
    *("error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "add-path"),
    *("set-output", "set-env", "save-state", "stop-commands", "add-matcher", "echo"),
    *("remove-matcher", "internal-set-repo-path"),
}


@dataclass(frozen=True)
class Ran:
    """A command as the runner understands it."""

    name: str
    properties: dict[str, str]
    data: str


def unescaped(text: str, *, is_property: bool = False) -> str:
    """Undo the escapes of a command as the runner does, `%25` last."""
    pairs = [("%0D", "\r"), ("%0A", "\n")]
    pairs += [("%3A", ":"), ("%2C", ",")] if is_property else []
    for escape, character in [*pairs, ("%25", "%")]:
        text = text.replace(escape, character)
    return text


def command_in(line: str) -> Ran | None:
    """Return the command in a line: `::name k=v::text` at its start, or `##[name]` anywhere."""
    bare = line.lstrip()
    match = re.match(r"::(.*?)::(.*)", bare, re.DOTALL)
    if match and match[1].split(" ", 1)[0] in COMMANDS:
        name, _, rest = match[1].partition(" ")
        pairs = (pair.split("=", 1) for pair in rest.strip().split(",") if "=" in pair)
        told = {pair[0]: unescaped(pair[1], is_property=True) for pair in pairs}
        return Ran(name, told, unescaped(match[2]))
    old = re.search(r"##\[([^ \]]*)[^\]]*\](.*)", line, re.DOTALL)
    return Ran(old[1], {}, old[2]) if old and old[1] in COMMANDS else None


def lines_of(report: Report) -> list[str]:
    """Return the lines that the strictest reader sees: Python splits where others do not."""
    return report_github(report).splitlines()


def commands_of(report: Report) -> list[Ran]:
    return [command for line in lines_of(report) if (command := command_in(line))]


def test_the_parser_finds_both_forms_of_a_command() -> None:
    """The judge of these tests is one: it sees what must not be smuggled in."""
    assert command_in("  ::error file=a%2Cb,line=3::x%0Ay%25") == Ran(
        "error", {"file": "a,b", "line": "3"}, "x\ny%"
    )
    assert command_in("text ##[add-mask]secret") == Ran("add-mask", {}, "secret")
    assert command_in("text ::error::no") is None


@EACH
def test_only_the_worst_ten_are_annotations(report: Report) -> None:
    """Each command is one of a finding, at its file and line, and says what the finding says."""
    found = sorted(report.findings, key=lambda finding: finding.weight)
    commands = commands_of(report)
    assert len(commands) == min(10, len(found))
    names = {"error": "error", "warning": "warning", "info": "notice"}
    for command, finding in zip(commands, found, strict=False):
        path, line = artifact_of(report, finding)
        assert command.name == names[finding.severity]
        assert command.properties["file"] == printable(path)
        assert command.properties.get("line") == (f"{line}" if line else None)
        assert command.properties["title"].startswith(f"{finding.id}: ")
        assert command.data == f"{place_of(finding)}: {printable(finding.message)}\n{finding.hint}"


@EACH
def test_the_last_line_is_the_conclusion(report: Report) -> None:
    """It is plain text, as the report in text ends."""
    last = lines_of(report)[-1]
    assert last == conclusion(report)
    assert command_in(last) is None


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_is_a_command(name: str) -> None:
    """Wherever a name is shown, the runner sees one annotation and nothing else."""
    path = CratePath(name.replace("\0", ""))
    finding = Finding("bytes.missing", f"{name}\n::error::{name}", path)
    report = verification(
        [finding], subject=f"{name}\n::error::x", folder=name, excluded=(f"::error::{name}",)
    )
    assert [command.name for command in commands_of(report)] == ["error"]
    archive = verification(subject=f"::error::{name}", folder=None, excluded=(name, "##[error]x"))
    assert commands_of(archive) == []
    odd = validation(profile=f"https://x/##[error]{name}\n::error::x")
    assert commands_of(odd) == []


def test_more_than_ten_are_counted() -> None:
    """How many findings are not annotated is said, and where they all are."""
    report = verification([*many(1210), UNREAD])
    assert "… and 1,201 more (--format json has all)" in lines_of(report)
    assert [command.name for command in commands_of(report)] == ["error"] * 10
    assert not [line for line in lines_of(verification(many(10))) if "more" in line]


def test_a_breach_is_at_its_line() -> None:
    """The annotation of a requirement says MUST, so that its title is no statement of fact."""
    (command,) = commands_of(validation(BREACHES[:1]))
    assert command.properties == {
        "file": "study/ro-crate-metadata.json",
        "line": "112",
        "title": "file.datahash: MUST 2.2: A file has exactly one datahash",
    }
