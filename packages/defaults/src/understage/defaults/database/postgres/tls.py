"""TLS contexts for Postgres connections."""

import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

from understage.defaults.database.settings import TlsSettings


def tls_context(settings: TlsSettings) -> ssl.SSLContext:
    """Returns the context for a connection. Reads files, so it belongs into a thread.

    Raises:
        ssl.SSLError: a certificate or key cannot be parsed.
    """
    context = ssl.create_default_context(cadata=settings.ca)
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.cert is not None:
        with _as_file(f"{settings.cert}\n{settings.key or ''}") as chain:
            context.load_cert_chain(chain)
    return context


@contextlib.contextmanager
def _as_file(text: str) -> Iterator[Path]:
    # The standard library takes a client's certificate from files only; this one is readable by its owner alone.
    handle, name = tempfile.mkstemp(suffix=".pem")
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        yield path
    finally:
        path.unlink()
