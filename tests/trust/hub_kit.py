"""An ISCC hub on the loopback that enforces IEP-0013, in both of its protocols.

What it checks is checked by the libraries of the ISCC Foundation (iscc-core, iscc-crypto), and its
log is the recursive definition of RFC 6962, so the code under test meets another opinion.
"""

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import iscc_core
import iscc_crypto
import jcs

Json = dict[str, Any]
RECEIPT = "iscc-proof/hub-receipt.json"
DOCUMENT = "iscc-proof/hub-did.json"
NOTE = "iscc-proof/hub-note.json"
NOTE_SCHEMA = "http://purl.org/iscc/schema/iscc-note-0.8.0.json"
ENTRY_SCHEMA = "http://purl.org/iscc/schema/iscc-log-entry-0.8.0.json"
_REQUIRED = {"iscc_code", "datahash", "nonce", "signature"}
_OPTIONAL = {"units", "metahash", "gateway", "timestamp"}
_MULTIHASH = re.compile(r"1e20[0-9a-f]{64}")


class RefusalError(Exception):
    """What a hub answers with where it does not take a declaration."""

    def __init__(self, status: int, code: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "code": code, **more}}


@dataclass
class Hub:
    """A hub: its id and realm, its key, its log, and how it misbehaves.

    `with_log` makes it one of ISCC-Log 0.1; `lose` drops the connection after a declaration was
    taken; `replies` are given before any real one: a status, or bytes with status 201.
    """

    hub_id: int = 0
    realm: int = 1
    with_log: bool = False
    can_look_up: bool = False
    lose: bool = False
    has_document: bool = True
    clock: float = 0
    url: str = ""
    replies: list[int | bytes] = field(default_factory=list)
    log: list[tuple[str, Json]] = field(default_factory=list)
    seen: list[Json] = field(default_factory=list)
    keys: Any = None

    @property
    def did(self) -> str:
        return "did:web:" + urlsplit(self.url).netloc.replace(":", "%3A")

    def found(self) -> None:
        """Give the hub a key of the domain that it is served at."""
        self.keys = iscc_crypto.key_generate(controller=self.did)

    def document(self) -> bytes:
        document: Json = self.keys.controller_document
        return json.dumps(document).encode()

    # --- declarations ----------------------------------------------------------------------------

    def declare(self, raw: bytes, *, force: bool) -> Json:
        """Take a note, or raise RefusalError."""
        note: Json = json.loads(raw)
        self.seen.append(note)
        self._check(note)
        for iscc_id, known in self.log:
            if known["nonce"] == note["nonce"] and force:
                raise RefusalError(400, "nonce_reuse", "Nonce already used", field="nonce")
            if known["datahash"] == note["datahash"] and not force:
                raise RefusalError(
                    409, "duplicate_declaration", "Duplicate declaration", field="datahash",
                    existing_iscc_id=iscc_id, existing_actor=known["signature"]["pubkey"],
                )  # fmt: skip
        moment = int((time.time() + self.clock) * 1_000_000) + len(self.log)
        minted = iscc_core.gen_iscc_id(moment, self.hub_id, self.realm)["iscc"]
        self.log.append((minted, note))
        return {"iscc_id": minted, "seq": len(self.log) - 1} if self.with_log else self.receipt(-1)

    def _check(self, note: Json) -> None:
        required = _REQUIRED | ({"$schema"} if self.with_log else {"timestamp"})
        if unknown := note.keys() - required - _OPTIONAL:
            raise RefusalError(422, "validation_failed", f"Unknown fields not allowed: {unknown}")
        if missing := required - note.keys():
            raise RefusalError(422, "validation_failed", f"Missing required field: {missing}")
        if self.with_log and note["$schema"] != NOTE_SCHEMA:
            raise RefusalError(422, "validation_failed", "Unsupported $schema")
        for name in ("datahash", "metahash"):
            if name in note and not _MULTIHASH.fullmatch(note[name]):
                raise RefusalError(422, "invalid_format", f"{name} is none", field=name)
        if not re.fullmatch(r"[0-9a-f]{32}", note["nonce"]):
            raise RefusalError(422, "invalid_format", "nonce is none", field="nonce")
        meant = iscc_crypto.decode_node_id(note["nonce"])
        if meant != self.hub_id:
            message = f"Nonce hub_id mismatch: expected {self.hub_id}, got {meant}"
            raise RefusalError(422, "nonce_mismatch", message, field="nonce")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", note["timestamp"]):
            raise RefusalError(422, "invalid_format", "timestamp is none", field="timestamp")
        said = datetime.fromisoformat(note["timestamp"]).timestamp()
        if abs(said - time.time() - self.clock) > 600:
            message = "timestamp is outside ±10 minute tolerance"
            raise RefusalError(422, "timestamp_out_of_range", message, field="timestamp")
        iscc_core.iscc_validate(note["iscc_code"], strict=True)
        instance = iscc_core.iscc_decode(note["iscc_code"])[4]
        if not note["datahash"][4:].startswith(instance[len(instance) // 2 :].hex()):
            raise RefusalError(422, "invalid_format", "datahash does not match", field="datahash")
        if not iscc_crypto.verify_json(note, raise_on_error=False).signature_valid:
            raise RefusalError(401, "invalid_signature", "Invalid signature")

    def receipt(self, number: int, change: Callable[[Json], None] | None = None) -> Json:
        """Return the receipt of a declaration, signed by the hub; `change` edits it before that."""
        number %= len(self.log)
        iscc_id, note = self.log[number]
        signature = note["signature"]
        credential: Json = {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "type": ["VerifiableCredential", "IsccReceipt"],
            "issuer": self.did,
            "credentialSubject": {
                "id": signature.get("controller") or f"did:key:{signature['pubkey']}",
                "declaration": {"seq": number, "iscc_id": iscc_id, "iscc_note": note},
            },
        }
        if self.with_log:
            credential["evidence"] = self.evidence(number)
        credential = json.loads(json.dumps(credential))
        if change:
            change(credential)
        signed: Json = iscc_crypto.sign_vc(credential, self.keys)
        return signed

    # --- the log ---------------------------------------------------------------------------------

    def evidence(self, number: int) -> Json:
        """Return the proof that a declaration is in the log as it is now."""
        leaves = [
            jcs.canonicalize({"$schema": ENTRY_SCHEMA, "iscc_id": iscc_id, "note": note})
            for iscc_id, note in self.log
        ]
        origin = urlsplit(self.url).netloc + "/log"
        root = base64.b64encode(tree_hash(leaves)).decode()
        body = f"{origin}\n{len(leaves)}\n{root}\n"
        public = self.keys.pk_obj.public_bytes_raw()
        key_id = hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]
        line = base64.b64encode(key_id + self.keys.sk_obj.sign(body.encode())).decode()
        return {
            "type": "IsccLogInclusionProof",
            "checkpoint": f"{body}\n— {origin} {line}\n",
            "treeSize": len(leaves),
            "leafIndex": number,
            "inclusionProof": [base64.b64encode(h).decode() for h in audit_path(number, leaves)],
        }

    # --- over HTTP -------------------------------------------------------------------------------

    def get(self, path: str) -> tuple[int, Any]:
        """Return the status and the JSON of an answer to a question."""
        parts = urlsplit(path)
        asked = unquote(parts.path)
        if asked == "/.well-known/did.json" and self.has_document:
            return 200, json.loads(self.document())
        ids = [iscc_id for iscc_id, _ in self.log]
        match = re.fullmatch(r"/declaration/(ISCC:\w+)/receipt", asked)
        if match and self.with_log and match[1] in ids:
            return 200, self.receipt(ids.index(match[1]))
        if not self.can_look_up:
            return 404, None
        if asked == "/lookup":
            ((name, (value,)),) = parse_qs(parts.query).items()
            return 200, [
                self._told(n) for n, (_, note) in enumerate(self.log) if note[name] == value
            ]
        if asked[1:] in ids:
            return 200, self._told(ids.index(asked[1:]))
        return 404, {"error": {"message": "Declaration not found", "code": "not_found"}}

    def _told(self, number: int) -> Json:
        iscc_id, note = self.log[number]
        told = {"iscc_id": iscc_id, "pubkey": note["signature"]["pubkey"]}
        return told | {name: note[name] for name in ("iscc_code", "datahash", "timestamp")}

    @contextmanager
    def serving(self) -> Iterator["Hub"]:
        """Answer on the loopback for as long as this lasts."""
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, value = hub.get(self.path)
                self._answer(status, value)

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                reply = hub.replies.pop(0) if hub.replies else None
                if isinstance(reply, int):
                    self._answer(reply, None)
                    return
                if reply is not None:
                    self._send(201, "application/json", reply)
                    return
                try:
                    force = self.headers.get("X-Force-Declaration", "") in ("true", "1")
                    value = hub.declare(raw, force=force)
                except RefusalError as refusal:
                    self._answer(refusal.status, refusal.body)
                    return
                if hub.lose:
                    self.close_connection = True
                    return
                self._answer(201, value)

            def _answer(self, status: int, value: Any) -> None:
                if value is None:
                    self._send(status, "text/html", b"<h1>none</h1>")
                else:
                    self._send(status, "application/json", json.dumps(value).encode())

            def _send(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Location", "http://127.0.0.1:9/")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        self.url = f"http://localhost:{server.server_address[1]}"
        self.found()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def tree_hash(leaves: list[bytes]) -> bytes:
    """Return the head of a tree as RFC 6962, section 2.1, defines it."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = _split(len(leaves))
    left, right = tree_hash(leaves[:split]), tree_hash(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def audit_path(number: int, leaves: list[bytes]) -> list[bytes]:
    """Return the path of a leaf as RFC 6962, section 2.1.1, defines it."""
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if number < split:
        return [*audit_path(number, leaves[:split]), tree_hash(leaves[split:])]
    return [*audit_path(number - split, leaves[split:]), tree_hash(leaves[:split])]


def _split(count: int) -> int:
    """Return the largest power of two below a count."""
    return 1 << (count - 1).bit_length() - 1


def now() -> datetime:
    return datetime.now(UTC)
