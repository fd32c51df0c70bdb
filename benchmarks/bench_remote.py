"""Time crate-iscc beside others on a Zarr of many objects on a local S3 server (moto's).

The server is Python and slow: it answers some hundreds of requests a second, and all who read the
bytes wait for it. So beside the seconds stand those that each program's own processor time took,
which is what is left where a store is quick. `zarrsum remote`, and `rclone hashsum` without
`--download`, read no byte: they believe the ETags of the listing.

    python benchmarks/bench_remote.py --files 1000
    python benchmarks/bench_remote.py

moto's server, zarrsum and s3fs are found in the folder CRATE_ISCC_JUDGES, or where `make
bench-remote` installs them, each in an environment of its own; rclone on the PATH. What is not
there is left out. With `--threads` the library alone is measured with more and fewer requests at
once. Prints a Markdown table.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import obstore
from obstore.store import S3Store

from crate_iscc import build

JUDGES = Path(os.environ.get("CRATE_ISCC_JUDGES", Path(sys.prefix) / "judges"))
MOTO = JUDGES / "moto/bin/moto_server"
SIZE = 4096
"""Bytes of a chunk."""
KEY = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "something"}

_S3FS = """
import hashlib, os, sys, s3fs
fs = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"])
paths = fs.find(sys.argv[1])
if sys.argv[2] == "loop":
    for path in paths:
        hashlib.sha256(fs.cat_file(path)).digest()
else:
    for start in range(0, len(paths), 1000):
        for content in fs.cat(paths[start : start + 1000], batch_size=64).values():
            hashlib.sha256(content).digest()
"""
_OBSTORE = """
import hashlib, os, sys, obstore
from concurrent.futures import ThreadPoolExecutor
from obstore.store import S3Store
bucket, _, prefix = sys.argv[1].partition("/")
store = S3Store(bucket, client_options={"allow_http": True})
keys = [meta["path"] for some in store.list(prefix, chunk_size=1000) for meta in some]
def digest(key): return hashlib.sha256(obstore.get(store, key).bytes()).digest()
with ThreadPoolExecutor(int(sys.argv[2])) as pool:
    list(pool.map(digest, keys))
"""


@dataclass(frozen=True)
class Contender:
    """A command, what it is called in the table, and whether it reads the bytes."""

    name: str
    command: tuple[str | Path, ...]
    reads: bool = True


@contextmanager
def moto_server(folder: Path) -> Iterator[str]:
    """Run moto's server and give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "moto.log").open("wb") as log:
        process = subprocess.Popen([MOTO, "-p", str(port)], stdout=log, stderr=log)
    try:
        while True:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def make_crate(folder: Path, files: int) -> None:
    """Write a crate with a Zarr of so many chunks."""
    random = Random(7)
    zarr = folder / "image.zarr"
    for number in range(files):
        place = zarr / "0/c" / str(number // 100) / str(number % 100)
        if number % 100 == 0:
            place.parent.mkdir(parents=True)
        place.write_bytes(random.randbytes(SIZE))
    (zarr / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group"}')
    build(folder, name="Chunks", description="Many of them.", licence="CC0-1.0")


def upload(folder: Path, endpoint: str) -> None:
    """Put the crate into the bucket `bench`."""
    subprocess.run(
        [
            MOTO.with_name("python"),
            "-c",
            "import boto3, sys; boto3.client('s3', endpoint_url=sys.argv[1], "
            "region_name='us-east-1').create_bucket(Bucket='bench')",
            endpoint,
        ],
        env={**os.environ, **KEY},
        check=True,
    )
    store = S3Store("bench", client_options={"allow_http": True})
    files = [place for place in folder.rglob("*") if place.is_file()]
    with ThreadPoolExecutor(16) as pool:
        list(
            pool.map(
                lambda place: obstore.put(
                    store, f"crate/{place.relative_to(folder)}", place.read_bytes()
                ),
                files,
            )
        )


def contenders(threads: list[int]) -> Iterator[Contender]:
    """Yield those that are here, and the library with so many threads."""
    ours = [sys.executable, "-m", "crate_iscc"]
    zarr = "s3://bench/crate/image.zarr"
    bare = zarr.removeprefix("s3://")
    yield Contender("`crate-iscc sum --tree`", (*ours, "sum", "--tree", zarr))
    yield Contender("`crate-iscc verify`", (*ours, "verify", "s3://bench/crate"))
    if rclone := shutil.which("rclone"):
        hashsum: tuple[str | Path, ...] = (rclone, "hashsum", "md5", "--checkers", "64")
        place = f":s3,provider=Other,env_auth,force_path_style:{bare}"
        yield Contender("`rclone hashsum md5 --download`", (*hashsum, "--download", place))
        yield Contender("`rclone hashsum md5`", (*hashsum, place), reads=False)
    zarrsum = JUDGES / "zarrsum/bin/zarrsum"
    if zarrsum.exists():
        yield Contender("`zarrsum remote`", (zarrsum, "remote", zarr), reads=False)
    python = JUDGES / "s3fs/bin/python"
    if python.exists():
        yield Contender("s3fs, 64 at once, SHA-256", (python, "-c", _S3FS, bare, "many"))
        yield Contender("s3fs, one by one, SHA-256", (python, "-c", _S3FS, bare, "loop"))
    for number in threads:
        program = (sys.executable, "-c", _OBSTORE, bare, str(number))
        yield Contender(f"obstore, {number} at once, SHA-256", program)


def measure(contender: Contender) -> tuple[float, float]:
    """Return the seconds that a command takes, and those of its processor time."""
    before = os.times()
    started = time.perf_counter()
    done = subprocess.run(contender.command, capture_output=True, check=False)
    taken = time.perf_counter() - started
    after = os.times()
    if done.returncode:
        sys.exit(f"{contender.name} failed:\n{done.stderr.decode()[-2000:]}")
    used = after.children_user + after.children_system
    return taken, used - before.children_user - before.children_system


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=10_000, metavar="N", help="chunks")
    parser.add_argument("--threads", type=int, nargs="*", default=[64], metavar="N")
    asked = parser.parse_args()
    files = asked.files
    if not MOTO.exists():
        sys.exit(f"moto's server is not installed: there is no {MOTO}")
    with (
        tempfile.TemporaryDirectory(prefix="crate-iscc-bench-") as folder,
        moto_server(Path(folder)) as endpoint,
    ):
        # What is set for the user's own stores (keys, a file of certificates) is not for this one.
        for name in [name for name in os.environ if name.startswith(("AWS_", "RCLONE_"))]:
            del os.environ[name]
        os.environ.update(KEY, AWS_ENDPOINT_URL=endpoint, AWS_REGION="us-east-1")
        os.environ.update(RCLONE_S3_ENDPOINT=endpoint)
        crate = Path(folder) / "crate"
        make_crate(crate, files)
        upload(crate, endpoint)
        print(f"{files:,} objects of {SIZE} bytes\n")
        print("| command | reads the bytes | s | objects/s | its processor time, s |")
        print("| --- | --- | --: | --: | --: |")
        for contender in contenders(asked.threads):
            taken, used = measure(contender)
            reads = "yes" if contender.reads else "no"
            rate = f"{files / taken:,.0f}"
            print(f"| {contender.name} | {reads} | {taken:.1f} | {rate} | {used:.1f} |", flush=True)


if __name__ == "__main__":
    main()
