"""Asks the shapes of the BIO-CODES profile about many crates, without a network.

    python shacl_judge.py validator CACHE LEVEL [--inherited]   rocrate-validator; LEVEL is must,
                                                                should or may
    python shacl_judge.py detect CACHE                          which profiles it would choose
    python shacl_judge.py pyshacl CONTEXTS                      pyshacl alone
    python shacl_judge.py well-formed                           the shapes themselves; no crates

Reads a JSON list of crates, each the metadata as an object or the path of a folder, and prints a
JSON list of answers. CACHE is what `compat/rocrate_judge.py seed` makes.

A process of its own, because the validator and what it imports warn on their own account. One
process for many crates, because it takes a second to start and a seventh of one for a crate.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

PROFILES = Path(__file__).parents[2] / "profiles"
SHAPES = PROFILES / "bio-codes" / "0.1"
OURS = "bio-codes-0.1"
_BASE = "file:///crate/"

Issue = tuple[str, str, str]
"""Finding id (of the base profile: the check and its message), level, entity."""


def _finding(name: str) -> str:
    """Return the finding id in the name of a shape, which is the name of its check too."""
    found = re.match(r"\d\.\d ([a-z0-9.-]+): ", name)
    if found is None:
        raise ValueError(f"this check is named after no finding: {name}")
    return found[1]


def _relative(entity: str | None) -> str:
    return (entity or "").removeprefix("./") or "./"


def _validator(cache: str, level: str, *, inherited: bool) -> Any:
    from rocrate_validator.models import Severity, ValidationSettings, Validator

    settings = ValidationSettings(
        rocrate_uri=_BASE,
        profile_identifier=OURS,
        extra_profiles_path=PROFILES,
        cache_path=Path(cache),
        offline=True,
        requirement_severity={
            "must": Severity.REQUIRED,
            "should": Severity.RECOMMENDED,
            "may": Severity.OPTIONAL,
        }[level],
        enable_profile_inheritance=inherited,
    )
    return Validator(settings)


def _given(crate: dict[str, Any] | str) -> dict[str, Any]:
    return {"rocrate_uri": crate} if isinstance(crate, str) else {"metadata_dict": crate}


def by_validator(
    crates: list[dict[str, Any] | str], cache: str, level: str, *, inherited: bool
) -> list[dict[str, list[Issue]]]:
    """Return the issues of each crate: of our profile, and of the profile that it extends."""
    validator = _validator(cache, level, inherited=inherited)
    levels = {"REQUIRED": "must", "RECOMMENDED": "should", "OPTIONAL": "may"}
    answers = []
    for crate in crates:
        answer: dict[str, list[Issue]] = {"ours": [], "base": []}
        for issue in validator.validate(**_given(crate)).get_issues():
            check, entity = issue.check, _relative(issue.violatingEntity)
            severity = levels[issue.severity.name]
            if check.requirement.profile.identifier == OURS:
                answer["ours"].append((_finding(check.name), severity, entity))
            else:
                answer["base"].append((f"{check.name}: {issue.message}", severity, entity))
        answers.append(answer)
    return answers


def detected(crates: list[dict[str, Any] | str], cache: str) -> list[list[str]]:
    """Return the profiles that the validator chooses by itself for each crate."""
    validator = _validator(cache, "must", inherited=True)
    return [
        [profile.identifier for profile in validator.detect_rocrate_profiles(**_given(crate))]
        for crate in crates
    ]


def by_pyshacl(crates: list[dict[str, Any]], contexts: str) -> list[list[Issue]]:
    """Return the issues that SHACL Core alone has with each crate; no inference, no extension."""
    import pyshacl
    from rdflib import SH, Graph

    shapes = _shapes()
    levels = {SH.Violation: "must", SH.Warning: "should", SH.Info: "may"}
    answers = []
    for crate in crates:
        data = Graph().parse(
            data=json.dumps(_with_contexts(crate, Path(contexts))),
            format="json-ld",
            publicID=_BASE,
        )
        _, report, text = pyshacl.validate(
            data,
            shacl_graph=shapes,
            inference="none",
            advanced=False,
        )
        if not isinstance(report, Graph):
            raise TypeError(text)
        issues: list[Issue] = []
        for result in report.objects(None, SH.result):
            shape = report.value(result, SH.sourceShape)
            entity = str(report.value(result, SH.focusNode)).removeprefix(_BASE) or "./"
            severity = levels[report.value(result, SH.resultSeverity)]  # type: ignore[index]
            issues.append((_finding(str(shapes.value(shape, SH.name))), severity, entity))
        answers.append(issues)
    return answers


def well_formed() -> str:
    """Return what the shapes of SHACL itself say of ours; nothing if they are well-formed."""
    from pyshacl.entrypoints import meta_validate

    # They walk along lists, one step deeper for each member.
    conforms, _, text = meta_validate(_shapes(), inference="none", max_validation_depth=500)
    return "" if conforms else str(text)


def _shapes() -> Any:
    from rdflib import Graph

    shapes = Graph()
    for place in sorted(SHAPES.glob("*/*.ttl")):
        shapes.parse(place)
    return shapes


def _with_contexts(crate: dict[str, Any], contexts: Path) -> dict[str, Any]:
    """Put the contexts themselves into the place of their addresses."""
    inlined = []
    for context in crate["@context"]:
        if isinstance(context, str):
            version = context.split("/")[-2]
            text = (contexts / f"{version}.jsonld").read_text(encoding="utf-8")
            inlined.append(json.loads(text)["@context"])
        else:
            inlined.append(context)
    return {**crate, "@context": inlined}


def _main(arguments: list[str]) -> Any:
    crates = json.load(sys.stdin)
    match arguments:
        case ["validator", cache, level]:
            return by_validator(crates, cache, level, inherited=False)
        case ["validator", cache, level, "--inherited"]:
            return by_validator(crates, cache, level, inherited=True)
        case ["detect", cache]:
            return detected(crates, cache)
        case ["pyshacl", contexts]:
            return by_pyshacl(crates, contexts)
        case ["well-formed"]:
            return [well_formed()]
    sys.exit(__doc__)


if __name__ == "__main__":
    # On a line of its own: what it imports may print too.
    sys.stdout.write("\n" + json.dumps(_main(sys.argv[1:])) + "\n")
