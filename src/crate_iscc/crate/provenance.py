"""Where a crate and its files come from, as its metadata say, and what of that can be checked here.

Two things can be checked of a link: that what it joins is in the payload, and that it is there as
recorded. That the one was made out of the other stays the word of whoever wrote the metadata.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.record import Recorded
from crate_iscc.crate.terms import DATAHASH_TERM
from crate_iscc.crate.view import CODE_PREFIXES, Crate, iscc_id_of, treehash_texts
from crate_iscc.jsonld import as_list, references, strings
from crate_iscc.paths import CratePath, decode_id, folders_of, has_scheme, is_payload
from crate_iscc.report import Proof, Report, Verdict, folder_inside

MOST_LINKS = 10_000
"""An action of a thousand objects and a thousand results says a million links."""
ELSEWHERE = "it lies elsewhere"
_PROV = ("http://www.w3.org/ns/prov#", "prov:")
_SCHEMA = ("http://schema.org/", "https://schema.org/", "schema:")
_WORDS = {
    "changed": "it is not as recorded",
    "moved": "it is at another path",
    "missing": "it is not there",
}
_UNKNOWN_WORDS = {"unread": "it could not be read", "not_fetched": "it is still to be fetched"}


class Standing(StrEnum):
    """What is known of a thing, or of a link between two.

    VERIFIED: it is in the payload, as recorded. RECORDED: it is only said. BROKEN: what is said is
    not there, or is not as recorded.
    """

    VERIFIED = "verified"
    RECORDED = "recorded"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Thing:
    """What a link joins: the crate, a file or folder of it, or what lies elsewhere.

    `path` is its place in the payload. `why` says what its standing rests on, if that needs words.
    """

    id: str
    name: str
    standing: Standing
    why: str = ""
    path: CratePath | None = None
    iscc: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """That one thing was derived from another, `by` a property or an action (its `@id`)."""

    derived: Thing
    origin: Thing
    by: str

    @property
    def standing(self) -> Standing:
        """That of its weaker end: a link is verified where both ends are."""
        both = {self.derived.standing, self.origin.standing}
        if Standing.BROKEN in both:
            return Standing.BROKEN
        return Standing.RECORDED if Standing.RECORDED in both else Standing.VERIFIED

    @property
    def why(self) -> str:
        """What is wrong with an end of it, or keeps it from being verified."""
        ends = (self.derived, self.origin)
        told = [e for e in ends if e.standing is self.standing and e.why]
        return "; ".join(f"{end.name}: {end.why}" for end in dict.fromkeys(told))


@dataclass(frozen=True, slots=True)
class Action:
    """Something that was done, as the metadata say: with what, by whom, out of what, to what."""

    id: str
    type: str
    name: str
    instruments: tuple[str, ...]
    agents: tuple[str, ...]
    objects: tuple[str, ...]
    results: tuple[str, ...]
    ended: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """A crate, who stands for it, and where it comes from.

    `report` is None where nothing could be verified, and `unverified` says why. `left_out` counts
    links beyond the most that are kept.
    """

    subject: str
    crate: Thing
    report: Report | None
    unverified: str
    iscc_id: str | None
    actions: tuple[Action, ...]
    links: tuple[Link, ...]
    left_out: int = 0

    @property
    def proofs(self) -> tuple[Proof, ...]:
        """The signatures, timestamps and receipts that hold."""
        return self.report.proofs if self.report else ()

    @property
    def receipt(self) -> Proof | None:
        """The receipt that says that a hub gave the crate its ISCC-ID, if one holds."""
        return next((p for p in self.proofs if p.iscc_id and p.iscc_id == self.iscc_id), None)

    @property
    def counts(self) -> dict[str, int]:
        """How many links have which standing."""
        number = Counter(link.standing for link in self.links)
        return {standing.value: number[standing] for standing in Standing}


def provenance_of(
    crate: Crate, record: Recorded, report: Report | None, subject: str, unverified: str = ""
) -> Provenance:
    """Return the provenance of a crate; `report` is a verification that tells of each file."""
    things = _Things(crate, record, report)
    links: list[Link] = []
    left_out = 0
    actions = tuple(_actions(crate))
    for derived, origins, by in _said(crate, actions):
        if not things.is_data(derived):
            continue
        room = MOST_LINKS - len(links)
        left_out += max(0, len(origins) - room)
        links.extend(
            Link(things[derived], things[origin], by)
            for origin in origins[:room]
            if things.is_data(origin)
        )
    return Provenance(
        subject=subject,
        crate=things[crate.root_id],
        report=report,
        unverified=unverified,
        iscc_id=iscc_id_of(crate),
        actions=actions,
        links=tuple(dict.fromkeys(links)),
        left_out=left_out,
    )


def _said(crate: Crate, actions: Sequence[Action]) -> Iterator[tuple[str, Sequence[str], str]]:
    """Yield what is said to be derived, from what, and by which property or action."""
    for name, vocabulary in (("wasDerivedFrom", _PROV), ("isBasedOn", _SCHEMA)):
        keys = _keys(crate, name, vocabulary)
        by = f"prov:{name}" if vocabulary is _PROV else name
        for entity_id in crate.ids():
            found = _named(crate, entity_id, keys)
            if found:
                yield entity_id, found, by
    for action in actions:
        for result in action.results:
            yield result, action.objects, action.id


def _actions(crate: Crate) -> Iterator[Action]:
    keys = {
        name: _keys(crate, name, _SCHEMA)
        for name in ("instrument", "agent", "object", "result", "name", "endTime")
    }
    for entity_id in crate.ids():
        types = strings(crate.values(entity_id, "@type"))
        type_ = next((word for word in types if word.endswith("Action")), None)
        if type_ is None:
            continue
        found = {name: _named(crate, entity_id, keys[name]) for name in keys}
        yield Action(
            id=entity_id,
            type=type_.rpartition("/")[2],
            name=next(iter(found["name"]), ""),
            instruments=tuple(_label(crate, one) for one in found["instrument"]),
            agents=tuple(_label(crate, one) for one in found["agent"]),
            objects=found["object"],
            results=found["result"],
            ended=next(iter(found["endTime"]), None),
        )


def _keys(crate: Crate, name: str, vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Return the keys under which a document may write a term of a vocabulary."""
    document = crate.document
    iris = {start + name for start in vocabulary}
    known = [term for term in document.terms() if document.expanded(term) in iris]
    plain = [] if document.meaning(name) not in (None, *iris) else [name]
    return tuple(dict.fromkeys((*plain, *sorted(iris), *known)))


def _named(crate: Crate, entity_id: str, keys: Sequence[str]) -> tuple[str, ...]:
    """Return what the values of a property name: by `@id`, by a text, or by the name inside."""
    found: list[str] = []
    for entity in crate.occurrences(entity_id):
        for key in keys:
            for value in as_list(entity.get(key)):
                found.extend(references(value) or strings(value) or _inner_name(value))
    return tuple(dict.fromkeys(text for text in found if text))


def _inner_name(value: Any) -> list[str]:
    """Return how an object without an `@id` may be called."""
    if not isinstance(value, dict):
        return []
    return [*strings(value.get("url")), *strings(value.get("name"))][:1]


def _label(crate: Crate, entity_id: str) -> str:
    """Return the name and the version of an entity, or its id."""
    names = strings(crate.values(entity_id, "name"))
    keys = ("version", "softwareVersion")
    versions = [text for key in keys for text in strings(crate.values(entity_id, key))]
    return " ".join((names[:1] or [entity_id]) + versions[:1])


class _Things:
    """What is known of the things that metadata name, each looked at once."""

    def __init__(self, crate: Crate, record: Recorded, report: Report | None) -> None:
        self._crate = crate
        self._record = record
        self._report = report
        self._known: dict[str, Thing] = {}

    def __getitem__(self, entity_id: str) -> Thing:
        if entity_id not in self._known:
            self._known[entity_id] = self._thing(entity_id)
        return self._known[entity_id]

    def is_data(self, entity_id: str) -> bool:
        """Tell whether a thing is more than a value, such as a code that an action computed."""
        types = strings(self._crate.values(entity_id, "@type"))
        return "PropertyValue" not in types

    def _thing(self, entity_id: str) -> Thing:
        crate = self._crate
        names = strings(crate.values(entity_id, "name"))
        if entity_id in (crate.root_id, "./", "."):
            standing, why = self._whole()
            root = self._record.manifest.root
            name = names[0] if names else entity_id
            return Thing(crate.root_id, name, standing, why, None, _iscc(root.iscc), root.treehash)
        path = decode_id(entity_id)
        if path:
            return self._inside(entity_id, path)
        name = names[0] if names else entity_id
        codes = _codes(crate, entity_id)
        if not has_scheme(entity_id):
            told = self._not_a_path(entity_id)
            return Thing(entity_id, name, *told, None, *codes)
        here = self._by_datahash.get(codes[1] or "")
        if here and self._statuses.get(here) == "match":
            return Thing(
                entity_id, name, Standing.VERIFIED, f"its bytes are here: {here}", here, *codes
            )
        return Thing(entity_id, name, Standing.RECORDED, ELSEWHERE, None, *codes)

    def _not_a_path(self, entity_id: str) -> tuple[Standing, str]:
        if self._crate.occurrences(entity_id):
            return Standing.RECORDED, "it is described, and no file of the crate"
        if entity_id.startswith(("#", "_:")):
            return Standing.BROKEN, "nothing describes it"
        return Standing.BROKEN, "it names no place in the crate"

    def _whole(self) -> tuple[Standing, str]:
        report = self._report
        if report is None:
            return Standing.RECORDED, "nothing could be verified"
        if report.treehash_matches is not None:
            return _as_recorded(report.treehash_matches)
        if report.verdict is Verdict.INVALID:
            return _as_recorded(False)
        if report.verdict is Verdict.VALID and not report.counts.unchecked:
            return _as_recorded(True)
        return Standing.RECORDED, "not every file could be checked"

    def _inside(self, entity_id: str, path: str) -> Thing:
        crate, files = self._crate, self._record.manifest.files
        file = files.get(path)
        place = CratePath(path)
        if path.endswith("/") or (file is None and crate.is_dataset(entity_id)):
            return self._folder(entity_id, path.rstrip("/") + "/")
        standing, why = self._standing_of(place)
        iscc, digest = _codes(crate, entity_id)
        if file is not None:
            iscc = _iscc(file.fingerprint) or iscc
            digest = file.fingerprint.datahash or digest
        return Thing(entity_id, path, standing, why, place, iscc, digest)

    def _standing_of(self, path: CratePath) -> tuple[Standing, str]:
        if self._report is None:
            return Standing.RECORDED, "nothing could be verified"
        if not is_payload(path):
            return Standing.RECORDED, "it describes the payload, and is no part of it"
        status = self._statuses.get(path)
        if status == "match":
            return Standing.VERIFIED, ""
        if status is None:
            return Standing.BROKEN, _WORDS["missing"]
        if status in _WORDS:
            return Standing.BROKEN, _WORDS[status]
        return Standing.RECORDED, _UNKNOWN_WORDS.get(status, "nothing is recorded to check it by")

    def _folder(self, entity_id: str, folder: str) -> Thing:
        place = CratePath(folder)
        tree = next((c for c in self._record.manifest.containers if c.path == folder), None)
        iscc, digest = _codes(self._crate, entity_id)
        if tree is not None:
            iscc, digest = _iscc(tree.iscc) or iscc, tree.treehash or digest
        standing, why = self._below(folder)
        return Thing(entity_id, folder, standing, why, place, iscc, digest)

    def _below(self, folder: str) -> tuple[Standing, str]:
        if self._report is None:
            return Standing.RECORDED, "nothing could be verified"
        number = self._below_folder.get(folder, Counter())
        wrong = sum(number[status] for status in _WORDS)
        if not number:
            return Standing.BROKEN, _WORDS["missing"]
        if wrong:
            return Standing.BROKEN, f"{wrong} of its files are not as recorded"
        unsure = number.total() - number["match"]
        if unsure:
            return Standing.RECORDED, f"{unsure} of its files could not be checked"
        return Standing.VERIFIED, ""

    @cached_property
    def _statuses(self) -> Mapping[CratePath, str]:
        return dict(_each(self._report)) if self._report else {}

    @cached_property
    def _below_folder(self) -> Mapping[str, Counter[str]]:
        number: dict[str, Counter[str]] = defaultdict(Counter)
        for path, status in self._statuses.items():
            for folder in folders_of(path):
                number[folder][status] += 1
        return number

    @cached_property
    def _by_datahash(self) -> Mapping[str, CratePath]:
        files = self._record.manifest.files
        return {file.fingerprint.datahash: file.path for file in files if file.fingerprint.datahash}


def _as_recorded(is_so: bool) -> tuple[Standing, str]:
    return (Standing.VERIFIED, "") if is_so else (Standing.BROKEN, "it is not as recorded")


def _each(report: Report) -> Iterator[tuple[CratePath, str]]:
    """Yield how each file came out, last in the crate that is nearest to it."""
    for one in report.each:
        yield one.path, one.status
    for inner in report.nested:
        folder = folder_inside(report, inner)
        for path, status in _each(inner):
            yield CratePath(folder + path), status


def _iscc(known: Fingerprint | None) -> str | None:
    """Return the widest ISCC-SUM that is known."""
    width = min(len(known.data or b""), len(known.instance or b"")) if known else 0
    return known.iscc(wide=width >= 16) if known and width >= 8 else None


def _codes(crate: Crate, entity_id: str) -> tuple[str | None, str | None]:
    """Return the ISCC-SUM and the digest that are recorded of what lies elsewhere."""
    texts = [text for _, text in crate.identifiers(entity_id)]
    isccs = [text for text in (entity_id, *texts) if text.startswith(CODE_PREFIXES)]
    digests = [
        *(text for name, text in crate.identifiers(entity_id) if name == DATAHASH_TERM),
        *strings(crate.term_values(entity_id, "datahash")),
        *treehash_texts(crate, entity_id),
        *strings(crate.values(entity_id, "sha256")),
    ]
    return next(iter(isccs), None), next(iter(digests), None)
