"""Checks a crate's metadata against the BIO-CODES profile, in time linear in their size."""

from collections.abc import Collection, Mapping
from typing import Any

from crate_iscc.crate.view import Crate
from crate_iscc.finding_kinds import Severity
from crate_iscc.paths import CratePath, decode_id
from crate_iscc.profile import description_rules, file_rules, graph_rules, tree_rules
from crate_iscc.profile.facts import Facts, is_local
from crate_iscc.profile.requirements import kinds_at
from crate_iscc.profile.rules import Breach, Rule, Subject
from crate_iscc.profile.schema import Definitions
from crate_iscc.report import Finding

RULES: Mapping[str, Rule] = {
    "profile.declared": graph_rules.declared,
    "graph.flat": graph_rules.flat,
    "graph.reference": graph_rules.references_resolve,
    "graph.part": graph_rules.parts,
    "file.iscc-sum": file_rules.iscc_sum,
    "file.datahash": file_rules.datahash,
    "file.size": file_rules.size,
    "file.codes-agree": file_rules.codes_agree,
    "file.sha256": file_rules.sha256,
    "tree.iscc-sum": tree_rules.iscc_sum,
    "tree.treehash": tree_rules.treehash,
    "tree.size": tree_rules.size,
    "manifest.recorded": tree_rules.manifest_recorded,
    "recipe.version": tree_rules.version,
    "recipe.exclusions": tree_rules.exclusions,
    "recipe.level": tree_rules.level,
    "recipe.generator": tree_rules.generator,
    "describe.license": description_rules.licence,
    "describe.date-published": description_rules.date_published,
    "describe.creator": description_rules.creator,
    "describe.modality": description_rules.modality,
    "describe.specimen": description_rules.specimen,
    "describe.biosample": description_rules.biosample,
    "describe.organism": description_rules.organism,
    "describe.derivation": description_rules.derivation,
    "image.pixel-code": description_rules.pixel_code,
    "proof.iscc-id": description_rules.iscc_id,
    "proof.signature": description_rules.signature,
    "proof.timestamp": description_rules.timestamp,
}
"""The rule of each requirement, by the id of the finding that reports it."""


def check(
    facts: Facts, schema: Mapping[str, Any], names: Collection[str], level: Severity
) -> tuple[Finding, ...]:
    """Return every breach of the requirements of `level` and of stronger ones.

    `schema` is schemas/crate.schema.json, `names` are the paths of the files that lie at the
    root of the crate.
    """
    subject = Subject(facts, Definitions(schema), names)
    return tuple(
        _finding(facts.crate, kind.id, breach)
        for kind in kinds_at(level)
        for breach in RULES[kind.id](subject)
    )


def _finding(crate: Crate, finding_id: str, breach: Breach) -> Finding:
    path = decode_id(breach.entity) if is_local(breach.entity) else None
    return Finding(
        finding_id,
        breach.message,
        CratePath(path) if path and not path.endswith("/") else None,
        entity=breach.entity or None,
        pointer=crate.pointer(breach.entity, breach.key),
    )
