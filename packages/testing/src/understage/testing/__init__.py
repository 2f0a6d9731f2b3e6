"""The testing kit: backends, core services, credentials, databases and folders for tests."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from understage.testing import mock_services
    from understage.testing.backend.preparation import FakeExtensionPoint
    from understage.testing.backend.start import StartingTestBackend, TestBackend, start_test_backend
    from understage.testing.caches import TestCaches
    from understage.testing.credentials import MockCredentials, mock_credentials
    from understage.testing.databases import TestDatabases
    from understage.testing.directory import MockContent, MockDirectory, create_mock_directory
    from understage.testing.error_handler import mock_error_handler
    from understage.testing.factory_tester import ServiceFactoryTester
    from understage.testing.mocks.actions import MockActions, MockActionsRegistry
    from understage.testing.mocks.auditor import MockAuditor, MockAuditorEvent
    from understage.testing.mocks.auth import MockAuth
    from understage.testing.mocks.config import MockRootConfig
    from understage.testing.mocks.discovery import MockDiscovery
    from understage.testing.mocks.http_auth import MockHttpAuth
    from understage.testing.mocks.http_client import HttpRequest, MockHttpClient, json_response
    from understage.testing.mocks.metrics import MockInstrument, MockMetrics
    from understage.testing.mocks.permissions import MockPermissions
    from understage.testing.mocks.scheduler import MockScheduler
    from understage.testing.mocks.service_mock import create_service_mock
    from understage.testing.mocks.tracing import MockSpan, MockTracing
    from understage.testing.mocks.url_reader import MockUrlReader
    from understage.testing.mocks.user_info import MockUserInfo

__all__ = [
    "FakeExtensionPoint",
    "HttpRequest",
    "MockActions",
    "MockActionsRegistry",
    "MockAuditor",
    "MockAuditorEvent",
    "MockAuth",
    "MockContent",
    "MockCredentials",
    "MockDirectory",
    "MockDiscovery",
    "MockHttpAuth",
    "MockHttpClient",
    "MockInstrument",
    "MockMetrics",
    "MockPermissions",
    "MockRootConfig",
    "MockScheduler",
    "MockSpan",
    "MockTracing",
    "MockUrlReader",
    "MockUserInfo",
    "ServiceFactoryTester",
    "StartingTestBackend",
    "TestBackend",
    "TestCaches",
    "TestDatabases",
    "create_mock_directory",
    "create_service_mock",
    "json_response",
    "mock_credentials",
    "mock_error_handler",
    "mock_services",
    "start_test_backend",
]

# pytest imports this package in every project that has it installed, so nothing is imported before it is used.
_HOMES = {
    "FakeExtensionPoint": "backend.preparation",
    "HttpRequest": "mocks.http_client",
    "MockActions": "mocks.actions",
    "MockActionsRegistry": "mocks.actions",
    "MockAuditor": "mocks.auditor",
    "MockAuditorEvent": "mocks.auditor",
    "MockAuth": "mocks.auth",
    "MockContent": "directory",
    "MockCredentials": "credentials",
    "MockDirectory": "directory",
    "MockDiscovery": "mocks.discovery",
    "MockHttpAuth": "mocks.http_auth",
    "MockHttpClient": "mocks.http_client",
    "MockInstrument": "mocks.metrics",
    "MockMetrics": "mocks.metrics",
    "MockPermissions": "mocks.permissions",
    "MockRootConfig": "mocks.config",
    "MockScheduler": "mocks.scheduler",
    "MockSpan": "mocks.tracing",
    "MockTracing": "mocks.tracing",
    "MockUrlReader": "mocks.url_reader",
    "MockUserInfo": "mocks.user_info",
    "ServiceFactoryTester": "factory_tester",
    "StartingTestBackend": "backend.start",
    "TestBackend": "backend.start",
    "TestCaches": "caches",
    "TestDatabases": "databases",
    "create_mock_directory": "directory",
    "create_service_mock": "mocks.service_mock",
    "json_response": "mocks.http_client",
    "mock_credentials": "credentials",
    "mock_error_handler": "error_handler",
    "start_test_backend": "backend.start",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used."""
    from importlib import import_module

    if name == "mock_services":
        return import_module("understage.testing.mock_services")
    if name in _HOMES:
        return getattr(import_module(f"understage.testing.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'understage.testing' has no attribute '{name}'")
