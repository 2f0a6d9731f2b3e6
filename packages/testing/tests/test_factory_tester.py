from typing import Annotated, Protocol

import pytest

from understage.plugin_api import Logger, PluginMetadata, core_services, create_service_factory, create_service_ref
from understage.testing import ServiceFactoryTester, mock_services
from understage.wiring import MissingDependencyError, ServiceCreationError


class Greeter(Protocol):
    def greet(self) -> str: ...


class Named(Protocol):
    name: str


greeter_ref = create_service_ref(Greeter, id="test.greeter")
named_ref = create_service_ref(Named, id="test.named")
NamedService = Annotated[Named, named_ref]


class DefaultGreeter:
    def __init__(self, name: str) -> None:
        self.name = name

    def greet(self) -> str:
        return f"hello from {self.name}"


@create_service_factory(service=greeter_ref)
def greeter_factory(plugin: PluginMetadata, logger: Logger) -> Greeter:
    logger.info("greeting")
    return DefaultGreeter(plugin.id)


@create_service_factory(service=greeter_ref)
def named_greeter_factory(named: NamedService) -> Greeter:
    return DefaultGreeter(named.name)


async def test_the_subject_is_created_per_plugin() -> None:
    """T8: get_subject gives an instance per plugin, by default for the plugin `test`, the same each time."""
    tester = ServiceFactoryTester.from_factory(greeter_factory)
    assert (await tester.get_subject()).greet() == "hello from test"
    assert (await tester.get_subject("catalog")).greet() == "hello from catalog"
    assert await tester.get_subject("catalog") is await tester.get_subject("catalog")


async def test_dependencies_win_over_mocks() -> None:
    """T8: given dependencies replace the mocks of core services, and provide other services."""
    logger = mock_services.logger.mock()
    tester = ServiceFactoryTester.from_factory(greeter_factory, dependencies=[logger.factory])
    await tester.get_subject()
    logger.info.assert_called_once_with("greeting")
    assert await tester.get_service(core_services.logger) is logger


async def test_other_services_are_there_too() -> None:
    """T8: get_service gives what the factory under test gets; core services are mocked."""
    tester = ServiceFactoryTester.from_factory(greeter_factory)
    discovery = await tester.get_service(core_services.discovery, "catalog")
    assert await discovery.get_base_url("catalog") == "http://localhost:0/api/catalog"
    metadata = await tester.get_service(core_services.root_instance_metadata)
    assert await metadata.get_installed_plugins() == []


async def test_missing_dependencies_are_named() -> None:
    """T8: a dependency that nobody provides is an error that names it."""
    tester = ServiceFactoryTester.from_factory(named_greeter_factory)
    with pytest.raises((ServiceCreationError, MissingDependencyError), match=r"test\.named"):
        await tester.get_subject()
