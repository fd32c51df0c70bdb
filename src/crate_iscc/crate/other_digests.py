"""The digests of files that a crate records by other conventions than this project's.

Read are properties called by an algorithm (`sha256` of schema.org and of RO-Crate 1.2, `md5`,
`sha1`, `sha512`, the terms of Workflow Run RO-Crate), `spdx:checksum` objects, `hash://sha256/…`
identifiers (science-on-schema.org, decision 66), and PropertyValues whose propertyID is an
algorithm.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain

from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError
from crate_iscc.fixity import RecordedDigest, algorithm_named, recorded_digest
from crate_iscc.jsonld import Entity, as_list, references, strings
from crate_iscc.paths import CratePath
from crate_iscc.report import Finding

HASH_URI = "hash://"
_HASH_URI = re.compile(r"hash://([\w-]+)/([^?/#]*)")
_ALGORITHM_IN_TEXT = re.compile(r"([A-Za-z][\w-]*):(?!//)(.*)", re.DOTALL)


class DigestReader:
    """Reads the digests that a crate records of its files."""

    def __init__(self, crate: Crate) -> None:
        self._crate = crate

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """The keys of the document that hold digests, with their algorithms; `` for spdx:checksum.

        A key counts by the last part of its IRI, whichever vocabulary that is of.
        """
        named = chain.from_iterable(map(self._crate.occurrences, self._crate.ids()))
        found = {}
        for key in set().union(*named):
            last = re.split(r"[#/:]", self._crate.document.expanded(key))[-1]
            algorithm = "" if last.lower() == "checksum" else algorithm_named(last)
            if algorithm is not None:
                found[key] = algorithm
        return found

    def digests(
        self, entity_id: str, path: CratePath, findings: list[Finding]
    ) -> list[RecordedDigest]:
        """Return what is recorded of a file; a value that is no digest is a finding."""
        found = []
        for algorithm, text, convention in self._texts(entity_id):
            try:
                found.append(recorded_digest(algorithm, text, convention))
            except InputError as error:
                findings.append(
                    Finding("fixity.malformed", f"{convention}: {error}", path, entity=entity_id)
                )
        return found

    def _texts(self, entity_id: str) -> Iterator[tuple[str, str, str]]:
        """Yield algorithm, text and convention of each value that is meant as a digest."""
        for entity in self._crate.occurrences(entity_id):
            for key in entity.keys() & self.keys.keys():
                algorithm = self.keys[key]
                if algorithm:
                    for value in as_list(entity[key]):
                        yield algorithm, _text(value), algorithm
                else:
                    for value in as_list(entity[key]):
                        yield from self._spdx(value)
        for property_id, text in self._crate.identifiers(entity_id):
            yield from _in_identifier(property_id, text)

    def _spdx(self, value: object) -> Iterator[tuple[str, str, str]]:
        """Yield what a checksum says: an spdx:Checksum, or `sha256:…` as text."""
        if isinstance(value, str):
            match = _ALGORITHM_IN_TEXT.fullmatch(value)
            algorithm = algorithm_named(match[1]) if match else None
            if match and algorithm:
                yield algorithm, match[2], f"checksum {algorithm}"
            return
        if not isinstance(value, dict):
            return
        target = value.get("@id")
        objects = self._crate.occurrences(target) if isinstance(target, str) else [value]
        for one in objects:
            algorithm = next(filter(None, map(_spdx_algorithm, _values(one, "algorithm"))), None)
            if algorithm:
                for text in _values(one, "checksumValue"):
                    yield algorithm, text, f"spdx:checksum {algorithm}"


def _values(entity: Entity, name: str) -> list[str]:
    """Return the texts and references of a property, by whatever prefix its key has."""
    found: list[str] = []
    for key, value in entity.items():
        if re.split(r"[#/:]", key)[-1] == name:
            found += [*strings(value), *references(value)]
    return found


def _spdx_algorithm(text: str) -> str | None:
    """Return the algorithm that SPDX's name or IRI of one stands for."""
    return algorithm_named(re.split(r"[#/:]", text)[-1])


def _in_identifier(property_id: str, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield what an identifier says of bytes: a hash URI, or a value that an algorithm names."""
    match = _HASH_URI.match(text)
    algorithm = algorithm_named(match[1]) if match else None
    if match and algorithm:
        yield algorithm, match[2], f"{HASH_URI}{algorithm}"
        return
    algorithm = algorithm_named(re.split(r"[#/:]", property_id)[-1]) if property_id else None
    if algorithm:
        yield algorithm, text, f"identifier {algorithm}"


def _text(value: object) -> str:
    """Return a value as text: what is none shows as it stands, and is no digest."""
    texts = strings([value])
    return texts[0] if texts else str(value)
