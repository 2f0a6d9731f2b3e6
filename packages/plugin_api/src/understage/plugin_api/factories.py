"""Service factories: what provides a service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal

from typing_extensions import TypeVar

from understage.plugin_api.dependencies import FactoryDependencies, declared_dependencies
from understage.plugin_api.errors import FeatureDeclarationError
from understage.plugin_api.location import CodeLocation, caller_location, location_of
from understage.plugin_api.references import ServiceRef

T = TypeVar("T", default=Any)
Initialization = Literal["always", "lazy"]
ROOT_CONTEXT_PARAMETER = "root_context"


@dataclass(frozen=True, eq=False)
class ServiceFactory(Generic[T]):
    """Provides a service. A feature: `backend.add` takes it. Create one with `create_service_factory`.

    Attributes:
        service: the service that it provides.
        factory: called with the dependencies by name; returns the service or an awaitable of it.
        create_root_context: called once per backend with root-scoped dependencies by name; plugin scope only.
        deps: explicit dependencies of the factory, or None to read them from the annotations.
        initialization: `always` creates it at start, `lazy` when it is first asked for, None by the scope's default
            (root services always, plugin services lazily).
        location: where it was declared.
    """

    service: ServiceRef[T]
    factory: Callable[..., T | Awaitable[T]]
    create_root_context: Callable[..., Any] | None = None
    deps: Mapping[str, ServiceRef[Any]] | None = None
    root_context_deps: Mapping[str, ServiceRef[Any]] | None = None
    initialization: Initialization | None = None
    location: CodeLocation = field(default_factory=caller_location)
    feature_type: str = field(default="service", init=False)
    version: str = field(default="v1", init=False)

    def dependencies(self) -> FactoryDependencies:
        """Returns the dependencies of the factory and of its root context, by parameter name.

        Raises:
            DependencyDeclarationError: a parameter has no usable annotation.
        """
        owner = f"the factory of {self.service}"
        own = declared_dependencies(self.factory, owner=owner, explicit=self.deps, ignore={ROOT_CONTEXT_PARAMETER})
        root: Mapping[str, Any] = {}
        if self.create_root_context is not None:
            root = declared_dependencies(
                self.create_root_context, owner=f"the root context of {self.service}", explicit=self.root_context_deps
            )
        return FactoryDependencies(own, root)

    def with_initialization(self, initialization: Initialization) -> ServiceFactory[T]:
        """Returns the same factory, created at another time."""
        return replace(self, initialization=initialization)


def create_service_factory(
    *,
    service: ServiceRef[T],
    deps: Mapping[str, ServiceRef[Any]] | None = None,
    create_root_context: Callable[..., Any] | None = None,
    root_context_deps: Mapping[str, ServiceRef[Any]] | None = None,
    initialization: Initialization | None = None,
) -> Callable[[Callable[..., T | Awaitable[T]]], ServiceFactory[T]]:
    """Decorates the function that creates a service; its parameters are its dependencies.

    Args:
        service: the service that it provides. Of a multiton, several factories may be added.
        deps: dependencies by parameter name, instead of annotations.
        create_root_context: called once per backend with root-scoped dependencies; its result is passed to every call
            of the factory as the parameter `root_context`. Only for plugin-scoped services.
        root_context_deps: dependencies of `create_root_context` by parameter name, instead of annotations.
        initialization: `always` or `lazy`; by default root services are created at start, plugin services when they
            are first asked for.

    Raises:
        FeatureDeclarationError: a root-scoped service has a root context.
    """
    if create_root_context is not None and service.scope == "root":
        raise FeatureDeclarationError(
            f"the factory of {service} has a root context, but the service is root-scoped",
            location=caller_location(),
            hint="a root-scoped factory runs once anyway: do it there",
        )

    def decorate(factory: Callable[..., T | Awaitable[T]]) -> ServiceFactory[T]:
        return ServiceFactory(
            service=service,
            factory=factory,
            create_root_context=create_root_context,
            deps=deps,
            root_context_deps=root_context_deps,
            initialization=initialization,
            location=location_of(factory) or caller_location(),
        )

    return decorate
