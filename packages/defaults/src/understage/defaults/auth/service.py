"""The auth service: who a token belongs to, and tokens for requests to other plugins."""

from datetime import UTC, datetime
from typing import Any

from understage.defaults.auth.external.dispatcher import ExternalTokenVerification
from understage.defaults.auth.key_sets import Clock
from understage.defaults.auth.limited_tokens import derive_limited_token
from understage.defaults.auth.plugin_keys import PluginKeySource
from understage.defaults.auth.plugin_tokens import PluginTokenHandler, PluginTokenSubject
from understage.defaults.auth.tokens import parse_token
from understage.defaults.auth.user_tokens import UserTokenVerifier
from understage.defaults.auth.verified_tokens import VerifiedToken, VerifiedTokens
from understage.errors import AuthenticationError
from understage.plugin_api import (
    Credentials,
    LimitedUserToken,
    NonePrincipal,
    Principal,
    ServicePrincipal,
    UserPrincipal,
    is_none,
    is_service,
    is_user,
)
from understage.plugin_api.credentials import token_of


class DefaultAuth:
    """Verifies and issues tokens on behalf of one plugin."""

    def __init__(
        self,
        plugin_id: str,
        *,
        plugin_tokens: PluginTokenHandler,
        user_tokens: UserTokenVerifier,
        external_tokens: ExternalTokenVerification,
        keys: PluginKeySource,
        clock: Clock,
        is_default_policy_disabled: bool = False,
    ) -> None:
        """Puts the parts together.

        Args:
            plugin_id: the plugin.
            plugin_tokens: verifies and issues the tokens of plugins.
            user_tokens: verifies those of users.
            external_tokens: verifies those of others.
            keys: this plugin's keys, to be listed.
            clock: tells the time, in seconds since 1970.
            is_default_policy_disabled: whether requests need no credentials in this backend.
        """
        self._plugin_tokens = plugin_tokens
        self._user_tokens = user_tokens
        self._external_tokens = external_tokens
        self._keys = keys
        self._clock = clock
        self._is_default_policy_disabled = is_default_policy_disabled
        self._verified = VerifiedTokens()
        # Apart, because a plugin makes new ones all the time: they must not push out those of users, who come again.
        self._verified_of_plugins = VerifiedTokens()
        self._none = Credentials(NonePrincipal())
        self._own = Credentials(_plugin_principal(plugin_id))

    async def authenticate(self, token: str, *, allow_limited_access: bool = False) -> Credentials[Principal]:
        """Verifies a token: a plugin's, a user's, or an external caller's, tried in this order.

        A token is verified once and remembered until it expires.

        Args:
            token: the token.
            allow_limited_access: whether a limited user token will do.

        Raises:
            AuthenticationError: the token proves nothing.
            NotAllowedError: the token is not for this plugin.
            ServiceUnavailableError: the keys of the token's issuer cannot be read for now.
        """
        credentials = self.recall(token, allow_limited_access=allow_limited_access)
        if credentials is not None:
            return credentials
        return _admitted(await self._verify(token), allow_limited_access)

    def recall(self, token: str, *, allow_limited_access: bool = False) -> Credentials[Principal] | None:
        """Returns what a token proved before, at once, or None if it has to be verified.

        Args:
            token: the token.
            allow_limited_access: whether a limited user token will do.

        Raises:
            AuthenticationError: it is a limited user token, and that will not do.
        """
        now = self._clock()
        verified = self._verified.find(token, now) or self._verified_of_plugins.find(token, now)
        return None if verified is None else _admitted(verified, allow_limited_access)

    async def get_none_credentials(self) -> Credentials[NonePrincipal]:
        """Returns the credentials of nobody."""
        return self._none

    async def get_own_service_credentials(self) -> Credentials[ServicePrincipal]:
        """Returns this plugin's own credentials."""
        return self._own

    async def get_plugin_request_token(self, *, on_behalf_of: Credentials[Principal], target_plugin_id: str) -> str:
        """Issues a token for a request to another plugin.

        Args:
            on_behalf_of: a user, on whose behalf the other plugin then acts, or a service, which this plugin replaces.
            target_plugin_id: the only plugin that accepts the token.

        Raises:
            AuthenticationError: on behalf of nobody, unless requests need no credentials: the token is then empty.
            NotAllowedError: on behalf of an external caller whose token may not do as much there.
            ServiceUnavailableError: a new key is due, and cannot be stored for now.
        """
        if is_service(on_behalf_of):
            presented = token_of(on_behalf_of)
            if presented is not None:
                await self._external_tokens.check_delegation(presented, target_plugin_id)
            return await self._plugin_tokens.issue_token(target_plugin_id=target_plugin_id)
        if is_user(on_behalf_of):
            limited = await self.get_limited_user_token(on_behalf_of)
            return await self._plugin_tokens.issue_token(target_plugin_id=target_plugin_id, on_behalf_of=limited)
        if is_none(on_behalf_of) and self._is_default_policy_disabled:
            return ""
        raise AuthenticationError(
            f"Cannot call plugin '{target_plugin_id}' on behalf of nobody; "
            "use the credentials of the request, or this plugin's own"
        )

    async def get_limited_user_token(self, credentials: Credentials[UserPrincipal]) -> LimitedUserToken:
        """Derives the limited token of a user's token.

        Raises:
            AuthenticationError: there is no user token behind the credentials, or it has expired.
        """
        token = token_of(credentials)
        if not is_user(credentials) or token is None:
            raise AuthenticationError("Failed to create limited user token, there is no user token")
        limited = derive_limited_token(token)
        if limited.expires_at <= datetime.fromtimestamp(self._clock(), UTC):
            raise AuthenticationError("Failed to create limited user token, the user token has expired")
        return limited

    async def list_public_service_keys(self) -> dict[str, list[dict[str, Any]]]:
        """Returns this plugin's key set: `{"keys": [JWK, ...]}`, the keys of all its replicas."""
        return {"keys": await self._keys.public_keys()}

    async def _verify(self, token: str) -> VerifiedToken:
        """Verifies a token and remembers what it proved."""
        subject = await self._plugin_tokens.verify_token(token)
        if subject is not None:
            verified = await self._verified_plugin(subject, token)
            self._verified_of_plugins.add(token, verified)
        else:
            verified = await self._verify_user(token) or await self._verify_external(token)
            self._verified.add(token, verified)
        return verified

    async def _verify_external(self, token: str) -> VerifiedToken:
        external = await self._external_tokens.verify(token)
        if external is None:
            raise AuthenticationError("Illegal token")
        principal, caller = external
        ends = None if caller.expires_at is None else datetime.fromtimestamp(caller.expires_at, UTC)
        return VerifiedToken(Credentials(principal, ends, token), caller.expires_at)

    async def _verified_plugin(self, subject: PluginTokenSubject, token: str) -> VerifiedToken:
        actor = _plugin_principal(subject.plugin_id)
        if subject.on_behalf_of is None:
            ends = datetime.fromtimestamp(subject.expires_at, UTC)
            return VerifiedToken(Credentials(actor, ends, token), subject.expires_at)
        user_token = subject.on_behalf_of
        user = self._verified.find(user_token, self._clock()) or await self._verify_user(user_token)
        if user is None or not is_user(user.credentials) or user.expires_at is None:
            raise AuthenticationError("Invalid plugin token: it acts on behalf of what is no user token")
        self._verified.add(user_token, user)
        principal = UserPrincipal(user.credentials.principal.user_entity_ref, actor)
        return VerifiedToken(
            Credentials(principal, user.credentials.expires_at, user_token), min(subject.expires_at, user.expires_at)
        )

    async def _verify_user(self, token: str) -> VerifiedToken | None:
        parsed = parse_token(token)
        return None if parsed is None else await self._user_tokens.verify(parsed)


def _admitted(verified: VerifiedToken, allow_limited_access: bool) -> Credentials[Principal]:
    if verified.is_limited and not allow_limited_access:
        raise AuthenticationError("Illegal limited user token")
    return verified.credentials


def _plugin_principal(plugin_id: str) -> ServicePrincipal:
    return ServicePrincipal(f"plugin:{plugin_id}")
