"""External tokens of type `legacy`: signed with a secret that both sides know, as old backends did."""

import binascii
import hmac
import time
from base64 import b64decode
from collections.abc import Callable

from understage.config import Config, ConfigError
from understage.defaults.auth.external.handler import ExternalCaller, ExternalTokenVerifier
from understage.defaults.auth.external.words import read_word
from understage.defaults.auth.tokens import (
    InvalidTokenError,
    UnverifiedToken,
    check_end_if_any,
    parse_token,
)
from understage.errors import AuthenticationError

LEGACY_SUBJECT = "backstage-server"


class LegacyTokenHandler:
    """Handles `type: legacy` with the options `secret` (base64) and `subject`."""

    type = "legacy"

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock

    def create_verifier(self, options: Config) -> ExternalTokenVerifier:
        """Creates what accepts the tokens signed with an entry's secret.

        Raises:
            ConfigError: the secret is no base64, or the subject holds white space.
        """
        return legacy_verifier(read_secret(options), read_word(options, "subject"), self._clock)


def read_secret(section: Config) -> bytes:
    """Reads the key `secret`: base64, in either alphabet, with or without padding.

    Raises:
        ConfigError: it is none; the value is not shown.
    """
    text = read_word(section, "secret").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        secret = b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        secret = b""
    if not secret:
        raise ConfigError("the secret is not in base64; make one with: openssl rand -base64 24", key="secret")
    return secret


def legacy_verifier(secret: bytes, subject: str, clock: Callable[[], float]) -> ExternalTokenVerifier:
    """Creates what accepts the tokens signed with a secret: HS256, `sub` of `backstage-server`, no `aud`.

    Args:
        secret: the shared secret.
        subject: what callers are called.
        clock: tells the time, in seconds since 1970.
    """

    async def verify(text: str) -> ExternalCaller | None:
        token = parse_token(text)
        if token is None or not _is_legacy(token) or not _is_signed(token, secret):
            return None
        try:
            return ExternalCaller(subject, check_end_if_any(token.claims, clock()))
        except InvalidTokenError as error:
            raise AuthenticationError(f"Illegal legacy token: {error}") from error

    return verify


def _is_legacy(token: UnverifiedToken) -> bool:
    if token.algorithm != "HS256" or "crit" in token.header:
        return False
    return token.claims.get("sub") == LEGACY_SUBJECT and "aud" not in token.claims


def _is_signed(token: UnverifiedToken, secret: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(secret, token.signing_input, "sha256"), token.signature)
