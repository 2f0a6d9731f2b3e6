"""Connects the entity providers, and forgets what those have brought that are no longer there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from understage.catalog.config import CatalogConfig
from understage.catalog.database import reachability
from understage.catalog.extensions import AddedProvider
from understage.catalog.providers.connection import ProviderConnection
from understage.catalog.providers.removal_guard import removal_guard
from understage.catalog_api import EntityProvider, FullMutation, RemovalRefusedError
from understage.errors import ForwardedError
from understage.plugin_api import DatabaseService, LoggerService


@dataclass(frozen=True, slots=True)
class Providers:
    """The entity providers of this backend.

    Attributes:
        built_in: those of the catalog itself; one that a module has added replaces the one of its name.
        added: those of modules, by name.
        settings: the catalog's configuration.
        database: the catalog's database.
        logger: where refused entities are reported.
        on_change: called when there is something to process.
    """

    built_in: Sequence[EntityProvider]
    added: dict[str, AddedProvider]
    settings: CatalogConfig
    database: DatabaseService
    logger: LoggerService
    on_change: Callable[[], None]

    async def connect(self) -> None:
        """Connects them; one that fails is reported as a failure of the module that added it."""
        for provider in self.built_in:
            if provider.name not in self.added and self._is_enabled(provider.name):
                # What these bring is written down in the configuration or the database, so nothing is too much.
                await provider.connect(self._connection(provider.name, is_guarded=False))
        for added in self.added.values():
            if self._is_enabled(added.provider.name):
                await self._connect(added)

    async def forget_missing(self) -> None:
        """Removes what providers have brought that are not there any more, unless the configuration keeps it."""
        if self.settings.orphan_provider_strategy == "keep":
            return
        names = {*self.added, *(provider.name for provider in self.built_in)}
        there = {name for name in names if self._is_enabled(name)}
        for name in await reachability.find_provider_names(self.database):
            if name not in there:
                await self._connection(name, is_guarded=False).apply_mutation(FullMutation([]))
                self.logger.warning(
                    "Removed what an entity provider had brought that is not installed or is disabled; set "
                    "catalog.orphanProviderStrategy to keep if that is not wanted",
                    provider=name,
                )

    async def _connect(self, added: AddedProvider) -> None:
        name = added.provider.name
        try:
            await added.provider.connect(self._connection(name, is_guarded=True))
        except RemovalRefusedError as error:
            # Its source has failed, and what it brought before is still there: no reason not to start.
            self.logger.error("An entity provider has brought too little", error=error, provider=name)
        except Exception as error:  # noqa: BLE001 - one module's provider must not take the catalog down
            added.report_failure(ForwardedError(f"the entity provider '{name}' could not be connected", error))

    def _is_enabled(self, name: str) -> bool:
        options = self.settings.provider_options.get(name)
        return options is None or not options.disabled

    def _connection(self, name: str, *, is_guarded: bool) -> ProviderConnection:
        guard = removal_guard(self.settings, name) if is_guarded else None
        return ProviderConnection(name, self.database, self.logger, self.on_change, guard)
