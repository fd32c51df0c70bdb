"""What describes the payload is checked as well: the manifest file and the recorded codes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from crate_iscc import Thoroughness, Verdict, build, fingerprint
from crate_iscc.codes import Fingerprint
from crate_iscc.kernel.native import NativeKernel
from verify.verify_kit import (
    CELL,
    CELL_ZARR,
    CHUNK,
    IHC_ZARR,
    MANIFEST,
    METADATA,
    NEXT_CHUNK,
    RETINA,
    TABLE,
    Found,
    Graph,
    blake3_hex,
    edit_metadata,
    entity_of,
    flip_bit,
    found,
    metadata_of,
    verified,
    write_files,
    zip_of,
)

ON_MANIFEST: Found = ("bytes.changed", MANIFEST, None)
OTHER_HASH = "1e20" + 32 * "ab"
each_depth = pytest.mark.parametrize("thoroughness", list(Thoroughness), ids=str)
each_reading = pytest.mark.parametrize(
    "thoroughness", [Thoroughness.DATAHASH, Thoroughness.FULL], ids=str
)


def code_of(content: bytes) -> Fingerprint:
    hasher = NativeKernel().hasher()
    hasher.update(content)
    return hasher.finish()


def manifest_lines_of(crate: Path) -> list[bytes]:
    return (crate / MANIFEST).read_bytes().splitlines(keepends=True)


def line_number(crate: Path, path: str) -> int:
    start = path.encode() + b"\t"
    (number,) = (n for n, line in enumerate(manifest_lines_of(crate)) if line.startswith(start))
    return number


def drop_line(crate: Path, path: str) -> None:
    lines = manifest_lines_of(crate)
    del lines[line_number(crate, path)]
    (crate / MANIFEST).write_bytes(b"".join(lines))


def edit_line(crate: Path, path: str, old: bytes, new: bytes) -> None:
    lines = manifest_lines_of(crate)
    number = line_number(crate, path)
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new, 1)
    (crate / MANIFEST).write_bytes(b"".join(lines))


# --- the manifest file -------------------------------------------------------------------------


@pytest.mark.parametrize("share", [n / 24 for n in range(24)], ids=lambda share: f"{share:.2f}")
def test_a_bit_flipped_in_the_manifest_file_is_one_finding(crate: Path, share: float) -> None:
    """Wherever a bit of the manifest file flips, that file is named and no other."""
    place = crate / MANIFEST
    flip_bit(place, int(place.stat().st_size * share))

    report = verified(crate)

    assert found(report) == {ON_MANIFEST}
    assert (report.verdict, report.counts.match) == (Verdict.INVALID, 77)


Edit = Callable[[Path], object]
MANIFEST_EDITS: dict[str, Edit] = {
    "a line dropped": lambda crate: drop_line(crate, CHUNK),
    "a line on a file outside of the containers dropped": lambda crate: drop_line(crate, CELL),
    "a line twice": lambda crate: (crate / MANIFEST).write_bytes(
        (crate / MANIFEST).read_bytes() + manifest_lines_of(crate)[-1]
    ),
    "a line made up": lambda crate: (crate / MANIFEST).write_bytes(
        (crate / MANIFEST).read_bytes()
        + f"made/up\t0\t{'1e20' + blake3_hex(b'')}\t{code_of(b'').iscc()}\n".encode()
    ),
    "a path edited": lambda crate: edit_line(crate, CHUNK, b"0/c/0/0", b"0/c/7/7"),
    "a path that leads out": lambda crate: edit_line(crate, CHUNK, b"images/", b"../ages/"),
    "a size edited": lambda crate: edit_line(crate, CHUNK, b"\t", b"\t1"),
    "a datahash edited": lambda crate: edit_line(crate, CHUNK, b"\t1e20", b"\t1e21"),
    "other than UTF-8": lambda crate: (crate / MANIFEST).write_bytes(
        b"\xff" + (crate / MANIFEST).read_bytes()
    ),
    "only the header left": lambda crate: (crate / MANIFEST).write_bytes(
        manifest_lines_of(crate)[0]
    ),
    "emptied": lambda crate: (crate / MANIFEST).write_bytes(b""),
    "its order turned": lambda crate: (crate / MANIFEST).write_bytes(
        b"".join(reversed(manifest_lines_of(crate)))
    ),
}


@each_reading
@pytest.mark.parametrize("edit", MANIFEST_EDITS.values(), ids=MANIFEST_EDITS.keys())
def test_an_edited_manifest_file_is_one_finding(
    crate: Path, edit: Edit, thoroughness: Thoroughness
) -> None:
    """A manifest file that is not the recorded one is the one finding while the payload is."""
    edit(crate)

    report = verified(crate, thoroughness)

    assert found(report) == {ON_MANIFEST}
    assert report.verdict is Verdict.INVALID


@each_reading
@pytest.mark.parametrize("as_zip", [False, True], ids=["folder", "zip"])
def test_a_deleted_manifest_file_is_one_finding(
    crate: Path, tmp_path: Path, as_zip: bool, thoroughness: Thoroughness
) -> None:
    """Without the manifest file, the treehashes vouch for the payload, and the file is missed."""
    (crate / MANIFEST).unlink()
    source = zip_of(crate, tmp_path / "crate.zip") if as_zip else crate

    report = verified(source, thoroughness)

    assert found(report) == {("bytes.missing", MANIFEST, None)}
    assert (report.verdict, report.counts.match) == (Verdict.INVALID, 77)


@pytest.mark.parametrize(
    ("edit", "finding"),
    [
        (lambda crate: (crate / MANIFEST).unlink(), ("bytes.missing", MANIFEST, None)),
        (lambda crate: (crate / MANIFEST).write_bytes(b""), ON_MANIFEST),
        (lambda crate: drop_line(crate, CHUNK), ON_MANIFEST),
    ],
    ids=["deleted", "emptied", "a line dropped"],
)
def test_quick_calls_no_recorded_file_extra_for_want_of_its_line(
    crate: Path, edit: Edit, finding: Found
) -> None:
    """A chunk whose line is lost is not called extra: its container records a treehash of it."""
    edit(crate)

    said = found(verified(crate, Thoroughness.QUICK))

    assert finding in said
    assert "bytes.extra" not in {kind for kind, _, _ in said}


def test_a_manifest_file_that_the_crate_does_not_list_is_extra(plain: Path) -> None:
    """A manifest file that appears beside a crate without one is named, and not believed."""
    (plain / MANIFEST).write_text("path\tsize\tdatahash\tiscc\n", encoding="utf-8")

    report = verified(plain)

    assert found(report) == {("bytes.extra", MANIFEST, None)}
    assert report.counts.match == 5


def test_manifest_file_and_payload_both_damaged_are_both_named(crate: Path) -> None:
    """A flipped chunk is named beside the manifest file that lost another container's line."""
    drop_line(crate, IHC_ZARR + ".zgroup")
    flip_bit(crate / CHUNK)

    assert found(verified(crate)) == {ON_MANIFEST, ("bytes.changed", CHUNK, None)}


def test_what_a_treehash_proves_is_not_accused_by_a_damaged_line(crate: Path) -> None:
    """A container that has its recorded treehash is intact, whatever a damaged line says of it."""
    edit_line(crate, IHC_ZARR + ".zgroup", b"\t", b"\t1")
    flip_bit(crate / CHUNK)

    assert found(verified(crate)) == {ON_MANIFEST, ("bytes.changed", CHUNK, None)}


def test_a_damaged_chunk_cannot_hide_by_losing_its_line(crate: Path) -> None:
    """A chunk that was changed together with the line on it is named."""
    drop_line(crate, CHUNK)
    flip_bit(crate / CHUNK)

    report = verified(crate)

    assert ON_MANIFEST in found(report)
    assert CHUNK in {finding.path for finding in report.findings}
    assert report.verdict is Verdict.INVALID


def test_a_forged_line_does_not_make_a_changed_chunk_match(crate: Path) -> None:
    """A chunk that was changed together with its line, which is made to fit, is found out."""
    content = (crate / CHUNK).read_bytes()
    old, new = code_of(content), code_of(b"forged" + content)
    (crate / CHUNK).write_bytes(b"forged" + content)
    edit_line(
        crate,
        CHUNK,
        f"{old.size}\t{old.datahash}\t{old.iscc()}".encode(),
        f"{new.size}\t{new.datahash}\t{new.iscc()}".encode(),
    )

    report = verified(crate)

    assert ON_MANIFEST in found(report)
    others = {path for _, path, _ in found(report) if path != MANIFEST}
    assert others
    assert others <= {None, CELL_ZARR, CHUNK}
    assert report.verdict is Verdict.INVALID


def test_a_changed_container_without_its_list_is_named_as_one_thing(crate: Path) -> None:
    """With the manifest file gone, a damaged container is named, an intact one is not."""
    (crate / MANIFEST).unlink()
    flip_bit(crate / CHUNK)

    report = verified(crate)

    assert found(report) == {("bytes.missing", MANIFEST, None), ("bytes.changed", CELL_ZARR, None)}


def test_single_files_stay_checked_without_the_manifest_file(crate: Path) -> None:
    """Files outside of the containers are recorded in the metadata themselves."""
    (crate / MANIFEST).unlink()
    flip_bit(crate / CELL)

    report = verified(crate)

    assert found(report) == {("bytes.missing", MANIFEST, None), ("bytes.changed", CELL, None)}


def test_contradicting_codes_of_the_manifest_file_are_a_finding(crate: Path) -> None:
    """A manifest file whose entity records two different contents is told like any other file."""

    def contradict(graph: Graph) -> None:
        entity_of(graph, MANIFEST)["identifier"] = code_of(b"another content").iscc()

    edit_metadata(crate, contradict)

    report = verified(crate)

    assert ("fixity.conflict", MANIFEST, None) in found(report)
    assert {path for _, path, _ in found(report)} == {MANIFEST}
    assert report.verdict is Verdict.INVALID


def test_a_malformed_code_of_the_manifest_file_is_a_finding(crate: Path) -> None:
    """A cut datahash of the manifest file is told like that of any other file."""
    edit_metadata(crate, lambda graph: entity_of(graph, MANIFEST).update(datahash="1e20ab"))

    report = verified(crate)

    assert found(report) == {("fixity.malformed", MANIFEST, None)}
    assert report.verdict is Verdict.INVALID


# --- codes of single files ---------------------------------------------------------------------


@each_depth
def test_a_replaced_datahash_contradicts_the_code_beside_it(
    plain: Path, thoroughness: Thoroughness
) -> None:
    """A File whose datahash was replaced is told as a conflict, at every depth."""
    edit_metadata(plain, lambda graph: entity_of(graph, "a.bin").update(datahash=OTHER_HASH))

    report = verified(plain, thoroughness)

    assert ("fixity.conflict", "a.bin", None) in found(report)
    assert {path for _, path, _ in found(report)} == {"a.bin"}
    assert report.verdict is Verdict.INVALID


def test_a_replaced_datahash_contradicts_the_manifest_file(crate: Path) -> None:
    """The line in the manifest file tells of a replaced datahash, too."""
    edit_metadata(crate, lambda graph: entity_of(graph, CELL).update(datahash=OTHER_HASH))

    report = verified(crate)

    assert ("fixity.conflict", CELL, None) in {(f.id, f.path, f.moved_to) for f in report.findings}
    assert {finding.path for finding in report.findings} == {CELL}
    assert report.verdict is Verdict.INVALID


@each_depth
def test_a_replaced_iscc_sum_contradicts_the_datahash(
    plain: Path, thoroughness: Thoroughness
) -> None:
    """An ISCC-SUM of another content beside the right datahash is a conflict, and no change."""
    other = code_of(b"another content").iscc()
    edit_metadata(plain, lambda graph: entity_of(graph, "a.bin").update(identifier=other))

    report = verified(plain, thoroughness)

    assert found(report) == {("fixity.conflict", "a.bin", None)}
    assert report.verdict is Verdict.INVALID


def with_other_data_code(content: bytes) -> str:
    """Return an ISCC-SUM that has the right Instance-Code beside a wrong Data-Code."""
    known = code_of(content)
    assert known.data is not None
    wrong = bytes(255 - byte for byte in known.data)
    return Fingerprint(known.size, wrong, known.instance).iscc()


def test_only_full_sees_a_data_code_that_is_not_of_these_bytes(plain: Path) -> None:
    """A wrong Data-Code is found by --full, and by default named as not checked."""
    wrong = with_other_data_code((plain / "a.bin").read_bytes())
    edit_metadata(plain, lambda graph: entity_of(graph, "a.bin").update(identifier=wrong))

    by_default, in_full = verified(plain), verified(plain, Thoroughness.FULL)

    assert (by_default.verdict, found(by_default)) == (Verdict.VALID, set())
    assert "iscc-sum" in by_default.not_checked
    assert found(in_full) == {("code.mismatch", "a.bin", None)}
    assert in_full.verdict is Verdict.INVALID
    assert "iscc-sum" in in_full.checked


@pytest.mark.parametrize("depth", [Thoroughness.DATAHASH, Thoroughness.FULL], ids=str)
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("datahash", "1e20" + 63 * "a"),
        ("datahash", "1220" + 64 * "a"),
        ("datahash", ""),
        ("identifier", "ISCC:K4ABCD"),
        ("identifier", "ISCC:K4A" + 52 * "7"),
        ("identifier", "ISCC:GAD!!"),
    ],
)
def test_a_damaged_code_is_named(plain: Path, key: str, value: str, depth: Thoroughness) -> None:
    """A value in the place of a code that is none is a finding on its file."""
    edit_metadata(plain, lambda graph: entity_of(graph, "a.bin").update({key: value}))

    report = verified(plain, depth)

    assert found(report) == {("fixity.malformed", "a.bin", None)}
    assert report.verdict is Verdict.INVALID


def test_a_replaced_size_is_no_match(plain: Path) -> None:
    """A recorded size that is not the file's makes the crate invalid, and names the file."""
    edit_metadata(plain, lambda graph: entity_of(graph, "a.bin").update(contentSize="299999"))

    for thoroughness in Thoroughness:
        report = verified(plain, thoroughness)
        assert {path for _, path, _ in found(report)} == {"a.bin"}
        assert report.verdict is Verdict.INVALID


def test_full_checks_a_recorded_sha256(tmp_path: Path) -> None:
    """A sha256 that is not that of the bytes is found by --full."""
    folder = write_files(tmp_path / "sums", {"a.txt": b"a", "b.txt": b"b"})
    build(folder, sha256=True)
    assert verified(folder, Thoroughness.FULL).verdict is Verdict.VALID
    edit_metadata(folder, lambda graph: entity_of(graph, "a.txt").update(sha256=64 * "0"))

    report = verified(folder, Thoroughness.FULL)

    assert found(report) == {("fixity.conflict", "a.txt", None)}


# --- codes of the whole and of containers ------------------------------------------------------


@each_reading
def test_a_replaced_treehash_is_named(crate: Path, thoroughness: Thoroughness) -> None:
    """Where every file is as recorded and the recorded treehash is not, the tree is changed."""
    edit_metadata(crate, lambda graph: entity_of(graph, "#treehash").update(value=OTHER_HASH))

    report = verified(crate, thoroughness)

    assert found(report) == {("tree.changed", None, None)}
    assert report.verdict is Verdict.INVALID


@each_reading
def test_a_replaced_treehash_of_a_container_is_named(
    crate: Path, thoroughness: Thoroughness
) -> None:
    """A container's treehash is checked like the whole's, for the report says so."""
    treehash_id = "#treehash-" + CELL_ZARR
    edit_metadata(crate, lambda graph: entity_of(graph, treehash_id).update(value=OTHER_HASH))

    report = verified(crate, thoroughness)

    assert "treehash" in report.checked
    assert found(report) == {("tree.changed", CELL_ZARR, None)}


def test_a_damaged_treehash_is_named(crate: Path) -> None:
    """A treehash that is none is a finding on the whole crate."""
    edit_metadata(crate, lambda graph: entity_of(graph, "#treehash").update(value="1e20ab"))

    report = verified(crate)

    assert found(report) == {("fixity.malformed", None, None)}
    assert report.verdict is Verdict.INVALID


@pytest.mark.parametrize(
    ("entity_id", "path"),
    [("#iscc-sum", None), ("#iscc-sum-" + CELL_ZARR, CELL_ZARR)],
    ids=["whole", "container"],
)
def test_only_full_sees_a_replaced_tree_code(crate: Path, entity_id: str, path: str | None) -> None:
    """A replaced tree ISCC-SUM is found by --full, and by default named as not checked."""
    other = code_of(b"another tree").iscc()
    edit_metadata(crate, lambda graph: entity_of(graph, entity_id).update(value=other))

    by_default, in_full = verified(crate), verified(crate, Thoroughness.FULL)

    assert (by_default.verdict, found(by_default)) == (Verdict.VALID, set())
    assert "iscc-sum" in by_default.not_checked
    assert found(in_full) == {("code.mismatch", path, None)}
    assert in_full.verdict is Verdict.INVALID


def test_the_metadata_are_named_as_not_checked(crate: Path) -> None:
    """Who replaces payload and every code of it is not found out, and each report says so."""
    flip_bit(crate / CELL)
    build(crate)

    for thoroughness in Thoroughness:
        report = verified(crate, thoroughness)
        assert report.verdict is Verdict.VALID
        assert "metadata" in report.not_checked


# --- entities taken out ------------------------------------------------------------------------


def without(entity_id: str) -> Callable[[Graph], None]:
    def change(graph: Graph) -> None:
        graph.remove(entity_of(graph, entity_id))

    return change


@each_reading
def test_the_treehash_covers_a_file_whose_entity_is_gone(
    plain: Path, thoroughness: Thoroughness
) -> None:
    """The treehash covers every file on disk, listed or not: nothing of the payload is lost."""
    edit_metadata(plain, without("a.bin"))

    report = verified(plain, thoroughness)

    assert (report.verdict, found(report)) == (Verdict.VALID, set())
    assert report.counts.match == 5


def test_the_manifest_file_covers_a_file_whose_entity_is_gone(crate: Path) -> None:
    """A file that only the manifest file lists is checked against its line there."""
    edit_metadata(crate, without(CELL))
    assert verified(crate).verdict is Verdict.VALID
    flip_bit(crate / CELL)

    assert found(verified(crate)) == {("bytes.changed", CELL, None)}


def test_a_changed_file_cannot_hide_by_losing_its_entity(plain: Path) -> None:
    """A file that was changed together with the loss of its entity is not a part of the record."""
    edit_metadata(plain, without("a.bin"))
    flip_bit(plain / "a.bin")

    report = verified(plain)

    assert found(report) == {("bytes.extra", "a.bin", None)}
    assert report.verdict is Verdict.INVALID


@each_reading
def test_a_removed_file_cannot_hide_by_losing_its_entity(
    plain: Path, thoroughness: Thoroughness
) -> None:
    """Where a file and its entity are gone, the treehash still tells that one is missing."""
    edit_metadata(plain, without("a.bin"))
    (plain / "a.bin").unlink()

    report = verified(plain, thoroughness)

    assert found(report) == {("tree.changed", None, None)}
    assert report.verdict is Verdict.INVALID


def test_a_file_replaced_together_with_its_record_is_found_out(plain: Path) -> None:
    """A content that comes with codes of its own still does not fit the treehash."""
    new = code_of(b"another content")
    (plain / "a.bin").write_bytes(b"another content")
    edit_metadata(
        plain,
        lambda graph: entity_of(graph, "a.bin").update(
            contentSize=str(new.size), datahash=new.datahash, identifier=new.iscc()
        ),
    )

    report = verified(plain)

    assert found(report) == {("tree.changed", None, None)}
    assert report.verdict is Verdict.INVALID


def test_a_container_whose_entity_is_gone_is_covered_by_the_manifest_file(crate: Path) -> None:
    """Chunks stay checked one by one when nothing describes their container any more."""
    edit_metadata(crate, without(CELL_ZARR))
    flip_bit(crate / NEXT_CHUNK)

    assert found(verified(crate)) == {("bytes.changed", NEXT_CHUNK, None)}


def test_an_id_never_leads_outside_of_the_root(plain: Path) -> None:
    """Files that an @id places outside of the crate are not read, and each is an error."""
    (plain.parent / "outside.txt").write_bytes(b"outside")
    outside = ["../outside.txt", "%2e%2e/outside.txt", "/etc/hostname", "file:///etc/hostname"]

    def add(graph: Graph) -> None:
        graph.extend(
            {"@id": entity_id, "@type": "File", "datahash": OTHER_HASH} for entity_id in outside
        )

    edit_metadata(plain, add)

    report = verified(plain)

    assert (report.verdict, report.files) == (Verdict.INVALID, 5)
    assert [(finding.id, finding.entity) for finding in report.findings] == [
        ("path.unsafe", entity_id) for entity_id in outside
    ]


def test_two_files_that_trade_their_records_are_found_out(crate: Path) -> None:
    """Records that were swapped, with the files left as they are, are no match."""

    def trade(graph: Graph) -> None:
        one, two = entity_of(graph, CELL), entity_of(graph, RETINA)
        for key in ("contentSize", "datahash", "identifier"):
            one[key], two[key] = two[key], one[key]

    edit_metadata(crate, trade)

    report = verified(crate)

    assert report.verdict is Verdict.INVALID
    assert {finding.path for finding in report.findings} <= {CELL, RETINA}


def test_the_codes_are_those_that_build_reported(crate: Path) -> None:
    """What the metadata hold is what a fresh fingerprint of the payload gives."""
    now = fingerprint(crate)
    graph = metadata_of(crate)
    table = next(file.fingerprint for file in now.files if file.path == TABLE)

    assert entity_of(graph, "#treehash")["value"] == now.root.treehash
    assert entity_of(graph, TABLE)["datahash"] == table.datahash
    assert json.loads((crate / METADATA).read_text(encoding="utf-8"))["@graph"] == graph
