import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from understage.plugin_api import (
    PluginRegistrationPoints,
    ServiceRef,
    create_backend_feature_loader,
    create_backend_module,
    create_backend_plugin,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import (
    Backend,
    BackendStartupError,
    BackendStateError,
    InvalidFeatureError,
    RegistrationError,
    UnexpectedStartupError,
)

if TYPE_CHECKING:
    from packages.wiring.tests.conftest import World

thing_ref: ServiceRef[str] = create_service_ref(str, id="test.thing", scope="root")


@pytest.fixture
def sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The import name of a module that was not imported yet."""
    source = Path(__file__).with_name("sample_feature.py").read_text()
    (tmp_path / "acme_sample_feature.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield "acme_sample_feature"
    sys.modules.pop("acme_sample_feature", None)


async def unexpected(backend: Backend) -> BaseException:
    """Starts a backend whose start must be aborted, and returns the only reason."""
    with pytest.raises(UnexpectedStartupError) as caught:
        await backend.start()
    assert len(caught.value.errors) == 1
    return caught.value.errors[0]


async def test_all_four_kinds_are_accepted(world: "World") -> None:
    """W1: service factories, plugins, modules and feature loaders are features."""

    @create_service_factory(service=thing_ref)
    def factory() -> str:
        world.journal.append("service")
        return "thing"

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        return [world.plugin("loaded")]

    await world.backend(factory, world.plugin("a"), world.module("a", "m"), loader).start()
    assert sorted(world.journal) == sorted(
        ["service", "a", "a.m", "loaded", "a startup", "loaded startup", "root startup"]
    )


async def test_an_unknown_version_is_rejected(world: "World") -> None:
    """W1: a feature with another tag or version than the known ones is refused."""
    feature = world.plugin("a")()
    object.__setattr__(feature, "version", "v2")
    with pytest.raises(BackendStartupError) as caught:
        await world.backend(feature).start()
    assert "feature of an unknown kind: 'plugin' version 'v2'" in str(caught.value)
    assert caught.value.result.plugins[0].plugin_id == "a"


async def test_an_unknown_kind_with_a_plugin_id_fails_that_plugin(world: "World") -> None:
    """W66: a registration of an unknown kind counts against its plugin, and the others go on."""
    world.config = {"backend": {"startup": {"plugins": {"odd": {"onPluginBootFailure": "continue"}}}}}
    odd: Any = SimpleNamespace(feature_type="plugin", version="v9", plugin_id="odd")
    result = await world.backend(odd, world.plugin("a")).start()
    assert {plugin.plugin_id: plugin.failure is None for plugin in result.plugins} == {"odd": False, "a": True}
    assert "a" in world.journal


async def test_an_unknown_kind_without_an_id_aborts(world: "World") -> None:
    """W66: a registration of an unknown kind without a plugin id aborts the start."""
    odd: Any = SimpleNamespace(feature_type="gizmo", version="v1")
    error = await unexpected(world.backend(odd, world.plugin("a")))
    assert isinstance(error, InvalidFeatureError)
    assert "'gizmo' version 'v1'" in str(error)
    assert world.journal == []


async def test_awaitables_are_awaited_in_order_at_start(world: "World") -> None:
    """W3: awaitables are awaited at start, in the order in which they were added."""

    async def later(plugin_id: str) -> Any:
        world.journal.append(f"awaited {plugin_id}")
        return world.plugin(plugin_id)

    backend = world.backend(later("a"), later("b"))
    assert world.journal == []
    await backend.start()
    assert world.journal[:4] == ["awaited a", "awaited b", "a", "a startup"]


async def test_what_is_no_feature_is_shown(world: "World") -> None:
    """W4: something that is no feature makes the start fail with an error that shows it and where it was added."""
    error = await unexpected(world.backend({"not": "a feature"}))
    assert isinstance(error, InvalidFeatureError)
    assert error.feature == {"not": "a feature"}
    assert str(error).startswith("{'not': 'a feature'} is no feature\n    added at ")
    assert "hint: add a plugin, module, service factory or feature loader" in str(error)


async def test_a_long_dump_is_cut(world: "World") -> None:
    """W4: the dump of the object is cut, so that the error stays readable."""
    error = await unexpected(world.backend(list(range(10_000))))
    assert len(str(error)) < 1000


async def test_adding_after_start_fails_at_once(world: "World") -> None:
    """W5: adding once start was called fails immediately."""
    backend = world.backend(world.plugin("a"))
    await backend.start()
    with pytest.raises(BackendStateError, match="a feature cannot be added: the backend is started"):
        backend.add(world.plugin("b"))


async def test_wrapped_features_are_unwrapped(world: "World") -> None:
    """W6, W7: a module object stands for its attribute `feature`, and may be wrapped in another one."""
    inner, outer = ModuleType("inner"), ModuleType("outer")
    inner.feature = world.plugin("wrapped")  # type: ignore[attr-defined]
    outer.feature = inner  # type: ignore[attr-defined]

    @create_backend_feature_loader()
    def loader() -> list[Any]:
        twice = ModuleType("twice")
        twice.feature = ModuleType("once")  # type: ignore[attr-defined]
        twice.feature.feature = world.plugin("twice")
        return [twice]

    await world.backend(outer, loader).start()
    assert {"wrapped", "twice"} <= set(world.journal)


async def test_a_module_without_the_attribute_is_refused(world: "World") -> None:
    """W7: a module object without the attribute `feature` is an error that says so."""
    error = await unexpected(world.backend(ModuleType("acme_empty")))
    assert "module 'acme_empty' has no attribute 'feature'" in str(error)


async def test_endless_wrapping_is_refused(world: "World") -> None:
    """W6: what leads from wrapper to wrapper without end is an error, not an endless loop."""
    endless = ModuleType("endless")
    endless.feature = endless  # type: ignore[attr-defined]
    assert "without end" in str(await unexpected(world.backend(endless)))


async def test_functions_stand_for_what_they_return(world: "World") -> None:
    """A function without arguments that returns a feature can be added."""
    await world.backend(lambda: world.plugin("made")()).start()
    assert "made" in world.journal


async def test_functions_with_arguments_are_refused(world: "World") -> None:
    """A function that needs arguments is an error that names them."""

    def configured(url: str, *, depth: int) -> Any:
        return world.plugin(url, points={depth: depth})

    error = await unexpected(world.backend(configured))
    assert "needs arguments (url, depth)" in str(error)
    assert "hint: call it, and add what it returns" in str(error)


async def test_functions_that_raise_are_reported(world: "World") -> None:
    """A function that raises when it is asked for its feature aborts the start with that reason."""

    def broken() -> Any:
        raise ValueError("no such thing")

    assert "caused by ValueError: no such thing" in str(await unexpected(world.backend(broken)))


async def test_names_are_imported_at_start(world: "World", sample: str) -> None:
    """A text is imported at start, its attribute `feature` by default, and its import time is measured."""
    backend = world.backend(sample)
    assert sample not in sys.modules
    await backend.start()
    report = await backend.inspect()
    assert report.plugins[0].plugin_id == "sample"
    assert report.plugins[0].times is not None
    assert report.plugins[0].times.import_ms > 0


async def test_names_may_give_the_attribute(world: "World", sample: str) -> None:
    """`package.module:attribute` names another attribute than `feature`."""
    await world.backend(f"{sample}:feature").start()
    assert sys.modules[sample].REGISTERED == ["sample", "init"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "acme_absent.plugin",
            "'acme_absent.plugin' cannot be imported; caused by ModuleNotFoundError: No module named 'acme_absent'",
        ),
        ("acme_absent", "hint: install the package that holds 'acme_absent' into this environment"),
        ("understage.absent_thing", "hint: pip install understage-absent-thing"),
        ("json:nothing", "'json:nothing' cannot be loaded: module 'json' has no attribute 'nothing'"),
        ("json", "has no attribute 'feature'"),
    ],
)
async def test_wrong_names_say_what_to_do(world: "World", name: str, text: str) -> None:
    """A name that cannot be imported is an error that says what is missing and what to do."""
    assert text in str(await unexpected(world.backend(name)))


async def test_a_missing_dependency_of_a_module_is_told_apart(
    world: "World", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that fails because of something deeper names that, and not the feature, as what is missing."""
    (tmp_path / "acme_needs_more.py").write_text("import acme_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    error = await unexpected(world.backend("acme_needs_more"))
    assert "it needs 'acme_not_there', which is not installed" in str(error)


async def test_all_wrong_features_are_reported_together(world: "World") -> None:
    """W4: several things that are no features are all reported at once."""
    with pytest.raises(UnexpectedStartupError) as caught:
        await world.backend(17, "acme_absent", 18).start()
    assert len(caught.value.errors) == 3
    assert str(caught.value).startswith("the start of the backend was aborted by 3 unexpected errors:\n  ")


async def test_required_options_must_be_given(world: "World") -> None:
    """A plugin or module with required options, added without them, fails with an error that names them."""

    @create_backend_plugin(plugin_id="needy")
    def needy(env: PluginRegistrationPoints, *, url: str, depth: int = 1) -> None:
        raise AssertionError(env, url, depth)

    backend = world.backend()
    backend.add(needy)  # type: ignore[arg-type]
    with pytest.raises(BackendStartupError) as caught:
        await backend.start()
    failure = caught.value.result.plugins[0].failure
    assert failure is not None
    assert isinstance(failure.error, RegistrationError)
    assert "plugin 'needy' was added without its required options: url" in str(failure.error)
    assert "hint: add it as feature(url=...)" in str(failure.error)


async def test_required_options_of_modules(world: "World") -> None:
    """A module with required options, added without them, is the failure of that module alone."""
    world.config = {"backend": {"startup": {"default": {"onPluginModuleBootFailure": "continue"}}}}

    @create_backend_module(plugin_id="a", module_id="needy")
    def needy(env: Any, *, url: str) -> None:
        raise AssertionError(env, url)

    result = await world.backend(world.plugin("a"), needy).start()
    assert result.plugins[0].failure is None
    assert result.plugins[0].modules[0].failure is not None


async def test_the_backend_takes_options(world: "World") -> None:
    """A plugin with options takes them when it is added."""

    @create_backend_plugin(plugin_id="configured")
    def configured(env: PluginRegistrationPoints, *, greeting: str = "hello") -> None:
        @env.register_init
        async def init() -> None:
            world.journal.append(greeting)

    await world.backend(configured(greeting="goodbye")).start()
    await world.backend(configured).start()
    assert [entry for entry in world.journal if entry in ("hello", "goodbye")] == ["goodbye", "hello"]


async def test_a_feature_added_but_never_started_leaves_nothing(world: "World") -> None:
    """Coroutines that were added are closed when the backend is stopped before it started."""

    async def later() -> Any:
        raise AssertionError

    backend = world.backend(later())
    await backend.stop()
    assert backend.state == "stopped"
