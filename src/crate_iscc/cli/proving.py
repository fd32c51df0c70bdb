"""The keygen, sign, stamp and seal commands, and what verify is told to trust."""

import os
import stat
import sys
from dataclasses import replace
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from crate_iscc.cli.options import Manner
from crate_iscc.cli.streams import say, write_out
from crate_iscc.cli.terminal import now, progress_on_stderr
from crate_iscc.errors import InputError, WriteError
from crate_iscc.paths import printable
from crate_iscc.report import ProofKind
from crate_iscc.trust import require_trust
from crate_iscc.trust.trust_set import TrustSet, trust_set

if TYPE_CHECKING:
    from crate_iscc.trust.keys import SigningKey

KEY_VARIABLE = "CRATE_ISCC_KEY"
PASSPHRASE_VARIABLE = "CRATE_ISCC_KEY_PASSPHRASE"  # noqa: S105  # the name of one, not one
_LARGEST_KEY = 1 << 16
_LARGEST_TRUST_FILE = 1 << 20
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def keygen(out: str, *, encrypt: bool, did: str | None) -> None:
    """Make a key file that only its owner can read, and say what its public key is."""
    require_trust()
    from crate_iscc.trust.keys import check_did_web, key_file, new_key
    from crate_iscc.trust.minisign import minisign_public_key
    from crate_iscc.trust.signing import did_document

    if did:
        check_did_web(did)
    key = replace(new_key(), did_web=did)
    content = key_file(key, _new_passphrase() if encrypt else None)
    public = Path(f"{out.removesuffix('.pem')}.pub")
    if public.exists():
        raise InputError(f"there is a key of that name already: {printable(str(public))}")
    _write_new(Path(out), content, 0o600)
    _write_new(public, f"{key.public}\n".encode("ascii"), 0o644)
    write_out(
        f"wrote {printable(out)} (secret{', encrypted' if encrypt else ''}: keep it) "
        f"and {printable(str(public))} (public: give it to those who verify)\n"
        f"  signer   {key.issuer}\n"
        f"  minisign {minisign_public_key(key.public)}\n"
    )
    if did:
        document = Path(f"{out.removesuffix('.pem')}.did.json")
        _write_new(document, did_document(key), 0o644)
        write_out(f"wrote {printable(str(document))}: publish it where {printable(did)} is found\n")


def sign(
    crate: str, key: str | None, *, did: str | None, document: str | None, minisign: bool,
    manner: Manner,
) -> None:  # fmt: skip
    """Sign a crate, and say by whom."""
    require_trust()
    from crate_iscc.proving.signing import sign as sign_crate
    from crate_iscc.trust.keys import check_did_web

    if (did is None) is not (document is None):
        raise InputError("--did and --did-document go together")
    signing_key = replace(load_key(key), did_web=check_did_web(did) if did else None)
    content = _read_small(document) if document else None
    with progress_on_stderr(manner.progress) as sink:
        made = sign_crate(
            crate,
            signing_key,
            did_document=content,
            minisign=minisign,
            now=now(),
            jobs=manner.jobs,
            progress=sink,
        )
    write_out(
        f"signed {printable(crate)}\n"
        f"  signer   {printable(made.issuer)}\n"
        f"  treehash {made.treehash}\n"
        f"wrote {', '.join(made.written)}\n"
    )


def stamp(crate: str, authority: str, *, renew: bool) -> None:
    """Have a crate's signatures stamped, and say by when they existed."""
    require_trust()
    from crate_iscc.proving.stamping import stamp as stamp_crate

    times = stamp_crate(crate, authority, renew=renew)
    for path, moment in times.items():
        write_out(f"{printable(path)}: existed by {moment}\n")
    if not times:
        say("every signature has a timestamp already; --renew stamps the newest ones again")


def load_key(place: str | None) -> "SigningKey":
    """Return the key of a file, of stdin (`-`), or of CRATE_ISCC_KEY where none is named.

    Raises InputError where there is none, or others than its owner may read the file.
    """
    from crate_iscc.trust.keys import PassphraseNeededError, parse_key

    content = _key_content(place)
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    try:
        return parse_key(content, passphrase.encode("utf-8") if passphrase else None)
    except PassphraseNeededError as error:
        if passphrase or place == "-" or not sys.stdin.isatty():
            hint = f"set {PASSPHRASE_VARIABLE}, or run it on a terminal"
            raise InputError(str(error), hint=hint) from None
    return parse_key(content, getpass("passphrase of the key: ").encode("utf-8"))


def _key_content(place: str | None) -> bytes:
    if place is None:
        text = os.environ.get(KEY_VARIABLE)
        if not text:
            raise InputError(
                "there is no key to sign with",
                hint=f"name a file with --key, or set {KEY_VARIABLE}; make one: crate-iscc keygen",
            )
        return text.encode("utf-8")
    if place == "-":
        return sys.stdin.buffer.read(_LARGEST_KEY)
    try:
        with Path(place).open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if os.name == "posix" and mode & _OTHERS and stat.S_ISREG(mode):
                raise InputError(
                    f"others may read the key: {printable(place)}",
                    hint=f"chmod 600 {printable(place)}",
                )
            return file.read(_LARGEST_KEY)
    except OSError as error:
        raise InputError(f"cannot read {printable(place)}", cause=error.strerror) from error


def load_trust(folder: str | None) -> TrustSet | None:
    """Return what the files of a folder say is to be trusted. Raises InputError."""
    if folder is None:
        return None
    require_trust()
    place = Path(folder)
    try:
        names = sorted(path.name for path in place.iterdir() if not path.name.startswith("."))
        files = {name: _read_small(str(place / name)) for name in names}
    except OSError as error:
        raise InputError(f"cannot read {printable(folder)}", cause=error.strerror) from error
    if not files:
        raise InputError(f"nobody is trusted by an empty folder: {printable(folder)}")
    return trust_set(files)


def required_proofs(names: str | None, *, of_a_log: bool = False) -> frozenset[ProofKind]:
    """Return the kinds of proofs that an option names, with commas. Raises BadParameter.

    Nobody gives a receipt for a log.
    """
    known = {"signature": ProofKind.SIGNATURE, "timestamp": ProofKind.TIME}
    if not of_a_log:
        known["receipt"] = ProofKind.RECEIPT
    wanted = [name.strip() for name in names.split(",")] if names else []
    for name in wanted:
        if name not in known:
            raise typer.BadParameter(f"{name!r} cannot be required; {', '.join(known)} can")
    return frozenset(known[name] for name in wanted)


def _read_small(place: str) -> bytes:
    try:
        with Path(place).open("rb") as file:
            return file.read(_LARGEST_TRUST_FILE)
    except OSError as error:
        raise InputError(f"cannot read {printable(place)}", cause=error.strerror) from error


def _new_passphrase() -> bytes:
    known = os.environ.get(PASSPHRASE_VARIABLE)
    if known:
        return known.encode("utf-8")
    if not sys.stdin.isatty():
        raise InputError(
            "there is no passphrase to encrypt the key with",
            hint=f"set {PASSPHRASE_VARIABLE}, or run it on a terminal",
        )
    passphrase = getpass("new passphrase: ")
    if not passphrase or passphrase != getpass("once more: "):
        raise InputError("the passphrases are empty, or differ")
    return passphrase.encode("utf-8")


def _write_new(place: Path, content: bytes, mode: int) -> None:
    """Write a file that is not there yet, which never has more permissions than `mode`."""
    try:
        handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with open(handle, "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise InputError(f"there is a key of that name already: {printable(str(place))}") from error
    except OSError as error:
        raise WriteError(f"cannot write {printable(str(place))}", cause=error.strerror) from error
