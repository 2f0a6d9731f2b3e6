import asyncio
import datetime as dt
import ipaddress
import ssl
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from understage.defaults.database.postgres.tls import tls_context
from understage.defaults.database.settings import TlsSettings


def certificate(name: str) -> tuple[str, str]:
    """A certificate that signs itself, and its key, as PEM texts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), pem.decode()


SERVER_CERT, SERVER_KEY = certificate("server")
CLIENT_CERT, CLIENT_KEY = certificate("client")


async def handshake(tmp_path: Path, client: TlsSettings, *, ask_client: bool = False) -> dict[str, object]:
    """Connects to a TLS server, and returns the certificate that the server saw."""
    (tmp_path / "server.pem").write_text(SERVER_CERT + SERVER_KEY)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem")
    if ask_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=CLIENT_CERT)
    seen: list[dict[str, object]] = []

    def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peercert") or {})
        writer.write(b"x")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls_context(client))
        await reader.read()
        writer.close()
        await writer.wait_closed()
    finally:
        server.close()
        await server.wait_closed()
    return seen[0]


async def test_the_server_is_verified(tmp_path: Path) -> None:
    """A server whose certificate the given authority did not sign is refused, unless rejectUnauthorized is false."""
    await handshake(tmp_path, TlsSettings(ca=SERVER_CERT))
    await handshake(tmp_path, TlsSettings(verify=False))
    for wrong in (TlsSettings(), TlsSettings(ca=CLIENT_CERT)):
        with pytest.raises(ssl.SSLCertVerificationError):
            await handshake(tmp_path, wrong)


async def test_the_client_shows_its_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client's certificate and key, as PEM texts, are shown to the server and leave no file behind."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    settings = TlsSettings(ca=SERVER_CERT, cert=CLIENT_CERT, key=CLIENT_KEY)

    assert "client" in str((await handshake(tmp_path, settings, ask_client=True))["subject"])
    assert list(folder.iterdir()) == []


def test_a_broken_certificate_is_an_error() -> None:
    """What is no PEM text is refused."""
    with pytest.raises(ssl.SSLError):
        tls_context(TlsSettings(ca="no certificate"))
    with pytest.raises(ssl.SSLError):
        tls_context(TlsSettings(cert="no certificate", key="no key"))
