"""An auditor for tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from understage.plugin_api import AuditSeverity
from understage.plugin_api.services.auth import Request


@dataclass(slots=True)
class MockAuditorEvent:
    """Something that was reported.

    Attributes:
        event_id: what it is.
        severity_level: how much it matters.
        request: the request that asked for it, if any.
        meta: further details; those of the end joined with those of the start.
        status: how far it has come.
        error: why it failed, if it did.
    """

    event_id: str
    severity_level: AuditSeverity = "low"
    request: Request | None = None
    meta: dict[str, Any] = field(default_factory=dict[str, Any])
    status: Literal["initiated", "succeeded", "failed"] = "initiated"
    error: BaseException | None = None

    async def success(self, *, meta: Mapping[str, Any] | None = None) -> None:
        """Notes that it is done."""
        self.status = "succeeded"
        self.meta |= meta or {}

    async def fail(self, *, error: BaseException, meta: Mapping[str, Any] | None = None) -> None:
        """Notes that it failed."""
        self.status = "failed"
        self.error = error
        self.meta |= meta or {}


class MockAuditor:
    """Keeps what is reported.

    Attributes:
        events: all events so far, as they stand.
    """

    def __init__(self) -> None:
        self.events: list[MockAuditorEvent] = []

    async def create_event(
        self,
        *,
        event_id: str,
        severity_level: AuditSeverity = "low",
        request: Request | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> MockAuditorEvent:
        """Notes that something begins."""
        event = MockAuditorEvent(event_id, severity_level, request, dict(meta or {}))
        self.events.append(event)
        return event
