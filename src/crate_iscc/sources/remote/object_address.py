"""Addresses of trees in object stores: which they are, and what they name."""

import re
from dataclasses import dataclass

from crate_iscc.errors import InputError
from crate_iscc.paths import LEGACY_METADATA_FILE, METADATA_FILE, path_problem, printable


@dataclass(frozen=True, slots=True)
class ObjectAddress:
    """A place in an object store: the scheme, the bucket, and a prefix without a slash at its end.

    `shown` is how it was written.
    """

    scheme: str
    bucket: str
    prefix: str
    shown: str

    @property
    def below(self) -> str:
        """What the keys of all objects start with: the prefix with a slash, or nothing."""
        return f"{self.prefix}/" if self.prefix else ""


def object_address(source: str) -> ObjectAddress:
    """Return what an address of an object store names: `s3://bucket/prefix`, also gs and az.

    Keys are taken as they are written: nothing is decoded. The metadata file of a crate stands
    for the folder that it lies in. Raises InputError for what can be no address.
    """
    scheme, _, rest = source.partition("://")
    bucket, _, prefix = rest.partition("/")
    if "@" in bucket or ":" in bucket:
        raise InputError(
            f"credentials do not belong into an address ({scheme.lower()}://…)",
            hint="set the usual variables, such as AWS_ACCESS_KEY_ID, or AWS_PROFILE",
        )
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", bucket):
        raise InputError(
            f"not a bucket: {printable(bucket) or 'there is no name'} in {printable(source)}",
            hint=f"name it like this: {scheme.lower()}://bucket/folder",
        )
    prefix = prefix.removesuffix("/")
    if prefix.rpartition("/")[2] in (METADATA_FILE, LEGACY_METADATA_FILE):
        prefix = prefix.rpartition("/")[0]
    problem = path_problem(prefix) if prefix else None
    if problem:
        raise InputError(f"not a folder: {printable(source)}", cause=problem)
    return ObjectAddress(scheme.lower(), bucket, prefix, source)
