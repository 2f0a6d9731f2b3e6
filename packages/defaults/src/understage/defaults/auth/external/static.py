"""External tokens of type `static`: fixed texts, shared with the caller."""

from hashlib import sha256

from understage.config import Config, ConfigError
from understage.defaults.auth.external.handler import ExternalCaller, ExternalTokenVerifier
from understage.defaults.auth.external.words import read_word

MIN_TOKEN_LENGTH = 8


class StaticTokenHandler:
    """Handles `type: static` with the options `token` and `subject`."""

    type = "static"

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def create_verifier(self, options: Config) -> ExternalTokenVerifier:
        """Creates what accepts the one token of an entry.

        Raises:
            ConfigError: the token is too short, holds white space or is that of another entry.
        """
        token, subject = read_word(options, "token"), read_word(options, "subject")
        if len(token) < MIN_TOKEN_LENGTH:
            raise ConfigError(f"the token is too short; it needs at least {MIN_TOKEN_LENGTH} characters", key="token")
        digest = _digest(token)
        if digest in self._digests:
            raise ConfigError("the token is that of an earlier entry; each entry needs its own", key="token")
        self._digests.add(digest)
        caller = ExternalCaller(subject)

        async def verify(presented: str) -> ExternalCaller | None:
            # Digests are compared, so that the time taken tells nothing of the token.
            return caller if _digest(presented) == digest else None

        return verify


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
