"""Reports to the auditor, around what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from understage.plugin_api import AuditorEvent, AuditorService, AuditSeverity, Scope


class Audit:
    """Reports that something begins, and that it is done or has failed: `async with gate.audit(...) as audit`."""

    __slots__ = ("_auditor", "_event", "_event_id", "_failure", "_meta", "_scope", "_severity", "_told")

    _event: AuditorEvent

    def __init__(
        self,
        auditor: AuditorService,
        event_id: str,
        severity: AuditSeverity,
        meta: dict[str, Any],
        scope: Scope | None = None,
    ) -> None:
        """Prepares the report.

        Args:
            auditor: where it goes.
            event_id: what begins.
            severity: how much it matters.
            meta: details.
            scope: the request that asks for it.
        """
        self._auditor = auditor
        self._event_id = event_id
        self._scope = scope
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
            request=self._scope,
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
