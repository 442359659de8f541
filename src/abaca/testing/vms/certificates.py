"""The simulated array's certificate, and the authority that signed it.

Made once for a directory, so that a client that trusts the authority goes on doing so.
"""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_PEM: Final = serialization.Encoding.PEM
_NO_LIMIT: Final = x509.BasicConstraints(ca=True, path_length=None)


@dataclass(frozen=True)
class Certificates:
    """The authority's certificate for clients, and the server's side of TLS."""

    ca: Path
    context: ssl.SSLContext


def make(directory: Path, host: str) -> Certificates:
    """Those in the directory, made if absent."""
    directory.mkdir(parents=True, exist_ok=True)
    ca, chain = directory / "ca.pem", directory / "server.pem"
    if not chain.exists():
        _write(ca, chain, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Certificates(ca, context)


def _write(ca: Path, chain: Path, host: str) -> None:
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _name("VMS simulator authority")
    signed = _builder(authority, authority, authority_key).add_extension(_NO_LIMIT, critical=True)
    ca.write_bytes(signed.sign(authority_key, hashes.SHA256()).public_bytes(_PEM))
    names = x509.SubjectAlternativeName([_alternative(host), x509.DNSName("localhost")])
    server = _builder(_name(host), authority, key).add_extension(names, critical=False)
    format, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    chain.touch(mode=0o600)
    chain.write_bytes(
        key.private_bytes(_PEM, format, plain)
        + server.sign(authority_key, hashes.SHA256()).public_bytes(_PEM)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
    )
