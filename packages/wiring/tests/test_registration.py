from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from understage.plugin_api import (
    ExtensionPointContext,
    ModuleRegistrationPoints,
    PluginRegistrationPoints,
    RootInstanceMetadata,
    RootLogger,
    create_backend_module,
    create_backend_plugin,
    create_extension_point,
)
from understage.wiring import BackendStartupError, RegistrationCallError, RegistrationError, UnexpectedStartupError

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


class Sink(Protocol):
    """What the extension points of these tests offer."""

    def put(self, item: str) -> None: ...


class ListSink(list[str]):
    def put(self, item: str) -> None:
        self.append(item)


sink_point = create_extension_point(Sink, id="a.sink")


async def nothing() -> None:
    """An init that does nothing."""


def late_point(env: Any) -> None:
    env.register_init(nothing)
    env.register_extension_point(sink_point, ListSink())


def two_inits(env: Any) -> None:
    env.register_init(nothing)
    env.register_init(nothing)


def no_init(env: Any) -> None:
    env.register_extension_point(sink_point, ListSink())


def sync_init(env: Any) -> None:
    env.register_init(lambda: None)


def neither(env: Any) -> None:
    env.register_extension_point(sink_point)


def both(env: Any) -> None:
    env.register_extension_point(sink_point, ListSink(), factory=lambda _context: ListSink())


def default_value(env: Any) -> None:
    async def init(logger: RootLogger = None) -> None: ...  # type: ignore[assignment]

    env.register_init(init)


def no_annotation(env: Any) -> None:
    async def init(logger) -> None: ...  # type: ignore[no-untyped-def]

    env.register_init(init)


BROKEN: list[tuple[Callable[[Any], None], str]] = [
    (late_point, "registers extensionPoint{a.sink} after its init"),
    (two_inits, "registers two inits"),
    (no_init, "registers no init"),
    (sync_init, "which is no coroutine function"),
    (neither, "with neither instance nor factory"),
    (both, "with both instance and factory"),
    (default_value, "has a default value"),
    (no_annotation, "has no annotation"),
]


@pytest.mark.parametrize(("register", "problem"), BROKEN)
async def test_a_plugin_must_register_by_the_rules(
    world: "World", register: Callable[[Any], None], problem: str
) -> None:
    """W10: extension points before the init, the init exactly once; the error names the plugin, which fails."""
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(create_backend_plugin(plugin_id="a")(register), world.plugin("b")).start()
    assert problem in str(caught.value)
    assert "plugin 'a'" in str(caught.value)
    outcomes = {plugin.plugin_id: plugin.failure is None for plugin in caught.value.result.plugins}
    assert outcomes == {"a": False, "b": True}


@pytest.mark.parametrize(("register", "problem"), BROKEN)
async def test_a_module_must_register_by_the_rules(
    world: "World", register: Callable[[Any], None], problem: str
) -> None:
    """W11: the same rules hold for modules; the error names module and plugin, and only the module fails."""
    world.config = {"backend": {"startup": {"default": {"onPluginModuleBootFailure": "continue"}}}}
    module = create_backend_module(plugin_id="a", module_id="m")(register)
    result = await world.backend(world.plugin("a"), module).start()
    failure = result.plugins[0].modules[0].failure
    assert failure is not None
    assert problem in str(failure.error)
    assert "module 'm' of plugin 'a'" in str(failure.error)
    assert "a" in world.journal


async def test_register_is_lazy_and_runs_once(world: "World") -> None:
    """W12: `register` runs at start, exactly once, whoever reads its result.

    deviation: it does not run again for the metadata service, start and stop, so it may build the plugin's state.
    """
    calls: list[str] = []

    @create_backend_plugin(plugin_id="a")
    def plugin(env: PluginRegistrationPoints) -> None:
        calls.append(env.plugin_id)

        @env.register_init
        async def init(metadata: RootInstanceMetadata) -> None:
            calls.append(str([item.plugin_id for item in await metadata.get_installed_plugins()]))

    backend = world.backend(plugin)
    assert calls == []
    await backend.inspect()
    await backend.start()
    await backend.inspect()
    await backend.stop()
    assert calls == ["a", "['a']"]


async def test_what_register_raises_aborts_the_start(world: "World") -> None:
    """W12: an exception out of `register` is not a plugin's failure: it aborts the start whatever the policy says."""
    world.config = {
        "backend": {
            "startup": {"default": {"onPluginBootFailure": "continue", "onPluginModuleBootFailure": "continue"}}
        }
    }

    @create_backend_plugin(plugin_id="a")
    def plugin(env: PluginRegistrationPoints) -> None:
        raise ValueError("bad state")

    with pytest.raises(UnexpectedStartupError) as caught:
        await world.backend(plugin, world.plugin("b")).start()
    (error,) = caught.value.errors
    assert isinstance(error, RegistrationCallError)
    assert str(error).startswith("plugin 'a' raised while it registered")
    assert "caused by ValueError: bad state" in str(error)
    assert world.journal == []


async def test_both_forms_of_extension_points_are_accepted(world: "World") -> None:
    """W2, W13: an instance is shared by all modules; a factory is called once for each, and told which it is."""
    shared, made = ListSink(), dict[str, ListSink]()
    other_point = create_extension_point(Sink, id="a.other")

    def make(context: ExtensionPointContext) -> Sink:
        assert context.module_id not in made
        return made.setdefault(context.module_id, ListSink())

    @create_backend_plugin(plugin_id="a")
    def plugin(env: PluginRegistrationPoints) -> None:
        env.register_extension_point(sink_point, shared)
        env.register_extension_point(other_point, factory=make)
        env.register_init(nothing)

    def consumer(module_id: str) -> Any:
        @create_backend_module(plugin_id="a", module_id=module_id)
        def module(env: ModuleRegistrationPoints) -> None:
            async def init(sink: Sink, other: Sink) -> None:
                sink.put(f"{env.plugin_id}.{env.module_id}")
                other.put(module_id)

            env.register_init(init, deps={"sink": sink_point, "other": other_point})

        return module

    await world.backend(plugin, consumer("x"), consumer("y")).start()
    assert shared == ["a.x", "a.y"]
    assert made == {"x": ["x"], "y": ["y"]}


async def test_ids_may_be_spelled_freely(world: "World") -> None:
    """W14: how ids are spelled is a convention that the registration does not enforce."""
    point = create_extension_point(Sink, id="Whatever_Spelling")
    module = world.module("plugin_One", "Module Two!", deps={"sink": point})
    result = await world.backend(world.plugin("plugin_One", points={point: ListSink()}), module).start()
    assert result.outcome == "success"


async def test_an_own_callable_can_be_an_init(world: "World") -> None:
    """W10: an object whose call is a coroutine function is an init too."""

    class Init:
        async def __call__(self) -> None:
            world.journal.append("called")

    await world.backend(world.plugin("a", Init(), deps={})).start()
    assert "called" in world.journal


async def test_the_error_is_an_object_with_data(world: "World") -> None:
    """W10: the error tells whose it is and where that was declared."""
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(create_backend_plugin(plugin_id="a")(two_inits)).start()
    failure = caught.value.result.plugins[0].failure
    assert failure is not None
    assert isinstance(failure.error, RegistrationError)
    assert failure.error.owner == "plugin 'a'"
    assert failure.error.location is not None
    assert failure.error.location.file == __file__
    assert failure.error.hint == "call register_init exactly once"
