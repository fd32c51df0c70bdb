"""The candidates behind a figure, as text, as JSON, and as a page with pictures."""

import json
from collections.abc import Mapping
from html import escape
from typing import Any

from crate_iscc.origins import Candidate, Evidence, Origins
from crate_iscc.paths import printable, valid_unicode
from crate_iscc.render.report import Paint, plain
from crate_iscc.render.units import number

ORIGINS_VERSION = "0.1"
"""The version of `schemas/origins.schema.json` that the JSON follows."""
_MOST_UNREAD = 5
_STYLES = {Evidence.RECORDED: "good", Evidence.BYTES: "good", Evidence.PIXELS: "good"}
_WORDS = {
    Evidence.BYTES: "the same bytes",
    Evidence.PIXELS: "the same pixels",
    Evidence.NEAR: "byte runs in common",
    Evidence.LOOKS: "looks much the same",
}
_BELIEVED = "what crates record is repeated here; whether it holds is for crate-iscc verify to say"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Nothing is loaded and nothing runs; pictures are in the page."""
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}"
    "article{display:flex;gap:1.2rem;border:1px solid #ccc;border-radius:8px;padding:1rem;"
    "margin:1rem 0;align-items:flex-start}"
    "article.figure{border-width:2px;border-color:#444}"
    "img,.none{width:160px;min-width:160px;height:160px;object-fit:contain;background:#eee;"
    "border-radius:4px}.none{display:grid;place-items:center;color:#555}"
    "h1{font-size:1.3rem}h2{font-size:1rem;margin:0;overflow-wrap:anywhere}"
    "p,ol{margin:.3rem 0}.way{font-weight:600}.soft{color:#555}code{overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}.soft{color:#aaa}"
    "article{border-color:#444}article.figure{border-color:#bbb}img,.none{background:#2a2a2a}}"
)


def origins_text(found: Origins, paint: Paint = plain, *, most: int = 20) -> str:
    """Return the best candidates for a person, each with its evidence."""
    lines = [f"{printable(found.figure)}   {found.iscc}", ""]
    for rank, one in enumerate(found.candidates[:most], 1):
        raw = "   (nothing is recorded before it)" if one.is_raw and one.steps else ""
        way = paint(f"{_way(one):<9}", _STYLES.get(one.evidence, "warn"))
        lines.append(f"{rank:>2}  {way} {_named(one)}{raw}")
        lines += [f"      {line}" for line in _why(one)]
    if len(found.candidates) > most:
        lines.append(f"… and {number(len(found.candidates) - most)} more: --most shows them")
    if found.candidates:
        lines.append("")
    lines += _summary(found)
    return "\n".join(lines) + "\n"


def _way(one: Candidate) -> str:
    return "recorded" if one.evidence is Evidence.RECORDED_OF_ALIKE else one.evidence.value


def _named(one: Candidate) -> str:
    return printable(f"{one.crate.rstrip('/')}/{one.path}")


def _why(one: Candidate) -> list[str]:
    """Return the evidence in sentences: what the figure is like, and what leads on from there."""
    start = printable(one.start)
    differ = f": {one.distance.bits} of {one.distance.of} bits differ" if one.distance else ""
    how = {
        Evidence.RECORDED: f"the figure is {start}, byte for byte",
        Evidence.RECORDED_OF_ALIKE: f"the figure is like {start}{differ}",
    }.get(one.evidence, _WORDS.get(one.evidence, "") + differ)
    return [how, *(f"made from {printable(s.origin)}: {printable(s.by)}" for s in one.steps)]


def _summary(found: Origins) -> list[str]:
    lines = []
    if not found.candidates:
        lines.append("nothing was found that the figure may come from")
    looked = f" and {number(found.images)} images by their looks" if found.looked else ""
    lines.append(f"searched: {number(found.searched)} files by their bytes{looked}")
    if not found.looked:
        lines.append(f"looks were not compared: {printable(found.why_not)}")
    else:
        lines.append("Image-Codes are experimental: crops and rotations are not found by them")
    lines += [f"not read: {printable(one)}" for one in found.unread[:_MOST_UNREAD]]
    if len(found.unread) > _MOST_UNREAD:
        lines.append(f"not read: … and {number(len(found.unread) - _MOST_UNREAD)} more")
    if any(one.steps for one in found.candidates):
        lines.append(_BELIEVED)
    return lines


def origins_json(found: Origins) -> str:
    """Return everything as one JSON object."""
    value: dict[str, Any] = {
        "origins_version": ORIGINS_VERSION,
        "figure": valid_unicode(found.figure),
        "iscc": found.iscc,
        "candidates": [_candidate_json(one) for one in found.candidates],
        "searched": {"files": found.searched, "images": found.images},
        "looks_compared": found.looked,
        "unread": [valid_unicode(one) for one in found.unread],
    }
    if not found.looked:
        value["why_not"] = valid_unicode(found.why_not)
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _candidate_json(one: Candidate) -> dict[str, Any]:
    value: dict[str, Any] = {
        "crate": valid_unicode(one.crate),
        "path": valid_unicode(one.path),
        "evidence": one.evidence.value,
        "start": valid_unicode(one.start),
        "steps": [
            {"origin": valid_unicode(s.origin), "by": valid_unicode(s.by)} for s in one.steps
        ],
        "is_raw": one.is_raw,
    }
    if one.distance:
        value["distance"] = {"bits": one.distance.bits, "of": one.distance.of}
    return value


def origins_html(
    found: Origins, pictures: Mapping[tuple[str, str], str], figure: str | None, *, most: int = 20
) -> str:
    """Return a page: the figure, and the best candidates beside their evidence.

    `pictures` has a data URI for each (crate, path) that can be shown, `figure` that of the figure.
    """
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en-GB"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Origins of {_html(found.figure)}</title><style>{_STYLE}</style></head><body>",
        "<h1>What this figure may come from</h1>",
        f'<article class="figure">{_picture(figure, "the figure")}<div>'
        f"<h2>{_html(found.figure)}</h2><p><code>{_html(found.iscc)}</code></p></div></article>",
    ]
    for rank, one in enumerate(found.candidates[:most], 1):
        why = "".join(f"<li>{_html(line)}</li>" for line in _why(one))
        raw = " · nothing is recorded before it" if one.is_raw and one.steps else ""
        parts.append(
            f"<article>{_picture(pictures.get((one.crate, one.path)), one.path)}<div>"
            f"<h2>{rank}. {_html(_named(one))}</h2>"
            f'<p class="way">{_html(_way(one))}{raw}</p><ol>{why}</ol></div></article>'
        )
    parts += [f'<p class="soft">{_html(line)}</p>' for line in _summary(found)]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _picture(uri: str | None, name: str) -> str:
    if uri is None:
        return '<div class="none">no picture</div>'
    return f'<img src="{escape(uri)}" alt="{_html(name)}">'


def _html(text: str) -> str:
    return escape(printable(text))
