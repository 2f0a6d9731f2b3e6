"""What stands before the handlers: who makes a request, what they may do, and that it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from understage.catalog.access import Access
from understage.catalog.http.routing import Request
from understage.catalog.query.predicates import Predicate
from understage.plugin_api import (
    AuditorEvent,
    AuditorService,
    AuditSeverity,
    BasicPermission,
    Credentials,
    HttpAuthService,
)


class Audit:
    """Reports that something begins, and that it is done or has failed: `async with gate.audit(...) as audit`."""

    __slots__ = ("_auditor", "_event", "_event_id", "_failure", "_meta", "_request", "_severity", "_told")

    _event: AuditorEvent

    def __init__(
        self,
        auditor: AuditorService,
        event_id: str,
        request: Request | None,
        severity: AuditSeverity,
        meta: dict[str, Any],
    ) -> None:
        self._auditor = auditor
        self._event_id = event_id
        self._request = request
        self._severity = severity
        self._meta = meta
        self._failure: Exception | None = None
        self._told: dict[str, Any] = {}

    def tell(self, meta: Mapping[str, Any]) -> None:
        """Adds details to the report of success."""
        self._told.update(meta)

    def fail(self, error: Exception) -> None:
        """Makes the report one of failure, though nothing is raised."""
        self._failure = error

    async def __aenter__(self) -> Self:
        self._event = await self._auditor.create_event(
            event_id=self._event_id,
            severity_level=self._severity,
            request=None if self._request is None else self._request.scope,
            meta=self._meta,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        failure = error or self._failure
        if failure is None:
            await self._event.success(meta=self._told)
        else:
            await self._event.fail(error=failure)


class Gate:
    """Lets requests in.

    Args:
        access: tells who may do what.
        http_auth: tells who makes a request.
        auditor: is told what is done.
    """

    def __init__(self, access: Access, http_auth: HttpAuthService, auditor: AuditorService) -> None:
        self.access = access
        self._http_auth = http_auth
        self._auditor = auditor

    async def credentials(self, request: Request) -> Credentials[Any]:
        """Returns who makes a request."""
        return await self._http_auth.credentials(request.scope)

    async def readable(self, request: Request) -> Predicate:
        """Returns which entities may be shown to who makes a request."""
        return await self.access.readable(await self._http_auth.credentials(request.scope))

    async def may(self, request: Request, permission: BasicPermission) -> bool:
        """Tells whether who makes a request has a permission."""
        return await self.access.may(permission, await self._http_auth.credentials(request.scope))

    async def check(self, request: Request, permission: BasicPermission) -> None:
        """Refuses a request.

        Raises:
            NotAllowedError: who makes it lacks the permission.
        """
        await self.access.check(permission, await self._http_auth.credentials(request.scope))

    def audit(self, request: Request, event_id: str, *, severity: AuditSeverity = "low", **meta: Any) -> Audit:
        """Returns a context that reports what is done in it.

        Args:
            request: asks for it.
            event_id: what it is.
            severity: how much it matters.
            **meta: details.
        """
        return Audit(self._auditor, event_id, request, severity, meta)
