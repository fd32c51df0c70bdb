"""Counts the differing bits of many codes in Python: what the C module does, said plainly.

It does the work where there was no C compiler: some fifty times as slowly.
"""

from array import array

from crate_iscc.stretch import Bytes

_MOST_BYTES = 32


def nearest(
    codes: Bytes, stride: int, query: Bytes, limit: int, most: int, /
) -> list[tuple[int, int]]:
    """Return the codes within `limit` bits of a query, nearest first, of equal ones in order.

    At most so many pairs of number and distance in bits; as many bytes of each code count as the
    query has, and `stride` bytes lie between two beginnings.
    """
    length = len(query)
    if not _valid(length) or stride < length or len(codes) % stride or most < 0:
        raise ValueError("no such codes: their lengths do not fit together")
    wanted = int.from_bytes(query, "little")
    found = []
    for number in range(len(codes) // stride):
        at = number * stride
        code = int.from_bytes(codes[at : at + length], "little")
        bits = (code ^ wanted).bit_count()
        if bits <= limit:
            found.append((bits, number))
    return [(number, bits) for bits, number in sorted(found)[:most]]


def join(
    codes: Bytes,
    width: int,
    limit: int,
    first: int,
    last: int,
    parents: "array[int]",
    nearest: "array[int]",
    distances: "array[int]",
    /,
) -> int:
    """Join each code of the rows from `first` up to `last` with every later one within `limit`.

    `parents` is a forest of the numbers, in which the smaller one is nearer to the root; `nearest`
    and `distances` keep the nearest of each code. Returns the number of pairs within the limit.
    """
    count = len(codes) // width if _valid(width) else -1
    columns = (parents, nearest, distances)
    if (
        count < 0
        or len(codes) != count * width
        or not 0 <= first <= last <= count
        or not 0 <= limit < 0xFFFF
        or any(len(column) != count for column in columns)
        or any(parent > number for number, parent in enumerate(parents))
    ):
        raise ValueError("the codes and the columns do not fit together")
    numbers = [
        int.from_bytes(codes[at : at + width], "little") for at in range(0, count * width, width)
    ]
    pairs = 0
    for row in range(first, last):
        mine = numbers[row]
        near = [
            (column, bits)
            for column, code in enumerate(numbers[row + 1 :], row + 1)
            if (bits := (mine ^ code).bit_count()) <= limit
        ]
        for column, bits in near:
            unite(parents, row, column)
            for one, two in ((row, column), (column, row)):
                if (bits, two) < (distances[one], nearest[one]):
                    distances[one], nearest[one] = bits, two
        pairs += len(near)
    return pairs


def root_of(parents: "array[int]", number: int) -> int:
    """Return the root of a number's tree, and make the way there shorter."""
    while parents[number] != number:
        parents[number] = parents[parents[number]]
        number = parents[number]
    return number


def unite(parents: "array[int]", one: int, two: int) -> None:
    """Make two trees one, under the smaller root."""
    one, two = root_of(parents, one), root_of(parents, two)
    parents[max(one, two)] = min(one, two)


def _valid(length: int) -> bool:
    return 4 <= length <= _MOST_BYTES and length % 4 == 0
