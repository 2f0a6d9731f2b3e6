"""Writes what is done, and by whom, to the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final, cast

from understage.defaults.auditor.severities import LogLevel, SeverityLevels
from understage.defaults.http_auth.request_tokens import scope_of
from understage.defaults.root_http_router.request_target import request_url
from understage.defaults.root_logger.logger import DefaultLogger
from understage.errors import ForwardedError, UnderstageError
from understage.plugin_api import (
    AuditorEvent,
    AuditSeverity,
    AuthService,
    HttpAuthService,
    LoggerService,
    is_service,
    is_user,
)
from understage.plugin_api.services.auth import Request


class DefaultAuditor:
    """Writes an entry when something begins, and another when it is done or has failed.

    An entry's message is `<plugin>.<event>`, and `isAuditEvent` tells it from others.
    """

    def __init__(
        self,
        plugin_id: str,
        *,
        auth: AuthService,
        http_auth: HttpAuthService,
        logger: LoggerService,
        levels: SeverityLevels | None = None,
    ) -> None:
        """Puts the parts together.

        Args:
            plugin_id: the plugin.
            auth: tells who the plugin itself is.
            http_auth: tells who makes a request.
            logger: where entries go; it adds the plugin's id to them.
            levels: the log level of each severity.
        """
        self._plugin_id = plugin_id
        self._auth = auth
        self._http_auth = http_auth
        self._logger = logger
        # Other loggers are not known to tell what they write.
        self._own_logger = logger if isinstance(logger, DefaultLogger) else None
        self._levels = levels or SeverityLevels()

    async def create_event(
        self,
        *,
        event_id: str,
        severity_level: AuditSeverity = "low",
        request: Request | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> AuditorEvent:
        """Writes that something begins; nothing is found out about events whose level the log leaves out.

        Args:
            event_id: what it is.
            severity_level: how much it matters.
            request: the request that asks for it; without one, the plugin itself is who does it.
            meta: further details.

        Raises:
            ForwardedError: the request's credentials are not valid.
        """
        level = self._levels.level(severity_level)
        if self._own_logger is not None and not self._own_logger.writes(level):
            return UNWRITTEN
        details: dict[str, Any] = {
            "isAuditEvent": True,
            "eventId": event_id,
            "severityLevel": severity_level,
            "actor": await self._actor(request),
        }
        if request is not None:
            details["request"] = _request_details(scope_of(request))
        write = _writer(self._logger, level)
        event = LoggedEvent(write, f"{self._plugin_id}.{event_id}", details, meta or {})
        event.write("initiated")
        return event

    async def _actor(self, request: Request | None) -> dict[str, Any]:
        if request is None:
            credentials = await self._auth.get_own_service_credentials()
            return {"actorId": credentials.principal.subject}
        try:
            # A cookie tells who it is, even where it would not let anybody in.
            caller = await self._http_auth.credentials(request, allow_limited_access=True)
        except UnderstageError as error:
            raise ForwardedError("Cannot tell who makes the request to be audited", error) from error
        actor = _origin(scope_of(request))
        if is_user(caller):
            return {"actorId": caller.principal.user_entity_ref, **actor}
        if is_service(caller):
            return {"actorId": caller.principal.subject, **actor}
        return actor


class LoggedEvent:
    """Something that has begun.

    Args:
        log: writes an entry.
        message: the message of its entries.
        details: what its entries have in common.
        meta: what the plugin tells of it.
    """

    def __init__(
        self, log: Callable[..., None], message: str, details: Mapping[str, Any], meta: Mapping[str, Any]
    ) -> None:
        self._log = log
        self._message = message
        self._details = details
        self._meta = meta

    async def success(self, *, meta: Mapping[str, Any] | None = None) -> None:
        """Writes that it is done.

        Args:
            meta: joined with what was given at the start; wins over it.
        """
        self.write("succeeded", meta)

    async def fail(self, *, error: BaseException, meta: Mapping[str, Any] | None = None) -> None:
        """Writes that it failed.

        Args:
            error: why.
            meta: joined with what was given at the start; wins over it.
        """
        self.write("failed", meta, error=error)

    def write(self, status: str, meta: Mapping[str, Any] | None = None, **more: object) -> None:
        """Writes an entry.

        Args:
            status: how far it has come.
            meta: joined with what was given at the start.
            **more: further members of the entry.
        """
        joined = {**self._meta, **(meta or {})}
        self._log(self._message, status=status, **self._details, **({"meta": joined} if joined else {}), **more)


class UnwrittenEvent:
    """Something that the log leaves out: reads, unless it is told to write everything."""

    async def success(self, *, meta: Mapping[str, Any] | None = None) -> None:
        """Does nothing."""

    async def fail(self, *, error: BaseException, meta: Mapping[str, Any] | None = None) -> None:
        """Does nothing."""


UNWRITTEN: Final = UnwrittenEvent()


def _writer(logger: LoggerService, level: LogLevel) -> Callable[..., None]:
    match level:
        case "debug":
            return logger.debug
        case "info":
            return logger.info
        case "warn":
            return logger.warning
        case "error":
            return logger.error


def _request_details(scope: MutableMapping[str, Any]) -> dict[str, str]:
    return {"url": request_url(scope), "method": scope.get("method", "WEBSOCKET")}


def _origin(scope: MutableMapping[str, Any]) -> dict[str, str]:
    headers = dict(cast("list[tuple[bytes, bytes]]", scope.get("headers") or []))
    origin: dict[str, str] = {}
    if scope.get("client"):
        origin["ip"] = scope["client"][0]
    for name, header in (("hostname", b"host"), ("userAgent", b"user-agent")):
        if header in headers:
            origin[name] = headers[header].decode("latin-1")
    if "hostname" in origin:
        origin["hostname"] = _without_port(origin["hostname"])
    return origin


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
