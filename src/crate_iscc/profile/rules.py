"""What a rule of the profile is: a function from a crate to the places that break it."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from crate_iscc.crate.view import Crate
from crate_iscc.profile.facts import Facts
from crate_iscc.profile.schema import Definitions

_LONGEST = 80


@dataclass(frozen=True, slots=True)
class Breach:
    """One breach of a requirement: by which entity, at which of its properties, and how."""

    entity: str
    key: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules look at; `names` are the files that lie beside the metadata, where known."""

    facts: Facts
    definitions: Definitions
    names: Collection[str]

    @property
    def crate(self) -> Crate:
        """The crate itself."""
        return self.facts.crate


Rule = Callable[[Subject], Iterator[Breach]]


def shown(values: list[Any]) -> str:
    """Return what is there for a message: nothing, one value, or how many."""
    if not values:
        return "there is none"
    if len(values) > 1:
        return f"there are {len(values)}"
    text = str(values[0])
    return f"there is {text[:_LONGEST]!r}" + (" (cut)" if len(text) > _LONGEST else "")
