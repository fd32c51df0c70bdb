"""A small report in each format is, byte for byte, the one that is stored in golden/.

    UPDATE_GOLDENS=1 pytest tests/render/test_render_golden.py

writes the stored files anew; look at the difference before it is kept.
"""

import os
from pathlib import Path

import pytest

from crate_iscc.render.formats import FORMATS, rendered
from crate_iscc.render.html_style import STYLE
from render.render_kit import DAMAGE, UNREAD, verification

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_report_is_the_stored_one(format_: str) -> None:
    """What consumers parse and people read changes only on purpose."""
    report = verification([DAMAGE[1], UNREAD], ignored=(("bytes.extra", 2),))
    made = rendered(report, format_).replace(STYLE, "STYLE")
    stored = GOLDEN / f"report.{format_}"
    if os.environ.get("UPDATE_GOLDENS") == "1":
        stored.parent.mkdir(exist_ok=True)
        stored.write_text(made, encoding="utf-8", newline="")
    assert made == stored.read_bytes().decode("utf-8")
