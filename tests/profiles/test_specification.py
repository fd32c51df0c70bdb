"""The specification, its page and the Profile Crate around them say the same, and hold together."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import crate_iscc
from crate_iscc.finding_kinds import PROFILE_KINDS
from profiles.faults import PROFILE_FOLDER, example

REPOSITORY = Path(__file__).parents[2]
SCRIPT = REPOSITORY / "profiles" / "make_profile.py"
JUDGE = REPOSITORY / "tests" / "compat" / "rocrate_judge.py"
CONTEXTS = REPOSITORY / "schemas" / "ro-crate-contexts"
PERMALINK = "https://w3id.org/bio-codes/ro-crate/0.1"
TERMS = "https://w3id.org/bio-codes/terms#"

TEXT = (PROFILE_FOLDER / "specification.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### ([0-9.]+) (MUST|SHOULD|MAY) `([a-z0-9.-]+)` — ", TEXT, re.MULTILINE)
BLOCKS = re.findall(r"^```json (correct|wrong)( table)?\n(.*?)^```$", TEXT, re.M | re.S)

Entity = dict[str, Any]


class Page(HTMLParser):
    """Collects what a page has: ids, links, and what it would load or run."""

    LOADING = ("src", "srcset", "data", "poster", "background", "action")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.tags: Counter[str] = Counter()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        for name, value in attrs:
            if name == "id":
                self.ids[value or ""] += 1
            elif name == "href" and tag == "a":
                self.links.append(value or "")
            elif name in self.LOADING or name.startswith("on"):
                self.loaded.append(f"{tag} {name}={value}")


@pytest.fixture(scope="module")
def html() -> str:
    return (PROFILE_FOLDER / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


@pytest.fixture(scope="module")
def graph() -> dict[str, Entity]:
    text = (PROFILE_FOLDER / "ro-crate-metadata.json").read_text(encoding="utf-8")
    entities: list[Entity] = json.loads(text)["@graph"]
    return {entity["@id"]: entity for entity in entities}


def make_profile(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def ids(value: Any) -> list[str]:
    return [item["@id"] for item in (value if isinstance(value, list) else [value])]


# --- the specification ---------------------------------------------------------------------------


def test_every_requirement_appears_once_with_number_level_and_id() -> None:
    """The headings are the list of requirements that the checker has, in its order."""
    wanted = [(kind.requirement, kind.severity.level, kind.id) for kind in PROFILE_KINDS]

    assert wanted == HEADINGS


def test_every_requirement_has_its_parts() -> None:
    """The normative sentence with the level in bold, a reason, both examples, the finding."""
    parts = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    bodies = {part.split("`")[1]: part for part in parts if re.match(r"[0-9.]+ [A-Z]+ `", part)}

    for _, level, finding in HEADINGS:
        paragraphs = bodies[finding].split("\n\n")
        assert f"**{level}**" in paragraphs[1], finding
        assert paragraphs[2].startswith("Why: "), finding
        assert re.search(r"^```(json|text) correct$", bodies[finding], re.MULTILINE), finding
        assert re.search(r"^```(json|text) wrong$", bodies[finding], re.MULTILINE), finding
        assert f"\nReported as `{finding}`" in bodies[finding]


@pytest.mark.parametrize(("kind", "table", "text"), BLOCKS)
def test_an_example_is_made_of_entities_of_the_example_crates_or_new_ones(
    kind: str, table: str, text: str
) -> None:
    """An entity or several, told apart by their ids; a correct one shows one of the crates."""
    value = json.loads(text)
    entities = value if isinstance(value, list) else [value]
    known = {entity["@id"] for entity in example("table" if table else "graph")["@graph"]}

    names = [entity["@id"] for entity in entities]
    assert len(set(names)) == len(names)
    assert all(entity["@type"] for entity in entities)
    assert known & set(names) or kind == "wrong"


def test_the_list_of_what_the_shapes_leave_out_is_that_of_the_shapes() -> None:
    """A requirement is said to be not in the SHACL shapes where, and only where, it has none."""
    shapes = "".join(place.read_text("utf-8") for place in PROFILE_FOLDER.glob("*/*.ttl"))
    named = set(re.findall(r"^req:(\S+) a sh:NodeShape", shapes, re.MULTILINE))
    parts = re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]
    left_out = {
        part.split("`")[1] for part in parts if "Not in the SHACL shapes" in " ".join(part.split())
    }

    assert left_out == {finding for *_, finding in HEADINGS} - named


def test_the_terms_are_those_of_the_vocabulary_and_of_the_crate(graph: dict[str, Entity]) -> None:
    """The table in the text, vocabulary.jsonld and the Profile Crate define the same ones."""
    listed = re.findall(r"^\| `(\w+)` \| `bc:(\w+)` \|", TEXT, re.MULTILINE)
    vocabulary = json.loads((PROFILE_FOLDER / "vocabulary.jsonld").read_text(encoding="utf-8"))
    defined = [e["@id"] for e in vocabulary["@graph"] if e["@type"] == "rdf:Property"]

    assert all(term == name for term, name in listed)
    assert [f"bc:{name}" for _, name in listed] == defined
    assert ids(graph[TERMS]["hasDefinedTerm"]) == [TERMS + name for _, name in listed]
    assert all(graph[TERMS + name]["termCode"] == name for _, name in listed)


# --- the page ------------------------------------------------------------------------------------


def test_the_page_has_an_anchor_for_each_requirement_and_number(page: Page) -> None:
    """And one for each term, so that the addresses in shapes and crates end where they should."""
    wanted = [name for number, _, finding in HEADINGS for name in (number, finding)]
    wanted += re.findall(r"^\| `(\w+)` \| `bc:\1` \|", TEXT, re.MULTILINE)

    assert [name for name in wanted if page.ids[name] != 1] == []
    assert [name for name, times in page.ids.items() if times > 1] == []


def test_every_link_within_the_page_leads_somewhere(page: Page) -> None:
    """To an id of the page, or to a file beside it."""
    for link in page.links:
        if link.startswith("#"):
            assert page.ids[link[1:]], link
        elif "://" not in link:
            assert (PROFILE_FOLDER / link).exists(), link


def test_the_page_needs_nothing_but_itself(html: str, page: Page) -> None:
    """No script, no image, no style sheet or font from elsewhere; links are only links."""
    assert page.loaded == []
    assert not page.tags.keys() & {"script", "link", "img", "iframe", "object", "embed", "base"}
    assert "url(" not in html
    assert "@import" not in html


def test_the_page_tells_levels_and_examples_apart_by_words(html: str, page: Page) -> None:
    """Whoever sees no colours reads MUST, Correct and Wrong."""
    for level in ("MUST", "SHOULD", "MAY"):
        times = sum(1 for heading in HEADINGS if heading[1] == level)
        assert html.count(f">{level}</span>") == 2 * times
    assert page.tags["figure"] == len(re.findall(r"^```\w+ (correct|wrong)", TEXT, re.MULTILINE))
    assert html.count("</span> Correct") + html.count("</span> Wrong") == page.tags["figure"]


# --- the Profile Crate ---------------------------------------------------------------------------


def test_the_page_and_the_crate_are_up_to_date() -> None:
    """What `python profiles/make_profile.py` would write is there."""
    done = make_profile("--check")

    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_what_is_out_of_date_is_found_and_mended(tmp_path: Path) -> None:
    """A changed specification is seen by --check, and a second run changes nothing any more."""
    folder = tmp_path / "profile"
    shutil.copytree(PROFILE_FOLDER, folder)
    with (folder / "specification.md").open("a", encoding="utf-8") as text:
        text.write("\nOne more sentence.\n")

    assert make_profile("--check", folder).returncode == 1
    assert make_profile(folder).returncode == 0
    made = {place: place.read_bytes() for place in folder.rglob("*") if place.is_file()}
    assert make_profile(folder).returncode == 0
    assert make_profile("--check", folder).returncode == 0

    assert {place: place.read_bytes() for place in made} == made
    assert "One more sentence." in (folder / "index.html").read_text(encoding="utf-8")


def test_the_profile_crate_is_intact_and_meets_its_own_musts() -> None:
    """Each of its files is the one that it records, and its metadata conform to the profile."""
    report = crate_iscc.verify(PROFILE_FOLDER)

    assert report.verdict is crate_iscc.Verdict.VALID
    assert {finding.id for finding in report.findings} <= {"bytes.remote"}
    assert _validate(PROFILE_FOLDER).returncode == 0


def _validate(folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "crate_iscc", "validate", folder],
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_the_profile_crate_says_what_its_resources_are_for(graph: dict[str, Entity]) -> None:
    """Every resource has a role; shapes are for validation, and the page is the specification."""
    root = graph[PERMALINK]
    described = {resource: graph[resource] for resource in ids(root["hasResource"])}
    roles = {
        ids(resource["hasArtifact"])[0]: ids(resource["hasRole"])[0].rpartition("/")[2]
        for resource in described.values()
    }

    assert root["@type"] == ["Dataset", "Profile"]
    assert ids(root["isProfileOf"]) == ["https://w3id.org/ro/crate/1.3"]
    assert all(resource["@type"] == "ResourceDescriptor" for resource in described.values())
    assert roles["index.html"] == "specification"
    assert roles["examples/graph/"] == roles["examples/table/"] == "example"
    assert roles["vocabulary.jsonld"] == roles[TERMS] == "vocabulary"
    shapes = {p.relative_to(PROFILE_FOLDER).as_posix() for p in PROFILE_FOLDER.glob("**/*.ttl")}
    assert shapes == {name for name, role in roles.items() if role == "validation"}
    schemas = {name.rpartition("/")[2] for name, role in roles.items() if role == "schema"}
    assert schemas == {
        "crate-0.1.schema.json",
        "manifest-0.1.schema.json",
        "report-1.schema.json",
        "iscc-manifest.csvw.json",
    }


def test_the_schemas_have_the_names_by_which_the_profile_crate_knows_them(
    graph: dict[str, Entity],
) -> None:
    """Each schema of the repository calls itself so, by $id or @id."""
    schemas = REPOSITORY / "schemas"
    named = set()
    for place in (*schemas.glob("*.schema.json"), *schemas.glob("*.csvw.json")):
        schema = json.loads(place.read_text(encoding="utf-8"))
        named.add(schema.get("$id") or schema.get("@id"))

    assert {name for name in graph if "/schemas/" in name and not name.startswith("#")} <= named


def test_rocrate_validator_accepts_the_profile_crate(tmp_path: Path) -> None:
    """At REQUIRED level of RO-Crate 1.3, offline, with the permalink as the name of the root."""
    nowhere = "http://127.0.0.1:9"
    environment = {"HOME": str(tmp_path), "https_proxy": nowhere, "LC_ALL": "C.UTF-8"}

    def ask(*arguments: str | Path) -> str:
        return subprocess.run(
            [sys.executable, JUDGE, *arguments],
            env=environment,
            check=True,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        ).stdout

    ask("seed", tmp_path / "cache", CONTEXTS)
    answer = ask("judge", tmp_path / "cache", PROFILE_FOLDER, "1.3").splitlines()[-1]

    assert json.loads(answer) == []
