"""What type checkers infer of declarations: the assertions are theirs, and each `type: ignore` must be needed."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any, Protocol, assert_type
from unittest.mock import Mock

import pytest

from understage.plugin_api import (
    BackendModule,
    BackendPlugin,
    Credentials,
    ExtensionPoint,
    ExtensionPointContext,
    Logger,
    LoggerService,
    ModuleRegistrationPoints,
    PluginFeature,
    PluginRegistrationPoints,
    RootConfig,
    ServiceFactory,
    ServicePrincipal,
    ServiceRef,
    UserPrincipal,
    create_backend_module,
    create_backend_plugin,
    create_extension_point,
    create_service_factory,
    create_service_ref,
    is_service,
    is_user,
    legacy_plugin,
)
from understage.wiring import Backend


class Greeter(Protocol):
    def greet(self, name: str) -> str: ...


class FriendlyGreeter:
    def greet(self, name: str) -> str:
        return f"hello {name}"


class Stranger:
    def ignore(self) -> None: ...


greeter_ref = create_service_ref(Greeter, id="acme.greeter")
greeter_point = create_extension_point(Greeter, id="acme.greeters")
union_ref = create_service_ref(str | None, id="acme.maybe")
GreeterAlias = Annotated[Greeter, greeter_ref]
Greeters = Annotated[Sequence[Greeter], greeter_ref]


@create_backend_plugin(plugin_id="plain")
def plain_plugin(env: PluginRegistrationPoints) -> None:
    env.register_extension_point(greeter_point, FriendlyGreeter())
    env.register_init(plain_init)


@create_backend_plugin(plugin_id="optional")
def optional_plugin(env: PluginRegistrationPoints, *, greeting: str = "hello") -> None:
    env.register_init(plain_init)


@create_backend_plugin(plugin_id="required")
def required_plugin(env: PluginRegistrationPoints, *, url: str) -> None:
    env.register_init(plain_init)


@create_backend_module(plugin_id="plain", module_id="m")
def required_module(env: ModuleRegistrationPoints, *, url: str) -> None:
    env.register_init(plain_init)


async def plain_init(logger: Logger) -> None:
    assert_type(logger, LoggerService)


def test_protocols_and_unions_are_inferred() -> None:
    """W20: references are typed by what they name, be it a protocol or any other type form."""
    assert_type(greeter_ref, ServiceRef[Greeter])
    assert_type(greeter_point, ExtensionPoint[Greeter])
    assert_type(union_ref, ServiceRef[str | None])


def test_factories_must_return_the_service() -> None:
    """W21: a factory's result must be the service, at once or awaited."""

    @create_service_factory(service=greeter_ref)
    def plain() -> FriendlyGreeter:
        return FriendlyGreeter()

    @create_service_factory(service=greeter_ref)
    async def awaited(config: RootConfig) -> Greeter:
        return FriendlyGreeter()

    assert_type(plain, ServiceFactory[Greeter])
    assert_type(awaited, ServiceFactory[Greeter])

    @create_service_factory(service=greeter_ref)  # type: ignore[arg-type]
    def wrong() -> Stranger:
        return Stranger()


def test_extension_points_take_their_own_type() -> None:
    """W13: an instance, and what a factory returns, must be what the extension point promises."""

    def register(env: PluginRegistrationPoints) -> None:
        env.register_extension_point(greeter_point, FriendlyGreeter())
        env.register_extension_point(greeter_point, factory=lambda context: FriendlyGreeter())
        env.register_extension_point(greeter_point, Stranger())  # type: ignore[misc]
        env.register_extension_point(greeter_point, factory=make_stranger)  # type: ignore[arg-type]

    def make_stranger(context: ExtensionPointContext) -> Stranger:
        return Stranger()

    points = Mock()
    register(points)
    assert points.register_extension_point.call_count == 4


def test_inits_are_coroutine_functions() -> None:
    """W10: an init that is no coroutine function is a type error, and a decorated init keeps its type."""

    def register(env: ModuleRegistrationPoints) -> None:
        @env.register_init
        async def init(greeter: GreeterAlias) -> None:
            assert_type(greeter, Greeter)

        kept: Callable[[Greeter], Coroutine[Any, Any, None]] = init
        wrong: Callable[[int], Coroutine[Any, Any, None]] = init  # type: ignore[assignment]
        assert id(kept) == id(wrong)
        env.register_init(plain_module)  # type: ignore[type-var]

    points = Mock()
    points.register_init.side_effect = lambda init: init
    register(points)
    assert points.register_init.call_count == 2


def test_options_are_checked() -> None:
    """W12: options keep their names and types, and required ones must be given."""
    assert_type(plain_plugin(), PluginFeature)
    assert_type(optional_plugin(greeting="hi"), PluginFeature)
    assert required_plugin(url="http://x").plugin_id == "required"
    with pytest.raises(TypeError):
        required_plugin().register(None)  # type: ignore[call-arg, arg-type]
    optional_plugin(greeting=1)  # type: ignore[arg-type]
    optional_plugin(unknown="x")  # type: ignore[call-arg]


def test_a_backend_takes_only_what_is_complete() -> None:
    """W1, W3, W7: whatever stands for a feature can be added; required options that are missing are a type error."""
    backend = Backend(process_handlers=False)

    async def later() -> BackendPlugin[[]]:
        return plain_plugin

    def made() -> PluginFeature:
        return plain_plugin()

    coroutine = later()
    backend.add(plain_plugin)
    backend.add(plain_plugin())
    backend.add(optional_plugin)
    backend.add(optional_plugin(greeting="hi"))
    backend.add("understage.catalog")
    backend.add(made)
    backend.add(coroutine)
    backend.add(pytest)
    backend.add(legacy_plugin("todo", lambda env: asgi_app))
    backend.add(required_plugin)  # type: ignore[arg-type]
    backend.add(required_module)  # type: ignore[arg-type]
    backend.add(required_plugin(url="x"))
    backend.add(required_module(url="x"))
    backend.add(42)  # type: ignore[arg-type]
    coroutine.close()


async def asgi_app(scope: Any, receive: Any, send: Any) -> None: ...


def test_credentials_are_narrowed() -> None:
    """After a check the principal's own attributes are known."""
    credentials: Credentials = Credentials(UserPrincipal("user:default/jane"))
    assert is_user(credentials)
    assert_type(credentials.principal, UserPrincipal)
    service: Credentials = Credentials(ServicePrincipal("plugin:catalog"))
    assert is_service(service)
    assert_type(service.principal, ServicePrincipal)


def test_definitions_are_typed_by_their_options() -> None:
    """A definition without options is a `BackendPlugin[[]]` or `BackendModule[[]]`."""
    assert_type(plain_plugin, BackendPlugin[[]])
    module = create_backend_module(plugin_id="plain", module_id="m")(plain_module)
    assert_type(module, BackendModule[[]])


def plain_module(env: ModuleRegistrationPoints) -> None: ...
