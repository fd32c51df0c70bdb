"""Any change to the metadata of a crate ends in a report or in one error, and hides no damage."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crate_iscc import (
    CrateIsccError,
    FileTable,
    InputError,
    Report,
    Severity,
    Style,
    Thoroughness,
    Verdict,
    build,
    fingerprint,
    plan_build,
    validate,
    verify,
)
from crate_iscc.building.plan import BuildOptions
from crate_iscc.render.formats import FORMATS, rendered
from crate_iscc.render.record import record_json, record_text
from crate_iscc.verifying.verification import read_record
from fuzz.metadata_mutations import dumped, mutated
from verify.verify_kit import METADATA, hold_against_schema, write_files

PAYLOAD = {
    "a.txt": b"hello",
    "b.bin": bytes(range(50)),
    "c.zarr/zarr.json": b'{"zarr_format": 3}',
    "c.zarr/0/0": b"chunk",
}


@dataclass(frozen=True)
class Built:
    """A small crate on disk, its metadata as build wrote them, and the codes of its files."""

    folder: Path
    metadata: bytes
    payload: FileTable


@pytest.fixture(scope="module", params=list(Style), ids=str)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Return a crate in each style; its metadata are to be overwritten, its payload is not."""
    folder = write_files(tmp_path_factory.mktemp("hostile") / "crate", PAYLOAD)
    build(
        folder, name="A", licence="CC0-1.0", authors=["B"], style=request.param, manifest_file=True
    )
    files = fingerprint(folder).files
    return Built(folder, (folder / METADATA).read_bytes(), files)


def _shown(crate: Path) -> None:
    known, record = read_record(crate)
    json.loads(record_json(known, record, str(crate)))
    record_text(known, record, str(crate)).encode("utf-8")


def _verbs(crate: Path) -> list[Callable[[], object]]:
    """Return everything that reads metadata; the third and the fourth give the fullest reports."""
    return [
        *(partial(verify, crate, thoroughness=each, jobs=1) for each in Thoroughness),
        partial(validate, crate, level=Severity.INFO),
        partial(_shown, crate),
        *(partial(plan_build, crate, options=BuildOptions(style=style)) for style in _STYLES),
    ]


_STYLES = (None, *Style)


def _outcome(verb: Callable[[], object]) -> object:
    """Run a verb and return what it does, or its one error, held against what holds for any."""
    try:
        return verb()
    except CrateIsccError as error:
        # Lines and control characters are what errors are shown with, not what they are made of.
        for text in (error.message, error.cause or "", error.hint or ""):
            assert text.isprintable(), text
            assert len(text) < 1000
        return error


def _hold_formats(report: Report) -> None:
    written = {name: rendered(report, name).encode("utf-8") for name in FORMATS}
    hold_against_schema(json.loads(written["json"]))
    for line in written["jsonl"].splitlines():
        json.loads(line)
    json.loads(written["sarif"])
    ElementTree.fromstring(written["junit"])
    for name in ("text", "github", "markdown"):
        assert b"\x1b" not in written[name]


@settings(derandomize=True, max_examples=settings().max_examples // 2)
@given(st.randoms(use_true_random=False), st.integers(1, 3), st.sampled_from([None, 2]))
def test_any_change_to_the_metadata_ends_in_a_report_or_in_one_error(
    built: Built, random: Random, changes: int, indent: int | None
) -> None:
    """Whatever stands in whatever place: nothing is raised but an InputError in plain words.

    A report never says VALID where what the crate records, as it is read, is not what is there.
    """
    document = json.loads(built.metadata)
    for _ in range(changes):
        mutated(document, random)
    (built.folder / METADATA).write_bytes(dumped(document, indent))

    outcomes = [_outcome(verb) for verb in _verbs(built.folder)]

    errors = [outcome for outcome in outcomes if isinstance(outcome, CrateIsccError)]
    assert all(isinstance(error, InputError) for error in errors)
    for report in outcomes[2:4]:
        if isinstance(report, Report):
            _hold_formats(report)
    if isinstance(outcomes[2], Report) and _contradicts(built):
        assert outcomes[2].verdict is not Verdict.VALID


def _contradicts(built: Built) -> bool:
    """Tell whether a crate records anything of a file that is not so."""
    with suppress(InputError):
        _, record = read_record(built.folder)
        for file in record.manifest.files:
            there = built.payload.get(file.path)
            if there is not None and there.fingerprint.merged(file.fingerprint) is None:
                return True
            if there is None and file.fingerprint.verifiable:
                return True
    return False
