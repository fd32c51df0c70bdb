"""Attacks by the metadata file: what is no JSON, no RO-Crate, or means two things."""

import json
from collections.abc import Iterator
from typing import Any

from attack_model import (
    ERROR,
    FILES,
    INTACT,
    METADATA,
    NO_VERDICT,
    PROBLEM,
    VALID,
    Attack,
    Entity,
    Files,
    both,
    crate,
    file_entity,
    graph_of,
    in_directory,
    metadata,
)

NO_CRATE = "metadata that are no JSON or no RO-Crate: cut, UTF-16, NaN, 100,000 levels, no `@graph`"
TWICE = "a key twice in one object, an `@id` twice"
ODD = "entities without `@id` or `@type`, text for objects, circles of `hasPart`, lone surrogates"
NUMBERS = "numbers: 5000 digits, 10^30 bytes; a digest that is none"
NETWORK = "a remote `@context`, `@import`, `@vocab`"
NOTHING = "nothing recorded that could be checked, or no metadata"

CANARY = "http://127.0.0.1:{port}/"
"""The address of a server that must never be asked; the test puts its port in."""


def metadata_attacks(port: int = 9) -> Iterator[Attack]:
    """Yield the attacks; those that name a server name one at this port of the loopback."""
    yield from _no_json()
    yield from _no_crate()
    yield from _ambiguous()
    yield from _odd()
    yield from _numbers()
    yield from _network(CANARY.format(port=port))
    for name, files in (
        ("no-codes", crate(recorded={}, entities=[{"@id": "a.txt", "@type": "File"}])),
        ("only-sizes", crate(recorded={}, entities=[
            {"@id": "a.txt", "@type": "File", "contentSize": "240"}])),
        ("empty-crate", crate({}, recorded={})),
        ("no-metadata", dict(FILES)),
    ):  # fmt: skip
        words = "nothing can be verified" if name != "no-metadata" else "not an RO-Crate"
        yield both(NOTHING, NO_VERDICT, f"nothing-{name}", ERROR, files, words=words)
    yield in_directory(
        NOTHING,
        NO_VERDICT,
        "metadata-is-a-link",
        ERROR,
        FILES,
        lambda folder: (folder / METADATA).symlink_to("/etc/passwd"),
        words="a symbolic link",
    )


def with_metadata(raw: bytes) -> Files:
    return {**FILES, METADATA: raw}


def _no_json() -> Iterator[Attack]:
    good = metadata(graph_of())
    graph = good[good.index(b'"@graph"') :]
    for name, raw, words in (
        ("empty", b"", "not JSON"),
        ("cut", good[: len(good) // 2], "not JSON"),
        ("trailing", good + b"}", "not JSON"),
        ("single-quotes", good.replace(b'"', b"'"), "not JSON"),
        ("comment", b"// metadata\n" + good, "not JSON"),
        ("utf-16", good.decode().encode("utf-16"), "not UTF-8"),
        ("utf-32", good.decode().encode("utf-32"), "not UTF-8"),
        ("no-utf-8", good.replace(b"Cells", b"C\xffells"), "not UTF-8"),
        ("encoded-surrogate", good.replace(b"Cells", b"C\xed\xa0\x80"), "not UTF-8"),
        ("two-byte-order-marks", b"\xef\xbb\xbf" * 2 + good, "not JSON"),
        ("nan", b'{"x": NaN,' + graph, "NaN is not a JSON number"),
        ("infinity", b'{"x": [-Infinity],' + graph, "-Infinity is not a JSON number"),
        ("deep-lists", b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"," + graph, "too deeply"),
        ("deep-objects", b'{"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"," + graph,
         "too deeply"),
        ("deep-and-cut", b"[" * 100_000, "too deeply"),
        ("deeper-than-allowed", b'{"x": ' + b"[" * 300 + b"]" * 300 + b"," + graph, "too deeply"),
        ("nul", good + b"\0", "not JSON"),
    ):  # fmt: skip
        files = with_metadata(raw)
        yield both(NO_CRATE, NO_VERDICT, f"json-{name}", ERROR, files, words=words)


def _no_crate() -> Iterator[Attack]:
    documents: dict[str, Any] = {
        "number": 1,
        "text": "crate",
        "list": graph_of(),
        "no-graph": {"@context": "x"},
        "graph-is-object": {"@graph": {"@id": "./"}},
        "graph-is-text": {"@graph": "./"},
        "graph-is-null": {"@graph": None},
        "empty-graph": {"@graph": []},
        "no-root": {"@graph": [{"@id": "a.txt", "@type": "File"}]},
        "descriptor-about-text": {"@graph": [{"@id": METADATA, "@type": "X", "about": "./"}]},
    }
    for name, document in documents.items():
        files = with_metadata(json.dumps(document).encode())
        yield both(NO_CRATE, NO_VERDICT, f"crate-{name}", ERROR, files, words="the metadata ")


def _ambiguous() -> Iterator[Attack]:
    good = metadata(graph_of())
    for name, old, new in (
        ("graph", b'"@graph"', b'"@graph": [], "@graph"'),
        ("id", b'"@id": "a.txt",', b'"@id": "data/b.bin", "@id": "a.txt",'),
        ("escaped", b'"contentSize"', b'"content\\u0053ize": "1", "contentSize"'),
    ):
        files = with_metadata(good.replace(old, new, 1))
        words = "stands twice in one object"
        yield both(TWICE, NO_VERDICT, f"key-twice-{name}", ERROR, files, words=words)
    again: dict[str, Entity] = {
        "same": file_entity("a.txt", FILES["a.txt"]),
        "without-codes": {"@id": "a.txt", "@type": "File", "name": "another"},
    }
    for name, entity in again.items():
        files = crate(entities=[entity])
        yield both(TWICE, "metadata.duplicate-id", name, INTACT, files)
    other = file_entity("a.txt", b"EVIL")
    yield both(TWICE, "fixity.conflict", "other-codes", PROBLEM, crate(entities=[other]))
    for name, entity_id in (("dot-slash", "./a.txt"), ("slashes", "data//b.bin")):
        entity = other | {"@id": entity_id}
        files = crate(entities=[entity])
        yield both(TWICE, "fixity.conflict", f"other-spelling-{name}", PROBLEM, files)


def _odd() -> Iterator[Attack]:
    members: dict[str, Any] = {
        "text": "a.txt",
        "number": 7,
        "null": None,
        "list": [{"@id": "#x", "@type": "Person"}],
        "no-id": {"@type": "File", "name": "x"},
        "id-is-number": {"@id": 7, "@type": "File"},
        "id-is-null": {"@id": None, "@type": "File"},
        "id-is-list": {"@id": ["a.txt"], "@type": "File"},
        "no-type": {"@id": "#x", "name": "x"},
        "type-is-number": {"@id": "#x", "@type": 7},
        "type-is-object": {"@id": "#x", "@type": {"@id": "File"}},
        "type-is-empty": {"@id": "#x", "@type": []},
        "parts-are-text": {"@id": "data/", "@type": "Dataset", "hasPart": "data/b.bin"},
        "parts-hold-text": {"@id": "data/", "@type": "Dataset", "hasPart": ["data/b.bin", 7]},
        "part-of-itself": {"@id": "data/", "@type": "Dataset", "hasPart": {"@id": "data/"}},
        "holds-the-root": {"@id": "data/", "@type": "Dataset", "hasPart": [{"@id": "./"}]},
    }
    for name, member in members.items():
        graph = graph_of()
        graph.append(member)
        if name == "holds-the-root":
            graph[1]["hasPart"].append({"@id": "data/"})
        files = with_metadata(metadata(graph))
        yield both(ODD, "metadata.malformed", name, INTACT, files)
    surrogate = {"@id": "#x", "@type": "Person", "name": "\ud800", "\udfff": ["\udc00"]}
    yield both(ODD, VALID, "lone-surrogates", INTACT, crate(entities=[surrogate]))


def _numbers() -> Iterator[Attack]:
    good = metadata(graph_of())
    size = b'"contentSize": "240"'
    for name, value in (
        ("too-large", b'"1000000000000000000000000000000"'),
        ("too-large-number", b"1000000000000000000000000000000"),
        ("digits", b'"' + b"9" * 5000 + b'"'),
        ("digits-number", b"9" * 5000),
    ):
        raw = good.replace(size, b'"contentSize": ' + value)
        files = with_metadata(raw)
        yield both(NUMBERS, "fixity.malformed", f"size-{name}", PROBLEM, files)
    for name, old, value in (
        ("datahash-cut", b'"datahash": "1e20', b'"datahash": "1e2'),
        ("datahash-no-hex", b'"datahash": "1e20', b'"datahash": "1e20xx'),
    ):
        files = with_metadata(good.replace(old, value, 1))
        yield both(NUMBERS, "fixity.malformed", name, PROBLEM, files)
    for name, value in (("float", b"1e999"), ("digits", b"-" + b"9" * 5000), ("minus-zero", b"-0")):
        raw = good.replace(b'"@type": "Dataset"', b'"@type": "Dataset", "x": ' + value)
        yield both(NUMBERS, VALID, f"number-{name}", INTACT, with_metadata(raw))


def _network(server: str) -> Iterator[Attack]:
    contexts: dict[str, Any] = {
        "context-url": server + "context.jsonld",
        "context-urls": ["https://w3id.org/ro/crate/1.2/context", server + "own.jsonld"],
        "context-import": [{"@import": server + "import.jsonld"}],
        "context-vocabulary": {"@vocab": server + "terms#", "@base": server},
    }
    for name, context in contexts.items():
        yield both(NETWORK, VALID, name, INTACT, crate(context=context))
    entity = file_entity("x", b"x") | {"@id": server + "x.txt", "contentUrl": server + "y.txt"}
    profile = {"@id": server + "profile", "@type": "Profile"}
    files = crate(entities=[entity, profile])
    yield both(NETWORK, "bytes.remote", "file-on-the-server", INTACT, files)


def large_metadata(size: int) -> Files:
    """Return a crate whose metadata have about so many bytes."""
    filler = [{"@id": f"#{number}", "@type": "Thing", "name": "x" * 200} for number in range(1000)]
    text = metadata(graph_of(entities=filler))
    head, tail = text[: text.rindex(b"]")], text[text.rindex(b"]") :]
    block = b"".join(b',\n  {"@id": "#%d", "@type": "T", "name": "%b"}' % (n, b"y" * 900)
                     for n in range(1000, 1000 + size // 940))  # fmt: skip
    return with_metadata(head + block + tail)
