"""Nothing that an `@id` says leads outside the root."""

import json
from pathlib import Path

import pytest
from build_lossless import compare
from build_support import (
    METADATA,
    crate_iscc,
    graph_of,
    metadata_bytes,
    paths_below,
    state_of,
    write_tree,
)

from crate_iscc import Verdict, build, verify
from file_watch import Watch, only_where_files_can_be_watched

SECRET = b"secret"

LEADING_OUT = [
    "../secret.txt",
    "./../secret.txt",
    "%2e%2e/secret.txt",
    "..%2Fsecret.txt",
    "%2E%2E%2Fsecret.txt",
    "raw/../../secret.txt",
    "raw/%2e%2e/%2e%2e/secret.txt",
    "{absolute}",
    "file://{absolute}",
    "file:{absolute}",
    "%2F..%2Fsecret.txt",
    "//localhost{absolute}",
    "../../../../../../../../../..{absolute}",
    "../secret.txt#part",
    "../secret.txt?query",
    "..",
    "../",
    "%00../secret.txt",
]
NAMES_THAT_LOOK_LIKE_IT = ["..\\secret.txt", "%252e%252e/secret.txt", "...", "raw/.../secret.txt"]
"""These name a file below the root, which is not there."""


def _crate(tmp_path: Path, entity_id: str, kind: str) -> tuple[Path, str]:
    """Write a dataset whose metadata name something outside of it, and return it and the id."""
    secret = tmp_path / "secret.txt"
    secret.write_bytes(SECRET)
    entity_id = entity_id.replace("{absolute}", str(secret))
    graph = [
        {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}},
        {
            "@id": "./",
            "@type": "Dataset",
            "hasPart": [{"@id": entity_id}],
            "license": {"@id": entity_id},
        },
        {"@id": entity_id, "@type": kind, "name": "the bait", "hasPart": {"@id": "../secret.txt"}},
    ]
    value = {"@context": "https://w3id.org/ro/crate/1.3/context", "@graph": graph}
    contents = {METADATA: json.dumps(value).encode(), "raw/a.txt": b"a"}
    return write_tree(tmp_path / "study", contents), entity_id


@only_where_files_can_be_watched
@pytest.mark.parametrize("kind", ["File", "Dataset"])
@pytest.mark.parametrize("entity_id", LEADING_OUT + NAMES_THAT_LOOK_LIKE_IT)
def test_an_id_that_leads_out_is_neither_followed_nor_changed(
    tmp_path: Path, entity_id: str, kind: str
) -> None:
    """The kernel sees what it names untouched by any build or check; the entity stays as it is."""
    dataset, entity_id = _crate(tmp_path, entity_id, kind)
    before = metadata_bytes(dataset)
    outside = state_of(tmp_path, without=frozenset())["secret.txt"]

    with Watch([tmp_path / "secret.txt"]) as watch:
        build(dataset, tmp_path / "x.zip", sha256=True)
        build(dataset, tmp_path / "x", sha256=True)
        build(dataset, sha256=True)
        report = verify(dataset)

    assert watch.seen == {}
    assert state_of(tmp_path, without=frozenset())["secret.txt"] == outside
    assert compare(before, metadata_bytes(dataset)).lost == []
    bait = {"@id": entity_id, "@type": kind, "name": "the bait"}
    assert graph_of(dataset)[entity_id] == {**bait, "hasPart": {"@id": "../secret.txt"}}
    plain = entity_id in NAMES_THAT_LOOK_LIKE_IT and "\\" not in entity_id
    unsafe = [finding.entity for finding in report.findings if finding.id == "path.unsafe"]
    assert unsafe == ([] if plain else [entity_id])
    assert report.verdict is (Verdict.VALID if plain and kind == "Dataset" else Verdict.INVALID)
    assert paths_below(tmp_path / "x") == {METADATA, "raw/", "raw/a.txt"}
    assert {place.name for place in tmp_path.iterdir()} == {"study", "x", "x.zip", "secret.txt"}


def test_secrets_do_not_get_into_copies(tmp_path: Path) -> None:
    """No byte of what a hostile crate names is in the zip."""
    dataset, _ = _crate(tmp_path, "../secret.txt", "File")

    build(dataset, tmp_path / "x.zip")

    assert SECRET not in (tmp_path / "x.zip").read_bytes().replace(b"secret.txt", b"")


def test_a_root_that_claims_to_be_elsewhere_is_the_folder_all_the_same(tmp_path: Path) -> None:
    """Payload is what lies below the folder that was named."""
    (tmp_path / "secret.txt").write_bytes(SECRET)
    value = {
        "@context": "https://w3id.org/ro/crate/1.3/context",
        "@graph": [
            {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "../"}},
            {"@id": "../", "@type": "Dataset"},
        ],
    }
    contents = {METADATA: json.dumps(value).encode(), "a.txt": b"a"}
    dataset = write_tree(tmp_path / "study", contents)

    plan = build(dataset)

    assert [file.path for file in plan.manifest.files] == ["a.txt"]
    assert paths_below(tmp_path) == {"study/", "study/a.txt", f"study/{METADATA}", "secret.txt"}


def test_control_characters_of_a_crate_do_not_reach_the_terminal(tmp_path: Path) -> None:
    """A name that would move the cursor is shown with escapes."""
    value = {
        "@context": "https://w3id.org/ro/crate/1.3/context",
        "@graph": [
            {"@id": METADATA, "@type": "CreativeWork", "about": {"@id": "./"}},
            {"@id": "./", "@type": "Dataset", "hasPart": [{"@id": "%1B%5B2J.txt"}]},
            {"@id": "%1B%5B2J.txt", "@type": "File"},
        ],
    }
    contents = {METADATA: json.dumps(value).encode(), "a\x1b[31m\n.txt": b"a"}
    dataset = write_tree(tmp_path / "study\x1b[2J", contents)

    ran = crate_iscc("build", dataset, home=tmp_path / "home")

    assert "\x1b" not in ran.stdout + ran.stderr
    assert "\\x1b[2J.txt" in ran.stdout
