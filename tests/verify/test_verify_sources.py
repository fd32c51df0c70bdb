"""A folder, a zip and a metadata file say the same, and so do tools that know nothing of us."""

import json
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest

from crate_iscc import Report, Thoroughness, Verdict, build, fingerprint
from crate_iscc.verifying.verification import read_record
from verify.verify_kit import (
    AWKWARD,
    CELL_ZARR,
    IHC_ZARR,
    MANIFEST,
    METADATA,
    TABLE,
    blake3_hex,
    edit_metadata,
    entity_of,
    flip_bit,
    found,
    metadata_of,
    payload_paths,
    treehash_of,
    verified,
    write_files,
    zip_of,
)

Packer = Callable[[Path, Path], Path]


def by_build(crate: Path, place: Path) -> Path:
    build(crate, place)
    return place


def by_build_compressed(crate: Path, place: Path) -> Path:
    build(crate, place, compress=True)
    return place


def wrapped_with_entries(crate: Path, place: Path) -> Path:
    return zip_of(crate, place, wrapper="my study/", folders=True)


def as_eln(crate: Path, place: Path) -> Path:
    return zip_of(crate, place.with_suffix(".eln"), wrapper="my study/", deflate=True)


def with_other_ending(crate: Path, place: Path) -> Path:
    return zip_of(crate, place.with_suffix(".rocrate"))


def with_folder_entries(crate: Path, place: Path) -> Path:
    return zip_of(crate, place, folders=True)


def without_folder_entries(crate: Path, place: Path) -> Path:
    archive = zip_of(crate, place, deflate=True)
    with zipfile.ZipFile(archive) as opened:
        assert not any(name.endswith("/") for name in opened.namelist())
    return archive


def wrapped_without_entries(crate: Path, place: Path) -> Path:
    return zip_of(crate, place, wrapper="my study/")


def behind_other_bytes(crate: Path, place: Path) -> Path:
    archive = zip_of(crate, place)
    archive.write_bytes(b"#!/bin/sh\n" + archive.read_bytes())
    return archive


PACKERS: dict[str, Packer] = {
    "a folder": lambda crate, _place: crate,
    "its metadata file": lambda crate, _place: crate / METADATA,
    "build -o zip": by_build,
    "build -o zip --compress": by_build_compressed,
    "stored, with folder entries": with_folder_entries,
    "deflated, without folder entries": without_folder_entries,
    "wrapped, without folder entries": wrapped_without_entries,
    "wrapped, with folder entries": wrapped_with_entries,
    "eln": as_eln,
    "another ending": with_other_ending,
    "self-extracting": behind_other_bytes,
}
each_packer = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS.keys())


@each_packer
@pytest.mark.parametrize("thoroughness", list(Thoroughness), ids=str)
def test_every_packing_of_a_crate_is_valid(
    crate: Path, tmp_path: Path, pack: Packer, thoroughness: Thoroughness
) -> None:
    """However a crate is packed it is valid, with the same counts; only a prefix is remarked."""
    report = verified(pack(crate, tmp_path / "crate.zip"), thoroughness)

    remarks = {("zip.uncovered", None, None)} if pack is behind_other_bytes else set()
    assert (report.verdict, found(report)) == (Verdict.VALID, remarks)
    assert (report.counts.match, report.files) == (77, 77)


@pytest.mark.parametrize(
    "pack",
    [pack for name, pack in PACKERS.items() if name != "its metadata file"],
    ids=[name for name in PACKERS if name != "its metadata file"],
)
def test_every_packing_has_the_same_two_root_codes(
    built: Path, tmp_path: Path, pack: Packer
) -> None:
    """Tree ISCC-SUM and treehash of the payload hang on nothing but the payload."""
    now, recorded = fingerprint(built).root, read_record(built)[1].manifest.root

    packed = pack(built, tmp_path / "crate.zip")

    assert fingerprint(packed).root == now
    assert read_record(packed)[1].manifest.root == recorded
    assert recorded.treehash == now.treehash
    assert recorded.iscc is not None
    assert now.iscc is not None
    assert recorded.iscc.iscc() == now.iscc.iscc()


def test_verifying_a_zip_writes_nothing(crate: Path, tmp_path: Path) -> None:
    """A zip is read in place: nothing appears beside it and its own time stays."""
    place = tmp_path / "alone"
    place.mkdir()
    archive = zip_of(crate, place / "crate.zip", deflate=True)
    before = archive.stat()

    verified(archive, Thoroughness.FULL)

    assert list(place.iterdir()) == [archive]
    assert archive.stat().st_mtime_ns == before.st_mtime_ns


def test_verifying_a_folder_writes_nothing(crate: Path) -> None:
    """No byte and no time of a folder is touched."""

    def state() -> dict[str, tuple[int, int]]:
        return {
            str(path): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in (crate, *crate.rglob("*"))
        }

    flip_bit(crate / TABLE)
    before = state()

    verified(crate, Thoroughness.FULL)

    assert state() == before


def test_the_metadata_file_may_be_named_from_within(
    crate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bare ro-crate-metadata.json in the working directory stands for its folder."""
    monkeypatch.chdir(crate)

    assert verified(Path(METADATA)).verdict is Verdict.VALID
    assert verified(Path()).verdict is Verdict.VALID


def test_the_subject_is_what_was_named(crate: Path) -> None:
    """A report calls the crate what the caller called it, as the schema says."""
    for source in (crate, crate / METADATA):
        assert verified(source).subject == str(source)


def test_a_linked_folder_may_be_named(crate: Path, tmp_path: Path) -> None:
    """A link that the caller names is the caller's own wish, and is followed."""
    link = tmp_path / "link"
    link.symlink_to(crate, target_is_directory=True)

    assert verified(link).verdict is Verdict.VALID


def test_a_file_in_a_wrapped_zip_is_named_from_the_root(crate: Path, tmp_path: Path) -> None:
    """Paths in a report do not hold the wrapping folder."""
    (crate / TABLE).unlink()
    archive = zip_of(crate, tmp_path / "crate.zip", wrapper="my study/")

    assert found(verified(archive)) == {("bytes.missing", TABLE, None)}


@pytest.mark.parametrize(
    "root_id", ["https://example.org/studies/7/", "https://doi.org/10.1234/study", "#root"]
)
def test_a_crate_whose_root_id_is_absolute_is_verified(tmp_path: Path, root_id: str) -> None:
    """A root that is named by a URL is found through the descriptor."""
    folder = write_files(tmp_path / "crate", {"a.txt": b"a", "b/c.txt": b"c"})
    metadata = {
        "@context": "https://w3id.org/ro/crate/1.2/context",
        "@graph": [
            {
                "@id": METADATA,
                "@type": "CreativeWork",
                "about": {"@id": root_id},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
            },
            {"@id": root_id, "@type": "Dataset", "name": "Study 7"},
        ],
    }
    (folder / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
    build(folder)

    intact = verified(folder)
    (folder / "b/c.txt").write_bytes(b"C")
    damaged = verified(folder)

    assert (intact.verdict, intact.counts.match) == (Verdict.VALID, 2)
    assert found(damaged) == {("bytes.changed", "b/c.txt", None)}


def test_a_legacy_metadata_file_is_understood(tmp_path: Path) -> None:
    """A crate whose metadata are called .jsonld (RO-Crate 1.0) is verified as any other."""
    folder = write_files(tmp_path / "old", {"a.txt": b"a"})
    build(folder)
    value = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    entity_of(value["@graph"], METADATA)["@id"] = "ro-crate-metadata.jsonld"
    (folder / METADATA).unlink()
    (folder / "ro-crate-metadata.jsonld").write_text(json.dumps(value), encoding="utf-8")

    for source in (folder, folder / "ro-crate-metadata.jsonld"):
        assert verified(source).verdict is Verdict.VALID
    flip_bit(folder / "a.txt")
    assert found(verified(folder)) == {("bytes.changed", "a.txt", None)}


# --- without this project ----------------------------------------------------------------------


def listed_datahashes(crate: Path) -> dict[str, str]:
    """Return the datahash of each File of the metadata, by its path, with the json module alone."""
    return {
        unquote(entity["@id"]): entity["datahash"].removeprefix("1e20")
        for entity in metadata_of(crate)
        if entity["@type"] == "File"
    }


def manifest_rows(crate: Path) -> list[list[str]]:
    """Return the rows of the manifest file, unescaped as its format says, without this project."""
    header, *lines = (crate / MANIFEST).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert header.split("\t") == ["path", "size", "datahash", "iscc"]
    meanings = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
    rows = [line.split("\t") for line in lines]
    for row in rows:
        row[0] = re.sub(r"\\(.)", lambda match: meanings[match[1]], row[0])
    return rows


def hold_by_b3sum(crate: Path, datahashes: dict[str, str]) -> None:
    """Fail unless b3sum, or where it is not installed the blake3 package, finds every file well."""
    assert datahashes
    lines = []
    for path, digest in datahashes.items():
        mark = "\\" if "\\" in path or "\n" in path else ""
        name = path.replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{mark}{digest}  {name}\n")
    if b3sum := shutil.which("b3sum"):
        listing = crate.parent / "b3sums.txt"
        listing.write_text("".join(lines), encoding="utf-8")
        outcome = subprocess.run(
            [b3sum, "--check", str(listing)],
            cwd=crate,
            capture_output=True,
            text=True,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
        assert outcome.stdout.count(": OK\n") == len(datahashes)
    assert {path: blake3_hex((crate / path).read_bytes()) for path in datahashes} == datahashes


def test_the_recorded_datahashes_pass_b3sum(crate: Path) -> None:
    """Metadata and manifest file together hold a checksum list of every file on disk."""
    of_metadata = listed_datahashes(crate)
    of_manifest = {path: digest.removeprefix("1e20") for path, _, digest, _ in manifest_rows(crate)}

    hold_by_b3sum(crate, of_metadata)
    hold_by_b3sum(crate, of_manifest)

    assert sorted(of_manifest) == payload_paths(crate)
    assert AWKWARD in of_metadata
    assert MANIFEST in of_metadata


def test_the_recorded_datahashes_of_difficult_names_pass_b3sum(tmp_path: Path) -> None:
    """Names with backslashes and line ends survive the way through both lists."""
    names = ["back\\slash.txt", "line\nend.txt", "a\\n.txt", " two  blanks .txt", "tab\t.txt"]
    folder = write_files(tmp_path / "crate", {name: name.encode() for name in names})
    build(folder, manifest_file=True)

    hold_by_b3sum(folder, listed_datahashes(folder))
    hold_by_b3sum(
        folder, {path: digest.removeprefix("1e20") for path, _, digest, _ in manifest_rows(folder)}
    )

    assert {row[0] for row in manifest_rows(folder)} == set(names)
    assert verified(folder).verdict is Verdict.VALID
    assert verified(zip_of(folder, tmp_path / "crate.zip")).verdict is Verdict.VALID


def test_the_recorded_treehashes_follow_from_the_files_alone(crate: Path) -> None:
    """Treehashes can be computed again from paths, sizes and BLAKE3, as the format has it."""
    graph = metadata_of(crate)
    everything = payload_paths(crate)

    assert entity_of(graph, "#treehash")["value"] == treehash_of(crate, everything)
    for zarr in (CELL_ZARR, IHC_ZARR):
        members = [path.removeprefix(zarr) for path in everything if path.startswith(zarr)]
        recorded = entity_of(graph, f"#treehash-{zarr}")["value"]
        assert recorded == treehash_of(crate / zarr, members)


def test_recorded_sizes_and_counts_are_those_on_disk(crate: Path) -> None:
    """What the metadata say of sizes and numbers of files is what the disk says."""
    graph = metadata_of(crate)

    for entity_id in ("./", CELL_ZARR, IHC_ZARR):
        folder = crate if entity_id == "./" else crate / entity_id
        entity = entity_of(graph, entity_id)
        sizes = [(folder / path).stat().st_size for path in payload_paths(folder)]
        assert entity["contentSize"] == str(sum(sizes))
        assert entity["fileCount"] == len(sizes)
    for row in manifest_rows(crate):
        assert row[1] == str((crate / row[0]).stat().st_size)


# --- names -------------------------------------------------------------------------------------


def report_after_renaming(crate: Path, old: str, new: str) -> Report:
    (crate / old).rename(crate / new)
    return verified(crate)


def test_a_name_in_another_normal_form_is_found(crate: Path) -> None:
    """A file whose name was decomposed, as some systems do, is checked, with a warning."""
    decomposed = AWKWARD.replace("\u00e4", "a\u0308")
    assert decomposed != AWKWARD

    report = report_after_renaming(crate, AWKWARD, decomposed)

    assert found(report) == {("path.normalization", AWKWARD, None)}
    assert (report.verdict, report.counts.match) == (Verdict.VALID, 77)


def test_a_name_that_is_no_unicode_is_named_as_extra(crate: Path) -> None:
    """A file whose name is not UTF-8 cannot be recorded, and is named with escapes."""
    name = os.fsdecode(b"notes/\xff.tif")
    (crate / name).write_bytes(b"x")

    report = verified(crate)

    ((kind, path, _),) = found(report)
    assert kind == "bytes.extra"
    assert path is not None
    assert path.startswith("notes/")
    assert path.isprintable()


def test_names_in_a_zip_without_the_unicode_flag_are_understood(
    built: Path, tmp_path: Path
) -> None:
    """Archivers that write UTF-8 names and do not say so are understood."""
    archive = zip_of(built, tmp_path / "crate.zip")
    raw = bytearray(archive.read_bytes())
    name = AWKWARD.encode()
    local, central = raw.index(name) - 30, raw.rindex(name) - 46
    assert raw[local : local + 4] == b"PK\x03\x04"
    assert raw[central : central + 4] == b"PK\x01\x02"
    raw[local + 7] &= ~0x08
    raw[central + 9] &= ~0x08
    archive.write_bytes(raw)

    report = verified(archive)

    assert (report.verdict, found(report)) == (Verdict.VALID, set())


def test_a_crate_inside_the_crate_is_payload(tmp_path: Path) -> None:
    """The metadata of a nested crate are files like any other."""
    inner = f"inner/{METADATA}"
    folder = write_files(
        tmp_path / "outer",
        {inner: b"{}", f"inner/{MANIFEST}": b"", "inner/ro-crate-preview.html": b"<p>", "a": b"a"},
    )
    build(folder)
    (folder / inner).write_bytes(b"[]")
    (folder / f"inner/{MANIFEST}").unlink()

    assert found(verified(folder)) == {
        ("bytes.changed", inner, None),
        ("bytes.missing", f"inner/{MANIFEST}", None),
        ("crate.unverified", "inner/", None),
    }


def test_the_preview_is_no_payload(crate: Path) -> None:
    """A preview may come and go: it describes the payload and is no part of it."""
    write_files(crate, {"ro-crate-preview.html": b"<p>", "ro-crate-preview_files/style.css": b""})
    assert (verified(crate).verdict, verified(crate).files) == (Verdict.VALID, 77)

    edit_metadata(crate, lambda graph: graph.reverse())
    assert verified(crate).verdict is Verdict.VALID
