from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from understage.plugin_api import (
    PluginMetadata,
    RootConfig,
    RootInstanceMetadata,
    ServiceFactory,
    ServiceRef,
    create_backend_feature_loader,
    create_extension_point,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import (
    Backend,
    DuplicateServiceError,
    FeatureLoaderError,
    ServiceCycleError,
    ServiceInUseError,
    UnexpectedStartupError,
)

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World

root_ref = create_service_ref(str, id="test.root", scope="root")
other_ref = create_service_ref(str, id="test.other", scope="root")
many_ref = create_service_ref(str, id="test.many", scope="root", multiton=True)
Root = Annotated[str, root_ref]
point = create_extension_point(str, id="a.point")


def provide(ref: ServiceRef[str], text: str, **deps: ServiceRef[Any]) -> ServiceFactory[str]:
    """Returns a factory that provides a text."""

    @create_service_factory(service=ref, deps=deps)
    def factory(**_needs: Any) -> str:
        return text

    return factory


async def aborted_by(backend: Backend) -> BaseException:
    """Starts a backend whose start must be aborted, and returns the only reason."""
    with pytest.raises(UnexpectedStartupError) as caught:
        await backend.start()
    (error,) = caught.value.errors
    return error


@pytest.mark.parametrize("form", ["list", "awaited list", "generator", "async generator"])
async def test_loaders_return_features_in_any_form(world: "World", form: str) -> None:
    """W80: a loader returns a list, an awaited list, a generator or an async generator of features."""
    found = [world.plugin("x"), world.plugin("y")]

    def plain() -> list[Any]:
        return found

    async def awaited() -> list[Any]:
        return found

    def generator() -> Iterator[Any]:
        yield from found

    async def async_generator() -> AsyncIterator[Any]:
        for feature in found:
            yield feature

    forms: dict[str, Any] = {
        "list": plain,
        "awaited list": awaited,
        "generator": generator,
        "async generator": async_generator,
    }
    await world.backend(create_backend_feature_loader()(forms[form])).start()
    assert {"x", "y"} <= set(world.journal)


async def test_loaders_have_root_dependencies(world: "World") -> None:
    """W80: a loader may depend on root-scoped services."""
    world.config = {"plugins": ["x"]}

    @create_backend_feature_loader()
    def loader(config: RootConfig) -> list[Any]:
        return [world.plugin(name) for name in config.get_string_array("plugins")]

    @create_backend_feature_loader(deps={"text": root_ref})
    def explicit(text: str) -> list[Any]:
        return [world.plugin(text)]

    await world.backend(loader, explicit, provide(root_ref, "y")).start()
    assert {"x", "y"} <= set(world.journal)


async def test_loaders_have_no_other_dependencies(world: "World") -> None:
    """W80: a plugin-scoped dependency fails the loader, naming the dependency, its scope and the loader."""

    @create_backend_feature_loader()
    def loader(plugin: PluginMetadata) -> list[Any]:
        return [plugin]

    error = await aborted_by(world.backend(loader))
    assert isinstance(error, FeatureLoaderError)
    assert "depends on serviceRef{core.pluginMetadata} as 'plugin', which is plugin-scoped" in str(error)
    assert str(loader.location) in str(error)

    @create_backend_feature_loader(deps={"point": point})  # type: ignore[dict-item]
    def with_point(point: str) -> list[Any]:
        return [point]

    assert "which is an extension point" in str(await aborted_by(world.backend(with_point)))


async def test_loaders_run_one_at_a_time_and_depth_first(world: "World") -> None:
    """W43, W81: loaders run after all explicit features are in, in add order, nested ones after whoever found them."""

    def noting(name: str, *found: Any) -> Any:
        @create_backend_feature_loader()
        async def loader() -> list[Any]:
            world.journal.append(name)
            return list(found)

        return loader

    nested = noting("1.1", noting("1.1.1"))
    await world.backend(noting("1", nested, noting("1.2")), noting("2"), provide(root_ref, "late")).start()
    assert world.journal[:5] == ["1", "1.1", "1.1.1", "1.2", "2"]


async def test_loaders_name_what_is_missing(world: "World") -> None:
    """W82: a missing dependency fails the loader, naming the references and where it was declared."""

    @create_backend_feature_loader()
    def loader(root: Root) -> list[Any]:
        return [root]

    error = await aborted_by(world.backend(loader, world.plugin("a")))
    assert isinstance(error, FeatureLoaderError)
    assert f"declared at {loader.location} cannot run: nothing provides serviceRef{{test.root}}" in str(error)
    assert world.journal == []


async def test_instance_metadata_comes_after_loaders(world: "World") -> None:
    """W44: loaders run before it is known what is installed, so that they cannot ask for it."""

    @create_backend_feature_loader()
    def loader(metadata: RootInstanceMetadata) -> list[Any]:
        return [metadata]

    assert "nothing provides serviceRef{core.rootInstanceMetadata}" in str(await aborted_by(world.backend(loader)))


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (ValueError("boom"), "failed; caused by ValueError: boom"),
        (None, "failed; caused by TypeError: it returned None"),
        ("understage.catalog", "failed; caused by TypeError: it returned 'understage.catalog'"),
    ],
)
async def test_a_failing_loader_is_wrapped(world: "World", result: Any, text: str) -> None:
    """W82: what a loader raises, or a result that is no list, is an error that names the loader."""

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        if isinstance(result, Exception):
            raise result
        return result  # type: ignore[no-any-return]

    error = await aborted_by(world.backend(loader))
    assert text in str(error)
    assert f"the feature loader declared at {loader.location}" in str(error)


async def test_a_loader_finds_no_feature(world: "World") -> None:
    """W82: what a loader returns is resolved like what is added, and is an error if it is no feature."""

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        return [42]

    assert "42 is no feature" in str(await aborted_by(world.backend(loader)))


async def test_explicit_services_beat_loaders(world: "World") -> None:
    """W83: a loader's service is ignored if it was added explicitly, and overrides a default otherwise."""

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        return [provide(root_ref, "loader"), provide(other_ref, "loader")]

    backend = world.backend(
        loader, provide(root_ref, "explicit"), defaults=[provide(root_ref, "default"), provide(other_ref, "default")]
    )
    await backend.start()
    assert await backend.services.get(root_ref) == "explicit"
    assert await backend.services.get(other_ref) == "loader"
    assert (await backend.inspect()).loaders[0].ignored == ("test.root",)


async def test_loaders_of_a_level_must_agree(world: "World") -> None:
    """W84: two loaders at one level with the same service are an error naming both; an explicit add resolves it."""

    def loader() -> Any:
        return create_backend_feature_loader()(lambda: [provide(root_ref, "loader")])

    first, second = loader(), loader()
    error = await aborted_by(world.backend(first, second))
    assert isinstance(error, DuplicateServiceError)
    assert str(error).count("feature loader at ") == 2
    backend = world.backend(first, second, provide(root_ref, "explicit"))
    await backend.start()
    assert await backend.services.get(root_ref) == "explicit"


async def test_multitons_of_loaders_are_always_added(world: "World") -> None:
    """W85: factories of a multiton that loaders find are added to those that are there."""

    def loader(text: str) -> Any:
        return create_backend_feature_loader()(lambda: [provide(many_ref, text)])

    backend = world.backend(loader("one"), loader("two"), provide(many_ref, "explicit"))
    await backend.start()
    assert await backend.services.get(many_ref) == ["explicit", "one", "two"]  # type: ignore[comparison-overlap]


async def test_a_loader_cannot_replace_what_it_uses(world: "World") -> None:
    """W86: a loader that supplies a service that it, or anything before it, has asked for fails."""

    @create_backend_feature_loader()
    def loader(root: Root) -> list[Any]:
        return [provide(root_ref, f"not {root}")]

    error = await aborted_by(world.backend(loader, defaults=[provide(root_ref, "default")]))
    assert isinstance(error, ServiceInUseError)
    assert error.service_id == "test.root"


async def test_cycles_are_checked_after_each_loader(world: "World") -> None:
    """W87: a loader that closes a cycle of services fails the start before the next loader runs."""

    @create_backend_feature_loader()
    def closing() -> list[Any]:
        return [provide(other_ref, "other", root=root_ref)]

    @create_backend_feature_loader()
    def after() -> list[Any]:
        raise AssertionError

    error = await aborted_by(world.backend(closing, after, provide(root_ref, "root", other=other_ref)))
    assert isinstance(error, ServiceCycleError)


async def test_loaders_do_not_run_when_something_is_broken(world: "World") -> None:
    """W81: loaders run once all explicit features are in; if one of those is broken, the start is aborted before."""

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        raise AssertionError

    assert "17 is no feature" in str(await aborted_by(world.backend(loader, 17)))
