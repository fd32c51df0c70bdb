"""Writes the corpus of hostile crates: DIR/<finding>/<name>/ and DIR/<finding>/<name>.zip.

    python tests/attacks/make_attacks.py DIR

The folder that a crate lies in is what `crate-iscc verify` has to say of it: the id of a finding,
`valid`, or `no-verdict` where it ends with one clear error and exit code 2.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from attack_cases import attacks
from attack_model import Attack


def make(attack: Attack, corpus: Path) -> Iterator[Path]:
    """Write what one attack consists of and yield each crate.

    What the system does not allow (a device without privileges, a name that it cannot hold) raises
    OSError.
    """
    place = corpus / attack.folder
    place.parent.mkdir(parents=True, exist_ok=True)
    if attack.directory:
        place.mkdir()
        attack.directory(place)
        yield place
    if attack.archive:
        archive = place.with_name(place.name + ".zip")
        archive.write_bytes(attack.archive())
        yield archive


def main() -> int:
    """Write the corpus to a new folder."""
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True)
    made = 0
    for attack in attacks():
        try:
            made += len(list(make(attack, corpus)))
        except OSError as error:
            print(f"not made: {attack.folder}: {error.strerror}")
    print(f"made {made} crates in {corpus}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
