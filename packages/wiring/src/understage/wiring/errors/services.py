"""Errors in how services are provided and asked for."""

from collections.abc import Sequence

from understage.errors import ConflictError
from understage.plugin_api import CodeLocation
from understage.plugin_api.references import Reference
from understage.wiring.errors.base import WiringError, at


class MissingDependencyError(WiringError):
    """Nothing provides what somebody asks for.

    Attributes:
        owner: who asks, as messages name it.
        missing: the references without a provider.
    """

    name = "MissingDependencyError"

    def __init__(
        self, owner: str, missing: Sequence[Reference], *, path: Sequence[str] = (), hint: str | None = None
    ) -> None:
        """Lists the references by their string form."""
        super().__init__(
            f"{owner} cannot start: nothing provides {', '.join(map(str, missing))}",
            path=path,
            hint=hint or _hint_for(missing),
        )
        self.owner = owner
        self.missing = tuple(missing)


def _hint_for(missing: Sequence[Reference]) -> str:
    first = missing[0]
    if str(first).startswith("serviceRef"):
        return f"add a service factory for '{first.id}', or give its reference a default_factory"
    return f"'{first.id}' is registered by no installed feature: add the plugin or module that offers it"


class ScopeViolationError(WiringError):
    """A root-scoped consumer asks for a plugin-scoped service, of which there is one per plugin.

    Attributes:
        consumer: who asks, as messages name it.
        dependency: the plugin-scoped reference.
    """

    name = "ScopeViolationError"

    def __init__(self, consumer: str, dependency: Reference, *, location: CodeLocation | None, hint: str) -> None:
        """Names both sides and their scopes."""
        super().__init__(
            f"{consumer} is root-scoped, but depends on {dependency}, which is plugin-scoped{at(location)}", hint=hint
        )
        self.consumer = consumer
        self.dependency = dependency


class ServiceCycleError(WiringError, ConflictError):
    """Services wait for each other.

    Attributes:
        cycles: each cycle as the ids it runs through; the last one needs the first.
    """

    name = "ServiceCycleError"

    def __init__(self, cycles: Sequence[Sequence[tuple[str, CodeLocation | None]]]) -> None:
        """Draws each cycle as a chain of quoted ids, and then the factories on it."""
        self.cycles = tuple(tuple(service_id for service_id, _ in cycle) for cycle in cycles)
        path: list[str] = []
        for cycle in cycles:
            path.append(" -> ".join(f"'{service_id}'" for service_id, _ in [*cycle, cycle[0]]))
            path.extend(f"  '{service_id}' is provided at {location}" for service_id, location in cycle if location)
        super().__init__(
            "services wait for each other, so none of them can be created",
            path=path,
            hint="let one of them ask for what it needs of the other when it is used, not when it is created",
        )


class DuplicateServiceError(WiringError, ConflictError):
    """Two factories provide the same service.

    Attributes:
        service_id: the service's id.
    """

    name = "DuplicateServiceError"

    def __init__(self, service_id: str, first: str, second: str, *, hint: str | None = None) -> None:
        """Draws both factories."""
        super().__init__(
            f"service '{service_id}' is provided twice",
            path=[f"first   {first}", f"second  {second}"],
            hint=hint or "add one of them; a service that several may provide is created with multiton=True",
        )
        self.service_id = service_id


class ReservedServiceError(WiringError, ConflictError):
    """The backend itself provides this service, and nobody else may.

    Attributes:
        service_id: the service's id.
    """

    name = "ReservedServiceError"

    def __init__(self, service_id: str, location: CodeLocation | None) -> None:
        """Names the factory's place."""
        super().__init__(
            f"service '{service_id}' is built into the backend and cannot be provided or replaced{at(location)}",
            hint="remove this factory",
        )
        self.service_id = service_id


class ServiceInUseError(WiringError, ConflictError):
    """A factory was added for a service that somebody has already asked for.

    Attributes:
        service_id: the service's id.
    """

    name = "ServiceInUseError"

    def __init__(self, service_id: str, location: CodeLocation | None) -> None:
        """Names the factory's place."""
        super().__init__(
            f"service '{service_id}' is in use already, so its factory comes too late{at(location)}",
            hint="add it with backend.add(), or from a feature loader that runs before anybody asks for it",
        )
        self.service_id = service_id


class ServiceCreationError(WiringError):
    """A factory failed. The cause's name and message stay in the text, however deep it lies.

    Attributes:
        service_id: the service's id.
        plugin_id: the plugin it was for; None for root-scoped services and root contexts.
    """

    name = "ServiceCreationError"

    def __init__(
        self, problem: str, *, service_id: str, plugin_id: str | None, cause: BaseException | None, hint: str | None
    ) -> None:
        """Keeps which service it was, and for whom."""
        super().__init__(problem, cause=cause, hint=hint)
        self.service_id = service_id
        self.plugin_id = plugin_id
