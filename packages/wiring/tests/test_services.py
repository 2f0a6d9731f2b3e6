import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from understage.plugin_api import (
    FeatureDeclarationError,
    PluginMetadata,
    ServiceFactory,
    ServiceRef,
    core_services,
    create_backend_feature_loader,
    create_extension_point,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import (
    Backend,
    DuplicateServiceError,
    ExtensionPointMisuseError,
    MissingDependencyError,
    ReservedServiceError,
    ScopeViolationError,
    ServiceCreationError,
    ServiceInUseError,
    ServiceRegistry,
    UnexpectedStartupError,
)

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World


class Thing:
    """A service that says where it came from."""

    def __init__(self, text: str) -> None:
        self.text = text


root_ref = create_service_ref(Thing, id="test.root", scope="root")
plugin_ref = create_service_ref(Thing, id="test.plugin")
many_ref = create_service_ref(Thing, id="test.many", scope="root", multiton=True)
RootThing = Annotated[Thing, root_ref]
PluginThing = Annotated[Thing, plugin_ref]
ManyThings = Annotated[Sequence[Thing], many_ref]


def provide(ref: ServiceRef[Thing], text: str, **options: Any) -> ServiceFactory[Thing]:
    """Returns a factory that provides a thing with a text."""

    @create_service_factory(service=ref, **options)
    def factory() -> Thing:
        return Thing(text)

    return factory


def fail_to_make() -> Thing:
    raise ValueError("out of things")


def test_references_have_defaults_and_a_text_form() -> None:
    """W20: a reference is plugin-scoped and no multiton by default, and is written as `serviceRef{id}`."""
    assert (plugin_ref.scope, plugin_ref.multiton, plugin_ref.default_factory) == ("plugin", False, None)
    assert f"{plugin_ref} {plugin_ref!r}" == "serviceRef{test.plugin} <serviceRef{test.plugin}>"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_factories_are_sync_or_async(asynchronous: bool) -> None:
    """W21: a factory names its service and its dependencies; its function may be sync or async."""

    def text_of(root: Thing) -> str:
        return f"made with {root.text}"

    if asynchronous:

        @create_service_factory(service=plugin_ref)
        async def factory(root: RootThing) -> Thing:
            await asyncio.sleep(0)
            return Thing(text_of(root))
    else:

        @create_service_factory(service=plugin_ref)
        def factory(root: RootThing) -> Thing:
            return Thing(text_of(root))

    registry = ServiceRegistry([provide(root_ref, "a root"), factory])
    assert (await registry.get(plugin_ref, "p")).text == "made with a root"


async def test_explicit_dependencies_are_passed_by_name() -> None:
    """W21: dependencies may be given by local name instead of by annotation."""

    @create_service_factory(service=plugin_ref, deps={"anything": root_ref})
    def factory(anything: Any) -> Thing:
        return Thing(anything.text)

    registry = ServiceRegistry([provide(root_ref, "named"), factory])
    assert (await registry.get(plugin_ref, "p")).text == "named"


async def test_a_plugin_has_one_instance_of_its_own() -> None:
    """W22: one instance for each plugin, created at most once even when many ask at the same time."""
    created: list[str] = []

    @create_service_factory(service=plugin_ref)
    async def factory(plugin: PluginMetadata) -> Thing:
        created.append(plugin.id)
        await asyncio.sleep(0.01)
        return Thing(plugin.id)

    registry = ServiceRegistry([factory])
    asked = ["a", "b"] * 50
    things = await asyncio.gather(*(registry.get(plugin_ref, plugin_id) for plugin_id in asked))
    assert created == ["a", "b"]
    assert [thing.text for thing in things] == asked
    assert len({id(thing) for thing in things}) == 2


async def test_a_root_context_is_made_once() -> None:
    """W22: the root context is made once from root-scoped services, and passed to every call of the factory."""
    contexts: list[list[str]] = []

    async def create_root_context(root: RootThing) -> list[str]:
        await asyncio.sleep(0)
        contexts.append([root.text])
        return contexts[-1]

    @create_service_factory(service=plugin_ref, create_root_context=create_root_context)
    async def factory(plugin: PluginMetadata, root_context: list[str]) -> Thing:
        root_context.append(plugin.id)
        return Thing(plugin.id)

    registry = ServiceRegistry([provide(root_ref, "root"), factory])
    await asyncio.gather(registry.get(plugin_ref, "a"), registry.get(plugin_ref, "b"))
    assert contexts == [["root", "a", "b"]]


async def test_a_root_context_gets_no_plugin_services() -> None:
    """W22: a root context that asks for a plugin-scoped service is refused, with a hint."""

    def create_root_context(plugin: PluginMetadata) -> str:
        return plugin.id

    @create_service_factory(service=plugin_ref, create_root_context=create_root_context)
    def factory(root_context: str) -> Thing:
        return Thing(root_context)

    with pytest.raises(ScopeViolationError) as caught:
        await ServiceRegistry([factory]).get(plugin_ref, "a")
    assert "the root context of service 'test.plugin' is root-scoped" in str(caught.value)
    assert "hint: ask for it in the factory itself, which runs once per plugin" in str(caught.value)


def test_a_root_service_has_no_root_context() -> None:
    """W21: a root context belongs to plugin-scoped factories only."""
    with pytest.raises(FeatureDeclarationError, match="has a root context, but the service is root-scoped"):
        create_service_factory(service=root_ref, create_root_context=lambda: None)


async def test_a_backend_has_one_root_instance() -> None:
    """W23: a root-scoped factory makes exactly one instance for the backend, whoever asks."""
    registry = ServiceRegistry([provide(root_ref, "only")])
    assert await registry.get(root_ref, "a") is await registry.get(root_ref, "b") is await registry.get(root_ref)


async def test_root_services_must_not_need_plugin_services(world: "World") -> None:
    """W24: a root-scoped service that depends on a plugin-scoped one fails, naming both and their scopes."""

    @create_service_factory(service=root_ref)
    def factory(thing: PluginThing) -> Thing:
        return thing

    with pytest.raises(ScopeViolationError) as caught:
        await ServiceRegistry([factory, provide(plugin_ref, "p")]).get(root_ref)
    assert "service 'test.root' is root-scoped" in str(caught.value)
    assert "serviceRef{test.plugin}, which is plugin-scoped" in str(caught.value)
    with pytest.raises(UnexpectedStartupError) as aborted:
        await world.backend(factory, provide(plugin_ref, "p"), world.plugin("a")).start()
    assert "ScopeViolationError: service 'test.root' is root-scoped" in str(aborted.value)
    assert world.journal == []


async def test_missing_dependencies_are_all_named() -> None:
    """W25: a missing dependency fails the instance, naming the service, the plugin and every missing id."""
    absent = create_service_ref(Thing, id="test.absent")

    @create_service_factory(service=plugin_ref, deps={"one": absent, "two": root_ref, "many": many_ref})
    def factory(one: Thing, two: Thing, many: Any) -> Thing:
        return Thing(one.text + two.text)

    with pytest.raises(MissingDependencyError) as caught:
        await ServiceRegistry([factory]).get(plugin_ref, "catalog")
    assert caught.value.missing == (absent, root_ref)
    assert "service 'test.plugin' for plugin 'catalog'" in str(caught.value)
    assert "nothing provides serviceRef{test.absent}, serviceRef{test.root}" in str(caught.value)


async def test_what_is_never_missing() -> None:
    """W25, W27, W31: plugin metadata, multitons and references with a default factory are never missing."""
    with_default = create_service_ref(Thing, id="test.with-default", default_factory=None)
    with_default.default_factory = provide(with_default, "by default")

    @create_service_factory(service=plugin_ref, deps={"many": many_ref, "default": with_default, "me": _metadata()})
    def factory(many: Any, default: Thing, me: Any) -> Thing:
        return Thing(f"{many} {default.text} {me.id}")

    assert (await ServiceRegistry([factory]).get(plugin_ref, "catalog")).text == "[] by default catalog"


def _metadata() -> ServiceRef[Any]:
    return core_services.plugin_metadata


async def test_failures_are_wrapped_level_by_level() -> None:
    """W26: a failing factory is wrapped at every level, and the cause's name and message survive in the text."""
    outer_ref = create_service_ref(Thing, id="test.outer")

    @create_service_factory(service=plugin_ref)
    async def inner() -> Thing:
        return fail_to_make()

    @create_service_factory(service=outer_ref)
    def outer(thing: PluginThing) -> Thing:
        return thing

    with pytest.raises(ServiceCreationError) as caught:
        await ServiceRegistry([inner, outer]).get(outer_ref, "catalog")
    assert str(caught.value) == (
        "service 'test.outer' for plugin 'catalog' could not be created; caused by ServiceCreationError: "
        "service 'test.plugin' for plugin 'catalog' could not be created; caused by ValueError: out of things"
    )
    assert (caught.value.service_id, caught.value.plugin_id) == ("test.outer", "catalog")


async def test_a_failing_root_context_is_wrapped() -> None:
    """W26: a failing root context names its service."""

    @create_service_factory(service=plugin_ref, create_root_context=fail_to_make)
    def factory(root_context: Thing) -> Thing:
        return root_context

    with pytest.raises(ServiceCreationError) as caught:
        await ServiceRegistry([factory]).get(plugin_ref, "catalog")
    assert "the root context of service 'test.plugin' could not be created; caused by ValueError" in str(caught.value)


async def test_a_failure_is_the_same_for_everybody() -> None:
    """W26: a factory that failed is not tried again; everybody who asks gets the error."""
    calls: list[str] = []

    @create_service_factory(service=root_ref)
    async def factory() -> Thing:
        calls.append("call")
        await asyncio.sleep(0)
        return fail_to_make()

    registry = ServiceRegistry([factory])
    outcomes = await asyncio.gather(*(registry.get(root_ref) for _ in range(3)), return_exceptions=True)
    assert calls == ["call"]
    assert len({id(outcome) for outcome in outcomes}) == 1


async def test_a_cancelled_creation_hangs_nobody() -> None:
    """W22: if the task that creates an instance is cancelled, the others get an error instead of waiting forever."""

    @create_service_factory(service=root_ref)
    async def factory() -> Thing:
        await asyncio.sleep(60)
        return Thing("never")

    registry = ServiceRegistry([factory])
    first = asyncio.create_task(registry.get(root_ref))
    await asyncio.sleep(0)
    second = asyncio.create_task(registry.get(root_ref))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(ServiceCreationError, match=r"the creation of service 'test.root' was cancelled"):
        await second
    assert first.cancelled()


@pytest.mark.parametrize(
    ("default", "problem"),
    [
        (
            "acme_absent.service:factory",
            "cannot be loaded from 'acme_absent.service:factory'; caused by ModuleNotFound",
        ),
        ("json:absent", "caused by AttributeError"),
        ("json:dumps", "which is no service factory"),
        (provide(root_ref, "another"), "provides 'test.root' instead"),
    ],
)
async def test_a_default_factory_that_cannot_be_loaded(default: Any, problem: str) -> None:
    """W26: a default factory that cannot be loaded is an error that names the service and the reference's place."""
    ref = create_service_ref(Thing, id="test.lazy", default_factory=default)
    with pytest.raises(ServiceCreationError) as caught:
        await ServiceRegistry().get(ref, "catalog")
    assert "the default factory of service 'test.lazy'" in str(caught.value)
    assert problem in str(caught.value)
    assert f"hint: correct default_factory of the reference ({ref.location})" in str(caught.value)


async def test_plugin_metadata_is_built_in(world: "World") -> None:
    """W27: plugin metadata is generated for each plugin, and can be neither provided nor overridden."""

    @create_service_factory(service=_metadata())
    def factory() -> Any:
        return Thing("fake")

    with pytest.raises(ReservedServiceError, match=r"'core.pluginMetadata' is built into the backend"):
        Backend([factory])
    with pytest.raises(ReservedServiceError):
        world.backend(factory)

    async def by_awaitable() -> Any:
        return factory

    with pytest.raises(UnexpectedStartupError, match="ReservedServiceError"):
        await world.backend(by_awaitable()).start()
    assert (await ServiceRegistry().get(_metadata(), "catalog")).id == "catalog"


async def test_precedence(world: "World") -> None:
    """W28: explicitly added beats found by a loader beats the backend's default beats the reference's own default."""
    refs = {name: create_service_ref(Thing, id=f"test.{name}", scope="root") for name in ("a", "b", "c", "d")}
    for ref in refs.values():
        ref.default_factory = provide(ref, "reference")

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        return [provide(refs["a"], "loader"), provide(refs["b"], "loader")]

    defaults = [provide(refs[name], "default") for name in ("a", "b", "c")]
    backend = world.backend(provide(refs["a"], "explicit"), loader, defaults=defaults)
    await backend.start()
    texts = {name: (await backend.services.get(ref)).text for name, ref in refs.items()}
    assert texts == {"a": "explicit", "b": "loader", "c": "default", "d": "reference"}


async def test_the_same_service_twice(world: "World") -> None:
    """W29: two factories for the same service, added explicitly, are an error that names the id and both places."""
    with pytest.raises(UnexpectedStartupError) as caught:
        await world.backend(provide(root_ref, "one"), provide(root_ref, "two")).start()
    (error,) = caught.value.errors
    assert isinstance(error, DuplicateServiceError)
    assert "service 'test.root' is provided twice" in str(error)
    assert str(error).count("test_services.py:") == 2


def test_the_same_default_twice() -> None:
    """W29: duplicates among the defaults fail at construction; those of a multiton do not."""
    with pytest.raises(DuplicateServiceError, match="give the backend one default factory for each service"):
        Backend([provide(root_ref, "one"), provide(root_ref, "two")])
    assert Backend([provide(many_ref, "one"), provide(many_ref, "two")]).state == "new"


async def test_a_default_may_be_overridden_once(world: "World") -> None:
    """W29: overriding a default once is fine."""
    backend = world.backend(provide(root_ref, "mine"), defaults=[provide(root_ref, "default")])
    await backend.start()
    assert (await backend.services.get(root_ref)).text == "mine"


async def test_a_service_in_use_cannot_be_replaced() -> None:
    """W30: a factory for a service that was asked for comes too late, even if asking for it failed."""
    registry = ServiceRegistry([provide(root_ref, "default")])
    await registry.get(root_ref)
    with pytest.raises(ServiceInUseError, match=r"'test.root' is in use already"):
        registry.providers.add(provide(root_ref, "late"))
    with pytest.raises(MissingDependencyError):
        await registry.get(plugin_ref, "a")
    with pytest.raises(ServiceInUseError):
        registry.providers.add(provide(plugin_ref, "late"))


async def test_multitons_keep_all_factories(world: "World") -> None:
    """W31: of a multiton all factories are kept: defaults, then added ones, then those of loaders, as a list."""

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        return [provide(many_ref, "loader")]

    seen: list[str] = []

    async def init(things: ManyThings) -> None:
        seen.extend(thing.text for thing in things)

    features = [loader, provide(many_ref, "added 1"), provide(many_ref, "added 2"), world.module("a", "m", init)]
    await world.backend(world.plugin("a", init), *features, defaults=[provide(many_ref, "default")]).start()
    assert seen == ["default", "added 1", "added 2", "loader"] * 2


async def test_an_empty_multiton_is_an_empty_list(world: "World") -> None:
    """W31: a multiton that nobody provides is an empty list, for plugins and for modules."""
    seen: list[list[Thing]] = []

    async def init(things: ManyThings) -> None:
        seen.append(list(things))

    await world.backend(world.plugin("a", init), world.module("a", "m", init)).start()
    assert seen == [[], []]


async def test_default_factories_are_known_by_their_loader() -> None:
    """W32: references of one id with different default factories have separate instances; the same one is shared."""
    first = create_service_ref(Thing, id="test.same", scope="root", default_factory=None)
    second = create_service_ref(Thing, id="test.same", scope="root", default_factory=None)
    third = create_service_ref(Thing, id="test.same", scope="root", default_factory=None)
    first.default_factory = second.default_factory = provide(first, "shared")
    third.default_factory = provide(third, "other")
    registry = ServiceRegistry()
    assert await registry.get(first) is await registry.get(second)
    assert (await registry.get(third)).text == "other"


async def test_a_lazy_default_is_imported_when_needed(
    world: "World", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """W32: a default factory given as text is imported when somebody needs it, and only then."""
    (tmp_path / "acme_lazy_default.py").write_text(
        "from understage.plugin_api import create_service_factory, create_service_ref\n"
        "@create_service_factory(service=create_service_ref(str, id='test.lazy'))\n"
        "def factory() -> str:\n"
        "    return 'lazy'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "acme_lazy_default", raising=False)
    lazy_ref = create_service_ref(str, id="test.lazy", default_factory="acme_lazy_default:factory")

    async def init(thing: str) -> None:
        world.journal.append(thing)

    await world.backend(world.plugin("without")).start()
    assert "acme_lazy_default" not in sys.modules
    await world.backend(world.plugin("a", init, deps={"thing": lazy_ref})).start()
    assert "lazy" in world.journal
    del sys.modules["acme_lazy_default"]


async def test_a_falsy_service_is_a_service(world: "World") -> None:
    """W34: a falsy service value is a value like any other."""
    empty = create_service_ref(list[str], id="test.empty")

    @create_service_factory(service=empty)
    def factory() -> list[str]:
        return []

    seen: list[Any] = []

    async def init(items: Any) -> None:
        seen.append(items)

    await world.backend(factory, world.plugin("a", init, deps={"items": empty})).start()
    assert seen == [[]]


async def test_none_is_no_service() -> None:
    """W34: a factory that returns None is an error that names the factory's place."""

    @create_service_factory(service=plugin_ref)
    def factory() -> Thing:
        return None  # type: ignore[return-value]

    with pytest.raises(ServiceCreationError) as caught:
        await ServiceRegistry([factory]).get(plugin_ref, "catalog")
    assert "the factory returned None instead of the service" in str(caught.value)
    assert f"({factory.location})" in str(caught.value)


async def test_extension_points_are_not_for_services() -> None:
    """W24: a factory that asks for an extension point is refused."""
    point = create_extension_point(Thing, id="a.point")

    @create_service_factory(service=plugin_ref, deps={"point": point})  # type: ignore[dict-item]
    def factory(point: Thing) -> Thing:
        return point

    with pytest.raises(ExtensionPointMisuseError, match="extension points are for modules only"):
        await ServiceRegistry([factory]).get(plugin_ref, "a")
