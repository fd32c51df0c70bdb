"""Properties of paths: their `@id`s and their order in a walk."""

import re
from collections.abc import Mapping
from unicodedata import normalize

from hypothesis import example, given
from hypothesis import strategies as st
from property_strategies import ODD, paths, steady

from crate_iscc.packed import PackedBytes
from crate_iscc.paths import (
    CratePath,
    covered_by_tree_code,
    decode_id,
    encode_id,
    has_scheme,
    in_treewalk,
    path_problem,
    printable,
    treewalk_order,
    utf8_order,
)

odd_texts = st.lists(
    st.one_of(st.sampled_from(ODD), st.sampled_from(["/", "..", "%2e", "%2F", "%00"]), st.text())
).map("".join)


@steady
@given(paths)
@example(CratePath("%41"))
@example(CratePath("a%2Fb"))
@example(CratePath("_:b0"))
@example(CratePath("#"))
def test_every_path_comes_back_from_its_id(path: CratePath) -> None:
    """Encoding loses nothing, also where a name looks like an escape, a scheme or a fragment.

    RFC 3986, section 2.4: "Implementations must not percent-encode or decode the same string
    more than once, as decoding an already decoded string might lead to misinterpreting a
    percent data octet as the beginning of a percent-encoding".
    """
    assert decode_id(encode_id(path)) == path


@steady
@given(paths)
def test_a_folder_comes_back_from_its_id_with_its_slash(path: CratePath) -> None:
    """A Dataset's path ends in a slash, which is kept."""
    assert decode_id(encode_id(path + "/")) == path + "/"


@steady
@given(paths)
def test_an_id_is_a_relative_reference(path: CratePath) -> None:
    """An encoded path is no absolute URI, and holds nothing that a reference must not.

    RFC 3986, section 4.2: "A path segment that contains a colon character (e.g., "this:that")
    cannot be used as the first segment of a relative-path reference".
    """
    entity_id = encode_id(path)

    assert not has_scheme(entity_id)
    assert ":" not in entity_id.partition("/")[0]
    assert not re.search(r'[\x00-\x20"#<>?\[\\\]^`{|}\x7f]|%(?![0-9A-F]{2})', entity_id)


@steady
@given(paths)
def test_an_id_leaves_international_characters_as_they_are(path: CratePath) -> None:
    """Nothing but ASCII is ever escaped.

    RO-Crate, Encoding file paths: "international characters in identifiers SHOULD be written
    using native UTF-8 characters (IRIs)".
    """
    beyond_ascii = re.compile(r"[\x00-\x7f]+")

    assert beyond_ascii.sub("", encode_id(path)) == beyond_ascii.sub("", path)


@steady
@given(odd_texts)
@example("%252e%252e/x")
@example("a/%2e%2e/%2e%2e/x")
@example(".%2F..%2Fx")
def test_no_id_leads_out_of_the_crate(text: str) -> None:
    """Whatever a stranger writes as an `@id` names a path inside the crate, or none."""
    path = decode_id(text)

    assert path is None or path_problem(path.removesuffix("/")) is None


@steady
@given(st.text(st.characters()))
def test_whatever_is_shown_stays_on_one_line(text: str) -> None:
    """No name can move a cursor or break a line of output, and the text can be encoded."""
    shown = printable(text)

    assert shown.isprintable()
    assert shown.encode("utf-8")[:0] == b""


def walk(tree: dict[str, object], prefix: str = "") -> list[str]:
    """Walk nested folders as IEP-0017 tells it: three phases, each sorted."""

    def order(name: str) -> tuple[bytes, bytes]:
        return normalize("NFC", name).encode(), name.encode()

    files = sorted((name for name, inside in tree.items() if inside is None), key=order)
    first = [name for name in files if name.startswith(".") and name.endswith("ignore")]
    found = [prefix + name for name in first]
    found += [prefix + name for name in files if name not in first]
    for name in sorted((name[:-1] for name in tree if name.endswith("/")), key=order):
        inside = tree[name + "/"]
        assert isinstance(inside, dict)
        found += walk(inside, f"{prefix}{name}/")
    return found


def nested(all_paths: list[CratePath]) -> dict[str, object]:
    """Return folders (with a slash) as dictionaries and files as None."""
    top: dict[str, object] = {}
    for path in all_paths:
        *folders, name = path.split("/")
        inside = top
        for folder in folders:
            deeper = inside.setdefault(folder + "/", {})
            assert isinstance(deeper, dict)
            inside = deeper
        inside[name] = None
    return top


@steady
@given(st.lists(paths, unique=True))
def test_the_order_of_the_tree_is_that_of_a_recursive_walk(all_paths: list[CratePath]) -> None:
    """Sorting by one key gives what walking folder by folder gives.

    IEP-0017, Treewalk-BASE Algorithm: "For each container in the traversal, process entries in
    three phases: Yield files matching pattern `.*ignore` [...] in sorted order. Yield all other
    files in sorted order. Recurse into subdirectories in sorted order."
    """
    assert sorted(all_paths, key=treewalk_order) == walk(nested(all_paths))


def walked(
    all_paths: list[CratePath], ignore_files: Mapping[str, tuple[str, ...]] | None = None
) -> list[CratePath]:
    """Return the paths that a tree code covers, in its order."""
    is_covered = covered_by_tree_code(ignore_files or {})
    kept = [path for path in all_paths if is_covered(path)]
    return [kept[number] for number in in_treewalk(PackedBytes(map(utf8_order, kept)))]


@steady
@given(st.lists(paths, unique=True))
def test_a_walk_does_not_depend_on_the_order_of_the_listing(all_paths: list[CratePath]) -> None:
    """One set of paths has one walk.

    IEP-0017, Deterministic Duplicate Handling: "The same storage state always produces the same
    output".
    """
    assert walked([*reversed(all_paths)]) == walked(sorted(all_paths))


@steady
@given(
    st.lists(paths, unique=True),
    st.lists(st.sampled_from(["a", "!a", "b/", "/A", "*e*", "!é", "a/*", "**/b", "#", ""])),
)
def test_ignore_files_take_files_out_and_leave_the_order(
    all_paths: list[CratePath], patterns: list[str]
) -> None:
    """What a walk covers stands in the order of the whole walk.

    IEP-0017, Treewalk-IGNORE: it "maintains the same deterministic ordering while progressively
    filtering entries based on accumulated patterns".
    """
    whole = [p for p in sorted(all_paths, key=treewalk_order) if not p.endswith(".iscc.json")]

    covered = walked(all_paths, {"": tuple(patterns)})

    assert walked(all_paths) == whole
    assert covered == [path for path in whole if path in set(covered)]


@steady
@given(paths, paths)
def test_the_order_of_a_manifest_is_that_of_utf8(one: CratePath, two: CratePath) -> None:
    """Which is the order of code points, whatever the locale and the platform."""
    assert (utf8_order(one) < utf8_order(two)) == ([*map(ord, one)] < [*map(ord, two)])
