"""The server's certificate: `backend.https`."""

import os
import ssl
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from understage.config import Config, ConfigError

_KEY = "backend.https"
_VALIDITY = timedelta(days=30)
_RENEWAL = timedelta(days=1)


def read_tls_context(config: Config) -> ssl.SSLContext | None:
    """Returns the TLS settings of the server, or None for plain HTTP. Touches files: call it in a thread.

    `backend.https: true` means a self-signed certificate for the host of `backend.baseUrl`, which is kept in the user's
    cache folder; otherwise `certificate.cert` and `certificate.key` hold PEM texts.

    Raises:
        ConfigError: the certificate is missing or cannot be used.
    """
    value = config.get_optional(_KEY)
    if value is None or value is False:
        return None
    if value is True:
        host = urlsplit(config.get_string("backend.baseUrl")).hostname or "localhost"
        return _context(self_signed_certificate(host, default_folder(os.environ)), config)
    certificate = config.get_config(f"{_KEY}.certificate")
    return _context(f"{certificate.get_string('key')}\n{certificate.get_string('cert')}", config)


def default_folder(env: Mapping[str, str]) -> Path:
    """Returns where self-signed certificates are kept: below `XDG_CACHE_HOME`, or `~/.cache`."""
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "understage" / "certificates"


def self_signed_certificate(host: str, folder: Path, now: datetime | None = None) -> str:
    """Returns a private key and a certificate as PEM, made anew when the kept one ends within a day.

    Args:
        host: the name or address that the certificate is for.
        folder: where it is kept.
        now: the present time, in UTC.
    """
    from cryptography import x509

    now = now or datetime.now(UTC)
    path = folder / f"{host.replace(':', '_')}.pem"
    if path.exists():
        text = path.read_text()
        try:
            if x509.load_pem_x509_certificate(text.encode()).not_valid_after_utc - now > _RENEWAL:
                return text
        except ValueError:
            # A damaged file is replaced below.
            pass
    text = _make(host, now)
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    Path(temporary).replace(path)
    return text


def _make(host: str, now: datetime) -> str:
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    names += [x509.IPAddress(ip_address(address)) for address in ("127.0.0.1", "::1")]
    try:
        own: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        own = x509.DNSName(host)
    if own not in names:
        names.insert(0, own)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, host[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALIDITY)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private.decode() + certificate.public_bytes(serialization.Encoding.PEM).decode()


def _context(pem: str, config: Config) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    # The ssl module reads certificates from files only.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except ssl.SSLError as error:
            raise ConfigError(
                f"the certificate cannot be used: {error.reason or error}; expected PEM texts that belong together",
                key=f"{_KEY}.certificate",
                location=config.location_of(_KEY),
            ) from error
    return context
