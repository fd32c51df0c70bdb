"""The comparison of what a crate records with what is there."""

from collections.abc import Mapping

import pytest
from unit_literals import fingerprint, manifest

from crate_iscc.codes import Distance, Fingerprint
from crate_iscc.comparison import Comparison, Difference, Status, compare
from crate_iscc.file_table import FileFingerprint, FileTable
from crate_iscc.manifest import Manifest, Unread
from crate_iscc.paths import CratePath, crate_path

A, B, C = (fingerprint(content) for content in (b"content A", b"content B", b"content C"))


def of(known: Mapping[str, Fingerprint], *unread: Unread) -> Manifest:
    """Return a manifest from fingerprints."""
    named = (FileFingerprint(crate_path(path), known[path]) for path in known)
    return Manifest(FileTable.of(named), unread=unread)


def unread(path: str, reason: str = "permission denied") -> Unread:
    return Unread(CratePath(path), reason)


def outcome(
    recorded: Manifest, observed: Manifest, *, content: bool = True
) -> dict[str, tuple[Status, str | None]]:
    """Return status and new place by path, after checking that each path stands once.

    A recorded path of which nothing is said is one of the matches, and all of these are counted.
    """
    comparison = compare(recorded, observed, content=content)
    result: dict[str, tuple[Status, str | None]] = {}
    for difference in comparison.differences:
        assert difference.path not in result
        result[difference.path] = (difference.status, difference.moved_to)
    matching = [path for path in recorded.files.paths() if path not in result]
    assert len(matching) == comparison.matches
    return result | dict.fromkeys(matching, (Status.MATCH, None))


def differences_of(recorded: Manifest, observed: Manifest) -> tuple[Difference, ...]:
    return compare(recorded, observed).differences


def test_equal_trees_match_file_by_file() -> None:
    """Each recorded file is counted as one match, and nothing is said of any."""
    known = of({"b": A, "a/c": B, "é": A})

    assert compare(known, known) == Comparison(3, ())


def test_differences_come_in_the_order_of_the_paths() -> None:
    """By their UTF-8 bytes, whatever they are."""
    known = of({"b": A, "a/c": B, "é": A, "m": C})

    found = differences_of(known, of({"a/c": A, "ab": C}, unread("b")))

    assert [(d.path, d.status) for d in found] == [
        ("a/c", Status.CHANGED),
        ("b", Status.UNREAD),
        ("m", Status.MOVED),
        ("é", Status.MOVED),
    ]


def test_a_match_with_another_data_code_is_told_apart() -> None:
    """The bytes are the recorded ones, so it is a match, and something is to be said of it."""
    other = Fingerprint(A.size, B.data, A.instance)

    comparison = compare(of({"a": A, "b": B}), of({"a": other, "b": B}))

    assert comparison == Comparison(1, (Difference(Status.MATCH, crate_path("a"), A, other),))


def test_what_is_unread_is_no_match_whatever_else_is_known_of_it() -> None:
    """A file that changed while it was read again may still stand among what was read."""
    known = of({"a": A, "b": B, "c": C})

    result = outcome(known, of({"a": A, "b": B, "c": C}, unread("b")))

    assert result == {
        "a": (Status.MATCH, None),
        "b": (Status.UNREAD, None),
        "c": (Status.MATCH, None),
    }


def test_a_match_needs_no_more_than_64_bits_of_the_instance_code() -> None:
    """A crate that records a narrow code alone can be checked."""
    narrow = Fingerprint(None, A.data and A.data[:8], A.instance and A.instance[:8])

    assert outcome(of({"a": narrow}), of({"a": A})) == {"a": (Status.MATCH, None)}


def test_other_content_at_a_path_is_changed_with_its_distance() -> None:
    """The distance is that of the Data-Codes, and tells an edit from another file."""
    assert A.data is not None
    edited = Fingerprint(9, bytes([A.data[0] ^ 1]) + A.data[1:], B.instance)

    (difference,) = differences_of(of({"a": A}), of({"a": edited}))

    assert difference == Difference(
        Status.CHANGED, crate_path("a"), A, edited, distance=Distance(1, 128)
    )


def test_a_size_that_differs_is_enough_to_call_a_file_changed() -> None:
    """Also where nothing else is known of the recorded bytes."""
    (difference,) = differences_of(of({"a": Fingerprint(8)}), of({"a": A}))

    assert (difference.status, difference.distance) == (Status.CHANGED, None)


def test_a_recorded_file_without_fingerprint_is_unchecked() -> None:
    """Neither an equal size nor an equal Data-Code makes a match."""
    known = of({"a": Fingerprint(), "b": Fingerprint(A.size), "c": Fingerprint(None, A.data)})

    result = outcome(known, of({"a": A, "b": A, "c": A}))

    assert result == dict.fromkeys("abc", (Status.UNCHECKED, None))


def test_the_same_bytes_at_a_new_path_are_moved() -> None:
    """A renamed file is neither missing nor extra."""
    result = outcome(of({"a": A, "b": B}), of({"raw/a.tif": A, "b": B}))

    assert result == {"a": (Status.MOVED, "raw/a.tif"), "b": (Status.MATCH, None)}


def test_a_file_that_is_gone_is_missing_and_one_too_many_is_extra() -> None:
    """What shares neither bytes nor byte runs is not paired."""
    result = outcome(of({"a": A, "b": B}), of({"b": B, "c": C}))

    assert result == {
        "a": (Status.MISSING, None),
        "b": (Status.MATCH, None),
        "c": (Status.EXTRA, None),
    }


def test_a_second_copy_of_a_file_is_extra() -> None:
    """A copy is no move: the recorded file is still there."""
    result = outcome(of({"a": A}), of({"a": A, "copy": A}))

    assert result == {"a": (Status.MATCH, None), "copy": (Status.EXTRA, None)}


def test_a_lost_copy_is_missing_although_its_bytes_are_elsewhere() -> None:
    """A file that is recorded with these bytes stands for itself alone."""
    result = outcome(of({"a": A, "copy": A}), of({"a": A}))

    assert result == {"a": (Status.MATCH, None), "copy": (Status.MISSING, None)}


def test_two_swapped_files_are_moved_to_each_other() -> None:
    """Both contents are there, each at the other's path."""
    result = outcome(of({"a": A, "b": B}), of({"a": B, "b": A}))

    assert result == {"a": (Status.MOVED, "b"), "b": (Status.MOVED, "a")}


def test_a_chain_of_renames_is_followed() -> None:
    """Each content has its new place, and what took the first old place is named as extra."""
    differences = differences_of(of({"1": A, "2": B}), of({"1": C, "2": A, "3": B}))

    assert [(d.path, d.status, d.moved_to) for d in differences] == [
        ("1", Status.MOVED, "2"),
        ("1", Status.EXTRA, None),
        ("2", Status.MOVED, "3"),
    ]


def test_a_file_overwritten_by_another_names_what_it_holds() -> None:
    """The overwritten file is changed and holds the moved one; its own bytes are lost."""
    moved, overwritten = differences_of(of({"a": A, "b": B}), of({"b": A}))

    assert (moved.path, moved.status, moved.moved_to) == ("a", Status.MOVED, "b")
    assert (overwritten.path, overwritten.status, overwritten.holds) == ("b", Status.CHANGED, "a")
    assert overwritten.distance == B.distance(A)


def test_a_file_overwritten_by_a_copy_is_changed() -> None:
    """The copied file is still in its place, so nothing has moved."""
    differences = differences_of(of({"a": A, "b": B}), of({"a": A, "b": A}))

    assert outcome(of({"a": A, "b": B}), of({"a": A, "b": A})) == {
        "a": (Status.MATCH, None),
        "b": (Status.CHANGED, None),
    }
    assert differences[0].holds is None


def test_bytes_moved_over_a_file_boundary_are_two_changes() -> None:
    """The bytes together are the same, and the files are not."""
    known = manifest({"a": b"12", "b": b"34"})
    observed = manifest({"a": b"123", "b": b"4"})

    result = outcome(known, observed)

    assert known.root.iscc == observed.root.iscc
    assert result == {"a": (Status.CHANGED, None), "b": (Status.CHANGED, None)}


def test_a_renamed_folder_of_equal_chunks_is_paired_chunk_by_chunk() -> None:
    """Among equal contents the paths that end alike belong together."""
    names = [f"c/{y}/{x}" for y in range(3) for x in range(3)]
    known = of({f"old.zarr/{name}": A for name in names} | {"keep/c/1/1": A})
    observed = of({f"new.zarr/{name}": A for name in names} | {"keep/c/1/1": A})

    result = outcome(known, observed)

    assert result == {"keep/c/1/1": (Status.MATCH, None)} | {
        f"old.zarr/{name}": (Status.MOVED, f"new.zarr/{name}") for name in names
    }


def test_a_renamed_and_edited_file_is_paired_with_its_new_name() -> None:
    """The nearest contents are paired first, and what is unrelated stays missing and extra."""
    base = bytes(16)
    near, far, other = b"\x01" + bytes(15), b"\x07" + bytes(15), b"\xff" * 16
    known = of({"a": Fingerprint(1, base, A.instance), "z": Fingerprint(1, other, B.instance)})
    observed = of(
        {
            "far": Fingerprint(1, far, fingerprint(b"1").instance),
            "near": Fingerprint(1, near, fingerprint(b"2").instance),
        }
    )

    differences = differences_of(known, observed)

    assert outcome(known, observed) == {
        "a": (Status.CHANGED, "near"),
        "far": (Status.EXTRA, None),
        "z": (Status.MISSING, None),
    }
    assert differences[0].distance == Distance(1, 128)


def test_nothing_is_paired_by_similarity_where_no_data_code_was_observed() -> None:
    """A verification that reads with BLAKE3 alone still tells missing from extra."""
    observed = of({"b": Fingerprint(B.size, None, B.instance)})

    result = outcome(of({"a": A}), observed)

    assert result == {"a": (Status.MISSING, None), "b": (Status.EXTRA, None)}


def test_a_recorded_file_that_cannot_be_read_is_unread_with_the_reason() -> None:
    """It is neither missing nor changed: nothing is said about its content."""
    (difference,) = differences_of(of({"a": A}), of({}, unread("a", "input/output error")))

    assert (difference.status, difference.reason) == (Status.UNREAD, "input/output error")
    assert difference.recorded == A


def test_a_folder_that_cannot_be_listed_makes_its_recorded_files_unread() -> None:
    """Each is counted, and the folder itself is not counted once more."""
    known = of({"raw/a": A, "raw/deep/b": B, "raw2/c": C})
    observed = of({"raw2/c": C}, unread("raw/", "could not be listed"))

    differences = differences_of(known, observed)

    assert outcome(known, observed) == {
        "raw/a": (Status.UNREAD, None),
        "raw/deep/b": (Status.UNREAD, None),
        "raw2/c": (Status.MATCH, None),
    }
    assert "could not be listed" in str(differences[0].reason)


def test_a_folder_that_cannot_be_listed_is_unread_where_nothing_in_it_is_recorded() -> None:
    """What it hides is not known, so the check is not complete."""
    result = outcome(of({"a": A}), of({"a": A}, unread("secret/")))

    assert result == {"a": (Status.MATCH, None), "secret/": (Status.UNREAD, None)}


def test_a_file_that_nothing_records_is_extra_even_if_it_cannot_be_read() -> None:
    """A name is enough to tell that it should not be there."""
    differences = differences_of(of({"a": A}), of({"a": A}, unread("link", "a symbolic link")))

    assert outcome(of({"a": A}), of({"a": A}, unread("link", "a symbolic link"))) == {
        "a": (Status.MATCH, None),
        "link": (Status.EXTRA, None),
    }
    assert differences[0].reason == "a symbolic link"


def test_a_lost_file_is_not_hidden_by_an_unread_one() -> None:
    """A folder name is a whole segment: `raw` that is unread says nothing about `raw.tif`."""
    result = outcome(of({"raw.tif": A}), of({}, unread("raw/")))

    assert result == {"raw.tif": (Status.MISSING, None), "raw/": (Status.UNREAD, None)}


@pytest.mark.parametrize(
    ("size", "status"),
    [(A.size, Status.MATCH), (1, Status.CHANGED), (None, Status.UNCHECKED)],
)
def test_without_content_the_sizes_decide(size: int | None, status: Status) -> None:
    """A quick look compares sizes, and says unchecked where none is recorded."""
    known = of({"a": Fingerprint(size, A.data, A.instance)})

    result = outcome(known, of({"a": Fingerprint(A.size)}), content=False)

    assert result == {"a": (status, None)}


def test_without_content_nothing_is_moved() -> None:
    """Files of one size are not taken for each other."""
    result = outcome(of({"a": A}), of({"b": Fingerprint(A.size)}), content=False)

    assert result == {"a": (Status.MISSING, None), "b": (Status.EXTRA, None)}
