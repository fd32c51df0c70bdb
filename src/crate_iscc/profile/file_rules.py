"""Requirements 2.1 to 2.5: what every File data entity says of its bytes."""

from collections.abc import Iterator

from crate_iscc.codes import Fingerprint, parse_datahash, parse_iscc
from crate_iscc.crate.view import CODE_PREFIXES
from crate_iscc.errors import InputError
from crate_iscc.jsonld import Entity, as_list, strings
from crate_iscc.profile.facts import WIDE_ISCC_SUM
from crate_iscc.profile.rules import Breach, Rule, Subject, shown


def _said(finding_id: str, key: str, expected: str) -> Rule:
    """Return the rule that each file is as the definition of the schema says."""

    def rule(subject: Subject) -> Iterator[Breach]:
        for entity_id in subject.facts.files:
            entity = subject.facts.canonical(entity_id, ("datahash",))
            if not subject.definitions.holds(finding_id, entity):
                found = _shown(entity, key)
                yield Breach(entity_id, key, f"{expected} is expected in {key}; {found}")

    return rule


def _shown(entity: Entity, key: str) -> str:
    values = as_list(entity.get(key))
    if key == "identifier":
        codes = [text for text in strings(values) if text.startswith("ISCC:")]
        wide = [text for text in codes if WIDE_ISCC_SUM.fullmatch(text)]
        values = wide if len(wide) > 1 else codes
    return shown(values)


iscc_sum = _said("file.iscc-sum", "identifier", "one wide ISCC-SUM (ISCC:K4A…)")
datahash = _said("file.datahash", "datahash", "one datahash (1e20 and 64 lower-case hex digits)")
size = _said("file.size", "contentSize", "one number of bytes, as a string of digits,")
sha256 = _said("file.sha256", "sha256", "a sha256 of 64 lower-case hex digits")


def codes_agree(subject: Subject) -> Iterator[Breach]:
    """2.4: the ISCC-SUMs, units and datahashes of a file are codes of the same bytes."""
    for entity_id in subject.facts.files:
        entity = subject.facts.canonical(entity_id, ("datahash",))
        known = Fingerprint()
        for key, text in (
            *(("identifier", text) for text in strings(entity.get("identifier"))),
            *(("datahash", text) for text in strings(entity.get("datahash"))),
        ):
            code = _parsed(key, text)
            if code is None:
                continue
            both = known.merged(code)
            if both is None:
                message = f"{text[:80]} cannot be of the same bytes as the codes before it"
                yield Breach(entity_id, key, message)
                break
            known = both


def _parsed(key: str, text: str) -> Fingerprint | None:
    """Return what a code says; what is none breaks another requirement, or is no code at all."""
    try:
        if key == "datahash":
            return parse_datahash(text)
        return parse_iscc(text) if text.startswith(CODE_PREFIXES) else None
    except InputError:
        return None
