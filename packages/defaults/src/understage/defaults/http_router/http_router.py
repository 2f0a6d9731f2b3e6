"""What lies below `/api/<pluginId>`: the framework's layers, then the plugin's apps."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from understage.defaults.http_router.framework_routes import COOKIE_PATH, JWKS_PATH, answer_cookie, answer_jwks
from understage.defaults.http_router.policies import AuthPolicies
from understage.defaults.http_router.startup_pause import StartupPause
from understage.defaults.root_http_router.answers import not_found
from understage.defaults.root_http_router.error_answers import ErrorAnswers
from understage.defaults.root_http_router.mounted_app import MountedApp
from understage.defaults.root_http_router.mounts import MountTable, normalized_path
from understage.defaults.root_http_router.request_target import BASE, check_encoding
from understage.errors import ConflictError
from understage.plugin_api import (
    ASGIApp,
    AuthPolicyAllow,
    AuthService,
    HttpAuthService,
    Receive,
    Scope,
    Send,
)

_ALLOW: tuple[Literal["user", "service"], ...] = ("user", "service")


class DefaultHttpRouter:
    """A plugin's share of the HTTP server; itself an ASGI app, to be mounted at the root.

    Args:
        plugin_id: the plugin.
        auth: the plugin's auth service.
        http_auth: what reads credentials of requests.
        errors: what answers failures.
        pause: what holds requests until the plugin has started.
        barrier: whether requests need credentials where no policy says otherwise.
    """

    def __init__(
        self,
        plugin_id: str,
        *,
        auth: AuthService,
        http_auth: HttpAuthService,
        errors: ErrorAnswers,
        pause: StartupPause,
        barrier: bool = True,
    ) -> None:
        self._plugin_id = plugin_id
        self._auth = auth
        self._http_auth = http_auth
        self._errors = errors
        self._pause = pause
        self._barrier = barrier
        self._policies = AuthPolicies()
        self._mounts = MountTable[MountedApp]()
        self._started = False

    def use(self, app: ASGIApp, path: str = "/") -> None:
        """Mounts an ASGI app below the plugin's root.

        Args:
            app: the app.
            path: where to mount it.

        Raises:
            ConflictError: something is mounted at this path already, or the plugin has started.
        """
        prefix = normalized_path(path)
        owner = f"plugin '{self._plugin_id}'"
        if self._started:
            raise ConflictError(f"cannot mount an app at '{path}': {owner} has started; mount apps in its init")
        if prefix in self._mounts:
            raise ConflictError(f"cannot mount an app at '{path}': {owner} has mounted one there already")
        self._mounts.add(prefix, MountedApp(app, owner=owner, errors=self._errors))

    def add_auth_policy(self, *, path: str, allow: AuthPolicyAllow) -> None:
        """Opens paths that otherwise need user or service credentials.

        Args:
            path: a prefix on segment boundaries, with parameters such as `/files/:name`; `/` and `*` match all.
            allow: `unauthenticated` or `user-cookie`.

        Raises:
            InputError: `allow` is something else.
        """
        self._policies.add(path, allow)

    @asynccontextmanager
    async def lifespans(self) -> AsyncIterator[None]:
        """Runs the lifespans of the mounted apps around the context.

        Raises:
            LifespanError: an app could not start.
        """
        self._started = True
        async with AsyncExitStack() as stack:
            for app in self._mounts:
                await stack.enter_async_context(app.lifespan())
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request below the prefix that the scope's `root_path` names. The scope is ours to change."""
        base: str = scope["root_path"]
        path: str = scope["path"][len(base) :] or "/"
        scope[BASE] = base
        try:
            mount = await self._pass_layers(path, scope, send)
        except Exception as error:  # noqa: BLE001 - whatever a layer raises is answered
            await self._errors.answer(error, scope, send)
            return
        if mount is not None:
            await mount(scope, receive, send)

    async def _pass_layers(self, path: str, scope: Scope, send: Send) -> ASGIApp | None:
        """Returns the app that answers, or None if a layer has answered."""
        if path.startswith("/.backstage/") and _is_get(scope) and path.rstrip("/") == JWKS_PATH:
            await answer_jwks(send, self._auth)
            return None
        if not self._pause.is_open:
            await self._pause.wait()
        if self._barrier:
            policy = self._policies.find(path)
            if policy != "unauthenticated":
                await self._http_auth.credentials(scope, allow=_ALLOW, allow_limited_access=policy == "user-cookie")
        check_encoding(scope)
        if path.startswith("/.backstage/") and path.rstrip("/") == COOKIE_PATH and _takes_cookie(scope):
            await answer_cookie(scope, send, self._auth, self._http_auth)
            return None
        found = self._mounts.find(path)
        if found is None:
            return not_found
        prefix, mount = found
        if prefix:
            scope["root_path"] += prefix
        return mount


def _is_get(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD")


def _takes_cookie(scope: Scope) -> bool:
    return _is_get(scope) or (scope["type"] == "http" and scope["method"] == "DELETE")
