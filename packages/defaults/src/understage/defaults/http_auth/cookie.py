"""The user cookie as it is written to a response."""

from email.utils import formatdate
from urllib.parse import urlsplit

from understage.defaults.http_auth.request_tokens import COOKIE_NAME


class CookieFormat:
    """The attributes of a plugin's user cookie, which follow from the address that browsers use.

    It is for the host of that address, and cross-site where browsers take it as secure: https, or `localhost`.
    """

    def __init__(self, external_base_url: str) -> None:
        """Reads the host off the address.

        Args:
            external_base_url: the plugin's address for browsers.
        """
        parts = urlsplit(external_base_url)
        host = parts.hostname or ""
        is_secure = parts.scheme == "https" or host == "localhost"
        self._start = f"; Domain={f'[{host}]' if ':' in host else host}; Path=/; Expires="
        self._end = f"; HttpOnly;{' Secure;' if is_secure else ''} Priority=High; SameSite="
        self._end += "None" if is_secure else "Lax"

    def set(self, token: str, expires_at: float) -> str:
        """Returns the `Set-Cookie` value that sets the cookie.

        Args:
            token: the limited user token.
            expires_at: when the token ends, in seconds since 1970.
        """
        return f"{COOKIE_NAME}={token}{self._start}{formatdate(expires_at, usegmt=True)}{self._end}"

    def clear(self) -> str:
        """Returns the `Set-Cookie` value that removes the cookie."""
        return self.set("", 0)
