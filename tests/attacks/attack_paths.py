"""Attacks by names: in `@id`s, in manifest lines, on the disk, and in zips."""

from collections.abc import Iterator

from attack_model import (
    FILES,
    INTACT,
    MANIFEST,
    METADATA,
    PROBLEM,
    VALID,
    Attack,
    both,
    crate,
    datahash,
    file_entity,
    graph_of,
    in_directory,
    metadata,
    with_members,
    zipped,
)
from attack_payload import ISCC
from attack_zip import UTF8, Member

ID_UP = "`../` in an `@id` or a manifest line"
ID_ABSOLUTE = "an absolute `@id`: `/etc`, `C:\\`, `file:`, `//host`"
ID_ESCAPED = "an escaped `@id`: `%2e%2e%2f`, `%2F`, `%00`, escaped twice"
REMOTE = "an `@id` on the web (`http`, `ftp`, `s3`)"
SLIP = "a zip entry outside: `../`, `/etc`, `C:\\`, `..\\`, NUL, no name"
REPAIRED = "empty segments in the names of a zip (`a//b` of `.eln` files)"
PORTABLE = "names with control characters, of devices (`CON`), ending in dots, too long"
COLLISION = "names equal but for case, or NFC against NFD: two files, or recorded so"

UNSAFE_IDS = {
    ID_UP: (
        "../secret.txt", "./../secret.txt", "data/../../secret.txt", "..", "../", "data/..",
        "..\\secret.txt", "data\\..\\..\\secret.txt", "../secret.txt#part", "../secret.txt?query",
        ".//../secret.txt",
    ),
    ID_ABSOLUTE: (
        "/etc/passwd", "//host/share/x", "\\\\host\\share\\x", "\\x", "C:\\x", "C:/x", "c:x",
        "file:///etc/passwd", "file:/etc/passwd", "file:a.txt", "FILE:///etc/passwd",
        "file://localhost/etc/passwd", "C%3A/x", "C%3A%5Cx", "%5Cx",
    ),
    ID_ESCAPED: (
        "%2e%2e%2fsecret.txt", "%2E%2E/secret.txt", "..%2Fsecret.txt", "%2Fetc%2Fpasswd",
        "data%2Fb.bin", "data%2f..%2f..%2fsecret.txt", "a%00.txt", "%00", "..%5Csecret.txt",
        "data/%2e%2e/%2e%2e/secret.txt", "%2e", "a\ud800.txt", "a\x00.txt", "",
    ),
}  # fmt: skip
TWICE = ("%252e%252e/secret.txt", "%252e%252e%252fsecret.txt", "..%252Fsecret.txt", "a%2500.txt")
REMOTE_IDS = (
    "http://127.0.0.1:9/a.txt", "https://example.org/a.txt", "ftp://example.org/a.txt",
    "s3://bucket/a.txt", "HTTPS://example.org/%2e%2e/a.txt",
)  # fmt: skip
MEMBERS = (
    b"../evil.txt", b"data/../../evil.txt", b"..", b"/etc/evil.txt", b"//host/evil.txt",
    b"..\\evil.txt", b"data\\..\\..\\evil.txt", b"\\\\host\\evil.txt", b"\\evil.txt",
    b"C:\\evil.txt", b"c:/evil.txt", b"e\0.txt", b"\0", b"", b"../", b"/", b".", b"..\\",
)  # fmt: skip
ODD_NAMES = {
    "newline": "a\nb.txt", "escape": "a\x1b[31m.txt", "delete": "a\x7f.txt", "tab": "a\tb",
    "backslash": "a\\b.txt", "colon": "a:b.txt", "star": "a*b", "question": "a?b", "quote": 'a"b',
    "less": "a<b", "more": "a>b", "pipe": "a|b", "dot": "a.", "space": "a ", "folder-dot": "a./b",
    "con": "CON", "nul": "nul.txt", "com1": "data/com1.tar.gz", "lpt9": "LPT9/x",
    "long-path": "/".join(["d" * 200] * 5) + "/" + "f" * 100,
}  # fmt: skip


def path_attacks() -> Iterator[Attack]:
    for row, ids in UNSAFE_IDS.items():
        for number, entity_id in enumerate(ids, 1):
            kind = "Dataset" if entity_id.endswith("/") else "File"
            entity = file_entity("x", b"x", name="the bait") | {"@id": entity_id, "@type": kind}
            name = f"id-{list(UNSAFE_IDS).index(row) + 1}-{number:02}"
            yield both(row, "path.unsafe", name, PROBLEM, crate(entities=[entity]))
    for number, entity_id in enumerate(TWICE, 1):
        entity = file_entity("x", b"x") | {"@id": entity_id}
        files = crate(entities=[entity])
        yield both(ID_ESCAPED, "bytes.missing", f"id-escaped-twice-{number}", PROBLEM, files)
    secret = {**FILES, "%2e%2e/secret.txt": b"a file like others"}
    yield both(
        ID_ESCAPED, VALID, "file-named-like-an-escape", INTACT, crate(secret, recorded=secret)
    )
    for number, entity_id in enumerate(REMOTE_IDS, 1):
        entity = file_entity("x", b"x") | {"@id": entity_id}
        yield both(REMOTE, "bytes.remote", f"remote-{number}", INTACT, crate(entities=[entity]))
    yield from _manifest_lines()
    yield from _members()
    yield from _names()


def _manifest_lines() -> Iterator[Attack]:
    for number, path in enumerate(("../secret.txt", "/etc/passwd", "data//b.bin", "", "a\0b"), 1):
        line = f"{path}\t1\t{datahash(b'x')}\t{ISCC}\n"
        manifest = ("path\tsize\tdatahash\tiscc\n" + line).encode()
        graph = graph_of()
        graph[1]["manifestDatahash"] = datahash(manifest)
        files = {METADATA: metadata(graph), MANIFEST: manifest, **FILES}
        yield both(ID_UP, "path.unsafe", f"manifest-line-{number}", PROBLEM, files)


def _members() -> Iterator[Attack]:
    for number, name in enumerate(MEMBERS, 1):
        evil = with_members(Member(name=name, content=b"evil"))
        yield zipped(SLIP, "path.unsafe", f"member-{number:02}", PROBLEM, evil)
    for number, name in enumerate((b"data//c.txt", b"data/./c.txt", b"./c.txt", b"./"), 1):
        odd = with_members(Member(name=name, content=b"" if name.endswith(b"/") else b"c"))
        yield zipped(REPAIRED, "path.repaired", f"segments-{number}", INTACT, odd)


def _names() -> Iterator[Attack]:
    for name, path in ODD_NAMES.items():
        files = {**FILES, path: b"odd"}
        yield both(PORTABLE, "path.portability", name, INTACT, crate(files, recorded=files))
    too_long = Member(name=b"n" * 300, content=b"long", flags=UTF8)
    yield zipped(PORTABLE, "path.portability", "long-name", INTACT, with_members(too_long))
    yield in_directory(
        PORTABLE,
        "path.portability",
        "no-unicode",
        INTACT,
        crate(),
        lambda folder: open(bytes(folder) + b"/a\xff.txt", "wb").close(),
    )
    for name, one, two in (
        ("case", "Cell.tif", "cell.tif"),
        ("case-of-folder", "Data/x.bin", "data/x.bin"),
        ("forms", "caf\u00e9.txt", "cafe\u0301.txt"),
        ("case-and-forms", "CAF\u00c9.txt", "cafe\u0301.txt"),
        ("sharp-s", "stra\u00dfe", "strasse"),
    ):
        files = {**FILES, one: b"one", two: b"two"}
        yield both(COLLISION, "path.collision", name, INTACT, crate(files, recorded=files))
    for finding, code, there, written in (
        ("path.case", PROBLEM, "Cell.tif", "cell.tif"),
        ("path.normalization", INTACT, "cafe\u0301.txt", "caf\u00e9.txt"),
        ("path.normalization", INTACT, "caf\u00e9.txt", "cafe\u0301.txt"),
    ):
        files = crate({**FILES, there: b"x"}, recorded={**FILES, written: b"x"})
        name = f"recorded-otherwise-{len(written.encode())}"
        yield both(COLLISION, finding, name, code, files)
