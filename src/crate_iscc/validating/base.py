"""Has rocrate-validator, an optional companion, judge a crate by the RO-Crate specification.

It needs seconds for a hundred entities, so it is given a reduced graph: everything but the files,
and the first of these.
"""

import json
import subprocess
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from crate_iscc.crate.terms import RO_CRATE
from crate_iscc.crate.view import Crate
from crate_iscc.errors import CrateIsccError, InputError
from crate_iscc.finding_kinds import Severity
from crate_iscc.jsonld import Entity, references
from crate_iscc.paths import decode_id, folders_of
from crate_iscc.profile.facts import is_local
from crate_iscc.report import Finding
from crate_iscc.resources import context_files

_VERSIONS = ("1.1", "1.2", "1.3")
FILES_AT_MOST = 200
"""How many of a crate's files the validator is told of."""

_SECONDS = 900.0
_WORDS = dict(zip(Severity, ("REQUIRED", "RECOMMENDED", "OPTIONAL"), strict=True))


@dataclass(frozen=True, slots=True)
class BaseJudgement:
    """What rocrate-validator found, and of how many files it was not told."""

    findings: tuple[Finding, ...]
    files_left_out: int


def judged(crate: Crate, names: Collection[str], level: Severity) -> BaseJudgement:
    """Return what rocrate-validator finds at a level and above, offline.

    `names` are the files that are there; their content is not looked at.
    Raises InputError if it is not installed, has no rules for the crate's version, or would need
    a context that is not at hand.
    """
    if find_spec("rocrate_validator") is None:
        raise InputError(
            "rocrate-validator is not installed",
            cause="--base asks it about the RO-Crate specification itself",
            hint="pip install 'crate-iscc[base]'",
        )
    if crate.version not in _VERSIONS:
        raise InputError(
            f"rocrate-validator has no rules for RO-Crate {crate.version}",
            hint=f"it knows {', '.join(_VERSIONS)}; validate without --base",
        )
    contexts = {f"{RO_CRATE}{v}/context": str(file) for v, file in context_files().items()}
    for context in crate.document.contexts():
        if isinstance(context, str) and context not in contexts:
            raise InputError(
                f"rocrate-validator cannot be asked offline: {context[:200]}",
                cause="the crate names a context that is not at hand, and nothing is fetched",
                hint="validate without --base",
            )
    files = [e for e in crate.ids() if is_local(e) and crate.is_file(e)]
    left_out = frozenset(files[FILES_AT_MOST:])
    reduced = _reduced(crate, left_out)
    issues = _ask(
        {
            "metadata": reduced,
            "names": _named(names, reduced),
            "version": crate.version,
            "severity": _WORDS[level],
            "contexts": contexts,
        }
    )
    return BaseJudgement(tuple(_finding(crate, issue) for issue in issues), len(left_out))


def _ask(question: dict[str, Any]) -> list[dict[str, str]]:
    program = Path(__file__).with_name("rocrate_judge.py")
    try:
        ended = subprocess.run(  # noqa: S603 - our own program, its input on stdin
            [sys.executable, "-I", str(program)],
            input=json.dumps(question),
            capture_output=True,
            encoding="utf-8",
            check=False,
            timeout=_SECONDS,
        )
        if ended.returncode == 0:
            answer: list[dict[str, str]] = json.loads(ended.stdout)
            return answer
        cause = ended.stderr.strip().rpartition("\n")[2]
    except subprocess.TimeoutExpired:
        cause = f"it took more than {_SECONDS:.0f} seconds"
    raise CrateIsccError(
        "rocrate-validator gave no answer", cause=cause, hint="validate without --base"
    )


def _reduced(crate: Crate, left_out: frozenset[str]) -> dict[str, Any]:
    """Return the document without some entities, and without references to them in lists."""

    def kept(value: Any) -> Any:
        if not left_out or not isinstance(value, list):
            return value
        return [item for item in value if left_out.isdisjoint(references(item))]

    graph: list[Entity] = [
        {key: kept(value) for key, value in entity.items()} if isinstance(entity, dict) else entity
        for entity in crate.document.graph
        if not isinstance(entity, dict) or left_out.isdisjoint(references(entity))
    ]
    return {**crate.document.value, "@graph": graph}


def _named(names: Collection[str], reduced: dict[str, Any]) -> list[str]:
    """Return the paths of what the reduced graph describes and what is there."""
    folders = {folder for name in names for folder in folders_of(name)}
    described = (
        decode_id(entity["@id"])
        for entity in reduced["@graph"]
        if isinstance(entity, dict) and isinstance(entity.get("@id"), str)
    )
    return [
        path for path in described if path and (path in names or path.rstrip("/") + "/" in folders)
    ]


def _finding(crate: Crate, issue: dict[str, str]) -> Finding:
    name = issue["entity"]
    known = (name, name.removeprefix("./"), crate.root_id if name in (".", "./") else "")
    entity = next((entity_id for entity_id in known if crate.occurrences(entity_id)), name) or None
    message = f"{issue['message'].strip()} ({issue['check']})"
    word = issue["severity"].lower()
    return Finding(f"rocrate.{word}", message, entity=entity, pointer=crate.pointer(entity or ""))
