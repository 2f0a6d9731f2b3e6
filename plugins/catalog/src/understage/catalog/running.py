"""The running catalog: its providers, its engine, and what it does when the configuration changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from understage.catalog.config import CatalogConfig, read_catalog_config
from understage.catalog.database.texts import IN_TEXT_INDEX, has_text_index
from understage.catalog.explain.dry_run import dry_run
from understage.catalog.explain.model import Step
from understage.catalog.extensions import Extensions
from understage.catalog.legacy_config import check_legacy_settings, find_removed_settings
from understage.catalog.metrics import CatalogMetrics, CatalogSizes
from understage.catalog.processing.announcing import Announcer
from understage.catalog.processing.cleanup import Cleanup
from understage.catalog.processing.engine import Engine
from understage.catalog.processing.pipeline import Pipeline
from understage.catalog.processing.processors import Processors
from understage.catalog.processing.reconciling import Reconciler
from understage.catalog.processing.reporting import Reporter
from understage.catalog.processors.all_processors import all_processors
from understage.catalog.providers.config_locations import ConfigLocationProvider, location_ref
from understage.catalog.providers.connecting import Providers
from understage.catalog.providers.location_store import LocationStoreProvider
from understage.catalog.rules import CatalogRules, read_rules
from understage.catalog.totals import Totals
from understage.catalog.upkeep import Upkeep
from understage.catalog_api.scm_events import CatalogScmEventsService
from understage.config import Config
from understage.integration import ScmIntegrations
from understage.plugin_api import (
    DatabaseService,
    EventsService,
    LoggerService,
    MetricsService,
    SchedulerService,
    UrlReaderService,
)

RETRY_SECONDS = 5.0
NO_TEXT_INDEX = (
    "Searching entities by text reads all their names, because the extension pg_trgm could not be created. For large "
    "catalogs have an administrator run, in the catalog's database: CREATE EXTENSION pg_trgm; CREATE INDEX "
    f"search_texts_idx ON search USING gin ((value || '') gin_trgm_ops) WHERE {IN_TEXT_INDEX}"
)


class RunningCatalog:
    """Everything of the catalog that works in the background.

    Args:
        config: the root configuration.
        database: the catalog's database.
        logger: where the catalog reports.
        extensions: what modules have added.
        totals: what is to be told when something changes.
        url_reader: reads addresses.
        events: what subscribers are told by, if they are told.
        metrics: what is measured by, if it is measured.
    """

    def __init__(
        self,
        config: Config,
        database: DatabaseService,
        logger: LoggerService,
        extensions: Extensions,
        totals: Totals,
        url_reader: UrlReaderService,
        events: EventsService | None = None,
        metrics: MetricsService | None = None,
    ) -> None:
        self._config = config
        self._database = database
        self._logger = logger
        self._totals = totals
        settings = read_catalog_config(config)
        self.integrations = ScmIntegrations.from_config(config)
        self._processors = all_processors(settings, extensions, self.integrations, url_reader)
        check_legacy_settings(config, settings, [one.name for one in self._processors.all])
        for text in find_removed_settings(config):
            logger.warning(text)
        self._extensions = extensions
        self._locations = ConfigLocationProvider(settings.locations)
        self.registered = LocationStoreProvider(database)
        self._settings = settings
        self._interval_seconds = settings.interval_seconds
        self.announcer = Announcer(events, logger)
        self._sizes = CatalogSizes(metrics, database) if metrics else None
        measured = CatalogMetrics(metrics) if metrics else None
        self.engine = Engine(
            database,
            self._pipeline(settings),
            logger,
            interval_seconds=self._interval_seconds or (0, 0),
            orphan_strategy=settings.orphan_strategy,
            on_change=totals.invalidate,
            reporter=Reporter(logger, self.announcer, measured),
            on_errors=extensions.processing.error_handler,
            poll_seconds=settings.poll_seconds,
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._providers = Providers(
            [self._locations, self.registered],
            extensions.processing.providers,
            settings,
            database,
            logger,
            on_change=self._something_is_due,
        )
        self.cleanup = Cleanup(database, logger, settings.orphan_strategy, on_change=self._something_is_due)
        self.reconciler = Reconciler(database, logger, measured, on_change=self._something_is_due)
        self.upkeep = Upkeep(
            database, lambda: self.engine.pipeline, settings.orphan_strategy, on_change=self._something_is_due
        )

    async def connect_providers(self) -> None:
        """Connects the providers; one that fails is reported as a failure of the module that added it."""
        await self._providers.connect()
        if self._interval_seconds is not None:
            await self._providers.forget_missing()

    async def dry_run(self, ref: str, entity: str) -> list[Step]:
        """Runs an entity through the processors without storing anything, and returns what they did.

        Args:
            ref: its full name.
            entity: its JSON text as it was found.
        """

        def make_pipeline(processors: Processors) -> Pipeline:
            return self._pipeline(self._settings, processors)

        return await dry_run(self._processors.all, make_pipeline, ref, entity)

    def _pipeline(self, settings: CatalogConfig, processors: Processors | None = None) -> Pipeline:
        return Pipeline(
            processors or self._processors,
            _rules(settings),
            self.integrations.resolve_url,
            self._extensions.locations.allowed_types,
            self._extensions.model.formats,
        )

    def _something_is_due(self) -> None:
        self._totals.invalidate()
        self.engine.wake()

    async def schedule_upkeep(self, scheduler: SchedulerService) -> None:
        """Has one of all replicas look for what was left behind, unless processing is off."""
        if self._interval_seconds is not None:
            await self.cleanup.schedule(scheduler)
            await self.reconciler.schedule(scheduler)

    def react_to(self, events: CatalogScmEventsService, metrics: MetricsService | None = None) -> None:
        """Reacts to events of source hosts, as far as the configuration says.

        Args:
            events: where they come from.
            metrics: counts them.
        """
        settings = self._settings.scm_reactions
        if settings.refresh or settings.unregister or settings.move:
            from understage.catalog.scm_reactions import ScmReactions

            ScmReactions(settings, events, self._database, self.registered, self._something_is_due, metrics).subscribe()

    async def start(self) -> None:
        """Starts the work in the background."""
        self._start(self._totals.follow_changes)
        self._start(self._totals.fold_counts)
        if not await has_text_index(self._database):
            self._logger.info(NO_TEXT_INDEX)
        self._start(self.announcer.run)
        if self._sizes is not None:
            self._start(self._sizes.keep_counting)
        if self._interval_seconds is not None:
            self._start(self.engine.run)
        self._subscription = self._config.subscribe(lambda: self._start(self._reload, once=True))

    async def stop(self) -> None:
        """Stops the work and waits until it has ended; what was under way is taken up by whoever starts next."""
        if self._tasks:
            self._subscription.unsubscribe()
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task

    def _start(self, work: Callable[[], Awaitable[None]], *, once: bool = False) -> None:
        self._tasks = [task for task in self._tasks if not task.done()]
        self._tasks.append(asyncio.create_task(self._guarded(work, once=once)))

    async def _guarded(self, work: Callable[[], Awaitable[None]], *, once: bool) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - background work has nobody above it but the event loop
                self._logger.error("The catalog's work in the background failed", error=error)
            if once:
                return
            await asyncio.sleep(RETRY_SECONDS)

    async def _reload(self) -> None:
        settings = read_catalog_config(self._config)
        if settings == self._settings:
            return
        self._settings = settings
        self.engine.pipeline = self._pipeline(settings)
        await self._locations.update(settings.locations)
        self._logger.info("Took over the changed locations and rules of the configuration")


def _rules(settings: CatalogConfig) -> CatalogRules:
    return read_rules(settings, [(location, location_ref(location)) for location in settings.locations])
