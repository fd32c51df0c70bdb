"""Writes the codes of images into an OMERO server, and checks what it has against them."""

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from crate_iscc.codes import Fingerprint, parse_datahash, parse_iscc
from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.file_table import FileFingerprint
from crate_iscc.kernel import Kernel
from crate_iscc.manifest import treehash
from crate_iscc.omero.codes import (
    DATAHASH,
    ISCC_SUM,
    PIXEL_CODE,
    TREEHASH,
    ImageCodes,
    Pair,
    codes_of_file,
    is_ours,
    kept_from,
    own_pairs,
)
from crate_iscc.omero.server import (
    LostServerError,
    OmeroServer,
    Original,
    ServerImage,
    ServerPixels,
)
from crate_iscc.paths import (
    CratePath,
    covered_by_tree_code,
    path_problem,
    printable,
    treewalk_order,
)
from crate_iscc.report import Finding

FOREIGN_KEYS = ("ISCC-CODE", "iscc:sum")
"""Keys under which other tools keep a code: of the pixels, or of the file."""


class Outcome(StrEnum):
    """What became of an image."""

    ADDED = "annotated"
    RENEWED = "annotated anew"
    UNCHANGED = "unchanged"
    MATCH = "match"
    CHANGED = "changed"
    UNANNOTATED = "unannotated"
    UNREAD = "unread"


@dataclass(frozen=True, slots=True)
class ImageResult:
    """An image, what became of it, and its codes as far as they were computed."""

    image: ServerImage
    outcome: Outcome
    pairs: tuple[Pair, ...] = ()


@dataclass(frozen=True, slots=True)
class ServerResult:
    """What became of all images, and what was found."""

    images: tuple[ImageResult, ...]
    findings: tuple[Finding, ...]

    def count(self, *outcomes: Outcome) -> int:
        """Return how many images came out so."""
        return sum(one.outcome in outcomes for one in self.images)


Done = tuple[ImageResult, tuple[Finding, ...]]


def annotate(
    server: OmeroServer,
    images: Iterable[ServerImage],
    kernel: Kernel,
    *,
    pixels: bool = False,
    dry_run: bool = False,
    tell: Callable[[ImageResult], None] = lambda _result: None,
) -> ServerResult:
    """Give each image one annotation with its codes; with `dry_run` nothing is written.

    The codes are of the original files, with `pixels` of the pixels too. An annotation of ours with
    other codes is brought up to date, which is a finding; other keys in it stay, and so do the
    annotations of other tools. What cannot be read whole gets nothing.
    """

    def one(image: ServerImage) -> Done:
        codes = _codes(server, image, kernel, with_pixels=pixels)
        there = server.annotations(image)
        ours = [a for a in there if is_ours(a.namespace, a.pairs)]
        for annotation in ours:
            codes = kept_from(codes, annotation.pairs)
        pairs = codes.pairs()
        if any(own_pairs(annotation.pairs) == pairs for annotation in ours):
            return ImageResult(image, Outcome.UNCHANGED, pairs), ()
        alone = next((annotation for annotation in ours if not annotation.shared), None)
        if not dry_run:
            if alone is None:
                server.add(image, pairs)
            else:
                server.replace(alone, (*_not_ours(alone.pairs), *pairs))
        if not ours:
            return ImageResult(image, Outcome.ADDED, pairs), ()
        before = dict(ours[0].pairs)[ISCC_SUM]
        result = ImageResult(image, Outcome.RENEWED, pairs)
        if before == codes.iscc:
            return result, ()
        return result, (Finding("omero.renewed", f"{_shown(image)} had {printable(before)}"),)

    return _each(images, one, tell)


def verify(
    server: OmeroServer,
    images: Iterable[ServerImage],
    kernel: Kernel,
    *,
    tell: Callable[[ImageResult], None] = lambda _result: None,
) -> ServerResult:
    """Compute anew what the annotations of each image record, and compare.

    Read are both namespaces in use, and the keys of other tools that hold a code of the file or of
    the pixels. Only what is recorded is computed. Nothing is written.
    """

    def one(image: ServerImage) -> Done:
        told = [pair for a in server.annotations(image) for pair in a.pairs if pair[1]]
        checkable = {key for key, _ in told} & {*_BYTES_KEYS, PIXEL_CODE, *FOREIGN_KEYS}
        if not checkable:
            missing = f"{_shown(image)} has no code that can be computed again"
            return ImageResult(image, Outcome.UNANNOTATED), (Finding("omero.unannotated", missing),)
        observed = _Observed(server, image, kernel)
        wrong = tuple(
            Finding("omero.changed", f"{_shown(image)}: {words}")
            for key, value in dict.fromkeys(told)
            if key in checkable and (words := observed.problem(key, value))
        )
        outcome = Outcome.CHANGED if wrong else Outcome.MATCH
        return ImageResult(image, outcome, tuple(p for p in told if p[0] in checkable)), wrong

    return _each(images, one, tell)


_BYTES_KEYS = (ISCC_SUM, DATAHASH, TREEHASH)


def _each(
    images: Iterable[ServerImage],
    one: Callable[[ServerImage], Done],
    tell: Callable[[ImageResult], None],
) -> ServerResult:
    """Treat image by image; when the session ends, all that follow are unread."""
    results: list[ImageResult] = []
    findings: list[Finding] = []
    lost: ReadError | None = None
    for image in images:
        try:
            result, found = one(image) if lost is None else _unread(image, lost)
        except LostServerError as error:
            lost = ReadError("the session had ended before")
            result, found = _unread(image, error)
        except ReadError as error:
            result, found = _unread(image, error)
        results.append(result)
        findings += found
        tell(result)
    return ServerResult(tuple(results), tuple(findings))


def _unread(image: ServerImage, error: CrateIsccError) -> Done:
    found = Finding("omero.unread", f"{_shown(image)}: {error}")
    return ImageResult(image, Outcome.UNREAD), (found,)


def _shown(image: ServerImage) -> str:
    return printable(str(image))


def _not_ours(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    pairs = tuple(pairs)
    ours = set(own_pairs(pairs))
    return tuple(pair for pair in pairs if pair not in ours)


class _Observed:
    """The codes of an image, each computed when it is first asked for."""

    def __init__(self, server: OmeroServer, image: ServerImage, kernel: Kernel) -> None:
        self._server = server
        self._image = image
        self._kernel = kernel
        self._bytes: ImageCodes | None = None
        self._pixels: tuple[Fingerprint, Fingerprint] | None = None

    def problem(self, key: str, value: str) -> str | None:
        """Say what is wrong with a recorded code, or None if nothing is."""
        if key in (DATAHASH, TREEHASH):
            here = self.bytes.datahash if key == DATAHASH else self.bytes.treehash
            same = here is not None and _datahash(value) == here
            return None if same else f"{key} {printable(value)}, and it is {here or 'none now'}"
        recorded = _iscc(value)
        if recorded is None:
            return f"{key} {printable(value)} is no ISCC-SUM"
        if key == ISCC_SUM:
            return _difference(key, value, recorded, parse_iscc(self.bytes.iscc))
        if key == FOREIGN_KEYS[1] and self._is_of_bytes(recorded):
            return None
        here_pixels, swapped = self.pixels
        told = _difference(key, value, recorded, here_pixels)
        if told and _same(recorded, swapped):
            told = (
                f"{key} {printable(value)} is of the pixels with their bytes swapped, by a tool "
                f"that does not know that OMERO sends them big-endian; it is {here_pixels.iscc()}"
            )
        return told

    def _is_of_bytes(self, recorded: Fingerprint) -> bool:
        return bool(self._server.originals(self._image)) and _same(
            recorded, parse_iscc(self.bytes.iscc)
        )

    @property
    def bytes(self) -> ImageCodes:
        """The codes of the original files."""
        if self._bytes is None:
            self._bytes = _codes(self._server, self._image, self._kernel)
        return self._bytes

    @property
    def pixels(self) -> tuple[Fingerprint, Fingerprint]:
        """The code of the pixels, and that of the pixels with their bytes swapped."""
        if self._pixels is None:
            self._pixels = _pixel_codes(self._server, self._image, self._kernel)
        return self._pixels


def _difference(key: str, value: str, recorded: Fingerprint, here: Fingerprint) -> str | None:
    if _same(recorded, here):
        return None
    return f"{key} {printable(value)}, and it is {here.iscc()}"


def _same(recorded: Fingerprint, here: Fingerprint) -> bool:
    """Tell whether a code, wide or narrow, is that of these bytes: both of its halves."""
    return recorded.same_bytes(here) is True and recorded.same_data_code(here) is not False


def _iscc(text: str) -> Fingerprint | None:
    try:
        return parse_iscc(text)
    except InputError:
        return None


def _datahash(text: str) -> str | None:
    try:
        return parse_datahash(text).datahash
    except InputError:
        return None


# --- computing codes -----------------------------------------------------------------------------


def _codes(
    server: OmeroServer, image: ServerImage, kernel: Kernel, *, with_pixels: bool = False
) -> ImageCodes:
    """Return the codes of an image's original files, and of its pixels if they are asked for.

    They are those that `omero pack` computes of the same files: of one file its own, of several
    the tree ISCC-SUM and the treehash. Raises ReadError for what is not read whole.
    """
    originals = server.originals(image)
    if not originals:
        raise ReadError(
            "it has no original files on the server", cause="it was made there, or not kept"
        )
    for original in originals:
        problem = path_problem(original.path)
        if problem is not None:
            raise ReadError(f"an original file is called {original.path!r:.200}", cause=problem)
    if len({original.path for original in originals}) != len(originals):
        raise ReadError("two of its original files have one path")
    codes = _codes_of(server, originals, kernel)
    if not with_pixels:
        return codes
    return replace(codes, pixel_code=_pixel_codes(server, image, kernel)[0].iscc())


def _codes_of(server: OmeroServer, originals: tuple[Original, ...], kernel: Kernel) -> ImageCodes:
    if any(original.path.rpartition("/")[2] == ".isccignore" for original in originals):
        raise ReadError("one of its original files is an .isccignore")
    covered = covered_by_tree_code({})
    whole = kernel.hasher()
    files: list[FileFingerprint] = []
    for original in sorted(originals, key=lambda one: treewalk_order(one.path)):
        hasher = kernel.hasher()
        for chunk in _whole(server.read(original), original.size, original.path):
            hasher.update(chunk)
            if len(originals) > 1 and covered(original.path):
                whole.update(chunk)
        files.append(FileFingerprint(CratePath(original.path), hasher.finish()))
    if len(files) == 1:
        return codes_of_file(files[0].fingerprint)
    return ImageCodes(iscc=whole.finish().iscc(), treehash=treehash(files), files=len(files))


def _pixel_codes(
    server: OmeroServer, image: ServerImage, kernel: Kernel
) -> tuple[Fingerprint, Fingerprint]:
    """Return the pixel code (IEP-0018), and what it would be with the bytes of pixels swapped."""
    pixels = server.pixels(image)
    size = pixels.item_size
    if size is None:
        raise ReadError(f"pixels of the type {printable(pixels.type)} have no pixel code")
    hasher, other = kernel.hasher(), kernel.hasher()
    for z, c, t in pixels.walk():
        name = f"the plane z {z}, channel {c}, t {t}"
        rest = b""
        for part in _whole(server.plane(pixels, z, c, t), _plane_size(pixels, size), name):
            hasher.update(part)
            if size > 1:
                rest += part
                cut = len(rest) - len(rest) % size
                other.update(_swapped(rest[:cut], size))
                rest = rest[cut:]
    known = hasher.finish()
    return known, other.finish() if size > 1 else known


def _plane_size(pixels: ServerPixels, item_size: int) -> int:
    return pixels.x * pixels.y * item_size


def _swapped(data: bytes, size: int) -> bytes:
    numbers = array({2: "H", 4: "I", 8: "Q"}[size], data)
    numbers.byteswap()
    return numbers.tobytes()


def _whole(parts: Iterator[bytes], size: int, name: str) -> Iterator[bytes]:
    """Yield all parts; raise ReadError unless they are as many bytes as was told."""
    done = 0
    for part in parts:
        done += len(part)
        if done > size:
            break
        yield part
    if done != size:
        more = "more" if done > size else f"{done}"
        raise ReadError(f"{printable(name)} has {more} bytes instead of {size}")
