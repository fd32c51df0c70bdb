"""The test vectors of the format hold, by the package and by code that shares none of it."""

import json
import unicodedata
from pathlib import Path
from typing import Any

import iscc_lib
import pytest
from blake3 import blake3

import crate_iscc

REPOSITORY = Path(__file__).parents[2]
VECTORS: list[dict[str, Any]] = json.loads(
    (REPOSITORY / "docs" / "format-vectors.json").read_text(encoding="utf-8")
)["trees"]


def write_tree(files: dict[str, str], root: Path) -> None:
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8"))


def walk(files: dict[str, str], folder: str = "") -> list[str]:
    """Order paths as IEP-0017 words it: ignore files, other files, then folder by folder."""

    def rank(name: str) -> tuple[bytes, bytes]:
        return unicodedata.normalize("NFC", name).encode(), name.encode()

    below = [path[len(folder) :] for path in files if path.startswith(folder)]
    names = sorted((path for path in below if "/" not in path), key=rank)
    ignore = [name for name in names if name.startswith(".") and name.endswith("ignore")]
    folders = sorted({path.split("/")[0] for path in below if "/" in path}, key=rank)
    order = [folder + name for name in ignore + [n for n in names if n not in ignore]]
    for name in folders:
        order += walk(files, f"{folder}{name}/")
    return order


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_the_package_computes_the_vectors(vector: dict[str, Any], tmp_path: Path) -> None:
    """Every file's codes, the tree ISCC-SUM and the treehash are those of the published vectors."""
    write_tree(vector["files"], tmp_path)

    manifest = crate_iscc.fingerprint(tmp_path)

    assert manifest.root.iscc is not None
    assert manifest.root.iscc.iscc() == vector["tree_iscc"]
    assert manifest.root.treehash == vector["treehash"]
    assert {
        file.path: [file.fingerprint.iscc(), file.fingerprint.datahash] for file in manifest.files
    } == vector["codes"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["name"]))
def test_independent_code_computes_the_vectors(vector: dict[str, Any]) -> None:
    """FORMAT, "The whole crate": both codes follow from the text of the format alone."""
    files: dict[str, str] = vector["files"]

    tree = iscc_lib.SumHasher(b"".join(files[path].encode() for path in walk(files)))
    records = b"".join(
        b"%s\0%d\x001e20%s\n"
        % (
            path.encode(),
            len(files[path].encode()),
            blake3(files[path].encode()).hexdigest().encode(),
        )
        for path in sorted(files, key=str.encode)
    )

    assert tree.finalize(bits=256, wide=True)["iscc"] == vector["tree_iscc"]
    assert "1e20" + blake3(records).hexdigest() == vector["treehash"]
