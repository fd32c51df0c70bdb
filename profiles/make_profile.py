"""Makes what is made of the BIO-CODES RO-Crate profile: its page, and the crate around it.

    python profiles/make_profile.py           writes index.html and the Profile Crate
    python profiles/make_profile.py --check   writes nothing; exits 1 if they are not up to date

Written by hand are specification.md, vocabulary.jsonld, the shapes (.ttl) and the examples; from
them come index.html, ro-crate-metadata.json and iscc-manifest.tsv.
"""

import argparse
import difflib
import html
import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

import crate_iscc

PROFILE = Path(__file__).parent / "bio-codes" / "0.1"
SPECIFICATION, PAGE, VOCABULARY = "specification.md", "index.html", "vocabulary.jsonld"
METADATA, MANIFEST = "ro-crate-metadata.json", "iscc-manifest.tsv"
MADE = (PAGE, METADATA, MANIFEST)

PERMALINK = "https://w3id.org/bio-codes/ro-crate/0.1"
TERMS = "https://w3id.org/bio-codes/terms#"
SCHEMAS = "https://w3id.org/bio-codes/schemas/"
PROJECT = "https://w3id.org/bio-codes"
ROLES = "http://www.w3.org/ns/dx/prof/role/"
LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"
RELEASED = datetime(2026, 11, 24, tzinfo=UTC)
EXAMPLES = ("examples/graph/", "examples/table/")

Entity = dict[str, Any]

# --- specification.md -> index.html ------------------------------------------------------------

_REQUIREMENT = re.compile(r"(\d+\.\d+) (MUST|SHOULD|MAY) `([a-z0-9.-]+)` — (.+)")
_EXAMPLE = re.compile(r"(?:json|text) (correct|wrong)(?: (table))?")
_NO_SHAPE = "Not in the SHACL shapes"
_SUMMARY = "<!-- requirements -->"
_ALIKE = 0.5
"""Lines that differ between a correct and a wrong example are marked if so much is alike."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """A requirement as its heading in the specification states it."""

    number: str
    level: str
    id: str
    title: str
    has_shape: bool


def requirements(specification: str) -> list[Requirement]:
    """Return the requirements of the specification, in its order."""
    found = []
    for part in re.split(r"^### ", specification, flags=re.MULTILINE)[1:]:
        match = _REQUIREMENT.match(part)
        if match:
            number, level, finding_id, title = match.groups()
            text = " ".join(part.split())
            found.append(Requirement(number, level, finding_id, title, _NO_SHAPE not in text))
    return found


def page(specification: str) -> str:
    """Return the specification as one HTML page that needs nothing but itself."""
    markdown = MarkdownIt("commonmark").enable("table")
    known = requirements(specification)
    tokens = markdown.parse(specification)
    headings = _number_headings(tokens)
    _mark_paragraphs(tokens)
    _name_term_rows(tokens)
    _replace_examples(tokens)
    for token in tokens:
        if token.type == "html_block" and token.content.strip() == _SUMMARY:
            token.content = _summary(known)
    start = next(i for i, token in enumerate(tokens) if token.type == "heading_open" and i)
    render = markdown.renderer.render
    body = _tables_fit(render(tokens[start:], markdown.options, {}))
    return _PAGE.format(
        title=html.escape(tokens[1].content),
        style=_STYLE.strip(),
        head=render(tokens[:start], markdown.options, {}).strip(),
        contents=_contents(headings, known),
        body=body.strip(),
    )


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _number_headings(tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """Give the headings their anchors and return the ids and texts of the sections."""
    sections = []
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open" or opening.tag == "h1":
            continue
        match = _REQUIREMENT.fullmatch(inline.content)
        if match:
            number, level, finding_id, title = match.groups()
            opening.attrs["id"] = finding_id
            opening.attrs["class"] = "requirement"
            inline.type, inline.children = "html_block", None
            inline.content = (
                f'<a class="number" id="{number}" href="#{finding_id}">{number}</a> '
                f"{_badge(level)} <span>{html.escape(title)}</span> "
                f'<code class="finding">{finding_id}</code>'
            )
        else:
            opening.attrs["id"] = _slug(inline.content)
            if opening.tag == "h2":
                sections.append((_slug(inline.content), inline.content))
    return sections


def _badge(level: str) -> str:
    return f'<span class="level {level.lower()}">{level}</span>'


def _mark_paragraphs(tokens: Sequence[Token]) -> None:
    """Tell the normative sentence, the reason and the finding apart by classes."""
    first = False
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            first = opening.attrs.get("class") == "requirement"
        elif opening.type == "paragraph_open":
            if first:
                opening.attrs["class"] = "rule"
            elif inline.content.startswith("Why:"):
                opening.attrs["class"] = "why"
            elif inline.content.startswith("Reported as"):
                opening.attrs["class"] = "reported"
            first = False


def _name_term_rows(tokens: Sequence[Token]) -> None:
    """Give each row of a table that defines a term the name of the term as its anchor."""
    row: Token | None = None
    cells: list[str] = []
    for token in tokens:
        if token.type == "tr_open":
            row, cells = token, []
        elif token.type == "inline" and row is not None:
            cells.append(token.content.strip("`"))
            if len(cells) == 2 and cells[1] == f"bc:{cells[0]}":
                row.attrs["id"] = cells[0]


def _replace_examples(tokens: Sequence[Token]) -> None:
    """Turn the examples into figures, with the lines marked in which a pair differs."""
    pairs: dict[str, dict[str, Token]] = {}
    for token in tokens:
        if token.type == "heading_open":
            _replace_pairs(pairs)
            pairs = {}
        match = _EXAMPLE.fullmatch(token.info.strip()) if token.type == "fence" else None
        if match:
            kind, style = match.groups()
            pairs.setdefault(style or "", {})[kind] = token
    _replace_pairs(pairs)


def _replace_pairs(pairs: Mapping[str, Mapping[str, Token]]) -> None:
    for style, pair in pairs.items():
        texts = {kind: token.content.splitlines() for kind, token in pair.items()}
        marked = _differing(texts.get("correct", []), texts.get("wrong", []))
        for kind, token in pair.items():
            which = "table serialisation" if style else ("graph serialisation" * ("table" in pairs))
            token.type = "html_block"
            token.content = _figure(kind, which, texts[kind], marked[kind])


def _differing(correct: Sequence[str], wrong: Sequence[str]) -> dict[str, set[int]]:
    """Return the lines, by their index, in which each of two examples differs from the other."""
    first, second = ([line.strip().rstrip(",") for line in lines] for lines in (correct, wrong))
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    lines: dict[str, set[int]] = {"correct": set(), "wrong": set()}
    if matcher.ratio() >= _ALIKE:
        for what, from1, to1, from2, to2 in matcher.get_opcodes():
            if what != "equal":
                lines["correct"].update(i for i in range(from1, to1) if first[i].strip("[]{}"))
                lines["wrong"].update(i for i in range(from2, to2) if second[i].strip("[]{}"))
    return lines


def _figure(kind: str, which: str, lines: Sequence[str], marked: set[int]) -> str:
    sign, word = ("✓", "Correct") if kind == "correct" else ("✗", "Wrong")
    caption = f'<span aria-hidden="true">{sign}</span> {word}'
    caption += f" <small>{which}</small>" if which else ""
    code = "\n".join(
        f'<span class="differs">{_coloured(line)}</span>' if i in marked else _coloured(line)
        for i, line in enumerate(lines)
    )
    return (
        f'<figure class="{kind}"><figcaption>{caption}</figcaption>'
        f"<pre><code>{code}\n</code></pre></figure>\n"
    )


def _coloured(line: str) -> str:
    return re.sub(
        r"(&quot;[^&]*&quot;)(?=:)", r'<span class="key">\1</span>', html.escape(line, quote=True)
    )


def _tables_fit(body: str) -> str:
    """Put each table into a box that scrolls on a narrow screen, and let its IRIs be broken."""
    opened = re.sub(r"<table[^>]*>", r'<div class="scroll">\g<0>', body)
    closed = opened.replace("</table>", "</table></div>")
    return re.sub(r"<code>(?=https?://)", '<code class="iri">', closed)


def _summary(known: Sequence[Requirement]) -> str:
    levels = [requirement.level for requirement in known]
    counted = ", ".join(f"{levels.count(level)} {level}" for level in ("MUST", "SHOULD", "MAY"))
    rows = "\n".join(
        f'<tr><td><a href="#{r.id}">{r.number}</a></td><td>{_badge(r.level)}</td>'
        f'<td><a href="#{r.id}"><code>{r.id}</code></a></td><td>{html.escape(r.title)}</td>'
        f"<td>{'yes' if r.has_shape else 'no'}</td></tr>"
        for r in known
    )
    return (
        f"<p>{len(known)} requirements: {counted}. The name of a requirement is the id of the "
        "finding that reports its breach. The last column says whether the SHACL shapes check it; "
        "crate-iscc checks them all.</p>\n"
        '<table class="summary">\n<thead><tr><th scope="col">No.</th><th scope="col">Level</th>'
        '<th scope="col">Name</th><th scope="col">Requirement</th>'
        f'<th scope="col">SHACL</th></tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n'
    )


def _contents(sections: Sequence[tuple[str, str]], known: Sequence[Requirement]) -> str:
    def lines() -> Iterator[str]:
        for section_id, text in sections:
            yield f'<li><a href="#{section_id}">{html.escape(text)}</a>'
            number = text.split(" ", 1)[0]
            members = [r for r in known if r.number.split(".")[0] == number]
            if members:
                links = (
                    f'<li><a href="#{r.id}"><span>{r.number}</span> {r.id}</a></li>'
                    for r in members
                )
                yield "<ol>" + "".join(links) + "</ol>"
            yield "</li>"

    return "<ol>\n" + "\n".join(lines()) + "\n</ol>"


# --- the Profile Crate -------------------------------------------------------------------------


def hand_made(folder: Path) -> Entity:
    """Return the metadata of the Profile Crate as they are before it is fingerprinted."""
    vocabulary = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))["@graph"]
    terms = [e for e in vocabulary if e["@type"] == "rdf:Property"]
    names = [e["@id"].removeprefix("bc:") for e in terms]
    resources = [*_files(folder), *_examples(), *_schemas()]
    context = {"datahash": "http://purl.org/iscc/terms/#datahash"}
    context |= {name: TERMS + name for name in names}
    graph = [
        _descriptor(),
        _root([resource for resource, _ in resources]),
        *(entity for resource, _ in resources for entity in [resource]),
        *(_resource(resource["@id"], role) for resource, role in resources),
        _resource(TERMS, "vocabulary"),
        {
            "@id": TERMS,
            "@type": "DefinedTermSet",
            "name": "BIO-CODES terms",
            "description": "The terms that the BIO-CODES RO-Crate profile defines.",
            "url": f"{PERMALINK}#terms-of-the-profile",
            "hasDefinedTerm": [_to(TERMS + name) for name in names],
        },
        *(
            {
                "@id": TERMS + name,
                "@type": "DefinedTerm",
                "termCode": name,
                "name": term["rdfs:label"],
                "description": term["rdfs:comment"],
                "url": f"{PERMALINK}#{name}",
                "inDefinedTermSet": _to(TERMS),
            }
            for name, term in zip(names, terms, strict=True)
        ),
        *_others(),
    ]
    return {"@context": ["https://w3id.org/ro/crate/1.3/context", context], "@graph": graph}


def _to(entity_id: str) -> Entity:
    return {"@id": entity_id}


def _descriptor() -> Entity:
    return {
        "@id": METADATA,
        "@type": "CreativeWork",
        "about": _to(PERMALINK),
        "conformsTo": _to("https://w3id.org/ro/crate/1.3"),
    }


def _root(parts: Sequence[Entity]) -> Entity:
    return {
        "@id": PERMALINK,
        "@type": ["Dataset", "Profile"],
        "name": "BIO-CODES RO-Crate profile",
        "description": (
            "RO-Crates of bioimages in which every file, every container (such as an OME-Zarr) "
            "and the whole dataset carry an ISCC-SUM (ISO 24138) and a BLAKE3 checksum, with a "
            "record of how they were made. Crates of RO-Crate 1.1, 1.2 and 1.3 may conform. The "
            "permalink is a proposal and not registered yet."
        ),
        "version": "0.1.0",
        "datePublished": f"{RELEASED:%Y-%m-%d}",
        "license": _to(LICENCE),
        "author": _to(PROJECT),
        "publisher": _to(PROJECT),
        "identifier": PERMALINK,
        "keywords": ["RO-Crate", "ISCC", "ISO 24138", "OME-Zarr", "bioimaging", "fixity"],
        "isProfileOf": _to("https://w3id.org/ro/crate/1.3"),
        "hasPart": [_to(part["@id"]) for part in parts],
        "hasResource": [_to(_resource_id(part["@id"])) for part in parts]
        + [_to(_resource_id(TERMS))],
    }


def _resource_id(entity_id: str) -> str:
    return f"#resource-{entity_id.removeprefix(SCHEMAS).removeprefix(PROJECT + '/').rstrip('#/')}"


def _resource(entity_id: str, role: str) -> Entity:
    return {
        "@id": _resource_id(entity_id),
        "@type": "ResourceDescriptor",
        "name": f"{_resource_id(entity_id).removeprefix('#resource-')}: {role}",
        "hasRole": _to(ROLES + role),
        "hasArtifact": _to(entity_id),
    }


def _file(entity_id: str, description: str, encoding: str | list[Any], **more: Any) -> Entity:
    return {
        "@id": entity_id,
        "@type": "File",
        "name": entity_id.rpartition("/")[2],
        "description": description,
        "encodingFormat": encoding,
        **more,
    }


def _files(folder: Path) -> Iterator[tuple[Entity, str]]:
    """Yield the files of the profile, each with its role."""
    about: Entity = {"about": _to(PERMALINK)}
    turtle = ["text/turtle", _to("https://www.nationalarchives.gov.uk/PRONOM/fmt/874")]
    shacl: Entity = {"conformsTo": _to("https://www.w3.org/TR/shacl/")}
    prof: Entity = {"conformsTo": _to("https://www.w3.org/TR/dx-prof/")}
    text = "The source of the specification, in Markdown"
    yield _file(PAGE, "The specification of the profile", "text/html", **about), "specification"
    yield _file(SPECIFICATION, text, "text/markdown", **about), "specification"
    text = "The terms that the profile defines, in RDF Schema"
    terms: Entity = {"about": _to(TERMS)}
    yield _file(VOCABULARY, text, "application/ld+json", **terms), "vocabulary"
    text = "What the profile is called and made of; rocrate-validator reads it first"
    yield _file("profile.ttl", text, turtle, **prof), "validation"
    for place in sorted(folder.glob("*/*.ttl")):
        level = place.parent.name.upper()
        subject = re.sub(r"^\d+_", "", place.stem).replace("_", " ")
        text = f"SHACL shapes of level {level}: {subject}"
        path = place.relative_to(folder).as_posix()
        yield _file(path, text, turtle, **shacl), "validation"


def _examples() -> Iterator[tuple[Entity, str]]:
    for folder in EXAMPLES:
        style = folder.split("/")[1]
        example = {
            "@id": folder,
            "@type": "Dataset",
            "name": f"A crate in the {style} serialisation",
            "description": "A small study that meets every requirement of the levels MUST and "
            "SHOULD: a TIFF, an OME-Zarr of the same pixels, and a figure made from them.",
            "conformsTo": [_to("https://w3id.org/ro/crate"), _to(PERMALINK)],
        }
        yield example, "example"


def _schemas() -> Iterator[tuple[Entity, str]]:
    """Yield the schemas, by the addresses that they will have; they lie elsewhere."""
    described = {
        "crate-0.1.schema.json": "The metadata of a crate, as far as a JSON Schema can say",
        "manifest-0.1.schema.json": "A row of iscc-manifest.tsv",
        "report-1.schema.json": "The report of crate-iscc",
    }
    encoding = ["application/schema+json", _to("https://json-schema.org/draft/2020-12/schema")]
    for name, title in described.items():
        yield _file(SCHEMAS + name, f"{title} (JSON Schema)", encoding), "schema"
    yield (
        _file(
            SCHEMAS + "iscc-manifest.csvw.json",
            "The columns of iscc-manifest.tsv (CSV on the Web)",
            "application/csvm+json",
            conformsTo=_to("https://www.w3.org/TR/tabular-metadata/"),
        ),
        "schema",
    )


def _others() -> list[Entity]:
    def said(entity_id: str, types: str | list[str], name: str, **more: Any) -> Entity:
        return {"@id": entity_id, "@type": types, "name": name, **more}

    profile = ["CreativeWork", "Profile"]
    standard = ["WebPage", "Standard"]
    roles = ("example", "schema", "specification", "validation", "vocabulary")
    return [
        said("https://w3id.org/ro/crate/1.3", profile, "RO-Crate 1.3", version="1.3"),
        said("https://w3id.org/ro/crate", profile, "RO-Crate"),
        said("https://www.w3.org/TR/shacl/", profile, "Shapes Constraint Language (SHACL)"),
        said("https://www.w3.org/TR/dx-prof/", profile, "The Profiles Vocabulary"),
        said("https://www.w3.org/TR/tabular-metadata/", profile, "CSV on the Web: metadata"),
        said("https://www.nationalarchives.gov.uk/PRONOM/fmt/874", standard, "Turtle"),
        said("https://json-schema.org/draft/2020-12/schema", standard, "JSON Schema 2020-12"),
        said(
            LICENCE,
            "CreativeWork",
            "Apache License 2.0",
            description="Free to use, change and share; notices of copyright and licence stay.",
        ),
        said(PROJECT, "Organization", "BIO-CODES", url=PROJECT),
        *(said(ROLES + r, ["DefinedTerm", "ResourceRole"], r.capitalize()) for r in roles),
    ]


# --- writing and checking ----------------------------------------------------------------------


def make(folder: Path) -> None:
    """Write the page and the Profile Crate of the profile in a folder."""
    specification = (folder / SPECIFICATION).read_text(encoding="utf-8")
    (folder / PAGE).write_text(page(specification), encoding="utf-8")
    text = json.dumps(hand_made(folder), indent=2, ensure_ascii=False) + "\n"
    (folder / METADATA).write_text(text, encoding="utf-8")
    (folder / MANIFEST).unlink(missing_ok=True)
    crate_iscc.build(folder, containers=[f"/{example}" for example in EXAMPLES], now=RELEASED)


def stale(folder: Path) -> list[str]:
    """Return the names of the files that are not as they would be made now."""
    with tempfile.TemporaryDirectory() as place:
        fresh = Path(place) / "profile"
        shutil.copytree(folder, fresh)
        make(fresh)
        return [name for name in MADE if _content(folder / name) != _content(fresh / name)]


def _content(place: Path) -> Any:
    """Return what a file says, whichever version of crate-iscc fingerprinted it."""
    if not place.is_file():
        return None
    if place.name != METADATA:
        return place.read_bytes()
    metadata = json.loads(place.read_bytes())
    return [
        metadata["@context"],
        [
            {**e, "version": "", "description": ""} if e["@id"] == "#crate-iscc" else e
            for e in metadata["@graph"]
        ],
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what is out of date, or with --check say what is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if out of date")
    parser.add_argument(
        "folder", nargs="?", type=Path, default=PROFILE, help="(default: the profile)"
    )
    asked = parser.parse_args(arguments)
    outdated = stale(asked.folder)
    if not asked.check and outdated:
        make(asked.folder)
    for name in outdated:
        state = "is out of date" if asked.check else "written"
        sys.stdout.write(f"{asked.folder / name}: {state}\n")
    return 1 if asked.check and outdated else 0


_PAGE = """\
<!DOCTYPE html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>
{style}
</style>
</head>
<body>
<a class="skip" href="#text">Skip to the text</a>
<header>
{head}
</header>
<nav aria-label="Contents">
<h2>Contents</h2>
{contents}
</nav>
<main id="text">
{body}
</main>
<footer>
<p>This page is made from <a href="specification.md">specification.md</a>. The crate around it is
described in <a href="ro-crate-metadata.json">ro-crate-metadata.json</a>.</p>
</footer>
</body>
</html>
"""

_STYLE = """
:root {
  --paper: #fff; --ink: #1b1f24; --soft: #555e68; --line: #d5dae0; --tint: #f4f6f8;
  --link: #0b57a4; --good: #17692f; --good-tint: #eef7f0; --bad: #a3221b; --bad-tint: #fdf1f0;
  --must: #8a1c16; --should: #7a4a00; --may: #34506b; --key: #3d4f8f;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181c; --ink: #e4e8ec; --soft: #a4adb7; --line: #3a424b; --tint: #1e2329;
    --link: #7db7f2; --good: #7fd197; --good-tint: #17251b; --bad: #ff9d94; --bad-tint: #2b1a19;
    --must: #ff9d94; --should: #f0bf6c; --may: #a9c4df; --key: #b3c0f5;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0 auto; padding: 1rem; max-width: 48rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, "Segoe UI", Roboto, "Noto Sans", "Helvetica Neue", sans-serif;
  overflow-wrap: break-word;
}
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; background: var(--paper); padding: .25rem .5rem; }
a { color: var(--link); text-underline-offset: .15em; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h1 { font-size: 1.9rem; margin: .5rem 0; }
h2 {
  font-size: 1.45rem; margin: 3rem 0 1rem; padding-top: .75rem;
  border-top: 2px solid var(--line);
}
h3 { font-size: 1.12rem; margin: 2.25rem 0 .75rem; }
header p { font-size: 1.1rem; color: var(--soft); margin: .5rem 0 1rem; }
header ul {
  list-style: none; margin: 0 0 1.5rem; padding: 0; font-size: .92rem; color: var(--soft);
}
code { font-family: var(--mono); font-size: .88em; }
p code, li code, td code { background: var(--tint); border-radius: 3px; padding: .1em .3em; }
h3.requirement { margin-top: 3rem; }
h3.requirement .number {
  color: inherit; text-decoration: none; font-variant-numeric: tabular-nums;
}
h3.requirement .number:hover { text-decoration: underline; }
h3 .level { margin: 0 .2rem; vertical-align: .1em; }
h3 .finding { font-weight: 400; color: var(--soft); font-size: .85rem; margin-left: .2rem; }
h3:target, tr:target { background: var(--tint); outline: .4rem solid var(--tint); }
.level {
  display: inline-block; font: 700 .72rem/1.5 var(--mono); letter-spacing: .04em; padding: 0 .45em;
  border: 2px solid; border-radius: 4px; white-space: nowrap;
}
.level.must { color: var(--paper); background: var(--must); border-color: var(--must); }
.level.should { color: var(--should); }
.level.may { color: var(--may); border-style: dashed; }
.rule { border-left: 4px solid var(--line); padding-left: .9rem; }
.why { color: var(--soft); }
.reported { color: var(--soft); font-size: .92rem; }
pre {
  margin: 0; padding: .75rem .9rem; overflow-x: auto; background: var(--tint);
  border-radius: 6px;
}
pre code { font-size: .8rem; line-height: 1.5; }
figure {
  margin: 1rem 0; border: 1px solid var(--line); border-left-width: 5px; border-radius: 6px;
  overflow: hidden;
}
figure pre { background: none; border-radius: 0; }
figure.correct { border-left-color: var(--good); }
figure.wrong { border-left-color: var(--bad); border-left-style: double; }
figcaption {
  padding: .3rem .9rem; font-weight: 700; font-size: .88rem;
  border-bottom: 1px solid var(--line);
}
figcaption small { font-weight: 400; color: var(--soft); margin-left: .4rem; }
figure.correct figcaption { color: var(--good); background: var(--good-tint); }
figure.wrong figcaption { color: var(--bad); background: var(--bad-tint); }
.key { color: var(--key); }
.differs {
  display: inline-block; min-width: calc(100% + 1.8rem); margin: 0 -.9rem;
  padding: 0 .9rem 0 calc(.9rem - 4px); border-left: 4px solid;
}
.correct .differs { background: var(--good-tint); border-color: var(--good); }
.wrong .differs { background: var(--bad-tint); border-color: var(--bad); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td {
  text-align: left; vertical-align: top; padding: .4rem .6rem;
  border-bottom: 1px solid var(--line);
}
td code { white-space: nowrap; }
td code.iri { white-space: normal; overflow-wrap: anywhere; }
th { border-bottom: 2px solid var(--line); white-space: nowrap; }
nav { background: var(--tint); border-radius: 8px; padding: .75rem 1rem; font-size: .88rem; }
nav h2 { font-size: 1rem; margin: 0 0 .5rem; padding: 0; border: 0; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav ol ol { padding-left: .9rem; font-family: var(--mono); font-size: .8rem; }
nav a { text-decoration: none; display: inline-block; padding: .1rem 0; }
nav a:hover { text-decoration: underline; }
footer {
  margin-top: 4rem; border-top: 2px solid var(--line); color: var(--soft); font-size: .9rem;
}
@media (max-width: 40rem) {
  nav ol ol { display: none; }
  pre code { font-size: .74rem; white-space: pre-wrap; overflow-wrap: anywhere; }
  .differs { max-width: calc(100% + 1.8rem); }
  .scroll table:not(.summary) { min-width: 34rem; }
  .summary, .summary tbody { display: block; }
  .summary thead { position: absolute; left: -100vw; }
  .summary tr {
    display: grid; grid-template-columns: 2.5rem 5.2rem 1fr auto; gap: .15rem .4rem;
    padding: .5rem 0; border-bottom: 1px solid var(--line);
  }
  .summary td { border: 0; padding: 0; }
  .summary td:nth-child(3) { grid-column: 3 / 5; }
  .summary td:nth-child(4) { grid-column: 1 / 4; }
  .summary td:nth-child(5)::before { content: "SHACL: "; color: var(--soft); }
}
@media (min-width: 70rem) {
  body {
    display: grid; max-width: 76rem; grid-template-columns: 17rem minmax(0, 1fr); column-gap: 3rem;
    padding: 2rem;
  }
  nav {
    grid-row: 1 / span 3; position: sticky; top: 2rem; max-height: calc(100vh - 4rem);
    overflow-y: auto; align-self: start;
  }
  header, main, footer { grid-column: 2; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #333; --tint: #f4f6f8; --line: #bbb; }
  html { font-size: 10pt; }
  body { display: block; max-width: none; padding: 0; }
  nav, .skip { display: none; }
  a { color: inherit; }
  h2, h3, figcaption { break-after: avoid; }
  figure, tr { break-inside: avoid; }
  pre code { white-space: pre-wrap; overflow-wrap: anywhere; font-size: 8pt; }
  .differs { max-width: calc(100% + 1.8rem); }
  .level.must { color: #000; background: none; border-color: #000; }
}
"""

if __name__ == "__main__":
    sys.exit(main())
