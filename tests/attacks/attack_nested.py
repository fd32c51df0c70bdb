"""Attacks by what is recorded elsewhere: the manifests of a bag, and crates inside the crate."""

import hashlib
from collections.abc import Iterator

from attack_model import (
    FILES,
    INTACT,
    METADATA,
    OTHER,
    PROBLEM,
    UNREAD,
    Attack,
    Files,
    both,
    crate,
)

BAG = "a bag with `../` in its manifest, with addresses in `fetch.txt`"
NESTED = "crates inside: broken, hostile, 60 levels deep"


def nested_attacks(server: str) -> Iterator[Attack]:
    """Yield the attacks; `server` is the address of one that must never be asked."""
    for number, path in enumerate(
        ("../x", "data/../../x", "/etc/passwd", "data/%0A/../../x", "./../x"), 1
    ):
        line = f"{'0' * 64}  {path}\n"
        yield both(BAG, "path.unsafe", f"bag-manifest-{number}", PROBLEM, bag(more=line))
        fetch = {"fetch.txt": f"{server}x 1 {path}\n".encode()}
        yield both(BAG, "path.unsafe", f"bag-fetch-{number}", PROBLEM, {**bag(), **fetch})
    missing = f"{'0' * 64}  data/later.bin\n"
    fetched = {**bag(more=missing), "fetch.txt": f"{server}x 9 data/later.bin\n".encode()}
    yield both(BAG, "bytes.not-fetched", "bag-not-fetched", UNREAD, fetched)

    for name, raw in (("no-json", b"{"), ("deep", b"[" * 100_000), ("no-root", b'{"@graph": []}')):
        files = {**crate(), f"inside/{METADATA}": raw}
        yield both(NESTED, "crate.unverified", f"inside-{name}", INTACT, files)
    entity = {"@id": "../../secret.txt", "@type": "File"}
    inside = crate(OTHER, recorded=OTHER, entities=[entity])
    hostile = {**crate(), **{f"inside/{name}": raw for name, raw in inside.items()}}
    yield both(NESTED, "path.unsafe", "inside-unsafe", PROBLEM, hostile)
    levels = crate()
    for depth in range(1, 61):
        level = crate(OTHER, recorded=OTHER)
        levels |= {"n/" * depth + name: raw for name, raw in level.items()}
    yield both(NESTED, "crate.unverified", "inside-60-levels", INTACT, levels)


def bag(more: str = "") -> Files:
    """Return a bag (RFC 8493) around the crate; its manifest has further lines."""
    payload = {f"data/{name}": content for name, content in crate(FILES).items()}
    lines = [f"{hashlib.sha256(raw).hexdigest()}  {name}\n" for name, raw in payload.items()]
    return {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "manifest-sha256.txt": ("".join(lines) + more).encode(),
        **payload,
    }
