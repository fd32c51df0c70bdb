"""Properties of tables: what is done by the block comes out as if it were done one by one."""

from hypothesis import given
from hypothesis import strategies as st
from property_strategies import (
    files_of,
    fingerprints,
    payload_paths,
    steady,
    trees,
    whole_fingerprints,
)

from crate_iscc.codes import Fingerprint, parse_datahash, parse_iscc, parse_pairs
from crate_iscc.crate.listed import with_manifest_file
from crate_iscc.crate.record import Recorded
from crate_iscc.errors import InputError
from crate_iscc.file_table import FileFingerprint, FileTable, numbers_among, side_by_side
from crate_iscc.manifest import (
    Manifest,
    manifest_lines,
    parse_manifest_line,
    parse_manifest_lines,
)
from crate_iscc.paths import CratePath, is_payload, utf8_order

Tree = dict[CratePath, bytes]


@steady
@given(trees, trees)
def test_two_tables_lie_side_by_side_path_by_path(one: Tree, two: Tree) -> None:
    """Nothing is left out or comes twice, and what has a partner stands beside it."""
    mine, theirs = files_of(one), files_of(two)

    slices = list(side_by_side(mine, theirs))

    assert [file for left, _ in slices for file in left] == list(mine)
    assert [file for _, right in slices for file in right] == list(theirs)
    for left, right in slices:
        if left and right:
            assert [*left.paths()] == [*right.paths()]
        else:
            assert {*left.paths(), *right.paths()} <= one.keys() ^ two.keys()
    firsts = [utf8_order((left or right)[0].path) for left, right in slices]
    assert firsts == sorted(firsts)


texts = st.one_of(
    whole_fingerprints.map(lambda known: (str(known.datahash), known.iscc())),
    whole_fingerprints.map(lambda known: (str(known.datahash), known.iscc(wide=False))),
    st.tuples(whole_fingerprints, whole_fingerprints).map(
        lambda two: (str(two[0].datahash), two[1].iscc())
    ),
)


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> str:
    """Draw a text with one character replaced, added or left out, mostly by one that is near."""
    at = draw(st.integers(0, len(text)))
    end = draw(st.integers(at, min(at + 1, len(text))))
    other: str = draw(st.sampled_from([*"AaZ720f:_ \u0661\t", ""]))
    return text[:at] + other + text[end:]


@steady
@given(st.lists(texts, min_size=1, max_size=4), st.data())
def test_pairs_of_codes_are_parsed_at_once_only_if_each_parses_so(
    pairs: list[tuple[str, str]], data: st.DataObject
) -> None:
    """The short way accepts nothing that the long way refuses or reads otherwise."""
    number = data.draw(st.integers(0, len(pairs) - 1))
    if data.draw(st.booleans()):
        digest, iscc = pairs[number]
        pairs[number] = data.draw(
            st.one_of(
                spoilt(digest).map(lambda text: (text, iscc)),
                spoilt(iscc).map(lambda text: (digest, text)),
            )
        )

    found = parse_pairs([digest for digest, _ in pairs], [iscc for _, iscc in pairs])

    one_by_one = [_slowly(*pair) for pair in pairs]
    if found is None:
        assert any(known is None or len(known.data or b"") != 16 for known in one_by_one)
    else:
        parsed = zip(*found, strict=True)
        assert [Fingerprint(None, *codes) for codes in parsed] == one_by_one


def _slowly(digest: str, iscc: str) -> Fingerprint | None:
    if digest != digest.lower():
        return None
    try:
        return parse_datahash(digest).merged(parse_iscc(iscc))
    except InputError:
        return None


files = st.builds(FileFingerprint, payload_paths, whole_fingerprints)


@steady
@given(st.lists(files, min_size=1, max_size=4), st.data())
def test_lines_are_parsed_at_once_only_if_each_parses_so(
    some: list[FileFingerprint], data: st.DataObject
) -> None:
    """A block of lines says what its lines say, or has to be looked at line by line."""
    _, *lines = (line.removesuffix("\n") for line in manifest_lines(some))
    number = data.draw(st.integers(0, len(lines) - 1))
    if data.draw(st.booleans()):
        lines[number] = data.draw(spoilt(lines[number]))

    found = parse_manifest_lines(lines)

    if found is not None:
        one_by_one = [parse_manifest_line(line) for line in lines]
        assert list(FileTable.of_rows(found)) == one_by_one
        assert all(is_payload(file.path) for file in one_by_one)


def _record(described: list[FileFingerprint]) -> Recorded:
    files = {file.path: file for file in described}
    return Recorded(Manifest(FileTable.of(files.values())))


@steady
@given(
    st.dictionaries(payload_paths, st.tuples(fingerprints, st.none() | st.text(max_size=3))),
    st.lists(files, max_size=6),
    st.data(),
)
def test_a_manifest_file_completes_a_record_line_by_line(
    described: dict[CratePath, tuple[Fingerprint, str | None]],
    listed: list[FileFingerprint],
    data: st.DataObject,
) -> None:
    """In any order, with lines that come twice, and in pieces of any length."""
    known = {path: FileFingerprint(path, *said) for path, said in described.items()}
    # Some lines say more of what is described, and some files are described as in their lines.
    some = data.draw(st.lists(st.sampled_from(sorted(known)))) if known else []
    both = [FileFingerprint(path, _completed(known[path].fingerprint)) for path in some]
    same = data.draw(st.lists(st.sampled_from(listed))) if listed else []
    known |= {file.path: _as_listed(file) for file in same}
    order = data.draw(st.permutations([*listed, *both]))
    if data.draw(st.booleans()):
        order = sorted(order, key=lambda file: utf8_order(file.path))
    raw = "".join(manifest_lines(order)).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=5)))
    pieces = [raw[a:b] for a, b in zip([0, *cuts], [*cuts, len(raw)], strict=True)]

    found = with_manifest_file(_record(list(known.values())), pieces)

    wanted: dict[CratePath, FileFingerprint] = {
        path: FileFingerprint(path, file.fingerprint, file.sha256 or None)
        for path, file in known.items()
    }
    seen: set[CratePath] = set()
    problems = []
    for file in order:
        line = _as_listed(file)
        if file.path in seen:
            problems.append(("two lines", file.path))
        seen.add(file.path)
        before = wanted.get(file.path, FileFingerprint(file.path, Fingerprint()))
        now = before.fingerprint.merged(line.fingerprint)
        if now is None:
            problems.append(("the metadata", file.path))
        else:
            wanted[file.path] = FileFingerprint(file.path, now, before.sha256)
    assert list(found.manifest.files) == sorted(
        wanted.values(), key=lambda file: utf8_order(file.path)
    )
    said = [(f.message.partition(": ")[2][:9], f.path) for f in found.findings]
    assert sorted(said) == sorted((what[:9], path) for what, path in problems)


def _as_listed(file: FileFingerprint) -> FileFingerprint:
    """Return a file as the line of a manifest file has it."""
    line = parse_manifest_line([*manifest_lines([file])][1])
    assert isinstance(line, FileFingerprint)
    return line


def _completed(known: Fingerprint) -> Fingerprint:
    """Return a fingerprint that says more of the same bytes."""
    return Fingerprint(
        known.size if known.size is not None else 1,
        (known.data or b"").ljust(32, b"d"),
        (known.instance or b"").ljust(32, b"i"),
    )


@steady
@given(st.sets(st.binary(max_size=3)), st.sets(st.binary(max_size=3)))
def test_what_is_wanted_of_a_table_is_found_in_one_walk(
    wanted: set[bytes], paths: set[bytes]
) -> None:
    """The numbers are those of the paths that are on both sides."""
    ordered = sorted(paths)

    numbers = numbers_among(sorted(wanted), ordered)

    assert [ordered[number] for number in numbers] == sorted(wanted & paths)
