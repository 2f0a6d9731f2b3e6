import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from understage.errors import ConflictError
from understage.plugin_api import (
    ExtensionPointContext,
    PluginRegistrationPoints,
    create_backend_module,
    create_backend_plugin,
    create_extension_point,
    create_service_ref,
)
from understage.wiring import (
    Backend,
    BackendStartupError,
    DependencyCycleError,
    DuplicateExtensionPointError,
    DuplicateModuleError,
    DuplicatePluginError,
    ExtensionPointMiddleware,
    ExtensionPointMisuseError,
    MissingDependencyError,
    StartResult,
)
from understage.wiring.graph.cycles import find_cycles

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World

PERMISSIVE = {
    "backend": {"startup": {"default": {"onPluginBootFailure": "continue", "onPluginModuleBootFailure": "continue"}}}
}


class Sink(Protocol):
    """What the extension points of these tests offer."""

    def put(self, item: str) -> None: ...


class ListSink(list[str]):
    def put(self, item: str) -> None:
        self.append(item)


points = {name: create_extension_point(Sink, id=f"a.{name}") for name in ("one", "two", "three")}
one, two, three = points.values()
foreign = create_extension_point(Sink, id="b.foreign")
One = Annotated[Sink, one]
absent_ref = create_service_ref(str, id="test.absent")


def failures(result: StartResult) -> dict[str, BaseException]:
    """Returns the errors of a result by plugin, and by plugin and module."""
    found: dict[str, BaseException] = {}
    for plugin in result.plugins:
        if plugin.failure is not None:
            found[plugin.plugin_id] = plugin.failure.error
        for module in plugin.modules:
            if module.failure is not None:
                found[f"{plugin.plugin_id}.{module.module_id}"] = module.failure.error
    return found


async def test_modules_without_their_plugin_are_skipped(world: "World") -> None:
    """W60: a module whose plugin is not installed never runs and is in no result."""
    backend = world.backend(world.plugin("a"), world.module("absent", "m"))
    result = await backend.start()
    assert "absent.m" not in world.journal
    assert [plugin.plugin_id for plugin in result.plugins] == ["a"]
    assert [orphan.plugin_id for orphan in (await backend.inspect()).orphans] == ["absent"]


async def test_skipped_modules_are_not_waited_for(world: "World") -> None:
    """W61: the progress log does not wait for the plugin of a skipped module."""
    backend = world.backend(world.plugin("a", _sleeps(1.1)), world.module("absent", "m"))
    await backend.start()
    progress = [metadata for _, message, metadata in world.logger.entries if "in progress" in message]
    assert [entry["still_initializing"] for entry in progress] == [["a"]]


def _sleeps(seconds: float) -> Any:
    async def init() -> None:
        await asyncio.sleep(seconds)

    return init


@pytest.mark.parametrize("copies", [2, 3])
async def test_no_copy_of_a_duplicated_plugin_runs(world: "World", copies: int) -> None:
    """W62, W63: of a plugin that was added more than once no copy runs and no module; the others do."""
    world.config = PERMISSIVE
    plugins = [world.plugin("a") for _ in range(copies)]
    result = await world.backend(*plugins, world.module("a", "m"), world.plugin("b")).start()
    error = failures(result)["a"]
    assert isinstance(error, DuplicatePluginError)
    assert f"plugin 'a' was added {copies} times" in str(error)
    assert len(error.locations) == copies
    assert [entry for entry in world.journal if not entry.endswith("startup")] == ["b"]


async def test_a_duplicated_plugin_fails_the_start(world: "World") -> None:
    """W62: by default a duplicated plugin fails the start, which goes through all the same."""
    with pytest.raises(BackendStartupError, match="DuplicatePluginError"):
        await world.backend(world.plugin("a"), world.plugin("a"), world.plugin("b")).start()
    assert "b" in world.journal


async def test_the_first_copy_of_a_module_runs(world: "World") -> None:
    """W64: a module added again is a failed module result, and the first copy still runs."""
    world.config = PERMISSIVE

    async def second() -> None:
        raise AssertionError

    result = await world.backend(world.plugin("a"), world.module("a", "m"), world.module("a", "m", second)).start()
    assert world.journal[:2] == ["a.m", "a"]
    modules = result.plugins[0].modules
    assert [(module.module_id, module.failure is None) for module in modules] == [("m", False), ("m", True)]
    assert isinstance(failures(result)["a.m"], DuplicateModuleError)


async def test_the_second_registrant_of_an_extension_point_fails(world: "World") -> None:
    """W65: a duplicated extension point counts against the second registrant; its other points are taken back."""
    world.config = PERMISSIVE
    first, third = ListSink(), ListSink()
    result = await world.backend(
        world.plugin("a", points={one: first}),
        world.module("a", "second", points={two: ListSink(), one: ListSink()}),
        world.module("a", "third", points={two: third}),
        world.module("a", "consumer", _puts("x"), deps={"sink": one, "other": two}),
    ).start()
    errors = failures(result)
    assert set(errors) == {"a.second"}
    assert isinstance(errors["a.second"], DuplicateExtensionPointError)
    assert "first   plugin 'a'   (" in str(errors["a.second"])
    assert (first, third) == (["x"], ["x"])


def _puts(item: str) -> Any:
    async def init(**sinks: Sink) -> None:
        for sink in sinks.values():
            sink.put(item)

    return init


async def test_a_plugin_may_be_the_second_registrant(world: "World") -> None:
    """W65: if the second registrant is a plugin, that plugin fails with its modules, and the first is unaffected."""
    world.config = PERMISSIVE
    result = await world.backend(
        world.plugin("a", points={one: ListSink()}),
        world.module("b", "m", points={foreign: ListSink()}),
        world.plugin("b", points={one: ListSink()}),
        world.plugin("c", points={foreign: ListSink()}),
    ).start()
    assert set(failures(result)) == {"b"}
    assert {"a", "c"} <= set(world.journal)
    assert "b.m" not in world.journal


async def test_one_registration_may_repeat_itself(world: "World") -> None:
    """W65: a plugin that registers the same extension point twice fails too."""

    @create_backend_plugin(plugin_id="a")
    def plugin(env: PluginRegistrationPoints) -> None:
        env.register_extension_point(one, ListSink())
        env.register_extension_point(one, ListSink())
        env.register_init(_sleeps(0))

    with pytest.raises(BackendStartupError, match="which is registered already"):
        await world.backend(plugin).start()


async def test_modules_use_extension_points_of_their_own_plugin_only(world: "World") -> None:
    """W67: an extension point of another plugin is refused, naming module, plugin, extension point and owner."""
    world.config = PERMISSIVE
    result = await world.backend(
        world.plugin("a"),
        world.module("a", "m", deps={"sink": foreign}),
        world.plugin("b", points={foreign: ListSink()}),
    ).start()
    error = failures(result)["a.m"]
    assert isinstance(error, ExtensionPointMisuseError)
    assert str(error).startswith(
        "module 'm' of plugin 'a' asks for extensionPoint{b.foreign}, which belongs to plugin 'b'"
    )
    assert "a" in world.journal


async def test_plugins_use_no_extension_points(world: "World") -> None:
    """W68: a plugin's own init may not depend on extension points, not even on its own."""

    async def init(sink: One) -> None:
        raise AssertionError(sink)

    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a", init, points={one: ListSink()})).start()
    error = failures(caught.value.result)["a"]
    assert isinstance(error, ExtensionPointMisuseError)
    assert "plugin 'a' asks for extensionPoint{a.one} in its init, but extension points are for modules only" in str(
        error
    )
    assert "hint: use the instance that it registers" in str(error)


async def test_missing_dependencies_of_inits(world: "World") -> None:
    """W69: a missing dependency names plugin and module, and lists references in their text form."""
    world.config = PERMISSIVE
    result = await world.backend(
        world.plugin("a"),
        world.module("a", "m", deps={"absent": absent_ref, "sink": one}),
        world.plugin("b", deps={"absent": absent_ref}),
        world.plugin("c"),
    ).start()
    errors = failures(result)
    assert set(errors) == {"a.m", "b"}
    assert "module 'm' of plugin 'a' cannot start: nothing provides serviceRef{test.absent}" in str(errors["a.m"])
    assert "nothing provides extensionPoint{a.one}" in str(errors["a.m"])
    assert isinstance(errors["b"], MissingDependencyError)
    assert "plugin 'b' cannot start: nothing provides serviceRef{test.absent}" in str(errors["b"])
    assert {"a", "c"} <= set(world.journal)


async def test_everything_broken_is_found_before_anything_runs(world: "World") -> None:
    """W47, W69, W92: what is known to be broken is told before anything runs, attributed to plugins and modules.

    deviation: registrations are enumerated before root services are created rather than after.
    """
    features = [
        world.plugin("a", deps={"absent": absent_ref}),
        world.plugin("b", deps={"sink": one}),
        world.plugin("c"),
        world.module("c", "m", deps={"absent": absent_ref}),
        world.plugin("d"),
        world.plugin("d"),
    ]
    report = await world.backend(*features).inspect()
    assert world.journal == []
    assert {plugin.plugin_id for plugin in report.plugins if plugin.failure} == {"a", "b", "d"}
    assert [module.failure is None for plugin in report.plugins for module in plugin.modules] == [False]
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(*features).start()
    assert set(failures(caught.value.result)) == {"a", "b", "c.m", "d"}


async def test_providers_run_after_all_their_consumers(world: "World") -> None:
    """W70: a module that provides an extension point runs only when every module that consumes it has finished."""

    async def slow_consumer(sink: One) -> None:
        await asyncio.sleep(0.02)
        sink.put("slow")
        world.journal.append("slow consumer")

    async def failing_consumer(sink: One) -> None:
        await asyncio.sleep(0.01)
        world.journal.append("failing consumer")
        raise ValueError(sink)

    world.config = PERMISSIVE
    await world.backend(
        world.plugin("a"),
        world.module("a", "provider", points={one: ListSink()}),
        world.module("a", "slow", slow_consumer),
        world.module("a", "failing", failing_consumer),
    ).start()
    assert world.journal[:4] == ["failing consumer", "slow consumer", "a.provider", "a"]


async def test_unrelated_modules_run_at_the_same_time(world: "World") -> None:
    """W70: modules that do not depend on each other run in parallel."""
    met = asyncio.Barrier(2)

    async def meet() -> None:
        await asyncio.wait_for(met.wait(), 5)

    result = await world.backend(world.plugin("a"), world.module("a", "x", meet), world.module("a", "y", meet)).start()
    assert failures(result) == {}


async def test_modules_that_wait_for_each_other(world: "World") -> None:
    """W71: a cycle among a plugin's modules is a conflict error, and the plugin's failure; others go on."""
    world.config = PERMISSIVE
    result = await world.backend(
        world.plugin("a"),
        world.module("a", "x", points={one: ListSink()}, deps={"sink": two}),
        world.module("a", "y", points={two: ListSink()}, deps={"sink": one}),
        world.plugin("b"),
    ).start()
    error = failures(result)["a"]
    assert isinstance(error, DependencyCycleError)
    assert isinstance(error, ConflictError)
    assert [link.module_id for link in error.chain] == ["x", "y"]
    assert [entry for entry in world.journal if not entry.endswith("startup")] == ["b"]


async def test_a_module_that_waits_for_itself(world: "World") -> None:
    """W71: a module that asks for its own extension point is the shortest cycle."""
    with pytest.raises(BackendStartupError, match="its module 'x' waits for itself"):
        await world.backend(
            world.plugin("a"), world.module("a", "x", points={one: ListSink()}, deps={"sink": one})
        ).start()


def reporting_plugin(contexts: list[ExtensionPointContext], init: Any) -> Any:
    """Returns plugin `a`, whose extension point keeps the contexts of its consumers."""

    @create_backend_plugin(plugin_id="a")
    def plugin(env: PluginRegistrationPoints) -> None:
        def make(context: ExtensionPointContext) -> Sink:
            contexts.append(context)
            return ListSink()

        env.register_extension_point(one, factory=make)
        env.register_init(init)

    return plugin


async def test_a_plugin_may_report_a_module_as_failed(world: "World") -> None:
    """W72: a failure reported from the plugin's init becomes the module's result, under the module policy."""
    contexts: list[ExtensionPointContext] = []
    problem = ValueError("the processor is broken")

    async def init() -> None:
        contexts[0].report_module_startup_failure(problem)

    consumer = world.module("a", "m", deps={"sink": one})
    with pytest.raises(
        BackendStartupError, match="module 'm' of plugin 'a' failed; ValueError: the processor is broken"
    ):
        await world.backend(reporting_plugin(contexts, init), consumer).start()
    contexts.clear()
    world.config = PERMISSIVE
    result = await world.backend(reporting_plugin(contexts, init), consumer).start()
    assert failures(result) == {"a.m": problem}
    assert len(result.plugins[0].modules) == 1


async def test_a_module_cannot_be_reported_before_it_has_finished(world: "World") -> None:
    """W72: reporting a failure while the module's own init runs raises."""
    contexts: list[ExtensionPointContext] = []
    raised: list[str] = []

    async def consumer(sink: One) -> None:
        del sink
        with pytest.raises(ConflictError) as caught:
            contexts[0].report_module_startup_failure(ValueError("too early"))
        raised.append(str(caught.value))

    await world.backend(reporting_plugin(contexts, _sleeps(0)), world.module("a", "m", consumer)).start()
    assert "report it from the plugin's init on" in raised[0]


async def test_late_reports_are_only_logged(world: "World") -> None:
    """W72: once the result is final, a reported failure is only logged."""
    contexts: list[ExtensionPointContext] = []
    backend = world.backend(reporting_plugin(contexts, _sleeps(0)), world.module("a", "m", deps={"sink": one}))
    result = await backend.start()
    contexts[0].report_module_startup_failure(ValueError("late"))
    assert failures(result) == {}
    assert world.logger.messages("error") == ["Module 'm' of plugin 'a' was reported as failed after the start"]


async def test_middleware_replaces_what_modules_receive(world: "World") -> None:
    """W73, W74: middleware wraps an extension point by id, in order, sync or async, once for each consuming module."""
    sink = ListSink()

    class Prefixed:
        def __init__(self, inner: Sink, prefix: str) -> None:
            self.inner, self.prefix = inner, prefix

        def put(self, item: str) -> None:
            self.inner.put(self.prefix + item)

    async def outer(inner: Sink) -> Sink:
        await asyncio.sleep(0)
        world.journal.append("wrapped")
        return Prefixed(inner, "outer ")

    middleware = [
        ExtensionPointMiddleware(one, lambda inner: Prefixed(inner, "inner ")),
        ExtensionPointMiddleware(create_extension_point(Sink, id="a.one"), outer),
        ExtensionPointMiddleware(three, outer),
    ]
    await world.backend(
        world.plugin("a", points={one: sink, two: sink}),
        world.module("a", "x", _puts("x"), deps={"sink": one}),
        world.module("a", "y", _puts("y"), deps={"sink": one, "plain": two}),
        middleware=middleware,
    ).start()
    assert sorted(sink) == ["inner outer x", "inner outer y", "y"]
    assert world.journal.count("wrapped") == 2


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=8), st.permutations(range(6)))
def test_any_set_of_modules_runs_in_order_or_is_refused(edges: list[tuple[int, int]], order: list[int]) -> None:
    """W70, W71: whatever consumes what, either each provider runs after its consumers, or the cycle is reported."""
    modules = [create_extension_point(Sink, id=f"a.p{index}") for index in range(6)]
    journal: list[int] = []

    def module(index: int) -> Any:
        @create_backend_module(plugin_id="a", module_id=f"m{index}")
        def registered(env: Any) -> None:
            env.register_extension_point(modules[index], ListSink())

            async def init(**_sinks: Sink) -> None:
                await asyncio.sleep(0)
                journal.append(index)

            env.register_init(init, deps={f"d{to}": modules[to] for of, to in edges if of == index})

        return registered

    @create_backend_plugin(plugin_id="a")
    def plugin(env: PluginRegistrationPoints) -> None:
        env.register_init(_sleeps(0))

    async def run() -> None:
        backend = Backend(process_handlers=False)
        for index in order:
            backend.add(module(index))
        backend.add(plugin)
        await backend.start()

    if find_cycles({of: [to for start, to in edges if start == of] for of, _ in edges}):
        with pytest.raises(BackendStartupError, match=r"waits for itself|wait for each other"):
            asyncio.run(run())
        assert journal == []
    else:
        asyncio.run(run())
        assert sorted(journal) == list(range(6))
        assert all(journal.index(consumer) < journal.index(provider) for consumer, provider in edges)
