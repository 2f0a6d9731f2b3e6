"""HTTP routers for tests, without a backend around them."""

from __future__ import annotations

from understage.defaults.http_router import DefaultHttpRouter
from understage.defaults.http_router.startup_pause import StartupPause
from understage.defaults.lifecycle import DefaultLifecycle
from understage.defaults.root_http_router import DefaultRootHttpRouter
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.testing.mocks.auth import MockAuth
from understage.testing.mocks.http_auth import MockHttpAuth
from understage.testing.mocks.logger import create_mock_root_logger


def create_http_router(plugin_id: str) -> DefaultHttpRouter:
    """Returns the real router of a plugin that counts as started, with mock credentials; itself an ASGI app.

    Args:
        plugin_id: the plugin.
    """
    logger = create_mock_root_logger()
    pause = StartupPause(DefaultLifecycle(logger, owner=f"plugin '{plugin_id}'"))
    pause.is_open = True
    return DefaultHttpRouter(
        plugin_id,
        auth=MockAuth(plugin_id),
        http_auth=MockHttpAuth(plugin_id),
        errors=ErrorAnswers(logger),
        pause=pause,
    )


def create_root_http_router() -> DefaultRootHttpRouter:
    """Returns the real root router without a server; its `app` answers requests."""
    return DefaultRootHttpRouter(ErrorAnswers(create_mock_root_logger()))
