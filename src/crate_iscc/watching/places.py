"""What the system tells of a folder: who holds its files open, and whether it lies elsewhere."""

import contextlib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

_NETWORK = frozenset(
    {
        "9p", "acfs", "afp", "afs", "beegfs", "ceph", "cifs", "davfs", "fuse.davfs2",
        "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs2", "glusterfs", "gpfs",
        "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "smb3", "smbfs", "vboxsf",
        "virtiofs",
    }
)  # fmt: skip
"""File systems on which another machine may write: its changes cause no events here."""
_OCTAL = re.compile(r"\\([0-7]{3})")
_ANY_WRITING = os.O_WRONLY | os.O_RDWR


def is_remote(folder: Path) -> bool:
    """Tell whether a folder lies on a network file system, as far as that can be known.

    On Linux by the type of the mount, on Windows by a name that begins with two backslashes.
    """
    if sys.platform == "win32":
        return str(folder).startswith("\\\\")
    try:
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    return kind_of_mount(folder, lines) in _NETWORK


def kind_of_mount(folder: Path, mounts: Iterable[str]) -> str:
    """Return the type of file system that a folder lies on, from lines of mountinfo (proc(5))."""
    best, kind = "", ""
    for line in mounts:
        mounted, _, rest = line.partition(" - ")
        fields = mounted.split(" ")
        if len(fields) < 5:
            continue
        place = _OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4])
        if folder.is_relative_to(place) and len(place) >= len(best):
            best, kind = place, rest.split(" ")[0]
    return kind


def held_by_writers(root: Path) -> frozenset[str]:
    """Return the paths below a folder that a process on this machine has open for writing.

    Linux tells that, of this user's processes or of all to root; elsewhere nothing is known.
    """
    if sys.platform != "linux":
        return frozenset()
    found: set[str] = set()
    beginning = f"{root}/"
    own = str(os.getpid())
    for process in os.listdir("/proc"):
        if not process.isdigit() or process == own:
            continue
        with contextlib.suppress(OSError):
            for handle in os.listdir(f"/proc/{process}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(f"/proc/{process}/fd/{handle}")
                    if target.startswith(beginning) and _writes(process, handle):
                        found.add(target[len(beginning) :])
    return frozenset(found)


def _writes(process: str, handle: str) -> bool:
    with open(f"/proc/{process}/fdinfo/{handle}", "rb") as file:
        for line in file:
            if line.startswith(b"flags:"):
                return bool(int(line.split()[1], 8) & _ANY_WRITING)
    return False
