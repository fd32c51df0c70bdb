"""Checks the codes of the whole and of each container against what was observed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from crate_iscc.crate.findings import extent_conflicts
from crate_iscc.manifest import Manifest, TreeFingerprint
from crate_iscc.paths import MANIFEST_FILE, CratePath
from crate_iscc.report import Finding
from crate_iscc.verifying.lists import trees_of


@dataclass(slots=True)
class Tally:
    """What was looked at and what was not, in the words of the report."""

    checked: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)

    def put(self, what: str, done: bool) -> None:
        """Note that something was checked, or was not."""
        (self.checked if done else self.not_checked).append(what)


def check_trees(
    known: Manifest,
    observed: Manifest,
    treehashes: Mapping[str, str | None],
    findings: list[Finding],
    *,
    full: bool,
) -> Tally:
    """Check the codes of the whole and of each container as far as they can be known.

    What was found before may explain why one differs; more is added to `findings`.
    """
    tally = Tally()
    trees = trees_of(known)
    if any(tree.treehash for tree in trees):
        tally.put("treehash", bool(treehashes) and None not in treehashes.values())
    for tree in trees:
        found = treehashes.get(tree.path)
        if found not in (None, tree.treehash) and not _explained(tree.path, findings):
            findings.append(
                Finding(
                    "tree.changed",
                    "every recorded file is as recorded, the whole is not",
                    CratePath(tree.path) if tree.path else None,
                    recorded=tree.treehash,
                    observed=found,
                )
            )
        elif found == tree.treehash:
            findings.extend(extent_conflicts(tree, observed.files.below(tree.path)))
    codes = {tree.path: tree for tree in trees_of(observed)} if full else {}
    computed = all(codes[t.path].iscc for t in trees if t.iscc) if full else False
    if any(tree.iscc for tree in trees) or any(file.fingerprint.data for file in known.files):
        tally.put("iscc-sum", computed and not observed.unread)
    for wanted in trees if full else ():
        found_tree = codes[wanted.path]
        if _tree_code_differs(wanted, found_tree):
            findings.append(
                Finding(
                    "code.mismatch",
                    "the payload is the recorded one, its tree ISCC-SUM is not",
                    CratePath(wanted.path) if wanted.path else None,
                    recorded=wanted.iscc.iscc() if wanted.iscc else None,
                    observed=found_tree.iscc.iscc() if found_tree.iscc else None,
                )
            )
    return tally


def _explained(folder: str, findings: Iterable[Finding]) -> bool:
    """Tell whether a finding about a payload file says already why a treehash differs."""
    return any(
        (
            finding.id in ("bytes.changed", "bytes.moved", "bytes.missing", "bytes.extra")
            and finding.path != MANIFEST_FILE
            and f"{finding.path}".startswith(folder)
        )
        or (finding.moved_to or "").startswith(folder or "/")
        for finding in findings
    )


def _tree_code_differs(wanted: TreeFingerprint, found: TreeFingerprint) -> bool:
    """Tell whether a tree of the recorded payload has another ISCC-SUM than the recorded one."""
    if wanted.iscc is None or found.iscc is None or wanted.treehash not in (None, found.treehash):
        return False
    return (
        wanted.iscc.same_data_code(found.iscc) is False
        or wanted.iscc.same_bytes(found.iscc) is False
    )
