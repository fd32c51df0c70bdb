"""What an index holds and what it answers: values, without the file that they come from."""

from dataclasses import dataclass

from crate_iscc.codes import Distance
from crate_iscc.similarity.members import Member
from crate_iscc.similarity.thresholds import Threshold


@dataclass(frozen=True, slots=True)
class IndexedCrate:
    """A crate, folder or zip in an index.

    `given` is the path as it was given, `place` the absolute one, `added` the time (UTC, ISO 8601).
    `recorded` is True where its codes are what it records. `left_out` counts what could not be
    taken in: files without a recorded code, and unread ones.
    """

    number: int
    given: str
    place: str
    name: str | None
    identifier: str | None
    recorded: bool
    added: str
    members: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Hit:
    """Something in an index that has, or nearly has, what was asked for.

    `distance` is None where the digests are equal. The member's source is the crate's place,
    `number` its number in there.
    """

    crate: IndexedCrate
    number: int
    member: Member
    distance: Distance | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What an index says of one file or code.

    `exact` has everything with an equal digest; `near` what differs in no more bits than the
    threshold of its width, nearest first. `count` is of how many near ones it is the beginning.
    `searched` counts what is in the index. `asked_near` is False where nothing was known to
    measure by, as of a datahash alone.
    """

    asked: str
    exact: tuple[Hit, ...]
    near: tuple[Hit, ...]
    count: int
    searched: int
    thresholds: tuple[Threshold, ...]
    asked_near: bool = True
