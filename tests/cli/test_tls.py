"""The API over TLS."""

from __future__ import annotations

import ipaddress
import ssl
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.processes import site

PEM = serialization.Encoding.PEM


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "abaca")])
    now = datetime.now(UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, key_file = folder / "server.crt", folder / "server.key"
    certificate.write_bytes(made.public_bytes(PEM))
    format, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(PEM, format, plain))
    return certificate, key_file


def test_a_first_share_over_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    text = f"osapi_share_use_ssl = True\n[ssl]\ncert_file = {certificate}\nkey_file = {key}\n"
    with site(text, auth="embedded") as secure:
        process = secure.serve("--first-share", "hello")
        assert "share      hello, 1 GiB, available" in secure.said(process)
        assert f"API        https://127.0.0.1:{secure.port}/v2" in secure.said(process)
        clouds = secure.clouds.read_text()
        assert "auth_url: https://" in clouds
        assert str(certificate) in clouds
        context = ssl.create_default_context(cafile=str(certificate))
        url = f"https://127.0.0.1:{secure.port}/healthcheck"
        with urllib.request.urlopen(url, context=context) as answer:
            assert answer.status == 200


def test_a_certificate_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    certificate, _ = make_certificate(tmp_path)
    for broken in ("", f"[ssl]\ncert_file = {certificate}\nkey_file = {tmp_path}/none\n"):
        with site(f"osapi_share_use_ssl = True\n{broken}") as secure:
            result = secure.run("serve")
            assert result.returncode == 1
            assert "Traceback" not in result.stderr
            assert "cert" in result.stderr
