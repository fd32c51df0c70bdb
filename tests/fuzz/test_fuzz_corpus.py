"""The fuzzers' corpora in the normal run: every seed, and every input that ever found something."""

from pathlib import Path

import pytest

from fuzz.seeds import FOUND, seeds
from fuzz.targets import TARGETS

CASES = [(target, name) for target in TARGETS for name in seeds(target)]


@pytest.mark.parametrize(("target", "name"), CASES, ids=[f"{one}-{two}" for one, two in CASES])
def test_an_input_of_the_corpus_finds_nothing(target: str, name: str) -> None:
    """Only this project's errors come out, whatever goes in."""
    TARGETS[target](seeds(target)[name])


def test_every_input_that_found_something_is_replayed() -> None:
    """A file in the folder of a target is a seed of that target, and no other file is there."""
    kept = {place.relative_to(FOUND) for place in FOUND.rglob("*") if place.is_file()}

    replayed = {
        Path(target, name.removeprefix("found-"))
        for target, name in CASES
        if name.startswith("found-")
    }

    assert kept == replayed
