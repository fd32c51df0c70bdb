"""The C modules are right with other compilers, for other systems, and on other processors.

On Debian, what these tests need comes with: apt-get install clang gcc-mingw-w64-x86-64 qemu-user
gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross; and with
pip install ziglang, a C compiler that brings the headers of macOS and of Windows.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from random import Random

import pytest
from blake3 import blake3

from crate_iscc.kernel.native import NativeKernel

pytestmark = pytest.mark.deep

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "src" / "crate_iscc"
KERNEL = PACKAGE / "kernel" / "_native.c"
READING = PACKAGE / "sources" / "_reading.c"
ELSEWHERE = Path(__file__).parent / "elsewhere"
HEADERS = sysconfig.get_path("include")
AS_ON_WINDOWS = ["-include", str(ELSEWHERE / "windows.h"), f"-isystem{HEADERS}"]
STRICT = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror"]

on_linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="cross-compiles on Linux"
)


def needs(command: str) -> str:
    """Return a command's name, or skip the test where it is not installed."""
    if shutil.which(command) is None:
        pytest.skip(f"needs {command}: see the first lines of this file")
    return command


def run(*command: str | Path, **environment: str) -> str:
    """Run a command that has to succeed, and return what it prints."""
    ended = subprocess.run(
        command,
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **environment},
        timeout=1800,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


# --- other compilers ---------------------------------------------------------------------------


@on_linux
@pytest.mark.parametrize("macros", [[], ["-DCRATE_ISCC_PLAIN_C"]], ids=["all", "plain-c"])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_each_compiler_makes_a_kernel_that_passes_all_tests(
    tmp_path: Path, compiler: str, macros: list[str]
) -> None:
    """With what the compiler has beyond C11, and without: Visual C++ has nothing of it."""
    package = tmp_path / "crate_iscc"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    module = package / "kernel" / "_native.abi3.so"
    run(
        needs(compiler), *STRICT, *macros, "-Wconversion", "-fPIC", "-shared", "-O3",
        f"-isystem{HEADERS}", KERNEL, "-o", module,
    )  # fmt: skip
    where = run(
        sys.executable, "-c", "import crate_iscc.kernel._native as m; print(m.__file__)",
        PYTHONPATH=str(tmp_path),
    )  # fmt: skip
    assert Path(where.strip()) == module

    printed = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not deep",
        f"--rootdir={PROJECT}", Path(__file__).with_name("test_compiled.py"),
        PYTHONPATH=str(tmp_path),
    )  # fmt: skip

    assert " passed" in printed
    assert "skipped" not in printed


# --- other systems -----------------------------------------------------------------------------


@on_linux
@pytest.mark.parametrize("macros", [[], ["-DCRATE_ISCC_PLAIN_C"]], ids=["all", "plain-c"])
def test_the_kernel_compiles_for_windows_with_gcc(tmp_path: Path, macros: list[str]) -> None:
    """Its long has 32 bits, and its functions are imported from a DLL."""
    run(
        needs("x86_64-w64-mingw32-gcc"), *STRICT, *macros, "-c",
        *AS_ON_WINDOWS, KERNEL, "-o", tmp_path / "_native.o",
    )  # fmt: skip


@on_linux
def test_the_kernel_compiles_as_for_visual_c() -> None:
    """Clang plays Visual C++, which has no __GNUC__: neither extensions nor VLAs are used."""
    headers = Path("/usr/x86_64-w64-mingw32/include")
    if not headers.is_dir():
        pytest.skip("needs the headers of mingw-w64: see the first lines of this file")

    run(
        needs("clang"), "--target=x86_64-pc-windows-msvc", *STRICT, "-fsyntax-only",
        "-Wno-unused-parameter", "-Wgnu", "-Wvla", "-Wlanguage-extension-token",
        "-Wshorten-64-to-32",
        f"-isystem{headers}", *AS_ON_WINDOWS, KERNEL,
    )  # fmt: skip


@on_linux
@pytest.mark.parametrize("target", ["x86_64-windows-gnu", "aarch64-windows-gnu"])
def test_the_kernel_compiles_for_windows_with_clang(tmp_path: Path, target: str) -> None:
    """For both processors."""
    pytest.importorskip("ziglang", reason="needs ziglang: pip install ziglang")

    run(
        sys.executable, "-m", "ziglang", "cc", "-target", target, *STRICT, "-c",
        *AS_ON_WINDOWS, KERNEL, "-o", tmp_path / "_native.o",
    )  # fmt: skip


@on_linux
@pytest.mark.parametrize("source", [KERNEL, READING], ids=["kernel", "reading"])
@pytest.mark.parametrize("target", ["x86_64-macos", "aarch64-macos"])
def test_both_modules_compile_and_link_for_macos(tmp_path: Path, target: str, source: Path) -> None:
    """What they use of POSIX is there, under the names that macOS has for it."""
    pytest.importorskip("ziglang", reason="needs ziglang: pip install ziglang")

    run(
        sys.executable, "-m", "ziglang", "cc", "-target", target, *STRICT, "-shared",
        "-undefined", "dynamic_lookup", f"-isystem{HEADERS}", source, "-o", tmp_path / "module.so",
    )  # fmt: skip


# --- other processors --------------------------------------------------------------------------

SIZES = [
    *(0, 1, 3, 15, 16, 17, 63, 64, 65, 255, 256, 257, 639, 640, 641, 1023, 1024, 1025, 2047, 2048),
    *(2049, 3072, 4096, 5000, 8191, 8192, 8193, 16_385, 31_744, 100_000, 0, 300_000),
]


@on_linux
@pytest.mark.parametrize("macros", [[], ["-DCRATE_ISCC_PLAIN_C"]], ids=["all", "plain-c"])
@pytest.mark.parametrize("processor", ["x86_64", "aarch64", "s390x"])
@pytest.mark.parametrize("kind", ["random", "zeros", "periodic"])
def test_every_processor_computes_the_same(
    tmp_path: Path, processor: str, kind: str, macros: list[str]
) -> None:
    """Little-endian or big-endian (s390x), by an emulator where it is another one."""
    program = tmp_path / "digests"
    emulator = [] if processor == "x86_64" else [needs(f"qemu-{processor}")]
    run(
        needs(f"{processor}-linux-gnu-gcc"), *STRICT, *macros, "-Wno-unused", "-static", "-O3",
        f"-I{KERNEL.parent}", f"-isystem{HEADERS}", ELSEWHERE / "digests.c", "-o", program,
        "-Wl,--unresolved-symbols=ignore-all",
    )  # fmt: skip
    content = contents(kind, sum(SIZES) + 700_000)
    (tmp_path / "content").write_bytes(content)

    printed = run(*emulator, program, tmp_path / "content", "150001", *map(str, SIZES))

    ends = [sum(SIZES[: number + 1]) for number in range(len(SIZES))]
    files = [content[end - size : end] for size, end in zip(SIZES, ends, strict=True)]
    assert printed.split() == [
        *[data_code(content)] * 2,
        *map(data_code, files),
        *(blake3(file).hexdigest() for file in files),
    ]


def contents(kind: str, size: int) -> bytes:
    """Return bytes of a kind."""
    pattern = bytes(1) if kind == "zeros" else Random(size).randbytes(size)
    if kind == "periodic":
        pattern = pattern[:1025]
    return (pattern * (size // len(pattern) + 1))[:size]


def data_code(content: bytes) -> str:
    """Return the body of the Data-Code by iscc-lib."""
    hasher = NativeKernel().hasher()
    hasher.update(content)
    data = hasher.finish().data
    assert data is not None
    return data.hex()
