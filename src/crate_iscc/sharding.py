"""One piece of work as it is handed to those who do a share of it: a process, a job, a worker."""

from dataclasses import dataclass
from pathlib import Path

from crate_iscc.building.plan import BuildOptions, build_shard
from crate_iscc.errors import InputError
from crate_iscc.fingerprinting.part import Part, Shard
from crate_iscc.kernel import Kernel
from crate_iscc.paths import printable
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.verifying.verification import verify_shard


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardWork:
    """What is to be read of a dataset, and for what: to build a crate or to verify it.

    With `full`, verify computes every code. `build` are the options of a build, of which those
    count that say what is read.
    """

    path: str
    kernel: Kernel
    build: BuildOptions | None = None
    full: bool = False
    max_bytes: int | None = None
    jobs: int | None = None
    gentle: bool = False

    def part(self, shard: Shard, progress: ProgressSink = nobody) -> Part:
        """Read one share. Raises InputError as build and verify do."""
        if self.build is not None:
            return build_shard(
                self.path,
                shard,
                options=self.build,
                jobs=self.jobs,
                gentle=self.gentle,
                kernel=self.kernel,
                progress=progress,
            )
        return verify_shard(
            self.path,
            shard,
            full=self.full,
            max_bytes=self.max_bytes,
            jobs=self.jobs,
            gentle=self.gentle,
            kernel=self.kernel,
            progress=progress,
        )


def check_place(place: Path, dataset: str) -> None:
    """Raise InputError if a part must not be written there."""
    if Path(dataset).is_dir() and place.resolve().is_relative_to(Path(dataset).resolve()):
        raise InputError(
            f"the part cannot be written to {printable(str(place))}",
            cause="there it would become a file of the dataset",
            hint="choose a place outside of the dataset",
        )
