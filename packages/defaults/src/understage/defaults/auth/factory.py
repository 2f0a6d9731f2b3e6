"""Creates the auth service of each plugin from the configuration."""

import asyncio
import time
from dataclasses import dataclass

from understage.config import Config, ConfigError
from understage.defaults.auth.decorator import TokenHandlerDecorator
from understage.defaults.auth.external.dispatcher import (
    ExternalAccess,
    ExternalTokenVerification,
    read_external_access,
)
from understage.defaults.auth.external.handler import ExternalTokenHandler, ExternalTokenHandlers
from understage.defaults.auth.external.jwks import JwksTokenHandler
from understage.defaults.auth.external.legacy import LegacyTokenHandler
from understage.defaults.auth.external.old_keys import OLD_KEYS, read_old_keys
from understage.defaults.auth.external.static import StaticTokenHandler
from understage.defaults.auth.key_sets import Clock, KeySets
from understage.defaults.auth.key_store import DatabaseKeyStore
from understage.defaults.auth.plugin_keys import PluginKeySource, RotatingKeySource
from understage.defaults.auth.plugin_tokens import DefaultPluginTokenHandler
from understage.defaults.auth.service import DefaultAuth
from understage.defaults.auth.static_keys import read_static_keys
from understage.defaults.auth.user_tokens import UserTokenVerifier
from understage.plugin_api import (
    AuthService,
    Database,
    DatabaseService,
    Discovery,
    Logger,
    LoggerService,
    PluginMetadata,
    RootConfig,
    RootHttpClient,
    RootLogger,
    core_services,
    create_service_factory,
)

DISABLE_POLICY = "backend.auth.dangerouslyDisableDefaultAuthPolicy"
KEY_STORE_TYPE = "backend.auth.pluginKeyStore.type"


@dataclass(frozen=True, slots=True)
class AuthRootContext:
    """What the auth services of a backend share.

    Attributes:
        key_sets: the key sets that were read.
        clock: tells the time, in seconds since 1970.
    """

    key_sets: KeySets
    clock: Clock


def create_root_context(config: RootConfig, logger: RootLogger, http_client: RootHttpClient) -> AuthRootContext:
    """Creates what is shared, and warns of outdated configuration, once per backend.

    Args:
        config: the root configuration.
        logger: the root logger.
        http_client: reads key sets.
    """
    if config.has(OLD_KEYS):
        logger.warning(
            "backend.auth.keys is deprecated; list its secrets in backend.auth.externalAccess, with type 'legacy'",
            location=str(config.location_of(OLD_KEYS)),
        )
    return AuthRootContext(KeySets(http_client, logger), time.time)


@create_service_factory(service=core_services.auth, create_root_context=create_root_context)
async def auth_service_factory(
    root_context: AuthRootContext,
    config: RootConfig,
    logger: Logger,
    discovery: Discovery,
    database: Database,
    plugin: PluginMetadata,
    handlers: ExternalTokenHandlers,
    decorate: TokenHandlerDecorator,
) -> AuthService:
    """Creates the auth service of a plugin."""
    key_sets, clock = root_context.key_sets, root_context.clock
    keys = await _key_source(config, database, logger, clock)
    plugin_tokens = DefaultPluginTokenHandler(plugin.id, keys, key_sets, discovery, logger, clock)
    built_in: list[ExternalTokenHandler] = [
        StaticTokenHandler(),
        LegacyTokenHandler(clock),
        JwksTokenHandler(key_sets, logger, clock),
    ]
    external: list[ExternalAccess] = [
        *read_external_access(config, built_in, handlers),
        *read_old_keys(config, clock),
    ]
    return DefaultAuth(
        plugin.id,
        plugin_tokens=decorate(plugin_tokens),
        user_tokens=UserTokenVerifier(key_sets, discovery, logger, clock),
        external_tokens=ExternalTokenVerification(plugin.id, external),
        keys=keys,
        clock=clock,
        is_default_policy_disabled=config.get_optional_boolean(DISABLE_POLICY) or False,
    )


async def _key_source(
    config: Config, database: DatabaseService, logger: LoggerService, clock: Clock
) -> PluginKeySource:
    kind = config.get_optional_string(KEY_STORE_TYPE) or "database"
    if kind == "static":
        return await asyncio.to_thread(read_static_keys, config)
    if kind != "database":
        raise ConfigError(
            f"unknown type '{kind}'; expected 'database' or 'static'",
            key=KEY_STORE_TYPE,
            location=config.location_of(KEY_STORE_TYPE),
        )
    return RotatingKeySource(DatabaseKeyStore(database), logger, clock)
