"""Tries what was installed, or with a folder given, the wheel in it: exit 0 if it is sound.

cibuildwheel runs this for every wheel on the platform that it is for, where pytest is not.
"""

import hashlib
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from array import array
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

CONTENT = hashlib.shake_128(b"crate-iscc").digest(100_000)
# By `iscc-sum --units` 0.1.0 and by `b3sum`, none of which is this project's.
ISCC_SUM = "ISCC:K4ADI3RVZ2LOPU2EMF36IMKGZ2N24RIX7UIFNB4DFIJFII7O735PPPQ"
DATA_CODE = "346e35ce96e7d3446177e43146ce9baee18377581aa4d530f393c74431cd6ee2"
BLAKE3 = "4517fd105687832a125423eefefaf7be508926ea11736af62fdc1efd605ab84e"


def check_installed() -> None:
    """Check that the command has the compiled kernel, and gives another program's code."""
    command = str(Path(sysconfig.get_path("scripts")) / "crate-iscc")
    version = _printed([command, "--version"])
    assert "(kernel crate-iscc-c " in version, version
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "content").write_bytes(CONTENT)
        printed = _printed([command, "sum", str(Path(folder) / "content")])
    assert printed.split()[0] == ISCC_SUM, printed


def check_wheel(folder: Path) -> None:
    """Check that the one wheel holds the modules of its platform, which need no dependency."""
    (wheel,) = folder.glob("*.whl")
    assert "-cp311-abi3-" in wheel.name, wheel.name
    # Windows does not let go of a module that is loaded.
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as unpacked,
        zipfile.ZipFile(wheel) as archive,
    ):
        modules = {
            name.split(".")[0]: archive.extract(name, unpacked)
            for name in archive.namelist()
            if name.endswith((".so", ".pyd"))
        }
        kernel = _loaded(modules.pop("crate_iscc/kernel/_native"))
        _check_kernel(kernel)
        _check_hamming(_loaded(modules.pop("crate_iscc/hamming/_hamming")))
        if sys.platform != "win32":
            reading = _loaded(modules.pop("crate_iscc/sources/_reading"))
            _check_reading(reading, wheel)
        assert not modules, modules


def _check_kernel(kernel: Any) -> None:
    size = len(CONTENT)
    places = array("q", [0]), array("q", [size])
    data, chunks = kernel.data_files(CONTENT, *places)
    hashers = [kernel.DataHasher() for _ in range(3)]
    hashers[0].update(CONTENT)
    hashers[1].update(CONTENT, kernel.chunk_ahead(CONTENT))
    hashers[2].update_files(CONTENT, *places, chunks)
    for found in (data, *(hasher.digest() for hasher in hashers)):
        assert found.hex() == DATA_CODE, found.hex()
    instance = kernel.blake3_files(CONTENT, *places)
    assert instance.hex() == BLAKE3, instance.hex()


def _check_hamming(hamming: Any) -> None:
    codes = bytes(32) + b"\xff" * 32 + b"\x01" + bytes(31)
    assert hamming.nearest(codes, 32, bytes(32), 9, 9) == [(0, 0), (2, 1)]
    parents = array("I", range(3))
    found = hamming.join(codes, 32, 9, 0, 3, parents, array("I", bytes(12)), array("H", bytes(6)))
    assert (found, list(parents)) == (1, [0, 1, 0])


def _check_reading(reading: Any, file: Path) -> None:
    with file.open("rb") as stream:
        content = stream.read()
        mapping = reading.MappedFile(stream.fileno(), 1, len(content) - 1)
        assert bytes(mapping) == content[1:]
        assert mapping.is_whole()


def _loaded(path: str) -> ModuleType:
    name = Path(path).name.split(".")[0]
    spec = spec_from_loader(name, ExtensionFileLoader(name, path))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _printed(command: list[str]) -> str:
    ended = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


if __name__ == "__main__":
    check_wheel(Path(sys.argv[1])) if sys.argv[1:] else check_installed()
    sys.stdout.write("sound\n")
