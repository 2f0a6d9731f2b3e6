"""The auth plugin: its wiring."""

from understage.auth.catalog_users import CatalogUsers
from understage.auth.config import read_auth_config
from understage.auth.database import AuthDatabase
from understage.auth.key_stores import create_key_store
from understage.auth.ownership import OwnershipResolution
from understage.auth.providers import ProviderRegistry, create_providers
from understage.auth.router import create_router
from understage.auth.service import SignInService
from understage.auth.tokens import UserTokenIssuer
from understage.auth_api import (
    AuthProviderContext,
    auth_ownership_resolution_extension_point,
    auth_providers_extension_point,
    is_development,
)
from understage.catalog_api import CatalogClient
from understage.config import Config
from understage.plugin_api import (
    Auth,
    Database,
    Discovery,
    HttpRouter,
    Logger,
    PluginRegistrationPoints,
    RootConfig,
    RootHttpClient,
    create_backend_plugin,
)


@create_backend_plugin(plugin_id="auth")
def auth_plugin(env: PluginRegistrationPoints) -> None:
    """Signs users in: providers, user tokens, key set and user info, served below `/api/auth`."""
    registry = ProviderRegistry()
    ownership = OwnershipResolution()
    env.register_extension_point(auth_providers_extension_point, registry)
    env.register_extension_point(auth_ownership_resolution_extension_point, ownership)

    @env.register_init
    async def init(
        auth: Auth,
        config: RootConfig,
        database: Database,
        discovery: Discovery,
        http_client: RootHttpClient,
        http_router: HttpRouter,
        logger: Logger,
    ) -> None:
        settings = read_auth_config(config)
        if settings.token_lifetime != settings.backstage_token_expiration:
            logger.warning(
                "auth.backstageTokenExpiration is out of bounds: user tokens live from 10 minutes to 24 hours",
                configured=str(settings.backstage_token_expiration),
                effective=str(settings.token_lifetime),
            )
        tables = AuthDatabase(database)
        await tables.migrate()
        keys = await create_key_store(settings, config, tables)
        issuer = UserTokenIssuer(
            keys,
            discovery,
            tables,
            lifetime=settings.token_lifetime,
            omit_ownership=settings.omit_identity_token_ownership_claim,
        )
        sign_in = SignInService(issuer, CatalogUsers(auth, CatalogClient(discovery, http_client)), ownership)
        base_url = await discovery.get_external_base_url("auth")

        def create_context(provider_id: str, section: Config) -> AuthProviderContext:
            return AuthProviderContext(
                provider_id=provider_id,
                config=section,
                base_url=base_url,
                app_url=config.get_optional_string("app.baseUrl"),
                logger=logger,
                resolver_context=sign_in,
            )

        providers = create_providers(
            registry.factories, config, logger, create_context=create_context, development=is_development()
        )
        http_router.use(create_router(auth=auth, discovery=discovery, keys=keys, providers=providers, users=tables))
        http_router.add_auth_policy(path="/", allow="unauthenticated")
