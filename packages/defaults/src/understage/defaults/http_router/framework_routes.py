"""Routes that every plugin has: its key set, and the cookie of a browser's user."""

from datetime import UTC, datetime

from understage.defaults.root_http_router.answers import Header, json_bytes, send_empty, send_json
from understage.plugin_api import AuthService, HttpAuthService, Scope, Send

JWKS_PATH = "/.backstage/auth/v1/jwks.json"
COOKIE_PATH = "/.backstage/auth/v1/cookie"


async def answer_jwks(send: Send, auth: AuthService) -> None:
    """Sends the plugin's public keys."""
    await send_json(send, 200, json_bytes(await auth.list_public_service_keys()))


async def answer_cookie(scope: Scope, send: Send, auth: AuthService, http_auth: HttpAuthService) -> None:
    """Sets the user cookie of a request's user (GET), or clears it (DELETE).

    Raises:
        AuthenticationError: the credentials are no user's.
    """
    response = _CookieResponse()
    if scope["method"] == "DELETE":
        await http_auth.issue_user_cookie(scope, response, credentials=await auth.get_none_credentials())
        await send_empty(send, 204, response.headers.items)
        return
    expires_at = await http_auth.issue_user_cookie(scope, response)
    body = {"expiresAt": None if expires_at is None else iso_time(expires_at)}
    await send_json(send, 200, json_bytes(body), response.headers.items)


def iso_time(time: datetime) -> str:
    """Returns a time as JavaScript writes it: UTC, with milliseconds and a `Z`."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _CollectedHeaders:
    def __init__(self) -> None:
        self.items: list[Header] = []

    def append(self, key: str, value: str) -> None:
        self.items.append((key.lower().encode("latin-1"), value.encode("latin-1")))


class _CookieResponse:
    def __init__(self) -> None:
        self._headers = _CollectedHeaders()

    @property
    def headers(self) -> _CollectedHeaders:
        return self._headers
