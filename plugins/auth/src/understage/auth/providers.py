"""Sign-in providers: those that modules register, and those that the configuration turns on."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from understage.auth_api import AuthProviderContext, AuthProviderFactory, AuthProviderRouteHandlers
from understage.config import Config
from understage.errors import ConflictError, ForwardedError, InputError
from understage.plugin_api import LoggerService

_PROVIDER_ID = re.compile(r"[A-Za-z][A-Za-z0-9]*([-_][A-Za-z0-9]+)*")
RESERVED_SEGMENTS = frozenset({"v1", ".well-known", ".backstage"})


class ProviderRegistry:
    """What modules register through the extension point `auth.providers`."""

    def __init__(self) -> None:
        self._factories: dict[str, AuthProviderFactory] = {}

    @property
    def factories(self) -> Mapping[str, AuthProviderFactory]:
        """The registered factories by provider id."""
        return self._factories

    def register_provider(self, *, provider_id: str, factory: AuthProviderFactory) -> None:
        """Adds a provider; it is offered once `auth.providers.<provider_id>` is configured.

        Args:
            provider_id: its name in paths and in the configuration.
            factory: makes it.

        Raises:
            InputError: the id cannot stand in a path.
            ConflictError: the id is taken.
        """
        if not _PROVIDER_ID.fullmatch(provider_id) or provider_id in RESERVED_SEGMENTS:
            raise InputError(f"'{provider_id}' cannot be the id of an auth provider: use letters, digits, '-' and '_'")
        if provider_id in self._factories:
            raise ConflictError(f"the auth provider '{provider_id}' is registered already; remove one of its modules")
        self._factories[provider_id] = factory


@dataclass(frozen=True, slots=True)
class Providers:
    """The outcome of turning providers on.

    Attributes:
        handlers: the providers on offer.
        unconfigured: ids of those that a module offers and the configuration does not turn on.
        misconfigured: ids of those whose configuration is invalid; in development only.
    """

    handlers: dict[str, AuthProviderRouteHandlers] = field(default_factory=dict)
    unconfigured: list[str] = field(default_factory=list)
    misconfigured: list[str] = field(default_factory=list)


def create_providers(
    factories: Mapping[str, AuthProviderFactory],
    config: Config,
    logger: LoggerService,
    *,
    create_context: Callable[[str, Config], AuthProviderContext],
    development: bool,
) -> Providers:
    """Makes the providers that the configuration turns on.

    Args:
        factories: the registered factories by provider id.
        config: the root configuration.
        logger: the plugin's logger.
        create_context: makes a factory's context from the provider's id and section.
        development: whether a provider with invalid configuration is left out instead of stopping the start.

    Raises:
        ForwardedError: a provider's configuration is invalid.
    """
    providers = Providers()
    for provider_id, factory in factories.items():
        key = f"auth.providers.{provider_id}"
        if not config.has(key):
            providers.unconfigured.append(provider_id)
            continue
        try:
            providers.handlers[provider_id] = factory(create_context(provider_id, config.get_config(key)))
        # A factory is a module's code and may raise anything; here it gets its name.
        except Exception as error:
            if not development:
                raise ForwardedError(f"the auth provider '{provider_id}' cannot start; check {key}", error) from error
            logger.warning("An auth provider is left out: its configuration is invalid", key=key, error=error)
            providers.misconfigured.append(provider_id)
    _report(providers, factories, config, logger)
    return providers


def _report(
    providers: Providers, factories: Mapping[str, AuthProviderFactory], config: Config, logger: LoggerService
) -> None:
    logger.info("Auth providers on offer", providers=sorted(providers.handlers))
    section = config.get_optional_config("auth.providers")
    for provider_id in section.keys() if section is not None else ():
        if provider_id not in factories:
            logger.warning(
                "An auth provider is configured, but no module offers it; add its module or remove the key",
                key=f"auth.providers.{provider_id}",
                location=str(config.location_of(("auth", "providers", provider_id))),
            )
