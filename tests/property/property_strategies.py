"""What the property tests draw from: hostile names, fingerprints, manifests."""

import os
from collections.abc import Iterable

from blake3 import blake3
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from crate_iscc.codes import Fingerprint
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.manifest import (
    Manifest,
    Recipe,
    TreeFingerprint,
    treehash,
)
from crate_iscc.paths import CratePath, crate_path, is_payload, problem_elsewhere

steady = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 40,
    suppress_health_check=[HealthCheck.too_slow],
)
"""Always the same examples, so that CI is stable; many more with HYPOTHESIS_PROFILE=deep."""

ODD = [
    *" %#?[]:;@&=+$,'\"\\<>{}|^`~!*()\t\n\r\x7f\x01\u2028\x85",
    *("%2F", "%2e", "%25", "..", "./", "caf\u00e9", "cafe\u0301", "\u212b", "\uffff", "\U00010000"),
    *("ISCC:", "http:", ".isccignore", ".iscc.json", "_:", "面试"),
]
"""Characters and pieces that mean something to a URI, a shell, a line format or Unicode."""

_pieces = st.one_of(
    st.sampled_from(ODD).map(lambda piece: piece.replace("/", "")),
    st.sampled_from("abAB.-_0"),
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"),
)
names = (
    st.lists(_pieces, min_size=1, max_size=5)
    .map("".join)
    .filter(lambda name: name not in ("", ".", ".."))
)
"""Names of files and folders; two are often alike but for case or normalisation."""

few_names = st.one_of(st.sampled_from(["a", "b", "A", "a.", ".aignore", "é", "e\u0301"]), names)

paths = st.lists(few_names, min_size=1, max_size=4).map("/".join).map(crate_path)
"""Paths inside a crate."""

payload_paths = paths.filter(lambda path: is_payload(path) and not problem_elsewhere(path))
"""Paths that build takes."""

bodies = st.integers(1, 8).flatmap(lambda words: st.binary(min_size=4 * words, max_size=4 * words))
"""Code bodies of 32 to 256 bits."""

fingerprints = st.builds(
    Fingerprint,
    st.none() | st.integers(0, 2**63 - 1),
    st.none() | bodies,
    st.none() | bodies,
)
"""Fingerprints of which anything may be unknown or cut."""

whole_fingerprints = st.builds(
    Fingerprint,
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)

contents = st.sampled_from([b"", b"A", b"B", b"C", b"AB", b"ABC"])
"""Contents of few kinds, so that two files are often equal."""


def fingerprint(content: bytes) -> Fingerprint:
    """Return the true size and digest, with 128 bits that stand for a Data-Code."""
    digest = blake3(content).digest()
    return Fingerprint(len(content), blake3(b"data" + content).digest()[:16], digest)


def files_of(tree: dict[CratePath, bytes]) -> FileTable:
    """Return the files of a manifest from their contents."""
    return FileTable.of(FileFingerprint(path, fingerprint(tree[path])) for path in tree)


def manifest_of(tree: dict[CratePath, bytes], containers: Iterable[str] = ()) -> Manifest:
    """Return a manifest as a crate can record it: tree codes are known at 128 + 128 bits."""
    files = files_of(tree)

    def tree_of(folder: str) -> TreeFingerprint:
        members = files.below(folder)
        code = fingerprint("".join(file.path for file in members).encode())
        return TreeFingerprint(
            folder,
            Fingerprint(None, code.data, code.instance and code.instance[:16]),
            treehash(members, folder),
            len(members),
            sum(file.fingerprint.size or 0 for file in members),
        )

    return Manifest(files, tuple(tree_of(folder) for folder in containers), tree_of(""))


trees = st.dictionaries(payload_paths, contents, max_size=6)
"""Small trees, from path to content."""


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Draw a manifest with perhaps one container, and perhaps excluded patterns."""
    tree = draw(trees)
    sound = few_names.filter(lambda name: not problem_elsewhere(f"a/{name}"))
    inside = draw(st.dictionaries(sound, contents, max_size=3))
    folder = draw(sound.filter(lambda name: not problem_elsewhere(name))) + ".zarr/"
    tree = {path: tree[path] for path in tree if not path.startswith(folder)}
    if inside:
        tree |= {crate_path(folder + name): content for name, content in inside.items()}
    patterns = draw(st.lists(names, max_size=3))
    known = manifest_of(tree, [folder] if inside else [])
    return Manifest(known.files, known.containers, known.root, recipe=Recipe(tuple(patterns)))
