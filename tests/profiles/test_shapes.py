"""The SHACL shapes of the BIO-CODES profile find every fault that they can, and nothing else."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rdflib import RDF, SH, Graph, URIRef

from profiles.faults import (
    BOTH,
    EXAMPLES,
    FAULTS,
    PROFILE_FOLDER,
    REQUIREMENTS,
    VARIANTS,
    Document,
    Fault,
    Style,
    example,
)

HERE = Path(__file__).parent
CONTEXTS = HERE.parents[1] / "schemas" / "ro-crate-contexts"
JUDGE = HERE / "shacl_judge.py"
SEED = HERE.parent / "compat" / "rocrate_judge.py"

Ask = Callable[..., list[Any]]
"""Asks the judge about crates: the command with its options, then what it reads."""

# What SHACL Core has, without the parts that need SPARQL, rules or scripts. A new word has to be
# put here by hand.
SHACL_CORE = {
    "alternativePath", "and", "class", "datatype", "description", "hasValue", "in", "inversePath",
    "maxCount", "message", "minCount", "minInclusive", "minLength", "name", "nodeKind", "not",
    "oneOrMorePath", "or", "path", "pattern", "property", "qualifiedMaxCount", "qualifiedMinCount",
    "qualifiedValueShape", "severity", "targetClass", "targetObjectsOf", "zeroOrMorePath",
    "zeroOrOnePath",
}  # fmt: skip


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which no network can be reached."""
    nowhere = "http://127.0.0.1:9"
    home = str(tmp_path_factory.mktemp("home"))
    return {"HOME": home, "http_proxy": nowhere, "https_proxy": nowhere, "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """Return an HTTP cache for rocrate-validator that holds RO-Crate's contexts."""
    place = tmp_path_factory.mktemp("validator") / "cache"
    subprocess.run(
        [sys.executable, SEED, "seed", place, CONTEXTS],
        env=environment,
        check=True,
        capture_output=True,
        timeout=60,
    )
    return place


@pytest.fixture(scope="module")
def ask(environment: dict[str, str]) -> Ask:
    """Return a function that asks the judge about many crates at once."""

    def asked(crates: list[Any], *arguments: str | Path) -> list[Any]:
        ended = subprocess.run(
            [sys.executable, JUDGE, *arguments],
            input=json.dumps(crates),
            env=environment,
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
        )
        assert ended.returncode == 0, ended.stderr
        answers: list[Any] = json.loads(ended.stdout.splitlines()[-1])
        return answers

    return asked


def _wrong(fault: Fault, issues: list[Any]) -> str | None:
    """Return what is wrong with the issues that a fault led to."""
    found = {(finding, level) for finding, level, _ in issues}
    may_be = {(finding, REQUIREMENTS[finding].level) for finding in fault.also}
    must_be = {(fault.finding, fault.level)} if fault.in_shacl else set()
    if must_be <= found <= must_be | may_be:
        return None
    return f"expected {sorted(must_be)}, found {sorted(found)}"


def _places(issues: list[Any]) -> set[tuple[str, str, str]]:
    return {(finding, level, entity) for finding, level, entity in issues}


# --- what the shapes find ------------------------------------------------------------------------


@pytest.mark.deep
@pytest.mark.parametrize("style", BOTH)
def test_every_fault_is_found(style: Style, ask: Ask, cache: Path) -> None:
    """A fault leads to the finding of its requirement, at its level, and to no other.

    One that metadata as RDF cannot show leads to none.
    """
    faults = [fault for fault in FAULTS if style in fault.bases]
    good = example(style)

    answers = ask([fault.of(good) for fault in faults], "validator", cache, "may")

    wrong = {
        fault.name: problem
        for fault, answer in zip(faults, answers, strict=True)
        if (problem := _wrong(fault, answer["ours"]))
    }
    assert wrong == {}


@pytest.mark.parametrize("style", BOTH)
def test_what_is_harmless_is_not_found(style: Style, ask: Ask, cache: Path) -> None:
    """The example crate satisfies every shape, MAY ones too, and so does every variant of it."""
    variants = [variant for variant in VARIANTS if style in variant.bases]
    good = example(style)

    answers = ask([variant.of(good) for variant in variants], "validator", cache, "may")

    blamed = {
        variant.name: answer["ours"]
        for variant, answer in zip(variants, answers, strict=True)
        if answer["ours"]
    }
    assert blamed == {}


def test_a_level_leaves_out_weaker_ones(ask: Ask, cache: Path) -> None:
    """At MUST level a missing licence is no issue; the missing size of the same crate is."""
    crate = _faulty("graph", "no-licence", "file-without-size", "file-without-sha256")

    must, should, may = (ask([crate], "validator", cache, x) for x in ("must", "should", "may"))

    assert _places(must[0]["ours"]) == {("file.size", "must", "raw/cell.ome.tif")}
    assert _places(should[0]["ours"]) == {
        ("file.size", "must", "raw/cell.ome.tif"),
        ("describe.license", "should", "./"),
    }
    assert len(may[0]["ours"]) == 3


def test_the_examples_pass_with_the_rules_of_their_own_version(
    tmp_path: Path, environment: dict[str, str], cache: Path
) -> None:
    """As the command of the specification asks it: the profiles are told from what crates declare.

    A crate of RO-Crate 1.1 is judged by the rules of 1.1, one of 1.3 by those of 1.3.
    """
    older = {v.name: v.of(example("graph")) for v in VARIANTS if v.name.startswith("ro-crate-")}
    crates = [EXAMPLES / "graph", EXAMPLES / "table"]
    for name, document in older.items():
        crates.append(shutil.copytree(EXAMPLES / "graph", tmp_path / name))
        (crates[-1] / "ro-crate-metadata.json").write_text(json.dumps(document), encoding="utf-8")

    for crate, version in zip(crates, ("1.3", "1.3", "1.1", "1.2"), strict=True):
        ended = subprocess.run(
            [
                *(Path(sys.executable).with_name("rocrate-validator"), "-y", "validate"),
                *("--extra-profiles-path", PROFILE_FOLDER.parents[1], "--offline"),
                *("--cache-path", cache, "--no-paging", "-f", "json", "-o", tmp_path / "out.json"),
                crate,
            ],
            env=environment,
            check=False,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        told = (tmp_path / "out.json").read_text(encoding="utf-8")
        assert f"ro-crate-{version}" in told
        assert "bio-codes-0.1" in told


def test_files_on_the_web_are_told_apart_in_a_folder_too(
    tmp_path: Path, ask: Ask, cache: Path
) -> None:
    """Whether the crate is a folder, or one that lies in a Zarr, what is local needs codes."""
    web = {"@id": "https://example.org/x.tif", "@type": "File", "name": "x.tif"}
    document = _faulty("graph", "container-without-treehash", "file-without-sha256")
    document["@graph"].append(web)
    folders = [tmp_path / "crate", tmp_path / "plate.zarr", tmp_path / "of.zarr" / "crate"]
    for folder in folders:
        shutil.copytree(EXAMPLES / "graph", folder)
        (folder / "ro-crate-metadata.json").write_text(json.dumps(document), encoding="utf-8")

    answers = ask([str(folder) for folder in folders], "validator", cache, "may")

    for answer in answers:
        assert _places(answer["ours"]) == {
            ("tree.treehash", "must", "images/cell.ome.zarr/"),
            ("file.sha256", "may", "figures/figure-1.png"),
        }


def test_other_engines_agree(ask: Ask) -> None:
    """Pyshacl alone, with nothing inferred and no extension, finds a fault of each requirement."""
    sample = list({fault.finding: fault for fault in FAULTS if fault.in_shacl}.values())
    variants = [variant for variant in VARIANTS if "container" in variant.name]
    good = [variant.of(example(variant.bases[0])) for variant in variants]

    answers = ask([*(f.of(example(f.bases[0])) for f in sample), *good], "pyshacl", CONTEXTS)

    assert len(good) > 1
    assert [_wrong(*pair) for pair in zip(sample, answers, strict=False)] == [None] * len(sample)
    assert answers[len(sample) :] == [[]] * len(good)


def _faulty(style: Style, *names: str) -> Document:
    faults = {fault.name: fault for fault in FAULTS}
    document = example(style)
    for name in names:
        document = faults[name].of(document)
    return document


# --- what rocrate-validator makes of the profile -------------------------------------------------


def test_the_profile_is_chosen_by_what_a_crate_declares(ask: Ask, cache: Path) -> None:
    """A crate of ours is checked by our profile, and by the RO-Crate version that it declares."""
    ours, theirs = ask(
        [example("graph"), _faulty("graph", "profile-not-declared")], "detect", cache
    )

    assert sorted(ours) == ["bio-codes-0.1", "ro-crate-1.3"]
    assert theirs == ["ro-crate-1.3"]


def test_the_validator_finds_the_profile_consistent(environment: dict[str, str]) -> None:
    """Its own check of profiles passes: the names of checks are unique, the version is one."""
    ended = subprocess.run(
        [
            *(Path(sys.executable).with_name("rocrate-validator"), "-y", "profiles"),
            *("--extra-profiles-path", PROFILE_FOLDER.parents[1], "check", "bio-codes-0.1"),
        ],
        env=environment,
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "PASS" in ended.stdout


# --- the shapes themselves -----------------------------------------------------------------------


def _shapes() -> dict[Path, Graph]:
    return {place: Graph().parse(place) for place in sorted(PROFILE_FOLDER.glob("*/*.ttl"))}


def test_the_shapes_are_shacl_core() -> None:
    """They use no word beyond SHACL Core: no SPARQL, no rules, no scripts, no targets of those."""
    words = {
        str(predicate).removeprefix(str(SH))
        for graph in _shapes().values()
        for predicate in graph.predicates()
        if str(predicate).startswith(str(SH))
    }

    assert words <= SHACL_CORE
    assert [p for p in PROFILE_FOLDER.rglob("*") if p.suffix in (".py", ".js", ".rq")] == []


def test_what_shapes_share_stands_in_a_file_of_its_own() -> None:
    """A check that is skipped takes what its own file defines with it; here that is nothing."""
    others = {
        subject
        for place, graph in _shapes().items()
        for subject in graph.subjects()
        if place.name != "0_definitions.ttl" and isinstance(subject, URIRef)
        if (subject, RDF.type, SH.NodeShape) not in graph
    }

    assert others == set()


def test_the_shapes_are_well_formed(ask: Ask) -> None:
    """They conform to the shapes of SHACL itself."""
    assert ask([], "well-formed") == [""]


def test_each_requirement_has_a_shape() -> None:
    """It is named after the finding, says what is expected, and lies in the folder of its level."""
    severities = {"must": SH.Violation, "should": SH.Warning, "may": SH.Info}
    found = set()
    for place, graph in _shapes().items():
        for shape in graph.subjects(RDF.type, SH.NodeShape):
            number, finding = str(graph.value(shape, SH.name)).partition(":")[0].split()
            requirement = REQUIREMENTS[finding]
            iri = f"https://w3id.org/bio-codes/ro-crate/0.1#{finding}"
            # Files and containers have shapes of their own where that is faster.
            assert str(shape) in (iri, f"{iri}.container")
            assert number == requirement.number
            assert place.parent.name == requirement.level
            assert place.name[0] == number[0]
            assert graph.value(shape, SH.severity) == severities[requirement.level]
            assert len(str(graph.value(shape, SH.description))) > 20
            expectation = "it may" if requirement.level == "may" else "expected"
            assert expectation in str(graph.value(shape, SH.message))
            found.add(finding)

    assert found == {r.finding for r in REQUIREMENTS.values() if r.in_shacl}


# --- the table of faults -------------------------------------------------------------------------


def test_every_requirement_has_faults_in_each_serialisation() -> None:
    """No requirement goes untested, and no two rows have one name."""
    tried = {(fault.finding, style) for fault in FAULTS for style in fault.bases}
    names = [row.name for row in (*FAULTS, *VARIANTS)]

    assert tried == {(finding, style) for finding in REQUIREMENTS for style in BOTH}
    assert len(names) == len(set(names))


def test_every_fault_changes_something() -> None:
    """Its edit does what it says on each example, or a file has to go instead."""
    for fault in FAULTS:
        for style in fault.bases:
            changed = fault.of(example(style)) != example(style)
            assert changed == (fault.removes is None), fault.name
