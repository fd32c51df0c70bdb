"""Finds the images of a tree, and opens what holds them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

from crate_iscc.containers import container_of, find_containers
from crate_iscc.errors import CrateIsccError, InputError
from crate_iscc.images import ImageUnread
from crate_iscc.paths import CratePath
from crate_iscc.pixels import ImageSource, PixelImage, needed
from crate_iscc.pixels.walking import reason_of
from crate_iscc.sources import Listing, Tree
from crate_iscc.sources.directory import DirectoryTree
from crate_iscc.sources.subtree import SubTree

TIFF_ENDINGS = (".tif", ".tiff", ".btf", ".tf2", ".tf8", ".lsm", ".companion.ome")
ZIPPED_ENDINGS = (".ozx", ".zarr.zip")
_READERS = {
    ".czi": ("Zeiss CZI", "pylibCZIrw", "czi"),
    ".nd2": ("Nikon ND2", "nd2", "nd2"),
    ".lif": ("Leica LIF", "liffile", "lif"),
}
"""The format, the package that reads it, and the extra that brings the package, by ending."""
OTHER_ENDINGS = tuple(_READERS)
_ZARR_METADATA = ("zarr.json", ".zgroup", ".zarray")


@dataclass(frozen=True, slots=True)
class ImagePlace:
    """A file or a Zarr (with a slash at the end, "" for the root) that may hold images."""

    path: CratePath

    @property
    def is_folder(self) -> bool:
        """Whether it is a Zarr in a folder."""
        return not self.path or self.path.endswith("/")


def find_images(listing: Listing, paths: Iterable[CratePath] | None = None) -> list[ImagePlace]:
    """Return what may hold images by its name: Zarrs, and files of known endings, by path."""
    entries = listing.entries
    known = list(entries.paths() if paths is None else paths)
    containers = {
        folder
        for folder in find_containers(known)
        if any(folder + name in entries for name in _ZARR_METADATA)
    }
    endings = (*TIFF_ENDINGS, *ZIPPED_ENDINGS, *OTHER_ENDINGS)
    files = [
        path
        for path in known
        if path.lower().endswith(endings) and container_of(path, containers) is None
    ]
    places = [*(CratePath(folder) for folder in containers), *files]
    return [ImagePlace(path) for path in sorted(places, key=lambda path: path.encode("utf-8"))]


def open_images(tree: Tree, listing: Listing, place: ImagePlace) -> ImageSource:
    """Open what holds images. Raises InputError if a package that decodes them is missing."""
    path = place.path
    name = path.lower()
    if not name.endswith(OTHER_ENDINGS):
        needed("numpy")  # which the modules of the formats import
    if place.is_folder:
        from crate_iscc.pixels.ome_zarr import ZarrSource

        return ZarrSource(tree, listing, path, path)
    if name.endswith(ZIPPED_ENDINGS):
        return _Zipped(tree, path)
    if name.endswith(OTHER_ENDINGS):
        return _of_microscope(tree, listing, path)
    from crate_iscc.pixels.tiff import TiffSource

    return TiffSource(tree, listing, path)


def _of_microscope(tree: Tree, listing: Listing, path: CratePath) -> ImageSource:
    ending = next(ending for ending in OTHER_ENDINGS if path.lower().endswith(ending))
    what, package, extra = _READERS[ending]
    if find_spec(package) is None:
        install = f"pip install 'crate-iscc[{extra}]'"
        return _Unreadable(path, f"there is no reader for {what} here: {install}")
    needed("numpy")
    if ending == ".czi":
        from crate_iscc.pixels.czi import CziSource
        from crate_iscc.pixels.on_disk import OnDisk

        return CziSource(OnDisk(tree, listing, path))
    if ending == ".nd2":
        from crate_iscc.pixels.nd2 import Nd2Source

        return Nd2Source(tree, listing, path)
    from crate_iscc.pixels.lif import LifSource

    return LifSource(tree, listing, path)


class _Zipped:
    """The images of a Zarr in a zip that is a file of a directory."""

    def __init__(self, tree: Tree, path: CratePath) -> None:
        from crate_iscc.pixels.ome_zarr import ZarrSource

        self._path = path
        self._reason = ""
        self._tree: Tree | None = None
        place = str(path)
        while isinstance(tree, SubTree):
            place = tree.folder + place
            tree = tree.tree
        if not isinstance(tree, DirectoryTree):
            self._reason = "a zip inside of an archive is not read: unpack the archive"
            return
        from crate_iscc.sources.zip import ZipTree

        try:
            self._tree = ZipTree(tree.path / place)
            self._images = ZarrSource(self._tree, self._tree.listing(), "", path)
        except CrateIsccError as error:
            self.close()
            if self._tree is not None and isinstance(error, InputError):
                raise
            self._reason = reason_of(error)

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images of the Zarr."""
        if self._reason:
            return iter((ImageUnread(self._path, self._reason),))
        return self._images.images()

    def settle(self) -> None:
        """Do nothing: each member was checked when it was read."""

    def close(self) -> None:
        """Close the zip."""
        if self._tree is not None:
            self._tree.close()


class _Unreadable:
    """An image of a kind that cannot be read here."""

    def __init__(self, path: CratePath, reason: str) -> None:
        self._unread = ImageUnread(path, reason)

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the reason."""
        yield self._unread

    def settle(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""
