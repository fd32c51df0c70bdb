"""What an @id says about where a data entity lies is judged without looking there."""

from typing import Any

import pytest

from crate_iscc.crate.ids import id_findings
from crate_iscc.crate.malformed import graph_findings
from crate_iscc.crate.view import Crate
from crate_iscc.jsonld import Document

Entity = dict[str, Any]


def crate(*entities: Any) -> Crate:
    graph = [
        {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": "./"}},
        {"@id": "./", "@type": "Dataset"},
        *entities,
    ]
    return Crate(Document({"@context": "https://example.org", "@graph": graph}))


def kinds(entity_id: str, kind: str = "File") -> list[str]:
    return [f.id for f in id_findings(crate({"@id": entity_id, "@type": kind}))]


@pytest.mark.parametrize("kind", ["File", "Dataset", "MediaObject"])
@pytest.mark.parametrize(
    "entity_id",
    ["../a", "a/../../b", "/a", "//a", "C:\\a", "c:a", "file:a", "%2e%2e/a", "a%2Fb", "a%00", "",
     "..\\a", "..%5Ca", "../a#b", "../a?b", "\\a", "a\ud800"],
)  # fmt: skip
def test_an_id_that_leads_out_or_can_be_no_name_is_unsafe(entity_id: str, kind: str) -> None:
    """Whatever kind of entity it names; the finding says which, in text that can be written."""
    (finding,) = id_findings(crate({"@id": entity_id, "@type": kind}))

    assert finding.id == "path.unsafe"
    assert finding.entity is not None
    assert (finding.entity + finding.message).encode("utf-8")
    assert finding.pointer == "/@graph/2"


@pytest.mark.parametrize("scheme", ["http", "https", "HTTPS", "ftp", "s3", "gs", "arcp", "urn"])
def test_an_id_with_another_scheme_is_remote(scheme: str) -> None:
    """It is the address of something that is not in the crate; nobody is asked."""
    assert kinds(f"{scheme}://example.org/../a%2Fb") == ["bytes.remote"]


@pytest.mark.parametrize(
    "entity_id",
    ["a", "./a", "a/b/", "a//b", "%252e%252e/a", "..%252Fa", "...", "a b", "a%20b", "100%", "#a",
     "_:a", "a#b", "a?b", "a\\b", "a%5Cb", "latin%FF"],
)  # fmt: skip
def test_an_id_of_something_in_the_crate_is_nothing_to_mention(entity_id: str) -> None:
    """Also what is escaped twice: it is decoded once, and names a file like others."""
    assert kinds(entity_id) == []


@pytest.mark.parametrize("entity_id", ["../a", "https://example.org/a", "file:///a"])
def test_what_is_no_data_entity_may_have_any_id(entity_id: str) -> None:
    """A person, a licence or a web page is described, and lies nowhere in the crate."""
    assert kinds(entity_id, "Person") == []


def test_the_root_may_be_anywhere() -> None:
    """A crate that was published may call itself by its address."""
    root = "https://example.org/crate/"
    graph = [
        {"@id": "ro-crate-metadata.json", "@type": "CreativeWork", "about": {"@id": root}},
        {"@id": root, "@type": "Dataset"},
    ]

    assert list(id_findings(Crate(Document({"@graph": graph})))) == []


# --- the graph ---------------------------------------------------------------------------------


def malformed(*entities: Any) -> list[tuple[str, str | None]]:
    return [(finding.id, finding.pointer) for finding in graph_findings(crate(*entities))]


@pytest.mark.parametrize(
    "member",
    [None, 1, "a.txt", [], {}, {"@type": "File"}, {"@id": 1, "@type": "File"}, {"@id": "#a"},
     {"@id": "#a", "@type": []}, {"@id": "#a", "@type": [1]}, {"@id": "#a", "@type": {}},
     {"@id": "#a", "@type": "T", "hasPart": "b"}, {"@id": "#a", "@type": "T", "hasPart": [{}]},
     {"@id": "#a", "@type": "T", "about": ["./"]}],
)  # fmt: skip
def test_a_member_that_nobody_can_understand_is_named_by_its_place(member: Any) -> None:
    """It is skipped by every reader, so it must be said that it was."""
    assert malformed({"@id": "#x", "@type": "T"}, member) == [("metadata.malformed", "/@graph/3")]


@pytest.mark.parametrize(
    "member",
    [{"@id": "#a", "@type": "T"}, {"@id": "#a", "@type": ["T", "U"], "hasPart": []},
     {"@id": "#a", "@type": "T", "hasPart": None}, {"@id": "#a", "@type": "T", "name": 7},
     {"@id": "#a", "@type": "T", "hasPart": [{"@id": "b"}, {"@id": "b"}]}],
)  # fmt: skip
def test_a_member_that_can_be_understood_is_nothing_to_mention(member: Any) -> None:
    """Whether it says all that it should is for validate."""
    assert malformed(member) == []


def test_each_further_entity_of_one_id_is_named() -> None:
    """The first is not: it would be well without the others."""
    one = {"@id": "#a", "@type": "T"}

    assert malformed(one, dict(one), dict(one)) == [
        ("metadata.duplicate-id", "/@graph/3"),
        ("metadata.duplicate-id", "/@graph/4"),
    ]


def parts(entity_id: str, *below: str) -> Entity:
    return {"@id": entity_id, "@type": "Dataset", "hasPart": [{"@id": part} for part in below]}


@pytest.mark.parametrize(
    ("entities", "circle"),
    [
        ([parts("a/", "a/")], True),
        ([parts("a/", "b/"), parts("b/", "a/")], True),
        ([parts("a/", "x", "b/"), parts("b/", "c/"), parts("c/", "b/")], True),
        ([parts("a/", "b/", "c/"), parts("b/", "d/"), parts("c/", "d/"), parts("d/", "x")], False),
        ([parts("a/", "b/", "b/"), parts("b/", "x", "x")], False),
        ([parts(f"{n}/", f"{n + 1}/") for n in range(5000)], False),
        ([parts(f"{n}/", f"{(n + 1) % 5000}/") for n in range(5000)], True),
    ],
)
def test_a_folder_that_is_a_part_of_itself_is_found(entities: list[Entity], circle: bool) -> None:
    """Over any number of steps; two ways to one part are no circle."""
    assert [found[0] for found in malformed(*entities)] == ["metadata.malformed"] * circle
