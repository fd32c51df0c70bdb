"""The build command."""

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import typer

from crate_iscc.building.adoption import DamagedPayloadError
from crate_iscc.building.apply import apply
from crate_iscc.building.plan import BuildOptions, BuildPlan, UnreadPayloadError, plan_build
from crate_iscc.building.target import TargetKind
from crate_iscc.cli.guard import DAMAGED, UNREAD
from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import say, write_for_machines, write_out
from crate_iscc.cli.terminal import (
    cache_folder,
    chosen_kernel,
    now,
    paint_for_stdout,
    progress_on_stderr,
)
from crate_iscc.crate.describe import Description
from crate_iscc.crate.style import Style
from crate_iscc.paths import printable
from crate_iscc.render.record import build_json, build_text

if TYPE_CHECKING:
    from crate_iscc.fingerprinting.shards import MergedParts
    from crate_iscc.sharding import ShardWork

_LONGEST_DIFF = 4_000_000
_NAMED_AT_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the user asks for."""

    path: str
    out: str | None
    name: str | None
    description: str | None
    licence: str | None
    authors: tuple[str, ...]
    containers: tuple[str, ...]
    excluded: tuple[str, ...] | None
    sha256: bool
    manifest_file: bool
    style: str | None
    compress: bool
    force: bool
    max_bytes: int | None
    use_cache: bool
    dry_run: bool
    manner: Manner
    as_json: bool
    dask: str | None = None
    pixels: bool = False
    full_codes: bool = False


def options_of(request: Request) -> BuildOptions:
    """Return what the user asks for in the words of the build."""
    return BuildOptions(
        description=Description(
            request.name, request.description, request.licence, request.authors
        ),
        containers=request.containers,
        excluded=request.excluded,
        sha256=request.sha256,
        manifest_file=request.manifest_file,
        style=Style(request.style) if request.style else None,
        compress=request.compress,
        force=request.force,
        max_bytes=request.max_bytes,
        pixels=request.pixels,
        full_codes=request.full_codes,
    )


# What shares need is loaded for shares: it knows verification as well, which takes its time.


def work_of(request: Request) -> "ShardWork":
    """Return what there is to read, for those who read a share of it."""
    from crate_iscc.sharding import ShardWork

    return ShardWork(
        path=request.path,
        kernel=chosen_kernel(request.manner.kernel),
        build=options_of(request),
        jobs=request.manner.jobs,
        gentle=request.manner.gentle,
    )


def run_shard(request: Request, shard: str) -> None:
    """Read one shard and write its part."""
    from crate_iscc.cli import sharing

    if request.dask is not None:
        raise typer.BadParameter("--shard and --dask exclude each other")
    if request.pixels:
        raise typer.BadParameter("--shard excludes --pixels: build with it after merge")
    if request.full_codes:
        raise typer.BadParameter("--shard excludes --codes full: build with it after merge")
    try:
        sharing.run_shard(work_of(request), shard, request.out, request.manner)
    except UnreadPayloadError as error:
        say_unread(error)
        raise typer.Exit(UNREAD) from None


def run(request: Request, given: "MergedParts | None" = None) -> None:
    """Build, or with --dry-run show what a build would write; what is `given` is not read."""
    try:
        with progress_on_stderr(request.manner.progress) as sink:
            if request.dask is not None:
                from crate_iscc.cli.sharing import by_dask

                given = by_dask(work_of(request), request.dask, sink)
            plan = plan_build(
                request.path,
                request.out,
                options=options_of(request),
                jobs=request.manner.jobs,
                gentle=request.manner.gentle,
                cache_folder=cache_folder() if request.use_cache else None,
                now=now(),
                kernel=chosen_kernel(request.manner.kernel),
                progress=sink,
                given=given,
            )
            if not request.dry_run:
                apply(plan, progress=sink)
    except UnreadPayloadError as error:
        say_unread(error)
        raise typer.Exit(UNREAD) from None
    except DamagedPayloadError as error:
        say_damaged(error)
        raise typer.Exit(DAMAGED) from None
    target = request.out or request.path
    written = _written(plan)
    if request.as_json:
        write_for_machines(
            build_json(plan.manifest, target, written, plan.notes, dry_run=request.dry_run)
        )
        return
    if request.dry_run:
        write_for_machines(_diff(plan))
        say(f"dry run: nothing was written; build would write {', '.join(written) or 'nothing'}")
        return
    write_out(build_text(plan.manifest, target, written, plan.notes, paint_for_stdout()))


def _written(plan: BuildPlan) -> list[str]:
    if plan.target.kind is TargetKind.IN_PLACE:
        return list(reversed(plan.changes))
    return [plan.target.path.name]


def say_unread(error: UnreadPayloadError) -> None:
    """Name the files that could not be read, and say what to do."""
    for item in error.unread[:_NAMED_AT_MOST]:
        say(f"  unread  {printable(item.path)}: {item.reason}")
    if len(error.unread) > _NAMED_AT_MOST:
        say(f"  … and {len(error.unread) - _NAMED_AT_MOST} more")
    say(f"error: {error.message}")
    say(f"hint: {error.hint}")


def say_damaged(error: DamagedPayloadError) -> None:
    """Name the files that are not what others recorded of them, and say what to do."""
    for finding in error.findings[:_NAMED_AT_MOST]:
        word = finding.id.removeprefix("bytes.")
        say(f"  {word:<8} {printable(finding.path or '')}: {finding.message}")
    if len(error.findings) > _NAMED_AT_MOST:
        say(f"  … and {len(error.findings) - _NAMED_AT_MOST} more")
    say(f"error: {error.message}")
    say(f"hint: {error.hint}")


def _diff(plan: BuildPlan) -> str:
    """Return the change of the metadata as a unified diff, or all of them where they are new."""
    before = (plan.previous or b"").decode("utf-8", "replace")
    after = plan.metadata.decode("utf-8", "replace")
    if len(before) + len(after) > _LONGEST_DIFF:
        return f"{plan.metadata_path}: {len(before)} bytes become {len(after)}\n"
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"now/{plan.metadata_path}",
        f"then/{plan.metadata_path}",
    )
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)
