"""Lists the objects below a prefix of an S3 bucket (ListObjectsV2), all of them or none.

Libraries take a page that is cut, or that names no next page, for the last one, and change keys on
the way. Here each page is held against what the interface promises: it is whole, its keys ascend
and start with the prefix, and a page that says that more follow says where.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote_plus
from xml.parsers import expat

from crate_iscc.errors import InputError, ReadError
from crate_iscc.paths import printable
from crate_iscc.sources.remote.answers import ELSEWHERE
from crate_iscc.sources.remote.credentials import S3Access
from crate_iscc.sources.remote.object_address import ObjectAddress
from crate_iscc.sources.remote.retrying import Patience
from crate_iscc.sources.remote.s3_requests import AnswerError, BrokenError, get

_REDIRECTED = 300
_LASTING = 400
_WORTH_ANOTHER_TRY = (408, 429)
_WRONG_PLACE = (301, 307, 400)
_HINTS = {
    "ExpiredToken": "the credentials are too old: ask for new ones",
    "RequestTimeTooSkewed": "set the clock of this computer: it is wrong, or the store's is",
}
_EMPTY_PAGES = 1000
"""So many pages without a key, one after the other, are no listing that will end."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as a listing has it; `modified` is as the store writes it."""

    key: str
    size: int
    modified: str
    etag: str


@dataclass(frozen=True, slots=True)
class _Page:
    objects: tuple[Listed, ...]
    more: str | None


class _BadPageError(Exception):
    """An answer is no page of a listing, or not all of one."""


class S3Listing:
    """One listing; `access` is at its end as the store wants it: with the region of the bucket."""

    def __init__(self, address: ObjectAddress, access: S3Access, patience: Patience) -> None:
        self.access = access
        self._address = address
        self._patience = patience

    def objects(self, *, most: int = 1000) -> Iterator[Listed]:
        """Yield the objects in the order of the UTF-8 bytes of their keys.

        Raises InputError where there is no such bucket or it may not be listed, ReadError where
        the listing cannot be had, or not be believed.
        """
        token: str | None = None
        seen: set[str] = set()
        last = b""
        empty = 0
        while True:
            page = self._page(token, most)
            for one in page.objects:
                key = one.key.encode("utf-8", "surrogateescape")
                if not one.key.startswith(self._address.below):
                    raise self._unbelievable("it names objects of another place")
                if key <= last:
                    raise self._unbelievable("it repeats itself, or is out of order")
                last = key
                yield one
            if page.more is None:
                return
            empty = 0 if page.objects else empty + 1
            if page.more in seen or empty > _EMPTY_PAGES:
                raise self._unbelievable("it does not end")
            seen.add(page.more)
            token = page.more

    def _unbelievable(self, cause: str) -> ReadError:
        return ReadError(
            f"the listing of {printable(self._address.shown)} is not to be believed",
            cause=cause,
            hint="a listing that may not be whole is taken for none; try again later",
        )

    def _page(self, token: str | None, most: int) -> _Page:
        query = {
            "list-type": "2",
            "encoding-type": "url",
            "max-keys": str(most),
            "prefix": self._address.below,
        }
        if token is not None:
            query["continuation-token"] = token
        failures = 0
        while True:
            try:
                raw = get(
                    self.access, f"/{self._address.bucket}", query, self._patience.how.timeout
                )
                page = _parsed(raw)
            except AnswerError as error:
                if self._goes_elsewhere(error):
                    continue
                if _REDIRECTED <= error.status < _LASTING:
                    raise self._elsewhere(error.answer) from None
                if _LASTING <= error.status < 500 and error.status not in _WORTH_ANOTHER_TRY:
                    raise self._refused(error) from None
                cause = str(error)
            except (BrokenError, _BadPageError) as error:
                cause = str(error)
            else:
                self._patience.succeeded()
                return page
            failures += 1
            if not self._patience.wait(failures):
                raise ReadError(
                    f"cannot list {printable(self._address.shown)}",
                    cause=f"{cause} (tried {failures} times)",
                    hint="check AWS_ENDPOINT_URL and the network, or try again later",
                )

    def _goes_elsewhere(self, error: AnswerError) -> bool:
        """Follow a bucket to its region, of Amazon's, once."""
        if self.access.endpoint or error.status not in _WRONG_PLACE or not error.region:
            return False
        if error.region == self.access.region or not error.region.replace("-", "").isalnum():
            return False
        self.access = replace(self.access, region=error.region)
        return True

    def _elsewhere(self, answer: str) -> ReadError:
        return ReadError(
            f"cannot list {printable(self._address.shown)}",
            cause=f"{ELSEWHERE} ({answer})",
            hint="check AWS_REGION and AWS_ENDPOINT_URL",
        )

    def _refused(self, error: AnswerError) -> InputError:
        shown = printable(self._address.shown)
        if error.status == 404:
            return InputError(
                f"not found: {shown}",
                cause="there is no such bucket (404)",
                hint="check the name, AWS_REGION and AWS_ENDPOINT_URL",
            )
        if error.status in (401, 403):
            how = "set AWS_ACCESS_KEY_ID or AWS_PROFILE"
            if self.access.keys:
                how = "use other credentials, or none for a public bucket: AWS_SKIP_SIGNATURE=true"
            return InputError(
                f"may not be listed: {shown}",
                cause=f"access is denied ({error.answer})",
                hint=_HINTS.get(error.code or "", how),
            )
        return InputError(
            f"cannot be listed: {shown}",
            cause=str(error),
            hint=_HINTS.get(error.code or "", "check AWS_REGION and AWS_ENDPOINT_URL"),
        )


def _parsed(raw: bytes) -> _Page:
    """Return the page that an XML document is. Raises _BadPageError."""
    reader = _PageReader()
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _no_doctype
    try:
        parser.Parse(raw, True)
    except expat.ExpatError:
        raise _BadPageError("the page is no XML, or was cut") from None
    return reader.page()


def _no_doctype(*_what: object) -> None:
    raise _BadPageError("the page holds a document type, which may define anything")


class _PageReader:
    """Takes the elements of a page as the parser meets them."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._text: list[str] = []
        self._values: dict[str, str] = {}
        self._object: dict[str, str] = {}
        self._objects: list[dict[str, str]] = []

    def start(self, name: str, _attributes: object) -> None:
        self._path.append(name.rpartition(":")[2])
        self._text = []
        if self._path[1:] == ["Contents"]:
            self._object = {}

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, _name: str) -> None:
        match self._path:
            case ["ListBucketResult", "Contents"]:
                self._objects.append(self._object)
            case ["ListBucketResult", "Contents", name]:
                self._object[name] = "".join(self._text)
            case ["ListBucketResult"]:
                self._values["whole"] = "yes"
            case ["ListBucketResult", name]:
                self._values[name] = "".join(self._text)
        self._path.pop()
        self._text = []

    def page(self) -> _Page:
        """Return the page. Raises _BadPageError if it is none, or not all of it is there."""
        values = self._values
        if "whole" not in values or values.get("IsTruncated") not in ("true", "false"):
            raise _BadPageError("the answer is no page of a listing")
        objects = tuple(self._listed(one) for one in self._objects)
        count = values.get("KeyCount")
        if count is not None and count != str(len(objects)):
            raise _BadPageError(
                f"the page says that it holds {count} keys and holds {len(objects)}"
            )
        if values["IsTruncated"] == "false":
            return _Page(objects, None)
        token = values.get("NextContinuationToken")
        if not token:
            raise _BadPageError("the page says that more follow, and not where")
        return _Page(objects, token)

    def _listed(self, one: dict[str, str]) -> Listed:
        if not one.get("Key") or not one.get("Size", "").isdecimal():
            raise _BadPageError("the page holds an object without a key or a size")
        key, size = one["Key"], int(one["Size"])
        if self._values.get("EncodingType") == "url":
            key = unquote_plus(key, errors="surrogateescape")
        if size >= 1 << 63:
            raise _BadPageError("the page gives an object a size that none has")
        return Listed(key, size, one.get("LastModified", ""), one.get("ETag", ""))
