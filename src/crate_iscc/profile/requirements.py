"""What the checker of a profile knows: which profile, which version, and how much is asked for."""

from dataclasses import dataclass

from crate_iscc.crate.terms import PROFILE
from crate_iscc.crate.view import Crate
from crate_iscc.errors import InputError
from crate_iscc.finding_kinds import PROFILE_KINDS, FindingKind, Severity
from crate_iscc.jsonld import references, strings

BIO_CODES = "bio-codes"
BIO_CODES_VERSION = "0.1"
_FAMILY = PROFILE.removesuffix(BIO_CODES_VERSION)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile that this package can check: its short name, version and permalink."""

    name: str
    version: str
    uri: str
    title: str


PROFILES = (Profile(BIO_CODES, BIO_CODES_VERSION, PROFILE, "BIO-CODES RO-Crate profile"),)


def profile_called(name: str) -> Profile:
    """Return the profile of that name (`bio-codes`, `bio-codes-0.1`) or permalink.

    Raises InputError for one that is not known.
    """
    for profile in PROFILES:
        if name in (profile.name, f"{profile.name}-{profile.version}", profile.uri):
            return profile
    known = ", ".join(f"{profile.name}-{profile.version}" for profile in PROFILES)
    raise InputError(f"there is no profile called {name!r:.80}", hint=f"known are: {known}")


def kinds_at(level: Severity) -> tuple[FindingKind, ...]:
    """Return the requirements of a level and of the stronger ones."""
    return tuple(kind for kind in PROFILE_KINDS if kind.severity.rank <= level.rank)


def refuse_newer(crate: Crate) -> None:
    """Raise InputError for a crate that declares a later version of the profile alone."""
    declared = crate.values(crate.root_id, "conformsTo")
    uris = [*references(declared), *strings(declared)]
    ours = [uri for uri in uris if uri.startswith(_FAMILY)]
    if ours and PROFILE not in ours:
        raise InputError(
            f"the crate declares another version of the profile: {ours[0]}",
            cause=f"this version of crate-iscc knows {BIO_CODES_VERSION}",
            hint="use the crate-iscc that knows it, or build the crate again with this one",
        )
