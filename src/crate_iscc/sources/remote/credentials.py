"""Who asks an S3 store, and which: by the variables and profiles that all S3 clients know.

This is the one place outside of the command line that looks at the environment: a program that
calls `verify("s3://…")` expects that, and secrets need not go through other hands. No network
request is made to find credentials (no instance metadata, no single sign-on): where there are
none, requests are not signed, and public buckets answer.
"""

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from crate_iscc.errors import InputError
from crate_iscc.paths import printable

_DEFAULT_REGION = "us-east-1"
_EXPORT = 'eval "$(aws configure export-credentials --format env)"'


@dataclass(frozen=True, slots=True)
class Keys:
    """An access key; its secrets are never shown."""

    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where the store is and who asks; without an endpoint it is Amazon, without keys nobody."""

    region: str
    endpoint: str | None
    keys: Keys | None

    @property
    def base(self) -> str:
        """The address of the store, without a slash at its end."""
        return self.endpoint or f"https://s3.{self.region}.amazonaws.com"


def s3_access(environment: Mapping[str, str] = os.environ) -> S3Access:
    """Return the access that the environment asks for.

    AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN) come first, then the
    profile AWS_PROFILE, or `default`, in ~/.aws/credentials and ~/.aws/config, whose names
    AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE may change. AWS_SKIP_SIGNATURE=true asks as
    nobody. AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL say where.

    Raises InputError for half a key, a profile that is not there, and one whose keys would have to
    be asked for elsewhere.
    """
    profile = _profile(environment)
    region = (
        environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or profile.get("region")
        or _DEFAULT_REGION
    )
    endpoint = (
        environment.get("AWS_ENDPOINT_URL_S3")
        or environment.get("AWS_ENDPOINT_URL")
        or profile.get("endpoint_url")
    )
    if endpoint is not None:
        endpoint = _checked(endpoint)
    skipped = environment.get("AWS_SKIP_SIGNATURE", "").lower() in ("1", "true", "yes")
    return S3Access(region, endpoint, None if skipped else _keys(environment, profile))


def _checked(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        raise InputError(
            "AWS_ENDPOINT_URL is no address of a store",
            hint="it looks like https://storage.example.org, without a name or a password",
        )
    return endpoint.rstrip("/")


def _keys(environment: Mapping[str, str], profile: Mapping[str, str]) -> Keys | None:
    access = environment.get("AWS_ACCESS_KEY_ID")
    secret = environment.get("AWS_SECRET_ACCESS_KEY")
    if access and secret:
        return Keys(access, secret, environment.get("AWS_SESSION_TOKEN") or None)
    if access or secret:
        raise InputError(
            "half of an access key is set",
            cause="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together",
        )
    access, secret = profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")
    if access and secret:
        return Keys(access, secret, profile.get("aws_session_token"))
    elsewhere = [
        name
        for name in ("sso_session", "sso_start_url", "credential_process", "role_arn")
        if name in profile
    ]
    if elsewhere:
        raise InputError(
            "the AWS profile holds no access key",
            cause=f"its key would have to be asked for elsewhere ({elsewhere[0]})",
            hint=f"ask for it with: {_EXPORT}",
        )
    return None


def _profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the files say of the profile."""
    name = environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE")
    home = Path(environment.get("HOME") or environment.get("USERPROFILE") or "~").expanduser()
    credentials = environment.get("AWS_SHARED_CREDENTIALS_FILE") or home / ".aws" / "credentials"
    config = environment.get("AWS_CONFIG_FILE") or home / ".aws" / "config"
    wanted = name or "default"
    found: dict[str, str] = {}
    there = False
    for place, section in (
        (config, wanted if wanted == "default" else f"profile {wanted}"),
        (credentials, wanted),
    ):
        parsed = _parsed(Path(place))
        if parsed.has_section(section):
            there = True
            found.update(parsed.items(section))
    if name and not there:
        raise InputError(
            f"there is no AWS profile {printable(name)}", hint="unset AWS_PROFILE, or correct it"
        )
    return found


def _parsed(place: Path) -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False, default_section="")
    try:
        parsed.read(place.expanduser(), encoding="utf-8")
    except (OSError, UnicodeDecodeError, configparser.Error):
        # What the parser says would show lines of a file of secrets.
        raise InputError(
            f"cannot be read: {printable(str(place))}", cause="it is no file of AWS profiles"
        ) from None
    return parsed
