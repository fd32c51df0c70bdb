"""Time a verification and a build by two dask workers beside one process, and print a table.

    python benchmarks/bench_dask.py --files 2000 --size 1048576

One process reads with one thread, and with two; the cluster has two workers of one thread each, on
this machine. Contenders take turns, the best round counts; all builds have to make the same
metadata. POSIX only; needs the extra dask.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

BIN = Path(sys.executable).parent


@contextmanager
def process(command: Sequence[str], log: Path) -> Iterator[None]:
    """Run a process in the background for as long as it is needed."""
    with log.open("wb") as written:
        running = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        running.terminate()
        running.wait()


def seconds(command: Sequence[str]) -> float:
    """Return how long a command takes, start-up included."""
    started = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"},
    )
    return time.perf_counter() - started


def made(folder: Path, files: int, size: int) -> Path:
    """Write noise, a thousand files a folder."""
    random = Random(1)
    noise = random.randbytes(size + (1 << 20))
    for number in range(files):
        place = folder / f"{number // 1000:03}" / f"{number:06}.raw"
        place.parent.mkdir(parents=True, exist_ok=True)
        start = random.randrange(1 << 20)
        place.write_bytes(noise[start : start + size])
    return folder


def main() -> None:
    """Measure, and print Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--size", type=int, default=1 << 20, help="bytes of each file")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    iscc, dask = str(BIN / "crate-iscc"), str(BIN / "dask")
    with tempfile.TemporaryDirectory(prefix="crate-iscc-bench-") as name, ExitStack() as stack:
        top = Path(name)
        payload = made(top / "payload", given.files, given.size)
        cluster = top / "cluster.json"
        at = ["--scheduler-file", str(cluster), "--host", "127.0.0.1", "--no-dashboard"]
        stack.enter_context(process([dask, "scheduler", *at, "--port", "0"], top / "scheduler.log"))
        workers = [dask, "worker", *at, "--nworkers", "2", "--nthreads", "1"]
        stack.enter_context(process(workers, top / "workers.log"))
        while (top / "workers.log").read_text().count("Starting established connection") < 2:
            time.sleep(0.1)
        ways = {
            "one process, one thread": ["--jobs", "1"],
            "one process, two threads": ["--jobs", "2"],
            "two dask workers of one thread": ["--dask", str(cluster)],
        }
        best: dict[tuple[str, str], float] = {}
        crates: dict[str, bytes] = {}
        for _ in range(given.rounds):
            for way, options in ways.items():
                (payload / "ro-crate-metadata.json").unlink(missing_ok=True)
                build = [iscc, "build", str(payload), "--no-cache", *options]
                verify = [iscc, "verify", str(payload), *options]
                for verb, command in (("build", build), ("verify", verify)):
                    took = seconds(command)
                    best[verb, way] = min(took, best.get((verb, way), took))
                crates[way] = (payload / "ro-crate-metadata.json").read_bytes()
        if len(set(crates.values())) != 1:
            sys.exit("the crates differ")
        shutil.rmtree(payload)
    size = given.files * given.size
    print(f"{given.files:,} files of {given.size:,} bytes; best of {given.rounds} rounds\n")
    print("| contender | build, s | GB/s | verify, s | GB/s |\n| --- | --: | --: | --: | --: |")
    for way in ways:
        cells = [
            f"{best[verb, way]:.2f} | {size / best[verb, way] / 1e9:.2f}"
            for verb in ("build", "verify")
        ]
        print(f"| {way} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
