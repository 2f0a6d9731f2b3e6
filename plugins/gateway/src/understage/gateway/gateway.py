"""Where a request goes: to the backend that has the plugin, unless it has come too far already."""

from __future__ import annotations

import re
from urllib.parse import unquote

from understage.errors import InputError
from understage.gateway.answers import Upstream504Error, send_empty_404, send_loop_detected
from understage.gateway.headers import count_hops
from understage.gateway.http_passing import pass_http
from understage.gateway.upstream import Upstream
from understage.gateway.websocket_passing import pass_websocket
from understage.plugin_api import (
    DiscoveryService,
    LoggerService,
    Receive,
    RootInstanceMetadataService,
    Scope,
    Send,
)

MAX_HOPS = 3

_DOT_SEGMENT = re.compile(r"(?:^|[/\\])\.\.?(?:[/\\]|$)")


class Gateway:
    """An ASGI app that answers for plugins which are not in this backend.

    Args:
        discovery: finds them.
        metadata: knows which plugins are in this backend, also while they are starting.
        upstream: makes the requests.
        logger: told of loops and of backends that cannot be reached.
    """

    def __init__(
        self,
        discovery: DiscoveryService,
        metadata: RootInstanceMetadataService,
        upstream: Upstream,
        logger: LoggerService,
    ) -> None:
        self._discovery = discovery
        self._metadata = metadata
        self._upstream = upstream
        self._logger = logger
        self._local: frozenset[str] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on.

        Raises:
            InputError: the path climbs out of the plugin's part.
            Upstream504Error: the plugin's backend cannot be reached.
        """
        if scope["type"] not in ("http", "websocket"):
            return
        plugin_id, rest = _split(scope)
        hops = count_hops(scope["headers"])
        if await self._is_local(plugin_id):
            # It is starting, and its routes are not there yet.
            await send_empty_404(scope, receive, send)
        elif hops >= MAX_HOPS:
            message = f"A request for the plugin '{plugin_id}' went in circles: {hops} gateways passed it on"
            self._logger.warning(message)
            await send_loop_detected(scope, receive, send, hops)
        else:
            url = await self._discovery.get_base_url(plugin_id) + rest
            pass_on = pass_http if scope["type"] == "http" else pass_websocket
            try:
                await pass_on(self._upstream, url, hops + 1, scope, receive, send)
            except Upstream504Error as error:
                message = f"The backend of the plugin '{plugin_id}' cannot be reached at {url.partition('?')[0]}"
                self._logger.warning(message, error=error.__cause__)
                raise Upstream504Error(f"The backend of the plugin '{plugin_id}' cannot be reached") from error

    async def _is_local(self, plugin_id: str) -> bool:
        if self._local is None:
            plugins = await self._metadata.get_installed_plugins()
            self._local = frozenset(plugin.plugin_id.lower() for plugin in plugins)
        return plugin_id.lower() in self._local


def _split(scope: Scope) -> tuple[str, str]:
    """Returns the plugin's id, decoded, and what follows it in the address, as it was sent."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    parts = raw.partition(b"?")[0].decode("latin-1").split("/", 3)
    rest = f"/{parts[3]}" if len(parts) > 3 else ""
    if _DOT_SEGMENT.search(unquote(rest)):
        raise InputError("The path holds '.' or '..' segments, which the gateway does not pass on")
    query: bytes = scope.get("query_string", b"")
    return unquote(parts[2]), f"{rest}?{query.decode('latin-1')}" if query else rest
