"""Tokens that were verified, remembered until they expire."""

from collections import OrderedDict
from dataclasses import dataclass

from understage.plugin_api import Credentials, Principal

MAX_REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a token proved.

    Attributes:
        credentials: who presented it.
        expires_at: when it stops proving that, in seconds since 1970; None if that is not known.
        is_limited: whether it is a limited user token.
    """

    credentials: Credentials[Principal]
    expires_at: float | None
    is_limited: bool = False


class VerifiedTokens:
    """The tokens verified most recently. A token that is found again costs no cryptography."""

    def __init__(self, max_remembered: int = MAX_REMEMBERED) -> None:
        """Starts empty.

        Args:
            max_remembered: how many are remembered; beyond, those that were used longest ago are forgotten.
        """
        self._max_remembered = max_remembered
        self._tokens: OrderedDict[str, VerifiedToken] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tokens)

    def find(self, token: str, now: float) -> VerifiedToken | None:
        """Returns what a token proved, unless it was never verified or has expired since."""
        verified = self._tokens.get(token)
        if verified is None or verified.expires_at is None:
            return None
        if verified.expires_at <= now:
            del self._tokens[token]
            return None
        self._tokens.move_to_end(token)
        return verified

    def add(self, token: str, verified: VerifiedToken) -> None:
        """Remembers what a token proved; one without an end is not remembered."""
        if verified.expires_at is None:
            return
        self._tokens[token] = verified
        if len(self._tokens) > self._max_remembered:
            self._tokens.popitem(last=False)
