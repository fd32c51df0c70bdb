"""Kills a worker of a dask cluster while its shard runs: freeze_worker.py SCHEDULER-FILE NAME.

The worker is stopped as soon as it has a shard; if it still has one a moment later, that one was
not finished when the worker was killed.
"""

import os
import signal
import sys
import time

from distributed import Client


def shards_at_work(client: Client, address: str) -> list[str]:
    """Return the tasks that the scheduler takes a worker to be at."""
    keys = map(str, client.processing([address])[address])
    return [key for key in keys if key.startswith("run_shard")]


with Client(scheduler_file=sys.argv[1], set_as_default=False) as client:
    workers = client.scheduler_info()["workers"]
    address = next(a for a, worker in workers.items() if worker["name"] == sys.argv[2])
    process = client.run(os.getpid, workers=[address])[address]
    print("ready", flush=True)
    while not shards_at_work(client, address):
        time.sleep(0.002)
    os.kill(process, signal.SIGSTOP)
    time.sleep(0.3)
    at_work = shards_at_work(client, address)
    os.kill(process, signal.SIGKILL)
    print(f"killed with {len(at_work)} shards at work", flush=True)
