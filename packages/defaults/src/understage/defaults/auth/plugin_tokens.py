"""Tokens by which plugins call each other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from understage.defaults.auth.key_sets import Clock, KeySetMissingError, KeySets, KeySetUnavailableError
from understage.defaults.auth.plugin_keys import PluginKeySource
from understage.defaults.auth.signatures import SigningKey, check_signature, sign_token
from understage.defaults.auth.tokens import (
    PLUGIN_TYPE,
    InvalidTokenError,
    UnverifiedToken,
    check_still_valid,
    has_audience,
    parse_token,
    required_text,
    required_time,
)
from understage.errors import AuthenticationError, ServiceUnavailableError
from understage.plugin_api import DiscoveryService, LimitedUserToken, LoggerService

PLUGIN_KEYS_PATH = "/.backstage/auth/v1/jwks.json"
TOKEN_LIFETIME_SECONDS = 3600

_PLUGIN_ID = re.compile(r"[a-z0-9_-]+", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class PluginTokenSubject:
    """What a plugin token proved.

    Attributes:
        plugin_id: the plugin that calls.
        on_behalf_of: the limited token of the user for whom it acts, not yet verified; None if it acts for itself.
        expires_at: when the token ends, in seconds since 1970.
    """

    plugin_id: str
    on_behalf_of: str | None
    expires_at: float


class PluginTokenHandler(Protocol):
    """Verifies and issues the tokens by which plugins call each other."""

    async def verify_token(self, token: str) -> PluginTokenSubject | None:
        """Verifies a plugin token; returns None if it is of another kind.

        Raises:
            AuthenticationError: it is a plugin token that proves nothing.
            ServiceUnavailableError: the issuer's keys cannot be read for now.
        """
        ...

    async def issue_token(self, *, target_plugin_id: str, on_behalf_of: LimitedUserToken | None = None) -> str:
        """Issues a token of this plugin.

        Args:
            target_plugin_id: the only plugin that accepts it.
            on_behalf_of: the user for whom this plugin acts, if it does; the token ends no later than this one.
        """
        ...


class DefaultPluginTokenHandler:
    """Plugin tokens as Backstage has them: signed by the issuer, whose key set is read over HTTP."""

    def __init__(
        self,
        plugin_id: str,
        keys: PluginKeySource,
        key_sets: KeySets,
        discovery: DiscoveryService,
        logger: LoggerService,
        clock: Clock,
    ) -> None:
        self._plugin_id = plugin_id
        self._keys = keys
        self._key_sets = key_sets
        self._discovery = discovery
        self._logger = logger
        self._clock = clock
        # Tokens of one second, by the key, the target and the user: made again, they would say the same to the letter.
        self._issued_at = 0
        self._issued: dict[tuple[str, str, LimitedUserToken | None], str] = {}

    async def verify_token(self, token: str) -> PluginTokenSubject | None:
        """Verifies a plugin token; returns None if it is of another kind.

        Raises:
            AuthenticationError: it is a plugin token that proves nothing.
            ServiceUnavailableError: the issuer's keys cannot be read for now.
        """
        parsed = parse_token(token)
        if parsed is None or parsed.type != PLUGIN_TYPE:
            return None
        # The subject decides whom we ask for keys, and nothing about it is proved yet.
        issuer = parsed.claims.get("sub")
        if not isinstance(issuer, str) or not issuer:
            raise AuthenticationError("Invalid plugin token: missing subject")
        if _PLUGIN_ID.fullmatch(issuer) is None:
            raise AuthenticationError("Invalid plugin token: forbidden subject format")
        try:
            return await self._verify(parsed, issuer)
        except InvalidTokenError as error:
            self._logger.warning("Failed to verify a plugin token", issuer=issuer, reason=str(error))
            raise AuthenticationError("Failed plugin token verification") from error
        except KeySetMissingError as error:
            raise AuthenticationError(
                f"Invalid plugin token: the issuing plugin '{issuer}' does not have a JWKS endpoint"
            ) from error
        except KeySetUnavailableError as error:
            raise ServiceUnavailableError(
                f"Cannot verify tokens of plugin '{issuer}' for now: its keys cannot be read", retry_after=1
            ) from error

    async def issue_token(self, *, target_plugin_id: str, on_behalf_of: LimitedUserToken | None = None) -> str:
        """Issues a token of this plugin that lives for an hour, or until the user's token ends.

        Calls within one second, to the same plugin and for the same user, get the same token: signed once here, and
        verified once there.
        """
        key = await self._keys.signing_key()
        issued_at = int(self._clock())
        if issued_at != self._issued_at:
            self._issued_at, self._issued = issued_at, {}
        wanted = (key.key_id, target_plugin_id, on_behalf_of)
        token = self._issued.get(wanted)
        if token is None:
            token = self._issued[wanted] = self._sign(key, issued_at, target_plugin_id, on_behalf_of)
        return token

    def _sign(
        self, key: SigningKey, issued_at: int, target_plugin_id: str, on_behalf_of: LimitedUserToken | None
    ) -> str:
        expires_at = issued_at + TOKEN_LIFETIME_SECONDS
        if on_behalf_of is not None:
            expires_at = min(expires_at, int(on_behalf_of.expires_at.timestamp()))
        claims: dict[str, Any] = {
            "sub": self._plugin_id,
            "aud": target_plugin_id,
            "iat": issued_at,
            "exp": expires_at,
        }
        if on_behalf_of is not None:
            claims["obo"] = on_behalf_of.token
        return sign_token(PLUGIN_TYPE, claims, key)

    async def _verify(self, token: UnverifiedToken, issuer: str) -> PluginTokenSubject:
        claims = token.claims
        required_time(claims, "iat")
        expires_at = check_still_valid(claims, self._clock())
        if not isinstance(token.key_id, str):
            raise InvalidTokenError("the header names no key")
        if not has_audience(claims, self._plugin_id):
            raise InvalidTokenError(f"it is not meant for plugin '{self._plugin_id}'")
        on_behalf_of = required_text(claims, "obo") if "obo" in claims else None
        base_url = await self._discovery.get_base_url(issuer)
        keys = await self._key_sets.at(base_url + PLUGIN_KEYS_PATH).keys_for(token)
        check_signature(token, keys)
        return PluginTokenSubject(issuer, on_behalf_of, expires_at)
