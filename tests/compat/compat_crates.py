"""Crates as others write them, for the judges to look at before and after a build."""

import json
from pathlib import Path
from typing import Any

FILES = {
    "raw/cell 1.tif": b"II*\0 one",
    "raw/cell2.tif": b"II*\0 two",
    "LICENSE.txt": b"CC0",
    "im.zarr/.zgroup": b'{"zarr_format": 2}',
    "im.zarr/0/.zarray": b'{"zarr_format": 2}',
    "im.zarr/0/0": bytes(16),
}
METADATA = "ro-crate-metadata.json"


def write_dataset(folder: Path) -> Path:
    """Write a small dataset without metadata."""
    for path, content in FILES.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return folder


def crate_of_another_tool(folder: Path, version: str) -> Path:
    """Write the dataset with metadata of that RO-Crate version, a term of its own and a DOI."""
    base = f"https://w3id.org/ro/crate/{version}"
    graph: list[dict[str, Any]] = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": base},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": "Cells",
            "description": "Two cells and an image.",
            "datePublished": "2020-05-06",
            "license": {"@id": "https://spdx.org/licenses/CC0-1.0"},
            "hasPart": [{"@id": "raw/"}],
        },
        {
            "@id": "raw/",
            "@type": "Dataset",
            "name": "raw data",
            "hasPart": [{"@id": "raw/cell%201.tif"}],
        },
        {
            "@id": "raw/cell%201.tif",
            "@type": "File",
            "name": "cell 1",
            "identifier": "https://doi.org/10.1234/cell1",
            "stain": "H&E",
        },
        {
            "@id": "https://spdx.org/licenses/CC0-1.0",
            "@type": "CreativeWork",
            "name": "CC0 1.0",
        },
    ]
    context = [f"{base}/context", {"stain": "https://example.org/terms#stain"}]
    write_dataset(folder)
    text = json.dumps({"@context": context, "@graph": graph}, indent=2)
    (folder / METADATA).write_text(text, encoding="utf-8")
    return folder


def graph_of(crate: Path) -> dict[str, dict[str, Any]]:
    """Return the entities of a crate directory by their `@id`."""
    entities = json.loads((crate / METADATA).read_bytes())["@graph"]
    return {entity["@id"]: entity for entity in entities}
