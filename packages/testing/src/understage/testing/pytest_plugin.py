"""The pytest plugin of the testing kit: fixtures, and backends that are stopped at the end of their test.

It is loaded in every project that has the kit installed, so it imports nothing before it is needed.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from understage.testing.caches import cache_service, test_caches
from understage.testing.databases import database, test_databases

if TYPE_CHECKING:
    from understage.testing.directory import MockDirectory

__all__ = ["cache_service", "database", "detect_blocking_calls", "mock_directory", "test_caches", "test_databases"]

_OPTION = "understage_detect_blocking"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the setting that turns on the detection of blocking calls."""
    parser.addini(
        _OPTION,
        type="args",
        default=[],
        help="packages whose calls must not block the event loop, such as 'understage acme_todo'",
    )


@pytest.fixture
def mock_directory(tmp_path: Path) -> MockDirectory:
    """A temporary folder that takes its content as nested dicts."""
    from understage.testing.directory import MockDirectory

    return MockDirectory(path=tmp_path / "mock-directory")


@pytest.fixture(autouse=True)
def detect_blocking_calls(request: pytest.FixtureRequest) -> Iterator[None]:
    """Makes calls that block the event loop raise, for the packages that `understage_detect_blocking` names."""
    packages = request.config.getini(_OPTION)
    if not packages:
        yield
        return
    from understage.testing.blocking import detect_blocking_calls_of

    with detect_blocking_calls_of(packages):
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Stops the test backends that a test leaves running, on the event loop that they run on."""
    test = pyfuncitem.obj
    if inspect.iscoroutinefunction(test):
        pyfuncitem.obj = _stopping_leftovers(test)


def _stopping_leftovers(test: Any) -> Any:
    @functools.wraps(test)
    async def wrapped(*args: Any, **kwargs: Any) -> None:
        before = _running()
        try:
            await test(*args, **kwargs)
        finally:
            if _running() - before:
                from understage.testing.backend.running import stop_backends_started_since

                await stop_backends_started_since(before)

    return wrapped


def _running() -> frozenset[Any]:
    module = sys.modules.get("understage.testing.backend.running")
    return frozenset(module.running_backends) if module is not None else frozenset()
