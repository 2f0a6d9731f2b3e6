"""Which errors of the driver mean that the database is away."""

from __future__ import annotations

from understage.defaults.database.settings import PostgresSettings
from understage.errors import ServiceUnavailableError

MISSING_DATABASE = "3D000"
# Already there; the unique violation is what the loser of a race sees.
ALREADY_EXISTS = frozenset({"42P04", "42P06", "23505"})

_LOGIN_REFUSED = "28"
_CONNECTION = "08"
_SHUT_DOWN = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05"})
_NO_RESOURCES = "53"


def sqlstate(error: BaseException) -> str:
    """Returns the error's five-letter code, or an empty text."""
    code = getattr(error, "sqlstate", None)
    return code if isinstance(code, str) else ""


def cannot_connect(settings: PostgresSettings, error: BaseException) -> ServiceUnavailableError:
    """Returns what to raise when connecting failed: one message that names everything but the password."""
    code = sqlstate(error)
    if code.startswith(_LOGIN_REFUSED):
        what = f"refused the login of user '{settings.user or 'default'}'; check user and password in {settings.source}"
    elif code == MISSING_DATABASE:
        what = f"does not exist; create it, or set backend.database.ensureExists to true ({settings.source})"
    elif isinstance(error, TimeoutError):
        what = f"did not answer within {settings.connect_seconds:g} s; check the server and {settings.source}"
    else:
        what = f"cannot be reached; check that the server runs, and {settings.source}"
    return ServiceUnavailableError(f"{settings.title()} {what}", error, retry_after=1)


def lost_connection(
    settings: PostgresSettings, error: BaseException, *, closed: bool
) -> ServiceUnavailableError | None:
    """Returns what to raise when a statement failed because the server went away, else None.

    Args:
        settings: what was connected to.
        error: what the driver raised.
        closed: whether the connection is closed since.
    """
    code = sqlstate(error)
    lost = code.startswith((_CONNECTION, _NO_RESOURCES)) or code in _SHUT_DOWN
    if not lost and not (closed and isinstance(error, Exception) and not code):
        return None
    message = f"the connection to {settings.title()} was lost; a statement under way may have taken effect or not"
    return ServiceUnavailableError(message, error, retry_after=1)
