"""A repository's door: take a zipped crate in if it is whole, turn it away with a report if not.

    python examples/ingest.py INBOX/dataset.zip ARCHIVE_DIR

Prints the verification report as JSON. Exit code 0: accepted and moved into the archive;
1: rejected, the zip stays where it is; 2: not a crate that could be verified.
"""

import shutil
import sys
from pathlib import Path

import crate_iscc


def ingest(arrived: Path, archive: Path) -> int:
    """Verify an arrived zip and move it into the archive if every file in it is as recorded."""
    try:
        report = crate_iscc.verify(arrived)
    except crate_iscc.CrateIsccError as error:
        print(f"rejected without a verdict: {error}", file=sys.stderr)
        return 2
    print(crate_iscc.report_json(report), end="")
    if report.verdict is not crate_iscc.Verdict.VALID:
        print(f"rejected: {arrived.name} is {report.verdict}", file=sys.stderr)
        return 1
    archive.mkdir(parents=True, exist_ok=True)
    shutil.move(arrived, archive / arrived.name)
    print(f"accepted: {archive / arrived.name}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    sys.exit(ingest(Path(sys.argv[1]), Path(sys.argv[2])))
