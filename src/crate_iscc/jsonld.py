"""A lossless JSON-LD document: edited by `@id`, with everything unknown kept as it was.

Kept are the order of keys, numbers as they were written, the indentation, the line ends, and
whether other than ASCII is escaped. Nothing here follows a context or asks the network.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Set
from functools import partial
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any
from uuid import uuid4

from crate_iscc.errors import InputError

Entity = dict[str, Any]
"""A JSON object of the document; JSON has no closed set of types, so its values are Any."""


_BRACKETS = (dict, list)
_TEXTS = {str}
_MAX_DEPTH = 200
_TOO_DEEP = InputError(
    "the metadata is nested too deeply", cause=f"more than {_MAX_DEPTH} levels of brackets"
)


class Document:
    """A parsed JSON-LD document that can be written back byte for byte where nothing changed."""

    def __init__(self, value: Entity, style: "_Style | None" = None, raw: bytes = b"") -> None:
        self.value = value
        self._style = style or _Style()
        self._raw = raw
        self._top: dict[str, Entity] | None = None

    @classmethod
    def parse(cls, raw: bytes) -> "Document":
        """Parse UTF-8 JSON (a byte order mark is allowed).

        Raises InputError for what is not JSON, not an object with `@context` and `@graph`, not
        UTF-8, nested too deeply, or has one key twice in one object: it could not be kept.
        """
        hint = "the file may be cut or have been edited by hand; restore it from a copy"
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError("the metadata is not UTF-8", cause=str(error), hint=hint) from error
        style = _Style.of(text)
        try:
            value = style.load(text, raw)
        except InputError:
            raise
        except ValueError as error:
            raise InputError("the metadata is not JSON", cause=str(error), hint=hint) from error
        except RecursionError:
            raise _TOO_DEEP from None
        if not isinstance(value, dict) or not isinstance(value.get("@graph"), list):
            raise InputError(
                "the metadata is not RO-Crate JSON-LD",
                cause="there is no object with a @graph list",
                hint="an RO-Crate's metadata file holds one object with @context and @graph",
            )
        return cls(value, style, raw)

    def copy(self) -> "Document":
        """Return an independent copy with the same style."""
        return Document(_deep_copy(self.value), self._style, self._raw)

    @property
    def graph(self) -> list[Any]:
        """The `@graph` list; `put` and `drop` change it."""
        graph: list[Any] = self.value["@graph"]
        return graph

    def put(self, entity: Entity, *, keep: bool = False) -> None:
        """Set the properties of a top-level entity, or add it; `keep` leaves one that is there."""
        if self._top is None:
            self._top = {}
            for there in self.graph:
                if isinstance(there, dict) and isinstance(there.get("@id"), str):
                    self._top.setdefault(there["@id"], there)
        there = self._top.get(entity["@id"])
        if there is None:
            self.graph.append(entity)
            self._top[entity["@id"]] = entity
        elif not keep:
            there.update(entity)

    def drop(self, ids: Set[str]) -> None:
        """Remove top-level entities, and references to them in any `hasPart`."""
        if not ids:
            return
        self._top = None
        graph = self.graph
        # What stands as an @id may be anything, also what can be in no set.
        graph[:] = [e for e in graph if not isinstance(e, dict) or ids.isdisjoint(references(e))]
        for entity in self.objects():
            parts = as_list(entity.get("hasPart"))
            kept = [part for part in parts if ids.isdisjoint(references(part))]
            if len(kept) == len(parts):
                continue
            entity["hasPart"] = kept
            if not kept:
                del entity["hasPart"]

    def objects(self) -> Iterator[Entity]:
        """Yield each object that has an `@id` and says something, also nested ones, in order.

        A bare reference (`{"@id": …}`) says nothing and is left out.
        """
        stack: list[Any] = []
        for member in self.graph:
            # Most hold nothing but texts, and there may be as many of them as files.
            if member.__class__ is dict and {*map(type, member.values())} == _TEXTS:
                if "@id" in member and len(member) > 1:
                    yield member
                continue
            stack.append([member])
            while stack:
                value = stack.pop()
                inner: Iterable[Any] = value
                if isinstance(value, dict):
                    if isinstance(value.get("@id"), str) and len(value) > 1:
                        yield value
                    inner = value.values()
                # Most are references, and there may be as many of them as files.
                found = [
                    v
                    for v in inner
                    if v.__class__ is not str and isinstance(v, _BRACKETS) and not _is_reference(v)
                ]
                found.reverse()
                stack.extend(found)

    def placed_objects(self) -> Iterator[tuple[str, Entity]]:
        """Yield what `objects` yields, each with its JSON Pointer (RFC 6901), in some order."""
        stack: list[tuple[str, Any]] = [("/@graph", self.graph)]
        while stack:
            place, value = stack.pop()
            items: Iterable[tuple[Any, Any]] = enumerate(value)
            if isinstance(value, dict):
                if isinstance(value.get("@id"), str) and len(value) > 1:
                    yield place, value
                items = value.items()
            for key, inner in items:
                if isinstance(inner, dict | list):
                    stack.append((f"{place}/{pointer_step(key)}", inner))

    def contexts(self) -> list[Any]:
        """Return the members of `@context` as a list, however it is written."""
        return as_list(self.value.get("@context"))

    def meaning(self, term: str) -> str | None:
        """Return the IRI that the document's own contexts give a term, or None.

        A compact IRI is expanded with the prefixes of the same contexts. A term that is defined
        as nothing at all gives an empty string.
        """
        known = self._definitions()
        if term not in known:
            return None
        return _unfolded(_defined_iri(known[term]), known)

    def _definitions(self) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for context in self.contexts():
            if isinstance(context, dict):
                known |= context
        return known

    def terms(self) -> Collection[str]:
        """Return the terms that the document's own contexts define."""
        return self._definitions().keys()

    def expanded(self, name: str) -> str:
        """Return the IRI of a term or compact IRI, or the name itself where it has none."""
        known = self._definitions()
        return _unfolded(_defined_iri(known.get(name, name)), known)

    def define_terms(self, terms: dict[str, str]) -> dict[str, str]:
        """Make `terms` usable and return the key to write for each.

        A term that the document defines alike is used as it is. A new one goes into an object
        of the `@context` array, behind what is there. Where the document gives the name another
        meaning, the key to write is the full IRI.
        """
        keys = {}
        missing = {}
        for term, iri in terms.items():
            meaning = self.meaning(term)
            if meaning is None:
                missing[term] = iri
            keys[term] = term if meaning is None or meaning == iri else iri
        if missing:
            self._add_context(missing)
        return keys

    def _add_context(self, missing: dict[str, str]) -> None:
        contexts = self.contexts()
        if contexts and isinstance(contexts[-1], dict):
            contexts[-1].update(missing)
        else:
            contexts.append(missing)
        self.value["@context"] = contexts

    def dump(self) -> bytes:
        """Return the document as UTF-8 JSON in the style in which it came.

        Where it says what it said when it was parsed, the very same bytes are returned.
        """
        if self._raw and self._style.load(self._raw.decode("utf-8-sig"), self._raw) == self.value:
            return self._raw
        return self._style.dump(self.value)


# Control characters are escaped by everybody and say nothing about the rest.
_ESCAPED = re.compile(r"\\u(?!00[0-7])[0-9a-fA-F]{4}")


class _Style:
    """How a JSON text was written, so that it can be written so again."""

    def __init__(self) -> None:
        self.indent: str | None = "  "
        self.separators = (",", ": ")
        self.ascii = False
        self.end = "\n"
        self.newline = "\n"
        self._marker = f"number:{uuid4().hex}:"

    def _quote(self, text: str) -> str:
        return encode_basestring_ascii(text) if self.ascii else encode_basestring(text)

    @classmethod
    def of(cls, text: str) -> "_Style":
        style = cls()
        # The text is not copied for this: it may be as long as the files are many.
        size = len(text)
        while size and text[size - 1].isspace():
            size -= 1
        style.end = text[size:]
        style.newline = "\r\n" if "\r" in text and text.find("\r\n", 0, size) >= 0 else "\n"
        indent = re.match(r"\s*[{\[][ \t]*\r?\n([ \t]*)", text)
        style.indent = indent[1] if indent else None
        if not indent:
            first_key = re.match(r'\s*\{\s*"(?:[^"\\]|\\.)*"\s*:(\S)?', text)
            compact = first_key is not None and first_key[1] is not None
            style.separators = (",", ":") if compact else (", ", ": ")
        style.ascii = text.isascii() and _ESCAPED.search(text) is not None
        return style

    def load(self, text: str, raw: bytes) -> Any:
        """Parse JSON so that `dump` can write its numbers as they were.

        Raises InputError if it is nested too deeply or an object has one key twice.
        """
        parse = partial(
            json.loads,
            text,
            parse_float=self.number,
            parse_int=self.integer,
            parse_constant=_no_constant,
        )
        value = parse()
        # Telling each object's keys takes three times as long as all the rest of the parsing.
        if _count_keys(value) != _most_keys_in(raw):
            parse(object_pairs_hook=_object)
        return value

    def number(self, text: str) -> float | str:
        """Keep a number that Python would write differently as its text."""
        value = float(text)
        return value if repr(value) == text else self._marker + text

    def integer(self, text: str) -> int | str:
        """Keep an integer that Python would write differently, or refuse to read, as its text."""
        if len(text) > 1000 or text == "-0":
            return self._marker + text
        return int(text)

    def dump(self, value: Entity) -> bytes:
        parts: list[str] = []
        line = "" if self.indent is None else self.newline
        self._write(value, line, parts)
        parts.append(self.end)
        # A lone surrogate is legal as a JSON escape, but not as UTF-8.
        return "".join(parts).encode("utf-8", "surrogatepass" if self.ascii else "backslashreplace")

    def _write(self, value: Any, line: str, parts: list[str]) -> None:
        """Append the text of a value; `line` is what starts a line at its level.

        json.dumps takes three times as long where it indents.
        """
        if isinstance(value, str):
            marked = value.startswith(self._marker)
            parts.append(value[len(self._marker) :] if marked else self._quote(value))
        elif isinstance(value, dict) and value:
            inner = line + (self.indent or "")
            start = "{" + inner
            for key, item in value.items():
                parts.append(start)
                parts.append(self._quote(key))
                parts.append(self.separators[1])
                self._write(item, inner, parts)
                start = self.separators[0] + inner
            parts.append(line + "}")
        elif isinstance(value, list) and value:
            inner = line + (self.indent or "")
            start = "[" + inner
            for item in value:
                parts.append(start)
                self._write(item, inner, parts)
                start = self.separators[0] + inner
            parts.append(line + "]")
        else:
            parts.append(json.dumps(value))


_KEPT_NUMBER = re.compile(r"number:[0-9a-f]{32}:(-?[0-9]+)")


def digits_of(value: Any) -> Any:
    """Return the digits of an integer that was too long to be read, other values as they are."""
    kept = _KEPT_NUMBER.fullmatch(value) if isinstance(value, str) else None
    return kept[1] if kept else value


def pointer_step(key: str | int) -> str:
    """Return a key or an index as one step of a JSON Pointer (RFC 6901, section 3)."""
    return str(key).replace("~", "~0").replace("/", "~1")


def as_list(value: Any) -> list[Any]:
    """Return a JSON-LD value as a list: nothing, one value, or several."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def unpacked(values: list[Any]) -> Any:
    """Return values as RO-Crate asks: a list of one is written as the one."""
    return values[0] if len(values) == 1 else values


def strings(value: Any) -> list[str]:
    """Return the texts among a property's values, also those of `@value` objects."""
    texts = []
    for item in as_list(value):
        text = item.get("@value") if isinstance(item, dict) else item
        if isinstance(text, str):
            texts.append(text)
    return texts


def references(value: Any) -> list[str]:
    """Return the `@id`s that a property's values point to."""
    return [
        item["@id"]
        for item in as_list(value)
        if isinstance(item, dict) and isinstance(item.get("@id"), str)
    ]


def _object(pairs: list[tuple[str, Any]]) -> Entity:
    result = dict(pairs)
    if len(result) != len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise InputError(
            "the metadata is ambiguous",
            cause=f"the key {twice!r:.60} stands twice in one object",
            hint="keep one of the two and try again",
        )
    return result


def _no_constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


def _defined_iri(definition: Any) -> str:
    iri = definition.get("@id") if isinstance(definition, dict) else definition
    return iri if isinstance(iri, str) else ""


def _unfolded(iri: str, known: dict[str, Any]) -> str:
    prefix, colon, rest = iri.partition(":")
    if colon and not rest.startswith("//") and prefix in known:
        return _defined_iri(known[prefix]) + rest
    return iri


def _most_keys_in(raw: bytes) -> int:
    """Return how many keys a JSON text has at most.

    Each key ends in a quotation mark and a colon, but for space between them; a string that holds
    the two of them counts as one key more.
    """
    return raw.translate(None, b" \t\r\n").count(b'":')


def _count_keys(value: Any) -> int:
    """Return how many keys there are in all objects. Raises InputError for too many levels."""
    keys = 0
    level = [value] if isinstance(value, _BRACKETS) else []
    for _ in range(_MAX_DEPTH):
        objects = [inner for inner in level if isinstance(inner, dict)]
        arrays = [inner for inner in level if isinstance(inner, list)]
        keys += sum(map(len, objects))
        # Most values are strings: their class is told sooner than what it derives from.
        level = [
            v
            for entity in objects
            for v in entity.values()
            if v.__class__ is not str and isinstance(v, _BRACKETS)
        ]
        level += [v for array in arrays for v in array if isinstance(v, _BRACKETS)]
    if level:
        raise _TOO_DEEP
    return keys


def _is_reference(value: dict[str, Any] | list[Any]) -> bool:
    return len(value) == 1 and isinstance(value, dict) and isinstance(value.get("@id"), str)


def _deep_copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _deep_copy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_deep_copy(item) for item in value]
    return value
