"""Runs of libraries, file by file in this process: what a script without a command would take."""

import hashlib
import importlib
import time
from collections.abc import Callable
from typing import Any

from side_by_side.commands import ContenderError, Cost
from side_by_side.payload import chunks
from side_by_side.workloads import Site


def loop_build(digest: Callable[[str], str], key: str) -> Callable[[Site], Cost]:
    """Return a run that hashes file by file and writes a manifest."""

    def body(site: Site) -> None:
        with site.manifest(key).open("w", encoding="utf-8") as file:
            for name in site.names:
                file.write(f"{digest(f'{site.plain}/{name}')} *{name}\n")

    return _timed(body)


def loop_verify(digest: Callable[[str], str], key: str) -> Callable[[Site], Cost]:
    """Return a run that reads the manifest of `loop_build` and compares file by file."""

    def body(site: Site) -> None:
        with site.manifest(key).open(encoding="utf-8") as file:
            for line in file:
                code, _, name = line.rstrip("\n").partition(" *")
                if digest(f"{site.plain}/{name}") != code:
                    raise ContenderError(f"{name}: the code differs from the recorded one")

    return _timed(body)


def _timed(body: Callable[[Site], None]) -> Callable[[Site], Cost]:
    """Return a run that times a function in this process; any exception is a failure."""

    def run(site: Site) -> Cost:
        start, start_cpu = time.perf_counter(), time.process_time()
        try:
            body(site)
        except ContenderError:
            raise
        except Exception as error:
            raise ContenderError(f"{type(error).__name__}: {error}") from error
        return Cost(time.perf_counter() - start, time.process_time() - start_cpu)

    return run


def sha256_digest(path: str) -> str:
    """Return the sha256 of a file by hashlib."""
    hasher = hashlib.sha256()
    for chunk in chunks(path):
        hasher.update(chunk)
    return hasher.hexdigest()


def blake3_digest(path: str) -> str:
    """Return the BLAKE3 of a file by the blake3 package, on one thread."""
    hasher: Any = importlib.import_module("blake3").blake3()
    for chunk in chunks(path):
        hasher.update(chunk)
    return str(hasher.hexdigest())


def iscc_digest(path: str) -> str:
    """Return the 256-bit ISCC-SUM of a file by iscc-lib."""
    hasher: Any = importlib.import_module("iscc_lib").SumHasher()
    for chunk in chunks(path):
        hasher.update(chunk)
    return str(hasher.finalize(bits=256, wide=True)["iscc"])
