"""What is wrong with services, seen from those who need them."""

from dataclasses import dataclass
from typing import Any

from understage.plugin_api import DependencyDeclarationError, ServiceRef
from understage.plugin_api.references import Reference
from understage.wiring.errors import MissingDependencyError, ServiceCreationError, ServiceCycleError, WiringError
from understage.wiring.errors.base import at
from understage.wiring.graph.providers import Provider, Providers
from understage.wiring.graph.scopes import scope_violations


@dataclass(frozen=True, slots=True)
class ServiceProblem:
    """Something that keeps a service from being created.

    Attributes:
        missing: the reference that nothing provides, or None.
        error: any other problem, or None.
        path: the providers that lead there, from the one asked for to the one with the problem.
    """

    missing: ServiceRef[Any] | None
    error: WiringError | DependencyDeclarationError | None
    path: tuple[Provider, ...] = ()

    def below(self, provider: Provider) -> "ServiceProblem":
        """Returns the same problem, seen from a provider that needs the one at the path's start."""
        return ServiceProblem(self.missing, self.error, (provider, *self.path))


class ServiceChecker:
    """Finds out for any service what is wrong with it, looking at each provider once.

    Args:
        providers: who provides what; default factories of references are loaded already.
    """

    def __init__(self, providers: Providers) -> None:
        self._providers = providers
        self._known: dict[Provider, tuple[ServiceProblem, ...]] = {}
        self._trail: list[Provider] = []

    def of_reference(self, ref: ServiceRef[Any]) -> list[ServiceProblem]:
        """Returns what is wrong with a service."""
        try:
            if not self._providers.can_provide(ref):
                return [ServiceProblem(ref, None)]
            return [problem for provider in self._providers.of(ref) for problem in self.of_provider(provider)]
        except ServiceCreationError as error:
            return [ServiceProblem(None, error)]

    def of_provider(self, provider: Provider) -> tuple[ServiceProblem, ...]:
        """Returns what is wrong with a factory."""
        known = self._known.get(provider)
        if known is not None:
            return known
        if provider in self._trail:
            cycle = self._trail[self._trail.index(provider) :]
            return (ServiceProblem(None, ServiceCycleError([[(item.service.id, item.location) for item in cycle]])),)
        self._trail.append(provider)
        try:
            found = tuple(problem.below(provider) for problem in self._own(provider))
        finally:
            self._trail.pop()
        self._known[provider] = found
        return found

    def _own(self, provider: Provider) -> list[ServiceProblem]:
        try:
            violations = scope_violations(provider)
        except DependencyDeclarationError as error:
            return [ServiceProblem(None, error)]
        if violations:
            return [ServiceProblem(None, violation) for violation in violations]
        return [problem for ref in provider.service_needs() for problem in self.of_reference(ref)]


def errors_for(owner: str, place: object, problems: list[ServiceProblem]) -> list[WiringError]:
    """Returns the problems of what somebody needs as errors that draw the way there.

    What is missing is told in one error; any other problem has one of its own.

    Args:
        owner: who needs it, as messages name it.
        place: where that is.
        problems: what `ServiceChecker` found.
    """
    errors: list[WiringError] = []
    missing = [problem for problem in problems if problem.missing is not None]
    if missing:
        refs: dict[str, Reference] = {p.missing.id: p.missing for p in missing if p.missing is not None}
        errors.append(MissingDependencyError(owner, list(refs.values()), path=_drawn(owner, place, missing)))
    seen: set[str] = set()
    for problem in problems:
        if problem.error is None or str(problem.error) in seen:
            continue
        seen.add(str(problem.error))
        errors.append(
            WiringError(
                f"{owner} cannot start",
                path=_drawn(owner, place, [problem]) if problem.path else (),
                cause=problem.error,
            )
        )
    return errors


def _drawn(owner: str, place: object, problems: list[ServiceProblem]) -> list[str]:
    lines = [f"{owner}{at(place)}"]
    for problem in problems:
        depth = 1
        for provider in problem.path:
            line = f"{'  ' * depth}needs {provider.service}{at(provider.location)}"
            if line not in lines:
                lines.append(line)
            depth += 1
        if problem.missing is not None:
            lines.append(f"{'  ' * depth}needs {problem.missing}   (created at {problem.missing.location})")
    return lines
