"""Makes what the library asks objects with. It never looks for credentials on the network.

For `gs` and `az` the library reads the variables itself that it documents; where none of those is
set that hold a secret, requests are not signed.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from crate_iscc.errors import InputError
from crate_iscc.sources.remote.credentials import S3Access
from crate_iscc.sources.remote.object_address import ObjectAddress
from crate_iscc.sources.remote.proxies import way_to
from crate_iscc.sources.remote.retrying import Retrying
from crate_iscc.sources.remote.url import parse_url

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Credential

Store = S3Store | GCSStore | AzureStore

_GOOGLE = (
    "GOOGLE_SERVICE_ACCOUNT",
    "GOOGLE_SERVICE_ACCOUNT_PATH",
    "GOOGLE_SERVICE_ACCOUNT_KEY",
    "GOOGLE_APPLICATION_CREDENTIALS",
)
_GOOGLE_FILE = Path(".config/gcloud/application_default_credentials.json")
_AZURE = (
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ACCESS_KEY",
    "AZURE_STORAGE_MASTER_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_SAS_KEY",
    "AZURE_STORAGE_TOKEN",
    "AZURE_STORAGE_CLIENT_SECRET",
    "AZURE_CLIENT_SECRET",
    "AZURE_FEDERATED_TOKEN_FILE",
)
_GOOGLE_LOGIN: tuple[str, ...] = ("https://accounts.google.com", "https://oauth2.googleapis.com")
_AZURE_LOGIN = ("AZURE_AUTHORITY_HOST", "AZURE_STORAGE_AUTHORITY_HOST")
_YES = ("1", "true", "yes", "on", "y")
_LONGEST_PART = timedelta(minutes=15)
"""An answer that goes on and on is not ended before; one that stands still is, much sooner."""


def s3_store(address: ObjectAddress, access: S3Access, how: Retrying) -> S3Store:
    """Return what asks for objects of an S3 bucket; it tries once, the caller tries again."""
    options = _options(how, access.base)
    retrying: RetryConfig = {"max_retries": 0}
    if access.keys is None:
        return S3Store(
            address.bucket,
            region=access.region,
            endpoint=access.base,
            aws_endpoint_url_s3=access.base,
            virtual_hosted_style_request=False,
            skip_signature=True,
            client_options=options,
            retry_config=retrying,
        )
    keys = access.keys

    def given() -> "S3Credential":
        return {
            "access_key_id": keys.access_key,
            "secret_access_key": keys.secret_key,
            "token": keys.token,
            "expires_at": None,
        }

    return S3Store(
        address.bucket,
        region=access.region,
        endpoint=access.base,
        aws_endpoint_url_s3=access.base,
        virtual_hosted_style_request=False,
        skip_signature=False,
        client_options=options,
        retry_config=retrying,
        credential_provider=given,
    )


def other_store(
    address: ObjectAddress,
    how: Retrying,
    *,
    tries: int,
    environment: Mapping[str, str] = os.environ,
) -> GCSStore | AzureStore:
    """Return what asks for objects of Google or Azure, and tries as often itself.

    Raises InputError where the variables are wrong.
    """
    retrying: RetryConfig = {
        "max_retries": tries,
        "retry_timeout": timedelta(seconds=how.patience),
        "backoff": {
            "init_backoff": timedelta(seconds=how.first_wait),
            "max_backoff": timedelta(seconds=how.longest_wait),
        },
    }
    if address.scheme == "gs":
        base = environment.get("GOOGLE_BASE_URL") or "https://storage.googleapis.com"
        home = Path(environment.get("HOME") or "~").expanduser()
        known = any(map(environment.get, _GOOGLE)) or (home / _GOOGLE_FILE).is_file()
        logins, where = _GOOGLE_LOGIN, "GOOGLE_BASE_URL"
    else:
        base, known = _azure_base(environment), any(map(environment.get, _AZURE))
        logins, where = _azure_logins(environment), "AZURE_ENDPOINT or AZURE_STORAGE_ACCOUNT_NAME"
    try:
        parse_url(base)
    except InputError:
        cause = f"{where} names no address of a store"
        raise _not_to_be_asked(address, cause, f"correct {where}") from None
    options = _options(how, base, *(logins if known else ()))
    try:
        if address.scheme == "gs":
            return GCSStore(
                address.bucket,
                base_url=base,
                skip_signature=not known,
                client_options=options,
                retry_config=retrying,
            )
        return AzureStore(
            address.bucket,
            endpoint=base,
            skip_signature=not known,
            client_options=options,
            retry_config=retrying,
        )
    except (BaseError, ValueError, OSError):
        # What the library says may show what it was given.
        names = "AZURE_STORAGE_ACCOUNT_NAME and one of its keys"
        if address.scheme == "gs":
            names = "GOOGLE_APPLICATION_CREDENTIALS"
        cause = "the variables that say who asks are missing or wrong"
        raise _not_to_be_asked(address, cause, f"set {names}") from None


def _not_to_be_asked(address: ObjectAddress, cause: str, hint: str) -> InputError:
    return InputError(
        f"the store of {address.scheme}://{address.bucket} cannot be asked", cause=cause, hint=hint
    )


def _azure_base(environment: Mapping[str, str]) -> str:
    """Return the address of the store, as the library would read the variables."""
    if environment.get("AZURE_STORAGE_USE_EMULATOR", "").lower() in _YES:
        return environment.get("AZURITE_BLOB_STORAGE_URL") or "http://127.0.0.1:10000"
    if given := environment.get("AZURE_ENDPOINT") or environment.get("AZURE_STORAGE_ENDPOINT"):
        return given
    fabric = environment.get("AZURE_USE_FABRIC_ENDPOINT", "").lower() in _YES
    account = environment.get("AZURE_STORAGE_ACCOUNT_NAME", "")
    return f"https://{account}.blob.{'fabric.microsoft.com' if fabric else 'core.windows.net'}"


def _azure_logins(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return whom the library asks for a token in exchange for a secret."""
    given = (environment.get(name) for name in _AZURE_LOGIN)
    return tuple(filter(None, given)) or ("https://login.microsoftonline.com",)


def _options(how: Retrying, base: str, *logins: str) -> "ClientConfig":
    return {
        "allow_http": base.startswith("http://"),
        "connect_timeout": timedelta(seconds=how.timeout),
        "read_timeout": timedelta(seconds=how.timeout),
        "timeout": _LONGEST_PART,
        "user_agent": "crate-iscc",
        **way_to(base, *logins),
    }
