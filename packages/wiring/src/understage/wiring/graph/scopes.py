"""What a service may depend on, by its scope."""

from understage.plugin_api import ServiceRef
from understage.wiring.errors import ExtensionPointMisuseError, ScopeViolationError, WiringError
from understage.wiring.graph.providers import Provider


def scope_violations(provider: Provider) -> list[WiringError]:
    """Returns what a factory asks for although its scope forbids it.

    Args:
        provider: the factory.

    Raises:
        DependencyDeclarationError: its parameters do not say what to pass.
    """
    service_id = provider.service.id
    misused: list[WiringError] = [
        ExtensionPointMisuseError(
            f"service '{service_id}'",
            f"depends on {ref}, but extension points are for modules only",
            ref,
            path=[f"its factory is declared at {provider.location}"],
            hint="depend on a service, or make this a module",
        )
        for ref in provider.needs()
        if not isinstance(ref, ServiceRef)
    ]
    return misused + _plugin_scoped_needs(provider)


def _plugin_scoped_needs(provider: Provider) -> list[WiringError]:
    service_id = provider.service.id
    dependencies = provider.dependencies()
    if provider.is_root:
        consumer = f"service '{service_id}'"
        needs = dependencies.factory
        hint = f"make '{service_id}' plugin-scoped, or depend on a root-scoped service"
    else:
        consumer = f"the root context of service '{service_id}'"
        needs = dependencies.root_context
        hint = "ask for it in the factory itself, which runs once per plugin"
    return [
        ScopeViolationError(consumer, ref, location=provider.location, hint=hint)
        for ref in needs.values()
        if isinstance(ref, ServiceRef) and ref.scope == "plugin"
    ]
