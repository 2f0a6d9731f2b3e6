"""Default factories of a backend that are named instead of imported."""

import sys
from pathlib import Path
from typing import Annotated, Any

import pytest

from understage.plugin_api import (
    PluginRegistrationPoints,
    ServiceFactory,
    create_backend_plugin,
    create_service_factory,
    create_service_ref,
)
from understage.wiring import Backend, DuplicateServiceError, LazyFactory, ServiceCreationError, ServiceRegistry

lazy_ref = create_service_ref(str, id="test.lazy-default")
root_ref = create_service_ref(str, id="test.lazy-root", scope="root")
many_ref = create_service_ref(str, id="test.lazy-many", multiton=True)
LazyText = Annotated[str, lazy_ref]

SOURCE = """
from understage.plugin_api import create_service_factory
from {here} import lazy_ref, many_ref, root_ref

@create_service_factory(service=lazy_ref)
def factory() -> str:
    return "lazy"

@create_service_factory(service=lazy_ref, initialization="always")
def always() -> str:
    return "always"

@create_service_factory(service=root_ref)
def root() -> str:
    return "root"

@create_service_factory(service=root_ref, initialization="lazy")
def lazy_root() -> str:
    return "lazy root"

@create_service_factory(service=many_ref)
def many() -> str:
    return "many"
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The name of a module with factories that nobody has imported."""
    monkeypatch.setitem(sys.modules, "lazy_default_refs", sys.modules[__name__])
    (tmp_path / "lazy_defaults.py").write_text(SOURCE.format(here="lazy_default_refs"))
    monkeypatch.syspath_prepend(tmp_path)
    yield "lazy_defaults"
    sys.modules.pop("lazy_defaults", None)


def provide(text: str) -> ServiceFactory[str]:
    @create_service_factory(service=lazy_ref)
    def factory() -> str:
        return text

    return factory


async def test_it_is_imported_when_its_service_is_needed(module: str) -> None:
    """W28: a default that is named is imported for a plugin that needs it, and not before."""
    seen: list[str] = []

    @create_backend_plugin(plugin_id="reader")
    def reader(env: PluginRegistrationPoints) -> None:
        @env.register_init
        async def init(text: LazyText) -> None:
            seen.append(text)

    without = Backend([LazyFactory(lazy_ref, f"{module}:factory")])
    async with without:
        assert module not in sys.modules
    backend = Backend([LazyFactory(lazy_ref, f"{module}:factory")])
    backend.add(reader)
    async with backend:
        assert seen == ["lazy"]
        (entry,) = [entry for entry in (await backend.inspect()).services if entry.id == lazy_ref.id]
        assert entry.source == "default"


async def test_an_added_factory_replaces_it(module: str) -> None:
    """W29: what is added wins over a named default, which is then never imported but still shown as replaced."""
    backend = Backend([LazyFactory(lazy_ref, f"{module}:factory")])
    backend.add(provide("added"))
    async with backend:
        (entry,) = (await backend.inspect()).overrides()
        assert entry.id == lazy_ref.id
        assert entry.overrides is not None
        assert "test_lazy_defaults.py" in entry.overrides
    assert module not in sys.modules


async def test_root_services_may_be_named_if_they_are_lazy(module: str) -> None:
    """W28: a root service can be a named default if it is created when somebody asks for it."""
    registry = ServiceRegistry([LazyFactory(root_ref, f"{module}:lazy_root")])
    assert await registry.get(root_ref) == "lazy root"


async def test_of_a_multiton_it_is_one_of_several(module: str) -> None:
    """W28: a named default of a multiton is there along with what is added."""

    @create_service_factory(service=many_ref)
    def another() -> str:
        return "another"

    registry = ServiceRegistry([LazyFactory(many_ref, f"{module}:many")])
    registry.providers.add(another)
    found: Any = await registry.get(many_ref, "p")
    assert found == ["another", "many"]


@pytest.mark.parametrize("second_is_lazy", [False, True])
def test_one_default_for_each_service(module: str, second_is_lazy: bool) -> None:
    """W28: two defaults of a service are an error, named or not, that tells both places."""
    first, second = LazyFactory(lazy_ref, f"{module}:factory"), provide("x")
    with pytest.raises(DuplicateServiceError) as caught:
        Backend([second, first] if second_is_lazy else [first, LazyFactory(lazy_ref, "b:c")])
    assert str(caught.value).count("test_lazy_defaults.py") == 2


@pytest.mark.parametrize(
    ("ref", "attribute", "problem"),
    [
        (lazy_ref, "missing", "cannot be loaded from 'lazy_defaults:missing'"),
        (lazy_ref, "SOURCE", "cannot be loaded"),
        (lazy_ref, "create_service_factory", "is no service factory"),
        (lazy_ref, "root", "provides 'test.lazy-root' instead"),
        (lazy_ref, "always", "is created at the start and cannot be lazy"),
        (root_ref, "root", "is created at the start and cannot be lazy"),
    ],
)
async def test_what_cannot_be_used_is_named(module: str, ref: Any, attribute: str, problem: str) -> None:
    """W28: a named default that cannot be used is an error that tells why and where it was named."""
    registry = ServiceRegistry([LazyFactory(ref, f"{module}:{attribute}")])
    with pytest.raises(ServiceCreationError, match=problem) as caught:
        await registry.get(ref, "p")
    assert "test_lazy_defaults.py" in str(caught.value)
