"""The commands and libraries that are timed, found and asked for their versions."""

import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CRATE_ISCC = "crate-iscc"


@dataclass(frozen=True, slots=True)
class Peer:
    """A command or library to be timed; without a version it is not installed."""

    name: str
    version: str | None
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Peers:
    """All that may be timed, installed or not."""

    ours: Peer
    iscc_sum: Peer
    iscc_lib: Peer
    openssl: Peer
    hashlib: Peer
    sha256sum: Peer
    b3sum: Peer
    blake3: Peer
    bagit: Peer
    unzip: Peer
    python: Peer


def find_peers() -> Peers:
    """Look for every peer, beside the running interpreter first."""
    return Peers(
        ours=_crate_iscc(),
        iscc_sum=_command("iscc-sum"),
        iscc_lib=_library("iscc-lib", "iscc_lib"),
        openssl=_command("openssl", asking="version"),
        hashlib=_hashlib(),
        sha256sum=_command("sha256sum"),
        b3sum=_command("b3sum"),
        blake3=_library("blake3", "blake3"),
        bagit=_command("bagit.py"),
        unzip=_command("unzip", asking="-v"),
        python=Peer("python", sys.version.split()[0], (sys.executable,)),
    )


def _find_command(name: str) -> str | None:
    """Return a command's path, from beside the running interpreter or else from PATH."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(name, path=os.pathsep.join((beside, os.environ.get("PATH", ""))))


def _answer(command: tuple[str, ...], asking: str) -> str:
    """Return what a command prints when it is asked for its version; nothing if it fails."""
    done = subprocess.run([*command, asking], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _command(name: str, asking: str = "--version") -> Peer:
    """Describe a command by the first word of its answer that begins with a digit."""
    found = _find_command(name)
    if found is None:
        return Peer(name, None)
    words = _answer((found,), asking).split()
    version = next((word for word in words if word[0].isdigit()), "of unknown version")
    return Peer(name, version, (found,))


def _crate_iscc() -> Peer:
    """Find crate-iscc, its command or else the package, and the kernel that it names."""
    found = _find_command(CRATE_ISCC)
    if found is not None:
        command: tuple[str, ...] = (found,)
    elif importlib.util.find_spec("crate_iscc") is not None:
        command = (sys.executable, "-m", "crate_iscc")
    else:
        return Peer(CRATE_ISCC, None)
    version = _answer(command, "--version").removeprefix(CRATE_ISCC).strip()
    return Peer(CRATE_ISCC, version or "of unknown version", command)


def _library(name: str, module: str) -> Peer:
    """Describe an importable library by its package's version."""
    try:
        importlib.import_module(module)
    except ImportError:
        return Peer(name, None)
    return Peer(name, importlib.metadata.version(name))


def _hashlib() -> Peer:
    """Describe hashlib by the OpenSSL behind its sha256, or say that there is none."""
    backed = hashlib.sha256.__name__.startswith("openssl")
    words = ssl.OPENSSL_VERSION.split()
    return Peer("hashlib", f"({' '.join(words[:2])})" if backed else "(without OpenSSL)")
