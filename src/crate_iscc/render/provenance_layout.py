"""Lays out a picture of links: what others came of stands left of what came of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

Place = tuple[int, int]
"""A column and a row."""
Point = str | tuple[int, int]
"""A thing by its id, or a link (by its number) in a column that it passes."""


def columns_of(links: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the column of each thing, from 0, for pairs of an origin and what came of it.

    It is the length of the longest way there; a link that leads back into a way is not followed,
    so that circles end.
    """
    after: dict[str, list[str]] = defaultdict(list)
    things: dict[str, None] = {}
    for origin, derived in links:
        things |= dict.fromkeys((origin, derived))
        if origin != derived:
            after[origin].append(derived)
    column = dict.fromkeys(things, 0)
    for thing in _in_order(things, after):
        for derived in after[thing]:
            column[derived] = max(column[derived], column[thing] + 1)
    return column


def _in_order(things: Iterable[str], after: dict[str, list[str]]) -> Sequence[str]:
    """Return the things so that each comes before what came of it; links back are taken out."""
    finished: list[str] = []
    state: dict[str, int] = {}
    for start in things:
        stack = [] if start in state else [(start, iter(list(after[start])))]
        state.setdefault(start, 0)
        while stack:
            thing, following = stack[-1]
            derived = next(following, None)
            if derived is None:
                state[thing] = 1
                finished.append(thing)
                stack.pop()
            elif derived not in state:
                state[derived] = 0
                stack.append((derived, iter(list(after[derived]))))
            elif state[derived] == 0:
                after[thing] = [other for other in after[thing] if other != derived]
    return finished[::-1]


def laid_out(links: Sequence[tuple[str, str]]) -> tuple[dict[str, Place], list[list[Place]]]:
    """Return the column and row of each thing, and the free places that each link goes through.

    A link over several columns keeps a row of its own in those between, so that it crosses no
    thing.
    """
    column: dict[Point, int] = dict(columns_of(links).items())
    steps: list[tuple[Point, Point]] = []
    ways: list[list[Point]] = []
    for number, (origin, derived) in enumerate(links):
        way: list[Point] = [(number, k) for k in range(column[origin] + 1, column[derived])]
        column |= {point: point[1] for point in way if isinstance(point, tuple)}
        steps.extend(pairwise([origin, *way, derived]))
        ways.append(way)
    row = _rows(column, steps)
    places = {point: (column[point], row[point]) for point in column}
    return (
        {point: place for point, place in places.items() if isinstance(point, str)},
        [[places[point] for point in way] for way in ways],
    )


def _rows(column: Mapping[Point, int], steps: Sequence[tuple[Point, Point]]) -> dict[Point, int]:
    """Return the row of each point in its column: near to those that it came of."""
    before: dict[Point, list[Point]] = defaultdict(list)
    for origin, derived in steps:
        before[derived].append(origin)
    by_column: dict[int, list[Point]] = defaultdict(list)
    for point, number in column.items():
        by_column[number].append(point)
    row: dict[Point, int] = {}

    def middle(point: Point) -> float:
        known = [row[origin] for origin in before[point] if origin in row]
        return sum(known) / len(known) if known else float(len(row))

    for number in sorted(by_column):
        ordered = sorted(by_column[number], key=middle)
        row |= {point: place for place, point in enumerate(ordered)}
    return row
