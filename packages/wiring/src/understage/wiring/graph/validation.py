"""Validation of everything that will be started, before anything is."""

from understage.plugin_api import DependencyDeclarationError, FeatureDeclarationError
from understage.wiring.errors import WiringError
from understage.wiring.graph.plan import Plan
from understage.wiring.graph.plugins import check_plugins
from understage.wiring.graph.providers import Providers
from understage.wiring.graph.services import ServiceChecker, errors_for


async def validate(plan: Plan, providers: Providers) -> list[WiringError | FeatureDeclarationError]:
    """Finds all that is known to be broken: what counts against a plugin or module goes into the plan's failures.

    Args:
        plan: what is to be started; what cannot start is taken out.
        providers: who provides what.

    Returns:
        What counts against nobody: problems of services that the backend itself creates.
    """
    broken = _declarations(providers)
    if broken:
        return broken
    try:
        providers.check_cycles()
    except WiringError as error:
        return [error]
    eager = [provider for provider in providers if provider.is_eager]
    needs = [ref for provider in eager for ref in provider.needs()]
    for plugin in plan.plugins.values():
        for registration in (plugin.registration, *plugin.modules.values()):
            needs.extend(registration.deps.values())
    await providers.ensure_loaded(needs)
    checker = ServiceChecker(providers)
    root_problems = [problem for provider in eager if provider.is_root for problem in checker.of_provider(provider)]
    check_plugins(plan, checker, [provider for provider in eager if not provider.is_root])
    return list(errors_for("the backend", None, root_problems))


def _declarations(providers: Providers) -> list[WiringError | FeatureDeclarationError]:
    broken: list[WiringError | FeatureDeclarationError] = []
    for provider in providers:
        try:
            provider.dependencies()
        except DependencyDeclarationError as error:
            broken.append(error)
    return broken
