"""What a crate says about how its codes were made decides what can be said about them."""

import os
from pathlib import Path

import pytest

from crate_iscc import InputError, Thoroughness, Verdict, build, verify
from verify.verify_kit import METADATA, edit_metadata, entity_of, verified, write_files


def test_a_crate_of_a_later_recipe_has_no_verdict_and_is_not_built_again(plain: Path) -> None:
    """Codes of unknown making are neither called right nor wrong, and are not replaced."""
    edit_metadata(
        plain,
        lambda graph: entity_of(graph, "#crate-iscc-fingerprint").update(recipeVersion="2"),
    )
    before = (plain / METADATA).read_bytes()

    for verb in (verify, build):
        with pytest.raises(InputError, match="recipe 2") as caught:
            verb(plain)
        assert caught.value.hint

    assert (plain / METADATA).read_bytes() == before


def test_a_tree_code_that_cannot_be_computed_is_not_called_checked(tmp_path: Path) -> None:
    """With an ignore file that means nothing, the ISCC-SUM of the whole stays unchecked."""
    folder = write_files(tmp_path / "crate", {".isccignore": b"*.log\n", "a.txt": b"a"})
    build(folder)
    (folder / ".isccignore").write_bytes(b"!\n")

    report = verified(folder, Thoroughness.FULL)

    assert report.verdict is Verdict.INVALID
    assert "iscc-sum" in report.not_checked
    assert "treehash" in report.checked


def test_every_finding_says_what_to_do(plain: Path) -> None:
    """The hint is the advice that explain gives for the finding's id."""
    (plain / "extra.txt").write_bytes(b"extra")
    os.truncate(plain / "notes/c.txt", 1)

    report = verified(plain)

    assert {finding.id for finding in report.findings} == {"bytes.changed", "bytes.extra"}
    assert all("build" in finding.hint for finding in report.findings)
