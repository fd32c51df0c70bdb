"""Makes what gives no verdict: no crates, and crates that record nothing to check against."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from crate_iscc import build
from verify.verify_kit import METADATA, Graph, edit_metadata, foreign, write_files, zip_of


@dataclass(frozen=True)
class Nothing:
    """Something without a verdict: how it is made below a folder, and a word of the error."""

    name: str
    make: Callable[[Path], Path]
    word: str


def _folder(base: Path, files: dict[str, bytes]) -> Path:
    return write_files(base / "thing", files)


def _file(base: Path, name: str, content: bytes) -> Path:
    (base / name).write_bytes(content)
    return base / name


def _listed_only(base: Path) -> Path:
    entities: Graph = [{"@id": "a.txt", "@type": "File", "name": "a", "identifier": "doi:10/1"}]
    return foreign(base / "thing", {"a.txt": b"a"}, entities)


def _truncated_zip(base: Path) -> Path:
    folder = write_files(base / "whole", {"a.txt": b"a" * 1000})
    build(folder)
    archive = zip_of(folder, base / "cut.zip")
    archive.write_bytes(archive.read_bytes()[:-40])
    return archive


def _crate_of_nothing(base: Path) -> Path:
    return foreign(base / "thing", {}, [])


def _crate_whose_payload_is_empty(base: Path) -> Path:
    nothing = "1e20af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    folder = foreign(base / "thing", {}, [])

    def add(graph: Graph) -> None:
        graph[1]["identifier"] = {"@id": "#treehash"}
        graph[1]["https://w3id.org/bio-codes/terms#fileCount"] = 0
        graph.append(
            {
                "@id": "#treehash",
                "@type": "PropertyValue",
                "propertyID": "https://w3id.org/bio-codes/terms#treehash",
                "value": nothing,
            }
        )

    edit_metadata(folder, add)
    return folder


def sizeless(base: Path, *, with_treehash: bool) -> Path:
    """Return a crate that records datahashes and no size at all."""
    folder = write_files(base / "sizeless", {"a.txt": b"a", "b.txt": b"b"})
    build(folder)

    def strip(graph: Graph) -> None:
        for entity in graph:
            entity.pop("contentSize", None)
            if entity["@id"] == "./" and not with_treehash:
                entity.pop("identifier")

    edit_metadata(folder, strip)
    return folder


_NOT_JSON = "not JSON"

NOTHING = (
    Nothing("a path that is not there", lambda base: base / "nowhere", "not found"),
    Nothing("an empty folder", lambda base: _folder(base, {}), "not an RO-Crate"),
    Nothing("a folder that is no crate", lambda b: _folder(b, {"a": b"a"}), "not an RO-Crate"),
    Nothing(
        "a crate one level further down",
        lambda base: foreign(base / "thing" / "inner", {"a": b"a"}, []).parent,
        "not an RO-Crate",
    ),
    Nothing("an empty crate", _crate_of_nothing, "nothing can be verified"),
    Nothing("a crate of no files", _crate_whose_payload_is_empty, "nothing can be verified"),
    Nothing("a crate without a checksum", _listed_only, "nothing can be verified"),
    Nothing("a text file", lambda base: _file(base, "a.txt", b"text"), "not a dataset"),
    Nothing("an empty file", lambda base: _file(base, "a.zip", b""), "not a dataset"),
    Nothing("a truncated zip", _truncated_zip, "not a readable zip archive"),
    Nothing(
        "an empty zip",
        lambda base: zip_of(_folder(base, {}), base / "empty.zip"),
        "not an RO-Crate",
    ),
    Nothing(
        "a zip without a crate",
        lambda base: zip_of(_folder(base, {"a.txt": b"a"}), base / "plain.zip"),
        "not an RO-Crate",
    ),
    Nothing(
        "a zip of an empty crate",
        lambda base: zip_of(_crate_of_nothing(base), base / "empty.zip"),
        "nothing can be verified",
    ),
    Nothing(
        "metadata that are not JSON",
        lambda base: _folder(base, {METADATA: b"<html>", "a.txt": b"a"}),
        _NOT_JSON,
    ),
    Nothing("empty metadata", lambda base: _folder(base, {METADATA: b"", "a": b"a"}), _NOT_JSON),
    Nothing(
        "metadata that are not UTF-8",
        lambda base: _folder(base, {METADATA: b'{"@graph": ["\xff"]}'}),
        "not UTF-8",
    ),
    Nothing(
        "metadata that are a list",
        lambda base: _folder(base, {METADATA: json.dumps([1, 2]).encode()}),
        "not RO-Crate JSON-LD",
    ),
    Nothing(
        "metadata without a root",
        lambda base: _folder(base, {METADATA: b'{"@context": "x", "@graph": [{"@id": "#a"}]}'}),
        "no RO-Crate",
    ),
)
"""Everything that must never be called valid, for there is nothing to compare it with."""
