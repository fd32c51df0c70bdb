"""Says what is the same and what is near, within what a user names and between two such things."""

from collections.abc import Sequence
from pathlib import Path

from crate_iscc.fingerprinting.reading import default_jobs
from crate_iscc.kernel import Kernel
from crate_iscc.matching.appearance import image_leakage
from crate_iscc.matching.gathering import Gathering, gather_all, refuse_overlaps
from crate_iscc.progress import ProgressSink, nobody
from crate_iscc.similarity.groups import Grouping, groups_of
from crate_iscc.similarity.leaks import Leakage, leaks_between, with_images


def similar(
    sources: Sequence[str | Path],
    *,
    compute: bool = False,
    threshold: int | None = None,
    max_bytes: int | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    cache_folder: Path | None = None,
    progress: ProgressSink = nobody,
) -> Grouping:
    """Return what is there twice, and what is nearly there twice, among files of any number.

    `sources` are folders, zips, crates and single files. Of crates what they record is compared,
    unless `compute` has their bytes read; of everything else the codes are computed. `threshold`
    is in bits of the Data-Code; None has it chosen so that less than one pair in ten runs is near
    by chance. Raises InputError for what cannot be opened, and where one source holds another.
    """
    how = Gathering(
        compute=compute,
        max_bytes=max_bytes,
        jobs=jobs,
        gentle=gentle,
        kernel=kernel,
        cache_folder=cache_folder,
        progress=progress,
    )
    gathered = gather_all(sources, how)
    return groups_of(gathered, threshold=threshold, jobs=jobs or default_jobs())


def leakage(
    train: str | Path,
    test: str | Path,
    *,
    pixels: bool = False,
    looks: bool = False,
    compute: bool = False,
    threshold: int | None = None,
    max_bytes: int | None = None,
    jobs: int | None = None,
    gentle: bool = False,
    kernel: Kernel | None = None,
    cache_folder: Path | None = None,
    progress: ProgressSink = nobody,
) -> Leakage:
    """Return what of a test set is in the training set too, or near to something in it, by bytes.

    Each is a folder, a zip, a crate or a file; the options are those of `similar`. That nothing is
    found does not say that no image is in both: another encoding of it has other bytes. `pixels`
    finds those, as they are recorded or decoded, and `looks` those that look alike as well, which
    is experimental. Raises InputError as `similar` does, and with `pixels` or `looks` where one of
    the sets has no image, or a package that decodes them is missing.
    """
    how = Gathering(
        compute=compute,
        max_bytes=max_bytes,
        jobs=jobs,
        gentle=gentle,
        kernel=kernel,
        cache_folder=cache_folder,
        progress=progress,
    )
    refuse_overlaps((train, test))
    # First, since where nothing can be decoded, nothing has to be read.
    images = image_leakage(train, test, looks=looks, how=how) if pixels or looks else None
    first, second = (gather_all([each], how)[0] for each in (train, test))
    found = leaks_between(first, second, threshold=threshold)
    return with_images(found, images, looks=looks) if images else found
