"""BagIt bags around and inside crates, and crates inside crates, are verified with all they record.

The bags are made by bagit-python, which is a second judge of each.
"""

import hashlib
import json
import warnings
from pathlib import Path

import pytest

from crate_iscc import InputError, Report, Thoroughness, Verdict, build, report_json, report_text
from crate_iscc.render.formats import FORMATS, rendered
from crate_iscc.render.saved import parse_report
from crate_iscc.report import flattened
from crate_iscc.resources import schema_text
from verify.verify_kit import METADATA, flip_bit, foreign, found, verified, write_files, zip_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import bagit

FILES = {"raw/a.bin": b"a" * 3000, "raw/ü 100%.bin": b"b" * 70_000, "empty.txt": b""}
ENTITIES = [{"@id": name, "@type": "File"} for name in FILES]


def bag_of(folder: Path, checksums: tuple[str, ...] = ("sha256", "sha512")) -> Path:
    """Make a folder a bag in place, as bagit-python does."""
    bagit.make_bag(str(folder), checksums=list(checksums))
    return folder


def bag_is_valid(folder: Path) -> bool:
    """Ask bagit-python."""
    return bool(bagit.Bag(str(folder)).is_valid())


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    """Make a bag around a crate that records no digest of its own."""
    return bag_of(foreign(tmp_path / "bag", FILES, ENTITIES))


def forms(folder: Path) -> list[Path]:
    """Return a folder and zips of it, with and without a folder that wraps it."""
    places = [folder]
    for number, wrapper in enumerate(("", "wrapped/")):
        place = folder.with_name(f"{folder.name}-{number}.zip")
        place.unlink(missing_ok=True)
        places.append(zip_of(folder, place, deflate=True, wrapper=wrapper))
    return places


def only(report: Report) -> Report:
    (inner,) = report.nested
    return inner


def test_a_bag_around_a_crate_is_verified(bag: Path) -> None:
    """Every payload and tag file is checked by every manifest, and the crate inside by them too."""
    assert bag_is_valid(bag)

    for source in forms(bag):
        report = verified(source)
        inner = only(report)
        assert (report.verdict, found(report)) == (Verdict.VALID, set())
        assert report.metadata == "bagit.txt"
        # Three files and the metadata in data/; bagit.txt, bag-info.txt and two manifests.
        assert report.counts.match == 8
        assert dict(report.rests_on) == {
            "BagIt manifest-sha512.txt": 4,
            "BagIt tagmanifest-sha512.txt": 4,
        }
        # Its metadata file is among them.
        assert (inner.verdict, inner.counts.match, found(inner)) == (Verdict.VALID, 4, set())
        assert inner.subject.endswith("/data")
        assert inner.rests_on == (("BagIt manifest-sha512.txt", 4),)


def test_damage_in_a_bag_is_found_in_both(bag: Path) -> None:
    """The bag's report names the file from its root, the crate's from its own."""
    flip_bit(bag / "data/raw/a.bin")
    assert not bag_is_valid(bag)

    for source in forms(bag):
        report = verified(source)
        assert found(report) == {("bytes.changed", "data/raw/a.bin", None)}
        assert found(only(report)) == {("bytes.changed", "raw/a.bin", None)}
        assert report.verdict is only(report).verdict is Verdict.INVALID


def test_damaged_metadata_are_found_by_a_bag(bag: Path) -> None:
    """A crate's metadata are payload of the bag around it."""
    place = bag / "data" / METADATA
    place.write_text(place.read_text().replace("Cells", "Zells"))

    report = verified(bag)

    assert found(report) == {("bytes.changed", f"data/{METADATA}", None)}
    assert found(only(report)) == {("bytes.changed", METADATA, None)}


@pytest.mark.parametrize(
    ("name", "kind"),
    [("bag-info.txt", "bytes.changed"), ("manifest-sha256.txt", "bytes.changed")],
)
def test_changed_tag_files_are_found(bag: Path, name: str, kind: str) -> None:
    """The tag manifest covers what makes the bag."""
    (bag / name).write_bytes((bag / name).read_bytes() + b"\n")

    assert (kind, name, None) in found(verified(bag))
    assert not bag_is_valid(bag)


def test_extra_and_missing_files_of_a_bag(bag: Path) -> None:
    """A bag records all of data/, and nothing says that about files beside it."""
    write_files(bag, {"data/extra.txt": b"x", "beside.txt": b"x"})
    (bag / "data/empty.txt").unlink()

    report = verified(bag)

    assert found(report) == {
        ("bytes.extra", "data/extra.txt", None),
        ("bytes.missing", "data/empty.txt", None),
        ("bytes.unlisted", "beside.txt", None),
        ("fixity.size", "bag-info.txt", None),
    }
    assert not bag_is_valid(bag)


def test_files_that_are_still_to_be_fetched(bag: Path) -> None:
    """What fetch.txt names is not missing, and the bag is not complete."""
    (bag / "data/raw/a.bin").unlink()
    (bag / "fetch.txt").write_text("https://example.org/a.bin 3000 data/raw/a.bin\n")

    report = verified(bag)

    assert found(report) == {("bytes.not-fetched", "data/raw/a.bin", None)}
    assert found(only(report)) == {("bytes.not-fetched", "raw/a.bin", None)}
    assert (report.verdict, report.counts.not_fetched) == (Verdict.INCOMPLETE, 1)


def test_an_oxum_that_is_wrong(bag: Path) -> None:
    """Payload-Oxum is compared with what is there; without tag manifests nothing else shows it."""
    for manifest in bag.glob("tagmanifest-*.txt"):
        manifest.unlink()
    info = bag / "bag-info.txt"
    info.write_text("Payload-Oxum: 12.4\n")
    assert found(verified(bag)) == {("fixity.size", "bag-info.txt", None)}

    info.write_text("Payload-Oxum: many\n")
    assert found(verified(bag)) == {("fixity.malformed", "bag-info.txt", None)}


@pytest.mark.parametrize(
    "line",
    [
        "0123  data/raw/a.bin",
        f"{64 * 'g'}  data/raw/a.bin",
        "nothing",
        f"{64 * '0'}  ../../etc/passwd",
        f"{64 * '0'}  /etc/passwd",
        f"{64 * '0'}  bag-info.txt",
    ],
)
def test_a_malformed_line_of_a_manifest_is_named(bag: Path, line: str) -> None:
    """It says nothing about a file, and nothing outside of the bag is looked at."""
    for manifest in bag.glob("tagmanifest-*.txt"):
        manifest.unlink()
    with (bag / "manifest-sha256.txt").open("a") as file:
        file.write(line + "\n")

    kind = "path.unsafe" if "etc/passwd" in line else "fixity.malformed"
    assert (kind, "manifest-sha256.txt", None) in found(verified(bag))


def test_two_manifests_that_disagree(bag: Path) -> None:
    """The sha512 decides, and the sha256 contradicts it."""
    for manifest in bag.glob("tagmanifest-*.txt"):
        manifest.unlink()
    place = bag / "manifest-sha256.txt"
    digest = hashlib.sha256(FILES["raw/a.bin"]).hexdigest()
    place.write_text(place.read_text().replace(digest, 64 * "0"))

    report = verified(bag)

    assert found(report) == {("fixity.conflict", "data/raw/a.bin", None)}
    assert not bag_is_valid(bag)


def test_an_algorithm_that_is_not_known_is_told(bag: Path) -> None:
    """Its manifest is not checked, and the report says so."""
    (bag / "manifest-crc32.txt").write_text("00000000  data/raw/a.bin\n")

    assert ("fixity.unknown", "manifest-crc32.txt", None) in found(verified(bag))


def test_a_bag_whose_crate_has_codes_of_its_own(tmp_path: Path) -> None:
    """A crate that build made is verified by its datahashes, the bag by its manifests."""
    folder = write_files(tmp_path / "study", FILES)
    build(folder)
    bag_of(folder, ("md5",))

    for source in forms(folder):
        report = verified(source)
        inner = only(report)
        assert report.verdict is Verdict.VALID
        assert {"treehash", "datahash", "digests"} <= set(inner.checked)
        assert dict(inner.rests_on)["datahash"] == 3

    flip_bit(folder / "data/raw/a.bin")
    report = verified(folder)
    assert found(report) == {("bytes.changed", "data/raw/a.bin", None)}
    assert found(only(report)) == {("bytes.changed", "raw/a.bin", None)}
    assert verified(folder, Thoroughness.FULL).verdict is Verdict.INVALID


def test_a_bag_at_the_root_of_a_crate(tmp_path: Path) -> None:
    """Metadata beside bagit.txt describe files in data/: one report, both records."""
    folder = bag_of(write_files(tmp_path / "bag", FILES), ("sha1",))
    digest = hashlib.sha256(FILES["raw/a.bin"]).hexdigest()
    entity = {"@id": "data/raw/a.bin", "@type": "File", "sha256": digest}
    foreign(folder, {}, [entity])

    report = verified(folder)

    assert (report.verdict, report.nested) == (Verdict.VALID, ())
    assert report.metadata == METADATA
    assert dict(report.rests_on)["sha256"] == 1
    assert dict(report.rests_on)["BagIt manifest-sha1.txt"] == 2
    flip_bit(folder / "data/raw/a.bin")
    assert found(verified(folder)) == {("bytes.changed", "data/raw/a.bin", None)}


def test_a_bag_without_a_crate_is_verified_too(tmp_path: Path) -> None:
    """What a repository receives may be a bag alone."""
    folder = bag_of(write_files(tmp_path / "bag", FILES))

    report = verified(folder)

    assert (report.verdict, report.nested, report.files) == (Verdict.VALID, (), 9)


# --- crates inside crates ------------------------------------------------------------------------


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """Make a crate with digests that holds a built crate, which holds another one."""
    folder = write_files(
        tmp_path / "outer", {"inner/x.bin": b"x" * 100, "inner/deep/y.bin": b"y" * 100}
    )
    y = hashlib.md5(b"y" * 100).hexdigest()
    foreign(folder / "inner/deep", {}, [{"@id": "y.bin", "@type": "File", "md5": y}])
    build(folder / "inner")
    z = hashlib.sha256(b"z").hexdigest()
    return foreign(folder, {"z.bin": b"z"}, [{"@id": "z.bin", "@type": "File", "sha256": z}])


def test_crates_inside_are_verified_in_their_own_right(nested: Path) -> None:
    """Each has a report that names it, and says what it rests on."""
    for source in forms(nested):
        report = verified(source)
        inner = only(report)
        deep = only(inner)
        assert report.verdict is Verdict.VALID
        assert [found(one) for one in (report, inner, deep)] == [set(), set(), set()]
        assert [one.rests_on for one in (report, inner, deep)] == [
            (("sha256", 1),),
            (("datahash", 3),),
            (("md5", 1),),
        ]
        assert inner.subject == f"{source}/inner"
        assert deep.subject == f"{source}/inner/deep"


def test_damage_in_a_crate_inside_makes_the_whole_invalid(nested: Path) -> None:
    """Also where the outer crate records nothing of the file."""
    flip_bit(nested / "inner/deep/y.bin")

    for source in forms(nested):
        for thoroughness in (Thoroughness.DATAHASH, Thoroughness.FULL):
            report = verified(source, thoroughness)
            assert report.verdict is Verdict.INVALID
            assert found(report) == set()
            assert found(only(report)) == {("bytes.changed", "deep/y.bin", None)}
            assert found(only(only(report))) == {("bytes.changed", "y.bin", None)}
            assert [(f.id, f.path) for f in flattened(report).findings] == [
                ("bytes.changed", "inner/deep/y.bin")
            ]


def test_every_format_tells_of_crates_inside(nested: Path) -> None:
    """No format hides what is wrong inside, and a saved report can be shown again."""
    flip_bit(nested / "inner/deep/y.bin")
    report = verified(nested)

    for format_ in FORMATS:
        assert "y.bin" in rendered(report, format_)
    assert parse_report(report_json(report), json.loads(schema_text("report"))) == report
    text = report_text(report)
    assert f"inside: {nested}/inner" in text
    assert text.endswith("hint: crate-iscc explain bytes.changed\n")


def test_metadata_inside_that_cannot_be_used_are_told(nested: Path) -> None:
    """The crate around it is verified all the same."""
    (nested / "inner/deep" / METADATA).write_text("{")

    report = verified(nested)

    assert ("crate.unverified", "deep/", None) in found(only(report))
    assert ("bytes.changed", f"deep/{METADATA}", None) in found(only(report))


def test_very_deep_crates_end(tmp_path: Path) -> None:
    """Crates inside each other without end are named, and cost no more than their number."""
    files = {"a.bin": b"a"}
    digest = hashlib.sha256(b"a").hexdigest()
    entity = {"@id": "a.bin", "@type": "File", "sha256": digest}
    place = tmp_path / "crate"
    for _ in range(40):
        foreign(place, files, [entity])
        place = place / "d"

    report = verified(tmp_path / "crate")

    assert "crate.unverified" in {finding.id for finding in flattened(report).findings}
    assert report.verdict is Verdict.VALID


def test_quick_looks_inside_too(nested: Path) -> None:
    """Names and sizes of a crate inside are compared, where it records sizes."""
    (nested / "inner/x.bin").write_bytes(b"x")
    with pytest.raises(InputError, match="nothing can be verified"):
        verified(nested / "inner/deep", Thoroughness.QUICK)

    report = verified(nested / "inner", Thoroughness.QUICK)

    assert ("bytes.changed", "x.bin", None) in found(report)


# --- .eln ------------------------------------------------------------------------------------


def test_an_eln_file_is_verified(tmp_path: Path) -> None:
    """One folder at the top of a zip, and sha256 of each file (the ELN file format)."""
    digest = hashlib.sha256(b"<p>").hexdigest()
    entity = {"@id": "./experiment/report.html", "@type": "File", "sha256": digest}
    folder = foreign(tmp_path / "crate", {"experiment/report.html": b"<p>"}, [entity])
    place = zip_of(folder, tmp_path / "export.eln", wrapper="export-1/", folders=True)

    report = verified(place)

    assert (report.verdict, report.rests_on) == (Verdict.VALID, (("sha256", 1),))
