"""Makes crates as other tools write them: a workflow run, an ELN export, and a bag around a crate.

None of them knows of ISCC. Run as: python make_foreign.py DIR
"""

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from random import Random
from typing import Any

METADATA = "ro-crate-metadata.json"
Entity = dict[str, Any]


def content(name: str, size: int) -> bytes:
    """Return bytes that are the same in every run."""
    return Random(name).randbytes(size)


def metadata(name: str, entities: list[Entity], context: object) -> bytes:
    """Return the metadata file of a crate with these data entities."""
    parts = [{"@id": entity["@id"]} for entity in entities if entity["@type"] == "File"]
    graph = [
        {
            "@id": METADATA,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": name,
            "description": f"{name}, as another tool wrote it.",
            "datePublished": "2026-11-27",
            "license": "https://spdx.org/licenses/CC0-1.0",
            "hasPart": parts,
        },
        *entities,
    ]
    return json.dumps({"@context": context, "@graph": graph}, indent=2).encode("utf-8")


def write(folder: Path, files: dict[str, bytes]) -> int:
    """Write files below a folder and return how many."""
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    return len(files)


def workflow_run(folder: Path) -> int:
    """Make a crate of a workflow's run, whose files carry digests by three conventions."""
    image, mask = content("image", 300_000), content("mask", 40_000)
    log, table = b"12 cells found\n", b"cell,area\n1,523\n2,498\n"
    spdx = "http://spdx.org/rdf/terms#"
    context = [
        "https://w3id.org/ro/crate/1.1/context",
        {"sha1": "https://w3id.org/ro/terms/workflow-run#sha1", "spdx": spdx},
    ]
    entities: list[Entity] = [
        {"@id": "image.tif", "@type": "File", "sha256": hashlib.sha256(image).hexdigest()},
        {"@id": "mask.tif", "@type": "File", "sha1": hashlib.sha1(mask).hexdigest()},
        {
            "@id": "table.csv",
            "@type": "File",
            "spdx:checksum": {
                "@type": "spdx:Checksum",
                "spdx:algorithm": {"@id": "spdx:checksumAlgorithm_md5"},
                "spdx:checksumValue": hashlib.md5(table).hexdigest(),
            },
        },
        {"@id": "run.log", "@type": "File", "contentSize": str(len(log))},
        {"@id": "https://example.org/model.onnx", "@type": "File", "name": "The model"},
    ]
    files = {"image.tif": image, "mask.tif": mask, "table.csv": table, "run.log": log}
    return write(folder, {**files, METADATA: metadata("A workflow's run", entities, context)})


def eln_export(place: Path) -> int:
    """Make an export of an electronic lab notebook: a zip with one folder at its top."""
    report = b"<h1>Staining</h1>"
    digest = hashlib.sha256(report).hexdigest()
    entity = {"@id": "./staining/report.html", "@type": "File", "sha256": digest}
    crate = metadata("Staining", [entity], "https://w3id.org/ro/crate/1.1/context")
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr(f"export/{METADATA}", crate)
        archive.writestr("export/staining//report.html", report)
    return 2


def bag(folder: Path) -> int:
    """Make a BagIt bag (RFC 8493) around a crate that records no digest itself."""
    files = {"raw/cell.tif": content("cell", 200_000), "readme.txt": b"Three cells.\n"}
    entities: list[Entity] = [{"@id": name, "@type": "File"} for name in files]
    crate = metadata("Cells", entities, "https://w3id.org/ro/crate/1.1/context")
    payload = {f"data/{name}": data for name, data in {**files, METADATA: crate}.items()}
    tags = {
        "bagit.txt": b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        "bag-info.txt": b"Payload-Oxum: %d.%d\n" % (sum(map(len, payload.values())), len(payload)),
        "manifest-sha512.txt": sums(payload),
    }
    return write(folder, {**payload, **tags, "tagmanifest-sha512.txt": sums(tags)})


def sums(files: dict[str, bytes]) -> bytes:
    """Return the lines of a manifest."""
    lines = (f"{hashlib.sha512(data).hexdigest()}  {name}\n" for name, data in files.items())
    return "".join(lines).encode("utf-8")


def main() -> None:
    """Make all three."""
    folder = Path(sys.argv[1])
    made = {
        "run": workflow_run(folder / "run"),
        "bag": bag(folder / "bag"),
        "export.eln": eln_export(folder / "export.eln"),
    }
    for name, count in made.items():
        print(f"made {folder / name}: {count} files")


if __name__ == "__main__":
    main()
