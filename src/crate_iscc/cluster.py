"""Has the shards of a payload read by the workers of a dask cluster (distributed).

Each task is one shard, of which there are several for each thread of a worker. A worker that is
lost costs what it was at: dask hands its shards to others. What comes back are parts, as files of
--shard hold them, and they are merged in the same way.
"""

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.fingerprinting.part import Part, Shard, parse_part
from crate_iscc.kernel.choosing import has_compiled_module
from crate_iscc.paths import printable
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.sharding import ShardWork
from crate_iscc.version import __version__

SHARDS_A_THREAD = 4
"""So many shards for each thread of a worker: what a lost worker costs is small."""
_CONNECT_SECONDS = 15
_WHERE = "give tcp://HOST:PORT, or the file that dask scheduler --scheduler-file wrote"
_LOOK_SECONDS = 0.2
_ASK_SECONDS = 1.0
_ANSWER_SECONDS = 10.0
PATIENCE_SECONDS = 60.0
"""So long is waited for a worker when there is none."""
_RETRIES = 2

Outcome = tuple[bytes, tuple[str, str | None, str | None] | None]
"""The bytes of a part; or nothing, and message, cause and hint of an error."""


def about_worker() -> tuple[str, bool]:
    """Return the version that a worker runs, and whether it has the compiled kernel."""
    return __version__, has_compiled_module()


def run_shard(work: ShardWork, number: int, count: int, version: str) -> Outcome:
    """Read one shard on a worker. An error of ours comes back as words: nobody need try again."""
    if version != __version__:
        return b"", (f"a worker runs crate-iscc {__version__}, not {version}", None, None)
    try:
        return work.part(Shard(number, count)).dump(), None
    except CrateIsccError as error:
        return b"", (error.message, error.cause, error.hint)


def parts_by_dask(
    work: ShardWork,
    address: str,
    *,
    progress: ProgressSink = nobody,
    patience: float = PATIENCE_SECONDS,
) -> list[Part]:
    """Return the parts of all shards of a piece of work, read by the workers of a cluster.

    `address` is that of the scheduler, or the path of a scheduler file. Raises InputError if there
    is no scheduler, or a worker runs another version; ReadError if workers are lost again and
    again, or none is there for `patience` seconds.
    """
    with _client(address) as client:
        threads = _threads(client, work, patience)
        count = SHARDS_A_THREAD * threads
        # A worker's threads are the cluster's to fill: a task takes one, unless told otherwise.
        task = replace(work, path=_everywhere(work.path), jobs=work.jobs or 1)
        futures = {
            client.submit(
                run_shard, task, number, count, __version__, retries=_RETRIES, pure=False
            ): number
            for number in range(1, count + 1)
        }
        step = "fingerprinting" if work.build is not None else "verifying"
        return _gathered(client, futures, count, step, progress, patience)


def _everywhere(path: str) -> str:
    """Return a path as it is to be understood in any folder."""
    return path if "://" in path else str(Path(path).resolve())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep dask's log of lost connections from the terminal: what matters is said once, by us."""
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed")]
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def _client(address: str) -> Iterator[Any]:
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "dask.distributed is not installed here",
            cause=str(error),
            hint="pip install 'crate-iscc[dask]'",
        ) from error
    is_file = "://" not in address and Path(address).is_file()
    if not is_file and ":" not in address:
        raise InputError(
            f"there is no dask scheduler at {printable(address)}",
            cause="it is no file, and no address with a port",
            hint=_WHERE,
        )
    where: dict[str, str] = {"scheduler_file": address} if is_file else {"address": address}
    with _quiet():
        try:
            client = Client(**where, timeout=_CONNECT_SECONDS, set_as_default=False)
        except Exception as error:  # dask raises whatever comes to it of a bad address or file
            raise InputError(
                f"there is no dask scheduler at {printable(address)}",
                cause=str(error) or type(error).__name__,
                hint=_WHERE,
            ) from error
        try:
            yield client
        finally:
            with contextlib.suppress(OSError, TimeoutError):
                client.close(timeout=_CONNECT_SECONDS)


def _gone(cause: str) -> ReadError:
    return ReadError(
        "the dask scheduler does not answer any more",
        cause=cause,
        hint="nothing was written; start it again, then this command",
    )


def _workers(client: Any) -> dict[str, Any]:
    """Return the workers as the scheduler knows them. Raises ReadError if it does not answer."""
    if client.status != "running":
        raise _gone(f"the connection is {client.status}")
    try:
        return dict(client.scheduler_info(n_workers=-1)["workers"])
    except (OSError, TimeoutError, RuntimeError) as error:
        raise _gone(str(error) or type(error).__name__) from error


def _threads(client: Any, work: ShardWork, patience: float) -> int:
    """Return how many threads all workers have together, once there are any.

    Raises InputError if one of them cannot do the work.
    """
    deadline = time.monotonic() + patience
    while not (workers := _workers(client)):
        if time.monotonic() > deadline:
            raise _no_worker(patience)
        time.sleep(_LOOK_SECONDS)
    asked = {
        address: client.submit(about_worker, workers=[address], pure=False) for address in workers
    }
    # Who is busy with other work is not waited for: each task looks at the version as well.
    deadline = time.monotonic() + _ANSWER_SECONDS
    while not all(future.done() for future in asked.values()) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        _workers(client)
    for address, future in asked.items():
        if future.status == "error":
            error = future.exception()
            raise InputError(
                "a worker of the dask cluster cannot run crate-iscc",
                cause=f"{address}: {type(error).__name__}: {error}",
                hint=f"install crate-iscc {__version__} where the workers run",
            )
        if future.status == "finished":
            version, is_compiled = future.result()
            _check_worker(address, version, is_compiled, work)
    return max(1, sum(int(worker["nthreads"]) for worker in workers.values()))


def _check_worker(address: str, version: str, is_compiled: bool, work: ShardWork) -> None:
    if version != __version__:
        raise InputError(
            "the workers of the dask cluster run another version of crate-iscc",
            cause=f"{address} runs {version}, this is {__version__}",
            hint=f"install crate-iscc {__version__} where the workers run",
        )
    if hasattr(work.kernel, "part_hasher") and not is_compiled:
        raise InputError(
            "a worker of the dask cluster has no compiled kernel",
            cause=f"where {address} runs, crate-iscc was installed without a C compiler",
            hint="install one there, then crate-iscc anew",
        )


def _no_worker(patience: float) -> ReadError:
    return ReadError(
        "the dask cluster has no worker any more",
        cause=f"none was there for {patience:.0f} seconds",
        hint="nothing was written; start workers, then this command again",
    )


def _gathered(
    client: Any,
    futures: dict[Any, int],
    count: int,
    step: str,
    progress: ProgressSink,
    patience: float,
) -> list[Part]:
    """Wait for all parts, and for no longer than there are workers."""
    parts: list[Part] = []
    waiting = dict(futures)
    asked = seen = time.monotonic()
    while waiting:
        done = [future for future in waiting if future.done()]
        if done and client.status != "running":  # then they are given up, not done
            raise _gone(f"the connection is {client.status}")
        for future in done:
            parts.append(_part_of(future, waiting.pop(future), count))
            future.release()
        if done:
            size, files = sum(part.size for part in parts), sum(part.files for part in parts)
            progress(Progress(step, size, parts[0].all_bytes, files, parts[0].all_files))
            continue
        time.sleep(_LOOK_SECONDS)
        now = time.monotonic()
        if now - asked >= _ASK_SECONDS:
            asked = now
            if _workers(client):
                seen = now
            elif now - seen > patience:
                raise _no_worker(patience)
    return parts


def _part_of(future: Any, number: int, count: int) -> Part:
    name = f"shard {number}/{count}"
    if future.status != "finished":
        error = future.exception() if future.status == "error" else None
        raise ReadError(
            f"{name} could not be read by any worker",
            cause=f"{type(error).__name__}: {error}" if error else f"it is {future.status}",
            hint="nothing was written; look into the logs of the workers",
        )
    raw, problem = future.result()
    if problem:
        message, cause, hint = problem
        raise InputError(message, cause=cause, hint=hint)
    return parse_part(raw, name)
