"""How long the comparison of all pairs takes, and a search in an index.

python benchmarks/bench_similarity.py [--files 40000] [--codes 1000000]
"""

import argparse
import tempfile
import time
from array import array
from pathlib import Path
from random import Random
from statistics import median

import numpy as np

from crate_iscc.hamming import COMPILED, reference
from crate_iscc.index.storage import Index
from crate_iscc.similarity.groups import groups_of
from crate_iscc.similarity.members import Gathered, Member


def members(count: int, width: int) -> tuple[Member, ...]:
    """Return files with random codes."""
    random = Random(1)
    return tuple(
        Member("/made", f"folder/file{n:07d}.tif", n, random.randbytes(width), random.randbytes(32))
        for n in range(count)
    )


def all_pairs(count: int) -> None:
    """Print how long all pairs of so many files take."""
    for width in (16, 32):
        source = Gathered("/made", False, members(count, width))
        for jobs in (1, 2):
            start, cpu = time.perf_counter(), time.process_time()
            found = groups_of([source], jobs=jobs)
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
            (limit,) = found.thresholds
            print(
                f"{count:,} codes of {8 * width} bits, {limit.pairs:,} pairs, {jobs} threads: "
                f"{seconds:.2f} s ({cpu:.2f} s of CPU); "
                f"{found.near_pairs} pairs within {limit.bits} bits, {limit.expected:.2g} expected"
            )


def others() -> None:
    """Print how long Python alone and numpy take for some of the pairs, in CPU seconds."""
    count = 2000
    blob = b"".join(member.data for member in members(count, 32))
    columns = array("I", range(count)), array("I", bytes(4 * count)), array("H", bytes(2 * count))
    used = time.process_time()
    reference.join(blob, 32, 77, 0, count, *columns)
    print(f"Python, {count * count // 2:,} pairs: {time.process_time() - used:.2f} s of CPU")
    count = 8000
    codes = np.frombuffer(b"".join(m.data for m in members(count, 32)), np.uint64).reshape(-1, 4)
    used, near = time.process_time(), 0
    for row in range(0, count, 256):
        differing = codes[row : row + 256, None, :] ^ codes[None, row:, :]
        near += int((np.bitwise_count(differing).sum(axis=2, dtype=np.uint16) <= 77).sum())
    print(f"numpy, {count * count // 2:,} pairs: {time.process_time() - used:.2f} s of CPU")


def search(count: int) -> None:
    """Print how long adding and searching so many codes takes."""
    made = members(count, 32)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "index.sqlite"
        with Index.writing(place) as index:
            start = time.perf_counter()
            index.add(Gathered("/made", False, made, place="/made"), now="2026-01-01T00:00:00Z")
            print(f"adding {count:,} files: {time.perf_counter() - start:.1f} s")
        print(f"the index has {place.stat().st_size / count:.0f} bytes a file")
        near, same, cpu = [], [], []
        with Index.reading(place) as index:
            for number in range(0, count, count // 20):
                start, used = time.perf_counter(), time.process_time()
                hits, _ = index.near(made[number].data, {32: 70}, 20)
                near.append(time.perf_counter() - start)
                cpu.append(time.process_time() - used)
                assert hits[0].member.path == made[number].path
                start = time.perf_counter()
                assert len(index.same(made[number].identity)) == 1
                same.append(time.perf_counter() - start)
        named = (("nearest codes", near), ("of that, CPU", cpu), ("equal digests", same))
        for name, times in named:
            print(
                f"{name} among {count:,}: median {1000 * median(times):.1f} ms, "
                f"first {1000 * times[0]:.1f} ms, longest {1000 * max(times):.1f} ms"
            )


def main() -> None:
    """Run both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40_000)
    parser.add_argument("--codes", type=int, default=1_000_000)
    arguments = parser.parse_args()
    print("counting bits:", "compiled" if COMPILED else "in Python")
    all_pairs(arguments.files)
    others()
    search(arguments.codes)


if __name__ == "__main__":
    main()
