"""Dependencies by annotation: `logger: Annotated[LoggerService, core_services.logger]`."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from understage.plugin_api.errors import DependencyDeclarationError
from understage.plugin_api.location import location_of
from understage.plugin_api.references import ExtensionPoint, Reference, ServiceRef

_EVALUATED: dict[tuple[str, str], Any] = {}


@dataclass(frozen=True, slots=True)
class FactoryDependencies:
    """What a service factory needs.

    Attributes:
        factory: references by parameter of the factory itself.
        root_context: references by parameter of its root context.
    """

    factory: Mapping[str, Any]
    root_context: Mapping[str, Any]


def declared_dependencies(
    function: Callable[..., Any],
    *,
    owner: str,
    explicit: Mapping[str, Any] | None = None,
    ignore: Collection[str] = (),
) -> dict[str, Reference]:
    """Returns the references that a function's parameters ask for, by parameter name.

    Args:
        function: an init function, a service factory, a root context or a feature loader.
        owner: whose function it is, for messages, such as `plugin 'catalog'`.
        explicit: references by parameter name, given instead of annotations.
        ignore: parameters that somebody else fills.

    Raises:
        DependencyDeclarationError: a parameter has a default, no annotation, or one that names no reference.
    """
    if explicit is not None:
        return {name: _check_explicit(name, ref, owner, function) for name, ref in explicit.items()}
    found: dict[str, Reference] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ignore:
            continue
        if parameter.default is not parameter.empty:
            raise DependencyDeclarationError(
                f"parameter '{name}' of {owner} has a default value; dependencies are always passed",
                location=location_of(function),
                hint=f"remove '= {parameter.default!r}', or take '{name}' as an option of the feature",
            )
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            raise DependencyDeclarationError(
                f"parameter '{name}' of {owner} cannot be injected",
                location=location_of(function),
                hint="use plain named parameters: each is passed by its name",
            )
        found[name] = _reference_of(name, parameter.annotation, function, owner)
    return found


def _check_explicit(name: str, reference: Any, owner: str, function: Callable[..., Any]) -> Reference:
    if isinstance(reference, ServiceRef | ExtensionPoint):
        return reference
    raise DependencyDeclarationError(
        f"dependency '{name}' of {owner} is {reference!r}, which is no service or extension point reference",
        location=location_of(function),
        hint="pass a reference such as core_services.logger",
    )


def _reference_of(name: str, annotation: Any, function: Callable[..., Any], owner: str) -> Reference:
    if annotation is inspect.Parameter.empty:
        raise DependencyDeclarationError(
            f"parameter '{name}' of {owner} has no annotation, so nothing is known to pass",
            location=location_of(function),
            hint="annotate it with a service alias such as Logger from understage.plugin_api",
        )
    evaluated = _evaluate(annotation, function, name, owner)
    if isinstance(evaluated, ServiceRef | ExtensionPoint):
        return evaluated
    if get_origin(evaluated) is Annotated:
        annotated_type, *metadata = get_args(evaluated)
        for item in metadata:
            if isinstance(item, ServiceRef | ExtensionPoint):
                _check_alias(name, annotated_type, item, function, owner)
                return item
    raise DependencyDeclarationError(
        f"parameter '{name}' of {owner} is annotated with {_shown(evaluated)}: no service and no extension point",
        location=location_of(function),
        hint="use an alias such as Logger, or Annotated[MyService, my_service_ref]",
    )


def _evaluate(annotation: Any, function: Callable[..., Any], name: str, owner: str) -> Any:
    if not isinstance(annotation, str):
        return annotation
    module = getattr(function, "__module__", "") or ""
    key = (module, annotation)
    if key not in _EVALUATED:
        namespace = getattr(inspect.unwrap(function), "__globals__", None) or vars(sys.modules.get(module, sys))
        try:
            evaluated = eval(annotation, namespace)  # noqa: S307 - the module's own annotation, as typing does it
        except Exception as error:
            raise DependencyDeclarationError(
                f"the annotation '{annotation}' of parameter '{name}' of {owner} cannot be evaluated: {error}",
                location=location_of(function),
                hint="aliases must be importable names at module level, not under TYPE_CHECKING or inside a function",
            ) from error
        _EVALUATED[key] = evaluated
    return _EVALUATED[key]


def _check_alias(name: str, annotated: Any, reference: Reference, function: Callable[..., Any], owner: str) -> None:
    if isinstance(reference, ExtensionPoint):
        wanted = reference.extension_type
    elif reference.multiton:
        arguments = get_args(annotated)
        if not arguments:
            raise DependencyDeclarationError(
                f"parameter '{name}' of {owner} asks for the multiton {reference} as {_shown(annotated)}",
                location=location_of(function),
                hint=f"its alias is Annotated[Sequence[{_shown(reference.service_type)}], ref]",
            )
        annotated, wanted = arguments[0], reference.service_type
    else:
        wanted = reference.service_type
    if annotated is not wanted and annotated != wanted and annotated is not Any:
        raise DependencyDeclarationError(
            f"parameter '{name}' of {owner} takes {reference} as {_shown(annotated)}, but that is a {_shown(wanted)}",
            location=location_of(function),
            hint=f"write Annotated[{_shown(wanted)}, ...], or use the reference that belongs to {_shown(annotated)}",
        )


def _shown(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or str(annotation)
