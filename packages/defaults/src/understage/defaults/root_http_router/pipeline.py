"""The layers around the routes."""

from collections.abc import Awaitable
from dataclasses import dataclass

from understage.config import Config
from understage.defaults.root_http_router.compression import compression
from understage.defaults.root_http_router.cors import cors, read_cors_options
from understage.defaults.root_http_router.error_answers import ErrorAnswers, ResponseAbortedError
from understage.defaults.root_http_router.etag import etags
from understage.defaults.root_http_router.health import health, read_health_headers
from understage.defaults.root_http_router.pretty_json import pretty_json
from understage.defaults.root_http_router.rate_limit import create_rate_limit_store, rate_limit, read_rate_limit
from understage.defaults.root_http_router.request_log import request_log
from understage.defaults.root_http_router.security_headers import read_security_headers, security_headers
from understage.defaults.root_http_router.trust_proxy import read_trust_proxy, trust_proxy
from understage.plugin_api import (
    ASGIApp,
    LoggerService,
    Message,
    Receive,
    RootHealthService,
    RootLifecycleService,
    Scope,
    Send,
)


@dataclass(frozen=True, slots=True)
class RootPipeline:
    """What the root of the HTTP server is built of: for those who build it their own way.

    Each method puts one layer around an app; `default` puts all of them around the routes.

    Attributes:
        routes: the app that dispatches to plugins and mounts.
        config: the root configuration.
        logger: the root logger.
        health_service: what answers the probes.
        errors: what answers failures.
        development: whether JSON is indented.
        lifecycle: the backend's; closes what layers have opened, once the last requests are answered.
    """

    routes: ASGIApp
    config: Config
    logger: LoggerService
    health_service: RootHealthService
    errors: ErrorAnswers
    development: bool = False
    lifecycle: RootLifecycleService | None = None

    def default(self) -> ASGIApp:
        """Returns the routes with all layers around them."""
        app = self.with_compression(self.with_basics())
        return self.with_trusted_proxies(self.with_security_headers(self.with_cors(self.with_request_log(app))))

    def with_basics(self) -> ASGIApp:
        """Returns the routes with rate limit, health probes, entity tags and error documents."""
        app = self.with_health(self.with_rate_limit(self.with_error_documents(self.routes)))
        return etags(pretty_json(app) if self.development else app)

    def bare(self) -> ASGIApp:
        """Returns the routes with health probes, entity tags and error documents only, for tests."""
        app = self.with_health(self.with_error_documents(self.routes))
        return etags(pretty_json(app) if self.development else app)

    def with_trusted_proxies(self, app: ASGIApp) -> ASGIApp:
        """Believes forwarded headers, as far as `backend.trustProxy` says."""
        trusts = read_trust_proxy(self.config)
        return app if trusts is None else trust_proxy(app, trusts)

    def with_security_headers(self, app: ASGIApp) -> ASGIApp:
        """Adds security headers, after `backend.csp` and `backend.referrer`."""
        return security_headers(app, read_security_headers(self.config))

    def with_cors(self, app: ASGIApp) -> ASGIApp:
        """Lets other origins in, as far as `backend.cors` says."""
        options = read_cors_options(self.config)
        return app if options is None else cors(app, options)

    def with_compression(self, app: ASGIApp) -> ASGIApp:
        """Compresses answers."""
        return compression(app)

    def with_request_log(self, app: ASGIApp) -> ASGIApp:
        """Logs requests."""
        return request_log(app, self.logger)

    def with_rate_limit(self, app: ASGIApp) -> ASGIApp:
        """Limits requests, as far as `backend.rateLimit` says."""
        options = read_rate_limit(self.config)
        if options is None:
            return app
        return rate_limit(app, options, create_rate_limit_store(options, logger=self.logger, lifecycle=self.lifecycle))

    def with_health(self, app: ASGIApp) -> ASGIApp:
        """Answers health probes, with the headers of `backend.health.headers`."""
        return health(app, self.health_service, read_health_headers(self.config))

    def with_error_documents(self, app: ASGIApp) -> ASGIApp:
        """Answers what nobody else has caught."""
        errors = self.errors

        async def with_errors(scope: Scope, receive: Receive, send: Send) -> None:
            started = False

            def look(message: Message) -> Awaitable[None]:
                nonlocal started
                started = True
                return send(message)

            try:
                await app(scope, receive, look)
            except ResponseAbortedError:
                raise
            except Exception as error:
                if started or scope["type"] not in ("http", "websocket"):
                    raise
                await errors.answer(error, scope, send)

        return with_errors
