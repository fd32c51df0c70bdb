"""A real dask cluster of two workers makes what one process makes, also when one is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from cli.cli_kit import BIN, COMMAND, environment, error_of, run
from crate_iscc.kernel.choosing import has_compiled_module

pytest.importorskip("distributed", reason="the extra dask is not installed")
if not has_compiled_module():
    pytest.skip("the C module was not compiled here", allow_module_level=True)
if os.name != "posix":
    pytest.skip("workers are stopped and killed by signals", allow_module_level=True)

AT = {"SOURCE_DATE_EPOCH": "1700000000"}
DASK = str(BIN / "dask")
KILLER = Path(__file__).with_name("freeze_worker.py")


@dataclass
class Cluster:
    """A scheduler and its workers, each a process, without anybody who starts them again."""

    folder: Path
    processes: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def file(self) -> Path:
        return self.folder / "scheduler.json"

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text(encoding="utf-8"))["address"])

    def start(self, *arguments: str, env: dict[str, str] | None = None) -> None:
        with (self.folder / f"log-{len(self.processes)}").open("wb") as log:
            self.processes.append(
                subprocess.Popen(
                    [DASK, *arguments, "--scheduler-file", str(self.file), "--no-dashboard"],
                    cwd=self.folder,
                    env=environment(**(env or {})),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def work(self, name: str, env: dict[str, str] | None = None) -> None:
        """Start a worker of one thread, on loopback."""
        options = ("--no-nanny", "--nthreads", "1", "--name", name, "--host", "127.0.0.1")
        self.start("worker", *options, env=env)

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            process.wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Give a cluster with a scheduler and no worker yet."""
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = Cluster(folder)
    try:
        made.start("scheduler", "--host", "127.0.0.1", "--port", "0")
        deadline = time.monotonic() + 60
        while not made.file.exists():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.05)
        yield made
    finally:
        made.stop()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return a dataset of many files, large and small, some in a Zarr."""
    folder = tmp_path / "study"
    random = Random(9)
    noise = random.randbytes(1 << 22)
    for number in range(40):
        place = folder / ("x.zarr/c" if number % 3 else "raw") / f"{number:02}"
        place.parent.mkdir(parents=True, exist_ok=True)
        start = random.randrange(1 << 20)
        place.write_bytes(noise[start : start + random.randrange(3 << 20)])
    (folder / "x.zarr/zarr.json").write_bytes(b'{"zarr_format": 3, "node_type": "group"}')
    return folder


def kill_one(cluster: Cluster, name: str) -> "subprocess.Popen[str]":
    """Begin to wait for a shard on a worker, to kill that."""
    killer = subprocess.Popen(
        [sys.executable, str(KILLER), str(cluster.file), name],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert killer.stdout is not None
    assert killer.stdout.readline() == "ready\n"
    return killer


def killed(killer: "subprocess.Popen[str]") -> int:
    """Return how many shards the worker had not finished when it was killed."""
    out, err = killer.communicate(timeout=60)
    assert killer.returncode == 0, err
    words = out.split()
    assert words[:2] == ["killed", "with"]
    return int(words[2])


def await_workers(cluster: Cluster, count: int) -> None:
    deadline = time.monotonic() + 60
    logs = [cluster.folder / f"log-{number}" for number in range(1, count + 1)]
    while not all(b"Starting established connection" in log.read_bytes() for log in logs):
        assert time.monotonic() < deadline, [log.read_text() for log in logs]
        time.sleep(0.05)


def test_a_build_is_that_of_one_process_though_a_worker_is_killed(
    cluster: Cluster, study: Path
) -> None:
    """The shards of the lost worker are read by the other; metadata are the same to the byte."""
    cluster.work("one")
    cluster.work("two")
    other = study.with_name("other") / "study"
    shutil.copytree(study, other)
    await_workers(cluster, 2)
    killer = kill_one(cluster, "one")

    outcome = run("build", study, "--dask", cluster.file, "--progress", "json", env=AT)

    assert killed(killer) > 0
    assert outcome.code == 0, outcome.err
    last = json.loads(outcome.err.splitlines()[-1])
    assert (last["step"], last["done_files"], last["total_files"]) == ("fingerprinting", 41, 41)
    assert last["done_bytes"] == last["total_bytes"] > 0
    assert run("build", other, "--no-cache", "--jobs", "1", env=AT).code == 0
    for name in ("ro-crate-metadata.json", "iscc-manifest.tsv"):
        assert (study / name).read_bytes() == (other / name).read_bytes()


@pytest.mark.deep
@pytest.mark.parametrize("how", [(), ("--full",)])
def test_a_verification_is_that_of_one_process_though_a_worker_is_killed(
    cluster: Cluster, study: Path, how: tuple[str, ...]
) -> None:
    assert run("build", study, env=AT).code == 0
    (study / "raw/00").write_bytes(b"changed")
    (study / "raw/03").rename(study / "raw/moved")
    cluster.work("one")
    cluster.work("two")
    await_workers(cluster, 2)
    killer = kill_one(cluster, "two")

    outcome = run("verify", study, "--dask", cluster.address, "--format", "json", *how, env=AT)

    assert killed(killer) > 0
    expected = run("verify", study, "--format", "json", *how, env=AT)
    assert (outcome.code, outcome.out) == (expected.code, expected.out)
    assert outcome.code == 1


IMPATIENT = """\
import sys
from crate_iscc import cluster
from crate_iscc.errors import ReadError
from crate_iscc.kernel.choosing import kernel
from crate_iscc.sharding import ShardWork
from crate_iscc.building.plan import BuildOptions

work = ShardWork(path=sys.argv[1], kernel=kernel(), build=BuildOptions())
try:
    cluster.parts_by_dask(work, sys.argv[2], patience=2)
except ReadError as error:
    print(error.message)
"""


@pytest.mark.deep
def test_a_cluster_without_workers_is_waited_for_no_longer_than_one_has_patience(
    cluster: Cluster, study: Path
) -> None:
    """Without any from the first, and when the last one is killed at work."""

    def said() -> str:
        command = [sys.executable, "-c", IMPATIENT, str(study), str(cluster.file)]
        started = time.monotonic()
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, check=False, timeout=120
        )
        assert time.monotonic() - started < 60
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    assert said() == "the dask cluster has no worker any more\n"
    cluster.work("one")
    await_workers(cluster, 1)
    killer = kill_one(cluster, "one")
    assert said() == "the dask cluster has no worker any more\n"
    assert killed(killer) > 0


@pytest.mark.deep
def test_a_scheduler_that_dies_ends_the_work(cluster: Cluster, study: Path) -> None:
    """Nothing is written, and nobody waits for ever."""
    cluster.work("one")
    await_workers(cluster, 1)
    os.kill(cluster.processes[1].pid, signal.SIGSTOP)
    build = subprocess.Popen(
        [*COMMAND, "build", str(study), "--dask", str(cluster.file)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(3)
    cluster.processes[0].kill()
    out, err = build.communicate(timeout=120)

    assert (build.returncode, out) == (2, "")
    assert err.startswith("error: ")
    assert not (study / "ro-crate-metadata.json").exists()


@pytest.mark.deep
def test_workers_of_another_version_are_refused(
    cluster: Cluster, study: Path, tmp_path: Path
) -> None:
    """What they would compute might be something else."""
    package = Path(sys.modules["crate_iscc"].__path__[0])
    old = tmp_path / "old"
    shutil.copytree(package, old / "crate_iscc")
    (old / "crate_iscc/version.py").write_text('"""Old."""\n\n__version__ = "0.0.1"\n')
    cluster.work("old", env={"PYTHONPATH": str(old)})
    await_workers(cluster, 1)

    outcome = run("build", study, "--dask", cluster.file)

    assert (outcome.code, outcome.out) == (2, "")
    assert "runs 0.0.1" in error_of(outcome)


def test_an_address_without_a_scheduler_is_an_error(study: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "scheduler.json"
    nothing.write_text("{}", encoding="utf-8")

    for address in (nothing, "nonsense://x", tmp_path / "no-such-file.json"):
        outcome = run("verify", study, "--dask", address)
        assert outcome.code == 2
        assert "there is no dask scheduler" in error_of(outcome)
