"""Asks rocrate-validator what is wrong with a crate, without a network.

    python rocrate_judge.py seed CACHE CONTEXTS          puts the contexts into its HTTP cache
    python rocrate_judge.py judge CACHE CRATE VERSION    prints the problems as a JSON list

A process of its own, because the validator and what it imports warn on their own account.
"""

import io
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import requests_cache
import urllib3
from requests.adapters import HTTPAdapter


class FromFiles(HTTPAdapter):
    """A transport that answers from files, `VERSION.jsonld` for each version of RO-Crate."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        super().__init__()
        self._files = files

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the file that stands for the URL of the request."""
        answer = urllib3.HTTPResponse(
            body=io.BytesIO(self._files[request.url or ""].read_bytes()),
            headers={"Content-Type": "application/ld+json"},
            status=200,
            preload_content=False,
        )
        return self.build_response(request, answer)


def seed(cache: str, contexts: str) -> None:
    """Fetch each context once through a cached session whose transport is the files."""
    files = {
        f"https://w3id.org/ro/crate/{place.stem}/context": place
        for place in Path(contexts).glob("*.jsonld")
    }
    with requests_cache.CachedSession(cache, backend="sqlite", expire_after=-1) as session:
        session.mount("https://", FromFiles(files))
        for url in files:
            session.get(url).raise_for_status()


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
