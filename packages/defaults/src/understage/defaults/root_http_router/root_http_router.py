"""The root of the HTTP server: which app answers which path."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Literal

from understage.defaults.root_http_router.answers import not_found
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_http_router.mounted_app import MountedApp
from understage.defaults.root_http_router.mounts import MountTable, normalized_path
from understage.defaults.root_http_router.request_target import check_encoding
from understage.errors import ConflictError, InputError
from understage.plugin_api import ASGIApp, Receive, Scope, Send

_API = "/api"
_ANY_PLUGIN = f"{_API}/:pluginId"


class DefaultRootHttpRouter:
    """Dispatches requests to plugins and other mounts; what matches none goes to the index, outside of `/api`.

    Args:
        errors: what answers failures.
        index_path: the mount that also answers every other path outside of `/api`, or None for no such mount.

    Attributes:
        app: the complete ASGI app: the routes with all layers around them.

    Raises:
        InputError: the index path is empty.
    """

    def __init__(self, errors: ErrorAnswers, *, index_path: str | None = f"{_API}/app") -> None:
        self.check_index_path(index_path)
        self.app: ASGIApp = self.route
        self._errors = errors
        self._index_path = None if index_path is None else normalized_path(index_path)
        self._index: ASGIApp | None = None
        self._plugins: dict[str, ASGIApp] = {}
        self._other_plugins: MountedApp | None = None
        self._mounts = MountTable[MountedApp]()
        self._paths: list[str] = []
        self._server: Any = None

    @property
    def port(self) -> int | None:
        """The port that the server listens on, or None when there is no server."""
        return None if self._server is None else self._server.port

    @staticmethod
    def check_index_path(index_path: str | Literal[False] | None) -> None:
        """Checks an index path.

        Raises:
            InputError: it is empty.
        """
        if isinstance(index_path, str) and not normalized_path(index_path):
            raise InputError("the index path is empty; name the mount that serves the index, or switch it off")

    def serve_with(self, server: Any) -> None:
        """Remembers the server, for its port."""
        self._server = server

    def use(self, path: str, app: ASGIApp) -> None:
        """Mounts an app at a path of the root.

        Args:
            path: such as `/.well-known/thing`; neither empty nor only slashes. `/api/:pluginId` stands for all plugins
                that are not in this backend.
            app: the app; it sees the full `path` with `root_path=path`.

        Raises:
            InputError: the path is empty.
            ConflictError: the path is a prefix of a mounted one, or the other way round.
        """
        prefix = normalized_path(path)
        if not prefix:
            raise InputError(f"cannot mount an app of the root at '{path}': the path may not be empty")
        if prefix == _ANY_PLUGIN:
            self._use_for_other_plugins(app)
            return
        for taken in self._paths:
            if f"{taken}/".startswith(f"{prefix}/") or f"{prefix}/".startswith(f"{taken}/"):
                raise ConflictError(f"cannot mount an app at '{path}': it conflicts with the one at '{taken}'")
        self._paths.append(prefix)
        parent, _, name = prefix.rpartition("/")
        if parent == _API:
            self._plugins[name.lower()] = app
        else:
            app = MountedApp(app, owner=f"the root mount '{prefix}'", errors=self._errors)
            self._mounts.add(prefix, app)
        if prefix == self._index_path:
            self._index = app

    def _use_for_other_plugins(self, app: ASGIApp) -> None:
        if self._other_plugins is not None:
            raise ConflictError(f"cannot mount an app at '{_ANY_PLUGIN}': there is one already")
        self._other_plugins = MountedApp(app, owner=f"the root mount '{_ANY_PLUGIN}'", errors=self._errors)

    @asynccontextmanager
    async def lifespans(self) -> AsyncIterator[None]:
        """Runs the lifespans of the root's mounts around the context; plugins run those of theirs themselves."""
        async with AsyncExitStack() as stack:
            for app in (*self._mounts, *filter(None, [self._other_plugins])):
                await stack.enter_async_context(app.lifespan())
            yield

    async def route(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI app without any layers around it."""
        path: str = scope["path"] if scope["type"] != "lifespan" else ""
        if path[:5].lower() == f"{_API}/":
            end = path.find("/", 5)
            name = path[5:] if end == -1 else path[5:end]
            plugin = self._plugins.get(name) or self._plugins.get(name.lower())
            if plugin is not None:
                await plugin({**scope, "root_path": path[: 5 + len(name)]}, receive, send)
                return
        await self._route_rest(path, scope, receive, send)

    async def _route_rest(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._mounts.find(path) or self._find_other_plugin(path)
        if found is not None:
            prefix, mount = found
            try:
                check_encoding(scope)
            except InputError as error:
                await self._errors.answer(error, scope, send)
            else:
                await mount({**scope, "root_path": prefix}, receive, send)
        elif self._index is None or f"{path}/"[:5].lower() == f"{_API}/" or not path:
            await not_found(scope, receive, send)
        else:
            await self._index({**scope, "root_path": ""}, receive, send)

    def _find_other_plugin(self, path: str) -> tuple[str, MountedApp] | None:
        if self._other_plugins is None or path[:5].lower() != f"{_API}/":
            return None
        name = path[5:].partition("/")[0]
        return (path[: 5 + len(name)], self._other_plugins) if name else None
