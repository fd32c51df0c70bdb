"""The similar command."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import typer

from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import write_for_machines, write_out
from crate_iscc.cli.terminal import (
    cache_folder,
    chosen_kernel,
    paint_for_stdout,
    progress_on_stderr,
)
from crate_iscc.errors import InputError
from crate_iscc.kernel import Kernel
from crate_iscc.matching.appearance import require_images, similar_images
from crate_iscc.matching.gathering import Gathering
from crate_iscc.matching.grouping import leakage, similar
from crate_iscc.progress import ProgressSink
from crate_iscc.render.leakage import leakage_json, leakage_text
from crate_iscc.render.similar import similar_json, similar_text
from crate_iscc.similarity.members import Gathered


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a comparison: `threshold` in bits, `remember` to use the cache.

    `pixels` has images compared by their pixels, `looks` by their looks, too.
    """

    pixels: bool
    looks: bool
    compute: bool
    threshold: int | None
    max_bytes: int | None
    everything: bool
    as_json: bool
    remember: bool
    manner: Manner

    def options(self, progress: ProgressSink) -> "_Options":
        """Return how codes are gathered."""
        return _Options(
            compute=self.compute,
            max_bytes=self.max_bytes,
            jobs=self.manner.jobs,
            gentle=self.manner.gentle,
            kernel=chosen_kernel(self.manner.kernel),
            cache_folder=cache_folder() if self.remember else None,
            progress=progress,
        )


class _Options(TypedDict):
    compute: bool
    max_bytes: int | None
    jobs: int | None
    gentle: bool
    kernel: Kernel
    cache_folder: Path | None
    progress: ProgressSink


def find_similar(sources: list[str], wanted: Wanted) -> None:
    """Say what is the same and what is near; end with 3 where something could not be compared."""
    with progress_on_stderr(wanted.manner.progress) as sink:
        found = similar(sources, threshold=wanted.threshold, **wanted.options(sink))
    if not found.members:
        raise _nothing(found.sources)
    if wanted.as_json:
        write_for_machines(similar_json(found))
    else:
        write_out(similar_text(found, paint_for_stdout(), everything=wanted.everything))
    if not found.is_complete:
        raise typer.Exit(UNREAD)


def find_similar_images(sources: list[str], wanted: Wanted) -> None:
    """Say which images have the same pixels or look alike; end with 3 where one was not read."""
    with progress_on_stderr(wanted.manner.progress) as sink:
        how = Gathering(**wanted.options(sink))
        found = similar_images(sources, looks=wanted.looks, threshold=wanted.threshold, how=how)
    require_images(found.sources)
    if wanted.as_json:
        write_for_machines(similar_json(found, images=True))
    else:
        write_out(
            similar_text(
                found,
                paint_for_stdout(),
                everything=wanted.everything,
                images=True,
                looks=wanted.looks,
            )
        )
    if not found.is_complete:
        raise typer.Exit(UNREAD)


def find_leaks(train: str, test: str, wanted: Wanted) -> None:
    """Say what of a test set is in the training set; end with 1 where anything is."""
    with progress_on_stderr(wanted.manner.progress) as sink:
        found = leakage(
            train,
            test,
            pixels=wanted.pixels,
            looks=wanted.looks,
            threshold=wanted.threshold,
            **wanted.options(sink),
        )
    for each in (found.first, found.second):
        if not each.members:
            raise _nothing((each,))
    if wanted.as_json:
        write_for_machines(leakage_json(found))
    else:
        write_out(leakage_text(found, paint_for_stdout(), everything=wanted.everything))
    if found.leaks or not found.is_complete:
        raise typer.Exit(1 if found.leaks else UNREAD)


def _nothing(sources: tuple[Gathered, ...]) -> InputError:
    """Return the error for sources in which there is nothing that could be compared."""
    names = ", ".join(source.source for source in sources)
    unread = [item for source in sources for item in source.unread]
    without = sum(len(source.without_code) for source in sources)
    if unread:
        cause = f"{unread[0].path}: {unread[0].reason}"
    elif without:
        cause = f"no code is recorded of any of {without} files"
    else:
        cause = "there is no file with any byte in it"
    hint = "--compute reads the files of crates" if without else None
    return InputError(f"nothing can be compared in {names}", cause=cause, hint=hint)
