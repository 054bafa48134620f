"""Redis over TLS as Heroku has it: with a certificate that nobody signed."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contactsync.bell import Bell, answer_bells
from contactsync.redis_server import RemoteRedis, server_binary
from tests.fixtures.processes import free_port
from tests.fixtures.redis import RedisForTests


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for another name, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "some.other.host")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*form))
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture(scope="module")
def tls_url() -> Iterator[str]:
    asked = subprocess.run(
        [server_binary(), "--tls-port", "?"], capture_output=True, text=True, check=False, timeout=10
    )
    if "couldn't be parsed" not in asked.stdout + asked.stderr:
        pytest.skip("this Redis was built without TLS")
    with tempfile.TemporaryDirectory(prefix="cs-tls-", dir="/tmp") as folder:
        certificate, key = self_signed(Path(folder))
        port = free_port()
        listen = ["--tls-port", str(port), "--tls-auth-clients", "no", "--tls-cert-file", str(certificate)]
        server = RedisForTests(Path(folder), *listen, "--tls-key-file", str(key))
        server.start()
        yield f"rediss://127.0.0.1:{port}/0"
        server.stop()


def test_a_bell_is_rung_and_answered_over_tls_with_a_certificate_that_nobody_signed(tls_url: str) -> None:
    place = RemoteRedis(tls_url)
    bell = Bell(place)
    assert bell.ring(5)
    answered: list[int] = []
    answer_bells(place, lambda org_id, stop: bool(answered.append(org_id)), bell.ring, burst=True)
    assert answered == [5]
    bell.close()


def test_a_url_that_asks_for_a_checked_certificate_gets_no_other(tls_url: str) -> None:
    bell = Bell(RemoteRedis(f"{tls_url}?ssl_cert_reqs=required"))
    assert bell.ring(5) is False
