"""Whom a verification trusts: keys, DID documents and roots of timestamp authorities.

A folder of files that somebody chose: that is all that trust rests on here. What travels inside a
crate never adds to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from crate_iscc.errors import InputError, TrustError
from crate_iscc.paths import printable
from crate_iscc.trust.strict_json import strict_json

_PUBLIC, _DOCUMENT, _ROOT = ".pub", ".json", ".pem"


@dataclass(frozen=True, slots=True)
class TrustSet:
    """Names by Multikey, DID documents by DID, and root certificates (PEM) by name.

    `minisign` holds Multikeys by the eight bytes that minisign names them by, where somebody else
    has chosen these.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    roots: Mapping[str, bytes] = field(default_factory=dict)
    minisign: Mapping[bytes, str] = field(default_factory=dict)


def trust_set(files: Mapping[str, bytes]) -> TrustSet:
    """Return the trust that files stand for, by their names.

    `*.pub` hold a key each (a Multikey, a did:key, or as minisign writes it; the file's name is the
    signer's name), `*.json` a DID document, `*.pem` the root certificates of timestamp authorities.
    Raises InputError for a file that is none of these, or holds something else than its name says:
    what is meant to be trusted must not be left out silently. The extra `trust` has to be
    installed.
    """
    keys: dict[str, str] = {}
    documents: dict[str, Mapping[str, Any]] = {}
    roots: dict[str, bytes] = {}
    minisign: dict[bytes, str] = {}
    for name, content in files.items():
        try:
            if name.endswith(_PUBLIC):
                key, key_id = _key(content)
                keys[key] = name.removesuffix(_PUBLIC)
                if key_id is not None:
                    minisign[key_id] = key
            elif name.endswith(_DOCUMENT):
                document = _document(content)
                documents[document["id"]] = document
            elif name.endswith(_ROOT):
                roots[name.removesuffix(_ROOT)] = _certificates(content)
            else:
                raise _bad("its name ends neither in .pub, .json nor .pem", name)
        except TrustError as error:
            raise _bad(str(error), name) from error
    return TrustSet(keys, documents, roots, minisign)


def _bad(cause: str, name: str) -> InputError:
    return InputError(
        f"not to be trusted: {printable(name)}",
        cause=cause,
        hint="a trust folder holds keys (*.pub), DID documents (*.json), TSA roots (*.pem)",
    )


def _key(content: bytes) -> tuple[str, bytes | None]:
    """Return a Multikey, and the eight bytes that minisign has for it if it is from there."""
    from crate_iscc.trust.minisign import parse_public_key
    from crate_iscc.trust.multikey import DID_KEY, public_key

    text = content.decode("ascii", "replace")
    if text.startswith(("untrusted comment:", "RW")):
        return parse_public_key(text)
    words = text.split()
    key = words[0].removeprefix(DID_KEY).partition("#")[0] if words else ""
    public_key(key)
    return key, None


def _document(content: bytes) -> dict[str, Any]:
    document = strict_json(content)
    if not isinstance(document.get("id"), str):
        raise TrustError("it has no id")
    return document


def _certificates(content: bytes) -> bytes:
    from cryptography import x509

    try:
        x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise TrustError("it holds no certificates", cause=str(error)[:200]) from error
    return content
