"""The seed corpora: small sound inputs of every kind that the readers know, and odd ones."""

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.describe import Description, described
from crate_iscc.crate.style import Style
from crate_iscc.crate.view import Crate
from crate_iscc.crate.write import fingerprinted, new_crate
from crate_iscc.manifest import manifest_lines
from fuzz.metadata_mutations import dumped, raw
from fuzz.targets import LISTED, MANIFEST, PAYLOAD, WHEN

FOUND = Path(__file__).parent / "found"
"""Inputs that found a defect once, by target, each named after it."""


def seeds(target: str) -> dict[str, bytes]:
    """Return the seeds of a target by name, with every input that ever found something."""
    makers = {"metadata": _metadata, "archive": _archives, "codes": _codes, "compiled": _calls}
    found = {
        f"found-{place.name}": place.read_bytes()
        for place in sorted((FOUND / target).glob("*"))
        if place.is_file()
    }
    return dict(makers[target]()) | found


# --- metadata -----------------------------------------------------------------------------------


def built(style: Style) -> bytes:
    """Return the metadata of a small crate as build writes them."""
    crate: Crate = new_crate()
    crate, _ = described(
        crate, Description("A", "b", "CC0-1.0", ("B",)), folder="f", date="2026-11-27"
    )
    crate, _ = fingerprinted(
        crate, MANIFEST, manifest_file=LISTED, generator=WHEN, sha256=True, style=style
    )
    return crate.document.dump()


def _metadata() -> Iterator[tuple[str, bytes]]:
    for style in Style:
        whole = built(style)
        yield f"built-{style.value}", whole
        yield f"built-{style.value}-dense", dumped(json.loads(whole))
        yield f"built-{style.value}-tabs", dumped(json.loads(whole), indent=1)
    yield "with-mark", b"\xef\xbb\xbf" + built(Style.GRAPH)
    yield "crlf", built(Style.GRAPH).replace(b"\n", b"\r\n")
    for name, graph in _GRAPHS.items():
        yield name, dumped({"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph})
    yield "no-graph", b'{"@context": []}'
    yield "deep", b"[" * 300


_DESCRIPTOR = {
    "@id": "ro-crate-metadata.json",
    "@type": "CreativeWork",
    "about": {"@id": "./"},
    "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
}
_CODE = PAYLOAD[0].fingerprint.iscc()
_GRAPHS: dict[str, list[Any]] = {
    "bare": [_DESCRIPTOR, {"@id": "./", "@type": "Dataset"}],
    "other-root": [
        {**_DESCRIPTOR, "@id": "./ro-crate-metadata.json", "about": [{"@id": "https://x.org/"}]},
        {"@id": "https://x.org/", "@type": ["Dataset"], "hasPart": {"@id": "./a.txt"}},
        {"@id": "./a.txt", "@type": ["File"], "identifier": [_CODE, {"@value": "doi"}]},
    ],
    "cycle": [
        _DESCRIPTOR,
        {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "d/"}]},
        {"@id": "d/", "@type": "Dataset", "hasPart": [{"@id": "./"}, {"@id": "d/"}]},
    ],
    "nested": [
        _DESCRIPTOR,
        {
            "@id": "./",
            "@type": "Dataset",
            "hasPart": [{"@id": "a.txt", "@type": "File", "contentSize": 1, "sha256": "00"}],
        },
    ],
    "property-values": [
        _DESCRIPTOR,
        {"@id": "./", "@type": "Dataset", "identifier": {"@id": "#i"}, "contentSize": "1"},
        {"@id": "#i", "@type": "PropertyValue", "propertyID": {"@id": "ISCC"}, "value": [_CODE]},
        {"@id": "a.txt", "@type": "File", "identifier": {"@id": _CODE}, "contentSize": 1.0},
    ],
    "odd-values": [
        _DESCRIPTOR,
        {"@id": "./", "@type": "Dataset", "contentSize": raw("1e999"), "fileCount": raw("9" * 99)},
        {"@id": "a%2Ftxt", "@type": "File", "name": raw('"\\ud800"'), "contentSize": raw("-0")},
        *(None, 1, "x", [], {}, {"@id": 1}),
    ],
    "twins": [
        _DESCRIPTOR,
        {"@id": "./", "@type": "Dataset"},
        {"@id": "a.txt", "@type": "File", "contentSize": "1"},
        {"@id": "./a.txt", "@type": "File", "contentSize": "2"},
        {"@id": "a.txt", "@type": "File", "identifier": _CODE},
    ],
}


# --- archives -----------------------------------------------------------------------------------

_METHODS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def archive(
    files: dict[str, bytes], method: int = zipfile.ZIP_STORED, *, zip64: bool = False
) -> bytes:
    """Return a zip of some files; a name that ends in a slash is a folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as made:
        for name, content in files.items():
            if zip64:
                with made.open(zipfile.ZipInfo(name), "w", force_zip64=True) as member:
                    member.write(content)
            else:
                made.writestr(zipfile.ZipInfo(name), content, method)
    return buffer.getvalue()


def _archives() -> Iterator[tuple[str, bytes]]:
    noise = Random(5).randbytes(40)
    files = {
        "a.txt": b"hello\n" * 9,
        "c.zarr/": b"",
        "c.zarr/0/0": noise,
        "f\u00e4rbung.txt": b"",
        "zeros.bin": bytes(3000),
    }
    crate = {"ro-crate-metadata.json": dumped(json.loads(built(Style.GRAPH))), **files}
    for name, method in _METHODS.items():
        yield name, archive(files, method)
    yield "crate", archive(crate, zipfile.ZIP_DEFLATED)
    yield "wrapped", archive({f"top/{name}": content for name, content in crate.items()})
    yield "zip64", archive(files, zip64=True)
    yield "empty", archive({})
    yield "prefixed", b"#!/bin/sh\n" + archive(files)
    yield "names", archive(dict.fromkeys(("../x", "/x", "a//b", "C:\\x", "a\\b", "a/"), b"x"))
    yield "concatenated", archive({"a.txt": b"GOOD"}) + archive({"a.txt": b"EVIL"})
    yield "eocd-only", b"PK\x05\x06" + bytes(18)
    yield "streamed", _streamed()


def _streamed() -> bytes:
    """Return a zip that was written to where nobody can go back: with data descriptors."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.written = bytearray()

        def writable(self) -> bool:
            return True

        def write(self, data: Any, /) -> int:
            self.written += bytes(data)
            return len(bytes(data))

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.txt", b"hello\n" * 9)
    return bytes(pipe.written)


# --- codes --------------------------------------------------------------------------------------


def _codes() -> Iterator[tuple[str, bytes]]:
    lines = "".join(manifest_lines(PAYLOAD, MANIFEST.containers)).encode()
    header, _, body = lines.partition(b"\n")
    plain = b"".join(line + b"\n" for line in body.split(b"\n") if b"zarr/\t" not in line and line)
    yield "lines", b"\xff" + lines
    yield "files-only", b"\xff" + plain
    yield "in-pieces", b"\x06" + lines
    yield "unordered", b"\xff" + b"".join(reversed(lines.splitlines(keepends=True)))
    yield "twice", b"\xff" + plain + plain
    yield "escaped", b"\xff" + plain.replace(b"a.txt", rb"a\tb\nc\\d\r.txt")
    known = Fingerprint(1, b"d" * 32, b"i" * 32)
    texts = [
        *(known.iscc(), known.iscc(wide=False), *known.units(), known.datahash or ""),
        *("ISCC:GAAQ", "ISCC:IAA26", "ISCC:MAIGC5KN3I6TCUAB", "doi:10.1/x", "urn:x", "./a%20b"),
        *("a%2f..%2fb", "%2e%2e/x", "_:b", "#x", "a?b", "a:b", "\u00e4/\u0308", "9" * 20, "007"),
        f"{known.iscc()} *a.txt",
        f"ISCC-SUM (a.txt) = {known.iscc(wide=False)}",
        rf"\{known.iscc()}  a\nb\\c",
        f"  {known.units()[0]}",
    ]
    yield "texts", b"\x00" + "\n".join(texts).encode()
    for number, text in enumerate(texts):
        yield f"text-{number}", b"\x10" + text.encode()
    yield "header", b"\x10" + header
    yield "binary", b"\x07" + struct.pack("<6Q", *range(0, 6 << 60, 1 << 60)) + bytes(range(256))


# --- calls of the C modules ---------------------------------------------------------------------


def _calls() -> Iterator[tuple[str, bytes]]:
    noise = Random(3).randbytes(9000)
    far = bytes([3, 255, 1, 1, 2, 5, 255, 0, 0, 0])
    places = bytes([0, 0, 0, 40, 0, 200, 255, 0, 0, 0])
    sizes = bytes([0, 40, 0, 160, 0, 90, 255, 0, 0, 0])
    ends = bytes([0, 9, 0, 90])
    yield "nothing", b""
    yield "one", bytes(24) + b"x"
    yield "files", b"\0" + places + sizes + b"\x10\x08\x03" + noise[:300]
    yield "many", b"\0" + places + sizes + b"\x01\x08\x03" + noise
    yield "zeros", b"\0" + places + sizes + b"\xfe\x08\x03" + bytes(9000)
    yield "far", b"\0" + far + far + b"\x01\x08\x03" + noise[:100]
    yield "paths", b"\0" + places + ends + b"\xff" * 6 + b"\x01\x08\x63" + b"a\0b/c\0"
