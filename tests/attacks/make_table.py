"""Writes the README's table of attacks, from the attacks that test_attacks.py tries.

python tests/attacks/make_table.py
"""

from collections.abc import Iterable
from pathlib import Path

from attack_cases import rows
from attack_model import NO_VERDICT, VALID, Attack

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- begin: python tests/attacks/make_table.py -->\n"
END = "<!-- end -->\n"
_WORDS = {VALID: "valid", NO_VERDICT: "one clear error"}


def table() -> str:
    """Return the table: what is tried, what is said of it, and how many crates of each form."""
    lines = ["| attack | what crate-iscc says | directory | zip |", "|---|---|---|---|"]
    for row, attacks in rows().items():
        found = dict.fromkeys(a.finding for a in attacks)
        said = [f"`{finding}`" for finding in found if finding not in _WORDS]
        said += [words for finding, words in _WORDS.items() if finding in found]
        forms = (_count(a.directory for a in attacks), _count(a.archive for a in attacks))
        lines.append(f"| {row} | {', '.join(said)} | {' | '.join(forms)} |")
    return "\n".join(lines) + "\n"


def _count(made: Iterable[object]) -> str:
    number = sum(one is not None for one in made)
    return f"ok ({number})" if number else "–"


def with_table(readme: str) -> str:
    """Return the text of the README with the table between its markers."""
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError("the README has lost the markers of the table")
    return head + begin + table() + end + tail


def all_findings(attacks: Iterable[Attack]) -> set[str]:
    """Return the ids of findings that some attack is to be answered with."""
    return {attack.finding for attack in attacks} - {NO_VERDICT, VALID}


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
