"""Cross-origin resource sharing."""

from collections.abc import Callable
from dataclasses import dataclass

from understage.config import Config
from understage.defaults.root_http_router.answers import Header
from understage.defaults.root_http_router.headers import add_vary, find_header
from understage.defaults.root_http_router.origin_patterns import origin_matcher
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send

_DEFAULT_METHODS = ("GET", "HEAD", "PUT", "PATCH", "POST", "DELETE")


@dataclass(frozen=True, slots=True)
class CorsOptions:
    """What other origins may do.

    Attributes:
        allows: tells whether an origin may read answers; None lets any origin, without naming it.
        methods: methods that a preflight allows.
        allowed_headers: request headers that a preflight allows; None allows those asked for.
        exposed_headers: response headers that scripts may read.
        credentials: whether cookies and authorization may be sent.
        max_age: seconds for which a preflight holds.
        preflight_continue: whether preflights go on to the app.
        options_success_status: the status that answers a preflight.
    """

    allows: Callable[[str], bool] | None = None
    methods: tuple[str, ...] = _DEFAULT_METHODS
    allowed_headers: tuple[str, ...] | None = None
    exposed_headers: tuple[str, ...] = ()
    credentials: bool = False
    max_age: int | None = None
    preflight_continue: bool = False
    options_success_status: int = 204


def read_cors_options(config: Config) -> CorsOptions | None:
    """Returns what `backend.cors` says, or None if it is absent: then no CORS headers are sent."""
    cors = config.get_optional_config("backend.cors")
    if cors is None:
        return None
    origins = _texts(cors, "origin")
    headers = _texts(cors, "allowedHeaders")
    max_age = cors.get_optional_number("maxAge")
    return CorsOptions(
        allows=None if origins is None else origin_matcher(origins),
        methods=_texts(cors, "methods") or _DEFAULT_METHODS,
        allowed_headers=headers,
        exposed_headers=_texts(cors, "exposedHeaders") or (),
        credentials=cors.get_optional_boolean("credentials") or False,
        max_age=None if max_age is None else int(max_age),
        preflight_continue=cors.get_optional_boolean("preflightContinue") or False,
        options_success_status=int(cors.get_optional_number("optionsSuccessStatus") or 204),
    )


def cors(app: ASGIApp, options: CorsOptions) -> ASGIApp:
    """Adds CORS headers for allowed origins and answers their preflights; other requests pass untouched.

    Args:
        app: the app that answers.
        options: what other origins may do.
    """
    allows = options.allows

    async def with_cors(scope: Scope, receive: Receive, send: Send) -> None:
        origin = find_header(scope["headers"], b"origin") if scope["type"] == "http" else None
        if scope["type"] != "http" or (allows is not None and not allows((origin or b"").decode("latin-1"))):
            await app(scope, receive, send)
            return
        headers = (
            _preflight_headers(scope, origin, options) if scope["method"] == "OPTIONS" else _headers(origin, options)
        )
        if scope["method"] == "OPTIONS" and not options.preflight_continue:
            await send(
                {
                    "type": "http.response.start",
                    "status": options.options_success_status,
                    "headers": [*headers, (b"content-length", b"0")],
                }
            )
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _merged(headers, message["headers"])
            await send(message)

        await app(scope, receive, send_with_cors)

    return with_cors


def _merged(headers: list[Header], own: list[Header]) -> list[Header]:
    # What the app says itself wins: it may pass on the answer of a server that knows these rules, too.
    names = {name for name, _ in own} - {b"vary"}
    merged = [header for header in headers if header[0] not in names]
    for header in own:
        merged = add_vary(merged, header[1]) if header[0] == b"vary" else [*merged, header]
    return merged


def _headers(origin: bytes | None, options: CorsOptions) -> list[Header]:
    headers = _origin_headers(origin, options)
    if options.credentials:
        headers.append((b"access-control-allow-credentials", b"true"))
    if options.exposed_headers:
        headers.append((b"access-control-expose-headers", ",".join(options.exposed_headers).encode()))
    return headers


def _preflight_headers(scope: Scope, origin: bytes | None, options: CorsOptions) -> list[Header]:
    headers = _origin_headers(origin, options)
    if options.credentials:
        headers.append((b"access-control-allow-credentials", b"true"))
    headers.append((b"access-control-allow-methods", ",".join(options.methods).encode()))
    if options.allowed_headers is not None:
        headers.append((b"access-control-allow-headers", ",".join(options.allowed_headers).encode()))
    else:
        headers = add_vary(headers, b"Access-Control-Request-Headers")
        asked = find_header(scope["headers"], b"access-control-request-headers")
        if asked:
            headers.append((b"access-control-allow-headers", asked))
    if options.max_age is not None:
        headers.append((b"access-control-max-age", str(options.max_age).encode()))
    if options.exposed_headers:
        headers.append((b"access-control-expose-headers", ",".join(options.exposed_headers).encode()))
    return headers


def _origin_headers(origin: bytes | None, options: CorsOptions) -> list[Header]:
    if options.allows is None:
        return [(b"access-control-allow-origin", b"*")]
    return [(b"access-control-allow-origin", origin or b""), (b"vary", b"Origin")]


def _texts(config: Config, key: str) -> tuple[str, ...] | None:
    value = config.get_optional(key)
    if value is None:
        return None
    return (config.get_string(key),) if isinstance(value, str) else tuple(config.get_string_array(key))
