"""Real servers that tests may use: whether they are there, and whether they have to be."""

import functools
import os
import socket
from urllib.parse import urlsplit

_REACHABLE_SECONDS = 1.0


def is_ci() -> bool:
    """Tells whether tests run in CI (`CI=true`), where a server that is missing is an error."""
    return os.environ.get("CI", "").lower() == "true"


@functools.cache
def is_reachable(place: str, usual_port: int) -> bool:
    """Tells whether a server listens, as it was when first asked.

    Args:
        place: a URL, or `HOST:PORT`.
        usual_port: where it listens if the place names no port.
    """
    parts = urlsplit(place if "//" in place else f"//{place}")
    try:
        with socket.create_connection((parts.hostname or "localhost", parts.port or usual_port), _REACHABLE_SECONDS):
            return True
    except OSError:
        return False
