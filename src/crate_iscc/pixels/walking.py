"""Hashes the planes of an image: decoded by several threads, in the order of IEP-0018."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from blake3 import blake3

from crate_iscc.errors import InputError, ReadError
from crate_iscc.image_code import Viewer, image_code, plane_of
from crate_iscc.images import DIGEST_SIZE, ImageFingerprint, ImageUnread, Role
from crate_iscc.kernel import Kernel
from crate_iscc.kernel.digest import DatahashKernel
from crate_iscc.pixels import Block, ImageSource, NoPixelsError, PixelImage
from crate_iscc.progress import Progress, ProgressSink, nobody
from crate_iscc.stretch import Bytes

_AHEAD = 2
"""Blocks for each thread that are decoded before they are hashed."""
LARGEST_SEEN = 1 << 30
"""An image with planes of more bytes has no Image-Code: a plane is held for it as a whole."""


@dataclass(frozen=True, slots=True)
class _Decoded:
    """The bytes of a block, and the digests of its planes if it holds whole ones."""

    data: Bytes
    digests: bytes


def fingerprint_images(
    source: ImageSource,
    kernel: Kernel | DatahashKernel,
    *,
    looks: bool = False,
    jobs: int = 1,
    progress: ProgressSink = nobody,
) -> tuple[ImageFingerprint | ImageUnread, ...]:
    """Return the pixel codes of the images of a source; none rests on planes that were not read.

    With `looks` the pictures, and not labels, have their Image-Codes from the same read.
    Whatever a decoder raises makes an image unread, but an InputError: a package is missing then.
    """
    found: list[ImageFingerprint | ImageUnread] = []
    for image in source.images():
        if isinstance(image, ImageUnread):
            found.append(image)
            continue
        try:
            seen = _Seen(image) if looks and _can_be_seen(image) else None
            known = _fingerprint(image, kernel, jobs, progress, seen)
            source.settle()
        except InputError:
            raise
        except Exception as error:  # decoders raise anything at all
            found.append(ImageUnread(image.path, reason_of(error), image.scene))
        else:
            found.append(known)
    return tuple(found)


def reason_of(error: Exception) -> str:
    """Return in words why an image could not be read."""
    if isinstance(error, NoPixelsError):
        return error.message
    if isinstance(error, ReadError):
        return str(error)
    text = " ".join(str(error).split())[:300]
    if isinstance(error, MemoryError):
        return "it needs more memory than there is"
    return f"it cannot be decoded: {text or type(error).__name__}"


def _can_be_seen(image: PixelImage) -> bool:
    size = image.extent.y * image.extent.x * image.itemsize
    return image.role is not Role.LABEL and size <= LARGEST_SEEN


class _Seen:
    """Cuts the bytes of an image into planes, and sees what they look like."""

    def __init__(self, image: PixelImage) -> None:
        self._image = image
        self._size = image.extent.y * image.extent.x * image.itemsize
        self._held = bytearray()
        self._viewer = Viewer()
        self._count = 0

    def update(self, data: Bytes) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        if self._held or len(view) % self._size:
            self._held += view
            whole = len(self._held) // self._size * self._size
            view = memoryview(bytes(self._held[:whole]))
            del self._held[:whole]
        for start in range(0, len(view), self._size):
            self._add(view[start : start + self._size])

    def _add(self, raw: memoryview) -> None:
        extent = self._image.extent
        place = extent.plane(self._count)
        self._count += 1
        shape = extent.y, extent.x
        self._viewer.add(plane_of(raw, self._image.dtype, shape, (place.z, place.c, place.t)))

    def code(self) -> bytes:
        """Return the body of the Image-Code, empty where all of the image looks the same."""
        view = self._viewer.view()
        return image_code(view) if view else b""


def _fingerprint(
    image: PixelImage,
    kernel: Kernel | DatahashKernel,
    jobs: int,
    progress: ProgressSink,
    seen: _Seen | None,
) -> ImageFingerprint:
    extent = image.extent
    plane_size = extent.y * extent.x * image.itemsize
    total = plane_size * extent.planes
    hasher = kernel.hasher()
    digests = bytearray()
    done = 0
    rows = blake3()
    in_plane = 0
    for block in _decoded(image, plane_size, jobs):
        hasher.update(block.data)
        done += len(block.data)
        if block.digests and not in_plane:
            digests += block.digests
        else:
            in_plane += len(block.data)
            rows.update(block.data)
            if in_plane == plane_size:
                digests += rows.digest()
                rows, in_plane = blake3(), 0
        if done > total:
            break
        if seen:
            seen.update(block.data)
        progress(
            Progress("reading pixels", done, total, len(digests) // DIGEST_SIZE, extent.planes)
        )
    if done != total or in_plane or len(digests) != DIGEST_SIZE * extent.planes:
        raise NoPixelsError(f"its planes have {done} bytes instead of {total}")
    return ImageFingerprint(
        path=image.path,
        scene=image.scene,
        role=image.role,
        extent=extent,
        dtype=image.dtype,
        fingerprint=hasher.finish(),
        planes=bytes(digests),
        files=image.files,
        reader=image.reader,
        look=seen.code() if seen else b"",
    )


def _decoded(image: PixelImage, plane_size: int, jobs: int) -> Iterator[_Decoded]:
    """Yield the blocks in order, while threads decode those that follow."""

    def decode(block: Block) -> _Decoded:
        data = block()
        whole = len(data) % plane_size == 0
        starts = range(0, len(data), plane_size) if whole else ()
        view = memoryview(data)
        return _Decoded(
            data, b"".join(blake3(view[start : start + plane_size]).digest() for start in starts)
        )

    pool = ThreadPoolExecutor(jobs, thread_name_prefix="crate-iscc-pixels")
    try:
        waiting: deque[Future[_Decoded]] = deque()
        for block in image.blocks():
            waiting.append(pool.submit(decode, block))
            if len(waiting) >= _AHEAD * jobs:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
