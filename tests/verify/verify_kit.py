"""Makes crates, damages them, and holds every report against what holds for all reports."""

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from blake3 import blake3
from jsonschema import Draft202012Validator

from crate_iscc import Report, Thoroughness, Verdict, build, report_json, report_text, verify
from crate_iscc.fingerprinting.journal import Journal
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.render.report_json import report_jsonl
from crate_iscc.render.saved import parse_report
from crate_iscc.verifying.sampling import Sampling

REPOSITORY = Path(__file__).resolve().parents[2]
METADATA = "ro-crate-metadata.json"
MANIFEST = "iscc-manifest.tsv"
CELL = "raw/cell.ome.tif"
RETINA = "images/retina.ome.tif"
TABLE = "tables/measurements.csv"
FIGURE = "figures/Figure 1.png"
CELL_ZARR = "images/cell.ome.zarr/"
IHC_ZARR = "images/ihc.ome.zarr/"
CHUNK = CELL_ZARR + "0/c/0/0"
NEXT_CHUNK = CELL_ZARR + "0/c/0/1"
FREE_CHUNK = CELL_ZARR + "0/c/9/9"
AWKWARD = "notes/F\u00e4rbung 50% \u2013 Probe #3.txt"

Found = tuple[str, str | None, str | None]
"""A finding's id, its path, and where the content was found."""

Graph = list[dict[str, Any]]


# --- crates ------------------------------------------------------------------------------------


def _once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Return a folder that is made by the first process that asks for it; the others wait."""
    lock, done = (folder.with_suffix(ending) for ending in (".lock", ".done"))
    for _ in range(3000):
        if done.exists():
            return folder
        try:
            lock.mkdir()
        except FileExistsError:
            time.sleep(0.1)
            continue
        try:
            if not done.exists():
                make(folder)
                done.touch()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            lock.rmdir()
    raise TimeoutError(f"nobody made {folder}")


def _shared(factory: pytest.TempPathFactory) -> Path:
    """Return a folder of this test run that its worker processes, if any, have in common."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_study(factory: pytest.TempPathFactory) -> Path:
    """Return the example study, made once in a test run."""

    def make(folder: Path) -> None:
        script = REPOSITORY / "examples" / "make_study.py"
        subprocess.run(
            [sys.executable, str(script), str(folder)], check=True, capture_output=True, timeout=250
        )

    return _once(_shared(factory) / "the-study", make)


def made_crate(factory: pytest.TempPathFactory) -> Path:
    """Return the example study as a crate, built once in a test run."""
    study = made_study(factory)

    def make(folder: Path) -> None:
        shutil.copytree(study, folder)
        build(folder, name="A small study", licence="CC0-1.0")

    return _once(_shared(factory) / "the-crate", make)


def plain_files() -> dict[str, bytes]:
    """Return the content of a dataset without containers; two files are large enough to compare."""
    noise = Random(2024)
    return {
        "a.bin": noise.randbytes(300_000),
        "b.bin": noise.randbytes(300_000),
        "empty.txt": b"",
        "notes/c.txt": b"a note\n",
        "notes/same.txt": b"a note\n",
    }


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files below a folder, which is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def foreign(folder: Path, files: dict[str, bytes], entities: Graph, context: Any = None) -> Path:
    """Write a crate that another tool could have made: no treehash, no manifest file."""
    write_files(folder, files)
    parts = [{"@id": entity["@id"]} for entity in entities if entity.get("@type") == "File"]
    graph: Graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        {"@id": "./", "@type": "Dataset", "name": "Cells", "hasPart": parts},
        *entities,
    ]
    value = {"@context": context or "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    (folder / METADATA).write_text(json.dumps(value), encoding="utf-8")
    return folder


def edit_metadata(crate: Path, change: Callable[[Graph], None]) -> None:
    """Load the metadata of a crate, hand its graph to `change`, and write it back."""
    place = crate / METADATA
    value = json.loads(place.read_text(encoding="utf-8"))
    change(value["@graph"])
    place.write_text(json.dumps(value, ensure_ascii=False, indent=2), encoding="utf-8")


def entity_of(graph: Graph, entity_id: str) -> dict[str, Any]:
    """Return the one entity of that id."""
    (only,) = (entity for entity in graph if entity["@id"] == entity_id)
    return only


def metadata_of(crate: Path) -> Graph:
    """Return the graph of a crate's metadata."""
    graph: Graph = json.loads((crate / METADATA).read_text(encoding="utf-8"))["@graph"]
    return graph


def payload_paths(crate: Path) -> list[str]:
    """Return the paths of the files below a crate, less those that describe it."""
    paths = [p.relative_to(crate).as_posix() for p in crate.rglob("*") if not p.is_dir()]
    return sorted(path for path in paths if path not in (METADATA, MANIFEST))


def zip_of(
    folder: Path, place: Path, *, deflate: bool = False, wrapper: str = "", folders: bool = False
) -> Path:
    """Zip a folder as any archiver does: links stay links, folders get entries only if asked."""
    compression = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(place, "w", compression, compresslevel=1) as archive:
        for path in sorted(folder.rglob("*"), reverse=True):
            name = wrapper + path.relative_to(folder).as_posix()
            if path.is_symlink():
                link = zipfile.ZipInfo(name)
                link.external_attr = 0o120777 << 16
                archive.writestr(link, str(path.readlink()))
            elif path.is_file():
                archive.write(path, name)
            elif folders:
                archive.write(path, name + "/")
    return place


def blake3_hex(content: bytes) -> str:
    """Return the BLAKE3-256 of some bytes in hex."""
    return blake3(content).hexdigest()


def treehash_of(folder: Path, paths: list[str]) -> str:
    """Return the treehash as the format defines it, from nothing but the files on disk."""
    records = []
    for path in sorted(paths, key=lambda path: path.encode("utf-8")):
        content = (folder / path).read_bytes()
        records.append(f"{path}\0{len(content)}\0{'1e20' + blake3_hex(content)}\n")
    return "1e20" + blake3_hex("".join(records).encode("utf-8"))


# --- reports -----------------------------------------------------------------------------------


@cache
def _schema() -> dict[str, Any]:
    place = REPOSITORY / "schemas" / "report.schema.json"
    schema: dict[str, Any] = json.loads(place.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return schema


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(_schema())


def hold_against_schema(value: object) -> None:
    """Fail unless a JSON value is a report as the published schema has it."""
    problems = [error.message for error in _validator().iter_errors(value)]
    assert not problems


def verified(
    source: Path,
    thoroughness: Thoroughness = Thoroughness.DATAHASH,
    *,
    closed: bool = False,
    each: bool = False,
    sampling: Sampling | None = None,
    journal: Journal | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    progress: ProgressSink = nobody,
) -> Report:
    """Verify a crate and hold the report against all that is true of any report."""
    report = verify(
        source,
        thoroughness=thoroughness,
        closed=closed,
        each=each,
        sampling=sampling,
        journal=journal,
        jobs=jobs,
        gentle=gentle,
        progress=progress,
    )
    value = json.loads(report_json(report))
    hold_against_schema(value)
    assert parse_report(json.dumps(value), _schema()) == report
    _hold_texts(report, value)
    _hold(report)
    return report


def _hold(report: Report) -> None:
    _hold_counts(report)
    assert not set(report.checked) & set(report.not_checked)
    assert (report.verdict is Verdict.VALID) == (
        not report.counts.unread
        and not report.counts.not_fetched
        and not report.counts.not_sampled
        and all(f.severity != "error" for f in report.findings)
        and all(inner.verdict is Verdict.VALID for inner in report.nested)
    )
    quick = "datahash" in report.not_checked
    assert sum(count for _, count in report.rests_on) == (0 if quick else report.counts.match)
    for inner in report.nested:
        _hold(inner)


_NAMED_BY_KIND = ("path.unsafe", "file.special", "zip.duplicate", "zip.overlap", "zip.encrypted")
"""Kinds of what is counted as unread where it is recorded, and else as extra."""


def _hold_counts(report: Report) -> None:
    ids = Counter(finding.id for finding in report.findings)
    counts = report.counts
    assert {
        "changed": ids["bytes.changed"],
        "moved": ids["bytes.moved"],
        "missing": ids["bytes.missing"],
        "unchecked": ids["bytes.unchecked"],
        "not_fetched": ids["bytes.not-fetched"],
        "remote": ids["bytes.remote"],
    } == {
        name: getattr(counts, name)
        for name in ("changed", "moved", "missing", "unchecked", "not_fetched", "remote")
    }
    extra, unread = ids["bytes.extra"] + ids["bytes.unlisted"], ids["bytes.unread"]
    named = sum(
        f.id in _NAMED_BY_KIND and f.entity is None and not f.message.startswith("line ")
        for f in report.findings
    )
    assert extra <= counts.extra
    assert unread <= counts.unread
    unwritable = sum(f.id == "path.portability" and "Unicode" in f.message for f in report.findings)
    assert 0 <= counts.extra + counts.unread - extra - unread - named <= unwritable


def _hold_texts(report: Report, value: dict[str, Any]) -> None:
    text = report_text(report)
    assert f"\n{report.verdict.value.upper()}: " in text
    assert "\x1b" not in text
    *findings, last = (json.loads(line) for line in report_jsonl(report).splitlines())
    assert [record.pop("record") for record in findings] == ["finding"] * len(report.findings)
    assert last.pop("record") == "report"
    assert {**last, "findings": findings} == value


def found(report: Report) -> set[Found]:
    """Return what the findings of a report say; none may be said twice."""
    said = [(finding.id, finding.path, finding.moved_to) for finding in report.findings]
    assert len(said) == len(set(said))
    return set(said)


# --- damage ------------------------------------------------------------------------------------


def flip_bit(place: Path, position: int | None = None) -> None:
    """Flip the lowest bit of one byte of a file, by default of the one in its middle."""
    content = bytearray(place.read_bytes())
    content[len(content) // 2 if position is None else position] ^= 1
    place.write_bytes(content)


def move(crate: Path, old: str, new: str) -> None:
    """Rename a file inside a crate, over whatever is there."""
    (crate / new).parent.mkdir(parents=True, exist_ok=True)
    (crate / old).replace(crate / new)


def _truncate(crate: Path) -> None:
    content = (crate / CELL).read_bytes()
    (crate / CELL).write_bytes(content[:-1000])


def _append(crate: Path) -> None:
    with (crate / CELL).open("ab") as file:
        file.write(Random(1).randbytes(1000))


def _rename_and_edit(crate: Path) -> None:
    move(crate, CELL, "raw/cell-2.ome.tif")
    flip_bit(crate / "raw/cell-2.ome.tif")


def _swap(crate: Path) -> None:
    move(crate, CELL, "raw/aside")
    move(crate, RETINA, CELL)
    move(crate, "raw/aside", RETINA)


def _shift(first: str, second: str) -> Callable[[Path], None]:
    def shift(crate: Path) -> None:
        head, tail = (crate / first).read_bytes(), (crate / second).read_bytes()
        (crate / first).write_bytes(head[:-100])
        (crate / second).write_bytes(head[-100:] + tail)

    return shift


@dataclass(frozen=True)
class Damage:
    """One way to damage the example crate, and the findings that it has to give.

    `changed` names the path whose Data-Code distance is told, with its word; `quick` holds the
    findings where only names and sizes are looked at.
    """

    name: str
    inflict: Callable[[Path], object]
    findings: frozenset[Found]
    quick: frozenset[Found]
    changed: str | None = None
    word: str = "near-identical"
    more_files: int = 0


def _both(*findings: Found) -> tuple[frozenset[Found], frozenset[Found]]:
    return frozenset(findings), frozenset(findings)


def _damages() -> Iterator[Damage]:
    cell: Found = ("bytes.changed", CELL, None)
    yield Damage(
        "a bit flipped",
        lambda crate: flip_bit(crate / CELL),
        frozenset({cell}),
        frozenset(),
        CELL,
    )
    yield Damage("a file truncated", _truncate, *_both(cell), changed=CELL)
    yield Damage("a file appended to", _append, *_both(cell), changed=CELL)
    yield Damage(
        "a file replaced",
        lambda crate: (crate / CELL).write_bytes(Random(5).randbytes(300_000)),
        *_both(cell),
        changed=CELL,
        word="unrelated",
    )
    yield Damage(
        "a file removed",
        lambda crate: (crate / TABLE).unlink(),
        *_both(("bytes.missing", TABLE, None)),
        more_files=-1,
    )
    yield Damage(
        "a file added",
        lambda crate: (crate / "notes/stray.txt").write_bytes(b"stray\n"),
        *_both(("bytes.extra", "notes/stray.txt", None)),
        more_files=1,
    )
    yield Damage(
        "a file renamed",
        lambda crate: move(crate, FIGURE, "figures/Figure 2.png"),
        frozenset({("bytes.moved", FIGURE, "figures/Figure 2.png")}),
        frozenset({("bytes.missing", FIGURE, None), ("bytes.extra", "figures/Figure 2.png", None)}),
    )
    yield Damage(
        "a file renamed and edited",
        _rename_and_edit,
        frozenset({("bytes.changed", CELL, "raw/cell-2.ome.tif")}),
        frozenset({("bytes.missing", CELL, None), ("bytes.extra", "raw/cell-2.ome.tif", None)}),
        CELL,
    )
    yield Damage(
        "two files swapped",
        _swap,
        frozenset({("bytes.moved", CELL, RETINA), ("bytes.moved", RETINA, CELL)}),
        frozenset({cell, ("bytes.changed", RETINA, None)}),
    )
    yield Damage(
        "bytes moved from the end of a file to the start of the next",
        _shift("LICENSE.txt", "README.md"),
        *_both(("bytes.changed", "LICENSE.txt", None), ("bytes.changed", "README.md", None)),
    )
    yield Damage(
        "bytes moved from the end of a chunk to the start of the next",
        _shift(CHUNK, NEXT_CHUNK),
        *_both(("bytes.changed", CHUNK, None), ("bytes.changed", NEXT_CHUNK, None)),
    )
    yield Damage(
        "a chunk moved to a free key",
        lambda crate: move(crate, CHUNK, FREE_CHUNK),
        frozenset({("bytes.moved", CHUNK, FREE_CHUNK)}),
        frozenset({("bytes.missing", CHUNK, None), ("bytes.extra", FREE_CHUNK, None)}),
    )
    yield Damage(
        "a chunk moved over another",
        lambda crate: move(crate, CHUNK, NEXT_CHUNK),
        frozenset({("bytes.moved", CHUNK, NEXT_CHUNK), ("bytes.changed", NEXT_CHUNK, None)}),
        frozenset({("bytes.missing", CHUNK, None), ("bytes.changed", NEXT_CHUNK, None)}),
        more_files=-1,
    )


DAMAGES = tuple(_damages())
"""Every way to damage a crate that the project promises to tell apart."""
