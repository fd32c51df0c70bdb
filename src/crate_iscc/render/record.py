"""What a crate records, and what a build does, as text for a person and as JSON."""

import json
from collections.abc import Sequence
from typing import Any

from crate_iscc.codes import Fingerprint
from crate_iscc.crate.record import Recorded
from crate_iscc.crate.view import Crate
from crate_iscc.jsonld import references, strings
from crate_iscc.manifest import Manifest, TreeFingerprint
from crate_iscc.paths import printable
from crate_iscc.render.report import Paint, plain
from crate_iscc.render.report_json import finding_json
from crate_iscc.render.units import file_size, files, number
from crate_iscc.report import Finding

_LONGEST_LIST = 40


def record_text(crate: Crate, record: Recorded, subject: str, paint: Paint = plain) -> str:
    """Return a crate's description and its fingerprints as a table for one screen."""
    manifest = record.manifest
    root = manifest.root
    name = next(iter(strings(crate.values(crate.root_id, "name"))), "(no name)")
    rows = [
        ("name", printable(name)),
        ("crate", f"{printable(subject)} (RO-Crate {crate.version})"),
        ("payload", _extent(root.files, root.size, manifest)),
        ("ISCC-SUM", _code(root.iscc)),
        ("treehash", root.treehash or "-"),
    ]
    rows.extend(("conforms to", printable(uri)) for uri in _profiles(crate))
    if manifest.recipe.excluded:
        rows.append(("left out", ", ".join(map(printable, manifest.recipe.excluded))))
    lines = [f"{paint(f'{label:<12}', 'dim')}{value}" for label, value in rows]
    for container in manifest.containers:
        lines.append("")
        lines.append(f"{printable(container.path)}  {_extent(container.files, container.size)}")
        lines.append(f"  {_code(container.iscc)}")
    inside = tuple(container.path for container in manifest.containers)
    single = [file for file in manifest.files if not file.path.startswith(inside)]
    if single:
        lines.append("")
    for file in single[:_LONGEST_LIST]:
        size = file.fingerprint.size
        shown = "-" if size is None else file_size(size)
        lines.append(f"{_code(file.fingerprint):<62} {shown:>9}  {printable(file.path)}")
    if len(single) > _LONGEST_LIST:
        lines.append(f"… and {number(len(single) - _LONGEST_LIST)} more (--format json has all)")
    return "\n".join(lines) + "\n"


def record_json(crate: Crate, record: Recorded, subject: str) -> str:
    """Return everything that a crate records of its payload as one JSON object."""
    manifest = record.manifest
    value = {
        "subject": subject,
        "name": next(iter(strings(crate.values(crate.root_id, "name"))), None),
        "ro_crate_version": crate.version,
        "conforms_to": _profiles(crate),
        "excluded": list(manifest.recipe.excluded),
        "root": _tree_json(manifest.root),
        "containers": [_tree_json(container) for container in manifest.containers],
        "files": [
            {"path": file.path, **_fingerprint_json(file.fingerprint), "sha256": file.sha256}
            for file in manifest.files
        ],
        "findings": [finding_json(item) for item in record.findings],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def build_text(
    manifest: Manifest, target: str, written: Sequence[str], notes: Sequence[Finding], paint: Paint
) -> str:
    """Return what a build did: the two codes of the crate, and what was filled in for the user."""
    root = manifest.root
    containers = len(manifest.containers)
    extent = _extent(root.files, root.size)
    if containers:
        extent += f"   {number(containers)} container" + ("" if containers == 1 else "s")
    lines = [f"{printable(target)}   {extent}"]
    lines.append(f"  {paint('ISCC-SUM', 'dim')} {_code(root.iscc)}")
    lines.append(f"  {paint('treehash', 'dim')} {root.treehash}")
    lines.extend(
        f"  {paint('default', 'warn') if note.id == 'root.defaulted' else paint('note', 'warn')}"
        f"  {printable(f'{note.path}: {note.message}' if note.path else note.message)}"
        for note in notes[:_LONGEST_LIST]
    )
    if len(notes) > _LONGEST_LIST:
        lines.append(f"  … and {number(len(notes) - _LONGEST_LIST)} more notes")
    if written:
        lines.append(paint("wrote ", "good") + ", ".join(printable(path) for path in written))
    else:
        lines.append(paint("unchanged", "good") + ": the crate records this payload already")
    return "\n".join(lines) + "\n"


def build_json(
    manifest: Manifest,
    target: str,
    written: Sequence[str],
    notes: Sequence[Finding],
    *,
    dry_run: bool,
) -> str:
    """Return what a build did, or would do, as one JSON object."""
    value = {
        "target": target,
        "dry_run": dry_run,
        "written": list(written),
        "root": _tree_json(manifest.root),
        "containers": [_tree_json(container) for container in manifest.containers],
        "files": len(manifest.files),
        "excluded": list(manifest.recipe.excluded),
        "findings": [finding_json(note) for note in notes],
    }
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _profiles(crate: Crate) -> list[str]:
    return references(crate.values(crate.root_id, "conformsTo"))


def _extent(count: int | None, size: int | None, manifest: Manifest | None = None) -> str:
    if count is None and manifest is not None:
        count, size = len(manifest.files), manifest.size
    if count is None:
        return ""
    return files(count) + ("" if size is None else f"   {file_size(size)}")


def _code(known: Fingerprint | None) -> str:
    """Return the widest ISCC-SUM that is known, else the datahash, else a dash."""
    if known is None:
        return "-"
    data, instance = len(known.data or b""), len(known.instance or b"")
    if min(data, instance) >= 8:
        return known.iscc(wide=min(data, instance) >= 16)
    return known.datahash or "-"


def _fingerprint_json(known: Fingerprint) -> dict[str, Any]:
    code = _code(known)
    return {
        "iscc": code if code.startswith("ISCC:") else None,
        "datahash": known.datahash,
        "size": known.size,
    }


def _tree_json(tree: TreeFingerprint) -> dict[str, Any]:
    code = _code(tree.iscc)
    return {
        "path": tree.path or "./",
        "iscc": code if code.startswith("ISCC:") else None,
        "treehash": tree.treehash,
        "files": tree.files,
        "size": tree.size,
    }
