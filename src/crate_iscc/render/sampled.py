"""What a sample says, and what it may have overlooked, in numbers and in words."""

from math import ceil, exp, lgamma, log1p

from crate_iscc.paths import printable
from crate_iscc.render.units import file_size, files, number
from crate_iscc.report import Earlier, Report, Sample

_PER_CENT = 100
_SHOWN_STRATA = 8
_LEAST_SHOWN = 1e-6
_EXACT = 10_000
"""Damaged files up to which a probability is the product that defines it."""


def damages(sample: Sample) -> tuple[int, ...]:
    """Return of how many damaged files it is said how likely all were overlooked: 1, and 1 %."""
    return tuple(dict.fromkeys((1, -(-sample.of_files // _PER_CENT))))


def overlooked(sample: Sample, damaged: int) -> float:
    """Return how likely a sample holds none of so many files that are damaged at random.

    That is hypergeometric: of N files n were read, and D of the N are damaged, each set of D as
    likely as any other: C(N-n, D) / C(N, D). It goes for every way to choose the sample.
    """
    total, left = sample.of_files, sample.of_files - sample.files
    if damaged > left:
        return 0.0
    if damaged <= _EXACT:
        return exp(sum(log1p(-sample.files / (total - number)) for number in range(damaged)))
    # ln C(left, D) - ln C(total, D), where D! cancels out
    logarithm = lgamma(left + 1) - lgamma(left - damaged + 1)
    logarithm -= lgamma(total + 1) - lgamma(total - damaged + 1)
    return min(1.0, exp(logarithm))


def sample_lines(report: Report) -> list[str]:
    """Return what a reader has to know of a sample, in sentences; nothing where there is none."""
    sample = report.sample
    if sample is None:
        return []
    repeat = f"--sample {printable(sample.asked)} --seed {printable(sample.seed)}"
    if sample.complete:
        return [f"the sample was everything ({repeat})"]
    lines = [
        f"sample: {number(sample.files)} of {files(sample.of_files)} were read, "
        f"{file_size(sample.size)} of {file_size(sample.of_size)} ({repeat} reads them again)"
    ]
    if len(sample.strata) > 1:
        shown = [
            f"{printable(one.folder) or 'outside containers'} "
            f"{number(one.files)} of {number(one.of_files)}"
            for one in sample.strata[:_SHOWN_STRATA]
        ]
        more = len(sample.strata) - len(shown)
        shown.extend([f"and {number(more)} more (--format json has all)"] if more > 0 else [])
        lines.append(f"from each: {', '.join(shown)}")
    for damaged in damages(sample):
        what = f"{files(damaged)}"
        if damaged > 1:
            what = f"1 % of the files ({number(damaged)})"
        be = "was" if damaged == 1 else "were"
        lines.append(
            f"if {what} {be} damaged, anywhere by chance, this sample overlooked "
            f"{'it' if damaged == 1 else 'all of them'} with a probability of "
            f"{per_cent(overlooked(sample, damaged))}"
        )
    return lines


def per_cent(probability: float) -> str:
    """Return a probability as a percentage that is never less than it is."""
    if probability <= 0:
        return "0 %"
    if probability < _LEAST_SHOWN:
        return f"less than {_LEAST_SHOWN * 100:.4f} %"
    digits = 1 if probability >= 0.001 else 4
    step = 10**digits
    # Rounded up, but for what floating point adds: nothing is to look less likely than it is.
    rounded = ceil(probability * 100 * step - 1e-9) / step
    return f"{min(rounded, 100.0):.{digits}f} %"


def earlier_lines(report: Report) -> list[str]:
    """Return what rests on an earlier reading, in a sentence; nothing where nothing does."""
    earlier = report.earlier
    if earlier is None:
        return []
    count = f"{files(earlier.files)} ({file_size(earlier.size)})"
    verb = "was" if earlier.files == 1 else "were"
    if earlier.same_run:
        return [
            f"resumed: {count} {verb} read before the interruption, {_when(earlier)}, and did "
            "not change since, by size and times"
        ]
    return [
        f"{count} {verb} read {_when(earlier)} and not now: unchanged by size and times since; "
        "damage of the disk that changes no time is not seen (run without --since for that)"
    ]


def _when(earlier: Earlier) -> str:
    if earlier.oldest == earlier.newest:
        return f"at {printable(earlier.oldest)}"
    return f"between {printable(earlier.oldest)} and {printable(earlier.newest)}"
