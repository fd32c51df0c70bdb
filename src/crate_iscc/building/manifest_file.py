"""The bytes of an `iscc-manifest.tsv`, made piece by piece whenever they are wanted."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from crate_iscc.codes import Fingerprint
from crate_iscc.file_table import FileTable
from crate_iscc.kernel import Kernel
from crate_iscc.manifest import TreeFingerprint, manifest_lines

_LINES = 4096


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest file that a build writes: what it lists, and the fingerprint of its bytes.

    `containers` have rows of their own in the table style. The bytes are never held whole: of a
    million files they are some 170 MB.
    """

    files: FileTable
    containers: tuple[TreeFingerprint, ...]
    fingerprint: Fingerprint

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the file."""
        return _chunks(self.files, self.containers)


def manifest_file(
    files: FileTable, containers: tuple[TreeFingerprint, ...], kernel: Kernel
) -> ManifestFile:
    """Return the manifest file that lists these files, and rows of these containers."""
    hasher = kernel.hasher()
    for chunk in _chunks(files, containers):
        hasher.update(chunk)
    return ManifestFile(files, containers, hasher.finish())


def _chunks(files: FileTable, containers: tuple[TreeFingerprint, ...]) -> Iterator[bytes]:
    lines = manifest_lines(files, containers)
    while chunk := "".join(islice(lines, _LINES)):
        yield chunk.encode("utf-8")
