"""Compiles zeroc-ice 3.6.5 for the Python that runs this, and installs it: `make omero`.

omero-py needs Ice 3.6, whose last release is older than CPython 3.11: in three places its sources
ask for what is gone: a header (eval.h), a member of PyThreadState, the module imp. Nothing else
stops them from compiling. It takes a C++ compiler, the headers of OpenSSL and bzip2, and minutes of
one core.
"""

import os
import subprocess
import sys
import tarfile
import tempfile
from importlib.util import find_spec
from pathlib import Path

RELEASE = "3.6.5"
CHANGES = (
    ("src/Slice.cpp", "#include <eval.h>", ""),
    (
        "src/Util.cpp",
        "PyFrameObject *f = PyThreadState_GET()->frame;",
        "PyFrameObject *f = PyThreadState_GetFrame(PyThreadState_Get());\n"
        "    PyObjectHandle kept = reinterpret_cast<PyObject*>(f);",
    ),
    ("lib/Ice.py", "import sys, string, imp, os", "import sys, string, types, os"),
    ("lib/Ice.py", "imp.new_module(", "types.ModuleType("),
)
"""The file, what stands there, and what CPython 3.11 or 3.12 wants."""


def main() -> None:
    """Fetch, change, compile and install, unless that was done before."""
    if find_spec("IcePy") is not None:
        return
    with tempfile.TemporaryDirectory() as folder:
        pip(
            "download",
            "--no-deps",
            "--no-binary",
            "zeroc-ice",
            "-d",
            folder,
            f"zeroc-ice=={RELEASE}",
        )
        (archive,) = Path(folder).glob("zeroc*ice-*.tar.gz")
        with tarfile.open(archive) as sources:
            sources.extractall(folder, filter="data")
        tree = Path(folder) / archive.name.removesuffix(".tar.gz")
        for name, before, after in CHANGES:
            file = tree / name
            text = file.read_text(encoding="utf-8")
            if text.count(before) != 1:
                sys.exit(f"{name} is not as it was in zeroc-ice {RELEASE}: {before}")
            file.write_text(text.replace(before, after), encoding="utf-8")
        # It is compiled for a few calls: what compiles sooner is better than what runs faster.
        for flags in ("CFLAGS", "CXXFLAGS"):  # setuptools has looked at either
            os.environ[flags] = f"{os.environ.get(flags, '')} -O0 -g0"
        pip("install", "--no-deps", str(tree))


def pip(*arguments: str) -> None:
    """Run pip of this Python."""
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *arguments], check=True)


if __name__ == "__main__":
    main()
