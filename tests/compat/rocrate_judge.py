"""Asks rocrate-validator what is wrong with a crate, without a network.

    python rocrate_judge.py seed CACHE CONTEXTS          puts the contexts into its HTTP cache
    python rocrate_judge.py judge CACHE CRATE VERSION    prints the problems as a JSON list

A process of its own, because the validator and what it imports warn on their own account.
"""

import json
import sys
from pathlib import Path

from crate_iscc.validating import rocrate_judge


def seed(cache: str, contexts: str) -> None:
    """Put the contexts of a folder, one `VERSION.jsonld` each, into the validator's cache."""
    files = {
        f"https://w3id.org/ro/crate/{place.stem}/context": str(place)
        for place in Path(contexts).glob("*.jsonld")
    }
    rocrate_judge.seed(Path(cache), files)


def judge(cache: str, crate: str, version: str) -> list[str]:
    """Return every issue that the validator has with a crate of that version."""
    from rocrate_validator.models import Severity
    from rocrate_validator.services import ValidationSettings, validate

    settings = ValidationSettings(
        rocrate_uri=crate,
        profile_identifier=f"ro-crate-{version}",
        cache_path=Path(cache),
        offline=True,
        requirement_severity=Severity.REQUIRED,
    )
    result = validate(settings)
    return [f"{i.check.identifier}: {i.message} ({i.violatingEntity})" for i in result.get_issues()]


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["seed", cache_, contexts_]:
            seed(cache_, contexts_)
        case ["judge", cache_, crate_, version_]:
            sys.stdout.write(json.dumps(judge(cache_, crate_, version_)) + "\n")
        case _:
            sys.exit(__doc__)
