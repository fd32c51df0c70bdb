"""Images as they are fingerprinted: extent, type, the code of the pixels, a digest for each plane.

The pixel code is the ISCC-SUM of the planes of level 0 in the order of IEP-0018 (IMAGEWALK): Z
outermost, then C, T innermost; rows from top to bottom; big-endian. It does not bind shape and
type, so these stand beside it and are compared with it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.paths import CratePath, printable

PIXEL_TYPES = (
    *("uint8", "int8", "uint16", "int16", "uint32", "int32"),
    *("float32", "float64"),
)
"""The types of pixels that IEP-0018 knows, as NumPy names them."""
DIGEST_SIZE = 32
"""Bytes of a plane's BLAKE3."""


def pixel_size(dtype: str) -> int:
    """Return how many bytes a pixel of one of the PIXEL_TYPES has."""
    return int("".join(filter(str.isdigit, dtype))) // 8


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
    that is a set of files. `reader` names the software that decoded it. `look` is the body of its
    Image-Code, and empty where that was not asked for, or where all of the image looks the same.
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
    look: bytes = b""

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

    def covers(self, path: CratePath) -> bool:
        """Tell whether a file of the dataset is (a part of) this image."""
        return _is_part(path, self.path) or path in self.files


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

    def covers(self, path: CratePath) -> bool:
        """Tell whether a file of the dataset is (a part of) this image."""
        return _is_part(path, self.path)


def _is_part(path: CratePath, image: CratePath) -> bool:
    return path.startswith(image) if not image or image.endswith("/") else path == image


class PixelStatus(StrEnum):
    """How the pixels of two images compare.

    EQUAL: the same planes in the same order. REORDERED: the same planes, in another order.
    DIFFERENT: same shape and type, other pixels. INCOMPARABLE: another shape or type. UNREAD: one
    of the images could not be read whole, so nobody knows.
    """

    EQUAL = "equal"
    REORDERED = "reordered"
    DIFFERENT = "different"
    INCOMPARABLE = "incomparable"
    UNREAD = "unread"


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
            case PixelStatus.INCOMPARABLE:
                text = "the pixels are not comparable"
            case _:
                text = "the pixels could not be compared"
        return f"{text}: {self.remark}" if self.remark else text


Image = ImageFingerprint | ImageUnread


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagePair:
    """An image of A and the image of B that it is compared with; None where a side has none."""

    a: Image | None
    b: Image | None

    def __post_init__(self) -> None:
        if self.a is None and self.b is None:
            raise ValueError("a pair needs an image")

    @property
    def comparison(self) -> PixelComparison:
        """How the pixels compare."""
        for image in (self.a, self.b):
            if isinstance(image, ImageUnread):
                remark = f"{printable(image.name)} could not be read: {image.reason}"
                return PixelComparison(PixelStatus.UNREAD, remark=remark)
        if isinstance(self.a, ImageFingerprint) and isinstance(self.b, ImageFingerprint):
            return differing_planes(self.a, self.b)
        alone = "A" if self.b is None else "B"
        return PixelComparison(PixelStatus.INCOMPARABLE, remark=f"only {alone} has it")

    @property
    def appearance(self) -> Distance | None:
        """How many bits of the Image-Codes differ; None where one is not known."""
        one, two = (getattr(image, "look", b"") for image in (self.a, self.b))
        if not one or not two:
            return None
        bits = (int.from_bytes(one, "big") ^ int.from_bytes(two, "big")).bit_count()
        return Distance(bits, 8 * len(one))

    def mirrored(self) -> "ImagePair":
        """Return the same as it is from B to A."""
        return ImagePair(a=self.b, b=self.a)


def paired_images(one: Sequence[Image], two: Sequence[Image]) -> tuple[ImagePair, ...]:
    """Pair the images of two sides in their order.

    Where one side has more of them, those with equal pixels are paired first.
    """
    if len(one) == len(two):
        return tuple(ImagePair(a=a, b=b) for a, b in zip(one, two, strict=True))
    waiting: dict[tuple[str, str, bytes], list[int]] = {}
    for number, image in enumerate(two):
        if isinstance(image, ImageFingerprint):
            waiting.setdefault(_pixels_of(image), []).append(number)
    partners: dict[int, int] = {}
    for number, image in enumerate(one):
        if isinstance(image, ImageFingerprint) and (left := waiting.get(_pixels_of(image))):
            partners[number] = left.pop(0)
    taken = set(partners.values())
    lonely = [image for number, image in enumerate(one) if number not in partners]
    others = [image for number, image in enumerate(two) if number not in taken]
    matched = [ImagePair(a=one[number], b=two[other]) for number, other in partners.items()]
    return (*matched, *(ImagePair(a=a, b=b) for a, b in zip_longest(lonely, others)))


def _pixels_of(image: ImageFingerprint) -> tuple[str, str, bytes]:
    return image.dtype, _measured(image.extent), image.planes


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
