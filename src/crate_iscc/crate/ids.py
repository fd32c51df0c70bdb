"""Judges the `@id`s of a crate's data entities: what they name must lie in the crate.

Nothing here looks at a disk or asks a network: an `@id` is text.
"""

from collections.abc import Container, Iterator
from urllib.parse import unquote

from crate_iscc.crate.view import Crate
from crate_iscc.paths import (
    decode_id,
    has_scheme,
    is_plain_id,
    path_problem,
    printable,
    problem_elsewhere,
    repaired,
    valid_unicode,
)
from crate_iscc.report import Finding


def id_findings(crate: Crate) -> Iterator[Finding]:
    """Yield what is to be said of the `@id`s of the Files and Datasets, the root left out."""
    root = crate.root_id
    judged: dict[str, tuple[str, str]] = {}
    for entity_id in crate.ids():
        if is_plain_id(entity_id):  # as nearly all are, of which there may be very many
            continue
        problem = None if entity_id == root else _judged(entity_id)
        if problem and (crate.is_file(entity_id) or crate.is_dataset(entity_id)):
            judged[entity_id] = problem
    places = _places_of(crate, judged) if judged else {}
    for entity_id, (kind, message) in judged.items():
        yield Finding(
            kind,
            f"{message}: {printable(entity_id):.200}",
            entity=valid_unicode(entity_id),
            pointer=places.get(entity_id),
        )


def _places_of(crate: Crate, ids: Container[str]) -> dict[str, str]:
    """Return the JSON Pointers of some top-level entities, without a place for all the others."""
    places: dict[str, str] = {}
    for number, member in enumerate(crate.document.graph):
        entity_id = member.get("@id") if isinstance(member, dict) else None
        if isinstance(entity_id, str) and entity_id in ids:
            places.setdefault(entity_id, f"/@graph/{number}")
    return places


def _judged(entity_id: str) -> tuple[str, str] | None:
    """Return the kind of finding and the words for an `@id`, None for one that may be there.

    Escapes are decoded once: what is encoded twice is the name of a file (RFC 3986, section 2.4).
    """
    path = decode_id(entity_id)
    if path is not None:
        problem = problem_elsewhere(path)
        return ("path.unsafe", problem) if problem else None
    if entity_id.startswith(("#", "_:")):
        return None
    scheme, colon, _ = entity_id.partition(":")
    if colon and has_scheme(entity_id):
        if len(scheme) == 1:
            return "path.unsafe", "the @id starts with a drive"
        if scheme.lower() == "file":
            return "path.unsafe", "the @id names a file of whoever reads it"
        return "bytes.remote", "not checked, it lies elsewhere"
    relative = repaired(entity_id.partition("#")[0].partition("?")[0])
    if "%2f" in relative.lower():
        return "path.unsafe", "the @id holds an escaped slash"
    # A slash at the end says that it is a folder; two of them are still one.
    decoded = unquote(relative, errors="replace")
    problem = path_problem(decoded.removesuffix("/")) or problem_elsewhere(decoded)
    return ("path.unsafe", problem) if problem else None
