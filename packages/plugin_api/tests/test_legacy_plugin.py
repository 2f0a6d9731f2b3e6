from typing import Any, Literal

import pytest

from understage.plugin_api import ASGIApp, FeatureDeclarationError, LegacyPluginEnvironment, legacy_plugin
from understage.plugin_api.asgi import Receive, Scope, Send
from understage.plugin_api.dependencies import declared_dependencies


class RouterDouble:
    """Keeps what was mounted and opened."""

    def __init__(self) -> None:
        self.mounted: list[ASGIApp] = []
        self.policies: list[tuple[str, str]] = []

    def use(self, app: ASGIApp, path: str = "/") -> None:
        assert path == "/"
        self.mounted.append(app)

    def add_auth_policy(self, *, path: str, allow: str) -> None:
        self.policies.append((path, allow))


class RegistrationDouble:
    """Keeps the init function that was registered."""

    plugin_id = "todo"
    init: Any = None

    def register_init(self, init: Any, *, deps: object = None) -> Any:
        del deps
        self.init = init
        return init


async def todo_app(scope: Scope, receive: Receive, send: Send) -> None:
    del scope, receive, send


def create_todo_app(env: LegacyPluginEnvironment) -> ASGIApp:
    assert env.plugin_id == "todo"
    return todo_app


async def create_todo_app_later(env: LegacyPluginEnvironment) -> ASGIApp:
    return create_todo_app(env)


async def started(create_app: Any, auth_policy: Literal["default", "unauthenticated"] = "default") -> RouterDouble:
    """Starts a legacy plugin and returns its router."""
    points: Any = RegistrationDouble()
    feature = legacy_plugin("todo", create_app, auth_policy=auth_policy)
    feature.register(points)
    router = RouterDouble()
    names = declared_dependencies(points.init, owner="the plugin")
    await points.init(**{name: router if name == "http_router" else f"the {name}" for name in names})
    return router


@pytest.mark.parametrize("create_app", [create_todo_app, create_todo_app_later])
async def test_an_application_becomes_a_plugin(create_app: Any) -> None:
    """The application is created once, sync or async, and mounted at the plugin's root; the barrier stays closed."""
    router = await started(create_app)
    assert router.mounted == [todo_app]
    assert router.policies == []


async def test_an_application_may_check_its_callers_itself() -> None:
    """With the policy `unauthenticated` everybody is let through to the application."""
    assert (await started(create_todo_app, "unauthenticated")).policies == [("/", "unauthenticated")]


async def test_the_environment_has_the_services() -> None:
    """The application is handed the core services by name."""
    seen: list[LegacyPluginEnvironment] = []

    def create(env: LegacyPluginEnvironment) -> ASGIApp:
        seen.append(env)
        return todo_app

    await started(create)
    names = ("logger", "config", "database", "discovery", "auth", "http_auth", "user_info", "lifecycle")
    assert [getattr(seen[0], name) for name in names] == [f"the {name}" for name in names]


def test_it_is_a_plugin_like_any_other() -> None:
    """The feature has the plugin's id and the place of the function that creates the application."""
    feature = legacy_plugin("todo", create_todo_app)
    assert (feature.plugin_id, feature.feature_type) == ("todo", "plugin")
    assert feature.location is not None
    assert feature.location.line == create_todo_app.__code__.co_firstlineno
    with pytest.raises(FeatureDeclarationError):
        legacy_plugin("to do", create_todo_app)
