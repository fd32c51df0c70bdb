"""A real timestamp authority on the loopback (openssl ts), and crates to be signed."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from crate_iscc import build
from crate_iscc.trust.keys import SigningKey, new_key
from verify.verify_kit import write_files

SIGNATURE = "iscc-proof/signature.json"
TOKEN = "iscc-proof/signature.json.tsr"  # the name of a file
FILES = {"raw/a.bin": b"a" * 5000, "b.txt": b"b", "ü/leer.txt": b""}

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")

_CONFIG = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[stamping]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = main
[main]
serial = serial
crypto_device = builtin
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1.1
digests = sha256, sha384, sha512
accuracy = secs:1
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """A timestamp authority in a folder: its root certificate, and what it answers with."""

    folder: Path
    url: str = ""
    answers: list[bytes | int] = field(default_factory=list)
    """Answers (or status codes) to give before any real one."""

    @property
    def root(self) -> bytes:
        return (self.folder / "root.pem").read_bytes()

    def reply(self, query: bytes) -> bytes:
        """Return what openssl answers to a query."""
        asked, answered = self.folder / "query.tsq", self.folder / "reply.tsr"
        asked.write_bytes(query)
        self._openssl(
            "ts", "-reply", "-config", "tsa.cnf", "-section", "main",
            "-queryfile", asked.name, "-out", answered.name,
        )  # fmt: skip
        return answered.read_bytes()

    def send_along(self, certificates: bytes) -> None:
        """Put certificates (PEM) into every token beside its own."""
        (self.folder / "chain.pem").write_bytes(certificates)
        config = (self.folder / "tsa.cnf").read_text()
        (self.folder / "tsa.cnf").write_text(
            config.replace("tsa_name", "certs = chain.pem\ntsa_name")
        )

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=True, capture_output=True, timeout=30
        )

    def found(self, name: str) -> None:
        """Make the authority: a root of its own, and a certificate for time stamping."""
        self.folder.mkdir(parents=True)
        (self.folder / "tsa.cnf").write_text(_CONFIG)
        (self.folder / "serial").write_text("01\n")
        for key in ("root.key", "tsa.key"):
            self._openssl(
                "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key
            )
        self._openssl(
            "req", "-new", "-x509", "-config", "tsa.cnf", "-extensions", "root", "-key", "root.key",
            "-subj", f"/CN={name} Root", "-days", "3650", "-out", "root.pem",
        )  # fmt: skip
        self._openssl(
            "req", "-new", "-config", "tsa.cnf", "-key", "tsa.key", "-subj", f"/CN={name}",
            "-out", "tsa.csr",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key",
            "-CAcreateserial", "-extfile", "tsa.cnf", "-extensions", "stamping",
            "-days", "3650", "-out", "tsa.pem",
        )  # fmt: skip

    @contextmanager
    def serving(self) -> Iterator["Authority"]:
        """Answer on the loopback for as long as this lasts."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = self.rfile.read(int(self.headers["Content-Length"]))
                answer = authority.answers.pop(0) if authority.answers else None
                if isinstance(answer, int):
                    self.send_response(answer)
                    self.send_header("Location", "http://127.0.0.1:9/")
                    self.end_headers()
                    return
                body = answer if answer is not None else authority.reply(query)
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_address[1]}/tsr"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def judged_by_openssl(token: Path, stamped: Path, root: Path) -> bool:
    """Ask openssl ts whether a token is one of a file, by an authority of that root."""
    done = subprocess.run(
        ["openssl", "ts", "-verify", "-in", token, "-data", stamped, "-CAfile", root],
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.returncode == 0 and b"Verification: OK" in done.stdout


def built(folder: Path) -> Path:
    """Make a crate with a treehash."""
    write_files(folder, FILES)
    build(folder, name="Cells", licence="CC0-1.0")
    return folder


ADA: SigningKey = new_key()
MALLORY: SigningKey = new_key()
