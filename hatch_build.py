"""Compiles the C modules when a wheel is built or the tree installed as editable.

An install never fails because of it: where there is no C compiler, or it fails, a warning says so,
and the package is pure Python and computes its codes with iscc-lib.

CRATE_ISCC_COMPILE=0 leaves the C modules out; =1 makes its absence an error, for those who publish.
"""

import os
import re
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ["src/crate_iscc/kernel/_native.c", "src/crate_iscc/hamming/_hamming.c"]
if os.name == "posix":
    SOURCES.append("src/crate_iscc/sources/_reading.c")
LIMITED_API = "cp311"
"""The first Python whose stable ABI the C files ask for: Py_LIMITED_API in its first lines."""


class CompileKernel(BuildHookInterface[Any]):
    """Adds compiled modules to a wheel, or puts them beside their sources: editable installs."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the wheel after the platform if that went well."""
        wish = os.environ.get("CRATE_ISCC_COMPILE", "")
        if self.target_name != "wheel" or wish == "0":
            return
        sources = [Path(self.root) / source for source in SOURCES]
        try:
            _check_python()
            # The folder lives until finalize: hatchling takes the files from it in between.
            self._built = TemporaryDirectory(prefix="crate-iscc-")
            made = [_compile(source, Path(self._built.name)) for source in sources]
        except Exception as error:
            # Whatever a compiler, a linker or a missing header can end in.
            if wish == "1":
                raise
            self.app.display_warning(
                f"crate-iscc: the C modules were not compiled ({type(error).__name__}: {error}). "
                "The package works without it and computes its codes with iscc-lib, more slowly."
            )
            return
        compiled = [module for module, _ in made]
        if version == "editable":
            for source, module in zip(sources, compiled, strict=True):
                module.replace(source.with_name(module.name))
            build_data["infer_tag"] = False
            return
        for source, module in zip(sources, compiled, strict=True):
            place = f"crate_iscc/{source.parent.name}/{module.name}"
            build_data["force_include"][str(module)] = place
        build_data["pure_python"] = False
        build_data["tag"] = f"{LIMITED_API}-abi3-{_tag(made[0][1], os.environ)}"

    def finalize(self, *_build: object) -> None:
        """Remove what was compiled for the wheel."""
        if hasattr(self, "_built"):
            self._built.cleanup()


def _check_python() -> None:
    """Raise an error where a wheel of the stable ABI could not be installed."""
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        raise RuntimeError("this Python does not have the stable ABI of CPython")


def _compile(source: Path, folder: Path) -> tuple[Path, str]:
    """Return the module and its platform; it is compiled by what setuptools finds on the system."""
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    extension = Extension(
        f"crate_iscc.{source.parent.name}.{source.stem}",
        [source.name],
        py_limited_api=True,
        extra_compile_args=["/O2", "/std:c11"] if os.name == "nt" else ["-std=c11", "-O3", "-g0"],
    )
    command = build_ext(Distribution({"name": "crate-iscc", "ext_modules": [extension]}))
    command.build_lib = command.build_temp = str(folder)
    command.ensure_finalized()
    # A relative source keeps the paths of this machine out of the module.
    before = Path.cwd()
    os.chdir(source.parent)
    try:
        command.run()
    finally:
        os.chdir(before)
    return Path(command.get_ext_fullpath(extension.name)), str(command.plat_name)


def _tag(platform: str, environment: Mapping[str, str], bits: int = sys.maxsize) -> str:
    """Return the platform tag of a wheel, from what setuptools calls the platform.

    An installer refuses a wheel that promises less than it needs, or names what does not run there.
    """
    if platform.startswith("macosx-"):
        platform = _macos(platform, environment)
    elif bits < 1 << 32:  # a 32-bit Python knows only the processor that the system runs on
        platform = {"linux-x86_64": "linux-i686", "linux-aarch64": "linux-armv8l"}.get(
            platform, platform
        )
    return re.sub("[-.]", "_", platform)


def _macos(platform: str, environment: Mapping[str, str]) -> str:
    """Return the platform as ARCHFLAGS and MACOSX_DEPLOYMENT_TARGET change it for the compiler.

    What setuptools says is what Python itself was built for: often both processors.
    """
    _, version, processor = platform.split("-")
    asked = set(re.findall(r"-arch\s+(\S+)", environment.get("ARCHFLAGS", "")))
    if asked:
        processor = "universal2" if asked == {"arm64", "x86_64"} else "-".join(sorted(asked))
    target = environment.get("MACOSX_DEPLOYMENT_TARGET", "")
    numbers = max(_numbers(version), _numbers(target))
    if processor == "arm64":
        numbers = max(numbers, (11, 0))  # the first on that processor
    major, minor = numbers
    # From 11 on, minor versions are none of the tag's business: installers look for 0.
    return f"macosx-{major}.{minor if major < 11 else 0}-{processor}"


def _numbers(version: str) -> tuple[int, int]:
    major, minor, *_ = [*map(int, version.split(".") if version else []), 0, 0]
    return major, minor
