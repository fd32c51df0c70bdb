"""Any small tree, built and then damaged in one place: the damage is seen, and named."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from property_strategies import few_names

from crate_iscc import Report, Severity, Thoroughness, Verdict, build, verify
from crate_iscc.paths import is_leftover, is_payload
from verify.verify_kit import zip_of

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="other file systems take some of the names for one"
)

Files = dict[str, bytes]


def _means_something(name: str) -> bool:
    """Tell whether a name is a separator elsewhere, or makes build read the file."""
    return "\\" in name or ".isccignore" in name


# What no file system or no archiver has a say about: those have tests of their own.
_segments = few_names.filter(
    lambda name: name.isprintable() and not _means_something(name) and len(name.encode()) <= 100
)
_paths = st.lists(_segments, min_size=1, max_size=3).map("/".join)
_contents = st.sampled_from([b"", b"A", b"AB", b"A" * 3000]) | st.binary(min_size=1, max_size=200)


def _without_clashes(drawn: Files) -> Files:
    folders = {path[:at] for path in drawn for at, char in enumerate(path) if char == "/"}
    return {
        path: content
        for path, content in drawn.items()
        if path not in folders and is_payload(path) and not is_leftover(path)
    }


trees = st.dictionaries(_paths, _contents, min_size=1, max_size=6).map(_without_clashes)


@dataclass(frozen=True)
class Damaged:
    """The files after one damage, and the paths that a report has to name, and no other.

    `links` are the files that a symbolic link stands for now.
    """

    kind: str
    files: Files
    named: frozenset[str]
    links: frozenset[str] = frozenset()


@st.composite
def damages(draw: st.DrawFn) -> tuple[Files, Damaged]:
    """Draw a tree and one thing that happens to it."""
    files = draw(trees.filter(bool))
    path = draw(st.sampled_from(sorted(files)))
    kinds = [kind for kind in _KINDS if _KINDS[kind][0](files, path)]
    kind = draw(st.sampled_from(kinds))
    return files, _KINDS[kind][1](draw, dict(files), path)


def _flip(draw: st.DrawFn, files: Files, path: str) -> Damaged:
    content = bytearray(files[path])
    content[draw(st.integers(0, len(content) - 1))] ^= 1 << draw(st.integers(0, 7))
    return Damaged("flip", files | {path: bytes(content)}, frozenset({path}))


def _truncate(draw: st.DrawFn, files: Files, path: str) -> Damaged:
    size = draw(st.integers(0, len(files[path]) - 1))
    return Damaged("truncate", files | {path: files[path][:size]}, frozenset({path}))


def _append(draw: st.DrawFn, files: Files, path: str) -> Damaged:
    more = draw(st.binary(min_size=1, max_size=3))
    return Damaged("append", files | {path: files[path] + more}, frozenset({path}))


def _remove(_draw: st.DrawFn, files: Files, path: str) -> Damaged:
    del files[path]
    return Damaged("remove", files, frozenset({path}))


def _new_path(draw: st.DrawFn, files: Files) -> str:
    def is_free(new: str) -> bool:
        return new not in files and len(_without_clashes(files | {new: b""})) > len(files)

    return draw(_paths.filter(is_free))


def _add(draw: st.DrawFn, files: Files, _path: str) -> Damaged:
    new = _new_path(draw, files)
    return Damaged("add", files | {new: draw(_contents)}, frozenset({new}))


def _rename(draw: st.DrawFn, files: Files, path: str) -> Damaged:
    new = _new_path(draw, files)
    files[new] = files.pop(path)
    # Another spelling of the same name is no new file: path.case and path.normalization say both.
    spelled = normalize("NFC", new.casefold()) == normalize("NFC", path.casefold())
    return Damaged("rename", files, frozenset({path} if spelled else {path, new}))


def _others(files: Files, path: str) -> list[str]:
    return sorted(other for other in files if files[other] != files[path])


def _swap(draw: st.DrawFn, files: Files, path: str) -> Damaged:
    other = draw(st.sampled_from(_others(files, path)))
    files[path], files[other] = files[other], files[path]
    return Damaged("swap", files, frozenset({path, other}))


def _shift(draw: st.DrawFn, files: Files, path: str) -> Damaged:
    """Move bytes from the end of one file to the start of another: the whole stays the same."""
    other = draw(st.sampled_from(sorted(files.keys() - {path})))
    cut = draw(st.integers(0, len(files[path]) - 1))
    files[other] = files[path][cut:] + files[other]
    files[path] = files[path][:cut]
    return Damaged("shift", files, frozenset({path, other}))


def _link(_draw: st.DrawFn, files: Files, path: str) -> Damaged:
    return Damaged("link", files, frozenset({path}), frozenset({path}))


def _any(_files: Files, _path: str) -> bool:
    return True


def _full(files: Files, path: str) -> bool:
    return bool(files[path])


Damage = Callable[[st.DrawFn, Files, str], Damaged]
_KINDS: dict[str, tuple[Callable[[Files, str], object], Damage]] = {
    "flip": (_full, _flip),
    "truncate": (_full, _truncate),
    "append": (_any, _append),
    "remove": (_any, _remove),
    "add": (_any, _add),
    "rename": (_any, _rename),
    "swap": (_others, _swap),
    "shift": (lambda files, path: files[path] and len(files) > 1, _shift),
    "link": (_any, _link),
}


def _write(folder: Path, files: Files, links: frozenset[str] = frozenset()) -> None:
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if path in links:
            aside = folder.parent / "aside"
            aside.write_bytes(content)
            place.symlink_to(aside)  # to the very bytes that were there
        else:
            place.write_bytes(content)


def _inflict(crate: Path, before: Files, damaged: Damaged) -> None:
    for path in before:
        (crate / path).unlink()
    _write(crate, damaged.files, damaged.links)


def _named(report: Report) -> set[str]:
    """Return the paths that the findings name for which a crate is not valid."""
    grave = [f for f in report.findings if f.severity is Severity.ERROR or f.id == "bytes.unread"]
    return {str(place) for f in grave for place in (f.path, f.moved_to) if place}


def _said(report: Report) -> object:
    return report.verdict, report.counts, set(report.findings)


@settings(derandomize=True)
@given(damages(), st.booleans(), st.sampled_from(list(Thoroughness)[1:]))
def test_a_damage_to_any_tree_is_seen_and_named(
    case: tuple[Files, Damaged], manifest_file: bool, thoroughness: Thoroughness
) -> None:
    """A crate that was just built is valid; with one damage it is not, and the report says where.

    The folder and a zip of it give the same report, before and after.
    """
    files, damaged = case
    with TemporaryDirectory() as scratch:
        crate = Path(scratch) / "crate"
        _write(crate, files)
        build(crate, name="A tree", licence="CC0-1.0", manifest_file=manifest_file)
        sound = verify(crate, thoroughness=thoroughness)
        assert (sound.verdict, _named(sound)) == (Verdict.VALID, set())
        assert sound.counts.match == len(files)
        archive = zip_of(crate, Path(scratch) / "crate.zip")
        assert _said(verify(archive, thoroughness=thoroughness)) == _said(sound)

        _inflict(crate, files, damaged)

        report = verify(crate, thoroughness=thoroughness)
        assert report.verdict is not Verdict.VALID
        assert _named(report) == damaged.named
        archive = zip_of(crate, Path(scratch) / "crate.zip")
        assert _said(verify(archive, thoroughness=thoroughness)) == _said(report)
