"""Timestamps (RFC 3161): asked for over a network elsewhere, checked here, offline.

A token says that bytes existed by a time, nothing else: the hash of the bytes and the time stand in
what the authority signed. The token's own bytes identify nothing, since some of them are outside of
that.
"""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from rfc3161_client import (
    HashAlgorithm,
    PKIStatus,
    TimeStampRequest,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerifierBuilder,
    decode_timestamp_response,
)

from crate_iscc.errors import TrustError
from crate_iscc.trust.certificate_order import with_sorted_certificates

_HASHES = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}
"""The hash algorithms of tokens, by their object identifiers."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """That bytes existed by `time`, as `authority` says, plus or minus its `accuracy`.

    `root` names the trusted root that vouches for the authority; None where none does.
    """

    time: datetime
    authority: str
    accuracy: timedelta | None = None
    root: str | None = None


def request_for(raw: bytes) -> TimeStampRequest:
    """Return a request for a stamp of these bytes: SHA-256, with a nonce, certificates wanted."""
    return TimestampRequestBuilder().data(raw).hash_algorithm(HashAlgorithm.SHA256).build()


def check_answer(request: TimeStampRequest, answer: bytes) -> None:
    """Raise TrustError unless an authority's answer grants a request: its bytes, its nonce."""
    response = _decoded(answer)
    if PKIStatus(response.status) not in (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS):
        raise TrustError(
            "the timestamp authority refused",
            cause="; ".join(response.status_string) or PKIStatus(response.status).name,
        )
    if response.tst_info.nonce != request.nonce:
        raise TrustError("the timestamp is the answer to another request")
    if response.tst_info.message_imprint.message != request.message_imprint.message:
        raise TrustError("the timestamp is of other bytes")


def check_stamp(token: bytes, raw: bytes, roots: Mapping[str, bytes]) -> Stamp:
    """Return what a token says of bytes, and which of the roots (PEM, by name) vouches for it.

    Each root is asked by itself. Certificates inside the token may be intermediates, never roots.
    Raises TrustError for a token that cannot be read, or is of other bytes; and where roots were
    given and the token claims one of their names, but does not hold by it.
    """
    response = _decoded(token)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is wrong with certificates that nobody trusts
            info = response.tst_info
            imprint = info.message_imprint
            wanted = _HASHES.get(imprint.hash_algorithm.dotted_string)
            time = info.gen_time if info.gen_time.tzinfo else info.gen_time.replace(tzinfo=UTC)
            accuracy = info.accuracy
            certificates = list(map(x509.load_der_x509_certificate, _certificates(response)))
            authority = _authority(response, certificates)
    except Exception as error:  # hostile bytes make the readers of certificates raise anything
        raise TrustError("the timestamp cannot be understood", cause=str(error)[:200]) from error
    if wanted is None or wanted(raw).digest() != imprint.message:
        raise TrustError("the timestamp is of other bytes")
    root = next((name for name, pem in roots.items() if _vouches(pem, response, raw)), None)
    span = None
    if accuracy is not None:
        span = timedelta(
            seconds=accuracy.seconds or 0,
            milliseconds=accuracy.millis or 0,
            microseconds=accuracy.micros or 0,
        )
    return Stamp(time, authority, span, root)


def _decoded(token: bytes) -> TimeStampResponse:
    try:
        return decode_timestamp_response(with_sorted_certificates(token))
    except ValueError as error:
        raise TrustError("the timestamp cannot be read", cause=str(error)[:200]) from error


def _certificates(response: TimeStampResponse) -> list[bytes]:
    return list(response.signed_data.certificates)


def _vouches(pem: bytes, response: TimeStampResponse, raw: bytes) -> bool:
    """Tell whether a token holds by any root certificate of a PEM file, as of its own time."""
    try:
        roots = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise TrustError("a root certificate cannot be read", cause=str(error)[:200]) from error
    for root in roots:
        try:
            if VerifierBuilder(roots=[root]).build().verify_message(response, raw):
                return True
        except Exception:  # noqa: S112  # whatever is wrong with the token: this root says nothing
            continue
    return False


def _authority(response: TimeStampResponse, certificates: list[x509.Certificate]) -> str:
    """Return what its certificate calls the authority that signed; others may lie beside it."""
    signers = {(one.issuer, one.serial_number) for one in response.signed_data.signer_infos}
    for certificate in certificates:
        if (certificate.issuer, certificate.serial_number) in signers:
            return certificate.subject.rfc4514_string()
    return "an authority without a certificate"
