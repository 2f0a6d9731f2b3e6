"""The server's certificate."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from understage.config import ConfigError, config_from_data
from understage.defaults.root_http_router.certificates import (
    default_folder,
    read_tls_context,
    self_signed_certificate,
)

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def certificate(text: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(text.encode())


def names(text: str) -> list[str]:
    extension = certificate(text).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in extension.value]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("portal.example", ["portal.example", "localhost", "127.0.0.1", "::1"]),
        ("localhost", ["localhost", "127.0.0.1", "::1"]),
        ("10.0.0.5", ["10.0.0.5", "localhost", "127.0.0.1", "::1"]),
        ("::1", ["localhost", "127.0.0.1", "::1"]),
    ],
)
def test_self_signed_certificates_are_for_the_host(tmp_path: Path, host: str, expected: list[str]) -> None:
    """H91: the self-signed certificate is for the configured host, and for this machine."""
    text = self_signed_certificate(host, tmp_path, NOW)
    assert names(text) == expected
    assert certificate(text).not_valid_after_utc == NOW + timedelta(days=30)


def test_self_signed_certificates_are_kept(tmp_path: Path) -> None:
    """H91: a certificate is kept, readable by its owner only, and made anew on its last day."""
    folder = tmp_path / "deep" / "er"
    first = self_signed_certificate("localhost", folder, NOW)
    [path] = folder.iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert self_signed_certificate("localhost", folder, NOW + timedelta(days=28)) == first
    assert self_signed_certificate("localhost", folder, NOW + timedelta(days=29, hours=1)) != first
    path.write_text("damaged")
    assert names(self_signed_certificate("localhost", folder, NOW)) == ["localhost", "127.0.0.1", "::1"]


def test_folder_follows_the_environment(tmp_path: Path) -> None:
    """H91: certificates are kept in the user's cache folder."""
    assert default_folder({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/understage/certificates")
    assert default_folder({}) == Path.home() / ".cache/understage/certificates"


def test_no_https_by_default() -> None:
    """H91: without backend.https, or with false, the server speaks plain HTTP."""
    assert read_tls_context(config_from_data({})) is None
    assert read_tls_context(config_from_data({"backend": {"https": False}})) is None


def test_https_true_makes_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """H91: backend.https true makes a certificate for the host of baseUrl."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = {"backend": {"https": True, "baseUrl": "https://portal.example:7007"}}
    assert read_tls_context(config_from_data(data)) is not None
    assert [path.name for path in default_folder({"XDG_CACHE_HOME": str(tmp_path)}).iterdir()] == ["portal.example.pem"]


def test_configured_certificates(tmp_path: Path) -> None:
    """H91: certificate.cert and certificate.key are PEM texts; unusable ones fail the start and name the key."""
    text = self_signed_certificate("localhost", tmp_path, NOW)
    key, _, cert = text.partition("-----BEGIN CERTIFICATE-----")
    pair = {"key": key, "cert": f"-----BEGIN CERTIFICATE-----{cert}"}
    assert read_tls_context(config_from_data({"backend": {"https": {"certificate": pair}}})) is not None
    for wrong in ({**pair, "cert": "nonsense"}, {**pair, "key": "nonsense"}):
        with pytest.raises(ConfigError, match=r"backend\.https\.certificate: the certificate cannot be used"):
            read_tls_context(config_from_data({"backend": {"https": {"certificate": wrong}}}))
    with pytest.raises(ConfigError, match=r"backend\.https\.certificate"):
        read_tls_context(config_from_data({"backend": {"https": {"certificate": {"cert": "x"}}}}))
