"""A small world for backends: a journal of what happened, and recording doubles of the services they need."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.support.recording_logger import RecordingLogger

from understage.config import config_from_data
from understage.plugin_api import (
    BackendModule,
    BackendPlugin,
    ModuleRegistrationPoints,
    PluginMetadata,
    PluginRegistrationPoints,
    ServiceFactory,
    core_services,
    create_backend_module,
    create_backend_plugin,
    create_service_factory,
)
from understage.wiring import Backend, ExtensionPointMiddleware


@dataclass
class RecordingLifecycle:
    """Writes its phases into the journal, and runs the hooks that a test gives it."""

    journal: list[str]
    owner: str
    hooks: dict[str, Callable[[], Any]]

    async def _phase(self, phase: str) -> None:
        self.journal.append(f"{self.owner} {phase}")
        hook = self.hooks.get(f"{self.owner} {phase}")
        if hook is not None:
            await hook()

    async def startup(self) -> None:
        await self._phase("startup")

    async def before_shutdown(self) -> None:
        await self._phase("before_shutdown")

    async def shutdown(self) -> None:
        await self._phase("shutdown")

    def add_startup_hook(self, hook: object, *, logger: object = None) -> None: ...

    def add_shutdown_hook(self, hook: object, *, logger: object = None) -> None: ...

    def add_before_shutdown_hook(self, hook: object, *, logger: object = None) -> None: ...


@dataclass
class World:
    """Builds backends whose doings are written into `journal`.

    Attributes:
        journal: what happened, in order.
        logger: the root logger of all backends.
        hooks: coroutine functions by lifecycle owner and phase, such as `root startup`.
        config: the configuration's data.
    """

    journal: list[str] = field(default_factory=list)
    logger: RecordingLogger = field(default_factory=RecordingLogger)
    hooks: dict[str, Callable[[], Any]] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    backends: list[Backend] = field(default_factory=list)

    def factories(self) -> list[ServiceFactory[Any]]:
        """Returns default factories of the services that the backend itself uses."""

        @create_service_factory(service=core_services.root_config)
        def root_config() -> Any:
            return config_from_data(self.config)

        @create_service_factory(service=core_services.root_logger)
        def root_logger() -> Any:
            return self.logger

        @create_service_factory(service=core_services.root_lifecycle)
        def root_lifecycle() -> Any:
            return RecordingLifecycle(self.journal, "root", self.hooks)

        @create_service_factory(service=core_services.lifecycle)
        def lifecycle(plugin: PluginMetadata) -> Any:
            return RecordingLifecycle(self.journal, plugin.id, self.hooks)

        return [root_config, root_logger, root_lifecycle, lifecycle]

    def backend(
        self,
        *features: Any,
        defaults: list[ServiceFactory[Any]] | None = None,
        middleware: list[ExtensionPointMiddleware[Any]] | None = None,
        process_handlers: bool = False,
    ) -> Backend:
        """Returns a backend with these features; it is stopped after the test."""
        backend = Backend(
            [*self.factories(), *(defaults or [])],
            extension_point_factory_middleware=middleware or [],
            process_handlers=process_handlers,
        )
        for feature in features:
            backend.add(feature)
        self.backends.append(backend)
        return backend

    def plugin(
        self,
        plugin_id: str,
        init: Callable[..., Any] | None = None,
        *,
        points: dict[Any, Any] | None = None,
        deps: dict[str, Any] | None = None,
    ) -> BackendPlugin[[]]:
        """Returns a plugin that offers `points`; without an own init it writes its id into the journal."""

        @create_backend_plugin(plugin_id=plugin_id)
        def plugin(env: PluginRegistrationPoints) -> None:
            self._register(env, plugin_id, init, points, deps)

        return plugin

    def module(
        self,
        plugin_id: str,
        module_id: str,
        init: Callable[..., Any] | None = None,
        *,
        points: dict[Any, Any] | None = None,
        deps: dict[str, Any] | None = None,
    ) -> BackendModule[[]]:
        """Returns a module that offers `points`; without an own init it writes its ids into the journal."""

        @create_backend_module(plugin_id=plugin_id, module_id=module_id)
        def module(env: ModuleRegistrationPoints) -> None:
            self._register(env, f"{plugin_id}.{module_id}", init, points, deps)

        return module

    def _register(
        self,
        env: Any,
        text: str,
        init: Callable[..., Any] | None,
        points: dict[Any, Any] | None,
        deps: dict[str, Any] | None,
    ) -> None:
        for ref, instance in (points or {}).items():
            env.register_extension_point(ref, instance)

        async def write(**_dependencies: object) -> None:
            self.journal.append(text)

        if init is None:
            env.register_init(write, deps=deps or {})
        else:
            env.register_init(init, deps=deps)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A fresh world; its backends are stopped afterwards."""
    created = World()
    yield created
    for backend in created.backends:
        await backend.stop()
