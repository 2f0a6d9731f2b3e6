"""The instances of extension points that modules receive."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from typing_extensions import TypeVar

from understage.plugin_api import ExtensionPoint, LoggerService
from understage.wiring.declare.records import ExtensionPointRegistration
from understage.wiring.start.results import ResultCollector

T = TypeVar("T", default=Any)


@dataclass(frozen=True, slots=True)
class ExtensionPointMiddleware(Generic[T]):
    """Replaces what modules receive of an extension point.

    Attributes:
        extension_point: which one; it does no harm if nobody registers it.
        wrap: called with the instance for each consuming module; returns, or awaits, what the module receives.
    """

    extension_point: ExtensionPoint[T]
    wrap: Callable[[T], T | Awaitable[T]]


class ModuleContext:
    """What the factory of an extension point knows of a consuming module.

    Attributes:
        plugin_id: the module's plugin.
        module_id: the module.
    """

    def __init__(self, plugin_id: str, module_id: str, results: ResultCollector, logger: LoggerService) -> None:
        """Binds the module to the start's results."""
        self.plugin_id = plugin_id
        self.module_id = module_id
        self._results = results
        self._logger = logger

    def report_module_startup_failure(self, error: BaseException) -> None:
        """Makes the module a failed one; after the start it only logs.

        Raises:
            ConflictError: the module's own init has not finished.
        """
        if not self._results.amend_module(self.plugin_id, self.module_id, error):
            message = f"Module '{self.module_id}' of plugin '{self.plugin_id}' was reported as failed after the start"
            self._logger.error(message, plugin=self.plugin_id, module=self.module_id, error=error)


class ExtensionPointBuilder:
    """Builds the instances for consuming modules.

    Args:
        points: the registered extension points by id.
        middleware: what wraps them, in order.
    """

    def __init__(
        self, points: dict[str, ExtensionPointRegistration], middleware: Sequence[ExtensionPointMiddleware[Any]]
    ) -> None:
        self._points = points
        self._middleware: dict[str, list[ExtensionPointMiddleware[Any]]] = {}
        for item in middleware:
            self._middleware.setdefault(item.extension_point.id, []).append(item)

    async def build(self, ref: ExtensionPoint[Any], context: ModuleContext) -> Any:
        """Returns an extension point's instance for a module."""
        instance = self._points[ref.id].build(context)
        for item in self._middleware.get(ref.id, ()):
            wrapped = item.wrap(instance)
            instance = await wrapped if inspect.isawaitable(wrapped) else wrapped
        return instance
