"""The two verbs of the Python API that join a plan, or a tree, with what is done to it."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from crate_iscc.building.apply import apply
from crate_iscc.building.plan import BuildOptions, BuildPlan, plan_build
from crate_iscc.crate.describe import Description
from crate_iscc.crate.style import Style
from crate_iscc.fingerprinting.tree import fingerprint_tree, payload_of
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.manifest import Manifest
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.sources import require_complete
from crate_iscc.sources.limits import refuse_larger
from crate_iscc.sources.opening import open_tree


def build(
    path: str | Path,
    out: str | Path | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    licence: str | None = None,
    authors: Sequence[str] = (),
    containers: Sequence[str] = (),
    excluded: Sequence[str] | None = None,
    sha256: bool = False,
    manifest_file: bool = False,
    style: Style | None = None,
    compress: bool = False,
    force: bool = False,
    max_bytes: int | None = None,
    pixels: bool = False,
    full_codes: bool = False,
    jobs: int | None = None,
    gentle: bool = False,
    cache_folder: Path | None = None,
    now: datetime | None = None,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> BuildPlan:
    """Make a dataset an RO-Crate, in place or in a new zip or directory `out`.

    Returns the plan that was carried out: the manifest with every fingerprint, the metadata as
    bytes, and notes on what was filled in. `licence` is an SPDX identifier, a URL or a payload
    file, `authors` names and ORCIDs; `containers` and `excluded` use the syntax of .gitignore
    (None keeps what the crate records). `style` says how the fingerprints are written (None keeps
    the crate's style, and takes the table for a new crate of the BioImage Archive). Nothing is
    remembered between calls unless `cache_folder` is given. A dataset of more than `max_bytes` is
    refused before it is read. With `pixels` the images in it are decoded, and the codes of their
    pixels recorded; with `full_codes` an ISCC-CODE (ISO 24138) of each image and of the whole.

    Raises InputError for what is no dataset, UnreadPayloadError if a file cannot be read whole,
    DamagedPayloadError if one is not what others recorded of it (unless `force` takes it as it is),
    WriteError if the result cannot be written; what was there before is then unchanged.
    """
    options = BuildOptions(
        description=Description(name, description, licence, tuple(authors)),
        containers=tuple(containers),
        excluded=None if excluded is None else tuple(excluded),
        sha256=sha256,
        manifest_file=manifest_file,
        style=style,
        compress=compress,
        force=force,
        max_bytes=max_bytes,
        pixels=pixels,
        full_codes=full_codes,
    )
    plan = plan_build(
        path,
        out,
        options=options,
        jobs=jobs,
        gentle=gentle,
        cache_folder=cache_folder,
        now=now,
        kernel=kernel,
        progress=progress,
    )
    apply(plan, progress=progress)
    return plan


def fingerprint(
    source: str | Path,
    *,
    containers: Sequence[str] = (),
    excluded: Sequence[str] = (),
    sha256: bool = False,
    max_bytes: int | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    progress: ProgressSink = nobody,
) -> Manifest:
    """Return the fingerprints of a directory or zip: files, containers, and the whole payload.

    What cannot be read is in `unread`; a container or root that holds such a file has no codes.
    Raises InputError for what is neither a directory nor a zip, and for more than `max_bytes`.
    """
    with open_tree(source) as tree:
        refuse_larger(tree, max_bytes)
        listing = tree.listing()
        require_complete(tree, listing)
        payload = payload_of(listing, excluded=excluded, containers=containers)
        return fingerprint_tree(
            tree,
            payload,
            kernel or chosen_kernel(),
            jobs=jobs,
            gentle=gentle,
            sha256=sha256,
            excluded=excluded,
            progress=progress,
        )
