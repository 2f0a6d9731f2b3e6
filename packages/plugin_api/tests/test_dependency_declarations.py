import functools
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Protocol

import pytest

from understage.plugin_api import (
    DependencyDeclarationError,
    Logger,
    RootConfig,
    core_services,
    create_extension_point,
    create_service_ref,
)
from understage.plugin_api.dependencies import declared_dependencies


class Greeter(Protocol):
    def greet(self) -> str: ...


class Other(Protocol):
    def other(self) -> str: ...


greeter_ref = create_service_ref(Greeter, id="acme.greeter")
many_ref = create_service_ref(Greeter, id="acme.many", multiton=True)
point = create_extension_point(Greeter, id="acme.point")
GreeterAlias = Annotated[Greeter, greeter_ref]
ManyAlias = Annotated[Sequence[Greeter], many_ref]
PointAlias = Annotated[Greeter, point]
WrongType = Annotated[Other, greeter_ref]
WrongPoint = Annotated[Other, point]
WrongItems = Annotated[Sequence[Other], many_ref]
NotASequence = Annotated[Greeter, many_ref]
Unrelated = Annotated[str, "a note"]


def declared(function: Callable[..., Any], **options: Any) -> dict[str, Any]:
    """Returns what a function asks for."""
    return dict(declared_dependencies(function, owner="the init of plugin 'a'", **options))


def test_annotations_are_dependencies() -> None:
    """W21: each parameter's alias names its reference: services, multitons and extension points alike."""

    async def init(logger: Logger, config: RootConfig, many: ManyAlias, sink: PointAlias) -> None: ...

    assert declared(init) == {
        "logger": core_services.logger,
        "config": core_services.root_config,
        "many": many_ref,
        "sink": point,
    }


def test_annotations_may_be_text() -> None:
    """W21: annotations that are text, as under `from __future__ import annotations`, are evaluated in their module."""

    async def init(greeter: "GreeterAlias", logger: "Logger") -> None: ...

    assert declared(init) == {"greeter": greeter_ref, "logger": core_services.logger}


def test_a_bare_reference_is_understood() -> None:
    """W21: a reference itself may stand as the annotation, and `Any` may stand for its type."""

    def factory(greeter: greeter_ref, anything: Annotated[Any, point]) -> None: ...  # type: ignore[valid-type]

    assert declared(factory) == {"greeter": greeter_ref, "anything": point}


def test_explicit_dependencies_replace_annotations() -> None:
    """W21: dependencies given by name need no annotations."""
    assert declared(lambda **_: None, explicit={"x": greeter_ref}) == {"x": greeter_ref}


def test_wrapped_and_partial_functions_are_read() -> None:
    """W21: decorated functions are read through to the function that they wrap."""

    def inner(greeter: "GreeterAlias") -> None: ...

    @functools.wraps(inner)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        inner(*args, **kwargs)

    assert declared(wrapper) == {"greeter": greeter_ref}


def test_some_parameters_are_filled_by_others() -> None:
    """W22: parameters that somebody else fills, such as the root context, are no dependencies."""

    def factory(greeter: GreeterAlias, root_context: str) -> None: ...

    assert declared(factory, ignore={"root_context"}) == {"greeter": greeter_ref}


def default_value(logger: Logger = None) -> None: ...  # type: ignore[assignment]
def no_annotation(logger) -> None: ...  # type: ignore[no-untyped-def]
def plain_type(name: str) -> None: ...
def unrelated(name: Unrelated) -> None: ...
def wrong_type(greeter: WrongType) -> None: ...
def wrong_point(greeter: WrongPoint) -> None: ...
def wrong_items(greeters: WrongItems) -> None: ...
def not_a_sequence(greeters: NotASequence) -> None: ...
def many_parameters(*loggers: Logger) -> None: ...
def by_position(logger: Logger, /) -> None: ...
def unknown_name(thing: "NoSuchAlias") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "problem", "hint"),
    [
        (default_value, "parameter 'logger' of the init of plugin 'a' has a default value", "remove '= None'"),
        (no_annotation, "parameter 'logger' of the init of plugin 'a' has no annotation", "a service alias"),
        (plain_type, "is annotated with str: no service and no extension point", "use an alias such as Logger"),
        (unrelated, "no service and no extension point", "Annotated[MyService, my_service_ref]"),
        (wrong_type, "takes serviceRef{acme.greeter} as Other, but that is a Greeter", "Annotated[Greeter, ...]"),
        (wrong_point, "takes extensionPoint{acme.point} as Other, but that is a Greeter", "belongs to Other"),
        (wrong_items, "takes serviceRef{acme.many} as Other, but that is a Greeter", "Annotated[Greeter, ...]"),
        (not_a_sequence, "asks for the multiton serviceRef{acme.many} as Greeter", "Annotated[Sequence[Greeter], ref]"),
        (many_parameters, "parameter 'loggers' of the init of plugin 'a' cannot be injected", "plain named parameters"),
        (by_position, "parameter 'logger' of the init of plugin 'a' cannot be injected", "plain named parameters"),
        (unknown_name, "the annotation 'NoSuchAlias' of parameter 'thing'", "importable names at module level"),
    ],
)
def test_wrong_declarations_say_what_to_do(function: Callable[..., Any], problem: str, hint: str) -> None:
    """W21: a parameter that says nothing useful is an error that names it, its place, and what to write."""
    with pytest.raises(DependencyDeclarationError) as caught:
        declared(function)
    text = str(caught.value)
    assert problem in text
    assert hint in text.split("hint: ")[1]
    assert f"test_dependency_declarations.py:{function.__code__.co_firstlineno}" in text


def test_explicit_dependencies_must_be_references() -> None:
    """W21: an explicit dependency that is no reference is an error that shows it."""
    with pytest.raises(DependencyDeclarationError, match=r"dependency 'x' of the init of plugin 'a' is 'core\.logger'"):
        declared(lambda x: x, explicit={"x": "core.logger"})


def test_errors_have_names_of_their_own() -> None:
    """The errors' names are those of their classes, so that a log line says what kind of mistake it is."""
    with pytest.raises(DependencyDeclarationError) as caught:
        declared(plain_type)
    assert caught.value.name == "DependencyDeclarationError"
    assert caught.value.problem in str(caught.value)
    assert caught.value.hint is not None
