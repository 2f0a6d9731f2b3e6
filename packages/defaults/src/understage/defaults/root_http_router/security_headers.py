"""The security headers of every answer."""

import re
from collections.abc import Awaitable, Sequence

from understage.config import Config, ConfigError
from understage.defaults.root_http_router.answers import Header
from understage.plugin_api import ASGIApp, Message, Receive, Scope, Send

_FIXED: list[Header] = [
    (b"strict-transport-security", b"max-age=15552000; includeSubDomains"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-dns-prefetch-control", b"off"),
    (b"x-download-options", b"noopen"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"x-permitted-cross-domain-policies", b"none"),
    (b"x-xss-protection", b"0"),
]

_REFERRER_POLICIES = frozenset(
    {
        "no-referrer",
        "no-referrer-when-downgrade",
        "same-origin",
        "origin",
        "strict-origin",
        "origin-when-cross-origin",
        "strict-origin-when-cross-origin",
        "unsafe-url",
        "",
    }
)


def security_headers(app: ASGIApp, headers: Sequence[Header]) -> ASGIApp:
    """Adds headers to every answer; those that the app sets itself win.

    Args:
        app: the app that answers.
        headers: the headers, with lower-case names.
    """
    names = {name for name, _ in headers}

    async def with_security_headers(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        def send_with_headers(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                own: list[Header] = message["headers"]
                taken = [name for name, _ in own if name in names]
                if taken:
                    message["headers"] = [header for header in headers if header[0] not in taken] + list(own)
                else:
                    message["headers"] = [*headers, *own]
            return send(message)

        await app(scope, receive, send_with_headers)

    return with_security_headers


def read_security_headers(config: Config) -> list[Header]:
    """Returns the security headers, after `backend.csp` and `backend.referrer.policy`.

    Raises:
        ConfigError: a directive or policy cannot be sent as a header.
    """
    csp = content_security_policy(config.get_optional_config("backend.csp"))
    return [
        (b"content-security-policy", csp.encode()),
        (b"referrer-policy", _referrer_policy(config).encode()),
        *_FIXED,
    ]


def content_security_policy(config: Config | None) -> str:
    """Returns the content security policy.

    Args:
        config: directives by name, in kebab or camel case: a list of values, or False to leave a default out.

    Raises:
        ConfigError: a value cannot stand in a header.
    """
    directives: dict[str, list[str]] = {
        "default-src": ["'self'"],
        "base-uri": ["'self'"],
        "font-src": ["'self'", "https:", "data:"],
        "frame-ancestors": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "script-src": ["'self'", "'unsafe-eval'"],
        "script-src-attr": ["'none'"],
        "style-src": ["'self'", "https:", "'unsafe-inline'"],
        "upgrade-insecure-requests": [],
    }
    for name, values in _configured_directives(config):
        if values is None:
            directives.pop(name, None)
        else:
            directives[name] = values
    return ";".join(" ".join([name, *values]) for name, values in directives.items())


def _configured_directives(config: Config | None) -> list[tuple[str, list[str] | None]]:
    keys = [] if config is None else config.keys()
    return [(_kebab_case(key), _directive_values(config, key)) for key in keys if config is not None]


def _directive_values(config: Config, key: str) -> list[str] | None:
    if config.get(key) is False:
        return None
    values = config.get_string_array(key)
    for value in values:
        if not value.isascii() or not value.isprintable() or re.search(r"[;,]", value):
            raise ConfigError(
                f"'{value}' cannot be a value of a content security policy; write one value per list element",
                key=f"backend.csp.{key}",
                location=config.location_of(key),
            )
    return values


def _referrer_policy(config: Config) -> str:
    key = "backend.referrer.policy"
    policies = config.get_optional_string_array(key) or ["no-referrer"]
    for policy in policies:
        if policy not in _REFERRER_POLICIES:
            known = ", ".join(sorted(_REFERRER_POLICIES - {""}))
            raise ConfigError(f"unknown policy '{policy}'; use {known}", key=key, location=config.location_of(key))
    return ",".join(policies)


def _kebab_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"-\1", name).lower()
