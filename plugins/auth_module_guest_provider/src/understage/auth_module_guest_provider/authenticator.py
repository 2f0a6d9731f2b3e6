"""The guest provider: signs anybody in as the same user."""

from starlette.requests import Request

from understage.auth_api import (
    AuthProviderContext,
    AuthProviderRouteHandlers,
    AuthResolverContext,
    CatalogUserQuery,
    ProfileInfo,
    SignInInfo,
    SignInResult,
    create_proxy_route_handlers,
    is_development,
)
from understage.auth_module_guest_provider.config import GuestConfig, read_guest_config
from understage.errors import NotAllowedError, NotFoundError, UnderstageError
from understage.plugin_api import LoggerService


class GuestAuthenticator:
    """Lets anybody in, where that is allowed.

    Args:
        allowed: whether it is.
    """

    def __init__(self, *, allowed: bool) -> None:
        self._allowed = allowed

    async def authenticate(self, _request: Request) -> None:
        """Lets the request pass.

        Raises:
            NotAllowedError: this is no development machine, and the configuration does not allow guests elsewhere.
        """
        if not self._allowed:
            raise NotAllowedError(
                "Guests may sign in during development only (NODE_ENV=development). To let everybody in elsewhere, set"
                " auth.providers.guest.dangerouslyAllowOutsideDevelopment to true"
            )

    async def profile(self, _result: None) -> ProfileInfo:
        """Returns an empty profile: nothing is known of a guest."""
        return ProfileInfo()


class GuestSignIn:
    """Signs a guest in as the configured user: as the catalog knows it, or else as the configuration says.

    Args:
        settings: the provider's configuration.
        logger: the auth plugin's logger.
    """

    def __init__(self, settings: GuestConfig, logger: LoggerService) -> None:
        self._settings = settings
        self._logger = logger

    async def __call__(self, _info: SignInInfo[None], context: AuthResolverContext) -> SignInResult:
        """Returns the user's token."""
        user = self._settings.user_entity_ref
        try:
            return await context.sign_in_with_catalog_user(CatalogUserQuery(entity_ref=user))
        except NotFoundError:
            self._logger.debug("The guest user is not in the catalog", user=user)
        except UnderstageError as error:
            self._logger.warning("Cannot look the guest user up in the catalog", user=user, error=error)
        return await context.issue_token(user, ent=self._settings.ownership_entity_refs or (user,))


def create_guest_provider(context: AuthProviderContext, /) -> AuthProviderRouteHandlers:
    """Makes the guest provider.

    Args:
        context: what the provider is made from.

    Raises:
        ConfigError: its configuration is invalid.
    """
    settings = read_guest_config(context.config)
    allowed = settings.dangerously_allow_outside_development or is_development()
    return create_proxy_route_handlers(
        context, GuestAuthenticator(allowed=allowed), GuestSignIn(settings, context.logger)
    )
