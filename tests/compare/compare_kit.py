"""Runs the compare command, and holds each JSON answer against its schema and its mirror."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from cli.cli_kit import Outcome, run
from crate_iscc.resources import schema_text

Pairs = list[tuple[str, str | None, str | None]]
_MIRROR = {"only-a": "only-b", "only-b": "only-a"}


@cache
def _validator() -> Draft202012Validator:
    schema = json.loads(schema_text("comparison"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def parsed(text: str) -> dict[str, Any]:
    """Return a JSON answer, which is as the published schema has it."""
    value: dict[str, Any] = json.loads(text)
    problems = [error.message for error in _validator().iter_errors(value)]
    assert not problems
    return value


def compared(a: Path | str, b: Path | str, *options: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and answer of a comparison, which are the same from the other side."""
    forth, back = (
        run("compare", one, two, "--format", "json", *options) for one, two in ((a, b), (b, a))
    )
    assert forth.err == back.err == ""
    answer, mirror = parsed(forth.out), parsed(back.out)
    assert (forth.code, answer["likeness"]) == (back.code, mirror["likeness"])
    assert (answer["a"], answer["b"]) == (mirror["b"], mirror["a"])
    assert sorted(pairs_of(answer), key=str) == sorted(_mirrored(pairs_of(mirror)), key=str)
    return forth.code, answer


def _mirrored(pairs: Pairs) -> Pairs:
    return [(_MIRROR.get(relation, relation), b, a) for relation, a, b in pairs]


def pairs_of(answer: dict[str, Any]) -> Pairs:
    """Return relation and paths of each pair of an answer."""
    return [
        (pair["relation"], pair["a"] and pair["a"]["path"], pair["b"] and pair["b"]["path"])
        for pair in answer["pairs"]
    ]


def as_text(a: Path | str, b: Path | str, *options: str | Path) -> Outcome:
    """Return what a person sees; nothing of it goes to stderr."""
    outcome = run("compare", a, b, *options)
    assert outcome.err == ""
    return outcome
