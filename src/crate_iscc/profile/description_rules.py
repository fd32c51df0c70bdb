"""Requirements 5.1 to 7.3: what the data are, where they come from, and who stands for them."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from crate_iscc.crate.terms import BIO_CODES_TERMS, PIXEL_CODE_TERM
from crate_iscc.crate.view import iscc_id_of
from crate_iscc.jsonld import as_list, references, strings
from crate_iscc.paths import PROOF_FOLDER, SIGNATURE_NAME, TIMESTAMP_ENDING, is_proof
from crate_iscc.profile.facts import WIDE_ISCC_SUM, Facts
from crate_iscc.profile.rules import Breach, Rule, Subject

_FBBI = re.compile(r"FBbi[_:][0-9]+")
_TAXON = re.compile(r"(NCBI:txid|NCBITaxon[_:]|taxonomy/)[0-9]+")
_SIGNATURE = f"{PROOF_FOLDER}/{SIGNATURE_NAME}"


def _root(finding_id: str, key: str, message: str) -> Rule:
    """Return the rule that the root is as the definition of the schema says."""

    def rule(subject: Subject) -> Iterator[Breach]:
        root_id = subject.facts.root_id
        if not subject.definitions.holds(finding_id, subject.facts.canonical(root_id, ())):
            yield Breach(root_id, key, message)

    return rule


licence = _root("describe.license", "license", "no licence is stated")
date_published = _root(
    "describe.date-published", "datePublished", "there is no date of publication in ISO 8601"
)
creator = _root("describe.creator", "author", "neither creator nor author is named")


# --- the chain from the dataset to the organism ------------------------------------------------
# Each step by the names that the NGFF challenge and REMBI (BioImage Archive) give it.

_BIA = "http://bia/"
_OBO = "http://purl.obolibrary.org/obo/"
_ACQUISITION = {
    "resultOf": (BIO_CODES_TERMS + "resultOf", _BIA + "resultOf"),
    "associatedImageAcquisitionProtocol": (_BIA + "associatedImageAcquisitionProtocol",),
}
_METHOD = {"fbbi_id": (BIO_CODES_TERMS + "fbbi_id",), "fbbiId": (_BIA + "fbbiId",)}
_DATASETS_SPECIMEN = {"associatedSpecimen": (_BIA + "associatedSubject",)}
_SPECIMEN = {"specimen": (_OBO + "HSO_0000308",)} | _DATASETS_SPECIMEN
_DATASETS_BIOSAMPLE = {"associatedBiologicalEntity": (_BIA + "associatedBiologicalEntity",)}
_BIOSAMPLE = {
    "biosample": (_OBO + "OBI_0002648",),
    "biologicalEntity": (_BIA + "sampleOf",),
} | _DATASETS_BIOSAMPLE
_TAXONOMIC_RANGE = ("https://schema.org/taxonomicRange", "http://schema.org/taxonomicRange")
_ORGANISM = dict.fromkeys(
    ("organism_classification", "organismClassification", "taxonomicRange"), _TAXONOMIC_RANGE
)


def _acquisitions(facts: Facts) -> set[str]:
    found = facts.reached(facts.parts, facts.keys_of(_ACQUISITION))
    found |= {
        action
        for action in facts.crate.ids()
        if not facts.parts.isdisjoint(references(facts.crate.values(action, "result")))
    }
    return found


def _specimens(facts: Facts) -> set[str]:
    own = facts.reached(_acquisitions(facts), facts.keys_of(_SPECIMEN))
    return own | facts.reached(facts.parts, facts.keys_of(_DATASETS_SPECIMEN))


def _biosamples(facts: Facts) -> set[str]:
    own = facts.reached(_specimens(facts), facts.keys_of(_BIOSAMPLE))
    return own | facts.reached(facts.parts, facts.keys_of(_DATASETS_BIOSAMPLE))


def _names(facts: Facts, ids: Iterable[str], keys: tuple[str, ...]) -> Iterator[str]:
    """Yield what properties of entities name: literals, and the ids that they refer to."""
    for entity_id in ids:
        for key in keys:
            values = facts.crate.values(entity_id, key)
            yield from (*strings(values), *references(values))


def modality(subject: Subject) -> Iterator[Breach]:
    """5.4: an image acquisition with an FBbi term."""
    facts = subject.facts
    named = _names(facts, _acquisitions(facts), facts.keys_of(_METHOD))
    if not any(_FBBI.search(text) for text in named):
        yield Breach(facts.root_id, None, "no image acquisition with an FBbi term is described")


def specimen(subject: Subject) -> Iterator[Breach]:
    """5.5: a specimen."""
    if not _specimens(subject.facts):
        yield Breach(subject.facts.root_id, None, "no specimen is described")


def biosample(subject: Subject) -> Iterator[Breach]:
    """5.6: a biosample."""
    if not _biosamples(subject.facts):
        yield Breach(subject.facts.root_id, None, "no biosample is described")


def organism(subject: Subject) -> Iterator[Breach]:
    """5.7: an organism of the NCBI Taxonomy."""
    facts = subject.facts
    named = _names(facts, _biosamples(facts), facts.keys_of(_ORGANISM))
    if not any(_TAXON.search(text) for text in named):
        yield Breach(facts.root_id, None, "no organism is named by an NCBI Taxonomy term")


def derivation(subject: Subject) -> Iterator[Breach]:
    """5.8: some part of the crate is the result of an action on another entity."""
    facts = subject.facts
    made = facts.parts - {facts.root_id}
    for action in facts.actions:
        results = references(facts.crate.values(action, "result"))
        if not made.isdisjoint(results) and facts.crate.values(action, "object"):
            return
    yield Breach(facts.root_id, None, "no file is linked to the data that it was made from")


# --- images and proofs -------------------------------------------------------------------------


def pixel_code(subject: Subject) -> Iterator[Breach]:
    """6.1: each image has a pixel code, with axes, shape and dtype."""
    facts = subject.facts
    images = [
        entity_id
        for entity_id in facts.files
        if "image/tiff" in strings(facts.crate.values(entity_id, "encodingFormat"))
    ]
    images += [entity_id for entity_id in facts.containers if entity_id.endswith(".zarr/")]
    for entity_id in images:
        targets = references(facts.crate.values(entity_id, "identifier"))
        if not any(_is_pixel_code(facts, target) for target in targets):
            message = "it has no pixel code with codeLevel, axes, shape and dtype"
            yield Breach(entity_id, "identifier", message)


def _is_pixel_code(facts: Facts, entity_id: str) -> bool:
    def said(key: str) -> list[Any]:
        return [text for value in facts.crate.values(entity_id, key) for text in as_list(value)]

    codes = strings(said("value"))
    return (
        PIXEL_CODE_TERM in (*strings(said("propertyID")), *references(said("propertyID")))
        and len(codes) == 1
        and WIDE_ISCC_SUM.fullmatch(codes[0]) is not None
        and "pixels" in strings(facts.own(entity_id, "codeLevel"))
        and all(
            any(v not in ("", None) for v in facts.own(entity_id, t))
            for t in ("axes", "shape", "dtype")
        )
    )


def iscc_id(subject: Subject) -> Iterator[Breach]:
    """7.1: the root has an ISCC-ID."""
    if iscc_id_of(subject.crate) is None:
        yield Breach(subject.facts.root_id, "identifier", "there is no ISCC-ID")


def signature(subject: Subject) -> Iterator[Breach]:
    """7.2: a signature lies beside the metadata."""
    if _SIGNATURE not in subject.names:
        yield Breach(subject.facts.root_id, None, f"there is no {_SIGNATURE}")


def timestamp(subject: Subject) -> Iterator[Breach]:
    """7.3: a timestamp token lies beside the signature."""
    if not any(is_proof(name) and name.endswith(TIMESTAMP_ENDING) for name in subject.names):
        message = f"there is no timestamp token (*{TIMESTAMP_ENDING}) in {PROOF_FOLDER}/"
        yield Breach(subject.facts.root_id, None, message)
