"""A picture of where a crate comes from, as SVG: no script, no style from elsewhere, no fonts."""

from html import escape

from crate_iscc.crate.provenance import Link, Provenance, Standing, Thing
from crate_iscc.paths import printable
from crate_iscc.render.provenance import integrity, iscc_id_words
from crate_iscc.render.provenance_layout import Place, laid_out
from crate_iscc.render.report import proof_line
from crate_iscc.report import Verdict

_MOST_LINKS = 60
_BOX, _HEIGHT, _ACROSS, _DOWN = 250, 62, 150, 26
_MARGIN, _LINE = 24, 20
_LONGEST_LINE = 110
_LONGEST_BOLD = 90
_COLOURS = {
    Standing.VERIFIED: ("#146c3a", "#e4f4ea", ""),
    Standing.RECORDED: ("#5a6875", "#f1f3f5", "6 4"),
    Standing.BROKEN: ("#a31621", "#fceaea", "2 4"),
}
_MEANINGS = {
    Standing.VERIFIED: "verified: here, as recorded",
    Standing.RECORDED: "recorded: only said",
    Standing.BROKEN: "broken: not here, or not as recorded",
}


def provenance_svg(chain: Provenance) -> str:
    """Return the crate's links from left to right, under who stands for it."""
    links = [link for link in chain.links if link.derived != link.origin][:_MOST_LINKS]
    places, ways = laid_out([(link.origin.id, link.derived.id) for link in links])
    slots = [*places.values(), *(place for way in ways for place in way)]
    below = max((row for _, row in slots), default=-1) + 1
    if chain.crate.id not in places:  # a crate without links of its own stands below all
        places[chain.crate.id] = (0, below)
        slots.append((0, below))
    heading = _heading(chain)
    top = _MARGIN + _LINE * len(heading) + 50
    columns = max(column for column, _ in slots) + 1
    rows = max(row for _, row in slots) + 1
    width = max(820, 2 * _MARGIN + columns * (_BOX + _ACROSS) - _ACROSS)
    foot = top + rows * (_HEIGHT + _DOWN) + 12

    def corner(place: Place) -> Place:
        return _MARGIN + place[0] * (_BOX + _ACROSS), top + place[1] * (_HEIGHT + _DOWN)

    corners = {thing: corner(place) for thing, place in places.items()}
    parts = [_line(x=_MARGIN, y=_MARGIN + 18, words=_cut(chain.crate.name, 60), css="title")]
    parts.extend(
        _line(x=_MARGIN, y=_MARGIN + 22 + _LINE * number, words=words, css=css)
        for number, (words, css) in enumerate(heading, 1)
    )
    arrows = [
        _arrow(link, corners, [corner(place) for place in way])
        for link, way in zip(links, ways, strict=True)
    ]
    parts.extend(path for path, _ in arrows)
    parts.extend(label for _, label in arrows)  # above all lines, below the things
    parts.extend(_box(thing, *corners[thing.id]) for thing in _things(chain, links))
    parts.extend(_legend(foot))
    more = len(chain.links) + chain.left_out - len(links)
    if more:
        words = f"… and {more} more links (--format json tells more)"
        parts.append(_line(x=_MARGIN, y=foot + 44, words=words, css="soft"))
    return _page(width, foot + (64 if more else 44), chain, parts)


def _page(width: int, height: int, chain: Provenance, parts: list[str]) -> str:
    markers = "".join(
        f'<marker id="{standing.value}" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        f'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        f'<path d="M0 0L8 4L0 8z" fill="{colour}"/></marker>'
        for standing, (colour, _, _) in _COLOURS.items()
    )
    style = (
        "text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
        "fill:#1b2530}.title{font-size:20px;font-weight:700}.name{font-weight:600}"
        ".soft{fill:#5a6875;font-size:12px}.good{fill:#146c3a;font-weight:600}"
        ".bad{fill:#a31621;font-weight:600}.by{fill:#5a6875;font-size:11px;"
        "paint-order:stroke;stroke:#fff;stroke-width:4px}"
    )
    title = _text(f"Where {chain.crate.name} comes from")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{title}">\n'
        f"<title>{title}</title>\n<style>{style}</style>\n<defs>{markers}</defs>\n"
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _heading(chain: Provenance) -> list[tuple[str, str]]:
    """Return the lines above the picture, with their styles."""
    valid = chain.report is not None and chain.report.verdict is Verdict.VALID
    lines = [(integrity(chain), "good" if valid else "bad")]
    if chain.crate.iscc:
        lines.append((chain.crate.iscc, "soft"))
    if chain.crate.digest:
        lines.append((f"treehash {chain.crate.digest}", "soft"))
    lines.append((f"ISCC-ID: {iscc_id_words(chain)}", "soft"))
    lines.extend((proof_line(proof), "soft") for proof in chain.proofs[:6])
    if not chain.proofs:
        lines.append(("signature: none that holds", "soft"))
    most = {"good": _LONGEST_BOLD, "bad": _LONGEST_BOLD}
    return [(_cut(words, most.get(css, _LONGEST_LINE)), css) for words, css in lines]


def _things(chain: Provenance, links: list[Link]) -> list[Thing]:
    ends = [thing for link in links for thing in (link.origin, link.derived)]
    return list({thing.id: thing for thing in (*ends, chain.crate)}.values())


def _box(thing: Thing, x: int, y: int) -> str:
    colour, fill, _ = _COLOURS[thing.standing]
    note = thing.iscc or thing.digest or ("" if thing.name == thing.id else thing.id)
    lines = (
        _line(
            x=x + 10,
            y=y + 20,
            words=_cut(thing.path or thing.name, 29, end=bool(thing.path)),
            css="name",
        ),
        _line(x=x + 10, y=y + 37, words=_cut(note, 27), css="soft"),
        _line(x=x + 10, y=y + 53, words=_cut(_standing_words(thing), 34), css="soft"),
    )
    return (
        f'<g><title>{_text(thing.id)}</title><rect x="{x}" y="{y}" width="{_BOX}" '
        f'height="{_HEIGHT}" rx="8" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'
        + "".join(lines)
        + "</g>"
    )


def _standing_words(thing: Thing) -> str:
    return thing.standing.value + (f": {thing.why}" if thing.why else "")


def _arrow(link: Link, corners: dict[str, Place], way: list[Place]) -> tuple[str, str]:
    """Return the line of a link through its free places, and its label."""
    colour, _, dash = _COLOURS[link.standing]
    (x1, y1), (x2, y2) = corners[link.origin.id], corners[link.derived.id]
    if x1 < x2:
        half = _HEIGHT // 2
        x, y = x1 + _BOX, y1 + half
        path = f"M{x} {y}"
        for left, upper in (*way, (x2, y2)):
            bend = (left - x) // 2
            path += f"C{x + bend} {y} {left - bend} {upper + half} {left} {upper + half}"
            path += f"H{left + _BOX}" if left < x2 else ""
            x, y = left + _BOX, upper + half
        first_x, first_y = way[0] if way else (x2, y2)
        label = (x1 + _BOX + first_x) // 2, (y1 + first_y) // 2 + half
    else:  # it leads back: below the things, from foot to foot
        x1, x2, y1, y2 = x1 + _BOX // 2, x2 + _BOX // 2 + 30, y1 + _HEIGHT, y2 + _HEIGHT
        dip = max(y1, y2) + 60
        path = f"M{x1} {y1}C{x1} {dip} {x2} {dip} {x2} {y2}"
        label = (x1 + x2) // 2, (y1 + y2 + 6 * dip) // 8
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashes} '
        f'marker-end="url(#{link.standing.value})"/>',
        f'<text class="by" x="{label[0]}" y="{label[1] - 4}" text-anchor="middle">'
        f"{_text(_cut(link.by, 20))}</text>",
    )


def _legend(y: int) -> list[str]:
    parts = []
    x = _MARGIN
    for standing, (colour, _, dash) in _COLOURS.items():
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        parts.append(
            f'<path d="M{x} {y + 16}H{x + 36}" stroke="{colour}" stroke-width="1.8"{dashes}/>'
            + _line(x=x + 44, y=y + 20, words=_MEANINGS[standing], css="soft")
        )
        x += 44 + 7 * len(_MEANINGS[standing]) + 20
    return parts


def _line(*, x: int, y: int, words: str, css: str) -> str:
    return f'<text class="{css}" x="{x}" y="{y}">{_text(words)}</text>'


def _cut(words: str, most: int, *, end: bool = False) -> str:
    """Return so many characters of a text; of a path its `end` says more than its beginning."""
    shown = printable(words)
    if len(shown) <= most:
        return shown
    return "…" + shown[1 - most :] if end else shown[: most - 1] + "…"


def _text(words: str) -> str:
    return escape(printable(words), quote=True)
