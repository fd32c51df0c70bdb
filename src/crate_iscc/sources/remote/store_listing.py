"""Lists objects of stores that are no S3, as the library gives them.

It takes slashes off both ends of keys, so an empty folder `x/` and an empty file `x` look alike:
of empty objects it is asked whether they are there.
"""

from collections.abc import Iterator

import obstore
from obstore.exceptions import BaseError

from crate_iscc.errors import InputError, ReadError
from crate_iscc.paths import printable
from crate_iscc.sources.remote.answers import reason_of
from crate_iscc.sources.remote.object_address import ObjectAddress
from crate_iscc.sources.remote.s3_listing import Listed
from crate_iscc.sources.remote.stores import Store

_AT_ONCE = 1000


def store_objects(store: Store, address: ObjectAddress) -> Iterator[Listed]:
    """Yield the objects below an address, folders with a slash at their end, in any order.

    Raises ReadError where the listing cannot be had, InputError where it may not.
    """
    shown = printable(address.shown)
    try:
        for some in obstore.list(store, address.prefix or None, chunk_size=_AT_ONCE):
            for meta in some:
                key = meta["path"]
                if not meta["size"] and (key == address.prefix or not _is_there(store, key)):
                    key += "/"
                modified = meta["last_modified"].isoformat()
                yield Listed(key, meta["size"], modified, meta["e_tag"] or "")
    except FileNotFoundError:
        raise InputError(f"not found: {shown}", cause="there is no such bucket (404)") from None
    except (BaseError, ValueError) as error:
        raise ReadError(f"cannot list {shown}", cause=reason_of(error).text) from None


def _is_there(store: Store, key: str) -> bool:
    try:
        obstore.head(store, key)
    except FileNotFoundError:
        return False
    return True
