"""The auditor service: who did what, for those who must know later."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, TypeAlias

from understage.plugin_api.services.auth import Request

AuditSeverity: TypeAlias = Literal["low", "medium", "high", "critical"]


class AuditorEvent(Protocol):
    """Something that has begun and is to be reported as done or failed."""

    async def success(self, *, meta: Mapping[str, Any] | None = None) -> None:
        """Reports that it is done.

        Args:
            meta: joined with what was given at the start; wins over it.
        """
        ...

    async def fail(self, *, error: BaseException, meta: Mapping[str, Any] | None = None) -> None:
        """Reports that it failed.

        Args:
            error: why.
            meta: joined with what was given at the start; wins over it.
        """
        ...


class AuditorService(Protocol):
    """Reports what is done, and on whose behalf."""

    async def create_event(
        self,
        *,
        event_id: str,
        severity_level: AuditSeverity = "low",
        request: Request | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> AuditorEvent:
        """Reports that something begins.

        Args:
            event_id: what it is, in kebab-case, such as `entity-delete`.
            severity_level: how much it matters; tells at which level it is logged.
            request: the request that asks for it; without one, the plugin itself is who does it.
            meta: further details.

        Raises:
            UnderstageError: the request's credentials are not valid; the error keeps their error's name.
        """
        ...
