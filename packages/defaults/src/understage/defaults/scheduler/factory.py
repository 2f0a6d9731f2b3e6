"""Creates the scheduler of each plugin that asks for one."""

from understage.plugin_api import (
    Database,
    HttpRouter,
    Lifecycle,
    Logger,
    Metrics,
    PluginMetadata,
    SchedulerService,
    core_services,
    create_service_factory,
)


@create_service_factory(service=core_services.scheduler)
def scheduler_service_factory(
    database: Database,
    http_router: HttpRouter,
    lifecycle: Lifecycle,
    logger: Logger,
    metrics: Metrics,
    plugin: PluginMetadata,
) -> SchedulerService:
    """Provides a plugin's scheduler, and the routes by which its tasks are listed, triggered and cancelled."""
    from understage.defaults.scheduler.database_store import DatabaseTaskStore
    from understage.defaults.scheduler.memory_store import MemoryTaskStore
    from understage.defaults.scheduler.router import SCHEDULER_PATH, SchedulerRoutes
    from understage.defaults.scheduler.scheduler import DefaultScheduler
    from understage.defaults.scheduler.task_metrics import TaskMetrics
    from understage.errors import ConflictError

    scheduler = DefaultScheduler(DatabaseTaskStore(database), MemoryTaskStore(), logger, TaskMetrics(metrics))
    try:
        http_router.use(SchedulerRoutes(scheduler, plugin.id), SCHEDULER_PATH)
        lifecycle.add_startup_hook(scheduler.start)
    except ConflictError:
        # Asked for only after the plugin has started: too late for routes, but tasks can run at once.
        scheduler.start()
    lifecycle.add_shutdown_hook(scheduler.stop)
    return scheduler
