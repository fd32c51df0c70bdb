"""Validates a crate: its metadata against the requirements of a profile."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import Severity
from crate_iscc.json_lines import lines_of
from crate_iscc.metadata import MetadataFile, find_metadata, folder_on_disk, not_a_crate
from crate_iscc.paths import valid_unicode
from crate_iscc.profile.checker import check
from crate_iscc.profile.facts import Facts
from crate_iscc.profile.requirements import BIO_CODES, profile_called, refuse_newer
from crate_iscc.report import Command, Counts, Finding, Report
from crate_iscc.resources import schema_text
from crate_iscc.sources import Tree
from crate_iscc.sources.opening import open_tree
from crate_iscc.validating.base import judged
from crate_iscc.version import __version__
from crate_iscc.zarr_reading import rfc9_findings, zarr_findings, zarr_folders


def validate(
    source: str | Path,
    *,
    profile: str = BIO_CODES,
    level: Severity = Severity.ERROR,
    base: bool = False,
) -> Report:
    """Validate the metadata of a crate in a directory, in a zip, or by its metadata file.

    Checked are the requirements of `level` (ERROR stands for MUST, WARNING for SHOULD, INFO for
    MAY) and of stronger ones. With `base` rocrate-validator, where it is installed, is asked
    about RO-Crate itself, offline. The names of the chunks of each Zarr are held against its
    metadata, and a zipped OME-Zarr (`.ozx`) against RFC-9, at every level. No file but metadata is
    read, and nothing is fetched.

    Raises InputError where there is no verdict: no crate, a crate without a root, a profile that
    is not known, a crate of a later version of it, or a broken installation.
    """
    wanted = profile_called(profile)
    schema = json.loads(schema_text("crate"))
    with open_tree(source, crc=False) as tree:
        listing = tree.listing()
        zipped = rfc9_findings(tree)
        metadata = find_metadata(tree, listing)
        if metadata is None:
            raise _not_a_crate(tree, zipped)
        names = frozenset(entry.path for entry in listing.entries)
        folder = folder_on_disk(tree)
        zarrs = zarr_folders(listing)
        in_zarrs = zarr_findings(tree, listing, zarrs)
    crate = Crate.parse(metadata.raw)
    refuse_newer(crate)
    facts = Facts(crate)
    findings = [*check(facts, schema, names, level), *in_zarrs, *(zipped or ())]
    rocrate: tuple[str, ...] = ()
    if base:
        judgement = judged(crate, names, level)
        findings.extend(judgement.findings)
        rocrate = ("rocrate-sample",) if judgement.files_left_out else ("rocrate",)
    levels = [severity.level.lower() for severity in Severity]
    asked = levels[: level.rank + 1]
    return Report(
        command=Command.VALIDATE,
        subject=valid_unicode(str(source)),
        folder=folder,
        metadata=metadata.name,
        checked=(
            *asked,
            *rocrate,
            *(("zarr",) if zarrs else ()),
            *(("ozx",) if zipped is not None else ()),
        ),
        not_checked=(*levels[len(asked) :], *(() if base else ("rocrate",)), "contents"),
        findings=_with_lines(findings, metadata),
        files=len(facts.files),
        counts=Counts(unread=sum(finding.id == "bytes.unread" for finding in in_zarrs)),
        tool=f"crate-iscc {__version__}",
        profile=wanted.uri,
        level=level,
    )


def _not_a_crate(tree: Tree, zipped: tuple[Finding, ...] | None) -> InputError:
    """Return the error for a tree without metadata, which for an `.ozx` says what it is."""
    error = not_a_crate(tree)
    if zipped is None:
        return error
    said = "; ".join(finding.message for finding in zipped)
    return InputError(
        error.message,
        cause=f"{error.cause}; it is a zipped OME-Zarr that "
        + (f"does not keep to RFC-9: {said}" if zipped else "keeps to RFC-9"),
        hint="make it one with: crate-iscc build IMAGE.ozx -o NEW.zip",
    )


def _with_lines(findings: Iterable[Finding], metadata: MetadataFile) -> tuple[Finding, ...]:
    """Return the findings with the lines at which their pointers stand, the worst first."""
    findings = sorted(findings, key=lambda finding: finding.weight)
    pointers = {finding.pointer for finding in findings if finding.pointer}
    lines = lines_of(metadata.raw.decode("utf-8"), pointers) if pointers else {}
    return tuple(
        replace(finding, line=lines.get(finding.pointer)) if finding.pointer else finding
        for finding in findings
    )
