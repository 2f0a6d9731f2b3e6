"""The http auth service: credentials of requests, and the user cookie."""

from understage.defaults.http_auth.factory import create_http_auth_service_factory, http_auth_service_factory
from understage.defaults.http_auth.request_tokens import TokenFromScope, token_from_header
from understage.defaults.http_auth.service import DefaultHttpAuth

__all__ = [
    "DefaultHttpAuth",
    "TokenFromScope",
    "create_http_auth_service_factory",
    "http_auth_service_factory",
    "token_from_header",
]
