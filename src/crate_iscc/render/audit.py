"""What an audit log came to, as text for a person and as JSON."""

import json
from collections.abc import Iterator

from crate_iscc.audit import Audit, LogProof, untold
from crate_iscc.paths import printable
from crate_iscc.render.report import Paint, plain, proof_line
from crate_iscc.render.report_json import finding_json
from crate_iscc.render.units import number
from crate_iscc.report import ProofKind, Verdict


def audit_text(audit: Audit, paint: Paint = plain) -> str:
    """Return what was found of a log: extent, findings, proofs, what is not told, verdict."""
    lines = [f"{printable(audit.log)}   {records_words(audit.extent.records)}{_span(audit)}"]
    if audit.verdicts:
        lines.append(" · ".join(f"{number(count)} {word}" for word, count in audit.verdicts))
    for finding in audit.findings:
        label = paint(finding.id.removeprefix("log."), "bad")
        where = f"{printable(finding.path)}: " if finding.path else ""
        lines.append(f"  {label}  {where}{printable(finding.message)}")
    lines.extend(_proof_line(one, audit.extent.records) for one in audit.proofs)
    if audit.unchecked:
        lines.append("not checked: signatures (pip install 'crate-iscc[trust]')")
    lines.extend(f"no chain tells: {words}" for words in untold(audit))
    style = "good" if audit.verdict is Verdict.VALID else "bad"
    lines.append(f"{paint(audit.verdict.value.upper(), style)}: {_conclusion(audit)}")
    return "\n".join(lines) + "\n"


def audit_json(audit: Audit) -> str:
    """Return what was found of a log as one JSON object."""
    value = {
        "log": audit.log,
        "verdict": audit.verdict.value,
        "records": audit.extent.records,
        "size": audit.extent.size,
        "sha256": audit.extent.sha256,
        "head": audit.extent.head,
        "first": audit.first,
        "last": audit.last,
        "verdicts": dict(audit.verdicts),
        "proofs": [
            {
                "kind": one.proof.kind.value,
                "path": one.proof.path,
                "standing": one.proof.standing.value,
                "who": one.proof.who,
                "moment": one.proof.moment,
                "records": one.records,
            }
            for one in audit.proofs
        ],
        "vouched": audit.vouched,
        "unchecked": audit.unchecked,
        "not_told": list(untold(audit)),
        "findings": [finding_json(item) for item in audit.findings],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def records_words(count: int) -> str:
    """Return a number of records, in words."""
    return f"{number(count)} record" + ("" if count == 1 else "s")


def _span(audit: Audit) -> str:
    if audit.first is None or audit.last is None:
        return ""
    if audit.first == audit.last:
        return f"   {printable(audit.first)}"
    return f"   {printable(audit.first)} to {printable(audit.last)}"


def _proof_line(one: LogProof, there: int) -> str:
    covered = f"; {_cover(one.records, there)}" if one.proof.kind is ProofKind.SIGNATURE else ""
    return proof_line(one.proof) + covered


def _cover(records: int, there: int) -> str:
    if records == there:
        return "it covers every record"
    since = there - records
    added = "1 was" if since == 1 else f"{number(since)} were"
    return f"it covers the first {records_words(records)}, {added} added since"


def _conclusion(audit: Audit) -> str:
    return ", ".join(_conclusions(audit))


def _conclusions(audit: Audit) -> Iterator[str]:
    if audit.findings:
        yield "the log is not as it was written" if _is_damaged(audit) else "a proof is wanting"
        return
    yield "every record follows the one before it"
    if not audit.proofs:
        yield "nobody has signed them"
    elif not audit.vouched:
        yield "signer unknown"


def _is_damaged(audit: Audit) -> bool:
    kinds = {finding.id for finding in audit.findings}
    return any(kind.startswith("log.") and kind != "log.signature" for kind in kinds)
