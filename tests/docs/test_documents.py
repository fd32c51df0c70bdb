"""Every command and every piece of Python that the documents show does what they say it does."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crate_iscc.finding_kinds import FINDING_KINDS

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Step:
    """A shell command with the output that is shown for it, or a piece of Python."""

    language: str
    source: str
    shown: str = ""


def steps_of(document: Path) -> Iterator[Step]:
    for language, text in _BLOCK.findall(document.read_text(encoding="utf-8")):
        if language == "python":
            yield Step(language, text)
            continue
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            yield Step(language, command, shown)


def matches(shown: str, printed: str) -> bool:
    """Compare literally, but for `…`, which stands for anything within a line."""
    pattern = "[^\n]*".join(re.escape(piece) for piece in shown.split("…"))
    return re.fullmatch(pattern, printed) is not None


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    shutil.copytree(REPOSITORY / "examples", tmp_path / "examples")
    return tmp_path


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_in_a_document_prints_what_the_document_shows(
    document: Path, workplace: Path
) -> None:
    """Commands run in order in a new folder; what they print is what stands below them."""
    binaries = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(workplace / "cache"),
        "NO_COLOR": "1",
    }

    for step in steps_of(document):
        if step.language == "python":
            command = [sys.executable, "-W", "error", "-c", step.source]
        else:
            command = ["sh", "-c", step.source]
        result = subprocess.run(
            command,
            cwd=workplace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=300,
        )

        if step.language == "python":
            assert result.returncode == 0, result.stdout
        else:
            assert matches(step.shown, result.stdout), (
                f"{document.name}: $ {step.source}\n--- printed\n{result.stdout}\n"
                f"--- shown\n{step.shown}"
            )


def test_the_reference_lists_every_kind_of_finding() -> None:
    """In the order in which explain lists them, with weight, requirement and title."""
    reference = (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8")

    rows = re.findall(r"^\| `(\S+)` \| (\S+) \| (\S*) ?\| (.+) \|$", reference, re.MULTILINE)
    assert rows == [
        (kind.id, str(kind.severity), kind.requirement or "", kind.title)
        for kind in FINDING_KINDS.values()
    ]


def test_the_readme_names_the_two_commands_that_set_everything_up() -> None:
    """A newcomer finds `make demo` and `make test` in the README and in the Makefile."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")

    assert "make demo" in readme
    assert "make test" in readme
    assert re.search(r"^demo:", makefile, re.MULTILINE)
    assert re.search(r"^test:", makefile, re.MULTILINE)
