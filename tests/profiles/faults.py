"""What can be wrong with a crate of the BIO-CODES profile, and what cannot: edits of its metadata.

Every fault breaks one requirement of a complete example crate, every variant breaks none. Whoever
checks the profile, by shapes, a schema or code, is tested against the same table.
"""

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

PROFILE_FOLDER = Path(__file__).parents[2] / "profiles" / "bio-codes" / "0.1"
EXAMPLES = PROFILE_FOLDER / "examples"

Style = Literal["graph", "table"]
"""The two serialisations, each with an example crate."""

Level = Literal["must", "should", "may"]

Entity = dict[str, Any]
Document = dict[str, Any]
"""Parsed JSON; its values are Any because JSON has no closed set of types."""

Edit = Callable[[Document], None]
"""Changes a document in place."""

BOTH: tuple[Style, ...] = ("graph", "table")
GRAPH: tuple[Style, ...] = ("graph",)
TABLE: tuple[Style, ...] = ("table",)


@dataclass(frozen=True)
class Requirement:
    """One line of the profile; `in_shacl` says whether a shape can ask for it."""

    number: str
    level: Level
    finding: str
    in_shacl: bool = True


REQUIREMENTS = {
    requirement.finding: requirement
    for requirement in (
        Requirement("1.1", "must", "profile.declared"),
        Requirement("1.2", "must", "graph.flat", in_shacl=False),
        Requirement("1.3", "must", "graph.reference", in_shacl=False),
        Requirement("1.4", "must", "graph.part"),
        Requirement("2.1", "must", "file.iscc-sum"),
        Requirement("2.2", "must", "file.datahash"),
        Requirement("2.3", "must", "file.size"),
        Requirement("2.4", "must", "file.codes-agree", in_shacl=False),
        Requirement("2.5", "may", "file.sha256"),
        Requirement("3.1", "must", "tree.iscc-sum"),
        Requirement("3.2", "must", "tree.treehash"),
        Requirement("3.3", "must", "tree.size"),
        Requirement("3.4", "must", "manifest.recorded"),
        Requirement("4.1", "must", "recipe.version"),
        Requirement("4.2", "must", "recipe.exclusions"),
        Requirement("4.3", "must", "recipe.level"),
        Requirement("4.4", "must", "recipe.generator"),
        Requirement("5.1", "should", "describe.license"),
        Requirement("5.2", "should", "describe.date-published"),
        Requirement("5.3", "should", "describe.creator"),
        Requirement("5.4", "should", "describe.modality"),
        Requirement("5.5", "should", "describe.specimen"),
        Requirement("5.6", "should", "describe.biosample"),
        Requirement("5.7", "should", "describe.organism"),
        Requirement("5.8", "should", "describe.derivation"),
        Requirement("6.1", "should", "image.pixel-code"),
        Requirement("7.1", "may", "proof.iscc-id"),
        Requirement("7.2", "may", "proof.signature", in_shacl=False),
        Requirement("7.3", "may", "proof.timestamp", in_shacl=False),
    )
}
"""The requirements of the profile 0.1 by their finding ids, in the order of their numbers."""


@dataclass(frozen=True)
class Fault:
    """An edit that breaks a requirement of an example crate.

    `also` are findings that may come with it because the edit cannot do without. `removes` is a
    pattern of files of the crate's folder that have to go, where the metadata cannot show the
    fault; the edit does nothing then.
    """

    name: str
    finding: str
    edit: Edit
    bases: tuple[Style, ...] = BOTH
    also: tuple[str, ...] = ()
    in_shacl: bool = True
    removes: str | None = None

    @property
    def number(self) -> str:
        """The number of the requirement."""
        return REQUIREMENTS[self.finding].number

    @property
    def level(self) -> Level:
        """The level of the requirement."""
        return REQUIREMENTS[self.finding].level

    def of(self, document: Document) -> Document:
        """Return a copy of an example's metadata with the fault."""
        return _edited(document, self.edit)


@dataclass(frozen=True)
class Variant:
    """An edit that leaves an example crate as good as it was."""

    name: str
    edit: Edit
    bases: tuple[Style, ...] = BOTH

    def of(self, document: Document) -> Document:
        """Return a copy of an example's metadata in this variant."""
        return _edited(document, self.edit)


def example(style: Style) -> Document:
    """Return the metadata of the complete example crate of a serialisation."""
    text = (EXAMPLES / style / "ro-crate-metadata.json").read_text(encoding="utf-8")
    document: Document = json.loads(text)
    return document


def _edited(document: Document, edit: Edit) -> Document:
    edited = copy.deepcopy(document)
    edit(edited)
    return edited


# --- the examples' entities and the words of the profile -----------------------------------------

PROFILE = "https://w3id.org/bio-codes/ro-crate/0.1"
BC = "https://w3id.org/bio-codes/terms#"
ISCC_TERM = "http://purl.org/iscc/terms/#iscc"
DATAHASH_TERM = "http://purl.org/iscc/terms/#datahash"
BIA = "http://bia/"

DESCRIPTOR = "ro-crate-metadata.json"
ROOT = "./"
RAW = "raw/cell.ome.tif"
FIGURE = "figures/figure-1.png"
ZARR = "images/cell.ome.zarr/"
MANIFEST = "iscc-manifest.tsv"
AUTHOR = "https://orcid.org/0000-0002-1825-0097"
ACTION = "#crate-iscc-fingerprint"
SOFTWARE = "#crate-iscc"
ACQUISITION = "#acquisition"
SPECIMEN = "#specimen"
BIOSAMPLE = "#biosample"
DERIVATION = "#figure-1"
PIXELS = {RAW: "#pixel-code-raw", ZARR: "#pixel-code-zarr"}

# The codes of another file: well-formed, and wrong wherever they are put.
OTHER_ISCC = "ISCC:K4AHKMLAEY5KESHKMS4KRCIVYACQOUKHOKJDF44YQXOLBQW57SPFTSI"
OTHER_DATAHASH = "1e205147729232f39885dcb0c2ddfc9e59c9d23a1521e8e65a633a2abbafcf2705ce"


def _entity(document: Document, entity_id: str) -> Entity:
    found: Entity = next(e for e in document["@graph"] if e["@id"] == entity_id)
    return found


def _is_table(document: Document) -> bool:
    return "treehash" in _entity(document, ROOT)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _ref(entity_id: str) -> Entity:
    return {"@id": entity_id}


def _put(entity_id: str, **values: Any) -> Edit:
    def edit(document: Document) -> None:
        _entity(document, entity_id).update(values)

    return edit


def _lose(entity_id: str, *keys: str) -> Edit:
    def edit(document: Document) -> None:
        for key in keys:
            del _entity(document, entity_id)[key]

    return edit


def _add(*entities: Entity) -> Edit:
    def edit(document: Document) -> None:
        document["@graph"].extend(copy.deepcopy(entities))

    return edit


def _append(entity_id: str, key: str, *values: Any) -> Edit:
    def edit(document: Document) -> None:
        entity = _entity(document, entity_id)
        entity[key] = [*_list(entity.get(key)), *values]

    return edit


def _unlink(entity_id: str, key: str, target: str) -> Edit:
    """Remove one reference."""

    def edit(document: Document) -> None:
        entity = _entity(document, entity_id)
        entity[key] = [v for v in _list(entity[key]) if v != _ref(target)]

    return edit


def _drop(*ids: str) -> Edit:
    """Remove entities, and every reference to them: nothing is left that leads nowhere."""

    def edit(document: Document) -> None:
        document["@graph"] = [e for e in document["@graph"] if e["@id"] not in ids]
        for entity in document["@graph"]:
            for key in [k for k in entity if not k.startswith("@")]:
                values = _list(entity[key])
                kept = [v for v in values if not (isinstance(v, dict) and v.get("@id") in ids)]
                if len(kept) != len(values):
                    entity[key] = kept
                    if not kept:
                        del entity[key]

    return edit


def _rename(old: str, new: str) -> Edit:
    """Give an entity another @id, there and wherever it is referred to."""

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(item) for item in value]
        if isinstance(value, dict):
            return {k: renamed(v) for k, v in value.items()} | (
                _ref(new) if value.get("@id") == old else {}
            )
        return value

    def edit(document: Document) -> None:
        document["@graph"] = renamed(document["@graph"])

    return edit


def _define(**terms: str) -> Edit:
    def edit(document: Document) -> None:
        document["@context"][1].update(terms)

    return edit


def _all(*edits: Edit) -> Edit:
    def edit(document: Document) -> None:
        for step in edits:
            step(document)

    return edit


def _nothing(_: Document) -> None:
    pass


def _recipe(**values: Any) -> Edit:
    """Change the recipe: on the action, or on the root. None takes a property away."""

    def edit(document: Document) -> None:
        holder = _entity(document, ROOT if _is_table(document) else ACTION)
        for key, value in values.items():
            holder.pop(key, None)
            if value is not None:
                holder[key] = value

    return edit


def _excluding(*patterns: Any) -> Edit:
    value = patterns[0] if len(patterns) == 1 else list(patterns)
    return _all(_define(excludedPattern=BC + "excludedPattern"), _recipe(excludedPattern=value))


# --- codes ---------------------------------------------------------------------------------------


def _body(code: str) -> bytes:
    text = code.removeprefix("ISCC:")
    return base64.b32decode(text + "=" * (-len(text) % 8))[2:]


def _code(header: str, body: bytes) -> str:
    return "ISCC:" + base64.b32encode(bytes.fromhex(header) + body).decode("ascii").rstrip("=")


def _narrow(wide: str) -> str:
    """Return the narrow ISCC-SUM of the same bytes."""
    body = _body(wide)
    return _code("5500", body[:8] + body[16:24])


def _instance_code(datahash: str) -> str:
    return _code("4007", bytes.fromhex(datahash.removeprefix("1e20")))


def _file_iscc(entity_id: str, change: Callable[[str], list[Any]]) -> Edit:
    """Put other identifiers into the place of a file's ISCC-SUM."""

    def edit(document: Document) -> None:
        entity = _entity(document, entity_id)
        identifiers: list[Any] = []
        for value in _list(entity["identifier"]):
            is_code = isinstance(value, str) and value.startswith("ISCC:K4A")
            identifiers += change(value) if is_code else [value]
        entity["identifier"] = identifiers

    return edit


def _tree_code(entity_id: str, kind: str, change: Callable[[str], list[str]]) -> Edit:
    """Put other codes into the place of a tree's code, in the serialisation of the document."""
    starts = {"iscc-sum": "ISCC:K4A", "treehash": "1e20"}[kind]

    def edit_table(document: Document) -> None:
        entity = _entity(document, entity_id)
        key = "identifier" if kind == "iscc-sum" else "treehash"
        values: list[Any] = []
        for value in _list(entity[key]):
            is_code = isinstance(value, str) and value.startswith(starts)
            values += change(value) if is_code else [value]
        entity[key] = values
        if not values:
            del entity[key]

    def edit_graph(document: Document) -> None:
        code_id = f"#{kind}" + ("" if entity_id == ROOT else f"-{entity_id}")
        entity = _entity(document, code_id)
        codes = change(entity["value"])
        if not codes:
            _drop(code_id)(document)
            return
        entity["value"] = codes[0]
        for number, code in enumerate(codes[1:], start=2):
            another = {**entity, "@id": f"{code_id}-{number}", "value": code}
            _all(_add(another), _append(entity_id, "identifier", _ref(another["@id"])))(document)

    def edit(document: Document) -> None:
        (edit_table if _is_table(document) else edit_graph)(document)

    return edit


def _iscc_id(change: Callable[[str], list[str]]) -> Edit:
    def edit(document: Document) -> None:
        if _is_table(document):
            _append(ROOT, "identifier", *change(_entity(document, ROOT)["identifier"].pop()))(
                document
            )
            return
        codes = change(_entity(document, "#iscc-id")["value"])
        (_put("#iscc-id", value=codes[0]) if codes else _drop("#iscc-id"))(document)

    return edit


def _none(_: str) -> list[Any]:
    return []


def _new_file(entity_id: str, **values: Any) -> Edit:
    """Add a File with codes of its own, which are those of the figure."""

    def edit(document: Document) -> None:
        file = copy.deepcopy(_entity(document, FIGURE))
        document["@graph"].append(file | {"@id": entity_id, "name": "new"} | values)

    return edit


def _pixel_code(entity_id: str, **values: Any) -> Edit:
    return _put(PIXELS[entity_id], **values)


# --- faults --------------------------------------------------------------------------------------


def _not_in_shacl(name: str, finding: str, edit: Edit, **more: Any) -> Fault:
    return Fault(name, finding, edit, in_shacl=False, **more)


def _move_profile(to: str) -> Edit:
    return _all(_lose(ROOT, "conformsTo"), _append(to, "conformsTo", _ref(PROFILE)))


def _nested_author(*, with_id: bool) -> Edit:
    person: Entity = {"@type": "Person", "name": "Ada Lovelace"}
    if with_id:
        person = {"@id": AUTHOR} | person
    return _all(_drop(AUTHOR), _put(ROOT, author=person))


_CRATE_FAULTS = (
    Fault("profile-not-declared", "profile.declared", _lose(ROOT, "conformsTo")),
    Fault("profile-as-text", "profile.declared", _put(ROOT, conformsTo=PROFILE)),
    Fault("profile-on-a-container", "profile.declared", _move_profile(ZARR)),
    Fault("profile-on-the-descriptor", "profile.declared", _move_profile(DESCRIPTOR)),
    _not_in_shacl("nested-author", "graph.flat", _nested_author(with_id=True)),
    _not_in_shacl("nested-author-without-id", "graph.flat", _nested_author(with_id=False)),
    _not_in_shacl("entity-without-type", "graph.flat", _lose(AUTHOR, "@type")),
    _not_in_shacl("entity-without-id", "graph.flat", _add({"@type": "Thing", "name": "new"})),
    _not_in_shacl("reference-to-nobody", "graph.reference", _put(ROOT, publisher=_ref("#nobody"))),
    _not_in_shacl(
        "part-not-described", "graph.reference", _append(ROOT, "hasPart", _ref("notes.txt"))
    ),
    _not_in_shacl(
        "instrument-not-described", "graph.reference", _put(DERIVATION, instrument=_ref("#gone"))
    ),
    Fault("file-not-linked", "graph.part", _unlink(ROOT, "hasPart", RAW)),
    Fault("container-not-linked", "graph.part", _unlink(ROOT, "hasPart", ZARR)),
    Fault("new-file-not-linked", "graph.part", _new_file("notes/new.txt")),
    Fault(
        "file-linked-to-a-lost-folder",
        "graph.part",
        _all(
            _unlink(ROOT, "hasPart", RAW),
            _add({"@id": "raw/", "@type": "Dataset", "name": "raw", "hasPart": _ref(RAW)}),
        ),
    ),
)

_FILE_FAULTS = (
    Fault("file-without-identifier", "file.iscc-sum", _lose(FIGURE, "identifier")),
    Fault("file-without-iscc-sum", "file.iscc-sum", _file_iscc(RAW, _none)),
    Fault("file-with-narrow-iscc-sum", "file.iscc-sum", _file_iscc(FIGURE, lambda c: [_narrow(c)])),
    Fault(
        "file-with-two-iscc-sums",
        "file.iscc-sum",
        _file_iscc(FIGURE, lambda c: [c, OTHER_ISCC]),
        also=("file.codes-agree",),
    ),
    Fault("iscc-sum-in-lower-case", "file.iscc-sum", _file_iscc(RAW, lambda c: [c.lower()])),
    Fault("iscc-sum-cut", "file.iscc-sum", _file_iscc(FIGURE, lambda c: [c[:-1]])),
    Fault("iscc-sum-as-reference", "file.iscc-sum", _file_iscc(FIGURE, lambda c: [_ref(c)])),
    Fault(
        "iscc-sum-as-property-value",
        "file.iscc-sum",
        _all(
            _put(FIGURE, identifier=_ref("#figure-code")),
            _add(
                {
                    "@id": "#figure-code",
                    "@type": "PropertyValue",
                    "name": "ISCC-SUM of the figure",
                    "propertyID": ISCC_TERM,
                    "value": "ISCC:K4AGSWUIWM2KO4M4FI2OOILOW3DZI5MBHS4K74BB46WHOPPMQZCDP7A",
                }
            ),
        ),
    ),
    Fault(
        "new-file-without-iscc-sum",
        "file.iscc-sum",
        _all(
            _new_file("notes/new.txt", identifier="doi:10.5281/zenodo.1"),
            _append(ROOT, "hasPart", _ref("notes/new.txt")),
        ),
    ),
    Fault("file-without-datahash", "file.datahash", _lose(FIGURE, "datahash")),
    Fault(
        "datahash-in-upper-case",
        "file.datahash",
        _put(
            FIGURE, datahash="1e2075813CB8AFF021E7AC773DEC864437FC776725163148FBC5CF3BCCFE5E868085"
        ),
    ),
    Fault("datahash-of-another-kind", "file.datahash", _put(RAW, datahash="1220" + "ab" * 32)),
    Fault(
        "file-with-two-datahashes",
        "file.datahash",
        _append(FIGURE, "datahash", OTHER_DATAHASH),
        also=("file.codes-agree",),
    ),
    Fault("file-without-size", "file.size", _lose(RAW, "contentSize")),
    Fault("size-as-number", "file.size", _put(RAW, contentSize=1375)),
    Fault("size-with-unit", "file.size", _put(RAW, contentSize="1375 B")),
    Fault("file-with-two-sizes", "file.size", _put(RAW, contentSize=["1375", "1376"])),
    _not_in_shacl(
        "iscc-sum-of-another-file", "file.codes-agree", _file_iscc(FIGURE, lambda _: [OTHER_ISCC])
    ),
    _not_in_shacl(
        "datahash-of-another-file", "file.codes-agree", _put(RAW, datahash=OTHER_DATAHASH)
    ),
    _not_in_shacl(
        "unit-of-another-file",
        "file.codes-agree",
        _append(FIGURE, "identifier", _instance_code(OTHER_DATAHASH)),
    ),
    _not_in_shacl(
        "narrow-iscc-sum-of-another-file",
        "file.codes-agree",
        _append(FIGURE, "identifier", _narrow(OTHER_ISCC)),
    ),
    Fault("file-without-sha256", "file.sha256", _lose(FIGURE, "sha256")),
    Fault("sha256-in-upper-case", "file.sha256", _put(FIGURE, sha256="AB" * 32)),
    Fault("file-with-two-sha256", "file.sha256", _append(RAW, "sha256", "ab" * 32)),
)


_TREE_FAULTS = (
    Fault("root-without-iscc-sum", "tree.iscc-sum", _tree_code(ROOT, "iscc-sum", _none)),
    Fault("container-without-iscc-sum", "tree.iscc-sum", _tree_code(ZARR, "iscc-sum", _none)),
    Fault(
        "root-with-narrow-iscc-sum",
        "tree.iscc-sum",
        _tree_code(ROOT, "iscc-sum", lambda c: [_narrow(c)]),
    ),
    Fault(
        "root-with-two-iscc-sums",
        "tree.iscc-sum",
        _tree_code(ROOT, "iscc-sum", lambda c: [c, OTHER_ISCC]),
    ),
    Fault("root-without-treehash", "tree.treehash", _tree_code(ROOT, "treehash", _none)),
    Fault("container-without-treehash", "tree.treehash", _tree_code(ZARR, "treehash", _none)),
    Fault(
        "treehash-in-upper-case",
        "tree.treehash",
        _tree_code(ROOT, "treehash", lambda c: ["1e20" + c[4:].upper()]),
    ),
    Fault(
        "root-with-two-treehashes",
        "tree.treehash",
        _tree_code(ROOT, "treehash", lambda c: [c, OTHER_DATAHASH]),
    ),
    Fault("root-without-size", "tree.size", _lose(ROOT, "contentSize")),
    Fault("root-with-size-as-number", "tree.size", _put(ROOT, contentSize=3276)),
    Fault("root-without-file-count", "tree.size", _lose(ROOT, "fileCount")),
    Fault("container-without-file-count", "tree.size", _lose(ZARR, "fileCount")),
    Fault("container-with-file-count-as-text", "tree.size", _put(ZARR, fileCount="4")),
    Fault("root-with-negative-file-count", "tree.size", _put(ROOT, fileCount=-1)),
    Fault(
        "tree-iscc-sum-of-unknown-kind",
        "tree.iscc-sum",
        _put("#iscc-sum", propertyID="https://example.org/checksum"),
        GRAPH,
    ),
    Fault("tree-code-without-value", "tree.iscc-sum", _lose("#iscc-sum-" + ZARR, "value"), GRAPH),
    Fault(
        "treehash-of-unknown-kind",
        "tree.treehash",
        _put("#treehash", propertyID="https://example.org/checksum"),
        GRAPH,
    ),
    Fault(
        "both-codes-called-iscc-sum",
        "tree.treehash",
        _put("#treehash-" + ZARR, propertyID=ISCC_TERM),
        GRAPH,
    ),
    Fault("file-count-with-fraction", "tree.size", _put(ROOT, fileCount=7.5)),
    Fault("root-with-two-file-counts", "tree.size", _put(ROOT, fileCount=[7, 8])),
    Fault(
        "folder-container-without-treehash",
        "tree.treehash",
        # A folder that --container names: fileCount makes it one, no .zarr in its name.
        _all(_rename(ZARR, "images/tiles/"), _tree_code("images/tiles/", "treehash", _none)),
        TABLE,
    ),
    Fault("manifest-not-recorded", "manifest.recorded", _drop(MANIFEST), GRAPH),
    Fault(
        "manifest-under-another-name",
        "manifest.recorded",
        _rename(MANIFEST, "manifest.tsv"),
        GRAPH,
    ),
    Fault("manifest-without-datahash", "manifest.recorded", _lose(ROOT, "manifestDatahash"), TABLE),
    Fault("manifest-without-schema", "manifest.recorded", _lose(ROOT, "manifestSchema"), TABLE),
    Fault(
        "manifest-datahash-malformed",
        "manifest.recorded",
        _put(ROOT, manifestDatahash="ab" * 32),
        TABLE,
    ),
    Fault(
        "manifest-not-recorded-without-containers",
        "manifest.recorded",
        _all(_drop(ZARR), _lose(ROOT, "manifestDatahash", "manifestSchema")),
        TABLE,
    ),
    Fault("recipe-version-not-stated", "recipe.version", _recipe(recipeVersion=None)),
    Fault("recipe-version-unknown", "recipe.version", _recipe(recipeVersion="2")),
    Fault("recipe-version-as-number", "recipe.version", _recipe(recipeVersion=1)),
    Fault("two-recipe-versions", "recipe.version", _recipe(recipeVersion=["1", "2"])),
    Fault(
        "recipe-of-nothing",
        "recipe.version",
        # Neither does the root lead to the action, nor the action to the root.
        _all(_unlink(ROOT, "mentions", ACTION), _lose(ACTION, "object")),
        GRAPH,
        also=("recipe.level", "recipe.generator"),
    ),
    Fault("exclusion-empty", "recipe.exclusions", _excluding("")),
    Fault("exclusion-as-number", "recipe.exclusions", _excluding(7)),
    Fault("one-exclusion-empty", "recipe.exclusions", _excluding("scratch/*", "")),
    _not_in_shacl("exclusion-no-pattern", "recipe.exclusions", _excluding("scratch/*", "!")),
    Fault("level-not-stated", "recipe.level", _recipe(codeLevel=None)),
    Fault("level-unknown", "recipe.level", _recipe(codeLevel="voxels")),
    Fault("generator-not-named", "recipe.generator", _lose(ROOT, "generator"), TABLE),
    Fault(
        "generator-without-version", "recipe.generator", _put(ROOT, generator="crate-iscc"), TABLE
    ),
    Fault("action-without-instrument", "recipe.generator", _lose(ACTION, "instrument"), GRAPH),
    Fault("software-without-version", "recipe.generator", _lose(SOFTWARE, "version"), GRAPH),
    Fault("software-without-name", "recipe.generator", _lose(SOFTWARE, "name"), GRAPH),
    Fault(
        "instrument-is-no-software", "recipe.generator", _put(SOFTWARE, **{"@type": "Thing"}), GRAPH
    ),
)

_CHAIN = ("describe.modality", "describe.specimen", "describe.biosample", "describe.organism")

_DESCRIPTION_FAULTS = (
    Fault("no-licence", "describe.license", _lose(ROOT, "license")),
    Fault(
        "licence-not-stated",
        "describe.license",
        _all(
            _put(ROOT, license=_ref("#licence-not-stated")),
            _add({"@id": "#licence-not-stated", "@type": "CreativeWork", "name": "Not stated"}),
        ),
    ),
    Fault("licence-as-a-word", "describe.license", _put(ROOT, license="CC0")),
    Fault("no-date", "describe.date-published", _lose(ROOT, "datePublished")),
    Fault("date-in-words", "describe.date-published", _put(ROOT, datePublished="1 January 2026")),
    Fault("nobody", "describe.creator", _lose(ROOT, "author")),
    Fault("author-empty", "describe.creator", _put(ROOT, author="")),
    Fault("acquisition-without-method", "describe.modality", _lose(ACQUISITION, "fbbi_id")),
    Fault(
        "method-in-words", "describe.modality", _put(ACQUISITION, fbbi_id="wide-field microscopy")
    ),
    Fault(
        "method-of-another-ontology",
        "describe.modality",
        _put(ACQUISITION, fbbi_id=_ref("http://purl.obolibrary.org/obo/OBI_0000070")),
    ),
    Fault(
        "acquisition-not-linked",
        "describe.modality",
        _all(_lose(ROOT, "resultOf"), _lose(ACQUISITION, "result")),
        also=_CHAIN[1:],
    ),
    Fault(
        "acquisition-without-specimen",
        "describe.specimen",
        _lose(ACQUISITION, "specimen"),
        also=_CHAIN[2:],
    ),
    Fault(
        "specimen-in-words",
        "describe.specimen",
        _put(ACQUISITION, specimen="a dish"),
        also=_CHAIN[2:],
    ),
    Fault(
        "specimen-without-biosample",
        "describe.biosample",
        _lose(SPECIMEN, "biosample"),
        also=_CHAIN[3:],
    ),
    Fault(
        "biosample-in-words",
        "describe.biosample",
        _put(SPECIMEN, biosample="HeLa"),
        also=_CHAIN[3:],
    ),
    Fault(
        "biosample-without-organism",
        "describe.organism",
        _lose(BIOSAMPLE, "organism_classification"),
    ),
    Fault(
        "organism-in-words",
        "describe.organism",
        _put(BIOSAMPLE, organism_classification="Homo sapiens"),
    ),
    Fault(
        "organism-of-another-taxonomy",
        "describe.organism",
        _put(BIOSAMPLE, organism_classification=_ref("https://www.gbif.org/species/2436436")),
    ),
    Fault("no-derivation", "describe.derivation", _drop(DERIVATION)),
    Fault("derivation-from-nothing", "describe.derivation", _lose(DERIVATION, "object")),
    Fault(
        "derivation-of-something-else",
        "describe.derivation",
        _put(DERIVATION, result=_ref("https://example.org/figure-1.png")),
    ),
    Fault(
        "derivation-is-no-creation",
        "describe.derivation",
        _put(DERIVATION, **{"@type": "UpdateAction"}),
    ),
)


_OTHER_FAULTS = (
    Fault("tiff-without-pixel-code", "image.pixel-code", _drop(PIXELS[RAW])),
    Fault("zarr-without-pixel-code", "image.pixel-code", _drop(PIXELS[ZARR])),
    Fault("pixel-code-of-bytes", "image.pixel-code", _pixel_code(RAW, codeLevel="bytes")),
    Fault("pixel-code-narrow", "image.pixel-code", _pixel_code(ZARR, value=_narrow(OTHER_ISCC))),
    Fault("pixel-code-without-axes", "image.pixel-code", _lose(PIXELS[RAW], "axes")),
    Fault("pixel-code-without-shape", "image.pixel-code", _lose(PIXELS[ZARR], "shape")),
    Fault("pixel-code-without-dtype", "image.pixel-code", _lose(PIXELS[RAW], "dtype")),
    Fault(
        "pixel-code-of-unknown-kind",
        "image.pixel-code",
        _pixel_code(RAW, propertyID="https://example.org/pixels"),
    ),
    Fault(
        "new-tiff-without-pixel-code",
        "image.pixel-code",
        _all(
            _new_file("raw/new.tif", encodingFormat="image/tiff"),
            _append(ROOT, "hasPart", _ref("raw/new.tif")),
        ),
    ),
    Fault("no-iscc-id", "proof.iscc-id", _iscc_id(_none)),
    Fault("iscc-id-cut", "proof.iscc-id", _iscc_id(lambda c: [c[:-1]])),
    _not_in_shacl("no-signature", "proof.signature", _nothing, removes="iscc-proof/signature.json"),
    _not_in_shacl("no-timestamp", "proof.timestamp", _nothing, removes="iscc-proof/*.tsr"),
)

FAULTS = (
    *_CRATE_FAULTS,
    *_FILE_FAULTS,
    *_TREE_FAULTS,
    *_DESCRIPTION_FAULTS,
    *_OTHER_FAULTS,
)
"""Every fault; their names are unique."""


# --- variants ------------------------------------------------------------------------------------


def _in_version(version: str) -> Edit:
    def edit(document: Document) -> None:
        document["@context"][0] = f"https://w3id.org/ro/crate/{version}/context"
        _put(DESCRIPTOR, conformsTo=_ref(f"https://w3id.org/ro/crate/{version}"))(document)
        if version == "1.1":
            # The context of 1.1 has neither sha256 nor Profile.
            _define(sha256="http://schema.org/sha256")(document)
            _put(PROFILE, **{"@type": "CreativeWork"})(document)

    return edit


def _in_full(document: Document) -> None:
    """Write the terms of the crate's own context as IRIs."""
    terms = document["@context"].pop()
    for entity in document["@graph"]:
        for key in [k for k in entity if k in terms]:
            entity[terms[key]] = entity.pop(key)


def _as_value_objects(document: Document) -> None:
    for entity in document["@graph"]:
        for key in ("identifier", "datahash", "contentSize", "treehash", "recipeVersion"):
            if key in entity:
                entity[key] = [
                    {"@value": v} if isinstance(v, str) else v for v in _list(entity[key])
                ]


def _as_lists(document: Document) -> None:
    for entity in document["@graph"]:
        entity.update({k: _list(v) for k, v in entity.items() if k != "@id"})


def _backwards(document: Document) -> None:
    """Turn round the order of entities, keys and values, none of which means anything."""
    document["@graph"] = [
        {k: v[::-1] if isinstance(v, list) else v for k, v in reversed(entity.items())}
        for entity in reversed(document["@graph"])
    ]


_REMBI_TERMS = _all(
    _define(
        resultOf=BIA + "resultOf",
        associatedImageAcquisitionProtocol=BIA + "associatedImageAcquisitionProtocol",
        fbbiId=BIA + "fbbiId",
        associatedSpecimen=BIA + "associatedSubject",
        associatedBiologicalEntity=BIA + "associatedBiologicalEntity",
        biologicalEntity=BIA + "sampleOf",
        organismClassification="http://schema.org/taxonomicRange",
    ),
    _drop(ACQUISITION, SPECIMEN, BIOSAMPLE),
)
"""The BioImage Archive's words instead of the OME-NGFF challenge's."""

_PROTOCOL: Entity = {
    "@id": "#protocol",
    "@type": "Thing",
    "name": "Wide-field imaging",
    "fbbiId": "FBbi:00000246",
}
_CELLS: Entity = {
    "@id": "#cells",
    "@type": "Thing",
    "name": "HeLa cells",
    "organismClassification": _ref("NCBI:txid9606"),
}
_DISH: Entity = {
    "@id": "#dish",
    "@type": "Thing",
    "name": "A dish",
    "biologicalEntity": _ref("#cells"),
}

VARIANTS = (
    Variant("as-it-is", _nothing),
    Variant("ro-crate-1.1", _in_version("1.1")),
    Variant("ro-crate-1.2", _in_version("1.2")),
    Variant("terms-in-full", _in_full),
    Variant("values-as-objects", _as_value_objects),
    Variant("values-as-lists", _as_lists),
    Variant("everything-backwards", _backwards),
    Variant("root-with-an-address", _rename(ROOT, "https://example.org/study/")),
    Variant(
        "unknown-terms",
        _all(
            _define(mood="https://example.org/mood"),
            _put(RAW, mood="good", colour="green"),
            _put(ROOT, mood=_ref("https://example.org/good")),
        ),
        GRAPH,
    ),
    Variant(
        "other-profiles-too",
        _append(ROOT, "conformsTo", _ref("https://w3id.org/ro/wfrun/process/0.5")),
        TABLE,
    ),
    Variant(
        "other-identifiers",
        _all(
            _append(ROOT, "identifier", "https://doi.org/10.5281/zenodo.1"),
            _append(FIGURE, "identifier", "https://doi.org/10.5281/zenodo.2", "S-BIAD1"),
            _append(ZARR, "identifier", _ref("https://doi.org/10.5281/zenodo.3")),
        ),
    ),
    Variant(
        "narrow-iscc-sum-and-unit-too",
        _all(
            _file_iscc(FIGURE, lambda c: [c, _narrow(c)]),
            _append(
                RAW,
                "identifier",
                _instance_code(
                    "1e20266847e81e37278a977314fc48c6a178bdb2e9e6e91bae37ef21bba24c6520f9"
                ),
            ),
        ),
    ),
    Variant("code-written-twice", _file_iscc(FIGURE, lambda c: [c, c])),
    Variant(
        "file-on-the-web",
        _all(
            _add(
                {
                    "@id": "https://example.org/x.tif",
                    "@type": "File",
                    "name": "x.tif",
                    "encodingFormat": "image/tiff",
                }
            ),
            _append(ROOT, "hasPart", _ref("https://example.org/x.tif")),
        ),
    ),
    Variant(
        "file-on-the-web-mentioned",
        _add({"@id": "s3://bucket/x.tif", "@type": "File", "name": "x.tif"}),
        GRAPH,
    ),
    Variant(
        "zarr-on-the-web",
        _all(
            _add({"@id": "https://example.org/x.ome.zarr/", "@type": "Dataset", "name": "x"}),
            _append(ROOT, "hasPart", _ref("https://example.org/x.ome.zarr/")),
        ),
        TABLE,
    ),
    Variant(
        "file-within-the-metadata", _add({"@id": "#x", "@type": "File", "name": "no path"}), TABLE
    ),
    Variant(
        "preview",
        _add(
            {
                "@id": "ro-crate-preview.html",
                "@type": "File",
                "name": "Preview",
                "about": _ref(ROOT),
            },
            {"@id": "ro-crate-preview_files/a.css", "@type": "File", "name": "a.css"},
        ),
    ),
    Variant("descriptor-as-file", _put(DESCRIPTOR, **{"@type": ["CreativeWork", "File"]}), GRAPH),
    Variant(
        "files-of-several-types",
        _all(
            _put(RAW, **{"@type": ["File", "ImageObject"]}),
            _put(ZARR, **{"@type": ["Dataset", "RepositoryObject"]}),
        ),
        GRAPH,
    ),
    Variant(
        "files-in-folders",
        _all(
            _unlink(ROOT, "hasPart", RAW),
            _unlink(ROOT, "hasPart", FIGURE),
            _append(ROOT, "hasPart", _ref("raw/")),
            _add(
                {
                    "@id": "raw/",
                    "@type": "Dataset",
                    "name": "raw",
                    "hasPart": [_ref(RAW), _ref("figures/")],
                },
                {"@id": "figures/", "@type": "Dataset", "name": "figures", "hasPart": _ref(FIGURE)},
            ),
        ),
    ),
    Variant(
        "datasets-in-a-container",
        _all(
            _append(ZARR, "hasPart", _ref(ZARR + "labels/")),
            _add(
                {"@id": ZARR + "labels/", "@type": "Dataset", "name": "labels", "fileCount": 2},
                {"@id": ZARR + "labels/nuclei.zarr/", "@type": "Dataset", "name": "nuclei"},
            ),
        ),
    ),
    Variant("no-container-no-manifest", _drop(ZARR, MANIFEST), GRAPH),
    Variant(
        "something-about-something",
        _add(
            {
                "@id": "https://example.org/paper",
                "@type": "ScholarlyArticle",
                "name": "Paper",
                "about": [_ref(ZARR), _ref(AUTHOR)],
            }
        ),
        TABLE,
    ),
    Variant(
        "creator-instead-of-author",
        _all(_lose(ROOT, "author"), _put(ROOT, creator=[_ref(AUTHOR), "Charles Babbage"])),
        GRAPH,
    ),
    Variant(
        "licence-as-url",
        _put(ROOT, license="https://creativecommons.org/publicdomain/zero/1.0/"),
        TABLE,
    ),
    Variant("date-with-time", _put(ROOT, datePublished="2026-01-01T12:30:00+01:00"), GRAPH),
    Variant("exclusions", _excluding("scratch/*", "!scratch/keep.txt")),
    Variant(
        "software-version",
        _all(_lose(SOFTWARE, "version"), _put(SOFTWARE, softwareVersion="0.1.0")),
        GRAPH,
    ),
    Variant(
        "several-actions",
        _all(
            _append(ROOT, "mentions", _ref("#upload")),
            _add(
                {
                    "@id": "#upload",
                    "@type": "CreateAction",
                    "name": "Packing",
                    "object": _ref(ROOT),
                    "result": _ref("https://example.org/study.zip"),
                }
            ),
        ),
    ),
    Variant("acquisition-by-result-only", _lose(ROOT, "resultOf"), TABLE),
    Variant(
        "acquisition-of-a-container",
        _all(
            _lose(ROOT, "resultOf"),
            _lose(ACQUISITION, "result"),
            _put(ZARR, resultOf=_ref(ACQUISITION)),
        ),
        GRAPH,
    ),
    Variant(
        "rembi-of-an-acquisition",
        _all(
            _REMBI_TERMS,
            _put(ROOT, resultOf=_ref("#acquired")),
            _add(
                {**_PROTOCOL, "@id": "#acquired", "@type": "CreateAction"},
                _DISH,
                _CELLS,
            ),
            _put(ROOT, associatedSpecimen=_ref("#dish")),
        ),
    ),
    Variant(
        "rembi-of-a-dataset",
        _all(
            _REMBI_TERMS,
            _put(
                ZARR,
                associatedImageAcquisitionProtocol=_ref("#protocol"),
                associatedSpecimen=_ref("#dish"),
                associatedBiologicalEntity=_ref("#cells"),
            ),
            _add(_PROTOCOL, {**_DISH, "biologicalEntity": _ref("#cells")}, _CELLS),
        ),
        TABLE,
    ),
)
"""Every variant; their names are unique."""
