"""The C module is free of undefined behaviour, as far as GCC's sanitizers can tell."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "crate_iscc" / "kernel" / "_native.c"

DRIVER = """\
import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from random import Random

from crate_iscc.kernel.native import NativeKernel

path, seed = sys.argv[1], int(sys.argv[2])
name = "crate_iscc.kernel._native"
spec = spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))
native = module_from_spec(spec)
spec.loader.exec_module(native)
random = Random(seed)


def content():
    size = int(2 ** random.uniform(0, 21))
    kind = random.randrange(4)
    if kind == 0:
        pattern = random.randbytes(random.choice([1, 2, 3, 7, 64, 257, 1023, 1025, 8192]))
        return (pattern * size)[:size]
    if kind == 1:
        return random.randbytes(size) + bytes(size)
    return random.randbytes(size)


for number in range(60):
    data = content()
    expected = NativeKernel().hasher()
    expected.update(data)
    expected = expected.finish().data
    for pieces in (0, 1, 30):
        cuts = sorted(random.randrange(len(data) + 1) for _ in range(pieces))
        for ahead in (False, True):
            hasher = native.DataHasher()
            for start, end in zip([0, *cuts], [*cuts, len(data)]):
                piece = bytes(data[start:end])  # its own allocation: nothing readable behind it
                hasher.update(piece, native.chunk_ahead(piece) if ahead else b"")
            assert hasher.digest() == expected, (number, pieces, ahead)
    junk = random.randbytes(8 * random.randrange(1, 50))
    try:
        native.DataHasher().update(data, junk)
    except ValueError:
        pass
print("same")
"""


@pytest.mark.deep
@pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("gcc") is None, reason="needs GCC on Linux"
)
@pytest.mark.parametrize("level", ["-O1", "-O3"])
def test_the_sanitizers_find_nothing(tmp_path: Path, level: str) -> None:
    """No byte beyond a buffer is read, and nothing is left to the compiler's mood."""
    module = tmp_path / "_native.abi3.so"
    subprocess.run(
        [
            "gcc", "-std=c11", level, "-g", "-fPIC", "-shared", "-Wall", "-Wextra", "-Wconversion",
            "-Werror", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
            f"-I{sysconfig.get_path('include')}", str(SOURCE), "-o", str(module),
        ],
        check=True,
    )  # fmt: skip
    runtimes = [
        subprocess.run(
            ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, encoding="utf-8"
        ).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]

    ended = subprocess.run(
        [sys.executable, "-c", DRIVER, str(module), level[-1]],
        env={
            **os.environ,
            "LD_PRELOAD": " ".join(runtimes),
            "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter's own are not ours
            "PYTHONMALLOC": "malloc",  # so that the sanitizer sees where each object ends
        },
        check=False,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
    )

    assert (ended.returncode, ended.stdout) == (0, "same\n"), ended.stderr
