"""Tries the external tokens of the configuration one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from understage.config import Config, ConfigError
from understage.defaults.auth.external.access_restrictions import RestrictionsByPlugin, read_access_restrictions
from understage.defaults.auth.external.handler import ExternalCaller, ExternalTokenHandler, ExternalTokenVerifier
from understage.errors import NotAllowedError, ServiceUnavailableError
from understage.plugin_api import ServicePrincipal

EXTERNAL_ACCESS = "backend.auth.externalAccess"


@dataclass(frozen=True, slots=True)
class ExternalAccess:
    """An entry of the configuration, ready for use.

    Attributes:
        verify: recognises its tokens.
        restrictions: the plugins that they are restricted to, or None for all.
    """

    verify: ExternalTokenVerifier
    restrictions: RestrictionsByPlugin | None = None


class ExternalTokenVerification:
    """Verifies external tokens for one plugin."""

    def __init__(self, plugin_id: str, entries: Sequence[ExternalAccess]) -> None:
        self._plugin_id = plugin_id
        self._entries = entries

    async def verify(self, token: str) -> tuple[ServicePrincipal, ExternalCaller] | None:
        """Returns whose a token is, or None if no entry recognises it.

        Raises:
            AuthenticationError: it is a token that is known, but it proves nothing any more.
            NotAllowedError: it is restricted to other plugins.
            ServiceUnavailableError: no entry recognises it, and one of them could not tell for now.
        """
        found = await self._recognise(token)
        if found is None:
            return None
        entry, caller = found
        return self._principal(caller, entry.restrictions), caller

    async def check_delegation(self, token: str, target_plugin_id: str) -> None:
        """Checks that a caller may be acted for at another plugin: what its token may not do, we must not do for it.

        Args:
            token: what the caller proved itself with.
            target_plugin_id: the plugin that is to be called.

        Raises:
            NotAllowedError: the token is restricted to other plugins, or limited on that one.
            ServiceUnavailableError: it cannot be told for now whose token it is.
        """
        if all(entry.restrictions is None for entry in self._entries):
            return
        found = await self._recognise(token)
        restrictions = None if found is None else found[0].restrictions
        if restrictions is None:
            return
        target = f"Access to target plugin '{target_plugin_id}'"
        if target_plugin_id not in restrictions:
            raise NotAllowedError(f"{target} is not included in token's access restrictions")
        if restrictions[target_plugin_id] is not None:
            raise NotAllowedError(f"{target} is restricted and cannot be delegated")

    async def _recognise(self, token: str) -> tuple[ExternalAccess, ExternalCaller] | None:
        unavailable: ServiceUnavailableError | None = None
        for entry in self._entries:
            try:
                caller = await entry.verify(token)
            except ServiceUnavailableError as error:
                unavailable = error
                continue
            if caller is not None:
                return entry, caller
        if unavailable is not None:
            raise unavailable
        return None

    def _principal(self, caller: ExternalCaller, restrictions: RestrictionsByPlugin | None) -> ServicePrincipal:
        if restrictions is None:
            return ServicePrincipal(caller.subject)
        if self._plugin_id not in restrictions:
            plugins = ", ".join(f"'{plugin}'" for plugin in restrictions)
            raise NotAllowedError(f"This token's access is restricted to plugin(s) {plugins}")
        return ServicePrincipal(caller.subject, restrictions[self._plugin_id])


def read_external_access(
    config: Config, built_in: Sequence[ExternalTokenHandler], custom: Sequence[ExternalTokenHandler]
) -> list[ExternalAccess]:
    """Reads `backend.auth.externalAccess`.

    Args:
        config: the root configuration.
        built_in: the handlers that are always there.
        custom: handlers that others added; they may replace built-in ones of the same type.

    Raises:
        ConfigError: an entry is wrong, or its type unknown.
        TypeError: two added handlers are for the same type.
    """
    handlers = _handlers_by_type(built_in, custom)
    entries: list[ExternalAccess] = []
    for index, section in enumerate(config.get_optional_config_array(EXTERNAL_ACCESS) or ()):
        path = f"{EXTERNAL_ACCESS}[{index}]"
        try:
            entries.append(_read_entry(section, handlers))
        except ConfigError as error:
            raise _located(error, section, path) from error
    return entries


def _handlers_by_type(
    built_in: Sequence[ExternalTokenHandler], custom: Sequence[ExternalTokenHandler]
) -> dict[str, ExternalTokenHandler]:
    handlers = {handler.type: handler for handler in built_in}
    added: dict[str, ExternalTokenHandler] = {}
    for handler in custom:
        if handler.type in added:
            raise TypeError(
                f"two handlers of external tokens are for the type '{handler.type}': "
                f"{_shown(added[handler.type])} and {_shown(handler)}; remove one of them"
            )
        added[handler.type] = handler
    return handlers | added


def _read_entry(section: Config, handlers: dict[str, ExternalTokenHandler]) -> ExternalAccess:
    kind = section.get_string("type")
    handler = handlers.get(kind)
    if handler is None:
        known = ", ".join(f"'{name}'" for name in handlers)
        raise ConfigError(f"unknown type '{kind}'; expected one of {known}", key="type")
    restrictions = read_access_restrictions(section)
    options = section.get_config("options")
    try:
        return ExternalAccess(handler.create_verifier(options), restrictions)
    except ConfigError as error:
        raise _located(error, options, "options") from error


def _located(error: ConfigError, section: Config, path: str) -> ConfigError:
    """Completes an error whose key is one within a section; accessors of a `Config` name the full key already."""
    if error.key is not None and error.key.startswith("backend."):
        return error
    location = error.location
    if location is None:
        location = (section.location_of([error.key]) if error.key else None) or section.location_of()
    return ConfigError(error.detail, key=f"{path}.{error.key}" if error.key else path, location=location)


def _shown(handler: ExternalTokenHandler) -> str:
    return f"{type(handler).__module__}.{type(handler).__qualname__}"
