"""The speeds of the main contenders as bars, an SVG that needs no library to be drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from side_by_side import labels
from side_by_side.measuring import Outcome
from side_by_side.peers import CRATE_ISCC
from side_by_side.tables import figure
from side_by_side.workloads import MEDIUM, ONE, SMALL

PLOTTED = (ONE, MEDIUM, SMALL)
GROUPS = (
    (
        "fingerprint",
        (
            labels.OUR_SUM,
            labels.OUR_BUILD,
            labels.ISCC_SUM,
            labels.OPENSSL,
            labels.SHA256SUM,
            labels.BAGIT_BUILD,
            labels.B3SUM,
        ),
    ),
    (
        "verify",
        (
            labels.OUR_VERIFY,
            labels.OUR_FULL_VERIFY,
            labels.ISCC_SUM_CHECK,
            labels.SHA256SUM_CHECK,
            labels.BAGIT_VALIDATE,
            labels.B3SUM_CHECK,
        ),
    ),
)
WIDTH = 760
LABELS = 250
"""Where the labels end and the bars begin."""
LONGEST = 420
LINE = 20
MARGIN = 20
# The picture has a ground of its own: on whichever page it lands, its words stand out.
STYLE = """
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .group, .note { fill: #59636e }
  .ours { fill: #1f6feb }
  .peer { fill: #afb8c1 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #3d444d }
    text { fill: #f0f6fc }
    .group, .note { fill: #9198a1 }
    .ours { fill: #4493f8 }
    .peer { fill: #656c76 }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A contender's speed in GB/s."""

    label: str
    speed: float
    ours: bool


def _bars(outcome: Outcome, names: Sequence[str]) -> list[Bar]:
    """Return the bars of those contenders that were measured."""
    bars = []
    for label in names:
        row = outcome.row(label)
        if row is not None and row.best is not None:
            speed = outcome.workload.payload / row.best.seconds / 1e9
            bars.append(Bar(label, speed, row.contender.peer.name == CRATE_ISCC))
    return bars


def svg(outcomes: Sequence[Outcome]) -> str:
    """Draw a panel for each workload that has one; each panel has its own scale, from nought."""
    shapes: list[str] = []
    y = MARGIN
    for outcome in outcomes:
        if outcome.workload.name in PLOTTED:
            y = _panel(outcome, shapes, y)
    note = "Longer is faster; each panel has its own scale. Whole processes, page cache warm."
    shapes.append(f'<text class="note" x="{MARGIN}" y="{y + 14}">{escape(note)}</text>')
    height = y + 14 + MARGIN
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img">',
            "<title>Speed of crate-iscc beside its peers</title>",
            f"<style>{STYLE}</style>",
            f'<rect class="ground" x=".5" y=".5" width="{WIDTH - 1}" height="{height - 1}" '
            'rx="6"/>',
            *shapes,
            "</svg>\n",
        )
    )


def _panel(outcome: Outcome, shapes: list[str], y: int) -> int:
    """Draw one workload below `y` and return where it ends."""
    groups = [(group, _bars(outcome, names)) for group, names in GROUPS]
    fastest = max((bar.speed for _, bars in groups for bar in bars), default=1.0)
    title = escape(f"{outcome.workload.title}, GB/s")
    shapes.append(f'<text class="title" x="{MARGIN}" y="{y + 15}">{title}</text>')
    y += 26
    for group, bars in groups:
        for number, bar in enumerate(bars):
            base = y + 14
            if number == 0:
                shapes.append(f'<text class="group" x="{MARGIN}" y="{base}">{group}</text>')
            length = max(1.0, bar.speed / fastest * LONGEST)
            shapes += [
                f'<text x="{LABELS - 8}" y="{base}" text-anchor="end">{escape(bar.label)}</text>',
                f'<rect class="{"ours" if bar.ours else "peer"}" x="{LABELS}" y="{y + 2}" '
                f'width="{length:.1f}" height="{LINE - 5}" rx="2"/>',
                f'<text x="{LABELS + length + 6:.1f}" y="{base}">{figure(bar.speed)}</text>',
            ]
            y += LINE
        y += 8
    return y + 12
