"""Planes of TIFF files by tifffile: OME-TIFF (also in several files), ImageJ and plain TIFF.

Samples of a pixel (RGB) are channels, as in OMERO. Of pyramids the full resolution counts. Pages
of a plain TIFF that say nothing of their axis are taken for T, as in Bio-Formats.
"""

import logging
import math
import posixpath
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from crate_iscc.images import ImageUnread
from crate_iscc.paths import CratePath, folder_of, printable
from crate_iscc.pixels import (
    BLOCK_SIZE,
    LARGEST_PIECE,
    MOST_PLANES,
    MOST_SCENES,
    Block,
    NoPixelsError,
    PixelImage,
    checked_image,
    needed,
)
from crate_iscc.pixels.canonical import canonical, pixel_type
from crate_iscc.pixels.ome_xml import Ome, OmeImage, extent_of, parse_ome
from crate_iscc.pixels.random_access import AsFile, RandomAccess, random_access
from crate_iscc.pixels.walking import reason_of
from crate_iscc.sources import Listing, Tree, read_all

_PAGES_AXES = {"Z": "z", "C": "c", "T": "t"}
_UNNAMED = frozenset("IQ")
"""What tifffile calls an axis of which a file says nothing."""
_MOST_FILES = 10_000
"""An OME-XML that names more files is not followed."""


class TiffSource:
    """The images of one TIFF, or of an OME-XML beside the TIFFs that it describes."""

    def __init__(self, tree: Tree, listing: Listing, path: CratePath) -> None:
        """Take a file of a listed tree. Raises InputError if tifffile is missing."""
        self._tifffile = needed("tifffile")
        # What tifffile has to say of faulty files goes into the reason, not to stderr.
        logging.getLogger("tifffile").addHandler(logging.NullHandler())
        self._tree = tree
        self._listing = listing
        self._path = path
        self._open: dict[CratePath, _TiffFile] = {}
        self._reader = f"tifffile {self._tifffile.__version__}"

    def images(self) -> Iterator[PixelImage | ImageUnread]:
        """Yield the images in the order of the file."""
        try:
            found = self._scenes()
            if not found:
                raise NoPixelsError("it has no image")  # noqa: TRY301
            if len(found) > MOST_SCENES:
                raise NoPixelsError(f"it has {len(found)} images")  # noqa: TRY301
        except Exception as error:  # tifffile raises anything on damaged files
            yield ImageUnread(self._path, reason_of(error))
            return
        for number, scene in enumerate(found):
            name = str(number) if len(found) > 1 else ""
            try:
                yield scene(name)
            except Exception as error:
                yield ImageUnread(self._path, reason_of(error), name)

    def settle(self) -> None:
        """Raise ReadError unless all files are as they were listed."""
        for file in self._open.values():
            file.source.settle()

    def close(self) -> None:
        """Close all files."""
        for file in self._open.values():
            file.close()
        self._open.clear()

    def _scenes(self) -> "list[Callable[[str], PixelImage]]":
        if self._path.lower().endswith(".companion.ome"):
            entry = self._listing.entries.get(self._path)
            if entry is None:
                raise NoPixelsError("it is not there")
            return self._ome_scenes(parse_ome(read_all(self._tree, entry)), self._path)
        file = self._file(self._path)
        if file.tiff.is_ome:
            ome = parse_ome(file.tiff.pages.first.description)
            if ome.companion is None:
                return self._ome_scenes(ome, self._path)
            place = self._beside(ome.companion, self._path)
            entry = self._listing.entries.get(place)
            if entry is None:
                raise NoPixelsError(f"its companion is missing: {printable(place)}")
            return self._ome_scenes(parse_ome(read_all(self._tree, entry)), place)
        return [
            lambda name, series=series: self._series(file, series, name)  # type: ignore[misc]
            for series in file.tiff.series
        ]

    def _file(self, path: CratePath) -> "_TiffFile":
        if path not in self._open:
            entry = self._listing.entries.get(path)
            if entry is None:
                raise NoPixelsError(f"a file of it is missing: {printable(path)}")
            if len(self._open) >= _MOST_FILES:
                raise NoPixelsError("it lies in too many files")
            source = random_access(self._tree, entry)
            try:
                self._open[path] = _TiffFile(self._tifffile, source, path)
            except BaseException:
                source.close()
                raise
        return self._open[path]

    def _beside(self, name: str, path: CratePath) -> CratePath:
        place = posixpath.normpath(folder_of(path) + name)
        if name.startswith("/") or "\\" in name or place.startswith("../"):
            raise NoPixelsError(f"it refers to a file outside: {printable(name)}")
        return CratePath(place)

    # --- OME-TIFF --------------------------------------------------------------------------------

    def _ome_scenes(self, ome: Ome, home: CratePath) -> "list[Callable[[str], PixelImage]]":
        return [
            lambda name, image=image: self._ome_image(ome, image, home, name)  # type: ignore[misc]
            for image in ome.images
        ]

    def _ome_image(self, ome: Ome, image: OmeImage, home: CratePath, name: str) -> PixelImage:
        itemsize = pixel_type(image.dtype)[1] if image.dtype.isalnum() else 1
        places = self._ome_places(ome, image, home)
        files = tuple(dict.fromkeys(path for path, _ in places.values()))
        stored = sum(self._file(path).source.size for path in files)
        extent = checked_image(extent_of(image), image.dtype, itemsize, stored)
        for z, c, t in np.ndindex(extent.z, image.channels, extent.t):
            if (z, c, t) not in places:
                raise NoPixelsError(f"its OME-XML places no plane z {z}, channel {c}, t {t}")

        def page(z: int, c: int, t: int) -> "_Rows":
            path, number = places[z, c, t]
            return self._file(path).page(number)

        first = page(0, 0, 0)
        layout = _Layout(extent.z, image.channels, extent.t, first)
        if layout.samples != image.samples or (first.height, first.width) != (extent.y, extent.x):
            raise NoPixelsError("its pages are not as its OME-XML says")
        home_files = (home, *files) if home not in files else files
        return PixelImage(
            path=self._path,
            scene=name,
            extent=extent,
            dtype=image.dtype,
            blocks=lambda: layout.blocks(page, image.dtype),
            files=home_files if len(home_files) > 1 else (),
            reader=self._reader,
            itemsize=itemsize,
        )

    def _ome_places(
        self, ome: Ome, image: OmeImage, home: CratePath
    ) -> dict[tuple[int, int, int], tuple[CratePath, int]]:
        """Return file and page by z, channel and t. Raises NoPixelsError where that is unclear."""
        places: dict[tuple[int, int, int], tuple[CratePath, int]] = {}
        if not image.runs:
            raise NoPixelsError("its OME-XML says nothing of where its planes lie")
        most = image.sizes["Z"] * image.channels * image.sizes["T"]
        for run in image.runs:
            apart = home.lower().endswith(".companion.ome")
            if run.file is None and apart:
                raise NoPixelsError("its OME-XML does not name the file of a plane")
            own = run.file is None or (run.uuid == ome.uuid is not None and not apart)
            path = home if own else self._beside(run.file or "", home)
            count = run.count
            if count is None:
                count = min(len(self._file(path).tiff.pages), most)
            for number in range(count):
                if places.setdefault(image.place(run, number), (path, run.page + number)) != (
                    path,
                    run.page + number,
                ):
                    raise NoPixelsError("its OME-XML places a plane twice")
        return places

    # --- ImageJ and plain TIFF ------------------------------------------------------------------

    def _series(self, file: "_TiffFile", series: Any, name: str) -> PixelImage:
        level = series.levels[0]
        pages = level.pages
        key = level.keyframe
        rows = file.rows(key)
        others = [letter for letter in level.axes if letter not in "YXS"]
        sizes = dict(zip(level.axes, level.shape, strict=True))
        extent = {"z": 1, "c": 1, "t": 1}
        unnamed = [letter for letter in others if letter in _UNNAMED]
        if len(unnamed) == 1 and sizes.get("T", 1) == 1:
            others[others.index(unnamed[0])] = "T"
            sizes["T"] = sizes[unnamed[0]]
        for letter in others:
            if letter not in _PAGES_AXES:
                raise NoPixelsError(f"it has an axis that is none of Z, C and T: {level.axes}")
            extent[_PAGES_AXES[letter]] = sizes[letter]
        # Planes that lie in one page may be counted by a named axis instead of as samples.
        within = key.shaped[0] if "S" not in level.axes else 1
        samples = 1 if within > 1 else rows.samples
        channels = extent["c"]
        dtype, itemsize = pixel_type(level.dtype)
        whole = {**extent, "c": channels * samples, "y": rows.height, "x": rows.width}
        size = checked_image(whole, dtype, itemsize, file.source.size)
        count = extent["z"] * channels * extent["t"]
        lengths = [sizes[letter] for letter in others]
        order = [_PAGES_AXES[letter] for letter in others]
        if math.prod(lengths) != count:
            raise NoPixelsError(f"its axes cannot be told apart: {series.axes}")
        offset = level.dataoffset if key.is_final else None
        if offset is None and len(pages) * within != count:
            raise NoPixelsError(f"it has {len(pages)} pages, and its metadata say {count}")

        def page(z: int, c: int, t: int) -> "_Rows":
            at = {"z": z, "c": c, "t": t}
            number = 0
            for letter, length in zip(order, lengths, strict=True):
                number = number * length + at[letter]
            number, part = divmod(number, within)
            if offset is not None:
                found = file.contiguous(key, offset + number * key.nbytes)
            else:
                with file.lock:
                    one = pages[number]
                if one is None:
                    raise NoPixelsError(f"a page is missing: z {z}, channel {c}, t {t}")
                found = file.rows(one)
            return _OneOf(found, part) if within > 1 else found

        layout = _Layout(extent["z"], channels, extent["t"], page(0, 0, 0))
        return PixelImage(
            path=self._path,
            scene=name,
            extent=size,
            dtype=dtype,
            blocks=lambda: layout.blocks(page, dtype),
            reader=self._reader,
            itemsize=itemsize,
        )


class _TiffFile:
    """One open TIFF. Its structure is read by one thread at a time, pixels by any number."""

    def __init__(self, tifffile: Any, source: RandomAccess, path: CratePath) -> None:
        self.source = source
        self.lock = threading.RLock()
        _check_pages(source)
        self.tiff = tifffile.TiffFile(AsFile(source, path.rpartition("/")[2]), name=path)

    def page(self, number: int) -> "_Rows":
        with self.lock:
            if number >= len(self.tiff.pages):
                raise NoPixelsError(f"it has no page {number}")
            return self.rows(self.tiff.pages[number])

    def rows(self, page: Any) -> "_Rows":
        key = page.keyframe
        if key.is_final and len(page.dataoffsets):
            return self.contiguous(key, page.dataoffsets[0])
        return _Segments(self.source, page)

    def contiguous(self, key: Any, offset: int) -> "_Rows":
        return _Contiguous(self.source, key, offset, self.tiff.byteorder)

    def close(self) -> None:
        self.tiff.close()
        self.source.close()


def _check_pages(source: RandomAccess) -> None:
    """Raise NoPixelsError unless the list of pages (IFDs) can be followed to its end.

    Where it is cut, tifffile takes the pages up to there for all.
    """
    order: Literal["little", "big"] = "little" if source.read(0, 2) == b"II" else "big"

    def number(place: int, size: int) -> int:
        raw = source.read(place, size)
        if len(raw) != size:
            raise NoPixelsError("its list of pages is cut")
        return int.from_bytes(raw, order)

    is_big = number(2, 2) == 43
    count_size, tag_size, link_size = (8, 20, 8) if is_big else (2, 12, 4)
    place = number(8, 8) if is_big else number(4, 4)
    seen: set[int] = set()
    while place:
        if place in seen:
            raise NoPixelsError("its list of pages leads in a circle")
        seen.add(place)
        if len(seen) > MOST_PLANES:
            raise NoPixelsError(f"it has more than {MOST_PLANES} pages")
        tags = number(place, count_size)
        place = number(place + count_size + tag_size * tags, link_size)


class _Rows:
    """The rows of one page, of any of its samples."""

    def __init__(self, source: RandomAccess, key: Any) -> None:
        self._source = source
        self._key = key
        if key.dtype is None or key.shaped[1] != 1:
            raise NoPixelsError("its pixels are of a kind that is not known")
        shaped: tuple[int, ...] = key.shaped
        self.separate, _, self.height, self.width, self.contig = shaped
        self.samples = self.separate * self.contig
        self.step = 1
        """How many rows are decoded together."""

    def read(self, start: int, stop: int, samples: range) -> Any:
        """Return samples x rows x columns. Raises ReadError, or what the decoder does."""
        raise NotImplementedError


class _OneOf(_Rows):
    """One of the samples of a page, as if the page had no other."""

    def __init__(self, rows: _Rows, sample: int) -> None:
        self._rows = rows
        self._sample = sample
        self.height, self.width, self.step = rows.height, rows.width, rows.step
        self.separate = self.contig = self.samples = 1

    def read(self, start: int, stop: int, samples: range) -> Any:  # noqa: ARG002
        return self._rows.read(start, stop, range(self._sample, self._sample + 1))


class _Contiguous(_Rows):
    """Rows that lie one after another in the file, as they are."""

    def __init__(self, source: RandomAccess, key: Any, offset: int, byteorder: str) -> None:
        super().__init__(source, key)
        self._offset = offset
        self._stored = np.dtype(key.dtype).newbyteorder(byteorder)

    def read(self, start: int, stop: int, samples: range) -> Any:
        row = self.width * self.contig * self._stored.itemsize
        planes = []
        for part in {sample // self.contig: None for sample in samples}:
            place = self._offset + (part * self.height + start) * row
            raw = self._source.read(place, (stop - start) * row)
            if len(raw) != (stop - start) * row:
                raise NoPixelsError("it ends before its last pixel")
            array = np.frombuffer(raw, self._stored)
            planes.append(array.reshape(stop - start, self.width, self.contig))
        wanted = [sample % self.contig for sample in samples]
        if self.contig == 1:
            return np.stack([plane[:, :, 0] for plane in planes])
        return np.moveaxis(planes[0][:, :, wanted], 2, 0)


class _Segments(_Rows):
    """Rows that lie in strips or tiles, compressed or not."""

    def __init__(self, source: RandomAccess, page: Any) -> None:
        super().__init__(source, page.keyframe)
        key = self._key
        self._page = page
        if key.is_tiled:
            self.step, self._across = key.tilelength, key.tilewidth
        else:
            self.step, self._across = min(key.rowsperstrip, self.height), self.width
        if self.step < 1 or self._across < 1:
            raise NoPixelsError("its tiles have no size")
        self._columns = math.ceil(self.width / self._across)
        if self.step * self._across * self.contig * key.dtype.itemsize > LARGEST_PIECE:
            raise NoPixelsError(f"its tiles or strips have more than {LARGEST_PIECE} bytes")
        self._down = math.ceil(self.height / self.step)
        if len(page.dataoffsets) < self.separate * self._down * self._columns:
            raise NoPixelsError("the places of some tiles or strips are missing")
        self._tables: dict[str, Any] = {}
        if key.compression in {6, 7, 34892, 33007}:  # JPEG
            self._tables = {"jpegtables": page.jpegtables, "jpegheader": key.jpegheader}

    def read(self, start: int, stop: int, samples: range) -> Any:
        out = np.empty((len(samples), stop - start, self.width), self._key.dtype)
        for part in {sample // self.contig: None for sample in samples}:
            for row in range(start // self.step, math.ceil(stop / self.step)):
                for column in range(self._columns):
                    self._place(out, part, row, column, start, samples)
        return out

    def _place(
        self, out: Any, part: int, row: int, column: int, start: int, samples: range
    ) -> None:
        number = (part * self._down + row) * self._columns + column
        offset = int(self._page.dataoffsets[number])
        count = int(self._page.databytecounts[number])
        if not offset or not count:
            raise NoPixelsError(f"tile or strip {number} of a page holds no data")
        raw = self._source.read(offset, count)
        if len(raw) != count:
            raise NoPixelsError("it ends before its last pixel")
        decoded, (_, _, top, left, _), _ = self._key.decode(raw, number, **self._tables)
        piece = decoded[0]
        first = max(top, start)
        last = min(top + piece.shape[0], start + out.shape[1])
        right = min(left + piece.shape[1], self.width)
        if (
            top + piece.shape[0] < min(top + self.step, self.height)
            or right < min(left + self._across, self.width)
            or piece.shape[2] != self.contig
        ):
            raise NoPixelsError(f"tile or strip {number} of a page is not as large as it should be")
        for place, sample in enumerate(samples):
            if sample // self.contig == part:
                out[place, first - start : last - start, left:right] = piece[
                    first - top : last - top, : right - left, sample % self.contig
                ]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the pages of an image become the planes of the walk; `first` is one of the pages."""

    z: int
    channels: int
    t: int
    first: _Rows

    @property
    def samples(self) -> int:
        """Samples in a page, which are channels of the image."""
        return self.first.samples

    def blocks(self, page: Callable[[int, int, int], _Rows], dtype: str) -> Iterator[Block]:
        """Yield the blocks of all planes: Z outermost, channels, samples, T innermost."""
        first = self.first
        row = first.width * pixel_type(dtype)[1]
        together = self.t == 1 and row * first.height * first.samples <= BLOCK_SIZE
        groups = (
            [range(self.samples)] if together else [range(s, s + 1) for s in range(self.samples)]
        )
        step = first.height
        if row * first.height > BLOCK_SIZE:
            step = max(BLOCK_SIZE // row // first.step, 1) * first.step
        for z in range(self.z):
            for c in range(self.channels):
                for samples in groups:
                    for t in range(self.t):
                        for start in range(0, first.height, step):
                            stop = min(start + step, first.height)
                            yield _block(page, (z, c, t), start, stop, samples, first, dtype)


def _block(
    page: Callable[[int, int, int], _Rows],
    place: tuple[int, int, int],
    start: int,
    stop: int,
    samples: range,
    first: _Rows,
    dtype: str,
) -> Block:
    def decode() -> Any:
        rows = page(*place)
        if (rows.height, rows.width, rows.samples) != (first.height, first.width, first.samples):
            z, c, t = place
            raise NoPixelsError(f"page z {z}, channel {c}, t {t} is not as large as the first")
        return canonical(rows.read(start, stop, samples), dtype)

    return decode
