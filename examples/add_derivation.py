"""Says in a crate's metadata what a file was made from, as RO-Crate has it.

    python examples/add_derivation.py CRATE RESULT OBJECT --with NAME

Adds a CreateAction (RO-Crate 1.2, "Provenance of entities") with the software as its instrument.
RESULT and OBJECT are `@id`s: of files of the crate, or of what lies elsewhere.
"""

import argparse
import json
from pathlib import Path


def main() -> None:
    """Add one action, and the software unless it is described already."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("crate", type=Path)
    parser.add_argument("result")
    parser.add_argument("object")
    parser.add_argument("--with", dest="software", required=True)
    asked = parser.parse_args()
    place = asked.crate / "ro-crate-metadata.json"
    metadata = json.loads(place.read_text(encoding="utf-8"))
    graph = metadata["@graph"]
    instrument = f"#{asked.software}"
    if instrument not in {entity["@id"] for entity in graph}:
        graph.append(
            {"@id": instrument, "@type": "SoftwareApplication", "name": asked.software}
        )  # fmt: skip
    graph.append(
        {
            "@id": f"#made-{asked.result}",
            "@type": "CreateAction",
            "name": f"Making of {asked.result}",
            "instrument": {"@id": instrument},
            "object": {"@id": asked.object},
            "result": {"@id": asked.result},
        }
    )
    place.write_text(json.dumps(metadata, indent=2, ensure_ascii=False), encoding="utf-8")
    print(f"{asked.result} was made from {asked.object} with {asked.software}")


if __name__ == "__main__":
    main()
