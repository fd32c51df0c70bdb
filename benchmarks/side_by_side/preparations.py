"""What is done before a contender runs, untimed, so that it starts from nothing each time."""

from collections.abc import Callable
from pathlib import Path

from side_by_side.payload import remove_tree, twin_tree
from side_by_side.workloads import Site


def nothing(_site: Site) -> None:
    """Prepare nothing."""


def without_cache(site: Site) -> None:
    """Empty the user cache folder."""
    remove_tree(site.cache)
    site.cache.mkdir()


def without_crate(place: Callable[[Site], Path]) -> Callable[[Site], None]:
    """Return a preparation that takes a tree's metadata away, so that it is built from nothing."""

    def prepare(site: Site) -> None:
        for name in ("ro-crate-metadata.json", "iscc-manifest.tsv"):
            (place(site) / name).unlink(missing_ok=True)
        without_cache(site)

    return prepare


def without_zip(place: Callable[[Site], Path]) -> Callable[[Site], None]:
    """Return a preparation that removes a zip."""

    def prepare(site: Site) -> None:
        place(site).unlink(missing_ok=True)
        without_cache(site)

    return prepare


def afresh(key: str) -> Callable[[Site], None]:
    """Return a preparation that empties the user cache folder and removes a manifest."""

    def prepare(site: Site) -> None:
        without_cache(site)
        site.manifest(key).unlink(missing_ok=True)

    return prepare


def crated(site: Site) -> None:
    """Make the tree that is to become a crate, should there be none yet, and no crate of it."""
    if not site.crate.exists():
        twin_tree(site, site.crate)
    without_crate(lambda site: site.crate)(site)


def unbagged(site: Site) -> None:
    """Make the tree that is to become a bag anew."""
    twin_tree(site, site.bag)
