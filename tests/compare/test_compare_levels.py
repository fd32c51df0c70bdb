"""Two crates say how far their descriptions are apart, on a line of its own."""

import json
import shutil
from pathlib import Path

from compare.compare_kit import as_text, compared
from crate_iscc import build
from verify.verify_kit import write_files

LIVER = "Light-sheet images of liver tissue of a mouse, stained for nuclei and membranes"


def crate(place: Path, description: str, semantic: str | None = None) -> Path:
    write_files(place, {"a.txt": b"1"})
    build(place, name="Cells", description=description)
    if semantic:
        file = place / "ro-crate-metadata.json"
        raw = json.loads(file.read_text())
        root = next(entity for entity in raw["@graph"] if entity["@id"] == "./")
        old = root["identifier"]
        root["identifier"] = [*(old if isinstance(old, list) else [old]), semantic]
        file.write_text(json.dumps(raw))
    return place


def bits(a: Path, b: Path) -> int:
    _, answer = compared(a, b)
    assert answer["metadata"]["of"] == 256
    return int(answer["metadata"]["bits"])


def test_descriptions_are_compared_by_meta_codes_of_now(tmp_path: Path) -> None:
    """Alike, nearly alike, and of something else; the likeness rests on none of it."""
    one = crate(tmp_path / "a", LIVER)
    same = shutil.copytree(one, tmp_path / "same")
    near = crate(tmp_path / "near", LIVER + ".")
    far = crate(tmp_path / "far", "Survey of the vegetation of alpine meadows from the year 1911")

    assert bits(one, same) == 0
    assert 0 < bits(one, near) < bits(one, far)
    text = as_text(one, far)
    assert text.lines[0].startswith("identical payload: ")
    assert any(line.startswith("  metadata    Meta-Codes: ") for line in text.lines)


def test_only_crates_have_descriptions(tmp_path: Path) -> None:
    one = crate(tmp_path / "a", LIVER)
    two = write_files(tmp_path / "b", {"a.txt": b"1"})
    broken = write_files(tmp_path / "c", {"a.txt": b"1", "ro-crate-metadata.json": b"{"})

    for other in (two, broken):
        assert "metadata" not in compared(one, other)[1]
    assert "metadata" not in compared(one / "a.txt", two / "a.txt")[1]


def test_semantic_codes_are_compared_where_both_carry_one_of_a_kind(tmp_path: Path) -> None:
    """They are others', of 64 bits here; nothing is said where one side has none."""
    one = crate(tmp_path / "a", LIVER, "ISCC:CAA2XXV4NQUEBMHK")
    two = crate(tmp_path / "b", LIVER, "ISCC:CAA2XXV4NQUEBMHL")
    three = crate(tmp_path / "c", LIVER, "ISCC:CEA2XXV4NQUEBMHL")

    assert compared(one, two)[1]["meaning"] == {"bits": 1, "of": 64}
    line = "  meaning     Semantic-Codes that both record: 1 of 64 bits differ (of no standard)"
    assert line in as_text(one, two).lines
    assert "meaning" not in compared(one, three)[1]
    assert "meaning" not in compared(one, crate(tmp_path / "d", LIVER))[1]
