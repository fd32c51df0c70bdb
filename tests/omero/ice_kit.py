"""Runs the small OMERO of ice_endpoint.py, and crate-iscc and `omero` against it."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cli.cli_kit import Outcome, environment

KEY = "0f6f7c22-5d6e-4d3c-8a55-9a1d0c4b7e11"  # as ice_endpoint.py has it
PREFIX = "ada_2/2024-05/13/10-12-44.103/"
TYPES = {
    "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float": "f4", "double": "f8",
}  # fmt: skip
"""OMERO's names of types of pixels, and numpy's, without their byte order."""

Planes = np.ndarray[Any, Any]


def some_planes(kind: str, shape: tuple[int, ...] = (2, 3, 2, 4, 5)) -> Planes:
    """Return pixels as z, c, t, y, x; no plane is another one's copy, or its own swapped."""
    numbers = np.random.default_rng(7).integers(0, 120, shape)
    return (numbers * (300 if TYPES[kind][1] != "1" else 1)).astype(TYPES[kind])


def write_certificate(certificate: Path, key: Path) -> None:
    """Write a certificate that vouches for itself, as a new OMERO.server has one, and its key.

    IceSSL 3.6 understands plain names only: with a `#` in one, a client waits for ever.
    """
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )


class Repository:
    """The folder that an endpoint serves, written before it starts and changed while it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: dict[str, Any] = {
            "images": [],
            "datasets": [{"id": 7, "name": "mitosis", "group": 3}],
            "annotations": [],
        }
        (folder / "originals").mkdir(parents=True)
        write_certificate(folder / "server.pem", folder / "server.key")

    def add(
        self,
        number: int,
        files: dict[str, bytes],
        *,
        kind: str = "uint16",
        planes: Planes | None = None,
        group: int = 3,
        name: str | None = None,
        locked: bool = False,
    ) -> None:
        """Add an image of original files, and of planes where there are any."""
        fileset: dict[str, Any] = {"id": 1000 + number, "prefix": PREFIX, "files": []}
        for place, (path, content) in enumerate(files.items()):
            below, _, file_name = path.rpartition("/")
            one = {
                "id": 10 * number + place,
                "path": PREFIX + (below + "/" if below else ""),
                "name": file_name,
                "size": len(content),
            }
            fileset["files"].append(one)
            self.original(number, place).write_bytes(content)
        pixels = None
        if planes is not None:
            sizes = dict(zip("ZCTYX", planes.shape, strict=True))
            pixels = {"id": 2000 + number, "type": kind, "sizes": sizes}
            for z, c, t in np.ndindex(planes.shape[:3]):
                plane = self.plane(number, z, c, t)
                plane.parent.mkdir(parents=True, exist_ok=True)
                plane.write_bytes(planes[z, c, t].astype(planes.dtype.newbyteorder(">")).tobytes())
        self.told["images"].append(
            {
                "id": number,
                "name": f"image {number}" if name is None else name,
                "group": group,
                "locked": locked,
                "datasets": [7],
                "fileset": fileset if files else None,
                "pixels": pixels,
            }
        )

    def annotate(
        self, number: int, images: list[int], pairs: list[list[str]] | None, **more: Any
    ) -> None:
        """Add an annotation as others have written it: pairs, or a tag."""
        one = {"id": number, "ns": "org.iscc.omero", "group": 3, "pairs": pairs, "images": images}
        self.told["annotations"].append({**one, **more})

    def original(self, number: int, place: int = 0) -> Path:
        """Return the file that holds the bytes of an original file."""
        return self.folder / "originals" / str(10 * number + place)

    def plane(self, number: int, z: int, c: int, t: int) -> Path:
        """Return the file that holds the bytes of a plane, big-endian."""
        return self.folder / "planes" / str(2000 + number) / f"{z}-{c}-{t}"

    def fault(self, path: Path, kind: str) -> None:
        """Let an original or a plane go wrong: `end`, `die`, `hang` or `short`."""
        Path(f"{path}.fault").write_text(kind)

    @property
    def state(self) -> dict[str, Any]:
        """What the endpoint has written down."""
        return json.loads((self.folder / "state.json").read_text())  # type: ignore[no-any-return]

    def pairs(self, image: int) -> list[dict[str, str]]:
        """Return the pairs of the annotations of an image, as they are on the server now."""
        return [dict(one["pairs"]) for one in self.state["annotations"] if image in one["images"]]

    def asked(self, *operations: str) -> list[str]:
        """Return which of these operations were asked, each as often as it was."""
        return [name for name, _group in self.state["asked"] if name in operations]


@dataclass
class Endpoint:
    """A repository, and the port where it is served."""

    repository: Repository
    port: int
    process: "subprocess.Popen[str]"

    def run(
        self, *words: str | int, key: str = KEY, port: int | None = None, **more: str
    ) -> Outcome:
        """Run `crate-iscc omero` against it: no traceback, and the key nowhere."""
        verb, *rest = map(str, words)
        command = [
            sys.executable, "-m", "crate_iscc", "omero", verb, "--host", "127.0.0.1",
            "--port", str(port or self.port), *rest,
        ]  # fmt: skip
        done = subprocess.run(
            command,
            env=environment(OMERO_SESSION_KEY=key, **more),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in outcome.out + outcome.err, outcome.err
        assert key not in outcome.out + outcome.err
        return outcome


@contextmanager
def serving(repository: Repository) -> Iterator[Endpoint]:
    """Serve a repository by a process of its own."""
    (repository.folder / "kept.json").write_text(json.dumps(repository.told))
    with (repository.folder / "log.txt").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent / "ice_endpoint.py"), repository.folder],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, (repository.folder / "log.txt").read_text()
        yield Endpoint(repository, json.loads(line)["port"], process)
    finally:
        process.kill()
        process.wait(30)
        process.stdout.close()
