"""Tokens of users: full ones, limited ones, and those of old backends."""

from datetime import UTC, datetime

from understage.defaults.auth.key_sets import Clock, KeySetMissingError, KeySets, KeySetUnavailableError
from understage.defaults.auth.signatures import check_signature
from understage.defaults.auth.tokens import (
    LIMITED_USER_TYPE,
    OLD_USER_AUDIENCE,
    USER_TYPE,
    InvalidTokenError,
    UnverifiedToken,
    check_still_valid,
    has_audience,
    required_text,
    required_time,
)
from understage.defaults.auth.verified_tokens import VerifiedToken
from understage.errors import AuthenticationError, ServiceUnavailableError
from understage.plugin_api import Credentials, DiscoveryService, LoggerService, UserPrincipal

AUTH_PLUGIN_ID = "auth"
USER_KEYS_PATH = "/.well-known/jwks.json"


class UserTokenVerifier:
    """Verifies tokens that the auth plugin issued to users."""

    def __init__(self, key_sets: KeySets, discovery: DiscoveryService, logger: LoggerService, clock: Clock) -> None:
        self._key_sets = key_sets
        self._discovery = discovery
        self._logger = logger
        self._clock = clock

    async def verify(self, token: UnverifiedToken) -> VerifiedToken | None:
        """Verifies a user token; returns None if it is of another kind.

        Raises:
            AuthenticationError: it is a user token that proves nothing.
            ServiceUnavailableError: the auth plugin's keys cannot be read for now.
        """
        if not _is_user_token(token):
            return None
        try:
            return await self._verify(token)
        except (InvalidTokenError, KeySetMissingError) as error:
            self._logger.warning("Failed to verify a user token", reason=str(error))
            raise AuthenticationError("Failed user token verification") from error
        except KeySetUnavailableError as error:
            raise ServiceUnavailableError(
                f"Cannot verify user tokens for now: the keys of plugin '{AUTH_PLUGIN_ID}' cannot be read",
                retry_after=1,
            ) from error

    async def _verify(self, token: UnverifiedToken) -> VerifiedToken:
        subject = required_text(token.claims, "sub")
        required_time(token.claims, "iat")
        expires_at = check_still_valid(token.claims, self._clock())
        if not isinstance(token.key_id, str):
            raise InvalidTokenError("the header names no key")
        base_url = await self._discovery.get_base_url(AUTH_PLUGIN_ID)
        keys = await self._key_sets.at(base_url + USER_KEYS_PATH).keys_for(token)
        check_signature(token, keys)
        return VerifiedToken(
            Credentials(UserPrincipal(subject), datetime.fromtimestamp(expires_at, UTC), token.text),
            expires_at,
            is_limited=token.type == LIMITED_USER_TYPE,
        )


def _is_user_token(token: UnverifiedToken) -> bool:
    if token.type in (USER_TYPE, LIMITED_USER_TYPE):
        return True
    return token.type is None and has_audience(token.claims, OLD_USER_AUDIENCE)
