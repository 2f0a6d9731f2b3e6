"""The HTTP API below `/incremental`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from understage.catalog_api.permissions import catalog_ingestion_manage_permission, catalog_ingestion_read_permission
from understage.catalog_module_incremental_ingestion.database.ingestions import Ingestion
from understage.catalog_module_incremental_ingestion.database.marks import Mark
from understage.catalog_module_incremental_ingestion.steering import Steering
from understage.errors import InputError, NotAllowedError
from understage.plugin_api import HttpAuthService, PermissionRequest, PermissionsService, Receive, Scope, Send

Body = dict[str, Any]
Answer = tuple[int, Body]
Handler = Callable[[str], Awaitable[Answer]]


class IncrementalRouter:
    """The ASGI app that shows and steers the providers.

    Args:
        steering: what it asks.
        permissions: tells who may do what.
        http_auth: tells who makes a request.
    """

    def __init__(self, steering: Steering, permissions: PermissionsService, http_auth: HttpAuthService) -> None:
        self._steering = steering
        self._permissions = permissions
        self._http_auth = http_auth
        self._handlers: dict[tuple[str, str, str], Handler] = {
            ("GET", "health", ""): self._get_health,
            ("POST", "cleanup", ""): self._clean_up,
            ("GET", "providers", ""): self._list_providers,
            ("GET", "providers", "*"): self._get_provider,
            ("DELETE", "providers", "*"): self._reset_provider,
            ("POST", "providers", "*/trigger"): self._trigger,
            ("POST", "providers", "*/start"): self._start,
            ("POST", "providers", "*/cancel"): self._cancel,
            ("GET", "providers", "*/marks"): self._get_marks,
            ("DELETE", "providers", "*/marks"): self._delete_marks,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request; an unknown path or method is an empty 404.

        Raises:
            NotAllowedError: who makes it may not.
            InputError: the path cannot be decoded.
        """
        if scope["type"] != "http":
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        await self._check(scope, reads=method == "GET")
        first, *others = _path(scope).split("/")
        provider, rest = "", ""
        if others:
            provider = _decoded(others[0])
            rest = "/".join(["*", *others[1:]])
        handler = self._handlers.get((method, first.lower(), rest.lower()))
        if handler is None or (others and not provider):
            await _send(send, 404, None)
            return
        status, body = await handler(provider)
        await _send(send, status, await asyncio.to_thread(msgspec.json.encode, body))

    async def _check(self, scope: Scope, *, reads: bool) -> None:
        permission = catalog_ingestion_read_permission if reads else catalog_ingestion_manage_permission
        credentials = await self._http_auth.credentials(scope)
        [decision] = await self._permissions.authorize([PermissionRequest(permission)], credentials=credentials)
        if not decision.allowed:
            raise NotAllowedError("Unauthorized")

    async def _get_health(self, _: str) -> Answer:
        duplicates = await self._steering.duplicates()
        if duplicates:
            return 200, {"healthy": False, "duplicateIngestions": duplicates}
        return 200, {"healthy": True}

    async def _clean_up(self, _: str) -> Answer:
        deleted = await self._steering.reset_all()
        return 200, {
            "ingestionsDeleted": deleted.ingestions,
            "ingestionMarksDeleted": deleted.marks,
            "markEntitiesDeleted": deleted.entities,
        }

    async def _list_providers(self, _: str) -> Answer:
        return 200, {"success": True, "providers": await self._steering.providers()}

    async def _get_provider(self, provider: str) -> Answer:
        found = await self._steering.find(provider)
        if found is None:
            return _unknown_shown(provider)
        if found.ingestion is None:
            return 200, {"success": True, "status": {"current_action": "rest complete, waiting to start"}}
        return 200, {
            "success": True,
            "status": {
                "current_action": found.ingestion.status,
                "next_action_at": _time(found.ingestion.next_action_at),
            },
            "last_error": found.ingestion.last_error,
        }

    async def _reset_provider(self, provider: str) -> Answer:
        if await self._steering.find(provider) is None:
            return _unknown(provider)
        deleted = await self._steering.reset(provider)
        return 200, {
            "provider": provider,
            "ingestionsDeleted": deleted.ingestions,
            "marksDeleted": deleted.marks,
            "markEntitiesDeleted": deleted.entities,
        }

    async def _trigger(self, provider: str) -> Answer:
        async def trigger(ingestion: Ingestion) -> str:
            await self._steering.trigger(provider, ingestion)
            return f"{provider}: Next action triggered."

        return await self._steer(provider, trigger, "Unable to trigger next action (provider is restarting)")

    async def _start(self, provider: str) -> Answer:
        async def start(ingestion: Ingestion) -> str:
            await self._steering.start(provider, ingestion)
            return f"{provider}: Next cycle triggered."

        return await self._steer(provider, start, "Provider is already restarting")

    async def _cancel(self, provider: str) -> Answer:
        async def cancel(ingestion: Ingestion) -> str:
            await self._steering.cancel(ingestion)
            return f"{provider}: Current ingestion canceled."

        return await self._steer(provider, cancel, "Provider is currently restarting, please wait.")

    async def _steer(self, provider: str, act: Callable[[Ingestion], Awaitable[str]], restarting: str) -> Answer:
        found = await self._steering.find(provider)
        if found is None:
            return _unknown(provider)
        message = restarting if found.ingestion is None else await act(found.ingestion)
        return 200, {"success": True, "message": message}

    async def _get_marks(self, provider: str) -> Answer:
        found = await self._steering.find(provider)
        if found is None:
            return _unknown_shown(provider)
        ingestion = found.ingestion
        if ingestion is None:
            return 200, {"success": True, "message": "No records yet (provider is restarting)"}
        marks = await self._steering.marks(ingestion)
        records = await asyncio.to_thread(lambda: [_mark(ingestion, mark) for mark in marks])
        return 200, {"success": True, "records": records}

    async def _delete_marks(self, provider: str) -> Answer:
        deleted = await self._steering.forget_ended(provider)
        counts = {
            "markEntitiesDeleted": deleted.entities,
            "marksDeleted": deleted.marks,
            "ingestionsDeleted": deleted.ingestions,
        }
        # The counts are nested twice upstream, and so they are here.
        return 200, {
            "success": True,
            "message": f"Expired marks for provider '{provider}' removed.",
            "deletions": {"deletions": counts},
        }


def _unknown(provider: str) -> Answer:
    return 404, {"success": False, "message": f"Provider '{provider}' not found"}


def _unknown_shown(provider: str) -> Answer:
    return 404, {"success": False, "status": {}, "last_error": f"Provider '{provider}' not found"}


def _mark(ingestion: Ingestion, mark: Mark) -> Body:
    return {
        "id": mark.id,
        "ingestion_id": ingestion.id,
        "cursor": None if mark.cursor is None else msgspec.Raw(mark.cursor.encode()),
        "sequence": mark.sequence,
        "created_at": _time(mark.created_at),
    }


def _time(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _path(scope: Scope) -> str:
    """Returns the path below the mount as it came, so that an encoded slash does not part segments."""
    root: str = scope.get("root_path", "")
    raw: bytes | None = scope.get("raw_path")
    path: str = scope["path"] if raw is None else raw.split(b"?")[0].decode("latin-1")
    return path[len(root) :].strip("/")


def _decoded(part: str) -> str:
    try:
        text = unquote_to_bytes(part).decode()
    except UnicodeDecodeError:
        raise InputError(f"Failed to decode param '{part}'") from None
    if "\0" in text:
        raise InputError("The path holds a NUL character")
    return text


async def _send(send: Send, status: int, body: bytes | None) -> None:
    headers = [] if body is None else [(b"content-type", b"application/json; charset=utf-8")]
    headers.append((b"content-length", str(len(body or b"")).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body or b""})
