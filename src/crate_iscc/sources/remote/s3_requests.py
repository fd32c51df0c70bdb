"""Requests to an S3 store that the library for objects does not make: they are signed here.

Signature Version 4 (Amazon, "Authenticating Requests: Using the Authorization Header"), for GET
without a body.
"""

import hashlib
import hmac
import http.client
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from crate_iscc.sources.remote.answers import code_in
from crate_iscc.sources.remote.credentials import Keys, S3Access
from crate_iscc.sources.remote.proxies import user_proxy

_LARGEST_ANSWER = 64 << 20
_LONGEST_ERROR = 1 << 16
_NOTHING = hashlib.sha256(b"").hexdigest()
_HANDLERS = (
    urllib.request.HTTPHandler,
    urllib.request.HTTPSHandler,
    urllib.request.HTTPDefaultErrorHandler,
    urllib.request.HTTPErrorProcessor,
)
"""A signed request is for one server only, so none of these follows where another is named."""


class AnswerError(Exception):
    """The store answered otherwise than with 200.

    `region` is where it says that the bucket is, `code` the word that it has for what is wrong.
    """

    def __init__(self, status: int, region: str | None = None, code: str | None = None) -> None:
        self.answer = f"{status}, {code}" if code else str(status)
        super().__init__(f"the store answers {self.answer}")
        self.status = status
        self.region = region
        self.code = code


class BrokenError(Exception):
    """There was no answer, or not all of it."""


def get(access: S3Access, path: str, query: Mapping[str, str], timeout: float) -> bytes:
    """Return the body of an answer. Raises AnswerError, BrokenError, and what user_proxy raises."""
    asked = "&".join(
        f"{quote(k, safe='-_.~')}={quote(query[k], safe='-_.~')}" for k in sorted(query)
    )
    url = f"{access.base}{quote(path, safe='/-_.~')}?{asked}"
    headers = {"User-Agent": "crate-iscc"}
    if access.keys:
        headers |= signed(access.keys, access.region, url, datetime.now(UTC))
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http or https only
    opener = urllib.request.OpenerDirector()
    proxy = user_proxy(url)
    way = " by way of the proxy that is set" if proxy else ""
    opener.add_handler(urllib.request.ProxyHandler({urlsplit(url).scheme: proxy} if proxy else {}))
    for handler in _HANDLERS:
        opener.add_handler(handler())
    try:
        with opener.open(request, timeout=timeout) as answer:
            # What is cut is an IncompleteRead only where it is read whole.
            body: bytes = answer.read(_LARGEST_ANSWER)
            if len(body) == _LARGEST_ANSWER:
                raise BrokenError("the answer is too long")
            if answer.length:
                raise BrokenError("the answer was cut")
            return body
    except urllib.error.HTTPError as error:
        region = error.headers.get("x-amz-bucket-region")
        said = ""
        with error, suppress(OSError, http.client.HTTPException):
            said = error.read(_LONGEST_ERROR).decode("utf-8", "replace")
        raise AnswerError(error.code, region, code_in(said)) from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(reason, TimeoutError):
            raise BrokenError(f"there was no answer in time{way}") from None
        told = reason.strerror if isinstance(reason, OSError) else type(reason).__name__
        raise BrokenError(f"the connection failed{way}: {told or reason}") from None


def signed(keys: Keys, region: str, url: str, now: datetime) -> dict[str, str]:
    """Return the headers that sign a GET of a URL whose query is sorted and encoded."""
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    parts = urlsplit(url)
    headers = {"host": parts.netloc, "x-amz-content-sha256": _NOTHING, "x-amz-date": moment}
    if keys.token:
        headers["x-amz-security-token"] = keys.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"GET\n{parts.path}\n{parts.query}\n{lines}\n{names}\n{_NOTHING}"
    scope = f"{moment[:8]}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode("utf-8")).hexdigest()
    key = f"AWS4{keys.secret_key}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode("utf-8"), "sha256")
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode("utf-8"), "sha256").hex()
    del headers["host"]  # urllib writes it itself
    headers["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access_key}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers
