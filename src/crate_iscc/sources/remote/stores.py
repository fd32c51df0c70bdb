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
from crate_iscc.sources.remote.retrying import Retrying

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
_LONGEST_PART = timedelta(minutes=15)
"""An answer that goes on and on is not ended before; one that stands still is, much sooner."""


def s3_store(address: ObjectAddress, access: S3Access, how: Retrying) -> S3Store:
    """Return what asks for objects of an S3 bucket; it tries once, the caller tries again."""
    options = _options(how, plain=access.base.startswith("http://"))
    retrying: RetryConfig = {"max_retries": 0}
    if access.keys is None:
        return S3Store(
            address.bucket,
            region=access.region,
            endpoint=access.base,
            aws_endpoint_url_s3=access.base,
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
    plain = any(
        environment.get(name, "").startswith("http://")
        for name in ("GOOGLE_BASE_URL", "AZURE_ENDPOINT", "AZURE_STORAGE_ENDPOINT")
    )
    options = _options(how, plain=plain)
    retrying: RetryConfig = {
        "max_retries": tries,
        "retry_timeout": timedelta(seconds=how.patience),
        "backoff": {
            "init_backoff": timedelta(seconds=how.first_wait),
            "max_backoff": timedelta(seconds=how.longest_wait),
        },
    }
    try:
        if address.scheme == "gs":
            home = Path(environment.get("HOME") or "~").expanduser()
            known = any(map(environment.get, _GOOGLE)) or (home / _GOOGLE_FILE).is_file()
            return GCSStore(
                address.bucket,
                skip_signature=not known,
                client_options=options,
                retry_config=retrying,
            )
        return AzureStore(
            address.bucket,
            skip_signature=not any(map(environment.get, _AZURE)),
            client_options=options,
            retry_config=retrying,
        )
    except (BaseError, ValueError, OSError):
        # What the library says may show what it was given.
        names = "AZURE_STORAGE_ACCOUNT_NAME and one of its keys"
        if address.scheme == "gs":
            names = "GOOGLE_APPLICATION_CREDENTIALS"
        raise InputError(
            f"the store of {address.scheme}://{address.bucket} cannot be asked",
            cause="the variables that say who asks are missing or wrong",
            hint=f"set {names}",
        ) from None


def _options(how: Retrying, *, plain: bool) -> "ClientConfig":
    return {
        "allow_http": plain,
        "connect_timeout": timedelta(seconds=how.timeout),
        "read_timeout": timedelta(seconds=how.timeout),
        "timeout": _LONGEST_PART,
        "user_agent": "crate-iscc",
    }
