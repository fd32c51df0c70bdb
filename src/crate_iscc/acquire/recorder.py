"""Fingerprints an image while it is acquired: frames go in as they come, the pixel code comes out.

The code of IEP-0018 (IMAGEWALK) wants Z outermost and T innermost, and a microscope mostly goes
through T outermost. So the BLAKE3 of each plane is computed at once, and a plane that came before
its turn waits in a file (the spool) until those in front of it are hashed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from math import prod
from operator import index
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self, SupportsIndex

from blake3 import blake3

from crate_iscc.acquire.spool import Place, Spool
from crate_iscc.codes import Fingerprint
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.images import (
    DIGEST_SIZE,
    PIXEL_TYPES,
    Extent,
    ImageFingerprint,
    ImageUnread,
    PixelComparison,
    PixelStatus,
    Plane,
    Role,
    compare_planes,
    differing_planes,
    named_planes,
)
from crate_iscc.imaging import pixels_of
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.choosing import kernel as chosen_kernel
from crate_iscc.paths import CratePath, crate_path, printable
from crate_iscc.pixels import MOST_PLANES, needed
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.stretch import Bytes

_CAUGHT_UP = 2
"""So many waiting planes are hashed after each frame: a camera must not wait for all of them."""
_NAMED = 1000
"""A MissingFramesError names no more planes than this."""


class MissingFramesError(CrateIsccError):
    """Frames of an image did not come, so it has no pixel code.

    `missing` is how many, `planes` the first thousand of them in the order of the walk.
    """

    def __init__(self, planes: tuple[Plane, ...], missing: int) -> None:
        first = planes[:5]
        left = missing - len(first)
        named = named_planes(first) + (f"; and {left} more planes" if left else "")
        super().__init__(
            f"{missing} frames have not come" if missing > 1 else "a frame has not come",
            cause=named,
            hint="hand them over and finish again; of a part of an image there is no code",
        )
        self.planes = planes
        self.missing = missing


@dataclass(frozen=True, slots=True)
class _Form:
    """What all frames of an image have in common."""

    y: int
    x: int
    dtype: str
    size: int

    def __str__(self) -> str:
        return f"{self.y} × {self.x} {self.dtype}"


class Recorder:
    """Computes the pixel code of one image from its frames, whatever their order.

    `z`, `c` and `t` are how many sections, channels and time points are to come. Where one is not
    given, the frames that came decide, and a last one that is lost cannot be noticed; and if `c` or
    `t` is not given every frame has to wait. Frames that wait lie in a nameless file in the folder
    `spool` (None is the system's folder for temporary files), which needs as much room as the
    image has bytes, at most; it is gone as soon as the recorder is closed, finished, or killed.
    With `spooled=False` no frame waits anywhere: `finish` then reads the file that was written.
    `path` and `scene` are those of the ImageFingerprint: where the image will be in its dataset.

    Use it as a context manager. All methods may be called by any thread. Raises InputError for
    sizes that cannot be, a folder that is not there, and if NumPy is missing.
    """

    def __init__(
        self,
        *,
        z: SupportsIndex | None = None,
        c: SupportsIndex | None = None,
        t: SupportsIndex | None = None,
        spool: str | Path | None = None,
        spooled: bool = True,
        path: str = "",
        scene: str = "",
        kernel: Kernel | None = None,
    ) -> None:
        needed("numpy")
        from crate_iscc.pixels.canonical import canonical, pixel_type  # NumPy is an extra

        self._canonical = canonical
        self._pixel_type = pixel_type
        self._sizes = _checked_sizes(z, c, t)
        self._path = _checked_path(path)
        self._scene = scene
        self._spool = Spool(spool) if spooled else None
        self._hasher = (kernel or chosen_kernel()).hasher()
        self._kernel = kernel
        self._hashed = 0  # planes of the walk that the hasher has taken
        self._form: _Form | None = None
        self._digests: dict[Place, bytes] = {}
        self._refused = ""
        self._failed: CrateIsccError | None = None
        self._closed = False
        self._finished: ImageFingerprint | None = None
        self._lock = RLock()  # whoever is told of progress may close the recorder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def frames(self) -> int:
        """How many frames have come."""
        return len(self._digests)

    @property
    def spool_size(self) -> int:
        """How many bytes the spool takes up now."""
        return self._spool.size if self._spool else 0

    def frame(
        self, array: Any, *, z: SupportsIndex = 0, c: SupportsIndex = 0, t: SupportsIndex = 0
    ) -> None:
        """Take one plane, two-dimensional, each index from 0; the array may be used again after.

        Its type may be in either byte order, and bool counts as uint8. Raises InputError for a
        plane that came before or lies outside of the sizes, for another shape or type than the
        frames before it, and after the end; that frame is refused, and finish will say so too.
        Raises WriteError if the spool cannot be written, for this and all later calls.
        """
        try:
            place = _checked_place(z, c, t)
            form, data = self._read(array)
        except InputError as error:
            with self._lock:
                self._refuse(error)
            raise
        digest = blake3(data).digest()
        with self._lock:
            self._require_open()
            try:
                self._check(place, form)
            except InputError as error:
                self._refuse(error)
                raise
            with self._failing():
                self._take(place, data)
                self._form = form
                self._digests[place] = digest
                for _ in range(_CAUGHT_UP):
                    if not self._catch_up():
                        break

    def finish(
        self,
        *,
        written: str | Path | None = None,
        scene: str | None = None,
        jobs: int | None = None,
        progress: ProgressSink = nobody,
    ) -> ImageFingerprint:
        """Return the pixel code of the image, with extent, type and the BLAKE3 of each plane.

        Planes that wait are read from the spool, which is then gone; or, if a file or Zarr
        `written` is named, from there: it must hold these very pixels, in the image `scene` if it
        has several. The spool is not touched then. No frame is taken any more; to finish again
        gives the same.

        Raises MissingFramesError while frames have not come: hand them over, and finish again.
        Raises InputError if a frame was refused, if there was none, if the written file holds other
        pixels, or if planes came in another order without a spool and no file is named; WriteError
        or ReadError if the spool failed.
        """
        with self._lock:
            if self._finished:
                return self._finished
            self._require_open()
            extent, form = self._whole()
            if written is not None:
                known = self._from_written(extent, form, written, scene, jobs, progress)
            elif not self._spool and self._hashed < extent.planes:
                raise InputError(
                    "the frames came in another order than that of the code, and none was kept",
                    hint="name the file that was written: finish(written=…)",
                )
            else:
                with self._failing():
                    known = self._from_frames(extent, form, progress)
            self._finished = known
            self._let_go()
            return known

    def verify(
        self,
        path: str | Path,
        *,
        scene: str | None = None,
        jobs: int | None = None,
        progress: ProgressSink = nobody,
    ) -> PixelComparison:
        """Say whether the file or Zarr that was written holds the pixels that came, after finish.

        Every pixel is decoded again. A file of several images needs `scene`, the one that is meant,
        as `sum --pixels` shows it. What cannot be read or compared is INCOMPARABLE, and the remark
        says why. Raises InputError before finish, and for what holds no image at all.
        """
        with self._lock:
            known = self._finished
        if known is None:
            raise InputError(
                "the image is not finished", hint="call finish() when all frames have come"
            )
        image = self._picture(path, scene, jobs, progress)
        return differing_planes(known, image) if isinstance(image, ImageFingerprint) else image

    def close(self) -> None:
        """Let go of everything; the spool is gone. What finish returned stays."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        self._closed = True
        if self._spool:
            self._spool.close()

    def _require_open(self) -> None:
        if self._failed:
            raise self._failed
        if self._finished:
            raise InputError("the image is finished: it takes no frame any more")
        if self._closed:
            raise InputError("the recorder is closed")

    def _refuse(self, error: InputError) -> None:
        """Remember the first frame that was refused: whoever called may not have looked."""
        if not (self._refused or self._closed or self._failed):
            self._refused = str(error)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """End it all after an error: the hasher or the spool may hold half a plane then."""
        try:
            yield
        except BaseException as error:
            known = error if isinstance(error, CrateIsccError) else None
            self._failed = known or ReadError(
                "the image cannot be fingerprinted any more",
                cause=f"a frame was interrupted by {type(error).__name__}",
            )
            self._let_go()
            raise

    def _read(self, array: Any) -> tuple[_Form, Bytes]:
        """Return the form of a frame and its pixels as IEP-0018 hashes them."""
        numpy = needed("numpy")
        try:
            plane = numpy.asarray(array)
        except (TypeError, ValueError) as error:
            raise InputError("a frame is no array of pixels", cause=str(error)) from error
        if plane.ndim != 2:
            raise InputError(
                f"a frame has {plane.ndim} axes instead of 2, its shape is {plane.shape}",
                hint="samples of colour are channels: frame(array[..., 0], c=0) and so on",
            )
        if not plane.size:
            raise InputError(f"a frame has no pixels, its shape is {plane.shape}")
        dtype, itemsize = self._pixel_type(plane.dtype)
        if dtype not in PIXEL_TYPES:
            raise InputError(
                f"the pixels of a frame are {dtype}, which IEP-0018 does not know",
                hint=f"it knows {', '.join(PIXEL_TYPES)}",
            )
        y, x = plane.shape
        data = self._canonical(plane, dtype)
        if numpy.may_share_memory(numpy.frombuffer(data, numpy.uint8), plane):
            data = bytes(data)  # else a camera that is early could change it between two digests
        return _Form(y, x, dtype, y * x * itemsize), data

    def _check(self, place: Place, form: _Form) -> None:
        named = Plane(*place)
        if place in self._digests:
            raise InputError(f"the frame {named} came twice")
        for letter, at, size in zip("zct", place, self._sizes, strict=True):
            if size is not None and at >= size:
                raise InputError(
                    f"the frame {named} lies outside of the image",
                    cause=f"{letter} was said to be {size} long",
                )
        if self._form not in (None, form):
            raise InputError(
                f"the frame {named} is {form}", cause=f"those before it are {self._form}"
            )
        if len(self._digests) >= MOST_PLANES:
            raise InputError(f"an image of more than {MOST_PLANES} frames is not read")

    def _turn(self) -> Place | None:
        """Return the plane whose turn it is, or None if nobody can know before the end."""
        _, c, t = self._sizes
        if c is None or t is None:
            return None
        rest, at_t = divmod(self._hashed, t)
        return (*divmod(rest, c), at_t)

    def _take(self, place: Place, data: Bytes) -> None:
        if place == self._turn():
            self._hasher.update(data)
            self._hashed += 1
        elif self._spool:
            self._spool.put(place, data)

    def _catch_up(self) -> bool:
        """Hash the next plane if it waits, and say whether it did."""
        place = self._turn()
        if not self._spool or place is None or place not in self._spool:
            return False
        self._hash_waiting(place)
        return True

    def _hash_waiting(self, place: Place) -> None:
        data = self._spool.take(place) if self._spool else b""
        if blake3(data).digest() != self._digests[place]:
            raise ReadError(
                "the spool does not hold what was written to it", cause=f"at {Plane(*place)}"
            )
        self._hasher.update(data)
        self._hashed += 1

    def _whole(self) -> tuple[Extent, _Form]:
        """Return the extent of the image if all of it has come."""
        if self._refused:
            raise InputError("the image has no code: a frame was refused", cause=self._refused)
        if self._form is None:
            raise InputError("the image has no code: no frame has come")
        z, c, t = (
            size or 1 + max(place[axis] for place in self._digests)
            for axis, size in enumerate(self._sizes)
        )
        extent = Extent(z, c, t, self._form.y, self._form.x)
        if missing := extent.planes - len(self._digests):
            raise MissingFramesError(tuple(islice(self._absent(extent), _NAMED)), missing)
        return extent, self._form

    def _absent(self, extent: Extent) -> Iterator[Plane]:
        return (
            plane for plane in extent.walk() if (plane.z, plane.c, plane.t) not in self._digests
        )

    def _from_frames(self, extent: Extent, form: _Form, progress: ProgressSink) -> ImageFingerprint:
        for plane in islice(extent.walk(), self._hashed, None):
            self._hash_waiting((plane.z, plane.c, plane.t))
            done, size = self._hashed, form.size
            progress(
                Progress("reading pixels", done * size, extent.planes * size, done, extent.planes)
            )
        return self._known(extent, form, self._hasher.finish())

    def _planes(self, extent: Extent) -> bytes:
        return b"".join(self._digests[plane.z, plane.c, plane.t] for plane in extent.walk())

    def _from_written(
        self,
        extent: Extent,
        form: _Form,
        written: str | Path,
        scene: str | None,
        jobs: int | None,
        progress: ProgressSink,
    ) -> ImageFingerprint:
        """Return the code of the written file, plane for plane that of the frames."""
        planes = self._planes(extent)
        starts = range(0, len(planes), DIGEST_SIZE)
        came = tuple(planes[start : start + DIGEST_SIZE] for start in starts)
        image = self._picture(written, scene, jobs, progress)
        found = (
            compare_planes((extent, form.dtype, came), (image.extent, image.dtype, image.digests()))
            if isinstance(image, ImageFingerprint)
            else image
        )
        if found.status is not PixelStatus.EQUAL or not isinstance(image, ImageFingerprint):
            raise InputError(
                f"{printable(str(written))} does not hold the pixels that came", cause=str(found)
            )
        return self._known(extent, form, image.fingerprint, image.reader)

    def _known(
        self, extent: Extent, form: _Form, fingerprint: Fingerprint, reader: str = ""
    ) -> ImageFingerprint:
        return ImageFingerprint(
            path=self._path,
            scene=self._scene,
            extent=extent,
            dtype=form.dtype,
            fingerprint=fingerprint,
            planes=self._planes(extent),
            reader=reader,
        )

    def _picture(
        self, path: str | Path, scene: str | None, jobs: int | None, progress: ProgressSink
    ) -> ImageFingerprint | PixelComparison:
        """Return the image that is meant, or say why there is none to compare with."""
        images = pixels_of(path, jobs=jobs, kernel=self._kernel, progress=progress)
        pictures = [
            image
            for image in images
            if isinstance(image, ImageUnread) or image.role is not Role.LABEL
        ]
        meant = [image for image in pictures if scene in (None, image.scene)]
        if len(meant) == 1:
            (image,) = meant
            if isinstance(image, ImageFingerprint):
                return image
            remark = f"{printable(image.name)} could not be read: {image.reason}"
        else:
            there = ", ".join(printable(image.name) for image in pictures[:5])
            more = f" and {len(pictures) - 5} more" if len(pictures) > 5 else ""
            told = "which one is meant is not said" if scene is None else f"none is {scene!r}"
            remark = f"of the images there, {told}: {there}{more}"
        return PixelComparison(PixelStatus.INCOMPARABLE, remark=remark)


def _checked_sizes(*said: SupportsIndex | None) -> tuple[int | None, ...]:
    sizes = tuple(None if size is None else _at_least(0, size) for size in said)
    for letter, size, wrong in zip("zct", sizes, said, strict=True):
        if size is not None and size < 1:
            raise InputError(f"{letter} is {wrong!r}, and an axis is at least 1 long")
    if prod(size or 1 for size in sizes) > MOST_PLANES:
        raise InputError(f"an image of more than {MOST_PLANES} frames is not read")
    return sizes


def _checked_place(*said: SupportsIndex) -> Place:
    z, c, t = (_at_least(-1, at) for at in said)
    for letter, at, wrong in zip("zct", (z, c, t), said, strict=True):
        if at < 0:
            raise InputError(f"{letter} is {wrong!r}, and is counted from 0")
    return z, c, t


def _at_least(least: int, value: SupportsIndex) -> int:
    """Return a whole number of any type, NumPy's too, or `least` for what is less or is none."""
    try:
        return max(least, index(value))
    except TypeError:
        return least


def _checked_path(path: str) -> CratePath:
    if path:
        crate_path(path.removesuffix("/"))
    return CratePath(path)
