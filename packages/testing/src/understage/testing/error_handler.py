"""Error documents for routers that are tested without a backend."""

from __future__ import annotations

from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_http_router.mounted_app import MountedApp
from understage.plugin_api import ASGIApp
from understage.testing.mocks.logger import create_mock_root_logger


def mock_error_handler(app: ASGIApp) -> ASGIApp:
    """Returns an app as `http_router.use` serves it: what it raises is answered with an error document.

    Args:
        app: a plugin's router, on its own.
    """
    return MountedApp(
        app, owner="the router under test", errors=ErrorAnswers(create_mock_root_logger(), development=False)
    )
