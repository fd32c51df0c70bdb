"""Damages a study that make_study.py made, in five ways that a check should tell apart.

    cp -r study damaged
    python examples/damage_study.py damaged

The study is changed in place, so give it a copy. It may have become a crate in the meantime: only
the files named below are touched. If one of them is not as expected, nothing is.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

FLIPPED = "raw/cell.ome.tif"
REMOVED = "tables/measurements.csv"
RENAMED = ("figures/Figure 1.png", "figures/Figure 2.png")
ADDED = "notes/stray.txt"
# The array has 6 by 5 chunks, so that no reader will look for the new key.
MOVED = ("images/cell.ome.zarr/0/c/0/0", "images/cell.ome.zarr/0/c/9/9")


def damage(study: Path) -> list[str]:
    """Damage `study` in place and return a line on each thing done.

    Raises FileNotFoundError or FileExistsError, before anything is touched, if a file to be
    damaged is missing or a file to be made is there already.
    """
    for path in (FLIPPED, REMOVED, RENAMED[0], MOVED[0]):
        if not (study / path).is_file():
            raise FileNotFoundError(f"{study / path} is missing")
    for path in (RENAMED[1], ADDED, MOVED[1]):
        if (study / path).exists():
            raise FileExistsError(f"{study / path} is there already")
    return [
        flip_bit(study, FLIPPED),
        remove(study, REMOVED),
        f"renamed {move(study, *RENAMED)}",
        add(study, ADDED),
        f"moved   {move(study, *MOVED)} (a chunk of level 0, now outside of its grid)",
    ]


def flip_bit(study: Path, path: str) -> str:
    """Flip the lowest bit of the middle byte: one pixel changes by one grey level.

    The pixels are uncompressed and make up nearly the whole file, so its middle is one of them.
    """
    content = bytearray((study / path).read_bytes())
    middle = len(content) // 2
    content[middle] ^= 1
    (study / path).write_bytes(content)
    return f"flipped {path} (the lowest bit of byte {middle}, one pixel)"


def remove(study: Path, path: str) -> str:
    """Remove a file."""
    (study / path).unlink()
    return f"removed {path}"


def move(study: Path, old: str, new: str) -> str:
    """Give a file another path, its bytes unchanged."""
    (study / new).parent.mkdir(parents=True, exist_ok=True)
    (study / old).rename(study / new)
    return f"{old} -> {new}"


def add(study: Path, path: str) -> str:
    """Add a file that nobody recorded."""
    (study / path).write_bytes(b"Nobody knows where this came from.\n")
    return f"added   {path}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Damage the study and say how: 0 if it was done, 2 if it could not be done."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "study", metavar="STUDY_DIR", type=Path, help="a copy of a study, changed in place"
    )
    study: Path = parser.parse_args(arguments).study
    try:
        lines = damage(study)
    except (FileNotFoundError, FileExistsError) as error:
        print(f"error: {error}", file=sys.stderr)
        print("hint: give an undamaged copy of a study made by make_study.py", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"error: the study could not be damaged in full: {error}", file=sys.stderr)
        print("hint: check that its files can be written, then start from a copy", file=sys.stderr)
        return 2
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
