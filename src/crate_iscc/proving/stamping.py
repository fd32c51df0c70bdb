"""Has the signatures of a crate stamped: an authority says that they existed by a time."""

from collections.abc import Iterable
from pathlib import Path

from crate_iscc.errors import InputError
from crate_iscc.paths import TIMESTAMP_ENDING, CratePath, is_signature, printable
from crate_iscc.proving.writing import add_files, can_be_added_to
from crate_iscc.sources.opening import open_local
from crate_iscc.trust import require_trust
from crate_iscc.verifying.proofs import proof_entries, proof_files


def stamp(source: str | Path, authority: str, *, renew: bool = False) -> dict[CratePath, str]:
    """Have each signature stamped that has no timestamp; return the tokens' paths and times.

    With `renew` the newest timestamp of each signature is stamped again, over its own bytes: what
    was stamped in time stays proven when the certificate of the first authority has ended. The
    token is checked against the request before it is kept: its bytes, its nonce.

    Raises InputError where there is nothing to stamp, TrustError where the authority does not
    answer rightly, WriteError where nothing can be written.
    """
    require_trust()
    from crate_iscc.trust.authority import new_stamp

    times: dict[CratePath, str] = {}
    with open_local(source, crc=False) as opened:
        tree = can_be_added_to(opened)
        files = proof_files(tree, proof_entries(tree.listing().entries))
        signatures = sorted(path for path in files if is_signature(path))
        if not signatures:
            raise InputError(
                f"there is no signature in {printable(str(source))}",
                cause="a timestamp is of a signature",
                hint="sign it first: crate-iscc sign",
            )
        added: dict[CratePath, bytes] = {}
        for path in _to_stamp(signatures, files, renew=renew):
            token, told = new_stamp(authority, files[path])
            name = CratePath(path + TIMESTAMP_ENDING)
            added[name] = token
            times[name] = told.time.strftime("%Y-%m-%dT%H:%M:%SZ")
        add_files(tree, added)
    return times


def _to_stamp(
    signatures: Iterable[CratePath], files: Iterable[CratePath], *, renew: bool
) -> list[CratePath]:
    """Return the files to be stamped: signatures without a timestamp, or newest timestamps."""
    there = set(files)
    found = []
    for signature in signatures:
        newest = signature
        while (following := CratePath(newest + TIMESTAMP_ENDING)) in there:
            newest = following
        if renew is (newest != signature):
            found.append(newest)
    return found
