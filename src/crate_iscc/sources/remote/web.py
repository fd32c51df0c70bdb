"""Chooses the Tree for an address on the web: a zip, the folder of a crate, or a Zarr."""

from crate_iscc.errors import CrateIsccError, InputError, ReadError
from crate_iscc.paths import LEGACY_METADATA_FILE, METADATA_FILE, printable
from crate_iscc.sources import Tree
from crate_iscc.sources.remote.archive import RemoteZip, no_ranges
from crate_iscc.sources.remote.client import Client, Limits, RefusedError, WebError
from crate_iscc.sources.remote.crate import WebCrate, find_crate, read_metadata
from crate_iscc.sources.remote.files import NOT_THERE
from crate_iscc.sources.remote.resource import first_part
from crate_iscc.sources.remote.url import Url, parse_url
from crate_iscc.sources.remote.zarr import open_zarr

_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
_ZARR = (".zarr", ".zarr/")


def open_web(text: str, *, crc: bool = True, limits: Limits | None = None) -> Tree:
    """Open what is at an address that a user has named.

    A path that ends in a slash is the folder of a crate, one that ends in its metadata file too;
    one that ends in `.zarr` is a Zarr where no crate is in it. Anything else has to be a zip.
    Raises InputError for what is none of these, ReadError where the
    server does not answer.
    """
    url = parse_url(text)
    client = Client(private=True, limits=limits)
    try:
        return _opened(client, text, url, crc=crc)
    except RefusedError as error:
        client.close()
        raise InputError(f"cannot be opened: {printable(text)}", cause=error.reason) from error
    except WebError as error:
        client.close()
        if error.status in NOT_THERE:
            raise InputError(
                f"not found: {printable(text)}",
                cause=error.reason,
                hint="check the address; the folder of a crate ends in a slash",
            ) from error
        raise ReadError(f"cannot be read: {printable(text)}", cause=error.reason) from error
    except CrateIsccError:
        client.close()
        raise


def _opened(client: Client, text: str, url: Url, *, crc: bool) -> Tree:
    for name in (METADATA_FILE, LEGACY_METADATA_FILE):
        if url.path.endswith("/" + name):
            found = read_metadata(client, url, name)
            if found is None:
                raise WebError("there is nothing", 404)
            return WebCrate(client, text, found)
    if url.path.endswith(("/", *_ZARR)):
        folder = url if url.path.endswith("/") else url.below("/")
        found = find_crate(client, folder)
        if found is not None:
            return WebCrate(client, text, found)
        if url.path.endswith(_ZARR):
            return open_zarr(client, text, folder)
        raise InputError(
            f"not an RO-Crate: {printable(text)}",
            cause=f"there is no {METADATA_FILE} in it, and a folder on the web cannot be listed",
            hint="download it, and name the folder; a zip of it can be read where it is",
        )
    state, start = first_part(client, url, 4)
    if start not in _SIGNATURES:
        raise InputError(
            f"not a dataset: {printable(text)}",
            cause="what is there is no zip archive",
            hint="a crate's folder ends in a slash; archives of other kinds have to be downloaded",
        )
    if not state.ranges:
        raise no_ranges(text)
    if state.size is None:
        raise WebError("the server does not say how many bytes it has")
    return RemoteZip(client, text, url, state, crc=crc)
