"""The workloads, their sizes, and the folders that each is made in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB

ONE, MEDIUM, LARGE, SMALL, ZIPS, SCALE = "one", "medium", "large", "small", "zips", "scale"
QUICKER = (ONE, MEDIUM, LARGE, SMALL, ZIPS)
"""The workloads that `all` stands for; SCALE takes long, and is asked for by its name."""

Content = Literal["random", "images", "zarr"]


@dataclass(frozen=True, slots=True)
class Workload:
    """So many files of the same size, whose bytes follow from the workload's name alone."""

    name: str
    files: int
    file_size: int
    content: Content = "random"

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
        noun = {"random": "file", "images": "noise image", "zarr": "Zarr chunk"}[self.content]
        plural = "" if self.files == 1 else "s"
        return f"{self.files:,} {noun}{plural} of {self.file_size // factor} {unit}"

    @property
    def folder(self) -> str:
        """The name of its work folder."""
        return f"{self.name}-{self.files}"

    def names(self) -> tuple[str, ...]:
        """Return the paths of the files, a thousand to a folder, in order."""
        if self.content == "zarr":
            return tuple(f"synthetic.zarr/0/c/{n // 1000}/{n % 1000}" for n in range(self.files))
        return tuple(f"d{n // 1000:03}/f{n:06}.bin" for n in range(self.files))


def _workloads(
    one: int, medium: int, large: int, small: int, scale: tuple[int, ...]
) -> tuple[Workload, ...]:
    """Return the workloads for a size of the one file and numbers of the other files."""
    return (
        Workload(ONE, 1, one),
        Workload(MEDIUM, medium, 64 * KIB),
        Workload(LARGE, large, 256 * KIB),
        Workload(SMALL, small, 4 * KIB),
        Workload(ZIPS, medium, 64 * KIB, "images"),
        *(Workload(SCALE, files, KIB, "zarr") for files in scale),
    )


FULL = _workloads(4 * GIB, 10_000, 20_000, 100_000, (10_000, 100_000, 1_000_000))
QUICK = _workloads(256 * MIB, 1_000, 1_000, 5_000, (1_000, 10_000, 30_000))
TINY = _workloads(3 * MIB, 30, 10, 200, (100, 300))


def chosen(sizes: Sequence[Workload], asked: Sequence[str]) -> tuple[Workload, ...]:
    """Return the workloads of the names asked for; `all` is every one but SCALE."""
    wanted = {name for word in asked for name in (QUICKER if word == "all" else (word,))}
    return tuple(workload for workload in sizes if workload.name in wanted)


@dataclass(frozen=True, slots=True)
class Site:
    """The folders of one workload; the trees hold the same bytes and, where possible, inodes."""

    root: Path
    names: tuple[str, ...]

    @property
    def plain(self) -> Path:
        """The tree that contenders only read (but for SCALE, which has no other tree)."""
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
        """The folder of what contenders write outside the trees."""
        return self.root / "out"

    @property
    def stored_zip(self) -> Path:
        """The crate as a zip of stored members."""
        return self.out / "stored.zip"

    @property
    def deflated_zip(self) -> Path:
        """The crate as a zip of deflated members."""
        return self.out / "deflated.zip"

    @property
    def cache(self) -> Path:
        """The user cache folder that the commands are given; emptied before crate-iscc runs."""
        return self.root / "cache"

    @property
    def log(self) -> Path:
        """Standard error of the command that ran last."""
        return self.root / "stderr.txt"

    @property
    def cost(self) -> Path:
        """What the command that ran last has cost."""
        return self.root / "cost.txt"

    def manifest(self, key: str) -> Path:
        """Return the path of a contender's manifest."""
        return self.out / f"{key}.txt"
