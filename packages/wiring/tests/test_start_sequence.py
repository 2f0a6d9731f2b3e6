import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from understage.plugin_api import (
    PluginMetadata,
    RootInstanceMetadata,
    ServiceFactory,
    ServiceRef,
    core_services,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import (
    Backend,
    BackendStartupError,
    BackendStateError,
    ReservedServiceError,
    UnexpectedStartupError,
)
from understage.wiring.start.instance_metadata import InstanceMetadata
from understage.wiring.stop.instances import live_instances

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World

first_ref = create_service_ref(str, id="test.first", scope="root")
second_ref = create_service_ref(str, id="test.second", scope="root")
third_ref = create_service_ref(str, id="test.third", scope="root")
eager_ref = create_service_ref(str, id="test.eager")
lazy_ref = create_service_ref(str, id="test.lazy")
Third = Annotated[str, third_ref]
Lazy = Annotated[str, lazy_ref]


def noted(world: "World", ref: ServiceRef[str], **options: Any) -> ServiceFactory[str]:
    """Returns a factory that writes its service's id, and its plugin's, into the journal."""
    if ref.scope == "root":

        @create_service_factory(service=ref, **options)
        def root_factory() -> str:
            world.journal.append(ref.id)
            return ref.id

        return root_factory

    @create_service_factory(service=ref, **options)
    def plugin_factory(plugin: PluginMetadata) -> str:
        world.journal.append(f"{ref.id} for {plugin.id}")
        return ref.id

    return plugin_factory


async def test_a_backend_starts_once(world: "World") -> None:
    """W40: starting twice fails, and so does starting after a stop."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    with pytest.raises(BackendStateError, match="the backend cannot be started: it is started already"):
        await backend.start()
    await backend.stop()
    with pytest.raises(BackendStateError, match="it is stopped already"):
        await backend.start()


async def test_a_starting_backend_is_known_to_the_process(world: "World") -> None:
    """W40: a backend is recorded for signal handling when it starts, and forgotten when it has stopped."""
    backend = world.backend(world.plugin("a"))
    assert backend not in live_instances()
    await backend.start()
    assert backend in live_instances()
    await backend.stop()
    assert backend not in live_instances()


async def test_features_are_sorted_whatever_their_order(world: "World") -> None:
    """W42: services may be added after the plugins that need them, and modules before their plugin."""

    async def init(thing: Lazy) -> None:
        world.journal.append(f"a with {thing}")

    await world.backend(world.module("a", "m"), world.plugin("a", init), noted(world, lazy_ref)).start()
    assert world.journal[:3] == ["a.m", "test.lazy for a", "a with test.lazy"]


async def test_nobody_else_provides_instance_metadata(world: "World") -> None:
    """W44: the root instance metadata service is the backend's own; a factory for it is an error."""

    @create_service_factory(service=core_services.root_instance_metadata)
    def factory() -> Any:
        return InstanceMetadata()

    with pytest.raises(UnexpectedStartupError) as caught:
        await world.backend(factory).start()
    (error,) = caught.value.errors
    assert isinstance(error, ReservedServiceError)
    assert error.service_id == "core.rootInstanceMetadata"
    assert "test_start_sequence.py" in str(error)


async def test_instance_metadata_tells_what_is_installed(world: "World") -> None:
    """W44, D40: plugins see what this backend holds, modules without their plugin left out."""
    seen: list[Any] = []

    async def init(metadata: RootInstanceMetadata) -> None:
        seen.extend(
            (item.plugin_id, [module.module_id for module in item.modules])
            for item in await metadata.get_installed_plugins()
        )

    features = [world.module("a", "m"), world.module("absent", "m"), world.plugin("b")]
    await world.backend(world.plugin("a", init), *features).start()
    assert seen == [("a", ["m"]), ("b", [])]


async def test_root_services_are_created_in_order(world: "World") -> None:
    """W46: root services are created eagerly, one after another in registration order, before any plugin runs.

    An override stands where its default stood, and lazy ones are left for whoever asks.
    """
    backend = world.backend(
        noted(world, third_ref),
        noted(world, first_ref),
        world.plugin("a"),
        defaults=[noted(world, second_ref, initialization="lazy"), noted(world, first_ref)],
    )
    await backend.start()
    assert world.journal == ["test.first", "test.third", "a", "a startup", "root startup"]


async def test_root_services_are_not_created_at_once(world: "World") -> None:
    """W46: the next root service is created when the one before it is ready."""

    @create_service_factory(service=first_ref)
    async def slow() -> str:
        world.journal.append("first begins")
        await asyncio.sleep(0.01)
        world.journal.append("first ends")
        return "slow"

    await world.backend(slow, noted(world, second_ref)).start()
    assert world.journal[:3] == ["first begins", "first ends", "test.second"]


async def test_a_failing_root_service_aborts_the_start(world: "World") -> None:
    """W55: a root service that fails is an unexpected start-up error that names it; no plugin runs."""

    @create_service_factory(service=first_ref)
    def broken() -> str:
        raise OSError("port 7007 is in use")

    with pytest.raises(UnexpectedStartupError) as caught:
        await world.backend(broken, noted(world, second_ref), world.plugin("a")).start()
    assert str(caught.value) == (
        "the start of the backend was aborted by an unexpected error:\n"
        "  ServiceCreationError: service 'test.first' could not be created; caused by OSError: port 7007 is in use"
    )
    assert caught.value.result.outcome == "failure"
    assert caught.value.__cause__ is caught.value.errors[0]
    assert world.journal == []


async def test_plugins_start_at_the_same_time(world: "World") -> None:
    """W48: plugins start concurrently: two that wait for each other's init both finish."""
    ready = {"a": asyncio.Event(), "b": asyncio.Event()}

    def meets(mine: str, other: str) -> Any:
        async def init() -> None:
            ready[mine].set()
            await asyncio.wait_for(ready[other].wait(), 5)

        return init

    result = await world.backend(world.plugin("a", meets("a", "b")), world.plugin("b", meets("b", "a"))).start()
    assert result.outcome == "success"


async def test_the_steps_of_a_plugin(world: "World") -> None:
    """W48: services marked `always`, then modules, then the plugin's init, then its result, then its startup hooks."""

    async def record_result() -> None:
        world.journal.append("a hook")

    world.hooks["a startup"] = record_result

    @create_service_factory(service=core_services.root_config)
    def config() -> Any:
        world.journal.append("config")
        return world.factories()[0].factory()

    backend = world.backend(
        config,
        world.plugin("a"),
        world.module("a", "m"),
        noted(world, eager_ref, initialization="always"),
        noted(world, lazy_ref),
    )
    await backend.start()
    assert world.journal == ["config", "test.eager for a", "a.m", "a", "a startup", "a hook", "root startup"]


async def test_plugin_services_are_lazy_by_default(world: "World") -> None:
    """W48: a plugin-scoped service is created only for the plugins that ask for it."""

    async def init(thing: Lazy) -> None:
        del thing

    await world.backend(noted(world, lazy_ref), world.plugin("a", init), world.plugin("b")).start()
    assert [entry for entry in world.journal if entry.startswith("test.lazy")] == ["test.lazy for a"]


async def test_a_failed_start_tells_when_all_has_settled(world: "World") -> None:
    """W49: the start fails only when every plugin has settled, and carries the result."""

    async def fails() -> None:
        raise ValueError("no")

    async def slow() -> None:
        await asyncio.sleep(0.02)
        world.journal.append("slow is done")

    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a", fails), world.plugin("b", slow)).start()
    assert "slow is done" in world.journal
    assert [plugin.plugin_id for plugin in caught.value.result.plugins] == ["a", "b"]


async def test_root_hooks_run_last(world: "World") -> None:
    """W50: root startup hooks run after all plugins, and the start returns the result."""
    backend = world.backend(world.plugin("a"), world.plugin("b"))
    result = await backend.start()
    assert world.journal[-1] == "root startup"
    assert result.outcome == "success"
    assert backend.result is result


async def test_nothing_fails_fast(world: "World") -> None:
    """W51: a failing module stops neither its siblings nor its plugin, and a failing plugin no other plugin."""

    async def fails() -> None:
        raise ValueError("no")

    async def slow() -> None:
        await asyncio.sleep(0.01)
        world.journal.append("sibling")

    with pytest.raises(BackendStartupError) as caught:
        await world.backend(
            world.plugin("a"),
            world.module("a", "bad", fails),
            world.module("a", "good", slow),
            world.plugin("b", fails),
            world.plugin("c"),
        ).start()
    assert {"sibling", "a", "c"} <= set(world.journal)
    assert len(str(caught.value).splitlines()) == 3


async def test_a_plugin_survives_its_modules(world: "World") -> None:
    """W52: a plugin whose module failed still runs its init and its startup hooks, and shows no failure itself."""

    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(BackendStartupError) as caught:
        await world.backend(world.plugin("a"), world.module("a", "m", fails)).start()
    assert world.journal == ["a", "a startup"]
    (plugin,) = caught.value.result.plugins
    assert plugin.failure is None
    assert plugin.modules[0].failure is not None


async def test_a_failed_start_never_becomes_ready(world: "World") -> None:
    """W53: when the start fails, root startup hooks do not run."""

    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(BackendStartupError):
        await world.backend(world.plugin("a", fails)).start()
    assert "root startup" not in world.journal


async def test_a_failing_startup_of_a_lifecycle_fails_its_plugin(world: "World") -> None:
    """W48: a lifecycle whose startup raises, such as for an application's lifespan, fails its plugin alone."""

    async def lifespan() -> None:
        raise RuntimeError("lifespan failed")

    world.hooks["a startup"] = lifespan
    with pytest.raises(BackendStartupError, match="plugin 'a' failed; RuntimeError: lifespan failed"):
        await world.backend(world.plugin("a"), world.plugin("b")).start()
    assert "b startup" in world.journal


async def test_root_hooks_that_raise_are_unexpected(world: "World") -> None:
    """W55: a root lifecycle whose startup raises is an unexpected start-up error."""

    async def broken() -> None:
        raise RuntimeError("cannot")

    world.hooks["root startup"] = broken
    backend = world.backend(world.plugin("a"))
    with pytest.raises(UnexpectedStartupError, match="RuntimeError: cannot"):
        await backend.start()
    assert backend.result is not None
    assert backend.result.outcome == "failure"


async def test_a_stray_cancellation_is_a_failure(world: "World") -> None:
    """W51: an init that awaits something cancelled fails like any other, instead of vanishing from the result."""

    async def awaits_cancelled() -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await task

    with pytest.raises(BackendStartupError) as caught:
        await world.backend(
            world.plugin("a", awaits_cancelled), world.plugin("b"), world.module("b", "m", awaits_cancelled)
        ).start()
    assert str(caught.value).count("it awaited something that was cancelled") == 2
    assert "b" in world.journal


async def test_a_cancelled_start_ends_at_once(world: "World") -> None:
    """W51: cancelling the start itself cancels what still runs; the backend can then be stopped."""

    hanging = asyncio.Event()

    async def hangs() -> None:
        hanging.set()
        await asyncio.sleep(60)

    backend = world.backend(world.plugin("a", hangs), world.module("a", "m", hangs))
    starting = asyncio.create_task(backend.start())
    await hanging.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert str(backend.state) == "failed"
    await backend.stop()
    assert str(backend.state) == "stopped"


async def test_a_backend_needs_no_services(world: "World") -> None:
    """A backend without any service runs its plugins: it has no hooks, and logs through the standard library."""
    backend = Backend(process_handlers=False)
    backend.add(world.plugin("a"))
    async with backend:
        assert world.journal == ["a"]
    assert backend.state == "stopped"


async def test_a_context_that_fails_to_start_is_stopped(world: "World") -> None:
    """Used as a context, a backend that fails to start is stopped before the error comes out."""

    async def fails() -> None:
        raise ValueError("no")

    backend = world.backend(world.plugin("a", fails), world.plugin("b"))
    with pytest.raises(BackendStartupError):
        async with backend:
            raise AssertionError
    assert backend.state == "stopped"
    assert "b shutdown" in world.journal
