"""Time crate-iscc beside its peers on data that this script makes, and print Markdown tables.

Every contender runs once per round (A B C A B C ...), so that a busy spell of the machine meets
all of them alike; the best round counts. Compare the ratios, which come from one run on one
machine, rather than the seconds.

    python benchmarks/bench.py --quick
    python benchmarks/bench.py --json bench.json > bench.md

The tables go to standard output, progress and the errors of failed contenders to standard error.
Exit status: 0 all that ran succeeded, 1 a contender failed, 2 wrong usage or too little space.
POSIX only.
"""

import argparse
import hashlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
CHUNK = MIB
"""What the in-process loops read at once."""
BUSY = 0.85
"""A contender that got less of a core than this had to share the machine: all are CPU-bound."""
SECONDS_EACH = 30.0
"""A contender sits out the rounds that would take it beyond this sum on a workload."""
BYTES_PER_FILE = 8 * KIB
"""Space beside the payload, per file: directory entries, manifests and a crate's metadata."""
STDERR_SHOWN = 4000
"""How many of the last characters of a failed contender's standard error are shown."""
TIMES = "\N{MULTIPLICATION SIGN}"
SHA256SUM = "sha256sum"
ISCC_SUM = "iscc-sum"
CRATE_ISCC = "crate-iscc"
TREE_FAMILY = "tree ISCC-SUM"
CRATE_FILE = "ro-crate-metadata.json"


class BenchError(Exception):
    """The benchmark cannot run as asked."""


class ContenderError(Exception):
    """A contender ended with an error or gave a wrong result; the text says which."""


@dataclass(frozen=True)
class Workload:
    """So many files of the same size, whose bytes follow from the workload's name alone."""

    name: str
    files: int
    file_size: int

    @property
    def payload(self) -> int:
        """Bytes in all files together."""
        return self.files * self.file_size

    @property
    def title(self) -> str:
        """What the workload is, for a heading."""
        unit, factor = next(
            (u, f) for u, f in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)) if self.file_size >= f
        )
        noun = "file" if self.files == 1 else "files"
        return f"{self.files:,} {noun} of {self.file_size // factor} {unit}"

    def names(self) -> tuple[str, ...]:
        """Return the paths of the files, a thousand to a folder, in order."""
        return tuple(f"d{n // 1000:03}/f{n:06}.bin" for n in range(self.files))


FULL = (
    Workload("one", 1, 4 * GIB),
    Workload("medium", 10_000, 64 * KIB),
    Workload("small", 100_000, 4 * KIB),
)
QUICK = (
    Workload("one", 1, 256 * MIB),
    Workload("medium", 1_000, 64 * KIB),
    Workload("small", 5_000, 4 * KIB),
)


@dataclass(frozen=True)
class Site:
    """The folders of one workload; the trees hold the same bytes and, where possible, inodes."""

    root: Path
    names: tuple[str, ...]

    @property
    def plain(self) -> Path:
        """The tree that contenders only read."""
        return self.root / "plain"

    @property
    def crate(self) -> Path:
        """The tree into which crate-iscc writes its metadata."""
        return self.root / "crate"

    @property
    def bag(self) -> Path:
        """The tree that bagit turns into a bag; made afresh for each of its builds."""
        return self.root / "bag"

    @property
    def out(self) -> Path:
        """The folder of the manifests that contenders write outside the trees."""
        return self.root / "out"

    @property
    def cache(self) -> Path:
        """The user cache folder that the commands are given; emptied before crate-iscc runs."""
        return self.root / "cache"

    @property
    def log(self) -> Path:
        """Standard error of the command that ran last."""
        return self.root / "stderr.txt"

    def manifest(self, key: str) -> Path:
        """Return the path of a contender's manifest."""
        return self.out / f"{key}.txt"


@dataclass(frozen=True)
class Peer:
    """A command or library to be timed; without a version it is not installed."""

    name: str
    version: str | None
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cost:
    """Wall-clock and CPU seconds of one run, those of its child processes included."""

    seconds: float
    cpu: float


def _nothing(_site: Site) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Contender:
    """One row of the tables: how to prepare (untimed), run (timed) and check (untimed) a peer.

    Contenders of the same `family` must write the same codes to `key`'s manifest.
    """

    peer: Peer
    label: str
    task: str
    does: str
    run: Callable[[Site], Cost]
    prepare: Callable[[Site], None] = _nothing
    key: str = ""
    family: str = ""

    @property
    def baseline(self) -> str:
        """The group within which ratios are taken: sums are compared with builds."""
        return "verify" if self.task == "verify" else "build"


@dataclass
class Row:
    """What was measured of one contender."""

    contender: Contender
    costs: list[Cost] = field(default_factory=list)
    failure: str = ""

    @property
    def best(self) -> Cost | None:
        """The quickest run, or None if there is none to trust."""
        if self.failure or not self.costs:
            return None
        return min(self.costs, key=lambda cost: cost.seconds)

    @property
    def slow(self) -> bool:
        """Whether another run would take longer than a contender may take in all."""
        spent = [cost.seconds for cost in self.costs]
        return bool(spent) and sum(spent) + min(spent) > SECONDS_EACH

    @property
    def done(self) -> bool:
        """Whether the contender is not to be run (again)."""
        return self.contender.peer.version is None or self.slow or bool(self.failure)


def say(text: str) -> None:
    """Print to standard error at once."""
    print(text, file=sys.stderr, flush=True)


# Data


def make_payload(workload: Workload, tree: Path) -> None:
    """Write the workload's files: SHAKE-128 output, so incompressible, distinct and repeatable."""
    for name in workload.names():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for start in range(0, workload.file_size, CHUNK):
                seed = f"crate-iscc benchmark/{workload.name}/{name}/{start}".encode()
                length = min(CHUNK, workload.file_size - start)
                file.write(hashlib.shake_128(seed).digest(length))


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
    trees = 1 if can_link(folder) else 3
    needs = [
        w.files * (-(-w.file_size // 4096) * 4096 * trees + BYTES_PER_FILE) + 64 * MIB
        for w in workloads
    ]
    inodes = [w.files * trees + 2000 for w in workloads]
    total = sum if keep else max
    need, need_inodes = total(needs), total(inodes)
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize
    if free < need:
        raise BenchError(
            f"{folder} has {free / GIB:.1f} GiB free, and {need / GIB:.1f} GiB are needed: "
            "choose another folder with --dir, or use --quick or --workload"
        )
    if state.f_files and state.f_favail < need_inodes:
        raise BenchError(
            f"{folder} has {state.f_favail:,} free inodes, and {need_inodes:,} are needed: "
            "choose another folder with --dir, or use --quick or --workload"
        )
    memory = available_memory()
    largest = max(w.payload for w in workloads)
    if memory is not None and memory < largest * 1.25:
        say(
            f"warning: {memory / GIB:.1f} GiB of memory are available for a payload of "
            f"{largest / GIB:.1f} GiB, so the page cache may not stay warm"
        )


def available_memory() -> int | None:
    """Return the bytes of memory that are available, where the kernel tells (Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * KIB
    return None


# Peers


def find_command(name: str) -> str | None:
    """Return a command's path, from beside the running interpreter or else from PATH."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join((beside, os.environ.get("PATH", ""))))


def command_peer(name: str, command: tuple[str, ...] | None = None) -> Peer:
    """Describe a command by the first word of its --version that begins with a digit."""
    if command is None:
        found = find_command(name)
        if found is None:
            return Peer(name, None)
        command = (found,)
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    words = done.stdout.split() if done.returncode == 0 else []
    version = next((word for word in words if word[0].isdigit()), "of unknown version")
    return Peer(name, version, command)


def crate_iscc_peer() -> Peer:
    """Find crate-iscc: its command, or else the package as this interpreter can run it."""
    if find_command(CRATE_ISCC) is None:
        try:
            found = importlib.util.find_spec("crate_iscc.__main__")
        except ModuleNotFoundError:
            found = None
        if found is not None:
            return command_peer(CRATE_ISCC, (sys.executable, "-m", "crate_iscc"))
    return command_peer(CRATE_ISCC)


def library_peer(name: str, module: str) -> Peer:
    """Describe an importable library by its package's version."""
    try:
        importlib.import_module(module)
    except ImportError:
        return Peer(name, None)
    return Peer(name, importlib.metadata.version(name))


def hashlib_peer() -> Peer:
    """Describe hashlib by the OpenSSL behind its sha256, or say that there is none."""
    backed = hashlib.sha256.__name__.startswith("openssl")
    words = ssl.OPENSSL_VERSION.split()
    return Peer("hashlib", f"({' '.join(words[:2])})" if backed else "(without OpenSSL)")


# Running commands


def run_command(
    site: Site, argv: Sequence[str], output: Path | None = None, cwd: Path | None = None
) -> Cost:
    """Run a command to its end and return its cost; raise if it ends with an error.

    Its standard output is appended to `output`, or thrown away.
    """
    environment = os.environ | {"XDG_CACHE_HOME": str(site.cache)}
    with (
        open(output or os.devnull, "ab") as stdout,
        site.log.open("wb") as stderr,
    ):
        start = time.perf_counter()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            cwd=cwd or site.root,
            env=environment,
        )
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        text = site.log.read_text(encoding="utf-8", errors="replace").strip()
        raise ContenderError(f"exit status {process.returncode}\n{text[-STDERR_SHOWN:]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime)


def batches(names: Iterable[str]) -> Iterator[list[str]]:
    """Split file names into as few command lines as the system allows, as xargs does."""
    pointer = 8
    environment = sum(len(os.fsencode(k + v)) + 2 + pointer for k, v in os.environ.items())
    room = os.sysconf("SC_ARG_MAX") - environment - 16 * KIB
    batch: list[str] = []
    used = 0
    for name in names:
        size = len(os.fsencode(name)) + 1 + pointer
        if batch and used + size > room:
            yield batch
            batch, used = [], 0
        batch.append(name)
        used += size
    if batch:
        yield batch


def sum_files(peer: Peer, key: str, *options: str) -> Callable[[Site], Cost]:
    """Return a run that prints the codes of all files, named on the command line."""

    def run(site: Site) -> Cost:
        seconds = cpu = 0.0
        for batch in batches(site.names):
            argv = [*peer.command, *options, *batch]
            cost = run_command(site, argv, output=site.manifest(key), cwd=site.plain)
            seconds += cost.seconds
            cpu += cost.cpu
        return Cost(seconds, cpu)

    return run


def command_line(
    peer: Peer, words: Callable[[Site], Sequence[str | Path]], key: str = ""
) -> Callable[[Site], Cost]:
    """Return a run of one command line in the plain tree, its output kept as `key`'s manifest."""

    def run(site: Site) -> Cost:
        argv = [*peer.command, *map(str, words(site))]
        output = site.manifest(key) if key else None
        return run_command(site, argv, output=output, cwd=site.plain)

    return run


def without_crate(site: Site) -> None:
    """Take crate-iscc's metadata and cache away, so that it builds from nothing."""
    (site.crate / CRATE_FILE).unlink(missing_ok=True)
    without_cache(site)


def without_cache(site: Site) -> None:
    """Empty the user cache folder."""
    remove_tree(site.cache)
    site.cache.mkdir()


def afresh(key: str) -> Callable[[Site], None]:
    """Return a preparation that empties the user cache folder and removes a manifest."""

    def prepare(site: Site) -> None:
        without_cache(site)
        site.manifest(key).unlink(missing_ok=True)

    return prepare


def unbagged(site: Site) -> None:
    """Make the tree that is to become a bag anew."""
    twin_tree(site, site.bag)


# Running libraries in this process


def loop_build(digest: Callable[[str], str], key: str) -> Callable[[Site], Cost]:
    """Return a run that hashes file by file and writes a manifest."""

    def body(site: Site) -> None:
        with site.manifest(key).open("w", encoding="utf-8") as file:
            for name in site.names:
                file.write(f"{digest(f'{site.plain}/{name}')} *{name}\n")

    return in_process(body)


def loop_verify(digest: Callable[[str], str], key: str) -> Callable[[Site], Cost]:
    """Return a run that reads the manifest of `loop_build` and compares file by file."""

    def body(site: Site) -> None:
        with site.manifest(key).open(encoding="utf-8") as file:
            for line in file:
                code, _, name = line.rstrip("\n").partition(" *")
                if digest(f"{site.plain}/{name}") != code:
                    raise ContenderError(f"{name}: the code differs from the recorded one")

    return in_process(body)


def in_process(body: Callable[[Site], None]) -> Callable[[Site], Cost]:
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


# The contenders


def contenders() -> tuple[Contender, ...]:
    """Return all rows in the order in which they run and are printed: verifying after building."""
    ours = crate_iscc_peer()
    iscc_sum = command_peer(ISCC_SUM)
    iscc_lib = library_peer("iscc-lib", "iscc_lib")
    openssl = hashlib_peer()
    coreutils = command_peer(SHA256SUM)
    b3sum = command_peer("b3sum")
    blake3 = library_peer("blake3", "blake3")
    bagit = command_peer("bagit.py")
    quiet = ("--progress", "none")
    return (
        Contender(
            ours,
            "crate-iscc build",
            "build",
            "RO-Crate with ISCC-SUM (Data-Code, BLAKE3) of each file and of the tree",
            command_line(ours, lambda site: ("build", site.crate, "--no-cache", *quiet)),
            without_crate,
        ),
        Contender(
            ours,
            "crate-iscc sum",
            "sum",
            "ISCC-SUM of each file",
            sum_files(ours, CRATE_ISCC, "sum"),
            afresh(CRATE_ISCC),
            CRATE_ISCC,
            "ISCC-SUM",
        ),
        Contender(
            ours,
            "crate-iscc sum --tree",
            "sum",
            "one ISCC-SUM of the tree",
            command_line(ours, lambda site: ("sum", "--tree", site.plain), "crate-iscc-tree"),
            afresh("crate-iscc-tree"),
            "crate-iscc-tree",
            TREE_FAMILY,
        ),
        Contender(
            iscc_sum,
            ISCC_SUM,
            "build",
            "manifest with ISCC-SUM of each file",
            command_line(iscc_sum, lambda site: ("-o", site.manifest(ISCC_SUM), site.plain)),
            afresh(ISCC_SUM),
            ISCC_SUM,
            "ISCC-SUM",
        ),
        Contender(
            iscc_sum,
            "iscc-sum --tree",
            "sum",
            "one ISCC-SUM of the tree",
            command_line(iscc_sum, lambda site: ("--tree", site.plain), "iscc-sum-tree"),
            afresh("iscc-sum-tree"),
            "iscc-sum-tree",
            TREE_FAMILY,
        ),
        Contender(
            iscc_lib,
            "iscc-lib",
            "build",
            "manifest with ISCC-SUM of each file, in-process loop",
            loop_build(iscc_digest, "iscc-lib"),
            key="iscc-lib",
            family="ISCC-SUM",
        ),
        Contender(
            openssl,
            "hashlib sha256",
            "build",
            "manifest with SHA-256 of each file, in-process loop",
            loop_build(sha256_digest, "hashlib"),
            key="hashlib",
            family="SHA-256",
        ),
        Contender(
            coreutils,
            SHA256SUM,
            "build",
            "manifest with SHA-256 of each file",
            sum_files(coreutils, SHA256SUM),
            afresh(SHA256SUM),
            SHA256SUM,
            "SHA-256",
        ),
        Contender(
            b3sum,
            "b3sum",
            "build",
            "manifest with BLAKE3 of each file, large files on all cores",
            sum_files(b3sum, "b3sum"),
            afresh("b3sum"),
            "b3sum",
            "BLAKE3",
        ),
        Contender(
            blake3,
            "blake3",
            "build",
            "manifest with BLAKE3 of each file, in-process loop",
            loop_build(blake3_digest, "blake3"),
            key="blake3",
            family="BLAKE3",
        ),
        Contender(
            bagit,
            "bagit.py --sha256",
            "build",
            "bag with SHA-256 of each file, one process",
            command_line(
                bagit, lambda site: ("--quiet", "--sha256", "--processes", "1", site.bag.resolve())
            ),
            unbagged,
        ),
        Contender(
            ours,
            "crate-iscc verify",
            "verify",
            "BLAKE3 of each file",
            command_line(ours, lambda site: ("verify", site.crate, *quiet)),
            without_cache,
        ),
        Contender(
            ours,
            "crate-iscc verify --full",
            "verify",
            "ISCC-SUM (Data-Code, BLAKE3) of each file and of the tree",
            command_line(ours, lambda site: ("verify", site.crate, "--full", *quiet)),
            without_cache,
        ),
        Contender(
            iscc_sum,
            "iscc-sum -c",
            "verify",
            "ISCC-SUM of each file",
            command_line(iscc_sum, lambda site: ("-c", "-q", site.manifest(ISCC_SUM))),
        ),
        Contender(
            iscc_lib,
            "iscc-lib",
            "verify",
            "ISCC-SUM of each file, in-process loop",
            loop_verify(iscc_digest, "iscc-lib"),
        ),
        Contender(
            openssl,
            "hashlib sha256",
            "verify",
            "SHA-256 of each file, in-process loop",
            loop_verify(sha256_digest, "hashlib"),
        ),
        Contender(
            coreutils,
            "sha256sum -c",
            "verify",
            "SHA-256 of each file",
            command_line(coreutils, lambda site: ("-c", "--quiet", site.manifest(SHA256SUM))),
        ),
        Contender(
            b3sum,
            "b3sum -c",
            "verify",
            "BLAKE3 of each file, large files on all cores",
            command_line(b3sum, lambda site: ("-c", "--quiet", site.manifest("b3sum"))),
        ),
        Contender(
            blake3,
            "blake3",
            "verify",
            "BLAKE3 of each file, in-process loop",
            loop_verify(blake3_digest, "blake3"),
        ),
        Contender(
            bagit,
            "bagit.py --validate",
            "verify",
            "SHA-256 of each file, one process",
            command_line(bagit, lambda site: ("--quiet", "--validate", site.bag)),
        ),
    )


# Measuring


def codes(path: Path) -> list[str]:
    """Return the codes of a manifest, the first word of each line, in sorted order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return sorted(line.split(maxsplit=1)[0] for line in lines if line.strip())


def check_codes(site: Site, rows: Sequence[Row]) -> None:
    """Fail the contenders whose manifests lack files or differ from the first of their family.

    Peers go first, so that it is crate-iscc that has to agree with them.
    """
    known: dict[str, tuple[str, list[str]]] = {}
    for row in sorted(rows, key=lambda row: row.contender.peer.name == CRATE_ISCC):
        contender = row.contender
        if not contender.family or row.best is None:
            continue
        found = codes(site.manifest(contender.key))
        first, expected = known.get(contender.family, (contender.label, found))
        if contender.family != TREE_FAMILY and len(found) != len(site.names):
            row.failure = f"gave {len(found):,} codes for {len(site.names):,} files"
        elif found != expected:
            row.failure = f"its {contender.family} codes differ from those of {first}"
        else:
            known[contender.family] = (first, expected)
        if row.failure:
            say(f"{contender.label} ({contender.task}) FAILED: {row.failure}")


def measure(workload: Workload, rows: Sequence[Row], rounds: int, root: Path) -> None:
    """Make a workload's data and run all contenders in rounds, filling in the rows."""
    site = Site(root, workload.names())
    for folder in (site.plain, site.out, site.cache):
        folder.mkdir(parents=True)
    say(f"{workload.name}: making {workload.title}")
    make_payload(workload, site.plain)
    twin_tree(site, site.crate)
    warm_cache(site)
    for number in range(1, rounds + 1):
        for row in rows:
            contender = row.contender
            what = f"{workload.name}, round {number} of {rounds}: {contender.label}"
            if row.done:
                continue
            try:
                contender.prepare(site)
                cost = contender.run(site)
            except (ContenderError, OSError) as failure:
                row.failure = str(failure).partition("\n")[0].replace("|", "/")
                say(f"{what} ({contender.task}) FAILED: {failure}")
            else:
                row.costs.append(cost)
                say(f"{what} ({contender.task}) {cost.seconds:.2f} s")
        if number == 1:
            check_codes(site, rows)


# Reporting


def cpu_facts() -> tuple[str, str]:
    """Return the CPU's model and whether it has SHA instructions, as far as the kernel tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine(), "unknown"
    facts: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    model = facts.get("model name") or platform.machine()
    if "flags" in facts:
        return model, "yes" if "sha_ni" in facts["flags"].split() else "no"
    if "Features" in facts:
        return model, "no (Armv8 SHA-2: yes)" if "sha2" in facts["Features"].split() else "no"
    return model, "unknown"


def environment(all_contenders: Sequence[Contender]) -> dict[str, Any]:
    """Return the machine, the interpreter, the contenders' versions and the date."""
    model, sha_ni = cpu_facts()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    peers = {contender.peer.name: contender.peer.version for contender in all_contenders}
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "cores_usable": usable,
        "kernel": f"{platform.system()} {platform.release()}",
        "sha_ni": sha_ni,
        "python": platform.python_version(),
        "contenders": peers,
        "date": datetime.now(UTC).date().isoformat(),
    }


def environment_line(facts: dict[str, Any]) -> str:
    """Return the environment as one line."""
    cores = f"{facts['cores']} cores"
    if facts["cores_usable"] != facts["cores"]:
        cores += f" ({facts['cores_usable']} usable)"
    peers = [
        f"{name} {version or 'not installed'}" for name, version in facts["contenders"].items()
    ]
    machine = [facts["cpu"], cores, facts["kernel"], f"SHA-NI: {facts['sha_ni']}"]
    return "; ".join([*machine, f"Python {facts['python']}", *peers, facts["date"]]) + "."


def best_of(rows: Iterable[Row], group: str, peer: str) -> float | None:
    """Return a baseline's best seconds in a group (build or verify)."""
    for row in rows:
        contender = row.contender
        is_baseline = contender.peer.name == peer and contender.task == group
        if is_baseline and row.best is not None:
            return row.best.seconds
    return None


def figure(value: float) -> str:
    """Return a number with about three significant digits."""
    places = 3 if value < 1 else 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{places}f}"


def table(workload: Workload, rows: Sequence[Row], rounds: int) -> str:
    """Return a workload's results as a Markdown heading, table and notes."""
    head = (
        "contender",
        "what it does",
        "seconds (best)",
        "GB/s",
        f"{TIMES} vs {SHA256SUM}",
        f"{TIMES} vs {ISCC_SUM}",
        "cores used",
    )
    lines = [
        f"### {workload.title}",
        "",
        f"| {' | '.join(head)} |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        contender, best = row.contender, row.best
        if contender.peer.version is None:
            cells = ["not installed", *["-"] * 4]
        elif best is None:
            cells = [f"failed ({row.failure})", *["-"] * 4]
        else:
            fewer = f" ({len(row.costs)} of {rounds} rounds)" if len(row.costs) < rounds else ""
            ratios = []
            for peer in (SHA256SUM, ISCC_SUM):
                base = best_of(rows, contender.baseline, peer)
                ratios.append("-" if base is None else figure(base / best.seconds))
            cells = [
                f"{figure(best.seconds)}{fewer}",
                figure(workload.payload / best.seconds / 1e9),
                *ratios,
                f"{best.cpu / best.seconds:.1f}",
            ]
        does = f"{contender.task}: {contender.does}"
        lines.append(f"| {' | '.join((contender.label, does, *cells))} |")
    return "\n".join([*lines, *notes(rows, rounds)])


def notes(rows: Sequence[Row], rounds: int) -> list[str]:
    """Return what a reader must know about a table, each note after an empty line."""
    found: list[str] = []
    if any(row.best is not None and len(row.costs) < rounds for row in rows):
        found += [
            "",
            "Slow contenders sat out the rounds that would have taken them beyond "
            f"{SECONDS_EACH:.0f} s in all.",
        ]
    shares = [(row.best.cpu / row.best.seconds, row.contender.label) for row in rows if row.best]
    share, label = min(shares, default=(1.0, ""))
    if share < BUSY:
        found += [
            "",
            f"The machine was busy with something else: at its best, {label} got {share:.2f} of a "
            "core. Do not rely on this table, least of all on contenders with fewer rounds.",
        ]
    for peer, twin, why in (
        (SHA256SUM, "hashlib", " (coreutils built without OpenSSL ignore SHA instructions)"),
        (ISCC_SUM, "iscc-lib", ""),
    ):
        slower, quicker = best_of(rows, "build", peer), best_of(rows, "build", twin)
        if slower and quicker and slower > 1.5 * quicker:
            found += [
                "",
                f"Here {peer} takes {figure(slower / quicker)} times as long as {twin} for the "
                f"same codes{why}: read its column with {twin}'s row in mind.",
            ]
    return found


def as_json(
    facts: dict[str, Any], results: Sequence[tuple[Workload, Sequence[Row]]], rounds: int
) -> dict[str, Any]:
    """Return everything measured, each round included, for a JSON file."""
    return {
        "environment": facts,
        "rounds": rounds,
        "workloads": [
            {
                "name": workload.name,
                "files": workload.files,
                "file_size": workload.file_size,
                "results": [
                    {
                        "contender": row.contender.label,
                        "task": row.contender.task,
                        "does": row.contender.does,
                        "installed": row.contender.peer.version is not None,
                        "failure": row.failure or None,
                        "seconds": [round(cost.seconds, 4) for cost in row.costs],
                        "cpu_seconds": [round(cost.cpu, 4) for cost in row.costs],
                        "best_seconds": round(row.best.seconds, 4) if row.best else None,
                    }
                    for row in rows
                ],
            }
            for workload, rows in results
        ],
    }


def positive(text: str) -> int:
    """Return a whole number above zero, as argparse wants it."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description="Time crate-iscc beside its peers and print Markdown tables."
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a 256 MiB file, 1,000 files of 64 KiB and 5,000 files of 4 KiB "
        "instead of a 4 GiB file, 10,000 files of 64 KiB and 100,000 files of 4 KiB",
    )
    parser.add_argument("--workload", choices=("one", "medium", "small", "all"), default="all")
    parser.add_argument(
        "--rounds", type=positive, default=3, help="runs per contender (default: 3)"
    )
    parser.add_argument(
        "--dir",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where to make the work folder (default: the system's temporary folder)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all measurements there")
    parser.add_argument("--keep", action="store_true", help="do not delete the work folder")
    return parser.parse_args(argv)


def run_all(arguments: argparse.Namespace, work: Path) -> int:
    """Run the chosen workloads in a work folder and print the report."""
    chosen = [
        workload
        for workload in (QUICK if arguments.quick else FULL)
        if arguments.workload in ("all", workload.name)
    ]
    check_space(chosen, work, arguments.keep)
    all_contenders = contenders()
    facts = environment(all_contenders)
    say(environment_line(facts))
    results: list[tuple[Workload, list[Row]]] = []
    for workload in chosen:
        rows = [Row(contender) for contender in all_contenders]
        root = work / workload.name
        measure(workload, rows, arguments.rounds, root)
        if not arguments.keep:
            remove_tree(root)
        results.append((workload, rows))
    print(environment_line(facts))
    print(
        f"\nBest of {arguments.rounds} interleaved rounds, page cache warm. GB/s are 10^9 bytes of "
        f"payload per second. {TIMES} is how many times as fast as that peer's own build (for "
        "builds and sums) or check (for verifications) in the same run: above 1 is faster. Cores "
        "used are CPU seconds per second."
    )
    for workload, rows in results:
        print(f"\n{table(workload, rows, arguments.rounds)}")
    if arguments.json:
        report = as_json(facts, results, arguments.rounds)
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 1 if any(row.failure for _, rows in results for row in rows) else 0


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """Leave by an exception, so that the work folder is deleted."""
    sys.exit(128 + signal.SIGTERM)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    arguments = parse_arguments(argv)
    signal.signal(signal.SIGTERM, _terminate)
    try:
        work = Path(tempfile.mkdtemp(prefix="crate-iscc-bench-", dir=arguments.dir)).resolve()
    except OSError as error:
        say(f"error: cannot make a work folder in {arguments.dir}: {error.strerror}")
        return 2
    try:
        return run_all(arguments, work)
    except BenchError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    finally:
        if arguments.keep:
            say(f"kept {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
