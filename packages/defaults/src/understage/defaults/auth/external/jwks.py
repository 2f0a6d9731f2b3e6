"""External tokens of type `jwks`: those of an identity provider, verified with its key set."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from understage.config import Config, ConfigError
from understage.defaults.auth.external.handler import ExternalCaller, ExternalTokenVerifier
from understage.defaults.auth.external.words import read_word, read_words
from understage.defaults.auth.key_sets import Clock, KeySetMissingError, KeySets, KeySetUnavailableError
from understage.defaults.auth.signatures import ASYMMETRIC_ALGORITHMS, check_signature
from understage.defaults.auth.tokens import (
    InvalidTokenError,
    UnverifiedToken,
    check_end_if_any,
    has_audience,
    parse_token,
)
from understage.errors import ServiceUnavailableError
from understage.plugin_api import LoggerService


@dataclass(frozen=True, slots=True)
class _Options:
    url: str
    algorithms: frozenset[str]
    issuers: tuple[str, ...] | None
    audiences: tuple[str, ...] | None
    subject_prefix: str


class JwksTokenHandler:
    """Handles `type: jwks` with the options `url`, `algorithm`, `issuer`, `audience` and `subjectPrefix`."""

    type = "jwks"

    def __init__(self, key_sets: KeySets, logger: LoggerService, clock: Clock) -> None:
        self._key_sets = key_sets
        self._logger = logger
        self._clock = clock

    def create_verifier(self, options: Config) -> ExternalTokenVerifier:
        """Creates what accepts the tokens signed with a key of an entry's key set.

        Raises:
            ConfigError: the address is none, or an algorithm is unknown or symmetric.
        """
        read = _read_options(options)

        async def verify(text: str) -> ExternalCaller | None:
            token = parse_token(text)
            return None if token is None else await self._verify(token, read)

        return verify

    async def _verify(self, token: UnverifiedToken, options: _Options) -> ExternalCaller | None:
        subject = token.claims.get("sub")
        if not isinstance(subject, str) or not subject:
            return None
        try:
            expires_at = _check_claims(token, options, self._clock())
            check_signature(token, await self._key_sets.at(options.url).keys_for(token))
        except (InvalidTokenError, KeySetMissingError) as error:
            self._logger.debug("A token is none of an external key set", url=options.url, reason=str(error))
            return None
        except KeySetUnavailableError as error:
            raise ServiceUnavailableError(
                "Cannot verify external tokens for now: the key set of their issuer cannot be read", retry_after=1
            ) from error
        return ExternalCaller(f"external:{options.subject_prefix}{subject}", expires_at)


def _check_claims(token: UnverifiedToken, options: _Options, now: float) -> float | None:
    # Everything that needs no key comes first, so that tokens of others cause no requests.
    if token.algorithm not in tuple(options.algorithms):
        raise InvalidTokenError(f"the algorithm {token.algorithm!r} is not accepted")
    if options.issuers is not None and token.claims.get("iss") not in options.issuers:
        raise InvalidTokenError("it is of another issuer")
    if options.audiences is not None and not has_audience(token.claims, *options.audiences):
        raise InvalidTokenError("it is for another audience")
    return check_end_if_any(token.claims, now)


def _read_options(options: Config) -> _Options:
    url = read_word(options, "url")
    try:
        parts = urlsplit(url)
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_address = False
    if not is_address:
        raise ConfigError(f"'{url}' is no address; expected one that starts with https:// or http://", key="url")
    algorithms = read_words(options, "algorithm")
    for algorithm in algorithms or ():
        if algorithm not in ASYMMETRIC_ALGORITHMS:
            known = ", ".join(sorted(ASYMMETRIC_ALGORITHMS))
            raise ConfigError(f"the algorithm '{algorithm}' is not supported; use some of {known}", key="algorithm")
    prefix = read_word(options, "subjectPrefix") if options.has("subjectPrefix") else None
    return _Options(
        url=url,
        algorithms=ASYMMETRIC_ALGORITHMS if algorithms is None else frozenset(algorithms),
        issuers=read_words(options, "issuer"),
        audiences=read_words(options, "audience"),
        subject_prefix="" if prefix is None else f"{prefix}:",
    )
