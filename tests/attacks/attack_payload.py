"""Attacks on the files themselves: changed, lost, added, and what is no file."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from attack_model import (
    FILES,
    INTACT,
    MANIFEST,
    METADATA,
    OTHER,
    PROBLEM,
    UNREAD,
    Attack,
    both,
    crate,
    datahash,
    graph_of,
    in_directory,
    metadata,
    treehash,
    with_changed,
    with_members,
    zipped,
)
from attack_zip import DEVICE, FIFO, LINK, Member

FLIP = "a byte flipped, or bytes moved from one file to the next"
LOST = "a file missing, added or renamed"
IGNORED = "a file where tools do not look (`.git/`, `.isccignore`, `*.iscc.json`)"
LINKED = "links: in the place of a file, or added; out, in, dangling, looping, hard"
SPECIAL = "a pipe, a socket, a device"
REWRITTEN = "the list of checksums rewritten, emptied or dropped"

CLOSED = crate(closed=True)
A, B = FILES["a.txt"], FILES["data/b.bin"]
ISCC = "ISCC:K4AEOHVDSTL3LSXHGDA4LNVPJZ6U22ZZFCRBJ7SLIMRIJBTDQOWFMIY"


def payload_attacks() -> Iterator[Attack]:
    flipped = {**FILES, "data/b.bin": bytes([B[0] ^ 1]) + B[1:]}
    yield both(FLIP, "bytes.changed", "flipped-bit", PROBLEM, crate(flipped))
    yield both(FLIP, "bytes.changed", "flipped-bit-closed", PROBLEM, crate(flipped, closed=True))
    yield both(LOST, "bytes.missing", "missing-file", PROBLEM, crate(OTHER))
    yield both(LOST, "bytes.extra", "added-file", PROBLEM, {**CLOSED, "more.txt": b"more"})
    yield both(LOST, "bytes.extra", "added-empty-file", PROBLEM, {**CLOSED, "more.txt": b""})
    yield both(LOST, "bytes.unlisted", "added-to-open-crate", INTACT, {**crate(), "m.txt": b"m"})
    renamed = {"a.txt": A, "data/c.bin": B}
    yield both(LOST, "bytes.moved", "renamed-file", PROBLEM, crate(renamed))
    yield both(LOST, "bytes.moved", "renamed-file-closed", PROBLEM, crate(renamed, closed=True))
    shifted = {"a.txt": A + B[:100], "data/b.bin": B[100:]}
    yield both(FLIP, "bytes.changed", "shifted-bytes", PROBLEM, crate(shifted))
    for path in (".git/hooks/post-checkout", ".isccignore", "x.iscc.json", "ro-crate-preview.htm"):
        name = "hidden-" + path.strip(".").replace("/", "-").replace(".", "-")
        yield both(IGNORED, "bytes.extra", name, PROBLEM, {**CLOSED, path: b"#!/bin/sh\n"})
    yield from _lists()
    yield from _links()
    yield from _special_files()


def _lists() -> Iterator[Attack]:
    """Somebody changes a file and the list of checksums beside it."""

    def lines(files: dict[str, bytes]) -> bytes:
        rows = [f"{p}\t{len(c)}\t{datahash(c)}\t{ISCC}" for p, c in sorted(files.items())]
        return ("path\tsize\tdatahash\tiscc\n" + "\n".join(rows) + "\n").encode()

    manifest = lines({})
    graph = graph_of({}, closed=True)
    graph[1] |= {
        "treehash": treehash(FILES),
        "fileCount": len(FILES),
        "manifestDatahash": datahash(manifest),
    }
    start = {METADATA: metadata(graph), **FILES}
    yield both(REWRITTEN, "bytes.missing", "list-dropped", PROBLEM, start)
    rewritten = {**start, "a.txt": b"forged", MANIFEST: manifest + b"\n"}
    yield both(REWRITTEN, "bytes.changed", "list-rewritten", PROBLEM, rewritten)
    emptied = {**start, "a.txt": b"forged", MANIFEST: manifest}
    yield both(REWRITTEN, "bytes.extra", "list-emptied", PROBLEM, emptied)


def _links() -> Iterator[Attack]:
    def instead(target: str) -> Callable[[Path], object]:
        def link(folder: Path) -> None:
            (folder / "a.txt").unlink()
            (folder / "a.txt").symlink_to(target)

        return link

    for name, target in (("out", "/etc/passwd"), ("in", "data/b.bin"), ("loop", "a.txt")):
        yield in_directory(
            LINKED,
            "bytes.unread",
            f"file-is-link-{name}",
            UNREAD,
            crate(),
            instead(target),
            archive=with_changed("a.txt", content=target.encode(), mode=LINK),
        )
    added = {
        "out": "/etc/passwd",
        "up": "../../secret.txt",
        "in": "a.txt",
        "dangling": "nowhere",
        "loop": "link",
        "folder": "/etc",
        "own-folder": ".",
    }
    for name, target in added.items():
        for closed in (False, True):
            yield in_directory(
                LINKED,
                "bytes.extra" if closed else "file.special",
                f"link-{name}",
                PROBLEM if closed else INTACT,
                crate(closed=closed),
                lambda folder, target=target: (folder / "link").symlink_to(target),  # type: ignore[misc]
                archive=with_members(
                    Member(name=b"link", content=target.encode(), mode=LINK),
                    files=crate(closed=closed),
                ),
            )
    yield in_directory(
        LINKED,
        "valid",
        "hard-link",
        INTACT,
        crate({"a.txt": A}, recorded={"a.txt": A, "again.txt": A}),
        lambda folder: (folder / "again.txt").hardlink_to(folder / "a.txt"),
    )


def _special_files() -> Iterator[Attack]:
    modes = {"pipe": stat.S_IFIFO, "socket": stat.S_IFSOCK}
    for name, mode in modes.items():

        def instead(folder: Path, mode: int = mode) -> None:
            (folder / "a.txt").unlink()
            _make(folder / "a.txt", mode)

        def beside(folder: Path, mode: int = mode) -> None:
            _make(folder / "odd", mode)

        yield in_directory(SPECIAL, "bytes.unread", f"file-is-{name}", UNREAD, crate(), instead)
        yield in_directory(SPECIAL, "file.special", f"added-{name}", INTACT, crate(), beside)
        yield in_directory(SPECIAL, "bytes.extra", f"added-{name}", PROBLEM, CLOSED, beside)
    for name, mode in (("pipe", FIFO), ("device", DEVICE)):
        yield zipped(
            SPECIAL,
            "bytes.unread",
            f"member-is-{name}",
            UNREAD,
            with_changed("a.txt", mode=mode),
        )
        odd = with_members(Member(name=b"odd", mode=mode))
        yield zipped(SPECIAL, "file.special", f"added-member-{name}", INTACT, odd)


def _make(place: Path, mode: int) -> None:
    """Make a pipe or a socket. Raises OSError where the system has none."""
    if not hasattr(os, "mknod"):
        raise OSError(errno.ENOTSUP, "there are no such files here")
    os.mknod(place, mode | 0o600)
