"""The similar command."""

from dataclasses import dataclass
from pathlib import Path

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
from crate_iscc.matching.appearance import similar_images
from crate_iscc.matching.gathering import Gathering
from crate_iscc.matching.grouping import leakage, similar
from crate_iscc.render.similar import leakage_json, leakage_text, similar_json, similar_text
from crate_iscc.similarity.members import Gathered


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of a comparison: `threshold` in bits, `remember` to use the cache."""

    compute: bool
    threshold: int | None
    max_bytes: int | None
    everything: bool
    as_json: bool
    remember: bool
    manner: Manner


def find_similar(sources: list[str], wanted: Wanted) -> None:
    """Say what is the same and what is near; end with 3 where something could not be compared."""
    with progress_on_stderr(wanted.manner.progress) as sink:
        found = similar(
            sources,
            compute=wanted.compute,
            threshold=wanted.threshold,
            max_bytes=wanted.max_bytes,
            jobs=wanted.manner.jobs,
            gentle=wanted.manner.gentle,
            kernel=chosen_kernel(wanted.manner.kernel),
            cache_folder=_cache(wanted.remember),
            progress=sink,
        )
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
    found = similar_images(
        sources, threshold=wanted.threshold, how=Gathering(max_bytes=wanted.max_bytes)
    )
    if not found.members and not any(source.unread for source in found.sources):
        raise InputError(
            f"there is no image in {', '.join(source.source for source in found.sources)}",
            cause="there is no Zarr and no file that ends like an image",
        )
    if wanted.as_json:
        write_for_machines(similar_json(found, images=True))
    else:
        paint = paint_for_stdout()
        write_out(similar_text(found, paint, everything=wanted.everything, images=True))
    if not found.is_complete:
        raise typer.Exit(UNREAD)


def find_leaks(train: str, test: str, wanted: Wanted) -> None:
    """Say what of a test set is in the training set; end with 1 where anything is."""
    with progress_on_stderr(wanted.manner.progress) as sink:
        found = leakage(
            train,
            test,
            compute=wanted.compute,
            threshold=wanted.threshold,
            max_bytes=wanted.max_bytes,
            jobs=wanted.manner.jobs,
            gentle=wanted.manner.gentle,
            kernel=chosen_kernel(wanted.manner.kernel),
            cache_folder=_cache(wanted.remember),
            progress=sink,
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


def _cache(remember: bool) -> Path | None:
    return cache_folder() if remember else None


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
