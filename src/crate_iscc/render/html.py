"""A report as one HTML page that needs nothing else: to read, to mail, to print, to file."""

from collections.abc import Iterator
from html import escape

from crate_iscc.codes import Distance
from crate_iscc.finding_kinds import FindingKind
from crate_iscc.paths import printable
from crate_iscc.render.grouped import (
    by_kind,
    checked_words,
    counts_words,
    extent_of,
    heading_of,
    hint_of,
    inside_words,
    not_checked_words,
    rests_on_words,
)
from crate_iscc.render.html_style import STYLE
from crate_iscc.render.report import (
    conclusion,
    excluded_line,
    extent_lines,
    ignored_line,
    place_of,
    proof_line,
)
from crate_iscc.render.units import number
from crate_iscc.report import Command, Finding, Report, Verdict

_MOST_FINDINGS = 2_000
_SYMBOLS = {Verdict.VALID: "✔", Verdict.INVALID: "✘", Verdict.INCOMPLETE: "◐"}
_TITLES = {
    Command.VERIFY: "Verification of a dataset",
    Command.VALIDATE: "Validation of a dataset's metadata",
}
_EXPLAINED = {
    "presence": "whether the recorded files are there",
    "size": "their sizes in bytes",
    "datahash": "their contents, byte for byte (BLAKE3)",
    "sample": "chosen by seed and path, byte for byte (BLAKE3)",
    "treehash": "names, sizes and contents of all files together",
    "digests": "their contents, by what others recorded of them",
    "signature": "who stands for the metadata, and with them for all the rest",
    "time": "by when the signature existed",
    "receipt": "who declared it at which hub, and when",
    "iscc-sum": "the codes by which similar contents are found",
    "must": "what the profile requires",
    "should": "what the profile recommends",
    "may": "what the profile offers",
}
"""What the aspects are, for those who read of them for the first time."""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""Nothing is loaded and nothing runs, whatever somebody smuggles into a name."""


def report_html(report: Report) -> str:
    """Return a page: the verdict, what was checked and what not, the counts, the findings."""
    verdict, _, meaning = conclusion(report).partition(": ")
    title = f"{report.subject}: {verdict} ({_TITLES[report.command]})"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en-GB">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        f'<header class="card verdict {report.verdict.value}">',
        f'<p class="soft">{_TITLES[report.command]}</p>',
        f"<h1><bdi>{_text(report.subject)}</bdi></h1>",
        f'<p class="soft">{_text(extent_of(report))}</p>',
        f'<p class="word"><span aria-hidden="true">{_SYMBOLS[report.verdict]}</span> {verdict}</p>',
        f"<p>{_text(meaning[:1].upper() + meaning[1:])}.</p>",
        "</header>",
        "<main>",
        *_checked(report),
        *_counts(report),
        *_proofs(report),
        *_inside(report),
        *_findings(report),
        "</main>",
        f'<footer class="soft">Written by {_text(report.tool)}.</footer>',
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _checked(report: Report) -> Iterator[str]:
    yield '<section id="checked"><h2>What was checked, and what was not</h2>'
    yield '<div class="card"><div class="columns">'
    yield from _aspects("Checked", "yes", "●", _explained(report))
    if report.not_checked:
        words = [_text(word) for word in not_checked_words(report)]
        yield from _aspects("Not checked", "no", "○", words)
    yield "</div>"
    yield from (f"<p><bdi>{_text(line)}</bdi></p>" for line in extent_lines(report))
    if report.excluded:
        yield f"<p>Left out by the crate itself: <bdi>{_text(excluded_line(report))}</bdi></p>"
    if report.ignored:
        yield f"<p>Found, and ignored because that was asked for: {_text(ignored_line(report))}</p>"
    yield "</div></section>"


def _aspects(title: str, style: str, sign: str, items: list[str]) -> Iterator[str]:
    yield f'<div><h3>{title}</h3><ul class="signs">'
    mark = f'<span class="sign {style}" aria-hidden="true">{sign}</span>'
    yield from (f"<li>{mark}{item}</li>" for item in items)
    yield "</ul></div>"


def _explained(report: Report) -> list[str]:
    """Return what was checked as HTML; no sign says that it is well, the verdict does."""
    return [
        _text(word)
        + (f'<span class="soft">: {_EXPLAINED[aspect]}</span>' if aspect in _EXPLAINED else "")
        for aspect, word in zip(report.checked, checked_words(report), strict=True)
    ]


def _counts(report: Report) -> Iterator[str]:
    if report.command is Command.VERIFY:
        yield '<section id="counts"><h2>How the files came out</h2><ul class="counts">'
        for count, word in counts_words(report):
            yield f"<li><strong>{_text(count)}</strong> {_text(word)}</li>"
        yield "</ul>"
        if rests_on := rests_on_words(report):
            yield f"<p>That they match rests on: <bdi>{_text(rests_on)}</bdi></p>"
        yield "</section>"


def _proofs(report: Report) -> Iterator[str]:
    if report.proofs:
        yield '<section id="proofs"><h2>Who stands for it, and since when</h2>'
        yield '<div class="card"><ul>'
        yield from (f"<li><bdi>{_text(proof_line(proof))}</bdi></li>" for proof in report.proofs)
        yield "</ul></div></section>"


def _inside(report: Report) -> Iterator[str]:
    inside = inside_words(report)
    if inside:
        yield '<section id="inside"><h2>Crates inside</h2><div class="card"><ul>'
        for name, words in inside:
            yield f"<li><code><bdi>{_text(name)}</bdi></code> {_text(words)}</li>"
        yield "</ul></div></section>"


def _findings(report: Report) -> Iterator[str]:
    groups = by_kind(report)
    yield f'<section id="findings"><h2>Findings ({number(len(report.findings))})</h2>'
    if not groups:
        yield "<p>Nothing was found in what was checked.</p>"
    if len(groups) > 1:
        yield '<nav aria-label="Kinds of findings"><ul>'
        for kind, found in groups:
            link = f'<a href="#{kind.id}">{_text(heading_of(kind))}</a>'
            yield f"<li>{link} ({number(len(found))})</li>"
        yield "</ul></nav>"
    room = _MOST_FINDINGS
    for kind, found in groups:
        yield from _kind(kind, found[:room], len(found))
        room = max(0, room - len(found))
    if len(report.findings) > _MOST_FINDINGS:
        more = number(len(report.findings) - _MOST_FINDINGS)
        yield f"<p><strong>{more} more findings are not shown on this page.</strong> "
        yield "The report as JSON (--format json) has all of them.</p>"
    if hint := hint_of(report):
        yield f"<p>More on this: <code>{hint}</code></p>"
    yield "</section>"


def _kind(kind: FindingKind, shown: list[Finding], total: int) -> Iterator[str]:
    yield f'<section class="card kind" id="{kind.id}">'
    yield f"<h3>{_text(heading_of(kind))} ({number(total)})</h3>"
    level = f'<span class="level {kind.severity.value}">{kind.severity.value}</span>'
    yield f'<p class="soft">{level} · <code>{kind.id}</code></p>'
    yield "<details open><summary>What it means and what to do</summary>"
    bars = any(finding.distance for finding in shown)
    legend = " The longer the bar, the less they share." if bars else ""
    yield f"<p>{_text(kind.meaning)}{legend}</p>"
    yield f"<p><strong>What to do:</strong> {_text(kind.advice)}</p></details>"
    yield '<ul class="found">' if shown else ""
    for finding in shown:
        yield "<li>" + "".join(_finding(finding)) + "</li>"
    yield "</ul>" if shown else ""
    if len(shown) < total:
        yield f"<p>… and {number(total - len(shown))} more of this kind.</p>"
    yield "</section>"


def _finding(finding: Finding) -> Iterator[str]:
    yield f"<code><bdi>{_text(place_of(finding))}</bdi></code>"
    far = _distance(finding.distance, finding.message) if finding.distance else ""
    yield f"<div><bdi>{_text(finding.message)}</bdi>{far}</div>"
    source = [f"line {number(finding.line)}"] if finding.line else []
    source += [finding.pointer] if finding.pointer else []
    if source:
        yield f'<div class="soft">{_text(" · ".join(source))}</div>'
    codes = (("recorded", finding.recorded), ("found", finding.observed))
    known = [f"<p>{name}: <code>{_text(code)}</code></p>" for name, code in codes if code]
    if known:
        yield f"<details><summary>Codes</summary>{''.join(known)}</details>"


def _distance(distance: Distance, message: str) -> str:
    """Return how far two contents are apart: a bar that is full where they share nothing.

    Half of the bits differ between unrelated contents. The message has the words already, and
    for small files better ones.
    """
    width = min(100, round(200 * distance.bits / distance.of))
    words = "" if f"{distance}" in message else f" ({distance} differ: {distance.word})"
    bar = f'<span class="bar" aria-hidden="true"><span style="width:{width}%"></span></span>'
    return f"{words} {bar}"


def _text(text: str) -> str:
    """Return text that is nothing but text to a browser, and that hides nothing from a reader."""
    return escape(printable(text))
