"""Crate-relative paths: what may be one, how it is written as an `@id`, and in which order."""

import pytest

from crate_iscc.errors import InputError
from crate_iscc.paths import (
    crate_path,
    decode_id,
    encode_id,
    folder_of,
    glob_matcher,
    is_payload,
    printable,
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/etc/passwd",
        "..",
        "../secret.txt",
        "raw/../../secret.txt",
        "raw//cell.tif",
        "./cell.tif",
        "raw/./cell.tif",
        "raw/",
        "cell\0.tif",
        "cell\ud800.tif",
    ],
)
def test_a_text_that_names_nothing_inside_the_crate_is_no_crate_path(text: str) -> None:
    """Absolute, upward, empty-segmented, NUL-holding and non-Unicode paths are refused."""
    with pytest.raises(InputError):
        crate_path(text)


@pytest.mark.parametrize("text", ["cell.tif", ".hidden", "...", "a..b/c", "C:\\x", " ", "a\nb"])
def test_an_odd_name_is_still_a_crate_path(text: str) -> None:
    """Whatever a file system takes as a name is kept as it is."""
    assert crate_path(text) == text


def test_the_message_about_a_bad_path_stays_on_one_line() -> None:
    """A hostile name cannot write control characters to a terminal through an error."""
    with pytest.raises(InputError) as error:
        crate_path("../\x1b[2J\n\ud800")

    assert str(error.value).isprintable()


@pytest.mark.parametrize(
    ("text", "shown"),
    [("面试.mp4", "面试.mp4"), ("a\nb", "a\\nb"), ("\x1b[2J", "\\x1b[2J"), ("\udcff", "\\udcff")],
)
def test_a_name_is_shown_on_one_line_whatever_it_holds(text: str, shown: str) -> None:
    """Control characters, line ends and lone surrogates are shown as escapes."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("path", "payload"),
    [
        ("ro-crate-metadata.json", False),
        ("ro-crate-metadata.jsonld", False),
        ("ro-crate-preview.html", False),
        ("ro-crate-preview_files/style.css", False),
        ("iscc-manifest.tsv", False),
        ("nested/ro-crate-metadata.json", True),
        ("nested/iscc-manifest.tsv", True),
        ("ro-crate-preview_files", True),
        (".isccignore", True),
    ],
)
def test_the_payload_is_every_file_but_those_that_describe_it(path: str, payload: bool) -> None:
    """Only the root's own descriptions are left out; those of nested crates are payload."""
    assert is_payload(path) is payload


@pytest.mark.parametrize(
    ("path", "entity_id"),
    [
        ("Results and Diagrams/almost-50%.png", "Results%20and%20Diagrams/almost-50%25.png"),
        ("面试.mp4", "面试.mp4"),
        ("caf\u00e9.txt", "caf\u00e9.txt"),
        ("cafe\u0301.txt", "cafe\u0301.txt"),
        ("plate#1?.tif", "plate%231%3F.tif"),
        ("t[0].tif", "t%5B0%5D.tif"),
        ('say "hi".txt', "say%20%22hi%22.txt"),
        ("it's.txt", "it's.txt"),
        ("a\\b.txt", "a%5Cb.txt"),
        ("a%20b.txt", "a%2520b.txt"),
        ("a\tb\n.txt", "a%09b%0A.txt"),
        ("#local", "%23local"),
    ],
)
def test_a_path_is_escaped_where_ro_crate_asks_for_it_and_nowhere_else(
    path: str, entity_id: str
) -> None:
    """International characters stay native, what no URI may hold is percent-encoded.

    RO-Crate, Encoding file paths: "Care must be taken to express any relative paths using `/`
    separator, correct casing, and escape special characters like space (`%20`) and percent
    (`%25`)"; "international characters in identifiers SHOULD be written using native UTF-8
    characters (IRIs)".
    """
    assert encode_id(path) == entity_id
    assert decode_id(entity_id) == path


@pytest.mark.parametrize(
    ("path", "entity_id"),
    [
        ("10:30.tif", "10%3A30.tif"),
        ("C:", "C%3A"),
        ("_:x", "_%3Ax"),
        ("t/10:30.tif", "t/10:30.tif"),
    ],
)
def test_a_colon_is_escaped_in_the_first_segment_alone(path: str, entity_id: str) -> None:
    """A name with a colon is not read back as a URI scheme.

    RFC 3986, section 4.2: "A path segment that contains a colon character (e.g., "this:that")
    cannot be used as the first segment of a relative-path reference, as it would be mistaken
    for a scheme name."
    """
    assert encode_id(path) == entity_id
    assert decode_id(entity_id) == path


@pytest.mark.parametrize(
    ("entity_id", "path"),
    [
        ("%E9%9D%A2%E8%AF%95.mp4", "面试.mp4"),
        ("100%2525", "100%25"),
        ("100%", "100%"),
        ("a b.txt", "a b.txt"),
        ("latin%FF.txt", "latin%FF.txt"),
        ("./cell.tif", "cell.tif"),
        ("././raw/", "raw/"),
        ("raw//cell.tif", "raw/cell.tif"),
        ("raw/./cell.tif", "raw/cell.tif"),
        ("%252e%252e/cell.tif", "%2e%2e/cell.tif"),
        ("raw/.hidden", "raw/.hidden"),
    ],
)
def test_an_entity_id_is_decoded_once_and_tolerantly(entity_id: str, path: str) -> None:
    """Escapes are undone a single time, and names that others wrote unescaped are understood.

    RFC 3986, section 2.4: "Implementations must not percent-encode or decode the same string
    more than once".
    """
    assert decode_id(entity_id) == path


@pytest.mark.parametrize(
    "entity_id",
    [
        "",
        "./",
        "#person",
        "_:b0",
        "https://example.org/cell.tif",
        "file:///etc/passwd",
        "arcp://uuid,0/cell.tif",
        "C:/cell.tif",
        "//example.org/cell.tif",
        "/etc/passwd",
        "%2Fetc/passwd",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "raw/%2E%2E/%2E%2E/secret.txt",
        "raw%2F..%2F..%2Fsecret.txt",
        "./../secret.txt",
        "raw%2Fcell.tif",
        "cell%00.tif",
        "cell\ud800.tif",
    ],
)
def test_an_entity_id_that_names_no_file_in_the_crate_gives_no_path(entity_id: str) -> None:
    """Absolute URIs, local identifiers and whatever would leave the root are no paths."""
    assert decode_id(entity_id) is None


@pytest.mark.parametrize("entity_id", ["cell.tif?size=1", "raw/cell.tif#scene-1", "?size=1"])
def test_an_entity_id_with_a_query_names_no_file(entity_id: str) -> None:
    """A query asks a server for something; a question mark in a name is written `%3F`.

    RFC 3986, section 3.4: "The query component is indicated by the first question mark ("?")
    character and terminated by a number sign ("#") character or by the end of the URI."
    """
    assert decode_id(entity_id) is None


@pytest.mark.parametrize(
    ("path", "folder"), [("a.txt", ""), ("raw/a.txt", "raw/"), ("raw/t0/a.txt", "raw/t0/")]
)
def test_the_folder_of_a_file_ends_in_a_slash(path: str, folder: str) -> None:
    """The root is the empty string."""
    assert folder_of(path) == folder


@pytest.mark.parametrize("pattern", ["!", "\\", "[z-a].tif"])
def test_a_pattern_that_means_nothing_is_refused(pattern: str) -> None:
    """A malformed pattern is the caller's error, with a message, never a crash."""
    with pytest.raises(InputError):
        glob_matcher([pattern])


def test_patterns_have_the_syntax_of_gitignore() -> None:
    """The last pattern that matches wins, and a trailing slash asks for a folder."""
    matches = glob_matcher(["*.tmp", "!keep.tmp", "cache/"])

    assert [p for p in ("a.tmp", "raw/a.tmp", "keep.tmp", "cache/", "cache") if matches(p)] == [
        "a.tmp",
        "raw/a.tmp",
        "cache/",
    ]


def test_no_pattern_matches_nothing() -> None:
    """Without patterns nothing is left out."""
    assert not glob_matcher([])("cell.tif")
