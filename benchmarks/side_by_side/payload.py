"""The bytes of the workloads: made, linked into further trees, warmed, and removed."""

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import NormalDist

from side_by_side.workloads import GIB, KIB, MIB, Site, Workload

CHUNK = MIB
"""What is made, and what the in-process loops read, at once."""
BYTES_PER_FILE = 4 * KIB
"""Space beside the payload, per file: directory entries, manifests and a crate's metadata."""


class BenchError(Exception):
    """The benchmark cannot run as asked."""


def say(text: str) -> None:
    """Print to standard error at once."""
    print(text, file=sys.stderr, flush=True)


def make_payload(workload: Workload, tree: Path) -> None:
    """Write the workload's files, the same bytes on every machine.

    Random files are SHAKE-128 output, so incompressible and distinct; images are its noise.
    """
    made = _noise if workload.content == "images" else _random
    parent = None
    for name in workload.names():
        path = tree / name
        if path.parent != parent:
            parent = path.parent
            parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, workload.file_size, CHUNK):
                seed = f"crate-iscc benchmark/{workload.name}/{name}/{start}".encode()
                file.write(made(seed, min(CHUNK, workload.file_size - start)))
    if workload.content == "zarr":
        _describe_zarr(workload, tree / "synthetic.zarr")
    # What waits to be written would be written while the first contenders run.
    os.sync()


def _random(seed: bytes, length: int) -> bytes:
    """Return bytes that cannot be compressed."""
    return hashlib.shake_128(seed).digest(length)


_SENSOR = bytes(
    min(255, max(0, round(NormalDist(128, 20).inv_cdf((n + 0.5) / 256)))) for n in range(256)
)
"""Turns bytes of even distribution into the normal one of a sensor's noise."""


def _noise(seed: bytes, length: int) -> bytes:
    """Return 16-bit pixels, little-endian, of a dark image's noise: deflate about halves them."""
    pixels = bytearray(length)
    pixels[0::2] = _random(seed, length // 2).translate(_SENSOR)
    pixels[1::2] = b"\1" * (length // 2)
    return bytes(pixels)


def _describe_zarr(workload: Workload, zarr: Path) -> None:
    """Write the metadata of a Zarr v3 group with one array that has the workload's chunks."""
    chunk = [16, workload.file_size // 32]
    rows = -(-workload.files // 1000)
    array = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [chunk[0] * rows, chunk[1] * 1000],
        "data_type": "uint16",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "fill_value": 0,
    }
    group = {"zarr_format": 3, "node_type": "group"}
    (zarr / "zarr.json").write_text(json.dumps(group), encoding="utf-8")
    (zarr / "0" / "zarr.json").write_text(json.dumps(array), encoding="utf-8")


def can_link(folder: Path) -> bool:
    """Return whether the file system of a folder makes hard links."""
    source, target = folder / "link-source", folder / "link-target"
    source.touch()
    try:
        os.link(source, target)
    except OSError:
        return False
    else:
        target.unlink()
        return True
    finally:
        source.unlink()


def twin_tree(site: Site, target: Path) -> None:
    """Make a tree anew with the payload as hard links, or as copies where links cannot be made."""
    remove_tree(target)
    linking = can_link(site.root)
    for name in site.names:
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if linking:
            os.link(site.plain / name, path)
        else:
            shutil.copyfile(site.plain / name, path)
    os.sync()


def remove_tree(tree: Path) -> None:
    """Delete a folder, should it exist."""
    if tree.exists():
        shutil.rmtree(tree)


def chunks(path: str) -> Iterator[bytes]:
    """Yield a file's bytes in pieces of CHUNK."""
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(CHUNK):
            yield chunk


def warm_cache(site: Site) -> None:
    """Read the payload once, so that every contender finds it in the page cache."""
    for name in site.names:
        for _ in chunks(f"{site.plain}/{name}"):
            pass


def check_space(workloads: Sequence[Workload], folder: Path, keep: bool) -> None:
    """Refuse to start if the work folder's file system has too few bytes or inodes left."""
    linking = can_link(folder)
    needs = [_space(workload, linking) for workload in workloads]
    inodes = [w.files * (1 if linking else 3) + w.files // 100 + 2000 for w in workloads]
    total = sum if keep else max
    need, need_inodes = total(needs), total(inodes)
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize
    remedy = "choose another folder with --dir, or use --quick or --workload"
    if free < need:
        raise BenchError(
            f"{folder} has {free / GIB:.1f} GiB free, and {need / GIB:.1f} GiB are needed: {remedy}"
        )
    if state.f_files and state.f_favail < need_inodes:
        raise BenchError(
            f"{folder} has {state.f_favail:,} free inodes, and {need_inodes:,} are needed: {remedy}"
        )
    memory = _available_memory()
    largest = max(_space(workload, linking=True) for workload in workloads)
    if memory is not None and memory < largest * 1.25:
        say(
            f"warning: {memory / GIB:.1f} GiB of memory are available for data of "
            f"{largest / GIB:.1f} GiB, so the page cache may not stay warm"
        )


def _space(workload: Workload, linking: bool) -> int:
    """Return the bytes that a workload takes, in blocks of 4 KiB."""
    trees = 1 if linking or workload.content == "zarr" else 3
    zips = 2 if workload.content == "images" else 0
    blocks = -(-workload.file_size // 4096) * 4096
    return workload.files * (blocks * (trees + zips) + BYTES_PER_FILE) + 64 * MIB


def _available_memory() -> int | None:
    """Return the bytes of memory that are available, where the kernel tells (Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * KIB
    return None
