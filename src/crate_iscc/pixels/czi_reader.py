"""Reads a CZI in a process of its own, and hands tiles and pixels to the one that asked.

libCZI ends the process on some damaged files, so it runs where nothing else is lost by that. This
file is run by its path, and imports nothing of this project. Lines of JSON go both ways: all tiles
are told first, then each request is answered with shape and type of pixels, and their bytes behind.
"""

import json
import os
import sys
from typing import Any, BinaryIO


def main(place: str) -> None:
    """Serve one file until no more is asked."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    try:
        _serve(place, answers)
    except Exception as error:  # libCZI raises anything on damaged files
        _tell(answers, {"error": str(error) or type(error).__name__})


def _serve(place: str, answers: BinaryIO) -> None:
    from pylibCZIrw import czi  # type: ignore[import-not-found, import-untyped, unused-ignore]

    with czi.open_czi(place) as document:

        def take(_: int, tile: Any) -> bool:
            rect, size = tile.logicalRect, tile.physicalSize
            told = {
                "rect": [rect.x, rect.y, rect.w, rect.h],
                "size": [size.w, size.h],
                "where": tile.coordinate.to_dict(),
                "type": tile.pixelType.name,
            }
            answers.write(json.dumps(told).encode("ascii") + b"\n")
            return True

        document.enumerate_subblocks(take)
        _tell(answers, {"end": True})
        for line in sys.stdin:
            asked = json.loads(line)
            pixels = document.read(
                roi=tuple(asked["roi"]), plane=asked["plane"], scene=asked["scene"]
            )
            raw = pixels.tobytes()
            told = {"shape": pixels.shape, "dtype": pixels.dtype.str, "size": len(raw)}
            answers.write(json.dumps(told).encode("ascii") + b"\n")
            answers.write(raw)
            answers.flush()


def _tell(answers: BinaryIO, told: dict[str, Any]) -> None:
    answers.write(json.dumps(told).encode("ascii") + b"\n")
    answers.flush()


if __name__ == "__main__":
    main(sys.argv[1])
