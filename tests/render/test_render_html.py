"""The HTML of a report is one page that shows everything, loads nothing and runs nothing."""

from itertools import pairwise
from xml.etree.ElementTree import Element

import pytest
from html5rdf import HTMLParser

from crate_iscc.codes import Distance
from crate_iscc.finding_kinds import FINDING_KINDS
from crate_iscc.paths import CratePath, printable
from crate_iscc.render.grouped import by_kind
from crate_iscc.render.html import report_html
from crate_iscc.render.html_style import STYLE
from crate_iscc.render.report import place_of
from crate_iscc.report import Finding, Report, Verdict
from render.render_kit import (
    BREACHES,
    DAMAGE,
    HOSTILE,
    REPORTS,
    changed,
    every_kind,
    many,
    validation,
    verification,
)

EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
_ALLOWED = {
    "html": {"lang"},
    "meta": {"charset", "http-equiv", "content", "name"},
    "header": {"class"},
    "p": {"class"},
    "div": {"class"},
    "section": {"class", "id"},
    "ul": {"class"},
    "nav": {"aria-label"},
    "a": {"href"},
    "details": {"open"},
    "footer": {"class"},
    "span": {"class", "aria-hidden", "style"},
}
_PLAIN = {
    *("head", "title", "style", "body", "main", "h1", "h2", "h3", "li", "bdi", "code"),
    *("strong", "summary"),
}


def page_of(report: Report) -> Element:
    """Return the page as the parser of the HTML standard sees it, which must find no fault."""
    page = HTMLParser(strict=True, namespaceHTMLElements=False).parse(report_html(report))
    assert isinstance(page, Element)
    return page


def text_of(element: Element) -> str:
    return "".join(element.itertext())


def found_in(page: Element) -> list[str]:
    return [text_of(item) for item in page.iterfind(".//ul[@class='found']/li/code/bdi")]


@EACH
def test_it_holds_no_element_or_attribute_but_ours(report: Report) -> None:
    """So nothing in a name or a message is markup, and nothing runs."""
    for element in page_of(report).iter():
        assert element.tag in _ALLOWED or element.tag in _PLAIN
        assert set(element.attrib) <= _ALLOWED.get(element.tag, set())
        assert all("width:" in value for key, value in element.attrib.items() if key == "style")


@EACH
def test_it_loads_nothing(report: Report) -> None:
    """Every link stays on the page, the style imports nothing, and the policy forbids the rest."""
    page = page_of(report)
    ids = {element.get("id") for element in page.iter()}
    for link in page.iter("a"):
        assert link.get("href", "").removeprefix("#") in ids
    (policy,) = page.iterfind(".//meta[@http-equiv='Content-Security-Policy']")
    assert policy.get("content") == "default-src 'none'; style-src 'unsafe-inline'"
    assert "url(" not in STYLE
    assert "@import" not in STYLE
    assert "<" not in STYLE


@EACH
def test_it_is_accessible(report: Report) -> None:
    """It names its language and title, fits a phone, and its headings descend step by step."""
    page = page_of(report)
    assert page.get("lang") == "en-GB"
    assert page.findtext(".//title", "").startswith(printable(report.subject).strip())
    (viewport,) = page.iterfind(".//meta[@name='viewport']")
    assert viewport.get("content") == "width=device-width, initial-scale=1"
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(set(ids)) == len(ids)
    levels = [int(element.tag[1]) for element in page.iter() if element.tag in ("h1", "h2", "h3")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@EACH
def test_the_verdict_stands_in_words(report: Report) -> None:
    """Colour is not the only thing that says it."""
    (header,) = page_of(report).iter("header")
    assert report.verdict.value.upper() in text_of(header)
    others = {verdict.value.upper() for verdict in Verdict} - {report.verdict.value.upper()}
    words = text_of(header).replace(printable(report.subject), "").split()
    assert others.isdisjoint(words)


@EACH
def test_all_findings_are_shown(report: Report) -> None:
    """Each has its place and message, under its kind, which has an anchor."""
    page = page_of(report)
    places = [place_of(finding) for _, found in by_kind(report) for finding in found]
    assert found_in(page) == places
    assert {kind.id for kind, _ in by_kind(report)} <= {e.get("id") for e in page.iter()}
    shown = text_of(page)
    assert all(printable(finding.message) in shown for finding in report.findings)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_only_text(name: str) -> None:
    """It is shown as it is, what cannot be seen as an escape, and apart from the text around it."""
    finding = Finding("graph.reference", name, entity=name, pointer=name, recorded=name)
    page = page_of(validation([finding], subject=name))
    assert found_in(page) == [printable(name)]
    assert page.findtext(".//h1/bdi") == printable(name)
    assert all(c.isprintable() or c == "\n" for c in report_html(validation([finding])))


def test_every_kind_is_explained() -> None:
    """What each finding means and what to do stands with it."""
    page = page_of(verification(every_kind()))
    for kind in FINDING_KINDS.values():
        (section,) = page.iterfind(f".//section[@id='{kind.id}']")
        told = text_of(section)
        assert kind.meaning in told
        assert kind.advice in told


def test_what_was_not_checked_is_listed() -> None:
    """Nobody takes a quick check for a whole one, or an ignored finding for none."""
    report = verification(quick=True, excluded=("*.tmp",), ignored=(("bytes.extra", 1200),))
    page = page_of(report)
    (section,) = page.iterfind(".//section[@id='checked']")
    told = text_of(section)
    for words in ("Not checked", "contents (--quick)", "not signed", "*.tmp", "1,200 bytes.extra"):
        assert words in told
    assert "no content was read" in text_of(next(page.iter("header")))
    assert "Nothing was found in what was checked." in text_of(page)


def test_a_distance_is_in_words_and_bits_and_a_bar() -> None:
    """The bar is full where nothing is shared; words that the message has are not repeated."""
    page = page_of(verification([changed("a", 0), changed("b", 32), changed("c", 128)]))
    bars = [bar.get("style") for bar in page.iterfind(".//span[@class='bar']/span")]
    assert bars == ["width:0%", "width:50%", "width:100%"]
    assert text_of(page).count("32 of 128 bits differ: similar") == 1
    silent = Finding("bytes.changed", "edited", CratePath("a"), distance=Distance(9, 128))
    assert "edited (9 of 128 bits differ: similar)" in text_of(page_of(verification([silent])))


def test_codes_and_pointers_are_there_to_copy() -> None:
    """Recorded and found codes stand whole with the finding, and so does the line."""
    told = text_of(page_of(verification(DAMAGE[:1])))
    assert "recorded: 1e20" + "ab" * 32 in told
    assert "found: 1e20" + "cd" * 32 in told
    assert "line 118 · /@graph/7/contentSize" in text_of(page_of(validation(BREACHES)))


def test_more_than_two_thousand_findings_are_counted() -> None:
    """The page stays one that opens, and says plainly what it does not show."""
    report = verification([*many(5000), *DAMAGE])
    page = page_of(report)
    assert len(found_in(page)) == 2000
    told = text_of(page)
    assert "3,008 more findings are not shown on this page." in told
    assert "Findings (5,008)" in told
    assert "The treehash is not the recorded one (1)" in told
