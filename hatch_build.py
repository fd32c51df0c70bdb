"""Compiles the two C modules when a wheel is built or the tree installed as editable.

An install never fails because of it: where there is no C compiler, or it fails, a warning says so,
and the package is pure Python and computes its codes with iscc-lib.

CRATE_ISCC_COMPILE=0 leaves the C modules out; =1 makes its absence an error, for those who publish.
"""

import os
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCES = ["src/crate_iscc/kernel/_native.c"]
if os.name == "posix":
    SOURCES.append("src/crate_iscc/sources/_reading.c")
LIMITED_API = "cp311"
"""The first Python whose stable ABI the C files ask for: Py_LIMITED_API in its first lines."""


class CompileKernel(BuildHookInterface[Any]):
    """Adds compiled modules to a wheel, or puts them beside their sources for an editable install."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and name the wheel after the platform if that went well."""
        wish = os.environ.get("CRATE_ISCC_COMPILE", "")
        if self.target_name != "wheel" or wish == "0":
            return
        sources = [Path(self.root) / source for source in SOURCES]
        try:
            # The folder lives until finalize: hatchling takes the files from it in between.
            self._built = TemporaryDirectory(prefix="crate-iscc-")
            compiled = [_compile(source, Path(self._built.name)) for source in sources]
        except Exception as error:
            # Whatever a compiler, a linker or a missing header can end in.
            if wish == "1":
                raise
            self.app.display_warning(
                f"crate-iscc: the C modules were not compiled ({type(error).__name__}: {error}). "
                "The package works without it and computes its codes with iscc-lib, more slowly."
            )
            return
        if version == "editable":
            for source, module in zip(sources, compiled, strict=True):
                module.replace(source.with_name(module.name))
            build_data["infer_tag"] = False
            return
        for source, module in zip(sources, compiled, strict=True):
            place = f"crate_iscc/{source.parent.name}/{module.name}"
            build_data["force_include"][str(module)] = place
        build_data["pure_python"] = False
        build_data["tag"] = f"{LIMITED_API}-abi3-{_platform()}"

    def finalize(self, *_build: object) -> None:
        """Remove what was compiled for the wheel."""
        if hasattr(self, "_built"):
            self._built.cleanup()


def _compile(source: Path, folder: Path) -> Path:
    """Return the module, compiled by what setuptools finds: cc, clang, or Visual C++."""
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
    return Path(command.get_ext_fullpath(extension.name))


def _platform() -> str:
    """Return the platform tag of what the compiler made: macOS has to say for which processor."""
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")
