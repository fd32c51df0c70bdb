"""The Markdown of a report is read as what it is meant to be, whatever files are called."""

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from crate_iscc.finding_kinds import FINDING_KINDS
from crate_iscc.paths import printable
from crate_iscc.render.grouped import by_kind
from crate_iscc.render.markdown import report_markdown
from crate_iscc.render.report import conclusion, place_of
from crate_iscc.report import Command, Finding, Report
from render.render_kit import (
    BREACHES,
    DAMAGE,
    HOSTILE,
    REPORTS,
    every_kind,
    many,
    validation,
    verification,
)

EACH = pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
_KNOWN = {
    *("heading", "paragraph", "inline", "text", "code_inline", "strong", "bullet_list"),
    *("list_item", "table", "thead", "tbody", "tr", "th", "td", "text_special"),
}


def tokens_of(report: Report) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(report_markdown(report))


def tables_of(report: Report) -> list[list[list[str]]]:
    """Return the tables as rows of cells as they are shown."""
    tables: list[list[list[str]]] = []
    for token in tokens_of(report):
        match token.type:
            case "table_open":
                tables.append([])
            case "tr_open":
                tables[-1].append([])
            case "inline" if token.level >= 4:
                tables[-1][-1].append(shown(token))
    return tables


def shown(token: Token) -> str:
    return "".join(child.content for child in token.children or [])


@EACH
def test_nothing_is_in_it_but_text_lists_and_tables(report: Report) -> None:
    """No HTML, no link, no image and no emphasis comes from outside."""
    for token in tokens_of(report):
        for part in (token, *(token.children or [])):
            assert part.type.removesuffix("_open").removesuffix("_close") in _KNOWN


@EACH
def test_it_has_a_table_for_the_counts_and_one_for_each_kind(report: Report) -> None:
    """Each table has a row for each of the first fifty findings, and only for them."""
    tables = tables_of(report)
    if report.command is Command.VERIFY:
        counts = tables.pop(0)
        assert counts[0] == ["files", "came out"]
        assert counts[1][0] == f"{report.counts.match}"
    groups = by_kind(report)
    assert [len(table) - 1 for table in tables] == [len(found) for _, found in groups]


@EACH
def test_it_starts_with_the_verdict(report: Report) -> None:
    """The first heading is a symbol and the conclusion in words."""
    heading = next(token for token in tokens_of(report) if token.type == "inline")
    symbol, _, words = shown(heading).partition(" ")
    assert symbol in ("✅", "❌", "⚠️")
    assert words == conclusion(report)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    """Its cell holds the name, with escapes for what cannot be seen, and the message too."""
    finding = Finding("graph.reference", f"see {name}", entity=name)
    (table,) = tables_of(validation([finding]))
    where, what = table[1]
    if not name.startswith(" "):  # a cell is trimmed where it cannot be code
        assert where == printable(name)
    assert what == f"see {printable(name)}".strip()
    assert place_of(finding) == printable(name)


def test_a_long_name_is_cut() -> None:
    """A name of four thousand characters does not make the table useless."""
    (table,) = tables_of(validation([Finding("graph.part", "no part", entity="x" * 4096)]))
    assert table[1][0] == "x" * 500 + "…"


def test_at_most_fifty_rows_of_a_kind() -> None:
    """How many more there are stands below the table."""
    report = verification([*many(1200), *DAMAGE])
    text = report_markdown(report)
    assert [len(table) for table in tables_of(report)[1:3]] == [51, 2]
    assert "… and 73 more (--format json has all)" in text
    assert "`bytes.missing` · 1,081 found" in text


def test_it_fits_a_step_summary() -> None:
    """Under the worst names there are, GitHub's 1 MiB is kept, and what is left out is said."""
    worst = "日本語`_" * 900
    findings = [
        Finding(kind, worst, entity=f"{number}{worst}")
        for kind in FINDING_KINDS
        for number in range(60)
    ]
    report = verification(findings, subject=worst, excluded=(worst,) * 100)
    text = report_markdown(report)
    assert len(text.encode("utf-8")) < 1024 * 1024
    assert text.count("`bytes.changed`") >= 1
    for kind in FINDING_KINDS:
        assert f"`{kind}` · 60 found" in text
    rows = sum(len(table) - 1 for table in tables_of(report)[1:])
    more = sum(int(line.split()[2]) for line in text.splitlines() if line.startswith("… and"))
    assert rows + more == len(findings)


def test_lines_are_given_where_there_are_any() -> None:
    """Findings in the metadata have a column for their line."""
    tables = tables_of(validation(BREACHES))
    assert tables[0][0] == ["where", "line", "what"]
    assert tables[0][1] == ["#biosample", "240", "nothing describes #taxon"]
    assert tables[-1][0] == ["where", "what"]


def test_what_to_do_is_said() -> None:
    """Each kind comes with its advice, and the end names the command that explains the worst."""
    text = report_markdown(verification(every_kind()))
    assert text.count(" found · ") == len(FINDING_KINDS)
    assert "hint: `crate-iscc explain bytes.changed`" in text
    assert "hint:" not in report_markdown(verification())
