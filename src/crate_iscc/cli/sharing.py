"""Shares of a build or a verification: --shard and --dask, and what merge begins with."""

from collections.abc import Sequence
from pathlib import Path

import typer

from crate_iscc.cli.guard import UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import say, write_out
from crate_iscc.cli.terminal import chosen_kernel, progress_on_stderr
from crate_iscc.errors import InputError
from crate_iscc.fingerprinting.part import Part, Shard, read_part, write_part
from crate_iscc.fingerprinting.shards import MergedParts
from crate_iscc.paths import printable
from crate_iscc.progress import ProgressSink
from crate_iscc.render.units import file_size, number
from crate_iscc.sharding import ShardWork, check_place

_NAMED_AT_MOST = 20


def run_shard(work: ShardWork, shard: str, out: str | Path | None, manner: Manner) -> None:
    """Read one shard and write its part."""
    share = Shard.parse(shard)
    if out is None:
        raise typer.BadParameter("--shard needs -o PART: the file that merge takes")
    place = Path(out)
    check_place(place, work.path)
    with progress_on_stderr(manner.progress) as sink:
        part = work.part(share, sink)
    _say_unread(part)
    if part.unread and work.build is not None:
        say(f"error: shard {share} cannot be read whole, nothing was written")
        say("hint: make the files readable, or leave them out with --exclude; then run it again")
        raise typer.Exit(UNREAD)
    write_part(part, place)
    files = "1 file" if part.files == 1 else f"{number(part.files)} files"
    write_out(f"shard {share}: {files}, {file_size(part.size)} → {printable(str(place))}\n")


def _say_unread(part: Part) -> None:
    unread = list(part.unread.values())
    for item in unread[:_NAMED_AT_MOST]:
        say(f"  unread  {printable(item.path)}: {item.reason}")
    if len(unread) > _NAMED_AT_MOST:
        say(f"  … and {len(unread) - _NAMED_AT_MOST} more")


def given_in_vain(purpose: str, **options: object) -> None:
    """Refuse options that mean nothing to a merge of parts of that purpose."""
    names = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if names:
        raise InputError(
            f"{', '.join(names)} cannot be used here",
            cause=f"these are parts of a {purpose}",
            hint="see crate-iscc merge --help",
        )


def merged(places: Sequence[Path], manner: Manner) -> MergedParts:
    """Return what these parts make together. Raises InputError."""
    return MergedParts([read_part(place) for place in places], chosen_kernel(manner.kernel))


def by_dask(work: ShardWork, address: str, sink: ProgressSink) -> MergedParts:
    """Return what the workers of a cluster have read."""
    from crate_iscc.cluster import parts_by_dask

    return MergedParts(parts_by_dask(work, address, progress=sink), work.kernel)
