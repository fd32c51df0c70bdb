"""Gives a crate's root what RO-Crate requires of it, and what its makers want to say."""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from crate_iscc.crate.terms import NO_LICENCE_ID
from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError
from crate_iscc.jsonld import Document, Entity, as_list, unpacked
from crate_iscc.paths import CratePath, encode_id
from crate_iscc.report import Finding

_LICENCE_NAMES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "COPYING")
_ORCID = re.compile(r"(?:[0-9]{4}-){3}[0-9]{3}[0-9X]")


@dataclass(frozen=True, slots=True)
class Description:
    """What the maker of the crate says about it; None where nothing was said."""

    name: str | None = None
    description: str | None = None
    licence: str | None = None
    authors: tuple[str, ...] = ()


def described(
    crate: Crate, given: Description, *, folder: str, date: str, payload: Container[str] = ()
) -> tuple[Crate, list[Finding]]:
    """Return the crate with what RO-Crate requires of its root, and a note on each default.

    What is given replaces what is there; what is there stays; the rest is filled in: the name
    from `folder`, the publication date from `date`, the licence from a licence file in `payload`.
    """
    document = crate.document.copy()
    edited = Crate(document)
    root = edited.root
    notes: list[Finding] = []
    for key, text in (("name", given.name), ("description", given.description)):
        if text is not None and not text.strip():
            raise InputError(f"the {key} is empty", hint="leave the option out, or say something")

    def settle(key: str, value: Any, default: Any, shown: str) -> None:
        if value is not None:
            root[key] = value
        elif not as_list(edited.values(edited.root_id, key)):
            root[key] = default
            notes.append(Finding("root.defaulted", f"{key}: {shown}"))

    settle("name", given.name, folder, folder)
    text = "Bioimage dataset with an ISCC fingerprint for every file."
    settle("description", given.description, text, text)
    settle("datePublished", None, date, date)
    licence = _licence(edited, given.licence, payload) if given.licence else None
    if licence is None and not edited.values(edited.root_id, "license"):
        default, shown = _default_licence(document, payload)
        settle("license", None, default, shown)
    elif licence is not None:
        root["license"] = licence
    if given.authors:
        root["author"] = unpacked([_author(document, text) for text in given.authors])
    return Crate(document), notes


def _default_licence(document: Document, payload: Container[str]) -> tuple[Entity, str]:
    for path in _LICENCE_NAMES:
        if path in payload:
            return {"@id": encode_id(path)}, f"the file {path}"
    document.put(
        {
            "@id": NO_LICENCE_ID,
            "@type": "CreativeWork",
            "name": "Licence not stated",
            "description": "The makers of this crate have not stated a licence.",
        },
    )
    return {"@id": NO_LICENCE_ID}, "not stated"


def _licence(crate: Crate, text: str, payload: Container[str]) -> Entity:
    """Return a reference to the licence: a file, a URL, or an SPDX identifier."""
    listed = crate.files().get(CratePath(text))
    if listed:
        return {"@id": listed[0]}
    if text in payload:
        return {"@id": encode_id(text)}
    if text.startswith(("https://", "http://")):
        uri = text
    elif any(char.isspace() or char in "/\\" for char in text):
        raise InputError(
            f"not a licence: {text}",
            cause="it is no file of the dataset, no URL and no identifier",
            hint="give an SPDX identifier such as CC-BY-4.0, a URL, or a file in the dataset",
        )
    else:
        uri = f"https://spdx.org/licenses/{text}"
    if not crate.occurrences(uri):
        crate.document.put({"@id": uri, "@type": "CreativeWork", "name": text})
    return {"@id": uri}


def _author(document: Document, text: str) -> Entity:
    """Return a reference to a Person: a name, an ORCID, or both in any order."""
    orcid = None
    words = []
    for word in re.sub("[<>()]", " ", text).split():
        bare = word.removeprefix("https://").removeprefix("http://").removeprefix("orcid.org/")
        if sum(char.isdigit() for char in bare) < 10 or "-" not in bare:
            words.append(word)
        elif _orcid_is_valid(bare.upper()):
            orcid = bare.upper()
        else:
            raise InputError(
                f"not an ORCID: {bare}",
                cause="it has not four groups of four, or its check digit is wrong",
                hint="look it up at https://orcid.org",
            )
    name = " ".join(words)
    if not name and not orcid:
        raise InputError("an author needs a name or an ORCID")
    person_id = f"https://orcid.org/{orcid}" if orcid else "#person-" + encode_id(name)
    person: Entity = {"@id": person_id, "@type": "Person", "name": name or person_id}
    document.put(person, keep=not name)
    return {"@id": person_id}


def _orcid_is_valid(orcid: str) -> bool:
    """Check the last character of an ORCID (ISO 7064 MOD 11-2)."""
    if not _ORCID.fullmatch(orcid):
        return False
    digits = orcid.replace("-", "")
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    return digits[-1] == "0123456789X"[(12 - total % 11) % 11]
