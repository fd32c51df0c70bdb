"""Logs to be audited, written as verify writes them."""

import hashlib
import io
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from crate_iscc.audit import Chain, record_line
from crate_iscc.report import Finding, Report
from render.render_kit import verification

MOMENT = "2026-11-27T12:00:00Z"
TREEHASH = "1e20" + "ab" * 32


def report_on(subject: str, *, valid: bool = True) -> Report:
    """Return the report of a verification of a crate."""
    findings = () if valid else (Finding("bytes.missing", "not there"),)
    report = verification(findings)
    return replace(report, subject=subject, treehash=TREEHASH, treehash_matches=valid)


def log_of(subjects: Iterable[str]) -> list[bytes]:
    """Return the lines of a log of verifications."""
    lines: list[bytes] = []
    previous = None
    for number, subject in enumerate(subjects, 1):
        report = report_on(subject, valid=number % 3 != 0)
        lines.append(record_line(report, moment=MOMENT, number=number, previous=previous))
        previous = sha256(lines[-1])
    return lines


def forged(line: bytes, **members: object) -> bytes:
    """Return a record with other members and the hash that goes with them."""
    record = {**json.loads(line), **members}
    del record["sha256"]
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return f'{text[:-1]},"sha256":"{sha256(text.encode())}"}}\n'.encode()


def anew(lines: list[bytes]) -> list[bytes]:
    """Return a chain that holds what these records say, numbered and linked again."""
    made: list[bytes] = []
    previous = None
    for number, line in enumerate(lines, 1):
        made.append(forged(line, sequence=number, previous=previous))
        previous = sha256(made[-1])
    return made


def sha256(raw: bytes) -> str:
    """Return a SHA-256 in hex."""
    return hashlib.sha256(raw).hexdigest()


def written(place: Path, lines: Iterable[bytes]) -> Path:
    """Write lines into a file."""
    place.write_bytes(b"".join(lines))
    return place


def followed(raw: bytes) -> Chain:
    """Follow the chain of a log."""
    chain = Chain()
    for line in io.BytesIO(raw):
        chain.add(line)
    return chain
