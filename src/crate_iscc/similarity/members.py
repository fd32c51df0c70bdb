"""What is compared: files, folders that are datasets, and images, each with its codes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crate_iscc.manifest import Unread

LEAST_IDENTITY = 8
"""Bytes of a digest that have to be equal where two files are called the same."""
SMALL = 16384
"""Files of fewer bytes are compared by 128 bits of their Data-Codes, whatever is known of them."""
_SMALL_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Member:
    """Something with codes: a file, a folder that is one dataset (with a slash), or an image.

    `source` is what the user named, `path` the place in it. `identity` is what decides whether two
    are the same: of a file the Instance-Code, perhaps cut; of a folder its treehash. `data` is the
    Data-Code, perhaps cut, or nothing where it is not known. Of an image, `image_of` is the file or
    folder that it is in, `identity` a digest of its type, extent and pixels, and `data` the
    Image-Code. `units` are those that a crate records of it beside these.
    """

    source: str
    path: str
    size: int | None
    data: bytes
    identity: bytes
    units: tuple[str, ...] = ()
    image_of: str | None = None

    @property
    def is_folder(self) -> bool:
        """True for a folder with codes of its own."""
        return self.image_of is None and self.path.endswith("/")


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was found in one source: its members, and what could not be compared.

    `recorded` is True where the codes are what a crate records, which nobody has checked; of
    images, `from_record` counts those of which that is so. `empty` counts empty files,
    `without_code` names what has no digest to go by. `whole` is all of it as one.
    """

    source: str
    recorded: bool
    members: tuple[Member, ...] = ()
    empty: int = 0
    without_code: tuple[str, ...] = ()
    unread: tuple[Unread, ...] = ()
    name: str | None = None
    identifier: str | None = None
    place: str = ""
    whole: Member | None = None
    from_record: int = 0


def comparable(data: bytes, size: int | None) -> bytes:
    """Return as much of a Data-Code as tells something, for a file of so many bytes.

    The code of a file with a few chunks is made of a few numbers, and its second 128 bits are no
    coins of their own: of unrelated files below a kilobyte, hundreds of times as many pairs are
    near by 256 bits as chance would have it. By the first 128 bits, as many are as should be.
    """
    return data[:_SMALL_WIDTH] if size is not None and size < SMALL else data


def contents_of(members: Iterable[Member]) -> list[tuple[Member, ...]]:
    """Return members together that have the same content, in the order of their first.

    Of digests that are not all known to the same length, as much counts as all have. A file and a
    folder are never the same. Where all sizes are known, they must be equal too.
    """
    members = list(members)
    length = min((len(member.identity) for member in members), default=LEAST_IDENTITY)
    sized = all(member.size is not None for member in members)
    found: dict[tuple[bool, bytes, int | None], list[Member]] = defaultdict(list)
    for member in members:
        size = member.size if sized else None
        found[member.is_folder, member.identity[:length], size].append(member)
    return [tuple(same) for same in found.values()]


def contents_code(content: Sequence[Member]) -> bytes:
    """Return the longest Data-Code that is known of a content, in whole 32-bit steps."""
    return max((member.data for member in content), key=len)
