"""What a kind of external token has to offer, and the list that others may add to."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeAlias

from understage.config import Config
from understage.plugin_api import create_service_ref


@dataclass(frozen=True, slots=True)
class ExternalCaller:
    """Whom an external token belongs to.

    Attributes:
        subject: the caller; it becomes the service principal's subject as it is.
        expires_at: when the token ends, in seconds since 1970. Until then it is not verified again; without an end
            it is verified each time.
    """

    subject: str
    expires_at: float | None = None


ExternalTokenVerifier: TypeAlias = Callable[[str], Awaitable[ExternalCaller | None]]


class ExternalTokenHandler(Protocol):
    """Handles one `type` of `backend.auth.externalAccess`."""

    @property
    def type(self) -> str:
        """The value of `type` that it handles; one of a built-in type replaces the built-in handler."""
        ...

    def create_verifier(self, options: Config) -> ExternalTokenVerifier:
        """Creates what verifies the tokens of one entry: it returns None for a token that is not its own.

        Args:
            options: the entry's `options`.

        Raises:
            ConfigError: an option is missing or wrong. Its key may be given within the options: `token`.
        """
        ...


external_token_handlers = create_service_ref(ExternalTokenHandler, id="core.auth.externalTokenHandlers", multiton=True)
ExternalTokenHandlers = Annotated[Sequence[ExternalTokenHandler], external_token_handlers]
