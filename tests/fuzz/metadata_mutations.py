"""Changes one thing in a JSON document, as a hostile or a careless hand would."""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

Place = tuple[Any, Any]
"""An object or array of a document, and a key or number in it."""

_RAW = "\ue000"
"""Stands around a text that goes into the JSON as it is: what json.dumps would never write."""


def raw(text: str) -> str:
    """Return what dumped will write as `text`, without quotation marks."""
    return _RAW + text + _RAW


ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1 << 63, 0.5, "", " ", "0", "-1", "007", "9" * 19),
    *([], {}, [[]], [None], [{}], {"@id": None}, {"@id": []}, {"@id": {"@id": "./"}}, {"@id": ""}),
    *({"@value": None}, {"@value": {"@value": 1}}, {"@list": [{"@set": ["x"]}]}, {"@type": []}),
    *(raw("NaN"), raw("-Infinity"), raw("1e999"), raw("-0"), raw("1" * 300), raw("9" * 5000)),
    *(raw('"\\ud800"'), raw('"\\u0000\\u001b[2J"'), raw('{"a":1,"a":2}'), raw("[" * 300)),
    *(raw("[" * 150 + "]" * 150), raw('{"@id":"./","@id":"x"}'), raw(""), raw('"\t"')),
)
"""Values that stand where others are expected."""

ODD_TEXTS = (
    *("../x", "/etc/passwd", "C:\\x", "file:///etc/passwd", "%2e%2e/x", "%252e%252e/x", "%00"),
    *("./", ".", "", "#", "a//b", "a/./b", "a?b", "a#b", "_:b0", "%ff", "a%", "a.txt/", "./a.txt"),
    *("A.TXT", "a\u0301.txt", "\u202etxt.a", "\u0000", "\ud800", "x" * 5000, "http://[", "//x"),
    *("ro-crate-metadata.json", "iscc-manifest.tsv", "a.txt", "c.zarr/", "c.zarr/0/0", "b.bin"),
    *("File", "Dataset", "PropertyValue", "ISCC:", "ISCC:K4A", "ISCC:KUAAAAAAAAAAA", "1e20"),
    *("1e20" + 64 * "0", "1E20" + 64 * "A", "hash://sha256/" + 64 * "0", "#treehash", "#iscc-sum"),
    *("*", "!*", "[", "a.txt\n*", "\\", "**/" * 50, "#crate-iscc-fingerprint"),
)
"""Texts that mean something in one place, and stand in another."""

ODD_KEYS = (
    *("@id", "@type", "@value", "@graph", "@context", "hasPart", "identifier", "contentSize"),
    *("datahash", "treehash", "value", "propertyID", "about", "conformsTo", "excludedPattern"),
    *("recipeVersion", "fileCount", "manifestDatahash", "sha256", "name", "license", "", "\ud800"),
    *("result", "mentions", "@reverse", "http://purl.org/iscc/terms/#datahash", "a/b~c"),
)
"""Keys that mean something, to this project or to JSON-LD, and two that mean nothing."""


def places(document: Any) -> list[Place]:
    """Return every place of a document at which a value stands."""
    return list(_places(document))


def _places(value: Any) -> Iterator[Place]:
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def dumped(document: Any, indent: int | None = None) -> bytes:
    """Return a document as JSON, with its raw texts as they are."""
    text = json.dumps(document, ensure_ascii=False, indent=indent)
    plain, *others = text.split(f'"{_RAW}')
    parts = [plain]
    for other in others:
        inner, _, rest = other.partition(f'{_RAW}"')
        parts.append(inner.replace('\\"', '"').replace("\\\\", "\\").replace("\\t", "\t") + rest)
    return "".join(parts).encode("utf-8", "surrogatepass")


def mutated(document: Any, random: Random) -> str:
    """Change one thing in a document, in its place, and say which kind of change it was."""
    everywhere = places(document)
    if not everywhere:
        return "nothing"
    holder, key = random.choice(everywhere)
    change = random.choice(CHANGES)
    change(holder, key, random, everywhere)
    return change.__name__.lstrip("_")


def _copy(value: Any) -> Any:
    """Return a copy that shares nothing with a value: what it holds may be changed later."""
    return json.loads(json.dumps(value))


Change = Callable[[Any, Any, Random, list[Place]], None]


def _delete(holder: Any, key: Any, _random: Random, _places: list[Place]) -> None:
    del holder[key]


def _odd_value(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    holder[key] = _copy(random.choice(ODD_VALUES))


def _odd_text(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    holder[key] = random.choice(ODD_TEXTS)


def _odd_reference(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    holder[key] = {"@id": random.choice(ODD_TEXTS)}


def _wrapped(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    name = random.choice((None, "@id", "@value", "@list", "@type", "value"))
    holder[key] = [holder[key]] if name is None else {name: holder[key]}


def _unwrapped(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    value = holder[key]
    inner = list(value.values()) if isinstance(value, dict) else value
    if isinstance(inner, list) and inner:
        holder[key] = random.choice(inner)


def _copied(holder: Any, key: Any, random: Random, everywhere: list[Place]) -> None:
    """Put a copy of what stands elsewhere here: a cycle, a twin, a value out of place."""
    other, place = random.choice(everywhere)
    holder[key] = _copy(other[place])


def _swapped(holder: Any, key: Any, random: Random, everywhere: list[Place]) -> None:
    other, place = random.choice(everywhere)
    one, two = map(_copy, (holder[key], other[place]))
    holder[key], other[place] = two, one


def _repeated(holder: Any, key: Any, random: Random, everywhere: list[Place]) -> None:
    """Append a copy to the nearest array: an entity that is there twice."""
    if not isinstance(holder, list):
        lists = [other[place] for other, place in everywhere if isinstance(other[place], list)]
        if not lists:
            return
        holder = random.choice(lists)
        key = 0
    if holder:
        holder.append(_copy(holder[key]))


def _rekeyed(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    if isinstance(holder, dict):
        holder[random.choice(ODD_KEYS)] = holder.pop(key)


def _added(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    if isinstance(holder, dict):
        values = ODD_VALUES if random.random() < 0.5 else ODD_TEXTS
        holder[random.choice(ODD_KEYS)] = _copy(random.choice(values))


def _one_character(holder: Any, key: Any, random: Random, _places: list[Place]) -> None:
    text = holder[key]
    if isinstance(text, str) and text:
        at = random.randrange(len(text))
        insert = random.choice((*"A2=:/%. 0e\x00\n\u00e9\\", ""))
        holder[key] = text[:at] + insert + text[at + random.randrange(2) :]


CHANGES: tuple[Change, ...] = (
    _delete,
    _odd_value,
    _odd_text,
    _odd_reference,
    _wrapped,
    _unwrapped,
    _copied,
    _swapped,
    _repeated,
    _rekeyed,
    _added,
    _one_character,
)
"""Every kind of change there is."""
