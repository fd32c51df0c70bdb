"""Reports to render: valid, damaged, incomplete, hostile, of every kind, and as many as asked."""

import os
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import settings

from crate_iscc.codes import Distance
from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import CratePath, crate_path
from crate_iscc.report import Command, Counts, Finding, Report

steady = settings(
    derandomize=True,
    database=None,
    max_examples=1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 60,
)
"""Always the same examples, so that CI is stable; many more with HYPOTHESIS_PROFILE=deep."""

PROFILE = "https://w3id.org/bio-codes/ro-crate/0.1"
DATAHASH = "1e20" + "ab" * 32

HOSTILE = [
    "<script>alert(1)</script>.tif",
    "]]><!-- & -->.xml",
    "::error file=x::smuggled",
    "##[add-mask]everything",
    "line\nend.tif",
    "\r\n::set-output name=x::y",
    "gnp.\u202eelif.exe",
    "a|b\\|c||.csv",
    "`code` ``more`` [link](https://evil.example) ![x](y) **b** ~~s~~ $m$",
    "back`tick`",
    "ends with a backslash\\",
    "lone \\udc80 and \\x00 as the project escapes them",
    "\x1b[31mred\x07\x00",
    "\ufffe\uffff\x85\u2028\u2029\ufeff",
    "{0} {{1}} %25 %0A, : = ;",
    " leading and trailing ",
    "' onload='alert(1) \" style=\"x",
    "x" * 300,
    "日本語/שלום/😀.tif",
    "#1 @somebody www.evil.example &lt;b&gt; &#60;",
]
"""Names that mean something to a shell, a browser, XML, Markdown, SARIF, GitHub or Unicode."""


def verification(
    findings: Iterable[Finding] = (),
    *,
    match: int = 73,
    unread: int | None = None,
    quick: bool = False,
    **more: object,
) -> Report:
    """Return the report of a verification whose counts go with its findings."""
    found = tuple(findings)
    names = ("changed", "moved", "missing", "extra", "unread", "unchecked")
    numbers = {name: sum(item.id == f"bytes.{name}" for item in found) for name in names}
    if unread is not None:
        numbers["unread"] = unread
    report = Report(
        subject="study",
        folder="study",
        checked=("presence", "size") if quick else ("presence", "size", "datahash", "treehash"),
        not_checked=("datahash", "metadata") if quick else ("iscc-sum", "metadata"),
        findings=found,
        files=77,
        size=3_700_000,
        counts=Counts(match=match, **numbers),
        tool="crate-iscc 0.1.0",
        kernel="iscc-lib 0.7.0",
    )
    return replace(report, **more)  # type: ignore[arg-type]


def validation(
    findings: Iterable[Finding] = (), *, level: Severity = Severity.WARNING, **more: object
) -> Report:
    """Return the report of a validation of the metadata at a level."""
    levels = tuple(severity.level.lower() for severity in Severity)
    report = Report(
        command=Command.VALIDATE,
        subject="study",
        folder="study",
        checked=levels[: level.rank + 1],
        not_checked=(*levels[level.rank + 1 :], "rocrate", "contents"),
        findings=tuple(findings),
        files=77,
        tool="crate-iscc 0.1.0",
        profile=PROFILE,
        level=level,
    )
    return replace(report, **more)  # type: ignore[arg-type]


def changed(path: str, bits: int = 9, of: int = 128) -> Finding:
    """Return a file of which `bits` bits of the Data-Code changed."""
    distance = Distance(bits, of)
    return Finding(
        "bytes.changed",
        f"{distance} differ: {distance.word}",
        crate_path(path),
        distance=distance,
        recorded=DATAHASH,
        observed="1e20" + "cd" * 32,
    )


DAMAGE = (
    changed("raw/cell.ome.tif", 0),
    changed("raw/tissue.ome.tif", 30),
    changed("figures/Figure 3.png", 61),
    Finding(
        "bytes.moved",
        "the same bytes are now at figures/Figure 2.png",
        CratePath("figures/Figure 1.png"),
        moved_to=CratePath("figures/Figure 2.png"),
        recorded=DATAHASH,
    ),
    Finding("bytes.missing", "not there", CratePath("tables/measurements.csv"), recorded=DATAHASH),
    Finding("bytes.extra", "the crate does not record this file", CratePath("notes/stray.txt")),
    Finding(
        "tree.changed",
        "every recorded file is as recorded, the whole is not",
        CratePath("images/cell.ome.zarr/"),
        recorded=DATAHASH,
        observed="1e20" + "cd" * 32,
    ),
    Finding("bytes.unchecked", "no fingerprint is recorded", CratePath("LICENSE.txt")),
)
UNREAD = Finding("bytes.unread", "permission denied", CratePath("logs/run.log"))
BREACHES = (
    Finding(
        "file.datahash",
        "the file has no datahash",
        entity="raw/cell.ome.tif",
        pointer="/@graph/7",
        line=112,
    ),
    Finding(
        "file.size",
        "contentSize is '12 kB', not a number of bytes",
        entity="raw/cell.ome.tif",
        pointer="/@graph/7/contentSize",
        line=118,
    ),
    Finding("graph.reference", "nothing describes #taxon", entity="#biosample", line=240),
    Finding("graph.reference", "nothing describes #place", entity="#biosample", line=241),
    Finding("describe.license", "the root has no license", entity="./", pointer="/@graph/1"),
    Finding("describe.creator", "the root has no creator", entity="./", pointer="/@graph/1"),
)


def hostile() -> list[Finding]:
    """Return findings whose every text was written by somebody who means harm."""
    found = []
    for name in HOSTILE:
        path = crate_path(name.replace("\0", "\\x00").replace("//", "/"))
        found.append(Finding("bytes.missing", f"not there: {name}", path, recorded=name))
        found.append(
            Finding(
                "graph.reference",
                f"nothing describes {name}",
                entity=name,
                pointer=f"/@graph/0/{name}",
                line=3,
            )
        )
    return found


def every_kind() -> list[Finding]:
    """Return one finding of each kind that there is."""
    return [
        Finding(kind, f"what is wrong with {kind}", CratePath(f"files/{kind}.tif"))
        for kind in FINDING_KINDS
    ]


def many(number: int) -> list[Finding]:
    """Return as many findings as asked, of which one in ten is a changed file."""
    return [
        changed(f"images/plate.zarr/0/c/{index // 100}/{index % 100}")
        if index % 10 == 0
        else Finding("bytes.missing", "not there", CratePath(f"images/plate.zarr/0/{index}"))
        for index in range(number)
    ]


REPORTS = {
    "valid": verification(),
    "quick": verification(quick=True),
    "damaged": verification(DAMAGE),
    "incomplete": verification([UNREAD]),
    "unread and damaged": verification([*DAMAGE, UNREAD]),
    "excluded and ignored": verification(
        DAMAGE[:1], excluded=("scratch/", "*.tmp"), ignored=(("bytes.extra", 1200),)
    ),
    "conforming": validation(),
    "not conforming": validation(BREACHES),
    "in an archive": verification(DAMAGE, subject="deposits/study.zip", folder=None),
    "every kind": verification(every_kind()),
    "hostile": verification(hostile(), subject=HOSTILE[0], folder=HOSTILE[0]),
    "hostile validation": validation(
        hostile(), subject=HOSTILE[4], folder=HOSTILE[4], metadata=HOSTILE[7]
    ),
    "hostile subject": verification(
        [UNREAD],
        subject="\r\n::error::x ##[error]y \\udc80 \\ud800 <b> `",
        folder=None,
        excluded=tuple(HOSTILE),
    ),
}
"""A report of each sort, by a name for the test's id."""
