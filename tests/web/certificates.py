"""Certificates for servers of tests, each of an authority of its own."""

import ipaddress
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path


def certificate_of(folder: Path, *hosts: str) -> Path:
    """Write a key, a certificate for addresses and names, and its authority's, to one file.

    Returns the place of the file.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def named(host: str) -> x509.GeneralName:
        with suppress(ValueError):
            return x509.IPAddress(ipaddress.ip_address(host))
        return x509.DNSName(host)

    def called(name: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])

    def begun(subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            issuer_name=called("authority"),
            subject_name=called(subject),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(days=1),
            not_valid_after=now + timedelta(days=1),
        )

    authority, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    may_sign = x509.BasicConstraints(ca=True, path_length=None)
    names = x509.SubjectAlternativeName([named(host) for host in hosts])
    root = begun("authority", authority).add_extension(may_sign, critical=True)
    made = begun(hosts[0], key).add_extension(names, critical=False)
    chain = [one.sign(authority, hashes.SHA256()) for one in (made, root)]
    place = folder / "both.pem"
    place.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
    )
    return place
