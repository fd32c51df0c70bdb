"""Decodes the pictures of one of the two things to compare."""

from dataclasses import dataclass
from pathlib import Path

from crate_iscc.comparing.opening import Opened
from crate_iscc.comparing.reading import Way
from crate_iscc.errors import InputError
from crate_iscc.fingerprinting.reading import reading_options
from crate_iscc.images import Image
from crate_iscc.imaging import file_pixels, pictures, require_images, tree_pixels
from crate_iscc.paths import printable
from crate_iscc.pixels import needed
from crate_iscc.pixels.searching import ImagePlace, find_images
from crate_iscc.sources import Listing, Tree


@dataclass(frozen=True, slots=True)
class Pictured:
    """Where the pictures of a side are: in a tree, or in a single file of this computer."""

    subject: str
    where: tuple[Tree, Listing, tuple[ImagePlace, ...]] | Path

    def pictures(self, way: Way) -> tuple[Image, ...]:
        """Decode them all; labels are left out. Raises InputError if there are but labels."""
        jobs = reading_options(way.jobs, gentle=way.gentle).jobs
        if isinstance(self.where, Path):
            found = file_pixels(
                self.where, way.kernel, looks=True, jobs=jobs, progress=way.progress
            )
        else:
            tree, listing, places = self.where
            found = tree_pixels(
                tree, listing, places, way.kernel, looks=True, jobs=jobs, progress=way.progress
            )
        kept = pictures(found)
        if not kept:
            raise InputError(
                f"there is no image in {printable(self.subject)}", cause="it holds labels alone"
            )
        return kept


def pictured(opened: Opened) -> Pictured:
    """Find the pictures of a side, before anything of it is read.

    Raises InputError where there are none, and if a package that decodes images is missing.
    """
    needed("numpy")
    if opened.around:
        tree, listing, path = opened.around
        return Pictured(opened.subject, (tree, listing, (ImagePlace(path),)))
    if opened.file_name:
        return Pictured(opened.subject, Path(opened.subject))
    places = find_images(opened.listing)
    require_images(places, opened.subject)
    return Pictured(opened.subject, (opened.tree, opened.listing, tuple(places)))
