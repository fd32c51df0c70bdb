"""The verify, validate and report commands."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from crate_iscc.cli.options import Extent, Manner
from crate_iscc.cli.proving import load_trust, required_proofs
from crate_iscc.cli.reporting import Delivery, check_each, deliver
from crate_iscc.cli.streams import say
from crate_iscc.cli.terminal import chosen_kernel, progress_on_stderr, state_folder
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import Severity
from crate_iscc.paths import printable
from crate_iscc.progress import ProgressSink
from crate_iscc.report import Report
from crate_iscc.verifying.how import Remote, Thoroughness
from crate_iscc.verifying.verification import verify

if TYPE_CHECKING:
    from crate_iscc.cli.auditing import Recorder
    from crate_iscc.fingerprinting.journal import Journal
    from crate_iscc.fingerprinting.shards import MergedParts
    from crate_iscc.sharding import ShardWork
    from crate_iscc.verifying.sampling import Sampling


def run_verify(
    crates: Sequence[str],
    delivery: Delivery,
    *,
    quick: bool,
    full: bool,
    closed: bool,
    each: bool,
    extent: Extent,
    max_bytes: int | None,
    trust: str | None,
    require: str | None,
    log: Path | None,
    remote: bool,
    remote_private: bool,
    manner: Manner,
    dask: str | None = None,
    given: "MergedParts | None" = None,
    pixels: bool = False,
) -> NoReturn:
    """Verify crates and deliver the reports; what is `given` of one is not read."""
    if quick and full:
        raise typer.BadParameter("--quick and --full exclude each other")
    if (quick or full) and (extent.sample is not None or extent.remembers):
        raise typer.BadParameter("--quick and --full exclude --sample, --resume and --since")
    if extent.journal is not None and len(crates) > 1:
        raise typer.BadParameter("--journal is for one crate: each has a journal of its own")
    sampling = _sampling(extent)
    if remote_private and not remote:
        raise typer.BadParameter(
            "--remote-private says something about --remote, which is not there"
        )
    if dask is not None:
        require_shareable("--dask", extent, quick=quick, remote=remote, pixels=pixels)
    thoroughness = Thoroughness.DATAHASH
    if quick or full:
        thoroughness = Thoroughness.QUICK if quick else Thoroughness.FULL
    kernel = chosen_kernel(manner.kernel)
    trusted = load_trust(trust)
    required = required_proofs(require)
    recorder = _recorder(log, crates, delivery)

    def check(crate: str) -> Report:
        try:
            return verified(crate)
        except KeyboardInterrupt:
            if extent.remembers:
                say("what was read is in the journal: the same command goes on from there")
            raise

    def verified(crate: str) -> Report:
        with progress_on_stderr(manner.progress) as sink:
            parts = given
            if dask is not None:
                parts = _by_dask(
                    _work(crate, full=full, max_bytes=max_bytes, manner=manner), dask, sink
                )
            report = verify(
                crate,
                thoroughness=thoroughness,
                closed=closed,
                each=each,
                max_bytes=max_bytes,
                trust=trusted,
                required=required,
                pixels=pixels,
                sampling=sampling,
                journal=_journal(extent, crate),
                jobs=manner.jobs,
                gentle=manner.gentle,
                kernel=kernel,
                progress=sink,
                remote=Remote(private=remote_private, max_bytes=max_bytes) if remote else None,
                given=parts,
            )
        return recorder.put(report) if recorder else report

    check_each(crates, delivery, check)


def _sampling(extent: Extent) -> "Sampling | None":
    if extent.sample is None:
        return None
    from crate_iscc.verifying.sampling import Sampling

    return Sampling.parse(extent.sample, extent.seed)


def _journal(extent: Extent, crate: str) -> "Journal | None":
    """Return the journal of a crate, if one is to be kept."""
    if not extent.remembers:
        return None
    from crate_iscc.fingerprinting.journal import Journal, default_journal

    place = extent.journal
    if place is None:
        folder = state_folder()
        if folder is None:
            raise InputError(
                "there is no place for a journal",
                cause="the user has no home folder",
                hint="name a file with --journal",
            )
        place = default_journal(folder / "journals", crate)
    return Journal(place, crate, since=extent.since, max_age=extent.max_age)


def require_shareable(
    option: str, extent: Extent, *, quick: bool, remote: bool, pixels: bool
) -> None:
    """Refuse what cannot be shared by several processes. Raises BadParameter."""
    if quick:
        raise typer.BadParameter("--quick reads nothing that could be shared")
    if pixels:
        raise typer.BadParameter(f"{option} excludes --pixels: images are decoded whole")
    if extent.sample is not None or extent.remembers or remote:
        raise typer.BadParameter(f"{option} excludes --sample, --resume, --since and --remote")


def _work(crate: str, *, full: bool, max_bytes: int | None, manner: Manner) -> "ShardWork":
    from crate_iscc.sharding import ShardWork

    return ShardWork(
        path=crate,
        kernel=chosen_kernel(manner.kernel),
        full=full,
        max_bytes=max_bytes,
        jobs=manner.jobs,
        gentle=manner.gentle,
    )


def _by_dask(work: "ShardWork", address: str, sink: ProgressSink) -> "MergedParts":
    from crate_iscc.cli.sharing import by_dask

    return by_dask(work, address, sink)


def run_shard(
    crates: Sequence[str],
    shard: str,
    out: Path | None,
    *,
    quick: bool,
    full: bool,
    extent: Extent,
    remote: bool,
    pixels: bool,
    dask: str | None,
    max_bytes: int | None,
    manner: Manner,
) -> None:
    """Read one shard of a crate and write its part."""
    from crate_iscc.cli import sharing

    if len(crates) > 1:
        raise typer.BadParameter("--shard is of one crate: run the command once for each")
    require_shareable("--shard", extent, quick=quick, remote=remote, pixels=pixels)
    if dask is not None:
        raise typer.BadParameter("--shard and --dask exclude each other")
    work = _work(crates[0], full=full, max_bytes=max_bytes, manner=manner)
    sharing.run_shard(work, shard, out, manner)


def _recorder(log: Path | None, crates: Sequence[str], delivery: Delivery) -> "Recorder | None":
    if log is None:
        return None
    from crate_iscc.cli.auditing import Recorder

    return Recorder(log, crates, delivery.ignored)


def run_validate(
    crates: Sequence[str], delivery: Delivery, *, profile: str, level: str, base: bool
) -> NoReturn:
    """Validate the metadata of crates and deliver the reports."""
    from crate_iscc.validating.validation import validate

    wanted = next(severity for severity in Severity if severity.level.lower() == level)
    check_each(
        crates, delivery, lambda crate: validate(crate, profile=profile, level=wanted, base=base)
    )


def run_report(saved: Path, delivery: Delivery) -> NoReturn:
    """Read a saved report and deliver it in another format."""
    from crate_iscc.render.saved import parse_report  # jsonschema takes long to load
    from crate_iscc.resources import schema_text

    try:
        text = saved.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read {printable(str(saved))}", cause=error.strerror) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{printable(str(saved))} is no report", cause="it is not UTF-8"
        ) from error
    raise typer.Exit(deliver(parse_report(text, json.loads(schema_text("report"))), delivery))
