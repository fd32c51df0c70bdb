"""Attacks by the structure of a zip: doubled, overlapping, hidden, damaged, cut, and bombs."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from attack_model import (
    CONTEXT,
    ERROR,
    FILES,
    INTACT,
    METADATA,
    NO_VERDICT,
    OTHER,
    PROBLEM,
    UNREAD,
    VALID,
    Attack,
    both,
    crate,
    file_entity,
    graph_of,
    metadata,
    with_changed,
    with_members,
    zipped,
)
from attack_zip import (
    DEFLATED,
    ENCRYPTED,
    LINK,
    Member,
    archive,
    deflated_zeros,
    local_part,
    members_of,
)

DOUBLED = "a zip entry twice, or entries that share bytes"
LOCKED = "an encrypted zip entry"
UNCOVERED = "bytes before, between, behind zip entries; a zip behind a zip"
DAMAGED = "a zip cut or broken; wrong CRC, sizes, names, places"
BOMB = "bombs: zeros, nested, quoted, more than declared; `--max-bytes`"
STRANGE = "strange and good: data descriptors, zip64, comment, unflagged UTF-8 names, top folder"

A, B = FILES["a.txt"], FILES["data/b.bin"]
GIB = 1 << 30


def archive_attacks() -> Iterator[Attack]:
    yield from _doubled()
    yield from _overlapping()
    for name, member in (("recorded", "a.txt"), ("metadata", METADATA)):
        locked = with_changed(member, flags=ENCRYPTED)
        if name == "recorded":
            yield zipped(LOCKED, "zip.encrypted", name, UNREAD, locked)
        else:
            words = "the member is encrypted"
            yield zipped(LOCKED, NO_VERDICT, "encrypted-metadata", ERROR, locked, words=words)
    extra = with_members(Member(name=b"x", flags=ENCRYPTED))
    yield zipped(LOCKED, "zip.encrypted", "added", INTACT, extra)
    yield from _hidden()
    yield from _damaged()
    yield from _bombs()
    yield from _strange()


def _doubled() -> Iterator[Attack]:
    good, evil = Member(name=b"a.txt", content=A), Member(name=b"a.txt", content=b"EVIL")
    for name, second in (("evil-last", evil), ("the-same-twice", good)):
        yield zipped(DOUBLED, "zip.duplicate", name, PROBLEM, with_members(second))
    first = members_of(crate())
    yield zipped(DOUBLED, "zip.duplicate", "evil-first", PROBLEM, lambda: archive([evil, *first]))
    link = Member(name=b"a.txt", content=b"/etc/passwd", mode=LINK)
    yield zipped(DOUBLED, "zip.duplicate", "link-first", PROBLEM, lambda: archive([link, *first]))
    repaired = with_members(Member(name=b"data//b.bin", content=b"EVIL"))
    yield zipped(DOUBLED, "zip.duplicate", "once-repaired", PROBLEM, repaired)
    flag = with_members(
        Member(name="é".encode(), content=b"1"), Member(name="é".encode(), flags=0, content=b"2")
    )
    yield zipped(DOUBLED, "zip.duplicate", "with-and-without-flag", PROBLEM, flag)
    again = Member(name=METADATA.encode(), content=metadata(graph_of(OTHER)))
    yield zipped(
        DOUBLED,
        NO_VERDICT,
        "metadata-twice",
        ERROR,
        with_members(again),
        words="more than once",
    )


def _overlapping() -> Iterator[Attack]:
    before_last = sum(len(local_part(member)) for member in members_of(crate())[:-1])
    shared = with_members(Member(name=b"x", content=B, offset=before_last, only_listed=True))
    yield zipped(DOUBLED, "zip.overlap", "same-place", PROBLEM, shared)
    yield zipped(DOUBLED, "zip.overlap", "quoted", PROBLEM, lambda: quoted(20, 100_000))
    inner = Member(name=b"data/b.bin", content=B)

    def around() -> bytes:
        outer = Member(name=b"outer", content=local_part(inner))
        start = members_of(crate(OTHER))
        place = len(b"".join(map(local_part, [*start]))) + 30 + len(b"outer")
        return archive([*start, outer, Member(name=inner.name, content=B, offset=place,
                                              only_listed=True)])  # fmt: skip

    yield zipped(DOUBLED, "zip.overlap", "one-inside-another", PROBLEM, around)
    yield zipped(DOUBLED, "bytes.unread", "overlap-by-extra-field", UNREAD, by_extra_field)
    long = with_changed("data/b.bin", packed_size=len(B) + 10, size=len(B) + 10)
    yield zipped(DOUBLED, "zip.overlap", "into-the-directory", PROBLEM, long)
    longer = with_changed("a.txt", packed_size=len(A) + 10, size=len(A) + 10)
    yield zipped(DOUBLED, "zip.overlap", "into-the-next", PROBLEM, longer)


def by_extra_field() -> bytes:
    """Return a zip in which a member's extra field pushes its bytes into the next member."""
    start = members_of(crate(FILES))
    last = start[-1]
    inner = local_part(last)
    extra = b"\x99\x99\x10\0" + bytes(16)
    place = sum(len(local_part(member)) for member in start[:-1])
    # Without the extra field it would end just where the header of the last one begins.
    outer = Member(
        name=b"a.txt",
        content=bytes(100) + inner[: len(extra)],
        local_extra=extra,
        gap=inner[len(extra) :],
    )
    before = [member for member in start[:-1] if member.name != b"a.txt"]
    place = sum(len(local_part(member)) for member in before)
    place += 30 + len(outer.name) + len(extra) + 100
    return archive([*before, outer, replace(last, offset=place, only_listed=True)])


def quoted(count: int, size: int) -> bytes:
    """Return a bomb after David Fifield: each member quotes the headers of all behind it.

    All of them inflate one kernel of zeros (https://www.bamsoftware.com/hacks/zipbomb/).
    """
    kernel, crc = deflated_zeros(size)
    names = [b"bomb%03d" % number for number in range(count)]
    heads: list[bytes] = []
    packed, raw = len(kernel), size
    sizes: list[tuple[int, int]] = []
    for name in reversed(names):
        sizes.insert(0, (packed, raw))
        heads.insert(0, local_part(_listed(name, 0, packed, raw, crc)))
        # The next one outwards holds this header as a stored block of deflate, then its kernel.
        packed += 5 + len(heads[0])
        raw += len(heads[0])
    body = b""
    start = members_of(crate())
    at = sum(len(local_part(member)) for member in start)
    listed = []
    for number, head in enumerate(heads):
        listed.append(_listed(names[number], at, *sizes[number], crc))
        block = b"" if number == 0 else b"\0" + _lengths(len(head))
        body += block + head
        at += len(head) + 5
    last = start[-1]
    tail = Member(name=last.name, content=last.content, gap=body + kernel)
    return archive([*start[:-1], tail, *listed])


def _lengths(count: int) -> bytes:
    return count.to_bytes(2, "little") + (count ^ 0xFFFF).to_bytes(2, "little")


def _listed(name: bytes, offset: int, packed: int, size: int, crc: int) -> Member:
    return Member(
        name=name, method=DEFLATED, offset=offset, only_listed=True, packed_size=packed,
        size=size, crc=crc,
    ).holding(b"")  # fmt: skip


def _hidden() -> Iterator[Attack]:
    plain = members_of(crate())
    hidden: dict[str, Callable[[], bytes]] = {
        "prefix": lambda: archive(plain, prefix=b"#!/bin/sh\nexit 1\n"),
        "prefix-relative": lambda: archive(plain, prefix=b"MZ" + bytes(500), relative=True),
        "suffix": lambda: archive(plain, suffix=b"behind the end"),
        "suffix-behind-comment": lambda: archive(plain, comment=b"a comment", suffix=b"more"),
        "gap": lambda: archive([Member(name=b"data/b.bin", content=B, gap=b"hidden"), *plain[:-1]]),
        "zip-behind-zip": lambda: archive(
            plain, prefix=archive(members_of({"evil.txt": b"evil"})), relative=True
        ),
        "unlisted-member": lambda: archive(
            [
                Member(
                    name=b"data/b.bin",
                    content=B,
                    gap=local_part(Member(name=b"evil.txt", content=b"evil")),
                ),
                *plain[:-1],
            ]
        ),
        "gap-behind-descriptor": lambda: archive(
            [Member(name=b"data/b.bin", content=B, descriptor=4, gap=b"hidden"), *plain[:-1]]
        ),
    }
    for name, make in hidden.items():
        yield zipped(UNCOVERED, "zip.uncovered", name, INTACT, make)


def _damaged() -> Iterator[Attack]:
    def unread(name: str, make: Callable[[], bytes]) -> Attack:
        return zipped(DAMAGED, "bytes.unread", name, UNREAD, make)

    yield unread("crc-of-deflated", with_changed("a.txt", method=DEFLATED, crc=1))
    yield unread("size-too-small", with_changed("a.txt", method=DEFLATED, size=len(A) - 1))
    yield unread("size-too-large", with_changed("a.txt", method=DEFLATED, size=len(A) + 1))
    yield unread("size-of-stored", with_changed("a.txt", size=len(A) - 1))
    yield unread("packed-size-too-small", with_changed("a.txt", method=DEFLATED, packed_size=5))
    yield unread("other-local-name", with_changed("a.txt", local_name=b"b.txt"))
    yield unread("place-outside", with_changed("a.txt", offset=0x7FFFFFF0))
    yield unread("unknown-method", with_changed("a.txt", method=9))
    yield unread("no-deflate-stream", lambda: _torn(b"\xff" * 40))
    stored = with_changed("a.txt", crc=1)
    yield zipped(DAMAGED, VALID, "crc-of-stored", INTACT, stored)

    whole = archive(members_of(crate()))
    for name, raw in {
        "cut-in-half": whole[: len(whole) // 2],
        "cut-by-a-byte": whole[:-1],
        "cut-before-directory": whole[: whole.index(b"PK\x01\x02")],
        "only-the-end": whole[-22:],
        "empty-archive": archive([]),
        "directory-overwritten": whole.replace(b"PK\x01\x02", b"PK\0\0"),
        "no-utf8-name": archive([*members_of(crate()), Member(name=b"a\xff.txt")]),
        "no-zip": b"PK\x03\x04" + bytes(100),
    }.items():
        yield zipped(DAMAGED, NO_VERDICT, name, ERROR, lambda raw=raw: raw)  # type: ignore[misc]


def _torn(packed: bytes) -> bytes:
    """Return the crate's zip with other bytes in the place of a deflate stream."""
    start = [member for member in members_of(crate()) if member.name != b"a.txt"]
    return archive([*start, Member(name=b"a.txt", method=DEFLATED, size=len(A)).holding(packed)])


def _bombs() -> Iterator[Attack]:
    def zeros(count: int, *, declared: int | None = None, recorded: bool = False) -> bytes:
        packed, crc = deflated_zeros(count)
        size = count if declared is None else declared
        bomb = Member(name=b"zeros", method=DEFLATED, size=size, crc=crc).holding(packed)
        entity = file_entity("zeros", b"") | {"contentSize": str(size)}
        files = crate(entities=[entity] if recorded else ())
        return archive([*members_of(files), bomb])

    yield zipped(BOMB, "bytes.unlisted", "zeros", INTACT, lambda: zeros(GIB), alone=True)
    yield zipped(
        BOMB, "bytes.changed", "zeros-recorded", PROBLEM,
        lambda: zeros(GIB, recorded=True), alone=True,
    )  # fmt: skip
    yield zipped(
        BOMB, "bytes.unread", "more-than-declared", UNREAD,
        lambda: zeros(2 * GIB, declared=6000, recorded=True), alone=True,
    )  # fmt: skip
    yield zipped(
        BOMB, NO_VERDICT, "zeros-refused", ERROR, lambda: zeros(GIB),
        options=("--max-bytes", "100MB"), words="is larger than allowed", alone=True,
    )  # fmt: skip
    yield zipped(
        BOMB, "bytes.unlisted", "nested", INTACT, lambda: _nested(6, zeros(1 << 22)), alone=True
    )
    yield zipped(
        BOMB, "zip.overlap", "quoted-overlap", PROBLEM, lambda: quoted(250, 20_000_000), alone=True
    )
    yield zipped(
        BOMB, NO_VERDICT, "metadata-of-2-gib", ERROR,
        lambda: archive([Member(name=METADATA.encode(), method=DEFLATED, size=2 * GIB)
                         .holding(deflated_zeros(1 << 20)[0])]),
        words="too large", alone=True,
    )  # fmt: skip
    yield both(
        BOMB, NO_VERDICT, "more-than-max-bytes", ERROR, crate(),
        options=("--max-bytes", "1KB"), words="is larger than allowed",
    )  # fmt: skip


def _nested(levels: int, innermost: bytes) -> bytes:
    raw = innermost
    for _ in range(levels):
        raw = archive(
            Member(name=b"%d.zip" % number, content=raw, method=DEFLATED) for number in range(10)
        )
    return archive([*members_of(crate()), Member(name=b"nested.zip", content=raw)])


def _strange() -> Iterator[Attack]:
    def good(name: str, make: Callable[[], bytes]) -> Attack:
        return zipped(STRANGE, VALID, name, INTACT, make)

    plain = members_of(crate())
    for name, width, signed in (("32", 4, True), ("64", 8, True), ("unsigned", 4, False)):
        streamed = [
            Member(name=m.name, content=m.content, method=DEFLATED, descriptor=width, signed=signed)
            for m in plain
        ]
        yield good(f"data-descriptors-{name}", lambda streamed=streamed: archive(streamed))  # type: ignore[misc]
    large = [Member(name=m.name, content=m.content, zip64=True) for m in plain]
    yield good("zip64", lambda: archive(large, zip64=True))
    yield good("zip64-end-only", lambda: archive(plain, zip64=True))
    yield good("comment", lambda: archive(plain, comment=b"a comment PK\x01\x02 with signatures"))
    yield good("local-extra-fields", with_changed("a.txt", local_extra=b"UT\x05\0\x01abcd"))
    folder = [Member(name=b"study/" + m.name, content=m.content) for m in plain]
    yield good("one-top-folder", lambda: archive([Member(name=b"study/"), *folder]))
    yield good("one-top-folder-without-entry", lambda: archive(folder))
    yield good("folder-twice", with_members(Member(name=b"data/"), Member(name=b"data/")))
    named = {**FILES, "Färbung 1.tif": b"x", "面试.tif": b"y"}
    unflagged = [
        Member(name=m.name, content=m.content, flags=0)
        for m in members_of(crate(named, recorded=named))
    ]
    yield good("utf8-names-without-flag", lambda: archive(unflagged))
    text = crate(context=[CONTEXT, {"extra": "https://example.org/terms#"}])
    yield both(STRANGE, VALID, "own-context", INTACT, text)
    yield both(STRANGE, VALID, "byte-order-mark", INTACT, {
        **crate(), METADATA: b"\xef\xbb\xbf" + crate()[METADATA],
    })  # fmt: skip
