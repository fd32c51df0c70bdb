"""The machine and the versions that a report stands for."""

import os
import platform
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from side_by_side.peers import Peer


def environment(peers: Iterable[Peer]) -> dict[str, Any]:
    """Return the machine, the interpreter, the contenders' versions and the date."""
    model, sha, avx512 = _processor()
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "cores_usable": usable,
        "kernel": f"{platform.system()} {platform.release()}",
        "sha_instructions": sha,
        "avx512": avx512,
        "python": platform.python_version(),
        "contenders": {peer.name: peer.version for peer in peers},
        "load": round(os.getloadavg()[0], 1),
        "date": datetime.now(UTC).date().isoformat(),
    }


def environment_line(facts: dict[str, Any]) -> str:
    """Return the environment as one line."""
    cores = f"{facts['cores']} cores"
    if facts["cores_usable"] != facts["cores"]:
        cores += f" ({facts['cores_usable']} usable)"
    vectors = f"SHA instructions: {facts['sha_instructions']}, AVX-512: {facts['avx512']}"
    peers = [
        f"{name} {version or 'not installed'}"
        for name, version in facts["contenders"].items()
        if name != "python"
    ]
    machine = [facts["cpu"], cores, facts["kernel"], vectors, f"Python {facts['python']}"]
    load = f"load {facts['load']} at the start"
    return "; ".join([*machine, *peers, load, facts["date"]]) + "."


def _processor() -> tuple[str, str, str]:
    """Return the CPU's model and whether it has SHA instructions and AVX-512 with byte permutes.

    As far as the kernel tells, which is on Linux.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine(), "unknown", "unknown"
    facts: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    model = facts.get("model name") or platform.machine()
    flags = facts.get("flags", facts.get("Features", "")).split()
    if not flags:
        return model, "unknown", "unknown"

    def has(*names: str) -> str:
        return "yes" if any(name in flags for name in names) else "no"

    return model, has("sha_ni", "sha2"), has("avx512vbmi", "avx512_vbmi")
