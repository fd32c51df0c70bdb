"""Requirements 3.1 to 4.4: the codes of the whole and of containers, and how they were made."""

from collections.abc import Iterator
from typing import Any

from crate_iscc.crate.terms import ISCC_TERM, TREEHASH_TERM
from crate_iscc.jsonld import references, strings
from crate_iscc.manifest import RECIPE_VERSION
from crate_iscc.paths import MANIFEST_FILE, decode_id
from crate_iscc.profile.facts import DATAHASH, is_pattern
from crate_iscc.profile.rules import Breach, Rule, Subject, shown

_LEVELS = frozenset({"bytes", "pixels"})


def _coded(term: str, what: str) -> Rule:
    """Return the rule that the root and each container have exactly one code of a kind."""

    def rule(subject: Subject) -> Iterator[Breach]:
        for entity_id in subject.facts.trees:
            codes = subject.facts.codes(entity_id, term)
            if len(codes) != 1:
                yield Breach(entity_id, "identifier", f"one {what} is expected; {shown(codes)}")

    return rule


iscc_sum = _coded(ISCC_TERM, "wide tree ISCC-SUM (ISCC:K4A…)")
treehash = _coded(TREEHASH_TERM, "treehash (1e20 and 64 lower-case hex digits)")


def size(subject: Subject) -> Iterator[Breach]:
    """3.3: bytes and number of files."""
    for entity_id in subject.facts.trees:
        entity = subject.facts.canonical(entity_id, ("fileCount",))
        if not subject.definitions.holds("tree.size", entity):
            found = " and ".join(
                f"{key} is {entity[key]!r:.40}" if key in entity else f"there is no {key}"
                for key in ("contentSize", "fileCount")
            )
            yield Breach(
                entity_id,
                "contentSize",
                f"contentSize (bytes, a string of digits) and fileCount are expected; {found}",
            )


def manifest_recorded(subject: Subject) -> Iterator[Breach]:
    """3.4: the manifest file is recorded where members are listed nowhere else."""
    facts = subject.facts
    root_id = facts.root_id
    table = strings(facts.own(root_id, "treehash"))
    if not facts.containers and not table:
        return
    bound = [t for t in strings(facts.own(root_id, "manifestDatahash")) if DATAHASH.fullmatch(t)]
    named = any(strings(facts.own(root_id, "manifestSchema")))
    listed = any(
        decode_id(entity_id) == MANIFEST_FILE and entity_id in facts.parts
        for entity_id in facts.files
    )
    if not (len(bound) == 1 and named) and not listed:
        why = "the table style" if table else "a container"
        yield Breach(root_id, None, f"{why} needs a record of {MANIFEST_FILE}; there is none")


def _recipe(subject: Subject, term: str) -> list[tuple[str, Any]]:
    return [
        (holder, value)
        for holder in subject.facts.recipe_holders
        for value in subject.facts.own(holder, term)
    ]


def version(subject: Subject) -> Iterator[Breach]:
    """4.1: the recipe is stated, and is one that the profile knows."""
    yield from _stated(subject, "recipeVersion", {str(RECIPE_VERSION)})


def level(subject: Subject) -> Iterator[Breach]:
    """4.3: the level of the codes is stated."""
    yield from _stated(subject, "codeLevel", _LEVELS)


def _stated(subject: Subject, term: str, known: set[str] | frozenset[str]) -> Iterator[Breach]:
    found = _recipe(subject, term)
    expected = " or ".join(f"{value!r}" for value in sorted(known))
    if not found:
        yield Breach(subject.facts.root_id, None, f"{term} is not stated; {expected} is expected")
    for holder, value in found:
        if strings(value) and strings(value)[0] in known:
            continue
        yield Breach(holder, term, f"{term} is {value!r:.40}; {expected} is expected")


def exclusions(subject: Subject) -> Iterator[Breach]:
    """4.2: each exclusion is a pattern that can be understood."""
    for holder, value in _recipe(subject, "excludedPattern"):
        if not any(map(is_pattern, strings(value))):
            yield Breach(holder, "excludedPattern", f"{value!r:.40} is no pattern")


def generator(subject: Subject) -> Iterator[Breach]:
    """4.4: the software that made the codes is named with its version."""
    facts = subject.facts
    literals = strings(facts.own(facts.root_id, "generator"))
    if any(len(text.split()) >= 2 for text in literals):
        return
    for action in facts.recipe_holders[1:]:
        # What tells the fingerprinting from other actions: it carries the recipe.
        if facts.own(action, "recipeVersion") or facts.own(action, "codeLevel"):
            instruments = references(facts.crate.values(action, "instrument"))
            if any(_is_versioned(subject, software) for software in instruments):
                return
    yield Breach(
        facts.root_id, None, "the software that made the codes is not named with its version"
    )


def _is_versioned(subject: Subject, software: str) -> bool:
    """Tell whether an entity is a SoftwareApplication with a name and a version."""

    def said(key: str) -> bool:
        return any(strings(subject.crate.values(software, key)))

    types = strings(subject.crate.values(software, "@type"))
    return (
        "SoftwareApplication" in types
        and said("name")
        and (said("version") or said("softwareVersion"))
    )
