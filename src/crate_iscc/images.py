"""Images as they are fingerprinted: extent, type, the code of the pixels, a digest for each plane.

The pixel code is the ISCC-SUM of the planes of level 0 in the order of IEP-0018 (IMAGEWALK): Z
outermost, then C, T innermost; rows from top to bottom; big-endian. It does not bind shape and
type, so these stand beside it and are compared with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from crate_iscc.codes import Fingerprint
from crate_iscc.paths import CratePath

PIXEL_TYPES = (
    *("uint8", "int8", "uint16", "int16", "uint32", "int32"),
    *("float32", "float64"),
)
"""The types of pixels that IEP-0018 knows, as NumPy names them."""
DIGEST_SIZE = 32
"""Bytes of a plane's BLAKE3."""


class Role(StrEnum):
    """What an image is: the picture itself, or labels (a segmentation) of one."""

    IMAGE = "image"
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class Plane:
    """The place of one plane, each index from 0."""

    z: int
    c: int
    t: int

    def __str__(self) -> str:
        return f"z {self.z}, channel {self.c}, t {self.t}"


@dataclass(frozen=True, slots=True)
class Extent:
    """The size of an image along its five axes; an axis that it has not counts 1."""

    z: int
    c: int
    t: int
    y: int
    x: int

    def __post_init__(self) -> None:
        if min(self.z, self.c, self.t, self.y, self.x) < 1:
            raise ValueError("an image has at least one pixel")

    @property
    def planes(self) -> int:
        """How many planes there are."""
        return self.z * self.c * self.t

    @property
    def axes(self) -> str:
        """The letters of the axes in the order of the walk; Z, C and T only where longer than 1.

        So an image has the same axes whether a file spells out those of length 1 or not.
        """
        walked = (("z", self.z), ("c", self.c), ("t", self.t))
        return "".join(letter for letter, size in walked if size > 1) + "yx"

    @property
    def shape(self) -> str:
        """The lengths of the `axes`, with commas between."""
        walked = [str(size) for size in (self.z, self.c, self.t) if size > 1]
        return ",".join([*walked, str(self.y), str(self.x)])

    def plane(self, number: int) -> Plane:
        """Return the place of a plane by its number in the walk: Z outermost, T innermost."""
        rest, t = divmod(number, self.t)
        z, c = divmod(rest, self.c)
        return Plane(z, c, t)

    def walk(self) -> Iterator[Plane]:
        """Yield the places of all planes in the order of the walk."""
        return map(self.plane, range(self.planes))

    @classmethod
    def parse(cls, axes: str, shape: str) -> "Extent | None":
        """Return what `axes` and `shape` of a crate say, in any order; None where that is none."""
        letters = axes.lower()
        words = shape.replace(" ", "").split(",")
        numbers = [int(word) if word.isascii() and word.isdigit() else 0 for word in words]
        sizes = dict(zip(letters, numbers, strict=False))
        if len(letters) != len(numbers) or len(sizes) != len(letters) or min(numbers) < 1:
            return None
        if not {"y", "x"} <= sizes.keys() <= {*"zctyx"}:
            return None
        return cls(*(sizes.get(letter, 1) for letter in "zctyx"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFingerprint:
    """What is known of the pixels of one image, all of which were read.

    `path` is its file, or the folder of its Zarr with a slash ("" for the root); `scene` tells the
    images of one file or Zarr apart, and is empty where there is one. `planes` holds the BLAKE3 of
    each plane, 32 bytes, in the order of the walk. `files` are all that it was read from, where
    that is a set of files. `reader` names the software that decoded it.
    """

    path: CratePath
    scene: str = ""
    role: Role = Role.IMAGE
    extent: Extent
    dtype: str
    fingerprint: Fingerprint
    planes: bytes
    files: tuple[CratePath, ...] = ()
    reader: str = ""

    def __post_init__(self) -> None:
        if len(self.planes) != DIGEST_SIZE * self.extent.planes:
            raise ValueError("there is one digest for each plane")
        if self.dtype not in PIXEL_TYPES:
            raise ValueError("IEP-0018 has no such type of pixels")

    @property
    def name(self) -> str:
        """Path and scene, as they are shown."""
        return f"{self.path or './'}#{self.scene}" if self.scene else self.path or "./"

    @property
    def iscc(self) -> str:
        """The pixel code: a wide ISCC-SUM."""
        return self.fingerprint.iscc()

    def digests(self, width: int = DIGEST_SIZE) -> tuple[bytes, ...]:
        """Return the first `width` bytes of the digest of each plane."""
        starts = range(0, len(self.planes), DIGEST_SIZE)
        return tuple(self.planes[start : start + width] for start in starts)


@dataclass(frozen=True, slots=True)
class ImageUnread:
    """An image that has no pixel code, and the reason: some of it could not be read."""

    path: CratePath
    reason: str
    scene: str = ""

    @property
    def name(self) -> str:
        """Path and scene, as they are shown."""
        return f"{self.path or './'}#{self.scene}" if self.scene else self.path or "./"


class PixelStatus(StrEnum):
    """How the pixels of two images compare.

    EQUAL: the same planes in the same order. REORDERED: the same planes, in another order.
    DIFFERENT: same shape and type, other pixels. INCOMPARABLE: another shape or type.
    """

    EQUAL = "equal"
    REORDERED = "reordered"
    DIFFERENT = "different"
    INCOMPARABLE = "incomparable"


@dataclass(frozen=True, slots=True)
class PixelComparison:
    """How two images compare: which planes of the first differ, and what there is to say of it."""

    status: PixelStatus
    planes: tuple[Plane, ...] = ()
    remark: str = ""

    def __str__(self) -> str:
        match self.status:
            case PixelStatus.EQUAL:
                text = "the pixels are equal"
            case PixelStatus.REORDERED:
                text = "the planes are the same, in another order"
            case PixelStatus.DIFFERENT:
                text = f"the pixels differ in {named_planes(self.planes)}"
            case _:
                text = "the pixels cannot be compared"
        return f"{text}: {self.remark}" if self.remark else text


def differing_planes(one: ImageFingerprint, two: ImageFingerprint) -> PixelComparison:
    """Compare the pixels of two images, plane by plane."""
    return compare_planes(
        (one.extent, one.dtype, one.digests()), (two.extent, two.dtype, two.digests())
    )


Compared = tuple[Extent, str, tuple[bytes, ...]]
"""Extent, type and the digests of all planes, as they are compared."""


def compare_planes(one: Compared, two: Compared) -> PixelComparison:
    """Compare extents, types and digests of planes; digests are of one length."""
    (extent, dtype, digests), (other_extent, other_dtype, other_digests) = one, two
    if dtype != other_dtype:
        remark = f"one has pixels of the type {dtype}, the other {other_dtype}"
        return PixelComparison(PixelStatus.INCOMPARABLE, remark=remark)
    same_size = (extent.y, extent.x) == (other_extent.y, other_extent.x)
    if not same_size or extent.planes != other_extent.planes:
        remark = f"one is {_measured(extent)}, the other {_measured(other_extent)}"
        return PixelComparison(PixelStatus.INCOMPARABLE, remark=remark)
    renamed = extent != other_extent
    if digests == other_digests:
        remark = f"axes {_measured(extent)} in one, {_measured(other_extent)} in the other"
        return PixelComparison(PixelStatus.EQUAL, remark=remark if renamed else "")
    if sorted(digests) == sorted(other_digests):
        return PixelComparison(PixelStatus.REORDERED)
    if renamed:
        remark = f"one is {_measured(extent)}, the other {_measured(other_extent)}"
        return PixelComparison(PixelStatus.INCOMPARABLE, remark=remark)
    pairs = enumerate(zip(digests, other_digests, strict=True))
    planes = tuple(extent.plane(number) for number, (mine, theirs) in pairs if mine != theirs)
    return PixelComparison(PixelStatus.DIFFERENT, planes)


def named_planes(planes: tuple[Plane, ...], most: int = 5) -> str:
    """Return places of planes in words, the first few of many."""
    named = "; ".join(map(str, planes[:most]))
    left = len(planes) - most
    return f"{named}; and {left} more planes" if left > 0 else named


def _measured(extent: Extent) -> str:
    return f"{extent.axes} {extent.shape}"
