"""Asks rocrate-validator what is wrong with metadata, offline: a program of its own.

It reads a JSON object from stdin: `metadata` (a document), `names` (of files and folders that are
there), `version` (of RO-Crate), `severity` (REQUIRED, RECOMMENDED, OPTIONAL), `contexts` (URL ->
path of the context's file). It writes a JSON list of issues. A process of its own, because the
validator logs, warns and changes the process that it runs in.
"""

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
import requests_cache
import urllib3
from requests.adapters import HTTPAdapter


class _FromFiles(HTTPAdapter):
    """A transport that answers from files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        super().__init__()
        self._files = files

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """Return the file that stands for the URL of the request."""
        answer = urllib3.HTTPResponse(
            body=io.BytesIO(Path(self._files[request.url or ""]).read_bytes()),
            headers={"Content-Type": "application/ld+json"},
            status=200,
            preload_content=False,
        )
        return self.build_response(request, answer)


def seed(cache: Path, contexts: Mapping[str, str]) -> None:
    """Fill the validator's HTTP cache with contexts (URL -> file), without a network."""
    with requests_cache.CachedSession(cache, backend="sqlite", expire_after=-1) as session:
        session.mount("https://", _FromFiles(contexts))
        for url in contexts:
            session.get(url).raise_for_status()


def judge(
    metadata: dict[str, Any],
    names: list[str],
    version: str,
    severity: str,
    contexts: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the issues that the validator has with a document."""
    from rocrate_validator.models import Severity
    from rocrate_validator.services import ValidationSettings, validate

    # Metadata without a folder would count as a crate on the web. Files are there, but empty.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as elsewhere:
        cache = Path(elsewhere) / "contexts"
        seed(cache, contexts)
        settings = ValidationSettings(
            rocrate_uri=folder,
            profile_identifier=f"ro-crate-{version}",
            cache_path=cache,
            offline=True,
            requirement_severity=Severity[severity],
        )
        place = Path(folder) / "ro-crate-metadata.json"
        place.write_text(json.dumps(metadata), encoding="utf-8")
        for name in names:
            with contextlib.suppress(OSError):  # a name that this disk cannot hold
                _make(Path(folder) / name, is_folder=name.endswith("/"))
        result = validate(settings)
        return [
            {
                "severity": issue.severity.name,
                "check": issue.check.identifier,
                "message": issue.message or "",
                "entity": str(issue.violatingEntity or ""),
            }
            for issue in result.get_issues()
        ]


def _make(place: Path, *, is_folder: bool) -> None:
    (place if is_folder else place.parent).mkdir(parents=True, exist_ok=True)
    if not is_folder:
        place.touch()


if __name__ == "__main__":
    results = sys.stdout
    sys.stdout = sys.stderr  # what the validator prints is not the result
    results.write(json.dumps(judge(**json.load(sys.stdin))) + "\n")
