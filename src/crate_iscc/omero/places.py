"""Where the files of a pack's images lie, as its transfer.xml says and its files show."""

from crate_iscc.entries import EntryTable
from crate_iscc.omero.transfer_xml import PackImage, Transfer
from crate_iscc.paths import CratePath, path_problem, printable
from crate_iscc.report import Finding

_FILESET = "mock_folder"
"""How the place of an image ends that consists of all files of the folder before it."""


class Places:
    """Where the files of the images lie: a file's path, or a folder's with a slash."""

    def __init__(self, transfer: Transfer, entries: EntryTable) -> None:
        self.of: dict[str, CratePath] = {}
        self.names: dict[str, str] = {}
        found: list[Finding] = []
        for image in transfer.images:
            self.names[image.id] = image.name
            place = self._place(image, transfer.path_of(image), entries)
            if isinstance(place, Finding):
                found.append(place)
            else:
                self.of[image.id] = place
        self.findings = tuple(found)
        self.folders = tuple(
            dict.fromkeys(place for place in self.of.values() if place.endswith("/"))
        )

    def _place(
        self, image: PackImage, told: str | None, entries: EntryTable
    ) -> CratePath | Finding:
        shown = f"{image.id} ({printable(image.name)})" if image.name else image.id
        if told is None:
            told = f"pixel_images/{image.number}.tiff"
            if told not in entries:
                return Finding("omero.unplaced", f"{shown}: no annotation tells where it lies")
        path = told.strip().removeprefix("./")
        is_fileset = path.rpartition("/")[2] == _FILESET
        path = path.removesuffix(_FILESET).rstrip("/")
        problem = path_problem(path)
        if problem is not None:
            words = "all files of the pack" if is_fileset and not path else problem
            return Finding("omero.unplaced", f"{shown}: its place is {told!r:.200}: {words}")
        if not is_fileset and path in entries:
            return CratePath(path)
        folder = f"{path}/"
        if entries.below(folder):
            return CratePath(folder)
        return Finding("omero.missing", f"{shown}: the file is not there", CratePath(path))
