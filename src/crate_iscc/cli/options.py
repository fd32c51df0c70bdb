"""The options and arguments that several commands share, and the values that they take."""

import enum
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer


class BuildFormat(enum.StrEnum):
    """Formats of what build prints."""

    TEXT = "text"
    JSON = "json"


class WatchFormat(enum.StrEnum):
    """Formats of what watch prints."""

    TEXT = "text"
    JSONL = "jsonl"


class BuildStyle(enum.StrEnum):
    """Ways to write the fingerprints into the metadata."""

    GRAPH = "graph"
    TABLE = "table"


class Codes(enum.StrEnum):
    """Codes that build records."""

    SUM = "sum"
    FULL = "full"


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


class PictureFormat(enum.StrEnum):
    """Formats of what can be drawn as well."""

    TEXT = "text"
    JSON = "json"
    SVG = "svg"


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


_UNITS: dict[str, int] = {
    "": 1,
    **{f"{prefix}B": 1000**power for power, prefix in enumerate(("", "K", "M", "G", "T", "P"))},
    **{f"{prefix}IB": 1024**power for power, prefix in enumerate("KMGTP", 1)},
}


def byte_count(text: str) -> int:
    """Return a number of bytes from text such as 500, 10GB, 1.5 TB (powers of 1000) or 64GiB."""
    found = re.fullmatch(r"([0-9]{1,18})(?:\.([0-9]{1,9}))? ?([A-Za-z]*)", text.strip())
    unit = _UNITS.get(found[3].upper()) if found else None
    if found is None or unit is None:
        raise typer.BadParameter(f"{text!r:.40} is no number of bytes, such as 500MB or 10GiB")
    part = found[2] or "0"
    return int(found[1] + part) * unit // int(10 ** len(part))


_AGE_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def age(text: str) -> timedelta:
    """Return a span of time from text such as 12h, 30d or 8w."""
    found = re.fullmatch(r"([0-9]{1,4}) ?([hdw])", text.strip())
    if found is None or not int(found[1]):
        raise typer.BadParameter(f"{text!r:.40} is no span of time, such as 12h, 30d or 8w")
    return timedelta(**{_AGE_UNITS[found[2]]: int(found[1])})


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is to be read where that is not everything, and what is remembered of it."""

    sample: str | None = None
    seed: str | None = None
    resume: bool = False
    since: bool = False
    max_age: timedelta | None = None
    journal: Path | None = None

    def __post_init__(self) -> None:
        """Refuse options that do not go together. Raises BadParameter."""
        if self.resume and self.since:
            raise typer.BadParameter(
                "--resume and --since exclude each other: --since goes on where it was interrupted"
            )
        if self.sample is not None and self.since:
            raise typer.BadParameter("--sample and --since exclude each other")
        if self.sample is not None and self.resume and self.seed is None:
            raise typer.BadParameter(
                "with --sample, --resume needs a --seed: without, each run draws another sample"
            )
        if self.seed is not None and self.sample is None:
            raise typer.BadParameter("--seed is for --sample")
        if self.max_age is not None and not self.since:
            raise typer.BadParameter("--max-age is for --since")
        if self.journal is not None and not (self.resume or self.since):
            raise typer.BadParameter("--journal is for --resume and --since")

    @property
    def remembers(self) -> bool:
        """Whether a journal is kept."""
        return self.resume or self.since


MaxBytes = Annotated[
    int | None,
    typer.Option(
        "--max-bytes",
        metavar="SIZE",
        parser=byte_count,
        help="Refuse, before reading, what has more bytes than this (10GB, 64GiB).",
    ),
]
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
ShardOption = Annotated[
    str | None,
    typer.Option(
        "--shard", metavar="I/N", help="Read one of N shares, and write it to -o PART for merge."
    ),
]
DaskOption = Annotated[
    str | None,
    typer.Option(
        "--dask", metavar="ADDRESS", help="Have the workers of this dask scheduler read it."
    ),
]
CrateArgument = Annotated[
    str,
    typer.Argument(
        metavar="CRATE",
        help="A directory, a zip, or an ro-crate-metadata.json.",
        show_default=False,
    ),
]
SampleOption = Annotated[
    str | None,
    typer.Option(
        "--sample",
        metavar="P%|N",
        help="Read so much of each container and of the rest; names and sizes of all.",
    ),
]
SeedOption = Annotated[
    str | None,
    typer.Option("--seed", metavar="TEXT", help="Draw the same sample again [default: by chance]."),
]
ResumeOption = Annotated[
    bool,
    typer.Option("--resume", help="Keep a journal, and go on where a verification was ended."),
]
SinceOption = Annotated[
    bool,
    typer.Option("--since", help="Keep a journal, and read only what changed since it was read."),
]
MaxAgeOption = Annotated[
    timedelta | None,
    typer.Option(
        "--max-age",
        metavar="AGE",
        parser=age,
        help="With --since: read again what was read longer ago (12h, 30d, 8w).",
    ),
]
JournalOption = Annotated[
    Path | None,
    typer.Option("--journal", metavar="FILE", help="The journal [default: in the state folder]."),
]
TrustOption = Annotated[
    str | None,
    typer.Option("--trust", metavar="DIR", help="Believe these keys, DID documents and TSA roots."),
]
KeyOption = Annotated[
    str | None,
    typer.Option("--key", metavar="FILE", help="The key; - is stdin [default: CRATE_ISCC_KEY]."),
]
PrintOption = Annotated[BuildFormat, typer.Option("--format", help="What to print.")]
NoCacheOption = Annotated[
    bool, typer.Option("--no-cache", help="Read every file, also what did not change.")
]
NameOption = Annotated[
    str | None, typer.Option("--name", metavar="TEXT", help="The dataset's name.")
]
DescriptionOption = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="What it is, in a sentence.")
]
LicenceOption = Annotated[
    str | None,
    typer.Option(
        "--license",
        "--licence",
        metavar="ID",
        help="An SPDX identifier (CC-BY-4.0), a URL, or a file.",
    ),
]
AuthorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--author",
        metavar="NAME",
        help="A name, an ORCID or both: 'Ada Lovelace 0000-…'. Repeatable.",
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
        help="Directories, zips, tars, ro-crate-metadata.json files, https:// or s3:// addresses.",
        show_default=False,
    ),
]
ProfileArgument = Annotated[
    str, typer.Argument(metavar="[NAME]", help="Such as bio-codes.", show_default=False)
]
