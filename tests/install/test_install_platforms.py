"""The wheels of a release are for the platforms that they say, and the configuration makes them."""

import importlib.util
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
WORKFLOW = PROJECT / ".github" / "workflows" / "wheels.yml"
PLATFORMS = {
    "linux": {"cp311-manylinux_x86_64", "cp311-manylinux_aarch64"},
    "macos": {"cp311-macosx_x86_64", "cp311-macosx_arm64"},
    "windows": {"cp311-win_amd64", "cp311-win_arm64"},
}


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """Return hatch_build.py, which is no part of the package."""
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", PROJECT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TAGS = [
    ("linux-x86_64", {}, "linux_x86_64"),
    ("linux-aarch64", {}, "linux_aarch64"),
    ("win-amd64", {}, "win_amd64"),
    ("win-arm64", {}, "win_arm64"),
    ("win32", {}, "win32"),
    ("freebsd-14.1-release-amd64", {}, "freebsd_14_1_release_amd64"),
    # As Python itself was built, where nobody asks for anything else.
    ("macosx-11.0-arm64", {}, "macosx_11_0_arm64"),
    ("macosx-10.9-universal2", {}, "macosx_10_9_universal2"),
    # As cibuildwheel asks: it sets the platform that Python reports, too.
    (
        "macosx-11.0-arm64",
        {"ARCHFLAGS": "-arch arm64", "MACOSX_DEPLOYMENT_TARGET": "11.0"},
        "macosx_11_0_arm64",
    ),
    (
        "macosx-10.9-x86_64",
        {"ARCHFLAGS": "-arch x86_64", "MACOSX_DEPLOYMENT_TARGET": "10.9"},
        "macosx_10_9_x86_64",
    ),
    (
        "macosx-10.9-universal2",
        {"ARCHFLAGS": "-arch arm64 -arch x86_64", "MACOSX_DEPLOYMENT_TARGET": "10.9"},
        "macosx_10_9_universal2",
    ),
    # One processor of a Python for both.
    ("macosx-10.9-universal2", {"ARCHFLAGS": "-arch arm64"}, "macosx_11_0_arm64"),
    ("macosx-10.9-universal2", {"ARCHFLAGS": "-arch  x86_64"}, "macosx_10_9_x86_64"),
    ("macosx-14-arm64", {}, "macosx_14_0_arm64"),
    # A newer system than Python needs, an older one than it runs on, and a minor version.
    ("macosx-10.9-x86_64", {"MACOSX_DEPLOYMENT_TARGET": "10.15"}, "macosx_10_15_x86_64"),
    ("macosx-11.0-arm64", {"MACOSX_DEPLOYMENT_TARGET": "10.9"}, "macosx_11_0_arm64"),
    ("macosx-11.0-arm64", {"MACOSX_DEPLOYMENT_TARGET": "13.4"}, "macosx_13_0_arm64"),
]


@pytest.mark.parametrize(("platform", "environment", "tag"), TAGS)
def test_a_wheel_is_for_what_the_compiler_was_asked_for(
    hook: ModuleType, platform: str, environment: dict[str, str], tag: str
) -> None:
    """Processor and system are those of the modules, not only those of this Python."""
    assert hook._tag(platform, environment) == tag


@pytest.mark.parametrize(
    ("platform", "tag"),
    [("linux-x86_64", "linux_i686"), ("linux-aarch64", "linux_armv8l"), ("win32", "win32")],
)
def test_a_32_bit_python_gets_a_wheel_that_it_can_install(
    hook: ModuleType, platform: str, tag: str
) -> None:
    """On a 64-bit system it names the system's processor; installers expect its own."""
    assert hook._tag(platform, {}, (1 << 31) - 1) == tag


# --- cibuildwheel ------------------------------------------------------------------------------


def _workflow() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return loaded


def test_every_platform_has_a_machine_of_its_own() -> None:
    """Nothing is built where it cannot be tried: each system on each of two processors."""
    machines = _workflow()["jobs"]["wheel"]["strategy"]["matrix"]["include"]

    expected = {f"{system}-{cpu}" for system in PLATFORMS for cpu in ("x86-64", "arm64")}
    assert {machine["platform"] for machine in machines} == expected
    assert len({machine["runner"] for machine in machines}) == len(expected)


def test_the_workflow_may_publish_nothing() -> None:
    """It can read the repository, and no more."""
    workflow = _workflow()

    assert workflow["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in workflow["jobs"].values())
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")


def test_a_wheel_of_a_release_must_be_compiled_and_is_tried() -> None:
    """What cannot be compiled fails, and what is tried is a file of this tree."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    wheels = settings["tool"]["cibuildwheel"]

    assert wheels["environment"]["CRATE_ISCC_COMPILE"] == "1"
    assert (PROJECT / wheels["test-command"].removeprefix("python {project}/")).is_file()


@pytest.mark.parametrize("system", PLATFORMS)
def test_one_wheel_is_built_for_each_platform(system: str) -> None:
    """No other Python and no other C library; `pip install cibuildwheel` makes this run."""
    pytest.importorskip("cibuildwheel", reason="needs cibuildwheel: pip install cibuildwheel")

    ended = subprocess.run(
        [
            sys.executable, "-m", "cibuildwheel", "--print-build-identifiers",
            "--platform", system, "--archs", "all", str(PROJECT),
        ],
        check=True,
        capture_output=True,
        encoding="utf-8",
    )  # fmt: skip

    # 32-bit and rarer processors are not in "auto64"; here all are asked for.
    assert PLATFORMS[system] <= set(ended.stdout.split())
    assert all(name.startswith("cp311-") for name in ended.stdout.split())
    assert "musllinux" not in ended.stdout


def test_the_workflow_is_one() -> None:
    """It fits the schema of GitHub's workflows; `pip install check-jsonschema` makes this run."""
    command = shutil.which("check-jsonschema", path=str(Path(sys.executable).parent))
    if command is None:
        pytest.skip("needs check-jsonschema: pip install check-jsonschema")

    ended = subprocess.run(
        [command, "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)],
        check=False,
        capture_output=True,
        encoding="utf-8",
    )

    assert ended.returncode == 0, ended.stdout
