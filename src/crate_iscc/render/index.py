"""What an index holds and answers, as text and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from crate_iscc.answers import Answer, Hit, IndexedCrate
from crate_iscc.paths import printable
from crate_iscc.render.members import (
    SIMILAR_VERSION,
    distance_json,
    member_json,
    threshold_json,
    threshold_text,
)
from crate_iscc.render.report import Paint, plain
from crate_iscc.render.units import files, number


def answer_text(answer: Answer, paint: Paint = plain) -> str:
    """Return what an index says of a file or code, for a person."""
    lines = [f"{paint('exact', 'good')}  {_hit(hit)}" for hit in answer.exact]
    lines += [
        f"{paint('near', 'warn')}   {_hit(hit)}  {hit.distance}: {hit.distance.word}"
        for hit in answer.near
        if hit.distance
    ]
    if answer.count > len(answer.near):
        lines.append(f"… and {number(answer.count - len(answer.near))} more that are near: --most")
    if lines:
        lines.append("")
    found = f"{number(len(answer.exact))} exact, {number(answer.count)} near"
    if not answer.asked_near:
        found = f"{number(len(answer.exact))} exact; a digest alone has nothing near"
    lines.append(f"{printable(answer.asked)}: {found}, among {files(answer.searched)}")
    lines += [threshold_text(limit, "codes") for limit in answer.thresholds]
    return "\n".join(lines) + "\n"


def answer_json(answer: Answer) -> str:
    """Return an answer as one JSON object, as `schemas/similar.schema.json` has it."""
    value = {
        "report_version": SIMILAR_VERSION,
        "kind": "search",
        "asked": answer.asked,
        "searched": answer.searched,
        "thresholds": [threshold_json(limit) for limit in answer.thresholds],
        "exact": [_hit_json(hit) for hit in answer.exact],
        "near": [_hit_json(hit) for hit in answer.near],
        "near_count": answer.count if answer.asked_near else None,
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def crates_text(crates: Sequence[IndexedCrate], index: str, paint: Paint = plain) -> str:
    """Return what is in an index, for a person."""
    lines = []
    for crate in crates:
        how = "recorded" if crate.recorded else "computed"
        left = f", {number(crate.left_out)} left out" if crate.left_out else ""
        lines.append(f"{printable(crate.place)}")
        names = "  ".join(printable(text) for text in (crate.name, crate.identifier) if text)
        said = f"{files(crate.members)}, {how}{left}, added {crate.added}"
        lines.append(f"  {paint(said, 'dim')}" + (f"  {names}" if names else ""))
    total = sum(crate.members for crate in crates)
    many = f"{number(len(crates))} crate" + ("" if len(crates) == 1 else "s")
    lines.append(f"{printable(index)}: {many}, {files(total)}")
    return "\n".join(lines) + "\n"


def crates_json(crates: Sequence[IndexedCrate], index: str) -> str:
    """Return what is in an index as one JSON object."""
    value = {
        "report_version": SIMILAR_VERSION,
        "kind": "index",
        "index": index,
        "crates": [_crate_json(crate) for crate in crates],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def entry_json(iscc_id: str, iscc_code: str, units: Sequence[str], hit: Hit) -> str:
    """Return an entry for iscc-search on one line (its IsccEntry)."""
    crate, member = hit.crate, hit.member
    whole = len(member.identity) == 32
    value = {
        "iscc_id": iscc_id,
        "iscc_code": iscc_code,
        "units": list(units),
        "metadata": {
            "name": member.path,
            "crate": crate.place,
            "crate_name": crate.name,
            "crate_identifier": crate.identifier,
            "size": member.size,
            "datahash": f"1e20{member.identity.hex()}" if whole else None,
            "synthetic_iscc_id": True,
        },
    }
    return json.dumps(value, ensure_ascii=False)


def _hit(hit: Hit) -> str:
    return printable(f"{hit.crate.place.rstrip('/')}/{hit.member.path}")


def _hit_json(hit: Hit) -> dict[str, Any]:
    return {
        **member_json(hit.member),
        "distance": distance_json(hit.distance),
        "crate": _crate_json(hit.crate),
    }


def _crate_json(crate: IndexedCrate) -> dict[str, Any]:
    return {
        "place": crate.place,
        "given": crate.given,
        "name": crate.name,
        "identifier": crate.identifier,
        "codes": "recorded" if crate.recorded else "computed",
        "added": crate.added,
        "members": crate.members,
        "left_out": crate.left_out,
    }
