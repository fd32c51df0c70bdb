"""What the maker of a proof is to whoever verifies: that is for a trust set to say."""

from crate_iscc.errors import TrustError
from crate_iscc.paths import printable
from crate_iscc.report import Standing
from crate_iscc.trust.credential import has_key
from crate_iscc.trust.timestamps import Stamp
from crate_iscc.trust.trust_set import TrustSet


def signer_standing(issuer: str, key: str, trust: TrustSet | None) -> tuple[Standing, str]:
    """Return who signed. The key decides, never a name that a document gives itself.

    Raises TrustError where the trust set has a document of the issuer without that key.
    """
    trust = trust or TrustSet()
    if key in trust.keys:
        return Standing.TRUSTED, f"{trust.keys[key]} ({issuer})"
    if issuer in trust.documents:
        if has_key(trust.documents[issuer], key):
            return Standing.TRUSTED, issuer
        raise TrustError(f"the trusted DID document of {printable(issuer)} does not have its key")
    # Only a did:web needs a document, and one that travels with what is signed proves nothing.
    return (Standing.UNKNOWN if issuer.startswith("did:key:") else Standing.KNOWN), issuer


def stamp_standing(stamp: Stamp) -> tuple[Standing, str, str]:
    """Return who stamped, in whose eyes, and the moment with its accuracy."""
    span = f" (±{stamp.accuracy.total_seconds():g} s)" if stamp.accuracy else ""
    moment = stamp.time.strftime("%Y-%m-%dT%H:%M:%SZ") + span
    if stamp.root:
        return Standing.TRUSTED, f"{stamp.authority}, vouched for by {stamp.root}", moment
    return Standing.UNKNOWN, stamp.authority, moment
