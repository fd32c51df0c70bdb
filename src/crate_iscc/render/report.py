"""A report as text for one screen."""

from collections.abc import Callable

from crate_iscc.finding_kinds import FINDING_KINDS, Severity
from crate_iscc.paths import printable
from crate_iscc.render.report_json import counts_by_name
from crate_iscc.render.sampled import earlier_lines, sample_lines
from crate_iscc.render.units import file_size, files, number
from crate_iscc.report import (
    Command,
    Finding,
    Proof,
    ProofKind,
    Report,
    Standing,
    Verdict,
    flattened,
)

Paint = Callable[[str, str], str]
"""Colours a text in one of the styles `good`, `bad`, `warn`, `dim`; the text itself stays."""

_SHOWN_OF_EACH = 12
_OF_ZARRS = ("zarr.", "ozx.", "bytes.unread")
"""How the ids of findings begin that validate has of Zarrs, and not of the crate's metadata."""
_PROOFS = ("signature.", "timestamp.", "receipt.")
"""How the ids of findings begin that are about proofs, and not about the payload."""
_CHECKED_WORDS = {severity.level.lower(): severity.level for severity in Severity} | {
    "rocrate": "RO-Crate (rocrate-validator)",
    "rocrate-sample": "RO-Crate (rocrate-validator, told of the first 200 files)",
    "remote": "data entities on the web",
    "digests": "digests by other conventions",
    "sample": "the contents of a sample",
    "zarr": "the chunk grids of Zarrs",
    "ozx": "RFC-9 (zipped OME-Zarr)",
}
_FORGEABLE = ("md5", "sha1")
_NOT_CHECKED_WORDS = {
    "iscc-sum": "ISCC-SUMs (--full computes them)",
    "metadata": "the metadata themselves (not signed)",
    "datahash": "contents (--quick)",
    "unsampled": "the contents of all other files (--sample)",
    "unchanged": "unchanged files, again (--since)",
    "proofs": "the proofs in iscc-proof/ (pip install 'crate-iscc[trust]')",
    "signer": "who the signer is (--trust names whose keys are believed)",
    "extra": "files that are not recorded (a folder on the web cannot be listed)",
    "contents": "the files' contents (crate-iscc verify)",
    "rocrate": "the RO-Crate specification itself (--base)",
    "should": "SHOULD (--level should)",
    "may": "MAY (--level may)",
}
_VERDICT_STYLES = {Verdict.VALID: "good", Verdict.INVALID: "bad", Verdict.INCOMPLETE: "warn"}
_SEVERITY_STYLES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "dim"}


def plain(text: str, _style: str) -> str:
    """Return text as it is: the Paint for files, pipes and NO_COLOR."""
    return text


def report_text(report: Report, paint: Paint = plain) -> str:
    """Return the report for a person: what differs, how many of each, and the verdict last."""
    return "\n".join(_report_lines(report, paint)) + "\n"


def _report_lines(report: Report, paint: Paint, *, inside: bool = False) -> list[str]:
    lines = [headline(report), *_each_lines(report, paint), *_finding_lines(report, paint)]
    if report.command is Command.VERIFY:
        lines.append(counts_line(report))
    if rests_on_others(report):
        lines.append(f"rests on: {rests_on_line(report)}")
    lines.extend(extent_lines(report))
    lines.append(paint(f"checked: {checked_line(report)}", "dim"))
    if report.not_checked:
        lines.append(paint(f"not checked: {not_checked_line(report)}", "dim"))
    if report.excluded:
        lines.append(paint(f"left out by the crate itself: {excluded_line(report)}", "warn"))
    if report.ignored:
        lines.append(paint(f"ignored: {ignored_line(report)}", "warn"))
    lines.extend(proof_line(proof) for proof in report.proofs)
    for inner in report.nested:
        first, *others = _report_lines(inner, paint, inside=True)
        lines.append(f"inside: {first}")
        lines.extend(f"  {line}" for line in others)
    verdict, _, words = conclusion(report).partition(":")
    lines.append(paint(verdict, _VERDICT_STYLES[report.verdict]) + ":" + words)
    if report.verdict is not Verdict.VALID and not inside:
        found = flattened(report).findings
        if found:
            worst = min(found, key=lambda finding: finding.weight)
            lines.append(f"hint: crate-iscc explain {worst.id}")
    return lines


def proof_line(proof: Proof) -> str:
    """Return what a proof says: who stands for the crate, by when it existed, who declared it."""
    who = printable(proof.who)
    if proof.kind is ProofKind.SIGNATURE:
        standing = {
            Standing.TRUSTED: "",
            Standing.KNOWN: ", claimed: the DID document is the crate's own",
            Standing.UNKNOWN: ", unknown here",
        }[proof.standing]
        moment = (
            f"they say on {printable(proof.moment)}" if proof.moment else "they do not say when"
        )
        return f"signature: by {who}{standing}; {moment}"
    if proof.kind is ProofKind.RECEIPT:
        standing = {
            Standing.TRUSTED: "",
            Standing.KNOWN: ", claimed: the hub's DID document is the crate's own",
            Standing.UNKNOWN: ", unknown here",
        }[proof.standing]
        declarer, remark = printable(proof.declarer or ""), printable(proof.remark or "")
        return (
            f"receipt: {printable(proof.iscc_id or '')} declared at {printable(proof.moment)} by "
            f"{declarer} at {who}{standing}" + (f"; {remark}" if remark else "")
        )
    standing = "" if proof.standing is Standing.TRUSTED else ", which nobody here vouches for"
    name = printable(proof.path.rpartition("/")[2].removesuffix(".tsr"))
    return f"time: {name} existed by {printable(proof.moment)}, says {who}{standing}"


def extent_lines(report: Report) -> list[str]:
    """Return how much was read where that was not everything, in sentences."""
    return [*sample_lines(report), *earlier_lines(report)]


def rests_on_others(report: Report) -> bool:
    """Tell whether any match rests on something else than a datahash."""
    return any(name != "datahash" for name, _ in report.rests_on)


def rests_on_line(report: Report) -> str:
    """Return by which conventions how many files match."""
    return ", ".join(
        f"{printable(name)} ({number(count)}"
        + ("; no proof against forgery)" if name.split()[-1].startswith(_FORGEABLE) else ")")
        for name, count in report.rests_on
    )


def _each_lines(report: Report, paint: Paint) -> list[str]:
    width = max((len(status_word(one.status)) for one in report.each), default=0)
    return [
        f"  {status_word(one.status):<{width}}  {printable(one.path)}"
        + (paint(f"  ({printable(one.rests_on)})", "dim") if one.rests_on else "")
        for one in report.each
    ]


def status_word(status: str) -> str:
    """Return how a file came out, as people say it."""
    return status.replace("_", " ")


def headline(report: Report) -> str:
    """Return what was checked: the crate and its extent, and by which profile."""
    subject = printable(report.subject)
    if report.command is Command.VALIDATE:
        return f"{subject}   {files(report.files)} described   {profile_name(report)}"
    return f"{subject}   {files(report.files)}   {file_size(report.size)}"


def profile_name(report: Report) -> str:
    """Return the profile as people call it: its name and version."""
    return "BIO-CODES " + printable((report.profile or "").rpartition("/")[2])


def counts_line(report: Report) -> str:
    """Return how many files came out how."""
    match = "of the recorded size" if names_and_sizes_only(report) else "match"
    words = {"match": match, "not_sampled": "not read"}
    parts = [
        f"{number(count)} {words.get(name, status_word(name))}"
        for name, count in counts_by_name(report.counts).items()
        if count or name == "match"
    ]
    return " · ".join(parts)


def checked_line(report: Report) -> str:
    """Return what was checked, in words."""
    return ", ".join(_CHECKED_WORDS.get(word, word) for word in report.checked)


def not_checked_line(report: Report) -> str:
    """Return what was not checked, in words, and how to have it checked."""
    return ", ".join(_NOT_CHECKED_WORDS.get(word, word) for word in report.not_checked)


def only_proofs_fail(report: Report) -> bool:
    """Tell whether nothing is wrong but with signatures, timestamps and receipts."""
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    return all(finding.id.startswith(_PROOFS) for finding in errors) and not report.nested


def _failing_words(report: Report) -> str:
    """Return what does not hold where only proofs fail."""
    ids = {f.id for f in report.findings if f.severity is Severity.ERROR}
    receipts = {finding_id for finding_id in ids if finding_id.startswith("receipt.")}
    if ids == receipts:
        return "who declared it"
    return "who signed or declared it, or when," if receipts else "who signed it, or when,"


def signed_words(report: Report) -> str:
    """Return who stands for a crate, in words; nothing where it has no signature that holds."""
    signatures = [proof for proof in report.proofs if proof.kind is ProofKind.SIGNATURE]
    trusted = [proof for proof in signatures if proof.standing is Standing.TRUSTED]
    if trusted:
        return f"signed by {', '.join(printable(proof.who) for proof in trusted)}"
    return "signer unknown" if signatures else ""


def names_and_sizes_only(report: Report) -> bool:
    """Tell whether a verification read no content."""
    return "datahash" in report.not_checked


def sampled_only(report: Report) -> bool:
    """Tell whether a verification is incomplete only in that it read a sample."""
    sample, counts = report.sample, report.counts
    left_out = sample is not None and not sample.complete
    inside = all(
        inner.verdict is not Verdict.INCOMPLETE or sampled_only(inner) for inner in report.nested
    )
    unread = counts.unread or counts.not_fetched
    return inside and not unread and (left_out or bool(report.nested))


def excluded_line(report: Report) -> str:
    """Return the patterns that the crate records as left out."""
    return ", ".join(printable(pattern) for pattern in report.excluded)


def ignored_line(report: Report) -> str:
    """Return what was found and left aside because the caller asked for it."""
    return ", ".join(f"{number(count)} {finding_id}" for finding_id, count in report.ignored)


def conclusion(report: Report) -> str:
    """Return the verdict, a colon, and what it means in one sentence."""
    aside = ", leaving aside what was ignored" if report.ignored else ""
    return f"{report.verdict.value.upper()}: {_in_words(report)}{aside}"


def place_of(finding: Finding) -> str:
    """Return where a finding is: a file, an entity of the metadata, or the whole crate."""
    return printable(finding.path or finding.entity or "the whole crate")


def rule_of(finding: Finding) -> str:
    """Return the requirement that a finding reports, or nothing."""
    kind = FINDING_KINDS[finding.id]
    return f"{kind.severity.level} {kind.requirement}" if kind.requirement else ""


def label_of(finding_id: str) -> str:
    """Return the word under which a kind of finding is shown."""
    return finding_id.removeprefix("bytes.")


def _finding_lines(report: Report, paint: Paint) -> list[str]:
    by_kind: dict[str, list[Finding]] = {}
    for item in sorted(report.findings, key=lambda finding: finding.weight):
        by_kind.setdefault(item.id, []).append(item)
    lines = []
    for kind, found in by_kind.items():
        word = label_of(kind)
        for item in found[:_SHOWN_OF_EACH]:
            label = paint(f"{word:<8}", _SEVERITY_STYLES[item.severity])
            lines.append(f"  {label} {place_of(item)}")
            where = f"line {item.line}" if item.line else ""
            source = ", ".join(filter(None, (rule_of(item), where)))
            message = printable(item.message) + (paint(f" ({source})", "dim") if source else "")
            lines.append(f"           {message}")
        more = len(found) - _SHOWN_OF_EACH
        if more > 0:
            lines.append(f"           … and {number(more)} more {word} (--format json has all)")
    return lines


def _left_out(report: Report) -> str:
    count = sum(one.counts.not_sampled for one in (report, *report.nested))
    return f"{files(count)} {'was' if count == 1 else 'were'}"


def _in_words(report: Report) -> str:
    words, earlier = _verdict_in_words(report), report.earlier
    if earlier and not earlier.same_run and report.verdict is Verdict.VALID:
        verb = "was" if earlier.files == 1 else "were"
        words += f"; {files(earlier.files)} {verb} unchanged and not read again (--since)"
    return words


def _verdict_in_words(report: Report) -> str:
    if report.command is Command.VALIDATE:
        level = f"{profile_name(report)} at level {report.level.level}"
        if report.verdict is Verdict.INCOMPLETE:
            return f"the metadata conform to {level}, but metadata of a Zarr could not be read"
        serious = [one for one in report.findings if one.severity.rank <= report.level.rank]
        if serious and all(one.id.startswith(_OF_ZARRS) for one in serious):
            return f"the metadata conform to {level}, but a Zarr is not as it should be"
        return f"the metadata {'do not conform' if serious else 'conform'} to {level}"
    match report.verdict:
        case Verdict.INVALID if only_proofs_fail(report):
            return f"every recorded file is intact, but {_failing_words(report)} does not hold"
        case Verdict.INVALID:
            return "the dataset is not as recorded"
        case Verdict.INCOMPLETE if sampled_only(report):
            return f"what the sample read is as recorded; {_left_out(report)} not read"
        case Verdict.INCOMPLETE:
            return "what could be read is as recorded, not everything could be read"
        case Verdict.VALID if names_and_sizes_only(report):
            return "names and sizes are as recorded; no content was read"
        case Verdict.VALID if signed := signed_words(report):
            return f"every recorded file is intact; {signed}"
        case Verdict.VALID if unchecked := report.counts.unchecked:
            what = "every file with a recorded digest is intact"
            return f"{what}, {number(unchecked)} {'has' if unchecked == 1 else 'have'} none"
        case Verdict.VALID:
            return "every recorded file is intact"
