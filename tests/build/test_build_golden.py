"""The crate of a small dataset is, byte for byte, the one that is stored in golden/.

    UPDATE_GOLDENS=1 pytest tests/build/test_build_golden.py

writes the stored files anew; look at the difference before it is kept.
"""

import os
from pathlib import Path

import pytest
from build_support import MANIFEST, METADATA, NOW, write_tree

from crate_iscc import __version__, build
from crate_iscc.kernel.native import NativeKernel

GOLDEN = Path(__file__).parent / "golden"

DATASET = {
    "LICENSE.txt": b"CC0\n",
    "raw/cell 1 50% #2.ome.tif": b"II*\0" + bytes(range(256)) * 40,
    "raw/F\u00e4rbung.csv": b"label,area\n1,20\n",
    "raw/a:b[c].png": b"\x89PNG",
    "empty.bin": b"",
    "images/cell.ome.zarr/zarr.json": b'{"zarr_format": 3, "node_type": "group"}\n',
    "images/cell.ome.zarr/0/zarr.json": b'{"zarr_format": 3, "node_type": "array"}\n',
    "images/cell.ome.zarr/0/c/0/0": bytes(64),
    "scratch/notes.tmp": b"left out",
}
EXISTING = b"""\
{
\t"@context": "https://w3id.org/ro/crate/1.2/context",
\t"@graph": [
\t\t{
\t\t\t"@id": "ro-crate-metadata.json",
\t\t\t"@type": "CreativeWork",
\t\t\t"conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
\t\t\t"about": {"@id": "./"}
\t\t},
\t\t{
\t\t\t"@id": "./",
\t\t\t"@type": "Dataset",
\t\t\t"identifier": "https://doi.org/10.1234/study",
\t\t\t"name": "A study",
\t\t\t"hasPart": {"@id": "raw/"}
\t\t},
\t\t{
\t\t\t"@id": "raw/",
\t\t\t"@type": "Dataset",
\t\t\t"hasPart": []
\t\t}
\t]
}
"""


class GoldenKernel(NativeKernel):
    """The real kernel under a name that stays when a new version of its library comes."""

    name = "iscc-lib"


@pytest.mark.parametrize("case", ["new", "existing"])
def test_a_crate_is_the_stored_one(tmp_path: Path, case: str) -> None:
    """Metadata and manifest hang on nothing but the dataset, the options and the given time."""
    contents = dict(DATASET)
    if case == "existing":
        contents[METADATA] = EXISTING
    dataset = write_tree(tmp_path / "study", contents)

    build(
        dataset,
        name="Cells" if case == "new" else None,
        licence="CC-BY-4.0" if case == "new" else None,
        authors=["Ada Lovelace 0000-0002-1825-0097", "Grace Hopper"],
        excluded=["scratch/"],
        sha256=case == "new",
        now=NOW,
        kernel=GoldenKernel(),
    )

    for name in (METADATA, MANIFEST):
        made = (dataset / name).read_text(encoding="utf-8")
        _compare(_without_version(made), GOLDEN / f"{case}-{name}")


def _without_version(text: str) -> str:
    """Take the version of the software out: a release changes no other byte."""
    head, software, tail = text.partition('"@type": "SoftwareApplication"')
    return head + software + tail.replace(f'"{__version__}"', '"VERSION"')


def _compare(made: str, stored: Path) -> None:
    if os.environ.get("UPDATE_GOLDENS") == "1":
        stored.parent.mkdir(exist_ok=True)
        stored.write_text(made, encoding="utf-8", newline="")
    assert made == stored.read_bytes().decode("utf-8")
