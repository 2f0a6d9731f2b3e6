"""The HTTP router services."""

from typing import Literal, Protocol

from understage.plugin_api.asgi import ASGIApp

AuthPolicyAllow = Literal["unauthenticated", "user-cookie"]


class HttpRouterService(Protocol):
    """A plugin's share of the HTTP server: what lies below `/api/<pluginId>`."""

    def use(self, app: ASGIApp, path: str = "/") -> None:
        """Mounts an ASGI application: Starlette, FastAPI or any other.

        The app sees the full `path` with `root_path="/api/<pluginId>"` (and the mount's own path); the longest matching
        mount wins. Its lifespan runs before the plugin's startup hooks. Starlette and FastAPI apps get error documents
        instead of their default error answers; handlers that the author has set stay.

        Args:
            app: the application.
            path: where to mount it, below the plugin's root.

        Raises:
            ConflictError: something is mounted at this path already.
        """
        ...

    def add_auth_policy(self, *, path: str, allow: AuthPolicyAllow) -> None:
        """Opens paths that otherwise need user or service credentials.

        Args:
            path: a prefix on segment boundaries, with parameters such as `/files/:name`; `/` and `*` match all.
            allow: `unauthenticated` lets everybody in unchecked; `user-cookie` also takes limited user tokens and
                the cookie.

        Raises:
            InputError: `allow` is something else.
        """
        ...


class RootHttpRouterService(Protocol):
    """The HTTP server's root: what lies outside of plugins."""

    def use(self, path: str, app: ASGIApp) -> None:
        """Mounts an ASGI application at a path of the root.

        Args:
            path: such as `/.well-known/thing`; neither empty nor only slashes. `/api/:pluginId` stands for all plugins
                that are not in this backend.
            app: the application; it sees the full `path` with `root_path=path`.

        Raises:
            InputError: the path is empty.
            ConflictError: the path is a prefix of a mounted one, or the other way round.
        """
        ...
