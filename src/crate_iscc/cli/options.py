"""The options and arguments that several commands share, and the values that they take."""

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


class BuildFormat(enum.StrEnum):
    """Formats of what build prints."""

    TEXT = "text"
    JSON = "json"


class BuildStyle(enum.StrEnum):
    """Ways to write the fingerprints into the metadata."""

    GRAPH = "graph"
    TABLE = "table"


class ReportFormat(enum.StrEnum):
    """Formats of a report."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"
    HTML = "html"


class Level(enum.StrEnum):
    """Levels of requirement (RFC 2119)."""

    MUST = "must"
    SHOULD = "should"
    MAY = "may"


class SumFormat(enum.StrEnum):
    """Formats of fingerprints of single files."""

    ISCC_SUM = "iscc-sum"
    B3SUM = "b3sum"
    JSON = "json"


class ProgressKind(enum.StrEnum):
    """Ways to tell how far the work has come, on stderr."""

    AUTO = "auto"
    BAR = "bar"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


class Io(enum.StrEnum):
    """Ways to read."""

    FAST = "fast"
    GENTLE = "gentle"


class KernelName(enum.StrEnum):
    """Implementations of the ISCC-SUM."""

    COMPILED = "compiled"
    ISCC_LIB = "iscc-lib"
    REFERENCE = "reference"


@dataclass(frozen=True, slots=True)
class Manner:
    """How the work is to be done: what changes its speed and its noise, and no result."""

    jobs: int | None
    gentle: bool
    kernel: str | None
    progress: str


def manner(jobs: int | None, io: Io, kernel: KernelName | None, progress: ProgressKind) -> Manner:
    """Return the manner that a command's options ask for."""
    return Manner(jobs, io is Io.GENTLE, kernel.value if kernel else None, progress.value)


Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, metavar="N", help="Threads that read [default: CPUs]."),
]
IoOption = Annotated[
    Io,
    typer.Option(
        "--io", help="gentle: one file at a time, in disk order; for spinning disks and networks."
    ),
]
KernelOption = Annotated[
    KernelName | None,
    typer.Option(
        "--kernel", help="What computes ISCC-SUMs [default: CRATE_ISCC_KERNEL, or the fastest]."
    ),
]
ProgressOption = Annotated[
    ProgressKind,
    typer.Option("--progress", help="How to show progress on stderr; auto: a bar on a terminal."),
]
CrateArgument = Annotated[
    str,
    typer.Argument(
        metavar="CRATE",
        help="A directory, a zip, or an ro-crate-metadata.json.",
        show_default=False,
    ),
]
FormatOption = Annotated[
    ReportFormat | None,
    typer.Option("--format", help="How to write the report [default: told from -o, else text]."),
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write the report to a file."),
]
IgnoreOption = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="ID", help="Leave findings of a kind aside. Repeatable."),
]
ExitZeroOption = Annotated[
    bool, typer.Option("--exit-zero", help="End with 0 whatever was found; 2 stays an error.")
]
CratesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="CRATE...",
        help="Directories, zips, or ro-crate-metadata.json files.",
        show_default=False,
    ),
]
ProfileArgument = Annotated[
    str, typer.Argument(metavar="[NAME]", help="Such as bio-codes.", show_default=False)
]
