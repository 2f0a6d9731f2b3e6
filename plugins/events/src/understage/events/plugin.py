"""The events plugin: its wiring."""

from understage.events.cleaning import Cleaning
from understage.events.config import read_events_config
from understage.events.database import EventsDatabase
from understage.events.ingress import Ingress
from understage.events.router import create_router
from understage.events.service import EventBus
from understage.events.waiting import Waiters
from understage.events_api import events_extension_point
from understage.plugin_api import (
    Database,
    Events,
    HttpAuth,
    HttpRouter,
    Lifecycle,
    Logger,
    PluginRegistrationPoints,
    RootConfig,
    create_backend_plugin,
)


@create_backend_plugin(plugin_id="events")
def events_plugin(env: PluginRegistrationPoints) -> None:
    """Takes webhooks, and carries events between the backends of an installation."""
    ingress = Ingress()
    env.register_extension_point(events_extension_point, ingress)

    @env.register_init
    async def init(
        config: RootConfig,
        database: Database,
        events: Events,
        http_auth: HttpAuth,
        http_router: HttpRouter,
        lifecycle: Lifecycle,
        logger: Logger,
    ) -> None:
        settings = read_events_config(config)
        for topic in settings.http.topics:
            ingress.add_http_post_ingress(topic)
        tables = EventsDatabase(database)
        await tables.migrate()
        waiters = Waiters()
        await waiters.start(tables, logger)
        lifecycle.add_shutdown_hook(waiters.stop)
        cleaning = Cleaning(tables, logger)
        lifecycle.add_startup_hook(cleaning.start)
        lifecycle.add_shutdown_hook(cleaning.stop)
        http_router.use(
            create_router(
                bus=EventBus(tables, waiters),
                events=events,
                http_auth=http_auth,
                ingress=ingress,
                notify_timeout_ms=settings.notify_timeout_ms,
            )
        )
        http_router.add_auth_policy(path="/http", allow="unauthenticated")
