"""rocrate-validator, an RO-Crate checker that nobody here wrote, accepts what build writes.

At REQUIRED level, for every version of RO-Crate that it knows.
"""

from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from compat.compat_crates import crate_of_another_tool, write_dataset
from compat.conftest import NOW, Judge, Study
from crate_iscc import add_fingerprints, build


def test_the_judge_finds_what_is_wrong(tmp_path: Path, judge: Judge) -> None:
    """A crate whose root has no licence and whose file is not there is not accepted."""
    crate = crate_of_another_tool(tmp_path / "study", "1.1")
    text = (crate / "ro-crate-metadata.json").read_text(encoding="utf-8")
    (crate / "ro-crate-metadata.json").write_text(text.replace('"license"', '"nothing"'))
    (crate / "raw" / "cell 1.tif").unlink()

    problems = judge(crate, "1.1")

    assert any("cell%201.tif" in problem for problem in problems)
    assert any("license" in problem for problem in problems)


def test_the_study_is_accepted(study: Study, judge: Judge) -> None:
    """A new crate is of RO-Crate 1.3."""
    assert judge(study.crate) == []


def test_the_study_is_accepted_as_a_zip(study: Study, judge: Judge) -> None:
    """Every data entity is found in the archive, folders too."""
    assert judge(study.archive) == []


def test_a_crate_without_any_option_is_accepted(tmp_path: Path, judge: Judge) -> None:
    """What was defaulted is enough."""
    dataset = write_dataset(tmp_path / "study")
    (dataset / "LICENSE.txt").unlink()

    build(dataset)

    assert judge(dataset) == []


def test_a_crate_with_every_option_is_accepted(tmp_path: Path, judge: Judge) -> None:
    """Authors, ORCIDs, exclusions, sha256, a named container, and difficult names."""
    dataset = write_dataset(tmp_path / "study")
    for name in ("F\u00e4rbung 50% #3.txt", "a:b.txt", "a[1]{2}.txt", "scratch.tmp"):
        (dataset / name).write_bytes(b"x")

    build(
        dataset,
        name="Cells",
        description="All of it.",
        licence="https://creativecommons.org/licenses/by/4.0/",
        authors=["Ada Lovelace 0000-0002-1825-0097", "Grace Hopper"],
        containers=["raw"],
        excluded=["*.tmp"],
        sha256=True,
        manifest_file=True,
        now=NOW,
    )

    assert judge(dataset) == []


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_an_extended_crate_of_an_older_version_is_accepted(
    tmp_path: Path, judge: Judge, version: str
) -> None:
    """It was acceptable before, and is so with the fingerprints and with --sha256."""
    dataset = crate_of_another_tool(tmp_path / "study", version)
    before = judge(dataset, version)

    build(dataset, sha256=True)

    assert before == []
    assert judge(dataset, version) == []


def test_a_zarr_that_is_a_crate_itself_is_accepted(tmp_path: Path, judge: Judge) -> None:
    """The root of the crate is the root of the Zarr."""
    dataset = tmp_path / "image.zarr"
    (dataset / "0").mkdir(parents=True)
    (dataset / ".zgroup").write_bytes(b"{}")
    (dataset / "0" / "0.0").write_bytes(b"x")

    build(dataset)

    assert judge(dataset) == []


def test_a_crate_of_ro_crate_py_with_fingerprints_is_accepted(tmp_path: Path, judge: Judge) -> None:
    """add_fingerprints makes nothing that the library does not write well."""
    source = write_dataset(tmp_path / "source")
    crate = ROCrate()
    crate.name, crate.description, crate.license = "Cells", "Made with ro-crate-py.", "CC0-1.0"
    crate.add_file(source / "raw" / "cell 1.tif", dest_path="raw/cell 1.tif")
    crate.add_dataset(source / "im.zarr", dest_path="im.zarr")

    add_fingerprints(crate, now=NOW).write(tmp_path / "crate")

    assert judge(tmp_path / "crate") == []
