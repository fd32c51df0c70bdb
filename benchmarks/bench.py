"""Time crate-iscc beside its peers on data that this script makes, and print Markdown tables.

Every contender runs once per round (A B C A B C ...), so that a busy spell of the machine meets
all of them alike; the best round counts. Compare the ratios, which come from one run on one
machine, rather than the seconds.

    python benchmarks/bench.py --quick
    python benchmarks/bench.py --workload all --workload scale --plot bench.svg > bench.md

The tables go to standard output, progress and the errors of failed contenders to standard error.
Exit status: 0 all that ran succeeded, 1 a contender failed, 2 wrong usage or too little space.
POSIX only.
"""

import argparse
import dataclasses
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from side_by_side.contenders import contenders
from side_by_side.machine import environment, environment_line
from side_by_side.measuring import Outcome, measure
from side_by_side.payload import BenchError, check_space, say
from side_by_side.peers import Peers, find_peers
from side_by_side.plot import PLOTTED, svg
from side_by_side.tables import as_json, report
from side_by_side.targets import judge
from side_by_side.workloads import FULL, QUICK, QUICKER, SCALE, TINY, Workload, chosen


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
        dest="sizes",
        action="store_const",
        const=QUICK,
        default=FULL,
        help="smaller sizes: a 256 MiB file instead of one of 4 GiB, "
        "and a tenth or a twentieth of the small files",
    )
    # The sizes of the script's own test, which measure nothing.
    parser.add_argument(
        "--tiny", dest="sizes", action="store_const", const=TINY, help=argparse.SUPPRESS
    )
    parser.add_argument(
        "--workload",
        action="append",
        choices=(*QUICKER, SCALE, "all"),
        help="what to measure; may be given several times (default: all, which is every one "
        "but scale)",
    )
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
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the speeds there, as SVG")
    parser.add_argument("--keep", action="store_true", help="do not delete the work folder")
    arguments = parser.parse_args(argv)
    arguments.workload = arguments.workload or ["all"]
    if arguments.plot and not {"all", *PLOTTED} & set(arguments.workload):
        parser.error(f"--plot draws the workloads {', '.join(PLOTTED)}: ask for one of them")
    return arguments


def run_all(arguments: argparse.Namespace, work: Path) -> int:
    """Run the chosen workloads in a work folder and print the report."""
    workloads = chosen(arguments.sizes, arguments.workload)
    check_space(workloads, work, arguments.keep)
    peers = find_peers()
    facts = environment(getattr(peers, field.name) for field in dataclasses.fields(peers))
    say(environment_line(facts))
    outcomes = [measure_one(workload, peers, arguments, work) for workload in workloads]
    verdicts = judge(outcomes)
    print(environment_line(facts))
    print()
    print(report(outcomes, verdicts, arguments.rounds, smaller=arguments.sizes is not FULL))
    if arguments.json:
        found = as_json(facts, outcomes, verdicts, arguments.rounds)
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if arguments.plot:
        arguments.plot.write_text(svg(outcomes), encoding="utf-8")
    return 1 if any(row.failure for outcome in outcomes for row in outcome.rows) else 0


def measure_one(
    workload: Workload, peers: Peers, arguments: argparse.Namespace, work: Path
) -> Outcome:
    """Measure one workload as the command line asks."""
    rows = contenders(peers, workload.name)
    return measure(workload, rows, arguments.rounds, work, arguments.keep)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """Leave by an exception, so that the work folder is deleted."""
    sys.exit(128 + signal.SIGTERM)


def settle_python_path() -> None:
    """Make the folders of PYTHONPATH absolute, for commands that run in another folder."""
    folders = os.environ.get("PYTHONPATH")
    if folders:
        absolute = map(os.path.abspath, folders.split(os.pathsep))
        os.environ["PYTHONPATH"] = os.pathsep.join(absolute)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    arguments = parse_arguments(argv)
    settle_python_path()
    # Python's peers and this project run as they do once installed: compiled on their first run.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
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
