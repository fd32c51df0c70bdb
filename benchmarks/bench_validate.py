"""Time crate-iscc validate beside rocrate-validator with the profile's SHACL shapes.

Both judge the same crates, of growing numbers of files, at level MUST, offline; both find them
valid. rocrate-validator is asked as one would ask it: it tells the profiles from what the crate
declares, so it applies the rules of RO-Crate 1.3 too, which crate-iscc validate does not. As its
time grows by tens of milliseconds a file, it is asked only up to SLOW_UP_TO files. Prints a
Markdown table.

    python benchmarks/bench_validate.py --quick
    python benchmarks/bench_validate.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from crate_iscc import build
from crate_iscc.resources import context_files, profiles_folder
from crate_iscc.validating.rocrate_judge import seed

FULL = (10, 100, 300, 10_000, 100_000)
QUICK = (10, 100, 10_000)
SLOW_UP_TO = 300
"""Files beyond which rocrate-validator is not asked: it would take hours."""


def make_crate(folder: Path, files: int) -> Path:
    """Write a crate of that many small files and return its folder."""
    for number in range(files):
        place = folder / f"plate-{number // 1000:03}" / f"image-{number:06}.tif"
        if number % 1000 == 0:
            place.parent.mkdir(parents=True)
        place.write_bytes(b"%d" % number)
    build(folder, name="Plates", description="Small files.", licence="CC0-1.0")
    return folder


def seconds(command: list[str | Path]) -> float:
    """Return how long a command takes that has to end with 0."""
    started = time.perf_counter()
    ended = subprocess.run(
        command,
        env={**os.environ, "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    taken = time.perf_counter() - started
    if ended.returncode:
        sys.exit(f"{command[0]} failed:\n{ended.stdout}{ended.stderr}")
    return taken


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and smaller crates")
    sizes = QUICK if parser.parse_args().quick else FULL
    programs = Path(sys.executable).parent
    print("| files | crate-iscc validate, s | rocrate-validator, s | ratio |")
    print("| --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory(prefix="crate-iscc-bench-") as folder:
        cache = Path(folder) / "contexts"
        urls = {
            f"https://w3id.org/ro/crate/{v}/context": str(f) for v, f in context_files().items()
        }
        seed(cache, urls)
        for files in sizes:
            crate = make_crate(Path(folder) / str(files), files)
            ours = seconds([programs / "crate-iscc", "validate", crate])
            line = f"| {files:,} | {ours:.2f} |"
            if files <= SLOW_UP_TO:
                theirs = seconds(
                    [
                        programs / "rocrate-validator", "-y", "validate", "--offline",
                        "--cache-path", cache, "--no-paging",
                        "--extra-profiles-path", profiles_folder(), crate,
                    ]
                )  # fmt: skip
                line += f" {theirs:.1f} | {theirs / ours:.0f} |"
            else:
                line += " - | - |"
            print(line, flush=True)


if __name__ == "__main__":
    main()
