"""The root's description: what is given replaces, what is there stays, the rest is filled in."""

from typing import Any

import pytest
from unit_literals import ROOT, crate, entity

from crate_iscc.crate.describe import Description, described
from crate_iscc.crate.view import Crate
from crate_iscc.crate.write import new_crate
from crate_iscc.errors import InputError
from crate_iscc.report import Finding


def described_as(
    into: Crate, given: Description | None = None, payload: tuple[str, ...] = ()
) -> tuple[Crate, list[Finding]]:
    return described(
        into,
        given or Description(),
        folder="study 1",
        date="2026-07-01",
        payload=payload,
    )


def noted(notes: list[Finding]) -> list[str]:
    assert {note.id for note in notes} <= {"root.defaulted"}
    return [note.message.partition(":")[0] for note in notes]


def test_what_ro_crate_requires_of_a_root_is_filled_in_and_noted() -> None:
    """Each default is named, so that nobody publishes it unawares.

    RO-Crate, Direct properties of the Root Data Entity: `name`, `description`, `datePublished`
    and `license` MUST be there.
    """
    result, notes = described_as(new_crate())

    assert noted(notes) == ["name", "description", "datePublished", "license"]
    assert result.root["name"] == "study 1"
    assert result.root["datePublished"] == "2026-07-01"
    assert entity(result, result.root["license"]["@id"])["name"] == "Licence not stated"


def test_what_is_there_stays_and_is_not_noted() -> None:
    """A crate that says everything comes out byte for byte as it went in."""
    root = ROOT | {
        "description": {"@value": "Zellen", "@language": "de"},
        "datePublished": "2020",
        "license": "all rights reserved",
        "author": [{"@id": "#me"}],
    }
    given = crate(root=root)

    result, notes = described_as(given)

    assert notes == []
    assert result.document.dump() == given.document.dump()


def test_what_is_given_replaces_what_is_there() -> None:
    """Name, description and licence are taken as given, and a given value is no default."""
    root = ROOT | {"description": "old", "license": {"@id": "#old"}, "datePublished": "2020"}
    given = Description("Cells", "New cells.", "CC-BY-4.0")

    result, notes = described_as(crate(root=root), given)

    assert notes == []
    assert (result.root["name"], result.root["description"]) == ("Cells", "New cells.")
    assert result.root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}


def test_the_crate_that_is_given_is_not_changed() -> None:
    """An edit is a new crate."""
    given = new_crate()
    before = given.document.dump()

    described_as(given, Description(name="Cells", authors=("Ada Lovelace",)))

    assert given.document.dump() == before


@pytest.mark.parametrize(
    ("text", "licence_id"),
    [
        ("CC-BY-4.0", "https://spdx.org/licenses/CC-BY-4.0"),
        ("MIT", "https://spdx.org/licenses/MIT"),
        (
            "https://creativecommons.org/licenses/by/4.0/",
            "https://creativecommons.org/licenses/by/4.0/",
        ),
    ],
)
def test_a_licence_is_an_spdx_identifier_or_a_url(text: str, licence_id: str) -> None:
    """It gets a contextual entity with a name, as RO-Crate asks."""
    result, _ = described_as(new_crate(), Description(licence=text))

    assert result.root["license"] == {"@id": licence_id}
    assert entity(result, licence_id) == {"@id": licence_id, "@type": "CreativeWork", "name": text}


def test_a_licence_that_is_described_keeps_its_description() -> None:
    """Only the reference is written."""
    mine = {"@id": "https://spdx.org/licenses/MIT", "@type": "CreativeWork", "name": "MIT License"}

    result, _ = described_as(crate(mine), Description(licence="MIT"))

    assert entity(result, mine["@id"]) == mine


@pytest.mark.parametrize("path", ["LICENSE.txt", "docs/LICENSE", "our licence.txt"])
def test_a_licence_may_be_a_file_that_is_listed(path: str) -> None:
    """A file of the crate is referred to, and no SPDX identifier is made up from its name."""
    entity_id = path.replace(" ", "%20")
    given = crate({"@id": entity_id, "@type": "File", "name": "Licence"})

    result, _ = described_as(given, Description(licence=path))

    assert result.root["license"] == {"@id": entity_id}


@pytest.mark.parametrize("text", ["all rights reserved", "docs/none", "a\\b"])
def test_a_licence_that_is_none_of_these_is_refused(text: str) -> None:
    """Free text is no licence that a machine can follow."""
    with pytest.raises(InputError, match="not a licence"):
        described_as(new_crate(), Description(licence=text))


def test_a_licence_file_is_the_default_where_there_is_one() -> None:
    """The first of the names is taken, and noted."""
    result, notes = described_as(crate(), payload=("LICENSE", "COPYING"))

    assert result.root["license"] == {"@id": "LICENSE"}
    assert "license" in noted(notes)


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ("Ada Lovelace", {"@id": "#person-Ada%20Lovelace", "name": "Ada Lovelace"}),
        (
            "Josiah Carberry <https://orcid.org/0000-0002-1825-0097>",
            {"@id": "https://orcid.org/0000-0002-1825-0097", "name": "Josiah Carberry"},
        ),
        (
            "0000-0002-1694-233x (Jean Dupont)",
            {"@id": "https://orcid.org/0000-0002-1694-233X", "name": "Jean Dupont"},
        ),
        (
            "http://orcid.org/0000-0002-1825-0097",
            {
                "@id": "https://orcid.org/0000-0002-1825-0097",
                "name": "https://orcid.org/0000-0002-1825-0097",
            },
        ),
    ],
)
def test_an_author_is_a_name_an_orcid_or_both(text: str, person: dict[str, Any]) -> None:
    """An ORCID becomes the `@id`, as RO-Crate recommends; a name alone gets a local one."""
    result, _ = described_as(new_crate(), Description(authors=(text,)))

    assert result.root["author"] == {"@id": person["@id"]}
    assert entity(result, person["@id"]) == {"@type": "Person"} | person


def test_several_authors_are_a_list_in_their_order() -> None:
    """They replace the authors that are there."""
    given = crate(root=ROOT | {"author": {"@id": "#old"}})

    result, _ = described_as(given, Description(authors=("B. Second", "A. First")))

    assert result.root["author"] == [
        {"@id": "#person-B.%20Second"},
        {"@id": "#person-A.%20First"},
    ]


def test_a_bare_orcid_keeps_what_is_known_of_the_person() -> None:
    """The name that is there is not replaced by a URL."""
    mine = {"@id": "https://orcid.org/0000-0002-1825-0097", "@type": "Person", "name": "Josiah"}

    result, _ = described_as(crate(mine), Description(authors=("0000-0002-1825-0097",)))

    assert entity(result, mine["@id"]) == mine


@pytest.mark.parametrize(
    "text",
    [
        "0000-0002-1825-0098",
        "Ada 0000-0002-1694-2330",
        "0000-0002-1825-009A",
        "0000-0002-1825-O097",
        "00000-002-1825-0097",
        "",
        " <> ",
    ],
)
def test_an_author_that_cannot_be_is_refused(text: str) -> None:
    """A mistyped ORCID would name somebody else (ISO 7064, MOD 11-2, catches one wrong digit)."""
    with pytest.raises(InputError):
        described_as(new_crate(), Description(authors=(text,)))


def test_a_name_that_only_looks_like_an_orcid_in_shape_is_a_name() -> None:
    """Nineteen characters with three hyphens are an ORCID only where they are digits."""
    result, _ = described_as(new_crate(), Description(authors=("Anne-Marie-Luc-Jean Roy",)))

    assert result.root["author"] == {"@id": "#person-Anne-Marie-Luc-Jean%20Roy"}
