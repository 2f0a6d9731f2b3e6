"""What stands before the handlers: who makes a request, what they may do, and that it is written down."""

from __future__ import annotations

from typing import Any

from understage.catalog.access import Access
from understage.catalog.auditing import Audit
from understage.catalog.http.routing import Request
from understage.catalog.query.predicates import Predicate
from understage.plugin_api import (
    AuditorService,
    AuditSeverity,
    BasicPermission,
    Credentials,
    HttpAuthService,
)


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
        return Audit(self._auditor, event_id, severity, meta, request.scope)
