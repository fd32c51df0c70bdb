"""The options and arguments that several commands share, and the values that they take."""

import enum
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


Jobs = Annotated[
    int | None,
    typer.Option("--jobs", "-j", min=1, metavar="N", help="Files read at a time [default: CPUs]."),
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
