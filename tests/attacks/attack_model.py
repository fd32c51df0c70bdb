"""What one attack on a crate is, and the small crate that all of them start from."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from attack_zip import Member, archive, members_of
from blake3 import blake3

METADATA = "ro-crate-metadata.json"
MANIFEST = "iscc-manifest.tsv"
CONTEXT = "https://w3id.org/ro/crate/1.2/context"
FILES = {"a.txt": b"alpha\n" * 40, "data/b.bin": bytes(range(256)) * 8}
"""The payload of the crate that is attacked."""
OTHER = {"a.txt": FILES["a.txt"]}

Files = Mapping[str, bytes]
Entity = dict[str, Any]

VALID, NO_VERDICT = "valid", "no-verdict"
INTACT, PROBLEM, ERROR, UNREAD = 0, 1, 2, 3
"""Exit codes of verify."""

_IN_NO_ID = frozenset(' "#%:<>?[\\]^`{|}')


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One crate that somebody hostile, or something broken, has made.

    `finding` is what verify has to say of it (or "valid", or "no-verdict" for one clear error),
    `code` its exit code, `row` its row in the README's table. `words` are in the error of a
    no-verdict. With `alone` it is checked in a process of its own, whose memory is measured.
    """

    row: str
    finding: str
    name: str
    code: int
    directory: Callable[[Path], object] | None = None
    archive: Callable[[], bytes] | None = None
    words: str = ""
    options: tuple[str, ...] = ()
    alone: bool = False

    @property
    def folder(self) -> str:
        """Where it lies in the corpus."""
        return f"{self.finding}/{self.name}"


def datahash(content: bytes) -> str:
    return "1e20" + blake3(content).hexdigest()


def treehash(files: Files) -> str:
    records = (
        b"%b\0%d\0%b\n" % (path.encode(), len(content), datahash(content).encode())
        for path, content in sorted(files.items(), key=lambda item: item[0].encode())
    )
    return datahash(b"".join(records))


def id_of(path: str) -> str:
    """Return the @id of a path as RO-Crate asks for it."""
    return "".join(f"%{ord(c):02X}" if c in _IN_NO_ID or ord(c) < 0x20 else c for c in path)


def file_entity(path: str, content: bytes, **more: Any) -> Entity:
    return {
        "@id": id_of(path),
        "@type": "File",
        "contentSize": str(len(content)),
        "datahash": datahash(content),
        **more,
    }


def graph_of(
    recorded: Files = FILES, *, entities: Iterable[Entity] = (), closed: bool = False
) -> list[Any]:
    """Return the graph of a crate that records these files; a closed one has a treehash."""
    described = [*(file_entity(*item) for item in recorded.items()), *entities]
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": "Cells",
        "hasPart": [{"@id": entity["@id"]} for entity in described if "@id" in entity],
    }
    if closed:
        root["treehash"] = treehash(recorded)
    descriptor = {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": {"@id": "./"},
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
    }
    return [descriptor, root, *described]


def metadata(graph: Any, context: Any = CONTEXT) -> bytes:
    return json.dumps({"@context": context, "@graph": graph}, indent=1).encode()


def crate(
    payload: Files = FILES,
    *,
    recorded: Files = FILES,
    entities: Iterable[Entity] = (),
    closed: bool = False,
    context: Any = CONTEXT,
) -> dict[str, bytes]:
    """Return the files of a crate that holds one payload and records another."""
    graph = graph_of(recorded, entities=entities, closed=closed)
    return {METADATA: metadata(graph, context), **payload}


def write(files: Files, folder: Path) -> None:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        # A system that takes the name for that of another file cannot hold this crate.
        with place.open("xb") as file:
            file.write(content)


def both(row: str, finding: str, name: str, code: int, files: Files, **more: Any) -> Attack:
    """Return an attack that is the same in a directory and in a zip."""
    return in_directory(
        row,
        finding,
        name,
        code,
        files,
        archive=lambda: archive(members_of(files)),
        **more,
    )


def in_directory(
    row: str,
    finding: str,
    name: str,
    code: int,
    files: Files,
    then: Callable[[Path], object] | None = None,
    **more: Any,
) -> Attack:
    """Return an attack on a directory; `then` is done to it once the files are there."""

    def make(folder: Path) -> None:
        write(files, folder)
        if then:
            then(folder)

    return Attack(row=row, finding=finding, name=name, code=code, directory=make, **more)


def zipped(
    row: str,
    finding: str,
    name: str,
    code: int,
    make: Callable[[], bytes],
    **more: Any,
) -> Attack:
    """Return an attack that only a zip can make."""
    return Attack(row=row, finding=finding, name=name, code=code, archive=make, **more)


def with_members(*members: Member, files: Files | None = None, **more: Any) -> Callable[[], bytes]:
    """Return what makes the crate's zip with further members."""
    start = members_of(crate() if files is None else files)
    return lambda: archive([*start, *members], **more)


def with_changed(name: str, files: Files | None = None, **changes: Any) -> Callable[[], bytes]:
    """Return what makes the crate's zip with one of its members changed."""
    start = members_of(crate() if files is None else files)
    return lambda: archive([replace(m, **changes) if m.name == name.encode() else m for m in start])
