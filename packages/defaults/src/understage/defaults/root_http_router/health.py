"""The health probes: `/.backstage/health/v1/liveness` and `/readiness`."""

from collections.abc import Awaitable, Callable

from understage.config import Config, ConfigError
from understage.defaults.root_http_router.answers import JSON_CONTENT_TYPE, Header, json_bytes, send_empty
from understage.defaults.root_http_router.etag import weak_etag
from understage.plugin_api import ASGIApp, HealthResponse, Receive, RootHealthService, Scope, Send

_PREFIX = "/.backstage/health/v1"


def health(app: ASGIApp, service: RootHealthService, headers: list[Header]) -> ASGIApp:
    """Answers health probes, without authentication, and passes everything else on.

    Args:
        app: the app that answers the rest.
        service: what tells the health.
        headers: headers that are added to both probes.
    """
    probes = {
        f"{_PREFIX}/liveness": service.get_liveness,
        f"{_PREFIX}/readiness": service.get_readiness,
    }
    encode = _Encoder(headers)

    async def with_health(scope: Scope, receive: Receive, send: Send) -> None:
        probe: Callable[[], Awaitable[HealthResponse]] | None = None
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            probe = probes.get(scope["path"])
        if probe is None:
            await app(scope, receive, send)
            return
        response = await probe()
        if response.payload is None:
            await send_empty(send, response.status, headers)
            return
        body, encoded_headers = encode(response)
        await send({"type": "http.response.start", "status": response.status, "headers": [*encoded_headers]})
        await send({"type": "http.response.body", "body": body})

    return with_health


class _Encoder:
    """Encodes answers; probes come often and their answers are few."""

    def __init__(self, headers: list[Header]) -> None:
        self._headers = headers
        self._last: HealthResponse | None = None
        self._encoded: tuple[bytes, list[Header]] = (b"", [])

    def __call__(self, response: HealthResponse) -> tuple[bytes, list[Header]]:
        if response is not self._last:
            body = json_bytes(dict(response.payload or {}))
            length = (b"content-length", str(len(body)).encode())
            self._encoded = (body, [*self._headers, JSON_CONTENT_TYPE, length, (b"etag", weak_etag(body))])
            self._last = response
        return self._encoded


def read_health_headers(config: Config) -> list[Header]:
    """Returns the headers of `backend.health.headers`.

    Raises:
        ConfigError: they are no object of texts that are not empty.
    """
    key = "backend.health.headers"
    value = config.get_optional(key)
    if value is None:
        return []
    if not isinstance(value, dict):
        raise ConfigError("expected an object of texts", key=key, location=config.location_of(key))
    headers: list[Header] = []
    for name, text in value.items():
        if not isinstance(text, str) or not text or not f"{name}{text}".isascii() or not text.isprintable():
            location = config.location_of(["backend", "health", "headers", name])
            message = f"expected a text that can be a header and is not empty, got {text!r}"
            raise ConfigError(message, key=f"{key}.{name}", location=location)
        headers.append((str(name).lower().encode(), text.encode()))
    return headers
