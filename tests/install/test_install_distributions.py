"""What is built from this tree installs, finds its data, and runs: wheel, sdist and editable."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

from crate_iscc import __version__
from crate_iscc.resources import schema_text

PROJECT = Path(__file__).parents[2]
CHECK_WHEEL = PROJECT / "tests" / "install" / "check_wheel.py"
SCHEMA = (PROJECT / "schemas" / "report.schema.json").read_text(encoding="utf-8")

PRINT_WHERE_AND_SCHEMA = """\
import crate_iscc
from crate_iscc.resources import schema_text
print(crate_iscc.__file__)
print(schema_text("report"), end="")
"""


@dataclass(frozen=True)
class Distributions:
    """The files that a release would upload."""

    sdist: Path
    wheel: Path


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Return an sdist of this tree, and the wheel that is built from it where a compiler is."""
    if not _has_compiler():
        pytest.skip("there is no C compiler here")
    return _built(tmp_path_factory.mktemp("compiled"), CRATE_ISCC_COMPILE="1")


@pytest.fixture(scope="session")
def pure(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """Return an sdist of this tree, and the wheel that is built from it with a failing compiler."""
    out = tmp_path_factory.mktemp("pure")
    return _built(out, CC=str(out / "no-compiler"), CRATE_ISCC_COMPILE="")


@pytest.fixture(scope="session", params=["compiled", "pure"])
def distributions(request: pytest.FixtureRequest) -> Distributions:
    """Return both kinds of distributions, one after the other."""
    made: Distributions = request.getfixturevalue(request.param)
    return made


def _has_compiler() -> bool:
    command = (os.environ.get("CC") or sysconfig.get_config_var("CC") or "").split()
    return bool(command) and shutil.which(command[0]) is not None


def _built(out: Path, **environment: str) -> Distributions:
    """Return an sdist of this tree, and the wheel that is built from that sdist.

    Where the build back-end is not installed, `build` fetches it into an environment of its own.
    """
    here = all(importlib.util.find_spec(name) is not None for name in ("hatchling", "setuptools"))
    _run(
        [sys.executable, "-m", "build", *["--no-isolation"] * here, "--outdir", out, PROJECT],
        cwd=out,
        **environment,
    )
    (sdist,) = out.glob("*.tar.gz")
    (wheel,) = out.glob("*.whl")
    return Distributions(sdist, wheel)


@pytest.fixture(scope="session")
def installed(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of programs of a fresh environment with the wheel installed in it.

    Its dependencies are those of the running environment, by a .pth file: that adds the folder
    but does not act on the .pth files in it, so the editable install is not seen.
    """
    place = tmp_path_factory.mktemp("environment") / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    paths = sysconfig.get_paths(vars={"base": str(place), "platbase": str(place)}, scheme="venv")
    dependencies = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(paths["purelib"]) / "dependencies.pth").write_text("\n".join(dependencies) + "\n")
    programs = Path(paths["scripts"])
    _run(
        [
            sys.executable, "-m", "pip", "--python", programs / "python", "install",
            "--no-deps", "--no-index", "--ignore-installed", "--disable-pip-version-check",
            distributions.wheel,
        ],
        cwd=place,
    )  # fmt: skip
    return programs


def _run(command: Sequence[str | Path], *, cwd: Path, **environment: str) -> str:
    """Run a command away from this tree and return what it prints."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST", "COV"))}
    ended = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=kept | environment,
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return Parser().parsestr(archive.read(name).decode("utf-8"))


# --- what is in them ---------------------------------------------------------------------------


def test_the_wheel_holds_every_module(distributions: Distributions) -> None:
    """No module of the source tree is left out, and none is added."""
    modules = {
        place.relative_to(PROJECT / "src").as_posix() for place in (PROJECT / "src").rglob("*.py")
    }

    assert {name for name in _members(distributions.wheel) if name.endswith(".py")} == modules


def test_the_wheel_holds_the_type_marker_the_schemas_and_the_licence(
    distributions: Distributions,
) -> None:
    """Type checkers use the annotations; reports can be checked; the terms come along."""
    members = _members(distributions.wheel)

    assert "crate_iscc/py.typed" in members
    assert "crate_iscc/_data/schemas/report.schema.json" in members
    assert "crate_iscc/_data/schemas/similar.schema.json" in members
    assert "crate_iscc/_data/schemas/ro-crate-contexts/1.3.jsonld" in members
    assert "crate_iscc/_data/profiles/bio-codes/0.1/profile.ttl" in members
    assert f"crate_iscc-{__version__}.dist-info/licenses/LICENSE" in members


def test_the_wheel_holds_nothing_else(distributions: Distributions) -> None:
    """No test, cache or note gets into an installation."""
    plugin = "omero/plugins/iscc.py"  # the OMERO command line looks for it there
    allowed = ("crate_iscc/", f"crate_iscc-{__version__}.dist-info/", plugin)
    members = _members(distributions.wheel)

    assert all(name.startswith(allowed) for name in members)
    assert not [name for name in members if "__pycache__" in name or name.endswith(".pyc")]


def test_a_compiled_wheel_is_for_its_platform_and_every_later_python(
    compiled: Distributions,
) -> None:
    """Its modules are of the stable ABI, and its tag says so."""
    version, python, abi, platform = compiled.wheel.stem.split("-")[1:]
    modules = {name for name in _members(compiled.wheel) if name.endswith((".so", ".pyd"))}

    assert (version, python, abi) == (__version__, "cp311", "abi3")
    assert platform == sysconfig.get_platform().replace("-", "_").replace(".", "_")
    if os.name == "posix":
        assert modules == {
            "crate_iscc/hamming/_hamming.abi3.so",
            "crate_iscc/kernel/_native.abi3.so",
            "crate_iscc/sources/_reading.abi3.so",
        }
    else:
        assert modules == {
            "crate_iscc/hamming/_hamming.pyd",
            "crate_iscc/kernel/_native.pyd",
        }


def test_a_compiled_wheel_passes_the_check_of_published_wheels(
    compiled: Distributions, tmp_path: Path
) -> None:
    """What cibuildwheel and the workflow run on each platform works."""
    printed = _run([sys.executable, CHECK_WHEEL, compiled.wheel.parent], cwd=tmp_path)

    assert printed == "sound\n"


def test_a_wheel_without_modules_does_not_pass_for_a_published_one(
    pure: Distributions, tmp_path: Path
) -> None:
    """The check can fail: it would not let a pure wheel be taken for a compiled one."""
    with pytest.raises(AssertionError, match="py3-none-any"):
        _run([sys.executable, CHECK_WHEEL, pure.wheel.parent], cwd=tmp_path)


def test_a_wheel_without_a_compiler_is_for_any_platform(pure: Distributions) -> None:
    """An install does not fail where there is no compiler: iscc-lib then does the work."""
    assert pure.wheel.name == f"crate_iscc-{__version__}-py3-none-any.whl"
    assert not [name for name in _members(pure.wheel) if name.endswith((".so", ".pyd"))]


def test_a_wheel_that_must_be_compiled_is_not_made_without_a_compiler(tmp_path: Path) -> None:
    """Whoever publishes wheels asks for it, and gets an error instead of a pure wheel."""
    with pytest.raises(AssertionError, match="no-compiler"):
        _built(tmp_path, CC=str(tmp_path / "no-compiler"), CRATE_ISCC_COMPILE="1")


def test_the_wheel_says_what_it_needs(distributions: Distributions) -> None:
    """Version, Python and the dependencies are those of pyproject.toml; extras stay optional."""
    metadata = _metadata(distributions.wheel)

    needed = [r for r in metadata.get_all("Requires-Dist", []) if "extra ==" not in r]
    names = {requirement.split(">")[0].split("<")[0] for requirement in needed}
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert {"blake3", "iscc-core", "iscc-lib", "jsonschema", "rich", "rocrate", "typer"} <= names
    assert names.isdisjoint({"zarr", "tifffile", "fsspec", "roc-validator", "scikit-image"})


def test_the_sdist_holds_what_the_tests_need(distributions: Distributions) -> None:
    """Whoever packages it can run them: tests with their data, examples, schemas, documents."""
    with tarfile.open(distributions.sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {
        "pyproject.toml",
        "hatch_build.py",
        "src/crate_iscc/kernel/_native.c",
        "src/crate_iscc/hamming/_hamming.c",
        "src/crate_iscc/kernel/_blake3.h",
        "src/crate_iscc/kernel/_blake3_lanes.h",
        "src/crate_iscc/kernel/_chunk_lanes.h",
        "src/crate_iscc/sources/_reading.c",
        "tests/install/check_wheel.py",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
        "schemas/report.schema.json",
        "examples/make_study.py",
        "profiles/bio-codes/0.1/profile.ttl",
        "action.yml",
        ".pre-commit-hooks.yaml",
        "tests/conftest.py",
        "schemas/ro-crate-contexts/1.3.jsonld",
        "tests/build/golden/new-ro-crate-metadata.json",
        "src/crate_iscc/py.typed",
    } <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(".venv")]
    assert not [name for name in names if name.endswith((".so", ".pyd"))]


# --- that they work ----------------------------------------------------------------------------


def test_an_installed_wheel_finds_its_schemas(installed: Path, tmp_path: Path) -> None:
    """The text is that of the source tree, read from inside the installation."""
    printed = _run([installed / "python", "-c", PRINT_WHERE_AND_SCHEMA], cwd=tmp_path)

    where, _, schema = printed.partition("\n")
    assert Path(where).is_relative_to(installed.parent)
    assert schema == SCHEMA


def test_an_unpacked_sdist_finds_its_schemas(distributions: Distributions, tmp_path: Path) -> None:
    """A source tree works where it lies, without an installation."""
    with tarfile.open(distributions.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    tree = tmp_path / f"crate_iscc-{__version__}"

    printed = _run(
        [sys.executable, "-c", PRINT_WHERE_AND_SCHEMA], cwd=tmp_path, PYTHONPATH=str(tree / "src")
    )

    where, _, schema = printed.partition("\n")
    assert Path(where).is_relative_to(tree)
    assert schema == SCHEMA


def test_the_package_under_test_finds_its_schemas() -> None:
    """However it was installed here, editable most of the time."""
    assert schema_text("report") == SCHEMA


def test_an_installed_wheel_has_the_command(
    installed: Path, distributions: Distributions, tmp_path: Path
) -> None:
    """It names its version and its kernel."""
    printed = _run([installed / "crate-iscc", "--version"], cwd=tmp_path)

    expected = "iscc-lib " if distributions.wheel.stem.endswith("-any") else "crate-iscc-c "
    assert printed.startswith(f"crate-iscc {__version__} (kernel {expected}")


def test_an_installed_wheel_is_checked_by_what_cibuildwheel_runs(
    installed: Path, distributions: Distributions, tmp_path: Path
) -> None:
    """A compiled one is sound; a pure one is not what should be published."""
    command = [installed / "python", CHECK_WHEEL]

    if distributions.wheel.stem.endswith("-any"):
        with pytest.raises(AssertionError, match="kernel iscc-lib"):
            _run(command, cwd=tmp_path)
    else:
        assert _run(command, cwd=tmp_path) == "sound\n"


def test_an_installed_wheel_runs_as_a_module(installed: Path, tmp_path: Path) -> None:
    """`python -m crate_iscc` is the same command."""
    printed = _run([installed / "python", "-m", "crate_iscc", "--version"], cwd=tmp_path)

    assert printed.startswith(f"crate-iscc {__version__} ")


def test_an_installed_wheel_builds_and_verifies(installed: Path, tmp_path: Path) -> None:
    """The whole way on a dataset, away from the source tree."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "a.txt").write_bytes(b"a")
    home = {"XDG_CACHE_HOME": str(tmp_path / "cache")}

    _run([installed / "crate-iscc", "build", "study"], cwd=tmp_path, **home)
    report = _run(
        [installed / "crate-iscc", "verify", "study", "--format", "json"], cwd=tmp_path, **home
    )

    assert json.loads(report)["verdict"] == "valid"


def test_an_installed_wheel_validates_and_knows_its_profiles(
    installed: Path, tmp_path: Path
) -> None:
    """Schema, contexts and profile are read from inside the installation."""
    example = PROJECT / "profiles" / "bio-codes" / "0.1" / "examples" / "graph"

    report = _run(
        [installed / "crate-iscc", "validate", example, "--base", "--format", "json"], cwd=tmp_path
    )
    place = Path(_run([installed / "crate-iscc", "profile", "path"], cwd=tmp_path).strip())

    assert json.loads(report)["verdict"] == "valid"
    assert place.is_relative_to(installed.parent)
    assert (place / "bio-codes" / "0.1" / "must").is_dir()


def test_an_installed_wheel_is_typed(installed: Path, tmp_path: Path) -> None:
    """A strict type checker finds the annotations of the API, and nothing amiss in their use."""
    program = tmp_path / "ingest.py"
    program.write_text(
        "from crate_iscc import Report, verify\n"
        "def accept(path: str) -> Report:\n"
        "    return verify(path)\n",
        encoding="utf-8",
    )

    printed = _run(
        [
            sys.executable, "-m", "mypy", "--strict", "--python-executable", installed / "python",
            "--cache-dir", tmp_path / "cache", program,
        ],
        cwd=tmp_path,
    )  # fmt: skip

    assert printed.startswith("Success")
