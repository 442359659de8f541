"""The simulated array's certificate, and the authority that signed it.

The authority is made once for a directory, so that a client that trusts it goes on doing so.  Both
satisfy clients that ask for all that RFC 5280 does, as those of Python 3.13.
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
_USES: Final = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment",
    "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip
_NO_LIMIT: Final = x509.BasicConstraints(ca=True, path_length=None)


@dataclass(frozen=True)
class Certificates:
    """The authority's certificate for clients, and the server's side of TLS."""

    ca: Path
    context: ssl.SSLContext


def make(directory: Path, host: str) -> Certificates:
    """The authority of the directory, made if absent, and a certificate that it signs for the
    host."""
    directory.mkdir(parents=True, exist_ok=True)
    ca, secret, chain = (directory / name for name in ("ca.pem", "ca.key", "server.pem"))
    if not ca.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        _keep(secret, _private(key))
        ca.write_bytes(_authority(key).public_bytes(_PEM))
    authority = x509.load_pem_x509_certificate(ca.read_bytes())
    signer = serialization.load_pem_private_key(secret.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    signed = _server(host, key, authority).sign(signer, hashes.SHA256())
    _keep(chain, _private(key) + signed.public_bytes(_PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Certificates(ca, context)


def _authority(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = _name("VMS simulator authority")
    usage = x509.KeyUsage(**dict.fromkeys(_USES, False) | {"key_cert_sign": True})
    builder = _builder(name, name, key).add_extension(_NO_LIMIT, critical=True)
    return builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())


def _server(
    host: str, key: ec.EllipticCurvePrivateKey, authority: x509.Certificate
) -> x509.CertificateBuilder:
    names = x509.SubjectAlternativeName([_alternative(host), x509.DNSName("localhost")])
    signer = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    by = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer)
    builder = _builder(_name(host), authority.subject, key)
    return builder.add_extension(names, critical=False).add_extension(by, critical=False)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    format, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(_PEM, format, plain)


def _keep(file: Path, secret: bytes) -> None:
    file.touch(mode=0o600)
    file.write_bytes(secret)


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
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
