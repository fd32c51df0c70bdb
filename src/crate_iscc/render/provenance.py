"""Where a crate comes from, as text for a person and as JSON."""

import json
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from crate_iscc.crate.provenance import ELSEWHERE, Action, Provenance, Standing, Thing
from crate_iscc.paths import printable, valid_unicode
from crate_iscc.render.report import Paint, conclusion, plain, proof_line
from crate_iscc.render.report_json import proof_json
from crate_iscc.render.units import number
from crate_iscc.report import Standing as Maker

_STYLES = {Standing.VERIFIED: "good", Standing.RECORDED: "dim", Standing.BROKEN: "bad"}
_MOST_SHOWN = 200
MEANING = (
    "verified: both ends are here, as recorded; that one came of the other is the crate's word"
)


def integrity(chain: Provenance) -> str:
    """Return what a verification of the crate came to, in words."""
    if chain.report is None:
        return f"not verified: {chain.unverified}"
    return conclusion(chain.report)


def iscc_id_words(chain: Provenance) -> str:
    """Return the ISCC-ID of the crate, and whether the receipt of a hub says that it is its own."""
    if chain.iscc_id is None:
        return "none"
    receipt = chain.receipt
    if receipt is None:
        return f"{chain.iscc_id} (claimed)"
    known = "" if receipt.standing is Maker.TRUSTED else ", unknown here"
    return f"{chain.iscc_id} (declared at {printable(receipt.who)}{known})"


def action_words(action: Action) -> str:
    """Return what was done, when, with what and by whom."""
    parts = [" ".join(filter(None, (action.type, action.name)))]
    if action.instruments:
        parts.append(f"with {_listed(action.instruments)}")
    if action.agents:
        parts.append(f"by {_listed(action.agents)}")
    if action.ended:
        parts.append(action.ended)
    return ", ".join(map(printable, parts))


def provenance_text(chain: Provenance, paint: Paint = plain) -> str:
    """Return a crate, who stands for it, what was done, and each link with its standing."""
    rows = [
        ("name", printable(chain.crate.name)),
        ("crate", printable(chain.subject)),
        ("integrity", printable(integrity(chain))),
        ("ISCC-SUM", chain.crate.iscc or "-"),
        ("treehash", chain.crate.digest or "-"),
        ("ISCC-ID", iscc_id_words(chain)),
    ]
    lines = [f"{paint(f'{label:<10}', 'dim')}{value}" for label, value in rows]
    lines.extend(proof_line(proof) for proof in chain.proofs)
    if not chain.proofs:
        lines.append("signature: none that holds")
    lines.extend(_action_lines(chain, paint))
    lines.extend(_link_lines(chain, paint))
    counted = " · ".join(f"{number(count)} {word}" for word, count in chain.counts.items() if count)
    lines.extend(("", counted or "the metadata say nothing of where it comes from"))
    if chain.left_out:
        lines.append(f"… and {number(chain.left_out)} more links, which were not looked at")
    if counted:
        lines.append(paint(MEANING, "dim"))
    return "\n".join(lines) + "\n"


def _action_lines(chain: Provenance, paint: Paint) -> Iterator[str]:
    if chain.actions:
        yield ""
        yield "what was done"
    for action in chain.actions[:_MOST_SHOWN]:
        yield f"  {printable(action.id)}  {paint(action_words(action), 'dim')}"
    if len(chain.actions) > _MOST_SHOWN:
        yield f"  … and {number(len(chain.actions) - _MOST_SHOWN)} more (--format json has all)"


def _link_lines(chain: Provenance, paint: Paint) -> Iterator[str]:
    ordered = sorted(chain.links, key=lambda link: link.derived.id != chain.crate.id)
    shown = ordered[:_MOST_SHOWN]
    for derived, links in groupby(shown, key=lambda link: link.derived):
        yield ""
        yield f"{printable(_called(derived))} was derived from"
        for link in links:
            word = paint(f"{link.standing.value:<8}", _STYLES[link.standing])
            code = f"  {printable(link.origin.iscc)}" if link.origin.iscc else ""
            yield f"  {word}  {printable(_called(link.origin))}  ({printable(link.by)}){code}"
            if link.why and not link.why.endswith(ELSEWHERE):
                yield f"            {printable(link.why)}"
    if len(ordered) > _MOST_SHOWN:
        yield f"… and {number(len(ordered) - _MOST_SHOWN)} more (--format json has all)"


def _called(thing: Thing) -> str:
    """Return a thing's place, or its name and its id."""
    if thing.path or thing.name == thing.id:
        return thing.name
    return f"{thing.name} ({thing.id})"


def _listed(names: tuple[str, ...]) -> str:
    more = len(names) - 5
    return ", ".join(names[:5]) + (f" and {more} more" if more > 0 else "")


def _iscc_id_json(chain: Provenance) -> dict[str, str] | None:
    """Return the ISCC-ID with the standing of the hub whose receipt says so, if there is one."""
    if chain.iscc_id is None:
        return None
    standing = chain.receipt.standing.value if chain.receipt else "claimed"
    return {"id": chain.iscc_id, "standing": standing}


def provenance_json(chain: Provenance) -> str:
    """Return it all as one JSON object; links name things by their `@id`."""
    things = {chain.crate.id: chain.crate}
    for link in chain.links:
        things.setdefault(link.derived.id, link.derived)
        things.setdefault(link.origin.id, link.origin)
    value = {
        "subject": chain.subject,
        "name": chain.crate.name,
        "verdict": chain.report.verdict.value if chain.report else None,
        "integrity": integrity(chain),
        "iscc": chain.crate.iscc,
        "treehash": chain.crate.digest,
        "iscc_id": _iscc_id_json(chain),
        "proofs": list(map(proof_json, chain.proofs)),
        "actions": [_action_json(action) for action in chain.actions],
        "things": [_thing_json(thing) for thing in things.values()],
        "links": [
            {
                "derived": link.derived.id,
                "origin": link.origin.id,
                "by": link.by,
                "standing": link.standing.value,
                "why": link.why,
            }
            for link in chain.links
        ],
        "left_out": chain.left_out,
        "counts": chain.counts,
    }
    return json.dumps(_encodable(value), ensure_ascii=False, indent=2) + "\n"


def _encodable(value: Any) -> Any:
    """Return a value whose texts can be written as UTF-8: an `@id` may hold half a surrogate."""
    if isinstance(value, dict):
        return {key: _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return valid_unicode(value) if isinstance(value, str) else value


def _action_json(action: Action) -> dict[str, Any]:
    return {
        "id": action.id,
        "type": action.type,
        "name": action.name,
        "instruments": list(action.instruments),
        "agents": list(action.agents),
        "objects": list(action.objects),
        "results": list(action.results),
        "ended": action.ended,
    }


def _thing_json(thing: Thing) -> dict[str, Any]:
    return {
        "id": thing.id,
        "name": thing.name,
        "path": thing.path,
        "standing": thing.standing.value,
        "why": thing.why,
        "iscc": thing.iscc,
        "digest": thing.digest,
    }
